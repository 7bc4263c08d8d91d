"""Depositing large files over HTTP, digested and synced, against nginx and dd."""

import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from api.clients.http import fetch, new_client
from api.services import read_key
from api.signing import sign_request
from benchmarks.ground import (
    BLOCK,
    GIB,
    MB,
    cpu_seconds,
    fill,
    forget_peak,
    ledger,
    peak_mb,
    process,
    read_once,
    scratch,
)
from benchmarks.measure import Ratio, Row, Table, in_turn, seconds
from ledger.encoding import format_json, parse_json
from ledger.tlog.signing_key import SigningKey

KEY = "b"
AT_ONCE = 4
DD = "dd conv=fdatasync, one file"
NGINX = "nginx PUT then fsync, one file"
OURS = "deposit, both digests and fsync, one file"
NGINX_FOUR = f"nginx PUT then fsync, {AT_ONCE} at once"
OURS_FOUR = f"deposit, both digests and fsync, {AT_ONCE} at once"
NGINX_CONF = """{user}
worker_processes auto;
daemon off;
pid {root}/pid;
error_log {root}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {root}/incoming;
    proxy_temp_path {root}/unused; fastcgi_temp_path {root}/unused;
    scgi_temp_path {root}/unused; uwsgi_temp_path {root}/unused;
    server {{
        listen 127.0.0.1:{port};
        root {root}/files;
        client_max_body_size 0;
        client_body_buffer_size 1m;
        location / {{ dav_methods PUT DELETE; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Item:
    """`times` the bytes of the file, one behind the other."""

    path: Path
    size: int
    sha256: bytes
    times: int = 1

    @property
    def total(self) -> int:
        return self.size * self.times


@dataclass(slots=True)
class Ledger:
    """The server of `tiezheng server`, and what it and its processor time held before a run."""

    url: str
    folder: Path
    pid: int
    key: SigningKey
    used: list[float] = field(default_factory=list)

    def put(self, item: Item) -> None:
        body = format_json({"sha256": item.sha256.hex(), "size": str(item.total)})
        url = f"{self.url}/v1/uploads"
        headers = sign_request(self.key, "POST", url, body, secrets.token_hex(16))
        with closing(new_client()) as client:
            status, answer = fetch(client, "POST", url, 4096, content=body, headers=dict(headers))
        if status != 201:
            raise RuntimeError(answer.decode())
        id_ = parse_json(answer, limit=4096)["upload"]
        send(self.url, f"/v1/uploads/{id_}", item)

    def forget(self) -> None:
        """Removes the bytes behind the server's back, so that the disk does not fill up."""
        for path in (self.folder / "items").glob("[0-9a-f][0-9a-f]/*"):
            path.unlink()


@dataclass(slots=True)
class Nginx:
    url: str
    root: Path
    pid: int
    used: list[float] = field(default_factory=list)

    def put(self, item: Item, name: str = "item") -> None:
        """nginx never syncs; its file is synced from here, and the time counted."""
        send(self.url, f"/{name}", item)
        fd = os.open(self.root / "files" / name, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def forget(self) -> None:
        for path in (self.root / "files").iterdir():
            path.unlink()


def run(quick: bool) -> Table:
    size = GIB >> 4 if quick else GIB
    rounds, fewer = (1, 1) if quick else (5, 3)
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        one = _item(fill(folder / "one", size))
        four = [_item(fill(folder / f"part-{i}", size // 2)) for i in range(AT_ONCE)]
        stage = stack.enter_context(ledger(folder / "ledger", [], cosigned=False))
        ours = _ledger(stage.root, stage.server)
        program = nginx_program()
        nginx = stack.enter_context(serving_files(program, folder / "nginx")) if program else None
        single: dict[str, Callable[[], float]] = {DD: lambda: _dd(one, folder / "copy")}
        several: dict[str, Callable[[], float]] = {}
        if nginx is not None:
            single[NGINX] = lambda: _timed(nginx, lambda: nginx.put(one), one.total)
            several[NGINX_FOUR] = lambda: _timed_four(nginx, four)
        single[OURS] = lambda: _timed(ours, lambda: ours.put(one), one.total)
        several[OURS_FOUR] = lambda: _timed_four(ours, four)
        read_once(one.path)
        rows = [*in_turn(rounds, "MB/s", single)]
        used = list(_cpu(ours, nginx))
        for item in four:
            read_once(item.path)
        rows += in_turn(fewer, "MB/s", several)
        memory = [_memory(ours, one, times) for times in ((1, 4) if quick else (1, 8))]
    return _table([*rows, *used, *memory], size, nginx is not None)


def _table(rows: Sequence[Row], size: int, compared: bool) -> Table:
    median = {row.what: row.median for row in rows}
    ratios = [Ratio("deposit ÷ dd", median[OURS] / median[DD])]
    if compared:
        ratios += [
            Ratio("deposit ÷ nginx, one file", median[OURS] / median[NGINX], 1.5),
            Ratio(
                f"deposit ÷ nginx, {AT_ONCE} at once", median[OURS_FOUR] / median[NGINX_FOUR], 1.0
            ),
        ]
    return Table(
        key=KEY,
        title=f"Depositing {size >> 20:,} MiB over HTTP, and {AT_ONCE} × {size >> 21:,} at once",
        rows=tuple(rows),
        ratios=tuple(ratios),
        notes=(
            "`tiezheng server` in its own process, the real route: SHA-256 of the whole and of "
            "the chunks, compared with the announcement, sealed, synced, recorded, answered.",
            "nginx's PUT stores and digests nothing else; the fsync that it leaves out is made by "
            "the client and its time counted. dd copies from the page cache, without a network.",
            "Sent from the page cache by sendfile over loopback, so the sender shares the cores "
            "but costs little. Processor time is the server's own; the kernel's writing is not in.",
            *(
                ()
                if compared
                else ("nginx with its WebDAV module is missing here: no ratios to it.",)
            ),
        ),
    )


def send(url: str, path: str, item: Item) -> None:
    """A PUT straight from the page cache; raises unless the answer is 201 or 204."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=300) as line:
        head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {item.total}\r\n"
        line.sendall(f"{head}Connection: close\r\n\r\n".encode())
        with item.path.open("rb") as file:
            for _ in range(item.times):
                line.sendfile(file, 0, item.size)
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    if answer.split(b" ")[1:2] not in ([b"201"], [b"204"]):
        raise RuntimeError(answer.decode("latin-1"))


def _timed(server: Ledger | Nginx, work: Callable[[], object], size: int) -> float:
    before = cpu_seconds(server.pid)
    rate = size / seconds(work) / MB
    server.used.append((cpu_seconds(server.pid) - before) / (size / MB / 1000))
    server.forget()
    return rate


def _timed_four(server: Ledger | Nginx, items: Sequence[Item]) -> float:
    def work() -> None:
        with ThreadPoolExecutor(len(items)) as pool:
            if isinstance(server, Nginx):
                list(pool.map(server.put, items, (f"item-{i}" for i in range(len(items)))))
            else:
                list(pool.map(server.put, items))

    return _timed(server, work, sum(item.total for item in items))


def _cpu(ours: Ledger, nginx: Nginx | None) -> Iterator[Row]:
    if nginx is not None:
        yield Row("nginx PUT, processor time", "s/GB", tuple(nginx.used))
    yield Row("deposit, processor time", "s/GB", tuple(ours.used))


def _memory(ours: Ledger, item: Item, times: int) -> Row:
    whole = hashlib.sha256()
    for _ in range(times):
        _hash_into(whole.update, item.path)
    forget_peak(ours.pid)
    ours.put(Item(item.path, item.size, whole.digest(), times))
    ours.forget()
    return Row(
        f"peak memory of a deposit of {item.size * times >> 20:,} MiB", "MB", (peak_mb(ours.pid),)
    )


def _dd(item: Item, target: Path) -> float:
    command = ["dd", f"if={item.path}", f"of={target}", "bs=4M", "conv=fdatasync"]
    took = seconds(lambda: subprocess.run(command, check=True, stderr=subprocess.DEVNULL))
    target.unlink()
    return item.total / took / MB


def _item(path: Path) -> Item:
    whole = hashlib.sha256()
    _hash_into(whole.update, path)
    return Item(path, path.stat().st_size, whole.digest())


def _hash_into(update: Callable[[memoryview], object], path: Path) -> None:
    buffer = memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            update(buffer[:count])


def _ledger(root: Path, url: str) -> Ledger:
    folder = root / "ledger"
    pid = int((folder / "lock").read_text())
    return Ledger(url, folder, pid, read_key(root / "keys" / "station.key"))


def nginx_program() -> str | None:
    """Where it is there and takes PUT; an ordinary user's path leaves /usr/sbin out."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return None
    built = subprocess.run([program, "-V"], capture_output=True, text=True, check=True)
    return program if "http_dav_module" in built.stderr else None


@contextmanager
def serving_files(program: str, root: Path) -> Iterator[Nginx]:
    (root / "files").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    conf = root / "nginx.conf"
    # Started by root, its workers would else become a user who may not write here.
    user = "user root root;" if os.geteuid() == 0 else ""
    conf.write_text(NGINX_CONF.format(root=root, port=port, user=user))
    command: list[str | Path] = [program, "-p", root, "-e", root / "error.log", "-c", conf]
    with process(command, root / "out") as pid:
        _await_port(port)
        yield Nginx(f"http://127.0.0.1:{port}", root, pid)


def _await_port(port: int) -> None:
    for _ in range(200):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("nginx did not start")
