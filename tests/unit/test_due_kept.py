"""What is kept of what is due holds until something moves, and not a moment longer."""

import json
from datetime import date
from importlib import resources

import pytest

from api import due_kept
from api.due import WRITTEN_AT_ONCE, _written
from api.due_kept import NEVER, Counted, KeptRows, day_ends, next_change
from ledger.encoding import parse_time
from ledger.process.deadlines.clocks import Running, State
from ledger.process.rules.rulepack import Clock, RulePack

AFTER = RulePack.from_text(
    (resources.files("ledger.process") / "packs" / "after.toml").read_text("utf-8")
)
CLOCK: Clock = AFTER.clocks[0]
NOW = parse_time("2026-03-02T23:00:00+08:00")


class Desk:
    def __init__(self, until_ms: int = NOW + 1000) -> None:
        self.kept, self.until_ms, self.count = KeptRows(), until_ms, 0
        self.lengths = {"others": 1}

    def ask(self, agency: str = "a", state: tuple[int, ...] = (1,), now_ms: int = NOW) -> int:
        """Which counting the rows are of."""
        (row,) = self.kept.rows(agency, state, now_ms, self.counted, self.lengths.__getitem__)
        return int(row["count"])

    def counted(self) -> Counted:
        self.count += 1
        return Counted(({"count": str(self.count)},), self.until_ms, (("others", 1),))


def test_while_nothing_happens_it_is_counted_once_for_each_agency() -> None:
    desk = Desk()
    assert [desk.ask(), desk.ask(), desk.ask("b"), desk.ask()] == [1, 1, 2, 1]


def test_what_was_logged_since_is_counted() -> None:
    desk = Desk()
    assert [desk.ask(), desk.ask(state=(2,)), desk.ask(state=(2,))] == [1, 2, 2]


@pytest.mark.parametrize(("later_ms", "count"), [(999, 1), (1000, 2)])
def test_it_holds_until_its_moment(later_ms: int, count: int) -> None:
    desk = Desk()
    desk.ask()
    assert desk.ask(now_ms=NOW + later_ms) == count


def test_what_was_destroyed_is_forgotten_also_while_it_was_being_counted() -> None:
    desk = Desk()
    desk.ask()
    desk.kept.forget()
    assert desk.ask() == 2

    def disturbed() -> Counted:
        desk.kept.forget()
        return desk.counted()

    desk.kept.rows("b", (1,), NOW, disturbed, desk.lengths.__getitem__)
    assert desk.ask("b") == 4


def test_it_holds_until_somebody_speaks_whose_case_it_then_is() -> None:
    desk = Desk()
    assert desk.ask() == 1
    desk.lengths["others"] = 2
    assert desk.ask() == 2


def test_rows_come_back_as_they_were_however_many() -> None:
    rows = tuple({"case": f"苏城管罚〔2026〕{n}号", "n": str(n)} for n in range(1201))
    desk = Desk()
    for _ in range(2):
        found = desk.kept.rows("a", (1,), NOW, lambda: Counted(rows, NOW + 1), len)
        assert found == rows


def test_of_too_many_rows_those_asked_for_last_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, counts = KeptRows(), dict.fromkeys("abc", 0)

    def ask(agency: str) -> None:
        def count() -> Counted:
            counts[agency] += 1
            return Counted(({"of": agency},), NOW + 1)

        kept.rows(agency, (1,), NOW, count, len)

    ask("a")
    monkeypatch.setattr(due_kept, "MAX_BYTES", 2 * kept._kept["a"].size)
    for agency in "babcbca":
        ask(agency)
    assert counts == {"a": 2, "b": 1, "c": 1}


@pytest.mark.parametrize("count", [0, 1, 500, 1201])
def test_an_answer_is_written_in_pieces_and_is_one_document(count: int) -> None:
    rows = [{"case": f"苏城管罚〔2026〕{n}号"} for n in range(count)]
    pieces = list(_written({"agency": "甲", "clocks": ["decision"]}, rows))
    assert json.loads(b"".join(pieces)) == {"agency": "甲", "clocks": ["decision"], "due": rows}
    assert len(pieces) == 2 + -(-count // WRITTEN_AT_ONCE)


def running(start_ms: int | None, due_ms: int | None) -> Running:
    about = (CLOCK, "after", "1", "某法", "苏城管罚〔2026〕1号", State.RUNNING)
    return Running(*about, start_ms=start_ms, due_ms=due_ms)


@pytest.mark.parametrize(
    ("start_ms", "due_ms", "changes_ms"),
    [
        (None, None, NEVER),
        (NOW - 5, NOW - 1, NEVER),
        (NOW - 5, NOW, NOW + 1),
        (NOW - 5, NOW + 7, NOW + 8),
        (NOW + 3, NOW + 7, NOW + 3),
    ],
)
def test_a_clock_changes_as_it_begins_and_when_it_is_over(
    start_ms: int | None, due_ms: int | None, changes_ms: int
) -> None:
    assert next_change(running(start_ms, due_ms), NOW) == changes_ms


def test_a_day_ends_in_china() -> None:
    assert day_ends(NOW) == parse_time(f"{date(2026, 3, 3)}T00:00:00+08:00")
