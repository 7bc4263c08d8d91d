"""A case that tests may alter anywhere before it is logged, packed or sealed.

    case = make_case()                      # nine drafts, three batches, all in order
    case.draft("photo").predicate["purpose"] = "…"    # before it is signed and logged
    built = case.build()                    # the operator logs, cosigners cosign
    built.files["data/entries/2026-5.json"] = b"…"    # before the manifests are written
    report = built.verify()                 # with the log, complete and order required

It is the operator's own view: he holds the log key, the series key and the store, and
rebuilds every manifest. What he has not: the registrar, the cosigners, `trust`.
"""

import uuid
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.encoding import format_json, parse_time
from ledger.errors import Unknown
from ledger.evidence.chunks import ItemDigest, digest_item
from ledger.evidence.entry import Entry, commit
from ledger.evidence.envelope import PAYLOAD_TYPE, pae
from ledger.evidence.membership import is_run_of_acts, log_label, series_names
from ledger.evidence.packet import (
    Index,
    Place,
    SeriesFile,
    format_bag_info,
    format_manifest,
)
from ledger.evidence.series import entry_tags
from ledger.evidence.session import Manifest
from ledger.evidence.signing import seal
from ledger.evidence.statement import TYPE, Statement
from ledger.evidence.trust import Trust
from ledger.report import Group, Report
from ledger.sequencer import Pending, plan
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hash, root_of
from ledger.tlog.note import SignedNote, VerifierKey
from ledger.tlog.proof import prove_inclusion
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note
from ledger.tlog.tiling import Tiling
from ledger.verify import verify_packet
from storage.packets import Bytes, zip_pieces
from testkit.keys import (
    SERIES_ROOTS,
    cosigner,
    key,
    open_series,
    series_key,
    series_public_pem,
)

CASE = "苏城管罚〔2026〕417号"
ORIGIN = "ledger.example/enforcement/2026"
AGENCY = "agency-01"
STRICT = frozenset({Group.COMPLETE, Group.ORDER})

MINUTE = 60_000


def seconds(text: str) -> int:
    """POSIX seconds of a time such as 2026-11-23T14:00:00+08:00."""
    return parse_time(text) // 1000


OPENED = seconds("2026-11-20T09:00:00+08:00")
FILED = seconds("2026-11-23T15:00:00+08:00")
DECIDED = seconds("2026-11-30T11:00:00+08:00")


@dataclass(slots=True)
class Draft:
    """A statement before it is logged. What is None or empty is done as the rules want it."""

    name: str
    kind: str
    predicate: dict[str, Any]
    subject: list[dict[str, Any]]
    signers: tuple[SigningKey, ...]
    batch: int
    items: tuple[bytes, ...] = ()  # bytes that go into the packet
    payload: bytes | None = None  # instead of the statement
    envelope: bytes | None = None  # instead of signing the payload
    salt: bytes | None = None
    series: tuple[str, ...] | None = None  # instead of the series that follow from it
    numbers: dict[str, int] = field(default_factory=dict)  # n by series name, instead of the next
    entry: bytes | None = None  # instead of the entry that follows
    shown: bool = True  # statement and salt go into the packet
    packed: bool = True  # the entry goes into the packet

    def to_payload(self) -> bytes:
        if self.payload is not None:
            return self.payload
        return format_json(
            {
                "_type": TYPE,
                "predicate": self.predicate,
                "predicateType": f"urn:tiezheng:{self.kind}:v1",
                "subject": self.subject,  # type: ignore[dict-item]
            }
        )

    def to_envelope(self) -> bytes:
        return self.envelope or seal(self.to_payload(), self.signers).to_bytes()


@dataclass(slots=True)
class Logged:
    """A draft in its place. `series` are names with its number in each."""

    draft: Draft
    index: int
    envelope: bytes
    salt: bytes
    entry: bytes
    series: tuple[tuple[str, int], ...]


class MemoryLog:
    """A copy of the public logs, `PublicLog` of the verifier."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}

    def read(self, label: str, path: str) -> bytes:
        try:
            return self.files[label, path]
        except KeyError:
            raise Unknown(f"no {path}") from None


class MemoryPacket:
    """A packet in memory, without the rules of an outer form."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self._sizes = {path: len(data) for path, data in files.items()}

    def sizes(self) -> Mapping[str, int]:
        return self._sizes

    def read(self, path: str, at: int, size: int) -> bytes:
        return self.files[path][at : at + size]

    def stream(self, path: str) -> Iterator[bytes]:
        yield self.files[path]


@dataclass(slots=True)
class Built:
    """`files` are the payload; `seal` adds what a bag needs, as an attacker would anew."""

    case: "Case"
    rows: list[Logged]
    files: dict[str, bytes]
    trust_files: dict[str, bytes]
    log: MemoryLog

    @property
    def trust(self) -> Trust:
        return make_trust(self.trust_files)

    def row(self, name: str) -> Logged:
        return next(row for row in self.rows if row.draft.name == name)

    def place(self, name: str) -> Place:
        return Place(self.case.label, self.row(name).index)

    def series_path(self, ending: str) -> str:
        """The file of the series whose name ends so."""
        return next(
            path
            for path, data in self.files.items()
            if path.startswith("data/series/") and SeriesFile.from_bytes(data).name.endswith(ending)
        )

    def sealed(self) -> dict[str, bytes]:
        return seal_bag(self.files)

    def verify(
        self,
        *,
        require: frozenset[Group] = STRICT,
        log: bool = True,
        trust: Trust | None = None,
    ) -> Report:
        return verify_packet(
            MemoryPacket(self.sealed()),
            trust or self.trust,
            log=self.log if log else None,
            require=require,
        )

    def write_folder(self, folder: Path) -> Path:
        return write_folder(self.sealed(), folder)

    def zip_bytes(self) -> bytes:
        return zip_bytes(self.sealed())


_TRUSTS: dict[tuple[tuple[str, bytes], ...], Trust] = {}


def make_trust(files: Mapping[str, bytes]) -> Trust:
    """Checking the eight roots takes 5 ms: each folder once."""
    name = tuple(sorted(files.items()))
    if name not in _TRUSTS:
        _TRUSTS[name] = Trust.from_files(files)
    return _TRUSTS[name]


def seal_bag(payload: Mapping[str, bytes]) -> dict[str, bytes]:
    """The bag around a payload: manifests as whoever makes the packet writes them."""
    files = dict(payload)
    body = [data for path, data in payload.items() if path.startswith("data/")]
    files["bagit.txt"] = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    files["bag-info.txt"] = format_bag_info("testkit", sum(map(len, body)), len(body))
    files["manifest-sha256.txt"] = format_manifest(
        {path: digest(data) for path, data in payload.items() if path.startswith("data/")}
    )
    return seal_tags(files)


def seal_tags(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The last manifest alone, anew."""
    names = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
    tags = {name: digest(files[name]) for name in names}
    return {**files, "tagmanifest-sha256.txt": format_manifest(tags)}


def write_folder(files: Mapping[str, bytes], folder: Path) -> Path:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    contents = {path: Bytes(data) for path, data in files.items()}
    return b"".join(zip_pieces(contents, {path: zlib.crc32(d) for path, d in files.items()}))


# --- parts of a case -------------------------------------------------------------------------


def uuid7(number: int, at_ms: int = 1_795_400_000_000) -> str:
    return str(uuid.UUID(int=at_ms << 80 | 7 << 76 | 0b10 << 62 | number))


def file_subject(name: str, data: bytes, **notes: str) -> dict[str, Any]:
    return digest_subject(name, digest_item(data), **notes)


def digest_subject(name: str, found: ItemDigest, **notes: str) -> dict[str, Any]:
    return {
        "annotations": {"size": str(found.size), **notes},
        "digest": {"sha256": found.sha256.hex(), "tiezhengChunks256k": found.chunks.hex()},
        "name": name,
    }


def text_subject(name: str, text: str) -> dict[str, Any]:
    return {"digest": {"sha256": digest(text.encode()).hex()}, "name": name}


def dsse(payload: bytes, signatures: Sequence[tuple[str, SigningKey]]) -> bytes:
    """An envelope whose key ids need not be those of its keys."""
    return dsse_with([(keyid, signer.sign(pae(payload))) for keyid, signer in signatures], payload)


def dsse_with(signatures: Sequence[tuple[str, bytes]], payload: bytes) -> bytes:
    return format_json(
        {
            "payload": b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {"keyid": keyid, "sig": b64encode(sig).decode()} for keyid, sig in signatures
            ],
        }
    )


LOG = key(ORIGIN)
REGISTRAR = key("registrar.example")
STATION = key("station-07.example")
HANDLER = key("handler-12.example")
LEDGER = key("ledger.example/ledger")
NOTARY = cosigner("notary.example/w1")
COURT = cosigner("court.example/w1")
ARCHIVE = cosigner("archive.example/w1")
THIEF = key("thief.example")


@dataclass(slots=True)
class Case:
    """`batches[i]` is when the quorum sees batch i; `cosign` may say who signs what and when."""

    drafts: list[Draft]
    batches: list[int]
    number: str = CASE
    log: SigningKey = LOG
    registrar: VerifierKey = field(default_factory=lambda: REGISTRAR.verifier)
    cosigners: tuple[tuple[str, SigningKey], ...] = (
        ("notary", NOTARY),
        ("court", COURT),
        ("archive", ARCHIVE),
    )
    quorum: str = "group q 2 notary court archive\nquorum q\n"
    cosign: Callable[[int, int], Sequence[tuple[SigningKey, int]]] | None = None
    proof_batches: Callable[[Logged], Sequence[int]] | None = None  # beside the last
    first_year: int = 2026

    @property
    def label(self) -> str:
        return log_label(self.log.name)

    def draft(self, name: str) -> Draft:
        return next(draft for draft in self.drafts if draft.name == name)

    def add(self, draft: Draft, *, after: str = "") -> Draft:
        """Puts a draft behind another, or at the end."""
        at = len(self.drafts)
        if after:
            at = 1 + next(i for i, d in enumerate(self.drafts) if d.name == after)
        self.drafts.insert(at, draft)
        return draft

    def policy(self) -> bytes:
        lines = [f"log {self.log.verifier.to_text()}"]
        lines += [f"witness {name} {k.verifier.to_text()}" for name, k in self.cosigners]
        return ("\n".join(lines) + "\n" + self.quorum).encode()

    def trust_files(self) -> dict[str, bytes]:
        return {
            "logs": f"{self.log.name}\n".encode(),
            "mirrors": b"",
            f"policy/{self.label}": self.policy(),
            "registrar.vkey": f"{self.registrar.to_text()}\n".encode(),
            "series/2026.json": SERIES_ROOTS,
            "series/2026.pem": series_public_pem(),
        }

    def build(self) -> Built:
        rows = self._rows()
        log = _Log(self, rows)
        files = dict(self._files(rows, log))
        return Built(self, rows, files, self.trust_files(), log.public())

    # --- as the operator's ledger does it ---

    def _rows(self) -> list[Logged]:
        counts: dict[str, int] = {}
        rows: list[Logged] = []
        edge, last_at = Edge(), 0
        for index, draft in enumerate(self.drafts):
            envelope = draft.to_envelope()
            salt = draft.salt or digest(f"salt {draft.name}".encode())
            names = draft.series
            statement: Statement | None = None
            if names is None:
                statement = Statement.from_bytes(draft.to_payload())
                names = series_names(statement, self.label, self.first_year)
            wanted = {name: draft.numbers.get(name, counts.get(name, 0) + 1) for name in names}
            now_ms = self.batches[draft.batch] * 1000 - MINUTE
            last_at = max(last_at, now_ms - now_ms % MINUTE)
            if statement is not None:
                pending = Pending(statement, envelope, salt, tuple(map(open_series, names)))
                before = {name: n - 1 for name, n in wanted.items()}
                batch = plan(edge, last_at, [pending], before, last_at)
                entry = batch.rows[0].entry
            else:
                tags = [open_series(name).tag(n) for name, n in wanted.items()]
                entry = Entry(last_at, commit(salt, envelope), entry_tags(salt, tags)).to_bytes()
            entry = draft.entry or entry
            counts |= wanted
            edge = edge.extend([leaf_hash(entry)])
            row = Logged(draft, index, envelope, salt, entry, tuple(wanted.items()))
            rows.append(row)
        return rows

    def _files(self, rows: list[Logged], log: "_Log") -> Iterator[tuple[str, bytes]]:
        yield f"data/checkpoints/{self.label}.note", log.note(len(rows)).encode()
        packed = [row for row in rows if row.draft.packed]
        series: dict[str, dict[int, Place]] = {}
        items: dict[bytes, str] = {}
        for row in packed:
            place = f"{self.label}-{row.index}"
            yield f"data/entries/{place}.json", row.entry
            for size in log.proof_sizes(row):
                yield f"data/proofs/{place}@{size}.tlog-proof", log.receipt(row.index, size)
            for name, n in row.series:
                if is_run_of_acts(name):
                    continue
                series.setdefault(name, {})[n] = Place(self.label, row.index)
            if not row.draft.shown:
                continue
            yield f"data/statements/{place}.dsse.json", row.envelope
            yield f"data/statements/{place}.salt", row.salt
            for data in row.draft.items:
                if data not in items:
                    items[data] = f"{len(items) + 1:02d}.bin"
                    yield f"data/items/{items[data]}", data
        for i, name in enumerate(sorted(series), 1):
            places = tuple(place for _, place in sorted(series[name].items()))
            file = SeriesFile(name, open_series(name).signature, places)
            yield f"data/series/{i:02d}.json", file.to_bytes()
        yield (
            "data/packet.json",
            Index(self.number, (f"{self.label}.note",), tuple(items.values())).to_bytes(),
        )


class _Log:
    """The log of a case: checkpoints after each batch, proofs, public files."""

    def __init__(self, case: Case, rows: list[Logged]) -> None:
        self.case = case
        self.rows = rows
        self.leaves = [leaf_hash(row.entry) for row in rows]
        self._notes: dict[int, str] = {}

    def batch_end(self, batch: int) -> int:
        return max((row.index + 1 for row in self.rows if row.draft.batch <= batch), default=0)

    def note(self, size: int) -> str:
        if size not in self._notes:
            batch = next(i for i in range(99) if self.batch_end(i) >= size)
            checkpoint = Checkpoint(self.case.log.name, size, root_of(self.leaves[:size]))
            self._notes[size] = sign_all(
                checkpoint, self.case.log, self.signers(size, self.case.batches[batch])
            )
        return self._notes[size]

    def signers(self, size: int, at: int) -> Sequence[tuple[SigningKey, int]]:
        if self.case.cosign is not None:
            return self.case.cosign(size, at)
        return [(self.case.cosigners[0][1], at), (self.case.cosigners[1][1], at + 1)]

    def proof_sizes(self, row: Logged) -> list[int]:
        batches: Sequence[int] = [row.draft.batch]
        if self.case.proof_batches is not None:
            batches = self.case.proof_batches(row)
        return sorted({self.batch_end(i) for i in batches} | {len(self.rows)})

    def receipt(self, index: int, size: int) -> bytes:
        def node(level: int, number: int) -> bytes:
            return root_of(self.leaves[number << level : (number + 1) << level])

        return Receipt(index, prove_inclusion(index, size, node), self.note(size)).to_bytes()

    def public(self) -> MemoryLog:
        log, tiling = MemoryLog(), Tiling()
        tiles = [*tiling.append(row.entry for row in self.rows), *tiling.partial()]
        for tile, data in tiles:
            log.files[self.case.label, tile.to_path()] = data
        log.files[self.case.label, "checkpoint"] = self.note(len(self.rows)).encode()
        return log


def sign_all(
    checkpoint: Checkpoint, log: SigningKey, cosigners: Sequence[tuple[SigningKey, int]]
) -> str:
    """A checkpoint as text, signed by its log and cosigned at those times."""
    text = checkpoint.to_text()
    lines = [sign_note(text, log)]
    lines += [sign_checkpoint(checkpoint, signer, at) for signer, at in cosigners]
    return SignedNote(text, tuple(lines)).to_text()


# --- the usual case --------------------------------------------------------------------------


def opening(log: SigningKey = LOG, number: int = 0, years: Sequence[str] = ("2026",)) -> Draft:
    registrar = REGISTRAR.verifier.to_text()
    predicate = {
        "agency": AGENCY,
        "id": uuid7(number),
        "log": log.verifier.to_text(),
        "registrar": registrar,
        "series": dict.fromkeys(years, series_key().fingerprint),
    }
    subject = [text_subject("trust/registrar.vkey", registrar)]
    return Draft("opening", "register", predicate, subject, (REGISTRAR,), 0)


def renewal(number: int, final: str) -> Draft:
    """Closes a log whose last checkpoint, cosigned, is `final`."""
    note = SignedNote.from_text(final)
    origin = Checkpoint.from_text(note.text).origin
    predicate = {"agency": AGENCY, "final": final, "id": uuid7(number)}
    return Draft("renewal", "renewal", predicate, [text_subject(origin, note.text)], (LEDGER,), 0)


def registration(number: int, signer: SigningKey, role: str, **more: str) -> Draft:
    """A version of a key's registration, named `key:<name>` or by `draft=`."""
    text = signer.verifier.to_text()
    name = more.pop("draft", f"key:{signer.name}")
    agency = more.pop("agency", AGENCY)
    predicate = {
        "agency": agency,
        "id": uuid7(number),
        "key": text,
        "person": more.pop("person", signer.name),
        "role": role,
        **more,
    }
    return Draft(
        name, "register", predicate, [text_subject(f"key/{signer.name}", text)], (REGISTRAR,), 0
    )


def agency(number: int, *templates: str, draft: str = "agency", of: str = AGENCY) -> Draft:
    predicate = {
        "agency": of,
        "case_numbers": list(templates),
        "id": uuid7(number),
        "name": "苏州市城市管理局",
    }
    subject = [text_subject(f"agency/{of}", "\n".join(templates))]
    return Draft(draft, "register", predicate, subject, (REGISTRAR,), 0)


def evidence(
    name: str, number: int, files: Mapping[str, bytes], *, batch: int = 1, **more: Any
) -> Draft:
    """Handed in by the station; the first file is the item, the others its side files."""
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "evidence_type": "audiovisual",
        "id": uuid7(number),
        "occurred": {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:05:00+08:00"},
        "officers": ["320500-0001", "320500-0002"],
        "stage": "investigate",
    } | more
    subject = [file_subject(path, data) for path, data in files.items()]
    items = tuple(files.values())
    return Draft(name, "evidence", predicate, subject, (STATION,), batch, items)


def decision(name: str, number: int, *, batch: int = 2, **more: Any) -> Draft:
    text = f"行政处罚决定书 {name}\n".encode()
    predicate = {
        "act": "penalty_decision",
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(number),
        "occurred": {"from": "2026-11-30T10:00:00+08:00", "to": "2026-11-30T10:00:00+08:00"},
        "stage": "decide",
    } | more
    return Draft(
        name, "act", predicate, [file_subject("决定书.txt", text)], (HANDLER,), batch, (text,)
    )


def correction(name: str, number: int, about: Draft, *, batch: int = 2) -> Draft:
    salt = about.salt or digest(f"salt {about.name}".encode())
    commitment = commit(salt, about.to_envelope())
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "changes": {"purpose": "现场检查全过程"},
        "id": uuid7(number),
        "reason": "填写有误",
    }
    subject = [
        {
            "digest": {"tiezhengCommitment": commitment.hex()},
            "name": f"statement/{about.predicate['id']}",
        }
    ]
    return Draft(name, "correction", predicate, subject, (HANDLER,), batch)


def session(name: str, number: int, **predicate: Any) -> Draft:
    """Of BWC-310: a check-out with `officers`, a dock with `gaps`, an explanation with `gap`."""
    moment = "2026-11-23T17:30:00+08:00"
    fields = {"agency": AGENCY, "device": "BWC-310", "id": uuid7(number)} | predicate
    if "gap" not in fields:
        fields |= {"occurred": {"from": moment, "to": moment}}
    manifest = Manifest.of("BWC-310", "A1", 1_795_400_000_000, (), None).to_bytes()
    signers = (HANDLER if "gap" in fields else STATION,)
    subject = [file_subject("manifest.json", manifest)]
    return Draft(name, "session", fields, subject, signers, 1, (manifest,))


def make_case() -> Case:
    """Registers on 20 November, three items on the 23rd, decision and correction on the 30th."""
    video = evidence(
        "video",
        10,
        {"BWC_0088.MP4": b"moving pictures " * 40, "BWC_0088.GPS": b"31.3,120.6\n"},
        device="BWC-310",
        file="BWC_0088.MP4",
    )
    photo = evidence("photo", 11, {"photo.jpg": b"a picture " * 20}, purpose="现场照片")
    record = evidence("record", 12, {"笔录.txt": "现场检查笔录\n".encode()})
    return Case(
        [
            opening(),
            registration(1, STATION, "station"),
            registration(2, HANDLER, "handler"),
            agency(3, "苏城管罚〔{year}〕{number}号"),
            video,
            photo,
            record,
            decision("decision", 13),
            correction("correction", 14, photo),
        ],
        [OPENED, FILED, DECIDED],
    )
