// Entries: what the public log holds about a statement, and nothing that can be guessed.
//
//     {"at":1795430400000,"commitment":"<base64 32 B>","tags":["<base64 16 B>", … eight],"v":1}
//
// `commitment` is SHA-256(salt ‖ envelope). `at` is when the ledger says it accepted the
// statement, in whole minutes, and proves nothing.

import {
  MAX_TIME,
  clip,
  compareBytes,
  concat,
  equalBytes,
  formatBase64,
  formatTime,
  parseBase64,
  reprBytes,
  utf8,
} from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { DIGEST_SIZE, digest } from "../suite.js";
import { leafHash } from "../tlog/merkle.js";

export const SALT_SIZE = 32;
export const TAG_SIZE = 16;
export const TAGS = 8;
export const MINUTE_MS = 60_000;
const MAX_ENTRY = 1024;

// The one spelling of an entry: RFC 8785, base64 with zero trailing bits.
const TAG = "[A-Za-z0-9+/]{21}[AQgw]==";
const FORM = new RegExp(
  '^\\{"at":(0|[1-9][0-9]{0,14}),' +
    '"commitment":"([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)",' +
    `"tags":\\["(${Array(TAGS).fill(TAG).join('","')})"\\],"v":1\\}$`,
);

// `tags` are eight, distinct and ascending, so no kind of statement looks different.
export class Entry {
  constructor(at, commitment, tags) {
    if (!(at >= 0 && at <= MAX_TIME) || at % MINUTE_MS) {
      throw new Malformed(`want a time in whole minutes, got ${at} ms`, { path: "at" });
    }
    if (commitment.length !== DIGEST_SIZE) {
      throw new Malformed(`want 32 bytes, got ${commitment.length}`, { path: "commitment" });
    }
    if (tags.length !== TAGS || tags.some((tag) => tag.length !== TAG_SIZE)) {
      throw new Malformed(`want ${TAGS} tags of ${TAG_SIZE} bytes`, { path: "tags" });
    }
    if (tags.some((tag, i) => i && compareBytes(tags[i - 1], tag) >= 0)) {
      throw new Malformed("want distinct tags in ascending order", { path: "tags" });
    }
    Object.assign(this, { at, commitment, tags });
  }

  toBytes() {
    const tags = this.tags.map(formatBase64).join('","');
    const commitment = formatBase64(this.commitment);
    return utf8(`{"at":${this.at},"commitment":"${commitment}","tags":["${tags}"],"v":1}`);
  }

  static fromBytes(data) {
    if (data.length > MAX_ENTRY) {
      throw new Malformed(`want at most ${MAX_ENTRY} bytes of entry, got ${data.length}`);
    }
    // A character a byte: what is no ASCII fits nowhere in the form.
    const form = FORM.exec(String.fromCharCode(...data));
    if (!form) {
      throw new Malformed(
        `want at, commitment, ${TAGS} tags and v = 1 in canonical JSON, got ${clip(reprBytes(data))}`,
      );
    }
    const [, at, commitment, tags] = form;
    const each = tags.split('","').map((tag) => parseBase64(tag, TAG_SIZE));
    return new Entry(Number(at), parseBase64(commitment, DIGEST_SIZE), each);
  }

  leafHash() {
    return leafHash(this.toBytes());
  }
}

// The last time, from `after` on; and the first that is no `Entry` or goes back in time, as its
// number and why, or null.
export function scanEntries(entries, after) {
  let last = after;
  for (const [i, data] of entries.entries()) {
    try {
      const { at } = Entry.fromBytes(data);
      if (at < last) return [last, [i, beforeTheOneAbove(at)]];
      last = at;
    } catch (error) {
      if (error instanceof Malformed) return [last, [i, error]];
      throw error;
    }
  }
  return [last, null];
}

export function beforeTheOneAbove(at) {
  return new Rejected(`accepted at ${formatTime(at)}, before the entry above it`);
}

// The salted commitment to the exact bytes of an envelope file.
export function commit(salt, envelope) {
  if (salt.length !== SALT_SIZE) {
    throw new Malformed(`want a salt of ${SALT_SIZE} bytes, got ${salt.length}`);
  }
  return digest(concat(salt, envelope));
}

export function checkCommitment(entry, salt, envelope) {
  if (!equalBytes(commit(salt, envelope), entry.commitment)) {
    throw new Rejected("salt and statement do not give the commitment in the log");
  }
}
