"""`tiezheng case supervision`: inspections that an agency holds or was told of, and their terms."""

import time
from collections.abc import Mapping, Sequence

from cli import output
from cli.case.judging import STATES
from cli.case.views import ask_view, below_option, log_state, put_view, view_options, yes_or_no
from cli.command import command as new_command
from cli.language import language, pick, say
from cli.remote import Answer
from cli.table import Table, show_table
from ledger.report import Bilingual

HEADS: Mapping[str, Bilingual] = {
    "inspection": {"en": "inspection", "zh": "督察"},
    "by": {"en": "by", "zh": "督察机关"},
    "inspected": {"en": "agency inspected", "zh": "被督察机关"},
    "opened": {"en": "first act", "zh": "首次行为"},
    "told": {"en": "told", "zh": "告知"},
    "findings": {"en": "findings", "zh": "反馈意见"},
    "demands": {"en": "demands", "zh": "责令整改"},
    "running": {"en": "running", "zh": "期限内"},
    "overdue": {"en": "overdue", "zh": "逾期"},
    "closed": {"en": "closed", "zh": "办结"},
    "unentitled": {"en": "by who was not above it", "zh": "非上级所为"},
    "first": {"en": "first at", "zh": "首条位置"},
    "last": {"en": "last at", "zh": "末条位置"},
    "name": {"en": "what", "zh": "期限"},
    "what": {"en": "to be done", "zh": "要求"},
    "until": {"en": "until", "zh": "截止"},
    "state": {"en": "state", "zh": "状态"},
    "answered": {"en": "answered", "zh": "答复"},
    "result": {"en": "review", "zh": "核查"},
    "id": {"en": "statement", "zh": "陈述编号"},
    "place": {"en": "place", "zh": "日志位置"},
}
INSPECTIONS = (
    *("inspection", "by", "inspected", "opened", "told", "findings", "demands", "running"),
    *("overdue", "closed", "unentitled", "first", "last"),
)
TERMS = (
    *("until", "state", "inspection", "inspected", "name", "what", "told", "answered", "result"),
    *("id", "place"),
)
RESULTS: Mapping[str, Bilingual] = {
    "pass": {"en": "rectified", "zh": "整改到位"},
    "fail": {"en": "not rectified", "zh": "整改不到位"},
}


@new_command(
    "supervision",
    words={
        "en": "Print the inspections that an agency holds or was told of, and their terms.\n\n"
        "An inspection is held with acts of the procedure supervision. The agency inspected\n"
        "sees what was told it, and no plan and no record of what was looked at. A term is\n"
        "met by its own act with the id of what it answers. With -o the inspections are\n"
        "written.",
        "zh": "打印机关所作或者被告知的督察，及其期限。\n\n"
        "督察以 supervision 程序的行为登记。被督察机关只看得到已告知它的内容，看不到方案\n"
        "和检查记录。期限以其自己的行为答复，写明所答复陈述的编号。-o 写出督察表。",
    },
    example="tiezheng case supervision --agency city --below -o 督察.xlsx \\\n"
    "    --server https://ledger.example --token-file token",
)
@view_options(below_option())
def supervision(
    agency: str, below: bool, output_file: str | None, server: str, token_file: str, as_json: bool
) -> None:
    asked = {"below": yes_or_no(below)}
    fields = {"inspections": INSPECTIONS, "terms": (*TERMS, "name_en")}
    answer = ask_view(server, token_file, agency, "supervision", asked, fields)
    title = say(en="Inspections", zh="督察")
    put_view(_table(title, answer, INSPECTIONS, "inspections"), answer, output_file, as_json)
    if output_file is None and not as_json and answer["terms"]:
        output.result("")
        show_table(_table(say(en="Terms", zh="期限"), answer, TERMS, "terms"))


def _table(title: str, answer: Answer, fields: Sequence[str], name: str) -> Table:
    about = (
        (say(en="agency", zh="机关"), str(answer["agency"])),
        (say(en="log", zh="日志"), log_state(answer)),
    )
    heads = tuple(pick(HEADS[field]) for field in fields)
    rows = tuple(tuple(_shown(row, field) for field in fields) for row in answer[name])
    return Table(title, heads, rows, about, time.time_ns() // 1_000_000)


def _shown(row: Mapping[str, str], field: str) -> str:
    text = row[field]
    if field == "name":
        return text if language() == "zh" else row["name_en"]
    words = {"state": STATES, "result": RESULTS}.get(field, {})
    return pick(words[text]) if text in words else text
