"""A notary's command is killed at each change of the office's folder, and before and after filing.

Then the office starts again as its page says: `send`, `list`, and once more what is not listed.
Nothing that the ledger acknowledged is missing in the folder, nothing stands in the log twice,
and every record that a statement speaks of lies there with its bytes.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from api.clients.ledger import LedgerClient
from cli.main import main
from cli.notary.machine_report import sign_report
from cli.notary.office import Office
from cli.trust import open_trust
from ledger.evidence.statement import Role, TextSubject
from ledger.filing import read_filing
from ledger.suite import digest
from testkit.children import ROOT, die_with_parent
from testkit.cut_disk import Cut
from testkit.cut_mount import CutMount, need_fuse
from testkit.death import Death, Killed
from testkit.notarial import LI, OFFICE, WANG
from testkit.server import CASE, STATION, Ledger, open_ledger, register, serving
from testkit.tsa_process import Tsa, open_tsa

# Nothing before stdin is closed: who is to kill it at a change must have been told by then.
CODE = "import sys; from cli.main import main; sys.stdin.read(); sys.exit(main())"
NUMBERS = count(1)
COMMANDS = ("apply", "preserve", "compare", "attach")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("notary-crash") / "ledger"
    with open_ledger(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        ledger.accept(*(register(who, Role.NOTARY, OFFICE) for who in (WANG, LI)))
        yield ledger, address


@dataclass
class Desk:
    """An office in `root`; what it needs beside its folder lies in `beside`."""

    ledger: Ledger
    address: str
    root: Path
    beside: Path
    application: str = ""
    first: int = 0

    def open(self) -> None:
        self.first = self.ledger.services.log.size
        for who in (WANG, LI, STATION):
            (self.beside / f"{who.name}.key").write_text(who.to_text() + "\n")
        (self.beside / "photo.jpg").write_bytes(b"a picture")
        self.run(
            *("deposit", str(self.beside / "photo.jpg"), "--case", CASE, "--server", self.address),
            *("--key", self.key(STATION), "--keep", str(self.beside / "kept")),
        )
        self.run(
            *("notary", "init", str(self.root), "--agency", OFFICE, "--office", "公证处"),
            *("--server", self.address, "--trust", str(self.ledger.folder / "trust")),
            *("--key", self.key(WANG), "--key", self.key(LI)),
        )
        self.ledger.await_quorum()  # a receipt is compared with
        self.run(*self.command("apply"))
        (self.application,) = (one.statement.id for one in self.office().said())
        self.run("notary", "accept", str(self.root), self.application, "--key", self.key(WANG))

    def key(self, who: Any) -> str:
        return str(self.beside / f"{who.name}.key")

    def office(self) -> Office:
        settings = Office.settings_of(self.root)
        return Office(self.root, settings, open_trust(settings.trust))

    def run(self, *args: str) -> None:
        assert main(list(args)) == 0

    def command(self, name: str) -> list[str]:
        """One that nobody has given before."""
        rest: list[str]
        match name:
            case "apply":
                rest = ["--applicant", f"申请人{next(NUMBERS)}", "--purpose", "诉讼举证"]
                rest += ["--interest", "本人", "--dispute", "none_known"]
            case "preserve":
                rest = [self.application, str(self.beside / "photo.jpg"), "--place", "观前街"]
                rest += ["--key", self.key(LI)]
            case "compare":
                rest = [self.application, str(self.beside / "photo.jpg")]
                rest += ["--receipts", str(self.beside / "kept")]
            case _:
                rest = [self.application, str(self._report()), "--known", self._known()]
        return ["notary", name, str(self.root), *rest, "--key", self.key(WANG)]

    def _known(self) -> str:
        path = self.beside / "programs.sha256"
        path.write_bytes(b"00" * 32 + b"  x\n")
        return str(path)

    def _report(self) -> Path:
        nonce = bytes.fromhex(self.office().draw_nonce(self.application, STATION.verifier, {}))
        found: dict[str, Any] = {"programs": [], "unread": []}
        found |= {name: {} for name in ("clock", "hosts", "mounted_from", "storage", "system")}
        found["network"] = []
        made = sign_report(STATION, nonce, time.time_ns() // 1_000_000, found)
        path = self.beside / f"machine-{next(NUMBERS)}.json"
        path.write_bytes(made.to_bytes())
        return path

    def logged(self) -> Counter[str]:
        rows = self.ledger.services.store.rows(self.first, self.ledger.services.log.size)
        return Counter(
            read_filing(row.envelope).statement.id for row in rows if row.kind == "application"
        )

    def begin_again(self, args: Sequence[str], before: Counter[str]) -> None:
        """After a crash, as a person would; raises if anything is missing or twice."""
        crashed = self.logged()
        assert len(crashed) - len(before) in (0, 1)
        assert crashed.keys() <= {one.statement.id for one in self.office().said()}, "not kept"
        self.run("notary", "send", str(self.root), "--key", self.key(WANG))
        self.run("notary", "list", str(self.root))
        if len(self.logged()) == len(before):
            self.run(*args)
        self.check(len(before) + 1)

    def check(self, wanted: int) -> None:
        logged, said = self.logged(), list(self.office().said())
        assert len(logged) == wanted, "missing, or said twice"
        assert set(logged.values()) == {1}
        assert {one.statement.id for one in said} == logged.keys()
        assert all(one.answer is not None for one in said)
        records = {digest(path.read_bytes()) for path in self.root.glob("applications/*/*.json")}
        for one in said:
            subjects = {s.sha256 for s in one.statement.subjects if isinstance(s, TextSubject)}
            assert subjects <= records, "a statement of a record that is not there"


# --- killed in this process, at each step ----------------------------------------------------


class _Os:
    """What `storage.durable` asks of the system; what changes the disk is a step."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self._step = step
        self._begun: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Path, flags: int, *mode: int) -> int:
        if flags & os.O_CREAT:
            fd = int(self._step("create", os.open, path, flags, *mode))
            self._begun.discard(fd)
            return fd
        return os.open(path, flags, *mode)

    def write(self, fd: int, data: memoryview) -> int:
        """In two parts, so that a file may be torn."""
        part = data if fd in self._begun else data[: len(data) // 2]
        self._begun.add(fd)
        return int(self._step("write", os.write, fd, part))

    def fsync(self, fd: int) -> None:
        self._step("fsync", os.fsync, fd)


@contextmanager
def dying(death: Death, root: Path) -> Iterator[None]:
    """`death` comes to the command at one change below `root`, or at the filing."""
    command = threading.get_ident()

    def step(name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        # The ledger lives in this process too, in threads of its own.
        if threading.get_ident() != command:
            return call(*args, **more)
        return death.step(name, call, *args, **more)

    def stepped(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def act(self: Any, *args: Any, **more: Any) -> Any:
            if isinstance(self, Path) and not self.is_relative_to(root):
                return call(self, *args, **more)
            return step(name, call, self, *args, **more)

        return act

    with ExitStack() as stack:
        stack.enter_context(patch("storage.durable.os", _Os(step)))
        for name in ("replace", "mkdir", "unlink", "chmod"):
            stack.enter_context(patch.object(Path, name, stepped(name, getattr(Path, name))))
        for name in ("file", "upload"):
            call = getattr(LedgerClient, name)
            stack.enter_context(patch.object(LedgerClient, name, stepped(name, call)))
        yield


@pytest.mark.parametrize("name", [*COMMANDS[:3], pytest.param("attach", marks=pytest.mark.slow)])
def test_a_command_that_is_killed_at_any_step_loses_nothing_and_says_nothing_twice(
    tmp_path: Path, served: tuple[Ledger, str], name: str
) -> None:
    desk = Desk(*served, tmp_path / "office", tmp_path)
    desk.open()
    dry, args = Death(-1, done=False), desk.command(name)
    with dying(dry, desk.root):
        desk.run(*args)
    assert dry.calls.count("file") == 1
    assert len(dry.calls) > 15
    for nth, done in [(n, d) for n in range(len(dry.calls)) for d in (False, True)]:
        if done and dry.calls[nth] not in ("write", "file"):
            continue  # the same as before the next one
        args, before = desk.command(name), desk.logged()
        death = Death(nth, done=done)
        with dying(death, desk.root), pytest.raises(Killed):
            main(list(args))
        desk.begin_again(args, before)


# --- killed as a process, and the power cut --------------------------------------------------


def cut_off(disk: CutMount, args: Sequence[str], after: int, how: Cut, seed: int) -> bool:
    """Whether the command was killed at its `after`th change of the disk, and not too late."""
    with subprocess.Popen(
        [sys.executable, "-c", CODE, *args],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=die_with_parent,
    ) as child:
        disk.kill(child.pid, after=after)
        _, told = child.communicate(timeout=240)
    assert child.returncode in (0, -signal.SIGKILL), told.decode()
    disk.cut(how, seed)
    return child.returncode != 0


def cut_and_count(
    scratch: Path, served: tuple[Ledger, str], name: str, kills: Callable[[int], int], seed: int
) -> int:
    """Until a command comes to its end; how often one was cut off."""
    need_fuse()
    chance = random.Random(seed)
    with closing(CutMount(scratch / "disk", sync_s=0.001)) as disk:
        beside = scratch / "beside"
        beside.mkdir()
        desk = Desk(*served, disk.folder / "office", beside)
        desk.open()
        for cuts in count():
            args, before = desk.command(name), desk.logged()
            how = chance.choice([Cut.ALL, Cut.TAIL, Cut.SOME])
            if not cut_off(disk, args, kills(cuts), how, chance.getrandbits(32)):
                desk.check(len(before) + 1)  # it said that it was done
                return cuts
            desk.begin_again(args, before)
    raise AssertionError


def test_what_a_notary_was_told_survives_a_power_cut(
    tmp_path: Path, served: tuple[Ledger, str]
) -> None:
    assert cut_and_count(tmp_path, served, "preserve", lambda n: (6, 13, 1000)[n], seed=1) == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_power_cut_at_each_change_of_the_disk_loses_nothing(
    tmp_path: Path, served: tuple[Ledger, str], name: str
) -> None:
    assert cut_and_count(tmp_path, served, name, lambda n: n + 1, seed=2) > 12


# --- torn files ------------------------------------------------------------------------------

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "torn": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
}
# Each file, and the commands that rest on it.
TORN = {
    "notary.json": ("list", "send", "compare", "attach"),
    "applications/{application}/sheet.json": ("compare", "preserve", "attach"),
    "applications/{application}/comparison-*.json": ("draft",),
    "applications/{application}/cleanliness-*.json": ("attach",),
    "applications/{application}/asked-*.json": ("attach",),
    "statements/*.dsse.json": ("list", "send", "compare", "draft", "attach"),
    "statements/*.accepted.json": ("list", "send", "compare", "draft", "attach"),
}


@pytest.fixture(scope="module")
def used(
    tmp_path_factory: pytest.TempPathFactory, served: tuple[Ledger, str]
) -> tuple[Desk, dict[str, list[str]]]:
    """An office that has done one of each, and commands that it has not given yet."""
    folder = tmp_path_factory.mktemp("torn")
    desk = Desk(*served, folder / "office", folder)
    desk.open()
    for name in ("compare", "attach"):
        desk.run(*desk.command(name))
    root = str(desk.root)
    waiting = {name: desk.command(name) for name in ("compare", "preserve", "attach")}
    waiting["list"] = ["notary", "list", root]
    waiting["send"] = ["notary", "send", root, "--key", desk.key(WANG)]
    waiting["draft"] = ["notary", "draft", root, desk.application, "--number", "（2026）证字第1号"]
    waiting["draft"] += ["--notary", "王某", "-o", str(folder / "draft.pdf")]
    return desk, waiting


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("pattern", TORN)
def test_a_torn_file_of_the_office_is_refused_by_name_and_nothing_is_said(
    used: tuple[Desk, dict[str, list[str]]],
    capsys: pytest.CaptureFixture[str],
    pattern: str,
    damage: str,
) -> None:
    desk, waiting = used
    path = sorted(desk.root.glob(pattern.format(application=desk.application)))[0]
    whole, size = path.read_bytes(), desk.ledger.services.log.size
    path.write_bytes(DAMAGES[damage](whole))
    before = {file: file.read_bytes() for file in desk.root.rglob("*") if file.is_file()}
    try:
        for name in TORN[pattern]:
            code = main(list(waiting[name]))
            told = capsys.readouterr().err
            assert (code, path.name in told) == (1, True), f"{name}: {told}"
        assert desk.ledger.services.log.size == size
        after = {file: file.read_bytes() for file in desk.root.rglob("*") if file.is_file()}
        assert after == before
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ["comparison", "cleanliness"])
def test_a_record_that_was_said_and_is_gone_or_another_is_missed(
    used: tuple[Desk, dict[str, list[str]]], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    desk, waiting = used
    command = {"comparison": "draft", "cleanliness": "attach"}[name]
    folder = desk.root / "applications" / desk.application
    path = sorted(folder.glob(f"{name}-*.json"))[0]
    whole = path.read_bytes()
    for wrong in (None, whole.replace(b'"v":1', b'"v":2')):
        path.unlink(missing_ok=True)
        if wrong is not None:
            path.write_bytes(wrong)
        try:
            assert main(list(waiting[command])) == 1
        finally:
            path.write_bytes(whole)
        assert "is not here as it was said" in capsys.readouterr().err


def test_an_answer_that_was_lost_is_asked_for_again_and_is_the_same(
    used: tuple[Desk, dict[str, list[str]]],
) -> None:
    desk, waiting = used
    path = sorted(desk.root.glob("statements/*.accepted.json"))[1]
    whole, size = path.read_bytes(), desk.ledger.services.log.size
    path.unlink()
    desk.run(*waiting["send"])
    # The tree has grown; what the statement was told of itself is the same.
    for field in ("entry", "id", "index", "log", "salt"):
        assert json.loads(path.read_bytes())[field] == json.loads(whole)[field]
    assert desk.ledger.services.log.size == size


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with open_tsa(tmp_path_factory.mktemp("tsa") / "tsa", intermediate=True) as tsa:
        yield tsa


@pytest.mark.parametrize("damage", ["torn", "zeros", "gone"])
def test_a_certificate_that_is_not_as_it_was_signed_is_not_sent(
    used: tuple[Desk, dict[str, list[str]]],
    tsa: Tsa,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    pytest.importorskip("typst")
    pytest.importorskip("pyhanko")
    from testkit.sealed import seal_draft

    desk, waiting = used
    pdf = desk.beside / f"{damage}.pdf"
    draft = [*waiting["draft"][:4], "--number", f"（2026）证字第{damage}号", "--notary", "王某"]
    desk.run(*draft, "-o", str(pdf))
    desk.run(
        *("notary", "certify", str(desk.root), desk.application, "--offline"),
        *map(str, seal_draft(pdf, tsa)),
        *("--key", desk.key(WANG), "--key", desk.key(LI)),
    )
    path = sorted(desk.root.glob("certificates/*.pdf"))[-1]
    whole, size = path.read_bytes(), desk.ledger.services.log.size
    path.unlink()
    if damage != "gone":
        path.write_bytes(DAMAGES[damage](whole))
    assert main(list(waiting["send"])) == 1
    assert path.name in capsys.readouterr().err
    assert desk.ledger.services.log.size == size
    path.write_bytes(whole)
    desk.run(*waiting["send"])
    assert desk.ledger.services.log.size == size + 1
