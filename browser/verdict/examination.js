// What is known of a packet while it is judged. The steps fill it, and read what held.
//
// A part that failed is dropped: later steps see only what held, and the failure already stands in
// the report. Times count only once the register was read, since it says whose keys no longer do:
// until then checkpoints and proofs are here as they were signed (`signed`), and afterwards with
// what counts (`checkpoints`, `view.proofs`).

import {
  byCodePoint,
  concat,
  equalBytes,
  formatBase64,
  formatHex,
  formatTime,
  printable,
} from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { Held } from "../evidence/held.js";
import { Index, Layout, MAX_SMALL_FILE, comparePlaces, treeKey } from "../evidence/packet.js";
import { Decision } from "../process/fence.js";
import { favourable } from "../process/favourable.js";
import { millisecondsText, secondsText } from "../report.js";
import { custodyFacts, registerFacts, stateFacts } from "./carried.js";
import { hear } from "./mirrored.js";
import { stampFacts } from "./stamps.js";
import { counted } from "./withdrawn.js";

export { allGood, failed, isRefusal, notChecked } from "./findings.js";

// All that a packet says about one entry, bound together by its place.
export class View {
  constructor(place, entry, signed) {
    Object.assign(this, { place, entry, signed });
    this.proofs = [];
    this.salt = null;
    this.envelope = null;
    this.statement = null;
    this.series = [];
    this.signers = []; // empty as well where they were not checked
    // Signed by a key of which the log says only later that it was stolen before: it counts for
    // nothing, and is shown as what was fixed there.
    this.disowned = false;
  }

  // Person, role and the whole key's digest, as registered when they signed.
  get signedBy() {
    return this.signers
      .flatMap((signer) =>
        signer.keys.map(
          (key) => `${printable(signer.person)} (${signer.role}, key ${key.fingerprint})`,
        ),
      )
      .join(", ");
  }

  // When the quorum had first seen it, POSIX seconds.
  get quorumTime() {
    return earliest(this.proofs);
  }

  // The same, with the cosignatures of withdrawn keys.
  get claimedTime() {
    return earliest(this.signed);
  }
}

export class Examination {
  #heard = null;

  // `digestFile` and `atOnce` say who digests files, and how many at a time (`container.js`).
  constructor({ packet, trust, certificates, ...options }) {
    const usual = { log: null, onBytes: () => {}, atMs: null, digestFile: null, atOnce: 1 };
    Object.assign(this, { packet, trust }, usual, options);
    this.unreadable = false;
    this.layout = new Layout();
    this.index = new Index("", [], []);
    this.tagsDigest = "";
    this.itemDigests = new Map(); // by path
    this.leaves = new Map(); // of the chunks of each file, by its path
    // By path, those of the packet and those presented beside it; `issued` says by what.
    this.certificates = new Map(certificates);
    this.issued = new Map();
    this.signed = new Map(); // by label
    this.checkpoints = new Map();
    this.views = new Map(); // by place, as text
    this.roots = new Map(); // by tree
    this.seen = new Map(); // when a quorum had seen a tree, seconds
    this.stamps = [];
    this.series = new Map(); // by name: `opened`, and `numbers` by place
    this.register = null;
    this.gone = []; // keys of the trust folder, once the register was read
    this.orders = new Map(); // by place
    this.partOf = new Map(); // by subject: the file to play of a clip
    this.itemOf = new Map(); // by subject
    this.ends = new Map(); // sizes with which earlier logs ended
  }

  // A small file whole.
  async read(path) {
    const size = this.packet.sizes().get(path);
    if (size > MAX_SMALL_FILE) {
      throw new Malformed(`want at most ${MAX_SMALL_FILE} bytes, got ${size}`, { path });
    }
    const pieces = [];
    for await (const piece of this.packet.stream(path)) pieces.push(piece);
    return concat(...pieces);
  }

  // A file to be read again, as it was when the container was.
  held(path) {
    const read = (at, size) => this.packet.read(path, at, size);
    return new Held(read, this.packet.sizes().get(path), this.leaves.get(path) ?? []);
  }

  // Of a label that the trust folder knows.
  logOf(label) {
    return this.trust.logs.find((log) => log.label === label);
  }

  // A checkpoint of the log, as signed. Under an unfit policy no quorum counts.
  async openNote(log, note) {
    const cosigned = await log.policy.open(note);
    return log.policy.overlap >= 1 ? cosigned : { ...cosigned, quorumTime: null };
  }

  // One that the packet shows, as signed, held against the others that it shows.
  async hold(log, note) {
    const cosigned = await this.openNote(log, note);
    const { size, root } = cosigned.checkpoint;
    const tree = treeKey(log.label, size);
    if (!this.roots.has(tree)) this.roots.set(tree, root);
    if (!equalBytes(this.roots.get(tree), root)) {
      throw new Rejected(`two checkpoints of size ${size} differ: the log has two histories`);
    }
    return cosigned;
  }

  // The same with what counts of it; remembers when a quorum saw the tree.
  see(log, signed) {
    const found = counted(signed, log, this.gone);
    const time = found.quorumTime;
    if (time !== null) {
      const tree = treeKey(log.label, found.checkpoint.size);
      const before = this.seen.get(tree);
      if (before === undefined || time < before) this.seen.set(tree, time);
    }
    return found;
  }

  // Order between logs is their order in the trust folder.
  position(place) {
    return [this.trust.logs.findIndex((log) => log.label === place.log), place.index];
  }

  // The views, in log order.
  ordered() {
    const numbers = new Map(this.trust.logs.map((log, i) => [log.label, i]));
    return [...this.views.values()].sort(
      (a, b) =>
        numbers.get(a.place.log) - numbers.get(b.place.log) || comparePlaces(a.place, b.place),
    );
  }

  // The statements that held so far, in log order.
  shown() {
    return this.ordered()
      .filter((view) => view.statement !== null)
      .map((view) => [view, view.statement]);
  }

  // Those that count; or else those that count for nothing.
  decisions({ disowned = false } = {}) {
    const found = [];
    for (const [view, statement] of this.shown()) {
      const { occurred } = statement;
      const heeded = disowned ? view.disowned : view.signers.length > 0;
      if (heeded && statement.isDecision && occurred !== null) {
        found.push([view.place, new Decision(this.position(view.place), occurred.startMs)]);
      }
    }
    return found;
  }

  // What mirrors say of the series that held; looked for once.
  async heard() {
    this.#heard ??= await hear(this);
    return this.#heard;
  }

  // What the report is about, in its own words.
  facts() {
    const labels = [...this.checkpoints.keys()].sort(byCodePoint);
    const shown = this.shown();
    return {
      at: millisecondsText(this.atMs),
      case: this.index.case,
      custody: custodyFacts(shown),
      due: this.index.due ?? {},
      registers: registerFacts(shown, this.series),
      state: stateFacts(shown),
      withheld: this.index.withheld.map((row) => row.toJson()),
      packet: this.tagsDigest,
      trust: this.trust.hash,
      checkpoints: labels.map((label) => this.#checkpointFacts(label)),
      decisions: this.decisions().map(([place, decision]) => ({
        dated: decision.day,
        documents: this.#documents(place),
        place: place.toText(),
      })),
      items: this.#items(shown),
      timestamps: this.stamps.map((stamp) => stampFacts(stamp)),
    };
  }

  // What speaks for the party stands first.
  #items(shown) {
    // Only a correction of which it is shown who made it can add that word.
    const heeded = shown.filter(([view, { kind }]) => kind === "evidence" || view.signers.length);
    const speaks = favourable(heeded.map(([, statement]) => statement));
    const items = shown.flatMap(([view, statement]) =>
      statement.items.map((subject) => ({
        ...this.#itemFacts(view, statement, subject),
        favourable: printable(speaks.get(statement.id) ?? ""),
      })),
    );
    return items.sort((a, b) => (a.favourable ? 0 : 1) - (b.favourable ? 0 : 1));
  }

  // The digests of a decision's documents: which paper is meant, not only which date.
  #documents(place) {
    const { statement } = this.views.get(place.toText());
    return statement.files
      .map(({ name, digest }) => `${printable(name)} ${formatHex(digest.sha256)}`)
      .join(", ");
  }

  #checkpointFacts(label) {
    const [log, cosigned] = [this.logOf(label), this.checkpoints.get(label)];
    const claimed = this.signed.get(label).quorumTime;
    return {
      claimed: cosigned.quorumTime === null ? secondsText(claimed) : "",
      cosigners: [...cosigned.times.keys()].sort(byCodePoint).join(", "),
      origin: log.origin,
      overlap: String(log.policy.overlap),
      policy: log.policyHash,
      quorum_time: secondsText(cosigned.quorumTime),
      root: formatBase64(cosigned.checkpoint.root),
      size: String(cosigned.checkpoint.size),
    };
  }

  #itemFacts(view, statement, subject) {
    const { occurred, corrected } = statement;
    return {
      claimed: occurred === null ? "" : formatTime(occurred.startMs),
      corrected: corrected === null ? "" : formatTime(corrected.startMs),
      fixed_by: secondsText(view.quorumTime),
      name: printable(subject.name),
      // The quorum's time alone: what authorities say is not checked here.
      not_after: secondsText(view.quorumTime),
      not_before: secondsText(this.#notBefore(statement)),
      order: this.orders.get(view.place.toText()) ?? "",
      part: this.partOf.get(subject.key) ?? "",
      path: this.itemOf.get(subject.key) ?? "",
      place: view.place.toText(),
      signed_by: view.signedBy,
      stage: statement.stage ?? "",
    };
  }

  // When a quorum had seen the checkpoint that the signer says he had checked.
  #notBefore(statement) {
    const { after } = statement;
    if (after === null) return null;
    const log = this.trust.logs.find(({ origin }) => origin === after.origin);
    const tree = treeKey(log?.label ?? "", after.size);
    const root = this.roots.get(tree);
    return root && equalBytes(root, after.root) ? (this.seen.get(tree) ?? null) : null;
  }
}

// Why nothing rests on a statement without signers that count.
export function whose(view) {
  if (view.disowned) return "it counts for nothing, see its signatures";
  return "whose signatures are under it was not checked";
}

function earliest(proofs) {
  const times = proofs.map((proof) => proof.quorumTime).filter((time) => time !== null);
  return times.length ? times.reduce((a, b) => (b < a ? b : a)) : null;
}

// As Python writes it: of two that are equally near the even one, where `toFixed` takes the larger.
export function oneDecimal(number) {
  const tie = number % 1 === 0.25;
  return tie ? `${Math.floor(number)}.2` : number.toFixed(1);
}
