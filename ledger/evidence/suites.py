"""Which suites a verifier believes and which he wants: `suites` in the trust folder.

    require sha256 sm3      each item has a digest in each of these
    distrust ed25519        a signature in this suite alone is not enough

Digests are `sha256` and `sm3`, signatures `ed25519` and `sm2`. What is required and
missing is failed, since somebody may have taken it away; what stands in distrusted
suites alone is undecided, since nobody has shown that it is wrong. The hashes of the
log, and the keys of log and cosigners, are outside of this: `NOTE` says so.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Self

from ledger.encoding import clip, parse_utf8
from ledger.errors import Malformed, Rejected
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.register import Registration
from ledger.tlog.note import Algorithm, VerifierKey

DIGESTS = ("sha256", "sm3")
SIGNATURES = ("ed25519", "sm2")
WORDS = DIGESTS + SIGNATURES

NOTE = "place and time rest on the log's own SHA-256 and on its cosigners' keys all the same"

_ALGORITHMS = {Algorithm.ED25519: "ed25519", Algorithm.SM2: "sm2"}


@dataclass(frozen=True, slots=True)
class Suites:
    """Without the file every suite is believed, and none required."""

    required: frozenset[str] = frozenset()
    distrusted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if both := self.required & self.distrusted:
            raise Malformed(f"{min(both)} is required and distrusted")
        for pair in (DIGESTS, SIGNATURES):
            if self.distrusted.issuperset(pair):
                raise Malformed(f"{' and '.join(pair)} are distrusted: nothing is left to believe")

    def to_text(self) -> str:
        rows = (("require", self.required), ("distrust", self.distrusted))
        return "".join(f"{verb} {_spelled(words)}\n" for verb, words in rows if words)

    @classmethod
    def from_text(cls, text: str) -> Self:
        found: dict[str, frozenset[str]] = {}
        for line in text.splitlines():
            verb, *words = line.split(" ")
            if verb not in ("require", "distrust") or verb in found:
                raise Malformed(f"want one line of require and one of distrust, got {clip(line)!r}")
            if unknown := set(words) - set(WORDS):
                raise Malformed(f"want some of {', '.join(WORDS)}, got {clip(min(unknown))!r}")
            found[verb] = frozenset(words)
        suites = cls(found.get("require", frozenset()), found.get("distrust", frozenset()))
        if not found or suites.to_text() != text:
            raise Malformed(
                f"want the lines require and distrust, words in order: {_spelled(WORDS)}"
            )
        return suites

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        return cls.from_text(parse_utf8(data))

    def check_item(self, said: ItemDigest) -> str:
        """Why what is said of an item is not believed, or nothing; `Rejected` where one is missing.

        `said` is what a signed statement says and the bytes have.
        """
        given = {"sha256", "sm3"} if said.sm3 else {"sha256"}
        return self._check(given, DIGESTS, "digest")

    def check_signer(self, signer: Registration) -> str:
        """The same of one person's signatures on one statement."""
        given = {_ALGORITHMS[key.algorithm] for key in signer.keys}
        return self._check(given, SIGNATURES, f"signature by {signer.person!r}")

    def check_registrar(self, key: VerifierKey) -> str:
        """Why the register is not believed. The folder names his key: none can be taken away."""
        word = _ALGORITHMS[key.algorithm]
        if word not in self.distrusted:
            return ""
        return f"the registrar signs in a suite that your trust folder distrusts: {word}"

    def finding(self) -> str:
        """What this folder asks for and what that leaves, for the report; empty without a file."""
        rows = (("required", self.required), ("distrusted", self.distrusted))
        asked = [f"{verb} {_spelled(words)}" for verb, words in rows if words]
        return f"suites: {', '.join(asked)}; {NOTE}" if asked else ""

    def _check(self, given: AbstractSet[str], of: tuple[str, ...], what: str) -> str:
        for word in of:
            if word in self.required and word not in given:
                raise Rejected(f"want a {word} {what}, as your trust folder requires")
        if given - self.distrusted:
            return ""
        return f"only in a suite that your trust folder distrusts: {_spelled(given)}"


def _spelled(words: AbstractSet[str] | tuple[str, ...]) -> str:
    return " ".join(word for word in WORDS if word in words)
