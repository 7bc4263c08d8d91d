// What was made from items: from which original, and that no more was changed than declared.

import { formatHex, printable } from "../encoding.js";
import { Rejected } from "../errors.js";
import { checkDerived, spansOf, takenOut } from "../evidence/derivation.js";
import { Finding, Outcome } from "../report.js";
import { failed, oneDecimal } from "./examination.js";

export async function* derivations(ex) {
  const fixed = new Map(); // by SHA-256: only what stands earlier can be an original
  let found = 0;
  for (const [view, statement] of ex.shown()) {
    if (statement.kind === "derivation") {
      found += 1;
      yield await derivation(ex, view, statement, fixed);
    }
    for (const subject of statement.items) {
      const key = formatHex(subject.digest.sha256);
      if (!fixed.has(key)) fixed.set(key, subject);
    }
  }
  if (!found) yield new Finding("derived", Outcome.PASSED, "packet", "0 derivations");
}

async function derivation(ex, view, statement, fixed) {
  const about = view.place.toText();
  const finding = (outcome, detail) => new Finding("derived", outcome, about, detail);
  const [made] = statement.files;
  const { predicate } = statement;
  const name = printable(made.name);
  const original = fixed.get(predicate.original);
  if (!view.signers.length) {
    return finding(Outcome.UNDECIDED, "whose signatures are under it was not checked");
  }
  if (original === undefined) {
    const detail = `${name}: no earlier statement shown here speaks of its original`;
    return finding(Outcome.UNDECIDED, detail);
  }
  const origin = printable(original.name);
  const spans = spansOf(predicate);
  if (spans === null) {
    const how = `was made from ${origin} with ${printable(predicate.tool)}, says who signed it`;
    return finding(Outcome.PASSED, `${name} ${how}; what was done was not checked`);
  }
  const [before, after] = [ex.itemOf.get(original.key), ex.itemOf.get(made.key)];
  if (before === undefined || after === undefined) {
    const detail = `${name}: its ${spans.length} declared spans need both it and ${origin}`;
    return finding(Outcome.UNDECIDED, detail);
  }
  const [source, held] = [ex.held(before), ex.held(after)];
  const read = (file) => (at, size) => file.read(at, size);
  try {
    await checkDerived(read(source), source.size, read(held), held.size, spans);
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    return failed("derived", about, error);
  }
  const share = oneDecimal((100 * takenOut(spans)) / Math.max(1, source.size));
  const changed = `${spans.length} declared spans, ${share} % of its bytes`;
  return finding(Outcome.PASSED, `${name} is ${origin} but for ${changed}`);
}
