// The verdict as a value: findings, an outcome for each group, one for the whole.
//
// Integrity decides the whole: any failed → failed; else any undecided, or nothing checked →
// undecided; else passed. A failure in any group fails it; `require` moves groups in.

import { MAX_TIME, formatTime, printable } from "./encoding.js";

export const Outcome = Object.freeze({
  PASSED: "passed",
  FAILED: "failed",
  UNDECIDED: "undecided",
});

export const Group = Object.freeze({
  INTEGRITY: "integrity",
  COMPLETE: "complete",
  ORDER: "order",
  TIME: "time",
  FORM: "form",
});

// What one step found about one thing. `detail` is for the expert, in English.
export class Finding {
  constructor(step, outcome, about, detail = "") {
    Object.assign(this, { step, outcome, about, detail });
    Object.freeze(this);
  }

  toJson() {
    return {
      about: printable(this.about),
      detail: printable(this.detail),
      outcome: this.outcome,
      step: this.step,
    };
  }
}

const ITEM_FIELDS = [
  ...["claimed", "corrected", "favourable", "fixed_by", "name", "not_after", "not_before"],
  ...["order", "part", "path", "place", "signed_by", "stage"],
];

// `facts`: at, case, packet, trust as text; due as an object; all others as lists of objects of
// text, with the names that they have in the JSON.
export class Report {
  constructor(groups, outcome, findings, facts) {
    Object.assign(this, { groups, outcome, findings, facts });
  }

  toJson() {
    const { facts } = this;
    const copies = (rows) => (rows ?? []).map((row) => ({ ...row }));
    return {
      at: facts.at ?? "",
      case: facts.case ?? "",
      checkpoints: copies(facts.checkpoints),
      custody: copies(facts.custody),
      decisions: copies(facts.decisions),
      due: { ...facts.due },
      findings: this.findings.map((f) => f.toJson()),
      groups: { ...this.groups },
      items: (facts.items ?? []).map((item) =>
        Object.fromEntries(ITEM_FIELDS.map((name) => [name, item[name] ?? ""])),
      ),
      outcome: this.outcome,
      packet: facts.packet ?? "",
      registers: copies(facts.registers),
      state: copies(facts.state),
      timestamps: copies(facts.timestamps),
      trust: facts.trust ?? "",
      v: 1,
      withheld: copies(facts.withheld),
    };
  }
}

// Failed before undecided before passed; nothing at all is undecided.
export function worst(outcomes) {
  const seen = new Set(outcomes);
  if (seen.has(Outcome.FAILED)) return Outcome.FAILED;
  if (seen.has(Outcome.UNDECIDED) || !seen.size) return Outcome.UNDECIDED;
  return Outcome.PASSED;
}

// `groupOf`: the group of each step by its name; `required`: a Set of groups.
export function conclude(findings, groupOf, required, facts) {
  const groups = {};
  for (const group of Object.values(Group)) {
    groups[group] = worst(findings.filter((f) => groupOf[f.step] === group).map((f) => f.outcome));
  }
  const deciding = new Set([Group.INTEGRITY, ...required]);
  const whole = Object.values(groups).includes(Outcome.FAILED)
    ? Outcome.FAILED
    : worst([...deciding].map((group) => groups[group]));
  return new Report(groups, whole, findings, facts);
}

// Empty for null. A cosigner's clock may name a year that no calendar here knows.
export function secondsText(seconds) {
  if (seconds === null) return "";
  return typeof seconds === "bigint" ? `${seconds} s` : millisecondsText(seconds * 1000);
}

// As `secondsText`, up to the next second: a bound is never too early.
export function millisecondsText(atMs) {
  if (atMs === null) return "";
  const seconds = Math.ceil(atMs / 1000);
  return seconds * 1000 <= MAX_TIME ? formatTime(seconds * 1000) : `${seconds} s`;
}

// A length or a moment of a recording, such as 1:02:03.456.
export function clockText(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const thousandths = String(ms % 1000).padStart(3, "0");
  return `${hours}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${thousandths}`;
}
