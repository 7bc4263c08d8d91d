"""When a restored log may go on."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.asking_mirrors import Here
from api.restoring import Mark
from api.resuming import NOBODY_SAYS, Answers, _Asking, ask_all, reason_to_wait
from ledger.errors import Unavailable
from ledger.ports import CosignerClient
from ledger.tlog.policy import Group, Policy, Witness
from testkit.server import await_that
from testkit.world import NAMES, World, grown

RECORDED = Path(__file__).parents[1] / "vectors" / "recorded" / "litewitness.json"
WHOLE = Mark(9, 9, "")


class Silent:
    def checkpoint(self, origin: str) -> bytes:
        raise Unavailable("nobody is in")

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        raise Unavailable("nobody is in")


def asked(world: World, away: tuple[str, ...] = ()) -> Answers:
    clients = {name: Silent() if name in away else c for name, c in world.cosigners.items()}
    head = world.log.head
    assert head is not None
    return ask_all(world.policy, clients, Here(head, world.log.root_at))


def reason(world: World, answers: Answers) -> str:
    size = world.log.size
    return reason_to_wait(world.policy, size, Mark(size, size, ""), answers)


def test_those_who_have_seen_this_very_tree_let_it_go_on() -> None:
    world = grown(9)
    answers = asked(world)
    assert answers.sizes == {"notary": 9, "court": 9, "archive": 0}
    assert reason(world, answers) == ""


def test_asking_moves_nobody() -> None:
    world = grown(9)
    world.file(world.evidence(100))
    before = {name: c.last for name, c in world.cosigners.items()}
    asked(world)
    assert {name: c.last for name, c in world.cosigners.items()} == before


def test_one_who_has_seen_more_stops_it_and_is_named() -> None:
    world = grown(9)
    behind = world.fork()
    world.file(world.evidence(100))
    world.step(("court",))
    answers = asked(behind)
    assert answers.sizes["court"] == 9  # a fork of the world copies its cosigners
    behind.cosigners = world.cosigners
    answers = asked(behind)
    assert answers.sizes == {"notary": 9, "court": 10, "archive": 0}
    assert "court knows 10" in reason(behind, answers)


def test_one_who_has_signed_another_tree_of_this_size_stops_it() -> None:
    world = grown(9)
    twin = world.fork()
    world.file(world.evidence(100))
    world.step(("notary", "court", "archive"))
    twin.file(twin.evidence(101))
    twin.cosigners = world.cosigners
    answers = asked(twin)
    assert sorted(answers.another) == sorted(NAMES)
    assert "another tree of 10 entries" in reason(twin, answers)


def test_one_who_shows_another_tree_of_a_smaller_size_stops_it() -> None:
    """A tail that the log key alone signed, longer than what the cosigners know."""
    world = grown(9)
    twin = world.fork()
    world.file(world.evidence(100))
    world.step(("notary",))
    for number in range(2):
        twin.file(twin.evidence(200 + number))
    twin.log.materialise()
    twin.cosigners = world.cosigners
    answers = asked(twin)
    assert (answers.another, answers.shown) == (["notary"], {"notary"})
    assert answers.sizes["court"] == 9  # that tree ours begins with
    assert "notary signed another tree of 11 entries, or of fewer" in reason(twin, answers)


def smaller_twin() -> World:
    """Of 12 entries; the notary has signed another tree of 10."""
    world = grown(9)
    twin = world.fork()
    world.file(world.evidence(100))
    world.step(("notary",))
    for number in range(3):
        twin.file(twin.evidence(200 + number))
    twin.cosigners = world.cosigners
    return twin


def test_where_a_restored_public_log_cannot_be_read_the_entries_are_compared() -> None:
    twin = smaller_twin()
    head = twin.log.head
    assert head is not None
    here = Here(head, lambda size: None, twin.log.root_of, restored=True)
    answers = ask_all(twin.policy, twin.cosigners, here)
    assert answers.another == ["notary"] and answers.sizes["court"] == 9


def test_a_damaged_public_log_is_no_fork() -> None:
    """Its files give a root that no tree has."""
    world = grown(9)
    world.file(world.evidence(100))
    head = world.log.head
    assert head is not None
    answers = ask_all(world.policy, world.cosigners, Here(head, lambda size: bytes(32)))
    assert answers.another == ["court", "notary"]  # with nothing to compare it with
    here = Here(head, lambda size: bytes(32), world.log.root_of)
    answers = ask_all(world.policy, world.cosigners, here)
    assert (answers.another, answers.sizes) == ([], {"archive": 0, "court": 9, "notary": 9})


@pytest.mark.parametrize("trouble", ["slow", "unreadable"])
def test_a_tree_that_could_not_be_compared_yet_says_nothing(
    monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    twin, let_go, comparing = smaller_twin(), threading.Event(), set[str]()

    def root_of(size: int) -> bytes:
        if trouble == "unreadable":
            raise Unavailable("the disk answers no more")
        comparing.add(threading.current_thread().name)
        let_go.wait(60)
        return bytes(32)

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        """The time is up while trees are being compared, however slow the machine."""
        await_that(lambda: self.name in comparing or not self.is_alive(), self.name)

    monkeypatch.setattr(_Asking, "join", join)

    head = twin.log.head
    assert head is not None
    here = Here(head, lambda size: None, root_of, restored=True)
    answers = ask_all(twin.policy, twin.cosigners, here)
    let_go.set()
    assert (answers.another, sorted(answers.silent)) == ([], ["court", "notary"])
    assert "compared" in reason_to_wait(twin.policy, 12, Mark(12, 12, ""), answers)


class Slow:
    """Says at once what it knows, and shows it once it is let go."""

    def __init__(self, cosigner: CosignerClient) -> None:
        self._cosigner = cosigner
        self.asked, self.let_go = threading.Event(), threading.Event()

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        return self._cosigner.add_checkpoint(body)

    def checkpoint(self, origin: str) -> bytes:
        self.asked.set()
        assert self.let_go.wait(60)
        return self._cosigner.checkpoint(origin)


@pytest.mark.parametrize("restored", [True, False])
def test_a_restored_log_waits_until_who_has_signed_less_has_shown_it(
    monkeypatch: pytest.MonkeyPatch, restored: bool
) -> None:
    """Or whoever slows one line down has a thief's tail go on."""
    twin = smaller_twin()
    head = twin.log.head
    assert head is not None
    clients = {name: Slow(cosigner) for name, cosigner in twin.cosigners.items()}
    here = Here(head, twin.log.root_at, twin.log.root_of, restored)
    join = threading.Thread.join

    def cut_short(self: threading.Thread, timeout: float | None = None) -> None:
        """The time is up while that tree is being asked for, however slow the machine."""
        assert clients[self.name.removeprefix("ask-")].asked.wait(60)

    def in_time(self: threading.Thread, timeout: float | None = None) -> None:
        clients[self.name.removeprefix("ask-")].let_go.set()
        join(self, 60)

    with monkeypatch.context() as short:
        short.setattr(_Asking, "join", cut_short)
        answers = ask_all(twin.policy, clients, here)
    assert answers.another == []
    assert ("has not shown that tree yet" in answers.silent.get("notary", "")) is restored
    monkeypatch.setattr(_Asking, "join", in_time)
    answers = ask_all(twin.policy, clients, here)
    assert answers.another == (["notary"] if restored else [])


def test_what_is_to_be_shown_first_counts_at_no_moment_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twin, stood = smaller_twin(), list[object]()
    head = twin.log.head
    assert head is not None

    def note(self: object, name: str, value: object) -> None:
        if name == "answer":
            stood.append(value)
        object.__setattr__(self, name, value)

    monkeypatch.setattr(_Asking, "__setattr__", note, raising=False)
    here = Here(head, twin.log.root_at, twin.log.root_of, restored=True)
    answers = ask_all(twin.policy, {"notary": twin.cosigners["notary"]}, here)
    assert answers.another == ["notary"]
    assert len(stood) > 2 and not any(isinstance(value, int) for value in stood)


class Twofold:
    """Refuses our tree, and shows an older one."""

    def __init__(self, cosigner: CosignerClient) -> None:
        self.checkpoint = cosigner.checkpoint

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        return 422, b"no"


@pytest.mark.parametrize("unreadable", [True, False])
def test_who_refuses_our_tree_still_does_while_what_he_shows_is_compared(
    monkeypatch: pytest.MonkeyPatch, *, unreadable: bool
) -> None:
    world, let_go, comparing = grown(9), threading.Event(), threading.Event()

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        """The time is up while the tree is being compared, however slow the machine."""
        if self.name == "ask-court":
            assert comparing.wait(60)
        else:
            threading.Thread.join(self, 60)

    monkeypatch.setattr(_Asking, "join", join)
    world.file(world.evidence(100))
    head = world.log.head
    assert head is not None

    def root_of(size: int) -> bytes:
        comparing.set()
        if unreadable:
            raise Unavailable("the disk answers no more")
        let_go.wait(30)
        return bytes(32)

    here = Here(head, lambda size: None, root_of, restored=True)
    answers = ask_all(world.policy, {"court": Twofold(world.cosigners["court"])}, here)
    let_go.set()
    assert answers.another == ["court"]


class Conflicting(Silent):
    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        return 409, b"9\n"


def test_a_conflict_at_our_own_size_is_another_tree() -> None:
    world = grown(9)
    head = world.log.head
    assert head is not None
    answers = ask_all(world.policy, {"court": Conflicting()}, Here(head))
    assert (answers.another, answers.sizes) == (["court"], {})
    assert "another tree of 9 entries" in reason(world, answers)


@pytest.mark.parametrize(("away", "waits"), [((), False), (NAMES[:1], False), (NAMES[:2], True)])
def test_of_three_with_a_quorum_of_two_one_may_be_away(away: tuple[str, ...], waits: bool) -> None:
    world = grown(9)
    assert ("could be a quorum" in reason(world, asked(world, away))) is waits


def test_what_is_missing_stops_it_whatever_the_cosigners_say() -> None:
    world = grown(9)
    why = reason_to_wait(world.policy, 9, Mark(9, 12, "10-11"), asked(world))
    assert "12" in why and "10-11 are missing" in why


def test_without_cosigners_only_the_operator_can_know() -> None:
    world = grown(9)
    policy = Policy(world.policy.log, (), (), None)
    assert "no cosigner to ask" in reason_to_wait(policy, 9, WHOLE, Answers())


class Hanging(Silent):
    """Takes the question and keeps it."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        self.let_go.wait(60)
        return 409, b"4711\n"


class Faulty(Silent):
    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        raise ValueError("not one of ours")


@pytest.fixture
def grace_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Half a second, which only that one exceeds: the others are in time on any machine."""
    monkeypatch.setattr("api.resuming.GRACE_S", 0.5)

    def grace_for(late: str) -> None:
        def join(self: threading.Thread, timeout: float | None = None) -> None:
            threading.Thread.join(self, timeout if self.name == f"ask-{late}" else 60)

        monkeypatch.setattr(_Asking, "join", join)

    return grace_for


def test_one_that_hangs_is_not_waited_for(grace_for: Callable[[str], None]) -> None:
    grace_for("archive")
    world = grown(9)
    hanging = Hanging()
    head = world.log.head
    assert head is not None
    clients = {**world.cosigners, "archive": hanging, "court": Faulty()}
    answers = ask_all(world.policy, clients, Here(head))
    hanging.let_go.set()
    assert answers.sizes == {"notary": 9}
    assert answers.silent["archive"] == "no answer yet"
    assert "not one of ours" in answers.silent["court"]
    assert reason_to_wait(world.policy, 9, None, answers) == ""


def test_a_log_that_was_not_restored_asks_as_well() -> None:
    world = grown(9)
    assert reason_to_wait(world.policy, 9, None, asked(world)) == ""
    behind = world.fork()
    world.file(world.evidence(100))
    world.step(("court",))
    behind.cosigners = world.cosigners
    why = reason_to_wait(behind.policy, 9, None, asked(behind))
    assert why.startswith("there are 9 entries here, and court knows 10: restore the newest")


@pytest.mark.parametrize(("away", "waits"), [(NAMES[:2], False), (NAMES, True)])
def test_a_log_that_was_not_restored_waits_for_one_answer(
    away: tuple[str, ...], waits: bool
) -> None:
    world = grown(9)
    why = reason_to_wait(world.policy, 9, None, asked(world, away))
    assert (NOBODY_SAYS in why) is waits and bool(why) is waits


def test_a_log_without_cosigners_waits_for_nobody() -> None:
    world = grown(9)
    policy = Policy(world.policy.log, (), (), None)
    assert reason_to_wait(policy, 9, None, Answers()) == ""


@given(st.integers(1, 7), st.data())
def test_it_goes_on_only_if_no_quorum_is_among_the_silent(count: int, data: st.DataObject) -> None:
    """With n cosigners and a quorum of q, more than n - q must have answered."""
    quorum = data.draw(st.integers(1, count))
    names = [f"w{i}" for i in range(count)]
    key = World(opened=False).cosigners["notary"].key.verifier
    policy = Policy.__new__(Policy)
    witnesses = tuple(Witness(name, key) for name in names)
    object.__setattr__(policy, "witnesses", witnesses)
    object.__setattr__(policy, "groups", (Group("q", quorum, tuple(names)),))
    object.__setattr__(policy, "quorum", "q")
    answered = data.draw(st.sets(st.sampled_from(names)))
    answers = Answers(sizes=dict.fromkeys(answered, 9))
    goes_on = reason_to_wait(policy, 9, WHOLE, answers) == ""
    assert goes_on is (len(answered) > count - quorum)


def test_litewitness_has_answered_such_questions_so() -> None:
    """A request with its own size as `old` and no hashes: recorded from torchwood v0.9.0."""
    recorded = json.loads(RECORDED.read_bytes())
    said = {}
    for exchange in (*recorded["grown"], *recorded["refused"]):
        first, _, note = exchange["request"].partition("\n\n")
        known = note.split("\n")[1]
        if first == f"old {known}":
            said[exchange["status"]] = exchange["answer"]
    assert said.keys() >= {200, 422}
    stale = [e for e in recorded["refused"] if e["status"] == 409]
    assert stale[0]["content_type"] == "text/x.tlog.size" and stale[0]["answer"] == "260\n"


class Dawdling(Silent):
    """Says at once that it knows more, and takes its time to show it."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.let_go = threading.Event()
        self.asked_to_show = threading.Event()
        self._trouble = trouble

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        return 409, b"4711\n"

    def checkpoint(self, origin: str) -> bytes:
        self.asked_to_show.set()
        if self._trouble is not None:
            raise self._trouble
        self.let_go.wait(60)
        raise Unavailable("too late")


@pytest.mark.parametrize("trouble", [None, ValueError("not one of ours")], ids=["slow", "fault"])
def test_who_knows_more_and_does_not_show_it_in_time_still_stops_it(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception | None
) -> None:
    """Its word counts as soon as it was given: or whoever slows one line down has a fork."""
    world = grown(9)
    court = Dawdling(trouble)

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        """Until it has given its word: then, of all that it has left to say, nothing."""
        assert court.asked_to_show.wait(60)
        threading.Thread.join(self, 0 if self.name == "ask-court" and trouble is None else 60)

    monkeypatch.setattr(_Asking, "join", join)
    head = world.log.head
    assert head is not None
    answers = ask_all(world.policy, {**world.cosigners, "court": court}, Here(head))
    court.let_go.set()
    assert answers.sizes["court"] == 4711 and "court" not in answers.shown
    assert "court knows 4711 (its word" in reason_to_wait(world.policy, 9, None, answers)
