// What a packet carries beside the evidence: who read it, the register relied on, the ledger's own
// state. Facts, each from a statement that held; what follows from them is for the reader.

import { byCodePoint, printable } from "../encoding.js";
import { isState } from "../evidence/statement.js";
import { secondsText } from "../report.js";

// Who read, exported or was refused, in log order. `rows` are views with their statements.
export function custodyFacts(rows) {
  return rows
    .filter(([, { kind }]) => kind === "custody")
    .map(([view, { predicate }]) => ({
      action: predicate.action,
      by: printable(predicate.by),
      ...told(view, predicate),
    }));
}

export function stateFacts(rows) {
  return rows
    .filter(([, statement]) => isState(statement))
    .map(([view, { predicate }]) => {
      const counts = predicate.counts ?? {};
      const names = Object.keys(counts).sort(byCodePoint);
      const text = names.map((name) => `${name} ${counts[name]}`).join(", ");
      return { counts: text, ...told(view, predicate) };
    });
}

// Each register statement shown, as version n of N of its series.
export function registerFacts(rows, series) {
  const names = [...series.keys()].sort(byCodePoint);
  const found = [];
  for (const [view, { kind, predicate }] of rows) {
    if (kind !== "register") continue;
    const place = view.place.toText();
    for (const name of names) {
      const { numbers } = series.get(name);
      if (!numbers.has(place)) continue;
      const version = { of: String(numbers.size), version: String(numbers.get(place)) };
      found.push({ ...registered(predicate), place, series: printable(name), ...version });
    }
  }
  return found;
}

function told(view, predicate) {
  return {
    claimed: predicate.occurred.from,
    fixed_by: secondsText(view.quorumTime),
    note: printable(predicate.note ?? ""),
    place: view.place.toText(),
    // Whether the ledger or a thief said it.
    ...(view.disowned ? { undecided: "yes" } : {}),
  };
}

function registered(said) {
  const ended = "revoked" in said || "compromised_since" in said ? "yes" : "";
  if ("key" in said) {
    return { ended, name: printable(said.person), role: said.role, what: "key" };
  }
  if ("register" in said) {
    const name = "version" in said ? `${said.subject} ${said.version}` : said.subject;
    return { ended: "", name: printable(name), role: "", what: said.register };
  }
  if ("case_numbers" in said) {
    return { ended: "", name: printable(said.name), role: "", what: "agency" };
  }
  const years = Object.keys(said.series).sort(byCodePoint).join(", ");
  return { ended, name: years, role: "", what: ended ? "series" : "opening" };
}
