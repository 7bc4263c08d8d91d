// Packets: what a court receives. A BagIt bag (RFC 8493) with a closed layout; docs/formats/packet.md.
//
// Whatever has no place here is refused. Manifests find damage in transport; nothing is believed
// because a manifest or `packet.json` says it.
//
// A `PacketSource` has `sizes()`, a Map from path to size; `stream(path)`, an async iterator of
// the bytes in pieces, which raises `Rejected` at its end if the container says they differ; and
// `read(path, at, size)`, a promise of `size` bytes, fewer only where the file ends. `sources.js`.

import {
  ascending,
  byCodePoint,
  clip,
  equalBytes,
  exactly,
  parseBase64,
  parseDecimal,
  parseHex,
  parseJson,
  parseUtf8,
  plain,
  repr,
  utf8,
} from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { SERIES_BITS, digest } from "../suite.js";
import { parseCase } from "./case_number.js";
import { dueFromJson } from "./due.js";
import { LOG, PLACE, Place } from "./place.js";
import { Withheld, checkRows } from "./withheld.js";

export { Place, comparePlaces } from "./place.js";

export const MAX_FILES = 400_000;
export const MAX_TOKENS = 20_000;
export const MAX_RENEWALS = 1_000;
export const MAX_CLIPS = 1_000;
export const MAX_SMALL_FILE = 67_108_864;
export const MAX_JSON_FILE = 16_777_216;

const BAGIT = utf8("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
export const MANIFEST = "manifest-sha256.txt";
export const TAG_MANIFEST = "tagmanifest-sha256.txt";
export const TAG_FILES = ["bag-info.txt", "bagit.txt", MANIFEST];
export const INDEX = "data/packet.json";

const STAMP = `data/timestamps/${LOG}-(?<size>[1-9]\\d{0,18})\\.`;
const NAME = "(?<name>[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)\\.";
const NUMBER = "(?:\\d{2}|[1-9]\\d{2,5})"; // one spelling: 01, not 001
const NUMBERED = `(?<number>${NUMBER})`;

const LAYOUT = [
  ["item", `data/items/${NUMBER}\\.[a-z0-9]{1,8}`],
  ["certificate", `data/certificates/${NUMBER}\\.pdf`],
  ["envelope", `data/statements/${PLACE}\\.dsse\\.json`],
  ["salt", `data/statements/${PLACE}\\.salt`],
  ["entry", `data/entries/${PLACE}\\.json`],
  ["proof", `data/proofs/${PLACE}@(?<size>[1-9]\\d{0,18})\\.tlog-proof`],
  ["series", `data/series/${NUMBER}\\.json`],
  ["absence", `data/absence/${NUMBER}\\.dsse\\.json`],
  ["checkpoint", `data/checkpoints/${LOG}\\.note`],
  ["renewal", `data/renewals/${NUMBERED}\\.dsse\\.json`],
  ["renewalToken", `data/renewals/${NUMBERED}\\.tsr`],
  ["renewalList", `data/renewals/${NUMBERED}\\.crl`],
  ["renewalRow", `data/renewals/${NUMBERED}/(?<row>${NUMBER})\\.json`],
  ["clip", `data/clips/${NUMBERED}\\.json`],
  ["clipChunks", `data/clips/${NUMBERED}\\.chunks`],
  ["clipPlayed", `data/clips/${NUMBERED}\\.(?:mp4|ts)`],
  ["body", `${STAMP}body`],
  ["token", `${STAMP}${NAME}tsr`],
  ["revocation", `${STAMP}${NAME}crl`],
].map(([kind, pattern]) => [kind, new RegExp(`^${pattern}$`)]);

const MANIFEST_LINE = /^([0-9a-f]{64})  ([a-z0-9@._/-]+)$/;
const BAG_INFO =
  /^Bag-Software-Agent: [ -~]{1,80}\nPayload-Oxum: (0|[1-9]\d{0,18})\.(0|[1-9]\d{0,8})\n$/;

// A tree by its log's label and its size, as a key of Maps.
export function treeKey(label, size) {
  return `${label}@${size}`;
}

// The paths of a packet by what they are: lists, and Maps from the text of a place, the number of
// a clip or renewal, or `treeKey`. Three have a Map within: `proofs` by place and then size,
// `tokens` and `revocations` by tree and then name, `renewalRows` by number and then row.
export class Layout {
  items = [];
  series = [];
  absences = [];
  certificates = [];
  checkpoints = new Map();
  entries = new Map();
  envelopes = new Map();
  salts = new Map();
  proofs = new Map();
  clips = new Map();
  clipChunks = new Map();
  clipsPlayed = new Map();
  bodies = new Map();
  tokens = new Map();
  revocations = new Map();
  renewals = new Map();
  renewalTokens = new Map();
  renewalLists = new Map();
  renewalRows = new Map();

  // Raises `Malformed` on a path that has no place, one too many, or if one is missing.
  static of(paths) {
    const tags = new Set([...TAG_FILES, TAG_MANIFEST, INDEX]);
    const given = new Set(paths);
    const missing = [...tags].filter((path) => !given.has(path)).sort(byCodePoint);
    if (missing.length) throw new Malformed(`the packet has no ${missing[0]}`);
    const layout = new Layout();
    const counts = { token: 0, renewal: 0, clip: 0 };
    for (const path of [...given].filter((p) => !tags.has(p)).sort(byCodePoint)) {
      const kind = layout.#add(path);
      if (kind in counts) counts[kind] += 1;
    }
    for (const [kind, most] of [["token", MAX_TOKENS], ["renewal", MAX_RENEWALS], ["clip", MAX_CLIPS]]) {
      if (counts[kind] > most) {
        throw new Malformed(`want at most ${most} ${kind}s, got ${counts[kind]}`);
      }
    }
    return layout;
  }

  #add(path) {
    const [kind, found] = kindOf(path);
    const { log, index, size, number, row, name } = found;
    if (index !== undefined) parseDecimal(index);
    if (size !== undefined) parseDecimal(size);
    const place = `${log}-${index}`;
    const tree = treeKey(log, size);
    switch (kind) {
      case "item": this.items.push(path); break;
      case "certificate": this.certificates.push(path); break;
      case "series": this.series.push(path); break;
      case "absence": this.absences.push(path); break;
      case "envelope": put(this.envelopes, path, place); break;
      case "salt": put(this.salts, path, place); break;
      case "entry": put(this.entries, path, place); break;
      case "proof": put(this.proofs, path, place, parseDecimal(size)); break;
      case "checkpoint": put(this.checkpoints, path, log); break;
      case "renewal": put(this.renewals, path, number); break;
      case "renewalToken": put(this.renewalTokens, path, number); break;
      case "renewalList": put(this.renewalLists, path, number); break;
      case "renewalRow": put(this.renewalRows, path, number, row); break;
      case "clip": put(this.clips, path, number); break;
      case "clipChunks": put(this.clipChunks, path, number); break;
      case "clipPlayed": put(this.clipsPlayed, path, number); break;
      case "body": put(this.bodies, path, tree); break;
      case "token": put(this.tokens, path, tree, name); break;
      case "revocation": put(this.revocations, path, tree, name); break;
      default: throw new TypeError(`no such kind: ${kind}`);
    }
    return kind;
  }
}

function put(map, path, key, within) {
  if (within !== undefined) {
    if (!map.has(key)) map.set(key, new Map());
    put(map.get(key), path, within);
    return;
  }
  if (map.has(key)) throw new Malformed(`want one of ${map.get(key)} and ${path}`);
  map.set(key, path);
}

function kindOf(path) {
  for (const [kind, pattern] of LAYOUT) {
    const found = pattern.exec(path);
    if (found) return [kind, found.groups ?? {}];
  }
  throw new Malformed(`no such file in a packet: ${repr(clip(path))}`);
}

// `packet.json`: for which case, the items in the order of the list, what is withheld, and until
// when all is due. The last two stand there only if there is something to say.
export class Index {
  constructor(caseNumber = "", checkpoints = [], items = [], withheld = [], due = null) {
    Object.assign(this, { case: caseNumber, checkpoints, items, withheld, due });
  }

  static fromBytes(data) {
    const value = parseJson(data, { limit: MAX_JSON_FILE });
    const always = { case: "text", checkpoints: "list", items: "list", v: 1 };
    if (!exactly(value, { ...always, "due?": "object", "withheld?": "list" })) {
      throw new Malformed("want case, checkpoints, items and v = 1");
    }
    if ([...value.checkpoints, ...value.items].some((name) => typeof name !== "string")) {
      throw new Malformed("want case, checkpoints, items and v = 1, all names text");
    }
    const { withheld = null, due = null } = value;
    if (withheld !== null && !withheld.length) {
      throw new Malformed("want rows of what is withheld, or no such field");
    }
    const rows = (withheld ?? []).map(Withheld.fromJson);
    checkRows(rows);
    const until = due === null ? null : dueFromJson(due);
    return new Index(parseCase(value.case), value.checkpoints, value.items, rows, until);
  }
}

// A series of the packet: `places[n-1]` is where its n-th statement stands.
export class SeriesFile {
  constructor(name, signature, places) {
    Object.assign(this, { name, signature, places });
  }

  static fromBytes(data) {
    const value = parseJson(data, { limit: MAX_JSON_FILE });
    if (!exactly(value, { entries: "list", n: "integer", name: "text", signature: "text" })) {
      throw new Malformed("want entries, n, name and signature");
    }
    const { entries, n, name, signature } = value;
    if (n !== entries.length || !n || entries.some((row) => typeof row !== "string")) {
      throw new Malformed(`want n places, got ${entries.length} for n = ${n}`);
    }
    if (new Set(entries).size !== n) throw new Malformed("a place stands twice in a series");
    const places = entries.map(Place.fromText);
    return new SeriesFile(name, parseBase64(signature, SERIES_BITS / 8), places);
  }
}

// A Map from path to digest. Lower-case hex, two spaces, path; sorted by path, each once.
export function parseManifest(data) {
  const digests = new Map();
  const lines = parseUtf8(data).split("\n");
  const end = lines.pop();
  let last = "";
  for (const line of lines) {
    const found = MANIFEST_LINE.exec(line);
    if (!found || digests.has(found[2])) {
      throw new Malformed(`want digest and path, each path once, got ${repr(clip(line))}`);
    }
    const [, hex, path] = found;
    if (byCodePoint(last, path) >= 0) throw unsorted();
    digests.set(path, parseHex(hex));
    last = path;
  }
  if (end !== "") throw unsorted();
  return digests;
}

function unsorted() {
  return new Malformed("want manifest lines sorted by path, each ending in a line feed");
}

// The tag files of a bag agree with each other and with the list of paths. A promise of the
// digest that the manifest gives for each payload file; the caller compares them with the bytes.
export async function checkBag(sizes, read) {
  if (!equalBytes(await read("bagit.txt"), BAGIT)) {
    throw new Malformed("want BagIt 1.0 in UTF-8", { path: "bagit.txt" });
  }
  const tags = await manifest(read, TAG_MANIFEST);
  if (tags.size !== TAG_FILES.length || TAG_FILES.some((path) => !tags.has(path))) {
    throw new Malformed(`want ${TAG_FILES.join(", ")}, each once`, { path: TAG_MANIFEST });
  }
  for (const [path, expected] of tags) {
    if (!equalBytes(digest(await read(path)), expected)) {
      throw new Rejected(`${path} is not what ${TAG_MANIFEST} says`);
    }
  }
  const digests = await manifest(read, MANIFEST);
  const payload = [...sizes].filter(([path]) => path.startsWith("data/"));
  const here = new Set(payload.map(([path]) => path));
  const odd = [
    ...[...digests.keys()].filter((path) => !here.has(path)),
    ...[...here].filter((path) => !digests.has(path)),
  ].sort(byCodePoint);
  if (odd.length) {
    const where = digests.has(odd[0]) ? "in the manifest only" : "not in the manifest";
    throw new Rejected(`${repr(clip(odd[0], 128))} is ${where}`);
  }
  const info = BAG_INFO.exec(parseUtf8(await read("bag-info.txt")));
  if (!info) {
    throw new Malformed("want Bag-Software-Agent and Payload-Oxum", { path: "bag-info.txt" });
  }
  const bytes = payload.reduce((sum, [, size]) => sum + size, 0);
  if (plain(BigInt(info[1])) !== bytes || Number(info[2]) !== payload.length) {
    throw new Rejected("bag-info.txt counts other bytes or files");
  }
  return digests;
}

async function manifest(read, path) {
  const data = await read(path);
  try {
    return parseManifest(data);
  } catch (error) {
    throw error instanceof Malformed ? error.under(path) : error;
  }
}

// The alphabet of packets: nothing that a file system could take for something else.
export function checkPath(path) {
  if (!/^[a-z0-9@._/-]{1,128}$/.test(path)) {
    throw new Malformed(`want a path of a-z 0-9 @ . _ / -, got ${repr(clip(path))}`);
  }
  if (path.split("/").some((part) => ["", ".", ".."].includes(part))) {
    throw new Malformed(`want a plain relative path, got ${repr(clip(path))}`);
  }
}
