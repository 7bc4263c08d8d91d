// Where a log's hashes and entries lie: c2sp.org/tlog-tiles@v0.1.0.
//
//     tile/0/000            256 leaf hashes, 8192 bytes
//     tile/0/x001/234.p/17  the first 17 hashes of tile 1234
//     tile/entries/000      the 256 entries under tile/0/000: uint16 length ‖ bytes, each

import { clip, repr } from "../encoding.js";
import { Malformed } from "../errors.js";

export const WIDTH = 256;
export const ENTRIES = -1; // the level of entry bundles
const MAX_LEVEL = 63;

const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

// A tile of hashes, or for `level` ENTRIES a bundle of entries, `width` of 256 wide.
export class Tile {
  constructor(level, number, width = WIDTH) {
    if (!(level >= ENTRIES && level <= MAX_LEVEL && width >= 1 && width <= WIDTH)) {
      throw new Malformed(`no such tile: level ${level}, width ${width}`);
    }
    // Python's bound is 10^18; no copy of a log has so many files as numbers here are exact.
    if (!Number.isSafeInteger(number) || number < 0) {
      throw new Malformed(`no such tile: number ${number}`);
    }
    Object.assign(this, { level, number, width });
  }

  get full() {
    return this.width === WIDTH;
  }

  toPath() {
    const digits = String(this.number);
    const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g);
    const number = groups.map((group, i) => (i + 1 < groups.length ? `x${group}` : group)).join("/");
    const level = this.level === ENTRIES ? "entries" : this.level;
    return `tile/${level}/${number}${this.full ? "" : `.p/${this.width}`}`;
  }

  static fromPath(path) {
    const found = PATH.exec(path);
    if (!found) throw new Malformed(`no tile path: ${repr(clip(path))}`);
    const level = found[1] === "entries" ? ENTRIES : Number(found[1]);
    const tile = new Tile(level, Number(found[2].replace(/[x/]/g, "")), Number(found[3] ?? WIDTH));
    // Other spellings: x000/001, .p/256.
    if (tile.toPath() !== path) throw new Malformed(`no tile path: ${repr(clip(path))}`);
    return tile;
  }
}

// The bundles that together hold the entries [0, size). A size that no copy could have is cut to
// what Numbers can count: the first bundle that is missing ends the reading.
export function* bundlesOf(size) {
  const total = Number(size);
  const full = Math.floor(total / WIDTH);
  for (let number = 0; number < full; number += 1) yield new Tile(ENTRIES, number);
  if (total % WIDTH) yield new Tile(ENTRIES, full, total % WIDTH);
}

// Exactly `width` entries and nothing behind them.
export function entriesFromBytes(data, width) {
  const entries = [];
  let at = 0;
  while (entries.length < width) {
    const start = at + 2;
    const end = start + data[at] * 256 + data[at + 1];
    // Cut within the length itself, it is no number, and no comparison with it is true.
    if (!(end <= data.length)) {
      throw new Malformed(`the bundle ends within entry ${entries.length} of ${width}`);
    }
    entries.push(data.subarray(start, end));
    at = end;
  }
  if (at !== data.length) {
    throw new Malformed(`want ${width} entries, got ${data.length - at} bytes more`);
  }
  return entries;
}
