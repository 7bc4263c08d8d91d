// The decision fence: which evidence was fixed before the decision.
//
// Log order alone is the operator's word: he could decide, be sued, file evidence and log the
// decision last. So the tree that holds the item must have had its quorum no later than the date
// on the decision as it was served.

import { isBefore } from "../evidence/register.js";

const DAY_S = 86_400;
const CHINA_S = 8 * 3600;

export const Order = { BEFORE: "before", AFTER: "after", NOT_SHOWN: "not_shown" };

// Where the decision stands, and when it says it was made (ms).
export class Decision {
  constructor(position, datedMs) {
    Object.assign(this, { position, datedMs });
  }

  get #days() {
    return Math.floor((Math.floor(this.datedMs / 1000) + CHINA_S) / DAY_S);
  }

  // The date on the decision as served, for comparison with the paper.
  get day() {
    return new Date(this.#days * DAY_S * 1000).toISOString().slice(0, 10);
  }

  // POSIX seconds of the first moment of the next day, UTC+8.
  get dayEnds() {
    return (this.#days + 1) * DAY_S - CHINA_S;
  }
}

// `proofs` are trees that hold the item: number of the log, size, quorum time in seconds.
export function order(item, proofs, decision) {
  if (!isBefore(item, decision.position)) return Order.AFTER;
  const inTime = proofs.some(
    ({ log, size, quorumTime }) =>
      quorumTime < decision.dayEnds && !isBefore(decision.position, [log, size]),
  );
  return inTime ? Order.BEFORE : Order.NOT_SHOWN;
}
