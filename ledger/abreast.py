"""The same bytes given to several takers at once, each in a thread of its own.

    whole file      piece 1 · piece 2 · piece 3
    chunk tree      piece 1 · piece 2 · piece 3
    who reads       piece 2 · piece 3 · piece 4

Hashing lets go of the interpreter, so two digests take the time of one where there
are two cores. The threads end before the call does and share nothing but the pieces
that they read: what comes out is what would come out one after the other.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

AHEAD = 4  # pieces in memory; fewer, and a taker waits where another was slow for a moment
WORTH_IT = 1 << 17  # bytes; less is digested before another thread has woken

Piece = bytes | memoryview
Taker = Callable[[Piece], object]


def feed(pieces: Iterable[Piece], takers: Sequence[Taker]) -> None:
    """Every piece to every taker, in order; raises what a taker, or the reading, raises.

    What was read before the reading failed has by then been taken, by all of them.
    """
    given: deque[list[Future[object]]] = deque()
    with ExitStack() as stack:
        # One thread each, which keeps the order.
        lines = [stack.enter_context(ThreadPoolExecutor(1)) for _ in takers]
        for piece in pieces:
            while given and (len(given) == AHEAD or len(piece) < WORTH_IT):
                settle(given.popleft())
            if len(piece) < WORTH_IT:
                in_turn(takers, piece)
            else:
                given.append([line.submit(t, piece) for line, t in zip(lines, takers, strict=True)])
        while given:
            settle(given.popleft())


def settle(working: Iterable[Future[object]]) -> None:
    """Waits; raises what the first that failed has raised."""
    for future in working:
        future.result()


def in_turn(takers: Sequence[Taker], piece: Piece) -> None:
    for taker in takers:
        taker(piece)
