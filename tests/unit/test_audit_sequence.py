"""An audit over two logs: the first ended where the second says."""

import pytest

from ledger.audit import audit_log, compare_end
from ledger.report import Finding, Outcome
from testkit.case import MemoryLog
from testkit.world import World, grown


@pytest.fixture(scope="module")
def world() -> World:
    made = grown(300)
    made.begin_next()
    made.file(made.evidence(999))
    made.step()
    return made


def end_of(world: World, log: MemoryLog) -> Finding:
    first, second = world.trust.logs
    return compare_end(log, audit_log(log, first), second)


def test_both_logs_are_whole_and_the_first_has_ended(world: World) -> None:
    log = world.public_log()
    assert [audit_log(log, one).outcome for one in world.trust.logs] == [Outcome.PASSED] * 2
    found = end_of(world, log)
    assert (found.outcome, found.detail) == (
        Outcome.PASSED,
        "this log ended with 301 entries, as 2027-0 says",
    )


def test_without_the_opening_the_end_is_not_shown(world: World) -> None:
    log = world.public_log()
    del log.files["2027", "opening.salt"]
    assert end_of(world, log).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("path", ["opening.salt", "opening.dsse.json", "checkpoint"])
def test_an_altered_opening_is_failed(world: World, path: str) -> None:
    log = world.public_log()
    log.files["2027", path] = b"x" + log.files["2027", path][1:]
    assert end_of(world, log).outcome is Outcome.FAILED


def test_a_closed_log_that_went_on_is_failed(world: World) -> None:
    past = grown(300)
    past.file(*(past.evidence(n) for n in range(700, 703)))
    past.step()
    log = world.public_log()
    log.files |= {("2026", path): data for path, data in past.public.files.items()}
    assert "a log that ended with 301" in end_of(world, log).detail


def test_a_closed_log_whose_copy_stopped_before_its_end_is_failed(world: World) -> None:
    log = world.public_log()
    older = grown(300)
    log.files["2026", "checkpoint"] = older.public.files["checkpoint"]
    found = end_of(world, log)
    assert (found.outcome, found.detail) == (
        Outcome.FAILED,
        "want the last checkpoint, of 301 entries, got 300",
    )
