"""Verifies a whole log again, from its public bytes alone, against what filers were told."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from ledger.evidence.entry import Entry, commit
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.tlog.audit import read_log
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.note import SignedNote
from testkit.world import Closed, World


def audit(world: World) -> list[bytes]:
    """Every acknowledged statement is there once, nothing else is; the entries of the open log."""
    opened = Closed(world.log_key, world.policy, world.public, world.cosigners)
    logs = [*world.closed, opened]
    every = [_read(log) for log in logs]
    sizes = [head.edge.size for head in world.store.heads()]
    assert [len(entries) for entries in every] == sizes, "a closed log has other entries"
    parsed = [_entry(entry) for entries in every for entry in entries]
    assert all(a.at <= b.at for a, b in pairwise(parsed)), "`at` decreases"
    _check_acknowledged(world, every)
    _check_nothing_else(world, [entry for entries in every for entry in entries])
    for number, (log, entries) in enumerate(zip(logs, every, strict=True)):
        _check_one_history(world, number, log, entries)
    return every[-1]


def _read(log: Closed) -> list[bytes]:
    note = SignedNote.from_bytes(log.public.get("checkpoint"))
    published = open_checkpoint(note, log.key.verifier)
    read = read_log(log.public.get, published, tiles=True)
    return [entry for _, bundle in read for entry in bundle]


# The same entries and envelopes are audited in hundreds of worlds.
@lru_cache(4096)
def _entry(data: bytes) -> Entry:
    return Entry.from_bytes(data)


@lru_cache(4096)
def _id(envelope: bytes) -> str:
    return Statement.from_bytes(Envelope.from_bytes(envelope).payload).id


def _check_acknowledged(world: World, every: list[list[bytes]]) -> None:
    for id_, said in world.acknowledged.items():
        assert every[said.log][said.index] == said.entry, f"{id_} is not at {said.index}"
        assert _entry(said.entry).commitment == commit(said.salt, said.envelope)
    places = [(said.log, said.index) for said in world.acknowledged.values()]
    assert len(set(places)) == len(places), "two statements share a place"


def _check_nothing_else(world: World, entries: list[bytes]) -> None:
    """Every entry is of a statement that someone sent, and no statement has two."""
    rows = list(world.store.rows(0, len(entries)))
    for row, entry in zip(rows, entries, strict=True):
        assert row.entry == entry
        assert row.envelope in world.sent, f"nobody sent what is at {row.position}"
        assert _entry(entry).commitment == commit(row.salt, row.envelope)
    ids = {_id(row.envelope) for row in rows}
    assert len(ids) == len(rows), "a statement stands twice"


def _check_one_history(world: World, number: int, log: Closed, entries: list[bytes]) -> None:
    """Whatever checkpoint anyone was shown begins the published tree."""
    leaves = [leaf_hash(entry) for entry in entries]
    roots: dict[int, bytes] = {}
    for checkpoint in _shown(world, number, log):
        size = checkpoint.size
        if size not in roots:
            roots[size] = root_of(leaves[:size])
        assert size <= len(leaves) and checkpoint.root == roots[size], f"a fork at {size}"


def _shown(world: World, number: int, log: Closed) -> Iterator[Checkpoint]:
    for text in world.signed:
        if text.startswith(f"{log.key.name}\n"):
            yield open_checkpoint(SignedNote.from_text(text), log.key.verifier)
    for client in log.cosigners.values():
        yield from client.signed
    size = 0
    while (kept := world.store.cosigned(number, size)) is not None:
        cosigned = log.policy.open(SignedNote.from_text(kept))
        assert cosigned.quorum_time is not None
        yield cosigned.checkpoint
        size = cosigned.checkpoint.size + 1
