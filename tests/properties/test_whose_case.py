"""Whose case it is, all who ask are told alike: gates, gaps, clocks, what is due, publications,
merits, disposals, packets and readers; whatever was filed by whom, and in whatever order."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from api import views
from api.casefiles import is_numbered
from api.expired import filed_in
from api.gatekeeper import Gatekeeper
from api.ids import new_id
from api.proceedings import Standing
from api.views import own_cases
from ledger.evidence.chunks import digest_item
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.packing import case_statements
from ledger.process.judging.gated import Closed, Gated
from testkit.county import ELSEWHERE, ELSEWHERE_HANDLER, STREET, STREET_HANDLER, open_county, signed
from testkit.gating import numbers
from testkit.registers import listed
from testkit.rulepacks import PACKS
from testkit.server import Ledger

BY = {STREET: STREET_HANDLER, ELSEWHERE: ELSEWHERE_HANDLER}
CASES = [f"园{form}罚〔2026〕{n}号" for form in "甲乙" for n in range(1, 6)]
SPELLING = "园甲罚〔{year}〕{number}号"  # the street has it registered, half way through
ACTS = ("case_filing", "advance_registration", "registration_disposition", "complaint_acceptance")
OCCURRED = {"from": "2026-03-02T09:00:00+08:00", "to": "2026-03-02T10:00:00+08:00"}


@dataclass
class City:
    """Two agencies that file in each other's cases, as a seed has it."""

    ledger: Ledger
    draw: Random
    openings: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    filed: int = 0

    def live(self, count: int) -> None:
        for n in range(count):
            if n == count // 2:
                self.ledger.accept(numbers(STREET, SPELLING))
            kind = self.draw.choices(("open", "act", "evidence", "complain"), (1, 8, 3, 2))[0]
            getattr(self, kind)(self.draw.choice(list(BY)))

    def open(self, agency: str) -> None:
        id_ = self.file(Kind.ACT, agency, act="provisional_opening")
        self.openings.append(id_)

    def act(self, agency: str) -> None:
        act = self.draw.choice(ACTS)
        more: dict[str, Any] = {"act": act, "procedure": "ordinary", "stage": "start"}
        if act == "complaint_acceptance" and self.complaints:
            more["facts"] = {"complaint": self.draw.choice(self.complaints)}
        self.file(Kind.ACT, agency, **more, **self.somewhere())

    def evidence(self, agency: str) -> None:
        self.file(Kind.EVIDENCE, agency, stage="investigate", **self.somewhere())

    def complain(self, agency: str) -> None:
        where = self.somewhere() if self.draw.random() < 0.7 else {}
        id_ = self.file(Kind.COMPLAINT, agency, place="东门", seen=OCCURRED, **where)
        self.complaints.append(id_)

    def somewhere(self) -> dict[str, str]:
        """A case with a number, one that has none yet, or both: it has grown from that."""
        where = {"case": self.draw.choice(CASES)}
        if self.openings and self.draw.random() < 0.5:
            where["provisional"] = self.draw.choice(self.openings)
            if self.draw.random() < 0.6:
                del where["case"]
        return where

    def file(self, kind: Kind, agency: str, **predicate: Any) -> str:
        """Its id; under another agency's spelling it is refused, which changes nothing here."""
        self.filed += 1
        data, id_ = f"{kind} {self.filed}".encode(), new_id(time.time_ns() // 1_000_000)
        self.ledger.upload(data, by=BY[agency])
        said = {"agency": agency, "id": id_, "occurred": OCCURRED} | predicate
        statement = Statement(kind, (FileSubject("a.txt", digest_item(data)),), said)
        self.ledger.file(seal(statement.to_bytes(), [BY[agency]]).to_bytes())
        return id_

    def names(self) -> list[str]:
        return [name for name in (*CASES, *self.openings) if self.owner(name)]

    def owner(self, name: str) -> str:
        return self.ledger.services.casefiles.owner(name)

    def rows(self, agency: str, view: str, **more: str) -> list[dict[str, str]]:
        bearer = self.ledger.bearer("supervisor")
        path = f"/v1/agencies/{agency}/{view}"
        answer = self.ledger.http.get(path, params=more, headers=bearer)
        assert answer.status_code == 200, answer.text
        return list(answer.json()[view])


@pytest.fixture(scope="module", params=range(4))
def city(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[City]:
    with open_county(tmp_path_factory.mktemp("city") / "ledger") as ledger:
        ledger.accept(signed(listed("rule_pack", "ordinary", PACKS["ordinary"], agency="city")))
        made = City(ledger, Random(request.param))
        made.live(90)
        yield made


def test_two_agencies_speak_in_many_cases_and_each_has_some(city: City) -> None:
    for some in (CASES, city.openings):
        assert {city.owner(name) for name in some} >= set(BY)
    assert any(len(speaking(city, name)) == 2 for name in city.names())


def speaking(city: City, name: str) -> set[str]:
    return {one.statement.agency for one in city.ledger.services.casefiles.named(name).filed}


def test_gates_gaps_disposals_packets_and_readers_know_one_owner(city: City) -> None:
    s = city.ledger.services
    for name in city.names():
        owner = city.owner(name)
        file = s.casefiles.named(name)
        assert file.agency == owner
        if not is_numbered(name):
            continue
        for agency in BY:
            contents = filed_in(s.log, s.registers.spellings(), s.first_year, agency, name, None)
            assert {one.statement.agency for one in contents.owners} <= {owner}
            bearer = city.ledger.bearer("supervisor", agency=agency)
            answer = city.ledger.http.get(f"/v1/cases/{quote(name)}", headers=bearer)
            assert (answer.status_code == 200) == (agency == owner), (name, agency)
        shown = {one.id for one in case_statements(s.log, name, s.first_year)}
        assert shown == {one.statement.id for one in file.filed}


def test_a_conclusion_is_let_or_refused_by_the_same_owner(city: City) -> None:
    s = city.ledger.services
    gate = Gatekeeper(s.casefiles, s.registers, s.clock.now_ms)
    for name in city.names():
        where = {"case" if is_numbered(name) else "provisional": name}
        for agency in BY:
            predicate = {
                "act": "penalty_decision",
                "agency": agency,
                "id": new_id(time.time_ns() // 1_000_000),
                "occurred": OCCURRED,
                "procedure": "ordinary",
                "stage": "decide",
            }
            subject = FileSubject("a.txt", digest_item(b"decision"))
            act = Statement(Kind.ACT, (subject,), predicate | where)
            with pytest.raises(Gated) as refused:
                gate.check(act, s.log.number)
            # As soon as whose spelling it is speaks of it, it is that one's.
            comes = agency == STREET and not settled(city, name)
            its = comes or city.owner(name) == agency
            assert (refused.value.reason is not Closed.AGENCY) == its, (name, agency)


def settled(city: City, name: str) -> bool:
    return city.ledger.services.registers.spellings().settles(name, city.owner(name))


def test_what_is_due_is_what_the_clocks_of_its_own_cases_say(city: City) -> None:
    s = city.ledger.services
    for agency in BY:
        found = city.rows(agency, "due", done="yes")
        for name in city.names():
            told = [without_agency(row) for row in found if row["case"] == name]
            clocks = Standing(s, s.casefiles.named(name)).clocks()
            begun = [one.to_json() for one in clocks if one.start_ms is not None]
            wanted = begun if city.owner(name) == agency and not grown(city, name) else []
            assert by_clock(told) == by_clock(wanted), (name, agency)


def grown(city: City, name: str) -> bool:
    """Whether a provisional case has a number by now: then its clocks are those of that one."""
    s = city.ledger.services
    if is_numbered(name):
        return False
    said = (one.statement for one in s.casefiles.named(name).filed)
    cases = {one.case for one in said} - {None}
    return any(city.owner(str(case)) == city.owner(name) for case in cases)


def without_agency(row: dict[str, str]) -> dict[str, str]:
    return {field: value for field, value in row.items() if field != "agency"}


def by_clock(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(rows, key=lambda row: row["clock"])


def test_each_complaint_is_due_at_its_agency_once_or_in_the_case_that_it_names(city: City) -> None:
    s = city.ledger.services
    for agency in BY:
        alone = {row["case"] for row in city.rows(agency, "due", done="yes")}
        files = [s.casefiles.named(name) for name in city.names() if city.owner(name) == agency]
        own = {one.statement.id for file in files for one in file.filed}
        for id_ in city.complaints:
            said = complaint_of(city, id_)
            if said is not None and said.agency == agency:
                assert (id_ in alone) != (id_ in own), (id_, agency)


def complaint_of(city: City, id_: str) -> Statement | None:
    row = city.ledger.services.store.find(id_)
    return None if row is None else Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)


def test_what_is_kept_of_what_is_due_is_what_is_counted_anew(city: City) -> None:
    for agency in BY:
        kept = city.rows(agency, "due")
        city.ledger.services.due_rows.forget()
        assert city.rows(agency, "due") == kept


def test_a_complaint_to_another_agency_about_a_case_is_due_in_it_at_once(city: City) -> None:
    free = [name for name in CASES if "乙" in name]  # of the other form it may not speak any more
    name = next(name for name in free if city.owner(name) == STREET)
    city.rows(STREET, "due")  # which is kept
    id_ = city.file(Kind.COMPLAINT, ELSEWHERE, place="东门", seen=OCCURRED, case=name)
    started = {
        row["started_by"]: row["case"] for row in city.rows(STREET, "due") if "started_by" in row
    }
    assert started[id_] == name


def test_evidence_that_ties_a_case_to_its_number_counts_at_once(city: City) -> None:
    """It is no act, and yet what was due in the one is due in the other then."""
    name = next(name for name in CASES if "乙" in name and city.owner(name) == ELSEWHERE)
    opening = city.file(Kind.ACT, ELSEWHERE, act="provisional_opening")
    city.openings.append(opening)
    more = {"act": "advance_registration", "procedure": "ordinary", "stage": "investigate"}
    act = city.file(Kind.ACT, ELSEWHERE, provisional=opening, **more)
    assert started(city, act) == opening
    city.file(Kind.EVIDENCE, ELSEWHERE, case=name, provisional=opening, stage="investigate")
    assert started(city, act) in (name, None), "of two the earlier one may have the clock"


def started(city: City, act: str) -> str | None:
    rows = city.rows(ELSEWHERE, "due", done="no")
    return next((row["case"] for row in rows if row.get("started_by") == act), None)


def test_what_very_many_cases_grew_from_is_not_read_for_each_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_county(tmp_path / "ledger") as ledger:
        one = City(ledger, Random(0))
        opening = one.file(Kind.ACT, STREET, act="provisional_opening")
        more: dict[str, Any] = {"act": "case_filing", "procedure": "ordinary", "stage": "start"}
        for n in range(5):
            one.file(Kind.ACT, STREET, provisional=opening, **more)
            one.file(Kind.ACT, STREET, provisional=opening, case=CASES[n], **more)
        monkeypatch.setattr(views, "MAX_READ", 20)
        bearer = ledger.bearer("supervisor")
        answer = ledger.http.get(f"/v1/agencies/{STREET}/due", headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (422, "rejected")
        monkeypatch.setattr(views, "MAX_READ", 40)
        assert one.rows(STREET, "due")


def test_publications_and_merits_are_of_own_cases_alone(city: City) -> None:
    s = city.ledger.services
    for agency in BY:
        for line in city.rows(agency, "publications"):
            assert city.owner(line["case"]) == agency
        (merits,) = city.rows(agency, "merits", year=s.log.label[:4])
        acted = own_cases(s, agency, s.log.label[:4])
        assert int(merits["cases"]) == sum(city.owner(name) == agency for name in acted)
