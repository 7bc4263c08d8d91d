"""What is attached to a certificate, read back by pyHanko: the data sheet and the proofs.

Nothing here is believed: that the bytes are those that were sealed, `sealing.open_seal` says.
"""

import io
from importlib.util import find_spec
from typing import Any

from cli.notary.page import CertificatePage
from cli.notary.typesetting import MAX_ATTACHED, MAX_ATTACHMENTS, SHEET
from ledger.errors import LedgerError, Malformed, Unavailable

MAX_PDF = 64 << 20


def read_attachments(pdf: bytes) -> dict[str, bytes]:
    """Name → bytes, in the file's newest revision."""
    reader = open_pdf(pdf)
    try:
        names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
        if len(names) > 2 * MAX_ATTACHMENTS:
            raise Malformed(f"want at most {MAX_ATTACHMENTS} attachments")
        found: dict[str, bytes] = {}
        for i in range(0, len(names), 2):
            name = str(names[i])
            if name in found:
                raise Malformed(f"want each attachment once, got {name!r} twice")
            found[name] = bytes(names[i + 1]["/EF"]["/F"].data)
            if sum(map(len, found.values())) > MAX_ATTACHED:
                raise Malformed(f"want at most {MAX_ATTACHED} bytes of attachments")
    except LedgerError:
        raise
    except Exception as error:  # of pyHanko, for every way in which a PDF can be wrong
        raise Malformed(f"the PDF has no attachments to be read: {_first_line(error)}") from None
    return found


def read_sheet(pdf: bytes) -> CertificatePage:
    attached = read_attachments(pdf)
    if SHEET not in attached:
        raise Malformed(f"the PDF has no {SHEET}: it is none of our certificates")
    return CertificatePage.from_bytes(attached[SHEET])


def open_pdf(pdf: bytes) -> Any:
    """A reader of pyHanko's. Strict: what two readers could read differently is no certificate."""
    need_pyhanko()
    from pyhanko.pdf_utils.reader import PdfFileReader

    if len(pdf) > MAX_PDF:
        raise Malformed(f"want a PDF of at most {MAX_PDF} bytes, got {len(pdf)}")
    try:
        return PdfFileReader(io.BytesIO(pdf), strict=True)
    except Exception as error:  # whatever a malformed file makes a parser raise
        raise Malformed(f"want a PDF: {_first_line(error)}") from None


def need_pyhanko() -> None:
    if find_spec("pyhanko") is None:
        raise Unavailable(
            "pyHanko is not installed, and it reads and seals certificates",
            hints=("install the extra: pip install 'tiezheng[notary]'",),
        )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__} {error}".split("\n")[0][:200]
