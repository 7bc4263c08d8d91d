// What was made from an item, and that no more was changed than it declares.
//
// `spans`: so many bytes of the original, from `at` on, are gone, and `put` stands in their place
// (docs/formats/statement.md, `derivation`).

import { parseDecimal } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { MAX_ITEM } from "./chunks.js";

export const DERIVED = ["redaction", "transcript", "translation", "transcode"];
const MAX_SPANS = 10_000;
const MAX_PUT = 256;
const BLOCK = 1 << 20;

export function spansFromJson(value) {
  if (!Array.isArray(value) || !(value.length > 0 && value.length <= MAX_SPANS)) {
    throw new Malformed(`want 1 to ${MAX_SPANS} spans`);
  }
  const spans = [];
  let end = -1;
  for (const row of value) {
    const names = typeof row === "object" && row !== null && !Array.isArray(row) ? Object.keys(row) : [];
    const known = names.every((name) => ["at", "size", "put"].includes(name));
    if (!known || typeof row.at !== "string" || typeof row.size !== "string") {
      throw new Malformed("want at, size and perhaps put of each span");
    }
    if (names.includes("put") && !(typeof row.put === "string" && row.put !== "" && [...row.put].length <= MAX_PUT)) {
      throw new Malformed(`want put in 1 to ${MAX_PUT} characters, or none`);
    }
    // Beyond 2^53 the exact value does not matter: MAX_ITEM is below.
    const span = { at: Number(parseDecimal(row.at)), size: Number(parseDecimal(row.size)), put: row.put ?? "" };
    if (span.at <= end || span.at + span.size > MAX_ITEM || (span.size === 0 && span.put === "")) {
      throw new Malformed("want spans in order, apart, and not empty");
    }
    spans.push(span);
    end = span.at + span.size;
  }
  return spans;
}

export function spansOf(predicate) {
  return Object.hasOwn(predicate, "spans") ? spansFromJson(predicate.spans) : null;
}

export function takenOut(spans) {
  return spans.reduce((sum, span) => sum + span.size, 0);
}

// What the spans make of an original, in pieces; raises `Rejected` if it is too short for them.
export async function* madeAgain(original, size, spans) {
  let at = 0;
  for (const span of [...spans, { at: size, size: 0, put: "" }]) {
    if (span.at + span.size > size) {
      throw new Rejected(`a span ends behind the original's ${size} bytes`);
    }
    while (at < span.at) {
      const length = Math.min(BLOCK, span.at - at);
      yield await original(at, length);
      at += length;
    }
    yield new TextEncoder().encode(span.put);
    at += span.size;
  }
}

// `original` and `derived` are async reads of (at, size), which give fewer bytes only at the end.
export async function checkDerived(original, originalSize, derived, derivedSize, spans) {
  let at = 0, there = 0;
  for (const span of [...spans, { at: originalSize, size: 0, put: "" }]) {
    if (span.at + span.size > originalSize) {
      throw new Rejected(`a span ends behind the original's ${originalSize} bytes`);
    }
    while (at < span.at) {
      const length = Math.min(BLOCK, span.at - at);
      if (!same(await original(at, length), await derived(there, length))) {
        throw new Rejected(`between ${at} and ${at + length} more was changed than declared`);
      }
      at += length;
      there += length;
    }
    const put = new TextEncoder().encode(span.put);
    if (!same(await derived(there, put.length), put)) {
      throw new Rejected(`in the place of the span at ${span.at} stands something else`);
    }
    at += span.size;
    there += put.length;
  }
  if (there !== derivedSize) throw new Rejected(`want ${there} bytes after the spans, got ${derivedSize}`);
}

function same(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
