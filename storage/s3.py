"""How this project speaks S3: `minio`, with limits, and errors in our own words.

What is private in `minio` 7.2 and needed (parts, lists of versions and of uploads, headers of a
single request) is called here and nowhere else. A body is hashed once: its SHA-256 is signed
with the request and sent as the checksum that the store keeps.

Certificates are believed as TIEZHENG_CA_FILE or the system says. Plain HTTP goes to this
machine only. No proxy of the environment is used and no redirect followed: evidence goes where
it is sent.
"""

import hashlib
import ipaddress
import os
import re
import ssl
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import urlsplit
from xml.etree import ElementTree

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED
from minio.error import MinioException, S3Error
from minio.retention import Retention
from urllib3.exceptions import HTTPError, MaxRetryError

from ledger.encoding import clip, format_base64
from ledger.errors import Full, LedgerError, Malformed, Rejected, Unavailable, Unknown

CA_FILE = "TIEZHENG_CA_FILE"
CONNECT_S, ANSWER_S = 10.0, 120.0
CONNECTIONS = 16
PIECE = 1 << 20
# Nobody shortens it, the owner of the bucket included; the other mode, GOVERNANCE, he may.
COMPLIANCE = "COMPLIANCE"
MAX_CREDENTIALS = 4096

_CHECKSUM, _ALGORITHM = "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"
_NO_ROOM = frozenset({"QuotaExceeded", "InsufficientCapacity", "InsufficientStorage"})
_NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchUpload"})
_NOT_ALLOWED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_NO_LOCK = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"})
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_ONE_LINE = re.compile(r"[!-~]+", re.ASCII)

Bytes = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user of the store. The file holds two lines: the access key, the secret key."""

    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `Rejected` if others may read the file."""
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                data = file.read(MAX_CREDENTIALS + 1)
        except OSError as error:
            raise Unavailable(f"cannot read {str(path)!r}: {error.strerror}") from None
        if mode & 0o077:
            raise Rejected(
                f"want {str(path)!r} readable by its owner only, got mode {mode:04o}",
                hints=(f"chmod 600 {path}",),
            )
        match data.decode("ascii", "replace").split("\n"):
            case [access, secret, ""] if _ONE_LINE.fullmatch(access) and _ONE_LINE.fullmatch(
                secret
            ):
                return cls(access, secret)
        raise Malformed("want two lines: the access key, the secret key", path=str(path))


@dataclass(frozen=True, slots=True)
class Version:
    """One of the versions that a name has, as the store lists them: the newest first."""

    name: str
    version: str
    size: int
    deletes: bool
    """A delete marker: it holds no bytes, and hides those of the versions before it."""
    written_ms: int


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    etag: str
    size: int
    sha256: bytes = b""


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    upload_id: str
    began_ms: int


class Bucket:
    """One bucket. Raises `Unavailable`, `Full`, `Unknown` and, at `delete`, `Rejected`."""

    def __init__(
        self, endpoint: str, name: str, credentials: Credentials, *, allow_http: bool = False
    ) -> None:
        url = urlsplit(endpoint)
        if url.scheme == "http" and not (allow_http or _is_this_machine(url.hostname or "")):
            raise Rejected(
                f"want https to another machine, got {clip(endpoint)!r}",
                hints=("give the store a certificate; TIEZHENG_CA_FILE names its authority",),
            )
        self.name = name
        self.endpoint = endpoint
        context = _tls() if url.scheme == "https" else None
        # What makes a version is sent once by the library: a second time would make a second.
        self._once = _client(endpoint, credentials, context, tries=0)
        self._client = _client(endpoint, credentials, context, tries=3)

    # --- the bucket ------------------------------------------------------------------------

    def versioning(self) -> bool:
        with self._refusals("ask for versioning"):
            return bool(self._client.get_bucket_versioning(self.name).status == ENABLED)

    def locks(self) -> bool:
        """Whether it was made with Object Lock."""
        return self._lock_config() is not None

    def default_days(self) -> str:
        """The retention that everything put here gets by itself, "" if none does."""
        config = self._lock_config()
        rule = None if config is None else _find(config, "DefaultRetention")
        return "" if rule is None else " ".join(text for text in rule.itertext() if text.strip())

    def _lock_config(self) -> ElementTree.Element | None:
        with self._refusals("ask for Object Lock"):
            try:
                config = _xml(self._ask("GET", query={"object-lock": ""}))
            except S3Error as error:
                if error.code in _NO_LOCK:
                    return None
                raise
            return config if _text(config, "ObjectLockEnabled") == ENABLED else None

    def versions(self, prefix: str) -> Iterator[Version]:
        """In order of names; within one, the newest first, delete markers apart."""
        with self._refusals("list what is there"):
            for found in self._client.list_objects(
                self.name, prefix=prefix, recursive=True, include_version=True
            ):
                yield Version(
                    found.object_name or "",
                    found.version_id or "",
                    found.size or 0,
                    found.is_delete_marker,
                    int(found.last_modified.timestamp() * 1000) if found.last_modified else 0,
                )

    # --- whole objects -----------------------------------------------------------------------

    def put(self, name: str, data: Bytes) -> str:
        """The version it made. If there was no answer, it may be there all the same."""
        with self._refusals("put an object"):
            headers = _checksum(hashlib.sha256(data).digest())
            result = self._once._put_object(self.name, name, cast(bytes, data), headers=headers)
            _check_echo(result.http_headers, headers[_CHECKSUM])
            return _version(result.version_id)

    def size(self, name: str, version: str) -> int:
        with self._refusals("look at an object"):
            found = self._client.stat_object(self.name, name, version_id=version)
            return found.size or 0

    def read(self, name: str, version: str, start: int, end: int) -> bytes:
        if start == end:
            self.size(name, version)
            return b""
        with self._refusals("read an object"):
            # By a header, as the library takes a length of 0 for "to the end".
            ranged = {"Range": f"bytes={start}-{end - 1}"}
            answer = self._ask("GET", name, query={"versionId": version}, headers=ranged)
            return answer.data

    def read_all(self, name: str, version: str | None, limit: int) -> bytes:
        """The newest if no version is given; raises `Unavailable` beyond `limit` bytes."""
        data = bytearray()
        for piece in self.pieces(name, version):
            data += piece
            if len(data) > limit:
                raise Unavailable(f"want at most {limit} bytes of {name!r}, got more")
        return bytes(data)

    def pieces(self, name: str, version: str | None) -> Iterator[bytes]:
        """The newest if no version is given."""
        with self._refusals("read an object"):
            answer = self._client.get_object(self.name, name, version_id=version)
            try:
                yield from answer.stream(PIECE)
            except BaseException:
                answer.close()  # what is left of it is not worth reading
                raise
            finally:
                answer.release_conn()

    def delete(self, name: str, version: str) -> None:
        """That version, for good; quiet if it is gone. Raises `Rejected` if it may not be."""
        with self._refusals("delete an object", denied=Rejected):
            self._client.remove_object(self.name, name, version_id=version)

    # --- parts -------------------------------------------------------------------------------

    def begin_parts(self, name: str, *, checksums: bool = True) -> str:
        with self._refusals("begin an object"):
            headers = {"x-amz-checksum-algorithm": "SHA256"} if checksums else {}
            answer = self._ask("POST", name, query={"uploads": ""}, headers=headers)
            return _text(_xml(answer), "UploadId") or ""

    def put_part(self, name: str, upload_id: str, number: int, data: Bytes) -> Part:
        with self._refusals("put a part"):
            digest = hashlib.sha256(data).digest()
            headers = _checksum(digest)
            result = self._client._put_object(
                self.name,
                name,
                cast(bytes, data),
                headers=headers,
                query_params={"partNumber": str(number), "uploadId": upload_id},
            )
            _check_echo(result.http_headers, headers[_CHECKSUM])
            return Part(number, result.etag or "", len(data), digest)

    def parts(self, name: str, upload_id: str, *, after: int = 0) -> Iterator[Part]:
        with self._refusals("list parts"):
            marker = str(after) if after else None
            while True:
                page = self._client._list_parts(
                    self.name, name, upload_id, part_number_marker=marker
                )
                for part in page.parts:
                    yield Part(part.part_number, part.etag, part.size or 0)
                if not page.is_truncated:
                    return
                marker = str(page.next_part_number_marker)

    def complete(self, name: str, upload_id: str, parts: Sequence[Part]) -> str:
        """The version it made. If there was no answer, it may be there all the same."""
        with self._refusals("complete an object"):
            answer = self._once._execute(
                "POST",
                self.name,
                name,
                body=_completion(parts),
                headers={"Content-Type": "application/xml"},
                query_params={"uploadId": upload_id},
            )
            # A store may say 200 before it knows, and tell of a failure in the body.
            found = _xml(answer)
            if _text(found, "ETag") is None and found.tag.endswith("Error"):
                raise Unavailable(f"cannot complete an object: {_text(found, 'Code')!r}")
            _check_composite(_text(found, "ChecksumSHA256"), parts)
            return _version(answer.headers.get("x-amz-version-id"))

    def abort_parts(self, name: str, upload_id: str) -> None:
        """Quiet if it is gone."""
        try:
            with self._refusals("abort an object"):
                self._client._abort_multipart_upload(self.name, name, upload_id)
        except Unknown:
            pass

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """Objects that were begun and neither completed nor aborted."""
        with self._refusals("list unfinished objects"):
            key_marker = upload_marker = None
            while True:
                page = self._client._list_multipart_uploads(
                    self.name,
                    prefix=prefix,
                    key_marker=key_marker,
                    upload_id_marker=upload_marker,
                )
                for upload in page.uploads:
                    began = upload.initiated_time
                    yield Upload(
                        upload.object_name or "",
                        upload.upload_id or "",
                        int(began.timestamp() * 1000) if began else 0,
                    )
                if not page.is_truncated:
                    return
                key_marker, upload_marker = page.next_key_marker, page.next_upload_id_marker

    def part_url(self, name: str, upload_id: str, number: int, lives_s: int) -> str:
        """Whoever has it may put just this part, until it dies."""
        with self._refusals("sign a URL"):
            return self._client.get_presigned_url(
                "PUT",
                self.name,
                name,
                expires=timedelta(seconds=lives_s),
                extra_query_params={"partNumber": str(number), "uploadId": upload_id},
            )

    # --- retention ---------------------------------------------------------------------------

    def retained(self, name: str, version: str) -> tuple[str, int] | None:
        """The mode, and until when, in milliseconds."""
        found = self._lock_of(name, version, "retention")
        if found is None:
            return None
        return _text(found, "Mode") or "", _time_ms(_text(found, "RetainUntilDate") or "")

    def retain(self, name: str, version: str, until_ms: int) -> None:
        with self._refusals("retain an object"):
            until = datetime.fromtimestamp(until_ms / 1000, UTC)
            self._client.set_object_retention(
                self.name, name, Retention(COMPLIANCE, until), version_id=version
            )

    def held(self, name: str, version: str) -> bool:
        found = self._lock_of(name, version, "legal-hold")
        return found is not None and _text(found, "Status") == "ON"

    def hold(self, name: str, version: str, on: bool) -> None:
        with self._refusals("hold an object"):
            if on:
                self._client.enable_object_legal_hold(self.name, name, version_id=version)
            else:
                self._client.disable_object_legal_hold(self.name, name, version_id=version)

    def _lock_of(self, name: str, version: str, what: str) -> ElementTree.Element | None:
        # Not by the library's own call: Ceph writes nine digits of a second, it reads six.
        with self._refusals(f"ask for the {what} of an object"):
            try:
                return _xml(self._ask("GET", name, query={what: "", "versionId": version}))
            except S3Error as error:
                if error.code in _NO_LOCK:
                    return None
                raise

    # --- asking ------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        name: str | None = None,
        *,
        query: dict[str, str],
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """What the library has no public name for."""
        asked: Any = dict(headers or {})
        return self._client._execute(
            method, self.name, name, headers=asked, query_params=cast(Any, query)
        )

    @contextmanager
    def _refusals(self, what: str, denied: type[LedgerError] = Unavailable) -> Iterator[None]:
        """`what` continues "cannot". Says S3's code and no more: an answer may quote a request."""
        where = f"in {self.name!r} at {self.endpoint}"
        try:
            yield
        except S3Error as error:
            code = clip(str(error.code))
            if code in _NO_ROOM or error.response.status == 507:
                raise Full(f"cannot {what} {where}: {code!r}") from None
            if code in _NOT_THERE:
                raise Unknown(f"cannot {what} {where}: {code!r}") from None
            if code in _NOT_ALLOWED:
                hint = "look at the user's policy: docs/object-storage.md lists what it needs"
                raise denied(f"cannot {what} {where}: {code!r}", hints=(hint,)) from None
            raise Unavailable(f"cannot {what} {where}: {code!r}") from None
        except HTTPError as error:
            reason = error.reason if isinstance(error, MaxRetryError) else error
            raise Unavailable(f"cannot {what} {where}: {type(reason).__name__}") from None
        except (MinioException, ValueError, ElementTree.ParseError):
            raise Unavailable(f"cannot {what} {where}: the answer is not S3") from None


class _Client(Minio):
    def _build_headers(
        self,
        host: str,
        headers: Any = None,
        body: bytes | None = None,
        creds: Any = None,
    ) -> tuple[Any, datetime]:
        """Signs the checksum that we computed, where the library would hash the body again."""
        if not headers or _CHECKSUM not in headers:
            return super()._build_headers(host, headers, body, creds)
        built, date = super()._build_headers(host, headers, None, creds)
        built["Content-Length"] = str(len(body or b""))
        built["x-amz-content-sha256"] = b64decode(str(built[_CHECKSUM])).hex()
        return built, date


def _client(
    endpoint: str, credentials: Credentials, context: ssl.SSLContext | None, *, tries: int
) -> _Client:
    url = urlsplit(endpoint)
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S),
        maxsize=CONNECTIONS,
        ssl_context=context,
        retries=urllib3.Retry(
            total=tries,
            redirect=False,
            backoff_factor=0.2,
            status_forcelist=(500, 502, 503, 504),
            raise_on_status=False,
        ),
    )
    return _Client(
        url.netloc,
        credentials.access_key,
        credentials.secret_key,
        secure=url.scheme == "https",
        http_client=pool,
    )


def _tls() -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=os.environ.get(CA_FILE) or None)
    except (OSError, ssl.SSLError) as error:
        raise Unavailable(f"cannot use the certificates that {CA_FILE} names: {error}") from None


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checksum(digest: bytes) -> Any:
    # Without the second, Ceph takes the first and does not look at it.
    return {_CHECKSUM: format_base64(digest), _ALGORITHM: "SHA256"}


def _check_echo(headers: Any, checksum: str) -> None:
    """An older store is silent; one that speaks must have kept what was sent."""
    if (echo := headers.get(_CHECKSUM)) not in (None, checksum):
        raise Unavailable(f"want the checksum {checksum} of what was put, got {clip(echo)!r}")


def _check_composite(echo: str | None, parts: Sequence[Part]) -> None:
    digest = hashlib.sha256(b"".join(part.sha256 for part in parts)).digest()
    want = f"{format_base64(digest)}-{len(parts)}"
    if echo is not None and parts[0].sha256 and echo not in (want, format_base64(digest)):
        raise Unavailable(f"want the checksum {want} of what was put, got {clip(echo)!r}")


def _completion(parts: Sequence[Part]) -> bytes:
    root = ElementTree.Element("CompleteMultipartUpload")
    for part in parts:
        found = ElementTree.SubElement(root, "Part")
        ElementTree.SubElement(found, "PartNumber").text = str(part.number)
        ElementTree.SubElement(found, "ETag").text = f'"{part.etag}"'
        if part.sha256:
            ElementTree.SubElement(found, "ChecksumSHA256").text = format_base64(part.sha256)
    return ElementTree.tostring(root)


def _version(version: str | None) -> str:
    if not version or version == "null":
        raise Unavailable("want a version of what was put, got none: versioning is off")
    return version


def _xml(answer: Any) -> ElementTree.Element:
    # The store's own words, which we believe as far as we believe the store.
    return ElementTree.fromstring(answer.data)  # noqa: S314


def _find(root: ElementTree.Element, name: str) -> ElementTree.Element | None:
    """Whatever its namespace: stores differ."""
    return next((found for found in root.iter() if found.tag.rpartition("}")[2] == name), None)


def _text(root: ElementTree.Element, name: str) -> str | None:
    found = _find(root, name)
    return None if found is None else found.text


def _time_ms(text: str) -> int:
    """Rounded down: a store may be a fraction of a second less generous than it says."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise Unavailable(f"want a time, got {clip(text)!r}")
    whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    return int(whole.timestamp()) * 1000 + int((match[2] or "").ljust(3, "0")[:3])
