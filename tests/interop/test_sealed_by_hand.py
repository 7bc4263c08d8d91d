"""A sealed item is opened with openssl and coreutils, as docs/formats/sealed-item.md types it."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from testkit.vault import KEY, keep, sealed_shelf

PAGE = Path(__file__).parents[2] / "docs" / "formats" / "sealed-item.md"


@pytest.mark.parametrize("size", [1, 5000, 262_144])
def test_what_the_page_types_opens_an_item(tmp_path: Path, size: int) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    shelf = sealed_shelf(tmp_path)
    data = os.urandom(size)
    object_id = keep(shelf.open(), data)
    shelf.close()
    desk = tmp_path / "desk"
    desk.mkdir()
    shutil.copy(shelf.file(object_id), desk / "object")
    shutil.copy(shelf.file(object_id, ".chunks"), desk / "companion")
    (desk / "seal-1.key").write_bytes(KEY)
    script = re.search(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert script is not None
    ended = subprocess.run(
        ["bash", "-euc", script[1]], cwd=desk, capture_output=True, text=True, check=True
    )
    assert (desk / "item").read_bytes() == data
    assert ended.stdout.startswith(hashlib.sha256(data).hexdigest())
