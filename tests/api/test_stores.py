"""A ledger whose items lie in a bucket of a real S3 store, alone or beside a folder."""

import json
import os
import time
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from api.restoring import _held
from api.services import open_services
from api.settings import Settings
from cli.main import main
from cli.scrub import opened
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.verify import Outcome, verify_packet
from storage.folder import DataFolder
from storage.packets import open_packet
from storage.places_sqlite import Odd, SqlitePlaces
from storage.scrub import Finding, Pace, Scrub
from testkit.buckets import Made, in_bucket, make_bucket
from testkit.ceph import Gateway, Shared
from testkit.server import CASE, Ledger, open_ledger
from testkit.vault import flip
from testkit.world import HandClock

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph
DATA = os.urandom(CHUNK_SIZE + 1000)


@pytest.fixture
def made(ceph: Shared) -> Made:
    return make_bucket(ceph)


@pytest.fixture
def bucket(made: Made, tmp_path: Path) -> dict[str, Any]:
    return in_bucket(made, tmp_path)


@pytest.fixture
def pair(bucket: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return bucket | {"second_store": f"directory:{tmp_path / 'second'}"}


def packet(ledger: Ledger, folder: Path) -> Path:
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
    assert answer.status_code == 200, answer.text
    path = folder / "case.zip"
    path.write_bytes(answer.content)
    return path


def read(ledger: Ledger, item: str) -> bytes:
    return b"".join(ledger.services.items.stream(item))


def uploaded(ledger: Ledger, data: bytes) -> str:
    before = set(ledger.services.store.object_ids())
    ledger.upload(data)
    (item,) = set(ledger.services.store.object_ids()) - before
    return item


def refs(ledger: Ledger, item: str) -> dict[str, str]:
    place = ledger.services.vault.places.find(item)
    assert place is not None
    return dict(place.refs)


def scrub(ledger: Ledger) -> list[Finding]:
    told: list[Finding] = []
    clock = ledger.services.clock
    Scrub(
        ledger.services.vault.items,
        ledger.services.store.items_after,
        clock,
        Pace(10**12, clock, time.sleep),
        told.append,
    ).run()
    return told


def objects(made: Made) -> list[str]:
    return [version.name for version in made.bucket().versions("") if not version.deletes]


# --- what works ------------------------------------------------------------------------------


@pytest.mark.parametrize("paired", [False, True])
def test_from_deposit_to_verdict(
    tmp_path: Path, made: Made, pair: dict[str, Any], paired: bool
) -> None:
    settings = pair if paired else {k: v for k, v in pair.items() if k != "second_store"}
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        ledger.accept(ledger.evidence(DATA))
        path = packet(ledger, tmp_path)
        report = verify_packet(open_packet(path), ledger.trust)
        assert report.outcome is Outcome.PASSED, report
        assert not any(p.is_file() for p in (ledger.folder / "items").rglob("*"))
    key = next(name for name in objects(made) if name.startswith("objects/"))
    stored = b"".join(made.bucket().pieces(key, None))
    assert len(stored) > len(DATA) and DATA[:1000] not in stored
    with open_ledger(tmp_path / "ledger", **settings) as again:
        (item,) = again.services.store.object_ids()
        assert read(again, item) == DATA


def test_a_relative_credentials_file_begins_at_the_data_folder(
    tmp_path: Path, bucket: dict[str, Any]
) -> None:
    with open_ledger(tmp_path / "ledger"):
        pass
    bucket["store_credentials"].rename(tmp_path / "ledger" / "mine")
    with open_ledger(tmp_path / "ledger", **bucket | {"store_credentials": Path("mine")}) as ledger:
        assert read(ledger, uploaded(ledger, DATA)) == DATA


# --- where the first copy is -------------------------------------------------------------------


def test_items_that_lie_elsewhere_are_not_left_behind(
    tmp_path: Path, bucket: dict[str, Any]
) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.upload(DATA)
    with pytest.raises(Malformed, match="lie in 'directory:items'") as caught:
        open_services(tmp_path / "ledger", Settings(**bucket))
    assert "store_was = 'directory:items'" in caught.value.hints[1]
    absolute = f"directory:{tmp_path / 'ledger' / 'items'}"
    with open_ledger(tmp_path / "ledger", store=absolute) as ledger:
        (item,) = ledger.services.store.object_ids()
        assert read(ledger, item) == DATA


def test_nor_items_from_before_there_were_places(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.upload(DATA)
    (tmp_path / "ledger" / "places.sqlite").unlink()
    with pytest.raises(Malformed, match="lie in 'directory:items'"):
        open_services(tmp_path / "ledger", Settings(store="directory:elsewhere"))


@pytest.mark.parametrize("place", ["elsewhere", ".", "items/more", "../ledger/elsewhere"])
def test_a_first_copy_lies_in_items_or_outside(tmp_path: Path, place: str) -> None:
    """Elsewhere in the ledger's folder it would go into every backup."""
    with open_ledger(tmp_path / "ledger"):
        pass
    with pytest.raises(Malformed, match=r"^store: .* would go into every backup"):
        open_services(tmp_path / "ledger", Settings(store=f"directory:{place}"))


def test_a_first_copy_in_a_bucket_is_not_left_for_a_folder(
    tmp_path: Path, bucket: dict[str, Any]
) -> None:
    with open_ledger(tmp_path / "ledger", **bucket) as ledger:
        ledger.upload(DATA)
    with pytest.raises(Malformed, match=f"lie in {bucket['store']!r}"):
        open_services(tmp_path / "ledger", Settings())


def test_a_ledger_without_items_may_begin_anywhere(tmp_path: Path, bucket: dict[str, Any]) -> None:
    with open_ledger(tmp_path / "ledger"):
        pass
    with open_ledger(tmp_path / "ledger", **bucket) as ledger:
        ledger.upload(DATA)


@pytest.mark.parametrize("to_bucket", [False, True])
def test_the_first_copy_is_moved_by_who_says_so_and_a_scrub(
    tmp_path: Path, pair: dict[str, Any], to_bucket: bool
) -> None:
    folder = {"store": "directory:items", "second_store": pair["second_store"]}
    before, after = (folder, pair) if to_bucket else (pair, folder)
    with open_ledger(tmp_path / "ledger", **before) as ledger:
        item = uploaded(ledger, DATA)
        old = refs(ledger, item)
    if not to_bucket:
        (tmp_path / "ledger" / "items" / "incoming").mkdir(exist_ok=True)
    with open_ledger(tmp_path / "ledger", **after | {"store_was": before["store"]}) as ledger:
        assert read(ledger, item) == DATA
        assert [(f.copy, f.what, f.mended) for f in scrub(ledger)] == [("first", "missing", True)]
        new = refs(ledger, item)
        assert new["second"] == old["second"] and ("@" in new["first"]) == to_bucket
    with open_ledger(tmp_path / "ledger", **after) as ledger:
        assert read(ledger, item) == DATA
        assert scrub(ledger) == []


def test_what_forgets_is_no_store_of_a_ledger(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger"):
        pass
    with pytest.raises(Malformed, match="store: 'memory:' keeps nothing"):
        open_services(tmp_path / "ledger", Settings(store="memory:"))


def test_two_copies_in_one_bucket_are_one(tmp_path: Path, bucket: dict[str, Any]) -> None:
    with open_ledger(tmp_path / "ledger"):
        pass
    twice = bucket | {"second_store": bucket["store"]}
    with pytest.raises(Malformed, match="is the first copy"):
        open_services(tmp_path / "ledger", Settings(**twice))


def test_plain_http_to_another_machine_is_asked_for(tmp_path: Path, bucket: dict[str, Any]) -> None:
    with open_ledger(tmp_path / "ledger"):
        pass
    away = bucket | {"store": "s3:http://192.0.2.1:7480/evidence"}
    with pytest.raises(Rejected, match="want https"):
        open_services(tmp_path / "ledger", Settings(**away))


def test_a_store_whose_credentials_are_missing_is_named(
    tmp_path: Path, bucket: dict[str, Any]
) -> None:
    with open_ledger(tmp_path / "ledger"):
        pass
    with pytest.raises(Malformed, match="store: want a file with the credentials"):
        open_services(tmp_path / "ledger", Settings(store=bucket["store"]))


# --- what goes wrong ---------------------------------------------------------------------------


@pytest.fixture
def gateway(ceph: Shared) -> Iterator[Gateway]:
    gateway = Gateway(ceph)
    yield gateway
    gateway.kill()


@pytest.mark.parametrize("paired", [False, True])
def test_a_gateway_that_dies_during_an_upload_leaves_nothing_acknowledged(
    tmp_path: Path, made: Made, gateway: Gateway, paired: bool
) -> None:
    settings = in_bucket(made, tmp_path, gateway.endpoint)
    if paired:
        settings["second_store"] = f"directory:{tmp_path / 'second'}"
    data = os.urandom(40 << 20)
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        kept = uploaded(ledger, DATA)
        path = ledger.announce(data)

        def pieces() -> Iterator[bytes]:
            yield data[: 20 << 20]
            gateway.kill()
            yield data[20 << 20 :]

        answer = ledger.http.put(path, content=pieces(), headers={"Content-Length": str(len(data))})
        assert answer.status_code == 503, answer.text
        assert list(ledger.services.store.object_ids()) == [kept]
        if paired:
            assert read(ledger, kept) == DATA  # from the folder
        gateway.start()
        assert read(ledger, uploaded(ledger, data)) == data
        assert read(ledger, kept) == DATA


def test_a_restored_folder_is_asked_what_the_stores_have(
    tmp_path: Path, made: Made, bucket: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(tmp_path / "ledger", **bucket) as ledger:
        lost, kept = uploaded(ledger, b"lost"), uploaded(ledger, b"kept")
        key, version = refs(ledger, lost)["first"].split("@")
    made.keeper.remove_object(made.name, f"objects/{key}", version)
    for name, value in bucket.items():
        monkeypatch.setenv(f"TIEZHENG_{name.upper()}", str(value))
    assert _held(DataFolder.open(tmp_path / "ledger")) == {kept}


def test_what_the_keeper_does_is_read_right_and_found(
    tmp_path: Path, made: Made, pair: dict[str, Any]
) -> None:
    with open_ledger(tmp_path / "ledger", **pair) as ledger:
        datas = [os.urandom(CHUNK_SIZE + 1000) for _ in range(4)]
        items = [uploaded(ledger, data) for data in datas]
        hidden, written_over, gone, flipped = items
        for item in (hidden, written_over, flipped):
            # Another version, or a marker: ours is read on.
            key, _ = refs(ledger, item)["first"].split("@")
            if item == hidden:
                made.keeper.remove_object(made.name, f"objects/{key}")
            else:
                made.keeper.put_object(made.name, f"objects/{key}", BytesIO(b"forgery"), 7)
        key, version = refs(ledger, gone)["first"].split("@")
        made.keeper.remove_object(made.name, f"objects/{key}", version)
        flip_stored(ledger, made, flipped)
        assert [read(ledger, item) for item in items] == datas
        found = {(f.item, f.copy, f.what, f.chunks, f.mended) for f in scrub(ledger)}
        assert found == {
            (gone, "first", "missing", (), True),
            (flipped, "first", "damaged", (1,), True),
        }
        (tmp_path / "second").rename(tmp_path / "away")
        assert [read(ledger, item) for item in items] == datas
        (tmp_path / "away").rename(tmp_path / "second")
        assert scrub(ledger) == []


def flip_stored(ledger: Ledger, made: Made, item: str) -> None:
    """As if the disks of the store had turned a bit of the second block of our version."""
    key, version = refs(ledger, item)["first"].split("@")
    data = bytearray(b"".join(made.bucket().pieces(f"objects/{key}", version)))
    data[CHUNK_SIZE + 100] ^= 1
    forged = made.keeper.put_object(made.name, f"objects/{key}", BytesIO(bytes(data)), len(data))
    ledger.services.vault.places.put_ref(item, "first", f"{key}@{forged.version_id}")


def test_a_flipped_bit_in_the_only_copy_is_not_given_out(
    tmp_path: Path, made: Made, bucket: dict[str, Any]
) -> None:
    with open_ledger(tmp_path / "ledger", **bucket) as ledger:
        item = uploaded(ledger, DATA)
        flip_stored(ledger, made, item)
        with pytest.raises(Unavailable, match="block 1"):
            read(ledger, item)
        assert [(f.what, f.lost) for f in scrub(ledger)] == [("damaged", True)]
        assert ledger.http.get("/scrubz").status_code == 503


def test_a_bucket_mends_a_folder(tmp_path: Path, pair: dict[str, Any]) -> None:
    with open_ledger(tmp_path / "ledger", **pair) as ledger:
        item = uploaded(ledger, DATA)
        flip(tmp_path / "second" / item[:2] / item, 8 * 77)
        assert [(f.copy, f.chunks, f.mended) for f in scrub(ledger)] == [("second", (0,), True)]
        assert scrub(ledger) == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_new_reference_is_durable_before_the_old_is_forgotten(
    tmp_path: Path,
    made: Made,
    pair: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    fails: bool,
) -> None:
    with open_ledger(tmp_path / "ledger", **pair) as ledger:
        item = uploaded(ledger, DATA)
        flip_stored(ledger, made, item)
        old = refs(ledger, item)["first"]
        first = ledger.services.vault.items.copies["first"]
        told: list[str] = []

        def delete(ref: str) -> None:
            # Read by a connection of its own: what is seen there was committed.
            places = SqlitePlaces(ledger.folder / "places.sqlite")
            place = places.find(item)
            places.close()
            assert place is not None and ref == old
            told.append(place.refs["first"])

        monkeypatch.setattr(first, "delete", delete)
        if fails:
            monkeypatch.setattr(ledger.services.vault.places, "put_ref", unavailable)
            assert [f.mended for f in scrub(ledger)] == [False]
            assert told == [] and refs(ledger, item)["first"] == old
            assert old in set(first.refs()) or f"objects/{old.split('@')[0]}" in objects(made)
        else:
            assert [f.mended for f in scrub(ledger)] == [True]
            assert told == [refs(ledger, item)["first"]] and told != [old]
        assert read(ledger, item) == DATA


def unavailable(*arguments: object) -> None:
    raise Unavailable("the disk failed")


# --- what others do in the store ---------------------------------------------------------------


def statuses(ledger: Ledger, what: str) -> list[Any]:
    rows = ledger.services.store.rows(0, ledger.services.log.size)
    found = [Statement.from_bytes(Envelope.from_bytes(row.envelope).payload) for row in rows]
    return [s.predicate["counts"] for s in found if s.predicate.get("what") == what]


def test_what_is_hidden_or_written_over_is_an_alarm_until_it_is_gone(
    tmp_path: Path, made: Made, pair: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in pair.items():
        monkeypatch.setenv(f"TIEZHENG_{name.upper()}", str(value))
    with open_ledger(tmp_path / "ledger", **pair) as ledger:
        items = [uploaded(ledger, data) for data in (b"one", b"two")]
        with opened(ledger.folder, None, print, print) as (calm, _, left):
            calm.run()
            assert (calm.odd(), left()) == ([], 0)
        assert ledger.http.get("/scrubz").json() == {"status": "whole"}
        hidden, rewritten = (f"objects/{refs(ledger, i)['first'].split('@')[0]}" for i in items)
        marker = made.keeper.remove_object(made.name, hidden)
        assert marker is None
        forged = made.keeper.put_object(made.name, rewritten, BytesIO(b"forged"), 6)
        (tmp_path / "second" / "notes").write_text("x")

        told: list[Odd] = []
        with opened(ledger.folder, None, print, told.append) as (scrub, _, left):
            assert scrub.run().damaged == 0
            scrub.list_when_due()  # not yet
            assert {(o.copy, o.oddity.name, o.oddity.what) for o in told} == {
                ("first", hidden, "hidden"),
                ("first", rewritten, "rewritten"),
                ("second", "notes", "foreign"),
            }
            assert left() == 0 and len(told) == 3
        answer = ledger.http.get("/scrubz")
        assert (answer.status_code, answer.json()["status"]) == (503, "odd")
        assert "tiezheng_store_oddities 3.0" in ledger.http.get("/metrics").text.splitlines()
        cried: list[Any] = []
        monkeypatch.setattr(
            "api.services.journal.error", lambda event, **more: cried.append((event, more["name"]))
        )
        for _ in range(2):
            ledger.services.file_scrubs()
        assert sorted(set(cried)) == [
            ("store_odd", name) for name in sorted((hidden, rewritten, "notes"))
        ] and len(cried) == 6  # fmt: skip
        assert statuses(ledger, "store_odd") == [{"foreign": "1", "hidden": "1", "rewritten": "1"}]

        made.keeper.remove_object(made.name, rewritten, forged.version_id)
        (tmp_path / "second" / "notes").unlink()
        for version in made.bucket().versions(hidden):
            if version.deletes:
                made.keeper.remove_object(made.name, hidden, version.version)
        with opened(ledger.folder, None, print, told.append) as (scrub, _, _):
            scrub.list_names()
            assert scrub.odd() == [] and len(told) == 3
        assert ledger.http.get("/scrubz").json() == {"status": "whole"}


def test_the_command_tells_what_is_odd(
    tmp_path: Path,
    made: Made,
    bucket: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in bucket.items():
        monkeypatch.setenv(f"TIEZHENG_{name.upper()}", str(value))
    with open_ledger(tmp_path / "ledger", **bucket) as ledger:
        key, _ = refs(ledger, uploaded(ledger, b"one"))["first"].split("@")
        made.keeper.remove_object(made.name, f"objects/{key}")
        made.keeper.put_object(made.name, "objects/\x1b[31m", BytesIO(b"x"), 1)
        assert main(["scrub", str(ledger.folder), "--once"]) == 1
        said = capsys.readouterr()
        assert f"first objects/{key} (" in said.out
        assert "somebody hid it behind a delete marker" in said.out
        assert "a name that is not ours" in said.out and "\x1b" not in said.out
        assert "the stores hold 2 things that this ledger did not put there" in said.err
        assert main(["scrub", str(ledger.folder), "--once", "--json"]) == 1
        listed = json.loads(capsys.readouterr().out)["oddities"]
        assert sorted(odd["what"] for odd in listed) == ["foreign", "hidden"]
        assert main(["scrub", str(ledger.folder), "--once", "--lang", "zh"]) == 1
        said = capsys.readouterr()
        assert "存储处有 2 项并非本账本所放" in said.err


def test_names_are_listed_again_when_it_is_time(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        for data in (b"one", b"two", b"three", b"four"):
            ledger.upload(data)
        clock = HandClock()
        times: list[float] = []
        first = ledger.services.vault.items.copies["first"]
        listing = first.oddities
        with patch.object(first, "oddities", lambda: times.append(clock.steady_ms()) or listing()):
            pace = Pace(1, clock, lambda s: clock.advance(int(s * 1000)))
            Scrub(
                ledger.services.vault.items,
                ledger.services.store.items_after,
                clock,
                pace,
                print,
                listing_ms=1_000,
            ).run()
        assert len(times) == 3 and all(b - a >= 1_000 for a, b in pairwise(times))
