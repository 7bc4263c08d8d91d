// Series: runs of statements that must be complete, under tags that nobody else can link.
//
//     tag n      = HMAC-SHA-256(series_key, "tiezheng/series/v1" ‖ 0x00 ‖ uint64(n))[:16]
//     series_key = SHA-256("tiezheng/series-key/v1" ‖ 0x00 ‖ signature)
//     signature  = RSASSA-PKCS1-v1_5-SHA-256 over "tiezheng/series/v1" LF name LF
//
// The signature must be the only one, or the operator could keep a second series for a case and
// show a court the shorter. It is, where x → x^65537 is one-to-one on the units modulo n, which
// the eight roots show, and the signature is a unit. docs/formats/series.md argues it.

import * as suite from "../suite.js";
import {
  bigFromBytes,
  clip,
  concat,
  equalBytes,
  exactly,
  formatHex,
  parseBase64,
  parseJson,
  repr,
  textLength,
  toBytes,
  utf8,
} from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { TAG_SIZE, TAGS } from "./entry.js";

export const MODULUS_SIZE = suite.SERIES_BITS / 8;
const ROOTS = 8; // a key that is no permutation passes with 65537^-8 = 2^-128
const SEED_OUTPUT = 400; // 128 bits more than n, so that mod n shows no bias
const MAX_NAME = 1024;
const MAX_KEY_FILE = 16_384;
const FILLERS = Array.from({ length: TAGS }, (_, j) => concat(utf8("tiezheng/filler/v1\0"), [j]));

// The public half for one year, its eight roots checked when it was made.
export class SeriesKey {
  constructor(modulus, roots) {
    Object.assign(this, { modulus, roots });
  }

  static fromFiles(pem, roots) {
    const value = parseJson(roots, { limit: MAX_KEY_FILE });
    if (!exactly(value, { roots: "list", v: 1 })) {
      throw new Malformed("want roots and v = 1, nothing else");
    }
    if (value.roots.length !== ROOTS || !value.roots.every((text) => typeof text === "string")) {
      throw new Malformed(`want ${ROOTS} roots in base64`);
    }
    const numbers = value.roots.map((text) => bigFromBytes(parseBase64(text, MODULUS_SIZE)));
    const key = new SeriesKey(suite.seriesModulus(pem), numbers);
    key.#checkRoots();
    return key;
  }

  #checkRoots() {
    const n = this.modulus;
    for (const [i, root] of this.roots.entries()) {
      // Without the gcd, n = 9qr passes and has three signatures for one name.
      if (root <= 0n || root >= n || gcd(root, n) !== 1n) {
        throw new Rejected(`root ${i} of the series key is no unit modulo n`);
      }
      if (suite.raised(root, n) !== rootTarget(n, i)) {
        throw new Rejected(
          `root ${i} of the series key is wrong: signatures may not be unique`,
        );
      }
    }
  }

  // SHA-256 of n as 384 bytes, hex: what the opening of a log enrols.
  get fingerprint() {
    return formatHex(suite.digest(toBytes(this.modulus, MODULUS_SIZE)));
  }

  // Raises `Rejected` unless `signature` is the one signature of this series.
  async open(name, signature) {
    const s = bigFromBytes(signature);
    if (s <= 0n || s >= this.modulus || gcd(s, this.modulus) !== 1n) {
      throw new Rejected("the series signature is no unit modulo n");
    }
    await suite.seriesVerify(this.modulus, signature, nameMessage(name));
    const head = utf8("tiezheng/series-key/v1\0");
    return new Series(name, suite.digest(concat(head, signature)));
  }
}

// A series whose name and signature were checked together.
export class Series {
  // How far beyond N a verifier looks for hidden statements. Tests that are not about it look less
  // far, as those in Python do.
  static lookahead = 65_536;

  #key;

  constructor(name, key) {
    this.name = name;
    this.#key = key;
  }

  // The tag of the n-th statement; n from 1.
  tag(n) {
    return this.tags(n, n)[0];
  }

  // The tags first…last, inclusive.
  tags(first, last) {
    return suite.shortMacs(this.#key, numbered(first, last), TAG_SIZE);
  }

  // The tags after the first `count`, as far as a verifier looks for hidden statements.
  beyond(count) {
    return this.tags(count + 1, count + Series.lookahead);
  }

  // All that a verifier of `count` statements looks for, in order.
  asked(count) {
    return this.tags(1, count + Series.lookahead);
  }
}

// One message again and again, with the next number in its last eight bytes.
function* numbered(first, last) {
  const message = concat(utf8("tiezheng/series/v1\0"), new Uint8Array(8));
  const number = new DataView(message.buffer, message.length - 8);
  for (let n = first; n <= last; n += 1) {
    number.setBigUint64(0, BigInt(n));
    yield message;
  }
}

function nameMessage(name) {
  // The size first: to normalise 250 kB of combining characters takes a minute.
  const size = textLength(name) <= MAX_NAME ? utf8(name).length : Infinity;
  if (!size || size > MAX_NAME || name.includes("\n") || name.normalize("NFC") !== name) {
    throw new Malformed(`want a series name of one line in NFC, got ${repr(clip(name))}`);
  }
  return utf8(`tiezheng/series/v1\n${name}\n`);
}

// The number whose 65537th root number `i` must be: nobody could choose it.
function rootTarget(modulus, i) {
  const bytes = toBytes(modulus, MODULUS_SIZE);
  const seed = concat(utf8("tiezheng/series-perm/v1\0"), bytes, [i]);
  return bigFromBytes(suite.mask(seed, SEED_OUTPUT)) % modulus;
}

function gcd(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

// That an entry's tags are those of its statement's series and fillers, all accounted for.
//
// A tag that nothing explains would put the statement into a series that is not shown.
export function checkTags(entry, salt, tags, unshown = 0) {
  const own = suite.shortMacs(salt, FILLERS, TAG_SIZE);
  const known = [...tags, ...own.slice(0, Math.max(0, TAGS - tags.length - unshown))];
  const within = (some) => (tag) => some.some((one) => equalBytes(one, tag));
  const left = entry.tags.filter((tag) => !within(known)(tag));
  if (known.length + unshown !== TAGS || left.length !== unshown || left.some(within(own))) {
    throw new Rejected("the tags in the log are not those of this statement");
  }
}
