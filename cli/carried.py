"""What a packet carries beside the evidence, for a person: until when it was due, what its maker
withholds, who read the case, the register relied on, how the ledger stood.

Each list begins with whose word it is. Whatever comes from a packet goes through `printable`.
"""

from collections.abc import Iterator, Mapping, Sequence

from cli.language import pick, say
from cli.wording import REASONS, ROLES, when
from ledger.encoding import printable
from ledger.evidence.due import DAYS
from ledger.evidence.withheld import STATEMENT
from ledger.report import Bilingual, Facts, milliseconds_text

MAX_ROWS = 20

PROCEDURES: dict[str, Bilingual] = {
    "court": {
        "en": "to the court within 15 days (Administrative Litigation Law art. 67)",
        "zh": "行政诉讼：收到起诉状副本之日起 15 日内（行政诉讼法第 67 条）",
    },
    "review": {
        "en": "to the reconsideration body within 10 working days (Administrative "
        "Reconsideration Law arts. 48 and 88)",
        "zh": "行政复议：10 个工作日内（行政复议法第 48、88 条）",
    },
    "review_summary": {
        "en": "to the reconsideration body, summary procedure, within 5 working days "
        "(Administrative Reconsideration Law arts. 54 and 88)",
        "zh": "行政复议简易程序：5 个工作日内（行政复议法第 54、88 条）",
    },
}
assert PROCEDURES.keys() == {str(procedure) for procedure in DAYS}

COUNTED: dict[str, Bilingual] = {
    "weekends": {
        "en": "only weekends were counted as days off; public holidays were not",
        "zh": "只计周末，未计法定节假日和调休",
    },
    "holidays": {
        "en": "counted with a list of public holidays, which is not in the packet",
        "zh": "已按法定节假日和调休日历计算，该日历不在证据包内",
    },
}

ACTIONS: dict[str, Bilingual] = {
    "read": {"en": "read", "zh": "查阅"},
    "exported": {"en": "exported", "zh": "导出"},
    "refused": {"en": "was refused", "zh": "被拒绝"},
}

REGISTERED: dict[str, Bilingual] = {
    "agency": {"en": "agency", "zh": "机关"},
    "key": {"en": "key of", "zh": "密钥"},
    "opening": {"en": "opening of the log", "zh": "日志开篇"},
    "series": {"en": "end of series keys", "zh": "序列密钥终止"},
    # What the acts of a procedure rest on.
    "officer": {"en": "officer", "zh": "执法人员"},
    "auxiliary": {"en": "auxiliary", "zh": "辅助人员"},
    "device": {"en": "device", "zh": "设备"},
    "delegation": {"en": "delegation", "zh": "赋权、委托"},
    "legal_reviewer": {"en": "legal reviewer", "zh": "法制审核人员"},
    "counsel": {"en": "counsel", "zh": "法律顾问"},
    "service_contract": {"en": "service contract", "zh": "政府购买服务协议"},
    "powers": {"en": "list of powers", "zh": "行政权力事项清单"},
    "delegated_powers": {"en": "list of delegated powers", "zh": "赋权事项清单"},
    "major_decisions": {"en": "list of major decisions", "zh": "重大行政执法决定目录清单"},
    "benchmarks": {"en": "discretion benchmarks", "zh": "裁量权基准"},
    "lenient": {"en": "no- and light-penalty list", "zh": "免罚轻罚清单"},
    "auxiliary_forbidden": {"en": "acts barred to auxiliaries", "zh": "辅助执法行为负面清单"},
    "guidance": {"en": "guidance list", "zh": "行政合规指导清单"},
    "holiday_calendar": {"en": "days off and working weekends", "zh": "放假调休安排"},
    "retention": {"en": "retention list", "zh": "保管期限表"},
    "rule_pack": {"en": "rule pack", "zh": "规则包"},
}


NOTED: dict[str, Bilingual] = {
    "software": {"en": "software", "zh": "软件"},
    "clock": {"en": "clock", "zh": "时钟"},
    "takes evidence": {"en": "takes evidence", "zh": "接收证据"},
    "approvals for abroad": {"en": "approvals for abroad", "zh": "对外提供的批准"},
}
WELL: dict[str, Bilingual] = {
    "no warning": {"en": "no warning", "zh": "无告警"},
    "yes": {"en": "yes", "zh": "是"},
    "not asked for": {"en": "not asked for", "zh": "不要求"},
}

COUNTS: dict[str, Bilingual] = {
    "entries": {"en": "entries in the log", "zh": "日志条目数"},
    "cosigners": {"en": "cosigners of its policy", "zh": "策略所列联合签名人"},
    "cosigners_answered": {
        "en": "of these, whose signature the newest cosigned checkpoint bears",
        "zh": "其中已签最新检查点者",
    },
    "quorum_at": {"en": "a quorum had last seen the log", "zh": "最近一次达到法定人数"},
    "scrubbed_at": {"en": "all items were last read again", "zh": "最近一次全部复读"},
    "scrubbed_items": {"en": "items in that reading", "zh": "该次复读件数"},
    "items_lost": {"en": "items with good bytes nowhere", "zh": "已无完好副本的件数"},
    "copies_damaged": {"en": "copies found damaged and not mended", "zh": "损坏未修复的副本"},
    "store_oddities": {
        "en": "things in the stores that the ledger did not put there",
        "zh": "存储中并非账本放入的内容",
    },
    "backed_up_at": {"en": "last backup", "zh": "最近一次备份"},
    "backed_up_entries": {"en": "entries in that backup", "zh": "该次备份的条目数"},
}


def carried_lines(facts: Facts) -> Iterator[str]:
    yield from due_lines(facts.due)
    yield from _withheld(facts.withheld)
    if not facts.checkpoints:
        return  # nothing here could be read
    yield from _custody(facts.custody)
    yield from _registers(facts.registers)
    yield from _state(facts.state)


def due_lines(due: Mapping[str, str]) -> Iterator[str]:
    if not due:
        return
    yield ""
    yield say(
        en="When evidence is due (the word of who made the packet)",
        zh="举证期限（证据包制作者自述）",
    )
    yield "  - " + due_text(due)


def due_text(due: Mapping[str, str]) -> str:
    procedure, counted = pick(PROCEDURES[due["for"]]), pick(COUNTED[due["counted"]])
    received, until = due["received"], due["until"]
    return say(
        en=f"{procedure}: received on {received}, due by the end of {until}; {counted}",
        zh=f"{procedure}；{received} 收到，截至 {until}（含当日）；{counted}",
    )


def _withheld(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield say(
        en=f"Named as withheld by who made the packet: {len(rows)} (no reason excuses anything by "
        "itself; * from memory)",
        zh=f"证据包制作者列明未出示：{len(rows)} 项（理由本身不构成免除举证；* 凭记忆）",
    )
    for row in rows[:MAX_ROWS]:
        place, what = printable(row["place"]), printable(row["what"])
        thing = say(en="its statement", zh="陈述")
        if what != STATEMENT:
            thing = say(en=f"its file with SHA-256 {what}", zh=f"SHA-256 为 {what} 的文件")
        yield say(
            en=f"  - entry {place}, {thing}: {pick(REASONS[row['reason']])}",
            zh=f"  - 条目 {place}，{thing}：{pick(REASONS[row['reason']])}",
        )
    yield from _rest(len(rows) - MAX_ROWS)


def _custody(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    yield ""
    if not rows:
        yield say(
            en="Who read, exported or was refused this case: no event is in the packet, which is "
            "no proof that there was none",
            zh="查阅、导出、被拒绝：证据包中没有此类记录，但不能证明没有发生",
        )
        return
    yield say(
        en=f"Who read, exported or was refused this case: {len(rows)} (the ledger's word; this "
        "packet's own export comes after it)",
        zh=f"查阅、导出、被拒绝：共 {len(rows)} 次（账本所述；导出本证据包的记录在其之后）",
    )
    # The last ones: a case may have been read for years.
    yield from _rest(len(rows) - MAX_ROWS)
    for row in rows[-MAX_ROWS:]:
        action = pick(ACTIONS[row["action"]]) if row["action"] in ACTIONS else row["action"]
        note = f" ({printable(row['note'])})" if row["note"] else ""
        role, _, name = row["by"].partition(" ")
        by = f"{pick(ROLES[role])} {printable(name)}" if role in ROLES else printable(row["by"])
        place, at = printable(row["place"]), when(row["claimed"])
        yield say(
            en=f"  - {at}: {by} {action}{note}, entry {place}{_seen(row)}",
            zh=f"  - {at}：{by} {action}{note}，条目 {place}{_seen(row)}",
        )


def _registers(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield say(
        en=f"Registrations that signatures and acts here rest on: {len(rows)}",
        zh=f"签名和行为所依据的登记：共 {len(rows)} 份",
    )
    for row in rows[:MAX_ROWS]:
        role = f" ({pick(ROLES[row['role']])})" if row["role"] in ROLES else ""
        ended = say(en="; ended here", zh="；于此终止") if row["ended"] else ""
        what, name = pick(REGISTERED[row["what"]]), printable(row["name"])
        version, of, place = row["version"], row["of"], printable(row["place"])
        yield say(
            en=f"  - {what} {name}{role}: version {version} of {of}, entry {place}{ended}",
            zh=f"  - {what} {name}{role}：第 {version} 版（共 {of} 版），条目 {place}{ended}",
        )
    yield from _rest(len(rows) - MAX_ROWS)


def _state(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    yield ""
    if not rows:
        yield say(
            en="How the ledger stood: no statement of it is in the packet",
            zh="账本运行状态：证据包中没有此类陈述",
        )
        return
    for row in rows:
        at, place = when(row["claimed"]), printable(row["place"]) + _seen(row)
        yield say(
            en=f"How the ledger stood on {at}, by its own word (entry {place}); that it said "
            "nothing else since is not shown",
            zh=f"账本自述 {at}的运行状态（条目 {place}）；其后有无其他陈述，未予证明",
        )
        yield from (f"  - {_noted(line)}" for line in row["note"].split("; ") if line)
        yield from (f"  - {_count(count)}" for count in row["counts"].split(", ") if count)


def _seen(row: Mapping[str, str]) -> str:
    """What somebody else saw of a moment that the ledger alone claims."""
    undecided = ""
    if row.get("undecided"):
        undecided = say(
            en="; undecided, since the ledger's key was compromised by then",
            zh="；不能判定：账本的密钥当时已被冒用",
        )
    if row["fixed_by"]:
        at = when(row["fixed_by"])
        seen = say(en=f", seen by a quorum by {at}", zh=f"，法定人数的联合签名人至迟见于 {at}")
        return seen + undecided
    unseen = say(
        en=", which no quorum that counts has seen", zh="，未经算数的法定人数的联合签名人所见"
    )
    return unseen + undecided


def _noted(line: str) -> str:
    """The ledger's own words; where they say that all is well, in the reader's."""
    name, colon, text = line.partition(": ")
    if not colon or name not in NOTED:
        return printable(line)
    well = pick(WELL[text]) if text in WELL else printable(text)
    return pick(NOTED[name]) + say(en=": ", zh="：") + well


def _count(text: str) -> str:
    name, _, number = text.partition(" ")
    shown = when(milliseconds_text(1000 * int(number))) if name.endswith("_at") else number
    words = pick(COUNTS[name]) if name in COUNTS else printable(name)
    return words + say(en=": ", zh="：") + shown


def _rest(count: int) -> Iterator[str]:
    if count > 0:
        yield say(
            en=f"    … and {count:,} more; --json shows all",
            zh=f"    …… 另有 {count:,} 项；--json 可列出全部",
        )
