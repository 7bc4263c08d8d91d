"""The feed for the province's platform: pulled, pushed, over a bad line, to a bad receiver."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api import feeding
from api.clients import feed_http
from api.clients.patience import Patience, Stopped
from api.settings import Settings, load
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.statement import FORMS, Kind
from ledger.process.feeds.feed import (
    Page,
    check_follows,
    check_logged,
    digest_of,
    missing_in_runs,
)
from ledger.process.feeds.feed_table import FeedTable, stays
from testkit import disposals
from testkit.feed_pulled import deed, own_key, pull
from testkit.province import Platform, Wrong, open_platform
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_CASE,
    Ledger,
    await_that,
    open_ledger,
    template,
)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.05)


@pytest.fixture
def platform() -> Iterator[Platform]:
    with open_platform(own_key(template())) as platform:
        yield platform


# --- what an event is --------------------------------------------------------------------------


def test_what_is_pulled_is_every_act_once_in_log_order_and_proved(ledger: Ledger) -> None:
    filed = [*ledger.accept(deed(ledger, 0), deed(ledger, 1)), *ledger.accept(deed(ledger, 2))]
    ledger.accept(ledger.evidence(b"a photo stays here"))
    page = pull(ledger)
    assert [one.event["id"] for one in page.events if one.event] == [row["id"] for row in filed]
    assert [one.event["n"] for one in page.events if one.event] == ["1", "2", "3"]
    assert [str(one.index) for one in page.events] == [row["index"] for row in filed]
    assert [one.event["queue"] for one in page.events if one.event] == [
        *("发现问题", "发现问题", "指挥调度")
    ]
    check_logged(page, ledger.trust)
    assert missing_in_runs([page]) == {}


def test_no_name_number_or_note_of_a_person_leaves(ledger: Ledger) -> None:
    ledger.accept(deed(ledger, 0))
    (told,) = pull(ledger).events
    text = str(told.event)
    assert CASE in text
    for private in ("王小明", "320501", "当事人", "文书", HANDLER.name):
        assert private not in text


def test_the_table_says_of_every_field_of_what_leaves_whether_it_leaves() -> None:
    table = feeding.shipped_table()
    said = {field.source for field in table.fields}
    for kind in table.kinds:
        for need, may in FORMS[Kind(kind)]:
            assert need | may <= said | {"tool", "spans"}, kind
    assert {"officers", "by", "facts", "note", "place"} <= set(stays(table))
    assert [queue.name for queue in table.queues] == [
        *("发现问题", "研判预警", "指挥调度", "诉求处置", "督查考核")
    ]


def test_pages_of_one_event_chain_as_one_page_of_all_does(ledger: Ledger) -> None:
    ledger.accept(*(deed(ledger, n) for n in range(4)))
    whole = pull(ledger)
    single = [pull(ledger, n, 1) for n in range(4)]
    for page, before in zip(single[1:], single, strict=False):
        check_follows(page, before)
    assert single[-1].chain == whole.chain
    assert [one.digest for one in whole.events] == [page.events[0].digest for page in single]
    empty = pull(ledger, 4)
    assert (empty.events, empty.chain, empty.last) == ((), whole.chain, 4)


def test_a_page_that_is_missing_or_changed_is_seen(ledger: Ledger) -> None:
    ledger.accept(*(deed(ledger, n) for n in range(4)))
    first, second, third = (pull(ledger, n, 1) for n in range(3))
    with pytest.raises(Rejected, match="want the events after 1"):
        check_follows(third, first)
    with pytest.raises(Rejected, match="different events"):
        check_follows(replace(second, before=bytes(32)), first)
    # The operator signs another page: without the event in the middle, renumbered.
    (told,) = third.events
    assert told.event is not None
    event = dict(told.event) | {"n": "2"}
    moved = replace(told, event=event, digest=digest_of(event))
    forged = replace(second, events=(moved,), checkpoint=third.checkpoint)
    with pytest.raises(Malformed, match="chain"):
        Page.from_bytes(forged.to_bytes())
    # And with a chain that fits: the run of the agency's acts has a hole.
    link = feeding.next_link(second.before, moved.digest)
    hidden = Page.from_bytes(replace(forged, chain=link).to_bytes())
    check_follows(hidden, first)
    assert missing_in_runs([first, hidden]) == {f"2026/acts/{AGENCY}": (2,)}
    # To renumber the run is no way out: the entry bears the tag of its place.
    event = event | {"run": {"n": "2", "series": f"2026/acts/{AGENCY}"}}
    moved = replace(told, event=event, digest=digest_of(event))
    link = feeding.next_link(second.before, moved.digest)
    lied = Page.from_bytes(replace(forged, events=(moved,), chain=link).to_bytes())
    with pytest.raises(Rejected, match="is not number 2"):
        check_logged(lied, ledger.trust)


def test_an_entry_that_is_not_in_the_tree_is_refused(ledger: Ledger) -> None:
    ledger.accept(deed(ledger, 0), deed(ledger, 1))
    first, second = pull(ledger).events
    page = replace(pull(ledger, 0, 1), events=(replace(first, entry=second.entry),))
    with pytest.raises(LedgerError):
        check_logged(page, ledger.trust)


def test_a_feed_of_another_table_begins_with_event_1(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(deed(ledger, 0))
        first = pull(ledger)
        table = feeding.files(feeding.process).joinpath("feed.toml").read_bytes()
        ledger.services.feed._table = FeedTable.from_bytes(table.replace(b'"AJBH"', b'"AJH"'))
        ledger.accept(deed(ledger, 1))
        second = pull(ledger)
    assert first.feed != second.feed
    assert [one.event["n"] for one in second.events if one.event] == ["1", "2"]
    assert second.events[0].event is not None
    assert second.events[0].event["fields"]["AJH"] == CASE


def test_of_an_event_whose_statement_was_destroyed_the_digest_stays_in_its_place(
    tmp_path: Path,
) -> None:
    with disposals.opened(tmp_path / "ledger") as ledger:
        (gone,) = ledger.accept(disposals.act(ledger, "site_inspection", procedure="ordinary"))
        disposals.close_case(ledger)
        before = pull(ledger)
        event = before.events[0].event
        assert event is not None
        assert event["id"] == gone["id"]
        ledger.accept(disposals.disposal(gone))
        disposals.disposed(ledger)
        after = pull(ledger)
        assert after.events[0].event is None
        assert after.events[0].digest == before.events[0].digest
        assert (after.feed, after.chain) != (before.feed, before.chain)  # the disposal is one too
        assert [one.digest for one in after.events[: len(before.events)]] == [
            one.digest for one in before.events
        ]
        check_logged(after, ledger.trust)
        state = (ledger.folder / "feed.sqlite").read_bytes()
        state += (ledger.folder / "feed.sqlite-wal").read_bytes()
    for words in (CASE.encode(), b"site_inspection", gone["id"].encode()):
        assert words not in state
    assert before.events[0].digest in state


def test_of_a_log_that_is_not_seen_to_its_end_no_event_is_passed_over(ledger: Ledger) -> None:
    """As of a store that was put back without the last checkpoint of a closed log."""
    ledger.accept(*(deed(ledger, n) for n in range(3)))
    ledger.await_quorum()
    feed = ledger.services.feed
    ((start, end),) = feed._seen()
    feed._seen = lambda: iter([(start, end - 2), (end - 1, end)])  # type: ignore[method-assign]
    first = feed.catch_up()
    feed._seen = lambda: iter([(start, end - 1), (end - 1, end)])  # type: ignore[method-assign]
    assert (first.head, feed.catch_up().head) == (1, 3)


# --- who may pull ------------------------------------------------------------------------------


def test_only_a_supervisor_of_everything_has_a_feed(shared: Ledger) -> None:
    shared.await_quorum()
    limits: list[tuple[str, dict[str, Any]]] = [
        *(("court", {}), ("admin", {}), ("handler", {})),
        *(("supervisor", {"agency": AGENCY}), ("supervisor", {"cases": (CASE,)})),
    ]
    for role, more in limits:
        answer = shared.http.get("/v1/feed", headers=shared.bearer(role, **more))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert shared.http.get("/v1/feed").status_code == 401


@pytest.mark.parametrize(
    ("query", "status"),
    [
        *(("after=-1", 400), ("after=01", 400), ("after=x", 400), ("after=99999", 404)),
        *(("limit=0", 400), ("limit=101", 400), ("limit=", 400)),
    ],
)
def test_a_bad_cursor_is_refused(shared: Ledger, query: str, status: int) -> None:
    shared.await_quorum()
    answer = shared.http.get(f"/v1/feed?{query}", headers=shared.bearer("supervisor"))
    assert answer.status_code == status, answer.text


def test_what_was_pulled_stands_in_the_log_and_an_empty_page_does_not(ledger: Ledger) -> None:
    ledger.accept(deed(ledger, 0))
    page = pull(ledger)
    pull(ledger, 1)
    (said,) = [row for row in ledger.custody("exported") if row["about"] == f"feed/{page.feed}"]
    assert said["note"] == "events 1 to 1"


def test_who_pulls_may_ask_what_is_overdue_and_what_lacks(ledger: Ledger) -> None:
    """They are no events: they depend on the day on which one looks."""
    ledger.accept(deed(ledger, 0))
    ledger.await_quorum()
    asked = ledger.bearer("supervisor")
    for path in ("/v1/feed", f"/v1/agencies/{AGENCY}/due", f"/v1/cases/{CASE}/gaps"):
        assert ledger.http.get(path, headers=asked).status_code == 200, path


# --- pushed ------------------------------------------------------------------------------------


def test_what_is_filed_arrives_and_the_log_said_before_that_it_leaves(
    tmp_path: Path, quick: None, platform: Platform
) -> None:
    with open_ledger(tmp_path / "ledger", feed_url=platform.url, feed_seconds=1) as ledger:
        rows = ledger.accept(*(deed(ledger, n, OTHER_CASE) for n in range(3)))
        await_that(lambda: platform.last == 3, "three events")
        (said,) = ledger.status("feed_sent")
        assert said["counts"] == {"first": "1", "last": "3"}
        await_that(lambda: ledger.services.feed.catch_up().acknowledged == 3, "the cursor")
        for page in platform.pages:
            check_logged(page, ledger.trust)
    assert [event["id"] for event in platform.events] == [row["id"] for row in rows]
    assert platform.refused == []


def test_more_than_a_page_comes_at_once(
    tmp_path: Path, quick: None, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "MAX_PAGE", 3)
    monkeypatch.setattr(feeding, "ROWS_AT_ONCE", 2)
    platform.away = True
    with open_ledger(tmp_path / "ledger", feed_url=platform.url, feed_seconds=3600) as ledger:
        ledger.accept(*(deed(ledger, n) for n in range(8)))
        ledger.await_quorum()
        ledger.services.feed.catch_up()
        platform.away = False
        await_that(lambda: platform.last == 8, "eight events")
    assert [event["n"] for event in platform.events] == [str(n) for n in range(1, 9)]


@pytest.mark.parametrize("wrong", [*Wrong])
def test_what_is_no_acknowledgement_moves_nothing_and_the_page_comes_again(
    tmp_path: Path,
    quick: None,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    wrong: Wrong,
) -> None:
    within_s = feed_http.WITHIN_S
    monkeypatch.setattr(feed_http, "WITHIN_S", 0.3)
    platform.wrong = wrong
    with open_ledger(tmp_path / "ledger", feed_url=platform.url, feed_seconds=1) as ledger:
        ledger.accept(deed(ledger, 0))
        await_that(lambda: platform.seen >= 2, "a second attempt")
        assert ledger.services.feed.catch_up().acknowledged == 0
        ledger.accept(deed(ledger, 1))  # filing goes on
        monkeypatch.setattr(feed_http, "WITHIN_S", within_s)
        platform.wrong = None
        platform.released.set()
        await_that(lambda: platform.last == 2, "both events")
    assert [event["n"] for event in platform.events] == ["1", "2"]
    assert len(ledger_said(platform)) == 2


def ledger_said(platform: Platform) -> set[str]:
    return {event["id"] for event in platform.events}


def test_a_page_whose_answer_was_lost_is_not_kept_twice(
    tmp_path: Path, quick: None, platform: Platform
) -> None:
    platform.forgets = True
    with open_ledger(tmp_path / "ledger", feed_url=platform.url, feed_seconds=1) as ledger:
        ledger.accept(deed(ledger, 0))
        await_that(lambda: platform.seen >= 3, "the same page three times")
        ledger.accept(deed(ledger, 1))
        platform.forgets = False
        await_that(lambda: platform.last == 2, "the next")
        assert len(ledger.status("feed_sent")) == 2
    assert [page.last for page in platform.pages] == [1, 2]
    assert platform.refused == []


def test_a_reset_sends_again_what_the_platform_has_lost(
    tmp_path: Path, quick: None, platform: Platform
) -> None:
    with open_ledger(tmp_path / "ledger", feed_url=platform.url, feed_seconds=1) as ledger:
        ledger.accept(*(deed(ledger, n) for n in range(3)))
        await_that(lambda: ledger.services.feed.catch_up().acknowledged == 3, "the cursor")
        platform.pages.clear()
        ledger.services.feed.kept.reset(0)
        await_that(lambda: platform.last == 3, "all again")
        assert len(ledger.status("feed_sent")) == 1
        with pytest.raises(Malformed, match="want a number from 0 to 3"):
            ledger.services.feed.kept.reset(4)


def test_an_acknowledgement_that_a_reset_has_overtaken_counts_for_nothing(ledger: Ledger) -> None:
    ledger.accept(*(deed(ledger, n) for n in range(3)))
    ledger.await_quorum()
    kept = ledger.services.feed.kept
    assert ledger.services.feed.catch_up().head == 3
    kept.acknowledge(0, 2)
    kept.reset(1)
    kept.acknowledge(2, 3)
    assert ledger.services.feed.catch_up().acknowledged == 1


def test_neither_password_nor_query_of_the_address_is_told(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        feeding.journal, "warning", lambda event, **more: said.append(f"{event} {more}")
    )
    url = "http://city:pass-word@127.0.0.1:9/feed?key=pass-phrase"
    with open_ledger(tmp_path / "ledger", feed_url=url) as ledger:
        ledger.accept(deed(ledger, 0))
        await_that(lambda: len(said) >= 2, "two attempts")
    assert "http://127.0.0.1:9/feed" in said[0]
    assert not [line for line in said if "pass" in line or "city" in line]


def test_an_address_that_is_none_is_refused_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "tiezheng.toml").write_text('feed_url = "ftp://a:secret@b"\n')
    with pytest.raises(Malformed) as caught:
        load(tmp_path)
    assert "feed_url" in str(caught.value) and "secret" not in str(caught.value)
    assert Settings().feed_url is None


def test_without_a_quorum_nothing_leaves(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.await_quorum()
        for office in ledger.offices:
            office.away = True
        ledger.accept(deed(ledger, 0))
        time.sleep(0.05)
        assert ledger.services.feed.catch_up().head == 0
        for office in ledger.offices:
            office.away = False
        ledger.await_quorum()
        assert ledger.services.feed.catch_up().head == 1


@pytest.mark.slow
def test_after_a_day_without_a_line_every_event_comes_once_and_in_order(
    tmp_path: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The waits are those of a day; they are added up, and not waited for."""
    day_s, waited, filed = 86_400.0, [0.0], []

    def pause(self: Patience, seconds: float) -> None:
        waited[0] += seconds
        if self._stop.wait(0.001):
            raise Stopped("the server ends")

    monkeypatch.setattr(Patience, "pause", pause)
    platform.away = True
    with open_ledger(tmp_path / "ledger", feed_url=platform.url, feed_seconds=1) as ledger:
        for hour in range(24):
            filed += ledger.accept(deed(ledger, hour))
            await_that(lambda hour=hour: waited[0] >= hour * day_s / 24, "an hour")
        await_that(lambda: waited[0] >= day_s, "the day's end")
        assert platform.seen > day_s / 60
        assert ledger.services.feed.catch_up().acknowledged == 0
        platform.away = False
        await_that(lambda: platform.last == 24, "all of the day")
        assert len(ledger.status("feed_sent")) <= 2  # a day of attempts is no day of lines
    assert [event["id"] for event in platform.events] == [row["id"] for row in filed]
    assert platform.refused == []


def test_a_page_is_no_statement_that_could_be_filed(ledger: Ledger) -> None:
    ledger.accept(deed(ledger, 0))
    page = pull(ledger)
    size = ledger.services.log.size
    (answer,) = ledger.file(ledger.services.feed.seal(page))
    assert answer["status"] == 400
    assert ledger.services.log.size == size


# --- another table -----------------------------------------------------------------------------


def test_long_texts_that_leave_make_shorter_pages_and_no_page_that_nobody_can_read(
    tmp_path: Path, quick: None, platform: Platform
) -> None:
    text = feeding.files(feeding.process).joinpath("feed.toml").read_text(encoding="utf-8")
    stays_here = 'from = "note"\nwhy = "自由文本，可含个人信息"'
    assert stays_here in text
    table = tmp_path / "mine.toml"
    table.write_text(text.replace(stays_here, 'from = "note"\nto = "BZ"'), encoding="utf-8")
    settings: dict[str, Any] = {"feed_table": table, "feed_url": platform.url, "feed_seconds": 1}
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        rows = ledger.accept(*(deed(ledger, n, note="注" * 4096) for n in range(60)))
        await_that(lambda: platform.last == 60, "sixty long events")
    assert [event["id"] for event in platform.events] == [row["id"] for row in rows]
    assert len(platform.pages) > 1
    assert platform.refused == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('from = "csae"\nto = "AJBH"', "no statement has a field 'csae'"),
        ('from = "officers"\nto = "RY"', "is no single text"),
    ],
)
def test_a_table_with_a_field_that_could_never_leave_is_refused(line: str, why: str) -> None:
    text = feeding.files(feeding.process).joinpath("feed.toml").read_text(encoding="utf-8")
    with pytest.raises(Malformed, match=why):
        FeedTable.from_bytes(f"{text}\n[[field]]\n{line}\n".encode())


@pytest.mark.parametrize(
    "address",
    ["http://", "https:///feed", "http://host:99999/", "http://ho st/", "http://host/\n", "//host"],
)
def test_an_address_to_which_nothing_could_be_sent_is_refused_at_the_start(
    tmp_path: Path, address: str
) -> None:
    (tmp_path / "tiezheng.toml").write_text(f"feed_url = {json.dumps(address)}\n")
    with pytest.raises(Malformed, match="want an address over http in feed_url"):
        load(tmp_path)
