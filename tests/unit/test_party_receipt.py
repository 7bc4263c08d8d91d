"""What a party takes home, and what the packet answers to it."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed, Rejected
from ledger.evidence.party_receipt import MAX_RECORDINGS, Answer, PartyReceipt, answer
from ledger.evidence.signing import sign_party_receipt
from ledger.evidence.statement import Statement
from ledger.suite import digest
from testkit.case import CASE, HANDLER, STATION, Draft, decision, evidence, uuid7

SPAN = 1_795_400_000, 1_795_403_600
VIDEO = b"moving pictures"


def receipt(*recordings: bytes, case: str = CASE, device: str = "BWC-310") -> PartyReceipt:
    return sign_party_receipt(
        STATION,
        salt=b"s" * 16,
        session=uuid7(1),
        span_s=SPAN,
        manifest=digest(b"manifest"),
        case=case,
        device=device,
        recordings=[digest(data) for data in recordings],
    )


def recording(name: str, data: bytes, **more: str) -> Draft:
    return evidence(name, 3, {name: data, "side.GPS": b"x"}, device="BWC-310", file=name, **more)


def asked(paper: PartyReceipt, *drafts: Draft) -> Answer:
    return answer(paper, [Statement.from_bytes(draft.to_payload()) for draft in drafts])


def test_a_receipt_is_read_back_as_it_was_printed() -> None:
    paper = receipt(VIDEO, b"another")
    assert PartyReceipt.from_text(paper.to_text()) == paper
    paper.check_signature(STATION.verifier)


def test_recordings_that_the_packet_has_are_present() -> None:
    paper = receipt(VIDEO)
    assert asked(paper, decision("d", 4), recording("a.mp4", VIDEO)) == Answer(True, ("a.mp4",), 0)


def test_a_recording_that_was_left_out_is_missing() -> None:
    paper = receipt(VIDEO, b"inconvenient")
    assert asked(paper, recording("a.mp4", VIDEO)) == Answer(True, ("a.mp4",), 1)


def test_a_recording_that_was_altered_is_missing() -> None:
    assert asked(receipt(VIDEO), recording("a.mp4", VIDEO + b"!")) == Answer(True, (), 1)


def test_the_packet_of_another_case_or_device_does_not_fit() -> None:
    for paper in (receipt(VIDEO, case="苏城管罚〔2026〕1号"), receipt(VIDEO, device="BWC-311")):
        assert asked(paper, recording("a.mp4", VIDEO)) == Answer(False, (), 1)


def test_a_receipt_of_a_provisional_case_fits_once_the_case_has_its_number() -> None:
    paper = receipt(VIDEO, case=uuid7(77))
    assert asked(paper, recording("a.mp4", VIDEO, provisional=uuid7(77))).fits


def test_nothing_on_the_paper_names_case_device_or_recording() -> None:
    text = receipt(VIDEO).to_text()
    paper = PartyReceipt.from_text(text)
    plain = repr(paper).encode() + text.encode()
    for secret in (CASE, "BWC-310", digest(VIDEO).hex()):
        assert secret.encode() not in plain


def test_two_papers_of_one_recording_cannot_be_linked_by_it() -> None:
    one = receipt(VIDEO)
    two = sign_party_receipt(
        STATION, salt=b"t" * 16, session=uuid7(1), span_s=SPAN, manifest=digest(b"manifest"),
        case=CASE, device="BWC-310", recordings=[digest(VIDEO)],
    )  # fmt: skip
    assert not set(one.recordings) & set(two.recordings) and one.slot != two.slot


def test_another_stations_key_has_not_signed_it() -> None:
    with pytest.raises(Rejected, match="not of"):
        receipt(VIDEO).check_signature(HANDLER.verifier)


@given(st.integers(min_value=0), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_no_character_can_be_changed(at: int, other: str) -> None:
    text = receipt(VIDEO, b"x").to_text()
    i = 4 + at % (len(text) - 4)
    changed = text[:i] + other + text[i + 1 :]
    if changed == text:
        return
    with pytest.raises((Malformed, Rejected)):
        PartyReceipt.from_text(changed).check_signature(STATION.verifier)


@given(st.binary(max_size=600))
def test_what_is_read_is_what_is_written(data: bytes) -> None:
    text = "TZ1." + data.hex().upper()
    try:
        paper = PartyReceipt.from_text(text)
    except Malformed:
        return
    assert paper.to_text() == text


@pytest.mark.parametrize(
    "text",
    ["", "TZ1.", "TZ2.AAAA", "tz1.AAAA", "TZ1.A=", "TZ1.AA AA", "TZ1." + "A" * 10_000, "TZ1.AAAA"],
)
def test_what_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        PartyReceipt.from_text(text)


def test_a_receipt_cut_anywhere_is_refused() -> None:
    text = receipt(VIDEO).to_text()
    for end in range(len(text)):
        with pytest.raises(Malformed):
            PartyReceipt.from_text(text[:end])


def test_more_recordings_than_a_code_holds_are_refused() -> None:
    receipt(*(os.urandom(8) for _ in range(MAX_RECORDINGS)))
    with pytest.raises(Malformed, match="at most"):
        receipt(*(os.urandom(8) for _ in range(MAX_RECORDINGS + 1)))


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(Malformed, match="time span"):
        sign_party_receipt(
            STATION, salt=b"s" * 16, session=uuid7(1), span_s=(2, 1), manifest=bytes(32),
            case=CASE, device="BWC-310", recordings=[],
        )  # fmt: skip
