// The two pictures: the chunks of a file, and the recordings in time. Each shape differs in form
// as well as in colour, so that a print in black and white says the same.

import { svg } from "./dom.js";

const WIDTH = 960;
const CELL = 12;
const IN_ROW = WIDTH / CELL;
const MOST = 10 * IN_ROW;

const GREEN = "#1b6e3c";
const RED = "#a1121f";
const GREY = "#777";

/**
 * `stateOf(first, last)` is the worst of these chunks: bad, none (not shown), good. It is asked once
 * a square, of which there are few however long a file says it is.
 */
export function chunkMap(chunks, stateOf, title) {
  const each = Math.ceil(chunks / MOST);
  const cells = Math.ceil(chunks / each);
  const height = Math.ceil(cells / IN_ROW) * CELL;
  const width = Math.min(cells, IN_ROW) * CELL;
  const shapes = [];
  for (let cell = 0; cell < cells; cell += 1) {
    const state = stateOf(cell * each, Math.min(chunks, (cell + 1) * each) - 1);
    shapes.push(square(state, (cell % IN_ROW) * CELL, Math.floor(cell / IN_ROW) * CELL));
  }
  const map = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, class: "chunks" },
    shapes,
  );
  // Never larger than one square a chunk on the page.
  map.style.width = `${width / 16}rem`;
  map.style.maxWidth = "100%";
  return { map, each };
}

/** One square of the legend. */
export function legend(state) {
  return svg(
    "svg",
    { viewBox: "0 0 12 12", class: "legend", "aria-hidden": "true" },
    square(state, 0, 0),
  );
}

function square(state, x, y) {
  const size = CELL - 2;
  const box = { x: x + 1, y: y + 1, width: size, height: size };
  if (state === "good") return svg("rect", { ...box, fill: GREEN, class: "good" });
  if (state === "none") {
    return svg("rect", {
      ...box,
      fill: "#fff",
      stroke: GREY,
      "stroke-dasharray": "2 2",
      class: "none",
    });
  }
  const cross = `M${x + 2} ${y + 2}l${size - 2} ${size - 2}m0 ${2 - size}l${2 - size} ${size - 2}`;
  return svg(
    "g",
    { class: "bad" },
    svg("rect", { ...box, fill: "#fff", stroke: RED, "stroke-width": 2 }),
    svg("path", { d: cross, stroke: RED, "stroke-width": 2, fill: "none" }),
  );
}

/** `recordings` by their start; each is a bar, to scale, in the first row that is free there. */
export function timeline(recordings, first, last, title, label) {
  const span = Math.max(1, last - first);
  const at = (ms) => 10 + ((ms - first) / span) * (WIDTH - 20);
  const ends = [];
  const bars = recordings.map((recording, number) => {
    const start = at(recording.startMs);
    const width = Math.max(3, at(recording.endMs) - start);
    let row = ends.findIndex((end) => end <= start);
    if (row < 0) row = ends.length;
    ends[row] = start + width + 2;
    const y = 8 + row * 26;
    return [
      svg("rect", {
        x: start,
        y,
        width,
        height: 16,
        fill: recording.proven ? GREEN : "#fff",
        stroke: recording.proven ? GREEN : GREY,
        class: "recording",
      }),
      svg("text", { x: start, y: y + 25, "font-size": 9, fill: "#111" }, String(number + 1)),
    ];
  });
  const y = 14 + ends.length * 26;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${y + 22}`, role: "img", "aria-label": title, class: "timeline" },
    bars,
    svg("path", {
      d: `M10 ${y}h${WIDTH - 20}M10 ${y - 4}v8M${WIDTH - 10} ${y - 4}v8`,
      stroke: "#111",
      fill: "none",
    }),
    svg("text", { x: 10, y: y + 17, "font-size": 13, fill: "#111" }, label(first)),
    svg(
      "text",
      { x: WIDTH - 10, y: y + 17, "font-size": 13, fill: "#111", "text-anchor": "end" },
      label(last),
    ),
  );
}
