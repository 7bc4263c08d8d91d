"""A ledger and a timestamp authority: a real one, and one that does everything wrong."""

import base64
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from api import stamping
from api.clients import tsa_http
from api.clients.ledger import check_receipt
from ledger.errors import Malformed
from ledger.evidence.entry import Entry
from ledger.report import Group, Outcome
from ledger.timestamp import open_token
from ledger.tlog.note import SignedNote
from ledger.tlog.receipt import Receipt
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.trust_directory import read_trust
from testkit.server import CASE, Ledger, await_that, open_ledger
from testkit.stamped import await_stamp, make_folder, stamped_ledger
from testkit.tsa import openssl_accepts
from testkit.tsa_process import Wrong, open_tsa


def packet_of(ledger: Ledger, folder: Path) -> Path:
    answer = ledger.http.get(f"/v1/cases/{quote(CASE)}/packet", headers=ledger.bearer())
    assert answer.status_code == 200, answer.text
    path = folder / "packet.zip"
    path.write_bytes(answer.content)
    return path


def receipt_of(ledger: Ledger, id_: str) -> dict[str, Any]:
    answer: dict[str, Any] = ledger.http.get(f"/v1/statements/{id_}/receipt").json()
    return answer


@pytest.mark.parametrize("habits", [{}, {"intermediate": True, "unsorted": True}, {"ec_key": True}])
def test_what_a_quorum_has_seen_is_stamped_and_travels_in_receipt_and_packet(
    tmp_path: Path, habits: dict[str, Any]
) -> None:
    with (
        open_tsa(tmp_path / "tsa", **habits) as tsa,
        stamped_ledger(tmp_path / "ledger", ("lab", tsa)) as ledger,
    ):
        (row,) = ledger.accept(ledger.evidence(b"a picture"))
        ledger.await_quorum()
        await_stamp(ledger, int(row["index"]) + 1)
        answer = receipt_of(ledger, row["id"])
        (token,) = answer["timestamps"]
        receipt = Receipt.from_text(answer["stamped_proof"])
        body = SignedNote.from_text(receipt.note).text.encode()
        trust = read_trust(ledger.folder / "trust")
        entry = Entry.from_bytes(answer["entry"].encode())
        assert check_receipt(answer, entry, trust) is not None
        assert receipt.open(entry.leaf_hash(), trust.logs[0].policy).quorum_time is not None
        found = open_token(base64.b64decode(token["token"]), body, trust.authorities[0])
        packet = packet_of(ledger, tmp_path)
    report = verify_packet(open_packet(packet), trust)
    assert report.groups[Group.TIME] is Outcome.PASSED, report.findings
    stamps = report.facts.timestamps
    assert stamps and {s["checked"] for s in stamps} == {"passed"}
    assert {s["revocation"] for s in stamps} == {"looked up for the certificate that stamped"}
    (item,) = report.facts.items
    assert item.not_after and item.not_after <= item.fixed_by
    assert found.authority == "lab"
    files = {p: b"".join(open_packet(packet).stream(p)) for p in open_packet(packet).sizes()}
    (tsr,) = [p for p in files if p.endswith(".tsr") and f"-{_size(receipt)}." in p]
    stem = tsr.removesuffix(".lab.tsr")
    pem = (tmp_path / "ledger" / "trust" / "tsa" / "lab.pem").read_bytes()
    assert openssl_accepts(files[tsr], files[f"{stem}.body"], pem)


def _size(receipt: Receipt) -> str:
    return receipt.note.split("\n")[1]


def test_two_authorities_stamp_the_same_tree(tmp_path: Path) -> None:
    with (
        open_tsa(tmp_path / "a", name="A") as first,
        open_tsa(tmp_path / "b", name="B") as second,
        stamped_ledger(tmp_path / "ledger", ("first", first), ("second", second)) as ledger,
    ):
        (row,) = ledger.accept(ledger.evidence(b"a picture"))
        ledger.await_quorum()
        await_stamp(ledger, int(row["index"]) + 1, names=2)
        names = [token["authority"] for token in receipt_of(ledger, row["id"])["timestamps"]]
        assert names == ["first", "second"]


@pytest.mark.parametrize("wrong", [*Wrong])
def test_an_authority_that_does_it_wrong_delays_nothing_and_its_answer_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Wrong
) -> None:
    monkeypatch.setattr(stamping, "RETRY_S", (0.2,))
    within_s = tsa_http.WITHIN_S
    monkeypatch.setattr(tsa_http, "WITHIN_S", 1.0)
    with ExitStack() as stack:
        tsa = stack.enter_context(open_tsa(tmp_path / "tsa"))
        tsa.misbehave = wrong  # before anything is stamped: a start has checkpoints cosigned anew
        ledger = stack.enter_context(stamped_ledger(tmp_path / "ledger", ("lab", tsa)))
        (row,) = ledger.accept(ledger.evidence(b"a picture"))
        ledger.await_quorum()
        await_that(lambda: tsa.asked >= 2, "a second question")
        assert ledger.services.store.newest_stamp(0) == 0
        answer = receipt_of(ledger, row["id"])
        assert (answer["witnessed"], answer.get("timestamps")) == ("yes", None)
        monkeypatch.setattr(tsa_http, "WITHIN_S", within_s)
        tsa.misbehave = None
        tsa.released.set()
        await_stamp(ledger, int(row["index"]) + 1)


def test_an_authority_that_is_away_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamping, "RETRY_S", (0.2,))
    said: list[str] = []

    def heard(event: str, **more: Any) -> None:  # the journal is everybody's
        if event == "not_stamped":
            said.append(more["reason"])

    monkeypatch.setattr(stamping.journal, "warning", heard)
    with open_tsa(tmp_path / "tsa") as tsa:
        folder = make_folder(tmp_path / "ledger", ("lab", tsa))
    with open_ledger(folder, authorities={"lab": tsa.url}, stamp_seconds=1) as ledger:
        ledger.accept(ledger.evidence(b"a picture"))
        ledger.await_quorum()
        await_that(lambda: len(said) >= 2, "a second attempt")
        assert ledger.services.store.newest_stamp(0) == 0
    assert all("no answer from" in line for line in said)


def test_a_clock_that_is_a_day_off_is_flagged_at_the_ledger_and_in_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[int] = []

    def heard(event: str, **more: Any) -> None:  # the journal is everybody's
        if event == "authority_apart":
            said.append(more["ahead_s"])

    monkeypatch.setattr(stamping.journal, "error", heard)
    with ExitStack() as stack:
        tsa = stack.enter_context(open_tsa(tmp_path / "tsa"))
        tsa.clock_s = 86_400
        ledger = stack.enter_context(stamped_ledger(tmp_path / "ledger", ("lab", tsa)))
        (row,) = ledger.accept(ledger.evidence(b"a picture"))
        ledger.await_quorum()
        await_stamp(ledger, int(row["index"]) + 1)
        await_that(lambda: said != [], "the flag")
        trust = read_trust(ledger.folder / "trust")
        packet = packet_of(ledger, tmp_path)
    assert all(abs(ahead_s - 86_400) < 60 for ahead_s in said)
    report = verify_packet(open_packet(packet), trust)
    assert report.groups[Group.TIME] is Outcome.UNDECIDED
    assert any("after the quorum's" in f.detail for f in report.findings)
    assert all(item.not_after == item.fixed_by for item in report.facts.items)


def test_a_revoked_authority_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamping, "RETRY_S", (0.2,))
    with ExitStack() as stack:
        tsa = stack.enter_context(open_tsa(tmp_path / "tsa"))
        tsa.revoke(tsa.signer, tsa.signer.certificate.not_valid_before_utc)
        ledger = stack.enter_context(stamped_ledger(tmp_path / "ledger", ("lab", tsa)))
        ledger.accept(ledger.evidence(b"a picture"))
        ledger.await_quorum()
        await_that(lambda: tsa.asked >= 2, "a second question")
        assert ledger.services.store.newest_stamp(0) == 0


def test_an_authority_is_asked_no_oftener_than_it_was_agreed(tmp_path: Path) -> None:
    with (
        open_tsa(tmp_path / "tsa") as tsa,
        stamped_ledger(tmp_path / "ledger", ("lab", tsa), seconds=3600) as ledger,
    ):
        for data in (b"one", b"two", b"three"):
            (row,) = ledger.accept(ledger.evidence(data))
            ledger.await_quorum()
            await_stamp(ledger)
        assert tsa.asked == 1
        assert ledger.services.store.newest_stamp(0) <= int(row["index"])


def test_what_was_stamped_is_there_after_a_restart_and_nothing_old_is_asked_again(
    tmp_path: Path,
) -> None:
    with open_tsa(tmp_path / "tsa") as tsa:
        with stamped_ledger(tmp_path / "ledger", ("lab", tsa)) as ledger:
            (row,) = ledger.accept(ledger.evidence(b"a picture"))
            ledger.await_quorum()
            await_stamp(ledger, int(row["index"]) + 1)
            people, asked = ledger.offices, tsa.asked
        with open_ledger(
            tmp_path / "ledger", people=people, authorities={"lab": tsa.url}
        ) as ledger:
            assert receipt_of(ledger, row["id"])["timestamps"]
            # What is cosigned anew is offered again, and was stamped before.
            publisher = ledger.services.publisher
            await_that(lambda: publisher.cosigned_size >= ledger.services.log.size, "a quorum")
            time.sleep(0.5)
            assert tsa.asked == asked


def test_an_authority_that_the_trust_folder_does_not_know_is_named_at_the_start(
    tmp_path: Path,
) -> None:
    with (
        pytest.raises(Malformed, match="no authority 'lab' in the trust folder"),
        open_ledger(tmp_path / "ledger", authorities={"lab": "http://127.0.0.1:1/"}),
    ):
        pass
