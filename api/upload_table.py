"""The uploads that are announced and not finished.

In memory: a restart forgets them, the bytes that came are gone, and the client
opens anew. Nothing was acknowledged, so nothing is lost.
"""

import secrets
import threading
from dataclasses import dataclass, field

from ledger.errors import Conflict, Full, Unknown

MAX_OPEN = 4096
MAX_OPEN_OF_KEY = 512  # or one key's empty announcements would keep all others out
OPEN_MS = 24 * 3600 * 1000


class OverQuota(Full):
    code = "quota"


def check_quota(size: int, used: int, quota: int) -> None:
    if used + size > quota:
        raise OverQuota(
            f"want {size} bytes; {used} of {quota} are in use",
            hints=("send the statements of what was uploaded; they free the quota",),
        )


def check_count(own: int, in_all: int) -> None:
    if own >= MAX_OPEN_OF_KEY or in_all >= MAX_OPEN:
        raise OverQuota(f"{own} uploads of this key are open, {in_all} in all")


@dataclass(slots=True)
class Upload:
    """An announced item. `busy` while a request is sending it."""

    keyid: str
    agency: str
    size: int
    sha256: bytes
    opened_ms: int
    sm3: bool = False
    busy: bool = False

    def is_of(self, other: "Upload") -> bool:
        """The same key announced the same bytes."""
        return (self.keyid, self.sha256, self.size, self.sm3) == (
            other.keyid,
            other.sha256,
            other.size,
            other.sm3,
        )


@dataclass(slots=True)
class Uploads:
    """The uploads that are open. In memory: a restart forgets them, and the client opens anew."""

    open: dict[str, Upload] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, upload: Upload, quota: int, unclaimed: int) -> str:
        with self.lock:
            ends = upload.opened_ms - OPEN_MS
            self.open = {i: u for i, u in self.open.items() if u.busy or u.opened_ms > ends}
            own = [(i, u) for i, u in self.open.items() if u.keyid == upload.keyid]
            for id_, known in own:
                # Sent again after a broken line: it must not count twice against the quota.
                if not known.busy and known.is_of(upload):
                    known.opened_ms = upload.opened_ms
                    return id_
            check_quota(upload.size, sum(u.size for _, u in own) + unclaimed, quota)
            check_count(len(own), len(self.open))
            id_ = secrets.token_hex(16)
            self.open[id_] = upload
            return id_

    def bytes_of(self, keyid: str) -> int:
        with self.lock:
            return sum(u.size for u in self.open.values() if u.keyid == keyid)

    def take(self, id_: str) -> Upload:
        with self.lock:
            upload = self.open.get(id_)
            if upload is None:
                raise Unknown("no such upload is open", hints=("open it with POST /v1/uploads",))
            if upload.busy:
                raise Conflict("this upload is being sent by another request")
            upload.busy = True
            return upload

    def release(self, id_: str, *, done: bool) -> None:
        with self.lock:
            if done:
                self.open.pop(id_, None)
            elif id_ in self.open:
                self.open[id_].busy = False
