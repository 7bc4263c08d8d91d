"""What every `ObjectStore` promises."""

import os
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.errors import Conflict, Full, Rejected, Unavailable, Unknown
from ledger.ports import ObjectStore
from storage.objects_directory import DirectoryObjectStore
from storage.objects_memory import MemoryObjectStore
from storage.objects_s3 import S3ObjectStore
from testkit.buckets import Made, make_bucket

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph
ROOM = 20_000_000
PART = 5 << 20  # the smallest that S3 takes
DAY_MS = 24 * 3600 * 1000


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest) -> Made:
    return make_bucket(request.getfixturevalue("ceph"))


@pytest.fixture(params=["memory", "directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    """Empty. Those that know how much room they have, have room for `ROOM` bytes."""
    if request.param == "memory":
        yield MemoryObjectStore(ROOM)
        return
    if request.param == "directory":
        yield DirectoryObjectStore(tmp_path / "objects")
        return
    bucket = request.getfixturevalue("made").bucket()
    s3 = S3ObjectStore(bucket, f"{secrets.token_hex(4)}/", part_size=PART)
    yield s3
    s3.close()


@pytest.fixture
def roomy() -> ObjectStore:
    """One that knows how much room it has."""
    return MemoryObjectStore(ROOM)


def new_key() -> str:
    return secrets.token_hex(16)


def keep(store: ObjectStore, data: bytes, companion: bytes = b"", key: str = "") -> str:
    writer = store.begin(key or new_key(), len(data))
    writer.write(data)
    return writer.commit(companion)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


# --- bytes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size", [0, 1, 1 << 20, PART - 1, PART, PART + 1, 2 * PART, 3 * PART, 3 * PART + 17]
)
def test_an_object_is_read_back_in_pieces(store: ObjectStore, size: int) -> None:
    data = os.urandom(size)
    ref = keep(store, data, b"companion")
    pieces = list(store.stream(ref))
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= 1 << 20 for piece in pieces)
    assert store.companion(ref) == b"companion"


@pytest.mark.parametrize("step", [100_001, PART, PART + 1, 2 * PART])
def test_it_is_written_in_whatever_pieces_come(store: ObjectStore, step: int) -> None:
    data = os.urandom(2 * PART + 3)
    writer = store.begin(new_key(), len(data))
    writer.write(b"")
    for at in range(0, len(data), step):
        writer.write(memoryview(data)[at : at + step])
    assert b"".join(store.stream(writer.commit(b""))) == data


def test_a_buffer_may_be_used_again_as_soon_as_it_was_written(store: ObjectStore) -> None:
    buffer = bytearray(PART)
    writer = store.begin(new_key(), 3 * PART)
    for letter in b"abc":
        buffer[:] = bytes([letter]) * PART
        writer.write(memoryview(buffer))
    found = b"".join(store.stream(writer.commit(b"")))
    assert found == b"a" * PART + b"b" * PART + b"c" * PART


def test_an_object_may_be_smaller_than_announced(store: ObjectStore) -> None:
    for size in (100, 3 * PART):
        writer = store.begin(new_key(), size)
        writer.write(b"less")
        assert b"".join(store.stream(writer.commit(b""))) == b"less"


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 0), (7, 7), (0, 1), (PART - 1, PART + 1), (0, 2 * PART), (2 * PART - 1, 2 * PART)],
)
def test_a_range_is_read_whole(store: ObjectStore, start: int, end: int) -> None:
    data = os.urandom(2 * PART)
    assert store.read(keep(store, data), start, end) == data[start:end]


@pytest.mark.parametrize(("start", "end"), [(2, 5), (4, 5), (9, 12)])
def test_a_range_beyond_the_end_is_refused_and_not_cut(
    store: ObjectStore, start: int, end: int
) -> None:
    ref = keep(store, b"item")
    with pytest.raises(Unavailable, match="shorter"):
        store.read(ref, start, end)


def test_more_than_was_announced_is_refused(store: ObjectStore) -> None:
    writer = store.begin(new_key(), 4)
    writer.write(b"ite")
    with pytest.raises(Full):
        writer.write(b"ms")
    writer.abort()


def test_many_write_at_once_and_do_not_mix(store: ObjectStore) -> None:
    datas = [os.urandom(PART + n) for n in range(3)]
    start = threading.Barrier(len(datas))

    def write(data: bytes) -> str:
        start.wait()
        return keep(store, data, data[:10])

    with ThreadPoolExecutor(len(datas)) as threads:
        refs = list(threads.map(write, datas))
    for ref, data in zip(refs, datas, strict=True):
        assert b"".join(store.stream(ref)) == data
        assert store.companion(ref) == data[:10]
    assert sorted(store.refs()) == sorted(refs)


# --- visible or not --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [4, 2 * PART])
def test_nothing_is_visible_before_commit(store: ObjectStore, size: int) -> None:
    writer = store.begin(new_key(), size)
    writer.write(bytes(size))
    assert list(store.refs()) == []
    ref = writer.commit(b"")
    assert list(store.refs()) == [ref]


@pytest.mark.parametrize("size", [4, 2 * PART])
def test_an_abort_leaves_nothing_and_may_come_twice(store: ObjectStore, size: int) -> None:
    key = new_key()
    writer = store.begin(key, size)
    writer.write(bytes(size))
    writer.abort()
    writer.abort()
    assert list(store.refs()) == []
    keep(store, b"the key is free again", key=key)


def test_an_abort_after_commit_changes_nothing(store: ObjectStore) -> None:
    writer = store.begin(new_key(), 4)
    writer.write(b"item")
    ref = writer.commit(b"companion")
    writer.abort()
    assert b"".join(store.stream(ref)) == b"item"
    assert store.companion(ref) == b"companion"


def test_a_writer_is_of_no_use_after_commit_or_abort(store: ObjectStore) -> None:
    for end in ("commit", "abort"):
        writer = store.begin(new_key(), 8)
        writer.write(b"item")
        writer.commit(b"") if end == "commit" else writer.abort()
        with pytest.raises(Unavailable):
            writer.write(b"more")
        with pytest.raises(Unavailable):
            writer.commit(b"")


def test_an_object_is_never_written_over(store: ObjectStore) -> None:
    key = new_key()
    ref = keep(store, b"first", b"of the first", key)
    with pytest.raises(Conflict):
        store.begin(key, 4)
    assert b"".join(store.stream(ref)) == b"first"
    assert store.companion(ref) == b"of the first"


def test_two_may_not_write_one_key_at_once(store: ObjectStore) -> None:
    key = new_key()
    writer = store.begin(key, 4)
    with pytest.raises(Conflict):
        store.begin(key, 4)
    writer.abort()


# --- room ------------------------------------------------------------------------------------


def test_an_object_that_would_not_fit_is_refused_before_its_first_byte(roomy: ObjectStore) -> None:
    with pytest.raises(Full):
        roomy.begin(new_key(), ROOM + 1)
    roomy.begin(new_key(), ROOM).abort()


def test_what_others_are_writing_is_not_given_away_twice(roomy: ObjectStore) -> None:
    first = roomy.begin(new_key(), ROOM - 10)
    with pytest.raises(Full):
        roomy.begin(new_key(), 11)
    first.abort()
    roomy.begin(new_key(), ROOM).abort()


# --- companions ------------------------------------------------------------------------------


def test_a_companion_is_replaced_and_the_object_is_not(store: ObjectStore) -> None:
    ref = keep(store, b"item", b"first")
    for companion in (b"second", b"", b"third" * 1000):
        store.put_companion(ref, companion)
        assert store.companion(ref) == companion
    assert b"".join(store.stream(ref)) == b"item"
    assert list(store.refs()) == [ref]


def test_a_companion_can_be_replaced_where_the_object_may_not_be_deleted(
    store: ObjectStore,
) -> None:
    ref = keep(store, b"item", b"first")
    store.hold(ref, True)
    store.put_companion(ref, b"second")
    assert store.companion(ref) == b"second"
    store.hold(ref, False)


# --- deleting --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [4, 2 * PART])
def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: ObjectStore, size: int) -> None:
    ref = keep(store, bytes(size), b"companion")
    store.delete(ref)
    store.delete(ref)
    assert list(store.refs()) == []
    check_nothing_is_there(store, ref)


def test_a_retained_object_is_not_deleted_before_its_time(store: ObjectStore) -> None:
    ref = keep(store, b"item", b"companion")
    until_ms = now_ms() + 2_000
    store.retain(ref, until_ms)
    assert b"".join(store.stream(ref)) == b"item"
    assert store.companion(ref) == b"companion"
    delete_when_free(store, ref)
    assert now_ms() >= until_ms
    assert list(store.refs()) == []


def test_a_hold_outlasts_a_retention_that_is_over(store: ObjectStore) -> None:
    ref = keep(store, b"item", b"companion")
    store.retain(ref, now_ms() + 1_000)
    store.hold(ref, True)
    time.sleep(2.5)  # whole seconds upwards
    with pytest.raises(Rejected):
        store.delete(ref)
    assert b"".join(store.stream(ref)) == b"item"
    store.hold(ref, False)
    store.delete(ref)
    assert list(store.refs()) == []


def delete_when_free(store: ObjectStore, ref: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            store.delete(ref)
            return
        except Rejected:
            assert time.monotonic() < deadline, "retained for too long"
            time.sleep(0.1)


def test_a_retention_is_only_ever_prolonged(store: ObjectStore) -> None:
    ref = keep(store, b"item")
    store.retain(ref, now_ms() + 2 * DAY_MS)
    store.retain(ref, now_ms() + 100)
    store.retain(ref, now_ms() - DAY_MS)
    time.sleep(1.5)  # the second would have ended, whole seconds upwards
    with pytest.raises(Rejected):
        store.delete(ref)
    store.retain(ref, now_ms() + 3 * DAY_MS)
    with pytest.raises(Rejected):
        store.delete(ref)


def test_a_retention_that_is_over_already_retains_nothing(store: ObjectStore) -> None:
    ref = keep(store, b"item")
    store.retain(ref, now_ms() - DAY_MS)
    store.delete(ref)
    assert list(store.refs()) == []


def test_a_held_object_is_not_deleted_until_it_is_let_go(store: ObjectStore) -> None:
    ref = keep(store, b"item", b"companion")
    store.hold(ref, True)
    store.hold(ref, True)
    with pytest.raises(Rejected):
        store.delete(ref)
    assert store.companion(ref) == b"companion"
    store.hold(ref, False)
    store.hold(ref, False)
    store.delete(ref)
    assert list(store.refs()) == []


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    ["", "a", "a" * 31, "a" * 33, "A" * 32, "../" + "a" * 29, "a" * 32 + "\n", "٠" * 32],
)
def test_what_is_no_key_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(Unknown):
        store.begin(key, 1)


@pytest.mark.parametrize(
    "ref",
    ["", "0" * 32, "0" * 32 + "@", "0" * 32 + "@none", "../" + "0" * 29, "0" * 32 + "@a\n",
     "0" * 32 + "@null", "٠" * 32, "0" * 32 + "@" + "v" * 2000],
)  # fmt: skip
def test_what_is_no_reference_is_unknown(store: ObjectStore, ref: str) -> None:
    keep(store, b"item")
    check_nothing_is_there(store, ref)


def check_nothing_is_there(store: ObjectStore, ref: str) -> None:
    with pytest.raises(Unknown):
        store.stream(ref)
    with pytest.raises(Unknown):
        store.read(ref, 0, 1)
    with pytest.raises(Unknown):
        store.companion(ref)
    with pytest.raises(Unknown):
        store.put_companion(ref, b"companion")
    with pytest.raises(Unknown):
        store.retain(ref, now_ms() + DAY_MS)
    with pytest.raises(Unknown):
        store.hold(ref, True)


@pytest.mark.parametrize("ref", ["", "../../etc", "0" * 31 + "/", "A" * 32])
def test_what_is_no_reference_is_not_deleted(store: ObjectStore, ref: str) -> None:
    with pytest.raises(Unknown):
        store.delete(ref)


# --- mending ---------------------------------------------------------------------------------


def test_what_takes_the_place_of_an_object_is_read_under_the_reference_that_it_got(
    store: ObjectStore,
) -> None:
    ref = keep(store, b"damaged", b"old")
    writer = store.mend(ref, 4)
    writer.write(b"good")
    mended = writer.commit(b"new")
    assert b"".join(store.stream(mended)) == b"good"
    assert store.companion(mended) == b"new"


def test_a_missing_object_can_be_mended(store: ObjectStore) -> None:
    ref = keep(store, b"lost")
    store.delete(ref)
    writer = store.mend(ref, 4)
    writer.write(b"lost")
    assert b"".join(store.stream(writer.commit(b""))) == b"lost"


def test_a_mending_that_is_given_up_changes_nothing(store: ObjectStore) -> None:
    ref = keep(store, b"item", b"companion")
    writer = store.mend(ref, 4)
    writer.write(b"x")
    writer.abort()
    assert b"".join(store.stream(ref)) == b"item"
    assert store.companion(ref) == b"companion"
    assert list(store.refs()) == [ref]


def test_what_is_no_reference_is_not_mended(store: ObjectStore) -> None:
    with pytest.raises(Unknown):
        store.mend("../x", 4)


# --- what others did ---------------------------------------------------------------------------


def test_nothing_of_our_own_is_odd(store: ObjectStore) -> None:
    ref = keep(store, b"item", b"companion")
    store.retain(ref, now_ms() + 2_000)
    store.put_companion(ref, b"another")
    mended = store.mend(ref, 3)
    mended.write(b"new")
    assert list(store.oddities()) == []  # nor what is on its way
    mended.commit(b"companion")
    writer = store.begin(new_key(), 4)
    writer.write(b"item")
    writer.abort()
    store.delete(keep(store, b"gone", b"companion"))
    assert list(store.oddities()) == []
