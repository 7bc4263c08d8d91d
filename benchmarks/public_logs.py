"""Public logs of any size, made without a ledger: real entries of no statement."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.evidence.entry import MINUTE_MS, Entry
from ledger.evidence.trust import TrustedLog
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.policy import Policy
from ledger.tlog.signing_key import SigningKey, sign_note
from ledger.tlog.tile import Tile
from ledger.tlog.tiling import Tiling

LOG_KEY = SigningKey("ledger.example/enforcement/2026", Algorithm.ED25519, bytes(32))
START_MS = 1_795_430_400_000
A_MINUTE = 50  # entries in the same minute


@dataclass(frozen=True, slots=True)
class LogOnDisk:
    """A log with tiles and a checkpoint that its own key has signed."""

    folder: Path
    trusted: TrustedLog
    checkpoint: Checkpoint
    note: str


def make_log(folder: Path, size: int, rows: Iterable[bytes] | None = None) -> LogOnDisk:
    """Nothing is synced: these are to be read. `rows` are so many entries, if not any."""
    tiling = Tiling()
    for part in (tiling.append(entries(size) if rows is None else rows), tiling.partial()):
        for tile, data in part:
            _write(folder, tile, data)
    checkpoint = Checkpoint(LOG_KEY.name, size, tiling.root())
    text = checkpoint.to_text()
    note = SignedNote(text, (sign_note(text, LOG_KEY),))
    (folder / "checkpoint").write_bytes(note.to_bytes())
    policy = Policy(LOG_KEY.verifier, (), (), None)
    return LogOnDisk(
        folder, TrustedLog(LOG_KEY.name, "2026", policy, ""), checkpoint, note.to_text()
    )


def entries(size: int) -> Iterator[bytes]:
    for i in range(size):
        random = os.urandom(160)
        tags = tuple(sorted(random[32 + 16 * j : 48 + 16 * j] for j in range(8)))
        yield Entry(START_MS + i // A_MINUTE * MINUTE_MS, random[:32], tags).to_bytes()


def _write(folder: Path, tile: Tile, data: bytes) -> None:
    path = folder / tile.to_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
