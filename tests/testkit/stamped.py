"""A ledger whose checkpoints real timestamp authorities stamp."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testkit.server import Ledger, await_that, open_ledger, template
from testkit.tsa_process import Tsa


def make_folder(folder: Path, *authorities: tuple[str, Tsa]) -> Path:
    """A ledger whose trust folder knows these authorities."""
    shutil.copytree(template(), folder)
    for name, tsa in authorities:
        tsa_folder = folder / "trust" / "tsa"
        tsa_folder.mkdir(exist_ok=True)
        (tsa_folder / f"{name}.pem").write_bytes(b"".join(each.pem for each in tsa.ca))
        (tsa_folder / f"{name}.accept").write_text("policy 1.2.3.4.1\n")
    return folder


@contextmanager
def stamped_ledger(
    folder: Path, *authorities: tuple[str, Tsa], seconds: int = 1
) -> Iterator[Ledger]:
    make_folder(folder, *authorities)
    urls = {name: tsa.url for name, tsa in authorities}
    with open_ledger(folder, authorities=urls, stamp_seconds=seconds) as ledger:
        yield ledger


def await_stamp(ledger: Ledger, size: int = 1, names: int = 1) -> None:
    store = ledger.services.store
    await_that(lambda: len(store.stamps(0, size)) >= names, "a timestamp")
