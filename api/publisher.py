"""Brings each commit before the public: tiles, cosigners, `checkpoint`.

In rounds: the newest head is materialised and sent to every cosigner that is free.
A round ends when its quorum is there, or when every cosigner has answered or
failed; then the next takes the head of that moment. So a slow cosigner delays
nothing, and under steady load cosigners still meet at one size. If entries have waited
for a quorum for a second, the checkpoint goes out with the log's signature alone,
however many rounds that second had. What is filed while a round still waits for a cosigner that
hangs belongs to the next: it waits for the end of this one too, `ROUND_S` at most.
"""

import threading
import time
from collections.abc import Callable, Mapping

from api.journal import journal
from ledger.errors import LedgerError
from ledger.log import Log
from ledger.ports import CosignerClient
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.note import MAX_NOTE, Signature, SignedNote
from ledger.tlog.policy import Policy, Witness

ALONE_AFTER_S = 1.0
PAUSE_S = 0.05  # between rounds: each writes new partial tiles, and disturbs the next commits
ROUND_S = 30.0  # a cosigner whose answer never ends holds up the others no longer
RETRY_S = (1.0, 2.0, 5.0, 15.0, 30.0)  # after a failed round; a cosigner may be down for days
STOP_S = 15.0  # for all threads together: a cosigner that hangs holds no server up for longer


class Publisher:
    """Threads around a log: one that rounds, and one for each cosigner."""

    def __init__(
        self,
        log: Log,
        policy: Policy,
        clients: Mapping[str, CosignerClient],
        on_quorum: Callable[[SignedNote], None] = lambda note: None,
    ) -> None:
        """`on_quorum` is told each checkpoint that has its quorum, and may not wait."""
        self._log = log
        self._on_quorum = on_quorum
        self._policy = policy
        self._cosigners = [w for w in policy.witnesses if w.name in clients]
        self._clients = clients
        self._change = threading.Condition()
        self._note: SignedNote | None = None
        self._size = 0
        self._started = 0.0
        self._unseen_since: float | None = None  # that there is what no reader was shown yet
        self._round = 0
        self._answered: set[str] = set()
        self._cosigned_size = 0
        self._failures = 0
        self._stopping = False
        self._threads = [threading.Thread(target=self._rounds, name="publisher", daemon=True)]
        self._threads += [
            threading.Thread(target=self._follow, args=(w,), name=f"cosigner-{w.name}", daemon=True)
            for w in self._cosigners
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There is a new head."""
        with self._change:
            self._change.notify_all()

    def stop(self) -> None:
        """Publishes what is committed, with the signatures that are there, and ends."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        ends = time.monotonic() + STOP_S
        for thread in self._threads:
            if thread.ident is not None:  # it was started
                thread.join(max(0.0, ends - time.monotonic()))

    @property
    def cosigned_size(self) -> int:
        """The largest tree that a quorum has cosigned since the start."""
        return self._cosigned_size

    # --- rounds ------------------------------------------------------------------------------

    def _rounds(self) -> None:
        while True:
            with self._change:
                if not self._due():
                    self._change.wait(self._patience())
                last = self._stopping and self._size == self._log.size
                due = self._due() and not last
            try:
                if due:
                    self._begin()
                self._publish_alone()
            except Exception as error:
                # Whatever it was: this thread is the only one that publishes.
                journal.error("not_published", reason=str(error))
                if self._stopping:
                    return
                self._pause()
            if last:
                return

    def _due(self) -> bool:
        """Whether the round is over and there is something to do next."""
        if self._stopping:
            return True
        over = self._quorum() or self._all_answered() or self._waited() >= ROUND_S
        rested = self._waited() >= PAUSE_S
        return over and rested and (self._log.size > self._size or self._retry_due())

    def _patience(self) -> float | None:
        if self._log.size > self._size:
            return PAUSE_S
        return None if self._size == 0 or self._quorum() else 0.2

    def _retry_due(self) -> bool:
        if self._size == 0 or self._quorum() or not self._cosigners:
            return False
        return self._waited() >= RETRY_S[min(self._failures, len(RETRY_S) - 1)]

    def _begin(self) -> None:
        head = self._log.materialise()
        if head is None:
            return
        with self._change:
            if head.edge.size == self._size:
                self._failures += 1
            else:
                self._failures = 0
                self._note = SignedNote.from_text(head.note)
                if self._unseen_since is None:
                    self._unseen_since = time.monotonic()
            self._size = head.edge.size
            self._started = time.monotonic()
            self._answered = set()
            self._round += 1
            self._change.notify_all()

    def _publish_alone(self) -> None:
        # Held, lest a quorum be published between the look and the write, and be undone.
        with self._change:
            if self._note is None or self._unseen_since is None or self._quorum():
                return
            waited = time.monotonic() - self._unseen_since
            if self._stopping or not self._cosigners or waited >= ALONE_AFTER_S:
                published = self._log.published()
                if published is None or published.size < self._size:
                    self._log.publish(self._note)
                self._unseen_since = None

    def _pause(self) -> None:
        with self._change:
            self._change.wait(timeout=1.0)

    def _quorum(self) -> bool:
        return self._cosigned_size >= self._size

    def _waited(self) -> float:
        return time.monotonic() - self._started

    def _all_answered(self) -> bool:
        return len(self._answered) == len(self._cosigners)

    # --- one cosigner ------------------------------------------------------------------------

    def _follow(self, witness: Witness) -> None:
        """Sends each round's checkpoint, as soon as the last answer is in."""
        known, last_round = 0, 0
        while True:
            with self._change:
                while self._round == last_round and not self._stopping:
                    self._change.wait()
                if self._stopping:
                    return
                last_round, note = self._round, self._note
            assert note is not None  # a round begins with its note
            line = None
            try:
                line, known = self._ask(witness, note, known)
            except Exception as error:
                # Whatever it was: a round waits for this thread's answer.
                journal.warning("cosigner_failed", cosigner=witness.name, reason=str(error))
            self._collect(witness, last_round, note, line)

    def _ask(self, witness: Witness, note: SignedNote, known: int) -> tuple[Signature | None, int]:
        """One request, and a second if the cosigner knows another size."""
        checkpoint = Checkpoint.from_text(note.text)
        client = self._clients[witness.name]
        status, answer = client.add_checkpoint(self._log.submission(note, known).to_bytes())
        if status == 409 and answer.strip().isdigit() and len(answer) < 20:
            known = int(answer)
            if known > checkpoint.size:
                journal.error(
                    "cosigner_ahead", cosigner=witness.name, its=known, ours=checkpoint.size
                )
                return None, 0
            status, answer = client.add_checkpoint(self._log.submission(note, known).to_bytes())
        if status != 200 or len(answer) > MAX_NOTE:
            journal.warning("cosigner_refused", cosigner=witness.name, status=status)
            return None, known
        line = self._line(witness, note, checkpoint, answer)
        return line, checkpoint.size if line is not None else known

    def _line(
        self, witness: Witness, note: SignedNote, checkpoint: Checkpoint, answer: bytes
    ) -> Signature | None:
        signed = SignedNote.from_bytes(note.text.encode() + b"\n" + answer)
        if check_cosignature(signed, checkpoint, witness.key) is None:
            journal.warning("cosigner_silent", cosigner=witness.name)
            return None
        return signed.by(witness.key)

    def _collect(
        self, witness: Witness, round_: int, note: SignedNote, line: Signature | None
    ) -> None:
        with self._change:
            if round_ == self._round:
                self._answered.add(witness.name)
            # A late line still belongs to the note, if no newer one has taken its place.
            if line is not None and self._note is not None and self._note.text == note.text:
                try:
                    self._note = self._note.with_signatures([line])
                    if self._log.keep_cosigned(self._note, self._policy):
                        self._log.publish(self._note)
                        self._unseen_since = None
                        self._cosigned_size = Checkpoint.from_text(note.text).size
                        self._on_quorum(self._note)
                except LedgerError as error:
                    journal.error("not_published", reason=str(error))
            self._change.notify_all()
