"""The only module that writes to a stream or picks an exit code.

Results go to stdout, everything else to stderr:

    tiezheng: error: 'a.zip' is no packet: neither a folder nor a zip
    tiezheng: hint: …

With `--json` a result is one line of JSON, and an error is one on stderr:

    {"error":{"code":"unavailable","hints":[],"message":"…"}}

Exit codes: 0 passed or done, 1 failed, 2 usage, 3 undecided, 4 the system or the
network would not do its part, or the path is no packet at all, 130 interrupted. An
unknown code, or one of a crash, is to be read as failure.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import IntEnum
from importlib.util import find_spec
from typing import Any, TextIO

import click

from cli.closed_wording import HINTS_IN_CHINESE, WHY
from cli.language import choose, say
from ledger.encoding import printable
from ledger.errors import Conflict, Full, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.process.judging.gated import OWNER_HINT, PACK_HINT, Gated
from ledger.report import Outcome

LARGE = 64 << 20  # bytes; below this a bar would only flicker
DEBUG = "TIEZHENG_DEBUG"

_json: ContextVar[bool] = ContextVar("json", default=False)


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    UNDECIDED = 3
    UNAVAILABLE = 4
    INTERRUPTED = 130


_WORST_FIRST = (Exit.FAILED, Exit.UNAVAILABLE, Exit.UNDECIDED, Exit.DONE)

_OF_OUTCOME = {
    Outcome.PASSED: Exit.DONE,
    Outcome.FAILED: Exit.FAILED,
    Outcome.UNDECIDED: Exit.UNDECIDED,
}

# The nearest class counts, so the more special ones come first.
_CHINESE: tuple[tuple[type[LedgerError], str], ...] = (
    (Full, "空间或配额不足"),
    (Unavailable, "无法读取或写入"),
    (Conflict, "与已有内容冲突"),
    (Unknown, "没有所指的内容"),
    (Rejected, "不可采信"),
    (Malformed, "格式不合要求"),
)

# What to do next, of the refusals that a case handler meets most; others keep their English.
_HINTS: Mapping[str, str] = {
    **HINTS_IN_CHINESE,
    OWNER_HINT: "如该案号属于本机关，请登记人登记案号格式，登记后案件即归本机关",
    PACK_HINT: "请先发布该程序的规则包，再重新登记启动案件的行为",
    "file under a provisional case until it has a number of its own": "有本机关案号之前，"
    "以临时案件登记",
    "is the key registered and not revoked, and is the clock right?": "私钥是否已登记、未注销？"
    "时钟是否准确？",
}


def run(args: Sequence[str], command: Callable[[], Any]) -> int:
    """Runs a command and turns whatever comes of it into lines and an exit code."""
    choose(args, os.environ)
    own = args[: args.index("--")] if "--" in args else args
    _json.set("--json" in own)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character still gets the rest of the line.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command()
        return int(code) if isinstance(code, int) else Exit.DONE
    except (KeyboardInterrupt, click.Abort):
        error("interrupted", say(en="interrupted", zh="已中断"))
        return Exit.INTERRUPTED
    except click.ClickException as refused:
        return _usage(refused)
    except LedgerError as refused:
        return refusal(refused)
    except BrokenPipeError:
        _silence(sys.stdout)
        return Exit.UNAVAILABLE
    except OSError as failed:
        return refusal(
            Unavailable(f"{failed.strerror or failed}: {failed.filename or ''}".rstrip(": "))
        )
    except Exception as failed:
        return _unexpected(failed)


def exit_of(outcome: Outcome) -> Exit:
    return _OF_OUTCOME[outcome]


def worst(exits: Iterable[Exit]) -> Exit:
    """In the order failed, unavailable, undecided, done."""
    return min(exits, key=_WORST_FIRST.index, default=Exit.DONE)


def result(text: str) -> None:
    """Lines for a person, on stdout. A line break in a value must be escaped by now."""
    _write(sys.stdout, "\n".join(printable(line) for line in text.split("\n")))


def result_json(value: Mapping[str, Any]) -> None:
    # ASCII: every terminal and locale passes it on unharmed, and nothing in it can act.
    _write(sys.stdout, json.dumps(value, sort_keys=True, separators=(",", ":")))


def note(text: str) -> None:
    """A remark on stderr; none with `--json`, where stderr holds errors only."""
    if not _json.get():
        _write(sys.stderr, f"tiezheng: {printable(text)}")


def error(code: str, message: str, hints: Sequence[str] = ()) -> None:
    if _json.get():
        value = {"error": {"code": code, "hints": list(hints), "message": message}}
        _write(sys.stderr, json.dumps(value, sort_keys=True, separators=(",", ":")))
        return
    _write(sys.stderr, say(en="tiezheng: error: ", zh="tiezheng: 错误：") + printable(message))
    for hint in hints:
        _write(sys.stderr, say(en="tiezheng: hint: ", zh="tiezheng: 提示：") + printable(hint))


def refusal(refused: LedgerError, about: str = "") -> Exit:
    """Says why; `about` names the thing where several were asked for."""
    message = str(refused)
    if about and about not in message:
        message = f"{about}: {message}"
    hints = (
        refused.hints
        if _json.get()
        else [say(en=h, zh=_HINTS.get(h) or _in_chinese(h)) for h in refused.hints]
    )
    told = say(en=message, zh=f"{_family(refused)}（{_in_chinese(message)}）")
    error(refused.code, told, hints)
    return exit_after(refused)


def exit_after(refused: LedgerError) -> Exit:
    return Exit.UNAVAILABLE if isinstance(refused, Unavailable) else Exit.FAILED


@contextmanager
def progress(label: str, total: int, *, least: int = LARGE) -> Iterator[Callable[[int], None]]:
    """A bar on stderr if that is a terminal and there is much to do; a call advances it."""
    if total < least or _json.get() or not sys.stderr.isatty() or find_spec("rich") is None:
        yield lambda n: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(label), total=total)
        yield lambda n: bar.advance(task, n)


def _usage(refused: click.ClickException) -> Exit:
    match refused:
        case click.exceptions.NoArgsIsHelpError():
            _write(sys.stderr, refused.message)
            return Exit.USAGE
        case click.UsageError(ctx=click.Context() as ctx):
            path = ctx.command_path
            hints = [say(en=f"see {path} --help", zh=f"用法见 {path} --help")]
        case _:
            hints = []
    error("usage", say(en=_plain(refused.format_message()), zh=_usage_in_chinese(refused)), hints)
    return Exit.USAGE


def _in_chinese(detail: str) -> str:
    # Where nothing went wrong nobody waits for its patterns.
    from cli.details import in_chinese

    return in_chinese(detail)


def _usage_in_chinese(refused: click.ClickException) -> str:
    match refused:
        case click.MissingParameter(param=click.Parameter() as param):
            return f"缺少 {param.get_error_hint(refused.ctx)}"
        case click.NoSuchOption():
            return f"没有选项 {refused.option_name!r}"
        case click.exceptions.NoSuchCommand():
            return f"没有命令 {refused.command_name!r}"
        case click.BadParameter(param=param, param_hint=hint):
            name = hint or (param.get_error_hint(refused.ctx) if param else "参数")
            return f"{name} 的值无效（{_in_chinese(_plain(refused.message))}）"
        case _:
            return f"用法不对（{_in_chinese(_plain(refused.format_message()))}）"


def _plain(message: str) -> str:
    """click's sentence in the house's form: lower case, no full stop, one line."""
    text = " ".join(message.split())
    return text[:1].lower() + text[1:].removesuffix(".")


def _family(refused: LedgerError) -> str:
    if isinstance(refused, Gated):
        return WHY[refused.reason]["zh"]
    return next((words for kind, words in _CHINESE if isinstance(refused, kind)), "出错")


def _unexpected(failed: Exception) -> Exit:
    if os.environ.get(DEBUG) == "1":
        _write(sys.stderr, traceback.format_exc())
    name = f"{type(failed).__name__}: {failed}"
    error(
        "unexpected",
        say(
            en=f"an error in tiezheng itself, nothing was decided ({name})",
            zh=f"本程序自身出错，未作任何判定（{name}）",
        ),
        [say(en=f"{DEBUG}=1 shows where", zh=f"设置 {DEBUG}=1 可显示出错位置")],
    )
    return Exit.UNAVAILABLE


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        # Whoever read along has gone; the exit code still says how it ended.
        _silence(stream)


def _silence(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
