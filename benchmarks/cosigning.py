"""From a deposit to a receipt that a quorum stands for, and what a cosigner decides a second."""

import os
import secrets
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from logging import CRITICAL
from pathlib import Path

import structlog

from api.clients.filing import evidence, read_source
from api.clients.ledger import LedgerClient, NotYet
from api.cosigner import CosignerService
from api.ids import new_id
from benchmarks.ground import ledger, scratch
from benchmarks.measure import Ratio, Row, Table
from cli.demo import AGENCY, OFFICES, Stage
from cli.files import read_key
from ledger.evidence.trust import TrustedLog
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.proof import prove_consistency
from ledger.tlog.signing_key import SigningKey, sign_note
from ledger.tlog.submission import AddCheckpoint
from storage.clock import SystemClock
from storage.cosigner_sqlite import SqliteCosignerState
from storage.trust_directory import read_trust

KEY = "j"
WELL, HANGS, DEAD = "three cosigners", "one of them hangs", "one of them is dead"
P50, P99 = "deposit to witnessed receipt, {}, median", "deposit to witnessed receipt, {}, p99"
LOG = SigningKey("log.example/2026", Algorithm.ED25519, bytes([1] * 32))
ED25519 = SigningKey("a.example", Algorithm.COSIGNATURE_ED25519, bytes([2] * 32))
ML_DSA = SigningKey("b.example", Algorithm.COSIGNATURE_MLDSA44, bytes([3] * 32))
SIGNERS = {"Ed25519": (ED25519,), "ML-DSA-44": (ML_DSA,), "both": (ED25519, ML_DSA)}
DECIDES = "decisions of a cosigner, {}"


def run(quick: bool) -> Table:
    count, rounds = (20, 1) if quick else (200, 3)
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        stage = stack.enter_context(ledger(folder / "ledger", [], cosigned=True))
        filer = Filer(stage)
        _deposits(filer, 10)  # connections are open, and what is loaded at first use is
        took = {WELL: _rounds(filer, rounds, count)}
        with _stopped(stage, OFFICES[2]):
            took[HANGS] = _rounds(filer, rounds, count)
        os.kill(_pid(stage, OFFICES[2]), signal.SIGKILL)
        took[DEAD] = _rounds(filer, rounds, count)
    for what, each in took.items():
        rows.append(Row(P50.format(what), "ms", tuple(map(statistics.median, each))))
        rows.append(Row(P99.format(what), "ms", tuple(map(_p99, each))))
    requests = _requests(100 if quick else 500)
    rows += [
        Row(DECIDES.format(name), "/s", tuple(_decide(keys, requests) for _ in range(rounds)))
        for name, keys in SIGNERS.items()
    ]
    return _table(rows, count)


class Filer:
    """Hands in small files one after the other, and waits for each."""

    def __init__(self, stage: Stage) -> None:
        self._key = read_key(str(stage.root / "keys" / "station.key"))
        self._client = LedgerClient(stage.server, key=self._key)
        self._common = {"agency": AGENCY, "case": stage.case, "stage": "investigate"}
        self._log: TrustedLog = read_trust(stage.root / "trust").logs[0]
        self._file = stage.root / "picture.jpg"

    def deposit(self) -> float:
        """Milliseconds from the announcement to a receipt with its quorum."""
        self._file.write_bytes(secrets.token_bytes(1000))
        id_ = new_id(time.time_ns() // 1_000_000)
        start = time.perf_counter()
        source = read_source(self._file, lambda n: None)
        digest = source.subject.digest
        self._client.upload(self._file, digest.size, digest.sha256, lambda n: None)
        (answer,) = self._client.file([evidence([source], self._common, self._key, id_)])
        assert "index" in answer, answer
        while not self._is_witnessed(id_):
            time.sleep(0.002)
        return (time.perf_counter() - start) * 1000

    def _is_witnessed(self, id_: str) -> bool:
        try:
            proof = str(self._client.receipt(id_)["proof"])
        except NotYet:
            return False
        note = SignedNote.from_text(proof.partition("\n\n")[2])
        return self._log.policy.open(note).quorum_time is not None


def _rounds(filer: Filer, rounds: int, count: int) -> list[list[float]]:
    return [_deposits(filer, count) for _ in range(rounds)]


def _deposits(filer: Filer, count: int) -> list[float]:
    return [filer.deposit() for _ in range(count)]


def _p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


def _pid(stage: Stage, office: str) -> int:
    return int((stage.root / "cosigners" / office / "lock").read_text())


@contextmanager
def _stopped(stage: Stage, office: str) -> Iterator[None]:
    """It takes connections and answers nothing."""
    os.kill(_pid(stage, office), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(_pid(stage, office), signal.SIGCONT)


def _requests(count: int) -> list[bytes]:
    """Of a log that grows by one entry at a time."""
    leaves = [leaf_hash(b"%d" % n) for n in range(count + 1)]

    def node(level: int, number: int) -> bytes:
        return root_of(leaves[number << level : (number + 1) << level])

    made = []
    for size in range(1, count + 1):
        text = Checkpoint(LOG.name, size, root_of(leaves[:size])).to_text()
        proof = prove_consistency(size - 1, size, node)
        note = SignedNote(text, (sign_note(text, LOG),))
        made.append(AddCheckpoint(size - 1, proof, note).to_bytes())
    return made


def _decide(keys: tuple[SigningKey, ...], requests: list[bytes]) -> float:
    """In process, without HTTP; each decision is durable before it is given out."""
    with (
        tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as folder,
        closing(SqliteCosignerState(Path(folder) / "state.sqlite")) as state,
    ):
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
        service = CosignerService({LOG.name: LOG.verifier}, keys, state, SystemClock())
        start = time.perf_counter()
        for request in requests:
            service.add_checkpoint(request)
        return len(requests) / (time.perf_counter() - start)


def _table(rows: list[Row], count: int) -> Table:
    table = Table(key=KEY, title="", rows=tuple(rows))
    well = table.median(P50.format(WELL))
    return Table(
        key=KEY,
        title="Witnessed",
        rows=tuple(rows),
        ratios=(
            Ratio("one that hangs ÷ three", table.median(P50.format(HANGS)) / well),
            Ratio("one that is dead ÷ three", table.median(P50.format(DEAD)) / well),
            Ratio(
                "ML-DSA-44 ÷ Ed25519, decisions",
                table.median(DECIDES.format("ML-DSA-44")) / table.median(DECIDES.format("Ed25519")),
            ),
        ),
        notes=(
            f"A file of 1,000 bytes, {count} of them one after the other in each round: announced, "
            "sent, filed, and its receipt asked for every two milliseconds until two of three have "
            "cosigned. Ledger and cosigners are processes of their own on this machine.",
            "One that hangs takes connections and answers nothing. Two of three are a quorum.",
            "Decisions: one after the other, in process, each durable (SQLite, fsync) before its "
            "signature is given out; a log that grows by one entry.",
        ),
    )
