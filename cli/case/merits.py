"""`tiezheng case merits`: what went well at an agency in a year, counted and typed by nobody."""

import time

from cli.case.views import ask_view, log_state, put_view, year_options, yes_or_no
from cli.command import command as new_command
from cli.language import pick, say
from cli.remote import Answer
from cli.rules.words import SICKNESSES
from cli.table import Table

FIELDS = (
    *("agency", "uploads", "in_time", "in_time_percent"),
    *("cases", "judged", "whole", "whole_percent"),
    *("guidance", "warning_talk"),
    *("subject", "procedure", "conduct"),
)


@new_command(
    "merits",
    words={
        "en": "Print what went well at an agency: uploads in time, cases without a gap.\n\n"
        "In time is what was logged within the hours of its rule pack, after it occurred\n"
        "as its signer says. A case counts as whole if a pack judges it and nothing that\n"
        "is due is lacking. Shares are rounded down. Guidance and talks of warning are counted\n"
        "as they were filed. What is lacking is counted by the three sicknesses: of the body\n"
        "that acts, of procedure, of conduct.",
        "zh": "打印机关的正面统计：及时上传率、零缺项率。\n\n"
        "及时：自签署人所称发生时起，在规则包规定的小时数内入日志。零缺项：有规则包\n"
        "据以判断，且已到期的事项无一缺漏。百分比向下取整。缺项按主体不适格、程序不规范、\n"
        "行为不文明三类计数。行政指导、约谈提醒按登记件数计。",
    },
    example="tiezheng case merits --agency city --below --year 2026 -o 正面统计.xlsx \\\n"
    "    --server https://ledger.example --token-file token",
)
@year_options()
def merits(
    agency: str,
    year: str,
    below: bool,
    output_file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    asked = {"year": year, "below": yes_or_no(below)}
    answer = ask_view(server, token_file, agency, "merits", asked, {"merits": FIELDS})
    put_view(_table(answer, year), answer, output_file, as_json)


def _table(answer: Answer, year: str) -> Table:
    columns = (
        say(en="agency", zh="机关"),
        say(en="uploads", zh="上传件数"),
        say(en="in time", zh="及时"),
        say(en="in time, %", zh="及时上传率（%）"),
        say(en="cases", zh="案件数"),
        say(en="judged by a pack", zh="有规则包的案件"),
        say(en="without a gap", zh="零缺项"),
        say(en="without a gap, %", zh="零缺项率（%）"),
        say(en="guidance", zh="行政指导"),
        say(en="talks of warning", zh="约谈提醒"),
        *(pick(SICKNESSES[field]) for field in ("subject", "procedure", "conduct")),
    )
    about = ((say(en="log", zh="日志"), log_state(answer)),)
    title = say(en=f"In time and without a gap, {year}", zh=f"{year} 年度正面统计")
    rows = tuple(tuple(row[field] for field in FIELDS) for row in answer["merits"])
    return Table(title, columns, rows, about, time.time_ns() // 1_000_000)
