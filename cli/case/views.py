"""`tiezheng case register`, `file` and others: views of an agency, for a screen or a file."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from cli import output
from cli.carried import REGISTERED
from cli.case.words import HEADS, shown
from cli.command import F, json_option, option, together
from cli.command import command as new_command
from cli.files import read_secret
from cli.language import pick, say
from cli.registering import agency_option
from cli.remote import Answer, case_option, open_client, server_option, token_option
from cli.saying import line_of
from cli.table import Table, show_table, write_table
from ledger.evidence.procedural import Registered

REGISTER = (
    *("case", "owner", "agency", "procedure", "opened", "officers", "stage", "decision"),
    *("amount", "decided", "served", "closed", "acts", "first", "last"),
)
DOCUMENTS = (
    *("case", "agency", "procedure", "stage", "act", "number", "day", "logged", "sha256"),
    *("size", "about", "place"),
)
FILE = ("place", "kind", "stage", "act", "agency", "occurred", "logged", "files", "id")
DOINGS = ("at", "kind", "what", "about", "stage", "named", "place")
ENTRIES = ("subject", "agency", "from", "to", "facts", "version", "sha256", "note", "place")
REVIEWERS = (
    *("agency", "level", "officers", "reviewers", "wanted", "short", "none", "unexamined"),
)
CONTRACTS = ("agency", "contract", "fault", "power", "scope")


def view_options(*own: Callable[[Any], Any], agency: bool = True) -> Callable[[F], F]:
    """What each view takes, around its own."""
    return together(
        *((agency_option(),) if agency else ()),
        *own,
        option(
            "-o",
            "--output",
            "output_file",
            metavar="FILE",
            words={
                "en": "write it here; the name ends in .csv, .xlsx or .pdf",
                "zh": "写入此文件，扩展名为 .csv、.xlsx 或 .pdf",
            },
        ),
        server_option(),
        token_option(),
        json_option(),
    )


def year_options() -> Callable[[F], F]:
    """Of a view of what an agency did in a year."""
    year = option("--year", required=True, metavar="YEAR", words={"en": "the year", "zh": "年度"})
    return view_options(year, below_option())


def below_option() -> Callable[[F], F]:
    return option(
        "--below",
        is_flag=True,
        words={"en": "with the agencies below it", "zh": "包括下级机关"},
    )


def span_option() -> Callable[[F], F]:
    return option(
        "--span",
        required=True,
        metavar="SPAN",
        words={
            "en": "a month, quarter or year: 2026-03, 2026-Q1, 2026",
            "zh": "月、季度或年度：2026-03、2026-Q1、2026",
        },
    )


def span_name(text: str) -> str:
    """In Chinese."""
    year, _, part = text.partition("-")
    if not part:
        return f"{year} 年度"
    if part.startswith("Q"):
        return f"{year} 年第{'一二三四'[int(part[1]) - 1]}季度"
    return f"{year} 年 {int(part)} 月"


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
        "its first and last statement, whose receipts show that they are logged, and\n"
        "whose case it is: an agency may have acted in another's.",
        "zh": "打印机关的执法台账：某年度每案一行。\n\n"
        "台账由日志生成，不经人工填写。每行给出首、末两条陈述在日志中的位置，\n"
        "可凭其回执核对，并载明案件属于哪个机关：本机关可能在他机关的案件中有行为。",
    },
    example="tiezheng case register --agency agency-01 --year 2026 -o 台账.xlsx \\\n"
    "    --server https://ledger.example --token-file token",
)
@year_options()
def register(
    agency: str,
    year: str,
    below: bool,
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"year": year, "below": yes_or_no(below)}
    answer = ask_view(server, token_file, agency, "cases", asked, {"cases": REGISTER})
    title = say(en=f"Case register {year}", zh=f"{year} 年度执法台账")
    table = _table(title, answer, REGISTER, "cases", lost=answer.get("lost", ""))
    put_view(table, answer, output_file, as_json)


@new_command(
    "file",
    words={
        "en": "Print a case file: every statement of a case, in the order of the log.\n\n"
        "Each names its place and id, whose receipt shows that it is logged there, who\n"
        "filed it, when it began as it says, and since when it is in the log. What was\n"
        "filed before the case had its number stands in it too.",
        "zh": "打印案卷目录：案件的全部陈述，按日志顺序排列。\n\n"
        "每条给出日志位置和编号，可凭其回执核对，并载明提交机关、所称起始时间和入日志时间。\n"
        "案件取得案号之前提交的亦列入。",
    },
    example="tiezheng case file --case '苏城管罚〔2026〕417号' -o 案卷.pdf \\\n"
    "    --server https://ledger.example --token-file token",
)
@view_options(case_option(), agency=False)
def file(case: str, output_file: str | None, server: str, token_file: str, as_json: bool) -> None:
    answer = open_client(server, token=read_secret(token_file)).case(case)
    rows = [
        row | {"files": "、".join(row["files"]), "place": f"{row['log']}-{row['index']}"}
        for row in answer["statements"]
    ]
    about = ((say(en="log", zh="日志"), str(answer["log"])),)
    title = say(en=f"Case file {case}", zh=f"案卷目录 {case}")
    put_view(_rows_table(title, FILE, rows, about), answer, output_file, as_json)


@new_command(
    "documents",
    words={
        "en": "Print the register of documents: each document of each act of a span.\n\n"
        "It is drawn from the log and typed by nobody. A document is named by its SHA-256,\n"
        "an earlier statement that an act is about by its place. Names of files are left\n"
        "out: they may hold a party's.",
        "zh": "打印文书台账：各执法行为的每份文书。\n\n"
        "台账由日志生成，不经人工填写。文书以 SHA-256 标识；行为所指的在先陈述以日志位置\n"
        "标识。文件名可能含当事人姓名，不列入。",
    },
    example="tiezheng case documents --agency agency-01 --span 2026-03 -o 文书台账.xlsx \\\n"
    "    --server https://ledger.example --token-file token",
)
@view_options(span_option(), below_option())
def documents(
    agency: str,
    span: str,
    below: bool,
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"span": span, "below": yes_or_no(below)}
    answer = ask_view(server, token_file, agency, "documents", asked, {"documents": DOCUMENTS})
    title = say(en=f"Register of documents {span}", zh=f"{span_name(span)}文书台账")
    table = _table(title, answer, DOCUMENTS, "documents", lost=answer.get("lost", ""))
    put_view(table, answer, output_file, as_json)


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
@view_options(
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
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    path = f"people/{quote(number, safe='')}"
    answer = ask_view(
        server, token_file, agency, path, {"from": start, "to": end}, {"doings": DOINGS}
    )
    title = say(en=f"{number}, {start} to {end}", zh=f"{number}：{start} 至 {end}")
    put_view(_table(title, answer, DOINGS, "doings"), answer, output_file, as_json)


@new_command(
    "standing",
    words={
        "en": "Print the ratio of legal reviewers, and contracts that buy a power.\n\n"
        "Reviewers should be 5 % of the officers. An agency that has registered none at all\n"
        "is named. With -o the ratios are written.",
        "zh": "打印法制审核人员比例，以及涉嫌购买行政执法权的服务协议。\n\n"
        "审核人员原则上不少于执法人员总数的 5%。未登记任何审核人员的机关予以列明。\n"
        "-o 写出比例表。",
    },
    example="tiezheng case standing --agency city --below --server https://ledger.example \\\n"
    "    --token-file token",
)
@view_options(_day_option(), below_option())
def standing(
    agency: str,
    day: str | None,
    below: bool,
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"below": yes_or_no(below)} | ({"day": day} if day else {})
    fields = {"reviewers": REVIEWERS, "contracts": CONTRACTS}
    answer = ask_view(server, token_file, agency, "standing", asked, fields)
    on = str(answer.get("day", ""))
    title = say(en=f"Legal reviewers on {on}", zh=f"法制审核人员比例（{on}）")
    without = "、".join(row["agency"] for row in answer["reviewers"] if row["none"] == "yes")
    none = (say(en="no registered reviewer at all", zh="无一名登记的审核人员"), without)
    table = _table(title, answer, REVIEWERS, "reviewers", more=(none,) if without else ())
    put_view(table, answer, output_file, as_json)
    if output_file is None and not as_json and answer["contracts"]:
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
@view_options(
    option(
        "--register",
        "name",
        required=True,
        type=click.Choice([str(register) for register in Registered]),
        words={"en": "which register or list", "zh": "登记簿或清单"},
    ),
    _day_option(),
    below_option(),
)
def registered(
    agency: str,
    name: str,
    day: str | None,
    below: bool,
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"below": yes_or_no(below)} | ({"day": day} if day else {})
    answer = ask_view(server, token_file, agency, f"registers/{name}", asked, {"entries": ENTRIES})
    on = str(answer.get("day", ""))
    register = pick(REGISTERED[name]) if name in REGISTERED else name
    title = say(en=f"Register, {register}, on {on}", zh=f"登记簿：{register}（{on}）")
    put_view(_table(title, answer, ENTRIES, "entries"), answer, output_file, as_json)


def ask_view(
    server: str,
    token_file: str,
    agency: str,
    name: str,
    asked: Mapping[str, str],
    rows: Mapping[str, tuple[str, ...]],
) -> Answer:
    agency = line_of(agency, "--agency")
    return open_client(server, token=read_secret(token_file)).view(agency, name, asked, rows)


def _table(
    title: str,
    answer: Answer,
    fields: tuple[str, ...],
    name: str,
    lost: str = "",
    more: tuple[tuple[str, str], ...] = (),
) -> Table:
    about = [
        (say(en="agency", zh="机关"), str(answer["agency"])),
        (say(en="log", zh="日志"), log_state(answer)),
    ]
    if lost not in ("", "0"):
        about.append((say(en="lost or destroyed", zh="已丢失或销毁的陈述"), lost))
    return _rows_table(title, fields, answer[name], (*about, *more))


def _rows_table(
    title: str,
    fields: tuple[str, ...],
    rows: Sequence[Mapping[str, str]],
    about: tuple[tuple[str, str], ...],
) -> Table:
    return Table(
        title,
        tuple(pick(HEADS[field]) for field in fields),
        tuple(
            tuple(shown(field, row[field], row.get("procedure", "")) for field in fields)
            for row in rows
        ),
        about,
        time.time_ns() // 1_000_000,
    )


def log_state(answer: Answer) -> str:
    return say(
        en=f"{answer['log']}, {answer['size']} entries",
        zh=f"{answer['log']}，{answer['size']} 条",
    )


def put_view(table: Table, answer: Answer, to: str | None, as_json: bool) -> None:
    if to is not None:
        write_table(table, Path(to))
    if as_json:
        output.result_json(answer)
    elif to is None:
        show_table(table)


def yes_or_no(flag: bool) -> str:
    return "yes" if flag else "no"


MEMBERS: tuple[Any, ...] = (register, documents, file, person, standing, registered)
