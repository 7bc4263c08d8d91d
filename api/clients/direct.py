"""The sending side of direct uploads: a station seals an item and puts it into the store itself.

    digests = client.upload(file, size, sha256, progress)

The ledger gives the item's key and a URL for each part; the bytes go past it. What it does not
have it asks for again: who was cut off announces the file once more, and goes on with the parts
that are missing. Memory holds `IN_FLIGHT` parts of 16 MiB and one more.

To the store goes nothing but sealed parts: no signature, no token, and no redirect is followed.
"""

import os
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from api.clients.address import without_password
from api.clients.http import REFUSED, fetch, new_client
from api.clients.ledger import (
    SLOWEST,
    UPLOAD_TIMEOUT_S,
    Progress,
    announcement,
    check_texts,
    read_object,
    refusal,
)
from api.clients.patience import PATIENCE_S, Patience, Stopped
from api.clients.tus import LOOK_S
from api.signing import sign_request
from ledger.encoding import clip, format_json, parse_base64, parse_decimal, parse_hex, printable
from ledger.errors import Full, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.sealed import (
    ID_SIZE,
    OVERHEAD,
    STORED_BLOCK,
    ItemSeal,
    block_count,
    stored_size,
)
from ledger.suite_private import SEAL_KEY, SEAL_NONCE
from ledger.tlog.signing_key import SigningKey

IN_FLIGHT = 3
MAX_ANSWER = 1 << 20
# A ledger decides over our memory as far as this, and for large items as far as S3 makes it.
MAX_PART = 64 << 20
MANY_PARTS = 5_000
SKIM_S = 5.0  # a store has little to say to a part
ROUNDS = 3  # of putting what is missing; a store that forgets more is no place for it

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class _Broken(Unavailable):
    """The line, or something that another attempt may mend."""


class _Busy(_Broken):
    """It is being verified."""


class _Missing(_Broken):
    """Parts are not there, or not whole."""


@dataclass(slots=True, kw_only=True)
class _Sending:
    """One file on its way."""

    upload: str
    file: Path
    size: int
    part_size: int
    parts: int
    state: str
    seal: ItemSeal = field(repr=False)
    progress: Progress = field(repr=False)
    patience: Patience
    told: set[int] = field(default_factory=set)

    def reached(self, number: int) -> None:
        if number not in self.told:
            first, end = self.blocks(number)
            self.progress(min(end * CHUNK_SIZE, self.size) - first * CHUNK_SIZE)
            self.told.add(number)
            self.patience.moved()

    def blocks(self, number: int) -> tuple[int, int]:
        """Those of a part, which is whole blocks."""
        many = self.part_size // STORED_BLOCK
        return (number - 1) * many, min(number * many, block_count(self.size))


class DirectClient:
    """For one ledger at `url`; usable from any thread. `stop` ends every wait.

    Raises `NoDirect` where the ledger offers no such thing.
    """

    def __init__(
        self,
        url: str,
        *,
        key: SigningKey,
        stop: threading.Event | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._url = url.rstrip("/")
        self._shown = without_password(self._url)
        self._key = key
        self._stop = stop or threading.Event()
        self._patience_s = patience_s
        self._ledger = new_client(UPLOAD_TIMEOUT_S)
        # Apart: what is said to the ledger is never said to the store.
        self._store = new_client(UPLOAD_TIMEOUT_S)

    def close(self) -> None:
        self._ledger.close()
        self._store.close()

    def upload(
        self, file: Path, size: int, sha256: bytes, progress: Progress, *, sm3: bool = False
    ) -> dict[str, Any]:
        """The digests as the ledger read them back. Safe to repeat, after a restart too."""
        try:
            return self._send(self._open(file, size, sha256, progress, sm3), sha256)
        except Unknown:
            # It has ended there, as after a long time without a line: from the beginning.
            return self._send(self._open(file, size, sha256, progress, sm3), sha256)

    def _send(self, sending: _Sending, sha256: bytes) -> dict[str, Any]:
        rounds = 0
        while True:
            try:
                if sending.state == "receiving":
                    self._put_missing(sending)
                    self._ask("POST", f"/v1/direct/{sending.upload}/finish")
                    sending.state = "working"
                    sending.patience.moved()
                answer = self._await_end(sending)
                if answer["state"] == "recorded":
                    return _recorded(sending, sha256, answer)
                raise _Missing("the ledger waits for parts that were put")
            except _Missing as error:
                if rounds == ROUNDS:
                    raise Unavailable(f"the store loses what is put there: {error}") from None
                sending.state, rounds = "receiving", rounds + 1
            except _Busy:
                sending.state = "working"  # the answer to the finish was lost
            except _Broken as error:
                sending.patience.wait(error)

    def _open(
        self, file: Path, size: int, sha256: bytes, progress: Progress, sm3: bool
    ) -> _Sending:
        body = format_json(announcement(size, sha256, sm3=sm3))
        nonce = secrets.token_urlsafe(24)
        signed = sign_request(self._key, "POST", f"{self._url}/v1/direct", body, nonce)
        answer = self._ask("POST", "/v1/direct", dict(signed), body)
        return _sending(answer, file, size, progress, Patience(self._stop, self._patience_s))

    # --- parts -----------------------------------------------------------------------------

    def _put_missing(self, sending: _Sending) -> None:
        number = 1
        with ThreadPoolExecutor(IN_FLIGHT, "part") as pool:
            flying: deque[tuple[int, Future[None]]] = deque()

            def land() -> None:
                landed, future = flying.popleft()
                future.result()
                sending.reached(landed)

            try:
                while number <= sending.parts:
                    page = self._parts(sending, number)
                    for number, url in page:
                        if url is None:
                            sending.reached(number)
                            continue
                        while len(flying) == IN_FLIGHT:
                            land()
                        if self._stop.is_set():
                            raise Stopped("stopped while sending")
                        part = _sealed(sending, number)
                        flying.append((number, pool.submit(self._put, number, url, part)))
                    number += 1
                while flying:
                    land()
            finally:
                for _, future in flying:
                    future.cancel()

    def _parts(self, sending: _Sending, first: int) -> list[tuple[int, str | None]]:
        """Number and URL of each of a page; no URL of what is there."""
        answer = self._ask("GET", f"/v1/direct/{sending.upload}/parts?first={first}")
        rows = answer.get("parts")
        if not isinstance(rows, list) or not rows:
            raise Malformed(f"want the parts of an upload from {self._shown}")
        found: list[tuple[int, str | None]] = []
        for number, row in enumerate(rows, first):
            if not isinstance(row, dict):
                raise Malformed(f"want an object for each part from {self._shown}")
            check_texts(row, "n", "there", "url")
            if parse_decimal(row["n"]) != number or number > sending.parts:
                raise Malformed(f"want part {number} of {sending.parts}, got {clip(row['n'])!r}")
            found.append((number, None if row["there"] == "yes" else row["url"]))
        return found

    def _put(self, number: int, url: str, part: bytes) -> None:
        """Once: what fails is put again with a new URL, and sealed anew."""
        where = _where(url)
        try:
            with self._store.stream("PUT", url, content=part) as response:
                self._skim(response)
                status = response.status_code
        except REFUSED as error:
            # Only its kind: what a library says of an error may quote the URL.
            raise _Broken(f"no answer from the store at {where}: {type(error).__name__}") from None
        except Unavailable:
            raise _Broken(f"the store at {where} says too much") from None
        if status == 200:
            return
        if 300 <= status < 400:
            raise Rejected(
                f"the store at {where} sends us elsewhere: {status}",
                hints=("evidence goes where it is sent: tell the ledger's operator",),
            )
        # 403: it may have grown too old, and the ledger gives another.
        raise _Broken(f"the store at {where} answered {status} to part {number}")

    def _skim(self, response: httpx2.Response) -> None:
        """So that the connection serves again. The status counts: what drips in is not awaited."""
        total, ends = 0, time.monotonic() + SKIM_S
        for part in response.iter_raw():
            total += len(part)
            if total > MAX_ANSWER:
                raise Unavailable("too much")
            if self._stop.is_set() or time.monotonic() > ends:
                return

    # --- the ledger ------------------------------------------------------------------------

    def _await_end(self, sending: _Sending) -> dict[str, Any]:
        ends = time.monotonic() + UPLOAD_TIMEOUT_S + sending.size / SLOWEST
        wait = 0.05
        while True:
            answer = self._item(sending)
            if answer["state"] != "working":
                return answer
            if time.monotonic() > ends:
                raise Unavailable(f"{self._shown} does not come to an end with an upload")
            sending.patience.pause(wait)
            wait = min(2 * wait, LOOK_S)

    def _item(self, sending: _Sending) -> dict[str, Any]:
        answer = self._ask("GET", f"/v1/direct/{sending.upload}/item")
        return check_texts(answer, "state")

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> dict[str, Any]:
        try:
            status, data = fetch(
                self._ledger,
                method,
                self._url + path,
                MAX_ANSWER,
                headers=headers or {},
                content=body,
            )
        except Unavailable as error:
            raise _Broken(str(error)) from None
        document = read_object(data)
        if status >= 400:
            raise _refusal(status, document)
        if document is None:
            raise Malformed(f"want a JSON object about an upload from {self._shown}")
        return document


def _sending(
    answer: dict[str, Any], file: Path, size: int, progress: Progress, patience: Patience
) -> _Sending:
    check_texts(answer, "upload", "state", "item", "key", "parts", "partSize")
    if not _ID.fullmatch(answer["upload"]):
        raise Malformed(f"want the id of an upload, got {clip(answer['upload'])!r}")
    part_size, stored = parse_decimal(answer["partSize"]), stored_size(size)
    most = max(MAX_PART, stored // MANY_PARTS)
    if part_size % STORED_BLOCK or not 0 < part_size <= most:
        raise Malformed(f"want parts of whole blocks, of at most {most} bytes, got {part_size}")
    parts = parse_decimal(answer["parts"])
    if parts != -(-stored // part_size):
        raise Malformed(f"want {stored} bytes in parts of {part_size}, got {parts} parts")
    key = parse_base64(answer["key"], SEAL_KEY)
    return _Sending(
        upload=answer["upload"],
        file=file,
        size=size,
        part_size=part_size,
        parts=parts,
        state=answer["state"],
        seal=ItemSeal(key, parse_hex(answer["item"], ID_SIZE), size),
        progress=progress,
        patience=patience,
    )


def _sealed(sending: _Sending, number: int) -> bytes:
    """A part. Sealed again it is other bytes: a nonce is used for one block only."""
    first, end = sending.blocks(number)
    start = first * CHUNK_SIZE
    size = min(end * CHUNK_SIZE, sending.size) - start
    part = bytearray(stored_size(size))
    target = memoryview(part)
    for block, chunk in enumerate(_chunks(sending, start, size), first):
        length = len(chunk) + OVERHEAD
        sending.seal.seal_block(target[:length], block, os.urandom(SEAL_NONCE), chunk)
        target = target[length:]
    return bytes(part)


def _chunks(sending: _Sending, start: int, size: int) -> Iterator[bytes]:
    """Of an empty file one, which is empty."""
    shown = printable(str(sending.file))
    try:
        with sending.file.open("rb") as file:
            file.seek(start)
            while True:
                chunk = file.read(min(CHUNK_SIZE, size))
                size -= len(chunk)
                yield chunk
                if not size:
                    return
                if len(chunk) != CHUNK_SIZE:
                    raise Rejected(
                        f"{shown!r} changed while it was being sent",
                        hints=("send it again once nobody writes to it",),
                    )
    except OSError as error:
        raise Unavailable(f"cannot read {shown!r}: {error.strerror}") from None


def _where(url: str) -> str:
    """The store, without the rest of the URL, which is a secret."""
    try:
        place = urlsplit(url)
        host, port = place.hostname, place.port
    except ValueError:
        host = port = None
    if not host or place.scheme not in ("http", "https"):
        raise Malformed("want the URL of a part from the ledger")
    return f"{place.scheme}://{host}:{port}" if port else f"{place.scheme}://{host}"


def _recorded(sending: _Sending, sha256: bytes, answer: dict[str, Any]) -> dict[str, Any]:
    check_texts(answer, "sha256", "size", "tiezhengChunks256k")
    if (answer["sha256"], answer["size"]) != (sha256.hex(), str(sending.size)):
        raise Rejected(
            f"want sha256 {sha256.hex()} of {printable(str(sending.file))!r},"
            f" the ledger has {answer['sha256']!r}"
        )
    return {name: value for name, value in answer.items() if name != "state"}


def _refusal(status: int, document: dict[str, Any] | None) -> LedgerError:
    if document is None:
        return _Broken(f"the server answered {status}")
    error = refusal(document)
    match document.get("code"):
        case "busy":
            return _Busy(str(error))
        case "parts":
            return _Missing(str(error))
    if isinstance(error, Unavailable) and not isinstance(error, Full):
        return _Broken(str(error), hints=error.hints)
    return error
