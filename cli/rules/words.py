"""A rule pack in words: the page that `tiezheng rules show` prints, for a lawyer."""

from collections.abc import Iterator, Mapping
from typing import Any

from cli.language import language, pick, say
from cli.rules.fact_words import check_line, device_name, fact_lines, fact_name, word_name
from cli.wording import STAGES
from ledger.process.rules.condition import (
    AnyOf,
    Condition,
    Device,
    Lacks,
    Listed,
    Says,
    Stands,
    Unanswered,
)
from ledger.process.rules.rulepack import Clock, Gate, Record, Rule, RulePack
from ledger.report import Bilingual

LEVELS: Mapping[str, Bilingual] = {
    "serious": {"en": "serious", "zh": "严重"},
    "ordinary": {"en": "ordinary", "zh": "一般"},
    "notice": {"en": "notice", "zh": "提示"},
}
SICKNESSES: Mapping[str, Bilingual] = {
    "subject": {"en": "who acted", "zh": "主体不适格"},
    "procedure": {"en": "procedure", "zh": "程序不规范"},
    "conduct": {"en": "conduct", "zh": "行为不文明"},
}
CONCLUSIONS: Mapping[str, Bilingual] = {
    "decide": {"en": "decide", "zh": "作出决定"},
    "serve": {"en": "serve", "zh": "送达"},
    "close": {"en": "close the case", "zh": "结案"},
}
_UNITS: Mapping[str, Bilingual] = {
    "hours": {"en": "hours", "zh": "小时"},
    "days": {"en": "days", "zh": "日"},
    "months": {"en": "months", "zh": "个月"},
    "years": {"en": "years", "zh": "年"},
}


def pack_page(pack: RulePack, sha256: str) -> str:
    return "\n".join(_Page(pack).lines(sha256))


class _Page:
    """The lines of one pack; acts are called by their names in the language asked for."""

    def __init__(self, pack: RulePack) -> None:
        self._pack = pack
        self._names = {act.id: self._name(act) for act in pack.acts}

    def lines(self, sha256: str) -> Iterator[str]:
        pack = self._pack
        yield say(en=pack.title_en, zh=pack.title)
        yield (
            say(en=f"pack {pack.pack}, version", zh=f"规则包 {pack.pack}，版本")
            + f" {pack.version}"
        )
        yield f"SHA-256 {sha256}"
        yield say(en="a case begins with: ", zh="案件自下列行为开始：") + self._acts(pack.opening)
        yield say(
            en=f"logged later than {pack.late_after_hours} hours after it was done, an act is late",
            zh=f"行为发生后超过 {pack.late_after_hours} 小时入日志的，为补录",
        )
        yield from self._sources()
        yield from self._crews()
        yield from fact_lines(self._pack, self._acts)
        yield from self._records()
        yield from self._checks()
        yield from self._clocks()
        yield from self._gates()

    def _sources(self) -> Iterator[str]:
        yield from ("", say(en="SOURCES", zh="依据"))
        for source in self._pack.sources:
            yield f"  {source.id}  {source.name}"

    def _crews(self) -> Iterator[str]:
        yield from ("", say(en="ACTS", zh="行为"))
        for act in self._pack.acts:
            crew = say(
                en=f", {act.officers} officer{'s' * (act.officers > 1)}",
                zh=f"，执法人员 {act.officers} 人",
            )
            stage = pick(STAGES[act.stage])
            yield f"  {self._name(act)} [{act.id}]  {stage}" + (crew if act.officers else "")

    def _records(self) -> Iterator[str]:
        """By the stage of the first act that satisfies them."""
        for stage, words in STAGES.items():
            found = [record for record in self._pack.records if self._stage(record) == stage]
            if found:
                yield from ("", say(en="RECORDS: ", zh="应有记录：") + pick(words))
            for record in found:
                yield from self._record(record)

    def _record(self, record: Record) -> Iterator[str]:
        yield from self._head(record)
        if record.acts != (record.id,):
            yield self._row(say(en="is there with", zh="以下列行为满足"), self._acts(record.acts))
        if record.facts:
            names = [fact_name(self._pack, record.acts[0], fact) for fact in record.facts]
            yield self._row(say(en="states", zh="须载明"), say(en=", ", zh="、").join(names))
        if record.shows:
            shown = fact_name(self._pack, record.acts[0], record.shows)
            yield self._row(say(en="a time-code shows", zh="时间段标注"), shown)
        if record.recording:
            needed = {
                "full": say(en="of the whole act", zh="须全程音像"),
                "advised": say(en="advised", zh="宜有音像"),
            }
            yield self._row(say(en="recording", zh="音像记录"), needed[str(record.recording)])
        if clock := self._pack.clock(record.clock):
            yield self._row(say(en="due when over", zh="逾期即为应有"), self._name(clock))
        yield from self._tail(record)

    def _checks(self) -> Iterator[str]:
        if self._pack.checks:
            yield from ("", say(en="CHECKS", zh="审查项"))
        for check in self._pack.checks:
            yield from self._head(check)
            yield f"      {check_line(self._pack, check, self._acts)}"
            yield from self._tail(check)

    def _clocks(self) -> Iterator[str]:
        if self._pack.clocks:
            yield from ("", say(en="CLOCKS", zh="期限"))
        for clock in self._pack.clocks:
            yield f"  {self._name(clock)} [{clock.id}]: {self._amount(clock)}"
            starts = self._acts(clock.start)
            if clock.starts == "each":
                starts = say(en="each of: ", zh="每一次：") + starts
            ends = self._acts(clock.until)
            yield self._row(say(en="from", zh="起算"), starts)
            yield self._row(say(en="until", zh="截止于"), ends)
            yield self._row(say(en="by", zh="依据"), self._law(clock))
            yield from self._when(clock.when)

    def _gates(self) -> Iterator[str]:
        if self._pack.gates:
            yield from ("", say(en="GATES", zh="关口"))
        for gate in self._pack.gates:
            yield f"  {pick(CONCLUSIONS[gate.conclusion])}: {self._acts(gate.acts)}"
            before = self._before(gate)
            if before:
                yield self._row(
                    say(en="only after", zh="在先须有"), say(en="; ", zh="；").join(before)
                )

    def _before(self, gate: Gate) -> list[str]:
        rules: list[Rule] = [*self._pack.records, *self._pack.checks]
        return [self._name(rule) for rule in rules if set(rule.before) & set(gate.acts)]

    def _head(self, rule: Rule) -> Iterator[str]:
        kind = f"{pick(LEVELS[rule.level])} · {pick(SICKNESSES[rule.sickness])}"
        yield f"  {self._name(rule)} [{rule.id}]  {kind}"
        yield self._row(say(en="by", zh="依据"), self._law(rule))

    def _tail(self, rule: Rule) -> Iterator[str]:
        if clock := self._pack.clock(rule.each):
            yield self._row(say(en="asked of each", zh="每一次分别审查"), self._acts(clock.start))
        if rule.before:
            yield self._row(say(en="before", zh="须早于"), self._acts(rule.before))
        yield from self._when(rule.when)
        yield self._row(say(en="cure", zh="补正"), say(en=rule.cure_en, zh=rule.cure))

    def _when(self, conditions: tuple[Condition, ...]) -> Iterator[str]:
        if conditions:
            both = say(en=" and ", zh="，且")
            yield self._row(
                say(en="applies if", zh="适用条件"), both.join(map(self._condition, conditions))
            )

    def _condition(self, condition: Condition) -> str:
        match condition:
            case Stands(act):
                return say(en=f"there is “{self._act(act)}”", zh=f"有“{self._act(act)}”")
            case Unanswered(act, by):
                return say(
                    en=f"there is “{self._act(act)}”, and no “{self._act(by)}” after it",
                    zh=f"有“{self._act(act)}”，且其后没有“{self._act(by)}”",
                )
            case Lacks(act):
                return say(en=f"there is no “{self._act(act)}”", zh=f"没有“{self._act(act)}”")
            case Says(act, fact, value, is_not):
                named = fact_name(self._pack, act, fact)
                word = word_name(self._pack, act, fact, value)
                states = "does not state" if is_not else "states"
                return say(
                    en=f"“{self._act(act)}” {states} {named}: {word}",
                    zh=f"“{self._act(act)}”{'未' * is_not}载明“{named}”为“{word}”",
                )
            case Listed(act):
                return say(
                    en=f"the catalogue of major decisions names “{self._act(act)}”",
                    zh=f"“{self._act(act)}”列入重大执法决定目录",
                )
            case Device(kind):
                named = device_name(kind)
                return say(en=f"evidence of a {named} is filed", zh=f"有“{named}”的证据")
            case AnyOf(parts):
                return "(" + say(en=" or ", zh="，或").join(map(self._condition, parts)) + ")"

    def _amount(self, clock: Clock) -> str:
        unit = next(unit for unit in _UNITS if getattr(clock, unit))
        number = getattr(clock, unit)
        working = clock.working or (
            unit == "days" and self._pack.source(clock.source).counts_working_days(number)
        )
        if working:
            return say(en=f"{number} working days", zh=f"{number} 个工作日")
        return f"{number} {pick(_UNITS[unit])}"

    def _law(self, rule: Rule | Clock) -> str:
        unverified = say(en=" (from memory, to be checked)", zh="（凭记忆，待核对）")
        article = say(en=f"{rule.source} art. {rule.article}", zh=f"{rule.source} {rule.article}")
        return article + (unverified if rule.memory else "")

    def _stage(self, record: Record) -> str:
        found = self._pack.act(record.acts[0])
        return str(found.stage) if found else ""

    def _acts(self, acts: tuple[str, ...]) -> str:
        return say(en=", ", zh="、").join(map(self._act, acts))

    def _act(self, act: str) -> str:
        return self._names.get(act, act)

    @staticmethod
    def _name(thing: Any) -> str:
        found = thing.name_en if language() == "en" else thing.name
        return str(found)

    @staticmethod
    def _row(name: str, value: str) -> str:
        return f"      {name}" + say(en=": ", zh="：") + value
