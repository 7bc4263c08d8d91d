"""The workbench of a notary office, against a server in this process and against packets."""

import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from cli.notary import work
from cli.notary.machine_report import MachineReport, sign_report
from cli.notary.office import Office
from ledger.encoding import format_json
from ledger.evidence.statement import Role
from ledger.sequencer import Row
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey
from testkit.keys import key
from testkit.notarial import LI, NUMBER, OFFICE, WANG
from testkit.notary_desk import APPLICATION, NotaryDesk, deposit
from testkit.sealed import seal_draft
from testkit.sequence import NEXT, OF_THE_FIRST, open_both
from testkit.server import (
    AGENCY,
    CASE,
    COSIGNERS,
    HANDLER,
    ORIGIN,
    STATION,
    Ledger,
    open_ledger,
    register,
    serving,
)
from testkit.terminal import Ended, Run
from testkit.tsa_process import Tsa, open_tsa

SECOND = key("wang-2.notary.example")


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*args: str | Path) -> Ended:
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("notary") / "ledger"
    with open_ledger(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        ledger.accept(*(register(who, Role.NOTARY, OFFICE) for who in (WANG, LI)))
        ledger.accept(register(SECOND, Role.NOTARY, OFFICE, person=WANG.name))
        yield ledger, address


@pytest.fixture
def desk(served: tuple[Ledger, str], tmp_path: Path, run: Run) -> NotaryDesk:
    made = NotaryDesk(*served, tmp_path, run)
    ended = made.init(WANG, LI, SECOND, more=("--interest", "王记 商行"))
    assert ended.code == 0, ended
    return made


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with open_tsa(tmp_path_factory.mktemp("tsa") / "tsa", intermediate=True) as tsa:
        yield tsa


# --- keys ------------------------------------------------------------------------------------


def test_no_cosigner_signs_for_a_notary(
    served: tuple[Ledger, str], tmp_path: Path, run: Run
) -> None:
    made = NotaryDesk(*served, tmp_path, run)
    machine = COSIGNERS[0]
    same_bytes = SigningKey("wang.notary.example", Algorithm.ED25519, machine.seed)
    own = key("own.example")
    shared = SigningKey("own.example/w1", Algorithm.COSIGNATURE_ED25519, own.seed)
    for signers, more in (
        ((machine,), ()),
        ((same_bytes,), ()),  # under another name and algorithm, in the policy
        ((own,), ("--cosigner-key", made.key(shared))),  # and here a cosigner that no policy has
    ):
        ended = made.init(*signers, more=more)
        assert ended.code == 1 and "cosigner" in ended.err, ended
        assert not made.office.exists()
    assert made.init(own, own).code == 1
    assert made.init(own).code == 0


def test_a_folder_that_is_there_is_not_made_again(desk: NotaryDesk) -> None:
    before = (desk.office / "notary.json").read_bytes()
    assert desk.init(WANG).code == 1
    assert (desk.office / "notary.json").read_bytes() == before


def test_an_office_whose_name_no_page_holds_is_not_made(
    served: tuple[Ledger, str], tmp_path: Path, run: Run
) -> None:
    made = NotaryDesk(*served, tmp_path, run)
    for name in ("", "公" * 130):
        ended = made.init(WANG, more=("--office", name))
        assert ended.code == 1 and "want 1 to 120 characters" in ended.err, ended
        assert not made.office.exists()


def test_a_stranger_signs_nothing(desk: NotaryDesk) -> None:
    application = desk.apply()
    ended = desk.notary("accept", application, by=(HANDLER,))
    assert ended.code == 1 and "no key of this office" in ended.err


def test_a_key_that_is_registered_as_something_else_accepts_nothing(
    served: tuple[Ledger, str], tmp_path: Path, run: Run
) -> None:
    made = NotaryDesk(*served, tmp_path, run)
    assert made.init(WANG, HANDLER).code == 0
    application = made.apply()
    ended = made.notary("accept", application, by=(HANDLER,))
    assert ended.code == 1 and "registered as handler" in ended.err


# --- applications ----------------------------------------------------------------------------


def test_an_application_is_taken_down_accepted_and_listed(desk: NotaryDesk) -> None:
    application = desk.accepted()
    said = [s for s in desk.said() if application in (s["id"], s.get("application"))]
    assert [s.get("decision", "received") for s in said] == ["received", "accepted"]
    (row,) = json.loads(desk.run("notary", "list", desk.office, "--json").out)["applications"]
    assert (row["application"], row["decision"], row["unsent"]) == (application, "accepted", 0)
    again = desk.notary("accept", application)
    assert again.code == 1 and "was decided" in again.err
    assert "姑苏区城市管理局" in desk.run("notary", "list", desk.office).out


@pytest.mark.parametrize(
    "changed",
    [
        ("--applicant", "甲" * 130),
        ("--applicant", ""),
        ("--purpose", "x" * 301),
        ("--purpose", "联合签名"),
        ("--interest", ""),
    ],
)
def test_what_no_certificate_could_say_is_not_taken_down(
    desk: NotaryDesk, changed: tuple[str, str]
) -> None:
    size, before = desk.ledger.services.log.size, sorted(desk.office.rglob("*"))
    usual = (*APPLICATION, "--dispute", "none_known", *changed)  # the last of an option counts
    ended = desk.notary("apply", *usual)
    assert ended.code == 1 and "in tiezheng itself" not in ended.err, ended
    assert desk.ledger.services.log.size == size
    assert sorted(desk.office.rglob("*")) == before


@pytest.mark.parametrize("ground", ["no_guardian", "disputed", "fee_unpaid"])
def test_an_application_is_refused_for_a_reason_of_the_list(desk: NotaryDesk, ground: str) -> None:
    application = desk.apply()
    assert desk.notary("refuse", application, "--ground", ground).code == 0
    assert desk.said()[-1]["ground"] == ground
    ended = desk.notary("compare", application, desk.file("a.jpg"), "--receipts", desk.desk)
    assert ended.code == 1 and "this one is refused" in ended.err


def test_no_other_reason_refuses(desk: NotaryDesk) -> None:
    application = desk.apply()
    assert desk.notary("refuse", application, "--ground", "busy").code == 2
    assert desk.notary("refuse", application).code == 2


@pytest.mark.parametrize("party", ["王记商行", "苏州 王记　商行（观前店）"])
def test_nobody_acts_for_an_interest_of_his_own(desk: NotaryDesk, party: str) -> None:
    application = desk.apply("--party", party)
    ended = desk.notary("accept", application)
    assert ended.code == 1 and "may not act" in ended.err
    assert desk.said()[-1]["id"] == application


def test_a_dispute_is_accepted_only_with_a_reason(desk: NotaryDesk) -> None:
    application = desk.apply(dispute="disputed")
    ended = desk.notary("accept", application)
    assert ended.code == 1 and "in dispute" in ended.err
    assert desk.notary("accept", application, "--note", "仅保全证据").code == 0


def test_what_was_signed_offline_is_sent_once(desk: NotaryDesk) -> None:
    before = desk.ledger.services.log.size
    application = desk.accepted("--offline")
    assert desk.ledger.services.log.size == before
    assert desk.notary("send").code == 0
    assert desk.ledger.services.log.size == before + 2
    assert desk.notary("send").code == 0
    # As after a crash between the ledger's answer and its being kept here.
    for kept in (desk.office / "statements").glob("*.accepted.json"):
        kept.unlink()
    assert desk.notary("send").code == 0
    assert desk.ledger.services.log.size == before + 2
    assert [s["id"] for s in desk.said()].count(application) == 1


def test_a_ledger_that_is_away_loses_nothing(desk: NotaryDesk) -> None:
    application = desk.apply()
    settings = desk.office / "notary.json"
    there = settings.read_bytes()
    settings.write_bytes(there.replace(desk.address.encode(), b"http://127.0.0.1:1"))
    ended = desk.notary("refuse", application, "--ground", "disputed")
    assert ended.code == 4
    settings.write_bytes(there)
    assert desk.notary("send").code == 0
    assert desk.said()[-1]["decision"] == "refused"


def test_a_case_is_its_agencys_even_if_a_notary_spoke_of_it_first(desk: NotaryDesk) -> None:
    application = desk.accepted()
    ledger, path = desk.ledger, f"/v1/cases/{desk.case}"

    def reads(agency: str) -> int:
        return int(ledger.http.get(path, headers=ledger.bearer(agency=agency)).status_code)

    # Nobody's yet: only who may see every case is told of it.
    assert (reads(OFFICE), reads(AGENCY), reads("")) == (404, 404, 200)
    deposit(desk, 1)
    assert (reads(OFFICE), reads(AGENCY), reads("")) == (404, 200, 200)
    own = ledger.bearer(agency=OFFICE)
    assert ledger.http.get(f"/v1/statements/{application}", headers=own).status_code == 200


# --- comparison ------------------------------------------------------------------------------


@pytest.fixture
def deposited(desk: NotaryDesk) -> Path:
    return deposit(desk, 6)


def compared(ended: Ended) -> dict[str, str]:
    return {row["name"]: row["outcome"] for row in json.loads(ended.out)["items"]}


@pytest.mark.parametrize("many", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_files_are_compared_and_three_mismatches_named(desk: NotaryDesk, many: int) -> None:
    deposited = deposit(desk, many)
    application = desk.accepted()
    files = sorted((desk.desk / "files").iterdir())
    for seeded in (files[3], files[5]):
        seeded.write_bytes(seeded.read_bytes() + b"!")
    files[-1] = files[-1].rename(files[-1].with_name("never.jpg"))
    files[-1].write_bytes(b"never handed in")
    usual = ("compare", application, *files)
    for way in (("--receipts", deposited), ("--packet", desk.packet())):
        ended = desk.notary(*usual, *way, "--json")
        assert ended.code == 1, ended.err
        odd = {name: how for name, how in compared(ended).items() if how != "same"}
        assert odd == {
            files[3].name: "different",
            files[5].name: "different",
            "never.jpg": "not_logged",
        }
        assert len(compared(ended)) == many
    ended = desk.notary(*usual, *way, "--lang", "zh")
    assert "不一致: 2" in ended.out and "未入日志: 1" in ended.out


def test_receipts_without_proofs_decide_nothing_offline(desk: NotaryDesk, deposited: Path) -> None:
    application = desk.accepted()
    first = sorted((desk.desk / "files").iterdir())[0]
    ended = desk.notary("compare", application, first, "--receipts", deposited, "--offline")
    assert ended.code == 4 and "has a proof" in ended.err


def test_receipts_whose_checkpoint_no_quorum_has_cosigned_are_no_basis(
    desk: NotaryDesk, deposited: Path
) -> None:
    application = desk.accepted()
    for kept in deposited.glob("*.accepted.json"):
        id_ = json.loads(kept.read_text())["id"]
        proof = str(desk.ledger.client().receipt(id_)["proof"])
        own = [f"— {one.name} " for one in COSIGNERS]
        lines = [line for line in proof.splitlines() if not line.startswith(tuple(own))]
        assert len(lines) < len(proof.splitlines())
        (deposited / f"{id_}.tlog-proof").write_text("\n".join(lines) + "\n")
    first = sorted((desk.desk / "files").iterdir())[0]
    usual = ("compare", application, first, "--receipts", deposited)
    ended = desk.notary(*usual)
    assert ended.code == 4 and "has its quorum" in ended.err, ended
    # With one that a quorum has seen, what the others prove is undecided.
    next(deposited.glob("*.tlog-proof")).unlink()
    files = sorted((desk.desk / "files").iterdir())
    ended = desk.notary("compare", application, *files, "--receipts", deposited, "--json")
    assert ended.code == 3, ended
    assert sorted(compared(ended).values()) == ["same", *["undecided"] * 5]


def test_an_answer_that_the_ledger_did_not_give_is_not_believed(
    desk: NotaryDesk, deposited: Path
) -> None:
    application = desk.accepted()
    kept = sorted(deposited.glob("*.accepted.json"))[0]
    answer = json.loads(kept.read_text())
    answer["salt"] = "A" * 43 + "="
    kept.write_text(json.dumps(answer))
    first = sorted((desk.desk / "files").iterdir())[0]
    assert desk.notary("compare", application, first, "--receipts", deposited).code == 1


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"id":7}', None])
def test_an_answer_out_of_form_is_refused_and_nothing_is_said(
    desk: NotaryDesk, deposited: Path, data: bytes | None
) -> None:
    application = desk.accepted()
    said = len(desk.said())
    kept = sorted(deposited.glob("*.accepted.json"))[0]
    kept.unlink() if data is None else kept.write_bytes(data)
    first = sorted((desk.desk / "files").iterdir())[0]
    ended = desk.notary("compare", application, first, "--receipts", deposited)
    assert ended.code in (1, 4) and "in tiezheng itself" not in ended.err, ended
    assert kept.name in ended.err
    assert len(desk.said()) == said


@pytest.mark.parametrize("kind", ["dsse.json", "tlog-proof"])
def test_a_receipt_that_is_refused_is_named(desk: NotaryDesk, deposited: Path, kind: str) -> None:
    application = desk.accepted()
    envelope = sorted(deposited.glob("*.dsse.json"))[0]
    spoiled = envelope.with_name(envelope.name.replace("dsse.json", kind))
    spoiled.write_bytes(b"x" * 4096)
    first = sorted((desk.desk / "files").iterdir())[0]
    ended = desk.notary("compare", application, first, "--receipts", deposited)
    assert (ended.code, spoiled.name in ended.err) == (1, True), ended


def test_receipts_that_never_end_and_folders_that_are_none_are_refused(
    desk: NotaryDesk, deposited: Path
) -> None:
    application = desk.accepted()
    first = sorted((desk.desk / "files").iterdir())[0]
    ended = desk.notary("compare", application, first, "--receipts", first)
    assert (ended.code, "cannot read the folder" in ended.err) == (4, True), ended
    ended = desk.notary("compare", application, first, "--receipts", desk.desk / "missing")
    assert (ended.code, "No such file" in ended.err) == (4, True), ended
    kept = sorted(deposited.glob("*.accepted.json"))[0]
    with kept.open("wb") as file:
        file.truncate(1 << 40)
    ended = desk.notary("compare", application, first, "--receipts", deposited)
    assert (ended.code, f"{kept.name}: want a file of at most" in ended.err) == (1, True), ended


def test_a_packets_own_items_are_compared_without_any_line(
    desk: NotaryDesk, deposited: Path
) -> None:
    application = desk.accepted("--offline")
    ended = desk.notary("compare", application, "--packet", desk.packet(), "--offline", "--json")
    assert ended.code == 0, ended.err
    assert set(compared(ended).values()) == {"same"}


# --- on the spot -----------------------------------------------------------------------------


def test_exhibits_are_signed_by_two_persons(desk: NotaryDesk) -> None:
    application = desk.accepted()
    files = [desk.file("现场01.mp4", b"moving"), desk.file("现场02.jpg")]
    usual = ("preserve", application, *files, "--place", "苏州市观前街")
    size = desk.ledger.services.log.size
    for by, words in (
        ((WANG,), "want 2 persons"),
        ((WANG, WANG), "one key stands twice"),
        ((WANG, SECOND), "two keys of one person"),
    ):
        ended = desk.notary(*usual, by=by)
        assert ended.code == 1 and words in ended.err, ended
    assert desk.ledger.services.log.size == size
    ended = desk.notary(*usual, by=(WANG, LI))
    assert ended.code == 0, ended
    assert "现场01.mp4" in ended.out and desk.said()[-1]["record"] == "on_site"


def test_two_keys_of_one_person_sign_offline_and_the_ledger_refuses(desk: NotaryDesk) -> None:
    application = desk.accepted()
    usual = ("preserve", application, desk.file("a.jpg"), "--place", "x", "--offline")
    assert desk.notary(*usual, by=(WANG, SECOND)).code == 0
    later = desk.apply("--offline")
    ended = desk.notary("send")
    assert ended.code == 1 and "has signed twice" in ended.err
    # It keeps nothing else from being sent.
    assert desk.said()[-1]["id"] == later
    assert desk.notary("accept", later).code == 0


# --- certificates ----------------------------------------------------------------------------


def test_a_certificate_is_drawn_up_issued_revoked_and_red_ever_after(
    desk: NotaryDesk, deposited: Path, tsa: Tsa
) -> None:
    pytest.importorskip("typst")
    pytest.importorskip("pyhanko")
    application = desk.accepted()
    assert desk.notary("compare", application, "--packet", desk.packet()).code == 0
    draft = desk.draft(application)
    _, pdf, *root = options = seal_draft(draft, tsa)
    usual = ("certify", application, *options)
    unsealed = desk.notary("certify", application, "--pdf", draft, *root, by=(WANG, LI))
    assert unsealed.code == 1 and "want a sealed PDF" in unsealed.err
    assert desk.notary(*usual).code == 1
    ended = desk.notary(*usual, "--json", by=(WANG, LI))
    assert ended.code == 0, ended
    certificate = json.loads(ended.out)["certificate"]
    again = desk.notary(*usual, by=(WANG, LI))
    assert again.code == 1 and "was issued" in again.err
    twin = ("certify", application, *seal_draft(desk.draft(application, name="twin.pdf"), tsa))
    again = desk.notary(*twin, by=(WANG, LI))
    assert again.code == 1 and "was given by statement" in again.err
    desk.ledger.await_quorum()

    def verify(packet: Path, *more: str | Path) -> Ended:
        return desk.run("verify", packet, "--trust", desk.trust, *more)

    issued = desk.packet("issued.zip")
    log = ("--log", desk.ledger.folder / "public")
    ended = verify(issued, *log, "--certificate", pdf, "--json")
    findings = [f for f in json.loads(ended.out)["findings"] if f["step"] == "certificate"]
    assert ended.code == 0 and all(NUMBER in f["detail"] for f in findings), ended
    assert {f["about"] for f in findings} == {"data/certificates/01.pdf", str(pdf)}
    assert desk.notary("revoke", certificate, "--reason", "事项有误").code == 0
    assert desk.notary("revoke", certificate, "--reason", "again").code == 1
    desk.ledger.await_quorum()
    assert desk.notary(*twin, "--offline", by=(WANG, LI)).code == 0  # the number is free again
    now = desk.packet("now.zip")
    assert verify(now).code == 0  # the evidence is what it was
    ended = verify(now, "--certificate", pdf)
    assert ended.code == 1 and "was revoked" in ended.out
    # A packet of before, with today's log.
    ended = verify(issued, *log)
    assert ended.code == 1 and "it was revoked" in ended.out


@pytest.mark.parametrize("way", ["packet", "receipts"])
def test_a_certificate_over_two_logs_says_of_each_file_in_which_it_is(
    tmp_path: Path, run: Run, tsa: Tsa, way: str
) -> None:
    pytest.importorskip("typst")
    pytest.importorskip("pyhanko")
    from cli.notary.attached import read_sheet

    data = tmp_path / "ledger"
    (tmp_path / "desk").mkdir()
    with open_both(data) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        ledger.accept(*(register(who, Role.NOTARY, OFFICE) for who in (WANG, LI)))
        desk = NotaryDesk(ledger, address, tmp_path / "desk", run, CASE)
        assert desk.init(WANG, LI).code == 0
        kept = deposit(desk, 1)
        first = next(row for row in ledger.services.store.rows(0, 100) if row.kind == "evidence")
        keep(kept, first, ledger)
        files = [desk.file("first.jpg", OF_THE_FIRST), *(desk.desk / "files").iterdir()]
        against = ("--packet", desk.packet()) if way == "packet" else ("--receipts", kept)
        application = desk.accepted()
        ended = desk.notary("compare", application, *files, *against)
        assert ended.code == 0, ended
        pdf = desk.draft(application)
        page = read_sheet(pdf.read_bytes())
        assert page.log_origin == NEXT
        assert [(item.log, item.index) for item in page.items] == [(ORIGIN, first.index), ("", 4)]
        options = seal_draft(pdf, tsa)
        pdf = options[1]
        ended = desk.notary("certify", application, *options, "--json", by=(WANG, LI))
        assert ended.code == 0, ended
        certificate = json.loads(ended.out)["certificate"]
        ledger.await_quorum()
        log = ("--trust", desk.trust, "--log", data / "public")
        ended = desk.run("verify", desk.packet("issued.zip"), *log, "--certificate", pdf)
        assert ended.code == 0, ended.out
        assert desk.notary("revoke", certificate, "--reason", "事项有误").code == 0
        ledger.await_quorum()
        ended = desk.run("verify", desk.desk / "issued.zip", *log, "--certificate", pdf)
        assert ended.code == 1 and "of log 2027 is about this certificate" in ended.out


@pytest.mark.parametrize("way", ["packet", "receipts"])
def test_a_file_that_two_logs_have_is_compared_with_the_one_that_is_asked_for(
    tmp_path: Path, run: Run, way: str
) -> None:
    pytest.importorskip("typst")
    from cli.notary.attached import read_sheet

    (tmp_path / "desk").mkdir()
    with open_both(tmp_path / "ledger") as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        ledger.accept(*(register(who, Role.NOTARY, OFFICE) for who in (WANG, LI)))
        ledger.accept(ledger.evidence(OF_THE_FIRST))
        ledger.await_quorum()
        desk = NotaryDesk(ledger, address, tmp_path / "desk", run, CASE)
        assert desk.init(WANG, LI).code == 0
        every = ledger.services.store.rows(0, ledger.services.log.number)
        rows = [row for row in every if row.kind == "evidence"]
        kept = tmp_path / "kept"
        kept.mkdir()
        for row in rows:
            keep(kept, row, ledger)
        application = desk.accepted()
        against = ("--packet", desk.packet()) if way == "packet" else ("--receipts", kept)
        usual = ("compare", application, desk.file("a.jpg", OF_THE_FIRST), *against)

        def basis(*more: str) -> tuple[str, tuple[str, int]]:
            ended = desk.notary(*usual, *more, "--json")
            assert ended.code == 0, ended
            record = json.loads(ended.out)
            (item,) = record["items"]
            return record["basis"]["origin"], (item["log"], item["index"])

        first, second = ("2026", rows[0].index), ("2027", rows[1].index)
        assert basis() == (NEXT, first)
        assert basis("--log", "2027") == (NEXT, second)
        assert basis("--log", "2026") == (ORIGIN, first)
        pdf = desk.desk / "draft.pdf"
        names = ("--notary", "王某", "--notary", "李某")
        ended = desk.run(
            *("notary", "draft", desk.office, application, "--number", NUMBER, *names, "-o", pdf)
        )
        assert ended.code == 0, ended
        page = read_sheet(pdf.read_bytes())
        assert (page.log_origin, [item.log for item in page.items]) == (ORIGIN, [""])
        said = len(desk.said())
        ended = desk.notary(*usual, "--log", "2019")
        assert ended.code == 2 and "your trust folder has 2026, 2027" in ended.err
        assert len(desk.said()) == said


def keep(folder: Path, row: Row, ledger: Ledger) -> None:
    """As `deposit --keep` would have, of what was filed before."""
    answer = ledger.http.post("/v1/statements", content=row.envelope).json()["results"][0]
    (folder / f"{row.statement_id}.dsse.json").write_bytes(row.envelope)
    (folder / f"{row.statement_id}.accepted.json").write_text(json.dumps(answer))


def test_a_pdf_that_says_something_else_is_not_certified(
    desk: NotaryDesk, deposited: Path, tsa: Tsa
) -> None:
    pytest.importorskip("typst")
    pytest.importorskip("pyhanko")
    application = desk.accepted()
    files = sorted((desk.desk / "files").iterdir())[:2]
    pdf = desk.desk / "draft.pdf"
    assert desk.notary("compare", application, files[0], "--receipts", deposited).code == 0
    ended = desk.run(
        *("notary", "draft", desk.office, application, "--number", NUMBER),
        *("--notary", "王某", "-o", pdf),
    )
    assert ended.code == 0, ended
    assert desk.notary("compare", application, *files, "--receipts", deposited).code == 0
    ended = desk.notary("certify", application, *seal_draft(pdf, tsa), by=(WANG, LI))
    assert ended.code == 1 and "not that of the latest comparison" in ended.err


def altered(packet: Path) -> Path:
    """The packet as a folder, with a bit of an item flipped."""
    with zipfile.ZipFile(packet) as archive:
        archive.extractall(packet.parent / "altered")
    item = next(packet.parent.glob("altered/**/data/items/*"))
    data = item.read_bytes()
    item.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    return item.parents[2]


def test_a_packet_that_fails_gives_no_certificate(desk: NotaryDesk, deposited: Path) -> None:
    application = desk.accepted()
    packet = altered(desk.packet())
    files = sorted((desk.desk / "files").iterdir())
    ended = desk.notary("compare", application, *files, "--packet", packet, "--json")
    assert (ended.code, json.loads(ended.out)["packet"]) == (1, "failed"), ended
    assert set(compared(ended).values()) == {"same"}
    pdf = desk.desk / "x.pdf"
    usual = ("--number", NUMBER, "--notary", "王某", "-o", pdf)
    ended = desk.run("notary", "draft", desk.office, application, *usual)
    assert ended.code == 1 and "failed verification" in ended.err, ended
    assert not pdf.exists()
    # A later one with a packet that holds does, and takes no other file's place.
    assert desk.notary("compare", application, *files, "--packet", desk.packet()).code == 0
    key = desk.key(WANG)
    for command in (
        ("draft", desk.office, application, *usual[:-1], key),
        ("seal", key, "-o", key, "--seal-key", key, "--tsa", "http://x.example", "--root", key),
    ):
        ended = desk.run("notary", *command)
        assert ended.code == 1 and "not overwritten" in ended.err, ended
    assert key.read_text() == WANG.to_text() + "\n"
    assert desk.draft(application).exists()


def test_nothing_is_drawn_up_before_it_was_compared(desk: NotaryDesk) -> None:
    application = desk.accepted()
    ended = desk.run(
        *("notary", "draft", desk.office, application, "--number", NUMBER),
        *("--notary", "王某", "-o", desk.desk / "x.pdf"),
    )
    assert ended.code == 1 and "nothing was compared" in ended.err
    assert not (desk.desk / "x.pdf").exists()


# --- spot checks -----------------------------------------------------------------------------


def test_a_spot_check_is_drawn_by_a_checkpoint_that_came_after_its_list(
    desk: NotaryDesk, deposited: Path
) -> None:
    from cli.notary.drawing import draw, seed_of
    from ledger.encoding import format_json
    from ledger.suite import digest

    application = desk.accepted()
    usual = ("spot", application, "--packet", desk.packet(), "--count", "3")
    assert desk.notary(*usual).code == 3
    desk.ledger.await_quorum()
    ended = desk.notary(*usual, "--json")
    assert ended.code == 0, ended
    record = json.loads(ended.out)
    # Somebody else, with the list and the record, draws the same.
    folder = desk.office / "applications" / application
    fixed = json.loads(sorted(folder.glob("spot_check-*.json"))[0].read_text())
    assert record["list_sha256"] == digest(format_json(fixed)).hex()
    seed = seed_of(bytes.fromhex(record["list_sha256"]), record["note"])
    drawn = [fixed["list"][i] for i in draw(3, len(fixed["list"]), seed)]
    assert [f"{row['sha256']}  {row['name']}" for row in record["drawn"]] == drawn


def test_nothing_is_drawn_from_a_packet_that_fails(desk: NotaryDesk, deposited: Path) -> None:
    application = desk.accepted()
    said = len(desk.said())
    ended = desk.notary("spot", application, "--packet", altered(desk.packet()))
    assert ended.code == 1 and "nothing is drawn" in ended.err, ended
    assert len(desk.said()) == said


def test_what_nobody_handed_in_is_in_no_schedule_and_leaves_a_draw_undecided(
    desk: NotaryDesk, deposited: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examine = work._examine

    def without_one(packet: str, office: Office) -> tuple[str, Any]:
        outcome, ex = examine(packet, office)
        path = ex.item_of.pop(min(ex.item_of, key=lambda subject: subject.name))
        del ex.item_digests[path]
        return outcome, ex

    monkeypatch.setattr(work, "_examine", without_one)
    application, packet = desk.accepted(), desk.packet()
    ended = desk.notary("compare", application, "--packet", packet, "--json")
    assert ended.code == 3, ended
    assert json.loads(ended.out)["not_handed_in"] == 1
    assert set(compared(ended)) == {f"photo-{i:03}.jpg" for i in range(1, 6)}
    assert set(compared(ended).values()) == {"same"}
    usual = ("spot", application, "--packet", packet, "--count", "6", "--json")
    assert desk.notary(*usual).code == 3
    desk.ledger.await_quorum()
    ended = desk.notary(*usual)
    assert ended.code == 3, ended
    rows = {row["name"]: row for row in json.loads(ended.out)["drawn"]}
    assert (len(rows), rows["photo-000.jpg"]["outcome"]) == (6, "undecided")
    assert "sha256" not in rows["photo-000.jpg"]


def test_a_draw_takes_each_item_once_and_all_if_there_are_no_more() -> None:
    from cli.notary.drawing import draw

    assert draw(9, 4, b"seed") == [0, 1, 2, 3]
    assert len(set(draw(5, 100, b"seed"))) == 5
    assert draw(5, 100, b"seed") != draw(5, 100, b"other")


# --- the machine -----------------------------------------------------------------------------


def other_programs(desk: NotaryDesk) -> Path:
    """A list that has none of those that run."""
    return desk.file("programs.sha256", b"00" * 32 + b"  x\n")


def test_a_list_that_is_none_is_named_and_nothing_is_recorded(desk: NotaryDesk) -> None:
    application, said = desk.accepted(), len(desk.said())
    ended = desk.notary("clean", application, "--known", desk.file("programs.sha256", b"x"))
    assert ended.code == 1
    assert "programs.sha256: line 1: want lower-case hex" in ended.err
    assert len(desk.said()) == said


def test_the_state_of_the_machine_is_filed_and_an_unknown_program_flagged(desk: NotaryDesk) -> None:
    application = desk.accepted()
    ended = desk.notary("clean", application, "--known", other_programs(desk), "--json")
    assert ended.code == 1, ended.err
    assert json.loads(ended.out)["unknown"]
    assert desk.said()[-1]["record"] == "cleanliness"
    assert desk.notary("clean", application).code == 3


def asked(desk: NotaryDesk, application: str, station: SigningKey = STATION) -> str:
    vkey = station.verifier.to_text()
    ended = desk.run("notary", "ask", desk.office, application, "--station", vkey, "--json")
    assert ended.code == 0, ended.err
    return str(json.loads(ended.out)["nonce"])


def reported(desk: NotaryDesk, nonce: str, name: str = "machine.json") -> Path:
    """The station's own command, on its machine."""
    station, report = desk.desk / "station", desk.desk / name
    if not station.exists():
        made = desk.run(
            *("station", "init", station, "--server", desk.address, "--agency", AGENCY),
            *("--key", desk.key(STATION), "--trust", desk.trust, "--dock", desk.desk),
        )
        assert made.code == 0, made.err
    ended = desk.run("station", "clean", station, "--nonce", nonce, "-o", report)
    assert ended.code == 0, ended.err
    assert "the machine's own word" in ended.err
    return report


def all_programs(desk: NotaryDesk, report: Path) -> Path:
    rows = json.loads(report.read_text())["found"]["programs"]
    return desk.file("programs.sha256", "".join(f"{r['sha256']}  x\n" for r in rows).encode())


def machine_records(desk: NotaryDesk, application: str) -> list[dict[str, Any]]:
    folder = desk.office / "applications" / application
    return [json.loads(path.read_text()) for path in sorted(folder.glob("cleanliness-*.json"))]


def test_a_stations_report_on_its_machine_is_taken_up_as_its_word(desk: NotaryDesk) -> None:
    application = desk.accepted()
    report = reported(desk, asked(desk, application))
    ended = desk.notary("attach", application, report, "--known", other_programs(desk))
    assert ended.code == 1, ended.err
    assert "not on the list: " in ended.out
    assert "the word of the machine itself" in ended.out
    assert desk.said()[-1]["record"] == "cleanliness"
    (record,) = machine_records(desk, application)
    assert record["outcome"] == "failed"
    assert record["station"] == STATION.verifier.to_text()
    assert record["clock_off_ms"] == 0
    # The signed report stands in the record, for whoever checks it again.
    again = MachineReport.from_bytes(format_json(record["report"]))
    again.check(STATION.verifier, bytes.fromhex(record["nonce"]))


@pytest.mark.parametrize(
    ("unread", "outcome", "code"),
    [([], "claimed", 0), ([{"what": "hosts\x1b[2J", "why": "gone"}], "undecided", 3)],
)
def test_of_another_machine_nothing_is_ever_said_to_have_passed(
    desk: NotaryDesk, unread: list[dict[str, str]], outcome: str, code: int
) -> None:
    application = desk.accepted()
    nonce = bytes.fromhex(asked(desk, application))
    true = MachineReport.from_bytes(reported(desk, nonce.hex()).read_bytes())
    found = {**true.found, "unread": unread}
    report = desk.file("said.json", sign_report(STATION, nonce, true.made_ms, found).to_bytes())
    known = all_programs(desk, report)
    ended = desk.notary("attach", application, report, "--known", known)
    assert ended.code == code, ended.err
    assert "\x1b" not in ended.out
    (record,) = machine_records(desk, application)
    assert record["outcome"] == outcome
    again = desk.notary("attach", application, report, "--known", known)
    assert (again.code, "has its report already" in again.err) == (1, True)


def test_without_the_offices_own_list_a_stations_machine_is_not_judged(desk: NotaryDesk) -> None:
    application = desk.accepted()
    report = reported(desk, asked(desk, application))
    assert desk.notary("attach", application, report).code == 3


def test_a_report_is_of_the_nonce_the_application_and_the_station_that_were_asked(
    desk: NotaryDesk,
) -> None:
    first, second = desk.accepted(), desk.accepted()
    old = reported(desk, "00" * 32, "old.json")
    ended = desk.notary("attach", first, old)
    assert (ended.code, "it may be an old one" in ended.err) == (1, True)
    report = reported(desk, asked(desk, first))
    assert desk.notary("attach", second, report).code == 1
    posing = reported(desk, asked(desk, first, HANDLER), "posing.json")
    ended = desk.notary("attach", first, posing)
    assert (ended.code, "want a report signed by" in ended.err) == (1, True)
    damaged = desk.file("damaged.json", report.read_bytes()[:-9])
    ended = desk.notary("attach", first, damaged)
    assert (ended.code, "damaged.json" in ended.err) == (1, True)
    assert machine_records(desk, first) == machine_records(desk, second) == []
    size = desk.ledger.services.log.size
    desk.notary("attach", first, report)
    assert desk.ledger.services.log.size == size + 1


def test_a_machine_whose_clock_is_off_is_caught_without_its_word(desk: NotaryDesk) -> None:
    application = desk.accepted()
    began = time.monotonic()
    nonce = bytes.fromhex(asked(desk, application))
    true = MachineReport.from_bytes(reported(desk, nonce.hex()).read_bytes())
    took_ms = 1000 * (time.monotonic() - began)
    late = sign_report(STATION, nonce, true.made_ms - 3_600_000, true.found)
    file = desk.file("late.json", late.to_bytes())
    ended = desk.notary("attach", application, file)
    assert "its clock is behind by 3" in ended.out
    (record,) = machine_records(desk, application)
    assert -3_600_000 <= record["clock_off_ms"] <= took_ms + 1 - 3_600_000


def test_a_nonce_that_is_none_is_refused_on_the_station(desk: NotaryDesk) -> None:
    desk.accepted()
    reported(desk, "00" * 32)
    station = desk.desk / "station"
    ended = desk.run("station", "clean", station, "--nonce", "0A", "-o", desk.desk / "no.json")
    assert (ended.code, "--nonce" in ended.err) == (1, True)
    assert not (desk.desk / "no.json").exists()


def test_whose_key_it_is_says_the_register_of_a_verified_packet(
    desk: NotaryDesk, deposited: Path
) -> None:
    application, packet = desk.accepted(), desk.packet()

    def ask(station: str, packet: Path) -> Ended:
        usual = ("notary", "ask", desk.office, application, "--json", "--packet", packet)
        return desk.run(*usual, "--station", station)

    for name in (STATION.verifier.keyid, STATION.verifier.to_text()):
        ended = ask(name, packet)
        assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["registered"] == {"agency": AGENCY, "packet": "passed", "person": STATION.name}
    ended = desk.notary("attach", application, reported(desk, told["nonce"]))
    assert f"is a station of {AGENCY}" in ended.out
    assert machine_records(desk, application)[0]["registered"] == told["registered"]

    ended = ask(WANG.verifier.keyid, packet)
    assert (ended.code, "is registered as notary" in ended.err) == (1, True), ended.err
    ended = ask(HANDLER.verifier.keyid, packet)
    assert (ended.code, "has no such key in force" in ended.err) == (1, True), ended.err
    other = key(STATION.name, seed="another")
    assert ask(other.verifier.to_text(), packet).code == 1
    packet.write_bytes(packet.read_bytes()[:-30])
    assert ask(STATION.verifier.keyid, packet).code != 0


def test_without_a_packet_it_says_that_nobody_checked_whose_key_it_is(desk: NotaryDesk) -> None:
    application = desk.accepted()
    ended = desk.notary("attach", application, reported(desk, asked(desk, application)))
    assert "whose key" in ended.err
    assert machine_records(desk, application)[0]["registered"] == {}
