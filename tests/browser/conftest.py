import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.build import build
from testkit.chromium import Chromium, open_chromium

WORKED = Path(__file__).parents[1] / "vectors" / "own" / "worked-packet"
AT = "2026-12-01T00:00:00+08:00"


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
