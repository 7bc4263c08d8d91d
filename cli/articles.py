"""What a court must look at, article by article, and which steps or attachments answer it.

A table and one function. It says what kind of answer exists, never what the law concludes. The
articles' gist was read, not their wording in force today; where even the gist is from memory,
the row is marked, and is to be read in the text before anything rests on it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cli.folding import fold
from cli.language import pick, say
from ledger.report import Bilingual, Group, Outcome, Report, worst
from ledger.verify import STEPS


class Answered(StrEnum):
    """By what, at best."""

    HERE = "here"
    ATTACHMENT = "attachment"
    NOWHERE = "nowhere"
    NO_FACT = "no_fact"


class Status(StrEnum):
    PROVED = "proved"
    PART = "part"
    ATTACHMENT = "attachment"
    NOT_PROVED = "not_proved"
    NO_FACT = "no_fact"


@dataclass(frozen=True, slots=True)
class Article:
    statute: str
    article: str
    asks: Bilingual
    answered: Answered
    steps: tuple[str, ...] = ()
    attachments: Bilingual | None = None
    from_memory: bool = False


def _both(en: str, zh: str) -> Bilingual:
    return {"en": en, "zh": zh}


STATUTES: dict[str, Bilingual] = {
    "online": _both("Rules of Online Litigation (2021)", "《人民法院在线诉讼规则》"),
    "administrative": _both(
        "Provisions on Evidence in Administrative Litigation (2002)",
        "《最高人民法院关于行政诉讼证据若干问题的规定》",
    ),
    "signature": _both("Electronic Signature Law", "《电子签名法》"),
}

STATUSES: dict[Status, Bilingual] = {
    Status.PROVED: _both("proved here", "在此证明"),
    Status.PART: _both("proved here, for the part shown", "在此证明，限于所示部分"),
    Status.ATTACHMENT: _both("by attachment", "以附件证明"),
    Status.NOT_PROVED: _both("not proved", "未证明"),
    Status.NO_FACT: _both("a rule, no fact to prove", "系规则，无待证事实"),
}

_FIXED = ("container", "checkpoint", "inclusion", "commitment", "item", "clip")

ARTICLES: tuple[Article, ...] = (
    Article(
        "online",
        "16",
        _both(
            "technical verification shows it consistent: unaltered since it was stored",
            "经技术核验一致，上链后未经篡改",
        ),
        Answered.HERE,
        _FIXED,
    ),
    Article(
        "online",
        "17(1)",
        _both("the platform meets the rules on such services", "存证平台符合提供服务的相关规定"),
        Answered.ATTACHMENT,
        attachments=_both("filing number of the platform", "平台的备案编号"),
        from_memory=True,
    ),
    Article(
        "online",
        "17(2)",
        _both(
            "a party has an interest in the platform (here the agency runs it)",
            "当事人与平台有无利害关系（此处平台由行政机关运营）",
        ),
        Answered.NOWHERE,
        from_memory=True,
    ),
    Article(
        "online",
        "17(2)",
        _both(
            "improper technical interference with it (here: since it was fixed)",
            "利用技术手段不当干预存证过程（此处限于固定之后）",
        ),
        Answered.HERE,
        ("checkpoint", "inclusion", "commitment"),
        from_memory=True,
    ),
    Article(
        "online",
        "17(3)",
        _both(
            "the system is clean, secure, reliable and available by the standards",
            "信息系统的清洁性、安全性、可靠性、可用性符合标准",
        ),
        Answered.ATTACHMENT,
        attachments=_both(
            "test reports of the platform; a notary's cleanliness report",
            "平台的检测报告；公证处的清洁性检查报告",
        ),
        from_memory=True,
    ),
    Article(
        "online",
        "17(4)",
        _both(
            "technique and process meet the standards on encryption, transfer, verification",
            "存证技术和过程符合加密、传输、验证等标准",
        ),
        Answered.ATTACHMENT,
        attachments=_both("test reports of the platform", "平台的检测报告"),
        from_memory=True,
    ),
    Article(
        "online",
        "18",
        _both("it was true before it was stored", "上链存储前数据的真实性"),
        Answered.ATTACHMENT,
        attachments=_both(
            "the recorder's session account; witnesses; other evidence that agrees",
            "设备会话清单；见证人；相互印证的其他证据",
        ),
    ),
    Article(
        "administrative",
        "12",
        _both("the original carrier of a recording", "视听资料的原始载体"),
        Answered.ATTACHMENT,
        ("item",),
        _both("the recorder, or the record of its seizure", "记录设备，或者其提取笔录"),
    ),
    Article(
        "administrative",
        "12",
        _both(
            "method, time and maker, and what it is to prove", "制作方法、时间、制作人和证明对象"
        ),
        Answered.ATTACHMENT,
        ("signature", "time"),
        _both("the signed statements in the packet", "证据包中经签名的陈述"),
    ),
    Article(
        "administrative",
        "40",
        _both("recordings are played in court", "视听资料应当庭播放"),
        Answered.ATTACHMENT,
        ("item", "clip"),
        _both("the files of the packet", "证据包中的文件"),
    ),
    Article(
        "administrative",
        "57",
        _both("it was not obtained by unlawful means", "不是以非法手段取得"),
        Answered.NOWHERE,
        from_memory=True,
    ),
    Article(
        "administrative",
        "60",
        _both("it was not collected after the act", "不是行政行为作出之后收集"),
        Answered.HERE,
        ("fence",),
    ),
    Article(
        "administrative",
        "63",
        _both("notarised evidence weighs more", "经公证的证据证明力较强"),
        Answered.HERE,
        ("certificate", "revoked"),
        from_memory=True,
    ),
    Article(
        "administrative",
        "71",
        _both(
            "a recording of which one cannot tell whether it was altered (here: since it was "
            "fixed) does not stand alone",
            "难以识别是否经过修改的视听资料不能单独定案（此处限于固定之后）",
        ),
        Answered.HERE,
        ("item", "clip"),
    ),
    Article(
        "signature",
        "5(1)",
        _both("it can be shown, and be retrieved at any time", "能够有效表现内容并可随时调取查用"),
        Answered.HERE,
        ("container", "item", "clip"),
    ),
    Article(
        "signature",
        "5(2)",
        _both(
            "complete and unaltered since its final form (here: since it was fixed)",
            "自最终形成时起完整、未被更改（此处指自固定时起）",
        ),
        Answered.HERE,
        _FIXED,
    ),
    Article(
        "signature",
        "6(2)",
        _both("in the format in which it was made or received", "格式与生成或者接收时相同"),
        Answered.HERE,
        ("item", "clip"),
    ),
    Article(
        "signature",
        "6(3)",
        _both("sender and time can be identified", "能够识别发件人及时间"),
        Answered.HERE,
        ("signature", "time"),
    ),
    Article(
        "signature",
        "7",
        _both("not refused only because it is electronic", "不得仅因其为电子形式而拒绝"),
        Answered.NO_FACT,
    ),
    Article(
        "signature",
        "8(1)",
        _both("the way it was made, stored and sent is reliable", "生成、储存、传递方法的可靠性"),
        Answered.ATTACHMENT,
        attachments=_both(
            "the recorder's session account; reports of the station", "设备会话清单；采集站的报告"
        ),
    ),
    Article(
        "signature",
        "8(2)",
        _both("the way its integrity is kept is reliable", "保持内容完整性方法的可靠性"),
        Answered.HERE,
        _FIXED,
    ),
    Article(
        "signature",
        "8(3)",
        _both("the way the sender is told is reliable", "用以鉴别发件人方法的可靠性"),
        Answered.HERE,
        ("signature",),
    ),
    Article(
        "signature",
        "8(4)",
        _both("other factors", "其他相关因素"),
        Answered.NOWHERE,
    ),
)

TITLE = _both("By article", "按条文对照")
LIMITS = _both(
    "“Proved here” holds for what is shown, with the limits of the steps. Attachments were not "
    "checked. The gist of the articles was read in 2025; * from memory: read the text first.",
    "“在此证明”限于所出示的内容，并受各步骤的限度约束。附件未经核验。条文要旨于 2025 年查阅；"
    "标 * 者系凭记忆，使用前须核对原文。",
)

# Of these a packet may have none, and none is no proof.
_COUNTED = ("item", "clip", "certificate", "fence")
_NOTHING = re.compile(
    r"0 \w+"
    r"|certificate .* was revoked, and is not presented"
    r"|after decision .*: by its own label it supports no decision",
    re.DOTALL,
)
_NUMBERS = {step.name: number for number, step in enumerate(STEPS, 1)}


def status(article: Article, report: Report) -> Status:
    match article.answered:
        case Answered.NO_FACT:
            return Status.NO_FACT
        case Answered.ATTACHMENT:
            return Status.ATTACHMENT
        case Answered.HERE if _holds(article, report):
            in_part = "clip" in article.steps and _some(report, "clip")
            return Status.PART if in_part else Status.PROVED
        case _:
            return Status.NOT_PROVED


def article_lines(report: Report) -> Iterator[str]:
    yield pick(TITLE)
    statute = ""
    for article in ARTICLES:
        if article.statute != statute:
            statute = article.statute
            yield from fold(pick(STATUTES[statute]))
        yield from fold(article_line(article, report), "  - ", "    ")
    yield from fold(pick(LIMITS))


def article_line(article: Article, report: Report) -> str:
    answer, by = pick(STATUSES[status(article, report)]), answered_by(article)
    if by:
        by = say(en=f" ({by})", zh=f"（{by}）")
    return f"{cited(article)} {pick(article.asks)}" + say(en=": ", zh="：") + answer + by


def cited(article: Article) -> str:
    """With an asterisk where it is from memory."""
    number, _, clause = article.article.removesuffix(")").partition("(")
    zh = f"第{number}条" + (f"第（{'一二三四'[int(clause) - 1]}）项" if clause else "")
    return say(en=article.article, zh=zh) + ("*" if article.from_memory else "")


def answered_by(article: Article) -> str:
    """Steps by number, and attachments; empty if by nothing."""
    parts = []
    if article.steps:
        numbers = [str(_NUMBERS[name]) for name in article.steps]
        parts.append(
            say(en=f"steps {', '.join(numbers)}", zh=f"步骤 {'、'.join(numbers)}")
            if len(numbers) > 1
            else say(en=f"step {numbers[0]}", zh=f"步骤 {numbers[0]}")
        )
    if article.attachments:
        parts.append(pick(article.attachments))
    return say(en="; ", zh="；").join(parts)


def _holds(article: Article, report: Report) -> bool:
    """All its steps passed, over something, in a report whose integrity passed."""
    if report.groups[Group.INTEGRITY] is not Outcome.PASSED:
        return False
    for name in article.steps:
        found = (f.outcome for f in report.findings if f.step == name)
        if worst(found) is not Outcome.PASSED:
            return False
    counted = [name for name in article.steps if name in _COUNTED]
    return not counted or any(_some(report, name) for name in counted)


def _some(report: Report, step: str) -> bool:
    """Whether it passed of anything: "0 items" is no proof, nor is what has its excuse."""
    passed = [f for f in report.findings if f.step == step and f.outcome is Outcome.PASSED]
    return any(not _NOTHING.fullmatch(f.detail) for f in passed)
