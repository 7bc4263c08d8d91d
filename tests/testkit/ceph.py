"""A real S3 server: Ceph on one node, on 127.0.0.1, for tests and for people to try.

    make s3     starts one, prints how to reach it, and ends it at Ctrl-C

A monitor, one OSD and the RADOS gateway, each ended by its process id. Nothing here is fit to
keep evidence: no authentication inside the cluster, one copy of everything, and in memory
unless `durable`.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # when it is run, not imported

from testkit.ceph_packages import BUILD, NotHere, ceph_prefix

START_S = 180.0  # of each part; one takes seconds on a machine that does nothing else
LOADER = "ld-linux-x86-64.so.2"
SIZE = 8 << 30  # of a sparse file, or what the memory may hold
# Below those that the system gives away, or the monitor may find its own taken.
PORTS = range(20_000, 32_000)
# The keeper owns the buckets; the ledger's own user has what the keeper's policy gives it.
KEEPER, LEDGER = "keeper", "ledger"

CONF = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}]
public network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
# The gateway insists on a secure connection otherwise, which needs authentication.
ms mon client mode = crc secure
# A change of a bucket waits for every gateway to hear of it, those that were killed too.
osd client watch timeout = 3
client notify timeout = 3
plugin dir = {lib}/ceph
osd class dir = {lib}/rados-classes
erasure code dir = {lib}/ceph/erasure-code
run dir = {folder}/run
crash dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/log/$name.log
mon cluster log file = {folder}/log/cluster.log
log to stderr = false
err to stderr = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 2000
[mon]
mon data = {folder}/mon
mon data avail warn = 1
mon data avail crit = 1
# Seconds of politeness between monitors that a single one need not wait for.
paxos propose interval = 0.05
paxos min wait = 0.01
[osd]
osd data = {folder}/osd
osd objectstore = {store}
memstore device bytes = {size}
bluestore block size = {size}
bluestore block create = true
osd memory target = 1073741824
osd heartbeat grace = 60
[client]
rgw data = {folder}/run
rgw enable apis = s3
rgw mime types file = {folder}/mime.types
rgw dynamic resharding = false
"""


@dataclass(frozen=True, slots=True)
class User:
    access_key: str
    secret_key: str


class Ceph:
    """A cluster in `folder`. Whoever starts it ends it, or leaves that to `shared`."""

    def __init__(self, folder: Path, prefix: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.prefix = prefix
        self.durable = durable
        self.users = {name: User(secrets.token_hex(10), secrets.token_hex(20)) for name in
                      (KEEPER, LEDGER)}  # fmt: skip
        self.mon_port, self.port = _free_ports(2)
        self._lib = prefix / "usr/lib/x86_64-linux-gnu"
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        for name in ("mon", "osd", "run", "log"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "mime.types").touch()
        fsid = str(uuid.uuid4())
        self._write_conf(fsid)
        monmap = str(self.folder / "monmap")
        address = f"[v2:127.0.0.1:{self.mon_port}]"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
        self._run("ceph-mon", "--mkfs", "--id", "a", "--monmap", monmap)
        self.start_part("mon")
        osd = str(uuid.uuid4())
        self._ceph("osd", "new", osd)
        self._run("ceph-osd", "--id", "0", "--mkfs", "--osd-uuid", osd)
        self.start_part("osd")
        # This waits for the OSD.
        for name, user in self.users.items():
            keys = ("--access-key", user.access_key, "--secret-key", user.secret_key)
            self.admin("user", "create", "--uid", name, "--display-name", name, *keys)
        self.start_part("rgw")

    def start_part(self, name: str) -> None:
        """`mon`, `osd` or `rgw`, anew after a kill."""
        match name:
            case "mon":
                self._spawn(name, "ceph-mon", "--foreground", "--id", "a")
            case "osd":
                self._spawn(name, "ceph-osd", "--foreground", "--id", "0")
            case _:
                self.start_gateway(name, self.port)

    def start_gateway(self, name: str, port: int, pem: Path | None = None) -> None:
        kind = "endpoint" if pem is None else "ssl_endpoint"
        # Without `tcp_nodelay` an answer of head and body waits 40 ms for the client's system.
        frontend = f"beast {kind}=127.0.0.1:{port} tcp_nodelay=1"
        if pem is not None:
            frontend += f" ssl_certificate={pem} ssl_private_key={pem}"
        arguments = ("--name", f"client.{name}", f"--rgw-frontends={frontend}")
        self._spawn(name, "radosgw", "--foreground", *arguments)
        self._wait_for(name, port)

    def admin(self, *arguments: str) -> str:
        return self._run("radosgw-admin", *arguments)

    def kill(self, *names: str) -> None:
        """As a power cut would: nobody is asked to finish."""
        for name in names:
            child = self._children.pop(name)
            child.send_signal(signal.SIGKILL)
            child.wait()

    def end(self) -> None:
        self.kill(*reversed(list(self._children)))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_conf(self, fsid: str) -> None:
        store = "bluestore" if self.durable else "memstore"
        text = CONF.format(fsid=fsid, mon_port=self.mon_port, lib=self._lib, folder=self.folder,
                           store=store, size=SIZE)  # fmt: skip
        (self.folder / "ceph.conf").write_text(text)

    def _spawn(self, name: str, program: str, *arguments: str) -> None:
        with (self.folder / "log" / f"{name}.out").open("ab") as out:
            self._children[name] = subprocess.Popen(
                self._command(program, *arguments),
                env=self._env(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for us
            )

    def _wait_for(self, name: str, port: int) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self._children[name].poll() is None, f"{name} ended: see {self.folder}/log"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"{name} does not answer: see {self.folder}/log")

    def _ceph(self, *arguments: str) -> str:
        """A command in Python, run by that of its own suite."""
        home = self.prefix / "usr"
        env = self._env() | {
            "PYTHONHOME": str(home),
            "PYTHONPATH": str(home / "lib/python3/dist-packages"),
        }
        # Where Debian's package would have compiled it, it is compiled at the first call.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        return self._run("python3", str(home / "bin/ceph"), *arguments, env=env)

    def _run(self, program: str, *arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            self._command(program, *arguments),
            env=env or self._env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        assert done.returncode == 0, f"{program} {arguments[:2]}: {done.stderr[-2000:]}"
        return done.stdout

    def _command(self, program: str, *arguments: str) -> list[str]:
        """Through the loader of its own suite: the system's libc may be older."""
        # Before Debian 13 packages have files in /lib and in /usr/lib.
        folders = [self._lib, self._lib / "ceph", self.prefix / "lib/x86_64-linux-gnu"]
        (loader, *_) = (path for folder in folders if (path := folder / LOADER).exists())
        path = ":".join(map(str, folders))
        binary = (self.prefix / "usr/bin" / program).resolve()
        return [str(loader), "--library-path", path, str(binary), *arguments]

    def _env(self) -> dict[str, str]:
        return os.environ | {"CEPH_CONF": str(self.folder / "ceph.conf")}


def _free_ports(count: int) -> list[int]:
    """Free a moment ago, which is as much as can be known."""
    found: list[int] = []
    while len(found) < count:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


# --- one for all processes of a session ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shared:
    """What another process must know to use a cluster, and to start a gateway of its own."""

    endpoint: str
    folder: str
    prefix: str
    users: dict[str, User]

    def admin(self, *arguments: str) -> str:
        return Ceph(Path(self.folder), Path(self.prefix)).admin(*arguments)


class Gateway:
    """One more gateway of a shared cluster, which may be killed without harm to the others.

    It speaks TLS if it is given the certificate and the key, in one file.
    """

    def __init__(self, shared: Shared, pem: Path | None = None) -> None:
        self._ceph = Ceph(Path(shared.folder), Path(shared.prefix))
        self._name = f"rgw-{secrets.token_hex(4)}"
        self._pem = pem
        scheme = "http" if pem is None else "https"
        self.endpoint = f"{scheme}://127.0.0.1:{self._ceph.port}"
        self.start()

    def start(self) -> None:
        self._ceph.start_gateway(self._name, self._ceph.port, self._pem)

    def kill(self) -> None:
        self._ceph.kill(self._name)


@contextmanager
def shared(folder: Path) -> Iterator[Shared]:
    """The one cluster of `folder`, started by whoever comes first.

    A process of its own keeps it and ends it once nobody holds the lock, however they ended.
    Raises `NotHere`.
    """
    prefix = ceph_prefix()
    with folder.with_suffix(".users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with folder.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "shared.json").exists():
                command = [sys.executable, __file__, "keep", str(folder), str(prefix)]
                subprocess.run(command, check=True, timeout=2 * START_S, pass_fds=())
        text = json.loads((folder / "shared.json").read_text())
        named = {name: User(**user) for name, user in text.pop("users").items()}
        yield Shared(**text, users=named)


def keep(folder: Path, prefix: Path) -> None:
    """Returns when the cluster serves; it is ended by the child that is left behind."""
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        said = os.read(reader, 1000).decode()
        if said != "ready":
            raise SystemExit(said or "the cluster did not start")
        return
    os.setsid()
    ceph = Ceph(folder, prefix)
    try:
        ceph.start()
        facts = asdict(Shared(ceph.endpoint, str(folder), str(prefix), ceph.users))
        (folder / "shared.json").write_text(json.dumps(facts))
        os.write(writer, b"ready")
        os.close(writer)
        with folder.with_suffix(".users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            ceph.end()
    except BaseException as error:
        with suppress(OSError):
            os.write(writer, f"{error}"[:1000].encode())
        ceph.end()
        raise


def serve() -> None:
    """For people: until Ctrl-C."""
    try:
        prefix = ceph_prefix()
    except NotHere as error:
        raise SystemExit(f"no Ceph on this machine / 本机无法获取 Ceph: {error}") from None
    ceph = Ceph(BUILD / f"s3-{secrets.token_hex(4)}", prefix)
    try:
        ceph.start()
        user = ceph.users[KEEPER]
        print(
            f"S3 server / S3 服务器:  {ceph.endpoint}  (Ceph {prefix.name.removeprefix('ceph-')})"
        )
        print(f"access key / 访问密钥:   {user.access_key}")
        print(f"secret key / 秘密密钥:   {user.secret_key}")
        print("For trying out: it forgets everything at the end. Ctrl-C ends it.")
        print("仅供试用：结束后全部数据即丢失。按 Ctrl-C 结束。", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        ceph.end()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["keep", folder, prefix]:
            keep(Path(folder), Path(prefix))
        case ["serve"]:
            serve()
        case _:
            raise SystemExit("want: serve, or keep FOLDER PREFIX")
