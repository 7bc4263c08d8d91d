"""A packet, written anew with other files in it: its zip has one form, so nothing is appended.

What stays goes over byte for byte; only the manifests and the two lines of bag-info.txt are
others, and with them the packet's reference.
"""

import os
import secrets
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ledger import abreast
from ledger.evidence.packet import (
    MANIFEST,
    TAG_FILES,
    TAG_MANIFEST,
    PacketSource,
    format_bag_info,
    format_manifest,
    parse_manifest,
)
from ledger.suite import digest, new_digest
from storage.durable import open_new, refusals, sync_folder, write_all
from storage.packets import Bytes, Content, Crc, ZipPacket, zip_pieces

AGENT = "Bag-Software-Agent: "


class _Kept:
    """A file as the packet has it."""

    def __init__(self, packet: PacketSource, path: str) -> None:
        self._packet, self._path = packet, path

    def size(self) -> int:
        return self._packet.sizes()[self._path]

    def stream(self) -> Iterator[bytes]:
        return map(bytes, self._packet.stream(self._path))


def add_files(path: Path, files: Mapping[str, bytes]) -> None:
    """Replaces the zip at `path` once the new one is whole and durable; `files` by payload path."""
    contents = {name: Bytes(data) for name, data in files.items()}
    mode = path.stat().st_mode & 0o777
    write_packet(path, rewritten(ZipPacket(path), contents), mode)


def rewritten(
    packet: PacketSource, added: Mapping[str, Content], dropped: Collection[str] = ()
) -> Iterator[bytes]:
    """The zip of a packet with payload files added, or in place of its own, and some left out."""
    kept = packet.sizes().keys() - set(dropped) - added.keys() - {*TAG_FILES, TAG_MANIFEST}
    contents: dict[str, Content] = {p: _Kept(packet, p) for p in kept}
    manifest = {p: d for p, d in parse_manifest(read_file(packet, MANIFEST)).items() if p in kept}
    crcs = dict(packet.crcs()) if isinstance(packet, ZipPacket) else {}
    for path, content in {**contents, **added}.items():
        if path in added or path not in crcs:
            crcs[path], found = _digests(content)
            manifest.setdefault(path, found)
        contents[path] = content
    agent = read_file(packet, "bag-info.txt").decode().partition("\n")[0].removeprefix(AGENT)
    size = sum(content.size() for content in contents.values())
    tags = {
        "bagit.txt": read_file(packet, "bagit.txt"),
        "bag-info.txt": format_bag_info(agent, size, len(contents)),
        MANIFEST: format_manifest(manifest),
    }
    tags[TAG_MANIFEST] = format_manifest({name: digest(data) for name, data in tags.items()})
    for name, data in tags.items():
        contents[name], crcs[name] = Bytes(data), zlib.crc32(data)
    return zip_pieces(contents, crcs)


def write_packet(path: Path, pieces: Iterator[bytes], mode: int = 0o600) -> None:
    """Nothing is at `path`, or what was there before, until all of it is durable."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    with refusals(f"write {str(path)!r}"):
        try:
            with open_new(partial, mode) as fd:
                for piece in pieces:
                    write_all(fd, piece)
                os.fsync(fd)
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
    sync_folder(path.parent)


def read_file(packet: PacketSource, path: str) -> bytes:
    return b"".join(bytes(piece) for piece in packet.stream(path))


def _digests(content: Content) -> tuple[int, bytes]:
    """The CRC-32 that a zip wants, and the SHA-256 that a manifest does."""
    whole, crc = new_digest(), Crc()
    abreast.feed(content.stream(), (whole.update, crc.update))
    return crc.value, whole.digest()
