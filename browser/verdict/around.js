// What surrounds a clip: what of its recording stays unseen, and what else was recorded then.
//
// Nothing of it is proved. Times are those that statements and the clips' maker give.

import { equalBytes, printable } from "../encoding.js";
import { clockText } from "../report.js";

const MAX_NAMED = 5;

export class Around {
  #recorded = new Map(); // by subject: the file, and from when to when in milliseconds
  #clips = new Map(); // by subject

  // `clips` are those that held, each with its original.
  constructor(statements, clips) {
    for (const statement of statements) {
      // A corrected clock comes first. The other files of a statement stand beside its item.
      const when = statement.corrected ?? statement.occurred;
      const [file] = statement.files;
      if (when === null || file === undefined || !isRecording(statement)) continue;
      if (!this.#recorded.has(file.key)) this.#recorded.set(file.key, { file, ...when });
    }
    for (const { clip, subject } of clips) {
      this.#clips.set(subject.key, [...(this.#clips.get(subject.key) ?? []), clip]);
    }
  }

  // Where there are several clips of it: what lies between them, and none shows.
  parts(original) {
    const clips = this.#clips.get(original.key) ?? [];
    if (clips.length < 2) return "";
    const spans = unseen(clips).map((span) => span.map(clockText).join(" to "));
    return `; ${clips.length} clips here are of it, without ${listed(spans) || "a gap"}`;
  }

  // The recordings of the moment that a clip shows: what further cameras saw. `pathOf` gives where
  // a subject stands in the packet, or undefined. Which moment that is, is the word of who cut it:
  // so those of the recording's other moments are named as well.
  others(clip, original, pathOf) {
    const own = this.#recorded.get(original.key);
    if (own === undefined) return "When it was recorded is not stated";
    const [start, end] = [clip.given.startMs, clip.given.endMs].map((ms) => own.startMs + ms);
    const then = [], otherwise = [];
    const ended = Math.max(own.endMs, own.startMs + clip.wholeMs);
    for (const [key, { file, startMs, endMs }] of this.#recorded) {
      if (equalBytes(file.digest.sha256, clip.item.sha256)) continue;
      const named = `${printable(file.name)} (${pathOf(key) ?? "not in the packet"})`;
      if (startMs < end && endMs > start) then.push(named);
      else if (startMs < ended && endMs > own.startMs) otherwise.push(named);
    }
    const rest = otherwise.length ? `; of its other moments: ${listed(otherwise)}` : "";
    if (!then.length) return `No other recording of that moment is stated in this packet${rest}`;
    return `Other recordings of that moment, by their statements: ${listed(then)}${rest}`;
  }
}

// From when to when, in milliseconds, no clip of a recording shows it.
function unseen(clips) {
  const given = clips.map(({ given: { startMs, endMs } }) => [startMs, endMs]);
  const found = [];
  let at = 0;
  for (const [start, end] of given.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (start > at) found.push([at, start]);
    at = Math.max(at, end);
  }
  const whole = Math.max(...clips.map((clip) => clip.wholeMs));
  if (whole > at) found.push([at, whole]);
  return found;
}

function listed(names) {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(", ") + (more > 0 ? `, and ${more} more` : "");
}

function isRecording({ predicate }) {
  return predicate.evidence_type === "audiovisual" || "device" in predicate;
}
