"""A real server is killed, again and again, while people file; then everything is counted."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from api.clients.ledger import LedgerClient, check_acceptance
from api.founding import Plan, found
from ledger.encoding import parse_base64, parse_decimal
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.chunks import digest_item
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.trust import Trust
from ledger.tlog.audit import read_log
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Witness
from storage.ledger_sqlite import SqliteLedgerStore
from storage.public_directory import DirectoryLog
from storage.trust_directory import read_trust
from testkit import case as kit
from testkit.keys import SERIES_PEM, cosigner
from testkit.world import NAMES

ROOT = Path(__file__).parents[2]
PHOTO = b"photo"


@dataclass(slots=True)
class Filers:
    """What was sent, and what was acknowledged, by whoever files."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    acknowledged: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    sent: set[bytes] = field(default_factory=set)
    refusals: list[Any] = field(default_factory=list)
    uploads: int = 0

    def note(self, envelope: bytes, answer: dict[str, Any]) -> None:
        with self.lock:
            if "index" not in answer:
                self.refusals.append(answer)
                return
            before = self.acknowledged.setdefault(envelope, answer)
            same = ("id", "index", "entry", "salt", "series")
            if any(before[name] != answer[name] for name in same):
                self.refusals.append((before, answer))


class Server:
    """One process after the other over one folder."""

    def __init__(self, folder: Path, journal: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        self.pid, self.url = 0, ""
        self._journal = journal.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("server_main.py")), str(folder)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._journal,
            text=True,
        )

    def start(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the server did not start: see its journal"
        pid, port = line.split()
        self.pid, self.url = int(pid), f"http://127.0.0.1:{port}"

    def end(self, with_signal: signal.Signals) -> None:
        os.kill(self.pid, with_signal)
        deadline = time.monotonic() + 20
        while _alive(self.pid):
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.002)
        self.pid = 0

    def close(self) -> None:
        if self.pid:
            self.end(signal.SIGKILL)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.kill()
        self._process.wait(20)
        self._process.stdout.close()
        self._journal.close()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("api.founding.new_series_key", lambda: SERIES_PEM)
    states = tmp_path / "cosigners"
    states.mkdir()
    witnesses = [
        Witness(name, cosigner(f"{name}.example/w1").verifier, f"file://{states}/{name}.sqlite")
        for name in NAMES
    ]
    plan = Plan(
        origin=kit.ORIGIN,
        agency=kit.AGENCY,
        registrar=kit.REGISTRAR,
        cosigners=witnesses,
        quorum=2,
    )
    return found(tmp_path / "data", plan, time.time_ns() // 1_000_000).path


@pytest.fixture
def server(folder: Path, tmp_path: Path) -> Iterator[Server]:
    server = Server(folder, tmp_path / "journal")
    yield server
    server.close()


@contextmanager
def connected(url: str) -> Iterator[LedgerClient]:
    client = LedgerClient(url, key=kit.STATION)
    try:
        yield client
    finally:
        client._client.close()


def setting_up(server: Server) -> list[bytes]:
    """The registers, and the one item that most statements speak of."""
    drafts = (
        kit.registration(1, kit.STATION, "station"),
        kit.registration(2, kit.HANDLER, "handler"),
        kit.agency(3, "苏城管罚〔{year}〕{number}号"),
    )
    envelopes = [draft.to_envelope() for draft in drafts]
    with connected(server.url) as client:
        assert all("index" in answer for answer in client.file(envelopes))
    return envelopes


def upload(client: LedgerClient, data: bytes, folder: Path) -> None:
    path = folder / f"item-{threading.get_ident()}"
    path.write_bytes(data)
    client.upload(path, len(data), digest_item(data).sha256, lambda n: None)


def evidence(number: int, data: bytes = PHOTO) -> bytes:
    return kit.evidence("e", number, {"a.jpg": data}).to_envelope()


class Load:
    """Threads that file whatever happens, each until its statement is acknowledged."""

    def __init__(self, server: Server, filers: Filers, folder: Path) -> None:
        self._server, self._filers, self._folder = server, filers, folder
        self._stop = threading.Event()
        jobs = [(self._single, 1), (self._single, 2), (self._bulk, 3), (self._with_upload, 4)]
        self._threads = [threading.Thread(target=job, args=(n,)) for job, n in jobs]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _single(self, lane: int) -> None:
        for envelope in self._numbers(lane):
            self._send([envelope])

    def _bulk(self, lane: int) -> None:
        batch: list[bytes] = []
        for envelope in self._numbers(lane):
            batch.append(envelope)
            if len(batch) == 25:
                self._send(batch)
                batch = []

    def _with_upload(self, lane: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            data = f"item {number} ".encode() * 20_000
            self._again(lambda client, data=data: upload(client, data, self._folder))  # type: ignore[misc]
            with self._filers.lock:
                self._filers.uploads += 1
            self._send([evidence(lane * 1_000_000 + number, data)])

    def _numbers(self, lane: int) -> Iterator[bytes]:
        number = 0
        while not self._stop.is_set():
            number += 1
            yield evidence(lane * 1_000_000 + number)

    def _send(self, envelopes: list[bytes]) -> None:
        with self._filers.lock:
            self._filers.sent |= set(envelopes)

        def send(client: LedgerClient) -> None:
            for envelope, answer in zip(envelopes, client.file(envelopes), strict=True):
                self._filers.note(envelope, answer)

        self._again(send)

    def _again(self, act: Any) -> None:
        """Until there is an answer: a filer who got none sends the same again."""
        while not self._stop.is_set():
            try:
                with connected(self._server.url) as client:
                    act(client)
                return
            except Unavailable:
                time.sleep(0.02)
            except LedgerError as error:
                # An upload whose announcement died with the server begins anew.
                if "upload" not in str(error):
                    self._filers.refusals.append(error)
                    return


def kill_and_count(server: Server, folder: Path, scratch: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    filers = Filers()
    server.start()
    filers.sent |= set(setting_up(server))
    with connected(server.url) as client:
        upload(client, PHOTO, scratch)
    load = Load(server, filers, scratch)
    try:
        for _ in range(kills):
            time.sleep(chance.uniform(0.02, 0.45))
            server.end(signal.SIGKILL)
            server.start()
        time.sleep(0.3)
    finally:
        load.stop()
    # In order this time: `close` publishes what is committed.
    server.end(signal.SIGTERM)
    count(folder, filers)


def count(folder: Path, filers: Filers) -> None:
    assert not filers.refusals, filers.refusals[:3]
    trust = read_trust(folder / "trust")
    entries = public_entries(folder, trust)
    for envelope, answer in filers.acknowledged.items():
        entry = str(answer["entry"]).encode()
        assert entries[parse_decimal(answer["index"])] == entry
        check_commitment(Entry.from_bytes(entry), parse_base64(answer["salt"]), envelope)
    assert len(set(entries)) == len(entries)
    indexes = {answer["index"] for answer in filers.acknowledged.values()}
    assert len(indexes) == len(filers.acknowledged) > 100
    assert filers.uploads > 3
    check_store(folder, entries, filers)
    some = list(filers.acknowledged.items())
    for envelope, answer in (some[0], some[len(some) // 2], some[-1]):
        check_acceptance(answer, envelope, trust)


def public_entries(folder: Path, trust: Trust) -> list[bytes]:
    """All of them, from the public files alone."""
    log, copy = trust.logs[0], DirectoryLog(folder / "public")
    note = SignedNote.from_bytes(copy.read(log.label, "checkpoint"))
    checkpoint = log.policy.open(note).checkpoint
    bundles = read_log(lambda path: copy.read(log.label, path), checkpoint, tiles=True)
    return [entry for _, entries in bundles for entry in entries]


def check_store(folder: Path, entries: list[bytes], filers: Filers) -> None:
    """Nothing is stored that nobody sent, no statement twice, and every cosigned tree is ours."""
    store = SqliteLedgerStore(folder / "ledger.sqlite")
    try:
        rows = list(store.rows(0, len(entries)))
        head = store.head()
        assert head is not None and head.edge.size == len(entries)
        assert [row.entry for row in rows] == entries
        assert {row.envelope for row in rows[2:]} <= filers.sent
        assert len({row.statement_id for row in rows}) == len(rows)
        leaves = [leaf_hash(entry) for entry in entries]
        policy, size, kept = read_trust(folder / "trust").logs[0].policy, 0, 0
        while (note := store.cosigned(size)) is not None:
            cosigned = policy.open(SignedNote.from_text(note))
            size, kept = cosigned.checkpoint.size + 1, kept + 1
            if kept % 20 == 1:
                assert cosigned.checkpoint.root == root_of(leaves[: cosigned.checkpoint.size])
        assert kept > 5
    finally:
        store.close()


def test_twenty_kills_lose_and_double_nothing(server: Server, folder: Path, tmp_path: Path) -> None:
    kill_and_count(server, folder, tmp_path, kills=20, seed=20)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_kills_lose_and_double_nothing(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    kill_and_count(server, folder, tmp_path, kills=200, seed=200)
