"""No single bit of a packet over two logs may change and the packet still pass."""

import random
import zipfile
from pathlib import Path

import pytest

from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.trust import Trust
from ledger.report import Finding, Group, Outcome
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.public_copy import DirectoryLog
from storage.trust_directory import read_trust
from testkit.case import MemoryPacket, seal_bag

GOLDEN = Path(__file__).parents[1] / "golden" / "sequence"
ROUNDS = 1
ZIP_FLIPS = 50


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    with zipfile.ZipFile(GOLDEN / "packet.zip") as packet:
        return {name.partition("/")[2]: packet.read(name) for name in packet.namelist()}


@pytest.fixture(scope="module")
def trust() -> Trust:
    return read_trust(GOLDEN / "trust")


def refusals(files: dict[str, bytes], trust: Trust) -> list[Finding]:
    try:
        report = verify_packet(MemoryPacket(files), trust, require=frozenset({Group.ORDER}))
    except (Malformed, Rejected) as error:
        return [Finding("open", Outcome.FAILED, "packet", str(error))]
    return [f for f in report.findings if f.outcome is Outcome.FAILED]


def test_the_packet_that_is_flipped_passes(files: dict[str, bytes], trust: Trust) -> None:
    log = DirectoryLog(GOLDEN / "public")
    report = verify_packet(
        MemoryPacket(files), trust, log=log, require=frozenset(Group) - {Group.FORM}
    )
    assert report.outcome is Outcome.PASSED, report.findings


def test_any_bit_of_any_file_fails_the_packet(files: dict[str, bytes], trust: Trust) -> None:
    draw = random.Random(20270101)
    for path in sorted(files) * ROUNDS:
        if not files[path]:
            continue
        data = bytearray(files[path])
        bit = draw.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        found = refusals({**files, path: bytes(data)}, trust)
        assert any(f.about == path or path in f.detail for f in found), (path, bit)


def test_any_bit_of_the_zip_fails_the_packet(trust: Trust, tmp_path: Path) -> None:
    data = (GOLDEN / "packet.zip").read_bytes()
    draw, path = random.Random(20270103), tmp_path / "packet.zip"
    for _ in range(ZIP_FLIPS):
        flipped, bit = bytearray(data), draw.randrange(8 * len(data))
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            outcome = verify_packet(open_packet(path), trust).outcome
        except (Malformed, Rejected, Unavailable):
            continue
        assert outcome is Outcome.FAILED, bit


def test_any_bit_fails_it_under_manifests_made_anew(files: dict[str, bytes], trust: Trust) -> None:
    """As the operator would: then every file of a log must speak for itself."""
    payload = {path: data for path, data in files.items() if path.startswith("data/")}
    draw = random.Random(20270102)
    for path in sorted(payload):
        if not payload[path] or path == "data/packet.json":
            continue
        data = bytearray(payload[path])
        bit = draw.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        assert refusals(seal_bag({**payload, path: bytes(data)}), trust), (path, bit)
