// Completeness on the word of mirrors, for whoever has no copy of the log at hand.
//
// A statement counts for a series if a mirror of the trust folder signed it, for the very packet
// checkpoint, about exactly the tags that a recount looks for: 1 … N, and 65,536 beyond. One tag
// left out of the question makes another question, and an answer that is not about this series.
//
// A mirror whose key was withdrawn vouches for nothing, whenever that was: a statement tells no
// time of its own. What such a mirror says against a packet stands.

import { byCodePoint, equalBytes, formatHex } from "../encoding.js";
import { Rejected, Unavailable } from "../errors.js";
import { Stranger, openAbsence, tagsToBytes } from "../evidence/absence.js";
import { Place } from "../evidence/packet.js";
import { Finding, Outcome, secondsText } from "../report.js";
import { digest } from "../suite.js";
import { failed, isRefusal, notChecked } from "./findings.js";

const STEP = "complete";

// What mirrors say of the series of a packet: by log and series, who vouches for it.
class Heard {
  vouched = new Map();
  findings = []; // of one that is wrong, or that cannot be checked here
  unheard = []; // of one that is not about this packet

  vouch(label, name, mirror) {
    this.vouchers(label, name).add(mirror);
  }

  vouchers(label, name) {
    const key = `${label} ${name}`;
    if (!this.vouched.has(key)) this.vouched.set(key, new Set());
    return this.vouched.get(key);
  }

  get isVouched() {
    return [...this.vouched.values()].some((mirrors) => mirrors.size);
  }

  // Whether all series of the packet are accounted for in one of its logs.
  *conclude(label, cosigned, names) {
    if (cosigned.quorumTime === null) {
      yield new Finding(STEP, Outcome.UNDECIDED, label, "the checkpoint has no quorum");
      return;
    }
    const missing = names.filter((name) => !this.vouchers(label, name).size);
    if (missing.length) {
      const speaks = "series no mirror that you trust speaks";
      const detail = `of ${missing.length} of ${names.length} ${speaks}`;
      yield new Finding(STEP, Outcome.UNDECIDED, label, detail);
      yield* this.unheard;
      return;
    }
    const mirrors = new Set(names.flatMap((name) => [...this.vouchers(label, name)]));
    const word = `on the word of ${[...mirrors].sort(byCodePoint).join(", ")}`;
    const where = `series looked for in ${cosigned.checkpoint.size} entries`;
    const detail = `${word}, as of ${secondsText(cosigned.quorumTime)}: ${names.length} ${where}`;
    yield new Finding(STEP, Outcome.PASSED, label, detail);
  }
}

export async function hear(ex) {
  const heard = new Heard();
  const isGone = (key) => ex.gone.some((w) => equalBytes(w.public, key.public));
  const said = new Map(); // by what was asked
  for (const path of ex.layout.absences) {
    try {
      const [absence, mirror] = await openAbsence(await ex.read(path), ex.trust.mirrors);
      const label = labelOf(absence, ex);
      const asked = formatHex(absence.asked);
      said.set(asked, [...(said.get(asked) ?? []), { label, mirror, absence }]);
      if (isGone(mirror)) {
        const detail = `the key of ${mirror.name} was withdrawn: it vouches for nothing`;
        heard.unheard.push(new Finding(STEP, Outcome.UNDECIDED, path, detail));
      }
    } catch (error) {
      if (error instanceof Stranger) {
        heard.unheard.push(new Finding(STEP, Outcome.UNDECIDED, path, error.message));
      } else if (error instanceof Unavailable) {
        // It may well be against the packet.
        heard.findings.push(notChecked(STEP, path, error));
      } else if (isRefusal(error)) {
        heard.findings.push(failed(STEP, path, error));
      } else {
        throw error;
      }
    }
  }
  if (!said.size) return heard;
  for (const name of [...ex.series.keys()].sort(byCodePoint)) {
    const { opened, numbers } = ex.series.get(name);
    const tags = opened.asked(numbers.size);
    const asked = formatHex(digest(tagsToBytes(tags)));
    for (const { label, mirror, absence } of said.get(asked) ?? []) {
      const wrong = [...compare(label, absence, tags, numbers)];
      if (!wrong.length && !isGone(mirror)) heard.vouch(label, name, mirror.name);
      for (const detail of wrong) {
        const about = `${mirror.name} says: ${detail}`;
        heard.findings.push(new Finding(STEP, Outcome.FAILED, name, about));
      }
    }
  }
  return heard;
}

// Of which log of the packet it speaks; raises `Stranger` if it is of another tree.
function labelOf({ checkpoint: at }, ex) {
  for (const log of ex.trust.logs) {
    const shown = ex.checkpoints.get(log.label)?.checkpoint;
    if (log.origin !== at.origin || shown === undefined) continue;
    if (shown.equals(at)) return log.label;
    if (shown.size === at.size) {
      throw new Rejected(`a mirror holds another tree of ${at.size} entries: two histories`);
    }
  }
  throw new Stranger("it speaks of another tree than the packet checkpoint");
}

// What of it does not agree with the series as the packet shows it.
function* compare(label, absence, tags, numbers) {
  const asked = new Map(tags.map((tag, i) => [formatHex(tag), i + 1]));
  const shown = new Map(); // number by entry and tag
  for (const [text, n] of numbers) {
    const place = Place.fromText(text);
    const key = `${place.index} ${formatHex(tags[n - 1])}`;
    if (place.log === label) shown.set(key, [place.index, n]);
  }
  const found = new Set();
  for (const { entry, tag } of absence.found) {
    const key = `${entry} ${formatHex(tag)}`;
    found.add(key);
    if (shown.has(key)) continue;
    const n = asked.get(formatHex(tag)) ?? 0;
    if (!n) yield `entry ${entry} has a tag that was not asked for`;
    else if (n > numbers.size) yield `entry ${entry} is statement ${n}, which is not shown`;
    else yield `entry ${entry} repeats statement ${n}: a fork`;
  }
  for (const [key, [entry, n]] of shown) {
    if (!found.has(key)) yield `entry ${entry} is not statement ${n}`;
  }
}
