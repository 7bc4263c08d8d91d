// The only place that reads numbers, base64, hex, JSON and times: one spelling per value.
//
// Integers are Numbers up to 2^53-1 and BigInts beyond, never both for one value: so `===`
// holds between any two, `<` too, and arithmetic that would lose bits is a TypeError.

import { Malformed } from "./errors.js";

export const MAX_INTEGER = Number.MAX_SAFE_INTEGER; // 2^53 - 1
export const MAX_DECIMAL = 2n ** 63n - 1n;
export const MAX_JSON_DEPTH = 16;
export const MAX_TIME = 253_402_271_999_999; // 9999-12-31 ends in China

const CHINA_MS = 8 * 3_600_000;
const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;
const HEX = /^[0-9a-f]*$/;
const TIME =
  /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{3}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/; // without groups, which long text overflows the stack with
// Those at the end came with Unicode 15: not every browser and Python knows them.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Zs}\u{13439}-\u{1343f}]/u;

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();
const VALUES = new Uint8Array(128);
for (let i = 0; i < 64; i += 1) VALUES[ALPHABET.charCodeAt(i)] = i;

// --- bytes ---------------------------------------------------------------------------------

// UTF-8 of well-formed text: a lone surrogate has none.
export function utf8(text) {
  if (!text.isWellFormed()) throw new Malformed("want Unicode text, got a lone surrogate");
  return ENCODER.encode(text);
}

export function parseUtf8(data) {
  try {
    return DECODER.decode(data);
  } catch (error) {
    if (error instanceof TypeError) throw new Malformed("want UTF-8");
    throw error;
  }
}

export function concat(...parts) {
  return joined(parts);
}

// The same of a list that may be longer than a call can have arguments.
export function joined(parts) {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equalBytes(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

// -1, 0 or 1, as Python orders bytes.
export function compareBytes(a, b) {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i += 1) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  return Math.sign(a.length - b.length);
}

export function startsWith(data, prefix) {
  return data.length >= prefix.length && equalBytes(data.subarray(0, prefix.length), prefix);
}

// Big-endian, in so many bytes; of a Number or a BigInt.
export function toBytes(number, size) {
  const data = new Uint8Array(size);
  let rest = BigInt(number);
  for (let i = size - 1; i >= 0; i -= 1) {
    data[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest) throw new RangeError(`${number} does not fit into ${size} bytes`);
  return data;
}

// Always a BigInt.
export function bigFromBytes(data) {
  return data.length ? BigInt(`0x${formatHex(data)}`) : 0n;
}

// A Number where it is exact, else a BigInt.
export function plain(big) {
  return big <= BigInt(MAX_INTEGER) && big >= -BigInt(MAX_INTEGER) ? Number(big) : big;
}

// --- order ---------------------------------------------------------------------------------

// For `sort`, of Numbers and BigInts.
export function ascending(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

// For `sort`, of text, by code points as Python does; `<` compares UTF-16 units.
export function byCodePoint(a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) {
      const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
      // Surrogates stand for what lies above all other units.
      const high = (unit) => unit >= 0xd800 && unit <= 0xdfff;
      if (high(x) !== high(y)) return high(x) ? 1 : -1;
      return x < y ? -1 : 1;
    }
  }
  return Math.sign(a.length - b.length);
}

// --- numbers, base64, hex ------------------------------------------------------------------

// From 0 to 2^63-1 without sign, space or leading zero.
export function parseDecimal(text) {
  if (!DECIMAL.test(text)) throw new Malformed(`want a decimal number, got ${repr(clip(text))}`);
  const number = BigInt(text);
  if (number > MAX_DECIMAL) throw new Malformed(`want at most ${MAX_DECIMAL}, got ${text}`);
  return plain(number);
}

export function formatBase64(data) {
  let text = "";
  let i = 0;
  for (; i + 2 < data.length; i += 3) {
    const n = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    text += ALPHABET[n >> 18] + ALPHABET[(n >> 12) & 63] + ALPHABET[(n >> 6) & 63] + ALPHABET[n & 63];
  }
  if (data.length - i === 1) {
    text += `${ALPHABET[data[i] >> 2]}${ALPHABET[(data[i] & 3) << 4]}==`;
  } else if (data.length - i === 2) {
    const n = (data[i] << 8) | data[i + 1];
    text += `${ALPHABET[n >> 10]}${ALPHABET[(n >> 4) & 63]}${ALPHABET[(n & 15) << 2]}=`;
  }
  return text;
}

// RFC 4648 section 4 with padding and zero trailing bits; `length` in bytes, if fixed.
export function parseBase64(text, length = null) {
  if (!BASE64.test(text) || text.length % 4) throw new Malformed(`want base64, got ${repr(clip(text))}`);
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const data = new Uint8Array((text.length / 4) * 3 - padding);
  let at = 0;
  for (let i = 0; i < text.length; i += 4) {
    // "=" has the value 0, so what it stands for is cut off by the array's end.
    const n =
      (VALUES[text.charCodeAt(i)] << 18) |
      (VALUES[text.charCodeAt(i + 1)] << 12) |
      (VALUES[text.charCodeAt(i + 2)] << 6) |
      VALUES[text.charCodeAt(i + 3)];
    data[at] = n >> 16;
    data[at + 1] = (n >> 8) & 255;
    data[at + 2] = n & 255;
    at += 3;
    // The bits behind the last byte say nothing, so there are other spellings of it.
    if (i + 4 === text.length && padding && n & (padding === 2 ? 0xffff : 0xff)) {
      throw new Malformed(`want the one base64 spelling of these bytes, got ${repr(clip(text))}`);
    }
  }
  if (length !== null && data.length !== length) {
    throw new Malformed(`want ${length} bytes of base64, got ${data.length}`);
  }
  return data;
}

const DIGITS = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

export function formatHex(data) {
  let text = "";
  for (const byte of data) text += DIGITS[byte];
  return text;
}

// Lower-case hex, two digits a byte; `length` in bytes, if fixed.
export function parseHex(text, length = null) {
  if (!HEX.test(text) || text.length % 2) throw new Malformed(`want lower-case hex, got ${repr(clip(text))}`);
  if (length !== null && text.length !== 2 * length) {
    throw new Malformed(`want ${length} bytes of hex, got ${text.length / 2}`);
  }
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

// --- JSON ----------------------------------------------------------------------------------

// RFC 8785 of objects, arrays, strings and integers; raises on everything else.
export function formatJson(value) {
  return utf8(spell(value, 0));
}

// Exactly what `formatJson` writes, at most `limit` bytes. Objects have own properties only
// where the JSON has them: look with `exactly`, or `Object.hasOwn`.
export function parseJson(data, { limit }) {
  if (data.length > limit) {
    throw new Malformed(`want at most ${limit} bytes of JSON, got ${data.length}`);
  }
  const text = parseUtf8(data);
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Malformed(`want JSON: ${clip(error.message)}`);
    if (error instanceof RangeError) throw new Malformed("JSON nested too deeply");
    throw error;
  }
  // A key that stood twice, a number that lost bits, 1.0 for 1: all are spelled anew otherwise.
  if (spell(value, 0) !== text) {
    throw new Malformed("want canonical JSON (RFC 8785), got another spelling of the same value");
  }
  return value;
}

function spell(value, depth) {
  if (typeof value === "string") {
    // JSON.stringify escapes as RFC 8785 does, but for lone surrogates, which it has no bytes for.
    if (!value.isWellFormed()) throw new Malformed("want Unicode text, got a lone surrogate");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (!Number.isInteger(value)) throw new Malformed("want JSON: want integers only");
    if (!Number.isSafeInteger(value)) {
      throw new Malformed(`want an integer within ±${MAX_INTEGER}, got a longer one`);
    }
    return String(value);
  }
  if (typeof value === "boolean" || value === null) {
    throw new Malformed("want strings and integers only, got a boolean or null");
  }
  if (typeof value !== "object") {
    throw new Malformed(`want strings and integers only, got ${typeof value}`);
  }
  const keys = Object.keys(value);
  if (keys.length && depth === MAX_JSON_DEPTH) throw new Malformed("JSON nested too deeply");
  if (Array.isArray(value)) return `[${value.map((part) => spell(part, depth + 1)).join(",")}]`;
  // The order of `sort` without an argument is that of RFC 8785: by UTF-16 units.
  const parts = keys.sort().map((key) => `${spell(key, 0)}:${spell(value[key], depth + 1)}`);
  return `{${parts.join(",")}}`;
}

// Whether `value` is an object with just these keys, each of its kind: "text", "integer", "list",
// "object", or the very value. A key with "?" at its end may be missing.
export function exactly(value, kinds) {
  if (!isObject(value)) return false;
  let known = 0;
  for (const [name, kind] of Object.entries(kinds)) {
    const optional = name.endsWith("?");
    const key = optional ? name.slice(0, -1) : name;
    if (!Object.hasOwn(value, key)) {
      if (optional) continue;
      return false;
    }
    known += 1;
    if (!isKind(value[key], kind)) return false;
  }
  return known === Object.keys(value).length;
}

export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isKind(value, kind) {
  if (kind === "text") return typeof value === "string";
  if (kind === "integer") return Number.isSafeInteger(value);
  if (kind === "list") return Array.isArray(value);
  if (kind === "object") return isObject(value);
  if (typeof kind === "string") throw new TypeError(`no such kind: ${kind}`);
  return value === kind;
}

// --- times ---------------------------------------------------------------------------------

// RFC 3339 with a zone, seconds or milliseconds; milliseconds since the Unix epoch.
export function parseTime(text) {
  const found = TIME.exec(text);
  if (!found) {
    throw new Malformed(`want a time such as 2026-11-23T14:00:00+08:00, got ${repr(clip(text))}`);
  }
  const [year, month, day, hour, minute, second, thousandths] = found
    .slice(1, 8)
    .map((digits) => Number(digits ?? 0));
  // Date takes 31 February for 3 March, and the year 70 for 1970.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (year < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    throw new Malformed(`no such time: ${repr(text)}`);
  }
  const zone = (Number(found[9] ?? 0) * 60 + Number(found[10] ?? 0)) * 60_000;
  const within = ((hour * 60 + minute) * 60 + second) * 1000 + thousandths;
  const atMs = date.getTime() + within - (found[8] === "-" ? -zone : zone);
  if (atMs < 0 || atMs > MAX_TIME) {
    throw new Malformed(`want a time from 1970 to 9999, got ${repr(text)}`);
  }
  return atMs;
}

// A day such as 2026-11-23, as days since 1 January 1970.
export function parseDay(text) {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!found) throw new Malformed(`want a day such as 2026-11-23, got ${repr(clip(text))}`);
  const [year, month, day] = found.slice(1).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (year < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    throw new Malformed(`no such day: ${repr(text)}`);
  }
  return date.getTime() / 86_400_000;
}

// For people and reports: `2026-11-23T14:00:00+08:00`.
export function formatTime(atMs) {
  return `${inChina(atMs).toISOString().slice(0, 19)}+08:00`;
}

// A Date whose UTC fields are the wall clock in Asia/Shanghai.
export function inChina(atMs) {
  if (!(atMs >= 0 && atMs <= MAX_TIME)) throw new Malformed(`no such time: ${atMs} ms`);
  return new Date(Math.floor(atMs / 1000) * 1000 + CHINA_MS);
}

export function parseUuid7(text) {
  if (!UUID7.test(text)) throw new Malformed(`want a UUIDv7 in lower case, got ${repr(clip(text))}`);
  return text;
}

// --- text ----------------------------------------------------------------------------------

// Python's `splitlines`: nothing after the last line end.
export function splitLines(text) {
  const lines = text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/u);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

// Characters, not UTF-16 units.
export function textLength(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

// Input as it may stand in a message: no more than a line of it.
export function clip(text, limit = 60) {
  if (text.length <= limit) return text;
  const characters = [...text];
  return characters.length <= limit ? text : `${characters.slice(0, limit).join("")}…`;
}

// Text from outside as a page or report may show it: what cannot be seen becomes an escape.
export function printable(text) {
  let shown = "";
  for (const c of text) shown += isVisible(c) ? c : escaped(c);
  return shown;
}

export function isVisible(c) {
  return c === " " || !INVISIBLE.test(c);
}

export function allVisible(text) {
  for (const c of text) if (!isVisible(c)) return false;
  return true;
}

// Nothing but what Python strips: a space of any width is nothing that a court could read.
export function isBlank(text) {
  return /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/.test(text);
}

// Input quoted in a message, as Python's `!r` writes it.
export function repr(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let shown = "";
  for (const c of text) {
    if (c === quote || c === "\\") shown += `\\${c}`;
    else shown += c === " " || !/[\p{C}\p{Z}]/u.test(c) ? c : escaped(c);
  }
  return `${quote}${shown}${quote}`;
}

export function reprBytes(data) {
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let shown = "";
  for (const c of text) {
    if (c === quote || c === "\\") shown += `\\${c}`;
    else shown += c >= " " && c <= "~" ? c : escaped(c);
  }
  return `b${quote}${shown}${quote}`;
}

function escaped(c) {
  const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[c];
  if (named) return named;
  const code = c.codePointAt(0);
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}
