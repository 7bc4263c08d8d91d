"""A ledger in a temporary folder, and statements as a station makes them.

The real stores, keys and code paths. Statements are made and signed before the clock
starts: making them is the filer's work.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.founding import Plan, agency_registration, found, key_registration, new_key
from api.ids import new_id
from api.services import open_log, read_key
from api.settings import Settings
from api.vault import open_vault
from ledger.encoding import format_time
from ledger.errors import LedgerError
from ledger.evidence.chunks import ItemDigest, ItemHasher
from ledger.evidence.membership import case_series
from ledger.evidence.series import Series
from ledger.evidence.series_private import SeriesSigner
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Role, Statement
from ledger.filing import Filing
from ledger.log import Log
from ledger.ports import ItemRecord
from ledger.sequencer import Pending, plan
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey, sign_note
from storage.clock import SystemClock
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore

AGENCY = "agency-01"
CASES = 50
ITEMS = 64
FILLED = 1000  # entries in a transaction while the log is grown


@dataclass(frozen=True, slots=True)
class Filler:
    """A statement as the store sees one: growing a log to a million is not what is measured."""

    id: str
    kind: Kind = Kind.EVIDENCE


@dataclass(slots=True)
class Workload:
    """An open log with one registered station, and what that station says."""

    folder: DataFolder
    store: SqliteLedgerStore
    log: Log
    log_key: SigningKey
    registrar: SigningKey
    station: SigningKey
    year: int
    items: list[ItemDigest] = field(default_factory=list)
    made: int = 0

    def statement(self, *, recording: bool) -> bytes:
        """A signed envelope of about 1.1 kB; a recording opens a series of its own."""
        self.made += 1
        now = SystemClock().now_ms()
        digest = self.items[self.made % ITEMS]
        moment = format_time(now)
        predicate = {
            "id": new_id(now),
            "agency": AGENCY,
            "case": f"苏城管罚〔{self.year}〕{self.made % CASES + 1}号",
            "stage": "investigate",
            "evidence_type": "audiovisual",
            "occurred": {"from": moment, "to": moment},
            "officers": ["32050012345", "32050012346"],
            "method": "执法记录仪自动采集，经采集站读取",
            "carrier": "执法记录仪内置存储卡",
            "purpose": "证明现场检查经过及当事人陈述",
        }
        name = f"BWC_{self.made:06}.MP4"
        if recording:
            predicate |= {"device": "BWC-310", "file": name}
        statement = Statement(Kind.EVIDENCE, (FileSubject(name, digest),), predicate)
        return seal(statement.to_bytes(), [self.station]).to_bytes()

    def statements(self, count: int, *, recording: bool = False) -> list[bytes]:
        return [self.statement(recording=recording) for _ in range(count)]

    def accept(self, filed: Sequence[bytes | Filing]) -> None:
        """Raises what the first refusal says: a benchmark of refusals would be fast."""
        for result in self.log.accept(filed):
            if isinstance(result, LedgerError):
                raise result

    def keep_items(self, now_ms: int) -> None:
        with closing(open_vault(self.folder, Settings())) as vault:
            for i in range(ITEMS):
                data, hasher = hashlib.sha256(bytes([i])).digest(), ItemHasher()
                hasher.update(data)
                digest = hasher.finish()
                writer = vault.items.begin(len(data))
                writer.write(data)
                self.store.add_item(
                    ItemRecord(
                        object_id=writer.commit(b"".join(hasher.leaves)),
                        digest=digest,
                        keyid=self.station.verifier.keyid,
                        agency=AGENCY,
                        uploaded_ms=now_ms,
                    )
                )
                self.items.append(digest)

    def grow(self, size: int) -> None:
        """Straight into the store, with real series; the log then reads its head anew."""
        names = [case_series(f"苏城管罚〔{self.year}〕{i + 1}号", self.year) for i in range(CASES)]
        known = self.store.series(names)
        series = [Series(name, known[name][0]) for name in names]
        envelope = self.statement(recording=False)
        while (head := self.store.head()) is not None and head.edge.size < size:
            count = min(FILLED, size - head.edge.size)
            pending = [
                Pending(
                    Filler(os.urandom(16).hex()), envelope, os.urandom(32), (series[i % CASES],)
                )
                for i in range(count)
            ]
            self.put(pending)
        self.log.recover()

    def put(self, pending: Sequence[Pending]) -> None:
        """One transaction, past the log, which is then to `recover`."""
        head = self.store.head()
        assert head is not None
        names = sorted({series.name for one in pending for series in one.series})
        counts = {name: n for name, (_, n) in self.store.series(names).items()}
        batch = plan(head.edge, head.at_ms, pending, counts, head.at_ms)
        text = batch.checkpoint(self.log.origin).to_text()
        note = SignedNote(text, (sign_note(text, self.log_key),)).to_text()
        self.store.commit(batch, note, head)

    def series(self, name: str) -> Series:
        """A new one, named with the ledger's own key."""
        (pem,) = self.folder.keys.glob(f"series-{self.year}*")
        return SeriesSigner(pem.read_bytes()).open(name)

    def publish(self) -> str:
        """The checkpoint that everyone sees from now on."""
        head = self.log.materialise()
        assert head is not None
        self.log.publish(SignedNote.from_text(head.note))
        return head.note


@contextmanager
def workload(path: Path) -> Iterator[Workload]:
    """A fresh ledger in `path`, with its station, items and cases in place."""
    clock = SystemClock()
    year = int(format_time(clock.now_ms())[:4])
    origin = f"ledger.example/enforcement/{year}"
    registrar, station = new_key("registrar.example"), new_key("station-07.example")
    plan = Plan(origin=origin, agency=AGENCY, registrar=registrar, cosigners=(), quorum=0)
    folder = found(path, plan, clock.now_ms())
    store = SqliteLedgerStore(folder.ledger_db)
    try:
        log, _ = open_log(folder, store)
        log_key = read_key(folder.keys / "log.key")
        load = Workload(folder, store, log, log_key, registrar, station, year)
        registrations = (
            key_registration(
                AGENCY,
                station.verifier,
                person="station-07",
                role=Role.STATION,
                now_ms=clock.now_ms(),
            ),
            agency_registration(
                AGENCY, "城市管理局", ["苏城管罚〔{year}〕{number}号"], clock.now_ms()
            ),
        )
        load.accept([seal(s.to_bytes(), [registrar]).to_bytes() for s in registrations])
        load.keep_items(clock.now_ms())
        load.accept(load.statements(CASES))  # so that the cases' series exist
        yield load
    finally:
        store.close()
