"""The coverage-guided fuzzer, a few seconds a target; `tests/fuzz/run.py` runs it longer."""

from pathlib import Path

import pytest

from fuzz import run
from fuzz.targets import PLANTED, TARGETS, Target

SECONDS = 2

needs_atheris = pytest.mark.skipif(
    not run.available(), reason="needs atheris, which is for Linux on x86-64: `make slow` has it"
)
pytestmark = [pytest.mark.slow, needs_atheris]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_it_tries_breaks_a_reader(target: Target) -> None:
    cases = run.hunt(target.name, SECONDS)
    assert cases == [], "each of these is kept, and breaks `make test` until it is mended"


def test_it_finds_a_fault_where_there_is_one(tmp_path: Path) -> None:
    (case,) = run.hunt(PLANTED.name, 60, cases=tmp_path, corpus=tmp_path / "corpus")
    with pytest.raises(KeyError, match="planted"):
        PLANTED.run(case.read_bytes())
