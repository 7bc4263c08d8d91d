// Which suites a verifier believes and which he wants: `suites` in the trust folder.
//
//     require sha256 sm3      each item has a digest in each of these
//     distrust ed25519        a signature in this suite alone is not enough
//
// What is required and missing is failed, since somebody may have taken it away; what stands in
// distrusted suites alone is undecided, since nobody has shown that it is wrong.

import { byCodePoint, clip, parseUtf8, repr, splitLines } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { Algorithm } from "../tlog/note.js";

const DIGESTS = ["sha256", "sm3"];
const SIGNATURES = ["ed25519", "sm2"];
const WORDS = [...DIGESTS, ...SIGNATURES];
const NOTE = "place and time rest on the log's own SHA-256 and on its cosigners' keys all the same";

// Without the file every suite is believed, and none required.
export class Suites {
  constructor(required = new Set(), distrusted = new Set()) {
    Object.assign(this, { required, distrusted });
    const both = WORDS.filter((word) => required.has(word) && distrusted.has(word));
    if (both.length) throw new Malformed(`${both.sort()[0]} is required and distrusted`);
    for (const pair of [DIGESTS, SIGNATURES]) {
      if (pair.every((word) => distrusted.has(word))) {
        const named = pair.join(" and ");
        throw new Malformed(`${named} are distrusted: nothing is left to believe`);
      }
    }
  }

  #rows() {
    const rows = [
      ["require", "required", this.required],
      ["distrust", "distrusted", this.distrusted],
    ];
    return rows.filter(([, , words]) => words.size);
  }

  toText() {
    return this.#rows()
      .map(([verb, , words]) => `${verb} ${spelled(words)}\n`)
      .join("");
  }

  static fromText(text) {
    const found = new Map();
    for (const line of splitLines(text)) {
      const [verb, ...words] = line.split(" ");
      if (!["require", "distrust"].includes(verb) || found.has(verb)) {
        const want = "want one line of require and one of distrust";
        throw new Malformed(`${want}, got ${repr(clip(line))}`);
      }
      const unknown = words.filter((word) => !WORDS.includes(word)).sort(byCodePoint);
      if (unknown.length) {
        throw new Malformed(`want some of ${WORDS.join(', ')}, got ${repr(clip(unknown[0]))}`);
      }
      found.set(verb, new Set(words));
    }
    const suites = new Suites(found.get("require"), found.get("distrust"));
    if (!found.size || suites.toText() !== text) {
      throw new Malformed(
        `want the lines require and distrust, words in order: ${WORDS.join(' ')}`,
      );
    }
    return suites;
  }

  static fromBytes(data) {
    return Suites.fromText(parseUtf8(data));
  }

  // Why what is said of an item is not believed, or ''; `Rejected` where one is missing.
  checkItem(said) {
    return this.#check(said.sm3.length ? DIGESTS : ["sha256"], DIGESTS, "digest");
  }

  // The same of one person's signatures on one statement.
  checkSigner(signer) {
    const given = signer.keys.map(suiteOf);
    return this.#check(given, SIGNATURES, `signature by ${repr(signer.person)}`);
  }

  // Why the register is not believed. The folder names his key: none can be taken away.
  checkRegistrar(key) {
    const word = suiteOf(key);
    if (!this.distrusted.has(word)) return "";
    return `the registrar signs in a suite that your trust folder distrusts: ${word}`;
  }

  // What this folder asks for and what that leaves, for the report; empty without a file.
  finding() {
    const asked = this.#rows().map(([, done, words]) => `${done} ${spelled(words)}`);
    return asked.length ? `suites: ${asked.join(', ')}; ${NOTE}` : "";
  }

  #check(given, of, what) {
    for (const word of of) {
      if (this.required.has(word) && !given.includes(word)) {
        throw new Rejected(`want a ${word} ${what}, as your trust folder requires`);
      }
    }
    if (given.some((word) => !this.distrusted.has(word))) return "";
    return `only in a suite that your trust folder distrusts: ${spelled(new Set(given))}`;
  }
}

function suiteOf(key) {
  return key.algorithm === Algorithm.SM2 ? "sm2" : "ed25519";
}

function spelled(words) {
  return WORDS.filter((word) => words.has(word)).join(" ");
}
