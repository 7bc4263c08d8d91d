"""What S3 adds to what every `ObjectStore` promises: who else has power over the bucket."""

import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
import urllib3
from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.objectlockconfig import DAYS, ObjectLockConfig
from minio.retention import Retention
from minio.versioningconfig import SUSPENDED, VersioningConfig

from ledger.errors import Conflict, Full, LedgerError, Rejected, Unavailable, Unknown
from ledger.ports import Oddity
from storage.objects_s3 import IN_FLIGHT, MAX_SIZE, DirectUpload, S3ObjectStore
from storage.s3 import Bucket, Credentials, Part
from testkit.buckets import Made, make_bucket
from testkit.ceph import Gateway, Shared
from testkit.certificates import make_certificate
from testkit.meddler import Meddler, Trick

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph
PART = 5 << 20
DAY_MS = 24 * 3600 * 1000


@pytest.fixture(scope="module")
def made(ceph: Shared) -> Made:
    return make_bucket(ceph)


@pytest.fixture
def prefix() -> str:
    return f"{secrets.token_hex(4)}/"


@pytest.fixture
def store(made: Made, prefix: str) -> Iterator[S3ObjectStore]:
    store = S3ObjectStore(made.bucket(), prefix, part_size=PART)
    yield store
    store.close()


def new_key() -> str:
    return secrets.token_hex(16)


def keep(store: S3ObjectStore, data: bytes, companion: bytes = b"") -> str:
    writer = store.begin(new_key(), len(data))
    writer.write(data)
    return writer.commit(companion)


def read(store: S3ObjectStore, ref: str) -> bytes:
    return b"".join(store.stream(ref))


def name_of(prefix: str, ref: str) -> tuple[str, str]:
    key, _, version = ref.partition("@")
    return f"{prefix}objects/{key}", version


def companion_of(prefix: str, ref: str) -> str:
    return f"{prefix}companions/{ref.partition('@')[0]}"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def code_of(action: Callable[[], object]) -> str:
    """S3's refusal."""
    with pytest.raises(S3Error) as caught:
        action()
    return caught.value.code or ""


# --- the keeper of the store ------------------------------------------------------------------


def test_what_the_keeper_writes_over_an_object_is_not_what_is_read(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    ref = keep(store, b"evidence", b"companion")
    name, version = name_of(prefix, ref)
    forged = made.keeper.put_object(made.name, name, BytesIO(b"forgery!"), 8)
    assert read(store, ref) == b"evidence"
    assert store.read(ref, 0, 8) == b"evidence"
    assert list(store.refs()) == [ref]
    assert list(store.oddities()) == [Oddity(name, str(forged.version_id), "rewritten")]
    assert forged.version_id != version


def test_a_delete_marker_hides_nothing_from_us(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    ref = keep(store, b"evidence", b"companion")
    for name in (name_of(prefix, ref)[0], companion_of(prefix, ref)):
        made.keeper.remove_object(made.name, name)
    assert read(store, ref) == b"evidence"
    assert store.companion(ref) == b"companion"
    assert list(store.refs()) == [ref]
    found = list(store.oddities())
    assert {odd.name for odd in found} == {name_of(prefix, ref)[0], companion_of(prefix, ref)}
    assert {odd.what for odd in found} == {"hidden"}


def test_names_that_we_did_not_give_are_told(store: S3ObjectStore, made: Made, prefix: str) -> None:
    ref = keep(store, b"evidence")
    names = {f"{prefix}objects/Ünknown", f"{prefix}{new_key()}", f"{prefix}companions/x"}
    for name in names:
        made.keeper.put_object(made.name, name, BytesIO(b"x"), 1)
    assert {odd.name for odd in store.oddities()} == names
    assert list(store.refs()) == [ref]


def test_a_companion_without_its_object_is_told(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    refs = [keep(store, b"evidence", b"companion") for _ in range(3)]
    name, version = name_of(prefix, sorted(refs)[1])
    made.keeper.remove_object(made.name, name, version)
    assert list(store.oddities()) == [Oddity(companion_of(prefix, sorted(refs)[1]), "", "widow")]
    beside = S3ObjectStore(made.bucket(), prefix, stale_ms=None)
    assert list(beside.oddities()) == []  # its object may be on its way
    beside.close()


def test_an_untouched_bucket_has_nothing_odd(store: S3ObjectStore) -> None:
    refs = [keep(store, os.urandom(size), b"companion") for size in (3, PART + 1)]
    store.put_companion(refs[0], b"another")
    store.delete(refs[1])
    assert list(store.oddities()) == []


@pytest.mark.parametrize("size", [8, 2 * PART])
def test_nobody_deletes_or_unlocks_what_is_retained(
    store: S3ObjectStore, made: Made, prefix: str, size: int
) -> None:
    ref = keep(store, bytes(size))
    store.retain(ref, now_ms() + DAY_MS)
    name, version = name_of(prefix, ref)
    keeper, soon = made.keeper, datetime.now(UTC) + timedelta(minutes=1)
    later = datetime.now(UTC) + timedelta(days=2)
    attempts = [
        lambda: keeper.remove_object(made.name, name, version),
        lambda: keeper.set_object_retention(
            made.name, name, Retention(COMPLIANCE, soon), version_id=version
        ),
        lambda: keeper.set_object_retention(
            made.name, name, Retention(GOVERNANCE, later), version_id=version
        ),
    ]
    assert [code_of(attempt) for attempt in attempts] == ["AccessDenied"] * 3
    bypassed = keeper.remove_objects(
        made.name, [DeleteObject(name, version)], bypass_governance_mode=True
    )
    assert [error.code for error in bypassed] == ["AccessDenied"]
    assert read(store, ref) == bytes(size)
    # He may do all of that where nothing is retained, and here he may prolong.
    longer = Retention(COMPLIANCE, later)
    keeper.set_object_retention(made.name, name, longer, version_id=version)
    free, free_version = name_of(prefix, keep(store, b"free"))
    governed = Retention(GOVERNANCE, later)
    keeper.set_object_retention(made.name, free, governed, version_id=free_version)
    freed = keeper.remove_objects(
        made.name, [DeleteObject(free, free_version)], bypass_governance_mode=True
    )
    assert list(freed) == []


def test_what_is_held_the_keeper_deletes_not_after_its_retention_either(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    ref = keep(store, b"evidence")
    store.retain(ref, now_ms() + 1_000)
    store.hold(ref, True)
    name, version = name_of(prefix, ref)
    time.sleep(2.5)  # whole seconds upwards
    assert code_of(lambda: made.keeper.remove_object(made.name, name, version)) == "AccessDenied"
    bypassed = made.keeper.remove_objects(
        made.name, [DeleteObject(name, version)], bypass_governance_mode=True
    )
    assert [error.code for error in bypassed] == ["AccessDenied"]
    assert read(store, ref) == b"evidence"
    store.hold(ref, False)
    made.keeper.remove_object(made.name, name, version)  # its time was over


def test_the_keeper_cannot_stop_the_keeping_of_versions(made: Made) -> None:
    suspended = VersioningConfig(SUSPENDED)
    code_of(lambda: made.keeper.set_bucket_versioning(made.name, suspended))
    assert made.bucket().versioning()


def test_a_retention_that_others_may_lift_is_not_taken_for_one_of_ours(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    ref = keep(store, b"evidence")
    name, version = name_of(prefix, ref)
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    made.keeper.set_object_retention(
        made.name, name, Retention(GOVERNANCE, later), version_id=version
    )
    with pytest.raises(Unavailable, match="AccessDenied"):
        store.retain(ref, now_ms() + DAY_MS)


def test_a_companion_that_the_keeper_locked_is_not_said_to_be_destroyed(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    ref = keep(store, b"evidence", b"wrapped key")
    made.keeper.enable_object_legal_hold(made.name, companion_of(prefix, ref))
    with pytest.raises(Rejected):
        store.put_companion(ref, b"")
    with pytest.raises(Rejected):
        store.delete(ref)
    assert read(store, ref) == b"evidence"


def test_every_version_of_a_companion_is_removed(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    ref = keep(store, b"evidence", b"wrapped key")
    name = companion_of(prefix, ref)
    for text in (b"1", b"2"):
        made.keeper.put_object(made.name, name, BytesIO(text), 1)
    made.keeper.remove_object(made.name, name)
    store.put_companion(ref, b"destroyed")
    versions = list(made.keeper.list_objects(made.name, prefix=name, include_version=True))
    assert len(versions) == 1
    assert store.companion(ref) == b"destroyed"
    store.delete(ref)
    assert list(made.keeper.list_objects(made.name, prefix=prefix, include_version=True)) == []


def test_a_companion_that_grew_too_large_is_not_read(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    ref = keep(store, b"evidence", b"wrapped key")
    made.keeper.put_object(made.name, companion_of(prefix, ref), BytesIO(bytes(1 << 20)), 1 << 20)
    with pytest.raises(Unavailable, match="at most"):
        store.companion(ref)
    with pytest.raises(Unavailable, match="at most"):
        store.put_companion(ref, bytes(1 << 20))


def test_what_is_mended_has_another_reference(store: S3ObjectStore) -> None:
    ref = keep(store, b"damaged")
    store.retain(ref, now_ms() + DAY_MS)
    writer = store.mend(ref, 8)
    writer.write(b"evidence")
    mended = writer.commit(b"companion")
    assert mended != ref
    assert read(store, mended) == b"evidence"


# --- the ledger's own user ----------------------------------------------------------------------


def test_the_ledgers_user_can_neither_hide_an_object_nor_change_the_bucket(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    ref = keep(store, b"evidence")
    thief = made.bucket()._client
    days = ObjectLockConfig(GOVERNANCE, 1, DAYS)
    attempts = [
        lambda: thief.remove_object(made.name, name_of(prefix, ref)[0]),
        lambda: thief.set_object_lock_config(made.name, days),
        lambda: thief.delete_bucket_policy(made.name),
        lambda: thief.remove_bucket(made.name),
        lambda: thief.set_bucket_versioning(made.name, VersioningConfig(SUSPENDED)),
    ]
    assert {code_of(attempt) for attempt in attempts} == {"AccessDenied"}


def test_a_wrong_secret_is_refused_and_not_told(made: Made) -> None:
    secret = "wrong/secret/of/the/test"
    bucket = Bucket(made.endpoint, made.name, Credentials("nobody", secret))
    with pytest.raises(Unavailable, match="InvalidAccessKeyId") as caught:
        S3ObjectStore(bucket)
    mine = made.credentials
    bucket = Bucket(made.endpoint, made.name, Credentials(mine.access_key, secret))
    with pytest.raises(Unavailable, match="SignatureDoesNotMatch") as second:
        S3ObjectStore(bucket)
    for error in (caught.value, second.value):
        assert secret not in f"{error!r} {error.hints} {vars(bucket)} {mine!r} {bucket!r}"
    assert mine.secret_key not in repr(mine)


# --- buckets that will not do -------------------------------------------------------------------


def test_a_bucket_without_versions_is_refused(ceph: Shared) -> None:
    made = make_bucket(ceph, lock=False, versions=False)
    with pytest.raises(Rejected, match="keeps no versions") as caught:
        S3ObjectStore(made.bucket())
    assert "object-lock-enabled" in caught.value.hints[0]


def test_a_bucket_without_object_lock_is_refused(ceph: Shared) -> None:
    made = make_bucket(ceph, lock=False)
    with pytest.raises(Rejected, match="no Object Lock") as caught:
        S3ObjectStore(made.bucket())
    assert "object-lock-enabled" in caught.value.hints[0]


def test_a_bucket_that_locks_companions_too_is_refused(ceph: Shared) -> None:
    made = make_bucket(ceph)
    made.keeper.set_object_lock_config(made.name, ObjectLockConfig(GOVERNANCE, 3, DAYS))
    with pytest.raises(Rejected, match="GOVERNANCE 3"):
        S3ObjectStore(made.bucket())


def test_a_bucket_that_is_not_there_is_unavailable(made: Made) -> None:
    bucket = Bucket(made.endpoint, "no-such-bucket", made.credentials)
    with pytest.raises(Unavailable, match="NoSuchBucket"):
        S3ObjectStore(bucket)


# --- a network that loses, and a store that lies --------------------------------------------------


def meddled(made: Made, prefix: str, meddler: Meddler) -> S3ObjectStore:
    return S3ObjectStore(made.bucket(meddler.endpoint), prefix, part_size=PART)


@pytest.mark.parametrize("size", [8, 2 * PART])
def test_a_commit_whose_answer_is_lost_makes_one_version(
    made: Made, prefix: str, size: int
) -> None:
    data = os.urandom(size)

    def lose_the_first(method: str, path: str) -> Trick | None:
        last_step = "/objects/" in path and (
            method == "POST" and "uploadId=" in path if size > PART else method == "PUT"
        )
        return Trick.LOSE if last_step and not meddler.played else None

    with Meddler(made.endpoint, lose_the_first) as meddler:
        store = meddled(made, prefix, meddler)
        ref = keep(store, data, b"companion")
        assert meddler.played == 1
        assert read(store, ref) == data
        assert list(store.refs()) == [ref]
        assert list(store.oddities()) == []
        store.close()


def test_parts_whose_answers_are_lost_are_sent_again(made: Made, prefix: str) -> None:
    data = os.urandom(2 * PART + 9)
    lost: set[str] = set()

    def lose_each_once(method: str, path: str) -> Trick | None:
        if method == "PUT" and "partNumber=" in path and path not in lost:
            lost.add(path)
            return Trick.LOSE
        return None

    with Meddler(made.endpoint, lose_each_once) as meddler:
        store = meddled(made, prefix, meddler)
        ref = keep(store, data)
        assert len(lost) == 3
        assert read(store, ref) == data
        store.close()


@pytest.mark.parametrize("size", [8, 2 * PART])
def test_what_arrives_otherwise_than_it_was_sent_is_not_kept(
    made: Made, prefix: str, size: int
) -> None:
    def flip(method: str, path: str) -> Trick | None:
        return Trick.FLIP if method == "PUT" and "/objects/" in path else None

    with Meddler(made.endpoint, flip) as meddler:
        store = meddled(made, prefix, meddler)
        writer = store.begin(new_key(), size)
        with pytest.raises(Unavailable):
            writer.write(bytes(size))
            writer.commit(b"companion")
        assert list(store.refs()) == []
        writer.abort()
        assert list(made.keeper.list_objects(made.name, prefix, include_version=True)) == []
        store.close()


def test_a_cut_answer_is_no_answer(made: Made, prefix: str, store: S3ObjectStore) -> None:
    ref = keep(store, os.urandom(3 << 20), b"companion")

    def cut(method: str, path: str) -> Trick | None:
        return Trick.CUT if method == "GET" and "versionId=" in path else None

    with Meddler(made.endpoint, cut) as meddler:
        other = meddled(made, prefix, meddler)
        with pytest.raises(Unavailable):
            list(other.stream(ref))
        with pytest.raises(Unavailable):
            other.read(ref, 0, 1 << 20)
        other.close()


@pytest.mark.parametrize("what", ["retention", "legal-hold"])
def test_a_lock_that_was_only_said_to_be_set_is_not_believed(
    made: Made, prefix: str, store: S3ObjectStore, what: str
) -> None:
    ref = keep(store, b"evidence")

    def lie(method: str, path: str) -> Trick | None:
        return Trick.LIE if method == "PUT" and what in path else None

    with Meddler(made.endpoint, lie) as meddler:
        other = meddled(made, prefix, meddler)
        with pytest.raises(Unavailable, match="the store said"):
            if what == "retention":
                other.retain(ref, now_ms() + DAY_MS)
            else:
                other.hold(ref, True)
        other.close()


def test_what_was_only_said_to_be_deleted_is_noticed(
    made: Made, prefix: str, store: S3ObjectStore
) -> None:
    ref = keep(store, b"evidence", b"wrapped key")

    def lie(method: str, _: str) -> Trick | None:
        return Trick.LIE if method == "DELETE" else None

    with Meddler(made.endpoint, lie) as meddler:
        other = meddled(made, prefix, meddler)
        with pytest.raises(Unavailable, match="the store said"):
            other.put_companion(ref, b"")
        with pytest.raises(Unavailable, match="the store said"):
            other.delete(ref)
        other.close()


def test_a_server_that_is_not_there_is_unavailable(made: Made) -> None:
    bucket = Bucket("http://127.0.0.1:9", made.name, made.credentials)
    with pytest.raises(Unavailable, match="NewConnectionError"):
        S3ObjectStore(bucket)


def test_a_server_that_speaks_no_s3_is_unavailable(made: Made) -> None:
    with Meddler(made.endpoint, lambda *_: Trick.LIE) as meddler, pytest.raises(Unavailable):
        S3ObjectStore(made.bucket(meddler.endpoint))


# --- room ------------------------------------------------------------------------------------


def test_a_quota_that_is_used_up_is_full(ceph: Shared, prefix: str) -> None:
    made = make_bucket(ceph)
    of_bucket = ("--quota-scope=bucket", f"--bucket={made.name}")
    ceph.admin("quota", "set", *of_bucket, "--max-size=1M")
    ceph.admin("quota", "enable", *of_bucket)
    store = S3ObjectStore(made.bucket(), prefix, part_size=PART)
    for size in (2 << 20, PART + 1):
        writer = store.begin(new_key(), size)
        with pytest.raises(Full):
            writer.write(bytes(size))
            writer.commit(b"")
        writer.abort()
    assert list(store.refs()) == []
    assert list(made.keeper.list_objects(made.name, prefix, include_version=True)) == []
    store.close()


def test_an_object_larger_than_s3_takes_is_full_before_its_first_byte(
    store: S3ObjectStore,
) -> None:
    with pytest.raises(Full):
        store.begin(new_key(), MAX_SIZE + 1)


def test_parts_grow_so_that_there_are_not_too_many(store: S3ObjectStore) -> None:
    assert store._fitting(1, PART) == PART
    for size in (10_000 * PART, 10_000 * PART + 1, MAX_SIZE):
        assert -(-size // store._fitting(size, PART)) <= 10_000


# --- what a crash leaves ------------------------------------------------------------------------


def unfinished(made: Made, prefix: str) -> int:
    return len(list(made.bucket().uploads(prefix)))


def test_an_unfinished_object_is_aborted_when_it_is_old_enough(
    made: Made, prefix: str, store: S3ObjectStore
) -> None:
    kept = keep(store, b"kept", b"companion")
    writer = store.begin(new_key(), 3 * PART)
    writer.write(bytes(2 * PART))
    # As a crash between companion and object would leave it.
    made.bucket().put(writer._name.replace("/objects/", "/companions/"), b"companion")
    S3ObjectStore(made.bucket(), prefix, part_size=PART).close()
    S3ObjectStore(made.bucket(), prefix, part_size=PART, stale_ms=None).close()
    assert unfinished(made, prefix) == 1
    S3ObjectStore(made.bucket(), prefix, part_size=PART, stale_ms=0).close()
    assert unfinished(made, prefix) == 0
    assert list(store.refs()) == [kept]
    assert list(store.oddities()) == []
    with pytest.raises(LedgerError):
        writer.commit(b"")
    writer.abort()


# --- TLS ---------------------------------------------------------------------------------------


def test_https_believes_the_authority_it_is_told_of_and_no_other(
    ceph: Shared, made: Made, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    gateway = Gateway(ceph, both)
    try:
        with pytest.raises(Unavailable, match="SSLError"):
            S3ObjectStore(made.bucket(gateway.endpoint), prefix)
        monkeypatch.setenv("TIEZHENG_CA_FILE", str(certificate))
        store = S3ObjectStore(made.bucket(gateway.endpoint), prefix, part_size=PART)
        data = os.urandom(PART + 5)
        assert read(store, keep(store, data, b"companion")) == data
        store.close()
    finally:
        gateway.kill()


def test_plain_http_goes_to_this_machine_only() -> None:
    user = Credentials("access", "secret")
    with pytest.raises(Rejected, match="want https"):
        Bucket("http://192.0.2.1:7480", "evidence", user)
    Bucket("http://192.0.2.1:7480", "evidence", user, allow_http=True)
    for host in ("127.0.0.1", "127.9.9.9", "[::1]", "localhost"):
        Bucket(f"http://{host}:7480", "evidence", user)


# --- parts that a station puts itself -------------------------------------------------------------


def ask(method: str, url: str, body: bytes | None = None) -> int:
    with urllib3.PoolManager(retries=False, timeout=60) as pool:
        return pool.request(method, url, body=body).status


def urls(store: S3ObjectStore, upload: DirectUpload, lives_s: int = 60) -> tuple[str, ...]:
    return store.part_urls(upload, 1, upload.parts, lives_s)


def put_parts(store: S3ObjectStore, upload: DirectUpload, data: bytes) -> None:
    for number, url in enumerate(urls(store, upload)):
        part = data[number * upload.part_size :][: upload.part_size]
        assert ask("PUT", url, part) == 200


@pytest.mark.parametrize("size", [1, PART, 2 * PART, 2 * PART + 7])
def test_a_station_puts_its_bytes_itself(store: S3ObjectStore, size: int) -> None:
    data = os.urandom(size)
    upload = store.open_direct(new_key(), size)
    put_parts(store, upload, data)
    assert list(store.refs()) == []
    ref = store.complete_direct(upload)
    assert read(store, ref) == data
    with pytest.raises(Unknown):
        store.companion(ref)
    store.put_companion(ref, b"companion")
    assert store.companion(ref) == b"companion"
    assert list(store.refs()) == [ref]
    assert list(store.oddities()) == []


def test_completing_twice_gives_one_reference(store: S3ObjectStore) -> None:
    upload = store.open_direct(new_key(), 8)
    put_parts(store, upload, b"evidence")
    ref = store.complete_direct(upload)
    assert store.complete_direct(upload) == ref
    assert list(store.refs()) == [ref]
    assert read(store, ref) == b"evidence"


def test_a_completion_whose_answer_is_lost_makes_one_version(made: Made, prefix: str) -> None:
    def lose_the_first(method: str, path: str) -> Trick | None:
        last_step = method == "POST" and "uploadId=" in path
        return Trick.LOSE if last_step and not meddler.played else None

    with Meddler(made.endpoint, lose_the_first) as meddler:
        store = meddled(made, prefix, meddler)
        upload = store.open_direct(new_key(), 8)
        put_parts(store, upload, b"evidence")
        ref = store.complete_direct(upload)
        assert meddler.played == 1
        assert list(store.refs()) == [ref]
        assert read(store, ref) == b"evidence"
        assert list(store.oddities()) == []
        store.close()


def test_of_what_is_aborted_after_its_completion_nothing_is_left(
    store: S3ObjectStore, made: Made, prefix: str
) -> None:
    upload = store.open_direct(new_key(), 8)
    put_parts(store, upload, b"evidence")
    store.put_companion(store.complete_direct(upload), b"companion")
    store.abort_direct(upload)
    assert list(made.bucket().versions(prefix)) == []
    with pytest.raises(Unknown):
        store.complete_direct(upload)


def test_of_two_uploads_of_one_key_the_second_is_refused(store: S3ObjectStore) -> None:
    key = new_key()
    uploads = [store.open_direct(key, 8) for _ in range(2)]
    for upload, data in zip(uploads, (b"evidence", b"forgery!"), strict=True):
        put_parts(store, upload, data)
    ref = store.complete_direct(uploads[0])
    with pytest.raises(Conflict):
        store.complete_direct(uploads[1])
    with pytest.raises(Conflict):
        store.open_direct(key, 8)
    assert read(store, ref) == b"evidence"
    assert list(store.refs()) == [ref]


def test_a_part_that_is_missing_or_of_another_size_is_asked_for_again(
    store: S3ObjectStore,
) -> None:
    data = os.urandom(2 * PART + 7)
    upload = store.open_direct(new_key(), len(data))
    assert ask("PUT", urls(store, upload)[0], data[:PART]) == 200
    with pytest.raises(Rejected, match="got 5242880 bytes in 1 parts"):
        store.complete_direct(upload)
    put_parts(store, upload, data)
    assert store.parts_there(upload, 1, 9) == {1: PART, 2: PART, 3: 7}
    assert store.parts_there(upload, 2, 1) == {2: PART}
    assert ask("PUT", urls(store, upload)[2], bytes(PART + 1)) == 200
    assert store.parts_there(upload, 3, 1) == {3: PART + 1}
    with pytest.raises(Rejected, match="in 3 parts"):
        store.complete_direct(upload)
    put_parts(store, upload, data)
    assert read(store, store.complete_direct(upload)) == data
    with pytest.raises(Unknown):
        store.parts_there(upload, 1, 1)


def test_a_part_that_is_put_again_after_the_completion_began_is_not_taken(
    store: S3ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the list and the completion; then all is listed anew, and it is one version."""
    upload = store.open_direct(new_key(), PART + 8)
    put_parts(store, upload, bytes(PART) + b"evidence")
    listed, replaced = Bucket.parts, []

    def meddled(self: Bucket, name: str, upload_id: str, **more: int) -> Iterator[Part]:
        yield from list(listed(self, name, upload_id, **more))
        if not replaced:
            replaced.append(ask("PUT", urls(store, upload)[1], b"forgery!"))

    monkeypatch.setattr(Bucket, "parts", meddled)
    ref = store.complete_direct(upload)
    assert replaced == [200]
    assert list(store.refs()) == [ref]
    assert read(store, ref)[PART:] == b"forgery!"
    assert ask("PUT", urls(store, upload)[1], b"evidence") == 404
    assert read(store, ref)[PART:] == b"forgery!"


def test_a_stolen_url_neither_reads_nor_lists_nor_deletes(store: S3ObjectStore, made: Made) -> None:
    upload = store.open_direct(new_key(), PART + 1)
    url = urls(store, upload)[0]
    path, _, query = url.partition("?")
    put_parts(store, upload, bytes(PART + 1))
    for method in ("GET", "HEAD", "DELETE", "POST"):
        assert ask(method, url) == 403, method
    bucket = f"{made.endpoint}/{made.name}"
    assert ask("GET", f"{bucket}?{query}") in (403, 405)
    assert ask("GET", f"{bucket}?list-type=2&{query}") in (403, 405)
    assert ask("GET", path) == 403
    ref = store.complete_direct(upload)
    assert ask("GET", url) == 403
    assert read(store, ref) == bytes(PART + 1)


def test_a_stolen_url_puts_no_other_part_and_no_other_object(store: S3ObjectStore) -> None:
    upload = store.open_direct(new_key(), PART + 1)
    url = urls(store, upload)[0]
    path, _, query = url.partition("?")
    for altered in (
        url.replace("partNumber=1", "partNumber=3"),
        url.replace(upload.key, new_key()),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        f"{path}?{query.partition('&X-Amz-Algorithm')[0]}",
    ):
        assert altered != url
        assert ask("PUT", altered, b"x") == 403, altered
    store.abort_direct(upload)


def test_a_url_dies(store: S3ObjectStore) -> None:
    upload = store.open_direct(new_key(), 8)
    (url,) = urls(store, upload, lives_s=1)
    deadline = time.monotonic() + 60
    while ask("PUT", url, b"evidence") != 403:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    store.abort_direct(upload)


def test_a_url_is_of_no_use_after_the_end(store: S3ObjectStore, prefix: str) -> None:
    finished = store.open_direct(new_key(), 8)
    put_parts(store, finished, b"evidence")
    ref = store.complete_direct(finished)
    aborted = store.open_direct(new_key(), 8)
    store.abort_direct(aborted)
    store.abort_direct(aborted)
    for upload in (finished, aborted):
        assert ask("PUT", urls(store, upload)[0], b"forgery!") == 404
    with pytest.raises(Unknown):
        store.complete_direct(aborted)
    assert read(store, ref) == b"evidence"
    assert list(store.refs()) == [ref]


def test_urls_are_given_in_pages(store: S3ObjectStore) -> None:
    upload = store.open_direct(new_key(), 3 * PART + 1)
    assert upload.parts == 4
    numbers = [re.search(r"partNumber=(\d+)", url) for url in store.part_urls(upload, 2, 2, 60)]
    assert [number and number[1] for number in numbers] == ["2", "3"]
    assert store.part_urls(upload, 5, 2, 60) == ()
    store.abort_direct(upload)


def test_what_would_put_a_part_is_not_told_by_accident(store: S3ObjectStore) -> None:
    upload = store.open_direct(new_key(), 8)
    assert upload.upload_id not in repr(upload)
    store.abort_direct(upload)


@pytest.mark.parametrize("lives_s", [0, 7 * 24 * 3600 + 1])
def test_a_url_has_an_end(store: S3ObjectStore, lives_s: int) -> None:
    upload = store.open_direct(new_key(), 8)
    with pytest.raises(Rejected):
        store.part_urls(upload, 1, 1, lives_s)
    store.abort_direct(upload)


def test_parts_are_whole_units(store: S3ObjectStore) -> None:
    upload = store.open_direct(new_key(), 3 * PART, 262_172)
    assert upload.part_size == 20 * 262_172
    store.abort_direct(upload)


def test_a_direct_upload_has_bytes(store: S3ObjectStore) -> None:
    with pytest.raises(Rejected):
        store.open_direct(new_key(), 0)


# --- memory -----------------------------------------------------------------------------------


def test_no_more_parts_are_in_flight_than_are_promised(
    store: S3ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that is faster than the store waits for it."""
    put_part = Bucket.put_part
    lock = threading.Lock()
    flying, most, buffers = 0, 0, set[int]()

    def counted(self: Bucket, name: str, upload_id: str, number: int, data: memoryview) -> Part:
        nonlocal flying, most
        with lock:
            flying += 1
            most = max(most, flying)
            buffers.add(id(data.obj))
        try:
            return put_part(self, name, upload_id, number, data)
        finally:
            with lock:
                flying -= 1

    monkeypatch.setattr(Bucket, "put_part", counted)
    data = os.urandom(12 * PART)
    ref = keep(store, data)
    assert read(store, ref) == data
    assert most <= IN_FLIGHT
    assert len(buffers) <= IN_FLIGHT + 1
