"""`tiezheng cosign` as a process, asked over HTTP."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ledger import suite
from ledger.encoding import format_base64
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.merkle import EMPTY_ROOT, root_of
from ledger.tlog.note import Algorithm, SignedNote, VerifierKey
from ledger.tlog.signing_key import SigningKey, sign_note
from ledger.tlog.submission import MAX_REQUEST, AddCheckpoint, SignSubtree
from testkit.histories import BRANCH, LOG, TREE, check_one_history, conflicting
from testkit.keys import cosigner, key
from testkit.softhsm import COSIGNER, LABEL, MODULE, need_token
from testkit.ssh_agent import fingerprint, need_agent, ssh_agent

NOTARY = cosigner("notary.example/w1")
LAST = f"/{suite.digest(LOG.name.encode()).hex()}/checkpoint"


@dataclass(frozen=True, slots=True)
class Serving:
    client: httpx2.Client
    pid: int

    def ask(self, body: bytes) -> httpx2.Response:
        return self.client.post("/add-checkpoint", content=body)

    def last(self) -> SignedNote:
        return SignedNote.from_bytes(self.client.get(LAST).content)


@contextmanager
def serving(state: Path, *words: Any, **env: str) -> Iterator[Serving]:
    command = [sys.executable, "-c", "from cli.main import main; raise SystemExit(main())"]
    command += ["cosign", "--log", LOG.verifier.to_text(), "--state", str(state), "--port", "0"]
    with subprocess.Popen(
        [*command, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | env,
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), address
            with httpx2.Client(base_url=address, timeout=60, trust_env=False) as client:
                yield Serving(client, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def write_key(folder: Path, signer: SigningKey) -> Path:
    file = folder / signer.verifier.keyid.replace("/", "-")
    file.write_text(signer.to_text())
    return file


def check_signed(answer: bytes, checkpoint: Checkpoint, key: VerifierKey) -> None:
    note = SignedNote.from_bytes(checkpoint.to_text().encode() + b"\n" + answer)
    assert check_cosignature(note, checkpoint, key) is not None


# --- keys that stay elsewhere ------------------------------------------------------------------


def test_while_its_agent_does_not_sign_a_cosigner_signs_and_stores_nothing(tmp_path: Path) -> None:
    need_agent()
    with ssh_agent(NOTARY) as agent:
        named = f"ssh-agent:{NOTARY.name}={fingerprint(NOTARY)}"
        env = {"SSH_AUTH_SOCK": agent.address}
        with serving(tmp_path / "state", "--key", named, **env) as cosigning:
            first = cosigning.ask(TREE.request(0, 5).to_bytes())
            check_signed(first.content, TREE.checkpoint(5), NOTARY.verifier)
            before = cosigning.last()

            agent.remove(NOTARY)
            for _ in range(2):
                refused = cosigning.ask(TREE.request(5, 9).to_bytes())
                assert refused.status_code == 503 and "ssh-agent" in refused.text
            # The same size with the same tree needs a signature too; another tree is no less one.
            assert cosigning.ask(TREE.request(5, 5).to_bytes()).status_code == 503
            assert cosigning.ask(BRANCH.request(5, 9).to_bytes()).status_code == 422
            assert cosigning.last() == before

            agent.add(NOTARY)
            again = cosigning.ask(TREE.request(5, 9).to_bytes())
            check_signed(again.content, TREE.checkpoint(9), NOTARY.verifier)
            same = cosigning.ask(TREE.request(9, 9).to_bytes())
            check_signed(same.content, TREE.checkpoint(9), NOTARY.verifier)
        with serving(tmp_path / "state", "--key", named, **env) as cosigning:
            stale = cosigning.ask(BRANCH.request(0, 7).to_bytes())
            assert (stale.status_code, stale.text) == (409, "9\n")


def test_keys_of_one_token_cosign_and_are_the_same_after_a_restart(tmp_path: Path) -> None:
    pin = need_token().pin_file
    names = (NOTARY.name, "notary.example/w2")
    words: list[Any] = ["--token-module", MODULE, "--token-pin", pin]
    for name in names:
        words += ["--key", f"pkcs11:{name}={LABEL}/{COSIGNER}"]
    seen = set()
    for old, size in ((0, 5), (5, 9)):
        with serving(tmp_path / "state", *words) as cosigning:
            assert cosigning.ask(TREE.request(old, size).to_bytes()).status_code == 200
            seen.add(tuple((s.name, s.key_id) for s in cosigning.last().signatures))
    ((log, *ours),) = seen
    assert log[0] == LOG.name and tuple(name for name, _ in ours) == names


# --- a thousand at once ------------------------------------------------------------------------

LOGS = [key(f"ledger.example/{n}") for n in range(10)]
MEMORY_KB = 64 << 10  # more than before: a thousand connections were measured at 31 MB


def memory_kb(pid: int) -> int:
    """The most that it ever had in memory."""
    text = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


async def all_at_once(port: int, bodies: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Each on a connection of its own, all of them open before the first is asked."""
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in bodies]
    for (_, writer), body in zip(lines, bodies, strict=True):
        writer.write(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    answers = await asyncio.gather(*(reader.read() for reader, _ in lines))
    for _, writer in lines:
        writer.close()
    heads = [answer.partition(b"\r\n\r\n") for answer in answers]
    return [(int(head.split(b" ")[1]), body) for head, _, body in heads]


@pytest.fixture
def many_files() -> Iterator[None]:
    """A thousand connections at either end: often a process is allowed 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize(("kept", "count"), [("in a file", 1000), ("in an agent", 200)])
def test_of_many_requests_at_once_one_tree_of_a_size_is_signed(
    tmp_path: Path, kept: str, count: int
) -> None:
    """Of ten logs two histories each, mixed sizes, every request on a connection of its own."""
    with ExitStack() as opened:
        env = {}
        if kept == "in an agent":
            need_agent()
            env["SSH_AUTH_SOCK"] = opened.enter_context(ssh_agent(NOTARY)).address
            named = f"ssh-agent:{NOTARY.name}={fingerprint(NOTARY)}"
        else:
            named = str(write_key(tmp_path, NOTARY))
        words = ["--key", named, "--rate", "100000"]
        words += chain(*(("--log", log.verifier.to_text()) for log in LOGS))
        cosigning = opened.enter_context(serving(tmp_path / "state", *words, **env))
        for log in LOGS:
            assert cosigning.ask(TREE.request(0, 2, log).to_bytes()).status_code == 200
        before = memory_kb(cosigning.pid)
        # One log after the other: a server has few threads, and its requests are to meet there.
        bodies = list(chain(*(conflicting(log, count // 200) for log in LOGS)))
        assert len(bodies) == count
        port = cosigning.client.base_url.port
        assert port is not None
        answers = asyncio.run(all_at_once(port, bodies))
        assert memory_kb(cosigning.pid) - before < MEMORY_KB
    signed: dict[str, set[Checkpoint]] = {log.name: set() for log in LOGS}
    for body, (status, answer) in zip(bodies, answers, strict=True):
        if status == 200:
            checkpoint = Checkpoint.from_text(AddCheckpoint.from_bytes(body).note.text)
            check_signed(answer, checkpoint, NOTARY.verifier)
            signed[checkpoint.origin].add(checkpoint)
    assert {200, 409} <= {status for status, _ in answers} <= {200, 409, 422}
    for log in LOGS:
        check_one_history(signed[log.name], log)
        assert signed[log.name]


# --- every status of the protocol --------------------------------------------------------------

OTHER_LOG = key("other.example/2026")  # known too, and nothing of it was cosigned
STRANGER = key("stranger.example/2026")
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Row:
    """What is asked after the tree of five was cosigned, and what is answered."""

    why: str
    path: str
    body: bytes
    status: int
    content_type: str | None = TEXT_TYPE
    answer: bytes | None = None  # None: a sentence, or a signature


def asked(old: int, note: SignedNote, proof: tuple[bytes, ...] = ()) -> bytes:
    return AddCheckpoint(old, proof, note).to_bytes()


def empty_with_a_root() -> SignedNote:
    text = Checkpoint(OTHER_LOG.name, 0, EMPTY_ROOT).to_text()
    wrong = text.replace(format_base64(EMPTY_ROOT), format_base64(bytes(32)))
    return SignedNote(wrong, (sign_note(wrong, OTHER_LOG),))


def add_rows() -> list[Row]:
    add = "/add-checkpoint"
    nine = TREE.request(5, 9)
    other = TREE.note(5, OTHER_LOG, OTHER_LOG.name)
    return [
        Row("an unknown log", add, asked(0, TREE.note(5, STRANGER, STRANGER.name)), 404),
        Row("no signature of the log", add, asked(5, TREE.note(9, STRANGER)), 403),
        Row("another key of that name", add, asked(5, TREE.note(9, key(LOG.name, "x"))), 403),
        Row("nothing", add, b"", 400),
        Row("no request", add, b"old five\n\n" + TREE.note(9).to_bytes(), 400),
        Row("old beyond new", add, asked(9, TREE.note(6)), 400),
        Row("another old size", add, TREE.request(2, 9).to_bytes(), 409, SIZE_TYPE, b"5\n"),
        Row("nothing as old size", add, asked(0, TREE.note(9)), 409, SIZE_TYPE, b"5\n"),
        Row("another tree of that size", add, asked(5, BRANCH.note(5)), 422),
        Row("a tree that does not begin so", add, BRANCH.request(5, 9).to_bytes(), 422),
        Row("a proof cut short", add, asked(5, nine.note, nine.proof[:-1]), 422),
        Row("a proof from nothing", add, asked(0, other, (bytes(32),)), 422),
        Row("a root of nothing that is none", add, asked(0, empty_with_a_root()), 422),
        Row("too long", add, b"x" * (MAX_REQUEST + 1), 413),
        Row("the same tree", add, asked(5, TREE.note(5)), 200, None),
        Row("a tree that begins so", add, nine.to_bytes(), 200, None),
    ]


def sub_rows(note: SignedNote) -> list[Row]:
    """`note` is the tree of five, as it was cosigned."""
    sub = "/sign-subtree"
    root, proof = root_of(TREE.leaves[:4]), (TREE.leaves[4],)
    good = SignSubtree(0, 4, root, proof, note)
    unsigned = SignedNote(note.text, note.signatures[:1])
    unknown = SignedNote(note.text.replace(LOG.name, STRANGER.name), note.signatures)
    return [
        Row("of an unknown log", sub, replace(good, note=unknown).to_bytes(), 404),
        Row("of a tree not cosigned here", sub, replace(good, note=unsigned).to_bytes(), 403),
        Row("no request", sub, b"subtree 0\n\n", 400),
        Row("no subtree", sub, replace(good, start=1, end=3).to_bytes(), 400),
        Row("beyond the tree", sub, replace(good, end=6).to_bytes(), 400),
        Row("another root", sub, replace(good, subtree=bytes(32)).to_bytes(), 422),
        Row("without a proof", sub, replace(good, proof=()).to_bytes(), 422),
        Row("too long", sub, b"x" * (MAX_REQUEST + 1), 413),
        Row("a part", sub, good.to_bytes(), 200, None),
    ]


def test_every_status_of_the_protocol_is_answered_over_http(tmp_path: Path) -> None:
    lattice = key("notary.example/w2", algorithm=Algorithm.COSIGNATURE_MLDSA44)
    words = [("--key", write_key(tmp_path, each)) for each in (NOTARY, lattice)]
    words += [("--log", OTHER_LOG.verifier.to_text()), ("--rate", "1000")]
    odd = []
    with serving(tmp_path / "state", *chain(*words)) as cosigning:
        assert cosigning.client.get(LAST).status_code == 404
        assert cosigning.client.get("/" + "0" * 64 + "/checkpoint").status_code == 404
        assert cosigning.ask(TREE.request(0, 5).to_bytes()).status_code == 200
        note = cosigning.last()
        rows = [*add_rows(), *sub_rows(note)]
        for row in rows:
            was = cosigning.last().text
            answer = cosigning.client.post(row.path, content=row.body)
            got = answer.status_code, answer.headers.get("content-type")
            if got != (row.status, row.content_type):
                odd.append((row.why, *got, answer.text))
            if row.answer is not None and answer.content != row.answer:
                odd.append((row.why, answer.content))
            if row.status != 200 and cosigning.last().text != was:
                odd.append((row.why, "changed the state"))
    assert odd == []
    told = {row.status for row in rows}
    assert told == {200, 400, 403, 404, 409, 413, 422}  # 429 and 503 below


def test_what_comes_too_fast_is_told_so_over_http(tmp_path: Path) -> None:
    words = ("--key", write_key(tmp_path, NOTARY), "--rate", 1)
    with serving(tmp_path / "state", *words) as cosigning:
        answers = [cosigning.ask(b"x") for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert answers[0].status_code == 400 and refused
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}


def test_a_state_that_cannot_be_stored_is_told_so_over_http(tmp_path: Path) -> None:
    """As a disk that is full would: somebody else holds the database."""
    words = ("--key", write_key(tmp_path, NOTARY))
    with serving(tmp_path / "state", *words) as cosigning:
        assert cosigning.ask(TREE.request(0, 5).to_bytes()).status_code == 200
        with closing(sqlite3.connect(tmp_path / "state" / "state.sqlite")) as other:
            other.execute("ALTER TABLE cosigned RENAME TO elsewhere")
            other.commit()
            refused = cosigning.ask(TREE.request(5, 9).to_bytes())
            assert refused.status_code == 503 and "\N{EM DASH}" not in refused.text
            other.execute("ALTER TABLE elsewhere RENAME TO cosigned")
            other.commit()
        assert cosigning.ask(TREE.request(5, 9).to_bytes()).status_code == 200
