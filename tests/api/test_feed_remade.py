"""The numbers of a feed follow from the log: without their file they are made again, the same."""

import shutil
from pathlib import Path

import pytest

from api.backups import make_backup
from api.clients.copies import format_copy
from api.restoring import Sources, restore
from ledger.backup import BackupKey
from ledger.errors import Rejected
from ledger.log import Log
from ledger.process.feeds.feed import Page, check_follows, check_logged, missing_in_runs
from storage.folder import DataFolder
from storage.public_copy import DirectoryLog
from testkit import disposals
from testkit.feed_pulled import deed, own_key, pull
from testkit.province import Platform, fresh_in, open_platform
from testkit.sequence import go_on, reopened
from testkit.server import ORIGIN, Ledger, await_that, open_ledger, series_keys, template

KEY = BackupKey(bytes(range(32)))


def forget(folder: Path) -> None:
    """The feed's file, with what a killed server may leave beside it."""
    for file in folder.glob("feed.sqlite*"):
        file.unlink()


def digests(page: Page) -> list[bytes]:
    return [one.digest for one in page.events]


def test_numbers_that_were_lost_are_made_again_from_the_log_the_same(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(*(deed(ledger, n) for n in range(5)))
        before, people = pull(ledger), ledger.offices
    forget(tmp_path / "ledger")
    with open_ledger(tmp_path / "ledger", people=people) as ledger:
        ledger.accept(deed(ledger, 6))
        after = pull(ledger)
    assert (after.feed, after.table) == (before.feed, before.table)
    assert digests(after)[:5] == digests(before)
    assert fresh_in(after, before.feed, 5, before.chain) == after.events[5:]


def test_of_a_ledger_that_has_destroyed_something_since_it_is_another_feed(tmp_path: Path) -> None:
    """The words of an event that is gone cannot be made again, nor can its place in the chain."""
    with disposals.opened(tmp_path / "ledger") as ledger:
        (gone,) = ledger.accept(disposals.act(ledger, "site_inspection", procedure="ordinary"))
        disposals.close_case(ledger)
        before, people = pull(ledger), ledger.offices
        ledger.accept(disposals.disposal(gone))
        disposals.disposed(ledger)
        assert pull(ledger).feed == before.feed
    feeds = set()
    for _ in range(2):
        forget(tmp_path / "ledger")
        with open_ledger(tmp_path / "ledger", people=people) as ledger:
            feeds.add(pull(ledger).feed)
    assert len(feeds) == 1  # this one, too, follows from the log
    assert before.feed not in feeds


def test_what_stands_in_the_log_as_sent_is_not_said_twice_and_comes_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.05)
    folder = tmp_path / "ledger"
    with open_platform(own_key(template())) as platform:
        settings = {"feed_url": platform.url, "feed_seconds": 1}
        with open_ledger(folder, **settings) as ledger:
            filed = ledger.accept(*(deed(ledger, n) for n in range(3)))
            await_that(lambda: platform.last == 3, "three events")
            people = ledger.offices
        forget(folder)
        seen = platform.seen
        with open_ledger(folder, people=people, **settings) as ledger:
            await_that(lambda: platform.seen > seen, "the page again")
            filed += ledger.accept(deed(ledger, 4))
            await_that(lambda: platform.last == 4, "the next event")
            said = [row["counts"] for row in ledger.status("feed_sent")]
    assert said == [{"first": "1", "last": "3"}, {"first": "4", "last": "4"}]
    assert [event["id"] for event in platform.events] == [row["id"] for row in filed]
    assert platform.refused == []


def back_up(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    make_backup(DataFolder.open(folder), ORIGIN, tmp_path / "backup", KEY, 1)


def test_a_restored_ledger_goes_on_with_the_feed_that_the_province_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.05)
    folder = tmp_path / "ledger"
    platform: Platform
    with open_platform(own_key(template())) as platform:
        settings = {"feed_url": platform.url, "feed_seconds": 1}
        with open_ledger(folder, **settings) as ledger:
            filed = ledger.accept(*(deed(ledger, n) for n in range(3)))
            await_that(lambda: platform.last == 3, "three events")
            people = ledger.offices
            await_that(lambda: bool(ledger.status("feed_sent")), "the line in the log")
            ledger.await_quorum()
            back_up(folder, tmp_path)
        shutil.rmtree(folder)
        with series_keys():
            restore(tmp_path / "backup", folder, KEY, Sources())
        with open_ledger(folder, people=people, **settings) as ledger:
            await_that(lambda: not ledger.services.folder.restored.exists(), "the log")
            filed += ledger.accept(deed(ledger, 4))
            await_that(lambda: platform.last == 4, "the next event")
    assert [event["id"] for event in platform.events] == [row["id"] for row in filed]
    assert (len({page.feed for page in platform.pages}), platform.refused) == (1, [])


def test_a_receiver_that_has_a_part_of_a_page_keeps_the_rest(ledger: Ledger) -> None:
    """As after a restore: pages end elsewhere than they did."""
    ledger.accept(*(deed(ledger, n) for n in range(4)))
    first, whole = pull(ledger, 0, 2), pull(ledger)
    assert digests(whole)[2:] == [
        one.digest for one in fresh_in(whole, first.feed, first.last, first.chain)
    ]
    rest = pull(ledger, 2)
    check_follows(rest, first)
    with pytest.raises(Rejected, match="different events"):
        fresh_in(whole, first.feed, first.last, bytes(32))
    with pytest.raises(Rejected, match="want events after 1 of"):
        fresh_in(rest, first.feed, 1, first.chain)
    assert fresh_in(first, first.feed, 4, whole.chain) == ()


def _published(log: Log) -> int:
    checkpoint = log.published()
    return 0 if checkpoint is None else checkpoint.size


@pytest.mark.parametrize("kept", [True, False])
def test_of_a_backup_older_than_what_was_told_no_number_is_given_to_another(
    tmp_path: Path, kept: bool
) -> None:
    """With every act put back it is the same feed, although what the ledger said itself is lost;
    without one of them it is another."""
    folder, copies = tmp_path / "ledger", tmp_path / "copies"
    copies.mkdir()
    with open_ledger(folder) as ledger:
        ledger.accept(deed(ledger, 0))
        pull(ledger)
        ledger.await_quorum()
        back_up(folder, tmp_path)
        later = [deed(ledger, n) for n in range(1, 4)]
        for envelope, answer in zip(later, ledger.accept(*later), strict=True):
            (copies / f"{answer['id']}.json").write_bytes(format_copy(envelope, answer))
        told, people = pull(ledger), ledger.offices
        ledger.await_quorum()
        log = ledger.services.log
        await_that(lambda: _published(log) == log.size, "the public copy")
    shutil.copytree(folder / "public", tmp_path / "public")
    if not kept:
        sorted(copies.iterdir())[1].unlink()
    shutil.rmtree(folder)
    with series_keys():
        sources = Sources(copies=copies, public=DirectoryLog(tmp_path / "public"))
        restored = restore(tmp_path / "backup", folder, KEY, sources)
    with open_ledger(folder, people=people) as ledger:
        await_that(lambda: not ledger.services.folder.restored.exists(), "the log")
        again = pull(ledger)
    assert len(restored.completion.lost) == (1 if kept else 2)
    assert (again.feed == told.feed) == kept
    assert (digests(again) == digests(told)) == kept
    assert len(again.events) == (4 if kept else 3)


# --- over two logs -----------------------------------------------------------------------------


def test_over_two_logs_the_numbers_run_on_and_each_page_is_of_one(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with open_ledger(folder) as ledger:
        ledger.accept(*(deed(ledger, n) for n in range(3)))
        ledger.await_quorum()
        people = ledger.offices
    go_on(folder, people)
    with reopened(folder, people) as ledger:
        ledger.accept(*(deed(ledger, n) for n in range(3, 5)))
        first = pull(ledger)
        second = pull(ledger, 3)
        trust = ledger.trust
    assert [page.log for page in (first, second)] == ["2026", "2027"]
    assert (first.last, second.last) == (3, 5)
    check_follows(second, first)
    for page in (first, second):
        check_logged(page, trust)
    assert missing_in_runs([first, second]) == {}
    forget(folder)
    with reopened(folder, people) as ledger:
        again = pull(ledger), pull(ledger, 3)
    assert [(page.feed, page.chain) for page in again] == [
        (page.feed, page.chain) for page in (first, second)
    ]
