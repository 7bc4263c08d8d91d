"""Follows two logs into a folder, to be killed: `mirror_main.py FOLDER LOGS`.

    found 2026 <size>    what the folder shows at the start, read whole
    shown 2026 <size>    after a step: what a reader would have been given
    said 2026 <size>     a statement about tags in that tree was given out

Nothing before stdin is closed: who is to kill it at a change must have been told by then.
The second, 2027, may begin at any time until the first was followed.
TIEZHENG_TEST_UNSYNCED leaves syncs out.
"""

import os
import stat
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from api.absences import MirroredLog
from api.following import Follower
from api.journal import start
from api.mirror import follow
from ledger.errors import Unavailable
from ledger.evidence.absence import open_absence
from ledger.tlog.audit import read_log
from ledger.tlog.signing_key import SigningKey
from storage.public_copy import DirectoryLog
from storage.tag_index_sqlite import SqliteTagIndex
from testkit.children import die_with_parent
from testkit.growing_log import LOG, NEXT, tags_of
from testkit.mirrors import MIRROR

UNSYNCED = os.environ.get("TIEZHENG_TEST_UNSYNCED", "")


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def main() -> None:
    die_with_parent()
    sys.stdin.read()
    start("error")
    folder, logs = Path(sys.argv[1]), Path(sys.argv[2])
    fsync = os.fsync

    def careless(fd: int) -> None:
        kind = "names" if stat.S_ISDIR(os.fstat(fd).st_mode) else "files"
        if kind != UNSYNCED:
            fsync(fd)

    os.fsync = careless
    with ThreadPoolExecutor() as pool:
        first = pool.submit(keep, LOG, folder, logs, lambda: True)
        second = pool.submit(keep, NEXT, folder, logs, first.done)
        first.result()
        second.result()
    say("end")


def keep(log: SigningKey, folder: Path, logs: Path, is_last: Callable[[], bool]) -> None:
    """One round, as soon as there is such a log; `is_last`: whether nobody waits for it more."""
    label = log.name.rpartition("/")[2]
    follower = Follower(log.verifier, DirectoryLog(logs), folder / "public" / label, fetches=2)
    if follower.kept.size:
        for _ in read_log(follower.read, follower.kept, tiles=True):
            pass
    say(f"found {label} {follower.kept.size}")
    with closing(SqliteTagIndex(folder / "tags" / f"{label}.sqlite")) as index:
        mirrored = MirroredLog(follower, index, MIRROR)
        mirrored.settle()
        mirrored.catch_up()
        answer(mirrored)
        while True:
            last = is_last()
            try:
                follow(mirrored)
                break
            except Unavailable as error:
                if "is published there" not in str(error):
                    raise
                if last:
                    return
                time.sleep(0.005)
        say(f"shown {label} {follower.kept.size}")
        answer(mirrored)


def answer(mirrored: MirroredLog) -> None:
    """The tag of every hundredth entry must be found where it stands."""
    label, size = mirrored.follower.label, mirrored.follower.kept.size
    if not size:
        return
    asked = {tags_of(index, label)[0]: index for index in range(0, size, 100)}
    question = b"".join(sorted(asked))
    absence, _ = open_absence(mirrored.say(size, question), [MIRROR.verifier])
    if {found.tag: found.entry for found in absence.found} != asked:
        raise SystemExit("a tag was not found where it stands")
    say(f"said {label} {size}")


main()
