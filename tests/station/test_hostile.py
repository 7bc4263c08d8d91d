"""The station against those who mean harm: the officer, his card, and whoever runs the ledger."""

from pathlib import Path

import pytest

from ledger.suite import digest
from testkit.station import Desk, shift, unique

# --- never noticed ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", [".tiezheng-card", ".tiezheng-card/BWC_0001.MP4"])
def test_the_name_of_the_marker_hides_nothing(office: Desk, path: str) -> None:
    data = unique("hidden")
    office.record(office.card(), path, data)
    office.settle()
    assert office.deposited() == [(Path(path).name, digest(data))]


def test_no_green_words_while_a_file_still_grows(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    office.settle()
    assert office.view().devices[0].wipe
    for n in range(40):
        office.record(root, "DCIM/100MEDIA/BWC_0002.MP4", unique("x") * (n + 1))
        office.rest(2)
        office.engine.step()
        (device,) = office.view().devices
        assert (device.state, device.unplug) == ("settling", False)
    seen = office.settle()
    assert len(office.deposited()) == 2
    assert seen.devices[0].wipe
