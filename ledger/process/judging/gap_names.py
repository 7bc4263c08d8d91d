"""Facts, their words and acts of a gap by their names in its pack, beside their identifiers.

    named(pack, ("penalty_notice",), {"missing": "reason、seal"})
    # and missing_name = 理由、印章, missing_name_en = reasons、seal

The words of a choice are English as they stand, and so have a Chinese name alone.
"""

from collections.abc import Iterable, Mapping

from ledger.process.rules.facts import FactRule
from ledger.process.rules.rulepack import RulePack

_FACTS = frozenset({"fact", "missing", "shows"})  # hold identifiers of facts
_WORDS = frozenset({"said", "wanted", "other"})  # hold what a fact says
_JOIN = "、"
NAMES = ("_name", "_name_en")  # how keys of names end


def named(pack: RulePack, acts: Iterable[str], facts: Mapping[str, str]) -> dict[str, str]:
    """`acts` are those that the gap is about; what has no name stands under its identifier."""
    acts, found = tuple(acts), dict(facts)
    for key in _FACTS & facts.keys() if pack.facts else ():
        ids = facts[key].split(_JOIN)
        rules = [_rule(pack, acts, id_) or FactRule(id_, id_, id_) for id_ in ids]
        found[f"{key}_name"] = _JOIN.join(rule.name for rule in rules)
        found[f"{key}_name_en"] = _JOIN.join(rule.name_en for rule in rules)
    rule = _rule(pack, acts, facts.get("fact", ""))
    for key in _WORDS & facts.keys():
        if rule is not None and (name := rule.values.get(facts[key])):
            found[f"{key}_name"] = name
    if (act := pack.act(facts.get("act", ""))) is not None:
        found |= {"act_name": act.name, "act_name_en": act.name_en}
    return found


def _rule(pack: RulePack, acts: tuple[str, ...], fact: str) -> FactRule | None:
    return next((rule for act in acts if (rule := pack.fact(fact, act)) is not None), None)
