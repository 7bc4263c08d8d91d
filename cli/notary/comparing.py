"""Files against the log: for each what the log has of it, by digest and never by name alone.

Two ways. A packet is verified whole, and local files are held against the statements in it that
held. Or the applicant's receipts are: each envelope and answer, as `tiezheng deposit --keep`
leaves them, is recomputed and its proof opened. Files stay where they are: only digests travel,
and with a packet or with proofs beside the receipts nothing travels at all.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from api.clients.filing import Source
from api.clients.ledger import Receipted, check_acceptance, read_object
from cli.notary.page import Compared
from cli.small_file import read_small
from ledger.encoding import parse_utf8, printable
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import FileSubject, Statement
from ledger.evidence.trust import Trust, TrustedLog
from ledger.tlog.policy import Cosigned
from ledger.tlog.receipt import Receipt
from ledger.verdict.examination import Examination
from storage.durable import refusals


@dataclass(frozen=True, slots=True)
class Logged:
    """A file that the log speaks of; `quorum_time` (seconds) is None until a quorum has seen it."""

    subject: FileSubject
    statement: str
    commitment: bytes
    log: str
    index: int
    quorum_time: int | None


@dataclass(frozen=True, slots=True)
class Basis:
    """The checkpoint that everything was held against."""

    log: TrustedLog
    cosigned: Cosigned

    def to_json(self) -> dict[str, Any]:
        return {
            "cosigners": dict(self.cosigned.times),
            "origin": self.log.origin,
            "policy": self.log.policy_hash,
            "root": self.cosigned.checkpoint.root.hex(),
            "size": self.cosigned.checkpoint.size,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One file, and what the log has of it. `logged` is None where it has nothing.

    Where nobody handed the file in it was not `read`, and the digest is the statement's.
    """

    name: str
    digest: ItemDigest
    outcome: Compared
    logged: Logged | None = None
    read: bool = True

    def to_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "name": self.name,
            "outcome": str(self.outcome),
            "sha256" if self.read else "logged_sha256": self.digest.sha256.hex(),
            "size": self.digest.size,
        }
        if self.logged is not None:
            value["commitment"] = self.logged.commitment.hex()
            value["index"] = self.logged.index
            value["log"] = self.logged.log
            value["statement"] = self.logged.statement
            if self.logged.quorum_time is not None:
                value["quorum_at_ms"] = self.logged.quorum_time * 1000
            if self.outcome is Compared.DIFFERENT:
                value["logged_sha256"] = self.logged.subject.digest.sha256.hex()
        return value


def of_packet(ex: Examination, logs: Sequence[TrustedLog]) -> tuple[list[Logged], Basis]:
    """What held of an examined packet in these logs; raises unless one of them has its quorum."""
    labels = {log.label for log in logs}
    found = [
        Logged(
            subject,
            statement.id,
            view.entry.commitment,
            view.place.log,
            view.place.index,
            view.quorum_time,
        )
        for view, statement in ex.shown()
        if view.place.log in labels and not view.disowned
        for subject in statement.items
    ]
    shown = [(log, ex.checkpoints[log.label]) for log in logs if log.label in ex.checkpoints]
    if not shown:
        raise Rejected("the packet shows no sound checkpoint of a log that you trust")
    for log, cosigned in reversed(shown):
        if cosigned.quorum_time is not None:
            return found, Basis(log, cosigned)
    raise _unseen("the packet shows")


def of_receipts(
    folder: Path,
    trust: Trust,
    logs: Sequence[TrustedLog],
    fetch: Callable[[str], dict[str, Any]] | None,
) -> tuple[list[Logged], Basis]:
    """`<id>.dsse.json`, `<id>.accepted.json` and perhaps `<id>.tlog-proof`; else `fetch(id)`.

    Those of other logs count for nothing.
    """
    found: list[Logged] = []
    bases: list[Basis] = []
    with refusals(f"read the folder {str(folder)!r}"):
        names = sorted(name for name in os.listdir(folder) if name.endswith(".dsse.json"))
    for path in (folder / name for name in names):
        with _told_of(path):
            envelope = read_small(path)
            statement = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
        kept = path.with_name(f"{statement.id}.accepted.json")
        with _told_of(kept):
            answer = read_object(read_small(kept))
            if answer is None:
                raise Malformed("want the ledger's answer, a JSON object")
            receipted = check_acceptance(answer, envelope, trust)
        if trust.log(receipted.log) not in logs:
            continue
        proof = path.with_name(f"{statement.id}.tlog-proof")
        basis = None
        with _told_of(proof):
            if proof.exists():
                basis = _basis(parse_utf8(read_small(proof)), receipted, trust)
            elif fetch is not None and (text := str(fetch(statement.id)["proof"])):
                basis = _basis(text, receipted, trust)
        if basis is not None:
            bases.append(basis)
        place = receipted.log, receipted.index
        seen = None if basis is None else basis.cosigned.quorum_time
        commitment = receipted.entry.commitment
        found += [Logged(s, statement.id, commitment, *place, seen) for s in statement.items]
    if not bases:
        labels = " or ".join(log.label for log in logs)
        raise Unavailable(f"no receipt of {labels} in {printable(str(folder))!r} has a proof")
    witnessed = [one for one in bases if one.cosigned.quorum_time is not None]
    if not witnessed:
        raise _unseen(f"the receipts in {printable(str(folder))!r} prove")
    # The largest of the last log: entry 5 of one is no place in another.
    return found, max(
        witnessed, key=lambda one: (trust.logs.index(one.log), one.cosigned.checkpoint.size)
    )


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Among the many files of a folder, which one it is that is refused."""
    name = printable(path.name)
    try:
        yield
    except Malformed as error:
        raise error.under(name) from None
    except Rejected as error:
        raise Rejected(f"{name}: {error}", hints=error.hints) from None


def _unseen(what: str) -> Unavailable:
    """A certificate says that a quorum stood: without one there is nothing to compare against."""
    return Unavailable(
        f"no checkpoint that {what} has its quorum", hints=("try again when a quorum has cosigned",)
    )


def _basis(text: str, receipted: Receipted, trust: Trust) -> Basis:
    receipt = Receipt.from_text(text)
    if receipt.index != receipted.index:
        raise Rejected(f"want a proof for index {receipted.index}, got {receipt.index}")
    log = trust.log(receipted.log)
    assert log is not None  # `check_acceptance` has asked
    return Basis(log, receipt.open(receipted.entry.leaf_hash(), log.policy))


def compare(files: Iterable[Source], logged: Sequence[Logged]) -> list[Row]:
    """By digest; where no digest fits, a name that the log knows shows which file it should be."""
    by_digest: dict[ItemDigest, Logged] = {}
    by_name: dict[str, Logged] = {}
    for one in logged:
        by_digest.setdefault(replace(one.subject.digest, sm3=b""), one)
        by_name.setdefault(one.subject.name, one)
    rows = []
    for source in files:
        subject = source.subject
        name = printable(subject.name)
        if (same := by_digest.get(subject.digest)) is not None:
            seen = same.quorum_time is not None
            rows.append(
                Row(name, subject.digest, Compared.SAME if seen else Compared.UNDECIDED, same)
            )
        elif (other := by_name.get(subject.name)) is not None:
            rows.append(Row(name, subject.digest, Compared.DIFFERENT, other))
        else:
            rows.append(Row(name, subject.digest, Compared.NOT_LOGGED))
    return rows


def of_itself(ex: Examination, logged: Sequence[Logged]) -> list[Row]:
    """The packet's own items: each statement's file with the bytes that the packet brought.

    Those that it did not bring are among them, not `read`: a spot check may draw one.
    """
    found = {subject: ex.item_digests[path] for subject, path in ex.item_of.items()}
    rows = []
    for one in logged:
        digest = found.get(one.subject, one.subject.digest)
        read = one.subject in found
        same = read and one.quorum_time is not None
        outcome = Compared.SAME if same else Compared.UNDECIDED
        rows.append(Row(printable(one.subject.name), digest, outcome, one, read))
    known = set(ex.item_of.values())
    for path, digest in sorted(ex.item_digests.items()):
        if path not in known:
            rows.append(Row(path, digest, Compared.NOT_LOGGED))
    return rows


def counted(rows: Sequence[Row]) -> Mapping[Compared, int]:
    return {outcome: sum(row.outcome is outcome for row in rows) for outcome in Compared}
