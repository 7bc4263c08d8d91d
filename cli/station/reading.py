"""Reading a device: into the spool, a second time to compare, and at last the wiping.

The first reading copies a file into the spool and digests it on the way. The second reads
the device's own bytes again, past the page cache where the system lets go of it, and digests
them beside a nonce: what the ledger answers to that nonce later must be the same. Only then,
with everything else that `may_wipe` wants, and only if the settings say so, is a file deleted.
"""

import errno
import mmap
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from api.ids import new_id
from cli.station import card, statements
from cli.station.card import Found
from cli.station.media import MediaFacts, media_facts
from cli.station.station import Station, check_out_of, newest, read_clock, reasons
from ledger import abreast, suite
from ledger.abreast import AHEAD, Piece
from ledger.errors import Full, Rejected, Unavailable
from ledger.evidence.chunks import ItemDigest, ItemHasher
from ledger.evidence.envelope import Envelope
from ledger.evidence.session import GapKind
from ledger.evidence.statement import Statement
from storage.durable import PRIVATE_FILE, open_new, refusals, set_direct, sync_folder
from storage.station_sqlite import FileRow, SessionRow, Standing, new_statement

PIECE = 1 << 20
NONCE = 32
LEAST_RESERVE = 64 << 20  # the largest manifest on its way: without room for it nothing is sent
MEDIA_MS = 300_000  # of one session

Progress = Callable[[str, int], None]  # device, bytes


class Unreadable(Unavailable):
    """The device, not the station's own disk, would not do its part."""


class Spool:
    """How much of the station's disk is taken by files on their way."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._lock = threading.Lock()
        self._coming: dict[int, int] = {}

    def used(self) -> int:
        return self._station.store.spool_used()

    def limit(self) -> int:
        settings = self._station.settings
        space = os.statvfs(self._station.folder.spool)
        # A disk without room for the station's own state would bring all to a stand, sending too.
        reserve = max(settings.reserve_bytes, LEAST_RESERVE)
        room = self.used() + max(space.f_bavail * space.f_frsize - reserve, 0)
        return min(settings.spool_bytes or room, room)

    def reserve(self, file: FileRow) -> None:
        """Raises `Full` if there is no room for it now."""
        with self._lock:
            limit, most = self.limit(), self._station.settings.spool_bytes
            if 0 < most < file.size:
                shown = card.show(file.path)
                text = f"{shown!r} has {file.size} bytes, and the whole spool is for {most}"
                raise Full(f"{text}: raise spool_bytes")
            room = limit - self.used() - sum(self._coming.values())
            if file.size > room:
                raise Full(f"no room in the spool: want {file.size} bytes, have {max(room, 0)}")
            self._coming[file.id] = file.size

    def settle(self, file: FileRow) -> None:
        with self._lock:
            self._coming.pop(file.id, None)


class Reader:
    """All devices share one; each is read by one thread at a time."""

    def __init__(self, station: Station, spool: Spool, progress: Progress) -> None:
        self._station = station
        self._store = station.store
        self._spool = spool
        self._progress = progress
        self.unreadable: set[tuple[int, int]] = set()  # file and docking
        self._planning = threading.Lock()
        self._spent_ms: dict[str, int] = {}  # by session, on facts about media
        self.stop = threading.Event()
        self.waiting: dict[str, str] = {}
        self.under_way: dict[str, int] = {}  # bytes of the file that is being read

    def clean(self) -> None:
        """Before anything else: what a run that was killed had begun to copy."""
        for path in self._station.folder.spool.glob(".new-*"):
            path.unlink(missing_ok=True)

    def read(self, device: str, root: Path, *, whole: bool = True) -> None:
        """As far as it goes now; raises `Unavailable` if the device goes away.

        A card that is not listed as a `whole` is not wiped.
        """
        (row,) = [row for row in self._store.devices() if row.name == device]
        self.waiting.pop(device, None)
        mount = card.mount_id(root)
        try:
            self._fill(device, root, row.docking)
        finally:
            self.plan(device)
        self._again(device, root, row.docking)
        self.under_way.pop(device, None)
        if self._station.settings.wipe and whole:
            self._wipe(device, root, row.docking, mount)

    # --- first reading -----------------------------------------------------------------------

    def _fill(self, device: str, root: Path, docking: int) -> None:
        for file in self._store.live_files(device):
            if file.sha256 or file.gone or file.wiped or file.changed:
                continue
            if (file.id, docking) in self.unreadable:
                continue
            try:
                self._spool.reserve(file)
                self._copy(root, file, docking)
            except Full as error:
                self.waiting[device] = str(error)  # a smaller one may find room
            finally:
                self._spool.settle(file)

    def _copy(self, root: Path, file: FileRow, docking: int) -> None:
        temporary = self._station.folder.spool / f".new-{secrets.token_hex(8)}"
        changed = False
        digest: ItemDigest | None = None
        try:
            with card.open_file(root, _found(file)) as fd, refusals("write to the spool"):
                with open_new(temporary, PRIVATE_FILE) as out:
                    digest = self._digest(fd, out, file)
                    os.fsync(out)
                changed = _is_other(fd, file, digest)
        except Rejected:
            changed = True
        except Unreadable as error:
            temporary.unlink(missing_ok=True)
            self._skip(root, file, docking, error)
            return
        except Unavailable:
            temporary.unlink(missing_ok=True)
            raise
        if digest is not None:
            self._keep(file, temporary, digest)
        if changed:
            self._store.changed(
                file, GapKind.FILE_CHANGED, card.note(file.path), self._station.clock.now_ms()
            )

    def _digest(self, fd: int, out: int, file: FileRow) -> ItemDigest:
        hasher = ItemHasher(sm3=self._station.settings.sm3)
        write = SpoolWriter(out).write
        self.under_way[file.device] = 0

        def keep(piece: Piece) -> None:
            write(memoryview(piece))
            self._count(file.device, len(piece))

        abreast.feed(self._pieces(fd, file.size), (*hasher.parts, keep))
        return hasher.finish()

    def _keep(self, file: FileRow, temporary: Path, digest: ItemDigest) -> None:
        """Into its place in the spool; a version whose bytes are known already is none."""
        for known in self._store.files(session=file.session, path=file.path):
            same = (known.sha256, known.size) == (digest.sha256, digest.size)
            if same and known.id != file.id and not known.wiped and not known.changed:
                temporary.unlink()
                self._store.same(file, known)
                return
        with refusals("keep a file in the spool"):
            temporary.replace(self._station.spool_file(file))
            sync_folder(self._station.folder.spool)
        self._store.spooled(file.id, digest)

    def _skip(self, root: Path, file: FileRow, docking: int, error: Unavailable) -> None:
        """A file that cannot be read holds up no other; a card that is gone holds up all."""
        with card.opened(root):
            pass
        if not _is_there(root, file):
            raise error
        self.unreadable.add((file.id, docking))
        now = self._station.clock.now_ms()
        self._store.add_gap(file.session, GapKind.UNREADABLE, card.note(file.path), now)

    # --- second reading ----------------------------------------------------------------------

    def _again(self, device: str, root: Path, docking: int) -> None:
        for file in newest(self._store.live_files(device)).values():
            if (
                file.sha256
                and file.proven != docking
                and not (file.changed or file.gone or file.wiped)
            ):
                self._reread(root, file, docking)

    def _reread(self, root: Path, file: FileRow, docking: int) -> None:
        nonce = secrets.token_bytes(NONCE)
        self._store.challenge(file.id, nonce)
        plain, challenged = suite.new_digest(), suite.new_digest()
        challenged.update(nonce)
        try:
            with card.open_file(root, _found(file)) as fd:
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                self.under_way[file.device] = 0
                takers = (
                    plain.update,
                    challenged.update,
                    lambda piece: self._count(file.device, len(piece)),
                )
                abreast.feed(self._pieces(fd, file.size), takers)
                card.check_same(_found(file), os.fstat(fd))
        except Rejected:
            found = b""
        except Unreadable as error:
            self._skip(root, file, docking, error)
            return
        else:
            found = plain.digest()
        if found != file.sha256:
            self._store.reread(file, nonce, found, b"", 0)
            now = self._station.clock.now_ms()
            self._store.changed(file, GapKind.FILE_CHANGED, card.note(file.path), now)
            return
        self._store.reread(file, nonce, found, challenged.digest(), docking)

    def _pieces(self, fd: int, size: int) -> Iterator[memoryview]:
        """At most as much as was listed: a file may grow for ever.

        Each is good until the `AHEAD`th after it has been asked for, and full but for the last.
        """
        left = size
        room = min(PIECE, max(size, 1))
        # Page-aligned, as a disk that is written past the page cache wants them.
        for buffer in cycle([memoryview(mmap.mmap(-1, room)) for _ in range(AHEAD + 1)]):
            if not left:
                return
            if self.stop.is_set():
                raise Unavailable("stopped while reading")
            count = _fill(fd, buffer[:left])
            if not count:
                return
            left -= count
            yield buffer[:count]

    def _count(self, device: str, count: int) -> None:
        self.under_way[device] = self.under_way.get(device, 0) + count
        self._progress(device, count)

    # --- statements --------------------------------------------------------------------------

    def plan(self, device: str) -> None:
        """Signs a statement for each recording whose files are all in the spool."""
        with self._planning:
            for session in self._store.sessions_to_plan(device):
                self._plan(session)

    def _plan(self, session: SessionRow) -> None:
        files = self._store.files(session=session.id)
        by_path: dict[bytes, list[FileRow]] = {}
        for file in files:
            by_path.setdefault(file.path, []).append(file)
        ahead = self._ahead(session)
        for paths in statements.group(list(by_path)):
            members = [by_path[path] for path in paths]
            first = [versions[0] for versions in members]
            if any(_is_awaited(file) for file in first):
                continue
            self._sign(
                session, [file for file in first if file.sha256 and not file.statement], ahead
            )
            # Each further version of a file stands alone, beside the one before.
            for versions in members:
                for file in versions[1:]:
                    if file.sha256 and not file.statement:
                        self._sign(session, [file], ahead)

    def _sign(self, session: SessionRow, files: list[FileRow], ahead: int | None) -> None:
        if not files:
            return
        station, now = self._station, self._station.clock.now_ms()
        # The bytes of a file that is gone from the spool are the ledger's already.
        path = station.spool_file(files[0])
        facts = self._facts(session.id, path)
        id_ = new_id(now)
        digests = [
            (file, ItemDigest(size=file.size, sha256=file.sha256, chunks=file.chunks, sm3=file.sm3))
            for file in files
        ]
        envelope = statements.evidence(
            id_, station.common(), session, digests, facts, ahead, station.keys
        )
        row = new_statement(id_, session.id, "evidence", envelope, now)
        self._store.plan(row, [file.id for file in files])

    def _facts(self, session: str, path: Path) -> MediaFacts | None:
        """Nothing once a session has cost too much of everybody's time: its card may mean it so."""
        spent, clock = self._spent_ms.get(session, 0), self._station.clock
        if not self._station.settings.media_facts or spent >= MEDIA_MS:
            return None
        began = clock.steady_ms()
        facts = media_facts(path)
        self._spent_ms[session] = spent + clock.steady_ms() - began
        return facts

    def _ahead(self, session: SessionRow) -> int | None:
        """The device's clock as measured at the dock, else at check-out."""
        said = self._store.told(session.id)
        for row in said:
            if row.kind == "dock":
                predicate = Statement.from_bytes(
                    Envelope.from_bytes(row.envelope).payload
                ).predicate
                if "clock" in predicate:
                    return read_clock(predicate["clock"])
        out = check_out_of(session, said)
        return out.ahead_ms if out is not None else None

    # --- wiping ------------------------------------------------------------------------------

    def _wipe(self, device: str, root: Path, docking: int, mount: int) -> None:
        keep = keeps(self._station, device, docking)
        for path, file in newest(self._store.live_files(device)).items():
            if file.wiped or file.gone or keep.get(path):
                continue
            if card.mount_id(root) != mount:
                return  # another card by now: the next scan looks at it
            try:
                card.remove(root, _found(file))
            except Rejected:
                continue  # another file by now: the next scan looks at it
            self._store.wiped(file.id)


def keeps(station: Station, device: str, docking: int) -> dict[bytes, tuple[str, ...]]:
    """Why each path on the device is not to be deleted; empty reasons for those that may be."""
    store = station.store
    found: dict[bytes, tuple[str, ...]] = {}
    said: dict[str, Standing] = {}
    logged: dict[str, bool] = {}
    files = store.live_files(device)
    latest = newest(files)
    untold = {gap.session for gap in store.gaps_to_tell(device)}
    for session in {file.session for file in files}:
        rows = store.standings(session)
        said |= {row.id: row for row in rows}
        told = [row for row in rows if row.kind in ("check_out", "dock")]
        logged[session] = session not in untold and all(row.receipted for row in told)
    for file in files:
        if latest[file.path].gone or latest[file.path].wiped:
            continue
        # A version that a later session overtook stood on its own; one that changed did not.
        if file.session == latest[file.path].session:
            why = reasons(file, docking, said, logged[file.session])
            found[file.path] = tuple(dict.fromkeys((*found.get(file.path, ()), *map(str, why))))
    return found


class SpoolWriter:
    """Past the page cache as far as that goes: the copy into it costs more than all digests."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._direct = set_direct(out, True)

    def write(self, piece: memoryview) -> None:
        while piece:
            try:
                piece = piece[os.write(self._out, piece) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not self._direct:
                    raise
                # A tail that fills no block, or a disk that wants larger ones.
                self._direct = set_direct(self._out, False)


def _fill(fd: int, buffer: memoryview) -> int:
    """As much as the file still has; how much that was."""
    filled = 0
    try:
        while filled < len(buffer) and (count := os.readv(fd, [buffer[filled:]])):
            filled += count
    except OSError as error:
        raise _not_given(error) from None
    return filled


def _not_given(error: OSError) -> Unreadable:
    return Unreadable(f"the device does not give its bytes: {error.strerror}")


def _is_awaited(file: FileRow) -> bool:
    """It may still come into the spool."""
    return not (file.sha256 or file.gone or file.changed)


def _found(file: FileRow) -> Found:
    return Found(file.path, file.size, file.mtime_ns, file.ino)


def _is_other(fd: int, file: FileRow, digest: ItemDigest) -> bool:
    try:
        card.check_same(_found(file), os.fstat(fd))
        return digest.size != file.size or bool(os.read(fd, 1))
    except Rejected:
        return True
    except OSError as error:
        raise _not_given(error) from None


def _is_there(root: Path, file: FileRow) -> bool:
    try:
        return any(found.path == file.path for found in card.list_card(root).files)
    except Unavailable:
        return False
