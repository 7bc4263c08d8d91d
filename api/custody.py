"""The ledger's own statements: who read, exported or was refused, and what it did itself.

A read is answered only once its custody statement is durable in the log: nobody
reads evidence without leaving a line that neither he nor the operator can remove.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from api.identity import Person
from api.ids import new_id
from api.writer import Writer
from ledger import suite
from ledger.encoding import format_time
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.procedural import Hold
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Statement, Subject, TextSubject
from ledger.filing import read_filing
from ledger.log import Accepted, Log
from ledger.ports import Clock
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey

WAIT_S = 30.0


class Custody:
    """Signs with the ledger's statement key, which is not the log's."""

    def __init__(
        self, log: Log, writer: Writer, clock: Clock, key: SigningKey, agency: str
    ) -> None:
        self._log = log
        self._writer = writer
        self._clock = clock
        self._key = key
        self._agency = agency

    def note(self, action: str, *, about: str, person: Person, note: str = "") -> None:
        """Returns once the line is durable; raises `Unavailable` otherwise."""
        self._say(Kind.CUSTODY, _custody(action, about, person, note))

    def refused(self, *, about: str, person: Person) -> None:
        """Does not wait: how long an answer takes must not tell what is there."""
        self._say(Kind.CUSTODY, _custody("refused", about, person, ""), wait=False)

    def status(
        self, what: str, counts: Mapping[str, int], *, note: str = "", wait: bool = True
    ) -> None:
        texts = {name: str(count) for name, count in counts.items()}
        fields = {"what": what, "counts": texts} | ({"note": note} if note else {})
        self._say(Kind.STATUS, fields, wait=wait)

    def hold(self, subjects: Sequence[Subject], fields: Mapping[str, str]) -> str:
        """Places a legal hold; the id of the statement, once it is durable."""
        return self._say(Kind.HOLD, {"hold": str(Hold.PLACED), **fields}, subjects=subjects)

    def _say(
        self,
        kind: Kind,
        fields: Mapping[str, Any],
        *,
        wait: bool = True,
        subjects: Sequence[Subject] = (),
    ) -> str:
        now = self._clock.now_ms()
        moment = format_time(now)
        predicate = {
            "id": new_id(now),
            "agency": self._agency,
            "occurred": {"from": moment, "to": moment},
            **fields,
        }
        statement = Statement(kind, tuple(subjects) or (self._subject(),), predicate)
        envelope = seal(statement.to_bytes(), [self._key]).to_bytes()
        future = self._writer.submit([read_filing(envelope)])
        if not wait:
            return statement.id
        try:
            (result,) = future.result(WAIT_S)
        except TimeoutError:
            raise Unavailable("the log did not take the custody statement in time") from None
        if isinstance(result, LedgerError):
            raise Unavailable(f"the log refused the custody statement: {result}")
        assert isinstance(result, Accepted)
        return statement.id

    def _subject(self) -> TextSubject:
        """The checkpoint of that moment: the state of the log that was read from."""
        head = self._log.head
        if head is None:
            raise Unavailable("the log has no opening yet")
        text = SignedNote.from_text(head.note).text
        size = Checkpoint.from_text(text).size
        return TextSubject(f"checkpoint/{self._log.label}-{size}", suite.digest(text.encode()))


def _custody(action: str, about: str, person: Person, note: str) -> dict[str, str]:
    fields = {"about": about, "action": action, "by": f"{person.role} {person.name}"}
    return fields | ({"note": note} if note else {})
