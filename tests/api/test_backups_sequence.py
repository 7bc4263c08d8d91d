"""A lost disk, where a log was closed before or after the backup."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from api import next_log
from api.backups import check_backup, make_backup
from api.clients.copies import format_copy
from api.restoring import Restored, Sources, restore
from api.resuming import CLOSED
from ledger.audit import audit_log
from ledger.backup import BackupKey
from ledger.errors import Rejected, Unavailable
from ledger.report import Outcome
from storage.folder import DataFolder
from storage.public_copy import DirectoryLog
from testkit.death import Killed
from testkit.sequence import NEXT, go_on, labels, reopened
from testkit.server import ORIGIN, Ledger, await_that, open_ledger, series_keys

KEY = BackupKey(bytes(range(32)))


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_log, "QUORUM_S", 60.0)


def back_up(data: Path, target: Path) -> int:
    target.mkdir(exist_ok=True)
    return make_backup(DataFolder.open(data), ORIGIN, target, KEY, 1).size


def bring_back(target: Path, data: Path, **sources: Any) -> Restored:
    with series_keys():
        return restore(target, data, KEY, Sources(**sources))


def lose(data: Path) -> Path:
    """The disk is gone; what anyone had of the public logs is not."""
    mirror = data.with_name("mirror")
    shutil.copytree(data / "public", mirror)
    shutil.rmtree(data)
    return mirror


def reason(ledger: Ledger) -> str:
    return str(ledger.http.get("/readyz").json().get("reason", ""))


def keep(folder: Path, envelope: bytes, answer: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{answer['id']}.json").write_bytes(format_copy(envelope, answer))


def test_a_chain_over_two_logs_is_restored_and_completed(tmp_path: Path) -> None:
    data, target, copies = tmp_path / "data", tmp_path / "to", tmp_path / "copies"
    with open_ledger(data) as ledger:
        people = ledger.offices
        first = ledger.evidence(b"one")
        keep(copies, first, ledger.accept(first)[0])
        ledger.await_quorum()
    back_up(data, target)
    begun = go_on(data, people)
    with reopened(data, people) as ledger:
        ledger.accept(ledger.evidence(b"two"))
        back_up(data, target)
        late = ledger.evidence(b"three")
        (answer,) = ledger.accept(late)
        keep(copies, late, answer)
        ledger.await_quorum()
        size = ledger.services.log.size
    checked = check_backup(target, KEY)
    assert (checked.log, checked.files, checked.size) == (ORIGIN, 2, begun.size + 3)
    mirror = lose(data)
    restored = bring_back(target, data, copies=copies, public=DirectoryLog(mirror))
    assert (restored.log, restored.size, restored.copies) == (NEXT, 3, 1)
    assert (restored.completion.edge.size, restored.refused) == (size, ())
    assert labels(data) == [(ORIGIN, begun.size), (NEXT, size)]
    with reopened(data, people) as ledger:
        await_that(lambda: not ledger.services.folder.restored.exists(), "the log going on")
        (again,) = ledger.accept(late)
        assert (again["log"], again["index"]) == (answer["log"], answer["index"])
        (after,) = ledger.accept(ledger.evidence(b"four"))
        assert after["log"] == "2027"
        ledger.await_quorum()
        for log in ledger.trust.logs:
            found = audit_log(DirectoryLog(data / "public"), log)
            assert found.outcome is Outcome.PASSED, found.findings
    assert dict(labels(data))[ORIGIN] == begun.size


def test_a_backup_from_before_the_closing_signs_nothing_for_the_closed_log(
    tmp_path: Path,
) -> None:
    data, target = tmp_path / "data", tmp_path / "to"
    with open_ledger(data) as ledger:
        people = ledger.offices
        ledger.accept(ledger.evidence(b"one"))
        ledger.await_quorum()
    back_up(data, target)
    begun = go_on(data, people)
    mirror = lose(data)
    # Its cosigners know one entry more, the last, which said that the log was about to close ...
    bring_back(target, data)
    with reopened(data, people) as ledger:
        await_that(lambda: "knows" in reason(ledger), "the answer of the cosigners")
        assert "restore again" in reason(ledger)
        assert ledger.services.log.size == begun.size - 1
    # ... and completed from the public log, it is not told what that entry said: its tag tells it.
    shutil.rmtree(data)
    restored = bring_back(target, data, public=DirectoryLog(mirror))
    assert restored.completion.lost == (begun.size - 1,)
    with reopened(data, people) as ledger:
        await_that(lambda: reason(ledger) == CLOSED, "the reason")
        answer = ledger.http.post("/v1/statements", content=ledger.evidence(b"two"))
        assert answer.json()["code"] == "unavailable"
    assert labels(data) == [(ORIGIN, begun.size)]


def test_a_backup_of_the_moment_before_the_next_log_signs_nothing_either(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "to"
    with open_ledger(data) as ledger:
        people = ledger.offices
        ledger.accept(ledger.evidence(b"one"))
        ledger.await_quorum()

    def die(*args: object) -> None:
        raise Killed

    with patch.object(next_log, "_open_next", die), suppress(Killed):
        go_on(data, people)
    back_up(data, target)
    begun = go_on(data, people)
    shutil.rmtree(data)
    bring_back(target, data)
    with reopened(data, people) as ledger:
        await_that(lambda: reason(ledger) == CLOSED, "the reason")
    assert labels(data) == [(ORIGIN, begun.size)]


def test_what_was_lost_in_a_log_that_is_closed_is_named_with_its_log(tmp_path: Path) -> None:
    """Lost with it is that the log was about to be closed; then it is done as the reason says."""
    data, target = tmp_path / "data", tmp_path / "to"
    with open_ledger(data) as ledger:
        people = ledger.offices
        ledger.await_quorum()
        back_up(data, target)

    def die(*args: object) -> None:
        raise Killed

    with patch.object(next_log, "_open_next", die), suppress(Killed):
        go_on(data, people)
    ((_, size),) = labels(data)
    mirror = lose(data)
    bring_back(target, data, public=DirectoryLog(mirror), cosigners=lambda policy: people)
    with reopened(data, people) as ledger:
        await_that(lambda: reason(ledger) == CLOSED, "the reason")
    (data / "restored").unlink()
    go_on(data, people)
    with reopened(data, people) as ledger:
        await_that(lambda: ledger.status("restored"), "the word")
        (said,) = ledger.status("restored")
        assert said["note"] == f"statements lost at 2026: {size - 1}"


def test_between_the_beginning_and_its_keys_nothing_is_backed_up(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "to"
    with open_ledger(data) as ledger:
        people = ledger.offices

    def fail(*args: object) -> None:
        raise Unavailable("the disk is full")

    with patch("api.services.put_in_place", fail), pytest.raises(Unavailable):
        go_on(data, people)
    with pytest.raises(Rejected, match="not in place"):
        back_up(data, target)
    go_on(data, people)
    assert back_up(data, target) == sum(size for _, size in labels(data))


def test_a_copy_of_a_later_log_than_the_backups_is_named(tmp_path: Path) -> None:
    data, target, copies = tmp_path / "data", tmp_path / "to", tmp_path / "copies"
    with open_ledger(data) as ledger:
        people = ledger.offices
        ledger.await_quorum()
    back_up(data, target)
    go_on(data, people)
    with reopened(data, people) as ledger:
        envelope = ledger.evidence(b"two")
        keep(copies, envelope, ledger.accept(envelope)[0])
    shutil.rmtree(data)
    ((_, why),) = bring_back(target, data, copies=copies).refused
    assert "2027" in why


def test_a_public_copy_that_does_not_show_the_newest_log_yet_is_behind(tmp_path: Path) -> None:
    """A mirror that was not given the next log; the server had not published it either."""
    data, target = tmp_path / "data", tmp_path / "to"
    with open_ledger(data) as ledger:
        people = ledger.offices
        ledger.await_quorum()
    go_on(data, people)
    back_up(data, target)
    mirror = lose(data)
    restored = bring_back(target, data, public=DirectoryLog(mirror))
    ((name, why),) = restored.refused
    assert name == "2027/checkpoint" and "no file" in why
    with reopened(data, people) as ledger:
        await_that(lambda: not ledger.services.folder.restored.exists(), "the log going on")
        (answer,) = ledger.accept(ledger.evidence(b"two"))
        assert answer["log"] == "2027"
    shutil.rmtree(data)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(Unavailable, match="shows no log of this ledger"):
        bring_back(target, data, public=DirectoryLog(tmp_path / "nothing"))


def test_what_is_backed_up_is_said_once_and_of_which_log(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "to"

    def told(ledger: Ledger) -> tuple[str, str]:
        answer = ledger.http.get("/v1/backup").json()
        return answer["log"], answer["size"]

    with open_ledger(data) as ledger:
        people = ledger.offices
        size = back_up(data, target)
        ledger.services.backups.look()
        assert told(ledger) == ("2026", str(size))
        ledger.await_quorum()
    for number in (1, 2):
        if number == 2:
            # Nobody has said this one when the log is closed.
            size = back_up(data, target)
            go_on(data, people)
        for _ in range(2):
            with reopened(data, people) as ledger:
                assert told(ledger) == ("2026", str(size))
                ledger.services.backups.look()
                said = ledger.status("backed_up")
                assert [each["counts"]["number"] for each in said] == ["1", "2"][:number]
    assert said[1]["counts"]["size"] == str(size) and said[1]["note"].endswith(", log 2026")
    with reopened(data, people) as ledger:
        back_up(data, target)
        size = ledger.services.log.size
        assert told(ledger) == ("2027", str(size))
        ledger.services.backups.look()
        said = ledger.status("backed_up")
    assert said[2]["counts"] == {"number": "3", "size": str(size)}
    assert "log" not in said[2]["note"]


def test_a_backup_that_a_log_has_said_is_not_said_again_in_the_next(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "to"
    with open_ledger(data) as ledger:
        ledger.await_quorum()
        back_up(data, target)
        ledger.services.backups.look()
    go_on(data, ledger.offices)
    with reopened(data, ledger.offices) as ledger:
        ledger.services.backups.look()
        assert len(ledger.status("backed_up")) == 1
