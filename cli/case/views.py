"""`tiezheng case register`, `person` and `standing`: views of an agency, for a screen or a file."""

import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from cli import output
from cli.command import F, json_option, option
from cli.command import command as new_command
from cli.files import read_secret
from cli.language import language, pick, say
from cli.registering import agency_option
from cli.remote import Answer, open_client, server_option, token_option
from cli.rules.shipped import shipped
from cli.rules.words import STAGES
from cli.table import Table, show_table, write_table
from ledger.evidence.procedural import Registered
from ledger.process.rulepack import read_pack
from ledger.report import Bilingual

REGISTER = (
    *("case", "agency", "procedure", "opened", "officers", "stage", "decision", "amount"),
    *("decided", "served", "closed", "acts", "first", "last"),
)
DOINGS = ("at", "kind", "what", "about", "stage", "named", "place")
ENTRIES = ("subject", "agency", "from", "to", "facts", "version", "sha256", "place")
REVIEWERS = ("agency", "officers", "reviewers", "wanted", "short", "unexamined")
CONTRACTS = ("agency", "contract", "fault", "power", "scope")

HEADS: Mapping[str, Bilingual] = {
    "about": {"en": "about", "zh": "对象"},
    "acts": {"en": "acts", "zh": "行为数"},
    "agency": {"en": "agency", "zh": "机关"},
    "amount": {"en": "amount", "zh": "金额"},
    "at": {"en": "time", "zh": "时间"},
    "case": {"en": "case", "zh": "案号"},
    "closed": {"en": "closed", "zh": "结案"},
    "contract": {"en": "contract", "zh": "协议"},
    "decided": {"en": "decided", "zh": "决定日期"},
    "decision": {"en": "decision", "zh": "决定"},
    "facts": {"en": "facts", "zh": "登记事实"},
    "fault": {"en": "fault", "zh": "问题"},
    "first": {"en": "first at", "zh": "首条位置"},
    "from": {"en": "from", "zh": "起始日"},
    "kind": {"en": "kind", "zh": "种类"},
    "last": {"en": "last at", "zh": "末条位置"},
    "named": {"en": "found by", "zh": "匹配名称"},
    "officers": {"en": "officers", "zh": "执法人员"},
    "opened": {"en": "opened", "zh": "立案（首次行为）"},
    "place": {"en": "place", "zh": "日志位置"},
    "power": {"en": "power", "zh": "权力事项"},
    "procedure": {"en": "procedure", "zh": "程序"},
    "reviewers": {"en": "reviewers", "zh": "法制审核人员"},
    "scope": {"en": "scope", "zh": "协议事项"},
    "served": {"en": "served", "zh": "送达"},
    "sha256": {"en": "SHA-256", "zh": "SHA-256"},
    "short": {"en": "short", "zh": "不足"},
    "stage": {"en": "stage", "zh": "阶段"},
    "subject": {"en": "subject", "zh": "登记对象"},
    "to": {"en": "to", "zh": "最后有效日"},
    "unexamined": {"en": "without examination", "zh": "未取得法律职业资格"},
    "version": {"en": "version", "zh": "版本"},
    "wanted": {"en": "wanted (5 %)", "zh": "应有（5%）"},
    "what": {"en": "what", "zh": "事项"},
}
_STAGES: Mapping[str, Bilingual] = {
    **{str(stage): words for stage, words in STAGES.items()},
    "closed": {"en": "closed", "zh": "已结案"},
    "": {"en": "", "zh": ""},
}
_KINDS: Mapping[str, Bilingual] = {
    "act": {"en": "act", "zh": "执法行为"},
    "custody": {"en": "access", "zh": "查阅"},
    "evidence": {"en": "evidence", "zh": "证据"},
}
_ACTIONS: Mapping[str, Bilingual] = {
    "exported": {"en": "exported", "zh": "导出"},
    "read": {"en": "read", "zh": "查看"},
    "refused": {"en": "was refused", "zh": "被拒绝"},
}
_FAULTS: Mapping[str, Bilingual] = {
    "power_bought": {"en": "a power is bought as a service", "zh": "购买行政执法权"},
    "scope_unclear": {"en": "the scope is not stated", "zh": "事项表述不清"},
}
_YES_NO: Mapping[str, Bilingual] = {
    "no": {"en": "no", "zh": "否"},
    "yes": {"en": "yes", "zh": "是"},
}


def _options(*own: Callable[[Any], Any]) -> Callable[[F], F]:
    """What each view takes, around its own."""
    options: list[Callable[[Any], Any]] = [
        agency_option(),
        *own,
        option(
            "-o",
            "--output",
            "file",
            metavar="FILE",
            words={
                "en": "write it here; the name ends in .csv, .xlsx or .pdf",
                "zh": "写入此文件，扩展名为 .csv、.xlsx 或 .pdf",
            },
        ),
        server_option(),
        token_option(),
        json_option(),
    ]

    def all_of_them(function: F) -> F:
        for one in reversed(options):
            one(function)
        return function

    return all_of_them


def _below_option() -> Callable[[F], F]:
    return option(
        "--below",
        is_flag=True,
        words={"en": "with the agencies below it", "zh": "包括下级机关"},
    )


def _day_option() -> Callable[[F], F]:
    return option(
        "--day",
        metavar="DAY",
        words={"en": "on this day; by default today", "zh": "该日；缺省为今日"},
    )


@new_command(
    "register",
    words={
        "en": "Print the case register of an agency: a line for each case of a year.\n\n"
        "It is drawn from the log and typed by nobody. Each line names the places of\n"
        "its first and last statement, whose receipts show that they are logged.",
        "zh": "打印机关的执法台账：某年度每案一行。\n\n"
        "台账由日志生成，不经人工填写。每行给出首、末两条陈述在日志中的位置，\n"
        "可凭其回执核对。",
    },
    example="tiezheng case register --agency agency-01 --year 2026 -o 台账.xlsx \\\n"
    "    --server https://ledger.example --token-file token",
)
@_options(
    option("--year", required=True, metavar="YEAR", words={"en": "the year", "zh": "年度"}),
    _below_option(),
)
def register(
    agency: str,
    year: str,
    below: bool,
    file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"year": year, "below": _yes(below)}
    answer = _ask(server, token_file, agency, "cases", asked, {"cases": REGISTER})
    title = say(en=f"Case register {year}", zh=f"{year} 年度执法台账")
    table = _table(title, answer, REGISTER, "cases", lost=answer.get("lost", ""))
    _put(table, answer, file, as_json)


@new_command(
    "person",
    words={
        "en": "Print what a person did and read, act by act and view by view.\n\n"
        "Reads are found by the name of the access token, which the register of\n"
        "officers ties to the certificate: who shares a name shares the lines.",
        "zh": "打印某人的全部执法行为和查阅记录，逐条列出。\n\n"
        "查阅以访问令牌的姓名匹配，由人员登记簿与执法证号对应；同名者会一并列出。",
    },
    example="tiezheng case person --agency agency-01 --no 320501-0417 \\\n"
    "    --from 2026-01-01 --to 2026-01-31 --server https://ledger.example --token-file token",
)
@_options(
    option(
        "--no",
        "number",
        required=True,
        metavar="NO",
        words={"en": "the officer's certificate", "zh": "执法证号"},
    ),
    option(
        "--from",
        "start",
        required=True,
        metavar="DAY",
        words={"en": "the first day, as 2026-01-01", "zh": "起始日，如 2026-01-01"},
    ),
    option(
        "--to", "end", required=True, metavar="DAY", words={"en": "the last day", "zh": "截止日"}
    ),
)
def person(
    agency: str,
    number: str,
    start: str,
    end: str,
    file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    path = f"people/{quote(number, safe='')}"
    answer = _ask(server, token_file, agency, path, {"from": start, "to": end}, {"doings": DOINGS})
    title = say(en=f"{number}, {start} to {end}", zh=f"{number}：{start} 至 {end}")
    _put(_table(title, answer, DOINGS, "doings"), answer, file, as_json)


@new_command(
    "standing",
    words={
        "en": "Print the ratio of legal reviewers, and contracts that buy a power.\n\n"
        "Reviewers should be 5 % of the officers. With -o the ratios are written.",
        "zh": "打印法制审核人员比例，以及涉嫌购买行政执法权的服务协议。\n\n"
        "审核人员原则上不少于执法人员总数的 5%。-o 写出比例表。",
    },
    example="tiezheng case standing --agency city --below --server https://ledger.example \\\n"
    "    --token-file token",
)
@_options(
    _day_option(),
    _below_option(),
)
def standing(
    agency: str,
    day: str | None,
    below: bool,
    file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"below": _yes(below)} | ({"day": day} if day else {})
    fields = {"reviewers": REVIEWERS, "contracts": CONTRACTS}
    answer = _ask(server, token_file, agency, "standing", asked, fields)
    on = str(answer.get("day", ""))
    title = say(en=f"Legal reviewers on {on}", zh=f"法制审核人员比例（{on}）")
    _put(_table(title, answer, REVIEWERS, "reviewers"), answer, file, as_json)
    if file is None and not as_json and answer["contracts"]:
        output.result("")
        title = say(en="Service contracts", zh="政府购买服务协议")
        show_table(_table(title, answer, CONTRACTS, "contracts"))


@new_command(
    "registered",
    words={
        "en": "Print what is registered of an agency and in force on a day.\n\n"
        "It is the snapshot that an agency publishes: officers, devices, lists. Each\n"
        "entry names its place in the log; of a list stands the published file's SHA-256.",
        "zh": "打印某日机关登记簿中有效的条目。\n\n"
        "即机关对外公示的内容：人员、设备、清单等。每条给出日志位置；清单给出所公布\n"
        "文件的 SHA-256。",
    },
    example="tiezheng case registered --agency agency-01 --register officer -o 执法人员.csv \\\n"
    "    --server https://ledger.example --token-file token",
)
@_options(
    option(
        "--register",
        "name",
        required=True,
        type=click.Choice([str(register) for register in Registered]),
        words={"en": "which register or list", "zh": "登记簿或清单"},
    ),
    _day_option(),
    _below_option(),
)
def registered(
    agency: str,
    name: str,
    day: str | None,
    below: bool,
    file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"below": _yes(below)} | ({"day": day} if day else {})
    answer = _ask(server, token_file, agency, f"registers/{name}", asked, {"entries": ENTRIES})
    on = str(answer.get("day", ""))
    title = say(en=f"Register {name} on {on}", zh=f"登记簿 {name}（{on}）")
    _put(_table(title, answer, ENTRIES, "entries"), answer, file, as_json)


def _ask(
    server: str,
    token_file: str,
    agency: str,
    name: str,
    asked: Mapping[str, str],
    rows: Mapping[str, tuple[str, ...]],
) -> Answer:
    return open_client(server, token=read_secret(token_file)).view(agency, name, asked, rows)


def _table(title: str, answer: Answer, fields: tuple[str, ...], name: str, lost: str = "") -> Table:
    about = [
        (say(en="agency", zh="机关"), str(answer["agency"])),
        (say(en="log", zh="日志"), _state(answer)),
    ]
    if lost not in ("", "0"):
        about.append((say(en="lost or destroyed", zh="已丢失或销毁的陈述"), lost))
    return Table(
        title,
        tuple(pick(HEADS[field]) for field in fields),
        tuple(tuple(_shown(field, row[field]) for field in fields) for row in answer[name]),
        tuple(about),
        time.time_ns() // 1_000_000,
    )


def _state(answer: Answer) -> str:
    return say(
        en=f"{answer['log']}, {answer['size']} entries",
        zh=f"{answer['log']}，{answer['size']} 条",
    )


def _put(table: Table, answer: Answer, file: str | None, as_json: bool) -> None:
    if file is not None:
        write_table(table, Path(file))
    if as_json:
        output.result_json(answer)
    elif file is None:
        show_table(table)


_WORDS: Mapping[str, Mapping[str, Bilingual]] = {
    "fault": _FAULTS,
    "kind": _KINDS,
    "short": _YES_NO,
    "stage": _STAGES,
}


def _shown(field: str, value: str) -> str:
    if words := _WORDS.get(field, {}).get(value):
        return pick(words)
    if field in ("decision", "what"):
        return pick(_ACTIONS[value]) if value in _ACTIONS else act_name(value)
    return procedure_title(value) if field == "procedure" else value


def act_name(act: str) -> str:
    return _acts(language()).get(act, act)


def procedure_title(procedure: str) -> str:
    return _titles(language()).get(procedure, procedure)


@cache
def _acts(shown_in: str) -> Mapping[str, str]:
    """What the shipped packs call each act; another's stands under its identifier."""
    acts = (act for text in shipped().values() for act in read_pack(text).acts)
    return {act.id: act.name if shown_in == "zh" else act.name_en for act in acts}


@cache
def _titles(shown_in: str) -> Mapping[str, str]:
    packs = map(read_pack, shipped().values())
    return {pack.pack: pack.title if shown_in == "zh" else pack.title_en for pack in packs}


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


MEMBERS: tuple[Any, ...] = (register, person, standing, registered)
