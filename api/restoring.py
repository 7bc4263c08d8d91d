"""Restores a data folder from a backup, and completes it with what others have kept.

Everything is read and checked before the first byte is written, the tree is recomputed
against its signed checkpoint, and the folder is none until it is whole. It carries a mark:
a server serves it, and sequences nothing until `api.resuming` has asked the cosigners.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self

from api.backups import Checked, check_backup
from api.clients.copies import MAX_COPY, format_copy, open_copy
from api.clients.ledger import read_object
from api.keys import read_key
from api.settings import load
from api.vault import open_vault
from ledger.backup import BackupKey
from ledger.completion import Completion, Copied, complete, format_ranges, one_history, ranges_of
from ledger.encoding import format_json, parse_decimal, parse_json, printable
from ledger.errors import Conflict, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import Place
from ledger.evidence.series import Series, check_tags
from ledger.evidence.statement import Statement
from ledger.evidence.trust import Trust, TrustedLog
from ledger.sequencer import Head, Row
from ledger.tlog.audit import read_part
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import Edge, leaf_hash
from ledger.tlog.note import SignedNote, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.signing_key import SigningKey, sign_note
from ledger.tlog.tile import ENTRIES, WIDTH, Tile, bundles_of, entries_from_bytes
from ledger.verdict.examination import PublicLog
from storage.backup_data import Restorer
from storage.backup_folder import BackupFolder
from storage.durable import make_folder, refusals, sync_name, write_file
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore
from storage.public_copy import CHECKPOINT
from storage.trust_directory import read_trust

Progress = Callable[[int], None]
MAX_MARK = 1 << 20
MAX_PLACES_TEXT = 3000  # of a mark, a reason or a note; `--json` and the store have all of it
EVER_MS = (1 << 63) - 1
ENVELOPE, ANSWER = ".dsse.json", ".accepted.json"  # as `tiezheng deposit --keep` names them


@dataclass(frozen=True, slots=True)
class Mark:
    """In the data folder while a restored log stands still: what it lacks, if anything."""

    size: int
    wanted: int
    missing: str

    def to_bytes(self) -> bytes:
        texts = {"missing": self.missing, "size": str(self.size), "wanted": str(self.wanted)}
        return format_json(texts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_MARK):
            case {"missing": str(missing), "size": str(size), "wanted": str(wanted), **more} if (
                not more
            ):
                return cls(parse_decimal(size), parse_decimal(wanted), missing)
            case _:
                raise Malformed("want missing, size and wanted")


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in the folder now. `log` is the origin of the open log; the backup has `size` of it.

    `refused` are copies that could not be used, with the reason.
    """

    log: str
    size: int
    completion: Completion
    copies: int
    refused: tuple[tuple[str, str], ...]
    items_missing: tuple[str, ...]  # object ids whose bytes are not there
    items_unrecorded: tuple[str, ...]  # SHA-256 that a completed statement speaks of

    def to_json(self) -> dict[str, Any]:
        c = self.completion
        return {
            "copies": self.copies,
            "from_backup": str(self.size),
            "items_missing": list(self.items_missing),
            "items_unrecorded": list(self.items_unrecorded),
            "log": self.log,
            "lost": [str(index) for index in c.lost],
            "missing": [[str(a), str(b)] for a, b in c.missing],
            "refused": [{"file": name, "reason": why} for name, why in self.refused],
            "size": str(c.edge.size),
            "wanted": str(c.wanted),
        }


class Shows(Protocol):
    """A cosigner; what it answers is checked, and its silence says nothing."""

    def checkpoint(self, origin: str) -> bytes: ...


@dataclass(slots=True)
class Sources:
    """What completes a backup: a folder of stations' copies, a copy of the public log.

    `cosigners` are asked to show the checkpoint under which the tail of the public copy stands.
    """

    copies: Path | None = None
    public: PublicLog | None = None
    cosigners: Callable[[Policy], Sequence[Shows]] = lambda policy: ()
    refused: list[tuple[str, str]] = field(default_factory=list)


def restore(
    source: Path,
    data: Path,
    key: BackupKey,
    sources: Sources,
    progress: Progress = lambda n: None,
) -> Restored:
    """Raises, leaving nothing, unless the whole backup is one history of its log."""
    checked = check_backup(source, key, progress)
    before = _check_empty(data)
    folder = DataFolder(data)
    try:
        # With the folder that says a disk is there: what is missing in it is reported below.
        incoming = folder.items / "incoming"
        for part in (folder.path, folder.items, incoming, folder.public, folder.keys):
            make_folder(part)
        restorer = Restorer(folder)
        try:
            _put(BackupFolder(source, key), checked, restorer, progress)
        finally:
            restorer.close()
        store = SqliteLedgerStore(folder.ledger_db)
        try:
            restored = _complete(folder, store, checked, sources)
        finally:
            store.close()
        c = restored.completion
        mark = Mark(c.edge.size, c.wanted, begun_text(format_ranges(c.missing)))
        write_file(folder.restored, mark.to_bytes())
        sync_name(data)
        restorer.finish()
    except BaseException:
        _clear(data, before)
        raise
    return _with_items(folder, restored)


def _check_empty(data: Path) -> frozenset[str]:
    """What is there before: nothing, or the items, which may lie on a disk of their own."""
    with refusals(f"list {str(data)!r}"):
        if not data.exists():
            return frozenset()
        if not data.is_dir():
            raise Conflict(f"{str(data)!r} is no folder")
        names = frozenset(entry.name for entry in data.iterdir())
    if names - {"items"}:
        raise Conflict(
            f"want an empty folder, or one that holds only the items: {str(data)!r} "
            f"holds {printable(min(names - {'items'}))!r}"
        )
    return names


def _clear(data: Path, before: frozenset[str]) -> None:
    with suppress(OSError):
        for entry in data.iterdir():
            if entry.name not in before and entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name not in before:
                entry.unlink()


def _put(backup: BackupFolder, checked: Checked, restorer: Restorer, progress: Progress) -> None:
    after = backup.digest(0)
    for n in range(1, checked.files + 1):
        with backup.open(n, after, checked.log) as opened:
            last = n == checked.files
            restorer.put(opened.records, files=last, progress=lambda n: None)
        after = backup.digest(n)
        progress(1)
    if after != checked.digest:
        raise Rejected("the backup changed while it was being read")


# --- the tree --------------------------------------------------------------------------------


def _complete(
    folder: DataFolder, store: SqliteLedgerStore, checked: Checked, sources: Sources
) -> Restored:
    log_key = read_key(folder.keys / "log.key")
    trust = read_trust(folder.trust)
    heads = store.heads()
    logs = trust.logs[: len(heads)]
    if not heads or trust.logs[0].origin != checked.log or logs[-1].origin != log_key.name:
        raise Rejected(f"the backup holds no log {checked.log!r} with its key and policy")
    for closed, one in zip(heads[:-1], logs, strict=False):
        _check_closed(store, closed, one)
    head, trusted = heads[-1], logs[-1]
    checkpoint = open_checkpoint(SignedNote.from_text(head.note), log_key.verifier)
    size = head.edge.size
    copies = list(_of_log(_copies(sources, trust), head, sources))
    found = _from_public(sources, logs, head.edge, copies)
    public = found.entries
    signed = [checkpoint, *_kept(store, head.log, log_key.verifier), *found.signed]
    fitting = [copy for copy in copies if _fits(copy, public, store, head, sources)]
    roots = one_history([*signed, *(copy.checkpoint for copy in fitting)])
    edge = _recompute(store, head, roots)
    if edge != head.edge or checkpoint.size != size:
        raise Rejected("the restored right edge is not that of the restored entries")
    # Some may have begun with statements that were lost with a disk before this one.
    store.find_lost([series for copy in fitting for series in copy.series])
    completion = complete(edge, public, fitting, store.all_series(), signed, head.log, head.start)
    if completion.rows:
        claims = _claims(store, completion.rows)
        store.append(completion.rows, completion.series, _head(completion, log_key, head), claims)
    for reached, text in found.cosigned.items():
        if reached <= completion.edge.size:
            store.add_cosigned(head.log, reached, text)
    used = sum(not row.lost for row in completion.rows)
    refused = tuple(sources.refused)
    return Restored(trusted.origin, size, completion, used, refused, (), ())


def _check_closed(store: SqliteLedgerStore, head: Head, trusted: TrustedLog) -> None:
    """A closed log is whole in a backup, or the one after it would not be there."""
    key = trusted.policy.log
    checkpoint = open_checkpoint(SignedNote.from_text(head.note), key)
    roots = one_history([checkpoint, *_kept(store, head.log, key)])
    if _recompute(store, head, roots) != head.edge or checkpoint.size != head.edge.size:
        raise Rejected(f"the restored entries of {trusted.label} are not those of its end")


def _of_log(copies: Iterable[Copied], head: Head, sources: Sources) -> Iterator[Copied]:
    """Those of the open log; of the ones before it everything is in the backup."""
    for copy in copies:
        if copy.row.log == head.log:
            yield copy
        elif copy.row.log > head.log:
            why = "it is of a later log than the backup holds: restore with a newer backup"
            sources.refused.append((copy.source, why))


def _kept(store: SqliteLedgerStore, log: int, key: VerifierKey) -> Iterator[Checkpoint]:
    """Every checkpoint that a quorum has cosigned."""
    size = 0
    while (note := store.cosigned(log, size)) is not None:
        checkpoint = open_checkpoint(SignedNote.from_text(note), key)
        yield checkpoint
        size = checkpoint.size + 1


def _recompute(store: SqliteLedgerStore, head: Head, roots: Mapping[int, bytes]) -> Edge:
    """The edge of all entries; each statement gives its entry, each signed size its root."""
    edge, page = Edge(), []
    for row in store.rows(head.start, head.end):
        page.append(row)
        edge = edge.extend([leaf_hash(row.entry)])
        if edge.size in roots and roots[edge.size] != edge.root():
            raise Rejected(
                f"the backup's first {edge.size} entries are not those that the log has signed",
                hints=("this backup, or what completes it, is of another history",),
            )
        if len(page) == WIDTH:
            _check_rows(store, page)
            page = []
    _check_rows(store, page)
    return edge


def _check_rows(store: SqliteLedgerStore, rows: Sequence[Row]) -> None:
    signatures = store.series(sorted({name for row in rows for name, _ in row.places}))
    for row in rows:
        if row.lost:
            continue
        try:
            entry = Entry.from_bytes(row.entry)
            check_commitment(entry, row.salt, row.envelope)
            tags = [Series(name, signatures[name][0]).tag(n) for name, n in row.places]
            check_tags(entry, row.salt, tags)
        except LedgerError as error:
            raise Rejected(
                f"the statement at {row.index} does not give its entry: {error}"
            ) from None


def _head(completion: Completion, key: SigningKey, before: Head) -> Head:
    """Signed as it was then: of these entries, which the log has signed, there is one text."""
    edge = completion.edge
    text = Checkpoint(key.name, edge.size, edge.root()).to_text()
    note = SignedNote(text, (sign_note(text, key),)).to_text()
    at_ms = Entry.from_bytes(completion.rows[-1].entry).at
    return Head(edge, at_ms, note, before.log, before.start)


# --- what others have kept -------------------------------------------------------------------


@dataclass(slots=True)
class Public:
    """What a copy of the public log adds: entries beyond the backup, checkpoints of the log, and
    the text of one that a quorum has cosigned, by its size.

    A checkpoint that the log alone has signed counts as well: a server that stops, or whose
    cosigners are away, leaves such a one behind, and a log without its entries would sign their
    places anew.
    """

    entries: dict[int, bytes] = field(default_factory=dict)
    signed: list[Checkpoint] = field(default_factory=list)
    cosigned: dict[int, str] = field(default_factory=dict)


def _from_public(
    sources: Sources, logs: Sequence[TrustedLog], edge: Edge, copies: Sequence[Copied]
) -> Public:
    """Of the last of `logs`, of which the backup has `edge`."""
    found, source, trusted = Public(), sources.public, logs[-1]
    if source is None:
        return found
    reached = 0
    note = _published(sources, source, logs)
    if note is not None:
        cosigned = trusted.policy.open(note)
        reached = cosigned.checkpoint.size
        found.signed.append(cosigned.checkpoint)
        if cosigned.quorum_time is not None:
            found.cosigned[reached] = note.to_text()
    found.entries = _entries(source, trusted, reached, edge.size)
    start = max(reached, edge.size)
    known = (*_shown(sources, trusted), *(copy.checkpoint for copy in copies))
    more = [one for one in known if one.size > start]
    if not more:
        return found  # nobody has a checkpoint of more
    wanted = max(one.size for one in more)
    tail = _tail(sources, source, trusted, start, wanted)
    entries = {copy.row.index: copy.row.entry for copy in copies} | found.entries | tail
    # No signature holds the tail together but one of these. If it gives none, the copies count by
    # themselves, and whoever shows more says so before the log goes on.
    given = _given(edge, entries, more)
    found.signed += given
    ends = max((one.size for one in given), default=start)
    found.entries |= {index: entry for index, entry in tail.items() if index < ends}
    if ends < wanted and ends in tail:
        why = f"beyond {ends} entries it gives no tree that the log has signed"
        sources.refused.append((f"{trusted.label}/tile/entries", why))
    return found


def _published(
    sources: Sources, public: PublicLog, logs: Sequence[TrustedLog]
) -> SignedNote | None:
    """The newest checkpoint that readers were shown; None if they were not shown this log yet."""
    label = logs[-1].label
    try:
        return SignedNote.from_bytes(public.read(label, CHECKPOINT))
    except Unknown as error:
        if not any(_is_shown(public, one) for one in logs[:-1]):
            raise Unavailable(
                f"the public copy shows no log of this ledger: {error}",
                hints=("is it the right place? without one: leave --public out",),
            ) from None
        sources.refused.append((f"{label}/{CHECKPOINT}", str(error)))
        return None


def _is_shown(public: PublicLog, one: TrustedLog) -> bool:
    try:
        note = SignedNote.from_bytes(public.read(one.label, CHECKPOINT))
    except Unknown:
        return False
    open_checkpoint(note, one.policy.log)
    return True


def _tail(
    sources: Sources, public: PublicLog, trusted: TrustedLog, start: int, end: int
) -> dict[int, bytes]:
    """Entries from `start` to before `end` that were written there, and whose checkpoint was not
    yet. They count as far as a copy or a cosigner has a checkpoint that they give.
    """
    found: dict[int, bytes] = {}
    for number in range(start // WIDTH, -(-end // WIDTH)):
        first = number * WIDTH
        entries = _widest(sources, public, trusted, number, max(start - first, 0))
        found |= {i: e for i, e in enumerate(entries, first) if start <= i < end}
        if len(entries) < WIDTH:
            break
    return found


def _widest(
    sources: Sources, public: PublicLog, trusted: TrustedLog, number: int, above: int
) -> Sequence[bytes]:
    """Of one bundle, whole or begun: the most entries that are there, if more than `above`."""
    for width in range(WIDTH, above, -1):
        path = Tile(ENTRIES, number, width).to_path()
        try:
            return entries_from_bytes(public.read(trusted.label, path), width)
        except Unknown:
            continue
        except (Malformed, Unavailable) as error:
            sources.refused.append((f"{trusted.label}/{path}", str(error)))
            return ()
    return ()


def _shown(sources: Sources, trusted: TrustedLog) -> Sequence[Checkpoint]:
    """What cosigners show. All at once: one that is away takes its time to be so."""

    def ask(one: Shows) -> Checkpoint | None:
        try:
            note = SignedNote.from_bytes(one.checkpoint(trusted.origin))
            return open_checkpoint(note, trusted.policy.log)
        except LedgerError:
            return None

    asked = sources.cosigners(trusted.policy)
    with ThreadPoolExecutor(max(1, len(asked)), "ask-cosigner") as pool:
        return [shown for shown in pool.map(ask, asked) if shown is not None]


def _given(
    edge: Edge, entries: Mapping[int, bytes], signed: Sequence[Checkpoint]
) -> Sequence[Checkpoint]:
    """Those whose tree the entries give."""
    sizes, roots = {one.size for one in signed}, {}
    at = edge
    while at.size in entries:
        at = at.extend([leaf_hash(entries[at.size])])
        if at.size in sizes:
            roots[at.size] = at.root()
    return [one for one in signed if roots.get(one.size) == one.root]


def _entries(public: PublicLog, trusted: TrustedLog, size: int, start: int) -> dict[int, bytes]:
    """Those beyond the backup; the root that they must give is checked by `complete`."""

    def read(path: str) -> bytes:
        return public.read(trusted.label, path)

    found: dict[int, bytes] = {}
    for bundle in bundles_of(size) if size > start else ():
        first = bundle.number * WIDTH
        if first + WIDTH > start:
            entries, _ = read_part(read, bundle, tiles=False)
            found |= {i: e for i, e in enumerate(entries, first) if i >= start}
    return found


def _copies(sources: Sources, trust: Trust) -> Iterator[Copied]:
    if sources.copies is None:
        return
    with refusals(f"list {str(sources.copies)!r}"):
        paths = sorted(p for p in sources.copies.rglob("*.json") if p.is_file())
    for path in paths:
        if path.name.endswith(ENVELOPE):
            continue  # beside it lies the answer that it goes with
        name = path.relative_to(sources.copies).as_posix()
        try:
            yield open_copy(name, _copy(path), trust)
        except LedgerError as error:
            # One station's bad file is no reason to leave out the others'.
            sources.refused.append((name, str(error)))


def _copy(path: Path) -> bytes:
    """A station's file; or the two that `tiezheng deposit --keep` writes, as one."""
    data = _read(path)
    if not path.name.endswith(ANSWER):
        return data
    answer = read_object(data)
    if answer is None:
        raise Malformed("want the ledger's answer, a JSON object")
    envelope = path.with_name(path.name.removesuffix(ANSWER) + ENVELOPE)
    return format_copy(_read(envelope), answer)


def _read(path: Path) -> bytes:
    with refusals(f"read {str(path)!r}"), path.open("rb") as file:
        return file.read(MAX_COPY + 1)


def _fits(
    copy: Copied,
    public: Mapping[int, bytes],
    store: SqliteLedgerStore,
    head: Head,
    sources: Sources,
) -> bool:
    index, size = copy.row.index, head.edge.size
    beyond = public.get(index, copy.row.entry)
    held = store.row(head.start + index).entry if index < size else beyond
    if held == copy.row.entry:
        return True
    sources.refused.append((copy.source, f"the log has another entry at {index}"))
    return False


def _with_items(folder: DataFolder, restored: Restored) -> Restored:
    """Items recorded whose bytes are not there, and items spoken of that are not recorded."""
    store = SqliteLedgerStore(folder.ledger_db)
    try:
        held = _held(folder)
        missing = tuple(item.object_id for item in store.claimed() if item.object_id not in held)
        unrecorded = sorted(set(_unrecorded(store, restored.completion.rows)))
    finally:
        store.close()
    return replace(restored, items_missing=missing, items_unrecorded=tuple(unrecorded))


def _held(folder: DataFolder) -> set[str]:
    """No item where a store is not there, or its credentials are not: the server says so when it
    starts. What only a row of places speaks of is not held.
    """
    try:
        vault = open_vault(folder, load(folder.path), beside=True)
    except Unavailable:
        return set()
    with closing(vault):
        return set(vault.items.held())


def _claims(store: SqliteLedgerStore, rows: Sequence[Row]) -> list[str]:
    """What was unclaimed at the backup and is spoken of since. Else it would be removed.

    Of which a lost statement spoke nobody knows: then all of it.
    """
    if any(row.lost for row in rows):
        return [item.object_id for item in store.unclaimed(EVER_MS) if item.keyid]
    found = store.find_items(list(_spoken_of(rows)))
    return [item.object_id for item in found if item is not None]


def _unrecorded(store: SqliteLedgerStore, rows: Sequence[Row]) -> Iterator[str]:
    wanted = list(_spoken_of(rows))
    for (digest, _), found in zip(wanted, store.find_items(wanted), strict=True):
        if found is None:
            yield digest.sha256.hex()


def _spoken_of(rows: Sequence[Row]) -> Iterator[tuple[ItemDigest, str]]:
    for row in rows:
        if not row.lost:
            statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
            yield from ((subject.digest, statement.agency) for subject in statement.files)


def begun_text(text: str) -> str:
    """The first places of a list that may be as long as a log."""
    if len(text) <= MAX_PLACES_TEXT:
        return text
    return text[:MAX_PLACES_TEXT].rpartition(", ")[0] + ", …"


def lost_text(places: Sequence[Place], here: str) -> str:
    """`17, 20-25`; where there are others than the log `here`, each with its label."""
    labels = sorted({place.log for place in places})
    texts = {
        label: format_ranges(ranges_of([p.index for p in places if p.log == label]))
        for label in labels
    }
    if labels == [here]:
        return texts[here]
    return "; ".join(f"{label}: {text}" for label, text in texts.items())
