"""The container: every file is there, once, and undamaged since the packet was made."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from ledger import abreast, suite
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.evidence.chunks import ItemDigest, ItemHasher
from ledger.evidence.packet import INDEX, Index, Layout, check_bag
from ledger.report import Finding, Outcome
from ledger.verdict.examination import Examination, failed


def container(ex: Examination) -> Iterator[Finding]:
    try:
        sizes = ex.packet.sizes()
        ex.layout = Layout.of(sizes)
        expected = check_bag(sizes, ex.read)
        ex.tags_digest = suite.digest(ex.read("tagmanifest-sha256.txt")).hex()
        ex.index = _read_index(ex)
        _check_index(ex.index, ex.layout)
    except Unavailable:
        raise
    except LedgerError as error:
        ex.unreadable = True
        yield failed("container", "packet", error)
        return
    bad = 0
    items, certificates = set(ex.layout.items), set(ex.layout.certificates)
    with ThreadPoolExecutor() as pool:
        digests = pool.map(lambda p: _digest(ex, p), expected)
        for path, (found, refused) in zip(expected, digests, strict=True):
            if refused is not None:
                bad += 1
                yield failed("container", path, refused)
            elif found.sha256 != expected[path]:
                bad += 1
                detail = "the bytes are not what the manifest says"
                yield Finding("container", Outcome.FAILED, path, detail)
            if path in items:
                ex.item_digests[path] = found
            if path in certificates:
                ex.certificates[path] = found
    if not bad:
        yield Finding("container", Outcome.PASSED, "packet", f"{len(sizes)} files")


def _read_index(ex: Examination) -> Index:
    try:
        return Index.from_bytes(ex.read(INDEX))
    except Malformed as error:
        raise error.under(INDEX) from None


def _check_index(index: Index, layout: Layout) -> None:
    listed = sorted(f"data/items/{name}" for name in index.items)
    if listed != sorted(layout.items):
        raise Rejected(f"{INDEX} lists other items than the packet holds")
    notes = sorted(f"data/checkpoints/{name}" for name in index.checkpoints)
    if notes != sorted(layout.checkpoints.values()):
        raise Rejected(f"{INDEX} lists other checkpoints than the packet holds")


def _digest(ex: Examination, path: str) -> tuple[ItemDigest, LedgerError | None]:
    """The digests of the bytes as they are, and what the container has against them."""
    hasher = ItemHasher()
    refused = None
    try:
        abreast.feed(_counted(ex, path), hasher.parts)
    except (Malformed, Rejected) as error:
        refused = error
    found = hasher.finish()
    ex.leaves[path] = hasher.leaves
    return found, refused


def _counted(ex: Examination, path: str) -> Iterator[bytes | memoryview]:
    for piece in ex.packet.stream(path):
        yield piece
        ex.on_bytes(len(piece))
