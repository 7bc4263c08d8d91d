// Findings that several steps make in the same way.

import { Malformed, Rejected } from "../errors.js";
import { Finding, Outcome } from "../report.js";

export function failed(step, about, error) {
  return new Finding(step, Outcome.FAILED, about, error.message);
}

// What this program does not check, or cannot compute: never passed, never failed. A kind of its
// own: the words alone could be a file's name, which its maker chooses.
export class NotChecked extends Finding {
  constructor(step, about, what) {
    super(step, Outcome.UNDECIDED, about, `not checked here: ${what}`);
  }
}

export function notChecked(step, about, error) {
  return new NotChecked(step, about, error.message);
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
