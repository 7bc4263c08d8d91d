"""The day of a station, once from beginning to end; what it counts is what must be there."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cli.demo import MARK, Stage
from testkit.demo_station import BAD, GOOD, Day

ROOT = Path(__file__).parents[2]
STEPS = 360


def day(folder: Path, *more: str, seconds: float = STEPS) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    return subprocess.run(
        [sys.executable, "-m", "testkit.demo_station", *more],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(2 * STEPS)  # the first on a machine fetches Ceph
def test_a_day_of_a_station_holds_whatever_goes_wrong(tmp_path: Path) -> None:
    done = day(tmp_path, "--lang", "en")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    closing = json.loads((tmp_path / "demo/station/closing.json").read_text())
    assert (closing["holds"], closing["broken"], closing["wiped_early"]) == (True, [], [])
    good, bad, stray = closing["devices"]
    assert [row["files"] for row in (good, bad, stray)] == [5, 3, 2]
    assert [row["wiped"] for row in (good, bad, stray)] == [5, 2, 2]
    assert [row["receipts"] for row in (good, bad, stray)] == [5, 2, 2]
    assert [gap["kind"] for gap in good["gaps"]] == []
    kinds = ["card_changed", "clock_offset", "counter_skipped"]
    assert sorted(gap["kind"] for gap in bad["gaps"]) == kinds
    assert [gap["kind"] for gap in stray["gaps"]] == ["unpaired"]
    assert closing["interruptions"]["line_broken"] >= 2
    assert closing["interruptions"]["agent_killed"] == 1
    assert [(f["copy"], f["mended"]) for f in closing["rot"]["found"]] == [("second", True)]
    missing = {name: said["missing"] for name, said in closing["party"].items()}
    assert missing == {"BWC_0001.MP4": 0, "BWC_0004.MP4": 1}
    assert (tmp_path / "demo" / MARK).is_file()
    if closing["skipped"]:
        pytest.skip("; ".join(closing["skipped"]))
    assert closing["s3"]["bytes"] > 200_000_000


GAPS: list[dict[str, Any]] = [
    {"explanation_logged": False, "kind": "card_changed", "note": "a -> b"},
    {"explanation_logged": False, "kind": "clock_offset", "note": "-10800312 ms"},
    {"explanation_logged": True, "kind": "counter_skipped", "note": "BWC_ 0002-0002"},
]


@pytest.mark.parametrize(
    ("device", "gaps", "holds"),
    [
        (BAD, GAPS, True),
        (BAD, GAPS[:2], False),
        (BAD, [*GAPS[:2], GAPS[2] | {"note": "BWC_ 0001-0001"}], False),
        (BAD, [*GAPS[:2], GAPS[2] | {"explanation_logged": False}], False),
        (BAD, [GAPS[0], GAPS[1] | {"note": "-3000 ms"}, GAPS[2]], False),
        (GOOD, [], True),
        (GOOD, GAPS[:1], False),
    ],
    ids=["all", "missing", "another number", "unexplained", "another clock", "none", "too many"],
)
def test_gaps_that_are_missing_false_or_too_many_do_not_hold(
    tmp_path: Path, device: str, gaps: list[dict[str, Any]], holds: bool
) -> None:
    day = Day(Stage(tmp_path, []), stack=ExitStack())
    day.judge_gaps(device, gaps)
    assert (not day.broken) is holds


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    thesis = tmp_path / "demo" / "station" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("years of work")
    done = day(tmp_path, "--lang", "en")
    assert done.returncode == 1
    assert "was not made by a demo" in done.stderr
    assert thesis.read_text() == "years of work"
