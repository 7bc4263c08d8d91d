// Where an entry stands: `2026-17` is entry 17 of the log labelled 2026.

import { ascending, byCodePoint, clip, parseDecimal, repr } from "../encoding.js";
import { Malformed } from "../errors.js";

export const LOG = "(?<log>[12]\\d{3}(?:-[1-9]\\d{0,3})?)";
export const PLACE = `${LOG}-(?<index>0|[1-9]\\d{0,18})`;

const PLACE_ONLY = new RegExp(`^${PLACE}$`);

// As a key of Maps and Sets stands its text, which has one spelling.
export class Place {
  constructor(log, index) {
    Object.assign(this, { log, index });
  }

  toText() {
    return `${this.log}-${this.index}`;
  }

  static fromText(text) {
    const found = PLACE_ONLY.exec(text);
    if (!found) throw new Malformed(`want a place such as 2026-17, got ${repr(clip(text))}`);
    return new Place(found.groups.log, parseDecimal(found.groups.index));
  }
}

// For `sort`: by label, then by index.
export function comparePlaces(a, b) {
  return byCodePoint(a.log, b.log) || ascending(a.index, b.index);
}
