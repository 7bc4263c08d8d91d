// Renewals: what a ledger says again so that it lasts. Its first form closes a log.

import * as suite from "../suite.js";
import {
  clip,
  formatBase64,
  parseBase64,
  parseDecimal,
  repr,
  textLength,
  utf8,
} from "../encoding.js";
import { Malformed } from "../errors.js";
import { Checkpoint } from "../tlog/checkpoint.js";
import { MAX_NOTE, SignedNote } from "../tlog/note.js";

const STRONG = "sha512";
const MAX_ROWS = 2 ** 40;

// The last checkpoint of a log, as the next one says it; its signatures are not checked.
export class Closing {
  constructor(note, checkpoint) {
    this.note = note;
    this.checkpoint = checkpoint;
  }

  get name() {
    return this.checkpoint.origin;
  }

  sha256() {
    return suite.digest(utf8(this.note.text));
  }

  static fromText(text) {
    const note = SignedNote.fromText(text);
    const checkpoint = Checkpoint.fromText(note.text);
    if (checkpoint.size === 0) {
      throw new Malformed("want the last checkpoint of a log that was opened, got an empty tree");
    }
    return new Closing(note, checkpoint);
  }
}

// A tree over `count` rows. With an `origin`, the first `size` are the entries of that log.
export class Rows {
  constructor(count, root, origin = "", size = 0) {
    if (root.length !== suite.STRONG_SIZE) {
      throw new Malformed(`want a root of ${suite.STRONG_SIZE} bytes, got ${root.length}`);
    }
    if (count < 1 || count > MAX_ROWS) {
      throw new Malformed(`want 1 to ${MAX_ROWS} rows, got ${count}`);
    }
    if (size < (origin ? 1 : 0) || size > count || (size && !origin)) {
      throw new Malformed(`want a log with 1 to ${count} entries, got ${size}`);
    }
    Object.assign(this, { count, root, origin, size });
  }

  sha256() {
    return suite.digest(utf8(`${STRONG} ${this.count} ${formatBase64(this.root)}\n`));
  }
}

export function checkHash(value) {
  if (value !== STRONG) {
    throw new Malformed(`want ${repr(STRONG)}, got ${repr(clip(String(value)))}`);
  }
}

// null where it is another form of renewal.
export function rowsOf(predicate) {
  const { root, tokens, origin, rows, size } = predicate;
  if (isText(root) && isText(tokens)) {
    return new Rows(parseDecimal(tokens), parseBase64(root));
  }
  if ([origin, root, rows, size].every(isText)) {
    return new Rows(parseDecimal(rows), parseBase64(root), origin, parseDecimal(size));
  }
  return null;
}

export function checkFinal(value) {
  if (!isText(value) || textLength(value) > MAX_NOTE) {
    throw new Malformed(`want a signed checkpoint of at most ${MAX_NOTE} characters`);
  }
  Closing.fromText(value);
}

// null where it is another form of renewal.
export function closingOf(predicate) {
  return predicate.final === undefined ? null : Closing.fromText(predicate.final);
}

function isText(value) {
  return typeof value === "string";
}
