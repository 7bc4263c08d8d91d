"""Packets: what a court receives. A BagIt bag (RFC 8493) with a closed layout.

    bagit.txt  bag-info.txt  manifest-sha256.txt  tagmanifest-sha256.txt
    data/packet.json                            for which case, what, in which order
    data/items/<nn>.<ext>                       originals
    data/statements/<log>-<index>.dsse.json .salt
    data/entries/<log>-<index>.json             the entry, byte for byte
    data/proofs/<log>-<index>@<size>.tlog-proof cosigned
    data/series/<nn>.json                       name, signature, N, place of each
    data/checkpoints/<log>.note                 the packet checkpoint of each log
    data/timestamps/<log>-<size>.body           the text of a checkpoint, as it was stamped
    data/timestamps/<log>-<size>.<name>.tsr .crl a token over it; revocations of that day
    data/renewals/<nn>.dsse.json .tsr .crl      a renewal, and the token over it
    data/renewals/<nn>/<nn>.json                a row of it
    data/certificates/<nn>.pdf                  notarial certificates
    data/clips/<nn>.json .chunks .<ext>         a part of an item: `ledger.evidence.clip`
    data/absence/<nn>.dsse.json                 what mirrors say of the tags of a series

Whatever has no place here is refused. Manifests find damage in transport; nothing
is believed because a manifest or `packet.json` says it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from ledger import suite
from ledger.encoding import (
    clip,
    format_base64,
    format_json,
    parse_base64,
    parse_decimal,
    parse_hex,
    parse_json,
    parse_utf8,
)
from ledger.errors import Malformed, Rejected
from ledger.evidence.case_number import parse_case
from ledger.evidence.due import Due
from ledger.evidence.place import PLACE as _PLACE
from ledger.evidence.place import Place as Place
from ledger.evidence.series import MODULUS_SIZE
from ledger.evidence.withheld import Withheld, check_rows

MAX_FILES = 400_000  # forty thousand statements with their entries, salts and proofs
MAX_TOKENS = 20_000  # each takes one to three ms an authority, thirty if it means ill
MAX_RENEWALS = 1_000
MAX_CLIPS = 1_000
MAX_SMALL_FILE = 67_108_864  # the largest manifest of that many files
MAX_JSON_FILE = 16_777_216  # the longest list of places or items; JSON takes far more in memory

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
TAG_FILES = ("bag-info.txt", "bagit.txt", MANIFEST)
INDEX = "data/packet.json"

_STAMP = r"data/timestamps/(?P<log>[12]\d{3}(?:-[1-9]\d{0,3})?)-(?P<size>[1-9]\d{0,18})\."
_NAME = r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?"
AUTHORITY_NAME = re.compile(_NAME, re.ASCII)
_AUTHORITY = rf"(?P<name>{_NAME})\."
_NUMBER = r"(?:\d{2}|[1-9]\d{2,5})"  # one spelling: 01, not 001
_LAYOUT = {
    "item": re.compile(rf"data/items/{_NUMBER}\.[a-z0-9]{{1,8}}", re.ASCII),
    "certificate": re.compile(rf"data/certificates/{_NUMBER}\.pdf", re.ASCII),
    "envelope": re.compile(rf"data/statements/{_PLACE}\.dsse\.json", re.ASCII),
    "salt": re.compile(rf"data/statements/{_PLACE}\.salt", re.ASCII),
    "entry": re.compile(rf"data/entries/{_PLACE}\.json", re.ASCII),
    "proof": re.compile(rf"data/proofs/{_PLACE}@(?P<size>[1-9]\d{{0,18}})\.tlog-proof", re.ASCII),
    "series": re.compile(rf"data/series/{_NUMBER}\.json", re.ASCII),
    "absence": re.compile(rf"data/absence/{_NUMBER}\.dsse\.json", re.ASCII),
    "checkpoint": re.compile(
        r"data/checkpoints/(?P<log>[12]\d{3}(?:-[1-9]\d{0,3})?)\.note", re.ASCII
    ),
    "renewal": re.compile(rf"data/renewals/(?P<number>{_NUMBER})\.dsse\.json", re.ASCII),
    "renewal_token": re.compile(rf"data/renewals/(?P<number>{_NUMBER})\.tsr", re.ASCII),
    "renewal_list": re.compile(rf"data/renewals/(?P<number>{_NUMBER})\.crl", re.ASCII),
    "renewal_row": re.compile(
        rf"data/renewals/(?P<number>{_NUMBER})/(?P<row>{_NUMBER})\.json", re.ASCII
    ),
    "clip": re.compile(rf"data/clips/(?P<number>{_NUMBER})\.json", re.ASCII),
    "clip_chunks": re.compile(rf"data/clips/(?P<number>{_NUMBER})\.chunks", re.ASCII),
    "clip_played": re.compile(rf"data/clips/(?P<number>{_NUMBER})\.(?:mp4|ts)", re.ASCII),
    "body": re.compile(rf"{_STAMP}body", re.ASCII),
    "token": re.compile(rf"{_STAMP}{_AUTHORITY}tsr", re.ASCII),
    "revocation": re.compile(rf"{_STAMP}{_AUTHORITY}crl", re.ASCII),
}
_MANIFEST_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<path>[a-z0-9@._/-]+)", re.ASCII)
_BAG_INFO = re.compile(
    r"Bag-Software-Agent: [ -~]{1,80}\nPayload-Oxum: (?P<bytes>0|[1-9]\d{0,18})"
    r"\.(?P<files>0|[1-9]\d{0,8})\n",
    re.ASCII,
)


class PacketSource(Protocol):
    """A packet's bytes, from a folder or a zip, in one canonical outer form.

    Opening it has refused links, paths twice, wrong sizes and every other spelling
    of the container. May be read from several threads.
    """

    def sizes(self) -> Mapping[str, int]:
        """Every path and its size in bytes; asked for often, so made once."""
        ...

    def stream(self, path: str) -> Iterator[bytes | memoryview]:
        """The bytes in pieces; raises `Rejected` at the end if the container says they differ."""
        ...

    def read(self, path: str, at: int, size: int) -> bytes:
        """`size` bytes from `at` on, fewer only where the file ends."""
        ...


Tree = tuple[str, int]  # label of the log, and size


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a packet by what they are; proofs by place and tree size."""

    items: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[Place, str] = field(default_factory=dict)
    envelopes: Mapping[Place, str] = field(default_factory=dict)
    salts: Mapping[Place, str] = field(default_factory=dict)
    proofs: Mapping[tuple[Place, int], str] = field(default_factory=dict)
    absences: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    clips: Mapping[str, str] = field(default_factory=dict)
    clip_chunks: Mapping[str, str] = field(default_factory=dict)
    clips_played: Mapping[str, str] = field(default_factory=dict)
    bodies: Mapping[Tree, str] = field(default_factory=dict)
    tokens: Mapping[tuple[Tree, str], str] = field(default_factory=dict)
    revocations: Mapping[tuple[Tree, str], str] = field(default_factory=dict)
    renewals: Mapping[str, str] = field(default_factory=dict)
    renewal_tokens: Mapping[str, str] = field(default_factory=dict)
    renewal_lists: Mapping[str, str] = field(default_factory=dict)
    renewal_rows: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Iterable[str]) -> Self:
        """Raises `Malformed` on a path that has no place, one too many, or if one is missing."""
        found: dict[str, dict[Any, str]] = {kind: {} for kind in _LAYOUT}
        tags = {*TAG_FILES, TAG_MANIFEST, INDEX}
        given = set(paths)
        if missing := tags - given:
            raise Malformed(f"the packet has no {min(missing)}")
        for path in sorted(given - tags):
            kind, key = _kind(path)
            if (other := found[kind].setdefault(key, path)) != path:
                raise Malformed(f"want one of {other} and {path}")
        bounds = (("token", MAX_TOKENS), ("renewal", MAX_RENEWALS), ("clip", MAX_CLIPS))
        for kind, most in bounds:
            if len(found[kind]) > most:
                raise Malformed(f"want at most {most} {kind}s, got {len(found[kind])}")
        return cls(
            items=tuple(found["item"].values()),
            series=tuple(found["series"].values()),
            checkpoints=found["checkpoint"],
            entries=found["entry"],
            envelopes=found["envelope"],
            salts=found["salt"],
            proofs=found["proof"],
            absences=tuple(found["absence"].values()),
            certificates=tuple(found["certificate"].values()),
            clips=found["clip"],
            clip_chunks=found["clip_chunks"],
            clips_played=found["clip_played"],
            bodies=found["body"],
            tokens=found["token"],
            revocations=found["revocation"],
            renewals=found["renewal"],
            renewal_tokens=found["renewal_token"],
            renewal_lists=found["renewal_list"],
            renewal_rows=found["renewal_row"],
        )


@dataclass(frozen=True, slots=True)
class Index:
    """`packet.json`: for which case, the items in the order of the list, what is withheld, and
    until when all is due. The last two stand there only if there is something to say."""

    case: str
    checkpoints: tuple[str, ...]
    items: tuple[str, ...]
    withheld: tuple[Withheld, ...] = ()
    due: Due | None = None

    def to_bytes(self) -> bytes:
        value: dict[str, Any] = {
            "case": self.case,
            "checkpoints": list(self.checkpoints),
            "items": list(self.items),
            "v": 1,
        }
        if self.withheld:
            value["withheld"] = [row.to_json() for row in self.withheld]
        if self.due is not None:
            value["due"] = self.due.to_json()
        return format_json(value)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_JSON_FILE):
            case {
                "case": str(case),
                "checkpoints": list(notes),
                "items": list(items),
                "v": 1,
                **more,
            }:
                pass
            case _:
                raise Malformed("want case, checkpoints, items and v = 1")
        rows, due = more.pop("withheld", None), more.pop("due", None)
        if more or not all(isinstance(name, str) for name in (*notes, *items)):
            raise Malformed("want case, checkpoints, items and v = 1, all names text")
        if rows is not None and not (isinstance(rows, list) and rows):
            raise Malformed("want rows of what is withheld, or no such field")
        withheld = tuple(map(Withheld.from_json, rows or ()))
        check_rows(withheld)
        until = None if due is None else Due.from_json(due)
        return cls(parse_case(case), tuple(notes), tuple(items), withheld, until)


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """A series of the packet: `places[n-1]` is where its n-th statement stands."""

    name: str
    signature: bytes
    places: tuple[Place, ...]

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "entries": [place.to_text() for place in self.places],
                "n": len(self.places),
                "name": self.name,
                "signature": format_base64(self.signature),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_JSON_FILE):
            case {
                "entries": list(rows),
                "n": int(n),
                "name": str(name),
                "signature": str(sig),
                **more,
            }:
                pass
            case _:
                raise Malformed("want entries, n, name and signature")
        if more or n != len(rows) or not rows or not all(isinstance(r, str) for r in rows):
            raise Malformed(f"want n places, got {len(rows)} for n = {n}")
        places = tuple(Place.from_text(row) for row in rows)
        if len(set(places)) != len(places):
            raise Malformed("a place stands twice in a series")
        return cls(name, parse_base64(sig, MODULUS_SIZE), places)


def format_manifest(digests: Mapping[str, bytes]) -> bytes:
    """Lower-case hex, two spaces, path; sorted by path."""
    return "".join(f"{digests[path].hex()}  {path}\n" for path in sorted(digests)).encode()


def parse_manifest(data: bytes) -> dict[str, bytes]:
    digests: dict[str, bytes] = {}
    for line in parse_utf8(data).split("\n")[:-1]:
        match = _MANIFEST_LINE.fullmatch(line)
        if match is None or match["path"] in digests:
            raise Malformed(f"want digest and path, each path once, got {clip(line)!r}")
        digests[match["path"]] = parse_hex(match["digest"])
    if format_manifest(digests) != data:
        raise Malformed("want manifest lines sorted by path, each ending in a line feed")
    return digests


def format_bag_info(agent: str, payload_bytes: int, payload_files: int) -> bytes:
    text = f"Bag-Software-Agent: {agent}\nPayload-Oxum: {payload_bytes}.{payload_files}\n"
    return text.encode("ascii")


def check_bag(sizes: Mapping[str, int], read: Callable[[str], bytes]) -> dict[str, bytes]:
    """The tag files of a bag agree with each other and with the list of paths.

    Returns the digest that the manifest gives for each payload file; the caller
    compares them with the bytes.
    """
    if read("bagit.txt") != BAGIT:
        raise Malformed("want BagIt 1.0 in UTF-8", path="bagit.txt")
    tags = _manifest(read, TAG_MANIFEST)
    if set(tags) != set(TAG_FILES):
        raise Malformed(f"want {', '.join(TAG_FILES)}, each once", path=TAG_MANIFEST)
    for path, expected in tags.items():
        if suite.digest(read(path)) != expected:
            raise Rejected(f"{path} is not what {TAG_MANIFEST} says")
    payload = {path: size for path, size in sizes.items() if path.startswith("data/")}
    digests = _manifest(read, MANIFEST)
    if digests.keys() != payload.keys():
        odd = min(digests.keys() ^ payload.keys())
        where = "in the manifest only" if odd in digests else "not in the manifest"
        raise Rejected(f"{clip(odd, 128)!r} is {where}")
    info = _BAG_INFO.fullmatch(parse_utf8(read("bag-info.txt")))
    if info is None:
        raise Malformed("want Bag-Software-Agent and Payload-Oxum", path="bag-info.txt")
    if (int(info["bytes"]), int(info["files"])) != (sum(payload.values()), len(payload)):
        raise Rejected("bag-info.txt counts other bytes or files")
    return digests


def _manifest(read: Callable[[str], bytes], path: str) -> dict[str, bytes]:
    try:
        return parse_manifest(read(path))
    except Malformed as error:
        raise error.under(path) from None


def check_path(path: str) -> None:
    """The alphabet of packets: nothing that a file system could take for something else."""
    if not re.fullmatch(r"[a-z0-9@._/-]{1,128}", path, re.ASCII):
        raise Malformed(f"want a path of a-z 0-9 @ . _ / -, got {clip(path)!r}")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise Malformed(f"want a plain relative path, got {clip(path)!r}")


def _kind(path: str) -> tuple[str, Any]:
    for kind, pattern in _LAYOUT.items():
        if match := pattern.fullmatch(path):
            found = match.groupdict()
            if kind in ("item", "series", "absence", "certificate"):
                return kind, path
            if kind == "checkpoint":
                return kind, found["log"]
            if kind in ("renewal", "renewal_token", "renewal_list") or kind.startswith("clip"):
                return kind, found["number"]
            if kind == "renewal_row":
                return kind, (found["number"], found["row"])
            if kind in ("body", "token", "revocation"):
                tree = found["log"], parse_decimal(found["size"])
                return kind, tree if kind == "body" else (tree, found["name"])
            place = Place(found["log"], parse_decimal(found["index"]))
            return kind, (place, parse_decimal(found["size"])) if kind == "proof" else place
    raise Malformed(f"no such file in a packet: {clip(path)!r}")
