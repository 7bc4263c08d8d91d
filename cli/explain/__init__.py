"""What a file says, in words: files of this project, and C2SP, DSSE, BagIt and RFC 3161.

`RECOGNISERS` is the whole of it: the first that knows a file explains it. Nothing is
verified, no secret is shown, and nothing is read beyond a bound.
"""

import os
import stat
import zlib
from pathlib import Path

from cli.explain.bag import explain_bag_folder, explain_zip
from cli.explain.note import (
    explain_cosignatures,
    explain_keys,
    explain_note,
    explain_private,
    explain_unsigned,
)
from cli.explain.ours import (
    explain_bag_file,
    explain_bare_statement,
    explain_envelope,
    explain_folder,
    explain_fraud,
    explain_json,
    explain_log_list,
    explain_party_receipt,
    explain_pem,
    explain_salt,
)
from cli.explain.tiles import explain_tile
from cli.explain.timestamp import explain_timestamp
from cli.explain.tlog import (
    explain_add_entries,
    explain_policy,
    explain_proof,
    explain_request,
)
from cli.explain.unknown import HEAD, nearest
from cli.explain.value import Explained, Field, File, Recogniser
from cli.language import say
from ledger.encoding import clip
from ledger.errors import Malformed, Unavailable
from ledger.evidence.packet import MAX_SMALL_FILE

__all__ = ["Explained", "Field", "explain", "explain_bytes"]

MAX_SHOWN_NAMES = 5
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the first of its files, or the end of none

# In this order: what has a mark of its own, then what is known by its path, then by its shape.
RECOGNISERS: tuple[Recogniser, ...] = (
    explain_private,
    explain_json,
    explain_envelope,
    explain_bare_statement,
    explain_pem,
    explain_proof,
    explain_request,
    explain_tile,
    explain_timestamp,
    explain_bag_file,
    explain_fraud,
    explain_note,
    explain_cosignatures,
    explain_keys,
    explain_policy,
    explain_unsigned,
    explain_log_list,
    explain_party_receipt,
    explain_salt,
    explain_add_entries,
)


def explain(path: Path) -> Explained:
    """Raises `Malformed` if it is nothing known, or not quite; `Unavailable` if unreadable."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(mode):
        return _folder(path)
    if not stat.S_ISREG(mode):
        # Opening a pipe would wait for a writer.
        raise Unavailable(f"cannot read {str(path)!r}: neither a file nor a folder")
    data = _read(path)
    if data in ZIP and (found := explain_zip(path)) is not None:
        return found
    if len(data) > MAX_SMALL_FILE:
        raise _unknown(data, say(en=f"; more than {MAX_SMALL_FILE} bytes", zh="；过大"))
    return explain_bytes(File(path.absolute().as_posix(), data))


def explain_bytes(file: File) -> Explained:
    data, packed = _unpacked(file.data)
    inner = File(file.path.removesuffix(".gz"), data) if packed else file
    for recognise in RECOGNISERS:
        found = recognise(inner)
        if found is not None:
            return Explained(found.kind, (*found.fields, *packed))
    raise _unknown(file.data)


def _unpacked(data: bytes) -> tuple[bytes, tuple[Field, ...]]:
    """Bundles and add-entries may come packed. What unpacks to more than the bound stays as is."""
    if data[:2] != b"\x1f\x8b":
        return data, ()
    unpacker = zlib.decompressobj(31)
    try:
        plain = unpacker.decompress(data, MAX_SMALL_FILE)
    except zlib.error:
        return data, ()
    return (plain, (Field("packed", "gzip"),)) if unpacker.eof else (data, ())


def _folder(path: Path) -> Explained:
    try:
        is_bag = (path / "bagit.txt").is_file()
        found = explain_bag_folder(path) if is_bag else explain_folder(path, _read)
        if found is not None:
            return found
        names = sorted(os.listdir(path))
    except OSError as error:
        raise _unreadable(path, error) from None
    shown = clip(", ".join(names[:MAX_SHOWN_NAMES]), 200)
    raise Malformed(
        say(
            en=f"a folder that this program does not know: no bagit.txt, no logs with policy/, no "
            f"checkpoint; names in it: {len(names)}, such as {shown!r}",
            zh=f"不是本程序所知的文件夹：没有 bagit.txt，没有 logs 与 policy/，没有 checkpoint；"
            f"其中有 {len(names)} 个名称，如 {shown!r}",
        )
    )


def _read(path: Path) -> bytes:
    """At most one byte more than the bound; of a zip its beginning, it is read in place."""
    try:
        with path.open("rb") as file:
            data = file.read(4)
            return data if data in ZIP else data + file.read(MAX_SMALL_FILE - 3)
    except OSError as error:
        raise _unreadable(path, error) from None


def _unknown(data: bytes, more: str = "") -> Malformed:
    if not data:
        return Malformed(
            say(en="not a format that this program knows: the file is empty", zh="文件是空的")
        )
    head = data[:HEAD].hex(" ")
    looks = nearest(data)
    begins = say(en=f"; it begins with {head}", zh=f"；开头为 {head}")
    return Malformed(
        say(
            en=f"not a format that this program knows; it looks like {looks}{begins}{more}",
            zh=f"不是本程序所知的格式；看来是{looks}{begins}{more}",
        )
    )


def _unreadable(path: Path, error: OSError | ValueError) -> Unavailable:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Unavailable(f"cannot read {str(path)!r}: {reason}")
