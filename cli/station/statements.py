"""What a station says: sessions with their manifests, and evidence with its side files."""

import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.clients.filing import evidence_type, line_of, spell_name
from cli.station.card import Found
from cli.station.media import MediaFacts
from ledger.encoding import MAX_TIME, all_visible, format_time
from ledger.evidence.chunks import ItemDigest, digest_item
from ledger.evidence.envelope import Envelope
from ledger.evidence.session import FoundFile, Gap, Manifest
from ledger.evidence.signing import seal
from ledger.evidence.statement import MAX_SUBJECTS, FileSubject, Kind, Statement
from ledger.tlog.signing_key import SigningKey
from storage.station_sqlite import FileRow, SessionRow

MANIFEST = "manifest.json"
MAX_COUNTERS = 64
ALL_PREFIXES = "*"  # a counter that all prefixes share has no prefix, and a field needs a name


def found_file(path: bytes, size: int, mtime_ns: int) -> FoundFile:
    """As a manifest has it. A time before 1970, or after 9999, is nobody's clock."""
    text, raw = spell_name(path)
    return FoundFile(text, size, min(max(mtime_ns // 1_000_000, 0), MAX_TIME), raw)


def manifest(
    device: str, card: str, at_ms: int, files: Iterable[Found], used: int | None
) -> Manifest:
    found = [found_file(file.path, file.size, file.mtime_ns) for file in files]
    return Manifest.of(device, card, at_ms, found, used)


def session_statement(
    predicate: Mapping[str, Any],
    manifest: bytes,
    keys: Sequence[SigningKey],
    *,
    sm3: bool = False,
) -> bytes:
    """The sealed envelope of a statement about a session; the fields decide its form."""
    subject = FileSubject(MANIFEST, digest_item(manifest, sm3=sm3))
    statement = Statement(Kind.SESSION, (subject,), dict(predicate))
    return seal(statement.to_bytes(), keys).to_bytes()


def moment(at_ms: int) -> dict[str, str]:
    return {"from": format_time(at_ms), "to": format_time(at_ms)}


def clock_field(ahead_ms: int) -> dict[str, str]:
    return {"ahead_ms": str(ahead_ms)} if ahead_ms >= 0 else {"behind_ms": str(-ahead_ms)}


def counters_field(counters: Mapping[str, int]) -> dict[str, str]:
    """As many as a statement holds, those known longest first: a hostile card has names enough."""
    named = {prefix or ALL_PREFIXES: str(number) for prefix, number in counters.items()}
    good = [(p, n) for p, n in named.items() if p.strip() == p and all_visible(p) and len(p) < 256]
    return dict(good[:MAX_COUNTERS])


def states_sm3(envelope: bytes) -> bool:
    """Whether a statement of ours states the SM3 of what it speaks of."""
    statement = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
    return any(subject.digest.sm3 for subject in statement.items)


def read_counters(envelope: bytes) -> dict[str, int]:
    """The counters of a statement of ours."""
    predicate = Statement.from_bytes(Envelope.from_bytes(envelope).payload).predicate
    fields = predicate.get("counters", {})
    return {"" if p == ALL_PREFIXES else p: int(number) for p, number in fields.items()}


def gaps_field(gaps: Sequence[Gap]) -> list[dict[str, str]]:
    return [gap.to_json() for gap in gaps]


def evidence(
    id_: str,
    common: Mapping[str, Any],
    session: SessionRow,
    files: Sequence[tuple[FileRow, ItemDigest]],
    facts: MediaFacts | None,
    ahead_ms: int | None,
    keys: Sequence[SigningKey],
) -> bytes:
    """One recording, the first of `files`, with its side files; the sealed envelope."""
    first = files[0][0]
    subjects = []
    for row, digest in files:
        name, raw = spell_name(row.path.rpartition(b"/")[2])
        subjects.append(FileSubject(name, digest, raw))
    start, end = _captured(first, facts)
    predicate: dict[str, Any] = {
        **common,
        "device": session.device,
        "evidence_type": evidence_type(subjects[0].name),
        "file": line_of(subjects[0].name),
        "id": id_,
        "occurred": {"from": format_time(start), "to": format_time(end)},
        "session": session.id,
        "stage": "investigate",
    }
    predicate |= {"case": session.case} if session.case else {"provisional": session.id}
    if session.officers:
        predicate["officers"] = list(session.officers)
    if ahead_ms is not None:
        bounds = (min(max(at - ahead_ms, 0), MAX_TIME) for at in (start, end))
        predicate["corrected"] = dict(zip(("from", "to"), map(format_time, bounds), strict=True))
    if facts is not None:
        predicate["note"] = facts.to_text()
    statement = Statement(Kind.EVIDENCE, _distinct(subjects), predicate)
    return seal(statement.to_bytes(), keys).to_bytes()


def group(paths: Sequence[bytes]) -> list[list[bytes]]:
    """Which files one statement speaks of: a recording and the side files of its stem.

    A side file without a recording stands alone; what is more than a statement holds goes
    into further ones, each beginning with a side file.
    """
    by_stem: dict[bytes, list[bytes]] = {}
    for path in paths:
        by_stem.setdefault(_stem(path), []).append(path)
    groups: list[list[bytes]] = []
    for members in by_stem.values():
        recordings = sorted((p for p in members if _rank(p) < _SIDE), key=lambda p: (_rank(p), p))
        sides = sorted(p for p in members if _rank(p) == _SIDE)
        if not recordings:
            groups += [[side] for side in sides]
            continue
        first, *others = recordings
        groups.append([first, *sides[: MAX_SUBJECTS - 1]])
        rest = sides[MAX_SUBJECTS - 1 :]
        groups += [rest[i : i + MAX_SUBJECTS] for i in range(0, len(rest), MAX_SUBJECTS)]
        groups += [[other] for other in others]
    return groups


_SIDE = 3


def _rank(path: bytes) -> int:
    name = path.rpartition(b"/")[2].decode("ascii", "replace")
    kind = (mimetypes.guess_type(name)[0] or "").partition("/")[0]
    return {"video": 0, "audio": 1, "image": 2}.get(kind, _SIDE)


def _stem(path: bytes) -> bytes:
    folder, slash, name = path.rpartition(b"/")
    stem, dot, _ = name.rpartition(b".")
    return folder + slash + (stem if dot and stem else name)


def _captured(file: FileRow, facts: MediaFacts | None) -> tuple[int, int]:
    """By the device's own word: what the container says, else the time of the file."""
    written = min(max(file.mtime_ns // 1_000_000, 0), MAX_TIME)
    if facts is None or not facts.duration_ms:
        return written, written
    start = facts.start_ms if facts.start_ms is not None else max(written - facts.duration_ms, 0)
    return start, min(start + facts.duration_ms, MAX_TIME)


def _distinct(subjects: Sequence[FileSubject]) -> tuple[FileSubject, ...]:
    """A statement refuses a subject that stands twice: two side files, one name, one content."""
    return tuple(dict.fromkeys(subjects))
