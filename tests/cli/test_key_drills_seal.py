"""An office's lost and stolen seal key, by command: its PDFs, the thief's, and the next key."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testkit.notarial import LI, WANG
from testkit.notary_desk import NotaryDesk, deposit
from testkit.pkcs12 import to_pkcs12
from testkit.server import open_ledger, serving
from testkit.terminal import Ended, Run
from testkit.tsa_process import Issued, Tsa, open_tsa

pytest.importorskip("typst")
pytest.importorskip("pyhanko")


@dataclass
class Seals:
    """The office, its authority, and what it types with a seal key."""

    desk: NotaryDesk
    tsa: Tsa

    def file(self, name: str, data: bytes) -> Path:
        path = self.desk.desk / name
        path.write_bytes(data)
        return path

    def roots(self) -> tuple[str | Path, ...]:
        return ("--root", self.file("root.pem", self.tsa.root))

    def lists(self, when: str) -> tuple[str | Path, ...]:
        """Those of now, kept under that name."""
        return tuple(
            part
            for number in range(len(self.tsa.ca))
            for part in ("--crl", self.file(f"{when}-{number}.crl", self.tsa.crl(number)))
        )

    def seal(self, draft: Path, by: Issued, name: str, lists: tuple[str | Path, ...]) -> Ended:
        p12 = self.file("office.p12", to_pkcs12(by, self.tsa, b"secret"))
        phrase = self.file("office.pass", b"secret")
        return self.desk.run(
            *("notary", "seal", draft, "-o", self.desk.desk / name, "--seal-key", p12),
            *("--passphrase", phrase, "--tsa", self.tsa.url, *self.roots(), *lists),
        )

    def check(self, name: str, *lists: str | Path) -> tuple[int, str]:
        pdf = self.desk.desk / name
        ended = self.desk.run("notary", "check", pdf, *self.roots(), *lists, "--json")
        return ended.code, json.loads(ended.out)["finding"]

    def compared(self) -> str:
        application = self.desk.accepted()
        files = sorted((self.desk.desk / "files").iterdir())
        against = ("--receipts", self.desk.desk / "kept")
        assert self.desk.notary("compare", application, *files, *against).code == 0
        return application

    def certify(self, number: str, by: Issued, name: str) -> Ended:
        desk, application = self.desk, self.compared()
        sealed = self.seal(desk.draft(application, number), by, name, self.lists("then"))
        assert sealed.code == 0, sealed
        pdf = ("--pdf", desk.desk / name)
        ended = desk.notary("certify", application, *pdf, *self.roots(), by=(WANG, LI))
        desk.ledger.await_quorum()
        return ended

    def registered(self, *names: str) -> Ended:
        given = [part for name in names for part in ("--certificate", self.desk.desk / name)]
        log = ("--log", self.desk.ledger.folder / "public")
        return self.desk.verify(self.desk.packet(), *log, *given)


@pytest.fixture
def seals(tmp_path: Path, run: Run) -> Iterator[Seals]:
    (tmp_path / "desk").mkdir()
    with (
        open_ledger(tmp_path / "ledger") as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
        open_tsa(tmp_path / "tsa", intermediate=True) as tsa,
    ):
        desk = NotaryDesk(ledger, address, tmp_path / "desk", run)
        assert desk.init(WANG, LI).code == 0
        assert [desk.register(who).code for who in (WANG, LI)] == [0, 0]
        deposit(desk, 1)
        yield Seals(desk, tsa)


@pytest.mark.parametrize("revoked", [True, False], ids=["revoked", "replaced"])
def test_an_office_that_lost_its_seal_key_seals_with_the_next(seals: Seals, revoked: bool) -> None:
    old, new = (seals.tsa.issue("姑苏公证处", ec_key=True) for _ in range(2))
    assert seals.certify("（2026）苏姑证字第417号", old, "old.pdf").code == 0
    if revoked:
        time.sleep(2)  # times in lists and stamps are of whole seconds
        seals.tsa.revoke(old, datetime.now(UTC), listed=datetime.now(UTC))
    newest = seals.lists("newest")
    # What it had sealed stays sealed, by the lists of then and by those of now.
    assert seals.check("old.pdf") == seals.check("old.pdf", *newest) == (0, "sealed")
    assert seals.certify("（2026）苏姑证字第418号", new, "new.pdf").code == 0
    assert seals.check("new.pdf", *newest) == (0, "sealed")
    said = seals.registered("old.pdf", "new.pdf")
    assert said.code == 0, said.out
    # Who finds the old key seals with it only until its authority has revoked it.
    found = seals.seal(seals.desk.desk / "draft.pdf", old, "found.pdf", newest)
    assert found.code == int(revoked)
    assert ("was revoked" in found.err) is revoked


def test_what_a_thief_sealed_is_registered_nowhere_and_falls_by_a_newer_list(seals: Seals) -> None:
    key, new = (seals.tsa.issue("姑苏公证处", ec_key=True) for _ in range(2))
    assert seals.certify("（2026）苏姑证字第417号", key, "old.pdf").code == 0
    time.sleep(2)  # times in lists and stamps are of whole seconds
    since = datetime.now(UTC)
    draft = seals.desk.draft(seals.compared(), "（2026）苏姑证字第666号")
    assert seals.seal(draft, key, "forged.pdf", seals.lists("then")).code == 0
    # The seal is good: nobody knows yet. That nobody issued it is known at once.
    assert seals.check("forged.pdf") == (0, "sealed")
    said = seals.registered("forged.pdf")
    assert said.code == 1 and "not registered" in said.out
    time.sleep(1)  # of two lists of one second nobody can say which is the newer
    seals.tsa.revoke(key, since, listed=datetime.now(UTC))
    newest = seals.lists("newest")
    # The lists inside it are older than the theft; a newer one says it.
    assert seals.check("forged.pdf") == (0, "sealed")
    assert seals.check("forged.pdf", *newest) == (1, "revoked")
    assert seals.check("old.pdf", *newest) == (0, "sealed")
    again = seals.seal(draft, key, "again.pdf", newest)
    assert again.code == 1 and "was revoked" in again.err
    assert seals.certify("（2026）苏姑证字第418号", new, "new.pdf").code == 0
    said = seals.registered("old.pdf", "new.pdf")
    assert said.code == 0, said.out
