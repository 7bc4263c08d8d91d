"""What is kept of direct uploads: whole, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import Malformed, Unknown
from ledger.evidence.chunks import digest_item
from storage.direct_directory import FINISH_MS, OPEN_MS, TOLD_MS, Begun, DirectDirectory, State
from storage.staging_directory import MAX_TOLD, Announced, Gone

ANNOUNCED = Announced(
    keyid="k", agency="a", size=9, sha256=bytes(32), sm3=False, metadata="", opened_ms=1000
)
BEGUN = Begun(item="ab" * 16, wrap_id="file-1", wrapped=b"w", upload_id="u/2~3", part_size=9)


class Clock:
    now = 1000

    def __call__(self) -> int:
        return self.now


def test_what_is_noted_is_there_after_a_restart(tmp_path: Path) -> None:
    directs = DirectDirectory(tmp_path, Clock())
    direct = directs.add(ANNOUNCED, BEGUN)
    assert DirectDirectory(tmp_path, Clock()).all() == [direct]
    directs.note(direct, state=State.FINISHING, ref="ab@c", digest=digest_item(b"evidence!"))
    assert DirectDirectory(tmp_path, Clock()).all() == [direct]
    assert direct.digest is not None
    directs.remove(direct)
    assert DirectDirectory(tmp_path, Clock()).all() == []
    with pytest.raises(Gone):
        directs.find(direct.id)


def test_a_note_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directs = DirectDirectory(tmp_path, Clock())
    direct = directs.add(ANNOUNCED, BEGUN)

    def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("storage.direct_directory.write_file", full)
    with pytest.raises(OSError):
        directs.note(direct, state=State.REFUSED)
    assert direct.state == State.OPEN


def test_what_was_removed_is_not_brought_back_by_a_late_note(tmp_path: Path) -> None:
    directs = DirectDirectory(tmp_path, Clock())
    direct = directs.add(ANNOUNCED, BEGUN)
    directs.remove(direct)
    directs.remove(direct)
    with pytest.raises(Gone):
        directs.note(direct, state=State.FINISHING)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_is_left_and_named(tmp_path: Path) -> None:
    direct = DirectDirectory(tmp_path, Clock()).add(ANNOUNCED, BEGUN)
    file = tmp_path / f"{direct.id}.json"
    file.write_bytes(file.read_bytes()[:-1])
    directs = DirectDirectory(tmp_path, Clock())
    assert (directs.all(), directs.unreadable) == ([], [file.name])
    assert file.exists()
    with pytest.raises(Malformed):
        type(direct).from_bytes(direct.id, b"{}")


def test_what_is_over_counts_until_nothing_is_left_at_the_store(tmp_path: Path) -> None:
    directs = DirectDirectory(tmp_path, Clock())
    direct = directs.add(ANNOUNCED, BEGUN)
    assert (directs.bytes_of("k"), directs.bytes_of("l")) == (9, 0)
    assert (directs.open_of("k"), directs.open_of()) == (1, 1)
    directs.note(direct, state=State.REFUSED)
    assert (directs.bytes_of("k"), directs.outstanding()) == (9, 9)
    directs.note(direct, cleared=True)
    assert (directs.bytes_of("k"), directs.open_of(), directs.outstanding()) == (0, 0, 0)
    other = directs.add(ANNOUNCED, BEGUN)
    directs.note(other, state=State.RECORDED)
    assert directs.bytes_of("k") == 0


@pytest.mark.parametrize(
    ("state", "lives_ms"),
    [(State.OPEN, OPEN_MS), (State.FINISHING, FINISH_MS), (State.RECORDED, TOLD_MS)],
)
def test_each_state_has_its_end(tmp_path: Path, state: State, lives_ms: int) -> None:
    clock = Clock()
    directs = DirectDirectory(tmp_path, clock)
    direct = directs.add(ANNOUNCED, BEGUN)
    directs.note(direct, state=state)
    clock.now += lives_ms - 1
    assert directs.find(direct.id) is direct
    assert directs.expired() == []
    clock.now += 1
    with pytest.raises(Gone):
        directs.find(direct.id)
    assert directs.expired() == [direct]


def test_the_same_announcement_by_the_same_key_is_the_same_upload(tmp_path: Path) -> None:
    directs = DirectDirectory(tmp_path, Clock())
    direct = directs.add(ANNOUNCED, BEGUN)
    assert directs.same(ANNOUNCED) is direct
    assert directs.same(replace(ANNOUNCED, keyid="l")) is None
    assert directs.same(replace(ANNOUNCED, size=8)) is None
    assert directs.same(replace(ANNOUNCED, sm3=True)) is None
    directs.note(direct, state=State.REFUSED)
    assert directs.same(ANNOUNCED) is None


def test_of_what_is_over_no_more_is_remembered_than_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.direct_directory.MAX_TOLD", 2)
    assert MAX_TOLD > 2
    directs = DirectDirectory(tmp_path, Clock())
    for _ in range(4):
        directs.note(directs.add(ANNOUNCED, BEGUN), state=State.RECORDED)
    assert len(directs.all()) == 2
    with pytest.raises(Unknown):
        directs.find("ab" * 16)
