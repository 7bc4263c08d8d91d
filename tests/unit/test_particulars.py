from typing import Any

import pytest

from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.process.particulars import WANTED, Lack, lacking
from ledger.report import Group, Outcome, Report
from testkit import case as kit
from testkit.case import Draft, evidence, make_case

NOTED = {"carrier": "存储卡 A1", "maker": "张三", "method": "现场拍摄", "purpose": "现场状况"}


def said(*drafts: Draft) -> list[Statement]:
    return [Statement.from_bytes(Envelope.from_bytes(d.to_envelope()).payload) for d in drafts]


def photo(**fields: Any) -> Draft:
    draft = evidence("photo", 1, {"现场照片.jpg": b"photo"}, **fields)
    if "officers" not in fields:
        draft.predicate.pop("officers", None)
    return draft


def corrected(about: Draft, number: int = 2, **changes: str) -> Draft:
    draft = kit.correction(f"c{number}", number, about)
    draft.predicate["changes"] = changes
    return draft


def test_what_is_noted_lacks_nothing() -> None:
    assert lacking(said(photo(**NOTED))) == []


@pytest.mark.parametrize("field", sorted(NOTED))
def test_each_field_that_is_left_out_is_named_with_its_item(field: str) -> None:
    one = photo(**{name: text for name, text in NOTED.items() if name != field})
    assert lacking(said(one)) == [Lack(one.predicate["id"], "现场照片.jpg", (field,))]


def test_several_stand_in_the_order_of_the_list() -> None:
    # 制作时间 stands in every statement of evidence: none is read without.
    (lack,) = lacking(said(photo()))
    assert lack.fields == tuple(field for field in WANTED if field != "occurred")


def test_an_empty_purpose_says_nothing() -> None:
    (lack,) = lacking(said(photo(**{**NOTED, "purpose": " \n"})))
    assert lack.fields == ("purpose",)


def test_officers_have_made_what_their_recorder_recorded_and_nothing_else() -> None:
    noted = {name: text for name, text in NOTED.items() if name != "maker"}
    officers = {"officers": ["32050012345"]}
    recorder = {"device": "BWC-310", "file": "BWC_0088.MP4"}
    assert lacking(said(photo(**noted, **officers, **recorder))) == []
    assert lacking(said(photo(**noted, **officers)))[0].fields == ("maker",)
    assert lacking(said(photo(**noted, **recorder)))[0].fields == ("maker",)


def test_a_correction_fills_in_what_it_names_and_nothing_more() -> None:
    one = photo()
    fields = lacking(said(one, corrected(one, purpose="现场", maker="张三")))[0].fields
    assert fields == ("method", "carrier")


def test_the_last_correction_counts_even_if_it_takes_away() -> None:
    one = photo(**NOTED)
    blank = corrected(one, 2, purpose="")
    assert lacking(said(one, blank))[0].fields == ("purpose",)
    assert lacking(said(one, blank, corrected(one, 3, purpose="现场"))) == []


def test_another_agencys_correction_does_not_count() -> None:
    one = photo(**NOTED)
    other = corrected(one, 2, purpose="")
    other.predicate["agency"] = "agency-02"
    assert lacking(said(one, other)) == []


def test_nothing_is_asked_of_an_act() -> None:
    assert lacking(said(kit.decision("d", 9))) == []


# --- in the verdict ---------------------------------------------------------------------------


def judged(require: frozenset[Group] = frozenset(), without: str = "") -> Report:
    case = make_case()
    for draft in case.drafts:
        if draft.kind == "evidence":
            draft.predicate.update(NOTED)
    case.draft("video").predicate.pop(without, None)
    return case.build().verify(require=require)


def test_a_packet_with_all_particulars_passes_in_form() -> None:
    report = judged(frozenset({Group.FORM}))
    assert report.outcome is Outcome.PASSED
    assert report.groups[Group.FORM] is Outcome.PASSED


def test_what_lacks_is_undecided_in_form_alone() -> None:
    before = judged()
    # `make_case` corrects the purpose of one: carriers are nobody's correction.
    report = judged(without="carrier")
    (found,) = [f for f in report.findings if f.step == "particulars"]
    assert (found.outcome, found.detail) == (Outcome.UNDECIDED, "not noted: carrier")
    assert report.outcome is Outcome.PASSED
    for group in set(Group) - {Group.FORM}:
        assert report.groups[group] is before.groups[group]
    assert judged(frozenset({Group.FORM}), without="carrier").outcome is Outcome.UNDECIDED
