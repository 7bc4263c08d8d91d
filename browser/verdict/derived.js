// What was made from items: from which original, and that no more was changed than declared.

import { formatHex, printable } from "../encoding.js";
import { Rejected } from "../errors.js";
import { ItemHasher } from "../evidence/chunks.js";
import { checkDerived, madeAgain, spansOf, takenOut } from "../evidence/derivation.js";
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
  if (before === undefined) {
    const detail = `${name}: its ${spans.length} declared spans need ${origin}, which is not shown`;
    return finding(Outcome.UNDECIDED, detail);
  }
  const source = ex.held(before);
  const read = (file) => (at, size) => file.read(at, size);
  let again = "";
  try {
    if (after === undefined) {
      await makeAgain(read(source), source.size, made, spans);
      again = "; it is not shown, and was made again from them: its digests are those fixed";
    } else {
      const held = ex.held(after);
      await checkDerived(read(source), source.size, read(held), held.size, spans);
    }
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    return failed("derived", about, error);
  }
  const share = oneDecimal((100 * takenOut(spans)) / Math.max(1, source.size));
  const changed = `${spans.length} declared spans, ${share} % of its bytes`;
  return finding(Outcome.PASSED, `${name} is ${origin} but for ${changed}${again}`);
}

// Raises `Rejected` unless the spans make of the original what the statement is about.
async function makeAgain(read, size, { digest }, spans) {
  const hasher = await ItemHasher.begin({ sm3: digest.sm3.length > 0 });
  for await (const piece of madeAgain(read, size, spans)) await hasher.update(piece);
  digest.check(await hasher.finish());
}
