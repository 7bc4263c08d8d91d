"""What went well: uploads in time and cases without a gap; rounding makes nothing better."""

import pytest

from ledger.evidence.due import Calendar
from ledger.process.judging.gaps import gaps
from ledger.process.judging.judged import judged
from ledger.process.registers.registry import Registry
from ledger.process.reports.merits import Merits, percent
from ledger.process.rules.rulepack import RulePack, Sickness
from testkit.proceeding import HOUR, Proceeding, complete, registers_of
from testkit.rulepacks import PACKS

PACK = RulePack.from_text(PACKS["ordinary"])
REGISTERS = registers_of(("ordinary", PACKS["ordinary"]))
RECORD = next(record for record in PACK.records if not record.recording and not record.shows)


def added(merits: Merits, made: Proceeding, registers: Registry = REGISTERS) -> Merits:
    file = made.file()
    packs = judged(file, registers, Calendar(), {})
    found = gaps(file, registers, Calendar()) if packs else []
    merits.add(file, packs, found)
    return merits


def test_a_complete_case_is_whole_and_all_of_it_in_time() -> None:
    merits = added(Merits(), complete(PACK, RECORD))
    assert (merits.cases, merits.judged, merits.whole) == (1, 1, 1)
    assert merits.in_time == merits.uploads > 10


def test_a_case_with_a_gap_is_not_whole() -> None:
    merits = added(Merits(), complete(PACK, RECORD).without(RECORD))
    merits = added(merits, complete(PACK, RECORD))
    assert (merits.cases, merits.whole) == (2, 1)


def test_what_lacks_is_counted_by_the_three_sicknesses() -> None:
    merits = added(Merits(), complete(PACK, RECORD))
    assert not merits.sick
    merits = added(merits, complete(PACK, RECORD).without(RECORD))
    assert merits.sick == {RECORD.sickness: 1}
    alone = complete(PACK, RECORD)
    alone.step("penalty_decision").officers = ["nobody", "else"]
    merits = added(merits, alone)
    assert merits.sick[Sickness.SUBJECT] > 0
    # What may still come in its time is no sickness.
    begun = complete(PACK, RECORD)
    begun.steps = [begun.step("case_filing")]
    assert not added(Merits(), begun).sick


def test_what_came_late_is_not_in_time() -> None:
    merits = added(Merits(), complete(PACK, RECORD).late(RECORD, 400 * 24 * HOUR))
    assert (merits.uploads - merits.in_time, merits.whole) == (1, 0)


def test_of_a_case_that_no_pack_judges_it_is_not_said_that_nothing_lacks() -> None:
    merits = added(Merits(), complete(PACK, RECORD), Registry())
    assert (merits.cases, merits.judged, merits.whole) == (1, 0, 0)
    assert merits.uploads > 10


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, ""), (0, 3, "0.0"), (2, 3, "66.6"), (1999, 2000, "99.9"), (2000, 2000, "100.0")],
)
def test_a_share_is_rounded_down(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said
