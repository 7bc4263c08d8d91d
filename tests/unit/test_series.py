import json
import time
from pathlib import Path

import pytest

from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.entry import Entry
from ledger.evidence.packet import SeriesFile
from ledger.evidence.series import (
    Series,
    SeriesKey,
    check_tags,
    entry_tags,
    fillers,
    name_message,
)
from ledger.evidence.trust import Trust
from ledger.suite import digest, mac
from testkit.keys import SERIES_ROOTS, open_series, series_key, series_public_pem

SERIES = Series("2026/case/x", bytes(384))
SALT = b"s" * 32


@pytest.fixture(scope="module")
def worked(own_vectors: Path) -> Path:
    return own_vectors / "worked-packet"


@pytest.fixture(scope="module")
def worked_key(worked: Path) -> SeriesKey:
    folder = worked / "trust/series"
    return SeriesKey.from_files(
        (folder / "2026.pem").read_bytes(), (folder / "2026.json").read_bytes()
    )


def worked_series(worked: Path, number: int) -> SeriesFile:
    return SeriesFile.from_bytes((worked / f"packet/data/series/0{number}.json").read_bytes())


def worked_entry(worked: Path, index: int) -> Entry:
    return Entry.from_bytes((worked / f"packet/data/entries/2026-{index}.json").read_bytes())


def test_the_key_of_the_worked_packet_is_the_one_that_its_log_enrols(
    worked: Path, worked_key: SeriesKey
) -> None:
    assert worked_key.fingerprint == (
        "b79030a0eafbc1c12fc434c67097fdb78d5f442ac064d737156cefaaad49aaa2"
    )


def test_the_key_of_the_worked_packet_is_written_back_byte_for_byte(
    worked: Path, worked_key: SeriesKey
) -> None:
    folder = worked / "trust/series"
    pem, roots = worked_key.to_files()
    assert pem == (folder / "2026.pem").read_bytes()
    assert roots == (folder / "2026.json").read_bytes()


def test_the_tags_of_the_worked_packet_stand_in_its_entries(
    worked: Path, worked_key: SeriesKey
) -> None:
    for number in range(1, 6):
        file = worked_series(worked, number)
        series = worked_key.open(file.name, file.signature)
        for n, place in enumerate(file.places, 1):
            assert series.tag(n) in worked_entry(worked, place.index).tags
            assert series.tag(n + 1) not in worked_entry(worked, place.index).tags


def test_salt_and_series_account_for_all_eight_tags_of_the_worked_packet(
    worked: Path, worked_key: SeriesKey
) -> None:
    for index in range(5):
        salt = (worked / f"packet/data/statements/2026-{index}.salt").read_bytes()
        tags = []
        for number in range(1, 6):
            file = worked_series(worked, number)
            for n, place in enumerate(file.places, 1):
                if place.index == index:
                    tags.append(worked_key.open(file.name, file.signature).tag(n))
        assert tags
        check_tags(worked_entry(worked, index), salt, tags)
        with pytest.raises(Rejected):
            check_tags(worked_entry(worked, index), salt, tags[1:])
        check_tags(worked_entry(worked, index), salt, tags[1:], unshown=1)
        with pytest.raises(Rejected):
            check_tags(worked_entry(worked, index), salt, tags, unshown=1)
        with pytest.raises(Rejected):
            check_tags(worked_entry(worked, index), salt, tags[1:], unshown=2)


def test_a_tag_is_the_mac_of_its_number_under_the_key_of_the_signature() -> None:
    key = digest(b"tiezheng/series-key/v1\x00" + bytes(384))
    for n in (1, 2, 255, 256, 2**63):
        expected = mac(key, b"tiezheng/series/v1\x00" + n.to_bytes(8, "big"))[:16]
        assert SERIES.tag(n) == expected


def test_tags_first_to_last_are_both_included() -> None:
    assert list(SERIES.tags(3, 5)) == [SERIES.tag(3), SERIES.tag(4), SERIES.tag(5)]
    assert list(SERIES.tags(3, 2)) == []


def test_a_filler_is_the_mac_of_its_number_under_the_salt() -> None:
    assert fillers(SALT, 8)[7] == mac(SALT, b"tiezheng/filler/v1\x00\x07")[:16]


@pytest.mark.parametrize("count", range(9))
def test_series_and_fillers_are_eight_in_ascending_order(count: int) -> None:
    tags = [SERIES.tag(n + 1) for n in range(count)]
    found = entry_tags(SALT, tags)
    assert len(found) == len(set(found)) == 8
    assert list(found) == sorted(found)
    assert set(found) == {*tags, *fillers(SALT, 8 - count)}


def test_a_statement_has_at_most_eight_series() -> None:
    with pytest.raises(Malformed, match="at most 8"):
        entry_tags(SALT, [bytes([i]) * 16 for i in range(9)])


@pytest.mark.parametrize(
    "name", ["", "2026/a\nb", "2026/" + "长" * 400, "2026/Cafe\u0301", "2026/\ud800"]
)
def test_a_series_name_is_one_line_in_nfc(name: str) -> None:
    with pytest.raises(Malformed, match="series name"):
        name_message(name)


def test_a_long_series_name_is_refused_before_it_is_normalised() -> None:
    """Two million combining characters out of order would take an hour."""
    started = time.process_time()
    with pytest.raises(Malformed, match="series name"):
        name_message("2026/a" + "\u0315\u0300" * 1_000_000)
    assert time.process_time() - started < 1


def test_what_is_signed_is_the_name_between_line_feeds() -> None:
    assert name_message("2026/log") == b"tiezheng/series/v1\n2026/log\n"


def test_the_test_key_is_written_back_byte_for_byte() -> None:
    assert series_key().to_files() == (series_public_pem(), SERIES_ROOTS)


@pytest.mark.parametrize(
    "roots",
    [
        b"",
        b"[]",
        b'{"roots":[],"v":1}',
        b'{"roots":[1,1,1,1,1,1,1,1],"v":1}',
        SERIES_ROOTS.replace(b'"v":1', b'"v":2'),
        SERIES_ROOTS.replace(b'{"roots"', b'{"a":1,"roots"'),
        SERIES_ROOTS + b"\n",
    ],
)
def test_roots_have_one_form(roots: bytes) -> None:
    with pytest.raises(LedgerError):
        SeriesKey.from_files(series_public_pem(), roots)


def test_a_root_of_another_length_is_refused() -> None:
    value = json.loads(SERIES_ROOTS)
    value["roots"][0] = value["roots"][0][4:]
    with pytest.raises(Malformed):
        SeriesKey.from_files(series_public_pem(), json.dumps(value, separators=(",", ":")).encode())


def test_the_worked_trust_folder_opens(worked: Path) -> None:
    folder = worked / "trust"
    files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert Trust.from_files(files).first_year == 2026


def test_a_series_has_no_statement_before_its_first() -> None:
    with pytest.raises(Malformed, match="from 1"):
        open_series("2026/log").tag(0)
