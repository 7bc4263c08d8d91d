"""A real S3 store is killed while objects are on their way; then it is asked what it has."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import Unavailable
from storage.objects_s3 import S3ObjectStore
from testkit.buckets import make_bucket
from testkit.ceph import Ceph, Gateway, Shared
from testkit.ceph_packages import NotHere, ceph_prefix

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph
PART = 5 << 20


def new_key() -> str:
    return secrets.token_hex(16)


def keep(store: S3ObjectStore, data: bytes) -> str:
    writer = store.begin(new_key(), len(data))
    writer.write(data)
    return writer.commit(b"companion")


@pytest.fixture
def gateway(ceph: Shared) -> Iterator[Gateway]:
    gateway = Gateway(ceph)
    yield gateway
    gateway.kill()


@pytest.mark.parametrize("size", [PART, 4 * PART])
def test_a_gateway_killed_while_an_object_is_sent_shows_nothing_of_it(
    ceph: Shared, gateway: Gateway, size: int
) -> None:
    made = make_bucket(ceph)
    store = S3ObjectStore(made.bucket(gateway.endpoint), part_size=PART)
    others = S3ObjectStore(made.bucket())
    kept = keep(store, b"kept")
    writer = store.begin(new_key(), size)
    writer.write(bytes(size // 2))
    gateway.kill()
    with pytest.raises(Unavailable):
        writer.write(bytes(size - size // 2))
        writer.commit(b"companion")
    assert list(others.refs()) == [kept]
    with pytest.raises(Unavailable):
        writer.abort()
    gateway.start()
    writer.abort()
    assert list(store.refs()) == [kept]
    assert list(made.bucket().uploads("")) == []
    assert list(store.oddities()) == []
    assert b"".join(store.stream(kept)) == b"kept"
    store.close()
    others.close()


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Ceph]:
    try:
        prefix = ceph_prefix()
    except NotHere as error:
        pytest.skip(f"needs Ceph: {error}")
    ceph = Ceph(tmp_path / "ceph", prefix, durable=True)
    try:
        ceph.start()
        yield ceph
    finally:
        ceph.end()


@pytest.mark.slow
def test_twenty_acknowledged_objects_survive_a_kill_of_everything(durable: Ceph) -> None:
    shared = Shared(durable.endpoint, str(durable.folder), str(durable.prefix), durable.users)
    made = make_bucket(shared)
    store = S3ObjectStore(made.bucket(), part_size=PART)
    datas = [os.urandom(PART + 1 if n % 5 == 0 else 1000 + n) for n in range(20)]
    refs = [keep(store, data) for data in datas]
    writer = store.begin(new_key(), 2 * PART)
    writer.write(bytes(PART))
    durable.kill("rgw", "osd", "mon")
    for part in ("mon", "osd", "rgw"):
        durable.start_part(part)
    assert sorted(store.refs()) == sorted(refs)
    for ref, data in zip(refs, datas, strict=True):
        assert b"".join(store.stream(ref)) == data
        assert store.companion(ref) == b"companion"
    writer.abort()
    assert sorted(store.refs()) == sorted(refs)
    store.close()
