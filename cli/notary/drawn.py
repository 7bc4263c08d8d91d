"""Whether the page of a certificate is what its data draw: it is set again and compared.

A sealed file whose words say other than its data sheet would show one thing to a judge and
another to a program. Typesetting is a function of data, attachments, fonts and typst's version.
A seal is appended as an update, and an update may give any object of the file another content:
so of a sealed file everything is compared that the update redefines.
"""

import io
from collections.abc import Sequence
from typing import Any

from cli.notary.attached import open_pdf, read_attachments, read_sheet
from cli.notary.typesetting import SHEET, typeset
from ledger.errors import LedgerError, Malformed, Rejected

# What pyHanko puts into objects that typst wrote. Anything else there is other words.
CATALOG = {"/AcroForm", "/DSS", "/Extensions", "/Perms", "/Version"}
INFO = {"/ModDate", "/Producer"}
METADATA = {
    "http://ns.adobe.com/pdf/1.3/Producer",
    "http://ns.adobe.com/xap/1.0/MetadataDate",
    "http://ns.adobe.com/xap/1.0/ModifyDate",
}
FORM = {"/Fields", "/SigFlags"}
WIDGET = {"/F", "/FT", "/P", "/Rect", "/Subtype", "/T", "/TU", "/Type", "/V"}


def check_drawn(pdf: bytes, font_paths: Sequence[str] = ()) -> None:
    """Raises `Rejected` unless the file, sealed or not, shows what its own data draw."""
    drawn = _drawn(pdf, font_paths)
    if pdf == drawn:
        return
    if not pdf.startswith(drawn):
        raise _other()
    _check_update(open_pdf(drawn), open_pdf(pdf))


def check_draft(pdf: bytes, font_paths: Sequence[str] = ()) -> None:
    """Raises `Rejected` unless the file is what its data draw, to the byte."""
    if pdf != _drawn(pdf, font_paths):
        raise _other()


def _drawn(pdf: bytes, font_paths: Sequence[str]) -> bytes:
    page = read_sheet(pdf)
    proofs = {name: data for name, data in read_attachments(pdf).items() if name != SHEET}
    return typeset(page, proofs, font_paths)


def _other() -> Rejected:
    return Rejected(
        "the page is not what its data sheet draws",
        hints=(
            "another version of typst, of the fonts, or of this program, draws other bytes too",
        ),
    )


def _check_update(drawn: Any, pdf: Any) -> None:
    try:
        redefined = _first_redefined(drawn, pdf)
    except LedgerError:
        raise
    except Exception as error:  # of pyHanko, for every way in which a PDF can be wrong
        raise Malformed(f"want an update that can be read, got {type(error).__name__}") from None
    if redefined:
        raise Rejected(f"the page is not what its data sheet draws: {redefined} was redefined")


def _first_redefined(drawn: Any, pdf: Any) -> str:
    """What in `pdf`, which begins with `drawn`, no seal redefines; empty if there is nothing."""
    from pyhanko.pdf_utils.generic import Reference

    before, after = (dict(one.trailer.flatten()) for one in (drawn, pdf))
    told = [name for name in before if name not in ("/ID", "/Size")]
    if set(after) - {"/Prev"} != set(before) or any(after[name] != before[name] for name in told):
        return "the trailer"
    if pdf.xrefs.hybrid_xrefs_present:  # they show one object to one reader, another to another
        return "the table of objects"
    for number in range(1, int(before["/Size"])):
        old, new = Reference(number, 0, drawn), Reference(number, 0, pdf)
        # At the same place of a file that begins with the other are the same bytes.
        if drawn.xrefs[old] != pdf.xrefs[new] and not _is_of_seal(old, new):
            return f"object {number}"
    return ""


def _is_of_seal(old: Any, new: Any) -> bool:
    """Whether a seal writes this object anew, and as it does."""
    drawn = old.pdf
    was, now = old.get_object(), new.get_object()
    if drawn.root.raw_get("/Metadata").reference == old:
        return _properties(was) == _properties(now)
    if drawn.trailer.raw_get("/Info").reference == old:
        return _without(was, INFO) == _without(now, INFO)
    if drawn.root_ref == old:
        return (
            not CATALOG & set(was)
            and _without(now, CATALOG) == dict(was)
            and set(now["/AcroForm"]) <= FORM
            and _are_invisible(now["/AcroForm"]["/Fields"])
        )
    return (
        was.get("/Type") == "/Page"
        and "/Annots" not in was
        and _without(now, {"/Annots"}) == dict(was)
        and _are_invisible(now["/Annots"])
    )


def _without(value: Any, names: set[str]) -> dict[str, Any]:
    return {name: value.raw_get(name) for name in value if name not in names}


def _properties(stream: Any) -> list[dict[str, Any]]:
    """Of XMP: programs show its title above the page."""
    from pyhanko.pdf_utils.metadata.xmp_xml import parse_xmp

    return [
        {str(name): value for name, value in one if str(name) not in METADATA}
        for one in parse_xmp(io.BytesIO(stream.data))
    ]


def _are_invisible(fields: Any) -> bool:
    """Fields for signatures that take no room on the page, do nothing and look like nothing."""
    widgets = [field.get_object() for field in fields]
    return all(
        set(widget) <= WIDGET
        and (widget["/Subtype"], widget["/FT"]) == ("/Widget", "/Sig")
        and list(widget["/Rect"]) == [0, 0, 0, 0]
        for widget in widgets
    )
