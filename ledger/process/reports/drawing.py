"""Case-file review (案卷评查): the list of cases, fixed before anybody can know what is drawn.

    tiezheng/case-review/v1
    agency agency-01
    year 2026
    reviewer 5d0e…                     SHA-256 of the reviewer's secret, a line of 64 hex digits
    sample 10
    cases 213
    07af…                              one for each case, ascending

A case stands there as SHA-256 of its opening: `<salt> <case number>` and a line feed, with a
salt of 64 hex digits. The openings are a file of their own, in the same order, for the reviewer.

The seed is SHA-256 over three lines as of a checkpoint, origin, size and root of the tree that
ends with the statement about the list, and the reviewer's line. There is one such tree, and every
receipt of that statement leads to it, whatever checkpoint it ends in. Place p of the list, from 1,
has the lot SHA-256 of `<seed> <p>` and a line feed; the smallest lots are drawn.
docs/case-review.md does it by hand, and decision 0059 says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from ledger import suite
from ledger.encoding import parse_decimal, parse_hex, parse_utf8
from ledger.errors import Malformed, Rejected
from ledger.evidence import phrase
from ledger.evidence.case_number import parse_case
from ledger.evidence.statement import OPENING, Statement
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import check_inclusion, node_hash
from ledger.tlog.receipt import Receipt

HEADER = "tiezheng/case-review/v1"
MAX_CASES = 100_000
MAX_LIST = 8_000_000  # bytes: a case takes 65
MAX_OPENINGS = 64_000_000
SECRET_SIZE = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """A case of the list with the salt that hides it."""

    salt: bytes
    case: str

    def line(self) -> str:
        return f"{self.salt.hex()} {self.case}\n"

    @property
    def commitment(self) -> bytes:
        return suite.digest(self.line().encode())


@dataclass(frozen=True, slots=True)
class ReviewList:
    """What everyone may see. `reviewer` commits him to a secret, `sample` says how many."""

    agency: str
    year: int
    reviewer: bytes
    sample: int
    cases: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.cases) <= MAX_CASES:
            raise Malformed(f"want 1 to {MAX_CASES} cases, got {len(self.cases)}")
        if not 0 < self.sample <= len(self.cases):
            raise Malformed(f"want a sample of 1 to {len(self.cases)} cases, got {self.sample}")
        if any(a >= b for a, b in pairwise(self.cases)):
            raise Malformed("want cases in ascending order, each once")

    def to_bytes(self) -> bytes:
        lines = [
            HEADER,
            f"agency {self.agency}",
            f"year {self.year:04}",
            f"reviewer {self.reviewer.hex()}",
            f"sample {self.sample}",
            f"cases {len(self.cases)}",
            *(case.hex() for case in self.cases),
        ]
        return "".join(f"{line}\n" for line in lines).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) > MAX_LIST:
            raise Malformed(f"want a list of at most {MAX_LIST} bytes, got {len(data)}")
        match parse_utf8(data).split("\n"):
            case [header, agency, year, reviewer, sample, cases, *rows, ""] if header == HEADER:
                pass
            case _:
                raise Malformed(f"want {HEADER!r}, five lines and a line for each case")
        found = cls(
            phrase.name(_after("agency", agency)),
            parse_decimal(_after("year", year)),
            parse_hex(_after("reviewer", reviewer), suite.DIGEST_SIZE),
            parse_decimal(_after("sample", sample)),
            tuple(parse_hex(row, suite.DIGEST_SIZE) for row in rows),
        )
        if parse_decimal(_after("cases", cases)) != len(rows) or found.to_bytes() != data:
            raise Malformed("want the one spelling of a list of cases")
        return found


def make_list(
    agency: str, year: int, reviewer: bytes, sample: int, cases: Sequence[Opened]
) -> tuple[ReviewList, bytes]:
    """The list, and the openings in its order."""
    ordered = sorted(cases, key=lambda opened: opened.commitment)
    if len({opened.case for opened in ordered}) != len(ordered):
        raise Malformed("a case stands twice in the list")
    listed = ReviewList(agency, year, reviewer, sample, tuple(o.commitment for o in ordered))
    return listed, "".join(opened.line() for opened in ordered).encode()


def open_list(listed: ReviewList, openings: bytes) -> tuple[str, ...]:
    """The case numbers, in the order of the list; raises `Rejected` if they are not its own."""
    if len(openings) > MAX_OPENINGS:
        raise Malformed(f"want at most {MAX_OPENINGS} bytes of openings")
    lines = parse_utf8(openings).split("\n")
    if lines.pop() != "" or len(lines) != len(listed.cases):
        raise Rejected(f"want a line for each of {len(listed.cases)} cases, got {len(lines)}")
    cases = []
    for p, (line, commitment) in enumerate(zip(lines, listed.cases, strict=True), start=1):
        salt, _, case = line.partition(" ")
        opened = Opened(parse_hex(salt, suite.DIGEST_SIZE), parse_case(case))
        if opened.commitment != commitment:
            raise Rejected(f"line {p} does not open place {p} of the list")
        cases.append(opened.case)
    if len(set(cases)) != len(cases):
        raise Rejected("a case stands twice in the list, under two salts")
    return tuple(cases)


def commit_secret(secret: bytes) -> bytes:
    """What the reviewer gives before the list is made."""
    return suite.digest(secret_line(secret))


def secret_line(secret: bytes) -> bytes:
    return f"{secret.hex()}\n".encode()


def parse_secret(data: bytes) -> bytes:
    line = parse_utf8(data)
    if not line.endswith("\n"):
        raise Malformed("want one line of 64 hex digits")
    return parse_hex(line[:-1], SECRET_SIZE)


def check_fixed(listed: bytes, statement: Statement) -> None:
    """That the statement is the opening of a review of just this list, by its agency."""
    agency = ReviewList.from_bytes(listed).agency
    if statement.predicate.get("act") != OPENING or statement.agency != agency:
        raise Rejected(f"want an opening by {agency!r}, got another statement")
    sha256 = suite.digest(listed)
    if not any(file.digest.sha256 == sha256 for file in statement.files):
        raise Rejected(
            "the statement is about another list: a case was added, withdrawn or changed"
        )


def tree_ending(leaf: bytes, receipt: Receipt, later: Checkpoint) -> Checkpoint:
    """The tree whose last entry the receipt is of; it must lead to `later`, which is cosigned.

    What stands to the left of a path in a larger tree is just what the smaller one is made of.
    """
    check_inclusion(receipt.index, later.size, leaf, receipt.proof, later.root)
    at, last, root = receipt.index, later.size - 1, leaf
    for sibling in receipt.proof:
        if at & 1 or at == last:
            root = node_hash(sibling, root)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    return Checkpoint(later.origin, receipt.index + 1, root)


def seed_of(tree: Checkpoint, secret: bytes) -> bytes:
    return suite.digest(tree.to_text().encode() + secret_line(secret))


def lot(seed: bytes, place: int) -> bytes:
    return suite.digest(f"{seed.hex()} {place}\n".encode())


def drawn(listed: ReviewList, tree: Checkpoint, secret: bytes) -> tuple[int, ...]:
    """The places that are drawn, from 1, in the order of their lots.

    Raises `Rejected` if it is not the secret to which the reviewer was committed.
    """
    if commit_secret(secret) != listed.reviewer:
        raise Rejected("the reviewer's secret is not the one to which the list commits him")
    seed = seed_of(tree, secret)
    places = sorted(range(1, len(listed.cases) + 1), key=lambda place: lot(seed, place))
    return tuple(places[: listed.sample])


def _after(name: str, line: str) -> str:
    word, space, value = line.partition(" ")
    if word != name or not space:
        raise Malformed(f"want a line {name!r}, got {word[:40]!r}")
    return value
