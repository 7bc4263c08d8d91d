"""The public log as a verifier reads a copy of it."""

import os
import shutil
from pathlib import Path

import pytest

from ledger.errors import Malformed, Unknown
from ledger.tlog.audit import read_log
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from storage.public_copy import MAX_FILE, DirectoryLog

BUNDLE = "tile/entries/000.p/5"


@pytest.fixture
def copy(own_vectors: Path, tmp_path: Path) -> Path:
    return shutil.copytree(own_vectors / "worked-packet" / "public", tmp_path / "copy")


def test_a_folder_of_logs_is_read_by_label(copy: Path) -> None:
    assert DirectoryLog(copy).read("2026", BUNDLE) == (copy / "2026" / BUNDLE).read_bytes()


def test_a_single_log_is_read_under_its_label(copy: Path) -> None:
    assert DirectoryLog(copy / "2026").read("2026", BUNDLE) == (copy / "2026" / BUNDLE).read_bytes()


def test_a_single_log_is_not_taken_for_another(copy: Path) -> None:
    with pytest.raises(Unknown, match="copy of the log '2026', not of '2027'"):
        DirectoryLog(copy / "2026").read("2027", BUNDLE)


def test_a_single_log_with_a_damaged_checkpoint_is_still_read(copy: Path) -> None:
    for note in (b"", b"\xff\n", b"x" * 5000):
        (copy / "2026" / "checkpoint").write_bytes(note)
        assert DirectoryLog(copy / "2026").read("2026", BUNDLE)


def test_a_whole_log_can_be_recomputed_from_it(copy: Path) -> None:
    log = DirectoryLog(copy)
    note = SignedNote.from_bytes(log.read("2026", "checkpoint"))
    checkpoint = Checkpoint.from_text(note.text)
    ((first, entries),) = read_log(lambda path: log.read("2026", path), checkpoint, tiles=True)
    assert (first, len(entries)) == (0, checkpoint.size) == (0, 5)


@pytest.mark.parametrize(
    ("label", "path"),
    [("2026", "tile/0/001"), ("2027", "checkpoint"), ("2026", "tile/0/000.p/5/000")],
)
def test_what_is_not_there_is_unknown(copy: Path, label: str, path: str) -> None:
    with pytest.raises((Unknown, Malformed)):
        DirectoryLog(copy).read(label, path)


def test_a_missing_copy_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(Unknown):
        DirectoryLog(tmp_path / "missing").read("2026", "checkpoint")


def test_a_file_where_a_folder_belongs_is_unknown(copy: Path) -> None:
    shutil.rmtree(copy / "2026" / "tile")
    (copy / "2026" / "tile").touch()
    with pytest.raises(Unknown):
        DirectoryLog(copy).read("2026", BUNDLE)


@pytest.mark.parametrize("label", ["", "..", "2026/..", "../2026", "2026\n", ".", "secret"])
def test_a_label_does_not_lead_out_of_the_copy(copy: Path, label: str) -> None:
    with pytest.raises((Malformed, Unknown)):
        DirectoryLog(copy / "2026").read(label, "checkpoint")
    with pytest.raises((Malformed, Unknown)):
        DirectoryLog(copy / "other").read(label, "checkpoint")


@pytest.mark.parametrize("path", ["", "../checkpoint", "/etc/passwd", "tile/0/000.p/05"])
def test_other_paths_are_refused(copy: Path, path: str) -> None:
    with pytest.raises(Malformed):
        DirectoryLog(copy).read("2026", path)


def test_a_link_is_refused_wherever_it_stands_below_the_copy(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for link in ("2026/tile/entries/000.p/5", "2026/tile/entries", "2026"):
        (copy / link).rename(outside)
        (copy / link).symlink_to(outside)
        with pytest.raises(Malformed, match="want no links"):
            DirectoryLog(copy).read("2026", BUNDLE)
        (copy / link).unlink()
        outside.rename(copy / link)
    assert DirectoryLog(copy).read("2026", BUNDLE)


def test_the_copy_itself_may_be_reached_by_a_link(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(copy)
    assert DirectoryLog(tmp_path / "link").read("2026", BUNDLE)


def test_a_pipe_is_refused_without_waiting(copy: Path) -> None:
    os.mkfifo(copy / "2026" / "tile" / "0" / "000")
    with pytest.raises(Malformed, match="want a file"):
        DirectoryLog(copy).read("2026", "tile/0/000")


def test_a_file_beyond_the_bound_is_refused(copy: Path) -> None:
    path = copy / "2026" / "tile" / "0" / "000"
    with path.open("wb") as file:
        file.truncate(MAX_FILE)
    assert len(DirectoryLog(copy).read("2026", "tile/0/000")) == MAX_FILE
    with path.open("ab") as file:
        file.truncate(MAX_FILE + 1)
    with pytest.raises(Malformed, match="at most 17000000 bytes"):
        DirectoryLog(copy).read("2026", "tile/0/000")
