// Clips: some chunks of an item, and a file to play that is made of bytes of them.
//
// What counts are the chunks; every byte that is played is held against them. Times and tool are
// the maker's word (docs/formats/packet.md, "Clips").

import { MAX_TIME, isVisible, parseBase64, parseDecimal, parseHex, parseJson } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { CHUNK_SIZE, ItemDigest, MAX_ITEM } from "./chunks.js";
import { checkRuns } from "./ranges.js";

const MAX_CLIP_FILE = 16_777_216;
const MAX_SAMPLES = 500_000;
const MAX_WORD = 64;
const NO_SOUND = ", without sound"; // behind the name of the tool that was told so
const FIELDS = ["asked", "chunks", "given", "item", "proof", "samples", "tool", "v", "whole_ms"];

export class Clip {
  static fromBytes(data) {
    const value = parseJson(data, { limit: MAX_CLIP_FILE });
    const { item } = isObject(value) ? value : {};
    if (
      !hasExactly(value, FIELDS) || !hasExactly(item, ["chunks", "sha256", "size"]) || value.v !== 1 ||
      ![value.chunks, value.proof, value.samples].every(Array.isArray) ||
      ![value.tool, value.whole_ms, item.chunks, item.sha256, item.size].every(isText)
    ) {
      throw new Malformed("want asked, chunks, given, item, proof, samples, tool, whole_ms");
    }
    if (value.samples.length > MAX_SAMPLES || !value.proof.every(isText)) {
      throw new Malformed(`want at most ${MAX_SAMPLES} samples, and hashes as text`);
    }
    const tool = [...value.tool];
    if (!(tool.length > 0 && tool.length <= MAX_WORD && tool.every(isVisible))) {
      throw new Malformed(`want the tool in at most ${MAX_WORD} printable characters`);
    }
    const clip = new Clip();
    clip.item = new ItemDigest({
      size: number(item.size, MAX_ITEM),
      sha256: parseHex(item.sha256),
      chunks: parseHex(item.chunks),
    });
    clip.runs = value.chunks.map((run) => numbers(run, 2));
    clip.proof = value.proof.map((hash) => parseBase64(hash, 32));
    clip.pieces = value.samples.map((row) => {
      const [at, original, size] = numbers(row, 3);
      return { at, original, size };
    });
    clip.asked = span(value.asked);
    clip.given = span(value.given);
    clip.wholeMs = number(value.whole_ms, MAX_TIME);
    clip.tool = value.tool;
    if (clip.given.endMs > clip.wholeMs) {
      throw new Malformed("want a part that ends with its recording, or before");
    }
    checkRuns(clip.runs, clip.chunks);
    checkPieces(clip.pieces);
    return clip;
  }

  get chunks() {
    return Math.max(1, Math.ceil(this.item.size / CHUNK_SIZE));
  }

  // The sound of the recording was left out, by the maker's word.
  get silent() {
    return this.tool.endsWith(NO_SOUND);
  }

  // Bytes of the original that the chunks hold.
  get shown() {
    return this.runs.reduce((sum, run) => sum + runSize(run, this.item.size), 0);
  }

  // Where in the file of shown chunks a range of the original stands.
  where() {
    const firsts = this.runs.map(([first]) => first * CHUNK_SIZE);
    const lengths = this.runs.map((run) => runSize(run, this.item.size));
    const places = [0];
    for (const length of lengths) places.push(places.at(-1) + length);
    return (original, size) => {
      const run = lastNotAbove(firsts, original), end = original + size;
      if (run < 0 || end > firsts[run] + lengths[run]) {
        throw new Rejected(`bytes ${original} to ${end} of the original are not shown`);
      }
      return places[run] + original - firsts[run];
    };
  }
}

export function runSize([first, last], size) {
  return Math.min(size, (last + 1) * CHUNK_SIZE) - first * CHUNK_SIZE;
}

export function checkPieces(pieces) {
  if (!pieces.length) throw new Malformed("want at least one sample to play");
  let end = 0;
  for (const piece of pieces) {
    if (piece.at < end || piece.size === 0) {
      throw new Malformed("want samples in the order of the file to play, apart, not empty");
    }
    end = piece.at + piece.size;
  }
  const taken = [...pieces].sort((a, b) => a.original - b.original);
  for (let i = 1; i < taken.length; i++) {
    if (taken[i - 1].original + taken[i - 1].size > taken[i].original) {
      throw new Malformed("want each byte of the original once in the file to play");
    }
  }
}

function span(value) {
  if (!hasExactly(value, ["start_ms", "end_ms"]) || !isText(value.start_ms) || !isText(value.end_ms)) {
    throw new Malformed("want start_ms and end_ms");
  }
  const found = { startMs: number(value.start_ms, MAX_TIME), endMs: number(value.end_ms, MAX_TIME) };
  if (found.startMs > found.endMs) throw new Malformed("want start_ms before end_ms");
  return found;
}

function numbers(value, count) {
  if (!Array.isArray(value) || value.length !== count) throw new Malformed(`want ${count} numbers`);
  return value.map((text) => number(text, MAX_ITEM));
}

function number(text, most) {
  if (!isText(text)) throw new Malformed("want a number as text");
  // Beyond 2^53 the exact value does not matter: `most` is below.
  const found = Number(parseDecimal(text));
  if (found > most) throw new Malformed(`want at most ${most}, got ${text}`);
  return found;
}

// The last index whose value is at most `wanted`; -1 where there is none.
function lastNotAbove(values, wanted) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function isText(value) {
  return typeof value === "string";
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasExactly(value, names) {
  return isObject(value) && Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name));
}
