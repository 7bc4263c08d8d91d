"""Rule packs that were read before: all that were ever registered are asked of each act.

What is asked of each is names alone. They are a tenth of the text, which the register of packs
holds as well, so they are kept of thousands; a whole pack takes four times its text, and of those
the last used are kept, by their size. One that is read anew costs its reader a moment.
"""

import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache

from ledger.errors import Malformed
from ledger.process.rules.rulepack import RulePack

MAX_TEXT = 16 << 20  # characters of the packs that are kept whole


@dataclass(frozen=True, slots=True)
class Named:
    """The acts that a pack knows, and those of them for which it has a gate."""

    acts: frozenset[str]
    concluding: frozenset[str]


class _Packs:
    """Asked from any thread; of two that ask for one at once both may read it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, RulePack | str] = OrderedDict()  # or why it cannot be read
        self._held = 0

    def get(self, text: str) -> RulePack | str:
        with self._lock:
            if (known := self._kept.get(text)) is not None:
                self._kept.move_to_end(text)
                return known
        try:
            read: RulePack | str = RulePack.from_text(text)
        except Malformed as error:
            read = str(error)
        with self._lock:
            self._keep(text, read)
        return read

    def _keep(self, text: str, read: RulePack | str) -> None:
        if text in self._kept:
            return
        self._kept[text] = read
        self._held += len(text)
        while self._held > MAX_TEXT:
            oldest, _ = self._kept.popitem(last=False)
            self._held -= len(oldest)


_PACKS = _Packs()


def known_pack(text: str) -> RulePack | None:
    """None of one that cannot be read."""
    found = _PACKS.get(text)
    return found if isinstance(found, RulePack) else None


def read_pack(text: str) -> RulePack:
    """Raises `Malformed`."""
    found = _PACKS.get(text)
    return found if isinstance(found, RulePack) else RulePack.from_text(text)


@lru_cache(maxsize=1 << 14)
def named_in(text: str) -> Named | None:
    """None of one that cannot be read."""
    pack = known_pack(text)
    if pack is None:
        return None
    concluding = (act for gate in pack.gates for act in gate.acts)
    return Named(
        frozenset(sys.intern(act.id) for act in pack.acts),
        frozenset(sys.intern(act) for act in concluding),
    )
