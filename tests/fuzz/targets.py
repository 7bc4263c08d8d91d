"""Every reader of bytes from outside, in one table: for hypothesis, for atheris and for old cases.

A target reads any bytes whatever. It ends, or raises a refusal (`LedgerError`);
everything else is a fault, and so is an assertion of its own. What a reader accepts
must be what its writer writes.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2

from api.backups import BackedUp
from api.clients.copies import format_copy, open_copy
from api.clients.filing import after_of
from api.clients.ledger import (
    LedgerClient,
    check_acceptance,
    check_receipt,
    read_flags,
    read_object,
    refusal,
)
from api.cosigner import CosignerService
from api.restoring import Mark
from api.settings import load
from api.signing import Message, RequestVerifier, sign_request
from api.tus import parse_metadata
from cli.explain import explain
from cli.files import read_key, read_secret
from cli.notary.machine import read_known
from cli.notary.machine_report import MachineReport, sign_report
from cli.notary.page import CertificatePage
from cli.reference import Reference
from ledger import encoding, sm2, suite, suite_private
from ledger.archiving.package import (
    Contents,
    Packed,
    format_fingerprint,
    parse_fingerprint,
)
from ledger.audit import audit_log
from ledger.backup import (
    BackupKey,
    Header,
    Record,
    open_records,
    read_header,
    row_from_bytes,
    row_to_bytes,
    seal,
)
from ledger.backup import State as BackupState
from ledger.clipping import make_clip
from ledger.cms import open_signed
from ledger.encoding import MAX_TIME, format_base64, format_json, format_time
from ledger.errors import LedgerError, Malformed, Unknown
from ledger.evidence import case_number, packet
from ledger.evidence.absence import Absence, open_absence, tags_from_bytes, tags_to_bytes
from ledger.evidence.chunks import CHUNK_SIZE, ItemHasher, digest_item
from ledger.evidence.clip import Clip, Piece, Span
from ledger.evidence.derivation import spans_from_json, spans_to_json
from ledger.evidence.due import Due
from ledger.evidence.ends import parse_ends
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import log_label, series_names
from ledger.evidence.packet import Index, Layout, SeriesFile
from ledger.evidence.party_receipt import PartyReceipt
from ledger.evidence.place import Place
from ledger.evidence.procedural import (
    InForce,
    Timecode,
    facts_from_json,
    timecodes_from_json,
)
from ledger.evidence.rehash import Row, RowProof, RowTree, TokenRow, row_from_json, row_hash
from ledger.evidence.renewal import Closing
from ledger.evidence.sealed import Companion as SealedCompanion
from ledger.evidence.sealed import ItemSeal, block_count, is_sealed
from ledger.evidence.series import SeriesKey
from ledger.evidence.session import FoundFile, Manifest
from ledger.evidence.signing import seal as seal_statement
from ledger.evidence.signing import sign_party_receipt
from ledger.evidence.statement import Statement
from ledger.evidence.suites import Suites
from ledger.evidence.trust import Trust
from ledger.evidence.withheld import Withheld, parse_reason
from ledger.process.contents import Published
from ledger.process.deadlines.calendar import parse_calendar
from ledger.process.deadlines.span import parse_span
from ledger.process.feeds.compared import Listed
from ledger.process.feeds.feed import Page, Told, open_page
from ledger.process.feeds.feed_table import FeedTable
from ledger.process.handover import Handover
from ledger.process.keeping import retention
from ledger.process.registers.lists import READERS
from ledger.process.reports.drawing import Opened, ReviewList, make_list, parse_secret, secret_line
from ledger.process.reports.score import ScoreSheet
from ledger.process.reports.statistics import Statistics
from ledger.process.reports.yearly import Gone, Shown, Yearly
from ledger.process.rules.rulepack import RulePack
from ledger.report import Outcome
from ledger.timestamp import Authority, open_token
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.fraud import Fraud
from ledger.tlog.note import Algorithm, Signature, SignedNote, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey
from ledger.tlog.submission import AddCheckpoint, SignSubtree
from ledger.tlog.tile import (
    Tile,
    entries_from_bytes,
    entries_to_bytes,
    hashes_from_bytes,
    hashes_to_bytes,
)
from storage.folder import DataFolder
from storage.packets import Bytes, FolderPacket, ZipPacket, open_packet, zip_pieces
from storage.signer_pkcs11 import parse_point
from storage.signer_ssh_agent import format_strings, parse_keys, parse_signature
from storage.sm2_libcrypto import Libcrypto
from storage.staged_bytes import StagedKey
from storage.staging_directory import Announced, Finish
from storage.trust_directory import read_trust
from testkit import case as kit
from testkit import mirrors
from testkit import procedural as made
from testkit.certificate_pages import make_page
from testkit.feeds import page_of
from testkit.keys import SERIES_PEM, cosigner, key, series_key, series_public_pem
from testkit.lists import LISTS
from testkit.rulepacks import PACKS, SMALL
from testkit.server import OfficeState, quiet
from testkit.world import HandClock, World, grown

OWN = Path(__file__).parents[1] / "vectors" / "own"

Seeds = Callable[[], tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class Target:
    """`reads` is given any bytes. `calls` are the public readers that its seeds run through."""

    name: str
    reads: Callable[[bytes], object]
    seeds: Seeds
    calls: tuple[Callable[..., object], ...] = ()
    examples: int = field(default=100, kw_only=True)  # of hypothesis, in `make test`

    def run(self, data: bytes) -> bool:
        """Whether it was accepted; raises on a fault."""
        try:
            self.reads(data)
        except LedgerError as error:
            # It goes to a terminal, a report or an answer.
            str(error).encode()
            return False
        return True


def text_of(data: bytes) -> str:
    """Bytes that are not UTF-8 become lone surrogates, as JSON and file names bring them."""
    return data.decode("utf-8", "surrogateescape")


def text(read: Callable[[str], str]) -> Callable[[bytes], None]:
    """`read` reads a text and writes what it has read."""

    def reads(data: bytes) -> None:
        given = text_of(data)
        assert read(given) == given, "accepted, and written back otherwise"

    return reads


def binary(read: Callable[[bytes], bytes]) -> Callable[[bytes], None]:
    def reads(data: bytes) -> None:
        assert read(data) == data, "accepted, and written back otherwise"

    return reads


def fixed(*seeds: bytes | str) -> Seeds:
    given = tuple(s.encode() if isinstance(s, str) else s for s in seeds)
    return lambda: given


sm2.use(Libcrypto())  # the fuzzer runs these without `conftest`

# --- valid documents ---------------------------------------------------------------------------


@cache
def built() -> kit.Built:
    return kit.make_case().build()


@cache
def world() -> World:
    return grown(5)


def of_packet(begins: str, ends: str = "") -> Seeds:
    """The files of a packet whose path begins and ends so."""
    return lambda: tuple(
        dict.fromkeys(
            data
            for path, data in sorted(built().sealed().items())
            if path.startswith(begins) and path.endswith(ends)
        )
    )


def manifests() -> tuple[bytes, ...]:
    files = FoundFile("DCIM/BWC_0088.MP4", 5, 7), FoundFile("视频.MP4", 5, 7, b"\xca\xd3.MP4")
    return tuple(Manifest.of("BWC-310", "A1", 9, files, used).to_bytes() for used in (None, 12))


STAMPED = b"hello\n"


@cache
def tsa_believed() -> Authority:
    pem = (OWN / "timestamps" / "stamped.pem").read_bytes()
    return Authority.from_files("lab", pem, b"policy 1.2.3.4.1\n")


def timestamps() -> tuple[bytes, ...]:
    return ((OWN / "timestamps" / "stamped.tsr").read_bytes(),)


def _authority(data: bytes) -> None:
    """All three files of it, cut where two zero bytes stand."""
    pem, accept, crl = [*data.split(b"\0\0", 2), b"", b""][:3]
    Authority.from_files("lab", pem, accept, crl)


def authorities() -> tuple[bytes, ...]:
    pem = (OWN / "timestamps" / "stamped.pem").read_bytes()
    crl = (OWN / "timestamps" / "stamped.crl").read_bytes()
    return (pem + b"\0\0policy 1.2.3.4.1\n\0\0" + crl, pem + b"\0\0key " + b"0" * 64 + b"\n")


def row_proofs() -> tuple[bytes, ...]:
    digest = suite.strong_digest(b"")
    rows = (
        Row(entry=digest, proof=digest),
        Row(entry=digest, proof=digest, envelope=digest, salt=digest, items=(digest, b"")),
        TokenRow(digest),
    )
    tree = RowTree(map(row_hash, rows))
    return tuple(RowProof(i, row, tree.path(i)).to_bytes() for i, row in enumerate(rows))


def clips() -> tuple[bytes, ...]:
    hasher = ItemHasher()
    hasher.update(bytes(3 * CHUNK_SIZE))
    return tuple(
        make_clip(
            hasher.finish(),
            hasher.leaves,
            [(0, 10)],
            pieces,
            asked=Span(0, 1000),
            given=Span(0, 1040),
            whole_ms=60_000,
            tool="PyAV 18, libavformat 62",
        ).to_bytes()
        for pieces in ([Piece(0, 5, 100)], [Piece(36, 5, 100), Piece(136, 2 * CHUNK_SIZE, 1)])
    )


def party_receipts() -> tuple[bytes, ...]:
    papers = (
        sign_party_receipt(
            kit.STATION, salt=b"s" * 16, session=kit.uuid7(1), span_s=(1, 2), manifest=bytes(32),
            case=kit.CASE, device="BWC-310", recordings=[bytes([i]) * 32 for i in range(count)],
        )
        for count in (0, 2)
    )  # fmt: skip
    return tuple(paper.to_text().encode() for paper in papers)


def machine_reports() -> tuple[bytes, ...]:
    found = {"clock": {"asked": "nobody"}, "hosts": {}, "mounted_from": {}, "network": []}
    found |= {"programs": [{"path": "/bin/x", "sha256": "00" * 32}], "storage": {"free": 1}}
    found |= {"system": {}, "unread": [{"what": "hosts", "why": "no such file"}]}
    return (sign_report(kit.STATION, bytes(32), 1, found).to_bytes(),)


@cache
def absences() -> tuple[bytes, ...]:
    entries = [row.entry for row in built().rows]
    asked = [bytes(16)], [bytes(16), *Entry.from_bytes(entries[3]).tags]
    return tuple(mirrors.look(entries, kit.ORIGIN, tags).to_bytes() for tags in asked)


SHIPPED = Path(__file__).parents[2] / "ledger" / "process" / "feed.toml"


REVIEWED = [Opened(bytes(32), kit.CASE)]


@cache
def feed_pages() -> tuple[bytes, ...]:
    note = SignedNote.from_bytes(notes()[0]).to_text()
    return (page_of(built().rows[3].entry, note).to_bytes(),)


def notes() -> tuple[bytes, ...]:
    return of_packet("data/checkpoints/")()


def checkpoints() -> tuple[bytes, ...]:
    return tuple(SignedNote.from_bytes(note).text.encode() for note in notes())


def vkeys() -> tuple[bytes, ...]:
    return tuple(k.verifier.to_text().encode() for k in _keys())


def _keys() -> tuple[SigningKey, ...]:
    return (
        kit.LOG,
        cosigner("苏州.example"),
        key("court.example", algorithm=Algorithm.COSIGNATURE_MLDSA44),
        key("station.example", algorithm=Algorithm.SM2),
    )


def policies() -> tuple[bytes, ...]:
    log, notary, court, _ = (k.verifier.to_text() for k in _keys())
    lines = [
        f"log {log}",
        f"witness notary {notary} https://notary.example/",
        f"witness court {court}",
        "group both 2 notary court",
        "group outer any both",
        "quorum outer",
        "",
    ]
    return (kit.make_case().policy(), "\n".join(lines).encode())


def payloads() -> tuple[bytes, ...]:
    packed = of_packet("data/statements/", "n")()
    procedural = tuple(draft.to_payload() for draft in made.examples().values())
    return (*(Envelope.from_bytes(data).payload for data in packed), *procedural)


def companions() -> tuple[bytes, ...]:
    """Of an empty item, and of one of two blocks."""
    made = []
    for size in (0, CHUNK_SIZE + 1):
        seal = ItemSeal(bytes(32), bytes(16), size)
        count = block_count(size)
        made.append(
            SealedCompanion(
                item=bytes(16),
                size=size,
                wrap_id="file-0011223344556677",
                wrapped=bytes(60),
                hashes=bytes(32 * count),
                leaves=seal.seal_leaves(bytes(12), bytes(32 * count)),
            ).to_bytes()
        )
    return tuple(made)


def frauds() -> tuple[bytes, ...]:
    one, other = (SignedNote.from_bytes(note) for note in (notes()[0], notes()[-1]))
    return tuple(Fraud(one, other, *more).to_bytes() for more in ((), (bytes(32), (bytes(32),))))


def submissions() -> tuple[bytes, ...]:
    """To a cosigner that has seen three entries."""
    return (world().log.submission(world().step(), 3).to_bytes(),)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Several files as one input: the fuzzer changes names and contents alike."""
    return b"\x1e".join(path.encode() + b"\x1f" + data for path, data in files.items())


def unpack(data: bytes) -> dict[str, bytes]:
    pairs = (part.partition(b"\x1f") for part in data.split(b"\x1e"))
    return {text_of(name): rest for name, _, rest in pairs}


def bags() -> tuple[bytes, ...]:
    """Without items and salts, whose bytes may be those that `pack` puts between files."""
    endings = (".json", ".note", ".tlog-proof")
    texts = {path: data for path, data in built().files.items() if path.endswith(endings)}
    return (pack(kit.seal_bag(texts)),)


def trusts() -> tuple[bytes, ...]:
    return (pack(kit.make_case().trust_files()),)


def rule_packs() -> tuple[bytes, ...]:
    return tuple(text.encode() for text in (*PACKS.values(), SMALL))


@contextmanager
def folder() -> Iterator[Path]:
    # In memory where that is to be had: thousands of these are made a minute.
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tiezheng-fuzz-", dir=where) as name:
        yield Path(name)


def in_file(read: Callable[[Path], object], name: str = "file") -> Callable[[bytes], None]:
    def reads(data: bytes) -> None:
        with folder() as root:
            (root / name).write_bytes(data)
            read(root / name)

    return reads


def in_folder(read: Callable[[Path], object]) -> Callable[[bytes], None]:
    """`read` is given a folder with the files that the input names, where names allow it."""

    def reads(data: bytes) -> None:
        with folder() as root:
            for name, content in unpack(data).items():
                path = root / name
                if ".." in path.parts or not path.is_relative_to(root) or path == root:
                    continue
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                except (OSError, ValueError):  # too long, twice, NUL: no folder can hold it
                    continue
            read(root)

    return reads


# --- readers that are more than one call -------------------------------------------------------


def _time(data: bytes) -> None:
    at_ms = encoding.parse_time(text_of(data))
    assert 0 <= at_ms <= MAX_TIME
    assert encoding.parse_time(format_time(at_ms)) == at_ms // 1000 * 1000


def _policy(data: bytes) -> None:
    """Comments and spaces have many spellings: written anew, it must be the same policy."""
    policy = Policy.from_bytes(data)
    assert Policy.from_text(policy.to_text()) == policy
    assert 0 <= policy.overlap <= len(policy.witnesses)
    at = policy.quorum_time({w.name: 7 for w in policy.witnesses})
    assert at == (None if policy.quorum is None else 7)


def _opened(data: bytes) -> None:
    """What the policy has opened was signed by the log: nobody else makes a checkpoint of it."""
    note = SignedNote.from_bytes(data)
    cosigned = built().trust.logs[0].policy.open(note)
    assert note.text in {SignedNote.from_bytes(good).text for good in of_packet("data/check")()}
    assert cosigned.checkpoint.to_text() == note.text


def _proved(data: bytes) -> None:
    """No receipt but a good one opens for an entry."""
    receipt = Receipt.from_bytes(data)
    entry = Entry.from_bytes(built().files["data/entries/2026-4.json"])
    receipt.open(entry.leaf_hash(), built().trust.logs[0].policy)
    assert receipt.index == 4


def _tile(data: bytes) -> None:
    width = data[0] + 1 if data else 1
    hashes = hashes_from_bytes(data[1:], width)
    assert len(hashes) == width and hashes_to_bytes(hashes) == data[1:]


def _bundle(data: bytes) -> None:
    width = data[0] + 1 if data else 1
    entries = entries_from_bytes(data[1:], width)
    assert len(entries) == width and entries_to_bytes(entries) == data[1:]


def _companion(data: bytes) -> SealedCompanion:
    found = SealedCompanion.from_bytes(data)
    assert len(found.root()) == 32 and is_sealed(data)
    return found


def _statement(data: bytes) -> None:
    statement = Statement.from_bytes(data)
    assert statement.to_bytes() == data
    # What others compute from it without another check.
    _ = (statement.id, statement.agency, statement.case, statement.stage, statement.files)
    _ = (statement.occurred, statement.after, statement.is_decision)
    names = series_names(statement, "2026", 2026)
    assert 1 <= len(names) <= 8


def _series_key(data: bytes) -> None:
    pem, _, roots = data.partition(b"\x1e")
    found = SeriesKey.from_files(pem, roots)
    assert found.to_files() == (pem, roots)


def _series_opened(data: bytes) -> None:
    """One signature for a name: whatever else is offered is refused."""
    name, _, signature = data.partition(b"\x1e")
    opened = series_key().open(text_of(name), signature)
    assert signature == kit.open_series(text_of(name)).signature == opened.signature


def _bag(data: bytes) -> None:
    files = unpack(data)

    def read(path: str) -> bytes:
        if path not in files:
            raise Unknown(f"no {path}")
        return files[path]

    digests = packet.check_bag({path: len(body) for path, body in files.items()}, read)
    Layout.of(files)
    assert set(digests) == {path for path in files if path.startswith("data/")}


def _trust(data: bytes) -> None:
    trust = Trust.from_files(unpack(data))
    assert trust.logs and len(trust.hash) == 64
    _ = (trust.first_year, trust.keys, trust.log("2026"))


def _list(data: bytes) -> None:
    """Whoever may read it does; the others refuse."""
    given = text_of(data)
    with suppress(LedgerError):
        Published.from_text(given)
    for reader in READERS.values():
        with suppress(LedgerError):
            reader(given)


def _yearly(data: bytes) -> None:
    yearly = Yearly.from_bytes(data)
    assert Yearly.from_bytes(yearly.to_bytes()) == yearly


def yearly_files() -> tuple[bytes, ...]:
    numbers = Statistics(acts=1, cases=1)
    return (Yearly("agency-01", "2026", numbers, bytes(384), {"2026": 17}).to_bytes(),)


def _shown_act(data: bytes) -> None:
    shown = Shown.from_bytes(data)
    assert Shown.from_bytes(shown.to_bytes()) == shown


def shown_acts() -> tuple[bytes, ...]:
    return Shown(b"{}", bytes(32)).to_bytes(), Shown(b"", b"", Gone.LOST).to_bytes()


def _calendar(data: bytes) -> None:
    calendar = parse_calendar(text_of(data))
    assert not set(calendar.off) & set(calendar.working)


def _retention_list(given: str) -> str:
    """What was read says of each class until when; it is published, and never written here."""
    read = retention.RetentionList.from_text(given)
    assert all(one.until(date(2026, 2, 28)) >= date(2026, 2, 27) for one in read.classes.values())
    assert read.needed((), (), date(2026, 2, 28)) in read.classes.values()
    return given


def _rule_pack(data: bytes) -> None:
    pack = RulePack.from_text(text_of(data))
    assert all(pack.act(act) for gate in pack.gates for act in gate.acts)


def _case(data: bytes) -> None:
    given = text_of(data)
    case = case_number.parse_case(given)
    assert case == given and 1000 <= int(case_number.case_year(case)) <= 2999
    case_number.is_spelled(case, ("苏城管罚〔{year}〕{number}号",))
    case_number.is_plain(case)


def _template(data: bytes) -> None:
    template = case_number.parse_template(text_of(data))
    case = template.replace("{year}", "2026").replace("{number}", "17")
    assert case_number.is_spelled(case, (template,))


def _zip(path: Path) -> None:
    """Two programs cannot see two packets in it: it is what the writer writes of its parts."""
    found = ZipPacket(path)
    contents = {name: Bytes(b"".join(map(bytes, found.stream(name)))) for name in found.sizes()}
    crcs = {name: found._members[name].crc for name in contents}
    assert b"".join(zip_pieces(contents, crcs)) == path.read_bytes()


def _packet_folder(root: Path) -> None:
    found = FolderPacket(root)
    names = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert set(found.sizes()) == names
    for name in names:
        assert b"".join(map(bytes, found.stream(name))) == (root / name).read_bytes()


# The log commits to each byte of these; a proof may carry a stranger's line more.
_COMMITTED = ("data/entries/", "data/items/", "data/statements/")


def _verified(data: bytes) -> None:
    """A packet with one file changed, and its manifests made anew by whoever changed it."""
    name, _, content = data.partition(b"\x1f")
    path = encoding.parse_utf8(name)
    whole = built()
    files = {**whole.files, path: content}
    # Looking 65,536 numbers ahead in each series takes a second, and nothing outside moves it.
    with patch("ledger.evidence.series.LOOKAHEAD", 16):
        report = kit.Built(whole.case, whole.rows, files, whole.trust_files, whole.log).verify()
    report.to_json()
    if path.startswith(_COMMITTED) and content != whole.files.get(path):
        assert report.outcome is not Outcome.PASSED, f"passed with another {path}"


def _audited(data: bytes) -> None:
    """A public log with one file changed: whatever is in the tree is missed."""
    name, _, content = data.partition(b"\x1f")
    whole = built()
    copy = kit.MemoryLog()
    copy.files = {**whole.log.files, ("2026", text_of(name)): content}
    found = audit_log(copy, whole.trust.logs[0])
    found.to_json()
    if name.startswith(b"tile/") and content != whole.log.files.get(("2026", text_of(name))):
        known = ("2026", text_of(name)) in whole.log.files
        assert not known or found.outcome is not Outcome.PASSED, f"passed with another {name!r}"


def _cosigned(data: bytes) -> None:
    """Whatever is sent, a cosigner signs nothing that its log has not signed."""
    names = {kit.LOG.name: kit.LOG.verifier}
    state = OfficeState()
    state.held[kit.LOG.name] = (Checkpoint(kit.LOG.name, 3, world_root(3)), "")
    service = CosignerService(names, (cosigner("notary.example/w1"),), state, HandClock())
    with quiet():
        service.add_checkpoint(data)
    assert state.held[kit.LOG.name][0].to_text() in {n.partition("\n\n")[0] + "\n" for n in shown()}


@cache
def world_root(size: int) -> bytes:
    from ledger.tlog.merkle import leaf_hash, root_of

    return root_of(leaf_hash(row.entry) for row in world().store.rows(0, size))


def shown() -> set[str]:
    """Every note that the log has signed."""
    return {SignedNote.from_text(text).to_text() for text in world().signed}


def _stranger(data: bytes) -> None:
    """What lets an envelope wait for the one writer: somebody registered has signed it."""
    world().log.open(data)
    statement = Statement.from_bytes(Envelope.from_bytes(data).payload)
    assert statement.to_bytes() == Envelope.from_bytes(data).payload


STATION = kit.STATION
BODY = format_json({"sha256": "0" * 64, "size": "1"})
URL = "http://testserver/v1/uploads"


def _request(data: bytes) -> None:
    """Headers, an empty line, a body. Only the station's own signature opens."""
    head, _, body = data.partition(b"\n\n")
    rows = (line.partition(": ") for line in head.decode("latin-1").split("\n"))
    headers = {name.lower(): value for name, _, value in rows}
    verifier = RequestVerifier(lambda: 0)

    def find(keyid: str) -> VerifierKey:
        if keyid != STATION.verifier.keyid:
            raise Unknown("no such key")
        return STATION.verifier

    keyid = verifier.verify(Message("POST", URL, headers), body, find)
    assert keyid == STATION.verifier.keyid
    assert body in (b"", BODY), "opened for a body that nobody signed"


def requests() -> tuple[bytes, ...]:
    seeds = []
    for body in (BODY, b""):
        headers = sign_request(STATION, "POST", URL, body, "0123456789abcdef")
        head = "\n".join(f"{name}: {value}" for name, value in headers.items())
        seeds.append(head.encode("latin-1") + b"\n\n" + body)
    return tuple(seeds)


def _client(data: bytes) -> None:
    """A server may answer anything: a status in the first two bytes, then the body."""
    client = _asking(httpx2.Response(200 + int.from_bytes(data[:2], "big") % 400, content=data[2:]))
    with folder() as root:
        for ask in _ASKS:
            try:
                ask(client, root)
            except LedgerError as error:
                str(error).encode()


_ASKS: tuple[Callable[[LedgerClient, Path], object], ...] = (
    lambda client, root: client.whoami(),
    lambda client, root: client.checkpoint("2026"),
    lambda client, root: client.file([b"{}"]),
    lambda client, root: client.receipt(UUID),
    lambda client, root: client.packet(kit.CASE, root / "packet.zip", lambda count: None),
    lambda client, root: client.upload(Path(os.devnull), 0, bytes(32), lambda count: None),
)


def _asking(answer: httpx2.Response) -> LedgerClient:
    """A client of a server that always answers this."""
    transport = httpx2.MockTransport(lambda request: answer)
    with patch("api.clients.ledger.new_client", lambda timeout: httpx2.Client(transport=transport)):
        return LedgerClient("http://testserver", key=STATION)


def answers() -> tuple[bytes, ...]:
    from api.problems import problem

    ok, bad = b"\0\0", (404 - 200).to_bytes(2, "big")
    return (
        ok + format_json({"upload": "0123456789abcdef"}),
        ok + format_json({"results": [{"status": 422, "code": "rejected"}]}),
        ok + format_json(_receipt_answer()),
        bad + format_json(problem("unknown", "no such case", ("look",))),
        (422 - 200).to_bytes(2, "big") + format_json({"results": [problem("rejected", "no")]}),
    )


def _object(data: bytes) -> dict[str, Any]:
    value = read_object(data)
    if value is None:
        raise Malformed("no object")
    return value


def _acceptance(data: bytes) -> None:
    """What a filer believes of an answer is what he can recompute."""
    said, envelope = _said()
    believed = check_acceptance(_object(data), envelope, built_trust())
    assert (believed.id, believed.index) == (said["id"], int(said["index"]))


def _receipt(data: bytes) -> None:
    entry = Entry.from_bytes(str(_receipt_answer()["entry"]).encode())
    check_receipt(_object(data), entry, built_trust())


def _refusal(data: bytes) -> None:
    assert isinstance(refusal(_object(data)), LedgerError)


@cache
def built_trust() -> Trust:
    return world().trust


@cache
def _said() -> tuple[dict[str, Any], bytes]:
    from api.statements import accepted

    id_, said = next(iter(world().acknowledged.items()))
    known = world().log.known(id_)
    assert known is not None
    return accepted("2026", known), said.envelope


@cache
def _receipt_answer() -> dict[str, Any]:
    said, _ = _said()
    note = world().step()
    index = int(said["index"])
    proof = world().log.receipt(index, note.to_text()).to_text()
    row = {key: said[key] for key in ("id", "log", "index", "entry")}
    return {**row, "proof": proof, "witnessed": "yes"}


def _after(data: bytes) -> None:
    after_of(data, built().trust.logs[0])


def _secret(path: Path) -> None:
    read_secret(str(path))
    read_key(str(path))


def explained() -> tuple[bytes, ...]:
    return (
        *(data for path, data in sorted(built().sealed().items()) if "/items/" not in path),
        *policies(),
        *vkeys(),
        *(k.to_text().encode() for k in _keys()),
        *(series_public_pem(), private_pem(), bytes(32), kit.SERIES_ROOTS),
        built().zip_bytes(),
    )


def private_pem() -> bytes:
    return SERIES_PEM[
        SERIES_PEM.index(b"-----BEGIN") :
    ]  # without the line that says it is a test's


def _contents() -> bytes:
    row = Packed("01.zip", "苏城管罚〔2026〕417号", 7, bytes(32), bytes(32))
    unread = Packed("02.zip", "", 0, bytes(32), bytes(32))
    at_ms = 1_795_430_400_000
    return Contents("档案馆", "机关", at_ms, "tiezheng", "00" * 32, (row, unread)).to_bytes()


@cache
def small_zips() -> tuple[bytes, ...]:
    files = {"bagit.txt": packet.BAGIT, "data/items/01.txt": b"x", "data/packet.json": b"{}"}
    return tuple(kit.zip_bytes(part) for part in (files, {"bagit.txt": b""}, {}))


def changed(files: Mapping[str, bytes]) -> Seeds:
    return lambda: tuple(path.encode() + b"\x1f" + data for path, data in sorted(files.items()))


def one_of_each() -> tuple[bytes, ...]:
    """The last file of each folder of a packet: verifying takes a tenth of a second."""
    last = {path.rpartition("/")[0]: path for path in sorted(built().files)}
    return changed({path: built().files[path] for path in last.values()})()


def of_log() -> tuple[bytes, ...]:
    return changed({path: data for (_, path), data in built().log.files.items()})()


# --- the table ---------------------------------------------------------------------------------


def _json(data: bytes) -> Any:
    return encoding.parse_json(data, limit=65_536)


UUID = "019a0b1c-2d3e-7f00-8000-0123456789ab"
WITHHELD_FILE = f'{{"place":"2026-7","reason":"minor","what":"{"5a" * 32}"}}'
BULLETIN = (
    '{"bulletin":[{"agency":"agency-01"}],"complaints":[{"id":"019a0b1c-2d3e-7f00-8000-0123456789ab",'
    '"logged":"2026-03-02","place":"2026-7"}],"log":"2026","size":"9","span":"2026-Q1"}'
)
DUE = '{"counted":"weekends","for":"review","received":"2026-11-20","until":"2026-12-04"}'

TIMECODES = (
    f'[{{"at_ms":"61000","item":"{"5a" * 32}","shows":"show_id"}},'
    f'{{"at_ms":"0","item":"{"5a" * 32}","note":"告知","shows":"inform_rights","until_ms":"9"}}]'
)

BACKUP_KEY = BackupKey(bytes(range(32)))
BACKUP_HEADER = Header(
    n=1, after=bytes(32), at_ms=1, key=BACKUP_KEY.name, log=kit.ORIGIN, salt=bytes(32)
)
BACKUP_STATE = BackupState(start=0, size=7, last=bytes(32), cosigned=5, items=3, schema=2)


def _backup_file(data: bytes) -> None:
    file = BytesIO(data)
    for _ in open_records(BACKUP_KEY, read_header(file.read), file.read):
        pass


def _backup_files() -> tuple[bytes, ...]:
    records = [Record(b"S", BACKUP_STATE.to_bytes()), Record(b"D", b"bytes")]
    return (b"".join(seal(BACKUP_KEY, BACKUP_HEADER, records)),)


def _copy_of_station() -> bytes:
    answer, envelope = _said()
    return format_copy(envelope, answer)


def _station_copy(data: bytes) -> None:
    open_copy("fuzz", data, world().trust)


def _staged() -> tuple[bytes, ...]:
    said = {"keyid": "k", "agency": "a", "size": 5, "metadata": "a YQ==", "opened_ms": 7}
    return (
        Announced(sha256=b"", sm3=False, **said).to_bytes(),  # type: ignore[arg-type]
        Announced(sha256=bytes(32), sm3=True, **said).to_bytes(),  # type: ignore[arg-type]
    )


def _staged_keys() -> tuple[bytes, ...]:
    return (StagedKey(item="3f" * 16, wrap_id="file-00", wrapped=b"w" * 60).to_bytes(),)


def _finishes() -> tuple[bytes, ...]:
    found = digest_item(b"x")
    return Finish(found).to_bytes(), Finish(found, "ab" * 16, recorded=True).to_bytes()


def _agent_keys() -> tuple[bytes, ...]:
    key = format_strings(b"ssh-ed25519", bytes(32))
    return bytes([12, 0, 0, 0, 0]), bytes([12, 0, 0, 0, 1]) + format_strings(key, b"a comment")


def _agent_signatures() -> tuple[bytes, ...]:
    return (b"\x0e" + format_strings(format_strings(b"ssh-ed25519", bytes(64))),)


def _agent_signature(data: bytes) -> None:
    assert len(parse_signature(data)) == 64


TARGETS: tuple[Target, ...] = (
    # numbers, base64, hex, JSON and times
    Target(
        "decimal",
        text(lambda t: str(encoding.parse_decimal(t))),
        fixed("0", "7", "90071", str(2**63 - 1)),
        (encoding.parse_decimal,),
    ),
    Target(
        "base64",
        text(lambda t: format_base64(encoding.parse_base64(t))),
        fixed("", "AA==", "AAE=", "ab+/"),
        (encoding.parse_base64,),
    ),
    Target(
        "hex",
        text(lambda t: encoding.parse_hex(t).hex()),
        fixed("", "00ff", "0123456789abcdef"),
        (encoding.parse_hex,),
    ),
    Target(
        "utf8",
        binary(lambda d: encoding.parse_utf8(d).encode()),
        fixed("", "a", "苏城管罚〔2026〕417号"),
        (encoding.parse_utf8,),
    ),
    Target(
        "json",
        binary(lambda d: format_json(encoding.parse_json(d, limit=1 << 20))),
        lambda: (b'{"a":[1,{"b":"c"}],"\xe4\xb9\xa6":-7}', *of_packet("data/entries/")()[:1]),
        (encoding.parse_json,),
    ),
    Target(
        "time",
        _time,
        fixed("2026-11-23T14:00:00+08:00", "1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59+08:00"),
        (encoding.parse_time,),
    ),
    Target("uuid", text(encoding.parse_uuid7), fixed(UUID), (encoding.parse_uuid7,)),
    # the log
    Target(
        "checkpoint",
        text(lambda t: Checkpoint.from_text(t).to_text()),
        checkpoints,
        (Checkpoint.from_text,),
    ),
    Target(
        "signature-line",
        text(lambda t: Signature.from_text(t).to_text()),
        lambda: tuple(
            s.to_text().encode() for n in notes() for s in SignedNote.from_bytes(n).signatures
        ),
        (Signature.from_text,),
    ),
    Target(
        "note",
        binary(lambda d: SignedNote.from_bytes(d).to_bytes()),
        lambda: (*notes(), "a\n\n b\x85\n\n— log A4FhqCNyC0Y=\n".encode()),
        (SignedNote.from_bytes,),
    ),
    Target(
        "note-text",
        text(lambda t: SignedNote.from_text(t).to_text()),
        notes,
        (SignedNote.from_text,),
    ),
    Target(
        "party-receipt",
        text(lambda t: PartyReceipt.from_text(t).to_text()),
        party_receipts,
        (PartyReceipt.from_text,),
    ),
    Target(
        "session-manifest",
        binary(lambda d: Manifest.from_bytes(d).to_bytes()),
        manifests,
        (Manifest.from_bytes,),
    ),
    Target(
        "certificate-sheet",
        binary(lambda d: CertificatePage.from_bytes(d).to_bytes()),
        lambda: tuple(make_page(count).to_bytes() for count in (1, 3)),
        (CertificatePage.from_bytes,),
    ),
    Target(
        "machine-report",
        binary(lambda d: MachineReport.from_bytes(d).to_bytes()),
        machine_reports,
        (MachineReport.from_bytes,),
    ),
    Target(
        "program-list",
        read_known,
        fixed("00" * 32 + "  /bin/x\n", "\ufeff\\" + "AB" * 32 + " *y\r\n"),
        (read_known,),
    ),
    Target(
        "certificate-reference",
        text(lambda t: Reference.from_text(t).to_text()),
        lambda: (Reference.of(b"sheet").to_text().encode(),),
        (Reference.from_text,),
    ),
    Target("note-opened", _opened, notes, (Policy.open,)),
    Target(
        "public-key",
        text(lambda t: VerifierKey.from_text(t).to_text()),
        vkeys,
        (VerifierKey.from_text,),
    ),
    Target(
        "private-key",
        text(lambda t: SigningKey.from_text(t).to_text()),
        lambda: tuple(k.to_text().encode() for k in _keys()),
        (SigningKey.from_text,),
    ),
    Target(
        "suites",
        binary(lambda d: Suites.from_bytes(d).to_text().encode()),
        fixed(b"require sha256 sm3\n", b"require sm3 sm2\ndistrust sha256 ed25519\n"),
        (Suites.from_text, Suites.from_bytes),
    ),
    Target("policy", _policy, policies, (Policy.from_bytes, Policy.from_text)),
    Target(
        "receipt",
        binary(lambda d: Receipt.from_bytes(d).to_bytes()),
        of_packet("data/proofs/"),
        (Receipt.from_bytes,),
    ),
    Target(
        "receipt-text",
        text(lambda t: Receipt.from_text(t).to_text()),
        lambda: (Receipt(0, (), "x", b"e").to_bytes(), *of_packet("data/proofs/")()),
        (Receipt.from_text,),
    ),
    Target(
        "fraud",
        binary(lambda d: Fraud.from_bytes(d).to_bytes()),
        frauds,
        (Fraud.from_bytes, Fraud.from_text),
    ),
    Target("receipt-opened", _proved, of_packet("data/proofs/2026-4"), (Receipt.open,)),
    Target(
        "sign-subtree",
        binary(lambda d: SignSubtree.from_bytes(d).to_bytes()),
        lambda: tuple(
            SignSubtree(0, 4, bytes(32), (bytes(32),), SignedNote.from_bytes(note)).to_bytes()
            for note in notes()
        ),
        (SignSubtree.from_bytes,),
    ),
    Target(
        "submission",
        binary(lambda d: AddCheckpoint.from_bytes(d).to_bytes()),
        submissions,
        (AddCheckpoint.from_bytes,),
    ),
    Target(
        "tile-path",
        text(lambda t: Tile.from_path(t).to_path()),
        fixed("tile/0/000", "tile/entries/x001/234.p/17", "tile/63/x999/x999/000.p/255"),
        (Tile.from_path,),
    ),
    Target("tile", _tile, fixed(b"\0" + bytes(32), b"\x02" + bytes(96)), (hashes_from_bytes,)),
    Target(
        "bundle",
        _bundle,
        fixed(b"\0\0\x01a", b"\x02" + entries_to_bytes([b"", b"ab", b"c" * 300])),
        (entries_from_bytes,),
    ),
    # evidence
    Target(
        "entry",
        binary(lambda d: Entry.from_bytes(d).to_bytes()),
        of_packet("data/entries/"),
        (Entry.from_bytes,),
    ),
    Target(
        "timestamp",
        lambda d: open_token(d, STAMPED, tsa_believed()),
        timestamps,
        (open_token, open_signed),
    ),
    Target(
        "authority",
        _authority,
        authorities,
        (Authority.from_files,),
    ),
    Target(
        "ends",
        lambda d: parse_ends(d, frozenset({"lab"})),
        lambda: (b"", b"sha256 2038-01-01T00:00:00+08:00\ntsa/lab 2035-06-30T00:00:00Z\n"),
        (parse_ends,),
    ),
    Target(
        "spans",
        binary(lambda d: format_json(spans_to_json(spans_from_json(_json(d))))),
        fixed('[{"at":"0","put":"某某","size":"9"},{"at":"40","size":"3"}]'),
        (spans_from_json,),
    ),
    Target(
        "clip",
        binary(lambda d: Clip.from_bytes(d).to_bytes()),
        clips,
        (Clip.from_bytes,),
    ),
    Target(
        "row-proof",
        binary(lambda d: RowProof.from_bytes(d).to_bytes()),
        row_proofs,
        (RowProof.from_bytes, Row.from_json, row_from_json),
    ),
    Target(
        "envelope",
        binary(lambda d: Envelope.from_bytes(d).to_bytes()),
        of_packet("data/statements/", ".json"),
        (Envelope.from_bytes,),
    ),
    Target(
        "closing",
        text(lambda t: Closing.from_text(t).to_text()),
        notes,
        (Closing.from_text,),
    ),
    Target(
        "in-force",
        binary(lambda d: format_json(InForce.from_json(_json(d)).to_json())),
        fixed('{"from":"2026-01-01"}', '{"from":"2026-01-01","to":"2026-12-31"}'),
        (InForce.from_json,),
    ),
    Target(
        "facts",
        binary(lambda d: format_json(dict(facts_from_json(_json(d))))),
        fixed('{"amount":"500","reason":"初次"}'),
        (facts_from_json,),
    ),
    Target(
        "timecodes",
        binary(lambda d: format_json([code.to_json() for code in timecodes_from_json(_json(d))])),
        fixed(TIMECODES),
        (timecodes_from_json, Timecode.from_json),
    ),
    Target("statement", _statement, payloads, (Statement.from_bytes,), examples=300),
    Target(
        "log-label",
        lambda d: log_label(text_of(d)),
        fixed("ledger.example/enforcement/2026", "a/2026-2"),
        (log_label,),
    ),
    Target(
        "series-key",
        _series_key,
        lambda: (series_public_pem() + b"\x1e" + kit.SERIES_ROOTS,),
        (SeriesKey.from_files,),
    ),
    Target(
        "series-opened",
        _series_opened,
        lambda: (b"2026/log\x1e" + kit.open_series("2026/log").signature,),
        (SeriesKey.open,),
    ),
    Target(
        "feed-page",
        binary(lambda d: Page.from_bytes(d).to_bytes()),
        feed_pages,
        (Page.from_bytes, Told.from_json),
    ),
    Target(
        "feed-page-opened",
        lambda d: open_page(d, kit.LEDGER.verifier),
        lambda: tuple(seal_statement(page, [kit.LEDGER]).to_bytes() for page in feed_pages()),
        (open_page,),
    ),
    Target(
        "review-list",
        binary(lambda d: ReviewList.from_bytes(d).to_bytes()),
        lambda: (make_list("agency-01", 2026, bytes(32), 1, REVIEWED)[0].to_bytes(),),
        (ReviewList.from_bytes,),
    ),
    Target(
        "review-secret",
        binary(lambda d: secret_line(parse_secret(d))),
        fixed("00" * 32 + "\n"),
        (parse_secret,),
    ),
    Target(
        "score-sheet",
        lambda d: ScoreSheet.from_bytes(d),
        lambda: (SHIPPED.with_name("score.toml").read_bytes(),),
        (ScoreSheet.from_bytes,),
    ),
    Target(
        "feed-table",
        lambda d: FeedTable.from_bytes(d),
        lambda: (SHIPPED.read_bytes(),),
        (FeedTable.from_bytes,),
    ),
    Target(
        "absence",
        binary(lambda d: Absence.from_bytes(d).to_bytes()),
        absences,
        (Absence.from_bytes,),
    ),
    Target(
        "absence-tags",
        binary(lambda d: tags_to_bytes(tags_from_bytes(d))),
        fixed(bytes(16) + b"\1" * 16 + b"\2" * 16),
        (tags_from_bytes,),
    ),
    Target(
        "absence-opened",
        lambda d: open_absence(d, [mirrors.MIRROR.verifier]),
        lambda: tuple(seal_statement(a, [mirrors.MIRROR]).to_bytes() for a in absences()),
        (open_absence,),
    ),
    Target(
        "series-file",
        binary(lambda d: SeriesFile.from_bytes(d).to_bytes()),
        of_packet("data/series/"),
        (SeriesFile.from_bytes,),
    ),
    Target(
        "sealed-companion",
        binary(lambda d: _companion(d).to_bytes()),
        companions,
        (SealedCompanion.from_bytes,),
    ),
    Target(
        "packet-index",
        binary(lambda d: Index.from_bytes(d).to_bytes()),
        of_packet("data/packet.json"),
        (Index.from_bytes,),
    ),
    Target(
        "package-contents",
        binary(lambda d: Contents.from_bytes(d).to_bytes()),
        lambda: (_contents(),),
        (Contents.from_bytes,),
    ),
    Target(
        "package-row",
        binary(lambda d: format_json(Packed.from_json(_json(d)).to_json())),
        lambda: (format_json(Contents.from_bytes(_contents()).packets[0].to_json()),),
        (Packed.from_json,),
    ),
    Target(
        "fingerprint",
        lambda d: parse_fingerprint(format_fingerprint(parse_fingerprint(text_of(d)))),
        fixed("ab" * 32, "3f0a 92C1 " * 8),
        (parse_fingerprint,),
    ),
    Target(
        "withheld",
        binary(lambda d: format_json(Withheld.from_json(_json(d)).to_json())),
        fixed('{"place":"2026-6","reason":"privacy","what":"statement"}', WITHHELD_FILE),
        (Withheld.from_json,),
    ),
    Target("withheld-reason", text(parse_reason), fixed("minor"), (parse_reason,)),
    Target(
        "due",
        binary(lambda d: format_json(Due.from_json(_json(d)).to_json())),
        fixed(DUE),
        (Due.from_json,),
    ),
    Target(
        "handover",
        binary(lambda d: format_json(Handover.from_json(_json(d)).to_json())),
        fixed(
            '{"purpose":"诉讼","recipient":"某法院"}',
            '{"approval":"019ab0c4-0000-7000-8000-000000000000","foreign":"yes","recipient":"x"}',
        ),
        (Handover.from_json,),
    ),
    Target(
        "day",
        text(lambda t: encoding.parse_day(t).isoformat()),
        fixed("2026-11-23"),
        (encoding.parse_day,),
    ),
    Target(
        "bulletin",
        lambda d: Listed.from_json(_json(d)),
        fixed(BULLETIN),
        (Listed.from_json,),
    ),
    Target(
        "span",
        text(lambda t: parse_span(t).text),
        fixed("2026", "2026-Q1", "2026-03"),
        (parse_span,),
    ),
    Target(
        "place",
        text(lambda t: Place.from_text(t).to_text()),
        fixed("2026-0", "2026-2-17"),
        (Place.from_text,),
    ),
    Target(
        "manifest",
        binary(lambda d: packet.format_manifest(packet.parse_manifest(d))),
        of_packet("manifest-"),
        (packet.parse_manifest,),
    ),
    Target("bag", _bag, bags, (packet.check_bag, Layout.of)),
    Target("case-number", _case, fixed(kit.CASE, "a〔1999〕b"), (case_number.parse_case,)),
    Target(
        "case-template",
        _template,
        fixed("苏城管罚〔{year}〕{number}号", "({number})〔{year}〕"),
        (case_number.parse_template,),
    ),
    Target("trust", _trust, trusts, (Trust.from_files,)),
    # registers
    Target(
        "list",
        _list,
        lambda: tuple(map(str.encode, LISTS)),
        (Published.from_text, *READERS.values()),
        examples=60,
    ),
    Target(
        "calendar",
        _calendar,
        lambda: (b'off = ["2026-10-01", 2026-10-02]\nworking = ["2026-10-10"]\n',),
        (parse_calendar,),
    ),
    Target(
        "retention list",
        text(_retention_list),
        lambda: (
            (Path(retention.__file__).parents[1] / "retention_lists" / "default.toml").read_bytes(),
        ),
        (retention.RetentionList.from_text, retention.RetentionClass.from_toml),
        examples=60,
    ),
    Target("rule pack", _rule_pack, rule_packs, (RulePack.from_text,), examples=60),
    Target("yearly", _yearly, yearly_files, (Yearly.from_bytes, Statistics.from_json)),
    Target("yearly-act", _shown_act, shown_acts, (Shown.from_bytes,)),
    # judging
    Target("packet", _verified, one_of_each, examples=60),
    Target("public-log", _audited, of_log, (audit_log,)),
    # containers
    Target("zip", in_file(_zip), small_zips),
    Target("zip-or-folder", in_file(open_packet), small_zips, (open_packet,)),
    Target("packet-folder", in_folder(_packet_folder), lambda: (pack({"a/b": b"c", "d": b""}),)),
    Target("trust-folder", in_folder(read_trust), trusts, (read_trust,), examples=30),
    Target(
        "data-folder",
        in_folder(DataFolder.open),
        lambda: (pack({"format": b"1\n"}), pack({"format": b"2\n"})),
        (DataFolder.open,),
    ),
    # backups
    Target(
        "backup-key",
        text(lambda t: BackupKey.from_text(t).to_text()),
        lambda: (BACKUP_KEY.to_text().encode(),),
        (BackupKey.from_text,),
    ),
    Target(
        "backup-header",
        binary(lambda d: Header.from_bytes(d).to_bytes()),
        lambda: (BACKUP_HEADER.to_bytes(),),
        (Header.from_bytes,),
    ),
    Target(
        "backup-state",
        binary(lambda d: BackupState.from_bytes(d).to_bytes()),
        lambda: (BACKUP_STATE.to_bytes(),),
        (BackupState.from_bytes,),
    ),
    Target(
        "backup-row",
        binary(lambda d: row_to_bytes(row_from_bytes(d))),
        lambda: (row_to_bytes([1, -2, "text", b"bytes", None]),),
        (row_from_bytes,),
    ),
    Target("backup-file", _backup_file, _backup_files, (open_records,)),
    Target(
        "backup-note",
        binary(lambda d: BackedUp.from_bytes(d).to_bytes()),
        lambda: (BackedUp("2026", 7, 1, 2, "5f2c").to_bytes(),),
        (BackedUp.from_bytes,),
    ),
    Target(
        "restored-mark",
        binary(lambda d: Mark.from_bytes(d).to_bytes()),
        lambda: (Mark(7, 9, "7-8").to_bytes(),),
        (Mark.from_bytes,),
    ),
    Target("station-copy", _station_copy, lambda: (_copy_of_station(),), (open_copy,)),
    Target("staged-upload", binary(lambda d: Announced.from_bytes(d).to_bytes()), _staged),
    Target("staged-key", binary(lambda d: StagedKey.from_bytes(d).to_bytes()), _staged_keys),
    Target("staged-finish", binary(lambda d: Finish.from_bytes(d).to_bytes()), _finishes),
    # over the network
    Target("filing", _stranger, lambda: tuple(s.envelope for s in world().acknowledged.values())),
    Target("cosigner", _cosigned, submissions, (CosignerService.add_checkpoint,)),
    Target("signed-request", _request, requests, (RequestVerifier.verify,)),
    Target("answers", _client, answers, examples=30),
    Target("acceptance", _acceptance, lambda: (format_json(_said()[0]),), (check_acceptance,)),
    Target(
        "flags",
        lambda data: read_flags(read_object(data) or {}),
        fixed('{"flags":[{"at":["2026-1"],"kind":"duplicate"},{"at":[],"kind":"sibling"}]}'),
        (read_flags,),
    ),
    Target("receipt-answer", _receipt, lambda: (format_json(_receipt_answer()),), (check_receipt,)),
    Target(
        "refusal", _refusal, fixed('{"code":"full","detail":"no room","hints":["go"]}'), (refusal,)
    ),
    Target("after", _after, notes, (after_of,)),
    Target(
        "upload-metadata", lambda d: parse_metadata(text_of(d)), fixed("a YQ==,b", "sha256 MDA=,c ")
    ),
    # other programs, asked for a signature
    Target("agent-keys", parse_keys, _agent_keys, (parse_keys,)),
    Target("agent-signature", _agent_signature, _agent_signatures, (parse_signature,)),
    Target(
        "token-point", parse_point, lambda: (bytes(32), b"\x04\x20" + bytes(32)), (parse_point,)
    ),
    # files that commands read
    Target("inspect", in_file(explain), explained, (explain,)),
    Target(
        "inspect-tile",
        in_folder(lambda root: explain(root / "tile" / "0" / "000")),
        lambda: (pack({"tile/0/000": bytes(32 * 256)}),),
    ),
    Target(
        "secret-file",
        in_file(_secret),
        lambda: tuple(k.to_text().encode() + b"\n" for k in _keys()),
        (read_secret, read_key),
    ),
    Target(
        "settings",
        in_folder(load),
        lambda: (pack({"tiezheng.toml": b'host = "::1"\nport = 1\nlog_level = "info"\n'}),),
        (load,),
    ),
    Target("series-pem", suite.series_modulus, lambda: (series_public_pem(),)),
    Target("series-private", suite_private.series_private, lambda: (private_pem(),), examples=30),
)


def _planted(data: bytes) -> None:
    """A fault behind four doors, one by one: who throws bytes blindly sees no door."""
    # Not one condition: each door is a branch, which the fuzzer sees that it has passed.
    if data[:1] == b"q":  # noqa: SIM102
        if data[1:2] == b"u":  # noqa: SIM102
            if data[2:3] == b"i":  # noqa: SIM102
                if data[3:4] == b"z":
                    raise KeyError("planted")


# Not one of ours: it shows that the fuzzer finds what there is to find.
PLANTED = Target("planted", _planted, fixed("open"))

BY_NAME: Mapping[str, Target] = {target.name: target for target in (*TARGETS, PLANTED)}
