"""One proof that several runs of chunks belong to an item, as compact as it can be.

The tree is that of the item's chunks (RFC 6962, section 2.1). The proof has the root of every
largest subtree that holds no shown chunk, from left to right: at most two paths of hashes for
each run, and nothing twice. So there is one proof for each set of runs, and one spelling of it.
"""

from collections.abc import Callable, Iterator, Sequence

from ledger.errors import Malformed, Rejected
from ledger.tlog.merkle import check_hashes, node_hash

MAX_RUNS = 65_536
Runs = Sequence[tuple[int, int]]  # first and last chunk of each, ascending, never touching


def check_runs(runs: Runs, chunks: int) -> None:
    """Raises `Malformed` unless they are in order, apart from each other, and below `chunks`."""
    if not 0 < len(runs) <= MAX_RUNS:
        raise Malformed(f"want 1 to {MAX_RUNS} runs of chunks, got {len(runs)}")
    before = -2
    for first, last in runs:
        if not before + 1 < first <= last < chunks:
            raise Malformed(f"want runs of chunks below {chunks}, apart, got {first}-{last}")
        before = last


def hidden(runs: Runs, chunks: int) -> Iterator[tuple[int, int]]:
    """The subtrees whose roots the proof has, as [start, end), from left to right."""
    check_runs(runs, chunks)
    yield from _hidden(runs, 0, chunks)


def prove_runs(runs: Runs, chunks: int, root: Callable[[int, int], bytes]) -> tuple[bytes, ...]:
    """`root(start, end)` is that of the leaves [start, end)."""
    return tuple(root(start, end) for start, end in hidden(runs, chunks))


def root_of_runs(runs: Runs, chunks: int, leaves: Iterator[bytes], proof: Sequence[bytes]) -> bytes:
    """The root that shown leaves, in order, and a proof lead to.

    Raises `Rejected` if the proof has more hashes, or fewer, than these runs take. `leaves` are
    asked for one by one, as many as the runs have.
    """
    check_runs(runs, chunks)
    check_hashes(proof)
    rest = iter(proof)
    root = _root(runs, 0, chunks, leaves, rest)
    if next(rest, None) is not None:
        raise Rejected("the proof has more hashes than these chunks take")
    return root


def _hidden(runs: Runs, start: int, end: int) -> Iterator[tuple[int, int]]:
    inside = _inside(runs, start, end)
    if not inside:
        yield start, end
    elif inside[0][0] > start or inside[-1][1] < end - 1 or len(inside) > 1:
        middle = _middle(start, end)
        yield from _hidden(inside, start, middle)
        yield from _hidden(inside, middle, end)


def _root(
    runs: Runs, start: int, end: int, leaves: Iterator[bytes], rest: Iterator[bytes]
) -> bytes:
    inside = _inside(runs, start, end)
    if not inside:
        found = next(rest, None)
        if found is None:
            raise Rejected("the proof has fewer hashes than these chunks take")
        return found
    if end - start == 1:
        return next(leaves)
    middle = _middle(start, end)
    left = _root(inside, start, middle, leaves, rest)
    return node_hash(left, _root(inside, middle, end, leaves, rest))


def _inside(runs: Runs, start: int, end: int) -> Runs:
    """The parts of the runs in [start, end)."""
    return [
        (max(first, start), min(last, end - 1))
        for first, last in runs
        if first < end and last >= start
    ]


def _middle(start: int, end: int) -> int:
    """Behind the largest power of two of leaves below all of them."""
    return start + (1 << (end - start - 1).bit_length() - 1)
