"""A ledger in a temporary folder, and statements as a station makes them.

The real stores, keys and code paths. Statements are made and signed before the clock
starts: making them is the filer's work.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.founding import Plan, agency_registration, found, key_registration, new_key
from api.ids import new_id
from api.services import open_log, read_key
from ledger.encoding import format_time
from ledger.errors import LedgerError
from ledger.evidence.chunks import ItemDigest, digest_item
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Role, Statement
from ledger.filing import Filing
from ledger.log import Log
from ledger.ports import ItemRecord
from ledger.tlog.signing_key import SigningKey
from storage.clock import SystemClock
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore

AGENCY = "agency-01"
CASES = 50
ITEMS = 64


@dataclass(slots=True)
class Workload:
    """An open log with one registered station, and what that station says."""

    folder: DataFolder
    store: SqliteLedgerStore
    log: Log
    log_key: SigningKey
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
        load = Workload(folder, store, log, log_key, station, year)
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
        for i in range(ITEMS):
            digest = digest_item(hashlib.sha256(bytes([i])).digest())
            store.add_item(
                ItemRecord(
                    object_id=os.urandom(16).hex(),
                    digest=digest,
                    keyid=station.verifier.keyid,
                    agency=AGENCY,
                    uploaded_ms=clock.now_ms(),
                )
            )
            load.items.append(digest)
        load.accept(load.statements(CASES))  # so that the cases' series exist
        yield load
    finally:
        store.close()
