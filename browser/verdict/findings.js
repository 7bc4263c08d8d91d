// Findings that several steps make in the same way.

import { Malformed, Rejected } from "../errors.js";
import { Finding, Outcome } from "../report.js";

export function failed(step, about, error) {
  return new Finding(step, Outcome.FAILED, about, error.message);
}

// What this program does not check, or cannot compute: never passed, never failed.
export function notChecked(step, about, error) {
  return new Finding(step, Outcome.UNDECIDED, about, `not checked here: ${error.message}`);
}

export function isNotChecked({ outcome, detail }) {
  return outcome === Outcome.UNDECIDED && detail.startsWith("not checked here");
}

export function allGood(step, good, what) {
  return good
    ? new Finding(step, Outcome.PASSED, "packet", `${good} ${what}`)
    : new Finding(step, Outcome.UNDECIDED, "packet", `no ${what} were shown`);
}

// Whether it says that something is wrong, and not that this program is.
export function isRefusal(error) {
  return error instanceof Malformed || error instanceof Rejected;
}
