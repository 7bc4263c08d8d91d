// Keys of the trust folder that the register says were revoked or stolen.
//
// The verifier's folder decides whom he believes. What the registrar says of those keys may only
// lower a verdict: he might be the operator, and nobody becomes believed by his word.
//
//     log         what no quorum had seen before T in this log counts as not seen
//     cosigner    its cosignatures dated T or later do not count
//     registrar   what it registered and no quorum had seen before T is undecided
//     mirror      it vouches for no series, whatever T is
//
// T is `compromised_since`; or else when any quorum shown here had seen the revoking entry, and not
// after the minute that the entry itself names. So nobody moves T by leaving a proof out or by
// cosigning late.

import { equalBytes } from "../encoding.js";

// A key that does not count from `sinceMs` on, and where the register says so.
class Withdrawal {
  constructor(fields) {
    Object.assign(this, fields);
  }

  // Whether POSIX second `at` was over before it; what has no time came later.
  before(at) {
    return at !== null && (Number(at) + 1) * 1000 <= this.sinceMs;
  }
}

// `told` says since when (ms) an entry itself counts. Of keys not in the folder: none.
export function withdrawals(versions, trust, told) {
  const held = {
    log: trust.logs.map((log) => log.policy.log),
    cosigner: trust.logs.flatMap((log) => log.policy.witnesses.map((witness) => witness.key)),
    mirror: trust.mirrors,
    registrar: [trust.registrar],
  };
  const found = [];
  for (const { position, role, key, withdrawn, compromisedMs } of versions) {
    if (!withdrawn || !held[role].some((one) => equalBytes(one.public, key.public))) continue;
    const sinceMs = compromisedMs ?? told(position);
    if (sinceMs === null) continue;
    found.push(new Withdrawal({ position, role, keyid: key.keyid, public: key.public, sinceMs }));
  }
  return found;
}

// The same checkpoint with what still counts: its quorum time is the same, later or null.
export function counted(cosigned, log, gone) {
  if (cosigned.quorumTime === null || !gone.length) return cosigned;
  const { policy } = log;
  const stands = (key, at) =>
    gone.every((w) => !equalBytes(w.public, key.public) || w.before(at));
  const times = new Map();
  for (const { name, key } of policy.witnesses) {
    const at = cosigned.times.get(name);
    if (at !== undefined && stands(key, at)) times.set(name, at);
  }
  const time = policy.quorumTime(times);
  const quorumTime = stands(policy.log, time) ? time : null;
  return { ...cosigned, times, quorumTime };
}
