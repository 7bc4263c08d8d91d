// The findings in the words of a report. Patterns and sentences come from the tables; where one is
// computed there, its counterpart is here, under the same pattern.

import { printable } from "../encoding.js";
import { REASONS } from "../evidence/withheld.js";
import { both, pick } from "./language.js";
import { tables } from "./tables.js";

const ISO = /\b(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})\+08:00/gu;

/** A detail for a person, or the refusal of its step with the English behind it. */
export const detailWords = (step, detail) => pick(detailIn(step, detail));

/** The same in both languages. */
export function detailIn(step, detail) {
  if (!detail) return both("", "");
  const en = match(tables.english, IN_ENGLISH, detail) || detail;
  const zh =
    inChinese(detail) ||
    match(tables.refused, new Map(), detail) ||
    `${tables.refusals[step]}（${detail}）`;
  return both(whenIn(en).en, whenIn(zh).zh);
}

/** Null where it is an error's own words. */
const inChinese = (detail) => match(tables.chinese, IN_CHINESE, detail);

/** Printable, with times as a person reads them; all of ours are in UTC+8. */
export const when = (text) => pick(whenIn(text));

export function whenIn(text) {
  const shown = printable(text);
  return {
    en: shown.replace(ISO, "$1 $2 UTC+8"),
    zh: shown.replace(ISO, "$1 $2（北京时间）"),
  };
}

/** The patterns whose words are computed, for the test that compares both lists. */
export const computed = () => ({
  chinese: [...IN_CHINESE.keys()],
  english: [...IN_ENGLISH.keys()],
});

/** As `re.fullmatch` with `re.DOTALL`. */
export const whole = (pattern) => new RegExp(`^(?:${pattern})$`, "su");

const compiled = new Map();

function match(table, functions, detail) {
  for (const [pattern, words] of table) {
    if (!compiled.has(pattern)) compiled.set(pattern, whole(pattern));
    const found = compiled.get(pattern).exec(detail);
    if (found === null) continue;
    if (words !== null)
      return words.replace(/\\(\d)/gu, (_, number) => found[Number(number)] ?? "");
    return functions.get(named(pattern))(found);
  }
  return null;
}

/** As the pattern stands below, where the reasons are not listed again. */
const named = (pattern) => pattern.replace(REASONS.join("|"), "REASON");

const ended = (what) => `${what.replace("the authority ", "授时机构 ").trim()} `;

const DISOWNED = {
  "counts for nothing": "不予计入",
  "undecided, and nothing rests on it": "不能判定，亦无任何内容以此为据",
};

/** Of a statement, as its finding says it: `seen at …` or `seen by no quorum`. */
export function seenWords(seen) {
  const at = seen.replace(/^seen at /u, "");
  return both(seen, at === seen ? "未经法定人数见到" : `由法定人数于 ${at}见到`);
}

const renewed = (what) =>
  what === "the token" ? "时间戳" : `${what.replace("the renewal ", "第 ")} 号续展`;

function duration(seconds) {
  if (seconds < 7200) return amount(seconds / 60, "min", "分钟");
  if (seconds < 172_800) return amount(seconds / 3600, "h", "小时");
  return amount(seconds / 86_400, "days", "天");
}

const amount = (number, en, zh) =>
  both(`${Math.floor(number)} ${en}`, `${Math.floor(number)} ${zh}`);

/** Their names are anybody's, and stay as they are. */
const recordings = (listed) =>
  listed
    .replace(/ \(not in the packet\)(?=, |; |$)/gu, "（不在证据包内）")
    .replace(/, and (\d+) more(?=; |$)/gu, "，另有 $1 个")
    .replaceAll("; of its other moments: ", "；该录像其他时刻另有：");

const stretches = (listed) =>
  listed
    .replace(/, and (\d+) more$/u, "，另有 $1 处")
    .replaceAll(" to ", " 至 ")
    .replaceAll(", ", "、")
    .replaceAll("a gap", "无");

const IN_CHINESE = new Map([
  [
    "(\\S+) % of (.*?): (\\d+) runs of its chunks\\. By the word of who cut it (\\S+) to (\\S+) of (\\S+); " +
      "(\\S+) before it and (\\S+) after it are not shown(; its sound is left out|; the file to play has no (?:sound|pictures))?" +
      "(; \\d+ clips here [^;]*)?\\. ((?:When it|No other|Other) .*)",
    (m) =>
      `${m[2]} 的 ${m[1]} %，共 ${m[3]} 段连续分块。据截取者所述为 ${m[6]} 中的 ${m[4]} 至 ` +
      `${m[5]}；之前的 ${m[7]} 与之后的 ${m[8]} 未展示${inChinese(m[9] ?? "") ?? ""}` +
      `${inChinese(m[10] ?? "") ?? m[10] ?? ""}。${inChinese(m[11]) ?? m[11]}`,
  ],
  [
    "; (\\d+) clips here are of it, without (.*)",
    (m) => `；此处共有其 ${m[1]} 个片段，未含：${stretches(m[2])}`,
  ],
  [
    "(.*) is (.*) but for (\\d+) declared spans: (\\d+) of its (\\d+) bytes are taken out, " +
      "(nothing is put in|and in \\d+ places is put in .*?)" +
      "(; it is not shown, and was made again from them: its digests are those fixed)?",
    (m) =>
      `除声明的 ${m[3]} 处外，${m[1]} 与 ${m[2]} 一致：原件 ${m[5]} 字节中删去 ${m[4]} 字节，` +
      `${inChinese(m[6]) ?? m[6]}` +
      (m[7] ? `；${m[1]} 未出示，已据此重新制作，摘要与所固定的相同` : ""),
  ],
  [
    "No other recording of that moment is stated in this packet(; of its other moments: .*)?",
    (m) => `本证据包的陈述中没有同一时刻的其他录像${recordings(m[1] ?? "")}`,
  ],
  [
    "Other recordings of that moment, by their statements: (.*)",
    (m) => `据各自陈述，同一时刻另有录像：${recordings(m[1])}`,
  ],
  [
    "statement (\\d+) of (\\d+), entry (\\S+), is withheld: (REASON)",
    (m) =>
      `第 ${m[1]} 份陈述（共 ${m[2]} 份，条目 ${m[3]}）未出示；` +
      `证据包制作者所述理由：${tables.reasons[m[4]].zh}`,
  ],
  ["(.*) is withheld: (REASON)", (m) => `未附 ${m[1]}；证据包制作者所述理由：${tables.reasons[m[2]].zh}`],
  [
    "(\\d+) (files|entries|statements|items|certificates|clips|derivations)",
    (m) => `${m[1]} ${tables.units[m[2]]}`,
  ],
  ["no (entries|statements) were shown", (m) => `未出示任何${tables.units[m[1]].slice(1)}`],
  [
    "suites: (.*); place and time rest on the log's own SHA-256 and on its cosigners' keys all the same",
    (m) =>
      `算法要求：${m[1].replaceAll("required", "须有").replaceAll("distrusted", "不采信")}；` +
      "位置与时间仍以日志自身的 SHA-256 和联合签名人的密钥为准",
  ],
  [
    "the (\\w+) key (\\S+) does not count since (.*)",
    (m) => `${tables.trusted[m[1]] ?? m[1]}的密钥 ${m[2]} 自 ${m[3]} 起不再算数`,
  ],
  [
    "(counts for nothing|undecided, and nothing rests on it): (seen .*), signed by (\\S+), of which " +
      "entry (\\S+), (seen .*), says that it was compromised since (.*)",
    (m) =>
      `${DISOWNED[m[1]]}：该陈述${seenWords(m[2]).zh}；据条目 ${m[4]}` +
      `（${seenWords(m[5]).zh}），其签名密钥 ${m[3]} 自 ${m[6]}起已被冒用`,
  ],
  ["seen by no quorum|seen at .*", (m) => seenWords(m[0]).zh],
  [
    "(before|after|not_shown) decision (\\S+) dated (\\S+): not both of them count",
    (m) => `${tables.order_words[m[1]]}；决定为条目 ${m[2]}，所载日期 ${m[3]}；但两者并非均予计入`,
  ],
  ["(\\S+) says: (.*)", (m) => `镜像 ${m[1]} 称：${inChinese(m[2]) ?? m[2]}`],
  [
    "not noted: (.*)",
    (m) =>
      `未注明：${m[1]
        .split(", ")
        .map((name) => tables.particulars[name].zh)
        .join("、")}`,
  ],
  [
    "(before|after|not_shown) decision (\\S+) dated (\\S+)",
    (m) => `${tables.order_words[m[1]]}；决定为条目 ${m[2]}，所载日期 ${m[3]}`,
  ],
  [
    "after decision (\\S+) dated (\\S+): by its own label it supports no decision",
    (m) =>
      `${tables.order_words.after}；决定为条目 ${m[1]}，所载日期 ${m[2]}；` +
      "按其自称的阶段，不支持该决定",
  ],
  [
    "late witnessed: (\\d+) s after the ledger says it accepted it",
    (m) => `联合签名偏晚：比账本自称接收的时间晚 ${duration(Number(m[1])).zh}`,
  ],
  [
    "the authority's time is (\\d+) s (after|before) the quorum's: stamped late, or one of their clocks is wrong",
    (m) =>
      `授时机构的时间比法定人数联合签名的时间${m[2] === "after" ? "晚" : "早"} ` +
      `${duration(Number(m[1])).zh}：加盖偏晚，或其中一方时钟有误`,
  ],
  [
    "(.*) ended in (\\d+), and no renewal of (.*) before that is shown",
    (m) => `${ended(m[1])}于 ${m[2]} 年失效，而未出示此前对${renewed(m[3])}的续展`,
  ],
  [
    "(.*) ended in (\\d+), and nothing shows that (\\S+) was hashed again before",
    (m) => `${ended(m[1])}于 ${m[2]} 年失效，而未证明条目 ${m[3]} 此前已重新哈希`,
  ],
  [
    "(\\S+): its (entry|proof|envelope|salt) is not the one that was hashed again",
    (m) => `条目 ${m[1]}：${tables.parts[m[2]]}不是当时重新哈希的那一份`,
  ],
]);

const IN_ENGLISH = new Map([
  [
    "(statement \\d+ of \\d+, entry \\S+,|.*) is withheld: (REASON)",
    (m) => `${m[1]} is not shown; why, says who made the packet: ${tables.reasons[m[2]].en}`,
  ],
  ["1 (?:files|items)", (m) => m[0].slice(0, -1)],
  [
    "(before|after|not_shown) decision (\\S+) dated (\\S+)",
    (m) => `${tables.orders[m[1]].en}, entry ${m[2]}, dated ${m[3]}`,
  ],
  [
    "after decision (\\S+) dated (\\S+): by its own label it supports no decision",
    (m) =>
      `${tables.orders.after.en}, entry ${m[1]}, dated ${m[2]}: ` +
      "by its own label it supports no decision",
  ],
  [
    "late witnessed: (\\d+) s after the ledger says it accepted it",
    (m) => `cosigned late: ${duration(Number(m[1])).en} after the ledger says it accepted it`,
  ],
]);
