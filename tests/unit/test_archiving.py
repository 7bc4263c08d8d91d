"""Formats by their first bytes, structure by their last, and metadata from packets alone."""

import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.archiving.formats import (
    BY_WORD,
    HEAD,
    Format,
    fits_ending,
    identify,
    locked,
    structure,
)
from ledger.archiving.metadata import EVENT_ELEMENTS, ITEM_ELEMENTS, Described, describe
from ledger.archiving.properties import TESTS
from ledger.evidence.chunks import digest_item
from testkit.case import (
    AGENCY,
    CASE,
    HANDLER,
    Case,
    Draft,
    MemoryPacket,
    file_subject,
    make_case,
    uuid7,
)
from testkit.film import FTYP, box

MP4 = FTYP + box(b"moov", b"tables") + box(b"mdat", b"pictures")
MOV = box(b"ftyp", b"qt  ") + box(b"mdat", b"pictures", wide=True) + box(b"moov", b"tables")
TS = (b"\x47" + bytes(187)) * 5
WAV = b"RIFF" + struct.pack("<I", 12) + b"WAVEdatasong"
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9\0\0"
PDF = b"%PDF-1.4\n1 0 obj\nstartxref\n9\n%%EOF\n"


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IEND")
WHOLE = {
    "mp4": MP4,
    "quicktime": MOV,
    "mpeg_ts": TS,
    "wave": WAV,
    "jpeg": JPEG,
    "png": PNG,
    "pdf": PDF,
    "json": b'{"a": [1]}\n',
    "text": "现场检查笔录\n".encode(),
}


def found(data: bytes) -> Format | None:
    return identify(data[:HEAD])


def whole(data: bytes) -> bool | None:
    known = found(data)
    assert known is not None
    return structure(known, lambda at, size: data[at : at + size], len(data))


@pytest.mark.parametrize("word", WHOLE)
def test_a_whole_file_is_known_and_whole(word: str) -> None:
    known = found(WHOLE[word])
    assert known is not None
    assert known.word == word
    assert whole(WHOLE[word]) is True


@pytest.mark.parametrize("word", [word for word in WHOLE if word != "text"])
def test_a_file_that_was_cut_short_is_known_and_not_whole(word: str) -> None:
    assert whole(WHOLE[word][:-5]) is False


@pytest.mark.parametrize(
    "data", [FTYP + box(b"free", b"") * 100_001, PNG[:-12] + chunk(b"tEXt") * 100_001]
)
def test_a_file_of_nothing_but_boxes_is_not_read_to_its_end(data: bytes) -> None:
    assert whole(data) is None


def test_a_text_with_a_byte_that_is_no_character_is_not_whole() -> None:
    assert whole(b"a" * HEAD + b"\xff") is False


def test_a_character_cut_by_the_head_is_no_fault() -> None:
    text = ("a" * (HEAD - 1) + "铁证").encode()
    assert whole(text) is True


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"MZ\x90\0", "windows_program"),
        (b"\x7fELF\x02\x01", "elf_program"),
        (b"#!/bin/sh\n", "script"),
        (b"PK\x03\x04", "zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole2"),
        (b"", None),
        (b"\0\1\2\3", None),
        (b"RIFF\0\0\0\0XXXX", None),
    ],
)
def test_others_are_told_by_their_first_bytes(data: bytes, word: str | None) -> None:
    known = found(data)
    assert (known.word if known else None) == word


def test_a_pdf_has_the_number_of_its_version_and_an_unknown_one_none() -> None:
    numbers = {v: identify(f"%PDF-{v}\n".encode()) for v in ("1.4", "1.7", "9.9")}
    assert {v: found.puids for v, found in numbers.items() if found} == {
        "1.4": ("fmt/18",),
        "1.7": ("fmt/276",),
        "9.9": (),
    }


@pytest.mark.parametrize(
    ("word", "name", "fits"),
    [
        ("mp4", "BWC_0088.MP4", True),
        ("mp4", "BWC_0088", True),
        ("mp4", "决定书.pdf", False),
        ("windows_program", "照片.jpg", False),
        ("json", "notes.txt", True),
    ],
)
def test_a_name_fits_its_format_or_does_not(word: str, name: str, fits: bool) -> None:
    assert fits_ending(BY_WORD[word], name) is fits


# --- metadata --------------------------------------------------------------------------------


def described(case: Case, change: Callable[[dict[str, bytes]], Any] = dict) -> list[Described]:
    files = case.build().sealed()
    change(files)
    return list(describe("01.zip", MemoryPacket(files)))


def test_every_field_that_is_written_is_explained() -> None:
    rows = described(make_case())
    items = {field for one in rows for row, _, _ in one.items for field in row}
    events = {field for one in rows for field in one.event}
    assert items <= {element.name for element in ITEM_ELEMENTS}
    assert events <= {element.name for element in EVENT_ELEMENTS}
    assert len(rows) == len(make_case().drafts)


def test_a_conversion_names_both_files_by_their_digests() -> None:
    parent, made = b"a picture " * 20, b"a smaller picture"
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "derived": "redaction",
        "id": uuid7(70),
        "occurred": {"from": "2026-11-30T10:30:00+08:00", "to": "2026-11-30T10:30:00+08:00"},
        "original": digest_item(parent).sha256.hex(),
        "tool": "a tool 1.0",
    }
    case = make_case()
    subject = [file_subject("small.jpg", made)]
    case.add(Draft("small", "derivation", predicate, subject, (HANDLER,), 2, (made,)))
    (event,) = [one.event for one in described(case) if one.event["event"] == "derivation"]
    assert event["objects"] == [digest_item(data).sha256.hex() for data in (made, parent)]


def test_a_statement_that_cannot_be_read_is_passed_over() -> None:
    def spoil(files: dict[str, bytes]) -> None:
        path = next(path for path in files if path.endswith(".dsse.json"))
        files[path] = b"{}"

    assert len(described(make_case(), spoil)) == len(make_case().drafts) - 1


def test_an_item_that_is_not_shown_is_described_without_a_place() -> None:
    def drop(files: dict[str, bytes]) -> None:
        del files["data/items/01.bin"]

    rows = [row for one in described(make_case(), drop) for row, _, _ in one.items]
    (row,) = [row for row in rows if row["file_name"] == "BWC_0088.MP4"]
    assert row["packet"] == "01.zip"
    assert "format" not in row
    assert json.loads(json.dumps(row)) == row


# --- the page on packages ----------------------------------------------------------------------


def test_the_page_on_packages_has_every_test_with_its_property() -> None:
    page = (Path(__file__).parents[2] / "docs/formats/package.md").read_text(encoding="utf-8")
    words = {"authentic": "authenticity", "complete": "completeness", "usable": "usability"}
    told: dict[str, str] = {}
    for names, shows in re.findall(r"^\| (`[^|]+`) \| (\w+) \|", page, re.MULTILINE):
        told |= {name.strip("` "): shows for name in names.split(",")}
    wanted = {test: words.get(str(shows), "safety") for test, shows in TESTS.items()}
    assert {test: told.get(test) for test in TESTS} == wanted


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (PDF, False),
        (PDF.replace(b"startxref", b"/Encrypt 3 0 R startxref"), True),
        (b"PK\3\4\x14\0\0\0 plain", False),
        (b"PK\3\4\x14\0\1\0 sealed", True),
        (b"PK\3\4", False),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), True),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 WordDocument", False),
        (MP4, False),
    ],
)
def test_a_file_that_wants_a_password_says_so_itself(data: bytes, wanted: bool) -> None:
    known = found(data)
    assert known is not None
    assert locked(known, lambda at, size: data[at : at + size], len(data)) is wanted
