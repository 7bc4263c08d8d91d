"""That a certificate's words are those of its data sheet."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.timestamps import HTTPTimeStamper

from cli.main import main
from cli.notary import typesetting
from cli.notary.attached import read_sheet
from cli.notary.drawn import check_draft, check_drawn
from cli.notary.seal_check import SealFinding, open_seal
from cli.notary.sealing import open_pkcs12, seal
from cli.notary.typesetting import SHEET, typeset
from ledger.errors import LedgerError, Malformed, Rejected
from testkit.certificate_pages import make_page
from testkit.pkcs12 import to_pkcs12
from testkit.tsa_process import Tsa, open_tsa

PROOFS = {"proof.json": b"{}"}


def test_a_page_is_drawn_from_its_data_whatever_was_appended_since() -> None:
    pdf = typeset(make_page(), PROOFS)
    check_drawn(pdf)
    check_drawn(pdf + b"\n% what a seal appends\n")


def test_a_page_with_other_words_than_its_data_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(typesetting, "NOT_CERTIFIED", typesetting.NOT_CERTIFIED[:1])
        pdf = typeset(make_page(), PROOFS)
    assert read_sheet(pdf) == make_page()
    with pytest.raises(Rejected, match="not what its data sheet draws"):
        check_drawn(pdf)


def test_a_pdf_that_is_no_certificate_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(typesetting, "SHEET", "other.json")
        pdf = typeset(make_page(), PROOFS)
    with pytest.raises(Malformed, match=f"has no {SHEET}"):
        check_drawn(pdf)
    with pytest.raises(LedgerError):
        check_drawn(b"%PDF-1.7\n%%EOF")


# --- updates ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with open_tsa(tmp_path_factory.mktemp("tsa") / "tsa", intermediate=True) as tsa:
        yield tsa


@pytest.fixture(scope="module")
def signer(tsa: Tsa) -> Any:
    return open_pkcs12(to_pkcs12(tsa.issue("office", ec_key=True), tsa, b"word"), b"word")


def sealed(pdf: bytes, signer: Any, tsa: Tsa) -> bytes:
    return seal(pdf, signer, tsa.url, [tsa.root], crls=[tsa.crl(0), tsa.crl(1)])


def first_page(root: Any) -> Any:
    page = root["/Pages"]
    while "/Kids" in page:
        page = page["/Kids"][0].get_object()
    return page


def put_content(writer: Any) -> None:
    page = first_page(writer.root)
    page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=b"0 0 500 700 re f"))
    writer.mark_update(page.container_ref)


def change_content(writer: Any) -> None:
    """The page names the stream that it named, and that has other words."""
    stream = first_page(writer.root)["/Contents"]
    stream._data, stream._encoded_data = b"0 0 500 700 re f", None
    writer.mark_update(stream.container_ref)


def put_note(writer: Any) -> None:
    page = first_page(writer.root)
    note = {
        "/Type": generic.NameObject("/Annot"),
        "/Subtype": generic.NameObject("/FreeText"),
        "/Rect": generic.ArrayObject(map(generic.NumberObject, (0, 0, 500, 700))),
        "/Contents": generic.pdf_string("null and void"),
    }
    page["/Annots"] = generic.ArrayObject([writer.add_object(generic.DictionaryObject(note))])
    writer.mark_update(page.container_ref)


def put_visible_field(writer: Any) -> None:
    fields.append_signature_field(writer, fields.SigFieldSpec("Other", box=(0, 0, 500, 700)))


def put_action(writer: Any) -> None:
    action = {
        "/S": generic.NameObject("/JavaScript"),
        "/JS": generic.pdf_string("app.alert(1)"),
    }
    writer.root["/OpenAction"] = generic.DictionaryObject(action)
    writer.update_root()


def put_other_title(writer: Any) -> None:
    info = writer.trailer["/Info"]
    info["/Title"] = generic.pdf_string("another")
    writer.mark_update(info.container_ref)


def updated(pdf: bytes, change: Callable[[Any], None]) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "change",
    [put_content, change_content, put_note, put_visible_field, put_action, put_other_title],
)
def test_an_update_that_shows_something_else_is_refused(change: Callable[[Any], None]) -> None:
    pdf = typeset(make_page(), PROOFS)
    altered = updated(pdf, change)
    assert altered.startswith(pdf) and read_sheet(altered) == make_page()
    with pytest.raises(Rejected, match=r"not what its data sheet draws: object \d+ was redefined"):
        check_drawn(altered)
    with pytest.raises(Rejected, match="not what its data sheet draws"):
        check_draft(altered)


def test_a_sealed_page_with_other_content_is_refused(signer: Any, tsa: Tsa) -> None:
    altered = sealed(updated(typeset(make_page(), PROOFS), put_content), signer, tsa)
    assert open_seal(altered, [tsa.root]).finding is SealFinding.SEALED
    with pytest.raises(Rejected, match=r"object \d+ was redefined"):
        check_drawn(altered)


def test_the_seal_itself_changes_nothing_that_is_shown(signer: Any, tsa: Tsa) -> None:
    pdf = typeset(make_page(), PROOFS)
    check_draft(pdf)
    stamped = sealed(pdf, signer, tsa)
    check_drawn(stamped)
    renewed = PdfTimeStamper(HTTPTimeStamper(tsa.url)).timestamp_pdf(
        IncrementalPdfFileWriter(io.BytesIO(stamped)), "sha256"
    )
    check_drawn(bytes(renewed.getbuffer()))
    with pytest.raises(Rejected, match="not what its data sheet draws"):
        check_draft(stamped)


def test_an_altered_draft_is_not_sealed(
    signer: Any, tsa: Tsa, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "draft.pdf").write_bytes(updated(typeset(make_page(), PROOFS), put_content))
    (tmp_path / "root.pem").write_bytes(tsa.root)
    p12 = to_pkcs12(tsa.issue("office", ec_key=True), tsa, b"word")
    (tmp_path / "office.p12").write_bytes(p12)
    (tmp_path / "office.pass").write_bytes(b"word")
    command = ["notary", "seal", tmp_path / "draft.pdf", "-o", tmp_path / "sealed.pdf"]
    command += ["--seal-key", tmp_path / "office.p12", "--passphrase", tmp_path / "office.pass"]
    command += ["--tsa", tsa.url, "--root", tmp_path / "root.pem", "--fetch"]
    assert main([str(part) for part in command]) == 1
    assert "not what its data sheet draws" in capsys.readouterr().err
    assert not (tmp_path / "sealed.pdf").exists()
