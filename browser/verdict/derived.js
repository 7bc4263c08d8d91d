// What was made from items: from which original, and that no more was changed than declared.

import { formatHex, printable } from "../encoding.js";
import { Rejected } from "../errors.js";
import { ItemHasher } from "../evidence/chunks.js";
import { checkDerived, madeAgain, spansOf, takenOut } from "../evidence/derivation.js";
import { Finding, Outcome } from "../report.js";
import { failed, whose } from "./examination.js";

const MAX_READ = 2 ** 36; // bytes of originals that are read again, for all derivations together
const MAX_NAMED = 5;
const MAX_SHOWN = 20;

export async function* derivations(ex) {
  const fixed = new Map(); // by SHA-256: only what stands earlier can be an original
  const disowned = new Set(); // originals that stand in what counts for nothing
  const room = { left: MAX_READ };
  let found = 0;
  for (const [view, statement] of ex.shown()) {
    if (statement.kind === "derivation") {
      found += 1;
      yield await derivation(ex, view, statement, { fixed, disowned }, room);
    }
    for (const subject of statement.items) {
      const key = formatHex(subject.digest.sha256);
      if (view.disowned) disowned.add(key);
      else if (!fixed.has(key)) fixed.set(key, subject);
    }
  }
  if (!found) yield new Finding("derived", Outcome.PASSED, "packet", "0 derivations");
}

async function derivation(ex, view, statement, { fixed, disowned }, room) {
  const about = view.place.toText();
  const finding = (outcome, detail) => new Finding("derived", outcome, about, detail);
  const [made] = statement.files;
  const { predicate } = statement;
  const name = printable(made.name);
  const original = fixed.get(predicate.original);
  if (!view.signers.length) {
    return finding(Outcome.UNDECIDED, whose(view));
  }
  if (original === undefined && disowned.has(predicate.original)) {
    const detail = `${name}: the statement of its original counts for nothing`;
    return finding(Outcome.UNDECIDED, detail);
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
  if (source.size > room.left) {
    const detail = `${name}: its ${spans.length} declared spans were not followed: there are too many`;
    return finding(Outcome.UNDECIDED, detail);
  }
  room.left -= source.size;
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
  const out = `${takenOut(spans)} of its ${source.size} bytes are taken out`;
  const changed = `${spans.length} declared spans: ${out}, ${putIn(spans)}`;
  return finding(Outcome.PASSED, `${name} is ${origin} but for ${changed}${again}`);
}

// A word put in turns a sentence round, however small its share is: so it is shown.
function putIn(spans) {
  const texts = spans.map(({ put }) => put).filter((put) => put);
  if (!texts.length) return "nothing is put in";
  const shown = [...new Set(texts)].map((text) => `“${short(printable(text))}”`);
  const more = shown.length - MAX_NAMED;
  const listed = shown.slice(0, MAX_NAMED).join(", ") + (more > 0 ? `, and ${more} more` : "");
  return `and in ${texts.length} places is put in ${listed}`;
}

function short(text) {
  const characters = [...text];
  return characters.length <= MAX_SHOWN ? text : `${characters.slice(0, MAX_SHOWN - 1).join("")}…`;
}

// Raises `Rejected` unless the spans make of the original what the statement is about.
async function makeAgain(read, size, { digest }, spans) {
  const hasher = await ItemHasher.begin({ sm3: digest.sm3.length > 0 });
  for await (const piece of madeAgain(read, size, spans)) await hasher.update(piece);
  digest.check(await hasher.finish());
}
