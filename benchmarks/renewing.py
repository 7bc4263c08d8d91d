"""Renewing a year's proofs: a closed log hashed again, and tokens stamped again."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from logging import CRITICAL
from pathlib import Path

import structlog

from api.clients.tsa_http import HttpAuthority
from api.next_log import begin, prepare
from api.renewing import Renewing
from api.services import Services, open_services
from api.settings import Settings
from benchmarks.ground import MB, fill, forget_peak, openssl_dgst, peak_mb, scratch
from benchmarks.measure import Ratio, Row, Table, in_turn, seconds
from benchmarks.workload import workload
from ledger.audit import audit_log
from ledger.evidence.chunks import ItemHasher
from ledger.evidence.packet import Place
from ledger.ports import StampRecord
from ledger.renewals import plan_renewals
from ledger.suite import new_strong_digest
from storage.public_copy import DirectoryLog
from storage.renewal_directory import RenewalDirectory
from storage.trust_directory import read_trust

KEY = "l"
HASHED = "entries of a closed log hashed again"
AUDITED = "the same log audited, one core"
STAMPED = "tokens stamped again"
PACKET = "what a packet of one case needs of both, found"
PEAK = "peak memory above an open ledger"
AGAIN = "an item read from the store and hashed with SHA-512"
OPENSSL = "openssl dgst -sha512 of the same file"
TOKEN = 3_000  # bytes


def run(quick: bool) -> Table:
    size, item = (2_000, 32 * MB) if quick else (100_000, 1024 * MB)
    sys.path.append("tests")
    from testkit.tsa_process import open_tsa

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    with scratch() as folder, open_tsa(folder / "tsa", valid_days=(-1, 12_000)) as tsa:
        label = _closed_log(folder / "ledger", size, b"".join(each.pem for each in tsa.ca))
        settings = Settings(authorities={"lab": tsa.url}, stamp_seconds=3600)
        with closing(open_services(folder / "ledger", settings)) as services:
            rows = (*_renewed(services, tsa.url, label, size), *_items(services, folder, item))
    return _table(rows, size, item)


def _closed_log(path: Path, size: int, pem: bytes) -> str:
    """As a ledger is after its year, but that its last checkpoint is kept without cosigners."""
    with workload(path) as load:
        (load.folder.trust / "tsa").mkdir()
        (load.folder.trust / "tsa/lab.pem").write_bytes(pem)
        (load.folder.trust / "tsa/lab.accept").write_text("policy 1.2.3.4.1\n")
        load.grow(size - 1)  # the last says that the log is closing
        load.publish()
        stamps = (StampRecord(0, n, "lab", os.urandom(TOKEN), b"") for n in range(1, size + 1))
        for stamp in stamps:
            load.store.add_stamp(stamp)
        label, following = load.log.label, str(load.year + 1)
        prepare(load.folder, load.log.origin.replace(label, following))
        begin(load.folder, load.registrar)
        head = load.store.heads()[0]
        load.store.add_cosigned(0, head.edge.size, head.note)
    return label


def _renewed(s: Services, url: str, label: str, size: int) -> Iterator[Row]:
    trust = read_trust(s.folder.trust)
    lab, client = trust.authorities[0], HttpAuthority(url)
    forget_peak(os.getpid())
    before = peak_mb(os.getpid())
    took = seconds(lambda: Renewing(s).renew(lab, client))
    yield Row(STAMPED, "tokens/s", (size / took,))
    # Its rows are the log's entries and, once more, every token.
    took_both = seconds(lambda: Renewing(s, label).renew(lab, client))
    yield Row(HASHED, "entries/s", (size / (took_both - took),))
    yield Row(PEAK, "MB", (peak_mb(os.getpid()) - before,))
    files = DirectoryLog(s.folder.public / label)
    yield Row(AUDITED, "entries/s", (size / seconds(audit_log, files, trust.logs[0]),))
    entry = {f"data/entries/{Place(label, size // 2).to_text()}.json": b""}
    store, labels = RenewalDirectory(s.folder.renewals), {trust.logs[0].origin: label}
    yield Row(PACKET, "ms", (1000 * seconds(plan_renewals, store, entry, labels),))


def _items(s: Services, folder: Path, size: int) -> tuple[Row, ...]:
    path = fill(folder / "item", size)
    writer, hasher = s.items.begin(size), ItemHasher()
    with path.open("rb") as file:
        while piece := file.read(MB):
            hasher.update(piece)
            writer.write(piece)
    hasher.finish()
    object_id = writer.commit(b"".join(hasher.leaves))
    return in_turn(
        3,
        "MB/s",
        {
            AGAIN: lambda: size / MB / seconds(_hash, s, object_id),
            OPENSSL: lambda: size / MB / seconds(openssl_dgst, path, "-sha512"),
        },
    )


def _hash(s: Services, object_id: str) -> None:
    hasher = new_strong_digest()
    for piece in s.items.stream(object_id):
        hasher.update(piece)


def _table(rows: tuple[Row, ...], size: int, item: int) -> Table:
    table = Table(key=KEY, title="", rows=rows)
    return Table(
        key=KEY,
        title="Renewing",
        rows=rows,
        ratios=(
            Ratio("hashing again ÷ auditing", table.median(HASHED) / table.median(AUDITED)),
            Ratio("an item again ÷ openssl", table.median(AGAIN) / table.median(OPENSSL)),
        ),
        notes=(
            f"A log of {size:,} entries of one statement each, with a token of {TOKEN:,} bytes "
            "over every size of its tree, which is more than any ledger has: one token a minute "
            "makes 525,600 a year. Hashed again: entry, proof, statement and salt of each, with "
            "all its tokens, stamped and logged. Its items are small and read once.",
            "An audit reads the same entries and tiles, and neither statements nor proofs: those "
            "are what hashing again costs.",
            f"Items: {item / MB:,.0f} MB in a folder, in plain. Time of renewing a real ledger is "
            "that of reading its items, next to which entries do not count.",
        ),
    )
