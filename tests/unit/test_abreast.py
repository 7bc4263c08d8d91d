import random
import threading
from collections.abc import Iterator

import pytest

from ledger.abreast import AHEAD, WORTH_IT, Piece, feed
from ledger.errors import Rejected
from ledger.evidence.chunks import ItemHasher, digest_item

LARGE = bytes(WORTH_IT)


class Failed(Exception):
    pass


def mixed(seed: int, count: int = 12) -> list[bytes]:
    """Pieces small and large, in an order that `seed` decides."""
    chance = random.Random(seed)
    sizes = [chance.choice([0, 1, 1000, WORTH_IT, WORTH_IT + 1, 300_000]) for _ in range(count)]
    return [chance.randbytes(size) for size in sizes]


@pytest.mark.parametrize("seed", range(8))
def test_every_taker_gets_every_byte_in_order(seed: int) -> None:
    pieces = mixed(seed)
    first, second = bytearray(), bytearray()
    feed(pieces, (first.extend, second.extend))
    assert first == second == b"".join(pieces)


@pytest.mark.parametrize("seed", range(4))
def test_an_item_has_the_digests_that_it_has_in_one_thread(seed: int) -> None:
    pieces = mixed(seed)
    hasher = ItemHasher()
    feed(pieces, hasher.parts)
    assert hasher.finish() == digest_item(b"".join(pieces))


def test_takers_work_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=60)
    feed([LARGE], (lambda p: together.wait(), lambda p: together.wait()))


def test_small_pieces_start_no_thread() -> None:
    threads: set[threading.Thread] = set()
    feed([b"small", b"also"], [lambda p: threads.add(threading.current_thread())])
    assert threads == {threading.current_thread()}


def test_no_pieces_are_no_bytes() -> None:
    taken: list[Piece] = []
    feed([], [taken.append])
    assert taken == []


@pytest.mark.parametrize("piece", [LARGE, b"small"])
def test_what_a_taker_raises_is_raised_and_no_thread_is_left(piece: bytes) -> None:
    def refuse(_: Piece) -> None:
        raise Failed

    before = threading.active_count()
    with pytest.raises(Failed):
        feed([piece] * 20, (lambda p: None, refuse))
    assert threading.active_count() == before


def test_what_was_read_before_the_reading_failed_is_taken_by_all() -> None:
    def pieces() -> Iterator[bytes]:
        yield LARGE
        yield LARGE
        raise Rejected("the container says they differ")

    first, second = bytearray(), bytearray()
    with pytest.raises(Rejected):
        feed(pieces(), (first.extend, second.extend))
    assert first == second == LARGE * 2


def test_reading_is_never_far_ahead_of_the_slowest_taker() -> None:
    """So that few pieces are in memory, and a reader may use its buffers again."""
    read, taken = 0, 0
    ahead: list[int] = []

    def pieces() -> Iterator[bytes]:
        nonlocal read
        for _ in range(50):
            ahead.append(read - taken)
            read += 1
            yield LARGE

    def slow(_: Piece) -> None:
        nonlocal taken
        threading.Event().wait(0.001)
        taken += 1

    feed(pieces(), (slow, lambda p: None))
    assert max(ahead) <= AHEAD
    assert taken == 50
