"""A restored log goes on only once no quorum can have signed more than it holds.

Every cosigner of the policy is asked what it knows, by an add-checkpoint request whose
`old` is the size of our own checkpoint. One that knows another size answers 409 with it;
one that knows this very tree signs it again, which changes nothing. So nobody is moved, and
every cosigner that speaks c2sp.org/tlog-witness can be asked.

If those that have not answered could make a quorum among themselves, they may have signed a
tree that nobody here has seen: then it waits. One that knows a larger tree stops it.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from api.custody import Custody
from api.journal import journal
from api.publisher import RETRY_S
from api.restoring import MAX_MARK, Mark, lost_text
from ledger.encoding import clip
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.log import Log
from ledger.ports import CosignerClient
from ledger.sequencer import Head
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.note import MAX_NOTE, SignedNote
from ledger.tlog.policy import Policy, Witness
from ledger.tlog.submission import AddCheckpoint
from storage.durable import refusals, remove_file
from storage.folder import DataFolder

MAX_LOST_TEXT = 3000  # in the note of a statement; the rest is in the store


def read_mark(folder: DataFolder) -> Mark | None:
    with refusals(f"read {str(folder.restored)!r}"):
        try:
            with folder.restored.open("rb") as file:
                data = file.read(MAX_MARK + 1)
        except FileNotFoundError:
            return None
    try:
        return Mark.from_bytes(data)
    except Malformed as error:
        raise error.under(str(folder.restored)) from None


@dataclass(slots=True)
class Answers:
    """What the cosigners know: the size by name, and why some have not said."""

    sizes: dict[str, int] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    another: list[str] = field(default_factory=list)  # who have signed another tree of our size


def ask_all(policy: Policy, clients: Mapping[str, CosignerClient], head: Head) -> Answers:
    answers = Answers()
    for witness in policy.witnesses:
        client = clients.get(witness.name)
        if client is None:
            answers.silent[witness.name] = "no address"
            continue
        try:
            answers.sizes[witness.name] = _ask(policy, witness, client, head)
        except Rejected:
            answers.another.append(witness.name)
        except LedgerError as error:
            answers.silent[witness.name] = str(error)
    return answers


def _ask(policy: Policy, witness: Witness, client: CosignerClient, head: Head) -> int:
    note = SignedNote.from_text(head.note)
    size = head.edge.size
    status, answer = client.add_checkpoint(AddCheckpoint(size, (), note).to_bytes())
    text = answer[:20].strip()
    if status == 409 and text.isdigit() and int(text) != size:
        return int(text)
    # Without a size, as version 1.0.0 of the protocol has it, or with ours, which we had named.
    if status in (409, 422):
        raise Rejected("it has signed another tree of this size")
    if status != 200 or len(answer) > MAX_NOTE:
        raise Unavailable(f"it answered {status}: {clip(answer.decode('utf-8', 'replace'))!r}")
    signed = SignedNote.from_bytes(note.text.encode() + b"\n" + answer)
    if check_cosignature(signed, Checkpoint.from_text(note.text), witness.key) is None:
        raise Unavailable("it answered without its signature")
    return size


def reason_to_wait(policy: Policy, size: int, mark: Mark, answers: Answers) -> str:
    """Empty if the log may go on."""
    if mark.wanted > size:
        return (
            f"restored to {size} entries, and the log has signed {mark.wanted}: "
            f"{mark.missing} are missing; restore again with --public and more --copies"
        )
    if answers.another:
        return f"{', '.join(answers.another)} signed another tree of {size} entries: a fork"
    ahead = {name: its for name, its in answers.sizes.items() if its > size}
    if ahead:
        said = ", ".join(f"{name} knows {its}" for name, its in sorted(ahead.items()))
        return (
            f"restored to {size} entries, and {said}: restore again with a newer backup, or "
            "with --public and --copies"
        )
    if policy.quorum is None:
        return (
            "restored, and the policy names no cosigner to ask: if nothing beyond "
            f"{size} entries was ever shown, remove the file 'restored' and start again"
        )
    rest = {w.name: 0 for w in policy.witnesses if w.name not in answers.sizes}
    if policy.quorum_time(rest) is not None:
        why = "; ".join(f"{name}: {text}" for name, text in sorted(answers.silent.items()))
        return (
            f"restored to {size} entries; {len(answers.sizes)} of {len(policy.witnesses)} "
            f"cosigners have said what they know, and the others could be a quorum ({why})"
        )
    return ""


class Resumption:
    """One thread, from the start of a server on a restored folder until the log goes on."""

    def __init__(
        self,
        folder: DataFolder,
        log: Log,
        policy: Policy,
        clients: Mapping[str, CosignerClient],
        custody: Custody,
    ) -> None:
        self._folder = folder
        self._log = log
        self._policy = policy
        self._clients = clients
        self._custody = custody
        self._mark = read_mark(folder)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if self._mark is not None:
            log.hold(f"restored to {log.size} entries: the cosigners have not been asked yet")

    @property
    def due(self) -> bool:
        return self._mark is not None

    def start(self, then: Callable[[], None]) -> None:
        """`then` is called once, when the log may go on."""
        self._thread = threading.Thread(target=self._run, args=(then,), name="resumption")
        self._thread.daemon = True
        self._thread.start()

    def stop(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=15)

    def _run(self, then: Callable[[], None]) -> None:
        failures, materialised = 0, False
        while not self._closing.is_set():
            try:
                if not materialised:
                    # Receipts of what is here can be given meanwhile.
                    self._log.materialise()
                    materialised = True
                if self.ask():
                    self._go_on(then)
                    return
            except Exception as error:
                # Whatever it was: nothing is sequenced until this thread lets it.
                journal.error("not_resumed", reason=str(error))
            self._closing.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    def ask(self) -> bool:
        """Whether the log may go on; else it says why it does not."""
        head = self._log.head
        assert self._mark is not None and head is not None
        answers = ask_all(self._policy, self._clients, head)
        reason = reason_to_wait(self._policy, head.edge.size, self._mark, answers)
        if reason:
            self._log.hold(reason)
            journal.warning("standing_still", reason=reason)
            return False
        journal.info("resumed", size=head.edge.size, cosigners=len(answers.sizes))
        return True

    def _go_on(self, then: Callable[[], None]) -> None:
        self._log.hold("")
        then()
        lost = self._log.lost()
        text = lost_text(lost)
        if len(text) > MAX_LOST_TEXT:
            text = text[:MAX_LOST_TEXT].rpartition(", ")[0] + ", …"
        note = f"statements lost at {text}" if lost else ""
        self._custody.status("restored", {"lost": len(lost), "size": self._log.size}, note=note)
        # Behind the statement: after a crash before it the cosigners are asked again.
        remove_file(self._folder.restored)
