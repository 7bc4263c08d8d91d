"""Backup files: sealed, in order, whole."""

from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.backup import (
    DATA,
    FILE,
    MAX_RECORD,
    PIECE,
    ROW,
    BackupKey,
    Header,
    Record,
    State,
    open_records,
    read_header,
    row_from_bytes,
    row_to_bytes,
    seal,
)
from ledger.errors import LedgerError, Malformed, Rejected

KEY = BackupKey(bytes(range(32)))
HEADER = Header(
    n=2, after=bytes(32), at_ms=1, key=KEY.name, log="ledger.example/2026", salt=b"s" * 32
)
RECORDS = [
    Record(FILE, b"{}"),
    Record(DATA, b"x" * (PIECE + 100)),
    Record(ROW, b""),
    *(Record(DATA, bytes([i])) for i in range(20)),
]


def sealed(records: list[Record] = RECORDS, key: BackupKey = KEY) -> bytes:
    return b"".join(seal(key, HEADER, records))


def opened(data: bytes, key: BackupKey = KEY) -> list[Record]:
    file = BytesIO(data)
    return list(open_records(key, read_header(file.read), file.read))


def pieces(data: bytes) -> tuple[bytes, list[bytes]]:
    """The two lines, and each piece with its size."""
    head = data.index(b"\n", data.index(b"\n") + 1) + 1
    found, at = [], head
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        found.append(data[at:end])
        at = end
    return data[:head], found


def test_what_was_sealed_is_opened_in_order() -> None:
    assert opened(sealed()) == RECORDS
    assert opened(sealed([])) == []


def test_a_piece_is_bounded_and_so_is_memory() -> None:
    _, found = pieces(sealed())
    assert len(found) == 2
    assert max(map(len, found)) <= PIECE + 20


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p[:-1],
        lambda p: p[1:],
        lambda p: [p[1], p[0], *p[2:]],
        lambda p: [*p, p[-1]],
        lambda p: [p[0], *p],
        lambda p: [],
        lambda p: [*p, b"\x00"],
        lambda p: [*p[:-1], p[-1][:-1]],
    ],
    ids=["cut", "beheaded", "swapped", "repeated", "doubled", "empty", "longer", "short"],
)
def test_pieces_are_whole_and_in_order(change: Callable[[list[bytes]], list[bytes]]) -> None:
    three = [Record(DATA, b"x" * (PIECE - 5)) for _ in range(3)]
    head, found = pieces(sealed(three))
    with pytest.raises(LedgerError):
        opened(head + b"".join(change(found)))


def test_no_bit_can_be_changed() -> None:
    data = bytearray(sealed([Record(DATA, b"x" * 500)]))
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LedgerError):
            opened(bytes(data))
        data[bit // 8] ^= 1 << bit % 8


def test_pieces_of_another_file_do_not_fit() -> None:
    other = b"".join(seal(KEY, Header(**{**fields(), "salt": b"t" * 32}), RECORDS))
    head, _ = pieces(sealed())
    with pytest.raises(Rejected, match="piece 0"):
        opened(head + b"".join(pieces(other)[1]))


def fields() -> dict[str, object]:
    return {name: getattr(HEADER, name) for name in ("n", "after", "at_ms", "key", "log", "salt")}


def test_another_key_is_named_and_not_shown() -> None:
    other = BackupKey(b"k" * 32)
    with pytest.raises(Rejected, match=f"with the key {KEY.name}, this is {other.name}"):
        opened(sealed(), other)
    assert repr(other) == f"BackupKey({other.name})"


def test_a_bad_key_is_not_repeated_in_the_refusal() -> None:
    text = KEY.to_text()[:-4]
    with pytest.raises(Malformed) as refused:
        BackupKey.from_text(text)
    assert text[30:40] not in str(refused.value)


def test_no_record_is_longer_than_may_be_held() -> None:
    long = DATA + (MAX_RECORD + 1).to_bytes(4, "big")

    class Raw(Record):
        def to_bytes(self) -> bytes:
            return long

    with pytest.raises(Malformed, match="no such record"):
        opened(sealed([Raw(DATA, b"")]))


@given(st.lists(st.none() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text() | st.binary()))
def test_a_row_comes_back_as_it_was(values: list[int | str | bytes | None]) -> None:
    values = [v for v in values if not isinstance(v, str) or v.isascii() or _encodes(v)]
    assert row_from_bytes(row_to_bytes(values)) == tuple(values)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def test_a_state_without_entries_is_none() -> None:
    with pytest.raises(Malformed, match="no such state"):
        State(start=0, size=0, last=bytes(32), cosigned=0, items=0, schema=1)
