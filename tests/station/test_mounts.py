"""Cards with a file system of their own, pulled while they are read. Needs root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.station import card
from ledger.suite import digest
from testkit.station import Desk, expected, unique

MIB = 1 << 20


def can_mount() -> bool:
    able = os.geteuid() == 0 and Path("/dev/loop-control").exists()
    return able and all(map(shutil.which, ("mkfs.ext4", "mount", "umount")))


pytestmark = pytest.mark.skipif(not can_mount(), reason="needs root and loop mounts")


class Image:
    """A card: a file with a file system in it, that can be mounted in the dock and torn out."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self.root = path, root
        with path.open("wb") as file:
            file.truncate(32 * MIB)
        call("mkfs.ext4", "-q", "-F", "-O", "^has_journal", str(path))

    def plug(self) -> Path:
        self.root.mkdir(parents=True, exist_ok=True)
        call("mount", "-o", "loop,sync", str(self.path), str(self.root))
        return self.root

    def pull(self) -> None:
        """Whether or not anybody reads from it."""
        call("umount", "--lazy", str(self.root))
        self.root.rmdir()


def call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("needs root and loop mounts")


@pytest.fixture
def image(office: Desk) -> Iterator[Image]:
    image = Image(office.folder / "card.img", office.dock / "BWC-310")
    yield image
    if image.root.exists():
        subprocess.run(["umount", "--lazy", str(image.root)], capture_output=True, check=False)


def test_a_file_system_names_its_card_and_counts_its_bytes(image: Image) -> None:
    root = image.plug()
    found = card.identify_card(root)
    assert found is not None and not found.weak
    assert card.mark_card(root) == found
    listing = card.list_card(root)
    assert listing.mounted
    assert listing.used > 0
    assert [path for path in root.iterdir() if path.name == ".tiezheng-card"] == []
    image.pull()
    assert card.identify_card(image.plug()) == found


def test_a_mount_below_the_card_is_not_entered(image: Image, tmp_path: Path) -> None:
    root = image.plug()
    other = Image(tmp_path / "other.img", root / "below")
    other.plug()
    try:
        (root / "below" / "hidden").write_bytes(b"data")
        listing = card.list_card(root)
    finally:
        call("umount", "--lazy", str(root / "below"))
    assert listing.odd == (b"below",)
    assert not listing.whole


@pytest.mark.parametrize("step", ["listing", "first", "second"])
def test_a_card_torn_out_at_any_step_loses_nothing(
    office: Desk, image: Image, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    root = image.plug()
    office.check_out(root)
    office.engine.step()
    image.pull()
    office.engine.step()
    office.rest(600)
    image.plug()
    said = {}
    for number in (1, 2):
        name = f"BWC_{number:04}.MP4"
        said[name] = unique(name) + os.urandom(2 * MIB)
        office.record(root, name, said[name])
    torn = []
    target, name = {
        "listing": (card, "list_card"),
        "first": (office.engine.reader, "_digest"),
        "second": (office.engine.reader, "_reread"),
    }[step]
    act = getattr(target, name)

    def tear(*args: Any) -> Any:
        answer = act(*args)
        if not torn:
            torn.append(step)
            image.pull()
        return answer

    monkeypatch.setattr(target, name, tear)
    for _ in range(4):
        office.rest()
        office.engine.step()
    assert torn
    image.plug()
    seen = office.settle(20)
    assert sorted(office.deposited()) == expected(said)
    assert office.gaps() == []
    assert seen.devices[0].unplug


def test_another_card_in_the_same_device_is_seen(office: Desk, image: Image) -> None:
    root = image.plug()
    office.check_out(root)
    office.engine.step()
    image.pull()
    office.engine.step()
    Image(image.path, root).plug()
    office.rest(60)
    data = unique("other")
    office.record(root, "BWC_0001.MP4", data)
    office.settle()
    assert "card_changed" in [kind for kind, _ in office.gaps()]
    assert office.deposited() == [("BWC_0001.MP4", digest(data))]


def test_a_label_that_begins_with_a_dot_hides_no_card(office: Desk) -> None:
    image = Image(office.folder / "card.img", office.dock / ".BWC")
    root = image.plug()
    try:
        assert card.devices(office.dock) == [root]
    finally:
        image.pull()
    (office.dock / ".trash").mkdir()
    (office.dock / ".trash" / "file").touch()
    assert card.devices(office.dock) == []


@pytest.mark.skipif(not card.mount_id(Path("/proc")), reason="needs Linux 6.8")
def test_a_clone_put_in_between_two_looks_is_read_before_it_is_wiped(
    wiping: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image(wiping.folder / "card.img", wiping.dock / "BWC-310")
    root = image.plug()
    try:
        data = unique("card")
        wiping.record(root, "BWC_0001.MP4", data)
        monkeypatch.setattr(wiping.engine.reader, "_wipe", lambda *args: None)
        wiping.settle()
        assert wiping.view().devices[0].wipe
        monkeypatch.undo()
        image.pull()
        cloned = image.path.read_bytes().replace(data[:40], b"X" * 40)
        clone = Image(wiping.folder / "clone.img", root)
        clone.path.write_bytes(cloned)
        clone.plug()
        wiping.settle(20)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], capture_output=True, check=False)
    found = {sha256 for _, sha256 in wiping.deposited()}
    assert found == {digest(data), digest(data.replace(data[:40], b"X" * 40))}
    assert "file_changed" in [kind for kind, _ in wiping.gaps()]
