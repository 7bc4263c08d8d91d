"""Ten ways to manipulate a packet, by whoever holds keys of the ledger and can write manifests.

Each takes the files of a packet and gives other files. What a report has to say of it is named
by the step and a pattern of its finding; who made the packet seals it anew, unless it is said
that he forgot.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cli.files import read_key
from ledger import suite
from ledger.encoding import format_json, format_time, parse_json
from ledger.evidence.clip import Clip
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import MAX_JSON_FILE, Index, SeriesFile
from ledger.evidence.signing import seal
from ledger.evidence.statement import Statement
from ledger.report import Bilingual, Finding, Outcome
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import sign_note
from testkit.case import seal_bag

Files = dict[str, bytes]
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Forgery:
    """`of` says which packet is taken: the whole one, the clip, or that of a late decision."""

    name: Bilingual
    of: str
    step: str
    says: str
    forge: Callable[["Desk"], Files]

    def is_found_by(self, finding: Finding) -> bool:
        return (
            finding.step == self.step
            and finding.outcome is not Outcome.PASSED
            and re.fullmatch(self.says, finding.detail, re.DOTALL) is not None
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """What the forger has before him."""

    files: Mapping[str, bytes]
    keys: Path
    log_key: Path

    def payload(self) -> Files:
        return {path: data for path, data in self.files.items() if path.startswith("data/")}

    def entry_of(self, item: str) -> str:
        """The entry whose statement has this item, such as `2026-5`."""
        digest = suite.digest(self.files[item]).hex()
        return next(
            place
            for place, statement in self.statements()
            if any(subject.digest.sha256.hex() == digest for subject in statement.items)
        )

    def statements(self) -> Iterator[tuple[str, Statement]]:
        for path, data in sorted(self.files.items()):
            if path.endswith(".dsse.json") and path.startswith("data/statements/"):
                place = Path(path).name.removesuffix(".dsse.json")
                yield place, Statement.from_bytes(Envelope.from_bytes(data).payload)

    def item(self, ending: str) -> str:
        return min(p for p in self.files if p.startswith("data/items/") and p.endswith(ending))

    def clip(self, ending: str) -> str:
        return next(p for p in self.files if p.startswith("data/clips/") and p.endswith(ending))

    def receipts(self) -> Iterator[tuple[str, Receipt]]:
        for path, data in sorted(self.files.items()):
            if path.startswith("data/proofs/"):
                yield path, Receipt.from_bytes(data)


def _byte(desk: Desk) -> Files:
    item = desk.item(".mp4")
    data = bytearray(desk.files[item])
    data[len(data) // 2] ^= 1
    return seal_bag({**desk.payload(), item: bytes(data)})


def _left_out(desk: Desk) -> Files:
    """The last item, its statement, its entry, its place: as if there had been none."""
    item = max(path for path in desk.files if path.startswith("data/items/"))
    place = desk.entry_of(item)
    left = {
        path: data
        for path, data in desk.payload().items()
        if path != item and re.split("[.@]", Path(path).name)[0] != place
    }
    index = Index.from_bytes(left["data/packet.json"])
    items = tuple(name for name in index.items if name != Path(item).name)
    left["data/packet.json"] = replace(index, items=items).to_bytes()
    for path, row in _series(left):
        places = tuple(p for p in row.places if p.to_text() != place)
        if places:
            left[path] = replace(row, places=places).to_bytes()
        else:
            del left[path]
    return seal_bag(left)


def _redated(desk: Desk) -> Files:
    """Signed again by the key that signed it: the station helps."""
    place = desk.entry_of(desk.item(".jpg"))
    path = f"data/statements/{place}.dsse.json"
    value = parse_json(Envelope.from_bytes(desk.files[path]).payload, limit=MAX_JSON_FILE)
    statement = Statement.from_bytes(format_json(value))
    assert statement.occurred is not None
    earlier = format_time(statement.occurred.start_ms - DAY_MS)
    value["predicate"]["occurred"] = {"from": earlier, "to": earlier}
    signed = seal(format_json(value), [read_key(str(desk.keys / "station.key"))])
    return seal_bag({**desk.payload(), path: signed.to_bytes()})


def _late(desk: Desk) -> Files:
    """As it came from the ledger: whoever files sets the date, and nobody refuses it."""
    return dict(desk.files)


def _swapped(desk: Desk) -> Files:
    files = desk.payload()
    first, second = (desk.entry_of(desk.item(end)) for end in (".jpg", ".txt"))
    other = {first: second, second: first}
    for path, row in _series(files):
        names = [place.to_text() for place in row.places]
        if first in names and second in names:
            by_name = dict(zip(names, row.places, strict=True))
            places = tuple(by_name[other.get(name, name)] for name in names)
            files[path] = replace(row, places=places).to_bytes()
    return seal_bag(files)


def _second_history(desk: Desk) -> Files:
    """The log's own key signs another root for a size that cosigners have seen."""
    files = desk.payload()
    path, receipt = max(desk.receipts(), key=lambda each: _size(each[1]))
    key = read_key(str(desk.log_key))
    checkpoint = _checkpoint(receipt)
    text = replace(checkpoint, root=suite.digest(checkpoint.root)).to_text()
    note = SignedNote(text, (sign_note(text, key),))
    files[path] = replace(receipt, note=note.to_text()).to_bytes()
    return seal_bag(files)


def _cosigner_removed(desk: Desk) -> Files:
    """One line is left where two of three are wanted, in the checkpoint and in every proof."""
    files = desk.payload()
    for path, data in files.items():
        if path.startswith("data/checkpoints/"):
            files[path] = _one_cosigner(SignedNote.from_bytes(data)).to_bytes()
    for path, receipt in desk.receipts():
        note = _one_cosigner(SignedNote.from_text(receipt.note))
        files[path] = replace(receipt, note=note.to_text()).to_bytes()
    return seal_bag(files)


def _chunk(desk: Desk) -> Files:
    path = desk.clip(".chunks")
    data = bytearray(desk.files[path])
    data[len(data) // 2] ^= 1
    return seal_bag({**desk.payload(), path: bytes(data)})


def _sample_map(desk: Desk) -> Files:
    """What is played first is said to come from one byte earlier than it does."""
    path = desk.clip(".json")
    clip = Clip.from_bytes(desk.files[path])
    first, *rest = clip.pieces
    moved = replace(first, original=first.original - 1)
    return seal_bag({**desk.payload(), path: replace(clip, pieces=(moved, *rest)).to_bytes()})


def _hidden(desk: Desk) -> Files:
    return seal_bag({**desk.payload(), "data/items/99.pdf": b"%PDF-1.7\n"})


def _series(files: Mapping[str, bytes]) -> list[tuple[str, SeriesFile]]:
    return [
        (path, SeriesFile.from_bytes(data))
        for path, data in sorted(files.items())
        if path.startswith("data/series/")
    ]


def _checkpoint(receipt: Receipt) -> Checkpoint:
    return Checkpoint.from_text(SignedNote.from_text(receipt.note).text)


def _size(receipt: Receipt) -> int:
    return _checkpoint(receipt).size


def _one_cosigner(note: SignedNote) -> SignedNote:
    return replace(note, signatures=note.signatures[:2])


FORGERIES: tuple[Forgery, ...] = (
    Forgery(
        {"en": "one bit of the recording is changed", "zh": "录像改动一个比特"},
        "packet",
        "item",
        ".*",
        _byte,
    ),
    Forgery(
        {
            "en": "the last item is left out, with its statement and entry",
            "zh": "略去最后一件证据及其陈述、条目",
        },
        "packet",
        "complete",
        r"entry \d+ is statement \d+, which is not shown",
        _left_out,
    ),
    Forgery(
        {"en": "a statement is dated a day earlier", "zh": "陈述所称时间提前一天"},
        "packet",
        "commitment",
        ".*",
        _redated,
    ),
    Forgery(
        {
            "en": "a decision is logged late, with yesterday's date",
            "zh": "决定迟至取证之后才入日志，日期倒签",
        },
        "late",
        "fence",
        "(after|not_shown) decision .*",
        _late,
    ),
    Forgery(
        {"en": "two statements change places in the case", "zh": "本案两份陈述对调次序"},
        "packet",
        "series",
        r"\S+ is not statement \d+ of .*",
        _swapped,
    ),
    Forgery(
        {"en": "the log signs a second history", "zh": "日志签署第二份历史"},
        "packet",
        "inclusion",
        ".*two histories.*",
        _second_history,
    ),
    Forgery(
        {"en": "one cosigner too many is removed", "zh": "去掉联合签名，不足法定人数"},
        "packet",
        "checkpoint",
        "no quorum: .*",
        _cosigner_removed,
    ),
    Forgery(
        {"en": "one bit of the clip's chunks is changed", "zh": "片段所附分块改动一个比特"},
        "clip",
        "clip",
        ".*",
        _chunk,
    ),
    Forgery(
        {
            "en": "the clip's map of samples is moved by a byte",
            "zh": "片段的采样对照表错开一个字节",
        },
        "clip",
        "clip",
        ".*",
        _sample_map,
    ),
    Forgery(
        {"en": "a file is hidden in the packet", "zh": "证据包中夹带一个文件"},
        "packet",
        "container",
        ".*",
        _hidden,
    ),
)
