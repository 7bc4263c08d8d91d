"""What a packet's statements are held against."""

from types import SimpleNamespace
from typing import Any

import pytest

from cli.notary.comparing import of_packet
from ledger.errors import Rejected, Unavailable


def shown(**quorums: int | None) -> Any:
    """An examined packet that shows a checkpoint of each of these logs, and no statement."""
    checkpoints = {label: SimpleNamespace(quorum_time=time) for label, time in quorums.items()}
    return SimpleNamespace(checkpoints=checkpoints, shown=list)


LOGS: Any = [SimpleNamespace(label="a"), SimpleNamespace(label="b")]


def test_the_basis_is_the_last_checkpoint_that_a_quorum_has_seen() -> None:
    for examined, label in ((shown(a=1, b=2), "b"), (shown(a=1, b=None), "a")):
        _, basis = of_packet(examined, LOGS)
        assert (basis.log.label, basis.cosigned.quorum_time is None) == (label, False)


def test_without_a_quorum_there_is_no_basis() -> None:
    with pytest.raises(Unavailable, match="has its quorum"):
        of_packet(shown(a=None, b=None), LOGS)
    with pytest.raises(Rejected, match="no sound checkpoint"):
        of_packet(shown(other=1), LOGS)
