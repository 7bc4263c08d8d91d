// The renewals of a packet. What they rest on are tokens, which are not checked here: so what has
// ended by the time asked about is undecided, whatever renewals are shown.

import { inChina } from "../encoding.js";
import { Rejected } from "../errors.js";
import { Envelope } from "../evidence/envelope.js";
import { rowsOf } from "../evidence/renewal.js";
import { Statement } from "../evidence/statement.js";
import { Finding, Outcome } from "../report.js";
import { Algorithm } from "../tlog/note.js";
import { failed, isRefusal } from "./examination.js";
import { NotChecked } from "./findings.js";

const STEP = "renewal";
const RESTS_ON = ["ed25519", "rsa", "sha256"]; // commitments, paths, roots, signatures, series
const NOT_OPENED = "renewals that rest on timestamp tokens";
const NOT_STAMPED = "no authority of yours has stamped it";

export async function* renewals(ex) {
  const finding = (outcome, about, detail) => new Finding(STEP, outcome, about, detail);
  if (ex.atMs === null) {
    yield finding(Outcome.PASSED, "packet", "nothing was asked about later times");
    return;
  }
  yield* shown(ex);
  const views = ex.ordered();
  const ended = endedBy(ex.trust, ex.atMs);
  if (ended !== null) {
    const what = `${ended.name} ended in ${inChina(ended.endMs).getUTCFullYear()}`;
    for (const { place } of views) {
      const text = place.toText();
      const detail = `${what}, and nothing shows that ${text} was hashed again before`;
      yield finding(Outcome.UNDECIDED, text, detail);
    }
  } else if (views.length) {
    yield finding(Outcome.PASSED, "packet", `${views.length} entries`);
  }
  if (!views.length) yield finding(Outcome.UNDECIDED, "packet", "no entries were shown");
}

async function* shown(ex) {
  const { renewals: envelopes, renewalTokens, renewalLists, renewalRows } = ex.layout;
  // Of a folder without authorities nothing would be opened anywhere.
  const found = (path) =>
    ex.trust.authorities.length
      ? new NotChecked(STEP, path, NOT_OPENED)
      : new Finding(STEP, Outcome.UNDECIDED, path, NOT_STAMPED);
  for (const [number, path] of envelopes) {
    try {
      const { payload } = Envelope.fromBytes(await ex.read(path));
      const { kind, predicate } = Statement.fromBytes(payload);
      if (kind !== "renewal" || rowsOf(predicate) === null) throw new Rejected("it renews nothing");
      if (!renewalTokens.has(number)) throw new Rejected("it has no token");
      yield found(path);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      yield failed(STEP, path, error);
    }
  }
  const parts = new Set([renewalTokens, renewalLists, renewalRows].flatMap((m) => [...m.keys()]));
  for (const number of [...parts].sort()) {
    if (envelopes.has(number)) continue;
    const about = `data/renewals/${number}`;
    yield new Finding(STEP, Outcome.FAILED, about, "parts without a renewal");
  }
}

// What ended first, of what proofs rest on and has ended by then; else null.
function endedBy(trust, atMs) {
  const cosigners = trust.logs.flatMap((log) => log.policy.witnesses);
  const mldsa = cosigners.some(({ key }) => key.algorithm === Algorithm.COSIGNATURE_MLDSA44);
  const ends = [...RESTS_ON, ...(mldsa ? ["mldsa44"] : [])]
    .map((name) => ({ name, endMs: trust.ends.get(name) ?? Infinity }))
    .filter(({ endMs }) => endMs <= atMs);
  return ends.sort((a, b) => a.endMs - b.endMs || (a.name < b.name ? -1 : 1))[0] ?? null;
}
