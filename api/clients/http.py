"""How this project speaks HTTP: `httpx2`, with limits, and errors in our own words.

Servers are believed by the system's certificate authorities, or by those in the
file that TIEZHENG_CA_FILE names: an intranet has its own.
"""

import os
import ssl
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx2

from api.clients.address import without_password
from api.clients.deadline import Transport, ending
from ledger.errors import Unavailable

CA_FILE = "TIEZHENG_CA_FILE"
TIMEOUT_S = 30.0
CHUNK = 1 << 20
# The last for what can be no host's name, as `http://a..b`.
REFUSED = (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError)


def new_client(timeout_s: float = TIMEOUT_S) -> httpx2.Client:
    file = os.environ.get(CA_FILE)
    try:
        context = ssl.create_default_context(cafile=file) if file else _system_authorities()
    except (OSError, ssl.SSLError) as error:
        raise Unavailable(f"cannot use the certificates that {CA_FILE} names: {error}") from None
    # No proxies and no netrc from the environment: evidence goes where it is sent.
    return httpx2.Client(
        timeout=timeout_s, trust_env=False, follow_redirects=False, transport=Transport(context)
    )


@cache
def _system_authorities() -> ssl.SSLContext:
    """Read once: they are a hundred and more, and a station alone has four clients."""
    return ssl.create_default_context()


def fetch(
    client: httpx2.Client,
    method: str,
    url: str,
    limit: int,
    *,
    within_s: float | None = None,
    **options: Any,
) -> tuple[int, bytes]:
    """Status and body of at most `limit` bytes; raises `Unavailable` if there is no answer.

    `within_s`: nor if it is not whole by then, however steadily headers or body drip.
    """
    ends = None if within_s is None else time.monotonic() + within_s
    try:
        with ending(ends), client.stream(method, url, **options) as response:
            return response.status_code, read_limited(response, limit)
    except REFUSED as error:
        raise no_answer(url, error) from None


def no_answer(url: str, error: Exception) -> Unavailable:
    why = "" if isinstance(error, httpx2.InvalidURL) else str(error)  # it would quote a part
    return Unavailable(f"no answer from {without_password(url)}: {why or type(error).__name__}")


def read_limited(response: httpx2.Response, limit: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    for part in response.iter_bytes(CHUNK):
        total += len(part)
        if total > limit:
            shown = without_password(str(response.url))
            raise Unavailable(f"want at most {limit} bytes, got more from {shown}")
        parts.append(part)
    return b"".join(parts)


def pieces(response: httpx2.Response) -> Iterator[bytes]:
    yield from response.iter_bytes(CHUNK)
