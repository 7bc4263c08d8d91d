import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from api import writer as module
from api.writer import Result, Writer
from ledger.errors import Unavailable
from ledger.filing import Filing, read_filing
from ledger.log import Accepted
from testkit.audit import audit
from testkit.world import World, evidence

WAIT = 60.0
After = Callable[[Sequence[Filing], Sequence[Result]], None]


class Gate:
    """A log whose `accept` waits until it is let go."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches: list[int] = []

    def accept(self, filings: Sequence[Filing]) -> Any:
        self.entered.set()
        assert self.open.wait(WAIT)
        self.batches.append(len(filings))
        return self.world.file(*(filing.data for filing in filings))


def filing(number: int) -> Filing:
    return read_filing(evidence(number))


@pytest.fixture
def gate() -> Gate:
    world = World()
    world.hold(b"photo")
    return Gate(world)


@pytest.fixture
def start(gate: Gate) -> Iterator[Callable[..., Writer]]:
    writers: list[Writer] = []

    def begin(after: After = lambda filings, results: None) -> Writer:
        writers.append(Writer(gate, after))  # type: ignore[arg-type]
        return writers[-1]

    yield begin
    gate.open.set()
    for each in writers:
        each.stop()


def test_what_arrives_during_a_commit_is_the_next_batch(
    gate: Gate, start: Callable[..., Writer]
) -> None:
    writer = start()
    first = writer.submit([filing(0)])
    assert gate.entered.wait(WAIT)
    rest = [writer.submit([filing(2 * n), filing(2 * n + 1)]) for n in range(1, 6)]
    gate.open.set()
    assert [len(future.result(WAIT)) for future in [first, *rest]] == [1, 2, 2, 2, 2, 2]
    assert gate.batches == [1, 10]
    gate.world.step()
    audit(gate.world)


def test_every_request_gets_the_results_of_its_own_statements(
    gate: Gate, start: Callable[..., Writer]
) -> None:
    writer = start()
    writer.submit([filing(0)])
    assert gate.entered.wait(WAIT)
    futures = [writer.submit([filing(n), read_filing(evidence(n, b"unheld"))]) for n in range(1, 9)]
    gate.open.set()
    for n, future in enumerate(futures, 1):
        good, bad = future.result(WAIT)
        assert isinstance(good, Accepted) and good.row.envelope == evidence(n)
        assert not isinstance(bad, Accepted)


def test_a_batch_has_a_limit(
    gate: Gate, start: Callable[..., Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BATCH", 3)
    writer = start()
    writer.submit([filing(0)])
    assert gate.entered.wait(WAIT)
    futures = [writer.submit([filing(n)]) for n in range(1, 8)]
    gate.open.set()
    for future in futures:
        future.result(WAIT)
    assert gate.batches == [1, 3, 3, 1]


def test_a_full_queue_says_so(
    gate: Gate, start: Callable[..., Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    writer = start()
    writer.submit([filing(0)])
    assert gate.entered.wait(WAIT)
    waiting = [writer.submit([filing(n)]) for n in (1, 2)]
    with pytest.raises(Unavailable, match="2 requests wait"):
        writer.submit([filing(3)])
    gate.open.set()
    for future in waiting:
        future.result(WAIT)


def test_stop_finishes_what_waits_and_takes_no_more(gate: Gate) -> None:
    writer = Writer(gate, lambda filings, results: None)  # type: ignore[arg-type]
    futures = [writer.submit([filing(n)]) for n in range(5)]
    threading.Timer(0.1, gate.open.set).start()
    writer.stop()
    assert all(isinstance(f.result(0)[0], Accepted) for f in futures)
    with pytest.raises(Unavailable, match="closing"):
        writer.submit([filing(9)])


def test_after_each_commit_the_results_are_told(gate: Gate, start: Callable[..., Writer]) -> None:
    told: list[int] = []
    done = threading.Event()
    gate.open.set()
    writer = start(lambda filings, results: (told.append(len(results)), done.set()))
    writer.submit([filing(0), filing(1)])
    assert done.wait(WAIT) and told == [2]


def test_a_failure_after_the_commit_is_no_failure_of_the_statement(
    gate: Gate, start: Callable[..., Writer]
) -> None:
    def fail(filings: Sequence[Filing], results: Sequence[Result]) -> None:
        raise RuntimeError("the catalogue")

    gate.open.set()
    writer = start(fail)
    for n in range(2):
        assert isinstance(writer.submit([filing(n)]).result(WAIT)[0], Accepted)


@pytest.mark.parametrize("error", [Unavailable("the disk"), RuntimeError("a defect")])
def test_a_store_that_fails_fails_the_batch_and_not_the_next(
    gate: Gate, start: Callable[..., Writer], error: Exception
) -> None:
    gate.open.set()
    accept, gate.accept = gate.accept, None  # type: ignore[assignment,method-assign]

    def fail(envelopes: Sequence[bytes]) -> Any:
        raise error

    gate.accept = fail  # type: ignore[method-assign]
    writer = start()
    with pytest.raises(type(error)):
        writer.submit([filing(0)]).result(WAIT)
    gate.accept = accept  # type: ignore[method-assign]
    assert isinstance(writer.submit([filing(0)]).result(WAIT)[0], Accepted)


def test_a_request_given_up_while_waiting_is_dropped_and_harms_nobody(
    gate: Gate, start: Callable[..., Writer]
) -> None:
    writer = start()
    running = writer.submit([filing(0)])
    assert gate.entered.wait(WAIT)
    given_up: Future[Any] = writer.submit([filing(1)])
    other = writer.submit([filing(2)])
    assert given_up.cancel()
    assert not running.cancel(), "what is being committed cannot be taken back"
    gate.open.set()
    assert isinstance(running.result(WAIT)[0], Accepted)
    assert isinstance(other.result(WAIT)[0], Accepted)
    assert gate.batches == [1, 1]


def test_work_runs_between_two_commits(gate: Gate, start: Callable[..., Writer]) -> None:
    writer = start()
    order: list[str] = []
    first = writer.submit([filing(0)])
    first.add_done_callback(lambda _: order.append("commit"))
    assert gate.entered.wait(WAIT)
    ran = threading.Event()
    writer.between(lambda: (order.append("work"), ran.set()))  # type: ignore[func-returns-value]
    gate.open.set()
    assert ran.wait(WAIT) and order == ["commit", "work"]


def test_work_that_fails_does_not_end_the_writer(gate: Gate, start: Callable[..., Writer]) -> None:
    gate.open.set()
    writer = start()
    writer.between(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    assert isinstance(writer.submit([filing(0)]).result(WAIT)[0], Accepted)
