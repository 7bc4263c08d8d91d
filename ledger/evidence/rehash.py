"""A log hashed again with a stronger hash: RFC 4998's renewal of the hash tree (section 5.3).

    {"entry":"<sha512>","envelope":"<sha512>","items":["<sha512>"],"proof":"<sha512>","salt":"<sha512>"}

One row for each entry of a closed log, made from the bytes while its own hash still held.
Rows are the leaves of a tree of RFC 6962's shape, with SHA-512 in the place of SHA-256. A
row names the proof that the entry stands in the old tree, byte for byte: without it an
operator of today could prepare a row whose old path he forges once SHA-256 is broken.

    {"token":"<sha512>"}

The rows behind the entries are tokens that were renewed, whatever they are about.

What was destroyed by then has no digest: "" in the place of a file, no envelope and salt
where the statement is gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ledger import suite
from ledger.encoding import (
    format_base64,
    format_json,
    parse_base64,
    parse_decimal,
    parse_hex,
    parse_json,
)
from ledger.errors import Malformed, Rejected
from ledger.evidence.statement import MAX_SUBJECTS
from ledger.tlog.merkle import MAX_PROOF, check_inclusion

MAX_ROW = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """SHA-512 of what belongs to one entry; `items` in the order of the statement's files."""

    entry: bytes
    proof: bytes
    envelope: bytes = b""
    salt: bytes = b""
    items: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        for digest in (self.entry, self.proof):
            _check(digest)
        for digest in (self.envelope, self.salt, *self.items):
            if digest:
                _check(digest)
        if bool(self.envelope) != bool(self.salt) or (self.items and not self.envelope):
            raise Malformed("want envelope and salt together, and items of a statement only")
        if len(self.items) > MAX_SUBJECTS:
            raise Malformed(f"want at most {MAX_SUBJECTS} items, got {len(self.items)}")

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"entry": self.entry.hex(), "proof": self.proof.hex()}
        if self.envelope:
            row |= {"envelope": self.envelope.hex(), "salt": self.salt.hex()}
            row["items"] = [digest.hex() for digest in self.items]
        return row

    def to_bytes(self) -> bytes:
        return format_json(self.to_json())

    @classmethod
    def from_json(cls, value: object) -> Self:
        match value:
            case {
                "entry": str(entry),
                "envelope": str(envelope),
                "items": list(items),
                "proof": str(proof),
                "salt": str(salt),
                **more,
            } if not more and all(isinstance(item, str) for item in items):
                return cls(
                    entry=_digest(entry),
                    proof=_digest(proof),
                    envelope=_digest(envelope),
                    salt=_digest(salt),
                    items=tuple(_digest(item) if item else b"" for item in items),
                )
            case {"entry": str(entry), "proof": str(proof), **more} if not more:
                return cls(entry=_digest(entry), proof=_digest(proof))
            case _:
                raise Malformed("want entry and proof, and of a statement envelope, items, salt")


@dataclass(frozen=True, slots=True)
class TokenRow:
    """SHA-512 of a token's bytes, as they lie in a packet."""

    token: bytes

    def __post_init__(self) -> None:
        _check(self.token)

    def to_json(self) -> dict[str, Any]:
        return {"token": self.token.hex()}

    def to_bytes(self) -> bytes:
        return format_json(self.to_json())


def row_from_json(value: object) -> Row | TokenRow:
    match value:
        case {"token": str(token), **more} if not more:
            return TokenRow(_digest(token))
    return Row.from_json(value)


@dataclass(frozen=True, slots=True)
class RowProof:
    """A row, and that it stands at `index` of the rows of a renewal."""

    index: int
    row: Row | TokenRow
    path: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "index": str(self.index),
                "path": [format_base64(node) for node in self.path],
                "row": self.row.to_json(),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=3 * MAX_ROW):
            case {"index": str(index), "path": list(path), "row": row, **more} if not more:
                pass
            case _:
                raise Malformed("want index, path and row, nothing else")
        if len(path) > MAX_PROOF or not all(isinstance(node, str) for node in path):
            raise Malformed(f"want a path of at most {MAX_PROOF} hashes")
        nodes = tuple(parse_base64(node, suite.STRONG_SIZE) for node in path)
        return cls(parse_decimal(index), row_from_json(row), nodes)

    def check(self, size: int, root: bytes) -> None:
        """Raises `Rejected` unless the row is the one that stands at `index` of `size`."""
        leaf = row_hash(self.row)
        check_inclusion(
            self.index, size, leaf, self.path, root, node=_node, width=suite.STRONG_SIZE
        )


def row_hash(row: Row | TokenRow) -> bytes:
    return leaf_of_row(row.to_bytes())


def leaf_of_row(data: bytes) -> bytes:
    """The same of a row that is written already."""
    return suite.strong_digest(b"\x00" + data)


class RowTree:
    """All levels over the hashes of rows: 128 bytes a row."""

    def __init__(self, hashes: Iterable[bytes]) -> None:
        self._levels = [list(hashes)]
        if not self._levels[0]:
            raise Rejected("a log without entries has nothing to renew")
        while len(below := self._levels[-1]) > 1:
            above = [_node(*pair) for pair in zip(below[::2], below[1::2], strict=False)]
            # One left over is the root of its own subtree, as RFC 6962 cuts the tree.
            self._levels.append([*above, below[-1]] if len(below) % 2 else above)

    @property
    def size(self) -> int:
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        return self._levels[-1][0]

    def path(self, index: int) -> tuple[bytes, ...]:
        """From the leaf up. Raises `Rejected` for a row that is not there."""
        if not 0 <= index < self.size:
            raise Rejected(f"row {index} is not one of {self.size}")
        path = []
        for level in self._levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                path.append(level[beside])
            index >>= 1
        return tuple(path)


def check_covered(row: Row, found: Mapping[str, bytes], items: Sequence[bytes | None]) -> None:
    """Raises `Rejected` unless the bytes found are those that the row was made from.

    `found` has the SHA-512 of entry, proof, envelope and salt; `items` of each file of the
    statement, None where it is not in the packet.
    """
    for name, digest in found.items():
        if getattr(row, name) != digest:
            raise Rejected(f"its {name} is not the one that was hashed again")
    if len(items) != len(row.items):
        raise Rejected(f"want {len(row.items)} files hashed again, got {len(items)}")
    for n, (renewed, file) in enumerate(zip(row.items, items, strict=True), 1):
        if file is not None and renewed != file:
            what = "is not the one that was" if renewed else "was gone when the others were"
            raise Rejected(f"its file {n} {what} hashed again")


def _node(left: bytes, right: bytes) -> bytes:
    return suite.strong_digest(b"\x01" + left + right)


def _check(digest: bytes) -> None:
    if len(digest) != suite.STRONG_SIZE:
        raise Malformed(f"want {suite.STRONG_SIZE} bytes of SHA-512, got {len(digest)}")


def _digest(text: str) -> bytes:
    return parse_hex(text, suite.STRONG_SIZE)
