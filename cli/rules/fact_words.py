"""Facts of a rule pack in words: how they are called, what may be said, what checks compare."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cli.devices import DEVICES
from cli.language import language, pick, say
from ledger.process.rules.facts import FactKind, FactRule
from ledger.process.rules.rulepack import Check, RulePack
from ledger.process.tables import format_yuan
from ledger.report import Bilingual

KINDS: Mapping[FactKind, Bilingual] = {
    FactKind.AMOUNT: {"en": "amount in yuan", "zh": "数额（元）"},
    FactKind.CHOICE: {"en": "one of", "zh": "下列之一"},
    FactKind.DAY: {"en": "day", "zh": "日期"},
    FactKind.NUMBER: {"en": "whole number", "zh": "整数"},
    FactKind.SHOWN: {"en": "text, or shown by a time-code", "zh": "文字，或者时间段标注"},
    FactKind.TEXT: {"en": "text", "zh": "文字"},
}
CHECKS: Mapping[str, Bilingual] = {
    "approved_within_hours": {"en": "approved within hours", "zh": "限时补办批准"},
    "at_least_days_before": {"en": "so many days before", "zh": "提前天数"},
    "at_most": {"en": "at most", "zh": "不超过"},
    "cited": {"en": "cited and in force", "zh": "引用有效"},
    "distinct_persons": {"en": "not the same persons", "zh": "不为同一人"},
    "fact_is": {"en": "states", "zh": "载明为"},
    "followed_by": {"en": "answered after the last of them", "zh": "最后一次之后有回应"},
    "in_band": {"en": "within the band", "zh": "在幅度内"},
    "kind_not_heavier": {"en": "of no heavier kind", "zh": "种类不加重"},
    "no_more_than": {"en": "no more than", "zh": "不多于"},
    "not_heavier": {"en": "no heavier", "zh": "不加重"},
    "qualified": {"en": "qualified reviewer", "zh": "审核人员资格"},
    "same_fact": {"en": "state the same", "zh": "载明一致"},
    "timecoded": {"en": "time-codes noted", "zh": "有时间段说明"},
    "transcribed": {"en": "sound recordings have transcripts", "zh": "录音附文字"},
}
_GIVEN: Mapping[str, Bilingual] = {
    "act": {"en": "act", "zh": "行为"},
    "acts": {"en": "acts", "zh": "行为"},
    "after": {"en": "after", "zh": "在此之后"},
    "clause": {"en": "clause", "zh": "条款"},
    "days": {"en": "days", "zh": "天数"},
    "fact": {"en": "fact", "zh": "事实"},
    "hours": {"en": "hours", "zh": "小时"},
    "is": {"en": "is", "zh": "应为"},
    "list": {"en": "list", "zh": "清单"},
    "most": {"en": "yuan", "zh": "元"},
    "of": {"en": "compared with", "zh": "对照行为"},
    "of_fact": {"en": "its fact", "zh": "对照事实"},
    "order": {"en": "from the lightest on", "zh": "由轻到重"},
    "version": {"en": "version", "zh": "版本"},
}
_LISTS: Mapping[str, Bilingual] = {
    "benchmarks": {"en": "benchmarks", "zh": "裁量基准"},
    "lenient": {"en": "lenient list", "zh": "免罚轻罚清单"},
}


def fact_name(pack: RulePack, act: str, fact: str) -> str:
    rule = pack.fact(fact, act)
    return fact if rule is None else say(en=rule.name_en, zh=rule.name)


def word_name(pack: RulePack, act: str, fact: str, word: str) -> str:
    """The words of a choice are English as they stand."""
    rule = pack.fact(fact, act)
    return rule.values.get(word, word) if rule and language() == "zh" else word


def device_name(kind: str) -> str:
    """Kinds of devices are words of the register; one of somebody's own is shown as it is."""
    return pick(DEVICES[kind]) if kind in DEVICES else kind


def fact_lines(pack: RulePack, called: Callable[[tuple[str, ...]], str]) -> Iterator[str]:
    """A line for each fact, by the identifier under which an act states it."""
    if pack.facts:
        yield from ("", say(en="FACTS", zh="事实"))
    for fact in pack.facts:
        of = say(en=f" (of: {called(fact.acts)})", zh=f"（{called(fact.acts)}）")
        yield f"  {say(en=fact.name_en, zh=fact.name)} [{fact.id}]{of if fact.acts else ''}"
        yield say(en="      kind: ", zh="      种类：") + _kind(fact)


def _kind(fact: FactRule) -> str:
    words = [say(en=word, zh=f"{word}（{name}）") for word, name in fact.values.items()]
    of = say(en=" ", zh="：") + say(en=", ", zh="、").join(words)
    return pick(KINDS[fact.kind]) + (of if words else "")


def check_line(pack: RulePack, check: Check, called: Callable[[tuple[str, ...]], str]) -> str:
    """What a check compares, by names."""
    shown = (
        f"{pick(_GIVEN[name])} {_value(pack, check, name, value, called)}"
        for name, value in check.given.items()
    )
    return pick(CHECKS[check.check]) + say(en=": ", zh="：") + say(en=", ", zh="，").join(shown)


def _value(
    pack: RulePack,
    check: Check,
    name: str,
    value: Any,
    called: Callable[[tuple[str, ...]], str],
) -> str:
    act = check.given.get("act", "")
    match name:
        case "act" | "of" | "acts" | "after":
            return called(value if isinstance(value, tuple) else (value,))
        case "fact" | "clause" | "version":
            return fact_name(pack, act, value)
        case "of_fact":
            return fact_name(pack, check.given["of"], value)
        case "is":
            return word_name(pack, act, check.given["fact"], value)
        case "order":
            names = (word_name(pack, act, check.given["fact"], w) for words in value for w in words)
            return say(en=", ", zh="、").join(names)
        case "list":
            return pick(_LISTS[value])
        case "most":
            return format_yuan(value)
        case _:
            return str(value)
