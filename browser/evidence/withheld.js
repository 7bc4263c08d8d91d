// What a packet names as withheld, and why, in the word of whoever made it.
//
// A reason excuses nothing by itself: a court sees that something is there, where it stands in the
// log, and what is said about why it is not shown.

import { byCodePoint, clip, exactly, parseHex, repr } from "../encoding.js";
import { Malformed } from "../errors.js";
import { DIGEST_SIZE } from "../suite.js";
import { Place, comparePlaces } from "./place.js";

export const STATEMENT = "statement";

export const LEDGERS_OWN = ["lost", "other_case"]; // what only a ledger says, of its own accord
export const GONE = ["destroyed", "expired"]; // such a thing is not there any more
export const REASONS = [
  ...["state_secret", "trade_secret", "privacy", "minor", "informant"],
  ...GONE,
  ...LEDGERS_OWN,
];

// `what` is `STATEMENT`, or the SHA-256 of a file of a statement that is shown.
export class Withheld {
  constructor(place, what, reason) {
    Object.assign(this, { place, what, reason });
  }

  toJson() {
    return { place: this.place.toText(), reason: this.reason, what: this.what };
  }

  static fromJson(value) {
    if (!exactly(value, { place: "text", reason: "text", what: "text" })) {
      throw new Malformed("want place, reason and what of each that is withheld");
    }
    const { place, reason, what } = value;
    if (what !== STATEMENT) parseHex(what, DIGEST_SIZE);
    const where = Place.fromText(place);
    if (!REASONS.includes(reason)) {
      throw new Malformed(`want one of ${REASONS.join(", ")}, got ${repr(clip(reason))}`);
    }
    return new Withheld(where, what, reason);
  }
}

// Sorted by place and what, each once.
export function checkRows(rows) {
  const inOrder = rows.every((row, i) => {
    const before = rows[i - 1];
    return !i || (comparePlaces(before.place, row.place) || byCodePoint(before.what, row.what)) < 0;
  });
  if (!inOrder) throw new Malformed("want what is withheld sorted by place and what, each once");
}
