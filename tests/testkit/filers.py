"""People who file whatever happens, and one who reads: they remember what they were told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from api.clients.ledger import LedgerClient
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.chunks import ItemDigest, digest_item
from testkit import case as kit

T = TypeVar("T")

PHOTO = b"photo"
BULK = 25
READ_S = 0.05  # between two looks at the published checkpoint
PATIENCE_S = 60.0


@dataclass(slots=True)
class Told:
    """What was sent, and what the ledger has answered for since it was founded."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    sent: set[bytes] = field(default_factory=set)
    acknowledged: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    uploaded: list[ItemDigest] = field(default_factory=list)
    published: list[str] = field(default_factory=list)  # notes, as a reader saw them
    refusals: list[object] = field(default_factory=list)

    def note(self, envelope: bytes, answer: dict[str, Any]) -> None:
        with self.lock:
            if "index" not in answer:
                self.refusals.append(answer)
                return
            before = self.acknowledged.setdefault(envelope, answer)
            same = ("id", "index", "entry", "salt", "series")
            if any(before[name] != answer[name] for name in same):
                self.refusals.append((before, answer))


@contextmanager
def connected(url: str) -> Iterator[LedgerClient]:
    client = LedgerClient(url, key=kit.STATION)
    try:
        yield client
    finally:
        client.close()


def taken(act: Callable[[], T]) -> T:
    """Again until the ledger takes it: one that starts refuses what is filed until cosigners have
    said what they know, which it waits for a few seconds only."""
    ends = time.monotonic() + PATIENCE_S
    while True:
        try:
            return act()
        except Unavailable:
            if time.monotonic() > ends:
                raise
            time.sleep(0.02)


def set_up(url: str, told: Told, scratch: Path) -> None:
    """The registers, and the one item that most statements speak of."""
    drafts = (
        kit.registration(1, kit.STATION, "station"),
        kit.registration(2, kit.HANDLER, "handler"),
        kit.agency(3, "苏城管罚〔{year}〕{number}号"),
    )
    envelopes = [draft.to_envelope() for draft in drafts]
    told.sent.update(envelopes)
    with connected(url) as client:
        answers = taken(lambda: client.file(envelopes))
        for envelope, answer in zip(envelopes, answers, strict=True):
            told.note(envelope, answer)
        upload(client, PHOTO, scratch)
    told.uploaded.append(digest_item(PHOTO))


def upload(client: LedgerClient, data: bytes, scratch: Path) -> None:
    path = scratch / f"item-{threading.get_ident()}"
    path.write_bytes(data)
    client.upload(path, len(data), digest_item(data).sha256, lambda n: None)


def evidence(number: int, data: bytes = PHOTO) -> bytes:
    return kit.evidence("e", number, {"a.jpg": data}).to_envelope()


class Load:
    """Threads that file, each until its statement is acknowledged. `url` changes as servers do."""

    def __init__(self, url: Callable[[], str], label: str, told: Told, scratch: Path) -> None:
        self._url, self._told, self._scratch = url, told, scratch
        self.label = label  # of the log whose checkpoint is read
        self._stop = threading.Event()
        self._going = threading.Event()
        self._going.set()
        self._beginning = threading.Lock()
        self._under_way = 0
        self._own = threading.local()
        jobs: list[tuple[Callable[[int], None], int]] = [
            (self._single, 1),
            (self._single, 2),
            (self._bulk, 3),
            (self._with_upload, 4),
            (self._with_upload, 5),
            (self._read, 0),
        ]
        self._threads = [threading.Thread(target=self._run, args=job) for job in jobs]
        for thread in self._threads:
            thread.start()

    def pause(self) -> None:
        """Nobody begins to file from now on; what is under way may still be answered."""
        with self._beginning:
            self._going.clear()

    @property
    def at_rest(self) -> bool:
        """Whether it is paused, and whatever was sent is answered and noted."""
        with self._beginning:
            return not self._going.is_set() and not self._under_way

    def go_on(self) -> None:
        self._going.set()

    def stop(self) -> None:
        self._stop.set()
        self._going.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _run(self, job: Callable[[int], None], lane: int) -> None:
        self._own.url, self._own.client = "", None
        try:
            job(lane)
        finally:
            if self._own.client is not None:
                self._own.client.close()

    def _client(self) -> LedgerClient:
        """This thread's, as making one takes longer than filing with it."""
        if self._own.url != self._url():
            if self._own.client is not None:
                self._own.client.close()
            self._own.url = self._url()
            self._own.client = LedgerClient(self._own.url, key=kit.STATION)
        client: LedgerClient = self._own.client
        return client

    def _single(self, lane: int) -> None:
        for number in self._numbers(lane):
            self._send([evidence(number)])

    def _bulk(self, lane: int) -> None:
        numbers = self._numbers(lane)
        while not self._stop.is_set():
            self._send([evidence(number) for number, _ in zip(numbers, range(BULK), strict=False)])

    def _with_upload(self, lane: int) -> None:
        repeat = 20_000 if lane == 4 else 120_000  # 260 kB, and more than a megabyte
        for number in self._numbers(lane):
            data = f"item {number} ".encode() * repeat

            def send(client: LedgerClient, data: bytes = data) -> None:
                upload(client, data, self._scratch)
                with self._told.lock:
                    self._told.uploaded.append(digest_item(data))

            if self._again(send):
                self._send([evidence(number, data)])

    def _read(self, lane: int) -> None:
        while not self._stop.wait(READ_S):
            self._going.wait()
            try:
                note = self._client().checkpoint(self.label).decode()
            except LedgerError:
                continue  # down, or nothing is published yet
            with self._told.lock:
                if note not in self._told.published[-1:]:
                    self._told.published.append(note)

    def _numbers(self, lane: int) -> Iterator[int]:
        number = lane * 1_000_000
        while not self._stop.is_set():
            number += 1
            yield number

    def _send(self, envelopes: list[bytes]) -> None:
        with self._told.lock:
            self._told.sent.update(envelopes)

        def send(client: LedgerClient) -> None:
            for envelope, answer in zip(envelopes, client.file(envelopes), strict=True):
                self._told.note(envelope, answer)

        self._again(send)

    @contextmanager
    def _sending(self) -> Iterator[None]:
        while True:
            self._going.wait()
            with self._beginning:
                if self._going.is_set():
                    self._under_way += 1
                    break
        try:
            yield
        finally:
            with self._beginning:
                self._under_way -= 1

    def _again(self, act: Callable[[LedgerClient], None]) -> bool:
        """Until there is an answer: a filer who got none sends the same again."""
        while not self._stop.is_set():
            try:
                with self._sending():
                    act(self._client())
                return True
            except Unavailable:
                time.sleep(0.02)
            except LedgerError as error:
                # An upload whose announcement died with the server begins anew.
                if "upload" not in str(error):
                    self._told.refusals.append(error)
                    return False
        return False
