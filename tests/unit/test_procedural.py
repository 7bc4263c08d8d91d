"""Statements about a procedure: their forms, their series, who says them."""

import hashlib
from copy import deepcopy
from typing import Any

import pytest

from ledger.encoding import format_json
from ledger.errors import Malformed, Rejected
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import series_names
from ledger.evidence.procedural import InForce, Registered, timecodes_of
from ledger.evidence.register import Register
from ledger.evidence.statement import TYPE, Kind, Statement
from testkit import procedural as made
from testkit.case import AGENCY, CASE, HANDLER, LEDGER, REGISTRAR, STATION, Draft, registration

EXAMPLES = made.examples()
TIMECODE = made.TIMECODE


def value_of(form: str) -> dict[str, Any]:
    draft = EXAMPLES[form]
    return {
        "_type": TYPE,
        "predicate": deepcopy(draft.predicate),
        "predicateType": f"urn:tiezheng:{draft.kind}:v1",
        "subject": deepcopy(draft.subject),
    }


def read(value: dict[str, Any]) -> Statement:
    return Statement.from_bytes(format_json(value))


@pytest.mark.parametrize("form", EXAMPLES)
def test_a_statement_is_written_back_byte_for_byte(form: str) -> None:
    data = EXAMPLES[form].to_payload()
    assert Statement.from_bytes(data).to_bytes() == data


@pytest.mark.parametrize("form", EXAMPLES)
def test_an_unknown_field_is_refused_and_named(form: str) -> None:
    value = value_of(form)
    value["predicate"]["remark"] = "x"
    with pytest.raises(Malformed, match="unknown field 'remark'"):
        read(value)


REQUIRED = {
    "procedural act": ["act", "occurred"],
    "officer": ["facts", "in_force", "register", "subject"],
    "rule pack": ["content", "in_force", "register", "subject", "version"],
    "complaint": ["occurred", "place", "seen"],
    "hold": ["hold", "occurred", "reason"],
    "disposal": ["basis", "occurred", "reason", "retention"],
}


@pytest.mark.parametrize(("form", "field"), [(f, x) for f in EXAMPLES for x in REQUIRED[f]])
def test_a_field_that_must_be_there_is_missed(form: str, field: str) -> None:
    value = value_of(form)
    del value["predicate"][field]
    with pytest.raises(Malformed, match="predicate"):
        read(value)


BAD: list[tuple[str, str, Any]] = [
    ("procedural act", "procedure", "Ordinary"),
    ("procedural act", "auxiliaries", []),
    ("procedural act", "auxiliaries", ["F-07", "F-07"]),
    ("procedural act", "facts", {}),
    ("procedural act", "facts", {"Amount": "500"}),
    ("procedural act", "facts", {"amount": 500}),
    ("procedural act", "facts", {"amount": "\x1b[31m"}),
    ("procedural act", "facts", {f"f{n}": "x" for n in range(33)}),
    ("procedural act", "timecodes", []),
    ("procedural act", "timecodes", [TIMECODE, TIMECODE]),
    ("procedural act", "timecodes", [TIMECODE | {"until_ms": "60999"}]),
    ("procedural act", "timecodes", [TIMECODE | {"at_ms": "061000"}]),
    ("procedural act", "timecodes", [TIMECODE | {"at_ms": "-1"}]),
    ("procedural act", "timecodes", [TIMECODE | {"item": "AB" * 32}]),
    ("procedural act", "timecodes", [TIMECODE | {"item": "ab"}]),
    ("procedural act", "timecodes", [TIMECODE | {"shows": "show id"}]),
    ("procedural act", "timecodes", [TIMECODE | {"note": ""}]),
    ("procedural act", "timecodes", [TIMECODE | {"more": "x"}]),
    ("procedural act", "timecodes", [TIMECODE | {"item": f"{n:064x}"} for n in range(257)]),
    ("officer", "in_force", {}),
    ("officer", "in_force", {"from": "2026-02-30"}),
    ("officer", "in_force", {"from": "2026-1-1"}),
    ("officer", "in_force", {"from": "2026-01-02", "to": "2026-01-01"}),
    ("officer", "in_force", {"from": "2026-01-01", "to": None}),
    ("officer", "in_force", {"from": "2026-01-01", "until": "2026-01-02"}),
    ("officer", "register", "mayor"),
    ("officer", "register", "rule_pack"),
    ("officer", "subject", "a/b"),
    ("rule pack", "register", "officer"),
    ("rule pack", "content", ""),
    ("rule pack", "content", "x" * 262_145),
    ("rule pack", "content", "a\r\n"),
    ("complaint", "seen", {"from": "2026-11-23T14:30:00+08:00"}),
    ("complaint", "devices", []),
    ("hold", "hold", "kept"),
    ("hold", "complaint", "01980000-0000-4000-8000-000000000000"),
    ("disposal", "retention", "10 years"),
]


@pytest.mark.parametrize(("form", "field", "odd"), BAD)
def test_a_field_out_of_form_is_refused(form: str, field: str, odd: Any) -> None:
    value = value_of(form)
    value["predicate"][field] = odd
    with pytest.raises(Malformed):
        read(value)


@pytest.mark.parametrize("form", EXAMPLES)
def test_no_field_takes_another_type(form: str) -> None:
    for field in value_of(form)["predicate"]:
        for odd in ([], {}, [[]], [{}], {"a": []}, {"a": {}}, 7, "\x00", ["a", 1]):
            value = value_of(form)
            value["predicate"][field] = odd
            with pytest.raises((Malformed, Rejected)):
                read(value)


@pytest.mark.parametrize("form", ["procedural act", "disposal"])
def test_an_act_and_a_disposal_name_a_case(form: str) -> None:
    value = value_of(form)
    del value["predicate"]["case"], value["predicate"]["provisional"]
    with pytest.raises(Malformed, match="a case"):
        read(value)


def test_an_opening_of_a_case_is_no_act_of_a_procedure() -> None:
    value = value_of("procedural act")
    value["predicate"]["act"] = "provisional_opening"
    del value["predicate"]["case"], value["predicate"]["provisional"]
    with pytest.raises(Malformed, match="names no case"):
        read(value)


def test_a_list_is_about_its_text_as_published() -> None:
    statement = read(value_of("rule pack"))
    (subject,) = value_of("rule pack")["subject"]
    content = statement.predicate["content"].encode()
    assert subject["digest"]["sha256"] == hashlib.sha256(content).hexdigest()
    value = value_of("rule pack")
    value["predicate"]["content"] += "# \n"
    with pytest.raises(Malformed, match="no such subject"):
        read(value)


def test_a_register_is_about_its_facts_in_order_of_their_names() -> None:
    (subject,) = value_of("officer")["subject"]
    text = "established: yes\nin_post: yes\nperson: 王某\n"
    assert subject["digest"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert subject["name"] == "officer/320501-0417"


@pytest.mark.parametrize(
    ("form", "subject"),
    [
        ("complaint", made.about_statement(EXAMPLES["hold"])),
        ("hold", EXAMPLES["complaint"].subject[0]),
        ("disposal", EXAMPLES["complaint"].subject[0]),
        ("disposal", EXAMPLES["officer"].subject[0]),
    ],
)
def test_each_kind_speaks_of_its_own_subjects(form: str, subject: Any) -> None:
    value = value_of(form)
    value["subject"] = [subject]
    with pytest.raises(Malformed, match="no such subject"):
        read(value)


def test_a_hold_speaks_of_a_target_or_of_many_statements() -> None:
    assert Statement.from_bytes(made.hold(7).to_payload()).kind is Kind.HOLD
    value = value_of("hold")
    (one,) = value["subject"]
    names = [f"statement/{made.uuid7(n)}" for n in range(502)]
    value["subject"] = [one | {"name": name} for name in names[:501]]
    assert len(read(value).subjects) == 501
    value["subject"] = [one | {"name": name} for name in names]
    with pytest.raises(Malformed, match="want 1 to 501"):
        read(value)


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("procedural act", [f"2026/case/{CASE}", "…", f"2026/acts/{AGENCY}"]),
        ("officer", ["2026/register/officer/320501-0417"]),
        ("rule pack", ["2026/register/rule_pack/ordinary"]),
        ("complaint", [f"2026/case/{CASE}", "…"]),
        ("hold", [f"2026/case/{CASE}", "…"]),
        ("disposal", [f"2026/case/{CASE}", "…"]),
    ],
)
def test_the_series_follow_from_the_statement(form: str, names: list[str]) -> None:
    found = series_names(read(value_of(form)), "2026", 2026)
    assert [name for name in found if made.uuid7(2) not in name] == [n for n in names if n != "…"]
    assert len(found) == len(names)


@pytest.mark.parametrize(("form", "kind"), [("complaint", "complaint"), ("hold", "hold")])
def test_what_names_no_case_is_a_run_of_its_agency(form: str, kind: str) -> None:
    value = value_of(form)
    del value["predicate"]["case"], value["predicate"]["provisional"]
    assert series_names(read(value), "2026", 2026) == (f"2026/{kind}/{AGENCY}",)


def signed(draft: Draft, *signers: Any) -> tuple[Statement, Envelope]:
    draft.signers = signers
    envelope = Envelope.from_bytes(draft.to_envelope())
    return Statement.from_bytes(envelope.payload), envelope


def _register() -> Register:
    register = Register(REGISTRAR.verifier)
    keys = [(HANDLER, "handler"), (made.SECOND, "handler"), (STATION, "station")]
    for n, (signer, role) in enumerate([*keys, (LEDGER, "ledger")]):
        statement, envelope = signed(registration(n, signer, role), REGISTRAR)
        register.add((0, n), statement, envelope)
    return register


def test_two_persons_dispose_and_no_station_does() -> None:
    register = _register()
    made_by_two = signed(made.disposal(9, EXAMPLES["hold"]), HANDLER, made.SECOND)
    assert len(register.open((0, 9), *made_by_two)) == 2
    with pytest.raises(Rejected, match="want 2 persons"):
        register.open((0, 9), *signed(made.disposal(9, EXAMPLES["hold"]), HANDLER))
    with pytest.raises(Rejected, match="may not make"):
        register.open((0, 9), *signed(made.disposal(9, EXAMPLES["hold"]), HANDLER, STATION))


def test_a_person_or_the_ledger_holds_and_a_person_alone_complains() -> None:
    register = _register()
    for signer in (HANDLER, LEDGER):
        assert register.open((0, 9), *signed(made.hold(9), signer))
    assert register.open((0, 9), *signed(made.complaint(9), HANDLER))
    with pytest.raises(Rejected, match="may not make"):
        register.open((0, 9), *signed(made.complaint(9), LEDGER))


def test_only_the_registrar_registers() -> None:
    register = _register()
    officer = made.registered(9, Registered.OFFICER, "320501-0417", facts={"person": "王某"})
    register.add((0, 9), *signed(officer, REGISTRAR))
    with pytest.raises(Rejected, match="want the registrar"):
        register.add((0, 10), *signed(officer, HANDLER))


def test_what_is_in_force_covers_both_its_days() -> None:
    spelled = {"from": "2026-01-01", "to": "2026-12-31"}
    force = InForce.from_json(spelled)
    assert force.to_json() == spelled
    day = force.start.replace
    assert force.covers(force.start)
    assert force.until is not None
    assert force.covers(force.until)
    assert not force.covers(day(year=2025, month=12, day=31))
    assert not force.covers(day(year=2027))
    assert InForce(force.start).covers(day(year=2099))


def test_a_time_code_is_written_back() -> None:
    (code,) = timecodes_of(read(value_of("procedural act")).predicate)
    assert code.to_json() == TIMECODE
    assert (code.at_ms, code.until_ms, code.shows) == (61_000, 75_000, "show_id")
