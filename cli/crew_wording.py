"""Who may act, in words: findings of `ledger.process.registers.crew`, and what would cure each."""

from collections.abc import Mapping
from typing import Any

from ledger.process.registers.crew import CrewRule, Lack
from ledger.report import Bilingual

LACKS: Mapping[Lack, Bilingual] = {
    Lack.UNREGISTERED: {"en": "not registered on that day", "zh": "当日未登记"},
    Lack.AUXILIARY: {"en": "an auxiliary", "zh": "系辅助人员"},
    Lack.NOT_IN_FORCE: {"en": "the certificate had ended", "zh": "执法证件已失效或被收回"},
    Lack.NOT_ESTABLISHED: {"en": "not on the establishment", "zh": "非在编人员"},
    Lack.NOT_IN_POST: {"en": "not in an enforcement post", "zh": "不在执法岗位"},
    Lack.NOT_CERTIFIED: {"en": "not certified", "zh": "无执法资格"},
    Lack.OTHER_AGENCY: {
        "en": "of another agency, without a delegation",
        "zh": "属于其他机关，且无有效委托",
    },
    Lack.SAME_PERSON: {
        "en": "the same person under a second certificate",
        "zh": "与另一执法证号为同一人",
    },
}

_SAID: Mapping[str, Bilingual] = {
    **{str(lack): words for lack, words in LACKS.items()},
    "announced": {"en": "announced", "zh": "已公示"},
    "qualified": {"en": "qualified", "zh": "具备资格"},
    "unannounced": {"en": "not announced", "zh": "未公示"},
}
_WHEN: Mapping[str, Bilingual] = {
    "now": {
        "en": "The registers now say otherwise of {who} for that day: {said}. The verdict stays.",
        "zh": "登记簿现对{who}当日另有记载：{said}。结论不变。",
    },
    "occurred": {
        "en": "When the act occurred the registers said otherwise of {who}: {said}.",
        "zh": "行为发生时，登记簿对{who}另有记载：{said}。",
    },
}

# Of each rule what is found, with its facts, and what would cure it.
RULES: Mapping[CrewRule, tuple[Bilingual, Bilingual]] = {
    CrewRule.AGENCY_UNANNOUNCED: (
        {
            "en": "The agency {agency} was not announced as an enforcement body on that day.",
            "zh": "机关 {agency} 当日未作为执法主体公示。",
        },
        {
            "en": "Announce the body; an act before that is to be revoked or done again",
            "zh": "依法确认并公示执法主体；公示前的行为撤销或者重新作出",
        },
    ),
    CrewRule.AUXILIARIES_ALONE: (
        {
            "en": "Only auxiliaries acted, and {wanted} officers are wanted.",
            "zh": "仅有辅助人员实施，应有执法人员 {wanted} 人。",
        },
        {
            "en": "Do the act again with qualified officers",
            "zh": "由具备资格的执法人员重新实施该行为",
        },
    ),
    CrewRule.CREW_SHORT: (
        {
            "en": "{named} officers are named, and {wanted} are wanted.",
            "zh": "载明执法人员 {named} 人，应有 {wanted} 人。",
        },
        {
            "en": "Name the officer who was there, or do the act again with enough of them",
            "zh": "确有其他人员在场的补正载明；人数不足的重新实施",
        },
    ),
    CrewRule.OFFICER_UNQUALIFIED: (
        {
            "en": "{officer} does not count as an officer: {lack}.",
            "zh": "{officer} 不具备执法资格：{lack}。",
        },
        {
            "en": "Do the act again with qualified officers; correct a number that was mistyped",
            "zh": "由具备资格的执法人员重新实施；证号有误的予以更正",
        },
    ),
    CrewRule.AUXILIARY_FORBIDDEN: (
        {
            "en": "Auxiliaries ({auxiliaries}) took part in what the negative list keeps from "
            "them: {item} {name}.",
            "zh": "辅助人员（{auxiliaries}）参与了负面清单禁止的事项：{item} {name}。",
        },
        {
            "en": "Do without auxiliaries, and explain their part in writing",
            "zh": "由执法人员独立实施，并书面说明辅助人员的作用",
        },
    ),
    CrewRule.AUXILIARY_UNREGISTERED: (
        {
            "en": "The auxiliary {auxiliary} is not registered on that day.",
            "zh": "辅助人员 {auxiliary} 当日未登记。",
        },
        {"en": "Register the auxiliary", "zh": "登记该辅助人员的岗位和证件"},
    ),
    CrewRule.DELEGATION_UNPUBLISHED: (
        {
            "en": "{officer} acts by the delegation {delegation}, which is not published.",
            "zh": "{officer} 依委托 {delegation} 执法，该委托未公布。",
        },
        {"en": "Publish the written delegation", "zh": "依法公布委托书"},
    ),
    CrewRule.SINGLE_OFFICER: (
        {
            "en": "One officer acted, by {basis}.",
            "zh": "由一名执法人员实施，依据：{basis}。",
        },
        {"en": "Check that the law allows it", "zh": "核对该依据是否允许一人执法"},
    ),
    CrewRule.REGISTER_DIFFERS: (
        {"en": "{differs}", "zh": "{differs}"},
        {"en": "Compare the register with the decisions it rests on", "zh": "核对登记簿及其依据"},
    ),
}


def crew_sentence(rule: str, facts: Mapping[str, str]) -> Bilingual:
    """What was found of whom; `facts` are those of the finding, by the word of whoever sent it."""
    found = RULES[CrewRule(rule)][0]
    return {
        "en": found["en"].format_map(_Facts(_worded(facts, "en"))),
        "zh": found["zh"].format_map(_Facts(_worded(facts, "zh"))),
    }


def crew_cure(rule: str) -> Bilingual:
    return RULES[CrewRule(rule)][1]


class _Facts(dict[str, str]):
    def __missing__(self, fact: str) -> str:
        return "?"


def _worded(facts: Mapping[str, str], language: str) -> dict[str, str]:
    """The facts, with the words of closed lists in a language."""
    found = dict(facts)
    if "lack" in facts:
        found["lack"] = _word(LACKS, facts["lack"], language)
    if "when" in facts:
        who = facts.get("officer") or facts.get("agency", "")
        said = _word(_SAID, facts.get("said", ""), language)
        found["differs"] = _word(_WHEN, facts["when"], language).format(who=who, said=said)
    return found


def _word(words: Mapping[Any, Bilingual], value: str, language: str) -> str:
    return words[value][language] if value in words else value.replace("{", "").replace("}", "")
