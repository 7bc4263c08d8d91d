"""A private folder with the parts that Python cannot load out of a zip.

    <temporary folder>/tiezheng-verify-<SHA-256 over the parts, 32 hex digits>/

It stays, for Windows removes no library that is in use, and is used again: each start holds
every file in it against the parts, and makes it anew where one is missing or another. What
somebody else could have written into is refused and not mended: it may change again after
we have looked.
"""

import hashlib
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

from ledger.errors import Rejected, Unavailable
from storage.refusals import refusals

PREFIX = "tiezheng-verify-"
HINTS = ("let TMPDIR name a folder that only you can write into", 'TMPDIR="$HOME" will do')


def unpack(wheels: Mapping[str, bytes]) -> Path:
    """Raises `Unavailable` for a folder that is not ours alone."""
    with refusals("unpack into the temporary folder"):
        base = Path(tempfile.gettempdir()).resolve()
        for above in (base, *base.parents):
            _check_above(above)
        files = _files(wheels)
        target = base / (PREFIX + _digest(wheels)[:32])
        if os.path.lexists(target):
            _check_private(target)
            if _holds(target, files):
                return target
            shutil.rmtree(target)
        fresh = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=base))
        try:
            _write(fresh, files)
            fresh.rename(target)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            if not os.path.lexists(target):
                raise
        # Ours, or that of a run beside this one: whose it is shows in the same way.
        _check_private(target)
        if not _holds(target, files):
            raise Unavailable(f"{str(target)!r} has changed while it was made", hints=HINTS)
        return target


def _digest(wheels: Mapping[str, bytes]) -> str:
    rows = "".join(f"{hashlib.sha256(wheels[n]).hexdigest()}  {n}\n" for n in sorted(wheels))
    return hashlib.sha256(rows.encode()).hexdigest()


def _files(wheels: Mapping[str, bytes]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for wheel in wheels.values():
        with ZipFile(io.BytesIO(wheel)) as opened:
            found |= {i.filename: opened.read(i) for i in opened.infolist() if not i.is_dir()}
    if odd := [path for path in found if ".." in path.split("/") or path.startswith("/")]:
        raise Rejected(f"want paths below the folder, got {odd[0]!r}")
    return found


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(0o700, parents=True, exist_ok=True)
        target.write_bytes(data)


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Exactly these: a file more could stand before one of Python's own."""
    found = set()
    for where, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(where, name)
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            key = path.relative_to(folder).as_posix()
            if not stat.S_ISREG(mode) or files.get(key) != path.read_bytes():
                return False
            found.add(key)
    return found == files.keys()


def _check_private(folder: Path) -> None:
    info = folder.lstat()
    # A link of Windows to another folder is one of these too.
    if not stat.S_ISDIR(info.st_mode) or folder.is_symlink() or folder.resolve() != folder:
        raise Unavailable(f"want a folder, not a link or a file: {str(folder)!r}", hints=HINTS)
    if (me := _me()) is None:
        return  # Windows: the temporary folder is in the user's own, and has his rights
    if info.st_uid != me or stat.S_IMODE(info.st_mode) & 0o077:
        raise Unavailable(
            f"somebody else could have written into {str(folder)!r}: want it yours, with mode 0700",
            hints=HINTS,
        )


def _check_above(folder: Path) -> None:
    """Nobody but us and root may put another folder in the place of one below it."""
    info = folder.stat()
    if (me := _me()) is None:
        return
    others_write = info.st_mode & 0o022 and not info.st_mode & stat.S_ISVTX
    if info.st_uid not in (0, me) or others_write:
        raise Unavailable(
            f"somebody else could exchange what is below {str(folder)!r}", hints=HINTS
        )


def _me() -> int | None:
    """None on Windows, where files have no such number."""
    getuid = getattr(os, "getuid", None)
    return None if getuid is None else int(getuid())
