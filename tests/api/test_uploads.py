import os
from pathlib import Path
from typing import Any

import pytest

from api.upload_table import MAX_OPEN_OF_KEY, OPEN_MS, OverQuota, Upload, Uploads
from ledger.encoding import format_json
from ledger.errors import Conflict, Full, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, digest_item
from ledger.suite import digest
from storage.memory import MemoryItemStore
from testkit.server import HANDLER, Ledger, announce, open_ledger


def opening(ledger: Ledger, body: bytes) -> Any:
    headers = ledger.signed("POST", "/v1/uploads", body)
    return ledger.http.post("/v1/uploads", content=body, headers=headers)


def held(ledger: Ledger) -> set[str]:
    """Every file below the items folder."""
    root = ledger.folder / "items"
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, (9 << 20) + 17])
def test_an_item_of_any_size_is_held_under_its_digests(shared: Ledger, size: int) -> None:
    data = os.urandom(size)
    expected = digest_item(data)
    answer = shared.http.put(shared.announce(data), content=data)
    assert answer.status_code == 201
    assert answer.json() == {
        "size": str(size),
        "sha256": expected.sha256.hex(),
        "tiezhengChunks256k": expected.chunks.hex(),
    }
    (row,) = shared.accept(shared.evidence(data, upload=False))
    assert row["fresh"] == "yes"


def test_the_chunk_hashes_are_kept_beside_the_item(ledger: Ledger) -> None:
    data = os.urandom(2 * CHUNK_SIZE + 5)
    ledger.upload(data)
    (item,) = ledger.services.items.ids()
    leaves = ledger.services.items.leaves(item)
    assert leaves[:32] == digest(b"\0" + data[:CHUNK_SIZE])
    assert len(leaves) == 96


def test_a_station_may_ask_for_sm3_too(ledger: Ledger) -> None:
    body = format_json({"sha256": digest(b"x").hex(), "size": "1", "sm3": "yes"})
    path = opening(ledger, body).headers["Location"]
    assert ledger.http.put(path, content=b"x").json()["sm3"] == digest_sm3(b"x")


def digest_sm3(data: bytes) -> str:
    import hashlib

    return hashlib.new("sm3", data).hexdigest()


def test_other_bytes_than_announced_are_refused_and_leave_nothing(ledger: Ledger) -> None:
    before = held(ledger)
    path = ledger.announce(b"right")
    answer = ledger.http.put(path, content=b"wrong")
    assert answer.status_code == 422
    assert "read the item again" in answer.json()["hints"][0]
    assert held(ledger) == before


@pytest.mark.parametrize("sent", [b"", b"righ", b"right "])
def test_another_length_than_announced_is_refused_at_once(ledger: Ledger, sent: bytes) -> None:
    before = held(ledger)
    answer = ledger.http.put(ledger.announce(b"right"), content=sent)
    assert answer.status_code == 422
    assert "want 5 bytes as announced" in answer.json()["detail"]
    assert held(ledger) == before


def test_a_body_longer_than_its_own_header_is_refused(ledger: Ledger) -> None:
    """A real server's HTTP parser cuts there; this is the layer below it."""
    path = ledger.announce(b"right")
    headers = {"Content-Length": "5"}
    answer = ledger.http.put(path, content=iter([b"right", b"more"]), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "rejected")


def test_a_body_shorter_than_its_own_header_is_refused(ledger: Ledger) -> None:
    path = ledger.announce(b"right")
    answer = ledger.http.put(path, content=iter([b"rig"]), headers={"Content-Length": "5"})
    assert answer.json()["detail"] == "want 5 bytes, got 3"


def test_after_a_refusal_the_same_upload_takes_the_right_bytes(ledger: Ledger) -> None:
    path = ledger.announce(b"right")
    assert ledger.http.put(path, content=b"wrong").status_code == 422
    assert ledger.http.put(path, content=b"right").status_code == 201


def test_a_body_without_length_is_refused(ledger: Ledger) -> None:
    answer = ledger.http.put(ledger.announce(b"right"), content=iter([b"right"]))
    assert (answer.status_code, answer.json()["code"]) == (411, "length")


@pytest.mark.parametrize("length", ["+5", "05", "5, 5", "٥", "-1", ""])
def test_a_length_has_one_spelling(ledger: Ledger, length: str) -> None:
    headers = {b"content-length": length.encode()}
    answer = ledger.http.put(ledger.announce(b"right"), content=iter([b"right"]), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_an_upload_that_was_not_announced_is_unknown(shared: Ledger) -> None:
    answer = shared.http.put("/v1/uploads/" + "0" * 32, content=b"x")
    assert (answer.status_code, answer.json()["hints"]) == (404, ["open it with POST /v1/uploads"])


def test_a_finished_upload_takes_no_second_body(shared: Ledger) -> None:
    path = shared.announce(b"only once")
    assert shared.http.put(path, content=b"only once").status_code == 201
    assert shared.http.put(path, content=b"only once").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"sha256":"00","size":"1"}',
        b'{"sha256":"%s","size":1}' % (b"0" * 64),
        b'{"sha256":"%s","size":"-1"}' % (b"0" * 64),
        b'{"sha256":"%s","size":"1","name":"x"}' % (b"0" * 64),
        b'{"sha256":"%s","size":"1","sm3":"maybe"}' % (b"0" * 64),
        b'{"sha256":"%s", "size":"1"}' % (b"0" * 64),
        b"[" * 4000,
    ],
)
def test_a_malformed_announcement_is_refused(shared: Ledger, body: bytes) -> None:
    answer = opening(shared, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_an_item_beyond_the_largest_is_refused(shared: Ledger) -> None:
    answer = opening(shared, format_json({"sha256": "0" * 64, "size": str(1 << 50)}))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_an_announcement_of_many_bytes_is_refused_unread(shared: Ledger) -> None:
    answer = shared.http.post("/v1/uploads", content=b" " * 5000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_full_disk_is_said_before_the_first_byte(ledger: Ledger) -> None:
    ledger.services.items = MemoryItemStore(room=10)
    answer = opening(ledger, format_json({"sha256": "0" * 64, "size": "11"}))
    assert (answer.status_code, answer.json()["code"]) == (507, "full")


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(ledger: Ledger) -> None:
    path = ledger.announce(b"x" * 100)
    store = MemoryItemStore(room=10)
    ledger.services.items = store
    assert ledger.http.put(path, content=b"x" * 100).status_code == 507
    assert list(store.ids()) == []


def test_a_database_that_fails_acknowledges_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(item: object) -> None:
        raise Full("no room for the database")

    path = ledger.announce(b"x")
    monkeypatch.setattr(type(ledger.services.store), "add_item", lambda self, item: fail(item))
    assert ledger.http.put(path, content=b"x").status_code == 507


def test_the_quota_of_a_key_is_freed_by_statements(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", quota=100) as ledger:
        ledger.upload(b"a" * 60)
        refused = opening(ledger, format_json({"sha256": "0" * 64, "size": "60"}))
        assert (refused.status_code, refused.json()["code"]) == (429, "quota")
        assert refused.headers["Retry-After"]
        ledger.accept(ledger.evidence(b"a" * 60, upload=False))
        ledger.upload(b"b" * 60)


def test_announced_bytes_count_against_the_quota_too(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", quota=100) as ledger:
        ledger.announce(b"a" * 60)
        body = format_json({"sha256": "0" * 64, "size": "60"})
        assert opening(ledger, body).status_code == 429


def test_one_keys_quota_is_not_anothers(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", quota=100) as ledger:
        ledger.announce(b"a" * 60)
        ledger.upload(b"b" * 60, by=HANDLER)


def test_what_is_announced_again_after_a_broken_line_counts_once(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", quota=100) as ledger:
        paths = {ledger.announce(b"a" * 60) for _ in range(3)}
        assert len(paths) == 1
        assert ledger.http.put(paths.pop(), content=b"a" * 60).status_code == 201


def test_the_same_item_may_be_sent_twice(ledger: Ledger) -> None:
    ledger.upload(b"twice")
    ledger.upload(b"twice")
    ledger.accept(ledger.evidence(b"twice", upload=False))


def an_upload(number: int = 0, *, size: int = 0, opened_ms: int = 0) -> Upload:
    return Upload("key", "agency", size, digest(bytes([number % 256, number // 256])), opened_ms)


def test_an_upload_is_sent_by_one_request_at_a_time() -> None:
    table = Uploads()
    id_ = table.add(an_upload(), 10, 0)
    table.take(id_)
    with pytest.raises(Conflict, match="another request"):
        table.take(id_)
    table.release(id_, done=False)
    table.take(id_)


def test_while_an_upload_is_being_sent_its_bytes_may_be_announced_anew() -> None:
    table = Uploads()
    id_ = table.add(an_upload(), 10, 0)
    table.take(id_)
    assert table.add(an_upload(), 10, 0) != id_


def test_an_upload_is_open_for_a_day() -> None:
    table = Uploads()
    id_ = table.add(an_upload(), 10, 0)
    table.add(an_upload(1, opened_ms=OPEN_MS), 10, 0)
    with pytest.raises(Unknown):
        table.take(id_)


def test_an_upload_that_is_being_sent_is_not_closed_by_age() -> None:
    table = Uploads()
    id_ = table.add(an_upload(), 10, 0)
    table.take(id_)
    table.add(an_upload(1, opened_ms=2 * OPEN_MS), 10, 0)
    assert id_ in table.open


def test_one_key_cannot_keep_all_others_out_with_empty_items() -> None:
    table = Uploads()
    for number in range(MAX_OPEN_OF_KEY):
        table.add(an_upload(number), 10, 0)
    with pytest.raises(OverQuota):
        table.add(an_upload(MAX_OPEN_OF_KEY), 10, 0)
    other = an_upload()
    other.keyid = "another"
    table.add(other, 10, 0)


def test_the_answer_to_an_announcement_says_where(shared: Ledger) -> None:
    path = announce(shared, 1, digest(b"z"))
    assert path.startswith("/v1/uploads/")
    assert len(path) == len("/v1/uploads/") + 32
