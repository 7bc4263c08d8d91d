"""Whatever a reader accepts, it writes back unchanged: one spelling per value."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest
import rfc8785
from hypothesis import find, given, settings
from hypothesis import strategies as st

from ledger.encoding import (
    Json,
    format_base64,
    format_json,
    parse_base64,
    parse_decimal,
    parse_hex,
    parse_json,
    parse_utf8,
    parse_uuid7,
)
from ledger.errors import LedgerError
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import Algorithm, Signature, SignedNote, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note
from ledger.tlog.tile import (
    Tile,
    entries_from_bytes,
    entries_to_bytes,
    hashes_from_bytes,
    hashes_to_bytes,
)

OFTEN = settings(max_examples=300, deadline=None, database=None)
SEARCH = settings(max_examples=5000, deadline=None, database=None)

LOG = SigningKey("log.example/2026", Algorithm.ED25519, bytes([1] * 32))
NOTARY = SigningKey("苏州.example", Algorithm.COSIGNATURE_ED25519, bytes([2] * 32))
COURT = SigningKey("court.example", Algorithm.COSIGNATURE_MLDSA44, bytes([3] * 32))
CHECKPOINT = Checkpoint(LOG.name, 5, leaf_hash(b"root"))
NOTE = SignedNote(
    CHECKPOINT.to_text(),
    (sign_note(CHECKPOINT.to_text(), LOG), sign_checkpoint(CHECKPOINT, NOTARY, 100)),
)
ODD_NOTE = SignedNote("a\n\n b\x85\u2028\x7f\n\n", NOTE.signatures[:1])
HASHES = tuple(leaf_hash(bytes([i])) for i in range(3))


@dataclass(frozen=True)
class Reader:
    name: str
    again: Callable[[str], str]
    good: tuple[str, ...]


READERS = [
    Reader("decimal", lambda t: str(parse_decimal(t)), ("0", "7", "90071", str(2**63 - 1))),
    Reader("base64", lambda t: format_base64(parse_base64(t)), ("", "AA==", "AAE=", "ab+/")),
    Reader("hex", lambda t: parse_hex(t).hex(), ("", "00ff", "0123456789abcdef")),
    Reader("uuid", parse_uuid7, ("019a0b1c-2d3e-7f00-8000-0123456789ab",)),
    Reader(
        "tile path",
        lambda t: Tile.from_path(t).to_path(),
        ("tile/0/000", "tile/entries/x001/234.p/17", "tile/63/x999/x999/000.p/255"),
    ),
    Reader("checkpoint", lambda t: Checkpoint.from_text(t).to_text(), (CHECKPOINT.to_text(),)),
    Reader(
        "signature line",
        lambda t: Signature.from_text(t).to_text(),
        tuple(s.to_text() for s in NOTE.signatures),
    ),
    Reader(
        "note",
        lambda t: SignedNote.from_text(t).to_text(),
        (NOTE.to_text(), ODD_NOTE.to_text()),
    ),
    Reader(
        "receipt",
        lambda t: Receipt.from_text(t).to_text(),
        (Receipt(3, HASHES, NOTE.to_text()).to_text(), Receipt(0, (), "x", b"e").to_text()),
    ),
]

# Nothing but what they were made from can be guessed: a key's text holds its own digest.
KEY_READERS = [
    Reader(
        "public key",
        lambda t: VerifierKey.from_text(t).to_text(),
        tuple(k.verifier.to_text() for k in (LOG, NOTARY, COURT)),
    ),
    Reader(
        "private key",
        lambda t: SigningKey.from_text(t).to_text(),
        tuple(k.to_text() for k in (LOG, NOTARY, COURT)),
    ),
]

# What some parsers take for a digit, a space, a line end or nothing at all.
PIECES: list[str] = [
    *"\n\r\t\v\f +-/=0179aAfFxZ._,#—\0\x1c\x7f\x85\xa0\u2028\u3000\ufeff\u0661\uff17é书"
]
PIECES += ["\n\n", "AAAA", "x001/", "extra AAAA\n", "— a AAAAAAA=\n", "\ud800"]


def _edit(text: str, random: Random) -> str:
    at = random.randrange(len(text) + 1)
    end = min(len(text), at + random.choice([0, 1, 1, 2, 4, 44]))
    match random.randrange(4):
        case 0:
            return text[:at] + text[end:]
        case 1:
            return text[:at] + random.choice(PIECES) + text[at:]
        case 2:
            return text[:at] + random.choice(PIECES) + text[end:]
        case _:
            return text[:end] + text[at:]


@st.composite
def _near(draw: st.DrawFn, good: tuple[str, ...]) -> str:
    text = draw(st.sampled_from(good))
    random = Random(draw(st.integers(0, 2**64)))
    for _ in range(draw(st.integers(0, 3))):
        text = _edit(text, random)
    return text


def _accepted(reader: Reader, text: str) -> bool:
    try:
        reader.again(text)
    except LedgerError:
        return False
    return True


@pytest.mark.parametrize("reader", READERS + KEY_READERS, ids=lambda r: r.name)
@given(data=st.data())
@OFTEN
def test_whatever_it_accepts_it_writes_back_unchanged(reader: Reader, data: st.DataObject) -> None:
    text = data.draw(_near(reader.good) | st.text())
    if _accepted(reader, text):
        assert reader.again(text) == text


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_more_is_accepted_than_the_examples(reader: Reader) -> None:
    near = _near(reader.good)
    find(near, lambda t: t not in reader.good and _accepted(reader, t), settings=SEARCH)


@pytest.mark.parametrize("reader", READERS + KEY_READERS, ids=lambda r: r.name)
def test_the_examples_are_accepted(reader: Reader) -> None:
    assert [text for text in reader.good if reader.again(text) != text] == []


@given(st.binary(min_size=32, max_size=32), st.sampled_from(Algorithm))
@OFTEN
def test_every_key_comes_back(seed: bytes, algorithm: Algorithm) -> None:
    key = SigningKey("a", algorithm, seed)
    assert SigningKey.from_text(key.to_text()) == key
    assert VerifierKey.from_text(key.verifier.to_text()) == key.verifier


# --- bytes ---------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES: st.SearchStrategy[Json] = st.recursive(
    TEXTS | st.integers(-(2**53) + 1, 2**53 - 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@OFTEN
def test_every_value_has_the_json_that_is_read_as_it(value: Json) -> None:
    assert parse_json(format_json(value), limit=10_000) == value


@given(VALUES | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=3), VALUES))
@OFTEN
def test_json_is_spelled_as_the_reference_library_spells_it(value: Json) -> None:
    assert format_json(value) == rfc8785.dumps(value)


JSON_PIECES = b'{}[]",:-019e.\\u n\x7f\xc3'


@st.composite
def _near_json(draw: st.DrawFn) -> bytes:
    data = bytearray(format_json(draw(VALUES)))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = bytes([draw(st.sampled_from(JSON_PIECES))])
    return bytes(data)


@given(_near_json())
@OFTEN
def test_whatever_json_is_accepted_is_written_back_unchanged(data: bytes) -> None:
    try:
        value = parse_json(data, limit=10_000)
    except LedgerError:
        return
    assert format_json(value) == data


@given(st.binary(max_size=40) | TEXTS.map(str.encode))
@OFTEN
def test_whatever_is_read_as_utf8_is_written_back_unchanged(data: bytes) -> None:
    try:
        text = parse_utf8(data)
    except LedgerError:
        return
    assert text.encode() == data


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(-1, 1), st.data())
@OFTEN
def test_a_bundle_is_read_as_its_entries_or_not_at_all(
    entries: list[bytes], more: int, data: st.DataObject
) -> None:
    bundle = bytearray(entries_to_bytes(entries))
    if bundle and data.draw(st.booleans()):
        bundle[data.draw(st.integers(0, len(bundle) - 1))] ^= data.draw(st.integers(0, 255))
    width = max(0, len(entries) + more)
    try:
        read = entries_from_bytes(bytes(bundle), width)
    except LedgerError:
        return
    assert len(read) == width
    assert entries_to_bytes(read) == bytes(bundle)


@given(st.binary(max_size=200), st.integers(0, 6))
@OFTEN
def test_a_tile_is_read_as_its_hashes_or_not_at_all(data: bytes, width: int) -> None:
    padded = data.ljust(-(-len(data) // 32) * 32, b"\0")
    for tile in (data, padded):
        try:
            hashes = hashes_from_bytes(tile, width)
        except LedgerError:
            continue
        assert len(hashes) == width
        assert hashes_to_bytes(hashes) == tile


# --- policies, which have comments and so many spellings -----------------------------------

POLICY = (
    f"log {LOG.verifier.to_text()}\n"
    f"witness notary {NOTARY.verifier.to_text()} https://notary.example/\n"
    f"witness court {COURT.verifier.to_text()}\n"
    "group both 2 notary court\n"
    "quorum both\n"
)


@given(_near((POLICY, "# note\n" + POLICY.replace(" ", "\t "))))
@OFTEN
def test_a_policy_written_anew_is_the_same_policy(text: str) -> None:
    try:
        policy = Policy.from_text(text)
    except LedgerError:
        return
    assert Policy.from_text(policy.to_text()) == policy


def test_other_policies_than_the_example_are_accepted() -> None:
    def accepted(text: str) -> bool:
        try:
            return Policy.from_text(text) != Policy.from_text(POLICY)
        except LedgerError:
            return False

    find(_near((POLICY,)), accepted, settings=SEARCH)
