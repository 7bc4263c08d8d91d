"""A station over a ledger of this process: cards are folders, the clock is turned by hand."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.ids import new_id
from cli.station.engine import Engine
from cli.station.folder import Settings, StationFolder
from cli.station.ledger import Progress
from cli.station.people import check_out
from cli.station.reading import keeps
from cli.station.station import Station, open_station
from cli.station.view import StationView, view
from ledger.encoding import in_china
from ledger.errors import Unavailable, Unknown
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.suite import digest
from storage.station_sqlite import GapRow, SessionRow
from testkit.server import AGENCY, BASE, STATION, Ledger
from testkit.world import HandClock

BOOT = "boot-1"
OFFICERS = ("执法证 3205-0147", "执法证 3205-0223")


@dataclass
class Line:
    """The ledger over a line that can be cut, and that counts what was sent. A `Ledger`."""

    ledger: Ledger
    cut: bool = False
    filed: list[bytes] = field(default_factory=list)
    uploads: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = self.ledger.client(STATION)

    def upload(
        self, path: Path, size: int, digest: bytes, progress: Progress, *, sm3: bool
    ) -> None:
        self._check()
        self._client.upload(path, size, digest, progress, sm3=sm3)
        self.uploads.append(digest)

    def file(self, envelopes: Sequence[bytes]) -> list[dict[str, Any]]:
        self._check()
        self.filed += envelopes
        return self._client.file(envelopes)

    def receipt(self, statement: str) -> dict[str, Any]:
        self._check()
        return self._client.receipt(statement)

    def readback(self, digest: bytes, size: int, nonce: bytes) -> bytes | None:
        self._check()
        return self._client.challenge(nonce, size, digest)

    def backup_size(self) -> int | None:
        self._check()
        return None

    def checkpoint(self, label: str) -> bytes:
        self._check()
        return self._client.checkpoint(label)

    def log_file(self, label: str, path: str) -> bytes:
        self._check()
        answer = self.ledger.http.get(f"/log/{label}/{path}")
        if answer.status_code != 200:
            raise Unknown(f"no {path}")
        return answer.content

    def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.cut:
            raise Unavailable("the line is cut")


@dataclass
class Desk:
    """One station with one dock, and who stands before it."""

    folder: Path
    dock: Path
    line: Line
    clock: HandClock
    station: Station
    engine: Engine

    def card(self, name: str = "BWC-310") -> Path:
        root = self.dock / name
        root.mkdir(parents=True, exist_ok=True)
        return root

    def check_out(self, root: Path, device_time: str = "", case: str = "") -> SessionRow:
        return check_out(self.station, root, OFFICERS, case, device_time)

    def record(self, root: Path, path: str | bytes, data: bytes, at_ms: int | None = None) -> Path:
        """A file as a device leaves it, closed at `at_ms` of its clock.

        There at once, as in a dock: a station at work would take one that grows for changed.
        """
        target = Path(os.fsdecode(os.fsencode(root) + b"/" + os.fsencode(path)))
        target.parent.mkdir(parents=True, exist_ok=True)
        mounted = target.parent.stat().st_dev != self.folder.stat().st_dev
        made = target if mounted or target.exists() else self.folder / "being-recorded"
        made.write_bytes(data)
        seconds = (self.clock.wall if at_ms is None else at_ms) / 1000
        os.utime(made, (seconds, seconds))
        return made.replace(target)

    def pull(self, root: Path) -> Path:
        """The device leaves its dock; its card lies beside."""
        away = self.folder / "away"
        away.mkdir(exist_ok=True)
        return root.rename(away / root.name)

    def plug(self, away: Path) -> Path:
        return away.rename(self.dock / away.name)

    def rest(self, seconds: float = 5) -> None:
        self.clock.advance(round(seconds * 1000))

    def settle(self, rounds: int = 12) -> StationView:
        """Steps until nothing more happens: quiet, read, sent, cosigned, read back."""
        last = None
        for _ in range(rounds):
            self.rest()
            self.engine.step()
            if not self.line.cut:
                self.line.ledger.await_quorum()
            seen = view(self.station, self.engine)
            untold = sum(not gap.number for gap in self.gap_rows())
            now = (seen.devices, seen.gaps, seen.waiting, seen.spool_used, untold)
            if now == last and not self.engine.docker.unsettled:
                break
            last = now
        return seen

    def view(self) -> StationView:
        return view(self.station, self.engine)

    def keeps(self, device: str = "BWC-310") -> dict[bytes, tuple[str, ...]]:
        (row,) = [row for row in self.station.store.devices() if row.name == device]
        return keeps(self.station, device, row.docking)

    def gaps(self) -> list[tuple[str, str]]:
        return [(gap.kind, gap.note) for gap in self.gap_rows()]

    def gap_rows(self) -> list[GapRow]:
        return self.station.store.gaps()

    def logged(self) -> list[Statement]:
        return logged(self.station, self.line.ledger)

    def deposited(self) -> list[tuple[str, bytes]]:
        """Name and digest of each file that evidence in the log speaks of."""
        return [
            (subject.name, subject.digest.sha256)
            for statement in self.logged()
            if statement.kind == "evidence"
            for subject in statement.files
        ]


def logged(station: Station, ledger: Ledger) -> list[Statement]:
    """What this station said, as the ledger's logs have it, in their order."""
    rows = ledger.services.store.rows(0, ledger.services.log.number)
    said = [Statement.from_bytes(Envelope.from_bytes(row.envelope).payload) for row in rows]
    mine = {row.id for row in station.store.statements()}
    return [statement for statement in said if statement.id in mine]


def settings(folder: Path, ledger: Ledger, dock: Path, **more: Any) -> Settings:
    key = folder / "station.key"
    key.write_text(STATION.to_text() + "\n")
    usual: dict[str, Any] = {
        "server": BASE,
        "key": str(key),
        "trust": str(ledger.folder / "trust"),
        "agency": AGENCY,
        "docks": (str(dock),),
        "media_facts": False,
        "reserve_bytes": 0,
    }
    return Settings(**usual | more)


HOUR_MS = 3_600_000


def of_one_month(now_ms: int) -> int:
    """A time whose next hour, which a test may let pass, is of one month and year in China.

    In the last hour of a month it is the next one's beginning: a clock that is ahead is of no
    consequence here, and one that is behind what the ledger has said would be told of.
    """
    ends = in_china(now_ms + HOUR_MS)
    if in_china(now_ms).month == ends.month:
        return now_ms
    begins = ends.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return round(begins.timestamp() * 1000)


@contextmanager
def desk(root: Path, ledger: Ledger, line: Line | None = None, **more: Any) -> Iterator[Desk]:
    """Opens the station in `root`, made there if need be."""
    folder, dock = root / "station", root / "dock"
    dock.mkdir(parents=True, exist_ok=True)
    if not (folder / "station.toml").exists():
        StationFolder(folder).make(settings(root, ledger, dock, **more))
    clock = HandClock()
    # The server's own clock runs: a session that begins in another year has another key.
    import time

    clock.wall = of_one_month(time.time_ns() // 1_000_000)
    with open_desk(root, line or Line(ledger), clock) as opened:
        yield opened


@contextmanager
def open_desk(root: Path, line: Line, clock: HandClock, boot: str = BOOT) -> Iterator[Desk]:
    with open_station(root / "station", clock, boot) as station:
        engine = Engine(station, lambda: line)
        engine.reader.clean()
        yield Desk(root, root / "dock", line, clock, station, engine)


def unique(text: str) -> bytes:
    """Bytes that no other test has deposited."""
    return f"{text} {new_id(0)} ".encode() * 50


def shift(office: Desk, *names: str, root: Path | None = None) -> tuple[Path, dict[str, bytes]]:
    """A device is handed out, records, and comes back; where it is then, and what it recorded."""
    root = root or office.card()
    office.check_out(root)
    office.engine.step()
    away = office.pull(root)
    office.engine.step()
    office.rest(600)
    said = {}
    for name in names:
        office.rest(60)
        said[name] = unique(name)
        office.record(away, f"DCIM/100MEDIA/{name}", said[name])
    return away, said


def expected(said: dict[str, bytes]) -> list[tuple[str, bytes]]:
    return sorted((name, digest(data)) for name, data in said.items())
