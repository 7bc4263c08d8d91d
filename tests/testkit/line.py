"""A bad line to a server: it breaks after so many bytes, or changes one on the way."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

PIECE = 65_536


class Line:
    """Forwards connections. The n-th breaks once it has carried `breaks[n]` bytes to the server,
    which hears of it first: whoever sends comes again to one that has let go. In all that is
    carried, the bytes at `flips` are changed."""

    def __init__(self, address: str, breaks: Sequence[int], flips: Sequence[int]) -> None:
        place = urlsplit(address)
        self._server = (place.hostname or "", place.port or 0)
        self._breaks = list(breaks)
        self._flips = list(flips)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.carried = 0
        self.broken = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # A thread that waits in accept() is not woken by close() alone.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        left = self._breaks.pop(0) if self._breaks else None
        breaks = threading.Event()
        with client, socket.create_connection(self._server) as server, suppress(OSError):
            back = threading.Thread(target=self._back, args=(server, client, breaks), daemon=True)
            back.start()
            while data := client.recv(PIECE if left is None else min(PIECE, max(left, 1))):
                if left is not None:
                    left -= len(data)
                server.sendall(self._spoilt(data))
                if left is not None and left <= 0:
                    self.broken += 1
                    breaks.set()
                    server.shutdown(socket.SHUT_WR)
                    back.join(60)
                    break
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

    def _back(self, server: socket.socket, client: socket.socket, breaks: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(PIECE):
                if not breaks.is_set():
                    client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)

    def _spoilt(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for at in self._flips:
            if self.carried <= at < self.carried + len(data):
                changed[at - self.carried] ^= 1
        self.carried += len(data)
        return bytes(changed)


@contextmanager
def bad_line(address: str, breaks: Sequence[int] = (), flips: Sequence[int] = ()) -> Iterator[Line]:
    line = Line(address, breaks, flips)
    try:
        yield line
    finally:
        line.close()
