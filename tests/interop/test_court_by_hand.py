"""What the pages for checking by hand tell an expert to type, typed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tamper.test_clips import built as clip_packet

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
END_OF_BLOCK = "\x1e"
PACKET, CLIP = "court-by-hand.md", "clip-by-hand.md"


def blocks(page: str) -> list[tuple[str, str]]:
    """Each block of commands with the output that the page promises."""
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def typed(folder: Path, page: str = PACKET) -> subprocess.CompletedProcess[str]:
    script = "".join(f"{commands}printf '\\036'\n" for commands, _ in blocks(page))
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


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    if not shutil.which("jq"):
        pytest.skip("needs jq")
    for path, data in clip_packet().sealed().items():
        file = tmp_path / "packet" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path


@pytest.mark.parametrize(("folder", "page"), [("copy", PACKET), ("clip", CLIP)])
def test_the_page_prints_what_it_says(
    request: pytest.FixtureRequest, folder: str, page: str
) -> None:
    done = typed(request.getfixturevalue(folder), page)
    assert done.stderr == ""
    assert done.returncode == 0
    expected = "".join(output + END_OF_BLOCK for _, output in blocks(page))
    assert done.stdout == expected


@pytest.mark.parametrize(
    ("path", "says_no_more"),
    [
        ("01.chunks", "the chunks are of the original"),
        ("01.mp4", "3 of 3 stretches of the file to play are bytes of the original"),
    ],
)
def test_an_altered_byte_of_a_clip_takes_away_a_line(
    clip: Path, path: str, says_no_more: str
) -> None:
    file = clip / "packet" / "data" / "clips" / path
    data = bytearray(file.read_bytes())
    data[40] ^= 1  # of a sample of the file to play, not of its tables
    file.write_bytes(data)
    assert says_no_more not in typed(clip, CLIP).stdout


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


@pytest.mark.parametrize("page", [PACKET, CLIP])
def test_both_languages_show_the_same_commands(page: str) -> None:
    assert blocks(page.replace(".md", ".zh.md")) == blocks(page)
