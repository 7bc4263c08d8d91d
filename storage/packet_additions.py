"""A packet, written anew with more files in it: its zip has one form, so nothing is appended.

What was in it goes over byte for byte; only the manifests and the two lines of bag-info.txt are
others, and with them the packet's reference.
"""

import os
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ledger.evidence.packet import (
    MANIFEST,
    TAG_FILES,
    TAG_MANIFEST,
    format_bag_info,
    format_manifest,
    parse_manifest,
)
from ledger.suite import digest
from storage.durable import open_new, refusals, sync_folder, write_all
from storage.packets import Bytes, Content, ZipPacket, zip_pieces

AGENT = "Bag-Software-Agent: "


class _Kept:
    """A file as the packet has it."""

    def __init__(self, packet: ZipPacket, path: str) -> None:
        self._packet, self._path = packet, path

    def size(self) -> int:
        return self._packet.sizes()[self._path]

    def stream(self) -> Iterator[bytes]:
        return self._packet.stream(self._path)


def add_files(path: Path, files: Mapping[str, bytes]) -> None:
    """Replaces the zip at `path` once the new one is whole and durable; `files` by payload path."""
    packet = ZipPacket(path)
    contents: dict[str, Content] = {p: _Kept(packet, p) for p in packet.sizes()}
    crcs = dict(packet.crcs())
    new = dict(files)
    manifest = parse_manifest(read_file(packet, MANIFEST))
    manifest |= {p: digest(data) for p, data in files.items()}
    sizes = {p: size for p, size in packet.sizes().items() if p.startswith("data/")}
    sizes |= {p: len(data) for p, data in files.items()}
    agent = read_file(packet, "bag-info.txt").decode().partition("\n")[0].removeprefix(AGENT)
    new["bag-info.txt"] = format_bag_info(agent, sum(sizes.values()), len(sizes))
    new[MANIFEST] = format_manifest(manifest)
    tags = {name: new.get(name) or read_file(packet, name) for name in TAG_FILES}
    new[TAG_MANIFEST] = format_manifest({name: digest(data) for name, data in tags.items()})
    for name, data in new.items():
        contents[name], crcs[name] = Bytes(data), zlib.crc32(data)
    _replace(path, zip_pieces(contents, crcs))


def read_file(packet: ZipPacket, path: str) -> bytes:
    return b"".join(packet.stream(path))


def _replace(path: Path, pieces: Iterator[bytes]) -> None:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    with refusals(f"write {str(path)!r}"):
        try:
            with open_new(partial, path.stat().st_mode & 0o777) as fd:
                for piece in pieces:
                    write_all(fd, piece)
                os.fsync(fd)
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
    sync_folder(path.parent)
