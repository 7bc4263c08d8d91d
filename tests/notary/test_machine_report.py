"""A station's word about its own machine: signed, fresh, in one spelling, and only a word."""

from dataclasses import replace
from typing import Any

import pytest

from cli.notary.machine import judge
from cli.notary.machine_report import WORD, MachineReport, sign_report
from ledger.encoding import format_json, parse_json
from ledger.errors import Malformed, Rejected
from ledger.tlog.note import Algorithm
from testkit.keys import key

STATION = key("station-07.example")
OTHER = key("station-08.example")
NONCE = bytes(range(32))
PROGRAM = {"path": "/usr/bin/tiezheng", "sha256": "0a" * 32}


def found(**more: Any) -> dict[str, Any]:
    return {
        "clock": {"asked": "nobody"},
        "hosts": {"names": [], "sha256": "00" * 32},
        "mounted_from": {},
        "network": [],
        "programs": [PROGRAM],
        "storage": {"bytes": 2, "free": 1},
        "system": {"machine": "x86_64"},
        "unread": [],
    } | more


def report(**more: Any) -> MachineReport:
    return sign_report(STATION, NONCE, 1_795_400_000_000, found(**more))


def test_a_report_is_read_back_and_stands_for_its_nonce_and_key() -> None:
    read = MachineReport.from_bytes(report().to_bytes())
    assert read == report()
    read.check(STATION.verifier, NONCE)


def test_it_says_in_both_languages_that_it_is_the_machines_word() -> None:
    text = report().to_bytes().decode()
    assert "What this machine says of itself" in text
    assert "本机自述" in text
    without = parse_json(text.encode(), limit=1 << 20)
    assert isinstance(without, dict)
    with pytest.raises(Malformed, match="want the report of a machine"):
        MachineReport.from_bytes(format_json({**without, "word": "certified clean"}))
    assert WORD in text


def test_an_old_report_answers_another_nonce() -> None:
    with pytest.raises(Rejected, match="another nonce"):
        report().check(STATION.verifier, bytes(32))


def test_another_stations_report_is_refused_whatever_name_it_bears() -> None:
    with pytest.raises(Rejected, match="want a report signed by"):
        report().check(OTHER.verifier, NONCE)
    posing = replace(report(), station=OTHER.verifier.keyid)
    with pytest.raises(Rejected, match="does not match"):
        posing.check(OTHER.verifier, NONCE)


@pytest.mark.parametrize(
    "change",
    [
        {"found": found(programs=[])},
        {"found": found(unread=[{"what": "x", "why": "y"}])},
        {"made_ms": 1_795_400_000_001},
    ],
    ids=["programs", "unread", "time"],
)
def test_what_was_changed_after_signing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match="does not match"):
        replace(report(), **change).check(STATION.verifier, NONCE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"programs": [{"path": "/bin/x"}]},
        {"programs": [{"path": "/bin/x", "sha256": "0A" * 32}]},
        {"programs": "none"},
        {"unread": [{"what": "x", "why": 1}]},
        {"passed": "yes"},
    ],
)
def test_what_cannot_be_judged_is_no_report(wrong: dict[str, Any]) -> None:
    data = parse_json(report().to_bytes(), limit=1 << 20)
    assert isinstance(data, dict)
    with pytest.raises(Malformed):
        MachineReport.from_bytes(format_json({**data, "found": found(**wrong)}))


def test_an_sm2_key_signs_no_report() -> None:
    second = key("station-07.example/sm2", algorithm=Algorithm.SM2)
    with pytest.raises(Malformed, match="want an Ed25519 key"):
        sign_report(second, NONCE, 0, found())


def test_who_judges_it_brings_the_list() -> None:
    assert judge(found(), None)["outcome"] == "undecided"
    assert judge(found(), frozenset({PROGRAM["sha256"]}))["outcome"] == "passed"
    assert judge(found(), frozenset())["unknown"] == [PROGRAM["path"]]
