"""Proofs of fraud that somebody came upon, each a file of its own that nothing overwrites.

fraud/9f2c…-4711.txt     by the origin's SHA-256 and the size of the larger tree
"""

from pathlib import Path

from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.fraud import Fraud
from storage.durable import PUBLIC_FILE, make_folder, refusals, write_file

MOST = 100  # of one log: the first says it all, and whoever forks may fork without end


class FraudFolder:
    """Usable from any thread."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "fraud"

    def __str__(self) -> str:
        return str(self._folder)

    def has(self, origin: str) -> bool:
        return bool(self._kept(digest(origin.encode()).hex()))

    def keep(self, fraud: Fraud) -> None:
        """Durable on return. The first proof of a size stands, and so do the first of a log."""
        larger = Checkpoint.from_text(fraud.larger.text)
        origin = digest(larger.origin.encode()).hex()
        name = f"{origin}-{larger.size}.txt"
        make_folder(self._folder)
        kept = self._kept(origin)
        if name not in kept and len(kept) < MOST:
            write_file(self._folder / name, fraud.to_bytes(), mode=PUBLIC_FILE)

    def _kept(self, origin: str) -> set[str]:
        with refusals("look for proofs of fraud"):
            return {path.name for path in self._folder.glob(f"{origin}-*.txt")}
