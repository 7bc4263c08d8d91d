"""A founded ledger in a folder, served in this process, with cosigners that can be silenced.

    with open_ledger(tmp_path) as ledger:
        ledger.file(ledger.evidence(b"a picture"))

The series key is that of all tests; the people and their keys are named below.
"""

import atexit
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from logging import CRITICAL
from pathlib import Path
from random import SystemRandom
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch

import structlog
from fastapi import FastAPI
from starlette.testclient import TestClient

from api import wire
from api.app import create_app
from api.clients.ledger import LedgerClient
from api.cosigner import CosignerService
from api.founding import Plan, agency_registration, found, key_registration, new_key
from api.ids import new_id
from api.services import Services, open_services
from api.settings import Settings
from api.signing import sign_request
from ledger.cosigner import BadProof, StaleSize
from ledger.encoding import format_json
from ledger.errors import Unavailable
from ledger.evidence.chunks import digest_item
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Role, Statement
from ledger.evidence.trust import Trust
from ledger.filing import read_filing
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Cosigned, Witness
from ledger.tlog.signing_key import SigningKey
from ledger.verdict.times import LATE_S
from storage.clock import SystemClock
from storage.tokens_sqlite import Token
from storage.trust_directory import read_trust
from testkit.keys import SERIES_PEM, cosigner, key, series_key, series_signer

ORIGIN = "ledger.example/enforcement/2026"
AGENCY = "agency-01"
OTHER_AGENCY = "agency-02"
CASE = "苏城管罚〔2026〕417号"
OTHER_CASE = "苏城管罚〔2026〕418号"

REGISTRAR = key("registrar.example")
STATION = key("station-07.example")
HANDLER = key("handler-12.example")
OTHER_STATION = key("station-01.other.example")
REVOKED = key("station-08.example")
STRANGER = key("stranger.example")
COSIGNERS = tuple(cosigner(f"{name}.example") for name in ("notary", "court", "archive"))

BASE = "http://testserver"
FOUNDED = 8  # entries of a fresh ledger: what `template` puts in
FRESH_S = LATE_S / 3  # so old may a template be: the verdict tells of a quorum that came late


class OfficeState:
    """A cosigner's state in memory: `api.cosigner.CosignerState`."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[Checkpoint, str]] = {}

    def last(self, origin: str) -> tuple[Checkpoint, str] | None:
        return self.held.get(origin)

    def swap(self, old: Checkpoint | None, new: Checkpoint, note: str) -> None:
        self.held[new.origin] = new, note


@dataclass
class Office:
    """A cosigner in this process. While it is `away`, nothing answers.

    A `silent` one shows nobody what it signed.
    """

    service: CosignerService
    away: bool = False
    silent: bool = False

    def checkpoint(self, origin: str) -> bytes:
        last = self.service.state.last(origin)
        if self.away or last is None or self.silent:
            raise Unavailable("nobody is in")
        return last[1].encode()

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        if self.away:
            raise Unavailable("nobody is in")
        try:
            return 200, self.service.add_checkpoint(body)
        except StaleSize as error:
            return 409, f"{error.size}\n".encode()
        except BadProof as error:
            return 422, str(error).encode()


@dataclass
class Ledger:
    """One open ledger, and the people around it."""

    folder: Path
    services: Services
    trust: Trust
    offices: list[Office]
    http: TestClient

    def client(self, signer: SigningKey | None = STATION, token: str = "") -> LedgerClient:
        client = LedgerClient(BASE, key=signer, token=token)
        client._client.close()
        client._client = self.http
        return client

    def signed(
        self, method: str, path: str, body: bytes = b"", *, by: SigningKey = STATION
    ) -> dict[str, str]:
        return dict(sign_request(by, method, BASE + path, body, os.urandom(16).hex()))

    def announce(self, data: bytes, *, by: SigningKey = STATION) -> str:
        """The path where the bytes may be put."""
        return announce(self, len(data), digest(data), by=by)

    def upload(self, data: bytes, *, by: SigningKey = STATION) -> None:
        answer = self.http.put(self.announce(data, by=by), content=data)
        assert answer.status_code == 201, answer.text

    def evidence(
        self,
        data: bytes,
        *,
        name: str = "photo.jpg",
        by: SigningKey = STATION,
        upload: bool = True,
        **more: Any,
    ) -> bytes:
        """An envelope about an item of these bytes, which are uploaded first."""
        if upload:
            self.upload(data, by=by)
        predicate = {
            "agency": AGENCY,
            "case": CASE,
            "id": new_id(time.time_ns() // 1_000_000),
            "occurred": {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:05:00+08:00"},
            "stage": "investigate",
        } | more
        subject = FileSubject(name, digest_item(data))
        return seal(Statement(Kind.EVIDENCE, (subject,), predicate).to_bytes(), [by]).to_bytes()

    def file(self, *envelopes: bytes) -> list[dict[str, Any]]:
        answer = self.http.post("/v1/statements", content=b"\n".join(envelopes))
        assert "results" in answer.json(), answer.text
        return list(answer.json()["results"])

    def accept(self, *envelopes: bytes) -> list[dict[str, Any]]:
        rows = self.file(*envelopes)
        assert all("index" in row for row in rows), rows
        return rows

    def token(
        self,
        role: str = "court",
        *,
        agency: str = "",
        cases: tuple[str, ...] = (),
        name: str = "clerk",
        expires_ms: int = 2**50,
    ) -> str:
        secret = "tz_" + os.urandom(16).hex()
        token = Token(
            name=name, role=role, agency=agency, cases=cases, created_ms=0, expires_ms=expires_ms
        )
        self.services.tokens.add_token(digest(secret.encode()), token)
        return secret

    def bearer(self, role: str = "court", **limits: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(role, **limits)}"}

    def await_quorum(self, size: int | None = None) -> None:
        """That so much is cosigned and kept, and then what the public sees."""
        log = self.services.log
        wanted = log.size if size is None else size

        def is_public() -> bool:
            seen = self.published()
            if seen is None or seen.checkpoint.size < wanted:
                return False
            return seen.checkpoint.size > wanted or seen.quorum_time is not None

        await_that(lambda: log.first_note(wanted) is not None, "a quorum")
        await_that(is_public, "the public checkpoint")

    def await_everyone(self) -> None:
        """That all have cosigned what is there: until somebody files, the public copy is final."""

        def is_final() -> bool:
            seen = self.published()
            if seen is None or seen.checkpoint.size < self.services.log.size:
                return False
            return len(seen.times) == len(self.offices)

        await_that(is_final, "every cosignature")

    def published(self) -> Cosigned | None:
        """The checkpoint that the public sees."""
        log = self.services.log
        if log.published() is None:
            return None
        return self.services.trusted.policy.open(SignedNote.from_text(log.published_note(0)))

    def custody(self, action: str) -> list[dict[str, Any]]:
        """What the logs say that people did, read from the store."""
        return [said for said in self.said("custody") if said["action"] == action]

    def status(self, what: str) -> list[dict[str, Any]]:
        """The ledger's own statements of that name, of all its logs."""
        return [said for said in self.said("status") if said["what"] == what]

    def said(self, kind: str) -> list[dict[str, Any]]:
        rows = self.services.store.rows(0, self.services.log.number)
        envelopes = [Envelope.from_bytes(row.envelope) for row in rows if row.kind == kind]
        return [dict(Statement.from_bytes(each.payload).predicate) for each in envelopes]


def announce(
    ledger: Ledger, size: int, sha256: bytes, *, by: SigningKey = STATION, base: str = BASE
) -> str:
    body = format_json({"sha256": sha256.hex(), "size": str(size)})
    headers = ledger.signed("POST", "/v1/uploads", body, by=by)
    answer = ledger.http.post("/v1/uploads", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def await_that(holds: Any, what: str, seconds: float = 60.0, why: Callable[[], str] = str) -> None:
    """`why` is asked in the end what stands in the way. A busy machine may take its time."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"{what} did not come in {seconds} s: {why()}"
        time.sleep(0.005)


def register(
    signer: SigningKey,
    role: Role,
    agency: str = AGENCY,
    *,
    by: SigningKey = REGISTRAR,
    **more: str,
) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    statement = key_registration(
        agency, signer.verifier, person=signer.name, role=role, now_ms=now_ms
    )
    predicate = dict(statement.predicate) | more
    payload = Statement(Kind.REGISTER, statement.subjects, predicate).to_bytes()
    return seal(payload, [by]).to_bytes()


def witnesses(ports: Sequence[int] = (1, 2, 3)) -> list[Witness]:
    names = [signer.name.partition(".")[0] for signer in COSIGNERS]
    return [
        Witness(name, signer.verifier, f"http://127.0.0.1:{port}")
        for name, signer, port in zip(names, COSIGNERS, ports, strict=True)
    ]


_templates: list[tuple[float, Path]] = []
_same_key = cache(new_key)


@contextmanager
def series_keys() -> Iterator[None]:
    """The one series key of the tests, wherever a ledger makes one or reads one: RSA is slow."""
    signer = series_signer()
    signer.__dict__["public"] = series_key()  # its roots are at hand
    with (
        patch("api.founding.new_series_key", lambda: SERIES_PEM),
        patch("api.founding.SeriesSigner", lambda pem: signer),
        patch("api.services.SeriesSigner", lambda pem: signer),
        patch("api.next_log.new_series_key", lambda: SERIES_PEM),
        patch("api.next_log.SeriesSigner", lambda pem: signer),
    ):
        yield


def template() -> Path:
    """A founded ledger with its keys registered, made seldom: RSA keys are slow."""
    if not _templates:
        _templates.append((time.monotonic(), _template()))
    return _templates[-1][1]


def renew_template() -> None:
    """Under the same keys, before what it says would be late: a quorum sees that only in a test."""
    if _templates and time.monotonic() - _templates[-1][0] > FRESH_S:
        _templates[:] = [(time.monotonic(), _template())]


def _template() -> Path:
    root = Path(mkdtemp(prefix="tiezheng-test-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    plan = Plan(origin=ORIGIN, agency=AGENCY, registrar=REGISTRAR, cosigners=witnesses(), quorum=2)
    with series_keys(), patch("api.founding.new_key", _same_key):
        found(root / "ledger", plan, time.time_ns() // 1_000_000)
        services = open_services(root / "ledger", Settings())
    templates = ["苏城管罚〔{year}〕{number}号"]
    envelopes = [
        register(STATION, Role.STATION),
        register(HANDLER, Role.HANDLER),
        register(OTHER_STATION, Role.STATION, OTHER_AGENCY),
        register(REVOKED, Role.STATION),
        register(REVOKED, Role.STATION, revoked="lost"),
        seal(
            agency_registration(AGENCY, "苏州市城市管理局", templates, 0).to_bytes(), [REGISTRAR]
        ).to_bytes(),
    ]
    filings = [read_filing(envelope) for envelope in envelopes]
    # Or the first test of a run would find a line of the journal in what its command prints.
    with quiet():
        results = services.writer.submit(filings).result(60)
        services.writer.stop()
    assert not [r for r in results if isinstance(r, Exception)], results
    services.indexer.stop()
    services.catalog.close()
    services.tokens.close()
    # Else they are closed whenever they are collected, perhaps while the folder is being copied.
    services.feed.kept.close()
    services.vault.close()
    services.store.close()
    services.lock.close()
    return root / "ledger"


def offices(trust: Trust, known: Sequence[Office] = ()) -> list[Office]:
    """Cosigners of all logs of the folder; `known` are they in an earlier life, who remember."""
    logs = {log.origin: log.policy.log for log in trust.logs}
    states = [office.service.state for office in known] or [OfficeState() for _ in COSIGNERS]
    return [
        Office(CosignerService(logs, (signer,), state, SystemClock()))
        for signer, state in zip(COSIGNERS, states, strict=True)
    ]


def office_clients(people: Sequence[Office]) -> dict[str, Office]:
    """By their names in the policy, as `api.next_log.begin` takes them."""
    return {w.name: office for w, office in zip(witnesses(), people, strict=True)}


@contextmanager
def quiet() -> Iterator[None]:
    """Without a journal; whatever was configured meanwhile is undone too."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def open_ledger(
    folder: Path, *, people: list[Office] | None = None, **settings: Any
) -> Iterator[Ledger]:
    """Opens the ledger in `folder`, or a copy of the template made there.

    `people` are cosigners who remember an earlier life of it.
    """
    if not folder.exists():
        shutil.copytree(template(), folder)
    with quiet():
        yield from _open(folder, people, settings)


def _open(folder: Path, known: list[Office] | None, settings: dict[str, Any]) -> Iterator[Ledger]:
    people = offices(read_trust(folder / "trust")) if known is None else known
    by_url = {w.url: office for w, office in zip(witnesses(), people, strict=True)}
    with patch("api.services.HttpCosigner", lambda url: by_url[url]), series_keys():
        services = open_services(folder, Settings(**settings))
    trust = read_trust(folder / "trust")
    http = TestClient(
        create_app(services), BASE, raise_server_exceptions=False, follow_redirects=False
    )
    with ExitStack() as stack:
        # Those cosigners answer or refuse at once: they are waited for on any machine.
        with patch("api.resuming.FIRST_S", 60.0), patch("api.resuming.GRACE_S", 60.0):
            stack.enter_context(http)
        yield Ledger(folder, services, trust, people, http)


def free_port() -> int:
    """For a server that comes again at its address: no connection is given it in between.

    The system gives those from 32768 on.
    """
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with suppress(OSError), socket.socket() as free:
            free.bind(("127.0.0.1", port))
            return port


@contextmanager
def serving(app: FastAPI, **options: Any) -> Iterator[str]:
    """A real server on a free port, for what only sockets show; its address.

    `options` are uvicorn's.
    """
    sock = socket.create_server(("127.0.0.1", 0))
    server = wire.server(app, log_level="critical", lifespan="off", **options)
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    await_that(lambda: server.started, "the server")
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        sock.close()
