"""What an agency did in a year, counted from its acts alone (苏法治办〔2021〕17号 三(三)).

    {"acts":"12","cases":"3","procedures":[{"procedure":"ordinary","cases":"3","acts":[
     {"act":"penalty_decision","acts":"2","amount":"1500.00","cases":"2","unread":"0",
      "kinds":{"fine":"2"}}, …]}],"elsewhen":"0","numbering":[{"cases":"3","form":
      "苏城管罚〔2026〕*号","lacking":"1","last":"4","missing":["2"]}],"v":1}

Nothing is counted that a reader of the acts cannot count again: each act once, under the
procedure and the name that it bears itself. The year is that of the log it stands in, so that no
date written on an act moves it; `elsewhen` are those that claim another year. An amount that
cannot be read as yuan is counted as `unread` and never as nothing.

`numbering` tells of the year's case numbers which are lacking below the last: a case that nobody
logged leaves a hole there, and no other trace.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ledger.encoding import in_china, parse_decimal
from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.case_number import case_year
from ledger.evidence.statement import Kind, Statement
from ledger.process.tables import Read, format_yuan, read_table, rows, yuan

AMOUNT = "amount"
KINDS = "penalty_kind"  # what an act says it is: fine, warning, confiscation
MAX_KINDS = 64  # of one act; more are counted together
OTHER_KIND = "other"
MAX_MISSING = 256  # case numbers that are listed; all of them are counted
# What acts were logged decides how much there is to tell: a year of which nobody could read the
# numbers, since somebody made up names, amounts and forms, would be a year without statistics.
MAX_TOLD = 2**24
_FEN = re.compile(r"(0|[1-9][0-9]{0,29})\.[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"(.*〔[12]\d{3}〕\D*)0*([1-9]\d{0,8})(\D*)", re.ASCII)


@dataclass(slots=True)
class ActCount:
    """How often an act was done, in how many cases; `fen` is the sum of its amounts."""

    acts: int = 0
    cases: int = 0
    fen: int = 0
    unread: int = 0
    kinds: dict[str, int] = field(default_factory=dict)

    def to_json(self, act: str) -> dict[str, Any]:
        return {
            "act": act,
            "acts": str(self.acts),
            "amount": format_yuan(self.fen),
            "cases": str(self.cases),
            "kinds": {kind: str(count) for kind, count in sorted(self.kinds.items())},
            "unread": str(self.unread),
        }


@dataclass(frozen=True, slots=True)
class Numbering:
    """The case numbers of one form, as 苏城管罚〔2026〕*号: how many, up to which, which lack."""

    cases: int
    last: int
    missing: tuple[int, ...]  # the first of them

    @property
    def lacking(self) -> int:
        return self.last - self.cases

    @classmethod
    def of(cls, numbers: set[int]) -> Self:
        missing: list[int] = []
        before = 0
        # Not over all numbers up to the last: somebody may take 999,999,999.
        for number in sorted(numbers):
            room = MAX_MISSING - len(missing)
            missing += range(before + 1, min(number, before + 1 + room))
            before = number
        return cls(len(numbers), before, tuple(missing))

    def to_json(self, form: str) -> dict[str, Any]:
        return {
            "cases": str(self.cases),
            "form": form,
            "lacking": str(self.lacking),
            "last": str(self.last),
            "missing": [str(number) for number in self.missing],
        }


@dataclass(slots=True)
class Statistics:
    """By procedure and act. `cases` are those with any act; a case may have several procedures."""

    acts: int = 0
    cases: int = 0
    elsewhen: int = 0
    procedures: dict[str, dict[str, ActCount]] = field(default_factory=dict)
    cases_of: dict[str, int] = field(default_factory=dict)  # by procedure
    numbering: dict[str, Numbering] = field(default_factory=dict)  # by form

    def to_json(self) -> dict[str, Any]:
        return {
            "acts": str(self.acts),
            "cases": str(self.cases),
            "elsewhen": str(self.elsewhen),
            "numbering": [row.to_json(form) for form, row in sorted(self.numbering.items())],
            "procedures": [
                {
                    "acts": [count.to_json(act) for act, count in sorted(found.items())],
                    "cases": str(self.cases_of[procedure]),
                    "procedure": procedure,
                }
                for procedure, found in sorted(self.procedures.items())
            ],
            "v": 1,
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Of one spelling: what it gives is written again as it was."""
        need: dict[str, Read] = {
            **dict.fromkeys(("acts", "cases", "elsewhen"), _count),
            "v": _version,
        }
        need |= {"numbering": _numberings, "procedures": _procedures}
        found = read_table(value, need)
        made = cls(found["acts"], found["cases"], found["elsewhen"])
        for procedure in found["procedures"]:
            name = procedure["procedure"]
            made.cases_of[name] = procedure["cases"]
            made.procedures[name] = dict(procedure["acts"])
        made.numbering = dict(found["numbering"])
        if made.to_json() != value:
            raise Malformed("want procedures, acts, kinds and forms each once and in order")
        return made


class Tally:
    """Statements in, numbers out; `year` is that of the log."""

    def __init__(self, year: int) -> None:
        self._year = year
        self._found = Statistics()
        self._cases: set[str] = set()
        self._numbered: dict[str, str] = {}  # the number that a provisional case got
        self._numbers: defaultdict[str, set[int]] = defaultdict(set)
        self._of_procedure: defaultdict[str, set[str]] = defaultdict(set)
        self._of_act: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def add(self, statement: Statement) -> None:
        """Raises `Malformed` of anything but an act of a procedure."""
        said = statement.predicate
        if statement.kind is not Kind.ACT or "procedure" not in said:
            raise Malformed(f"want an act of a procedure, got {statement.kind}")
        procedure, act = said["procedure"], said["act"]
        case = said.get("case") or said["provisional"]
        if "case" in said and "provisional" in said:
            self._numbered.setdefault(said["provisional"], case)
        count = self._found.procedures.setdefault(procedure, {}).setdefault(act, ActCount())
        self._found.acts += 1
        count.acts += 1
        self._cases.add(case)
        self._of_procedure[procedure].add(case)
        self._of_act[procedure, act].add(case)
        if (number := _number(said.get("case"), self._year)) is not None:
            self._numbers[number[0]].add(number[1])
        occurred = statement.occurred
        if occurred is not None and in_china(occurred.end_ms).year != self._year:
            self._found.elsewhen += 1
        _add_facts(count, said.get("facts", {}))

    def numbers(self) -> Statistics:
        found = self._found
        found.cases = self._count(self._cases)
        found.cases_of = {name: self._count(cases) for name, cases in self._of_procedure.items()}
        found.numbering = {form: Numbering.of(all_) for form, all_ in self._numbers.items()}
        for (procedure, act), cases in self._of_act.items():
            found.procedures[procedure][act].cases = self._count(cases)
        return found

    def _count(self, cases: set[str]) -> int:
        """A case that got its number after its first acts is one case."""
        return len({self._numbered.get(case, case) for case in cases})


def differences(told: Statistics, counted: Statistics) -> list[tuple[str, str, str]]:
    """Each number that is not the same: where it stands, as told, as counted."""
    left, right = _flat(told), _flat(counted)
    return [
        (name, left.get(name, "0"), right.get(name, "0"))
        for name in sorted(left.keys() | right.keys())
        if left.get(name, "0") != right.get(name, "0")
    ]


def _flat(found: Statistics) -> dict[str, str]:
    flat = {name: str(getattr(found, name)) for name in ("acts", "cases", "elsewhen")}
    for form, numbering in found.numbering.items():
        flat |= {f"{form}.{name}": str(getattr(numbering, name)) for name in ("cases", "last")}
        flat[f"{form}.missing"] = " ".join(map(str, numbering.missing))
    for procedure, acts in found.procedures.items():
        flat[f"{procedure}.cases"] = str(found.cases_of[procedure])
        for act, count in acts.items():
            row = count.to_json(act)
            kinds = row.pop("kinds")
            row |= {f"kinds.{kind}": number for kind, number in kinds.items()}
            del row["act"]
            flat |= {f"{procedure}.{act}.{name}": number for name, number in row.items()}
    return flat


def _add_facts(count: ActCount, facts: Mapping[str, str]) -> None:
    if AMOUNT in facts:
        try:
            count.fen += yuan(facts[AMOUNT])
        except Malformed:
            count.unread += 1
    if KINDS in facts:
        kind = facts[KINDS]
        try:
            phrase.word(kind)
        except Malformed:
            kind = OTHER_KIND
        if kind not in count.kinds and len(count.kinds) >= MAX_KINDS:
            kind = OTHER_KIND
        count.kinds[kind] = count.kinds.get(kind, 0) + 1


def _number(case: str | None, year: int) -> tuple[str, int] | None:
    """The form and the number of a case of that year. Those of other years have begun elsewhere."""
    match = _NUMBER.fullmatch(case or "")
    if case is None or match is None or case_year(case) != str(year):
        return None
    return f"{match[1]}*{match[3]}", int(match[2])


def _count(value: Any) -> int:
    return parse_decimal(phrase.string(value, 19))


def _sum(value: Any) -> int:
    """Of amounts, of which each may be as large as `yuan` reads one."""
    text = phrase.string(value, 33)
    if not _FEN.fullmatch(text):
        raise Malformed(f"want a sum in yuan such as 1500.00, got {text!r}")
    return int(text.replace(".", ""))


def _version(value: Any) -> int:
    if type(value) is not int or value != 1:
        raise Malformed("want version 1")
    return 1


def _numberings(value: Any) -> tuple[tuple[str, Numbering], ...]:
    found: tuple[tuple[str, Numbering], ...] = (
        () if value == [] else rows(_numbering, MAX_TOLD)(value)
    )
    return found


def _numbering(value: Any) -> tuple[str, Numbering]:
    need: dict[str, Read] = {
        **dict.fromkeys(("cases", "lacking", "last"), _count),
        "form": phrase.line,
        "missing": lambda given: () if given == [] else rows(_count, MAX_MISSING)(given),
    }
    found = read_table(value, need)
    return found["form"], Numbering(found["cases"], found["last"], found["missing"])


def _procedures(value: Any) -> tuple[dict[str, Any], ...]:
    # Nothing done is an answer too, and `rows` wants one at least.
    found: tuple[dict[str, Any], ...] = () if value == [] else rows(_procedure, MAX_TOLD)(value)
    return found


def _procedure(value: Any) -> dict[str, Any]:
    need = {"acts": rows(_act, MAX_TOLD), "cases": _count, "procedure": phrase.word}
    return read_table(value, need)


def _act(value: Any) -> tuple[str, ActCount]:
    need = {
        "act": phrase.word,
        "acts": _count,
        "amount": _sum,
        "cases": _count,
        "kinds": _kinds,
        "unread": _count,
    }
    found = read_table(value, need)
    count = ActCount(
        found["acts"], found["cases"], found["amount"], found["unread"], found["kinds"]
    )
    return found["act"], count


def _kinds(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > MAX_KINDS + 1:
        raise Malformed(f"want at most {MAX_KINDS + 1} kinds")
    return {phrase.word(kind): _count(count) for kind, count in value.items()}
