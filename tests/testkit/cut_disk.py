"""A disk in memory that forgets, when the power is cut, what nobody has synced: the model.

`cut_mount` mounts it, so that a real server and a real SQLite run on it.

What a program may rely on, and no more (POSIX with fsync; Pillai et al., "All File
Systems Are Not Created Equal", OSDI 2014):

- fsync of a file makes its bytes, its size and its mode durable; not its name.
- fsync of a folder makes every creation, removal and renaming in it durable, and what
  those presuppose; not the folder's own name in the folder above.
- A renaming is atomic, also from one folder to another.
- A write changes no byte outside its range (SQLite's "powersafe overwrite").

What was not synced may survive or not, each piece by itself, as the seed of the cut
decides: a name without the bytes, the later of two writes without the earlier, some
sectors of a write, a size with zeros below it. A change of names survives only with
the earlier ones of the same names.

Not modelled: a disk that lies about fsync, or fails it; sectors that rot; bytes of a
deleted file in a new one; links. Real file systems mostly keep more (ext4's fsync of a
new file also keeps its name): a program that passes here needs none of that.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count


class Cut(StrEnum):
    """How much of what was not synced a cut takes."""

    NOTHING = "nothing"  # only the processes died: the page cache reached the disk
    ALL = "all"
    TAIL = "tail"  # what was done last, as a journal in order would lose it
    SOME = "some"  # any of it, in pieces


# eq=False: a node is itself, whatever it holds.
@dataclass(slots=True, eq=False)
class File:
    """`now` is what programs see; `disk` and `disk_mode` are what was synced."""

    ino: int
    mode: int
    disk_mode: int
    now: bytearray = field(default_factory=bytearray)
    disk: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: a truncation


@dataclass(slots=True, eq=False)
class Folder:
    ino: int
    mode: int
    now: "dict[str, File | Folder]" = field(default_factory=dict)
    disk: "dict[str, File | Folder]" = field(default_factory=dict)


Node = File | Folder
Slot = tuple[Folder, str]
Change = dict[Slot, Node | None]  # what stands at each name afterwards


class CutDisk:
    """Callers check what the kernel checks: that names are free, or there, or empty."""

    def __init__(self) -> None:
        self._inos = count(1)
        self.root = Folder(next(self._inos), 0o755)
        self._changes: list[Change] = []

    # --- names -------------------------------------------------------------------------------

    def create(self, folder: Folder, name: str, mode: int) -> File:
        file = File(next(self._inos), mode, mode)
        self._change({(folder, name): file})
        return file

    def make_folder(self, folder: Folder, name: str, mode: int) -> Folder:
        made = Folder(next(self._inos), mode)
        self._change({(folder, name): made})
        return made

    def remove(self, folder: Folder, name: str) -> None:
        self._change({(folder, name): None})

    def rename(self, old: Folder, old_name: str, new: Folder, new_name: str) -> None:
        node = old.now[old_name]
        if (old, old_name) != (new, new_name):
            self._change({(old, old_name): None, (new, new_name): node})

    def sync_folder(self, folder: Folder) -> None:
        wanted = {slot for change in self._changes for slot in change if slot[0] is folder}
        lasting: list[Change] = []
        pending: list[Change] = []
        # From the last to the first, as a change presupposes earlier ones of its names.
        for change in reversed(self._changes):
            if wanted.isdisjoint(change):
                pending.append(change)
            else:
                wanted.update(change)
                lasting.append(change)
        for change in reversed(lasting):
            _apply(change)
        self._changes = pending[::-1]

    def _change(self, change: Change) -> None:
        for (folder, name), node in change.items():
            if node is None:
                del folder.now[name]
            else:
                folder.now[name] = node
        self._changes.append(change)

    # --- bytes -------------------------------------------------------------------------------

    def write(self, file: File, offset: int, data: bytes) -> None:
        _write(file.now, offset, data)
        file.pending.append((offset, data))

    def truncate(self, file: File, size: int) -> None:
        _resize(file.now, size)
        file.pending.append((size, None))

    def sync_file(self, file: File) -> None:
        for offset, data in file.pending:
            _perform(file.disk, offset, data)
        file.pending.clear()
        file.disk_mode = file.mode

    # --- the power ---------------------------------------------------------------------------

    @property
    def unsynced(self) -> int:
        """How many changes of names, and of bytes in files with a name, are not durable."""
        return len(self._changes) + sum(len(f.pending) for f in _files(self.root, now=True))

    def cut(self, how: Cut, seed: int) -> None:
        """Leaves what was synced, and of the rest what `how` and `seed` say."""
        chance = random.Random(seed)
        for change in self._surviving(how, chance):
            _apply(change)
        self._changes.clear()
        for file in _files(self.root, now=False):
            _settle(file, how, chance)
        _restore(self.root)

    def _surviving(self, how: Cut, chance: random.Random) -> list[Change]:
        changes = self._changes
        if how is Cut.NOTHING:
            return changes
        if how is Cut.ALL:
            return []
        if how is Cut.TAIL:
            return changes[: chance.randint(0, len(changes))]
        part, lost, kept = chance.random(), set[Slot](), []
        for change in changes:
            if lost.isdisjoint(change) and chance.random() < part:
                kept.append(change)
            else:
                lost.update(change)
        return kept


def _settle(file: File, how: Cut, chance: random.Random) -> None:
    if how is Cut.NOTHING:
        file.disk, file.disk_mode = bytearray(file.now), file.mode
    elif how is Cut.TAIL:
        for offset, data in file.pending[: chance.randint(0, len(file.pending))]:
            _perform(file.disk, offset, data)
    elif how is Cut.SOME:
        _tear(file, chance)
    file.now, file.mode = bytearray(file.disk), file.disk_mode
    file.pending.clear()


def _tear(file: File, chance: random.Random) -> None:
    """Some sectors, or some pages, of some writes."""
    part, unit = chance.random(), chance.choice([512, 4096])
    for offset, data in file.pending:
        if data is None:
            if chance.random() < part:
                _resize(file.disk, offset)
            continue
        for start, end in _units(offset, offset + len(data), unit):
            if chance.random() < part:
                _write(file.disk, start, data[start - offset : end - offset])
    if chance.random() < 0.25 and len(file.disk) < len(file.now):
        _resize(file.disk, len(file.now))  # the size is there, and zeros where no bytes are
    if chance.random() < part:
        file.disk_mode = file.mode


def _units(start: int, end: int, unit: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = min(end, (start // unit + 1) * unit)
        yield start, stop
        start = stop


def _apply(change: Change) -> None:
    for (folder, name), node in change.items():
        if node is None:
            folder.disk.pop(name, None)
        else:
            folder.disk[name] = node


def _files(folder: Folder, *, now: bool) -> Iterator[File]:
    for node in (folder.now if now else folder.disk).values():
        if isinstance(node, Folder):
            yield from _files(node, now=now)
        else:
            yield node


def _restore(folder: Folder) -> None:
    folder.now = dict(folder.disk)
    for node in folder.now.values():
        if isinstance(node, Folder):
            _restore(node)


def _perform(target: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        _resize(target, offset)
    else:
        _write(target, offset, data)


def _write(target: bytearray, offset: int, data: bytes) -> None:
    if offset > len(target):
        _resize(target, offset)
    target[offset : offset + len(data)] = data


def _resize(target: bytearray, size: int) -> None:
    del target[size:]
    target.extend(bytes(size - len(target)))
