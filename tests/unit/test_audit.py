import pytest

from ledger.errors import LedgerError, Malformed, Rejected, Unknown
from ledger.tlog.audit import read_log
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import EMPTY_ROOT, leaf_hash, root_of
from ledger.tlog.tiling import Tiling

SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 700]


class Public:
    """The public files of a log of that size."""

    def __init__(self, size: int) -> None:
        self.entries = [b"entry %d" % i for i in range(size)]
        self.files = self.files_of(size)
        self.checkpoint = self.at(size)

    def files_of(self, size: int) -> dict[str, bytes]:
        tiling = Tiling()
        tiles = [*tiling.append(self.entries[:size]), *tiling.partial()]
        return {tile.to_path(): data for tile, data in tiles}

    def at(self, size: int) -> Checkpoint:
        root = root_of(map(leaf_hash, self.entries[:size])) if size else EMPTY_ROOT
        return Checkpoint("log.example/2026", size, root)

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise Unknown(f"no {path}")
        return self.files[path]

    def audit(
        self, checkpoint: Checkpoint | None = None, *, tiles: bool = True, newer: int = 0
    ) -> list[tuple[int, bytes]]:
        found = read_log(self.read, checkpoint or self.checkpoint, tiles=tiles, newer=newer)
        return [(first + i, entry) for first, entries in found for i, entry in enumerate(entries)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tiles", [True, False])
def test_a_sound_log_gives_its_entries(size: int, tiles: bool) -> None:
    public = Public(size)
    assert public.audit(tiles=tiles) == list(enumerate(public.entries))


@pytest.mark.parametrize("size", [1, 257, 700])
def test_another_root_is_refused(size: int) -> None:
    public = Public(size)
    wrong = Checkpoint(public.checkpoint.origin, size, leaf_hash(b"wrong"))
    with pytest.raises(Rejected, match=f"another root at {size}"):
        public.audit(wrong)


@pytest.mark.parametrize("index", [0, 255, 256, 599])
def test_an_altered_entry_is_named_by_its_tile(index: int) -> None:
    public, altered = Public(600), Public(600)
    altered.entries[index] = b"another"
    bundles = {p: data for p, data in altered.files_of(600).items() if "entries" in p}
    public.files |= bundles
    with pytest.raises(Rejected, match=f"entry {index} does not match"):
        public.audit()
    with pytest.raises(Rejected, match="another root"):
        public.audit(tiles=False)


@pytest.mark.parametrize(("path", "i"), [("tile/0/001", 7), ("tile/1/000.p/2", 1)])
def test_an_altered_tile_is_named_and_the_entries_are_cleared(path: str, i: int) -> None:
    public = Public(600)
    data = bytearray(public.files[path])
    data[32 * i] ^= 1
    public.files[path] = bytes(data)
    with pytest.raises(Rejected, match="the entries are right, the tile is not") as caught:
        public.audit()
    assert path in str(caught.value)
    assert public.audit(tiles=False) == list(enumerate(public.entries))


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/001", "tile/1/000.p/2"])
def test_a_missing_file_is_named(path: str) -> None:
    public = Public(600)
    del public.files[path]
    with pytest.raises(Unknown, match=path):
        public.audit()


@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d + b"x", lambda d: b""])
def test_a_bundle_of_another_length_is_named(change: object) -> None:
    public = Public(300)
    public.files["tile/entries/000"] = change(public.files["tile/entries/000"])  # type: ignore[operator]
    with pytest.raises(Malformed, match="tile/entries/000"):
        public.audit()


def test_a_tile_of_another_length_is_named() -> None:
    public = Public(300)
    public.files["tile/0/000"] += b"x"
    with pytest.raises(Rejected, match="tile/0/000 has 8193 bytes"):
        public.audit()


@pytest.mark.parametrize(("old", "new"), [(10, 20), (250, 256), (250, 700), (300, 500), (1, 2)])
def test_an_older_checkpoint_is_checked_in_a_log_that_has_grown(old: int, new: int) -> None:
    public = Public(new)
    assert public.audit(public.at(old), newer=new) == list(enumerate(public.entries[:old]))


@pytest.mark.parametrize("newer", [0, 5, 2**63])
def test_a_wrong_hint_about_growth_is_only_a_missing_file(newer: int) -> None:
    public = Public(20)
    with pytest.raises(LedgerError):
        public.audit(public.at(10), newer=newer)


def test_a_checkpoint_of_an_absurd_size_is_a_missing_file() -> None:
    absurd = Checkpoint("log.example/2026", 2**62, leaf_hash(b"x"))
    with pytest.raises(Unknown):
        Public(10).audit(absurd)


def test_the_first_bad_tile_is_named_though_a_later_one_is_missing() -> None:
    public = Public(700)
    data = public.files["tile/0/000"]
    public.files["tile/0/000"] = bytes(32) + data[32:]
    del public.files["tile/0/001"]
    with pytest.raises(Rejected, match="tile/0/000: entry 0 does not match"):
        public.audit()
