"""Items at rest: sealed against plain, one copy against two, and S3 against minio's own client."""

import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.ground import BLOCK, GIB, MB, fill, read_once, scratch
from benchmarks.measure import Ratio, Row, Table, in_turn, seconds
from ledger import abreast
from ledger.evidence.chunks import ItemHasher
from storage.items_vault import ItemVault
from storage.objects_directory import DirectoryObjectStore
from storage.objects_s3 import S3ObjectStore
from storage.places_sqlite import SqlitePlaces
from storage.wrap_file import FileKeyWrap

KEY = "i"
PLAIN, SEALED = "kept in a folder, plain", "kept in a folder, sealed"
TWO = "kept in two folders, sealed"
READ_PLAIN, READ_SEALED = "read back, plain", "read back, sealed"
FPUT, S3 = "minio's fput_object", "kept in the bucket, plain"


def run(quick: bool) -> Table:
    size = GIB >> 4 if quick else GIB
    small = size // 4
    rounds = 1 if quick else 5
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        source = fill(folder / "source", size)
        read_once(source)
        vaults = {
            PLAIN: _vault(folder / "plain", 1, sealed=False),
            SEALED: _vault(folder / "sealed", 1, sealed=True),
            TWO: _vault(folder / "two", 2, sealed=True),
        }
        cpu: dict[str, list[float]] = {PLAIN: [], SEALED: []}
        keepers = {what: _keeper(v, source, size, cpu.get(what)) for what, v in vaults.items()}
        rows = list(in_turn(rounds, "MB/s", keepers))
        names = {READ_PLAIN: PLAIN, READ_SEALED: SEALED}
        readers = {what: _reader(vaults[name], source, size) for what, name in names.items()}
        rows += in_turn(rounds, "MB/s", readers)
        rows += [Row(f"{what}, processor time", "s/GB", tuple(used)) for what, used in cpu.items()]
        part = fill(folder / "part", small)
        read_once(part)
        with _bucket() as bucket:
            if bucket is not None:
                rows += _s3(bucket, part, small, rounds)
    return _table(rows, size, small)


def _vault(root: Path, copies: int, *, sealed: bool) -> ItemVault:
    root.mkdir()
    stores = {f"copy-{n}": DirectoryObjectStore(root / f"copy-{n}") for n in range(copies)}
    wraps = [FileKeyWrap(secrets.token_bytes(32))] if sealed else []
    return ItemVault(stores, SqlitePlaces(root / "places.sqlite"), wraps)


def _keeper(
    vault: ItemVault, source: Path, size: int, cpu: list[float] | None
) -> Callable[[], float]:
    def keep() -> float:
        used = time.process_time()
        took, object_id = _timed(lambda: _keep(vault, source, size))
        if cpu is not None:
            cpu.append((time.process_time() - used) / (size / MB / 1000))
        vault.delete(object_id)
        return size / took / MB

    return keep


def _keep(vault: ItemVault, source: Path, size: int) -> str:
    """As an upload does it: both digests and the store, abreast."""
    hasher = ItemHasher()
    writer = vault.begin(size)
    try:
        abreast.feed(_pieces(source), (writer.write, *hasher.parts))
        hasher.finish()
        return writer.commit(b"".join(hasher.leaves))
    finally:
        writer.abort()


def _reader(vault: ItemVault, source: Path, size: int) -> Callable[[], float]:
    object_id = _keep(vault, source, size)

    def read() -> float:
        def all_of_it() -> None:
            for _ in vault.stream(object_id):
                pass

        return size / seconds(all_of_it) / MB

    return read


def _s3(bucket: Any, source: Path, size: int, rounds: int) -> Iterator[Row]:
    store = S3ObjectStore(bucket.bucket())
    endpoint = urlsplit(bucket.endpoint).netloc
    from minio import Minio

    keys = bucket.credentials
    client = Minio(endpoint, keys.access_key, keys.secret_key, secure=False)

    def fput() -> float:
        name = f"objects/{secrets.token_hex(16)}"
        took, put = _timed(lambda: client.fput_object(bucket.name, name, str(source)))
        client.remove_object(bucket.name, name, version_id=put.version_id)
        return size / took / MB

    def ours() -> float:
        took, ref = _timed(lambda: _put(store, source, size))
        store.delete(ref)
        return size / took / MB

    yield from in_turn(rounds, "MB/s", {FPUT: fput, S3: ours})
    store.close()


def _put(store: S3ObjectStore, source: Path, size: int) -> str:
    writer = store.begin(secrets.token_hex(16), size)
    try:
        for piece in _pieces(source):
            writer.write(piece)
        return writer.commit(b"companion")
    finally:
        writer.abort()


@contextmanager
def _bucket() -> Iterator[Any]:
    """On the server that the tests use, in memory; None where there is none to be had."""
    sys.path.append("tests")
    from testkit.buckets import make_bucket
    from testkit.ceph import shared
    from testkit.ceph_packages import NotHere

    with tempfile.TemporaryDirectory(prefix="tiezheng-bench-") as folder:
        try:
            with shared(Path(folder) / "ceph") as ceph:
                yield make_bucket(ceph)
        except NotHere:
            yield None


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while piece := file.read(BLOCK):
            yield piece


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _table(rows: list[Row], size: int, small: int) -> Table:
    median = {row.what: row.median for row in rows}
    ratios = [
        Ratio("sealed ÷ plain, keeping", median[SEALED] / median[PLAIN]),
        Ratio("sealed ÷ plain, reading", median[READ_SEALED] / median[READ_PLAIN]),
        Ratio("two copies ÷ one, sealed", median[TWO] / median[SEALED]),
    ]
    if S3 in median:
        ratios.append(Ratio("our S3 store ÷ fput_object", median[S3] / median[FPUT], 1.0))
    return Table(
        key=KEY,
        title=f"Keeping an item of {size >> 20:,} MiB, and one of {small >> 20:,} MiB in a bucket",
        rows=tuple(rows),
        ratios=tuple(ratios),
        notes=(
            "Keeping in folders: both digests, sealing, writing past the page cache and syncing, "
            "as the server does it, in one process without HTTP; all copies lie on one disk here.",
            "Sealed: AES-256-GCM for each 256 KiB, and the SHA-256 of every stored block, which "
            "is what a scrub without keys needs.",
            "The bucket: Ceph RGW in memory on this machine, over plain HTTP, versions and "
            "Object Lock on. Ours sends SHA-256 checksums with every part and looks at the "
            "version afterwards; fput_object does neither.",
        ),
    )
