import shutil
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import LedgerError
from ledger.evidence.packet import PacketSource
from ledger.evidence.trust import Trust
from ledger.report import Report
from ledger.verify import verify_packet
from storage.packets import DiskPacket, open_packet
from testkit.case import Built, make_case
from testkit.second_verifier import (
    compare,
    compare_refusal,
    opening_of,
    remember_trusts,
    verdict_of,
)

remember_trusts()


@pytest.fixture(autouse=True)
def short_lookahead(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """65,536 tags of each series take a second; the full length has tests of its own."""
    if "full_lookahead" not in request.fixturenames:
        monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


@pytest.fixture
def full_lookahead() -> None:
    """Asks for the length that users have."""


@pytest.fixture
def alone() -> None:
    """Says that the second verifier cannot know what the test changes: a bound, or the moment."""


@pytest.fixture(params=[10, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def of_how_many(request: pytest.FixtureRequest) -> int:
    """Of so many packets the second verifier judges one; in `make slow` every one."""
    count: int = request.param
    return count


@pytest.fixture(autouse=True)
def second_opinion(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Every packet that a test here has judged or opened, the verifier for the browser has too."""
    if "alone" in request.fixturenames:
        return
    if not shutil.which("node"):
        return  # tests/browser says by name that it is missing
    seldom = "of_how_many" in request.fixturenames
    count = request.getfixturevalue("of_how_many") if seldom else 1
    for once, twice in ((verify_packet, verified_twice), (open_packet, opened_twice)):
        replace_everywhere(monkeypatch, request, once, one_of(count, twice, once))


def verified_twice(packet: PacketSource, trust: Trust, **options: Any) -> Report:
    report = verify_packet(packet, trust, **options)
    options.pop("on_bytes", None)
    rederived = options.pop("rederive", None) is not None
    answer = verdict_of(packet, trust, **options)
    compare(report.to_json(), answer, rederived=rederived)
    return report


def opened_twice(path: Path) -> DiskPacket:
    try:
        packet = open_packet(path)
    except LedgerError as error:
        compare_refusal(error, opening_of(path))
        raise
    compare_refusal(None, opening_of(path))
    return packet


def one_of(count: int, chosen: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    """The first call and every `count`-th after it goes to `chosen`."""
    turns = cycle([chosen, *[other] * (count - 1)])
    return lambda *given, **options: next(turns)(*given, **options)


def replace_everywhere(
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    old: Callable[..., Any],
    new: Callable[..., Any],
) -> None:
    kit = [module for name, module in sys.modules.items() if name.startswith("testkit.")]
    for module in (request.module, *kit):
        for name, value in list(vars(module).items()):
            if value is old and module.__name__ != "testkit.second_verifier":
                monkeypatch.setattr(module, name, new)


@pytest.fixture
def good() -> Built:
    """The usual case as built; the test may alter it."""
    return make_case().build()
