// The page: what a person gives it, the check in a worker, and what it shows.

import { parseTime, printable } from "../encoding.js";
import { el } from "./dom.js";
import { everyPage } from "./first_page.js";
import { chosenFile, chosenFolder, dropped, kindOf } from "./given.js";
import { LANGUAGES, choose, language, pick, say } from "./language.js";
import { player } from "./playing.js";
import { asciiJson } from "./saving.js";
import { comparisonView } from "./single.js";
import { fill, tables } from "./tables.js";
import { verdictView } from "./view.js";
import { WORDS } from "./words.js";
import { ownScript, startWorker } from "./workers.js";

const REQUIRABLE = ["complete", "order", "time", "form"];
const NAMES = { zh: "中文", en: "English" };
const PLACES = [
  ["packet", WORDS.packet, WORDS.packetNote, true],
  ["trust", WORDS.trust, WORDS.trustNote, true],
  ["log", WORDS.log, WORDS.logNote, false],
];

// `given` by place; `verdict` as the worker told it; `single` a file of its own, digested.
const state = {
  given: { packet: null, trust: null, log: null },
  at: "",
  require: new Set(),
  running: null,
  verdict: null,
  trouble: null,
  single: null,
};
const word = (words) => pick(words);

export function openPage() {
  fill(JSON.parse(document.getElementById("words").textContent));
  choose(navigator.language.startsWith("zh") ? "zh" : "en");
  document.body.append(
    el("div", { id: "page" }),
    // Outside of what is drawn anew: a screen reader speaks only of what was there before.
    el("p", { id: "said", role: "status", class: "hidden screen" }),
  );
  draw();
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) document.body.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    dropped(event.dataTransfer).then(takeAll).catch(fail);
  });
}

function draw() {
  const focused = document.activeElement?.id;
  try {
    drawAll();
  } catch (error) {
    // What cannot be shown whole is no verdict, and what stands there is of something else.
    if (!state.verdict && !state.single) throw error;
    const message = String(error?.message ?? error);
    Object.assign(state, { verdict: null, single: null, trouble: [WORDS.fault, message] });
    drawAll();
  }
  // Whoever goes by keyboard goes on from where he was.
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

function drawAll() {
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  document.adoptedStyleSheets = state.verdict ? [footer(state.verdict)] : [];
  document.title = `${word(WORDS.product)} · ${word(WORDS.title)}`;
  state.player?.end();
  state.player = null;
  document
    .getElementById("page")
    .replaceChildren(
      headerView(),
      el(
        "main",
        {},
        ...givenView(),
        runningView(),
        troubleView(),
        ...singleView(),
        ...shownVerdict(),
      ),
    );
}

/** At the foot of each printed page: which packet, by whose trust. */
function footer({ report, reference }) {
  // Between quotation marks of the style sheet, so nothing but letters and digits passes.
  const lines = everyPage(report, reference).map(([, text]) =>
    text.replace(/[^A-Za-z0-9 .+-]/gu, ""),
  );
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    `@page { margin-bottom: 24mm; @bottom-left { content: "${lines.join("\\a ")}"; white-space: pre-line;` +
      " font: 7pt monospace; }" +
      ' @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; } }',
  );
  return sheet;
}

function headerView() {
  const buttons = LANGUAGES.map((name) =>
    el(
      "button",
      {
        type: "button",
        lang: name,
        id: `language-${name}`,
        "aria-pressed": String(name === language()),
        on: { click: () => speak(name) },
      },
      NAMES[name],
    ),
  );
  return el(
    "header",
    {},
    el(
      "p",
      { class: "product" },
      el("strong", {}, `${word(WORDS.product)} · ${word(WORDS.title)}`),
    ),
    el("div", { class: "languages", role: "group", "aria-label": word(WORDS.languages) }, buttons),
  );
}

function speak(name) {
  choose(name);
  draw();
  document.getElementById(`language-${name}`).focus();
}

// --- what is given

function givenView() {
  return [
    el("p", { class: "note screen" }, word(WORDS.origin)),
    el("p", { class: "screen" }, word(WORDS.drop)),
    el("div", { class: "places screen" }, PLACES.map(placeView)),
    optionsView(),
    el(
      "p",
      { class: "screen" },
      el(
        "button",
        { type: "button", class: "main", id: "check", disabled: !ready(), on: { click: check } },
        word(WORDS.check),
      ),
      ready() || state.running ? null : el("span", { class: "note" }, ` ${word(WORDS.checkNeeds)}`),
    ),
  ];
}

const ready = () => Boolean(state.given.packet && state.given.trust && !state.running);

function placeView([place, title, note, zip]) {
  const given = state.given[place];
  return el(
    "fieldset",
    // What is being judged stays as it is until it was.
    { class: given ? "full" : null, "data-place": place, disabled: Boolean(state.running) },
    el("legend", {}, word(title)),
    el("p", { class: "note" }, word(note)),
    el("p", { class: "got", id: `got-${place}` }, given ? nameOf(given) : word(WORDS.none)),
    zip ? chooser(place, "zip") : null,
    chooser(place, "folder"),
    given
      ? el(
          "button",
          { type: "button", id: `remove-${place}`, on: { click: () => remove(place) } },
          word(WORDS.remove),
        )
      : null,
  );
}

const nameOf = ({ name, files }) =>
  printable(files ? `${name}/ (${files.length} ${say("files", "个文件")})` : name);

function chooser(place, form) {
  const id = `${place}-${form}`;
  const input = el("input", {
    type: "file",
    id,
    webkitdirectory: form === "folder",
    accept: form === "zip" ? ".zip" : null,
    on: {
      change: () => {
        if (!input.files.length) return;
        put(place, form === "zip" ? chosenFile(input.files[0]) : chosenFolder(input.files));
      },
    },
  });
  const label = word(form === "zip" ? WORDS.chooseZip : WORDS.chooseFolder);
  return [input, el("label", { class: "file", for: id }, label), " "];
}

function optionsView() {
  const at = el("input", {
    type: "text",
    id: "at",
    value: state.at,
    "aria-describedby": "at-note",
    on: { input: () => (state.at = at.value.trim()) },
  });
  const boxes = REQUIRABLE.map((group) => {
    const box = el("input", {
      type: "checkbox",
      id: `require-${group}`,
      checked: state.require.has(group),
      on: { change: () => demand(group, box.checked) },
    });
    return el(
      "span",
      {},
      box,
      " ",
      el("label", { for: `require-${group}` }, word(tables.groups[group])),
    );
  });
  return el(
    "fieldset",
    { class: "options screen", disabled: Boolean(state.running) },
    el("legend", {}, word(WORDS.options)),
    el(
      "span",
      {},
      el("label", { for: "at" }, `${word(WORDS.at)} `),
      at,
      " ",
      el("span", { class: "note", id: "at-note" }, word(WORDS.atNote)),
    ),
    el("span", {}, `${word(WORDS.require)}${say(":", "：")}`),
    boxes,
  );
}

function demand(group, isWanted) {
  if (isWanted) state.require.add(group);
  else state.require.delete(group);
  forget();
}

/** What was dropped goes where its form says; whom to trust is never one of several things. */
async function takeAll(all) {
  const kinds = await Promise.all(all.map(kindOf));
  if (all.length > 1 && kinds.includes("trust")) {
    return trouble(WORDS.trustAlone, all.map(({ name }) => name).join(", "));
  }
  return all.forEach((one, number) => take(one, kinds[number]));
}

function take(one, kind) {
  if (state.running) return trouble(WORDS.busy, one.name);
  if (kind === "single") return digestSingle(one.zip);
  if (kind === null) {
    return trouble(
      WORDS.unreadable,
      say(
        `${one.name}: neither a packet, nor a trust folder, nor a copy of a log; a folder that holds several of them is to be given one by one`,
        `${one.name}：既不是证据包、信任文件夹，也不是日志副本；若其中含有多项，请逐一提供`,
      ),
    );
  }
  return put(kind, one);
}

function put(place, given) {
  state.given[place] = given;
  forget();
  const title = PLACES.find(([name]) => name === place)[1];
  const got = given ? nameOf(given) : word(WORDS.none);
  document.getElementById("said").textContent = `${word(title)}${say(": ", "：")}${got}`;
}

function remove(place) {
  put(place, null);
  document.getElementById(`${place}-folder`).focus();
}

/** What was shown was about something else. */
function forget() {
  if (state.verdict || state.trouble)
    Object.assign(state, { verdict: null, trouble: null, single: null });
  draw();
}

// --- the check

function check() {
  const asked = state.at;
  let atMs = Date.now();
  Object.assign(state, { verdict: null, trouble: null });
  try {
    if (asked) atMs = parseTime(asked);
  } catch {
    trouble(WORDS.atBad, asked);
    return;
  }
  const { packet, trust, log } = state.given;
  const options = { atMs, require: [...state.require].sort() };
  run(1, { kind: "verify", packet, trust, log, options, script: ownScript() }, (run) => ({
    step: ({ name }) => step(run, name),
    verdict: ({ verdict }) => finish(run, { verdict }, "outcome"),
    unreadable: ({ message }) => finish(run, { trouble: [WORDS.unreadable, message] }),
  }));
}

/** One at a time: what another worker says is about something else. */
function run(total, task, listeners) {
  const run = { done: 0, total, stop: () => worker.end() };
  const worker = startWorker(
    {
      progress: ({ done, total }) => progress(run, done, total),
      fault: ({ message }) => finish(run, { trouble: [WORDS.fault, message] }),
      ...listeners(run),
    },
    ownScript(),
  );
  state.running?.stop();
  state.running = run;
  worker.send(task);
  draw();
  document.getElementById("stop").focus();
}

function finish(run, found, shown = "trouble") {
  run.stop();
  if (state.running !== run) return;
  Object.assign(state, { running: null, trouble: null }, found);
  draw();
  document.getElementById(shown)?.focus();
}

const stop = () => finish(state.running, { trouble: [WORDS.stopped, ""] });

function runningView() {
  if (!state.running) return null;
  return el(
    "section",
    { class: "screen", "aria-live": "polite", id: "running" },
    el("p", { id: "progress-text" }, progressText()),
    el("progress", { max: 1, value: 0, id: "progress", "aria-label": word(WORDS.reading) }),
    el("button", { type: "button", id: "stop", on: { click: stop } }, word(WORDS.stop)),
  );
}

function progressText() {
  const { done, total } = state.running;
  const at = tables.steps.find(({ name }) => name === state.running.step);
  if (done >= total) return `${word(WORDS.judging)} … ${at ? word(at.title) : ""}`;
  return `${word(WORDS.reading)} … ${Math.floor((100 * done) / total)} %`;
}

function progress(run, done, total) {
  if (state.running !== run) return;
  Object.assign(run, { done, total });
  tellProgress();
}

function step(run, name) {
  if (state.running !== run) return;
  run.step = name;
  if (name !== "container") run.done = run.total;
  tellProgress();
}

function tellProgress() {
  const { done, total } = state.running;
  const bar = document.getElementById("progress");
  if (done < total) bar.value = done / total;
  else bar.removeAttribute("value");
  // Not for each piece: a screen reader reads it aloud.
  const text = progressText();
  const shown = document.getElementById("progress-text");
  if (shown.textContent !== text) shown.textContent = text;
}

// --- what is shown

function trouble(words, message) {
  state.trouble = [words, message];
  draw();
  document.getElementById("trouble").focus();
}

const fail = (error) => trouble(WORDS.fault, String(error?.message ?? error));

function troubleView() {
  if (!state.trouble) return null;
  const [words, message] = state.trouble;
  return el(
    "section",
    { class: "error", role: "alert", id: "trouble", tabindex: "-1" },
    el("p", {}, el("strong", {}, word(words)), ` ${printable(message)}`),
  );
}

function shownVerdict() {
  if (!state.verdict) return [];
  return [...verdictView(state.verdict, { play }), barView()];
}

function barView() {
  return el(
    "div",
    { class: "bar screen" },
    el("button", { type: "button", id: "save", on: { click: save } }, word(WORDS.save)),
    el(
      "button",
      { type: "button", id: "print", on: { click: () => window.print() } },
      word(WORDS.print),
    ),
  );
}

function save() {
  const url = URL.createObjectURL(
    new Blob([asciiJson(state.verdict.report)], { type: "application/json" }),
  );
  const link = el("a", { href: url, download: "report.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function play(path, name) {
  state.player?.end();
  document.querySelector(".player")?.remove();
  state.player = player(state.verdict.proven.get(path), path, name);
  document.getElementById("files").before(state.player.element);
  state.player.element.scrollIntoView({ block: "nearest" });
  state.player.element.focus();
}

// --- a single file

function digestSingle(file) {
  const { size } = file;
  const name = printable(file.name);
  state.single = null;
  run(size || 1, { kind: "digest", file }, (run) => ({
    digested: (found) => finish(run, { single: { name, size, ...found } }, "single"),
    unreadable: ({ message }) => finish(run, { trouble: [WORDS.unreadable, message] }),
  }));
}

const singleView = () => (state.single ? comparisonView(state.single, state.verdict) : []);
