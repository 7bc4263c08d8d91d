"""The city's year counted again: by what its script did, and by what stands in the database.

Nothing here is of the code that is tested: rows are read with SQL, statements with JSON, days with
the calendar lists alone.
"""

import base64
import hashlib
import json
import sqlite3
from calendar import monthrange
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from testkit.city import CHINA, WORKING, Case, City, Recording
from testkit.city_cases import Step

Said = Mapping[str, Any]


DECISIONS = frozenset(
    {"inspection_result", "licence_decision", "on_the_spot_decision", "penalty_decision"}
)


@dataclass(frozen=True)
class Row:
    number: int
    kind: str
    said: Said
    subjects: tuple[Said, ...]
    envelope: bytes


def rows(ledger: Path) -> Iterator[Row]:
    """All statements that the ledger keeps, in log order."""
    base = sqlite3.connect(f"file:{ledger / 'ledger.sqlite'}?mode=ro", uri=True)
    try:
        for number, kind, envelope in base.execute(
            "SELECT idx, kind, envelope FROM statement WHERE length(envelope) > 0 ORDER BY idx"
        ):
            if not envelope.strip(b"\0"):
                continue  # destroyed: overwritten where it stood
            payload = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
            yield Row(number, kind, payload["predicate"], tuple(payload["subject"]), envelope)
    finally:
        base.close()


def acts_in_log(ledger: Path) -> Counter[tuple[str, str]]:
    """How often each act stands in the log, by agency."""
    return Counter(
        (row.said["agency"], row.said["act"])
        for row in rows(ledger)
        if row.kind == "act" and "procedure" in row.said
    )


def acts_as_lived(city: City) -> Counter[tuple[str, str]]:
    """The same by the script: every step up to the one that a gate must have refused."""
    return Counter((case.agency, step.act) for case in city.cases for step in lived(case))


def numbers_owed(city: City, agency: str) -> dict[tuple[str, str], tuple[int, int]]:
    """By procedure and act, how often it was done and what its amounts come to, in yuan."""
    owed: dict[tuple[str, str], tuple[int, int]] = {}
    for case in city.cases:
        for step in lived(case) if case.agency == agency else ():
            name = step.procedure or case.procedure, step.act
            count, yuan = owed.get(name, (0, 0))
            owed[name] = count + 1, yuan + int(step.facts.get("amount", "0"))
    return owed


def lived(case: Case) -> list[Step]:
    """In the order in which they are filed; after a refusal the case waits."""
    steps = sorted(case.steps, key=lambda step: (step.filed_day, step.wave))
    refused = case.wrong.refused if case.wrong else ""
    names = [step.act for step in steps]
    return steps[: names.index(refused)] if refused else steps


def concluded(case: Case) -> tuple[bool, bool, bool]:
    """Whether it is decided, served, closed."""
    acts = {step.act for step in lived(case)}
    return bool(acts & DECISIONS), "service_return" in acts, "case_closing" in acts


def refusals_owed(city: City) -> set[tuple[str, str]]:
    """By case and act."""
    return {(c.number, c.wrong.refused) for c in city.cases if c.wrong and c.wrong.refused}


# What lacks is a gap once its own time is over: by clock, the record.
DUE_BY = {"decision": "penalty_decision", "licence_decision": "licence_decision"}


def gaps_owed(case: Case, today: date) -> set[tuple[str, str]]:
    """By rule and kind, of what came into the log, and of what never did in its time: a decision
    that a gate refused was made by nobody."""
    overdue = [
        clock for (_, clock), (_, state) in clocks_owed(case, today).items() if state == "overdue"
    ]
    owed = {(DUE_BY[clock], "missing") for clock in overdue if clock in DUE_BY}
    if case.wrong is None or case.wrong.on_paper:
        return owed
    return owed | {(expected.rule, expected.kind) for expected in case.wrong.expected}


def seen_by(city: City, agency: str, start_ms: int, end_ms: int) -> list[Recording]:
    """Recordings of an agency whose time meets the span."""
    return [
        r
        for r in city.recordings
        if r.agency == agency and r.start_ms <= end_ms and r.end_ms >= start_ms
    ]


@dataclass(frozen=True)
class Period:
    """A clock as the law has it, written down here once more: from which act to which, how long."""

    pack: str
    clock: str
    start: str
    until: str
    days: int
    working: bool
    article: str
    months: int = 0

    def last_day(self, start: date) -> date:
        if self.working:
            return WORKING.after(start, self.days)
        year, month = divmod(start.year * 12 + start.month - 1 + self.months, 12)
        most = monthrange(year, month + 1)[1]
        start = date(year, month + 1, min(start.day, most))
        return WORKING.after(start + timedelta(days=self.days), 0)


AFTER = "after"
PERIODS = (
    Period("ordinary", "decision", "case_filing", "penalty_decision", 90, False, "处罚法 60"),
    Period("ordinary", "service", "penalty_decision", "service_return", 7, True, "处罚法 61、85"),
    Period("ordinary", "pay_fine", "service_return", "payment", 15, False, "处罚法 67"),
    Period("summary", "cash_handover", "cash_receipt", "cash_handover", 2, True, "处罚法 71、85"),
    Period("summary", "bank_deposit", "cash_handover", "bank_deposit", 2, True, "处罚法 71、85"),
    Period("licence", "licence_decision", "acceptance", "licence_decision", 20, True, "许可法 42"),
    Period("licence", "service", "licence_decision", "service_return", 10, True, "许可法 44"),
    # Of every case: times of the party, that lapse and are nobody's fault.
    Period(
        *(AFTER, "reconsideration_application", "service_return", "reconsideration_notice"),
        *(60, False, "复议法 20"),
    ),
    Period(AFTER, "litigation", "service_return", "litigation_notice", 0, False, "行诉法 46", 6),
)


def clocks_owed(case: Case, today: date) -> dict[tuple[str, str], tuple[date, str]]:
    """By pack and clock, its last day and its state, of those above that have started."""
    owed = {}
    done = {step.act: WORKING.after(case.begins, step.day) for step in lived(case)}
    for period in PERIODS:
        if period.pack in (case.procedure, AFTER) and period.start in done:
            last = period.last_day(done[period.start])
            met = done.get(period.until)
            if met is not None:
                state = "met" if met <= last else "late"
            else:
                over = "lapsed" if period.pack == AFTER else "overdue"
                state = "running" if today <= last else over
            owed[period.pack, period.clock] = (last, state)
    return owed


def holding(ledger: Path, word: bytes) -> list[Path]:
    """Files of a folder in which these bytes stand."""
    files = (path for path in sorted(ledger.rglob("*")) if path.is_file())
    return [path for path in files if word in path.read_bytes()]


def drawn_by_hand(review: Path, count: int) -> list[int]:
    """Places of a review's list, by the rule of docs/case-review.md and hashlib alone."""
    proof, note = (review / "list.tlog-proof").read_text().split("\n\n", 1)
    origin, size, _ = note.split("\n")[:3]
    _, index, *path = proof.split("\n")
    at, last = int(index.removeprefix("index ")), int(size) - 1
    tree = f"{origin}\n{at + 1}\n"
    root = hashlib.sha256(b"\0" + (review / "entry").read_bytes()).digest()
    for node in path:
        if at & 1 or at == last:
            root = hashlib.sha256(b"\1" + base64.b64decode(node) + root).digest()
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    tree += base64.b64encode(root).decode() + "\n"
    seed = hashlib.sha256((tree + (review / "secret").read_text()).encode()).hexdigest()
    places = range(1, len((review / "list").read_text().splitlines()) - 5)
    lots = sorted((hashlib.sha256(f"{seed} {p}\n".encode()).hexdigest(), p) for p in places)
    return [place for _, place in lots[:count]]


def day_of(case: Case, act: str) -> date | None:
    """On which a step of a case happened; None if it never did."""
    return next((WORKING.after(case.begins, s.day) for s in case.steps if s.act == act), None)


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, CHINA)
