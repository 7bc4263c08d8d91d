"""The sentences of the first page follow the findings, in both languages, and fit a page."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli.first_page import (
    CUT,
    LINES,
    MEANINGS,
    MISSING,
    NOTHING,
    OPEN,
    TRUTH,
    WHEN,
    WHO,
    WHOM,
    FirstPage,
    first_page,
    first_page_lines,
)
from cli.folding import COLUMNS, columns
from cli.language import choose
from cli.verdict import RULE
from ledger.report import Bilingual, Facts, Finding, Group, Item, Outcome, Report, conclude
from ledger.verify import STEPS
from testkit.terminal import Run

GROUP_OF = {step.name: step.group for step in STEPS}
PASSED, FAILED, UNDECIDED = Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED
T1, T2 = "2026-11-23T18:20:01+08:00", "2026-11-23T18:50:01+08:00"

SEEN = {
    "claimed": "",
    "cosigners": "court, notary",
    "origin": "ledger.example/2026",
    "overlap": "1",
    "policy": "ab" * 32,
    "quorum_time": T2,
    "root": "AAAA",
    "size": "5",
}
FILM = Item("data/items/01.mp4", "01.mp4", "2026-1", "", "", "", "", T1, T1, "before", "")
NO_LOG = Finding("complete", UNDECIDED, "x", "no copy of the public log was given (--log)")
RECOUNTED = Finding("complete", PASSED, "2026", f"as of {T2}: 3 series recounted over 5 entries")
CLIP = (
    "12.5 % of 01.mp4: 2 runs of its chunks. By the word of who cut it 0:00:01.000 to 0:00:02.000 "
    "of 0:00:09.000; 0:00:01.000 before it and 0:00:07.000 after it are not shown"
)
OTHERS_NAME = (
    "Other recordings of that moment, by their statements: x: 1 runs of its chunks. By the word of "
    "who cut it 0:00:00.000 to 0:00:09.000 of 0:00:09.000; .mp4 (not in the packet)"
)
IN_PART = replace(FILM, path="", part="c.mp4")
FENCED = Finding("fence", PASSED, "2026-1", "before decision 2026-3 dated 2026-11-24")
SOUND = [
    Finding("container", PASSED, "packet", "9 files"),
    Finding("item", PASSED, "packet", "1 items"),
    RECOUNTED,
    FENCED,
    Finding("time", PASSED, "packet", "3 statements"),
]


def report_of(
    *findings: Finding,
    items: tuple[Item, ...] = (FILM,),
    checkpoints: tuple[dict[str, str], ...] = (SEEN,),
    custody: tuple[dict[str, str], ...] = (),
) -> Report:
    case = "苏城管罚〔2026〕417号"
    facts = Facts(case, "ab" * 32, "cd" * 32, checkpoints, items=items, custody=custody)
    return conclude(findings, GROUP_OF, frozenset(), facts)


def sound_but(*findings: Finding, **facts: tuple[Item, ...]) -> Report:
    """A sound report in which these findings stand in the place of those of their steps."""
    steps = {finding.step for finding in findings}
    rest = [finding for finding in SOUND if finding.step not in steps]
    return report_of(*rest, *findings, **facts)


def answer(report: Report, question: Bilingual) -> str:
    return {q["en"]: a["en"] for q, a in first_page(report).answers}[question["en"]]


def english(sentences: tuple[Bilingual, ...]) -> str:
    return "\n".join(sentence["en"] for sentence in sentences)


def sentences_of(page: FirstPage) -> Iterator[Bilingual]:
    yield from (page.outcome, page.meaning, *page.proved, *page.not_proved)
    for pair in page.answers:
        yield from pair


# --- the five questions ----------------------------------------------------------------------


CUTS = [
    (sound_but(), "Not since it was fixed (1 file shown). Whether before is not shown."),
    (sound_but(items=()), "No file is shown here"),
    (
        sound_but(Finding("clip", PASSED, "c.mp4", CLIP), items=(IN_PART,)),
        "Yes, a part is shown: 0:00:01 to 0:00:02 of 0:00:09 of 01.mp4, says who cut it; "
        "12.5 % of its bytes are here, as fixed.",
    ),
    (
        sound_but(*[Finding("clip", PASSED, "c.mp4", CLIP)] * 3, items=(IN_PART,)),
        "Yes, a part is shown: 0:00:01 to 0:00:02 of 0:00:09 of 01.mp4, says who cut it; "
        "12.5 % of its bytes are here, as fixed; and 2 parts more.",
    ),
    # Of a recording that is here whole a clip leaves nothing out.
    (
        sound_but(Finding("clip", PASSED, "c.mp4", CLIP), items=(replace(FILM, part="c.mp4"),)),
        "Not since it was fixed (1 file shown). Whether before is not shown.",
    ),
    # What another recording is called says nothing of this one.
    (
        sound_but(Finding("clip", PASSED, "c.mp4", f"{CLIP}. {OTHERS_NAME}"), items=(IN_PART,)),
        "Yes, a part is shown: 0:00:01 to 0:00:02 of 0:00:09 of 01.mp4, says who cut it; ",
    ),
    (sound_but(Finding("item", FAILED, "a.mp4", "x")), "Do not rely on it: of a.mp4"),
    (sound_but(Finding("clip", FAILED, "a.mp4", "x")), "Do not rely on it: of a.mp4"),
    (sound_but(Finding("signature", FAILED, "2026-1", "x")), "Cannot be said: the check “Sig"),
    (sound_but(Finding("checkpoint", UNDECIDED, "c", "x")), "Cannot be said: the check “Log"),
    (report_of(), "Cannot be said: nothing was checked."),
]


@pytest.mark.parametrize(("report", "wanted"), CUTS)
def test_was_this_video_cut(report: Report, wanted: str) -> None:
    assert answer(report, CUT).startswith(wanted)


MORE = Finding("complete", FAILED, "s", "entry 7 is statement 4, which is not shown")
MISSINGS = [
    (
        sound_but(),
        "Nothing that was logged up to 2026-11-23 18:50:01 UTC+8; its readers not shown. What was",
    ),
    (
        report_of(*SOUND, custody=({"action": "read"},)),
        "Nothing that was logged up to 2026-11-23 18:50:01 UTC+8. What was never",
    ),
    (
        sound_but(
            Finding(
                "complete",
                PASSED,
                "2026",
                f"on the word of mirror.example, as of {T2}: 3 series looked for in 5 entries",
            )
        ),
        "Nothing that was logged up to 2026-11-23 18:50:01 UTC+8, on the word of mirror.example",
    ),
    (sound_but(NO_LOG), "Not checked: no copy"),
    (sound_but(MORE), "Yes: the log holds more of this case that is not shown (at least 1)."),
    (
        sound_but(replace(MORE, detail=f"mirror.example says: {MORE.detail}"), NO_LOG),
        "Yes: the log holds more",
    ),
    (
        sound_but(Finding("complete", FAILED, "2026", "the root is another")),
        "Cannot be said: packet and log contradict",
    ),
    (
        sound_but(
            Finding(
                "complete", UNDECIDED, "2026/case/s", "statement 2 of 5, entry 2026-7, is not shown"
            ),
            Finding(
                "complete", UNDECIDED, "2026/case/t", "statement 1 of 3, entry 2026-7, is not shown"
            ),
            Finding(
                "complete",
                UNDECIDED,
                "2026/case/s",
                "statement 3 of 5, entry 2026-9, is withheld: minor",
            ),
            RECOUNTED,
        ),
        "Yes, logged but not shown whole here: 2 records (the packet gives a reason for 1).",
    ),
    (
        sound_but(
            Finding("complete", UNDECIDED, "2026/case/s", "01.mp4 is not in the packet"), NO_LOG
        ),
        "Yes, logged but not shown whole here: 1 file. More was not looked for.",
    ),
    (
        sound_but(
            Finding(
                "complete", UNDECIDED, "2026/case/s", "statement 2 of 5, entry 2026-7, is not shown"
            ),
            # A file of that name, which would else be the record above.
            Finding(
                "complete",
                UNDECIDED,
                "2026-9",
                "statement 3 of 5, entry 2026-7, is withheld: privacy",
            ),
            RECOUNTED,
        ),
        "Yes, logged but not shown whole here: 1 record and 1 file "
        "(the packet gives a reason for 1)",
    ),
    (
        sound_but(Finding("complete", UNDECIDED, "2026", "the checkpoint has no quorum")),
        "Not decided",
    ),
    (sound_but(Finding("inclusion", FAILED, "e", "x")), "Cannot be said"),
    (sound_but(Finding("signature", UNDECIDED, "e", "x")), "Cannot be said"),
    (report_of(), "Cannot be said"),
]


@pytest.mark.parametrize(("report", "wanted"), MISSINGS)
def test_is_anything_missing(report: Report, wanted: str) -> None:
    assert answer(report, MISSING).startswith(wanted)


LATER = replace(FILM, path="data/items/02.mp4", not_after=T2)
WHENS = [
    (sound_but(), "By 2026-11-23 18:20:01 UTC+8."),
    (
        sound_but(items=(LATER, FILM)),
        "By 2026-11-23 18:50:01 UTC+8, the first by 2026-11-23 18:20:01 UTC+8.",
    ),
    (
        sound_but(items=(FILM, replace(LATER, not_after=""))),
        "By 2026-11-23 18:20:01 UTC+8; of 1 file not shown.",
    ),
    (sound_but(items=(replace(FILM, not_after=""),)), "Not shown: no time"),
    (sound_but(items=()), "Not shown: no time"),
    (
        sound_but(Finding("time", UNDECIDED, "2026-1", "x")),
        "By 2026-11-23 18:20:01 UTC+8; with doubts, see Time below.",
    ),
    (sound_but(Finding("time", FAILED, "2026-1", "x")), "Cannot be said: the check “Time” failed."),
    (sound_but(Finding("item", FAILED, "a", "x")), "Cannot be said: the check “Items” failed."),
]


@pytest.mark.parametrize(("report", "wanted"), WHENS)
def test_when_was_it_fixed(report: Report, wanted: str) -> None:
    assert answer(report, WHEN).startswith(wanted)


NONE_SAW = {**SEEN, "quorum_time": ""}
WHOS = [
    (sound_but(), "Before: whoever held it. Since: the operator only with 1 or more of those who"),
    (report_of(*SOUND, checkpoints=(NONE_SAW,)), "The operator of the log, alone"),
    (report_of(*SOUND, checkpoints=({**NONE_SAW, "claimed": T1},)), "The operator of the log, al"),
    (report_of(*SOUND, checkpoints=({**SEEN, "overlap": "0"},)), "The operator of the log, alone"),
    (report_of(*SOUND, checkpoints=(SEEN, NONE_SAW)), "The operator of the log, alone"),
    (report_of(*SOUND, checkpoints=()), "The operator of the log, alone"),
    (sound_but(Finding("commitment", FAILED, "e", "x")), "Cannot be said"),
    (sound_but(Finding("signature", UNDECIDED, "e", "x")), "Cannot be said"),
]


@pytest.mark.parametrize(("report", "wanted"), WHOS)
def test_who_could_have_changed_it(report: Report, wanted: str) -> None:
    assert answer(report, WHO).startswith(wanted)


WITHDRAWN = Finding("signature", PASSED, "2026-4", f"the cosigner key ab does not count since {T1}")
TRUSTS = [
    (
        sound_but(),
        "That none of those who confirmed (court, notary) colluded with the operator; the reg",
    ),
    (report_of(*SOUND, checkpoints=({**SEEN, "overlap": "3"},)), "That at most 2 of those"),
    (report_of(*SOUND, checkpoints=(NONE_SAW,)), "The operator of the log; the registrar"),
    (sound_but(Finding("item", FAILED, "e", "x")), "A failed check is mended by nobody's word."),
]


@pytest.mark.parametrize(("report", "wanted"), TRUSTS)
def test_whom_do_i_have_to_trust(report: Report, wanted: str) -> None:
    assert answer(report, WHOM).startswith(wanted)


def test_a_withdrawn_key_is_told() -> None:
    assert "Keys withdrawn: 1" in answer(sound_but(WITHDRAWN), WHOM)
    assert "withdrawn" not in answer(sound_but(), WHOM)


# --- proved and not proved -------------------------------------------------------------------


@pytest.mark.parametrize("group", list(Group))
@pytest.mark.parametrize("outcome", [FAILED, UNDECIDED])
def test_what_did_not_pass_is_named_as_not_proved(group: Group, outcome: Outcome) -> None:
    step = next(step for step in reversed(STEPS) if step.group is group)
    page = first_page(sound_but(Finding(step.name, outcome, "about.mp4", "x")))
    told = english(page.not_proved)
    if outcome is FAILED:
        assert f"FAILED: {step.title['en']}, about.mp4" in told
        assert page.outcome["en"] == "Verdict: FAILED"
    else:
        assert OPEN[group]["en"] in told
        assert "FAILED" not in told


@pytest.mark.parametrize("outcome", [FAILED, UNDECIDED])
def test_without_integrity_nothing_is_said_to_be_proved(outcome: Outcome) -> None:
    assert first_page(sound_but(Finding("series", outcome, "s", "x"))).proved == (NOTHING,)


def test_a_report_with_no_findings_proves_nothing_and_leaves_all_open() -> None:
    page = first_page(report_of())
    assert page.proved == (NOTHING,)
    assert all(OPEN[group]["en"] in english(page.not_proved) for group in Group)
    assert page.meaning is MEANINGS[UNDECIDED]


@pytest.mark.parametrize("outcome", [FAILED, UNDECIDED])
def test_completeness_that_did_not_pass_is_never_claimed(outcome: Outcome) -> None:
    report = sound_but(replace(RECOUNTED, outcome=outcome))
    told = english(first_page(report).proved) + answer(report, MISSING)
    assert "no more of this case" not in told
    assert "Nothing" not in told


def test_the_order_is_claimed_for_the_entries_that_were_before() -> None:
    late = "after decision 2026-3 dated 2026-11-24: by its own label it supports no decision"
    one = first_page(sound_but(FENCED, Finding("fence", PASSED, "2026-5", late)))
    assert "the files of 1 entry. After it, and by their own label not in" in english(one.proved)
    none = first_page(sound_but(Finding("fence", PASSED, "2026-5", late)))
    assert "decision" not in english(none.proved)


def test_clips_of_one_recording_are_parts_of_one_file() -> None:
    clips = [Finding("clip", PASSED, f"{n}.mp4", CLIP) for n in "cd"]
    told = english(first_page(sound_but(*clips, items=(LATER, IN_PART))).proved)
    assert "1 file and the parts shown of 1 more are, bit for bit, as fixed" in told
    whole = english(first_page(sound_but(*clips, items=(replace(FILM, part="c.mp4"),))).proved)
    assert "1 file shown here: bit for bit what was fixed in the log" in whole


ISSUED = Finding("certificate", PASSED, "c.pdf", "certificate 7 of office, issued by notary")
GONE = "certificate 7 was revoked, and is not presented"


def test_certificates_are_told() -> None:
    assert "certificates" not in english(first_page(sound_but()).proved)
    unknown = first_page(sound_but(ISSUED, Finding("revoked", UNDECIDED, "c.pdf", "no copy")))
    assert "certificates that were logged as issued: 1" in english(unknown.proved)
    assert OPEN[Group.COMPLETE]["en"] in english(unknown.not_proved)
    gone = first_page(sound_but(Finding("certificate", PASSED, "2026-7", GONE)))
    assert "1 revoked notarial certificates" in english(gone.not_proved)


def test_as_of_when_and_under_which_policies_it_was_judged() -> None:
    def about(report: Report) -> list[tuple[str, str]]:
        return [(name["en"], value["en"]) for name, value in first_page(report).about]

    sound = sound_but()
    dated = replace(sound, facts=replace(sound.facts, at="2041-06-01T00:00:00+08:00"))
    assert ("As of", "2041-06-01 00:00:00 UTC+8") in about(dated)
    assert ("Policy", "ab" * 32) in about(sound)
    many = [{**SEEN, "policy": f"{number:064}"} for number in (1, 1, 2, 3, 4)]
    shown = [value for name, value in about(report_of(checkpoints=tuple(many))) if name == "Policy"]
    assert shown == [f"{1:064}", f"{2:064}", "and 2 more, each with its log below"]
    assert ("Policy", "(none could be applied)") in about(report_of(checkpoints=()))


def test_the_truth_is_never_proved() -> None:
    assert first_page(sound_but()).not_proved[-1] is TRUTH


STOLEN = Finding(
    "signature",
    UNDECIDED,
    "2026-1",
    f"counts for nothing: seen at {T1}, signed by {'k' * 60}+5f2c91aa, of which entry 2026-9, seen "
    f"at {T2}, says that it was compromised since {T1}",
)
OF_THE_LEDGER = replace(
    STOLEN,
    outcome=PASSED,
    about="2026-2",
    detail=STOLEN.detail.replace("counts for nothing", "undecided, and nothing rests on it"),
)


def test_what_counts_for_nothing_is_no_answer_and_the_rest_is() -> None:
    other = replace(FILM, path="data/items/02.mp4", place="2026-3", not_after=T2)
    report = sound_but(STOLEN, items=(FILM, other))
    assert "1 file shown here" in english(first_page(report).proved)
    assert answer(report, WHEN) == "By 2026-11-23 18:50:01 UTC+8."
    assert answer(report, WHO).startswith("Before: whoever held it.")
    assert OPEN[Group.INTEGRITY]["en"] not in english(first_page(report).not_proved)
    # A file of it that is not here is missing all the same, and a failure is one.
    lacking = sound_but(STOLEN, Finding("complete", UNDECIDED, "2026-1", "x is not in the packet"))
    assert answer(lacking, MISSING).startswith("Yes, logged but not shown")
    failing = sound_but(STOLEN, Finding("series", FAILED, "2026-1", "x"))
    assert answer(failing, WHO).startswith("Cannot be said")
    assert "FAILED" in english(first_page(failing).not_proved)


def test_what_counts_for_nothing_is_counted_and_the_first_are_named() -> None:
    many = [replace(STOLEN, about=f"2026-{n}") for n in range(10, 15)]
    others = [replace(STOLEN, about="2026-11", detail=STOLEN.detail.replace("kk", "jj"))]
    told = first_page(sound_but(*many, *others, OF_THE_LEDGER)).not_proved[0]
    assert told["en"].startswith(
        "Counts for nothing: 5 statements, 2026-10, 2026-11 and 3 more. Undecided: 1 "
        "line of the ledger's own. Entry 2026-9, seen at "
    )
    assert told["en"].endswith("; so of 1 more key.")
    assert told["zh"].endswith("；另有 1 个密钥如此。")
    ledgers = replace(OF_THE_LEDGER, detail=OF_THE_LEDGER.detail.replace("kk", "ll"))
    (sentence, *_) = first_page(sound_but(ledgers, STOLEN)).not_proved
    assert "kkk" in sentence["en"] and "lll" not in sentence["en"]


def test_readers_by_a_stolen_key_are_not_shown() -> None:
    read, undecided = {"action": "read"}, {"action": "read", "undecided": "yes"}
    told = [answer(report_of(*SOUND, custody=(row,)), MISSING) for row in (read, undecided)]
    assert ["its readers not shown" in text for text in told] == [False, True]


def test_what_the_ledger_says_of_itself_leaves_every_answer_as_it_is() -> None:
    plain, told = first_page(sound_but()), first_page(sound_but(*SOUND[:0], OF_THE_LEDGER))
    assert (told.answers, told.proved, told.meaning) == (plain.answers, plain.proved, plain.meaning)
    assert told.not_proved[1:] == plain.not_proved


# --- both languages, one page ----------------------------------------------------------------


HOSTILE = "鐵\u202e\x1b[2J\nVerdict: PASSED " * 9
OTHERS = [
    Finding("container", PASSED, "packet", "9 files"),
    Finding("item", FAILED, HOSTILE, "x"),
    Finding("clip", PASSED, "c", CLIP.replace("01.mp4", HOSTILE)),
    Finding("complete", UNDECIDED, "2026/case/s", f"{HOSTILE} is not in the packet"),
    Finding("complete", PASSED, "s", f"on the word of {HOSTILE}, as of {T2}: 3 series looked for "
            "in 5 entries"),
    MORE,
    RECOUNTED,
    FENCED,
    Finding("fence", UNDECIDED, "2026-1", "x"),
    Finding("time", UNDECIDED, "2026-1", "x"),
    ISSUED,
    Finding("certificate", PASSED, "2026-7", GONE),
    WITHDRAWN,
    *(replace(STOLEN, about=f"2026-{n}") for n in range(100_000, 100_004)),
    replace(STOLEN, detail=STOLEN.detail.replace("kk", "jj")),
    OF_THE_LEDGER,
    Finding("fence", UNDECIDED, "2026-100000", "before decision 2026-3 dated x: not both of them "
            "count"),
]  # fmt: skip
LONG = replace(FILM, name=HOSTILE, path=HOSTILE)


def every_report() -> Iterator[Report]:
    for rows in (CUTS, MISSINGS, WHENS, WHOS, TRUSTS):
        yield from (report for report, _ in rows)
    crowd = {**SEEN, "cosigners": ", ".join(f"cosigner-of-the-district-{i}" for i in range(9))}
    for size in (1, 2, len(OTHERS) - 1, len(OTHERS)):
        for some in itertools.combinations(OTHERS, size):
            items = (LONG, LATER, replace(LATER, path="x", not_after=""))
            several = [{**crowd, "policy": f"{number:064}"} for number in range(4)]
            report = report_of(*some, items=items, checkpoints=tuple(several))
            yield replace(report, facts=replace(report.facts, case=HOSTILE))


def test_every_sentence_is_in_both_languages() -> None:
    for report in every_report():
        for sentence in sentences_of(first_page(report)):
            assert sentence.keys() == {"en", "zh"}
            assert all(sentence.values())
            assert any("\u4e00" <= c <= "\u9fff" for c in sentence["zh"])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_is_one_page_whatever_was_found(lang: str) -> None:
    choose([f"--lang={lang}"], {})
    for report in every_report():
        page = first_page(report)
        lines = list(first_page_lines(page))
        assert len(lines) <= LINES
        assert max(map(columns, lines)) <= COLUMNS
        assert len(page.proved) <= 3
        assert len(page.not_proved) <= 4
        assert not {"\x1b", "\u202e", "\n"} & set("".join(lines))


GOLDEN = {
    "en": """\
Verdict: PASSED
What is shown here was not changed since it was fixed. Read its limits as well.

Reference: TZP1.7554IZ-K72KOY-LN2PDV-KFLQQC-IR
Case: 苏城管罚〔2026〕417号
Trust folder: 303cba1aed5272bb62ec80ee25aad25fc78337578111d30bffa2362697507d60
Policy: a01e10285a4442d92564e6b3671be3e3e5a2149c079b57d7e9b145c08c188b09
As of: 2027-01-01 00:00:00 UTC+8

What is proved
- 2 files shown here: bit for bit what was fixed in the log.
- The log held no more of this case up to 2026-11-23 18:50:01 UTC+8.
- Fixed before the date on the decision: the files of 1 entry.

What is not proved
- Left open: whether the times hold for all of it.
- That what is recorded is true, or was whole before it was fixed: no
  computation shows it.

Was this video cut?
  Not since it was fixed (2 files shown). Whether before is not shown.
Is anything missing?
  Nothing that was logged up to 2026-11-23 18:50:01 UTC+8; its readers not
  shown. What was never logged cannot be seen.
When was it fixed?
  By 2026-11-23 18:50:01 UTC+8, the first by 2026-11-23 18:20:01 UTC+8; with
  doubts, see Time below.
Who could have changed it?
  Before: whoever held it. Since: the operator only with 1 or more of those who
  confirmed (court, notary).
Whom do I have to trust?
  That none of those who confirmed (court, notary) colluded with the operator;
  the registrar of keys; for what was before, the recorder.
""",
    "zh": """\
结论：通过
此处出示的内容自固定之后未被改动。其限度也请一并阅读。

引用编号：TZP1.7554IZ-K72KOY-LN2PDV-KFLQQC-IR
案号：苏城管罚〔2026〕417号
信任文件夹：303cba1aed5272bb62ec80ee25aad25fc78337578111d30bffa2362697507d60
策略：a01e10285a4442d92564e6b3671be3e3e5a2149c079b57d7e9b145c08c188b09
核验时点：2027-01-01 00:00:00（北京时间）

已证明的
- 所示 2 个文件与日志中固定的逐比特相同。
- 截至 2026-11-23 18:50:01（北京时间），日志中没有本案的其他内容。
- 日志中 1 个条目所涉文件，在决定书所载日期之前已经固定。

未证明的
- 未能判定：所示时间是否对全部内容成立。
- 不证明记录的内容属实，也不证明固定之前完整：这无法由计算得出。

这段录像被剪过吗？
  固定之后没有（共出示 2 个文件）；固定之前是否剪过，未予证明。
有没有缺少什么？
  截至 2026-11-23 18:50:01（北京时间）已入日志的没有缺少；查阅记录未出示。从未入
  日志的无从得知。
何时固定？
  不晚于 2026-11-23 18:50:01（北京时间），最早的不晚于 2026-11-23 18:20:01（北京
  时间）；尚有疑问，见下文“时间”。
谁有可能改动它？
  固定之前：持有者。固定之后：运营者须与至少 1 个确认方串通（court, notary）。
我须信任谁？
  确认方（court, notary）均未与运营者串通；密钥登记人；固定之前，则为录制者。
""",
}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_of_the_worked_packet(run: Run, worked: Path, lang: str) -> None:
    where = ("--trust", worked / "trust", "--log", worked / "public", "--lang", lang)
    at = ("--at", "2027-01-01T00:00:00+08:00")
    text = run("verify", worked / "packet", *where, *at).out
    assert text.partition(f"\n{RULE}\n")[0] == GOLDEN[lang]
