"""What the writing side needs from outside. Each port states how strong it must be.

Adapters raise `Unavailable` when the disk or the network would not do its part,
`Full` when there is no room, `Unknown` when nothing of that name is there, and
nothing else of their own. A failed write may or may not have been stored: the
caller stops, and what `recover` finds afterwards is the truth.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.evidence.chunks import ItemDigest
from ledger.evidence.sealed import Companion
from ledger.evidence.series import Series
from ledger.evidence.statement import Statement
from ledger.sequencer import Batch, Head, Row


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall clock, milliseconds since the Unix epoch; may jump."""
        ...

    def steady_ms(self) -> int:
        """Milliseconds from an arbitrary start; never jumps, counts while the machine sleeps."""
        ...


class Entropy(Protocol):
    def salt(self) -> bytes:
        """32 fresh bytes from the operating system, never derived from a kept key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRecord:
    """An item whose bytes are held. `object_id` is the store's name for them, opaque."""

    object_id: str
    digest: ItemDigest
    keyid: str
    agency: str
    uploaded_ms: int
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class StampRecord:
    """A timestamp token over the checkpoint of `size` entries of a log, and its authority's name.

    `crl` is what the authority's issuer had revoked then, DER; empty if nobody could say.
    """

    log: int
    size: int
    name: str
    token: bytes
    crl: bytes


class Gate(Protocol):
    """What stands before conclusions, which unlike evidence may be refused for a defect in law."""

    def check(self, statement: Statement, below: int) -> None:
        """Raises `Rejected` unless it may stand behind the rows that have a number below that.

        Raises `Unavailable` if that cannot be told just now. It changes nothing.
        """
        ...


class LedgerStore(Protocol):
    """Statements, entries, right edges, checkpoints and items: one database.

    Rows have one number, running on across the logs in sequence (`ledger.sequencer`). Each
    log has one head; only the last log grows.

    Durability: a method that writes returns only when its effect would survive a
    power cut. Consistency: serialisable; `commit` is one transaction. Trust: with
    the log key it can fork the log, delay and withhold; the cosigners and the
    filers' receipts show it.
    """

    def head(self) -> Head | None:
        """The last log's edge and signed checkpoint; None before the first commit."""
        ...

    def heads(self) -> Sequence[Head]:
        """Those of all logs, in order; of closed ones the last that they had."""
        ...

    def commit(self, batch: Batch, note: str, expected: Head | None) -> None:
        """Stores rows, series counts, claims and the new head, all or nothing.

        `note` is the signed checkpoint of `batch.edge`. A batch of the log after that of
        `expected` begins it, and closes the one before. Raises `Conflict`, storing nothing,
        if the head is no longer `expected`.
        """
        ...

    def row(self, number: int) -> Row:
        """Raises `Unknown` for a number not committed. It may be `lost`, and those of `rows`."""
        ...

    def find(self, statement_id: str) -> Row | None: ...

    def known(self, statement_ids: Sequence[str]) -> frozenset[str]:
        """Those of these ids whose statements are stored."""
        ...

    def rows(self, start: int, end: int) -> Iterator[Row]:
        """Rows [start, end) in order, read piece by piece."""
        ...

    def registers(self, start: int = 0) -> Iterator[Row]:
        """The rows of all register statements from that number on, in log order."""
        ...

    def guarding(self) -> Iterator[Row]:
        """Those of all complaints, holds and disposals, in log order."""
        ...

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Entry bytes [start, end) in order."""
        ...

    def series(self, names: Sequence[str]) -> Mapping[str, tuple[bytes, int]]:
        """Signature and count of each of these series that exists."""
        ...

    def places(self, name: str) -> Sequence[int]:
        """The numbers of a series' statements, n = 1 first; empty if there is none."""
        ...

    def lost(self) -> Sequence[int]:
        """The numbers of entries whose statements were lost with an earlier disk."""
        ...

    def find_lost(self, series: Sequence[Series]) -> None:
        """Of series that are not stored: stores those whose tags lost entries bear, counted.

        So a number that a lost statement had is never given again.
        """
        ...

    def add_item(self, item: ItemRecord) -> None: ...

    def find_items(self, wanted: Sequence[tuple[ItemDigest, str]]) -> Sequence[ItemRecord | None]:
        """For each, an item that this agency has uploaded, with these digests and size.

        Without `sm3` any will do; with it only one that was digested so at upload.
        Whoever knows a digest may not have another agency's bytes for it.
        """
        ...

    def held(self, sha256: bytes, size: int, agency: str) -> ItemRecord | None:
        """An item that this agency has uploaded, of this digest and size."""
        ...

    def unclaimed(self, before_ms: int) -> Sequence[ItemRecord]:
        """Items uploaded before that time that no statement speaks of."""
        ...

    def object_ids(self) -> Iterator[str]:
        """The store's names of all items, claimed or not."""
        ...

    def has_item(self, object_id: str) -> bool: ...

    def items_after(self, object_id: str, count: int) -> Sequence[ItemRecord]:
        """The next `count` items in order of the store's names for them; "" is before all."""
        ...

    def forget_items(self, object_ids: Sequence[str]) -> None:
        """Forgets unclaimed items; a claimed one is left alone."""
        ...

    def unclaimed_bytes(self, keyid: str) -> int:
        """What a key has uploaded and not yet claimed: its quota."""
        ...

    def add_cosigned(self, log: int, size: int, note: str) -> None:
        """Keeps a checkpoint that has its quorum; a later note of that size replaces it."""
        ...

    def cosigned(self, log: int, size: int) -> str | None:
        """The earliest kept checkpoint of at least `size` entries of that log."""
        ...

    def newest_cosigned(self, log: int) -> str | None: ...

    def add_stamp(self, stamp: StampRecord) -> None:
        """Keeps a token over a checkpoint; the first of an authority for a size stands."""
        ...

    def stamps(self, log: int, size: int) -> Sequence[StampRecord]:
        """Those over the earliest stamped checkpoint of at least `size` entries, by name."""
        ...

    def newest_stamp(self, log: int) -> int:
        """The size of the largest stamped checkpoint of that log; 0 if there is none."""
        ...


class RenewalStore(Protocol):
    """Renewals of a ledger by the ids of their statements, which rise with time."""

    def ids(self) -> Sequence[str]: ...

    def envelope(self, id_: str) -> bytes: ...

    def token(self, id_: str) -> bytes: ...

    def crl(self, id_: str) -> bytes:
        """Empty if nobody could say what was revoked then."""
        ...

    def rows(self, id_: str) -> Iterator[bytes]:
        """Its rows, in their order."""
        ...


class ItemWriter(Protocol):
    """An item on its way in. Nothing is visible before `commit` returns."""

    def write(self, data: bytes | memoryview) -> None: ...

    def commit(self, leaves: bytes) -> str:
        """Durable and read-only from now on, with its chunk hashes beside it; its opaque id."""
        ...

    def abort(self) -> None:
        """Leaves nothing behind; safe to call twice and after `commit`."""
        ...


class SealedItemWriter(Protocol):
    """The same of an item whose blocks were sealed before: it is given what is to be stored."""

    def write(self, stored: bytes | memoryview) -> None: ...

    def hashes(self) -> bytes:
        """Of the stored blocks, joined, once all of them came."""
        ...

    def commit(self, companion: Companion) -> str:
        """Raises `Rejected` unless it is the companion of just these blocks."""
        ...

    def abort(self) -> None: ...


class ItemStore(Protocol):
    """The bytes of items, under ids of its own that say nothing about them.

    Trust: it can only withhold; every reader checks digests.
    """

    def begin(self, size: int) -> ItemWriter:
        """Raises `Full` before the first byte if `size` more would not fit."""
        ...

    def begin_sealed(self, object_id: str, size: int) -> SealedItemWriter:
        """For an item whose blocks were sealed before, under a key that the store has made.

        Raises `Full` as `begin`, `Conflict` if it is here, and `Unavailable` from a store
        that keeps items in plain.
        """
        ...

    def is_kept(self, object_id: str) -> bool:
        """Whether a commit of it came to its end; what a crash left on the way is not kept."""
        ...

    def stream(self, object_id: str) -> Iterator[bytes]: ...

    def read(self, object_id: str, start: int, end: int) -> bytes:
        """Bytes [start, end), all of them; raises `Unavailable` if the item is shorter."""
        ...

    def leaves(self, object_id: str) -> bytes:
        """The chunk hashes, 32 bytes each."""
        ...

    def delete(self, object_id: str) -> None:
        """Forgets an item that nobody claimed; quiet if it is gone.

        Raises `Rejected`, and nothing is lost, while it may not be.
        """
        ...

    def ids(self) -> Iterator[str]: ...

    def retain(self, object_id: str, until_ms: int) -> None:
        """No `delete` before that time. Only ever later; an earlier time changes nothing."""
        ...

    def hold(self, object_id: str, on: bool) -> None:
        """A legal hold: no `delete` while it is on, whatever the time."""
        ...


class KeyWrap(Protocol):
    """A key that wraps the keys of items: a file, a token, a key management service.

    A wrapped key is opaque, at most 4,096 bytes, and bound to the item: `unwrap` for another
    item fails. A service that offers bound data (an encryption context, associated data) is
    given the item's id as such. Two keys never have the same `id`, and a key never changes
    its own: it stands in every companion, and in clear.

    Trust: whoever can unwrap can read; who loses the key loses the items.
    """

    @property
    def id(self) -> str:
        """1 to 64 of a-z, 0-9, '.' and '-'; says nothing about the key."""
        ...

    def wrap(self, key: bytes, item: bytes) -> bytes:
        """Usable from any thread; raises `Unavailable` if the token or service is not there."""
        ...

    def unwrap(self, wrapped: bytes, item: bytes) -> bytes:
        """Raises `Rejected` if it was not wrapped with this key, for this item."""
        ...


class ObjectWriter(Protocol):
    """An object on its way in. Nothing is visible before `commit` returns."""

    def write(self, data: bytes | memoryview) -> None: ...

    def commit(self, companion: bytes) -> str:
        """Durable from now on, the companion first; the store's reference to just this object.

        What somebody later puts under the same key has another reference, or is refused.
        """
        ...

    def abort(self) -> None:
        """Leaves nothing behind; safe to call twice and after `commit`."""
        ...


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something in a store that we did not put there, or not so. `what` is one of `ODDITIES`."""

    name: str
    version: str
    what: str


# foreign: a name that is not ours · hidden: a delete marker · rewritten: a later version
# widow: a companion without its object
ODDITIES = ("foreign", "hidden", "rewritten", "widow")


class ObjectStore(Protocol):
    """One place where stored bytes rest: a folder, a bucket. An `ItemStore` works on one or two.

    An object is bytes that never change and a small companion that may be replaced or
    destroyed before them (it holds the wrapped key of a sealed item). Keys are 32 lower-case
    hex digits, random, chosen by the caller; references are opaque.

    Trust: it can only withhold; every reader checks digests.
    """

    def begin(self, key: str, size: int) -> ObjectWriter:
        """Raises `Full` before the first byte if `size` more would not fit."""
        ...

    def stream(self, ref: str) -> Iterator[bytes]:
        """All bytes, in pieces of at most 1 MiB; raises `Unknown` if it is not there."""
        ...

    def read(self, ref: str, start: int, end: int) -> bytes:
        """Bytes [start, end), all of them; raises `Unavailable` if there are fewer."""
        ...

    def mend(self, ref: str, size: int) -> ObjectWriter:
        """Like `begin`, for what takes the place of a damaged or missing object.

        Under the same reference, and then at once, or under another: then the caller deletes
        the old one, if he may.
        """
        ...

    def companion(self, ref: str) -> bytes: ...

    def put_companion(self, ref: str, companion: bytes) -> None:
        """Durable and atomic on return; no earlier companion can be read any more."""
        ...

    def delete(self, ref: str) -> None:
        """With its companion; quiet if it is gone. Raises `Rejected` while it may not be."""
        ...

    def refs(self) -> Iterator[str]:
        """All objects, those without a companion too."""
        ...

    def retain(self, ref: str, until_ms: int) -> None:
        """No `delete` before that time. Only ever later; an earlier time changes nothing."""
        ...

    def hold(self, ref: str, on: bool) -> None:
        """A legal hold: no `delete` while it is on, whatever the time."""
        ...

    def oddities(self) -> Iterator[Oddity]:
        """What somebody else has left or done there, as far as a list of names tells."""
        ...

    def close(self) -> None:
        """Ends what works for the store beside its callers. Nothing is asked of it after."""
        ...


class PublicStore(Protocol):
    """The public log as static files: what anyone may mirror.

    Its paths are those of tiles and bundles, `checkpoint`, and `OPENING`.

    Trust: none; readers recompute.
    """

    def put(self, path: str, data: bytes) -> None:
        """Durable on return. Equal bytes again succeed; other bytes raise `Conflict`."""
        ...

    def replace(self, path: str, data: bytes) -> None:
        """Durable and atomic: readers see the old bytes or the new. Only for `checkpoint`."""
        ...

    def get(self, path: str) -> bytes:
        """Raises `Unknown` if it is not there. A `checkpoint` that was got is durable."""
        ...

    def discard(self, folder: str) -> None:
        """Removes a folder of partial tiles; quiet if it is gone."""
        ...


class CosignerClient(Protocol):
    """One cosigner, over the network. Trust: its key is in the policy; its answers are checked."""

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        """HTTP status and at most 64 KiB of answer, to a tlog-witness add-checkpoint request."""
        ...

    def checkpoint(self, origin: str) -> bytes:
        """What it cosigned last of that log, at most 64 KiB; `Unavailable` if it does not say."""
        ...
