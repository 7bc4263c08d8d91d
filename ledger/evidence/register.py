"""Whose keys count, at each place of the log: what register statements have said so far.

A key counts if a statement signed by the registrar names it, stands before the
statement in question, and is the latest of its series there. Validity claimed
backwards has no effect. A revocation takes effect where it stands; with
`compromised_since` it also reaches back, but only to statements that no quorum had
seen by then: whoever accepted those could not know, so they are disowned, not refused. A key
that was revoked or replaced does not come back: who found it in a drawer would be its owner
again.

Keys of logs, cosigners, mirrors and the registrar are believed for the verifier's trust
folder alone; what the register says of them is kept apart (`ledger.verdict.withdrawn`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ledger.encoding import format_time, parse_time
from ledger.errors import Rejected
from ledger.evidence.envelope import FOR_STATEMENTS, Checked, Envelope
from ledger.evidence.owner import Spellings
from ledger.evidence.statement import TRUSTED_ROLES, Kind, Role, Statement
from ledger.tlog.note import VerifierKey

Position = tuple[int, int]  # number of the log, index


@dataclass(frozen=True, slots=True)
class Registration:
    """One version of a key's registration."""

    position: Position
    key: VerifierKey
    person: str
    role: Role
    agency: str
    revoked: bool
    compromised_ms: int | None
    also: tuple[VerifierKey, ...] = ()  # of other algorithms, on the same statement

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        return (self.key, *self.also)

    @property
    def withdrawn(self) -> bool:
        return self.revoked or self.compromised_ms is not None


class Disowned(Rejected):
    """Signed as it must be, by keys of which the register says only later that they were
    compromised before a quorum had seen it. `thefts` are what says so, one for each key."""

    def __init__(self, thefts: Sequence[Registration]) -> None:
        super().__init__(_stolen(thefts[0]))
        self.thefts = tuple(thefts)


class Register:
    """Built from register statements in log order; asked for any place."""

    def __init__(self, registrar: VerifierKey, others: Iterable[VerifierKey] = ()) -> None:
        """`others` are the keys of logs, cosigners and mirrors, where they are known."""
        self._registrar = registrar
        self._taken = {registrar.public, *(key.public for key in others)}
        self._versions: defaultdict[str, list[Registration]] = defaultdict(list)
        self._case_numbers: dict[str, tuple[str, ...]] = {}
        self.spellings = Spellings()
        self.openings: list[tuple[Position, Statement]] = []
        self.trusted: list[Registration] = []  # of keys that a trust folder holds

    def add(self, position: Position, statement: Statement, envelope: Envelope) -> None:
        """Raises `Rejected` unless the registrar alone has signed it."""
        if statement.kind is not Kind.REGISTER:
            raise Rejected(f"want a register statement, got {statement.kind}")
        self._check(position, statement, envelope)
        predicate = statement.predicate
        if "registrar" in predicate:
            self.openings.append((position, statement))
        elif "case_numbers" in predicate:
            self._case_numbers[statement.agency] = tuple(predicate["case_numbers"])
            self.spellings.add(statement.agency, predicate["case_numbers"])
        elif "key" in predicate:
            self._add_key(position, statement)

    def open(
        self,
        position: Position,
        statement: Statement,
        envelope: Envelope,
        quorum_time: int | None = None,
        checked: Checked = frozenset(),
    ) -> tuple[Registration, ...]:
        """Who signed a statement at `position`, each person once.

        Raises `Rejected` if any signature does not count; `Disowned` if nothing else is wrong.

        `quorum_time` is when a quorum had first seen it, for keys found compromised later;
        `checked` as for `Envelope.open`.
        """
        if statement.kind is Kind.REGISTER:
            self._check(position, statement, envelope)
            return ()
        signers: list[Registration] = []
        thefts: list[Registration] = []

        def find(keyid: str) -> VerifierKey:
            signer = self._in_force(keyid, position)
            if theft := self._theft(signer, quorum_time):
                if theft.position < position:
                    raise Rejected(_stolen(theft))
                thefts.append(theft)
            if signer.role not in statement.sayers:
                raise Rejected(f"a {signer.role} may not make a statement of kind {statement.kind}")
            if signer.role is not Role.LEDGER and signer.agency != statement.agency:
                raise Rejected(f"{keyid} is of {signer.agency!r}, not of {statement.agency!r}")
            for n, other in enumerate(signers):
                if signer.person == other.person:
                    signers[n] = _in_both(other, signer)
                    break
            else:
                signers.append(signer)
            return signer.key

        envelope.open(find, checked)
        if len(signers) < statement.persons:
            raise Rejected(f"want {statement.persons} persons, signed by {len(signers)}")
        if thefts:
            raise Disowned(thefts)
        return tuple(signers)

    def find(self, keyid: str, position: Position) -> Registration:
        """The registration in force at `position` for a keyid; raises `Rejected`."""
        signer = self._in_force(keyid, position)
        if theft := self._theft(signer, None):
            raise Rejected(_stolen(theft))
        return signer

    def _in_force(self, keyid: str, position: Position) -> Registration:
        """As the log had it at `position`, whatever was told later."""
        name = keyid.rpartition("+")[0]
        latest = self._latest(name, position)
        if latest is None or latest.key.keyid != keyid:
            raise Rejected(f"no key {keyid!r} was registered before this statement")
        if latest.revoked:
            raise Rejected(f"the key {keyid!r} was revoked before this statement")
        return latest

    def _theft(self, signer: Registration, quorum_time: int | None) -> Registration | None:
        """What first says that the key was compromised before a quorum had seen this."""
        for version in list(self._versions[signer.key.name]):
            since = version.compromised_ms
            same = version.key.public == signer.key.public
            if same and since is not None and not _seen_by(quorum_time, since):
                return version
        return None

    def case_numbers(self, agency: str = "") -> tuple[str, ...]:
        """The registered spellings of case numbers, of one agency or of all."""
        return tuple(
            template
            for name, templates in self._case_numbers.items()
            for template in templates
            if agency in ("", name)
        )

    def _registrar_only(self, keyid: str) -> VerifierKey:
        if keyid != self._registrar.keyid:
            raise Rejected(f"want the registrar {self._registrar.keyid!r}, got {keyid!r}")
        return self._registrar

    def _latest(self, name: str, position: Position) -> Registration | None:
        """The version in force. Withdrawing an older key leaves the newer one as it is."""
        latest = None
        for version in list(self._versions.get(name, [])):
            same = latest is None or version.key.public == latest.key.public
            if version.position < position and (same or not version.withdrawn):
                latest = version
        return latest

    def _check(self, position: Position, statement: Statement, envelope: Envelope) -> None:
        """That a register statement may stand: the same before it is logged and after."""
        envelope.open(self._registrar_only)
        predicate = statement.predicate
        if "key" not in predicate:
            return
        key, role = VerifierKey.from_text(predicate["key"]), Role(predicate["role"])
        _check_kind(key, role)
        # One key, one role: a second name for a key would be a second person.
        if key.public in self._taken and role not in TRUSTED_ROLES:
            raise Rejected(f"{key.keyid} is a log's, cosigner's, mirror's or the registrar's key")
        claimed = (key.name, predicate["person"], role)
        versions = [v for name in list(self._versions) for v in list(self._versions[name])]
        before = [v for v in (*versions, *self.trusted) if v.key.public == key.public]
        for other in before:
            if (other.key.name, other.person, other.role) != claimed:
                raise Rejected(f"the key of {other.person!r} cannot have another role too")
        if "revoked" not in predicate and "compromised_since" not in predicate:
            self._check_return(position, key, before)

    def _check_return(
        self, position: Position, key: VerifierKey, versions: list[Registration]
    ) -> None:
        earlier = [v for v in versions if v.position < position]
        latest = self._latest(key.name, position)
        if any(v.withdrawn for v in earlier):
            how = "was revoked or compromised"
        elif earlier and latest is not None and latest.key.public != key.public:
            how = "was replaced"
        else:
            return
        hint = "make a new key with tiezheng keygen"
        raise Rejected(f"the key {key.keyid!r} {how}: it does not come back", hints=(hint,))

    def _add_key(self, position: Position, statement: Statement) -> None:
        predicate = statement.predicate
        since = predicate.get("compromised_since")
        version = Registration(
            position=position,
            key=VerifierKey.from_text(predicate["key"]),
            person=predicate["person"],
            role=Role(predicate["role"]),
            agency=statement.agency,
            revoked="revoked" in predicate,
            compromised_ms=None if since is None else parse_time(since),
        )
        if version.role in TRUSTED_ROLES:
            self.trusted.append(version)
        else:
            self._versions[version.key.name].append(version)


def _check_kind(key: VerifierKey, role: Role) -> None:
    """A cosigner's key signs checkpoints with a time and nothing else; all others are plain."""
    if (key.algorithm in FOR_STATEMENTS) is (role is Role.COSIGNER):
        raise Rejected(f"{key.keyid} is not a key for the role {role}")


def _in_both(first: Registration, second: Registration) -> Registration:
    """One person may sign with a key of each algorithm, and stays one person."""
    if second.key.algorithm in {key.algorithm for key in first.keys}:
        raise Rejected(f"{first.person!r} has signed twice")
    if (first.role, first.agency) != (second.role, second.agency):
        raise Rejected(f"the keys of {first.person!r} have two roles or agencies")
    return replace(first, also=(*first.also, second.key))


def _stolen(theft: Registration) -> str:
    when = format_time(theft.compromised_ms or 0)
    keyid = theft.key.keyid
    return f"the key {keyid!r} was compromised since {when}, before this statement was seen"


def _seen_by(quorum_time: int | None, at_ms: int) -> bool:
    return quorum_time is not None and quorum_time * 1000 < at_ms
