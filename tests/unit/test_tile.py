import pytest

from ledger.errors import Malformed
from ledger.tlog.tile import (
    ENTRIES,
    MAX_BUNDLE,
    MAX_ENTRY,
    Tile,
    bundles_of,
    entries_from_bytes,
    entries_to_bytes,
    hashes_from_bytes,
    hashes_to_bytes,
    tiles_of,
)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(0, 1234, 17), "tile/0/x001/234.p/17"),
        (Tile(ENTRIES, 0), "tile/entries/000"),
        (Tile(ENTRIES, 1000, 1), "tile/entries/x001/000.p/1"),
        (Tile(63, 10**18 - 1, 255), "tile/63/x999/x999/x999/x999/x999/999.p/255"),
    ],
)
def test_a_tile_has_its_path(tile: Tile, path: str) -> None:
    assert tile.to_path() == path
    assert Tile.from_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "/tile/0/000",
        "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/00/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/999",
        "tile/64/000",
        "tile/-1/000",
        "tile/8/0/000",
        "tile/Entries/000",
        "tile/0/000\n",
        "tile/0/000/",
        "../tile/0/000",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/٠/000",
        "tile/data/000",
        "tile/0/x001/x001/x001/x001/x001/x001/001",
        "checkpoint",
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(Malformed):
        Tile.from_path(path)


@pytest.mark.parametrize(
    ("level", "number", "width"),
    [(-2, 0, 1), (64, 0, 1), (0, -1, 1), (0, 10**18, 1), (0, 0, 0), (0, 0, 257), (0, 0, -1)],
)
def test_there_is_no_tile_outside_the_tree(level: int, number: int, width: int) -> None:
    with pytest.raises(Malformed):
        Tile(level, number, width)


def test_70000_entries_have_the_tiles_that_the_specification_counts() -> None:
    tiles = list(tiles_of(70_000))
    widths = [[t.width for t in tiles if t.level == level] for level in range(3)]
    assert widths == [[256] * 273 + [112], [256, 17], [1]]
    assert len(tiles) == sum(map(len, widths))
    assert [b.width for b in bundles_of(70_000)] == widths[0]


@pytest.mark.parametrize(
    ("size", "paths"),
    [
        (0, []),
        (1, ["tile/0/000.p/1"]),
        (255, ["tile/0/000.p/255"]),
        (256, ["tile/0/000", "tile/1/000.p/1"]),
        (257, ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]),
    ],
)
def test_a_size_has_its_tiles(size: int, paths: list[str]) -> None:
    assert [t.to_path() for t in tiles_of(size)] == paths


def test_only_a_tile_of_256_is_full() -> None:
    assert Tile(0, 0).full
    assert not Tile(0, 0, 255).full


def test_hashes_come_back_and_other_lengths_are_refused() -> None:
    hashes = (b"a" * 32, b"b" * 32)
    data = hashes_to_bytes(hashes)
    assert hashes_from_bytes(data, 2) == hashes
    for width in (0, 1, 3):
        with pytest.raises(Malformed):
            hashes_from_bytes(data, width)
    with pytest.raises(Malformed):
        hashes_from_bytes(data[:-1], 2)


def test_entries_come_back_and_other_widths_are_refused() -> None:
    entries = (b"", b"a", b"x" * MAX_ENTRY)
    data = entries_to_bytes(entries)
    assert data[:5] == b"\0\0\0\1a"
    assert entries_from_bytes(data, 3) == entries
    for width in (0, 2, 4):
        with pytest.raises(Malformed):
            entries_from_bytes(data, width)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1", b"\0\2a", b"\0\0\0", b"\0\1ab"])
def test_a_bundle_cut_short_or_too_long_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        entries_from_bytes(data, 1)


def test_an_entry_beyond_the_uint16_is_refused() -> None:
    with pytest.raises(Malformed, match="want entries of at most 65535 bytes, got 65536"):
        entries_to_bytes([bytes(MAX_ENTRY + 1)])


def test_no_bundle_is_larger_than_its_bound() -> None:
    assert len(entries_to_bytes([bytes(MAX_ENTRY)] * 256)) == MAX_BUNDLE
