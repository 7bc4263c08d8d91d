"""The cleanliness check: what it reads, what it cannot, and a program that nobody listed."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cli.notary.machine import NTP_EPOCH_S, Look, read_known, report
from ledger.encoding import format_json
from ledger.errors import Malformed, Unavailable

KNOWN = b"a program that may run"
UNKNOWN = b"a program that nobody knows"


@pytest.fixture
def look(tmp_path: Path) -> Look:
    proc, net = tmp_path / "proc", tmp_path / "net"
    for number, data in (("1", KNOWN), ("17", KNOWN), ("230", UNKNOWN)):
        program = tmp_path / f"program-{sha256(data).hexdigest()[:4]}"
        program.write_bytes(data)
        (proc / number).mkdir(parents=True)
        (proc / number / "exe").symlink_to(program)
    (proc / "mounts").write_text(f"/dev/sda1 / ext4 ro 0 0\n/dev/sdb1 {tmp_path} ext4 rw 0 0\n")
    (net / "eth0").mkdir(parents=True)
    (net / "eth0" / "operstate").write_text("up\n")
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 loop\n10.0.0.9 ledger.example # odd\n# none\n")
    return Look(proc, net, hosts)


def listed(*programs: bytes) -> frozenset[str]:
    return read_known("".join(f"{sha256(data).hexdigest()}  x\n" for data in programs).encode())


def test_a_program_that_is_not_listed_fails_the_check(look: Look, tmp_path: Path) -> None:
    found = report(tmp_path, "", listed(KNOWN), look)
    assert found["outcome"] == "failed"
    (path,) = found["unknown"]
    assert Path(path).read_bytes() == UNKNOWN


def test_a_machine_whose_programs_are_all_listed_passes(look: Look, tmp_path: Path) -> None:
    found = report(tmp_path, "", listed(KNOWN, UNKNOWN), look)
    assert (found["outcome"], found["unknown"]) == ("passed", [])
    assert len(found["programs"]) == 2  # two processes of one program are one program


HEX = sha256(KNOWN).hexdigest()


@pytest.mark.parametrize(
    "line",
    [
        f"{HEX}  /bin/x\n",
        f"{HEX.upper()} */bin/x\r\n",
        f"\ufeff{HEX}  /bin/x",
        f"\\{HEX}  /bin/x\\ny\n",  # how sha256sum marks a name with a line end in it
        f"\n{HEX}\n\n",
    ],
)
def test_a_list_is_read_as_it_is_written_on_other_systems_too(line: str) -> None:
    assert read_known(line.encode()) == {HEX}
    assert read_known(line.encode() + b"\n" + b"0" * 64 + b" \xd6") == {HEX, "0" * 64}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "want the digests of programs"),
        (b"\xef\xbb\xbf\n \n", "want the digests of programs"),
        (f"{HEX}  x\n".encode("utf-16"), "line 1: want lower-case hex"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "line 1: want lower-case hex"),
        (f"{HEX}  x\nSHA256 (y) = {HEX}\n".encode(), "line 2: want lower-case hex"),
        (f"{HEX}  x\n\n{HEX[:40]}  y\n".encode(), "line 3: want 32 bytes of hex"),
        (f"{HEX}  x\0{HEX}  y\0".encode(), "line 1: want no NUL"),
    ],
)
def test_what_is_no_list_judges_nothing(data: bytes, why: str) -> None:
    """Every program would be unknown to it, and the machine called unclean for nothing."""
    with pytest.raises(Malformed, match=why):
        read_known(data)


def test_another_program_under_a_known_path_is_looked_at_too(look: Look, tmp_path: Path) -> None:
    """As a mount in a namespace of its own makes one: the same path, another file."""
    for number, data in (("300", KNOWN), ("301", UNKNOWN)):
        (look.proc / number).mkdir()
        (look.proc / number / "program").write_bytes(data)
        (look.proc / number / "exe").symlink_to("program")
    found = report(tmp_path, "", None, look)
    digests = {one["sha256"] for one in found["programs"] if one["path"] == "program"}
    assert digests == {sha256(KNOWN).hexdigest(), sha256(UNKNOWN).hexdigest()}


def test_without_a_list_nothing_is_judged(look: Look, tmp_path: Path) -> None:
    assert report(tmp_path, "", None, look)["outcome"] == "undecided"


def test_what_it_could_not_read_it_says_and_passes_nothing(look: Look, tmp_path: Path) -> None:
    look.hosts.unlink()
    os.unlink(look.proc / "mounts")
    found = report(tmp_path, "", listed(KNOWN, UNKNOWN), look)
    assert found["outcome"] == "undecided"
    assert {one["what"] for one in found["unread"]} == {str(look.hosts), "mounts"}


def test_it_reads_hosts_network_disk_and_where_the_folder_is(look: Look, tmp_path: Path) -> None:
    found = report(tmp_path, "", None, look)
    assert found["hosts"]["names"] == ["127.0.0.1 loop", "10.0.0.9 ledger.example"]
    assert found["network"] == [{"name": "eth0", "state": "up"}]
    assert found["mounted_from"]["device"] == "/dev/sdb1"
    assert 0 < found["storage"]["free"] <= found["storage"]["bytes"]
    assert found["clock"] == {"asked": "nobody"}


def test_a_mount_with_a_name_in_gbk_is_found_and_shown(look: Look, tmp_path: Path) -> None:
    """The second byte of some characters is a backslash, which the system writes as `\\134`."""
    raw = os.fsencode(tmp_path) + "/证据 誠".encode("gbk")
    folder = Path(os.fsdecode(raw))
    folder.mkdir()
    spelled = raw.replace(b"\\", rb"\134").replace(b" ", rb"\040")
    mounts = b"/dev/sda1 / ext4 ro 0 0\n/dev/sdc1 " + spelled + b" ext4 rw 0 0\n"
    (look.proc / "mounts").write_bytes(mounts)
    (look.net / "eth0" / "operstate").write_bytes(b"\xba\xc3\n")
    found = report(folder, "", None, look)
    assert found["mounted_from"]["device"] == "/dev/sdc1"
    assert found["network"] == [{"name": "eth0", "state": r"\udcba\udcc3"}]
    format_json(found)


@contextmanager
def ntp(
    seconds_off: int,
    *,
    first: int = 0x24,
    stratum: int = 2,
    asked_at: bytes = b"",
    told: bytes = b"",
) -> Iterator[str]:
    """A time source of one answer, whose clock is `seconds_off` ahead."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))

        def answer() -> None:
            question, who = line.recvfrom(512)
            now = struct.pack(">II", int(time.time()) + seconds_off + NTP_EPOCH_S, 0)
            head = bytes([first, stratum]) + bytes(22) + (asked_at or question[40:48])
            line.sendto(head + now + (told or now), who)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"127.0.0.1:{line.getsockname()[1]}"
        finally:
            thread.join(60)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """These sources answer: they are waited for on any machine."""
    monkeypatch.setattr("cli.notary.machine.NTP_TIMEOUT_S", 60.0)


@pytest.mark.usefixtures("patient")
def test_a_clock_that_is_off_is_measured(look: Look, tmp_path: Path) -> None:
    for seconds, said in ((3600, "behind_ms"), (-3600, "ahead_ms")):
        with ntp(seconds) as source:
            clock = report(tmp_path, source, None, look)["clock"]
        # The source tells whole seconds.
        assert abs(clock[said] - 3_600_000) <= clock["within_ms"] + 1000


@pytest.mark.parametrize(
    "spoiled",
    [
        {"first": 0x23},  # a client
        {"first": 0xE4},  # leap 3: it has no time itself
        {"stratum": 0},  # a refusal, not a time
        {"stratum": 16},
        {"asked_at": b"somebody"},  # the answer to another question
        {"told": bytes(8)},
    ],
)
@pytest.mark.usefixtures("patient")
def test_what_answers_as_no_time_source_is_not_believed(
    look: Look, tmp_path: Path, spoiled: Any
) -> None:
    with ntp(0, **spoiled) as source, pytest.raises(Unavailable, match="as an NTP server"):
        report(tmp_path, source, None, look)


@pytest.mark.parametrize("port", ["99999", "0", "x", "-1", "\u0667"])
def test_a_time_source_has_a_port_that_exists(look: Look, tmp_path: Path, port: str) -> None:
    with pytest.raises(Malformed, match="--time-source: want"):
        report(tmp_path, f"127.0.0.1:{port}", None, look)


def test_this_machine_can_be_looked_at(tmp_path: Path) -> None:
    found = report(tmp_path, "", None, Look())
    me = {one["path"] for one in found["programs"]}
    assert os.readlink("/proc/self/exe") in me
