"""Tables as text, CSV, workbooks and pages: what stands in a cell stays text."""

import csv
import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli import table as tables
from cli.table import Table, show_table, to_csv, write_table
from ledger.errors import Malformed, Rejected
from testkit.pdf import lines_of, pages_of, text_of
from testkit.workbook import sheet

TABLE = Table(
    "执法台账",
    ("案号", "决定"),
    (("苏城管罚〔2026〕417号", "罚款500元"), ("苏城管罚〔2026〕418号", "")),
    about=(("机关", "agency-01"), ("日志", "2026-731")),
    at_ms=1_795_400_000_000,
)

# What spreadsheets have computed, run or fetched.
FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    " =1",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    '=HYPERLINK("http://x")',
    "%0A=1",
    "|x",
]


def of_cell(cell: str) -> Table:
    return Table("t", ("a", "b"), ((cell, "x"),), at_ms=TABLE.at_ms)


def test_a_csv_has_the_columns_and_the_rows() -> None:
    text = to_csv(TABLE).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [list(TABLE.columns), *map(list, TABLE.rows)]
    assert to_csv(TABLE).startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_cell_of_a_csv_is_no_formula(cell: str) -> None:
    (_, row) = csv.reader(io.StringIO(to_csv(of_cell(cell)).decode("utf-8-sig")))
    assert row[0][:1] not in set("=+-@|%＝＋－＠ \t\r\n")


@pytest.mark.parametrize("cell", ['a"b', "a,b", "a;=1", "a\nb", "苏城管罚〔2026〕417号", "a-1", ""])
def test_other_cells_stay_as_they_are_in_one_cell(cell: str) -> None:
    (_, row) = csv.reader(io.StringIO(to_csv(of_cell(cell)).decode("utf-8-sig")))
    assert len(row) == 2
    assert row[0] == (cell if "\n" not in cell else "a\\nb")


def xlsx(table: Table, tmp_path: Path) -> bytes:
    write_table(table, tmp_path / "t.xlsx")
    return (tmp_path / "t.xlsx").read_bytes()


def test_a_workbook_has_title_columns_and_rows(tmp_path: Path) -> None:
    _, rows = sheet(xlsx(TABLE, tmp_path))
    assert rows == [
        ["执法台账"],
        ["机关", "agency-01"],
        ["日志", "2026-731"],
        ["案号", "决定"],
        ["苏城管罚〔2026〕417号", "罚款500元"],
        ["苏城管罚〔2026〕418号", ""],
    ]


@pytest.mark.parametrize("cell", [*FORMULAS, "http://x.example", "500", "mailto:a@b"])
def test_a_cell_of_a_workbook_is_text(cell: str, tmp_path: Path) -> None:
    data = xlsx(of_cell(cell), tmp_path)
    root, rows = sheet(data)
    assert len(rows[-1]) == 2
    assert b"<f>" not in ElementTree.tostring(root)
    assert {cell.get("t") for cell in root.iter() if cell.tag.endswith("}c")} == {"s"}
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        assert not [name for name in book.namelist() if "sheet1.xml.rels" in name]


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200b", "\ufeff"])
def test_a_mark_that_turns_or_hides_text_is_told_in_each_form(mark: str, tmp_path: Path) -> None:
    """王某 with a mark before or in it must look like another name, and be no formula."""
    table = of_cell(f"{mark}=1王{mark}某")
    told = f"\\u{ord(mark):04x}"
    (_, row) = csv.reader(io.StringIO(to_csv(table).decode("utf-8-sig")))
    _, rows = sheet(xlsx(table, tmp_path))
    (page,) = pages_of(pdf(table, tmp_path), tmp_path)
    for text in (row[0], rows[-1][0], page):
        assert mark not in text and f"{told}=1王{told}某" in text


@pytest.mark.parametrize("name", ["𠮷野", "㐂", "阿卜杜热伊木·艾力", "ئابدۇرېھىم"])
def test_a_rare_name_is_on_the_page_as_itself_or_as_its_code_points(
    name: str, tmp_path: Path
) -> None:
    (page,) = pages_of(pdf(of_cell(name), tmp_path), tmp_path)
    assert name in page or all(c in page or f"[U+{ord(c):04X}]" in page for c in name)


def test_the_same_table_is_the_same_bytes(tmp_path: Path) -> None:
    assert xlsx(TABLE, tmp_path) == xlsx(TABLE, tmp_path)


def test_a_cell_too_long_for_a_workbook_is_refused_and_not_left_out(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="32,767"):
        xlsx(of_cell("x" * 32_768), tmp_path)
    assert not (tmp_path / "t.xlsx").exists()


def pdf(table: Table, tmp_path: Path) -> bytes:
    pytest.importorskip("typst")
    write_table(table, tmp_path / "t.pdf")
    return (tmp_path / "t.pdf").read_bytes()


def test_a_page_has_title_columns_and_rows(tmp_path: Path) -> None:
    first = pdf(TABLE, tmp_path)
    (page,) = pages_of(first, tmp_path)
    for text in ("执法台账", "案号", "苏城管罚〔2026〕417号", "罚款500元", "2026-731"):
        assert text in page
    assert pdf(TABLE, tmp_path) == first


def test_a_cell_of_a_page_is_no_markup_and_its_odd_characters_are_told(tmp_path: Path) -> None:
    (page,) = pages_of(pdf(of_cell('#read("table.json") $x$ *b* 😀'), tmp_path), tmp_path)
    assert '#read("table.json")$x$*b*[U+1F600]' in page


def test_a_case_s_and_an_officer_s_number_stay_in_one_piece(tmp_path: Path) -> None:
    """As wide as the case register: whoever looks for a number on the page must find it."""
    day = "2026-03-02"
    row = ("姑城管简罚〔2026〕1417号", "agency-01", "行政处罚简易程序", day)
    row += ("320501-0417、320501-0418、320501-0419", "调查取证", "行政许可（不予许可）决定书")
    row += ("1500.00", day, day, day, "12", "2026-12345", "2026-212345")
    lines = lines_of(pdf(Table("台账", row, (row,) * 3), tmp_path), tmp_path)
    for number in (row[0], "320501-0417", "320501-0418", "2026-212345"):
        assert sum(number in line for line in lines) >= 4, number
    assert row[0] in text_of(pdf(of_cell(row[0]), tmp_path), tmp_path)
    # An identity card's number in a narrow column as well; what is longer than any is broken.
    narrow = ("320501199001011234", "字" * 40, "a" * 64) * 3
    lines = lines_of(pdf(Table("t", narrow, (narrow,)), tmp_path), tmp_path)
    assert sum(line.count("320501199001011234") for line in lines) == 6
    assert not any("a" * 64 in line for line in lines)


def test_a_long_table_has_its_head_on_every_page(tmp_path: Path) -> None:
    rows = tuple((f"案件{n}", "x") for n in range(200))
    pages = pages_of(pdf(Table("台账", ("案号列", "b"), rows, at_ms=0), tmp_path), tmp_path)
    assert len(pages) > 2
    assert all("案号列" in page for page in pages)


def test_on_the_terminal_columns_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(TABLE)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "执法台账"
    assert lines[-2] == "苏城管罚〔2026〕417号  罚款500元"
    assert lines[-3] == "案号                   决定"


@pytest.mark.parametrize("name", ["t.xls", "t", "csv", "t.csv.gz"])
def test_another_ending_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"\.csv, \.xlsx, \.pdf"):
        write_table(TABLE, tmp_path / name)


def test_a_row_that_lacks_a_cell_is_a_fault() -> None:
    with pytest.raises(ValueError, match="as many cells"):
        tables.Table("t", ("a", "b"), (("x",),))
