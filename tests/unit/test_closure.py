"""How much an opposing expert has to read in order to trust the verifier."""

import re
from pathlib import Path

import pytest

from portable.closure import closure, file_of

ROOT = Path(__file__).parents[2]
LINES_AT_MOST = 10_300
WRITING = {
    "ledger.clipping",
    "ledger.cosigner",
    "ledger.derived",
    "ledger.evidence.sealed",
    "ledger.evidence.series_private",
    "ledger.evidence.signing",
    "ledger.filing",
    "ledger.suite_private",
    "ledger.log",
    "ledger.packing",
    "ledger.ports",
    "ledger.sequencer",
    "ledger.tlog.proof",
    "ledger.tlog.signing_key",
    "ledger.tlog.submission",
    "ledger.tlog.tiling",
    "ledger.withholding",
}


def lines_of_the_verifier() -> int:
    """All lines of all its files, comments and blank ones too: what an expert scrolls through."""
    files = set(closure("ledger.verify").values())
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


def test_the_verifier_is_small_enough_to_be_read() -> None:
    assert lines_of_the_verifier() <= LINES_AT_MOST


def test_the_bound_is_not_slack() -> None:
    assert lines_of_the_verifier() > LINES_AT_MOST - 600


def test_the_verifier_holds_nothing_of_the_writing_side() -> None:
    assert not WRITING & closure("ledger.verify").keys()


def test_the_writing_side_is_where_this_test_thinks_it_is() -> None:
    assert all(file_of(module) for module in WRITING)


def test_the_verifier_needs_the_core_only() -> None:
    assert {module.split(".")[0] for module in closure("ledger.verify")} == {"ledger"}


@pytest.mark.parametrize("module", ["ledger.suite", "ledger.tlog.merkle", "ledger.verdict.items"])
def test_the_closure_follows_both_forms_of_import(module: str) -> None:
    assert module in closure("ledger.verify")


def test_the_readme_tells_the_bound() -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        return
    mark = r"<!-- verify-closure -->([\d,]+) lines<!-- /verify-closure -->"
    numbers = re.findall(mark, readme.read_text(encoding="utf-8"))
    assert [int(n.replace(",", "")) for n in numbers] == [LINES_AT_MOST]
