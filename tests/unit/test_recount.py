"""What completeness reads of a log longer than a bundle: times, tags, and what signers claimed."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from ledger.errors import Rejected, Unknown
from ledger.evidence.entry import MINUTE_MS, Entry
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.tiling import Tiling
from ledger.verdict.completeness import Claims, _read_tags

SIZE = 600
TAGS = tuple(bytes([i]) * 16 for i in range(8))


@dataclass(slots=True)
class Copy:
    """A log of entries at these minutes, each with its own commitment."""

    minutes: list[int]
    files: dict[str, bytes] = field(default_factory=dict)

    def entries(self) -> list[bytes]:
        return [
            Entry(minute * MINUTE_MS, i.to_bytes(32, "big"), TAGS).to_bytes()
            for i, minute in enumerate(self.minutes)
        ]

    def checkpoint(self, size: int = SIZE) -> Checkpoint:
        root = root_of(map(leaf_hash, self.entries()[:size]))
        return Checkpoint("log.example/2026", size, root)

    def read(self, label: str, path: str) -> bytes:
        if not self.files:
            tiling = Tiling()
            tiles = [*tiling.append(self.entries()), *tiling.partial()]
            self.files = {tile.to_path(): data for tile, data in tiles}
        if path not in self.files:
            raise Unknown(f"no {path}")
        return self.files[path]


class View:
    pass


def claims(**roots: bytes) -> Claims:
    made: Any = {int(size[1:]): [(View(), root)] for size, root in roots.items()}
    return Claims(made)


def test_the_tags_of_every_entry_are_read_in_order() -> None:
    copy = Copy([1] * SIZE)
    assert _read_tags(copy, "2026", copy.checkpoint(), claims()) == b"".join(TAGS) * SIZE


@pytest.mark.parametrize("at", [1, 255, 256, 257, 511, 512, 599])
def test_a_time_that_goes_back_is_found_wherever_it_stands(at: int) -> None:
    copy = Copy([2] * at + [1] * (SIZE - at))
    with pytest.raises(Rejected, match=f"entry {at}: accepted at"):
        _read_tags(copy, "2026", copy.checkpoint(), claims())


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513, 600])
def test_what_a_signer_claimed_is_compared_at_every_size(size: int) -> None:
    copy = Copy([1] * SIZE)
    right, wrong = claims(**{f"s{size}": copy.checkpoint(size).root}), claims(**{f"s{size}": b"x"})
    for found in (right, wrong):
        _read_tags(copy, "2026", copy.checkpoint(), found)
    assert right.wrong == []
    assert [at for _, at, _ in wrong.wrong] == [size]
