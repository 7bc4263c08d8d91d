"""The month of a session is looked for in the year of its log, however many logs came before."""

from types import SimpleNamespace

import pytest

from api.deliveries import _series_of
from ledger.evidence.delivery import Said
from ledger.evidence.packet import Place
from ledger.evidence.statement import Statement
from testkit import case as kit

FEBRUARY_2028_MS = 1_835_000_000_000


@pytest.mark.parametrize(("log", "series"), [("2028", "2028/device/BWC-310/02")])
def test_a_session_of_a_third_year_is_found(log: str, series: str) -> None:
    draft = kit.session("s", 1, gaps=[], id=kit.uuid7(1, FEBRUARY_2028_MS))
    said = Said(index=7, at_ms=0, keyid="", statement=Statement.from_bytes(draft.to_payload()))
    services = SimpleNamespace(
        first_year=2026, log=SimpleNamespace(place_of=lambda number: Place(log, 0))
    )
    assert _series_of(services, said) == series  # type: ignore[arg-type]
