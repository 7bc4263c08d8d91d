"""The proof of one entry as a Chainpoint v3 document, for platforms that read those.

    {"@context":"https://w3id.org/chainpoint/v3","type":"Chainpoint",
     "hash":"<leaf hash>","branches":[{"label":"rfc6962-inclusion","ops":[
       {"r":"<sibling>"},{"l":"01"},{"op":"sha-256"}, …,
       {"anchors":[{"type":"tiezheng-checkpoint","anchor_id":"<origin> <size> <root>",
                    "uris":["<where the log's newest checkpoint is>"]}]}]}]}

It carries no signature: the `.tlog-proof` does. See docs/formats/chainpoint.md.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from api.clients.address import without_password
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import check_inclusion
from ledger.tlog.proof import split

CONTEXT = "https://w3id.org/chainpoint/v3"
ANCHOR = "tiezheng-checkpoint"  # no blockchain, and no reader shall take it for one
LABEL = "rfc6962-inclusion"


class Step(NamedTuple):
    """A sibling, and the side on which it stands."""

    side: Literal["left", "right"]
    hash: bytes


def steps_of(
    index: int, leaf: bytes, proof: Sequence[bytes], checkpoint: Checkpoint
) -> tuple[Step, ...]:
    """The way from the leaf up; raises `Rejected` unless it leads to the checkpoint's root."""
    check_inclusion(index, checkpoint.size, leaf, proof, checkpoint.root)
    steps: list[Step] = []
    size = checkpoint.size
    for sibling in reversed(proof):  # from the root down
        k = split(size)
        if index < k:
            steps.append(Step("right", sibling))
            size = k
        else:
            steps.append(Step("left", sibling))
            index, size = index - k, size - k
    return tuple(reversed(steps))


def chainpoint(
    leaf: bytes, steps: Sequence[Step], checkpoint: Checkpoint, uri: str
) -> dict[str, Any]:
    """The document; `steps` are those of `steps_of`."""
    ops: list[dict[str, Any]] = []
    for step in steps:
        ops += [{step.side[0]: step.hash.hex()}, {"l": "01"}, {"op": "sha-256"}]
    anchor = {
        "type": ANCHOR,
        "anchor_id": f"{checkpoint.origin} {checkpoint.size} {checkpoint.root.hex()}",
        "uris": [uri],
    }
    return {
        "@context": CONTEXT,
        "type": "Chainpoint",
        "hash": leaf.hex(),
        "branches": [{"label": LABEL, "ops": [*ops, {"anchors": [anchor]}]}],
    }


def checkpoint_uri(server: str, label: str) -> str:
    """Where a log's newest checkpoint is, without a password that the address may hold."""
    return f"{without_password(server).rstrip('/')}/log/{quote(label, safe='')}/checkpoint"
