"""A new trust folder on disk, for `trust_directory` to read."""

from collections.abc import Mapping
from pathlib import Path

from ledger.errors import Conflict
from ledger.evidence.trust import Trust
from storage.durable import PUBLIC_FILE, PUBLIC_FOLDER, make_folder, refusals, write_file


def write_trust(folder: Path, files: Mapping[str, bytes]) -> Trust:
    """Makes a new trust folder; nothing is written unless it can be read back."""
    trust = Trust.from_files(files)
    with refusals(f"look into {str(folder)!r}"):
        if folder.exists():
            raise Conflict(f"{str(folder)!r} is there already")
    for path, data in files.items():
        make_folder((folder / path).parent, mode=PUBLIC_FOLDER)
        write_file(folder / path, data, mode=PUBLIC_FILE)
    return trust
