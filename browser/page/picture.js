// What the page draws of an examination: the files with their chunks, and the recordings in time.
// Only what held is drawn as such.

import { formatHex } from "../encoding.js";
import { CHUNK_SIZE } from "../evidence/chunks.js";
import { Clip } from "../evidence/clip.js";
import { Group } from "../report.js";
import { STEPS } from "../verify.js";
import { countingForNothing } from "./disowned.js";

// The steps of integrity that say nothing of single files.
const OF_FILES = ["container", "item", "clip"];
const RESTS_ON = new Set(
  STEPS.filter(({ group, name }) => group === Group.INTEGRITY && !OF_FILES.includes(name)).map(
    ({ name }) => name,
  ),
);

/** `proven` are the paths whose bytes are what a statement of the log fixed. */
export async function pictureOf(ex, report, digests) {
  if (ex.unreadable) return { picture: { files: [], recordings: [], gaps: [] }, proven: [] };
  // What a file is held against has to hold as well, or the log's operator alone says it.
  const nothing = countingForNothing(report);
  const doubts = report.findings.filter((f) => RESTS_ON.has(f.step) && f.outcome !== "passed");
  const rests = doubts.every((f) => f.outcome === "undecided" && nothing.has(f.about));
  const counting = countingPaths(report, nothing);
  const held = new Set(rests ? [...ex.itemOf.values()].filter((path) => counting.has(path)) : []);
  const names = new Map(
    report.items.flatMap((i) => [
      [i.path, i.name],
      [i.part, i.name],
    ]),
  );
  const files = ex.layout.items.map((path) => itemFile(ex, path, held, names, digests, report));
  const clips = await clipFiles(ex, report, names, rests ? counting : new Set());
  const played = clips.filter((clip) => clip.state === "passed").map((clip) => clip.path);
  return {
    picture: { files: [...files, ...clips], recordings: recordingsOf(ex, rests), gaps: gapsOf(ex) },
    proven: [...held, ...played],
  };
}

function itemFile(ex, path, held, names, digests, report) {
  // Missing where the check broke before it came to them.
  const { found, leaves } = digests.get(path) ?? { found: null, leaves: null };
  const size = ex.packet.sizes().get(path);
  return {
    path,
    name: names.get(path) ?? path,
    size,
    chunks: Math.max(1, Math.ceil(size / CHUNK_SIZE)),
    state: stateOf(report, [path], held.has(path)),
    runs: null,
    sha256: found && formatHex(found.sha256),
    leaves,
  };
}

function stateOf(report, paths, isHeld) {
  const bad = (f) => f.outcome === "failed" && paths.includes(f.about);
  if (report.findings.some(bad)) return "failed";
  return isHeld ? "passed" : "undecided";
}

/** Of which a statement speaks that counts. */
function countingPaths({ items }, nothing) {
  const counting = items.filter(({ place }) => !nothing.has(place));
  return new Set(counting.flatMap(({ path, part }) => [path, part]));
}

async function clipFiles(ex, report, names, counting) {
  const { clips, clipChunks, clipsPlayed } = ex.layout;
  const files = [];
  for (const [number, path] of clips) {
    const played = clipsPlayed.get(number) ?? path;
    const passed = report.findings.some(
      (f) => f.step === "clip" && f.outcome === "passed" && f.about === played,
    );
    const state = stateOf(report, [path, played, clipChunks.get(number)], passed && counting.has(played));
    const list = state === "passed" ? Clip.fromBytes(await ex.read(path)) : null;
    const size = list?.item.size ?? ex.packet.sizes().get(clipChunks.get(number) ?? path);
    files.push({
      path: played,
      name: names.get(played) ?? played,
      size,
      chunks: Math.max(1, Math.ceil(size / CHUNK_SIZE)),
      state,
      runs: list?.runs ?? null,
    });
  }
  return files;
}

/** By the times that statements claim, corrected where a clock was measured. */
function recordingsOf(ex, rests) {
  return ex
    .shown()
    .filter(([, statement]) => statement.kind === "evidence" && statement.occurred !== null)
    .flatMap(([view, statement]) => {
      const { startMs, endMs } = statement.corrected ?? statement.occurred;
      return statement.items.map((subject) => ({
        name: subject.name,
        place: view.place.toText(),
        startMs,
        endMs,
        corrected: statement.corrected !== null,
        proven:
          rests && !view.disowned && (ex.itemOf.has(subject.key) || ex.partOf.has(subject.key)),
      }));
    })
    .sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
}

function gapsOf(ex) {
  return ex
    .shown()
    .flatMap(([view, { predicate }]) =>
      (predicate.gaps ?? []).map(({ kind, note }) => ({ place: view.place.toText(), kind, note })),
    );
}
