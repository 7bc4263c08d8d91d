"""The fixture city: who is there, what is registered, and what befell it in the year 2026.

    city = City.founded(seed=2026)
    city.agencies, city.officers, …     3 agencies, 40 officers, 12 auxiliaries, 20 recorders
    city.cases                          200 cases, each with its steps and what is wrong with it
    city.recordings                     1,500 recordings, of cases and of patrols

All of it is made by a script from one seed, and nothing of it by the code that is tested: what is
wrong with a case is known here because it was done here (`testkit.city_wrongs`).
"""

import hashlib
import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path

from testkit.city_cases import SCRIPTS, Step
from testkit.city_wrongs import WRONGS, Wrong

YEAR = 2026
CHINA = timezone(timedelta(hours=8))
CALENDARS = Path(__file__).parents[2] / "ledger" / "process" / "calendars"
RECORDINGS = 1500
FIRST_DAY, LAST_DAY = date(YEAR, 1, 8), date(YEAR, 10, 30)  # on which a case begins
EVENING = 18  # o'clock: the recorders are docked, the day is filed

# By procedure: how many cases, and how they are numbered.
CASES = {"summary": 80, "inspection": 50, "ordinary": 30, "coercion": 20, "licence": 20}
LETTER = {
    "summary": "简罚",
    "ordinary": "罚",
    "inspection": "检",
    "coercion": "强",
    "licence": "许",
}
STREETS = ("观前街", "平江路", "十全街", "山塘街", "临顿路", "凤凰街", "干将路", "人民路")


@dataclass(frozen=True)
class Agency:
    name: str
    full_name: str
    short: str
    level: str
    parent: str
    officers: int
    recorders: int

    def case(self, procedure: str, number: int) -> str:
        return f"{self.short}{LETTER[procedure]}〔{YEAR}〕{number}号"

    @property
    def templates(self) -> list[str]:
        return [f"{self.short}{letter}〔{{year}}〕{{number}}号" for letter in LETTER.values()]


AGENCIES = (
    Agency("suzhou", "苏州市城市管理局（演示）", "苏城管", "city", "", 16, 8),
    Agency("gusu", "姑苏区城市管理局（演示）", "姑城管", "county", "suzhou", 14, 7),
    Agency("pingjiang", "平江街道办事处（演示）", "平街办", "street", "gusu", 10, 5),
)


@dataclass(frozen=True)
class Person:
    agency: str
    number: str
    name: str


@dataclass(frozen=True)
class Recorder:
    agency: str
    device: str


@dataclass
class Recording:
    """A small file, whose bytes nobody would take for a film: what counts here is how many."""

    agency: str
    device: str
    file: str
    start_ms: int
    end_ms: int
    officers: tuple[str, ...]
    street: str
    case: str = ""  # or a patrol's, of its month
    data: bytes = b""

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass
class Case:
    number: str
    agency: str
    procedure: str
    street: str
    begins: date
    officers: tuple[str, ...]
    auxiliary: str
    steps: list[Step]
    wrong: Wrong | None = None
    recordings: list[Recording] = field(default_factory=list)


class WorkingDays:
    """Counted here anew, from the lists as they were published."""

    def __init__(self, *years: int) -> None:
        lists = [tomllib.loads((CALENDARS / f"{y}.toml").read_text("utf-8")) for y in years]
        self.off = {date.fromisoformat(day) for found in lists for day in found["off"]}
        self.worked = {date.fromisoformat(day) for found in lists for day in found["working"]}

    def is_worked(self, day: date) -> bool:
        return day in self.worked or (day.weekday() < 5 and day not in self.off)

    def after(self, day: date, count: int) -> date:
        """The `count`-th working day after this one; of 0, the first that is not before it."""
        while not self.is_worked(day):
            day += timedelta(days=1)
        for _ in range(count):
            day += timedelta(days=1)
            while not self.is_worked(day):
                day += timedelta(days=1)
        return day


def at_ms(day: date, hour: int, minute: int = 0) -> int:
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHINA)
    return int(moment.timestamp()) * 1000


@dataclass
class City:
    seed: int
    officers: list[Person] = field(default_factory=list)
    auxiliaries: list[Person] = field(default_factory=list)
    recorders: list[Recorder] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    agencies: tuple[Agency, ...] = AGENCIES

    @classmethod
    def founded(cls, seed: int = YEAR) -> "City":
        city = cls(seed)
        dice = random.Random(seed)
        city._hire(dice)
        city._open_cases(dice)
        city._record(dice)
        return city

    def of(self, agency: str) -> list[str]:
        """Its officers; the last is its legal reviewer, the last but one loses his certificate."""
        return [person.number for person in self.officers if person.agency == agency]

    def _hire(self, dice: random.Random) -> None:
        for number, agency in enumerate(AGENCIES, 1):
            for count in range(1, agency.officers + 1):
                name = f"{dice.choice('王李张刘陈杨赵黄周吴')}某{number}{count:02}"
                self.officers.append(Person(agency.name, f"3205{number:02}-{count:04}", name))
            for count in range(1, 5):
                name = f"辅助{number}{count:02}"
                self.auxiliaries.append(Person(agency.name, f"F{number}-{count:02}", name))
            for count in range(1, agency.recorders + 1):
                self.recorders.append(Recorder(agency.name, f"BWC-{number}{count:02}"))

    def _open_cases(self, dice: random.Random) -> None:
        days = WorkingDays(YEAR)
        span = (LAST_DAY - FIRST_DAY).days
        numbers: dict[tuple[str, str], int] = {}
        for procedure, count in CASES.items():
            wrongs = [wrong for wrong in WRONGS if wrong.procedure == procedure]
            for nth in range(count):
                agency = AGENCIES[dice.choices((0, 1, 2), (8, 7, 5))[0]]
                number = numbers[agency.name, procedure] = (
                    numbers.get((agency.name, procedure), 0) + 1
                )
                begins = days.after(FIRST_DAY + timedelta(days=dice.randint(0, span)), 0)
                wrong = wrongs[nth] if nth < len(wrongs) else None
                variant = wrong.variant if wrong else nth
                case = Case(
                    agency.case(procedure, number),
                    agency.name,
                    procedure,
                    dice.choice(STREETS),
                    begins,
                    tuple(dice.sample(self.of(agency.name)[:-2], 4)),
                    f"F{AGENCIES.index(agency) + 1}-{dice.randint(1, 4):02}",
                    SCRIPTS[procedure](variant),
                    wrong,
                )
                if wrong is not None:
                    wrong.done_to(case.steps)
                self.cases.append(case)

    def _record(self, dice: random.Random) -> None:
        """Recordings of the cases first, then of patrols until there are enough."""
        counters: dict[str, int] = {}
        for case in self.cases:
            for step in case.steps:
                for nth in range(step.recordings):
                    recording = self._recording(dice, counters, case.agency, case.begins, step, nth)
                    recording.case, recording.street = case.number, case.street
                    recording.officers = case.officers[:2]
                    case.recordings.append(recording)
                    step.recorded.append(recording.sha256)
        while len(self.recordings) < RECORDINGS:
            agency = dice.choice(AGENCIES)
            day = FIRST_DAY + timedelta(days=dice.randint(0, (LAST_DAY - FIRST_DAY).days))
            self._recording(dice, counters, agency.name, day, None, dice.randint(0, 5))

    def _recording(
        self,
        dice: random.Random,
        counters: dict[str, int],
        agency: str,
        begins: date,
        step: Step | None,
        nth: int,
    ) -> Recording:
        devices = [r.device for r in self.recorders if r.agency == agency]
        device = dice.choice(devices)
        counters[device] = counters.get(device, 0) + 1
        days = WORKING.after(begins, step.day) if step else begins
        # Of a step the first begins before it and ends after it; the others follow.
        start = at_ms(days, 9 + nth, dice.randint(0, 20))
        if step is not None:
            start = at_ms(days, step.hour, step.minutes) + nth * 40 * 60_000 - 60_000
        end = start + dice.randint(7, 25) * 60_000
        data = b"\x00\x00\x00\x18ftypisom" + dice.randbytes(dice.randint(1_000, 4_000))
        recording = Recording(
            agency,
            device,
            f"{device}_{counters[device]:04}.MP4",
            start,
            end,
            tuple(dice.sample(self.of(agency)[:-2], 2)),
            dice.choice(STREETS),
            data=data,
        )
        self.recordings.append(recording)
        return recording

    def days(self) -> Iterator[date]:
        """On which something is filed, in order."""
        filed = {WORKING.after(case.begins, s.filed_day) for case in self.cases for s in case.steps}
        filed |= {datetime.fromtimestamp(r.end_ms / 1000, CHINA).date() for r in self.recordings}
        yield from sorted(filed)


WORKING = WorkingDays(YEAR)
