"""Founds a ledger: keys, trust folder, and the opening of its first log.

Entry 0 enrols the registrar's, the log's and the series keys, signed by the
registrar. The ledger's own statement key comes next. The registrar's private key
is handed in and not kept: he is not the operator.
"""

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.ids import new_id
from api.services import open_log
from ledger.errors import Conflict, LedgerError, Rejected
from ledger.evidence.membership import log_label
from ledger.evidence.series_private import SeriesSigner, new_series_key
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Role, Statement, register_subject
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.policy import Group, Policy, Witness
from ledger.tlog.signing_key import SigningKey
from storage.durable import refusals, sync_folder, write_file
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore
from storage.trust_written import write_trust
from storage.wrap_file import make_wrap_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `init` was told. `cosigners` are names in the policy with key and address.

    `executive` are those of the cosigners who belong to the executive, as the agency does.
    """

    origin: str
    agency: str
    registrar: SigningKey
    cosigners: Sequence[Witness]
    quorum: int
    executive: frozenset[str] = frozenset()
    sealed: bool = True  # whether items are sealed at rest, under a key made here


def new_key(name: str, algorithm: Algorithm = Algorithm.ED25519) -> SigningKey:
    return SigningKey(name, algorithm, secrets.token_bytes(32))


def found(path: Path, plan: Plan, now_ms: int) -> DataFolder:
    """Makes the data folder, whole or not at all; raises `Conflict` if something is there."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Conflict(f"{str(path)!r} is there already, and not an empty folder")
    staging = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        _fill(DataFolder.create(staging, sealed=plan.sealed), plan, now_ms)
        with refusals(f"create {str(path)!r}"):
            staging.rename(path)
            sync_folder(path.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return DataFolder.open(path)


def _fill(folder: DataFolder, plan: Plan, now_ms: int) -> None:
    label = log_label(plan.origin)
    log_key = new_key(plan.origin)
    policy = make_policy(plan.cosigners, plan.quorum, plan.executive, log_key.verifier)
    ledger_key = new_key(f"{plan.origin.partition('/')[0]}/ledger")
    series = {year: new_series_key() for year in (label[:4], str(int(label[:4]) + 1))}
    _write_keys(folder, log_key, ledger_key, series)
    if plan.sealed:
        make_wrap_file(folder.keys)
    signers = {year: SeriesSigner(pem) for year, pem in series.items()}
    write_trust(folder.trust, _trust_files(plan, label, policy, signers))
    statements = (
        opening(plan, log_key.verifier, signers, now_ms),
        key_registration(
            plan.agency, ledger_key.verifier, person=plan.origin, role=Role.LEDGER, now_ms=now_ms
        ),
    )
    _open_log(folder, [seal(s.to_bytes(), [plan.registrar]).to_bytes() for s in statements])


def make_policy(
    cosigners: Sequence[Witness], quorum: int, executive: frozenset[str], log: VerifierKey
) -> Policy:
    """`quorum` of the cosigners; without cosigners `quorum none`, which no court believes."""
    if not cosigners:
        return Policy(log, (), (), None)
    offices: dict[str, list[Witness]] = {}
    for cosigner in cosigners:
        offices.setdefault(cosigner.name, []).append(cosigner)
    check_quorum(quorum, frozenset(offices), executive)
    witnesses, groups = [], []
    for name, keys in offices.items():
        if len(keys) == 1:
            witnesses += keys
            continue
        # An office with two keys signs with both: either alone would count it twice.
        renamed = [Witness(w.key.keyid, w.key, w.url) for w in keys]
        groups.append(Group(name, len(keys), tuple(w.name for w in renamed)))
        witnesses += renamed
    groups.append(Group("quorum", quorum, tuple(offices)))
    # Read back, so that what is written is what every reader accepts.
    return Policy.from_text(Policy(log, tuple(witnesses), tuple(groups), "quorum").to_text())


OUTSIDE = "name cosigners outside the executive: a notary, a court, an archive"


def least_quorum(cosigners: frozenset[str], executive: frozenset[str]) -> int:
    """The smallest that `check_quorum` takes, if any does."""
    return max(len(cosigners) // 2, len(executive)) + 1


def check_quorum(quorum: int, cosigners: frozenset[str], executive: frozenset[str]) -> None:
    """Raises `Rejected` for a policy on which no court could rest."""
    count = len(cosigners)
    if unknown := executive - cosigners:
        raise Rejected(f"{min(unknown)!r} is none of the cosigners")
    if executive == cosigners:
        raise Rejected("every cosigner belongs to the executive", hints=(OUTSIDE,))
    if not 0 < quorum <= count:
        raise Rejected(f"want a quorum of 1 to {count}, got {quorum}")
    if 2 * quorum <= count:
        raise Rejected(
            f"with {quorum} of {count}, honest cosigners can sign two histories",
            hints=(f"want a quorum of at least {count // 2 + 1}",),
        )
    if quorum <= len(executive):
        raise Rejected(
            f"with {quorum} of {count}, the executive's {len(executive)} cosigners are a quorum",
            hints=(OUTSIDE,),
        )


def opening(
    plan: Plan, log: VerifierKey, series: Mapping[str, SeriesSigner], now_ms: int
) -> Statement:
    predicate = {
        "id": new_id(now_ms),
        "agency": plan.agency,
        "log": log.to_text(),
        "registrar": plan.registrar.verifier.to_text(),
        "series": {year: signer.public.fingerprint for year, signer in series.items()},
    }
    return Statement(Kind.REGISTER, (register_subject(predicate),), predicate)


def key_registration(
    agency: str, key: VerifierKey, *, person: str, role: Role, now_ms: int
) -> Statement:
    predicate = {
        "id": new_id(now_ms),
        "agency": agency,
        "key": key.to_text(),
        "person": person,
        "role": str(role),
    }
    return Statement(Kind.REGISTER, (register_subject(predicate),), predicate)


def agency_registration(
    agency: str, name: str, case_numbers: Sequence[str], now_ms: int
) -> Statement:
    predicate = {
        "id": new_id(now_ms),
        "agency": agency,
        "name": name,
        "case_numbers": list(case_numbers),
    }
    return Statement(Kind.REGISTER, (register_subject(predicate),), predicate)


def _write_keys(
    folder: DataFolder, log: SigningKey, ledger: SigningKey, series: Mapping[str, bytes]
) -> None:
    write_file(folder.keys / "log.key", f"{log.to_text()}\n".encode())
    write_file(folder.keys / "ledger.key", f"{ledger.to_text()}\n".encode())
    for year, pem in series.items():
        write_file(folder.keys / f"series-{year}.private.pem", pem)


def _trust_files(
    plan: Plan, label: str, policy: Policy, series: Mapping[str, SeriesSigner]
) -> dict[str, bytes]:
    files = {
        "logs": f"{plan.origin}\n".encode(),
        f"policy/{label}": policy.to_text().encode(),
        "registrar.vkey": f"{plan.registrar.verifier.to_text()}\n".encode(),
        "mirrors": b"",
    }
    for year, signer in series.items():
        files[f"series/{year}.pem"], files[f"series/{year}.json"] = signer.public.to_files()
    return files


def _open_log(folder: DataFolder, envelopes: list[bytes]) -> None:
    store = SqliteLedgerStore(folder.ledger_db)
    try:
        log, _ = open_log(folder, store)
        for result in log.accept(envelopes):
            if isinstance(result, LedgerError):
                raise result
    finally:
        store.close()
