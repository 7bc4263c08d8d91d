"""What `docs/court-by-hand.md` tells an expert to type, typed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
END_OF_BLOCK = "\x1e"


def blocks(page: str) -> list[tuple[str, str]]:
    """Each block of commands with the output that the page promises."""
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def typed(folder: Path) -> subprocess.CompletedProcess[str]:
    script = "".join(f"{commands}printf '\\036'\n" for commands, _ in blocks("court-by-hand.md"))
    here = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where bagit.py is
    return subprocess.run(
        ["bash", "-eu"],
        input=script,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": here},
    )


@pytest.fixture
def copy(tmp_path: Path, own_vectors: Path) -> Path:
    if not (shutil.which("openssl") and shutil.which("jq")):
        pytest.skip("needs openssl and jq")
    return shutil.copytree(own_vectors / "worked-packet", tmp_path / "my-copy")


def test_the_page_prints_what_it_says(copy: Path) -> None:
    done = typed(copy)
    assert done.stderr == ""
    assert done.returncode == 0
    expected = "".join(output + END_OF_BLOCK for _, output in blocks("court-by-hand.md"))
    assert done.stdout == expected


@pytest.mark.slow  # each types the whole page: five seconds
@pytest.mark.parametrize(
    ("path", "says_no_more"),
    [
        ("packet/data/items/01.mp4", "payload: as listed"),
        ("packet/bag-info.txt", "bagit: valid"),
        ("packet/data/statements/2026-3.salt", "2026-3: committed"),
        ("packet/data/entries/2026-3.json", "entry 3 is in the tree of 5"),
        ("trust/registrar.vkey", "1 by registrar.example: Signature Verified Successfully"),
        ("public/2026/tile/entries/000.p/5", "5 entries give the root"),
    ],
)
def test_an_altered_byte_takes_away_a_line(copy: Path, path: str, says_no_more: str) -> None:
    file = copy / path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)
    assert says_no_more not in typed(copy).stdout


def test_both_languages_show_the_same_commands() -> None:
    assert blocks("court-by-hand.zh.md") == blocks("court-by-hand.md")
