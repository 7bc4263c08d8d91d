import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.demo import MARK, free_port, free_ports
from testkit.terminal import Run

COMMAND = [sys.executable, "-c", "from cli.main import main; raise SystemExit(main())", "demo"]


def demo(folder: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--folder", str(folder), *map(str, more)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("files", [0, 2], ids=["made files", "own files"])
def test_the_demo_goes_all_the_way_from_deposit_to_verdict(tmp_path: Path, files: int) -> None:
    """With own files: the smallest that can be forged, and one that looks like a zip within."""
    names = [tmp_path / "one.bin", tmp_path / "两.txt"][:files]
    for path in names:
        path.write_bytes(b"x")
    for _ in range(2 if files else 1):  # a second run replaces the first
        done = demo(tmp_path / "demo", *names, "--lang", "zh")
    assert done.returncode == 0, done.stderr
    assert re.search(r"不通过|未通过|失败", done.stdout)
    assert not re.search(r"[a-z]{4,} [a-z]{4,} [a-z]{4,} [a-z]{4,}", done.stdout)
    assert (tmp_path / "demo" / MARK).is_file()


def test_a_folder_that_no_demo_made_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    ended = run("demo", "--folder", tmp_path)
    assert ended.code == 1
    assert "was not made by a demo" in ended.err
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_that_is_not_there_is_named_before_anything_is_made(
    run: Run, tmp_path: Path
) -> None:
    ended = run("demo", tmp_path / "missing.mp4", "--folder", tmp_path / "demo")
    assert ended.code == 4
    assert "missing.mp4" in ended.err
    assert not (tmp_path / "demo").exists()


def test_an_empty_file_has_no_byte_to_forge(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    ended = run("demo", tmp_path / "empty.txt", "--folder", tmp_path / "demo")
    assert ended.code == 1
    assert not (tmp_path / "demo").exists()


def test_a_cosigner_s_port_is_given_to_no_connection_before_it_starts() -> None:
    """It stands in the policy first; the system gives connections ports from 32768 on."""
    assert all(free_port() < 32_768 for _ in range(20))


def test_no_two_cosigners_are_given_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them listens yet when the next is chosen."""
    drawn = iter([20_001, 20_001, 20_002, 20_001, 20_003])
    monkeypatch.setattr("cli.demo.free_port", lambda: next(drawn))
    assert sorted(free_ports(3)) == [20_001, 20_002, 20_003]
