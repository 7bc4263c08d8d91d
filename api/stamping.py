"""Has timestamp authorities stamp what a quorum has cosigned, beside everything else.

A thread for each authority. It takes the newest cosigned checkpoint, at a bounded rate and
only where entries are new; it opens each token as a verifier would and keeps it with its
issuer's revocation list. Whatever an authority does, filing and publishing go on: the
quorum's time stands without it, and the next checkpoint is stamped instead.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from api.journal import journal
from ledger.errors import Malformed, Unavailable
from ledger.ports import LedgerStore, StampRecord
from ledger.timestamp import Authority, Timestamp, crl_addresses, open_token
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote

FRESH_S = 300.0  # older than that a token would be late: the next checkpoint is stamped
RETRY_S = (2.0, 5.0, 15.0, 60.0, 120.0)
APART_S = 600  # between its clock and this machine's


class AuthorityClient(Protocol):
    def stamp(self, body: bytes, hash_: str = "sha256") -> tuple[bytes, int]: ...

    def revoked(self, url: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Offer:
    """A checkpoint that a quorum has cosigned, of the log with that number."""

    log: int
    checkpoint: Checkpoint
    made_s: float


class Stamper:
    """`every_s` is the shortest time between two tokens of one authority."""

    def __init__(
        self,
        store: LedgerStore,
        authorities: Sequence[tuple[Authority, AuthorityClient]],
        every_s: float,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._every_s = every_s
        self._now_ms = now_ms
        self._change = threading.Condition()
        self._offer: Offer | None = None
        self._stopping = False
        self._threads = [
            threading.Thread(
                target=self._follow, args=pair, name=f"tsa-{pair[0].name}", daemon=True
            )
            for pair in authorities
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def offer(self, log: int, note: SignedNote) -> None:
        """There is a checkpoint with its quorum; returns at once."""
        with self._change:
            self._offer = Offer(log, Checkpoint.from_text(note.text), time.monotonic())
            self._change.notify_all()

    def stop(self) -> None:
        with self._change:
            self._stopping = True
            self._change.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=2)  # it may wait for an answer; nothing of it is half kept

    # --- one authority -----------------------------------------------------------------------

    def _follow(self, authority: Authority, client: AuthorityClient) -> None:
        stamped, failures, pause_s = (0, 0), 0, 0.0
        while (offer := self._next(stamped, pause_s)) is not None:
            tree = offer.log, offer.checkpoint.size
            try:
                if time.monotonic() - offer.made_s <= FRESH_S:
                    self._stamp(authority, client, offer)
                stamped, failures, pause_s = tree, 0, self._every_s
            except Exception as error:
                # Whatever it was: an authority's fault is nobody else's.
                pause_s = RETRY_S[min(failures, len(RETRY_S) - 1)]
                failures += 1
                journal.warning("not_stamped", authority=authority.name, reason=str(error))

    def _next(self, stamped: tuple[int, int], pause_s: float) -> Offer | None:
        """The newest offer beyond what was stamped, after a pause; None at the end."""
        ends = time.monotonic() + pause_s
        with self._change:
            while not self._stopping:
                left = ends - time.monotonic()
                offer = self._offer
                fresh = offer is not None and (offer.log, offer.checkpoint.size) > stamped
                if left <= 0 and fresh:
                    return offer
                self._change.wait(left if left > 0 else None)
        return None

    def _stamp(self, authority: Authority, client: AuthorityClient, offer: Offer) -> None:
        size = offer.checkpoint.size
        kept = self._store.stamps(offer.log, size)
        if any((stamp.size, stamp.name) == (size, authority.name) for stamp in kept):
            return  # before a restart
        body = offer.checkpoint.to_text().encode()
        token, nonce = client.stamp(body)
        found = open_token(token, body, authority, nonce=nonce)
        crl = revocation_list(authority, client, token, body)
        self._store.add_stamp(StampRecord(offer.log, size, authority.name, token, crl))
        self._compare(authority, found)
        journal.info("stamped", authority=authority.name, size=size, revocation=bool(crl))

    def _compare(self, authority: Authority, found: Timestamp) -> None:
        apart_s = (found.at_ms - self._now_ms()) // 1000
        if abs(apart_s) > APART_S:
            journal.error("authority_apart", authority=authority.name, ahead_s=apart_s)


def revocation_list(
    authority: Authority, client: AuthorityClient, token: bytes, body: bytes
) -> bytes:
    """The list that goes with a token, if there is one; raises `Rejected` if it names it."""
    for url in crl_addresses(token, authority):
        try:
            crl = client.revoked(url)
            if not open_token(token, body, authority, crl=crl).revocation:
                return crl
        except (Malformed, Unavailable) as error:
            journal.warning("no_revocation_list", authority=authority.name, reason=str(error))
    return b""
