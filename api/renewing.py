"""Renews what a ledger's proofs rest on, before it ends: RFC 4998's two kinds.

The statement is stamped before it is logged, and kept with its token and rows in between: a
run that is killed leaves nothing, or a renewal that the next run logs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from api.ids import new_id
from api.keys import read_key
from api.services import Services, agency_of
from api.stamping import AuthorityClient, revocation_list
from ledger.errors import LedgerError, Rejected, Unavailable, Unknown
from ledger.evidence.envelope import Envelope
from ledger.evidence.rehash import Row, RowTree, TokenRow, row_hash
from ledger.evidence.renewal import STRONG, Rows
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement, renewal_subjects
from ledger.log import Accepted
from ledger.sequencer import Row as Logged
from ledger.suite import new_strong_digest, strong_digest
from ledger.timestamp import Authority, open_token
from storage.renewal_directory import RenewalDirectory


@dataclass(frozen=True, slots=True)
class Renewed:
    """`gone` counts files whose bytes are not held any more."""

    id: str
    place: str
    rows: int
    gone: int
    at_ms: int


class Renewing:
    """`label` of a closed log that is hashed again with all tokens; empty for tokens alone."""

    def __init__(
        self, s: Services, label: str = "", progress: Callable[[int], None] = lambda n: None
    ) -> None:
        self._s = s
        self._label = label
        self._progress = progress
        self._store = RenewalDirectory(s.folder.renewals)
        self._items: dict[str, bytes] = {}
        self.gone = 0

    def finish_others(self) -> list[str]:
        """Logs what an earlier run had stamped, and was killed before it was logged."""
        left = [id_ for id_ in self._store.ids() if self._s.log.known(id_) is None]
        for id_ in left:
            self._file(self._store.envelope(id_))
        return left

    def renew(self, authority: Authority, client: AuthorityClient) -> Renewed:
        rows: list[Row | TokenRow] = [*self._entries(), *map(TokenRow, self._tokens())]
        if not rows:
            raise Rejected("nothing was stamped yet: there is nothing to renew")
        tree = RowTree(map(row_hash, rows))
        size = sum(isinstance(row, Row) for row in rows)
        origin = self._s.log.named(self._label).key.name if self._label else ""
        now_ms = self._s.clock.now_ms()
        predicate = {
            "agency": agency_of(self._s.store),
            "id": new_id(now_ms),
            **Rows(len(rows), tree.root, origin, size).to_predicate(),
        }
        said = Statement(Kind.RENEWAL, renewal_subjects(predicate), predicate)
        key = read_key(self._s.folder.keys / "ledger.key")
        envelope = seal(said.to_bytes(), [key]).to_bytes()
        token, nonce = client.stamp(envelope, STRONG)
        opened = open_token(token, envelope, authority, nonce=nonce)
        crl = revocation_list(authority, client, token, envelope)
        self._store.add(said.id, envelope, (row.to_bytes() for row in rows), token, crl)
        place = self._file(envelope)
        return Renewed(said.id, place, len(rows), self.gone, opened.at_ms)

    def _file(self, envelope: bytes) -> str:
        (result,) = self._s.writer.submit([self._s.log.open(envelope)]).result()
        if isinstance(result, LedgerError):
            raise result
        assert isinstance(result, Accepted)
        return self._s.log.place(result.row).to_text()

    def _entries(self) -> Iterator[Row]:
        if not self._label:
            return
        log = self._s.log
        derived = log.named(self._label)
        if derived.number == len(log.derived) - 1:
            raise Rejected(
                f"the log {self._label} is open: it is hashed again once the next one has begun",
                hints=("close it first: tiezheng next-log",),
            )
        head = self._s.store.heads()[derived.number]
        derived.materialise(head)
        note = derived.best_note(log.closed_size(derived.number))
        if note is None:
            raise Unavailable(f"the last checkpoint of {self._label} was not kept")
        for logged in self._s.store.rows(head.start, head.end):
            proof = strong_digest(derived.receipt(logged.index, note).to_bytes())
            yield self._row(logged, proof)
            self._progress(1)

    def _row(self, logged: Logged, proof: bytes) -> Row:
        entry = strong_digest(logged.entry)
        if logged.lost:
            return Row(entry=entry, proof=proof)
        statement = Statement.from_bytes(Envelope.from_bytes(logged.envelope).payload)
        return Row(
            entry=entry,
            proof=proof,
            envelope=strong_digest(logged.envelope),
            salt=strong_digest(logged.salt),
            items=tuple(self._item(file, statement.agency) for file in statement.files),
        )

    def _item(self, file: FileSubject, agency: str) -> bytes:
        """Read from the store again: what the row says is what is there now."""
        (record,) = self._s.store.find_items([(file.digest, agency)])
        if record is None:
            self.gone += 1
            return b""
        if record.object_id not in self._items:
            hasher = new_strong_digest()
            try:
                for piece in self._s.items.stream(record.object_id):
                    hasher.update(piece)
            except Unknown:
                self.gone += 1
                return b""
            self._items[record.object_id] = hasher.digest()
        return self._items[record.object_id]

    def _tokens(self) -> Iterator[bytes]:
        """Of every token there is: of checkpoints, and of renewals before this one."""
        for number in range(len(self._s.log.derived)):
            size = 1
            while stamps := self._s.store.stamps(number, size):
                yield from (strong_digest(stamp.token) for stamp in stamps)
                size = stamps[0].size + 1
        for id_ in self._store.ids():
            yield strong_digest(self._store.token(id_))
