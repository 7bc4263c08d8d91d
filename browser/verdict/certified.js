// The steps of a verdict about notarial certificates, in a packet or presented beside it.
//
// A certificate is a PDF; it counts only if a statement of two notaries that is shown here, and so
// is logged, has its digests. It has a series of its own, of which number 1 issues it: whoever has
// that series and today's log sees that a number 2 exists, and need not be shown what it says.

import { equalBytes, formatHex, printable } from "../encoding.js";
import { Rejected, Unknown } from "../errors.js";
import { Entry } from "../evidence/entry.js";
import { certificateSeries } from "../evidence/membership.js";
import { treeKey } from "../evidence/packet.js";
import { StatementSubject } from "../evidence/statement.js";
import { Finding, Outcome, secondsText } from "../report.js";
import { readLog } from "../tlog/audit.js";
import { SignedNote } from "../tlog/note.js";
import { failed, isRefusal } from "./examination.js";
import { counted } from "./withdrawn.js";

const NO_LOG = "no copy of the public log was given (--log)";

export async function* registered(ex) {
  const finding = (outcome, about, detail) => new Finding("certificate", outcome, about, detail);
  const issues = ex.shown().filter(([, s]) => s.kind === "certificate" && s.files.length);
  for (const [path, digest] of ex.certificates) {
    const found = issues.filter(([, { files }]) => isOf(files[0].digest, digest));
    // One that counts for nothing takes no other's place.
    const issue = found.findLast(([view]) => !view.disowned) ?? found.at(-1);
    if (issue === undefined) {
      const detail = "not registered: no statement in this packet issues this certificate";
      yield finding(Outcome.FAILED, path, detail);
      continue;
    }
    const [view, statement] = issue;
    if (view.disowned) {
      yield finding(Outcome.UNDECIDED, path, "the statement that issues it counts for nothing");
      continue;
    }
    if (!view.signers.length) {
      const detail = "whose signatures are under its statement was not checked";
      yield finding(Outcome.UNDECIDED, path, detail);
      continue;
    }
    ex.issued.set(path, issue);
    const number = printable(statement.predicate.number);
    const takenBack = revocationOf(ex, issue);
    if (takenBack !== null) {
      const [by, { predicate }] = takenBack;
      if (by.disowned) {
        const detail = `certificate ${number} was revoked by what counts for nothing`;
        yield finding(Outcome.UNDECIDED, path, detail);
        continue;
      }
      const when = `seen by the quorum at ${secondsText(by.quorumTime)}`;
      const detail = `certificate ${number} was revoked, ${when}: ${predicate.revoked}`;
      yield finding(Outcome.FAILED, path, detail);
      continue;
    }
    const by = `issued by ${view.signedBy}`;
    yield finding(Outcome.PASSED, path, `certificate ${number} of ${statement.agency}, ${by}`);
  }
  const presented = new Set([...ex.issued.values()].map(([view]) => view));
  for (const [view, statement] of issues) {
    const takenBack = presented.has(view) ? null : revocationOf(ex, [view, statement]);
    if (takenBack === null || takenBack[0].disowned) continue;
    const number = printable(statement.predicate.number);
    const detail = `certificate ${number} was revoked, and is not presented`;
    yield finding(Outcome.PASSED, view.place.toText(), detail);
  }
  if (!ex.certificates.size) yield finding(Outcome.PASSED, "packet", "0 certificates");
}

// Up to the logs' latest checkpoints, which may be years later than the packet's.
export async function* unrevoked(ex) {
  const finding = (outcome, about, detail) => new Finding("revoked", outcome, about, detail);
  if (!ex.issued.size) {
    yield finding(Outcome.PASSED, "packet", "0 certificates");
    return;
  }
  const hidden = hiddenIn(ex);
  for (const [path, where] of hidden) yield later(path, where);
  const visible = [...ex.issued].filter(([path]) => !hidden.has(path));
  for (const [path, issue] of visible) {
    if (!isDoubted(ex, issue)) continue;
    const detail = "a statement about this certificate counts for nothing";
    yield finding(Outcome.UNDECIDED, path, detail);
  }
  const rest = visible.filter(([, issue]) => !isDoubted(ex, issue));
  if (ex.log === null) {
    for (const [path, issue] of rest) yield finding(...(await byMirrors(ex, path, issue)));
    return;
  }
  let asOf, found;
  try {
    [asOf, found] = await look(ex, ex.log);
  } catch (error) {
    if (error instanceof Unknown) {
      const detail = `your copy of the log has a hole: ${error.message}`;
      yield finding(Outcome.UNDECIDED, "packet", detail);
    } else if (isRefusal(error)) {
      yield failed("revoked", "packet", error);
    } else {
      throw error;
    }
    return;
  }
  for (const [path] of rest) {
    if (found.has(path)) yield later(path, found.get(path));
    else yield finding(Outcome.PASSED, path, `not revoked as of ${asOf}`);
  }
}

// By path, a later statement of its series that the packet numbers and does not show.
function hiddenIn(ex) {
  const found = new Map();
  for (const [path, [, statement]] of ex.issued) {
    const { numbers } = ex.series.get(certificateSeries(statement.id, ex.trust.firstYear));
    const at = [...numbers.keys()].find((place) => ex.views.get(place).statement === null);
    if (at === undefined) continue;
    const { log: label, index } = ex.views.get(at).place;
    found.set(path, { label, index });
  }
  return found;
}

// A later statement of its series is shown, and counts for nothing.
function isDoubted(ex, [view, statement]) {
  const { numbers } = ex.series.get(certificateSeries(statement.id, ex.trust.firstYear));
  const others = [...numbers.keys()].filter((place) => place !== view.place.toText());
  return others.some((place) => ex.views.get(place).disowned);
}

function later(path, { label, index }) {
  const detail = `entry ${index} of log ${label} is about this certificate: it was revoked`;
  return new Finding("revoked", Outcome.FAILED, path, detail);
}

// Up to the packet's own checkpoints, on the word of mirrors of the trust folder.
async function byMirrors(ex, path, [view, statement]) {
  const name = certificateSeries(statement.id, ex.trust.firstYear);
  const heard = await ex.heard();
  // A log that the packet leaves out is where it may have been taken back.
  const labels = ex.trust.logs.map((log) => log.label);
  const since = labels.slice(labels.indexOf(view.place.log));
  if (!since.every((label) => heard.vouchers(label, name).size)) {
    return [Outcome.UNDECIDED, path, NO_LOG];
  }
  const times = since.map((label) => ex.checkpoints.get(label).quorumTime);
  if (times.includes(null)) return [Outcome.UNDECIDED, path, "the checkpoint has no quorum"];
  return [Outcome.PASSED, path, `not revoked as of ${secondsText(times.at(-1))}`];
}

function isOf(said, found) {
  return (
    said.size === found.size &&
    equalBytes(said.sha256, found.sha256) &&
    equalBytes(said.chunks, found.chunks)
  );
}

// What takes this certificate back: said by the same office, about this very statement. First
// what counts.
function revocationOf(ex, [view, statement]) {
  const subject = new StatementSubject(statement.id, view.entry.commitment);
  const takesBack = ([, said]) =>
    said.kind === "certificate" &&
    said.agency === statement.agency &&
    said.predicate.revoked !== undefined &&
    said.subjects.length === 1 &&
    said.subjects[0].key === subject.key;
  const found = ex.shown().filter(takesBack);
  return found.find(([other]) => !other.disowned) ?? found[0] ?? null;
}

// When a quorum had seen the latest checkpoint; by path, where a later statement stands.
async function look(ex, log) {
  const later = new Map(); // by tag, the path
  for (const [path, [, statement]] of ex.issued) {
    const { opened } = ex.series.get(certificateSeries(statement.id, ex.trust.firstYear));
    for (const tag of opened.beyond(1)) later.set(formatHex(tag), path);
  }
  const labels = ex.trust.logs.map((trusted) => trusted.label);
  const issuedIn = [...ex.issued.values()].map(([view]) => labels.indexOf(view.place.log));
  const found = new Map();
  let asOf = "";
  for (const trusted of ex.trust.logs.slice(Math.min(...issuedIn))) {
    const { label } = trusted;
    const cosigned = await today(ex, log, trusted);
    asOf = secondsText(cosigned.quorumTime);
    const hits = [];
    const read = (path) => log.read(label, path);
    for await (const [start, entries] of readLog(read, cosigned.checkpoint)) {
      for (const [i, data] of entries.entries()) {
        for (const tag of Entry.fromBytes(data).tags) {
          const path = later.get(formatHex(tag));
          if (path !== undefined) hits.push([path, { label, index: start + i }]);
        }
      }
    }
    // Nothing counts before the root was recomputed.
    for (const [path, where] of hits) found.set(path, where);
  }
  return [asOf, found];
}

// The copy's own checkpoint: of the packet's history, not older, and within the log's end.
async function today(ex, log, trusted) {
  const { label } = trusted;
  const note = SignedNote.fromBytes(await log.read(label, "checkpoint"));
  const cosigned = counted(await ex.openNote(trusted, note), trusted, ex.gone);
  const { size, root } = cosigned.checkpoint;
  const end = ex.ends.get(label) ?? size;
  if (size > end) {
    throw new Rejected(`a checkpoint of ${size} entries of a log that ended with ${end}`);
  }
  if (!equalBytes(ex.roots.get(treeKey(label, size)) ?? root, root)) {
    throw new Rejected(`two checkpoints of size ${size} differ: the log has two histories`);
  }
  const shown = ex.checkpoints.get(label);
  if (shown !== undefined && size < shown.checkpoint.size) {
    throw new Unknown(`it ends before the packet does, at ${size} entries`);
  }
  if (cosigned.quorumTime === null) {
    throw new Unknown(`its checkpoint of ${label} has no quorum`);
  }
  return cosigned;
}
