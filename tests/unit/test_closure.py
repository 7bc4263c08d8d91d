"""How much an opposing expert has to read in order to trust the verifier."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("ledger", "storage", "api", "cli")
LINES_AT_MOST = 8_900
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
}


def file_of(module: str) -> Path | None:
    base = ROOT / module.replace(".", "/")
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def imported(path: Path) -> Iterator[str]:
    """Names that may be modules: importing one also runs the packages above it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)


def closure(start: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    pending = [start]
    while pending:
        module = pending.pop()
        path = file_of(module) if module.split(".")[0] in OURS else None
        if path is None or module in found:
            continue
        found[module] = path
        pending += [*imported(path), module.rpartition(".")[0]]
    return found


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


def test_the_readme_tells_the_number() -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        return
    mark = r"<!-- verify-closure -->([\d,]+) lines<!-- /verify-closure -->"
    numbers = re.findall(mark, readme.read_text(encoding="utf-8"))
    assert [int(n.replace(",", "")) for n in numbers] == [lines_of_the_verifier()]
