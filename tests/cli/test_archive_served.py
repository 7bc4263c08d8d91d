"""`tiezheng archive make`, of the cases of a real server."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from api.founding import agency_registration
from cli.own_cases import RegisterCases, register_cases
from ledger.archiving.package import Contents
from ledger.evidence.packet import TAG_MANIFEST
from ledger.evidence.signing import seal
from testkit.county import (
    COUNTY,
    ELSEWHERE_CASE,
    STREET,
    STREET_CASE,
    STREET_HANDLER,
    act,
    open_county,
    open_provisional,
)
from testkit.packages import A_VERIFIER, ARCHIVE, BY
from testkit.server import CASE, HANDLER, OTHER_CASE, REGISTRAR, Ledger, await_that, serving
from testkit.terminal import Ended, Run

NOWHERE = "苏城管罚〔2026〕999号"


@dataclass
class Desk:
    ledger: Ledger
    address: str
    folder: Path
    command: Run

    def make(self, *args: str | Path, of: str = "handover", **limits: Any) -> Ended:
        services = self.ledger.services
        await_that(lambda: services.catalog.indexed_to() == services.log.number, "the catalog")
        token, verifier = self.folder / "token", self.folder / "v.pyz"
        token.write_text(self.ledger.token("supervisor", **limits) + "\n")
        verifier.write_bytes(A_VERIFIER)
        return self.command(
            "archive", "make", "-o", self.folder / of, "--archive", ARCHIVE, "--by", BY,
            "--trust", self.folder / "trust", "--verifier", verifier, *args,
            "--server", self.address, "--token-file", token,
        )  # fmt: skip

    def cases(self, of: str = "handover") -> list[str]:
        data = (self.folder / of / "data/package.json").read_bytes()
        return [packed.case for packed in Contents.from_bytes(data).packets]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("archive") / "ledger"
    with open_county(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        act(ledger, "case_closing", stage="enforce", case=CASE)
        ledger.await_quorum()
        yield ledger, address


@pytest.fixture
def desk(served: tuple[Ledger, str], tmp_path: Path, run: Run) -> Desk:
    ledger, address = served
    shutil.copytree(ledger.folder / "trust", tmp_path / "trust")
    return Desk(ledger, address, tmp_path, run)


def test_the_cases_of_a_year_are_those_of_the_register(desk: Desk) -> None:
    ended = desk.make("--year", "2026", "--agency", COUNTY)
    assert ended.code == 0, ended.err + ended.out
    assert desk.cases() == [CASE, OTHER_CASE]
    page = (desk.folder / "handover.page.txt").read_text(encoding="utf-8")
    digits = " ".join(page.partition("tagmanifest-sha256.txt)\n")[2].split("\n")[:2])
    ended = desk.command("archive", "check", desk.folder / "handover", "--fingerprint", digits)
    assert ended.code == 0, ended.out


def test_a_case_of_another_agency_and_one_without_a_number_are_not_handed_over(
    tmp_path: Path, run: Run
) -> None:
    with open_county(tmp_path / "ledger") as ledger, serving(ledger.http.app) as url:  # type: ignore[arg-type]
        street = {"by": STREET_HANDLER, "agency": STREET}
        open_provisional(ledger, **street)  # type: ignore[arg-type]
        act(ledger, "inquiry_record", stage="investigate", case=ELSEWHERE_CASE, **street)  # type: ignore[arg-type]
        ledger.await_quorum()
        shutil.copytree(ledger.folder / "trust", tmp_path / "trust")
        desk = Desk(ledger, url, tmp_path, run)
        ended = desk.make("--year", "2026", "--agency", STREET, "--lang", "zh")
        assert ended.code == 0, ended.err + ended.out
        assert "不移交：其他机关的案件 1 件，尚无案号的 1 件" in ended.err
        assert desk.cases() == [STREET_CASE]


def test_that_acts_of_the_year_are_lost_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a disk was lost: the register has no line of a case whose acts all are."""

    def of_a_restored(*asked: Any) -> RegisterCases:
        return replace(register_cases(*asked), lost=2)

    monkeypatch.setattr("cli.archive.making.register_cases", of_a_restored)
    ended = desk.make("--year", "2026", "--agency", COUNTY)
    assert ended.code == 0 and "2 acts of that year are lost" in ended.err


def test_each_packet_that_is_fetched_is_an_export_in_the_log(desk: Desk) -> None:
    before = len(desk.ledger.custody("exported"))
    assert desk.make(CASE).code == 0
    exported = desk.ledger.custody("exported")
    assert len(exported) == before + 1
    assert exported[-1]["note"].endswith("; to 苏州市档案馆: archive transfer")
    assert desk.cases() == [CASE]


@pytest.mark.parametrize("args", [(NOWHERE,), ("--year", "2031", "--agency", COUNTY)])
def test_where_there_is_no_case_nothing_is_left(desk: Desk, args: tuple[str, ...]) -> None:
    assert desk.make(*args).code == 1
    left = {path.name for path in desk.folder.iterdir()}
    assert left == {"token", "trust", "v.pyz"}


@pytest.mark.parametrize("data", [b"", b"a secret", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_verifier_is_not_handed_over_as_one(desk: Desk, data: bytes) -> None:
    """Whoever opens the package in decades has nothing else; a secret may lie beside it."""
    wrong = desk.folder / "wrong.pyz"
    wrong.write_bytes(data)
    ended = desk.make(CASE, "--verifier", wrong, "--lang", "zh")
    assert ended.code == 1
    assert f"“{wrong}”不是可独立运行的核验程序" in ended.err
    assert not (desk.folder / "handover").exists()


@pytest.mark.parametrize("args", [("--year", "2026"), (CASE, CASE)])
def test_half_a_question_is_wrong_usage(desk: Desk, args: tuple[str, ...]) -> None:
    assert desk.make(*args).code == 2


def test_the_transfer_is_logged_by_the_fingerprint_on_the_page(desk: Desk) -> None:
    assert desk.make(CASE).code == 0
    manifest = desk.folder / "handover" / TAG_MANIFEST
    key = desk.folder / "handler.key"
    key.write_text(HANDLER.to_text() + "\n")
    ended = desk.command(
        "case", "act", "--act", "archive_transfer", "--procedure", "after", "--stage", "enforce",
        "--case", CASE, "--occurred", "2026-11-26T16:00:00+08:00", "--doc", manifest,
        "--key", key, "--server", desk.address, "--trust", desk.folder / "trust",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    desk.ledger.await_quorum()
    assert desk.make(CASE, of="later").code == 0
    rows = (desk.folder / "later/data/metadata/items.jsonl").read_text(encoding="utf-8")
    (row,) = [r for r in map(json.loads, rows.splitlines()) if r["title"] == "archive_transfer"]
    page = (desk.folder / "handover.page.txt").read_text(encoding="utf-8")
    assert row["sha256"] in page.replace(" ", "").replace("\n", "")


def test_a_case_below_an_agency_that_is_registered_with_its_case_numbers_is_decided(
    desk: Desk,
) -> None:
    """The series of the agency above has both, and the packet shows both or the verdict is open."""
    numbers = agency_registration("city", "市局", ["苏市罚〔{year}〕{number}号"], now_ms())
    desk.ledger.accept(seal(numbers.to_bytes(), [REGISTRAR]).to_bytes())
    desk.ledger.await_quorum()
    ended = desk.make(CASE)
    assert ended.code == 0, ended.err
    report = json.loads((desk.folder / "handover/data/report/four.json").read_bytes())
    (verified,) = [line for line in report["lines"] if line["test"] == "verified"]
    assert (verified["result"], verified["facts"]) == ("passed", {})


def now_ms() -> int:
    return time.time_ns() // 1_000_000
