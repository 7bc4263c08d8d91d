"""Sends to itself, to be killed: `staging_main.py FOLDER ROUND`.

Opens the stores in FOLDER as a server does, says what is there, sends new uploads and goes on
with old ones, and says what it would have acknowledged, a line each:

    found <id> <offset> <recorded>     offset <id> <offset>     recorded <id>

Nothing before stdin is closed: who is to kill it at a change must have been told by then.

The bytes of an upload follow from its metadata: `seed`. TIEZHENG_TEST_UNSYNCED leaves syncs out.
"""

import os
import random
import stat
import sys
import threading
from pathlib import Path

from api.arrivals import Arrivals
from api.journal import start
from ledger.evidence.chunks import ItemHasher
from storage.ledger_sqlite import SqliteLedgerStore
from storage.staging_directory import Announced, Staged, StagingDirectory
from testkit.children import die_with_parent
from testkit.vault import sealed_shelf

UPLOADS = 6
SIZE = 700_000
UNSYNCED = os.environ.get("TIEZHENG_TEST_UNSYNCED", "")


def data_of(staged: Staged) -> bytes:
    seed = int(staged.announced.metadata)
    return random.Random(seed).randbytes(staged.announced.size)


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def send(staging: StagingDirectory, staged: Staged, chance: random.Random) -> None:
    data = data_of(staged)
    while not staged.whole:
        step = chance.randrange(1, 300_000)
        writer = staging.writer(staged, marks=True)
        for at in range(staged.offset, min(staged.offset + step, len(data)), 50_000):
            writer.write(data[at : min(at + 50_000, staged.offset + step)])
        if chance.random() < 0.8:  # else as a checksum that did not hold
            writer.keep()
            say(f"offset {staged.id} {staged.offset}")
        writer.close()


def main() -> None:
    die_with_parent()
    sys.stdin.read()
    start("error")
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    fsync = os.fsync

    def careless(fd: int) -> None:
        kind = "names" if stat.S_ISDIR(os.fstat(fd).st_mode) else "files"
        if kind != UNSYNCED:
            fsync(fd)

    os.fsync = careless
    chance = random.Random(number)
    items = sealed_shelf(folder / "items", paired=True).open()
    staging = StagingDirectory(folder / "staging", lambda: 1000, items)
    assert not staging.unreadable, staging.unreadable
    store = SqliteLedgerStore(folder / "ledger.sqlite")
    arrivals = Arrivals(staging, lambda: items, store, lambda: 1000)
    for staged in staging.all():
        if not staged.recorded:
            assert staging.read(staged, 0, staged.offset) == data_of(staged)[: staged.offset]
        say(f"found {staged.id} {staged.offset} {staged.recorded}")
    say("ready")
    recorded = set(store.object_ids())
    orphans = [object_id for object_id in items.ids() if object_id not in recorded]
    for object_id in arrivals.take_orphans(orphans):
        hasher = ItemHasher()
        for piece in items.stream(object_id):
            hasher.update(piece)
        assert arrivals.take_orphan(object_id, hasher.finish()), "an item of nobody's"
    for n in range(UPLOADS):
        said = Announced(
            keyid="k",
            agency="a",
            size=chance.randrange(1, SIZE),
            sha256=b"",
            sm3=False,
            metadata=str(1000 * number + n),
            opened_ms=1000,
        )
        say(f"offset {staging.add(said).id} 0")
    for staged in staging.all():
        send(staging, staged, chance)
        if not staged.recorded:
            arrivals._finish(staged, threading.Event())
            say(f"recorded {staged.id}")
    say("end")


if __name__ == "__main__":
    main()
