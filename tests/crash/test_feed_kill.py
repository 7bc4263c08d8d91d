"""The feed over a line that is broken for a day, by a server that is killed meanwhile: every
event once, in order, none lost."""

import signal
import time
from pathlib import Path

import pytest

from api.clients.ledger import LedgerClient
from api.ids import new_id
from api.keys import read_key
from ledger.evidence.chunks import digest_item
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.process.feeds.feed import check_logged, missing_in_runs
from storage.trust_directory import read_trust
from testkit import case as kit
from testkit.children import Child
from testkit.filers import PHOTO, taken
from testkit.province import Platform, open_platform
from testkit.server import await_that
from testkit.site import Site


def acts(count: int) -> list[bytes]:
    """Of one case; each speaks of the one item that is there."""
    drafts = [
        {
            "act": "site_inspection",
            "agency": kit.AGENCY,
            "case": kit.CASE,
            "id": new_id(time.time_ns() // 1_000_000),
            "occurred": {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:05:00+08:00"},
            "procedure": "ordinary",
            "stage": "investigate",
        }
        for _ in range(count)
    ]
    subject = FileSubject("现场检查笔录.pdf", digest_item(PHOTO))
    return [
        seal(Statement(Kind.ACT, (subject,), draft).to_bytes(), [kit.HANDLER]).to_bytes()
        for draft in drafts
    ]


def file(url: str, count: int) -> list[str]:
    client = LedgerClient(url)
    try:
        filed = acts(count)
        rows = taken(lambda: client.file(filed))
    finally:
        client.close()
    assert all("index" in row for row in rows), rows
    return [str(row["id"]) for row in rows]


def server_of(site: Site) -> Child:
    assert site._server is not None
    return site._server


def test_a_killed_server_sends_every_event_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform: Platform
    with open_platform(kit.LEDGER.verifier) as platform:
        monkeypatch.setenv("TIEZHENG_FEED_URL", platform.url)
        monkeypatch.setenv("TIEZHENG_FEED_SECONDS", "1")
        with Site(tmp_path, seed=3, power=False) as site:
            site.found()
            assert site._load is not None
            site._load.stop()
            platform.key = read_key(site.data / "keys" / "ledger.key").verifier
            filed = file(site._url, 5)
            await_that(lambda: platform.last == 5, "the first five")
            platform.away = True
            for _ in range(2):
                filed += file(site._url, 20)
                seen = platform.seen
                await_that(lambda seen=seen: platform.seen > seen, "an attempt")
                server_of(site).end(signal.SIGKILL)
                site._start_server()
            # It keeps this page, and is asked again, since its answer is lost.
            platform.forgets, platform.away = True, False
            filed += file(site._url, 3)
            await_that(lambda: len(platform.pages) > 1, "a page without an answer")
            server_of(site).end(signal.SIGKILL)
            site._start_server()
            platform.forgets = False
            await_that(lambda: platform.last == len(filed), "every event")
            trust = read_trust(site.data / "trust")
    assert [event["id"] for event in platform.events] == filed
    assert [event["n"] for event in platform.events] == [str(n + 1) for n in range(len(filed))]
    assert platform.refused == []
    assert len({page.feed for page in platform.pages}) == 1
    for page in platform.pages:
        check_logged(page, trust)
    assert missing_in_runs(platform.pages) == {}
