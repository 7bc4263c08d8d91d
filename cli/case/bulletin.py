"""`tiezheng case complaints`: the bulletin of complaints of a month, quarter or year."""

import time
from collections.abc import Iterable, Mapping

from cli.case.judging import STATES
from cli.case.views import (
    ask_view,
    below_option,
    log_state,
    put_view,
    span_name,
    span_option,
    view_options,
    yes_or_no,
)
from cli.case.words import act_name
from cli.command import command as new_command
from cli.command import option
from cli.language import pick, say
from cli.remote import Answer
from cli.table import Table
from ledger.encoding import parse_decimal

TOTALS = (
    *("agency", "received", "accepted", "accepted_late", "waiting", "overdue_accept"),
    *("answered", "answered_late", "overdue_answer", "on_their_word", "no_clock"),
    *("refused", "filed", "not_filed", "ever", "held", "lost"),
)
EACH = (
    *("agency", "case", "ever", "held", "id", "logged", "outcome", "place", "received"),
    *("accept_by", "accept_done", "accept_logged", "accept_state"),
    *("answer_by", "answer_done", "answer_logged", "answer_state"),
)


@new_command(
    "complaints",
    words={
        "en": "Print the bulletin of complaints: what came, and what was accepted and answered.\n\n"
        "A complaint counts on the day on which the log had it, so a bulletin once drawn\n"
        "keeps its complaints. Its time runs from the day on which it was received, as the\n"
        "act says. Who complained, where and about what stands in none of it.",
        "zh": "打印投诉举报情况通报：收到、受理、告知的件数和期限。\n\n"
        "以入日志之日归入各期，通报一经生成，所含投诉不再变动。期限自所称收到之日起算。\n"
        "通报不含投诉人、地点和内容。",
    },
    example="tiezheng case complaints --agency city --below --span 2026-Q1 -o 通报.pdf \\\n"
    "    --server https://ledger.example --token-file token",
)
@view_options(
    span_option(),
    below_option(),
    option(
        "--each",
        is_flag=True,
        words={
            "en": "a line for each complaint, and not for each agency",
            "zh": "每件投诉一行，而不是每个机关一行",
        },
    ),
)
def complaints(
    agency: str,
    span: str,
    below: bool,
    each: bool,
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"below": yes_or_no(below), "span": span}
    rows = {"bulletin": TOTALS, "complaints": EACH}
    answer = ask_view(server, token_file, agency, "complaints", asked, rows)
    put_view((_each if each else _totals)(answer, span), answer, output_file, as_json)


def _totals(answer: Answer, span: str) -> Table:
    columns = (
        say(en="agency", zh="机关"),
        say(en="received", zh="收到"),
        say(en="decided on in time", zh="按期决定是否受理"),
        say(en="decided late", zh="逾期决定"),
        say(en="waiting", zh="期限内未决定"),
        say(en="decision overdue", zh="逾期未决定"),
        say(en="told in time", zh="按期告知"),
        say(en="told late", zh="逾期告知"),
        say(en="telling overdue", zh="逾期未告知"),
        say(en="in time by their word alone", zh="仅凭自述按期"),
        say(en="no clock", zh="无期限"),
        say(en="refused", zh="不予受理"),
        say(en="case filed", zh="立案"),
        say(en="no case", zh="不予立案"),
        say(en="recordings held", zh="曾保全录像"),
        say(en="still held", zh="仍在保全"),
        say(en="lost", zh="已丢失"),
    )
    rows = tuple(tuple(row[field] for field in TOTALS) for row in answer["bulletin"])
    title = say(en=f"Bulletin of complaints, {span}", zh=f"投诉举报情况通报（{span_name(span)}）")
    return _table(title, columns, rows, answer)


def _each(answer: Answer, span: str) -> Table:
    columns = (
        say(en="complaint", zh="投诉编号"),
        say(en="agency", zh="机关"),
        say(en="case", zh="案号"),
        say(en="received", zh="收到"),
        say(en="logged", zh="入日志"),
        say(en="decide by", zh="应决定受理"),
        say(en="decided", zh="决定日期"),
        say(en="state", zh="状态"),
        say(en="tell by", zh="应告知"),
        say(en="told", zh="告知日期"),
        say(en="state", zh="状态"),
        say(en="outcome", zh="处理结果"),
        say(en="held", zh="保全"),
        say(en="place", zh="日志位置"),
    )
    rows = tuple(map(_line, answer["complaints"]))
    title = say(en=f"Complaints, {span}", zh=f"投诉举报明细（{span_name(span)}）")
    return _table(title, columns, rows, answer)


def _line(row: Mapping[str, str]) -> tuple[str, ...]:
    return (
        *(row["id"], row["agency"], row["case"], row["received"], row["logged"]),
        *(row["accept_by"], row["accept_done"], _state(row, "accept")),
        *(row["answer_by"], row["answer_done"], _state(row, "answer")),
        *(act_name(row["outcome"]), f"{row['held']}/{row['ever']}", row["place"]),
    )


def _state(row: Mapping[str, str], clock: str) -> str:
    state, logged = row[f"{clock}_state"], row[f"{clock}_logged"]
    word = pick(STATES[state]) if state in STATES else state
    own_word = state == "met" and logged == "no"
    return word + (say(en=", logged late", zh="，补录") if own_word else "")


def _table(
    title: str, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], answer: Answer
) -> Table:
    totals = answer["bulletin"]
    overdue = _sum(totals, "overdue_accept") + _sum(totals, "overdue_answer")
    about = (
        (say(en="agency", zh="机关"), str(answer["agency"])),
        (say(en="log", zh="日志"), log_state(answer)),
        (say(en="as of", zh="统计时点"), str(answer.get("at", ""))),
        (say(en="received", zh="收到"), str(_sum(totals, "received"))),
        (say(en="overdue", zh="逾期"), str(overdue)),
    )
    return Table(title, columns, rows, about, time.time_ns() // 1_000_000)


def _sum(rows: Iterable[Mapping[str, str]], field: str) -> int:
    return sum(parse_decimal(row[field]) for row in rows)
