"""`tiezheng-verify.pyz` as a court has it: a Python, a file, a packet and a trust folder."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest

from portable import build
from portable.closure import OURS, ROOT
from testkit.keys import key
from testkit.once import once, session_folder

pytestmark = pytest.mark.timeout(600)  # the first build fetches its wheels

AT = ("--at", "2026-11-01T00:00:00+08:00")
Ended = subprocess.CompletedProcess[bytes]
Verify = Callable[..., Ended]


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        build.build(folder / "tiezheng-verify.pyz")

    return once(session_folder(tmp_path_factory) / "pyz", make) / "tiezheng-verify.pyz"


@pytest.fixture
def worked(own_vectors: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(own_vectors / "worked-packet", tmp_path / "worked"))


@pytest.fixture
def unpacking(tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir(0o700)
    return folder


@pytest.fixture
def verify(worked: Path, unpacking: Path) -> Verify:
    """By a Python with its standard library alone: no site-packages, no variable counts."""

    def verify(pyz: Path, *more: str, packet: str = "packet") -> Ended:
        command = [sys.executable, "-I", "-S", str(pyz), packet, "--trust", "trust", *AT, *more]
        return subprocess.run(
            command,
            cwd=worked,
            env={"TMPDIR": str(unpacking), "PATH": os.defpath},
            capture_output=True,
            check=False,
        )

    return verify


def altered(pyz: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy whose members went through `change`; None leaves one out."""
    with ZipFile(pyz) as old, ZipFile(target, "w", ZIP_STORED) as new:
        for info in old.infolist():
            if (data := change(info.filename, old.read(info))) is not None:
                new.writestr(info, data)
    return target


def without_wheels(name: str, data: bytes) -> bytes | None:
    return None if name.endswith(".whl") else data


@pytest.mark.parametrize(
    "form", [(), ("--lang", "zh"), ("--json", "--log", "public", "--require", "complete,order")]
)
def test_it_reports_byte_for_byte_what_the_installed_command_reports(
    pyz: Path, worked: Path, verify: Verify, form: tuple[str, ...]
) -> None:
    command = ("verify", "packet", "--trust", "trust", *AT, *form)
    installed = subprocess.run(
        [str(Path(sys.executable).with_name("tiezheng")), *command],
        cwd=worked,
        env={"PATH": os.defpath},
        capture_output=True,
        check=False,
    )
    ended = verify(pyz, *form)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == installed.stdout != b""


def test_a_zip_is_read_as_well(pyz: Path, worked: Path, verify: Verify) -> None:
    from storage.packets import Bytes, Crc, zip_pieces

    files = {
        p.relative_to(worked / "packet").as_posix(): p.read_bytes()
        for p in (worked / "packet").rglob("*")
        if p.is_file()
    }
    crcs = {}
    for path, data in files.items():
        crc = Crc()
        crc.update(data)
        crcs[path] = crc.value
    packed = b"".join(zip_pieces({path: Bytes(data) for path, data in files.items()}, crcs))
    (worked / "packet.zip").write_bytes(packed)
    assert verify(pyz, packet="packet.zip").returncode == 0


def test_a_flipped_bit_fails(pyz: Path, worked: Path, verify: Verify) -> None:
    item = worked / "packet/data/items/01.mp4"
    data = bytearray(item.read_bytes())
    data[100] ^= 1
    item.write_bytes(data)
    ended = verify(pyz)
    assert ended.returncode == 1
    assert b"FAILED: data/items/01.mp4" in ended.stdout


def test_another_registrar_fails(pyz: Path, worked: Path, verify: Verify) -> None:
    """Only a signature tells the two apart."""
    registrar = key("registrar.example", "another").verifier.to_text()
    (worked / "trust/registrar.vkey").write_text(f"{registrar}\n")
    ended = verify(pyz)
    assert ended.returncode == 1
    assert b"5. Signatures: FAILED" in ended.stdout


def test_without_any_cryptography_what_rests_on_signatures_is_undecided(
    pyz: Path, verify: Verify, tmp_path: Path
) -> None:
    bare = altered(pyz, tmp_path / "bare.pyz", without_wheels)
    ended = verify(bare, "--log", "public")
    lines = ended.stdout.decode().splitlines()
    assert (ended.returncode, ended.stderr) == (3, b"")
    assert lines[0] == "Verdict: UNDECIDED"
    assert any(line.startswith("Verdict: UNDECIDED | integrity (unaltered): un") for line in lines)
    assert " 1. Container: passed (34 files)" in lines
    assert "5. Signatures: undecided" in ended.stdout.decode()
    assert "FAILED" not in ended.stdout.decode()


def test_where_no_part_fits_an_installed_cryptography_is_used(
    pyz: Path, worked: Path, unpacking: Path, tmp_path: Path
) -> None:
    bare = altered(pyz, tmp_path / "bare.pyz", without_wheels)
    ended = subprocess.run(
        [sys.executable, "-I", str(bare), "packet", "--trust", "trust", *AT],
        cwd=worked,
        env={"TMPDIR": str(unpacking)},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert not list(unpacking.iterdir())


def test_it_is_said_in_chinese(pyz: Path, verify: Verify, tmp_path: Path) -> None:
    bare = altered(pyz, tmp_path / "bare.pyz", without_wheels)
    assert "未检查：无法核验签名" in verify(bare, "--lang", "zh").stdout.decode()


def test_without_any_cryptography_a_flipped_bit_fails_still(
    pyz: Path, worked: Path, verify: Verify, tmp_path: Path
) -> None:
    (worked / "packet/data/items/01.mp4").write_bytes(b"another")
    assert verify(altered(pyz, tmp_path / "bare.pyz", without_wheels)).returncode == 1


def test_without_any_cryptography_a_trust_folder_with_authorities_is_read(
    pyz: Path, worked: Path, verify: Verify, own_vectors: Path, tmp_path: Path
) -> None:
    (worked / "trust/tsa").mkdir()
    (worked / "trust/tsa/lab.pem").write_text("certificates, which nothing here can read")
    (worked / "trust/tsa/lab.accept").write_text("policy 1.2.3\n")
    assert verify(altered(pyz, tmp_path / "bare.pyz", without_wheels)).returncode == 3


def test_an_altered_wheel_is_refused_by_name(pyz: Path, verify: Verify, tmp_path: Path) -> None:
    def change(name: str, data: bytes) -> bytes:
        return data[:5000] + bytes([data[5000] ^ 1]) + data[5001:] if "/cffi" in name else data

    ended = verify(altered(pyz, tmp_path / "altered.pyz", change))
    assert (ended.returncode, ended.stdout) == (4, b"")
    assert re.search(rb"error: cffi-[^ ]*\.whl in '.*' has been altered", ended.stderr)


def test_a_damaged_file_is_refused_by_name(pyz: Path, verify: Verify, tmp_path: Path) -> None:
    with ZipFile(pyz) as opened:
        at = next(i.header_offset for i in opened.infolist() if "/cryptography" in i.filename)
    data = bytearray(pyz.read_bytes())
    for place in range(at, len(data), 1_000_000):
        data[place + 5000] ^= 1
    (tmp_path / "damaged.pyz").write_bytes(data)
    ended = verify(tmp_path / "damaged.pyz")
    assert (ended.returncode, ended.stdout) == (4, b"")
    assert b"wheels/c" in ended.stderr


def test_the_folder_stays_and_nothing_is_added_to_it(
    pyz: Path, verify: Verify, unpacking: Path
) -> None:
    assert verify(pyz).returncode == 0
    (folder,) = unpacking.iterdir()
    before = sorted(folder.rglob("*"))
    assert verify(pyz).returncode == 0
    assert sorted(folder.rglob("*")) == before


def test_a_module_laid_into_the_folder_does_not_run(
    pyz: Path, verify: Verify, unpacking: Path, tmp_path: Path
) -> None:
    verify(pyz)
    (folder,) = unpacking.iterdir()
    ran = tmp_path / "ran"
    (folder / "cryptography/x509/__init__.py").write_text(f"open({str(ran)!r}, 'w')")
    (folder / "platform.py").write_text(f"open({str(ran)!r}, 'w')")
    assert verify(pyz).returncode == 0
    assert not ran.exists()


@pytest.mark.parametrize("kind", ["link", "file", "open to others"])
def test_a_folder_laid_by_somebody_else_is_refused(
    pyz: Path, verify: Verify, unpacking: Path, kind: str
) -> None:
    verify(pyz)
    (folder,) = unpacking.iterdir()
    match kind:
        case "link":
            folder.symlink_to(folder.rename(unpacking / "other"))
        case "file":
            shutil.rmtree(folder)
            folder.write_text("")
        case "open to others":
            folder.chmod(0o777)
    ended = verify(pyz)
    assert (ended.returncode, ended.stdout) == (4, b"")
    assert folder.name in ended.stderr.decode()
    assert "TMPDIR" in ended.stderr.decode()


def test_an_address_is_refused_and_nothing_is_asked(pyz: Path, verify: Verify) -> None:
    ended = verify(pyz, "--log", "https://ledger.example/log")
    assert ended.returncode == 4
    assert b"want --log as a folder" in ended.stderr


def test_wrong_usage_gives_code_2(pyz: Path, verify: Verify) -> None:
    assert verify(pyz, "--bad").returncode == 2


def test_no_packet_gives_code_4(pyz: Path, verify: Verify) -> None:
    assert verify(pyz, packet="nothing").returncode == 4


def test_two_builds_in_two_folders_give_the_same_bytes(pyz: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for name in OURS:
        shutil.copytree(ROOT / name, copy / name, copy_function=shutil.copyfile)
    for name in ("LICENSE", "requirements.lock"):
        shutil.copyfile(ROOT / name, copy / name)
    (copy / "build").mkdir()
    (copy / "build/wheels").symlink_to(build.CACHE)
    ended = subprocess.run(
        [sys.executable, "-m", "portable.build", "dist/other.pyz"],
        cwd=copy,
        env={"TZ": "Asia/Shanghai", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        umask=0o077,
        capture_output=True,
        check=True,
        text=True,
    )
    made = copy / "dist/other.pyz"
    assert made.read_bytes() == pyz.read_bytes()
    assert ended.stdout == f"{build.sha256(made.read_bytes())}  dist/other.pyz\n"
