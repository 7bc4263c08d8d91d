"""Whether the log is still the one that this station saw: who files is a witness of his own.

    seen  4,711 entries, cosigned   ─►   now  5,020 entries: do they begin with the same?

A second history that is proved becomes a file in the station's folder, and nothing more is
sent to such a log: what it would answer proves nothing any more.
"""

from collections.abc import Callable

from cli.station.station import NOTE, Station
from ledger.audit import compare_seen
from ledger.errors import Rejected
from ledger.report import Outcome
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from storage.fraud_folder import FraudFolder
from storage.public_copy import CHECKPOINT


class Forked(Rejected):
    """The log has signed two histories."""


def check_history(station: Station, note: bytes, read: Callable[[str, str], bytes]) -> None:
    """Raises `Forked` once that is proved, `Rejected` if the log hides what it showed before.

    `note` is what it shows now; `read` gives files of its public log, by label and path, and
    raises `Unavailable` where there is no answer.
    """
    log, kept = station.log_of(note), FraudFolder(station.folder.root)
    text = station.store.fact(NOTE)
    if not kept.has(log.origin):
        if not text or text.encode() == note:
            return
        seen = SignedNote.from_text(text)
        before = Checkpoint.from_text(seen.text).origin
        shown = _Shown(note, read)
        if before != log.origin:
            origins = [one.origin for one in station.trust.logs]
            if before in origins[origins.index(log.origin) :]:
                raise Rejected(f"the log {before} was shown before, and now only {log.origin}")
            if before not in origins:
                return
            # It was closed since: nobody asks about it again, so its end is looked at now.
            log, shown = station.trust.logs[origins.index(before)], _Shown(None, read)
        if not kept.has(log.origin):
            finding, fraud = compare_seen(shown, log, seen, log.label)
            if fraud is None:
                if finding.outcome is not Outcome.PASSED:
                    raise Rejected(f"the log is not shown as it was before: {finding.detail}")
                return
            kept.keep(fraud)
    raise Forked(f"the log has signed two histories: nothing is sent to it, the proof is in {kept}")


class _Shown:
    """Implements `PublicLog`: what is shown of the log, to the checkpoint at hand, if any."""

    def __init__(self, note: bytes | None, read: Callable[[str, str], bytes]) -> None:
        self._note = note
        self._read = read

    def read(self, label: str, path: str) -> bytes:
        if self._note is not None and path == CHECKPOINT:
            return self._note
        return self._read(label, path)
