import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from api.publisher import ALONE_AFTER_S, Publisher
from ledger.errors import Malformed, Unavailable
from ledger.log import Log
from ledger.ports import CosignerClient
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import Signature, SignedNote
from ledger.tlog.policy import Policy
from testkit.audit import audit
from testkit.keys import cosigner
from testkit.world import NAMES, MemoryCosigner, World

WAIT = 60.0  # until it is held to come no more
NEVER = 3600.0


class Dead:
    def __init__(self) -> None:
        self.asked = 0

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        self.asked += 1
        raise Unavailable("no route to it")


class Broken:
    """Its client has a defect."""

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        raise ValueError("not one of ours")


class Says:
    """Answers the same to whatever it is asked."""

    def __init__(self, status: int, answer: bytes) -> None:
        self.said = status, answer
        self.asked = threading.Semaphore(0)

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        self.asked.release()
        return self.said


class Slow:
    """Hands on a request only once it is let go."""

    def __init__(self, client: CosignerClient) -> None:
        self.client = client
        self.open = threading.Event()
        self.asked = threading.Event()

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        self.asked.set()
        self.open.wait()
        return self.client.add_checkpoint(body)


class Site:
    """A world with a publisher; `wait` until something holds."""

    def __init__(self, **clients: CosignerClient) -> None:
        self.world = World()
        self.clients: dict[str, CosignerClient] = {**self.world.cosigners, **clients}
        self.publisher = Publisher(self.world.log, self.world.policy, self.clients)

    def file(self, number: int) -> int:
        self.world.file(self.world.evidence(number))
        self.publisher.wake()
        return self.world.log.size

    def published(self) -> SignedNote:
        return SignedNote.from_bytes(self.world.public.get("checkpoint"))

    def published_size(self) -> int:
        published = self.world.log.published()
        return published.size if published is not None else 0

    def witnesses(self) -> set[str]:
        return set(self.world.policy.open(self.published()).times)

    def cosigned(self, size: int) -> Callable[[], bool]:
        return lambda: self.publisher.cosigned_size >= size


def wait(condition: Callable[[], bool]) -> None:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < WAIT, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def no_patience_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would wait for one of the publisher's times comes never."""
    monkeypatch.setattr("api.publisher.ALONE_AFTER_S", NEVER)
    monkeypatch.setattr("api.publisher.ROUND_S", NEVER)
    monkeypatch.setattr("api.publisher.RETRY_S", (NEVER,))


@pytest.fixture
def site() -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def begin(**clients: CosignerClient) -> Site:
        made = Site(**clients)
        sites.append(made)
        made.publisher.start()
        return made

    yield begin
    for made in sites:
        for client in made.clients.values():
            if isinstance(client, Slow):
                client.open.set()
        made.publisher.stop()


def test_a_commit_is_published_with_its_quorum(site: Callable[..., Site]) -> None:
    here = site()
    size = here.file(1)
    wait(here.cosigned(size))
    assert here.published_size() == size
    assert len(here.witnesses()) >= 2
    here.publisher.stop()
    audit(here.world)


@pytest.mark.usefixtures("no_patience_helps")
def test_one_dead_cosigner_delays_nothing(site: Callable[..., Site]) -> None:
    here = site(archive=Dead())
    for n in range(5):
        wait(here.cosigned(here.file(n)))
    assert here.witnesses() == {"notary", "court"}


@pytest.mark.usefixtures("no_patience_helps")
def test_one_slow_cosigner_delays_nothing(site: Callable[..., Site]) -> None:
    slow = Slow(Dead())
    here = site(archive=slow)
    for n in range(5):
        wait(here.cosigned(here.file(n)))
    assert slow.asked.wait(WAIT)
    assert not slow.open.is_set()


@pytest.mark.usefixtures("no_patience_helps")
def test_one_whose_client_breaks_delays_nothing(site: Callable[..., Site]) -> None:
    here = site(archive=Broken())
    for n in range(5):
        wait(here.cosigned(here.file(n)))


def test_under_steady_load_the_cosigners_meet(site: Callable[..., Site]) -> None:
    """Each takes its own time, and every round still gets its quorum."""

    class Lagging(MemoryCosigner):
        def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
            time.sleep(self.lag)
            return super().add_checkpoint(body)

    world = World()
    clients = {}
    for lag, name in zip((0.01, 0.03, 0.2), NAMES, strict=True):
        clients[name] = Lagging(cosigner(f"{name}.example/w1"), world.log_key, world.clock)
        clients[name].lag = lag  # type: ignore[attr-defined]
    here = site(**clients)
    cosigned: set[int] = set()
    number = 0

    def filed_on() -> bool:
        nonlocal number
        number += 1
        here.file(number)
        cosigned.add(here.publisher.cosigned_size)
        return len(cosigned) >= 10

    wait(filed_on)
    wait(here.cosigned(here.world.log.size))
    here.publisher.stop()
    audit(here.world)


def test_without_a_quorum_the_log_signs_alone_after_a_second(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    at: dict[str, float] = {}

    def told(name: str) -> None:
        real = getattr(Log, name)

        def call(*args: Any) -> Any:
            at.setdefault(name, time.monotonic())
            return real(*args)

        monkeypatch.setattr(Log, name, call)

    told("materialise")
    told("publish")
    here = site(notary=Dead(), court=Dead())
    wait(lambda: here.published_size() == 4)
    assert at["publish"] - at["materialise"] >= ALONE_AFTER_S
    assert here.witnesses() <= {"archive"}
    assert here.world.log.best_note(1) is None


def test_without_a_quorum_no_steady_load_keeps_the_log_from_signing_alone(
    site: Callable[..., Site],
) -> None:
    """Who answers at once that he does not sign ends a round as soon as it has begun."""
    here = site(notary=Dead(), court=Dead(), archive=Dead())
    number, shown = 0, set()

    def filed_on() -> bool:
        nonlocal number
        number += 1
        here.file(number)
        shown.add(here.published_size())
        return len(shown) >= 3

    wait(filed_on)
    here.publisher.stop()
    assert here.published_size() == here.world.log.size


def test_what_comes_behind_a_quorum_waits_for_its_own(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long ago the quorum was: its second begins with the entry."""
    world = World()
    slow = []
    for name in NAMES:
        key = cosigner(f"{name}.example/w1")
        slow.append(Slow(MemoryCosigner(key, world.log_key, world.clock)))
        slow[-1].open.set()
    night = 0.0
    monkeypatch.setattr("api.publisher.ALONE_AFTER_S", NEVER)
    monkeypatch.setattr(
        "api.publisher.time", SimpleNamespace(monotonic=lambda: time.monotonic() + night)
    )
    here = site(**dict(zip(NAMES, slow, strict=True)))
    wait(here.cosigned(4))
    for one in slow:
        one.open.clear()
        one.asked.clear()
    night = 2 * NEVER
    size = here.file(1)
    for one in slow:
        assert one.asked.wait(WAIT)
    here.publisher.wake()  # it has looked once already, and looks again
    time.sleep(0.1)
    assert here.published_size() == 4
    for one in slow:
        one.open.set()
    wait(here.cosigned(size))


def test_after_a_restart_the_log_alone_takes_no_cosignature_from_the_public(
    site: Callable[..., Site],
) -> None:
    here = site()
    wait(lambda: here.published_size() == 4 and here.witnesses() == {"notary", "court", "archive"})
    here.publisher.stop()
    dead = {name: Dead() for name in here.clients}
    again = Publisher(here.world.log, here.world.policy, dead)
    again.start()
    try:
        wait(lambda: all(one.asked for one in dead.values()))
    finally:
        again.stop()
    assert here.witnesses() == {"notary", "court", "archive"}


@pytest.mark.usefixtures("no_patience_helps")
def test_without_cosigners_the_log_publishes_alone_and_at_once(
    site: Callable[..., Site],
) -> None:
    world = World()
    publisher = Publisher(world.log, Policy(world.log_key.verifier, (), (), None), {})
    publisher.start()
    try:
        for n in range(3):
            world.file(world.evidence(n))
            publisher.wake()
            wait(lambda: world.log.materialised == world.log.size)
            wait(
                lambda: (
                    world.log.published() is not None
                    and world.log.published().size == world.log.size
                )
            )
    finally:
        publisher.stop()
    audit(world)


def test_a_late_third_signature_is_added(site: Callable[..., Site]) -> None:
    world = World()
    slow = Slow(MemoryCosigner(cosigner("archive.example/w1"), world.log_key, world.clock))
    here = site(archive=slow)
    wait(here.cosigned(4))
    assert here.witnesses() == {"notary", "court"}
    slow.open.set()
    wait(lambda: here.witnesses() == set(NAMES))
    kept = here.world.policy.open(SignedNote.from_text(here.world.log.best_note(4)))
    assert set(kept.times) == set(NAMES)


def other_signature() -> bytes:
    """A good cosignature by someone who is not in the policy."""
    world = World()
    note = world.step()
    stranger = MemoryCosigner(cosigner("stranger.example/w1"), world.log_key, world.clock)
    _, line = stranger.add_checkpoint(world.log.submission(note, 0).to_bytes())
    return line


def forged_signature() -> bytes:
    """A line that claims the archive and is over another checkpoint."""
    other = World()
    other.file(other.evidence(77))
    note = other.step(NAMES)
    line = note.by(other.cosigners["archive"].key.verifier)
    assert line is not None
    return line.to_text().encode()


@pytest.mark.parametrize(
    "status, answer",
    [
        (200, b""),
        (200, b"garbage"),
        (200, b"\xff\xfe\x00"),
        (200, b"<html>Log in to the guest network</html>\n"),
        (200, other_signature()),
        (200, forged_signature()),
        (200, forged_signature() * 2),
        (200, forged_signature() + b"\n" + forged_signature()),
        (200, b"x" * 70_000),
        (200, other_signature() * 20),
        (204, b""),
        (302, b"/login"),
        (400, b"what?"),
        (409, b""),
        (409, b"nonsense"),
        (409, b"-1\n"),
        (409, "\u0663\n".encode()),
        (409, b"9" * 400),
        (409, b"0\n"),
        (409, b"999999\n"),
        (500, b"{}"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_cosigner_that_answers_nonsense_spoils_nothing(
    site: Callable[..., Site], status: int, answer: bytes
) -> None:
    liar = Says(status, answer)
    here = site(archive=liar)
    wait(here.cosigned(4))
    assert liar.asked.acquire(timeout=WAIT)
    wait(here.cosigned(here.file(1)))
    assert here.witnesses() == {"notary", "court"}


def test_a_cosigner_that_once_named_a_size_ahead_of_us_is_asked_again(
    site: Callable[..., Site],
) -> None:
    class Once(MemoryCosigner):
        lied = False

        def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
            if not self.lied:
                self.lied = True
                return 409, b"123456789\n"
            return super().add_checkpoint(body)

    world = World()
    here = site(archive=Once(cosigner("archive.example/w1"), world.log_key, world.clock))
    wait(here.cosigned(4))
    number = 0

    def cosigns() -> bool:
        nonlocal number
        number += 1
        here.file(number)
        wait(here.cosigned(here.world.log.size))
        return "archive" in here.witnesses()

    wait(cosigns)


def test_a_cosigner_who_knows_an_older_size_is_sent_the_proof_from_there(
    site: Callable[..., Site],
) -> None:
    here = Site(court=Dead(), archive=Dead())
    here.world.step(["notary"])
    here.file(1)
    here.publisher.start()
    try:
        wait(lambda: here.world.cosigners["notary"].last.size == 5)
    finally:
        here.publisher.stop()


def test_a_failed_round_is_tried_again(site: Callable[..., Site]) -> None:
    class Recovers(MemoryCosigner):
        failed = False

        def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
            if not self.failed:
                self.failed = True
                raise Unavailable("not yet")
            return super().add_checkpoint(body)

    world = World()
    here = site(
        court=Recovers(cosigner("court.example/w1"), world.log_key, world.clock), archive=Dead()
    )
    wait(here.cosigned(4))
    assert here.published_size() == 4 and here.witnesses() == {"notary", "court"}


@pytest.mark.parametrize("method", ["public.replace", "store.add_cosigned", "public.put"])
def test_a_write_that_fails_once_while_publishing_is_made_up_for(
    site: Callable[..., Site], method: str
) -> None:
    here = site(archive=Dead())  # whose late signature would make up for it
    wait(here.cosigned(4))
    with here.world.crash_before(method):
        size = here.file(1)
        wait(lambda: here.published_size() == size)
    wait(here.cosigned(size))
    wait(lambda: len(here.witnesses()) >= 2)


def test_stop_publishes_what_is_committed(site: Callable[..., Site]) -> None:
    here = site(notary=Dead(), court=Dead(), archive=Dead())
    size = here.file(1)
    here.publisher.stop()
    assert here.published_size() == size


def test_stop_ends_although_nothing_can_be_published(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    wait(here.cosigned(4))

    def fail(*arguments: object) -> None:
        raise Unavailable("the disk is gone")

    here.world.public.target.put = fail
    here.file(1)
    monkeypatch.setattr("api.publisher.STOP_S", WAIT)
    here.publisher.stop()
    assert not any(thread.is_alive() for thread in here.publisher._threads)


def test_a_round_that_never_ends_is_left_behind(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.publisher.ROUND_S", 0.5)
    here = site(court=Dead(), archive=Slow(Dead()))
    wait(lambda: here.world.log.materialised == 4)
    size = here.file(1)
    wait(lambda: here.published_size() == size)


def test_the_checkpoint_in_public_never_shrinks(site: Callable[..., Site]) -> None:
    here = site()
    sizes = []
    for n in range(60):
        here.file(n)
        sizes.append(here.published_size())
    wait(here.cosigned(here.world.log.size))
    assert sizes == sorted(sizes)
    assert Checkpoint.from_text(here.published().text).size == here.world.log.size
    here.publisher.stop()
    audit(here.world)


def test_a_line_for_which_a_note_has_no_room_ends_no_thread(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    add, refusals = SignedNote.with_signatures, list(NAMES)

    def full(note: SignedNote, more: Iterable[Signature]) -> SignedNote:
        if refusals:
            raise Malformed(f"want at most 16 signatures, got one by {refusals.pop()}")
        return add(note, more)

    monkeypatch.setattr(SignedNote, "with_signatures", full)
    here = site()
    wait(here.cosigned(here.file(1)))
