// Whom to believe: c2sp.org/tlog-policy, as the verifier keeps it in his own folder.
//
// One log, its cosigners, and how many of them make a quorum. A policy is fit for a court only if
// any two sets of cosigners that satisfy it share a member: `overlap` says how many at least, and
// so how many have to collude for two histories.

import { ascending, clip, formatHex, parseUtf8, repr } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { openCheckpoint } from "./checkpoint.js";
import { checkCosignature } from "./cosignature.js";
import { Algorithm, VerifierKey } from "./note.js";

const MAX_POLICY = 262_144;
const MAX_NAMES = 256;

// A checkpoint with the log's signature checked, and who cosigned it when: `times` is a Map from
// name to POSIX seconds, `quorumTime` those seconds or null.
export class Cosigned {
  constructor(checkpoint, times, quorumTime) {
    Object.assign(this, { checkpoint, times, quorumTime });
  }
}

// `witnesses`: name, key and url each; `groups`: name, threshold and members each. `quorum` names
// one of them; null is the draft's `quorum none`.
export class Policy {
  constructor(log, witnesses, groups, quorum) {
    Object.assign(this, { log, witnesses, groups, quorum });
  }

  static fromBytes(data) {
    if (data.length > MAX_POLICY) {
      throw new Malformed(`want a policy of at most ${MAX_POLICY} bytes, got ${data.length}`);
    }
    return Policy.fromText(parseUtf8(data));
  }

  static fromText(text) {
    const reader = new Reader();
    for (const [i, line] of linesOf(text).entries()) {
      try {
        if (line && !line.startsWith("#")) reader.read(line);
      } catch (error) {
        throw error instanceof Malformed ? error.under(`line ${i + 1}`) : error;
      }
    }
    if (reader.logs.length !== 1) {
      throw new Malformed(`want exactly one log line, got ${reader.logs.length}`);
    }
    if (!reader.quorums.length) throw new Malformed("want a quorum line");
    const { witnesses, groups } = reader;
    return new Policy(reader.logs[0], [...witnesses.values()], [...groups.values()], reader.quorums[0]);
  }

  // The fewest cosigners that any two satisfying sets have in common.
  get overlap() {
    if (this.quorum === null) return 0;
    // Each name is a member once at most, so branches share no cosigner: two sets that each
    // satisfy k of n branches both satisfy at least 2k - n of them, at worst the poorest ones.
    const shared = (name) => {
      const group = this.groups.find((g) => g.name === name);
      if (!group) return 1;
      const both = Math.max(0, 2 * group.threshold - group.members.length);
      const each = group.members.map(shared).sort(ascending);
      return each.slice(0, both).reduce((sum, n) => sum + n, 0);
    };
    return shared(this.quorum);
  }

  // The smallest t such that cosignatures not later than t satisfy the quorum, or null. For
  // `quorum none` nothing is required and nothing shown, so there is no time.
  quorumTime(times) {
    if (this.quorum === null) return null;
    const reached = (name) => {
      const group = this.groups.find((g) => g.name === name);
      if (!group) return times.get(name) ?? null;
      const each = group.members.map(reached).filter((t) => t !== null).sort(ascending);
      return each.length >= group.threshold ? each[group.threshold - 1] : null;
    };
    return reached(this.quorum);
  }

  // Checks the log's signature and every cosignature of a known witness; raises `Rejected` if any
  // of them fails. A quorum that is not reached is `quorumTime` null, not an error.
  async open(note) {
    const checkpoint = await openCheckpoint(note, this.log);
    const times = new Map();
    for (const witness of this.witnesses) {
      const at = await checkCosignature(note, checkpoint, witness.key);
      if (at !== null) times.set(witness.name, at);
    }
    return new Cosigned(checkpoint, times, this.quorumTime(times));
  }
}

// The lines read so far. Names are one namespace; members are defined before use.
class Reader {
  logs = [];
  witnesses = new Map();
  groups = new Map();
  quorums = [];
  #members = new Set();
  #publics = new Set();

  read(line) {
    if (line.includes("PRIVATE+KEY+")) throw new Malformed("want public keys only, got a private one");
    const [word, ...rest] = line.split(/[ \t]+/);
    if (word === "log" && (rest.length === 1 || rest.length === 2)) {
      this.logs.push(this.#key(rest[0], [Algorithm.ED25519]));
    } else if (word === "witness" && (rest.length === 2 || rest.length === 3)) {
      const [name, vkey, url = ""] = rest;
      const kinds = [Algorithm.COSIGNATURE_ED25519, Algorithm.COSIGNATURE_MLDSA44];
      this.#define(name);
      this.witnesses.set(name, { name, key: this.#key(vkey, kinds), url });
    } else if (word === "group" && rest.length >= 3) {
      const [name, threshold, ...members] = rest;
      this.#join(name, members);
      this.#define(name);
      this.groups.set(name, { name, threshold: thresholdOf(threshold, members.length), members });
    } else if (word === "quorum" && rest.length === 1) {
      if (this.quorums.length) throw new Malformed("a second quorum line");
      const [name] = rest;
      if (name !== "none" && !this.#isDefined(name)) {
        throw new Malformed(`quorum ${repr(clip(name))} is not defined above it`);
      }
      this.quorums.push(name === "none" ? null : name);
    } else {
      throw new Malformed(`want log, witness, group or quorum, got ${repr(clip(line))}`);
    }
  }

  #isDefined(name) {
    return this.witnesses.has(name) || this.groups.has(name);
  }

  #define(name) {
    if (name === "none" || this.#isDefined(name)) {
      throw new Malformed(`the name ${repr(clip(name))} is taken`);
    }
    if (this.witnesses.size + this.groups.size >= MAX_NAMES) {
      throw new Malformed(`want at most ${MAX_NAMES} witnesses and groups`);
    }
  }

  #join(group, members) {
    for (const member of members) {
      if (!this.#isDefined(member)) {
        throw new Malformed(
          `member ${repr(clip(member))} is not defined above group ${repr(group)}`,
        );
      }
      // A cosigner counted in two branches would make the overlap a lie.
      if (this.#members.has(member)) throw new Malformed(`${repr(clip(member))} is a member already`);
      this.#members.add(member);
    }
  }

  #key(text, kinds) {
    let key;
    try {
      key = VerifierKey.fromText(text);
    } catch (error) {
      throw error instanceof Rejected ? new Malformed(error.message) : error;
    }
    if (!kinds.includes(key.algorithm)) {
      const type = key.algorithm.toString(16).padStart(2, "0");
      throw new Malformed(`key type 0x${type} has no place in this line`);
    }
    const bytes = formatHex(key.public);
    if (this.#publics.has(bytes)) throw new Malformed(`the key of ${key.keyid} stands here twice`);
    this.#publics.add(bytes);
    return key;
  }
}

function linesOf(text) {
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(text)) {
    throw new Malformed("want no control characters but tab and line feed in a policy");
  }
  // Not `trim`, which takes away spaces beyond ASCII too.
  return text.split("\n").map((line) => {
    const at = line.search(/[^ \t]/);
    if (at < 0) return "";
    let end = line.length;
    while (line[end - 1] === " " || line[end - 1] === "\t") end -= 1;
    return line.slice(at, end);
  });
}

function thresholdOf(text, members) {
  if (text === "any") return 1;
  if (text === "all") return members;
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= members) return Number(text);
  throw new Malformed(`want any, all or 1 to ${members}, got ${repr(clip(text))}`);
}
