"""What is due at an agency, from a real server: rows, a screen, a table, a calendar."""

import json
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from icalendar import Calendar

from api.ids import new_id
from ledger.encoding import CHINA
from ledger.evidence.chunks import digest_item
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement
from storage.ledger_sqlite import SqliteLedgerStore
from testkit.county import COUNTY, ELSEWHERE, STREET, act, open_county, signed
from testkit.registers import listed, officer
from testkit.server import HANDLER, Ledger, serving
from testkit.terminal import Ended, Run

PACK = Path(__file__).parents[2] / "ledger" / "process" / "packs" / "ordinary.toml"
FRESH, OLD, DONE = (f"苏城管罚〔2026〕{n}号" for n in (801, 802, 803))


def moment(days_ago: int) -> datetime:
    return datetime.now(CHINA).replace(microsecond=0) - timedelta(days=days_ago)


def occurred(at: datetime) -> dict[str, str]:
    return {"from": at.isoformat(), "to": at.isoformat()}


def last_day(started: date, days: int) -> date:
    """By weekends alone, for no list is registered here."""
    day = started + timedelta(days)
    return day + timedelta({5: 2, 6: 1}.get(day.weekday(), 0))


@dataclass
class Desk:
    ledger: Ledger
    address: str
    folder: Path
    command: Run
    filed: datetime

    def __call__(self, *more: str | Path, of: str = COUNTY, **limits: Any) -> Ended:
        token = self.folder / "token"
        token.write_text(self.ledger.token("supervisor", **limits) + "\n")
        usual = ("--agency", of, "--server", self.address, "--token-file", token)
        return self.command("case", "due", *usual, *more)

    def rows(self, *more: str) -> list[dict[str, str]]:
        ended = self("--json", *more)
        assert ended.code == 0, ended.err
        rows: list[dict[str, str]] = json.loads(ended.out)["due"]
        return rows


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str, datetime]]:
    folder = tmp_path_factory.mktemp("due") / "ledger"
    with open_county(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        pack = listed("rule_pack", "ordinary", PACK.read_text("utf-8"), agency="city")
        ledger.accept(signed(pack))
        filed = moment(3)
        act(ledger, "case_filing", stage="start", case=FRESH, occurred=occurred(filed))
        for case in (OLD, DONE):
            act(ledger, "case_filing", stage="start", case=case, occurred=occurred(moment(200)))
            seized = occurred(moment(190))
            act(ledger, "advance_registration", stage="investigate", case=case, occurred=seized)
        disposed = occurred(moment(189))
        act(ledger, "registration_disposition", case=DONE, occurred=disposed)
        yield ledger, address, filed


@pytest.fixture
def desk(served: tuple[Ledger, str, datetime], tmp_path: Path, run: Run) -> Desk:
    ledger, address, filed = served
    return Desk(ledger, address, tmp_path, run, filed)


def test_what_runs_and_what_is_overdue_and_nothing_that_is_done(desk: Desk) -> None:
    found = {(row["case"], row["clock"]): row for row in desk.rows()}
    running, overdue = found[FRESH, "decision"], found[OLD, "decision"]
    assert (running["state"], overdue["state"]) == ("running", "overdue")
    assert running["last_day"] == last_day(desk.filed.date(), 90).isoformat()
    assert running["counted"] == "weekends"
    assert found[OLD, "registration"]["state"] == "overdue"
    assert (DONE, "registration") not in found


def test_what_an_agency_owes_each_year_is_among_it(desk: Desk) -> None:
    year = moment(0).year
    yearly = [(row["case"], row["clock"]) for row in desk.rows() if row["pack"] == "yearly"]
    assert (str(year), "case_review") in yearly
    assert (str(year), "annual_statistics") not in yearly, "that year is not over"


def test_the_next_comes_first(desk: Desk) -> None:
    dues = [row["due"] for row in desk.rows()]
    assert dues == sorted(dues) and len(dues) > 2


def test_what_is_over_is_told_if_asked_and_one_clock_of_all(desk: Desk) -> None:
    rows = desk.rows("--done", "--clock", "registration")
    assert {row["clock"] for row in rows} == {"registration"}
    states = {row["case"]: (row["state"], row.get("logged_in_time")) for row in rows}
    # Disposed of in time by its word; the log had it half a year later.
    assert states == {OLD: ("overdue", None), DONE: ("met", "no")}
    shown = desk("--done", "--clock", "registration", "--lang", "zh").out
    (line,) = [line for line in shown.splitlines() if DONE in line]
    assert "按期完成" in line and "逾期后才入日志" in line


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_clock_that_no_pack_has_is_refused_with_those_that_there_are(
    desk: Desk, language: str
) -> None:
    """Nothing printed would say that nothing is due."""
    ended = desk("--clock", "decison", "--lang", language)
    assert (ended.code, ended.out) == (2, "")
    for known in ("decison", "decision", "litigation", "annual_statistics"):
        assert known in ended.err
    # One that there is, and that does not run, is none of them.
    assert desk("--clock", "referral").code == 0


def complained(ledger: Ledger, at: datetime) -> str:
    """One that belongs to no case; its id."""
    data = f"投诉信 {at}".encode()
    ledger.upload(data, by=HANDLER)
    predicate = {
        "agency": COUNTY,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": occurred(at),
        "place": "观前街",
        "seen": occurred(at),
    }
    subject = FileSubject("投诉信.txt", digest_item(data))
    statement = Statement(Kind.COMPLAINT, (subject,), predicate)
    (row,) = ledger.accept(seal(statement.to_bytes(), [HANDLER]).to_bytes())
    return str(row["id"])


def test_a_complaint_of_no_case_has_its_clock_until_it_is_taken_or_not(desk: Desk) -> None:
    old, answered = (complained(desk.ledger, moment(days)) for days in (40, 41))
    act(
        desk.ledger,
        "complaint_acceptance",
        case=DONE,
        occurred=occurred(moment(39)),
        facts={"complaint": answered},
    )
    found = {row["case"]: row for row in desk.rows("--clock", "complaint_acceptance")}
    assert found[old]["state"] == "overdue" and answered not in found
    done = desk.rows("--done", "--clock", "complaint_acceptance")
    assert {row["case"]: row["state"] for row in done}[answered] == "met"


def test_a_screen_says_it_in_words(desk: Desk) -> None:
    shown = desk("--lang", "zh").out
    (line,) = [line for line in shown.splitlines() if OLD in line and "办案期限" in line]
    assert "逾期" in line and "中华人民共和国行政处罚法 60" in line
    assert "仅按周末计算" in line
    assert "overdue" in desk("--lang", "en").out


def test_as_a_calendar_from_the_command_and_from_its_address(desk: Desk) -> None:
    file = desk.folder / "due.ics"
    assert desk("--ics", file, "-o", desk.folder / "due.csv").code == 0
    events = Calendar.from_ical(file.read_bytes()).walk("VEVENT")
    assert len(events) == len(desk.rows())
    (decision,) = [e for e in events if FRESH in e["summary"] and "办案期限" in e["summary"]]
    assert decision.decoded("dtstart") == last_day(desk.filed.date(), 90)
    assert decision.decoded("dtstamp") == desk.filed.astimezone(UTC)
    bearer = desk.ledger.bearer("supervisor")
    got = desk.ledger.http.get(f"/v1/agencies/{COUNTY}/due.ics", headers=bearer)
    assert got.headers["content-type"].startswith("text/calendar")
    assert got.content == file.read_bytes()


def calendar(desk: Desk, authorization: str = "", path: str = "due.ics") -> httpx2.Response:
    headers = {"Authorization": authorization} if authorization else {}
    return desk.ledger.http.get(f"/v1/agencies/{COUNTY}/{path}", headers=headers)


def basic(pair: str) -> str:
    return f"Basic {b64encode(pair.encode()).decode()}"


@pytest.mark.parametrize("user", ["", "王某", "tiezheng"])
def test_a_calendar_program_subscribes_with_the_token_as_its_password(
    desk: Desk, user: str
) -> None:
    token = desk.ledger.token("supervisor")
    got = calendar(desk, basic(f"{user}:{token}"))
    assert got.status_code == 200, got.text
    assert got.content == calendar(desk, f"Bearer {token}").content
    # There alone: elsewhere nobody is asked for a password, and none is taken.
    elsewhere = calendar(desk, basic(f"{user}:{token}"), "due")
    assert elsewhere.status_code == 401
    assert "Basic" not in elsewhere.headers["www-authenticate"]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic %%%",
        "Basic /w==",
        basic("tz_x"),
        basic(":tz_x"),
        basic("a:b:c"),
        "Digest x",
    ],
)
def test_a_calendar_program_without_a_token_is_asked_for_a_password(
    desk: Desk, authorization: str
) -> None:
    got = calendar(desk, authorization)
    assert (got.status_code, got.json()["code"]) == (401, "unsigned")
    assert got.headers["www-authenticate"].startswith('Basic realm="tiezheng"')


def test_a_password_opens_no_more_than_its_token(desk: Desk) -> None:
    token = desk.ledger.token("supervisor", agency=ELSEWHERE)
    assert calendar(desk, basic(f":{token}")).status_code == 404


def test_who_asks_again_is_answered_without_reading_all_acts_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counting(store: Any, numbers: Sequence[int]) -> Iterator[Any]:
        read.append(len(numbers))
        return rows_at(store, numbers)

    rows_at = SqliteLedgerStore.rows_at
    monkeypatch.setattr(SqliteLedgerStore, "rows_at", counting)
    first = desk.rows()
    read.clear()
    assert desk.rows() == first
    assert read == []
    act(desk.ledger, "case_filing", case="苏城管罚〔2026〕899号", occurred=occurred(desk.filed))
    assert "苏城管罚〔2026〕899号" in {row["case"] for row in desk.rows()}
    for change in (
        lambda: complained(desk.ledger, desk.filed),
        lambda: desk.ledger.accept(signed(officer("A-77", agency=COUNTY))),
        lambda: desk.ledger.services.disposing.then(),
    ):
        desk.rows()
        read.clear()
        change()
        desk.rows()
        assert read


def test_no_officer_is_named_in_a_calendar(desk: Desk) -> None:
    act(desk.ledger, "case_filing", case=FRESH, officers=["A-1"], occurred=occurred(desk.filed))
    bearer = desk.ledger.bearer("supervisor")
    text = desk.ledger.http.get(f"/v1/agencies/{COUNTY}/due.ics", headers=bearer).text
    assert "A-1" not in text and "王某" not in text


def test_who_may_not_see_an_agency_sees_nothing_due_there(desk: Desk) -> None:
    assert desk(agency=STREET).code == 1
    assert desk(agency=COUNTY, of=ELSEWHERE).code == 1
    assert desk.ledger.http.get(f"/v1/agencies/{COUNTY}/due.ics").status_code == 401
    assert desk("--json", "--below", agency="city", of="city").code == 0


def test_each_look_is_logged(desk: Desk) -> None:
    desk.rows()
    (*_, said) = [one for one in desk.ledger.custody("read") if one.get("note") == "due"]
    assert said["about"] == f"acts/{COUNTY}"
