from datetime import date

import pytest

from ledger.evidence.statement import Kind, Statement, StatementSubject, TextSubject
from ledger.process.reports.views import case_register, doings, people_of, stage_of
from ledger.process.rules.rulepack import Conclusion, RulePack
from testkit.case import AGENCY, CASE, uuid7
from testkit.rulepacks import PACKS

OTHER = "苏城管罚〔2026〕418号"
SLOT = uuid7(77)
SUBJECT = StatementSubject(uuid7(9), bytes(32))


def act(name: str, day: str = "2026-03-02", **more: object) -> Statement:
    predicate: dict[str, object] = {
        "act": name,
        "agency": AGENCY,
        "id": uuid7(1),
        "occurred": {"from": f"{day}T09:00:00+08:00", "to": f"{day}T10:00:00+08:00"},
        "procedure": "ordinary",
    }
    predicate |= more
    if "provisional" not in more:
        predicate.setdefault("case", CASE)
    return Statement(Kind.ACT, (SUBJECT,), predicate)


def read(by: str, about: str = f"case/{CASE}", day: str = "2026-03-02") -> Statement:
    moment = f"{day}T11:00:00+08:00"
    predicate = {
        "about": about,
        "action": "read",
        "agency": AGENCY,
        "by": by,
        "id": uuid7(2),
        "occurred": {"from": moment, "to": moment},
    }
    return Statement(Kind.CUSTODY, (TextSubject("checkpoint/2026-1", bytes(32)),), predicate)


WHOLE = [
    act("case_filing", "2026-03-02", stage="start", officers=["A-1", "A-2"]),
    act("site_inspection", "2026-03-05", stage="investigate", officers=["A-2", "A-3"]),
    act("penalty_decision", "2026-04-01", stage="decide", facts={"amount": "500"}),
    act("service_return", "2026-04-03", stage="serve"),
    act("case_closing", "2026-04-20", stage="enforce"),
]


def test_a_line_of_the_register_is_made_of_the_case_s_acts() -> None:
    (line,) = case_register(enumerate(WHOLE, start=10))
    assert (line.case, line.agency, line.procedure) == (CASE, AGENCY, "ordinary")
    assert line.officers == ("A-1", "A-2", "A-3")
    assert (line.opened, line.decided) == (date(2026, 3, 2), date(2026, 4, 1))
    assert (line.served, line.closed) == (date(2026, 4, 3), date(2026, 4, 20))
    assert (line.decision, line.amount) == ("penalty_decision", "500")
    assert line.numbers == [10, 11, 12, 13, 14]
    assert stage_of(line) == "closed"


@pytest.mark.parametrize("ending", ["no_penalty_decision", "case_dismissal", "case_referral"])
def test_a_case_that_ends_without_a_penalty_tells_how(ending: str) -> None:
    ended = act(ending, "2026-04-01", stage="decide")
    (line,) = case_register(enumerate([*WHOLE[:2], ended, WHOLE[4]]))
    assert (line.decided, line.decision, line.amount) == (date(2026, 4, 1), ending, "")
    # The word alone, under another stage, ends nothing.
    (line,) = case_register(enumerate([*WHOLE[:2], act(ending, "2026-04-01", stage="review")]))
    assert (line.decided, line.decision) == (None, "")


# An inspection demands, and decides no case.
@pytest.mark.parametrize("shipped", [pack for pack in PACKS if pack != "supervision"])
def test_each_way_in_which_a_pack_decides_is_a_decision_in_the_register(shipped: str) -> None:
    """A case that was dismissed or referred is not closed without one."""
    for name in RulePack.from_text(PACKS[shipped]).concluding(Conclusion.DECIDE):
        (line,) = case_register(enumerate([act(name, "2026-04-01", stage="decide")]))
        assert (line.decision, line.decided) == (name, date(2026, 4, 1))


def test_a_case_under_way_tells_its_stage() -> None:
    (line,) = case_register(enumerate(WHOLE[:2]))
    assert (line.decided, line.served, line.closed) == (None, None, None)
    assert stage_of(line) == "investigate"


def test_cases_stand_in_the_order_in_which_they_began() -> None:
    acts = [act("case_filing", case=OTHER), act("case_filing"), act("site_inspection", case=OTHER)]
    assert [(line.case, len(line.numbers)) for line in case_register(enumerate(acts))] == [
        (OTHER, 2),
        (CASE, 1),
    ]


def test_of_two_decisions_the_last_counts() -> None:
    again = act("penalty_decision", "2026-05-01", stage="decide", facts={"amount": "300"})
    (line,) = case_register(enumerate([*WHOLE, again]))
    assert (line.decided, line.amount) == (date(2026, 5, 1), "300")


def test_a_case_before_its_number_is_the_same_case() -> None:
    early = act("source", "2026-03-01", provisional=SLOT)
    bound = act("case_filing", "2026-03-02", provisional=SLOT, case=CASE)
    (line,) = case_register(enumerate([early, bound]))
    assert (line.case, line.opened, line.numbers) == (CASE, date(2026, 3, 1), [0, 1])
    (alone,) = case_register(enumerate([early]))
    assert alone.case == SLOT


def test_what_was_done_before_the_number_came_late_is_the_case_s_as_well() -> None:
    """The number was there already when an act says which provisional case it grew from."""
    early = act("source", "2026-03-01", provisional=SLOT, officers=["A-9"])
    other = act("case_filing", "2026-03-02", officers=["A-1"])
    bound = act("site_inspection", "2026-03-03", provisional=SLOT, case=CASE)
    after = act("source", "2026-03-04", provisional=SLOT)
    (line,) = case_register(enumerate([early, other, bound, after]))
    assert (line.case, line.numbers) == (CASE, [0, 1, 2, 3])
    assert (line.opened, line.officers) == (date(2026, 3, 1), ("A-9", "A-1"))
    assert line.named == 1


def test_it_is_told_since_when_a_case_has_its_number() -> None:
    early = act("source", "2026-03-01", provisional=SLOT)
    bound = act("case_filing", "2026-03-02", provisional=SLOT, case=CASE)
    assert [line.named for line in case_register(enumerate([early, bound, bound]))] == [1]
    assert [line.named for line in case_register(enumerate([early]))] == [None]


def test_two_agencies_do_not_share_a_line() -> None:
    acts = [act("case_filing"), act("case_filing", agency="agency-02")]
    assert len(case_register(enumerate(acts))) == 2


def test_the_result_of_an_inspection_is_its_decision() -> None:
    (line,) = case_register(enumerate([act("inspection_result", "2026-03-09", stage="decide")]))
    assert (line.decision, line.decided) == ("inspection_result", date(2026, 3, 9))


MONTH = (1_772_294_400_000, 1_774_972_800_000)  # 2026-03 in China


def test_what_a_person_did_and_read_stands_together_in_log_order() -> None:
    rows = [
        *WHOLE,
        read("handler 王某"),
        read("supervisor 李某"),
        read("auditor 王某", "register/officer/A-1"),
    ]
    found = doings(enumerate(rows), ["A-2", "王某"], *MONTH)
    assert [(doing.number, doing.kind, doing.what, doing.about) for doing in found] == [
        (0, "act", "case_filing", CASE),
        (1, "act", "site_inspection", CASE),
        (5, "custody", "read", f"case/{CASE}"),
        (7, "custody", "read", "register/officer/A-1"),
    ]
    assert found[0].names == ("A-2",)


@pytest.mark.parametrize(
    ("day", "count"),
    [("2026-02-28", 0), ("2026-03-01", 1), ("2026-03-31", 1), ("2026-04-01", 0)],
)
def test_the_month_ends_where_it_ends_in_china(day: str, count: int) -> None:
    rows = enumerate([act("case_filing", day, officers=["A-1"])])
    assert len(doings(rows, ["A-1"], *MONTH)) == count


def test_a_name_that_is_part_of_another_is_not_that_person() -> None:
    assert doings(enumerate([read("handler 王某某")]), ["王某"], *MONTH) == []
    assert people_of(read("handler clerk Wang")) == {"clerk Wang"}


def test_helpers_are_found_as_well() -> None:
    rows = enumerate([act("site_inspection", auxiliaries=["F-1"])])
    assert [doing.what for doing in doings(rows, ["F-1"], *MONTH)] == ["site_inspection"]
