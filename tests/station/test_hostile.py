"""The station against those who mean harm: the officer, his card, and whoever runs the ledger."""

from pathlib import Path

import pytest

from ledger.suite import digest
from testkit.station import Desk, unique

# --- never noticed ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", [".tiezheng-card", ".tiezheng-card/BWC_0001.MP4"])
def test_the_name_of_the_marker_hides_nothing(office: Desk, path: str) -> None:
    data = unique("hidden")
    office.record(office.card(), path, data)
    office.settle()
    assert office.deposited() == [(Path(path).name, digest(data))]
