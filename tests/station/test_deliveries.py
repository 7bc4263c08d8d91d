"""What was docked and never deposited is seen in the log, whatever the station's database says."""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from api.ids import new_id
from cli.language import choose
from cli.station.people import explain_gap
from ledger.encoding import in_china, parse_time
from ledger.errors import Unavailable
from ledger.evidence.session import Cause
from testkit.sequence import go_on, open_both, reopened
from testkit.server import AGENCY, HANDLER, OTHER_AGENCY, Ledger, await_that, open_ledger, serving
from testkit.station import HOUR_MS, Desk, Line, desk, of_one_month, open_desk, shift
from testkit.terminal import Run

NAMES = ("BWC_0001.MP4", "BWC_0002.MP4", "BWC_0003.MP4")


@pytest.fixture(scope="module", params=["2026", "2027"])
def ledger(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Ledger]:
    """In its first log, or in the second: where a row stands is not its number then."""
    opening = open_ledger if request.param == "2026" else open_both
    with opening(tmp_path_factory.mktemp("deliveries") / "ledger") as ledger:
        yield ledger


def month() -> str:
    """Of the stations of these tests."""
    return in_china(of_one_month(time.time_ns() // 1_000_000)).strftime("%Y-%m")


def asked(ledger: Ledger, device: str, **limits: Any) -> dict[str, Any]:
    services = ledger.services
    await_that(lambda: services.catalog.indexed_to() == services.log.number, "the catalog")
    answer = ledger.http.get(
        f"/v1/devices/{month()}/{device}", headers=ledger.bearer("supervisor", **limits)
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def paths(ledger: Ledger, device: str) -> list[str]:
    return [row["path"] for row in asked(ledger, device)["undelivered"]]


def doctored(office: Desk, sql: str) -> None:
    with sqlite3.connect(office.folder / "station" / "station.sqlite") as db:
        db.execute(sql)
    db.close()


def test_a_day_without_fault_misses_nothing(office: Desk, ledger: Ledger) -> None:
    away, _ = shift(office, *NAMES, root=office.card("D-1"))
    office.plug(away)
    office.settle()
    answer = asked(ledger, "D-1")
    assert (answer["undelivered"], answer["sessions"]) == ([], [])


def test_a_card_that_is_not_emptied_misses_nothing_the_next_day(
    office: Desk, ledger: Ledger
) -> None:
    root = office.card("D-2")
    for name in NAMES:
        away, _ = shift(office, name, root=root)
        office.plug(away)
        office.settle()
    answer = asked(ledger, "D-2")
    assert (answer["undelivered"], answer["sessions"]) == ([], [])


def test_a_file_that_a_doctored_station_forgets_is_missing_since_its_dock(
    office: Desk, ledger: Ledger
) -> None:
    away, _ = shift(office, *NAMES, root=office.card("D-3"))
    office.plug(away)
    office.line.cut = True
    office.settle()
    doctored(
        office,
        "DELETE FROM statement WHERE kind = 'evidence' AND id IN"
        " (SELECT statement FROM file WHERE CAST(path AS TEXT) LIKE '%BWC_0002%')",
    )
    office.line.cut = False
    office.settle()
    (row,) = asked(ledger, "D-3")["undelivered"]
    dock = next(s for s in office.logged() if "gaps" in s.predicate)
    known = ledger.services.log.known(dock.id)
    assert known is not None
    index = known.row.index
    assert row["log"] == ledger.services.log.label
    assert (row["path"], row["session"]) == (
        "DCIM/100MEDIA/BWC_0002.MP4",
        dock.predicate["session"],
    )
    assert (row["index"], row["told"], row["cause"]) == (str(index), "", "")


def test_a_gap_that_is_explained_is_listed_with_its_cause(office: Desk, ledger: Ledger) -> None:
    away, _ = shift(office, *NAMES, root=office.card("D-4"))
    root = office.plug(away)
    office.rest()
    office.engine.docker.scan()
    office.rest()
    office.engine.docker.scan()  # named in a signed manifest, and not read yet
    (root / "DCIM/100MEDIA/BWC_0003.MP4").unlink()
    office.settle()
    (row,) = asked(ledger, "D-4")["undelivered"]
    assert (row["path"][-12:], row["told"], row["cause"]) == ("BWC_0003.MP4", "file_gone", "")
    gap = next(gap for gap in office.gap_rows() if gap.kind == "file_gone")
    explain_gap(office.station, gap.id, str(Cause.DEVICE_FAULT), "", HANDLER)
    office.settle()
    (row,) = asked(ledger, "D-4")["undelivered"]
    assert row["cause"] == "device_fault"


def test_a_device_that_did_not_come_back_is_said(office: Desk, ledger: Ledger) -> None:
    session = office.check_out(office.card("D-5"))
    office.settle()
    (row,) = asked(ledger, "D-5")["sessions"]
    assert (row["what"], row["session"]) == ("return", session.id)


def test_evidence_of_a_session_that_nobody_docked_is_said(ledger: Ledger) -> None:
    session = new_id(of_one_month(time.time_ns() // 1_000_000))
    (row,) = ledger.accept(ledger.evidence(b"x", device="D-6", file="a.mp4", session=session))
    (missing,) = asked(ledger, "D-6")["sessions"]
    expected = ("dock", session, row["index"])
    assert (missing["what"], missing["session"], missing["index"]) == expected


def test_a_manifest_that_is_withheld_is_said(office: Desk, ledger: Ledger) -> None:
    away, _ = shift(office, NAMES[0], root=office.card("D-7"))
    office.plug(away)
    office.settle()
    dock = next(s for s in office.logged() if "gaps" in s.predicate)
    (record,) = ledger.services.store.find_items([(dock.files[0].digest, AGENCY)])
    assert record is not None
    real = ledger.services.items.stream

    def withheld(object_id: str) -> Any:
        return iter([b"{}"]) if object_id == record.object_id else real(object_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(ledger.services.items), "stream", lambda self, id_: withheld(id_))
        whats = [row["what"] for row in asked(ledger, "D-7")["sessions"]]
    assert whats == ["manifest"]


def test_a_session_that_was_never_filed_shows_in_the_numbers(office: Desk, ledger: Ledger) -> None:
    root = office.card("D-8")
    away, _ = shift(office, NAMES[0], root=root)
    office.plug(away)
    office.settle()
    office.line.cut = True
    away, _ = shift(office, NAMES[1], root=root)
    office.plug(away)
    office.settle()
    doctored(
        office, "UPDATE statement SET answer = '{}', receipt = 'x', quorum_s = 1 WHERE answer = ''"
    )
    office.line.cut = False
    office.check_out(root)
    office.settle()
    found = [(row["what"], row["note"]) for row in asked(ledger, "D-8")["sessions"]]
    assert ("between", "BWC_1 -> BWC_2") in found


def test_only_who_may_see_the_agency_sees_its_devices(office: Desk, ledger: Ledger) -> None:
    office.check_out(office.card("D-9"))
    office.settle()
    for limits in ({"agency": OTHER_AGENCY}, {"cases": ("苏城管罚〔2026〕417号",)}):
        answer = ledger.http.get(
            f"/v1/devices/{month()}/D-9", headers=ledger.bearer("supervisor", **limits)
        )
        listed = ledger.http.get(
            f"/v1/devices/{month()}", headers=ledger.bearer("supervisor", **limits)
        )
        assert answer.status_code == 404 and listed.json()["devices"] == []
    listed = ledger.http.get(f"/v1/devices/{month()}", headers=ledger.bearer(agency=AGENCY))
    assert "D-9" in listed.json()["devices"]
    reads = len(ledger.custody("read"))
    asked(ledger, "D-9")
    assert len(ledger.custody("read")) == reads + 1


class Slow(Line):
    """Over which manifests come through, and no files yet."""

    def upload(self, path: Path, *rest: Any, **more: Any) -> None:
        if not path.name.startswith("manifest"):
            raise Unavailable("the line is slow")
        super().upload(path, *rest, **more)


def test_what_was_docked_in_one_log_may_be_deposited_in_the_next(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with open_ledger(data) as ledger, desk(tmp_path, ledger, Slow(ledger)) as office:
        away, _ = shift(office, *NAMES, root=office.card("D-11"))
        office.plug(away)
        office.settle()
        (dock,) = [s for s in office.logged() if "gaps" in s.predicate]
        known = ledger.services.log.known(dock.id)
        assert known is not None
        clock = office.clock
    place = ("2026", str(known.row.index))
    go_on(data, ledger.offices)
    with reopened(data, ledger.offices) as ledger:
        missing = asked(ledger, "D-11")["undelivered"]
        assert [(row["path"][-12:], row["log"], row["index"]) for row in missing] == [
            (name, *place) for name in NAMES
        ]
        with open_desk(tmp_path, Line(ledger), clock) as office:
            doctored(
                office,
                "DELETE FROM statement WHERE kind = 'evidence' AND id IN"
                " (SELECT statement FROM file WHERE CAST(path AS TEXT) LIKE '%BWC_0002%')",
            )
            office.settle()
            assert len(office.deposited()) == 2
            answer = asked(ledger, "D-11")
            (row,) = answer["undelivered"]
            assert (row["path"][-12:], row["log"], row["index"]) == ("BWC_0002.MP4", *place)
            assert answer["sessions"] == []
            session = office.check_out(office.dock / "D-11")
            office.settle()
            (row,) = asked(ledger, "D-11")["sessions"]
            assert (row["what"], row["session"], row["log"]) == ("return", session.id, "2027")
        listed = ledger.http.get(f"/v1/devices/{month()}", headers=ledger.bearer("supervisor"))
        assert listed.json()["devices"] == ["D-11"]


def test_the_command_says_it_in_both_languages(
    office: Desk, ledger: Ledger, run: Run, tmp_path: Path
) -> None:
    office.check_out(office.card("D-10"))
    office.settle()
    token = tmp_path / "token"
    token.write_text(ledger.token("supervisor") + "\n")
    with serving(create_app(ledger.services)) as url:
        asking = ("station", "missing", "D-10", "--month", month(), "--server", url)
        english = run(*asking, "--token-file", token)
        chinese = run("--lang", "zh", *asking, "--token-file", token)
        values = run(*asking, "--token-file", token, "--json")
    choose([], {})
    assert (english.code, chinese.code, values.code) == (1, 1, 1)
    assert "handed out and not docked since" in english.out
    assert "领用后未归还" in chinese.out
    assert json.loads(values.out)["devices"]["D-10"]["sessions"][0]["what"] == "return"


@pytest.mark.parametrize("day", ["2026-11-30", "2026-12-31", "2028-02-29", "2027-01-01"])
def test_a_station_of_the_tests_sees_no_month_end(day: str) -> None:
    for clock in ("00:00:00", "12:00:00", "23:00:00", "23:59:59"):
        began = of_one_month(parse_time(f"{day}T{clock}+08:00"))
        assert in_china(began).month == in_china(began + HOUR_MS - 1).month
        assert 0 <= began - parse_time(f"{day}T{clock}+08:00") <= HOUR_MS
