"""`tiezheng case due`: what must be done at an agency, and until when, over all its cases."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from cli.case.judging import STATES
from cli.case.views import ask_view, below_option, log_state, put_view, view_options, yes_or_no
from cli.command import command as new_command
from cli.command import option
from cli.language import language, pick, say
from cli.remote import Answer
from cli.table import Table
from ledger.encoding import clip
from ledger.errors import Unavailable
from ledger.process.deadlines.clocks import State
from ledger.report import Bilingual

# What every clock that is due has; the rest it may have or not.
FIELDS = (
    *("agency", "article", "case", "clock", "due", "meaning", "name", "name_en", "pack"),
    *("start", "state", "statute", "version"),
)
WEEKENDS: Bilingual = {
    "en": "by weekends alone: no list of days off of that year is registered",
    "zh": "仅按周末计算：未登记该年放假安排",
}


@new_command(
    "due",
    words={
        "en": "Print what must be done at an agency, and until when, the next first.\n\n"
        "All clocks that run or are overdue, over all its cases, by the rule packs in\n"
        "force when each was opened. With --ics also as a calendar, to import. With --done\n"
        "also what is over, in time or late.",
        "zh": "打印机关全部案件中正在计算或已逾期的期限，先到期者在前。\n\n"
        "依每案立案时有效的规则包计算。加 --ics 另写成日历文件，可导入日历。加 --done\n"
        "时包括已结束的。",
    },
    example="tiezheng case due --agency agency-01 --ics due.ics \\\n"
    "    --server https://ledger.example --token-file token",
)
@view_options(
    below_option(),
    option(
        "--ics",
        metavar="FILE",
        words={"en": "write a calendar here (RFC 5545)", "zh": "将日历写入此文件（RFC 5545）"},
    ),
    option(
        "--clock",
        "clocks",
        multiple=True,
        metavar="NAME",
        words={
            "en": "only this clock; may be repeated",
            "zh": "仅此期限，写规则包中的标识；可写多次",
        },
    ),
    option("--done", is_flag=True, words={"en": "also what is over", "zh": "包括已结束的"}),
)
def due(
    agency: str,
    below: bool,
    ics: str | None,
    clocks: tuple[str, ...],
    done: bool,
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"below": yes_or_no(below), "done": yes_or_no(done)}
    answer = ask_view(server, token_file, agency, "due", asked, {"due": FIELDS})
    if clocks:
        _check_known(clocks, answer.get("clocks", clocks))
        answer = answer | {"due": [row for row in answer["due"] if row["clock"] in clocks]}
    if ics is not None:
        _write_calendar(answer, Path(ics))
    put_view(_table(answer), answer, output_file, as_json)


def _check_known(clocks: Sequence[str], known: Sequence[str]) -> None:
    """A slip of the pen would look as if nothing were due."""
    for clock in clocks:
        if clock not in known:
            names = ", ".join(known)
            raise click.BadParameter(
                say(
                    en=f"no rule pack here has a clock {clip(clock)!r}; want one of {names}",
                    zh=f"此处的规则包中没有期限 {clip(clock)!r}；可用：{names}",
                ),
                param_hint="--clock",
            )


def _write_calendar(answer: Answer, path: Path) -> None:
    try:
        from api.calendar_feed import feed
    except ImportError:
        raise Unavailable(
            "icalendar is not installed, and it writes calendars",
            hints=("pip install 'tiezheng[tables]'",),
        ) from None
    from storage.durable import write_file

    write_file(path, feed(answer["due"]))


def _table(answer: Answer) -> Table:
    columns = (
        say(en="until", zh="截止"),
        say(en="state", zh="状态"),
        say(en="case", zh="案号"),
        say(en="what", zh="期限"),
        say(en="law", zh="依据"),
        say(en="since", zh="起算"),
        say(en="done", zh="办结"),
        say(en="agency", zh="机关"),
        say(en="note", zh="备注"),
    )
    rows = tuple(_row(row) for row in answer["due"])
    about = (
        (say(en="agency", zh="机关"), str(answer["agency"])),
        (say(en="log", zh="日志"), log_state(answer)),
    )
    title = say(en="What is due", zh="办案期限")
    return Table(title, columns, rows, about, time.time_ns() // 1_000_000)


def _row(row: Mapping[str, str]) -> tuple[str, ...]:
    state = pick(STATES[row["state"]]) if row["state"] in STATES else row["state"]
    return (
        row.get("last_day") or row["due"],
        state,
        row["case"],
        row["name"] if language() == "zh" else row["name_en"],
        f"{row['statute']} {row['article']}",
        row["start"][:10],
        row.get("stop", "")[:10],
        row["agency"],
        "；".join(_notes(row)),
    )


def _notes(row: Mapping[str, str]) -> list[str]:
    notes = []
    if number := row.get("measure"):
        notes.append(say(en=f"measure {number}", zh=f"措施编号 {number}"))
    if moved := row.get("moved_from"):
        notes.append(say(en=f"moved on from {moved}, a day off", zh=f"{moved} 休息日，顺延"))
    if days := row.get("extended_days"):
        notes.append(say(en=f"extended by {days} days", zh=f"延长 {days} 日"))
    if days := row.get("excluded_days"):
        notes.append(say(en=f"without {days} days", zh=f"扣除 {days} 日"))
    if fine := row.get("additional_fine_at_most"):
        notes.append(say(en=f"additional fine at most {fine}", zh=f"加处罚款至多 {fine} 元"))
    if row.get("logged_in_time") == "no" and row["state"] == State.MET:
        notes.append(say(en="logged only after it was due", zh="逾期后才入日志"))
    if row.get("counted") == "weekends":
        notes.append(pick(WEEKENDS))
    if row.get("meaning") == "right":
        notes.append(say(en="the party's", zh="当事人的权利"))
    return notes
