from pathlib import Path

import pytest

from cli.reference import PacketReference, Reference
from ledger.errors import Malformed
from testkit.terminal import Run

DIGEST = "ff7bc4655fd29d85b74f1d5455c2026cf881bfd71565f11d8b0b81f7bd41ac0a"


def test_a_packet_reference_leaves_room_for_the_number_of_an_item_in_40_characters() -> None:
    assert len(PacketReference.of_digest(DIGEST).to_text()) == 35


def test_a_packet_reference_is_read_back() -> None:
    text = PacketReference.of_digest(DIGEST).to_text()
    assert PacketReference.from_text(text).start == bytes.fromhex(DIGEST)[:15]


def test_a_packet_is_no_certificate() -> None:
    text = PacketReference.of_digest(DIGEST).to_text()
    with pytest.raises(Malformed, match="TZC1"):
        Reference.from_text(text)
    with pytest.raises(Malformed, match="TZP1"):
        PacketReference.from_text(text.replace("TZP1", "TZC1"))


def test_a_slip_of_the_pen_is_noticed() -> None:
    text = PacketReference.of_digest(DIGEST).to_text()
    with pytest.raises(Malformed, match="mistyped"):
        PacketReference.from_text(text.replace("7554IZ", "7554ZI"))


def cited(run: Run, worked: Path, *more: str | Path) -> tuple[int, str]:
    at = "2026-12-01T00:00:00+08:00"
    ended = run("verify", worked / "packet", "--trust", worked / "trust", "--at", at, *more)
    return ended.code, ended.out + ended.err


def test_a_packet_is_checked_only_if_it_is_the_one_that_is_cited(run: Run, worked: Path) -> None:
    _, told = cited(run, worked)
    reference = next(word for word in told.split() if word.startswith("TZP1."))
    assert cited(run, worked, "--reference", reference)[1] == told
    other = PacketReference.of_digest("ab" * 32).to_text()
    code, said = cited(run, worked, "--reference", other)
    assert code == 1
    assert f"want the packet {other}, got {reference}" in said
    assert "Verdict" not in said


@pytest.mark.parametrize("reference", ["", "TZP1.", "TZC1.AAAAAA", "x" * 999, "〔2026〕"])
def test_what_is_no_reference_is_wrong_usage(run: Run, worked: Path, reference: str) -> None:
    assert cited(run, worked, "--reference", reference)[0] == 2


def test_one_packet_is_cited_at_a_time(run: Run, worked: Path) -> None:
    reference = PacketReference.of_digest(DIGEST).to_text()
    assert cited(run, worked, worked / "packet", "--reference", reference)[0] == 2


def test_a_packet_that_cannot_be_read_fails_as_it_would(run: Run, worked: Path) -> None:
    (worked / "packet" / "bagit.txt").write_text("x")
    reference = PacketReference.of_digest(DIGEST).to_text()
    code, said = cited(run, worked, "--reference", reference)
    assert (code, "Verdict: FAILED" in said) == (1, True)
