"""Servers that destroy what a disposal names, each killed at one step: `disposing_main.py`.

A line `FOLDER NTH before|after` on stdin opens the ledger in FOLDER, in a process of its own that
is forked before any thread is there; it kills itself before or after the NTH step of destroying,
with SIGKILL, so nothing is closed or folded. Then the line `killed`, or `done` and the steps.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from api import services
from storage.catalog_sqlite import SqliteCatalog
from storage.database import DatabaseFile
from storage.ledger_sqlite import SqliteLedgerStore
from storage.objects_directory import DirectoryObjectStore
from storage.places_sqlite import SqlitePlaces
from testkit.children import die_with_parent
from testkit.server import open_ledger

STEPS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (SqliteLedgerStore, ("erase", "item_erased", "disposed")),
    (SqlitePlaces, ("leave", "remove_ref", "remove")),
    (DirectoryObjectStore, ("put_companion", "delete", "hold")),
    (SqliteCatalog, ("forget",)),
    (DatabaseFile, ("fold",)),
    (services.Custody, ("status",)),
)
SECOND = {"second_store": "directory:../second"}


def arm(nth: int, after: bool) -> list[str]:
    """The steps that are done, as they are; the process ends at one of them."""
    done: list[str] = []

    def step(owner: type, name: str) -> None:
        real = getattr(owner, name)

        def run(*args: Any, **more: Any) -> Any:
            last = len(done) == nth
            done.append(name)
            if last and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*args, **more)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, run)

    for owner, names in STEPS:
        for name in names:
            step(owner, name)
    return done


def destroy(folder: Path, nth: int, after: bool) -> str:
    done = arm(nth, after)
    with open_ledger(folder, **SECOND) as ledger:
        ends = time.monotonic() + 60
        while ledger.services.store.disposals_to_do() and time.monotonic() < ends:
            time.sleep(0.005)
    return " ".join(["done", *done])


def main() -> None:
    for line in sys.stdin:
        folder, nth, when = line.rsplit(maxsplit=2)
        reads, writes = os.pipe()
        child = os.fork()
        if not child:
            die_with_parent()
            os.write(writes, destroy(Path(folder), int(nth), when == "after").encode())
            os._exit(0)
        os.close(writes)
        with os.fdopen(reads) as said:
            text = said.read()
        os.waitpid(child, 0)
        print(text or "killed", flush=True)


if __name__ == "__main__":
    main()
