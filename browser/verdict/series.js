// Series: each statement stands in the log under its own series, and under no other.

import { byCodePoint, equalBytes, formatHex, repr } from "../encoding.js";
import { Rejected } from "../errors.js";
import { isRunOfActs, seriesNames, seriesYear } from "../evidence/membership.js";
import { SeriesFile, comparePlaces } from "../evidence/packet.js";
import { isBefore } from "../evidence/register.js";
import { checkTags } from "../evidence/series.js";
import { isState } from "../evidence/statement.js";
import { Finding, Outcome } from "../report.js";
import { allGood, failed, isRefusal } from "./examination.js";

const STEP = "series";

export async function* series(ex) {
  for (const path of ex.layout.series) {
    try {
      yield* openSeries(ex, path);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      yield failed(STEP, path, error);
    }
  }
  let good = 0;
  const named = new Set([...ex.series.values()].flatMap(({ numbers }) => [...numbers.keys()]));
  const ids = new Map();
  const views = [...ex.views.values()].sort((a, b) => comparePlaces(a.place, b.place));
  for (const view of views) {
    const { statement } = view;
    const about = view.place.toText();
    try {
      if (statement === null) {
        if (!named.has(about)) throw new Rejected("nothing here says what this entry is about");
        continue;
      }
      if (isClosing(ex, view) || isState(statement)) checkNoOtherSeries(ex, view);
      else checkMembership(ex, view);
      if (!ids.has(statement.id)) ids.set(statement.id, about);
      if (ids.get(statement.id) !== about) {
        throw new Rejected(`its id is that of ${ids.get(statement.id)}`);
      }
      good += 1;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      view.statement = null;
      yield failed(STEP, about, error);
    }
  }
  for (const name of [...ex.series.keys()].sort(byCodePoint)) {
    const withheld = places(ex, name).some((place) => ex.views.get(place).statement === null);
    if (withheld && name.slice(4).startsWith("/register/")) {
      const detail = "a version is withheld: whether it revokes a key is not shown";
      yield new Finding(STEP, Outcome.UNDECIDED, name, detail);
    }
    if (places(ex, name).length > 1 && name.slice(4).startsWith("/recording/")) {
      yield new Finding(STEP, Outcome.PASSED, name, siblings(ex, name));
    }
  }
  yield allGood(STEP, good, "statements");
}

// How often one recording was handed in, and whether what is shown of it are the same bytes.
function siblings(ex, name) {
  const all = places(ex, name);
  const shown = all.map((place) => ex.views.get(place).statement).filter((said) => said !== null);
  const files = shown.flatMap(({ files: [first] }) => (first === undefined ? [] : [first]));
  const versions = new Set(files.map(({ digest }) => formatHex(digest.sha256)));
  return (
    `${all.length} statements speak of this recording, ${shown.length} shown; ` +
    `versions of its file: ${versions.size}`
  );
}

function places(ex, name) {
  return [...ex.series.get(name).numbers.keys()];
}

async function* openSeries(ex, path) {
  const file = SeriesFile.fromBytes(await ex.read(path));
  const year = seriesYear(file.name);
  const key = ex.trust.series.get(year);
  if (key === undefined) {
    const detail = `your trust folder has no series key of ${year}`;
    yield new Finding(STEP, Outcome.UNDECIDED, path, detail);
    return;
  }
  const opened = await key.open(file.name, file.signature);
  if (ex.series.has(file.name)) throw new Rejected(`${file.name} stands here twice`);
  const tags = opened.tags(1, file.places.length);
  for (const [i, place] of file.places.entries()) {
    const view = ex.views.get(place.toText());
    if (view === undefined) {
      const where = `no sound entry at ${place.toText()}`;
      throw new Rejected(`statement ${i + 1} of ${file.name} has ${where}`);
    }
    if (!view.entry.tags.some((tag) => equalBytes(tag, tags[i]))) {
      throw new Rejected(`${place.toText()} is not statement ${i + 1} of ${file.name}`);
    }
  }
  const positions = file.places.map((place) => ex.position(place));
  if (positions.some((position, i) => i && isBefore(position, positions[i - 1]))) {
    throw new Rejected(`${file.name} is not in log order`);
  }
  const numbers = new Map(file.places.map((place, i) => [place.toText(), i + 1]));
  ex.series.set(file.name, { opened, numbers });
}

// Like what tells the ledger's own state it is found by its place, not by a tag: its series would
// open every status of the ledger, and none of them says anything of this case.
function isClosing(ex, { place, statement }) {
  return place.index === 0 && ex.position(place)[0] > 0 && statement.kind === "renewal";
}

function checkNoOtherSeries(ex, view) {
  const own = seriesNames(view.statement, view.place.log, ex.trust.firstYear);
  for (const [name, { numbers }] of ex.series) {
    if (numbers.has(view.place.toText()) && !own.includes(name)) {
      throw new Rejected(`what the ledger says of itself is no statement of ${repr(name)}`);
    }
  }
}

function checkMembership(ex, view) {
  const names = seriesNames(view.statement, view.place.log, ex.trust.firstYear);
  const shown = names.filter((name) => !isRunOfActs(name));
  const tags = [];
  for (const name of shown) {
    const found = ex.series.get(name);
    if (found === undefined) {
      throw new Rejected(`the packet has no sound series ${repr(name)}`);
    }
    const number = found.numbers.get(view.place.toText());
    if (number === undefined) throw new Rejected(`not listed in its series ${repr(name)}`);
    tags.push(found.opened.tag(number));
  }
  checkTags(view.entry, view.salt, tags, names.length - shown.length);
  view.series = shown;
}
