import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger.encoding import MAX_TIME
from ledger.errors import Malformed, Rejected
from ledger.evidence.entry import Entry, check_commitment, commit, scan_entries
from ledger.suite import digest

TAGS = tuple(bytes([i]) * 16 for i in range(8))
ENTRY = Entry(1_795_430_400_000, bytes(32), TAGS)


def test_an_entry_is_311_bytes_of_canonical_json() -> None:
    data = ENTRY.to_bytes()
    assert len(data) == 311
    assert data.startswith(b'{"at":1795430400000,"commitment":"AAAA')
    assert Entry.from_bytes(data) == ENTRY


def test_the_leaf_is_that_of_its_bytes() -> None:
    assert ENTRY.leaf_hash() == digest(b"\x00" + ENTRY.to_bytes())


@pytest.mark.parametrize("at", [-60_000, 1, 59_999, 60_001, MAX_TIME + 1, 2**53 - 32])
def test_a_time_is_in_whole_minutes_of_the_calendar(at: int) -> None:
    with pytest.raises(Malformed, match="whole minutes"):
        Entry(at, bytes(32), TAGS)


@pytest.mark.parametrize(
    "tags",
    [
        TAGS[:7],
        (*TAGS, b"\xff" * 16),
        (TAGS[1], TAGS[0], *TAGS[2:]),
        (TAGS[0], *TAGS[:7]),
        (b"short", *TAGS[1:]),
        (),
    ],
    ids=["seven", "nine", "unsorted", "twice", "short", "none"],
)
def test_tags_are_eight_distinct_and_ascending(tags: tuple[bytes, ...]) -> None:
    with pytest.raises(Malformed):
        Entry(0, bytes(32), tags)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(v=2),
        lambda e: e.pop("v"),
        lambda e: e.update(v="1"),
        lambda e: e.update(case="x"),
        lambda e: e.update(at="0"),
        lambda e: e.update(tags="x"),
        lambda e: e.update(tags=[1] * 8),
        lambda e: e.update(commitment="AA=="),
        lambda e: e["tags"].__setitem__(0, "AAAAAAAAAAAAAAAAAAAAAB=="),
    ],
)
def test_an_entry_of_another_form_is_refused(change: Callable[[Any], None]) -> None:
    value = json.loads(ENTRY.to_bytes())
    change(value)
    data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(Malformed):
        Entry.from_bytes(data)


def test_a_long_entry_is_refused_unread() -> None:
    with pytest.raises(Malformed, match="at most 1024 bytes"):
        Entry.from_bytes(b" " * 1025)


def test_a_commitment_is_what_sha256sum_says_of_salt_and_envelope() -> None:
    assert commit(b"s" * 32, b"envelope") == digest(b"s" * 32 + b"envelope")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_salt_is_32_bytes(size: int) -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        commit(bytes(size), b"")


def test_another_salt_or_statement_gives_another_commitment() -> None:
    entry = Entry(0, commit(b"s" * 32, b"e"), TAGS)
    check_commitment(entry, b"s" * 32, b"e")
    for salt, envelope in ((b"t" * 32, b"e"), (b"s" * 32, b"f")):
        with pytest.raises(Rejected):
            check_commitment(entry, salt, envelope)


@pytest.mark.parametrize("last", ["B=", "C=", "D="])
def test_a_commitment_has_one_spelling(last: str) -> None:
    data = ENTRY.to_bytes()
    assert data.count(b'AAAAAA=","tags"') == 1
    with pytest.raises(Malformed):
        Entry.from_bytes(data.replace(b'AAAAAA=","tags"', b"AAAAA" + last.encode() + b'","tags"'))


def test_equal_tags_side_by_side_are_odd_to_both_readers() -> None:
    first = ENTRY.to_bytes()
    a, b = b'"AAAAAAAAAAAAAAAAAAAAAA=="', b'"AQEBAQEBAQEBAQEBAQEBAQ=="'
    assert a in first and b in first
    twice = first.replace(b, a)
    with pytest.raises(Malformed):
        Entry.from_bytes(twice)
    _, odd = scan_entries([first, twice], 0)
    assert odd is not None and odd[0] == 1
