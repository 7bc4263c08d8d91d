"""A time by which an answer is whole, kept by the connection itself.

A timeout of `httpx2` begins anew with each piece, so a server that sends one byte now and then
holds a client for as long as it likes, before its first header as well as in the body.
"""

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore2
import httpx2

KEPT = 20  # idle connections, and for so many seconds
KEPT_S = 5.0
PIECE = 1 << 16

_ends: ContextVar[float | None] = ContextVar("ends", default=None)


@contextmanager
def ending(ends: float | None) -> Iterator[None]:
    """What this thread asks of a `Transport` ends by that `time.monotonic()`; None is no end."""
    token = _ends.set(ends)
    try:
        yield
    finally:
        _ends.reset(token)


class Transport(httpx2.HTTPTransport):
    """That of `httpx2`, over connections that know the end."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool.close()
        # `httpx2` has no way to hand it one; a test drips headers, and would hang without.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_keepalive_connections=KEPT,
            keepalive_expiry=KEPT_S,
            network_backend=_Backend(),
        )


class _Backend(httpcore2.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options))


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pieces = memoryview(buffer)
        for start in range(0, len(pieces), PIECE):
            left = _left(timeout, httpcore2.WriteTimeout)
            self._inner.write(pieces[start : start + PIECE], left)  # type: ignore[arg-type]

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    ends = _ends.get()
    if ends is None:
        return timeout
    left = ends - time.monotonic()
    if left <= 0:
        raise late("not whole in good time")
    return left if timeout is None else min(left, timeout)
