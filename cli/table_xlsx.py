"""A table as a workbook of one sheet. Every cell is text; the same table gives the same bytes."""

import io
from typing import Any

from xlsxwriter import Workbook  # type: ignore[import-untyped]

from cli.table import Table
from ledger.encoding import in_china, printable
from ledger.errors import Rejected

MAX_ROWS = 1_048_576 - 10  # of a sheet, but for what stands above the rows
MAX_CELL = 32_767  # characters; the library would leave a longer one out
MAX_WIDTH = 60


def xlsx_bytes(table: Table) -> bytes:
    if len(table.rows) > MAX_ROWS:
        raise Rejected(f"a sheet holds {MAX_ROWS:,} rows, and there are {len(table.rows):,}")
    file = io.BytesIO()
    book = Workbook(file, {"in_memory": True})
    # Its own date is the table's, not that of a clock.
    book.set_properties(
        {"title": table.title, "created": in_china(table.at_ms).replace(tzinfo=None)}
    )
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    top = _head(sheet, table, bold)
    for number, row in enumerate(table.rows, start=top + 1):
        for column, cell in enumerate(row):
            _put(sheet, number, column, cell)
    sheet.freeze_panes(top + 1, 0)
    sheet.autofilter(top, 0, top + len(table.rows), len(table.columns) - 1)
    for column, cells in enumerate(zip(table.columns, *table.rows, strict=True)):
        longest = max(sum(2 if ord(c) > 0x2E80 else 1 for c in cell) for cell in cells)
        sheet.set_column(column, column, min(longest + 2, MAX_WIDTH))
    book.close()
    return file.getvalue()


def _head(sheet: Any, table: Table, bold: Any) -> int:
    """The title and what it is of, then the columns; returns the row of these."""
    _put(sheet, 0, 0, table.title, bold)
    for number, (name, value) in enumerate(table.about, start=1):
        _put(sheet, number, 0, name)
        _put(sheet, number, 1, value)
    top = len(table.about) + 2
    for column, name in enumerate(table.columns):
        _put(sheet, top, column, name, bold)
    return top


def _put(sheet: Any, row: int, column: int, cell: str, how: Any = None) -> None:
    """As text, whatever it begins with: never a formula, a number or a link."""
    text = printable(cell)
    if len(text) > MAX_CELL:
        raise Rejected(f"a cell holds {MAX_CELL:,} characters, and one has {len(text):,}")
    if sheet.write_string(row, column, text, how):
        raise Rejected(f"the sheet took no text at row {row + 1}, column {column + 1}")
