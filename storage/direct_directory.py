"""Direct uploads: items that stations put into the store themselves, until they are recorded.

    direct/3f2c….json    what was announced, which object it becomes, and how far that is

One file an upload, mode 0600, replaced whole at every step. The key that the station seals with
stands in it wrapped only. What lies in the store under `item` is nothing until it is recorded.
"""

import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ledger.encoding import Json, format_json, parse_decimal, parse_hex, parse_json
from ledger.errors import LedgerError, Malformed, Unknown
from ledger.evidence.chunks import ItemDigest
from ledger.suite import DIGEST_SIZE
from storage.durable import make_folder, refusals, remove_file, write_file
from storage.staging_directory import MAX_GONE, MAX_TOLD, Announced, Gone

OPEN_MS = 12 * 3600 * 1000  # until it is to be finished
FINISH_MS = 7 * 24 * 3600 * 1000  # a store that does not answer so long is no reason to keep it
TOLD_MS = 24 * 3600 * 1000  # what became of it is remembered
MAX_FILE = 32_768

_FILE = re.compile(r"([0-9a-f]{32})\.json", re.ASCII)


class State(StrEnum):
    """open → finishing → recorded or refused; from finishing back to open if a part is missing."""

    OPEN = "open"
    FINISHING = "finishing"
    REFUSED = "refused"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The object that an upload becomes. `item` is its key, the item's id, and that of its key."""

    item: str
    wrap_id: str
    wrapped: bytes
    upload_id: str = field(repr=False)
    part_size: int


@dataclass(slots=True, kw_only=True)
class Direct:
    """One upload. `ref` once the object is complete, `digest` once it was read and believed.

    `cleared` says that nothing of it is in the store any more; `why` is for the sender.
    """

    id: str
    announced: Announced
    begun: Begun
    state: State = State.OPEN
    ref: str = ""
    digest: ItemDigest | None = None
    why: str = ""
    cleared: bool = False
    touched_ms: int = 0

    @property
    def over(self) -> bool:
        return self.state in (State.REFUSED, State.RECORDED)

    @property
    def counts(self) -> bool:
        """Whether it takes room that is not counted elsewhere."""
        return self.state != State.RECORDED and not self.cleared

    @property
    def expires_ms(self) -> int:
        if self.state == State.OPEN:
            return self.announced.opened_ms + OPEN_MS
        if self.state == State.FINISHING:
            return self.announced.opened_ms + FINISH_MS
        return self.touched_ms + TOLD_MS

    def to_bytes(self) -> bytes:
        digest = self.digest
        found: dict[str, Json] = {}
        if digest is not None:
            found = {
                "chunks": digest.chunks.hex(),
                "sha256": digest.sha256.hex(),
                "size": str(digest.size),
                "sm3": digest.sm3.hex(),
            }
        return format_json(
            {
                "announced": parse_json(self.announced.to_bytes(), limit=MAX_FILE),
                "cleared": "yes" if self.cleared else "no",
                "found": found,
                "item": self.begun.item,
                "part_size": str(self.begun.part_size),
                "ref": self.ref,
                "state": str(self.state),
                "touched_ms": str(self.touched_ms),
                "upload_id": self.begun.upload_id,
                "why": self.why,
                "wrap_id": self.begun.wrap_id,
                "wrapped": self.begun.wrapped.hex(),
            }
        )

    @classmethod
    def from_bytes(cls, id_: str, data: bytes) -> "Direct":
        match parse_json(data, limit=MAX_FILE):
            case {
                "announced": dict(announced),
                "cleared": "yes" | "no" as cleared,
                "found": dict(found),
                "item": str(item),
                "part_size": str(part_size),
                "ref": str(ref),
                "state": "open" | "finishing" | "refused" | "recorded" as state,
                "touched_ms": str(touched_ms),
                "upload_id": str(upload_id),
                "why": str(why),
                "wrap_id": str(wrap_id),
                "wrapped": str(wrapped),
                **more,
            } if not more:
                pass
            case _:
                raise Malformed("want the twelve fields of a direct upload")
        return cls(
            id=id_,
            announced=Announced.from_bytes(format_json(announced)),
            begun=Begun(
                item=item,
                wrap_id=wrap_id,
                wrapped=parse_hex(wrapped),
                upload_id=upload_id,
                part_size=parse_decimal(part_size),
            ),
            state=State(state),
            ref=ref,
            digest=_found(found) if found else None,
            why=why,
            cleared=cleared == "yes",
            touched_ms=parse_decimal(touched_ms),
        )


class DirectDirectory:
    """Usable from any thread, each upload by one at a time. One process may open it."""

    def __init__(self, root: Path, now_ms: Callable[[], int]) -> None:
        self._root = root
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._writing = threading.Lock()  # apart: who looks does not wait for the disk
        self._uploads: dict[str, Direct] = {}
        self._gone: dict[str, None] = {}
        self.unreadable: list[str] = []  # left alone, for an operator to look at
        make_folder(root)
        self._read()

    def add(self, announced: Announced, begun: Begun) -> Direct:
        """Durable on return."""
        self._forget_told(announced.keyid)
        direct = Direct(
            id=secrets.token_hex(16),
            announced=announced,
            begun=begun,
            touched_ms=announced.opened_ms,
        )
        write_file(self._path(direct), direct.to_bytes())
        with self._lock:
            self._uploads[direct.id] = direct
        return direct

    def find(self, id_: str) -> Direct:
        """Raises `Unknown`, or `Gone` where it is known to have been here."""
        now = self._now_ms()
        with self._lock:
            direct = self._uploads.get(id_)
            if direct is not None and now < direct.expires_ms:
                return direct
            if direct is not None or id_ in self._gone:
                raise Gone("this upload has ended", hints=("open a new one",))
        raise Unknown("no such upload is open", hints=("open it with POST /v1/direct",))

    def note(self, direct: Direct, **changed: object) -> None:
        """Changes these fields; durable on return, and nothing is changed if it is not.

        Raises `Gone` if it was removed meanwhile.
        """
        with self._writing:
            with self._lock:
                if direct.id not in self._uploads:
                    raise Gone("this upload has ended", hints=("open a new one",))
            after = Direct(
                **{name: getattr(direct, name) for name in Direct.__slots__}
                | {"touched_ms": max(direct.touched_ms, self._now_ms())}
                | changed
            )
            write_file(self._path(direct), after.to_bytes())
            with self._lock:
                for name in Direct.__slots__:
                    setattr(direct, name, getattr(after, name))

    def remove(self, direct: Direct) -> None:
        """Durable on return; quiet if it is gone."""
        with self._writing:
            remove_file(self._path(direct))
            with self._lock:
                self._uploads.pop(direct.id, None)
                self._gone[direct.id] = None
                while len(self._gone) > MAX_GONE:
                    del self._gone[next(iter(self._gone))]

    def same(self, announced: Announced) -> Direct | None:
        """One that the same key has opened for the same bytes, and that still goes on."""
        now = self._now_ms()
        for direct in self.all():
            known = direct.announced
            if (known.keyid, known.agency, known.sha256, known.size, known.sm3) == (
                announced.keyid,
                announced.agency,
                announced.sha256,
                announced.size,
                announced.sm3,
            ) and not (direct.over or now >= direct.expires_ms):
                return direct
        return None

    def all(self) -> list[Direct]:
        with self._lock:
            return list(self._uploads.values())

    def expired(self) -> list[Direct]:
        return [direct for direct in self.all() if self.is_expired(direct)]

    def is_expired(self, direct: Direct) -> bool:
        return self._now_ms() >= direct.expires_ms

    def items(self) -> frozenset[str]:
        """Keys under which the stores may hold what is no item, or not yet."""
        return frozenset(d.begun.item for d in self.all() if d.state != State.RECORDED)

    def bytes_of(self, keyid: str) -> int:
        """What this key has announced here and not yet got recorded, or cleared away."""
        return sum(d.announced.size for d in self.all() if d.announced.keyid == keyid and d.counts)

    def open_of(self, keyid: str | None = None) -> int:
        """How many uploads of this key, or of all, take room."""
        return sum(keyid in (None, d.announced.keyid) and d.counts for d in self.all())

    def outstanding(self) -> int:
        """Bytes that may still come."""
        return sum(d.announced.size for d in self.all() if d.counts)

    def _forget_told(self, keyid: str) -> None:
        """Ends what was over longest ago, if there is too much of it."""
        told = [d for d in self.all() if d.over and not d.counts and d.announced.keyid == keyid]
        told.sort(key=lambda direct: direct.touched_ms)
        for direct in told[: max(0, len(told) + 1 - MAX_TOLD)]:
            self.remove(direct)

    def _path(self, direct: Direct) -> Path:
        return self._root / f"{direct.id}.json"

    def _read(self) -> None:
        with refusals("list the direct uploads"):
            entries = list(self._root.iterdir())
        for entry in entries:
            match = _FILE.fullmatch(entry.name)
            try:
                if match is not None:
                    direct = Direct.from_bytes(match[1], entry.read_bytes())
                    self._uploads[direct.id] = direct
                elif entry.name.startswith(".new-"):
                    entry.unlink()
            except (LedgerError, OSError):
                self.unreadable.append(entry.name)


def _found(found: dict[str, Json]) -> ItemDigest:
    match found:
        case {"chunks": str(chunks), "sha256": str(sha256), "size": str(size), "sm3": str(sm3)}:
            return ItemDigest(
                size=parse_decimal(size),
                sha256=parse_hex(sha256, DIGEST_SIZE),
                chunks=parse_hex(chunks, DIGEST_SIZE),
                sm3=parse_hex(sm3),
            )
        case _:
            raise Malformed("want the four digests of a direct upload")
