// The first page of a report: what is shown, what is not, in the words and the order of
// `tiezheng verify`. A pure function of the report as it stands in JSON. A test holds each
// sentence against that of `cli/first_page.py`, in both languages.

import { printable } from "../encoding.js";
import { clipColumns } from "./columns.js";
import { countingForNothing, disowned } from "./disowned.js";
import { both } from "./language.js";
import { tables } from "./tables.js";
import { detailIn, seenWords, whenIn } from "./wording.js";

const NAME = 20; // columns of a name that somebody else chose
const NAMES = 34; // columns of several
const CLOCK = 10; // of a time in a recording
const SENTENCE = 150; // two lines
const ENTRIES = 2; // that are named of those that count for nothing
const POLICIES = 2; // that every page names
const OF_FILES = ["container", "item", "clip"];

const SHARE = /^(\S+) % of /u;
const CLIP =
  /^: \d+ runs of its chunks\.(?: By the word of who cut it (\S+) to (\S+) of (\S+);.*)?$/su;
const RECOUNTED = /^as of ([^\n]*): \d+ series recounted over \d+ entries$/u;
const VOUCHED = /^on the word of ([^\n]*), as of ([^\n]*): \d+ series looked for in \d+ entries$/u;
const MORE = /^(?:\S+ says: )?entry \d+ is statement \d+, which is not shown$/u;
const WITHHELD = /^statement \d+ of \d+, entry (\S+), is (not shown|withheld: \w+)$/u;
const ABSENT = /^.* is (?:not in the packet|withheld: \w+)$/su;
const REASON = /^.* is withheld: \w+$/su;
const NO_LOG = /^no copy of the public log was given \(--log\)$/u;
const BEFORE = /^before decision [^\n]*$/u;
const BY_NATURE = /^after decision [^\n]*: by its own label it supports no decision$/u;
const WITHDRAWN = /^the \w+ key \S+ does not count since [^\n]*$/u;
const NOT_BOTH = /^before decision [^\n]*: not both of them count$/u;
const ISSUED = /^certificate .* of .*, issued by .*$/su;
const REVOKED = /^certificate .* was revoked, and is not presented$/su;

export function firstPage(report, reference) {
  const outcome = tables.outcomes[report.outcome];
  const { AT, CASE, CUT, MISSING, NOTHING, NO_TIME, REFERENCE, TRUST, WHEN, WHO, WHOM } =
    tables.first_page;
  const rest = whatCounts(report);
  const proved = [...provedBy(rest)];
  return {
    outcome: both(`Verdict: ${outcome.en.toUpperCase()}`, `结论：${outcome.zh}`),
    meaning: meaningOf(report, rest),
    about: [
      [REFERENCE, same(reference)],
      [CASE, same(clipped(report.case, 60))],
      [TRUST, same(report.trust)],
      ...policyRows(report),
      [AT, report.at ? whenIn(report.at) : NO_TIME],
    ],
    proved: proved.length ? proved : [NOTHING],
    notProved: [...countsForNothing(report), ...notProvedBy(rest)],
    answers: [
      [CUT, wasItCut(rest)],
      [MISSING, isAnythingMissing(rest)],
      [WHEN, whenWasItFixed(rest)],
      [WHO, whoCouldHaveChangedIt(rest)],
      [WHOM, whomToTrust(rest)],
    ],
  };
}

/**
 * The same without what counts for nothing: so that one thief spoils no answer about the rest.
 * That it is there is no gap, and a file of it that is not is one.
 */
export function whatCounts(report) {
  const gone = countingForNothing(report);
  if (!gone.size) return report;
  const findings = report.findings.filter(
    (f) => !gone.has(f.about) || f.step === "complete" || f.outcome === "failed",
  );
  const outcomes = (group) =>
    findings.filter((f) => groupOf(f.step) === group).map((f) => f.outcome);
  const groups = Object.fromEntries(GROUPS.map((group) => [group, worst(outcomes(group))]));
  const items = report.items.filter((item) => !gone.has(item.place));
  return { ...report, findings, groups, items };
}

function meaningOf(report, rest) {
  const undecided = report.outcome === "undecided";
  if (undecided && rest !== report && holds(rest, "integrity")) {
    return tables.first_page.FOR_THE_REST;
  }
  return tables.meanings[report.outcome];
}

/** Which, by whose word, and what of it was fixed in time: no revocation makes it vanish. */
function* countsForNothing(report) {
  const told = report.findings.map((f) => [f.about, disowned(f)]).filter(([, match]) => match);
  if (!told.length) return;
  const gone = countingForNothing(report);
  const all = [...new Set(told.map(([about]) => about))];
  const places = all.filter((about) => gone.has(about));
  const lines = all.length - places.length;
  const [en, zh] = [[], []];
  if (places.length) {
    const more = places.length - ENTRIES;
    const before = fixedBefore(report, gone);
    const named = places.slice(0, ENTRIES).join(", ");
    en.push(
      `Counts for nothing: ${counted(places.length, "statement")}, ${named}` +
        (more > 0 ? ` and ${more} more` : "") +
        (before ? `; fixed before the decision: ${before}` : ""),
    );
    zh.push(
      `不予计入：${places.length} 份陈述，条目 ${named}` +
        (more > 0 ? ` 等，另有 ${more} 份` : "") +
        (before ? `；其中决定之前已固定的：${before} 份` : ""),
    );
  }
  if (lines) {
    const own = counted(lines, "line");
    en.push(`Undecided: ${own} of the ledger's own`);
    zh.push(`不能判定：账本自述 ${lines} 条，无任何内容以此为据`);
  }
  // The key of what counts for nothing before that of the ledger.
  const first = told.filter(([about]) => gone.has(about));
  const others = told.filter(([about]) => !gone.has(about));
  const why = toldStolen([...first, ...others].map(([, match]) => match));
  yield both(`${[...en, why.en].join(". ")}.`, `${[...zh, why.zh].join("。")}。`);
}

function toldStolen(told) {
  const keys = new Set(told.map((match) => JSON.stringify(match.slice(2))));
  const [, , keyid, entry, seen, since] = told[0];
  const key = clipped(keyid, NAMES);
  const more = keys.size - 1;
  return both(
    whenIn(
      `Entry ${entry}, ${seen}, says that ${key} was compromised since ${since}` +
        (more ? `; so of ${counted(more, "more key")}` : ""),
    ).en,
    whenIn(
      `条目 ${entry}（${seenWords(seen).zh}）称密钥 ${key} 自 ${since}起已被冒用` +
        (more ? `；另有 ${more} 个密钥如此` : ""),
    ).zh,
  );
}

function fixedBefore({ findings }, places) {
  const fenced = findings.filter((f) => f.step === "fence" && places.has(f.about));
  return new Set(fenced.filter((f) => NOT_BOTH.test(f.detail)).map((f) => f.about)).size;
}

const same = (text) => (text ? both(text, text) : tables.first_page.UNREAD);

/** The hashes of those under which the checkpoints shown were judged, each once. */
export const policies = ({ checkpoints }) => [...new Set(checkpoints.map((c) => c.policy))];

/** What each printed page bears, so that no page can be put into another report. */
export function everyPage(report, reference) {
  const { POLICY, REFERENCE, TRUST } = tables.first_page;
  const found = policies(report);
  const shown = found.slice(0, POLICIES);
  if (found.length > POLICIES) shown[POLICIES - 1] += ` + ${found.length - POLICIES}`;
  return [[REFERENCE, reference], [TRUST, report.trust], ...shown.map((text) => [POLICY, text])];
}

function policyRows(report) {
  const { NO_POLICY, POLICY } = tables.first_page;
  const found = policies(report);
  const rows = found.slice(0, POLICIES).map((policy) => same(printable(policy)));
  const more = found.length - POLICIES;
  if (more > 0) {
    rows.push(both(`and ${more} more, each with its log below`, `另有 ${more} 个，见下文各日志`));
  }
  return (rows.length ? rows : [NO_POLICY]).map((row) => [POLICY, row]);
}

// --- proved and not proved

/** Each rests on statements that are what they were: so nothing without integrity. */
function* provedBy(report) {
  if (!holds(report, "integrity")) return;
  yield unaltered(report);
  if (holds(report, "complete")) yield nothingLeftOut(report);
  const before = entries(report, BEFORE);
  const byNature = entries(report, BY_NATURE);
  if (holds(report, "order") && before) {
    let en = `Fixed before the date on the decision: the files of ${entryCount(before)}`;
    let zh = `日志中 ${before} 个条目所涉文件，在决定书所载日期之前已经固定`;
    if (byNature) {
      en += `. After it, and by their own label not in support of it: ${byNature}`;
      zh += `；另有 ${byNature} 个晚于决定，按其自称的阶段并非该决定的依据`;
    }
    yield both(`${en}.`, `${zh}。`);
  }
}

function unaltered(report) {
  const whole = present(report);
  const shown = parts(report).length ? new Set(inPart(report).map((i) => i.part)).size : 0;
  const issued = count(report, "certificate", ISSUED);
  let en = "The records shown are those fixed in the log";
  let zh = "所示记录与日志中固定的一致";
  if (whole && shown) {
    en = `${files(whole)} and the parts shown of ${shown} more are, bit for bit, as fixed`;
    zh = `${whole} 个文件及另外 ${shown} 个文件的所示部分与固定时逐比特相同`;
  } else if (whole) {
    en = `${files(whole)} shown here: bit for bit what was fixed in the log`;
    zh = `所示 ${whole} 个文件与日志中固定的逐比特相同`;
  } else if (shown) {
    en = "What is shown of the recording is, bit for bit, a part of what was fixed";
    zh = "所示部分与所固定录像的相应部分逐比特相同";
  }
  if (issued) {
    en += `; notarial certificates that were logged as issued: ${issued}`;
    zh += `；已登记出具的公证书：${issued} 份`;
  }
  return both(`${en}.`, `${zh}。`);
}

function nothingLeftOut(report) {
  const { mirrors, time } = recount(report);
  if (mirrors) {
    return both(
      `On the word of ${clipped(mirrors, NAME)}: the log holds no more of this case.`,
      `据 ${clipped(mirrors, NAME)} 的声明：日志中没有本案的其他内容。`,
    );
  }
  return both(
    `The log held no more of this case up to ${time.en}.`,
    `截至 ${time.zh}，日志中没有本案的其他内容。`,
  );
}

function* notProvedBy(report) {
  const failed = report.findings.filter((f) => f.outcome === "failed");
  if (failed.length) {
    const first = inASentence(failed[0]);
    const more = failed.length - 1;
    yield both(
      `FAILED: ${first.en}` + (more ? `; and ${more} more.` : "."),
      `不通过：${first.zh}` + (more ? `；另有 ${more} 项。` : "。"),
    );
  }
  const opened = GROUPS.filter((g) => report.groups[g] === "undecided").map((g) => tables.open[g]);
  const revoked = count(report, "certificate", REVOKED);
  if (revoked) {
    opened.push(
      both(
        `what ${revoked} revoked notarial certificates said`,
        `${revoked} 份已撤销的公证书所载事项`,
      ),
    );
  }
  if (opened.length) {
    yield both(
      `Left open: ${opened.map((o) => o.en).join("; ")}.`,
      `未能判定：${opened.map((o) => o.zh).join("；")}。`,
    );
  }
  yield tables.first_page.TRUTH;
}

// --- the questions

function wasItCut(report) {
  const bad = report.findings.find((f) => f.outcome === "failed" && OF_FILES.includes(f.step));
  if (bad) {
    const about = aboutOf(bad);
    return both(
      `Do not rely on it: of ${about.en} it is not shown that it is what was fixed.`,
      `不应采信：${about.zh}不能证明是所固定的内容。`,
    );
  }
  if (!holds(report, "integrity")) return cannotBeSaid(report);
  const whole = present(report);
  const shown = parts(report);
  if (shown.length) {
    const [part] = shown;
    const more = shown.length - 1;
    return both(
      `Yes, a part is shown: ${part.en}` + (more ? `; and ${counted(more, "part")} more.` : "."),
      `只出示一部分：${part.zh}` + (more ? `；另有 ${more} 个部分。` : "。"),
    );
  }
  if (!whole) {
    return both("No file is shown here, so nothing can be said.", "此处未出示任何文件，无从判断。");
  }
  return both(
    `Not since it was fixed (${files(whole)} shown). Whether before is not shown.`,
    `固定之后没有（共出示 ${whole} 个文件）；固定之前是否剪过，未予证明。`,
  );
}

function isAnythingMissing(report) {
  const found = report.findings.filter((f) => f.step === "complete");
  const outcome = worst(found.map((f) => f.outcome));
  const failed = found.filter((f) => f.outcome === "failed");
  const more = failed.filter((f) => MORE.test(f.detail)).length;
  if (more) {
    return both(
      `Yes: the log holds more of this case that is not shown (at least ${more}).`,
      `有：日志中另有本案内容未出示（至少 ${more} 项）。`,
    );
  }
  if (failed.length) {
    return both(
      "Cannot be said: packet and log contradict each other.",
      "无法判断：证据包与日志相互矛盾。",
    );
  }
  if (!holds(report, "integrity")) return cannotBeSaid(report);
  // One that stands in several series is one record.
  // Of a file the name may say the same.
  const withheld = (f) => (f.about.includes("/") ? WITHHELD.exec(f.detail)?.[1] : undefined);
  const records = new Set(found.map(withheld).filter(Boolean)).size;
  const absent = found.filter((f) => ABSENT.test(f.detail) && !withheld(f)).length;
  const noLog = found.some((f) => NO_LOG.test(f.detail));
  if (records || absent) {
    const given = found.filter((f) => REASON.test(f.detail));
    const reasons = new Set(given.map((f) => withheld(f) ?? JSON.stringify(f))).size;
    const en = [counted(records, "record"), counted(absent, "file")].filter(Boolean).join(" and ");
    const zh = [records && `${records} 份记录`, absent && `${absent} 个文件`]
      .filter(Boolean)
      .join("、");
    return both(
      `Yes, logged but not shown whole here: ${en}` +
        (reasons ? ` (the packet gives a reason for ${reasons}).` : ".") +
        (noLog ? " More was not looked for." : ""),
      `有。已入日志而未完整附于此：${zh}` +
        (reasons ? `（其中 ${reasons} 个由证据包制作者说明了理由）。` : "。") +
        (noLog ? "此外未作核对。" : ""),
    );
  }
  const { mirrors, time } = recount(report);
  // Who read a case is a series of its own, and a packet may leave it out whole.
  const read = report.custody.some((row) => !row.undecided);
  const unread = read ? both("", "") : both("; its readers not shown", "；查阅记录未出示");
  if (outcome === "passed" && mirrors) {
    return both(
      `Nothing that was logged up to ${time.en}, on the word of ` +
        `${clipped(mirrors, NAME)}${unread.en}. What was never logged cannot be seen.`,
      `据 ${clipped(mirrors, NAME)} 的声明，截至 ${time.zh}已入日志的没有缺少` +
        `${unread.zh}。从未入日志的无从得知。`,
    );
  }
  if (outcome === "passed") {
    return both(
      `Nothing that was logged up to ${time.en}${unread.en}. What was never logged ` +
        "cannot be seen.",
      `截至 ${time.zh}已入日志的没有缺少${unread.zh}。从未入日志的无从得知。`,
    );
  }
  if (noLog) {
    return both(
      "Not checked: no copy of the public log was given.",
      "未核对：没有提供公开日志的副本。",
    );
  }
  return both("Not decided: see the step on completeness below.", "不能判定：见下文“完整性”一项。");
}

function whenWasItFixed(report) {
  if (report.groups.integrity === "failed" || report.groups.time === "failed") {
    return cannotBeSaid(report);
  }
  const times = [...new Set(report.items.map((i) => i.not_after).filter(Boolean))].sort();
  if (!times.length) {
    return both(
      "Not shown: no time of anybody but the operator counts here.",
      "未予证明：除运营者之外，没有可计入的时间。",
    );
  }
  const first = whenIn(times[0]);
  const last = whenIn(times.at(-1));
  const some = report.items.filter((item) => !item.not_after).length;
  let en = `By ${last.en}` + (times.length > 1 ? `, the first by ${first.en}` : "");
  let zh = `不晚于 ${last.zh}` + (times.length > 1 ? `，最早的不晚于 ${first.zh}` : "");
  if (some) {
    en += `; of ${files(some)} not shown`;
    zh += `；另有 ${some} 个文件未予证明`;
  }
  if (report.groups.time === "undecided") {
    en += "; with doubts, see Time below";
    zh += "；尚有疑问，见下文“时间”";
  }
  return both(`${en}.`, `${zh}。`);
}

function whoCouldHaveChangedIt(report) {
  if (report.groups.integrity === "failed") return cannotBeSaid(report);
  if (!quorum(report)) {
    return both(
      "The operator of the log, alone: those who should confirm it did not, or not enough.",
      "日志运营者一方即可：应予确认的各方没有确认，或者确认不足。",
    );
  }
  if (!holds(report, "integrity")) return cannotBeSaid(report);
  const least = overlap(report);
  const names = clipped(cosigners(report), NAMES);
  return both(
    `Before: whoever held it. Since: the operator only with ${least} or more of those who ` +
      `confirmed (${names}).`,
    `固定之前：持有者。固定之后：运营者须与至少 ${least} 个确认方串通（${names}）。`,
  );
}

function whomToTrust(report) {
  if (report.groups.integrity === "failed") {
    return both(
      "A failed check is mended by nobody's word.",
      "核验不通过，任何人的担保都不能弥补。",
    );
  }
  const withdrawn = count(report, "signature", WITHDRAWN);
  const { mirrors } = recount(report);
  let en = "The operator of the log";
  let zh = "日志运营者";
  if (quorum(report)) {
    const names = clipped(cosigners(report), NAMES);
    const most = overlap(report) - 1;
    const few = most ? `at most ${most}` : "none";
    en = `That ${few} of those who confirmed (${names}) colluded with the operator`;
    zh = `确认方（${names}）${most ? `至多 ${most} 个与运营者串通` : "均未与运营者串通"}`;
  }
  en += "; the registrar of keys";
  zh += "；密钥登记人";
  if (mirrors) {
    en += `; ${clipped(mirrors, NAME)}`;
    zh += `；${clipped(mirrors, NAME)}`;
  }
  en += "; for what was before, the recorder";
  zh += "；固定之前，则为录制者";
  if (withdrawn) {
    en += `. Keys withdrawn: ${withdrawn}`;
    zh += `。已撤销的密钥：${withdrawn} 个`;
  }
  return both(`${en}.`, `${zh}。`);
}

// --- what the findings say

export const GROUPS = ["integrity", "complete", "order", "time", "form"];

const titleOf = (step) => tables.steps.find((s) => s.name === step).title;
const groupOf = (step) => tables.steps.find((s) => s.name === step).group;
const holds = (report, group) => report.groups[group] === "passed";

/** Failed before undecided before passed; nothing at all is undecided. */
export function worst(outcomes) {
  if (outcomes.includes("failed")) return "failed";
  return outcomes.length && !outcomes.includes("undecided") ? "passed" : "undecided";
}

/** Which check stands in the way: the first that failed, else that is undecided. */
function cannotBeSaid(report) {
  for (const [outcome, en, zh] of [
    ["failed", "failed", "不通过"],
    ["undecided", "is undecided", "不能判定"],
  ]) {
    for (const finding of report.findings) {
      const deciding = ["integrity", "time"].includes(groupOf(finding.step));
      if (finding.outcome === outcome && deciding) {
        const title = titleOf(finding.step);
        return both(
          `Cannot be said: the check “${title.en}” ${en}.`,
          `无法判断：“${title.zh}”一项${zh}。`,
        );
      }
    }
  }
  return both("Cannot be said: nothing was checked.", "无法判断：未作任何核验。");
}

const count = (report, step, detail) =>
  report.findings.filter((f) => f.step === step && detail.test(f.detail)).length;

/** How many entries the step on the decision says this of; of several decisions, of any. */
function entries(report, detail) {
  const fenced = report.findings.filter((f) => f.step === "fence" && f.outcome === "passed");
  return new Set(fenced.filter((f) => detail.test(f.detail)).map((f) => f.about)).size;
}

const present = (report) => new Set(report.items.map((i) => i.path).filter(Boolean)).size;

/** Of a file that is here whole a clip leaves nothing out. */
const inPart = (report) => report.items.filter((i) => i.part && !i.path);

/** Of each clip that held, what of the original it is, where that is not here whole. */
function parts(report) {
  const names = [...new Set(inPart(report).map((i) => i.name))];
  names.sort((a, b) => [...b].length - [...a].length);
  const clips = report.findings.filter((f) => f.step === "clip" && f.outcome === "passed");
  return clips.map((f) => partOf(f.detail, names)).filter(Boolean);
}

/** The names are known, since one could say what comes after it. */
function partOf(detail, names) {
  const [before, share] = SHARE.exec(detail) ?? [];
  if (share === undefined) return null;
  const rest = detail.slice(before.length);
  const found = names.find((name) => rest.startsWith(`${name}: `));
  const said = found === undefined ? null : CLIP.exec(rest.slice(found.length));
  if (said === null) return null;
  const [, ...times] = said;
  const name = clipped(found, NAME);
  if (times[0] === undefined) return both(`${share} % of ${name}`, `${name} 的 ${share} %`);
  const [start, end, whole] = times.map((time) => clipped(time.split(".")[0], CLOCK));
  return both(
    `${start} to ${end} of ${whole} of ${name}, says who cut it; ${share} % of its bytes ` +
      "are here, as fixed",
    `${name} 的 ${start} 至 ${end}（全长 ${whole}，据截取者所述）；附有其字节的 ${share} %，` +
      "与固定时相同",
  );
}

/** On whose word completeness rests, if on anybody's, and up to when at least. */
function recount(report) {
  const mirrors = new Set();
  const times = [];
  for (const finding of report.findings) {
    if (finding.step !== "complete" || finding.outcome !== "passed") continue;
    const recounted = RECOUNTED.exec(finding.detail);
    const vouched = recounted ? null : VOUCHED.exec(finding.detail);
    if (recounted) times.push(recounted[1]);
    if (vouched) {
      vouched[1].split(", ").forEach((name) => mirrors.add(name));
      times.push(vouched[2]);
    }
  }
  return { mirrors: [...mirrors].sort().join(", "), time: whenIn(times.sort()[0] ?? "") };
}

const quorum = ({ checkpoints }) =>
  checkpoints.length > 0 && checkpoints.every((c) => c.quorum_time && Number(c.overlap) >= 1);

const overlap = ({ checkpoints }) => Math.min(...checkpoints.map((c) => Number(c.overlap)));

function cosigners({ checkpoints }) {
  const found = checkpoints.flatMap((c) => c.cosigners.split(", "));
  return [...new Set(found)].sort().join(", ");
}

function aboutOf(finding) {
  if (finding.about === "packet") return both("the packet", "证据包");
  const name = clipped(finding.about, NAME);
  return both(name, ` ${name} `);
}

function inASentence(finding) {
  const title = titleOf(finding.step);
  const about = aboutOf(finding);
  const detail = detailIn(finding.step, finding.detail);
  return both(
    clipped(`${title.en}, ${about.en}: ${detail.en}`, SENTENCE),
    clipped(`${title.zh}，${about.zh.trim()}：${detail.zh}`, SENTENCE),
  );
}

const clipped = (text, limit) => clipColumns(printable(text), limit);
const entryCount = (number) => (number === 1 ? "1 entry" : `${number} entries`);
const files = (number) => counted(number, "file") || "0 files";
const counted = (number, what) => (number ? `${number} ${what}${number > 1 ? "s" : ""}` : "");
