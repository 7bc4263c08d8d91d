"""A slow machine on demand pauses where its seed says, and nowhere else."""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ledger.encoding import parse_decimal, parse_hex
from testkit import pauses
from testkit.pauses import BUDGET_S, PAUSE_S, TIMES, Pauses


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("testkit.pauses.time.sleep", slept.append)
    return slept


def watched(one: Pauses, act: Callable[[], object]) -> None:
    before = sys.getprofile()
    sys.setprofile(one.seen)
    try:
        for _ in range(10 * TIMES):
            act()
    finally:
        sys.setprofile(before)


def test_a_point_pauses_a_few_times_in_each_test(slept: list[float]) -> None:
    one = Pauses("1", share=1.0)
    one.begin("first")
    watched(one, lambda: parse_decimal("1"))
    first = len(slept)
    assert 2 * TIMES <= first <= BUDGET_S / PAUSE_S + 1 and {*slept} == {PAUSE_S}
    one.begin("second")
    watched(one, lambda: parse_decimal("1"))
    assert len(slept) == 2 * first


def test_other_peoples_code_is_not_held_up(slept: list[float]) -> None:
    watched(Pauses("1", share=1.0), partial(os.path.join, "a", "b"))
    assert slept == []


def test_the_seed_and_the_test_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(seed: str, test: str) -> list[bool]:
        one = Pauses(seed, share=0.5)
        one.begin(test)
        codes = (parse_decimal.__code__, parse_hex.__code__, watched.__code__, slept_code)
        return [one._choose(code, event) for code in codes for event in ("call", "return")]

    slept_code = test_a_point_pauses_a_few_times_in_each_test.__code__
    assert chosen("1", "a") == chosen("1", "a")
    assert len({tuple(chosen(str(seed), "a")) for seed in range(20)}) > 5
    assert len({tuple(chosen("1", str(test))) for test in range(20)}) > 5


def test_a_word_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAUSES", "1:sometimes")
    with pytest.raises(pytest.UsageError, match="SEED:back or SEED:main, got '1:sometimes'"):
        pauses.pytest_configure()


def test_whose_code_it_is_is_told_by_its_folder() -> None:
    assert all(Path(folder).is_dir() for folder in pauses.FOLDERS)
