// The verdict over a packet: one table of steps, in the order in which they run.
//
// A verifier brings a trust folder of his own and, for completeness, a copy of the public log.
// Nothing is taken from the packet on its word: every part is tied to the leaf of its entry, and
// every entry to a checkpoint that a quorum has cosigned. What each step proves and does not prove
// is said in `ledger/verify.py`, whose words the page takes.

import { LedgerError, Uncomputed } from "./errors.js";
import { Finding, Group, Outcome, conclude } from "./report.js";
import { registered, unrevoked } from "./verdict/certified.js";
import { clips } from "./verdict/clips.js";
import { completeness } from "./verdict/completeness.js";
import { container } from "./verdict/container.js";
import { derivations } from "./verdict/derived.js";
import { checkpoints, commitments, inclusion } from "./verdict/entries.js";
import { Examination, notChecked } from "./verdict/examination.js";
import { NotChecked } from "./verdict/findings.js";
import { caseOf, items } from "./verdict/items.js";
import { particulars } from "./verdict/particulars.js";
import { renewals } from "./verdict/renewed.js";
import { series } from "./verdict/series.js";
import { signatures } from "./verdict/signatures.js";
import { fence, times } from "./verdict/times.js";

export const STEPS = [
  { name: "container", group: Group.INTEGRITY, run: container },
  { name: "checkpoint", group: Group.INTEGRITY, run: checkpoints },
  { name: "inclusion", group: Group.INTEGRITY, run: inclusion },
  { name: "commitment", group: Group.INTEGRITY, run: commitments },
  { name: "signature", group: Group.INTEGRITY, run: signatures },
  { name: "series", group: Group.INTEGRITY, run: series },
  { name: "item", group: Group.INTEGRITY, run: items },
  { name: "clip", group: Group.INTEGRITY, run: clips },
  { name: "derived", group: Group.COMPLETE, run: derivations },
  { name: "case", group: Group.INTEGRITY, run: caseOf },
  { name: "certificate", group: Group.INTEGRITY, run: registered },
  { name: "revoked", group: Group.COMPLETE, run: unrevoked },
  { name: "complete", group: Group.COMPLETE, run: completeness },
  { name: "fence", group: Group.ORDER, run: fence },
  { name: "time", group: Group.TIME, run: times },
  { name: "particulars", group: Group.FORM, run: particulars },
  { name: "renewal", group: Group.INTEGRITY, run: renewals },
];

// What this program leaves undecided that `tiezheng verify` decides. None of it is ever passed.
export const NOT_CHECKED = [
  {
    what: "tokens",
    en: "timestamp tokens (RFC 3161), the certificates behind them, and revocation lists",
    zh: "时间戳令牌（RFC 3161）及其证书链、吊销列表",
  },
  {
    what: "renewals",
    en: "renewals: each rests on a timestamp token",
    zh: "续展：每次续展均以时间戳令牌为据",
  },
  {
    what: "seals",
    en: "the electronic seals (PAdES) in notarial certificates",
    zh: "公证书中的电子签章（PAdES）",
  },
  {
    what: "sm2",
    en: "SM2 signatures",
    zh: "SM2 签名",
  },
  {
    what: "rederive",
    en: "that a clip or a redaction is made again, byte for byte, by its tool",
    zh: "用原工具重新生成片段或派生件并逐字节核对",
  },
];

// Runs every step.
//
// `log` is `{ read(label, path) }`, which raises `Unknown` where there is no such file. `require` is
// a Set of groups. `atMs`: as of when; null asks nothing about ends. `certificates`: a Map of those
// presented beside the packet, by name. Raises `Unavailable` only where bytes could not be read.
export async function verifyPacket(packet, trust, options = {}) {
  const { require = new Set(), onStep = () => {}, ...rest } = options;
  const ex = new Examination({ packet, trust, ...rest });
  return examinePacket(ex, require, onStep);
}

// The same, for who wants to go on with what held: it stays on the examination.
export async function examinePacket(ex, require = new Set(), onStep = () => {}) {
  const findings = [];
  let missing = null; // why from here on each step rests on something that nothing here can tell
  for (const { name, run } of STEPS) {
    onStep(name);
    if (missing !== null) {
      findings.push(missing(name));
    } else if (ex.unreadable) {
      findings.push(new Finding(name, Outcome.UNDECIDED, "packet", "not checked"));
    } else {
      try {
        for await (const finding of run(ex)) findings.push(finding);
      } catch (error) {
        missing = whyNotChecked(error);
        findings.push(missing(name));
      }
    }
  }
  // A later step may have something to say of an earlier one.
  const order = new Map(STEPS.map(({ name }, i) => [name, i]));
  findings.sort((a, b) => order.get(a.step) - order.get(b.step));
  const groupOf = Object.fromEntries(STEPS.map(({ name, group }) => [name, group]));
  const report = conclude(findings, groupOf, require, ex.facts());
  // What is not checked here may fail there, in whatever group: and a failure fails the whole.
  if (report.outcome === Outcome.PASSED && findings.some((f) => f instanceof NotChecked)) {
    report.outcome = Outcome.UNDECIDED;
  }
  // A fault of this program says nothing about the packet, not even what it found before.
  if (missing !== null && missing.isFault) report.outcome = Outcome.UNDECIDED;
  return report;
}

// A finding for each step that is left, or the error itself where the bytes are not to be had.
function whyNotChecked(error) {
  if (error instanceof Uncomputed) return (step) => notChecked(step, "packet", error);
  if (error instanceof LedgerError) throw error;
  const detail = `not checked here: this program has failed: ${error.message}`;
  const missing = (step) => new Finding(step, Outcome.UNDECIDED, "packet", detail);
  return Object.assign(missing, { isFault: true });
}
