"""Retention lists: how long what is kept, as an agency has published it; TOML, for lawyers.

    list = "retention"
    version = "2026.1"
    title = "行政执法案卷与音像记录保管期限表"
    title_en = "Retention periods of case files and recordings"
    closing = ["case_closing"]          # the acts that close a case

    [[class]]
    id = "years_30"                     # the word that a disposal gives as `retention`
    name = "定期30年"
    name_en = "30 years"
    of = "case"                         # case: a closed case · record: what no case was made of
    years = 30                          # or months, days; or forever = true; 0: no longer at all
    acts = ["hearing"]                  # only cases with one of these acts; absent: all cases
    procedures = ["ordinary"]           # only cases of these procedures; absent: of all

Of the classes that fit a case, or what no case was made of, the longest is the one it needs. It
counts from the closing (`ledger.process.keeping.closing`), or from the last that goes, if that
was logged later. Years of a case begin with the first of January after that; all else counts from
the day after. The days are China's, and the times are those of the log, whatever a statement
claims.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Self

from ledger.encoding import clip
from ledger.errors import Malformed, Rejected
from ledger.evidence import phrase

MAX_CLASSES = 64
MAX_YEARS = 1000


class Of(StrEnum):
    CASE = "case"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionClass:
    id: str
    name: str
    name_en: str
    of: Of
    years: int = 0
    months: int = 0
    days: int = 0
    forever: bool = False
    acts: frozenset[str] = frozenset()
    procedures: frozenset[str] = frozenset()

    def fits(self, acts: Collection[str], procedures: Collection[str]) -> bool:
        return not (
            (self.acts and self.acts.isdisjoint(acts))
            or (self.procedures and self.procedures.isdisjoint(procedures))
        )

    def until(self, since: date) -> date:
        """The last day on which it is kept; for one that is kept for ever, the last there is."""
        if self.forever:
            return date.max
        if self.years:
            first = date(since.year + 1, 1, 1) if self.of is Of.CASE else since
            return _later(first, self.years * 12) - timedelta(days=self.of is Of.CASE)
        if not self.months + self.days:
            return since - timedelta(days=1)
        return _later(since, self.months) + timedelta(days=self.days)

    @classmethod
    def from_toml(cls, value: Any) -> Self:
        if not isinstance(value, dict):
            raise Malformed("want a class as a table")
        _check_keys(value, {"id", "name", "name_en", "of"}, _LENGTHS | {"acts", "procedures"})
        try:
            of = Of(value["of"])
        except ValueError:
            raise Malformed(f"want case or record, got {clip(repr(value['of']))}") from None
        if len(_LENGTHS & set(value)) != 1:
            raise Malformed(f"want one of {', '.join(sorted(_LENGTHS))}")
        if "forever" in value and value["forever"] is not True:
            raise Malformed("want true, or a time instead", path="forever")
        return cls(
            id=phrase.word(value["id"]),
            name=phrase.line(value["name"]),
            name_en=phrase.line(value["name_en"]),
            of=of,
            years=_number(value, "years", MAX_YEARS),
            months=_number(value, "months", MAX_YEARS * 12),
            days=_number(value, "days", MAX_YEARS * 365),
            forever="forever" in value,
            acts=_words(value.get("acts", [])),
            procedures=_words(value.get("procedures", [])),
        )


@dataclass(frozen=True, slots=True)
class RetentionList:
    version: str
    title: str
    title_en: str
    closing: frozenset[str]
    classes: Mapping[str, RetentionClass]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raises `Malformed`; what stands there and is not known is refused."""
        try:
            value = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            raise Malformed(f"no TOML: {clip(str(error))}") from None
        _check_keys(value, {"list", "version", "title", "title_en", "closing", "class"}, set())
        if value["list"] != "retention":
            raise Malformed(f"want 'retention', got {clip(repr(value['list']))}", path="list")
        given = value["class"]
        if not isinstance(given, list) or not 0 < len(given) <= MAX_CLASSES:
            raise Malformed(f"want 1 to {MAX_CLASSES} classes", path="class")
        classes: dict[str, RetentionClass] = {}
        for n, row in enumerate(given):
            try:
                found = RetentionClass.from_toml(row)
            except Malformed as error:
                raise error.under(f"class[{n}]") from None
            if classes.setdefault(found.id, found) is not found:
                raise Malformed(f"the class {found.id!r} stands twice", path=f"class[{n}]")
        if not any(one.of is Of.CASE and not one.acts | one.procedures for one in classes.values()):
            raise Malformed("want a class that fits every case", path="class")
        title, title_en = (phrase.line(value[name]) for name in ("title", "title_en"))
        closing = _words(value["closing"])
        if not closing:
            raise Malformed("want an act that closes a case", path="closing")
        return cls(phrase.line(value["version"]), title, title_en, closing, classes)

    def named(self, id_: str) -> RetentionClass:
        if id_ not in self.classes:
            raise Rejected(
                f"no class {clip(id_)!r} in the retention list of version {self.version!r}",
                hints=(f"it has {', '.join(self.classes)}",),
            )
        return self.classes[id_]

    def needed(
        self,
        acts: Collection[str],
        procedures: Collection[str],
        since: date,
        of: Of = Of.CASE,
    ) -> RetentionClass:
        """The longest of those that fit what has these acts, counted from that day.

        Raises `Rejected` where none does, which is of records alone: one fits every case.
        """
        of_kind = (one for one in self.classes.values() if one.of is of)
        fitting = [one for one in of_kind if one.fits(acts, procedures)]
        if not fitting:
            raise Rejected(
                f"no class of the retention list of version {self.version!r} is for this",
                hints=("the registrar publishes a list that has one",),
            )
        return max(fitting, key=lambda one: one.until(since))

    def check_over(
        self,
        id_: str,
        closed: date | None,
        logged: date,
        today: date,
        acts: Collection[str] = (),
        procedures: Collection[str] = (),
    ) -> None:
        """That what was logged by `logged` may go as class `id_`: raises `Rejected` otherwise.

        `closed` is when its case was, None of what no case was made of. What was filed late in a
        closed case has its time too.
        """
        named = self.named(id_)
        if (named.of is Of.CASE) is (closed is None):
            wanted = "a case" if named.of is Of.CASE else "records of which no case was made"
            raise Rejected(f"the retention class {id_!r} is for {wanted}")
        since = logged if closed is None else max(closed, logged)
        needed = self.needed(acts, procedures, since, named.of)
        if named.until(since) < needed.until(since):
            raise Rejected(
                f"want the retention class {needed.id!r} for this case, got {id_!r}",
                hints=(f"the retention list of version {self.version!r} says which",),
            )
        until = named.until(since)
        if today <= until:
            how = "for ever" if named.forever else f"until {until.isoformat()}"
            raise Rejected(f"the retention class {id_!r} keeps this {how}")


_LENGTHS = {"years", "months", "days", "forever"}


def _check_keys(value: Mapping[str, Any], need: set[str], may: set[str]) -> None:
    if unknown := set(value) - need - may:
        raise Malformed(f"unknown key {clip(min(unknown))!r}")
    if missing := need - set(value):
        raise Malformed(f"want the key {min(missing)!r}")


def _words(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or len(value) > MAX_CLASSES:
        raise Malformed(f"want a list of at most {MAX_CLASSES} words")
    return frozenset(map(phrase.word, value))


def _number(value: Mapping[str, Any], name: str, most: int) -> int:
    number = value.get(name, 0)
    # A bool is an int to Python.
    if type(number) is not int or not 0 <= number <= most:
        raise Malformed(f"want 0 to {most}, got {clip(repr(number))}", path=name)
    return number


def _later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last; never past the last day there is."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > date.max.year:
        return date.max
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError(day)
