// Proof that an entry is logged: a c2sp.org/tlog-proof@v1 file, `*.tlog-proof`.
//
// It holds no entry: whoever checks it computes the leaf hash from the entry itself.

import { clip, parseBase64, parseDecimal, parseUtf8, repr } from "../encoding.js";
import { Malformed } from "../errors.js";
import { DIGEST_SIZE } from "../suite.js";
import { MAX_PROOF, checkInclusion } from "./merkle.js";
import { MAX_NOTE, SignedNote } from "./note.js";

const HEADER = "c2sp.org/tlog-proof@v1";
const MAX_RECEIPT = 2 * MAX_NOTE;

// `note` is the checkpoint as text; `extra` is unauthenticated, and null in ours.
export class Receipt {
  constructor(index, proof, note, extra = null) {
    Object.assign(this, { index, proof, note, extra });
  }

  static fromBytes(data) {
    if (data.length > MAX_RECEIPT) {
      throw new Malformed(`want a proof of at most ${MAX_RECEIPT} bytes, got ${data.length}`);
    }
    return Receipt.fromText(parseUtf8(data));
  }

  static fromText(text) {
    const at = text.indexOf("\n\n");
    const note = at < 0 ? "" : text.slice(at + 2);
    if (!note) throw new Malformed("want a proof, an empty line and a checkpoint");
    const [header, ...rest] = text.slice(0, at).split("\n");
    if (header !== HEADER) throw new Malformed(`want ${repr(HEADER)} first, got ${repr(clip(header))}`);
    let extra = null;
    if (rest[0]?.startsWith("extra ")) extra = parseBase64(rest.shift().slice("extra ".length));
    if (!rest[0]?.startsWith("index ")) throw new Malformed("want a line 'index N'");
    const index = parseDecimal(rest.shift().slice("index ".length));
    if (rest.length > MAX_PROOF) {
      throw new Malformed(`want at most ${MAX_PROOF} hashes, got ${rest.length}`);
    }
    const proof = rest.map((line) => parseBase64(line, DIGEST_SIZE));
    return new Receipt(index, proof, note, extra);
  }

  // Checks signatures and path; raises `Rejected`. The quorum is the caller's to judge.
  async open(leaf, policy) {
    return this.check(leaf, await policy.open(SignedNote.fromText(this.note)));
  }

  // The path alone, where this receipt's note was opened before: many end in one note.
  check(leaf, cosigned) {
    const { size, root } = cosigned.checkpoint;
    checkInclusion(this.index, size, leaf, this.proof, root);
    return cosigned;
  }
}
