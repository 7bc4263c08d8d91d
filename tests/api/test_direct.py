"""Items that a station seals and puts into a real S3 store itself, and what others try there."""

import os
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import urllib3

from api.arrivals import Busy
from api.clients.direct import DirectClient
from api.services import Services
from ledger.encoding import format_json
from ledger.errors import Full, Unavailable
from ledger.evidence.chunks import CHUNK_SIZE, digest_item
from ledger.evidence.sealed import STORED_BLOCK, ItemSeal, block_count, stored_size
from ledger.suite import digest
from ledger.tlog.signing_key import SigningKey
from ledger.verify import Outcome, verify_packet
from storage.direct_directory import OPEN_MS, Direct, State
from storage.objects_s3 import S3ObjectStore
from storage.packets import open_packet
from testkit.at_rest import contents_of
from testkit.buckets import Made, in_bucket, make_bucket
from testkit.ceph import Gateway, Shared
from testkit.server import (
    CASE,
    HANDLER,
    OTHER_STATION,
    STATION,
    Ledger,
    await_that,
    open_ledger,
    serving,
)

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph
PART = 20 * STORED_BLOCK  # the least that is whole blocks, and enough for S3
DATA = os.urandom(20 * CHUNK_SIZE + CHUNK_SIZE + 1000)  # two parts, of which the second is short


@pytest.fixture
def made(ceph: Shared) -> Made:
    return make_bucket(ceph)


@pytest.fixture
def bucket(made: Made, tmp_path: Path) -> dict[str, Any]:
    return in_bucket(made, tmp_path)


@pytest.fixture
def ledger(bucket: dict[str, Any], tmp_path: Path) -> Iterator[Ledger]:
    with opened(tmp_path, bucket) as ledger:
        yield ledger


def opened(tmp_path: Path, settings: dict[str, Any], **more: Any) -> Any:
    return _Opened(open_ledger(tmp_path / "ledger", **settings | more))


class _Opened:
    """With small parts, so that a test has several."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __enter__(self) -> Ledger:
        ledger: Ledger = self._inner.__enter__()
        small(ledger.services)
        return ledger

    def __exit__(self, *error: object) -> None:
        self._inner.__exit__(*error)


def small(services: Services) -> None:
    store = services.vault.items.copies["first"]
    assert isinstance(store, S3ObjectStore)
    store._part_size = 5 << 20


class Station:
    """Raw requests, one function a step."""

    def __init__(self, ledger: Ledger, data: bytes = DATA, *, by: SigningKey = STATION) -> None:
        self.ledger, self.data, self.by = ledger, data, by
        self.opened = self.announce()
        self.path = f"/v1/direct/{self.opened['upload']}"

    def announce(self, **more: str) -> dict[str, Any]:
        answer = announce(self.ledger, self.data, by=self.by, **more)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    @property
    def item(self) -> str:
        return str(self.opened["item"])

    def parts(self) -> list[dict[str, str]]:
        answer = self.ledger.http.get(f"{self.path}/parts")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["parts"])

    def seal(self, *, key: bytes = b"", item: str = "") -> bytes:
        key = key or b64decode(self.opened["key"])
        return seal(key, item or self.item, self.data)

    def put(self, stored: bytes) -> None:
        size = int(self.opened["partSize"])
        for number, part in enumerate(self.parts()):
            assert ask("PUT", part["url"], stored[number * size :][:size]) == 200

    def finish(self) -> int:
        return int(self.ledger.http.post(f"{self.path}/finish").status_code)

    def end(self) -> tuple[int, dict[str, Any]]:
        """What became of it, once it is no longer at work."""
        ends = time.monotonic() + 60
        while True:
            answer = self.ledger.http.get(f"{self.path}/item")
            if answer.json().get("state") != "working":
                return answer.status_code, dict(answer.json())
            assert time.monotonic() < ends
            time.sleep(0.02)

    def sent(self) -> dict[str, Any]:
        self.put(self.seal())
        assert self.finish() == 202
        status, answer = self.end()
        assert status == 200, answer
        return answer


def announce(ledger: Ledger, data: bytes, *, by: SigningKey = STATION, **more: str) -> Any:
    said = {"sha256": digest(data).hex(), "size": str(len(data))} | more
    body = format_json(said)
    headers = ledger.signed("POST", "/v1/direct", body, by=by)
    return ledger.http.post("/v1/direct", content=body, headers=headers)


def seal(key: bytes, item: str, data: bytes) -> bytes:
    sealing = ItemSeal(key, bytes.fromhex(item), len(data))
    stored = bytearray()
    for number in range(block_count(len(data))):
        chunk = data[number * CHUNK_SIZE :][:CHUNK_SIZE]
        block = memoryview(bytearray(len(chunk) + 28))
        sealing.seal_block(block, number, os.urandom(12), chunk)
        stored += block
    return bytes(stored)


def ask(method: str, url: str, body: bytes | None = None) -> int:
    with urllib3.PoolManager(retries=False, timeout=60) as pool:
        return pool.request(method, url, body=body).status


def versions(made: Made) -> list[str]:
    return sorted(found.name for found in made.bucket().versions(""))


def nothing_left(ledger: Ledger, made: Made) -> None:
    """Once the finish, which tells of a refusal first, has cleared away."""
    finishes = ledger.services.direct_finishes
    await_that(lambda: not any(map(finishes.busy, ledger.services.directs.all())), "the end")
    assert versions(made) == []
    assert list(made.bucket().uploads("")) == []
    assert list(ledger.services.store.object_ids()) == []
    assert list(ledger.services.items.ids()) == []


@contextmanager
def sender(ledger: Ledger) -> Iterator[DirectClient]:
    with (
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
        closing(DirectClient(address, key=STATION)) as client,
    ):
        yield client


# --- what works ------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"x", DATA[:CHUNK_SIZE], DATA], ids=len)
@pytest.mark.parametrize("paired", [False, True])
def test_from_direct_upload_to_verdict(
    tmp_path: Path, made: Made, bucket: dict[str, Any], data: bytes, paired: bool
) -> None:
    second = {"second_store": f"directory:{tmp_path / 'second'}"} if paired else {}
    with opened(tmp_path, bucket | second) as ledger:
        station = Station(ledger, data)
        found = digest_item(data)
        assert station.sent() == {
            "state": "recorded",
            "sha256": found.sha256.hex(),
            "size": str(len(data)),
            "tiezhengChunks256k": found.chunks.hex(),
        }
        assert list(ledger.services.store.object_ids()) == [station.item]
        assert b"".join(ledger.services.items.stream(station.item)) == data
        place = ledger.services.vault.places.find(station.item)
        assert place is not None
        assert sorted(place.refs) == (["first", "second"] if paired else ["first"])
        ledger.accept(ledger.evidence(data, upload=False))
        ledger.await_quorum()
        answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
        (tmp_path / "case.zip").write_bytes(answer.content)
        report = verify_packet(open_packet(tmp_path / "case.zip"), ledger.trust)
        assert report.outcome is Outcome.PASSED, report
    assert versions(made) == [f"companions/{station.item}", f"objects/{station.item}"]
    stored = b"".join(made.bucket().pieces(f"objects/{station.item}", None))
    assert len(stored) == stored_size(len(data))
    if len(data) > 1000:
        assert data[:1000] not in stored


def test_the_client_seals_and_sends(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "BWC_0088.MP4"
    path.write_bytes(DATA)
    told: list[int] = []
    with sender(ledger) as client:
        answer = client.upload(path, len(DATA), digest(DATA), told.append)
    assert answer["sha256"] == digest(DATA).hex()
    assert sum(told) == len(DATA)
    (item,) = ledger.services.store.object_ids()
    assert b"".join(ledger.services.items.stream(item)) == DATA


def test_sm3_is_computed_where_it_is_asked_for(ledger: Ledger) -> None:
    station = Station(ledger, b"evidence")
    station.opened = station.announce(sm3="yes")
    station.path = f"/v1/direct/{station.opened['upload']}"
    assert len(station.sent()["sm3"]) == 64


def test_who_announces_again_goes_on_with_what_is_there(ledger: Ledger) -> None:
    station = Station(ledger)
    stored = station.seal()
    assert ask("PUT", station.parts()[0]["url"], stored[:PART]) == 200
    again = Station(ledger)
    assert again.opened == station.opened
    assert [part["there"] for part in again.parts()] == ["yes", "no"]
    assert ask("PUT", again.parts()[1]["url"], stored[PART:]) == 200
    assert again.finish() == 202
    assert again.end()[1]["state"] == "recorded"
    fresh = Station(ledger)
    assert fresh.opened["upload"] != station.opened["upload"]


# --- what is refused -------------------------------------------------------------------------


def test_a_ledger_that_keeps_items_in_a_folder_sends_others_away(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        answer = announce(ledger, DATA)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_direct")
        assert "/v1/tus" in answer.json()["hints"][0]


def test_a_ledger_that_keeps_items_in_plain_sends_others_away(
    tmp_path: Path, bucket: dict[str, Any], made: Made
) -> None:
    with opened(tmp_path, bucket) as ledger:
        ledger.services.vault.items._newest = None
        answer = announce(ledger, DATA)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_direct")
        assert list(made.bucket().uploads("")) == []


def test_what_has_another_digest_is_removed(ledger: Ledger, made: Made) -> None:
    station = Station(ledger)
    wanted = station.data
    station.data = wanted[:-1] + bytes([wanted[-1] ^ 1])
    station.put(station.seal())
    assert station.finish() == 202
    for _ in range(2):
        status, answer = station.end()
        assert (status, answer["code"]) == (422, "rejected")
        assert digest(wanted).hex() in answer["detail"]
        assert "open a new upload" in answer["hints"][0]
    nothing_left(ledger, made)


def swapped(stored: bytes) -> bytes:
    return (
        stored[STORED_BLOCK : 2 * STORED_BLOCK] + stored[:STORED_BLOCK] + stored[2 * STORED_BLOCK :]
    )


def flipped(stored: bytes) -> bytes:
    return stored[:-1] + bytes([stored[-1] ^ 1])


@pytest.mark.parametrize(
    ("make", "block"),
    [
        (lambda s: s.seal(key=bytes(32)), 0),
        (lambda s: s.seal(item="ab" * 16), 0),
        (lambda s: swapped(s.seal()), 0),
        (lambda s: s.data + bytes(stored_size(len(s.data)) - len(s.data)), 0),
        (lambda s: flipped(s.seal()), block_count(len(DATA)) - 1),
        (lambda s: s.seal()[:STORED_BLOCK] * 22, 1),
    ],
    ids=["another key", "another item", "another order", "in plain", "a bit", "one block"],
)
def test_what_is_not_sealed_for_its_place_is_removed(
    ledger: Ledger, made: Made, make: Any, block: int
) -> None:
    station = Station(ledger)
    station.put(make(station)[: stored_size(len(DATA))])
    assert station.finish() == 202
    status, answer = station.end()
    assert (status, answer["code"]) == (422, "rejected")
    assert f"block {block}: " in answer["detail"]
    nothing_left(ledger, made)


def test_an_item_of_another_upload_is_no_item_of_this(ledger: Ledger, made: Made) -> None:
    """One who is given two keys puts under one id what he sealed for the other."""
    one, other = Station(ledger), Station(ledger, DATA[1:])
    other.data = one.data
    one.put(seal(b64decode(other.opened["key"]), other.item, one.data))
    assert one.finish() == 202
    assert one.end()[0] == 422


def test_a_missing_part_is_asked_for_and_the_upload_goes_on(ledger: Ledger) -> None:
    station = Station(ledger)
    stored = station.seal()
    urls = [part["url"] for part in station.parts()]
    assert ask("PUT", urls[1], stored[PART:]) == 200
    for _ in range(2):
        assert station.finish() == 202
        status, answer = station.end()
        assert (status, answer["code"]) == (409, "parts")
        assert "in 1 parts" in answer["detail"]
        assert "put the missing parts" in answer["hints"][0]
        assert station.end()[1] == {"state": "receiving"}
    assert [part["there"] for part in station.parts()] == ["no", "yes"]
    assert ask("PUT", urls[0], stored[:PART]) == 200
    assert station.finish() == 202
    assert station.end()[1]["state"] == "recorded"


def test_parts_of_another_size_are_not_there(ledger: Ledger) -> None:
    station = Station(ledger)
    stored = station.seal()
    urls = [part["url"] for part in station.parts()]
    assert ask("PUT", urls[0], stored[: PART - 1]) == 200
    assert ask("PUT", urls[1], stored[PART:]) == 200
    assert [part["there"] for part in station.parts()] == ["no", "yes"]
    assert station.finish() == 202
    assert station.end()[0] == 409
    assert ask("PUT", urls[0], stored[:PART]) == 200
    assert ask("PUT", urls[0], stored[:PART]) == 200  # twice is once
    assert station.finish() == 202
    assert station.end()[1]["state"] == "recorded"


def test_parts_in_each_others_places_are_refused(ledger: Ledger, made: Made) -> None:
    data = os.urandom(40 * CHUNK_SIZE)
    station = Station(ledger, data)
    stored = station.seal()
    station.put(stored[PART:] + stored[:PART])
    assert station.finish() == 202
    status, answer = station.end()
    assert (status, answer["detail"].count("block 0: ")) == (422, 1)
    nothing_left(ledger, made)


def test_two_who_finish_at_once_put_no_state_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = Station(ledger)
    station.put(station.seal())
    directs, states = ledger.services.directs, []
    note, both = directs.note, threading.Barrier(2)

    def slow(direct: Direct, **changed: Any) -> None:
        if changed.get("state") == State.FINISHING:
            with suppress(threading.BrokenBarrierError):
                both.wait(0.5)  # for the other, if it comes as far
        note(direct, **changed)
        states.extend([changed["state"]] if "state" in changed else [])

    monkeypatch.setattr(directs, "note", slow)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: station.finish(), range(2))) == [202, 202]
    assert station.end()[1]["state"] == "recorded"
    assert states == [State.FINISHING, State.RECORDED]


@pytest.mark.parametrize("became", [200, 422, 507])
def test_what_became_of_it_is_told_once_it_may_be_given_up(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, became: int
) -> None:
    finishes, noted, go_on = ledger.services.direct_finishes, threading.Event(), threading.Event()
    run = finishes._run

    def lets_go_late(direct: Direct) -> None:
        run(direct)
        noted.set()
        assert go_on.wait(60)

    def full(direct: Direct) -> None:
        raise Full("no room for the database")

    monkeypatch.setattr(finishes, "_run", lets_go_late)
    if became == 507:
        monkeypatch.setattr(finishes, "_record", full)
    station = Station(ledger)
    station.put(swapped(station.seal()) if became == 422 else station.seal())
    assert station.finish() == 202
    assert noted.wait(60)
    assert ledger.http.get(f"{station.path}/item").json() == {"state": "working"}
    go_on.set()
    assert station.end()[0] == became
    if became != 507:
        assert ledger.http.delete(station.path).status_code == 204


def test_finishing_twice_is_one_item(ledger: Ledger) -> None:
    station = Station(ledger)
    station.put(station.seal())
    assert [station.finish(), station.finish()] == [202, 202]
    assert station.end()[1]["state"] == "recorded"
    answer = ledger.http.post(f"{station.path}/finish")
    assert (answer.status_code, answer.json()) == (202, {"state": "recorded"})
    assert len(list(ledger.services.store.object_ids())) == 1


def test_a_part_that_is_put_again_after_the_end_changes_nothing(ledger: Ledger) -> None:
    station = Station(ledger)
    urls = [part["url"] for part in station.parts()]
    station.sent()
    assert ask("PUT", urls[0], os.urandom(PART)) == 404
    assert b"".join(ledger.services.items.stream(station.item)) == DATA
    assert ledger.http.get(f"{station.path}/parts").json()["code"] == "busy"


def test_what_somebody_writes_over_it_before_it_was_read_is_not_what_counts(
    ledger: Ledger, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper writes over the object between its completion and its reading."""
    station = Station(ledger)
    complete = S3ObjectStore.complete_direct

    def meddled(self: S3ObjectStore, upload: Any) -> str:
        ref = complete(self, upload)
        made.keeper.put_object(made.name, f"objects/{upload.key}", _Body(b"forged"), 6)
        return ref

    monkeypatch.setattr(S3ObjectStore, "complete_direct", meddled)
    assert station.sent()["state"] == "recorded"
    assert b"".join(ledger.services.items.stream(station.item)) == DATA


class _Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, count: int = -1) -> bytes:
        part, self._data = self._data[:count], self._data[count:] if count >= 0 else b""
        return part


# --- who may what ----------------------------------------------------------------------------


def test_a_stolen_url_puts_its_part_and_does_nothing_else(ledger: Ledger, made: Made) -> None:
    """B12. What `tests/contract` shows of the store's URLs, of those that the route gives out."""
    station = Station(ledger)
    station.put(station.seal())
    url = station.parts()[0]["url"]
    path, _, query = url.partition("?")
    for method in ("GET", "HEAD", "DELETE", "POST"):
        assert ask(method, url) == 403, method
    bucket = f"{made.endpoint}/{made.name}"
    for query_ in (query, f"list-type=2&{query}", f"versions&{query}", f"uploads&{query}"):
        assert ask("GET", f"{bucket}?{query_}") in (403, 405)
    for altered in (
        url.replace(station.item, "ab" * 16),
        url.replace("objects/", "companions/"),
        url.replace("partNumber=1", "partNumber=2"),
        url.replace("X-Amz-Expires=7200", "X-Amz-Expires=604800"),
        path,
    ):
        assert altered != url
        assert ask("PUT", altered, b"x") == 403, altered
    assert station.finish() == 202
    assert station.end()[1]["state"] == "recorded"
    assert ask("PUT", url, b"x") == 404


def test_key_and_urls_are_in_no_line_and_no_file(
    ledger: Ledger, capfd: pytest.CaptureFixture[str]
) -> None:
    station = Station(ledger)
    urls = [part["url"] for part in station.parts()]
    station.put(station.seal(key=bytes(32)))
    station.finish()
    station.end()
    key = b64decode(station.opened["key"])
    direct = ledger.services.directs.find(station.opened["upload"])
    shown = repr(direct) + repr(ledger.services.direct_items.begin(5)) + "".join(capfd.readouterr())
    secrets = [station.opened["key"], key.hex(), repr(key), direct.begun.upload_id, *urls]
    assert [secret for secret in secrets if secret in shown] == []
    for file, kept in contents_of(ledger.folder).items():
        assert key not in kept and key.hex().encode() not in kept, file
        assert file.parent.name != "direct" or file.stat().st_mode & 0o077 == 0


def test_the_key_is_for_who_announced_it(ledger: Ledger) -> None:
    mine, theirs = Station(ledger), Station(ledger, by=OTHER_STATION)
    assert mine.opened["upload"] != theirs.opened["upload"]
    assert mine.opened["key"] != theirs.opened["key"]
    assert "key" not in ledger.http.get(f"{mine.path}/parts").text.replace("X-Amz", "").lower()


def test_an_unsigned_or_unfit_opening_is_refused(ledger: Ledger) -> None:
    body = format_json({"sha256": "ab" * 32, "size": "5"})
    assert ledger.http.post("/v1/direct", content=body).status_code == 401
    assert announce(ledger, b"handler's", by=HANDLER).status_code == 201
    assert announce(ledger, b"x", sha256="short").status_code == 400


@pytest.mark.parametrize("first", ["0", "3", "10001", "99999999999999999"])
def test_parts_that_an_item_has_not_have_no_page(ledger: Ledger, first: str) -> None:
    answer = ledger.http.get(f"{Station(ledger).path}/parts?first={first}")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_stranger_without_the_id_gets_nothing(ledger: Ledger) -> None:
    for path in ("parts", "item"):
        assert ledger.http.get(f"/v1/direct/{'ab' * 16}/{path}").status_code == 404
    assert ledger.http.post(f"/v1/direct/{'ab' * 16}/finish").status_code == 404
    assert ledger.http.delete(f"/v1/direct/{'ab' * 16}").status_code == 404


# --- room, and the end -----------------------------------------------------------------------


def test_direct_uploads_and_others_share_one_quota(tmp_path: Path, bucket: dict[str, Any]) -> None:
    with opened(tmp_path, bucket, quota=1000) as ledger:
        station = Station(ledger, bytes(600))
        answer = announce(ledger, bytes(500))
        assert (answer.status_code, answer.json()["code"]) == (429, "quota")
        body = format_json({"sha256": "ab" * 32, "size": "500"})
        headers = ledger.signed("POST", "/v1/uploads", body)
        assert ledger.http.post("/v1/uploads", content=body, headers=headers).status_code == 429
        assert ledger.http.delete(station.path).status_code == 204
        station = Station(ledger, bytes(500))
        station.sent()
        assert announce(ledger, bytes(501)).status_code == 429  # recorded, and not yet claimed
        assert announce(ledger, bytes(499)).status_code == 201


def test_what_is_given_up_is_gone_at_the_store(ledger: Ledger, made: Made) -> None:
    station = Station(ledger)
    url = station.parts()[0]["url"]
    station.put(station.seal())
    assert ledger.http.delete(station.path).status_code == 204
    assert ledger.http.get(f"{station.path}/item").status_code == 410
    assert ask("PUT", url, b"x") == 404
    nothing_left(ledger, made)


def test_what_is_given_up_is_not_recorded_meanwhile(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item that was recorded and then cleared away would be lost evidence."""
    station = Station(ledger)
    station.put(station.seal())
    store = ledger.services.vault.items.copies["first"]
    abort = S3ObjectStore.abort_direct

    def abort_late(*arguments: Any) -> None:
        station.finish()
        ends = time.monotonic() + 3
        while not list(ledger.services.store.object_ids()) and time.monotonic() < ends:
            time.sleep(0.02)
        abort(*arguments)

    with monkeypatch.context() as m:
        m.setattr(S3ObjectStore, "abort_direct", abort_late)
        assert ledger.http.delete(station.path).status_code == 204
    assert list(ledger.services.store.object_ids()) == list(store.refs()) == []
    assert ledger.http.get(f"{station.path}/item").json()["code"] == "gone"


@pytest.mark.parametrize("ends", ["given up", "swept", "ended by the store"])
def test_what_is_being_verified_is_not_cleared_away(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    station = Station(ledger)
    station.put(station.seal())
    finishes, direct = (
        ledger.services.direct_finishes,
        ledger.services.directs.find(station.opened["upload"]),
    )
    go_on = threading.Event()
    monkeypatch.setattr(type(finishes), "_run", lambda self, direct: go_on.wait(60))
    ledger.services.directs.note(direct, state=State.FINISHING)
    finishes.finish(direct)
    direct.state = State.OPEN  # as whoever looked a moment earlier saw it
    monkeypatch.setattr(type(finishes), "_overflows", lambda self, direct: True)
    if ends == "given up":
        assert ledger.http.delete(station.path).json()["code"] == "busy"
    elif ends == "swept":
        finishes.sweep()
    else:
        with pytest.raises(Busy):
            finishes.check_there(direct)
    assert direct.state == State.OPEN and len(station.parts()) == 2
    go_on.set()


def test_what_has_expired_is_aborted_at_the_store(
    ledger: Ledger, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = Station(ledger)
    station.put(station.seal())
    services = ledger.services
    assert services.direct_finishes.sweep() == 0
    services.directs.find(station.opened["upload"]).announced = _older(services, station)
    assert services.direct_finishes.sweep() == 1
    assert ledger.http.get(f"{station.path}/item").status_code == 410
    assert services.bytes_of(STATION.verifier.keyid) == 0
    nothing_left(ledger, made)


def _older(services: Services, station: Station) -> Any:
    announced = services.directs.find(station.opened["upload"]).announced
    return replace(announced, opened_ms=announced.opened_ms - OPEN_MS)


def test_what_is_asked_for_at_its_last_moment_is_not_ended_under_its_sender(
    ledger: Ledger, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = Station(ledger)
    station.put(station.seal())
    directs, finishes = ledger.services.directs, ledger.services.direct_finishes
    direct = directs.find(station.opened["upload"])
    opened_ms, expired = direct.announced.opened_ms, type(directs).expired

    def list_slowly(self: Any) -> Any:
        monkeypatch.setattr(directs, "_now_ms", lambda: opened_ms + OPEN_MS)
        found = expired(self)
        monkeypatch.setattr(directs, "_now_ms", lambda: opened_ms + OPEN_MS - 1)
        station.finish()
        assert station.end()[0] == 200
        await_that(lambda: not finishes.busy(direct), "the finish's end")
        monkeypatch.setattr(directs, "_now_ms", lambda: opened_ms + OPEN_MS)
        return found

    monkeypatch.setattr(type(directs), "expired", list_slowly)
    assert finishes.sweep() == 0
    assert station.end()[0] == 200


def test_a_url_that_serves_for_junk_ends_its_upload(ledger: Ledger, made: Made) -> None:
    station = Station(ledger)
    assert ask("PUT", station.parts()[1]["url"], bytes(PART + 1)) == 200
    ledger.services.direct_finishes.sweep()
    status, answer = station.end()
    assert (status, "larger" in answer["detail"]) == (422, True)
    nothing_left(ledger, made)


def test_a_store_that_is_away_keeps_what_is_to_be_removed_in_mind(
    ledger: Ledger, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = Station(ledger)
    station.put(station.seal(key=bytes(32)))
    services = ledger.services

    def away(*_: object) -> None:
        raise Unavailable("nobody is there")

    with monkeypatch.context() as patch:
        patch.setattr(S3ObjectStore, "abort_direct", away)
        station.finish()
        assert station.end()[0] == 422
        direct = services.directs.find(station.opened["upload"])
        await_that(lambda: not services.direct_finishes.busy(direct), "the finish's end")
        assert services.bytes_of(STATION.verifier.keyid) == len(DATA)
        services.direct_finishes.sweep()
        assert len(versions(made)) == 1
    services.direct_finishes.sweep()
    assert services.bytes_of(STATION.verifier.keyid) == 0
    assert station.end()[0] == 422
    nothing_left(ledger, made)


def test_an_upload_that_the_store_has_ended_gives_way_to_a_new_one(
    ledger: Ledger, made: Made
) -> None:
    """As by a rule of the bucket that clears away what is not complete."""
    station = Station(ledger)
    (upload,) = made.bucket().uploads("")
    made.bucket().abort_parts(upload.name, upload.upload_id)
    assert ledger.http.get(f"{station.path}/parts").status_code == 410
    again = Station(ledger)
    assert again.opened["upload"] != station.opened["upload"]
    assert again.sent()["state"] == "recorded"


def test_an_opening_that_cannot_be_kept_leaves_nothing_at_the_store(
    ledger: Ledger, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Full("no room")

    monkeypatch.setattr("storage.direct_directory.write_file", full)
    assert announce(ledger, DATA).status_code == 507
    nothing_left(ledger, made)


def test_a_store_that_dies_while_it_is_read_is_read_again(
    tmp_path: Path, ceph: Shared, made: Made
) -> None:
    gateway = Gateway(ceph)
    try:
        with opened(tmp_path, in_bucket(made, tmp_path, gateway.endpoint)) as ledger:
            station = Station(ledger)
            station.put(station.seal())
            gateway.kill()
            assert station.finish() == 202
            status, answer = station.end()
            assert (status, answer["code"]) == (503, "unavailable")
            gateway.start()
            assert station.end()[1]["state"] == "recorded"
            assert b"".join(ledger.services.items.stream(station.item)) == DATA
    finally:
        gateway.kill()


# --- restarts --------------------------------------------------------------------------------


def test_an_upload_goes_on_after_a_restart(tmp_path: Path, bucket: dict[str, Any]) -> None:
    with opened(tmp_path, bucket) as ledger:
        station = Station(ledger)
        stored = station.seal()
        assert ask("PUT", station.parts()[0]["url"], stored[:PART]) == 200
        url = station.parts()[1]["url"]
    with opened(tmp_path, bucket) as ledger:
        assert ask("PUT", url, stored[PART:]) == 200
        again = Station(ledger)
        assert again.opened == station.opened
        assert again.finish() == 202
        assert again.end()[1]["state"] == "recorded"
        assert b"".join(ledger.services.items.stream(again.item)) == DATA


def test_what_was_never_verified_is_nobodys_item_even_where_it_is_forgotten(
    tmp_path: Path, bucket: dict[str, Any], made: Made
) -> None:
    """A restored folder knows nothing of it; what has no companion is left alone."""
    with opened(tmp_path, bucket) as ledger:
        station = Station(ledger)
        station.put(station.seal())
        direct = ledger.services.directs.find(station.opened["upload"])
        ledger.services.direct_items.complete(direct.begun, len(DATA))
        ledger.services.directs.remove(direct)
    with opened(tmp_path, bucket) as ledger:
        ledger.services.adopt_orphans()
        assert list(ledger.services.store.object_ids()) == []
        assert list(ledger.services.vault.items.copies["first"].oddities()) == []
    assert versions(made) == [f"objects/{station.item}"]
