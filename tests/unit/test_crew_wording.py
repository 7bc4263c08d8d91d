from collections.abc import Iterable

import pytest

from cli.case.refusal import lines
from cli.crew_wording import LACKS, RULES, crew_cure, crew_sentence
from cli.language import choose
from ledger.process.registers.crew import CrewFinding, CrewRule, Lack
from ledger.process.registers.registry import Registry
from testkit.crews import GUEST, STAFF, WITHDRAWN, act, delegation, findings
from testkit.lists import FORBIDDEN
from testkit.registers import listed, officer, registry


def every_finding() -> Iterable[CrewFinding]:
    """One at least of each rule, from acts that have it."""
    staff = registry(*STAFF)
    yield from findings(registry(*STAFF[1:]), act(["A-1"], ["F-9"]))
    yield from findings(staff, act([], ["F-1"]))
    yield from findings(staff, act(["A-1", "A-3"]))
    yield from findings(staff, act(["A-1"], single_officer_basis="某法 1"))
    yield from findings(registry(*STAFF, WITHDRAWN), act(["A-1", "A-2"]), len(STAFF))
    yield from findings(
        registry(*STAFF, officer("A-1", "2020-01-01", "2020-12-31")), act(["A-1", "A-2"]), 5
    )
    yield from findings(registry(*STAFF, GUEST, delegation(published="no")), act(["A-1", "B-1"]))
    forbidden = listed(
        "auxiliary_forbidden", "f", FORBIDDEN.replace("questioning", "site_inspection")
    )
    yield from findings(registry(*STAFF, forbidden), act(["A-1", "A-2"], ["F-1"]))


FOUND = list(every_finding())


def test_the_findings_here_are_of_every_rule() -> None:
    assert {finding.rule for finding in FOUND} == set(CrewRule) == set(RULES)
    assert set(LACKS) == set(Lack)


@pytest.mark.parametrize("finding", FOUND, ids=lambda finding: str(finding.rule))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_is_told_in_both_languages_with_its_facts(finding: CrewFinding, language: str) -> None:
    sentence = crew_sentence(finding.rule, finding.facts)[language]
    assert "{" not in sentence and sentence[-1] in ".。"
    for fact in ("officer", "agency", "auxiliary", "delegation", "basis", "wanted"):
        told = fact != "wanted" or "{wanted}" in RULES[finding.rule][0][language]
        assert not told or finding.facts.get(fact, "") in sentence
    assert crew_cure(finding.rule)[language]


def test_facts_in_braces_are_no_fields() -> None:
    facts = {"basis": "{officer} {0.__class__}", "named": "1", "qualified": "1", "wanted": "2"}
    assert "{officer} {0.__class__}" in crew_sentence(CrewRule.SINGLE_OFFICER, facts)["zh"]


def test_an_empty_registry_is_told_as_well() -> None:
    found = findings(Registry(), act(["A-1"]))
    assert [crew_sentence(one.rule, one.facts)["zh"] for one in found] == [
        "机关 agency-01 当日未作为执法主体公示。",
        "A-1 不具备执法资格：当日未登记。",
        "载明执法人员 1 人，应有 2 人。",
    ]


@pytest.mark.parametrize(
    "facts",
    [{}, {"lack": "tired {x}"}, {"when": "never {0}"}, {"when": "now", "said": "{who} {y}"}],
)
@pytest.mark.parametrize("rule", CrewRule)
def test_what_another_program_says_is_told_without_a_fault(
    rule: str, facts: dict[str, str]
) -> None:
    assert crew_sentence(rule, facts)["en"]


def test_a_gap_of_a_crew_is_printed_with_its_finding_and_cure() -> None:
    facts = {"lack": "not_in_force", "named": "2", "officer": "A-1", "qualified": "1"}
    row = {"what": "crew", "rule": "officer_unqualified", "facts": facts, "level": "serious"}
    row |= {"kind": "defect", "name": "询问笔录", "source": "市级实施意见", "article": "二(二)"}
    choose(["--lang", "zh"], {})
    shown = lines(row)
    choose([], {})
    assert shown == [
        "  严重  询问笔录：有瑕疵",
        "    A-1 不具备执法资格：执法证件已失效或被收回。",
        "    依据：市级实施意见 二(二)",
        "    补正：由具备资格的执法人员重新实施；证号有误的予以更正",
    ]
