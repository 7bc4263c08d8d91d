"""A slow machine on demand, as a plugin of pytest: points of the code at which threads pause.

    make test PAUSES=1:back ARGS=tests/api

A share of all calls and returns of the project's functions, chosen for each test by the seed,
pauses the first few times it is reached: those of the test itself (`main`), or those of all
other threads of its process (`back`). What is red under a seed is so again.
"""

import os
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = tuple(f"{ROOT / name}{os.sep}" for name in ("api", "cli", "ledger", "storage", "tests"))
SHARE = 0.03
PAUSE_S = 0.1
TIMES = 3  # at one point, in one test
BUDGET_S = 4.0  # of one test


@dataclass(slots=True)
class Pauses:
    """Of one test at a time."""

    seed: str
    share: float = SHARE
    test: str = ""
    spent_s: float = 0.0
    _chosen: dict[tuple[CodeType, str], bool] = field(default_factory=dict)
    _counts: Counter[tuple[CodeType, str]] = field(default_factory=Counter)

    def begin(self, test: str) -> None:
        self.test, self.spent_s = test, 0.0
        self._chosen.clear()
        self._counts.clear()

    def seen(self, frame: FrameType, event: str, _: Any) -> None:
        """What `sys.setprofile` calls."""
        if event not in ("call", "return"):
            return
        point = frame.f_code, event
        chosen = self._chosen.get(point)
        if chosen is None:
            chosen = self._chosen[point] = self._choose(*point)
        if chosen and self._counts[point] < TIMES and self.spent_s < BUDGET_S:
            self._counts[point] += 1
            self.spent_s += PAUSE_S
            time.sleep(PAUSE_S)

    def _choose(self, code: CodeType, event: str) -> bool:
        if code.co_filename == __file__ or not code.co_filename.startswith(FOLDERS):
            return False
        place = os.path.relpath(code.co_filename, ROOT)
        text = "|".join((self.seed, self.test, place, code.co_qualname, event))
        drawn = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
        return drawn < self.share * 2**64


_pauses = Pauses("")


def pytest_configure() -> None:
    seed, _, threads = os.environ["PAUSES"].partition(":")
    if threads not in ("back", "main"):
        raise pytest.UsageError(f"want PAUSES=SEED:back or SEED:main, got {os.environ['PAUSES']!r}")
    _pauses.seed = seed
    if threads == "back":
        threading.setprofile(_pauses.seen)
    else:
        sys.setprofile(_pauses.seen)


def pytest_runtest_logstart(nodeid: str) -> None:
    _pauses.begin(nodeid)


def pytest_unconfigure() -> None:
    sys.setprofile(None)
    threading.setprofile(None)
