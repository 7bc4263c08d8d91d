// A verdict on the page: the first page as `tiezheng verify` prints it, then what was not checked,
// the steps, the pictures and the files.

import { formatTime, printable } from "../encoding.js";
import { carried } from "./carried.js";
import { chunkMap, legend, timeline } from "./drawing.js";
import { el } from "./dom.js";
import { GROUPS, firstPage, whatCounts, worst } from "./first_page.js";
import { pick, say } from "./language.js";
import { refusal } from "./playing.js";
import { tables } from "./tables.js";
import { detailWords, when } from "./wording.js";
import { WORDS } from "./words.js";

const MAX_FINDINGS = 10; // of one step, undecided
const MAX_FAILED = 1000; // of one step, and as many passed that are told: a page of more is not read, and the saved report has all
const MAX_FILES = 200;
const MAX_BARS = 2000;
const TOLD = ["signature", "series", "clip", "derived"];
const NOT_CHECKED = "not checked"; // what is said of a packet that cannot be read

const word = (words) => pick(words);
const colon = () => say(": ", "：");
const heading = (words) => el("h2", {}, word(words));

export function verdictView(verdict, actions) {
  return [
    ...firstPageView(verdict),
    ...notCheckedView(verdict),
    ...stepsView(verdict),
    ...checkpointsView(verdict),
    ...timelineView(verdict),
    ...chunksView(verdict),
    ...filesView(verdict, actions),
    ...carriedView(verdict),
  ];
}

function firstPageView({ report, reference }) {
  const page = firstPage(report, reference);
  const about = page.about.map(([name, value]) =>
    row(word(name), el("span", { class: "mono" }, word(value))),
  );
  return [
    el(
      "h1",
      { class: `outcome ${report.outcome}`, tabindex: "-1", id: "outcome" },
      `${MARKS[report.outcome]} ${word(page.outcome)}`,
    ),
    el("p", {}, word(page.meaning)),
    el("table", { class: "about" }, el("tbody", {}, about)),
    heading(tables.first_page.PROVED),
    el(
      "ul",
      { id: "proved" },
      page.proved.map((sentence) => el("li", {}, word(sentence))),
    ),
    heading(tables.first_page.NOT_PROVED),
    el(
      "ul",
      { id: "not-proved" },
      page.notProved.map((sentence) => el("li", {}, word(sentence))),
    ),
    heading(tables.first_page.ASKED),
    el(
      "table",
      { class: "asked", id: "asked" },
      el(
        "tbody",
        {},
        page.answers.map(([question, answer]) => row(word(question), word(answer))),
      ),
    ),
  ];
}

function notCheckedView({ notChecked }) {
  return [
    heading(WORDS.notChecked),
    el("p", { class: "note" }, word(WORDS.notCheckedNote)),
    el(
      "ul",
      { id: "not-checked" },
      notChecked.map((words) => el("li", {}, word(words))),
    ),
  ];
}

// --- steps

const MARKS = { passed: "✓", failed: "✗", undecided: "？" };

const mark = (outcome) =>
  el("span", { class: `mark ${outcome}` }, `${MARKS[outcome]} ${word(tables.outcomes[outcome])}`);

function stepsView({ report }) {
  const names = namesOf(report.items);
  return [
    heading(WORDS.steps),
    el(
      "ul",
      { class: "groups" },
      GROUPS.map((group) =>
        el("li", {}, `${word(tables.groups[group])}${colon()}`, mark(report.groups[group])),
      ),
    ),
    ...tables.steps.map((step, number) => stepView(step, number + 1, report.findings, names)),
  ];
}

function stepView(step, number, all, names) {
  const findings = all.filter((f) => f.step === step.name);
  const title = `${number}. ${word(step.title)}${colon()}`;
  if (findings.every((f) => f.detail === NOT_CHECKED)) {
    return el("section", { class: "step" }, el("h3", {}, title, word(WORDS.nothingRun)));
  }
  const outcome = worst(findings.map((f) => f.outcome));
  const passed = findings.filter((f) => f.outcome === "passed");
  const told =
    TOLD.includes(step.name) && passed.length > 1 ? passed.filter((f) => f.about !== "packet") : [];
  const failed = findings.filter((f) => f.outcome === "failed");
  const undecided = findings.filter((f) => f.outcome === "undecided");
  const shares = [
    [told, MAX_FAILED],
    [failed, MAX_FAILED],
    [undecided, MAX_FINDINGS],
  ];
  const shown = shares.flatMap(([some, most]) => some.slice(0, most));
  const rest = shares.reduce((sum, [some, most]) => sum + Math.max(0, some.length - most), 0);
  return el(
    "section",
    { class: "step", "data-step": step.name, "data-outcome": outcome },
    el("h3", {}, title, mark(outcome), noteOf(passed, findings)),
    el("p", {}, word(outcome === "passed" ? WORDS.shows : WORDS.wouldShow), word(step.proves)),
    el("p", {}, word(WORDS.doesNotShow), word(step.not_proved)),
    shown.length
      ? el(
          "ul",
          { class: "findings" },
          shown.map((f) => findingView(f, names)),
        )
      : null,
    restView(rest),
  );
}

function noteOf(passed, findings) {
  let note = "";
  if (passed.length === 1) note = detailWords(passed[0].step, passed[0].detail);
  else if (passed.length) note = say(`${passed.length} passed`, `${passed.length} 项通过`);
  if (note && passed.length < findings.length) {
    note = say(`of these passed: ${note}`, `其中通过：${note}`);
  }
  return note && say(` (${note})`, `（${note}）`);
}

function findingView(finding, names) {
  const words = detailWords(finding.step, finding.detail);
  return el(
    "li",
    {},
    mark(finding.outcome),
    `${colon()}${aboutText(finding.about, names)}${colon()}${words}`,
  );
}

function aboutText(about, names) {
  if (about === "packet") return word(WORDS.aboutPacket);
  if (about === "checkpoint") return word(WORDS.aboutCheckpoint);
  let text = printable(about);
  if (/^\d{4}(-\d+)?-\d+$/u.test(about)) text = say(`entry ${text}`, `条目 ${text}`);
  if (/^\d{4}$/u.test(about)) text = say(`log ${text}`, `日志 ${text}`);
  const name = names.get(about);
  return name ? text + say(` (${name})`, `（${name}）`) : text;
}

/** What the file of an entry or path is called. */
function namesOf(items) {
  const names = new Map();
  for (const item of items) {
    if (!names.has(item.place)) names.set(item.place, item.name);
    names.set(item.path, item.name);
  }
  names.delete("");
  return names;
}

function restView(count) {
  return count > 0 ? el("p", { class: "note" }, `… ${count}${word(WORDS.more)}`) : null;
}

function checkpointsView({ report }) {
  return report.checkpoints.flatMap((c) => [
    heading(WORDS.checkpoint),
    el(
      "table",
      { class: "about" },
      el(
        "tbody",
        {},
        row(word(WORDS.log1), printable(c.origin)),
        row(
          word(WORDS.checkpoint),
          el(
            "span",
            { class: "mono" },
            say(`${c.size} entries, root ${c.root}`, `${c.size} 个条目，根哈希 ${c.root}`),
          ),
        ),
        row(word(WORDS.seen), c.quorum_time ? when(c.quorum_time) : word(WORDS.noQuorum)),
        row(word(WORDS.cosignedBy), printable(c.cosigners) || word(WORDS.nobody)),
        row(word(WORDS.policy), el("span", { class: "mono" }, c.policy)),
      ),
    ),
  ]);
}

// --- pictures

function timelineView({ picture }) {
  const { recordings, gaps } = picture;
  const parts = [heading(WORDS.timeline)];
  if (recordings.length) parts.push(timelineFigure(recordings));
  else parts.push(el("p", {}, word(WORDS.noRecordings)));
  if (gaps.length) {
    const rows = gaps.slice(0, MAX_FILES).map(({ place, kind, note }) =>
      el(
        "li",
        {},
        say(`entry ${place}: `, `条目 ${place}：`),
        Object.hasOwn(tables.gaps, kind) ? word(tables.gaps[kind]) : printable(kind),
        note ? `${colon()}${printable(note)}` : "",
      ),
    );
    parts.push(el("h3", {}, word(WORDS.gaps)), el("ul", { id: "gaps" }, rows));
    parts.push(restView(gaps.length - MAX_FILES));
  }
  return parts;
}

function timelineFigure(recordings) {
  const moment = (ms) => when(formatTime(ms));
  // They may be more than a call can have arguments.
  const first = recordings.reduce((least, r) => Math.min(least, r.startMs), Infinity);
  const last = recordings.reduce((most, r) => Math.max(most, r.endMs), 0);
  let covered = first;
  const rows = recordings.slice(0, MAX_FILES).map((recording, number) => {
    const gap = Math.max(0, recording.startMs - covered);
    covered = Math.max(covered, recording.endMs);
    const corrected = recording.corrected ? say(" (corrected)", "（已校正）") : "";
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, `${number + 1}. ${printable(recording.name)}`),
      el("td", {}, moment(recording.startMs) + corrected),
      el("td", {}, moment(recording.endMs)),
      el("td", {}, gap ? lengthText(gap) : "—"),
    );
  });
  const title = word(WORDS.timeline);
  return el(
    "figure",
    { id: "timeline" },
    timeline(recordings.slice(0, MAX_BARS), first, last, title, moment),
    el("figcaption", { class: "note" }, word(WORDS.timelineNote)),
    el(
      "table",
      {},
      el("thead", {}, headers(WORDS.file, WORDS.from, WORDS.to, WORDS.gapBefore)),
      el("tbody", {}, rows),
    ),
    restView(recordings.length - MAX_FILES),
  );
}

function lengthText(ms) {
  const seconds = Math.round(ms / 1000);
  const days = Math.floor(seconds / 86_400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
    .map((n) => String(n).padStart(2, "0"))
    .join(":");
  return days ? say(`${days} d ${clock}`, `${days} 天 ${clock}`) : clock;
}

const STATES = {
  passed: [WORDS.whole, () => "good"],
  failed: [WORDS.wrong, () => "bad"],
  undecided: [WORDS.unknown, () => "none"],
};

function chunksView({ picture }) {
  const { files } = picture;
  if (!files.length) return [];
  return [
    heading(WORDS.chunks),
    el("p", { class: "note" }, word(WORDS.chunksNote)),
    ...files.slice(0, MAX_FILES).map(chunksFigure),
    restView(files.length - MAX_FILES),
  ];
}

function chunksFigure({ path, name, size, chunks, state, runs }) {
  let [words, stateOf] = STATES[state];
  let said = [[stateOf(0), words]];
  if (runs && state === "passed") {
    stateOf = (first, last) =>
      runs.some(([a, b]) => a <= first && last <= b) ? "good" : "none";
    const shown = runs.reduce((sum, [a, b]) => sum + b - a + 1, 0);
    said = [
      ["good", WORDS.shownPart, shown],
      ["none", WORDS.notShown, chunks - shown],
    ];
  }
  const title = name === path ? path : `${printable(name)} (${path})`;
  return mapFigure(title, chunks, stateOf, said, size, {
    "data-path": path,
    "data-state": state,
  });
}

/** `said` explains each kind of square, with how many chunks are of it. */
export function mapFigure(name, chunks, stateOf, said, size, attributes = {}) {
  const each = said.map(([state, words, number]) => [
    legend(state),
    `${word(words)}${number === undefined ? "" : `${colon()}${number}`}　`,
  ]);
  const title = `${name}${colon()}${said.map(([, words, n]) => `${word(words)} ${n ?? ""}`).join(" ")}`;
  const drawn = chunkMap(chunks, stateOf, title);
  const scale =
    drawn.each > 1 ? say(`; a square is ${drawn.each} chunks`, `；每格 ${drawn.each} 个分块`) : "";
  const count = say(
    `${size.toLocaleString("en")} bytes, ${chunks} ${chunks === 1 ? "chunk" : "chunks"}${scale}`,
    `${size.toLocaleString("en")} 字节，${chunks} 个分块${scale}`,
  );
  return el(
    "figure",
    { class: "map", ...attributes },
    el("figcaption", {}, el("strong", {}, name), ` ${count}`, el("br"), each),
    drawn.map,
  );
}

// --- files

function filesView(verdict, actions) {
  const { items } = verdict.report;
  if (!items.length) return [];
  const rest = whatCounts(verdict.report);
  const counting = new Set(rest.items);
  return [
    heading(WORDS.files),
    el(
      "table",
      { id: "files" },
      el(
        "thead",
        {},
        headers(WORDS.file, WORDS.entry, WORDS.signedBy, WORDS.existedBy, WORDS.order),
      ),
      el(
        "tbody",
        {},
        items.slice(0, MAX_FILES).map((item) => {
          const button = (path) => playButton(path, item, refusal(verdict, path, rest), actions);
          return fileRow(item, counting.has(item), button);
        }),
      ),
    ),
    restView(items.length - MAX_FILES),
  ];
}

function fileRow(item, counts, button) {
  const path = item.path || item.part;
  const where =
    item.path || (item.part ? `${word(WORDS.partOnly)}${item.part}` : word(WORDS.absent));
  const stage = Object.hasOwn(tables.stages, item.stage)
    ? say(` [${word(tables.stages[item.stage])}]`, `［${word(tables.stages[item.stage])}］`)
    : "";
  return el(
    "tr",
    {},
    el(
      "th",
      { scope: "row" },
      printable(item.name) + stage,
      counts ? null : el("strong", {}, el("br"), word(WORDS.forNothing)),
      item.favourable
        ? el(
            "strong",
            {},
            el("br"),
            `${word(WORDS.favourable)}${colon()}${printable(item.favourable)}`,
          )
        : null,
      el("br"),
      el("span", { class: "note mono" }, printable(where)),
      path ? [el("br"), button(path)] : null,
    ),
    el("td", { class: "place" }, item.place),
    el("td", {}, signersText(item.signed_by)),
    el("td", {}, item.not_after ? when(item.not_after) : word(WORDS.notProven)),
    el("td", {}, tables.orders[item.order] ? word(tables.orders[item.order]) : "—"),
  );
}

function playButton(path, item, why, actions) {
  if (why) return el("span", { class: "note refusal", "data-path": path }, word(why));
  const label = `${word(WORDS.show)}${colon()}${printable(item.name)}`;
  return el(
    "button",
    {
      type: "button",
      class: "screen play",
      "data-path": path,
      "aria-label": label,
      on: { click: () => actions.play(path, printable(item.name)) },
    },
    `▶ ${word(WORDS.show)}`,
  );
}

/** What the packet carries beside the evidence: a list with its title, or one sentence. */
function carriedView({ report }) {
  return carried(report).flatMap(({ title, rows, rest }) =>
    rows.length
      ? [
          el("h2", {}, title),
          el(
            "ul",
            { class: "carried" },
            rows.map((text) => el("li", {}, text)),
          ),
          restView(rest),
        ]
      : [el("p", {}, title)],
  );
}

/** Person and role; the whole key stands in the saved report. */
const signersText = (text) =>
  printable(text).replace(/ \((\w+), key ([0-9a-f]{12})[0-9a-f]{52}\)/gu, (_, role, key) => {
    const name = tables.roles[role];
    return say(` (${name?.en ?? role}, ${key}…)`, `（${name?.zh ?? role}，${key}…）`);
  });

const row = (name, value) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value));

const headers = (...words) =>
  el(
    "tr",
    {},
    words.map((w) => el("th", { scope: "col" }, word(w))),
  );
