"""The data sheet and the reference of a certificate."""

import json
import re
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.notary.page import MAX_ITEMS, CertificatePage, Compared
from cli.reference import Reference
from ledger.errors import Malformed
from testkit.certificate_pages import COMPARED, make_item, make_page

CLOSED = "ledger.example/enforcement/2025"
QR_ALPHANUMERIC = re.compile(r"[0-9A-Z $%*+\-./:]+")


@pytest.mark.parametrize("outcome", Compared)
def test_a_data_sheet_is_read_back_as_it_was_written(outcome: Compared) -> None:
    page = make_page(2, make_item(7, outcome))
    assert CertificatePage.from_bytes(page.to_bytes()) == page


@pytest.mark.parametrize("field", sorted(json.loads(make_page().to_bytes())))
def test_every_field_of_a_data_sheet_must_be_there_in_its_type(field: str) -> None:
    sheet = json.loads(make_page().to_bytes())
    for changed in (
        {name: value for name, value in sheet.items() if name != field},
        sheet | {field: {}},
        sheet | {field: "" if field != "case" else "no case number"},
        sheet | {field: -1},
        sheet | {field: []},
    ):
        with pytest.raises(Malformed):
            CertificatePage.from_bytes(
                json.dumps(
                    changed, separators=(",", ":"), sort_keys=True, ensure_ascii=False
                ).encode()
            )


def test_an_unknown_field_is_refused() -> None:
    sheet = make_page().to_bytes()
    with pytest.raises(Malformed, match="no field 'zzz'"):
        CertificatePage.from_bytes(sheet[:-1] + b',"zzz":1}')


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"items": ()}, "items: want 1 to"),
        ({"items": (make_item(),) * (MAX_ITEMS + 1)}, "items: want 1 to"),
        ({"notaries": ()}, "notaries: want 1 to"),
        ({"cosigners": ()}, "cosigners: want 1 to"),
        ({"purpose": "用" * 301}, "purpose: want 1 to 300 characters"),
        ({"applicant": "甲\n乙"}, "applicant: want visible characters"),
        ({"applicant": "甲\u202e乙"}, "applicant: want visible characters"),
        ({"applicant": "e\u0301"}, "applicant: want visible characters in NFC"),
        ({"method": "核对联合签名"}, "method: want it called 自动联合签名（非公证）"),
        ({"case": "417"}, "want a case number"),
        ({"issued_at_ms": COMPARED - 1}, "want a comparison before the issue"),
        ({"checkpoint_root": b"short"}, "checkpoint_root: want 32 bytes"),
        ({"checkpoint_size": 73_894}, r"items\[0\].index: want an entry below the checkpoint"),
    ],
)
def test_what_could_not_be_meant_is_refused(changed: dict[str, object], complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        make_page(**changed)


@pytest.mark.parametrize(
    ("outcome", "changed", "complaint"),
    [
        (Compared.SAME, {"quorum_at_ms": None}, "want the quorum time"),
        (Compared.SAME, {"index": None}, "want a place in the log"),
        (Compared.SAME, {"logged_sha256": bytes(32)}, "want the log's digest"),
        (Compared.DIFFERENT, {"logged_sha256": None}, "want the log's digest"),
        (Compared.DIFFERENT, {"sha256": sha256(b"other").digest()}, "want another digest"),
        (Compared.NOT_LOGGED, {"index": 1}, "want a place in the log"),
        (Compared.NOT_LOGGED, {"token_at_ms": 1}, "want no log or times"),
        (Compared.NOT_LOGGED, {"log": CLOSED}, "want no log or times"),
        (Compared.SAME, {"log": "a\nb"}, "log: want visible characters"),
        (Compared.UNDECIDED, {"name": ""}, "name: want 1 to 255 characters"),
        (Compared.UNDECIDED, {"size": -1}, "size: want 0 to"),
    ],
)
def test_an_item_that_contradicts_itself_is_refused(
    outcome: Compared, changed: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Malformed, match=complaint):
        replace(make_item(1, outcome), **changed)


def test_a_place_in_a_closed_log_is_read_back_and_not_held_against_another_logs_size() -> None:
    item = replace(make_item(), index=2**40, log=CLOSED)
    page = make_page(items=(item,))
    assert CertificatePage.from_bytes(page.to_bytes()) == page
    with pytest.raises(Malformed, match=r"items\[0\].log: want another log"):
        make_page(items=(replace(item, log=page.log_origin),))
    with pytest.raises(Malformed, match="want the log's origin"):
        CertificatePage.from_bytes(page.to_bytes().replace(CLOSED.encode(), b""))


def test_a_reference_fits_a_code_and_a_line() -> None:
    text = Reference.of(make_page().to_bytes()).to_text()
    assert len(text) == 35
    assert QR_ALPHANUMERIC.fullmatch(text)


@given(st.binary(min_size=15, max_size=15))
def test_every_reference_is_read_back(start: bytes) -> None:
    assert Reference.from_text(Reference(start).to_text()) == Reference(start)


@given(st.text(max_size=40))
def test_whatever_is_read_is_written_back(text: str) -> None:
    try:
        reference = Reference.from_text(text)
    except Malformed:
        return
    assert reference.to_text() == text


def test_a_mistyped_reference_is_noticed() -> None:
    text = Reference.of(make_page().to_bytes()).to_text()
    noticed = 0
    places = [i for i in range(5, len(text)) if text[i] != "-"]
    for i in places:
        typo = text[:i] + ("A" if text[i] != "A" else "B") + text[i + 1 :]
        try:
            Reference.from_text(typo)
        except Malformed:
            noticed += 1
    assert noticed == len(places)


def test_two_sheets_that_differ_have_two_references() -> None:
    one, other = make_page(), make_page(purpose="另一用途")
    assert Reference.of(one.to_bytes()) != Reference.of(other.to_bytes())
