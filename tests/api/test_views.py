"""The case register, a person's doings, reviewers and contracts: for who may see them."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from api.founding import agency_registration
from api.ids import new_id
from ledger.encoding import in_china
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from testkit.county import (
    COUNTY,
    ELSEWHERE,
    ELSEWHERE_CASE,
    ELSEWHERE_HANDLER,
    STREET,
    STREET_CASE,
    STREET_HANDLER,
    act,
    open_county,
    open_provisional,
    signed,
)
from testkit.lists import POWERS
from testkit.registers import officer, registered
from testkit.sequence import go_on, reopened
from testkit.server import CASE, OTHER_CASE, REGISTRAR, Ledger, await_that


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with open_county(tmp_path_factory.mktemp("views") / "ledger") as made:
        yield made


def await_catalog(ledger: Ledger) -> None:
    services = ledger.services
    await_that(lambda: services.catalog.indexed_to() == services.log.number, "the catalog")


def ask(ledger: Ledger, path: str, role: str = "supervisor", **limits: Any) -> Any:
    await_catalog(ledger)
    return ledger.http.get(path, headers=ledger.bearer(role, **limits))


CASES = f"/v1/agencies/{COUNTY}/cases?year=2026"


def test_the_register_has_a_line_for_each_case(ledger: Ledger) -> None:
    answer = ask(ledger, CASES).json()
    assert [row["case"] for row in answer["cases"]] == [CASE, OTHER_CASE]
    line = answer["cases"][0]
    assert (line["decision"], line["amount"], line["acts"]) == ("penalty_decision", "500", "2")
    assert (line["opened"], line["officers"], line["stage"]) == ("2026-03-02", "A-1、A-2", "decide")
    assert answer["lost"] == "0"


def test_for_a_spelling_of_its_own_nothing_is_read_to_say_whose_a_case_is(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(ledger.services.casefiles, "owner", lambda name: asked.append(name) or "x")
    rows = ask(ledger, f"{CASES}&below=yes").json()["cases"]
    owners = {row["case"]: row["owner"] for row in rows}
    assert (owners, asked) == (
        {CASE: COUNTY, OTHER_CASE: COUNTY, STREET_CASE: "x"},
        [STREET_CASE],
    )


def test_each_line_tells_where_it_stands(ledger: Ledger) -> None:
    line = ask(ledger, CASES).json()["cases"][0]
    log, _, index = line["last"].partition("-")
    row = ledger.services.log.row(int(index))
    assert (log, row.kind) == ("2026", "act")


def test_a_line_says_whose_case_it_is_also_where_another_acted_in_it(tmp_path: Path) -> None:
    with open_county(tmp_path / "ledger") as made:
        street = {"by": STREET_HANDLER, "agency": STREET}
        slot = open_provisional(made, **street)  # type: ignore[arg-type]
        act(made, "inquiry_record", stage="investigate", case=ELSEWHERE_CASE, **street)  # type: ignore[arg-type]

        def owners() -> dict[str, str]:
            rows = ask(made, f"/v1/agencies/{STREET}/cases?year=2026").json()["cases"]
            assert {row["agency"] for row in rows} == {STREET}
            return {row["case"]: row["owner"] for row in rows}

        assert owners() == {STREET_CASE: STREET, slot: STREET, ELSEWHERE_CASE: ELSEWHERE}
        rows = ask(made, CASES).json()["cases"]
        assert {row["case"]: row["owner"] for row in rows} == {CASE: COUNTY, OTHER_CASE: COUNTY}
        # A spelling that is registered says it from then on: for gates, gaps and this alike.
        lent = "苏街借〔2026〕7号"
        act(made, "case_filing", by=ELSEWHERE_HANDLER, agency=ELSEWHERE, case=lent)
        act(made, "inquiry_record", stage="investigate", case=lent, **street)  # type: ignore[arg-type]
        assert owners()[lent] == ELSEWHERE
        forms = ["苏街借〔{year}〕{number}号"]
        numbers = agency_registration(STREET, "街道", forms, time.time_ns() // 1_000_000)
        made.accept(seal(numbers.to_bytes(), [REGISTRAR]).to_bytes())
        assert owners()[lent] == STREET


def test_those_below_stand_in_it_if_asked(ledger: Ledger) -> None:
    rows = ask(ledger, f"{CASES}&below=yes").json()["cases"]
    assert {row["case"] for row in rows} == {CASE, OTHER_CASE, STREET_CASE}
    rows = ask(ledger, "/v1/agencies/city/cases?year=2026&below=yes").json()["cases"]
    assert {row["case"] for row in rows} == {CASE, OTHER_CASE, STREET_CASE, ELSEWHERE_CASE}


VIEWS = (
    "cases?year=2026",
    "merits?year=2026",
    "due?",
    "publications?",
    "complaints?span=2026",
    "documents?span=2026",
    "supervision?",
    "standing?",
    "registers/officer?",
)


@pytest.mark.parametrize("view", VIEWS)
def test_whoever_asks_for_those_below_gets_no_more_than_he_sees(ledger: Ledger, view: str) -> None:
    """A handler sees his own agency alone, also by way of a list with those below it."""
    asked = f"/v1/agencies/{COUNTY}/{view}"
    with_below = ask(ledger, f"{asked}&below=yes", "handler", agency=COUNTY)
    alone = ask(ledger, asked, "handler", agency=COUNTY)
    # Asked one after the other: the second may be of the next second, and of a larger log.
    rows = [{**answer.json(), "at": "", "log": "", "size": ""} for answer in (with_below, alone)]
    assert rows[0] == rows[1]
    assert STREET not in with_below.text and STREET_CASE not in with_below.text


@pytest.mark.parametrize("view", ["cases?year=", "cases?year=2026&below=", "due?done="])
def test_a_long_wrong_answer_is_not_told_back(ledger: Ledger, view: str) -> None:
    answer = ask(ledger, f"/v1/agencies/{COUNTY}/{view}{'9' * 4000}")
    assert answer.status_code == 400 and "…" in answer.text and len(answer.text) < 400


@pytest.mark.parametrize("view", ["cases?year=", "merits?year=", "acts?year=", "documents?span="])
def test_a_year_that_has_not_begun_is_refused(ledger: Ledger, view: str) -> None:
    answer = ask(ledger, f"/v1/agencies/{COUNTY}/{view}2999")
    assert (answer.status_code, answer.json()["code"]) == (422, "rejected")
    assert "2999 has not begun" in answer.json()["detail"]


def test_a_year_without_acts_has_no_case(ledger: Ledger) -> None:
    assert ask(ledger, f"/v1/agencies/{COUNTY}/cases?year=2025").json()["cases"] == []


@pytest.mark.parametrize(
    ("role", "limits", "status"),
    [
        ("supervisor", {}, 200),
        ("supervisor", {"agency": "city"}, 200),
        ("supervisor", {"agency": COUNTY}, 200),
        ("supervisor", {"agency": STREET}, 404),
        ("supervisor", {"agency": ELSEWHERE}, 404),
        ("supervisor", {"agency": COUNTY, "cases": (CASE,)}, 404),
        ("auditor", {"agency": "city"}, 200),
        ("handler", {"agency": COUNTY}, 200),
        ("handler", {"agency": "city"}, 404),
        ("handler", {"agency": ELSEWHERE}, 404),
        ("court", {}, 404),
        ("notary", {"agency": COUNTY}, 404),
        ("admin", {}, 404),
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        CASES,
        f"/v1/agencies/{COUNTY}/people/A-1?from=2026-03-01&to=2026-03-31",
        f"/v1/agencies/{COUNTY}/standing",
        f"/v1/agencies/{COUNTY}/registers/officer",
        f"/v1/agencies/{COUNTY}/publications",
        f"/v1/agencies/{COUNTY}/merits?year=2026",
        f"/v1/agencies/{COUNTY}/complaints?span=2026",
        f"/v1/agencies/{COUNTY}/documents?span=2026",
        f"/v1/agencies/{COUNTY}/due",
        f"/v1/agencies/{COUNTY}/supervision",
        f"/v1/agencies/{COUNTY}/due.ics",
        f"/v1/agencies/{COUNTY}/acts?year=2026",
    ],
)
def test_who_sees_an_agency(
    ledger: Ledger, path: str, role: str, limits: dict[str, Any], status: int
) -> None:
    before = len(ledger.said("custody"))
    answer = ask(ledger, path, role, **limits)
    assert answer.status_code == status, answer.text
    # That somebody was refused is logged behind the answer: how long it took tells nothing.
    await_that(lambda: len(ledger.said("custody")) > before, "the custody statement")
    action, row = ("read" if status == 200 else "refused"), ledger.said("custody")[-1]
    assert (row["action"], row["about"], row["by"]) == (action, f"acts/{COUNTY}", f"{role} clerk")


def test_what_is_not_his_and_what_is_not_there_look_alike(ledger: Ledger) -> None:
    other = ask(ledger, f"/v1/agencies/{ELSEWHERE}/cases?year=2026", agency=COUNTY)
    none = ask(ledger, "/v1/agencies/nowhere/cases?year=2026", agency=COUNTY)
    assert (other.status_code, none.status_code) == (404, 404)
    assert other.text.replace(ELSEWHERE, "X") == none.text.replace("nowhere", "X")


def test_a_case_file_has_what_was_filed_before_the_case_had_its_number(tmp_path: Path) -> None:
    number, foreign = "苏街罚〔2026〕9号", {"by": ELSEWHERE_HANDLER, "agency": ELSEWHERE}
    with open_county(tmp_path / "ledger") as made:
        street = {"by": STREET_HANDLER, "agency": STREET}
        slot = open_provisional(made, **street)  # type: ignore[arg-type]
        other = open_provisional(made, **foreign)  # type: ignore[arg-type]
        before = act(made, "inquiry_record", case=None, provisional=slot, **street)  # type: ignore[arg-type]
        act(made, "case_filing", case=number, provisional=slot, **street)  # type: ignore[arg-type]
        # Anyone may say that his case grew from another's: that brings nothing of the other's.
        act(made, "site_record", case=number, provisional=other, **street)  # type: ignore[arg-type]
        rows = ask(made, f"/v1/cases/{number}", agency=COUNTY).json()["statements"]
        assert [row["act"] for row in rows] == [
            *("source", "inquiry_record", "case_filing", "site_record")
        ]
        row = rows[1]
        assert (row["id"], row["index"], row["agency"]) == (before["id"], before["index"], STREET)
        assert row["occurred"] == "2026-03-02T09:00:00+08:00"
        at_ms = datetime.fromisoformat(row["logged"]).timestamp() * 1000
        assert abs(at_ms - made.services.clock.now_ms()) < 60_000


def test_a_supervisor_sees_the_cases_below_him_and_no_others(ledger: Ledger) -> None:
    seen = {
        case: ask(ledger, f"/v1/cases/{case}", agency=COUNTY).status_code
        for case in (CASE, STREET_CASE, ELSEWHERE_CASE)
    }
    assert seen == {CASE: 200, STREET_CASE: 200, ELSEWHERE_CASE: 404}
    assert ask(ledger, f"/v1/cases/{STREET_CASE}", "handler", agency=COUNTY).status_code == 404


def people(ledger: Ledger, person: str, days: str, **limits: Any) -> dict[str, Any]:
    answer = ask(ledger, f"/v1/agencies/{COUNTY}/people/{person}?{days}", **limits)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


MARCH = "from=2026-03-01&to=2026-03-31"


def test_what_an_officer_did_stands_with_its_place(ledger: Ledger) -> None:
    answer = people(ledger, "A-2", MARCH)
    assert [(row["what"], row["about"], row["kind"]) for row in answer["doings"]] == [
        ("case_filing", CASE, "act"),
        ("penalty_decision", CASE, "act"),
    ]
    assert answer["names"] == ["A-2", "李某"]
    assert people(ledger, "A-1", "from=2026-04-01&to=2026-04-30")["doings"] == []


def lately(ledger: Ledger) -> str:
    """Today, and yesterday: a midnight may pass between what was done and the question."""
    today = in_china(ledger.services.clock.now_ms()).date()
    return f"from={today - timedelta(1)}&to={today}"


def test_what_an_officer_read_stands_with_what_he_did(ledger: Ledger) -> None:
    ask(ledger, f"/v1/cases/{CASE}", "handler", agency=COUNTY, name="王某")
    ask(ledger, f"/v1/cases/{ELSEWHERE_CASE}", "handler", name="王某")
    days = lately(ledger)
    reads = [row for row in people(ledger, "A-1", days)["doings"] if row["kind"] == "custody"]
    assert [row["about"] for row in reads] == [f"case/{CASE}", f"case/{ELSEWHERE_CASE}"]
    rows = people(ledger, "A-1", days, agency=COUNTY)["doings"]
    assert [row["about"] for row in rows if row["kind"] == "custody"] == [f"case/{CASE}", ""]


def test_what_an_officer_did_for_another_agency_is_for_who_sees_that_one(tmp_path: Path) -> None:
    with open_county(tmp_path / "ledger") as made:
        lent = {"agency": ELSEWHERE, "case": ELSEWHERE_CASE, "officers": ["A-2"]}
        act(made, "case_filing", by=ELSEWHERE_HANDLER, stage="start", **lent)
        about = {
            agency: [row["about"] for row in people(made, "A-2", MARCH, agency=agency)["doings"]]
            for agency in (COUNTY, "city")
        }
    assert about == {COUNTY: [CASE, CASE], "city": [CASE, CASE, ELSEWHERE_CASE]}


def test_who_is_not_of_the_agency_is_not_found(ledger: Ledger) -> None:
    path = f"/v1/agencies/{STREET}/people/A-1?{MARCH}"
    assert ask(ledger, path).status_code == 404


def test_reviewers_and_contracts_of_a_day(ledger: Ledger) -> None:
    answer = ask(ledger, f"/v1/agencies/{COUNTY}/standing?day=2026-03-15").json()
    (ratio,) = answer["reviewers"]
    assert (ratio["officers"], ratio["reviewers"], ratio["wanted"], ratio["short"]) == (
        "2",
        "0",
        "1",
        "yes",
    )
    (fault,) = answer["contracts"]
    assert (fault["contract"], fault["fault"], fault["power"]) == (
        "HT-7",
        "power_bought",
        "3205-0417",
    )
    before = ask(ledger, f"/v1/agencies/{COUNTY}/standing?day=2025-12-31").json()
    assert (before["contracts"], before["reviewers"][0]["officers"]) == ([], "0")


def test_an_agency_without_any_reviewer_is_named(tmp_path: Path) -> None:
    def without(made: Ledger) -> dict[str, tuple[str, str, str]]:
        rows = ask(made, "/v1/agencies/city/standing?below=yes&day=2026-03-15").json()["reviewers"]
        return {row["agency"]: (row["none"], row["short"], row["level"]) for row in rows}

    with open_county(tmp_path / "ledger") as made:
        # The street has no officer: five in a hundred of none are none.
        assert without(made)[STREET] == ("yes", "no", "street")
        reviewer = {"agency": STREET, "officer": "S-1", "qualified": "yes"}
        made.accept(signed(registered("legal_reviewer", "FZ-1", "2026-01-01", **reviewer)))
        assert without(made)[STREET] == ("no", "no", "street")
        assert without(made)[COUNTY][:2] == ("yes", "yes")


def test_what_is_registered_stands_with_its_place(ledger: Ledger) -> None:
    answer = ask(ledger, f"/v1/agencies/{COUNTY}/registers/officer?day=2026-03-15").json()
    assert [row["subject"] for row in answer["entries"]] == ["A-1", "A-2"]
    row = answer["entries"][0]
    assert "person=王某" in row["facts"].split("；")
    found = ledger.services.log.row(int(row["place"].partition("-")[2]))
    assert b"A-1" in Envelope.from_bytes(found.envelope).payload
    (powers,) = ask(ledger, f"/v1/agencies/{COUNTY}/registers/powers").json()["entries"]
    assert powers["sha256"] == sha256(POWERS.encode()).hexdigest()
    agencies = ask(ledger, "/v1/agencies/city/registers/agency?below=yes").json()["entries"]
    assert {row["subject"] for row in agencies} == {"city", COUNTY, STREET, ELSEWHERE}


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/agencies/{COUNTY}/cases",
        f"/v1/agencies/{COUNTY}/cases?year=26",
        f"/v1/agencies/{COUNTY}/cases?year=２０２６",
        f"/v1/agencies/{COUNTY}/cases?year=2026&below=maybe",
        f"/v1/agencies/{COUNTY}/people/A-1",
        f"/v1/agencies/{COUNTY}/people/A-1?from=2026-03-01&to=2026-02-01",
        f"/v1/agencies/{COUNTY}/people/A-1?from=2026-03-01&to=2026-02-30",
        f"/v1/agencies/{COUNTY}/people/A-1?from=0001-01-01&to=9999-12-31",
        f"/v1/agencies/{COUNTY}/standing?day=x",
        f"/v1/agencies/{COUNTY}/registers/mayor",
        f"/v1/agencies/{COUNTY}/registers/officer?day=2026-02-30",
        "/v1/agencies/%20/standing",
    ],
)
def test_bad_questions_are_refused(ledger: Ledger, path: str) -> None:
    answer = ask(ledger, path)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text


def test_without_a_token_nothing_is_said(ledger: Ledger) -> None:
    assert ledger.http.get(CASES).status_code == 401


def test_too_much_for_one_question_is_refused(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.views.MAX_READ", 2)
    assert ask(ledger, CASES).status_code == 422
    assert ask(ledger, f"/v1/agencies/{COUNTY}/people/A-1?{MARCH}").status_code == 422


@pytest.mark.parametrize(
    "view",
    [
        *("cases?year=2026", "merits?year=2026", "due?", "publications?", "due.ics?"),
        "complaints?span=2026",
    ],
)
def test_the_bound_is_one_of_all_agencies_below_together(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    monkeypatch.setattr("api.views.MAX_READ", 3)  # five acts in all, and no agency has four
    monkeypatch.setattr(ledger.services.log, "row", None)  # refused before anything is read
    answer = ask(ledger, f"/v1/agencies/city/{view}&below=yes")
    assert (answer.status_code, answer.json()["code"]) == (422, "rejected"), answer.text


def test_nor_are_documents_read_where_they_are_too_many(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.views.MAX_READ", 3)
    monkeypatch.setattr("api.documents.read_rows", None)  # of rows, only times were looked at
    year = in_china(ledger.services.clock.now_ms()).year  # in which they were filed
    answer = ask(ledger, f"/v1/agencies/city/documents?span={year}&below=yes")
    assert (answer.status_code, answer.json()["code"]) == (422, "rejected"), answer.text


def test_long_questions_hold_up_no_packet(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over = threading.Semaphore(0), threading.Event()

    def long(*asked: object) -> dict[str, str]:
        begun.release()
        assert over.wait(60)
        return {}

    monkeypatch.setattr("api.views._cases", long)
    ledger.await_quorum()
    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask, ledger, CASES) for _ in range(3)]
        try:
            assert begun.acquire(timeout=60) and begun.acquire(timeout=60)
            bearer = ledger.bearer("supervisor")
            packet = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=bearer)
            assert packet.status_code == 200
            assert not begun.acquire(blocking=False)  # the third one waits
        finally:
            over.set()
        assert [one.result().status_code for one in asking] == [200] * 3


def test_the_catalog_finds_statements_by_kind_and_time(ledger: Ledger) -> None:
    await_catalog(ledger)
    services = ledger.services
    numbers = services.catalog.occurred("act", 0, 2**53, 100)
    assert [services.log.row(number).kind for number in numbers] == ["act"] * 5
    assert services.catalog.occurred("act", 0, 2**53, 2) == numbers[:2]


def test_a_case_that_began_in_an_earlier_log_stands_whole_in_the_year_s_register(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "ledger"
    slot = new_id(time.time_ns() // 1_000_000)
    with open_county(folder) as first:
        first.accept(signed(officer("A-9", "2026-01-01", "2026-12-31")))
        act(first, "source", case=None, provisional=slot)
        act(first, "case_filing", case=OTHER_CASE, provisional=slot)
        first.await_quorum()
    people_ = first.offices
    go_on(folder, people_)
    with reopened(folder, people_) as second:
        assert second.services.log.label == "2027"
        act(second, "case_closing", case=OTHER_CASE)
        rows = {
            year: ask(second, f"/v1/agencies/{COUNTY}/cases?year={year}").json()["cases"]
            for year in ("2026", "2027")
        }
        (line,) = rows["2027"]
        assert (line["case"], line["stage"], line["acts"]) == (OTHER_CASE, "closed", "4")
        assert (line["first"][:5], line["last"][:5]) == ("2026-", "2027-")
        assert line in rows["2026"] and len(rows["2026"]) == 2
        # What was registered in the first log holds in the second.
        entries = ask(second, f"/v1/agencies/{COUNTY}/registers/officer?day=2026-05-01").json()
        assert {row["place"][:5] for row in entries["entries"]} == {"2026-"}
