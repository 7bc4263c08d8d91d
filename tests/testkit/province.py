"""A province's platform: a real server that takes pages of the feed, and can be away or wrong.

    with open_platform(key) as platform:
        with open_ledger(folder, feed_url=platform.url, feed_seconds=1) as ledger: …

It checks what its page of the documents tells it to check, and keeps each event it has not yet.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from api.clients.feed_http import IDEMPOTENCY
from api.signing import Message, RequestVerifier
from ledger.errors import LedgerError, Rejected
from ledger.process.feeds.feed import Page, Told, check_follows, next_link, open_page
from ledger.tlog.note import VerifierKey


class Wrong(StrEnum):
    """What a platform may do that is no acknowledgement."""

    FAILS = "answers 500"
    LESS = "acknowledges one event less than it was sent"
    MORE = "acknowledges one event more"
    OTHER = "acknowledges another feed"
    EMPTY = "answers 200 and nothing"
    HUGE = "answers without an end"
    ELSEWHERE = "answers with a redirect"
    HANGS = "takes the page and says nothing"


@dataclass
class Platform:
    """`pages` are those kept, in order; `seen` every request, kept or not."""

    key: VerifierKey
    url: str = ""
    away: bool = False
    wrong: Wrong | None = None
    forgets: bool = False  # keeps the page and then breaks the line
    pages: list[Page] = field(default_factory=list)
    seen: int = 0
    refused: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._requests = RequestVerifier(lambda: time.time_ns() // 1_000_000)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [dict(one.event or {}) for page in self.pages for one in page.events]

    @property
    def last(self) -> int:
        return self.pages[-1].last if self.pages else 0

    def take(self, message: Message, body: bytes) -> Page:
        self._requests.verify(message, body, lambda keyid: self.key, ("content-type", IDEMPOTENCY))
        page = open_page(body, self.key)
        first, last = page.after + 1, page.last
        assert message.headers[IDEMPOTENCY] == f"{page.feed}/{first}-{last}"
        with self.lock:
            if self.pages:
                fresh = fresh_in(page, page.feed, self.last, self.pages[-1].chain)
                kept = replace(page, after=self.last, before=self.pages[-1].chain, events=fresh)
                if not fresh:
                    return page  # it has it
                check_follows(kept, self.pages[-1])
                self.pages.append(kept)
            else:
                self.pages.append(page)
        return page

    def answer(self, page: Page) -> bytes:
        last = page.last + {Wrong.LESS: -1, Wrong.MORE: 1}.get(self.wrong or Wrong.FAILS, 0)
        feed = "0198e7a0-0000-7000-8000-000000000000" if self.wrong is Wrong.OTHER else page.feed
        return json.dumps({"feed": feed, "last": str(last)}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    platform: Platform


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        platform = self.server.platform
        platform.seen += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if platform.away:
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        url = f"http://{self.headers['Host']}{self.path}"
        match platform.wrong:
            case Wrong.FAILS:
                self._say(500, b"{}")
            case Wrong.ELSEWHERE:
                self._say(307, b"", {"Location": f"{platform.url}/other"})
            case Wrong.EMPTY:
                self._say(200, b"")
            case Wrong.HANGS:
                platform.released.wait(60)
                self.close_connection = True
            case Wrong.HUGE:
                self._say_much()
            case _:
                self._take(Message("POST", url, headers), body)

    def _take(self, message: Message, body: bytes) -> None:
        platform = self.server.platform
        try:
            page = platform.take(message, body)
        except (LedgerError, AssertionError) as error:
            platform.refused.append(str(error))
            self._say(409, b"{}")
            return
        if platform.forgets:
            self.close_connection = True
        else:
            self._say(200, platform.answer(page))

    def _say_much(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while not self.server.platform.released.is_set():
                self.wfile.write(b" " * 65_536)

    def _say(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def fresh_in(page: Page, feed: str, last: int, chain: bytes) -> tuple[Told, ...]:
    """What a receiver that has the events up to `last` of that feed, and their chain, keeps.

    A page may begin before: then it must tell of the same events. Raises `Rejected` where it
    leaves something out, or tells of other events.
    """
    if page.feed != feed or page.after > last:
        raise Rejected(f"want events after {last} of {feed}, got {page.feed} after {page.after}")
    if page.last < last:
        return ()
    link = page.before
    for told in page.events[: last - page.after]:
        link = next_link(link, told.digest)
    if link != chain:
        raise Rejected(f"up to event {last} the page tells of different events")
    return page.events[last - page.after :]


@contextmanager
def open_platform(key: VerifierKey) -> Iterator[Platform]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.platform = Platform(key, f"http://127.0.0.1:{server.server_address[1]}/feed")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.platform
    finally:
        server.platform.released.set()
        server.shutdown()
        server.server_close()
        thread.join(60)
