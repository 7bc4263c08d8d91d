"""A ledger with three cosigners, each on a disk that may be cut; killed, restarted, recounted.

    with Site(tmp_path, seed=7, power=True) as site:
        site.found()
        for number in range(20):
            site.round(number)  # kill under load, cut, look, restart, count
        site.next_log()     # killed and cut while it closes the log and begins the next
        site.finish()

Whatever was lost, doubled or contradicted raises `Broken`. All chance comes from the
seed; threads and the scheduler still make each run its own.
"""

import random
import signal
import sqlite3
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from unittest.mock import patch

from api.clients.ledger import check_acceptance
from api.founding import Plan, found
from api.next_log import prepare
from ledger.audit import audit_log
from ledger.encoding import parse_base64, parse_decimal
from ledger.errors import LedgerError, Unknown
from ledger.evidence.chunks import ItemDigest, ItemHasher
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.sealed import STORED_BLOCK, Companion, ItemSeal
from ledger.evidence.trust import Trust, TrustedLog
from ledger.report import Outcome
from ledger.tlog.audit import read_log
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import Edge, leaf_hash
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Witness
from storage.cosigner_sqlite import SqliteCosignerState
from storage.folder import DataFolder
from storage.public_copy import DirectoryLog
from storage.trust_directory import read_trust
from storage.wrap_file import read_wrap_files
from testkit import case as kit
from testkit.children import Child, Children, Ended
from testkit.cut_disk import Cut
from testkit.cut_mount import CutMount
from testkit.filers import Load, Told, set_up
from testkit.keys import SERIES_PEM, cosigner
from testkit.world import NAMES

CATCH_UP_S = 120.0  # until what was acknowledged is published after a restart
NEXT = kit.ORIGIN.replace("2026", "2027")
NEXT_CHANGES = 150  # of the disk, while a log is closed and the next begins
CUTS = (Cut.ALL, Cut.SOME, Cut.SOME, Cut.TAIL, Cut.NOTHING)


class Broken(AssertionError):
    """A promise that a kill or a cut has broken."""


class Site:
    """`power` needs FUSE; without it processes are killed and the disk forgets nothing."""

    def __init__(self, scratch: Path, *, seed: int, power: bool, unsynced: str = "") -> None:
        self._seed, self._chance = seed, random.Random(seed)
        self._scratch = scratch
        self._told = Told()
        self._opened: dict[str, Checkpoint] = {}  # by note
        self._counted = 0  # uploads whose bytes were read again
        self._mounts: list[CutMount] = []
        self._url = ""
        self._load: Load | None = None
        self._restored = False  # of what came after a backup a scrub makes the places anew
        self._server: Child | None = None
        self._cosigners: Child | None = None
        self.data, self._states = scratch / "ledger" / "data", scratch / "cosigners" / "state"
        if power:
            self._mounts = [CutMount(scratch / "ledger"), CutMount(scratch / "cosigners")]
        else:
            for part in ("ledger", "cosigners"):
                (scratch / part).mkdir()
        self._children = Children(self.data, self._states, scratch, unsynced)

    def close(self) -> None:
        if self._load is not None:
            self._load.stop()
        self._children.close()
        for mount in self._mounts:
            mount.close()

    # --- acts ----------------------------------------------------------------------------------

    def found(self) -> None:
        """Founds the ledger, registers who files, and lets them begin."""
        url = f"http://127.0.0.1:{self._children.port}"
        plan = Plan(
            origin=kit.ORIGIN,
            agency=kit.AGENCY,
            registrar=kit.REGISTRAR,
            cosigners=[
                Witness(name, cosigner(f"{name}.example/w1").verifier, f"{url}/{name}")
                for name in NAMES
            ],
            quorum=2,
        )
        with patch("api.founding.new_series_key", lambda: SERIES_PEM):
            found(self.data, plan, time.time_ns() // 1_000_000)
        for mount in self._mounts:
            mount.cut(Cut.ALL, 0)  # what was founded is durable
        self._start_cosigners()
        self._start_server()
        set_up(self._url, self._told, self._scratch)
        label = self._trust().logs[0].label
        self._load = Load(lambda: self._url, label, self._told, self._scratch)

    def round(self, number: int) -> None:
        """One kill, of the server, the cosigners or both, each with its disk."""
        try:
            self._round()
        except Broken as error:
            raise Broken(f"seed {self._seed}, round {number}: {error}") from error

    def _round(self) -> None:
        assert self._load is not None
        self._load.go_on()
        chance = self._chance
        server, cosigners = chance.choice([(True, False)] * 3 + [(False, True), (True, True)])
        power = chance.random() < 0.75
        if not server or chance.random() < 0.3:
            time.sleep(chance.uniform(0.02, 0.5))
        else:
            self._kill_at_change(self._server, chance.randint(1, 1200), power=power)
        if server:
            self._kill(self._server)
        if cosigners:
            self._kill(self._cosigners)
        if power:
            self._cut(ledger=server, cosigners=cosigners)
        self._look(at_ledger=server, at_cosigners=cosigners)
        if cosigners:
            self._start_cosigners()
        # It may not live long: what it said meanwhile counts all the same.
        while server and chance.random() < 0.3:
            self._live_shortly(chance.randint(1, 150))
        if server:
            self._start_server()
        self._count()

    def next_log(self, kills: int = 0) -> None:
        """Closes the log and begins the next; dies at it `kills` times, with its disk."""
        assert self._load is not None and self._server is not None and self._cosigners is not None
        self._load.pause()
        self._server.end(signal.SIGKILL)
        folder = DataFolder.open(self.data)
        with patch("api.next_log.new_series_key", lambda: SERIES_PEM):
            prepare(folder, NEXT)
        self._kill(self._cosigners)
        self._start_cosigners()
        for number in range(1, kills + 1):
            child = self._children.begin("next", held=True)
            power = self._chance.random() < 0.75
            # Later each time: once the next log has begun there is little left to kill.
            after = self._chance.randint(1, NEXT_CHANGES * number // kills)
            self._kill_at_change(child, after, power=power)
            self._kill(child)
            if power:
                self._cut(ledger=True, cosigners=False)
            # Whichever log is open now: a server goes on with it, and makes whole what is not.
            self._start_server()
            self._look(at_ledger=True, at_cosigners=False)
            self._kill(self._server)
        child = self._children.begin("next")
        try:
            child.ready()
        except Ended as error:
            raise Broken(f"no next log begins: {error}; {self._last_words()}") from None
        child.wait(CATCH_UP_S)
        if [log.origin for log in self._trust().logs] != [kit.ORIGIN, NEXT]:
            raise Broken("the next log has not begun")
        self._start_server()
        self._load.label = self._trust().logs[-1].label
        self._load.go_on()

    def finish(self) -> None:
        """Everybody stops filing; the cosigners agree; the server ends in order."""
        assert self._load is not None and self._server is not None and self._cosigners is not None
        self._load.stop()
        self._load = None
        if not self._server.alive:
            raise Broken("the server has ended by itself")
        # Again if the ledger has said something of its own meanwhile.
        deadline = time.monotonic() + CATCH_UP_S
        while self._rest() != len(self._count(everything=True)):
            if time.monotonic() > deadline:
                raise Broken("it says something of its own again and again")
        self._server.end(signal.SIGTERM)
        self._cosigners.end(signal.SIGTERM)
        for log in self._trust().logs:
            self._check_audit(Outcome.PASSED, log)
        self._check_last_answers()

    # --- kills ---------------------------------------------------------------------------------

    def _kill_at_change(self, child: Child | None, after: int, *, power: bool) -> None:
        """At the `after`th change of its disk, or after a while if it makes fewer."""
        assert child is not None
        if not self._mounts:
            child.go_on()
            time.sleep(self._chance.uniform(0.02, 0.5))
            return
        self._mounts[0].kill(child.pid, after=after, power=power)
        child.go_on()
        deadline = time.monotonic() + 3
        while child.alive and time.monotonic() < deadline:
            self._serve_if_ready(child)
            time.sleep(0.002)

    def _serve_if_ready(self, child: Child) -> None:
        if (port := child.port_if_ready()) is not None:
            self._url = f"http://127.0.0.1:{port}"

    def _kill(self, child: Child | None) -> None:
        assert child is not None
        child.end(signal.SIGKILL)

    def _live_shortly(self, after: int) -> None:
        """Killed while it starts, or soon after."""
        child = self._children.begin("server", held=True)
        power = self._chance.random() < 0.75
        self._kill_at_change(child, after, power=power)
        self._kill(child)
        if power:
            self._cut(ledger=True, cosigners=False)
        self._look(at_ledger=True, at_cosigners=False)

    def _cut(self, *, ledger: bool, cosigners: bool) -> None:
        for mount, hit in zip(self._mounts, (ledger, cosigners), strict=False):
            if hit:
                how, seed = self._chance.choice(CUTS), self._chance.getrandbits(32)
                unsynced = mount.cut(how, seed)
                print(f"cut {mount.folder.name}: {how} of {unsynced} changes, seed {seed}")

    def _start_server(self) -> None:
        self._server = self._children.begin("server")
        try:
            self._url = f"http://127.0.0.1:{self._server.ready()}"
        except Ended as error:
            raise Broken(
                f"the server does not start again: {error}; {self._last_words()}"
            ) from None

    def _start_cosigners(self) -> None:
        self._cosigners = self._children.begin("cosigners")
        try:
            self._cosigners.ready()
        except Ended as error:
            raise Broken(f"the cosigners do not start: {error}; {self._last_words()}") from None

    def _last_words(self) -> str:
        return self._children.journal.read_text(errors="replace")[-600:]

    # --- what is there, before anything is started again ----------------------------------------

    def _look(self, *, at_ledger: bool, at_cosigners: bool) -> None:
        with _unbroken():
            if at_ledger:
                self._check_published()
            if at_cosigners:
                self._check_states()

    def _check_published(self) -> None:
        """Never smaller than what a reader saw, and complete as it lies there."""
        with self._told.lock:
            notes = list(self._told.published)
        for log in self._trust().logs:
            seen = [self._open(note).size for note in notes if _is_of(note, log)]
            try:
                size = self._published(log).size
            except Unknown:
                size = 0
            if seen and size < max(seen):
                raise Broken(f"{max(seen)} entries of {log.label} were published, now {size} are")
            if size:
                self._check_audit(Outcome.UNDECIDED, log)

    def _check_audit(self, least: Outcome, log: TrustedLog) -> None:
        audit = audit_log(DirectoryLog(self.data / "public"), log)
        if audit.outcome not in (Outcome.PASSED, least):
            raise Broken(f"the public log: {[f.to_json() for f in audit.findings]}")

    def _check_states(self) -> None:
        """No cosigner has forgotten what it let be signed."""
        for log in self._trust().logs:
            for name, (size, root) in self._cosigned(log).items():
                kept = self._state(name, log.origin)
                if kept is None or kept.size < size or (kept.size == size and kept.root != root):
                    raise Broken(f"{name} signed {size} entries and remembers {kept}")

    def _state(self, name: str, origin: str) -> Checkpoint | None:
        with closing(SqliteCosignerState(self._states / f"{name}.sqlite")) as state:
            found = state.last(origin)
        return None if found is None else found[0]

    # --- the count -------------------------------------------------------------------------------

    def _count(self, *, everything: bool = False) -> list[bytes]:
        """Of the running ledger: every answer that it ever gave still holds.

        The entries of its open log.
        """
        told = self._told
        if self._load is not None:
            self._load.pause()  # or counting would take longer each time
        with told.lock:
            answers = dict(told.acknowledged)
            uploaded = list(told.uploaded)
            notes = {*told.published, *(a["checkpoint"] for a in answers.values())}
            sent, refusals = set(told.sent), list(told.refusals)
        if refusals:
            raise Broken(f"refused: {refusals[:3]}")
        every, entries = list[bytes](), list[bytes]()
        for log in self._trust().logs:
            said = {e: a for e, a in answers.items() if a["log"] == log.label}
            last = max((parse_decimal(a["index"]) for a in said.values()), default=0)
            entries = self._entries(log, self._wait_until_published(last + 1, log))
            with _unbroken():
                _check_answers(entries, said)
                self._check_one_history(entries, {n for n in notes if _is_of(n, log)}, log)
            every += entries
        with _unbroken():
            self._check_database(every, sent if everything else None)
            self._check_items(uploaded if everything else uploaded[self._counted :])
        self._counted = len(uploaded)
        print(f"{len(answers)} statements, {len(uploaded)} items, {len(notes)} checkpoints")
        return entries

    def _entries(self, log: TrustedLog, checkpoint: Checkpoint) -> list[bytes]:
        copy = DirectoryLog(self.data / "public")
        with _unbroken():
            read = read_log(lambda path: copy.read(log.label, path), checkpoint, tiles=True)
            return [entry for _, bundle in read for entry in bundle]

    def _wait_until_published(self, size: int, log: TrustedLog) -> Checkpoint:
        assert self._server is not None
        deadline = time.monotonic() + CATCH_UP_S
        while time.monotonic() < deadline:
            try:
                with _unbroken():
                    published = self._published(log)
                if published.size >= size:
                    return published
            except Unknown:
                pass
            if not self._server.alive:
                raise Broken("the server has ended by itself")
            time.sleep(0.02)
        raise Broken(f"{size} entries were acknowledged, and are not published")

    def _check_one_history(self, entries: list[bytes], notes: set[str], log: TrustedLog) -> None:
        """Every checkpoint that anybody saw or signed begins the tree that is there."""
        seen = {(c.size, c.root) for c in map(self._open, notes)}
        seen |= {(size, root) for _, size, root in self._signed(log)}
        edge, at = Edge(), 0
        for size, root in sorted(seen):
            if size > len(entries):
                continue  # published or signed while we were reading
            edge = edge.extend(leaf_hash(entry) for entry in entries[at:size])
            at = size
            if edge.root() != root:
                raise Broken(f"two histories of {size} entries")

    def _check_database(self, entries: list[bytes], sent: set[bytes] | None) -> None:
        """Nothing is there twice, nor what nobody sent."""
        rows = self._query(
            "SELECT idx, id, envelope, data, kind FROM statement JOIN entry USING (idx)"
        )
        there = rows[: len(entries)]
        if [row[3] for row in there] != entries:
            raise Broken("the public entries are not those of the database")
        if len({row[1] for row in rows}) != len(rows):
            raise Broken("a statement is there twice")
        own = self._own()
        # Of a log that was closed, or nearly, the ledger itself said so.
        closings = {"status"} if len(self._trust().logs) > 1 else set()
        foreign = [row for row in rows if row[0] not in own and row[4] not in closings]
        if sent is not None and not {row[2] for row in foreign} <= sent:
            raise Broken("there is a statement that nobody sent")

    def _own(self) -> set[int]:
        """Where the logs begin, each with two entries of its own."""
        starts = [start for (start,) in self._query("SELECT start FROM head")]
        return {start + n for start in starts for n in (0, 1)}

    def _check_items(self, digests: list[ItemDigest]) -> None:
        for digest in digests:
            rows = self._query(
                "SELECT object_id FROM item WHERE sha256 = ? AND agency <> ''", digest.sha256
            )
            if not rows:
                raise Broken(f"no item {digest.sha256.hex()} is recorded")
            for (object_id,) in rows:
                self._check_item(object_id, digest)

    def _check_item(self, object_id: str, digest: ItemDigest) -> None:
        """Opened here by hand: a vault would make durable what it opens."""
        path = self.data / "items" / object_id[:2] / object_id
        try:
            stored, companion = path.read_bytes(), path.with_name(f"{path.name}.chunks")
            found = Companion.from_bytes(companion.read_bytes())
        except FileNotFoundError as error:
            raise Broken(f"an item was acknowledged, and is gone: {error}") from None
        sql = "SELECT root FROM item WHERE id = ? AND leaving = 0"
        places = self._query(sql, object_id, database="places.sqlite")
        if places != [(found.root(),)] and (places or not self._restored):
            raise Broken("the place of an item is not there, or another's")
        (wrap,) = read_wrap_files(self.data / "keys")
        seal = ItemSeal(wrap.unwrap(found.wrapped, found.item), found.item, found.size)
        blocks = [stored[i : i + STORED_BLOCK] for i in range(0, len(stored), STORED_BLOCK)]
        hasher = ItemHasher()
        for number, block in enumerate(blocks):
            hasher.update(seal.open_block(number, block))
        held = hasher.finish()
        if (held.sha256, held.chunks) != (digest.sha256, digest.chunks):
            raise Broken(f"want an item of {digest.size} bytes, got {held.size} other ones")
        if seal.open_leaves(found.leaves) != b"".join(hasher.leaves):
            raise Broken("the chunk hashes of an item are not those of its bytes")

    def _query(  # type: ignore[type-arg]
        self, sql: str, *values: object, database: str = "ledger.sqlite"
    ) -> list[tuple]:
        file = sqlite3.connect(f"{(self.data / database).as_uri()}?mode=ro", uri=True)
        with closing(file):
            return file.execute(sql, values).fetchall()

    # --- the end ---------------------------------------------------------------------------------

    def _rest(self) -> int:
        """The size of the open log, once all three have signed all of it and that is published."""
        deadline = time.monotonic() + CATCH_UP_S
        while time.monotonic() < deadline:
            size, last = self.committed(), self._cosigned()
            agreed = len(last) == len(NAMES) and len(set(last.values())) == 1
            if agreed and {size} == {one for one, _ in last.values()} == {self._published().size}:
                return size
            time.sleep(0.05)
        raise Broken(f"it does not come to rest: {size} entries, cosigned {last}")

    def committed(self) -> int:
        """Entries of the open log."""
        return int(self._query("SELECT size FROM head ORDER BY log DESC")[0][0])

    def _check_last_answers(self) -> None:
        answers = list(self._told.acknowledged.items())
        for envelope, answer in (answers[0], answers[len(answers) // 2], answers[-1]):
            check_acceptance(answer, envelope, self._trust())

    # --- helpers ---------------------------------------------------------------------------------

    def _trust(self) -> Trust:
        return read_trust(self.data / "trust")

    def _published(self, log: TrustedLog | None = None) -> Checkpoint:
        """Of the open log, if none is named."""
        label = (log or self._trust().logs[-1]).label
        return self._open(DirectoryLog(self.data / "public").read(label, "checkpoint").decode())

    def _open(self, note: str) -> Checkpoint:
        if note not in self._opened:
            logs = [log for log in self._trust().logs if _is_of(note, log)]
            if len(logs) != 1:
                raise Broken(f"want a checkpoint of one of the logs, got {note[:200]!r}")
            self._opened[note] = open_checkpoint(SignedNote.from_text(note), logs[0].policy.log)
        return self._opened[note]

    def _signed(self, log: TrustedLog) -> list[tuple[str, int, bytes]]:
        # Behind the last end of a line one may be under way.
        lines = [line.split() for line in self._children.seen.read_text().split("\n")[:-1]]
        return [
            (name, int(size), b64decode(root))
            for name, origin, size, root in lines
            if origin == log.origin
        ]

    def _cosigned(self, log: TrustedLog | None = None) -> dict[str, tuple[int, bytes]]:
        """The last of each cosigner, as it was let go; none may be smaller than the one before."""
        last: dict[str, tuple[int, bytes]] = {}
        for name, size, root in self._signed(log or self._trust().logs[-1]):
            if name in last and size < last[name][0]:
                raise Broken(f"{name} signed {last[name][0]} entries, and then {size}")
            last[name] = (size, root)
        return last

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _is_of(note: str, log: TrustedLog) -> bool:
    return note.startswith(f"{log.origin}\n")


@contextmanager
def _unbroken() -> Iterator[None]:
    """What we cannot read or believe of the ledger's is broken, too."""
    try:
        yield
    except Unknown:
        raise  # what may be there later
    except LedgerError as error:
        raise Broken(f"{type(error).__name__}: {error}") from error


def _check_answers(entries: list[bytes], answers: dict[bytes, dict[str, str]]) -> None:
    if len(set(entries)) != len(entries):
        raise Broken("an entry is there twice")
    if len({answer["index"] for answer in answers.values()}) != len(answers):
        raise Broken("two statements were given one place")
    for envelope, answer in answers.items():
        index, entry = parse_decimal(answer["index"]), answer["entry"].encode()
        if index >= len(entries) or entries[index] != entry:
            raise Broken(f"the entry that was acknowledged at {index} is not there")
        check_commitment(Entry.from_bytes(entry), parse_base64(answer["salt"]), envelope)
