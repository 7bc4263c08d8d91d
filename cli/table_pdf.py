"""A table as PDF/A-3b on A4 across: its head on every page, and of what and when it is."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cli.language import language, say
from cli.shown import Shown
from cli.table import Table
from cli.typesetter import open_typesetter, typeset_pdf
from ledger.errors import Rejected

TEMPLATE = Path(__file__).with_name("table.typ")

MAX_ROWS = 10_000


def pdf_writer() -> Callable[[Table], bytes]:
    """In the language asked for; refuses where typst is not installed."""
    return partial(_write, open_typesetter(say(en="tables", zh="表格")))


def _write(typst: Any, table: Table) -> bytes:
    if len(table.rows) > MAX_ROWS:
        raise Rejected(
            f"a table on paper has at most {MAX_ROWS:,} rows, and there are {len(table.rows):,}",
            hints=("ask for a .csv or .xlsx",),
        )
    with TemporaryDirectory(prefix="tiezheng-table-") as folder:
        (Path(folder) / "main.typ").write_bytes(TEMPLATE.read_bytes())
        data = json.dumps(Shown().of(_data(table)), ensure_ascii=False)
        (Path(folder) / "table.json").write_text(data, encoding="utf-8")
        return typeset_pdf(typst, Path(folder), table.at_ms)


def _data(table: Table) -> dict[str, Any]:
    return {
        "language": language(),
        "title": table.title,
        "about": table.about,
        "columns": table.columns,
        "rows": table.rows,
        "lacking": say(
            en="Characters that this page's font lacks stand as their code points, such as ",
            zh="本文件字体所缺的字符以其码位代替，例如 ",
        ),
        "colon": say(en=": ", zh="："),
        "page": [say(en="page ", zh="第 "), say(en=" of ", zh=" 页，共 "), say(en="", zh=" 页")],
    }
