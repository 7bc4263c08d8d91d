"""Which of the wheels inside the one file fit the machine, and what to do where none does."""

import hashlib
import platform
import sys
import sysconfig
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ledger.errors import Unavailable
from portable.absent import PACKAGE, stand_in
from portable.unpacked import unpack

FOLDER = "wheels/"
LIST = "wheels/SHA256"
PARTS = frozenset({"cffi", PACKAGE})
# What the verifier needs of it; older ones lack one or both.
NEEDED = (f"{PACKAGE}.hazmat.asn1", f"{PACKAGE}.hazmat.primitives.asymmetric.mldsa")
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def bring(archive: Path) -> None:
    """From now on `cryptography` can be imported: ours, an installed one, or one that cannot."""
    wheels = _fitting(archive)
    if {name.split("-")[0] for name in wheels} == PARTS:
        folder = unpack(wheels)
        # After the file itself, before all that is installed.
        sys.path.insert(1, str(folder))
        try:
            _import_all()
        except ImportError as error:
            raise Unavailable(
                f"cannot load {PACKAGE} from {str(folder)!r}: {error}",
                hints=("let TMPDIR name a folder from which programs may run",),
            ) from None
    elif find_spec(PACKAGE) is None:
        stand_in()
    else:
        try:
            _import_all()
        except ImportError:
            stand_in()


def _import_all() -> None:
    for name in NEEDED:
        import_module(name)


def _fitting(archive: Path) -> dict[str, bytes]:
    platform_tag = tag()
    try:
        with ZipFile(archive) as opened:
            there = set(opened.namelist())
            listed = _listed(opened.read(LIST).decode())
            names = [n for n in listed if FOLDER + n in there and fits(n, platform_tag)]
            wheels = {name: opened.read(FOLDER + name) for name in names}
    except (OSError, BadZipFile, KeyError) as error:
        raise Unavailable(f"cannot read {str(archive)!r}: {error}", hints=_AGAIN) from None
    for name, data in wheels.items():
        if hashlib.sha256(data).hexdigest() != listed[name]:
            raise Unavailable(f"{name} in {str(archive)!r} has been altered", hints=_AGAIN)
    return wheels


_AGAIN = ("fetch the file again, and compare its SHA-256 with the one published",)


def _listed(text: str) -> Mapping[str, str]:
    rows = [line.split("  ") for line in text.splitlines()]
    return {name: digest for digest, name in rows}


def tag() -> str:
    """The end of a fitting wheel's name; empty where none can fit."""
    machine = _MACHINES.get(platform.machine().lower(), "")
    if (
        sys.implementation.name != "cpython"
        or sysconfig.get_config_var("Py_GIL_DISABLED")
        or sys.maxsize < 2**32
        or not machine
    ):
        return ""
    if sys.platform == "win32":
        return "win_amd64" if machine == "x86_64" else ""
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        return f"manylinux_2_17_{machine}"
    return ""


def fits(wheel: str, platform_tag: str) -> bool:
    """By PEP 427: name-version-python-abi-platforms.whl, the platforms joined by dots."""
    _, _, python, abi, platforms = wheel.removesuffix(".whl").split("-")
    major, minor = sys.version_info[:2]
    here = f"cp{major}{minor}"
    if abi == "abi3":
        right = major == 3 and int(python.removeprefix("cp3")) <= minor
    else:
        right = python == abi == here
    return right and platform_tag in platforms.split(".")
