"""`tiezheng case publications`: which decisions were published, withdrawn and ended in time."""

import time
from collections.abc import Mapping

from cli.case.judging import STATES
from cli.case.views import ask_view, below_option, log_state, put_view, view_options, yes_or_no
from cli.case.words import act_name
from cli.command import command as new_command
from cli.language import pick, say
from cli.remote import Answer
from cli.table import Table

FIELDS = (
    *("agency", "case", "decided", "decision", "late", "overdue", "place"),
    *("publish_by", "publish_done", "publish_state"),
    *("withdraw_by", "withdraw_done", "withdraw_state"),
    *("end_by", "end_done", "end_state"),
)


@new_command(
    "publications",
    words={
        "en": "Print which decisions were published in time, what is overdue first.\n\n"
        "Twenty working days to publish, three to withdraw what was overturned, three\n"
        "months or three years until it ends; days off are those registered.",
        "zh": "打印处罚决定的公示情况，逾期者在前。\n\n"
        "公示期限二十个工作日；决定被撤销、变更的，三个工作日内撤回并说明理由；公示满\n"
        "三个月或三年停止。放假安排以登记为准。",
    },
    example="tiezheng case publications --agency agency-01 -o 公示.xlsx \\\n"
    "    --server https://ledger.example --token-file token",
)
@view_options(below_option())
def publications(
    agency: str,
    below: bool,
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked, rows = {"below": yes_or_no(below)}, {"publications": FIELDS}
    answer = ask_view(server, token_file, agency, "publications", asked, rows)
    put_view(_table(answer), answer, output_file, as_json)


def _table(answer: Answer) -> Table:
    columns = (
        say(en="case", zh="案号"),
        say(en="agency", zh="机关"),
        say(en="decision", zh="决定"),
        say(en="decided", zh="决定日期"),
        say(en="publish by", zh="应公示"),
        say(en="published", zh="公示日期"),
        say(en="state", zh="状态"),
        say(en="withdraw by", zh="应撤回"),
        say(en="withdrawn", zh="撤回日期"),
        say(en="state", zh="状态"),
        say(en="end by", zh="应停止"),
        say(en="ended", zh="停止日期"),
        say(en="state", zh="状态"),
        say(en="place", zh="日志位置"),
    )
    about = (
        (say(en="agency", zh="机关"), str(answer["agency"])),
        (say(en="log", zh="日志"), log_state(answer)),
        (say(en="overdue", zh="逾期"), _count(answer, "overdue")),
        (say(en="late", zh="迟延"), _count(answer, "late")),
    )
    title = say(en="Publication of decisions", zh="执法决定公示")
    rows = tuple(map(_row, answer["publications"]))
    return Table(title, columns, rows, about, time.time_ns() // 1_000_000)


def _count(answer: Answer, field: str) -> str:
    return str(sum(row[field] == "yes" for row in answer["publications"]))


def _row(row: Mapping[str, str]) -> tuple[str, ...]:
    return (
        *(row["case"], row["agency"], act_name(row["decision"]), row["decided"]),
        *(row["publish_by"], row["publish_done"], _state(row["publish_state"])),
        *(row["withdraw_by"], row["withdraw_done"], _state(row["withdraw_state"])),
        *(row["end_by"], row["end_done"], _state(row["end_state"]), row["place"]),
    )


def _state(state: str) -> str:
    return pick(STATES[state]) if state in STATES else state
