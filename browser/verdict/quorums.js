// What quorums had seen, once the register has said whose keys still count.

import { byCodePoint } from "../encoding.js";
import { MINUTE_MS } from "../evidence/entry.js";
import { treeKey } from "../evidence/packet.js";
import { isState } from "../evidence/statement.js";
import { Finding, Outcome, millisecondsText } from "../report.js";
import { withdrawals } from "./withdrawn.js";

export async function* countQuorums(ex, register) {
  const views = ex.ordered();
  const at = (position) =>
    views.find((view) => String(ex.position(view.place)) === String(position));
  const trees = treesOf(ex);

  // When any quorum had seen the entry at a position, and not after its own minute; ms.
  function told(position) {
    const { place, entry } = at(position);
    const times = trees
      .filter((tree) => tree.label === place.log && tree.size > place.index)
      .map((tree) => tree.time);
    if (!times.length) return null;
    return Math.min(...times.map((time) => Number(time) * 1000), entry.at + MINUTE_MS);
  }

  ex.gone = withdrawals(register.trusted, ex.trust, told);
  for (const [label, signed] of ex.signed) {
    const log = ex.logOf(label);
    const counts = ex.see(log, signed);
    ex.checkpoints.set(label, counts);
    const path = ex.layout.checkpoints.get(label);
    yield quorum(path, signed, counts, log.policy.overlap);
  }
  for (const view of ex.views.values()) {
    const log = ex.logOf(view.place.log);
    view.proofs = view.signed.map((proof) => ex.see(log, proof));
  }
  if (ex.gone.length) yield* withdrawn(ex, views, at);
}

// When a quorum had seen each tree that is shown, with all cosignatures there are.
function treesOf(ex) {
  const found = new Map();
  const shown = [...ex.signed].concat(
    [...ex.views.values()].flatMap((view) => view.signed.map((one) => [view.place.log, one])),
  );
  for (const [label, { checkpoint, quorumTime: time }] of shown) {
    if (time === null) continue;
    const { size } = checkpoint;
    const key = treeKey(label, size);
    if (!found.has(key) || time < found.get(key).time) found.set(key, { label, size, time });
  }
  return [...found.values()];
}

function quorum(path, signed, counts, overlap) {
  const names = [...counts.times.keys()].sort(byCodePoint).join(", ") || "nobody";
  if (overlap < 1) {
    const detail = "your policy lets two sets of cosigners sign two histories";
    return new Finding("checkpoint", Outcome.UNDECIDED, path, detail);
  }
  if (signed.quorumTime === null) {
    const detail = `no quorum: cosigned by ${names}`;
    return new Finding("checkpoint", Outcome.UNDECIDED, path, detail);
  }
  if (counts.quorumTime === null) {
    // What each entry still has is said of the entry.
    const detail = "its quorum no longer counts: earlier ones may, for the entries that they saw";
    return new Finding("checkpoint", Outcome.PASSED, path, detail);
  }
  const collude = `two histories are possible only if ${overlap} of them collude`;
  const detail = `cosigned by ${names}; ${collude}`;
  return new Finding("checkpoint", Outcome.PASSED, path, detail);
}

// What the register takes from keys of the trust folder. It lowers a verdict, or nothing.
function* withdrawn(ex, views, at) {
  for (const w of ex.gone) {
    const since = millisecondsText(w.sinceMs);
    const detail = `the ${w.role} key ${w.keyid} does not count since ${since}`;
    const about = at(w.position).place.toText();
    yield new Finding("signature", Outcome.PASSED, about, detail);
  }
  const told = new Set(ex.gone.map((w) => at(w.position)));
  for (const view of views) {
    if (told.has(view)) continue;
    const about = view.place.toText();
    const unseen = view.claimedTime !== null && view.quorumTime === null;
    if (unseen && !isOfTheLedger(view)) {
      const detail = "without keys that no longer counted no quorum had seen it";
      yield new Finding("checkpoint", Outcome.UNDECIDED, about, detail);
    }
    const late = (w) => w.role === "registrar" && !w.before(view.quorumTime);
    if (view.statement?.kind === "register" && ex.gone.some(late)) {
      const detail = "registered when the registrar's key no longer counted";
      yield new Finding("signature", Outcome.UNDECIDED, about, detail);
    }
  }
}

// Who read, and how the ledger stood: the operator's own word, on which no item rests.
export function isOfTheLedger({ statement }) {
  return statement !== null && (statement.kind === "custody" || isState(statement));
}
