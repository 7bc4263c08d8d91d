import os
import shutil
from pathlib import Path

import pytest

from ledger.errors import Conflict, LedgerError, Malformed, Unavailable
from ledger.evidence.trust import MAX_FILE
from storage.trust_directory import MAX_FILES, read_trust
from storage.trust_written import write_trust


@pytest.fixture
def trust(own_vectors: Path, tmp_path: Path) -> Path:
    return shutil.copytree(own_vectors / "worked-packet" / "trust", tmp_path / "trust")


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_a_trust_folder_is_read(trust: Path) -> None:
    assert [log.label for log in read_trust(trust).logs] == ["2026"]


def test_it_may_be_reached_by_a_link(trust: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(trust)
    assert read_trust(tmp_path / "link").hash == read_trust(trust).hash


def test_a_link_that_leads_nowhere_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").symlink_to("nothing")
    for name in ("a", "c"):
        with pytest.raises(Unavailable):
            read_trust(tmp_path / name)


def test_a_link_within_is_refused(trust: Path) -> None:
    (trust / "mirrors").rename(trust.parent / "elsewhere")
    (trust / "mirrors").symlink_to(trust.parent / "elsewhere")
    with pytest.raises(Malformed, match="'mirrors'"):
        read_trust(trust)


def test_a_linked_folder_within_is_refused(trust: Path) -> None:
    (trust / "series").rename(trust.parent / "elsewhere")
    (trust / "series").symlink_to(trust.parent / "elsewhere")
    with pytest.raises(Malformed, match="'series'"):
        read_trust(trust)


@pytest.mark.parametrize("path", [".DS_Store", "policy/.2026.swp", "Logs"])
def test_a_file_that_has_no_place_is_refused_by_name(trust: Path, path: str) -> None:
    (trust / path).touch()
    with pytest.raises(Malformed, match=path):
        read_trust(trust)


def test_a_deeper_folder_is_refused(trust: Path) -> None:
    (trust / "policy" / "old").mkdir()
    with pytest.raises(Malformed, match="policy/old"):
        read_trust(trust)


def test_a_pipe_is_refused_without_waiting(trust: Path) -> None:
    os.mkfifo(trust / "policy" / "pipe")
    with pytest.raises(Malformed, match="policy/pipe"):
        read_trust(trust)


def test_a_large_file_is_refused(trust: Path) -> None:
    (trust / "mirrors").write_bytes(b"\n" * (MAX_FILE + 1))
    with pytest.raises(Malformed, match=f"at most {MAX_FILE} bytes"):
        read_trust(trust)


def test_too_many_files_are_refused(trust: Path) -> None:
    for n in range(MAX_FILES):
        (trust / "policy" / str(n)).touch()
    with pytest.raises(Malformed, match=f"at most {MAX_FILES} files"):
        read_trust(trust)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_no_folder_at_all_is_unavailable(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        read_trust(tmp_path / name)


def test_a_written_trust_folder_is_read_back(trust: Path, tmp_path: Path) -> None:
    written = write_trust(tmp_path / "new", files(trust))
    assert files(tmp_path / "new") == files(trust)
    assert read_trust(tmp_path / "new") == written


def test_nothing_is_written_that_could_not_be_read(trust: Path, tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        write_trust(tmp_path / "new", {**files(trust), "../escaped": b""})
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "escaped").exists()


def test_a_trust_folder_is_not_written_over(trust: Path) -> None:
    before = files(trust)
    with pytest.raises(Conflict):
        write_trust(trust, before)
    assert files(trust) == before
