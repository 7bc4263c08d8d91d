"""What stands in a workbook of one sheet, read without the library that wrote it."""

import io
import zipfile
from typing import Any
from xml.etree import ElementTree


def sheet(data: bytes) -> tuple[Any, list[list[str]]]:
    """The sheet's XML, and its texts by row."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        shared = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    texts = ["".join(t.text or "" for t in si.iter(f"{space}t")) for si in shared]
    rows = [
        [texts[int(v.text or "")] for cell in row for v in cell.iter(f"{space}v")]
        for row in root.iter(f"{space}row")
    ]
    return root, rows
