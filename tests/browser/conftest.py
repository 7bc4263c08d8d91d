import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.build import build
from testkit.chromium import Chromium, open_chromium

ROOT = Path(__file__).parents[2]
WORKED = ROOT / "tests" / "vectors" / "own" / "worked-packet"
AT = "2026-12-01T00:00:00+08:00"


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """Chromium hands out no folder below /dev, where `make test IN=/dev/shm` has its files."""
    if not tmp_path.is_relative_to("/dev"):
        return tmp_path
    folder = ROOT / "build" / "pages" / tmp_path.parent.name / tmp_path.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "verify.html"
    build(path)
    return path


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with open_chromium(tmp_path_factory.mktemp("chromium")) as chromium:
        yield chromium


@pytest.fixture
def chromium(started: Chromium, page: Path) -> Chromium:
    started.open(page)
    started.speak("en")
    started.ask("fill", at="#at", text=AT)
    return started


@pytest.fixture
def worked(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WORKED, tmp_path / "worked"))
