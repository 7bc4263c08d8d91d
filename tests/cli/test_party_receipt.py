"""A party's receipt against a packet, and against a ledger."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ledger.evidence.signing import sign_party_receipt
from ledger.suite import digest
from testkit import case as kit
from testkit.sequence import open_both
from testkit.server import Ledger, open_ledger, serving
from testkit.terminal import Run

VIDEO = b"moving pictures " * 40  # what `kit.make_case` hands in for BWC-310


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    return kit.make_case().build().write_folder(tmp_path / "packet")


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    return kit.write_folder(kit.make_case().trust_files(), tmp_path / "trust")


def paper(*recordings: bytes, case: str = kit.CASE, session: str = "") -> str:
    return sign_party_receipt(
        kit.STATION, salt=b"s" * 16, session=session or kit.uuid7(99),
        span_s=(1_795_400_000, 1_795_403_600), manifest=bytes(32), case=case,
        device="BWC-310", recordings=[digest(data) for data in recordings],
    ).to_text()  # fmt: skip


def test_what_the_packet_has_is_present(run: Run, packet: Path, trust: Path) -> None:
    ended = run("party-receipt", paper(VIDEO), "--packet", packet, "--trust", trust)
    assert (ended.code, ended.err) == (0, "")
    assert "present: BWC_0088.MP4" in ended.out and kit.STATION.verifier.keyid in ended.out


def test_what_was_left_out_is_missing(run: Run, packet: Path, trust: Path) -> None:
    code = paper(VIDEO, b"inconvenient")
    ended = run("party-receipt", code, "--packet", packet, "--trust", trust)
    assert ended.code == 1
    assert "MISSING: 1 of 2 recordings" in ended.out
    ended = run("party-receipt", code, "--packet", packet, "--trust", trust, "--lang", "zh")
    assert "缺失：2 段录像中缺 1 段" in ended.out


def test_the_same_as_json(run: Run, packet: Path, trust: Path) -> None:
    code = paper(VIDEO, b"inconvenient")
    ended = run("party-receipt", code, "--packet", packet, "--trust", trust, "--json")
    answer = json.loads(ended.out)
    assert (answer["fits"], answer["missing"], answer["present"]) == ("yes", "1", ["BWC_0088.MP4"])


def test_a_code_may_come_from_a_file(run: Run, packet: Path, trust: Path, tmp_path: Path) -> None:
    file = tmp_path / "scanned.txt"
    file.write_text(paper(VIDEO) + "\n")
    assert run("party-receipt", file, "--packet", packet, "--trust", trust).code == 0


def test_the_packet_of_another_case_decides_nothing(run: Run, packet: Path, trust: Path) -> None:
    code = paper(VIDEO, case="苏城管罚〔2026〕1号")
    ended = run("party-receipt", code, "--packet", packet, "--trust", trust)
    assert ended.code == 3
    assert "not of the receipt's case" in ended.out


def test_an_altered_packet_decides_nothing(run: Run, packet: Path, trust: Path) -> None:
    item = next((packet / "data/items").iterdir())
    item.write_bytes(item.read_bytes() + b"!")
    ended = run("party-receipt", paper(VIDEO), "--packet", packet, "--trust", trust)
    assert ended.code == 3
    assert "not verified" in ended.err and "present" not in ended.out


def test_a_receipt_of_another_key_is_refused(run: Run, packet: Path, trust: Path) -> None:
    key = kit.HANDLER.verifier.to_text()
    code = paper(VIDEO)
    ended = run("party-receipt", code, "--packet", packet, "--trust", trust, "--key", key)
    assert ended.code == 1


@pytest.mark.parametrize("code", ["TZ1.", "TZ1.AAAA", "TZ1.AEBA GBAF", "no-such-file"])
def test_what_is_no_receipt_is_refused(run: Run, packet: Path, trust: Path, code: str) -> None:
    ended = run("party-receipt", code, "--packet", packet, "--trust", trust)
    assert ended.code in (1, 4)
    assert ended.out == "" and ended.err.startswith("tiezheng: ")


def test_it_wants_something_to_ask(run: Run, trust: Path) -> None:
    assert run("party-receipt", paper(VIDEO), "--trust", trust).code == 2


@pytest.mark.parametrize("opening", [open_ledger, open_both], ids=["open", "closed"])
def test_a_ledger_says_whether_the_session_is_logged(
    run: Run, tmp_path: Path, opening: Callable[[Path], AbstractContextManager[Ledger]]
) -> None:
    """In the first log, whether it is open or was followed by another."""
    key = kit.STATION.verifier.to_text()
    with opening(tmp_path / "ledger") as ledger, serving(ledger.http.app) as url:
        ledger.await_quorum()
        logged = next(ledger.services.store.rows(1, 2)).statement_id
        asked = ("--server", url, "--trust", tmp_path / "ledger/trust", "--key", key)
        ended = run("party-receipt", paper(session=logged), *asked)
        assert (
            ended.code,
            "says, without proof, that the session is logged at 2026-1" in ended.out,
        ) == (0, True)
        ended = run("party-receipt", paper(), *asked)
        assert (ended.code, "MISSING" in ended.out) == (1, True)
