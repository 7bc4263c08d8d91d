"""What is packaged, what is locked, and what merkletools brings along."""

import ast
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from importlib.metadata import files, version
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("ledger", "storage", "api", "cli")
WRAPPED_IN = "cli/second_opinion.py"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (path,) = folder.glob("tiezheng-*.whl")
    return zipfile.ZipFile(path)


def requirements(wheel: zipfile.ZipFile) -> list[str]:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode()).get_all("Requires-Dist", [])


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))


def test_the_wheel_does_not_ask_for_what_cannot_be_installed(wheel: zipfile.ZipFile) -> None:
    """merkletools asks for pysha3, which builds on no Python since 3.11."""
    names = {re.split(r"[^\w-]", line)[0].lower() for line in requirements(wheel)}
    assert "cryptography" in names
    assert not {"merkletools", "pysha3"} & names


def test_the_lock_and_the_environment_hold_merkletools_without_pysha3() -> None:
    assert locked()["merkletools"] == version("merkletools") == "1.0.3"
    assert "pysha3" not in locked()
    assert find_spec("sha3") is None


def test_the_wheel_holds_our_four_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(OURS)


def imports(path: Path) -> set[str]:
    """The first names of what a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names):
                found |= {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module.partition(".")[0])
    return found


def ours(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_merkletools_is_imported_in_one_module() -> None:
    found = [p.relative_to(ROOT).as_posix() for p in ours(*OURS) if "merkletools" in imports(p)]
    assert found == [WRAPPED_IN]


def test_nothing_of_ours_imports_the_package_tests_that_merkletools_installs() -> None:
    """Our folder of that name is no package, so theirs would be found instead."""
    installed = {str(file) for file in files("merkletools") or []}
    assert "tests/__init__.py" in installed
    paths = ours(*OURS, "tests", "benchmarks")
    assert len(paths) > 100
    assert [path for path in paths if "tests" in imports(path)] == []
