// The player: it plays the bytes that were checked, and nothing else. A file may be exchanged once
// it was read, and its time set back. So what is played is a copy in the browser's own store, each
// chunk of which was held against what was read first.

import { Held } from "../evidence/held.js";
import { BLOCK, BlobBytes } from "../sources.js";
import { el } from "./dom.js";
import { pick } from "./language.js";
import { WORDS } from "./words.js";

// By the ending, since nothing else names a kind. No kind in which a script could be.
const KINDS = {
  mp4: "video/mp4",
  m4v: "video/mp4",
  mov: "video/mp4",
  webm: "video/webm",
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  aac: "audio/aac",
  wav: "audio/wav",
  ogg: "audio/ogg",
  flac: "audio/flac",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
  bmp: "image/bmp",
};

const kindOf = (path) => KINDS[path.split(".").at(-1)] ?? "";

/** Why a file may not be played, as words; null if it may. `rest` is what counts of the report. */
export function refusal({ report, proven }, path, rest) {
  if (report.findings.some((f) => f.outcome === "failed" && f.about === path)) return WORDS.refused;
  if (!rest.items.some((item) => [item.path, item.part].includes(path))) return WORDS.ofNothing;
  if (!proven.has(path)) return WORDS.refused;
  if (rest.groups.integrity !== "passed") return WORDS.refusedWhole;
  return kindOf(path) ? null : WORDS.noPlayer;
}

/** `leaves` are those of the chunks of `blob`, as they were read for the verdict. */
export function player({ blob, leaves }, path, name) {
  const kind = kindOf(path);
  const element = el("div", { class: "player", tabindex: "-1" });
  let url = null;
  let ended = false;
  const say = (text, role = null) => element.replaceChildren(el("p", { role }, text));

  async function load() {
    const copy = await copied(blob, leaves, kind, (share) => {
      if (!ended) say(`${pick(WORDS.reading)} … ${Math.floor(100 * share)} %`);
      return !ended;
    });
    if (ended) return;
    url = URL.createObjectURL(copy);
    say(`${pick(WORDS.showing)}${name}`);
    element.append(shown(kind, url, name));
  }

  const refused = (error) => say(`${pick(WORDS.changed)} (${error.message})`, "alert");
  return {
    element,
    loaded: load().catch(refused),
    end() {
      ended = true;
      if (url !== null) URL.revokeObjectURL(url);
    },
  };
}

function shown(kind, url, name) {
  const tag = kind.split("/")[0];
  if (tag === "image") return el("img", { src: url, alt: name });
  return el(tag, { src: url, controls: true, autoplay: true, "aria-label": name });
}

/** Piece by piece: the browser puts away on its disk what is too much for memory. */
async function copied(blob, leaves, type, goOn) {
  const bytes = new BlobBytes(blob);
  const held = new Held((at, size) => bytes.read(at, size), blob.size, leaves);
  const pieces = [];
  for (let at = 0; at < blob.size && goOn(at / blob.size); ) {
    const piece = await held.read(at, BLOCK);
    pieces.push(new Blob([piece]));
    at += piece.length;
  }
  const copy = new Blob(pieces, { type });
  await copy.slice(-1).arrayBuffer(); // raises where the browser had no room for it
  return copy;
}
