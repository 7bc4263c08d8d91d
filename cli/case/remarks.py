"""What whoever files an act is told at once, by the rule pack that comes with this program: a name
or a word that no rule looks at switches rules off, and the log has it all the same.

The pack in force may be another. It judges, and `tiezheng case gaps` tells.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from cli.gap_wording import gap_sentence
from cli.language import pick, say
from cli.rules.fact_words import fact_name
from cli.rules.shipped import shipped
from ledger.encoding import clip
from ledger.process.judging.stated import unread_facts
from ledger.process.rules.rulepack import RulePack

LIKE = 0.75  # majr and major; not amount and account


def remarks(procedure: str, act: str, facts: Mapping[str, str]) -> Iterator[str]:
    packs = shipped()
    if (text := packs.get(procedure)) is None:
        yield from _other_procedure(procedure, packs)
        return
    pack = RulePack.from_text(text)
    if pack.act(act) is None:
        yield from _other_act(pack, act)
        return
    declared = {rule.id for rule in pack.facts}
    for fact in facts:
        near = [] if fact in declared else get_close_matches(fact, sorted(declared), 1, LIKE)
        if near:
            yield _slip(pack, act, fact, near[0])
    for found in unread_facts(pack, act, facts):
        named = dict.fromkeys(("fact_name", "fact_name_en"), fact_name(pack, act, found.fact))
        told = pick(gap_sentence({"what": "unknown_value", "facts": found.to_facts() | named}))
        yield say(en=f"{told} File the act anew", zh=f"{told}请重新登记该行为")


def _other_procedure(procedure: str, packs: Mapping[str, str]) -> Iterator[str]:
    """One of one's own is like none here."""
    for meant in get_close_matches(procedure, packs, 1, LIKE):
        pack = RulePack.from_text(packs[meant])
        yield say(
            en=f"no rule pack {clip(procedure)!r} comes with this program: is {meant} "
            f"({pack.title_en}) meant? Then file the act anew",
            zh=f"没有附带的规则包 {clip(procedure)}，是否应为 {meant}（{pack.title}）？"
            "如是，请重新登记该行为",
        )


def _other_act(pack: RulePack, act: str) -> Iterator[str]:
    """An act of one's own pack is like none here."""
    names = {rule.id: say(en=rule.name_en, zh=rule.name) for rule in pack.acts}
    for meant in get_close_matches(act, names, 1, LIKE):
        name = names[meant]
        yield say(
            en=f"the rule pack {pack.pack!r} that comes with this program has no act "
            f"{clip(act)!r}: is {meant} ({name}) meant?",
            zh=f"附带的规则包 {pack.pack} 中没有行为 {clip(act)}，是否应为 {meant}（{name}）？",
        )


def _slip(pack: RulePack, act: str, fact: str, meant: str) -> str:
    name = fact_name(pack, act, meant)
    return say(
        en=f"the rule pack {pack.pack!r} that comes with this program looks at no fact "
        f"{clip(fact)!r}: is {meant} ({name}) meant? Then file the act anew",
        zh=f"附带的规则包 {pack.pack} 不使用事实 {clip(fact)}，是否应为 {meant}（{name}）？"
        "如是，请重新登记该行为",
    )
