// Clips: chunks proved to be part of an item that was fixed, and what is played made of them.

import { equalBytes, formatHex, printable } from "../encoding.js";
import { Rejected } from "../errors.js";
import { Clip } from "../evidence/clip.js";
import { checkFilm, kinds } from "../evidence/film.js";
import { rootOfRuns } from "../evidence/ranges.js";
import { Finding, Outcome, clockText } from "../report.js";
import { Around } from "./around.js";
import { failed, isRefusal, oneDecimal } from "./examination.js";

const BLOCK = 1 << 20;

export async function* clips(ex) {
  const { clips: lists, clipChunks, clipsPlayed } = ex.layout;
  const counting = originalsOf(ex, ([view]) => !view.disowned);
  // Of what counts for nothing only where nothing else speaks of it.
  const originals = new Map([...originalsOf(ex, () => true), ...counting]);
  const numbers = new Set([lists, clipChunks, clipsPlayed].flatMap((map) => [...map.keys()]));
  const held = [];
  for (const number of [...numbers].sort()) {
    try {
      held.push(await open(ex, number, originals));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      yield failed("clip", lists.get(number) ?? `data/clips/${number}`, error);
    }
  }
  for (const { subject, played } of held) {
    if (!ex.partOf.has(subject.key)) ex.partOf.set(subject.key, played);
  }
  const around = new Around(ex.shown().map(([, statement]) => statement), held);
  const pathOf = (key) => ex.itemOf.get(key) ?? ex.partOf.get(key);
  for (const { clip, subject, played, lacking } of held) {
    const detail = told(clip, subject, lacking, around, pathOf);
    yield new Finding("clip", Outcome.PASSED, played, detail);
    if (!counting.has(keyOf(clip.item))) {
      const why = "the statement of its original counts for nothing";
      yield new Finding("clip", Outcome.UNDECIDED, played, why);
    }
  }
  if (!numbers.size) yield new Finding("clip", Outcome.PASSED, "packet", "0 clips");
}

async function open(ex, number, originals) {
  const { clips: lists, clipChunks, clipsPlayed } = ex.layout;
  const paths = [lists, clipChunks, clipsPlayed].map((map) => map.get(number));
  if (paths.includes(undefined)) {
    throw new Rejected("want the list, the chunks and the file to play, each once");
  }
  const [path, chunks, played] = paths;
  const clip = Clip.fromBytes(await ex.read(path));
  const subject = originals.get(keyOf(clip.item));
  if (subject === undefined) {
    throw new Rejected("no statement in this packet speaks of its original");
  }
  const leaves = ex.leaves.get(chunks) ?? [];
  const size = ex.packet.sizes().get(chunks);
  const shown = clip.runs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  if (size !== clip.shown || leaves.length !== shown) {
    throw new Rejected(`want ${clip.shown} bytes of chunks, got ${size}`);
  }
  const root = await rootOfRuns(clip.runs, clip.chunks, leaves, clip.proof);
  if (!equalBytes(root, clip.item.chunks)) {
    throw new Rejected("the chunks are no part of the original that was fixed");
  }
  await checkPlayed(clip, ex.held(chunks), ex.held(played), !played.endsWith(".mp4"));
  const lacking = await lackingOf(ex.held(played), clip, played);
  // What was compared is let go: the rows of a thousand clips would fill the memory.
  clip.pieces = clip.proof = null;
  return { clip, subject, played, lacking };
}

// The originals, as statements shown here speak of them; the first that does counts.
function originalsOf(ex, which) {
  const found = new Map();
  for (const [, statement] of ex.shown().filter(which)) {
    for (const subject of statement.items) {
      const key = keyOf(subject.digest);
      if (!found.has(key)) found.set(key, subject);
    }
  }
  return found;
}

function keyOf({ size, sha256, chunks }) {
  return `${size} ${formatHex(sha256)} ${formatHex(chunks)}`;
}

async function checkPlayed(clip, chunks, played, isStream) {
  const find = clip.where();
  for (const piece of clip.pieces) {
    const place = find(piece.original, piece.size);
    for (let at = 0; at < piece.size; at += BLOCK) {
      const length = Math.min(BLOCK, piece.size - at);
      const shown = await played.read(piece.at + at, length);
      const held = await chunks.read(place + at, length);
      if (shown.length !== length || !equalBytes(shown, held)) {
        const what = `byte ${piece.at} of the file to play`;
        throw new Rejected(`${what} is not that of the original`);
      }
    }
  }
  if (!isStream) {
    await checkFilm((at, length) => played.read(at, length), played.size, clip.pieces);
  } else if (clip.pieces.length !== 1 || clip.pieces[0].at || clip.pieces[0].size !== played.size) {
    throw new Rejected("want a stream to play that is one stretch of the original");
  }
}

// What the file to play has not: its tables tell, whatever its maker says.
async function lackingOf(file, clip, path) {
  if (!path.endsWith(".mp4")) return "";
  const found = await kinds((at, length) => file.read(at, length), file.size);
  if (clip.silent && found.has("soun")) {
    throw new Rejected("its maker left the sound out, and it has sound");
  }
  if (!found.has("vide")) return "; the file to play has no pictures";
  if (clip.silent) return "; its sound is left out";
  return found.has("soun") ? "" : "; the file to play has no sound";
}

function told(clip, subject, lacking, around, pathOf) {
  const share = oneDecimal((100 * clip.shown) / Math.max(1, clip.item.size));
  const [start, end, whole] = [clip.given.startMs, clip.given.endMs, clip.wholeMs].map(clockText);
  const after = clockText(Math.max(0, clip.wholeMs - clip.given.endMs));
  return (
    `${share} % of ${printable(subject.name)}: ${clip.runs.length} runs of its chunks. By the ` +
    `word of who cut it ${start} to ${end} of ${whole}; ${start} before it and ${after} after it ` +
    `are not shown${lacking}${around.parts(subject)}. ${around.others(clip, subject, pathOf)}`
  );
}
