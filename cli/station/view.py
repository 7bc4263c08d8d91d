"""What a station has to say at one moment, as values: for the screen, the lines and the JSON."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from cli.station.docking import LOOKED
from cli.station.engine import Engine
from cli.station.problems import APART
from cli.station.reading import Spool, keeps
from cli.station.station import Station, newest
from ledger.encoding import format_time, printable
from storage.folder_lock import is_locked
from storage.station_sqlite import DeviceRow, FileRow, GapRow, SessionRow

REFUSED = 20
DEFECT_MS = 24 * 3_600_000  # a gap that nobody has explained by then


@dataclass(frozen=True, slots=True, kw_only=True)
class GapView:
    """`state` is open, waiting (explained, not logged), explained, or refused."""

    number: int
    device: str
    kind: str
    note: str
    at: str
    state: str
    cause: str
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """`kept` are reasons against wiping with the number of files; `delay_s` from dock to quorum.

    `bytes_read` counts both readings, `bytes_moved` all that was read since the run began.
    """

    name: str
    state: str
    unplug: bool
    wipe: bool
    session: str
    officers: list[str]
    files: int
    read: int
    logged: int
    proven: int
    wiped: int
    bytes: int
    bytes_read: int
    bytes_moved: int
    kept: dict[str, int]
    problem: str
    delay_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StationView:
    """`waiting` statements have no quorum yet; the oldest was signed `waiting_s` ago.

    `online` is None where no engine runs that would know. `live` is whether this was seen by the
    engine that watches the docks; else it is what was stored at its last look, at `looked` or
    some seconds later, and nothing in it tells what stands there now. `running` is whether any
    engine runs.
    """

    at: str
    live: bool
    looked: str
    running: bool
    online: bool | None
    why: str
    clock_back_ms: int
    wipes: bool
    spool_used: int
    spool_limit: int
    waiting: int
    waiting_s: int
    backup: int
    refused: list[str]
    devices: list[DeviceView]
    gaps: list[GapView]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def done(self) -> bool:
        """Nothing is under way, and nothing waits for anybody but a person."""
        at_rest = ("out", "away", "wiped", "empty", *(() if self.wipes else ("wipe",)))
        return not self.waiting and all(device.state in at_rest for device in self.devices)


def view(station: Station, engine: Engine | None = None) -> StationView:
    store, now = station.store, station.clock.now_ms()
    waiting, since_ms = store.waiting()
    spool = engine.spool if engine is not None else Spool(station)
    devices = [_device(station, engine, row) for row in store.devices()]
    return StationView(
        at=format_time(now),
        live=engine is not None,
        looked=_looked(station),
        running=engine is not None or is_locked(station.folder.lock),
        online=engine.sender.online if engine is not None else None,
        why=_why(engine),
        clock_back_ms=station.clock.back_ms(),
        wipes=station.settings.wipe,
        spool_used=spool.used(),
        spool_limit=spool.limit(),
        waiting=waiting,
        waiting_s=max(now - since_ms, 0) // 1000 if waiting else 0,
        backup=(engine.sender.backup or 0) if engine is not None else 0,
        refused=[f"{row.id}: {printable(row.problem)}" for row in store.refusals(REFUSED)],
        devices=devices,
        gaps=[_gap(station, gap, now) for gap in store.gaps_to_show()],
    )


def _looked(station: Station) -> str:
    looked_ms = station.store.fact(LOOKED)
    return format_time(int(looked_ms)) if looked_ms else ""


def _why(engine: Engine | None) -> str:
    if engine is None:
        return ""
    parts = [engine.sender.why]
    parts += [engine.errors.get(part, "") for part in ("scanning", "sending")]
    names = {row.name for row in engine.station.store.devices()}
    parts += [text for part, text in engine.docker.problems.items() if part not in names]
    return printable(APART.join(part for part in parts if part))


def _device(station: Station, engine: Engine | None, row: DeviceRow) -> DeviceView:
    store = station.store
    session = store.last_session(row.name)
    everything = store.live_files(row.name)
    named = {file.session for file in everything} | ({session.id} if session else set())
    said = [standing for id_ in named for standing in store.standings(id_)]
    files = [file for file in newest(everything).values() if not file.gone or file.wiped]
    here = [file for file in files if not file.wiped]
    kept = Counter(why for whys in keeps(station, row.name, row.docking).values() for why in whys)
    logged = {s.id for s in said if s.quorum_s}
    problem = _problem(engine, row, here)
    state = _state(engine, row, session, files, bool(kept), problem)
    own = [s for s in said if session is not None and s.session == session.id and s.quorum_s]
    delay = max((s.quorum_s * 1000 - session.docked_ms for s in own), default=0) if session else 0
    read = sum(file.size for file in here if file.sha256)
    read += sum(file.size for file in here if file.proven == row.docking)
    under_way = engine.reader.under_way.get(row.name, 0) if engine is not None else 0
    return DeviceView(
        name=row.name,
        state=state,
        # What is stored says nothing of a card that was changed or filled since.
        unplug=engine is not None and state in ("unplug", "wipe", "wiped", "empty"),
        wipe=engine is not None and state in ("wipe", "wiped", "empty"),
        session=session.id if session is not None else "",
        officers=list(session.officers) if session is not None else [],
        files=len(files),
        read=sum(bool(file.sha256) for file in files),
        logged=sum(file.statement in logged for file in files),
        proven=sum(file.proven == row.docking for file in here),
        wiped=len(files) - len(here),
        bytes=sum(file.size for file in here),
        bytes_read=read + (under_way if state in ("reading", "comparing") else 0),
        bytes_moved=engine.moved.get(row.name, 0) if engine is not None else 0,
        kept=dict(sorted(kept.items())),
        problem=problem,
        delay_s=max(delay, 0) // 1000 if session is not None and session.docked_ms else 0,
    )


def _problem(engine: Engine | None, row: DeviceRow, here: list[FileRow]) -> str:
    if engine is None:
        return ""
    device = row.name
    unread = sum((file.id, row.docking) in engine.reader.unreadable for file in here)
    parts = (
        f"{unread} files cannot be read: unplug it to try again" if unread else "",
        engine.docker.problems.get(device, ""),
        engine.errors.get(device, ""),
        engine.reader.waiting.get(device, ""),
    )
    return printable(APART.join(dict.fromkeys(part for part in parts if part)))


def _state(
    engine: Engine | None,
    row: DeviceRow,
    session: SessionRow | None,
    files: list[FileRow],
    kept: bool,
    problem: str,
) -> str:
    here = [file for file in files if not file.wiped]
    if session is not None and not session.docked_ms:
        return "out"
    if not row.present:
        return "away"
    if problem and (engine is None or row.name not in engine.reader.waiting):
        return "stopped"
    if engine is not None and row.name in engine.docker.unsettled:
        return "settling"
    if session is None:
        # Never handed out, and looked at: there is nothing on it.
        return "settling" if engine is None else "empty"
    if engine is not None and row.name in engine.reader.waiting:
        return "waiting"
    if not all(file.sha256 and not file.changed for file in here):
        return "reading"
    if not all(file.proven == row.docking for file in here):
        return "comparing"
    if engine is not None and row.name in engine.docker.restless:
        return "settling"  # what is listed is safe, and more is coming
    if kept:
        return "unplug"
    if here:
        return "wipe"
    # What somebody else has deleted was not wiped by us.
    return "wiped" if files else "empty"


def _gap(station: Station, gap: GapRow, now: int) -> GapView:
    device = station.store.session(gap.session).device
    explained = station.store.statement(gap.explained) if gap.explained else None
    if explained is None:
        state = "open"
    elif explained.problem:
        state = "refused"
    else:
        state = "explained" if explained.answer else "waiting"
    return GapView(
        number=gap.id,
        device=device,
        kind=gap.kind,
        note=printable(gap.note),
        at=format_time(gap.at_ms),
        state=state,
        cause=gap.cause,
        overdue=state in ("open", "refused") and now - gap.at_ms > DEFECT_MS,
    )
