"""The certificate as PDF/A-3b: what it says, what is in it, and what it refuses."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli.notary import attached, sealing, typesetting
from cli.notary.attached import open_pdf, read_attachments, read_sheet
from cli.notary.certificate_words import CERTIFIED, NOT_CERTIFIED, OF_ENDED_LOGS
from cli.notary.page import CertificatePage, Compared
from cli.notary.typesetting import MAX_ATTACHMENTS, SHEET, typeset
from cli.reference import Reference
from ledger.errors import LedgerError, Malformed, Unavailable
from testkit.certificate_pages import make_item, make_page
from testkit.pdf import pages_of

PROOFS = {"proof.json": b'{"a":1}', "token.tsr": bytes(range(256))}
MANY = (*(make_item(97 + n, outcome) for n, outcome in enumerate(list(Compared)[1:])),)


def test_the_same_data_give_the_same_bytes() -> None:
    assert typeset(make_page(), PROOFS) == typeset(make_page(), dict(reversed(PROOFS.items())))


def test_it_says_that_it_is_pdf_a_3b() -> None:
    metadata = open_pdf(typeset(make_page(), {})).root["/Metadata"].data.decode()
    assert "<pdfaid:part>3</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    assert "<xmp:CreateDate>2026-11-25T07:20:00+00:00<" in metadata


def test_proofs_and_data_sheet_come_out_as_they_went_in() -> None:
    page = make_page()
    pdf = typeset(page, PROOFS)
    assert read_attachments(pdf) == PROOFS | {SHEET: page.to_bytes()}
    assert read_sheet(pdf) == page


def test_a_first_page_says_all_that_matters(tmp_path: Path) -> None:
    page = make_page()
    first, english = pages_of(typeset(page, PROOFS), tmp_path)
    for text in (page.number, page.office, page.applicant, page.purpose, page.case, page.method,
                 "、".join(page.notaries), "2026-11-2510:04:31", "二〇二六年十一月二十五日",
                 page.log_origin, "共184512条", page.checkpoint_root.hex(), page.policy_hash.hex(),
                 *(by.name for by in page.cosigners), *(item.name for item in page.items),
                 *(item.sha256.hex() for item in page.items), *PROOFS, SHEET,
                 *(line["zh"] for line in (*CERTIFIED, *NOT_CERTIFIED))):  # fmt: skip
        assert re.sub(r"\s", "", text) in first
    for line in (*CERTIFIED, *NOT_CERTIFIED):
        assert line["en"].replace(" ", "") in english


def test_the_automatic_cosignature_is_never_called_notarial(tmp_path: Path) -> None:
    text = "".join(pages_of(typeset(make_page(), {}), tmp_path))
    assert text.count("联合签名") >= 4
    assert "联合签名" not in text.replace("自动联合签名（非公证）", "")
    english = re.findall(r"(?i)automaticcosignatures?(.{13})", text)
    assert english
    assert all(what.startswith(("(notanotarial", "(notnotarial")) for what in english)


@pytest.mark.parametrize("page", [make_page(3), make_page(97, *MANY)], ids=["few", "hundred"])
def test_every_page_has_the_reference_and_its_number(page: CertificatePage, tmp_path: Path) -> None:
    pages = pages_of(typeset(page, {}), tmp_path)
    reference = Reference.of(page.to_bytes()).to_text()
    for number, text in enumerate(pages, 1):
        assert reference in text
        assert f"第{number}页，共{len(pages)}页" in text


def test_many_items_stand_in_a_schedule_after_a_whole_first_page(tmp_path: Path) -> None:
    page = make_page(97, *MANY, purpose="用途" * 150, method="方法" * 150)
    first, *schedule, _ = pages_of(typeset(page, {}), tmp_path)
    assert "二〇二六年十一月二十五日" in first
    assert "一致97件，不一致1件，未入日志1件，未能判定1件" in first
    assert page.items[0].name not in first
    listed = "".join(schedule)
    for item in page.items:
        assert item.name in listed
        assert item.sha256.hex() in listed
    differing = next(item for item in page.items if item.logged_sha256)
    assert differing.logged_sha256 is not None
    assert "日志中登记的SHA-256：" + differing.logged_sha256.hex() in listed
    assert len(schedule) < 12


def test_markup_in_data_is_text(tmp_path: Path) -> None:
    text = '#panic("x") $y$ *b* _i_ `raw` <label> @ref \\u{41} //'
    pages = pages_of(typeset(make_page(purpose=text), {}), tmp_path)
    assert text.replace(" ", "") in pages[0]


def test_a_place_in_a_closed_log_names_that_log(tmp_path: Path) -> None:
    closed = "ledger.example/enforcement/2025"
    page = make_page(items=(replace(make_item(), index=7, log=closed),))
    text = "".join(pages_of(typeset(page, {}), tmp_path))
    assert f"{closed}第7条" in text
    # It is not in the checkpoint that the page names, and the page does not say so.
    for language in ("zh", "en"):
        assert CERTIFIED[-1][language].replace(" ", "") not in text
        assert OF_ENDED_LOGS[language].replace(" ", "") in text
    assert "联合签名" not in text.replace("自动联合签名（非公证）", "")


def test_a_long_name_without_a_space_is_there_whole(tmp_path: Path) -> None:
    name, applicant = "录像" + "x0_" * 84, "W" * 120
    page = make_page(0, replace(make_item(), name=name), applicant=applicant)
    text = "".join(pages_of(typeset(page, {}), tmp_path))
    assert name in text
    assert applicant in text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"applicant": "张𰻝公司"}, "applicant"),
        ({"notaries": ("甲", "乙\U0001f600")}, r"notaries\[1\]"),
        ({"purpose": "不知\ue000"}, "purpose"),
        ({"items": (replace(make_item(), name="录𰻝.mp4"),)}, r"items\[0\].name"),
    ],
)
def test_a_character_that_no_font_has_is_named_with_its_field(
    changed: dict[str, object], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "SYSTEM_FONTS", ())
    with pytest.raises(Malformed, match=rf"^{field}: no font has .* \(U\+[0-9A-F]+\)$") as caught:
        typeset(make_page(**changed), {})
    assert "fonts-noto-cjk" in caught.value.hints[0]


def test_a_rare_name_is_set_in_a_font_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [path for path in typesetting.SYSTEM_FONTS if Path(path).is_dir()]
    if not folders:
        pytest.skip("needs fonts-noto-cjk")
    monkeypatch.setattr(typesetting, "SYSTEM_FONTS", ())
    page = make_page(1, applicant="张𰻝公司")
    assert read_sheet(typeset(page, {}, folders)) == page


def test_every_general_standard_character_of_a_name_is_there() -> None:
    page = make_page(1, notaries=("朱镕基", "王玥堃", "李祎䶮"))
    assert read_sheet(typeset(page, {})) == page


def test_the_page_on_the_format_checks_a_reference_by_hand(tmp_path: Path) -> None:
    if shutil.which("pdfdetach") is None:
        pytest.skip("needs poppler-utils")
    page = make_page()
    (tmp_path / "certificate.pdf").write_bytes(typeset(page, PROOFS))
    text = Reference.of(page.to_bytes()).to_text()
    docs = Path(__file__).parents[2] / "docs" / "formats" / "certificate.md"
    script = docs.read_text(encoding="utf-8").partition("To check by hand:\n")[2]
    script = script.partition("\n## ")[0].replace("TZC1.K3VQ7A-2MZ5RT-WEJ4YB-QH6LXD", text[:-3])
    done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, check=True)
    letters, check = done.stdout.decode().split()
    assert f"TZC1.{'-'.join(letters[i : i + 6] for i in range(0, 24, 6))}-{check}" == text


@pytest.mark.parametrize(
    "attachments",
    [
        {"../x": b""},
        {"": b""},
        {SHEET: b"another"},
        {"a\nb": b""},
        {"证明.json": b""},
        {"x" * 121: b""},
        {f"{n}": b"" for n in range(MAX_ATTACHMENTS)},
        {"big": bytes(typesetting.MAX_ATTACHED)},
    ],
    ids=["path", "empty", "sheet", "line", "chinese", "long", "many", "large"],
)
def test_attachments_have_bounds(attachments: dict[str, bytes]) -> None:
    with pytest.raises(Malformed, match=r"^attachments: want"):
        typeset(make_page(), attachments)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = typeset(make_page(), {})
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.setattr(attached, "find_spec", lambda name: None)
    for use in (
        lambda: typeset(make_page(), {}),
        lambda: open_pdf(pdf),
        lambda: sealing.open_pkcs12(b"", b""),
        lambda: sealing.open_seal(pdf, []),
    ):
        with pytest.raises(Unavailable) as caught:
            use()
        assert caught.value.hints == ("install the extra: pip install 'tiezheng[notary]'",)


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7", b"%PDF-1.7\n%%EOF\n", bytes(5000)])
def test_what_is_no_pdf_is_malformed(pdf: bytes) -> None:
    with pytest.raises(Malformed):
        read_attachments(pdf)


def test_damaged_pdfs_raise_nothing_but_our_errors() -> None:
    pdf = typeset(make_page(), PROOFS)
    for at in range(0, len(pdf), len(pdf) // 60):
        damaged = pdf[:at] + bytes([pdf[at] ^ 0x55]) + pdf[at + 1 :]
        for data in (damaged, pdf[:at]):
            try:
                read_sheet(data)
            except LedgerError:
                continue
