"""The same bytes under two cases, and the parts of one recording: said to who may know."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testkit.sequence import OF_THE_FIRST, open_both
from testkit.server import (
    AGENCY,
    CASE,
    OTHER_AGENCY,
    OTHER_CASE,
    OTHER_STATION,
    Ledger,
    await_that,
    open_ledger,
)


@pytest.fixture(params=["first", "second"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """In its first log, or in its second."""
    opening = open_ledger if request.param == "first" else open_both
    with opening(tmp_path / "ledger") as ledger:
        yield ledger


def test_bytes_of_the_first_log_are_known_in_the_second(tmp_path: Path) -> None:
    with open_both(tmp_path / "ledger") as ledger:
        (first,) = listed(ledger, CASE)
        again = filed(ledger, OF_THE_FIRST, case=OTHER_CASE)
        assert (first[:5], again["log"]) == ("2026-", "2027")
        assert again["flags"] == [{"at": [first], "kind": "duplicate"}]
        (flag,) = listed(ledger, CASE)[first]
        assert flag["at"] == [place(again)]


def caught_up(ledger: Ledger) -> None:
    services = ledger.services
    await_that(lambda: services.catalog.indexed_to() == services.log.number, "the catalog")


def filed(ledger: Ledger, data: bytes, **more: Any) -> dict[str, Any]:
    caught_up(ledger)
    (row,) = ledger.accept(ledger.evidence(data, **more))
    return row


def place(row: dict[str, Any]) -> str:
    return f"{row['log']}-{row['index']}"


def listed(ledger: Ledger, case: str, **limits: Any) -> dict[str, list[dict[str, Any]]]:
    """The flags of a case, by place, as a reader sees them."""
    caught_up(ledger)
    answer = ledger.http.get(f"/v1/cases/{case}", headers=ledger.bearer(**limits)).json()
    return {place(row): row["flags"] for row in answer["statements"]}


def test_a_filer_is_told_where_the_same_bytes_stand(ledger: Ledger) -> None:
    first = filed(ledger, b"one recording")
    again = filed(ledger, b"one recording", case=OTHER_CASE)
    assert "flags" not in first
    assert again["flags"] == [{"at": [place(first)], "kind": "duplicate"}]


def test_another_device_is_said_too(ledger: Ledger) -> None:
    recording = {"device": "bwc-1", "file": "a.mp4"}
    first = filed(ledger, b"bytes", **recording)
    again = filed(ledger, b"bytes", **{**recording, "device": "bwc-2"})
    assert again["flags"] == [{"at": [place(first)], "kind": "duplicate"}]


def test_the_same_under_the_same_is_no_duplicate(ledger: Ledger) -> None:
    filed(ledger, b"bytes")
    assert "flags" not in filed(ledger, b"bytes")


def test_statements_about_one_recording_are_siblings(ledger: Ledger) -> None:
    recording = {"device": "bwc-1", "file": "a.mp4"}
    first = filed(ledger, b"part 1", **recording)
    second = filed(ledger, b"part 2", **recording)
    third = filed(ledger, b"part 3", **recording)
    assert "flags" not in first
    assert second["flags"] == [{"at": [place(first)], "kind": "sibling"}]
    assert third["flags"] == [{"at": [place(first), place(second)], "kind": "sibling"}]


def test_two_of_one_request_are_held_against_each_other(ledger: Ledger) -> None:
    one, two = ledger.evidence(b"bytes"), ledger.evidence(b"bytes", case=OTHER_CASE)
    first, second = ledger.accept(one, two)
    assert "flags" not in first
    assert second["flags"] == [{"at": [place(first)], "kind": "duplicate"}]


def test_the_same_statement_again_is_no_duplicate_of_itself(ledger: Ledger) -> None:
    first = filed(ledger, b"bytes")
    envelope = ledger.evidence(b"bytes", case=OTHER_CASE)
    caught_up(ledger)
    (row,) = ledger.accept(envelope)
    caught_up(ledger)
    (again,) = ledger.accept(envelope)
    assert again["flags"] == row["flags"] == [{"at": [place(first)], "kind": "duplicate"}]


@pytest.fixture
def shared_bytes(ledger: Ledger) -> tuple[dict[str, Any], dict[str, Any]]:
    mine = filed(ledger, b"seen by two agencies")
    other = filed(
        ledger,
        b"seen by two agencies",
        by=OTHER_STATION,
        agency=OTHER_AGENCY,
        case="苏交罚〔2026〕9号",
    )
    return mine, other


def test_a_filer_is_not_told_of_another_agencys_case(
    ledger: Ledger, shared_bytes: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    assert "flags" not in shared_bytes[1]
    third = filed(ledger, b"seen by two agencies", case=OTHER_CASE)
    assert third["flags"] == [{"at": [place(shared_bytes[0])], "kind": "duplicate"}]


def test_only_who_may_see_everything_sees_across_agencies(
    ledger: Ledger, shared_bytes: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    mine, other = shared_bytes
    across = [{"at": [place(other)], "kind": "duplicate"}]
    assert listed(ledger, CASE, role="supervisor")[place(mine)] == across
    assert listed(ledger, CASE, role="supervisor", agency=AGENCY)[place(mine)] == []
    assert listed(ledger, CASE, role="court", cases=(CASE,))[place(mine)] == []


def test_the_list_of_a_case_shows_later_ones_too(ledger: Ledger) -> None:
    first = filed(ledger, b"bytes")
    later = filed(ledger, b"bytes", case=OTHER_CASE)
    assert listed(ledger, CASE)[place(first)] == [{"at": [place(later)], "kind": "duplicate"}]


def test_a_catalog_that_fails_keeps_no_answer_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.errors import Unavailable

    def broken(digests: object) -> object:
        raise Unavailable("no catalog")

    first = filed(ledger, b"bytes")
    monkeypatch.setattr(type(ledger.services.catalog), "holdings", lambda self, d: broken(d))
    (row,) = ledger.accept(ledger.evidence(b"bytes", case=OTHER_CASE))
    assert int(row["index"]) > int(first["index"]) and "flags" not in row
