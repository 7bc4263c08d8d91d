// Recomputes a log from a copy's bundles of entries: what a verdict believes of a copy.
//
// `read` gives a file of the log by its path and raises `Unknown` where there is none. A copy's
// tiles of hashes are not read: the entries give the root, or they are not the log's.

import { equalBytes } from "../encoding.js";
import { Malformed, Rejected, Unknown } from "../errors.js";
import { Edge, completeRoot, leafHashes } from "./merkle.js";
import { Tile, WIDTH, bundlesOf, entriesFromBytes } from "./tile.js";

// Bundle by bundle, the index of the first entry and the entries; at the end the tree is checked.
// Nothing read may be acted on before the iteration has ended without an error. `newer` is a size
// that the log may have grown to since: where a partial bundle of this checkpoint is gone, the
// full one, or the one of that size, serves as well.
export async function* readLog(read, checkpoint, { newer = 0 } = {}) {
  // The roots of the full bundles are leaves of the tree above them.
  const roots = [];
  let edge = new Edge();
  for (const bundle of bundlesOf(checkpoint.size)) {
    const entries = await bundleOf(read, bundle, newer);
    const hashes = leafHashes(entries);
    if (bundle.full) roots.push(completeRoot(hashes));
    else edge = edge.extend(hashes);
    yield [bundle.number * WIDTH, entries];
  }
  const above = new Edge().extend(roots);
  const root = new Edge(checkpoint.size, [...above.hashes, ...edge.hashes]).root();
  if (!equalBytes(root, checkpoint.root)) {
    const { origin, size } = checkpoint;
    throw new Rejected(`the entries of ${origin} give another root at ${size}`);
  }
}

async function bundleOf(read, bundle, newer) {
  const [data, tile] = await readWider(read, bundle, newer);
  try {
    return entriesFromBytes(data, tile.width).slice(0, bundle.width);
  } catch (error) {
    throw error instanceof Malformed ? error.under(tile.toPath()) : error;
  }
}

// The bundle as asked, else the full one, else the partial one of the newer size.
async function readWider(read, bundle, newer) {
  const grown = Math.min(WIDTH, Number(newer) - bundle.number * WIDTH);
  const widths = new Set([bundle.width, WIDTH]);
  if (bundle.width < grown && grown < WIDTH) widths.add(grown);
  for (const width of widths) {
    const candidate = new Tile(bundle.level, bundle.number, width);
    try {
      return [await read(candidate.toPath()), candidate];
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
    }
  }
  throw new Unknown(`the log has no ${bundle.toPath()}`);
}
