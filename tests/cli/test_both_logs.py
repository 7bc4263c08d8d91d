"""Commands about a case that begins in a closed log and goes on in the next."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from api.absences import MirroredLog
from api.clients.log_http import HttpLog
from api.following import Follower
from api.mirror import create_mirror_app, follow
from ledger.evidence.signing import sign_party_receipt
from ledger.suite import digest
from storage.tag_index_sqlite import SqliteTagIndex
from testkit.mirrors import MIRROR
from testkit.sequence import go_on, reopened
from testkit.server import CASE, STATION, Ledger, await_that, serving
from testkit.stamped import await_stamp, stamped_ledger
from testkit.terminal import Ended, Run
from testkit.tsa import openssl_accepts
from testkit.tsa_process import open_tsa

DEVICE = "BWC-310"
BEFORE, AFTER = b"before the closing", b"after the closing"
LABELS = ("2026", "2027")


@dataclass
class Sight:
    """A case over two logs, stamped in both, and a mirror of both that has caught up."""

    ledger: Ledger
    address: str
    mirror: str
    ids: list[str]
    index: int  # of the second, in its log
    logs: list[MirroredLog]

    def packet(self, run: Run, folder: Path, *more: str | Path) -> tuple[Ended, Path]:
        token, path = folder / "token", folder / "packet.zip"
        token.write_text(self.ledger.token() + "\n")
        usual = ("--server", self.address, "--token-file", token)
        return run("packet", CASE, "-o", path, *usual, "--incomplete", *more), path


@pytest.fixture(scope="module")
def sight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sight]:
    folder = tmp_path_factory.mktemp("both")
    data, ids = folder / "ledger", []
    with ExitStack() as stack:
        tsa = stack.enter_context(open_tsa(folder / "tsa"))
        with stamped_ledger(data, ("lab", tsa)) as first:
            (row,) = first.accept(
                first.evidence(BEFORE, name="before.jpg", device=DEVICE, file="1")
            )
            ids.append(row["id"])
            first.await_quorum()
            await_stamp(first, int(row["index"]) + 1)
        go_on(data, first.offices)
        settings = {"authorities": {"lab": tsa.url}, "stamp_seconds": 1}
        ledger = stack.enter_context(reopened(data, first.offices, **settings))
        address = stack.enter_context(serving(ledger.http.app))  # type: ignore[arg-type]
        (row,) = ledger.accept(ledger.evidence(AFTER, name="after.jpg", device=DEVICE, file="2"))
        ids.append(row["id"])
        ledger.await_quorum()
        logs = []
        for log in ledger.trust.logs:
            source = stack.enter_context(closing(HttpLog(f"{address}/log")))
            follower = Follower(log.policy.log, source, folder / "mirror" / log.label)
            tags = SqliteTagIndex(folder / f"tags-{log.label}.sqlite")
            logs.append(MirroredLog(follower, stack.enter_context(closing(tags)), MIRROR))
        mirror = stack.enter_context(serving(create_mirror_app(logs)))
        for log in logs:
            follow(log)
        yield Sight(ledger, address, mirror, ids, int(row["index"]), logs)


def test_a_packet_of_both_logs_has_a_mirrors_word_on_each(
    run: Run, sight: Sight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)

    def catch_up(seconds: float) -> None:
        """What the packet's making has logged itself is beyond what a mirror has read."""
        sight.ledger.await_quorum()
        for log in sight.logs:
            follow(log)

    clock = SimpleNamespace(monotonic=time.monotonic, sleep=catch_up)
    monkeypatch.setattr("api.clients.absences.time", clock)
    ended, packet = sight.packet(run, tmp_path, "--absence", sight.mirror, "--wait", "30")
    assert ended.code == 0, ended.err
    trust = tmp_path / "trust"
    shutil.copytree(sight.ledger.folder / "trust", trust)
    asked = ("verify", packet, "--trust", trust, "--require", "complete", "--json")
    assert run(*asked).code == 3
    (trust / "mirrors").write_text(f"{MIRROR.verifier.to_text()}\n")
    ended = run(*asked)
    assert ended.code == 0, ended.out
    words = [f for f in json.loads(ended.out)["findings"] if f["step"] == "complete"]
    assert [word["detail"].startswith("on the word of") for word in words] == [True] * len(words)
    assert len(words) == len(LABELS)


def test_an_audit_of_a_mirror_says_where_the_first_log_has_ended(run: Run, sight: Sight) -> None:
    data = sight.ledger.folder
    ended = run("audit", data.parent / "mirror", "--trust", data / "trust", "--json")
    assert ended.code == 0, ended
    first, _ = json.loads(ended.out)["logs"]
    assert [each["step"] for each in first["findings"]][-1] == "end"


def test_a_receipt_of_either_log_grows_a_timestamp(run: Run, sight: Sight, tmp_path: Path) -> None:
    trust = sight.ledger.folder / "trust"
    store, last = sight.ledger.services.store, sight.index
    await_that(lambda: store.newest_stamp(1) > last, "a stamp of the second log")
    pem = (trust / "tsa" / "lab.pem").read_bytes()
    for label, id_ in zip(LABELS, sight.ids, strict=True):
        kept = tmp_path / label
        asked = ("receipt", id_, "--server", sight.address, "--trust", trust)
        ended = run(*asked, "--timestamps", kept)
        assert ended.code == 0 and "stamped by lab, existed by 20" in ended.out, ended
        (body,), (token,) = kept.glob(f"{label}-*.body"), kept.glob(f"{label}-*.lab.tsr")
        assert openssl_accepts(token.read_bytes(), body.read_bytes(), pem)
        (proof,) = kept.glob(f"{label}-*@*.tlog-proof")
        assert body.read_text() in proof.read_text()


def test_a_party_receipt_finds_its_recordings_in_both_logs(
    run: Run, sight: Sight, tmp_path: Path
) -> None:
    ended, packet = sight.packet(run, tmp_path)
    assert ended.code == 0, ended.err

    def paper(*recordings: bytes) -> str:
        return sign_party_receipt(
            STATION, salt=b"s" * 16, session=sight.ids[0], span_s=(1_795_400_000, 1_795_403_600),
            manifest=bytes(32), case=CASE, device=DEVICE,
            recordings=[digest(data) for data in recordings],
        ).to_text()  # fmt: skip

    usual = ("--packet", packet, "--trust", sight.ledger.folder / "trust", "--json")
    ended = run("party-receipt", paper(BEFORE, AFTER), *usual)
    assert (ended.code, ended.err) == (0, "")
    answer = json.loads(ended.out)
    assert (answer["missing"], sorted(answer["present"])) == ("0", ["after.jpg", "before.jpg"])
    assert run("party-receipt", paper(BEFORE, AFTER, b"left out"), *usual).code == 1


def test_a_chainpoint_document_of_either_log_ends_in_the_root_of_its_own(
    run: Run, sight: Sight, tmp_path: Path
) -> None:
    pytest.importorskip("merkletools")
    for log, id_ in zip(sight.ledger.trust.logs, sight.ids, strict=True):
        proof, document = tmp_path / f"{log.label}.tlog-proof", tmp_path / f"{log.label}.json"
        where = ("-o", proof, "--chainpoint", document, "--server", sight.address)
        ended = run("receipt", id_, *where, "--trust", sight.ledger.folder / "trust")
        assert ended.code == 0, ended.err
        (anchor,) = json.loads(document.read_text())["branches"][0]["ops"][-1]["anchors"]
        assert anchor["anchor_id"].startswith(f"{log.origin} ")
        assert anchor["uris"] == [f"{sight.address}/log/{log.label}/checkpoint"]
