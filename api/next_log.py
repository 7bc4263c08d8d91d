"""Closes the log and begins the next: for a new year, a new log key, another quorum.

    prepare   beside a running server: makes the key, the policy and the trust folder
    begin     with the server stopped: the last checkpoint has its quorum ─► the next log's
              entry 0, which names it, and entry 1, in one transaction ─► keys in place

Before that transaction the old log is open, after it the new one is, and whoever opens the
folder next puts the keys in place. The last entry of the old log says that it is about to
close: a backup that holds less is known by its cosigners to be behind, and one that holds it
stands still when it is restored.

A log whose key is lost says nothing more, and so not that: it ends with the last checkpoint
that the key has signed, once the quorum has seen that.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from api.asking_mirrors import Here
from api.clients.cosigner_http import HttpCosigner
from api.founding import new_key
from api.ids import new_id
from api.keys import read_key
from api.publisher import Publisher
from api.resuming import ask_all, reason_to_wait
from api.services import agency_of, finish_next, open_log
from ledger.encoding import clip, format_time
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.membership import LOG_ENDS, log_label
from ledger.evidence.renewal import Closing
from ledger.evidence.series_private import SeriesSigner, new_series_key
from ledger.evidence.signing import seal
from ledger.evidence.statement import (
    Kind,
    Statement,
    TextSubject,
    register_subject,
    renewal_subjects,
)
from ledger.evidence.trust import Trust, TrustedLog
from ledger.log import Earlier, Keys, Log
from ledger.ports import CosignerClient
from ledger.suite import digest
from ledger.tlog.note import SignedNote, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.signing_key import SigningKey
from storage.clock import SystemClock, SystemEntropy
from storage.durable import refusals
from storage.folder import DataFolder
from storage.folder_lock import FolderLock
from storage.ledger_sqlite import SqliteLedgerStore
from storage.next_log import LOG_KEY, stage, staged_key
from storage.public_directory import DirectoryPublicStore
from storage.trust_directory import read_trust

QUORUM_S = 30.0  # so long the last checkpoint may wait for its cosigners


@dataclass(frozen=True, slots=True)
class Begun:
    """The log that is closed, with its number of entries, and the one that is open now."""

    closed: str
    size: int
    opened: str


def prepare(folder: DataFolder, origin: str, policy: Policy | None = None) -> VerifierKey:
    """The key of the next log, for every cosigner. `policy` has cosigners; its log is replaced.

    Without one the cosigners and the quorum stay. Raises `Conflict` if one is prepared already.
    """
    trust = read_trust(folder.trust)
    last = trust.logs[-1]
    check_next(last.origin, origin)
    key = new_key(origin)
    chosen = last.policy if policy is None else policy
    text = Policy(key.verifier, chosen.witnesses, chosen.groups, chosen.quorum).to_text()
    files = _files(folder)
    label = log_label(origin)
    files["logs"] += f"{origin}\n".encode()
    files[f"policy/{label}"] = text.encode()
    keys = {LOG_KEY: f"{key.to_text()}\n".encode()}
    for year in (label[:4], str(int(label[:4]) + 1)):
        if year in trust.series:
            continue
        # There is never a second key for a year; one that is here was made before its year.
        pem = new_series_key()
        keys[f"series-{year}.private.pem"] = pem
        files[f"series/{year}.pem"], files[f"series/{year}.json"] = SeriesSigner(
            pem
        ).public.to_files()
    stage(folder, keys, files)
    return key.verifier


def check_next(before: str, origin: str) -> None:
    """A year without number, later than the last; or the same year with the next number."""
    label, last = log_label(origin), log_label(before)
    year, _, number = label.partition("-")
    last_year, _, last_number = last.partition("-")
    follows = (year > last_year and not number) or (
        year == last_year and int(number or 1) == int(last_number or 1) + 1
    )
    if not follows or origin.removesuffix(label) != before.removesuffix(last):
        prefix, second = before.removesuffix(last), int(last_number or 1) + 1
        raise Malformed(
            f"want {prefix}{last_year}-{second}, or {prefix} and a later year, got {clip(origin)!r}"
        )


def begin(
    folder: DataFolder,
    registrar: SigningKey,
    clients: Mapping[str, CosignerClient] | None = None,
    *,
    lost: bool = False,
) -> Begun:
    """Raises, and the old log stays open, until its last checkpoint has its quorum.

    `lost`: the old log's key is. After a crash it is called again: what had begun is finished.
    Raises `Conflict` while a server runs.
    """
    with FolderLock(folder.lock):
        store = SqliteLedgerStore(folder.ledger_db)
        try:
            finish_next(folder, store)
            if staged_key(folder) is None:
                return _begun_before(store, read_trust(folder.trust))
            return _begin(folder, store, registrar, clients, lost)
        finally:
            store.close()


def _begun_before(store: SqliteLedgerStore, trust: Trust) -> Begun:
    heads = store.heads()
    if len(heads) < 2:
        raise Unknown(
            "no next log is prepared", hints=("prepare it first: tiezheng next-log --help",)
        )
    closed, opened = trust.logs[-2:]
    return Begun(closed.origin, heads[-2].edge.size, opened.origin)


def _begin(
    folder: DataFolder,
    store: SqliteLedgerStore,
    registrar: SigningKey,
    clients: Mapping[str, CosignerClient] | None,
    lost: bool,
) -> Begun:
    if lost and (folder.keys / LOG_KEY).exists():
        raise Rejected(
            f"want a log whose key is lost, and {str(folder.keys / LOG_KEY)!r} is here",
            hints=("close the log with it: leave --log-key-lost out",),
        )
    log, trusted = open_log(folder, store, lost=lost)
    if folder.restored.exists():
        raise Rejected(
            "this ledger was restored and has not gone on yet: no log is closed before it has",
            hints=("start the server; it says what it waits for",),
        )
    staged = read_trust(folder.next / "trust")
    if registrar.verifier != staged.registrar:
        raise Rejected(f"want the key of the registrar, got {registrar.verifier.keyid}")
    asked = {w.name: HttpCosigner(w.url) for w in trusted.policy.witnesses if w.url}
    closing = None if lost else partial(_announcement, folder, log, agency_of(store))
    final = _close(log, trusted.policy, asked if clients is None else clients, closing)
    _open_next(folder, store, log, trusted, staged, registrar, final)
    finish_next(folder, store)
    return Begun(trusted.origin, final.checkpoint.size, staged.logs[-1].origin)


def _close(
    log: Log,
    policy: Policy,
    clients: Mapping[str, CosignerClient],
    announcement: Callable[[], bytes] | None,
) -> Closing:
    """The last checkpoint of the old log, with its quorum."""
    head = log.head
    assert head is not None  # its opening was logged when it was founded
    answers = ask_all(policy, clients, Here(head, log.root_at, log.root_of))
    if policy.quorum is not None and (why := reason_to_wait(policy, log.size, None, answers)):
        raise Unavailable(why, hints=("nothing was changed: start the server again",))
    if announcement is not None and not log.announced:
        _accept(log, [announcement()])
    publisher = Publisher(log, policy, clients)
    publisher.start()
    ends = time.monotonic() + QUORUM_S
    try:
        while publisher.cosigned_size < log.size and policy.quorum and time.monotonic() < ends:
            time.sleep(0.02)
    finally:
        publisher.stop()
    assert log.head is not None
    note = log.best_note(log.size) if policy.quorum is not None else log.head.note
    if note is None:
        raise Unavailable(
            f"the last checkpoint, of {log.size} entries, has no quorum of its cosigners",
            hints=("the log is still open: start the server again, and try once they answer",),
        )
    return Closing.from_text(note)


def _announcement(folder: DataFolder, log: Log, agency: str) -> bytes:
    now_ms = SystemClock().now_ms()
    moment = format_time(now_ms)
    predicate = {
        "id": new_id(now_ms),
        "agency": agency,
        "occurred": {"from": moment, "to": moment},
        "what": LOG_ENDS,
        "counts": {"size": str(log.size)},
    }
    assert log.head is not None
    text = SignedNote.from_text(log.head.note).text
    subject = TextSubject(f"checkpoint/{log.label}-{log.size}", digest(text.encode()))
    said = Statement(Kind.STATUS, (subject,), predicate)
    return seal(said.to_bytes(), [read_key(folder.keys / "ledger.key")]).to_bytes()


def _open_next(
    folder: DataFolder,
    store: SqliteLedgerStore,
    log: Log,
    trusted: TrustedLog,
    staged: Trust,
    registrar: SigningKey,
    final: Closing,
) -> None:
    """The point of no return is in here: one transaction of the store."""
    key = read_key(folder.next / LOG_KEY)
    earlier = [
        Earlier(one.policy, DirectoryPublicStore(folder.public / one.label))
        for one in staged.logs[:-1]
    ]
    public = DirectoryPublicStore(folder.public / log_label(key.name))
    with refusals("read the series keys"):
        pems = {
            path.name.removeprefix("series-")[:4]: path.read_bytes()
            for place in (folder.keys, folder.next)
            for path in sorted(place.glob("series-*.private.pem"))
        }
    series = {year: SeriesSigner(pem) for year, pem in pems.items()}
    keys = Keys(log=key, registrar=staged.registrar, series=series, first_year=staged.first_year)
    clock = SystemClock()
    following = Log(keys, store, public, clock, SystemEntropy(), earlier=earlier)
    agency, now_ms = agency_of(store), clock.now_ms()
    renewal = {"id": new_id(now_ms), "agency": agency, "final": final.to_text()}
    year = log_label(key.name)[:4]
    opening = {
        "id": new_id(now_ms),
        "agency": agency,
        "log": key.verifier.to_text(),
        "registrar": staged.registrar.to_text(),
        "series": {y: staged.series[y].fingerprint for y in (year, str(int(year) + 1))},
    }
    renewed = Statement(Kind.RENEWAL, renewal_subjects(renewal), renewal)
    opened = Statement(Kind.REGISTER, (register_subject(opening),), opening)
    _accept(
        following,
        [
            seal(renewed.to_bytes(), [read_key(folder.keys / "ledger.key")]).to_bytes(),
            seal(opened.to_bytes(), [registrar]).to_bytes(),
        ],
    )


def _accept(log: Log, envelopes: Sequence[bytes]) -> None:
    for result in log.accept(envelopes):
        if isinstance(result, LedgerError):
            raise result


def _files(folder: DataFolder) -> dict[str, bytes]:
    """The trust folder as it is; it was just read, within bounds."""
    with refusals(f"read {str(folder.trust)!r}"):
        return {
            path.relative_to(folder.trust).as_posix(): path.read_bytes()
            for path in folder.trust.rglob("*")
            if path.is_file()
        }
