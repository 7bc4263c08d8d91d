"""The verifier's trust folder on disk: read within bounds. `trust_written` makes one."""

import stat
from pathlib import Path

from ledger.encoding import clip
from ledger.errors import Malformed, Unavailable
from ledger.evidence.trust import MAX_FILE, MAX_LOGS, Trust
from storage.refusals import refusal

MAX_FILES = 4 * MAX_LOGS  # a policy for each log, two files a year, and three more
MAX_DEPTH = 2


def read_trust(folder: Path) -> Trust:
    """The folder itself may be a link, nothing in it. `Trust` refuses files it does not know."""
    files: dict[str, bytes] = {}
    try:
        _collect(folder, "", files)
    except FileNotFoundError:
        raise Unavailable(f"no trust folder at {str(folder)!r}") from None
    except OSError as error:
        raise refusal(error, f"read the trust folder {str(folder)!r}") from None
    return Trust.from_files(files)


def _collect(folder: Path, prefix: str, files: dict[str, bytes]) -> None:
    for entry in sorted(folder.iterdir()):
        path = f"{prefix}{entry.name}"
        mode = entry.lstat().st_mode
        if stat.S_ISDIR(mode) and path.count("/") + 1 < MAX_DEPTH:
            _collect(entry, f"{path}/", files)
            continue
        if not stat.S_ISREG(mode):
            raise Malformed(f"want a file, not a link or a deeper folder: {clip(path)!r}")
        if len(files) == MAX_FILES:
            raise Malformed(f"want at most {MAX_FILES} files in a trust folder")
        with entry.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise Malformed(f"want at most {MAX_FILE} bytes", path=path)
        files[path] = data
