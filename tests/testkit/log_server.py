"""A public log served from a folder over HTTP by somebody who plays tricks.

with LogServer(folder) as server:
    server.trick = {"/log/2026/tile/entries/001": Trick.DRIP}
    follower = Follower(key, HttpLog(server.url), …)
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self


class Trick(Enum):
    ERROR = "answers 500"
    REDIRECT = "sends elsewhere, where the file is"
    ENDLESS = "sends bytes without end"
    DRIP = "sends a byte now and then, without end"
    DRIP_HEAD = "sends a byte of its headers now and then, without end"
    STALL = "takes the request and says nothing"
    CUT = "ends in the middle of the body"


class LogServer:
    """`folder` holds the logs by label; what is asked for is counted in `asked`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trick: Mapping[str, Trick] = {}
        self.asked: Counter[str] = Counter()
        self._closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked[self.path] += 1
                trick = server.trick.get(self.path)
                self.close_connection = trick is not None
                file = server.folder / self.path.removeprefix("/elsewhere").removeprefix("/log/")
                data = file.read_bytes() if file.is_file() else b""
                match trick:
                    case None if file.is_file():
                        self._head(200, len(data))
                        self.wfile.write(data)
                    case None:
                        self._head(404, 0)
                    case Trick.ERROR:
                        self._head(500, 0)
                    case Trick.REDIRECT:
                        self._head(302, 0, Location=f"/elsewhere{self.path}")
                    case Trick.CUT:
                        self._head(200, len(data))
                        self.wfile.write(data[: len(data) // 2])
                    case Trick.STALL:
                        server._closing.wait(60)
                    case Trick.DRIP_HEAD:
                        self.send_response(200)
                        self.flush_headers()
                        self._send_for_ever(trick)
                    case Trick.ENDLESS | Trick.DRIP:
                        self._head(200, 1 << 40)
                        self._send_for_ever(trick)

            def _head(self, status: int, length: int, **headers: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(length))
                if self.close_connection:
                    headers["Connection"] = "close"  # or the client would use it once more
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def _send_for_ever(self, trick: Trick) -> None:
                piece = bytes(1 << 16) if trick is Trick.ENDLESS else b"x"
                try:
                    while not server._closing.is_set():
                        self.wfile.write(piece)
                        if trick is not Trick.ENDLESS:
                            time.sleep(0.02)
                except OSError:
                    return

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/log"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
