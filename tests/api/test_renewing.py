"""A ledger renews its own proofs, and a court of 2041 is shown what it needs of that."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from api import next_log, renewing
from api.clients.tsa_http import HttpAuthority
from api.renewing import Renewing
from api.services import Services, open_services
from api.settings import Settings
from cli.main import main
from ledger.encoding import parse_time
from ledger.errors import Rejected
from ledger.evidence.rehash import RowProof, TokenRow
from ledger.report import Outcome, Report
from ledger.suite import strong_digest
from ledger.verify import verify_packet
from storage.folder import DataFolder
from storage.packets import open_packet
from storage.renewal_directory import RenewalDirectory
from storage.trust_directory import read_trust
from testkit.death import Killed
from testkit.sequence import go_on, reopened
from testkit.server import CASE, await_that, open_ledger, quiet, series_keys
from testkit.stamped import await_stamp, make_folder
from testkit.tsa_process import Tsa, open_tsa

IN_2041 = parse_time("2041-06-01T00:00:00+08:00")
ENDS = "sha256 2038-01-01T00:00:00+08:00\n"


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_log, "QUORUM_S", 60.0)
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


class Two:
    """A closed log with a stamped item, and the next one; and an authority that lasts."""

    def __init__(self, folder: Path, tsa: Tsa) -> None:
        self.folder, self.tsa = folder, tsa
        make_folder(folder, ("lab", tsa))
        self.settings: dict[str, Any] = {"authorities": {"lab": tsa.url}, "stamp_seconds": 1}
        with open_ledger(folder, **self.settings) as ledger:
            (row,) = ledger.accept(ledger.evidence(b"a picture"))
            ledger.await_quorum()
            await_stamp(ledger, int(row["index"]) + 1)
            self.people = ledger.offices
        go_on(folder, self.people)

    @contextmanager
    def stopped(self) -> Iterator[Services]:
        with quiet(), series_keys():
            services = open_services(self.folder, Settings(**self.settings))
        try:
            yield services
        finally:
            services.close()

    def renew(self, label: str = "") -> renewing.Renewed:
        with self.stopped() as services:
            authority = read_trust(self.folder / "trust").authorities[0]
            return Renewing(services, label).renew(authority, HttpAuthority(self.tsa.url))

    def packet(self, scratch: Path) -> Path:
        with reopened(self.folder, self.people) as ledger:
            ledger.await_quorum()
            path, url = scratch / "packet.zip", f"/v1/cases/{quote(CASE)}/packet"

            def is_there() -> bool:
                """Just after a start the tiles of the closed log may not be read yet."""
                answer = ledger.http.get(url, headers=ledger.bearer())
                path.write_bytes(answer.content)
                return bool(answer.status_code == 200)

            await_that(is_there, "the packet")
        return path

    def judge(self, packet: Path, scratch: Path, at_ms: int = IN_2041) -> Report:
        trust = scratch / "trust"
        if not trust.exists():
            shutil.copytree(self.folder / "trust", trust)
            (trust / "ends").write_text(ENDS)
        return verify_packet(open_packet(packet), read_trust(trust), at_ms=at_ms)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """Its certificates last until 2060, and do not rest on SHA-256."""
    with open_tsa(tmp_path / "tsa", valid_days=(-1, 12_000), digest="sha512") as tsa:
        yield Two(tmp_path / "ledger", tsa)


def renewal_details(report: Report) -> list[str]:
    return [f.detail for f in report.findings if f.step == "renewal" and f.outcome != "passed"]


def test_a_log_that_was_hashed_again_is_in_the_packet_row_by_row(two: Two, tmp_path: Path) -> None:
    renewed = two.renew("2026")
    assert renewed.gone == 0
    assert renewed.place.startswith("2027-")
    packet = two.packet(tmp_path)
    files = open_packet(packet).sizes()
    rows = [path for path in files if path.startswith("data/renewals/01/")]
    entries = [path for path in files if path.startswith("data/entries/2026-")]
    stamps = [path for path in files if path.startswith("data/timestamps/2026-")]
    assert len(rows) == len(entries) + sum(path.endswith(".tsr") for path in stamps)
    before = two.judge(packet, tmp_path, parse_time("2030-01-01T00:00:00+08:00"))
    assert renewal_details(before) == []
    details = renewal_details(two.judge(packet, tmp_path))
    # The open log still rests on SHA-256; of the closed one nothing is missing.
    assert details and all("2027-" in detail or "2026" not in detail for detail in details)


def test_without_a_renewal_the_same_packet_has_nothing_that_lasts(two: Two, tmp_path: Path) -> None:
    details = renewal_details(two.judge(two.packet(tmp_path), tmp_path))
    assert any("nothing shows that 2026-" in detail for detail in details)


def test_tokens_are_renewed_and_a_chain_goes_into_the_packet_whole(
    two: Two, tmp_path: Path
) -> None:
    two.renew()
    two.renew()
    packet = open_packet(two.packet(tmp_path))
    files = packet.sizes()
    assert {path for path in files if path.endswith(".dsse.json") and "renewals" in path} == {
        "data/renewals/01.dsse.json",
        "data/renewals/02.dsse.json",
    }
    token = strong_digest(b"".join(packet.stream("data/renewals/01.tsr")))
    rows = [
        RowProof.from_bytes(b"".join(packet.stream(path))).row
        for path in files
        if path.startswith("data/renewals/02/")
    ]
    assert TokenRow(token) in rows
    report = two.judge(two.packet(tmp_path), tmp_path, parse_time("2030-01-01T00:00:00+08:00"))
    assert [f for f in report.findings if f.outcome is Outcome.FAILED] == []


def test_the_open_log_is_not_hashed_again(two: Two) -> None:
    with pytest.raises(Rejected, match="the log 2027 is open"):
        two.renew("2027")


def test_an_item_whose_bytes_are_gone_has_no_digest_and_is_counted(
    two: Two, tmp_path: Path
) -> None:
    for path in (two.folder / "items").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.unlink()
    assert two.renew("2026").gone > 0


@pytest.mark.parametrize("before", ["add", "_file"])
def test_a_run_that_was_killed_leaves_nothing_or_what_the_next_one_logs(
    two: Two, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    def die(*args: object) -> None:
        raise Killed

    where = RenewalDirectory if before == "add" else Renewing
    with monkeypatch.context() as patched:
        patched.setattr(where, before, die)
        with pytest.raises(Killed):
            two.renew()
    kept = RenewalDirectory(DataFolder(two.folder).renewals).ids()
    assert len(kept) == (0 if before == "add" else 1)
    with two.stopped() as services:
        assert Renewing(services).finish_others() == kept
        assert Renewing(services).finish_others() == []
        assert all(services.log.known(id_) for id_ in kept)


def test_a_ledger_that_nobody_stamped_has_nothing_to_renew(tmp_path: Path) -> None:
    with open_tsa(tmp_path / "tsa") as tsa:
        make_folder(tmp_path / "ledger", ("lab", tsa))
        with quiet(), series_keys():
            services = open_services(tmp_path / "ledger", Settings())
        try:
            authority = read_trust(tmp_path / "ledger" / "trust").authorities[0]
            with pytest.raises(Rejected, match="nothing to renew"):
                Renewing(services).renew(authority, HttpAuthority(tsa.url))
        finally:
            services.close()
    assert tsa.asked == 0


def test_the_command_renews_and_says_what_it_did(
    two: Two, capsys: pytest.CaptureFixture[str]
) -> None:
    (two.folder / "tiezheng.toml").write_text(f'[authorities]\nlab = "{two.tsa.url}"\n')
    asked = ["renew", str(two.folder), "--authority", "lab"]
    # The command sets up the journal of its process, which is that of the next tests too.
    with series_keys(), quiet():
        assert main([*asked, "--log", "2026", "--lang", "en"]) == 0
        assert "rows renewed, stamped by lab at 20" in capsys.readouterr().out
        assert main([*asked, "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["finished"], said["gone"], int(said["rows"]) > 0) == ([], "0", True)
        assert main([*asked, "--log", "2027"]) == 1
        assert main([*asked, "--log", "2019"]) == 1
        assert main([*asked[:2], "--authority", "nobody"]) == 2
        capsys.readouterr()
        assert main(["renew", str(two.folder / "keys"), *asked[2:]]) == 1
        assert "no ledger in" in capsys.readouterr().err
