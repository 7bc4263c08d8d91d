"""Verifying a packet with one large item, as a folder and as a zip, against openssl."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from benchmarks.ground import GIB, MB, fill, ledger, openssl_dgst, read_once, scratch
from benchmarks.measure import Ratio, Table, in_turn, seconds

KEY = "e"
OPENSSL = "openssl dgst -sha256 of the item"
FOLDER = "tiezheng verify, folder"
ZIP = "tiezheng verify, zip"


def run(quick: bool) -> Table:
    size = GIB >> 4 if quick else GIB
    with scratch() as folder:
        packet, trust = _packet(folder, size)
        item = next((folder / "packet" / "data" / "items").iterdir())
        works: dict[str, Callable[[], object]] = {
            FOLDER: lambda: _verify(folder / "packet", trust),
            ZIP: lambda: _verify(packet, trust),
        }
        compared = shutil.which("openssl") is not None
        if compared:
            works = {OPENSSL: lambda: openssl_dgst(item), **works}
        read_once(packet)
        read_once(item)
        rows = in_turn(
            1 if quick else 5,
            "MB/s",
            {name: lambda work=work: size / seconds(work) / MB for name, work in works.items()},
        )
    median = {row.what: row.median for row in rows}
    ratios = (
        Ratio("verify, folder ÷ openssl", median[FOLDER] / median[OPENSSL], 1.8),
        Ratio("verify, zip ÷ openssl", median[ZIP] / median[OPENSSL]),
    )
    return Table(
        key=KEY,
        title=f"Verifying a packet with an item of {size >> 20:,} MiB",
        rows=rows,
        ratios=ratios if compared else (),
        notes=(
            "The whole command, start-up and all steps of the verdict included; the files are "
            "in the page cache.",
            "The goal is that of the chunk tree alone. A file matches its statement only if every "
            "digest does, and BagIt's manifest wants SHA-256 of the whole, which no second core "
            "can share: so both are computed, side by side. A zip's CRC-32 comes on top.",
            *(() if compared else ("openssl is missing here: no ratios.",)),
        ),
    )


def _packet(folder: Path, size: int) -> tuple[Path, Path]:
    """A packet with its quorum, from a real ledger and three cosigners; also as a folder."""
    item = fill(folder / "recording.mp4", size)
    with ledger(folder / "stage", [item], cosigned=True) as stage, redirect_stdout(StringIO()):
        stage.deposit()
        stage.fetch()
    item.unlink()
    root = folder / "stage"
    shutil.rmtree(root / "ledger" / "items")
    with zipfile.ZipFile(root / "packet.zip") as archive:
        archive.extractall(folder)
    return root / "packet.zip", root / "trust"


def _verify(packet: Path, trust: Path) -> None:
    code = "import sys; from cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "verify", str(packet), "--trust", str(trust)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
