"""Our own sender of large files, over lines that break and servers that die."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.clients.http import new_client
from api.clients.patience import Stopped
from api.clients.tus import TusClient
from ledger.errors import Full, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, digest_item
from ledger.suite import digest
from testkit.line import bad_line
from testkit.server import STATION, STRANGER, Ledger, await_that, free_port, open_ledger, template
from testkit.tus import Tus, tus_server

ROOT = Path(__file__).parents[2]
SERVER = [sys.executable, "-c", "from cli.main import main; raise SystemExit(main())", "server"]
SIZE = 5_000_017


@pytest.fixture
def tus(ledger: Ledger) -> Iterator[Tus]:
    with tus_server(ledger) as tus:
        yield tus


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.05)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "现场.mp4"
    path.write_bytes(os.urandom(SIZE))
    return path


@contextmanager
def client(address: str, **more: Any) -> Iterator[TusClient]:
    with closing(TusClient(address, **{"key": STATION, "piece": 1_000_000, **more})) as client:
        yield client


def no_progress(count: int) -> None:
    pass


def send(tus: TusClient, file: Path, progress: Any = no_progress) -> dict[str, Any]:
    data = file.read_bytes()
    return tus.upload(file, len(data), digest(data), progress)


def expected(file: Path) -> dict[str, str]:
    found = digest_item(file.read_bytes())
    return {
        "size": str(found.size),
        "sha256": found.sha256.hex(),
        "tiezhengChunks256k": found.chunks.hex(),
    }


def held(ledger: Ledger) -> list[bytes]:
    items = ledger.services.items
    return [b"".join(items.stream(item)) for item in items.ids()]


def test_a_file_is_sent_and_its_digests_come_back(ledger: Ledger, tus: Tus, file: Path) -> None:
    seen: list[int] = []
    with client(tus.address) as sender:
        assert send(sender, file, seen.append) == expected(file)
    assert sum(seen) == SIZE
    assert held(ledger) == [file.read_bytes()]


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE])
def test_small_files_too(ledger: Ledger, tus: Tus, tmp_path: Path, size: int) -> None:
    path = tmp_path / "small"
    path.write_bytes(os.urandom(size))
    with client(tus.address) as sender:
        assert send(sender, path) == expected(path)


def test_a_line_that_breaks_again_and_again_costs_nothing_but_time(
    ledger: Ledger, tus: Tus, file: Path
) -> None:
    seen: list[int] = []
    breaks = [1_500_000, 100, 700_000, 2_100_000, 0, 1_300_000]
    with bad_line(tus.address, breaks) as line, client(line.address) as sender:
        upload = sender.create(SIZE, digest(file.read_bytes()))
        answer = sender.send(upload, file, SIZE, digest(file.read_bytes()), seen.append)
        assert line.broken >= 4
        # Less than a piece and some heads is sent twice each time.
        assert line.carried < SIZE + 7 * 1_000_000 + 50_000
    assert answer == expected(file)
    assert sum(seen) == SIZE
    assert held(ledger) == [file.read_bytes()]


def test_a_byte_that_the_line_changes_is_sent_again(ledger: Ledger, tus: Tus, file: Path) -> None:
    with bad_line(tus.address, flips=[2_500_000, 3_700_000]) as line:
        with client(line.address) as sender:
            assert send(sender, file) == expected(file)
        assert line.carried > SIZE + 900_000
    assert held(ledger) == [file.read_bytes()]


def test_damage_on_the_servers_disk_is_mended_by_the_chunk(
    ledger: Ledger, tus: Tus, file: Path
) -> None:
    data = file.read_bytes()
    with bad_line(tus.address) as line, client(line.address) as sender:
        upload = sender.create(SIZE, digest(data))
        tus.patch(upload, 0, data[:4_000_000])
        bytes_ = ledger.folder / "staging" / upload[-32:] / "bytes"
        with bytes_.open("r+b") as disk:
            for at in (5, CHUNK_SIZE * 7 + 1):
                disk.seek(at)
                disk.write(bytes([data[at] ^ 1]))
        assert sender.send(upload, file, SIZE, digest(data), no_progress) == expected(file)
        assert line.carried < SIZE - 4_000_000 + 2 * CHUNK_SIZE + 20_000
    assert held(ledger) == [data]


def test_a_disk_that_damages_everything_is_given_up(
    ledger: Ledger, tus: Tus, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = type(ledger.services.staging).pieces

    def spoilt(self: Any, staged: Any) -> Iterator[memoryview]:
        for piece in pieces(self, staged):
            piece[0] ^= 1
            yield piece

    monkeypatch.setattr(type(ledger.services.staging), "pieces", spoilt)
    with client(tus.address) as sender, pytest.raises(Rejected, match="its own chunks"):
        send(sender, file)
    assert held(ledger) == []


def test_a_file_that_changes_on_the_way_is_refused(ledger: Ledger, tus: Tus, file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with client(tus.address) as sender:
        with pytest.raises(Rejected, match="changed while") as refused:
            sender.upload(file, SIZE, digest(data), no_progress)
        assert refused.value.hints
        file.write_bytes(data[:-1])
        with pytest.raises(Rejected, match="changed while"):
            sender.upload(file, SIZE, digest(data), no_progress)


def test_what_has_ended_is_said_and_not_tried_for_ever(tus: Tus, file: Path) -> None:
    sha256 = digest(file.read_bytes())
    with client(tus.address) as sender:
        upload = sender.create(SIZE, sha256)
        sender.give_up(upload)
        sender.give_up(upload)
        with pytest.raises(Unknown):
            sender.send(upload, file, SIZE, sha256, no_progress)
        with pytest.raises(Unknown):
            sender.send("/v1/tus/" + "0" * 32, file, SIZE, sha256, no_progress)


def test_a_key_that_nobody_registered_is_refused_at_once(tus: Tus, file: Path) -> None:
    with client(tus.address, key=STRANGER) as sender, pytest.raises(Rejected):
        send(sender, file)


def test_a_quota_is_refused_at_once(tmp_path: Path, file: Path) -> None:
    with (
        open_ledger(tmp_path / "ledger", quota=100) as ledger,
        tus_server(ledger) as tus,
        client(tus.address) as sender,
        pytest.raises(Full),
    ):
        send(sender, file)


def test_who_stops_waits_for_nothing(file: Path) -> None:
    stop = threading.Event()
    with client("http://127.0.0.1:9", stop=stop) as sender:
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(Stopped):
            sender.send("/v1/tus/" + "0" * 32, file, SIZE, bytes(32), no_progress)


def test_patience_has_an_end(file: Path) -> None:
    with client("http://127.0.0.1:9", patience_s=0.1) as sender:
        with pytest.raises(Unavailable, match="nothing more could be sent"):
            sender.send("/v1/tus/" + "0" * 32, file, SIZE, bytes(32), no_progress)
        with pytest.raises(Unavailable, match="no answer"):
            sender.create(SIZE, bytes(32))


@contextmanager
def stubborn(offset: int) -> Iterator[str]:
    """A server that calls every part received, and is at the same offset as before."""

    class Answers(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(204)
            self.send_header("Upload-Offset", str(offset))
            self.end_headers()

        do_PATCH = do_HEAD

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_a_server_that_gets_no_further_is_given_up(file: Path) -> None:
    with (
        stubborn(0) as url,
        client(url, patience_s=0.2) as sender,
        pytest.raises(Unavailable, match="has 0 bytes after 0 and 1000000 more"),
    ):
        sender.send("/v1/tus/" + "0" * 32, file, SIZE, bytes(32), no_progress)


def test_a_server_that_has_more_than_there_is_is_not_believed(file: Path) -> None:
    with (
        stubborn(SIZE + 1) as url,
        client(url) as sender,
        pytest.raises(Malformed, match="bytes of a file of"),
    ):
        sender.send("/v1/tus/" + "0" * 32, file, SIZE, bytes(32), no_progress)


# --- processes that are killed ---------------------------------------------------------------


@contextmanager
def process(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*SERVER, str(folder), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    ) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline().startswith("http://")
            yield started
        finally:
            started.kill()
            started.wait(60)


def test_a_server_that_is_killed_on_the_way_goes_on_where_it_was(
    tmp_path: Path, file: Path
) -> None:
    folder, port = tmp_path / "ledger", free_port()
    shutil.copytree(template(), folder)
    told: list[int] = []
    with client(f"http://127.0.0.1:{port}") as sender:
        with process(folder, port) as first:

            def kill_midway(count: int) -> None:
                told.append(count)
                if sum(told) >= 2_000_000 and first.poll() is None:
                    first.kill()
                    first.wait(60)

            upload = sender.create(SIZE, digest(file.read_bytes()))
            done: list[Any] = []
            sha256 = digest(file.read_bytes())
            args = (upload, file, SIZE, sha256, kill_midway)
            thread = threading.Thread(target=lambda: done.append(sender.send(*args)))
            thread.start()
            first.wait(60)
        acknowledged = sum(told)
        with process(folder, port):
            with tus_at(port) as tus:
                assert tus.offset(upload) >= acknowledged
            thread.join(60)
    assert done == [expected(file)]
    assert sum(told) == SIZE


@contextmanager
def tus_at(port: int) -> Iterator[Tus]:
    with new_client() as http:
        yield Tus(f"http://127.0.0.1:{port}", http)


SENDER = """
import sys
from pathlib import Path
from api.clients.tus import TusClient
from testkit.server import STATION
address, upload, file, size, sha256 = sys.argv[1:]
client = TusClient(address, key=STATION, piece=100_000)
client.send(upload, Path(file), int(size), bytes.fromhex(sha256), lambda n: print(n, flush=True))
"""


def test_a_client_that_is_killed_goes_on_with_nothing_but_the_path(
    ledger: Ledger, tus: Tus, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, begun, gone = type(ledger.services.intakes).take, [], threading.Event()

    async def take_no_more_until_it_is_killed(*passed: Any) -> None:
        begun.append(passed)
        if len(begun) > 7:
            await asyncio.to_thread(gone.wait, 60)
        await take(*passed)

    monkeypatch.setattr(type(ledger.services.intakes), "take", take_no_more_until_it_is_killed)
    sha256 = digest(file.read_bytes())
    with client(tus.address) as sender:
        upload = sender.create(SIZE, sha256)
        command = [sys.executable, "-c", SENDER, tus.address, upload, str(file), str(SIZE)]
        env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        with subprocess.Popen(
            [*command, sha256.hex()], env=env, stdout=subprocess.PIPE, text=True
        ) as killed:
            assert killed.stdout is not None
            sent = sum(int(killed.stdout.readline()) for _ in range(5))
            killed.send_signal(signal.SIGKILL)
            killed.wait(60)
            gone.set()
        await_that(lambda: tus.patch(upload, 2**40, b"").status_code != 423, "the end of it")
        assert sent <= tus.offset(upload) < SIZE
        assert sender.send(upload, file, SIZE, sha256, no_progress) == expected(file)
    assert held(ledger) == [file.read_bytes()]


@pytest.mark.slow
def test_memory_depends_on_no_size_and_no_number(tmp_path: Path) -> None:
    """Peak memory of a server that took 64 uploads at once, and one of 300 MB in one request,
    against one that took 10 MB."""
    few = _peak_kib(tmp_path / "few", [10_000_000], piece=20_000_000)
    many = _peak_kib(tmp_path / "many", [3_000_000] * 64, piece=1_000_000)
    large = _peak_kib(tmp_path / "large", [300_000_000], piece=300_000_000)
    assert large - few < 60 * 1024
    # 128 MiB of buffers, as for announced uploads, and threads.
    assert many - few < 180 * 1024


def _peak_kib(folder: Path, sizes: list[int], piece: int) -> int:
    shutil.copytree(template(), folder)
    port = free_port()
    with process(folder, port) as server:

        def send_one(number: int) -> None:
            path = folder.with_name(f"{folder.name}-{number}")
            with path.open("wb") as file:
                file.truncate(sizes[number])
            with client(f"http://127.0.0.1:{port}", piece=piece) as sender:
                sender.upload(path, sizes[number], digest(bytes(sizes[number])), no_progress)

        with ThreadPoolExecutor(len(sizes)) as pool:
            list(pool.map(send_one, range(len(sizes))))
        status = Path(f"/proc/{server.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])
