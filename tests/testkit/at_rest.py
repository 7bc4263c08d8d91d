"""What lies in a folder in which a server is at work."""

import shutil
import time
from contextlib import suppress
from pathlib import Path


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def contents_of(folder: Path) -> dict[Path, bytes]:
    """Of every file, at a moment when none came, went or moved."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with suppress(FileNotFoundError):
            contents = {path: path.read_bytes() for path in files_in(folder)}
            if contents.keys() == files_in(folder):
                return contents
        time.sleep(0.01)
    raise AssertionError(f"{folder} did not come to rest in a minute")


def copy_of(folder: Path, target: Path) -> Path:
    """As it lies there, as after a crash, at a moment when no file went or moved."""
    ends = time.monotonic() + 60
    while True:
        try:
            return Path(shutil.copytree(folder, target))
        except (FileNotFoundError, shutil.Error):
            shutil.rmtree(target)
            if time.monotonic() > ends:
                raise
            time.sleep(0.01)
