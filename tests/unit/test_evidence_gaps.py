"""What is told of a case's evidence as a whole: without a kind, or after a remedy was sought."""

from typing import Any

import pytest

from cli.gap_wording import gap_cure, gap_sentence
from ledger.evidence.chunks import digest_item
from ledger.evidence.due import Calendar
from ledger.evidence.statement import FileSubject, Kind, Statement, StatementSubject
from ledger.process.casefile import CaseFile, Filed
from ledger.process.judging.gap import Gap
from ledger.process.judging.gaps import gaps
from testkit.case import AGENCY, CASE, uuid7
from testkit.proceeding import BEGINS, HOUR, registers_of
from testkit.rulepacks import PACKS

REGISTERS = registers_of(*((name, text) for name, text in PACKS.items() if name != "after"))
SAID = {"agency": AGENCY, "case": CASE}
WHEN = {"from": "2026-03-02T09:00:00+08:00", "to": "2026-03-02T09:00:00+08:00"}


def item(n: int, **more: Any) -> Statement:
    subject = FileSubject(f"{n}.pdf", digest_item(str(n).encode()))
    return Statement(Kind.EVIDENCE, (subject,), {**SAID, "id": uuid7(n), "occurred": WHEN} | more)


def typed(n: int) -> Statement:
    return item(n, evidence_type="documentary")


def act(name: str, procedure: str = "ordinary", **more: Any) -> Statement:
    said = {"act": name, "id": uuid7(900), "occurred": WHEN, "procedure": procedure}
    return Statement(Kind.ACT, (FileSubject("a", digest_item(b"a")),), {**SAID, **said, **more})


def correction(n: int, kind: str, **more: Any) -> Statement:
    said = {"changes": {"evidence_type": kind}, "id": uuid7(800), "reason": "漏填"}
    return Statement(
        Kind.CORRECTION, (StatementSubject(uuid7(n), b"\0" * 32),), {**SAID, **said, **more}
    )


def told(*said: Statement) -> list[Gap]:
    filed = tuple(Filed(1000 + n, one, BEGINS + n * HOUR) for n, one in enumerate(said))
    found = gaps(CaseFile(CASE, AGENCY, filed), REGISTERS, Calendar())
    return [gap for gap in found if gap.what in ("untyped", "post_litigation")]


def test_evidence_without_its_kind_is_one_notice_of_the_case() -> None:
    (gap,) = told(act("case_filing"), typed(1), item(2), item(3))
    assert (gap.what, gap.level, gap.source, gap.article) == ("untyped", "notice", "处罚法", "46")
    assert (gap.facts["count"], gap.place) == ("2", 1002)
    assert told(act("case_filing"), typed(1)) == []


@pytest.mark.parametrize(
    ("corrections", "count"),
    [
        ([correction(2, "testimony")], None),
        ([correction(2, "a film")], "1"),
        ([correction(3, "testimony")], "1"),
        ([correction(2, "testimony"), correction(2, "")], "1"),
        ([correction(2, "testimony", agency="agency-09")], "1"),
    ],
)
def test_a_correction_by_the_same_agency_gives_it_one(
    corrections: list[Statement], count: str | None
) -> None:
    found = told(act("case_filing"), item(2), *corrections)
    assert [gap.facts["count"] for gap in found] == ([count] if count else [])


def test_each_agency_corrects_its_own() -> None:
    theirs = item(2, agency="agency-09")
    assert [gap.what for gap in told(act("case_filing"), theirs)] == ["untyped"]
    fixed = correction(2, "testimony", agency="agency-09")
    assert told(act("case_filing"), theirs, fixed) == []


def test_two_packs_tell_it_once_and_one_of_no_penalty_not_at_all() -> None:
    both = [act("hearing_request", "hearing"), item(1)]
    assert [gap.what for gap in told(*both)] == ["untyped"]
    assert told(act("application", "licence"), item(1)) == []
    assert told(item(1)) == []


@pytest.mark.parametrize(
    ("notice", "law"),
    [("litigation_notice", "行政诉讼法 35"), ("reconsideration_notice", "复议法 46")],
)
def test_what_is_filed_after_a_remedy_was_sought_is_told_with_its_number(
    notice: str, law: str
) -> None:
    before = [act("case_filing"), typed(1)]
    assert told(*before, act(notice, "after")) == []
    again = act(notice, "after")
    (gap,) = told(*before, act(notice, "after"), typed(2), act("payment"), typed(3), again)
    assert (gap.what, gap.level, gap.stage) == ("post_litigation", "notice", "enforce")
    assert f"{gap.source} {gap.article}" == law
    assert (gap.facts["count"], gap.facts["notice"], gap.place) == ("2", "1002", 1003)


def test_after_the_result_of_a_reconsideration_one_may_collect_again_until_one_is_sued() -> None:
    sought = [
        act("case_filing"),
        act("reconsideration_notice", "after"),
        typed(1),
        act("reconsideration_result", "after"),
        typed(2),
    ]
    assert [gap.facts["count"] for gap in told(*sought)] == ["1"]
    both = told(*sought, act("litigation_notice", "after"), typed(3), typed(4))
    assert sorted((g.source, g.facts["count"]) for g in both) == [
        ("复议法", "1"),
        ("行政诉讼法", "2"),
    ]


def test_of_a_second_reconsideration_it_is_told_as_of_the_first() -> None:
    once = [act("reconsideration_notice", "after"), act("reconsideration_result", "after")]
    again = act("reconsideration_notice", "after")
    (gap,) = told(act("case_filing"), *once, typed(1), again, typed(2), typed(3))
    assert (gap.facts["count"], gap.facts["notice"], gap.place) == ("2", "1004", 1005)


def test_another_agency_s_notice_is_none_of_the_case() -> None:
    notice = act("litigation_notice", "after", agency="agency-09")
    assert told(act("case_filing"), typed(1), notice, typed(2)) == []


def test_it_is_worded_in_both_languages() -> None:
    found = told(act("case_filing"), act("litigation_notice", "after"), item(1))
    assert {gap.what for gap in found} == {"untyped", "post_litigation"}
    for gap in found:
        for text in (*gap_sentence(gap.to_json()).values(), *gap_cure(gap.to_json()).values()):
            assert text and not set("{}?") & set(text), text


def sound(n: int, name: str) -> Statement:
    subject = FileSubject(name, digest_item(str(n).encode()))
    said = {"id": uuid7(n), "occurred": WHEN, "evidence_type": "audiovisual"}
    return Statement(Kind.EVIDENCE, (subject,), {**SAID, **said})


def made_from(n: int, derived: str = "transcript") -> Statement:
    said = {"derived": derived, "id": uuid7(700 + n), "occurred": WHEN, "tool": "whisper 1"}
    original = digest_item(str(n).encode()).sha256.hex()
    subject = FileSubject("words.txt", digest_item(b"words"))
    return Statement(Kind.DERIVATION, (subject,), {**SAID, **said, "original": original})


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ([sound(1, "询问.mp3")], "1"),
        ([sound(1, "询问.MP3")], "1"),
        ([sound(1, "询问.WAV"), sound(2, "b.m4a"), made_from(1)], "1"),
        ([sound(1, "询问.mp3"), sound(2, "b.amr")], "2"),
        ([sound(1, "询问.mp3"), made_from(1)], ""),
        ([made_from(1), sound(1, "询问.mp3")], ""),
        ([sound(1, "询问.mp3"), made_from(1, "transcode")], "1"),
        ([sound(1, "执法.mp4"), item(2)], ""),
        ([], ""),
    ],
)
def test_sound_without_its_transcript_is_one_notice_of_the_case(
    said: list[Statement], count: str
) -> None:
    filed = [act("case_filing"), *said]
    file = CaseFile(CASE, AGENCY, tuple(Filed(1000 + n, s, BEGINS) for n, s in enumerate(filed)))
    found = [gap for gap in gaps(file, REGISTERS, Calendar()) if gap.what == "no_transcript"]
    assert [(gap.facts["count"], gap.level) for gap in found] == ([(count, "notice")] * bool(count))
