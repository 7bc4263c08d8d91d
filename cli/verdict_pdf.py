"""A report as PDF/A-3b: one page first, then the articles, then all of it.

A judge's clerk prints it in black and white, so nothing is told by a colour. Every page bears
what the report is of. The same report gives the same bytes: its date is that as of which it was
judged, and the only fonts are ours and typst's own. A character that our font lacks never stops
a report: its code point stands in its place, and the first page says so.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cli.articles import (
    ARTICLES,
    LIMITS,
    STATUSES,
    STATUTES,
    TITLE,
    answered_by,
    cited,
    status,
)
from cli.first_page import ASKED, NOT_PROVED, PROVED, every_page, first_page
from cli.language import language, pick, say
from cli.shown import Shown
from cli.typesetter import open_typesetter, typeset_pdf
from cli.verdict import detail_lines
from ledger.encoding import parse_time
from ledger.report import Bilingual, Group, Report

TEMPLATE = Path(__file__).with_name("verdict.typ")

MAX_LINES = 10_000  # some 200 pages; each takes 50 KB of memory to set

_NUMBERED = re.compile(r" *\d+\. ", re.ASCII)


def pdf_writer() -> Callable[[Report, frozenset[Group]], bytes]:
    """Of reports, in the language asked for; refuses where typst is not installed."""
    return partial(_verdict_pdf, open_typesetter(say(en="reports", zh="报告")))


def _verdict_pdf(typst: Any, report: Report, required: frozenset[Group]) -> bytes:
    with TemporaryDirectory(prefix="tiezheng-report-") as folder:
        (Path(folder) / "main.typ").write_bytes(TEMPLATE.read_bytes())
        data = Shown().of(_data(report, required))
        (Path(folder) / "report.json").write_text(
            json.dumps(data, ensure_ascii=False), encoding="utf-8"
        )
        return typeset_pdf(typst, Path(folder), parse_time(report.facts.at))


def _data(report: Report, required: frozenset[Group]) -> dict[str, Any]:
    page = first_page(report)
    return {
        "language": language(),
        "outcome": pick(page.outcome),
        "meaning": pick(page.meaning),
        "about": _pairs(page.about),
        "sentences": [
            [pick(title), [pick(sentence) for sentence in sentences]]
            for title, sentences in ((PROVED, page.proved), (NOT_PROVED, page.not_proved))
        ],
        "asked": pick(ASKED),
        "answers": _pairs(page.answers),
        "lacking": say(
            en="Characters that this page's font lacks stand as their code points, such as ",
            zh="本文件字体所缺的字符以其码位代替，例如 ",
        ),
        "articles": {
            "title": pick(TITLE),
            "head": [
                say(en="Art.", zh="条文"),
                say(en="What a court looks at", zh="审查事项"),
                say(en="Answer", zh="结论"),
                say(en="By", zh="依据"),
            ],
            "statutes": [
                [pick(words), _articles(name, report)] for name, words in STATUTES.items()
            ],
            "limits": pick(LIMITS),
        },
        "whole": say(en="The whole report", zh="完整报告"),
        "lines": list(_lines(_bounded(detail_lines(report, "", required)))),
        "colon": say(en=": ", zh="："),
        "footer": [[pick(name), value] for name, value in every_page(report)],
        "page": [say(en="page ", zh="第 "), say(en=" of ", zh=" 页，共 "), say(en="", zh=" 页")],
    }


def _pairs(rows: Iterable[tuple[Bilingual, Bilingual]]) -> list[list[str]]:
    return [[pick(name), pick(value)] for name, value in rows]


def _articles(statute: str, report: Report) -> list[list[str]]:
    return [
        [cited(a), pick(a.asks), pick(STATUSES[status(a, report)]), answered_by(a)]
        for a in ARTICLES
        if a.statute == statute
    ]


def _bounded(lines: Sequence[str]) -> Sequence[str]:
    """Whoever makes a packet could else make a report that no machine sets."""
    if (more := len(lines) - MAX_LINES) <= 0:
        return lines
    rest = say(
        en=f"… and {more:,} lines more, which this page does not hold: the text shows all",
        zh=f"…… 另有 {more:,} 行，本文件不再列出：文本报告列出全部",
    )
    return [*lines[:MAX_LINES], "", rest]


def _lines(lines: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """What a line is can be seen by where it stands: `verdict_text` indents, and numbers steps."""
    for last, line, following in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        text = line.lstrip(" ")
        if not text:
            continue
        kind = "plain" if last else "apart"
        if _NUMBERED.match(line):
            kind = "step"
        elif kind == "apart" and following.startswith(" "):
            kind = "title"
        yield {"kind": kind, "indent": len(line) - len(text), "text": text}
