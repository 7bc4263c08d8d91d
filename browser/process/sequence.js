// Where a log ended, as the first entry of the next one says.
//
// Without this an operator could go on signing a closed log, and date what he likes into it.

import { equalBytes } from "../encoding.js";
import { Rejected } from "../errors.js";
import { closingOf } from "../evidence/renewal.js";

// What entry 0 of a later log says; its signatures are for the earlier log's policy.
export function openClosing(opening) {
  const closing = opening.kind === "renewal" ? closingOf(opening.predicate) : null;
  if (closing === null) {
    throw new Rejected("the first entry of the next log does not say where this one ended");
  }
  return closing;
}

// That a checkpoint of a closed log is its last one.
export function checkEnd(end, shown) {
  if (shown.size > end.size) {
    const of = `of a log that ended with ${end.size}`;
    throw new Rejected(`a checkpoint of ${shown.size} entries ${of}`);
  }
  if (shown.size < end.size) {
    throw new Rejected(`want the last checkpoint, of ${end.size} entries, got ${shown.size}`);
  }
  if (!equalBytes(shown.root, end.root)) {
    throw new Rejected(
      `two checkpoints of size ${end.size} differ: the log has two histories`,
    );
  }
}
