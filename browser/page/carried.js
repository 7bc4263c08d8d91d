// What a packet carries beside the evidence, in the words and the order of `cli/carried.py`: until
// when it was due, what its maker withholds, who read the case, the registers, how the ledger stood.
// Each list begins with whose word it is. A test holds every line against that of the terminal.

import { printable } from "../encoding.js";
import { secondsText } from "../report.js";
import { pick, say } from "./language.js";
import { tables } from "./tables.js";
import { when } from "./wording.js";

const MAX_ROWS = 20;

/** Sections in the language asked for: a title, rows of text, and how many rows more there are. */
export function carried(report) {
  const sections = [due(report.due), withheld(report.withheld)];
  if (report.checkpoints.length) {
    sections.push(custody(report.custody), registers(report.registers), ...state(report.state));
  }
  return sections.filter((section) => section !== null);
}

const section = (title, rows = [], rest = 0) => ({ title, rows, rest });

/** The word of a table, or what was said where it has none. */
const worded = (table, name) =>
  Object.hasOwn(table, name) ? pick(table[name]) : printable(name);

/** As `str.partition` with a space. */
function partition(text) {
  const at = text.indexOf(" ");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function due(said) {
  if (!Object.keys(said).length) return null;
  const { counted, for: procedure, received, until } = said;
  const { counted: days, procedures } = tables.carried;
  const title = say(
    "When evidence is due (the word of who made the packet)",
    "举证期限（证据包制作者自述）",
  );
  const row = say(
    `${pick(procedures[procedure])}: received on ${received}, due by the end of ${until}; ` +
      pick(days[counted]),
    `${pick(procedures[procedure])}；${received} 收到，截至 ${until}（含当日）；${pick(days[counted])}`,
  );
  return section(title, [row]);
}

function withheld(rows) {
  if (!rows.length) return null;
  const title = say(
    `Named as withheld by who made the packet: ${rows.length} (no reason excuses anything by ` +
      "itself; * from memory)",
    `证据包制作者列明未出示：${rows.length} 项（理由本身不构成免除举证；* 凭记忆）`,
  );
  const shown = rows.slice(0, MAX_ROWS).map(({ place, reason, what }) => {
    const file = printable(what);
    const thing =
      what === "statement"
        ? say("its statement", "陈述")
        : say(`its file with SHA-256 ${file}`, `SHA-256 为 ${file} 的文件`);
    const why = pick(tables.reasons[reason]);
    const at = printable(place);
    return say(`entry ${at}, ${thing}: ${why}`, `条目 ${at}，${thing}：${why}`);
  });
  return section(title, shown, rows.length - MAX_ROWS);
}

function custody(rows) {
  if (!rows.length) {
    return section(
      say(
        "Who read, exported or was refused this case: no event is in the packet, which is " +
          "no proof that there was none",
        "查阅、导出、被拒绝：证据包中没有此类记录，但不能证明没有发生",
      ),
    );
  }
  const title = say(
    `Who read, exported or was refused this case: ${rows.length} (the ledger's word; this ` +
      "packet's own export comes after it)",
    `查阅、导出、被拒绝：共 ${rows.length} 次（账本所述；导出本证据包的记录在其之后）`,
  );
  // The last ones: a case may have been read for years.
  return section(title, rows.slice(-MAX_ROWS).map(reading), rows.length - MAX_ROWS);
}

function reading(row) {
  const action = worded(tables.carried.actions, row.action);
  const note = row.note ? ` (${printable(row.note)})` : "";
  const [role, name] = partition(row.by);
  const by = Object.hasOwn(tables.roles, role)
    ? `${pick(tables.roles[role])} ${printable(name)}`
    : printable(row.by);
  const [place, at] = [printable(row.place), when(row.claimed)];
  return say(
    `${at}: ${by} ${action}${note}, entry ${place}${seen(row)}`,
    `${at}：${by} ${action}${note}，条目 ${place}${seen(row)}`,
  );
}

function registers(rows) {
  if (!rows.length) return null;
  const title = say(
    `Registrations that signatures and acts here rest on: ${rows.length}`,
    `签名和行为所依据的登记：共 ${rows.length} 份`,
  );
  const shown = rows.slice(0, MAX_ROWS).map((row) => {
    const role = Object.hasOwn(tables.roles, row.role) ? ` (${pick(tables.roles[row.role])})` : "";
    const ended = row.ended ? say("; ended here", "；于此终止") : "";
    const [what, name] = [worded(tables.carried.registered, row.what), printable(row.name)];
    const { of, version } = row;
    const place = printable(row.place);
    return say(
      `${what} ${name}${role}: version ${version} of ${of}, entry ${place}${ended}`,
      `${what} ${name}${role}：第 ${version} 版（共 ${of} 版），条目 ${place}${ended}`,
    );
  });
  return section(title, shown, rows.length - MAX_ROWS);
}

function state(rows) {
  if (!rows.length) {
    const none = say(
      "How the ledger stood: no statement of it is in the packet",
      "账本运行状态：证据包中没有此类陈述",
    );
    return [section(none)];
  }
  return rows.map((row) => {
    const [at, place] = [when(row.claimed), printable(row.place) + seen(row)];
    const title = say(
      `How the ledger stood on ${at}, by its own word (entry ${place}); that it said ` +
        "nothing else since is not shown",
      `账本自述 ${at}的运行状态（条目 ${place}）；其后有无其他陈述，未予证明`,
    );
    const notes = row.note.split("; ").filter(Boolean).map(noted);
    return section(title, [...notes, ...row.counts.split(", ").filter(Boolean).map(counted)]);
  });
}

/** What somebody else saw of a moment that the ledger alone claims. */
function seen(row) {
  const undecided = row.undecided
    ? say(
        "; undecided, since the ledger's key was compromised by then",
        "；不能判定：账本的密钥当时已被冒用",
      )
    : "";
  if (!row.fixed_by) {
    const unseen = ", which no quorum that counts has seen";
    return say(unseen, "，未经算数的法定人数的联合签名人所见") + undecided;
  }
  const at = when(row.fixed_by);
  return (
    say(`, seen by a quorum by ${at}`, `，法定人数的联合签名人至迟见于 ${at}`) + undecided
  );
}

/** The ledger's own words; where they say that all is well, in the reader's. */
function noted(line) {
  const at = line.indexOf(": ");
  const name = line.slice(0, Math.max(0, at));
  if (at < 0 || !Object.hasOwn(tables.carried.noted, name)) return printable(line);
  const well = worded(tables.carried.well, line.slice(at + 2));
  return pick(tables.carried.noted[name]) + say(": ", "：") + well;
}

function counted(text) {
  const [name, number] = partition(text);
  const shown = name.endsWith("_at") ? when(secondsText(exact(number))) : number;
  return worded(tables.carried.counts, name) + say(": ", "：") + shown;
}

const exact = (number) => (number.length > 12 ? BigInt(number) : Number(number));
