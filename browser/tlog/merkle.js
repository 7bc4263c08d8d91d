// The Merkle tree of RFC 6962 section 2.1 (RFC 9162 is the same), and its checks.
//
//     leaf(d)   = SHA-256(0x00 ‖ d)
//     node(l,r) = SHA-256(0x01 ‖ l ‖ r)
//     root([])  = SHA-256("")
//
// The prefixes keep a node from passing as a leaf. Nothing in a tree ties a leaf to its index:
// the proof does, whose path is decided by index and size alone, and the size is signed.

import { concat, equalBytes } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { DIGEST_SIZE, digest, digests } from "../suite.js";

export const EMPTY_ROOT = digest(new Uint8Array());

export const MAX_PROOF = 63; // a tree of 2^63 leaves has paths of 63 hashes

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(data) {
  return digests(LEAF, [data])[0];
}

export function leafHashes(entries) {
  return digests(LEAF, entries);
}

export function nodeHash(left, right) {
  return digest(concat(NODE, left, right));
}

// The nodes over a row of hashes, two by two; one left over at the end has none.
export function nodeHashes(row) {
  const nodes = [];
  for (let i = 0; i + 1 < row.length; i += 2) nodes.push(nodeHash(row[i], row[i + 1]));
  return nodes;
}

// The right edge of a tree: the roots of its complete subtrees, largest first.
export class Edge {
  constructor(size = 0, hashes = []) {
    // By BigInt, since `&` looks at 32 bits only.
    const bits = BigInt(size).toString(2).replaceAll("0", "").length;
    if (size < 0 || hashes.length !== bits) {
      throw new Malformed(`want ${bits} edge hashes, got ${hashes.length}`);
    }
    checkHashes(hashes);
    this.size = size;
    this.hashes = hashes;
  }

  extend(leaves) {
    const hashes = [...this.hashes];
    let { size } = this;
    for (const leaf of leaves) {
      let node = leaf;
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) node = nodeHash(hashes.pop(), node);
      hashes.push(node);
      size += 1;
    }
    return new Edge(size, hashes);
  }

  root() {
    if (!this.hashes.length) return EMPTY_ROOT;
    return this.hashes.reduceRight((right, left) => nodeHash(left, right));
  }
}

export function rootOf(leaves) {
  return new Edge().extend(leaves).root();
}

// The root over 2^n hashes, row by row, as of a full tile.
export function completeRoot(hashes) {
  let row = [...hashes];
  if (!row.length || !Number.isInteger(Math.log2(row.length))) {
    throw new Malformed(`want a power of two of hashes, got ${row.length}`);
  }
  while (row.length > 1) row = nodeHashes(row);
  return row[0];
}

// RFC 9162 section 2.1.3.2: raises `Rejected` unless `leaf` stands at `index` of `size`. `node`
// and `width` are those of a tree with another hash.
export function checkInclusion(index, size, leaf, proof, root, { node = nodeHash, width = DIGEST_SIZE } = {}) {
  checkHashes([leaf, root, ...proof], width);
  if (index < 0 || index >= size) throw new Rejected(`index ${index} is not in a tree of ${size}`);
  let [fn, sn, found] = [BigInt(index), BigInt(size) - 1n, leaf];
  for (const hash of proof) {
    if (sn === 0n) throw new Rejected("the inclusion proof is too long");
    if (fn & 1n || fn === sn) {
      found = node(hash, found);
      while (fn && !(fn & 1n)) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      found = node(found, hash);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  if (sn !== 0n) throw new Rejected("the inclusion proof is too short");
  if (!equalBytes(found, root)) throw new Rejected("the inclusion proof leads to another root");
}

// An empty leaf hash beside an equal empty root would otherwise be "included", and of hashes of
// other lengths two could be cut from one node in two ways.
export function checkHashes(hashes, width = DIGEST_SIZE) {
  for (const hash of hashes) {
    if (hash.length !== width) {
      throw new Malformed(`want hashes of ${width} bytes, got ${hash.length}`);
    }
  }
}
