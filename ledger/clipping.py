"""Makes a clip out of what a demuxer read of a recording: which chunks, and their proof."""

from collections.abc import Iterable, Sequence

from ledger.evidence.chunks import CHUNK_SIZE, ItemDigest
from ledger.evidence.clip import Clip, Piece, Span, chunk_count
from ledger.evidence.ranges import Runs, prove_runs
from ledger.tlog.merkle import root_of

Reads = Iterable[tuple[int, int]]  # start and end, in bytes


def runs_of(reads: Reads, size: int) -> Runs:
    """The chunks that hold these bytes of an item of `size` bytes."""
    wanted: set[int] = set()
    for start, end in reads:
        wanted.update(range(start // CHUNK_SIZE, -(-min(end, size) // CHUNK_SIZE)))
    runs: list[tuple[int, int]] = []
    for chunk in sorted(wanted):
        if runs and runs[-1][1] == chunk - 1:
            runs[-1] = (runs[-1][0], chunk)
        else:
            runs.append((chunk, chunk))
    return tuple(runs)


def make_clip(
    item: ItemDigest,
    leaves: Sequence[bytes],
    reads: Reads,
    pieces: Sequence[Piece],
    *,
    asked: Span,
    given: Span,
    whole_ms: int,
    tool: str,
) -> Clip:
    """`leaves` are the hashes of all chunks of the item."""
    shown = [*reads, *((piece.original, piece.original + piece.size) for piece in pieces)]
    runs = runs_of(shown, item.size)
    proof = prove_runs(runs, chunk_count(item.size), lambda a, b: root_of(leaves[a:b]))
    return Clip(item, runs, proof, tuple(pieces), asked, given, whole_ms, tool)
