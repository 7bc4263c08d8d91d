"""What the tables of a rule pack hold: its acts, records, checks, clocks and gates, as values.

Acts are the words of the procedure; records are what must be there, checks what must be so,
clocks what must be in time, gates which acts are conclusions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ledger.evidence.statement import Stage
from ledger.process.rules.condition import Condition


class Level(StrEnum):
    """严重 一般 提示. What is only a notice shuts no gate."""

    SERIOUS = "serious"
    ORDINARY = "ordinary"
    NOTICE = "notice"


class Sickness(StrEnum):
    """主体不适格 程序不规范 行为不文明 (苏法治办〔2021〕17号 一(一))."""

    SUBJECT = "subject"
    PROCEDURE = "procedure"
    CONDUCT = "conduct"


class Conclusion(StrEnum):
    DECIDE = "decide"
    SERVE = "serve"
    CLOSE = "close"


class Meaning(StrEnum):
    """What a clock's end means: an agency must have done it, a party may no more, or one may."""

    DUTY = "duty"
    RIGHT = "right"
    KEEPING = "keeping"


class Recording(StrEnum):
    """From the act's first minute to its last, or any of it."""

    FULL = "full"
    ADVISED = "advised"


@dataclass(frozen=True, slots=True)
class Source:
    """A statute, and which of its periods of days are of working days."""

    id: str
    name: str
    working_days: tuple[int, ...] = ()
    working_days_up_to: int = 0

    def counts_working_days(self, days: int) -> bool:
        return days in self.working_days or 0 < days <= self.working_days_up_to


@dataclass(frozen=True, slots=True)
class ActRule:
    id: str
    name: str
    name_en: str
    stage: Stage
    officers: int = 0
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What records and checks have in common; `source` is the id of one in the pack."""

    id: str
    name: str
    name_en: str
    level: Level
    sickness: Sickness
    source: str
    article: str
    cure: str
    cure_en: str
    memory: bool = False
    before: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()
    each: str = ""  # a clock that starts with each: of several measures each is asked by itself


@dataclass(frozen=True, slots=True)
class Record(Rule):
    """One of `acts` must be there, stating `facts`, showing `shows`, with its recording."""

    acts: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    shows: str = ""
    recording: Recording | None = None
    clock: str = ""  # what lacks is due once this one has run out; of each start, if each starts it


@dataclass(frozen=True, slots=True)
class Check(Rule):
    """`given` are the parameters of its kind, see `CHECKS`."""

    check: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clock:
    """`starts` with the last, the first or each of the acts in `start`; one of the amounts is
    given."""

    id: str
    name: str
    name_en: str
    start: tuple[str, ...]
    until: tuple[str, ...]
    source: str
    article: str
    memory: bool = False
    starts: str = "last"
    matched_by: str = ""  # where each starts one: the fact by which acts say which they are about
    ends_all: tuple[str, ...] = ()  # of `until`, whatever they say: a case that is referred
    hours: int = 0
    days: int = 0
    months: int = 0
    years: int = 0
    working: bool = False  # working days, where the statute says so itself and not by its rule
    rolls: bool = True  # a last day off moves on to a working one
    start_fact: str = ""  # the day that the act states, not the one on which it was done
    extended_by: str = ""
    extended_at_most: int = 0  # days over all extensions; 0: as many as are granted
    excluded: str = ""
    daily_percent: int = 0  # added for each day late to the amount that `amount_of` states
    amount_of: str = ""
    not_counted: tuple[tuple[str, str], ...] = ()  # days from an act to another that add nothing
    meaning: Meaning = Meaning.DUTY
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    conclusion: Conclusion
    acts: tuple[str, ...]
