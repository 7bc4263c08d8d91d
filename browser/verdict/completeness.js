// Completeness: the log holds no other statement of the packet's series.
//
// Recounted over a copy of the log, entry by entry, or taken on the word of mirrors.

import { byCodePoint, concat, equalBytes, formatBase64 } from "../encoding.js";
import { Rejected, Unknown } from "../errors.js";
import { Entry, TAGS, scanEntries } from "../evidence/entry.js";
import { caseSeries, seriesYear } from "../evidence/membership.js";
import { Finding, Outcome, secondsText } from "../report.js";
import { readLog } from "../tlog/audit.js";
import { Checkpoint } from "../tlog/checkpoint.js";
import { Edge, leafHashes } from "../tlog/merkle.js";
import { SignedNote } from "../tlog/note.js";
import { failed, isRefusal } from "./examination.js";
import { TagTable } from "./tags.js";
import { notShown } from "./withheld.js";

const STEP = "complete";
const SERIES_AT_ONCE = 16; // 65,536 tags of each are in memory

export async function* completeness(ex) {
  const undecided = (about, detail) => new Finding(STEP, Outcome.UNDECIDED, about, detail);
  const names = [...ex.series.keys()].sort(byCodePoint);
  yield* notShown(ex);
  const heard = await ex.heard();
  yield* heard.findings;
  if (ex.log === null && !heard.isVouched) {
    yield* heard.unheard;
    yield undecided(ex.index.case, "no copy of the public log was given (--log)");
    return;
  }
  if (!ex.series.has(caseSeries(ex.index.case, ex.trust.firstYear))) {
    // Nothing recounted would otherwise be nothing missing.
    yield undecided(ex.index.case, "the packet has no series of this case");
  }
  const years = names.map((name) => Number(seriesYear(name)));
  const first = years.reduce((least, year) => Math.min(least, year), years[0] ?? 0);
  for (const { label } of ex.trust.logs) {
    // From the year before on: its log may hold the first statements of a series.
    if (!ex.checkpoints.has(label) && first <= Number(seriesYear(label)) + 1) {
      yield undecided(label, "the packet has no checkpoint of this log, which may hold more");
    }
  }
  const read = new Map(); // by label: the tags of its entries, and what signers claimed
  for (const label of [...ex.checkpoints.keys()].sort(byCodePoint)) {
    const cosigned = ex.checkpoints.get(label);
    if (ex.log === null) {
      yield* heard.conclude(label, cosigned, [...ex.series.keys()]);
      continue;
    }
    if (cosigned.quorumTime === null) {
      yield undecided(label, "the checkpoint has no quorum");
      continue;
    }
    try {
      const claims = new Claims(ex, label);
      read.set(label, { claims, tags: await readTags(ex.log, label, cosigned, claims) });
    } catch (error) {
      if (error instanceof Unknown) {
        // A hole in the verifier's own copy says nothing about the packet.
        yield undecided(label, `your copy of the log has a hole: ${error.message}`);
      } else if (isRefusal(error)) {
        yield failed(STEP, label, error);
      } else {
        throw error;
      }
    }
  }
  const problems = recount(ex, names, read);
  for (const [label, { claims }] of read) {
    yield* compared(ex, label, claims, problems.get(label));
  }
}

function* compared(ex, label, claims, problems) {
  const { checkpoint, quorumTime } = ex.checkpoints.get(label);
  for (const [name, detail] of problems) {
    yield new Finding(STEP, Outcome.FAILED, name, detail);
  }
  for (const [view, size, root] of claims.wrong) {
    const detail = `its signer had checked another history: size ${size} has root ${root}`;
    // A thief writes what he likes: what counts for nothing fails nothing.
    const outcome = view.disowned ? Outcome.UNDECIDED : Outcome.FAILED;
    yield new Finding(STEP, outcome, view.place.toText(), detail);
  }
  if (!problems.length) {
    const over = `${ex.series.size} series recounted over ${checkpoint.size} entries`;
    const detail = `as of ${secondsText(quorumTime)}: ${over}`;
    yield new Finding(STEP, Outcome.PASSED, label, detail);
  }
}

// What signers said they had checked before signing, by tree size.
class Claims {
  bySize = new Map();
  wrong = [];

  constructor(ex, label) {
    const { origin, size } = ex.checkpoints.get(label).checkpoint;
    for (const [view, { after }] of ex.shown()) {
      if (after !== null && after.origin === origin && after.size > 0 && after.size <= size) {
        this.bySize.set(after.size, [...(this.bySize.get(after.size) ?? []), [view, after.root]]);
      }
    }
  }

  get last() {
    return [...this.bySize.keys()].reduce((a, b) => (b > a ? b : a), 0);
  }

  // Grows the tree by `leaves`, comparing what was claimed of each size on the way.
  follow(edge, leaves) {
    const first = edge.size;
    let done = 0;
    for (let size = first + 1; size <= first + leaves.length; size += 1) {
      if (!this.bySize.has(size)) continue;
      edge = edge.extend(leaves.slice(done, size - first));
      done = size - first;
      for (const [view, claimed] of this.bySize.get(size)) {
        const root = edge.root();
        if (!equalBytes(claimed, root)) this.wrong.push([view, size, formatBase64(root)]);
      }
    }
    return edge.extend(leaves.slice(done));
  }
}

// The tags of every entry below the checkpoint, 128 bytes an entry, in log order.
//
// They are returned, and so count, only once the root was recomputed.
async function readTags(log, label, { checkpoint }, claims) {
  const newer = await sizeHint(log, label);
  const read = (path) => log.read(label, path);
  const parts = [];
  const { last } = claims;
  let edge = new Edge();
  let at = 0;
  for await (const [first, entries] of readLog(read, checkpoint, { newer })) {
    const [time, odd] = scanEntries(entries, at);
    at = time;
    if (odd !== null) throw new Rejected(`entry ${first + odd[0]}: ${odd[1].message}`);
    // Of at most 256 entries: so many arguments are no matter.
    parts.push(concat(...entries.flatMap((entry) => Entry.fromBytes(entry).tags)));
    if (first < last) edge = claims.follow(edge, leafHashes(entries));
  }
  const tags = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    tags.set(part, filled);
    filled += part.length;
  }
  return tags;
}

// The size that the copy claims: only to find its partial bundles.
async function sizeHint(log, label) {
  try {
    const note = SignedNote.fromBytes(await log.read(label, "checkpoint"));
    return Checkpoint.fromText(note.text).size;
  } catch (error) {
    if (isRefusal(error)) return 0;
    throw error;
  }
}

// By log, what is wrong with which series: tags 1…N stand once each, none of the next 65,536 does.
function recount(ex, names, read) {
  const problems = new Map([...read.keys()].map((label) => [label, []]));
  if (!read.size) return problems;
  for (let start = 0; start < names.length; start += SERIES_AT_ONCE) {
    // The tags of each series once, whatever the number of logs.
    const series = names.slice(start, start + SERIES_AT_ONCE).map((name) => ({
      name,
      places: [...ex.series.get(name).numbers.keys()],
      opened: ex.series.get(name).opened,
    }));
    const table = new TagTable();
    for (const [i, { places, opened }] of series.entries()) {
      for (const [n, tag] of opened.asked(places.length).entries()) table.add(tag, i, n + 1);
    }
    for (const [label, { tags }] of read) {
      for (const { entry, owner, number } of table.found(tags, TAGS)) {
        const { name, places } = series[owner];
        if (number > places.length) {
          const detail = `entry ${entry} is statement ${number}, which is not shown`;
          problems.get(label).push([name, detail]);
        } else if (places[number - 1] !== `${label}-${entry}`) {
          const detail = `entry ${entry} repeats statement ${number}: a fork`;
          problems.get(label).push([name, detail]);
        }
      }
    }
  }
  return problems;
}
