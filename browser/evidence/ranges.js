// One proof that several runs of chunks belong to an item (docs/formats/packet.md, "Clips").
//
// The proof has the root of every largest subtree that holds no shown chunk, from left to right.

import { Malformed, Rejected } from "../errors.js";
import { checkHashes, nodeHash } from "../tlog/merkle.js";

const MAX_RUNS = 65_536;

export function checkRuns(runs, chunks) {
  if (!(runs.length > 0 && runs.length <= MAX_RUNS)) {
    throw new Malformed(`want 1 to ${MAX_RUNS} runs of chunks, got ${runs.length}`);
  }
  let before = -2;
  for (const [first, last] of runs) {
    if (!(before + 1 < first && first <= last && last < chunks)) {
      throw new Malformed(`want runs of chunks below ${chunks}, apart, got ${first}-${last}`);
    }
    before = last;
  }
}

// `leaves` are those of the shown chunks, in order.
export async function rootOfRuns(runs, chunks, leaves, proof) {
  checkRuns(runs, chunks);
  checkHashes(proof);
  let leaf = 0, hash = 0;
  const root = async (start, end, low, high) => {
    // runs[low, high) are those that reach into [start, end).
    while (low < high && runs[low][1] < start) low++;
    while (low < high && runs[high - 1][0] >= end) high--;
    if (low === high) {
      if (hash === proof.length) throw new Rejected("the proof has fewer hashes than these chunks take");
      return proof[hash++];
    }
    if (end - start === 1) {
      if (leaf === leaves.length) throw new Rejected("want a leaf for each shown chunk");
      return leaves[leaf++];
    }
    const middle = start + largestPowerBelow(end - start);
    const left = await root(start, middle, low, high);
    return nodeHash(left, await root(middle, end, low, high));
  };
  const found = await root(0, chunks, 0, runs.length);
  if (hash !== proof.length) throw new Rejected("the proof has more hashes than these chunks take");
  return found;
}

// Without 32-bit operators: an item may have 2^26 chunks, and more than 2^31 is still a number here.
function largestPowerBelow(n) {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}
