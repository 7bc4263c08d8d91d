"""The pages for a notary office, as they stand: every command on them is run, in their order."""

import json
import re
import shlex
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from cli.main import main
from ledger.evidence.statement import Role
from ledger.tlog.signing_key import SigningKey
from testkit.pkcs12 import to_pkcs12
from testkit.server import AGENCY, CASE, STATION, Ledger, open_ledger, register, serving
from testkit.tsa_process import Tsa, open_tsa

ROOT = Path(__file__).parents[2]
PAGES = ["notary.md", "notary.zh.md"]
OFFICE = "notary-01"

# What ends otherwise than with 0, at its first and later runs.
ENDS = {"attach": [1], "clean": [1], "spot": [3, 0], "verify": [1]}


def typed(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.strip() for line in text.split("\n") if line.startswith("    tiezheng ")]


def test_both_pages_tell_the_same_commands() -> None:
    assert [shlex.split(line) for line in typed(PAGES[0])] == [
        shlex.split(line) for line in typed(PAGES[1])
    ]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Ledger, str]]:
    with open_ledger(tmp_path / "ledger") as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        yield ledger, address


@pytest.fixture
def tsa(tmp_path: Path) -> Iterator[Tsa]:
    with open_tsa(tmp_path / "tsa", intermediate=True) as tsa:
        yield tsa


def test_a_day_goes_as_the_page_says(
    served: tuple[Ledger, str],
    tsa: Tsa,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("typst")
    pytest.importorskip("pyhanko")
    ledger, address = served
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)
    desk = tmp_path / "desk"
    desk.mkdir()
    issued = tsa.issue("姑苏公证处", ec_key=True)
    (desk / "office.p12").write_bytes(to_pkcs12(issued, tsa, b"correct horse"))
    (desk / "office.pass").write_text("correct horse\n")
    (desk / "root.pem").write_bytes(tsa.root)
    monkeypatch.chdir(desk)
    ids: dict[str, str] = {"station-07.example+5f2c91aa": STATION.verifier.keyid}
    runs: dict[str, int] = {}

    def run(words: list[str], expected: int) -> str:
        code = main(words)
        ended = capsys.readouterr()
        assert code == expected, (words, code, ended)
        return ended.out

    def last_id(*, certificate: bool = False) -> str:
        listed = json.loads(run(["notary", "list", "office", "--json"], 0))["applications"]
        if not certificate:
            return str(listed[-1]["application"])
        done = [one for row in listed for one in row["done"]]
        return next(one for one in done if re.fullmatch(r"[0-9a-f-]{36}", one))

    def prepare(command: str) -> None:
        """What the page takes for granted before this command."""
        if command == "apply":
            for name in ("wang", "li"):
                key = SigningKey.from_text((desk / f"{name}.key").read_text().strip())
                ledger.accept(register(key, Role.NOTARY, OFFICE))
            (desk / "BWC_0088.MP4").write_bytes(b"moving")
            (desk / "现场01.mp4").write_bytes(b"on the spot")
            (desk / "programs.sha256").write_text(f"{sha256(b'x').hexdigest()}  x\n")
            ledger.accept(ledger.evidence(b"moving", name="BWC_0088.MP4", by=STATION))
        if command == "refuse":
            again = next(line for line in typed(PAGES[0]) if "notary apply" in line)
            run(words_of(again), 0)
            ids["019ab0c5-…"] = last_id()
        if command == "station":
            (desk / "station.key").write_text(STATION.to_text() + "\n")
            words = ["station", "init", "station", "--server", address, "--key", "station.key"]
            words += ["--trust", str(ledger.folder / "trust"), "--agency", AGENCY, "--dock", "."]
            run(words, 0)
        if command in ("ask", "compare", "verify"):
            fetch()

    def fetch() -> None:
        ledger.await_quorum()
        (desk / "token").write_text(ledger.token() + "\n")
        words = ["packet", CASE, "-o", "packet.zip", "--server", address, "--token-file", "token"]
        run([*words, "--incomplete"], 0)

    def words_of(line: str) -> list[str]:
        found = []
        for word in shlex.split(line)[1:]:
            word = ids.get(word, word)
            word = word.replace("https://ledger.example/log", str(ledger.folder / "public"))
            word = word.replace("https://ledger.example", address)
            word = word.replace("https://tsa.example", tsa.url)
            found.append(str(ledger.folder / "trust") if word == "trust/" else word)
        return found

    for line in typed(PAGES[0]):
        plain = shlex.split(line)
        command = plain[2] if plain[1] == "notary" else plain[1]
        prepare(command)
        words = words_of(line)
        for expected in ENDS.get(command, [0]):
            said = run(words, expected)
            ledger.await_quorum()
        runs[command] = runs.get(command, 0) + 1
        if command == "apply":
            ids["019ab0c4-…"] = last_id()
        if command == "ask":
            ids["5f2c…"] = said.split()[0]
        if command == "certify":
            ids["019ab0c6-…"] = last_id(certificate=True)
    # The seal alone: a draft has none.
    run(["notary", "check", "draft.pdf", "--root", "root.pem"], 1)
    assert {"init", "compare", "preserve", "certify", "revoke", "verify"} <= runs.keys()
