"""The province's platform as it takes pages of the feed: a webhook, signed, answered by number.

    POST <the address>      the page; Idempotency-Key "<feed>/<first>-<last>", RFC 9421 signature
    200 {"feed":"0198…","last":"17"}      it has every event up to 17, durably

Whatever else it says is no acknowledgement. No redirect is followed: evidence goes where it is
sent. An address inside the agency's own network is as good as any.
"""

from collections.abc import Callable

import httpx2

from api.clients.address import without_password
from api.clients.http import fetch, new_client
from api.clients.ledger import read_object
from api.signing import sign_request
from ledger.encoding import clip
from ledger.errors import Unavailable
from ledger.process.feeds.feed import Page
from ledger.tlog.signing_key import SigningKey

WITHIN_S = 30.0
MAX_ANSWER = 4096
IDEMPOTENCY = "idempotency-key"


class HttpReceiver:
    """`nonce` gives a fresh one for each request."""

    def __init__(self, url: str, key: SigningKey, nonce: Callable[[], str]) -> None:
        self.shown = without_password(url)
        self._url = url
        self._key = key
        self._nonce = nonce
        self._client: httpx2.Client | None = None

    def send(self, page: Page, envelope: bytes) -> None:
        """Returns once the receiver says that it has the page; raises `Unavailable` otherwise."""
        if self._client is None:
            self._client = new_client(WITHIN_S)
        wanted = {
            "content-type": "application/json",
            IDEMPOTENCY: f"{page.feed}/{page.after + 1}-{page.last}",
        }
        headers = sign_request(self._key, "POST", self._url, envelope, self._nonce(), wanted)
        status, answer = fetch(
            self._client, "POST", self._url, MAX_ANSWER, within_s=WITHIN_S,
            content=envelope, headers=dict(headers),
        )  # fmt: skip
        if status != 200:
            raise Unavailable(f"want 200 from {self.shown}, got {status}")
        said = read_object(answer) or {}
        if said.get("feed") != page.feed or said.get("last") != str(page.last):
            got = clip(repr(said.get("last")))
            raise Unavailable(
                f"want event {page.last} of this feed acknowledged by {self.shown}, got {got}"
            )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
