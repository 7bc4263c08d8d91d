"""`tiezheng archive check` and `restore`."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import click

from cli import output
from cli.archive.examining import Asked, Examined, examine
from cli.archive.playing import player
from cli.archive.words import four_text
from cli.language import say
from cli.output import Exit
from cli.public_log import open_log
from cli.trust import open_trust
from ledger.archiving import package
from ledger.archiving.metadata import describe
from ledger.archiving.package import Contents, parse_fingerprint
from ledger.archiving.properties import Result
from ledger.encoding import printable
from ledger.errors import Conflict, Malformed, Rejected
from ledger.evidence.packet import MANIFEST, TAG_MANIFEST, parse_manifest
from ledger.suite import new_digest
from storage.packets import DiskPacket, open_packet
from storage.refusals import refusals
from storage.trust_directory import read_trust


def run_check(
    folder: str, fingerprint: str | None, trust: str | None, where: str | None, as_json: bool
) -> Exit:
    examined = _examined(folder, fingerprint, trust, where)
    _show(examined, as_json)
    ended = _exit(examined)
    # Packets speak for themselves, to who has a trust folder; that none was taken out does not.
    if ended is Exit.DONE and examined.four.line("fingerprint").result is Result.NOT_TESTED:
        output.note(
            say(
                en="the packets are sound; whether any was taken out, and the rest of the package, "
                "only the fingerprint of the printed page tells (--fingerprint)",
                zh="证据包完好；是否有证据包被抽去、其余内容是否被改换，须以核验单所载指纹核对"
                "（--fingerprint）",
            )
        )
        return Exit.UNDECIDED
    return ended


def run_restore(
    folder: str,
    target: str,
    fingerprint: str | None,
    trust: str | None,
    where: str | None,
    as_json: bool,
) -> Exit:
    if os.path.lexists(target):
        raise Conflict(f"{target!r} is there already", hints=("name another folder with -o",))
    if Path(target).resolve().is_relative_to(Path(folder).resolve()):
        raise Conflict(
            f"{target!r} lies in the package, which must stay as it is",
            hints=("name a folder elsewhere with -o",),
        )
    examined = _examined(folder, fingerprint, trust, where)
    four, contents = examined.four, examined.contents
    if four.vouched and contents is not None and _given_back(examined):
        restored = _restore(Path(folder), Path(target), contents, examined)
        output.note(
            say(
                en=f"{restored} of {len(contents.packets)} packets are in {target}",
                zh=f"{len(contents.packets)} 个证据包中的 {restored} 个已写入 {target}",
            )
        )
    else:
        output.note(say(en="nothing was restored", zh="未恢复任何内容"))
    _show(examined, as_json)
    return _exit(examined)


def _examined(
    folder: str, fingerprint: str | None, trust: str | None, where: str | None
) -> Examined:
    typed = None
    if fingerprint is not None:
        try:
            typed = parse_fingerprint(fingerprint)
        except Malformed as error:
            raise click.BadParameter(str(error), param_hint="--fingerprint") from None
    own = None if trust is None else open_trust(trust)
    log = None if where is None else open_log(where)
    at_ms = time.time_ns() // 1_000_000_000 * 1000
    # Every byte is read by the manifest, and those of packets by the verifier again.
    with output.progress(say(en="reading", zh="读取"), 2 * _size(Path(folder))) as advance:
        return examine(Path(folder), Asked(typed, own, log, player(), at_ms, advance))


def _size(folder: Path) -> int:
    """For the bar alone."""
    with refusals(f"read {str(folder)!r}"):
        return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_dir())


def _show(examined: Examined, as_json: bool) -> None:
    if as_json:
        output.result_json(examined.four.to_json())
    else:
        output.result(four_text(examined.four))


def _given_back(examined: Examined) -> frozenset[str]:
    """Also those without a verdict, if the page says that they are what was handed over: to keep
    them back would be to lose them."""
    whole = examined.four.line("fingerprint").result is Result.PASSED
    return examined.sound | (examined.undecided if whole else frozenset())


def _exit(examined: Examined) -> Exit:
    if examined.four.failed:
        return Exit.FAILED
    if examined.undecided:
        return Exit.UNDECIDED
    return Exit.DONE if examined.four.vouched else Exit.UNDECIDED


def _restore(folder: Path, target: Path, contents: Contents, examined: Examined) -> int:
    """Whole or not at all; what is written was digested while it was."""
    chosen = _given_back(examined)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    with refusals(f"write {str(target)!r}"):
        try:
            partial.mkdir(parents=True)
            # One that nobody vouches for would be believed later, lying there.
            if examined.four.line("trust").result is Result.PASSED:
                shutil.copytree(folder / package.TRUST, partial / "trust")
                if read_trust(partial / "trust").hash != contents.trust:
                    raise Rejected("the trust folder has changed while it was copied")
            with (partial / "list.txt").open("x", encoding="utf-8") as listing:
                listing.write("file\tcase\tname\n")
                for packed in contents.packets:
                    if packed.name not in chosen:
                        continue
                    source = open_packet(folder / packed.path)
                    name = packed.name.removesuffix(".zip")
                    _unpack(source, partial / "packets" / name, packed.tags)
                    for row in _rows(packed.name, source):
                        listing.write(f"packets/{name}/{row}\n")
            partial.replace(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return len(chosen)


def _unpack(source: DiskPacket, folder: Path, tags: bytes) -> None:
    """Raises `Rejected` where a byte is not what the packet's tag manifest stands for."""
    wanted = {TAG_MANIFEST: tags}
    order = [TAG_MANIFEST, MANIFEST, *sorted(source.sizes().keys() - {TAG_MANIFEST, MANIFEST})]
    for path in order:
        file, hasher = folder / path, new_digest()
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as written:
            for piece in source.stream(path):
                hasher.update(piece)
                written.write(piece)
        if hasher.digest() != wanted.get(path):
            raise Rejected(f"{path} has changed while it was read")
        if path in (TAG_MANIFEST, MANIFEST):
            wanted |= parse_manifest(file.read_bytes())


def _rows(name: str, source: DiskPacket) -> Iterator[str]:
    for described in describe(name, source):
        for row, path, _ in described.items:
            if path:
                yield f"{path}\t{row.get('case', '')}\t{printable(row['file_name'])}"
