// The verifier's own folder: whom he believes. Never taken from a packet.
//
// A file that has no place here is refused: a policy under a misspelt name would otherwise be
// trust that the verifier thinks he has and has not.

import {
  byCodePoint,
  clip,
  formatHex,
  parseHex,
  parseUtf8,
  repr,
  splitLines,
  utf8,
} from "../encoding.js";
import { Malformed } from "../errors.js";
import { DIGEST_SIZE, digest } from "../suite.js";
import { VerifierKey } from "../tlog/note.js";
import { Policy } from "../tlog/policy.js";
import { parseEnds } from "./ends.js";
import { FOR_STATEMENTS } from "./envelope.js";
import { logLabel } from "./membership.js";
import { SeriesKey } from "./series.js";
import { Suites } from "./suites.js";

const MAX_LOGS = 256;
const MAX_ACCEPTED = 64;

const TSA = /^tsa\/([a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)\.(pem|accept|crl)$/;
const SERIES = /^series\/([12]\d{3})\.pem$/;
const OID = /^[0-2](?:\.(?:0|[1-9]\d{0,18})){1,15}$/;

// `logs`: origin, label, policy and policyHash each. `series`: a Map by year. `authorities`: their
// names only, since no token is opened here. `hash`: SHA-256 over names and digests of all files.
export class Trust {
  constructor({ logs, series, registrar, mirrors, hash, authorities, ends, suites }) {
    Object.assign(this, { logs, series, registrar, mirrors, hash, authorities, ends, suites });
  }

  // `files` maps paths below the folder to contents.
  static async fromFiles(files) {
    const rest = new Map(files);
    const origins = linesOf(take(rest, "logs"));
    const once = new Set(origins).size === origins.length;
    if (!origins.length || origins.length > MAX_LOGS || !once) {
      throw new Malformed(`want 1 to ${MAX_LOGS} origins, each once`, { path: "logs" });
    }
    const logs = origins.map((origin) => logOf(origin, rest));
    const registrar = VerifierKey.fromText(oneLine(take(rest, "registrar.vkey")));
    const mirrors = linesOf(takeIf(rest, "mirrors") ?? new Uint8Array()).map(VerifierKey.fromText);
    const series = new Map();
    for (const year of namesOf(rest, SERIES)) {
      const [pem, json] = ["pem", "json"].map((ending) => take(rest, `series/${year}.${ending}`));
      series.set(year, await SeriesKey.fromFiles(pem, json));
    }
    const names = namesOf(rest, TSA, "pem");
    for (const name of names) checkAuthority(name, rest);
    const ends = under("ends", () => parseEnds(takeIf(rest, "ends") ?? new Uint8Array(), names));
    const said = takeIf(rest, "suites");
    const suites = under("suites", () => (said ? Suites.fromBytes(said) : new Suites()));
    if (rest.size) {
      const [first] = [...rest.keys()].sort(byCodePoint);
      throw new Malformed(`no such file in a trust folder: ${repr(clip(first))}`);
    }
    if (new Set(logs.map((log) => log.label)).size !== logs.length) {
      throw new Malformed("two logs have one label", { path: "logs" });
    }
    checkRoles(logs, registrar, mirrors);
    const authorities = names.map((name) => ({ name }));
    const hash = hashOf(files);
    return new Trust({ logs, series, registrar, mirrors, hash, authorities, ends, suites });
  }

  get firstYear() {
    return Number(this.logs[0].label.slice(0, 4));
  }

  // All keys of logs, cosigners and mirrors: none of them may sign statements.
  get keys() {
    const policies = this.logs.map((log) => log.policy);
    const cosigners = policies.flatMap((policy) => policy.witnesses.map((w) => w.key));
    return [...policies.map((policy) => policy.log), ...cosigners, ...this.mirrors];
  }

  // Null where the folder has no log of this label.
  log(label) {
    return this.logs.find((log) => log.label === label) ?? null;
  }
}

function hashOf(files) {
  const paths = [...files.keys()].sort(byCodePoint);
  const lines = paths.map((path) => `${formatHex(digest(files.get(path)))}  ${path}\n`);
  return formatHex(digest(utf8(lines.join(""))));
}

function logOf(origin, rest) {
  const label = logLabel(origin);
  const path = `policy/${label}`;
  const text = take(rest, path);
  const policy = under(path, () => Policy.fromBytes(text));
  if (policy.log.name !== origin) {
    const message = `want the log ${repr(origin)}, got ${repr(policy.log.name)}`;
    throw new Malformed(message, { path });
  }
  return { origin, label, policy, policyHash: formatHex(digest(text)) };
}

// Takes an authority's files away, and reads of them what needs no certificate.
function checkAuthority(name, rest) {
  take(rest, `tsa/${name}.pem`);
  const accept = take(rest, `tsa/${name}.accept`);
  takeIf(rest, `tsa/${name}.crl`);
  under(`tsa/${name}`, () => {
    const lines = linesOf(accept);
    if (!lines.length || lines.length > MAX_ACCEPTED) {
      throw new Malformed(`want 1 to ${MAX_ACCEPTED} lines 'key SHA256' or 'policy OID'`);
    }
    for (const line of lines) {
      const [kind, value, ...more] = line.split(" ");
      if (kind === "key" && value !== undefined && !more.length) parseHex(value, DIGEST_SIZE);
      else if (kind !== "policy" || more.length || !OID.test(value)) {
        throw new Malformed(`want 'key SHA256' or 'policy OID', got ${repr(clip(line))}`);
      }
    }
  });
}

// One key, one role; only the registrar's and the mirrors' keys sign envelopes.
function checkRoles(logs, registrar, mirrors) {
  for (const key of [registrar, ...mirrors]) {
    if (!FOR_STATEMENTS.has(key.algorithm)) {
      throw new Malformed(`${key.keyid} is not a key for statements`);
    }
  }
  const roles = [
    ["a log", logs.map((log) => log.policy.log)],
    ["a cosigner", logs.flatMap((log) => log.policy.witnesses.map((w) => w.key))],
    ["a mirror", mirrors],
    ["the registrar", [registrar]],
  ];
  const seen = new Map();
  for (const [role, keys] of roles) {
    for (const key of keys) {
      const bytes = formatHex(key.public);
      const other = seen.get(bytes) ?? role;
      if (other !== role) {
        throw new Malformed(`one key is that of ${other} and of ${role}: one key, one role`);
      }
      seen.set(bytes, role);
    }
  }
}

function namesOf(files, pattern, ending) {
  const names = [];
  for (const path of files.keys()) {
    const found = pattern.exec(path);
    if (found && (ending === undefined || found[2] === ending)) names.push(found[1]);
  }
  return names.sort(byCodePoint);
}

function take(files, path) {
  const data = takeIf(files, path);
  if (data === undefined) throw new Malformed("the file is missing", { path });
  return data;
}

function takeIf(files, path) {
  const data = files.get(path);
  files.delete(path);
  return data;
}

function under(path, read) {
  try {
    return read();
  } catch (error) {
    throw error instanceof Malformed ? error.under(path) : error;
  }
}

function linesOf(data) {
  return splitLines(parseUtf8(data));
}

function oneLine(data) {
  const lines = linesOf(data);
  if (lines.length !== 1) {
    throw new Malformed(`want one line, got ${lines.length}`, { path: "registrar.vkey" });
  }
  return lines[0];
}
