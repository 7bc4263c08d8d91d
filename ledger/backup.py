"""Backups: numbered files, each sealed, each naming the one before.

    tiezheng-backup/v1
    {"after":"<SHA-256 of file n-1>","at":…,"key":"5f2c91aa","log":"…/2026","n":3,"salt":"…","v":1}
    <pieces: the size in four bytes, then that many sealed bytes>

A piece is sealed under a key of its file's own, with its number and whether it is the
last; the two lines above are sealed along. So a piece that was altered, moved, left out
or put in is refused, and a file that was cut short too. Opened, the pieces are one run of
records: the state, then rows of the database, then small files. docs/formats/backup.md.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from ledger import suite
from ledger.encoding import (
    format_base64,
    format_json,
    parse_base64,
    parse_decimal,
    parse_hex,
    parse_json,
    parse_utf8,
)
from ledger.errors import Malformed, Rejected
from ledger.suite_private import SEAL_KEY, SEAL_NONCE, SEAL_TAG, Cipher

MAGIC = b"tiezheng-backup/v1\n"
KEY_PREFIX = "tiezheng-backup-key/v1 "
FIRST = bytes(suite.DIGEST_SIZE)  # what the first file names instead of one before
PIECE = 1 << 20
MAX_HEADER = 4096
MAX_RECORD = 32 << 20  # an envelope has at most a megabyte or so; nothing else is as long
MAX_FILES = 10**8 - 1

Value = int | str | bytes | None
Row = Sequence[Value]
Read = Callable[[int], bytes]  # up to so many bytes; fewer only at the end

STATE, TABLE, ROW, FILE, DATA = b"S", b"T", b"R", b"F", b"D"
KINDS = (STATE, TABLE, ROW, FILE, DATA)


@dataclass(frozen=True, slots=True)
class BackupKey:
    """The one secret of a backup, kept elsewhere: whoever has both has every private key."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != SEAL_KEY:
            raise Malformed("want a backup key of 32 bytes")

    def __repr__(self) -> str:
        return f"BackupKey({self.name})"

    @property
    def name(self) -> str:
        """What a file says of its key: enough to find it, nothing of the key."""
        return suite.mac(self.secret, b"tiezheng/backup-key-name/v1\x00")[:4].hex()

    def of_file(self, salt: bytes) -> bytes:
        return suite.mac(self.secret, b"tiezheng/backup-file-key/v1\x00" + salt)

    def to_text(self) -> str:
        return KEY_PREFIX + format_base64(self.secret)

    @classmethod
    def from_text(cls, text: str) -> Self:
        if not text.startswith(KEY_PREFIX):
            raise Malformed("want a key made by `tiezheng backup --new-key`")
        try:
            return cls(parse_base64(text.removeprefix(KEY_PREFIX), SEAL_KEY))
        except Malformed:
            # Whose message would quote the key.
            raise Malformed("want a backup key of 32 bytes in base64") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first two lines of file `n`. `after` is the SHA-256 of file n-1; `at_ms` is a remark."""

    n: int
    after: bytes
    at_ms: int
    key: str
    log: str
    salt: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.n <= MAX_FILES:
            raise Malformed(f"want a number from 1 to {MAX_FILES}, got {self.n}", path="n")

    def to_bytes(self) -> bytes:
        value = {
            "after": self.after.hex(),
            "at": self.at_ms,
            "key": self.key,
            "log": self.log,
            "n": self.n,
            "salt": format_base64(self.salt),
            "v": 1,
        }
        return MAGIC + format_json(value) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if not data.startswith(MAGIC) or not data.endswith(b"\n"):
            raise Malformed("want the first two lines of a backup file")
        match parse_json(data.removeprefix(MAGIC)[:-1], limit=MAX_HEADER):
            case {
                "after": str(after),
                "at": int(at_ms),
                "key": str(key),
                "log": str(log),
                "n": int(n),
                "salt": str(salt),
                "v": 1,
                **more,
            } if not more:
                pass
            case _:
                raise Malformed("want after, at, key, log, n, salt and v = 1")
        parse_hex(key, 4)
        return cls(
            n=n,
            after=parse_hex(after, suite.DIGEST_SIZE),
            at_ms=at_ms,
            key=key,
            log=log,
            salt=parse_base64(salt, suite.DIGEST_SIZE),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The first record: which rows are in this file, and from where on the next one begins.

    `start` to `size` are its entries, `last` the SHA-256 of entry size-1; the next file
    takes cosigned checkpoints from the size `cosigned` on, items from the row `items` on and
    timestamps behind the row `stamps`. `schema` is the version of the database.
    """

    start: int
    size: int
    last: bytes
    cosigned: int
    items: int
    schema: int
    stamps: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.size or self.size == 0 or self.schema < 1:
            raise Malformed(f"no such state: entries {self.start} to {self.size}")

    def to_bytes(self) -> bytes:
        said = {
            "cosigned": str(self.cosigned),
            "items": str(self.items),
            "last": self.last.hex(),
            "schema": str(self.schema),
            "size": str(self.size),
            "start": str(self.start),
        }
        # A file from before there were any says nothing of them.
        return format_json(said | ({"stamps": str(self.stamps)} if self.stamps else {}))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        value = parse_json(data, limit=MAX_HEADER)
        names = ["cosigned", "items", "last", "schema", "size", "start"]
        if not isinstance(value, dict) or sorted({"stamps": "", **value}) != [
            *names[:5],
            "stamps",
            "start",
        ]:
            raise Malformed(f"want {', '.join(names)}, and perhaps stamps")
        texts = {name: text for name, text in value.items() if isinstance(text, str)}
        if len(texts) != len(value):
            raise Malformed("want texts only")
        last = parse_hex(texts.pop("last"), suite.DIGEST_SIZE)
        found = cls(last=last, **{name: parse_decimal(text) for name, text in texts.items()})
        if found.to_bytes() != data:
            raise Malformed("want no number of stamps where there are none")
        return found


@dataclass(frozen=True, slots=True)
class Record:
    kind: bytes
    body: bytes

    def to_bytes(self) -> bytes:
        return self.kind + len(self.body).to_bytes(4, "big") + self.body


# --- pieces --------------------------------------------------------------------------------


def seal(key: BackupKey, header: Header, records: Iterable[Record]) -> Iterator[bytes]:
    """The bytes of a file, in runs of about a megabyte."""
    head = header.to_bytes()
    yield head
    cipher, aad = Cipher(key.of_file(header.salt)), suite.digest(head)
    number, waiting = 0, bytearray()
    for record in records:
        waiting += record.to_bytes()
        while len(waiting) > PIECE:
            yield _sealed(cipher, number, False, bytes(waiting[:PIECE]), aad)
            number += 1
            del waiting[:PIECE]
    yield _sealed(cipher, number, True, bytes(waiting), aad)


def _sealed(cipher: Cipher, number: int, last: bool, data: bytes, aad: bytes) -> bytes:
    # The nonce is not stored: it follows from the place.
    sealed = cipher.seal(_nonce(number, last), data, aad)[SEAL_NONCE:]
    return len(sealed).to_bytes(4, "big") + sealed


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(SEAL_NONCE - 1, "big") + bytes([last])


def read_header(read: Read) -> Header:
    """Takes the two lines off the front of a file."""
    data = read(len(MAGIC))
    while data.startswith(MAGIC) and len(data) <= MAX_HEADER and (one := read(1)):
        data += one
        if one == b"\n":
            break
    return Header.from_bytes(data)


def open_records(key: BackupKey, header: Header, read: Read) -> Iterator[Record]:
    """The records behind the header; raises `Rejected` where they are not as they were sealed.

    What was yielded is sealed by the key; that it is all of the file is known only at
    the end.
    """
    if header.key != key.name:
        raise Rejected(f"it was sealed with the key {header.key}, this is {key.name}")
    waiting = bytearray()
    for piece in _opened(key, header, read):
        waiting += piece
        at = 0
        while len(waiting) - at >= 5:
            kind = bytes(waiting[at : at + 1])
            end = at + 5 + int.from_bytes(waiting[at + 1 : at + 5], "big")
            if kind not in KINDS or end - at > MAX_RECORD:
                raise Malformed(f"no such record: {kind!r} of {end - at - 5} bytes")
            if end > len(waiting):
                break
            yield Record(kind, bytes(waiting[at + 5 : end]))
            at = end
        del waiting[:at]
    if waiting:
        raise Malformed(f"the last record is cut off after {len(waiting)} bytes")


def _opened(key: BackupKey, header: Header, read: Read) -> Iterator[bytes]:
    cipher, aad = Cipher(key.of_file(header.salt)), suite.digest(header.to_bytes())
    number, size = 0, read(4)
    while size:
        length = int.from_bytes(size, "big")
        if len(size) < 4 or length > PIECE + SEAL_TAG:
            raise Rejected(f"piece {number} is cut off or altered")
        sealed = read(length)
        if len(sealed) < length:
            raise Rejected(f"piece {number} is cut off or altered")
        size = read(4)
        try:
            # Sealed as the last, and nothing behind it: neither can be had without the other.
            yield cipher.open(_nonce(number, not size) + sealed, aad)
        except Rejected:
            raise Rejected(f"piece {number} is cut off or altered") from None
        number += 1
    if number == 0:
        raise Rejected("there is nothing behind its first two lines")


# --- rows ----------------------------------------------------------------------------------


def row_to_bytes(values: Row) -> bytes:
    """A letter, a size in four bytes, and the bytes, for each value: n, i, t or b."""
    parts: list[bytes] = []
    for value in values:
        match value:
            case None:
                kind, data = b"n", b""
            case int():
                kind, data = b"i", b"%d" % value
            case str():
                kind, data = b"t", value.encode()
            case _:
                kind, data = b"b", value
        parts += (kind, len(data).to_bytes(4, "big"), data)
    return b"".join(parts)


def row_from_bytes(data: bytes) -> tuple[Value, ...]:
    values: list[Value] = []
    at = 0
    while at < len(data):
        end = at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
        kind, body = data[at : at + 1], data[at + 5 : end]
        if end > len(data) or at + 5 > len(data):
            raise Malformed("a row that ends within a value")
        values.append(_value(kind, body))
        at = end
    return tuple(values)


def _value(kind: bytes, body: bytes) -> Value:
    match kind:
        case b"n" if not body:
            return None
        case b"i":
            text = parse_utf8(body)
            number = parse_decimal(text.removeprefix("-"))
            if b"%d" % (-number if text.startswith("-") else number) != body:
                raise Malformed("want the one spelling of a number")
            return -number if text.startswith("-") else number
        case b"t":
            return parse_utf8(body)
        case b"b":
            return body
        case _:
            raise Malformed(f"no such value: {kind!r}")
