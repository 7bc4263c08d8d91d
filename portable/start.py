"""The command of the one file: `tiezheng verify`, with what it needs brought along.

After the word `archive` it is `tiezheng archive`, which checks and restores a transfer package. A
packet of that name is given as `./archive`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli import output
from ledger import sm2
from portable import left_out
from portable.absent import all_imported
from portable.wheels import bring
from storage.sm2_libcrypto import Libcrypto

NAME = "tiezheng-verify.pyz"


def main(args: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if args is None else args)

    def invoke() -> Any:
        bring(Path(__file__).parents[1])
        sys.modules.update(dict.fromkeys(left_out.REPLACES, left_out))
        from cli.archive import command as archive
        from cli.verify import command

        all_imported()
        sm2.use(Libcrypto())
        if given[:1] == ["archive"]:
            return archive.main(given[1:], prog_name=f"{NAME} archive", standalone_mode=False)
        return command.main(given, prog_name=NAME, standalone_mode=False)

    # Nothing may be added to the folder that is held against its parts.
    sys.dont_write_bytecode = True
    return output.run(given, invoke)
