"""How many requests an address may send: a bucket that refills, for servers without a login.

Of IPv6 a bucket is for a network of 64 bits: whoever has one address there has all of them.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from ipaddress import IPv6Address

from starlette.types import ASGIApp, Receive, Scope, Send

from api.journal import journal

MAX_ADDRESSES = 4096
BURST_S = 2  # so many seconds' worth at once


class Pace:
    """Refuses with 429 what comes faster than `per_s` from one address, before it is read."""

    def __init__(
        self,
        app: ASGIApp,
        per_s: int,
        now_s: Callable[[], float] = time.monotonic,
        methods: Collection[str] = (),
    ) -> None:
        """`methods`: count these only; by default all."""
        self._methods = methods
        self._app = app
        self._per_s = per_s
        self._now_s = now_s
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counts = scope["type"] == "http" and (scope["method"] in self._methods or not self._methods)
        if counts and not self._admit(scope):
            await _refuse(send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> bool:
        address = _shared((scope.get("client") or ("",))[0])
        now, most = self._now_s(), float(self._per_s * BURST_S)
        left, at = self._known.pop(address, (most, now))
        left = min(most, left + (now - at) * self._per_s)
        admitted = left >= 1
        if not admitted and int(now) != int(at):  # once a second, not once a request
            journal.warning("too_many_requests", address=address)
        self._known[address] = (left - admitted, now)
        if len(self._known) > MAX_ADDRESSES:
            self._known.popitem(last=False)
        return admitted


def _shared(address: str) -> str:
    if ":" not in address:
        return address
    found = IPv6Address(address)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"


async def _refuse(send: Send) -> None:
    body = b"too many requests: wait a second\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"1")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
