"""A receipt grows by itself: logged, witnessed, stamped; and what it brings is looked at."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.clients.stamped import read_stamped
from ledger.encoding import format_base64
from ledger.errors import Malformed
from testkit.server import Ledger, serving
from testkit.stamped import await_stamp, stamped_ledger
from testkit.terminal import Run
from testkit.tsa import openssl_accepts
from testkit.tsa_process import open_tsa


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str, str]]:
    """A ledger, its address, and the id of a statement that was stamped."""
    folder = tmp_path_factory.mktemp("stamped")
    with (
        open_tsa(folder / "tsa", intermediate=True, unsorted=True) as tsa,
        stamped_ledger(folder / "ledger", ("lab", tsa)) as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
    ):
        (row,) = ledger.accept(ledger.evidence(b"a picture"))
        ledger.await_quorum()
        await_stamp(ledger, int(row["index"]) + 1)
        yield ledger, address, row["id"]


def test_a_stamped_receipt_says_so_and_keeps_what_openssl_needs(
    run: Run, stamped: tuple[Ledger, str, str], tmp_path: Path
) -> None:
    ledger, address, id_ = stamped
    trust, kept = ledger.folder / "trust", tmp_path / "kept"
    asked = ("receipt", id_, "--server", address)
    ended = run(*asked, "--trust", trust, "--timestamps", kept)
    assert (ended.code, "stamped by lab, existed by 20" in ended.out) == (0, True), ended.err
    said = json.loads(run(*asked, "--trust", trust, "--json").out)
    assert list(said["timestamps"]) == ["lab"]
    (body,), (token,) = kept.glob("*.body"), kept.glob("*.lab.tsr")
    assert body.name == token.name.replace(".lab.tsr", ".body")
    pem = (trust / "tsa" / "lab.pem").read_bytes()
    assert openssl_accepts(token.read_bytes(), body.read_bytes(), pem)
    (proof,) = kept.glob("*.tlog-proof")
    assert proof.read_text().endswith("\n") and body.read_text() in proof.read_text()
    assert "--trust would check it" in run(*asked).out


def test_an_authority_that_is_not_ones_own_is_named_and_not_counted(
    run: Run, stamped: tuple[Ledger, str, str], tmp_path: Path
) -> None:
    ledger, address, id_ = stamped
    trust = tmp_path / "trust"
    shutil.copytree(ledger.folder / "trust", trust)
    shutil.rmtree(trust / "tsa")
    ended = run("receipt", id_, "--server", address, "--trust", trust)
    assert "stamped by lab: no authority of your trust folder" in ended.out


TOKEN = {"authority": "lab", "token": format_base64(b"token")}


@pytest.mark.parametrize(
    "answer",
    [
        {"stamped_proof": "x"},
        {"timestamps": [TOKEN]},
        {"stamped_proof": 1, "timestamps": [TOKEN]},
        {"stamped_proof": "x", "timestamps": [TOKEN] * 17},
        {"stamped_proof": "x", "timestamps": [{"authority": "lab"}]},
        {"stamped_proof": "x", "timestamps": [TOKEN | {"token": "%"}]},
        {"stamped_proof": "x", "timestamps": [TOKEN | {"authority": "../lab"}]},
        {"stamped_proof": "x", "timestamps": [TOKEN | {"authority": ""}]},
        {"stamped_proof": "x", "timestamps": ["lab"]},
        {"stamped_proof": "x", "timestamps": [TOKEN]},
    ],
)
def test_what_a_ledger_may_answer_is_bounded_and_names_no_path(answer: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_stamped(answer)


def test_nothing_stamped_is_nothing() -> None:
    assert read_stamped({}) is read_stamped({"timestamps": []}) is None
