// Whose keys count, at each place of the log: what register statements have said so far.
//
// A key counts if a statement signed by the registrar names it, stands before the statement in
// question, and is the latest of its series there. A revocation takes effect where it stands;
// with `compromised_since` it also reaches back, but only to statements that no quorum had seen
// by then: whoever accepted those could not know, so they are disowned, not refused. A key that was revoked or replaced does not come back.
//
// Keys of logs, cosigners, mirrors and the registrar are believed for the verifier's trust folder
// alone; what the register says of them is kept apart (`trusted`).

import { equalBytes, formatTime, parseTime, repr } from "../encoding.js";
import { Rejected } from "../errors.js";
import { VerifierKey } from "../tlog/note.js";
import { FOR_STATEMENTS } from "./envelope.js";
import { TRUSTED_ROLES } from "./statement.js";

// Positions are pairs: the number of the log, and the index there.
export function isBefore(a, b) {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

// One version of a key's registration.
class Registration {
  constructor(fields) {
    Object.assign(this, { also: [] }, fields);
  }

  // With those of other algorithms on the same statement.
  get keys() {
    return [this.key, ...this.also];
  }

  get withdrawn() {
    return this.revoked || this.compromisedMs !== null;
  }
}

// Signed as it must be, by keys of which the register says only later that they were compromised
// before a quorum had seen it. `thefts` are what says so, one for each key.
export class Disowned extends Rejected {
  constructor(thefts) {
    super(stolen(thefts[0]));
    this.thefts = thefts;
  }
}

// Built from register statements in log order; asked for any place.
export class Register {
  #registrar;
  #taken; // of logs, cosigners, mirrors and the registrar: those sign no other statement
  #versions = new Map(); // by name
  #caseNumbers = new Map(); // by agency

  constructor(registrar, others) {
    this.#registrar = registrar;
    this.#taken = [registrar, ...others];
    this.openings = [];
    this.trusted = []; // of keys that a trust folder holds
  }

  // Raises `Rejected` unless the registrar alone has signed it.
  async add(position, statement, envelope) {
    await this.#check(position, statement, envelope);
    const { predicate } = statement;
    if ("registrar" in predicate) {
      this.openings.push([position, statement]);
    } else if ("case_numbers" in predicate) {
      this.#caseNumbers.set(statement.agency, predicate.case_numbers);
    } else if ("key" in predicate) {
      this.#addKey(position, statement);
    }
  }

  // Who signed a statement, no register statement, at `position`: each person once. Raises
  // `Rejected` if any signature does not count, `Disowned` if nothing else is wrong. `quorumTime` is when a quorum had first seen it.
  async open(position, statement, envelope, quorumTime) {
    const signers = [];
    const thefts = [];
    await envelope.open((keyid) => {
      const signer = this.#inForce(keyid, position);
      const theft = this.#theft(signer, quorumTime);
      if (theft !== null) {
        if (isBefore(theft.position, position)) throw new Rejected(stolen(theft));
        thefts.push(theft);
      }
      if (!statement.sayers.includes(signer.role)) {
        const said = `a statement of kind ${statement.kind}`;
        throw new Rejected(`a ${signer.role} may not make ${said}`);
      }
      if (signer.role !== "ledger" && signer.agency !== statement.agency) {
        const [mine, its] = [repr(signer.agency), repr(statement.agency)];
        throw new Rejected(`${keyid} is of ${mine}, not of ${its}`);
      }
      const n = signers.findIndex((other) => other.person === signer.person);
      if (n < 0) signers.push(signer);
      else signers[n] = inBoth(signers[n], signer);
      return signer.key;
    });
    if (signers.length < statement.persons) {
      throw new Rejected(`want ${statement.persons} persons, signed by ${signers.length}`);
    }
    if (thefts.length) throw new Disowned(thefts);
    return signers;
  }

  // The registration in force at `position` for a keyid, whatever was told later; raises
  // `Rejected`.
  #inForce(keyid, position) {
    const name = keyid.slice(0, Math.max(0, keyid.lastIndexOf("+")));
    const latest = this.#latest(name, position);
    if (latest === null || latest.key.keyid !== keyid) {
      throw new Rejected(`no key ${repr(keyid)} was registered before this statement`);
    }
    if (latest.revoked) {
      throw new Rejected(`the key ${repr(keyid)} was revoked before this statement`);
    }
    return latest;
  }

  // What first says that the key was compromised before a quorum had seen this; else null.
  #theft(signer, quorumTime) {
    const says = (version) => {
      const since = version.compromisedMs;
      const seen = since === null || (quorumTime !== null && quorumTime < since / 1000);
      return sameKey(version, signer) && !seen;
    };
    return this.#versions.get(signer.key.name).find(says) ?? null;
  }

  // The registered spellings of case numbers, of one agency or of all.
  caseNumbers(agency = null) {
    if (agency !== null) return this.#caseNumbers.get(agency) ?? [];
    return [...this.#caseNumbers.values()].flat();
  }

  // The version in force. Withdrawing an older key leaves the newer one as it is.
  #latest(name, position) {
    let latest = null;
    for (const version of this.#versions.get(name) ?? []) {
      const same = latest === null || sameKey(version, latest);
      if (isBefore(version.position, position) && (same || !version.withdrawn)) latest = version;
    }
    return latest;
  }

  async #check(position, statement, envelope) {
    await envelope.open((keyid) => {
      const { keyid: wanted } = this.#registrar;
      if (keyid !== wanted) {
        throw new Rejected(`want the registrar ${repr(wanted)}, got ${repr(keyid)}`);
      }
      return this.#registrar;
    });
    const { predicate } = statement;
    if (!("key" in predicate)) return;
    const { role, person } = predicate;
    const key = VerifierKey.fromText(predicate.key);
    // A cosigner's key signs checkpoints with a time and nothing else; all others are plain.
    if (FOR_STATEMENTS.has(key.algorithm) === (role === "cosigner")) {
      throw new Rejected(`${key.keyid} is not a key for the role ${role}`);
    }
    // One key, one role: a second name for a key would be a second person.
    const taken = this.#taken.some((other) => equalBytes(other.public, key.public));
    if (taken && !TRUSTED_ROLES.has(role)) {
      const whose = "a log's, cosigner's, mirror's or the registrar's key";
      throw new Rejected(`${key.keyid} is ${whose}`);
    }
    const versions = [...[...this.#versions.values()].flat(), ...this.trusted];
    const before = versions.filter((version) => equalBytes(version.key.public, key.public));
    for (const other of before) {
      const same = other.key.name === key.name && other.person === person && other.role === role;
      if (!same) {
        throw new Rejected(`the key of ${repr(other.person)} cannot have another role too`);
      }
    }
    if (!("revoked" in predicate) && !("compromised_since" in predicate)) {
      this.#checkReturn(position, key, before);
    }
  }

  #checkReturn(position, key, versions) {
    const earlier = versions.filter((version) => isBefore(version.position, position));
    const latest = this.#latest(key.name, position);
    let how;
    if (earlier.some((version) => version.withdrawn)) {
      how = "was revoked or compromised";
    } else if (earlier.length && latest !== null && !equalBytes(latest.key.public, key.public)) {
      how = "was replaced";
    } else {
      return;
    }
    throw new Rejected(`the key ${repr(key.keyid)} ${how}: it does not come back`);
  }

  #addKey(position, statement) {
    const { key, person, role, compromised_since: since, revoked } = statement.predicate;
    const version = new Registration({
      position,
      key: VerifierKey.fromText(key),
      person,
      role,
      agency: statement.agency,
      revoked: revoked !== undefined,
      compromisedMs: since === undefined ? null : parseTime(since),
    });
    if (TRUSTED_ROLES.has(role)) {
      this.trusted.push(version);
    } else {
      const { name } = version.key;
      this.#versions.set(name, [...(this.#versions.get(name) ?? []), version]);
    }
  }
}

function stolen({ key, compromisedMs }) {
  const since = formatTime(compromisedMs);
  return `the key ${repr(key.keyid)} was compromised since ${since}, before this statement was seen`;
}

function sameKey(a, b) {
  return equalBytes(a.key.public, b.key.public);
}

// One person may sign with a key of each algorithm, and stays one person.
function inBoth(first, second) {
  if (first.keys.some((key) => key.algorithm === second.key.algorithm)) {
    throw new Rejected(`${repr(first.person)} has signed twice`);
  }
  if (first.role !== second.role || first.agency !== second.agency) {
    throw new Rejected(`the keys of ${repr(first.person)} have two roles or agencies`);
  }
  return new Registration({ ...first, also: [...first.also, second.key] });
}
