"""A log is closed and the next one begins: one of the two is open, whatever happens."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from api import next_log
from api.clients.ledger import check_acceptance, check_receipt
from api.next_log import begin, check_next, prepare
from api.services import open_log
from ledger.audit import audit_log
from ledger.encoding import parse_time
from ledger.errors import Conflict, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.entry import Entry
from ledger.evidence.statement import Role
from ledger.report import Group, Outcome
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.signing_key import SigningKey
from ledger.verify import verify_packet
from storage import next_log as staged
from storage.clock import SystemClock
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore
from storage.packets import open_packet
from storage.public_copy import DirectoryLog
from storage.public_directory import DirectoryPublicStore
from storage.trust_directory import read_trust
from testkit.death import Death, Killed
from testkit.sequence import NEXT, go_on, labels, reopened
from testkit.server import (
    CASE,
    ORIGIN,
    REGISTRAR,
    STRANGER,
    Office,
    office_clients,
    offices,
    open_ledger,
    register,
    series_keys,
)

NEW_YEAR = "2027-01-01T00:00:00+08:00"  # in China, and nowhere west of it


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_log, "QUORUM_S", 60.0)
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


def first_year(folder: Path) -> tuple[list[Office], list[dict[str, Any]]]:
    """A ledger with two statements more, whose server was stopped; its cosigners, the answers."""
    with open_ledger(folder) as ledger:
        accepted = ledger.accept(ledger.evidence(b"one"), ledger.evidence(b"two"))
        ledger.await_quorum()
        return ledger.offices, accepted


def test_the_next_log_is_open_and_the_one_before_is_still_proved(tmp_path: Path) -> None:
    data = tmp_path / "data"
    people, before = first_year(data)
    begun = go_on(data, people)
    assert (begun.closed, begun.opened) == (ORIGIN, NEXT)
    with reopened(data, people) as ledger:
        envelope = ledger.evidence(b"three")
        (after,) = ledger.accept(envelope)
        assert (after["log"], after["index"]) == ("2027", "2")
        check_acceptance(after, envelope, ledger.trust)
        ledger.await_quorum()
        for answer in (*before, after):
            entry = Entry.from_bytes(answer["entry"].encode())
            receipt = ledger.client().receipt(answer["id"])
            assert receipt["log"] == answer["log"]
            assert check_receipt(receipt, entry, ledger.trust) is not None
        (again,) = ledger.accept(envelope)
        assert again | {"fresh": "yes", "checkpoint": ""} == after | {"checkpoint": ""}
        ledger.await_everyone()
        copy = DirectoryLog(data / "public")
        for log in ledger.trust.logs:
            assert audit_log(copy, log).outcome is Outcome.PASSED
            path = f"/log/{log.label}/checkpoint"
            assert ledger.http.get(path).content == copy.read(log.label, "checkpoint")
        case = ledger.http.get(f"/v1/cases/{CASE}", headers=ledger.bearer())
        places = [(row["log"], row["index"]) for row in case.json()["statements"]]
        packet = tmp_path / "packet.zip"
        ledger.client(token=ledger.token()).packet(CASE, packet, lambda count: None)
        report = verify_packet(open_packet(packet), ledger.trust, log=copy)
        assert report.groups[Group.INTEGRITY] is Outcome.PASSED, report.findings
        assert report.groups[Group.COMPLETE] is Outcome.PASSED, report.findings
        assert places == [("2026", before[0]["index"]), ("2026", before[1]["index"]), ("2027", "2")]


def test_a_new_log_key_in_the_same_year(tmp_path: Path) -> None:
    data = tmp_path / "data"
    people, _ = first_year(data)
    old = (data / "keys" / "log.key").read_bytes()
    go_on(data, people, ORIGIN + "-2")
    assert (data / "keys" / "log.key").read_bytes() != old
    assert all(old not in p.read_bytes() for p in data.rglob("*") if p.is_file())
    with reopened(data, people) as ledger:
        (answer,) = ledger.accept(ledger.evidence(b"three"))
        assert answer["log"] == "2026-2"
        assert [series["n"] for series in answer["series"]] == ["3"]


def test_a_closed_log_is_not_signed_for_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    people, _ = first_year(data)
    begun = go_on(data, people)
    for _ in range(2):
        with reopened(data, people) as ledger:
            ledger.accept(ledger.evidence(b"more"))
            ledger.await_quorum()
    assert dict(labels(data))[ORIGIN] == begun.size
    assert max(c.size for c in seen(people, ORIGIN)) == begun.size


def seen(people: list[Office], origin: str) -> list[Checkpoint]:
    states = [office.service.state.last(origin) for office in people]
    return [state[0] for state in states if state is not None]


@pytest.mark.parametrize("away", [1, 2, 3])
def test_without_its_quorum_the_log_stays_open(
    tmp_path: Path, away: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    people, _ = first_year(data)
    for office in people[:away]:
        office.away = True
    if away == 1:
        go_on(data, people)
        assert [origin for origin, _ in labels(data)] == [ORIGIN, NEXT]
        return
    with monkeypatch.context() as patched, pytest.raises(Unavailable):
        patched.setattr(next_log, "QUORUM_S", 0.5)
        go_on(data, people)
    assert [origin for origin, _ in labels(data)] == [ORIGIN]
    for office in people:
        office.away = False
    with reopened(data, people) as ledger:
        (answer,) = ledger.accept(ledger.evidence(b"three"))
        assert answer["log"] == "2026"
        ledger.await_quorum()
    go_on(data, people)
    assert [origin for origin, _ in labels(data)] == [ORIGIN, NEXT]


def test_a_cosigner_that_knows_more_keeps_the_log_from_being_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    people, _ = first_year(data)
    shutil.copytree(data, tmp_path / "old")
    with reopened(data, people) as ledger:
        ledger.accept(ledger.evidence(b"three"))
        ledger.await_quorum()
    with pytest.raises(Unavailable, match="knows"):
        go_on(tmp_path / "old", people)
    assert len(labels(tmp_path / "old")) == 1


def test_a_running_server_keeps_its_log(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "data") as ledger, pytest.raises(Conflict, match="in use"):
        go_on(tmp_path / "data", ledger.offices)


def test_only_the_registrar_opens_a_log(tmp_path: Path) -> None:
    data = tmp_path / "data"
    people, _ = first_year(data)
    with series_keys():
        prepare(DataFolder.open(data), NEXT)
        before = labels(data)
        with pytest.raises(Rejected, match="registrar"):
            begin(DataFolder.open(data), STRANGER, office_clients(people))
    assert labels(data) == before


def test_a_log_whose_key_is_lost_is_read_and_signs_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first_year(data)
    (data / "keys" / "log.key").unlink()
    folder = DataFolder.open(data)
    store = SqliteLedgerStore(folder.ledger_db)
    with series_keys():
        log, _ = open_log(folder, store, lost=True)
        size = log.size
        with pytest.raises(Unavailable, match="is lost: it signs nothing"):
            log.accept([register(STRANGER, Role.HANDLER)])
    store.close()
    assert labels(data) == [(ORIGIN, size)]


def test_nothing_begins_that_was_not_prepared(tmp_path: Path) -> None:
    data = tmp_path / "data"
    people, _ = first_year(data)
    with pytest.raises(Unknown, match="prepared"):
        begin(DataFolder.open(data), REGISTRAR, office_clients(people))


def test_what_was_prepared_is_not_overwritten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first_year(data)
    with series_keys():
        prepare(DataFolder.open(data), NEXT)
        key = (data / "next" / "log.key").read_bytes()
        with pytest.raises(Conflict, match="prepared"):
            prepare(DataFolder.open(data), NEXT)
    assert (data / "next" / "log.key").read_bytes() == key
    # And a server that starts meanwhile takes no notice of it.
    with open_ledger(data) as ledger:
        assert ledger.accept(ledger.evidence(b"three"))[0]["log"] == "2026"


def test_two_who_prepare_at_once_do_not_mix_a_key_with_another_s_policy(tmp_path: Path) -> None:
    first_year(tmp_path / "data")
    folder, write_trust = DataFolder.open(tmp_path / "data"), staged.write_trust

    def interrupted(*arguments: Any) -> None:
        with pytest.raises(Conflict), patch.object(staged, "write_trust", write_trust):
            prepare(folder, NEXT)
        write_trust(*arguments)

    with series_keys(), patch.object(staged, "write_trust", interrupted):
        key = prepare(folder, NEXT)
    (private,) = (folder.next / "log.key").read_text().splitlines()
    assert SigningKey.from_text(private).verifier == key
    assert read_trust(folder.next / "trust").logs[-1].policy.log == key


@pytest.mark.parametrize("label", ["2027", "2026-2", "2031"])
def test_a_next_log_is_of_a_later_year_or_the_next_of_its_own(label: str) -> None:
    check_next("a.example/2026", f"a.example/{label}")
    check_next("a.example/2026-2", "a.example/2026-3")


@pytest.mark.parametrize(
    "origin",
    [
        *("a.example/2026", "a.example/2025", "a.example/2026-3", "a.example/2026-1"),
        *("a.example/2027-2", "b.example/2027", "a.example/x/2027", "2027", "a.example/next"),
    ],
)
def test_no_other_log_is_the_next(origin: str) -> None:
    with pytest.raises(Malformed):
        check_next("a.example/2026", origin)


def test_a_server_whose_year_is_over_says_so_and_takes_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(tmp_path / "data") as ledger, monkeypatch.context() as before:
        before.setattr(ledger.services.clock, "now_ms", lambda: parse_time(NEW_YEAR) - 1)
        assert "reason" not in ledger.http.get("/readyz").json()
    monkeypatch.setattr(SystemClock, "now_ms", lambda self: parse_time(NEW_YEAR))
    with open_ledger(tmp_path / "data") as ledger:
        answer = ledger.http.get("/readyz")
        assert answer.status_code == 200
        assert answer.json()["reason"].startswith("the year of the log 2026 is over")
        assert "tiezheng_year_over 1.0" in ledger.http.get("/metrics").text
        assert ledger.accept(register(STRANGER, Role.HANDLER))[0]["log"] == "2026"


# --- crashes ---------------------------------------------------------------------------------


@contextmanager
def dying(death: Death) -> Iterator[None]:
    """Every durable step of closing and beginning may be the last."""

    def step(target: Any, name: str) -> Any:
        real = getattr(target, name)
        label = f"{getattr(target, '__name__', target)}.{name}"
        return patch.object(
            target, name, lambda *args, **more: death.step(label, real, *args, **more)
        )

    with (
        step(SqliteLedgerStore, "commit"),
        step(SqliteLedgerStore, "add_cosigned"),
        step(DirectoryPublicStore, "replace"),
        step(staged, "write"),
        step(staged, "sync_folder"),
        step(Path, "rename"),
        step(staged.shutil, "rmtree"),
    ):
        yield


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Office]]:
    """A ledger whose next log is prepared."""
    data = tmp_path_factory.mktemp("ready") / "data"
    people, _ = first_year(data)
    with series_keys():
        prepare(DataFolder.open(data), NEXT)
    return data, people


def twin(ready: tuple[Path, list[Office]], data: Path) -> list[Office]:
    """A copy of the folder, with cosigners who remember what they knew when it was made."""
    shutil.copytree(ready[0], data)
    people = offices(read_trust(data / "trust"))
    for office, known in zip(people, ready[1], strict=True):
        office.service.state.held.update(known.service.state.held)  # type: ignore[attr-defined]
    return people


def steps(ready: tuple[Path, list[Office]], data: Path) -> list[str]:
    people, dry = twin(ready, data), Death(-1, done=False)
    with dying(dry):
        go_on(data, people)
    return dry.calls


def survive(ready: tuple[Path, list[Office]], data: Path, nth: int, done: bool, then: str) -> None:
    """Dies at one step; `then` a server starts, or the command is repeated."""
    people, death = twin(ready, data), Death(nth, done=done)
    # Whoever died in a cosigner's thread is not waited for.
    impatient = patch.object(next_log, "QUORUM_S", 0.3)
    with impatient, dying(death), suppress(Killed, LedgerError):
        go_on(data, people)
    if not death.dead:
        return  # a cosigner came later than the quorum: a step less
    logs = labels(data)
    if then == "repeat":
        with series_keys():
            begun = begin(DataFolder.open(data), REGISTRAR, office_clients(people))
        assert begun.opened == NEXT and not (data / "next").exists()
        assert [origin for origin, _ in labels(data)] == [ORIGIN, NEXT]
        if len(logs) == 2:
            assert labels(data) == logs
    sizes = dict(labels(data))
    with reopened(data, people) as ledger:
        (answer,) = ledger.accept(ledger.evidence(b"three"))
        ledger.await_quorum()
    # It went on with the one log that is open, and a closed one is as it was.
    grown = labels(data)
    assert f"{ORIGIN[:-4]}{answer['log']}" == grown[-1][0], death.calls[-1]
    assert [origin for origin, _ in grown] == list(sizes)
    assert all(sizes[origin] == size for origin, size in grown[:-1])
    for origin, size in grown:
        assert all(c.size <= size for c in seen(people, origin))
    for log in read_trust(data / "trust").logs:
        assert audit_log(DirectoryLog(data / "public"), log).outcome is Outcome.PASSED


# The process dies in whichever thread has the step.
in_any_thread = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@in_any_thread
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_crash_leaves_one_log_open(
    ready: tuple[Path, list[Office]], tmp_path: Path, done: bool
) -> None:
    calls = steps(ready, tmp_path / "dry")
    last = len(calls) - 1
    chosen = {calls.index(call) for call in calls} | {last - calls[::-1].index(c) for c in calls}
    for nth in sorted(chosen):
        then = ("server", "repeat")[(nth + done) % 2]
        survive(ready, tmp_path / f"{nth}", nth, done, then)


def is_half_in_place(data: Path) -> bool:
    try:
        read_trust(data / "trust")
    except LedgerError:
        return True
    return False


@in_any_thread
def test_a_server_starts_where_a_crash_left_the_next_trust_folder_half_in_place(
    ready: tuple[Path, list[Office]], tmp_path: Path
) -> None:
    for nth in reversed(range(len(steps(ready, tmp_path / "dry")))):
        data = tmp_path / f"{nth}"
        people = twin(ready, data)
        with dying(Death(nth, done=True)), suppress(Killed, LedgerError):
            go_on(data, people)
        if is_half_in_place(data):
            break
    assert is_half_in_place(data)
    with reopened(data, people) as ledger:
        (answer,) = ledger.accept(ledger.evidence(b"three"))
    assert NEXT.endswith(answer["log"]) and not is_half_in_place(data)


@in_any_thread
@pytest.mark.slow
@pytest.mark.parametrize("then", ["server", "repeat"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_crash_leaves_one_log_open_and_a_repeat_finishes(
    ready: tuple[Path, list[Office]], tmp_path: Path, done: bool, then: str
) -> None:
    for nth in range(len(steps(ready, tmp_path / "dry"))):
        survive(ready, tmp_path / f"{nth}", nth, done, then)


def test_the_table_meets_every_kind_of_step(
    ready: tuple[Path, list[Office]], tmp_path: Path
) -> None:
    met = [call.rpartition(".")[2] for call in steps(ready, tmp_path / "dry")]
    assert set(met) == {
        "add_cosigned", "commit", "rename", "replace", "rmtree", "sync_folder", "write",
    }  # fmt: skip
    assert met.count("commit") == 2
