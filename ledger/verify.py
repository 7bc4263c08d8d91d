"""The verdict over a packet: one table of steps that runs them, prints them, documents them.

A verifier brings a trust folder of his own and, for completeness, a copy of the
public log. Nothing is taken from the packet on its word: every part is tied to
the leaf of its entry, and every entry to a checkpoint that a quorum has cosigned.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ledger.errors import Uncomputed
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.packet import PacketSource
from ledger.evidence.trust import Trust
from ledger.report import Bilingual, Finding, Group, Outcome, Report, conclude
from ledger.verdict import (
    certified,
    clips,
    completeness,
    container,
    derived,
    entries,
    items,
    particulars,
    renewed,
    series,
    signatures,
    times,
)
from ledger.verdict.examination import Examination, PublicLog, Rederive, not_checked

Run = Callable[[Examination], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Step:
    """`proves` and `not_proved` complete the sentence that a report prints."""

    name: str
    group: Group
    run: Run
    title: Bilingual
    proves: Bilingual
    not_proved: Bilingual


STEPS: tuple[Step, ...] = (
    Step(
        "container",
        Group.INTEGRITY,
        container.container,
        {"en": "Container", "zh": "容器"},
        {
            "en": "every file is there, once, and undamaged since the packet was made",
            "zh": "证据包内每个文件齐全、唯一，自制作证据包以来未损坏",
        },
        {
            "en": "that the packet was honestly made: whoever makes one writes its manifest",
            "zh": "不证明制作证据包的人诚实：清单由制作者自己写成",
        },
    ),
    Step(
        "checkpoint",
        Group.INTEGRITY,
        entries.checkpoints,
        {"en": "Log and cosigners", "zh": "日志与联合签名"},
        {
            "en": "independent cosigners of your policy saw the same log at the time shown",
            "zh": "您所信任的独立联合签名人在所示时间看到的是同一份日志",
        },
        {
            "en": "anything, if as many cosigners as the overlap colluded with the operator",
            "zh": "若与运营者串通的联合签名人达到重叠数，则不成立",
        },
    ),
    Step(
        "inclusion",
        Group.INTEGRITY,
        entries.inclusion,
        {"en": "Entries in the log", "zh": "条目在日志中"},
        {
            "en": "each entry stands in that log at its index, and cannot be changed or removed",
            "zh": "每一条目位于该日志的相应位置，无法更改或移除",
        },
        {
            "en": "what an entry is about: that is shown by the commitment",
            "zh": "不证明条目的内容：内容由承诺值证明",
        },
    ),
    Step(
        "commitment",
        Group.INTEGRITY,
        entries.commitments,
        {"en": "Statements are those in the log", "zh": "陈述与日志一致"},
        {
            "en": "each statement shown is, byte for byte, the one fixed in the log",
            "zh": "所示每一陈述与日志中固定的陈述逐字节一致",
        },
        {
            "en": "that a statement is true",
            "zh": "不证明陈述内容真实",
        },
    ),
    Step(
        "signature",
        Group.INTEGRITY,
        signatures.signatures,
        {"en": "Signatures", "zh": "签名"},
        {
            "en": "each statement was signed by a key that the registrar had named before",
            "zh": "每一陈述由登记人事先登记的密钥签名",
        },
        {
            "en": "who held the key, or that a revocation of it was not left out: see completeness",
            "zh": "不证明当时实际持有密钥的人；撤销登记有无被略去，见完整性",
        },
    ),
    Step(
        "series",
        Group.INTEGRITY,
        series.series,
        {"en": "Series and tags", "zh": "序列与标签"},
        {
            "en": "each statement stands in the log under its own case, recording or register only",
            "zh": "每一陈述在日志中归入其案件、录像或登记序列，且仅归入这些序列",
        },
        {
            "en": "that nothing is missing: that is completeness",
            "zh": "不证明没有缺漏：缺漏由完整性判断",
        },
    ),
    Step(
        "item",
        Group.INTEGRITY,
        items.items,
        {"en": "Items", "zh": "证据原件"},
        {
            "en": "each item is bit for bit the one whose digests were fixed in the log",
            "zh": "每一证据原件与日志中固定的摘要逐位一致",
        },
        {
            "en": "that it shows what happened, or what was done to it before it was fixed",
            "zh": "不证明其反映真实情况，也不证明固定之前的处理",
        },
    ),
    Step(
        "clip",
        Group.INTEGRITY,
        clips.clips,
        {"en": "Clips", "zh": "片段"},
        {
            "en": "each sample that a clip plays is, byte for byte, one stretch of the original",
            "zh": "片段所播放的每一采样均为原件中的一段连续字节，逐字节一致",
        },
        {
            "en": "what was left out around it, or that a player decodes it as the original, in "
            "its order and speed: --rederive shows that",
            "zh": "不证明前后未展示的内容；解码、次序、速度是否同原件，由 --rederive 核对",
        },
    ),
    Step(
        "derived",
        Group.COMPLETE,
        derived.derivations,
        {"en": "Made from items", "zh": "派生件"},
        {
            "en": "each was made from an item fixed before it; where its changes are declared byte "
            "for byte, nothing else was changed",
            "zh": "每一派生件均出自在先固定的原件；逐字节声明改动的，声明之外未作改动",
        },
        {
            "en": "that a transcript or a redaction without declared changes is right",
            "zh": "不证明未声明改动的转写或遮盖正确",
        },
    ),
    Step(
        "case",
        Group.INTEGRITY,
        items.case,
        {"en": "Case", "zh": "案件"},
        {
            "en": "every statement shown is about the case that the packet names",
            "zh": "所示每一陈述均属于证据包所称案件",
        },
        {
            "en": "that it is the case you mean: compare the number with your own file",
            "zh": "不证明是您所审案件：请与卷宗核对案号",
        },
    ),
    Step(
        "certificate",
        Group.INTEGRITY,
        certified.registered,
        {"en": "Notarial certificates", "zh": "公证书"},
        {
            "en": "each certificate is, byte for byte, one that two notaries logged as issued",
            "zh": "每份公证书逐字节为两名公证员在日志中登记出具的那一份",
        },
        {
            "en": "that what it certifies is true, or that it was not revoked later",
            "zh": "不证明公证内容真实；其后是否撤销，见下一项",
        },
    ),
    Step(
        "revoked",
        Group.COMPLETE,
        certified.unrevoked,
        {"en": "Certificates not revoked", "zh": "公证书未撤销"},
        {
            "en": "up to the latest checkpoint of your copy of the log no certificate was revoked",
            "zh": "截至您的日志副本的最新检查点，公证书均未撤销",
        },
        {
            "en": "what was decided since, or never logged",
            "zh": "不涵盖此后的决定以及从未入日志的决定",
        },
    ),
    Step(
        "complete",
        Group.COMPLETE,
        completeness.completeness,
        {"en": "Completeness", "zh": "完整性"},
        {
            "en": "the log holds no other statement of this case up to the checkpoint",
            "zh": "截至检查点，日志中没有本案的其他陈述",
        },
        {
            "en": "what was never logged, or logged under another case",
            "zh": "不涵盖从未入日志或以其他案号入日志的内容",
        },
    ),
    Step(
        "fence",
        Group.ORDER,
        times.fence,
        {"en": "Fixed before the decision", "zh": "决定前固定"},
        {
            "en": "the item was fixed, and seen by the quorum, by the date on the decision",
            "zh": "证据在决定书所载日期之前已固定，并为法定人数的联合签名人所见",
        },
        {
            "en": "the date itself: compare it with the decision as served",
            "zh": "不证明日期本身：请与送达的决定书核对",
        },
    ),
    Step(
        "time",
        Group.TIME,
        times.times,
        {"en": "Time", "zh": "时间"},
        {
            "en": "each entry existed no later than the quorum, or an authority of yours, says",
            "zh": "每一条目不晚于法定人数联合签名、或您所信任的授时机构所示的时间存在",
        },
        {
            "en": "when it was recorded: that is the recorder's claim",
            "zh": "不证明录制时间：录制时间是设备自称",
        },
    ),
    Step(
        "particulars",
        Group.FORM,
        particulars.particulars,
        {"en": "Particulars", "zh": "注明事项"},
        {
            "en": "of each item it is noted how, when and by whom it was made, what it is to show, "
            "and its original carrier",
            "zh": "每件证据均注明制作方法、制作时间、制作人、证明对象和原始载体",
        },
        {
            "en": "that what is noted is true or enough: that is for the court",
            "zh": "不证明所注明的内容真实、充分：由法院判断",
        },
    ),
    Step(
        "renewal",
        Group.INTEGRITY,
        renewed.renewals,
        {"en": "Renewals", "zh": "续展"},
        {
            "en": "what has ended since was renewed before it ended, without a gap",
            "zh": "此后失效的算法和机构，均在失效之前无间断地续展",
        },
        {
            "en": "that nothing else has ended: your trust folder says what has",
            "zh": "不证明其他事项均未失效：何者失效由您的信任文件夹载明",
        },
    ),
)


def verify_packet(
    packet: PacketSource,
    trust: Trust,
    *,
    log: PublicLog | None = None,
    require: frozenset[Group] = frozenset(),
    at_ms: int | None = None,
    on_bytes: Callable[[int], None] = lambda n: None,
    certificates: Mapping[str, ItemDigest] = MappingProxyType({}),
    rederive: Rederive | None = None,
) -> Report:
    """Runs every step. Raises `Unavailable` only where bytes could not be read at all.

    `at_ms`: as of when; what `trust.ends` says, and when an authority's certificates end,
    counts by then. None asks nothing of the kind. `certificates` are presented beside the
    packet, by name: files that may be anybody's. With `rederive` clips are made again as well.
    """
    examination = Examination(
        packet, trust, log, on_bytes, at_ms, rederive, certificates=dict(certificates)
    )
    return examine_packet(examination, require)


def examine_packet(examination: Examination, require: frozenset[Group] = frozenset()) -> Report:
    """The same, for who wants to go on with what held: it stays on the examination."""
    findings: list[Finding] = []
    missing: Uncomputed | None = None
    for step in STEPS:
        if missing is not None:
            findings.append(not_checked(step.name, "packet", missing))
            continue
        if examination.unreadable:
            findings.append(Finding(step.name, Outcome.UNDECIDED, "packet", "not checked"))
            continue
        try:
            findings += step.run(examination)
        except Uncomputed as error:
            # From here on each step rests on something that nothing here can tell.
            missing = error
            findings.append(not_checked(step.name, "packet", error))
    # A later step may have something to say of an earlier one.
    order = [step.name for step in STEPS]
    findings.sort(key=lambda finding: order.index(finding.step))
    group_of = {step.name: step.group for step in STEPS}
    return conclude(tuple(findings), group_of, require, examination.facts())
