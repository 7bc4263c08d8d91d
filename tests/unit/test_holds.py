"""Legal holds as the log says them: several on one thing, each lifted by itself."""

from typing import Any

import pytest

from ledger.errors import Malformed, Rejected
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import (
    FileSubject,
    Kind,
    Role,
    Statement,
    StatementSubject,
    TextSubject,
)
from ledger.process.keeping.complaints import Complaint, spans_of
from ledger.process.keeping.holds import Holds, check_lifting, check_placing, names_of

NOON = {"from": "2026-03-02T12:00:00+08:00", "to": "2026-03-02T12:00:00+08:00"}
CASE = "苏城管罚〔2026〕417号"
COMPLAINT = "01980000-0000-7000-8000-00000000000c"


def id_of(number: int) -> str:
    return f"01980000-0000-7000-8000-{number:012x}"


def hold(number: int, *targets: str | int, lifted: bool = False, **more: str) -> Statement:
    subjects = tuple(
        TextSubject(one, bytes(32))
        if isinstance(one, str)
        else StatementSubject(id_of(one), bytes(32))
        for one in targets
    )
    predicate = {
        "agency": "agency-01",
        "hold": "lifted" if lifted else "placed",
        "id": id_of(number),
        "occurred": NOON,
        "reason": "复议",
    } | more
    return Statement(Kind.HOLD, subjects, predicate)


def evidence(number: int, **more: Any) -> Statement:
    predicate = {"agency": "agency-01", "case": CASE, "id": id_of(number), "occurred": NOON} | more
    return Statement(Kind.EVIDENCE, (FileSubject("a", digest_item(b"a")),), predicate)


def book(*statements: Statement) -> Holds:
    holds = Holds()
    for one in statements:
        holds.add(one)
    return holds


@pytest.mark.parametrize("target", [1, CASE, digest_item(b"a").sha256.hex()])
def test_a_statement_is_held_by_itself_by_its_case_and_by_its_file(target: str | int) -> None:
    said = evidence(1)
    holds = book(hold(9, target))
    assert [held.id for held in holds.on(names_of(said))] == [id_of(9)]
    assert book(hold(9, 2), hold(8, "苏城管罚〔2026〕418号")).on(names_of(said)) == []


def test_each_is_lifted_by_itself() -> None:
    holds = book(hold(5, 1, 2), hold(6, 1, complaint=COMPLAINT), hold(7, CASE))
    names = list(names_of(evidence(1)))
    assert len(holds.on(names)) == 3 and holds.of_complaint(COMPLAINT) == 1
    holds.add(hold(8, 1, lifted=True))
    assert {held.id for held in holds.on(names)} == {id_of(6), id_of(7)}
    holds.add(hold(9, 1, lifted=True, complaint=COMPLAINT))
    holds.add(hold(10, CASE, lifted=True))
    assert holds.on(names) == [] and [held.target for held in holds.all()] == [
        f"statement/{id_of(2)}"
    ]
    assert holds.was_on(f"statement/{id_of(1)}", COMPLAINT)


def test_what_is_held_for_a_complaint_is_found_without_looking_at_all_that_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disposal asks of each statement that it names, in the writer's turn."""
    holds = book(hold(5, 1, 2, complaint=COMPLAINT), hold(6, 1), hold(7, 2, complaint=id_of(99)))
    holds.add(hold(8, 2, lifted=True, complaint=COMPLAINT))
    monkeypatch.delattr(Holds, "all")
    assert [held.target for held in holds.for_complaint(COMPLAINT)] == [f"statement/{id_of(1)}"]
    holds.add(hold(9, 5, lifted=True))
    assert holds.of_complaint(COMPLAINT) == 0 and holds.of_complaint(id_of(99)) == 1


def test_the_first_of_two_in_the_same_words_stands_and_a_lifting_of_none_changes_nothing() -> None:
    holds = book(hold(4, CASE, lifted=True), hold(5, CASE), hold(6, CASE))
    assert [held.id for held in holds.all()] == [id_of(5)]


def test_of_two_holds_of_one_agency_each_is_lifted_by_its_id() -> None:
    """A review that has ended does not lift what a lawsuit has placed."""
    holds = book(hold(5, 1), hold(6, 1, 2, reason="诉讼"))
    with pytest.raises(Rejected, match="2 holds are on") as caught:
        holds.check_own(hold(7, 1, lifted=True))
    assert caught.value.hints == (f"{id_of(5)}: 复议", f"{id_of(6)}: 诉讼")
    holds.check_own(hold(8, 5, lifted=True))
    holds.add(hold(8, 5, lifted=True))
    assert {held.id for held in holds.all()} == {id_of(6)}
    holds.add(hold(9, 6, lifted=True, agency="agency-02"))
    with pytest.raises(Rejected, match="not of 'agency-02'"):
        holds.check_own(hold(9, 6, lifted=True, agency="agency-02"))
    assert {held.target for held in holds.all()} == {f"statement/{id_of(n)}" for n in (1, 2)}
    holds.add(hold(9, 6, lifted=True))
    assert holds.all() == []


AFTER_ALL = "nothing is held on"
FOR_ANOTHER = "no hold on .* was placed for the complaint"
FOR_ONE = "was placed for a complaint"


@pytest.mark.parametrize(
    ("lifting", "why"),
    [
        (hold(9, 3, lifted=True), AFTER_ALL),
        (hold(9, CASE, lifted=True, complaint=COMPLAINT), AFTER_ALL),
        (hold(9, 6, lifted=True), AFTER_ALL),  # the same hold, sent again: the first one stands
        (hold(9, 1, 3, lifted=True), AFTER_ALL),
        (hold(9, 1, lifted=True, complaint=COMPLAINT), FOR_ANOTHER),
        (hold(9, 2, lifted=True, complaint=id_of(99)), FOR_ANOTHER),
        (hold(9, 2, lifted=True), FOR_ONE),
        (hold(9, 4, lifted=True), "not of 'agency-01'"),
    ],
)
def test_a_lifting_that_lifts_nothing_is_refused_where_it_would_be_believed(
    lifting: Statement, why: str
) -> None:
    holds = book(
        hold(5, 1), hold(6, 1), hold(7, 2, complaint=COMPLAINT), hold(8, 4, agency="agency-02")
    )
    with pytest.raises(Rejected, match=why):
        holds.check_own(lifting)


def test_what_is_lifted_already_is_lifted_no_second_time_though_something_else_is_held() -> None:
    holds = book(hold(5, 1), hold(6, 1, reason="诉讼"), hold(7, 5, lifted=True))
    with pytest.raises(Rejected, match=f"nothing is held on statement/{id_of(5)}"):
        holds.check_own(hold(8, 5, lifted=True))


@pytest.mark.parametrize(
    "target",
    ["苏城管罚[2026]417号", "苏城管罚 417", "A" * 64, "a" * 63, "statement/1", "everything"],
)
def test_a_hold_on_nothing_is_refused_where_it_would_be_believed(target: str) -> None:
    with pytest.raises(Malformed, match="want a case number"):
        check_placing(hold(1, target))
    check_placing(hold(1, target, lifted=True))
    for good in (CASE, "a" * 64, id_of(1), 1):
        check_placing(hold(1, good))


def test_the_ledger_places_and_does_not_lift() -> None:
    check_lifting(hold(1, CASE), [Role.LEDGER])
    check_lifting(hold(1, CASE, lifted=True), [Role.HANDLER])
    with pytest.raises(Rejected, match="want a person who lifts"):
        check_lifting(hold(1, CASE, lifted=True), [Role.LEDGER])


def complaint(start: str, end: str) -> Statement:
    predicate = {
        "agency": "agency-01",
        "id": COMPLAINT,
        "occurred": NOON,
        "place": "观前街",
        "seen": {"from": f"2026-03-02T{start}+08:00", "to": f"2026-03-02T{end}+08:00"},
    }
    return Statement(Kind.COMPLAINT, (TextSubject("complaint", bytes(32)),), predicate)


@pytest.mark.parametrize(
    ("start", "end", "corrected", "found"),
    [
        ("13:00:00", "13:30:00", False, True),
        ("13:00:01", "13:30:00", False, False),
        ("10:00:00", "11:00:00", False, True),
        ("10:00:00", "10:59:59", False, False),
        ("12:05:00", "13:00:00", True, True),
        ("12:05:01", "13:00:00", True, False),
    ],
)
def test_a_complaint_is_about_what_may_be_of_that_time_to_the_second(
    start: str, end: str, corrected: bool, found: bool
) -> None:
    said = evidence(1, **({"corrected": NOON} if corrected else {}))
    asked = Complaint.of(complaint(start, end))
    spans = list(spans_of(said, 0))
    assert asked.matches(said, spans, ["agency-01"]) is found
    assert not asked.matches(said, spans, ["agency-02"])
