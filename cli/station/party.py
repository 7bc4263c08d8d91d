"""What a party takes home from a station: which recordings one paper speaks of, and its signature.

A paper speaks of recordings that one dock statement named, in one session. It is signed with
what the station itself has read and written down, so it needs no line to the ledger.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from cli.station.statements import found_file
from cli.station.station import Station
from ledger.encoding import parse_time
from ledger.errors import Rejected, Unknown
from ledger.evidence.envelope import Envelope
from ledger.evidence.party_receipt import MAX_RECORDINGS, PartyReceipt
from ledger.evidence.session import Manifest
from ledger.evidence.signing import sign_party_receipt
from ledger.evidence.statement import Statement
from ledger.suite import digest
from storage.station_sqlite import FileRow, SessionRow, StatementRow

SALT = 16


@dataclass(frozen=True, slots=True)
class Recording:
    """`dock` is the statement that named it first; times by the corrected clock of the device."""

    dock: StatementRow
    begins_ms: int
    ends_ms: int
    sha256: bytes


def party_receipts(
    station: Station, device: str, case: str, begins_ms: int | None, ends_ms: int | None
) -> list[PartyReceipt]:
    """Of the device's last docked session; each for at most as many as one code holds."""
    docked = [row for row in station.store.sessions(device) if row.docked_ms]
    if not docked:
        raise Unknown(f"no device {device!r} has been docked here")
    session = docked[-1]
    slot = session.case or session.id
    if case and case != slot:
        raise Rejected(
            f"the recordings of {device!r} stand under {slot!r}, not under {case!r}",
            hints=("leave out --case: a provisional case is found under its number later",),
        )
    found = [
        recording
        for recording in _recordings(station, session)
        if (ends_ms is None or recording.begins_ms <= ends_ms)
        and (begins_ms is None or recording.ends_ms >= begins_ms)
    ]
    if not found:
        raise Unknown(
            f"no recording of {device!r} has been read in that time",
            hints=("wait until it is safe to unplug, and look at --from and --to",),
        )
    papers = []
    for _, of_dock in groupby(found, lambda recording: recording.dock.seq):
        named = list(of_dock)
        parts = (named[i : i + MAX_RECORDINGS] for i in range(0, len(named), MAX_RECORDINGS))
        papers += [_sign(station, device, slot, part) for part in parts]
    return papers


def _sign(station: Station, device: str, slot: str, part: Sequence[Recording]) -> PartyReceipt:
    dock = part[0].dock
    begins_ms = min(recording.begins_ms for recording in part)
    ends_ms = max(recording.ends_ms for recording in part)
    return sign_party_receipt(
        station.key,
        salt=secrets.token_bytes(SALT),
        session=dock.id,
        span_s=(begins_ms // 1000, -(-ends_ms // 1000)),
        manifest=digest(dock.manifest),
        case=slot,
        device=device,
        recordings=[recording.sha256 for recording in part],
    )


def _recordings(station: Station, session: SessionRow) -> list[Recording]:
    """The first file of each statement of evidence; its side files go with it."""
    said = station.store.statements(session=session.id)
    docks = [(row, _paths(row.manifest)) for row in said if row.kind == "dock"]
    found = [
        _recording(docks, row, station.store.files(statement=row.id))
        for row in said
        if row.kind == "evidence"
    ]
    return sorted(found, key=lambda recording: (recording.dock.seq, recording.begins_ms))


def _paths(manifest: bytes) -> frozenset[str]:
    return frozenset(file.path for file in Manifest.from_bytes(manifest).files)


def _recording(
    docks: Sequence[tuple[StatementRow, frozenset[str]]], row: StatementRow, files: list[FileRow]
) -> Recording:
    statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
    sha256 = statement.files[0].digest.sha256
    (first, *_) = (file for file in files if file.sha256 == sha256)
    path = found_file(first.path, first.size, first.mtime_ns).path
    span = statement.predicate.get("corrected") or statement.predicate["occurred"]
    return Recording(
        dock=next(dock for dock, paths in docks if path in paths),
        begins_ms=parse_time(span["from"]),
        ends_ms=parse_time(span["to"]),
        sha256=sha256,
    )
