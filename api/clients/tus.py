"""The sending side of uploads that break off: tus 1.0, as `api.tus` takes it.

    upload = client.create(size, sha256, name)
    digests = client.send(upload, file, size, sha256, progress)

The upload's path and the offset that the server tells are all the state there is: whoever
keeps the path goes on after a broken line, a restart of the server or one of his own.
"""

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.clients.address import without_password
from api.clients.http import REFUSED, new_client, no_answer, read_limited
from api.clients.ledger import SLOWEST, UPLOAD_TIMEOUT_S, check_texts, read_object, refusal
from api.clients.patience import PATIENCE_S, Patience, Stopped
from api.signing import sign_request
from ledger import abreast
from ledger.encoding import clip, format_base64, parse_decimal, printable
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, ItemHasher
from ledger.suite import DIGEST_SIZE, digest
from ledger.tlog.signing_key import SigningKey

PIECE = 8 << 20  # of one request, and of memory
LOOK_S = 5.0  # at most between two questions whether the item is recorded
MENDING = 3  # rounds; a disk that damages what is sent again is no place for it
MAX_ANSWER = 1 << 20
SPEAKS = {"Tus-Resumable": "1.0.0"}

_PLACE = re.compile(r"/v1/tus/[0-9a-f]{32}", re.ASCII)

Progress = Callable[[int], None]


class _Broken(Unavailable):
    """The line, or something that another attempt may mend."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def offset(self) -> int:
        return parse_decimal(self.headers.get("Upload-Offset", ""))


@dataclass(slots=True)
class _Sending:
    """One file on its way. `seen` is as far as the progress was told."""

    upload: str
    file: Path
    size: int
    sha256: bytes
    progress: Progress
    patience: Patience
    seen: int = 0

    def reached(self, offset: int) -> None:
        if offset > self.seen:
            self.progress(offset - self.seen)
            self.seen = offset
            self.patience.moved()


class TusClient:
    """For one ledger at `url`; usable from any thread. `stop` ends every wait."""

    def __init__(
        self,
        url: str,
        *,
        key: SigningKey,
        stop: threading.Event | None = None,
        patience_s: float = PATIENCE_S,
        piece: int | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._shown = without_password(self._url)
        self._key = key
        self._stop = stop or threading.Event()
        self._patience_s = patience_s
        self._piece = piece or PIECE
        self._client = new_client(UPLOAD_TIMEOUT_S)

    def close(self) -> None:
        self._client.close()

    def upload(
        self, file: Path, size: int, sha256: bytes, progress: Progress, *, sm3: bool = False
    ) -> dict[str, Any]:
        """A new upload from beginning to end; the digests as the ledger read them back."""
        upload = self.create(size, sha256, file.name, sm3=sm3)
        return self.send(upload, file, size, sha256, progress)

    def create(self, size: int, sha256: bytes, name: str = "", *, sm3: bool = False) -> str:
        """The path of a new upload, to be kept until `send` has returned."""
        pairs = {"sha256": sha256.hex().encode()}
        if sm3:
            pairs["sm3"] = b"yes"
        if name:
            pairs["filename"] = name.encode("utf-8", "surrogateescape")
        metadata = ",".join(f"{k} {format_base64(v)}" for k, v in pairs.items())
        said = {"Upload-Length": str(size), "Upload-Metadata": metadata}
        nonce = secrets.token_urlsafe(24)
        signed = sign_request(self._key, "POST", f"{self._url}/v1/tus", b"", nonce, said)
        place = self._ask("POST", "/v1/tus", {**SPEAKS, **signed}).headers.get("Location", "")
        if not _PLACE.fullmatch(place):
            raise Malformed(f"want the path of an upload from {self._shown}, got {clip(place)!r}")
        return place

    def send(
        self, upload: str, file: Path, size: int, sha256: bytes, progress: Progress
    ) -> dict[str, Any]:
        """Goes on where the server is, until the item is recorded; its digests as read back.

        Raises `Unknown` if the upload has ended: then a new one is to be opened.
        """
        patience = Patience(self._stop, self._patience_s)
        sending = _Sending(upload, file, size, sha256, progress, patience)
        while True:
            try:
                self._send_rest(sending)
                return self._await_item(sending)
            except _Broken as error:
                sending.patience.wait(error)

    def give_up(self, upload: str) -> None:
        """Quiet if it has ended."""
        try:
            self._ask("DELETE", upload, SPEAKS)
        except Unknown:
            return

    def _send_rest(self, sending: _Sending) -> None:
        offset = self._ask("HEAD", sending.upload, SPEAKS).offset()
        if offset > sending.size:
            raise Malformed(f"the ledger has {offset} bytes of a file of {sending.size}")
        sending.reached(offset)
        while offset < sending.size:
            if self._stop.is_set():
                raise Stopped("stopped while sending")
            part = _part(sending, offset, min(self._piece, sending.size - offset))
            headers = {
                **SPEAKS,
                "Content-Type": "application/offset+octet-stream",
                "Upload-Offset": str(offset),
                "Upload-Checksum": f"sha256 {format_base64(digest(part))}",
            }
            start, offset = offset, self._ask("PATCH", sending.upload, headers, part).offset()
            if not start < offset <= start + len(part):
                # Or it would have us send the same for ever.
                raise _Broken(f"the ledger has {offset} bytes after {start} and {len(part)} more")
            sending.reached(offset)

    def _await_item(self, sending: _Sending) -> dict[str, Any]:
        ends = time.monotonic() + UPLOAD_TIMEOUT_S + sending.size / SLOWEST
        wait, mended = 0.05, 0
        while True:
            answer = self._item(sending.upload)
            match answer["state"]:
                case "recorded":
                    return _recorded(sending, answer)
                case "receiving":
                    raise _Broken("the ledger has lost a part of what it had")
                case "mismatch":
                    if mended == MENDING:
                        raise Rejected(f"the ledger damages {printable(str(sending.file))!r}")
                    self._mend(sending)
                    mended += 1
                case "working" if time.monotonic() < ends:
                    sending.patience.pause(wait)
                    wait = min(2 * wait, LOOK_S)
                case _:
                    raise Unavailable(f"{self._shown} does not come to an end with an upload")

    def _mend(self, sending: _Sending) -> None:
        """Sends again the chunks that the ledger has otherwise than the file."""
        wanted = _leaves(sending)
        number = damaged = 0
        while number < len(wanted):
            page = self._ask("GET", f"{sending.upload}/chunks?first={number}", {}).body
            found = [page[i : i + DIGEST_SIZE] for i in range(0, len(page), DIGEST_SIZE)]
            if not found:
                raise _Broken("the ledger has lost a part of what it had")
            for n, leaf in enumerate(found[: len(wanted) - number], number):
                if leaf != wanted[n]:
                    self._send_chunk(sending, n)
                    damaged += 1
            number += len(found)
        if not damaged:
            raise Rejected(f"the digest that {self._shown} computes is not that of its own chunks")

    def _send_chunk(self, sending: _Sending, number: int) -> None:
        start = number * CHUNK_SIZE
        chunk = _part(sending, start, min(CHUNK_SIZE, sending.size - start))
        headers = {"Upload-Checksum": f"sha256 {format_base64(digest(chunk))}"}
        self._ask("PUT", f"{sending.upload}/chunks/{number}", headers, chunk)

    def _item(self, upload: str) -> dict[str, Any]:
        answer = read_object(self._ask("GET", f"{upload}/item", {}).body)
        if answer is None:
            raise Malformed(f"want a JSON object about an upload from {self._shown}")
        return check_texts(answer, "state")

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> _Answer:
        url = self._url + path
        try:
            with self._client.stream(method, url, headers=dict(headers), content=body) as response:
                data = read_limited(response, MAX_ANSWER)
                answer = _Answer(response.status_code, response.headers, data)
        except REFUSED as error:
            raise _Broken(str(no_answer(self._url, error))) from None
        if answer.status >= 400:
            raise _refusal(answer)
        return answer


def _refusal(answer: _Answer) -> LedgerError:
    document = read_object(answer.body)
    error = Unavailable(f"the server answered {answer.status}")
    if document is not None:
        error = refusal(document)  # type: ignore[assignment]
    elif answer.status in (404, 410):  # a HEAD has no body
        return Unknown("the upload has ended", hints=("open a new one",))
    # 409 and 423: another request was there first. 460: the line changed a byte.
    if answer.status in (409, 423, 460) or (answer.status >= 500 and answer.status != 507):
        return _Broken(str(error), hints=error.hints)
    return error


def _recorded(sending: _Sending, answer: dict[str, Any]) -> dict[str, Any]:
    check_texts(answer, "sha256", "size", "tiezhengChunks256k")
    if (answer["sha256"], answer["size"]) != (sending.sha256.hex(), str(sending.size)):
        raise Rejected(f"want sha256 {sending.sha256.hex()}, the ledger has {answer['sha256']!r}")
    return {name: value for name, value in answer.items() if name != "state"}


def _part(sending: _Sending, start: int, size: int) -> bytes:
    try:
        with sending.file.open("rb") as file:
            file.seek(start)
            part = file.read(size)
    except OSError as error:
        shown = printable(str(sending.file))
        raise Unavailable(f"cannot read {shown!r}: {error.strerror}") from None
    if len(part) != size:
        raise _changed(sending)
    return part


def _leaves(sending: _Sending) -> list[bytes]:
    hasher = ItemHasher()
    starts = range(0, sending.size, PIECE)
    pieces = (_part(sending, start, min(PIECE, sending.size - start)) for start in starts)
    abreast.feed(pieces, hasher.parts)
    if hasher.finish().sha256 != sending.sha256:
        raise _changed(sending)
    return hasher.leaves


def _changed(sending: _Sending) -> Rejected:
    return Rejected(
        f"{printable(str(sending.file))!r} changed while it was being sent",
        hints=("send it again once nobody writes to it",),
    )
