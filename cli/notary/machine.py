"""The cleanliness check (清洁性检查): what can be read of this machine before it is relied on.

It says what was read and what could not be, and it judges one thing: whether a program runs
whose digest is not on a list that the office brings. A machine that lies to its own programs
lies to this one too; the report shows a careful office's state, and proves no honest kernel.
"""

import codecs
import os
import re
import shutil
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.encoding import parse_decimal, parse_hex, printable
from ledger.errors import Malformed, Unavailable
from ledger.suite import new_digest

NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970
NTP_TIMEOUT_S = 5.0
PIECE = 1 << 20
LISTS = "sha256sum writes such lists: sha256sum /usr/bin/* > programs.sha256"


@dataclass(slots=True)
class Look:
    """Where to look: the real machine, or in tests a folder that looks like one."""

    proc: Path = Path("/proc")
    net: Path = Path("/sys/class/net")
    hosts: Path = Path("/etc/hosts")
    unread: list[dict[str, str]] = field(default_factory=list)

    def missing(self, what: str, error: OSError) -> None:
        self.unread.append({"what": printable(what), "why": error.strerror or "cannot be read"})


def report(folder: Path, source: str, known: frozenset[str] | None, look: Look) -> dict[str, Any]:
    """All that could be read, judged. `known` are the digests, in hex, of programs that may run."""
    found = state(folder, source, look)
    return {**found, **judge(found, known)}


def state(folder: Path, source: str, look: Look) -> dict[str, Any]:
    """All that could be read. `folder` is the one whose disk matters."""
    programs = list(_programs(look))
    system = os.uname()
    return {
        "clock": _clock(source),
        "hosts": _hosts(look),
        "mounted_from": _mount(folder, look),
        "network": _network(look),
        "programs": programs,
        "storage": _storage(folder),
        "system": {"machine": system.machine, "release": system.release, "system": system.sysname},
        "unread": look.unread,  # filled by all of the above
    }


def judge(found: Mapping[str, Any], known: frozenset[str] | None) -> dict[str, Any]:
    """Which programs the list does not have, and what that comes to."""
    programs = found["programs"]
    unknown = [one["path"] for one in programs if known is not None and one["sha256"] not in known]
    outcome = "undecided" if known is None or found["unread"] else "passed"
    return {"outcome": "failed" if unknown else outcome, "unknown": unknown}


def _clock(source: str) -> dict[str, Any]:
    """How far this clock is from an NTP server's; half of the way there and back is unknown."""
    if not source:
        return {"asked": "nobody"}
    address = _address(source)
    # In the place of our own time, which is nobody's business: who answers has seen the question.
    asked_at = os.urandom(8)
    before = time.time_ns() // 1_000_000
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(NTP_TIMEOUT_S)
            line.connect(address)
            line.send(b"\x23" + bytes(39) + asked_at)
            answer = line.recv(512)
    except (OSError, ValueError) as error:
        raise Unavailable(f"the time source {source!r} does not answer: {error}") from None
    after = time.time_ns() // 1_000_000
    if not _tells_time(answer, asked_at):
        raise Unavailable(f"the time source {source!r} does not answer as an NTP server")
    seconds, fraction = struct.unpack(">II", answer[40:48])
    told = (seconds - NTP_EPOCH_S) * 1000 + (fraction * 1000 >> 32)
    offset = (before + after) // 2 - told
    key = "ahead_ms" if offset >= 0 else "behind_ms"
    return {"asked": source, key: abs(offset), "within_ms": (after - before) // 2 + 1}


def _address(source: str) -> tuple[str, int]:
    host, _, port = source.partition(":")
    try:
        number = parse_decimal(port or "123")
    except Malformed as error:
        raise error.under("--time-source") from None
    if not 0 < number < 1 << 16:
        raise Malformed(f"want a port from 1 to 65535, got {number}", path="--time-source")
    return host, number


def _tells_time(answer: bytes, asked_at: bytes) -> bool:
    """Whether a server that knows the time itself answers our question (RFC 5905, 7.3)."""
    if len(answer) < 48:
        return False
    leap, mode, stratum = answer[0] >> 6, answer[0] & 7, answer[1]
    synchronised = leap != 3 and 1 <= stratum <= 15
    return mode == 4 and synchronised and answer[24:32] == asked_at and any(answer[40:48])


def _storage(folder: Path) -> dict[str, Any]:
    usage = shutil.disk_usage(folder)
    return {"bytes": usage.total, "free": usage.free}


def _hosts(look: Look) -> dict[str, Any]:
    """Names that this machine resolves by itself, past any name server."""
    try:
        data = look.hosts.read_bytes()
    except OSError as error:
        look.missing(str(look.hosts), error)
        return {}
    lines = data.decode("utf-8", "replace").split("\n")
    named = [line.partition("#")[0].split() for line in lines]
    hasher = new_digest()
    hasher.update(data)
    return {
        "names": [printable(" ".join(words)) for words in named if words],
        "sha256": hasher.digest().hex(),
    }


def _network(look: Look) -> list[dict[str, str]]:
    try:
        names = sorted(os.listdir(look.net))
    except OSError as error:
        look.missing(str(look.net), error)
        return []
    found = []
    for name in names:
        try:
            state = _text(look.net / name / "operstate").strip()
        except OSError as error:
            look.missing(name, error)
            continue
        found.append({"name": printable(name), "state": printable(state)})
    return found


def _mount(folder: Path, look: Look) -> dict[str, str]:
    """The file system under the office's folder: the longest mount point above it."""
    try:
        lines = _text(look.proc / "mounts").split("\n")
    except OSError as error:
        look.missing("mounts", error)
        return {}
    where = folder.resolve()
    rows = [[_spelled_out(word) for word in line.split(" ")] for line in lines]
    above = [row for row in rows if len(row) > 3 and where.is_relative_to(row[1])]
    if not above:
        return {}
    device, point, kind, options = max(above, key=lambda row: len(row[1]))[:4]
    return {
        "device": printable(device),
        "at": printable(point),
        "kind": printable(kind),
        "options": printable(options),
    }


def _text(path: Path) -> str:
    """Names in it may be of any encoding, and compare with what Python calls them."""
    return os.fsdecode(path.read_bytes())


def _spelled_out(word: str) -> str:
    """The system writes spaces and backslashes in octal: proc_pid_mounts(5), getmntent(3)."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), word)


def _programs(look: Look) -> Iterator[dict[str, str]]:
    """Each program that runs, once, by the file that the system has of it."""
    seen: set[tuple[str, int, int]] = set()
    try:
        numbers = sorted((n for n in os.listdir(look.proc) if n.isdecimal()), key=int)
    except OSError as error:
        look.missing(str(look.proc), error)
        return
    for number in numbers:
        link = look.proc / number / "exe"
        try:
            path, file = os.readlink(link), link.stat()
        except FileNotFoundError:
            continue  # it has ended, or is a thread of the kernel's
        except OSError as error:
            look.missing(f"program of process {number}", error)
            continue
        # A mount in a namespace puts another file under the same path.
        if (which := (path, file.st_dev, file.st_ino)) in seen:
            continue
        seen.add(which)
        try:
            yield {"path": printable(path), "sha256": _digest(link)}
        except OSError as error:
            look.missing(path, error)


def _digest(link: Path) -> str:
    """Through the link: of what runs, even where the file has been replaced since."""
    hasher = new_digest()
    with link.open("rb") as file:
        while piece := file.read(PIECE):
            hasher.update(piece)
    return hasher.digest().hex()


def read_known(data: bytes) -> frozenset[str]:
    """As `sha256sum` writes them: the digest begins the line. Names may be of any encoding."""
    known = set()
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        # Before a name that it had to escape, sha256sum puts a backslash.
        words = line.removeprefix(b"\\").split()
        if not words:
            continue
        digest = words[0].decode("ascii", "backslashreplace").lower()
        try:
            known.add(parse_hex(digest, 32).hex())
        except Malformed as error:
            raise Malformed(f"line {number}: {error.message}", hints=(LISTS,)) from None
        if b"\0" in line:
            raise Malformed(f"line {number}: want no NUL", hints=(LISTS,))
    if not known:
        raise Malformed("want the digests of programs that may run, got none", hints=(LISTS,))
    return frozenset(known)
