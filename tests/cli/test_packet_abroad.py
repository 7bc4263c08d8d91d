"""`tiezheng packet --recipient … --foreign`: what the log says, and what stays here."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.desk import NOTED, Desk
from testkit.server import CASE, HANDLER, open_ledger, serving
from testkit.terminal import Ended, Run

COURT = "Tribunal d'Annecy"


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[Desk]:
    with open_ledger(tmp_path / "ledger") as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        desk = Desk(ledger, address, tmp_path, run)
        desk.deposit("1.jpg", *NOTED)
        yield desk


def approve(desk: Desk) -> str:
    paper, key = desk.folder / "批复.pdf", desk.folder / "handler"
    paper.write_bytes(b"approved")
    key.write_text(HANDLER.to_text() + "\n")
    ended = desk.run(
        *("case", "act", "--act", "foreign_handover_approval", "--procedure", "after"),
        *("--stage", "enforce", "--case", CASE, "--doc", paper),
        *("--occurred", "2026-11-20T10:00:00+08:00", "--until", "2026-11-20T10:00:00+08:00"),
        *("--fact", f"recipient={COURT}", "--fact", "authority=司法部"),
        *("--key", key, "--trust", desk.ledger.folder / "trust"),
        *("--server", desk.address, "--json"),
    )
    assert ended.code == 0, ended.err
    return str(json.loads(ended.out)["statements"][0]["id"])


def abroad(desk: Desk, *more: str) -> Ended:
    return desk.packet("--recipient", COURT, "--foreign", *more)


def test_without_an_approval_nothing_is_fetched_and_both_languages_name_the_article(
    desk: Desk,
) -> None:
    ended = abroad(desk)
    assert ended.code == 1
    assert "Data Security Law art. 36" in ended.err and "none was named" in ended.err
    assert "case act --act foreign_handover_approval" in ended.err
    chinese = abroad(desk, "--lang", "zh").err
    assert "数据安全法第三十六条" in chinese and "未以 --approval 指明批准" in chinese
    assert not (desk.folder / "packet.zip").exists()


def test_with_an_approval_it_is_fetched_and_a_later_packet_tells(desk: Desk) -> None:
    approved = approve(desk)
    assert abroad(desk, "--approval", approved, "--purpose", "mutual aid").code == 0
    assert desk.packet("--recipient", "姑苏区人民法院").code == 0
    found = desk.verify()
    assert f"abroad, by the approval {approved}; to {COURT}: mutual aid" in found.out
    assert found.code == 0, found.out


def test_another_id_says_which_is_wanted(desk: Desk) -> None:
    id_ = desk.deposit("2.jpg", *NOTED)
    ended = abroad(desk, "--approval", id_)
    assert ended.code == 1 and "no such act of its own agency" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("--foreign",),
        ("--purpose", "x"),
        ("--approval", "019ab0c4-0000-7000-8000-000000000000"),
        ("--recipient", "x", "--approval", "019ab0c4-0000-7000-8000-000000000000"),
    ],
)
def test_words_that_need_others_are_wrong_usage(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.packet(*words).code == 2
    assert desk.ledger.custody("exported") == []


@pytest.mark.parametrize("typed", ["", " ", "a\nb", "x" * 257, "a\u202eb"])
def test_what_is_no_line_is_refused_by_the_name_of_its_option(desk: Desk, typed: str) -> None:
    ended = desk.packet("--recipient", typed, "--lang", "zh")
    assert ended.code == 2 and "--recipient 的值无效" in ended.err
    ended = desk.packet("--recipient", COURT, "--purpose", typed)
    assert ended.code == 2 and "--purpose" in ended.err
    assert desk.ledger.custody("exported") == []
