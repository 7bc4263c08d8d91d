"""The first page of a report, for a judge who knows nothing of logs: what is shown, what is not.

A pure function of the report. Each sentence follows from findings and facts, in both languages;
what no finding shows is said not to be shown. Names that somebody else chose are clipped, so
that the page stays a page: at most 40 lines of 80 columns.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cli.folding import clip_columns, fold
from cli.language import pick, say
from cli.reference import PacketReference
from cli.wording import OUTCOMES, detail_in, seen_words, when_in
from ledger.encoding import printable
from ledger.report import Bilingual, Finding, Group, Item, Outcome, Report, worst
from ledger.verify import STEPS

NAME = 20  # columns of a name that somebody else chose
NAMES = 34  # columns of several
CLOCK = 10  # of a time in a recording
SENTENCE = 150  # two lines
POLICIES = 2  # that every page names
LINES = 40
ENTRIES = 2  # that are named of those that count for nothing

_TITLES = {step.name: step.title for step in STEPS}
_GROUP_OF = {step.name: step.group for step in STEPS}
_OF_FILES = ("container", "item", "clip")

_SHARE = re.compile(r"(\S+) % of ")
_CLIP = re.compile(
    r": \d+ runs of its chunks\.(?: By the word of who cut it (\S+) to (\S+) of (\S+);.*)?",
    re.DOTALL,
)
_RECOUNTED = re.compile(r"as of (.*): \d+ series recounted over \d+ entries")
_VOUCHED = re.compile(r"on the word of (.*), as of (.*): \d+ series looked for in \d+ entries")
_MORE = re.compile(r"(?:\S+ says: )?entry \d+ is statement \d+, which is not shown")
_WITHHELD = re.compile(r"statement \d+ of \d+, entry (\S+), is (not shown|withheld: \w+)")
_ABSENT = re.compile(r".* is (?:not in the packet|withheld: \w+)", re.DOTALL)
_REASON = re.compile(r".* is withheld: \w+", re.DOTALL)
_NO_LOG = re.compile(r"no copy of the public log was given \(--log\)")
_BEFORE = re.compile(r"before decision .*")
_BY_NATURE = re.compile(r"after decision .*: by its own label it supports no decision")
_WITHDRAWN = re.compile(r"the \w+ key \S+ does not count since .*")
_DISOWNED = re.compile(
    r"(counts for nothing|undecided, and nothing rests on it): seen [^\n]*, signed by (\S+), of "
    r"which entry (\S+), (seen [^\n]*), says that it was compromised since ([^\n]*)"
)
_NOT_BOTH = re.compile(r"before decision .*: not both of them count")
_ISSUED = re.compile(r"certificate .* of .*, issued by .*", re.DOTALL)
_NOT_REVOKED = re.compile(r"not revoked as of .*")
_REVOKED = re.compile(r"certificate .* was revoked, and is not presented", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FirstPage:
    outcome: Bilingual
    meaning: Bilingual
    about: tuple[tuple[Bilingual, Bilingual], ...]
    proved: tuple[Bilingual, ...]
    not_proved: tuple[Bilingual, ...]
    answers: tuple[tuple[Bilingual, Bilingual], ...]


def _both(en: str, zh: str) -> Bilingual:
    return {"en": en, "zh": zh}


def _same(text: str) -> Bilingual:
    return _both(text, text) if text else UNREAD


UNREAD = _both("(could not be read)", "（无法读取）")
PROVED = _both("What is proved", "已证明的")
NOT_PROVED = _both("What is not proved", "未证明的")
ASKED = _both("Five questions", "五个问题")

REFERENCE = _both("Reference", "引用编号")
CASE = _both("Case", "案号")
TRUST = _both("Trust folder", "信任文件夹")
POLICY = _both("Policy", "策略")
AT = _both("As of", "核验时点")
NO_POLICY = _both("(none could be applied)", "（未能适用）")
NO_TIME = _both("(no time was asked about)", "（未指定）")

MEANINGS: dict[Outcome, Bilingual] = {
    Outcome.PASSED: _both(
        "What is shown here was not changed since it was fixed. Read its limits as well.",
        "此处出示的内容自固定之后未被改动。其限度也请一并阅读。",
    ),
    Outcome.FAILED: _both(
        "At least one check failed. Do not rely on this packet until that is explained.",
        "至少有一项核验不通过。在查明原因之前，不应采信本证据包。",
    ),
    Outcome.UNDECIDED: _both(
        "No check failed, but what was shown does not suffice for a verdict.",
        "没有核验不通过，但所出示的内容不足以得出结论。",
    ),
}

FOR_THE_REST = _both(
    "Some of what is shown counts for nothing, see below. All else passed on integrity.",
    "所示内容中有不予计入的，见下文；其余内容的完好性核验通过。",
)

OPEN: dict[Group, Bilingual] = {
    Group.INTEGRITY: _both("whether anything was changed", "有无改动"),
    Group.COMPLETE: _both("whether anything was left out", "有无缺漏"),
    Group.ORDER: _both("whether all was fixed before the decision", "是否全部固定于决定之前"),
    Group.FORM: _both("whether all is noted that a court wants noted", "应注明的事项是否均已注明"),
    Group.TIME: _both("whether the times hold for all of it", "所示时间是否对全部内容成立"),
}

NOTHING = _both(
    "Nothing, since not all checks of integrity passed.", "无：完好性的核验未全部通过。"
)
TRUTH = _both(
    "That what is recorded is true, or was whole before it was fixed: no computation shows it.",
    "不证明记录的内容属实，也不证明固定之前完整：这无法由计算得出。",
)

CUT = _both("Was this video cut?", "这段录像被剪过吗？")
MISSING = _both("Is anything missing?", "有没有缺少什么？")
WHEN = _both("When was it fixed?", "何时固定？")
WHO = _both("Who could have changed it?", "谁有可能改动它？")
WHOM = _both("Whom do I have to trust?", "我须信任谁？")


def first_page(report: Report) -> FirstPage:
    outcome = OUTCOMES[report.outcome]
    rest = _what_counts(report)
    return FirstPage(
        _both(f"Verdict: {outcome['en'].upper()}", f"结论：{outcome['zh']}"),
        _meaning(report, rest),
        (
            (REFERENCE, _same(short_reference(report))),
            (CASE, _same(_clipped(report.facts.case, 60))),
            (TRUST, _same(report.facts.trust)),
            *((POLICY, shown) for shown in _policies(report)),
            (AT, when_in(report.facts.at) if report.facts.at else NO_TIME),
        ),
        tuple(_proved(rest)) or (NOTHING,),
        (*_counts_for_nothing(report), *_not_proved(rest)),
        (
            (CUT, _was_it_cut(rest)),
            (MISSING, _is_anything_missing(rest)),
            (WHEN, _when_was_it_fixed(rest)),
            (WHO, _who_could_have_changed_it(rest)),
            (WHOM, _whom_to_trust(rest)),
        ),
    )


def counting_for_nothing(report: Report) -> frozenset[str]:
    """The places of statements whose key was stolen by then, as the log says only later."""
    return frozenset(
        f.about for f in report.findings if f.outcome is Outcome.UNDECIDED and _disowned(f)
    )


def _disowned(finding: Finding) -> re.Match[str] | None:
    return _DISOWNED.fullmatch(finding.detail) if finding.step == "signature" else None


def _what_counts(report: Report) -> Report:
    """The same without what counts for nothing: so that one thief spoils no answer about the rest.

    That it is there is no gap, and a file of it that is not is one.
    """
    if not (gone := counting_for_nothing(report)):
        return report
    findings = tuple(
        f
        for f in report.findings
        if f.about not in gone or f.step == "complete" or f.outcome is Outcome.FAILED
    )
    groups = {g: worst(f.outcome for f in findings if _GROUP_OF[f.step] is g) for g in Group}
    items = tuple(item for item in report.facts.items if item.place not in gone)
    return replace(
        report, findings=findings, groups=groups, facts=replace(report.facts, items=items)
    )


def _meaning(report: Report, rest: Report) -> Bilingual:
    undecided = report.outcome is Outcome.UNDECIDED
    if undecided and rest is not report and _holds(rest, Group.INTEGRITY):
        return FOR_THE_REST
    return MEANINGS[report.outcome]


def _counts_for_nothing(report: Report) -> Iterator[Bilingual]:
    """Which, by whose word, and what of it was fixed in time: no revocation makes it vanish."""
    told = [(f, match) for f in report.findings if (match := _disowned(f))]
    if not told:
        return
    gone = counting_for_nothing(report)
    places = list(dict.fromkeys(f.about for f, _ in told if f.about in gone))
    lines = len({f.about for f, _ in told} - gone)
    en, zh = [], []
    if places:
        more, before = len(places) - ENTRIES, _fixed_before(report, gone)
        named = ", ".join(places[:ENTRIES])
        en.append(
            f"Counts for nothing: {_counted(len(places), 'statement')}, {named}"
            + (f" and {more} more" if more > 0 else "")
            + (f"; fixed before the decision: {before}" if before else "")
        )
        zh.append(
            f"不予计入：{len(places)} 份陈述，条目 {named}"
            + (f" 等，另有 {more} 份" if more > 0 else "")
            + (f"；其中决定之前已固定的：{before} 份" if before else "")
        )
    if lines:
        own = _counted(lines, "line")
        en.append(f"Undecided: {own} of the ledger's own")
        zh.append(f"不能判定：账本自述 {lines} 条，无任何内容以此为据")
    # The key of what counts for nothing before that of the ledger.
    why = _told_stolen([match for f, match in sorted(told, key=lambda t: t[0].about not in gone)])
    yield _both(". ".join([*en, why["en"]]) + ".", "。".join([*zh, why["zh"]]) + "。")


def _told_stolen(told: Sequence[re.Match[str]]) -> Bilingual:
    keys = list(dict.fromkeys(match.groups()[1:] for match in told))
    keyid, entry, seen, since = keys[0]
    key, more = _clipped(keyid, NAMES), len(keys) - 1
    en = f"Entry {entry}, {seen}, says that {key} was compromised since {since}"
    zh = f"条目 {entry}（{seen_words(seen)['zh']}）称密钥 {key} 自 {since}起已被冒用"
    if more:
        en, zh = f"{en}; so of {_counted(more, 'more key')}", f"{zh}；另有 {more} 个密钥如此"
    return _both(when_in(en)["en"], when_in(zh)["zh"])


def _fixed_before(report: Report, places: frozenset[str]) -> int:
    fenced = [f for f in report.findings if f.step == "fence" and f.about in places]
    return len({f.about for f in fenced if _NOT_BOTH.fullmatch(f.detail)})


def first_page_lines(page: FirstPage) -> Iterator[str]:
    """In the language asked for."""
    yield pick(page.outcome)
    yield from fold(pick(page.meaning))
    yield ""
    for name, value in page.about:
        yield from fold(pick(name) + say(en=": ", zh="：") + pick(value))
    for title, sentences in ((PROVED, page.proved), (NOT_PROVED, page.not_proved)):
        yield ""
        yield pick(title)
        for sentence in sentences:
            yield from fold(pick(sentence), "- ", "  ")
    yield ""
    for question, answer in page.answers:
        yield pick(question)
        yield from fold(pick(answer), "  ", "  ")


def short_reference(report: Report) -> str:
    """To cite the packet by; empty if it could not be read."""
    digest = report.facts.packet
    return PacketReference.of_digest(digest).to_text() if digest else ""


def policies(report: Report) -> Sequence[str]:
    """The hashes of those under which the checkpoints shown were judged, each once."""
    return tuple(dict.fromkeys(c["policy"] for c in report.facts.checkpoints))


def every_page(report: Report) -> Sequence[tuple[Bilingual, str]]:
    """What each printed page bears, so that no page can be put into another report."""
    shown = policies(report)[:POLICIES]
    more = f" + {len(policies(report)) - POLICIES}" if len(policies(report)) > POLICIES else ""
    return (
        (REFERENCE, short_reference(report)),
        (TRUST, report.facts.trust),
        *((POLICY, policy) for policy in shown[:-1]),
        *((POLICY, policy + more) for policy in shown[-1:]),
    )


def _policies(report: Report) -> Iterator[Bilingual]:
    found = policies(report)
    yield from (_same(printable(policy)) for policy in found[:POLICIES])
    if (more := len(found) - POLICIES) > 0:
        yield _both(f"and {more} more, each with its log below", f"另有 {more} 个，见下文各日志")
    if not found:
        yield NO_POLICY


# --- proved and not proved -------------------------------------------------------------------


def _proved(report: Report) -> Iterator[Bilingual]:
    """Each rests on statements that are what they were: so nothing without integrity."""
    if not _holds(report, Group.INTEGRITY):
        return
    yield _unaltered(report)
    if _holds(report, Group.COMPLETE):
        yield _nothing_left_out(report)
    before, by_nature = _entries(report, _BEFORE), _entries(report, _BY_NATURE)
    if _holds(report, Group.ORDER) and before:
        en = f"Fixed before the date on the decision: the files of {_entry_count(before)}"
        zh = f"日志中 {before} 个条目所涉文件，在决定书所载日期之前已经固定"
        if by_nature:
            en += f". After it, and by their own label not in support of it: {by_nature}"
            zh += f"；另有 {by_nature} 个晚于决定，按其自称的阶段并非该决定的依据"
        yield _both(f"{en}.", f"{zh}。")


def _unaltered(report: Report) -> Bilingual:
    whole, issued = _present(report), _count(report, "certificate", _ISSUED)
    parts = len({item.part for item in _in_part(report)}) if _parts(report) else 0
    if whole and parts:
        en = f"{_files(whole)} and the parts shown of {parts} more are, bit for bit, as fixed"
        zh = f"{whole} 个文件及另外 {parts} 个文件的所示部分与固定时逐比特相同"
    elif whole:
        en = f"{_files(whole)} shown here: bit for bit what was fixed in the log"
        zh = f"所示 {whole} 个文件与日志中固定的逐比特相同"
    elif parts:
        en = "What is shown of the recording is, bit for bit, a part of what was fixed"
        zh = "所示部分与所固定录像的相应部分逐比特相同"
    else:
        en, zh = "The records shown are those fixed in the log", "所示记录与日志中固定的一致"
    if issued:
        en += f"; notarial certificates that were logged as issued: {issued}"
        zh += f"；已登记出具的公证书：{issued} 份"
    return _both(f"{en}.", f"{zh}。")


def _nothing_left_out(report: Report) -> Bilingual:
    mirrors, time = _recount(report)
    if mirrors:
        return _both(
            f"On the word of {_clipped(mirrors, NAME)}: the log holds no more of this case.",
            f"据 {_clipped(mirrors, NAME)} 的声明：日志中没有本案的其他内容。",
        )
    return _both(
        f"The log held no more of this case up to {time['en']}.",
        f"截至 {time['zh']}，日志中没有本案的其他内容。",
    )


def _not_proved(report: Report) -> Iterator[Bilingual]:
    failed = [f for f in report.findings if f.outcome is Outcome.FAILED]
    if failed:
        first, more = _in_a_sentence(failed[0]), len(failed) - 1
        yield _both(
            f"FAILED: {first['en']}" + (f"; and {more} more." if more else "."),
            f"不通过：{first['zh']}" + (f"；另有 {more} 项。" if more else "。"),
        )
    opened = [OPEN[g] for g in Group if report.groups[g] is Outcome.UNDECIDED]
    en, zh = [o["en"] for o in opened], [o["zh"] for o in opened]
    if revoked := _count(report, "certificate", _REVOKED):
        en.append(f"what {revoked} revoked notarial certificates said")
        zh.append(f"{revoked} 份已撤销的公证书所载事项")
    if opened or revoked:
        yield _both(f"Left open: {'; '.join(en)}.", f"未能判定：{'；'.join(zh)}。")
    yield TRUTH


# --- the questions ---------------------------------------------------------------------------


def _was_it_cut(report: Report) -> Bilingual:
    for finding in report.findings:
        if finding.outcome is Outcome.FAILED and finding.step in _OF_FILES:
            about = _about(finding)
            return _both(
                f"Do not rely on it: of {about['en']} it is not shown that it is what was fixed.",
                f"不应采信：{about['zh']}不能证明是所固定的内容。",
            )
    if not _holds(report, Group.INTEGRITY):
        return _cannot_be_said(report)
    whole, parts = _present(report), _parts(report)
    if parts:
        part, more = parts[0], len(parts) - 1
        return _both(
            f"Yes, a part is shown: {part['en']}"
            + (f"; and {_counted(more, 'part')} more." if more else "."),
            f"只出示一部分：{part['zh']}" + (f"；另有 {more} 个部分。" if more else "。"),
        )
    if not whole:
        return _both(
            "No file is shown here, so nothing can be said.", "此处未出示任何文件，无从判断。"
        )
    return _both(
        f"Not since it was fixed ({_files(whole)} shown). Whether before is not shown.",
        f"固定之后没有（共出示 {whole} 个文件）；固定之前是否剪过，未予证明。",
    )


def _is_anything_missing(report: Report) -> Bilingual:
    found = [f for f in report.findings if f.step == "complete"]
    outcome = worst(f.outcome for f in found)
    failed = [f for f in found if f.outcome is Outcome.FAILED]
    if more := sum(bool(_MORE.fullmatch(f.detail)) for f in failed):
        return _both(
            f"Yes: the log holds more of this case that is not shown (at least {more}).",
            f"有：日志中另有本案内容未出示（至少 {more} 项）。",
        )
    if failed:
        return _both(
            "Cannot be said: packet and log contradict each other.",
            "无法判断：证据包与日志相互矛盾。",
        )
    if not _holds(report, Group.INTEGRITY):
        return _cannot_be_said(report)
    records = {entry for f in found if (entry := _record(f))}  # in several series it is one
    files = sum(bool(_ABSENT.fullmatch(f.detail)) and not _record(f) for f in found)
    if records or files:
        checked = not any(_NO_LOG.fullmatch(f.detail) for f in found)
        en = [_counted(len(records), "record"), _counted(files, "file")]
        zh = [f"{len(records)} 份记录" if records else "", f"{files} 个文件" if files else ""]
        reasons = len({_record(f) or f for f in found if _REASON.fullmatch(f.detail)})
        return _both(
            f"Yes, logged but not shown whole here: {' and '.join(filter(None, en))}"
            + (f" (the packet gives a reason for {reasons})." if reasons else ".")
            + ("" if checked else " More was not looked for."),
            f"有。已入日志而未完整附于此：{'、'.join(filter(None, zh))}"
            + (f"（其中 {reasons} 个由证据包制作者说明了理由）。" if reasons else "。")
            + ("" if checked else "此外未作核对。"),
        )
    mirrors, time = _recount(report)
    # Who read a case is a series of its own, and a packet may leave it out whole.
    read = [row for row in report.facts.custody if not row.get("undecided")]
    unread = _both("" if read else "; its readers not shown", "" if read else "；查阅记录未出示")
    if outcome is Outcome.PASSED and mirrors:
        return _both(
            f"Nothing that was logged up to {time['en']}, on the word of "
            f"{_clipped(mirrors, NAME)}{unread['en']}. What was never logged cannot be seen.",
            f"据 {_clipped(mirrors, NAME)} 的声明，截至 {time['zh']}已入日志的没有缺少"
            f"{unread['zh']}。从未入日志的无从得知。",
        )
    if outcome is Outcome.PASSED:
        return _both(
            f"Nothing that was logged up to {time['en']}{unread['en']}. What was never logged "
            "cannot be seen.",
            f"截至 {time['zh']}已入日志的没有缺少{unread['zh']}。从未入日志的无从得知。",
        )
    if any(_NO_LOG.fullmatch(f.detail) for f in found):
        return _both(
            "Not checked: no copy of the public log was given.", "未核对：没有提供公开日志的副本。"
        )
    return _both(
        "Not decided: see the step on completeness below.", "不能判定：见下文“完整性”一项。"
    )


def _when_was_it_fixed(report: Report) -> Bilingual:
    if Outcome.FAILED in (report.groups[Group.INTEGRITY], report.groups[Group.TIME]):
        return _cannot_be_said(report)
    items = report.facts.items
    times = sorted({item.not_after for item in items if item.not_after})
    if not times:
        return _both(
            "Not shown: no time of anybody but the operator counts here.",
            "未予证明：除运营者之外，没有可计入的时间。",
        )
    first, last = when_in(times[0]), when_in(times[-1])
    some = len([item for item in items if not item.not_after])
    en = f"By {last['en']}" + (f", the first by {first['en']}" if len(times) > 1 else "")
    zh = f"不晚于 {last['zh']}" + (f"，最早的不晚于 {first['zh']}" if len(times) > 1 else "")
    if some:
        en, zh = f"{en}; of {_files(some)} not shown", f"{zh}；另有 {some} 个文件未予证明"
    if report.groups[Group.TIME] is Outcome.UNDECIDED:
        en, zh = f"{en}; with doubts, see Time below", f"{zh}；尚有疑问，见下文“时间”"
    return _both(f"{en}.", f"{zh}。")


def _who_could_have_changed_it(report: Report) -> Bilingual:
    if report.groups[Group.INTEGRITY] is Outcome.FAILED:
        return _cannot_be_said(report)
    if not _quorum(report):
        return _both(
            "The operator of the log, alone: those who should confirm it did not, or not enough.",
            "日志运营者一方即可：应予确认的各方没有确认，或者确认不足。",
        )
    if not _holds(report, Group.INTEGRITY):
        return _cannot_be_said(report)
    overlap, names = _overlap(report), _clipped(_cosigners(report), NAMES)
    return _both(
        f"Before: whoever held it. Since: the operator only with {overlap} or more of those who "
        f"confirmed ({names}).",
        f"固定之前：持有者。固定之后：运营者须与至少 {overlap} 个确认方串通（{names}）。",
    )


def _whom_to_trust(report: Report) -> Bilingual:
    if report.groups[Group.INTEGRITY] is Outcome.FAILED:
        return _both(
            "A failed check is mended by nobody's word.", "核验不通过，任何人的担保都不能弥补。"
        )
    withdrawn = _count(report, "signature", _WITHDRAWN)
    mirrors, _ = _recount(report)
    if _quorum(report):
        names = _clipped(_cosigners(report), NAMES)
        most = _overlap(report) - 1
        few = f"at most {most}" if most else "none"
        en = f"That {few} of those who confirmed ({names}) colluded with the operator"
        zh = f"确认方（{names}）{f'至多 {most} 个与运营者串通' if most else '均未与运营者串通'}"
    else:
        en, zh = "The operator of the log", "日志运营者"
    en, zh = f"{en}; the registrar of keys", f"{zh}；密钥登记人"
    if mirrors:
        en, zh = f"{en}; {_clipped(mirrors, NAME)}", f"{zh}；{_clipped(mirrors, NAME)}"
    en, zh = f"{en}; for what was before, the recorder", f"{zh}；固定之前，则为录制者"
    if withdrawn:
        en, zh = f"{en}. Keys withdrawn: {withdrawn}", f"{zh}。已撤销的密钥：{withdrawn} 个"
    return _both(f"{en}.", f"{zh}。")


# --- what the findings say -------------------------------------------------------------------


def _holds(report: Report, group: Group) -> bool:
    return report.groups[group] is Outcome.PASSED


def _cannot_be_said(report: Report) -> Bilingual:
    """Which check stands in the way: the first that failed, else that is undecided."""
    for outcome, en, zh in (
        (Outcome.FAILED, "failed", "不通过"),
        (Outcome.UNDECIDED, "is undecided", "不能判定"),
    ):
        for finding in report.findings:
            deciding = _GROUP_OF[finding.step] in (Group.INTEGRITY, Group.TIME)
            if finding.outcome is outcome and deciding:
                title = _TITLES[finding.step]
                return _both(
                    f"Cannot be said: the check “{title['en']}” {en}.",
                    f"无法判断：“{title['zh']}”一项{zh}。",
                )
    return _both("Cannot be said: nothing was checked.", "无法判断：未作任何核验。")


def _count(report: Report, step: str, detail: re.Pattern[str]) -> int:
    return sum(f.step == step and bool(detail.fullmatch(f.detail)) for f in report.findings)


def _entries(report: Report, detail: re.Pattern[str]) -> int:
    """How many entries the step on the decision says this of; of several decisions, of any."""
    fenced = [f for f in report.findings if f.step == "fence" and f.outcome is Outcome.PASSED]
    return len({f.about for f in fenced if detail.fullmatch(f.detail)})


def _present(report: Report) -> int:
    return len({item.path for item in report.facts.items if item.path})


def _record(finding: Finding) -> str:
    """The entry of a statement that is not shown; empty for a file, whose name may say the same."""
    of_series = "/" in finding.about
    return m[1] if of_series and (m := _WITHHELD.fullmatch(finding.detail)) else ""


def _in_part(report: Report) -> Sequence[Item]:
    """Of a file that is here whole a clip leaves nothing out."""
    return [item for item in report.facts.items if item.part and not item.path]


def _parts(report: Report) -> Sequence[Bilingual]:
    """Of each clip that held, what of the original it is, where that is not here whole."""
    names = sorted({item.name for item in _in_part(report)}, key=len, reverse=True)
    clips = [f for f in report.findings if f.step == "clip" and f.outcome is Outcome.PASSED]
    return [part for f in clips if (part := _part(f.detail, names))]


def _part(detail: str, names: Sequence[str]) -> Bilingual | None:
    """The names are known, since one could say what comes after it."""
    if (share := _SHARE.match(detail)) is None:
        return None
    rest = detail[share.end() :]
    name = next((name for name in names if rest.startswith(f"{name}: ")), None)
    if name is None or (found := _CLIP.fullmatch(rest, len(name))) is None:
        return None
    return _part_words(share[1], _clipped(name, NAME), *found.groups())


def _part_words(
    share: str, name: str, start: str | None, end: str | None, whole: str | None
) -> Bilingual:
    if start is None or end is None or whole is None:
        return _both(f"{share} % of {name}", f"{name} 的 {share} %")
    start, end, whole = (_clipped(time.partition(".")[0], CLOCK) for time in (start, end, whole))
    return _both(
        f"{start} to {end} of {whole} of {name}, says who cut it; {share} % of its bytes "
        "are here, as fixed",
        f"{name} 的 {start} 至 {end}（全长 {whole}，据截取者所述）；附有其字节的 {share} %，"
        "与固定时相同",
    )


def _recount(report: Report) -> tuple[str, Bilingual]:
    """On whose word completeness rests, if on anybody's, and up to when at least."""
    mirrors, times = set(), []
    for finding in report.findings:
        if finding.step != "complete" or finding.outcome is not Outcome.PASSED:
            continue
        if found := _RECOUNTED.fullmatch(finding.detail):
            times.append(found[1])
        elif found := _VOUCHED.fullmatch(finding.detail):
            mirrors |= set(found[1].split(", "))
            times.append(found[2])
    return ", ".join(sorted(mirrors)), when_in(min(times, default=""))


def _quorum(report: Report) -> bool:
    checkpoints = report.facts.checkpoints
    return bool(checkpoints) and all(
        c["quorum_time"] and int(c["overlap"]) >= 1 for c in checkpoints
    )


def _overlap(report: Report) -> int:
    return min(int(c["overlap"]) for c in report.facts.checkpoints)


def _cosigners(report: Report) -> str:
    found = (name for c in report.facts.checkpoints for name in c["cosigners"].split(", "))
    return ", ".join(sorted(set(found)))


def _about(finding: Finding) -> Bilingual:
    if finding.about == "packet":
        return _both("the packet", "证据包")
    name = _clipped(finding.about, NAME)
    return _both(name, f" {name} ")


def _in_a_sentence(finding: Finding) -> Bilingual:
    title, about = _TITLES[finding.step], _about(finding)
    detail = detail_in(finding.step, finding.detail)
    return _both(
        _clipped(f"{title['en']}, {about['en']}: {detail['en']}", SENTENCE),
        _clipped(f"{title['zh']}，{about['zh'].strip()}：{detail['zh']}", SENTENCE),
    )


def _clipped(text: str, limit: int) -> str:
    return clip_columns(printable(text), limit)


def _entry_count(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _files(count: int) -> str:
    return _counted(count, "file") or "0 files"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count > 1 else "") if count else ""
