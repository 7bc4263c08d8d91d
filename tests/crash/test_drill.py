"""The disk is lost while stations file: real processes, real cosigners, one history.

And in one process, hundreds of random lives with a loss in them: `testkit.losses`.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.backups import check_backup
from api.clients.copies import format_copy
from api.clients.http import fetch, new_client
from api.restoring import Restored, Sources, restore
from ledger.backup import BackupKey
from ledger.filing import read_filing
from storage.public_copy import DirectoryLog
from testkit.children import ROOT
from testkit.losses import Life
from testkit.site import CATCH_UP_S, Broken, Site

KEY = BackupKey(bytes(range(32)))
COMMAND = "import sys; from cli.main import main; raise SystemExit(main(sys.argv[1:]))"


class Drill(Site):
    """A site whose ledger makes statements of its own, and may have lost some."""

    def back_up(self, target: Path, key: Path, *, kill_after_s: float | None = None) -> int:
        """`tiezheng backup` as an operator's timer runs it."""
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "backup", self.data, target, "--key", key],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            process.send_signal(signal.SIGKILL)
        return process.wait(240)

    def go_on_for(self, seconds: float) -> None:
        assert self._load is not None
        self._load.go_on()
        time.sleep(seconds)

    def pause(self) -> None:
        """Nothing more is filed, and everything is cosigned by all."""
        load = self._load
        assert load is not None
        load.pause()
        self._await(lambda: load.at_rest)
        self._rest()

    def await_said(self, covered: int) -> None:
        """That the ledger says that all logs were backed up to so many entries."""
        size = str(covered - self.start())

        def is_said() -> bool:
            rows = self._query("SELECT envelope FROM statement WHERE kind = 'status'")
            said = [read_filing(envelope).statement.predicate for (envelope,) in rows]
            return any(one["what"] == "backed_up" and one["counts"]["size"] == size for one in said)

        self._await(is_said)

    def start(self) -> int:
        """Entries of the logs before it."""
        return int(self._query("SELECT max(start) FROM head")[0][0])

    def logs(self) -> int:
        return len(self._trust().logs)

    def lose_disk(self, mirror: Path, copies: Path) -> None:
        assert self._server is not None
        self._server.end(signal.SIGKILL)
        # An item that no statement speaks of yet is to be sent again.
        claimed = {row[0] for row in self._query("SELECT sha256 FROM item WHERE claimed = 1")}
        self._told.uploaded = [d for d in self._told.uploaded if d.sha256 in claimed]
        shutil.copytree(self.data / "public", mirror)
        shutil.copytree(self.data / "items", mirror.with_name("items"))
        shutil.rmtree(self.data)
        copies.mkdir()
        for number, (envelope, answer) in enumerate(self._told.acknowledged.items()):
            (copies / f"{number}.json").write_bytes(format_copy(envelope, answer))
        self.data.mkdir()
        mirror.with_name("items").rename(self.data / "items")

    def await_resumed(self) -> None:
        """It goes on when the cosigners have answered, and not before."""
        self._restored = True
        self._kill(self._cosigners)
        self._start_server()
        self._await(lambda: "0 of 3 cosigners have said" in self._state_of_server())
        assert (self.data / "restored").exists()
        self._start_cosigners()
        self._await(lambda: not (self.data / "restored").exists())

    def _await(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + CATCH_UP_S
        while not done():
            if time.monotonic() > deadline:
                raise Broken(self._state_of_server())
            time.sleep(0.05)

    def _state_of_server(self) -> str:
        with new_client() as client:
            return str(fetch(client, "GET", f"{self._url}/readyz", 4000))

    def _check_database(self, entries: list[bytes], sent: set[bytes] | None) -> None:
        rows = self._query(
            "SELECT idx, kind, envelope, data FROM entry LEFT JOIN statement USING (idx)"
        )
        if [row[3] for row in rows[: len(entries)]] != entries:
            raise Broken("the public entries are not those of the database")
        own = self._own()
        foreign = [row for row in rows if row[0] not in own and row[1] not in (None, "status")]
        if sent is not None and not {row[2] for row in foreign} <= sent:
            raise Broken("there is a statement that nobody sent")

    def forgive_unsent_items(self) -> None:
        """Who had sent bytes and no statement yet was told to send them again; nobody else."""
        told = self._told
        with told.lock:
            unsent = [r for r in told.refusals if isinstance(r, dict) and r["code"] == "unknown"]
            assert len(unsent) <= 2 and all(
                "upload the item first" in r["hints"][0] for r in unsent
            )
            told.refusals = [r for r in told.refusals if r not in unsent]

    def lost(self) -> list[int]:
        """Places of the open log; in one that is closed nothing is lost."""
        rows = self._query(
            "SELECT idx FROM entry WHERE idx NOT IN (SELECT idx FROM statement) ORDER BY idx"
        )
        return [row[0] - self.start() for row in rows]

    def acknowledged_at(self) -> set[int]:
        label = self._trust().logs[-1].label
        answers = self._told.acknowledged.values()
        return {int(answer["index"]) for answer in answers if answer["log"] == label}


@pytest.mark.timeout(600)  # ten processes of ours, one after the other
@pytest.mark.parametrize("logs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_ledger_that_lost_its_disk_goes_on_with_one_history(tmp_path: Path, logs: int) -> None:
    target, key = tmp_path / "backup", tmp_path / "backup.key"
    key.write_text(KEY.to_text())
    for name in ("site", "backup"):
        (tmp_path / name).mkdir()
    with Drill(tmp_path / "site", seed=1, power=False) as site:
        site.found()
        assert site.back_up(target, key) == 0
        for delay in (0.4, 0.65):
            # Killed somewhere in a run, beside a server under load.
            site.back_up(target, key, kill_after_s=delay)
            check_backup(target, KEY)
            if site.logs() < logs:
                # What was backed up of it is added to, and it is closed before it is again.
                site.next_log()
        assert site.logs() == logs
        assert site.back_up(target, key) == 0
        covered = check_backup(target, KEY).size
        site.go_on_for(1.5)
        site.await_said(covered)  # nobody keeps that statement
        site.pause()
        size = site.committed()
        assert site.start() + size > covered
        site.lose_disk(tmp_path / "mirror", tmp_path / "copies")
        restored = _restore(site, target, tmp_path)
        completion = restored.completion
        assert (completion.edge.size, completion.missing) == (size, ())
        assert restored.refused == () and restored.items_missing == ()
        # What was acknowledged to anyone is there; lost is what the ledger told itself.
        assert not set(completion.lost) & site.acknowledged_at()
        assert len(completion.lost) >= 1
        site.await_resumed()
        site.go_on_for(1.5)
        assert site.lost() == list(completion.lost)
        site.forgive_unsent_items()
        site.finish()


def _restore(site: Drill, target: Path, scratch: Path) -> Restored:
    sources = Sources(scratch / "copies", DirectoryLog(scratch / "mirror"))
    return restore(target, site.data, KEY, sources)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """In these lives who is away says so at once: an answer is waited for on any machine."""
    monkeypatch.setattr("api.resuming.RETRY_S", (0.05,))
    monkeypatch.setattr("api.resuming.GRACE_S", 60.0)
    monkeypatch.setattr("api.resuming.RESTORED_S", 60.0)
    monkeypatch.setattr("api.publisher.ALONE_AFTER_S", 0.15)


FEW = (
    15,
    68,
    1006,
)  # two of them ended before cosigners were asked; in one the log was to be closed
MANY = range(2000, 2300)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("seed", [*FEW, *(pytest.param(n, marks=pytest.mark.slow) for n in MANY)])
def test_whatever_happened_before_a_loss_nothing_kept_is_lost_and_nothing_forks(
    tmp_path: Path, seed: int
) -> None:
    life = Life(tmp_path, seed)
    try:
        life.be_lived()
    except BaseException:
        print(*life.told, sep="\n")
        raise
