"""The desk of a notary office: its folder, its keys, and the commands typed there."""

import json
import os
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from ledger.filing import read_filing
from ledger.tlog.signing_key import SigningKey
from testkit.notarial import NUMBER, OFFICE, WANG
from testkit.server import REGISTRAR, STATION, Ledger
from testkit.terminal import Ended, Run
from testkit.tsa_process import Tsa

APPLICATION = (
    *("--applicant", "姑苏区城市管理局", "--purpose", "诉讼举证"),
    *("--interest", "作出处罚决定的机关"),
)
NUMBERS = count(500)  # a case of its own for each test


@dataclass
class NotaryDesk:
    ledger: Ledger
    address: str
    desk: Path
    run: Run
    case: str = field(default_factory=lambda: f"苏城管罚〔2026〕{next(NUMBERS)}号")
    tsa: Tsa | None = None  # of its seal

    @property
    def trust(self) -> Path:
        return self.ledger.folder / "trust"

    @property
    def office(self) -> Path:
        return self.desk / "office"

    def key(self, signer: SigningKey) -> Path:
        name = signer.name.replace("/", "_")
        file = self.desk / f"{name}-{signer.verifier.key_id.hex()}.key"
        file.write_text(signer.to_text() + "\n")
        return file

    def file(self, name: str, data: bytes = b"a picture") -> Path:
        path = self.desk / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    def init(self, *signers: SigningKey, more: tuple[str | Path, ...] = ()) -> Ended:
        keys = [part for one in signers for part in ("--key", self.key(one))]
        return self.run(
            *("notary", "init", self.office, "--agency", OFFICE, "--office", "苏州市姑苏公证处"),
            *("--server", self.address, "--trust", self.trust, *keys, *more),
        )

    def notary(
        self, command: str, *args: str | Path, by: tuple[SigningKey, ...] = (WANG,)
    ) -> Ended:
        keys = [part for one in by for part in ("--key", self.key(one))]
        return self.run("notary", command, self.office, *args, *keys)

    def register(self, signer: SigningKey, *more: str) -> Ended:
        usual = ("--registrar", self.key(REGISTRAR), "--server", self.address, "--agency", OFFICE)
        vkey = signer.verifier.to_text()
        return self.run("register", *usual, "--key", vkey, "--role", "notary", *more)

    def verify(self, packet: Path, *more: str | Path) -> Ended:
        return self.run("verify", packet, "--trust", self.trust, *more)

    def apply(
        self, *more: str, dispute: str = "none_known", by: tuple[SigningKey, ...] = (WANG,)
    ) -> str:
        ended = self.notary(
            *("apply", *APPLICATION, "--dispute", dispute, "--json", "--case", self.case, *more),
            by=by[:1],
        )
        assert ended.code == 0, ended
        return str(json.loads(ended.out)["application"])

    def accepted(self, *more: str) -> str:
        application = self.apply(*more)
        ended = self.notary("accept", application, *more)
        assert ended.code == 0, ended
        return application

    def packet(self, name: str = "packet.zip") -> Path:
        token = self.desk / "token"
        token.write_text(self.ledger.token() + "\n")
        target = self.desk / name
        ended = self.run(
            *(
                "packet",
                self.case,
                "-o",
                target,
                "--server",
                self.address,
                "--token-file",
                token,
                "--incomplete",
            )
        )
        assert ended.code == 0, ended
        # That it was fetched is an entry: until its quorum the public copy may show the log's
        # signature alone, and whether a certificate was revoked cannot be told from it.
        self.ledger.await_quorum()
        return target

    def said(self) -> list[dict[str, Any]]:
        log = self.ledger.services.log
        found = []
        for row in self.ledger.services.store.rows(0, log.size):
            if row.kind in ("application", "certificate"):
                found.append(dict(read_filing(row.envelope).statement.predicate))
        return found

    def draft(self, application: str, number: str = NUMBER, name: str = "draft.pdf") -> Path:
        pdf = self.desk / name
        pdf.unlink(missing_ok=True)
        names = ("--notary", "王某", "--notary", "李某")
        ended = self.run(
            *("notary", "draft", self.office, application, "--number", number, *names, "-o", pdf)
        )
        assert ended.code == 0, ended
        return pdf


def deposit(desk: NotaryDesk, how_many: int) -> Path:
    """Files of the agency, deposited, with their receipts."""
    files = [desk.file(f"files/photo-{i:03}.jpg", os.urandom(20)) for i in range(how_many)]
    kept = desk.desk / "kept"
    ended = desk.run(
        *("deposit", *files, "--case", desk.case, "--key", desk.key(STATION)),
        *("--server", desk.address, "--trust", desk.trust, "--keep", kept),
    )
    assert ended.code == 0, ended.err
    desk.ledger.await_quorum()
    return kept
