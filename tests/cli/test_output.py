import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from cli.output import Exit, note, progress, result, run, worst
from ledger.errors import Conflict, Full, LedgerError, Malformed, Rejected, Unavailable, Unknown

Capture = pytest.CaptureFixture[str]


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Malformed("x"), 1),
        (Rejected("x"), 1),
        (Conflict("x"), 1),
        (Unknown("x"), 1),
        (Unavailable("x"), 4),
        (Full("x"), 4),
        (OSError(5, "input/output error"), 4),
        (click.UsageError("x"), 2),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (ZeroDivisionError("x"), 4),
    ],
)
def test_every_way_to_end_has_its_code(error: BaseException, code: int) -> None:
    assert run([], raising(error)) == code


def test_a_command_that_says_nothing_is_done() -> None:
    assert run([], lambda: None) == 0


def test_the_worst_is_failed_then_unavailable_then_undecided() -> None:
    order = [Exit.FAILED, Exit.UNAVAILABLE, Exit.UNDECIDED, Exit.DONE]
    for i, exit_ in enumerate(order):
        assert worst(reversed(order[i:])) is exit_


def test_an_error_is_a_line_with_its_hints(capsys: Capture) -> None:
    run([], raising(LedgerError("no luck", hints=("try again",))))
    assert capsys.readouterr() == ("", "tiezheng: error: no luck\ntiezheng: hint: try again\n")


def test_an_error_in_chinese_names_its_family(capsys: Capture) -> None:
    run(["--lang", "zh"], raising(Full("no room")))
    assert capsys.readouterr().err == "tiezheng: 错误：空间或配额不足（no room）\n"


def test_an_error_with_json_is_one_line_of_it(capsys: Capture) -> None:
    run(["--json"], raising(Rejected("no")))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err) == {"error": {"code": "rejected", "hints": [], "message": "no"}}


def test_an_escape_sequence_in_an_error_is_shown_not_obeyed(capsys: Capture) -> None:
    run([], raising(Rejected("a\x1b[31m\nb\u202e")))
    assert capsys.readouterr().err == "tiezheng: error: a\\x1b[31m\\nb\\u202e\n"


def test_an_escape_sequence_in_a_result_is_shown_not_obeyed(capsys: Capture) -> None:
    result("a\x1b[31m\nb")
    assert capsys.readouterr().out == "a\\x1b[31m\nb\n"


def test_an_error_of_our_own_shows_no_traceback(capsys: Capture) -> None:
    run([], raising(ZeroDivisionError("oops")))
    err = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in err
    assert "Traceback" not in err


def test_the_traceback_of_our_own_error_can_be_asked_for(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEZHENG_DEBUG", "1")
    run([], raising(ZeroDivisionError("oops")))
    assert "Traceback" in capsys.readouterr().err


def test_a_remark_is_left_out_with_json(capsys: Capture) -> None:
    run(["--json"], lambda: note("by the way"))
    assert capsys.readouterr().err == ""


def test_there_is_no_bar_without_a_terminal(capsys: Capture) -> None:
    def command() -> None:
        with progress("reading", 1 << 40) as advance:
            advance(1 << 39)

    run([], command)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_that_knows_no_chinese_still_gets_the_line() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    code = "from cli.output import result, run; run([], lambda: result('a案'))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=False
    )
    assert done.stdout == b"a\\u6848\n"


def test_a_reader_who_leaves_does_not_change_the_verdict(worked: Path) -> None:
    code = "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))"
    args = ["verify", *[str(worked / "packet")] * 3, "--trust", str(worked / "trust")]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", code, *args], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
