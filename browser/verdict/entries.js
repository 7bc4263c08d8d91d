// Entries: proved to stand in checkpoints of the verifier's logs, and opened.

import { ascending } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { Entry, checkCommitment } from "../evidence/entry.js";
import { Envelope } from "../evidence/envelope.js";
import { Place, comparePlaces } from "../evidence/packet.js";
import { Statement } from "../evidence/statement.js";
import { Finding, Outcome } from "../report.js";
import { SignedNote } from "../tlog/note.js";
import { Receipt } from "../tlog/receipt.js";
import { View, allGood, failed, isRefusal } from "./examination.js";

// That each is one of a log of the verifier's; who has seen it follows with the register.
export async function* checkpoints(ex) {
  for (const [label, path] of ex.layout.checkpoints) {
    const log = ex.trust.log(label);
    if (log === null) {
      yield new Finding("checkpoint", Outcome.FAILED, path, "no such log in your trust folder");
      continue;
    }
    try {
      ex.signed.set(label, await ex.hold(log, SignedNote.fromBytes(await ex.read(path))));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      yield failed("checkpoint", path, error);
    }
  }
  if (!ex.layout.checkpoints.size) {
    const detail = "the packet has no checkpoint";
    yield new Finding("checkpoint", Outcome.UNDECIDED, "packet", detail);
  }
}

export async function* inclusion(ex) {
  const { entries, proofs } = ex.layout;
  for (const place of placesOf(proofs)) {
    const text = place.toText();
    if (entries.has(text)) continue;
    const [path] = proofs.get(text).values(); // the first by its path, as Python names it
    yield new Finding("inclusion", Outcome.FAILED, path, "no such entry here");
  }
  let good = 0;
  const opened = new Map();
  for (const place of placesOf(entries)) {
    const text = place.toText();
    const path = entries.get(text);
    if (!ex.signed.has(place.log)) {
      const detail = "no sound checkpoint of its log here";
      yield new Finding("inclusion", Outcome.FAILED, path, detail);
      continue;
    }
    try {
      const entry = Entry.fromBytes(await ex.read(path));
      const found = [];
      for (const [size, proof] of bySize(proofs.get(text) ?? new Map())) {
        found.push(await prove(ex, place, entry, size, proof, opened));
      }
      const final = ex.signed.get(place.log).checkpoint;
      if (!found.some(({ checkpoint }) => checkpoint.equals(final))) {
        throw new Rejected(`no proof to the packet checkpoint of size ${final.size}`);
      }
      ex.views.set(text, new View(place, entry, found));
      good += 1;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      yield failed("inclusion", path, error);
    }
  }
  yield allGood("inclusion", good, "entries");
}

export async function* commitments(ex) {
  const { entries, envelopes, salts } = ex.layout;
  let good = 0;
  for (const place of placesOf(new Map([...envelopes, ...salts]))) {
    const text = place.toText();
    const about = envelopes.get(text) ?? salts.get(text);
    try {
      if (!envelopes.has(text) || !salts.has(text)) {
        throw new Rejected("statement and salt belong together");
      }
      if (!entries.has(text)) throw new Rejected("the statement has no entry here");
      const view = ex.views.get(text);
      if (view === undefined) continue; // its entry has failed already
      const [data, salt] = [await ex.read(about), await ex.read(salts.get(text))];
      checkCommitment(view.entry, salt, data);
      view.envelope = Envelope.fromBytes(data);
      view.statement = Statement.fromBytes(view.envelope.payload);
      view.salt = salt;
      good += 1;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      yield failed("commitment", about, error);
    }
  }
  yield allGood("commitment", good, "statements");
}

async function prove(ex, place, entry, size, path, opened) {
  const receipt = Receipt.fromBytes(await ex.read(path));
  if (receipt.extra !== null) throw new Malformed("want no extra line", { path });
  if (receipt.index !== place.index) {
    throw new Rejected(`${path} is a proof for index ${receipt.index}`);
  }
  // Thousands of proofs end in the same note: its signatures are checked once. The label has no
  // line feed, so no two pairs are one key.
  const key = `${place.log}\n${receipt.note}`;
  if (!opened.has(key)) {
    const note = SignedNote.fromText(receipt.note);
    opened.set(key, await ex.hold(ex.logOf(place.log), note));
  }
  const cosigned = receipt.check(entry.leafHash(), opened.get(key));
  if (cosigned.checkpoint.size !== size) {
    throw new Rejected(`${path} is a proof to size ${cosigned.checkpoint.size}`);
  }
  const final = ex.signed.get(place.log).checkpoint;
  if (size > final.size) {
    throw new Rejected(`${path} is beyond the packet checkpoint of size ${final.size}`);
  }
  return cosigned;
}

// The keys of a Map of the layout, as places in order.
function placesOf(map) {
  return [...map.keys()].map(Place.fromText).sort(comparePlaces);
}

// Size and path of each proof of an entry, in order.
function bySize(proofs) {
  return [...proofs].sort(([a], [b]) => ascending(a, b));
}
