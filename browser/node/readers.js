// Single readers, and the check of single signatures, for tests in another language.

import * as encoding from "../encoding.js";
import { LedgerError } from "../errors.js";
import { Absence } from "../evidence/absence.js";
import { parseCase, parseTemplate } from "../evidence/case_number.js";
import { Clip } from "../evidence/clip.js";
import { parseEnds } from "../evidence/ends.js";
import { Entry } from "../evidence/entry.js";
import { Envelope } from "../evidence/envelope.js";
import { logLabel } from "../evidence/membership.js";
import { Index, Place, SeriesFile, checkPath, parseManifest } from "../evidence/packet.js";
import { Statement } from "../evidence/statement.js";
import { Suites } from "../evidence/suites.js";
import { ed25519Plain, ed25519Verify, mldsaVerify, seriesModulus } from "../suite.js";
import { Checkpoint } from "../tlog/checkpoint.js";
import { Signature, SignedNote, VerifierKey } from "../tlog/note.js";
import { Policy } from "../tlog/policy.js";
import { Receipt } from "../tlog/receipt.js";
import { Tile, entriesFromBytes } from "../tlog/tile.js";

const text = (read) => (data) => read(encoding.parseUtf8(data));

// By the names that they have in tests/fuzz/targets.py.
const READERS = {
  decimal: text(encoding.parseDecimal),
  base64: text(encoding.parseBase64),
  hex: text(encoding.parseHex),
  utf8: encoding.parseUtf8,
  json: (data) => encoding.parseJson(data, { limit: 1 << 20 }),
  time: text(encoding.parseTime),
  uuid: text(encoding.parseUuid7),
  checkpoint: text(Checkpoint.fromText),
  "signature-line": text(Signature.fromText),
  note: SignedNote.fromBytes,
  "public-key": text(VerifierKey.fromText),
  policy: Policy.fromBytes,
  receipt: Receipt.fromBytes,
  "tile-path": text(Tile.fromPath),
  bundle: (data) => entriesFromBytes(data.subarray(1), (data[0] ?? 0) + 1), // the first byte is the width
  entry: Entry.fromBytes,
  ends: (data) => parseEnds(data, ["lab"]),
  suites: Suites.fromBytes,
  clip: Clip.fromBytes,
  envelope: Envelope.fromBytes,
  statement: Statement.fromBytes,
  "log-label": text(logLabel),
  "series-modulus": seriesModulus,
  absence: Absence.fromBytes,
  "series-file": SeriesFile.fromBytes,
  "packet-index": Index.fromBytes,
  place: text(Place.fromText),
  manifest: parseManifest,
  path: text(checkPath),
  case: text(parseCase),
  template: text(parseTemplate),
};

// For each document null, or why it was refused.
export function readAll(name, documents) {
  return documents.map((document) => {
    try {
      READERS[name](encoding.parseBase64(document));
    } catch (error) {
      if (error instanceof LedgerError) return error.message;
      throw error;
    }
    return null;
  });
}

const CHECKS = {
  ed25519: ed25519Verify,
  "ed25519 without WebCrypto": async (...given) => {
    if (!ed25519Plain(...given)) throw new LedgerError("does not match");
  },
  mldsa44: mldsaVerify,
};

// For each of key, signature and message in base64: whether it is good.
export async function checkAll(kind, cases) {
  const good = [];
  for (const given of cases) {
    const parts = given.map((part) => encoding.parseBase64(part));
    try {
      await CHECKS[kind](...parts);
      good.push(true);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      good.push(false);
    }
  }
  return good;
}
