"""The verdict over a whole public log, recomputed from its bytes; no packet, no secret.

What anyone may do who has the log and a trust folder: read every entry, compute the
root anew, compare every tile, and hold the result against the cosigned checkpoint.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ledger.encoding import format_base64
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.entry import scan_entries
from ledger.evidence.trust import TrustedLog
from ledger.examine import PublicLog
from ledger.report import Finding, Outcome, seconds_text, worst
from ledger.tlog.audit import read_log
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Cosigned


@dataclass(frozen=True, slots=True)
class Audit:
    """`cosigned` is None where the checkpoint did not hold, and then nothing else was read."""

    log: TrustedLog
    cosigned: Cosigned | None
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        return worst(f.outcome for f in self.findings)

    def to_json(self) -> dict[str, Any]:
        facts = {
            "label": self.log.label,
            "origin": self.log.origin,
            "overlap": str(self.log.policy.overlap),
            "policy": self.log.policy_hash,
        }
        if self.cosigned is not None:
            facts |= {
                "cosigners": ", ".join(sorted(self.cosigned.times)),
                "quorum_time": seconds_text(self.cosigned.quorum_time),
                "root": format_base64(self.cosigned.checkpoint.root),
                "size": str(self.cosigned.checkpoint.size),
            }
        findings = [f.to_json() for f in self.findings]
        return {**facts, "findings": findings, "outcome": str(self.outcome)}


def audit_log(
    log: PublicLog,
    trusted: TrustedLog,
    *,
    on_start: Callable[[int], Callable[[int], None]] = lambda total: lambda done: None,
) -> Audit:
    """Raises `Unavailable` where bytes could not be read; a missing tile is a finding.

    `on_start` is told the number of entries and gives what is called as they are read.
    """
    try:
        cosigned = trusted.policy.open(SignedNote.from_bytes(log.read(trusted.label, "checkpoint")))
    except Unavailable:
        raise
    except LedgerError as error:
        failed = Finding("checkpoint", Outcome.FAILED, "checkpoint", str(error))
        return Audit(trusted, None, (failed,))
    on_entries = on_start(cosigned.checkpoint.size)
    findings = (_quorum(trusted, cosigned), *_contents(log, trusted, cosigned, on_entries))
    return Audit(trusted, cosigned, findings)


def _quorum(trusted: TrustedLog, cosigned: Cosigned) -> Finding:
    names = ", ".join(sorted(cosigned.times)) or "nobody"
    if cosigned.quorum_time is None:
        detail = f"no quorum: cosigned by {names}"
        return Finding("checkpoint", Outcome.UNDECIDED, "checkpoint", detail)
    if trusted.policy.overlap < 1:
        detail = "your policy lets two sets of cosigners sign two histories"
        return Finding("checkpoint", Outcome.UNDECIDED, "checkpoint", detail)
    return Finding("checkpoint", Outcome.PASSED, "checkpoint", f"cosigned by {names}")


def _contents(
    log: PublicLog, trusted: TrustedLog, cosigned: Cosigned, on_entries: Callable[[int], None]
) -> Iterator[Finding]:
    checkpoint = cosigned.checkpoint
    odd: Finding | None = None
    last_at = 0
    try:
        for first, entries in read_log(
            lambda path: log.read(trusted.label, path), checkpoint, tiles=True
        ):
            on_entries(len(entries))
            if odd is None:
                scan = scan_entries(entries, last_at)
                last_at = scan.at
                if scan.odd is not None:
                    i, error = scan.odd
                    about = f"{trusted.label}-{first + i}"
                    odd = Finding("entries", Outcome.FAILED, about, str(error))
    except Unavailable:
        raise
    except LedgerError as error:
        # Which entry is odd means nothing while the entries are not those of the root.
        yield Finding("tree", Outcome.FAILED, trusted.label, str(error))
        return
    yield Finding("tree", Outcome.PASSED, trusted.label, f"{checkpoint.size} entries")
    yield odd or Finding("entries", Outcome.PASSED, trusted.label, f"{checkpoint.size} entries")
