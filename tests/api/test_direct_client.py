"""Our own sender of direct uploads: over lines that break, to stores and ledgers that lie."""

import os
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.clients.direct import IN_FLIGHT, DirectClient
from api.clients.ledger import NoDirect
from api.clients.patience import Stopped
from cli.main import main
from cli.station.ledger import HttpLedger
from ledger.encoding import format_json
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.evidence.chunks import CHUNK_SIZE, ItemHasher
from ledger.evidence.sealed import STORED_BLOCK, ItemSeal, stored_size
from ledger.suite import digest
from storage.objects_s3 import S3ObjectStore
from storage.station_sqlite import SqliteStation
from testkit.buckets import Made, in_bucket, make_bucket
from testkit.ceph import Shared
from testkit.line import bad_line
from testkit.server import CASE, STATION, Ledger, open_ledger, serving

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph
SIZE = 60 * CHUNK_SIZE + 17  # four parts, of which the last has one block
PART = 20 * STORED_BLOCK


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "BWC_0088.MP4"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture
def made(ceph: Shared) -> Made:
    return make_bucket(ceph)


@contextmanager
def served(tmp_path: Path, made: Made, endpoint: str = "") -> Iterator[tuple[Ledger, str]]:
    settings = in_bucket(made, tmp_path, endpoint)
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        store = ledger.services.vault.items.copies["first"]
        assert isinstance(store, S3ObjectStore)
        store._part_size = 5 << 20
        with serving(ledger.http.app) as address:  # type: ignore[arg-type]
            yield ledger, address


@pytest.fixture
def ledger(tmp_path: Path, made: Made) -> Iterator[tuple[Ledger, str]]:
    with served(tmp_path, made) as found:
        yield found


def no_progress(count: int) -> None:
    pass


def send(
    address: str, file: Path, progress: Any = no_progress, *, sm3: bool = False, **more: Any
) -> dict[str, Any]:
    data = file.read_bytes()
    with closing(DirectClient(address, key=STATION, **more)) as client:
        return client.upload(file, len(data), digest(data), progress, sm3=sm3)


def held(ledger: Ledger) -> list[bytes]:
    items = ledger.services.items
    return [b"".join(items.stream(item)) for item in ledger.services.store.object_ids()]


class Puts:
    """Which parts were put, and how many at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.numbers: list[int] = []
        self.most = 0
        self._flying = 0
        self._lock = threading.Lock()
        put = DirectClient._put

        def counted(client: DirectClient, number: int, url: str, part: bytes) -> None:
            with self._lock:
                self._flying += 1
                self.most = max(self.most, self._flying)
            try:
                put(client, number, url, part)
                self.numbers.append(number)
            finally:
                with self._lock:
                    self._flying -= 1

        monkeypatch.setattr(DirectClient, "_put", counted)


# --- lines that break ------------------------------------------------------------------------


def test_parts_go_a_few_at_once_and_the_progress_is_the_files_size(
    ledger: tuple[Ledger, str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts, told = Puts(monkeypatch), list[int]()
    send(ledger[1], file, told.append)
    assert sorted(puts.numbers) == [1, 2, 3, 4]
    assert puts.most <= IN_FLIGHT
    assert sum(told) == SIZE
    assert held(ledger[0]) == [file.read_bytes()]


def test_who_was_stopped_goes_on_with_what_is_missing(
    ledger: tuple[Ledger, str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts, stop = Puts(monkeypatch), threading.Event()
    with pytest.raises(Stopped):
        send(ledger[1], file, lambda count: stop.set(), stop=stop)
    first = list(puts.numbers)
    assert 0 < len(first) < 4
    told: list[int] = []
    send(ledger[1], file, told.append)
    assert sorted(puts.numbers) == [1, 2, 3, 4], "a part was put twice, or none"
    assert sum(told) == SIZE
    assert held(ledger[0]) == [file.read_bytes()]


def test_a_line_to_the_store_that_breaks_has_parts_put_again(
    tmp_path: Path, made: Made, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.01)
    with bad_line(made.endpoint) as line, served(tmp_path, made, line.address) as (ledger, url):
        put, breaks = DirectClient._put, [2_000_000, 3_000_000]

        def broken(client: DirectClient, number: int, part_url: str, part: bytes) -> None:
            line._breaks += breaks
            breaks.clear()
            put(client, number, part_url, part)

        monkeypatch.setattr(DirectClient, "_put", broken)
        send(url, file)
        assert line.broken == 2
        assert held(ledger) == [file.read_bytes()]


def test_a_part_that_the_store_lost_is_put_again(
    ledger: tuple[Ledger, str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told at the finish; the client asks what is missing."""
    put, lost = DirectClient._put, list[int]()

    def losing(client: DirectClient, number: int, url: str, part: bytes) -> None:
        if number == 2 and not lost:
            lost.append(number)
        else:
            put(client, number, url, part)

    monkeypatch.setattr(DirectClient, "_put", losing)
    send(ledger[1], file)
    assert lost == [2]
    assert held(ledger[0]) == [file.read_bytes()]


def test_a_finish_whose_answer_was_lost_is_waited_for(
    ledger: tuple[Ledger, str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.01)
    ask, lost = DirectClient._ask, list[str]()

    def losing(client: DirectClient, method: str, path: str, *more: Any) -> dict[str, Any]:
        answer = ask(client, method, path, *more)
        if path.endswith("/finish") and not lost:
            lost.append(path)
            from api.clients.direct import _Broken

            raise _Broken("the line broke")
        return answer

    monkeypatch.setattr(DirectClient, "_ask", losing)
    send(ledger[1], file)
    assert lost
    assert held(ledger[0]) == [file.read_bytes()]


def test_a_file_that_changed_is_refused_and_sent_anew_as_it_is(
    ledger: tuple[Ledger, str], file: Path
) -> None:
    data = file.read_bytes()
    changed = data[:-1] + bytes([data[-1] ^ 1])
    file.write_bytes(changed)
    with (
        closing(DirectClient(ledger[1], key=STATION)) as client,
        pytest.raises(Rejected, match=digest(data).hex()),
    ):
        client.upload(file, SIZE, digest(data), no_progress)
    send(ledger[1], file)
    assert held(ledger[0]) == [changed]


def test_sm3_is_told_where_it_is_asked_for(ledger: tuple[Ledger, str], file: Path) -> None:
    hasher = ItemHasher(sm3=True)
    hasher.update(file.read_bytes())
    assert send(ledger[1], file, sm3=True)["sm3"] == hasher.finish().sm3.hex()


def test_a_file_that_became_shorter_is_named(ledger: tuple[Ledger, str], file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:-1000])
    with (
        closing(DirectClient(ledger[1], key=STATION)) as client,
        pytest.raises(Rejected, match=r"BWC_0088.MP4' changed while"),
    ):
        client.upload(file, SIZE, digest(data), no_progress)


# --- who lies --------------------------------------------------------------------------------


class Liar:
    """A ledger and a store of somebody's own. `opened` and `store` say what they answer."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, dict[str, str], bytes]] = []
        self.opened: dict[str, str] = {}
        self.rows: Callable[[str], list[dict[str, str]]] = lambda url: [
            {"n": "1", "there": "no", "url": f"{url}/store?X-Amz-Signature=secret"}
        ]
        self.store: list[tuple[int, dict[str, str]]] = [(200, {})]
        self.drips: threading.Event | None = None  # until it is set
        self.url = ""

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], Any]:
        if path == "/v1/direct":
            size = stored_size(5)
            plain = {
                "upload": "ab" * 16,
                "state": "receiving",
                "item": "cd" * 16,
                "key": b64encode(bytes(32)).decode(),
                "parts": "1",
                "partSize": str(-(-size // STORED_BLOCK) * STORED_BLOCK),
                "expires": "2026-11-23T14:00:00+08:00",
            }
            return 201, {}, plain | self.opened
        if "/parts" in path:
            return 200, {}, {"expires": "", "parts": self.rows(self.url)}
        if path.endswith("/finish"):
            return 202, {}, {"state": "working"}
        if path.endswith("/item"):
            return (
                200,
                {},
                {
                    "state": "recorded",
                    "sha256": digest(b"bytes").hex(),
                    "size": "5",
                    "tiezhengChunks256k": "00" * 32,
                },
            )
        status, headers = self.store.pop(0) if len(self.store) > 1 else self.store[0]
        return status, headers, {}


@pytest.fixture
def liar() -> Iterator[Liar]:
    liar = Liar()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            liar.heard.append((self.command, self.path, dict(self.headers), body))
            status, headers, document = liar.answer(self.command, self.path)
            data = format_json(document)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            dripping = self.command == "PUT" and liar.drips is not None
            self.send_header("Content-Length", str(1_000_000 if dripping else len(data)))
            self.end_headers()
            if liar.drips is None or not dripping:
                self.wfile.write(data)
                return
            self.close_connection = True
            with suppress(OSError):
                while not liar.drips.wait(0.02):
                    self.wfile.write(b"x")
                    self.wfile.flush()

        do_PUT = do_GET = do_DELETE = do_POST

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        liar.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield liar
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_bytes(b"bytes")
    return path


def put_by(liar: Liar) -> list[tuple[str, str, dict[str, str], bytes]]:
    return [heard for heard in liar.heard if heard[0] == "PUT"]


def test_to_the_store_goes_nothing_but_sealed_bytes(liar: Liar, small: Path) -> None:
    send(liar.url, small)
    ((_, _, headers, body),) = put_by(liar)
    assert {name.lower() for name in headers} <= {
        *("host", "accept", "accept-encoding", "connection", "user-agent", "content-length"),
    }
    assert b"bytes" not in body
    opened = ItemSeal(bytes(32), bytes.fromhex("cd" * 16), 5).open_block(0, body)
    assert opened == b"bytes"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_store_that_sends_us_elsewhere_is_not_followed(
    liar: Liar, small: Path, status: int
) -> None:
    liar.store = [(status, {"Location": f"{liar.url}/elsewhere"})]
    with pytest.raises(Rejected, match="sends us elsewhere") as refused:
        send(liar.url, small)
    assert "secret" not in str(refused.value)
    assert [heard[1] for heard in put_by(liar)] == ["/store?X-Amz-Signature=secret"]


def test_a_store_that_drips_its_answer_is_not_waited_for(
    liar: Liar, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.clients.direct.SKIM_S", 0.1)
    liar.drips = threading.Event()
    try:
        assert send(liar.url, small)["size"] == "5"
    finally:
        liar.drips.set()


def test_a_url_that_died_is_asked_for_anew(
    liar: Liar, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.01)
    liar.store = [(403, {}), (200, {})]
    send(liar.url, small)
    first, second = [body for *_, body in put_by(liar)]
    assert first != second, "the same nonce twice"
    assert [heard[1] for heard in liar.heard if "/parts" in heard[1]] == [
        f"/v1/direct/{'ab' * 16}/parts?first=1"
    ] * 2


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_store_that_takes_nothing_is_given_up_without_telling_its_url(
    liar: Liar, small: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.01)
    liar.store = [(status, {})]
    with pytest.raises(Unavailable, match=f"answered {status} to part 1") as refused:
        send(liar.url, small, patience_s=0.1)
    assert "secret" not in str(refused.value)


def test_a_store_that_is_not_there_is_told_without_its_url(
    liar: Liar, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.01)
    liar.rows = lambda url: [{"n": "1", "there": "no", "url": "http://127.0.0.1:1/?secret=1"}]
    with pytest.raises(
        Unavailable, match=r"no answer from the store at http://127\.0\.0\.1:1"
    ) as no:
        send(liar.url, small, patience_s=0.1)
    assert "secret" not in str(no.value)


@pytest.mark.parametrize(
    "opened",
    [
        {"upload": "../../v1/statements"},
        {"key": "AAAA"},
        {"item": "short"},
        {"partSize": "16777216"},
        {"partSize": "0"},
        {"partSize": str(STORED_BLOCK * 256)},
        {"parts": "2"},
        {"parts": "0"},
    ],
    ids=lambda opened: "=".join(*opened.items())[:20],
)
def test_an_opening_that_makes_no_sense_is_refused(
    liar: Liar, small: Path, opened: dict[str, str]
) -> None:
    liar.opened = opened
    with pytest.raises(Malformed):
        send(liar.url, small)
    assert len(liar.heard) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"n": "2", "there": "no", "url": "http://127.0.0.1:1/"}],
        [{"n": "1", "there": "no"}],
        [{"n": "1", "there": "no", "url": "file:///etc/passwd"}],
        [{"n": str(n), "there": "yes", "url": ""} for n in (1, 2)],
    ],
    ids=["none", "another", "no url", "no http", "too many"],
)
def test_parts_that_make_no_sense_are_refused(
    liar: Liar, small: Path, rows: list[dict[str, str]]
) -> None:
    liar.rows = lambda url: rows
    with pytest.raises(Malformed):
        send(liar.url, small)
    assert put_by(liar) == []


@pytest.mark.parametrize(
    "url", ["http://..:1/?X-Amz-Signature=secret", f"http://{'a' * 300}/?X-Amz-Signature=secret"]
)
def test_a_host_that_can_have_no_name_is_given_up_as_any_other(
    liar: Liar, small: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.01)
    liar.rows = lambda own: [{"n": "1", "there": "no", "url": url}]
    with pytest.raises(Unavailable, match="no answer from the store") as refused:
        send(liar.url, small, patience_s=0.05)
    assert "secret" not in str(refused.value)


def test_a_ledger_that_found_another_digest_is_not_believed(liar: Liar, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"bites")
    with pytest.raises(Rejected, match="the ledger has"):
        send(liar.url, other)


# --- who uses it -----------------------------------------------------------------------------


@contextmanager
def line_of(address: str, tmp_path: Path, *, direct: bool) -> Iterator[HttpLedger]:
    store = SqliteStation(tmp_path / f"{secrets.token_hex(4)}.sqlite")
    line = HttpLedger(address, STATION, "2026", store, threading.Event(), direct=direct)
    with closing(store), closing(line):
        yield line


@pytest.mark.parametrize("direct", [False, True])
def test_a_station_goes_past_the_ledger_where_it_is_set_so(
    ledger: tuple[Ledger, str],
    tmp_path: Path,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    direct: bool,
) -> None:
    monkeypatch.setattr("cli.station.ledger.RESUMABLE", 1000)
    puts = Puts(monkeypatch)
    with line_of(ledger[1], tmp_path, direct=direct) as line:
        line.upload(file, SIZE, digest(file.read_bytes()), no_progress, sm3=False)
    assert bool(puts.numbers) == direct
    assert held(ledger[0]) == [file.read_bytes()]


def test_a_station_sends_to_a_ledger_that_has_no_bucket(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.station.ledger.RESUMABLE", 1000)
    asked: list[LedgerError] = []
    upload = DirectClient.upload

    def watched(self: DirectClient, *more: Any, **named: Any) -> dict[str, Any]:
        try:
            return upload(self, *more, **named)
        except LedgerError as error:
            asked.append(error)
            raise

    monkeypatch.setattr(DirectClient, "upload", watched)
    with (
        open_ledger(tmp_path / "ledger") as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
        line_of(address, tmp_path, direct=True) as line,
    ):
        for _ in range(2):
            line.upload(file, SIZE, digest(file.read_bytes()), no_progress, sm3=False)
        assert held(ledger) == [file.read_bytes()] * 2
    assert [type(error) for error in asked] == [NoDirect], "it asks once, and goes on by tus"


def deposit(address: str, file: Path, tmp_path: Path) -> int:
    key = tmp_path / "station.key"
    key.write_text(STATION.to_text())
    key.chmod(0o600)
    where = ("--case", CASE, "--key", str(key), "--server", address)
    return main(["deposit", str(file), "--direct", *where])


def test_a_deposit_goes_past_the_ledger(
    ledger: tuple[Ledger, str], tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts = Puts(monkeypatch)
    assert deposit(ledger[1], file, tmp_path) == 0
    assert sorted(puts.numbers) == [1, 2, 3, 4]
    assert held(ledger[0]) == [file.read_bytes()]


@pytest.mark.parametrize(("language", "words"), [("C", "sending to"), ("zh_CN.UTF-8", "改为发送")])
def test_a_deposit_says_where_it_goes_instead(
    tmp_path: Path,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    language: str,
    words: str,
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    with (
        open_ledger(tmp_path / "ledger") as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
    ):
        assert deposit(address, file, tmp_path) == 0
        assert held(ledger) == [file.read_bytes()]
    assert words in capsys.readouterr().err
