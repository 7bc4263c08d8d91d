"""A ledger's server and its cosigners, to be killed: `server_main.py DATA STATES SEEN FD`.

A line `server` or `cosigners` on stdin starts one; `next` begins the log that was prepared, and
is `ready` when that is done. Everything is imported once; each is
a process of its own, forked before any thread is there. It prints its process id, waits for
`GO_ON`, then prints `ready` and its port when it serves, until it is killed. FD is the socket of
the cosigners, which listens while they are down too.

TIEZHENG_TEST_UNSYNCED names what is never synced, so that a test can show that it is missed.
"""

import os
import signal
import socket
import stat
import sys
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

import api.journal
from api.app import create_app
from api.cosigner import CosignerService, create_cosigner_app
from api.next_log import begin
from api.services import open_services
from api.settings import Settings
from ledger.tlog.checkpoint import Checkpoint
from storage.clock import SystemClock
from storage.cosigner_sqlite import SqliteCosignerState
from storage.database import DatabaseFile
from storage.durable import make_folder, sync_name
from storage.folder import DataFolder
from storage.trust_directory import read_trust
from testkit import case as kit
from testkit.children import GO_ON, die_with_parent
from testkit.keys import cosigner
from testkit.world import NAMES

UNSYNCED = os.environ.get("TIEZHENG_TEST_UNSYNCED", "")


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A cosigner's state that writes down, on a disk that is not cut, what it let be signed."""

    kept: SqliteCosignerState
    name: str
    seen: int

    def last(self, origin: str) -> tuple[Checkpoint, str] | None:
        return self.kept.last(origin)

    def swap(self, old: Checkpoint | None, new: Checkpoint, note: str) -> None:
        self.kept.swap(old, new, note)
        root = b64encode(new.root).decode()
        os.write(self.seen, f"{self.name} {new.origin} {new.size} {root}\n".encode())


def serve_ledger(data: Path) -> None:
    app = create_app(open_services(data, Settings()))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        run(app, listening)


def serve_cosigners(data: Path, states: Path, seen: Path, fd: int) -> None:
    prepared = data / "next" / "trust"  # they were given the next log's key
    trust = read_trust(prepared if prepared.exists() else data / "trust")
    logs = {log.origin: log.policy.log for log in trust.logs}
    log = os.open(seen, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    app = FastAPI()
    make_folder(states)  # as `tiezheng cosign` does
    sync_name(states)
    for name in NAMES:
        kept = SqliteCosignerState(states / f"{name}.sqlite")
        if UNSYNCED == "cosigners":
            kept._db.execute("PRAGMA synchronous = OFF")
        key = cosigner(f"{name}.example/w1")
        state = Witnessed(kept, name, log)
        app.mount(
            f"/{name}", create_cosigner_app(CosignerService(logs, (key,), state, SystemClock()))
        )
    with socket.socket(fileno=fd) as listening:
        run(app, listening)


def begin_next(data: Path) -> None:
    begin(DataFolder.open(data), kit.REGISTRAR)
    say("ready 0")


def run(app: FastAPI, listening: socket.socket) -> None:
    say(f"ready {listening.getsockname()[1]}")
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run([listening])


def say(line: str) -> None:
    # One write a line: both children share the pipe.
    os.write(1, f"{os.getpid()} {line}\n".encode())


def spoil() -> None:
    """Leaves out what UNSYNCED says."""
    fsync, connect = os.fsync, DatabaseFile._connect

    def careless(fd: int) -> None:
        folder = stat.S_ISDIR(os.fstat(fd).st_mode)
        if ("names" if folder else "files") != UNSYNCED:
            fsync(fd)

    def fast(self: DatabaseFile) -> object:
        db = connect(self)
        db.execute("PRAGMA synchronous = OFF")
        return db

    if UNSYNCED in ("files", "names"):
        os.fsync = careless
    if UNSYNCED == "database":
        DatabaseFile._connect = fast  # type: ignore[method-assign,assignment]


def main() -> None:
    api.journal.start("warning")
    data, states, seen = (Path(argument) for argument in sys.argv[1:4])
    fd = int(sys.argv[4])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    signal.pthread_sigmask(signal.SIG_BLOCK, [GO_ON])  # in all children: it may come at once
    spoil()
    for line in sys.stdin:
        if os.fork():
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent()
        say("begins")
        signal.sigwait([GO_ON])
        if line.strip() == "server":
            serve_ledger(data)
        elif line.strip() == "next":
            begin_next(data)
        else:
            serve_cosigners(data, states, seen, fd)
        os._exit(0)


if __name__ == "__main__":
    main()
