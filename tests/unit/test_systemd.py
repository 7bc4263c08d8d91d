"""The units run commands that exist, with options that they have, as nobody in particular."""

import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from importlib import import_module
from pathlib import Path

import click
import pytest

from cli.main import COMMANDS

UNITS = Path(__file__).parents[2] / "docs" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
SAFE = {
    "CapabilityBoundingSet": "",
    "LockPersonality": "yes",
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "ProtectSystem": "strict",
    "StateDirectoryMode": "0700",
    "UMask": "0077",
}


def read(unit: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(unit.read_text(encoding="utf-8"))
    return parser


def name_of(unit: Path) -> str:
    return unit.name


@pytest.mark.parametrize("unit", SERVICES, ids=name_of)
def test_a_unit_runs_a_command_with_options_that_it_has(unit: Path) -> None:
    words = shlex.split(read(unit)["Service"]["ExecStart"])[1:]
    command: click.Command = import_module(COMMANDS[words[0]].module).command
    if isinstance(command, click.Group):
        command, words = command.commands[words[1]], words[1:]
    # click itself says whether the line would be understood; nothing runs.
    context = command.make_context(words[0], words[1:], resilient_parsing=False)
    context.close()


@pytest.mark.parametrize("unit", SERVICES, ids=name_of)
def test_a_unit_has_no_more_rights_than_it_needs(unit: Path) -> None:
    service = read(unit)["Service"]
    assert {name: service.get(name) for name in SAFE} == SAFE
    assert service["User"] not in ("", "root")


def test_every_service_that_a_timer_starts_is_there() -> None:
    for timer in UNITS.glob("*.timer"):
        assert timer.with_suffix(".service").is_file()


def test_systemd_takes_them(tmp_path: Path) -> None:
    """Where it is installed; it asks for the program, so that is one that exists."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    copies = []
    for unit in sorted(UNITS.iterdir()):
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.M)
        copies.append(tmp_path / unit.name)
        copies[-1].write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *copies], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
