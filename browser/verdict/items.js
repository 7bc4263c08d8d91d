// Items and the case: the bytes are those that were fixed, and all is about one case.

import { formatHex } from "../encoding.js";
import { Rejected } from "../errors.js";
import { checkSpelling, isPlain, isSpelled } from "../evidence/case_number.js";
import { ItemHasher } from "../evidence/chunks.js";
import { caseSeries, provisionalSeries } from "../evidence/membership.js";
import { OPENING } from "../evidence/statement.js";
import { Finding, Outcome } from "../report.js";
import { failed, isRefusal } from "./examination.js";

export async function* items(ex) {
  const wanted = new Map(); // by SHA-256
  for (const [view, statement] of ex.shown()) {
    for (const subject of statement.items) {
      const key = formatHex(subject.digest.sha256);
      wanted.set(key, [...(wanted.get(key) ?? []), [view, subject]]);
    }
  }
  let good = 0;
  for (const [path, plain] of ex.itemDigests) {
    const said = wanted.get(formatHex(plain.sha256)) ?? [];
    try {
      if (!said.length) {
        throw new Rejected("no statement in this packet speaks of these bytes");
      }
      const sm3 = said.some(([, subject]) => subject.digest.sm3.length);
      const found = sm3 ? await withSm3(ex, path) : plain;
      // A thief writes what he likes: what counts for nothing fails nothing.
      const fitting = said.filter(([view, s]) => !view.disowned || fits(s.digest, found));
      for (const [, subject] of fitting) {
        subject.digest.check(found);
        const why = ex.trust.suites.checkItem(subject.digest);
        if (why) yield new Finding("item", Outcome.UNDECIDED, path, why);
        ex.itemOf.set(subject.key, path);
      }
      if (!fitting.length) {
        const detail = "what counts for nothing speaks of these bytes, and has other digests";
        yield new Finding("item", Outcome.UNDECIDED, path, detail);
      }
      good += fitting.length ? 1 : 0;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      yield failed("item", path, error);
    }
  }
  if (good || !ex.layout.items.length) {
    yield new Finding("item", Outcome.PASSED, "packet", `${good} items`);
  }
}

function fits(digest, found) {
  try {
    digest.check(found);
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    return false;
  }
  return true;
}

async function withSm3(ex, path) {
  const hasher = await ItemHasher.begin({ sm3: true });
  for await (const piece of ex.packet.stream(path)) await hasher.update(piece);
  return hasher.finish();
}

const OF_NO_CASE = ["register", "renewal", "status"];

export async function* caseOf(ex) {
  const number = ex.index.case;
  const { firstYear } = ex.trust;
  const finding = (outcome, detail) => new Finding("case", outcome, number, detail);
  const name = caseSeries(number, firstYear);
  if (ex.layout.envelopes.size && !ex.series.has(name)) {
    yield finding(Outcome.FAILED, "the packet has no series of this case");
    return;
  }
  // The series of this packet's case, with a provisional one that it grew from.
  const names = new Set([name]);
  const linked = new Set(); // only by what counts for nothing
  for (const [view, { case: its, predicate }] of ex.shown()) {
    if (its === number && predicate.provisional) {
      const grown = view.disowned ? linked : names;
      grown.add(provisionalSeries(predicate.provisional, firstYear));
    }
  }
  const all = new Set([...names, ...linked]);
  let good = 0;
  let bad = 0;
  for (const [view, statement] of ex.shown()) {
    if (OF_NO_CASE.includes(statement.kind)) continue;
    try {
      if (statement.kind === "custody") {
        checkCustody(view, all);
        continue;
      }
      const own = checkCase(ex, view, statement, all);
      if (!own.some((one) => names.has(one))) {
        const detail = "of this case only by a statement that counts for nothing";
        yield new Finding("case", Outcome.UNDECIDED, view.place.toText(), detail);
      }
      good += 1;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      bad += 1;
      yield failed("case", view.place.toText(), error);
    }
  }
  if (bad) return;
  if (!good) {
    yield finding(Outcome.UNDECIDED, "no statement of this case is shown");
  } else if (isSpelled(number, ex.register?.caseNumbers() ?? [])) {
    yield finding(Outcome.PASSED, "spelled as registered");
  } else if (isPlain(number)) {
    yield finding(Outcome.PASSED, "its agency's spelling is not in the packet");
  } else {
    const detail = "no agency's spelling here covers this number, which may only look like another";
    yield finding(Outcome.UNDECIDED, detail);
  }
}

// Who read another case is not for the readers of this one. Years are those of two series.
function checkCustody(view, names) {
  const about = view.series.map((name) => name.slice(5).replace(/^custody\//, ""));
  const own = new Set([...names].map((name) => name.slice(5)));
  if (!about.some((name) => own.has(name))) {
    throw new Rejected("this read was not of the case of the packet");
  }
}

// The series of a case that it stands in, which must be one of `names`.
function checkCase(ex, view, statement, names) {
  const opening = statement.predicate.act === OPENING;
  const own = opening ? [provisionalSeries(statement.id, ex.trust.firstYear)] : view.series;
  if (!own.some((name) => names.has(name))) {
    throw new Rejected("this statement is not about the case of the packet");
  }
  const templates = ex.register?.caseNumbers(statement.agency) ?? [];
  if (statement.case !== null && templates.length) checkSpelling(statement.case, templates);
  return own;
}
