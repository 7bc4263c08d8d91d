"""A certificate as PDF/A-3b: its data and the template `certificate.typ`, through typst.

The same page, attachments and fonts give the same bytes: the date in the file is that of the
issue, and no clock is read. In PDF/A typst refuses to draw a character that no font has, so that
a name is never a row of boxes. The fonts are our own part of Noto Serif CJK SC, which has what
GB 2312 has; only for rarer characters is the system's Noto looked for.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cli.notary.certificate_words import (
    CERTIFIED,
    LIMITS,
    NOT_CERTIFIED,
    OF_ENDED_LOGS,
    OUTCOMES,
    WORDS,
    bytes_of,
    checkpoint_size,
    counted,
    entry,
)
from cli.notary.page import CertificatePage, Compared, ComparedItem
from cli.reference import Reference
from cli.typesetter import open_typesetter, typeset_pdf
from ledger.encoding import clip, in_china
from ledger.errors import Malformed

SHEET = "certificate.json"  # the data sheet, attached to every certificate
MAX_ATTACHMENTS = 64
MAX_ATTACHED = 32 << 20  # bytes, together
MAX_ATTACHMENT_NAME = 120
FEW = 3  # items that stand on the first page, if the texts beside them are short
SHORT = 400  # characters of all those texts
HERE = Path(__file__).parent
SYSTEM_FONTS = ("/usr/share/fonts/opentype/noto", "/usr/share/fonts/noto-cjk")

_ATTACHED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_MISSING = re.compile(r'the text `"(.+?)"` could not be displayed', re.DOTALL)
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
_DIGITS = str.maketrans("0123456789", "〇一二三四五六七八九")
_MIME = {".json": "application/json", ".txt": "text/plain", ".tsr": "application/timestamp-reply"}


def typeset(
    page: CertificatePage, attachments: Mapping[str, bytes], font_paths: Sequence[str] = ()
) -> bytes:
    """The unsigned PDF. The data sheet is attached too, as `certificate.json`."""
    typst = open_typesetter("certificates")
    attached = {SHEET: page.to_bytes(), **attachments}
    _check_attachments(attachments, attached)
    with TemporaryDirectory(prefix="tiezheng-certificate-") as folder:
        _lay_out(Path(folder), page, attached)
        error: Exception | None = None
        for fonts in ((), tuple(filter(_is_folder, (*font_paths, *SYSTEM_FONTS)))):
            try:
                return typeset_pdf(typst, Path(folder), page.issued_at_ms, fonts)
            except typst.TypstError as refusal:
                error = refusal
                if not _MISSING.search(_said(refusal)):
                    break
    assert error is not None
    raise _refusal(page, _said(error)) from None


def _check_attachments(given: Mapping[str, bytes], attached: Mapping[str, bytes]) -> None:
    for name in given:
        if len(name) > MAX_ATTACHMENT_NAME or not _ATTACHED.fullmatch(name) or name == SHEET:
            raise Malformed(
                f"want a name of letters, digits, '.', '_' and '-', and not {SHEET}, "
                f"got {clip(name)!r}",
                path="attachments",
            )
    if len(attached) > MAX_ATTACHMENTS:
        raise Malformed(f"want at most {MAX_ATTACHMENTS}, got {len(attached)}", path="attachments")
    if (size := sum(map(len, attached.values()))) > MAX_ATTACHED:
        raise Malformed(f"want at most {MAX_ATTACHED} bytes, got {size}", path="attachments")


def _lay_out(folder: Path, page: CertificatePage, attached: Mapping[str, bytes]) -> None:
    """What the template reads. Names that came from outside are in the data, and no file names."""
    (folder / "main.typ").write_bytes((HERE / "certificate.typ").read_bytes())
    names = sorted(attached)
    for number, name in enumerate(names):
        (folder / f"attached-{number}").write_bytes(attached[name])
    reference = Reference.of(page.to_bytes()).to_text()
    (folder / "code.svg").write_bytes(_code(reference))
    date = in_china(page.issued_at_ms)
    data = {
        "attached": [
            {"name": name, "mime": _MIME.get(Path(name).suffix, "application/octet-stream")}
            for name in names
        ],
        "date": [date.year, date.month, date.day],
        "few": _is_short(page),
        "items": [_row(number, item) for number, item in enumerate(page.items, 1)],
        "languages": [_in_language(page, reference, names, language) for language in ("zh", "en")],
        "reference": reference,
    }
    (folder / "page.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def _is_short(page: CertificatePage) -> bool:
    names = [*(item.name for item in page.items), *(by.name for by in page.cosigners)]
    texts = sum(map(len, (page.purpose, page.method, *page.notaries, *names)))
    return len(page.items) <= FEW and texts <= SHORT


def _in_language(
    page: CertificatePage, reference: str, names: Sequence[str], language: str
) -> dict[str, Any]:
    """All that stands on a core page in one language."""
    say = {key: words[language] for key, words in WORDS.items()}
    comma = "、" if language == "zh" else ", "
    sums = Counter(item.outcome for item in page.items)
    result = counted(len(page.items), {outcome: sums[outcome] for outcome in Compared})[language]
    return {
        "say": say,
        "language": language,
        "number": page.number,
        "office": page.office,
        "facts": [
            [say["applicant"], page.applicant],
            [say["case"], page.case or say["no_case"]],
            [say["purpose"], page.purpose],
            [say["notaries"], comma.join(page.notaries)],
            [say["compared_at"], _time(page.compared_at_ms)],
            [say["method"], page.method],
            [say["result"], result + say["see_items"], sums[Compared.SAME] < len(page.items)],
        ],
        "certified": [line[language] for line in _certified(page)],
        "not_certified": [line[language] for line in NOT_CERTIFIED],
        "limits": LIMITS[language],
        "basis": [
            [say["log"], page.log_origin],
            [say["checkpoint"], checkpoint_size(page.checkpoint_size)[language]],
            [
                say["cosigners"],
                comma.join(f"{by.name} ({_time(by.at_ms)})" for by in page.cosigners),
            ],
        ],
        "digests": [
            [say["root"], page.checkpoint_root.hex()],
            [say["policy"], page.policy_hash.hex()],
        ],
        "attached": comma.join(names),
        "date": _date(page.issued_at_ms, language),
        "notaries": comma.join(page.notaries),
        "reference": reference,
    }


def _certified(page: CertificatePage) -> Sequence[Mapping[str, str]]:
    if any(item.log for item in page.items):
        return (*CERTIFIED[:-1], OF_ENDED_LOGS)
    return CERTIFIED


def _row(number: int, item: ComparedItem) -> dict[str, Any]:
    place = []
    if item.index is not None:
        place.append(entry(item.index, item.log)["zh"])
    for word, at_ms in (("quorum", item.quorum_at_ms), ("token", item.token_at_ms)):
        if at_ms is not None:
            place.append(f"{WORDS[word]['zh']} {_time(at_ms)}")
    return {
        "number": str(number),
        "name": item.name,
        "size": bytes_of(item.size),
        "sha256": item.sha256.hex(),
        "logged": item.logged_sha256.hex() if item.logged_sha256 else "",
        "place": place,
        "outcome": OUTCOMES[item.outcome]["zh"],
        "marked": item.outcome is not Compared.SAME,
    }


def _code(reference: str) -> bytes:
    import segno

    out = io.BytesIO()
    # Level M stands a crease or a stain; a fixed version and mask would add nothing.
    code = segno.make(reference, micro=False, error="m", boost_error=False)
    code.save(out, kind="svg", border=2, xmldecl=False, svgns=True, omitsize=True)
    return out.getvalue()


def _is_folder(path: str) -> bool:
    return Path(path).is_dir()


def _said(error: Any) -> str:
    return f"{error.message}"


def _refusal(page: CertificatePage, said: str) -> Exception:
    match = _MISSING.search(said)
    if match is None:
        return Malformed(f"typst refused the certificate: {clip(said, 300)}")
    character = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), match[1])
    fields = [name for name, value in _texts(page) if character in value]
    return Malformed(
        f"no font has {character!r} (U+{ord(character[0]):04X})",
        path=fields[0] if fields else "",
        hints=("install fonts-noto-cjk, or name a folder of fonts with --font-path",),
    )


def _texts(page: CertificatePage) -> Iterator[tuple[str, str]]:
    for name in ("number", "office", "applicant", "purpose", "case", "log_origin", "method"):
        yield name, getattr(page, name)
    for i, notary in enumerate(page.notaries):
        yield f"notaries[{i}]", notary
    for i, item in enumerate(page.items):
        yield f"items[{i}].name", item.name
        yield f"items[{i}].log", item.log
    for i, by in enumerate(page.cosigners):
        yield f"cosigners[{i}].name", by.name


def _time(at_ms: int) -> str:
    return f"{in_china(at_ms):%Y-%m-%d %H:%M:%S}"


def _date(at_ms: int, language: str) -> str:
    """In Chinese as such papers are dated: 二〇二六年十一月二十五日."""
    date = in_china(at_ms)
    if language == "en":
        return f"{date:%Y-%m-%d}"
    return f"{str(date.year).translate(_DIGITS)}年{_tens(date.month)}月{_tens(date.day)}日"


def _tens(number: int) -> str:
    tens, ones = divmod(number, 10)
    digits = "〇一二三四五六七八九"
    head = "" if tens == 0 else "十" if tens == 1 else f"{digits[tens]}十"
    return head + (digits[ones] if ones else "")
