"""The formats of items: told by their first bytes, with their numbers in PRONOM, and whether the
file's structure is whole.

The numbers are from memory unless `known` says so: compare them with the registry before they
go into a finding aid. Structure is not content: that pictures can be decoded is for a player.
"""

import codecs
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass

Read = Callable[[int, int], bytes]

HEAD = 1024  # bytes that `identify` wants
MAX_JSON = 16_777_216
BLOCK = 1 << 20
PDF_TRAILER = 2048
OLE_LISTING = 1 << 20  # names of what is in a compound document are near its beginning
MAX_PARTS = 100_000  # boxes or chunks: a file made of nothing else would be read for days


@dataclass(frozen=True, slots=True)
class Format:
    """`endings` are those that a file of this format may have; `known`: seen in a public source."""

    word: str
    title: str
    puids: tuple[str, ...]
    media_type: str
    endings: tuple[str, ...]
    known: bool = False

    def to_json(self) -> dict[str, object]:
        return {
            "format": self.word,
            "media_type": self.media_type,
            "pronom": list(self.puids),
            "pronom_from_memory": "no" if self.known else "yes",
            "title": self.title,
        }


_ALL = (
    Format(
        "mp4", "MPEG-4 Media File", ("fmt/199",), "video/mp4", ("mp4", "m4v", "m4a"), known=True
    ),
    Format("quicktime", "QuickTime", ("x-fmt/384",), "video/quicktime", ("mov", "qt")),
    Format("mpeg_ts", "MPEG-2 Transport Stream", ("fmt/585",), "video/mp2t", ("ts", "mts")),
    Format(
        "matroska", "Matroska or WebM", ("fmt/569", "fmt/573"), "video/x-matroska", ("mkv", "webm")
    ),
    Format("avi", "Audio/Video Interleaved", ("fmt/5",), "video/x-msvideo", ("avi",)),
    Format("wave", "Waveform Audio", ("fmt/6",), "audio/x-wav", ("wav",)),
    Format("mp3", "MPEG 1/2 Audio Layer 3", ("fmt/134",), "audio/mpeg", ("mp3",), known=True),
    Format("jpeg", "JPEG", ("fmt/42", "fmt/43", "fmt/44", "fmt/41"), "image/jpeg", ("jpg", "jpeg")),
    Format(
        "png", "Portable Network Graphics", ("fmt/11", "fmt/12", "fmt/13"), "image/png", ("png",)
    ),
    Format("gif", "Graphics Interchange Format", ("fmt/3", "fmt/4"), "image/gif", ("gif",)),
    Format("tiff", "Tagged Image File Format", ("fmt/353",), "image/tiff", ("tif", "tiff")),
    Format("pdf", "Portable Document Format", (), "application/pdf", ("pdf",)),
    Format(
        "ole2",
        "OLE2 Compound Document",
        ("fmt/111",),
        "application/x-ole-storage",
        ("doc", "xls", "ppt", "wps", "et"),
    ),
    Format(
        "zip",
        "ZIP, or a document in one",
        ("x-fmt/263",),
        "application/zip",
        ("zip", "docx", "xlsx", "pptx", "ofd", "odt"),
    ),
    Format("json", "JavaScript Object Notation", ("fmt/817",), "application/json", ("json",)),
    Format(
        "text",
        "Plain text in UTF-8",
        ("x-fmt/111",),
        "text/plain",
        ("txt", "md", "csv", "log", "toml", "xml", "html", "htm", "srt", "vtt"),
    ),
    Format("windows_program", "Windows program", ("x-fmt/411",), "application/x-dosexec", ("exe",)),
    Format("elf_program", "ELF program", ("fmt/689", "fmt/690"), "application/x-elf", ()),
    Format("script", "Script", (), "text/x-script", ("sh", "py", "bat")),
)
BY_WORD = {found.word: found for found in _ALL}
PROGRAMS = frozenset({"windows_program", "elf_program", "script"})
# 1.4 was seen in a public source, and the others count on from it.
_PDF = {f"1.{minor}": f"fmt/{14 + minor}" for minor in range(7)} | {
    "1.7": "fmt/276",
    "2.0": "fmt/1129",
}


def identify(head: bytes) -> Format | None:
    """By the first `HEAD` bytes of a file; None if it is none of these."""
    if head[4:8] == b"ftyp":
        return BY_WORD["quicktime" if head[8:12] == b"qt  " else "mp4"]
    if len(head) >= 188 and set(head[::188]) == {0x47}:
        return BY_WORD["mpeg_ts"]
    if head[:4] == b"RIFF":
        return {b"AVI ": BY_WORD["avi"], b"WAVE": BY_WORD["wave"]}.get(head[8:12])
    if head[:5] == b"%PDF-":
        return _pdf(head[5:8].decode("ascii", "replace"))
    for word, starts in _STARTS:
        if head.startswith(starts):
            return BY_WORD[word]
    return _text(head)


_STARTS: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("matroska", (b"\x1aE\xdf\xa3",)),
    ("mp3", (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    ("jpeg", (b"\xff\xd8\xff",)),
    ("png", (b"\x89PNG\r\n\x1a\n",)),
    ("gif", (b"GIF87a", b"GIF89a")),
    ("tiff", (b"II*\0", b"MM\0*")),
    ("ole2", (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)),
    ("zip", (b"PK\x03\x04", b"PK\x05\x06")),
    ("elf_program", (b"\x7fELF",)),
    ("windows_program", (b"MZ",)),
    ("script", (b"#!",)),
)


def _pdf(version: str) -> Format:
    plain, puid = BY_WORD["pdf"], _PDF.get(version)
    puids = (puid,) if puid else ()
    title = f"{plain.title} {version}" if puid else plain.title
    return Format("pdf", title, puids, plain.media_type, plain.endings, known=version == "1.4")


def _text(head: bytes) -> Format | None:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None
    if not head or any(ord(c) < 32 and c not in "\t\n\r\f" for c in text):
        return None
    return BY_WORD["json" if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") else "text"]


def fits_ending(found: Format, name: str) -> bool:
    """Whether a file of this format may be called so. A name without ending says nothing."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if found.word == "json" and ending in BY_WORD["text"].endings:
        return True  # such as a text that begins with a bracket
    return ending in ("", "bin", *found.endings)


def structure(found: Format, read: Read, size: int) -> bool | None:
    """Whether the file is whole by its own structure; None where that is not known here."""
    check = _STRUCTURE.get(found.word)
    try:
        return None if check is None else check(read, size)
    except struct.error:
        return False  # it ends within a header


def locked(found: Format, read: Read, size: int) -> bool:
    """Whether the file says that a password is wanted to read it. Only some can be seen to."""
    match found.word:
        case "pdf":
            # The trailer is at the end; of a file made for the web another is at its beginning.
            tail = read(max(0, size - PDF_TRAILER), PDF_TRAILER)
            return b"/Encrypt" in tail or b"/Encrypt" in read(0, HEAD)
        case "zip":
            return bool(int.from_bytes(read(6, 1), "little") & 1)
        case "ole2":
            return "EncryptedPackage".encode("utf-16-le") in read(0, OLE_LISTING)
    return False


def _boxes(read: Read, size: int) -> bool | None:
    """The outermost boxes fill the file, and its tables and data are among them."""
    at = 0
    seen: set[bytes] = set()
    for _ in range(MAX_PARTS):
        if at >= size:
            return at == size and {b"moov", b"mdat"} <= seen
        header = read(at, 16)
        if len(header) < 8:
            return False
        length, name = struct.unpack_from(">I4s", header)
        if length == 1 and len(header) == 16:
            (length,) = struct.unpack_from(">Q", header, 8)
        elif length == 0:
            length = size - at
        if length < 8:
            return False
        seen.add(name)
        at += length
    return None


def _transport(read: Read, size: int) -> bool:
    """Whole packets of 188 bytes, each with its sync byte."""
    step = 188 * 4096
    return size % 188 == 0 and all(
        set(read(at, min(step, size - at))[::188]) == {0x47} for at in range(0, size, step)
    )


def _riff(read: Read, size: int) -> bool:
    (length,) = struct.unpack("<I", read(4, 4))
    return size in (length + 8, length + 9)  # an odd length is padded


def _jpeg(read: Read, size: int) -> bool:
    """It ends in its end mark; cameras may put zeros behind."""
    return read(max(0, size - 4096), 4096).rstrip(b"\0").endswith(b"\xff\xd9")


def _png(read: Read, size: int) -> bool | None:
    at = 8
    for _ in range(MAX_PARTS):
        length, name = struct.unpack(">I4s", read(at, 8))
        at += 12 + length
        if name == b"IEND" or at >= size:
            return bool(name == b"IEND" and at == size)
    return None


def _document(read: Read, size: int) -> bool:
    tail = read(max(0, size - 2048), 2048)
    return b"startxref" in tail and b"%%EOF" in tail


def _json(read: Read, size: int) -> bool | None:
    if size > MAX_JSON:
        return None
    try:
        json.loads(read(0, size))
    except (ValueError, RecursionError):
        return False
    return True


def _utf8(read: Read, size: int) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, size, BLOCK):
            decoder.decode(read(at, min(BLOCK, size - at)))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


_STRUCTURE: dict[str, Callable[[Read, int], bool | None]] = {
    "mp4": _boxes,
    "quicktime": _boxes,
    "mpeg_ts": _transport,
    "avi": _riff,
    "wave": _riff,
    "jpeg": _jpeg,
    "png": _png,
    "pdf": _document,
    "json": _json,
    "text": _utf8,
}
