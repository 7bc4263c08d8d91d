"""The words of the four-property test and of the printed page, in both languages."""

from collections import Counter
from collections.abc import Iterator, Mapping

from cli.language import pick, say
from ledger.archiving.metadata import ITEM_ELEMENTS
from ledger.archiving.package import format_fingerprint
from ledger.archiving.properties import FourProperties, Line, Property, Result
from ledger.encoding import printable
from ledger.report import Bilingual

SHOWN = 50  # names in the text; --json has all

PROPERTIES: Mapping[Property, Bilingual] = {
    Property.AUTHENTIC: {"en": "Authenticity", "zh": "真实性"},
    Property.COMPLETE: {"en": "Completeness", "zh": "完整性"},
    Property.USABLE: {"en": "Usability", "zh": "可用性"},
    Property.SAFE: {"en": "Safety", "zh": "安全性"},
}
RESULTS: Mapping[Result, Bilingual] = {
    Result.PASSED: {"en": "passed", "zh": "通过"},
    Result.FAILED: {"en": "FAILED", "zh": "不通过"},
    Result.NOTED: {"en": "noted", "zh": "提示"},
    Result.NOT_TESTED: {"en": "not tested", "zh": "未检测"},
}
# What was tested, and how.
TESTS: Mapping[str, tuple[Bilingual, Bilingual]] = {
    "fingerprint": (
        {"en": "It is the package of the printed page", "zh": "即核验单所载的移交包"},
        {
            "en": "SHA-256 of tagmanifest-sha256.txt, held against what was typed in",
            "zh": "tagmanifest-sha256.txt 的 SHA-256 与所键入者比对",
        },
    ),
    "fixity": (
        {"en": "No file was altered", "zh": "文件未被改动"},
        {
            "en": "each file against its SHA-256 in the manifests",
            "zh": "逐一与清单所载 SHA-256 比对",
        },
    ),
    "trust": (
        {"en": "Whom to believe is vouched for", "zh": "信任依据有据"},
        {
            "en": "data/trust against the list, and your own folder or the fingerprint",
            "zh": "data/trust 与目录、您自己的信任文件夹或指纹比对",
        },
    ),
    "verified": (
        {
            "en": "Each packet holds: log, cosigners, signatures",
            "zh": "各证据包核验通过：日志、联合签名、签名",
        },
        {"en": "all steps of tiezheng verify, offline", "zh": "离线执行 tiezheng verify 全部步骤"},
    ),
    "metadata": (
        {"en": "The metadata say what the packets say", "zh": "元数据与证据包一致"},
        {
            "en": "each line made anew from the packets and compared",
            "zh": "由证据包逐行重新生成并比对",
        },
    ),
    "files": (
        {"en": "All files are there and no other", "zh": "文件齐全且无多余"},
        {"en": "the folder against the manifests and the counts", "zh": "文件夹与清单及计数比对"},
    ),
    "packets": (
        {"en": "Each packet is the one in the list", "zh": "各证据包即目录所列"},
        {
            "en": "case, size and digests in package.json against the packets themselves",
            "zh": "package.json 所载案号、大小、摘要与证据包本身比对",
        },
    ),
    "whole_case": (
        {"en": "Nothing of a case was left out", "zh": "案件无遗漏"},
        {
            "en": "against a copy of the log (--log) or a mirror's statements in the packet",
            "zh": "以日志副本（--log）或证据包内镜像声明核对",
        },
    ),
    "elements": (
        {"en": "The elements of description are there", "zh": "著录项目齐全"},
        {
            "en": "per item, the wanted fields of data/metadata/elements.json",
            "zh": "逐件核对 data/metadata/elements.json 中的必备项",
        },
    ),
    "known_format": (
        {"en": "The formats are known and fit the names", "zh": "格式可识别且与文件名相符"},
        {"en": "by the first bytes of each item", "zh": "依各件起始字节识别"},
    ),
    "structure": (
        {"en": "The files are whole by their own structure", "zh": "文件结构完好"},
        {
            "en": "boxes, end marks, characters; what a document says was not read",
            "zh": "检查结构、结束标记、字符；未阅读文件内容",
        },
    ),
    "unlocked": (
        {"en": "No item wants a password", "zh": "各件均无须密码"},
        {
            "en": "PDF, ZIP and Office files that say so themselves; others cannot be told",
            "zh": "依 PDF、ZIP、Office 文件自身所载；其余格式无从判断",
        },
    ),
    "decoded": (
        {"en": "Sound and pictures open and begin to play", "zh": "声音图像可以打开并开始播放"},
        {
            "en": "each opened, the first frame of every stream decoded; nobody watched any of it",
            "zh": "逐件打开并解码各流首帧；未经人员观看",
        },
    ),
    "reader": (
        {"en": "What a later reader needs is there", "zh": "日后读取所需齐备"},
        {"en": "the verifier and the pages on the formats", "zh": "核验程序与格式说明"},
    ),
    "layout": (
        {"en": "Nothing but plain files in their places", "zh": "仅有各就其位的普通文件"},
        {
            "en": "no link, no device, no path that has no place",
            "zh": "无链接、设备或不合布局的路径",
        },
    ),
    "secrets": (
        {"en": "No private key among the public ones", "zh": "公钥之中没有私钥"},
        {
            "en": "data/trust searched for the marks of our keys and of PEM",
            "zh": "在 data/trust 中查找私钥标记",
        },
    ),
    "programs": (
        {"en": "No item is a program", "zh": "证据中没有程序"},
        {
            "en": "by the first bytes of each item; none is run",
            "zh": "依各件起始字节识别；均不运行",
        },
    ),
    "malware": (
        {"en": "No malicious code", "zh": "无恶意代码"},
        {
            "en": "by a scanner of the archive's own: this test has none",
            "zh": "须用档案馆自己的扫描工具；本检测不含",
        },
    ),
    "carrier": (
        {"en": "The carrier and the way it was handed over", "zh": "载体与移交过程"},
        {"en": "by those who hand over and receive", "zh": "由移交、接收双方检查"},
    ),
}
_FACTS: Mapping[str, Bilingual] = {
    "typed": {"en": "typed in", "zh": "键入"},
    "groups": {"en": "groups of four that differ", "zh": "不符的四位组"},
    "packed": {"en": "in the package", "zh": "包内"},
    "own": {"en": "your own", "zh": "您自己的"},
    "listed": {"en": "in package.json", "zh": "package.json 所载"},
    "not_tried": {"en": "not opened here", "zh": "未在此打开"},
    "not_known_here": {"en": "of a structure not known here", "zh": "结构无从判断"},
}
_NAMED: Mapping[Result, Bilingual] = {
    Result.PASSED: {"en": "", "zh": ""},
    Result.FAILED: {"en": "not so: ", "zh": "不符："},
    Result.NOTED: {"en": "see: ", "zh": "参见："},
    Result.NOT_TESTED: {"en": "open: ", "zh": "未定："},
}
UNVOUCHED: Bilingual = {
    "en": "Nobody outside the package vouches for it: type in the fingerprint of the printed page\n"
    "(--fingerprint), or give your own trust folder (--trust). A forger's package passes too.",
    "zh": "包外无人为其担保：请键入核验单所载指纹（--fingerprint），或给出您自己的信任文件夹\n"
    "（--trust）。伪造者自制的移交包同样会通过。",
}


def four_text(four: FourProperties, *, names: int = SHOWN) -> str:
    """In the language asked for."""
    lines = [
        say(en="Four-property test", zh="四性检测报告"),
        say(en="As of: ", zh="检测时间：") + four.at,
    ]
    if four.fingerprint:
        shown = format_fingerprint(bytes.fromhex(four.fingerprint))
        lines.append(say(en="Package: ", zh="移交包：") + shown)
    for each in Property:
        lines += [
            "",
            f"{pick(PROPERTIES[each])}{say(en=': ', zh='：')}{pick(RESULTS[four.of(each)])}",
        ]
        for line in four.lines:
            if line.shows is each:
                lines += _line(line, names)
    lines += ["", _in_all(four)]
    if not four.vouched:
        lines += ["", *pick(UNVOUCHED).split("\n")]
    return "\n".join(lines)


def _in_all(four: FourProperties) -> str:
    """What whoever signs the report wants to know first."""
    found = Counter(line.result for line in four.lines)
    failed, open_ = found[Result.FAILED], found[Result.NOT_TESTED]
    noted, passed = found[Result.NOTED], found[Result.PASSED]
    return say(
        en=f"In all: {len(four.lines)} tests: {failed} failed, {passed} passed, {noted} with "
        f"something noted, {open_} not made",
        zh=f"合计：{len(four.lines)} 项，不通过 {failed} 项，通过 {passed} 项，有提示 {noted} 项，"
        f"未检测 {open_} 项",
    )


def _line(line: Line, names: int) -> Iterator[str]:
    title, how = TESTS[line.test]
    # Of recordings none is said too: that all of nothing opens is no finding.
    counts = line.total or line.test == "decoded"
    count = f" ({line.counted}/{line.total})" if counts else ""
    yield f"  {pick(title)}{say(en=': ', zh='：')}{pick(RESULTS[line.result])}{count}"
    yield f"      {say(en='how: ', zh='方法：')}{pick(how)}"
    for name in line.names[:names]:
        yield f"      {pick(_NAMED[line.result])}{printable(name)}"
    if (more := len(line.names) - names) > 0:
        yield "      " + say(en=f"and {more} more", zh=f"另有 {more} 项")
    for name, value in line.facts.items():
        words = _element(name) if line.test == "elements" else _fact(name)
        yield f"      {words}{say(en=': ', zh='：')}{printable(value)}"


def _fact(name: str) -> str:
    return pick(_FACTS[name]) if name in _FACTS else printable(name)


def _element(name: str) -> str:
    """A field of the metadata that lacks, as whoever describes files knows it; else as it is."""
    zh = next((element.zh for element in ITEM_ELEMENTS if element.name == name), "")
    return say(en=f"without {name}", zh=f"缺{zh}（{name}）") if zh else printable(name)
