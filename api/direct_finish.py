"""What becomes of direct uploads: verified, recorded, or removed from the store.

    parts ─► completed ─► every block read from the store, opened, digested ─► compared
          ─► companion, other copies, place ─► record

The finish goes on behind the answer, in the threads of `api.arrivals`. Each step is noted before
the next: killed anywhere, either the item is recorded, once, or the upload is finished again, or
it is refused and nothing of it is left.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress

from api.arrivals import Busy, Stopped, until
from api.journal import journal
from ledger import abreast
from ledger.errors import Conflict, LedgerError, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import ItemHasher
from ledger.ports import ItemRecord, LedgerStore
from storage.direct_directory import Direct, DirectDirectory, State
from storage.items_direct import DirectItems
from storage.sealing import Unopened
from storage.staging_directory import Gone


class WrongParts(Conflict):
    code = "parts"


class Differs(Rejected):
    """Other bytes than those that were announced."""


class DirectFinishes:
    def __init__(
        self,
        directs: DirectDirectory,
        items: DirectItems,
        store: LedgerStore,
        now_ms: Callable[[], int],
        submit: Callable[[Callable[[], None]], Future[None]],
    ) -> None:
        self._directs = directs
        self._items = items
        self._store = store
        self._now_ms = now_ms
        self._submit = submit
        self._lock = threading.Lock()
        self._finishing: set[str] = set()
        self._failed: dict[str, LedgerError] = {}
        self._stop = threading.Event()
        self._resumed = False

    def close(self) -> None:
        """What is being finished is left as it is, for the next run."""
        self._stop.set()

    def busy(self, direct: Direct) -> bool:
        with self._lock:
            return direct.id in self._finishing

    def ask(self, direct: Direct) -> None:
        """It is to be finished from here on; of two who ask at once one has asked."""
        with suppress(Busy), self._alone(direct):
            if direct.state == State.OPEN:
                self._directs.note(direct, state=State.FINISHING)
            self.failure(direct)
        self.finish(direct)

    def finish(self, direct: Direct) -> bool:
        """Begins it where it was asked for, is not over, and no failure is still to be told.

        Whether it is under way.
        """
        with self._lock:
            if direct.id in self._finishing:
                return True
            due = self._resumed and not self._stop.is_set() and direct.id not in self._failed
            if not due or direct.state != State.FINISHING:
                return False
            self._finishing.add(direct.id)
            try:
                future = self._submit(lambda: self._run(direct))
            except RuntimeError:  # the server is ending
                self._finishing.discard(direct.id)
                return False
        future.add_done_callback(lambda _: self._ended(direct))
        return True

    def failure(self, direct: Direct) -> LedgerError | None:
        """Why the last finish ended without an item; told once, and then it may begin again."""
        with self._lock:
            return self._failed.pop(direct.id, None)

    def end(self, direct: Direct) -> None:
        """Removes it, and what of it is in the store, unless it was recorded.

        If the store does not do its part it stays, and counts. Raises `Busy` while it is verified.
        """
        with self._alone(direct):
            self._end(direct)

    def _end(self, direct: Direct) -> None:
        if direct.state != State.RECORDED and not direct.cleared:
            self._clear(direct)
        self._directs.remove(direct)
        self.failure(direct)

    def check_there(self, direct: Direct) -> None:
        """Called where the store knows nothing of it: raises `Gone` or `Busy`, as the case is.

        A store may clear away by rules of its own. Then it is over, and a new one can be opened.
        """
        if self._refuse_open(direct, "the store has ended this upload"):
            raise Gone("the store has ended this upload", hints=("open a new one",))
        raise Busy("this upload is being verified, or over", hints=("ask …/item",))

    @contextmanager
    def _alone(self, direct: Direct) -> Iterator[None]:
        """No finish begins meanwhile: what it recorded would be cleared away under it."""
        with self._lock:
            if direct.id in self._finishing:
                raise Busy("this upload is being verified")
            self._finishing.add(direct.id)
        try:
            yield
        finally:
            self._ended(direct)

    def _refuse_open(self, direct: Direct, why: str) -> bool:
        """Whether it was still to be refused."""
        with self._alone(direct):
            if direct.state != State.OPEN:
                return False
            self._refuse(direct, why)
        return True

    # --- the finish, in threads --------------------------------------------------------------

    def _ended(self, direct: Direct) -> None:
        with self._lock:
            self._finishing.discard(direct.id)

    def _run(self, direct: Direct) -> None:
        size = direct.announced.size
        try:
            self._finish(direct)
        except Stopped:
            return
        except LedgerError as error:
            journal.warning("direct_not_finished", size=size, reason=str(error))
            self._fail(direct, error)
        except Exception:
            journal.exception("direct_not_finished", size=size)
            self._fail(direct, Unavailable("the server failed to verify the upload"))

    def _fail(self, direct: Direct, error: LedgerError) -> None:
        with self._lock:
            self._failed[direct.id] = error

    def _finish(self, direct: Direct) -> None:
        if self._items.is_kept(direct.begun.item):
            self._record(direct)
            return
        try:
            ref = direct.ref or self._items.complete(direct.begun, direct.announced.size)
        except (Conflict, Unknown) as error:
            self._refuse(direct, f"the store has not what was put there: {error}")
            return
        except Rejected as error:
            self._directs.note(direct, state=State.OPEN)
            raise WrongParts(
                str(error), hints=("put the missing parts, then finish it again",)
            ) from None
        if not direct.ref:
            self._directs.note(direct, ref=ref)
        try:
            self._verify(direct)
        except (Unopened, Differs, Unknown) as error:
            self._refuse(direct, f"what was put into the store is not the item: {error}")
            return
        self._record(direct)

    def _verify(self, direct: Direct) -> None:
        """Everything as the store gives it out, by its version; what is kept is what was read."""
        announced = direct.announced
        hasher = ItemHasher(sm3=announced.sm3)
        arriving = self._items.read(direct.begun, announced.size, direct.ref)
        try:
            with closing(arriving.chunks()) as chunks:
                abreast.feed(until(self._stop, chunks), hasher.parts)
            found = hasher.finish()
            if found.sha256 != announced.sha256:
                raise Differs(f"want sha256 {announced.sha256.hex()}, got {found.sha256.hex()}")
            self._directs.note(direct, digest=found)
            arriving.keep(b"".join(hasher.leaves))
        finally:
            arriving.abort()

    def _record(self, direct: Direct) -> None:
        digest = direct.digest
        assert digest is not None  # noted before the place
        if not self._store.has_item(direct.begun.item):
            self._store.add_item(
                ItemRecord(
                    object_id=direct.begun.item,
                    digest=digest,
                    keyid=direct.announced.keyid,
                    agency=direct.announced.agency,
                    uploaded_ms=self._now_ms(),
                )
            )
        self._directs.note(direct, state=State.RECORDED)
        journal.info("item_held", keyid=direct.announced.keyid, size=digest.size)

    def _refuse(self, direct: Direct, why: str) -> None:
        """Durable first: what cannot be removed now is removed later, and is no item anyway."""
        self._directs.note(direct, state=State.REFUSED, why=why)
        journal.warning("direct_refused", size=direct.announced.size, reason=why)
        try:
            self._clear(direct)
        except LedgerError as error:
            journal.warning("direct_left", item=direct.begun.item, reason=str(error))

    def _clear(self, direct: Direct) -> None:
        # Other copies are written only once the digest is noted; to look there takes a whole list.
        copied = direct.digest is not None
        self._items.clear(direct.begun, direct.announced.size, copied=copied)
        if direct.over:
            self._directs.note(direct, cleared=True)

    # --- after a restart, and from time to time ----------------------------------------------

    def without_own(self, orphans: Sequence[str]) -> list[str]:
        """Of objects that no record speaks of, those that may be items.

        What an upload speaks of is seen to by its finish. What has no companion was never read,
        as where the upload is forgotten, and is left alone.
        """
        own = self._directs.items()
        left = []
        for ref in orphans:
            if ref.partition("@")[0] in own:
                continue
            try:
                if not self._items.is_unverified(ref):
                    left.append(ref)
                    continue
                journal.warning("orphan_left", object=ref, reason="it was never verified")
            except LedgerError as error:
                journal.warning("orphan_left", object=ref, reason=str(error))
        return left

    def resume(self) -> None:
        self._resumed = True
        for direct in self._directs.all():
            self.finish(direct)

    def sweep(self) -> int:
        """How many were ended: those whose time is up, and those whose URLs serve for junk."""
        ended = 0
        expired = {direct.id for direct in self._directs.expired()}
        for direct in self._directs.all():
            try:
                if direct.state == State.REFUSED and not direct.cleared:
                    with self._alone(direct):
                        self._clear(direct)
                elif direct.id in expired and not self.busy(direct):
                    ended += self._end_expired(direct)
                elif direct.state == State.OPEN and self._overflows(direct):
                    why = "a part is larger than it may be: somebody has its URL"
                    self._refuse_open(direct, why)
            except LedgerError as error:
                journal.warning("direct_left", item=direct.begun.item, reason=str(error))
        return ended

    def _end_expired(self, direct: Direct) -> bool:
        """Whether its time was over still, once nobody could go on with it any more."""
        with self._alone(direct):
            if not self._directs.is_expired(direct):
                return False
            self._end(direct)
        return True

    def _overflows(self, direct: Direct) -> bool:
        begun = direct.begun
        try:
            parts = self._items.parts_there(begun, direct.announced.size, 1, 10_000)
        except Unknown:
            return False
        return any(size > begun.part_size for size in parts.values())
