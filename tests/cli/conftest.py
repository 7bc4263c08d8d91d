import shutil
from pathlib import Path

import pytest

from cli.main import main
from testkit.terminal import Ended, Run


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "TIEZHENG_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    # Two seconds after a ledger is opened it would say in its log what was backed up before.
    monkeypatch.setattr("api.backups.LOOK_S", 3600.0)
    # 65,536 tags of each series take a second.
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process."""

    def run(*args: str | Path) -> Ended:
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def worked(own_vectors: Path, tmp_path: Path) -> Path:
    """A copy of the worked packet with its `trust` and `public`, to be altered at will."""
    return Path(shutil.copytree(own_vectors / "worked-packet", tmp_path / "worked"))
