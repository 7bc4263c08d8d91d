"""Each reader takes and refuses what its counterpart in Python does, valid or changed."""

import base64
from collections.abc import Callable
from random import Random

import pytest

from fuzz.mutate import mutate
from fuzz.targets import BY_NAME
from ledger import suite
from ledger.errors import LedgerError
from ledger.evidence.absence import Absence
from ledger.evidence.case_number import parse_case, parse_template
from ledger.evidence.clip import Clip
from ledger.evidence.ends import parse_ends
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import Index, SeriesFile, check_path, parse_manifest
from ledger.evidence.statement import Statement
from ledger.evidence.suites import Suites
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Policy
from ledger.tlog.receipt import Receipt
from testkit.case import make_case
from testkit.keys import series_public_pem
from testkit.second_verifier import second_verifier

CHANGED = 60  # documents a reader, in `make test`
OFTEN = 3_000

# Those whose counterpart stands in the table of readers under the same name.
TABLE = (
    *("decimal", "base64", "hex", "utf8", "json", "time", "uuid", "checkpoint", "signature-line"),
    *("note", "public-key", "policy", "receipt", "tile-path", "bundle", "entry", "ends", "suites"),
    *("clip", "envelope", "statement", "log-label", "absence", "series-file", "packet-index"),
    "place",
)
# Read directly: what the table does behind the reader is not what is asked here.
DIRECT: dict[str, Callable[[bytes], object]] = {
    "absence": Absence.from_bytes,
    "clip": Clip.from_bytes,
    "ends": lambda data: parse_ends(data, frozenset({"lab"})),
    "entry": Entry.from_bytes,
    "envelope": Envelope.from_bytes,
    "note": SignedNote.from_bytes,
    "packet-index": Index.from_bytes,
    "policy": Policy.from_bytes,
    "receipt": Receipt.from_bytes,
    "series-file": SeriesFile.from_bytes,
    "statement": Statement.from_bytes,
    "suites": Suites.from_bytes,
}


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode())


def _manifests() -> tuple[bytes, ...]:
    return (make_case().build().sealed()["manifest-sha256.txt"],)


# Those that have no place in the table of their own: reader and valid documents.
OTHERS: dict[str, tuple[Callable[[bytes], object], Callable[[], tuple[bytes, ...]]]] = {
    "case": (_text(parse_case), lambda: ("苏城管罚〔2026〕417号".encode(),)),
    "manifest": (parse_manifest, _manifests),
    "path": (_text(check_path), lambda: (b"data/items/01.bin",)),
    "series-modulus": (suite.series_modulus, lambda: (series_public_pem(),)),
    "template": (_text(parse_template), lambda: ("苏城管罚〔{year}〕{number}号".encode(),)),
}


def _accepts(name: str, data: bytes) -> bool:
    read = OTHERS[name][0] if name in OTHERS else DIRECT.get(name, BY_NAME[name].reads)
    try:
        read(data)
    except LedgerError:
        return False
    return True


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _compare(name: str, count: int, seed: int) -> None:
    random = Random(f"{seed} {name}")
    seeds = OTHERS[name][1]() if name in OTHERS else BY_NAME[name].seeds()
    documents = list(seeds)
    for _ in range(count):
        data = random.choice(seeds)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            data = mutate(data, random, seeds)
        documents.append(data)
    # Of what is no text, Python's readers of text are given something else.
    documents = [data for data in documents if _is_utf8(data) or name in DIRECT]
    answers = second_verifier().ask(
        {"read": name, "documents": [base64.b64encode(data).decode() for data in documents]}
    )["answers"]
    differ = [
        (data, why)
        for data, why in zip(documents, answers, strict=True)
        if _accepts(name, data) != (why is None)
    ]
    assert differ == []
    assert answers[: len(seeds)] == [None] * len(seeds)


@pytest.mark.parametrize("name", (*TABLE, *OTHERS))
def test_a_reader_takes_what_its_counterpart_takes(name: str) -> None:
    _compare(name, CHANGED, 20261126)


@pytest.mark.slow
@pytest.mark.parametrize("name", (*TABLE, *OTHERS))
def test_a_reader_takes_what_its_counterpart_takes_of_many(name: str) -> None:
    _compare(name, OFTEN, 20261127)
