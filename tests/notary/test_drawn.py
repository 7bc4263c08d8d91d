"""That a certificate's words are those of its data sheet."""

import pytest

from cli.notary import typesetting
from cli.notary.attached import read_sheet
from cli.notary.drawn import check_drawn
from cli.notary.typesetting import SHEET, typeset
from ledger.errors import LedgerError, Malformed, Rejected
from testkit.certificate_pages import make_page

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
