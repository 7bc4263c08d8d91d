"""The ledger as a station needs it, and the one at the end of a line.

The engine speaks to `Ledger` alone, so that tests put one in its place that breaks off.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from api.clients.direct import DirectClient
from api.clients.ledger import LedgerClient, NoDirect
from api.clients.log_http import HttpLog
from api.clients.tus import TusClient
from ledger.encoding import parse_decimal
from ledger.errors import Rejected, Unknown
from ledger.tlog.signing_key import SigningKey
from storage.station_sqlite import SqliteStation

RESUMABLE = 64 << 20  # from here on a broken line goes on where it was
PATIENCE_S = 10.0  # without a byte more; then the next round goes on with the same upload

Progress = Callable[[int], None]


class Ledger(Protocol):
    """Raises `Unavailable` if there is no answer; everything may be asked again."""

    def upload(
        self, path: Path, size: int, sha256: bytes, progress: Progress, *, sm3: bool
    ) -> None:
        """Returns once the ledger holds the bytes and found this digest; it notes `sm3` too."""

    def file(self, envelopes: Sequence[bytes]) -> list[dict[str, Any]]:
        """The answer to each: an acceptance, not yet believed, or a problem document."""

    def receipt(self, statement: str) -> dict[str, Any]: ...

    def readback(self, sha256: bytes, size: int, nonce: bytes) -> bytes | None:
        """SHA-256 of nonce and bytes as the ledger reads them now; None if it cannot say."""

    def backup_size(self) -> int | None:
        """How many entries the ledger's newest backup covers; None if there is none."""

    def checkpoint(self, label: str) -> bytes: ...

    def log_file(self, label: str, path: str) -> bytes:
        """Of the public log; raises `Unknown` if it has no such file."""
        ...

    def close(self) -> None: ...


class HttpLedger:
    """Implements `Ledger` over HTTP. Where large uploads are is kept in the station's state."""

    def __init__(
        self,
        server: str,
        key: SigningKey,
        label: str,
        store: SqliteStation,
        stop: threading.Event,
        *,
        direct: bool = False,
    ) -> None:
        self._client = LedgerClient(server, key=key)
        self._tus = TusClient(server, key=key, patience_s=PATIENCE_S, stop=stop)
        self._direct = DirectClient(server, key=key, patience_s=PATIENCE_S, stop=stop)
        self._log = HttpLog(f"{server.rstrip('/')}/log")
        self._goes_direct = direct
        self._label = label
        self._store = store

    def upload(
        self, path: Path, size: int, sha256: bytes, progress: Progress, *, sm3: bool
    ) -> None:
        if size < RESUMABLE:
            self._client.upload(path, size, sha256, progress, sm3=sm3)
            return
        if self._goes_direct:
            try:
                self._direct.upload(path, size, sha256, progress, sm3=sm3)
                return
            except NoDirect:
                self._goes_direct = False  # until the next start: its settings may change
        name = f"upload-{sha256.hex()}-{size}{'-sm3' if sm3 else ''}"
        place = self._store.fact(name)
        try:
            if not place:
                place = self._open(name, size, sha256, sm3)
            self._tus.send(place, path, size, sha256, progress)
        except Unknown:
            # It has ended there, as after a long time without a line: from the beginning.
            self._tus.send(self._open(name, size, sha256, sm3), path, size, sha256, progress)
        self._store.drop_fact(name)

    def file(self, envelopes: Sequence[bytes]) -> list[dict[str, Any]]:
        return self._client.file(envelopes)

    def receipt(self, statement: str) -> dict[str, Any]:
        return self._client.receipt(statement)

    def readback(self, sha256: bytes, size: int, nonce: bytes) -> bytes | None:
        try:
            return self._client.challenge(nonce, size, sha256)
        except Rejected:  # an older ledger, or one that does not hold the item
            return None

    def backup_size(self) -> int | None:
        try:
            found = self._client.backup()
        except Rejected:
            return None
        return parse_decimal(found["size"]) if found["log"] == self._label else None

    def checkpoint(self, label: str) -> bytes:
        return self._client.checkpoint(label)

    def log_file(self, label: str, path: str) -> bytes:
        return self._log.read(label, path)

    def close(self) -> None:
        self._client.close()
        self._log.close()
        self._tus.close()
        self._direct.close()

    def _open(self, name: str, size: int, sha256: bytes, sm3: bool) -> str:
        place = self._tus.create(size, sha256, sm3=sm3)
        self._store.keep_facts({name: place})
        return place
