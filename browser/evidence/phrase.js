// The forms of text in statements: a line, a name, a text, a word. All raise `Malformed`.

import { allVisible, clip, repr, textLength } from "../encoding.js";
import { Malformed } from "../errors.js";

export const MAX_LINE = 256;
const MAX_TEXT = 4096;
const MAX_NAMES = 16;

export function string(value, limit) {
  if (typeof value !== "string") throw new Malformed(`want text, got ${typeof value}`);
  if (textLength(value) > limit) {
    throw new Malformed(`want at most ${limit} characters, got ${textLength(value)}`);
  }
  return value;
}

// One line of text: non-empty, no control or invisible characters, no space at either end.
export function line(value) {
  const text = string(value, MAX_LINE);
  // Of all spaces `allVisible` lets only U+0020 pass.
  if (!text || text.startsWith(" ") || text.endsWith(" ") || !allVisible(text)) {
    throw new Malformed(`want one line of text, got ${repr(clip(text))}`);
  }
  return text;
}

// A line that becomes part of a series name: no slash, one normal form.
export function name(value) {
  const text = line(value);
  if (text.includes("/") || text.normalize("NFC") !== text || textLength(text) > 64) {
    throw new Malformed(`want at most 64 characters in NFC without '/', got ${repr(clip(text))}`);
  }
}

export function text(value, limit = MAX_TEXT) {
  if (/[\0-\x09\x0b-\x1f\x7f-\x9f]/.test(string(value, limit))) {
    throw new Malformed("want no control characters but line feeds");
  }
  return value;
}

export function word(value) {
  if (!/^[a-z][a-z0-9_]*$/.test(string(value, 64))) {
    throw new Malformed(`want lower-case words joined by '_', got ${repr(clip(value))}`);
  }
}

export function lines(value) {
  if (!Array.isArray(value) || !value.length || value.length > MAX_NAMES) {
    throw new Malformed(`want a list of 1 to ${MAX_NAMES} names`);
  }
  value.forEach(line);
  if (new Set(value).size !== value.length) throw new Malformed("a name stands twice");
}
