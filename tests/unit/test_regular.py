"""What is no file is refused at once: each of these tests would hang if it were opened."""

import os
import threading
from pathlib import Path

import pytest

from api.clients.filing import read_source
from api.keys import read_key as read_kept_key
from cli.files import read_secret
from cli.small_file import read_small
from ledger.errors import LedgerError
from storage.regular import open_regular


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture(params=["pipe", "folder", "/dev/zero"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path, pipe: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / str(request.param)


def test_what_is_no_file_is_not_opened(no_file: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="no regular file"):
        open_regular(no_file)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_is_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    (tmp_path / "link").symlink_to("file")
    with open(open_regular(tmp_path / "link"), "rb") as file:
        assert file.read() == b"data"


def test_what_is_no_file_is_neither_evidence_nor_a_certificate_nor_a_key(no_file: Path) -> None:
    for read in (
        lambda: read_small(no_file),
        lambda: read_source(no_file, lambda n: None),
        lambda: read_kept_key(no_file),
    ):
        with pytest.raises(LedgerError, match="no regular file"):
            read()


def test_a_secret_may_come_through_a_pipe_that_somebody_writes_into() -> None:
    """So that it need not lie on a disk: `--key <(…)`. Its parts may come one by one."""
    reading, writing = os.pipe()
    os.write(writing, b"first ")

    def write_on() -> None:
        os.write(writing, b"and last\n")
        os.close(writing)

    writer = threading.Timer(0.05, write_on)
    writer.start()
    try:
        assert read_secret(f"/dev/fd/{reading}") == "first and last"
    finally:
        writer.join()
        os.close(reading)


def test_a_secret_from_a_pipe_that_nobody_writes_into_is_empty(pipe: Path) -> None:
    assert read_secret(str(pipe)) == ""


def test_a_secret_is_not_read_from_a_device_or_a_folder(tmp_path: Path) -> None:
    for path in ("/dev/zero", str(tmp_path)):
        with pytest.raises(LedgerError, match="no regular file"):
            read_secret(path)
