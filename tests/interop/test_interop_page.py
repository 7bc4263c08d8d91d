"""What `docs/interop.md` tells a stranger to type, typed."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testkit.go import MODULE, ROOT

pytestmark = pytest.mark.timeout(600)  # the first test of a Go program builds it

PAGE = (ROOT / "docs" / "interop.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```sh\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
# Of a version by its name Go asks the network; the tests have it built already.
PRELUDE = """
go() {
    case "$2" in
        */fsck@*) shift 2; "$FSCK" "$@" ;;
        *) command go "$@" ;;
    esac
}
"""


@pytest.fixture
def folder(tmp_path: Path, own_vectors: Path) -> Path:
    for tool in ("go", "jq"):
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}")
    source = own_vectors / "worked-packet"
    return Path(shutil.copytree(source, tmp_path / "copy", copy_function=shutil.copyfile))


def typed(go: Callable[[str], Path], folder: Path) -> str:
    for program in ("logcheck", "cosigcheck", "dssecheck"):
        go(program)  # skips where its modules are not to be had
    commands = "".join(block for block, _ in BLOCK.findall(PAGE))
    python = str(Path(sys.executable).parent)
    env = os.environ | {
        "CLONE": str(ROOT),
        "FSCK": str(go("fsck")),
        "GOFLAGS": "-buildvcs=false",
        "PATH": f"{python}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash"],
        input=PRELUDE + commands,
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_page_prints_what_it_says(go: Callable[[str], Path], folder: Path) -> None:
    assert typed(go, folder) == "".join(output for _, output in BLOCK.findall(PAGE))
    assert PAGE.count("```sh") == len(BLOCK.findall(PAGE)) == 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "says_no_more"),
    [
        ("public/2026/tile/0/000.p/5", "record_proofs"),
        ("public/2026/tile/entries/000.p/5", "Successfully fsck'd"),
        ("public/2026/checkpoint", "cosigned by court, notary"),
        ("packet/data/statements/2026-3.dsse.json", "signed by station-07"),
        ("packet/data/items/01.mp4", "valid"),
    ],
)
def test_an_altered_byte_takes_away_a_line(
    go: Callable[[str], Path], folder: Path, path: str, says_no_more: str
) -> None:
    data = bytearray((folder / path).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / path).write_bytes(data)
    assert says_no_more not in typed(go, folder)


def test_the_page_names_the_versions_that_are_built() -> None:
    pinned = dict(re.findall(r"^\s+(\S+) (v\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE))
    named = re.findall(r"(\S+)/cmd/\w+@(v[\d.]+)", PAGE)
    assert named and all(pinned[module] == version for module, version in named)
    assert f"litewitness {pinned['filippo.io/torchwood']}" in PAGE
    sources = (ROOT / "tests/vectors/recorded/SOURCES.md").read_text(encoding="utf-8")
    for module in (
        "filippo.io/torchwood",
        "github.com/transparency-dev/formats",
        "github.com/transparency-dev/tessera",
    ):
        assert f"{module} {pinned[module]}" in sources


def test_every_test_is_in_the_table_of_the_page() -> None:
    foreign = {path.name for path in Path(__file__).parent.glob("test_foreign_*.py")}
    assert foreign == set(re.findall(r"`tests/interop/(test_foreign_\w+\.py)`", PAGE))
