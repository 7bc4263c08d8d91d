"""Makes tests/golden/v1 anew: a small ledger folder and a packet from it.

    .venv/bin/python -m tests.golden.make
    .venv/bin/python -m tests.golden.make sequence     # tests/golden/sequence: two logs

What is committed there is never made again for format 1: every later version must
open that folder and verify that packet. All keys in it are test keys.
"""

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from api.app import create_app
from api.clients import filing
from api.clients.ledger import LedgerClient, check_acceptance
from api.cosigner import CosignerService, create_cosigner_app
from api.founding import Plan, agency_registration, found, key_registration, new_key
from api.ids import new_id
from api.next_log import begin, prepare
from api.services import Services, open_services
from api.settings import Settings
from ledger import suite
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Role, Statement, StatementSubject
from ledger.evidence.trust import Trust
from ledger.tlog.note import Algorithm
from ledger.tlog.policy import Witness
from ledger.tlog.signing_key import SigningKey
from storage.clock import SystemClock
from storage.cosigner_sqlite import SqliteCosignerState
from storage.tokens_sqlite import Token
from storage.trust_directory import read_trust

HERE = Path(__file__).parent
CASE = "苏城管罚〔2026〕417号"
AGENCY = "agency-01"
NEXT = "ledger.example/enforcement/2027"


@contextmanager
def serving(app: Any) -> Iterator[str]:
    config = uvicorn.Config(app, port=0, log_level="critical")
    sock = config.bind_socket()
    sock.listen()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    server.should_exit = True
    thread.join(60)


def make(target: Path, *, sequence: bool = False) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        _make(Path(scratch), target, sequence)


def _make(scratch: Path, target: Path, sequence: bool) -> None:
    registrar = new_key("registrar.example")
    kinds = (
        ("notary", Algorithm.COSIGNATURE_ED25519),
        ("court", Algorithm.COSIGNATURE_MLDSA44),
        ("archive", Algorithm.COSIGNATURE_ED25519),
    )
    offices = [new_key(f"{name}.example/w1", kind) for name, kind in kinds]
    # The addresses are known only once the cosigners run, and they need the log's key:
    # each is given an app that is filled in afterwards.
    plan = Plan(
        origin="ledger.example/enforcement/2026",
        agency=AGENCY,
        registrar=registrar,
        cosigners=[Witness(k.name.partition(".")[0], k.verifier) for k in offices],
        quorum=2,
    )
    folder = found(scratch / "ledger", plan, SystemClock().now_ms())
    trust = read_trust(folder.trust)
    log_key = trust.logs[0].policy.log
    states = [
        SqliteCosignerState(scratch / f"{key.name.partition('.')[0]}.sqlite") for key in offices
    ]
    logs = {log_key.name: log_key}  # the key of the next log is added to it
    apps = [
        create_cosigner_app(CosignerService(logs, (key,), state, SystemClock()))
        for key, state in zip(offices, states, strict=True)
    ]
    with serving(apps[0]) as a, serving(apps[1]) as b, serving(apps[2]) as c:
        _set_addresses(folder.trust, trust, (a, b, c))
        services = open_services(folder.path, Settings())
        with serving(create_app(services)) as url:
            station, handler = _file(
                url, registrar, read_trust(folder.trust), scratch, decided=not sequence
            )
            packet = _packet(services, url, scratch)
        if sequence:
            key = prepare(folder, NEXT)
            logs[key.name] = key
            begin(folder, registrar)
            services = open_services(folder.path, Settings())
            with serving(create_app(services)) as url:
                trust = read_trust(folder.trust)
                _go_on(url, trust, scratch, station, handler)
                packet = _packet(services, url, scratch)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    _set_addresses(folder.trust, read_trust(folder.trust), ("", "", ""))
    (folder.path / "lock").unlink()
    shutil.copytree(folder.path, target / "ledger")
    shutil.copytree(folder.trust, target / "trust")
    shutil.copytree(folder.public, target / "public")
    shutil.copy(packet, target / "packet.zip")


def _packet(services: Services, url: str, scratch: Path) -> Path:
    token = f"tz_golden_{services.log.label}"
    now = SystemClock().now_ms()
    services.tokens.add_token(
        suite.digest(token.encode()),
        Token(name="clerk", role="court", agency="", created_ms=now, expires_ms=now + 10**7),
    )
    packet = scratch / "packet.zip"
    LedgerClient(url, token=token).packet(CASE, packet, lambda n: None)
    time.sleep(2)
    return packet


def _go_on(url: str, trust: Trust, scratch: Path, station: SigningKey, handler: SigningKey) -> None:
    """In the next log: a second version of the recording, and the decision."""
    client = LedgerClient(url, key=station)
    common = {"agency": AGENCY, "case": CASE, "stage": "investigate", "officers": ["320500-0001"]}
    texts = {
        "BWC_0088.MP4": bytes(range(256)) * 900,
        "决定书.txt": "行政处罚决定书（样例）\n".encode(),
    }
    for name, data in texts.items():
        path = scratch / name
        path.write_bytes(data)
        source = filing.read_source(path, lambda n: None)
        client.upload(path, len(data), source.subject.digest.sha256, lambda n: None)
        envelope = (
            filing.evidence([source], {**common, "device": "BWC-310"}, station, _id())
            if name.endswith("MP4")
            else filing.act(
                [source], "penalty_decision", {**common, "stage": "decide"}, handler, _id()
            )
        )
        (answer,) = client.file([envelope])
        check_acceptance(answer, envelope, trust)
        time.sleep(1.2)


def _set_addresses(folder: Path, trust: Trust, urls: tuple[str, ...]) -> None:
    for log in trust.logs:
        policy = log.policy
        witnesses = tuple(replace(w, url=u) for w, u in zip(policy.witnesses, urls, strict=True))
        (folder / "policy" / log.label).write_text(replace(policy, witnesses=witnesses).to_text())


def _file(
    url: str, registrar: SigningKey, trust: Trust, scratch: Path, *, decided: bool
) -> tuple[SigningKey, SigningKey]:
    """Who filed: the station, and the handler."""
    now = SystemClock().now_ms()
    station, handler = new_key("station-07.example"), new_key("handler-12.example")
    client = LedgerClient(url, key=station)

    def send(*envelopes: bytes) -> list[dict[str, Any]]:
        answers = client.file(envelopes)
        for answer, envelope in zip(answers, envelopes, strict=True):
            check_acceptance(answer, envelope, trust)
        time.sleep(1.2)  # so that the cosigners see this much by itself
        return answers

    send(
        *(
            seal(
                key_registration(
                    AGENCY, key.verifier, person=key.name, role=role, now_ms=now
                ).to_bytes(),
                [registrar],
            ).to_bytes()
            for key, role in ((station, Role.STATION), (handler, Role.HANDLER))
        ),
        seal(
            agency_registration(
                AGENCY, "苏州市城市管理局", ["苏城管罚〔{year}〕{number}号"], now
            ).to_bytes(),
            [registrar],
        ).to_bytes(),
    )
    names = [b"BWC_0088.MP4", "现场照片.jpg".encode("gb18030"), "空.txt".encode()]
    contents = [bytes(range(256)) * 1100, b"photo" * 1000, b""]
    sources = []
    for number, (name, data) in enumerate(zip(names, contents, strict=True)):
        path = scratch / f"item-{number}"
        path.write_bytes(data)
        source = filing.read_source(path, lambda n: None)
        text, raw = filing.spell_name(name)
        sources.append(replace(source, subject=replace(source.subject, name=text, name_bytes=raw)))
        client.upload(path, len(data), source.subject.digest.sha256, lambda n: None)
    common = {"agency": AGENCY, "case": CASE, "stage": "investigate", "officers": ["320500-0001"]}
    recording, photo, empty = sources
    first, _ = send(
        filing.evidence([recording, empty], {**common, "device": "BWC-310"}, station, _id()),
        filing.evidence([photo], common, station, _id()),
    )
    if not decided:
        return station, handler
    decision = scratch / "决定书.txt"
    decision.write_text("行政处罚决定书（样例）\n")
    source = filing.read_source(decision, lambda n: None)
    client.upload(
        decision, source.subject.digest.size, source.subject.digest.sha256, lambda n: None
    )
    send(filing.act([source], "penalty_decision", {**common, "stage": "decide"}, handler, _id()))
    subject = StatementSubject(str(first["id"]), _commitment(first))
    correction = Statement(
        Kind.CORRECTION,
        (subject,),
        {
            "id": _id(),
            "agency": AGENCY,
            "case": CASE,
            "changes": {"maker": "王某"},
            "reason": "补正",
        },
    )
    send(seal(correction.to_bytes(), [handler]).to_bytes())
    return station, handler


def _commitment(answer: dict[str, Any]) -> bytes:
    from ledger.evidence.entry import Entry

    return Entry.from_bytes(str(answer["entry"]).encode()).commitment


def _id() -> str:
    return new_id(SystemClock().now_ms())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sequence"]:
            make(HERE / "sequence", sequence=True)
        case rest:
            make(Path(rest[0]) if rest else HERE / "v1")
