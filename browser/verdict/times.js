// Order and time: what was fixed before the decision, and since when each entry has existed.

import { equalBytes, formatTime, repr } from "../encoding.js";
import { comparePlaces, treeKey } from "../evidence/packet.js";
import { isBefore } from "../evidence/register.js";
import { Order, order } from "../process/fence.js";
import { Finding, Outcome, secondsText } from "../report.js";
import { allGood, whose } from "./examination.js";
import { stampFindings } from "./stamps.js";

const LATE_S = 600; // a first quorum time later than this after `at` is worth a sentence
const MAX_DECISIONS = 32; // each is held against every item: a case has one, or one for each party
const SUPPORTS_NO_DECISION = ["serve", "enforce"]; // their evidence comes after it by nature

export async function* fence(ex) {
  const undecided = (about, detail) => new Finding("fence", Outcome.UNDECIDED, about, detail);
  const disowned = ex.decisions({ disowned: true });
  for (const [place, { day }] of disowned) {
    yield undecided(ex.index.case, `decision ${place.toText()} dated ${day} counts for nothing`);
  }
  // Where none counts, what was fixed before it is shown all the same: so none makes it vanish.
  let decisions = ex.decisions();
  if (!decisions.length) decisions = disowned;
  if (!decisions.length) {
    yield undecided(ex.index.case, "no decision in the packet");
    return;
  }
  if (decisions.length > MAX_DECISIONS) {
    const held = `items are held against the first ${MAX_DECISIONS}`;
    yield undecided(ex.index.case, `${decisions.length} decisions: ${held}`);
    decisions = decisions.slice(0, MAX_DECISIONS);
  }
  for (const [view, statement] of ex.shown()) {
    // An act's documents count as well: a record made up later may call itself one.
    // What was made from an item later is no evidence of its own.
    if (!statement.items.length || statement.kind === "derivation") continue;
    if (!view.signers.length && !view.disowned) {
      yield undecided(view.place.toText(), whose(view));
      continue;
    }
    for (const [place, decision] of decisions) {
      // So may one in a second decision: its documents are held against those before it.
      const later = !isBefore(decision.position, ex.position(view.place));
      if (statement.isDecision && later) continue;
      yield heldAgainst(ex, view, statement, place.toText(), decision);
    }
  }
}

function heldAgainst(ex, view, statement, place, decision) {
  const about = view.place.toText();
  const found = orderOf(ex, view, decision);
  // With several decisions the list shows the order to the first.
  if (!ex.orders.has(about)) ex.orders.set(about, found);
  const what = `${found} decision ${place} dated ${decision.day}`;
  if (view.disowned || ex.views.get(place).disowned) {
    return new Finding("fence", Outcome.UNDECIDED, about, `${what}: not both of them count`);
  }
  const byNature = found === Order.AFTER && SUPPORTS_NO_DECISION.includes(statement.stage);
  const passed = found === Order.BEFORE || byNature;
  const detail = byNature ? `${what}: by its own label it supports no decision` : what;
  return new Finding("fence", passed ? Outcome.PASSED : Outcome.UNDECIDED, about, detail);
}

function orderOf(ex, view, decision) {
  const [log] = ex.position(view.place);
  const proofs = view.proofs
    .filter(({ quorumTime }) => quorumTime !== null)
    .map(({ checkpoint, quorumTime }) => ({ log, size: checkpoint.size, quorumTime }));
  return order(ex.position(view.place), proofs, decision);
}

export async function* times(ex) {
  const latest = new Map();
  const views = [...ex.views.values()].sort((a, b) => comparePlaces(a.place, b.place));
  for (const { place, entry } of views) {
    if (entry.at < (latest.get(place.log) ?? 0)) {
      const detail = "the ledger's own time runs backwards here";
      yield new Finding("time", Outcome.FAILED, place.toText(), detail);
    }
    latest.set(place.log, entry.at);
  }
  yield* stampFindings(ex);
  let good = 0;
  for (const [view, statement] of ex.shown()) {
    const problems = [...timeProblems(ex, view, statement)];
    yield* problems;
    if (!problems.length) good += 1;
  }
  yield allGood("time", good, "statements");
}

function* timeProblems(ex, view, statement) {
  const about = view.place.toText();
  const undecided = (detail) => new Finding("time", Outcome.UNDECIDED, about, detail);
  const { quorumTime: fixed, claimedTime: claimed } = view;
  if (fixed === null || claimed === null) {
    yield undecided("no quorum has seen it yet");
    return;
  }
  const accepted = Math.floor(view.entry.at / 1000);
  if (fixed > accepted + LATE_S) {
    const late = BigInt(fixed) - BigInt(accepted);
    yield undecided(`late witnessed: ${late} s after the ledger says it accepted it`);
  }
  // The earliest time that anything here claims: a key withdrawn later takes no doubt away.
  if (claimed < accepted - LATE_S) {
    const says = `the ledger says ${formatTime(view.entry.at)}`;
    yield undecided(`${says}, the quorum ${secondsText(claimed)}`);
  }
  const { occurred, after } = statement;
  if (occurred !== null && Math.floor(occurred.startMs / 1000) - LATE_S > claimed) {
    yield undecided(`claims to have begun at ${occurred.startText}, after it was fixed`);
  }
  const detail = after === null ? "" : afterProblem(ex, view, after);
  // A thief writes what he likes: what counts for nothing fails nothing.
  const outcome = view.disowned ? Outcome.UNDECIDED : Outcome.FAILED;
  if (detail) yield new Finding("time", outcome, about, detail);
}

// What is wrong with what a signer had checked, as far as the packet shows; else nothing.
function afterProblem(ex, view, { origin, size, root }) {
  const number = ex.trust.logs.findIndex((log) => log.origin === origin);
  if (number < 0) {
    const whose = "which your trust folder does not know";
    return `claims to follow the log ${repr(origin)}, ${whose}`;
  }
  const { label } = ex.trust.logs[number];
  if (isBefore(ex.position(view.place), [number, size])) {
    return `claims to follow a tree of ${size} entries of ${label}`;
  }
  if (size > (ex.ends.get(label) ?? size)) {
    return `claims to follow a tree of ${size} entries of ${label}, which had ended`;
  }
  const shown = ex.roots.get(treeKey(label, size));
  if (shown !== undefined && !equalBytes(shown, root)) {
    return `its signer had checked another history of ${size} entries`;
  }
  return "";
}
