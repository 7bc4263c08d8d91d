"""Conclusions over HTTP: refused until what must stand before them is logged, with the article."""

import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from api.services import Services
from ledger.evidence.statement import Role
from ledger.process.judging.gated import HINTS, OWNER_HINT, Closed
from testkit.gating import SMALL, Handlers, envelope, numbers, published
from testkit.keys import key
from testkit.server import (
    AGENCY,
    HANDLER,
    OTHER_AGENCY,
    Ledger,
    open_ledger,
    register,
)

OTHER_HANDLER = key("handler-01.other.example")
SECOND = key("handler-13.example")
THIRD = key("handler-01.third.example")
OWN_CASE = "园综执罚〔2026〕3号"  # of no registered spelling: anybody may use it


@pytest.fixture
def desk(ledger: Ledger) -> Handlers:
    ledger.accept(
        register(SECOND, Role.HANDLER), register(OTHER_HANDLER, Role.HANDLER, OTHER_AGENCY)
    )
    desk = Handlers(ledger)
    desk.publish()
    return desk


def refused(row: dict[str, Any], reason: str = "records") -> list[str]:
    """The articles that it was refused by."""
    assert (row.get("code"), row.get("status")) == ("gated", 409), row
    assert row["reason"] == reason and row["hints"][0] == HINTS[Closed(reason)]
    return sorted({each["article"] for each in row["found"]})


def prepared(desk: Handlers, result: str = "pass") -> None:
    desk.ledger.accept(desk.act("case_filing"))
    desk.ledger.accept(desk.act("legal_review", facts={"result": result}))


# --- order -------------------------------------------------------------------------------------


def test_each_conclusion_waits_for_the_one_before(desk: Handlers) -> None:
    size = desk.ledger.services.log.size
    assert refused(desk.file("penalty_decision")) == ["54", "58"]
    assert refused(desk.file("service")) == ["59"]
    assert refused(desk.file("case_closing")) == ["61"]
    assert desk.ledger.services.log.size == size
    prepared(desk)
    for name in ("penalty_decision", "service", "case_closing"):
        desk.ledger.accept(desk.act(name))


def test_a_lone_refused_conclusion_gives_the_answer_its_status(desk: Handlers) -> None:
    answer = desk.ledger.http.post("/v1/statements", content=desk.act("penalty_decision"))
    assert answer.status_code == 409
    (row,) = answer.json()["results"]
    (first, *_) = row["found"]
    assert {"rule", "source", "article", "cure", "level", "class"} <= set(first)


def test_a_review_that_did_not_pass_opens_nothing_until_one_does(desk: Handlers) -> None:
    prepared(desk, result="fail")
    assert refused(desk.file("penalty_decision")) == ["58"]
    desk.ledger.accept(desk.act("legal_review", facts={"result": "pass"}))
    assert "index" in desk.file("penalty_decision")


def test_a_case_that_was_never_opened_is_not_closed(ledger: Ledger) -> None:
    desk = Handlers(ledger)
    # As where closing waits for service only once there is a decision.
    desk.publish(SMALL.replace('before = ["case_closing"]', 'before = ["penalty_decision"]'))
    refused(desk.file("case_closing"), "opening")
    desk.ledger.accept(desk.act("case_filing"))
    assert "index" in desk.file("case_closing")


def test_what_is_no_conclusion_is_logged_in_any_order(desk: Handlers) -> None:
    for name in ("legal_review", "site_inspection", "case_filing"):
        assert "index" in desk.file(name)


# --- in one request, and at once ---------------------------------------------------------------


def test_evidence_is_accepted_beside_a_refused_conclusion(desk: Handlers) -> None:
    rows = desk.ledger.file(
        desk.ledger.evidence(b"before"),
        desk.act("penalty_decision"),
        desk.ledger.evidence(b"the paper", by=HANDLER),
    )
    assert ["index" in row for row in rows] == [True, False, True]
    refused(rows[1])


def test_a_request_does_not_bring_its_own_review(desk: Handlers) -> None:
    rows = desk.ledger.file(
        desk.act("case_filing"),
        desk.act("legal_review", facts={"result": "pass"}),
        # Ends a run, so that what stands before it is committed.
        published(subject="another"),
        desk.act("penalty_decision"),
    )
    assert ["index" in row for row in rows] == [True, True, True, False]
    assert refused(rows[3]) == ["54", "58"]


def test_of_two_who_file_at_once_the_decision_does_not_count_the_others_review(
    desk: Handlers,
) -> None:
    """Both wait for one commit; then the decision is sent again, and the review is there."""
    desk.ledger.accept(desk.act("case_filing"))
    review, decision = (
        desk.act("legal_review", facts={"result": "pass"}),
        desk.act("penalty_decision", by=SECOND),
    )
    services, blocked, go = desk.ledger.services, threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        go.wait(60)

    services.writer.between(block)
    assert blocked.wait(60)
    futures = [services.writer.submit([services.log.open(one)]) for one in (review, decision)]
    go.set()
    first, second = (future.result(60)[0] for future in futures)
    assert not isinstance(first, Exception)
    assert getattr(second, "code", "") == "gated"
    assert "index" in desk.ledger.file(decision)[0]


def test_a_conclusion_sent_again_gets_its_answer_whatever_the_gate_says_now(
    desk: Handlers,
) -> None:
    prepared(desk)
    decision = desk.act("penalty_decision")
    (first,) = desk.ledger.accept(decision)
    desk.ledger.accept(desk.act("legal_review", facts={"result": "fail"}))
    (again,) = desk.ledger.accept(decision)
    assert (again["index"], again["fresh"]) == (first["index"], "no")


# --- ways round --------------------------------------------------------------------------------


def test_the_old_form_is_no_way_round(desk: Handlers) -> None:
    for name in ("penalty_decision", "service", "case_closing", "another_decision"):
        stage = "decide" if name.endswith("_decision") else "enforce"
        row = desk.file(name, without=("procedure",), stage=stage)
        refused(row, "procedure")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"procedure": "invented"}, "pack"),
        ({"stage": "investigate"}, "records"),
        ({"without": ("stage",)}, "records"),
    ],
)
def test_neither_a_procedure_nor_a_stage_of_ones_own_is(
    desk: Handlers, more: dict[str, Any], reason: str
) -> None:
    refused(desk.file("penalty_decision", **more), reason)


def test_a_decision_that_the_pack_does_not_know_is_refused(desk: Handlers) -> None:
    prepared(desk)
    refused(desk.file("other_decision", stage="decide"), "act")


@pytest.mark.parametrize("name", ["case_closed", "service", "site_inspection", "legal_review"])
def test_who_says_that_he_closes_a_case_is_refused_where_no_gate_would_look(
    desk: Handlers, name: str
) -> None:
    size = desk.ledger.services.log.size
    answer = desk.ledger.http.post("/v1/statements?conclusion=close", content=desk.act(name))
    (row,) = answer.json()["results"]
    refused(row, "act")
    assert "case_closing" in row["detail"] and desk.ledger.services.log.size == size
    # The gate of one that there is, is asked as ever; and evidence beside it is taken.
    body = b"\n".join([desk.act("case_closing"), desk.ledger.evidence(b"x")])
    answer = desk.ledger.http.post("/v1/statements?conclusion=close", content=body)
    closing, evidence = answer.json()["results"]
    refused(closing, "records")
    assert "index" in evidence


def test_what_says_nothing_of_itself_is_an_act_like_any_other(desk: Handlers) -> None:
    assert "index" in desk.file("case_closed")
    assert "index" in desk.file("other_decision", without=("stage",))


def test_an_agency_without_packs_may_conclude_what_it_likes(ledger: Ledger) -> None:
    act = Handlers(ledger).act("case_closed")
    answer = ledger.http.post("/v1/statements?conclusion=close", content=act)
    assert "index" in answer.json()["results"][0]


def test_a_conclusion_that_there_is_not_is_refused_as_a_request(desk: Handlers) -> None:
    answer = desk.ledger.http.post("/v1/statements?conclusion=end", content=desk.act("service"))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert "decide, serve, close" in answer.json()["detail"]


def test_the_date_that_an_act_claims_is_no_way_round(desk: Handlers) -> None:
    long_ago = {"from": "2020-01-01T09:00:00+08:00", "to": "2020-01-01T09:00:00+08:00"}
    assert refused(desk.file("penalty_decision", occurred=long_ago)) == ["54", "58"]


def test_an_agency_without_packs_is_not_gated(desk: Handlers) -> None:
    row = desk.file("penalty_decision", by=OTHER_HANDLER, agency=OTHER_AGENCY, case=OWN_CASE)
    assert "index" in row


def test_nor_is_anybody_before_the_pack_comes_into_force(ledger: Ledger) -> None:
    desk = Handlers(ledger)
    desk.publish(start="2999-01-01")
    assert "index" in desk.file("penalty_decision")


@pytest.fixture
def neighbours(desk: Handlers) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of one case: its agency, which has a pack, and another that has none."""
    desk.publish(agency=OTHER_AGENCY)
    desk.ledger.accept(register(THIRD, Role.HANDLER, "agency-03"))
    of = {"case": OWN_CASE}
    own = of | {"by": OTHER_HANDLER, "agency": OTHER_AGENCY}
    desk.ledger.accept(desk.act("case_filing", **own))
    return own, of | {"by": THIRD, "agency": "agency-03"}


def test_the_key_of_another_agency_concludes_no_case_of_a_gated_one(
    desk: Handlers, neighbours: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    _, others = neighbours
    refused(desk.file("penalty_decision", **others), "agency")
    refused(desk.file("another_decision", stage="decide", **others), "agency")


def test_nor_does_what_another_agency_says_open_its_gate(
    desk: Handlers, neighbours: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    own, others = neighbours
    desk.ledger.accept(desk.act("legal_review", facts={"result": "pass"}, **others))
    assert refused(desk.file("penalty_decision", **own)) == ["58"]


@pytest.fixture
def squatted(desk: Handlers) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of one case: its agency, which has a pack, and another that spoke of it first."""
    desk.publish(agency=OTHER_AGENCY)
    desk.ledger.accept(register(THIRD, Role.HANDLER, "agency-03"))
    own = {"case": OWN_CASE, "by": OTHER_HANDLER, "agency": OTHER_AGENCY}
    others = {"case": OWN_CASE, "by": THIRD, "agency": "agency-03"}
    desk.ledger.accept(desk.act("site_inspection", **others))
    desk.ledger.accept(desk.act("case_filing", **own))
    desk.ledger.accept(desk.act("legal_review", facts={"result": "pass"}, **own))
    return own, others


def test_who_speaks_first_under_a_number_of_somebody_else_has_it_until_its_spelling_is_registered(
    desk: Handlers, squatted: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    own, others = squatted
    row = desk.file("penalty_decision", **own)
    refused(row, "agency")
    assert "agency-03" in row["detail"] and OWNER_HINT in row["hints"]
    desk.ledger.accept(numbers(OTHER_AGENCY, "园综执罚〔{year}〕{number}号"))
    # What was said there stays, and counts for nothing; nothing more comes.
    assert desk.file("site_inspection", **others)["code"] == "rejected"
    assert "index" in desk.file("penalty_decision", **own)


def test_the_packet_and_the_gaps_of_such_a_case_are_then_its_owners(
    desk: Handlers, squatted: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    ledger, path = desk.ledger, f"/v1/cases/{quote(OWN_CASE)}/gaps"
    readers = {a: ledger.bearer("handler", agency=a) for a in (OTHER_AGENCY, "agency-03")}

    def may_read() -> list[str]:
        return [a for a, by in readers.items() if ledger.http.get(path, headers=by).is_success]

    assert may_read() == ["agency-03"]
    ledger.accept(numbers(OTHER_AGENCY, "园综执罚〔{year}〕{number}号"))
    assert may_read() == [OTHER_AGENCY]
    (pack,) = ledger.http.get(path, headers=readers[OTHER_AGENCY]).json()["packs"]
    assert pack["pack"] == "small"


def test_a_provisional_case_is_that_of_who_opened_it_whoever_speaks_first(desk: Handlers) -> None:
    desk.ledger.accept(register(THIRD, Role.HANDLER, "agency-03"))
    opening = desk.act("provisional_opening", without=("case", "procedure"))
    (opened,) = desk.ledger.accept(opening)
    provisional = {"provisional": opened["id"], "without": ("case",)}
    desk.ledger.accept(desk.act("site_inspection", by=THIRD, agency="agency-03", **provisional))
    desk.ledger.accept(desk.act("case_filing", **provisional))
    desk.ledger.accept(desk.act("legal_review", facts={"result": "pass"}, **provisional))
    assert "index" in desk.file("penalty_decision", **provisional)


def test_what_a_decision_ties_to_its_case_is_looked_at_with_it(desk: Handlers) -> None:
    """A review that failed, in the provisional case that nobody named before the decision."""
    opening = desk.act("provisional_opening", without=("case", "procedure"))
    (opened,) = desk.ledger.accept(opening)
    early = {"provisional": opened["id"], "without": ("case",)}
    prepared(desk)
    desk.ledger.accept(desk.act("legal_review", facts={"result": "fail"}, **early))
    refused(desk.file("penalty_decision", provisional=opened["id"]))


def test_a_provisional_case_is_gated_too_and_counts_once_it_has_a_number(desk: Handlers) -> None:
    opening = desk.act("provisional_opening", without=("case", "procedure"))
    (opened,) = desk.ledger.accept(opening)
    provisional = {"provisional": opened["id"], "without": ("case",)}
    refused(desk.file("penalty_decision", **provisional))
    desk.ledger.accept(desk.act("case_filing", **provisional))
    desk.ledger.accept(desk.act("legal_review", facts={"result": "pass"}, **provisional))
    numbered = desk.act("site_inspection", provisional=opened["id"])
    desk.ledger.accept(numbered)
    assert "index" in desk.file("penalty_decision")


# --- what cannot be examined -------------------------------------------------------------------


def test_a_pack_that_cannot_be_read_lets_no_decision_through(ledger: Ledger) -> None:
    desk = Handlers(ledger)
    desk.publish("not = [toml")
    rows = ledger.file(desk.act("penalty_decision"), ledger.evidence(b"all the same"))
    refused(rows[0], "unreadable")
    assert "index" in rows[1]


def test_a_fault_of_the_rules_keeps_no_evidence_out(
    desk: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> None:
        raise KeyError("a fault")

    monkeypatch.setattr("api.gatekeeper.check_conclusion", fails)
    rows = desk.ledger.file(desk.act("penalty_decision"), desk.ledger.evidence(b"x"))
    assert (rows[0]["code"], rows[0]["status"]) == ("unavailable", 503)
    assert "fault" not in str(rows[0])
    assert "index" in rows[1]


# --- restart -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def test_after_a_restart_the_gate_knows_what_was_logged_before(folder: Path) -> None:
    with open_ledger(folder) as ledger:
        desk = Handlers(ledger)
        desk.publish()
        prepared(desk)
    with open_ledger(folder) as ledger:
        assert "index" in Handlers(ledger).file("penalty_decision")
        assert isinstance(ledger.services, Services)
        assert refused(Handlers(ledger).file("case_closing")) == ["61"]


def test_the_small_pack_of_these_tests_is_one() -> None:
    from ledger.process.rules.rulepack import RulePack

    assert RulePack.from_text(SMALL).pack == "small"
    assert envelope("penalty_decision", b"x", agency=AGENCY)
