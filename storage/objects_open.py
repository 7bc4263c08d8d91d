"""Which store: one line of text.

    directory:items                                 a folder, from the base if it is relative
    s3:https://store.example:8443/evidence          a bucket
    s3:https://store.example/evidence/city-a        below a prefix of it
    memory:                                         for tests: gone with the process

Of a bucket one spelling: no default port, no slash at the end, nothing that a URL may have
besides.
"""

import re
from pathlib import Path

from ledger.encoding import clip
from ledger.errors import Malformed, Unavailable
from ledger.ports import ObjectStore
from storage.objects_directory import DirectoryObjectStore
from storage.objects_memory import MemoryObjectStore
from storage.objects_s3 import STALE_MS, S3ObjectStore
from storage.s3 import Bucket, Credentials

WANT = "want 'directory:PATH', 's3:https://HOST[:PORT]/BUCKET[/PREFIX]' or 'memory:'"
DIRECTORY = "directory:"

_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]{2,39}\])"
_S3 = re.compile(
    rf"s3:(?P<endpoint>(?P<scheme>https?)://{_HOST}(?::(?P<port>[1-9][0-9]{{0,4}}))?)"
    r"/(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])"
    r"(?P<prefix>(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,8})",
    re.ASCII,
)
_DEFAULT_PORT = {"http": "80", "https": "443"}


def open_objects(
    text: str,
    credentials: Path | None,
    base: Path,
    *,
    allow_http: bool = False,
    beside: bool = False,
    used: bool = False,
) -> ObjectStore:
    """`credentials` is a file, from `base` if it is relative. `beside` a running server nothing
    is swept away. `used` says that objects are known to lie there.

    Raises `Malformed` for the text, `Rejected` for a store that will not do.
    """
    if text.startswith(DIRECTORY) and text != DIRECTORY:
        return _open_directory(base / text.removeprefix(DIRECTORY), beside=beside, used=used)
    if text == "memory:":
        return MemoryObjectStore()
    match = _S3.fullmatch(text)
    if match is None or match["port"] == _DEFAULT_PORT[match["scheme"]]:
        raise Malformed(f"{WANT}, got {clip(text)!r}")
    if int(match["port"] or 1) > 65_535:
        raise Malformed(f"want a port of at most 65535, got {match['port']!r}")
    if credentials is None:
        raise Malformed(
            f"want a file with the credentials of {clip(text)!r}",
            hints=("two lines: the access key, the secret key; mode 600",),
        )
    user = Credentials.read(base / credentials)
    bucket = Bucket(match["endpoint"], match["bucket"], user, allow_http=allow_http)
    prefix = f"{match['prefix'][1:]}/" if match["prefix"] else ""
    return S3ObjectStore(bucket, prefix, stale_ms=None if beside else STALE_MS)


def is_same_place(one: str, other: str, base: Path) -> bool:
    """Whether two texts name one store; a folder may be spelt in many ways."""
    if one.startswith(DIRECTORY) and other.startswith(DIRECTORY):
        first, second = ((base / text.removeprefix(DIRECTORY)).resolve() for text in (one, other))
        return first == second
    return one == other


def _open_directory(path: Path, *, beside: bool, used: bool) -> DirectoryObjectStore:
    if used and not (path / "incoming").is_dir():
        # Or a disk that is not mounted would be filled up again, on the disk below it.
        raise Unavailable(
            f"items lie in {str(path)!r}, and it is empty or not there",
            hints=("mount it; of a new disk, make the folder 'incoming' in it, and scrub",),
        )
    return DirectoryObjectStore(path, beside=beside)
