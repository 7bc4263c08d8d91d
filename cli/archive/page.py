"""The printed page of a transfer package: its fingerprint, and how to check it by hand.

It stands beside the package and not in it. Whoever finds both in 2041 needs no program of ours
to begin: SHA-256 and a text editor show that no file was altered, a Python does the rest.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.language import say
from cli.typesetter import characters, open_typesetter, typeset_pdf
from ledger.archiving import package
from ledger.archiving.package import Contents, format_fingerprint
from ledger.encoding import format_time, printable
from ledger.evidence.trust import Trust
from storage.trust_directory import read_trust

_FINGERPRINT, _TRUST = "指纹 Fingerprint", "信任文件夹 Trust folder"
_VERIFIER, _WHOM = "核验程序 Verifier", "日志与联合签名人 Logs and cosigners"
_HEADS = (_FINGERPRINT, _TRUST, _VERIFIER, _WHOM, "一、", "二、", "三、", "A. ", "B. ", "C. ")
_TEMPLATE = """\
#let data = json("page.json")
#set document(title: data.title)
#set page(paper: "a4", margin: (x: 20mm, y: 18mm), footer: align(center, text(size: 8pt,
  context counter(page).display("1 / 1", both: true))))
#set text(font: "Tiezheng Serif SC", size: 9.5pt, lang: "zh", region: "cn", hyphenate: false)
#set par(leading: 0.55em, spacing: 0.55em, justify: false)
// The font has one weight.
#let bold = 0.3pt + black
#for line in data.lines {
  if line.kind == "blank" { v(0.4em) } else if line.kind == "title" {
    heading(level: 1, outlined: true, text(size: 14pt, stroke: bold, line.text))
  } else if line.kind == "fingerprint" {
    block(above: 0pt, below: 0pt, inset: (x: 4mm, y: 1.2mm), fill: luma(235), width: 100%,
      text(font: "DejaVu Sans Mono", size: 14pt, line.text))
  } else if line.kind == "digits" {
    block(above: 0.45em, below: 0.45em, inset: (left: 4mm),
      text(font: "DejaVu Sans Mono", size: 9.5pt, line.text))
  } else if line.kind == "command" {
    block(above: 0.45em, below: 0.45em, inset: (left: 8mm),
      text(font: ("DejaVu Sans Mono", "Tiezheng Serif SC"), size: 7.5pt, line.text))
  } else if line.kind == "head" {
    block(above: 0.9em, below: 0.5em, text(stroke: bold, line.text))
  } else if line.kind == "sign" {
    block(above: 2.6em, below: 0pt, line.text)
  } else { pad(left: line.indent * 2mm, par(line.text)) }
}
"""


def page_text(contents: Contents, folder: Path, fingerprint: bytes, reader: bytes) -> str:
    """`folder` is the package, for its trust folder; `reader` the verifier's digest."""
    trust = read_trust(folder / package.TRUST)
    lines = [
        "铁证 档案移交包核验单",
        "Tiezheng: the printed page of a transfer package",
        "",
        f"接收 Received by: {printable(contents.archive)}",
        f"移交 Handed over by: {printable(contents.by)}",
        f"制作 Made: {format_time(contents.at_ms)}   {printable(contents.software)}",
        f"证据包 Packets: {len(contents.packets)}",
        *_cases(contents),
        "",
        f"{_FINGERPRINT} (SHA-256 of tagmanifest-sha256.txt)",
        *_digits(fingerprint),
        f"{_TRUST} (data/trust)",
        *_digits(bytes.fromhex(trust.hash)),
        f"{_VERIFIER} ({package.READER})",
        *_digits(reader),
        "",
        *_whom(trust),
        "",
        *_HOW,
        "",
        "移交人 Handed over: ________________    接收人 Received: ________________",
        "日期 Date: ________________",
    ]
    return "\n".join(lines) + "\n"


def page_pdf(text: str, at_ms: int) -> bytes:
    """Raises `Unavailable` where typst is not installed."""
    typst = open_typesetter(say(en="the printed page", zh="核验单"))
    shown = "".join(c if c == "\n" or c in characters() else f"[U+{ord(c):04X}]" for c in text)
    lines = [_line(line) for line in shown.rstrip("\n").split("\n")]
    lines[0]["kind"] = lines[1]["kind"] = "title"
    for line in [line for line in lines if line["kind"] == "digits"][:2]:
        line["kind"] = "fingerprint"  # what is typed from the page
    with TemporaryDirectory(prefix="tiezheng-page-") as folder:
        (Path(folder) / "main.typ").write_text(_TEMPLATE, encoding="utf-8")
        data = {"title": "Tiezheng transfer package", "lines": lines}
        (Path(folder) / "page.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        return typeset_pdf(typst, Path(folder), at_ms)


def _line(line: str) -> dict[str, object]:
    text = line.lstrip(" ")
    return {"indent": len(line) - len(text), "kind": _kind(line, text), "text": text}


def _kind(line: str, text: str) -> str:
    if not text:
        return "blank"
    if set(text) <= set("0123456789abcdef "):
        return "digits"
    if text.startswith(("sha256sum ", "python3 ")):
        return "command"
    if "____" in text:
        return "sign"
    return "head" if line.startswith(_HEADS) else ""


def _digits(digest: bytes) -> Iterator[str]:
    groups = format_fingerprint(digest).split(" ")
    yield from ("    " + " ".join(groups[at : at + 8]) for at in (0, 8))


def _cases(contents: Contents) -> Iterator[str]:
    first, last = contents.packets[0], contents.packets[-1]
    yield f"    {first.name}: {printable(first.case)}"
    if len(contents.packets) > 2:
        yield "    …… 其余见 the others in data/package.json"
    if last != first:
        yield f"    {last.name}: {printable(last.case)}"


def _whom(trust: Trust) -> Iterator[str]:
    """The log and who watched it: to be compared with what they published themselves."""
    yield _WHOM
    for log in trust.logs:
        yield f"    {log.origin}  {log.policy.log.keyid}"
        for witness in log.policy.witnesses:
            yield f"      {witness.name}: {witness.key.keyid}"
    yield f"登记人 Registrar: {trust.registrar.keyid}"


_HOW = (
    "一、不用任何专用程序",
    "  1 计算 tagmanifest-sha256.txt 的 SHA-256，与上列指纹比对。",
    "  2 该文件列有另外三个文件的 SHA-256，manifest-sha256.txt 列有其余全部文件的；逐一比对。",
    "    sha256sum tagmanifest-sha256.txt",
    "    sha256sum -c tagmanifest-sha256.txt manifest-sha256.txt",
    "  3 单个证据包的人工核验方法见 data/pages/court-by-hand.zh.md。",
    "二、用 Python 3.11 以上版本（不联网，不安装）",
    f"    python3 -I {package.READER} archive check . --fingerprint '上列指纹'",
    f"    python3 -I {package.READER} archive restore . -o ../restored --fingerprint '上列指纹'",
    "  核验程序本身的 SHA-256 也应先行比对。格式说明见 data/pages/package.md。",
    "三、本单不能证明",
    "  所录内容属实；固定之前未被改动；未入日志者为何。",
    "",
    "A. With no program of ours",
    "  1 Compute the SHA-256 of tagmanifest-sha256.txt; compare it with the fingerprint above.",
    "  2 That file has the SHA-256 of three more, and manifest-sha256.txt those of all others:",
    "    sha256sum tagmanifest-sha256.txt",
    "    sha256sum -c tagmanifest-sha256.txt manifest-sha256.txt",
    "  3 How to check one packet by hand: data/pages/court-by-hand.md.",
    "B. With Python 3.11 or later: no network, nothing to install",
    f"    python3 -I {package.READER} archive check . --fingerprint 'DIGITS'",
    f"    python3 -I {package.READER} archive restore . -o ../restored --fingerprint 'DIGITS'",
    "  Compare the SHA-256 of the verifier first. The formats: data/pages/package.md.",
    "C. What this page does not show",
    "  That what is recorded is true; that it was whole before it was fixed;",
    "  what was never logged.",
)
