// Case numbers, one spelling per case: 苏城管罚〔2026〕417号.
//
// The year stands between 〔 and 〕 exactly once: it names the year of the case's series. A
// look-alike bracket, a full-width digit or a leading zero would be a second series for one case.

import { allVisible, clip, repr, textLength } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";

export const MAX_CASE = 64; // characters

const YEAR = /〔([12]\d{3})〕/g;
const PLAIN = /^[\u4e00-\u9fff]+〔[12]\d{3}〕第?[1-9]\d{0,8}号$/;
const PLACES = /(\{year\}|\{number\})/;

export function parseCase(text) {
  const length = textLength(text);
  if (!(length > 0 && length <= MAX_CASE) || text.normalize("NFC") !== text) {
    throw new Malformed(`want a case number of at most ${MAX_CASE} characters in NFC`);
  }
  if (!allVisible(text) || text.includes(" ") || text.includes("/")) {
    throw new Malformed(
      `want no spaces, slashes or invisible characters, got ${repr(clip(text))}`,
    );
  }
  if ([YEAR, /〔/g, /〕/g].some((pattern) => text.match(pattern)?.length !== 1)) {
    throw new Malformed(
      `want a case number with one year such as 〔2026〕, got ${repr(clip(text))}`,
    );
  }
  return text;
}

export function caseYear(text) {
  const found = text.match(/〔([12]\d{3})〕/);
  if (!found) throw new Malformed(`no year in case number ${repr(clip(text))}`);
  return found[1];
}

export function parseTemplate(text) {
  if (["{year}", "{number}"].some((place) => text.split(place).length !== 2)) {
    throw new Malformed(`want {year} and {number} once each, got ${repr(clip(text))}`);
  }
  parseCase(text.replaceAll("{year}", "2026").replaceAll("{number}", "1"));
  return text;
}

// Raises `Rejected` unless the case number is spelled as its agency registered it.
export function checkSpelling(text, templates) {
  if (!isSpelled(text, templates)) {
    const list = `[${templates.map(repr).join(", ")}]`;
    throw new Rejected(`case number ${repr(text)} is not spelled as any of ${list}`);
  }
}

export function isSpelled(text, templates) {
  return templates.some((template) => {
    const parts = template.split(PLACES).map((part) => {
      if (part === "{year}") return "[12]\\d{3}";
      if (part === "{number}") return "[1-9]\\d{0,8}";
      return part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    });
    return new RegExp(`^(?:${parts.join("")})$`, "u").test(text);
  });
}

// Only ideographs, ASCII digits and the brackets: no look-alike that paper would not show.
export function isPlain(text) {
  return PLAIN.test(text);
}
