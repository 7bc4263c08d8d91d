"""Sending: sessions in their order, then evidence, receipts, and what the ledger holds.

An answer is believed only after it was recomputed, and counts only once its copy is durable.
When there is no answer everything else goes on, and what waits is sent later in the same
order: the ids and envelopes were stored before the first sending, so the ledger knows a
statement again that it has answered before.
"""

import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from api.clients.copies import format_copy
from api.clients.ledger import NotYet, check_acceptance, refusal
from cli.station.history import Forked, check_history
from cli.station.ledger import Ledger
from cli.station.reading import NONCE, PIECE
from cli.station.statements import states_sm3
from cli.station.station import Station
from ledger import suite
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.entry import Entry
from ledger.tlog.receipt import Receipt
from storage.durable import refusals, write_file
from storage.station_sqlite import FileRow, StatementRow

BATCH = 64
AT_ONCE = 2  # statements: one is on its way while the ledger reads another's files back
CHECKPOINT_MS = 30_000
SILENCE_MS = 60_000  # a ledger that cannot say what it holds is not asked at once again


class Sender:
    """`online` is whether the last attempt had an answer; `why` what was said if not."""

    def __init__(
        self, station: Station, connect: Callable[[], Ledger], progress: Callable[[int], None]
    ) -> None:
        self._station = station
        self._store = station.store
        self._connect = connect
        self._ledger: Ledger | None = None
        self._progress = progress
        self._counting = threading.Lock()
        self._looked_ms: int | None = None
        self._silent_until_ms: dict[int, int] = {}
        self._about_log = ""
        self._about_items = ""
        self._about_receipts = ""
        self.online = False
        self.why = ""
        self.backup: int | None = None

    def send(self) -> None:
        """As far as the ledger answers; never raises for want of it."""
        try:
            if self._ledger is None:
                self._ledger = self._connect()
            self._follow(self._ledger)
            self._send(self._ledger)
            about = (self._about_log, self._about_receipts, self._about_items)
            self.online, self.why = True, next(filter(None, about), "")
        except Unavailable as error:
            self.online, self.why = False, str(error)
        except LedgerError as error:
            # It answers, and not as it should: said, and asked again.
            self.online, self.why = True, str(error)

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()

    def _send(self, ledger: Ledger) -> None:
        last = 0
        while rows := self._store.unanswered(evidence=False, after=last, limit=BATCH):
            for row in rows:
                self._tell(ledger, row)
            last = rows[-1].seq
        last = 0
        while rows := self._store.unanswered(evidence=True, after=last, limit=BATCH):
            self._deposit(ledger, rows)
            last = rows[-1].seq
        self._receipts(ledger)
        self._read_back(ledger)
        self._make_room()

    def _follow(self, ledger: Ledger) -> None:
        now = self._station.clock.steady_ms()
        if self._looked_ms is not None and now - self._looked_ms < CHECKPOINT_MS:
            return
        note = self._station.newest_shown(ledger.checkpoint)
        try:
            check_history(self._station, note, ledger.log_file)
            self._station.follow(note)
            self._about_log = ""
        except Forked:
            raise
        except (Malformed, Rejected) as error:
            # Not what it showed before, or not to be believed: said, and not followed.
            self._about_log = str(error)
        self.backup = ledger.backup_size()
        self._looked_ms = now

    # --- sessions ----------------------------------------------------------------------------

    def _tell(self, ledger: Ledger, row: StatementRow) -> None:
        if row.manifest and not row.manifest_sent:
            path = self._station.folder.spool / f"manifest-{row.id}"
            if not path.exists():
                write_file(path, row.manifest)
            sha256, sm3 = suite.digest(row.manifest), states_sm3(row.envelope)
            ledger.upload(path, len(row.manifest), sha256, lambda n: None, sm3=sm3)
            self._store.manifest_sent(row.id)
            path.unlink(missing_ok=True)
        self._file(ledger, [row])

    # --- evidence ----------------------------------------------------------------------------

    def _deposit(self, ledger: Ledger, rows: Sequence[StatementRow]) -> None:
        """Files of two statements at a time; what is filed keeps its order."""
        files = {row.id: self._store.files(statement=row.id) for row in rows}
        # Where an upload is stands under its digest: two of one digest would be one upload.
        turns = {file.sha256: threading.Lock() for each in files.values() for file in each}
        ready: list[StatementRow] = []
        stopped: Unavailable | None = None
        broken: list[Unavailable] = []
        pool = ThreadPoolExecutor(AT_ONCE, "upload")
        try:
            work = [
                pool.submit(self._upload_all, ledger, files[row.id], turns, broken) for row in rows
            ]
            for row, uploads in zip(rows, work, strict=True):
                try:
                    uploads.result()
                    ready.append(row)
                except (Rejected, Malformed) as error:
                    # One that is refused holds up no other.
                    self._store.refused(row.id, str(error))
        except Unavailable as error:
            stopped = error
        finally:
            pool.shutdown(cancel_futures=True)
        if ready:
            # Even then: what no statement claims fills the quota, and nothing more would find room.
            self._file(ledger, ready)
        if stopped is not None:
            raise stopped

    def _upload_all(
        self,
        ledger: Ledger,
        files: Sequence[FileRow],
        turns: Mapping[bytes, threading.Lock],
        broken: list[Unavailable],
    ) -> None:
        """Without a line what did not begin does not: each would wait for it."""
        for file in files:
            if not file.uploaded:
                with turns[file.sha256]:
                    if broken:
                        raise broken[0]
                    try:
                        self._upload(ledger, file)
                    except Unavailable as error:
                        broken.append(error)
                        raise

    def _upload(self, ledger: Ledger, file: FileRow) -> None:
        path = self._station.spool_file(file)
        if not path.exists():
            raise Rejected(f"{path.name} is missing in the spool")
        ledger.upload(path, file.size, file.sha256, self._count, sm3=bool(file.sm3))
        self._store.uploaded(file.id)

    def _count(self, count: int) -> None:
        with self._counting:
            self._progress(count)

    def _file(self, ledger: Ledger, rows: Sequence[StatementRow]) -> None:
        answers = ledger.file([row.envelope for row in rows])
        for row, answer in zip(rows, answers, strict=True):
            try:
                self._believe(row, answer)
            except Unknown as error:
                # Bytes that nobody claimed in time are removed there: they are sent again.
                self._store.lost_by_ledger(row.id)
                self._store.refused(row.id, str(error))
            except Unavailable:
                raise
            except LedgerError as error:
                self._store.refused(row.id, str(error))

    def _believe(self, row: StatementRow, answer: dict[str, Any]) -> None:
        if "status" in answer:
            raise refusal(answer)
        check_acceptance(answer, row.envelope, self._station.trust)
        copy = self._station.folder.copies / f"{row.id}.json"
        write_file(copy, format_copy(row.envelope, answer))
        self._store.answered(row.id, json.dumps(answer, ensure_ascii=False))

    # --- receipts ----------------------------------------------------------------------------

    def _receipts(self, ledger: Ledger) -> None:
        last = 0
        self._about_receipts = ""
        while rows := self._store.unwitnessed(last, BATCH):
            for row in rows:
                try:
                    if not self._check_receipt(row, ledger.receipt(row.id)):
                        return
                except NotYet:
                    return  # whoever came later is not published either
                except Unavailable:
                    raise
                except LedgerError as error:
                    # Nothing of it is kept; it is asked for again, and holds up no other.
                    text = f"the receipt of {row.id} is not to be believed: {error}"
                    self._about_receipts = text
            last = rows[-1].seq

    def _check_receipt(self, row: StatementRow, answer: dict[str, Any]) -> bool:
        """Keeps a receipt that at least one cosigner stands for; whether a quorum does."""
        accepted = json.loads(row.answer)
        log = self._station.trust.log(str(accepted["log"]))
        receipt = Receipt.from_text(str(answer.get("proof")))
        if log is None or str(receipt.index) != str(accepted["index"]):
            raise Rejected(f"it is for another entry than {accepted['index']}")
        # The entry that was believed at acceptance, not the one that comes with the receipt.
        leaf = Entry.from_bytes(accepted["entry"].encode()).leaf_hash()
        cosigned = receipt.open(leaf, log.policy)
        if not cosigned.times:
            return False
        self._store.receipted(
            row.id, receipt.to_text(), len(cosigned.times), cosigned.quorum_time or 0
        )
        return cosigned.quorum_time is not None

    # --- what the ledger holds ---------------------------------------------------------------

    def _read_back(self, ledger: Ledger) -> None:
        now = self._station.clock.steady_ms()
        self._about_items = ""
        for file in self._store.files_to_challenge():
            self._challenge(file)
        for file in self._store.files_to_read_back():
            if now < self._silent_until_ms.get(file.id, now):
                continue
            # One that is damaged there is asked for again later, and holds up no other.
            self._silent_until_ms[file.id] = now + SILENCE_MS
            try:
                answer = ledger.readback(file.sha256, file.size, file.nonce)
            except NotYet:
                del self._silent_until_ms[file.id]
                return  # another station's turn
            except Unavailable as error:
                self._about_items = str(error)
                return
            if answer is not None:
                del self._silent_until_ms[file.id]
                self._store.answered_readback(file.id, answer)

    def _challenge(self, file: FileRow) -> None:
        """Over the spool's own copy, for want of the device's."""
        nonce = secrets.token_bytes(NONCE)
        challenged = suite.new_digest()
        challenged.update(nonce)
        with (
            refusals("read a file in the spool"),
            self._station.spool_file(file).open("rb") as spooled,
        ):
            while piece := spooled.read(PIECE):
                challenged.update(piece)
        self._store.challenge_spooled(file, nonce, challenged.digest())

    def _make_room(self) -> None:
        """A file leaves the spool once it is logged, and the ledger has answered for its bytes."""
        done = self._store.files_to_release()
        # Its row first: a file that nobody needs is better than a row without one.
        self._store.unspooled([file.id for file in done])
        for file in done:
            self._station.spool_file(file).unlink(missing_ok=True)
