"""Stands between two programs that speak HTTP, passes everything on and keeps what was said.

with recorder() as between:
    between.target = "http://127.0.0.1:8601"
    …                            # somebody asks between.address
between.exchanges[0].status
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer; bodies are text in all that is recorded here."""

    request: str
    status: int
    content_type: str
    answer: str

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass
class Recorder:
    address: str
    target: str = ""
    exchanges: list[Exchange] = field(default_factory=list)

    def pass_on(self, path: str, body: bytes) -> Exchange:
        where = urlsplit(self.target)
        connection = HTTPConnection(where.hostname or "", where.port, timeout=60)
        try:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            said = Exchange(
                body.decode(),
                answer.status,
                answer.headers.get("Content-Type", ""),
                answer.read().decode(),
            )
        finally:
            connection.close()
        self.exchanges.append(said)
        return said


@contextmanager
def recorder() -> Iterator[Recorder]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                said = between.pass_on(self.path, body)
            except OSError:
                self.send_error(502)
                return
            self.send_response(said.status)
            if said.content_type:
                self.send_header("Content-Type", said.content_type)
            data = said.answer.encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    between = Recorder(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield between
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)
