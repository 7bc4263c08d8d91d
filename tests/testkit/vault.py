"""Vaults over folders, for tests: every write of their stores counted, and made to fail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.errors import Unavailable
from ledger.evidence.chunks import ItemHasher
from ledger.ports import KeyWrap
from storage.items_vault import ItemVault
from storage.objects_directory import DirectoryObjectStore
from storage.places_sqlite import SqlitePlaces
from storage.wrap_file import FileKeyWrap
from testkit.world import Fault, Faults

KEY = bytes(range(32))
STORE_WRITES = ("begin", "put_companion", "delete", "retain", "hold", "mend")
WRITER_WRITES = ("write", "commit", "abort")
PLACES_WRITES = (
    "add",
    "remove",
    "leave",
    "remove_ref",
    "put_ref",
    "retain",
    "hold",
    "looked",
)


class Watched:
    """Any adapter, with faults in the methods that write; what `begin` gives is watched too."""

    def __init__(self, name: str, target: Any, faults: Faults, writes: Sequence[str]) -> None:
        self.target, self._name, self._faults, self._writes = target, name, faults, writes

    def __getattr__(self, method: str) -> Any:
        call = getattr(self.target, method)
        if method not in self._writes:
            return call

        def write(*arguments: Any, **more: Any) -> Any:
            fault = self._faults.hits(f"{self._name}.{method}")
            if fault is not None and not fault.stored:
                raise Unavailable(f"the disk failed before {method}")
            result = call(*arguments, **more)
            if fault is not None:
                raise Unavailable(f"the disk failed after {method}")
            if method in ("begin", "mend"):
                return Watched(f"{self._name}.writer", result, self._faults, WRITER_WRITES)
            return result

        return write


@dataclass
class Shelf:
    """A folder with one or two copies, opened as often as is wanted."""

    root: Path
    names: tuple[str, ...] = ("first",)
    wraps: Sequence[KeyWrap] = ()
    faults: Faults = field(default_factory=Faults)
    _places: SqlitePlaces | None = None

    def open(self, *, beside: bool = False) -> ItemVault:
        self.close()
        self._places = SqlitePlaces(self.root / "places.sqlite")
        copies: Any = {
            name: Watched(
                name,
                DirectoryObjectStore(self.root / name, beside=beside),
                self.faults,
                STORE_WRITES,
            )
            for name in self.names
        }
        places: Any = Watched("places", self._places, self.faults, PLACES_WRITES)
        return ItemVault(copies, places, self.wraps, beside=beside)

    def close(self) -> None:
        if self._places is not None:
            self._places.close()
            self._places = None

    def file(self, object_id: str, ending: str = "", *, copy: str = "first") -> Path:
        return self.root / copy / object_id[:2] / f"{object_id}{ending}"

    def files(self) -> list[str]:
        """Everything below the copies."""
        return sorted(
            str(path.relative_to(self.root))
            for name in self.names
            for path in (self.root / name).rglob("*")
            if path.is_file()
        )


def sealed_shelf(root: Path, *, paired: bool = False) -> Shelf:
    names = ("first", "second") if paired else ("first",)
    return Shelf(root, names, [FileKeyWrap(KEY)])


def plain_shelf(root: Path, *, paired: bool = False) -> Shelf:
    return Shelf(root, ("first", "second") if paired else ("first",))


def leaves_of(data: bytes) -> bytes:
    hasher = ItemHasher()
    hasher.update(data)
    hasher.finish()
    return b"".join(hasher.leaves)


def keep(vault: Any, data: bytes) -> str:
    writer = vault.begin(len(data))
    try:
        writer.write(data)
        return str(writer.commit(leaves_of(data)))
    finally:
        writer.abort()


def held(vault: Any, object_id: str) -> bytes:
    return b"".join(vault.stream(object_id))


def flip(path: Path, bit: int) -> None:
    at = bit // 8
    alter(path, lambda data: data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :])


def alter(path: Path, change: Any) -> None:
    path.chmod(0o600)
    path.write_bytes(change(path.read_bytes()))


def faults_of(calls: list[str]) -> list[Fault]:
    return [
        Fault(method, nth, stored=stored)
        for method in sorted(set(calls))
        for nth in range(1, calls.count(method) + 1)
        for stored in (False, True)
    ]
