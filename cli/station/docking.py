"""Scanning: which devices are there, what is on them, and the manifest that is signed first.

A device counts as read to its end only when its listing has stood still for a while. Then
all that is new on it is named in a signed manifest, with what does not add up, and both are
durable before a byte is transferred.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from api.ids import new_id
from cli.station import card, statements
from cli.station.card import Card, Found, Listing
from cli.station.clock import BACK
from cli.station.reading import keeps
from cli.station.station import Station, check_out_of, newest
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.session import FAT_MS, CheckOut, Dock, Gap, GapKind, Manifest, find_gaps
from ledger.suite import digest
from storage.station_sqlite import FileRow, SessionRow, new_statement

UNSETTLED_MS = 60_000  # after this the files that do stand still are taken
MAX_ODD = 50
QUARTER_MS = 900_000  # zones differ by whole quarters of an hour
MAX_FOUND, MAX_TOLD = 300, 100  # gaps of one statement, which is at most 704 KiB
UNDELIVERED_MS = 24 * 3_600_000
MAX_CHANGES = 4
LOOKED = "looked_ms"  # when all docks were last looked at
KEEP_LOOKED_MS = 10_000
UNKNOWN_CARD = Card("unknown", weak=True)


@dataclass(slots=True)
class Seen:
    """What the last scans of a device saw. `since` is when each file was last another."""

    first_ms: int
    since: dict[bytes, tuple[Found, int]] = field(default_factory=dict)


class Docker:
    """`problems` are those of the last scan, by device or dock."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._store = station.store
        self._seen: dict[str, Seen] = {}
        self.present: dict[str, Path] = {}
        self.problems: dict[str, str] = {}
        self.unsettled: set[str] = set()
        self.restless: set[str] = set()  # with files that are not to be listed yet
        self.partial: set[str] = set()
        self.unattended = False
        self._begun = False
        self._mounts: dict[str, int] = {}
        self._looked_ms: int | None = None

    def scan(self) -> None:
        """One look at all docks."""
        clock = self._station.clock
        clock.look()
        if not self._begun:
            self._store.unwatched(clock.now_ms())
            self._begun = True
        self.problems = {}
        found = self._find()
        mounts = {name: card.mount_id(root) for name, root in found.items()}
        for row in self._store.devices():
            # A card that was changed for its clone between two looks is another docking too.
            known = self._mounts.get(row.name)
            if row.present and (row.name not in found or known not in (None, mounts[row.name])):
                self._store.left(row.name, clock.now_ms())
                self._seen.pop(row.name, None)
        self._mounts = mounts
        for name in self._seen.keys() - found.keys():
            del self._seen[name]
            self.unsettled.discard(name)
            self.restless.discard(name)
        for name, root in found.items():
            self._store.arrived(name, clock.now_ms())
            try:
                self._look(name, root)
            except LedgerError as error:
                self.problems[name] = str(error)
            except Exception as error:
                if not self.unattended:
                    raise
                # One card that finds a fault of ours must not hold up the others.
                self.problems[name] = f"a fault of the program: {type(error).__name__}: {error}"
        self.present = found
        self._miss_undelivered()
        self._keep_looked()

    def _keep_looked(self) -> None:
        """For whoever asks later, when nobody watches."""
        clock = self._station.clock
        steady = clock.steady_ms()
        if self._looked_ms is None or steady - self._looked_ms >= KEEP_LOOKED_MS:
            self._store.keep_facts({LOOKED: str(clock.now_ms())})
            self._looked_ms = steady

    def _find(self) -> dict[str, Path]:
        """Of two with one name the one that was there before is read, and neither is safe."""
        found: dict[str, Path] = {}
        for dock in self._station.settings.docks:
            try:
                roots = card.devices(Path(dock))
            except Unavailable as error:
                self.problems[dock] = str(error)
                continue
            for root in roots:
                try:
                    name = card.identify(root, self._station.settings.identity_file)
                except LedgerError as error:
                    self.problems[str(root)] = str(error)
                    continue
                if name in found:
                    self.problems[name] = f"two devices in the docks are named {name!r}"
                    if root != self.present.get(name):
                        continue
                found[name] = root
        return found

    def _look(self, name: str, root: Path) -> None:
        listing = card.list_card(root)
        quiet = self._quiet(name, listing)
        if quiet is None or len(quiet) < len(listing.files):
            self.restless.add(name)
        else:
            self.restless.discard(name)
        if quiet is None:
            self.unsettled.add(name)
            return
        self.unsettled.discard(name)
        self.partial.discard(name)
        if not listing.whole:
            self.partial.add(name)
            self.problems[name] = "there is more on it than can be listed"
        self._take(name, root, replace(listing, files=quiet))

    def _quiet(self, name: str, listing: Listing) -> tuple[Found, ...] | None:
        """The files to take now, or None while the card still changes."""
        now = self._station.clock.steady_ms()
        wait = 1000 * self._station.settings.quiet_seconds
        seen = self._seen.setdefault(name, Seen(now))
        since = {}
        for found in listing.files:
            before = seen.since.get(found.path)
            since[found.path] = before if before and before[0] == found else (found, now)
        seen.since = since
        if now - seen.first_ms < wait:
            return None
        quiet = tuple(found for found, at in since.values() if now - at >= wait)
        if len(quiet) < len(since) and now - seen.first_ms < UNSETTLED_MS:
            return None
        return quiet

    def _take(self, name: str, root: Path, listing: Listing) -> None:
        store, now = self._store, self._station.clock.now_ms()
        (device,) = [row for row in store.devices() if row.name == name]
        rows = store.live_files(name)
        known = newest(rows)
        tired = self._tired(name, rows)
        new = [
            found
            for found in listing.files
            if found.path not in tired and _is_new(known.get(found.path), found)
        ]
        shifted = [found for found in new if _is_shifted(known.get(found.path), found)]
        fresh = [found for found in new if found not in shifted]
        session = self._session(name, device.docking, listing, fresh)
        if session is None:
            return
        unread = [found for found in shifted if not known[found.path].sha256]
        store.moved([(known[f.path].id, f.mtime_ns, f.ino) for f in unread])
        new = [found for found in new if found not in unread]
        store.seen(_seen_again(known, listing))
        everything = {found.path for found, _ in self._seen[name].since.values()}
        missing = [
            row
            for path, row in known.items()
            if path not in everything and not row.gone and not row.wiped
        ]
        if listing.whole and missing:
            self._miss(name, device.docking, missing)
        for row in (known[f.path] for f in new if f.path in known):
            if not (row.sha256 or row.gone or row.wiped or row.changed):
                # It was listed, and is another before anybody has read it.
                store.changed(row, GapKind.FILE_CHANGED, card.note(row.path), now)
        for path in _some(listing.odd):
            if session.docked_ms:
                store.add_gap(session.id, GapKind.UNREADABLE, path, now)
        untold = [gap for gap in store.gaps(session.id) if not gap.number]
        if new or untold or not session.docked_ms:
            self._dock(session, device.docking, root, listing, new)
        for other in dict.fromkeys(gap.session for gap in store.gaps_to_tell(name)):
            if other != session.id:
                self._tell_again(store.session(other))  # what it lost is seen only now

    def _miss_undelivered(self) -> None:
        """A file that was listed and has not come for a day is missing, wherever its device is."""
        clock = self._station.clock
        overdue = self._store.overdue_files(clock.now_ms() - UNDELIVERED_MS)
        if not overdue:
            return
        noted = [(row, card.note(row.path)) for row in overdue]
        self._store.gone(noted, GapKind.FILE_GONE, clock.now_ms())
        for session in dict.fromkeys(row.session for row in overdue):
            self._tell_again(self._store.session(session))

    def _miss(self, name: str, docking: int, missing: Sequence[FileRow]) -> None:
        """Files that are not on the card any more."""
        keep = keeps(self._station, name, docking)
        proven = [row for row in missing if not keep.get(row.path, ("",))]
        for row in proven if self._station.settings.wipe else []:
            # Deleted by a run that was killed before it could write it down.
            self._store.wiped(row.id)
        gone = [row for row in missing if not (self._station.settings.wipe and row in proven)]
        noted = [(row, card.note(row.path)) for row in gone]
        self._store.gone(noted, GapKind.FILE_GONE, self._station.clock.now_ms())

    def _tired(self, name: str, rows: Sequence[FileRow]) -> set[bytes]:
        """Files that were another at each reading: as many versions are enough."""
        times = Counter((row.path, row.session) for row in rows if row.changed)
        tired = {path for (path, _), count in times.items() if count >= MAX_CHANGES}
        if tired:
            self.problems[name] = f"{card.show(min(tired))!r} changes each time it is read"
        return tired

    def _session(
        self, name: str, docking: int, listing: Listing, new: Sequence[Found]
    ) -> SessionRow | None:
        """The session that the card belongs to now; None if there is nothing to do."""
        last = self._store.last_session(name)
        if last is not None and not last.docked_ms:
            here = last.given.get("docking") == docking
            if here and last.given.get("listing") == listing_text(listing):
                return None  # handed out, and still standing where it stood
            return last
        if last is not None and (not new or last.docking == docking):
            return last
        if not new:
            return None
        now = self._station.clock.now_ms()
        return SessionRow(
            id=new_id(now),
            device=name,
            given={},
            officers=(),
            case="",
            began_ms=now,
            docked_ms=0,
            docking=docking,
        )

    def _dock(
        self,
        session: SessionRow,
        docking: int,
        root: Path,
        listing: Listing,
        new: Sequence[Found],
    ) -> None:
        station, now = self._station, self._station.clock.now_ms()
        said = self._store.told(session.id)
        out = check_out_of(session, said)
        ahead = self._measured(root, now)
        manifest = statements.manifest(
            session.device,
            (card.identify_card(root) or UNKNOWN_CARD).id,
            now,
            listing.files,
            listing.used if listing.mounted else None,
        )
        back_ms = station.clock.back_ms()
        gaps = self._gaps(session, manifest, ahead, back_ms, out, listing)
        fields = {"clock": statements.clock_field(ahead)} if ahead is not None else {}
        self._say(
            replace(session, docked_ms=session.docked_ms or now, docking=docking),
            manifest,
            gaps,
            new,
            fields,
            first=not said,
            facts={BACK: "0"} if back_ms else {},
        )

    def _tell_again(self, session: SessionRow) -> None:
        """The gaps of a session that nobody has told yet, with its last manifest."""
        docks = [s for s in self._store.told(session.id) if s.kind == "dock"]
        manifest = Manifest.from_bytes(docks[-1].manifest)
        self._say(session, manifest, [], [], {}, first=False, facts={})

    def _say(
        self,
        session: SessionRow,
        manifest: Manifest,
        gaps: Sequence[Gap],
        new: Sequence[Found],
        fields: Mapping[str, Any],
        *,
        first: bool,
        facts: Mapping[str, str],
    ) -> None:
        """A dock statement, signed and stored with all that it tells."""
        station, store, now = self._station, self._store, self._station.clock.now_ms()
        # What does not fit is told by the next one.
        untold = [gap for gap in store.gaps(session.id) if not gap.number][:MAX_TOLD]
        told = [(gap.kind, gap.note) for gap in untold]
        found = [(str(gap.kind), gap.note) for gap in gaps]
        found = _bounded([pair for pair in found if pair not in told])
        predicate: dict[str, Any] = station.common() | {
            "card": manifest.card,
            "device": session.device,
            "gaps": [{"kind": kind, "note": note} for kind, note in [*found, *told]],
            "id": session.id if first else new_id(now),
            "occurred": statements.moment(now),
            **fields,
        }
        counters = self._counters(session.device, new)
        predicate |= {"counters": statements.counters_field(counters)} if counters else {}
        predicate |= {"session": session.id} if not first else {}
        predicate |= {"officers": list(session.officers)} if session.officers else {}
        data = manifest.to_bytes()
        row = new_statement(
            predicate["id"],
            session.id,
            "dock",
            statements.session_statement(predicate, data, station.keys, sm3=station.settings.sm3),
            now,
            data,
        )
        files = [_new_row(session, found_) for found_ in new]
        store.dock(session, row, files, found, told=[gap.id for gap in untold], facts=facts)

    def _gaps(
        self,
        session: SessionRow,
        manifest: Manifest,
        ahead: int | None,
        back_ms: int,
        out: CheckOut | None,
        listing: Listing,
    ) -> list[Gap]:
        """What does not add up and was not told before."""
        wiped = frozenset(
            statements.found_file(row.path, row.size, row.mtime_ns)
            for row in self._store.files(device=session.device)
            if row.wiped
        )
        rows = self._store.live_files(session.device)
        listed = {(row.path, row.size) for row in rows}
        dock = Dock(
            manifest=manifest,
            at_ms=manifest.listed_ms,
            # Measured at check-out only, it is the best that is known here.
            ahead_ms=ahead if ahead is not None or out is None else out.ahead_ms,
            wiped=wiped,
            back_ms=back_ms,
            counters=last_counters(self._station, session.device),
            known=frozenset(
                statements.found_file(f.path, f.size, f.mtime_ns)
                for f in listing.files
                if (f.path, f.size) in listed
            ),
        )
        odd = [Gap(GapKind.UNREADABLE, path) for path in _some(listing.odd)]
        known = {(gap.kind, gap.note) for gap in self._store.gaps(session.id) if gap.number}
        found = list(find_gaps(dock, out, self._station.counting))
        if session.docked_ms:
            # Numbers, times and what was there before were judged at the first dock.
            found = [g for g in found if g.kind in (GapKind.CLOCK_BACK, GapKind.CARD_CHANGED)]
        return [gap for gap in [*found, *odd] if (str(gap.kind), gap.note) not in known]

    def _counters(self, device: str, new: Sequence[Found]) -> dict[str, int]:
        found = [statements.found_file(f.path, f.size, f.mtime_ns) for f in new]
        return self._station.counting.advance(last_counters(self._station, device), found)

    def _measured(self, root: Path, now: int) -> int | None:
        """The device's clock against ours, where its maker writes a file as it is docked."""
        if not self._station.settings.clock_file:
            return None
        at_ms = card.modified_ms(root, self._station.settings.clock_file)
        return None if at_ms is None else at_ms - now


def _bounded(gaps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if len(gaps) <= MAX_FOUND:
        return gaps
    kept = gaps[: MAX_FOUND - 1]
    return [*kept, (gaps[-1][0], f"{len(gaps) - len(kept)} more")]


def last_counters(station: Station, device: str) -> dict[str, int]:
    """The last number of each prefix that this station has seen on the device."""
    row = station.store.last_told(device)
    return statements.read_counters(row.envelope) if row is not None else {}


def is_read(known: FileRow | None, found: Found) -> bool:
    return known is not None and bool(known.sha256) and not _is_new(known, found)


def _seen_again(known: Mapping[bytes, FileRow], listing: Listing) -> list[tuple[int, int]]:
    """Files that are there as they were, and were gone or have another place on the card."""
    listed = {found.path: found for found in listing.files}
    return [
        (row.id, listed[path].ino)
        for path, row in known.items()
        if path in listed and not row.wiped and not row.changed
        if not _is_new(row, listed[path]) and (row.ino != listed[path].ino or row.gone)
    ]


def _is_new(known: FileRow | None, found: Found) -> bool:
    """A version that has no row yet. A file that was not what it had been is looked at anew."""
    if known is None or known.wiped or known.changed:
        return True
    return (known.size, known.mtime_ns) != (found.size, found.mtime_ns)


def _is_shifted(known: FileRow | None, found: Found) -> bool:
    """The file that is known, under a time in another zone: as a FAT card shows it elsewhere."""
    if known is None or known.wiped or known.changed or known.size != found.size:
        return False
    shift_ms = abs(found.mtime_ns - known.mtime_ns) // 1_000_000
    off = shift_ms % QUARTER_MS
    return shift_ms <= 26 * 4 * QUARTER_MS and min(off, QUARTER_MS - off) <= FAT_MS


def _new_row(session: SessionRow, found: Found) -> FileRow:
    return FileRow(
        id=0,
        session=session.id,
        device=session.device,
        path=found.path,
        version=0,  # the store counts
        size=found.size,
        mtime_ns=found.mtime_ns,
        ino=found.ino,
        sha256=b"",
        chunks=b"",
        sm3=b"",
        spooled=False,
        statement="",
        uploaded=False,
        reread=b"",
        proven=0,
        nonce=b"",
        expected=b"",
        readback=b"",
        changed=False,
        gone=False,
        wiped=False,
    )


def listing_text(listing: Listing) -> str:
    """Enough to see whether a card that was handed out is still as it was."""
    rows = [[f.path.hex(), f.size, f.mtime_ns] for f in listing.files]
    return digest(json.dumps(rows).encode()).hex()


def _some(odd: Sequence[bytes]) -> list[str]:
    shown = [card.note(path) for path in odd[:MAX_ODD]]
    return [*shown, f"{len(odd) - MAX_ODD} more"] if len(odd) > MAX_ODD else shown
