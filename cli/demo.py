"""`tiezheng demo`: the whole way of one case on this machine, from deposit to verdict.

Every part is the real one: three cosigners and the ledger run as processes of
their own and speak HTTP on loopback; the verdict is reached without a network.
"""

import errno
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import SystemRandom

from cli import output
from cli.command import argument, option
from cli.command import command as new_command
from cli.language import language, say
from ledger.encoding import in_china, printable
from ledger.errors import Conflict, Rejected, Unavailable

CASE = "苏城管罚〔{year}〕417号"
AGENCY = "suzhou-chengguan"
OFFICES = ("notary", "court", "archive")
START_S = 30
QUORUM_S = 120  # on a busy machine; else it is there within a second
MARK = ".made-by-tiezheng-demo"  # what a demo folder holds, so that no other folder is deleted

APPROVAL = """立案审批表（演示）

案号：{case}
案由：占用公共场所堆放物料
承办人：王某（执法证号 320500-0001）、李某（执法证号 320500-0002）
审批意见：同意立案。
"""
DECISION = """行政处罚决定书（演示）

{case}

当事人占用公共场所堆放物料，违反相关规定。
现决定：警告，责令即日清理。
如不服本决定，可在六十日内申请行政复议，或者在六个月内提起行政诉讼。
"""


@new_command(
    "demo",
    words={
        "en": "Show the ledger at work: deposit, log, cosign, packet, verdict, and a forgery.\n\n"
        "Everything is made in ./demo, which is replaced. Your own FILEs, if any, stand\n"
        "in place of the made recording, photo and document.",
        "zh": "演示账本：提交、入日志、联合签名、证据包、核验结论，以及一次伪造。\n\n"
        "全部内容生成于 ./demo（会被替换）。可用自己的 FILE 代替现场制作的录像、照片和文书。",
    },
    example="tiezheng demo 现场录像.mp4 照片.jpg",
)
@argument(
    "files",
    nargs=-1,
    metavar="[FILE…]",
    words={"en": "your own files to hand in", "zh": "要提交的自己的文件"},
)
@option(
    "--folder",
    default="demo",
    metavar="DIR",
    words={"en": "where to make it; by default demo", "zh": "生成位置；缺省 demo"},
)
def command(files: tuple[str, ...], folder: str) -> None:
    sources = [Path(name) for name in files]
    for path in sources:
        if not path.is_file():
            raise Unavailable(f"no file at {printable(str(path))!r}")
        if not path.stat().st_size:
            raise Rejected(f"{printable(str(path))!r} is empty: no byte of it can be forged")
    if not sources and find_spec("av") is None:
        raise Unavailable("the media extra is not installed", hints=("give FILEs of your own",))
    stage = Stage(_fresh(Path(folder)), [path.resolve() for path in sources])
    with ExitStack() as stack:
        stage.found()
        stage.cosign(stack)
        stage.serve(stack)
        stage.deposit()
        stage.fetch()
    stage.keep_log()
    stage.verify()
    stage.forge()
    stage.close()


@dataclass(slots=True)
class Stage:
    """The demo folder, and what has been made in it so far."""

    root: Path
    sources: list[Path]
    server: str = ""
    case: str = ""
    step: int = 0

    def tell(self, en: str, zh: str) -> None:
        self.step += 1
        output.result(f"\n{self.step}. {say(en=en, zh=zh)}")

    def run(self, *args: str, expect: int = 0) -> str:
        return _run([*_tiezheng(), *args], expect)

    def found(self) -> None:
        self.tell(
            "A ledger is founded. The registrar names keys; three offices will watch the log:\n"
            "   a notary office, a court and an archive. Two of the three must have seen it.",
            "建立账本。登记人登记密钥；三家单位看着日志：公证处、法院、档案馆，三取二。",
        )
        keys = self.root / "keys"
        keys.mkdir()
        now_ms = time.time_ns() // 1_000_000
        year = in_china(now_ms).year
        self.case = CASE.format(year=year)
        for name, kind in (
            ("registrar", "statement"),
            ("station", "statement"),
            ("handler", "statement"),
            *((office, "cosigner") for office in OFFICES),
        ):
            vkey = self.run(
                "keygen",
                "--name",
                f"{name}.example",
                "--kind",
                kind,
                "-o",
                str(keys / f"{name}.key"),
            )
            (keys / f"{name}.vkey").write_text(vkey)
        cosigners = []
        for office, port in zip(OFFICES, free_ports(len(OFFICES)), strict=True):
            (self.root / f"{office}.port").write_text(str(port))
            cosigners += ["--cosigner", f"{self.vkey(office)}@http://127.0.0.1:{port}"]
        self.run(
            "init",
            str(self.root / "ledger"),
            *("--origin", f"ledger.example/enforcement/{year}"),
            *("--agency", AGENCY, "--registrar", str(keys / "registrar.key")),
            *("--quorum", "2", *cosigners),
        )
        shutil.copytree(self.root / "ledger" / "trust", self.root / "trust")
        output.result(
            say(
                en=f"   {self.root}/trust/ is the court's own folder: whom it believes.",
                zh=f"   {self.root}/trust/ 是法院自己的文件夹：信任谁，仅此而已。",
            )
        )

    def cosign(self, stack: ExitStack) -> None:
        log = (self.root / "trust" / "policy").iterdir().__next__().read_text().split()[1]
        for office in OFFICES:
            port = (self.root / f"{office}.port").read_text()
            (self.root / f"{office}.port").unlink()
            stack.enter_context(
                _process(
                    [
                        *_tiezheng(),
                        *("cosign", "--key", str(self.root / "keys" / f"{office}.key")),
                        *("--log", log, "--state", str(self.root / "cosigners" / office)),
                        *("--port", port),
                    ],
                    self.root / "cosigners" / f"{office}.journal",
                )
            )

    def serve(self, stack: ExitStack, *more: str) -> None:
        self.tell(
            "The ledger and its cosigners start, each a process of its own on this machine.",
            "启动账本和联合签名节点，各为本机上的独立进程。",
        )
        self.server = stack.enter_context(
            _process(
                [*_tiezheng(), "server", str(self.root / "ledger"), "--port", "0", *more],
                self.root / "ledger.journal",
            )
        )
        registrar = ("--registrar", str(self.root / "keys" / "registrar.key"))
        for name in ("station", "handler"):
            self.run(
                *("register", *registrar, "--server", self.server, "--agency", AGENCY),
                *("--key", self.vkey(name), "--role", name),
            )
        template = CASE.replace("{year}", "{{year}}").format().replace("417", "{number}")
        self.run(
            *("register", *registrar, "--server", self.server, "--agency", AGENCY),
            *("--name", "苏州市城市管理局（演示）", "--case-number", template),
        )
        output.result(f"   {self.server}")

    def deposit(self) -> None:
        self.tell(
            f"The station hands in what the crew recorded, for the case {self.case}.",
            f"采集站提交执法人员记录的内容，案号 {self.case}。",
        )
        # What a court wants noted; the crew's part is played here, and so is what it says.
        noted = [
            *(
                "--maker",
                say(en="officers 32050012345, 32050012346", zh="执法人员 32050012345、32050012346"),
            ),
            *("--method", say(en="recorded on site", zh="现场录制、拍摄")),
            *("--purpose", say(en="how the site was inspected", zh="证明现场检查经过")),
            *("--carrier", say(en="the recorder's storage card", zh="执法记录仪存储卡")),
        ]
        items = self.sources or self._make_media()
        for path in items:
            device = () if path.suffix.lower() != ".mp4" else ("--device", "BWC-310")
            output.result("   " + self._file(path, "station", *device, *noted).strip())
        self._await_quorum()
        self.tell(
            "Only then the decision is made and logged: the order can be proved later.",
            "此后才作出决定并入日志：先后顺序日后可以证明。",
        )
        decision = self.root / "files" / "行政处罚决定书.txt"
        decision.parent.mkdir(exist_ok=True)
        decision.write_text(DECISION.format(case=self.case), encoding="utf-8")
        output.result("   " + self._file(decision, "handler", "--act", "penalty_decision").strip())
        self._await_quorum()

    def fetch(self, *more: str) -> None:
        self.tell(
            "The clerk fetches the packet of the case; that he did so is logged too.",
            "书记员取回证据包；这一行为也已入日志。",
        )
        token = self.run("token", str(self.root / "ledger"), "court", "--name", "clerk")
        (self.root / "keys" / "court.token").write_text(token)
        output.result(
            "   "
            + self.run(
                *("packet", self.case, "-o", str(self.root / "packet.zip"), *more),
                *("--server", self.server, "--token-file", str(self.root / "keys" / "court.token")),
            ).strip()
        )

    def keep_log(self) -> None:
        """Once nobody writes it any more: what is on its way would be gone before it is copied."""
        shutil.copytree(self.root / "ledger" / "public", self.root / "public")
        output.result(
            say(
                en=f"   {self.root}/public/ is the whole log, as anyone may mirror it.",
                zh=f"   {self.root}/public/ 是整个日志，任何人都可以镜像。",
            )
        )

    def verify(self) -> None:
        self.tell(
            "The ledger is switched off. The court checks the packet, without any network.",
            "账本已关闭。法院在没有网络的情况下核验证据包。",
        )
        self._verdict("packet.zip", "verdict.txt", 0)

    def forge(self) -> None:
        self.tell(
            "Now one byte of the first item is changed, inside the zip.",
            "现在把证据包内第一件证据的一个字节改掉。",
        )
        altered = self.root / "packet-altered.zip"
        data = bytearray((self.root / "packet.zip").read_bytes())
        name = data.index(b"packet/data/items/01.")
        # The name's length stands two fields before it, the bytes of the item right after it.
        at = name + int.from_bytes(data[name - 4 : name - 2], "little")
        data[at] ^= 1
        altered.write_bytes(data)
        self._verdict(altered.name, "verdict-altered.txt", 1)

    def close(self) -> None:
        inspect = f".venv/bin/tiezheng inspect {self.root}/packet.zip"
        audit = f".venv/bin/tiezheng audit {self.root}/public --trust {self.root}/trust"
        output.result(
            say(
                en=f"\nTry next: {inspect}\n      or: {audit}",
                zh=f"\n接着可以试：{inspect}\n      或者：{audit}",
            )
        )

    def vkey(self, name: str) -> str:
        return (self.root / "keys" / f"{name}.vkey").read_text().strip()

    def _make_media(self) -> list[Path]:
        from cli import media

        folder = self.root / "files"
        folder.mkdir()
        recording, photo = folder / "BWC_0088.MP4", folder / "现场照片.jpg"
        media.record(recording)
        media.photograph(photo)
        approval = folder / "立案审批表.txt"
        approval.write_text(APPROVAL.format(case=self.case), encoding="utf-8")
        return [recording, photo, approval]

    def _file(self, path: Path, key: str, *more: str) -> str:
        """With the progress bar on this terminal."""
        return _run(
            [
                *_tiezheng(),
                *("deposit", str(path), "--case", self.case, "--server", self.server),
                *("--key", str(self.root / "keys" / f"{key}.key")),
                *("--trust", str(self.root / "trust")),
                *("--keep", str(self.root / "receipts"), *more),
            ],
            0,
            show_progress=True,
        )

    def _await_quorum(self) -> None:
        newest = max(
            (self.root / "receipts").glob("*.accepted.json"), key=lambda p: p.stat().st_mtime_ns
        )
        id_ = newest.name.removesuffix(".accepted.json")
        output.result(
            "   "
            + self.run(
                *("receipt", id_, "--server", self.server, "--wait", str(QUORUM_S)),
                *("--trust", str(self.root / "trust")),
            ).strip()
        )

    def _verdict(self, packet: str, file: str, expect: int) -> None:
        """The whole report in a file, its outcome and a line a step on the screen."""
        verify = [
            *("verify", str(self.root / packet), "--trust", str(self.root / "trust")),
            *("--log", str(self.root / "public")),
        ]
        text = _run(_without_network(verify), expect)
        (self.root / file).write_text(text, encoding="utf-8")
        lines = text.split("\n")
        failed = say(en="- FAILED", zh="- 不通过")
        shown = [x for x in lines if re.match(r" ?\d+\. \S+.*[:：]", x) or failed in x]
        for line in [lines[0], *shown]:
            output.result(f"   | {line}")
        output.result(
            say(
                en=f"   The whole report: {self.root}/{file}", zh=f"   完整报告：{self.root}/{file}"
            )
        )


def _without_network(args: Sequence[str]) -> list[str]:
    """A network namespace with nothing in it, where the system allows one; else no sockets."""
    unshare = shutil.which("unshare")
    if unshare is not None:
        probe = [unshare, "--user", "--map-root-user", "--net", "true"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return [*probe[:-1], *_tiezheng(), *args]
    refuse = (
        "import socket, sys\n"
        "def refuse(*args, **more): raise OSError('this process has no network')\n"
        "socket.socket = socket.create_connection = refuse\n"
        "from cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    return [sys.executable, "-c", refuse, *args]


def _tiezheng() -> list[str]:
    return [sys.executable, "-c", "import sys; from cli.main import main; sys.exit(main())"]


def _run(args: Sequence[str], expect: int, *, show_progress: bool = False) -> str:
    done = subprocess.run(
        [*args, "--lang", language()],
        stdout=subprocess.PIPE,
        stderr=None if show_progress else subprocess.PIPE,
        check=False,
    )
    if done.returncode != expect:
        said = (done.stderr or b"").decode("utf-8", "replace").strip()
        raise Rejected(f"want exit {expect}, got {done.returncode} from {args[3:5]}: {said}")
    return done.stdout.decode("utf-8", "replace")


@contextmanager
def _process(args: Sequence[str], journal: Path) -> Iterator[str]:
    """A server that prints its address; ended by its pid."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("wb") as log:
        process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=log, env=os.environ)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().decode().strip()
        if not address:
            raise Unavailable(f"a server did not start: see {str(journal)!r}")
        yield address
    finally:
        process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def free_port() -> int:
    """For a server that starts later: no connection is given it in between.

    The system gives those from 32768 on.
    """
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port


def free_ports(count: int) -> list[int]:
    """Each another one: none of them is taken before its server starts."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def _fresh(root: Path) -> Path:
    """Replaces an earlier demo, and nothing else."""
    if root.exists():
        if not (root / MARK).is_file() and any(root.iterdir()):
            raise Conflict(f"{str(root)!r} is there and was not made by a demo: it stays as it is")
        shutil.rmtree(root)
    root.mkdir(parents=True)
    (root / MARK).touch()
    return root
