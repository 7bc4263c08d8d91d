"""A table for people: rows under named columns, on the terminal or as CSV, XLSX or PDF.

    table = Table("执法台账", ("案号", "立案"), (("苏城管罚〔2026〕417号", "2026-03-02"),), about=…)
    write_table(table, Path("register.xlsx"))

The file's name says the format. What stands in a cell came from outside: in each format it is
text, and nothing that a spreadsheet would compute, fetch or run.
"""

import csv
import io
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli import output
from cli.language import say
from ledger.encoding import printable
from ledger.errors import Malformed
from storage.durable import write_file

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`about` says what the table is of and where in the log it ends; dated `at_ms`."""

    title: str
    columns: Cells
    rows: tuple[Cells, ...]
    about: tuple[tuple[str, str], ...] = ()
    at_ms: int = 0

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has not as many cells as there are columns")


def show_table(table: Table) -> None:
    """On stdout: columns as wide as what stands in them."""
    output.result("\n".join(_lines(table)))


def write_table(table: Table, path: Path) -> None:
    """Replaces the file at once; refuses an ending that it does not know."""
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise Malformed(f"want a file that ends in {', '.join(_WRITERS)}, got {path.name!r}")
    write_file(path, writer()(table))


def to_csv(table: Table) -> bytes:
    """As spreadsheets read it: UTF-8 with a mark, every cell quoted; only columns and rows."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(table.columns)
    writer.writerows([_harmless(cell) for cell in row] for row in table.rows)
    return text.getvalue().encode("utf-8-sig")


# With these a spreadsheet takes a cell for a formula; the full-width ones where it is set up for
# Chinese or Japanese.
_FORMULA = frozenset("=+-@|%\t\r\n＝＋－＠")


def _harmless(cell: str) -> str:
    """The apostrophe says to a spreadsheet that text follows, and shows to everyone else."""
    text = printable(cell)
    return f"'{text}" if text.lstrip()[:1] in _FORMULA and text.strip() else text


def _csv() -> Callable[[Table], bytes]:
    return to_csv


def _xlsx() -> Callable[[Table], bytes]:
    from cli.table_xlsx import xlsx_bytes

    return xlsx_bytes


def _pdf() -> Callable[[Table], bytes]:
    from cli.table_pdf import pdf_writer

    return pdf_writer()


_WRITERS: Mapping[str, Callable[[], Callable[[Table], bytes]]] = {
    ".csv": _csv,
    ".xlsx": _xlsx,
    ".pdf": _pdf,
}


def table_option_words() -> Mapping[str, str]:
    return {
        "en": "write it here; the name ends in .csv, .xlsx or .pdf",
        "zh": "写入此文件，扩展名为 .csv、.xlsx 或 .pdf",
    }


def _lines(table: Table) -> Iterator[str]:
    shown = [table.columns, *([printable(cell) for cell in row] for row in table.rows)]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    yield table.title
    for name, value in table.about:
        yield say(en=f"{name}: {value}", zh=f"{name}：{value}")
    yield ""
    for row in shown:
        cells = (cell + " " * (w - _width(cell)) for cell, w in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """In columns of a terminal: Chinese takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
