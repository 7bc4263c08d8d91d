"""A notarial certificate as data: what the page says, before anything is drawn.

    {"applicant":"姑苏区城市管理局","case":"苏城管罚〔2026〕417号","items":[{"index":73894,
     "name":"BWC_0087.mp4","outcome":"same","sha256":"5f2c…",…}],"number":"（2026）苏姑证字第417号",…}

The data sheet (核验数据单) is these bytes, canonical JSON. It is attached to the PDF, and its
SHA-256 begins in the reference that is printed on every page: so the words on paper can be
compared with the data, whatever program drew them. What is certified and what is not is no
data: the wording is the same on all certificates (`certificate_words.py`).
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Self, TypeVar

from ledger import suite
from ledger.encoding import (
    MAX_INTEGER,
    MAX_TIME,
    all_visible,
    clip,
    format_json,
    parse_hex,
    parse_json,
)
from ledger.errors import Malformed
from ledger.evidence.case_number import parse_case

VERSION = 1
MAX_ITEMS = 500  # some forty pages
MAX_NOTARIES = 4
MAX_COSIGNERS = 16
MAX_LINE = 120  # characters of a name, a number, an office
MAX_NAME = 255  # of a file's name
MAX_TEXT = 300  # of purpose and method: the first page must hold them
MAX_SHEET = 1 << 20

COSIGNATURE = "自动联合签名（非公证）"

T = TypeVar("T")


class Compared(StrEnum):
    """How a file stood to the log."""

    SAME = "same"
    DIFFERENT = "different"  # the log has another digest for it
    NOT_LOGGED = "not_logged"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedItem:
    """One file that was compared. `sha256` is of the bytes that the notary had before him.

    `index` is its entry in the log, which is `log` if that is not the page's, but one that was
    closed before; `quorum_at_ms` when a quorum had cosigned that, `token_at_ms`
    the time of an RFC 3161 token over it; None where there is none. `logged_sha256` is what the
    log has instead, and stands exactly where the outcome is `DIFFERENT`.
    """

    name: str
    size: int
    sha256: bytes
    outcome: Compared
    index: int | None = None
    log: str = ""
    quorum_at_ms: int | None = None
    token_at_ms: int | None = None
    logged_sha256: bytes | None = None

    def __post_init__(self) -> None:
        _check("name", self.name, MAX_NAME)
        _check_digest("sha256", self.sha256)
        _check_number("size", self.size, MAX_INTEGER)
        if self.index is not None:
            _check_number("index", self.index, MAX_INTEGER)
        if self.log:
            _check("log", self.log, MAX_NAME)
        for name in ("quorum_at_ms", "token_at_ms"):
            if (at_ms := getattr(self, name)) is not None:
                _check_number(name, at_ms, MAX_TIME)
        if (self.index is None) != (self.outcome is Compared.NOT_LOGGED):
            raise Malformed("want a place in the log, unless the file is not logged", path="index")
        if self.index is None and (self.log, self.quorum_at_ms, self.token_at_ms) != (
            "",
            None,
            None,
        ):
            raise Malformed("want no log or times of a file that is not logged", path="index")
        if self.outcome is Compared.SAME and self.quorum_at_ms is None:
            # The page says of such a file that it was logged by then.
            raise Malformed("want the quorum time of a file that is the same", path="quorum_at_ms")
        if (self.logged_sha256 is not None) != (self.outcome is Compared.DIFFERENT):
            raise Malformed("want the log's digest of a file that differs", path="logged_sha256")
        if self.logged_sha256 is not None:
            _check_digest("logged_sha256", self.logged_sha256)
            if self.logged_sha256 == self.sha256:
                raise Malformed("want another digest than the file's", path="logged_sha256")

    def to_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "name": self.name,
            "outcome": str(self.outcome),
            "sha256": self.sha256.hex(),
            "size": self.size,
        }
        for name in ("index", "quorum_at_ms", "token_at_ms"):
            if (number := getattr(self, name)) is not None:
                value[name] = number
        if self.log:
            value["log"] = self.log
        if self.logged_sha256 is not None:
            value["logged_sha256"] = self.logged_sha256.hex()
        return value

    @classmethod
    def from_json(cls, value: Any) -> Self:
        fields = _Fields(value)
        item = cls(
            name=fields.take("name", _string),
            size=fields.take("size", _number),
            sha256=fields.take("sha256", _digest),
            outcome=fields.take("outcome", _compared),
            index=fields.take_if_there("index", _number),
            log=fields.take_if_there("log", _log) or "",
            quorum_at_ms=fields.take_if_there("quorum_at_ms", _number),
            token_at_ms=fields.take_if_there("token_at_ms", _number),
            logged_sha256=fields.take_if_there("logged_sha256", _digest),
        )
        fields.check_empty()
        return item


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignedBy:
    """A cosigner that counts in the policy's quorum, and the time in its cosignature."""

    name: str
    at_ms: int

    def __post_init__(self) -> None:
        _check("name", self.name, MAX_NAME)
        _check_number("at_ms", self.at_ms, MAX_TIME)

    def to_json(self) -> dict[str, Any]:
        return {"at_ms": self.at_ms, "name": self.name}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        fields = _Fields(value)
        by = cls(name=fields.take("name", _string), at_ms=fields.take("at_ms", _number))
        fields.check_empty()
        return by


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePage:
    """All that one certificate says. `case` is empty where the items belong to no case.

    `checkpoint_size` and `checkpoint_root` are of the checkpoint that the items were compared
    against, `policy_hash` of the policy that made `cosigners` a quorum.
    """

    number: str
    office: str
    notaries: tuple[str, ...]
    applicant: str
    purpose: str
    case: str
    compared_at_ms: int
    issued_at_ms: int
    items: tuple[ComparedItem, ...]
    log_origin: str
    checkpoint_size: int
    checkpoint_root: bytes
    cosigners: tuple[CosignedBy, ...]
    policy_hash: bytes
    method: str

    def __post_init__(self) -> None:
        for name in ("number", "office", "applicant"):
            _check(name, getattr(self, name), MAX_LINE)
        _check("log_origin", self.log_origin, MAX_NAME)
        _check("purpose", self.purpose, MAX_TEXT)
        _check("method", self.method, MAX_TEXT)
        for name in ("purpose", "method"):
            _check_cosignature(name, getattr(self, name))
        if self.case:
            parse_case(self.case)
        _check_count("notaries", len(self.notaries), MAX_NOTARIES)
        _check_count("items", len(self.items), MAX_ITEMS)
        _check_count("cosigners", len(self.cosigners), MAX_COSIGNERS)
        for i, notary in enumerate(self.notaries):
            _check(f"notaries[{i}]", notary, MAX_LINE)
        _check_number("checkpoint_size", self.checkpoint_size, MAX_INTEGER)
        _check_digest("checkpoint_root", self.checkpoint_root)
        _check_digest("policy_hash", self.policy_hash)
        _check_number("issued_at_ms", self.issued_at_ms, MAX_TIME)
        _check_number("compared_at_ms", self.compared_at_ms, MAX_TIME)
        if self.compared_at_ms > self.issued_at_ms:
            raise Malformed("want a comparison before the issue", path="compared_at_ms")
        for i, item in enumerate(self.items):
            if item.log == self.log_origin:
                raise Malformed("want another log than the page's", path=f"items[{i}].log")
            if not item.log and item.index is not None and item.index >= self.checkpoint_size:
                raise Malformed("want an entry below the checkpoint", path=f"items[{i}].index")

    def to_bytes(self) -> bytes:
        """The data sheet."""
        return format_json(
            {
                "applicant": self.applicant,
                "case": self.case,
                "checkpoint_root": self.checkpoint_root.hex(),
                "checkpoint_size": self.checkpoint_size,
                "compared_at_ms": self.compared_at_ms,
                "cosigners": [by.to_json() for by in self.cosigners],
                "issued_at_ms": self.issued_at_ms,
                "items": [item.to_json() for item in self.items],
                "log_origin": self.log_origin,
                "method": self.method,
                "notaries": list(self.notaries),
                "number": self.number,
                "office": self.office,
                "policy_hash": self.policy_hash.hex(),
                "purpose": self.purpose,
                "v": VERSION,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        fields = _Fields(parse_json(data, limit=MAX_SHEET))
        if fields.take("v", _number) != VERSION:
            raise Malformed(f"want a data sheet of version {VERSION}", path="v")
        page = cls(
            number=fields.take("number", _string),
            office=fields.take("office", _string),
            notaries=fields.take("notaries", partial(_each, _string)),
            applicant=fields.take("applicant", _string),
            purpose=fields.take("purpose", _string),
            case=fields.take("case", _string),
            compared_at_ms=fields.take("compared_at_ms", _number),
            issued_at_ms=fields.take("issued_at_ms", _number),
            items=fields.take("items", partial(_each, ComparedItem.from_json)),
            log_origin=fields.take("log_origin", _string),
            checkpoint_size=fields.take("checkpoint_size", _number),
            checkpoint_root=fields.take("checkpoint_root", _digest),
            cosigners=fields.take("cosigners", partial(_each, CosignedBy.from_json)),
            policy_hash=fields.take("policy_hash", _digest),
            method=fields.take("method", _string),
        )
        fields.check_empty()
        return page


class _Fields:
    """The fields of one object, each taken once."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"want an object, got {clip(repr(value))}")
        self._left: dict[str, Any] = dict(value)

    def take(self, name: str, read: Callable[[Any], T]) -> T:
        if name not in self._left:
            raise Malformed("is missing", path=name)
        try:
            return read(self._left.pop(name))
        except Malformed as error:
            raise error.under(name) from None

    def take_if_there(self, name: str, read: Callable[[Any], T]) -> T | None:
        return self.take(name, read) if name in self._left else None

    def check_empty(self) -> None:
        if self._left:
            raise Malformed(f"want no field {clip(min(self._left))!r}")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed(f"want a string, got {clip(repr(value))}")
    return value


def _log(value: Any) -> str:
    if not (origin := _string(value)):
        raise Malformed("want the log's origin, or no field")
    return origin


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise Malformed(f"want a number, got {clip(repr(value))}")
    return value


def _digest(value: Any) -> bytes:
    return parse_hex(_string(value), suite.DIGEST_SIZE)


def _compared(value: Any) -> Compared:
    if not isinstance(value, str) or value not in set(Compared):
        raise Malformed(f"want one of {', '.join(Compared)}, got {clip(repr(value))}")
    return Compared(value)


def _each(read: Callable[[Any], T], value: Any) -> tuple[T, ...]:
    if not isinstance(value, list):
        raise Malformed(f"want a list, got {clip(repr(value))}")
    return tuple(_at(i, read, one) for i, one in enumerate(value))


def _at(i: int, read: Callable[[Any], T], value: Any) -> T:
    try:
        return read(value)
    except Malformed as error:
        raise error.under(f"[{i}]") from None


def check_office(office: str) -> None:
    """As every certificate of it will ask."""
    _check("office", office, MAX_LINE)


def check_applied(applicant: str, purpose: str) -> None:
    """As the certificate will ask: what no page can say is not taken down."""
    _check("applicant", applicant, MAX_LINE)
    _check("purpose", purpose, MAX_TEXT)
    _check_cosignature("purpose", purpose)


def _check_cosignature(name: str, text: str) -> None:
    """A machine's cosignature must not look like a notary's act, not even once."""
    if "联合签名" in text.replace(COSIGNATURE, ""):
        raise Malformed(f"want it called {COSIGNATURE}", path=name)


def _check(name: str, text: str, limit: int) -> None:
    """One visible line: what cannot be seen on paper, or is there twice, is not certified."""
    if not 0 < len(text) <= limit:
        raise Malformed(f"want 1 to {limit} characters, got {len(text)}", path=name)
    if not all_visible(text) or unicodedata.normalize("NFC", text) != text:
        raise Malformed(f"want visible characters in NFC, got {clip(text)!r}", path=name)


def _check_count(name: str, count: int, limit: int) -> None:
    if not 1 <= count <= limit:
        raise Malformed(f"want 1 to {limit} of them, got {count}", path=name)


def _check_digest(name: str, value: bytes) -> None:
    if len(value) != suite.DIGEST_SIZE:
        raise Malformed(f"want {suite.DIGEST_SIZE} bytes, got {len(value)}", path=name)


def _check_number(name: str, value: int, limit: int) -> None:
    if not 0 <= value <= limit:
        raise Malformed(f"want 0 to {limit}, got {value}", path=name)
