// Which series a statement belongs to: it follows from the statement and its log alone.
//
// A writer who could choose would choose a series that nobody asks for. Years before the first log
// count as its year, so that an old case needs no key of a year without a log.

import { clip, inChina, repr } from "../encoding.js";
import { Malformed } from "../errors.js";
import { VerifierKey } from "../tlog/note.js";
import { caseYear } from "./case_number.js";
import { registeredName } from "./procedural.js";
import { OPENING } from "./statement.js";

// The last element of an origin: `2026`, or `2026-2` for a second log of that year.
export function logLabel(origin) {
  const label = origin.slice(origin.lastIndexOf("/") + 1);
  if (!/^[12][0-9]{3}(-[1-9][0-9]{0,3})?$/.test(label)) {
    throw new Malformed(`want an origin that ends in a year, got ${repr(clip(origin))}`);
  }
  return label;
}

// The names, in NFC, of the one to eight series of a statement in the log `label`.
//
// `firstYear` is that of the deployment's first log. Raises `Malformed` for a case of a year that
// has not come.
export function seriesNames(statement, label, firstYear) {
  const year = Number(label.slice(0, 4));
  const names = named(statement, year, firstYear);
  const { file, device, procedure } = statement.predicate;
  if (procedure !== undefined) names.push(`${year}/acts/${statement.agency}`);
  const { occurred } = statement;
  if (file !== undefined && occurred !== null) {
    const captured = yearOf(occurred.startMs, year, firstYear);
    names.push(`${captured}/recording/${device}/${file}`);
  }
  return names.map((name) => name.normalize("NFC"));
}

function named(statement, year, firstYear) {
  const { kind, predicate, agency } = statement;
  switch (kind) {
    case "register":
      return [`${year}/register/${registered(statement)}`];
    case "custody":
      return [`${year}/custody/${predicate.about}`];
    case "status":
      if (predicate.what === "log_ends") return [`${year}/log`, `${year}/log-ends`];
      return [`${year}/log`];
    case "renewal":
      return [`${year}/log`];
    case "session":
      return [sessionSeries(statement, year, firstYear)];
  }
  if (kind === "act" && predicate.act === OPENING) return [`${year}/open/${agency}`];
  const names = caseNames(statement, year, firstYear);
  return names.length ? names : [`${year}/${kind}/${agency}`];
}

// All acts of an agency in a year: no packet shows that series. With its key, whoever has the packet
// of one case would see in the public log when that agency acts in others.
export function isRunOfActs(name) {
  return name.slice(4).startsWith("/acts/");
}

// The series of a provisional case, named by the statement that opened it.
export function provisionalSeries(id, firstYear) {
  return `${Math.max(yearIn(madeMs(id)), firstYear)}/case/${id}`;
}

// The series of a notarial certificate, named by the statement that issued it: 1 is that.
export function certificateSeries(id, firstYear) {
  return `${Math.max(yearIn(madeMs(id)), firstYear)}/certificate/${id}`;
}

export function caseSeries(number, firstYear) {
  return `${Math.max(Number(caseYear(number)), firstYear)}/case/${number}`;
}

// Of a name as a packet gives it: the characters may be no year at all.
export function seriesYear(name) {
  return [...name.slice(0, 8)].slice(0, 4).join("");
}

// By device and month of the session's first statement, which the others name.
function sessionSeries(statement, year, firstYear) {
  const beganMs = madeMs(statement.predicate.session ?? statement.id);
  const began = yearOf(beganMs, year, firstYear);
  const month = String(inChina(beganMs).getUTCMonth() + 1).padStart(2, "0");
  return `${began}/device/${statement.predicate.device}/${month}`;
}

// A device whose clock runs years ahead is no reason to refuse what it has.
function yearOf(atMs, year, firstYear) {
  const claimed = Math.max(yearIn(atMs), firstYear);
  return claimed <= year + 1 ? claimed : year;
}

// When a UUIDv7 says it was made.
function madeMs(id) {
  return Number.parseInt(id.replace("-", "").slice(0, 12), 16);
}

function yearIn(atMs) {
  return inChina(atMs).getUTCFullYear();
}

function caseNames(statement, year, firstYear) {
  const names = [];
  const { case: number, provisional, issued } = statement.predicate;
  if (number !== undefined) names.push(caseSeries(number, firstYear));
  if (provisional !== undefined) names.push(provisionalSeries(provisional, firstYear));
  if (statement.kind === "certificate") {
    // Of its own: that it was revoked shows in the log to whoever holds nothing but itself.
    names.push(certificateSeries(issued ?? statement.id, firstYear));
  }
  for (const name of names) {
    // The key of the next year exists: its first cases come before its log does.
    if (Number(seriesYear(name)) > year + 1) {
      throw new Malformed(`a case of ${seriesYear(name)} in a log of ${year}`);
    }
  }
  return names;
}

function registered(statement) {
  const { predicate } = statement;
  if ("key" in predicate) return `key/${VerifierKey.fromText(predicate.key).name}`;
  if ("register" in predicate) return registeredName(predicate);
  if ("registrar" in predicate) return "ledger";
  if ("series" in predicate) return "series";
  return `agency/${statement.agency}`;
}
