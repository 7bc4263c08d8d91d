"""`tiezheng scrub`: beside a running server, over the second copy, and after being killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli.scrub
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from storage.folder_lock import FolderLock
from storage.places_sqlite import SqlitePlaces
from storage.scrub import Scrub
from testkit.server import Ledger, open_ledger
from testkit.terminal import Run
from testkit.vault import flip

# The command, which says that it has looked at three items, and reads no further in the fourth.
STOPS = """
import sys
from cli.main import main
from storage.places_sqlite import SqlitePlaces
from storage.scrub import Pace

looked, items = SqlitePlaces.looked, []

def look(places, *args, **named):
    looked(places, *args, **named)
    items.append(1)

def spend(pace, size):
    if len(items) == 3:
        print("three", flush=True)
        sys.stdin.read()

SqlitePlaces.looked, Pace.spend = look, spend
raise SystemExit(main())
"""
STORE = "directory:../second"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("TIEZHENG_SECOND_STORE", STORE)
    with open_ledger(tmp_path / "ledger", second_store=STORE) as ledger:
        yield ledger


def file(ledger: Ledger, item: str, copy: str = "items", ending: str = "") -> Path:
    root = ledger.folder / "items" if copy == "items" else ledger.folder.parent / copy
    return root / item[:2] / f"{item}{ending}"


def kept(ledger: Ledger, *datas: bytes) -> list[str]:
    for data in datas:
        ledger.upload(data)
    return sorted(ledger.services.items.ids())


def statuses(ledger: Ledger) -> list[Any]:
    log = ledger.services.log
    rows = ledger.services.store.rows(0, log.size)
    found = [Statement.from_bytes(Envelope.from_bytes(row.envelope).payload) for row in rows]
    return [s.predicate for s in found if s.predicate.get("what") == "scrubbed"]


def test_what_is_whole_is_counted(ledger: Ledger, run: Run) -> None:
    kept(ledger, b"a", b"b")
    ended = run("scrub", ledger.folder, "--once")
    assert ended.code == 0
    assert ended.out == ("2 items, 4 copies read: 0 damaged, 0 mended, 0 added, 0 items lost\n")
    assert ended.err == ""


def test_beside_a_running_server_damage_is_named_and_mended(ledger: Ledger, run: Run) -> None:
    (item,) = kept(ledger, os.urandom(3 * CHUNK_SIZE))
    flip(file(ledger, item), 8 * 2 * CHUNK_SIZE + 999)
    file(ledger, item, "second", ".chunks").unlink()
    ended = run("scrub", ledger.folder, "--once")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [
        f"{item} first: damaged in chunk 2 — mended",
        f"{item} second: its companion is damaged or gone — mended",
        "1 items, 2 copies read: 2 damaged, 2 mended, 0 added, 0 items lost",
    ]
    assert file(ledger, item).read_bytes() == file(ledger, item, "second").read_bytes()
    assert ledger.http.get("/scrubz").json() == {"status": "whole"}


def test_each_scrub_is_told_once_in_the_log(ledger: Ledger, run: Run) -> None:
    (item,) = kept(ledger, b"item")
    assert ledger.http.get("/scrubz").json() == {"status": "never scrubbed"}
    file(ledger, item).unlink()
    assert run("scrub", ledger.folder, "--once").code == 0
    ledger.services.file_scrubs()
    ledger.services.file_scrubs()
    (said,) = statuses(ledger)
    assert said["counts"] == {
        "pass": "1", "items": "1", "copies": "1", "damaged": "1",
        "mended": "1", "added": "0", "lost": "0",
    }  # fmt: skip
    assert run("scrub", ledger.folder, "--once").code == 0
    ledger.services.file_scrubs()
    assert [said["counts"]["pass"] for said in statuses(ledger)] == ["1", "2"]


def test_what_is_damaged_in_both_copies_is_an_alarm_everywhere(
    ledger: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, _ = kept(ledger, b"one", b"two")
    for copy in ("items", "second"):
        flip(file(ledger, item, copy), 100)
    ended = run("scrub", ledger.folder, "--once")
    assert ended.code == 1
    assert f"{item} first: damaged in chunk 0 — LOST: good bytes of it are nowhere" in ended.out
    assert "tiezheng: error: good bytes of 1 items are nowhere: they are lost" in ended.err
    answer = ledger.http.get("/scrubz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "lost", "reason": "good bytes of 1 items are nowhere"}
    assert ledger.http.get("/readyz").status_code == 200  # it can still take evidence
    metrics = ledger.http.get("/metrics").text.splitlines()
    assert {"tiezheng_items_lost 1.0", "tiezheng_copies_damaged 2.0"} <= set(metrics)
    cried: list[Any] = []
    monkeypatch.setattr(
        "api.services.journal.error", lambda event, **more: cried.append((event, more))
    )
    ledger.services.file_scrubs()
    assert cried == [("items_lost", {"items": 1})]
    (said,) = statuses(ledger)
    assert said["counts"]["lost"] == "1"


def test_as_json(ledger: Ledger, run: Run) -> None:
    (item,) = kept(ledger, b"item")
    flip(file(ledger, item, "second"), 3)
    said = json.loads(run("scrub", ledger.folder, "--once", "--json").out)
    size = file(ledger, item).stat().st_size
    assert said == {
        "added": 0, "bytes": said["bytes"], "copies": 2, "damaged": 1, "items": 1, "lost": 0,
        "mended": 1, "oddities": [], "outcome": "mended", "pass": 1, "v": 1,
        "findings": [{
            "chunks": [0], "copy": "second", "item": item, "lost": False, "mended": True,
            "what": "damaged",
        }],
    }  # fmt: skip
    assert said["bytes"] >= 2 * size


def test_in_chinese(ledger: Ledger, run: Run) -> None:
    (item,) = kept(ledger, b"item")
    for copy in ("items", "second"):
        flip(file(ledger, item, copy), 100)
    ended = run("scrub", ledger.folder, "--once", "--lang", "zh")
    assert f"{item} first: 第 0 块损坏 — 已丢失：任何副本均无完好数据" in ended.out
    assert "已读取 1 件原件、2 个副本：损坏 2，已修复 0，补建 0，丢失原件 1 件" in ended.out
    assert "有 1 件原件在任何副本中均无完好数据：已丢失" in ended.err


def test_a_folder_is_scrubbed_by_one_at_a_time(ledger: Ledger, run: Run) -> None:
    with FolderLock(ledger.folder / "scrub.lock"):
        ended = run("scrub", ledger.folder, "--once")
    assert ended.code == 1 and "in use by process" in ended.err


def test_without_once_it_begins_anew_when_it_is_due(
    ledger: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(ledger, b"item")
    waits: list[int] = []

    def wait(scrub: Scrub, until_ms: int) -> None:
        waits.append(until_ms)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(cli.scrub, "_wait", wait)
    monkeypatch.setenv("TIEZHENG_SCRUB_DAYS", "7")
    assert run("scrub", ledger.folder).code == 130
    last = ledger.services.vault.places.last_pass()
    assert last is not None
    assert waits == [7 * 86_400_000, last.ended_ms + 7 * 86_400_000]


def test_what_was_killed_goes_on_where_it_stopped(ledger: Ledger, run: Run) -> None:
    items = kept(ledger, *(os.urandom(CHUNK_SIZE) for _ in range(16)))
    flip(file(ledger, items[-1]), 5)
    command = [sys.executable, "-c", STOPS, "scrub", str(ledger.folder), "--once", "--rate", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"three\n"
        process.kill()
    places = SqlitePlaces(ledger.folder / "places.sqlite")
    before = places.begin_pass(1)
    places.close()
    assert before.items == 3
    ended = run("scrub", ledger.folder, "--once", "--json")
    said = json.loads(ended.out)
    assert (said["pass"], said["items"], said["copies"]) == (before.number, 16, 32)
    assert [finding["item"] for finding in said["findings"]] == [items[-1]]


def test_no_key_is_asked_for(ledger: Ledger, run: Run) -> None:
    (item,) = kept(ledger, b"item")
    (ledger.folder / "keys" / "seal-1.key").unlink()
    flip(file(ledger, item), 5)
    assert run("scrub", ledger.folder, "--once").code == 0


def test_where_no_ledger_is_nothing_is_scrubbed(run: Run, tmp_path: Path) -> None:
    ended = run("scrub", tmp_path, "--once")
    assert ended.code == 1 and "no ledger in" in ended.err
