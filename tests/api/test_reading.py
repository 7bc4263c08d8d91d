import asyncio
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from api import cases
from api.services import PACKETS_AT_ONCE
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.report import Outcome
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.public_copy import DirectoryLog
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

READERS = ("handler", "notary", "court", "supervisor", "auditor", "admin")
OTHERS = ("station", "ledger")


def paths(ledger: Ledger) -> dict[str, str]:
    """Each confidential path of the one case that is filed."""
    (row,) = ledger.accept(ledger.evidence(b"a picture"))
    ledger.await_quorum()
    return {
        "case": f"/v1/cases/{CASE}",
        "packet": f"/v1/cases/{CASE}/packet",
        "statement": f"/v1/statements/{row['id']}",
    }


@pytest.fixture(scope="module")
def filed(shared: Ledger) -> dict[str, str]:
    return paths(shared)


@pytest.mark.parametrize("route", ["case", "packet", "statement"])
@pytest.mark.parametrize("role", READERS)
def test_a_reader_reads(shared: Ledger, filed: dict[str, str], route: str, role: str) -> None:
    shared.await_quorum()
    assert shared.http.get(filed[route], headers=shared.bearer(role)).status_code == 200


@pytest.mark.parametrize("route", ["case", "packet", "statement"])
@pytest.mark.parametrize("role", OTHERS)
def test_for_a_machines_role_nothing_is_there(
    shared: Ledger, filed: dict[str, str], route: str, role: str
) -> None:
    assert shared.http.get(filed[route], headers=shared.bearer(role)).status_code == 404


@pytest.mark.parametrize("route", ["case", "packet", "statement"])
@pytest.mark.parametrize(
    "limits", [{"agency": OTHER_AGENCY}, {"cases": (OTHER_CASE,)}, {"agency": "", "cases": ("x",)}]
)
def test_what_a_token_may_not_see_does_not_exist_for_it(
    shared: Ledger, filed: dict[str, str], route: str, limits: dict[str, Any]
) -> None:
    here = shared.http.get(filed[route], headers=shared.bearer(**limits))
    elsewhere = filed[route].replace(CASE, OTHER_CASE)
    if route == "statement":
        elsewhere = "/v1/statements/019ab0c4-0000-7000-8000-000000000000"
    nowhere = shared.http.get(elsewhere, headers=shared.bearer(**limits))
    assert here.status_code == nowhere.status_code == 404
    assert here.text.replace(CASE, OTHER_CASE) == nowhere.text


@pytest.mark.parametrize("route", ["case", "packet", "statement"])
@pytest.mark.parametrize("limits", [{"agency": AGENCY}, {"cases": (OTHER_CASE, CASE)}])
def test_a_limited_token_sees_its_own(
    shared: Ledger, filed: dict[str, str], route: str, limits: dict[str, Any]
) -> None:
    shared.await_quorum()
    assert shared.http.get(filed[route], headers=shared.bearer(**limits)).status_code == 200


@pytest.mark.parametrize("route", ["case", "packet", "statement"])
@pytest.mark.parametrize(
    "authorization",
    [
        *(None, "", "Bearer", "Bearer ", "Bearer x", "Bearer tz_", "Bearer tz_unknown"),
        *("Basic dXNlcjpwYXNz", "tz_x", "Bearer tz_\xe9"),
    ],
)
def test_without_a_valid_token_nobody_reads(
    shared: Ledger, filed: dict[str, str], route: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {b"Authorization": authorization.encode("latin-1")}
    answer = shared.http.get(filed[route], headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unsigned")


@pytest.mark.parametrize("route", ["case", "packet", "statement"])
def test_a_token_that_has_ended_reads_nothing(
    shared: Ledger, filed: dict[str, str], route: str
) -> None:
    assert shared.http.get(filed[route], headers=shared.bearer(expires_ms=1)).status_code == 401


def test_tokens_of_a_name_can_be_ended(shared: Ledger, filed: dict[str, str]) -> None:
    headers = shared.bearer(name="departing")
    assert shared.http.get(filed["case"], headers=headers).status_code == 200
    shared.services.tokens.expire("departing", 2**49)
    assert shared.http.get(filed["case"], headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("route", "action"), [("case", "read"), ("packet", "exported"), ("statement", "read")]
)
def test_every_read_is_a_statement_in_the_log_before_the_answer(
    ledger: Ledger, route: str, action: str
) -> None:
    path = paths(ledger)[route]
    headers = ledger.bearer(name="clerk Wang")
    assert ledger.custody(action) == []
    ledger.http.get(path, headers=headers)
    (said,) = ledger.custody(action)
    assert said["by"] == "court clerk Wang"
    assert said["about"] == f"case/{CASE}"


@pytest.mark.parametrize("route", ["case", "packet", "statement"])
def test_when_the_log_cannot_say_who_read_nobody_reads(
    ledger: Ledger, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, headers = paths(ledger)[route], ledger.bearer()
    real = ledger.services.clock.now_ms
    # The clock has jumped: nothing is sequenced.
    monkeypatch.setattr(type(ledger.services.clock), "now_ms", lambda self: real() + 3_600_000)
    answer = ledger.http.get(path, headers=headers)
    assert answer.status_code == 503
    assert b"picture" not in answer.content and b"photo" not in answer.content


def test_a_custody_statement_names_the_checkpoint_it_was_read_at(ledger: Ledger) -> None:
    path = paths(ledger)["case"]
    size = ledger.services.log.size
    ledger.http.get(path, headers=ledger.bearer())
    row = ledger.services.store.row(size)
    statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
    assert [s.name for s in statement.subjects] == [f"checkpoint/2026-{size}"]  # type: ignore[union-attr]


def test_a_case_lists_its_statements_in_log_order(ledger: Ledger) -> None:
    names = [f"{n}.jpg" for n in range(5)]
    ledger.accept(*[ledger.evidence(b"x", name=name) for name in names])
    answer = ledger.http.get(f"/v1/cases/{CASE}", headers=ledger.bearer()).json()
    assert [row["files"] for row in answer["statements"]] == [[name] for name in names]
    assert answer["case"] == CASE


def test_a_statement_is_given_byte_for_byte(ledger: Ledger) -> None:
    envelope = ledger.evidence(b"x")
    (row,) = ledger.accept(envelope)
    answer = ledger.http.get(f"/v1/statements/{row['id']}", headers=ledger.bearer())
    assert answer.content == envelope


@pytest.mark.parametrize(
    "case", ["x", "苏城管罚[2026]417号", "a b〔2026〕1号", "〔2026〕", "%0d%0a〔2026〕"]
)
def test_a_case_number_that_is_none_is_refused(shared: Ledger, case: str) -> None:
    path = case if "%" in case else quote(case)
    answer = shared.http.get(f"/v1/cases/{path}/packet", headers=shared.bearer())
    assert answer.status_code in (400, 404)
    assert "content-disposition" not in answer.headers


def test_a_case_number_with_any_sign_makes_one_header(ledger: Ledger) -> None:
    case = "a';x=\"\\%,é〔2026〕1号"
    ledger.accept(ledger.evidence(b"x", case=case, agency=OTHER_AGENCY, by=OTHER_STATION))
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/cases/{quote(case)}/packet", headers=ledger.bearer())
    assert answer.headers["Content-Disposition"] == (
        f"attachment; filename*=UTF-8''{quote(case, safe='')}.zip"
    )


# --- packets ---------------------------------------------------------------------------------


def test_a_packet_passes_verification(ledger: Ledger, tmp_path: Path) -> None:
    items = [b"", b"x", b"y" * 300_000]
    ledger.accept(*[ledger.evidence(data, name=f"{n}.jpg") for n, data in enumerate(items)])
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
    assert answer.headers["Content-Type"] == "application/zip"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    packet = tmp_path / "packet.zip"
    packet.write_bytes(answer.content)
    public = DirectoryLog(ledger.folder / "public")
    report = verify_packet(open_packet(packet), ledger.trust, log=public)
    assert report.outcome is Outcome.PASSED, list(report.findings)


def test_an_item_that_two_statements_name_is_packed_once(ledger: Ledger, tmp_path: Path) -> None:
    data = bytes(range(256)) * 40
    ledger.accept(ledger.evidence(data), ledger.evidence(data, name="copy.jpg"))
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
    assert answer.content.count(data) == 1


def test_a_packet_waits_for_the_cosigners(ledger: Ledger) -> None:
    ledger.await_quorum()
    for office in ledger.offices:
        office.away = True
    ledger.accept(ledger.evidence(b"x"))
    path, headers = f"/v1/cases/{CASE}/packet", ledger.bearer()
    answer = ledger.http.get(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]
    assert ledger.custody("exported") == []
    for office in ledger.offices:
        office.away = False
    ledger.await_quorum()
    assert ledger.http.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize("damage", ["flipped", "cut", "grown", "gone"])
def test_a_damaged_item_is_said_before_the_first_byte(ledger: Ledger, damage: str) -> None:
    data = b"a picture"
    ledger.accept(ledger.evidence(data))
    ledger.await_quorum()
    (item,) = ledger.services.items.ids()
    file = ledger.folder / "items" / item[:2] / item
    altered = {"flipped": b"A picture", "cut": b"a pictur", "grown": b"a pictures", "gone": b""}
    file.chmod(0o600)
    file.write_bytes(altered[damage])
    if damage == "gone":
        file.unlink()
    answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
    assert (answer.status_code, answer.json()["code"]) == (503, "damaged")
    assert "sha256" in answer.json()["detail"]
    assert "Retry-After" not in answer.headers


def test_a_packet_holds_nothing_of_another_case(ledger: Ledger) -> None:
    ledger.accept(ledger.evidence(b"ours"), ledger.evidence(b"not ours", case=OTHER_CASE))
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
    assert b"ours" in answer.content
    assert b"not ours" not in answer.content


def test_while_statements_come_in_packets_and_receipts_go_out(ledger: Ledger) -> None:
    (row,) = ledger.accept(ledger.evidence(b"x"))
    ledger.await_quorum()
    headers, failures = ledger.bearer(), []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            for path in (f"/v1/statements/{row['id']}/receipt", f"/v1/cases/{CASE}"):
                answer = ledger.http.get(path, headers=headers)
                if answer.status_code != 200:
                    failures.append(answer.text)

    reader = threading.Thread(target=read)
    reader.start()
    # Over the edge of a tile, where partial ones are given up.
    for _ in range(6):
        ledger.accept(*[ledger.evidence(b"x", upload=False) for _ in range(50)])
    done.set()
    reader.join()
    assert failures == []


def test_a_ledger_opened_again_knows_what_it_knew(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        envelope = ledger.evidence(b"x")
        (row,) = ledger.accept(envelope)
        ledger.await_quorum()
    with open_ledger(tmp_path / "ledger") as ledger:
        (again,) = ledger.accept(envelope)
        assert again["index"] == row["index"]
        # A receipt needs the tiles, which the publisher has first to read back; that there was a
        # quorum is known before.
        receipt = f"/v1/statements/{row['id']}/receipt"
        await_that(lambda: ledger.http.get(receipt).status_code == 200, "the receipt")
        assert ledger.http.get(receipt).json()["witnessed"] == "yes"


def test_of_many_packets_few_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thread that packs is one less for uploads."""
    made: list[int] = []
    working: list[int] = []

    def pack(*_: object) -> tuple[dict[str, Any], dict[str, int]]:
        working.append(1)
        time.sleep(0.02)
        made.append(len(working))
        working.pop()
        return {}, {}

    async def ask() -> None:
        anyone = SimpleNamespace(person=lambda request: None)
        packing = asyncio.Semaphore(PACKETS_AT_ONCE)
        s: Any = SimpleNamespace(packing=packing, doorkeeper=anyone)
        request: Any = None
        await asyncio.gather(*(cases.packet(CASE, request, s) for _ in range(6)))

    monkeypatch.setattr(cases, "_packet", pack)
    asyncio.run(ask())
    assert len(made) == 6
    assert max(made) <= PACKETS_AT_ONCE
