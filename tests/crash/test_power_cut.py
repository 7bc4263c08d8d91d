"""The power is cut under load: what the page cache held is gone; then everything is counted."""

from pathlib import Path

import pytest

from testkit.cut_mount import need_fuse
from testkit.site import Broken, Site


def cut_and_count(
    scratch: Path, seed: int, rounds: int, unsynced: str = "", *, next_log: bool = True
) -> None:
    """Half of the cuts are in its second log."""
    with Site(scratch, seed=seed, power=True, unsynced=unsynced) as site:
        site.found()
        for number in range(rounds):
            if next_log and number == rounds // 2:
                site.next_log(kills=min(rounds, 6))
            site.round(number)
        site.finish()


def test_three_power_cuts_lose_and_double_nothing(tmp_path: Path) -> None:
    need_fuse()
    cut_and_count(tmp_path, seed=4, rounds=3)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(100, 108))
def test_twenty_five_power_cuts_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """Two hundred in all, over eight ledgers."""
    need_fuse()
    cut_and_count(tmp_path, seed, rounds=25)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("unsynced", ["files", "names", "database", "cosigners"])
def test_a_server_that_does_not_sync_is_caught(tmp_path: Path, unsynced: str) -> None:
    """Which promise breaks first is chance; that one does is not."""
    need_fuse()
    with pytest.raises(Broken, match="seed 1, round"):
        cut_and_count(tmp_path, seed=1, rounds=25, unsynced=unsynced, next_log=False)
