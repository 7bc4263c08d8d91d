"""What still holds at a later time, after the hash or the authority behind it has ended.

A token counts until what it relies on ends: its authority's certificate, a hash, a
signature algorithm. Renewed before that, it counts for as long as the renewal does
(RFC 4998 section 5.2), and so on: each link must have held when the next one was made.
What a log proves by its own hash counts as of the time when its entry was hashed again
with a stronger one (section 5.3). Nobody can make up a link later, so one that was left
out shows, with the year in which it was wanted.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger.encoding import in_china
from ledger.errors import Rejected


@dataclass(frozen=True, slots=True)
class Token:
    """A timestamp token whose signature held at its own time, `at_ms`.

    `ends` says until when each thing it relies on is believed (ms, exclusive); `digest` is
    the strong digest of its bytes.
    """

    name: str
    at_ms: int
    ends: Mapping[str, int]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Renewal:
    """One renewal under the token over it.

    `covers` are the digests of older tokens, `places` the entries that it hashed again.
    """

    name: str
    token: Token
    covers: frozenset[bytes]
    places: frozenset[str] = frozenset()


class Chain:
    """All renewals that are shown, and what still counts at `at_ms` by them.

    Each is looked at once, however they cover each other: a packet may hold thousands.
    """

    def __init__(self, renewals: Iterable[Renewal], at_ms: int) -> None:
        self._at_ms = at_ms
        # By what is covered: when it was renewed by what still counts, the latest first.
        self._renewed: defaultdict[bytes, list[int]] = defaultdict(list)
        self._rehashed: dict[str, int] = {}  # the first time of each entry
        self._broken: dict[bytes, Rejected] = {}
        self._lost: dict[str, Rejected] = {}  # hashed again by what no longer counts
        # Nothing is renewed by what is older: from the latest back.
        for renewal in sorted(renewals, key=lambda renewal: -renewal.token.at_ms):
            try:
                self.check_token(renewal.token)
            except Rejected as error:
                self._broken |= dict.fromkeys(renewal.covers, error)
                self._lost |= dict.fromkeys(renewal.places, error)
            else:
                for digest in renewal.covers:
                    self._renewed[digest].append(renewal.token.at_ms)
                self._rehashed |= dict.fromkeys(renewal.places, renewal.token.at_ms)

    def check_token(self, token: Token) -> None:
        """Raises `Rejected`, with the year, unless `token` still counts."""
        if (ended := self._first_ended(token.ends)) is None:
            return
        what, end_ms = ended
        times = self._renewed.get(token.digest, [])
        # The latest that is not too late.
        at = bisect_right(times, -end_ms, key=lambda time: -time)
        if at < len(times) and times[at] > token.at_ms:
            return
        # A chain that goes on and breaks later is told by where it breaks.
        raise self._broken.get(token.digest) or Rejected(
            f"{what} ended in {in_china(end_ms).year}, and no renewal of {token.name} before "
            "that is shown"
        )

    def held_at(self, place: str, ends: Mapping[str, int]) -> int:
        """As of when the proofs of an entry count (ms); `ends` of what they rely on.

        That is `at_ms` itself while nothing has ended, else when it was first hashed again.
        Raises `Rejected`, with the year, if that was too late or is not shown.
        """
        if (ended := self._first_ended(ends)) is None:
            return self._at_ms
        what, end_ms = ended
        first = self._rehashed.get(place)
        if first is not None and first < end_ms:
            return first
        raise self._lost.get(place) or Rejected(
            f"{what} ended in {in_china(end_ms).year}, and nothing shows that {place} was hashed "
            "again before"
        )

    def _first_ended(self, ends: Mapping[str, int]) -> tuple[str, int] | None:
        """What ended first, of what has ended by now."""
        ended = [(end_ms, what) for what, end_ms in ends.items() if end_ms <= self._at_ms]
        return None if not ended else (min(ended)[1], min(ended)[0])
