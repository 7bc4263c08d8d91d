"""Five questions of a lay reader, and what the first page answers of five packets.

They were written down for readers who know nothing of logs: was this video cut, is anything
missing, when was it fixed, who could have changed it, whom do I have to trust.
"""

from dataclasses import replace
from functools import cache

import pytest

from cli.first_page import CUT, MISSING, WHEN, WHO, WHOM, first_page
from cli.folding import columns, fold
from ledger.encoding import format_time
from ledger.report import Finding, Group, Outcome, Report, conclude
from ledger.verify import STEPS
from testkit.case import make_case

LINES = 2
QUESTIONS = (CUT, MISSING, WHEN, WHO, WHOM)
GROUP_OF = {step.name: step.group for step in STEPS}
DECISION = "2026-7"


@cache
def passed() -> Report:
    return make_case().build().verify()


def cut_clip() -> Report:
    """As the report of a clip is: the whole recording is not there, of which a part is shown."""
    detail = (
        "12.5 % of BWC_0088.MP4: 2 runs of its chunks. By the word of who cut it 0:00:40.000 to "
        "0:01:40.000 of 0:10:00.000; 0:00:40.000 before it and 0:08:20.000 after it are not shown. "
    )
    lacks = "BWC_0088.MP4 is not in the packet"
    findings = [f for f in passed().findings if f.step not in ("clip", "complete")]
    findings += [
        Finding("clip", Outcome.PASSED, "data/clips/01.mp4", detail),
        Finding("complete", Outcome.UNDECIDED, "2026-4", lacks),
    ]
    items = [
        replace(i, path="", part="data/clips/01.mp4") if i.name == "BWC_0088.MP4" else i
        for i in passed().facts.items
    ]
    return conclude(findings, GROUP_OF, frozenset(), replace(passed().facts, items=tuple(items)))


def missing_item() -> Report:
    """The last statement of the case, with its entry and its place in the series."""
    case = make_case()
    case.drafts[-1].packed = case.drafts[-1].shown = False
    return case.build().verify(require=frozenset())


def late_decision() -> Report:
    """Dated a week before anything was fixed, and logged when all was there."""
    case = make_case()
    early = format_time(1_795_000_000_000)
    case.draft("decision").predicate["occurred"] = {"from": early, "to": early}
    return case.build().verify(require=frozenset())


def failed() -> Report:
    built = make_case().build()
    path = next(path for path in built.files if path.startswith("data/items/"))
    built.files[path] += b"x"
    return built.verify()


BEFORE = "Before: whoever held it. Since: the operator only with 1 or more of those who confirmed"
TRUST = "That none of those who confirmed (court, notary) colluded with the operator;"
FIXED = "By 2026-11-30 11:00:01 UTC+8, the first by 2026-11-23 15:00:01 UTC+8"
ITEMS = "Cannot be said: the check “Items” failed."

EXPECTED = {
    "passed": (
        passed,
        "Not since it was fixed (5 files shown). Whether before is not shown.",
        "Nothing that was logged up to 2026-11-30 11:00:01 UTC+8; its readers not shown. What was",
        FIXED,
        BEFORE,
        TRUST,
    ),
    "cut clip": (
        cut_clip,
        "Yes, a part is shown: 0:00:40 to 0:01:40 of 0:10:00 of BWC_0088.MP4, says who cut "
        "it; 12.5 % of its bytes are here, as fixed.",
        "Yes, logged but not shown whole here: 1 file.",
        FIXED,
        BEFORE,
        TRUST,
    ),
    "missing item": (
        missing_item,
        "Not since it was fixed (5 files shown). Whether before is not shown.",
        "Yes: the log holds more of this case that is not shown (at least 1).",
        FIXED,
        BEFORE,
        TRUST,
    ),
    "late decision": (
        late_decision,
        "Not since it was fixed (5 files shown). Whether before is not shown.",
        "Nothing that was logged up to",
        FIXED,
        BEFORE,
        TRUST,
    ),
    "failed": (
        failed,
        "Do not rely on it: of data/items/01.bin it is not shown that it is what was fixed.",
        ITEMS,
        ITEMS,
        ITEMS,
        "A failed check is mended by nobody's word.",
    ),
}


@pytest.mark.parametrize("packet", EXPECTED)
def test_the_first_page_answers_in_two_lines_each(packet: str) -> None:
    make, *expected = EXPECTED[packet]
    page = first_page(make())
    assert [question for question, _ in page.answers] == list(QUESTIONS)
    for (question, answer), start in zip(page.answers, expected, strict=True):
        assert answer["en"].startswith(start), question["en"]
        for lang in ("en", "zh"):
            lines = list(fold(answer[lang], "  ", "  "))
            assert len(lines) <= LINES, lines
            assert max(map(columns, lines)) <= 80


def test_a_late_decision_is_told_as_left_open() -> None:
    report = late_decision()
    assert report.groups[Group.ORDER] is Outcome.UNDECIDED
    told = " ".join(sentence["en"] for sentence in first_page(report).not_proved)
    assert "whether all was fixed before the decision" in told


def test_the_first_failure_says_what_it_is() -> None:
    first = first_page(failed()).not_proved[0]
    assert "no statement in this packet speaks of these bytes" in first["en"]
    assert "内容已被改动，或者从未固定" in first["zh"]
