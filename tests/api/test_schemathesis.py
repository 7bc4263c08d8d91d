"""The interface under requests made from its own description: `docs/openapi.json`.

Good ones and bad ones for every operation, then chains of them. No answer may be a fault of
the server, of a status, a type or a form that the description does not name.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testkit import server
from testkit.asking import UPLOADED
from testkit.server import AGENCY, Ledger, serving

TESTS = Path(__file__).parents[1]
CONFIG = TESTS / "testkit" / "schemathesis.toml"


def ask(ledger: Ledger, *options: str) -> str:
    """What schemathesis reports; fails with it if anything is not as described."""
    ledger.upload(UPLOADED)
    before = ledger.services.log.size
    with serving(ledger.http.app) as address:  # type: ignore[arg-type]
        asked = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
                *("run", f"{address}/openapi.json", "--checks", "all", "--no-color"),
                *("--generation-database", "none", "-H", "Authorization: Bearer " + ledger.token()),
                *options,
            ],
            env=os.environ
            | {
                "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}",
                "SCHEMATHESIS_HOOKS": "testkit.asking",
                "HANDLERS_TOKEN": ledger.token("handler", agency=AGENCY),
            },
            cwd=ledger.folder,
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert asked.returncode == 0, asked.stdout[-20_000:] + asked.stderr[-4_000:]
    assert ledger.services.log.size > before + 5, "hardly anything was accepted"
    return asked.stdout


def operations() -> int:
    paths = server.create_app().openapi()["paths"]
    return sum(len(methods) for methods in paths.values())


def test_every_operation_answers_as_it_is_described(second: Ledger) -> None:
    """In the second of its logs, with statements in both."""
    said = ask(second, "--max-examples", "4", "--seed", "1", "--no-shrink")
    assert f"Tested: {operations()}" in said
    assert second.services.log.label == "2027"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("logs", ["ledger", "second"])
def test_it_does_so_for_many_requests(logs: str, request: pytest.FixtureRequest) -> None:
    ask(request.getfixturevalue(logs), "--max-examples", "60", "--seed", "2")
