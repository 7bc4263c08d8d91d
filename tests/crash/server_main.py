"""A ledger's server to be killed: `python server_main.py FOLDER`, a line on stdin for each start.

Everything is imported once; each server is a process of its own, forked before any
thread is there. It prints `PID PORT` and serves until it is killed. The cosigners
live in the same process, each with its state in a file, and die with it.
"""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import uvicorn

import api.journal
import api.services
from api.app import create_app
from api.cosigner import CosignerService
from api.settings import Settings
from ledger.errors import LedgerError
from ledger.tlog.note import VerifierKey
from storage.clock import SystemClock
from storage.cosigner_sqlite import SqliteCosignerState
from storage.trust_directory import read_trust
from testkit.keys import cosigner


class LocalCosigner:
    """Takes the place of `HttpCosigner`; `url` is the file of its state, named as the cosigner."""

    logs: dict[str, VerifierKey]

    def __init__(self, url: str) -> None:
        path = Path(url.removeprefix("file://"))
        key = cosigner(f"{path.stem}.example/w1")
        state = SqliteCosignerState(path)
        self._service = CosignerService(self.logs, (key,), state, SystemClock())

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        try:
            return 200, self._service.add_checkpoint(body)
        except LedgerError as error:
            size = getattr(error, "size", None)
            return (422, b"") if size is None else (409, f"{size}\n".encode())


def serve(folder: Path) -> None:
    trust = read_trust(folder / "trust")
    LocalCosigner.logs = {log.origin: log.policy.log for log in trust.logs}
    api.services.HttpCosigner = LocalCosigner  # type: ignore[assignment,misc]
    app = create_app(api.services.open_services(folder, Settings()))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(os.getpid(), listening.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run([listening])


def main() -> None:
    api.journal.start("warning")
    folder, tester = Path(sys.argv[1]), os.getppid()
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            serve(folder)
            os._exit(0)
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            if os.getppid() != tester:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)


if __name__ == "__main__":
    main()
