// Checkpoints: the log's claim about its own contents, in three lines: origin, size, root.
//
// c2sp.org/tlog-checkpoint@v1.0.0, without extension lines: an ML-DSA cosignature does not cover
// them, so they would be words with no witness.

import { clip, equalBytes, formatBase64, parseBase64, parseDecimal, repr } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { DIGEST_SIZE } from "../suite.js";
import { EMPTY_ROOT } from "./merkle.js";
import { checkName, checkNote } from "./note.js";

// A tree of `size` entries with root hash `root`, as claimed by `origin`.
export class Checkpoint {
  constructor(origin, size, root) {
    Object.assign(this, { origin, size, root });
  }

  equals(other) {
    return (
      this.origin === other.origin && this.size === other.size && equalBytes(this.root, other.root)
    );
  }

  toText() {
    return `${this.origin}\n${this.size}\n${formatBase64(this.root)}\n`;
  }

  static fromText(text) {
    const [origin, size, root, ...end] = text.split("\n");
    if (end.length !== 1 || end[0] !== "") {
      throw new Malformed(`want origin, size and root in three lines, got ${repr(clip(text))}`);
    }
    checkName(origin);
    const checkpoint = new Checkpoint(origin, parseDecimal(size), parseBase64(root, DIGEST_SIZE));
    if (checkpoint.size === 0 && !equalBytes(checkpoint.root, EMPTY_ROOT)) {
      throw new Rejected("want the root of nothing for size 0");
    }
    return checkpoint;
  }
}

// The checkpoint in `note`, once the log's own signature over it is checked. A log signs under
// its own name only: else the checkpoint of one log would pass for that of another.
export async function openCheckpoint(note, log) {
  await checkNote(note, log);
  const checkpoint = Checkpoint.fromText(note.text);
  if (checkpoint.origin !== log.name) {
    throw new Rejected(`want a checkpoint of ${repr(log.name)}, got ${repr(checkpoint.origin)}`);
  }
  return checkpoint;
}
