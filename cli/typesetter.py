"""typst, which sets pages: a folder with `main.typ` and all that it reads becomes a PDF/A-3b.

No clock and no network; fonts are ours and those of the folders named. So the same folder and
moment give the same bytes. In PDF/A typst refuses to draw a character that no font has.
"""

import struct
from collections.abc import Sequence
from datetime import timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from ledger.encoding import in_china
from ledger.errors import Unavailable

FONTS = Path(__file__).parent / "notary" / "fonts"
FONT = "tiezheng-serif-sc.otf"


def open_typesetter(what: str) -> Any:
    """The package; `what` it is wanted for."""
    try:
        import typst
    except ImportError:
        raise Unavailable(
            f"typst is not installed, and it typesets {what}",
            hints=("install the extra: pip install 'tiezheng[notary]'",),
        ) from None
    return typst


def typeset_pdf(typst: Any, folder: Path, at_ms: int, fonts: Sequence[str] = ()) -> bytes:
    """Dated `at_ms`; what typst refuses is its own `TypstError`."""
    pdf = typst.compile(
        folder / "main.typ",
        root=folder,
        font_paths=[str(FONTS), *fonts],
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=["a-3b"],
        timestamp=in_china(at_ms).astimezone(timezone(timedelta(hours=8))),
        # No packages from elsewhere: the templates need none, and nothing is fetched.
        package_path=folder,
        package_cache_path=folder,
    )
    assert isinstance(pdf, bytes)
    return pdf


@cache
def characters() -> frozenset[str]:
    """That our own font has a glyph for: its `cmap`, in the format of wide tables (12)."""
    font = (FONTS / FONT).read_bytes()
    (tables,) = struct.unpack_from(">H", font, 4)
    at = {font[12 + 16 * n : 16 + 16 * n]: 12 + 16 * n for n in range(tables)}[b"cmap"]
    (cmap,) = struct.unpack_from(">L", font, at + 8)
    (maps,) = struct.unpack_from(">H", font, cmap + 2)
    offsets = [struct.unpack_from(">L", font, cmap + 8 + 8 * n)[0] for n in range(maps)]
    wide = next(cmap + o for o in offsets if struct.unpack_from(">H", font, cmap + o) == (12,))
    (groups,) = struct.unpack_from(">L", font, wide + 12)
    found: set[str] = set()
    for n in range(groups):
        first, last, _ = struct.unpack_from(">LLL", font, wide + 16 + 12 * n)
        found |= {chr(code) for code in range(first, last + 1)}
    return frozenset(found)
