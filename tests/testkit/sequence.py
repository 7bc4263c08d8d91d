"""A ledger whose log is closed and followed by the next, as its operator and registrar do it."""

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from api.next_log import Begun, begin, prepare
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore
from storage.next_log import staged_key
from storage.trust_directory import read_trust
from testkit.server import (
    ORIGIN,
    REGISTRAR,
    Ledger,
    Office,
    office_clients,
    offices,
    open_ledger,
    quiet,
    series_keys,
)

NEXT = ORIGIN.replace("2026", "2027")
OF_THE_FIRST = b"of the first log"  # the one item that `open_both` has there


def go_on(folder: Path, people: list[Office], origin: str = NEXT) -> Begun:
    """Prepares the next log unless that is done, and begins it. No server may run."""
    with series_keys(), quiet():
        if staged_key(DataFolder.open(folder)) is None:
            prepare(DataFolder.open(folder), origin)
        return begin(DataFolder.open(folder), REGISTRAR, office_clients(people))


@contextmanager
def reopened(folder: Path, people: list[Office], **settings: Any) -> Iterator[Ledger]:
    """With cosigners that were given the key of a log which is prepared."""
    prepared = folder / "next" / "trust"
    trust = read_trust(prepared if prepared.exists() else folder / "trust")
    with open_ledger(folder, people=offices(trust, people), **settings) as ledger:
        yield ledger


@cache
def _both() -> tuple[Path, list[Office]]:
    """Made once a session: a log with a statement, closed, and the next one open."""
    root = Path(mkdtemp(prefix="tiezheng-test-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    with open_ledger(root / "ledger") as ledger:
        ledger.accept(ledger.evidence(OF_THE_FIRST))
        ledger.await_quorum()
    go_on(root / "ledger", ledger.offices)
    return root / "ledger", ledger.offices


def copy_both(folder: Path) -> list[Office]:
    """A ledger of two logs made in `folder`; cosigners of both, who remember the first."""
    made, people = _both()
    shutil.copytree(made, folder)
    twins = offices(read_trust(folder / "trust"))
    for twin, known in zip(twins, people, strict=True):
        twin.service.state.held.update(known.service.state.held)  # type: ignore[attr-defined]
    return twins


@contextmanager
def open_both(folder: Path, **settings: Any) -> Iterator[Ledger]:
    """With a statement in the first of its two logs, which is closed."""
    people = copy_both(folder)
    with open_ledger(folder, people=people, **settings) as ledger:
        yield ledger


def labels(folder: Path) -> list[tuple[str, int]]:
    """The logs that the store has, with their sizes."""
    store = SqliteLedgerStore(folder / "ledger.sqlite")
    heads = store.heads()
    store.close()
    return [(head.note.partition("\n")[0], head.edge.size) for head in heads]
