"""An ingest of large files, the station or the ledger's server killed in the midst of it.

Real processes: a server whose items are sealed and kept twice, three cosigners, a station
that wipes. At the end every file that was docked is in the log exactly once, its bytes are
read back, every device is empty, and none was emptied before.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import pytest

from api.settings import Settings
from api.vault import open_vault
from cli.demo import AGENCY, Stage
from ledger.errors import Unavailable
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Kind, Statement
from ledger.suite import new_digest
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore
from testkit.children import ROOT, die_with_parent
from testkit.server import free_port

MB = 1 << 20
CODE = "import sys; from cli.main import main; sys.exit(main())"


@dataclass
class Ingest:
    """What runs, and what has been docked: SHA-256 by path."""

    stage: Stage
    root: Path
    port: int
    dice: random.Random
    docked: dict[Path, bytes] = field(default_factory=dict)
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.stage.root / "ledger"

    @property
    def station(self) -> Path:
        return self.root / "station"

    def start(self, name: str) -> None:
        command = {
            "server": ("server", str(self.data), "--port", str(self.port)),
            "station": ("station", "run", str(self.station), "--json"),
        }[name]
        with (self.root / f"{name}.journal").open("ab") as journal:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-c", CODE, *command],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=journal,
                preexec_fn=die_with_parent,
            )
        if name == "server":
            self._await_server()

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def dock(self, device: str, files: int, size: int) -> None:
        """Made elsewhere on the disk and moved in, as a mounted card appears."""
        card = self.root / "cards" / device
        card.mkdir(parents=True)
        target = self.root / "dock" / device
        for n in range(1, files + 1):
            digest = new_digest()
            with (card / f"BWC_{n:04}.MP4").open("wb") as file:
                for _ in range(0, size, MB):
                    piece = self.dice.randbytes(MB)
                    digest.update(piece)
                    file.write(piece)
            self.docked[target / f"BWC_{n:04}.MP4"] = digest.digest()
        card.rename(target)

    def status(self) -> dict[str, object]:
        said = self.stage.run("station", "status", str(self.station), "--json")
        found: dict[str, object] = json.loads(said)
        return found

    def check_not_early(self) -> None:
        """What is gone from a device is in the log."""
        gone = {sha256 for path, sha256 in self.docked.items() if not path.exists()}
        assert gone <= set(self.logged()), "wiped before it was logged"

    def logged(self) -> Counter[bytes]:
        store = SqliteLedgerStore(self.data / "ledger.sqlite")
        try:
            head = store.head()
            rows = list(store.rows(0, head.edge.size if head else 0))
        finally:
            store.close()
        statements = (
            Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
            for row in rows
            if row.kind == Kind.EVIDENCE
        )
        return Counter(s.digest.sha256 for statement in statements for s in statement.files)

    def await_rest(self, patience_s: float) -> None:
        ends = time.monotonic() + patience_s
        while any(path.exists() for path in self.docked):
            assert time.monotonic() < ends, self.status()
            time.sleep(1)

    def check(self) -> None:
        found = self.logged()
        assert {found[sha256] for sha256 in self.docked.values()} == {1}, "lost, or twice"
        self.end()
        self.running.clear()
        self._check_bytes()

    def _check_bytes(self) -> None:
        """Of every claimed item, from the vault itself."""
        folder = DataFolder.open(self.data)
        store = SqliteLedgerStore(folder.ledger_db)
        vault = open_vault(folder, Settings(second_store=f"directory:{self.root / 'second'}"))
        try:
            held = set()
            for item in store.claimed():
                digest = new_digest()
                for piece in vault.items.stream(item.object_id):
                    digest.update(piece)
                assert digest.digest() == item.digest.sha256
                held.add(item.digest.sha256)
            assert set(self.docked.values()) <= held
        finally:
            vault.close()
            store.close()

    def _await_server(self) -> None:
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.running["server"].poll() is not None:
                break
            time.sleep(0.05)
        raise Unavailable((self.root / "server.journal").read_text()[-2000:])


@contextmanager
def ingest(root: Path, seed: int) -> Iterator[Ingest]:
    port = free_port()
    stage = Stage(root / "stage", [])
    stage.root.mkdir()
    with ExitStack() as stack:
        with redirect_stdout(StringIO()):
            stage.found()
            (stage.root / "ledger" / "tiezheng.toml").write_text(
                f'second_store = "directory:{root / "second"}"\n'
            )
            stage.cosign(stack)
            with ExitStack() as first:
                stage.serve(first)
        found = Ingest(stage, root, port, random.Random(seed))
        (root / "dock").mkdir()
        stage.run(
            *("station", "init", str(found.station), "--server", f"http://127.0.0.1:{port}"),
            *("--key", str(stage.root / "keys" / "station.key"), "--agency", AGENCY),
            *("--trust", str(stage.root / "trust"), "--dock", str(root / "dock"), "--wipe"),
        )
        settings = found.station / "station.toml"
        text = settings.read_text()
        settings.write_text(text.replace("quiet_seconds = 3", "quiet_seconds = 0"))
        assert settings.read_text() != text
        try:
            yield found
        finally:
            found.end()


def kill_in_the_midst(run: Ingest, kills: int, longest_s: float) -> None:
    for name in ("server", "station"):
        run.start(name)
    for _ in range(kills):
        time.sleep(run.dice.uniform(0, longest_s))
        name = run.dice.choice(["server", "station"])
        run.kill(name)
        run.check_not_early()
        run.start(name)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_hundred_kills_in_ingests_of_256_mb(tmp_path: Path) -> None:
    """Eight ingests one after another, so that there is always something under way."""
    with ingest(tmp_path, 256) as run:
        for turn in range(8):
            for device in range(4):
                run.dock(f"BWC-{turn}{device}", 4, 16 * MB)
            kill_in_the_midst(run, 25, 3.0)
            run.await_rest(300)
            for name in ("server", "station"):
                run.kill(name)
        run.start("server")
        run.check()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_five_kills_in_an_ingest_of_10_gb(tmp_path: Path) -> None:
    with ingest(tmp_path, 10) as run:
        run.dock("BWC-1", 5, 2000 * MB)
        kill_in_the_midst(run, 5, 30.0)
        run.await_rest(1800)
        run.check()


@pytest.mark.timeout(600)  # who was killed three times comes again with pauses, on any machine
def test_three_kills_in_a_small_ingest(tmp_path: Path) -> None:
    with ingest(tmp_path, int.from_bytes(os.urandom(4))) as run:
        run.dock("BWC-1", 3, 4 * MB)
        kill_in_the_midst(run, 3, 1.5)
        run.await_rest(300)
        run.check()
