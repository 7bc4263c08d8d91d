"""A ledger whose log is closed and followed by the next, as its operator and registrar do it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def go_on(folder: Path, people: list[Office], origin: str = NEXT) -> Begun:
    """Prepares the next log unless that is done, and begins it. No server may run."""
    with series_keys(), quiet():
        if staged_key(DataFolder.open(folder)) is None:
            prepare(DataFolder.open(folder), origin)
        return begin(DataFolder.open(folder), REGISTRAR, office_clients(people))


@contextmanager
def reopened(folder: Path, people: list[Office]) -> Iterator[Ledger]:
    """With cosigners that were given the key of a log which is prepared."""
    prepared = folder / "next" / "trust"
    trust = read_trust(prepared if prepared.exists() else folder / "trust")
    with open_ledger(folder, people=offices(trust, people)) as ledger:
        yield ledger


def labels(folder: Path) -> list[tuple[str, int]]:
    """The logs that the store has, with their sizes."""
    store = SqliteLedgerStore(folder / "ledger.sqlite")
    heads = store.heads()
    store.close()
    return [(head.note.partition("\n")[0], head.edge.size) for head in heads]
