import fcntl
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import Conflict, Malformed, Rejected, Unavailable, Unknown
from storage import folder_lock
from storage.folder import DataFolder
from storage.folder_lock import FolderLock, is_locked
from testkit.syncs import watched_syncs

PROJECT = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from storage.folder_lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_new_data_folder_is_private_and_opens(tmp_path: Path) -> None:
    created = DataFolder.create(tmp_path / "data")
    assert DataFolder.open(tmp_path / "data") == created
    modes = {
        str(p.relative_to(tmp_path)): stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")
    }
    assert modes == {
        "data": 0o700,
        "data/format": 0o600,
        "data/items": 0o700,
        "data/keys": 0o700,
        "data/public": 0o700,
    }


def test_a_creation_cut_short_can_be_repeated(tmp_path: Path) -> None:
    DataFolder.create(tmp_path).format.unlink()
    (tmp_path / ".new-00").touch()
    with pytest.raises(Unknown):
        DataFolder.open(tmp_path)
    DataFolder.create(tmp_path)
    DataFolder.open(tmp_path)


def test_a_data_folder_is_created_once(tmp_path: Path) -> None:
    DataFolder.create(tmp_path)
    with pytest.raises(Conflict):
        DataFolder.create(tmp_path)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(Conflict, match=r"thesis\.doc"):
        DataFolder.create(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.doc"]


def test_a_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    DataFolder.create(tmp_path).format.write_text("3\n")
    with pytest.raises(Rejected, match="written by a newer version"):
        DataFolder.open(tmp_path)


def test_a_folder_in_plain_has_the_first_format_until_it_is_sealed(tmp_path: Path) -> None:
    folder = DataFolder.create(tmp_path, sealed=False)
    assert (folder.format.read_text(), folder.is_sealed()) == ("1\n", False)
    folder.begin_sealing()
    assert (folder.format.read_text(), DataFolder.open(tmp_path).is_sealed()) == ("2\n", True)


@pytest.mark.parametrize("text", ["", "one\n", "1\n\n", "01\n", " 1\n", "1" * 100])
def test_a_format_file_in_another_spelling_is_malformed(tmp_path: Path, text: str) -> None:
    DataFolder.create(tmp_path).format.write_text(text)
    with pytest.raises(Malformed):
        DataFolder.open(tmp_path)


def test_where_there_is_no_ledger_none_is_opened(tmp_path: Path) -> None:
    with pytest.raises(Unknown):
        DataFolder.open(tmp_path / "missing")


def test_a_second_holder_is_told_who_has_the_folder(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "lock"):
        with pytest.raises(Conflict, match=rf"in use by process {os.getpid()}\b"):
            FolderLock(tmp_path / "lock")
        # The refused one must not have let go of the lock of the first.
        with pytest.raises(Conflict):
            FolderLock(tmp_path / "lock")


def test_a_lock_let_go_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        lock = FolderLock(tmp_path / "lock")
        lock.close()
        lock.close()


def test_another_process_is_named_and_its_death_frees_the_folder(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock")
    with pytest.raises(Conflict, match=rf"in use by process {process.pid}\b"):
        FolderLock(tmp_path / "lock")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    FolderLock(tmp_path / "lock").close()


def test_a_lock_in_a_missing_folder_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        FolderLock(tmp_path / "missing" / "lock")


def test_somebody_who_only_asks_does_not_keep_the_folder_from_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking takes the lock for a moment, shared, as there is no other way to ask."""
    FolderLock(tmp_path / "lock").close()
    asking = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            os.close(asking)

    monkeypatch.setattr(folder_lock, "sleep", wait)
    FolderLock(tmp_path / "lock").close()
    assert len(waits) == 2


def test_whether_a_lock_is_held_is_said_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)  # nobody has ever held it
    with FolderLock(path):
        assert is_locked(path)
    assert not is_locked(path)


def test_a_lock_that_cannot_be_looked_at_is_not_called_free(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="cannot look at the lock"):
        is_locked(tmp_path / "file" / "lock")


def test_the_name_of_a_data_folder_is_durable_once_it_is_open(tmp_path: Path) -> None:
    """A founding that was killed may have given it its name and not synced that."""
    DataFolder.create(tmp_path / "data")
    with watched_syncs() as synced:
        DataFolder.open(tmp_path / "data")
    assert synced == [tmp_path]
