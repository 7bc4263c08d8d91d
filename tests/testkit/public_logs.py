"""Public logs of chosen sizes in folders, as this project writes them.

    <size>/public/            checkpoint, tiles and bundles
    <size>/policy             two of three cosigners
    <size>/receipts/<index>.tlog-proof, and the entry beside it

Small ones are filed statement by statement. For large ones the store is filled with
entries at once; tiles, checkpoints, cosignatures and receipts come from the log itself.
"""

import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from ledger.evidence.entry import Entry
from ledger.sequencer import Batch, Row
from ledger.suite import digest
from ledger.tlog.merkle import Edge, leaf_hash
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import sign_note
from storage.public_directory import DirectoryPublicStore
from testkit.world import START_MS, World, grown

SMALL = (1, 255, 256, 257)
LARGE = (65_537, 70_000)  # the second is the first, grown
SIZES = (*SMALL, *LARGE)


def write_logs(root: Path) -> None:
    for size in SMALL:
        world = grown(size, public=DirectoryPublicStore(root / str(size) / "public"))
        _write(world, root / str(size))
    first, grown_to = (root / str(size) for size in LARGE)
    world = World(opened=False, public=DirectoryPublicStore(first / "public"))
    _fill(world, LARGE[0])
    _write(world, first)
    shutil.copytree(first, grown_to)
    world.public.target = DirectoryPublicStore(grown_to / "public")
    _fill(world, LARGE[1])
    _write(world, grown_to)


def _fill(world: World, size: int) -> None:
    """What `accept` would commit, without making and checking seventy thousand statements."""
    head = world.store.head()
    edge = Edge() if head is None else head.edge
    rows = tuple(_row(index) for index in range(edge.size, size))
    edge = edge.extend(leaf_hash(row.entry) for row in rows)
    batch = Batch(rows, (), (), edge, START_MS)
    text = batch.checkpoint(world.log_key.name).to_text()
    note = SignedNote(text, (sign_note(text, world.log_key),)).to_text()
    world.store.commit(batch, note, head)
    world.reopen()
    world.step()


_SPELLED = Entry(START_MS, bytes(32), tuple(bytes([n]) * 16 for n in range(8))).to_bytes()
_BEFORE, _AFTER = _SPELLED.split(b64encode(bytes(32)))


def _row(index: int) -> Row:
    """Entries that differ in their commitment alone: spelling each anew takes ten seconds."""
    commitment = b64encode(digest(f"commitment {index}".encode()))
    entry = _BEFORE + commitment + _AFTER
    return Row(index, f"statement {index}", "evidence", b"", bytes(32), entry, ())


def _write(world: World, folder: Path) -> None:
    size = world.log.size
    (folder / "policy").write_text(world.policy.to_text())
    note = world.log.published_note(size)
    for index in _some(size):
        receipt = folder / "receipts" / f"{index}.tlog-proof"
        receipt.parent.mkdir(exist_ok=True)
        receipt.write_bytes(world.log.receipt(index, note).to_bytes())
        receipt.with_suffix(".entry").write_bytes(world.log.row(index).entry)


def _some(size: int) -> Iterator[int]:
    """Both ends, and both sides of where tiles meet."""
    edges = (0, 1, 255, 256, 257, 65_535, 65_536, size // 2, size - 1)
    return iter(sorted({index for index in edges if index < size}))
