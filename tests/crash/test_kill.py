"""A real server is killed, again and again, while people file; then everything is counted.

In the middle its log is closed and the next begins, and that is killed too.

Here the disk forgets nothing: `test_power_cut` kills more, where it can also cut the power.
"""

from pathlib import Path

import pytest

from testkit.cut_mount import can_mount
from testkit.site import Site


def kill_and_count(scratch: Path, seed: int, rounds: int) -> None:
    with Site(scratch, seed=seed, power=False) as site:
        site.found()
        for number in range(rounds):
            if number == rounds // 2:
                site.next_log(kills=1)
            site.round(number)
        site.finish()


def test_five_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    kill_and_count(tmp_path, seed=10, rounds=5)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(can_mount(), reason="test_power_cut kills two hundred times, and cuts too")
@pytest.mark.parametrize("seed", range(200, 208))
def test_twenty_five_kills_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    kill_and_count(tmp_path, seed, rounds=25)
