"""register, token, deposit, receipt and packet, against a server in this process."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.clients.copies import open_copy
from api.clients.ledger import LedgerClient
from cli.second_opinion import stock_tree
from ledger import sm2
from ledger.errors import Full
from ledger.evidence.chunks import ItemHasher
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import FileSubject, Statement
from ledger.report import Outcome
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey
from ledger.verify import verify_packet
from storage.packets import open_packet
from testkit.chainpoint import evaluate
from testkit.keys import key
from testkit.line import bad_line
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_CASE,
    REGISTRAR,
    STATION,
    STRANGER,
    Ledger,
    await_that,
    open_ledger,
    serving,
)
from testkit.terminal import Ended, Run

SM2 = key("station-07.example-sm2", algorithm=Algorithm.SM2)


@dataclass
class Office:
    """A desk with keys, a ledger to speak to, and a command line."""

    ledger: Ledger
    address: str
    desk: Path
    run: Run

    def key(self, signer: SigningKey) -> Path:
        file = self.desk / f"{signer.name}.key"
        file.write_text(signer.to_text() + "\n")
        return file

    def write(self, name: str | bytes, data: bytes = b"a picture") -> Path:
        path = Path(os.fsdecode(os.fsencode(self.desk) + b"/" + os.fsencode(name)))
        path.write_bytes(data)
        return path

    def deposit(self, *args: str | Path, by: SigningKey = STATION, trust: bool = True) -> Ended:
        usual = ["--case", CASE, "--key", self.key(by), "--server", self.address]
        usual += ["--trust", self.ledger.folder / "trust"] if trust else []
        return self.run("deposit", *args, *usual)

    def statement(self, index: int = -1) -> Statement:
        log = self.ledger.services.log
        row = log.row(index if index >= 0 else log.size + index)
        return Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)

    def packet(self, target: Path, *more: str, case: str = CASE) -> Ended:
        token = self.desk / "token"
        token.write_text(self.ledger.token() + "\n")
        usual = ("-o", target, "--server", self.address, "--token-file", token)
        return self.run("packet", case, *usual, "--incomplete", *more)


@contextmanager
def served(folder: Path) -> Iterator[tuple[Ledger, str]]:
    with open_ledger(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        yield ledger, address


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    with served(tmp_path_factory.mktemp("shared") / "ledger") as both:
        yield both


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    desk = tmp_path / "desk"
    desk.mkdir()
    return desk


@pytest.fixture
def office(shared: tuple[Ledger, str], desk: Path, run: Run) -> Office:
    return Office(*shared, desk, run)


@pytest.fixture
def own(tmp_path: Path, desk: Path, run: Run) -> Iterator[Office]:
    """With a ledger of this test's own, whose keys and cosigners it may change."""
    with served(tmp_path / "ledger") as both:
        yield Office(*both, desk, run)


# --- deposit ---------------------------------------------------------------------------------


def test_a_large_file_goes_on_over_a_line_that_breaks(
    own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.deposit.RESUMABLE", 1_000_000)
    monkeypatch.setattr("api.clients.patience.LONGEST_WAIT_S", 0.05)
    monkeypatch.setattr("api.clients.tus.PIECE", 500_000)
    large = own.write("large.mp4", os.urandom(3_000_000))
    with bad_line(own.address, breaks=[10_000_000, 900_000, 700_000]) as line:
        # The first connection asks who we are, and files; the others send.
        own.address = line.address
        ended = own.deposit(large, own.write("small.jpg"), "--json")
        assert line.broken == 2
    assert (ended.code, len(json.loads(ended.out)["statements"])) == (0, 2), ended
    items = own.ledger.services.items
    assert {len(b"".join(items.stream(item))) for item in items.ids()} == {3_000_000, 9}


def test_a_file_becomes_evidence(office: Office) -> None:
    ended = office.deposit(office.write("photo.jpg"))
    assert ended.code == 0, ended.err
    place, id_, name = ended.out.split()
    assert (place, name) == (f"2026-{office.ledger.services.log.size - 1}", "photo.jpg")
    assert office.statement().id == id_
    assert office.statement().case == CASE


def test_the_statement_follows_the_tree_that_was_checked(office: Office) -> None:
    office.ledger.await_quorum()
    size = office.ledger.services.log.size
    assert office.deposit(office.write("photo.jpg")).code == 0
    after = office.statement().after
    assert after is not None and after.size == size


def test_without_trust_it_says_that_nothing_was_recomputed(office: Office) -> None:
    ended = office.deposit(office.write("photo.jpg"), trust=False)
    assert ended.code == 0
    assert "no --trust was given" in ended.err
    assert office.statement().after is None


NAMES: dict[str, bytes] = {
    "GBK, from a FAT card": "现场录像.MP4".encode("gbk"),
    "no encoding at all": b"\xff\xfe\x80.jpg",
    "NFD": unicodedata.normalize("NFD", "é.jpg").encode(),
    "255 bytes": b"x" * 251 + b".jpg",
    "a line break": b"a\nb.jpg",
    "right to left": "\u202egpj.exe".encode(),
    "an escape": b"\x1b[2Jgone.jpg",
    "a leading dash": b"-rf.jpg",
    "only spaces": b"   ",
}


@pytest.mark.parametrize("device", [False, True], ids=["plain", "from a device"])
@pytest.mark.parametrize("raw", NAMES.values(), ids=NAMES.keys())
def test_a_name_is_kept_exactly_and_shown_harmlessly(
    office: Office, raw: bytes, device: bool
) -> None:
    path = office.write(raw)
    more = ("--device", "BWC-310") if device else ()
    ended = office.deposit(path, *more)
    assert ended.code == 0, ended.err
    (subject,) = office.statement().subjects
    assert isinstance(subject, FileSubject)
    assert (subject.name_bytes or subject.name.encode()) == raw
    assert "\x1b" not in ended.out and "\u202e" not in ended.out
    assert len(ended.out.splitlines()) == 1


# --- SM2 and SM3 -----------------------------------------------------------------------------


@pytest.mark.parametrize("resumable", [1 << 30, 1], ids=["at once", "by tus"])
def test_a_deposit_in_both_suites_passes_where_both_are_required(
    own: Office, monkeypatch: pytest.MonkeyPatch, resumable: int
) -> None:
    monkeypatch.setattr("cli.deposit.RESUMABLE", resumable)
    register_sm2(own)
    photo = own.write("photo.jpg")
    assert own.deposit(photo).code == 0
    ended = own.deposit(photo, "--sm3", "--sm2-key", own.key(SM2))
    assert ended.code == 0, ended.err
    digest = own.statement().files[0].digest
    hasher = ItemHasher(sm3=True)
    hasher.update(photo.read_bytes())
    assert digest == hasher.finish()
    row = own.ledger.services.log.row(own.ledger.services.log.size - 1)
    keyids = [s.keyid for s in Envelope.from_bytes(row.envelope).signatures]
    assert keyids == [STATION.verifier.keyid, SM2.verifier.keyid]


def test_an_sm2_key_alone_signs_no_requests(own: Office) -> None:
    register_sm2(own)
    ended = own.deposit(own.write("photo.jpg"), by=SM2)
    assert ended.code == 1
    assert "want an Ed25519 key for requests" in ended.err


def test_a_key_of_another_algorithm_is_no_sm2_key(own: Office) -> None:
    ended = own.deposit(own.write("photo.jpg"), "--sm2-key", own.key(HANDLER))
    assert ended.code == 1
    assert "want an SM2 key" in ended.err


def test_without_a_library_an_sm2_key_signs_nothing_and_nothing_is_sent(
    own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, size = own.key(SM2), own.ledger.services.log.size
    monkeypatch.setattr(sm2, "_engine", None)  # so that what was there is put back
    monkeypatch.setattr("storage.sm2_libcrypto.LIBRARIES", ("libnone.so.9",))
    ended = own.deposit(own.write("photo.jpg"), "--sm2-key", file)
    assert ended.code == 4
    assert "SM2 cannot be computed" in ended.err
    assert own.ledger.services.log.size == size


def register_sm2(office: Office) -> None:
    vkey = SM2.verifier.to_text()
    ended = register(office, "--key", vkey, "--role", "station", "--person", STATION.name)
    assert ended.code == 0, ended.err


def test_a_name_of_an_old_card_is_readable_too(office: Office) -> None:
    office.deposit(office.write("现场录像.MP4".encode("gbk")))
    assert office.statement().files[0].name == "现场录像.MP4"


def test_an_empty_file_is_evidence_too(office: Office) -> None:
    assert office.deposit(office.write("empty.txt", b"")).code == 0
    assert office.statement().files[0].digest.size == 0


def test_a_missing_file_is_named_and_nothing_is_filed(office: Office) -> None:
    size = office.ledger.services.log.size
    ended = office.deposit(office.write("there.jpg"), office.desk / "missing.jpg")
    assert ended.code == 4
    assert "missing.jpg" in ended.err
    assert office.ledger.services.log.size == size


def test_a_folder_is_no_file(office: Office) -> None:
    ended = office.deposit(office.desk)
    assert ended.code == 4
    assert office.desk.name in ended.err


def test_a_file_that_may_not_be_read_is_named(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = office.write("locked.jpg")
    real = Path.open

    def refuse(self: Path, *args: Any, **more: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *args, **more)

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    ended = office.deposit(path)
    assert ended.code == 4
    assert "locked.jpg" in ended.err and "Permission denied" in ended.err


def test_a_file_that_changes_meanwhile_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = office.write("growing.log")
    import api.clients.filing as filing

    real = filing.read_source

    def grow(path: Path, progress: Any, **more: Any) -> Any:
        source = real(path, progress, **more)
        with path.open("ab") as file:
            file.write(b"one more line\n")
        return source

    monkeypatch.setattr(filing, "read_source", grow)
    size = office.ledger.services.log.size
    ended = office.deposit(path)
    assert ended.code == 1
    assert "changed while it was being sent" in ended.err
    assert office.ledger.services.log.size == size


def test_an_act_names_its_documents(office: Office) -> None:
    files = [office.write(f"{n}.txt", bytes([n])) for n in range(8)]
    ended = office.deposit(*files, "--act", "penalty_decision", by=HANDLER)
    assert ended.code == 0, ended.err
    assert office.statement().is_decision
    assert len(office.statement().files) == 8


def test_an_act_of_nine_documents_is_refused_before_anything_is_sent(own: Office) -> None:
    files = [own.write(f"{n}.txt", bytes([n])) for n in range(9)]
    ended = own.deposit(*files, "--act", "penalty_decision", by=HANDLER)
    assert ended.code == 2
    assert list(own.ledger.services.items.ids()) == []


def test_a_station_makes_no_decision(office: Office) -> None:
    ended = office.deposit(office.write("a.txt"), "--act", "penalty_decision")
    assert ended.code == 1
    assert "may not make a statement" in ended.err


def test_an_unregistered_key_is_refused_with_what_to_look_at(office: Office) -> None:
    ended = office.deposit(office.write("a.txt"), by=STRANGER)
    assert ended.code == 1
    assert "is the key registered" in ended.err


def test_one_refusal_keeps_nothing_else_from_being_filed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.clients.ledger import LedgerClient

    real = LedgerClient.file

    def spoil(self: LedgerClient, envelopes: Any) -> Any:
        return real(self, [b"{}", *envelopes[1:]])

    monkeypatch.setattr(LedgerClient, "file", spoil)
    size = office.ledger.services.log.size
    files = [office.write(f"{n}.txt", bytes([n])) for n in range(3)]
    ended = office.deposit(*files, "--keep", office.desk / "kept")
    assert ended.code == 1
    assert len(ended.out.splitlines()) == 2
    assert "0.txt" in ended.err
    assert office.ledger.services.log.size == size + 2
    assert len(list((office.desk / "kept").glob("*.accepted.json"))) == 2


@pytest.mark.parametrize("id_", ["../../outside", "019ab0c4-0000-7000-8000-000000000000"])
@pytest.mark.parametrize("trust", [True, False])
def test_an_answer_about_another_statement_is_not_believed(
    office: Office, monkeypatch: pytest.MonkeyPatch, id_: str, trust: bool
) -> None:
    from api.clients.ledger import LedgerClient

    real = LedgerClient.file
    monkeypatch.setattr(
        LedgerClient, "file", lambda self, e: [row | {"id": id_} for row in real(self, e)]
    )
    ended = office.deposit(office.write("a"), "--keep", office.desk / "kept", trust=trust)
    assert ended.code == 1
    assert not list(office.desk.parent.rglob("outside*"))


@pytest.mark.parametrize("folder", ["/proc", "a.txt"])
def test_where_nothing_can_be_kept_nothing_is_deposited(office: Office, folder: str) -> None:
    size = office.ledger.services.log.size
    ended = office.deposit(office.write("a.txt"), "--keep", office.desk / folder)
    assert (ended.code, ended.out) == (4, "")
    assert folder in ended.err
    assert office.ledger.services.log.size == size


def test_what_is_logged_and_not_kept_is_said_to_be_logged(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may fill up after it was looked at."""

    def full(path: Path, data: bytes) -> None:
        raise Full("cannot write: no space")

    monkeypatch.setattr("cli.deposit.write_file", full)
    size = office.ledger.services.log.size
    ended = office.deposit(office.write("a.txt"), "--keep", office.desk / "kept")
    assert ended.code == 4
    place = f"{office.ledger.services.log.label}-{size}"
    assert f"{place} is logged, and not kept here: cannot write: no space" in ended.err
    assert list((office.desk / "kept").iterdir()) == []


def test_a_ledger_that_is_not_that_of_the_trust_folder_is_not_believed(
    office: Office, own_vectors: Path
) -> None:
    ended = office.deposit(
        *(office.write("a.txt"), "--trust", own_vectors / "worked-packet" / "trust"), trust=False
    )
    assert ended.code == 1


def test_with_json_a_deposit_is_one_line(office: Office) -> None:
    ended = office.deposit(office.write("a.txt", b"filed once"), "--json")
    (row,) = json.loads(ended.out)["statements"]
    assert set(row) == {"files", "id", "index", "log"}


def test_bytes_that_stand_under_another_case_are_remarked_upon(own: Office) -> None:
    first = own.deposit(own.write("a.txt"), "--json")
    (row,) = json.loads(first.out)["statements"]
    services = own.ledger.services
    await_that(lambda: services.catalog.indexed_to() == services.log.size, "the catalog")
    usual = ("--key", own.key(STATION), "--server", own.address)
    ended = own.run("deposit", own.write("a.txt"), "--case", OTHER_CASE, *usual, "--lang", "zh")
    assert ended.code == 0
    assert f"相同内容已以其他案件或设备入账：{row['log']}-{row['index']}" in ended.err


def test_details_stand_in_the_statement(office: Office) -> None:
    ended = office.deposit(
        office.write("a.txt"),
        *("--maker", "王某", "--method", "拍摄", "--purpose", "现场", "--carrier", "SD 卡"),
        *("--officer", "320500-0001", "--officer", "320500-0002", "--type", "site_record"),
        *("--from", "2026-11-23T14:00:00+08:00", "--note", "n", "--stage", "review"),
    )
    assert ended.code == 0, ended.err
    predicate = office.statement().predicate
    assert predicate["officers"] == ["320500-0001", "320500-0002"]
    assert predicate["evidence_type"] == "site_record"
    assert predicate["occurred"]["to"] == "2026-11-23T14:00:00+08:00"


# --- register and token ----------------------------------------------------------------------


def register(office: Office, *more: str | Path, by: SigningKey = REGISTRAR) -> Ended:
    usual = ("--registrar", office.key(by), "--server", office.address, "--agency", AGENCY)
    return office.run("register", *usual, *more)


def test_a_registration_is_kept_as_a_copy_that_restore_reads(own: Office) -> None:
    kept = own.desk / "kept"
    vkey = STRANGER.verifier.to_text()
    ended = register(own, "--key", vkey, "--role", "station", "--keep", kept)
    assert ended.code == 0, ended.err
    (path,) = kept.iterdir()
    copy = open_copy(path.name, path.read_bytes(), own.ledger.trust)
    assert copy.row.kind == "register"
    assert copy.row.index == own.ledger.services.log.size - 1


@pytest.mark.parametrize("folder", ["/proc", "station.key/kept"])
def test_where_nothing_can_be_kept_nothing_is_registered(office: Office, folder: str) -> None:
    office.write("station.key")
    size = office.ledger.services.log.size
    vkey = STRANGER.verifier.to_text()
    ended = register(office, *("--key", vkey, "--role", "station", "--keep", office.desk / folder))
    assert (ended.code, ended.out) == (4, "")
    assert office.ledger.services.log.size == size


def test_a_registered_key_may_file(own: Office) -> None:
    vkey = STRANGER.verifier.to_text()
    ended = register(own, "--key", vkey, "--role", "station")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("registered at 2026-")
    assert own.deposit(own.write("a"), by=STRANGER).code == 0


def test_a_revoked_key_may_not(own: Office) -> None:
    vkey = STATION.verifier.to_text()
    assert register(own, "--key", vkey, "--role", "station", "--revoked", "lost").code == 0
    assert own.deposit(own.write("a")).code == 1


def test_an_agency_is_registered_with_its_case_numbers(own: Office) -> None:
    ended = register(own, "--name", "某局", "--case-number", "某罚〔{year}〕{number}号")
    assert ended.code == 0, ended.err
    assert own.deposit(own.write("a")).code == 1  # spelled as before


def test_only_the_registrar_registers(office: Office) -> None:
    vkey = STRANGER.verifier.to_text()
    ended = register(office, "--key", vkey, "--role", "station", by=HANDLER)
    assert ended.code == 1
    assert "want the registrar" in ended.err


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--key", "x", "--role", "station"),
        ("--key", STRANGER.verifier.to_text()),
        ("--key", STRANGER.verifier.to_text(), "--role", "king"),
        ("--key", STRANGER.verifier.to_text(), "--role", "station", "--name", "both"),
        ("--name", "某局", "--case-number", "no template"),
        ("--name", "某局"),
    ],
)
def test_a_registration_that_is_none_is_one_of_usage(office: Office, more: Any) -> None:
    assert register(office, *more).code == 2


def test_a_token_reads_until_it_is_ended(office: Office) -> None:
    office.deposit(office.write("photo.jpg"))
    made = office.run("token", office.ledger.folder, "court", "--name", "clerk Wang")
    assert made.code == 0
    headers = {"Authorization": f"Bearer {made.out.strip()}"}
    path = f"/v1/cases/{CASE}"
    assert office.ledger.http.get(path, headers=headers).status_code == 200
    ended = office.run("token", office.ledger.folder, "court", "--name", "clerk Wang", "--end")
    assert "1 tokens of clerk Wang ended" in ended.out
    assert office.ledger.http.get(path, headers=headers).status_code == 401


def test_a_tokens_secret_is_not_in_the_folder(office: Office) -> None:
    secret = office.run("token", office.ledger.folder, "court", "--name", "clerk").out.strip()
    for file in office.ledger.folder.rglob("*"):
        assert file.is_dir() or secret.encode() not in file.read_bytes()


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 129, "\x1b[2J", " a"])
def test_a_tokens_name_is_one_line(office: Office, name: str) -> None:
    """Else its bearer could read nothing: the name stands in each custody statement."""
    assert office.run("token", office.ledger.folder, "court", "--name", name).code == 2


def test_the_longest_name_of_a_token_can_still_read(office: Office) -> None:
    office.deposit(office.write("photo.jpg"))
    secret = office.run("token", office.ledger.folder, "supervisor", "--name", "王" * 128).out
    headers = {"Authorization": f"Bearer {secret.strip()}"}
    assert office.ledger.http.get(f"/v1/cases/{CASE}", headers=headers).status_code == 200


@pytest.mark.parametrize("role", ["station", "ledger", "king"])
def test_machines_get_no_token(office: Office, role: str) -> None:
    assert office.run("token", office.ledger.folder, role, "--name", "x").code == 2


# --- receipt ---------------------------------------------------------------------------------


def receipt(office: Office, *more: str | Path) -> Ended:
    return office.run("receipt", office.statement().id, "--server", office.address, *more)


def test_a_receipt_is_checked_and_written(office: Office, tmp_path: Path) -> None:
    office.deposit(office.write("a"))
    office.ledger.await_quorum()
    file = tmp_path / "a.tlog-proof"
    ended = receipt(office, "--trust", office.ledger.folder / "trust", "-o", file)
    assert ended.code == 0, ended.err
    assert "seen by the quorum at" in ended.out
    assert file.read_text().startswith("c2sp.org/tlog-proof@v1")


def test_before_a_quorum_has_seen_it_the_exit_code_is_3(own: Office) -> None:
    own.ledger.await_quorum()
    for cosigner in own.ledger.offices:
        cosigner.away = True
    own.deposit(own.write("a"))
    path = f"/v1/statements/{own.statement().id}/receipt"
    await_that(lambda: own.ledger.http.get(path).status_code == 200, "the checkpoint alone")
    ended = receipt(own, "--trust", own.ledger.folder / "trust")
    assert ended.code == 3
    assert "not yet witnessed" in ended.out


def test_without_trust_a_receipt_is_the_ledgers_word(office: Office) -> None:
    office.deposit(office.write("a"))
    office.ledger.await_quorum()
    assert "the ledger says" in receipt(office).out


def test_there_is_no_receipt_of_nothing(office: Office) -> None:
    id_ = "019ab0c4-0000-7000-8000-000000000000"
    assert office.run("receipt", id_, "--server", office.address).code == 1


def chainpoint(office: Office, folder: Path, *more: str | Path) -> tuple[Ended, Path]:
    file = folder / "a.chp.json"
    return receipt(office, "--chainpoint", file, *more), file


def test_a_chainpoint_proof_reaches_the_root_that_the_cosigners_signed(
    office: Office, tmp_path: Path
) -> None:
    office.deposit(office.write("a"))
    office.ledger.await_quorum()
    kept = tmp_path / "a.tlog-proof"
    trust = office.ledger.folder / "trust"
    ended, file = chainpoint(office, tmp_path, "--trust", trust, "-o", kept)
    assert (ended.code, ended.err) == (0, "")
    proof = json.loads(file.read_text())
    ((anchor, value),) = evaluate(proof)
    (log,) = office.ledger.trust.logs
    row = office.ledger.services.log.row(int(ended.out.partition(":")[0].partition("-")[2]))
    assert proof["hash"] == sha256(b"\0" + row.entry).hexdigest()
    note = Receipt.from_bytes(kept.read_bytes()).note
    cosigned = log.policy.open(SignedNote.from_text(note))
    assert cosigned.quorum_time is not None
    said = cosigned.checkpoint
    assert anchor["anchor_id"] == f"{said.origin} {said.size} {value}"
    assert value == said.root.hex()
    assert anchor["uris"] == [f"{office.address}/log/2026/checkpoint"]
    assert httpx2.get(anchor["uris"][0]).text.startswith(f"{said.origin}\n")


def test_a_chainpoint_proof_without_its_signatures_is_warned_of(
    office: Office, tmp_path: Path
) -> None:
    office.deposit(office.write("a"))
    office.ledger.await_quorum()
    ended, file = chainpoint(office, tmp_path)
    assert (ended.code, file.exists()) == (0, True)
    assert "carries no signatures" in ended.err
    assert "不含签名" in chainpoint(office, tmp_path, "--lang", "zh")[0].err


def test_with_json_a_chainpoint_proof_changes_nothing_in_the_result(
    office: Office, tmp_path: Path
) -> None:
    office.deposit(office.write("a"))
    office.ledger.await_everyone()
    ended, file = chainpoint(office, tmp_path, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == receipt(office, "--json").out
    assert evaluate(json.loads(file.read_text()))


def test_without_a_second_opinion_nothing_is_fetched_or_written(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "merkletools", None)
    unheard = ("019ab0c4-0000-7000-8000-000000000000", "--server", "http://127.0.0.1:1")
    file, kept = tmp_path / "a.chp.json", tmp_path / "a.tlog-proof"
    ended = office.run("receipt", *unheard, "--chainpoint", file, "-o", kept, "--json")
    assert ended.code == 4
    error = json.loads(ended.err)["error"]
    assert (error["code"], len(error["hints"])) == ("unavailable", 1)
    assert "pip install --no-deps merkletools==1.0.3" in error["hints"][0]
    assert "merkletools" in error["message"]
    assert not file.exists() and not kept.exists()


def test_a_second_opinion_that_differs_writes_nothing(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.deposit(office.write("a"))
    office.ledger.await_quorum()
    # By its wrapper: whoever imports it first is warned, and a warning ends a test.
    monkeypatch.setattr(type(stock_tree()), "validate_proof", lambda *args: False)
    kept = tmp_path / "a.tlog-proof"
    ended, file = chainpoint(office, tmp_path, "-o", kept)
    assert ended.code == 1
    assert "merkletools does not come to the root" in ended.err
    assert not file.exists() and not kept.exists()


def test_a_ledger_whose_path_leads_elsewhere_gets_no_chainpoint_proof(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --trust too: signatures are then its word, the arithmetic is not."""
    office.deposit(office.write("a"))
    office.ledger.await_quorum()
    honest = office.ledger.client().receipt(office.statement().id)
    made = Receipt.from_text(honest["proof"])
    forged = replace(made, proof=(bytes(32), *made.proof[1:])).to_text()
    monkeypatch.setattr(LedgerClient, "receipt", lambda *args: honest | {"proof": forged})
    ended, file = chainpoint(office, tmp_path)
    assert ended.code == 1
    assert "another root" in ended.err
    assert not file.exists()


def test_before_a_quorum_a_chainpoint_proof_is_written_and_the_exit_code_is_3(
    own: Office, tmp_path: Path
) -> None:
    own.ledger.await_quorum()
    for cosigner in own.ledger.offices:
        cosigner.away = True
    own.deposit(own.write("a"))
    path = f"/v1/statements/{own.statement().id}/receipt"
    await_that(lambda: own.ledger.http.get(path).status_code == 200, "the checkpoint alone")
    ended, file = chainpoint(own, tmp_path)
    assert ended.code == 3
    assert evaluate(json.loads(file.read_text()))


def test_both_proofs_do_not_go_into_one_file(office: Office, tmp_path: Path) -> None:
    ended, file = chainpoint(office, tmp_path, "-o", tmp_path / "." / "a.chp.json")
    assert ended.code == 2
    assert "want another file than that of -o" in ended.err
    assert not file.exists()


# --- packet ----------------------------------------------------------------------------------


def test_a_packet_is_written_and_passes(own: Office, tmp_path: Path) -> None:
    own.deposit(own.write("a"))
    target = tmp_path / "packet.zip"
    ended = own.packet(target)
    assert ended.code == 0, ended.err
    report = verify_packet(open_packet(target), own.ledger.trust)
    assert report.groups["integrity"] is Outcome.PASSED


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_an_existing_file_is_replaced_by_a_whole_packet_only(own: Office, tmp_path: Path) -> None:
    target = tmp_path / "desk" / "packet.zip"
    target.write_bytes(b"an older packet")
    assert own.packet(target, case=OTHER_CASE).code == 1
    assert target.read_bytes() == b"an older packet"
    own.deposit(own.write("a"))
    assert own.packet(target).code == 0
    assert target.read_bytes().startswith(b"PK")


def test_a_packet_replaces_nothing_that_is_no_file(office: Office) -> None:
    pipe, size = office.desk / "pipe", office.ledger.services.log.size
    os.mkfifo(pipe)
    ended = office.packet(pipe)
    assert (ended.code, "no regular file" in ended.err) == (4, True), ended
    assert pipe.is_fifo()
    assert office.ledger.services.log.size == size  # a packet that is made is logged


def test_a_packet_that_cannot_be_made_leaves_no_part_of_it(own: Office) -> None:
    own.deposit(own.write("a"))
    own.ledger.await_quorum()
    (item,) = own.ledger.services.items.ids()
    (own.ledger.folder / "items" / item[:2] / item).unlink()
    before = leftovers(own.desk)
    ended = own.packet(own.desk / "packet.zip")
    assert ended.code == 4
    assert "cannot be read" in ended.err
    assert leftovers(own.desk) - before <= {"token"}
    assert len(own.ledger.custody("exported")) == 1


def test_a_line_that_breaks_leaves_no_part_of_a_packet(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.deposit(office.write("a", b"x" * 3_000_000))
    office.ledger.await_quorum()

    def broken(contents: Any, crcs: Any) -> Iterator[bytes]:
        yield b"PK"
        raise OSError("the disk is gone")

    monkeypatch.setattr("api.cases.zip_pieces", broken)
    before = leftovers(office.desk)
    ended = office.packet(office.desk / "packet.zip", "--wait", "0")
    assert ended.code == 4
    assert leftovers(office.desk) - before <= {"token"}


def test_a_missing_target_folder_is_said_at_once_and_not_logged_again(own: Office) -> None:
    own.deposit(own.write("a"))
    own.ledger.await_quorum()
    ended = own.packet(own.desk / "none" / "packet.zip")
    assert ended.code == 4
    assert "cannot write" in ended.err
    assert len(own.ledger.custody("exported")) <= 1


def test_a_packet_waits_no_longer_than_asked(own: Office) -> None:
    own.ledger.await_quorum()
    for cosigner in own.ledger.offices:
        cosigner.away = True
    own.deposit(own.write("a"))
    ended = own.packet(own.desk / "packet.zip", "--wait", "0")
    assert ended.code == 4
    assert "not yet cosigned" in ended.err


@pytest.mark.parametrize("text", ["", "two\nlines", "ключ", "tz_ spaced"])
def test_a_token_file_that_holds_none_is_refused(office: Office, text: str) -> None:
    token = office.desk / "bad"
    token.write_text(text)
    ended = office.run(
        *("packet", CASE, "-o", office.desk / "p.zip"),
        *("--server", office.address, "--token-file", token),
    )
    assert ended.code == 1
    assert not text or text not in ended.err
