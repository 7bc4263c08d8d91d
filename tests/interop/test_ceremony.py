"""What `docs/ceremony.md` tells the people around the table to type, typed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from storage.trust_directory import read_trust

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def blocks(page: str) -> list[str]:
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def test_both_languages_show_the_same_commands() -> None:
    assert blocks("ceremony.zh.md") == blocks("ceremony.md")


@pytest.mark.slow  # RSA keys of two years and six commands: twenty seconds
def test_the_ceremony_goes_as_the_page_says(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eu"],
        input="".join(blocks("ceremony.md")),
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trust = read_trust(tmp_path / "data" / "trust")
    said = {file.stem: json.loads(file.read_text()) for file in tmp_path.glob("*.json")}
    assert trust.registrar.fingerprint == said["registrar"]["fingerprint"]
    cosigners = {w.key.fingerprint for w in trust.logs[0].policy.witnesses}
    assert cosigners == {said[name]["fingerprint"] for name in ("notary", "court", "archive")}
    assert (tmp_path / "log.vkey").read_text().strip() == trust.logs[0].policy.log.to_text()
    assert "registrar.vkey" in done.stdout and "policy/2026" in done.stdout
    left = {file.name for file in (tmp_path / "data" / "keys").iterdir()}
    assert "series-2026.private.pem" not in left and "series-2027.private.pem" in left
    assert not (tmp_path / "registrar.key").exists()
    assert (tmp_path / "stick-2" / "seal-1.key").stat().st_mode & 0o077 == 0
