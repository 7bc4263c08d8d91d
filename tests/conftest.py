import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of other people's test vectors, which are never copied into this project."""
    folder = os.environ.get("TIEZHENG_VECTORS")
    if not folder:
        pytest.skip("needs TIEZHENG_VECTORS")
    return Path(folder)


@pytest.fixture(scope="session")
def own_vectors() -> Path:
    return Path(__file__).parent / "vectors" / "own"
