"""Follows a log into a folder, to be killed: `mirror_main.py FOLDER LOGS`.

    found <size>    what the folder shows at the start, read whole
    shown <size>    after a step: what a reader would have been given
    said <size>     a statement about tags in that tree was given out

TIEZHENG_TEST_UNSYNCED leaves syncs out.
"""

import os
import stat
import sys
from contextlib import closing
from pathlib import Path

from api.absences import MirroredLog
from api.following import Follower
from api.journal import start
from api.mirror import follow
from ledger.evidence.absence import open_absence
from ledger.tlog.audit import read_log
from storage.public_directory import DirectoryLog
from storage.tag_index_sqlite import SqliteTagIndex
from testkit.children import die_with_parent
from testkit.growing_log import LOG, tags_of
from testkit.mirrors import MIRROR

UNSYNCED = os.environ.get("TIEZHENG_TEST_UNSYNCED", "")


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def main() -> None:
    die_with_parent()
    start("error")
    folder, logs = Path(sys.argv[1]), Path(sys.argv[2])
    fsync = os.fsync

    def careless(fd: int) -> None:
        kind = "names" if stat.S_ISDIR(os.fstat(fd).st_mode) else "files"
        if kind != UNSYNCED:
            fsync(fd)

    os.fsync = careless
    follower = Follower(LOG.verifier, DirectoryLog(logs), folder / "public" / "2026", fetches=2)
    if follower.kept.size:
        for _ in read_log(follower.read, follower.kept, tiles=True):
            pass
    say(f"found {follower.kept.size}")
    with closing(SqliteTagIndex(folder / "tags" / "2026.sqlite")) as index:
        mirrored = MirroredLog(follower, index, MIRROR)
        mirrored.settle()
        mirrored.catch_up()
        answer(mirrored)
        follow(mirrored)
        say(f"shown {follower.kept.size}")
        answer(mirrored)
    say("end")


def answer(mirrored: MirroredLog) -> None:
    """The tag of every hundredth entry must be found where it stands."""
    size = mirrored.follower.kept.size
    if not size:
        return
    asked = {tags_of(index)[0]: index for index in range(0, size, 100)}
    question = b"".join(sorted(asked))
    absence, _ = open_absence(mirrored.say(size, question), [MIRROR.verifier])
    if {found.tag: found.entry for found in absence.found} != asked:
        raise SystemExit("a tag was not found where it stands")
    say(f"said {size}")


main()
