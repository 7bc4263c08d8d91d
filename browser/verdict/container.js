// The container: every file is there, once, and undamaged since the packet was made.

import { byCodePoint, equalBytes, formatHex } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { ItemHasher } from "../evidence/chunks.js";
import { INDEX, Index, Layout, TAG_MANIFEST, checkBag } from "../evidence/packet.js";
import { Finding, Outcome } from "../report.js";
import { digest } from "../suite.js";
import { failed, isRefusal } from "./examination.js";

const STEP = "container";

export async function* container(ex) {
  let [expected, sizes] = [null, null];
  try {
    sizes = ex.packet.sizes();
    ex.layout = Layout.of(sizes.keys());
    const read = (path) => ex.read(path);
    expected = await checkBag(sizes, read);
    ex.tagsDigest = formatHex(digest(await read(TAG_MANIFEST)));
    ex.index = readIndex(await read(INDEX));
    checkIndex(ex.index, ex.layout);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    ex.unreadable = true;
    yield failed(STEP, "packet", error);
    return;
  }
  let bad = 0;
  const [items, certificates] = [new Set(ex.layout.items), new Set(ex.layout.certificates)];
  for await (const [path, { found, leaves, refused }] of digested(ex, [...expected.keys()])) {
    if (refused !== null) {
      bad += 1;
      yield new Finding(STEP, Outcome.FAILED, path, refused);
    } else if (!equalBytes(found.sha256, expected.get(path))) {
      bad += 1;
      yield new Finding(STEP, Outcome.FAILED, path, "the bytes are not what the manifest says");
    }
    if (items.has(path)) ex.itemDigests.set(path, found);
    if (certificates.has(path)) ex.certificates.set(path, found);
    ex.leaves.set(path, leaves);
  }
  if (!bad) yield new Finding(STEP, Outcome.PASSED, "packet", `${sizes.size} files`);
}

// Of each path in turn what `digestFile` gives. Whoever examines may bring another `digestFile`,
// which works in other threads, and say how many files it takes `atOnce`.
async function* digested(ex, paths) {
  const work = ex.digestFile ?? ((path) => digestFile(ex.packet, path, ex.onBytes));
  const running = [];
  let next = 0;
  while (running.length || next < paths.length) {
    while (running.length < (ex.atOnce ?? 1) && next < paths.length) {
      const path = paths[next];
      const result = work(path).then((digests) => [path, digests]);
      result.catch(() => {}); // thrown where it is taken, in its turn
      running.push(result);
      next += 1;
    }
    yield await running.shift();
  }
}

// The digests of the bytes as they are, the leaves of their chunks, and in words what the
// container has against them, or null.
export async function digestFile(packet, path, onBytes) {
  const hasher = await ItemHasher.begin();
  let refused = null;
  try {
    for await (const piece of packet.stream(path)) {
      await hasher.update(piece);
      onBytes(piece.length);
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    refused = error.message;
  }
  const found = await hasher.finish();
  return { found, leaves: hasher.leaves, refused };
}

function readIndex(data) {
  try {
    return Index.fromBytes(data);
  } catch (error) {
    throw error instanceof Malformed ? error.under(INDEX) : error;
  }
}

function checkIndex(index, layout) {
  if (!sameFiles("data/items/", index.items, layout.items)) {
    throw new Rejected(`${INDEX} lists other items than the packet holds`);
  }
  if (!sameFiles("data/checkpoints/", index.checkpoints, [...layout.checkpoints.values()])) {
    throw new Rejected(`${INDEX} lists other checkpoints than the packet holds`);
  }
}

function sameFiles(folder, names, paths) {
  const listed = names.map((name) => folder + name).sort(byCodePoint);
  const held = [...paths].sort(byCodePoint);
  return listed.length === held.length && listed.every((path, i) => path === held[i]);
}
