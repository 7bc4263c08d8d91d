"""Starting is part of using: what a command does not need it does not import."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "fastapi",
    "httpx2",
    "pydantic",
    "rfc3161_client",
    "rich",
    "sqlite_utils",
    "starlette",
    "structlog",
    "uvicorn",
}
CODE = "import sys; from cli.main import main; main(sys.argv[1:]); print('\\n', *sys.modules)"


def modules(*args: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *args], capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr
    return set(done.stdout.rpartition("\n ")[2].split())


@pytest.mark.parametrize("name", ["verify", "audit", "inspect", "keygen"])
def test_the_help_of_an_offline_command_imports_nothing_heavy(name: str) -> None:
    found = modules(name, "--help")
    assert f"cli.{name}" in found
    assert not HEAVY & found


def test_the_list_of_commands_imports_none_of_them() -> None:
    found = modules("--help")
    assert {name for name in found if name.startswith("cli.")} == {
        "cli.closed_wording",
        "cli.command",
        "cli.language",
        "cli.main",
        "cli.output",
    }
    assert "cryptography" not in found


def test_a_whole_verdict_imports_nothing_heavy_and_nothing_that_writes(worked: Path) -> None:
    found = modules("verify", str(worked / "packet"), "--trust", str(worked / "trust"))
    assert "ledger.verify" in found
    assert not HEAVY & found
    assert not {"ledger.log", "ledger.sequencer", "ledger.cosigner", "ledger.ports"} & found


def test_a_verdict_with_a_folder_as_log_opens_no_network(worked: Path) -> None:
    args = ("verify", str(worked / "packet"), "--trust", str(worked / "trust"), "--log")
    assert not {"httpx2", "api", "ssl"} & modules(*args, str(worked / "public"))


def test_the_version_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("tiezheng ")


def test_only_a_time_stamp_imports_its_reader(own_vectors: Path) -> None:
    stamps = own_vectors / "timestamps"
    assert "rfc3161_client" in modules("inspect", str(stamps / "response.tsr"))
    assert "rfc3161_client" not in modules("inspect", str(stamps / "request.tsq"))
    assert "rfc3161_client" not in modules("inspect", str(own_vectors / "worked-packet/packet"))
