"""Staged uploads of this server: who is sending one, and what becomes of those that are whole.

                    read back · digested · compared
    staging, whole ─────────────────────────────────► item store ─► record ─► bytes dropped

The finish goes on behind the answer. Each step is noted before the next: killed anywhere,
either the item is recorded, once, or the upload is still whole and is finished again.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from typing import TypeVar

from api.journal import journal
from ledger import abreast
from ledger.errors import Conflict, LedgerError, Unavailable, Unknown
from ledger.evidence.chunks import ItemDigest, ItemHasher
from ledger.evidence.sealed import Companion, ItemSeal
from ledger.ports import ItemRecord, ItemStore, LedgerStore
from ledger.suite_private import SEAL_NONCE
from storage.sealing import Unopened, alongside, opened
from storage.staged_bytes import StagedKey
from storage.staging_directory import Finish, Staged, StagingDirectory

Part = TypeVar("Part", bytes, memoryview)

FINISHING = 2  # at once: each has three threads and reads the disk
STALLED_S = 5.0  # after this much silence a new request takes over from a broken line


class Busy(Conflict):
    code = "busy"


class Stopped(Unavailable):
    pass


@dataclass(slots=True)
class Sender:
    """The request that has an upload to itself. Of the event loop's thread, but for `hear`."""

    task: asyncio.Task[object]
    now_s: Callable[[], float]
    heard_s: float
    released: asyncio.Event = field(default_factory=asyncio.Event)
    replaced: bool = False

    def hear(self) -> None:
        self.heard_s = self.now_s()

    async def replace(self) -> None:
        """Ends it; what came of its bytes has been dealt with on return."""
        # Once: what it does to come to its end must not be broken off as well.
        if not self.replaced:
            self.replaced = True
            self.task.cancel()
        await self.released.wait()


class Arrivals:
    def __init__(
        self,
        staging: StagingDirectory,
        items: Callable[[], ItemStore],
        store: LedgerStore,
        now_ms: Callable[[], int],
    ) -> None:
        self._staging = staging
        self._items = items
        self._store = store
        self._now_ms = now_ms
        self._senders: dict[str, Sender] = {}
        self._pool = ThreadPoolExecutor(FINISHING, "finish")
        self._lock = threading.Lock()
        self._finishing: dict[str, tuple[Future[None], threading.Event]] = {}
        self._failed: dict[str, LedgerError] = {}
        self._resumed = False
        self._closing = False

    def close(self) -> None:
        """What is being finished is left as it is, for the next run."""
        with self._lock:
            self._closing = True
            for _, stop in self._finishing.values():
                stop.set()
        self._pool.shutdown(cancel_futures=True)

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """For other uploads that are verified: all of them share the threads and the disk."""
        return self._pool.submit(work)

    # --- one sender at a time, on the event loop ---------------------------------------------

    @asynccontextmanager
    async def hold(self, staged: Staged) -> AsyncIterator[Sender]:
        """Raises `Busy` while another request is sending, or the whole is being read."""
        await self.end_stalled(staged)
        task = asyncio.current_task()
        assert task is not None
        now_s = asyncio.get_running_loop().time
        with self._lock:
            self._staging.find(staged.id)  # it may have gone meanwhile, and does not from here on
            if staged.id in self._senders or staged.id in self._finishing:
                raise Busy("another request is sending this upload, or it is being read back")
            sender = self._senders[staged.id] = Sender(task, now_s, now_s())
        try:
            yield sender
        except asyncio.CancelledError:
            if not sender.replaced:
                raise
            task.uncancel()
            raise Busy("another request has taken over this upload") from None
        finally:
            with self._lock:
                del self._senders[staged.id]
            sender.released.set()

    async def end_stalled(self, staged: Staged) -> None:
        """A line that broke without a word is not waited for by whoever goes on."""
        sender = self._senders.get(staged.id)
        if sender is not None and sender.now_s() - sender.heard_s > STALLED_S:
            await sender.replace()

    async def stop(self, staged: Staged) -> None:
        """Nobody sends or finishes it any more."""
        if (sender := self._senders.get(staged.id)) is not None:
            await sender.replace()
        with self._lock:
            future, stop = self._finishing.get(staged.id, (None, None))
        if future is not None and stop is not None:
            stop.set()
            if not future.cancel():
                await asyncio.wait([asyncio.wrap_future(future)])
        with self._lock:
            self._failed.pop(staged.id, None)

    # --- the finish, in threads --------------------------------------------------------------

    def finishing(self, staged: Staged) -> bool:
        with self._lock:
            return staged.id in self._finishing

    def finish(self, staged: Staged) -> bool:
        """Begins it where it is due: at the last byte, after a repair, or after a failure was told.

        Whether it is under way.
        """
        with self._lock:
            if staged.id in self._finishing:
                return True
            due = self._resumed and not self._closing and staged.id not in self._failed
            due = due and self._staging.knows(staged)  # whoever asks may have found it long ago
            busy = staged.id in self._senders
            if not due or busy or not staged.whole or staged.recorded or staged.mismatched:
                return False
            stop = threading.Event()
            future = self._pool.submit(self._work, staged, stop)
            self._finishing[staged.id] = future, stop
        future.add_done_callback(lambda done: self._ended(staged) if done.cancelled() else None)
        return True

    def failure(self, staged: Staged) -> LedgerError | None:
        """Why the last finish ended without an item; told once, and then it may begin again."""
        with self._lock:
            return self._failed.pop(staged.id, None)

    def _ended(self, staged: Staged) -> None:
        with self._lock:
            del self._finishing[staged.id]

    def _work(self, staged: Staged, stop: threading.Event) -> None:
        try:
            self._run(staged, stop)
        finally:
            # Before the future is done: whoever waits for that finds it let go of.
            self._ended(staged)

    def _run(self, staged: Staged, stop: threading.Event) -> None:
        try:
            self._finish(staged, stop)
        except Stopped:
            return
        except LedgerError as error:
            journal.warning("upload_not_finished", size=staged.offset, reason=str(error))
            with self._lock:
                self._failed[staged.id] = error
        except Exception:
            # It is told as a fault of ours, and is tried again when it is asked for.
            journal.exception("upload_not_finished", size=staged.offset)
            with self._lock:
                self._failed[staged.id] = Unavailable("the server failed to read the upload back")

    def _finish(self, staged: Staged, stop: threading.Event) -> None:
        if self._take_up(staged):
            return
        if staged.seal is None or staged.key is None:
            self._finish_plain(staged, stop)
        else:
            self._finish_sealed(staged, staged.key, staged.seal, stop)

    def _finish_plain(self, staged: Staged, stop: threading.Event) -> None:
        items, hasher = self._items(), ItemHasher(sm3=staged.announced.sm3)
        writer = items.begin(staged.announced.size)
        try:
            pieces = until(stop, self._staging.pieces(staged))
            abreast.feed(pieces, (writer.write, *hasher.parts))
            finish = self._found(staged, hasher)
            if finish is None:
                return
            finish = replace(finish, object_id=writer.commit(b"".join(hasher.leaves)))
        finally:
            writer.abort()
        try:
            self._staging.note(staged, finish)
        except LedgerError:
            items.delete(finish.object_id)
            raise
        self._record(staged, finish)

    def _finish_sealed(
        self, staged: Staged, key: StagedKey, seal: ItemSeal, stop: threading.Event
    ) -> None:
        hasher = ItemHasher(sm3=staged.announced.sm3)
        writer = self._items().begin_sealed(key.item, seal.size)
        try:
            stored = alongside(until(stop, self._staging.pieces(staged)), writer.write)
            try:
                with closing(stored):
                    abreast.feed(opened(seal, stored), hasher.parts)
            except Unopened as error:
                # What was opened before is digested: it is too short, but where it was nothing.
                if not seal.size:
                    raise Unavailable(
                        f"the staged bytes are damaged: {error}", hints=("open a new upload",)
                    ) from None
            finish = self._found(staged, hasher)
            if finish is None:
                return
            leaves = b"".join(hasher.leaves)
            companion = Companion(
                item=bytes.fromhex(key.item),
                size=seal.size,
                wrap_id=key.wrap_id,
                wrapped=key.wrapped,
                hashes=writer.hashes(),
                leaves=seal.seal_leaves(os.urandom(SEAL_NONCE), leaves),
            )
            finish = replace(finish, object_id=writer.commit(companion))
        finally:
            writer.abort()
        self._record(staged, finish)

    def _found(self, staged: Staged, hasher: ItemHasher) -> Finish | None:
        """Noted; None if it is not what was announced."""
        finish = Finish(hasher.finish())
        self._staging.note(staged, finish)
        if not staged.mismatched:
            return finish
        journal.warning("upload_mismatched", size=staged.offset, read=finish.digest.size)
        return None

    def _take_up(self, staged: Staged) -> bool:
        """Where an earlier finish came as far as the item store; False if nothing came of that."""
        object_id, finish = _object_of(staged), staged.finish
        if finish is None or not object_id:
            return False
        if self._store.has_item(object_id):
            self._close(staged, replace(finish, object_id=object_id))
            return True
        if not self._is_there(staged, object_id):
            return False
        self._record(staged, replace(finish, object_id=object_id))
        return True

    def _is_there(self, staged: Staged, object_id: str) -> bool:
        if staged.key is not None:
            # In one copy of two it may lie all the same: it is cleared away, and made again.
            return self._items().is_kept(object_id)
        try:
            self._items().read(object_id, 0, 0)
        except Unknown:
            return False
        return True

    def _record(self, staged: Staged, finish: Finish) -> None:
        self._store.add_item(
            ItemRecord(
                object_id=finish.object_id,
                digest=finish.digest,
                keyid=staged.announced.keyid,
                agency=staged.announced.agency,
                uploaded_ms=self._now_ms(),
            )
        )
        self._close(staged, finish)
        journal.info("item_held", keyid=staged.announced.keyid, size=finish.digest.size)

    def _close(self, staged: Staged, finish: Finish) -> None:
        self._staging.note(staged, replace(finish, recorded=True))
        self._staging.drop_bytes(staged)

    # --- after a restart, and from time to time ----------------------------------------------

    def take_orphans(self, orphans: Sequence[str]) -> list[str]:
        """Records those that a staged upload knows by name; the others.

        What is an upload's and is not kept is neither: its finish clears it away.
        """
        by_object = {
            _object_of(s): s for s in self._staging.all() if not s.recorded and _object_of(s)
        }
        left = []
        for object_id in orphans:
            # A reference of a bucket has the version behind the name.
            staged = by_object.get(object_id.partition("@")[0])
            if staged is None or staged.finish is None:
                left.append(object_id)
                continue
            if not self._is_there(staged, object_id):
                continue
            try:
                self._record(staged, replace(staged.finish, object_id=object_id))
            except LedgerError as error:
                journal.warning("orphan_left", object=object_id, reason=str(error))
        return left

    def take_orphan(self, object_id: str, digest: ItemDigest) -> bool:
        """Whether it is what a staged upload had given to the item store when it was killed.

        `digest` without SM3, which nobody knows to be wanted.
        """
        for staged in self._staging.all():
            noted = staged.finish
            if staged.key is not None or noted is None or noted.object_id or staged.mismatched:
                continue
            if replace(noted.digest, sm3=b"") == digest:
                finish = replace(noted, object_id=object_id)
                self._staging.note(staged, finish)
                self._record(staged, finish)
                return True
        return False

    def resume(self) -> None:
        """Once the orphans have been looked at: goes on with what is whole."""
        self._resumed = True
        for staged in self._staging.all():
            self.finish(staged)

    def remove_expired(self) -> int:
        """How many; those that are being sent or finished stay."""
        stale = [staged for staged in self._staging.expired() if self._end_expired(staged)]
        for staged in stale:
            self.failure(staged)
            try:
                self._staging.remove(staged)
            except LedgerError as error:
                # It is found again at the next start; the others need not wait for that.
                journal.warning("upload_left", size=staged.announced.size, reason=str(error))
                continue
            if not staged.recorded:
                journal.info("upload_expired", size=staged.announced.size, came=staged.offset)
        return len(stale)

    def _end_expired(self, staged: Staged) -> bool:
        """Whether nobody has it, and nobody takes it up any more, since it was listed or later."""
        with self._lock:
            busy = staged.id in self._senders or staged.id in self._finishing
            return not busy and self._staging.end_expired(staged)


def _object_of(staged: Staged) -> str:
    """The id that its item has in the store, if it came as far as that and the id is known."""
    if staged.finish is None or staged.mismatched:
        return ""
    # That of a sealed one is known from the start on.
    return staged.finish.object_id if staged.key is None else staged.key.item


def until(stop: threading.Event, pieces: Iterator[Part]) -> Iterator[Part]:
    for piece in pieces:
        if stop.is_set():
            raise Stopped("nobody wants it any more")
        yield piece
