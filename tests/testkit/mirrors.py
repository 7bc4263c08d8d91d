"""A mirror in memory, which looks through every entry, and packets that carry its statements."""

from collections.abc import Callable, Iterable

from ledger.evidence.absence import Absence, Found, tags_to_bytes
from ledger.evidence.entry import Entry
from ledger.evidence.packet import SeriesFile
from ledger.evidence.signing import seal
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.signing_key import SigningKey
from testkit.case import Built
from testkit.keys import key, open_series

MIRROR = key("mirror.archive.example")
OTHER_MIRROR = key("mirror.court.example")


def look(entries: list[bytes], origin: str, tags: Iterable[bytes]) -> Absence:
    """What an honest mirror says of a log of these entries."""
    asked = set(tags)
    found = tuple(
        Found(index, tag)
        for index, entry in enumerate(entries)
        for tag in Entry.from_bytes(entry).tags
        if tag in asked
    )
    checkpoint = Checkpoint(origin, len(entries), root_of(map(leaf_hash, entries)))
    return Absence(checkpoint, len(asked), digest(tags_to_bytes(asked)), found)


def tags_of(file: SeriesFile) -> list[bytes]:
    """What has to be asked about a series of a packet."""
    return list(open_series(file.name).asked(len(file.places)))


def add_statements(
    built: Built,
    signer: SigningKey = MIRROR,
    alter: Callable[[SeriesFile, Absence], Absence | None] = lambda file, absence: absence,
    *,
    entries: list[bytes] | None = None,
) -> Built:
    """Puts an absence statement for each series into the packet; `alter` may drop one."""
    log = [row.entry for row in built.rows] if entries is None else entries
    for path, data in sorted(built.files.items()):
        if not path.startswith("data/series/"):
            continue
        file = SeriesFile.from_bytes(data)
        absence = alter(file, look(log, built.case.log.name, tags_of(file)))
        if absence is not None:
            number = 1 + sum(p.startswith("data/absence/") for p in built.files)
            envelope = seal(absence.to_bytes(), [signer]).to_bytes()
            built.files[f"data/absence/{number:02d}.dsse.json"] = envelope
    return built


def trust_mirrors(built: Built, *signers: SigningKey) -> Built:
    lines = "".join(f"{signer.verifier.to_text()}\n" for signer in signers)
    built.trust_files["mirrors"] = lines.encode()
    return built
