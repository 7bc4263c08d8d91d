// When what proofs rest on is no longer believed, as a verifier's trust folder says: one line
// each, an algorithm or an authority of the folder, and a time.

import { clip, parseTime, parseUtf8, repr, splitLines } from "../encoding.js";
import { Malformed } from "../errors.js";

export const ALGORITHMS = new Set([
  ...["ecdsa", "ed25519", "mldsa44", "rsa"],
  ...["sha1", "sha256", "sha384", "sha512"],
]);
const MAX_LINES = 256;

// A Map from name to milliseconds; `authorities` are the names of those in the folder.
export function parseEnds(data, authorities) {
  const names = new Set([...ALGORITHMS, ...authorities.map((name) => `tsa/${name}`)]);
  const lines = splitLines(parseUtf8(data));
  if (lines.length > MAX_LINES) {
    throw new Malformed(`want at most ${MAX_LINES} lines, got ${lines.length}`);
  }
  const ends = new Map();
  for (const line of lines) {
    const [name] = line.split(" ", 1);
    if (!names.has(name)) {
      throw new Malformed(`want an algorithm or an authority, got ${repr(clip(name))}`);
    }
    if (ends.has(name)) throw new Malformed(`${name} stands twice`);
    ends.set(name, parseTime(line.slice(name.length + 1)));
  }
  return ends;
}
