"""A refused conclusion as a page: what lacks, by which statute and article, and what cures it."""

from cli import output
from cli.closed_wording import WHY
from cli.gap_wording import gap_cure, gap_sentence
from cli.language import language, pick, say
from ledger.encoding import printable
from ledger.process.judging.gated import Gated, Row
from ledger.report import Bilingual

LEVELS: dict[str, Bilingual] = {
    "serious": {"en": "serious", "zh": "严重"},
    "ordinary": {"en": "ordinary", "zh": "一般"},
    "notice": {"en": "notice", "zh": "提示"},
}
KINDS: dict[str, Bilingual] = {
    "missing": {"en": "missing", "zh": "缺少"},
    "late": {"en": "late record", "zh": "补录"},
    "wrong_order": {"en": "in the wrong order", "zh": "次序不对"},
    "defect": {"en": "defect", "zh": "有瑕疵"},
}


def refused(error: Gated, *, as_json: bool) -> output.Exit:
    if as_json:
        output.result_json({"found": [dict(row) for row in error.found], "reason": error.reason})
        return output.refusal(error)
    output.result(WHY[error.reason][language()])
    for row in error.found:
        output.result("\n".join(lines(row)))
    output.note(
        say(
            en="nothing was logged; the paper may be filed as evidence at any time",
            zh="未登记任何内容；文书本身可随时作为证据提交",
        )
    )
    return output.refusal(error)


def lines(row: Row) -> list[str]:
    """One rule: its level, what is wrong with which record, statute and article; then the cure."""
    level, kind = _word(LEVELS, row, "level"), _word(KINDS, row, "kind")
    name = in_language(row, "name") or row.get("what", "") or row.get("rule", "")
    law = f"{row.get('source', '')} {row.get('article', '')}".strip()
    if row.get("memory") is True:
        law += say(en=" (from memory, unverified)", zh="（凭记忆，未核实）")
    shown = [f"  {level}  {name}：{kind}" if language() == "zh" else f"  {level}  {name}: {kind}"]
    # That it is missing is said; before what, where it had to come before something.
    told = row.get("what") != "missing" or row.get("facts")
    if told and (what := pick(gap_sentence(row))):
        shown.append(f"    {what}")
    if law:
        shown.append(say(en=f"    by {law}", zh=f"    依据：{law}"))
    if cure := pick(gap_cure(row)):
        shown.append(say(en=f"    cure: {cure}", zh=f"    补正：{cure}"))
    # What an act states may have line breaks: it writes no line of its own here.
    return [printable(line) for line in shown]


def _word(words: dict[str, Bilingual], row: Row, field: str) -> str:
    given = row.get(field, "")
    return words[given][language()] if given in words else given


def in_language(row: Row, field: str) -> str:
    """A rule pack is written in Chinese; its English is there where somebody wrote it."""
    english = row.get(f"{field}_en", "") if language() == "en" else ""
    return english or row.get(field, "")
