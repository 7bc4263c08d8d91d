"""A log that starts goes on only once nobody who answers has signed more than it holds.

A disk may be of yesterday without anybody having said so. Every cosigner of the policy is
asked what it knows, by an add-checkpoint request whose `old` is the size of our own
checkpoint. One that knows another size answers 409 with it; one that knows this very tree
signs it again, which changes nothing. So nobody is moved, and every cosigner that speaks
c2sp.org/tlog-witness can be asked.

One that knows a larger tree, or another of this size, or shows another of a smaller one, stops
it: what completes a backup may be a tail that a stolen log key signed. Whoever says so is asked to
show it, signed by this log: on a word alone, or if nobody answers, the operator may go on and
the log says that he did. A restored log waits longer: until those that
have not answered could make no quorum among themselves, for they may have signed a tree that
nobody here has seen. Mirrors are asked too, and only ever stop it: `api.asking_mirrors`.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from api.asking_mirrors import Here, Mirror, MirrorQuestion
from api.clients.address import without_password
from api.custody import Custody
from api.journal import journal
from api.publisher import RETRY_S
from api.restoring import MAX_MARK, Mark, begun_text, lost_text
from ledger.encoding import clip
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.log import Log
from ledger.ports import CosignerClient
from ledger.sequencer import Head
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.note import MAX_NOTE, SignedNote
from ledger.tlog.policy import Policy, Witness
from ledger.tlog.submission import AddCheckpoint
from storage.durable import refusals, remove_file
from storage.folder import DataFolder

RESTORED = "restored"  # the status that tells of it
LOOK_AHEAD = 200  # of the ledger's own statements: it is among the first behind what was lost
GRACE_S = 2.0  # so long answers are waited for
RESTORED_S = 12.0  # and in a restored folder: who has signed less is to show that ours begins so
FIRST_S = 3.0  # so long a start waits for the first answers, before it refuses filings
NOBODY_SAYS = "no cosigner says what it knows"
CLOSED = (
    "restored to where this log was about to be closed, and the next one may have begun: restore "
    "a newer backup; if no next log was ever shown to anyone, remove the file 'restored', close "
    "this log with `tiezheng next-log`, and go on in the next; if one was, and no backup has its "
    "key, this ledger has ended: found a new one"
)
NOWHERE = "; if nobody has these entries, this ledger has ended: found a new one"


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
    another: list[str] = field(
        default_factory=list
    )  # who have signed what ours does not begin with
    shown: set[str] = field(default_factory=set)  # who of those that know more have shown it


def ask_all(policy: Policy, clients: Mapping[str, CosignerClient], here: Here) -> Answers:
    """At once; one that has not answered after `GRACE_S` is as silent as one that is dead.

    In a restored folder it is waited for longer, until one that has signed less has shown what, or
    will not: what completed the backup may begin otherwise.
    """
    asking = {w.name: _Asking(policy, w, clients.get(w.name), here) for w in policy.witnesses}
    for one in asking.values():
        one.start()
    ends = time.monotonic() + (RESTORED_S if here.restored else GRACE_S)
    answers = Answers()
    for name, one in asking.items():
        one.join(max(0.0, ends - time.monotonic()))
        match one.answer:
            case int(size):
                answers.sizes[name] = size
            case Rejected():
                answers.another.append(name)
            case error:
                answers.silent[name] = str(error)
        if one.shown:
            answers.shown.add(name)
    answers.another.sort()
    return answers


class _Asking(threading.Thread):
    """One question; a thread that hangs keeps nobody from ending."""

    def __init__(
        self, policy: Policy, witness: Witness, client: CosignerClient | None, here: Here
    ) -> None:
        super().__init__(name=f"ask-{witness.name}", daemon=True)
        self._policy, self._witness, self._client, self._here = policy, witness, client, here
        self.answer: int | LedgerError = Unavailable("no answer yet")
        self.shown = False

    def run(self) -> None:
        if self._client is None:
            self.answer = Unavailable("no address")
            return
        size, answer = self._here.head.edge.size, self._asked()
        if not isinstance(answer, (int, Rejected)):
            self.answer = answer
            return
        stops = isinstance(answer, Rejected) or answer > size
        # Once: the time may be up at any moment, and then what stands here is what counts. What
        # stops a log counts from here on: to slow down what follows must not take it back.
        if self._here.restored and not stops and answer != size:
            self.answer = Unavailable(f"it knows {answer}, and has not shown that tree yet")
        else:
            self.answer = answer
        seen = _shown(self._policy, self._client)
        if seen is None or seen.size >= size:
            self.shown = seen is not None and self._here.is_against(seen)
            self.answer = answer
            return
        if not stops:
            # To compare may take longer than answers are waited for: then nothing is known yet.
            self.answer = Unavailable(f"its tree of {seen.size} entries is being compared")
        try:
            self.shown = self._here.is_against(seen)
        except LedgerError as error:
            if not stops:
                why = f"its tree of {seen.size} entries cannot be compared: {error}"
                self.answer = Unavailable(why)
            return
        another = Rejected(f"it has signed another tree of {seen.size} entries")
        self.answer = another if self.shown else answer

    def _asked(self) -> int | LedgerError:
        assert self._client is not None
        try:
            return _ask(self._policy, self._witness, self._client, self._here.head)
        except LedgerError as error:
            return error
        except Exception as error:
            # Whatever it was: it is no answer, and the others are asked all the same.
            return Unavailable(f"it could not be asked: {error}")


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


def _shown(policy: Policy, client: CosignerClient) -> Checkpoint | None:
    """The newest checkpoint of this log, signed by it, that a cosigner has to show."""
    try:
        return open_checkpoint(
            SignedNote.from_bytes(client.checkpoint(policy.log.name)), policy.log
        )
    except LedgerError:
        return None
    except Exception as error:
        journal.warning("not_shown", reason=f"it could not be asked: {error}")
        return None


def reason_to_wait(policy: Policy, size: int, mark: Mark | None, answers: Answers) -> str:
    """Empty if the log may go on. `mark` is that of a restored folder."""
    if mark is not None and mark.wanted > size:
        return (
            f"restored to {size} entries, and the log has signed {mark.wanted}: "
            f"{mark.missing} are missing; restore again with --public and more --copies{NOWHERE}"
        )
    if answers.another:
        names = ", ".join(name + _word(answers, name) for name in answers.another)
        return f"{names} signed another tree of {size} entries, or of fewer: a fork"
    here = f"restored to {size} entries" if mark else f"there are {size} entries here"
    ahead = {name: its for name, its in answers.sizes.items() if its > size}
    if ahead:
        said = ", ".join(
            f"{name} knows {its}{_word(answers, name)}" for name, its in sorted(ahead.items())
        )
        again = "restore again with a newer backup" if mark else "restore the newest backup"
        end = NOWHERE if mark else ""
        return f"{here}, and {said}: {again}, or with --public and --copies{end}"
    why = "; ".join(f"{name}: {text}" for name, text in sorted(answers.silent.items()))
    if mark is None:
        return f"{here}, and {NOBODY_SAYS} ({why})" if why and not answers.sizes else ""
    if policy.quorum is None:
        return (
            "restored, and the policy names no cosigner to ask: if nothing beyond "
            f"{size} entries was ever shown, remove the file 'restored' and start again"
        )
    rest = {w.name: 0 for w in policy.witnesses if w.name not in answers.sizes}
    if policy.quorum_time(rest) is not None:
        return (
            f"{here}; {len(answers.sizes)} of {len(policy.witnesses)} "
            f"cosigners have said what they know, and the others could be a quorum ({why})"
        )
    return ""


def _told(error: Exception) -> str:
    """With what to do about it."""
    hints = error.hints if isinstance(error, LedgerError) else ()
    return "; ".join((str(error), *hints))


def _word(answers: Answers, name: str) -> str:
    return "" if name in answers.shown else " (its word: it shows no such checkpoint of this log)"


def _unsaid(log: Log) -> bool:
    """Whether statements are lost that no `restored` has told of: somebody removed the mark."""
    if not (lost := log.lost_numbers()):
        return False
    for year in sorted({one.label[:4] for one in log.derived}):
        later = [number for number in log.places(f"{year}/log") if number > lost[-1]]
        for row in map(log.row, later[:LOOK_AHEAD]):
            said = row.said()
            if said is not None and said.predicate.get("what") == RESTORED:
                return False
    return True


class Resumption:
    """One thread, from the start of a server until the log goes on.

    `alone`: the operator lets it go on although no cosigner has answered, or one knows more and
    does not show it; the log says so.
    """

    def __init__(
        self,
        folder: DataFolder,
        log: Log,
        policy: Policy,
        clients: Mapping[str, CosignerClient],
        custody: Custody,
        *,
        mirrors: Mapping[str, Mirror] | None = None,
        alone: bool = False,
    ) -> None:
        self._mirrors = mirrors or {}
        self._folder = folder
        self._log = log
        self._policy = policy
        self._clients = clients
        self._custody = custody
        self._alone = alone
        self._mark = read_mark(folder)
        self._root_of = cache(log.root_of)  # or what takes longer than one question never ends
        self._unsaid = _unsaid(log)
        self._begun = False
        self._closing = threading.Event()
        self._asked = threading.Event()
        self._thread: threading.Thread | None = None
        if self._mark is not None:
            self._hold()

    @property
    def due(self) -> bool:
        """Whether something has to be known before the log goes on."""
        known = self._mark is None and not self._unsaid
        return not known or bool(self._clients) or bool(self._mirrors)

    def start(self, then: Callable[[], None]) -> None:
        """`then` is called once, when what is here may be published.

        At once, unless it was restored: what was signed here was signed, whoever knows more.
        """
        if self.due:
            self._hold()
        if self._mark is None:
            then()
        if not self.due:
            return
        self._thread = threading.Thread(target=self._run, args=(then,), name="resumption")
        self._thread.daemon = True
        self._thread.start()
        self._asked.wait(FIRST_S)

    def stop(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=15)

    def _hold(self) -> None:
        size = self._log.size
        self._log.hold(f"there are {size} entries here: the cosigners have not been asked yet")

    def _run(self, then: Callable[[], None]) -> None:
        failures, materialised = 0, False
        while not self._closing.is_set():
            try:
                if not materialised and self._mark is not None:
                    # Receipts of what is here can be given meanwhile.
                    self._log.materialise()
                    materialised = True
                if self.ask():
                    self._go_on(then)
                    return
            except Exception as error:
                # Whatever it was: nothing is sequenced until this thread lets it.
                journal.error("not_resumed", reason=str(error))
                if self._log.held:
                    self._log.hold(f"whether this log may go on cannot be told: {_told(error)}")
            finally:
                self._asked.set()
            self._closing.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    def ask(self) -> bool:
        """Whether the log may go on; else it says why it does not."""
        head = self._log.head
        if head is None:
            return True  # nothing was ever signed here
        answers = self._answers(head)
        reason = reason_to_wait(self._policy, head.edge.size, self._mark, answers)
        if not reason and self._mark is not None and self._log.may_be_closed():
            reason = CLOSED
        if reason and self._alone and self._mark is None and not answers.shown:
            journal.warning("going_on_alone", reason=reason)
            return True
        if reason:
            self._log.hold(reason)
            journal.warning("standing_still", reason=reason)
            return False
        self._alone = False
        journal.info("resumed", size=head.edge.size, cosigners=len(answers.sizes))
        return True

    def _answers(self, head: Head) -> Answers:
        ends = time.monotonic() + GRACE_S
        log, restored = self._log, self._mark is not None
        here = Here(head, log.root_at, self._root_of, restored)
        question = MirrorQuestion(self._policy.log, self._mirrors, here)
        answers = Answers()
        if self._clients or self._mark is not None:
            answers = ask_all(self._policy, self._clients, here)
        for address, shown in question.against(ends).items():
            if shown.size > head.edge.size:
                name = f"the mirror {without_password(address)}"
                answers.sizes[name] = shown.size
            else:
                name = f"the log, as the mirror {without_password(address)} shows,"
                answers.another.append(name)
            answers.shown.add(name)
        return answers

    def _go_on(self, then: Callable[[], None]) -> None:
        self._log.hold("")
        if self._alone:
            self._custody.status("alone", {"size": self._log.size}, wait=False)
        if self._mark is None and not self._unsaid:
            return
        if self._mark is not None and not self._begun:
            self._begun = True  # what follows may fail, and is tried again
            then()
        lost = self._log.lost()
        text = begun_text(lost_text(lost, self._log.label))
        note = f"statements lost at {text}" if lost else ""
        self._custody.status(RESTORED, {"lost": len(lost), "size": self._log.size}, note=note)
        self._unsaid = False
        # Behind the statement: after a crash before it the cosigners are asked again.
        remove_file(self._folder.restored)
