"""A copy of the public log, by folder or by address."""

from pathlib import Path

from ledger.errors import Unavailable, Unknown
from ledger.evidence.membership import log_label
from ledger.verdict.examination import PublicLog
from storage.public_copy import CHECKPOINT, DirectoryLog


class _Present:
    """A copy without a checkpoint is none: the verifier pointed at the wrong place."""

    def __init__(self, where: str, log: PublicLog) -> None:
        self._where = where
        self._log = log

    def read(self, label: str, path: str) -> bytes:
        try:
            return self._log.read(label, path)
        except Unknown as error:
            if path != CHECKPOINT:
                raise
            raise Unavailable(f"no copy of the log {label} in {self._where!r}: {error}") from None


def open_log(where: str, *, present: bool = True) -> PublicLog:
    """Nothing is read yet. Reading raises `Unavailable` where the log is not there at all; if it
    need not be `present`, then `Unknown`."""
    if is_address(where):
        from api.clients.log_http import HttpLog

        log = HttpLog(where)
        return _Present(log.where, log) if present else log
    if not Path(where).is_dir():
        raise Unavailable(f"no folder at {where!r}")
    folder = DirectoryLog(Path(where))
    return _Present(where, folder) if present else folder


def is_address(where: str) -> bool:
    return where.startswith(("http://", "https://"))


def single_label(where: str, labels: list[str]) -> list[str]:
    """Which of the logs a place is about: one log's own folder or address, else all of them."""
    if is_address(where):
        last = where.rstrip("/").rpartition("/")[2]
        return [last] if last in labels else labels
    checkpoint = Path(where) / CHECKPOINT
    if not checkpoint.is_file():
        return labels
    with checkpoint.open("rb") as file:
        first = file.readline(1024).rstrip(b"\n").decode("utf-8", "replace")
    return [log_label(first)]
