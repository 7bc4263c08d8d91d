"""A second opinion on trees: `merkletools` 1.0.3, wrapped here and nowhere else.

Its stock tree is not ours: node = SHA-256(left ‖ right), so a node passes for a leaf.
With `hash_function` replaced, and leaves that were hashed before, it is the tree of
RFC 6962, by other people's code. Asked by tests, and before a Chainpoint proof is
written; what judges and what writes the log never ask it. See decision 0014.
"""

import hashlib
import warnings
from collections.abc import Iterable
from typing import Any

from cli.chainpoint import Step
from cli.language import say
from ledger.errors import Rejected, Unavailable

INSTALL = "pip install --no-deps merkletools==1.0.3"


def new_tree(leaf_hashes: Iterable[bytes] = ()) -> Any:
    """An RFC 6962 tree of these leaf hashes, as a `merkletools.MerkleTools`."""
    tree = stock_tree()
    tree.hash_function = lambda pair: hashlib.sha256(b"\x01" + pair)
    # Never with do_hash: that would hash a leaf as if it were a node.
    tree.add_leaf([leaf.hex() for leaf in leaf_hashes])
    tree.make_tree()
    return tree


def check_path(leaf: bytes, steps: Iterable[Step], root: bytes) -> None:
    """Raises `Rejected` unless `steps` lead from `leaf` to `root`; it knows no index or size."""
    path = [{step.side: step.hash.hex()} for step in steps]
    if new_tree().validate_proof(path, leaf.hex(), root.hex()) is not True:
        raise Rejected("merkletools does not come to the root of the checkpoint")


def check_installed() -> None:
    """Raises `Unavailable`, with how to install it."""
    stock_tree()


def stock_tree() -> Any:
    """An empty tree as merkletools makes it, which is none of ours."""
    with warnings.catch_warnings():
        # It asks for a package that hashlib has made needless, and warns that it is missing.
        warnings.filterwarnings("ignore", "sha3 is not working!", UserWarning)
        try:
            from merkletools import MerkleTools  # type: ignore[import-untyped]
        except ImportError:
            raise Unavailable(
                "want merkletools for a second opinion on the proof, and it is not installed",
                hints=(say(en=f"{INSTALL} installs it", zh=f"安装方法：{INSTALL}"),),
            ) from None
    return MerkleTools("sha256")
