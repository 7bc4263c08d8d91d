// Signed notes: c2sp.org/signed-note@v1.0.0. A text, an empty line, signatures.
//
// A parsed note is an attacker's text: `SignedNote` says only what was written, and nothing in it
// may be shown or acted on before a signature has been checked.

import {
  clip,
  concat,
  equalBytes,
  formatBase64,
  formatHex,
  parseBase64,
  parseHex,
  parseUtf8,
  repr,
  startsWith,
  utf8,
} from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import {
  digest,
  ed25519CheckKey,
  ed25519Verify,
  mldsaCheckKey,
  mldsaVerify,
  sm2CheckKey,
  sm2Verify,
} from "../suite.js";

export const MAX_NOTE = 65_536;
export const MAX_SIGNATURES = 16;
export const KEY_ID_SIZE = 4;

const DASH = "— ";
const KEY_TEXT_LIMIT = 8192;
const NAME_LIMIT = 255;

// Signature types of signed-note that this project reads.
export const Algorithm = Object.freeze({
  ED25519: 0x01,
  COSIGNATURE_ED25519: 0x04,
  COSIGNATURE_MLDSA44: 0x06,
  SM2: 0xff,
});

// What stands before a key of the type, where it is spelled and where it is hashed.
const PREFIXES = new Map(Object.values(Algorithm).map((type) => [type, Uint8Array.of(type)]));
PREFIXES.set(Algorithm.SM2, concat([0xff], utf8("tiezheng/sm2-with-sm3/v1")));

// A public key with its name: `notary.example/w1+5c2fe4fb+BG56HN0p…` (a vkey). Each key in use has
// one object only if its reader sees to it: compare with `equals`.
export class VerifierKey {
  constructor(name, algorithm, key) {
    checkName(name);
    if (algorithm === Algorithm.COSIGNATURE_MLDSA44) mldsaCheckKey(key);
    else if (algorithm === Algorithm.SM2) sm2CheckKey(key);
    else ed25519CheckKey(key);
    this.name = name;
    this.algorithm = algorithm;
    this.public = key;
    const typed = concat(PREFIXES.get(algorithm), key);
    // Finds candidates only: four bytes are no proof of anything.
    this.keyId = digest(concat(utf8(`${name}\n`), typed)).subarray(0, KEY_ID_SIZE);
    // Name and key id as envelopes carry them.
    this.keyid = `${name}+${formatHex(this.keyId)}`;
    // SHA-256 of type and public key, hex: what a report names.
    this.fingerprint = formatHex(digest(typed));
  }

  equals(other) {
    return this.toText() === other.toText();
  }

  toText() {
    const typed = concat(PREFIXES.get(this.algorithm), this.public);
    return `${this.keyid}+${formatBase64(typed)}`;
  }

  static fromText(text) {
    // Quoted in no error: someone has put his private key where a public one belongs.
    if (text.startsWith("PRIVATE+KEY+")) throw new Malformed("want a public key, got a private one");
    // Base64 may contain "+": the first two part the parts.
    const [name, keyId, ...rest] = text.split("+");
    if (!rest.length || text.length > KEY_TEXT_LIMIT) {
      throw new Malformed(`want a key such as name+1a2b3c4d+AQ…, got ${repr(clip(text))}`);
    }
    const key = new VerifierKey(name, ...typedKey(rest.join("+")));
    if (!equalBytes(parseHex(keyId, KEY_ID_SIZE), key.keyId)) {
      throw new Malformed(`key id ${keyId} is not that of the key, ${formatHex(key.keyId)}`);
    }
    return key;
  }

  // Raises `Rejected` unless `signature` is this key's over exactly `message`; for SM2 also
  // `Unavailable`, since nothing here could tell.
  async verify(message, signature) {
    if (this.algorithm === Algorithm.COSIGNATURE_MLDSA44) {
      await mldsaVerify(this.public, signature, message);
    } else if (this.algorithm === Algorithm.SM2) {
      await sm2Verify(this.public, signature, message);
    } else {
      await ed25519Verify(this.public, signature, message);
    }
  }
}

// One line below a note: who claims to have signed, and `value` without the key id.
export class Signature {
  constructor(name, keyId, value) {
    Object.assign(this, { name, keyId, value });
  }

  toText() {
    return `${DASH}${this.name} ${formatBase64(concat(this.keyId, this.value))}\n`;
  }

  static fromText(line) {
    const parts = line.slice(0, -1).split(" ");
    if (!line.endsWith("\n") || parts.length !== 3 || parts[0] !== DASH.trim()) {
      throw new Malformed(`want a signature line, got ${repr(clip(line))}`);
    }
    const [, name, value] = parts;
    checkName(name);
    const data = parseBase64(value);
    if (data.length <= KEY_ID_SIZE) {
      throw new Malformed(`want a signature after the key id, got ${data.length} bytes in all`);
    }
    return new Signature(name, data.subarray(0, KEY_ID_SIZE), data.subarray(KEY_ID_SIZE));
  }
}

// A note as written; nothing in it is believed yet.
export class SignedNote {
  constructor(text, signatures) {
    if (signatures.length > MAX_SIGNATURES) {
      throw new Malformed(`want at most ${MAX_SIGNATURES} signatures, got ${signatures.length}`);
    }
    this.text = text;
    this.signatures = signatures;
  }

  toText() {
    return `${this.text}\n${this.signatures.map((s) => s.toText()).join("")}`;
  }

  // Raises `Malformed` unless the note is the one spelling of its parts.
  static fromText(text) {
    if (/[\x00-\x09\x0b-\x1f]/.test(text)) {
      throw new Malformed("want no control characters in a note");
    }
    const size = utf8(text).length;
    if (size > MAX_NOTE) throw new Malformed(`want a note of at most ${MAX_NOTE} bytes, got ${size}`);
    // The separator is the last empty line: the text may hold others.
    const at = text.lastIndexOf("\n\n");
    if (at < 0 || !text.endsWith("\n")) {
      throw new Malformed("want a text, an empty line and signature lines");
    }
    const lines = text.slice(at + 2, -1).split("\n");
    const note = new SignedNote(
      text.slice(0, at + 1),
      lines.map((line) => Signature.fromText(`${line}\n`)),
    );
    if (note.toText() !== text) throw new Malformed("want the one spelling of this note");
    return note;
  }

  static fromBytes(data) {
    if (data.length > MAX_NOTE) {
      throw new Malformed(`want a note of at most ${MAX_NOTE} bytes, got ${data.length}`);
    }
    return SignedNote.fromText(parseUtf8(data));
  }

  // The line that claims this key, or null. Two such lines are `Rejected`: which one was checked?
  by(key) {
    const mine = this.signatures.filter(
      (s) => s.name === key.name && equalBytes(s.keyId, key.keyId),
    );
    if (mine.length > 1) throw new Rejected(`two signatures by ${key.keyid}`);
    return mine[0] ?? null;
  }
}

// Raises `Rejected` unless `key`, a plain Ed25519 key, has signed the note.
export async function checkNote(note, key) {
  if (key.algorithm !== Algorithm.ED25519) throw new Rejected(`${key.keyid} is not a note key`);
  const line = note.by(key);
  if (line === null) throw new Rejected(`no signature by ${key.keyid}`);
  await checkLine(key, utf8(note.text), line.value, `the signature by ${key.keyid} does not match`);
}

// `Rejected` in other words; what cannot be told stays as it is.
export async function checkLine(key, message, signature, words) {
  try {
    await key.verify(message, signature);
  } catch (error) {
    if (error instanceof Rejected) throw new Rejected(words);
    throw error;
  }
}

export function checkName(name) {
  if (!name || name.includes("+") || new TextEncoder().encode(name).length > NAME_LIMIT) {
    throw new Malformed(`want a key name of 1 to 255 bytes without '+', got ${repr(clip(name))}`);
  }
  // All that Go or Python call a space, all controls, and lone surrogates.
  if (/[\p{Cc}\p{Cs}\p{Z}]/u.test(name)) {
    throw new Malformed(`want a key name without spaces, got ${repr(clip(name))}`);
  }
}

// Algorithm and bytes of a key as it stands in a vkey.
export function typedKey(typed) {
  const data = parseBase64(typed);
  if (!data.length) throw new Malformed("the key is empty");
  for (const [algorithm, prefix] of PREFIXES) {
    if (startsWith(data, prefix)) return [algorithm, data.slice(prefix.length)];
  }
  throw new Malformed(`no key type 0x${data[0].toString(16).padStart(2, "0")} here`);
}
