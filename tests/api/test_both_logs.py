"""What was tried over one log, over two: stamps, starts, absence and mirrors after a closing."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from api.absences import MirroredLog
from api.clients.absences import add_statements
from api.clients.ledger import check_receipt
from api.clients.log_http import HttpLog
from api.following import Follower
from api.mirror import create_mirror_app, follow
from ledger.audit import audit_log, compare_end
from ledger.evidence.entry import Entry
from ledger.evidence.trust import Trust
from ledger.report import Group, Outcome
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.public_copy import DirectoryLog
from storage.tag_index_sqlite import SqliteTagIndex
from storage.trust_directory import read_trust
from testkit.mirrors import MIRROR
from testkit.sequence import copy_both, go_on, open_both
from testkit.server import CASE, ORIGIN, Ledger, await_that, open_ledger, serving
from testkit.tsa_process import Tsa, open_tsa


@pytest.fixture(autouse=True)
def short_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


def rows_of_case(ledger: Ledger) -> list[dict[str, str]]:
    answer = ledger.http.get(f"/v1/cases/{CASE}", headers=ledger.bearer())
    assert answer.status_code == 200, answer.text
    return list(answer.json()["statements"])


def packet_of(ledger: Ledger, path: Path) -> Path:
    ledger.client(token=ledger.token()).packet(CASE, path, lambda count: None)
    return path


# --- starts ----------------------------------------------------------------------------------


def test_a_disk_of_yesterday_in_the_second_log_signs_nothing(tmp_path: Path) -> None:
    known = copy_both(tmp_path / "data")
    shutil.copytree(tmp_path / "data", tmp_path / "snapshot")
    with open_ledger(tmp_path / "data", people=known) as ledger:
        ledger.accept(ledger.evidence(b"two"))
        ledger.await_quorum()
        size = ledger.services.log.size
    with open_ledger(tmp_path / "snapshot", people=known) as ledger:
        assert f"knows {size}" in ledger.services.log.problem()
        answer = ledger.http.post("/v1/statements", content=ledger.evidence(b"three"))
        assert answer.status_code == 503


def test_a_disk_from_before_the_closing_signs_nothing(tmp_path: Path) -> None:
    """The cosigners know the first log as it was closed, and the snapshot does not."""
    with open_ledger(tmp_path / "data") as ledger:
        ledger.accept(ledger.evidence(b"one"))
        ledger.await_quorum()
    shutil.copytree(tmp_path / "data", tmp_path / "snapshot")
    end = go_on(tmp_path / "data", ledger.offices).size
    with open_ledger(tmp_path / "snapshot", people=ledger.offices) as old:
        assert f"knows {end}" in old.services.log.problem()
        answer = old.http.post("/v1/statements", content=old.evidence(b"two"))
        assert answer.status_code == 503
    ends = [office.service.state.last(ORIGIN) for office in ledger.offices]
    assert max(end_of[0].size for end_of in ends if end_of is not None) == end


def test_a_start_in_the_second_log_needs_somebody_who_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.resuming.RETRY_S", (0.05,))
    known = copy_both(tmp_path / "data")
    for office in known:
        office.away = True
    with open_ledger(tmp_path / "data", people=known) as ledger:
        assert "no cosigner says what it knows" in ledger.services.log.problem()
        envelope = ledger.evidence(b"two")
        assert ledger.http.post("/v1/statements", content=envelope).status_code == 503
        known[1].away = False
        await_that(lambda: not ledger.services.log.problem(), "that it goes on")
        assert ledger.accept(envelope)[0]["log"] == "2027"


# --- stamps ----------------------------------------------------------------------------------


def know(folder: Path, tsa: Tsa) -> None:
    (folder / "trust" / "tsa").mkdir()
    (folder / "trust" / "tsa" / "lab.pem").write_bytes(b"".join(each.pem for each in tsa.ca))
    (folder / "trust" / "tsa" / "lab.accept").write_text("policy 1.2.3.4.1\n")


def test_the_second_log_is_stamped_and_the_first_keeps_its_receipts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ExitStack() as stack:
        tsa = stack.enter_context(open_tsa(tmp_path / "tsa"))
        people = copy_both(data)
        know(data, tsa)
        settings = {"authorities": {"lab": tsa.url}, "stamp_seconds": 1}
        ledger = stack.enter_context(open_ledger(data, people=people, **settings))
        (new,) = ledger.accept(ledger.evidence(b"two"))
        ledger.await_quorum()
        await_that(lambda: ledger.services.store.newest_stamp(1) > int(new["index"]), "a stamp")
        trust = read_trust(data / "trust")
        receipts = {}
        for row in rows_of_case(ledger):
            receipt = ledger.client().receipt(row["id"])
            assert check_receipt(receipt, Entry.from_bytes(receipt["entry"].encode()), trust)
            receipts[receipt["log"]] = receipt
        packet = packet_of(ledger, tmp_path / "packet.zip")
    # The one was closed before there was an authority, and nothing is stamped backwards.
    assert "timestamps" not in receipts["2026"]
    assert [token["authority"] for token in receipts["2027"]["timestamps"]] == ["lab"]
    report = verify_packet(open_packet(packet), trust)
    assert report.groups[Group.INTEGRITY] is Outcome.PASSED, report.findings
    assert {stamp["checked"] for stamp in report.facts.timestamps} == {"passed"}


# --- mirrors and absence ---------------------------------------------------------------------


@pytest.fixture
def mirrored(tmp_path: Path) -> Iterator[tuple[Ledger, str, list[MirroredLog]]]:
    """A ledger of two logs, a mirror that follows both, and that mirror's address."""
    with ExitStack() as stack:
        ledger = stack.enter_context(open_both(tmp_path / "data"))
        ledger.accept(ledger.evidence(b"of the second log"))
        ledger.await_everyone()  # or a line more comes while the mirror is compared
        address = stack.enter_context(serving(ledger.http.app))  # type: ignore[arg-type]
        logs = []
        for log in ledger.trust.logs:
            source = stack.enter_context(closing(HttpLog(f"{address}/log")))
            follower = Follower(log.policy.log, source, tmp_path / "mirror" / log.label)
            tags = SqliteTagIndex(tmp_path / f"tags-{log.label}.sqlite")
            logs.append(MirroredLog(follower, stack.enter_context(closing(tags)), MIRROR))
        mirror = stack.enter_context(serving(create_mirror_app(logs)))
        yield ledger, mirror, logs


def mirrors_trusted(ledger: Ledger, folder: Path) -> Trust:
    shutil.copytree(ledger.folder / "trust", folder)
    (folder / "mirrors").write_text(f"{MIRROR.verifier.to_text()}\n")
    return read_trust(folder)


def test_a_case_of_two_logs_is_complete_on_a_mirrors_word(
    tmp_path: Path, mirrored: tuple[Ledger, str, list[MirroredLog]]
) -> None:
    ledger, address, logs = mirrored
    packet = packet_of(ledger, tmp_path / "packet.zip")
    ledger.await_quorum()
    for log in logs:
        follow(log)
    trust = mirrors_trusted(ledger, tmp_path / "trust")
    before = verify_packet(open_packet(packet), trust)
    assert before.groups[Group.COMPLETE] is Outcome.UNDECIDED
    add_statements(packet, [address], 0)
    report = verify_packet(open_packet(packet), trust)
    assert report.groups[Group.INTEGRITY] is Outcome.PASSED, report.findings
    assert report.groups[Group.COMPLETE] is Outcome.PASSED, report.findings


def test_what_a_mirror_keeps_of_both_logs_is_what_the_ledger_serves(
    tmp_path: Path, mirrored: tuple[Ledger, str, list[MirroredLog]]
) -> None:
    ledger, address, logs = mirrored
    copy = DirectoryLog(ledger.folder / "public")
    for log, trusted in zip(logs, ledger.trust.logs, strict=True):
        follow(log)
        kept = tmp_path / "mirror" / trusted.label / "checkpoint"
        assert kept.read_bytes() == copy.read(trusted.label, "checkpoint")
    for source in (DirectoryLog(tmp_path / "mirror"), HttpLog(f"{address}/log")):
        # Where the first log ended, its copies alone say.
        first, second = ledger.trust.logs
        end = compare_end(source, audit_log(source, first), second)
        assert (end.outcome, end.about) == (Outcome.PASSED, "2026"), end
    source.close()
    closed, opened = (log.follower.kept.size for log in logs)
    ledger.accept(ledger.evidence(b"one more"))
    ledger.await_quorum()
    await_that(lambda: ledger.services.log.published().size > opened, "publication")  # type: ignore[union-attr]
    for log in logs:
        follow(log)
    assert logs[0].follower.kept.size == closed
    assert logs[1].follower.kept.size > opened
