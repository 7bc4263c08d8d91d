import json
from datetime import date
from typing import Any

import pytest

from ledger.encoding import format_json
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.due import Due, Procedure
from ledger.evidence.packet import (
    BAGIT,
    INDEX,
    TAG_FILES,
    TAG_MANIFEST,
    Index,
    Layout,
    Place,
    SeriesFile,
    check_bag,
    check_path,
    format_manifest,
    parse_manifest,
)
from ledger.evidence.withheld import Reason
from ledger.suite import digest
from testkit.case import CASE, seal_bag, seal_tags

TAGS = ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"]
NEEDED = [*TAGS, "data/packet.json"]


def test_each_path_has_its_place() -> None:
    layout = Layout.of(
        [
            *NEEDED,
            "data/items/01.mp4",
            "data/items/123456.a1b2c3d4",
            "data/statements/2026-3.dsse.json",
            "data/statements/2026-3.salt",
            "data/entries/2026-2-3.json",
            "data/proofs/2026-3@9.tlog-proof",
            "data/series/01.json",
            "data/checkpoints/2026-2.note",
        ]
    )
    assert layout.items == ("data/items/01.mp4", "data/items/123456.a1b2c3d4")
    assert layout.envelopes == {Place("2026", 3): "data/statements/2026-3.dsse.json"}
    assert layout.salts == {Place("2026", 3): "data/statements/2026-3.salt"}
    assert layout.entries == {Place("2026-2", 3): "data/entries/2026-2-3.json"}
    assert layout.proofs == {(Place("2026", 3), 9): "data/proofs/2026-3@9.tlog-proof"}
    assert layout.checkpoints == {"2026-2": "data/checkpoints/2026-2.note"}


@pytest.mark.parametrize("missing", NEEDED)
def test_a_packet_has_its_tag_files_and_its_index(missing: str) -> None:
    with pytest.raises(Malformed, match=missing):
        Layout.of(set(NEEDED) - {missing})


@pytest.mark.parametrize(
    "path",
    [
        "fetch.txt",
        "data/items/1.mp4",
        "data/items/01.MP4",
        "data/items/01",
        "data/items/01.tar.gz",
        "data/items/01.123456789",
        "data/items/a/01.mp4",
        "data/entries/2026-03.json",
        "data/entries/26-3.json",
        "data/entries/2026-0-3.json",
        "data/entries/2026-9223372036854775808.json",
        "data/proofs/2026-3@0.tlog-proof",
        "data/proofs/2026-3.tlog-proof",
        "data/checkpoints/latest.note",
        "data/statements/2026-3.json",
        "data/entries/2026-３.json",
        "data/certificates/x.pdf",
        "data/series/1.json",
    ],
)
def test_a_path_without_a_place_is_refused(path: str) -> None:
    with pytest.raises(Malformed):
        Layout.of([*NEEDED, path])


@pytest.mark.parametrize("text", ["2026-0", "2026-17", "2026-2-17", "2026-9999-1"])
def test_a_place_is_written_back(text: str) -> None:
    assert Place.from_text(text).to_text() == text


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-", "2026-01", "2026--1", "26-1", "2026-0-1", "2026-1-2-3", "2026-1 "]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Place.from_text(text)


@pytest.mark.parametrize(
    "path", ["", ".", "..", "a/../b", "a//b", "/a", "a/", "./a", "a\\b", "A", "a b", "é", "a" * 129]
)
def test_a_path_is_plain_and_relative(path: str) -> None:
    with pytest.raises(Malformed, match="want a"):
        check_path(path)


def test_an_index_is_written_back() -> None:
    index = Index(CASE, ("2026.note",), ("02.txt", "01.mp4"))
    assert Index.from_bytes(index.to_bytes()) == index


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"case":"x","checkpoints":[],"items":[],"v":1}',
        '{"case":"苏〔2026〕1号","checkpoints":[],"items":[1],"v":1}'.encode(),
        '{"case":"苏〔2026〕1号","checkpoints":[],"items":[],"v":2}'.encode(),
        '{"case":"苏〔2026〕1号","checkpoints":[],"items":[],"v":1,"x":1}'.encode(),
    ],
)
def test_an_index_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        Index.from_bytes(data)


def index_with(**more: Any) -> bytes:
    value = json.loads(Index(CASE, ("2026.note",), ("01.mp4",)).to_bytes())
    return format_json(value | more)


ROW = {"place": "2026-5", "reason": "privacy", "what": "statement"}
WEEKENDS = {
    "counted": "weekends",
    "for": "review",
    "received": "2026-11-20",
    "until": "2026-12-04",
}


def test_an_index_with_what_is_withheld_and_when_it_is_due_is_written_back() -> None:
    rows = [ROW, ROW | {"what": "5a" * 32}, ROW | {"place": "2026-12"}]
    rows = [rows[1], rows[0], rows[2]]
    data = index_with(withheld=rows, due=WEEKENDS)
    index = Index.from_bytes(data)
    assert index.to_bytes() == data
    assert [row.reason for row in index.withheld] == [Reason.PRIVACY] * 3
    assert index.due == Due.of(Procedure.REVIEW, date(2026, 11, 20))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        {},
        "x",
        [7],
        [ROW, ROW],
        [ROW, ROW | {"reason": "minor"}],
        [ROW, ROW | {"what": "5a" * 32}],
        [ROW | {"place": "2026-12"}, ROW],
        [ROW | {"reason": "shame"}],
        [ROW | {"reason": ""}],
        [ROW | {"what": "item"}],
        [ROW | {"what": "5A" * 32}],
        [ROW | {"what": "5a" * 31}],
        [ROW | {"place": "2026-05"}],
        [ROW | {"note": "x"}],
        [{"place": "2026-5", "what": "statement"}],
    ],
)
def test_what_is_withheld_has_one_form(rows: Any) -> None:
    with pytest.raises(Malformed):
        Index.from_bytes(index_with(withheld=rows))


@pytest.mark.parametrize(
    "change",
    [
        {"until": "2026-12-05"},
        {"until": "2026-12-03"},
        {"for": "mediation"},
        {"counted": "moons"},
        {"received": "20261120"},
        {"received": "2026-11-31"},
        {"received": "9999-12-31", "until": "9999-12-31"},
        {"counted": "holidays", "until": "2026-11-20"},
        {"note": "x"},
        {"until": 7},
    ],
)
def test_until_when_it_is_due_has_one_form(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Index.from_bytes(index_with(due=WEEKENDS | change))


@pytest.mark.parametrize("due", [{}, [], "x", 7])
def test_what_is_no_day_is_no_due(due: Any) -> None:
    with pytest.raises(Malformed):
        Index.from_bytes(index_with(due=due))


def test_a_series_file_is_written_back() -> None:
    file = SeriesFile("2026/log", bytes(384), (Place("2026", 3), Place("2027", 1)))
    assert SeriesFile.from_bytes(file.to_bytes()) == file


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"n":2', b'"n":1'),
        (b'"n":2', b'"n":3'),
        (b'"n":2', b'"n":"2"'),
        (b'["2026-3","2026-4"]', b"[]"),
        (b'["2026-3","2026-4"]', b'["2026-3","2026-3"]'),
        (b'["2026-3","2026-4"]', b'["2026-3",4]'),
        (b'["2026-3","2026-4"]', b'["2026-3","2026-04"]'),
        (b'"signature":"AAAA', b'"signature":"'),
        (b'"name":"2026/log"', b'"name":7'),
        (b'{"entries"', b'{"also":1,"entries"'),
    ],
)
def test_a_series_file_of_another_form_is_refused(old: bytes, new: bytes) -> None:
    data = SeriesFile("2026/log", bytes(384), (Place("2026", 3), Place("2026", 4))).to_bytes()
    assert old in data
    with pytest.raises(Malformed):
        SeriesFile.from_bytes(data.replace(old, new))


def test_a_manifest_is_sorted_lines_of_digest_and_path() -> None:
    digests = {"data/b": digest(b"b"), "data/a": digest(b"a")}
    data = format_manifest(digests)
    assert data.startswith(digest(b"a").hex().encode() + b"  data/a\n")
    assert parse_manifest(data) == digests
    assert parse_manifest(b"") == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.upper(),
        lambda m: m[:-1],
        lambda m: m + b"\n",
        lambda m: m.replace(b"\n", b"\r\n"),
        lambda m: m.replace(b"  ", b" "),
        lambda m: m + m.splitlines(keepends=True)[-1],
        lambda m: b"".join(reversed(m.splitlines(keepends=True))),
        lambda m: b"\xef\xbb\xbf" + m,
        lambda m: m.replace(b"data/a", b"data/\xff"),
    ],
)
def test_a_manifest_of_another_form_is_refused(change: object) -> None:
    data = format_manifest({"data/b": digest(b"b"), "data/a": digest(b"a")})
    with pytest.raises(Malformed):
        parse_manifest(change(data))  # type: ignore[operator]


BAG = seal_bag({"data/packet.json": b"{}", "data/items/01.x": b"item"})


def check(files: dict[str, bytes]) -> dict[str, bytes]:
    return check_bag({path: len(data) for path, data in files.items()}, files.__getitem__)


def test_a_sound_bag_gives_the_digests_of_its_payload() -> None:
    expected = {path: digest(data) for path, data in BAG.items() if path.startswith("data/")}
    assert check(BAG) == expected
    assert BAG["bagit.txt"] == BAGIT


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("bagit.txt", BAGIT.replace(b"1.0", b"0.97")),
        ("bag-info.txt", b"Payload-Oxum: 6.2\n"),
        ("bag-info.txt", b"Bag-Software-Agent: x\nPayload-Oxum: 6.2\nSource: y\n"),
        ("bag-info.txt", b"Bag-Software-Agent: x\nPayload-Oxum: 06.2\n"),
        ("bag-info.txt", b"Bag-Software-Agent: x\nPayload-Oxum: 7.2\n"),
        ("bag-info.txt", b"Bag-Software-Agent: x\nPayload-Oxum: 6.3\n"),
        ("bag-info.txt", "Bag-Software-Agent: 铁\nPayload-Oxum: 6.2\n".encode()),
        ("manifest-sha256.txt", b""),
    ],
)
def test_a_bag_whose_tag_files_disagree_is_refused(path: str, data: bytes) -> None:
    with pytest.raises(LedgerError):
        check(seal_tags({**BAG, path: data}))


def test_a_tag_file_that_is_not_as_its_manifest_says_is_refused() -> None:
    with pytest.raises(Rejected, match=r"bag-info\.txt"):
        check({**BAG, "bag-info.txt": b"x"})


def test_the_tag_manifest_names_each_tag_file_once() -> None:
    short = format_manifest({"bagit.txt": digest(BAGIT)})
    with pytest.raises(Malformed, match="each once"):
        check({**BAG, "tagmanifest-sha256.txt": short})


@pytest.mark.parametrize("name", ["01", "10", "100", "999999"])
def test_a_number_of_a_renewal_has_one_spelling(name: str) -> None:
    tags = {*TAG_FILES, TAG_MANIFEST, INDEX}
    forms = ("{}.dsse.json", "{}.tsr", "{}.crl", "{}/01.json", "01/{}.json")
    for form in forms:
        Layout.of({*tags, "data/renewals/" + form.format(name)})
        with pytest.raises(Malformed, match="no such file in a packet"):
            Layout.of({*tags, "data/renewals/" + form.format(f"0{name}")})
