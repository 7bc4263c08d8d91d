"""An MP4 file put together by hand: boxes, and a track's tables."""

import struct
from collections.abc import Sequence


def box(name: bytes, content: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, name, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, name) + content


FTYP = box(b"ftyp", b"isomiso2")
DREF = box(b"dref", struct.pack(">II", 0, 1) + box(b"url ", struct.pack(">I", 1)))


def table(form: str, *rows: tuple[int, ...]) -> bytes:
    return struct.pack(">II", 0, len(rows)) + b"".join(struct.pack(">" + form, *r) for r in rows)


def track(
    samples: Sequence[tuple[int, int]],
    *,
    codec: bytes = b"avc1",
    kind: bytes = b"vide",
    dref: bytes = DREF,
    same: int = 0,
    places: bytes = b"",
    counts: bytes = b"",
    more: bytes = b"",
    flags: int = 3,
) -> bytes:
    """Each sample, as place and size, is the only one of its place; `same` is the size of all.

    `places` and `counts` may take the place of the boxes that say so.
    """
    sizes = b"" if same else b"".join(struct.pack(">I", size) for _, size in samples)
    stbl = (
        box(b"stsd", struct.pack(">II", 0, 1) + box(codec, bytes(70)))
        + (counts or box(b"stsc", table("III", (1, 1, 1))))
        + box(b"stsz", struct.pack(">III", 0, same, len(samples)) + sizes)
        + (places or box(b"stco", table("I", *((at,) for at, _ in samples))))
        + more
    )
    minf = box(b"vmhd", bytes(12)) + box(b"dinf", dref) + box(b"stbl", stbl)
    hdlr = box(b"hdlr", bytes(8) + kind + bytes(13))
    mdia = box(b"mdhd", bytes(24)) + hdlr + box(b"minf", minf)
    return box(b"trak", box(b"tkhd", struct.pack(">I", flags) + bytes(80)) + box(b"mdia", mdia))


def movie(*tracks: bytes, more: bytes = b"") -> bytes:
    return box(b"moov", box(b"mvhd", bytes(100)) + b"".join(tracks) + more)
