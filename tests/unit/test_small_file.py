import os
from pathlib import Path

import pytest

from cli.small_file import read_small
from ledger.errors import Unavailable


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    assert read_small(tmp_path / "a.pdf") == b"%PDF-"


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unavailable, match="no regular file"):
        read_small(tmp_path / "pipe")
