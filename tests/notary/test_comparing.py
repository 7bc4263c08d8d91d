"""What a packet's statements are held against."""

from types import SimpleNamespace
from typing import Any

import pytest

from cli.notary.comparing import Logged, of_itself, of_packet
from cli.notary.page import Compared
from ledger.errors import Rejected, Unavailable
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import FileSubject


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


def test_a_file_that_the_packet_does_not_bring_was_not_read() -> None:
    subject = FileSubject("x.mp4", digest_item(b"abc"))
    other = FileSubject("y.mp4", digest_item(b"y"))
    logged = [Logged(one, "id", bytes(32), "a", 3, 5) for one in (subject, other)]
    items = {"data/items/y.mp4": other.digest}
    examined: Any = SimpleNamespace(item_digests=items, item_of={other: "data/items/y.mp4"})
    missing, here = of_itself(examined, logged)
    assert (missing.read, missing.outcome) == (False, Compared.UNDECIDED)
    assert (here.read, here.outcome) == (True, Compared.SAME)
    # Nobody has digested the bytes: what is named is what the statement says of them.
    assert "sha256" not in missing.to_json()
    assert missing.to_json()["logged_sha256"] == subject.digest.sha256.hex()
