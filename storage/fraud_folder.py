"""Proofs of fraud that a cosigner came upon, each a file of its own that nothing overwrites.

fraud/9f2c…-4711.txt     by the origin's SHA-256 and the size of the larger tree
"""

from pathlib import Path

from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.fraud import Fraud
from storage.durable import PUBLIC_FILE, make_folder, write_file


class FraudFolder:
    """Usable from any thread."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "fraud"

    def keep(self, fraud: Fraud) -> None:
        """Durable on return. The first proof of a size stands: a second one adds nothing."""
        larger = Checkpoint.from_text(fraud.larger.text)
        name = f"{digest(larger.origin.encode()).hex()}-{larger.size}.txt"
        make_folder(self._folder)
        if not (self._folder / name).exists():
            write_file(self._folder / name, fraud.to_bytes(), mode=PUBLIC_FILE)
