"""A clerk's desk: a ledger over HTTP, and the real commands against it."""

import json
from dataclasses import dataclass
from pathlib import Path

from testkit.server import CASE, STATION, Ledger
from testkit.terminal import Ended, Run

NOTED = ("--maker", "张三", "--method", "现场拍摄", "--purpose", "现场状况", "--carrier", "存储卡")


@dataclass
class Desk:
    ledger: Ledger
    address: str
    folder: Path
    run: Run

    def signed(self, *words: str | Path) -> Ended:
        file = self.folder / "key"
        file.write_text(STATION.to_text() + "\n")
        usual = ("--case", CASE, "--key", file, "--server", self.address)
        return self.run(*words, *usual, "--trust", self.ledger.folder / "trust", "--json")

    def deposit(self, name: str, *more: str) -> str:
        file = self.folder / name
        file.write_bytes(name.encode())
        ended = self.signed("deposit", file, *more)
        assert ended.code == 0, ended.err
        return str(json.loads(ended.out)["statements"][0]["id"])

    def packet(self, *more: str) -> Ended:
        token = self.folder / "token"
        token.write_text(self.ledger.token() + "\n")
        self.ledger.await_quorum()
        usual = ("--server", self.address, "--token-file", token)
        return self.run("packet", CASE, "-o", self.folder / "packet.zip", *usual, *more)

    def verify(self, *more: str) -> Ended:
        trust = self.ledger.folder / "trust"
        return self.run("verify", self.folder / "packet.zip", "--trust", trust, *more)
