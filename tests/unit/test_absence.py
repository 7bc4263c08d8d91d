"""Absence statements: one spelling, bounded, about one tree and one list of tags."""

from dataclasses import replace

import pytest

from ledger.encoding import format_json, parse_json
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.absence import (
    MAX_ASKED,
    MAX_FOUND,
    Absence,
    Found,
    Stranger,
    open_absence,
    tags_from_bytes,
    tags_to_bytes,
)
from ledger.evidence.envelope import MAX_ENVELOPE
from ledger.evidence.signing import seal
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from testkit.mirrors import MIRROR, OTHER_MIRROR

TAGS = [bytes([n]) * 16 for n in range(4)]
ORIGIN = "ledger.example/enforcement/2026"
ABSENCE = Absence(
    Checkpoint(ORIGIN, 5, bytes(32)),
    4,
    digest(tags_to_bytes(TAGS)),
    (Found(1, TAGS[0]), Found(1, TAGS[2]), Found(3, TAGS[0])),
)


def test_it_is_read_back_as_it_was_written() -> None:
    assert Absence.from_bytes(ABSENCE.to_bytes()) == ABSENCE


def test_its_subject_is_the_text_of_the_checkpoint() -> None:
    (subject,) = parse_json(ABSENCE.to_bytes(), limit=9999)["subject"]  # type: ignore[index,call-overload]
    text = f"{ORIGIN}\n5\n{'A' * 43}=\n".encode()
    assert subject == {"digest": {"sha256": digest(text).hex()}, "name": "checkpoint/2026"}


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1"),
        (("predicateType",), "urn:tiezheng:status:v1"),
        (("predicate", "note"), "a word more"),
        (("predicate", "asked", "count"), "04"),
        (("predicate", "asked", "count"), "0"),
        (("predicate", "asked", "count"), str(MAX_ASKED + 1)),
        (("predicate", "asked", "count"), "1"),  # fewer than were found
        (("predicate", "asked", "more"), "x"),
        (("predicate", "checkpoint", "size"), "3"),  # entry 3 is not below
        (("predicate", "checkpoint", "root"), "AAAA"),
        (("predicate", "checkpoint", "origin"), "ledger.example/nowhere"),
        (("predicate", "found", 0, "entry"), "2"),  # out of order
        (("predicate", "found", 0, "tag"), "AAAA"),
        (("predicate", "found", 0, "more"), "x"),
        (("subject", 0, "name"), "checkpoint/2027"),
        (("subject", 0, "digest"), {"sha256": "00"}),
        (("subject",), []),
    ],
)
def test_any_other_spelling_is_refused(where: tuple[str | int, ...], value: object) -> None:
    statement = parse_json(ABSENCE.to_bytes(), limit=9999)
    inner = statement
    for step in where[:-1]:
        inner = inner[step]  # type: ignore[index,call-overload]
    inner[where[-1]] = value  # type: ignore[index,call-overload]
    with pytest.raises(LedgerError):
        Absence.from_bytes(format_json(statement))


def test_the_largest_one_fits_an_envelope() -> None:
    found = tuple(Found(10**6 + n, n.to_bytes(16, "big")) for n in range(MAX_FOUND))
    large = Absence(Checkpoint(ORIGIN, 10**9, bytes(32)), MAX_ASKED, bytes(32), found)
    data = seal(large.to_bytes(), [MIRROR]).to_bytes()
    assert len(data) <= MAX_ENVELOPE
    assert open_absence(data, [MIRROR.verifier]) == (large, MIRROR.verifier)


def test_more_places_than_that_are_refused() -> None:
    found = tuple(Found(n, TAGS[0]) for n in range(MAX_FOUND + 1))
    with pytest.raises(Malformed):
        replace(ABSENCE, checkpoint=Checkpoint(ORIGIN, 10**9, bytes(32)), found=found)


def test_only_a_mirror_that_is_trusted_is_heard() -> None:
    data = seal(ABSENCE.to_bytes(), [MIRROR]).to_bytes()
    assert open_absence(data, [OTHER_MIRROR.verifier, MIRROR.verifier])[1] == MIRROR.verifier
    with pytest.raises(Stranger):
        open_absence(data, [OTHER_MIRROR.verifier])


def test_a_signature_that_does_not_match_is_refused() -> None:
    sealed = seal(ABSENCE.to_bytes(), [MIRROR])
    other = replace(ABSENCE, found=ABSENCE.found[:1]).to_bytes()
    with pytest.raises(Rejected, match="does not match"):
        open_absence(replace(sealed, payload=other).to_bytes(), [MIRROR.verifier])


def test_two_signatures_are_one_too_many() -> None:
    data = seal(ABSENCE.to_bytes(), [MIRROR, OTHER_MIRROR]).to_bytes()
    with pytest.raises(Malformed, match="one signature"):
        open_absence(data, [MIRROR.verifier, OTHER_MIRROR.verifier])


def test_tags_are_sent_in_ascending_order() -> None:
    assert tags_from_bytes(tags_to_bytes(reversed(TAGS))) == tuple(TAGS)


@pytest.mark.parametrize(
    "data",
    [b"", bytes(15), bytes(32), TAGS[1] + TAGS[0], bytes(16 * (MAX_ASKED + 1))],
    ids=["none", "cut", "twice", "order", "many"],
)
def test_a_question_in_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        tags_from_bytes(data)
