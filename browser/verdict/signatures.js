// Signatures: each statement by keys that the registrar had named before.
//
// The register is read first. It also says which keys of the trust folder no longer count, and so
// what a quorum had seen, and when.

import { printable } from "../encoding.js";
import { Unavailable } from "../errors.js";
import { Disowned, Register } from "../evidence/register.js";
import { checkEnd, openClosing } from "../process/sequence.js";
import { Finding, Outcome, millisecondsText, secondsText } from "../report.js";
import { allGood, failed, isRefusal, notChecked } from "./examination.js";
import { countQuorums, isOfTheLedger } from "./quorums.js";
import { counted } from "./withdrawn.js";

const STEP = "signature";

export async function* signatures(ex) {
  const register = new Register(ex.trust.registrar, ex.trust.keys);
  ex.register = register;
  let good = 0;
  const shown = ex.shown();
  for (const [view, statement] of shown) {
    if (statement.kind !== "register") continue;
    const about = view.place.toText();
    try {
      await register.add(ex.position(view.place), statement, view.envelope);
      good++;
    } catch (error) {
      if (error instanceof Unavailable) {
        // Whose keys count is not known then: no signature here can be judged.
        yield notChecked(STEP, about, error);
        yield* countQuorums(ex, register);
        return;
      }
      if (!isRefusal(error)) throw error;
      view.statement = null;
      yield failed(STEP, about, error);
    }
  }
  yield* countQuorums(ex, register);
  for (const [view, statement] of shown) {
    if (statement.kind === "register") continue;
    const about = view.place.toText();
    try {
      const position = ex.position(view.place);
      view.signers = await register.open(position, statement, view.envelope, view.quorumTime);
      yield* signedIn(ex, view);
      good++;
    } catch (error) {
      if (error instanceof Unavailable) {
        yield notChecked(STEP, about, error);
        continue;
      }
      if (error instanceof Disowned) {
        view.disowned = true;
        yield* disowned(ex, view, error);
        continue;
      }
      if (!isRefusal(error)) throw error;
      view.statement = null;
      yield failed(STEP, about, error);
    }
  }
  yield* suites(ex);
  yield* enrolment(ex, register);
  yield* ends(ex);
  yield* endedSeries(ex);
  yield allGood(STEP, good, "statements");
}

// Owner or thief may have signed it: told with all that a court weighs it by. On what the ledger
// says of itself nothing rests, so that lowers no verdict.
function* disowned(ex, view, { thefts }) {
  const own = isOfTheLedger(view);
  const outcome = own ? Outcome.PASSED : Outcome.UNDECIDED;
  const what = own ? "undecided, and nothing rests on it" : "counts for nothing";
  for (const { position, key, compromisedMs } of thefts) {
    const place = `${ex.trust.logs[position[0]].label}-${position[1]}`;
    const detail =
      `${what}: ${seen(view)}, signed by ${key.keyid}, of which entry ` +
      `${place}, ${seen(ex.views.get(place))}, says that it was compromised since ` +
      millisecondsText(compromisedMs);
    yield new Finding(STEP, outcome, view.place.toText(), detail);
  }
}

function seen({ quorumTime }) {
  return quorumTime === null ? "seen by no quorum" : `seen at ${secondsText(quorumTime)}`;
}

// The opening of the log, where shown, must enrol what the trust folder holds.
function* enrolment(ex, register) {
  for (const [[number, index], opening] of register.openings) {
    const { label, policy } = ex.trust.logs[number];
    const { log, registrar, series } = opening.predicate;
    let same = log === policy.log.toText() && registrar === ex.trust.registrar.toText();
    for (const [year, print] of Object.entries(series)) {
      same &&= ex.trust.series.get(year)?.fingerprint === print;
    }
    if (!same) {
      const detail = "the opening of the log enrols other keys than your trust folder holds";
      yield new Finding(STEP, Outcome.FAILED, `${label}-${index}`, detail);
    }
  }
}

// Each log but the last has ended, where the first entry of the next one says.
async function* ends(ex) {
  const { logs } = ex.trust;
  for (const [i, log] of logs.slice(0, -1).entries()) {
    const shown = ex.checkpoints.get(log.label);
    if (shown === undefined) continue;
    const about = ex.layout.checkpoints.get(log.label);
    const view = ex.views.get(`${logs[i + 1].label}-0`);
    if (!view?.statement) {
      const detail = "your trust folder has a later log, and where this one ended is not shown";
      yield new Finding("checkpoint", Outcome.UNDECIDED, about, detail);
      continue;
    }
    let signed, end;
    try {
      signed = await ex.hold(log, openClosing(view.statement).note);
      end = ex.see(log, signed);
      checkEnd(end.checkpoint, shown.checkpoint);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      yield failed("checkpoint", about, error);
      continue;
    }
    ex.ends.set(log.label, end.checkpoint.size);
    // Of a log whose own key was stolen the next one says it, under a key of its own.
    const told = counted(
      signed,
      log,
      ex.gone.filter((w) => w.role !== "log"),
    );
    if (end.quorumTime === null && told.quorumTime !== null) {
      end = { ...told, quorumTime: view.quorumTime };
      ex.checkpoints.set(log.label, end);
    }
    if (end.quorumTime === null) {
      const detail = "no quorum has seen where this log ended";
      yield new Finding("checkpoint", Outcome.UNDECIDED, about, detail);
      continue;
    }
    const says = `as ${view.place.toText()} says`;
    const detail = `this log ended with ${end.checkpoint.size} entries, ${says}`;
    yield new Finding("checkpoint", Outcome.PASSED, about, detail);
  }
}

// What the registrar says of series keys: nothing falls with one.
function* endedSeries(ex) {
  for (const [view, statement] of ex.shown()) {
    const { series, revoked } = statement.predicate;
    if (statement.kind !== "register" || series === undefined || revoked === undefined) continue;
    for (const year of Object.keys(series)) {
      const detail =
        `the series key of ${year} ended (${printable(revoked)}): whoever has it ` +
        "can tell which entries belong together, and makes no second series";
      yield new Finding(STEP, Outcome.PASSED, view.place.toText(), detail);
    }
  }
}

// Where persons signed in suites that the trust folder does not believe.
function* signedIn(ex, view) {
  for (const signer of view.signers) {
    // The ledger's own word is the operator's, in whatever suite: nothing rests on it.
    const why = signer.role === "ledger" ? "" : ex.trust.suites.checkSigner(signer);
    if (why) yield new Finding(STEP, Outcome.UNDECIDED, view.place.toText(), why);
  }
}

function* suites(ex) {
  const why = ex.trust.suites.checkRegistrar(ex.trust.registrar);
  if (why) yield new Finding(STEP, Outcome.UNDECIDED, "trust/suites", why);
  const detail = ex.trust.suites.finding();
  if (detail) yield new Finding(STEP, Outcome.PASSED, "trust/suites", detail);
}
