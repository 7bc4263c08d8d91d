"""A gate may refuse an act; it is asked once, in its turn, with what was committed before."""

from dataclasses import dataclass, field

from ledger.errors import Unavailable
from ledger.evidence.statement import Statement
from ledger.log import Accepted, Earlier, Log
from ledger.process.judging.gated import Closed, Gated
from testkit import procedural
from testkit.world import World


@dataclass
class Shut:
    """Refuses the acts of these names; remembers what it was asked."""

    names: tuple[str, ...] = ()
    broken: bool = False
    asked: list[tuple[str, int]] = field(default_factory=list)

    def check(self, statement: Statement, below: int) -> None:
        name = statement.predicate["act"]
        self.asked.append((name, below))
        if self.broken:
            raise Unavailable("the disk of the gate")
        if name in self.names:
            raise Gated(f"{name} is shut", Closed.RECORDS)


def gated(world: World, gate: Shut) -> Log:
    earlier = [Earlier(closed.policy, closed.public) for closed in world.closed]
    world.log = Log(
        *(world.keys(), world.store, world.public, world.clock, world.entropy),
        earlier=earlier,
        gate=gate,
    )
    return world.log


def acts(world: World, *names: str) -> list[bytes]:
    """Envelopes of acts whose documents are held."""
    drafts = [procedural.act(100 + n, name) for n, name in enumerate(names)]
    for draft in drafts:
        for data in draft.items:
            world.hold(data)
    return [draft.to_envelope() for draft in drafts]


def test_what_a_gate_refuses_is_not_stored_and_its_neighbours_are() -> None:
    world = World()
    gate = Shut(("penalty_decision",))
    log, size = gated(world, gate), world.log.size
    before, decision, behind = acts(world, "site_inspection", "penalty_decision", "case_report")
    results = log.accept([before, decision, world.evidence(1), behind])
    assert [isinstance(r, Accepted) for r in results] == [True, False, True, True]
    assert isinstance(results[1], Gated)
    assert log.size == size + 3


def test_a_gate_sees_nothing_of_the_commit_that_it_is_asked_in() -> None:
    world = World()
    gate = Shut()
    log = gated(world, gate)
    start = log.number
    register = procedural.registered(90, "officer", "320501-0417", facts={"person": "王某"})
    first, second = acts(world, "legal_review", "penalty_decision")
    # A register statement ends its run, and would else bring what stands before it into the log.
    assert all(isinstance(r, Accepted) for r in log.accept([first, register.to_envelope(), second]))
    assert gate.asked == [("legal_review", start), ("penalty_decision", start)]
    log.accept(acts(world, "", "", "closing")[2:])
    assert gate.asked[2] == ("closing", start + 3)


def test_what_is_logged_gets_its_answer_again_whatever_the_gate_says_now() -> None:
    world = World()
    gate = Shut()
    log = gated(world, gate)
    (decision,) = acts(world, "penalty_decision")
    log.accept([decision])
    gate.names = ("penalty_decision",)
    (again,) = log.accept([decision])
    assert isinstance(again, Accepted) and not again.fresh


def test_a_gate_that_cannot_say_refuses_the_conclusion_and_nothing_else() -> None:
    world = World()
    log = gated(world, Shut(broken=True))
    (decision,) = acts(world, "penalty_decision")
    refused, accepted = log.accept([decision, world.evidence(1)])
    assert isinstance(refused, Unavailable) and isinstance(accepted, Accepted)


def test_evidence_is_not_even_shown_to_a_gate() -> None:
    world = World()
    gate = Shut(broken=True)
    log = gated(world, gate)
    assert isinstance(log.accept([world.evidence(1)])[0], Accepted)
    assert gate.asked == []
