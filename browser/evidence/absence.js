// Absence: what a mirror, which keeps a whole log, says of tags in one tree of it.
//
// `asked` is how many tags the mirror was asked for and the SHA-256 over all of them; each that is
// not `found` occurs nowhere in that tree. The tags themselves are made anew by whoever reads this.

import * as suite from "../suite.js";
import {
  ascending,
  compareBytes,
  equalBytes,
  exactly,
  formatBase64,
  formatJson,
  parseBase64,
  parseDecimal,
  parseHex,
  parseJson,
  formatHex,
  utf8,
} from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { Checkpoint } from "../tlog/checkpoint.js";
import { TAG_SIZE } from "./entry.js";
import { Envelope } from "./envelope.js";
import { logLabel } from "./membership.js";
import { MAX_PAYLOAD, TYPE } from "./statement.js";

const PREDICATE = "urn:tiezheng:absence:v1";
const MAX_ASKED = 131_072; // the 65,536 beyond N, and as many below: 2 MB
const MAX_FOUND = 8_192; // places; a statement of more would not fit its envelope

// Said by somebody whom the verifier does not know: worth nothing, and no harm.
export class Stranger extends Rejected {}

// `found` holds every place of every tag that was asked for, in log order.
export class Absence {
  constructor(checkpoint, count, asked, found) {
    Object.assign(this, { checkpoint, count, asked, found });
    if (count < 1 || count > MAX_ASKED) {
      throw new Malformed(`want 1 to ${MAX_ASKED} tags, got ${count}`, { path: "asked" });
    }
    const tags = new Set(found.map((place) => formatHex(place.tag)));
    if (found.length > MAX_FOUND || tags.size > count) {
      throw new Malformed(`want at most ${MAX_FOUND} places of those tags`, { path: "found" });
    }
    if (found.some((place, i) => i && comparePlaces(found[i - 1], place) >= 0)) {
      throw new Malformed("want places in log order, each once", { path: "found" });
    }
    if (found.length && found.at(-1).entry >= checkpoint.size) {
      throw new Malformed(`want entries below ${checkpoint.size}`, { path: "found" });
    }
  }

  toBytes() {
    const { origin, root, size } = this.checkpoint;
    const text = formatHex(suite.digest(utf8(this.checkpoint.toText())));
    const found = this.found.map(({ entry, tag }) => ({
      entry: String(entry),
      tag: formatBase64(tag),
    }));
    return formatJson({
      _type: TYPE,
      predicate: {
        asked: { count: String(this.count), sha256: formatHex(this.asked) },
        checkpoint: { origin, root: formatBase64(root), size: String(size) },
        found,
      },
      predicateType: PREDICATE,
      subject: [{ digest: { sha256: text }, name: `checkpoint/${logLabel(origin)}` }],
    });
  }

  static fromBytes(payload) {
    const value = parseJson(payload, { limit: MAX_PAYLOAD });
    const predicate = value.predicate ?? {};
    const formed =
      exactly(predicate, { asked: "object", checkpoint: "object", found: "list" }) &&
      exactly(predicate.asked, { count: "text", sha256: "text" }) &&
      exactly(predicate.checkpoint, { origin: "text", root: "text", size: "text" });
    if (!formed) {
      throw new Malformed("want an absence statement with asked, checkpoint and found");
    }
    const { count, sha256 } = predicate.asked;
    const { origin, root, size } = predicate.checkpoint;
    const absence = new Absence(
      Checkpoint.fromText(`${origin}\n${size}\n${root}\n`),
      parseDecimal(count),
      parseHex(sha256, 32),
      predicate.found.map(place),
    );
    // Fields that are not read above, and a subject of something else, are seen here.
    if (!equalBytes(absence.toBytes(), payload)) {
      throw new Malformed(
        "want the one spelling of an absence statement, nothing else in it",
      );
    }
    return absence;
  }
}

// What one of `mirrors` has said, and whose key that is, once its signature is checked.
//
// Raises `Stranger` if none of them claims to have signed it.
export async function openAbsence(data, mirrors) {
  const envelope = Envelope.fromBytes(data);
  if (envelope.signatures.length !== 1) {
    const message = `want one signature, got ${envelope.signatures.length}`;
    throw new Malformed(message, { path: "signatures" });
  }
  const [mirror] = await envelope.open((keyid) => {
    const key = mirrors.findLast((one) => one.keyid === keyid);
    if (key === undefined) throw new Stranger("no mirror of your trust folder has signed it");
    return key;
  });
  return [Absence.fromBytes(envelope.payload), mirror];
}

// What the digest `asked` is over: the tags, ascending, nothing between.
export function tagsToBytes(tags) {
  // Tens of thousands: too many for one call's arguments.
  const data = new Uint8Array(tags.length * TAG_SIZE);
  for (const [i, tag] of [...tags].sort(compareBytes).entries()) data.set(tag, i * TAG_SIZE);
  return data;
}

function place(row) {
  if (!exactly(row, { entry: "text", tag: "text" })) {
    throw new Malformed("want entry and tag", { path: "found" });
  }
  return { entry: parseDecimal(row.entry), tag: parseBase64(row.tag, TAG_SIZE) };
}

function comparePlaces(a, b) {
  return ascending(a.entry, b.entry) || compareBytes(a.tag, b.tag);
}
