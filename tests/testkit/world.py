"""A ledger that tests may stop, break and start again anywhere.

world = World()                              # opened: registrar, station, handler, agency
world.file(world.evidence(1))
with world.crash_after("store.commit"):      # stored, and reported as failed
    world.step()
world.reopen()                               # a new Log over the same stores
audit(world)                                 # from the public bytes alone
"""

import copy
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ledger.cosigner import StaleSize, decide
from ledger.encoding import format_base64
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.chunks import digest_item
from ledger.evidence.series import Series
from ledger.evidence.trust import Trust
from ledger.log import Accepted, Earlier, Keys, Log
from ledger.ports import ItemRecord
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Group, Policy, Witness
from ledger.tlog.signing_key import SigningKey, sign_checkpoint
from ledger.tlog.submission import AddCheckpoint
from storage.memory import MemoryLedgerStore, MemoryPublicStore
from testkit import case as kit
from testkit.keys import SERIES_ROOTS, cosigner, open_series, series_public_pem

START_MS = kit.FILED * 1000
WRITES = {
    "store": ("commit", "add_item", "forget_items", "add_cosigned"),
    "public": ("put", "replace", "discard"),
}
NAMES = ("notary", "court", "archive")


class HandClock:
    """Stands still until it is told."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.wall = now_ms
        self.steady = 1_000

    def now_ms(self) -> int:
        return self.wall

    def steady_ms(self) -> int:
        return self.steady

    def advance(self, ms: int) -> None:
        self.wall += ms
        self.steady += ms

    def jump(self, ms: int) -> None:
        """The wall clock is set; the steady one does not notice."""
        self.wall += ms


class CountingEntropy:
    def __init__(self) -> None:
        self.count = 0

    def salt(self) -> bytes:
        self.count += 1
        return digest(f"salt {self.count}".encode())


class CachedSigner:
    """The series key of the tests; naming takes 7 ms, so each name once."""

    def open(self, name: str) -> Series:
        return open_series(name)


class MemoryCosigner:
    """Implements `CosignerClient`: `ledger.cosigner.decide` over a state in memory."""

    def __init__(self, key: SigningKey, log: SigningKey, clock: HandClock) -> None:
        self.key = key
        self._logs = {log.name: log.verifier}
        self._clock = clock
        self._lock = threading.Lock()
        self.last: Checkpoint | None = None
        self.signed: list[Checkpoint] = []
        self.note = b""

    def checkpoint(self, origin: str) -> bytes:
        return self.note

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        try:
            with self._lock:
                request = AddCheckpoint.from_bytes(body)
                checkpoint = decide(request, self._logs, self.last)
                self.last, self.note = checkpoint, request.note.to_bytes()
                self.signed.append(checkpoint)
        except StaleSize as error:
            return 409, f"{error.size}\n".encode()
        except LedgerError as error:
            return 422, str(error).encode()
        line = sign_checkpoint(checkpoint, self.key, self._clock.now_ms() // 1000)
        return 200, line.to_text().encode()


@dataclass(frozen=True, slots=True)
class Fault:
    """The `nth` call of `port.method` from now on fails, before or after it has its effect."""

    method: str
    nth: int
    stored: bool


class Faults:
    """Counts the writes through all ports; fails at most once."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.armed: Fault | None = None
        self._seen = 0

    def arm(self, fault: Fault | None) -> None:
        self.armed, self._seen = fault, 0

    def hits(self, method: str) -> Fault | None:
        self.calls.append(method)
        if self.armed is None or self.armed.method != method:
            return None
        self._seen += 1
        if self._seen != self.armed.nth:
            return None
        fault, self.armed = self.armed, None
        return fault


class Port:
    """Any adapter, with faults in the methods that write."""

    def __init__(self, name: str, target: Any, faults: Faults) -> None:
        self.target = target
        self._name = name
        self._faults = faults

    def __getattr__(self, method: str) -> Any:
        call = getattr(self.target, method)
        if method not in WRITES[self._name]:
            return call

        def write(*arguments: Any) -> Any:
            fault = self._faults.hits(f"{self._name}.{method}")
            if fault is not None and not fault.stored:
                raise Unavailable(f"the disk failed before {method}")
            result = call(*arguments)
            if fault is not None:
                raise Unavailable(f"the disk failed after {method}")
            return result

        return write


@dataclass(frozen=True, slots=True)
class Acknowledged:
    log: int
    index: int
    envelope: bytes
    salt: bytes
    entry: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """A log that was followed by another."""

    key: SigningKey
    policy: Policy
    public: Any
    cosigners: Mapping[str, MemoryCosigner]


class World:
    """One log with its stores, clock and cosigners; `acknowledged` is what filers were told.

    `begin_next` closes it and begins another; `closed` are those before the open one.
    """

    def __init__(
        self,
        *,
        store: Any = None,
        public: Any = None,
        quorum: int = 2,
        origin: str = kit.ORIGIN,
        opened: bool = True,
    ) -> None:
        self.faults = Faults()
        self.store = Port("store", store or MemoryLedgerStore(), self.faults)
        self.public = Port("public", public or MemoryPublicStore(), self.faults)
        self.clock = HandClock()
        self.entropy = CountingEntropy()
        self.closed: tuple[Closed, ...] = ()
        self.beginning: tuple[bytes, ...] = ()  # of the open log, if others came before it
        self._take(kit.LOG if origin == kit.ORIGIN else kit.key(origin), quorum)
        self.sent: set[bytes] = set()
        self.acknowledged: dict[str, Acknowledged] = {}
        self.signed: set[str] = set()  # every checkpoint that anyone was shown
        self.reopen()
        if opened:
            self.file(*registers())

    def _take(self, log_key: SigningKey, quorum: int) -> None:
        """A log's key, and its own cosigners, who have seen nothing of it yet."""
        self.log_key, self.quorum = log_key, quorum
        self.cosigners = {
            name: MemoryCosigner(cosigner(f"{name}.example/w1"), self.log_key, self.clock)
            for name in NAMES
        }
        self.policy = Policy(
            self.log_key.verifier,
            tuple(Witness(name, c.key.verifier) for name, c in self.cosigners.items()),
            (Group("q", quorum, NAMES),),
            "q",
        )

    def prepare_next(
        self, label: str = "2027", *, quorum: int = 2, public: Any = None
    ) -> tuple[bytes, ...]:
        """Registers the ledger's own key, and turns to the next log; how that begins.

        Until those two are filed, that log is yet to begin.
        """
        self.file(kit.registration(800, kit.LEDGER, "ledger").to_envelope())
        final = self.step().to_text()
        closed = Closed(self.log_key, self.policy, self.public, self.cosigners)
        self.closed = (*self.closed, closed)
        self.public = Port("public", public or MemoryPublicStore(), self.faults)
        self._take(kit.key(f"{kit.ORIGIN.rpartition('/')[0]}/{label}"), quorum)
        number = 810 + 10 * len(self.closed)
        opening = kit.opening(self.log_key, number + 1, ("2026", "2027"))
        self.beginning = kit.renewal(number, final).to_envelope(), opening.to_envelope()
        self.reopen()
        return self.beginning

    def begin_next(self, label: str = "2027", **options: Any) -> None:
        for result in self.file(*self.prepare_next(label, **options)):
            assert isinstance(result, Accepted), result
        self.step()

    def keys(self, years: Sequence[str] = ("2026", "2027")) -> Keys:
        signers: Mapping[str, Any] = dict.fromkeys(years, CachedSigner())
        return Keys(
            log=self.log_key, registrar=kit.REGISTRAR.verifier, series=signers, first_year=2026
        )

    def reopen(self, **options: Any) -> Log:
        """A new Log over the same stores, as after a crash of the process."""
        self.log = Log(
            self.keys(**options),
            self.store,
            self.public,
            self.clock,
            self.entropy,
            earlier=[Earlier(closed.policy, closed.public) for closed in self.closed],
        )
        return self.log

    def fork(self, store: Any = None, public: Any = None) -> "World":
        """A copy of everything, so that one past can have many futures.

        Stores that are not in memory are copied by the caller.
        """
        twin = copy.copy(self)
        twin.faults = Faults()
        twin.closed = tuple(
            replace(closed, public=Port("public", _copy_of(closed.public.target), twin.faults))
            for closed in self.closed
        )
        twin.store = Port("store", store or _copy_of(self.store.target), twin.faults)
        twin.public = Port("public", public or _copy_of(self.public.target), twin.faults)
        twin.clock, twin.entropy = copy.copy(self.clock), copy.copy(self.entropy)
        twin.cosigners = {
            name: MemoryCosigner(c.key, self.log_key, twin.clock)
            for name, c in self.cosigners.items()
        }
        for name, c in twin.cosigners.items():
            c.last = self.cosigners[name].last
        twin.sent, twin.acknowledged = set(self.sent), dict(self.acknowledged)
        twin.signed = set(self.signed)
        twin.reopen()
        return twin

    # --- what people do ---

    def evidence(self, number: int, data: bytes = b"photo", **more: Any) -> bytes:
        """An envelope by the station, about an item that is held."""
        self.hold(data)
        return evidence(number, data, **more)

    def hold(self, data: bytes, agency: str = kit.AGENCY) -> None:
        found = digest_item(data)
        if self.store.find_items([(found, agency)])[0] is None:
            item = ItemRecord(
                object_id=found.sha256.hex()[:32],
                digest=found,
                keyid=kit.STATION.verifier.keyid,
                agency=agency,
                uploaded_ms=self.clock.now_ms(),
            )
            self.store.add_item(item)

    def file(self, *envelopes: bytes) -> list[Accepted | LedgerError]:
        """Files them together, and remembers what was acknowledged."""
        self.sent |= set(envelopes)
        results = self.log.accept(envelopes)
        for result, envelope in zip(results, envelopes, strict=True):
            if isinstance(result, Accepted):
                self.acknowledge(result, envelope)
        return results

    def acknowledge(self, accepted: Accepted, envelope: bytes) -> None:
        row = accepted.row
        said = Acknowledged(row.log, row.index, envelope, row.salt, row.entry)
        # The same answer every time, whatever happened in between.
        assert self.acknowledged.setdefault(row.statement_id, said) == said
        self.signed.add(accepted.note)

    def step(self, cosigners: Sequence[str] = NAMES[:2]) -> SignedNote:
        """Materialise, cosign, keep, publish: what the publisher's threads do."""
        head = self.log.materialise()
        assert head is not None
        note = SignedNote.from_text(head.note)
        for name in cosigners:
            note = self.cosign(note, name)
        self.log.keep_cosigned(note, self.policy)
        self.log.publish(note)
        self.signed.add(note.to_text())
        return note

    def cosign(self, note: SignedNote, name: str) -> SignedNote:
        client = self.cosigners[name]
        known = client.last.size if client.last is not None else 0
        status, answer = client.add_checkpoint(self.log.submission(note, known).to_bytes())
        assert status == 200, answer
        signed = SignedNote.from_bytes(note.text.encode() + b"\n" + answer)
        line = signed.by(client.key.verifier)
        assert line is not None
        assert check_cosignature(signed, Checkpoint.from_text(note.text), client.key.verifier)
        return note.with_signatures([line])

    def after(self) -> dict[str, str]:
        """The field `after` of a signer who has checked the published checkpoint."""
        published = self.log.published()
        assert published is not None
        return {
            "origin": published.origin,
            "root": format_base64(published.root),
            "size": str(published.size),
        }

    @property
    def trust(self) -> Trust:
        return kit.make_trust(self.trust_files())

    def trust_files(self) -> dict[str, bytes]:
        policies = [*(closed.policy for closed in self.closed), self.policy]
        files = {
            "logs": "".join(f"{policy.log.name}\n" for policy in policies).encode(),
            "mirrors": b"",
            "registrar.vkey": f"{kit.REGISTRAR.verifier.to_text()}\n".encode(),
            "series/2026.json": SERIES_ROOTS,
            "series/2026.pem": series_public_pem(),
        }
        if self.closed:
            files |= {"series/2027.json": SERIES_ROOTS, "series/2027.pem": series_public_pem()}
        labels = [derived.label for derived in self.log.derived]
        for label, policy in zip(labels, policies, strict=True):
            files[f"policy/{label}"] = policy.to_text().encode()
        return files

    def public_log(self) -> kit.MemoryLog:
        """A copy of the public files of all logs."""
        log = kit.MemoryLog()
        publics = [*(closed.public for closed in self.closed), self.public]
        for derived, public in zip(self.log.derived, publics, strict=True):
            log.files |= {(derived.label, path): data for path, data in public.files.items()}
        return log

    # --- what goes wrong ---

    @contextmanager
    def crash_before(self, method: str, nth: int = 1) -> Iterator[None]:
        """`store.commit`, `public.put`, …: fails without effect, and what was going on with it."""
        with self._fault(Fault(method, nth, stored=False)):
            yield

    @contextmanager
    def crash_after(self, method: str, nth: int = 1) -> Iterator[None]:
        """Fails although the effect is there."""
        with self._fault(Fault(method, nth, stored=True)):
            yield

    @contextmanager
    def _fault(self, fault: Fault) -> Iterator[None]:
        self.faults.arm(fault)
        try:
            yield
        except Unavailable:
            pass
        finally:
            missed = self.faults.armed is not None
            self.faults.arm(None)
        assert not missed, f"{fault.method} was not called {fault.nth} times"


def _copy_of(target: Any) -> Any:
    """Containers anew; what they hold never changes."""
    twin = copy.copy(target)
    for name, value in vars(target).items():
        if isinstance(value, dict | list):
            setattr(twin, name, copy.copy(value))
    if hasattr(twin, "_lock"):
        twin._lock = threading.Lock()
    return twin


@cache
def registers() -> tuple[bytes, ...]:
    """The opening, a station, a handler, and the agency with its spelling of case numbers."""
    drafts = (
        kit.opening(),
        kit.registration(1, kit.STATION, "station"),
        kit.registration(2, kit.HANDLER, "handler"),
        kit.agency(3, "苏城管罚〔{year}〕{number}号"),
    )
    return tuple(draft.to_envelope() for draft in drafts)


_EVIDENCE: dict[tuple[int, bytes], bytes] = {}


def evidence(number: int, data: bytes = b"photo", **more: Any) -> bytes:
    """Statement `number` of the station; signing takes a moment, so the plain ones once."""
    if more:
        return kit.evidence("e", number + 1000, {"a.jpg": data}, **more).to_envelope()
    if (number, data) not in _EVIDENCE:
        draft = kit.evidence("e", number + 1000, {"a.jpg": data})
        _EVIDENCE[number, data] = draft.to_envelope()
    return _EVIDENCE[number, data]


def grown(size: int, **options: Any) -> World:
    """A world of `size` entries, published and cosigned."""
    world = World(opened=size > 0, **options)
    if size == 0:
        return world
    if size < len(registers()):
        world = World(opened=False, **options)
        world.file(*registers()[:size])
    else:
        rest = size - len(registers())
        world.file(*(world.evidence(number) for number in range(rest)))
    world.step()
    assert world.log.size == size
    return world
