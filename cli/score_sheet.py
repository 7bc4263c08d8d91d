"""`tiezheng case-review sheet`: the score sheets of the cases that were drawn."""

import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from cli import output
from cli.case.refusal import KINDS, in_language
from cli.command import argument, json_option, option, trust_option
from cli.command import command as new_command
from cli.files import read_secret
from cli.language import pick, say
from cli.output import Exit
from cli.remote import open_client, server_option, token_option
from cli.review_folder import OPENINGS, named, open_openings, open_review
from cli.small_file import read_small
from cli.table import Cells, Table, show_table, write_table
from cli.trust import open_trust
from ledger import process
from ledger.errors import Unknown
from ledger.process.deadlines.clocks import State
from ledger.process.reports.score import HUNDRED, OVERDUE, Finding, Item, Scored, ScoreSheet
from ledger.process.rules.rulepack import Level, Meaning, Sickness

_WORDS = {**KINDS, OVERDUE: {"en": "not in time:", "zh": "超期"}}
GAP = ("kind", "stage", "level", "class", "rule", "source", "article")


@new_command(
    "sheet",
    words={
        "en": "Write the score sheets of the cases that were drawn, as far as a program can.\n\n"
        "What the log shows to lack, or not to be done in time, takes points off, by rule\n"
        "and article; what only a person can judge stays open. A case that no rule pack\n"
        "judges stays open too.",
        "zh": "生成抽中案件的评分表，程序能判断的项目自动填写。\n\n"
        "日志所示的缺项、瑕疵和超期依规则和条款扣分；只能由人判断的项目留空。没有规则包可据以\n"
        "判断的案件，各项均留空。",
    },
    example="tiezheng case-review sheet review --trust trust/ -o 评分表.xlsx \\\n"
    "    --server https://ledger.example --token-file token",
)
@argument("folder", metavar="DIR", words={"en": "the review's folder", "zh": "评查文件夹"})
@trust_option()
@option(
    "--items",
    "items_file",
    metavar="FILE",
    words={"en": "your own table of items and points", "zh": "自定的项目和分值表"},
)
@option(
    "-o",
    "--output",
    "output_file",
    metavar="FILE",
    words={
        "en": "write it here; the name ends in .csv, .xlsx or .pdf",
        "zh": "写入此文件，扩展名为 .csv、.xlsx 或 .pdf",
    },
)
@server_option()
@token_option()
@json_option()
def sheet(
    folder: str,
    trust: str,
    items_file: str | None,
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> Exit:
    table = _items(items_file)
    path = Path(folder)
    found = open_review(path, open_trust(trust))
    if found is None:
        output.note(say(en="no quorum has seen the list yet", zh="名单尚未达到法定人数"))
        return Exit.UNDECIDED
    if not (path / OPENINGS).exists():
        raise Unknown("a score sheet needs the openings: who has them is the reviewer")
    cases = open_openings(path, found.listed)
    client = open_client(server, token=read_secret(token_file))
    sheets = []
    for place, _ in found.sample:
        case = cases[place - 1]
        gaps, clocks = client.judged(case, "gaps"), client.judged(case, "clocks")
        sheets.append((case, _scored(table, gaps, clocks)))
    if output_file is not None:
        write_table(_table(table, sheets), Path(output_file))
    if as_json:
        output.result_json(_json(table, sheets))
    elif output_file is None:
        show_table(_table(table, sheets))
    return Exit.DONE


def _items(file: str | None) -> ScoreSheet:
    if file is not None:
        return named(Path(file), ScoreSheet.from_bytes, read_small(Path(file)))
    return ScoreSheet.from_bytes(files(process).joinpath("score.toml").read_bytes())


def _scored(table: ScoreSheet, gaps: dict[str, Any], clocks: dict[str, Any]) -> list[Scored]:
    """Of a case that no pack judges nothing was looked at, so nothing is said to be well."""
    if not gaps["packs"]:
        return [Scored(item, None, ()) for item in table.items]
    missed = _missed(clocks, _told(gaps["gaps"])) if table.asks_for_time else ()
    return table.score([*_findings(gaps["gaps"]), *missed])


def _told(gaps: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Clocks that ran out over what a gap tells already."""
    told = [
        (row.get("pack", ""), row["facts"]) for row in gaps if isinstance(row.get("facts"), dict)
    ]
    return {
        (str(pack), str(said.get("clock", "")), str(said["was_due"]))
        for pack, said in told
        if "was_due" in said
    }


def _missed(answer: dict[str, Any], told: set[tuple[str, str, str]]) -> Iterator[Finding]:
    """What the agency did not do in its time, by the packs that judge the case."""
    judging = {pack["pack"] for pack in answer["packs"]}
    for row in answer["clocks"]:
        # A party that pays late pays more, which is no fault of the file.
        party = row["meaning"] == Meaning.RIGHT or "additional_fine_at_most" in row
        out = row["state"] in (State.OVERDUE, State.LATE)
        known = (row["pack"], row["clock"], row.get("due", "")) in told
        if row["pack"] in judging and out and not party and not known:
            law, name = f"{row['statute']} {row['article']}", in_language(row, "name")
            fault = Level.ORDINARY, Sickness.PROCEDURE
            yield Finding(OVERDUE, "", *fault, row["clock"], law, name)


def _findings(gaps: list[dict[str, Any]]) -> Iterator[Finding]:
    for row in gaps:
        if row.get("due") is not False:  # what may still come in its time is no fault
            kind, stage, level, sickness, rule, source, article = (
                str(row.get(name, "")) for name in GAP
            )
            law, name = f"{source} {article}".strip(), in_language(row, "name")
            yield Finding(kind, stage, level, sickness, rule, law, name)


def _table(table: ScoreSheet, sheets: list[tuple[str, list[Scored]]]) -> Table:
    columns = (
        say(en="case", zh="案号"),
        say(en="item", zh="项目"),
        say(en="points", zh="分值"),
        say(en="score", zh="得分"),
        say(en="filled by", zh="填写"),
        say(en="taken off for", zh="扣分事由"),
    )
    rows = [row for case, scored in sheets for row in _of_case(case, scored)]
    about = (
        (say(en="items", zh="评分表"), table.version),
        (say(en="filled by a program", zh="自动填写"), f"{table.filled_percent} %"),
    )
    title = say(en="Score sheets of the case-file review", zh="案卷评查评分表")
    return Table(title, columns, tuple(rows), about, time.time_ns() // 1_000_000)


def _of_case(case: str, scored: list[Scored]) -> Iterator[Cells]:
    for one in scored:
        name = say(en=one.item.name_en or one.item.name, zh=one.item.name)
        yield case, name, str(one.item.points), _points(one), _by(one), _remarks(one)
    filled = [one for one in scored if one.hundredths is not None]
    if filled:
        whole = sum(one.item.points for one in filled)
        got = _written(sum(one.hundredths or 0 for one in filled))
        total = say(en="filled by the program, together", zh="程序填写部分小计")
        yield case, total, str(whole), got, "", ""


def _points(one: Scored) -> str:
    return "" if one.hundredths is None else _written(one.hundredths)


def _written(hundredths: int) -> str:
    whole, rest = divmod(hundredths, HUNDRED)
    return f"{whole}.{rest:02}" if rest else str(whole)


def _by(one: Scored) -> str:
    if one.hundredths is None:
        return say(en="reviewer", zh="评查人")
    return say(en="program", zh="程序")


def _remarks(one: Scored) -> str:
    return "；".join(
        f"{pick(_WORDS[found.kind])} {found.name or found.rule}（{found.article}）"
        for found in one.findings
    )


def _json(table: ScoreSheet, sheets: list[tuple[str, list[Scored]]]) -> dict[str, Any]:
    return {
        "cases": [
            {"case": case, "items": [_row(one) for one in scored]} for case, scored in sheets
        ],
        "filled_percent": str(table.filled_percent),
        "version": table.version,
    }


def _row(one: Scored) -> dict[str, Any]:
    item: Item = one.item
    rules = [found.rule for found in one.findings]
    return {"id": item.id, "points": str(item.points), "rules": rules, "score": _points(one)}
