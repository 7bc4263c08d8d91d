import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from ledger import sm2
from storage.sm2_libcrypto import Libcrypto
from testkit.ceph import Shared, shared
from testkit.ceph_packages import NotHere
from testkit.once import session_folder

# How long an example takes says nothing on a machine that does other things as well.
settings.register_profile(
    "tests", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")

sm2.use(Libcrypto())  # as `cli.main` does: a test may make keys of every algorithm


def pytest_runtest_setup() -> None:
    """Before a test has changed anything. Most have nothing to do with a server."""
    if (server := sys.modules.get("testkit.server")) is not None:
        server.renew_template()


@pytest.fixture(autouse=True)
def own_journal() -> Iterator[None]:
    """A command sets its process's journal onto what is captured of one test, and then closed."""
    before = structlog.get_config()
    written_to = getattr(before["logger_factory"], "_file", None)
    if written_to is not None and written_to.closed:
        structlog.reset_defaults()
        before = structlog.get_config()
    yield
    structlog.configure(**before)


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


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """A real S3 store, in memory, one for all processes of a session."""
    try:
        with shared(session_folder(tmp_path_factory) / "ceph") as found:
            yield found
    except NotHere as error:
        pytest.skip(f"needs Ceph: {error}")
