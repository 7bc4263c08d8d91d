"""The verifier for the browser, in another language, asked the same as the first.

It runs under node, one process for each worker; `compare` says where the two do not agree.
Agreement is the law: what `browser/verify.js` lists as not checked there is undecided, and what
rests on it may be; everything else is the same, in the same order, but for the words of failures.
"""

import atexit
import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ledger import verify
from ledger.errors import LedgerError
from ledger.evidence import series
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.packet import PacketSource
from ledger.evidence.trust import Trust
from ledger.report import Group
from ledger.verdict.examination import PublicLog
from storage.packets import FolderPacket, ZipPacket
from storage.public_copy import DirectoryLog
from testkit.case import MemoryLog

SERVE = Path(__file__).parents[2] / "browser" / "node" / "serve.js"
# The very words: another reason is none, and nor is a file that is called so.
NOT_CHECKED = frozenset(
    f"not checked here: {what}"
    for what in (
        "timestamp tokens",
        "renewals that rest on timestamp tokens",
        "SM2 cannot be computed: no library for it is in use",
    )
)
STEPS = [step.name for step in verify.STEPS]
ALWAYS = frozenset({"at", "case", "due", "packet", "trust", "v", "withheld"})

_trust_files: dict[str, Mapping[str, bytes]] = {}


def remember_trusts() -> None:
    """From now on the files of each `Trust` are known, which itself keeps their digest only."""
    original = Trust.from_files.__func__  # type: ignore[attr-defined]
    if original.__module__ == __name__:
        return

    def from_files(cls: type[Trust], files: Mapping[str, bytes]) -> Trust:
        trust: Trust = original(cls, files)
        _trust_files[trust.hash] = dict(files)
        return trust

    Trust.from_files = classmethod(from_files)  # type: ignore[assignment, method-assign]


class SecondVerifier:
    """A process that answers one request at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "--no-warnings", str(SERVE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the second verifier has ended"
        answer: dict[str, Any] = json.loads(line)
        # Another exception than a refusal is a fault of the program, whatever it read.
        assert "fault" not in answer, answer["fault"]
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@cache
def second_verifier() -> SecondVerifier:
    if not shutil.which("node"):
        pytest.skip("needs node and npm")
    verifier = SecondVerifier()
    atexit.register(verifier.end)
    return verifier


def verdict_of(
    packet: PacketSource,
    trust: Trust,
    *,
    log: PublicLog | None = None,
    require: frozenset[Group] = frozenset(),
    at_ms: int | None = None,
    certificates: Mapping[str, ItemDigest] | None = None,
    trust_files: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """What the second verifier answers: a `report`, or by which family it has `refused`.

    `trust_files` instead of those of `trust`, which `Trust` does not read.
    """
    files = trust_files or _files_of(trust)
    answer = second_verifier().ask(
        {
            "lookahead": series.LOOKAHEAD,
            "packet": _packet(packet),
            "trust": _in_memory(files),
            "log": _log(log),
            "require": sorted(require),
            "atMs": at_ms,
            "certificates": {
                name: {"size": d.size, "sha256": d.sha256.hex(), "chunks": d.chunks.hex()}
                for name, d in (certificates or {}).items()
            },
        }
    )
    if "report" in answer and trust_files is None:
        assert answer["report"]["trust"] == Trust.from_files(files).hash
        answer["report"]["trust"] = trust.hash
    return answer


def opening_of(path: Path) -> dict[str, Any]:
    """Whether the second verifier opens what lies there."""
    return second_verifier().ask({"packet": str(path)})


def compare(mine: Mapping[str, Any], answer: Mapping[str, Any], *, rederived: bool = False) -> None:
    """Raises where the second verifier does not agree with the report of the first."""
    assert "report" in answer, answer
    other = answer["report"]
    faults = [f for f in other["findings"] if "this program has failed" in f["detail"]]
    assert not faults, faults
    skipped = {
        f["step"]
        for f in other["findings"]
        if f["outcome"] == "undecided" and f["detail"] in NOT_CHECKED
    }
    assert not (skipped and other["outcome"] == "passed"), skipped
    # A signature that nobody has checked says nothing of what rests on it: of later steps only.
    unknown = [STEPS.index(step) for step in skipped - {"time", "renewal"}]
    resting = set(STEPS[min(unknown) :]) if unknown else set()
    if rederived:
        skipped.add("clip")
    _compare_outcome("the whole", mine["outcome"], other["outcome"], lenient=bool(skipped))
    for step in sorted({f["step"] for f in (*mine["findings"], *other["findings"])}):
        ours, theirs = (_findings(report, step) for report in (mine, other))
        if step in skipped | resting:
            _compare_outcome(step, _worst(ours), _worst(theirs), lenient=True)
        else:
            assert _told(ours) == _told(theirs), (step, ours, theirs)
    facts = set(mine) - {"findings"}
    if skipped:
        facts -= {"groups", "items", "outcome", "timestamps"}
    if resting:
        facts &= ALWAYS
    for name in sorted(facts):
        assert mine[name] == other[name], (name, mine[name], other[name])


def compare_refusal(error: LedgerError | None, answer: Mapping[str, Any]) -> None:
    """Both open it, or none does."""
    assert (error is not None) == ("refused" in answer), (error, answer)


def _compare_outcome(what: str, mine: str, other: str, *, lenient: bool) -> None:
    allowed = {mine, "undecided"} if lenient else {mine}
    assert other in allowed, f"{what}: {mine} here, {other} in the second verifier"


def _findings(report: Mapping[str, Any], step: str) -> list[dict[str, str]]:
    return [f for f in report["findings"] if f["step"] == step]


def _worst(findings: list[dict[str, str]]) -> str:
    outcomes = {f["outcome"] for f in findings}
    return next((o for o in ("failed", "undecided") if o in outcomes), "passed")


def _told(findings: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [
        (f["outcome"], f["about"], "" if f["outcome"] == "failed" else f["detail"])
        for f in findings
    ]


def _files_of(trust: Trust) -> Mapping[str, bytes]:
    """Its files; of a trust to which mirrors were added in memory, with a file that says so."""
    files = dict(_trust_files[trust.hash])
    if Trust.from_files(files) != trust:
        files["mirrors"] = "".join(f"{mirror.to_text()}\n" for mirror in trust.mirrors).encode()
        again = replace(Trust.from_files(files), hash=trust.hash)
        assert again == trust, "the trust was altered after it was read"
    return files


def _packet(packet: PacketSource) -> str | dict[str, str]:
    match packet:
        case FolderPacket():
            return str(packet._root)
        case ZipPacket():
            return str(packet._path)
        case _:
            return _in_memory({path: b"".join(packet.stream(path)) for path in packet.sizes()})


def _log(log: PublicLog | None) -> str | dict[str, str] | None:
    match log:
        case None:
            return None
        case DirectoryLog():
            return str(log._root)
        case MemoryLog():
            return _in_memory(
                {f"{label}/{path}": data for (label, path), data in log.files.items()}
            )
        case _:
            raise TypeError(f"no way to send a {type(log).__name__}")


def _in_memory(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: base64.b64encode(data).decode() for path, data in files.items()}
