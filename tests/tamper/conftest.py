import pytest

from testkit.case import Built, make_case


@pytest.fixture(autouse=True)
def short_lookahead(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """65,536 tags of each series take a second; the full length has tests of its own."""
    if "full_lookahead" not in request.fixturenames:
        monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


@pytest.fixture
def full_lookahead() -> None:
    """Asks for the length that users have."""


@pytest.fixture
def good() -> Built:
    """The usual case as built; the test may alter it."""
    return make_case().build()
