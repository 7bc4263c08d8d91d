"""The page for lawyers, as it stands: its rule is added, checked, published, and seen as a gap."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ledger.process.rules.rulepack import CHECKS
from testkit.server import HANDLER, REGISTRAR, open_ledger, serving

ROOT = Path(__file__).parents[2]
PAGES = ["process.md", "process.zh.md"]
BLOCK = re.compile(r"```(sh|toml)\n(.*?)```", re.DOTALL)
MISSING = "现场照片：缺少"
UNREAD = "“是否为原始照片”载明为“是”，应为下列之一：yes（是）、no（否）。"


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def worked(name: str) -> list[tuple[str, str]]:
    """The blocks of its last part: commands, and what is to be written into the file."""
    return BLOCK.findall(page(name)[page(name).rindex("\n## ") :])


def test_both_pages_say_the_same_to_do() -> None:
    first, second = map(worked, PAGES)
    assert first == second
    assert [kind for kind, _ in first] == ["sh", "toml", "sh", "sh", "sh", "sh", "sh"]


def test_a_rule_is_added_and_its_gap_comes_and_goes(tmp_path: Path) -> None:
    """Typed once, in Chinese: the other page has the same commands."""
    desk = tmp_path / "desk"
    desk.mkdir()
    shutil.copytree(ROOT / "ledger/process/packs", desk / "ledger/process/packs")
    with (
        open_ledger(tmp_path / "ledger") as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
    ):
        (desk / "registrar.key").write_text(f"{REGISTRAR.to_text()}\n")
        (desk / "handler-12.key").write_text(f"{HANDLER.to_text()}\n")
        (desk / "token").write_text(f"{ledger.token('supervisor')}\n")
        shutil.copytree(ledger.folder / "trust", desk / "trust")
        said = [_done(desk, kind, text, address) for kind, text in worked("process.zh.md")]
    assert "2026.3" in said[2]
    assert "summary-2026.3.toml: OK" in said[3]
    assert MISSING in said[4]
    assert MISSING not in said[5] and said[5].count(UNREAD) == 1
    assert MISSING not in said[6] and said[6].count(UNREAD) == 1


def _done(desk: Path, kind: str, text: str, address: str) -> str:
    if kind == "toml":
        with (desk / "mine.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n{text}")
        return ""
    assert urlsplit(address).hostname == "127.0.0.1"
    done = subprocess.run(
        ["bash", "-eu"],
        input=text.replace("https://ledger.example", address),
        cwd=desk,
        env=os.environ
        | {
            "LANG": "zh_CN.UTF-8",
            "LC_ALL": "",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONUTF8": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PAGES)
def test_every_rule_on_the_page_is_toml_and_every_kind_of_check_is_named(name: str) -> None:
    for kind, text in BLOCK.findall(page(name)):
        if kind == "toml":
            assert tomllib.loads(text)
    for check in CHECKS:
        assert f"| `{check}` |" in page(name), check


@pytest.mark.parametrize("name", PAGES)
def test_every_pack_is_in_the_table(name: str) -> None:
    files = {path.name for path in (ROOT / "ledger/process/packs").glob("*.toml")}
    assert set(re.findall(r"^\| `(\w+\.toml)` \|", page(name), re.MULTILINE)) == files
