"""A report as one HTML file: to be printed, put with the case, and read without a network.

It holds no script and loads nothing, which its content security policy says as well; it reads
the same in black and white. The same report gives the same bytes: no path of the packet, no
clock, no version. Whatever comes from a packet goes through `printable` and is escaped.
"""

import html
from collections.abc import Iterable, Iterator

from cli.articles import (
    ARTICLES,
    LIMITS,
    STATUSES,
    STATUTES,
    TITLE,
    Article,
    answered_by,
    cited,
    status,
)
from cli.first_page import (
    ASKED,
    NOT_PROVED,
    PROVED,
    FirstPage,
    every_page,
    first_page,
    short_reference,
)
from cli.language import language, pick, say
from cli.verdict import detail_lines
from ledger import suite
from ledger.encoding import format_base64, printable
from ledger.report import Bilingual, Group, Report

_STYLE = """
@page {
  size: A4; margin: 18mm 18mm 24mm;
  @bottom-left { content: "%(footer)s"; font: 7pt monospace; white-space: pre-line; }
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; }
}
html { background: #fff; color: #000; }
body { font: 10.5pt/1.4 "Noto Serif CJK SC", "Source Han Serif SC", SimSun, serif;
  max-width: 174mm; margin: 0 auto; padding: 1em; overflow-wrap: anywhere; }
h1 { font-size: 18pt; margin: 0; padding: 2mm 4mm; border: 1.5pt solid #000; }
h2 { font-size: 12pt; margin: 5mm 0 1mm; border-bottom: .5pt solid #000; break-after: avoid; }
p, ul { margin: 2mm 0; }
ul { padding-left: 6mm; }
th, td { text-align: left; vertical-align: top; padding: .6mm 3mm .6mm 0; font-weight: normal; }
table { border-collapse: collapse; width: 100%%; }
.about th { white-space: nowrap; }
.about td { font-family: monospace; }
.asked th { width: 28%%; }
.asked td, .status, .statute { font-weight: bold; }
.articles { table-layout: fixed; }
.articles th, .articles td { border-bottom: .25pt solid #000; font-size: 9pt; }
.articles tr { break-inside: avoid; }
.articles .statute { padding-top: 3mm; break-after: avoid; }
.cited { width: 19%%; }
.status { width: 18%%; }
.by { width: 27%%; }
.all { white-space: pre-wrap; font: 8.5pt/1.4 "Noto Sans Mono CJK SC", monospace; margin: 0; }
@media print {
  body { padding: 0; max-width: none; }
  .next { break-before: page; }
}
"""
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-+ ")


def verdict_html(report: Report, required: frozenset[Group]) -> bytes:
    page = first_page(report)
    style = _STYLE % {"footer": _footer(report)}
    policy = (
        f"default-src 'none'; style-src 'sha256-{format_base64(suite.digest(style.encode()))}'; "
        "base-uri 'none'; form-action 'none'"
    )
    title = f"{pick(page.outcome)} {short_reference(report)}".rstrip()
    parts = [
        "<!doctype html>",
        f'<html lang="{"zh-CN" if language() == "zh" else "en"}">',
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_escaped(policy)}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{_escaped(title)}</title>",
        f"<style>{style}</style>",
        *_first_page(page),
        *_articles(report),
        f"<h2>{_escaped(say(en='The whole report', zh='完整报告'))}</h2>",
        f'<pre class="all">{_lines(detail_lines(report, "", required))}</pre>',
        "</html>",
    ]
    return ("\n".join(parts) + "\n").encode()


def _first_page(page: FirstPage) -> Iterator[str]:
    yield f"<h1>{_words(page.outcome)}</h1>"
    yield f"<p>{_words(page.meaning)}</p>"
    yield '<table class="about">'
    for name, value in page.about:
        yield _row(_words(name), _words(value))
    yield "</table>"
    for title, sentences in ((PROVED, page.proved), (NOT_PROVED, page.not_proved)):
        yield f"<h2>{_words(title)}</h2>"
        yield "<ul>"
        yield from (f"<li>{_words(sentence)}</li>" for sentence in sentences)
        yield "</ul>"
    yield f"<h2>{_words(ASKED)}</h2>"
    yield '<table class="asked">'
    for question, answer in page.answers:
        yield _row(_words(question), _words(answer))
    yield "</table>"


def _articles(report: Report) -> Iterator[str]:
    yield f'<h2 class="next">{_words(TITLE)}</h2>'
    yield '<table class="articles">'
    yield '<col class="cited"><col><col class="status"><col class="by">'
    for name, words in STATUTES.items():
        yield f'<tr><th class="statute" colspan="4">{_words(words)}</th></tr>'
        yield from (_article(a, report) for a in ARTICLES if a.statute == name)
    yield "</table>"
    yield f"<p>{_words(LIMITS)}</p>"


def _article(article: Article, report: Report) -> str:
    return (
        f"<tr><th>{_escaped(cited(article))}</th><td>{_words(article.asks)}</td>"
        f'<td class="status">{_words(STATUSES[status(article, report)])}</td>'
        f"<td>{_escaped(answered_by(article))}</td></tr>"
    )


def _row(name: str, value: str) -> str:
    return f"<tr><th>{name}</th><td>{value}</td></tr>"


def _footer(report: Report) -> str:
    """Between quotation marks of the style sheet, so nothing but letters and digits passes."""
    return r"\A ".join(
        pick(name) + say(en=": ", zh="：") + "".join(c for c in value if c in _PLAIN)
        for name, value in every_page(report)
    )


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(_escaped(line) for line in lines)


def _words(words: Bilingual) -> str:
    return _escaped(pick(words))


def _escaped(text: str) -> str:
    return html.escape(printable(text))
