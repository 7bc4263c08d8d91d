"""`tiezheng packet` says what a court wants noted; `tiezheng correct` files it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.desk import NOTED, Desk
from testkit.server import open_ledger, serving
from testkit.terminal import Run


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[Desk]:
    with open_ledger(tmp_path / "ledger") as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        yield Desk(ledger, address, tmp_path, run)


def test_a_packet_stops_with_a_list_until_what_lacks_is_filed(desk: Desk) -> None:
    id_ = desk.deposit("现场照片.jpg")
    desk.deposit("complete.jpg", *NOTED)
    ended = desk.packet()
    assert ended.code == 1 and not (desk.folder / "packet.zip").exists()
    assert desk.ledger.custody("exported") == []
    assert f"{id_}  现场照片.jpg: how it was made, who made it, what it is to show" in ended.err
    assert "complete.jpg" not in ended.err and "--incomplete" in ended.err
    zh = desk.packet("--lang", "zh").err
    assert f"{id_}  现场照片.jpg: 制作方法、制作人、证明对象、原始载体" in zh
    ended = desk.signed("correct", id_, *NOTED, "--reason", "提交时未填")
    assert ended.code == 0, ended.err
    ended = desk.packet()
    assert ended.code == 0, ended.err
    assert json.loads(desk.verify("--json", "--require", "form").out)["groups"]["form"] == "passed"


def test_incomplete_makes_it_all_the_same_and_the_verdict_says_what_lacks(desk: Desk) -> None:
    desk.deposit("现场照片.jpg", *NOTED[2:])
    assert desk.packet("--incomplete").code == 0
    assert desk.verify().code == 0
    assert "未注明：制作人" in desk.verify("--lang", "zh").out
    assert desk.verify("--require", "form").code == 3


def test_a_correction_of_nothing_is_wrong_usage(desk: Desk) -> None:
    id_ = desk.deposit("现场照片.jpg")
    before = desk.ledger.services.log.size
    assert desk.signed("correct", id_, "--reason", "x").code == 2
    assert desk.signed("correct", "no-id", "--reason", "x", *NOTED).code == 1
    nobody = "019ab0c4-0000-7000-8000-000000000000"
    assert desk.signed("correct", nobody, "--reason", "x", *NOTED).code == 1
    assert desk.ledger.services.log.size == before


def test_what_speaks_for_the_party_comes_first_whenever_it_is_said(desk: Desk) -> None:
    desk.deposit("1.jpg", *NOTED)
    desk.deposit("2.jpg", *NOTED, "--favourable", "当事人已出示许可")
    id_ = desk.deposit("3.jpg", *NOTED)
    desk.ledger.await_quorum()
    ended = desk.signed("correct", id_, "--favourable", "无违法所得", "--reason", "复查发现")
    assert ended.code == 0, ended.err
    assert desk.packet().code == 0
    rows = json.loads(desk.verify("--json").out)["items"]
    assert [(row["name"], row["path"][-6:-4], row["favourable"]) for row in rows] == [
        ("2.jpg", "01", "当事人已出示许可"),
        ("3.jpg", "02", "无违法所得"),
        ("1.jpg", "03", ""),
    ]
    assert desk.verify("--lang", "zh").out.count("有利于当事人：") == 2


def test_what_speaks_for_the_party_is_one_line(desk: Desk) -> None:
    before = desk.ledger.services.log.size
    ended = desk.signed("deposit", __file__, *NOTED, "--favourable", "a\nb")
    assert ended.code == 1 and "favourable_to_party" in ended.err
    assert desk.ledger.services.log.size == before
