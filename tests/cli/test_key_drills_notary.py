"""A notary's lost and stolen key, by command: what was certified, and what goes on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.tlog.signing_key import SigningKey
from testkit.key_desk import next_second
from testkit.keys import key
from testkit.notarial import LI, WANG
from testkit.notary_desk import APPLICATION, NotaryDesk, deposit
from testkit.sealed import seal_draft
from testkit.server import open_ledger, serving
from testkit.terminal import Ended, Run
from testkit.tsa_process import open_tsa

NEW = key(WANG.name, "second")
BOTH = (WANG, LI)

pytest.importorskip("typst")
pytest.importorskip("pyhanko")


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[NotaryDesk]:
    (tmp_path / "desk").mkdir()
    with (
        open_ledger(tmp_path / "ledger") as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
        open_tsa(tmp_path / "tsa", intermediate=True) as tsa,
    ):
        desk = NotaryDesk(ledger, address, tmp_path / "desk", run, tsa=tsa)
        assert desk.init(*BOTH).code == 0
        assert [desk.register(who).code for who in BOTH] == [0, 0]
        deposit(desk, 1)
        yield desk


def keys(desk: NotaryDesk, *signers: SigningKey) -> list[str | Path]:
    return [part for one in signers for part in ("--key", desk.key(one))]


def found(ended: Ended) -> dict[str, str]:
    """By presented certificate, whether it is registered."""
    report = json.loads(ended.out)
    return {
        finding["about"]: finding["outcome"]
        for finding in report["findings"]
        if finding["step"] == "certificate" and finding["about"].endswith(".pdf")
        if not finding["about"].startswith("data/")
    }


def certify(desk: NotaryDesk, name: str, *by: SigningKey) -> tuple[Path, Ended]:
    """An application of its own, up to the certificate."""
    application = desk.apply(by=by)
    assert desk.notary("accept", application, by=by[:1]).code == 0
    # Not with a packet: one that holds a thief's statements fails as a whole.
    files = sorted((desk.desk / "files").iterdir())
    with_receipts = ("--receipts", desk.desk / "kept")
    assert desk.notary("compare", application, *files, *with_receipts, by=by[:1]).code == 0
    assert desk.tsa is not None
    draft = desk.draft(application, f"（2026）苏姑证字第{name}号", f"{name}.pdf")
    options = seal_draft(draft, desk.tsa)
    return options[1], desk.notary("certify", application, *options, "--json", by=by)


def issued(desk: NotaryDesk, name: str, *by: SigningKey) -> tuple[Path, str]:
    pdf, ended = certify(desk, name, *by)
    assert ended.code == 0, ended
    desk.ledger.await_quorum()
    return pdf, str(json.loads(ended.out)["certificate"])


def test_a_notary_who_lost_his_key_goes_on_with_the_next(desk: NotaryDesk) -> None:
    pdf, certificate = issued(desk, "417", *BOTH)
    assert desk.register(WANG, "--revoked", "lost").code == 0
    assert desk.register(NEW).code == 0
    # The office's folder knows its persons by their keys: it has to be told, too.
    refused = desk.notary("apply", *APPLICATION, "--dispute", "none_known", by=(NEW,))
    assert refused.code == 1 and "no key of this office" in refused.err
    assert desk.run("notary", "keys", desk.office, "--key", desk.key(NEW)).code == 0
    assert desk.run("notary", "keys", desk.office, *keys(desk, NEW, NEW)).code == 1
    changed = desk.run("notary", "keys", desk.office, *keys(desk, NEW, LI))
    assert changed.out.split() == [NEW.verifier.to_text(), LI.verifier.to_text()]
    # Who finds the old key signs nothing, here or at the ledger.
    found = desk.notary("revoke", certificate, "--reason", "x", by=(WANG,))
    assert found.code == 1 and "no key of this office" in found.err
    second, _ = issued(desk, "418", NEW, LI)
    log = ("--log", desk.ledger.folder / "public")
    said = desk.verify(desk.packet(), *log, "--certificate", pdf, "--certificate", second)
    assert said.code == 0, said.out
    # What the lost key had issued is taken back with the next one.
    ended = desk.notary("revoke", certificate, "--reason", "事项有误", by=(NEW,))
    assert ended.code == 0, ended
    desk.ledger.await_quorum()
    said = desk.verify(desk.packet("now.zip"), "--certificate", pdf)
    assert said.code == 1 and "was revoked" in said.out


def test_of_a_stolen_notarys_key_what_was_issued_before_stands(desk: NotaryDesk) -> None:
    pdf, certificate = issued(desk, "417", *BOTH)
    yesterday = desk.packet("yesterday.zip")
    since = next_second(desk.ledger)
    forged, _ = issued(desk, "666", *BOTH)  # the other person was deceived
    assert desk.notary("revoke", certificate, "--reason", "x", by=(WANG,)).code == 0
    desk.ledger.await_quorum()
    unknowing = desk.packet("unknowing.zip")
    assert desk.verify(unknowing, "--certificate", forged).code == 0  # nobody knows yet
    stolen = ("--revoked", "stolen", "--compromised-since", since)
    assert desk.register(WANG, *stolen).code == 0
    late = desk.notary("apply", *APPLICATION, "--dispute", "none_known", by=(WANG,))
    assert late.code == 1 and "was revoked before this statement" in late.err
    assert desk.register(NEW).code == 0
    assert desk.run("notary", "keys", desk.office, *keys(desk, NEW, LI)).code == 0
    again, _ = issued(desk, "418", NEW, LI)

    today = desk.packet("today.zip")
    said = desk.verify(today, "--certificate", forged)
    assert said.code == 3 and "the statement that issues it counts for nothing" in said.out
    assert f"signed by {WANG.verifier.keyid}, of which entry" in said.out
    assert "counts for nothing: seen at" in said.out
    findings = found(desk.verify(today, "--certificate", pdf, "--certificate", again, "--json"))
    # The thief's revocation counts for nothing as well. Whether it was his nobody here can tell,
    # and its number in the log stays: a certificate that he took back is issued again.
    assert findings == {str(pdf): "undecided", str(again): "passed"}
    assert desk.verify(yesterday, "--certificate", pdf).code == 0
    log = ("--log", desk.ledger.folder / "public")
    said = desk.verify(yesterday, *log, "--certificate", pdf)
    assert said.code == 1 and "it was revoked" in said.out
