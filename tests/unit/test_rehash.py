"""Rows of a log hashed again; the tree is held against RFC 6962's own definition."""

import dataclasses
import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import format_json
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.rehash import Row, RowProof, RowTree, TokenRow, check_covered, row_hash
from ledger.suite import strong_digest

D = [strong_digest(bytes([i])) for i in range(8)]
FULL = Row(entry=D[0], proof=D[1], envelope=D[2], salt=D[3], items=(D[4], b""))
ERASED = Row(entry=D[0], proof=D[1])


def rows(count: int) -> list[Row | TokenRow]:
    """Entries, and a token behind them."""
    entries = [Row(entry=strong_digest(b"%d" % i), proof=D[1]) for i in range(count - 1)]
    return [*entries, TokenRow(D[6])]


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word, with SHA-512."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha512(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


@pytest.mark.parametrize("count", [*range(1, 34), 100, 257])
def test_the_tree_is_that_of_rfc_6962_and_every_row_is_proved_at_its_place(count: int) -> None:
    made = rows(count)
    leaves = [hashlib.sha512(b"\x00" + row.to_bytes()).digest() for row in made]
    tree = RowTree(map(row_hash, made))
    assert (tree.size, tree.root) == (count, mth(leaves))
    for index, row in enumerate(made):
        proof = RowProof(index, row, tree.path(index))
        assert RowProof.from_bytes(proof.to_bytes()) == proof
        proof.check(count, tree.root)
        for other in {index + 1, index - 1, count - 1 - index} - {index}:
            with pytest.raises(LedgerError):
                dataclasses.replace(proof, index=other).check(count, tree.root)


@given(st.integers(1, 40), st.data())
def test_another_row_path_or_root_is_refused(count: int, data: st.DataObject) -> None:
    made = rows(count)
    tree = RowTree(map(row_hash, made))
    index = data.draw(st.integers(0, count - 1))
    proof = RowProof(index, made[index], tree.path(index))
    with pytest.raises(Rejected):
        dataclasses.replace(proof, row=FULL).check(count, tree.root)
    with pytest.raises(Rejected):
        proof.check(count, D[7])
    with pytest.raises(Rejected):
        dataclasses.replace(proof, path=(*proof.path, D[7])).check(count, tree.root)
    if proof.path:
        at = data.draw(st.integers(0, len(proof.path) - 1))
        path = (*proof.path[:at], D[7], *proof.path[at + 1 :])
        with pytest.raises(Rejected):
            dataclasses.replace(proof, path=path).check(count, tree.root)


def test_a_node_is_no_row_and_hashes_have_one_width() -> None:
    tree = RowTree(map(row_hash, rows(4)))
    with pytest.raises(Malformed, match="want hashes of 64 bytes, got 32"):
        RowProof(0, rows(4)[0], (D[0][:32],)).check(4, tree.root)
    with pytest.raises(Rejected, match="nothing to renew"):
        RowTree([])
    for index in (-1, 4):
        with pytest.raises(Rejected, match=f"row {index} is not one of 4"):
            tree.path(index)


def test_a_row_says_what_was_there_and_what_was_gone() -> None:
    for row in (FULL, ERASED, dataclasses.replace(FULL, items=())):
        assert Row.from_json(row.to_json()) == row
    assert b"envelope" not in ERASED.to_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"entry": b""},
        {"entry": D[0][:32]},
        {"proof": b"x"},
        {"envelope": b""},
        {"salt": b""},
        {"envelope": b"", "salt": b""},
        {"items": (D[0],) * 10},
        {"items": (b"short",)},
    ],
)
def test_a_row_that_is_none_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        dataclasses.replace(FULL, **change)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"index": 0, "path": [], "row": ERASED.to_json()},
        {"index": "00", "path": [], "row": ERASED.to_json()},
        {"index": "0", "path": ["AA=="], "row": ERASED.to_json()},
        {"index": "0", "path": [""] * 64, "row": ERASED.to_json()},
        {"index": "0", "path": {}, "row": ERASED.to_json()},
        {"index": "0", "path": [], "row": ERASED.to_json() | {"more": ""}},
        {"index": "0", "path": [], "row": ERASED.to_json() | {"entry": D[0].hex().upper()}},
        {"index": "0", "path": [], "row": {"token": ""}},
        {"index": "0", "path": [], "row": {"token": D[0].hex(), "more": ""}},
        {"index": "0", "path": [], "row": FULL.to_json() | {"items": [[]]}},
        {"index": "0", "path": [], "row": FULL.to_json() | {"salt": ""}},
        {"index": "0", "more": "", "path": [], "row": ERASED.to_json()},
    ],
)
def test_a_file_that_is_no_row_proof_is_refused(value: object) -> None:
    with pytest.raises(Malformed):
        RowProof.from_bytes(format_json(value))  # type: ignore[arg-type]


def found(row: Row) -> dict[str, bytes]:
    return {name: getattr(row, name) for name in ("entry", "proof", "envelope", "salt")}


def test_only_the_bytes_that_were_hashed_again_are_covered() -> None:
    check_covered(FULL, found(FULL), [D[4], None])
    for name in found(FULL):
        with pytest.raises(Rejected, match=f"its {name} is not the one"):
            check_covered(FULL, found(FULL) | {name: D[7]}, [D[4], None])
    with pytest.raises(Rejected, match="its file 1 is not the one that was hashed again"):
        check_covered(FULL, found(FULL), [D[7], None])
    with pytest.raises(Rejected, match="its file 2 was gone when the others were hashed again"):
        check_covered(FULL, found(FULL), [D[4], D[5]])
    with pytest.raises(Rejected, match="want 2 files hashed again, got 1"):
        check_covered(FULL, found(FULL), [D[4]])
