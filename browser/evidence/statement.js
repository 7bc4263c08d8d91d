// Statements: who says what about which bytes. in-toto Statement v1, strict.
//
// Kinds and fields are closed: an unknown one is refused, and a new one is a new version. A field
// that the law wants and the filer left out is not refused here: evidence is never refused for a
// defect in law.

import * as suite from "../suite.js";
import {
  allVisible,
  byCodePoint,
  clip,
  equalBytes,
  exactly,
  formatHex,
  formatBase64,
  formatJson,
  isObject,
  parseBase64,
  parseDecimal,
  parseHex,
  parseJson,
  parseTime,
  parseUuid7,
  repr,
  textLength,
  utf8,
} from "../encoding.js";
import { Malformed } from "../errors.js";
import { VerifierKey, checkName } from "../tlog/note.js";
import { parseCase, parseTemplate } from "./case_number.js";
import { ItemDigest, MAX_ITEM } from "./chunks.js";
import { DERIVED, spansFromJson } from "./derivation.js";
import {
  APPLICATION_FORMS,
  CERTIFICATE_FORMS,
  DECISIONS,
  DISPUTES,
  GROUNDS,
  MAX_CERTIFIED,
  RECORDS,
  checkGround,
  personsWanted,
  subjectName,
} from "./notarial.js";
import { MAX_LINE, line, lines, name, string, text, word } from "./phrase.js";
import {
  ACT_FORM,
  COMPLAINT_FORMS,
  DISPOSAL_FORMS,
  HOLDS,
  HOLD_FORMS,
  MAX_NAMED,
  REGISTERED,
  REGISTER_FORMS,
  checkContent,
  checkFacts,
  checkInForce,
  checkRegister,
  checkTimecodes,
  registeredName,
  registeredText,
} from "./procedural.js";
import { checkFinal, checkHash, closingOf, rowsOf } from "./renewal.js";

export const TYPE = "https://in-toto.io/Statement/v1";
export const MAX_PAYLOAD = 720_896; // its base64 fits an envelope
const MAX_SUBJECTS = 9; // an item and eight side files; an act's eight documents
const MAX_FILE_NAME = 1024; // bytes

const STAGES = ["start", "investigate", "review", "decide", "serve", "enforce"];
const EVIDENCE_TYPES = [
  "documentary",
  "physical",
  "audiovisual",
  "electronic_data",
  "testimony",
  "party_statement",
  "appraisal",
  "site_record",
];
const ROLES = [
  "station",
  "handler",
  "ledger",
  "notary",
  "court",
  "supervisor",
  "auditor",
  "admin",
  "log",
  "cosigner",
  "mirror",
  "registrar",
];

// Whom a verifier knows from his own trust folder. The register tells what became of their keys;
// it makes nobody believed.
export const TRUSTED_ROLES = new Set(["log", "cosigner", "mirror", "registrar"]);

// Who may say what. `register` is said by the registrar alone, whom the verifier knows himself.
const MAY_SAY = {
  evidence: ["station", "handler"],
  act: ["handler"],
  application: ["notary"],
  certificate: ["notary"],
  complaint: ["handler"],
  correction: ["station", "handler"],
  derivation: ["station", "handler"],
  disposal: ["handler"],
  hold: ["handler", "ledger"],
  session: ["station"],
  custody: ["ledger"],
  status: ["ledger"],
  renewal: ["ledger"],
  register: [],
};

export const OPENING = "provisional_opening"; // the act that opens a case before it has a number

// A file. `nameBytes` are its name's exact bytes where they are not UTF-8 (GBK cards).
export class FileSubject {
  constructor(name, digest, nameBytes = new Uint8Array()) {
    Object.assign(this, { name, digest, nameBytes });
    this.key = keyOf(this);
  }

  toJson() {
    const { sha256, chunks, sm3, size } = this.digest;
    const digest = { sha256: formatHex(sha256), tiezhengChunks256k: formatHex(chunks) };
    if (sm3.length) digest.sm3 = formatHex(sm3);
    const annotations = { size: String(size) };
    if (this.nameBytes.length) annotations.nameBytes = formatBase64(this.nameBytes);
    return { annotations, digest, name: this.name };
  }
}

// An earlier statement, by its salted commitment: it says nothing once the salt is gone.
export class StatementSubject {
  constructor(id, commitment) {
    Object.assign(this, { id, commitment });
    this.key = keyOf(this);
  }

  toJson() {
    return {
      digest: { tiezhengCommitment: formatHex(this.commitment) },
      name: `statement/${this.id}`,
    };
  }
}

// A short public text, such as a key or a checkpoint, by its SHA-256.
export class TextSubject {
  constructor(name, sha256) {
    Object.assign(this, { name, sha256 });
    this.key = keyOf(this);
  }

  toJson() {
    return { digest: { sha256: formatHex(this.sha256) }, name: this.name };
  }
}

// Two subjects are one exactly if their keys are.
function keyOf(subject) {
  return JSON.stringify(subject.toJson());
}

// A checked statement; `predicate` holds only fields of its kind, each in its form.
export class Statement {
  constructor(kind, subjects, predicate) {
    Object.assign(this, { kind, subjects, predicate });
  }

  get id() {
    return this.predicate.id;
  }

  get agency() {
    return this.predicate.agency;
  }

  // The roles that may say it: a gap in a session is explained by a person.
  get sayers() {
    return "gap" in this.predicate ? ["handler"] : MAY_SAY[this.kind];
  }

  // How many registered persons must have signed it.
  get persons() {
    if (this.kind === "disposal") return 2;
    const notarial = this.kind === "application" || this.kind === "certificate";
    return notarial ? personsWanted(this.predicate) : 1;
  }

  get case() {
    return this.predicate.case ?? null;
  }

  get stage() {
    return this.predicate.stage ?? null;
  }

  get occurred() {
    return interval(this.predicate.occurred);
  }

  get corrected() {
    return interval(this.predicate.corrected);
  }

  // The latest cosigned checkpoint that the signer's software had checked: a not-before.
  get after() {
    const value = this.predicate.after;
    if (value === undefined) return null;
    return {
      origin: value.origin,
      size: parseDecimal(value.size),
      root: parseBase64(value.root),
    };
  }

  get files() {
    return this.subjects.filter((subject) => subject instanceof FileSubject);
  }

  // The files that are evidence or stand beside it; a certificate is neither.
  get items() {
    return this.kind === "certificate" ? [] : this.files;
  }

  // An act of stage 决定 that decides: what evidence must stand before.
  get isDecision() {
    return this.stage === "decide" && (this.predicate.act ?? "").endsWith("_decision");
  }

  static fromBytes(payload) {
    const value = parseJson(payload, { limit: MAX_PAYLOAD });
    const form = { _type: "text", predicate: "object", predicateType: "text", subject: "list" };
    if (!exactly(value, form)) {
      throw new Malformed("want a statement with _type, predicate, predicateType, subject");
    }
    const { _type: type, predicate, predicateType, subject: rows } = value;
    if (type !== TYPE) {
      throw new Malformed(`want ${repr(TYPE)}, got ${repr(clip(type))}`, { path: "_type" });
    }
    const kind = kindOf(predicateType);
    checkCount(kind, rows);
    const subjects = [];
    for (const [i, row] of rows.entries()) {
      subjects.push(under(`subject[${i}]`, () => subjectFromJson(row)));
    }
    // The payload is canonical and the predicate kept as it is: only a subject could still have a
    // second spelling.
    const spelled = formatJson(subjects.map((subject) => subject.toJson()));
    if (!equalBytes(spelled, formatJson(rows))) {
      throw new Malformed("want the one spelling of this statement");
    }
    checkPredicate(kind, predicate);
    checkSubjects(kind, subjects, predicate);
    return new Statement(kind, subjects, predicate);
  }
}

// As claimed; milliseconds since the epoch, both ends included. `startText` as written.
function interval(value) {
  if (value === undefined) return null;
  return { startMs: parseTime(value.from), endMs: parseTime(value.to), startText: value.from };
}

function kindOf(name) {
  const kind = /^urn:tiezheng:([a-z]+):v1$/.exec(name)?.[1];
  if (kind === undefined || !Object.hasOwn(FORMS, kind)) {
    throw new Malformed(`no kind of statement ${repr(clip(name))}`, { path: "predicateType" });
  }
  return kind;
}

const MOST_SUBJECTS = { certificate: MAX_CERTIFIED, disposal: MAX_NAMED, hold: MAX_NAMED };

function checkCount(kind, subjects) {
  const most = MOST_SUBJECTS[kind] ?? MAX_SUBJECTS;
  if (!subjects.length || subjects.length > most) {
    throw new Malformed(`want 1 to ${most}, got ${subjects.length}`, { path: "subject" });
  }
}

function under(path, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) throw error.under(path);
    throw error;
  }
}

function least(names) {
  return [...names].sort(byCodePoint)[0];
}

// What tells how the ledger stands, in the ledger's own word.
export function isState({ kind, predicate }) {
  return kind === "status" && predicate.what === "system_state";
}

// --- fields ------------------------------------------------------------------------------------

function oneOf(words) {
  return (value) => {
    if (!words.includes(value)) {
      throw new Malformed(`want one of ${words.join(', ')}, got ${repr(clip(String(value)))}`);
    }
  };
}

function templates(value) {
  lines(value);
  value.forEach(parseTemplate);
}

function fromTo(value) {
  if (!exactly(value, { from: "text", to: "text" })) {
    throw new Malformed("want from and to, nothing else");
  }
  if (parseTime(value.from) > parseTime(value.to)) {
    throw new Malformed(`want from before to, got ${repr(value.from)} and ${repr(value.to)}`);
  }
}

function after(value) {
  if (!exactly(value, { origin: "text", root: "text", size: "text" })) {
    throw new Malformed("want origin, root and size, nothing else");
  }
  checkName(value.origin);
  parseBase64(value.root, suite.DIGEST_SIZE);
  parseDecimal(value.size);
}

// A series without its year: `case/…`, `register/key/…`.
function about(value) {
  const text = line(value);
  if (text.normalize("NFC") !== text || !/^[a-z]+\/[^/]/u.test(text)) {
    throw new Malformed(`want a series without its year, got ${repr(clip(text))}`);
  }
}

// The pairs of an object that is a table of `least` to `most` rows.
function table(value, least, most, want) {
  const size = isObject(value) ? Object.keys(value).length : -1;
  if (size < least || size > most) throw new Malformed(want);
  return Object.entries(value);
}

function seriesPrints(value) {
  for (const [year, print] of table(value, 1, 64, "want a fingerprint for each year")) {
    if (!/^[12][0-9]{3}$/.test(year)) throw new Malformed(`want a year, got ${repr(clip(year))}`);
    parseHex(string(print, 64), suite.DIGEST_SIZE);
  }
}

function counts(value) {
  for (const [name, count] of table(value, 0, 32, "want at most 32 counts")) {
    word(name);
    parseDecimal(string(count, 19));
  }
}

function changes(value) {
  const want = "want 1 to 32 fields and what they should say";
  for (const [field, said] of table(value, 1, 32, want)) {
    word(field);
    text(said);
  }
}

// The last number that a device gave, for each prefix of its file names.
function counters(value) {
  for (const [prefix, number] of table(value, 0, 64, "want at most 64 counters")) {
    line(prefix);
    parseDecimal(string(number, 19));
  }
}

// How far a device's clock was ahead of the station's, or behind it.
function clock(value) {
  if (!exactly(value, { ahead_ms: "text" }) && !exactly(value, { behind_ms: "text" })) {
    throw new Malformed("want ahead_ms or behind_ms, nothing else");
  }
  parseDecimal(value.ahead_ms ?? value.behind_ms);
}

// What is missing or does not fit, in the order in which explanations count it.
function gaps(value) {
  if (!Array.isArray(value) || value.length > 1024) {
    throw new Malformed("want a list of at most 1024 gaps");
  }
  for (const gap of value) {
    if (!exactly(gap, { kind: "text", note: "text" })) {
      throw new Malformed("want kind and note of each gap, nothing else");
    }
    word(gap.kind);
    text(gap.note);
  }
}

const key = (value) => VerifierKey.fromText(string(value, 8192));
const uuid = (value) => parseUuid7(string(value, 36));
const decimal = (digits) => (value) => parseDecimal(string(value, digits));
const time = (value) => parseTime(string(value, 40));

const FIELDS = {
  about,
  act: word,
  action: word,
  after,
  agency: name,
  applicant: line,
  application: uuid,
  auxiliaries: lines,
  basis: line,
  by: line,
  card: line,
  carrier: line,
  case: (value) => parseCase(string(value, MAX_LINE)),
  case_numbers: templates,
  cause: word,
  changes,
  clock,
  complaint: uuid,
  compromised_since: time,
  content: checkContent,
  corrected: fromTo,
  counters,
  counts,
  decision: oneOf(DECISIONS),
  derived: oneOf(DERIVED),
  device: name,
  devices: lines,
  dispute: oneOf(DISPUTES),
  evidence_type: oneOf(EVIDENCE_TYPES),
  facts: checkFacts,
  favourable_to_party: line,
  file: line,
  final: checkFinal,
  gap: decimal(4),
  gaps,
  ground: oneOf(GROUNDS),
  hash: checkHash,
  hold: oneOf(HOLDS),
  id: uuid,
  in_force: checkInForce,
  interest: line,
  issued: uuid,
  key,
  log: key,
  maker: line,
  method: line,
  name: line,
  note: text,
  number: line,
  occurred: fromTo,
  officers: lines,
  origin: (value) => checkName(string(value, MAX_LINE)),
  original: (value) => parseHex(string(value, 64), suite.DIGEST_SIZE),
  person: line,
  place: line,
  procedure: word,
  provisional: uuid,
  purpose: text,
  reason: text,
  record: oneOf(RECORDS),
  register: oneOf(REGISTERED),
  registrar: key,
  retention: word,
  revoked: text,
  role: oneOf(ROLES),
  root: (value) => parseBase64(string(value, 88), suite.STRONG_SIZE),
  rows: decimal(19),
  seen: fromTo,
  series: seriesPrints,
  session: uuid,
  size: decimal(19),
  spans: spansFromJson,
  stage: oneOf(STAGES),
  subject: name,
  timecodes: checkTimecodes,
  tool: line,
  tokens: decimal(19),
  version: line,
  what: word,
};

const COMMON = ["id", "agency"];
const CASE = ["case", "provisional", "stage", "officers", "after", "note"];
const DEVICE = ["after", "card", "clock", "counters", "note"];

// Fields of each kind, form by form: those it must have, those it may have.
const FORMS = {
  evidence: [
    [
      [...COMMON, "occurred"],
      [
        ...[...CASE, "carrier", "corrected", "device", "evidence_type", "favourable_to_party"],
        ...["file", "maker", "method", "purpose", "session"],
      ],
    ],
  ],
  act: [[[...COMMON, "act", "occurred"], CASE], ACT_FORM],
  application: APPLICATION_FORMS,
  certificate: CERTIFICATE_FORMS,
  complaint: COMPLAINT_FORMS,
  correction: [[[...COMMON, "changes", "reason"], [...CASE, "occurred"]]],
  custody: [[[...COMMON, "about", "action", "by", "occurred"], ["reason", "note", "after"]]],
  derivation: [
    [
      [...COMMON, "derived", "occurred", "original", "tool"],
      [...CASE, "reason", "spans"],
    ],
  ],
  disposal: DISPOSAL_FORMS,
  hold: HOLD_FORMS,
  register: [
    [[...COMMON, "log", "registrar", "series"], ["note"]],
    [[...COMMON, "key", "person", "role"], ["revoked", "compromised_since", "note"]],
    [[...COMMON, "name", "case_numbers"], ["note"]],
    [[...COMMON, "series", "revoked"], ["compromised_since", "note"]],
    ...REGISTER_FORMS,
  ],
  session: [
    [[...COMMON, "device", "gaps", "occurred"], [...DEVICE, "officers", "session"]],
    [[...COMMON, "device", "occurred", "officers"], DEVICE],
    [[...COMMON, "cause", "device", "gap", "session"], ["after", "note", "occurred"]],
  ],
  status: [[[...COMMON, "what", "occurred"], ["counts", "note"]]],
  renewal: [
    [[...COMMON, "final"], ["note"]],
    [[...COMMON, "hash", "origin", "root", "rows", "size"], ["note"]],
    [[...COMMON, "hash", "root", "tokens"], ["note"]],
  ],
};

function checkPredicate(kind, predicate) {
  const given = Object.keys(predicate);
  if (!FORMS[kind].some((form) => isOfForm(given, form))) {
    throw new Malformed(whyNoForm(kind, given), { path: "predicate" });
  }
  for (const field of given) {
    try {
      FIELDS[field](predicate[field]);
    } catch (error) {
      throw error instanceof Malformed ? error.under(`predicate.${field}`) : error;
    }
  }
  if (["evidence", "act", "derivation", "disposal"].includes(kind)) checkCase(predicate);
  if ("register" in predicate) checkRegister(predicate);
  if (kind === "application") checkGround(predicate);
  if (kind === "evidence" && "device" in predicate !== "file" in predicate) {
    throw new Malformed("want device and file together", { path: "predicate" });
  }
}

function isOfForm(given, [need, may]) {
  const known = given.every((field) => need.includes(field) || may.includes(field));
  return known && need.every((field) => given.includes(field));
}

function whyNoForm(kind, given) {
  const shared = ([need]) => need.filter((field) => given.includes(field)).length;
  const most = Math.max(...FORMS[kind].map(shared));
  const [need, may] = FORMS[kind].find((form) => shared(form) === most);
  const unknown = given.filter((field) => !need.includes(field) && !may.includes(field));
  if (unknown.length) return `unknown field ${repr(least(unknown))} in ${kind}`;
  const missing = need.filter((field) => !given.includes(field));
  return `want field ${repr(least(missing))} in ${kind}`;
}

function checkCase(predicate) {
  const named = "case" in predicate || "provisional" in predicate;
  if (predicate.act === OPENING) {
    if (named || "procedure" in predicate) {
      throw new Malformed("an opening names no case: it is one", { path: "predicate" });
    }
  } else if (!named) {
    throw new Malformed("want a case or a provisional case", { path: "predicate" });
  }
}

// --- subjects ----------------------------------------------------------------------------------

function checkSubjects(kind, subjects, predicate) {
  if (new Set(subjects.map((subject) => subject.key)).size !== subjects.length) {
    throw new Malformed("a subject stands twice", { path: "subject" });
  }
  if (!(fits(kind, subjects, predicate))) {
    throw new Malformed(`no such subject for ${kind}`, { path: "subject" });
  }
}

function fits(kind, subjects, predicate) {
  const [first, ...others] = subjects;
  const are = (type) => (subject) => subject instanceof type;
  const same = (wanted) => wanted !== null && !others.length && first.key === wanted.key;
  switch (kind) {
    case "evidence":
      return subjects.every(are(FileSubject));
    case "act":
      return subjects.length <= 8 && !subjects.some(are(TextSubject));
    case "application":
      return !others.length && are(TextSubject)(first) && first.name === subjectName(predicate);
    case "certificate":
      if (are(FileSubject)(first)) {
        return "number" in predicate && others.every(are(StatementSubject));
      }
      return !others.length && are(StatementSubject)(first) && predicate.issued === first.id;
    case "complaint":
      return !others.length && !are(StatementSubject)(first);
    case "hold":
      return (!others.length && are(TextSubject)(first)) || subjects.every(are(StatementSubject));
    case "correction":
    case "disposal":
      return subjects.every(are(StatementSubject));
    case "register":
      return same(registerSubject(predicate));
    case "session":
    case "derivation":
      return !others.length && are(FileSubject)(first);
    case "renewal":
      return same(renewalSubject(predicate));
    default: // custody and status
      return !others.length && are(TextSubject)(first);
  }
}

// What a register statement is about: the text it registers, named by whose it is.
function registerSubject(predicate) {
  let name, text;
  if ("key" in predicate) {
    text = predicate.key;
    name = `key/${VerifierKey.fromText(text).name}`;
  } else if ("register" in predicate) {
    [text, name] = [registeredText(predicate), registeredName(predicate)];
  } else if ("registrar" in predicate) {
    [text, name] = [predicate.registrar, "trust/registrar.vkey"];
  } else if ("series" in predicate) {
    // Years, so that the order in which JavaScript keeps them is that of the text.
    [text, name] = [Object.values(predicate.series).join("\n"), "series"];
  } else {
    text = predicate.case_numbers.join("\n");
    name = `agency/${predicate.agency}`;
  }
  return new TextSubject(name, suite.digest(utf8(text)));
}

// What a renewal is about: the last checkpoint of the log that it closes, or its rows.
function renewalSubject(predicate) {
  const closing = closingOf(predicate);
  if (closing !== null) return new TextSubject(closing.name, closing.sha256());
  const rows = rowsOf(predicate);
  return rows === null ? null : new TextSubject("rows", rows.sha256());
}

function subjectFromJson(value) {
  if (isFile(value)) return fileSubject(value.name, value.annotations, value.digest);
  if (exactly(value, { digest: "object", name: "text" })) {
    const { digest, name } = value;
    if (exactly(digest, { tiezhengCommitment: "text" }) && name.startsWith("statement/")) {
      const id = parseUuid7(name.slice("statement/".length));
      const commitment = parseHex(digest.tiezhengCommitment, suite.DIGEST_SIZE);
      return new StatementSubject(id, commitment);
    }
    if (exactly(digest, { sha256: "text" })) {
      return new TextSubject(line(name), parseHex(digest.sha256, suite.DIGEST_SIZE));
    }
  }
  throw new Malformed("want a file with size and both digests, a statement, or a text");
}

function isFile(value) {
  return (
    exactly(value, { annotations: "object", digest: "object", name: "text" }) &&
    exactly(value.annotations, { size: "text", "nameBytes?": "text" }) &&
    exactly(value.digest, { sha256: "text", tiezhengChunks256k: "text", "sm3?": "text" })
  );
}

function fileSubject(name, annotations, digest) {
  // Any character may stand in a file's name; reports show it escaped.
  if (!name || utf8(name).length > MAX_FILE_NAME) {
    throw new Malformed(`want a name of 1 to ${MAX_FILE_NAME} bytes`, { path: "name" });
  }
  const size = parseDecimal(annotations.size);
  if (size > MAX_ITEM) {
    throw new Malformed(`want at most ${MAX_ITEM} bytes, got ${size}`, {
      path: "annotations.size",
    });
  }
  const hex = (word) => (word in digest ? parseHex(digest[word], suite.DIGEST_SIZE) : new Uint8Array());
  const found = new ItemDigest({
    size,
    sha256: hex("sha256"),
    chunks: hex("tiezhengChunks256k"),
    sm3: hex("sm3"),
  });
  const raw = annotations.nameBytes;
  const nameBytes = raw === undefined ? new Uint8Array() : parseBase64(string(raw, 2048));
  return new FileSubject(name, found, nameBytes);
}
