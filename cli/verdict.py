"""A report as text for a judge: the first page, then what it is about, then each step.

Plain lines, no colours: it reads the same on a black-and-white print. Whatever comes
from a packet goes through `printable`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from cli.articles import article_lines
from cli.carried import carried_lines
from cli.first_page import counting_for_nothing, first_page, first_page_lines
from cli.folding import COLUMNS
from cli.language import language, pick, say
from cli.wording import GROUPS, ORDERS, OUTCOMES, ROLES, STAGES, detail_words, when
from ledger.audit import Audit
from ledger.encoding import printable
from ledger.report import Facts, Finding, Group, Item, Outcome, Report, worst
from ledger.verdict.stamps import LOOKED_UP
from ledger.verify import STEPS, Step

RULE = "-" * COLUMNS  # the first page ends here
MAX_ITEMS = 20
NOT_CHECKED = "not checked"  # what `verify_packet` says of a packet that cannot be read
# A key that ended, a recording with siblings, and how much of a recording is shown.
TOLD = ("signature", "series", "clip", "derived")
_ROLE = re.compile(r" \((\w+), key ([0-9a-f]{64})\)", re.ASCII)
MAX_FINDINGS = 10  # of one step and outcome; failures are never cut


def verdict_text(
    report: Report, path: str, required: frozenset[Group], *, articles: bool = False
) -> str:
    lines = [
        *first_page_lines(first_page(report)),
        "",
        RULE,
        "",
        *detail_lines(report, path, required),
    ]
    if articles:
        lines += ["", *article_lines(report)]
    return "\n".join(lines)


def detail_lines(report: Report, path: str, required: frozenset[Group]) -> list[str]:
    """Behind the first page; without `path` where the same bytes are wanted everywhere."""
    lines = [_first_line(report), _basis(required), ""]
    lines += _facts(report.facts, path)
    lines += ["", say(en="What was checked", zh="核验步骤")]
    names = _names(report.facts)
    for number, step in enumerate(STEPS, 1):
        findings = [f for f in report.findings if f.step == step.name]
        lines += _step(number, step, findings, names)
    lines += _timestamps(report.facts)
    lines += _decisions(report.facts)
    lines += _items(report)
    lines += carried_lines(report.facts)
    return lines


def finding_line(finding: Finding, facts: Facts) -> str:
    """The sentence that the report has for one finding."""
    return _finding(finding, _names(facts)).removeprefix("    - ")


def signers_words(signed_by: str) -> str:
    """The fact as `View.signed_by` spells it, with the role in words."""
    shown = printable(signed_by)
    if language() == "en":
        return shown
    return _ROLE.sub(lambda m: f"（{ROLES.get(m[1], {'zh': m[1]})['zh']}，密钥 {m[2]}）", shown)


def audit_text(audit: Audit) -> str:
    outcome = pick(OUTCOMES[audit.outcome]).upper()
    lines = [say(en=f"Verdict: {outcome}", zh=f"结论：{outcome}"), ""]
    cosigned = audit.cosigned
    if cosigned is None:
        lines += _pairs([(say(en="Log", zh="日志"), printable(audit.log.origin))])
    else:
        lines += _checkpoint({k: v for k, v in audit.to_json().items() if isinstance(v, str)})
    titles = {
        "checkpoint": say(en="Checkpoint and cosigners", zh="检查点与联合签名"),
        "tree": say(en="Entries and tiles give the root", zh="全部条目与瓦片可算出同一根哈希"),
        "entries": say(
            en="Entries are well formed, their times never go back", zh="条目格式正确，时间不倒退"
        ),
        "end": say(en="It ended where the next log says", zh="止于下一份日志所述之处"),
        "seen": say(en="It is still the log that was shown before", zh="仍为以前所见的那份日志"),
    }
    lines += ["", say(en="What was checked", zh="核验步骤")]
    for number, finding in enumerate(audit.findings, 1):
        lines.append(_headline(number, titles[finding.step], [finding]))
        if finding.outcome is not Outcome.PASSED:
            lines.append(_finding(finding, {}))
    limit = say(
        en="does not show: what the entries are about, or that what happened was ever logged",
        zh="限度：不证明条目的内容，也不证明发生过的事都已入日志",
    )
    return "\n".join([*lines, f"    {limit}"])


def _first_line(report: Report) -> str:
    whole = pick(OUTCOMES[report.outcome]).upper()
    groups = [
        say(en=f"{pick(words)}: ", zh=f"{pick(words)}：") + pick(OUTCOMES[report.groups[group]])
        for group, words in GROUPS.items()
    ]
    return " | ".join([say(en=f"Verdict: {whole}", zh=f"结论：{whole}"), *groups])


def _basis(required: frozenset[Group]) -> str:
    named = [Group.INTEGRITY, *(g for g in Group if g in required)]
    beside = [g for g in Group if g not in named]
    rests = say(en=", ", zh="、").join(pick(GROUPS[g]) for g in named)
    if not beside:
        return say(en=f"The verdict rests on {rests}.", zh=f"结论依据：{rests}。")
    others = say(en=", ", zh="、").join(pick(GROUPS[g]) for g in beside)
    return say(
        en=f"The verdict rests on {rests}; beside it, and only able to fail it: {others}.",
        zh=f"结论依据：{rests}。另列：{others}；另列各项只能使结论变为不通过。",
    )


# --- what it is about ------------------------------------------------------------------------


def _facts(facts: Facts, path: str) -> Iterator[str]:
    missing = say(en="(could not be read)", zh="（无法读取）")
    yield from _pairs(
        [
            *([(say(en="Packet", zh="证据包"), printable(path))] if path else []),
            (say(en="Case", zh="案号"), printable(facts.case) or missing),
            (say(en="Packet reference", zh="证据包编号"), facts.packet or missing),
            (say(en="Trust folder", zh="信任文件夹"), facts.trust),
        ]
    )
    for checkpoint in facts.checkpoints:
        yield ""
        yield from _checkpoint(checkpoint)


def _checkpoint(facts: Mapping[str, str]) -> Iterator[str]:
    overlap = int(facts["overlap"])
    time = facts["quorum_time"]
    yield from _pairs(
        [
            (say(en="Log", zh="日志"), printable(facts["origin"])),
            (
                say(en="Checkpoint", zh="检查点"),
                say(
                    en=f"{facts['size']} entries, root {facts['root']}",
                    zh=f"{facts['size']} 个条目，根哈希 {facts['root']}",
                ),
            ),
            (
                say(en="Seen by the quorum", zh="达到法定人数的时间"),
                when(time) if time else _unseen(facts.get("claimed", "")),
            ),
            (
                say(en="Cosigned by", zh="联合签名人"),
                printable(facts["cosigners"]) or say(en="nobody", zh="无"),
            ),
            (say(en="Two histories", zh="两份历史"), _overlap(overlap)),
            (say(en="Policy", zh="策略"), facts["policy"]),
        ]
    )


def _unseen(claimed: str) -> str:
    if claimed:
        return say(
            en=f"no longer counts, since a key was withdrawn (it says {when(claimed)})",
            zh=f"密钥撤销后不再计入（其所称时间为 {when(claimed)}）",
        )
    return say(en="no quorum", zh="未达法定人数")


def _overlap(overlap: int) -> str:
    if overlap < 1:
        return say(
            en="possible without any cosigner's fault: this policy is not fit for a court",
            zh="联合签名人均无过错时也可能出现：此策略不足以作为裁判依据",
        )
    if overlap == 1:
        return say(
            en="possible only if at least 1 cosigner colluded with the operator",
            zh="至少有 1 名联合签名人与运营者串通，才可能出现",
        )
    return say(
        en=f"possible only if at least {overlap} cosigners colluded with the operator",
        zh=f"至少有 {overlap} 名联合签名人与运营者串通，才可能出现",
    )


# --- steps -----------------------------------------------------------------------------------


def _step(
    number: int, step: Step, findings: list[Finding], names: Mapping[str, str]
) -> Iterator[str]:
    if all(f.detail == NOT_CHECKED for f in findings):
        unchecked = pick(OUTCOMES[Outcome.UNDECIDED]) + say(en=", not checked", zh="，未检查")
        yield f"{number:2}. {pick(step.title)}" + say(en=": ", zh="：") + unchecked
        return
    yield _headline(number, pick(step.title), findings)
    passed = worst(f.outcome for f in findings) is Outcome.PASSED
    if passed:
        yield "    " + say(en="shows: ", zh="证明：") + pick(step.proves)
    else:
        yield "    " + say(en="would show: ", zh="本应证明：") + pick(step.proves)
    yield "    " + say(en="does not show: ", zh="限度：") + pick(step.not_proved)
    if step.name in TOLD:
        good = [f for f in findings if f.outcome is Outcome.PASSED]
        told = [f for f in good if f.about != "packet"] if len(good) > 1 else []
        yield from (_finding(f, names) for f in told)
    for outcome in (Outcome.FAILED, Outcome.UNDECIDED):
        some = [f for f in findings if f.outcome is outcome]
        limit = len(some) if outcome is Outcome.FAILED else MAX_FINDINGS
        yield from (_finding(f, names) for f in some[:limit])
        yield from _rest(len(some) - limit)


def _headline(number: int, title: str, findings: list[Finding]) -> str:
    outcome = pick(OUTCOMES[worst(f.outcome for f in findings)])
    passed = [f for f in findings if f.outcome is Outcome.PASSED]
    note = ""
    if len(passed) == 1:
        note = detail_words(passed[0].step, Outcome.PASSED, passed[0].detail)
    elif passed:
        note = say(en=f"{len(passed)} passed", zh=f"{len(passed)} 项通过")
    if len(passed) < len(findings) and passed:
        note = say(en=f"of these passed: {note}", zh=f"其中通过：{note}")
    if note:
        note = say(en=f" ({note})", zh=f"（{note}）")
    return f"{number:2}. {title}" + say(en=": ", zh="：") + outcome + note


def _finding(finding: Finding, names: Mapping[str, str]) -> str:
    mark = pick(OUTCOMES[finding.outcome])
    text = detail_words(finding.step, finding.outcome, finding.detail)
    about = _about(finding.about, names)
    return "    - " + mark + say(en=": ", zh="：") + about + say(en=": ", zh="：") + text


def _about(about: str, names: Mapping[str, str]) -> str:
    if about == "packet":
        return say(en="the packet", zh="证据包")
    if about == "checkpoint":
        return say(en="the checkpoint", zh="检查点")
    text = printable(about)
    if re.fullmatch(r"\d{4}(-\d+)?-\d+", about, re.ASCII):
        text = say(en=f"entry {text}", zh=f"条目 {text}")
    if re.fullmatch(r"\d{4}", about, re.ASCII):
        text = say(en=f"log {text}", zh=f"日志 {text}")
    if name := names.get(about):
        text += say(en=f" ({name})", zh=f"（{name}）")
    return text


def _names(facts: Facts) -> dict[str, str]:
    """What the file of an entry or path is called, so that a line means something to a reader."""
    names: dict[str, str] = {}
    for item in facts.items:
        names.setdefault(item.place, printable(item.name))
        names[item.path] = printable(item.name)
    return names


# --- lists -----------------------------------------------------------------------------------


def _timestamps(facts: Facts) -> Iterator[str]:
    """By authority: how many, until when their certificates last, whether revocation was seen."""
    if not facts.timestamps:
        return
    yield ""
    yield say(en="Timestamps of authorities (RFC 3161)", zh="授时机构时间戳（RFC 3161）")
    by: dict[str, list[Mapping[str, str]]] = {}
    for stamp in facts.timestamps:
        by.setdefault(stamp.get("authority", ""), []).append(stamp)
    for authority, stamps in sorted(by.items()):
        if not authority:
            yield from _unread_stamps(stamps)
            continue
        count, ends = len(stamps), when(min(stamp["ends"] for stamp in stamps))
        yield say(
            en=f"  - {authority}: {count}; its certificates last until {ends}",
            zh=f"  - {authority}：{count} 枚；其证书有效至 {ends}",
        )
        for why in sorted({stamp["revocation"] for stamp in stamps} - {LOOKED_UP}):
            yield (
                "      "
                + say(en="revocation not shown: ", zh="未能核查吊销：")
                + (detail_words("time", Outcome.UNDECIDED, why))
            )


def _unread_stamps(stamps: list[Mapping[str, str]]) -> Iterator[str]:
    others = sum(stamp["checked"] == "no authority of yours" for stamp in stamps)
    if others:
        yield say(
            en=f"  - {others} not looked at: your trust folder names no authority for them",
            zh=f"  - {others} 枚未核验：您的信任文件夹中没有相应的授时机构",
        )
    if failed := len(stamps) - others:
        yield say(en=f"  - {failed} failed: see above", zh=f"  - {failed} 枚不通过：见上")


def _decisions(facts: Facts) -> Iterator[str]:
    if not facts.decisions:
        return
    yield ""
    yield say(en="Decisions in the packet", zh="证据包中的决定")
    for decision in facts.decisions:
        day, place = decision["dated"], printable(decision["place"])
        yield say(
            en=f"  - dated {day} (entry {place}): compare this date with the paper as served",
            zh=f"  - 所载日期 {day}（条目 {place}）：请与送达的纸质决定书核对日期",
        )
        documents = printable(decision["documents"])
        if documents:
            yield say(en=f"      its documents: {documents}", zh=f"      文书：{documents}")


def _items(report: Report) -> Iterator[str]:
    facts, nothing = report.facts, counting_for_nothing(report)
    if not facts.items:
        return
    yield ""
    count = len(facts.items)
    yield say(en=f"Files that the statements speak of: {count}", zh=f"陈述所涉文件：共 {count} 件")
    # They stand in front, and none of them is cut.
    limit = max(MAX_ITEMS, sum(bool(item.favourable) for item in facts.items))
    for number, item in enumerate(facts.items[:limit], 1):
        yield from _item(number, item, counts=item.place not in nothing)
    yield from _rest(count - limit)
    if len(facts.decisions) > 1:
        yield say(
            en="    (order is shown to the first decision)", zh="    （先后以第一份决定为准）"
        )


def _item(number: int, item: Item, *, counts: bool) -> Iterator[str]:
    stage = pick(STAGES[item.stage]) if item.stage in STAGES else ""
    yield f"{number:3}. {printable(item.name)}" + (
        say(en=f" [{stage}]", zh=f"［{stage}］") if stage else ""
    )
    rows = [
        (
            say(en="where", zh="位置"),
            (printable(item.path) or _absent(item.part))
            + say(en=f", fixed as entry {item.place}", zh=f"，固定为条目 {item.place}"),
        )
    ]
    if not counts:
        see = say(en="see the step on signatures", zh="见“签名”一项")
        rows.insert(0, (say(en="COUNTS FOR NOTHING", zh="不予计入"), see))
    if item.favourable:
        speaks = say(en="SPEAKS FOR THE PARTY", zh="有利于当事人")
        rows.insert(0, (speaks, printable(item.favourable)))
    if item.signed_by:
        rows.append((say(en="signed by", zh="签名人"), signers_words(item.signed_by)))
    if item.claimed:
        claimed = when(item.claimed)
        rows.append(
            (
                say(en="claimed time", zh="自称时间"),
                say(
                    en=f"{claimed} (the recorder's or filer's word)",
                    zh=f"{claimed}；系设备或提交人自称",
                ),
            )
        )
    if item.corrected:
        rows.append(
            (
                say(en="by a measured clock", zh="按实测时钟校正"),
                when(item.corrected),
            )
        )
    if item.not_before:
        rows.append(
            (
                say(en="signed after", zh="签名不早于"),
                say(
                    en=f"{when(item.not_before)} (the signer had checked the log of that moment)",
                    zh=f"{when(item.not_before)}（签名时已核对该时刻的日志）",
                ),
            )
        )
    fixed = when(item.not_after) if item.not_after else say(en="not shown", zh="不能证明")
    rows.append((say(en="existed by", zh="不晚于"), fixed))
    if item.order in ORDERS:
        rows.append((say(en="order", zh="先后"), pick(ORDERS[item.order])))
    yield from _pairs(rows, "       ")


def _absent(part: str) -> str:
    if part:
        return say(en=f"a part only: {part}", zh=f"只展示片段：{part}")
    return say(en="not in this packet", zh="未附于本证据包")


def _pairs(rows: Iterable[tuple[str, str]], by: str = "") -> Iterator[str]:
    for name, value in rows:
        yield f"{by}{name}" + say(en=": ", zh="：") + value


def _rest(count: int) -> Iterator[str]:
    if count > 0:
        yield say(
            en=f"    … and {count:,} more; --json shows all",
            zh=f"    …… 另有 {count:,} 项；--json 可列出全部",
        )
