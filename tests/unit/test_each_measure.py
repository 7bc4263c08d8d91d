"""Of several measures in one case each wants its own approval, list, record and recording."""

import re
from copy import deepcopy
from time import process_time

import pytest

from cli.gap_wording import gap_sentence
from ledger.errors import Malformed
from ledger.evidence.due import Calendar
from ledger.process.casefile import CaseFile, Filed
from ledger.process.judging.gap import Gap, GapKind
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.rules.rulepack import Check, Record, RulePack
from testkit.case import AGENCY, CASE
from testkit.proceeding import (
    BEGINS,
    DAY,
    HOUR,
    MINUTE,
    OTHERS,
    Proceeding,
    Step,
    complete,
    registers_of,
    statement,
)
from testkit.rulepacks import PACKS

READ = {name: RulePack.from_text(text) for name, text in PACKS.items()}
REGISTERS = {name: registers_of((name, text)) for name, text in PACKS.items()}
WEEKDAYS = Calendar()
RECORDS = [(pack, record) for pack in READ.values() for record in pack.records if record.each]
CHECKS = [(pack, check) for pack in READ.values() for check in pack.checks if check.each]
of_each = pytest.mark.parametrize(
    ("pack", "record"), RECORDS, ids=[f"{pack.pack}-{one.id}" for pack, one in RECORDS]
)
numbered_or_not = pytest.mark.parametrize("numbered", [False, True], ids=["plain", "numbered"])
COERCION, ORDINARY = READ["coercion"], READ["ordinary"]


def found(made: Proceeding) -> list[Gap]:
    return gaps(made.file(), REGISTERS[made.pack.pack], WEEKDAYS)


def rules(made: Proceeding) -> list[str]:
    return [gap.rule for gap in found(made)]


def record_of(pack: RulePack, id_: str) -> Record:
    return next(record for record in pack.records if record.id == id_)


def record_starts(pack: RulePack, record: Record) -> tuple[str, ...]:
    clock = pack.clock(record.each)
    assert clock is not None
    return clock.start


def lacking(made: Proceeding, record: Record, which: int) -> Proceeding:
    """Without what the record wants of one of the two, and nothing else."""
    less = deepcopy(made)
    step = [one for one in less.steps if one.act in record.acts][which]
    if record.shows:
        step.shows.discard(record.shows)
    elif record.recording:
        step.recorded = False
    elif made.without(record).stands(step.act) or step.act in record_starts(made.pack, record):
        for fact in record.facts:
            step.facts.pop(fact, None)
    else:
        less.steps.remove(step)
    return less


def test_the_packs_ask_of_each_measure_what_the_law_asks_of_each() -> None:
    asked = {(pack.pack, record.id) for pack, record in RECORDS}
    for pack, of_it in (
        ("coercion", ("step_1_approval", "step_7_site_record", "coercion_list", "coercion_notice")),
        ("coercion", ("freezing_approval", "freezing_record", "coercion_recording")),
        (
            "ordinary",
            ("coercion_approval", "site_record", "coercion_list", "registration_approval"),
        ),
    ):
        assert {(pack, id_) for id_ in of_it} <= asked


@of_each
@numbered_or_not
def test_two_measures_each_with_its_own_papers_have_no_gap(
    pack: RulePack, record: Record, numbered: bool
) -> None:
    told = rules(complete(pack, record).doubled(record.each, numbered))
    assert told == ([record.id] if needs_a_number(record) and not numbered else [])


def needs_a_number(record: Record) -> bool:
    """Testing moves the end of a measure: what states none is of the oldest that is open."""
    return record.acts == ("testing",)


@of_each
@numbered_or_not
@pytest.mark.parametrize("which", [0, 1])
def test_what_one_of_two_measures_lacks_is_exactly_one_gap(
    pack: RulePack, record: Record, numbered: bool, which: int
) -> None:
    numbered |= needs_a_number(record)
    made = lacking(complete(pack, record).doubled(record.each, numbered), record, which)
    (gap,) = found(made)
    assert (gap.rule, gap.level) == (record.id, record.level)
    measures = made.file().acts(*record_starts(pack, record))
    if gap.kind is GapKind.MISSING:
        (measure,) = (one for one in measures if one.number == gap.place)
        # Of what was numbered it is known whose paper went.
        if numbered:
            assert measure.facts["measure"] == gap.facts["measure"] == ("2", "1")[which]
            assert gap.facts["measure"] in gap_sentence(gap.to_json())["zh"]
    else:
        assert gap.place == made.file().acts(*record.acts)[which].number
        for words in gap_sentence(gap.to_json()).values():
            assert gap.facts["done"] in words
            assert bool(re.search("编号|number", words)) is numbered


@of_each
def test_and_the_closing_waits_for_it(pack: RulePack, record: Record) -> None:
    """Or the decision: whatever the record must precede that concludes anything."""
    made = complete(pack, record).doubled(record.each)
    less = lacking(made, record, 1)
    for act in (act for act in record.before if pack.conclusion(act) and made.stands(act)):
        shut = refusals(*less.before(act), REGISTERS[pack.pack], WEEKDAYS)
        assert [gap.rule for gap in shut] == [record.id]
        assert refusals(*made.before(act), REGISTERS[pack.pack], WEEKDAYS) == []


@pytest.mark.parametrize(
    ("pack", "check"), CHECKS, ids=[f"{pack.pack}-{check.id}" for pack, check in CHECKS]
)
def test_a_check_looks_at_the_first_of_two_measures_as_at_the_last(
    pack: RulePack, check: Check
) -> None:
    stands = [record for record in pack.records if record.each == check.each][: not check.when]
    made = complete(pack, check, *stands).doubled(check.each)
    assert rules(made) == []
    if check.check == "approved_within_hours":
        first = made.step(check.given["of"])
        first.logged = first.at + 50 * HOUR
        for step in made.steps[made.steps.index(first) + 1 :]:
            step.at, step.logged = step.at + DAY * 3, step.logged + DAY * 3
        # The second approval goes with its measure.
        second = made.steps[made.steps.index(first) + 1]
        measures = [step for step in made.steps if step.act == check.given["act"]]
        assert second.act == first.act and len(measures) == 2
        second.at, second.logged = measures[1].ends + MINUTE, first.logged + 1
        broken = made
    else:
        broken = made.breaking(check)
    assert check.id in rules(broken)


def test_who_approved_one_measure_may_carry_out_another() -> None:
    """Only that he did both of one is told."""
    (check,) = (one for one in COERCION.checks if one.id == "approver_distinct")
    made = complete(COERCION, check).doubled("seal_or_seize", numbered=True)
    approvals = [step for step in made.steps if step.act == "coercion_approval"]
    measures = [step for step in made.steps if step.act == "coercive_measure"]
    measures[0].officers = ["320501-0001", OTHERS[0]]
    approvals[0].officers = ["320501-0001"]  # of the second measure, by its number
    measures[1].officers = ["320501-0002", OTHERS[1]]
    approvals[1].officers = ["320501-0002"]
    assert rules(made) == []
    measures[0].facts["measure"], measures[1].facts["measure"] = "2", "1"
    assert "approver_distinct" in rules(made)


# --- which paper is whose -----------------------------------------------------------------------


def case_of(*acts: tuple[str, int, dict[str, str]], pack: RulePack = ORDINARY) -> CaseFile:
    """Each at ten on so many days after the first of March, logged an hour later."""
    filed = []
    for n, (name, day, facts) in enumerate(acts):
        step = Step(name, facts=facts, procedure=pack.pack, at=BEGINS + day * DAY + HOUR)
        step.officers = ["320501-0001", "320501-0002"]
        filed.append(Filed(1000 + n, statement(n, step, pack), step.at + HOUR))
    return CaseFile(CASE, AGENCY, tuple(filed))


SEAL, APPROVAL, RECORD = "coercive_measure", "coercion_approval", "site_record"
SIGNED = {"signed": "yes"}


def seal(day: int, **facts: str) -> tuple[str, int, dict[str, str]]:
    return SEAL, day, {"urgent": "no", **facts}


def paper(name: str, day: int, **facts: str) -> tuple[str, int, dict[str, str]]:
    return name, day, {**(SIGNED if name == RECORD else {}), **facts}


DEALT = {
    "each before its own": (
        APPROVAL,
        [paper(APPROVAL, 0), seal(1), paper(APPROVAL, 2), seal(3)],
        [],
    ),
    "both before both": (APPROVAL, [paper(APPROVAL, 0), paper(APPROVAL, 0), seal(1), seal(3)], [3]),
    "both before both, at two moments": (
        APPROVAL,
        [paper(APPROVAL, 0), paper(APPROVAL, 1), seal(2), seal(3)],
        [],
    ),
    "one for two": (APPROVAL, [paper(APPROVAL, 0), seal(1), seal(3)], [3]),
    "one for both, and it says so": (
        APPROVAL,
        [paper(APPROVAL, 0, measure="1、2"), seal(1, measure="1"), seal(3, measure="2")],
        [],
    ),
    "one for both, in full width": (
        APPROVAL,
        [paper(APPROVAL, 0, measure="１，２；３"), seal(1, measure="1"), seal(3, measure="2")],
        [],
    ),
    "the first had none": (APPROVAL, [seal(1), paper(APPROVAL, 2), seal(3)], [1]),
    "the first had none, and another number is named": (
        APPROVAL,
        [seal(1, measure="1"), paper(APPROVAL, 2, measure="2"), seal(3, measure="2")],
        [1],
    ),
    "a number of no measure": (
        APPROVAL,
        [paper(APPROVAL, 0, measure="9"), seal(1, measure="1")],
        [1],
    ),
    "a number that the measure never stated": (
        APPROVAL,
        [paper(APPROVAL, 0, measure="1"), seal(1)],
        [],
    ),
    "of the urgent one none is wanted beforehand": (
        APPROVAL,
        [paper(APPROVAL, 0), seal(1, urgent="yes"), seal(3)],
        [],
    ),
    "of the urgent one, and it says so": (
        APPROVAL,
        [paper(APPROVAL, 0, measure="1"), seal(1, urgent="yes", measure="1"), seal(3)],
        [3],
    ),
    "written as each was done": (
        RECORD,
        [seal(1), paper(RECORD, 1), seal(3), paper(RECORD, 3)],
        [],
    ),
    "only of the second": (RECORD, [seal(1), seal(3), paper(RECORD, 3)], [1]),
    "only of the first": (RECORD, [seal(1), paper(RECORD, 1), seal(3)], [3]),
    "both afterwards": (
        RECORD,
        [seal(1), seal(3), paper(RECORD, 4), paper(RECORD, 5)],
        [],
    ),
    "filed anew at its own moment is one": (
        RECORD,
        [seal(1), seal(3), paper(RECORD, 3), paper(RECORD, 3)],
        [1],
    ),
    "both written before either began": (
        RECORD,
        [paper(RECORD, 0), paper(RECORD, 2), seal(3), seal(5)],
        [],
    ),
    "logged before the first, and says that it was given after it": (
        APPROVAL,
        [paper(APPROVAL, 2), seal(1), seal(3)],
        [1],
    ),
    "written before it began is its own all the same": (RECORD, [paper(RECORD, 0), seal(1)], []),
    "the one that was signed afterwards": (
        RECORD,
        [seal(1), (RECORD, 1, {}), paper(RECORD, 2)],
        [],
    ),
}


@pytest.mark.parametrize(("name", "acts", "days"), DEALT.values(), ids=DEALT)
def test_a_paper_is_of_the_measure_that_it_names_or_else_that_it_fits(
    name: str, acts: list[tuple[str, int, dict[str, str]]], days: list[int]
) -> None:
    file = case_of(*acts)
    wanted = "coercion_approval" if name == APPROVAL else "site_record"
    lacking = [gap for gap in gaps(file, REGISTERS["ordinary"], WEEKDAYS) if gap.rule == wanted]
    begun = {one.number: (one.start_ms - BEGINS) // DAY for one in file.acts(SEAL)}
    several = len(begun) > 1
    assert [begun[gap.place or 0] if several else 1 for gap in lacking] == days
    assert {gap.kind for gap in lacking} <= {GapKind.MISSING}


def test_what_was_made_anew_afterwards_is_of_the_last_that_had_begun() -> None:
    file = case_of(seal(1), (RECORD, 1, {}), seal(3), (RECORD, 3, {}), paper(RECORD, 4))
    every = gaps(file, REGISTERS["ordinary"], WEEKDAYS)
    (gap,) = (one for one in every if one.rule == "site_record")
    assert gap.place == 1001


def test_what_was_approved_anew_beforehand_is_of_the_next_to_begin() -> None:
    said = [
        ("registration_approval", day, {"approved": word})
        for day, word in ((0, "yes"), (2, "yes"), (3, "no"))
    ]
    file = case_of(said[0], (REGISTRATION, 1, {}), *said[1:], (REGISTRATION, 4, {}))
    every = gaps(file, REGISTERS["ordinary"], WEEKDAYS)
    (gap,) = (one for one in every if one.rule == "registration_approved")
    assert gap.facts["done"].startswith("2026-03-06")


def test_the_gate_looks_at_who_made_the_paper_of_each() -> None:
    made = complete(ORDINARY, record_of(ORDINARY, "site_record")).doubled("seal_or_seize")
    for which in (0, 1):
        short = deepcopy(made)
        step = [one for one in short.steps if one.act == RECORD][which]
        step.officers = step.officers[:1]
        shut = refusals(*short.before("penalty_decision"), REGISTERS["ordinary"], WEEKDAYS)
        assert [gap.rule for gap in shut] == ["crew_short"]


def test_what_was_sealed_after_the_decision_is_not_too_late_for_it() -> None:
    acts = [seal(1), paper(RECORD, 1), paper("penalty_decision", 3), seal(5), paper(RECORD, 5)]
    told = {gap.rule for gap in gaps(case_of(*acts), REGISTERS["ordinary"], WEEKDAYS)}
    assert "site_record" not in told
    told = {gap.rule for gap in gaps(case_of(*acts[:-1]), REGISTERS["ordinary"], WEEKDAYS)}
    assert "site_record" in told


def test_an_urgent_word_that_was_misspelt_is_said_anew_and_asks_for_no_approval_beforehand() -> (
    None
):
    file = case_of(seal(1, urgent="是"), seal(1, urgent="yes", measure="1"))
    told = {gap.rule for gap in gaps(file, REGISTERS["ordinary"], WEEKDAYS)}
    assert "make_up_approval" in told
    assert "coercion_approval" not in told


def test_what_was_approved_late_is_lifted_itself_before_the_decision() -> None:
    """The lifting of another opens nothing."""
    acts = [
        seal(1, urgent="yes", measure="1"),
        seal(2, urgent="yes", measure="2"),
        paper("make_up_approval", 2, measure="2"),
        paper("make_up_approval", 9, measure="1"),
    ]
    for lifted, shut in (("2", True), ("1", False)):
        file = case_of(*acts, paper("lifting", 10, measure=lifted))
        *_, proposed = case_of(*acts, seal(11), paper("penalty_decision", 12)).filed
        told = [gap.rule for gap in refusals(file, proposed, REGISTERS["ordinary"], WEEKDAYS)]
        assert ("unapproved_lifted" in told) is shut


def test_two_at_one_moment_without_numbers_are_one_and_it_is_told() -> None:
    def told(*acts: tuple[str, int, dict[str, str]]) -> list[Gap]:
        every = gaps(case_of(*acts), REGISTERS["ordinary"], WEEKDAYS)
        return [gap for gap in every if gap.what == "same_moment"]

    (gap,) = told(seal(1, party_present="yes"), seal(1, party_present="no"))
    assert (gap.level, gap.place, gap.facts["count"]) == ("notice", 1001, "2")
    assert "2 份" in gap_sentence(gap.to_json())["zh"]
    # At another moment; filed anew to say more, or in a word that can be read.
    assert told(seal(1), seal(2, note="x")) == []
    assert told(seal(1), seal(1), seal(1, testing="no")) == []
    assert told(seal(1, urgent="否"), seal(1)) == []
    # Said by number that it is one, or that they are two.
    two = seal(1, note="甲摊"), seal(1, note="乙摊")
    assert len(told(*two)) == 1
    assert told(*two, seal(1, measure="1")) == []
    assert told(*two, seal(1, measure="1"), seal(1, measure="2")) == []
    by_others = Filed(1001, statement(1, Step(SEAL, at=BEGINS, officers=OTHERS), ORDINARY), BEGINS)
    by_some = Filed(1000, statement(0, Step(SEAL, at=BEGINS, officers=["a"]), ORDINARY), BEGINS)
    file = CaseFile(CASE, AGENCY, (by_some, by_others))
    assert "same_moment" in {gap.what for gap in gaps(file, REGISTERS["ordinary"], WEEKDAYS)}


def test_two_under_one_number_are_one_and_it_is_told_if_they_began_apart() -> None:
    """Whoever numbers a second seizure as the first spares himself its papers."""

    def told(*acts: tuple[str, int, dict[str, str]]) -> list[Gap]:
        every = gaps(case_of(*acts), REGISTERS["ordinary"], WEEKDAYS)
        return [gap for gap in every if gap.what == "same_number"]

    (gap,) = told(seal(1, measure="1"), seal(3, measure="1"))
    assert (gap.level, gap.place, gap.facts["measure"]) == ("notice", 1001, "1")
    assert "编号 1 的登记有 2 份" in gap_sentence(gap.to_json())["zh"]
    assert told(seal(1, measure="1"), seal(1, measure="1")) == []
    assert told(seal(1, measure="1"), seal(3, measure="2")) == told(seal(1), seal(3)) == []


def test_whose_date_was_mended_is_one_once_both_are_filed_anew_under_one_number() -> None:
    """Without a number nobody can tell it from a second one, which has no papers."""
    acts = [paper(APPROVAL, 1), seal(3), paper(RECORD, 3), seal(2)]

    def told(*more: tuple[str, int, dict[str, str]]) -> list[str]:
        every = gaps(case_of(*acts, *more), REGISTERS["ordinary"], WEEKDAYS)
        return [gap.rule for gap in every if gap.rule in ("site_record", "same_number")]

    assert told() == ["site_record"]
    for days in ((3, 2), (2, 3)):
        assert told(*(seal(day, measure="1") for day in days)) == ["same_number"]
    assert told(seal(3, measure="1"), seal(2, measure="2")) == ["site_record"]


@pytest.mark.parametrize("before", [True, False])
def test_of_three_thousand_measures_the_one_without_a_paper_is_found_soon(before: bool) -> None:
    name = APPROVAL if before else RECORD
    acts = []
    for n in range(3000):
        own = () if n == 1234 else (paper(name, 3 * n + (not before)),)
        acts += [*own, seal(3 * n + 1)] if before else [seal(3 * n), *own]
    acts += [paper(name, 9001 + n) for n in range(3000)] if before else []
    file = case_of(*acts, pack=ORDINARY)
    begun = process_time()
    wanted = "coercion_approval" if before else "site_record"
    (gap,) = (g for g in gaps(file, REGISTERS["ordinary"], WEEKDAYS) if g.rule == wanted)
    assert process_time() - begun < 10
    bare = str(file.acts(SEAL)[1234].number)
    assert bare == (gap.facts["place_before"] if before else str(gap.place))


REGISTRATION = "advance_registration"
ORDERED = {"no": ["no", "yes"], "yes": ["yes", "no"]}


def approval(day: int, approved: str, number: int) -> tuple[str, int, dict[str, str]]:
    return "registration_approval", day, {"approved": approved, "measure": str(number)}


@pytest.mark.parametrize("said", ORDERED.values(), ids=ORDERED)
def test_a_check_of_each_looks_as_of_every_act_that_it_must_precede(said: list[str]) -> None:
    """What the head said of the first before it, and what he said of it before the second."""
    file = case_of(
        approval(0, said[0], 1),
        (REGISTRATION, 1, {"measure": "1"}),
        approval(2, said[1], 1),
        approval(2, "yes", 2),
        (REGISTRATION, 3, {"measure": "2"}),
    )
    every = gaps(file, REGISTERS["ordinary"], WEEKDAYS)
    (gap,) = (one for one in every if one.rule == "registration_approved")
    assert gap.place == 1000 + 2 * said.index("no")
    assert gap.facts["measure"] == "1"


def test_of_three_thousand_registrations_a_check_finds_the_one_refused_soon() -> None:
    acts = []
    for n in range(3000):
        approved = "no" if n == 1234 else "yes"
        acts += [approval(2 * n, approved, n), (REGISTRATION, 2 * n + 1, {"measure": str(n)})]
    file = case_of(*acts)
    begun = process_time()
    every = gaps(file, REGISTERS["ordinary"], WEEKDAYS)
    (gap,) = (one for one in every if one.rule == "registration_approved")
    assert process_time() - begun < 10
    assert gap.facts["measure"] == "1234"


# --- what a pack may say ------------------------------------------------------------------------

TEXT = PACKS["coercion"]


@pytest.mark.parametrize(
    ("was", "now", "wanted"),
    [
        (
            'each = "freezing"\nname = "实施冻结的现场笔录"',
            'each = "nothing"\nname = "x"',
            "no 'nothing' in",
        ),
        (
            'each = "freezing"\nname = "实施冻结的现场笔录"',
            'each = "apply_to_court"\nname = "x"',
            "does not start with each",
        ),
        (
            'clock = "seal_or_seize"\n',
            'clock = "seal_or_seize"\neach = "seal_or_seize"\n',
            "each or clock",
        ),
        (
            'id = "measure"\n',
            'id = "measure"\nacts = ["testing", "lifting"]\n',
            "declares the fact 'measure'",
        ),
        ('each = "freezing"\n', "each = 1\n", "want text"),
    ],
)
def test_a_pack_that_asks_of_what_it_does_not_have_is_refused(
    was: str, now: str, wanted: str
) -> None:
    assert was in TEXT
    with pytest.raises(Malformed, match=wanted):
        RulePack.from_text(TEXT.replace(was, now, 1))


def test_a_pack_as_it_was_asks_once_for_the_case() -> None:
    text = TEXT.replace('each = "seal_or_seize"\n', "").replace('each = "freezing"\n', "")
    pack = RulePack.from_text(text)
    made = complete(COERCION, record_of(COERCION, "step_7_site_record")).doubled("seal_or_seize")
    less = lacking(made, record_of(COERCION, "step_7_site_record"), 1)
    assert gaps(less.file(), registers_of(("coercion", text)), WEEKDAYS) == []
    assert [gap.rule for gap in found(less)] == ["step_7_site_record"]
    assert not any(record.each for record in pack.records)
