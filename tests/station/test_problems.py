"""Every problem that a station can raise has its Chinese."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli.language import choose
from cli.station.problems import in_chinese, problem_words
from cli.station.screen import device_line, head_lines
from ledger import errors
from testkit.server import Ledger
from testkit.station import Desk, shift

ROOT = Path(__file__).parents[2]
STATION = [ROOT / "cli" / "station" / f"{name}.py" for name in ("card", "docking", "reading")]
STATION += [ROOT / "cli" / "station" / f"{name}.py" for name in ("engine", "sending", "view")]
CLIENTS = [
    ROOT / "api" / "clients" / f"{name}.py"
    for name in ("direct", "http", "ledger", "patience", "tus")
]
DISK = [ROOT / "storage" / f"{name}.py" for name in ("durable", "database")]
ERRORS = {name for name in dir(errors) if name[0].isupper()}
ERRORS |= {"Unreadable", "Stopped", "_Broken", "kind"}
# A card's identity, and the ends of texts whose beginnings are written elsewhere.
ELSEWHERE = {"uuid-7", "cannot 7: 7", "7: raise spool_bytes"}


def raised(tree: ast.Module) -> Iterator[ast.expr]:
    """The texts of errors, and those that a part keeps as the problem of a device."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(name), args=[text, *_]) if name in ERRORS:
                yield text
            case ast.Call(func=ast.Name("refusals"), args=[what, *_]):
                yield ast.JoinedStr([ast.Constant("cannot "), *_parts(what), ast.Constant(": 7")])
            case ast.Assign(targets=[ast.Subscript(value=ast.Attribute(attr=attr))], value=text):
                if attr in ("problems", "errors"):
                    yield text
            case ast.IfExp(body=ast.JoinedStr() as text, orelse=ast.Constant("")):
                yield text


def _parts(what: ast.expr) -> list[ast.expr]:
    return list(what.values) if isinstance(what, ast.JoinedStr) else [what]


def spelled(text: ast.expr) -> str:
    match text:
        case ast.Constant(str(words)):
            return words
        case ast.JoinedStr(parts):
            return "".join(map(sample, parts))
    return ""  # another error's own words


def sample(part: ast.expr) -> str:
    match part:
        case ast.Constant(words):
            return str(words)
        case ast.FormattedValue(conversion=114):
            return "'7'"
        case ast.FormattedValue(ast.Attribute(attr="_url" | "_shown")):
            return "http://7"
    return "7"


def all_problems() -> list[str]:
    trees = [ast.parse(path.read_text("utf-8")) for path in (*STATION, *CLIENTS, *DISK)]
    found = {spelled(text) for tree in trees for text in raised(tree)}
    return sorted(found - {"", "7"} - ELSEWHERE)


@pytest.mark.parametrize("problem", all_problems())
def test_a_problem_has_its_chinese(problem: str) -> None:
    assert in_chinese(problem) is not None


def test_a_file_that_is_larger_than_the_spool_is_said_in_chinese() -> None:
    text = "'A.MP4' has 9 bytes, and the whole spool is for 4: raise spool_bytes"
    assert in_chinese(text) is not None


def test_the_sources_do_hold_problems() -> None:
    assert len(all_problems()) > 40


def test_what_somebody_else_says_stands_behind_a_chinese_word() -> None:
    choose(["--lang=zh"], {})
    assert problem_words("stopped while reading; odd") == "读取时被停止；出错（odd）"
    choose([], {})


def test_the_line_under_a_device_is_in_chinese(office: Desk, ledger: Ledger) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    office.plug(away)
    seen = office.settle()
    (device,) = seen.devices
    device = replace(device, problem="there is more on it than can be listed")
    seen = replace(
        seen, why="no answer from http://x: refused", refused=["1: the upload has ended"]
    )
    choose(["--lang=zh"], {})
    shown = "\n".join([device_line(device), *head_lines(seen)])
    choose([], {})
    assert "其中内容过多，无法全部列出" in shown
    assert "没有应答" in shown and "被拒：1：该上传已失效" in shown
