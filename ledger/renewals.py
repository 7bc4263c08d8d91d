"""Which renewals a packet needs, and which of their rows.

Those of the logs that it touches, and then, in the order in which they were made, each that
covers a token already in it: so the chain from its tokens to the last renewal is whole.
"""

from collections.abc import Mapping

from ledger.encoding import parse_json
from ledger.evidence.envelope import Envelope
from ledger.evidence.rehash import (
    MAX_ROW,
    RowProof,
    RowTree,
    TokenRow,
    leaf_of_row,
    row_from_json,
)
from ledger.evidence.renewal import Rows, rows_of
from ledger.evidence.statement import Statement
from ledger.ports import RenewalStore
from ledger.suite import strong_digest


def plan_renewals(
    store: RenewalStore, files: Mapping[str, bytes], labels: Mapping[str, str]
) -> dict[str, bytes]:
    """Further files for a packet that has these; `labels` of its logs by their origins."""
    tokens = {strong_digest(data) for path, data in files.items() if path.endswith(".tsr")}
    planned: dict[str, bytes] = {}
    number = 0
    for id_ in store.ids():
        envelope = store.envelope(id_)
        rows = rows_of(Statement.from_bytes(Envelope.from_bytes(envelope).payload).predicate)
        if rows is None:
            continue
        wanted = _wanted(store, id_, rows, tokens, files, labels.get(rows.origin, ""))
        if not wanted:
            continue
        number += 1
        stem = f"data/renewals/{number:02d}"
        planned[f"{stem}.dsse.json"] = envelope
        planned[f"{stem}.tsr"] = token = store.token(id_)
        if crl := store.crl(id_):
            planned[f"{stem}.crl"] = crl
        tokens.add(strong_digest(token))
        tree = RowTree(map(leaf_of_row, store.rows(id_)))
        for count, (index, row) in enumerate(sorted(wanted.items())):
            proof = RowProof(index, row_from_json(parse_json(row, limit=MAX_ROW)), tree.path(index))
            planned[f"{stem}/{count:02d}.json"] = proof.to_bytes()
    return planned


def _wanted(
    store: RenewalStore,
    id_: str,
    rows: Rows,
    tokens: set[bytes],
    files: Mapping[str, bytes],
    label: str,
) -> dict[int, bytes]:
    """Rows of entries and tokens that are in the packet, by their number."""
    spelled = {TokenRow(token).to_bytes() for token in tokens}
    wanted = {}
    for index, data in enumerate(store.rows(id_)):
        if index >= rows.size:
            needed = data in spelled
        else:
            needed = bool(label) and f"data/entries/{label}-{index}.json" in files
        if needed:
            wanted[index] = data
    return wanted
