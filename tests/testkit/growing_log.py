"""A public log in a folder that grows as a test wants, or turns into another history.

log = GrowingLog(tmp_path / "log")
log.grow(300)                   # tiles, then the checkpoint, as an operator writes them
log.grow(1, branch="other")     # entries that another history would have
"""

from pathlib import Path

from ledger.evidence.entry import MINUTE_MS, OPENING, Entry, commit
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note
from ledger.tlog.tiling import Tiling
from testkit.keys import key

ORIGIN = "ledger.example/enforcement/2026"
LOG = key(ORIGIN)
NEXT = key(ORIGIN.replace("2026", "2027"))


def tags_of(index: int, branch: str = "") -> list[bytes]:
    """The eight tags of entry `index`, ascending."""
    seed = digest(f"{branch} {index}".encode())
    return sorted(digest(seed + bytes([n]))[:16] for n in range(8))


def entry_of(index: int, branch: str = "") -> bytes:
    commitment = digest(f"{branch} commitment {index}".encode())
    return Entry(index * MINUTE_MS, commitment, tuple(tags_of(index, branch))).to_bytes()


class GrowingLog:
    def __init__(
        self, folder: Path, cosigners: tuple[SigningKey, ...] = (), log: SigningKey = LOG
    ) -> None:
        self.folder = folder
        self.log = log
        self.cosigners = cosigners
        self._tiling = Tiling()
        self._last: list[Path] = []
        self.entries: list[bytes] = []
        folder.mkdir(parents=True)
        self.show()

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.log.name, self.size, self._tiling.root())

    def note(self) -> SignedNote:
        text = self.checkpoint.to_text()
        lines = [sign_note(text, self.log)]
        lines += [sign_checkpoint(self.checkpoint, signer, 1) for signer in self.cosigners]
        return SignedNote(text, tuple(lines))

    def grow(self, count: int, branch: str = "", entry: bytes | None = None) -> "GrowingLog":
        """`entry` instead of the first of them."""
        new = [entry_of(n, branch) for n in range(self.size, self.size + count)]
        if entry is not None:
            new[0] = entry
        self.entries += new
        for tile, data in [*self._tiling.append(new), *self._tiling.partial()]:
            _write(self.folder / tile.to_path(), data)
        self.show()
        return self

    def open(self, branch: str = "") -> "GrowingLog":
        """With an entry 0 that commits to an envelope, which lies beside the tiles."""
        envelope, salt = f"the opening {branch}".encode(), digest(branch.encode())
        first = Entry(0, commit(salt, envelope), tuple(tags_of(0, branch))).to_bytes()
        for path, data in zip(OPENING, (envelope, salt), strict=True):
            (self.folder / path).write_bytes(data)
        return self.grow(1, entry=first)

    def show(self) -> None:
        _write(self.folder / "checkpoint", self.note().to_bytes())


def _write(target: Path, data: bytes) -> None:
    """Whole at any moment: a mirror may be reading."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.write_bytes(data)
    unfinished.replace(target)
