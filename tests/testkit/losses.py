"""Random lives of a ledger that loses its disk, and what must hold once it was restored.

A seed draws the steps: stations file, the ledger speaks of itself, cosigners go away and come
back, a mirror follows, backups are made, the server is stopped or killed between two of its
stages, a log is closed and the next one begun. Then the disk is lost, what others have kept is
put together, and the ledger is restored and goes on living.
"""

import re
import shutil
import threading
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from api import next_log
from api.backups import make_backup
from api.clients.copies import format_copy
from api.following import Follower
from api.restoring import Restored, Sources, restore
from api.resuming import CLOSED, Resumption
from ledger.backup import BackupKey
from ledger.encoding import parse_base64, parse_decimal
from ledger.errors import Unavailable, Unknown
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.membership import log_label
from ledger.tlog.audit import read_part
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hash
from ledger.tlog.note import SignedNote
from ledger.tlog.tile import ENTRIES, WIDTH, Tile
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore
from storage.public_copy import CHECKPOINT, DirectoryLog
from storage.trust_directory import read_trust
from testkit.death import Killed
from testkit.sequence import go_on
from testkit.server import (
    ORIGIN,
    Ledger,
    Office,
    await_that,
    offices,
    open_ledger,
    quiet,
    series_keys,
)

KEY = BackupKey(bytes(range(32)))
FOLLOWING = {"2026": ("2026-2", "2027"), "2026-2": ("2026-3", "2027"), "2027": ("2027-2", "2028")}
CASES = [f"苏城管罚〔2026〕{n}号" for n in range(417, 421)]
MIRROR = "https://mirror.example"
PATIENCE_S = 60.0


class Broken(AssertionError):
    """What must hold does not."""


@dataclass
class Kept:
    """A statement that a station has kept, with its answer."""

    envelope: bytes
    answer: dict[str, Any]

    @property
    def label(self) -> str:
        return str(self.answer["log"])

    @property
    def index(self) -> int:
        return parse_decimal(self.answer["index"])

    @property
    def checkpoint(self) -> Checkpoint:
        return checkpoint_of(self.answer["checkpoint"].encode())


@dataclass
class Truth:
    """The entries of each log, read from a disk just before it was lost."""

    entries: dict[str, list[bytes]] = field(default_factory=dict)
    open: str = ""

    @classmethod
    def of(cls, data: Path) -> "Truth":
        store = SqliteLedgerStore(data / "ledger.sqlite")
        try:
            truth = cls()
            for head in store.heads():
                truth.open = log_label(checkpoint_of(head.note.encode()).origin)
                truth.entries[truth.open] = list(store.entries(head.start, head.end))
            return truth
        finally:
            store.close()


def checkpoint_of(note: bytes) -> Checkpoint:
    return Checkpoint.from_text(SignedNote.from_bytes(note).text)


class Life:
    """One ledger and all that is around it. `told` is what happened, for a person who looks."""

    def __init__(self, scratch: Path, seed: int) -> None:
        self.random = Random(seed)
        self.scratch = scratch
        self.data, self.backup = scratch / "data", scratch / "backup"
        self.mirror = scratch / "mirror"
        self.told: list[str] = []
        self.kept: list[Kept] = []
        self.people: list[Office] = []
        self.shown: list[Checkpoint] = []  # by anybody who is still there after a loss
        self.lost: dict[str, set[int]] = {}  # named as lost by restores
        self._number = 0
        self._losses = 0
        self._ended: dict[str, set[int]] = {}  # sizes of a log whose last entry said that it ends
        self.backup.mkdir()

    def tell(self, *words: object) -> None:
        self.told.append(" ".join(map(str, words)))

    def be_lived(self) -> None:
        """All of it. Raises `Broken` where something does not hold."""
        self.live(backs_up=True)
        with suppress(StandsStill):
            for _ in range(self.random.randint(1, 2)):
                for _ in range(self.random.randint(0, 2)):
                    self.live()
                if self.random.random() < 0.35:
                    self.next_log()
                    if self.random.random() < 0.6:
                        self.live(backs_up=self.random.random() < 0.6)
                self.lose()

    # --- while it lives ----------------------------------------------------------------------

    def live(self, *, backs_up: bool = False) -> None:
        """One run of the server; `backs_up` at least once. Ends stopped, or killed somewhere."""
        with open_ledger(self.data, people=self.people or None) as ledger:
            self.people = ledger.offices
            self.await_open(ledger)
            steps = [self._step() for _ in range(self.random.randint(1, 6))]
            if backs_up:
                steps.insert(self.random.randint(0, len(steps)), "back up")
            for step in steps:
                self.do(step, ledger)
            self._end(ledger)

    def await_open(self, ledger: Ledger) -> None:
        """A server that was not restored goes on as soon as one cosigner answers."""
        if all(office.away for office in self.people):
            self.people[0].away = False
        await_that(lambda: not reason(ledger), "the log going on", why=lambda: reason(ledger))

    def _step(self) -> str:
        weights = {
            "file": 6,
            "file unkept": 2,
            "speak": 4,
            "back up": 2,
            "said": 2,
            "away": 2,
            "back": 2,
            "mirror": 3,
            "quorum": 3,
            "burst": 0.3,
        }
        return self.random.choices(list(weights), list(weights.values()))[0]

    def do(self, step: str, ledger: Ledger) -> None:
        self.tell(step, "at", ledger.services.log.label, ledger.services.log.size)
        match step:
            case "file":
                self.file(ledger)
            case "file unkept":
                self.file(ledger, keep=False)
            case "burst":
                first = self._envelope(ledger)
                rest = [self._envelope(ledger, upload=False) for _ in range(240)]
                self._filed(ledger.accept(first, *rest), [first, *rest])
            case "speak":
                ledger.services.custody.status("unclaimed_removed", {"items": 1})
            case "back up":
                self.back_up()
            case "said":
                ledger.services.backups.look()
            case "away":
                for office in self.people:
                    office.away = office.away or self.random.random() < 0.5
            case "back":
                for office in self.people:
                    office.away = False
            case "mirror":
                self.follow()
            case "quorum":
                if sum(not office.away for office in self.people) >= 2:
                    # Whoever came back is asked again after a while only.
                    self.file(ledger)
                    ledger.await_quorum()

    def file(self, ledger: Ledger, *, keep: bool = True) -> None:
        envelopes = [self._envelope(ledger) for _ in range(self.random.randint(1, 3))]
        answers = ledger.accept(*envelopes)
        if keep:
            self._filed(answers, envelopes)

    def _envelope(self, ledger: Ledger, *, upload: bool = True) -> bytes:
        self._number += upload
        case = self.random.choice(CASES)
        return ledger.evidence(b"item %d" % self._number, case=case, upload=upload)

    def _filed(self, answers: list[dict[str, Any]], envelopes: list[bytes]) -> None:
        self.kept += map(Kept, envelopes, answers)

    def back_up(self) -> None:
        make_backup(DataFolder.open(self.data), ORIGIN, self.backup, KEY, 1)

    def follow(self) -> None:
        """A mirror, which shows nothing that it has not checked."""
        for log in read_trust(self.data / "trust").logs:
            source, kept = DirectoryLog(self.data / "public"), self.mirror / log.label
            with suppress(Unavailable):
                Follower(log.policy.log, source, kept).step()

    def _end(self, ledger: Ledger) -> None:
        """Stopped, or killed: what it would have done from then on does not happen."""
        how = self.random.choice(
            ["stopped", "stopped", "before tiles", "before cosigners", "before checkpoint"]
        )
        self.tell("ends", how, "at", ledger.services.log.size)
        if how == "stopped":
            return
        log = ledger.services.log

        def die(*args: Any) -> Any:
            raise Unavailable("killed")

        log.publish = die
        if how == "before tiles":
            log.materialise = die
        away = [office.away for office in self.people]
        if how == "before cosigners":
            for office in self.people:
                office.away = True
        for step in self.random.choices(["file", "file unkept", "speak", "said"], k=2):
            self.do(step, ledger)
        if how == "before cosigners":
            size = log.size
            await_that(lambda: log.materialised >= size, "the tiles")
        if how == "before checkpoint":
            self._await_cosigners(ledger)
        ledger.services.publisher.stop()
        for office, before in zip(self.people, away, strict=True):
            office.away = before

    def _await_cosigners(self, ledger: Ledger) -> None:
        size, log = ledger.services.log.size, ledger.services.log.origin
        if not any(not office.away for office in self.people):
            return

        def asked() -> bool:
            states = [office.service.state.last(log) for office in self.people]
            return any(last is not None and last[0].size == size for last in states)

        with suppress(AssertionError):
            await_that(asked, "a cosigner", 1.5)

    def next_log(self, how: str = "") -> None:
        """With the server stopped: closed and begun, or only the one."""
        before = Truth.of(self.data).open
        if before not in FOLLOWING:
            return
        origin = ORIGIN.replace("2026", self.random.choice(FOLLOWING[before]))
        for office in self.people:
            office.away = False
        how = how or self.random.choice(["begun", "begun", "before the next"])
        self.tell("next log", origin, how)

        def die(*args: Any) -> None:
            raise Killed

        if how == "before the next":
            with patch.object(next_log, "_open_next", die), suppress(Killed):
                go_on(self.data, self.people, origin)
        if how == "begun" or self.random.random() < 0.5:
            go_on(self.data, self.people, origin)
        size = len(Truth.of(self.data).entries[before])
        self._ended.setdefault(before, set()).add(size)
        prepared = self.data / "next" / "trust"
        trust = read_trust(prepared if prepared.exists() else self.data / "trust")
        self.people = offices(trust, self.people)

    # --- the disk is lost --------------------------------------------------------------------

    def lose(self) -> None:
        self._losses += 1
        old = self.scratch / f"old-{self._losses}"
        self.data.rename(old)
        truth = Truth.of(old)
        public = self.random.choice([old / "public", old / "public", self.mirror, None])
        if public is not None and not any(public.glob(f"*/{CHECKPOINT}")):
            public = None  # whoever had published or followed had not come so far
        copies = self._copies()
        self.tell("lost at", {k: len(v) for k, v in truth.entries.items()}, "public", public)
        if self.random.random() < 0.3:
            # Tried first with less than there is.
            self._restore(None, None)
            shutil.rmtree(self.data)
        restored = self._restore(copies, public)
        self.check(truth, restored, public)

    def _copies(self) -> Path:
        folder = self.scratch / f"copies-{self._losses}"
        folder.mkdir()
        for n, kept in enumerate(self.kept):
            (folder / f"{n}.json").write_bytes(format_copy(kept.envelope, kept.answer))
        return folder

    def _restore(self, copies: Path | None, public: Path | None) -> Restored:
        with series_keys(), quiet():
            log = None if public is None else DirectoryLog(public)
            sources = Sources(copies, log, lambda policy: self.people)
            restored = restore(self.backup, self.data, KEY, sources)
        c = restored.completion
        self.tell(
            f"restored {restored.log}: {restored.size} to {c.edge.size} of {c.wanted}, lost",
            c.lost,
            "missing",
            c.missing,
            "refused",
            restored.refused,
        )
        return restored

    def _mirrored(self, origin: str) -> Checkpoint | None:
        try:
            return checkpoint_of(DirectoryLog(self.mirror).read(log_label(origin), CHECKPOINT))
        except Unknown:
            return None

    def checkpoint(self, origin: str) -> bytes:
        """Of the mirror, as it is asked at a start."""
        return DirectoryLog(self.mirror).read(log_label(origin), CHECKPOINT)

    def _asking_mirror(self) -> AbstractContextManager[Any]:
        return patch("api.asking_mirrors.HttpCosigner", lambda address: self)

    def known(self, origin: str) -> dict[str, Checkpoint]:
        """What each cosigner has signed last of a log."""
        lasts = {o.service.keys[0].name: o.service.state.last(origin) for o in self.people}
        return {name: last[0] for name, last in lasts.items() if last is not None}

    def check(self, truth: Truth, restored: Restored, public: Path | None) -> None:
        c, label = restored.completion, log_label(restored.log)
        entries = truth.entries[label]
        if label == truth.open:
            self.lost.setdefault(label, set()).update(c.lost)
        signed = list(self.known(restored.log).values())
        signed += [k.checkpoint for k in self.kept if k.label == label]
        if public is not None:
            with suppress(Unknown):
                signed.append(checkpoint_of(DirectoryLog(public).read(label, CHECKPOINT)))
        # What nobody is asked for at a restore is asked at the start.
        asked = self._mirrored(restored.log) if public != self.mirror else None
        if asked is not None:
            signed.append(asked)
        wanted = max([restored.size, *(s.size for s in signed)])
        hand = set(range(restored.size)) | {k.index for k in self.kept if k.label == label}
        if public is not None:
            hand |= set(range(len(widest(DirectoryLog(public), label, len(entries)))))
        at_hand = set(range(wanted)) <= hand
        closed = label != truth.open
        away = self.random.random() < 0.4
        for office in self.people:
            office.away = away
        if not away and self.random.random() < 0.5:
            self._one_stays_away(restored.log)
        asking = threading.Lock()
        ask = Resumption.ask

        def ask_alone(resumption: Resumption) -> bool:
            with asking:
                return ask(resumption)

        with (
            self._asking_mirror(),
            patch.object(Resumption, "ask", ask_alone),
            open_ledger(self.data, people=self.people, mirrors=MIRROR) as ledger,
        ):
            self.people = ledger.offices
            if away:
                await_that(lambda: stands(ledger), "a reason", PATIENCE_S)
                why = reason(ledger)
                if not any(word in why for word in ("could be a quorum", "are missing", MIRROR)):
                    raise Broken(f"nobody has answered, and it says {why!r}")
                with asking:  # or who knows most may be the one who was asked too early
                    for office in self.people:
                        office.away = False
            why = self._outcome(ledger)
            self.tell(f"stands still: {why}" if why else "goes on")
            if why:
                self._check_still(why, truth, restored, wanted, at_hand=at_hand, closed=closed)
            elif closed:
                raise Broken(f"{label} goes on, and {truth.open} had begun")
            elif c.edge.size < wanted:
                raise Broken(f"goes on with {c.edge.size} of {wanted}")
            else:
                self._check_alive(ledger)
        if why and (why != CLOSED or closed):
            raise StandsStill
        if why:
            for office in self.people:
                office.away = False
            # No next log was shown to anyone: what it says is done, and it goes on in one.
            (self.data / "restored").unlink()
            self.next_log("begun")
            with open_ledger(self.data, people=self.people) as ledger:
                self.people = ledger.offices
                self.await_open(ledger)
                await_that(lambda: ledger.status("restored") or not c.lost, "that it is said")
                self._check_alive(ledger)

    def _one_stays_away(self, origin: str) -> None:
        """Two of three are enough, as long as the third has not signed more than they have."""
        known = {name: one.size for name, one in self.known(origin).items()}
        office = self.random.choice(self.people)
        if known.get(office.service.keys[0].name, 0) < max(known.values(), default=1):
            office.away = True
            self.tell(office.service.keys[0].name, "stays away")

    def _outcome(self, ledger: Ledger) -> str:
        """Why it stands still, once everybody has answered; empty if it goes on."""
        found: list[str] = []

        def told() -> bool:
            if not (self.data / "restored").exists():
                found.append("")
            elif stands(ledger) and "could be a quorum" not in (why := reason(ledger)) and why:
                found.append(why)
            return bool(found)

        await_that(told, "an outcome", PATIENCE_S, lambda: reason(ledger))
        return found[0]

    def _check_still(
        self,
        why: str,
        truth: Truth,
        restored: Restored,
        wanted: int,
        *,
        at_hand: bool,
        closed: bool,
    ) -> None:
        size = restored.completion.edge.size
        ends = self._ends_with_announcement(truth, restored)
        if at_hand and not closed and not ends:
            raise Broken(f"all of {wanted} entries are at hand, and it stands still: {why}")
        if why == CLOSED:
            if not ends:
                raise Broken("it says that the log was about to be closed, and it was not")
            return
        known = {n.partition(".")[0]: one.size for n, one in self.known(restored.log).items()}
        if (mirrored := self._mirrored(restored.log)) is not None:
            known[f"mirror {MIRROR}"] = mirrored.size
        said = re.findall(r"(mirror \S+|\w+) knows (\d+)", why)
        true = said and all(size < int(count) == known[name] for name, count in said)
        if not true and not (restored.completion.missing and "are missing" in why):
            raise Broken(f"the reason is not true: {why!r}; it is {known}")
        if "restore again" not in why:
            raise Broken(f"it does not say what to do: {why!r}")

    def _ends_with_announcement(self, truth: Truth, restored: Restored) -> bool:
        label = log_label(restored.log)
        size = restored.completion.edge.size
        return size in self._ended.get(label, ())

    def _check_alive(self, ledger: Ledger) -> None:
        self.file(ledger)
        ledger.await_quorum()
        self.follow()  # raises if the mirror was shown another history, or less
        store = ledger.services.store
        here: dict[str, list[bytes]] = {}
        starts: dict[str, int] = {}
        for head in store.heads():
            label = log_label(checkpoint_of(head.note.encode()).origin)
            here[label] = list(store.entries(head.start, head.end))
            starts[label] = head.start
        lost = {(p.log, p.index) for p in ledger.services.log.lost()}
        named = {(label, index) for label, indexes in self.lost.items() for index in indexes}
        if lost != named:
            raise Broken(f"lost are {sorted(lost)}, named were {sorted(named)}")
        for kept in self.kept:
            if here[kept.label][kept.index].decode() != kept.answer["entry"]:
                raise Broken(f"another entry stands at {kept.label} {kept.index}")
            row = store.row(starts[kept.label] + kept.index)
            if row.lost:
                raise Broken(f"lost, although its station has kept it: {kept.index}")
            if row.envelope != kept.envelope:
                raise Broken(f"another statement stands at {kept.index}")
            salt = parse_base64(kept.answer["salt"])
            check_commitment(Entry.from_bytes(row.entry), salt, kept.envelope)
        signed = [kept.checkpoint for kept in self.kept]
        for log in ledger.trust.logs:
            signed += self.known(log.origin).values()
            if (mirrored := self._mirrored(log.origin)) is not None:
                signed.append(mirrored)
        for one in signed:
            check_begins(here[log_label(one.origin)], one)
        said = ledger.status("restored")
        counts = [parse_decimal(one["counts"]["lost"]) for one in said]
        if lost and (not said or counts[-1] != len(lost)):
            raise Broken(f"the log says {counts} are lost, and it is {len(lost)}")


class StandsStill(Exception):
    """The ledger has ended, for a reason that is true."""


def check_begins(entries: list[bytes], one: Checkpoint) -> None:
    root = Edge().extend(map(leaf_hash, entries[: one.size])).root()
    if one.size > len(entries) or root != one.root:
        raise Broken(f"a fork at {one.size} of {one.origin}")


def widest(log: DirectoryLog, label: str, size: int) -> list[bytes]:
    """All entries of a public copy, those beyond its checkpoint too."""
    found: list[bytes] = []
    for number in range(size // WIDTH + 1):
        for width in range(WIDTH, 0, -1):
            try:
                bundle = Tile(ENTRIES, number, width)
                part, _ = read_part(lambda path: log.read(label, path), bundle, tiles=False)
            except Unknown:
                continue
            found += part
            break
        if len(found) < (number + 1) * WIDTH:
            break
    return found


def reason(ledger: Ledger) -> str:
    return str(ledger.http.get("/readyz").json().get("reason", ""))


def stands(ledger: Ledger) -> bool:
    why = reason(ledger)
    return bool(why) and "have not been asked yet" not in why
