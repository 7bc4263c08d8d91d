"""`tiezheng backup` and `tiezheng restore`, as an operator types them."""

import json
import shutil
from pathlib import Path

import pytest

from api.clients.copies import format_copy
from testkit.server import open_ledger, quiet, series_keys, template
from testkit.terminal import Ended, Run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "to").mkdir()
    with quiet():
        return Path(shutil.copytree(template(), tmp_path / "data"))


@pytest.fixture
def key(run: Run, tmp_path: Path) -> Path:
    ended = run("backup", "--new-key", tmp_path / "backup.key")
    assert ended.code == 0, ended.err
    assert len(ended.out.strip()) == 8 and "keep it away" in ended.err
    return tmp_path / "backup.key"


@pytest.fixture
def restored(run: Run, data: Path, key: Path, tmp_path: Path) -> Ended:
    assert run("backup", data, tmp_path / "to", "--key", key).code == 0
    with series_keys():
        return run("restore", tmp_path / "to", tmp_path / "new", "--key", key, "--json")


def test_a_new_key_is_private_and_never_shown_nor_replaced(
    run: Run, key: Path, tmp_path: Path
) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    text = key.read_text()
    ended = run("backup", "--new-key", key)
    assert ended.code == 1 and key.read_text() == text
    assert text.split()[1] not in ended.out + ended.err


def test_a_backup_says_what_it_holds(run: Run, data: Path, key: Path, tmp_path: Path) -> None:
    target = tmp_path / "to"
    first = run("backup", data, target, "--key", key)
    assert first.code == 0 and first.out.startswith("file 1: entries 0 to 7, ")
    second = run("backup", data, target, "--key", key, "--lang", "zh")
    assert "第 2 个文件：无新条目" in second.out
    ended = run("backup", "--check", target, "--key", key)
    assert "8 entries in 2 files, all whole" in ended.out
    said = json.loads(run("backup", "--check", target, "--key", key, "--json").out)
    assert (said["size"], said["files"]) == ("8", "2")


@pytest.mark.parametrize("args", [(), ("data",), ("data", "to"), ("--check", "to")])
def test_what_is_missing_is_one_of_usage(run: Run, args: tuple[str, ...]) -> None:
    assert run("backup", *args).code == 2


def test_a_damaged_backup_fails_its_check(run: Run, data: Path, key: Path, tmp_path: Path) -> None:
    target = tmp_path / "to"
    assert run("backup", data, target, "--key", key).code == 0
    file = target / "00000001.tzbackup"
    file.write_bytes(file.read_bytes()[:-1])
    ended = run("backup", "--check", target, "--key", key)
    assert ended.code == 1 and "00000001.tzbackup" in ended.err
    refused = run("restore", target, tmp_path / "new", "--key", key)
    assert refused.code == 1 and not (tmp_path / "new").exists()


def test_a_key_of_another_kind_is_named_and_not_shown(run: Run, data: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("tiezheng-backup-key/v1 c2VjcmV0IHNlY3JldA==\n")
    ended = run("backup", data, tmp_path / "to", "--key", tmp_path / "wrong")
    assert ended.code == 1 and "wrong" in ended.err and "c2VjcmV0" not in ended.err


def test_a_restore_says_what_is_there(restored: Ended, tmp_path: Path) -> None:
    assert restored.code == 0, restored.err
    said = json.loads(restored.out)
    assert (said["size"], said["from_backup"], said["lost"], said["missing"]) == ("8", "8", [], [])
    assert (tmp_path / "new" / "restored").exists()


def test_a_restore_that_lacks_entries_names_them_and_is_undecided(
    run: Run, data: Path, key: Path, tmp_path: Path
) -> None:
    target, copies = tmp_path / "to", tmp_path / "copies"
    copies.mkdir()
    assert run("backup", data, target, "--key", key).code == 0
    with open_ledger(data) as ledger:
        ledger.accept(ledger.evidence(b"nobody keeps this"))
        envelope = ledger.evidence(b"kept")
        (answer,) = ledger.accept(envelope)
        (copies / "a.json").write_bytes(format_copy(envelope, answer))
        (copies / "b.json").write_text("{}")
        (copies / "c.json").write_bytes(format_copy(envelope, answer | {"index": "3"}))
        ledger.await_quorum()
    public = data / "public"
    args = ("restore", target, tmp_path / "new", "--key", key, "--copies", copies)
    with series_keys():
        stopped = run(*args, "--lang", "zh")
        shutil.rmtree(tmp_path / "new")
        whole = run(*args, "--public", public)
    assert stopped.code == 3
    assert "缺少：日志已签署 10 个条目，缺 8" in stopped.out and "未采用：b.json" in stopped.out
    assert "未采用：c.json：日志中位置 3 是另一条目" in stopped.out
    assert whole.code == 0, whole.err
    assert "10 entries, 8 of them from the backup" in whole.out
    assert "from copies: 1 statements" in whole.out
    assert "lost: 1 statements, at 8" in whole.out
    assert "not used: b.json" in whole.out


def test_a_public_log_that_is_not_there_is_said_before_anything_is_written(
    run: Run, data: Path, key: Path, tmp_path: Path
) -> None:
    assert run("backup", data, tmp_path / "to", "--key", key).code == 0
    ended = run(
        *("restore", tmp_path / "to", tmp_path / "new", "--key", key, "--public", tmp_path / "none")
    )
    assert ended.code == 4 and not (tmp_path / "new").exists()


def test_a_wrong_place_for_the_public_log_is_told_in_chinese_too(
    run: Run, data: Path, key: Path, tmp_path: Path
) -> None:
    target = tmp_path / "to"
    assert run("backup", data, target, "--key", key).code == 0
    (tmp_path / "nothing").mkdir()
    args = ("restore", target, tmp_path / "new", "--key", key, "--public", tmp_path / "nothing")
    ended = run(*args, "--lang", "zh")
    assert ended.code != 0 and not list((tmp_path / "new").iterdir())
    assert "公开日志副本中没有本账本的日志" in ended.err and "没有副本时不写 --public" in ended.err
