"""How a case stands: what lacks and what is due, for those who may see it, each read in the log."""

from typing import Any
from urllib.parse import quote

import pytest

from ledger.encoding import format_time
from ledger.suite import digest
from testkit.case import uuid7
from testkit.gating import SMALL, Handlers, published
from testkit.rulepacks import PACKS
from testkit.server import AGENCY, CASE, OTHER_AGENCY, OTHER_CASE, Ledger, await_that

SESSION, MINUTE = uuid7(77), 60_000


@pytest.fixture
def desk(ledger: Ledger) -> Handlers:
    desk = Handlers(ledger)
    desk.publish()
    return desk


def ask(ledger: Ledger, what: str, case: str = CASE, **limits: Any) -> Any:
    path = f"/v1/cases/{quote(case)}/{what}"
    return ledger.http.get(path, headers=ledger.bearer("supervisor", **limits))


def rules(ledger: Ledger) -> list[tuple[str, str]]:
    return [(row["rule"], row["kind"]) for row in ask(ledger, "gaps").json()["gaps"]]


def test_what_is_missing_is_told_with_its_article_until_it_is_there(desk: Handlers) -> None:
    desk.ledger.accept(desk.act("legal_review", facts={"result": "pass"}))
    answer = ask(desk.ledger, "gaps").json()
    assert [(pack["pack"], pack["version"]) for pack in answer["packs"]] == [("small", "2026.1")]
    # As anybody has it who holds the published file: two contents may state one version.
    assert answer["packs"][0]["sha256"] == digest(SMALL.encode()).hex()
    (filing,) = [row for row in answer["gaps"] if row["rule"] == "filing"]
    assert (filing["kind"], filing["article"], filing["class"]) == ("missing", "54", "procedure")
    desk.ledger.accept(desk.act("case_filing"))
    assert ("filing", "missing") not in rules(desk.ledger)


def test_a_whole_case_has_no_gaps_and_its_clock_is_met(desk: Handlers) -> None:
    desk.ledger.accept(desk.act("case_filing"))
    desk.ledger.accept(desk.act("legal_review", facts={"result": "pass"}))
    for name in ("penalty_decision", "service", "case_closing"):
        desk.ledger.accept(desk.act(name))
    assert rules(desk.ledger) == []
    clocks = {row["clock"]: row for row in ask(desk.ledger, "clocks").json()["clocks"]}
    assert clocks["decision"]["state"] == "met" and clocks["decision"]["article"] == "60"
    # What follows a decision is counted for every case, by the shipped pack.
    assert "after" in {row["pack"] for row in clocks.values()}


def test_a_running_clock_says_until_when_and_how_days_were_counted(desk: Handlers) -> None:
    desk.ledger.accept(desk.act("case_filing"))

    def decision() -> dict[str, Any]:
        rows = ask(desk.ledger, "clocks").json()["clocks"]
        return next(row for row in rows if row["clock"] == "decision")

    assert (decision()["state"], decision()["counted"]) == ("running", "weekends")
    assert "due" in decision()


def test_a_case_without_a_pack_says_that_none_judged_it(ledger: Ledger) -> None:
    ledger.accept(ledger.evidence(b"x"))
    answer = ask(ledger, "gaps").json()
    assert (answer["packs"], answer["gaps"]) == ([], [])
    assert ask(ledger, "clocks").status_code == 200


@pytest.mark.parametrize("what", ["gaps", "clocks"])
def test_each_read_is_in_the_log_before_its_answer(desk: Handlers, what: str) -> None:
    desk.ledger.accept(desk.act("case_filing"))
    ask(desk.ledger, what, agency=AGENCY, name="王某")
    (said,) = desk.ledger.custody("read")
    assert (said["about"], said["by"], said["note"]) == (f"case/{CASE}", "supervisor 王某", what)


@pytest.mark.parametrize("what", ["gaps", "clocks"])
def test_what_a_token_may_not_see_does_not_exist_for_it(desk: Handlers, what: str) -> None:
    desk.ledger.accept(desk.act("case_filing"))
    for limits in ({"agency": OTHER_AGENCY}, {"cases": (OTHER_CASE,)}):
        assert ask(desk.ledger, what, **limits).status_code == 404
    assert desk.ledger.custody("read") == []
    await_that(lambda: len(desk.ledger.custody("refused")) == 2, "two lines of custody")
    assert ask(desk.ledger, what, case=OTHER_CASE).status_code == 404
    assert desk.ledger.http.get(f"/v1/cases/{quote(CASE)}/{what}").status_code == 401
    assert ask(desk.ledger, what, case="x").status_code == 400


@pytest.mark.parametrize("what", ["gaps", "clocks"])
def test_a_pack_that_cannot_be_read_is_said_and_not_passed_over(ledger: Ledger, what: str) -> None:
    desk = Handlers(ledger)
    ledger.accept(published("not = [toml"))
    ledger.accept(desk.act("case_filing"))
    answer = ask(ledger, what)
    assert (answer.status_code, answer.json()["code"]) == (422, "rejected")
    assert "cannot be read" in answer.json()["detail"]


def clocks(ledger: Ledger) -> dict[str, dict[str, str]]:
    rows = ask(ledger, "clocks").json()["clocks"]
    return {row["clock"]: row for row in rows if row["state"] != "not_started"}


def test_what_binds_market_regulators_runs_for_those_alone_who_published_it(
    desk: Handlers,
) -> None:
    """公示规定 binds no city management bureau: without its pack no clock of it runs."""
    desk.ledger.accept(desk.act("case_filing"))
    desk.ledger.accept(desk.act("legal_review", facts={"result": "pass"}))
    desk.ledger.accept(desk.act("penalty_decision", facts={"penalty_kind": "fine"}))
    assert "publication" not in clocks(desk.ledger)
    market = PACKS["after_market"]
    desk.publish(market, subject="after_market", agency=OTHER_AGENCY)
    assert "publication" not in clocks(desk.ledger)
    desk.publish(market, subject="after_market")
    found = clocks(desk.ledger)["publication"]
    assert (found["pack"], found["article"], found["state"]) == ("after_market", "2、9", "running")


def test_a_special_rule_comes_first_and_where_it_does_not_apply_the_general_one_holds(
    desk: Handlers,
) -> None:
    """Of a warning alone 公示规定 2 wants nothing published; with social impact 处罚法 48 does."""
    desk.publish(PACKS["after_market"], subject="after_market")
    desk.ledger.accept(desk.act("case_filing"))
    desk.ledger.accept(desk.act("legal_review", facts={"result": "pass"}))
    desk.ledger.accept(desk.act("penalty_decision", facts={"penalty_kind": "warning"}))
    assert "publication" not in clocks(desk.ledger)
    said = {"penalty_kind": "warning", "social_impact": "yes"}
    desk.ledger.accept(desk.act("penalty_decision", facts=said))
    assert clocks(desk.ledger)["publication"]["pack"] == "after"


def test_a_broken_pack_of_what_follows_a_decision_is_said(desk: Handlers) -> None:
    desk.ledger.accept(desk.act("case_filing"))
    desk.publish("pack = [", subject="after_market")
    answer = ask(desk.ledger, "clocks")
    assert answer.status_code == 422 and "after_market" in answer.json()["detail"]


def test_a_hole_is_a_task_for_a_day_and_a_defect_from_then_on(desk: Handlers) -> None:
    desk.publish(PACKS["summary"], subject="summary")
    desk.ledger.accept(desk.act("on_the_spot_notice", procedure="summary"))
    now = desk.ledger.services.clock.now_ms()
    for n, (begins, ends) in enumerate(((40, 37), (30, 10))):
        span = {"from": format_time(now - begins * MINUTE), "to": format_time(now - ends * MINUTE)}
        said = {"device": "BWC-1", "file": f"{n}.MP4", "occurred": span, "session": SESSION}
        desk.ledger.accept(desk.ledger.evidence(f"film {n}".encode(), **said))

    def hole() -> dict[str, Any]:
        (row,) = [r for r in ask(desk.ledger, "gaps").json()["gaps"] if r["rule"] == "hole"]
        return dict(row)

    first = hole()
    assert (first["level"], first["due"]) == ("notice", False)
    assert first["facts"]["wanting_ms"] == "420000"
    desk.ledger.services.clock.now_ms = lambda: now + 25 * 3_600_000  # type: ignore[method-assign]
    later = hole()
    assert (later["level"], later["due"]) == ("ordinary", True)
    assert later["facts"] == first["facts"]
