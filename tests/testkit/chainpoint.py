"""A reader of Chainpoint v3 that shares nothing with the code under test."""

from hashlib import sha256
from typing import Any

Reached = list[tuple[dict[str, Any], str]]


def evaluate(proof: dict[str, Any]) -> Reached:
    """Every anchor, with the hash that must be found there."""
    return _branches(bytes.fromhex(proof["hash"]), proof["branches"])


def _branches(start: bytes, branches: list[dict[str, Any]]) -> Reached:
    reached: Reached = []
    for branch in branches:
        value = start
        for op in branch["ops"]:
            match op:
                case {"l": data, **no} if not no:
                    value = bytes.fromhex(data) + value
                case {"r": data, **no} if not no:
                    value += bytes.fromhex(data)
                case {"op": "sha-256", **no} if not no:
                    value = sha256(value).digest()
                case {"anchors": anchors, **no} if not no:
                    reached += [(anchor, value.hex()) for anchor in anchors]
                case _:
                    raise ValueError(op)
        reached += _branches(value, branch.get("branches", []))
    return reached
