// The packet's reference, short enough to be typed from paper: `TZP1.` and base32 with two check
// characters. It finds a packet and compares it; it says nothing of whether that is true.

import { parseHex } from "../encoding.js";
import { digest } from "../suite.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SIZE = 15;

/** Of the 64 hex digits of a report; empty for a packet that could not be read. */
export async function packetReference(hex) {
  if (hex === "") return "";
  const letters = base32(parseHex(hex).subarray(0, SIZE));
  const body = `TZP1.${letters.match(/.{6}/gu).join("-")}`;
  const check = await digest(new TextEncoder().encode(body));
  return `${body}-${base32(check.subarray(0, 5)).slice(0, 2)}`;
}

/** Of a multiple of five bytes, so that there is no padding. */
function base32(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 5) {
    let group = 0n;
    for (const byte of bytes.subarray(at, at + 5)) group = (group << 8n) | BigInt(byte);
    for (let shift = 35n; shift >= 0n; shift -= 5n) text += LETTERS[Number((group >> shift) & 31n)];
  }
  return text;
}
