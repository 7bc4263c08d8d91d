"""The engine of `tiezheng station run`: one thread scans, one sends, one reads each device.

They share nothing but the store, where each step is durable before another rests on it. So any
of them may be cut off anywhere, and the next run goes on from what is stored. `step` does the
same in one thread, as far as it goes now.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from cli.station.docking import Docker
from cli.station.ledger import HttpLedger, Ledger
from cli.station.reading import Reader, Spool
from cli.station.sending import Sender
from cli.station.station import Station
from ledger.errors import LedgerError

Tell = Callable[[], None]


class Engine:
    """`errors` are the last of each device and part; `moved` counts bytes read, by device."""

    def __init__(self, station: Station, connect: Callable[[], Ledger] | None = None) -> None:
        self.station = station
        self.errors: dict[str, str] = {}
        self.moved: dict[str, int] = {}
        self.sent = 0
        self.spool = Spool(station)
        self.docker = Docker(station)
        self.reader = Reader(station, self.spool, self._count_read)
        self.sender = Sender(station, connect or self._connect, self._count_sent)
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._busy: dict[str, threading.Thread] = {}
        self._unattended = False
        self._tell_at = 0.0

    def step(self) -> None:
        """Each part once, in one thread."""
        self._try("scanning", self.docker.scan)
        for device, root in self.docker.present.items():
            self._read(device, root)
        self._try("sending", self._plan_and_send)

    def run(self, tell: Tell) -> None:
        """Until `stop`; `tell` is called after each scan and at least every second."""
        self._unattended = self.docker.unattended = True
        self.reader.clean()
        threads = [threading.Thread(target=self._send_on, name="sending")]
        threads.append(threading.Thread(target=self._watch, name="watching", daemon=True))
        for thread in threads:
            thread.start()
        try:
            while not self._stop.is_set():
                self._try("scanning", self.docker.scan)
                self._begin_reading()
                self._wait(tell)
        finally:
            self.stop()
            for thread in [threads[0], *self._busy.values()]:
                thread.join()

    def stop(self) -> None:
        """Soon: a file that is being read or sent is left where it is."""
        self._stop.set()
        self.reader.stop.set()
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def _wait(self, tell: Tell) -> None:
        """A rescan every few seconds is the truth; whoever wakes us only makes it sooner."""
        for _ in range(max(self.station.settings.rescan_seconds, 1)):
            self._tell(tell)
            if self._wake.wait(1):
                self._wake.clear()
                # A card that is being filled wakes us at each write.
                self._stop.wait(0.2)
                return

    def _tell(self, tell: Tell) -> None:
        """Not more often than it is worth: a card of 100,000 files is long to look at."""
        began = time.monotonic()
        if began >= self._tell_at:
            tell()
            self._tell_at = began + 10 * (time.monotonic() - began)

    def _begin_reading(self) -> None:
        for device, root in self.docker.present.items():
            thread = self._busy.get(device)
            if thread is None or not thread.is_alive():
                self._busy[device] = threading.Thread(target=self._read, args=(device, root))
                self._busy[device].start()

    def _read(self, device: str, root: Path) -> None:
        if device not in self.docker.unsettled:
            whole = device not in self.docker.partial
            self._try(device, partial(self.reader.read, device, root, whole=whole))

    def _send_on(self) -> None:
        while not self._stop.wait(1):
            self._try("sending", self._plan_and_send)

    def _plan_and_send(self) -> None:
        # What a device left behind when it was pulled is signed and sent all the same.
        for row in self.station.store.devices():
            if row.name not in self.docker.present:
                self.reader.plan(row.name)
        self.sender.send()

    def _watch(self) -> None:
        """Only a wake-up: where it does not work, the rescan does."""
        from watchfiles import watch

        docks = [dock for dock in self.station.settings.docks if Path(dock).is_dir()]
        with suppress(Exception):
            for _ in watch(*docks, stop_event=self._stop, raise_interrupt=False):
                self._wake.set()

    def _try(self, part: str, act: Callable[[], None]) -> None:
        """A device that is pulled, or a disk that is full, ends this attempt and nothing else."""
        try:
            act()
            self.errors.pop(part, None)
        except LedgerError as error:
            self.errors[part] = str(error)
        except Exception as error:
            if not self._unattended:
                raise
            # Shown until it is gone: a fault of ours in one part must not end the others.
            self.errors[part] = f"a fault of the program: {type(error).__name__}: {error}"

    def _connect(self) -> Ledger:
        station = self.station
        label = station.log.label
        settings = station.settings
        return HttpLedger(
            settings.server,
            station.key,
            label,
            station.store,
            self._stop,
            direct=settings.direct,
        )

    def _count_read(self, device: str, count: int) -> None:
        self.moved[device] = self.moved.get(device, 0) + count

    def _count_sent(self, count: int) -> None:
        self.sent += count
