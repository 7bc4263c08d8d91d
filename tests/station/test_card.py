"""Cards that whoever filled them meant harm with."""

import os
import socket
from pathlib import Path

import pytest

from cli.station import card
from cli.station.card import Found
from ledger.errors import Rejected


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "dock" / "BWC-310"
    root.mkdir(parents=True)
    return root


def only(root: Path) -> Found:
    (found,) = card.list_card(root).files
    return found


def test_links_pipes_and_sockets_are_named_and_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    listing = card.list_card(root)
    assert listing.files == ()
    assert listing.odd == (b"folder", b"link", b"pipe", b"socket")
    assert listing.whole


def test_a_link_in_the_place_of_a_file_is_not_opened(root: Path, tmp_path: Path) -> None:
    (root / "a").write_bytes(b"data")
    found = only(root)
    (tmp_path / "secret").write_bytes(b"data")
    (root / "a").unlink()
    (root / "a").symlink_to(tmp_path / "secret")
    with pytest.raises(Rejected), card.open_file(root, found):
        pass
    with pytest.raises(Rejected):
        card.remove(root, found)
    assert (tmp_path / "secret").exists()


def test_a_link_in_the_place_of_a_folder_is_not_entered(root: Path, tmp_path: Path) -> None:
    (root / "DCIM").mkdir()
    (root / "DCIM/a").write_bytes(b"data")
    found = only(root)
    (root / "DCIM").rename(tmp_path / "elsewhere")
    (root / "DCIM").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Rejected), card.open_file(root, found):
        pass
    with pytest.raises(Rejected):
        card.remove(root, found)
    assert (tmp_path / "elsewhere/a").exists()


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(root: Path) -> None:
    (root / "a").write_bytes(b"data")
    found = only(root)
    (root / "a").unlink()
    os.mkfifo(root / "a")
    with pytest.raises(Rejected), card.open_file(root, found):
        pass


@pytest.mark.parametrize(
    "name",
    [b"x" * 255, b"\xd6\xb4\xb7\xa8.MP4", b"a\nb\x1b[2J", "执法‮.MP4".encode(), b"-rf", b" "],
)
def test_any_name_is_listed_opened_and_removed(root: Path, name: bytes) -> None:
    path = os.fsencode(root) + b"/" + name
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"data")
    os.close(fd)
    found = only(root)
    assert found.path == name
    with card.open_file(root, found) as fd:
        assert os.read(fd, 10) == b"data"
    assert "\n" not in card.show(name) and "\x1b" not in card.show(name)
    card.remove(root, found)
    assert card.list_card(root).files == ()


def test_a_deep_tree_is_not_entered_to_its_end_and_says_so(root: Path) -> None:
    folder = root
    for _ in range(card.MAX_DEPTH + 5):
        folder /= "d"
        folder.mkdir()
    (folder / "hidden").write_bytes(b"data")
    listing = card.list_card(root)
    assert listing.files == ()
    assert not listing.whole


def test_more_files_than_a_manifest_holds_are_said_to_be_more(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card, "MAX_FILES", 10)
    for n in range(11):
        (root / str(n)).write_bytes(b"")
    assert not card.list_card(root).whole
    (root / "10").unlink()
    assert card.list_card(root).whole


@pytest.mark.parametrize("change", ["content", "time", "inode", "size"])
def test_a_file_that_is_another_now_is_not_removed(root: Path, change: str) -> None:
    path = root / "a"
    path.write_bytes(b"data")
    found = only(root)
    if change == "content":
        path.write_bytes(b"atad")
    elif change == "time":
        os.utime(path, ns=(0, found.mtime_ns + 1))
    elif change == "inode":
        (root / "b").write_bytes(b"data")
        os.utime(root / "b", ns=(0, found.mtime_ns))
        (root / "b").rename(path)
    else:
        path.write_bytes(b"data!")
        os.utime(path, ns=(0, found.mtime_ns))
    with pytest.raises(Rejected, match="not what it was"):
        card.remove(root, found)
    assert path.exists()


def test_the_makers_own_name_comes_before_the_folders(root: Path) -> None:
    assert card.identify(root, "DEVICE.ID") == "BWC-310"
    (root / "DEVICE.ID").write_text("SN 00217/A\nsecond line\n")
    assert card.identify(root, "DEVICE.ID") == "SN 00217_A"


def test_a_name_that_is_a_link_is_not_read(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    (root / "DEVICE.ID").symlink_to(tmp_path / "secret")
    assert card.identify(root, "DEVICE.ID") == "BWC-310"


def test_a_marker_stands_where_the_file_system_has_no_name_of_its_own(root: Path) -> None:
    assert card.identify_card(root) is None
    made = card.mark_card(root)
    assert made.weak
    assert card.identify_card(root) == card.mark_card(root) == made
    assert card.list_card(root).files == ()


def test_a_marker_that_is_a_link_is_neither_believed_nor_written_through(
    root: Path, tmp_path: Path
) -> None:
    from ledger.errors import Unavailable

    (root / ".tiezheng-card").symlink_to(tmp_path / "target")
    assert card.identify_card(root) is None
    with pytest.raises(Unavailable):
        card.mark_card(root)
    assert not (tmp_path / "target").exists()


def test_a_device_is_a_folder_with_something_in_it(root: Path) -> None:
    dock = root.parent
    (dock / "file").write_bytes(b"")
    (dock / "link").symlink_to(root)
    (dock / ".hidden").mkdir()
    (dock / ".hidden/x").write_bytes(b"")
    assert card.devices(dock) == []
    (root / "a").write_bytes(b"")
    assert card.devices(dock) == [root]
