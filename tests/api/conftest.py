from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.sequence import open_both
from testkit.server import Ledger, open_ledger


@pytest.fixture(autouse=True)
def backups_are_said_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """By `look`: that the log says it at any moment is an entry more than a test has counted."""
    monkeypatch.setattr("api.backups.LOOK_S", 3600.0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A fresh ledger of this test's own."""
    with open_ledger(tmp_path / "ledger") as ledger:
        yield ledger


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """One ledger for all tests of a file: for what does not mind what else was filed."""
    with open_ledger(tmp_path_factory.mktemp("shared") / "ledger") as ledger:
        yield ledger


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger in its second log, with a statement in the first."""
    with open_both(tmp_path / "second") as ledger:
        yield ledger
