"""Keys of the trust folder that the register says were revoked or stolen.

The verifier's folder decides whom he believes. What the registrar says of those keys may
only lower a verdict: he might be the operator, and nobody becomes believed by his word.

    log         what no quorum had seen before T in this log counts as not seen
    cosigner    its cosignatures dated T or later do not count
    registrar   what it registered and no quorum had seen before T is undecided
    mirror      it vouches for no series, whatever T is: its statements tell no time of their own

T is `compromised_since`; or else when any quorum shown here had seen the revoking entry, and not
after the minute that the entry itself names. So nobody moves T by leaving a proof out or by
cosigning late. The ledger's own word counts for this alone: it can only lower a verdict.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ledger.evidence.register import Position, Registration
from ledger.evidence.statement import Role
from ledger.evidence.trust import Trust, TrustedLog
from ledger.tlog.policy import Cosigned


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A key that does not count from `since_ms` on, and where the register says so."""

    position: Position
    role: Role
    keyid: str
    public: bytes
    since_ms: int

    def before(self, at: int | None) -> bool:
        """Whether POSIX second `at` was over before it; what has no time came later."""
        return at is not None and (at + 1) * 1000 <= self.since_ms


def withdrawals(
    versions: Iterable[Registration], trust: Trust, told: Callable[[Position], int | None]
) -> tuple[Withdrawal, ...]:
    """`told` says since when (ms) an entry itself counts. Of keys not in the folder: none."""
    held = {
        Role.LOG: {log.policy.log.public for log in trust.logs},
        Role.COSIGNER: {w.key.public for log in trust.logs for w in log.policy.witnesses},
        Role.MIRROR: {key.public for key in trust.mirrors},
        Role.REGISTRAR: {trust.registrar.public},
    }
    found = []
    for version in versions:
        if not version.withdrawn or version.key.public not in held[version.role]:
            continue
        since = version.compromised_ms
        if since is None:
            since = told(version.position)
        if since is not None:
            key = version.key
            found.append(Withdrawal(version.position, version.role, key.keyid, key.public, since))
    return tuple(found)


def counted(cosigned: Cosigned, log: TrustedLog, gone: tuple[Withdrawal, ...]) -> Cosigned:
    """The same checkpoint with what still counts: its quorum time is the same, later or None."""
    if cosigned.quorum_time is None or not gone:
        return cosigned
    policy = log.policy
    keys = {witness.name: witness.key.public for witness in policy.witnesses}
    times = {
        name: at
        for name, at in cosigned.times.items()
        if all(w.before(at) for w in gone if w.public == keys[name])
    }
    time = policy.quorum_time(times)
    if not all(w.before(time) for w in gone if w.public == policy.log.public):
        time = None
    return replace(cosigned, times=times, quorum_time=time)
