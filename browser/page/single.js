// A file that was dropped alone: its digests, and how it stands to the files of the packet.

import { equalBytes, printable } from "../encoding.js";
import { el } from "./dom.js";
import { pick, say } from "./language.js";
import { mapFigure } from "./view.js";
import { WORDS } from "./words.js";

export function comparisonView(single, verdict) {
  const rows = [
    [WORDS.file, single.name],
    [WORDS.size, `${single.size.toLocaleString("en")} ${pick(WORDS.bytes)}`],
    [WORDS.sha256, single.sha256],
    [WORDS.chunkRoot, single.root],
  ];
  return [
    el(
      "section",
      { id: "single", tabindex: "-1" },
      el("h2", {}, pick(WORDS.single)),
      el(
        "table",
        { class: "about" },
        el(
          "tbody",
          {},
          rows.map(([name, value]) =>
            el(
              "tr",
              {},
              el("th", { scope: "row" }, pick(name)),
              el("td", { class: "mono" }, value),
            ),
          ),
        ),
      ),
      ...heldAgainst(single, verdict),
    ),
  ];
}

function heldAgainst(single, verdict) {
  if (!verdict) return [said(WORDS.isNoneChecked)];
  const files = verdict.picture.files.filter((f) => f.leaves && !f.runs);
  const same = files.find((f) => f.sha256 === single.sha256);
  if (same) return [sameFile(same)];
  const closest = files
    .filter((f) => f.state === "passed")
    .map((file) => ({ file, equal: equalChunks(file.leaves, single.leaves) }))
    .sort((a, b) => b.equal - a.equal)[0];
  const none = el("p", { class: "mark failed" }, `✗ ${pick(WORDS.isNone)}`);
  if (!closest?.equal) return [none];
  const { file, equal } = closest;
  const chunks = Math.max(file.leaves.length, single.leaves.length);
  const stateOf = (first, last) => {
    for (let n = first; n <= last; n += 1)
      if (!sameLeaf(file.leaves, single.leaves, n)) return "bad";
    return "good";
  };
  const legend = [
    ["good", WORDS.sameChunk, equal],
    ["bad", WORDS.otherChunk, chunks - equal],
  ];
  return [
    none,
    el(
      "p",
      {},
      `${pick(WORDS.closest)}${printable(file.name)} (${file.path})${say("; ", "；")}${pick(WORDS.closestNote)}${equal} / ${chunks}`,
    ),
    mapFigure(single.name, chunks, stateOf, legend, single.size, { "data-path": "single" }),
  ];
}

/** Of a file that did not pass nothing is confirmed by having it twice. */
function sameFile({ name, path, state }) {
  const text = `${pick(WORDS.isItem)}${printable(name)} (${path})`;
  if (state === "passed") return el("p", { class: "mark passed" }, `✓ ${text}`);
  return el("p", { class: "mark undecided" }, `？ ${text}${pick(WORDS.notPassed)}`);
}

const said = (words) => el("p", {}, pick(words));

function equalChunks(a, b) {
  let equal = 0;
  for (let n = 0; n < Math.min(a.length, b.length); n += 1) if (sameLeaf(a, b, n)) equal += 1;
  return equal;
}

const sameLeaf = (a, b, n) => n < a.length && n < b.length && equalBytes(a[n], b[n]);
