"""An open station: its folder, settings, state, key and clock, as all its parts share them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from api.clients.filing import after_of
from cli.files import read_key, read_sm2_key
from cli.station import card
from cli.station.clock import SEEN, StationClock, boot_id
from cli.station.folder import Settings, StationFolder
from ledger.errors import Rejected, Unknown
from ledger.evidence.envelope import Envelope
from ledger.evidence.session import CheckOut, Counting, Kept, Manifest, Proven, may_wipe
from ledger.evidence.statement import Statement
from ledger.evidence.trust import Trust, TrustedLog
from ledger.ports import Clock
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey
from storage.clock import SystemClock
from storage.durable import sync_name
from storage.station_sqlite import FileRow, SessionRow, SqliteStation, Standing, StatementRow
from storage.trust_directory import read_trust

AFTER = "after"
NOTE = "note"  # the checkpoint of `after`, with its signatures


@dataclass(frozen=True, slots=True)
class Station:
    folder: StationFolder
    settings: Settings
    store: SqliteStation
    key: SigningKey
    beside: tuple[SigningKey, ...]  # the station's key in another algorithm, where it has one
    trust: Trust
    clock: StationClock

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """What signs its statements; requests and party receipts are signed with `key` alone."""
        return (self.key, *self.beside)

    @property
    def log(self) -> TrustedLog:
        """The last log of the trust folder; it may be written only from some day on."""
        return self.trust.logs[-1]

    def log_of(self, note: bytes) -> TrustedLog:
        """That of a checkpoint, by its origin; raises `Rejected`."""
        origin = Checkpoint.from_text(SignedNote.from_bytes(note).text).origin
        found = next((log for log in self.trust.logs if log.origin == origin), None)
        if found is None:
            raise Rejected(f"your trust folder has no log {origin!r}")
        return found

    def newest_shown(self, read: Callable[[str], bytes]) -> bytes:
        """The checkpoint of the last log that the ledger shows; `read` takes a label.

        A trust folder may come before its last log has begun.
        """
        for log in reversed(self.trust.logs[1:]):
            with suppress(Unknown):
                return read(log.label)
        return read(self.trust.logs[0].label)

    @property
    def counting(self) -> Counting:
        return Counting(self.settings.names, shared=self.settings.shared_counter)

    def common(self) -> dict[str, Any]:
        """What every statement of this station has."""
        fields: dict[str, Any] = {"agency": self.settings.agency}
        if after := self.store.fact(AFTER):
            fields["after"] = json.loads(after)
        return fields

    def follow(self, note: bytes) -> None:
        """Keeps a newer cosigned checkpoint as the not-before of what is signed from now on."""
        log = self.log_of(note)
        after = after_of(note, log)
        if after is None:
            return
        known = json.loads(self.store.fact(AFTER) or "{}")
        if known.get("origin") == after["origin"] and int(known["size"]) >= int(after["size"]):
            return
        quorum_s = log.policy.open(SignedNote.from_bytes(note)).quorum_time or 0
        seen_s = max(quorum_s, int(self.store.fact(SEEN) or 0))
        facts = {AFTER: json.dumps(after, sort_keys=True), SEEN: str(seen_s), NOTE: note.decode()}
        self.store.keep_facts(facts)

    def spool_file(self, file: FileRow) -> Path:
        return self.folder.spool / f"file-{file.id}"

    def devices(self) -> dict[str, Path]:
        """What stands in the docks now, by name. Of two with one name the first is taken."""
        found: dict[str, Path] = {}
        for dock in self.settings.docks:
            for root in card.devices(Path(dock)):
                found.setdefault(card.identify(root, self.settings.identity_file), root)
        return found


@contextmanager
def open_station(root: Path, clock: Clock | None = None, boot: str = "") -> Iterator[Station]:
    """Several processes may; only one of them may run the engine."""
    folder = StationFolder(root)
    settings = folder.read()
    sync_name(root)
    key, trust = read_key(settings.key), read_trust(Path(settings.trust))
    # Read before anything is done: where nothing computes SM2 no card is half dealt with.
    beside = (read_sm2_key(settings.sm2_key),) if settings.sm2_key else ()
    store = SqliteStation(folder.state)
    try:
        own = StationClock(store, clock or SystemClock(), boot or boot_id())
        yield Station(folder, settings, store, key, beside, trust, own)
    finally:
        store.close()


def newest(files: Sequence[FileRow]) -> dict[bytes, FileRow]:
    """The latest version of each path."""
    return {file.path: file for file in sorted(files, key=lambda file: file.version)}


def check_out_of(session: SessionRow, statements: Sequence[StatementRow]) -> CheckOut | None:
    """What was signed when the device was handed out; None if nobody handed it out."""
    for row in statements:
        if row.session == session.id and row.kind == "check_out":
            predicate = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload).predicate
            clock = predicate.get("clock")
            counters = predicate.get("counters", {})
            return CheckOut(
                manifest=Manifest.from_bytes(row.manifest),
                at_ms=row.at_ms,
                ahead_ms=read_clock(clock),
                counters={"" if p == "*" else p: int(n) for p, n in counters.items()},
            )
    return None


def read_clock(field: dict[str, str] | None) -> int | None:
    if field is None:
        return None
    return int(field["ahead_ms"]) if "ahead_ms" in field else -int(field["behind_ms"])


def reasons(
    file: FileRow, docking: int, statements: Mapping[str, Standing], session_logged: bool
) -> tuple[Kept, ...]:
    """Why the device keeps this version of a file."""
    row = statements.get(file.statement)
    again = file.reread if file.changed or file.proven == docking else b""
    return _judge(
        bool(file.sha256),
        bool(again),
        again == file.sha256,
        row is not None and row.answered,
        row is not None and row.receipted,
        row.cosigners if row is not None else 0,
        bool(file.expected) and file.readback == file.expected,
        session_logged,
    )


@lru_cache(maxsize=256)
def _judge(
    read: bool,
    again: bool,
    equal: bool,
    answered: bool,
    receipted: bool,
    cosigners: int,
    stored: bool,
    session_logged: bool,
) -> tuple[Kept, ...]:
    """The same few cases for a card of 100,000 files. What has a row was listed first."""
    return may_wipe(
        Proven(
            listed=True,
            first_read=b"first" if read else None,
            sent=answered,
            receipt=receipted,
            cosignatures=cosigners,
            read_back=(b"first" if equal else b"other") if again else None,
            stored=stored,
            copy=answered,
            session_logged=session_logged,
        )
    )
