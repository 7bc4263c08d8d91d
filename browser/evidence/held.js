// A file of a packet read again: never other bytes than those that were hashed before.
//
// Where a check needs bytes a second time, they may have been exchanged in between. So they are
// read by whole chunks, each held against its leaf of the first reading.

import { concat, equalBytes } from "../encoding.js";
import { Rejected } from "../errors.js";
import { leafHash } from "../tlog/merkle.js";
import { CHUNK_SIZE } from "./chunks.js";

const KEPT = 32; // chunks in memory: pictures and sound of the same moment stand near each other
const MOST_TIMES = 8; // that a file is read over; whoever makes a clip could ask for it at every byte

export class Held {
  #read;
  #leaves;
  #kept = new Map();
  #left;

  // `read(at, size)` is a promise of the file's bytes, `leaves` are the hashes of its chunks.
  constructor(read, size, leaves) {
    this.size = size;
    this.#read = read;
    this.#leaves = leaves;
    this.#left = MOST_TIMES * Math.max(1, leaves.length);
  }

  // Fewer bytes only where the file ends.
  async read(at, size) {
    const end = Math.min(at + size, this.size);
    const parts = [];
    while (at < end) {
      const number = Math.floor(at / CHUNK_SIZE);
      const start = at - number * CHUNK_SIZE;
      const part = (await this.#chunk(number)).subarray(start, start + end - at);
      parts.push(part);
      at += part.length;
    }
    return parts.length === 1 ? parts[0] : concat(...parts);
  }

  async #chunk(number) {
    let found = this.#kept.get(number);
    this.#kept.delete(number);
    if (found === undefined) {
      if (this.#left === 0) {
        throw new Rejected(`its bytes stand too far apart: to compare takes over ${MOST_TIMES} readings`);
      }
      this.#left -= 1;
      const start = number * CHUNK_SIZE;
      const length = Math.min(CHUNK_SIZE, this.size - start);
      found = await this.#read(start, length);
      const leaf = this.#leaves[number];
      if (found.length !== length || leaf === undefined || !equalBytes(leafHash(found), leaf)) {
        throw new Rejected("the packet has changed while it was read");
      }
      if (this.#kept.size === KEPT) this.#kept.delete(this.#kept.keys().next().value);
    }
    this.#kept.set(number, found); // the last used stands last
    return found;
  }
}
