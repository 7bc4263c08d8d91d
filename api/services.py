"""What the routes work with: the stores of one data folder, opened and wired together."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from fastapi import Request

from api.arrivals import Arrivals
from api.asking_mirrors import open_mirrors
from api.backups import BackupWatch
from api.casefiles import CaseFiles
from api.clients.cosigner_http import HttpCosigner
from api.clients.feed_http import HttpReceiver
from api.clients.tsa_http import HttpAuthority
from api.complaints_of import ComplaintsOf
from api.cores import spread
from api.custody import Custody
from api.direct_finish import DirectFinishes
from api.disposing import Disposing
from api.due_kept import KeptRows
from api.feeding import Feed, Pusher, fresh_nonce, read_feed_table, shipped_table
from api.flags import Flagger
from api.gatekeeper import Gatekeeper
from api.identity import Doorkeeper
from api.indexer import Indexer
from api.intake import Intakes
from api.journal import journal
from api.keeping import Keeping
from api.keys import read_key
from api.lifting import Lifting
from api.publisher import Publisher
from api.registers import Registers
from api.resuming import Resumption
from api.settings import Settings
from api.signing import RequestVerifier
from api.stamping import AuthorityClient, Stamper
from api.supervising import Supervising
from api.upload_table import Uploads
from api.vault import Vault, open_vault
from api.writer import Result, Writer
from ledger import abreast
from ledger.encoding import in_china
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.evidence.chunks import ItemDigest, ItemHasher
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import log_label
from ledger.evidence.series_private import SeriesSigner
from ledger.evidence.statement import Statement
from ledger.evidence.trust import TrustedLog
from ledger.filing import Filing
from ledger.log import Accepted, Earlier, Keys, Log
from ledger.ports import CosignerClient, Gate, ItemRecord, ItemStore, LedgerStore
from ledger.process.registers.crew import LATEST
from ledger.sequencer import Row
from ledger.timestamp import Authority
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import LostKey, Signer, SigningKey
from storage.catalog_sqlite import SqliteCatalog
from storage.clock import SystemClock, SystemEntropy
from storage.direct_directory import DirectDirectory
from storage.feed_sqlite import SqliteFeed
from storage.folder import DataFolder
from storage.folder_lock import FolderLock
from storage.items_direct import DirectItems
from storage.ledger_sqlite import SqliteLedgerStore
from storage.next_log import LOG_KEY, put_in_place, staged_key
from storage.public_directory import DirectoryPublicStore
from storage.staging_directory import StagingDirectory
from storage.tokens_sqlite import SqliteTokens
from storage.trust_directory import read_trust

T = TypeVar("T")

SWEEP_S = 600.0
MAX_AHEAD_MS = 3_600_000
TOLD_AT_ONCE = 20  # oddities; `tiezheng scrub` tells all
NOBODY = ""  # the key and agency of bytes whose upload a crash left unrecorded
READING_AT_ONCE = 2  # chunk lists, and as many items that are read back: each takes a disk
PACKETS_AT_ONCE = 2  # each reads every item of a case: more would take all threads from uploads
VIEWS_AT_ONCE = 2  # each may take minutes: on threads that nothing else needs


@dataclass(slots=True, kw_only=True)
class Services:
    """One open ledger. `close` finishes what was accepted."""

    settings: Settings
    folder: DataFolder
    lock: FolderLock
    clock: SystemClock
    store: SqliteLedgerStore
    items: ItemStore
    vault: Vault
    registers: Registers
    casefiles: CaseFiles
    catalog: SqliteCatalog
    indexer: Indexer
    tokens: SqliteTokens
    log: Log
    trusted: TrustedLog
    writer: Writer
    publisher: Publisher
    stamper: Stamper
    feed: Feed
    pusher: Pusher
    custody: Custody
    resumption: Resumption
    backups: BackupWatch
    doorkeeper: Doorkeeper
    staging: StagingDirectory
    directs: DirectDirectory
    direct_items: DirectItems
    arrivals: Arrivals = field(init=False)
    direct_finishes: DirectFinishes = field(init=False)
    keeping: Keeping = field(init=False)
    disposing: Disposing = field(init=False)
    complaints: ComplaintsOf = field(init=False)
    supervising: Supervising = field(init=False)
    orphans: Sequence[str] = ()
    returned: Sequence[str] = ()  # items that were destroyed, and are here again
    uploads: Uploads = field(default_factory=Uploads)
    intakes: Intakes = field(default_factory=Intakes)
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READING_AT_ONCE))
    reading_back: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(READING_AT_ONCE)
    )
    packing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PACKETS_AT_ONCE))
    viewing: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(VIEWS_AT_ONCE, "view")
    )
    due_rows: KeptRows = field(default_factory=KeptRows)
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        # Not `self.items` as it is now: tests put another in its place.
        self.arrivals = Arrivals(self.staging, lambda: self.items, self.store, self.clock.now_ms)
        self.direct_finishes = DirectFinishes(
            self.directs, self.direct_items, self.store, self.clock.now_ms, self.arrivals.submit
        )
        self.keeping = Keeping(
            self.vault,
            lambda: self.items,
            self.store,
            self.catalog,
            self.settings,
            self.custody,
            self.log,
            self.registers,
        )
        self.disposing = Disposing(
            self.log,
            self.store,
            self.vault.items,
            self.catalog,
            self.writer,
            self.custody,
            self.keeping.watching,
            self.registers,
            self.sure_ms,
            self.forget_uploads,
            self.seen_ms,
            self.returned,
        )
        self.complaints = ComplaintsOf(self.log)
        self.supervising = Supervising(self.log, self.store, self.registers.whole)
        self.log.check_disposal = self.disposing.check
        self.log.check_lifting = Lifting(self.store, self.registers).check
        self.keeping.dispose = self.disposing.catch_up
        self.disposing.then = self._forget

    def bytes_of(self, keyid: str) -> int:
        """What a key has on its way here, or here and not yet claimed, but for whole bodies."""
        on_the_way = self.staging.bytes_of(keyid) + self.directs.bytes_of(keyid)
        return self.store.unclaimed_bytes(keyid) + on_the_way

    @property
    def flagger(self) -> Flagger:
        return Flagger(self.log, self.catalog)

    def above(self, agency: str) -> list[str]:
        """The agencies above one today, as the register of agencies has it, and itself."""
        today = in_china(self.clock.now_ms()).date()
        return self.registers.registry().above(agency, LATEST, today)

    @property
    def first_year(self) -> int:
        return self.log.first_year

    @property
    def year_over(self) -> str:
        """Loudly: evidence is still taken, and only the registrar can open another log."""
        now, label = in_china(self.clock.now_ms()).year, self.log.label
        if now <= int(label[:4]):
            return ""
        return f"the year of the log {label} is over: begin the next one with `tiezheng next-log`"

    def _say_year(self) -> None:
        if why := self.year_over:
            journal.error("year_over", log=self.log.label, reason=why)

    def start(self) -> None:
        self._say_year()
        self.registers.registry()  # a row that was altered is told at once
        self.resumption.start(self.publisher.start)
        self.stamper.start()
        self.pusher.start()
        self.indexer.then = self.keeping.wake
        self.keeping.start()
        threading.Thread(target=self._sweep, name="sweeper", daemon=True).start()
        threading.Thread(
            target=self.backups.run, args=(self.closing,), name="backup-watch", daemon=True
        ).start()

    def _forget(self) -> None:
        self.casefiles.forget()
        self.due_rows.forget()
        self.keeping.forget()

    async def view(self, work: Callable[[], T]) -> T:
        """Runs a question about an agency; the third one waits."""
        return await asyncio.get_running_loop().run_in_executor(self.viewing, work)

    def close(self) -> None:
        self.closing.set()
        self.viewing.shutdown(wait=False, cancel_futures=True)
        self.intakes.close()
        self.direct_finishes.close()
        self.arrivals.close()
        self.resumption.stop()
        self.pusher.stop()
        self.keeping.stop()
        self.writer.stop()
        self.publisher.stop()
        self.stamper.stop()
        self.indexer.stop()
        self.catalog.close()
        self.tokens.close()
        self.feed.kept.close()
        self.vault.close()
        self.store.close()
        self.lock.close()

    def adopt_orphans(self) -> None:
        """Bytes that a crash left before they were recorded are recorded, as nobody's.

        They stay until an operator removes them: where it is the database that is too
        old, restored from a backup, they are evidence that was acknowledged. Where a
        statement speaks of them whose agency has them no more, they are that agency's: it
        could not have been logged if the agency had not sent them.
        """
        orphans = self.direct_finishes.without_own(self.orphans)
        for object_id in self.arrivals.take_orphans(orphans):
            try:
                hasher = ItemHasher()
                abreast.feed(self.items.stream(object_id), hasher.parts)
                digest = hasher.finish()
                if self.arrivals.take_orphan(object_id, digest):
                    continue
                agency = self._spoken_for(digest)
                self.store.add_item(
                    ItemRecord(
                        object_id=object_id,
                        digest=digest,
                        keyid=NOBODY,
                        agency=agency,
                        uploaded_ms=self.clock.now_ms(),
                        claimed=agency != NOBODY,
                    )
                )
                journal.warning("orphan_adopted", object=object_id, claimed=agency != NOBODY)
            except LedgerError as error:
                journal.warning("orphan_left", object=object_id, reason=str(error))
        self.orphans = ()

    def _spoken_for(self, digest: ItemDigest) -> str:
        rows = self.catalog.by_digest(digest.sha256.hex())
        for agency in dict.fromkeys(row.agency for row in rows):
            plain = replace(digest, sm3=b"")
            if self.store.find_items([(plain, agency)])[0] is None:
                return agency
        return NOBODY

    def _sweep(self) -> None:
        self.adopt_orphans()
        self.arrivals.resume()
        self.direct_finishes.resume()
        while not self.closing.wait(SWEEP_S):
            self._say_year()
            self.remove_old()
            self.arrivals.resume()
            self.direct_finishes.resume()
            try:
                self.file_scrubs()
            except LedgerError as error:
                journal.warning("scrub_not_filed", reason=str(error))

    def remove_old(self) -> None:
        """Staged uploads and unclaimed items whose time is over, unless the time is in doubt."""
        if doubt := self.time_in_doubt():
            journal.warning("nothing_removed", reason=doubt)
            return
        self.arrivals.remove_expired()
        self.direct_finishes.sweep()
        self.writer.between(self._remove)

    def time_in_doubt(self) -> str:
        """Why nothing is removed for its age now; empty if all is well.

        A clock that is a day ahead makes everything a day old. While the server runs the log
        sees a jump; what a restart hides from it the cosigners show, whose clocks are not ours.
        Where nothing was logged for a while it waits until something is.
        """
        if problem := self.log.problem():
            return problem
        policy, note = self.trusted.policy, self.log.best_note(0)
        if policy.quorum is None:
            return ""
        seen = policy.open(SignedNote.from_text(note)).quorum_time if note else None
        ahead_ms = self.clock.now_ms() - 1000 * (seen or 0)
        if ahead_ms <= MAX_AHEAD_MS:
            return ""
        return f"the clock is {ahead_ms // 1000} s after what a quorum of cosigners has last seen"

    def forget_uploads(self, object_id: str) -> None:
        """Of an item that is to be destroyed: an upload is remembered for a day, with its key."""
        for staged in self.staging.all():
            if staged.finish is not None and staged.finish.object_id == object_id:
                self.staging.remove(staged)
        for direct in self.directs.all():
            if direct.begun.item == object_id:
                self.directs.remove(direct)

    def sure_ms(self) -> int:
        """A time that has come: by our clock, and by those of a quorum, if one is asked.

        It may be long ago where nothing was logged; what is kept until then is kept longer.
        """
        now_ms, policy = self.clock.now_ms(), self.trusted.policy
        if policy.quorum is None:
            return now_ms
        note = self.log.best_note(0)
        seen = policy.open(SignedNote.from_text(note)).quorum_time if note else None
        return min(now_ms, 1000 * (seen or 0))

    def seen_ms(self, row: Row) -> int:
        """When a quorum has first seen an entry; of one that none has seen yet, now.

        Of a closed log, whose cosigners may be others by now, its own time has to do.
        """
        policy, log = self.trusted.policy, self.log.of(row)
        if policy.quorum is None or log.label != self.log.label:
            return Entry.from_bytes(row.entry).at
        note = log.first_note(row.index + 1)
        seen = policy.open(SignedNote.from_text(note)).quorum_time if note else None
        return self.clock.now_ms() if seen is None else 1000 * seen

    def _deleted(self, object_id: str) -> bool:
        """What may not be deleted, or cannot be now, stays: as nobody's, from the next start on."""
        try:
            self.items.delete(object_id)
        except (Rejected, Unavailable) as error:
            journal.warning("unclaimed_left", object=object_id, reason=str(error))
            return False
        return True

    def file_scrubs(self) -> None:
        """What scrubs have found, each once in the log; loudly as long as something is lost."""
        for done in self.vault.places.unfiled_passes():
            names = ("items", "copies", "damaged", "mended", "added", "lost")
            counts = {name: getattr(done, name) for name in names}
            self.custody.status("scrubbed", counts | {"pass": done.number})
            self.vault.places.file_pass(done.number)
            journal.info("scrubbed", number=done.number, bytes=done.bytes, **counts)
        if lost := self.vault.lost():
            journal.error("items_lost", items=lost)
        self._file_oddities()

    def _file_oddities(self) -> None:
        """What was found in the stores, each once in the log; loudly as long as it is there."""
        if fresh := self.vault.places.unfiled_odd():
            whats = [odd.oddity.what for odd in fresh]
            self.custody.status("store_odd", {what: whats.count(what) for what in set(whats)})
            self.vault.places.file_odd(fresh)
        for odd in self.vault.places.odd()[:TOLD_AT_ONCE]:
            oddity = odd.oddity
            journal.error(
                "store_odd", copy=odd.copy, what=oddity.what, name=oddity.name, at=oddity.version
            )

    def _remove(self) -> None:
        """Between two commits, so that no statement claims what is just being removed."""
        self.remove_unclaimed()

    def remove_unclaimed(self) -> int:
        """How many items were forgotten and deleted; said in the log as a status statement."""
        if self.log.held:
            return 0  # it may lack the statements that speak of them
        before = self.clock.now_ms() - self.settings.unclaimed_hours * 3_600_000
        stale = [item for item in self.store.unclaimed(before) if item.keyid != NOBODY]
        if not stale:
            return 0
        self.store.forget_items([item.object_id for item in stale])
        gone = [item for item in stale if self._deleted(item.object_id)]
        count, size = len(gone), sum(item.digest.size for item in gone)
        journal.info("unclaimed_removed", items=count, bytes=size)
        self.custody.status("unclaimed_removed", {"items": count, "bytes": size}, wait=False)
        return count


async def services(request: Request) -> Services:
    """The dependency of every route; if it were not async, it would cost each a thread."""
    found: Services = request.app.state.services
    return found


def open_log(
    folder: DataFolder, store: LedgerStore, *, lost: bool = False, gate: Gate | None = None
) -> tuple[Log, TrustedLog]:
    """The logs of a data folder, with their keys; raises if a key is missing or another's.

    If the key of the open log is `lost` it is read and published, and nothing is signed. Whoever
    opens it to file what people say gives it a `gate`.
    """
    finish_next(folder, store)
    trust = read_trust(folder.trust)
    key: Signer = LostKey(trust.logs[-1].policy.log) if lost else _log_key(folder)
    label = log_label(key.name)
    trusted = trust.log(label)
    if trusted is None or trusted.policy.log != key.verifier:
        raise Malformed(f"the trust folder has no policy for the log key {key.verifier.keyid!r}")
    series = {
        path.name.removeprefix("series-")[:4]: SeriesSigner(path.read_bytes())
        for path in sorted(folder.keys.glob("series-*.private.pem"))
    }
    keys = Keys(log=key, registrar=trust.registrar, series=series, first_year=trust.first_year)
    number = trust.logs.index(trusted)
    public, *closed = (
        DirectoryPublicStore(folder.public / one.label) for one in (trusted, *trust.logs[:number])
    )
    earlier = [Earlier(one.policy, files) for one, files in zip(trust.logs, closed, strict=False)]
    log = Log(keys, store, public, SystemClock(), SystemEntropy(), spread, earlier, gate)
    return log, trusted


def _log_key(folder: DataFolder) -> SigningKey:
    path = folder.keys / LOG_KEY
    if not path.exists():
        raise Malformed(
            "the key of the log is not here, and without it nothing is signed",
            path=str(path),
            hints=(
                "every backup holds it: put it back",
                "if it is lost for good: tiezheng next-log --log-key-lost",
            ),
        )
    return read_key(path)


def finish_next(folder: DataFolder, store: LedgerStore) -> None:
    """A next log that has begun in the store is the folder's from then on, whatever crashed."""
    path, head = staged_key(folder), store.head()
    if path is None or head is None:
        return
    checkpoint = Checkpoint.from_text(SignedNote.from_text(head.note).text)
    if checkpoint.origin == read_key(path).name:
        with FolderLock(folder.backup_lock):  # a backup takes the keys and the store together
            put_in_place(folder)


def open_services(path: Path, settings: Settings, *, alone: bool = False) -> Services:
    """Opens a data folder; raises `Conflict` if another server has it.

    `alone`: nothing is waited for at the start if no cosigner answers.
    """
    folder = DataFolder.open(path)
    lock = FolderLock(folder.lock)
    try:
        return _open(folder, lock, settings, alone)
    except BaseException:
        lock.close()
        raise


def _open(folder: DataFolder, lock: FolderLock, settings: Settings, alone: bool) -> Services:
    clock = SystemClock()
    vault = open_vault(folder, settings)  # first: a missing key is to stop nothing half begun
    store = SqliteLedgerStore(folder.ledger_db)
    registers = Registers(store)
    finish_next(folder, store)  # or the trust folder of a crash would be read
    casefiles = CaseFiles(store, read_trust(folder.trust).first_year, registers)
    gate = Gatekeeper(casefiles, registers, clock.now_ms)
    log, trusted = open_log(folder, store, gate=gate)
    catalog = SqliteCatalog(folder.catalog_db)
    clients = _clients(trusted)
    stamper = Stamper(
        store, asked_authorities(folder, settings), settings.stamp_seconds, clock.now_ms
    )

    def witnessed(note: SignedNote) -> None:
        stamper.offer(log.position[0], note)
        pusher.wake()

    publisher = Publisher(log, trusted.policy, clients, witnessed)
    catalog.catch_up(store)
    indexer = Indexer(catalog, store)
    writer = Writer(log, _telling(publisher, indexer, log))
    own = read_key(folder.keys / "ledger.key")
    custody = Custody(log, writer, clock, own, agency_of(store))
    feed = _feed(folder, settings, log, store, own)
    pusher = Pusher(feed, _receiver(settings, own), custody, settings.feed_seconds)
    tokens = SqliteTokens(folder.tokens_db)
    orphans, returned = _strays(vault, store)
    return Services(
        settings=settings,
        folder=folder,
        lock=lock,
        clock=clock,
        store=store,
        items=vault.items,
        vault=vault,
        orphans=orphans,
        returned=returned,
        registers=registers,
        casefiles=casefiles,
        catalog=catalog,
        indexer=indexer,
        tokens=tokens,
        log=log,
        trusted=trusted,
        writer=writer,
        publisher=publisher,
        stamper=stamper,
        feed=feed,
        pusher=pusher,
        custody=custody,
        resumption=Resumption(
            folder,
            log,
            trusted.policy,
            clients,
            custody,
            mirrors=open_mirrors(settings.mirrors),
            alone=alone,
        ),
        backups=BackupWatch(folder, log, custody),
        doorkeeper=Doorkeeper(log, tokens, RequestVerifier(clock.now_ms), clock.now_ms),
        staging=_staging(folder, clock, vault),
        directs=_directs(folder, clock),
        direct_items=DirectItems(vault.items),
    )


def _clients(trusted: TrustedLog) -> dict[str, CosignerClient]:
    return {w.name: HttpCosigner(w.url) for w in trusted.policy.witnesses if w.url}


def _telling(
    publisher: Publisher, indexer: Indexer, log: Log
) -> Callable[[Sequence[Filing], Sequence[Result]], None]:
    """Who hears of what was accepted, once it is stored."""

    def after(filings: Sequence[Filing], results: Sequence[Result]) -> None:
        publisher.wake()
        fresh = [
            (result.row, filing.statement)
            for filing, result in zip(filings, results, strict=True)
            if isinstance(result, Accepted) and result.fresh
        ]
        journal.info("accepted", fresh=len(fresh), of=len(results), size=log.size)
        # In log order, which is not that of the batch where an id came twice.
        indexer.give(sorted(fresh, key=lambda pair: pair[0].number))

    return after


def _feed(
    folder: DataFolder, settings: Settings, log: Log, store: SqliteLedgerStore, own: SigningKey
) -> Feed:
    table = shipped_table() if settings.feed_table is None else read_feed_table(settings.feed_table)
    return Feed(log, store, SqliteFeed(folder.feed_db), table, own)


def _receiver(settings: Settings, own: SigningKey) -> HttpReceiver | None:
    url = settings.feed_url
    return None if url is None else HttpReceiver(url, own, fresh_nonce)


def _strays(vault: Vault, store: SqliteLedgerStore) -> tuple[list[str], list[str]]:
    """Items that no record speaks of, and those that were destroyed and are here again."""
    recorded, erased = set(store.object_ids()), store.erased_items()
    ids = list(vault.items.ids())
    orphans = [object_id for object_id in ids if object_id not in recorded | erased]
    return orphans, [object_id for object_id in ids if object_id in erased]


def _staging(folder: DataFolder, clock: SystemClock, vault: Vault) -> StagingDirectory:
    staging = StagingDirectory(folder.staging, clock.now_ms, vault.items)
    for name, reason in staging.unreadable.items():
        journal.warning("staged_upload_left", upload=name, reason=reason)
    return staging


def _directs(folder: DataFolder, clock: SystemClock) -> DirectDirectory:
    directs = DirectDirectory(folder.direct, clock.now_ms)
    for name in directs.unreadable:
        journal.warning("direct_upload_left", upload=name.partition(".")[0])
    return directs


def asked_authorities(
    folder: DataFolder, settings: Settings
) -> list[tuple[Authority, AuthorityClient]]:
    """Those that are asked; each stands in the trust folder, or its tokens would be nobody's."""
    known = {authority.name: authority for authority in read_trust(folder.trust).authorities}
    for name in settings.authorities:
        if name not in known:
            raise Malformed(
                f"no authority {name!r} in the trust folder",
                path="setting 'authorities'",
                hints=(f"put its certificates into trust/tsa/{name}.pem and {name}.accept",),
            )
    return [(known[name], HttpAuthority(url)) for name, url in sorted(settings.authorities.items())]


def agency_of(store: SqliteLedgerStore) -> str:
    """In whose name the ledger speaks of itself: that of the log's opening."""
    return Statement.from_bytes(Envelope.from_bytes(store.row(0).envelope).payload).agency
