"""Someone between a client and a server, who lies, loses and cuts."""

import threading
from collections.abc import Callable
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Trick(Enum):
    LOSE = "the server does it, and nobody hears"
    LIE = "said to be done, and not done"
    FLIP = "a bit of what is sent arrives otherwise"
    CUT = "half of the answer arrives"


class Meddler:
    """Passes everything on but what `trick` names, a function of method and path."""

    def __init__(self, endpoint: str, trick: Callable[[str, str], Trick | None]) -> None:
        self.played = 0
        server = urlsplit(endpoint)
        meddler = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65_537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                played = trick(self.command, self.path)
                meddler.played += played is not None
                if played is Trick.LIE:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    return
                if played is Trick.FLIP:
                    body = body[:-1] + bytes([body[-1] ^ 1])
                self._pass_on(body, played)

            def _pass_on(self, body: bytes, played: Trick | None) -> None:
                connection = HTTPConnection(server.hostname or "", server.port, timeout=60)
                connection.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                answer = connection.getresponse()
                data = answer.read()
                connection.close()
                if played is Trick.LOSE:
                    self.close_connection = True
                    return
                lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
                lines += [
                    f"{name}: {value}"
                    for name, value in answer.getheaders()
                    if name.lower() != "transfer-encoding"
                ]
                if "Content-Length" not in answer.headers and answer.status != 204:
                    lines.append(f"Content-Length: {len(data)}")
                self.wfile.write("\r\n".join([*lines, "", ""]).encode())
                self.wfile.write(data[: len(data) // 2] if played is Trick.CUT else data)
                self.close_connection |= played is Trick.CUT

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
