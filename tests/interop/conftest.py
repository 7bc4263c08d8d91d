from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from testkit.go import go_program
from testkit.once import once, session_folder
from testkit.public_logs import write_logs


@pytest.fixture(scope="session")
def go() -> Callable[[str], Path]:
    """The path of a program in Go, by its name."""
    return cache(go_program)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public logs of `testkit.public_logs`, in folders named by their size. Do not alter."""
    return once(session_folder(tmp_path_factory) / "public-logs", write_logs)
