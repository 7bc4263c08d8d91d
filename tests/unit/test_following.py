"""Following a log: what is kept is what was signed, wherever it came from, however it was cut."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.absences import MirroredLog, NotYet
from api.following import Follower, Forked, Shrunk
from ledger.errors import Full, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.absence import Found, open_absence, tags_to_bytes
from ledger.evidence.entry import OPENING
from ledger.suite import digest
from ledger.tlog.audit import read_wider
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.fraud import Fraud
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Policy
from ledger.tlog.signing_key import sign_note
from ledger.tlog.tile import Tile, bundles_of, tiles_of
from storage.public_copy import DirectoryLog
from storage.tag_index_sqlite import SqliteTagIndex
from testkit.growing_log import LOG, ORIGIN, GrowingLog, entry_of, tags_of
from testkit.keys import cosigner
from testkit.mirrors import MIRROR

Change = Callable[[str, bytes], bytes]


class Source:
    """The log as its server shows it; `change` may alter a file, or raise."""

    def __init__(self, folder: Path) -> None:
        self._log = DirectoryLog(folder)
        self.asked: list[str] = []
        self.change: Change = lambda path, data: data

    def read(self, label: str, path: str) -> bytes:
        self.asked.append(path)
        return self.change(path, self._log.read(label, path))


class Mirrored:
    """A log and its mirror, both below one folder."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "mirror" / "2026"
        self.log = GrowingLog(tmp_path / "log" / "2026")
        self.source = Source(tmp_path / "log" / "2026")
        self.frauds: list[Fraud] = []
        self.follower = self.open()

    def open(self, **more: object) -> Follower:
        return Follower(
            LOG.verifier,
            self.source,
            self.root,
            keep=self.frauds.append,
            **more,  # type: ignore[arg-type]
        )

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def mirrored(tmp_path: Path) -> Mirrored:
    return Mirrored(tmp_path)


def expected(log: GrowingLog) -> dict[str, bytes]:
    """Every file that the checkpoint commits to."""
    tiles = [tile.to_path() for tile in (*tiles_of(log.size), *bundles_of(log.size))]
    return {path: (log.folder / path).read_bytes() for path in ["checkpoint", *tiles]}


@pytest.mark.parametrize("steps", [[1], [255, 1, 1], [256], [257, 255], [5, 600], [300, 1, 700]])
def test_after_every_step_each_file_of_the_log_is_there(
    mirrored: Mirrored, steps: list[int]
) -> None:
    for count in steps:
        mirrored.log.grow(count)
        assert mirrored.follower.step()
        assert expected(mirrored.log).items() <= mirrored.files().items()
        assert mirrored.open().kept == mirrored.log.checkpoint
    # Nothing else either, but partial tiles that checkpoints of before commit to.
    widths = {path for path in mirrored.files() if ".p/" not in path}
    assert widths == {path for path in expected(mirrored.log) if ".p/" not in path}


def test_a_log_of_three_levels_is_followed(mirrored: Mirrored) -> None:
    mirrored.log.grow(65_300)
    mirrored.follower.step()
    mirrored.log.grow(400)
    mirrored.source.asked.clear()
    before = mirrored.follower.kept
    assert mirrored.follower.step()
    assert expected(mirrored.log).items() <= mirrored.files().items()
    assert mirrored.follower.checkpoint_of(65_300).root == before.root
    # What was kept whole is not fetched again.
    assert "tile/entries/000" not in mirrored.source.asked
    assert len(mirrored.source.asked) < 20


def test_nothing_new_is_no_step(mirrored: Mirrored) -> None:
    assert not mirrored.follower.step()
    mirrored.log.grow(10)
    assert mirrored.follower.step()
    assert not mirrored.follower.step()


def opening(mirrored: Mirrored) -> dict[str, bytes]:
    return {path: data for path, data in mirrored.files().items() if path in OPENING}


@pytest.mark.parametrize("size", [1, 256, 300])
def test_the_opening_is_kept_once_and_held_against_entry_0(mirrored: Mirrored, size: int) -> None:
    mirrored.log.open().grow(size - 1)
    assert mirrored.follower.step()
    want = {path: (mirrored.log.folder / path).read_bytes() for path in OPENING}
    assert opening(mirrored) == want
    assert {path: mirrored.follower.read(path) for path in OPENING} == want
    mirrored.log.grow(300)
    assert mirrored.follower.step()
    assert not mirrored.open().step()
    assert [path for path in mirrored.source.asked if path in OPENING] == list(OPENING)


@pytest.mark.parametrize("change", ["envelope", "salt", "boundary"])
def test_a_false_opening_is_refused_and_keeps_no_entry_from_being_kept(
    mirrored: Mirrored, change: str
) -> None:
    mirrored.log.open().grow(299)
    envelope, salt = ((mirrored.log.folder / path).read_bytes() for path in OPENING)
    false = {
        "envelope": (envelope + b" ", salt),
        "salt": (envelope, salt[:-1] + b"x"),
        "boundary": (salt[-1:] + envelope, salt[:-1]),  # of the same digest
    }[change]
    shown = dict(zip(OPENING, false, strict=True))
    mirrored.source.change = lambda path, data: shown.get(path, data)
    for follower in (mirrored.follower, mirrored.follower, mirrored.open()):
        with pytest.raises(Rejected, match="not that of entry 0"):
            follower.step()
        assert follower.kept == mirrored.log.checkpoint and not opening(mirrored)
    mirrored.source.change = lambda path, data: data
    # Though the log has not grown.
    assert not mirrored.follower.step()
    assert opening(mirrored) == dict(zip(OPENING, (envelope, salt), strict=True))


def test_an_opening_that_a_kill_has_cut_or_a_disk_altered_is_fetched_again(
    mirrored: Mirrored,
) -> None:
    mirrored.log.open().grow(9)
    mirrored.follower.step()
    want = opening(mirrored)
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"other")):
        damage(mirrored.root / OPENING[1])
        assert not mirrored.open().step()
        assert opening(mirrored) == want


def test_a_log_that_shows_no_opening_is_asked_for_it_when_it_has_grown(
    mirrored: Mirrored,
) -> None:
    mirrored.log.grow(5)
    for grown in (True, False, False):
        assert mirrored.follower.step() is grown
    asked = [path for path in mirrored.source.asked if path in OPENING]
    mirrored.log.grow(5)
    mirrored.follower.step()
    assert len([path for path in mirrored.source.asked if path in OPENING]) == 2 * len(asked) == 2
    with pytest.raises(Unknown):
        mirrored.follower.read(OPENING[0])


def altered(path: str) -> Change:
    def change(asked: str, data: bytes) -> bytes:
        return data[:-1] + bytes([data[-1] ^ 1]) if asked == path else data

    return change


@pytest.mark.parametrize(
    "path",
    ["tile/entries/000", "tile/entries/002.p/88", "tile/1/000.p/2", "tile/0/002.p/88"],
)
def test_an_altered_file_is_refused_and_nothing_of_it_is_shown(
    mirrored: Mirrored, path: str
) -> None:
    mirrored.log.grow(600)
    mirrored.source.change = altered(path)
    with pytest.raises((Rejected, Malformed)):
        mirrored.follower.step()
    assert mirrored.follower.kept.size == 0
    with pytest.raises(Unknown):
        mirrored.follower.read("checkpoint")
    with pytest.raises(Unknown):
        mirrored.follower.read("tile/entries/001")
    mirrored.source.change = lambda path, data: data
    assert mirrored.follower.step()
    assert expected(mirrored.log).items() <= mirrored.files().items()


def test_a_bad_bundle_is_named(mirrored: Mirrored) -> None:
    mirrored.log.grow(600)
    mirrored.source.change = altered("tile/entries/001")
    with pytest.raises(Rejected, match="tile/entries/001 has other entries"):
        mirrored.follower.step()


def test_an_altered_tile_of_leaf_hashes_does_not_reach_the_mirror(mirrored: Mirrored) -> None:
    mirrored.log.grow(600)
    mirrored.source.change = altered("tile/0/001")
    assert mirrored.follower.step()
    assert expected(mirrored.log).items() <= mirrored.files().items()


def test_a_tile_that_has_become_full_serves_an_older_checkpoint(mirrored: Mirrored) -> None:
    """The checkpoint was read, and its partial tiles are gone by the time they are asked for."""
    mirrored.log.grow(600)
    note = mirrored.log.note().to_bytes()
    mirrored.log.grow(300)
    for path in ("tile/0/002.p", "tile/entries/002.p"):
        for file in (mirrored.log.folder / path).iterdir():
            file.unlink()
    mirrored.source.change = lambda path, data: note if path == "checkpoint" else data
    assert mirrored.follower.step()
    assert mirrored.follower.kept.size == 600


def test_another_history_becomes_a_proof_and_ends_the_following(mirrored: Mirrored) -> None:
    mirrored.log.grow(300)
    mirrored.follower.step()
    kept = mirrored.files()
    fork = GrowingLog(mirrored.root.parents[1] / "fork" / "2026").grow(299).grow(9, "other")
    mirrored.source._log = DirectoryLog(fork.folder)
    with pytest.raises(Forked):
        mirrored.follower.step()
    (fraud,) = mirrored.frauds
    smaller, larger = fraud.check(LOG.verifier)
    assert (smaller.size, larger.size) == (300, 308)
    assert mirrored.files() == kept
    mirrored.source._log = DirectoryLog(mirrored.log.folder)
    with pytest.raises(Forked):
        mirrored.follower.step()
    with pytest.raises(Forked):
        mirrored.open(forked=True).step()


@pytest.mark.parametrize("size", [300, 200])
def test_another_history_of_no_more_entries_is_a_proof_too(mirrored: Mirrored, size: int) -> None:
    mirrored.log.grow(300)
    mirrored.follower.step()
    fork = GrowingLog(mirrored.root.parents[1] / "fork" / "2026").grow(size, "other")
    mirrored.source._log = DirectoryLog(fork.folder)
    with pytest.raises(Forked):
        mirrored.follower.step()
    mirrored.frauds[0].check(LOG.verifier)


def test_a_log_that_shows_less_of_the_same_is_not_accused(mirrored: Mirrored) -> None:
    old = GrowingLog(mirrored.root.parents[1] / "old" / "2026").grow(200)
    mirrored.log.grow(300)
    mirrored.follower.step()
    mirrored.source._log = DirectoryLog(old.folder)
    with pytest.raises(Shrunk):
        mirrored.follower.step()
    assert mirrored.frauds == []
    assert mirrored.follower.kept.size == 300
    mirrored.source._log = DirectoryLog(mirrored.log.folder)
    mirrored.log.grow(10)
    assert mirrored.follower.step()


def test_damaged_tiles_accuse_nobody(mirrored: Mirrored) -> None:
    mirrored.log.grow(300)
    mirrored.follower.step()
    mirrored.log.grow(300)
    mirrored.source.change = altered("tile/1/000.p/2")
    with pytest.raises(Rejected):
        mirrored.follower.step()
    assert mirrored.frauds == []


def test_a_checkpoint_that_the_log_did_not_sign_is_refused(mirrored: Mirrored) -> None:
    mirrored.log.grow(300)
    note = mirrored.log.note().to_bytes().replace(b"\n300\n", b"\n299\n")
    mirrored.source.change = lambda path, data: note if path == "checkpoint" else data
    with pytest.raises(Rejected, match="does not match"):
        mirrored.follower.step()


def test_a_log_that_claims_more_than_there_can_be_is_not_read(mirrored: Mirrored) -> None:
    """Only its own key could have signed that."""
    text = Checkpoint(ORIGIN, (1 << 30) + 1, bytes(32)).to_text()
    note = SignedNote(text, (sign_note(text, LOG),)).to_bytes()
    mirrored.log.grow(1)
    mirrored.source.change = lambda path, data: note if path == "checkpoint" else data
    with pytest.raises(Rejected, match="at most 1073741824 entries"):
        mirrored.follower.step()
    assert mirrored.source.asked == ["checkpoint"]


def test_under_a_policy_only_what_its_quorum_has_cosigned_is_taken(mirrored: Mirrored) -> None:
    office = cosigner("notary.example")
    lines = f"log {LOG.verifier.to_text()}\nwitness n {office.verifier.to_text()}\nquorum n\n"
    follower = mirrored.open(policy=Policy.from_bytes(lines.encode()))
    mirrored.log.grow(300)
    with pytest.raises(Rejected, match="no quorum"):
        follower.step()
    mirrored.log.cosigners = (office,)
    mirrored.log.show()
    assert follower.step()


def test_a_policy_that_wants_no_quorum_takes_what_the_log_has_signed(mirrored: Mirrored) -> None:
    text = f"log {LOG.verifier.to_text()}\nquorum none\n"
    follower = mirrored.open(policy=Policy.from_bytes(text.encode()))
    mirrored.log.grow(3)
    assert follower.step()


def test_what_was_fetched_before_it_was_cut_off_is_used_again(mirrored: Mirrored) -> None:
    mirrored.log.grow(2000)

    def cut(path: str, data: bytes) -> bytes:
        if path == "tile/entries/006":
            raise Unavailable("the line is dead")
        return data

    mirrored.source.change = cut
    with pytest.raises(Unavailable):
        mirrored.open(fetches=1).step()
    assert not (mirrored.root / "checkpoint").exists()
    mirrored.source.change = lambda path, data: data
    mirrored.source.asked.clear()
    assert mirrored.open().step()
    asked = [path for path in mirrored.source.asked if "entries" in path]
    # The next one may have been under way already.
    assert {"tile/entries/006"} <= set(asked) <= {"tile/entries/006", "tile/entries/007.p/208"}


def test_what_a_power_cut_left_is_written_over(mirrored: Mirrored) -> None:
    mirrored.log.grow(600)
    for path in ("tile/entries/000", "tile/0/001", "tile/1/000.p/2"):
        (mirrored.root / path).parent.mkdir(parents=True, exist_ok=True)
        (mirrored.root / path).write_bytes(b"")
    assert mirrored.open().step()
    assert expected(mirrored.log).items() <= mirrored.files().items()


def test_a_copy_that_is_damaged_at_its_edge_is_not_followed_on(mirrored: Mirrored) -> None:
    mirrored.log.grow(600)
    mirrored.follower.step()
    (mirrored.root / "tile/0/002.p/88").write_bytes(bytes(88 * 32))
    with pytest.raises(Rejected, match="damaged"):
        mirrored.open()


class Breaks:
    """Lets `good` calls pass, then fails: with what was asked done, or not."""

    def __init__(self, call: Callable[..., None], good: int, done: bool) -> None:
        self.call, self.left, self.done = call, good, done

    def __call__(self, *given: object) -> None:
        self.left -= 1
        if self.left >= 0 or self.done:
            self.call(*given)
        if self.left < 0:
            raise Unavailable("the disk is gone")


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("write", ["put", "replace", "discard"])
def test_a_disk_that_fails_anywhere_leaves_one_tree_or_the_other(
    tmp_path: Path, write: str, done: bool
) -> None:
    failed = 0
    for good in range(8):
        mirrored = Mirrored(tmp_path / str(good))
        mirrored.log.grow(250)
        mirrored.follower.step()
        mirrored.log.grow(20)
        store = mirrored.follower._store
        setattr(store, write, Breaks(getattr(store, write), good, done))
        try:
            mirrored.follower.step()
        except Unavailable:
            failed += 1
        again = mirrored.open()
        assert again.kept.size in (250, 270)
        for tile in (*tiles_of(again.kept.size), *bundles_of(again.kept.size)):
            assert read_wider(again.read, tile)
        # The same run goes on, and so does one that begins anew.
        setattr(store, write, Breaks(getattr(store, write).call, 99, done))
        mirrored.follower.step()
        assert expected(mirrored.log).items() <= mirrored.files().items()
        mirrored.log.grow(1)
        assert mirrored.open().step()
        assert expected(mirrored.log).items() <= mirrored.files().items()
    assert failed > 0


# --- tags ------------------------------------------------------------------------------------


@pytest.fixture
def looking(mirrored: Mirrored, tmp_path: Path) -> MirroredLog:
    return MirroredLog(mirrored.follower, SqliteTagIndex(tmp_path / "tags.sqlite"), MIRROR)


def ask(log: MirroredLog, size: int, tags: list[bytes]) -> tuple[Found, ...]:
    question = tags_to_bytes(tags)
    absence, _ = open_absence(log.say(size, question), [MIRROR.verifier])
    assert absence.checkpoint == log.follower.checkpoint_of(size)
    assert (absence.count, absence.asked) == (len(tags), digest(question))
    return absence.found


def test_every_tag_is_found_where_it_stands_and_nowhere_else(
    mirrored: Mirrored, looking: MirroredLog
) -> None:
    for count in (3, 300, 700):
        mirrored.log.grow(count)
        mirrored.follower.step()
        looking.catch_up()
    tags = [tags_of(n)[0] for n in (0, 255, 256, 302, 303, 1002)]
    strange = [digest(b"%d" % n)[:16] for n in range(2000)]
    for size in (1, 256, 303, 1003):
        places = [n for n in (0, 255, 256, 302, 303, 1002) if n < size]
        found = ask(looking, size, tags + strange)
        assert found == tuple(Found(n, tags_of(n)[0]) for n in places)


def test_a_tag_that_stands_twice_is_found_twice(mirrored: Mirrored, looking: MirroredLog) -> None:
    mirrored.log.grow(5)
    mirrored.log.grow(1, entry=entry_of(4))
    mirrored.follower.step()
    looking.catch_up()
    tag = tags_of(4)[3]
    assert ask(looking, 6, [tag]) == (Found(4, tag), Found(5, tag))


def test_a_tag_that_begins_like_another_is_not_found(
    mirrored: Mirrored, looking: MirroredLog
) -> None:
    mirrored.log.grow(5)
    mirrored.follower.step()
    looking.catch_up()
    assert ask(looking, 5, [tags_of(2)[1][:15] + b"?"]) == ()


def test_nothing_is_said_of_more_than_was_looked_through(
    mirrored: Mirrored, looking: MirroredLog
) -> None:
    mirrored.log.grow(5)
    mirrored.follower.step()
    with pytest.raises(NotYet):
        ask(looking, 5, [bytes(16)])
    looking.catch_up()
    with pytest.raises(NotYet):
        ask(looking, 6, [bytes(16)])
    with pytest.raises(Malformed):
        ask(looking, 0, [bytes(16)])


@pytest.mark.parametrize(
    "entry", [b"no entry", entry_of(0)], ids=["another form", "a time that runs backwards"]
)
def test_nothing_is_said_of_a_log_with_an_entry_that_is_none(
    mirrored: Mirrored, looking: MirroredLog, entry: bytes
) -> None:
    """It may hold any tag. The mirror keeps it all the same, and speaks of what is before it."""
    mirrored.log.grow(300).grow(1, entry=entry).grow(5)
    mirrored.follower.step()
    looking.catch_up()
    assert ask(looking, 300, [tags_of(7)[0]]) == (Found(7, tags_of(7)[0]),)
    with pytest.raises(Rejected, match="entry 300 is none"):
        ask(looking, 301, [bytes(16)])
    mirrored.log.grow(5)
    mirrored.follower.step()
    looking.catch_up()
    with pytest.raises(Rejected, match="entry 300 is none"):
        ask(looking, 311, [bytes(16)])


def test_an_index_of_another_tree_is_made_anew(
    mirrored: Mirrored, looking: MirroredLog, tmp_path: Path
) -> None:
    mirrored.log.grow(300)
    mirrored.follower.step()
    looking.catch_up()
    other = GrowingLog(tmp_path / "other" / "2026").grow(400, "other")
    elsewhere = Follower(LOG.verifier, Source(other.folder), tmp_path / "elsewhere")
    elsewhere.step()
    moved = MirroredLog(elsewhere, looking.index, MIRROR)
    moved.settle()
    assert moved.index.size == 0
    moved.catch_up()
    assert ask(moved, 400, [tags_of(3, "other")[0]]) == (Found(3, tags_of(3, "other")[0]),)
    assert ask(moved, 400, [tags_of(3)[0]]) == ()


def test_an_index_that_was_lost_is_made_again(
    mirrored: Mirrored, looking: MirroredLog, tmp_path: Path
) -> None:
    mirrored.log.grow(300)
    mirrored.follower.step()
    looking.catch_up()
    new = MirroredLog(mirrored.follower, SqliteTagIndex(tmp_path / "new.sqlite"), MIRROR)
    new.settle()
    new.catch_up()
    assert ask(new, 300, [tags_of(299)[7]]) == ask(looking, 300, [tags_of(299)[7]])


def test_a_disk_that_fails_leaves_no_tag_out(
    mirrored: Mirrored, looking: MirroredLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not stored was not looked through, however far it had come."""
    mirrored.log.grow(300)
    mirrored.follower.step()
    write = looking.index._file.write

    @contextmanager
    def full() -> Iterator[object]:
        with write() as db:
            yield db
            raise Full("no room")

    with monkeypatch.context() as broken:
        broken.setattr(looking.index._file, "write", full)
        with pytest.raises(Full):
            looking.catch_up()
        with pytest.raises(NotYet):
            ask(looking, 300, [tags_of(7)[0]])
    looking.catch_up()
    assert ask(looking, 300, [tags_of(7)[0]]) == (Found(7, tags_of(7)[0]),)


def test_more_places_than_a_statement_may_hold_are_refused(
    mirrored: Mirrored, looking: MirroredLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.absences.MAX_FOUND", 10)
    mirrored.log.grow(300)
    mirrored.follower.step()
    looking.catch_up()
    with pytest.raises(Rejected, match="at most 10 places"):
        ask(looking, 300, [tags_of(n)[0] for n in range(11)])


def test_tiles_beyond_the_checkpoint_are_not_shown(mirrored: Mirrored) -> None:
    mirrored.log.grow(300)
    mirrored.follower.step()
    beyond = Tile(0, 1, 45).to_path()
    (mirrored.root / beyond).write_bytes(bytes(45 * 32))
    with pytest.raises(Unknown):
        mirrored.follower.read(beyond)
    assert mirrored.follower.read(Tile(0, 1, 44).to_path())
