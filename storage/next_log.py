"""What a next log needs before it begins: in the folder `next` of the data folder.

    next/log.key                   its private key
    next/series-2028.private.pem   the series keys of years that have none yet
    next/trust/                    the trust folder, with the next log in it

It is there whole or not at all. Put in place it replaces the key of the log before, which can
then sign nothing any more. Every step may be done again: a crash in between is finished by
whoever opens the folder next.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import Conflict
from storage.durable import PUBLIC_FILE, PUBLIC_FOLDER, make_folder, refusals, sync_folder
from storage.durable import write_file as write
from storage.folder import DataFolder
from storage.folder_lock import FolderLock
from storage.trust_directory import read_trust
from storage.trust_written import write_trust

LOG_KEY = "log.key"
LISTED = "logs"  # the last of the trust folder's files: with it the others have their place


def stage(folder: DataFolder, keys: Mapping[str, bytes], trust: Mapping[str, bytes]) -> None:
    """Raises `Conflict` if a next log is prepared already, or just now by another process."""
    staging = folder.path / ".new-next"
    # Two at once would mix their files: one's key with the other's policy.
    with FolderLock(folder.path / ".new-next.lock"), refusals(f"prepare {str(folder.next)!r}"):
        if folder.next.exists():
            raise Conflict(f"{str(folder.next)!r} is there already: a next log is prepared")
        shutil.rmtree(staging, ignore_errors=True)
        make_folder(staging)
        for name, data in keys.items():
            write(staging / name, data)
        write_trust(staging / "trust", trust)
        staging.rename(folder.next)
        sync_folder(folder.path)


def put_in_place(folder: DataFolder) -> None:
    """After the next log has begun: its keys and the trust folder with it become the folder's."""
    staged = folder.next / "trust"
    read_trust(staged)
    with refusals(f"put {str(folder.next)!r} in place"):
        for pem in sorted(folder.next.glob("series-*.private.pem")):
            write(folder.keys / pem.name, pem.read_bytes())
        names = [p.relative_to(staged) for p in sorted(staged.rglob("*")) if p.is_file()]
        for name in sorted(names, key=lambda name: name.as_posix() == LISTED):
            target = folder.trust / name
            make_folder(target.parent, mode=PUBLIC_FOLDER)
            data = (staged / name).read_bytes()
            # Beside the trust folder: in it an unfinished file would have no place.
            write(target, data, mode=PUBLIC_FILE, scratch=folder.path)
        write(folder.keys / LOG_KEY, (folder.next / LOG_KEY).read_bytes())
        done = folder.path / ".new-next"
        shutil.rmtree(done, ignore_errors=True)
        folder.next.rename(done)
        sync_folder(folder.path)
        shutil.rmtree(done)


def staged_key(folder: DataFolder) -> Path | None:
    """The private key of a next log that is prepared; None if there is none."""
    path = folder.next / LOG_KEY
    return path if path.exists() else None
