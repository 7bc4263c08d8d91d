from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import main
from testkit.server import Ledger, open_ledger
from testkit.station import Desk, desk
from testkit.terminal import Ended, Run


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "TIEZHENG_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process."""

    def run(*args: str | Path) -> Ended:
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with open_ledger(tmp_path_factory.mktemp("station") / "ledger") as ledger:
        yield ledger


@pytest.fixture
def office(tmp_path: Path, ledger: Ledger) -> Iterator[Desk]:
    """A station that deletes nothing."""
    with desk(tmp_path, ledger) as office:
        yield office


@pytest.fixture
def wiping(tmp_path: Path, ledger: Ledger) -> Iterator[Desk]:
    with desk(tmp_path, ledger, wipe=True) as office:
        yield office
