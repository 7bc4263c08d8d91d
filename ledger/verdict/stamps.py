"""The timestamp tokens of a packet: each opened by whichever authority of one's own it is of.

A token counts for an entry only if its body is, byte for byte, the text of a checkpoint to
which that entry is proved in the same packet. Its name in the packet says nothing: a verifier
who knows no authority, or not this one, has not looked at it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.errors import LedgerError, Malformed, Rejected, Unknown
from ledger.evidence.packet import Layout, Tree
from ledger.evidence.trust import Trust
from ledger.report import Finding, Outcome, milliseconds_text
from ledger.suite import strong_digest
from ledger.timestamp import Timestamp, open_token

APART_S = 600  # the clocks of an authority and of the cosigners; more is worth a sentence
LOOKED_UP = "looked up for the certificate that stamped"  # of those above, no list may be at hand


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token over a tree. Neither `timestamp` nor `refused`: not one of the verifier's own."""

    path: str
    tree: Tree
    body: bytes
    digest: bytes = b""  # the strong one of the token's bytes, by which renewals cover it
    timestamp: Timestamp | None = None
    refused: LedgerError | None = None

    def counts(self, seen: int | None) -> bool:
        """Not well before a quorum had seen the tree: one authority alone makes nothing older."""
        own = self.timestamp
        return own is not None and seen is not None and own.at_ms // 1000 >= seen - APART_S


def open_stamps(
    layout: Layout, trust: Trust, texts: Mapping[Tree, bytes], read: Callable[[str], bytes]
) -> Iterator[Stamp]:
    """`texts` are those of the checkpoints to which anything is proved here."""
    for (tree, name), path in sorted(layout.tokens.items()):
        body = b""
        try:
            if tree not in layout.bodies:
                raise Rejected("the text that it stamps is not in the packet")
            body = read(layout.bodies[tree])
            if texts.get(tree) != body:
                raise Rejected("it stamps another text than that of a checkpoint proved here")
            list_path = layout.revocations.get((tree, name))
            crl = b"" if list_path is None else read(list_path)
            token = read(path)
            timestamp = open_of_one(trust, token, body, crl)
        except (Malformed, Rejected) as error:
            yield Stamp(path, tree, body, refused=error)
        else:
            yield Stamp(path, tree, body, strong_digest(token), timestamp)


def open_of_one(trust: Trust, token: bytes, body: bytes, crl: bytes) -> Timestamp | None:
    """By the first authority that it is of; raises what the last of them has against it."""
    refused: LedgerError | None = None
    for authority in trust.authorities:
        try:
            return open_token(token, body, authority, crl=crl)
        except Unknown:
            continue
        except (Malformed, Rejected) as error:
            refused = error
    if refused is not None:
        raise refused
    return None


def stamp_findings(
    stamps: Sequence[Stamp], layout: Layout, seen: Mapping[Tree, int]
) -> Iterator[Finding]:
    """What is wrong with tokens, and where an authority and the cosigners tell different times.

    `seen` is when a quorum had seen each tree (POSIX seconds).
    """
    used = {stamp.tree for stamp in stamps}
    for tree, path in layout.bodies.items():
        if tree not in used:
            yield Finding("time", Outcome.FAILED, path, "a text without a token")
    for tree, name in sorted(layout.revocations.keys() - layout.tokens.keys()):
        path = layout.revocations[tree, name]
        yield Finding("time", Outcome.FAILED, path, "a revocation list without a token")
    for stamp in stamps:
        if stamp.refused is not None:
            yield Finding("time", Outcome.FAILED, stamp.path, str(stamp.refused))
        elif (timestamp := stamp.timestamp) is not None:
            yield from _compared(stamp, timestamp, seen.get(stamp.tree))


def _compared(stamp: Stamp, timestamp: Timestamp, seen: int | None) -> Iterator[Finding]:
    if seen is None:
        yield Finding("time", Outcome.UNDECIDED, stamp.path, "no quorum has seen what it stamps")
        return
    later = timestamp.at_ms // 1000 - seen
    if abs(later) > APART_S:
        order = "after" if later > 0 else "before"
        detail = (
            f"the authority's time is {abs(later)} s {order} the quorum's: stamped late, or one "
            "of their clocks is wrong"
        )
        yield Finding("time", Outcome.UNDECIDED, stamp.path, detail)


def stamp_facts(stamp: Stamp) -> Mapping[str, str]:
    label, size = stamp.tree
    facts = {"file": stamp.path, "log": label, "size": str(size)}
    if (timestamp := stamp.timestamp) is None:
        return facts | {"checked": "failed" if stamp.refused else "no authority of yours"}
    return facts | {
        "at": milliseconds_text(timestamp.at_ms),
        "authority": timestamp.authority,
        "checked": "passed",
        "ends": milliseconds_text(timestamp.ends_ms),
        "revocation": timestamp.revocation or LOOKED_UP,
    }
