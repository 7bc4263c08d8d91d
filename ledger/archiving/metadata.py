"""What an archive notes of each item and of what happened to it, made from a packet alone.

A line of JSON (RFC 8785) each, in log order; a pure function of the packet, so that whoever
checks a transfer package makes every line anew. Elements are those of DA/T 63-2017 where we know
one, events in the manner of PREMIS: `ELEMENTS` says of each whether its name was seen in the
standard's published text or is assumed. An element that nobody stated is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.archiving.formats import HEAD, Format, identify
from ledger.encoding import format_json, format_time
from ledger.errors import LedgerError
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import MANIFEST, PacketSource, parse_manifest
from ledger.evidence.place import Place
from ledger.evidence.statement import FileSubject, Kind, Statement, StatementSubject

_STATEMENTS = "data/statements/"
_ENDING = ".dsse.json"


@dataclass(frozen=True, slots=True)
class Element:
    """A field of `items.jsonl` or `events.jsonl`. `seen`: its name stands in the text of DA/T 63
    that is public; else it is assumed. `wanted` ones are counted where they lack."""

    name: str
    zh: str
    seen: bool = False
    wanted: bool = False

    def to_json(self) -> dict[str, Any]:
        assumed, wanted = ("no" if one else "yes" for one in (self.seen, not self.wanted))
        return {"assumed": assumed, "name": self.name, "wanted": wanted, "zh": self.zh}


ITEM_ELEMENTS = (
    Element("agency", "立档单位", wanted=True),
    Element("carrier", "原始载体", wanted=True),
    Element("case", "文件编号（案号）", wanted=True),
    Element("description", "业务描述", seen=True, wanted=True),
    Element("device", "摄录设备"),
    Element("evidence_type", "证据种类"),
    Element("file_name", "计算机文件名", wanted=True),
    Element("format", "格式信息", wanted=True),
    Element("logged_at", "捕获时间", wanted=True),
    Element("made_from", "摄录时间（起）", wanted=True),
    Element("made_to", "业务结束时间", seen=True),
    Element("maker", "摄录者", wanted=True),
    Element("method", "制作方法", wanted=True),
    Element("packet", "聚合标识（证据包与其中文件）", wanted=True),
    Element("place", "摄录地点"),
    Element("pronom", "格式标识（PRONOM）"),
    Element("retention", "保管期限", wanted=True),
    Element("secrecy", "密级", wanted=True),
    Element("sha256", "数字摘要", wanted=True),
    Element("signed_by", "电子签名（密钥）", wanted=True),
    Element("size", "计算机文件大小", wanted=True),
    Element("stage", "业务阶段"),
    Element("statement", "日志位置", wanted=True),
    Element("title", "题名", seen=True, wanted=True),
)
EVENT_ELEMENTS = (
    Element("agent", "机构人员标识符", seen=True),
    Element("at", "管理时间（日志所记）"),
    Element("detail", "管理行为描述"),
    Element("event", "管理行为"),
    Element("id", "管理活动标识符", seen=True),
    Element("objects", "关联实体标识符", seen=True),
    Element("occurred", "发生时间（陈述所称）"),
)
WANTED = tuple(element.name for element in ITEM_ELEMENTS if element.wanted)

_EVENTS: Mapping[Kind, str] = {
    Kind.EVIDENCE: "ingestion",
    Kind.ACT: "act",
    Kind.CORRECTION: "metadata modification",
    Kind.DERIVATION: "derivation",
    Kind.DISPOSAL: "deletion",
    Kind.RENEWAL: "renewal",
    Kind.REGISTER: "registration",
    Kind.STATUS: "status",
}
_OF_CUSTODY = {"read": "access", "exported": "dissemination", "refused": "access refused"}


def elements_json() -> bytes:
    return format_json(
        {
            "events": [element.to_json() for element in EVENT_ELEMENTS],
            "items": [element.to_json() for element in ITEM_ELEMENTS],
        }
    )


@dataclass(frozen=True, slots=True)
class Described:
    """A statement of a packet as the archive describes it: its event, its items."""

    event: Mapping[str, Any]
    items: tuple[tuple[Mapping[str, Any], str, Format | None], ...]  # row, path or "", its format


def describe(name: str, packet: PacketSource) -> Iterator[Described]:
    """In log order, of the packet that the package calls `name`; unreadable statements are passed
    over, for the verifier names them."""
    by_digest = _paths(packet)
    for place in _places(packet):
        try:
            envelope = Envelope.from_bytes(
                _read(packet, f"{_STATEMENTS}{place.to_text()}{_ENDING}")
            )
            statement = Statement.from_bytes(envelope.payload)
            at_ms = Entry.from_bytes(_read(packet, f"data/entries/{place.to_text()}.json")).at
        except (LedgerError, KeyError):
            continue
        keys = sorted(signature.keyid for signature in envelope.signatures)
        said = _Said(name, place, statement, at_ms, keys)
        items = tuple(_item(said, subject, by_digest, packet) for subject in statement.items)
        yield Described(_event(said), items)


@dataclass(frozen=True, slots=True)
class _Said:
    name: str
    place: Place
    statement: Statement
    at_ms: int
    keys: list[str]


def _item(
    said: _Said, subject: FileSubject, paths: Mapping[bytes, str], packet: PacketSource
) -> tuple[Mapping[str, Any], str, Format | None]:
    statement, path = said.statement, paths.get(subject.digest.sha256, "")
    given = statement.predicate
    found = identify(packet.read(path, 0, HEAD)) if path else None
    occurred = given.get("occurred", {})
    row = {
        "agency": given["agency"],
        "carrier": given.get("carrier"),
        "case": given.get("case") or given.get("provisional"),
        "description": given.get("purpose"),
        "device": given.get("device"),
        "evidence_type": given.get("evidence_type"),
        "file_name": subject.name,
        "format": found.word if found else None,
        "logged_at": format_time(said.at_ms),
        "made_from": occurred.get("from"),
        "made_to": occurred.get("to"),
        "maker": given.get("maker") or "、".join(given.get("officers", ())),
        "method": given.get("method"),
        "packet": f"{said.name}/{path}" if path else said.name,
        "place": given.get("place"),
        "pronom": list(found.puids) if found else None,
        "retention": given.get("retention"),
        "sha256": subject.digest.sha256.hex(),
        "signed_by": said.keys,
        "size": str(subject.digest.size),
        "stage": given.get("stage"),
        "statement": said.place.to_text(),
        "title": given.get("name") or given.get("act") or subject.name,
    }
    return {field: value for field, value in row.items() if value}, path, found


def _event(said: _Said) -> Mapping[str, Any]:
    statement = said.statement
    given = statement.predicate
    event = _EVENTS.get(statement.kind, str(statement.kind))
    if statement.kind is Kind.CUSTODY:
        event = _OF_CUSTODY.get(given["action"], "custody")
    objects = [subject.digest.sha256.hex() for subject in statement.files]
    objects += [s.id for s in statement.subjects if isinstance(s, StatementSubject)]
    # Of what was made from an item both are named, by their digests.
    objects += [given["original"]] if "original" in given else []
    detail = given.get("act") or given.get("hold") or given.get("register") or given.get("action")
    row = {
        "agent": given.get("by") or "、".join(given.get("officers", ())) or given["agency"],
        "at": format_time(said.at_ms),
        "detail": detail,
        "event": event,
        "id": f"{said.name}/{said.place.to_text()}",
        "objects": objects,
        "occurred": given.get("occurred", {}).get("from"),
    }
    return {field: value for field, value in row.items() if value}


def row_line(row: Mapping[str, Any]) -> bytes:
    return format_json(dict(row)) + b"\n"


class Formats:
    """Which formats occur, and how often."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, tuple[str, ...]], tuple[Format, int]] = {}
        self.unknown = 0

    def add(self, found: Format | None) -> None:
        if found is None:
            self.unknown += 1
            return
        key = found.word, found.puids
        self._seen[key] = (found, self._seen.get(key, (found, 0))[1] + 1)

    def to_bytes(self) -> bytes:
        rows = [
            {**found.to_json(), "items": str(count)}
            for _, (found, count) in sorted(self._seen.items())
        ]
        return format_json({"formats": rows, "unknown": str(self.unknown), "v": 1})


def _paths(packet: PacketSource) -> Mapping[bytes, str]:
    """By SHA-256 where an item lies, as the packet's manifest says; the verifier compares."""
    try:
        listed = parse_manifest(_read(packet, MANIFEST))
    except (LedgerError, KeyError):
        return {}
    held = packet.sizes()
    return {digest: p for p, digest in listed.items() if p.startswith("data/items/") and p in held}


def _places(packet: PacketSource) -> Iterator[Place]:
    texts = (
        path.removeprefix(_STATEMENTS).removesuffix(_ENDING)
        for path in packet.sizes()
        if path.startswith(_STATEMENTS) and path.endswith(_ENDING)
    )
    places = []
    for text in texts:
        try:
            places.append(Place.from_text(text))
        except LedgerError:
            continue
    yield from sorted(places, key=lambda place: (place.log, place.index))


def _read(packet: PacketSource, path: str) -> bytes:
    return b"".join(map(bytes, packet.stream(path)))
