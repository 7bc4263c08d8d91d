"""At a start mirrors are asked as well: one that shows more than is here stops the log.

A mirror keeps what was published, signed by this log, and that is all that counts here: its
word does not. One that is silent, or behind, says nothing: it lets nothing go on either, for
whoever may have signed more are the cosigners.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from api.clients.address import without_password
from api.clients.cosigner_http import HttpCosigner
from api.journal import journal
from ledger.errors import LedgerError
from ledger.sequencer import Head
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.note import SignedNote, VerifierKey
from ledger.tlog.policy import Policy


class Mirror(Protocol):
    def checkpoint(self, origin: str) -> bytes:
        """The newest checkpoint that it keeps; raises `LedgerError` if there is none."""
        ...


def open_mirrors(setting: str | None) -> dict[str, Mirror]:
    """By address; `setting` names them with commas."""
    addresses = [] if setting is None else setting.split(",")
    return {address.strip(): HttpCosigner(address.strip()) for address in addresses}


def open_cosigners(policy: Policy) -> Sequence[Mirror]:
    """Those of the policy that have an address, as somebody who shows what he has signed."""
    return [HttpCosigner(witness.url) for witness in policy.witnesses if witness.url]


@dataclass(frozen=True, slots=True)
class Here:
    """The tree of this folder. `root_at` gives the root of its first entries, as the public files
    have it, or None: unread. `root_of` gives it from the entries, which takes longer; it is asked
    where the files give another, and in a restored folder also where they give none.
    """

    head: Head
    root_at: Callable[[int], bytes | None] = lambda size: None
    root_of: Callable[[int], bytes] | None = None
    restored: bool = False

    def is_against(self, shown: Checkpoint) -> bool:
        """Whether our tree is not, or is not yet, what this log has signed there."""
        edge = self.head.edge
        if shown.size >= edge.size:
            return shown.size > edge.size or shown.root != edge.root()
        root = self.root_at(shown.size)
        if root == shown.root or (root is None and not self.restored):
            return False
        # A file of the public log may be lost or damaged: that is no other tree, nor this one.
        return shown.root != (root if self.root_of is None else self.root_of(shown.size))


class MirrorQuestion:
    """Asked of all at once; a mirror that hangs keeps nobody from ending."""

    def __init__(self, log: VerifierKey, mirrors: Mapping[str, Mirror], here: Here) -> None:
        self._log = log
        self._here = here
        self._shown: dict[str, Checkpoint] = {}
        self._threads = [
            threading.Thread(target=self._ask, args=pair, name="ask-mirror", daemon=True)
            for pair in mirrors.items()
        ]
        for thread in self._threads:
            thread.start()

    def against(self, until_s: float) -> dict[str, Checkpoint]:
        """What mirrors have shown by then that our tree is not, or is not yet, by address.

        `until_s` is of the monotonic clock.
        """
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        shown = sorted(dict(self._shown).items())
        return {address: one for address, one in shown if self._here.is_against(one)}

    def _ask(self, address: str, mirror: Mirror) -> None:
        try:
            note = SignedNote.from_bytes(mirror.checkpoint(self._log.name))
            self._shown[address] = open_checkpoint(note, self._log)
        except LedgerError as error:
            journal.warning("mirror_silent", mirror=without_password(address), reason=str(error))
        except Exception as error:
            # Whatever it was: it is no answer, and the others are asked all the same.
            journal.warning("mirror_silent", mirror=without_password(address), reason=repr(error))
