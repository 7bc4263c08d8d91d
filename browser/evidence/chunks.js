// The two digests of an item: of the whole file, and of the tree of its chunks.
//
// Chunks are 262,144 bytes; the last may be shorter, and an empty file is one empty chunk. Leaves
// and nodes are hashed as in RFC 6962, so damage can be named to the chunk.

import { equalBytes, formatHex } from "../encoding.js";
import { Rejected } from "../errors.js";
import { bigDigest, digest, newDigest, newSm3 } from "../suite.js";
import { leafHash, rootOf } from "../tlog/merkle.js";

export const CHUNK_SIZE = 262_144;
export const MAX_ITEM = 2 ** 44;

const IDLE = []; // buffers of a chunk, which are dear where files are small
const AT_ONCE = 8; // chunks whose digests are not there yet; their bytes are in memory twice

// What a statement says of an item's bytes. `sm3` is empty where nobody asks for it.
export class ItemDigest {
  constructor({ size, sha256, chunks, sm3 = new Uint8Array() }) {
    Object.assign(this, { size, sha256, chunks, sm3 });
  }

  // Raises `Rejected` unless every digest and the size are those `found` in the bytes.
  check(found) {
    if (found.size !== this.size) throw new Rejected(`want ${this.size} bytes, got ${found.size}`);
    for (const [name, field] of [["sha256", "sha256"], ["chunk tree", "chunks"]]) {
      if (!equalBytes(found[field], this[field])) {
        const [want, got] = [this[field], found[field]].map(formatHex);
        throw new Rejected(`want ${name} ${want}, got ${got}`);
      }
    }
    if (this.sm3.length && !equalBytes(found.sm3, this.sm3)) {
      const got = formatHex(found.sm3) || "none";
      throw new Rejected(`want sm3 ${formatHex(this.sm3)}, got ${got}`);
    }
  }

  equals(other) {
    return (
      this.size === other.size &&
      equalBytes(this.sha256, other.sha256) &&
      equalBytes(this.chunks, other.chunks) &&
      equalBytes(this.sm3, other.sm3)
    );
  }
}

// The leaves of an item's chunks. Memory grows by 32 bytes a chunk: 2.5 MB for 20 GB.
export class ChunkTree {
  size = 0;
  leaves = [];
  #chunk = IDLE.pop() ?? new Uint8Array(1 + CHUNK_SIZE); // behind the prefix of a leaf, which is 0
  #filled = 0;
  #pending = [];

  async update(data) {
    this.size += data.length;
    let at = 0;
    while (at < data.length) {
      const part = data.subarray(at, at + CHUNK_SIZE - this.#filled);
      this.#chunk.set(part, 1 + this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === CHUNK_SIZE) {
        // It copies what it is given before it returns.
        this.#pending.push(bigDigest(this.#chunk));
        this.#filled = 0;
        if (this.#pending.length === AT_ONCE) await this.#settle();
      }
    }
  }

  // Call once, after the last byte.
  async root() {
    await this.#settle();
    if (this.#filled || !this.leaves.length) {
      this.leaves.push(digest(this.#chunk.subarray(0, 1 + this.#filled)));
    }
    IDLE.push(this.#chunk);
    return rootOf(this.leaves);
  }

  async #settle() {
    for (const leaf of await Promise.all(this.#pending)) this.leaves.push(leaf);
    this.#pending = [];
  }
}

// Digests an item in one pass, whatever the size of the pieces it comes in.
export class ItemHasher {
  #tree = new ChunkTree();
  #whole;
  #sm3;

  static async begin({ sm3 = false } = {}) {
    const hasher = new ItemHasher();
    hasher.#whole = await newDigest();
    hasher.#sm3 = sm3 ? await newSm3() : null;
    return hasher;
  }

  get leaves() {
    return this.#tree.leaves;
  }

  async update(data) {
    const chunked = this.#tree.update(data);
    this.#whole.update(data);
    this.#sm3?.update(data);
    await chunked;
  }

  // Call once, after the last byte.
  async finish() {
    return new ItemDigest({
      size: this.#tree.size,
      sha256: this.#whole.digest(),
      chunks: await this.#tree.root(),
      sm3: this.#sm3?.digest(),
    });
  }
}

// For bytes already in memory.
export async function digestItem(data, { sm3 = false } = {}) {
  const hasher = await ItemHasher.begin({ sm3 });
  await hasher.update(data);
  return hasher.finish();
}

export function checkChunk(chunk, leaf) {
  if (!equalBytes(leafHash(chunk), leaf)) throw new Rejected("the chunk does not match its leaf");
}
