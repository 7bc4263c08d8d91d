"""The verdict over a whole public log, recomputed from its bytes; no packet, no secret.

What anyone may do who has the log and a trust folder: read every entry, compute the
root anew, compare every tile, and hold the result against the cosigned checkpoint.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ledger.encoding import format_base64
from ledger.errors import LedgerError, Unavailable, Unknown
from ledger.evidence.entry import (
    OPENING,
    Entry,
    Odd,
    before_the_one_above,
    check_commitment,
    scan_entries,
)
from ledger.evidence.envelope import Envelope
from ledger.evidence.renewal import Closing
from ledger.evidence.statement import Statement
from ledger.evidence.trust import TrustedLog
from ledger.process.sequence import check_end, open_closing
from ledger.report import Finding, Outcome, seconds_text, worst
from ledger.spread import Spread
from ledger.tlog.audit import Part, check_parts, read_part
from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.fraud import Fraud
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Cosigned
from ledger.tlog.proof import compare_histories
from ledger.tlog.tile import ENTRIES, WIDTH, Tile
from ledger.verdict.examination import PublicLog

SPAN = 64  # bundles in a run: 16,384 entries, some 6 MB


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
    spread: Spread = map,
) -> Audit:
    """Raises `Unavailable` where bytes could not be read; a missing tile is a finding.

    `on_start` is told the number of entries and gives what is called as they are read.
    `spread` maps over runs of the log, perhaps in several processes: then `log` must
    be one that can be sent to them.
    """
    try:
        cosigned = trusted.policy.open(SignedNote.from_bytes(log.read(trusted.label, "checkpoint")))
    except Unavailable:
        raise
    except LedgerError as error:
        failed = Finding("checkpoint", Outcome.FAILED, "checkpoint", str(error))
        return Audit(trusted, None, (failed,))
    on_entries = on_start(cosigned.checkpoint.size)
    findings = (_quorum(trusted, cosigned), *_contents(log, trusted, cosigned, on_entries, spread))
    return Audit(trusted, cosigned, findings)


def compare_end(log: PublicLog, audit: Audit, following: TrustedLog) -> Finding:
    """Whether a log that was followed by another ended where the first entry of that one says.

    Raises `Unavailable` where it cannot be read. The entry is the one that an audit of the
    later log holds against its root.
    """
    label, about = audit.log.label, following.label + "-0"
    try:
        end = audit.log.policy.open(_closing(log, following).note)
        if audit.cosigned is not None:
            check_end(end.checkpoint, audit.cosigned.checkpoint)
    except Unavailable:
        raise
    except Unknown:
        detail = (
            "the opening of the next log is not in this copy: where this one ended is not shown"
        )
        return Finding("end", Outcome.UNDECIDED, label, detail)
    except LedgerError as error:
        return Finding("end", Outcome.FAILED, label, str(error))
    if end.quorum_time is None and audit.log.policy.quorum is not None:
        return Finding("end", Outcome.UNDECIDED, label, "no quorum has seen where this log ended")
    detail = f"this log ended with {end.checkpoint.size} entries, as {about} says"
    return Finding("end", Outcome.PASSED, label, detail)


def _closing(log: PublicLog, following: TrustedLog) -> Closing:
    """What the public opening of a log says of the one before, tied to its entry 0."""
    envelope, salt = (log.read(following.label, path) for path in OPENING)
    note = SignedNote.from_bytes(log.read(following.label, "checkpoint"))
    size = open_checkpoint(note, following.policy.log).size
    bundle = Tile(ENTRIES, 0, min(WIDTH, size))
    entries, _ = read_part(lambda path: log.read(following.label, path), bundle, tiles=False)
    check_commitment(Entry.from_bytes(entries[0]), salt, envelope)
    return open_closing(Statement.from_bytes(Envelope.from_bytes(envelope).payload))


def compare_seen(
    log: PublicLog, trusted: TrustedLog, seen: SignedNote, about: str
) -> tuple[Finding, Fraud | None]:
    """Whether a checkpoint that the log once showed somebody belongs to its history.

    Raises `Unavailable` where the log cannot be read. Where it does not belong, the proof
    of it, already checked.
    """
    try:
        old = open_checkpoint(seen, trusted.policy.log)
    except LedgerError as error:
        return Finding("seen", Outcome.UNDECIDED, about, str(error)), None
    try:
        note = SignedNote.from_bytes(log.read(trusted.label, "checkpoint"))
        new = open_checkpoint(note, trusted.policy.log)
        if old.size > new.size:
            detail = f"this copy has {new.size} entries only, fewer than the {old.size} seen"
            return Finding("seen", Outcome.UNDECIDED, about, detail), None
        fraud = compare_histories(
            seen, note, trusted.policy.log, lambda tile: log.read(trusted.label, tile.to_path())
        )
    except Unavailable:
        raise
    except LedgerError as error:
        return Finding("seen", Outcome.FAILED, about, str(error)), None
    if fraud is None:
        detail = f"the log begins with these {old.size} entries"
        return Finding("seen", Outcome.PASSED, about, detail), None
    detail = f"two histories: other {old.size} entries than the log now begins with were signed"
    return Finding("seen", Outcome.FAILED, about, detail), fraud


def _quorum(trusted: TrustedLog, cosigned: Cosigned) -> Finding:
    names = ", ".join(sorted(cosigned.times)) or "nobody"
    if cosigned.quorum_time is None:
        detail = f"no quorum: cosigned by {names}"
        return Finding("checkpoint", Outcome.UNDECIDED, "checkpoint", detail)
    if trusted.policy.overlap < 1:
        detail = "your policy lets two sets of cosigners sign two histories"
        return Finding("checkpoint", Outcome.UNDECIDED, "checkpoint", detail)
    return Finding("checkpoint", Outcome.PASSED, "checkpoint", f"cosigned by {names}")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of bundles: what they add to the tree, the first and the last time, what is odd."""

    parts: tuple[Part, ...]
    first_at: int
    last_at: int
    odd: Odd | None


def _contents(
    log: PublicLog,
    trusted: TrustedLog,
    cosigned: Cosigned,
    on_entries: Callable[[int], None],
    spread: Spread,
) -> Iterator[Finding]:
    checkpoint = cosigned.checkpoint
    # A range, whatever the size: a checkpoint may claim more than there is, or could be.
    runs = range(0, checkpoint.size, SPAN * WIDTH)
    parts: list[Part] = []
    odd: Odd | None = None
    last_at = 0
    try:
        work = partial(_span, log, trusted.label, checkpoint.size, SPAN)
        for first, span in zip(runs, spread(work, runs), strict=True):
            if odd is None and span.odd is not None and span.odd[0] == first:
                odd = span.odd
            elif odd is None and span.first_at < last_at:
                odd = first, before_the_one_above(span.first_at)
            odd, last_at = odd or span.odd, span.last_at
            parts += span.parts
            on_entries(min(SPAN * WIDTH, checkpoint.size - first))
        check_parts(lambda path: log.read(trusted.label, path), checkpoint, parts, tiles=True)
    except Unavailable:
        raise
    except LedgerError as error:
        # Which entry is odd means nothing while the entries are not those of the root.
        yield Finding("tree", Outcome.FAILED, trusted.label, str(error))
        return
    yield Finding("tree", Outcome.PASSED, trusted.label, f"{checkpoint.size} entries")
    if odd is None:
        yield Finding("entries", Outcome.PASSED, trusted.label, f"{checkpoint.size} entries")
    else:
        yield Finding("entries", Outcome.FAILED, f"{trusted.label}-{odd[0]}", str(odd[1]))


def _span(log: PublicLog, label: str, size: int, bundles: int, first: int) -> Span:
    """The run of `bundles` from entry `first` on; may be done in another process."""
    parts: list[Part] = []
    odd: Odd | None = None
    first_at, at = None, 0
    for start in range(first, min(first + bundles * WIDTH, size), WIDTH):
        bundle = Tile(ENTRIES, start // WIDTH, min(WIDTH, size - start))
        entries, part = read_part(lambda path: log.read(label, path), bundle, tiles=True)
        parts.append(part)
        if first_at is None:
            first_at, _ = scan_entries(entries[:1], 0)
        if odd is None:
            at, found = scan_entries(entries, at)
            odd = None if found is None else (start + found[0], found[1])
    return Span(tuple(parts), first_at or 0, at, odd)
