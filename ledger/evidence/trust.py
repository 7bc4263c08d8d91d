"""The verifier's own folder: whom he believes. Never taken from a packet.

    trust/logs              the origins, in order, one a line
    trust/policy/2026       the tlog-policy of each log, by its label
    trust/series/2026.pem   the series key of each year, with its eight roots in 2026.json
    trust/registrar.vkey    who registers keys
    trust/mirrors           one vkey a line; may be empty
    trust/tsa/lab.pem       a timestamp authority's certificates; in lab.accept which keys or
                            policies of theirs count, in lab.crl what was revoked, if known
    trust/ends              when algorithms and authorities are no longer believed; may be missing
    trust/suites            which algorithms are required or distrusted; may be missing

A file that has no place here is refused: a policy under a misspelt name would
otherwise be trust that the verifier thinks he has and has not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Self

from ledger import suite
from ledger.encoding import clip, parse_utf8
from ledger.errors import Malformed, Uncomputed
from ledger.evidence.ends import parse_ends
from ledger.evidence.envelope import FOR_STATEMENTS
from ledger.evidence.membership import log_label
from ledger.evidence.series import SeriesKey
from ledger.evidence.suites import Suites
from ledger.timestamp import Authority
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Policy

MAX_LOGS = 256
MAX_FILE = 1_048_576

_TSA = re.compile(r"tsa/([a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)\.(pem|accept|crl)", re.ASCII)
_SERIES = re.compile(r"series/([12]\d{3})\.pem", re.ASCII)


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """A log by its label, with the policy that says whose word about it counts."""

    origin: str
    label: str
    policy: Policy
    policy_hash: str


@dataclass(frozen=True, slots=True)
class Trust:
    """`series` by year. `hash` is SHA-256 over the names and digests of all files, hex."""

    logs: tuple[TrustedLog, ...]
    series: Mapping[str, SeriesKey]
    registrar: VerifierKey
    mirrors: tuple[VerifierKey, ...]
    hash: str
    authorities: tuple[Authority, ...] = ()
    ends: Mapping[str, int] = field(default_factory=dict)
    suites: Suites = field(default_factory=Suites)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """`files` maps paths below the folder to contents."""
        rest = dict(files)
        origins = _lines(_take(rest, "logs"))
        if not 0 < len(origins) <= MAX_LOGS or len(set(origins)) != len(origins):
            raise Malformed(f"want 1 to {MAX_LOGS} origins, each once", path="logs")
        logs = tuple(_log(origin, rest) for origin in origins)
        registrar = VerifierKey.from_text(_one_line(_take(rest, "registrar.vkey")))
        mirrors = tuple(VerifierKey.from_text(line) for line in _lines(rest.pop("mirrors", b"")))
        years = sorted(match[1] for path in rest if (match := _SERIES.fullmatch(path)))
        series = {
            year: SeriesKey.from_files(
                _take(rest, f"series/{year}.pem"), _take(rest, f"series/{year}.json")
            )
            for year in years
        }
        authorities = tuple(
            _authority(match[1], rest)
            for path in sorted(rest)
            if (match := _TSA.fullmatch(path)) and match[2] == "pem"
        )
        ends = _ends(rest.pop("ends", b""), authorities)
        suites = _suites(rest.pop("suites", None))
        if rest:
            raise Malformed(f"no such file in a trust folder: {clip(min(rest))!r}")
        if len({log.label for log in logs}) != len(logs):
            raise Malformed("two logs have one label", path="logs")
        _check_roles(logs, registrar, mirrors)
        listing = "".join(f"{suite.digest(files[p]).hex()}  {p}\n" for p in sorted(files))
        hash_ = suite.digest(listing.encode()).hex()
        return cls(logs, series, registrar, mirrors, hash_, authorities, ends, suites)

    @property
    def first_year(self) -> int:
        return int(self.logs[0].label[:4])

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """All keys of logs, cosigners and mirrors: none of them may sign statements."""
        policies = [log.policy for log in self.logs]
        cosigners = [witness.key for policy in policies for witness in policy.witnesses]
        return (*(policy.log for policy in policies), *cosigners, *self.mirrors)

    def log(self, label: str) -> TrustedLog | None:
        return next((log for log in self.logs if log.label == label), None)


def _log(origin: str, rest: dict[str, bytes]) -> TrustedLog:
    label = log_label(origin)
    path = f"policy/{label}"
    text = _take(rest, path)
    try:
        policy = Policy.from_bytes(text)
    except Malformed as error:
        raise error.under(path) from None
    if policy.log.name != origin:
        raise Malformed(f"want the log {origin!r}, got {policy.log.name!r}", path=path)
    return TrustedLog(origin, label, policy, suite.digest(text).hex())


def _authority(name: str, rest: dict[str, bytes]) -> Authority:
    pem, accept = (_take(rest, f"tsa/{name}.{ending}") for ending in ("pem", "accept"))
    try:
        return Authority.from_files(name, pem, accept, rest.pop(f"tsa/{name}.crl", b""))
    except Uncomputed:
        # Its certificates cannot be read here, and neither can any of its timestamps.
        return Authority(name, (), frozenset(), frozenset())
    except Malformed as error:
        raise error.under(f"tsa/{name}") from None


def _ends(data: bytes, authorities: tuple[Authority, ...]) -> Mapping[str, int]:
    try:
        return parse_ends(data, frozenset(authority.name for authority in authorities))
    except Malformed as error:
        raise error.under("ends") from None


def _suites(data: bytes | None) -> Suites:
    try:
        return Suites() if data is None else Suites.from_bytes(data)
    except Malformed as error:
        raise error.under("suites") from None


def _check_roles(
    logs: tuple[TrustedLog, ...], registrar: VerifierKey, mirrors: tuple[VerifierKey, ...]
) -> None:
    """One key, one role; only the registrar's and the mirrors' keys sign envelopes."""
    for key in (registrar, *mirrors):
        if key.algorithm not in FOR_STATEMENTS:
            raise Malformed(f"{key.keyid} is not a key for statements")
    roles = {
        "a log": {log.policy.log.public for log in logs},
        "a cosigner": {w.key.public for log in logs for w in log.policy.witnesses},
        "a mirror": {key.public for key in mirrors},
        "the registrar": {registrar.public},
    }
    for (a, mine), (b, others) in combinations(roles.items(), 2):
        if mine & others:
            raise Malformed(f"one key is that of {a} and of {b}: one key, one role")


def _take(files: dict[str, bytes], path: str) -> bytes:
    data = files.pop(path, None)
    if data is None:
        raise Malformed("the file is missing", path=path)
    return data


def _lines(data: bytes) -> list[str]:
    return parse_utf8(data).splitlines()


def _one_line(data: bytes) -> str:
    match _lines(data):
        case [line]:
            return line
        case lines:
            raise Malformed(f"want one line, got {len(lines)}", path="registrar.vkey")
