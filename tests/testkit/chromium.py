"""A real Chromium without a screen, and the page of the verifier in it.

    with open_chromium(folder) as chromium:
        page = chromium.open(path)
        page.give("packet", packet)
        page.check()
        page.text("#outcome")

Each has a profile of its own, and is ended by its process id with the program that drives it.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from testkit.js import TESTS, node_modules

PROGRAM = TESTS / "browser" / "js" / "drive.cjs"


class Chromium:
    def __init__(self, driver: subprocess.Popen[str]) -> None:
        self._driver = driver
        self.pid = driver.pid
        self.ask("start")

    def ask(self, deed: str, **given: object) -> Any:
        assert self._driver.stdin
        assert self._driver.stdout
        self._driver.stdin.write(json.dumps({"do": deed, **given}) + "\n")
        self._driver.stdin.flush()
        answer = json.loads(self._driver.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def open(self, page: Path) -> None:
        self.ask("open", url=page.resolve().as_uri())

    def give(self, place: str, path: Path) -> None:
        self.ask("give", place=place, path=str(path.resolve()))

    def drop(self, *paths: Path) -> None:
        self.ask("drop", paths=[str(path.resolve()) for path in paths])

    def check(self) -> str:
        """What stands above the verdict, or what went wrong."""
        self.ask("click", at="#check")
        self.ask("wait", **{"for": "#outcome, #trouble"})
        return self.text("#outcome, #trouble")

    def speak(self, language: str) -> None:
        self.ask("click", at=f"#language-{language}")

    def text(self, at: str) -> str:
        return str(self.ask("text", at=at))

    def texts(self, at: str) -> list[str]:
        return list(self.ask("texts", at=at))

    def count(self, at: str) -> int:
        return int(self.ask("count", at=at))

    def evaluate(self, code: str) -> Any:
        return self.ask("evaluate", code=code)

    def seen(self, kind: str) -> list[str]:
        return [what for found, what in self.ask("seen") if found == kind]


@contextmanager
def open_chromium(folder: Path) -> Iterator[Chromium]:
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("needs chromium")
    driver = subprocess.Popen(
        ["node", str(PROGRAM), found, str(folder / "profile")],
        env=os.environ | {"NODE_PATH": str(node_modules("browser")), "TZ": "Asia/Shanghai"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        yield Chromium(driver)
        assert driver.stdin
        driver.stdin.close()
        driver.wait(timeout=60)
    finally:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
        assert driver.stdout
        driver.stdout.close()
