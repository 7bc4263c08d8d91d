// What is not shown: each statement by its number in its series, each file by its name.
//
// A reason is the word of whoever made the packet. It is told, and decides nothing: what is named
// stays as undecided as what is not. A row that names something shown is a lie.

import { byCodePoint, formatHex, printable } from "../encoding.js";
import { caseSeries } from "../evidence/membership.js";
import { GONE, LEDGERS_OWN, STATEMENT } from "../evidence/withheld.js";
import { Finding, Outcome } from "../report.js";

export function* notShown(ex) {
  const finding = (outcome, about, detail) => new Finding("complete", outcome, about, detail);
  const rows = ex.index.withheld;
  const reasons = new Map(rows.map((row) => [`${row.place.toText()} ${row.what}`, row.reason]));
  const reasonOf = (place, what) => reasons.get(`${place} ${what}`);
  for (const name of [...ex.series.keys()].sort(byCodePoint)) {
    const { numbers } = ex.series.get(name);
    for (const [at, n] of numbers) {
      if (ex.views.get(at).statement !== null) continue;
      const reason = reasonOf(at, STATEMENT);
      const how = reason === undefined ? "is not shown" : `is withheld: ${reason}`;
      const detail = `statement ${n} of ${numbers.size}, entry ${at}, ${how}`;
      yield finding(Outcome.UNDECIDED, name, detail);
    }
  }
  for (const [view, statement] of ex.shown()) {
    const at = view.place.toText();
    for (const subject of statement.items) {
      if (ex.itemOf.has(subject.key)) continue;
      const reason = reasonOf(at, formatHex(subject.digest.sha256));
      const how = reason === undefined ? "is not in the packet" : `is withheld: ${reason}`;
      yield finding(Outcome.UNDECIDED, at, `${printable(subject.name)} ${how}`);
    }
  }
  for (const row of rows) {
    const why = wrong(ex, row);
    if (why) yield finding(Outcome.FAILED, row.place.toText(), why);
  }
}

function wrong(ex, { place, what, reason }) {
  const at = place.toText();
  if (!ex.layout.entries.has(at)) return "named as withheld, and has no entry here";
  if (what === STATEMENT) {
    if (ex.layout.envelopes.has(at)) return "named as withheld, and its statement is shown";
    return untrue(ex, at, reason);
  }
  if (LEDGERS_OWN.includes(reason)) {
    return `a file is named as ${reason}, which is said of a statement alone`;
  }
  const items = ex.views.get(at)?.statement?.items ?? [];
  const subjects = items.filter(({ digest }) => formatHex(digest.sha256) === what);
  if (!subjects.length) {
    return `no statement shown here speaks of the file ${what} named as withheld`;
  }
  const isShown = subjects.some((subject) => ex.itemOf.has(subject.key));
  return isShown ? `${printable(subjects[0].name)} is named as withheld, and is shown` : "";
}

// Entries that the disposals shown here name, by what they commit to.
function destroyed(ex) {
  const named = new Set();
  for (const [, statement] of ex.shown()) {
    if (statement.kind !== "disposal") continue;
    for (const { commitment } of statement.subjects) named.add(formatHex(commitment));
  }
  const places = [...ex.views].filter(([, { entry }]) => named.has(formatHex(entry.commitment)));
  return new Set(places.map(([at]) => at));
}

// A reason that the packet itself contradicts; of any other nobody here can tell.
function untrue(ex, at, reason) {
  if (reason === "destroyed") {
    return destroyed(ex).has(at) ? "" : "named as destroyed, and no disposal shown here names it";
  }
  if (GONE.includes(reason)) {
    return `a statement is named as ${reason}, which is said of a file alone`;
  }
  const own = ex.series.get(caseSeries(ex.index.case, ex.trust.firstYear));
  return reason === "other_case" && own?.numbers.has(at)
    ? "named as said in another case, and stands in the series of this one"
    : "";
}
