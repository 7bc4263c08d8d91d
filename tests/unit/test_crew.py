from collections.abc import Iterable
from itertools import product

import pytest

from ledger.evidence.statement import Statement
from ledger.process.registers.crew import CrewFinding, CrewRule, Verb
from ledger.process.registers.registry import Registry
from testkit.case import AGENCY
from testkit.crews import GUEST, STAFF, WITHDRAWN, act, delegation, findings
from testkit.lists import FORBIDDEN
from testkit.registers import announced, listed, officer, registered, registry


def rules(found: Iterable[CrewFinding]) -> list[str]:
    return [str(finding.rule) for finding in found]


CREWS: dict[str, tuple[list[str], list[str]]] = {
    "auxiliaries only": ([], ["F-1", "F-2"]),
    "auxiliary and one officer": (["A-1"], ["F-1"]),
    "auxiliary and two officers": (["A-1", "A-2"], ["F-1"]),
    "one officer": (["A-1"], []),
    "two officers": (["A-1", "A-2"], []),
}
ALONE, SHORT = "auxiliaries_alone", "crew_short"
# 二(三): six verbs, five crews; a penalty wants two officers, everything else one.
MATRIX = {
    "penalty": {
        "auxiliaries only": [ALONE],
        "auxiliary and one officer": [SHORT],
        "auxiliary and two officers": [],
        "one officer": [SHORT],
        "two officers": [],
    },
    "licence": {
        "auxiliaries only": [ALONE],
        "auxiliary and one officer": [],
        "auxiliary and two officers": [],
        "one officer": [],
        "two officers": [],
    },
}


@pytest.mark.parametrize(("kind", "verb", "crew"), [*product(MATRIX, Verb, CREWS)])
def test_the_thirty_rows(kind: str, verb: str, crew: str) -> None:
    found = findings(registry(*STAFF), act(*CREWS[crew]), verb=verb, kind=kind)
    assert rules(found) == MATRIX[kind][crew]


def test_the_number_that_a_pack_states_counts() -> None:
    made = registry(*STAFF)
    assert rules(findings(made, act(["A-1"]), officers=1)) == []
    assert rules(findings(made, act(["A-1"]), officers=2, kind="licence")) == [SHORT]
    assert rules(findings(made, act(["A-1", "A-2"]), officers=3)) == [SHORT]


def test_an_act_of_no_reserved_verb_needs_nobody() -> None:
    assert findings(registry(announced()), act(), verb="") == []


def test_who_is_named_must_be_qualified_even_where_nobody_is_needed() -> None:
    (found,) = findings(registry(announced()), act(["A-1"]), verb="")
    assert (found.rule, found.level) == (CrewRule.OFFICER_UNQUALIFIED, "ordinary")


def unqualified(found: list[CrewFinding]) -> dict[str, str]:
    assert set(rules(found)) <= {"officer_unqualified"}
    return {finding.facts["officer"]: finding.facts["lack"] for finding in found}


@pytest.mark.parametrize(
    ("lack", "statement"),
    [
        ("unregistered", registered("device", "A-3", "2026-01-01")),
        ("auxiliary", registered("auxiliary", "A-3", "2026-01-01")),
        ("not_in_force", officer("A-3", "2026-01-01", "2026-03-14")),
        ("unregistered", officer("A-3", "2026-03-16")),
        ("not_established", officer("A-3", established="no")),
        ("not_in_post", officer("A-3", in_post="no")),
        ("not_certified", officer("A-3", certified="no")),
        ("not_certified", officer("A-3", certified="Yes")),
        ("other_agency", officer("A-3", agency="agency-02")),
        ("same_person", officer("A-3", person="officer A-1")),
    ],
)
def test_each_lack_is_named(lack: str, statement: Statement) -> None:
    found = findings(registry(*STAFF, statement), act(["A-1", "A-3"]))
    assert unqualified(found) == {"A-3": lack}
    assert found[0].level == "serious"
    assert found[0].sickness == "subject"


def test_one_too_many_who_does_not_count_is_less_serious() -> None:
    (found,) = findings(registry(*STAFF), act(["A-1", "A-2", "A-3"]))
    assert (found.facts["lack"], found.level) == ("unregistered", "ordinary")


def test_the_finding_names_statute_and_article() -> None:
    made = registry(*STAFF)
    (short,) = findings(made, act(["A-1"]))
    (alone,) = findings(made, act([], ["F-1"]))
    (coercion,) = findings(made, act(["A-1"]), verb="coerce")
    assert (short.source, short.article) == ("处罚法", "42")
    assert (alone.source, alone.article) == ("市级实施意见", "二(三)")
    assert (coercion.source, coercion.article) == ("强制法", "18")


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-03-14", {}), ("2026-03-15", {}), ("2026-03-16", {"A-1": "not_in_force"})],
)
def test_a_certificate_withdrawn_counts_until_its_last_day(
    day: str, expected: dict[str, str]
) -> None:
    found = findings(registry(*STAFF, WITHDRAWN), act(["A-1", "A-2"], day=day))
    assert unqualified(found) == expected


def test_an_act_over_midnight_wants_both_days() -> None:
    over = act(["A-1", "A-2"], day="2026-03-15", until="2026-03-16")
    assert unqualified(findings(registry(*STAFF, WITHDRAWN), over)) == {"A-1": "not_in_force"}
    begins = registry(*STAFF[:2], officer("A-2", "2026-03-16"))
    assert unqualified(findings(begins, over)) == {"A-2": "unregistered"}


def test_a_clean_act_stays_clean_years_later_and_a_notice_tells_of_the_edit() -> None:
    made = registry(*STAFF, officer("A-1", "2020-01-01", "2020-12-31"))
    (found,) = findings(made, act(["A-1", "A-2"]), len(STAFF))
    assert (found.rule, found.level) == (CrewRule.REGISTER_DIFFERS, "notice")
    assert found.facts == {"officer": "A-1", "said": "not_in_force", "when": "now"}


def test_a_backdated_registration_cleans_nothing_before_it() -> None:
    made = registry(*STAFF, officer("A-3", "2020-01-01"))
    found = findings(made, act(["A-1", "A-3"]), len(STAFF))
    assert rules(found) == ["officer_unqualified", "register_differs"]
    assert found[0].facts["lack"] == "unregistered"
    assert found[1].facts == {"officer": "A-3", "said": "qualified", "when": "now"}


def timed(*rows: tuple[str, Statement]) -> Registry:
    made = Registry()
    for number, (day, statement) in enumerate(rows):
        made.add(number, statement, _ms(day))
    return made


def _ms(day: str) -> int:
    occurred = act(day=day).occurred
    assert occurred is not None
    return occurred.start_ms


def test_who_was_registered_after_the_act_and_before_it_was_logged_is_told() -> None:
    rows = [("2026-01-02", statement) for statement in STAFF]
    made = timed(*rows, ("2026-03-16", officer("A-3", "2020-01-01")))
    (found,) = findings(made, act(["A-1", "A-3"], day="2026-03-15"))
    assert (found.rule, found.level) == (CrewRule.REGISTER_DIFFERS, "notice")
    assert found.facts == {"officer": "A-3", "said": "unregistered", "when": "occurred"}
    assert findings(made, act(["A-1", "A-3"], day="2026-03-16")) == []


def test_registers_that_began_after_the_act_say_nothing_of_then() -> None:
    made = timed(*[("2026-03-16", statement) for statement in STAFF])
    assert findings(made, act(["A-1", "A-2"], day="2026-03-15")) == []


@pytest.mark.parametrize(
    ("agency", "day", "expected"),
    [
        (announced(day="2026-03-15"), "2026-03-14", ["agency_unannounced"]),
        (announced(day="2026-03-15"), "2026-03-15", []),
        (announced(day=""), "2026-03-15", ["agency_unannounced"]),
        (announced(day="yes"), "2026-03-15", ["agency_unannounced"]),
        (registered("agency", AGENCY, "2026-01-01", level="city"), "2026-03-15", None),
        (announced("agency-02"), "2026-03-15", ["agency_unannounced"]),
    ],
)
def test_an_agency_acts_only_when_announced(
    agency: Statement, day: str, expected: list[str] | None
) -> None:
    found = findings(registry(agency, *STAFF[1:]), act(["A-1", "A-2"], day=day))
    assert rules(found) == (["agency_unannounced"] if expected is None else expected)
    assert all((f.level, f.sickness) == ("serious", "subject") for f in found)


@pytest.mark.parametrize(
    ("delegated", "verb", "day", "expected"),
    [
        (delegation(), "investigate", "2026-03-15", []),
        (delegation(), "coerce", "2026-03-15", ["officer_unqualified"]),
        (delegation(), "investigate", "2026-04-01", ["officer_unqualified"]),
        (delegation(to="agency-03"), "investigate", "2026-03-15", ["officer_unqualified"]),
        (delegation(published="no"), "investigate", "2026-03-15", ["delegation_unpublished"]),
    ],
)
def test_an_officer_of_another_agency_needs_a_delegation(
    delegated: Statement, verb: str, day: str, expected: list[str]
) -> None:
    made = registry(*STAFF, GUEST, delegated)
    assert rules(findings(made, act(["A-1", "B-1"], day=day), verb=verb)) == expected


def test_an_auxiliary_whom_nobody_registered_is_told() -> None:
    (found,) = findings(registry(*STAFF), act(["A-1", "A-2"], ["F-9"]))
    assert (found.rule, found.level) == (CrewRule.AUXILIARY_UNREGISTERED, "notice")


def test_one_officer_is_enough_where_a_law_says_so_and_is_told() -> None:
    made = registry(*STAFF)
    alone = act(["A-1"], single_officer_basis="治安管理处罚法 第一百二十条")
    (found,) = findings(made, alone)
    assert (found.rule, found.level) == (CrewRule.SINGLE_OFFICER, "notice")
    nobody = act([], ["F-1"], single_officer_basis="治安管理处罚法 第一百二十条")
    assert rules(findings(made, nobody)) == [ALONE]


@pytest.mark.parametrize(
    ("basis", "verb"),
    [("x", "investigate"), ("内部规定", "decide"), ("行政强制法 第十八条", "coerce")],
)
def test_whatever_is_no_law_makes_no_officer_enough_and_of_coercion_none_does(
    basis: str, verb: str
) -> None:
    found = findings(
        registry(*STAFF), act(["A-1"], single_officer_basis=basis), verb=verb, officers=2
    )
    assert (CrewRule.CREW_SHORT, "serious") in {(one.rule, one.level) for one in found}


def test_an_act_on_the_negative_list_is_not_for_auxiliaries_even_with_officers() -> None:
    forbidden = FORBIDDEN.replace("questioning", "site_inspection")
    made = registry(*STAFF, listed("auxiliary_forbidden", "f", forbidden))
    (found,) = findings(made, act(["A-1", "A-2"], ["F-1", "F-2"]))
    assert (found.rule, found.level) == (CrewRule.AUXILIARY_FORBIDDEN, "ordinary")
    assert found.facts == {"auxiliaries": "F-1、F-2", "item": "FM-1", "name": "单独询问当事人"}
    assert findings(made, act(["A-1", "A-2"])) == []
