"""A complaint holds what was recorded then, before it is answered and before it is destroyed."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from api import due
from api.ids import new_id
from api.own_cases import OwnCases
from api.services import Services
from ledger.encoding import format_time
from ledger.errors import Unavailable
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Role, Statement, TextSubject
from ledger.process.deadlines.clocks import Running
from ledger.suite import digest
from ledger.tlog.signing_key import SigningKey
from testkit.disposals import (
    RECORDING,
    SECOND,
    close_case,
    disposal,
    disposed,
    file,
    found,
    hold,
    needles,
    object_of,
    opened,
    refused,
    subject,
)
from testkit.gating import entry
from testkit.keys import key
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_AGENCY,
    Ledger,
    await_that,
    open_ledger,
    register,
)

HOUR_MS = 3_600_000
CHINA = timezone(timedelta(hours=8))
SEEN = ("2026-03-02T14:30:00+08:00", "2026-03-02T15:30:00+08:00")


def span(start: str, end: str) -> dict[str, str]:
    return {"from": f"2026-03-02T{start}:00+08:00", "to": f"2026-03-02T{end}:00+08:00"}


def complaint(start: str = SEEN[0], end: str = SEEN[1], agency: str = AGENCY, **more: Any) -> bytes:
    moment = format_time(time.time_ns() // 1_000_000)
    predicate = {
        "agency": agency,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": {"from": moment, "to": moment},
        "place": "观前街",
        "seen": {"from": start, "to": end},
    } | more
    said = Statement(Kind.COMPLAINT, (TextSubject("complaint", digest(b"letter")),), predicate)
    return seal(said.to_bytes(), [HANDLER]).to_bytes()


def held(ledger: Ledger, data: bytes) -> bool:
    return object_of(ledger, data) in ledger.services.vault.places.held_items()


def test_what_was_recorded_then_is_held_before_the_answer(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        ahead = {"corrected": span("15:00", "15:10"), "device": "BWC-1", "file": "1.MP4"}
        then = {
            b"within it": {"occurred": span("15:00", "15:10")},
            b"over it": {"occurred": span("10:00", "20:00")},
            b"its first minute": {"occurred": span("13:00", "14:30")},
            b"by a clock nobody compared": {"occurred": span("16:20", "16:25")},
            b"by a clock that was set back": {
                "occurred": {
                    "from": "2000-01-01T00:00:00+08:00", "to": "2000-01-01T00:10:00+08:00"
                },
            } | ahead,
            b"another place by its note": {"occurred": span("15:00", "15:10"), "note": "平江路"},
        }  # fmt: skip
        not_then = {
            b"the day before": {
                "occurred": {
                    "from": "2026-03-01T15:00:00+08:00", "to": "2026-03-01T15:10:00+08:00"
                }
            },
            b"compared, and an hour later": {
                "occurred": span("17:00", "17:10"),
                "corrected": span("16:20", "16:25"),
                "device": "BWC-1",
                "file": "2.MP4",
            },
        }  # fmt: skip
        for data, more in (then | not_then).items():
            file(ledger, data, **more)
        (answer,) = ledger.accept(complaint())
        assert answer["held"] == str(len(then))
        assert {data for data in then | not_then if held(ledger, data)} == set(then)
        (said,) = ledger.said("hold")
        assert said["complaint"] == answer["id"]
        (again,) = ledger.accept(complaint())  # another complaint is another hold
        assert again["held"] == str(len(then))


def test_a_recorder_that_was_not_compared_is_held_if_it_was_docked_in_the_days_after(
    tmp_path: Path,
) -> None:
    now_ms = time.time_ns() // 1_000_000
    with opened(tmp_path / "ledger") as ledger:
        reset = {"from": "2000-01-01T00:00:00+08:00", "to": "2000-01-01T00:10:00+08:00"}
        file(ledger, b"of a recorder", occurred=reset, device="BWC-1", file="1.MP4")
        file(ledger, b"of no recorder", occurred=reset)
        two_days = format_time(now_ms - 48 * HOUR_MS), format_time(now_ms - 47 * HOUR_MS)
        (answer,) = ledger.accept(complaint(*two_days))
        assert (answer["held"], held(ledger, b"of a recorder")) == ("1", True)
        week = format_time(now_ms - 168 * HOUR_MS), format_time(now_ms - 167 * HOUR_MS)
        (answer,) = ledger.accept(complaint(*week))
        assert answer["held"] == "0"


def test_what_was_lifted_before_its_complaint_came_is_held_all_the_same(tmp_path: Path) -> None:
    """Whoever files the complaint chooses its id, and knows it before."""
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger, RECORDING, occurred=span("15:00", "15:10"))
        id_ = new_id(time.time_ns() // 1_000_000)
        ledger.accept(hold(answer, complaint=id_), hold(answer, what="lifted", complaint=id_))
        (row,) = ledger.accept(complaint(id=id_))
        assert row["held"] == "1" and held(ledger, RECORDING)


def test_what_comes_later_is_held_too_and_once_lifted_stays_so(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        (answer,) = ledger.accept(complaint())
        assert answer["held"] == "0"
        late = file(ledger, b"docked in the evening", occurred=span("15:00", "15:10"))
        other = file(ledger, b"of the next day")
        ledger.services.keeping.hold()
        assert (held(ledger, b"docked in the evening"), held(ledger, b"of the next day")) == (
            True, False
        )  # fmt: skip
        assert other["id"] != late["id"]
        ledger.accept(hold(late, what="lifted", complaint=answer["id"]))
        ledger.services.keeping.hold()
        assert not held(ledger, b"docked in the evening")
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.services.vault.places.put_watched_to(0)  # as after its database was lost
        ledger.services.keeping.hold()
        assert not held(ledger, b"docked in the evening")
        assert len(ledger.said("hold")) == 2


def test_of_another_agency_nothing_is_held(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        file(ledger, b"within it", occurred=span("15:00", "15:10"))
        other = key("handler-14.example")
        ledger.accept(register(other, Role.HANDLER, OTHER_AGENCY))
        said = Statement.from_bytes(Envelope.from_bytes(complaint(agency=OTHER_AGENCY)).payload)
        (answer,) = ledger.accept(seal(said.to_bytes(), [other]).to_bytes())
        assert answer["held"] == "0" and not held(ledger, b"within it")


def corrected(about: dict[str, Any], **changes: str) -> bytes:
    predicate = {
        "agency": AGENCY,
        "changes": changes,
        "id": new_id(time.time_ns() // 1_000_000),
        "reason": "时钟误差",
    }
    said = Statement(Kind.CORRECTION, (subject(about),), predicate)
    return seal(said.to_bytes(), [HANDLER]).to_bytes()


THEN = "2026-03-02T15:00:00+08:00/2026-03-02T15:10:00+08:00"
WRONG = {"from": "2026-03-01T10:00:00+08:00", "to": "2026-03-01T10:10:00+08:00"}


@pytest.mark.parametrize("first", ["the correction", "the complaint"])
@pytest.mark.parametrize(
    "changes", [{"occurred": THEN}, {"corrected": THEN}, {"occurred": "三月二日下午三点左右"}]
)
def test_a_recording_counts_by_each_time_that_a_correction_gives_it_too(
    tmp_path: Path, first: str, changes: dict[str, str]
) -> None:
    with opened(tmp_path / "ledger") as ledger:
        wrong = file(ledger, RECORDING, occurred=WRONG)
        both = [corrected(wrong, **changes), complaint()]
        for envelope in both if first == "the correction" else reversed(both):
            ledger.accept(envelope)
        ledger.services.keeping.hold()
        assert held(ledger, RECORDING)


def test_a_correction_takes_no_recording_from_the_time_that_it_claimed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger, RECORDING, occurred=span("15:00", "15:10"))
        away = "2026-03-01T10:00:00+08:00/2026-03-01T10:10:00+08:00"
        ledger.accept(corrected(answer, occurred=away), corrected(answer, maker="王某"))
        (row,) = ledger.accept(complaint())
        assert row["held"] == "1"


def test_a_correction_of_something_else_or_to_another_day_holds_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger, RECORDING, occurred=WRONG)
        later = "2026-03-09T10:00:00+08:00/2026-03-09T10:10:00+08:00"
        ledger.accept(corrected(answer, occurred=later), corrected(answer, maker="王某"))
        (row,) = ledger.accept(complaint())
        assert row["held"] == "0"


# --- whose recordings --------------------------------------------------------------------------

STREET = key("street.example")


def below(agency: str, parent: str) -> bytes:
    return entry("agency", agency, facts={"announced": "2020-01-01", "parent": parent})


def of_street(ledger: Ledger, data: bytes, **more: Any) -> dict[str, Any]:
    number = {"agency": OTHER_AGENCY, "case": "昆城管罚〔2026〕1号", "by": STREET}
    (answer,) = ledger.accept(
        ledger.evidence(data, **({"occurred": span("15:00", "15:10")} | number | more))
    )
    return answer


@pytest.mark.parametrize("late", [False, True])
def test_a_letter_to_the_bureau_reaches_the_streets_below_it(tmp_path: Path, late: bool) -> None:
    with opened(tmp_path / "ledger") as ledger:
        ledger.accept(register(STREET, Role.HANDLER, OTHER_AGENCY), below(OTHER_AGENCY, AGENCY))
        steps = [lambda: of_street(ledger, RECORDING), lambda: ledger.accept(complaint())]
        for step in reversed(steps) if late else steps:
            step()
        ledger.services.keeping.hold()
        assert held(ledger, RECORDING)


@pytest.mark.parametrize("late", [False, True])
def test_of_a_device_that_is_named_it_is_held_whosever_it_is(tmp_path: Path, late: bool) -> None:
    with opened(tmp_path / "ledger") as ledger:
        ledger.accept(register(STREET, Role.HANDLER, OTHER_AGENCY))

        def record() -> None:
            of_street(ledger, RECORDING, device="BWC-9", file="1.MP4")
            of_street(ledger, b"by another", device="BWC-8", file="2.MP4")

        steps = [record, lambda: ledger.accept(complaint(devices=["BWC-9"]))]
        for step in reversed(steps) if late else steps:
            step()
        ledger.services.keeping.hold()
        assert (held(ledger, RECORDING), held(ledger, b"by another")) == (True, False)


def test_the_answer_lists_the_likely_ones_first(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        when = {"occurred": span("15:00", "15:10")}
        plain = file(ledger, b"1", **when)
        crew = file(ledger, b"2", officers=["F-1"], **when)
        device = file(ledger, b"3", device="BWC-9", file="3.MP4", note="观前街", **when)
        (row,) = ledger.accept(complaint(devices=["BWC-9"], officers=["F-1", "F-2"]))
        assert row["candidates"] == [
            {"id": device["id"], "likely": ["device", "place"]},
            {"id": crew["id"], "likely": ["crew"]},
            {"id": plain["id"], "likely": []},
        ]


def test_from_the_complaint_on_seven_working_days_run_until_it_is_taken_or_not(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "ledger") as ledger:
        ledger.accept(below(AGENCY, "city"))
        (row,) = ledger.accept(complaint())
        path = f"/v1/agencies/{AGENCY}/due"
        answer = ledger.http.get(path, headers=ledger.bearer("supervisor")).json()
        (clock,) = [one for one in answer["due"] if one["clock"] == "complaint_acceptance"]
        last = datetime.fromtimestamp(Entry.from_bytes(row["entry"].encode()).at / 1000, CHINA)
        working = 0
        while working < 7:
            last += timedelta(days=1)
            working += last.weekday() < 5
        assert (clock["case"], clock["state"]) == (row["id"], "running")
        assert (clock["last_day"], clock["counted"]) == (last.date().isoformat(), "weekends")


def test_what_is_due_elsewhere_is_not_counted_again_for_a_complaint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bureau has a hundred offices below it, and each of them complaints."""
    counted, clocks = list[str](), due._clocks

    def noted(s: Services, cases: OwnCases, *asked: Any) -> Iterator[Running]:
        counted.append(cases.agency)
        return clocks(s, cases, *asked)

    with opened(tmp_path / "ledger") as ledger:
        offices = (below(one, "city") for one in (AGENCY, OTHER_AGENCY))
        ledger.accept(entry("agency", "city", "city", facts={"announced": "2020-01-01"}), *offices)
        monkeypatch.setattr(due, "_clocks", noted)
        path, token = "/v1/agencies/city/due?below=yes", ledger.bearer("supervisor", agency="city")
        assert ledger.http.get(path, headers=token).json()["due"] == []
        assert {AGENCY, OTHER_AGENCY} <= set(counted)
        counted.clear()
        (row,) = ledger.accept(complaint())
        (clock,) = ledger.http.get(path, headers=token).json()["due"]
        assert (clock["case"], clock["agency"], counted) == (row["id"], AGENCY, [AGENCY])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifteen_hundred_recordings_are_held_within_a_minute(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        for first in range(0, 1500, 100):
            ledger.accept(
                *(
                    ledger.evidence(b"number %d" % n, occurred=span("15:00", "15:10"))
                    for n in range(first, first + 100)
                )
            )
        close_case(ledger)
        began = time.monotonic()
        (row,) = ledger.accept(complaint())
        assert row["held"] == "1500" and time.monotonic() - began < 60
        assert len(ledger.services.vault.places.held_items()) == 1500


def test_more_than_fit_into_one_hold_are_held_by_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.watching.AT_ONCE", 3)
    with opened(tmp_path / "ledger") as ledger:
        for number in range(7):
            file(ledger, b"number %d" % number, occurred=span("15:00", "15:10"))
        (answer,) = ledger.accept(complaint())
        assert answer["held"] == "7" and len(ledger.said("hold")) == 3


# --- who lifts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["in the recording", "in the complaint"])
@pytest.mark.parametrize("by", ["complaint", "the hold's id"])
def test_nobody_lifts_what_a_complaint_about_himself_has_held(
    tmp_path: Path, named: str, by: str
) -> None:
    with opened(tmp_path / "ledger") as ledger:
        ledger.accept(entry("officer", "F-1", facts={"person": HANDLER.name}))
        crew = {"officers": ["F-1"]}
        when = {"occurred": span("15:00", "15:10")}
        recording = file(ledger, RECORDING, **when, **(crew if "recording" in named else {}))
        (row,) = ledger.accept(complaint(**(crew if "complaint" in named else {})))
        (placed,) = ledger.said("hold")
        ledger.await_quorum()

        def lift(key: SigningKey) -> bytes:
            if by == "complaint":
                return hold(recording, what="lifted", by=key, complaint=row["id"])
            receipt = ledger.http.get(f"/v1/statements/{placed['id']}/receipt").json()
            return hold(receipt, what="lifted", by=key)

        (refusal,) = ledger.file(lift(HANDLER))
        assert refusal["detail"] == (
            f"{HANDLER.name!r} is of the crew that the complaint may be about"
        )
        ledger.accept(hold(recording), hold(recording, what="lifted"))  # of no complaint
        ledger.accept(lift(SECOND))
        ledger.services.keeping.hold()
        assert not held(ledger, RECORDING)


# --- a complaint and a disposal ----------------------------------------------------------------


def test_what_was_to_be_destroyed_tonight_is_held(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger, occurred=span("15:00", "15:10"))
        close_case(ledger)
        # In one request: nothing can come between but the disposal itself.
        rows = ledger.file(complaint(), disposal(answer))
        assert "index" in rows[0] and rows[1]["code"] == "unavailable", rows
        assert "is being held" in rows[1]["detail"]
        assert "under a legal hold: complaint" in refused(ledger, disposal(answer))
        assert held(ledger, RECORDING)


def test_for_a_complaint_that_was_destroyed_nothing_more_is_held(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        seen = file(ledger, b"within it", occurred=span("15:00", "15:10"))
        (gone,) = ledger.accept(complaint(case=CASE))
        close_case(ledger)
        ledger.accept(hold(seen, what="lifted", complaint=gone["id"]), disposal(gone))
        disposed(ledger)
        file(ledger, b"docked in the evening", occurred=span("15:00", "15:10"))
        ledger.services.keeping.hold()
        assert not held(ledger, b"docked in the evening")


def test_a_disposal_that_was_logged_first_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger, occurred=span("15:00", "15:10"))
        close_case(ledger)
        wanted = needles(ledger, RECORDING, answer)
        first, second = ledger.accept(disposal(answer), complaint())
        assert int(first["index"]) < int(second["index"])
        disposed(ledger)
        assert found(tmp_path, wanted) == []


def test_a_crash_before_the_hold_loses_no_hold_and_lets_no_disposal_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger, occurred=span("15:00", "15:10"))
        close_case(ledger)

        def crash(*_: object) -> None:
            raise Unavailable("it has crashed")

        monkeypatch.setattr(ledger.services.custody, "hold", crash)
        (row,) = ledger.accept(complaint())
        assert row["held"] == "0" and not held(ledger, RECORDING)
        (refusal,) = ledger.file(disposal(answer))
        assert refusal["code"] == "unavailable"
    with open_ledger(tmp_path / "ledger") as ledger:
        await_that(lambda: held(ledger, RECORDING), "the hold")
        assert "under a legal hold" in refused(ledger, disposal(answer))


def test_a_crash_between_two_holds_holds_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.watching.AT_ONCE", 1)
    with opened(tmp_path / "ledger") as ledger:
        for number in range(3):
            file(ledger, b"number %d" % number, occurred=span("15:00", "15:10"))
        real, calls = ledger.services.custody.hold, []

        def second_crashes(*arguments: Any) -> str:
            calls.append(arguments)
            if len(calls) == 2:
                raise Unavailable("it has crashed")
            return real(*arguments)

        monkeypatch.setattr(ledger.services.custody, "hold", second_crashes)
        (row,) = ledger.accept(complaint())
        ledger.services.keeping.hold()
        assert ledger.services.log.holds.of_complaint(row["id"]) == 3
        assert len(ledger.said("hold")) == 3
