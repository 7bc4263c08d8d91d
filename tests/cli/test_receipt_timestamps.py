"""A receipt grows by itself: logged, witnessed, stamped; and what it brings is looked at."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from api.clients.stamped import check_stamped, read_stamped
from ledger.encoding import format_base64
from ledger.errors import Malformed, Rejected
from ledger.evidence.entry import Entry
from storage.trust_directory import read_trust
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


@pytest.fixture(scope="module")
def answer(stamped: tuple[Ledger, str, str]) -> dict[str, Any]:
    ledger, _, id_ = stamped
    found: dict[str, Any] = ledger.http.get(f"/v1/statements/{id_}/receipt").json()
    assert read_stamped(found) is not None
    return found


TOKEN = {"authority": "lab", "token": format_base64(b"token")}


@pytest.mark.parametrize(
    "change",
    [
        {"timestamps": []},
        {"stamped_proof": 1},
        {"stamped_proof": "x"},
        {"timestamps": [TOKEN] * 17},
        {"timestamps": [{"authority": "lab"}]},
        {"timestamps": [TOKEN | {"token": "%"}]},
        {"timestamps": [TOKEN | {"authority": "../lab"}]},
        {"timestamps": [TOKEN | {"authority": "a/b"}]},
        {"timestamps": [TOKEN | {"authority": ""}]},
        {"timestamps": ["lab"]},
        {"timestamps": {}},
    ],
)
def test_what_a_ledger_may_answer_is_bounded_and_names_no_path(
    answer: dict[str, Any], change: dict[str, Any]
) -> None:
    """Each is a good answer but for one thing; an empty list is no timestamp."""
    if change == {"timestamps": []}:
        change = {"stamped_proof": answer["stamped_proof"], "timestamps": None}
    with pytest.raises(Malformed):
        read_stamped(answer | change)


@pytest.mark.parametrize(
    "change",
    [
        {"log": "x/../../outside"},
        {"log": "../2026"},
        {"log": ""},
        {"index": "1/../../../outside"},
        {"index": "-1"},
    ],
)
def test_a_server_that_lies_about_the_place_has_nothing_written(
    run: Run, answer: dict[str, Any], tmp_path: Path, change: dict[str, str]
) -> None:
    """Nobody's word is checked without --trust, so it must not name a file."""
    lying = FastAPI()
    lying.get("/v1/statements/{id}/receipt")(lambda: answer | change)
    (tmp_path / "kept" / "x").mkdir(parents=True)
    with serving(lying) as address:
        asked = ("receipt", answer["id"], "--server", address)
        ended = run(*asked, "--timestamps", tmp_path / "kept", "-o", tmp_path / "1.tlog-proof")
    assert ended.code == 1 and "want the log and index of an entry" in ended.err
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_a_proof_that_is_not_the_entrys_shows_no_time(
    stamped: tuple[Ledger, str, str], answer: dict[str, Any]
) -> None:
    ledger = stamped[0]
    trust = read_trust(ledger.folder / "trust")
    entry = Entry.from_bytes(answer["entry"].encode())
    good = read_stamped(answer)
    assert good is not None
    assert list(check_stamped(good, answer, entry, trust)) == ["lab"]
    lines = good.proof.split("\n")
    assert lines[2]  # the first hash of the path
    lines[2] = format_base64(bytes(32))
    altered = dataclasses.replace(good, proof="\n".join(lines))
    with pytest.raises(Rejected):
        check_stamped(altered, answer, entry, trust)
    with pytest.raises(Rejected, match="for another entry"):
        check_stamped(good, answer | {"index": "0"}, entry, trust)
    with pytest.raises(Rejected, match="for another entry"):
        check_stamped(good, answer | {"log": "2019"}, entry, trust)
    with pytest.raises(Rejected, match="something else"):
        check_stamped(dataclasses.replace(good, body=b"other"), answer, entry, trust)


def test_nothing_stamped_is_nothing() -> None:
    assert read_stamped({}) is read_stamped({"timestamps": []}) is None
