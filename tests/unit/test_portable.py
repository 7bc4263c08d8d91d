"""The parts of the one file that can be shown without it."""

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from ledger.errors import LedgerError, Unavailable
from portable import build, left_out, unpacked, wheels
from portable.closure import ROOT

# Of `os`, what Windows has too and the closure uses; of modules, what it lacks.
OS = {
    *("O_WRONLY", "close", "devnull", "dup2", "environ", "fstat", "open", "path", "read"),
    *("scandir", "stat_result", "walk"),
}
UNIX_MODULES = {
    *("crypt", "curses", "fcntl", "grp", "nis", "ossaudiodev", "posix", "pty", "pwd"),
    *("readline", "resource", "spwd", "syslog", "termios", "tty"),
}
MODULES = build.modules()
UNIX_NAMES = {"AF_UNIX", "SIGALRM", "SIGHUP", "SIGKILL", "alarm", "clock_gettime", "dir_fd"}


def unix_only(source: str) -> Iterator[str]:
    """What in it Windows would not run."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                yield from (n.name for n in names if n.name.split(".")[0] in UNIX_MODULES)
            case ast.ImportFrom(module="os", names=names):
                yield from (f"os.{n.name}" for n in names if n.name not in OS)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in UNIX_MODULES:
                yield module
            case ast.Attribute(value=ast.Name("os"), attr=name) if name not in OS:
                yield f"os.{name}"
            case ast.Attribute(attr=name) if name in UNIX_NAMES:
                yield name
            case ast.keyword(arg=str(name)) if name in UNIX_NAMES:
                yield name


@pytest.mark.parametrize("module", sorted(MODULES))
def test_the_one_file_calls_nothing_that_windows_lacks(module: str) -> None:
    assert not list(unix_only(MODULES[module].read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from pwd import getpwuid",
        "import os\nos.fork()",
        "import os\nflags = os.O_DIRECT",
        "from os import pread",
        "import os\nos.open('a', 0, dir_fd=3)",
        "import signal\nsignal.alarm(1)",
    ],
)
def test_what_windows_lacks_would_be_found(source: str) -> None:
    assert list(unix_only(source))


def test_durable_writing_is_such_a_thing() -> None:
    assert list(unix_only((ROOT / "storage/durable.py").read_text(encoding="utf-8")))


def test_the_one_file_holds_no_writing_side_and_no_network() -> None:
    held = MODULES.keys()
    assert "cli.verify" in held
    assert not {"ledger.suite_private", "ledger.log", "storage.durable", "api"} & held
    assert not set(left_out.REPLACES) & held


def test_an_older_python_can_read_the_first_file() -> None:
    ast.parse((ROOT / "portable/first.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_what_is_left_out_is_refused() -> None:
    for call in (
        lambda: left_out.HttpLog("https://ledger.example/log"),
        left_out.rederive,
        left_out.pdf_writer,
    ):
        with pytest.raises(Unavailable, match="this file"):
            call()


def test_a_wheel_fits_its_platform_and_its_python_only() -> None:
    here = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    linux = "manylinux_2_17_x86_64"

    def fits(tags: str) -> bool:
        return wheels.fits(f"a-1-{tags}.whl", linux)

    assert fits(f"cp311-abi3-manylinux2014_x86_64.{linux}")
    assert fits(f"{here}-{here}-{linux}")
    assert not fits(f"cp399-abi3-{linux}")
    assert not fits(f"cp310-cp310-{linux}")
    assert not fits(f"{here}-{here}t-{linux}")
    assert not fits("cp311-abi3-manylinux_2_17_aarch64")
    assert not wheels.fits(f"a-1-cp311-abi3-{linux}.whl", "")


# --- the private folder --------------------------------------------------------------------


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def wheel(tmp_path: Path, name: str = "pack/age.py") -> dict[str, bytes]:
    path = tmp_path / "made.whl"
    with ZipFile(path, "w") as made:
        made.writestr(name, b"x = 1\n")
    data = path.read_bytes()
    path.unlink()
    return {"made.whl": data}


def test_a_folder_is_made_private_and_used_again(base: Path) -> None:
    parts = wheel(base)
    folder = unpacked.unpack(parts)
    made = (folder / "pack/age.py").stat().st_mtime_ns
    assert folder.stat().st_mode & 0o777 == 0o700
    assert unpacked.unpack(parts) == folder
    assert (folder / "pack/age.py").stat().st_mtime_ns == made
    assert os.listdir(base) == [folder.name]


@pytest.mark.parametrize("fault", ["more", "altered", "missing", "link", "linked folder"])
def test_what_is_not_as_in_the_parts_is_made_anew(base: Path, fault: str) -> None:
    parts = wheel(base)
    file = unpacked.unpack(parts) / "pack/age.py"
    match fault:
        case "more":
            (file.parents[1] / "ssl.py").write_text("raise SystemExit(0)")
        case "altered":
            file.write_text("x = 2\n")
        case "missing":
            file.unlink()
        case "link":
            (base / "same.py").write_bytes(file.read_bytes())
            file.unlink()
            file.symlink_to(base / "same.py")
        case "linked folder":
            file.parent.rename(base / "pack")
            file.parent.symlink_to(base / "pack")
    folder = unpacked.unpack(parts)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*")) == [
        "pack",
        "pack/age.py",
    ]
    assert not any(p.is_symlink() for p in folder.rglob("*"))
    assert file.read_text() == "x = 1\n"


def test_a_link_in_the_place_of_the_folder_is_refused(base: Path) -> None:
    parts = wheel(base)
    folder = unpacked.unpack(parts)
    elsewhere = folder.rename(base / "elsewhere")
    folder.symlink_to(elsewhere)
    with pytest.raises(Unavailable, match="not a link"):
        unpacked.unpack(parts)
    assert folder.is_symlink()


@pytest.mark.parametrize("mode", [0o701, 0o770, 0o702])
def test_a_folder_that_others_may_enter_is_refused(base: Path, mode: int) -> None:
    parts = wheel(base)
    unpacked.unpack(parts).chmod(mode)
    with pytest.raises(Unavailable, match="somebody else could have written"):
        unpacked.unpack(parts)


def test_a_folder_of_another_owner_is_refused(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpacked.unpack(wheel(base))
    monkeypatch.setattr(unpacked, "_me", lambda: folder.stat().st_uid + 1)
    with pytest.raises(Unavailable, match="somebody else could have written"):
        unpacked._check_private(folder)


def test_a_folder_above_that_others_may_write_into_is_refused(base: Path) -> None:
    base.chmod(0o777)
    with pytest.raises(Unavailable, match="exchange"):
        unpacked.unpack(wheel(base))
    base.chmod(0o1777)
    unpacked.unpack(wheel(base))


@pytest.mark.parametrize("name", ["../out.py", "/out.py"])
def test_a_part_stays_inside_the_folder(base: Path, name: str) -> None:
    with pytest.raises(LedgerError):
        unpacked.unpack(wheel(base, name))
    assert not list(base.iterdir())
