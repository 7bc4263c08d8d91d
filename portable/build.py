"""Builds the one file: `python -m portable.build dist/tiezheng-verify.pyz`.

The same sources and the same lock give the same bytes: members are stored, sorted, and
bear no time. Wheels are those that the lock has a digest of; what was fetched once is kept
in `build/wheels`.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from portable.closure import ROOT, closure
from portable.left_out import REPLACES
from portable.wheels import FOLDER, LIST

LOCK = ROOT / "requirements.lock"
CACHE = ROOT / "build" / "wheels"
PURE = ("click", "colorama", "rfc8785")
PLATFORMS = ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64", "win_amd64")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
OLDEST = (1980, 1, 1, 0, 0, 0)  # a zip knows no earlier time

# package, Python, platform
Wanted = tuple[str, str, str]


def build(target: Path, cache: Path = CACHE) -> str:
    """Writes the file; returns its SHA-256."""
    members = dict(sorted({**_sources(), **_wheels(cache)}.items()))
    written = BytesIO()
    with ZipFile(written, "w", ZIP_STORED) as pyz:
        for name, data in members.items():
            info = ZipInfo(name, OLDEST)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            pyz.writestr(info, data)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(written.getvalue())
    return sha256(written.getvalue())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def modules() -> dict[str, Path]:
    """Ours in the one file, by name."""
    return closure("portable.start", frozenset(REPLACES))


def _sources() -> dict[str, bytes]:
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in modules().values()}
    first = (ROOT / "portable" / "first.py").read_bytes()
    return {**files, "__main__.py": first, "LICENSE": (ROOT / "LICENSE").read_bytes()}


def _wheels(cache: Path) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    listed: dict[str, str] = {}
    for wanted in _wanted():
        path = _fetched(wanted, cache)
        data = path.read_bytes()
        if wanted[0] in PURE:
            with ZipFile(path) as wheel:
                members |= {i.filename: wheel.read(i) for i in wheel.infolist() if not i.is_dir()}
        else:
            members[FOLDER + path.name] = data
            listed[path.name] = sha256(data)
    rows = "".join(f"{listed[name]}  {name}\n" for name in sorted(listed))
    return {**members, LIST: rows.encode()}


def _wanted() -> Iterator[Wanted]:
    for name in PURE:
        yield name, PYTHONS[0], PLATFORMS[0]
    for platform in PLATFORMS:
        yield "cryptography", PYTHONS[0], platform  # its wheels fit all later Pythons
        for python in PYTHONS:
            yield "cffi", python, platform


def _fetched(wanted: Wanted, cache: Path) -> Path:
    name, python, platform = wanted
    folder = cache / f"{name}-{python}-{platform}"
    version, digests = _locked(LOCK.read_text(encoding="utf-8"))[name]
    if found := _held(folder, version, digests):
        return found
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        lock = Path(scratch, "lock")
        lock.write_text(" ".join([f"{name}=={version}", *(f"--hash=sha256:{d}" for d in digests)]))
        folder.mkdir(exist_ok=True)
        pip = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download")
        asked = (
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--implementation",
            "cp",
        )
        here = ("--python-version", python, "--platform", platform, "-d", scratch, "-r", str(lock))
        subprocess.run([*pip, *asked, *here], check=True)
        for wheel in Path(scratch).glob("*.whl"):
            wheel.replace(folder / wheel.name)
    if found := _held(folder, version, digests):
        return found
    raise SystemExit(f"want a wheel of {name} {version} for {platform}, in the lock by its digest")


def _held(folder: Path, version: str, digests: list[str]) -> Path | None:
    for path in sorted(folder.glob(f"*-{version}-*.whl")):
        if sha256(path.read_bytes()) in digests:
            return path
    return None


def _locked(text: str) -> Mapping[str, tuple[str, list[str]]]:
    """Version and digests by package."""
    rows = re.findall(
        r"^([\w.-]+)==([\w.]+)(.*?)^(?=\S|\Z)", text + "\n.", re.MULTILINE | re.DOTALL
    )
    return {
        name: (version, re.findall(r"--hash=sha256:([0-9a-f]{64})", rest))
        for name, version, rest in rows
    }


if __name__ == "__main__":
    print(f"{build(Path(sys.argv[1]))}  {sys.argv[1]}")
