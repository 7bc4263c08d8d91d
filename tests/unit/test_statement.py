import copy
from collections.abc import Callable
from typing import Any

import pytest

from ledger.encoding import format_base64, format_json
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.renewal import Rows
from ledger.evidence.statement import (
    MAX_SUBJECTS,
    TYPE,
    FileSubject,
    Kind,
    Stage,
    Statement,
    StatementSubject,
    TextSubject,
)
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import EMPTY_ROOT
from testkit.case import (
    CASE,
    COURT,
    LOG,
    STATION,
    agency,
    correction,
    decision,
    evidence,
    file_subject,
    opening,
    registration,
    session,
    sign_all,
    text_subject,
    uuid7,
)

VKEY = STATION.verifier.to_text()
SESSIONS = ["check-out", "dock", "explanation"]
LAST = Checkpoint("ledger.example/enforcement/2026", 9, bytes(32))
FINAL = sign_all(LAST, LOG, [(COURT, 1_795_430_400)])
REHASHED = Rows(12, bytes(64), LAST.origin, 9)
RENEWED = Rows(12, bytes(64))
FINAL_SUBJECT = text_subject(LAST.origin, LAST.to_text())


def example(kind: str) -> dict[str, Any]:
    """A statement of that kind with every field it may have."""
    occurred = {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:05:00+08:00"}
    after = {"origin": "ledger.example/2026", "root": "A" * 43 + "=", "size": "5"}
    common = {"id": uuid7(1), "agency": "agency-01"}
    cased = {"case": CASE, "provisional": uuid7(2), "stage": "investigate", "after": after}
    cased |= {"officers": ["320500-0001"], "note": "备注\n二"}
    photo = [file_subject("photo.jpg", b"x")]
    if kind == "evidence":
        drafted = evidence("e", 1, {"a.mp4": b"x"}, **cased, device="BWC-310", file="a.mp4")
        predicate = drafted.predicate | {
            "carrier": "存储卡", "corrected": occurred, "maker": "320500-0001",
            "favourable_to_party": "已出示许可", "method": "拍摄", "purpose": "现场",
            "session": uuid7(3),
        }  # fmt: skip
        subject = photo
    elif kind == "act":
        predicate = common | cased | {"act": "penalty_decision", "occurred": occurred}
        subject = photo
    elif kind == "correction":
        drafted = correction("c", 1, evidence("e", 2, {"a": b"x"}))
        predicate = drafted.predicate | cased | {"occurred": occurred}
        subject = drafted.subject
    elif kind == "custody":
        predicate = common | {
            "about": f"case/{CASE}", "action": "read", "by": "320500-0001",
            "occurred": occurred, "reason": "复核", "note": "x", "after": after,
        }  # fmt: skip
        subject = [text_subject("packet", "x")]
    elif kind in SESSIONS:
        said = {"clock": {"behind_ms": "10800000"}, "counters": {"BWC_": "87"}, "card": "A1"}
        said |= {"after": after, "note": "x", "occurred": occurred}
        gap = {"kind": "counter_skipped", "note": "BWC_ 0089-0090"}
        predicate = {
            "check-out": said | {"officers": ["320500-0001"]},
            "dock": said | {"officers": ["320500-0001"], "gaps": [gap], "session": uuid7(2)},
            "explanation": {
                "after": after, "cause": "battery", "gap": "1", "note": "x",
                "occurred": occurred, "session": uuid7(2),
            },
        }[kind]  # fmt: skip
        drafted = session("s", 1, **predicate)
        predicate, subject, kind = drafted.predicate, drafted.subject, "session"
    elif kind == "status":
        predicate = common | {"what": "scrub", "occurred": occurred, "counts": {"items": "7"}}
        predicate["note"] = "x"
        subject = [text_subject("state", "x")]
    elif kind in ("rehash", "renewed tokens"):
        rows = REHASHED if kind == "rehash" else RENEWED
        predicate = common | rows.to_predicate() | {"note": "x"}
        subject, kind = [{"digest": {"sha256": rows.sha256.hex()}, "name": "rows"}], "renewal"
    elif kind == "renewal":
        predicate, subject = common | {"final": FINAL, "note": "x"}, [FINAL_SUBJECT]
    elif kind == "register":
        drafted = registration(1, STATION, "station", revoked="挂失", note="x")
        predicate = drafted.predicate | {"compromised_since": "2026-11-23T14:00:00+08:00"}
        subject = drafted.subject
    else:
        drafted = {"opening": opening(), "agency": agency(1, "苏〔{year}〕{number}号")}[kind]
        predicate, subject, kind = drafted.predicate, drafted.subject, "register"
    return {
        "_type": TYPE,
        "predicate": predicate,
        "predicateType": f"urn:tiezheng:{kind}:v1",
        "subject": subject,
    }


def read(value: dict[str, Any]) -> Statement:
    return Statement.from_bytes(format_json(value))


KINDS = [
    *("evidence", "act", "correction", "custody", "register", "status", "opening", "agency"),
    *(*SESSIONS, "renewal", "rehash", "renewed tokens"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_is_written_back_byte_for_byte(kind: str) -> None:
    data = format_json(example(kind))
    assert Statement.from_bytes(data).to_bytes() == data


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_field_is_refused_and_named(kind: str) -> None:
    value = example(kind)
    value["predicate"]["remark"] = "x"
    with pytest.raises(Malformed, match="unknown field 'remark'"):
        read(value)


def required(kind: str) -> list[str]:
    common = ["id", "agency"]
    return (
        common
        + {
            "evidence": ["occurred"],
            "act": ["act", "occurred"],
            "correction": ["changes", "reason"],
            "custody": ["about", "action", "by", "occurred"],
            "register": ["key", "person", "role"],
            "status": ["what", "occurred"],
            "opening": ["log", "registrar", "series"],
            "renewal": ["final"],
            "rehash": ["hash", "origin", "root", "rows", "size"],
            "renewed tokens": ["hash", "root", "tokens"],
            "agency": ["name", "case_numbers"],
            "check-out": ["device", "occurred", "officers"],
            "dock": ["device", "occurred", "gaps"],
            "explanation": ["cause", "device", "gap", "session"],
        }[kind]
    )


@pytest.mark.parametrize(("kind", "field"), [(k, f) for k in KINDS for f in required(k)])
def test_a_field_that_must_be_there_is_missed(kind: str, field: str) -> None:
    value = example(kind)
    del value["predicate"][field]
    with pytest.raises(Malformed, match="predicate"):
        read(value)


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_takes_another_type(kind: str) -> None:
    """Lists and objects where text belongs, and the other way round: never a crash."""
    for field in example(kind)["predicate"]:
        for odd in ([], {}, [[]], [{}], {"a": []}, {"a": {}}, 7, "", " ", "\x00", ["a", 1]):
            value = example(kind)
            value["predicate"][field] = odd
            try:
                data = format_json(value)
            except Malformed:
                continue
            if (field, odd) in (("note", ""), ("purpose", ""), ("reason", ""), ("revoked", "")):
                continue  # texts may be empty, or a space
            if field in ("note", "purpose", "reason", "revoked") and odd == " ":
                continue
            if (field, odd) in (("counts", {}), ("counters", {}), ("gaps", [])):
                continue
            with pytest.raises((Malformed, Rejected)):
                Statement.from_bytes(data)


BAD: list[tuple[str, str, Any]] = [
    ("evidence", "id", "01980000-0000-4000-8000-000000000000"),
    ("evidence", "id", "01980000-0000-7000-8000-00000000000A"),
    ("evidence", "agency", "a/b"),
    ("evidence", "agency", "Cafe\u0301"),
    ("evidence", "agency", "x" * 65),
    ("evidence", "agency", " a"),
    ("evidence", "agency", "a\u202eb"),
    ("evidence", "case", "苏城管罚〔2026〕４17号\u200b"),
    ("evidence", "case", "苏城管罚[2026]417号"),
    ("evidence", "stage", "decided"),
    ("evidence", "evidence_type", "video"),
    ("evidence", "officers", ["a", "a"]),
    ("evidence", "officers", [str(i) for i in range(17)]),
    ("evidence", "occurred", {"from": "2026-11-23T14:00:00+08:00"}),
    (
        "evidence",
        "occurred",
        {"from": "2026-11-23T14:00:01+08:00", "to": "2026-11-23T14:00:00+08:00"},
    ),
    ("evidence", "occurred", {"from": "2026-11-23T14:00:00", "to": "2026-11-23T14:00:00"}),
    ("evidence", "occurred", {"from": "2026-02-30T14:00:00Z", "to": "2026-03-30T14:00:00Z"}),
    ("evidence", "after", {"origin": "a", "root": "A" * 43 + "=", "size": "05"}),
    ("evidence", "after", {"origin": "a b", "root": "A" * 43 + "=", "size": "5"}),
    ("evidence", "after", {"origin": "a", "root": "AAAA", "size": "5"}),
    ("evidence", "after", {"origin": "a", "root": "A" * 43 + "=", "size": str(2**63)}),
    ("evidence", "note", "\x1b[31m"),
    ("evidence", "note", "x" * 4097),
    ("evidence", "file", "a\nb"),
    ("act", "act", "Penalty"),
    ("act", "act", "penalty-decision"),
    ("correction", "changes", {"Purpose": "x"}),
    ("correction", "changes", {"purpose": "\x00"}),
    ("custody", "about", "2026/case/x"),
    ("custody", "about", "case//x"),
    ("custody", "about", "Case/x"),
    ("register", "key", VKEY[:-1]),
    ("register", "key", "PRIVATE+KEY+x"),
    ("register", "role", "mayor"),
    ("register", "compromised_since", "yesterday"),
    ("opening", "series", {"2026": "AB" * 32}),
    ("opening", "series", {"26": "ab" * 32}),
    ("agency", "case_numbers", ["苏〔{year}〕号"]),
    ("agency", "case_numbers", ["苏〔{year}〕〔{year}〕{number}号"]),
    ("status", "counts", {"items": "007"}),
    ("check-out", "clock", {"ahead_ms": "-1"}),
    ("check-out", "clock", {"ahead_ms": "1", "behind_ms": "1"}),
    ("check-out", "counters", {"BWC_": "087"}),
    ("check-out", "counters", {"": "87"}),
    ("check-out", "counters", {str(i): "1" for i in range(65)}),
    ("check-out", "device", "BWC/310"),
    ("dock", "gaps", [{"kind": "x"}]),
    ("dock", "gaps", [{"kind": "X", "note": ""}]),
    ("dock", "gaps", [{"kind": "x", "note": "\x1b"}]),
    ("dock", "gaps", [{"kind": "x", "note": ""}] * 1025),
    ("dock", "session", "01980000-0000-4000-8000-000000000000"),
    ("explanation", "gap", "-1"),
    ("explanation", "cause", "Battery"),
]


@pytest.mark.parametrize(("kind", "field", "odd"), BAD)
def test_a_field_out_of_form_is_refused(kind: str, field: str, odd: Any) -> None:
    value = example(kind)
    value["predicate"][field] = odd
    with pytest.raises(Malformed):
        read(value)


def test_a_key_that_anyone_can_sign_for_is_refused() -> None:
    low = "AQ" + "A" * 42  # type 1, the point of order 4
    value = example("register")
    value["predicate"]["key"] = f"station+00000000+{low}"
    with pytest.raises(LedgerError):
        read(value)


@pytest.mark.parametrize("kind", ["evidence", "act"])
def test_evidence_and_acts_name_a_case_or_a_provisional_one(kind: str) -> None:
    value = example(kind)
    del value["predicate"]["case"]
    assert read(value).case is None
    del value["predicate"]["provisional"]
    with pytest.raises(Malformed, match="a case"):
        read(value)


def test_an_opening_of_a_case_names_none() -> None:
    value = example("act")
    value["predicate"]["act"] = "provisional_opening"
    with pytest.raises(Malformed, match="names no case"):
        read(value)
    del value["predicate"]["case"], value["predicate"]["provisional"]
    assert read(value).case is None


def test_device_and_file_stand_together() -> None:
    value = example("evidence")
    del value["predicate"]["device"]
    with pytest.raises(Malformed, match="device and file"):
        read(value)


@pytest.mark.parametrize(
    ("stage", "act", "decides"),
    [
        ("decide", "penalty_decision", True),
        ("decide", "no_penalty_decision", True),
        ("review", "penalty_decision", False),
        ("decide", "hearing", False),
        (None, "penalty_decision", False),
    ],
)
def test_a_decision_is_an_act_of_its_stage_that_decides(
    stage: str | None, act: str, decides: bool
) -> None:
    draft = decision("d", 1, act=act)
    draft.predicate.pop("stage") if stage is None else draft.predicate.update(stage=stage)
    assert Statement.from_bytes(draft.to_payload()).is_decision is decides


def test_the_common_fields_are_given_as_values() -> None:
    statement = read(example("evidence"))
    assert statement.kind is Kind.EVIDENCE
    assert statement.stage is Stage.INVESTIGATE
    assert statement.case == CASE
    assert statement.after is not None
    assert statement.after.size == 5
    assert statement.occurred is not None
    assert statement.occurred.end_ms - statement.occurred.start_ms == 300_000


# --- subjects ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        ("evidence", FileSubject),
        ("act", FileSubject),
        ("correction", StatementSubject),
        ("custody", TextSubject),
        ("status", TextSubject),
        ("register", TextSubject),
    ],
)
def test_each_kind_speaks_of_its_own_subjects(kind: str, fitting: type) -> None:
    others = {
        FileSubject: file_subject("x", b"x"),
        StatementSubject: example("correction")["subject"][0],
        TextSubject: text_subject("x", "x"),
    }
    assert all(isinstance(s, fitting) for s in read(example(kind)).subjects)
    for made, subject in others.items():
        value = example(kind)
        value["subject"] = [subject]
        may = made is fitting and kind != "register"
        if may or (kind == "act" and made is StatementSubject):
            read(value)
            continue
        with pytest.raises(Malformed):
            read(value)


@pytest.mark.parametrize("count", [0, MAX_SUBJECTS + 1])
def test_a_statement_has_one_to_nine_subjects(count: int) -> None:
    value = example("evidence")
    value["subject"] = [file_subject(f"{i}", b"x") for i in range(count)]
    with pytest.raises(Malformed, match="1 to 9"):
        read(value)


def test_an_act_has_at_most_eight_documents() -> None:
    value = example("act")
    value["subject"] = [file_subject(f"{i}", b"x") for i in range(8)]
    read(value)
    value["subject"].append(file_subject("8", b"x"))
    with pytest.raises(Malformed, match="subject"):
        read(value)


def test_a_subject_stands_once() -> None:
    value = example("evidence")
    value["subject"] *= 2
    with pytest.raises(Malformed, match="twice"):
        read(value)


SUBJECTS: list[Callable[[Any], object]] = [
    lambda s: s.update(name=""),
    lambda s: s.update(name="x" * 1025),
    lambda s: s.update(name=7),
    lambda s: s.update(uri="x"),
    lambda s: s["annotations"].update(size="01"),
    lambda s: s["annotations"].update(size=1),
    lambda s: s["annotations"].update(size=str(2**44 + 1)),
    lambda s: s["annotations"].update(mode="x"),
    lambda s: s["annotations"].update(nameBytes=7),
    lambda s: s["annotations"].update(nameBytes="AAB="),
    lambda s: s["annotations"].update(nameBytes=""),
    lambda s: s["annotations"].pop("size"),
    lambda s: s.pop("annotations"),
    lambda s: s["digest"].update(md5="00" * 16),
    lambda s: s["digest"].update(sha256="00"),
    lambda s: s["digest"].update(sha256="AB" * 32),
    lambda s: s["digest"].update(sm3=""),
    lambda s: s["digest"].update(sm3=7),
    lambda s: s["digest"].pop("sha256"),
    lambda s: s["digest"].pop("tiezhengChunks256k"),
    lambda s: s.update(digest=[]),
]


@pytest.mark.parametrize("number", range(len(SUBJECTS)))
def test_a_file_of_another_form_is_refused(number: int) -> None:
    value = example("evidence")
    SUBJECTS[number](value["subject"][0])
    with pytest.raises(Malformed):
        read(value)


@pytest.mark.parametrize("subject", ["x", 7, [], {}, {"name": "x"}])
def test_what_is_no_subject_is_refused(subject: Any) -> None:
    value = example("evidence")
    value["subject"] = [subject]
    with pytest.raises(Malformed, match=r"subject\[0\]"):
        read(value)


def test_a_register_statement_is_about_the_text_that_it_registers() -> None:
    value = example("register")
    value["subject"] = [text_subject("key/another.example", VKEY)]
    with pytest.raises(Malformed, match="subject"):
        read(value)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda v: v.update(predicateType="urn:tiezheng:evidence:v2"),
        lambda v: v.update(predicateType="urn:tiezheng:Evidence:v1"),
        lambda v: v.update(predicateType="urn:tiezheng:hold:v1"),
        lambda v: v.update(extra="x"),
        lambda v: v.update(subject={}),
        lambda v: v.update(predicate=[]),
        lambda v: v.pop("predicate"),
    ],
)
def test_a_statement_of_another_form_is_refused(change: Callable[[Any], object]) -> None:
    value = copy.deepcopy(example("evidence"))
    change(value)
    with pytest.raises(Malformed):
        read(value)


def test_a_cosigners_key_may_be_registered_but_signs_nothing() -> None:
    """The register lists cosigners too; `Envelope.open` refuses their keys."""
    draft = registration(1, COURT, "court")
    assert Statement.from_bytes(draft.to_payload()).kind is Kind.REGISTER


def renewal(**more: str) -> dict[str, Any]:
    value = example("renewal")
    value["predicate"] |= more
    return value


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("rehash", {"size": "0"}),
        ("rehash", {"size": "13"}),
        ("rehash", {"rows": "0"}),
        ("rehash", {"rows": "012"}),
        ("rehash", {"rows": str(2**40 + 1)}),
        ("rehash", {"origin": "a b"}),
        ("rehash", {"hash": "sha256"}),
        ("rehash", {"hash": 512}),
        ("rehash", {"root": format_base64(bytes(32))}),
        ("rehash", {"root": format_base64(bytes(63) + b"x")}),
        ("rehash", {"tokens": "12"}),
        ("renewed tokens", {"tokens": "0"}),
        ("renewed tokens", {"tokens": "13"}),
        ("renewed tokens", {"size": "9"}),
    ],
)
def test_rows_that_are_none_or_not_those_of_the_subject_are_refused(
    kind: str, more: dict[str, object]
) -> None:
    value = example(kind)
    assert read(value)
    value["predicate"] |= more
    with pytest.raises(Malformed):
        read(value)


def test_a_renewal_is_about_the_text_of_the_checkpoint_whoever_cosigned_it() -> None:
    assert read(renewal(final=sign_all(LAST, LOG, [])))


@pytest.mark.parametrize(
    "final",
    [
        "",
        LAST.to_text(),
        FINAL.replace("\n9\n", "\n09\n"),
        FINAL + "\n",
        sign_all(Checkpoint(LAST.origin, 0, EMPTY_ROOT), LOG, []),
        sign_all(Checkpoint(LAST.origin, 8, bytes(32)), LOG, []),
        sign_all(Checkpoint("ledger.example/enforcement/2025", 9, bytes(32)), LOG, []),
    ],
)
def test_a_renewal_names_the_one_checkpoint_it_is_about(final: str) -> None:
    with pytest.raises(Malformed):
        read(renewal(final=final))
