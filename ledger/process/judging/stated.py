"""What an act states that is not of the kind which its pack declares: 是 where yes is a word, 五百
where an amount is wanted.

No rule that applies to what is so applies to what nobody can tell: each of them is a gap.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.process.rules.facts import FactRule
from ledger.process.rules.rulepack import RulePack


@dataclass(frozen=True, slots=True)
class Unread:
    """`wanted` is the fact's rule, unless the pack is of those that declare none."""

    fact: str
    said: str
    wanted: FactRule | None = None

    def to_facts(self) -> dict[str, str]:
        found = {"fact": self.fact, "said": self.said}
        if self.wanted is None:
            return found
        found["kind"] = str(self.wanted.kind)
        if words := self.wanted.values:
            found["wanted"] = "、".join(words)
            # A clerk must type the word: its name stands beside it.
            found["wanted_name"] = "、".join(f"{word}（{name}）" for word, name in words.items())
        return found


def unread_facts(pack: RulePack, act: str, facts: Mapping[str, str]) -> Iterator[Unread]:
    if not pack.facts:
        yield from _undeclared(pack, act, facts)
        return
    for fact, said in facts.items():
        rule = pack.fact(fact, act)
        if rule is not None and not rule.takes(said):
            yield Unread(fact, said, rule)


def _undeclared(pack: RulePack, act: str, facts: Mapping[str, str]) -> Iterator[Unread]:
    """Of a pack that declares no fact: what says 是 or Yes where a rule asks for yes."""
    for fact, words in pack.asked_of(act).items():
        said = facts.get(fact)
        if said is None or said in words:
            continue
        if ("yes" in words and said != "no") or not _is_word(said):
            yield Unread(fact, said)


def _is_word(said: str) -> bool:
    try:
        phrase.word(said)
    except Malformed:
        return False
    return True
