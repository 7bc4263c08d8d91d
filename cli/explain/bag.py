"""BagIt bags of anyone: RFC 8493, as a folder or a zip.

    bagit.txt  bag-info.txt  manifest-sha512.txt  tagmanifest-sha512.txt  fetch.txt  data/…

Names and counts are compared: what a manifest names, what is there, what `Payload-Oxum`
says. No checksum is computed, and nothing is unpacked or fetched.
"""

import lzma
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from cli.explain.value import Explained, Field, fields, listed, refuse
from ledger.encoding import clip
from ledger.errors import LedgerError, Malformed
from ledger.evidence.packet import INDEX, MAX_FILES, Index, Layout
from storage.packets import open_packet

MAX_TAG_FILE = 67_108_864  # a manifest of 400,000 files
MAX_DIRECTORY = 134_217_728
MAX_INFO = 40

_MANIFEST = re.compile(r"(tag)?manifest-([a-z0-9]+)\.txt")
_ROW = re.compile(r"([0-9A-Fa-f]+)[ \t]+\*?(.+)")
_FETCH = re.compile(r"\S+[ \t]+(?:\d+|-)[ \t]+(.+)")


@dataclass(frozen=True, slots=True)
class Container:
    """The files of a bag with their sizes, links and other things that are no files, a reader."""

    sizes: Mapping[str, int]
    read: Callable[[str], bytes]
    odd: tuple[str, ...] = ()


def explain_bag_folder(path: Path) -> Explained | None:
    return _packet_or_bag(path, lambda: _folder(path))


def explain_zip(path: Path) -> Explained | None:
    """None if it is a zip without a bag in it."""
    return _packet_or_bag(path, lambda: _zip(path))


def _packet_or_bag(path: Path, container: Callable[[], Container]) -> Explained | None:
    """A packet in the one form that is verified, else whatever bag it is and why it is none."""
    try:
        return Explained("packet", _packet(path))
    except LedgerError as error:
        refused = error
    bag = container()
    if "bagit.txt" not in bag.sizes:
        return None
    claims = INDEX in bag.sizes
    return Explained(
        "bag", (*_bag(bag), *fields(("not_a_packet", str(refused) if claims else None)))
    )


def _packet(path: Path) -> tuple[Field, ...]:
    packet = open_packet(path)
    sizes = packet.sizes()
    layout = Layout.of(sizes)
    if sizes[INDEX] > MAX_TAG_FILE:
        raise Malformed(f"want at most {MAX_TAG_FILE} bytes", path=INDEX)
    index = Index.from_bytes(b"".join(bytes(piece) for piece in packet.stream(INDEX)))
    return fields(
        ("case", index.case),
        ("files", len(sizes)),
        ("bytes", sum(sizes.values())),
        ("items", len(layout.items)),
        ("statements", len(layout.envelopes)),
        ("entries", len(layout.entries)),
        ("series_files", len(layout.series)),
        ("logs", ", ".join(layout.checkpoints)),
    )


# --- what a bag says -------------------------------------------------------------------------


def _bag(bag: Container) -> tuple[Field, ...]:
    declared = _labels(_text(bag, "bagit.txt"))
    encoding = dict(declared).get("Tag-File-Character-Encoding", "UTF-8")
    info = _labels(_text(bag, "bag-info.txt", encoding)) if "bag-info.txt" in bag.sizes else []
    payload = {path: size for path, size in bag.sizes.items() if path.startswith("data/")}
    manifests = {path: m for path in bag.sizes if (m := _MANIFEST.fullmatch(path))}
    named: dict[str, None] = {}
    rows: list[Field] = []
    for path, match in sorted(manifests.items()):
        paths, unread = manifest_paths(_text(bag, path, encoding))
        parts = fields(("algorithm", match[2]), ("lines", len(paths)), ("unread_lines", unread))
        rows.append(Field("tag_manifest" if match[1] else "payload_manifest", path, parts))
        if not match[1]:
            named.update(dict.fromkeys(paths))
    fetched = _fetched(bag, encoding)
    return (
        *fields(("bagit_version", clip(dict(declared).get("BagIt-Version", "none")))),
        *fields(("encoding", clip(encoding))),
        *(Field("info", clip(f"{label}: {text}", 300)) for label, text in info),
        *fields(("payload_files", len(payload)), ("payload_bytes", sum(payload.values()))),
        *_oxum(info, payload),
        *(rows or fields(("payload_manifest", "none"))),
        *_differences(bag, payload, named, fetched),
    )


def _oxum(info: list[tuple[str, str]], payload: Mapping[str, int]) -> tuple[Field, ...]:
    stated = next((text for label, text in info if label.lower() == "payload-oxum"), None)
    if stated is None:
        return ()
    found = f"{sum(payload.values())}.{len(payload)}"
    return fields(("oxum_same", "yes" if stated == found else "no"), ("oxum_found", found))


def _differences(
    bag: Container, payload: Mapping[str, int], named: Mapping[str, None], fetched: list[str] | None
) -> tuple[Field, ...]:
    # Some systems store é as one character, some as two: the same name, RFC 8493 section 5.
    there = {_same(path) for path in payload}
    # RFC 8493 wants "%" escaped; bagit.py, which most bags come from, leaves it.
    listed_paths = [path if _same(path) in there else _unescaped(path) for path in named]
    wanted = {_same(path) for path in listed_paths}
    missing = [path for path in listed_paths if _same(path) not in there]
    unlisted = [path for path in payload if _same(path) not in wanted]
    return (
        *fields(("fetch", None if fetched is None else len(fetched))),
        *listed("to_fetch", fetched or ()),
        *fields(("missing", None if missing else "0"), ("unlisted", None if unlisted else "0")),
        *listed("missing", missing, "more_missing"),
        *listed("unlisted", unlisted, "more_unlisted"),
        *listed("no_file", bag.odd),
        *fields(("checksums", "not_computed")),
    )


def _same(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def manifest_paths(text: str) -> tuple[list[str], int | None]:
    """The paths of a manifest as they stand there, and how many lines have none, if any."""
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]
    found = [match for line in lines if (match := _ROW.fullmatch(line))]
    paths = [match[2].removeprefix("./") for match in found]
    return paths, len(lines) - len(found) or None


def _unescaped(text: str) -> str:
    # Only these three are escaped, RFC 8493 section 2.1.3.
    text = re.sub("%0a", "\n", text, flags=re.IGNORECASE)
    text = re.sub("%0d", "\r", text, flags=re.IGNORECASE)
    return text.replace("%25", "%")


def _fetched(bag: Container, encoding: str) -> list[str] | None:
    if "fetch.txt" not in bag.sizes:
        return None
    lines = re.split(r"\r\n|\r|\n", _text(bag, "fetch.txt", encoding))
    return [_unescaped(match[1]) for line in lines if (match := _FETCH.fullmatch(line))]


def _labels(text: str) -> list[tuple[str, str]]:
    """`Label: value` lines; a line that begins with space goes on with the one before."""
    found: list[tuple[str, str]] = []
    for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")):
        if line[:1] in (" ", "\t") and found:
            label, value = found[-1]
            found[-1] = (label, f"{value} {line.strip()}")
        elif ":" in line and len(found) < MAX_INFO:
            label, _, value = line.partition(":")
            found.append((label.strip(), value.strip()))
    return found


bag_info = _labels


def _text(bag: Container, path: str, encoding: str = "UTF-8") -> str:
    data = bag.read(path)
    try:
        return data.decode(encoding, "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


# --- folders and zips ------------------------------------------------------------------------


def _folder(root: Path) -> Container:
    sizes: dict[str, int] = {}
    odd: list[str] = []
    for where, folders, names in os.walk(root, onerror=refuse):
        for name in (*names, *(f for f in folders if (Path(where) / f).is_symlink())):
            path = Path(where) / name
            info = path.lstat()
            short = path.relative_to(root).as_posix()
            if stat.S_ISREG(info.st_mode):
                sizes[short] = info.st_size
            else:
                odd.append(short)
            if len(sizes) + len(odd) > MAX_FILES:
                raise Malformed(f"a bag with more than {MAX_FILES} files")
    return Container(sizes, lambda path: _read_file(root / path), tuple(odd))


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return _bounded(file.read(MAX_TAG_FILE + 1))


def _zip(path: Path) -> Container:
    """Everything below the one folder in which a zip holds a bag, or all of it."""
    with _opened(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MAX_FILES:
        raise Malformed(f"a zip with more than {MAX_FILES} files")
    marks = [i.filename for i in infos if i.filename.rpartition("/")[2] == "bagit.txt"]
    prefix = min(marks, key=len, default="bagit.txt").removesuffix("bagit.txt")
    plain, odd = {}, []
    for info in infos:
        if info.filename.startswith(prefix) and not stat.S_ISLNK(info.external_attr >> 16):
            plain[info.filename.removeprefix(prefix)] = info
        else:
            odd.append(info.filename)

    def read(name: str) -> bytes:
        with _opened(path) as archive, archive.open(plain[name]) as file:
            return _bounded(file.read(MAX_TAG_FILE + 1))

    return Container({name: info.file_size for name, info in plain.items()}, read, tuple(odd))


class _Bounded:
    """`zipfile` reads a directory whole, however long it says that it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY:
            raise Malformed("a zip whose directory is too long")
        return self._file.read(size)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Whatever `zipfile` and the decompressors raise on damage is `Malformed`."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(cast(BinaryIO, _Bounded(file))) as archive:
            yield archive
    except (
        *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
        *(ValueError, OverflowError, RuntimeError),  # the last: encrypted, or not implemented
    ) as error:
        raise Malformed(f"a zip that cannot be read: {clip(str(error))}") from None


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_TAG_FILE:
        raise Malformed(f"a bag with a tag file of more than {MAX_TAG_FILE} bytes")
    return data
