"""Ceph as Debian packs it, unpacked below build/: no root, and nothing of the system is touched.

    build/ceph-forky/      Ceph 20, with the libraries and the loader it was built against
    build/ceph-bookworm/   Ceph 16, where the mirror has no forky

Fetched once a machine: 156 MB, then 350 MB on disk. CEPH_SUITE names one of the two; without it
the first that can be had is taken. The mirror is the one that the system's own apt uses; apt
checks the packages against Debian's keyring.
"""

import fcntl
import getpass
import os
import platform
import shutil
import subprocess
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build"
SUITES = tuple(os.environ.get("CEPH_SUITE", "forky bookworm").split())
PACKAGES = ("ceph-mon", "ceph-osd", "radosgw")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PROGRAMS = {"ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin"}


class NotHere(Exception):
    """Ceph cannot be had on this machine; the message says why."""


def ceph_prefix() -> Path:
    """The folder of an unpacked Ceph, the newest that can be had."""
    problems = []
    for suite in SUITES:
        try:
            return _once(suite)
        except NotHere as error:
            problems.append(f"{suite}: {error}")
    raise NotHere("; ".join(problems))


def _once(suite: str) -> Path:
    prefix = BUILD / f"ceph-{suite}"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"ceph-{suite}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prefix.is_dir():
            partial = BUILD / f"ceph-{suite}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            _fetch(suite, partial)
            partial.rename(prefix)
    return prefix


def _fetch(suite: str, prefix: Path) -> None:
    if platform.machine() != "x86_64":
        raise NotHere(f"scripted for x86_64, this is {platform.machine()}")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and KEYRING.is_file()):
        raise NotHere("needs apt-get, dpkg-deb and debian-archive-keyring")
    apt = prefix / ".apt"
    options = _apt_folder(apt, suite)
    _run("apt-get", *options, "update")
    install = ("--yes", "--no-install-recommends", "--download-only", "install")
    _run("apt-get", *options, *install, *PACKAGES)
    for package in sorted((apt / "var/cache/apt/archives").glob("*.deb")):
        _run("dpkg-deb", "--extract", str(package), str(prefix))
    shutil.rmtree(apt)
    _drop_what_no_test_needs(prefix)


def _apt_folder(apt: Path, suite: str) -> list[str]:
    """A root for apt that knows of no installed package, so that every library comes along."""
    for name in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/apt/lists/partial",
                 "var/cache/apt/archives/partial", "var/lib/dpkg"):  # fmt: skip
        (apt / name).mkdir(parents=True)
    status = apt / "var/lib/dpkg/status"
    status.touch()
    source = f"deb [signed-by={KEYRING}] {_mirror()} {suite} main\n"
    (apt / "etc/apt/sources.list").write_text(source)
    settings = {
        "Dir": apt,
        "Dir::State::status": status,
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
        "APT::Sandbox::User": getpass.getuser(),
        "Acquire::Languages": "none",
        "Debug::NoLocking": "1",
    }
    return ["-qq", *(f"-o{name}={value}" for name, value in settings.items())]


def _mirror() -> str:
    targets = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    for uri in targets.split():
        if uri.rstrip("/").endswith("/debian"):
            return uri
    raise NotHere("the system's apt knows no Debian mirror")


def _drop_what_no_test_needs(prefix: Path) -> None:
    for name in ("share/doc", "share/man", "share/locale", "share/icu", "lib/systemd", "sbin"):
        shutil.rmtree(prefix / "usr" / name, ignore_errors=True)
    for program in (prefix / "usr/bin").iterdir():
        # `ceph` itself is in Python and needs that of its suite.
        if program.name not in PROGRAMS and not program.name.startswith("python3"):
            program.unlink()


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHere(f"{command[0]} failed: {done.stderr.strip()[-300:]}")
    return done.stdout


if __name__ == "__main__":
    try:
        print(f"Ceph lies in {ceph_prefix()}")
    except NotHere as error:
        print(f"Going on without Ceph: {error}")
