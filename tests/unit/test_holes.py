"""Holes in a recording, recordings that came late, and what closes them: a reason and a person."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.gap_wording import gap_cure, gap_sentence
from ledger.encoding import format_time, parse_time
from ledger.evidence.chunks import digest_item
from ledger.evidence.due import Calendar
from ledger.evidence.statement import FileSubject, Kind, Statement, StatementSubject
from ledger.process.casefile import CaseFile, Filed
from ledger.process.judging.gap import Gap
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.rules.rulepack import RulePack
from testkit.case import AGENCY, CASE, uuid7
from testkit.proceeding import DAY, HOUR, INVESTIGATORS, MINUTE, registers_of
from testkit.rulepacks import PACKS, SMALL

NINE = parse_time("2026-03-02T09:00:00+08:00")
DOCKED = NINE + 9 * HOUR  # the same evening
REGISTERS = registers_of(*((name, text) for name, text in PACKS.items() if name != "after"))
SESSION = uuid7(77)
OURS = {"hole", "late_upload", "late_reason"}
Row = tuple[int, Statement]


def at(text: str, day: int = 0) -> int:
    return parse_time(f"2026-03-02T{text}:00+08:00") + day * DAY


def filed(kind: Kind, start: int, end: int, logged: int, **more: Any) -> Row:
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(1),
        "occurred": {"from": format_time(start), "to": format_time(end)},
    }
    subject = FileSubject("F.MP4", digest_item(b"F"))
    said = {name: value for name, value in (predicate | more).items() if value is not None}
    return logged, Statement(kind, (subject,), said)


def film(start: int, end: int, logged: int = DOCKED, session: str = SESSION, **more: Any) -> Row:
    said = {"device": "BWC-1", "evidence_type": "audiovisual", "file": "F.MP4"} | more
    if session:
        said["session"] = session
    return filed(Kind.EVIDENCE, start, end, logged, **said)


def act(name: str, start: int, end: int, logged: int, **more: Any) -> Row:
    said = {"act": name, "officers": INVESTIGATORS, "procedure": "ordinary"} | more
    return filed(Kind.ACT, start, end, logged, **said)


def reason(start: int, end: int, logged: int, said: str = "battery", **more: Any) -> Row:
    facts = {"device": "BWC-1", "reason": said} | more.pop("facts", {})
    return act("recording_explanation", start, end, logged, facts=facts, **more)


def case(*rows: Row) -> CaseFile:
    filing = act("case_filing", NINE, NINE + MINUTE, NINE + HOUR)
    ordered = sorted((filing, *rows), key=lambda row: row[0])
    found = (Filed(1000 + n, said, logged) for n, (logged, said) in enumerate(ordered))
    return CaseFile(CASE, AGENCY, tuple(found))


def judged(*rows: Row, now: int | None = None) -> list[Gap]:
    return gaps(case(*rows), REGISTERS, Calendar(), now)


def told(*rows: Row, now: int | None = None) -> list[Gap]:
    return [gap for gap in judged(*rows, now=now) if gap.what in OURS]


def whats(*rows: Row, now: int | None = None) -> list[str]:
    return [gap.what for gap in told(*rows, now=now)]


SPAN = "10:10", "10:30"
SEVEN = film(at("10:00"), at("10:03")), film(at("10:10"), at("10:30"))


def test_seven_minutes_between_two_files_of_a_session_are_a_task_and_then_a_defect() -> None:
    (gap,) = told(*SEVEN)
    assert (gap.rule, gap.kind, gap.level, gap.due) == ("hole", "defect", "notice", False)
    assert gap.facts["wanting_ms"] == str(7 * MINUTE)
    assert gap.facts["from"] == "2026-03-02T10:03:00+08:00"
    assert (gap.facts["device"], gap.facts["session"]) == ("BWC-1", SESSION)
    assert (gap.place, gap.source, gap.article) == (1002, "市级实施意见", "三(四)")
    for later, level in ((DOCKED + DAY, "notice"), (DOCKED + DAY + 1, "ordinary")):
        (gap,) = told(*SEVEN, now=later)
        assert (gap.level, gap.due) == (level, level == "ordinary")


def test_a_day_counts_from_when_both_ends_are_logged_and_from_nothing_that_they_say() -> None:
    first = film(at("10:00"), at("10:03"), DOCKED + 10 * HOUR)
    second = film(at("10:10"), at("10:30"), DOCKED)
    for now, level in ((DOCKED + DAY + HOUR, "notice"), (DOCKED + 35 * HOUR, "ordinary")):
        assert [gap.level for gap in told(first, second, now=now)] == [level]


SPANS = {
    "seven minutes": ([("10:00", "10:03"), ("10:10", "10:30")], [7]),
    "two holes": ([("10:00", "10:03"), ("10:10", "10:30"), ("10:35", "10:40")], [7, 5]),
    "one minute": ([("10:00", "10:03"), ("10:04", "10:30")], []),
    "overlapping": ([("10:00", "10:12"), ("10:10", "10:30")], []),
    "one within another": ([("10:00", "10:30"), ("10:05", "10:06"), ("10:31", "10:40")], []),
    "a photograph fills none": ([("10:00", "10:03"), ("10:06", "10:06"), ("10:10", "10:30")], [7]),
    "nor begins one": ([("10:00", "10:03"), ("10:10", "10:10")], []),
    "one alone": ([("10:00", "10:03")], []),
}


@pytest.mark.parametrize("name", SPANS)
def test_what_is_a_hole(name: str) -> None:
    spans, minutes = SPANS[name]
    films = [film(at(start), at(end)) for start, end in spans]
    found = [int(gap.facts["wanting_ms"]) // MINUTE for gap in told(*films)]
    assert found == minutes


def test_it_may_last_over_midnight() -> None:
    logged = NINE + 30 * HOUR
    evening, night = film(at("23:40"), at("23:57"), logged), film(at("00:04", 1), at("00:20", 1))
    (gap,) = told(evening, (logged, night[1]))
    assert gap.facts["from"][:16] + gap.facts["to"][:16] == "2026-03-02T23:572026-03-03T00:04"


def test_each_recorder_has_its_own_hole_even_where_the_other_ran() -> None:
    other = uuid7(78)
    films = [
        *SEVEN,
        film(at("10:02"), at("10:08"), session=other, device="BWC-2"),
        film(at("10:15"), at("10:30"), session=other, device="BWC-2"),
    ]
    assert [(g.facts["device"], g.facts["wanting_ms"]) for g in told(*films)] == [
        ("BWC-1", str(7 * MINUTE)),
        ("BWC-2", str(7 * MINUTE)),
    ]


def test_two_sessions_of_one_recorder_have_no_hole_between_them() -> None:
    assert told(SEVEN[0], film(at("10:10"), at("10:30"), session=uuid7(78))) == []


def test_another_agency_s_recordings_and_those_of_no_recorder_are_not_asked_about() -> None:
    theirs = [film(at(a), at(b), agency="agency-09") for a, b in (("10:00", "10:03"), SPAN)]
    bare = [film(at(a), at(b), device=None, file=None) for a, b in (("10:00", "10:03"), SPAN)]
    assert told(*theirs) == told(*bare) == []


def test_a_measured_clock_is_corrected_and_a_word_about_it_moves_nothing() -> None:
    shifted = {"from": format_time(at("10:03")), "to": format_time(at("10:23"))}
    assert told(SEVEN[0], film(at("10:10"), at("10:30"), corrected=shifted)) == []
    backwards = {"from": format_time(at("10:20")), "to": format_time(at("10:40"))}
    first, second = SEVEN[0], film(at("10:03"), at("10:23"), corrected=backwards)
    word = Statement(
        Kind.CORRECTION,
        (StatementSubject(second[1].id, b"\0" * 32),),
        {
            "agency": AGENCY,
            "case": CASE,
            "changes": {"corrected": "10:03"},
            "id": uuid7(9),
            "reason": "时钟",
        },
    )
    (gap,) = told(first, second, (DOCKED, word))
    assert gap.facts["wanting_ms"] == str(17 * MINUTE)


@pytest.mark.parametrize(
    ("name", "begins", "ends", "holes"),
    [
        ("inspection_record", "09:55", "10:40", ["inspection_record"]),
        ("inspection_record", "09:55", "10:08", []),  # only a part of it was to be recorded
        ("inspection_record", "10:05", "10:40", []),
        ("penalty_notice", "09:55", "10:40", []),  # nobody had to record it
    ],
)
def test_without_a_session_it_lies_within_an_act_that_was_to_be_recorded(
    name: str, begins: str, ends: str, holes: list[str]
) -> None:
    films = [film(at("10:00"), at("10:03"), session=""), film(at("10:10"), at("10:30"), session="")]
    assert told(*films) == []
    found = told(*films, act(name, at(begins), at(ends), DOCKED))
    assert [gap.facts["act"] for gap in found] == holes


def test_the_act_it_lies_in_may_have_begun_before_another() -> None:
    films = [film(at("10:00"), at("10:03"), session=""), film(at(SPAN[0]), at(SPAN[1]), session="")]
    long = act("inspection_record", at("09:55"), at("10:40"), DOCKED)
    short = act("questioning_record", at("09:58"), at("10:02"), DOCKED)
    (gap,) = told(*films, long, short)
    assert gap.facts["act"] == "inspection_record"


EXPLAINED: dict[str, tuple[Row, list[str]]] = {
    "in time": (reason(at("10:03"), at("10:10"), DOCKED + HOUR), []),
    "before it was docked": (reason(at("10:03"), at("10:10"), at("10:20")), []),
    "to the minute": (reason(at("10:04"), at("10:09"), DOCKED), []),
    "just in time": (reason(at("10:03"), at("10:10"), DOCKED + DAY), []),
    "too late": (reason(at("10:03"), at("10:10"), DOCKED + DAY + 1), ["late_reason"]),
    "half of it": (reason(at("10:03"), at("10:07"), DOCKED), ["hole"]),
    "another time": (reason(at("11:03"), at("11:10"), DOCKED), ["hole"]),
    "another device": (
        reason(at("10:03"), at("10:10"), DOCKED, facts={"device": "BWC-2"}),
        ["hole"],
    ),
    "no device": (reason(at("10:03"), at("10:10"), DOCKED, facts={"device": ""}), ["hole"]),
    "nobody": (reason(at("10:03"), at("10:10"), DOCKED, officers=None), ["hole"]),
    "no reason of the list": (reason(at("10:03"), at("10:10"), DOCKED, said="没电"), ["hole"]),
    "another reason in no words": (
        reason(at("10:03"), at("10:10"), DOCKED, said="other"),
        ["hole"],
    ),
    "another reason in words": (
        reason(at("10:03"), at("10:10"), DOCKED, said="other", facts={"detail": "停电"}),
        [],
    ),
    "by another agency": (reason(at("10:03"), at("10:10"), DOCKED, agency="agency-09"), ["hole"]),
    "of what had not passed": (reason(at("09:00"), at("10:10", 1), at("10:02")), ["hole"]),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_closes_a_hole(name: str) -> None:
    row, left = EXPLAINED[name]
    assert whats(*SEVEN, row) == left


def test_a_late_reason_is_told_with_its_delay_whatever_it_says_of_its_time() -> None:
    late = reason(at("10:03"), at("10:10"), DOCKED + 3 * DAY)
    (gap,) = told(*SEVEN, late, now=DOCKED + 9 * DAY)
    assert (gap.kind, gap.level) == ("late", "notice")
    assert gap.facts["delay_ms"] == str(3 * DAY)
    assert gap.facts["reason"] == "battery"
    assert gap.facts["reason_by"] == "、".join(INVESTIGATORS)
    assert not any(one.kind == "late" and one.rule == "late" for one in judged(*SEVEN, late))


def test_a_reason_of_several_is_as_late_as_for_the_first_of_them() -> None:
    later = film(at("10:40"), at("10:50"), DOCKED + 2 * DAY)
    (gap,) = told(*SEVEN, later, reason(at("10:00"), at("11:00"), DOCKED + 5 * DAY))
    assert (gap.what, gap.facts["delay_ms"]) == ("late_reason", str(5 * DAY))


def test_the_first_reason_counts_and_a_second_makes_it_no_later() -> None:
    early = reason(at("10:03"), at("10:10"), DOCKED + HOUR)
    again = reason(at("10:00"), at("10:20"), DOCKED + 9 * DAY, said="device_fault")
    assert whats(*SEVEN, early, again) == []
    assert whats(*SEVEN, again, early) == []


# --- recordings that came late --------------------------------------------------------------------

LATE = NINE + 4 * DAY
TWO_LATE = film(at("10:00"), at("10:10"), LATE), film(at("10:10"), at("10:30"), LATE + HOUR)


def test_what_came_more_than_a_day_after_it_ended_wants_a_reason_once_a_session() -> None:
    assert told(film(at("10:00"), at("10:10"), at("10:10") + DAY)) == []
    (gap,) = told(*TWO_LATE)
    assert (gap.what, gap.kind, gap.level, gap.due) == ("late_upload", "late", "notice", False)
    assert gap.memory
    assert gap.facts["count"] == "2"
    assert gap.facts["delay_ms"] == str(LATE + HOUR - at("10:30"))  # the longest
    assert told(*TWO_LATE, now=LATE + DAY + 1)[0].due


@pytest.mark.parametrize(
    ("begins", "logged", "left"),
    [
        ("10:00", LATE + 2 * HOUR, []),
        ("10:00", LATE + 3 * DAY, ["late_reason"]),
        ("10:09", LATE + 2 * HOUR, ["late_upload"]),  # of one of them alone
    ],
)
def test_a_reason_that_covers_them_closes_it(begins: str, logged: int, left: list[str]) -> None:
    given_ = reason(at(begins), at("10:30"), logged, said="line_down")
    assert whats(*TWO_LATE, given_) == left


def test_the_delay_is_counted_by_the_corrected_clock() -> None:
    shifted = {"from": format_time(at("10:00", 4)), "to": format_time(at("10:10", 4))}
    assert told(film(at("10:00"), at("10:10"), at("12:00", 4), corrected=shifted)) == []


# --- nothing recorded -----------------------------------------------------------------------------


def test_where_nothing_was_recorded_the_gap_stays_and_says_why() -> None:
    taken = act("advance_registration", at("10:00"), at("10:30"), DOCKED)
    (bare,) = [g for g in judged(taken) if g.what == "not_recorded"]
    assert "reason" not in bare.facts
    why = reason(at("10:00"), at("10:30"), DOCKED + DAY, said="danger", facts={"device": ""})
    (gap,) = [g for g in judged(taken, why) if g.what == "not_recorded"]
    assert gap.level == bare.level
    assert (gap.facts["reason"], gap.facts["reason_name"]) == ("danger", "危及人身安全")
    assert gap.facts["reason_at"] == format_time(DOCKED + DAY)
    sentence = gap_sentence(gap.to_json())
    assert "危及人身安全" in sentence["zh"] and INVESTIGATORS[0] in sentence["zh"]
    assert sentence["en"].endswith("1 day 7 hours after it: danger.")


# --- as a whole -----------------------------------------------------------------------------------


def test_no_gate_asks_for_a_reason() -> None:
    file = case(*SEVEN, *TWO_LATE)
    closing = Filed(2000, act("case_closing", LATE, LATE, LATE + DAY)[1], LATE + DAY)
    found = refusals(file, closing, REGISTERS, Calendar())
    assert found and not OURS & {gap.what for gap in found}


def test_a_pack_that_knows_no_explanation_asks_for_none() -> None:
    rows = [(when, said) for when, said in SEVEN]
    opening = act("filing", NINE, NINE, NINE + HOUR, procedure="small")
    found = gaps(case(opening, *rows), registers_of(("small", SMALL)), Calendar())
    assert not OURS & {gap.what for gap in found}


def test_every_word_and_cure_is_there_in_both_languages() -> None:
    late = reason(at("10:00"), at("10:10"), LATE + 9 * DAY)
    hole = film(at("11:00"), at("11:10"), DOCKED), film(at("11:20"), at("11:30"), DOCKED)
    found = told(*SEVEN, *TWO_LATE, late, *hole)
    assert {gap.what for gap in found} == OURS
    for gap in found:
        for text in (*gap_sentence(gap.to_json()).values(), *gap_cure(gap.to_json()).values()):
            assert text and not set("{}?") & set(text), text


def test_two_thousand_recordings_take_twice_as_long_as_a_thousand() -> None:
    def seconds(count: int) -> float:
        films = [
            film(NINE + n * 3 * MINUTE, NINE + (n * 3 + 1) * MINUTE, NINE + count * HOUR, session)
            for n in range(count)
            for session in (SESSION if n % 2 else "",)
        ]
        file = case(
            *films, act("inspection_record", NINE, NINE + count * HOUR, NINE + count * HOUR)
        )
        began = time.process_time()
        found = gaps(file, REGISTERS, Calendar())
        assert sum(gap.what == "hole" for gap in found) == count - 2
        return time.process_time() - began

    seconds(100)
    assert seconds(2000) < 5 * seconds(1000) + 0.5


MOMENTS = st.integers(0, 300)
FILMS = st.lists(st.tuples(MOMENTS, st.integers(0, 30), st.sampled_from(["", SESSION])), max_size=8)
REASONS = st.tuples(MOMENTS, st.integers(0, 200), st.integers(0, 96))


def _films(drawn: list[tuple[int, int, str]]) -> list[Row]:
    return [
        film(NINE + n * MINUTE, NINE + (n + length) * MINUTE, DOCKED + n * HOUR, session)
        for n, length, session in drawn
    ]


def _keys(found: list[Gap]) -> list[tuple[str, str, str | None]]:
    return sorted((gap.what, gap.facts.get("device", ""), gap.facts.get("from")) for gap in found)


@given(REASONS)
def test_without_recordings_no_hole_is_told(drawn: tuple[int, int, int]) -> None:
    begins, minutes, hours = drawn
    begins_ms = NINE + begins * MINUTE
    given_ = reason(begins_ms, begins_ms + minutes * MINUTE, DOCKED + hours * HOUR)
    assert told(given_, act("inspection_record", NINE, NINE + HOUR, DOCKED)) == []


@given(FILMS, REASONS)
def test_a_reason_adds_no_gap_but_that_it_is_late_itself(
    films: list[tuple[int, int, str]], drawn: tuple[int, int, int]
) -> None:
    begins, minutes, hours = drawn
    begins_ms = NINE + begins * MINUTE
    rows = [*_films(films), act("inspection_record", NINE, NINE + 5 * HOUR, DOCKED)]
    given_ = reason(begins_ms, begins_ms + minutes * MINUTE, DOCKED + hours * HOUR)
    now = DOCKED + 400 * HOUR
    before, after = judged(*rows, now=now), judged(*rows, given_, now=now)
    added = [gap for gap in after if gap.what == "late_reason"]
    assert len(added) <= 1
    rest = [gap.what for gap in after if gap.what != "late_reason"]
    assert all(rest.count(what) <= [g.what for g in before].count(what) for what in rest)
    holes = [key for key in _keys(after) if key[0] == "hole"]
    assert set(holes) <= set(_keys(before))


def test_the_packs_give_one_list_of_reasons() -> None:
    lists = set()
    for name, text in PACKS.items():
        pack = RulePack.from_text(text)
        if pack.kind in ("after", "supervision"):
            continue
        rule = pack.fact("reason", "recording_explanation")
        assert rule is not None, name
        lists.add(tuple(rule.values.items()))
    assert len(lists) == 1
    assert len(dict(lists.pop())) == 11
