"""A notary's certificate: time to draw up, to seal and to check it, and its size, by items."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.ground import scratch
from benchmarks.measure import Curve, Row, Table, seconds
from cli.notary.seal_check import open_seal
from cli.notary.sealing import open_pkcs12, seal
from cli.notary.typesetting import typeset
from ledger.report import Outcome

KEY = "m"
ROUNDS = 5
PASSPHRASE = b"benchmark"
PROOFS = {"proofs.json": bytes(range(256)) * 80}


def run(quick: bool) -> Table:
    sizes = (1, 10) if quick else (1, 10, 100, 500)
    sys.path.append("tests")
    from testkit.certificate_pages import make_page
    from testkit.pkcs12 import to_pkcs12
    from testkit.tsa_process import open_tsa

    with scratch() as folder, open_tsa(folder / "tsa", intermediate=True) as tsa:
        issued = to_pkcs12(tsa.issue("office", ec_key=True), tsa, PASSPHRASE)
        sealing = partial(
            seal,
            signer=open_pkcs12(issued, PASSPHRASE),
            tsa=tsa.url,
            crls=[tsa.crl(0), tsa.crl(1)],
            roots=[tsa.root],
        )
        rows = tuple(
            Row(f"{size:>3} items: {what}", unit, values)
            for size in sizes
            for what, unit, values in _measure(make_page(size), sealing, tsa.root)
        )
    return _table(rows, sizes)


def _measure(
    page: Any, sealing: Callable[[bytes], bytes], root: bytes
) -> Iterator[tuple[str, str, tuple[float, ...]]]:
    drawn = typeset(page, PROOFS)
    sealed = sealing(drawn)
    works: dict[str, Callable[[], object]] = {
        "drawn up": lambda: typeset(page, PROOFS),
        "sealed": lambda: sealing(drawn),
        "seal checked": lambda: _check(sealed, root),
    }
    for what, work in works.items():
        yield what, "ms", tuple(1000 * seconds(work) for _ in range(ROUNDS))
    yield "size", "kB", (len(sealed) / 1000,)


def _check(sealed: bytes, root: bytes) -> None:
    if open_seal(sealed, [root]).outcome is not Outcome.PASSED:
        raise RuntimeError("the seal that was just made does not hold")


def _table(rows: tuple[Row, ...], sizes: tuple[int, ...]) -> Table:
    table = Table(key=KEY, title="", rows=rows)
    return Table(
        key=KEY,
        title="Certificates",
        rows=rows,
        curves=tuple(
            Curve(what, tuple((n, table.median(f"{n:>3} items: {what}")) for n in sizes))
            for what in ("drawn up", "sealed", "seal checked")
        ),
        axes=("items compared", "milliseconds"),
        notes=(
            "In process, the libraries loaded before. Drawn up: typst, PDF/A-3b, with fonts, QR "
            f"code, data sheet and {len(PROOFS['proofs.json']):,} bytes of proofs attached. "
            "Sealed: PAdES B-LTA with a P-256 key in a file; both tokens come from `openssl ts` "
            "over loopback, which starts a process for each. Checked: offline, with the root and "
            "the lists in the file.",
            "There is no peer: nothing else at hand typesets and seals in one go.",
        ),
    )
