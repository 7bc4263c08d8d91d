// The player: it plays the bytes that were checked, and nothing else.

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

/** Why a file may not be played, as words; null if it may. */
export function refusal(verdict, path) {
  const { report, proven } = verdict;
  if (report.findings.some((f) => f.outcome === "failed" && f.about === path)) return WORDS.refused;
  if (!proven.has(path)) return WORDS.refused;
  if (report.groups.integrity !== "passed") return WORDS.refusedWhole;
  return kindOf(path) ? null : WORDS.noPlayer;
}

/** `blob` are the bytes of the very file that was read; a browser refuses it once it is changed. */
export function player(blob, path, name) {
  const kind = kindOf(path);
  const url = URL.createObjectURL(new Blob([blob], { type: kind }));
  const label = `${pick(WORDS.showing)}${name}`;
  const tag = kind.split("/")[0];
  const shown =
    tag === "image"
      ? el("img", { src: url, alt: name })
      : el(tag, { src: url, controls: true, autoplay: true, "aria-label": name });
  return {
    element: el("div", { class: "player" }, el("p", {}, label), shown),
    end: () => URL.revokeObjectURL(url),
  };
}
