"""`tiezheng station run`: the engine and its screen, until it is told to stop."""

import signal
import time
from pathlib import Path

from cli import output
from cli.station import screen
from cli.station.engine import Engine
from cli.station.station import Station, open_station
from cli.station.view import view
from storage.folder_lock import FolderLock

PAUSE_S = 0.5
PATIENCE_S = 8.0  # with --once: as long as nothing changes


def run_station(folder: str, once: bool, as_json: bool) -> int:
    with open_station(Path(folder)) as station, FolderLock(station.folder.lock):
        engine = Engine(station)
        try:
            with screen.opened(as_json) as shown:
                if once:
                    return _once(station, engine, shown)
                _until_stopped(station, engine, shown)
        finally:
            engine.sender.close()
    return output.Exit.DONE


def _until_stopped(
    station: Station, engine: Engine, shown: screen.Lines | screen.JsonLines | screen.Screen
) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: engine.stop())
    engine.run(lambda: shown.show(view(station, engine)))


def _once(
    station: Station, engine: Engine, shown: screen.Lines | screen.JsonLines | screen.Screen
) -> int:
    engine.reader.clean()
    patience = PATIENCE_S + station.settings.quiet_seconds
    last, since = None, time.monotonic()
    while True:
        engine.step()
        seen = view(station, engine)
        shown.show(seen)
        if seen.done:
            return output.Exit.DONE
        now = (seen.devices, seen.waiting, seen.gaps)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > patience:
            return output.Exit.UNDECIDED
        time.sleep(PAUSE_S)
