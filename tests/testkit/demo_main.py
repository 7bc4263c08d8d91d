"""How each of the long demonstrations starts and ends."""

import os
import signal
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from cli import output
from cli.demo import MARK
from cli.language import choose
from ledger.errors import LedgerError


def main(
    args: list[str],
    root: Path,
    run: Callable[[Path], int],
    extras: Mapping[str, str],
) -> int:
    """`run` in `root`, a folder of `demo/`; `extras` are those needed, by a module of each."""
    choose(args, os.environ)
    signal.signal(signal.SIGTERM, _stop)  # as Ctrl-C: everything that was started is ended
    for module, extra in extras.items():
        if find_spec(module) is None:
            output.error("unavailable", f"the {extra} extra is not installed")
            return output.Exit.UNAVAILABLE
    if not root.parent.exists():
        root.parent.mkdir()
        (root.parent / MARK).touch()  # `make demo` may replace it
    try:
        return run(root)
    except LedgerError as error:
        output.error("failed", str(error), error.hints)
        return output.Exit.FAILED
    except KeyboardInterrupt:
        return output.Exit.INTERRUPTED


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
