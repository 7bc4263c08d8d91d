// What statements say of a procedure: registers, lists, acts, complaints, holds, disposal
// (docs/formats/statement.md). What their facts mean the rule packs say, which judge no packet.

import * as suite from "../suite.js";
import { byCodePoint, exactly, isObject, parseDay, parseDecimal, parseHex, repr } from "../encoding.js";
import { Malformed } from "../errors.js";
import { line, string, text, word } from "./phrase.js";

const MAX_FACTS = 32;
const MAX_TIMECODES = 256;
const MAX_CONTENT = 262_144;
export const MAX_NAMED = 501; // statements that one hold or one disposal speaks of

const REGISTERS = [
  "agency",
  "officer",
  "auxiliary",
  "device",
  "delegation",
  "legal_reviewer",
  "counsel",
  "service_contract",
];
const LISTS = [
  "powers",
  "delegated_powers",
  "major_decisions",
  "benchmarks",
  "lenient",
  "auxiliary_forbidden",
  "guidance",
  "holiday_calendar",
  "retention",
  "rule_pack",
];
export const REGISTERED = [...REGISTERS, ...LISTS];
export const HOLDS = ["placed", "lifted"];

// Days in China, both included.
export function checkInForce(value) {
  if (!exactly(value, { from: "text", "to?": "text" })) {
    throw new Malformed("want from and perhaps to, nothing else");
  }
  const until = "to" in value ? parseDay(string(value.to, 10)) : Infinity;
  if (until < parseDay(value.from)) {
    throw new Malformed(`want from before to, got ${repr(value.from)} and ${repr(value.to)}`);
  }
}

export function checkFacts(value) {
  const size = isObject(value) ? Object.keys(value).length : 0;
  if (!size || size > MAX_FACTS) throw new Malformed(`want 1 to ${MAX_FACTS} facts`);
  for (const [fact, said] of Object.entries(value)) {
    word(fact);
    text(said);
  }
}

export function checkTimecodes(value) {
  if (!Array.isArray(value) || !value.length || value.length > MAX_TIMECODES) {
    throw new Malformed(`want 1 to ${MAX_TIMECODES} time-codes`);
  }
  value.forEach(checkTimecode);
  // Each value has one spelling, so that equal rows are equal texts.
  const rows = value.map((row) => JSON.stringify(row, Object.keys(row).sort()));
  if (new Set(rows).size !== rows.length) throw new Malformed("a time-code stands twice");
}

// Where in a recording something shows; ms from its first frame, `item` its SHA-256.
function checkTimecode(row) {
  const kinds = { at_ms: "text", item: "text", shows: "text", "note?": "text", "until_ms?": "text" };
  if (!exactly(row, kinds)) throw new Malformed("want at_ms, item, shows, perhaps until_ms and note");
  if ("until_ms" in row) {
    const until = parseDecimal(string(row.until_ms, 19));
    if (until < parseDecimal(row.at_ms)) {
      throw new Malformed(`want until_ms not before at_ms, got ${until} and ${row.at_ms}`);
    }
  }
  if ("note" in row) line(row.note);
  parseHex(row.item, suite.DIGEST_SIZE);
  parseDecimal(row.at_ms);
  word(row.shows);
}

export function checkContent(value) {
  if (!text(value, MAX_CONTENT)) throw new Malformed("want a list that is not empty");
}

// A list has its content, everything else its facts.
export function checkRegister(predicate) {
  if (LISTS.includes(predicate.register) !== "content" in predicate) {
    throw new Malformed("want content in a list, and facts in a register", { path: "predicate" });
  }
}

// What such a register statement is about: the list as published, or the facts, a line each.
export function registeredText({ content, facts }) {
  if (content !== undefined) return content;
  const words = Object.keys(facts).sort(byCodePoint);
  return words.map((fact) => `${fact}: ${facts[fact]}\n`).join("");
}

// Of an entry in a register or a list: what its series is named by.
export function registeredName({ register, subject }) {
  return `${register}/${subject}`;
}

const COMMON = ["agency", "id"];
const CASE = ["case", "provisional", "stage", "officers", "after", "note"];

export const ACT_FORM = [
  [...COMMON, "act", "occurred", "procedure"],
  [...CASE, "auxiliaries", "facts", "timecodes"],
];
export const REGISTER_FORMS = [
  [[...COMMON, "facts", "in_force", "register", "subject"], ["note"]],
  [[...COMMON, "content", "in_force", "register", "subject", "version"], ["note"]],
];
export const COMPLAINT_FORMS = [
  [[...COMMON, "occurred", "place", "seen"], [...CASE, "by", "devices", "facts"]],
];
export const HOLD_FORMS = [[[...COMMON, "hold", "occurred", "reason"], [...CASE, "complaint"]]];
export const DISPOSAL_FORMS = [[[...COMMON, "basis", "occurred", "reason", "retention"], CASE]];
