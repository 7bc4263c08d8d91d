"""HTTP off the socket: uvicorn's reader, with an end to what is not yet a request or a body.

Left alone it collects a header of any length, copying it whole for every part that
comes, and waits for the end of one for ever: one stranger could hold the server. So it
does for the rest of a body whose answer, a refusal, came before.
"""

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 65_536  # bytes before a body, between its parts, or behind it
# From the connection, from the last request's end, or from the first part of a body that comes
# after its answer, to the next whole head.
HEAD_S = 30.0


class BoundedProtocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # asyncio does so only for a listening socket that names its protocol. Without it each
        # answer, which has two parts, waits 40 ms for the client to acknowledge the first.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = 0
        self._late: asyncio.TimerHandle | None = self.loop.call_later(HEAD_S, self._close)

    def _wait_anew(self) -> None:
        """For what nobody reads any more: each part that comes has taken uvicorn's own end away."""
        if self.cycle.response_complete and not self.transport.is_closing():
            self._wait_no_more()
            self._late = self.loop.call_later(HEAD_S, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        if self._unread > MAX_HEAD and not self.transport.is_closing():
            if self._late is None:  # within a body, whose answer may have begun
                self._close()
            else:
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_S, self._close)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._unread = 0
        self._wait_no_more()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)
        if self._late is None:  # once: or who sends a byte now and then holds his line for ever
            self._wait_anew()

    def on_message_complete(self) -> None:
        self._unread = 0
        super().on_message_complete()
        self._wait_anew()

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self.transport.close()


def server(
    app: Any, http: type[BoundedProtocol] = BoundedProtocol, **options: Any
) -> uvicorn.Server:
    """A server that reads with bounds, and speaks nothing but HTTP."""
    return uvicorn.Server(uvicorn.Config(app, http=http, ws="none", access_log=False, **options))
