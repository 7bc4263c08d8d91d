"""`tiezheng audit --seen` finds a fork, writes the proof, and `tiezheng verify` shows it."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.encoding import format_base64
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.fraud import Fraud
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.note import SignedNote
from ledger.tlog.receipt import Receipt
from storage.fraud_folder import FraudFolder
from testkit.case import Built, make_case, sign_all, write_folder
from testkit.keys import key
from testkit.terminal import Ended, Run


@dataclass(frozen=True, slots=True)
class Site:
    """A court's trust folder, its copy of the log, and what somebody was shown before."""

    run: Run
    built: Built
    folder: Path

    def seen(self, size: int, *, forked: bool, cosigners: int = 1) -> Path:
        """A checkpoint of that size, of the log's own entries or of others."""
        hashes = [leaf_hash(row.entry) for row in self.built.rows[:size]]
        if forked:
            hashes[-1] = leaf_hash(b"what was shown to somebody else")
        case = self.built.case
        signers = [(signer, 1_795_430_400) for _, signer in case.cosigners[:cosigners]]
        text = sign_all(Checkpoint(case.log.name, size, root_of(hashes)), case.log, signers)
        path = self.folder / f"seen-{size}-{forked}.note"
        path.write_text(text, encoding="utf-8")
        return path

    def audit(self, *args: str | Path) -> Ended:
        return self.run("audit", self.folder / "log", "--trust", self.folder / "trust", *args)

    def verify(self, path: Path, *args: str) -> Ended:
        return self.run("verify", path, "--trust", self.folder / "trust", *args)


@pytest.fixture
def site(run: Run, tmp_path: Path) -> Site:
    built = make_case().build()
    write_folder(built.trust_files, tmp_path / "trust")
    write_folder({path: data for (_, path), data in built.log.files.items()}, tmp_path / "log")
    return Site(run, built, tmp_path)


@pytest.mark.parametrize("size", [1, 3, 4, -1])
def test_a_fork_becomes_one_file_that_verify_shows(site: Site, size: int) -> None:
    size = size if size > 0 else len(site.built.rows)
    proof = site.folder / "fraud.txt"
    ended = site.audit("--seen", site.seen(size, forked=True), "--fraud", proof)
    assert ended.code == 1
    assert f"two histories: other {size} entries than the log now begins with" in ended.out
    shown = site.verify(proof)
    assert (shown.code, shown.err) == (1, "")
    assert f"The log {site.built.case.log.name} signed two histories" in shown.out
    assert shown.out.startswith("Verdict: FAILED\n")


def test_it_names_who_cosigned_both(site: Site) -> None:
    proof = site.folder / "fraud.txt"
    site.audit("--seen", site.seen(3, forked=True), "--fraud", proof)
    name = site.built.case.cosigners[0][0]
    assert f"against their one promise: {name}." in site.verify(proof).out
    value = json.loads(site.verify(proof, "--json").out)
    assert value["cosigned_both"] == [name]
    assert (value["kind"], value["outcome"]) == ("fraud", "failed")
    assert [c["size"] for c in value["checkpoints"]] == ["3", str(len(site.built.rows))]


@pytest.mark.parametrize("before", [True, False])
def test_a_line_that_does_not_hold_hides_nobody_who_cosigned_both(site: Site, before: bool) -> None:
    """Whoever forks writes the note, and may add to it what he likes: here of the same key."""
    proof = site.folder / "fraud.txt"
    site.audit("--seen", site.seen(3, forked=True, cosigners=2), "--fraud", proof)
    fraud = Fraud.from_bytes(proof.read_bytes())
    names = [name for name, _ in site.built.case.cosigners[:2]]
    log, one, other = fraud.smaller.signatures
    junk = replace(one, value=bytes(len(one.value)))
    lines = (log, junk, one, other) if before else (log, one, other, junk)
    proof.write_bytes(replace(fraud, smaller=SignedNote(fraud.smaller.text, lines)).to_bytes())
    value = json.loads(site.verify(proof, "--json").out)
    assert value["cosigned_both"] == sorted(names)


def test_it_speaks_chinese(site: Site) -> None:
    proof = site.folder / "fraud.txt"
    found = site.audit("--seen", site.seen(3, forked=True), "--fraud", proof, "--lang", "zh")
    assert "两份历史：日志曾为另外 3 个条目签名" in found.out
    text = site.verify(proof, "--lang", "zh").out
    assert text.startswith("结论：不通过\n")
    assert "签署过两份历史" in text and "signed" not in text


@pytest.mark.parametrize("size", [1, 4])
def test_what_belongs_to_the_log_passes(site: Site, size: int) -> None:
    proof = site.folder / "fraud.txt"
    ended = site.audit("--seen", site.seen(size, forked=False), "--fraud", proof)
    assert ended.code == 0
    assert f"the log begins with these {size} entries" in ended.out
    assert not proof.exists()


def test_a_receipt_shows_what_was_seen_as_well(site: Site) -> None:
    note = SignedNote.from_text(site.seen(3, forked=True).read_text(encoding="utf-8"))
    receipt = site.folder / "2026-1.tlog-proof"
    receipt.write_bytes(Receipt(1, (bytes(32),), note.to_text()).to_bytes())
    assert site.audit("--seen", receipt).code == 1


def test_without_a_place_for_the_proof_it_says_how_to_get_it(site: Site) -> None:
    ended = site.audit("--seen", site.seen(3, forked=True))
    assert ended.code == 1 and "--fraud FILE" in ended.err


def test_a_copy_that_is_behind_decides_nothing(site: Site) -> None:
    seen = site.seen(len(site.built.rows), forked=False)
    text = seen.read_text(encoding="utf-8")
    larger = Checkpoint(site.built.case.log.name, 99, bytes(32))
    seen.write_text(sign_all(larger, site.built.case.log, []), encoding="utf-8")
    assert text != seen.read_text(encoding="utf-8")
    ended = site.audit("--seen", seen)
    assert ended.code == 3 and "fewer than the 99 seen" in ended.out


def test_a_checkpoint_that_the_log_did_not_sign_decides_nothing(site: Site) -> None:
    seen = site.seen(3, forked=True)
    origin = site.built.case.log.name
    forged = sign_all(Checkpoint(origin, 3, bytes(32)), key(origin + "x"), [])
    seen.write_text(forged.replace(origin + "x", origin), encoding="utf-8")
    assert site.audit("--seen", seen).code == 3


def test_damaged_tiles_accuse_nobody(site: Site) -> None:
    """A copy whose tiles are not those of its checkpoint fails, and no proof is written."""
    path = next((site.folder / "log/tile/0").rglob("*"))
    while path.is_dir():
        path = next(path.iterdir())
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    proof = site.folder / "fraud.txt"
    ended = site.audit("--seen", site.seen(3, forked=False), "--fraud", proof)
    assert ended.code == 1 and not proof.exists()


def test_a_file_that_is_there_is_not_overwritten(site: Site) -> None:
    proof = site.folder / "fraud.txt"
    proof.write_text("mine", encoding="utf-8")
    ended = site.audit("--seen", site.seen(3, forked=True), "--fraud", proof)
    assert ended.code == 1 and "is not overwritten" in ended.err
    assert proof.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("content", [b"", b"x", b"\xff\xfe", b"a\n5\nAAAA\n\n\xe2\x80\x94 a b\n"])
def test_what_is_no_checkpoint_is_named(site: Site, content: bytes) -> None:
    path = site.folder / "seen"
    path.write_bytes(content)
    ended = site.audit("--seen", path)
    assert ended.code == 1 and str(path) in ended.err


def test_a_pipe_is_not_waited_for(site: Site) -> None:
    pipe = site.folder / "pipe"
    os.mkfifo(pipe)
    assert site.audit("--seen", pipe).code == 4
    assert site.verify(pipe).code == 4


def test_a_checkpoint_of_another_log_is_refused(site: Site) -> None:
    path = site.folder / "seen"
    other = key("other.example/2026")
    path.write_text(sign_all(Checkpoint(other.name, 1, bytes(32)), other, []), encoding="utf-8")
    ended = site.audit("--seen", path)
    assert ended.code == 1 and "not looked at here" in ended.err


def test_a_proof_that_was_altered_proves_nothing(site: Site) -> None:
    proof = site.folder / "fraud.txt"
    site.audit("--seen", site.seen(3, forked=True), "--fraud", proof)
    good = proof.read_text(encoding="utf-8")
    root = good.split("\n")[1]
    honest = root_of([leaf_hash(row.entry) for row in site.built.rows[:3]])
    assert root == format_base64(honest)
    for bad in (
        good.replace(root, format_base64(bytes(32))),
        good.replace("\n3\n", "\n2\n"),
        good[: len(good) // 2],
        good.split("\n\n")[0] + "\n",
    ):
        proof.write_text(bad, encoding="utf-8")
        ended = site.verify(proof)
        assert ended.code == 3 and "proves no fraud" in ended.out
        assert site.verify(proof, "--json").code == 3


def test_a_proof_against_a_log_that_nobody_trusts_proves_nothing(site: Site) -> None:
    proof = site.folder / "fraud.txt"
    site.audit("--seen", site.seen(3, forked=True), "--fraud", proof)
    text = proof.read_text(encoding="utf-8")
    proof.write_text(text.replace("ledger.example", "ledger.examples"), encoding="utf-8")
    ended = site.verify(proof)
    assert ended.code == 3 and "your trust folder has no log" in ended.out


def test_a_cosigner_keeps_each_proof_once(site: Site, tmp_path: Path) -> None:
    size = len(site.built.rows)
    one, other = (
        SignedNote.from_text(site.seen(size, forked=f).read_text(encoding="utf-8"))
        for f in (False, True)
    )
    kept = FraudFolder(tmp_path / "state")
    kept.keep(Fraud(one, other))
    kept.keep(Fraud(other, one))
    (path,) = (tmp_path / "state/fraud").iterdir()
    assert Fraud.from_bytes(path.read_bytes()) == Fraud(one, other)
    assert site.verify(path).code == 1


def test_who_forks_without_end_does_not_fill_the_disk(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.fraud_folder.MOST", 2)
    kept = FraudFolder(tmp_path / "state")
    for size in (1, 2, 3, 4):
        one, other = (
            SignedNote.from_text(site.seen(size, forked=f).read_text(encoding="utf-8"))
            for f in (False, True)
        )
        kept.keep(Fraud(one, other))
    assert len(list((tmp_path / "state/fraud").iterdir())) == 2


def test_inspect_says_what_it_is_and_checks_nothing(site: Site) -> None:
    proof = site.folder / "fraud.txt"
    site.audit("--seen", site.seen(3, forked=True), "--fraud", proof)
    value = json.loads(site.run("inspect", proof, "--json").out)
    assert (value["kind"], value["verified"]) == ("fraud", "nothing")
    assert "that a log signed two histories" in site.run("inspect", proof).out
    assert "欺诈证明" in site.run("inspect", proof, "--lang", "zh").out
    proof.write_text(proof.read_text(encoding="utf-8") + "x", encoding="utf-8")
    assert site.run("inspect", proof).code == 1
