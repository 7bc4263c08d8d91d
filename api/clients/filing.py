"""From files on a disk to statements: what `tiezheng deposit` and a station do.

A file's name is kept exactly. Where its bytes are not UTF-8, as on the FAT card of
an old recorder, they stand beside a readable form in the statement.
"""

import mimetypes
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import Any

from ledger import abreast
from ledger.encoding import format_base64, format_time, printable
from ledger.errors import Unavailable
from ledger.evidence.chunks import ItemHasher
from ledger.evidence.phrase import MAX_LINE
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement, StatementSubject, Subject
from ledger.evidence.trust import TrustedLog
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey
from storage.regular import open_regular

PIECE = 1 << 20

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A file read once: what a statement says of it."""

    path: Path
    subject: FileSubject
    modified_ms: int


def read_source(path: Path, progress: Progress, *, sm3: bool = False) -> Source:
    """Digests a file; raises `Unavailable` if it cannot be read."""
    hasher = ItemHasher(sm3=sm3)
    try:
        with open(open_regular(path), "rb", buffering=0) as file:
            modified_ms = os.fstat(file.fileno()).st_mtime_ns // 1_000_000
            abreast.feed(_pieces(file, progress), hasher.parts)
    except OSError as error:
        raise Unavailable(f"cannot read {printable(str(path))!r}: {error.strerror}") from None
    name, name_bytes = spell_name(os.fsencode(path.name))
    return Source(path, FileSubject(name, hasher.finish(), name_bytes), modified_ms)


def _pieces(file: RawIOBase, progress: Progress) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
        progress(len(piece))


def spell_name(raw: bytes) -> tuple[str, bytes]:
    """A name as text, and its exact bytes where the text is not them in UTF-8."""
    try:
        return raw.decode("utf-8"), b""
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("gb18030"), raw
    except UnicodeDecodeError:
        return raw.decode("ascii", "backslashreplace"), raw


def evidence(
    sources: Sequence[Source],
    common: dict[str, Any],
    key: SigningKey,
    id_: str,
    beside: Sequence[SigningKey] = (),
) -> bytes:
    """One item, the first of `sources`, with its side files; the sealed envelope.

    `beside` are keys of the same person in other algorithms.
    """
    item = sources[0]
    moment = format_time(item.modified_ms)
    predicate: dict[str, Any] = {
        "id": id_,
        "evidence_type": evidence_type(item.subject.name),
        "occurred": {"from": moment, "to": moment},
        **common,
    }
    if "device" in predicate:
        predicate.setdefault("file", line_of(item.subject.name))
    statement = Statement(Kind.EVIDENCE, tuple(s.subject for s in sources), predicate)
    return seal(statement.to_bytes(), [key, *beside]).to_bytes()


def line_of(name: str) -> str:
    """A file's name as one line of text, which neither begins nor ends with a space."""
    line = printable(name)[:MAX_LINE]
    if line.strip() != line:
        line = "".join(f"\\u{ord(c):04x}" if c.isspace() else c for c in line)[:MAX_LINE]
    return line


def act(
    sources: Sequence[Source],
    name: str,
    common: dict[str, Any],
    key: SigningKey,
    id_: str,
    beside: Sequence[SigningKey] = (),
) -> bytes:
    """A procedural act on the documents in `sources`; the sealed envelope."""
    moment = format_time(sources[0].modified_ms)
    predicate: dict[str, Any] = {
        "id": id_,
        "act": name,
        "occurred": {"from": moment, "to": moment},
        **common,
    }
    statement = Statement(Kind.ACT, tuple(s.subject for s in sources), predicate)
    return seal(statement.to_bytes(), [key, *beside]).to_bytes()


def procedural_act(
    subjects: Sequence[Subject],
    fields: dict[str, Any],
    key: SigningKey,
    id_: str,
    beside: Sequence[SigningKey] = (),
) -> bytes:
    """An act of a procedure, which says itself when it occurred; the sealed envelope."""
    statement = Statement(Kind.ACT, tuple(subjects), {"id": id_, **fields})
    return seal(statement.to_bytes(), [key, *beside]).to_bytes()


def correction(
    about: StatementSubject,
    changes: dict[str, str],
    common: dict[str, Any],
    key: SigningKey,
    id_: str,
    beside: Sequence[SigningKey] = (),
) -> bytes:
    """What an earlier statement should say; that one stays as it is. The sealed envelope."""
    statement = Statement(Kind.CORRECTION, (about,), {"id": id_, "changes": changes, **common})
    return seal(statement.to_bytes(), [key, *beside]).to_bytes()


def derivation(
    source: Source,
    common: dict[str, Any],
    key: SigningKey,
    id_: str,
    beside: Sequence[SigningKey] = (),
) -> bytes:
    """What was made from an item, which `common` names by digest; the sealed envelope."""
    moment = format_time(source.modified_ms)
    predicate = {"id": id_, "occurred": {"from": moment, "to": moment}, **common}
    statement = Statement(Kind.DERIVATION, (source.subject,), predicate)
    return seal(statement.to_bytes(), [key, *beside]).to_bytes()


def evidence_type(name: str) -> str:
    """A first guess by the name's ending; the filer may say otherwise."""
    kind = (mimetypes.guess_type(name)[0] or "").partition("/")[0]
    return "audiovisual" if kind in ("audio", "video") else "electronic_data"


def after_of(note: bytes, log: TrustedLog) -> dict[str, str] | None:
    """A checkpoint as the `after` of a statement, once its quorum is checked; else None."""
    cosigned = log.policy.open(SignedNote.from_bytes(note))
    if cosigned.quorum_time is None:
        return None
    checkpoint = cosigned.checkpoint
    return {
        "origin": checkpoint.origin,
        "root": format_base64(checkpoint.root),
        "size": str(checkpoint.size),
    }
