"""Whom to believe: c2sp.org/tlog-policy, as the verifier keeps it in his own folder.

    log ledger.example/enforcement/2026+98952403+AYqI4910…
    witness notary notary.example/w1+5c2fe4fb+BG56HN0p…
    witness court court.example/w1+b9ab1972+BIqHX/8e…
    witness archive archive.example/w1+6d838c36+BOpKbGPi…
    group two-of-three 2 notary court archive
    quorum two-of-three

Ours has exactly one log line. A policy is fit for a court only if any two sets of
cosigners that satisfy it share a member: `overlap` is the size of the smallest
such share, and two histories are possible only if that many collude.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ledger.encoding import clip, parse_utf8
from ledger.errors import Malformed, Rejected
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.note import Algorithm, SignedNote, VerifierKey

MAX_POLICY = 262_144  # thirty-two ML-DSA-44 keys are 58 kB
MAX_NAMES = 256  # witnesses and groups; the draft asks readers for 32 of each


@dataclass(frozen=True, slots=True)
class Witness:
    """A line `witness`: a cosigner by the name that the policy gives it."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A line `group`: satisfied by `threshold` of its members."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint with the log's signature checked, and who cosigned it when (POSIX seconds)."""

    checkpoint: Checkpoint
    times: Mapping[str, int]
    quorum_time: int | None


@dataclass(frozen=True, slots=True)
class Policy:
    """`quorum` names a witness or group; None is the draft's `quorum none`."""

    log: VerifierKey
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str | None

    def to_text(self) -> str:
        lines = [f"log {self.log.to_text()}"]
        lines += [f"witness {w.name} {w.key.to_text()} {w.url}".rstrip(" ") for w in self.witnesses]
        lines += [f"group {g.name} {g.threshold} {' '.join(g.members)}" for g in self.groups]
        return "\n".join([*lines, f"quorum {self.quorum or 'none'}", ""])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) > MAX_POLICY:
            raise Malformed(f"want a policy of at most {MAX_POLICY} bytes, got {len(data)}")
        return cls.from_text(parse_utf8(data))

    @classmethod
    def from_text(cls, text: str) -> Self:
        reader = _Reader()
        for number, line in enumerate(_lines(text), 1):
            try:
                if line and not line.startswith("#"):
                    reader.read(line)
            except Malformed as error:
                raise error.under(f"line {number}") from None
        match reader.logs:
            case [log]:
                pass
            case logs:
                raise Malformed(f"want exactly one log line, got {len(logs)}")
        if not reader.quorums:
            raise Malformed("want a quorum line")
        return cls(
            log,
            tuple(reader.witnesses.values()),
            tuple(reader.groups.values()),
            reader.quorums[0],
        )

    @property
    def overlap(self) -> int:
        """The fewest cosigners that any two satisfying sets have in common."""
        if self.quorum is None:
            return 0
        # Each name is a member once at most, so branches share no cosigner: two sets
        # that each satisfy k of n branches both satisfy at least 2k - n of them.
        groups = {g.name: g for g in self.groups}

        def shared(name: str) -> int:
            if name not in groups:
                return 1
            group = groups[name]
            both = max(0, 2 * group.threshold - len(group.members))
            return sum(sorted(shared(member) for member in group.members)[:both])

        return shared(self.quorum)

    def quorum_time(self, times: Mapping[str, int]) -> int | None:
        """The smallest t such that cosignatures not later than t satisfy the quorum, or None.

        `times` maps witness names to POSIX seconds. For `quorum none` nothing is
        required and nothing shown, so there is no time.
        """
        if self.quorum is None:
            return None
        groups = {g.name: g for g in self.groups}

        def reached(name: str) -> int | None:
            if name not in groups:
                return times.get(name)
            group = groups[name]
            each = sorted(t for m in group.members if (t := reached(m)) is not None)
            return each[group.threshold - 1] if len(each) >= group.threshold else None

        return reached(self.quorum)

    def open(self, note: SignedNote) -> Cosigned:
        """Checks the log's signature and every cosignature of a known witness.

        Raises `Rejected` if any of them fails; a quorum that is not reached is
        `quorum_time` None, not an error.
        """
        checkpoint = open_checkpoint(note, self.log)
        times = {}
        for witness in self.witnesses:
            at = check_cosignature(note, checkpoint, witness.key)
            if at is not None:
                times[witness.name] = at
        return Cosigned(checkpoint, times, self.quorum_time(times))


class _Reader:
    """The lines read so far. Names are one namespace; members are defined before use."""

    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.quorums: list[str | None] = []
        self._members: set[str] = set()
        self._publics: set[bytes] = set()

    def read(self, line: str) -> None:
        if "PRIVATE+KEY+" in line:
            raise Malformed("want public keys only, got a private one")
        match re.split(r"[ \t]+", line):
            case ["log", vkey, *url] if len(url) <= 1:
                self.logs.append(self._key(vkey, {Algorithm.ED25519}))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                kinds = {Algorithm.COSIGNATURE_ED25519, Algorithm.COSIGNATURE_MLDSA44}
                self._define(name)
                self.witnesses[name] = Witness(name, self._key(vkey, kinds), "".join(url))
            case ["group", name, threshold, *members] if members:
                self._join(name, members)
                self._define(name)
                self.groups[name] = Group(name, _threshold(threshold, len(members)), tuple(members))
            case ["quorum", name]:
                if self.quorums:
                    raise Malformed("a second quorum line")
                if name != "none" and name not in self.witnesses and name not in self.groups:
                    raise Malformed(f"quorum {clip(name)!r} is not defined above it")
                self.quorums.append(None if name == "none" else name)
            case _:
                raise Malformed(f"want log, witness, group or quorum, got {clip(line)!r}")

    def _define(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise Malformed(f"the name {clip(name)!r} is taken")
        if len(self.witnesses) + len(self.groups) >= MAX_NAMES:
            raise Malformed(f"want at most {MAX_NAMES} witnesses and groups")

    def _join(self, group: str, members: list[str]) -> None:
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise Malformed(f"member {clip(member)!r} is not defined above group {group!r}")
            # A cosigner counted in two branches would make the overlap a lie.
            if member in self._members:
                raise Malformed(f"{clip(member)!r} is a member already")
            self._members.add(member)

    def _key(self, text: str, kinds: set[Algorithm]) -> VerifierKey:
        try:
            key = VerifierKey.from_text(text)
        except Rejected as error:
            raise Malformed(str(error)) from None
        if key.algorithm not in kinds:
            raise Malformed(f"key type {key.algorithm:#04x} has no place in this line")
        if key.public in self._publics:
            raise Malformed(f"the key of {key.keyid} stands here twice")
        self._publics.add(key.public)
        return key


def _lines(text: str) -> list[str]:
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        raise Malformed("want no control characters but tab and line feed in a policy")
    return [line.strip(" \t") for line in text.split("\n")]


def _threshold(text: str, members: int) -> int:
    match text:
        case "any":
            return 1
        case "all":
            return members
        case _ if re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII) and int(text) <= members:
            return int(text)
        case _:
            raise Malformed(f"want any, all or 1 to {members}, got {clip(text)!r}")
