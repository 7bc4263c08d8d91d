"""Party receipts (当事人回执): what a party takes home, as one QR code.

    TZ1.AEBAGBAFAYDQQCIKBMGA2DQPCAIREEY…     base32, so that a QR code holds it densely
        └ version · salt · session · from · to · manifest · slot · recordings · key · signature

The station signs that it found, in one session of one device, recordings with these digests
made within these times for one case. Case, device and digests stand in it only as salted
hashes: who finds the paper learns when, and nothing else. Whoever has the packet of the case
can tell for each recording whether it is there. No tag is shorter than 16 bytes, or a station
could prepare two recordings that fit one.
"""

import base64
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ledger import suite
from ledger.encoding import MAX_TIME, clip, format_json, parse_uuid7
from ledger.errors import Malformed, Rejected
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.tlog.note import KEY_ID_SIZE, VerifierKey

VERSION = 1
MAX_RECORDINGS = 16  # a code that a telephone still reads from paper
CONTEXT = b"tiezheng/party-receipt/v1"

_PREFIX = "TZ1."
_SALT, _TIME, _TAG, _SIGNATURE = 16, 5, 16, 64
_FIXED = 1 + _SALT + 16 + 2 * _TIME + 2 * suite.DIGEST_SIZE + 1 + KEY_ID_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyReceipt:
    """Times in whole seconds since 1970, both ends included; `session` is the dock statement's id.

    `manifest` is the SHA-256 of the session's manifest, `slot` and `recordings` are salted.
    """

    salt: bytes
    session: str
    begins_s: int
    ends_s: int
    manifest: bytes
    slot: bytes
    recordings: tuple[bytes, ...]
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        if len(self.recordings) > MAX_RECORDINGS:
            raise Malformed(f"want at most {MAX_RECORDINGS} recordings, got {len(self.recordings)}")
        if list(self.recordings) != sorted(set(self.recordings)):
            raise Malformed("want the recordings in ascending order, each once")
        if not 0 <= self.begins_s <= self.ends_s <= MAX_TIME // 1000:
            raise Malformed("want a time span that does not end before it begins")

    def signed_bytes(self) -> bytes:
        return CONTEXT + b"\n" + self._body()

    def to_text(self) -> str:
        text = base64.b32encode(self._body() + self.signature).decode()
        return _PREFIX + text.rstrip("=")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raises `Malformed` unless this is the one spelling of a receipt; believes nothing."""
        limit = len(_PREFIX) + 2 * (_FIXED + MAX_RECORDINGS * _TAG + _SIGNATURE)
        if len(text) > limit or not re.fullmatch(r"TZ1\.[A-Z2-7]+", text, re.ASCII):
            raise Malformed(f"want a receipt that begins with {_PREFIX}, got {clip(text)!r}")
        body = text.removeprefix(_PREFIX)
        try:
            data = base64.b32decode(body + "=" * (-len(body) % 8))
        except ValueError:
            raise Malformed("the receipt is damaged: this is no base32") from None
        receipt = cls._read(data)
        if receipt.to_text() != text:
            raise Malformed("want the one spelling of this receipt")
        return receipt

    def check_signature(self, key: VerifierKey) -> None:
        """Raises `Rejected` unless the station's `key` has signed it."""
        if key.key_id != self.key_id:
            raise Rejected(f"the receipt is of the key id {self.key_id.hex()}, not of {key.keyid}")
        try:
            key.verify(self.signed_bytes(), self.signature)
        except Rejected:
            raise Rejected(f"the receipt's signature by {key.keyid} does not match") from None

    def is_of(self, case: str, device: str) -> bool:
        return slot_hash(self.salt, case, device) == self.slot

    def _body(self) -> bytes:
        return b"".join(
            (
                bytes([VERSION]),
                self.salt,
                uuid.UUID(self.session).bytes,
                self.begins_s.to_bytes(_TIME, "big"),
                self.ends_s.to_bytes(_TIME, "big"),
                self.manifest,
                self.slot,
                bytes([len(self.recordings)]),
                *self.recordings,
                self.key_id,
            )
        )

    @classmethod
    def _read(cls, data: bytes) -> Self:
        count = data[_FIXED - KEY_ID_SIZE - 1] if len(data) >= _FIXED else 0
        if len(data) != _FIXED + count * _TAG + _SIGNATURE or data[0] != VERSION:
            raise Malformed("the receipt is damaged: it was not read whole")
        at = 1

        def take(size: int) -> bytes:
            nonlocal at
            at += size
            return data[at - size : at]

        return cls(
            salt=take(_SALT),
            session=parse_uuid7(str(uuid.UUID(bytes=take(16)))),
            begins_s=int.from_bytes(take(_TIME), "big"),
            ends_s=int.from_bytes(take(_TIME), "big"),
            manifest=take(suite.DIGEST_SIZE),
            slot=take(suite.DIGEST_SIZE),
            recordings=tuple(take(_TAG) for _ in range(take(1)[0])),
            key_id=take(KEY_ID_SIZE),
            signature=take(_SIGNATURE),
        )


def slot_hash(salt: bytes, case: str, device: str) -> bytes:
    """`case` is a number, or the id of a provisional case."""
    return suite.digest(CONTEXT + b"\0" + salt + format_json({"case": case, "device": device}))


def recording_tag(salt: bytes, sha256: bytes) -> bytes:
    return suite.mac(salt, b"recording\0" + sha256)[:_TAG]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a packet says to a receipt. `present` are file names, `missing` how many are not there.

    `fits` is False when no statement of the packet is of this case and device.
    """

    fits: bool
    present: tuple[str, ...]
    missing: int


def answer(receipt: PartyReceipt, statements: Iterable[Statement]) -> Answer:
    """Looks for the receipt's recordings in statements that were verified before."""
    fits = False
    found: dict[bytes, str] = {}
    for statement in statements:
        if statement.kind is not Kind.EVIDENCE:
            continue
        device = statement.predicate.get("device", "")
        cases = [statement.case, statement.predicate.get("provisional")]
        if not any(case and receipt.is_of(case, device) for case in cases):
            continue
        fits = True
        found.update(_tags(receipt.salt, statement.files))
    present = tuple(found[tag] for tag in receipt.recordings if tag in found)
    return Answer(fits, present, len(receipt.recordings) - len(present))


def _tags(salt: bytes, files: Iterable[FileSubject]) -> dict[bytes, str]:
    return {recording_tag(salt, file.digest.sha256): file.name for file in files}
