"""No single bit of a packet may change and the packet still pass."""

import random
from pathlib import Path

import pytest

from ledger.errors import Malformed, Rejected, Unavailable
from ledger.report import Finding, Outcome
from ledger.verify import verify_packet
from storage.packets import open_packet
from testkit.case import STRICT, Built, MemoryPacket, make_case, zip_bytes

FOLDER_FLIPS = 900
ZIP_FLIPS = 300


@pytest.fixture(scope="module")
def built() -> Built:
    return make_case().build()


def _refusal(built: Built, packet: MemoryPacket | Path) -> list[Finding]:
    """What speaks against the packet; fails if it passed or something else than a refusal came."""
    try:
        source = open_packet(packet) if isinstance(packet, Path) else packet
        report = verify_packet(source, built.trust, log=built.log, require=STRICT)
    except (Malformed, Rejected) as error:
        return [Finding("open", Outcome.FAILED, "packet", str(error))]
    except Unavailable as error:
        assert "is no packet" in str(error)
        return [Finding("open", Outcome.FAILED, "packet", str(error))]
    assert report.outcome is Outcome.FAILED
    return [f for f in report.findings if f.outcome is Outcome.FAILED]


def _flip(data: bytes, bit: int) -> bytes:
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def test_the_packet_that_is_flipped_passes(built: Built) -> None:
    assert built.verify().outcome is Outcome.PASSED


@pytest.mark.usefixtures("of_how_many")
def test_any_bit_of_any_file_fails_the_packet_and_names_the_file(built: Built) -> None:
    draw = random.Random(20261123)
    files = built.sealed()
    paths = sorted(files)
    for i in range(FOLDER_FLIPS):
        # Each file in turn: by size alone, the salts would never be met.
        path = paths[i % len(paths)]
        bit = draw.randrange(8 * len(files[path]))
        flipped = {**files, path: _flip(files[path], bit)}
        found = _refusal(built, MemoryPacket(flipped))
        assert any(f.about == path or path in f.detail for f in found), (path, bit)


@pytest.mark.usefixtures("of_how_many")
def test_any_bit_of_the_zip_fails_the_packet(built: Built, tmp_path: Path) -> None:
    draw = random.Random(20261124)
    data = zip_bytes(built.sealed())
    path = tmp_path / "packet.zip"
    for _ in range(ZIP_FLIPS):
        path.write_bytes(_flip(data, draw.randrange(8 * len(data))))
        assert _refusal(built, path)


@pytest.mark.usefixtures("of_how_many")
def test_every_bit_of_the_zips_directory_counts(built: Built, tmp_path: Path) -> None:
    """Only the form is checked here, so all of it can be: four headers and the end record."""
    data = zip_bytes(built.sealed())
    path = tmp_path / "packet.zip"
    start = data.index(b"PK\x01\x02")
    draw = random.Random(20261125)
    bits = [8 * (len(data) - 22) + i for i in range(8 * 22)]
    bits += draw.sample(range(8 * start, 8 * (len(data) - 22)), 600)
    bits += range(8 * 30)  # the first local header
    for bit in bits:
        path.write_bytes(_flip(data, bit))
        with pytest.raises((Malformed, Rejected, Unavailable)):
            open_packet(path)
