"""A server that dies by SIGKILL at the commit of an act: `FOLDER before|after`, the act on stdin.

Its gate was asked and is open. Nothing is closed or folded, and nobody gets an answer.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from ledger.sequencer import Batch
from storage.ledger_sqlite import SqliteLedgerStore
from testkit.children import die_with_parent
from testkit.server import open_ledger


def main() -> None:
    die_with_parent()
    folder, when = Path(sys.argv[1]), sys.argv[2]
    envelope = sys.stdin.buffer.read()
    commit = SqliteLedgerStore.commit

    def fatal(self: SqliteLedgerStore, batch: Batch, *args: Any) -> None:
        mine = any(row.envelope == envelope for row in batch.rows)
        if mine and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self, batch, *args)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)

    SqliteLedgerStore.commit = fatal  # type: ignore[method-assign]
    with open_ledger(folder) as ledger:
        print(ledger.file(envelope), "nobody died", flush=True)


if __name__ == "__main__":
    main()
