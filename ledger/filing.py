"""A filed envelope, read and checked as far as can be before its turn to be logged.

Reading it and its signatures is most of the work of accepting a statement, and needs
no place in the log. So it is done in the filer's own request, on all cores, and junk
costs its sender alone. What depends on the place (who may say what, revocations) is
asked again in its turn; a signature that was found good is not computed again.
"""

from dataclasses import dataclass

from ledger.errors import LedgerError
from ledger.evidence.envelope import Checked, Envelope
from ledger.evidence.register import Position, Register
from ledger.evidence.statement import Statement


@dataclass(frozen=True, slots=True)
class Filing:
    """`data` is the envelope as it came. `doubt` is why it would be refused just now.

    A registration that comes before it may still make it good.
    """

    data: bytes
    statement: Statement
    envelope: Envelope
    checked: Checked = frozenset()
    doubt: LedgerError | None = None


def read_filing(data: bytes) -> Filing:
    """Raises `Malformed`; no signature is looked at."""
    envelope = Envelope.from_bytes(data)
    return Filing(data, Statement.from_bytes(envelope.payload), envelope)


def open_filing(data: bytes, register: Register, position: Position) -> Filing:
    """With its signatures checked against the register as it is at `position`."""
    filing = read_filing(data)
    statement, envelope = filing.statement, filing.envelope
    try:
        signers = register.open(position, statement, envelope)
    except LedgerError as error:
        return Filing(data, statement, envelope, doubt=error)
    # By keyid, not in order: a person who signed with two keys is one signer.
    publics = {key.keyid: key.public for signer in signers for key in signer.keys}
    pairs = {(publics[s.keyid], s.sig) for s in envelope.signatures if s.keyid in publics}
    return Filing(data, statement, envelope, frozenset(pairs))
