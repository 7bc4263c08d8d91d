"""Whether the page of a certificate is what its data draw: it is set again and compared.

A sealed file whose words say other than its data sheet would show one thing to a judge and
another to a program. Typesetting is a function of data, attachments, fonts and typst's version.
"""

from collections.abc import Sequence

from cli.notary.attached import read_attachments, read_sheet
from cli.notary.typesetting import SHEET, typeset
from ledger.errors import Rejected


def check_drawn(pdf: bytes, font_paths: Sequence[str] = ()) -> None:
    """Raises `Rejected` unless the file, sealed or not, begins with what its own data draw."""
    page = read_sheet(pdf)
    proofs = {name: data for name, data in read_attachments(pdf).items() if name != SHEET}
    if not pdf.startswith(typeset(page, proofs, font_paths)):
        raise Rejected(
            "the page is not what its data sheet draws",
            hints=("another version of typst, or of the fonts, draws other bytes too",),
        )
