"""`tiezheng clip`: a part of a recording, proved to be part of the sealed original."""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.cutting import Cut, cut
from cli.files import check_new
from cli.language import say
from ledger import abreast
from ledger.clipping import make_clip
from ledger.encoding import printable
from ledger.errors import Malformed, Rejected, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, ItemDigest, ItemHasher
from ledger.evidence.clip import Clip, Span, run_size
from ledger.evidence.envelope import Envelope
from ledger.evidence.held import Held
from ledger.evidence.packet import INDEX, Index, Layout
from ledger.evidence.statement import Statement
from storage.packet_additions import read_file, rewritten, write_packet
from storage.packets import Bytes, Content, DiskPacket, open_packet

BLOCK = 1 << 20
CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,2}):)?(\d{1,6})(?:\.(\d{1,3}))?", re.ASCII)


@new_command(
    "clip",
    words={
        "en": "Cut a part out of a recording, and prove that it belongs to the original.\n\n"
        "PACKET has the whole recording, as ITEM. The new packet has of it only the chunks\n"
        "that are needed to play from --from to --to, with one proof, and a file to play,\n"
        "made without re-encoding. 'tiezheng verify' shows that each sample of that file\n"
        "is one of the original, and says what share of it is shown. Nothing else is told\n"
        "of the rest, but its length and, in some containers, the times and sizes of its\n"
        "samples.\n\n"
        "The part begins with the last key frame before --from.",
        "zh": "从录像中截取一段，并证明其为原件的一部分。\n\n"
        "PACKET 含有完整录像 ITEM。新证据包只含播放该段所需的分块、一份证明，\n"
        "以及一个未经转码、可播放的文件。tiezheng verify 核对该文件的每一采样均出自原件，\n"
        "并说明展示了原件的多少。其余部分除长度外不予披露；某些封装格式还会披露其余采样的\n"
        "时间和大小。\n\n"
        "该段自 --from 之前最近的关键帧开始。",
    },
    example="tiezheng clip packet.zip data/items/01.mp4 --from 00:40 --to 01:40 -o clip.zip",
)
@argument("packet", metavar="PACKET", words={"en": "a packet", "zh": "证据包"})
@argument(
    "item",
    metavar="ITEM",
    words={"en": "the recording's path in it", "zh": "录像在证据包中的路径"},
)
@option(
    "--from",
    "start",
    required=True,
    metavar="TIME",
    words={"en": "such as 40, 01:40 or 1:02:03.5", "zh": "如 40、01:40 或 1:02:03.5"},
)
@option("--to", "end", required=True, metavar="TIME", words={"en": "likewise", "zh": "同上"})
@option(
    "-o",
    "--output",
    "file",
    required=True,
    metavar="FILE",
    words={"en": "where to write the new packet", "zh": "新证据包写入的文件"},
)
@option(
    "--no-sound",
    is_flag=True,
    words={
        "en": "leave the sound out of the file to play; the chunks may still hold it",
        "zh": "可播放的文件不含声音；所附分块中仍可能含有",
    },
)
@option(
    "--only",
    is_flag=True,
    words={"en": "leave all other items out", "zh": "不附其他证据原件"},
)
@json_option()
def command(
    packet: str,
    item: str,
    start: str,
    end: str,
    file: str,
    no_sound: bool,
    only: bool,
    as_json: bool,
) -> None:
    span = Span(_clock(start, "--from"), _clock(end, "--to"))
    if span.start_ms >= span.end_ms:
        raise click.UsageError(say(en="want --from before --to", zh="--from 须早于 --to"))
    check_new(file)
    opened = open_packet(Path(packet))
    layout = Layout.of(opened.sizes())
    if item not in layout.items:
        raise Unknown(
            f"no item {item!r} in the packet",
            hints=(f"its items: {', '.join(layout.items[:10]) or 'it has none'}",),
        )
    digest, leaves = _digest(opened, item)
    name = _name(opened, layout, digest)
    with tempfile.TemporaryFile() as played:
        place, at = opened.place(item)
        made = cut(place, at, digest.size, span, played, sound=not no_sound)
        clip = make_clip(
            digest,
            leaves,
            made.reads,
            made.pieces,
            asked=span,
            given=made.given,
            whole_ms=made.whole_ms,
            tool=made.tool,
        )
        chunks = _Chunks(Held(partial(opened.read, item), digest.size, leaves), clip)
        added, dropped = _files(opened, layout, item, clip, chunks, made, played, only=only)
        write_packet(Path(file), rewritten(opened, added, dropped))
    _tell(clip, name, file, as_json=as_json)


def _clock(text: str, option_name: str) -> int:
    match = CLOCK.fullmatch(text)
    if match is None:
        raise click.UsageError(
            say(
                en=f"{option_name}: want a time such as 40, 01:40 or 1:02:03.5, got {text!r:.40}",
                zh=f"{option_name}：时间应如 40、01:40 或 1:02:03.5，收到 {text!r:.40}",
            )
        )
    hours, minutes, seconds, rest = match.groups()
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds)
    return whole * 1000 + int((rest or "").ljust(3, "0"))


def _digest(packet: DiskPacket, item: str) -> tuple[ItemDigest, list[bytes]]:
    hasher = ItemHasher()
    with output.progress(say(en="reading", zh="读取"), packet.sizes()[item]) as done:
        abreast.feed(_counted(packet, item, done), hasher.parts)
    return hasher.finish(), hasher.leaves


def _counted(packet: DiskPacket, item: str, done: Callable[[int], None]) -> Iterator[abreast.Piece]:
    for piece in packet.stream(item):
        yield piece
        done(len(piece))


def _name(packet: DiskPacket, layout: Layout, digest: ItemDigest) -> str:
    """What the statement that fixed it calls it; without one no clip of it could pass."""
    for path in layout.envelopes.values():
        try:
            statement = Statement.from_bytes(Envelope.from_bytes(read_file(packet, path)).payload)
        except (Malformed, Rejected):
            continue
        for subject in statement.items:
            same = subject.digest
            if (same.size, same.sha256, same.chunks) == (digest.size, digest.sha256, digest.chunks):
                return subject.name
    raise Rejected("no statement in the packet speaks of this item: verify the packet first")


class _Chunks:
    """The shown chunks of an item, one after the other."""

    def __init__(self, item: Held, clip: Clip) -> None:
        self._item, self._clip = item, clip

    def size(self) -> int:
        return self._clip.shown

    def stream(self) -> Iterator[bytes]:
        for run in self._clip.runs:
            at, left = run[0] * CHUNK_SIZE, run_size(run, self._clip.item.size)
            while left:
                piece = self._item.read(at, min(BLOCK, left))
                yield piece
                at, left = at + len(piece), left - len(piece)


class _Played:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def size(self) -> int:
        return self._file.seek(0, 2)

    def stream(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(BLOCK):
            yield piece


def _files(
    packet: DiskPacket,
    layout: Layout,
    item: str,
    clip: Clip,
    chunks: _Chunks,
    made: Cut,
    played: IO[bytes],
    *,
    only: bool,
) -> tuple[dict[str, Content], list[str]]:
    """What the new packet has more than this one, and what less."""
    dropped = list(layout.items) if only else [item]
    old = Index.from_bytes(read_file(packet, INDEX))
    gone = {path.removeprefix("data/items/") for path in dropped}
    index = replace(old, items=tuple(i for i in old.items if i not in gone))
    number = next(n for n in map("{:02d}".format, range(1, 10**6)) if n not in layout.clips)
    stem = f"data/clips/{number}"
    return {
        INDEX: Bytes(index.to_bytes()),
        f"{stem}.json": Bytes(clip.to_bytes()),
        f"{stem}.chunks": chunks,
        f"{stem}.{made.suffix}": _Played(played),
    }, dropped


def _tell(clip: Clip, name: str, file: str, *, as_json: bool) -> None:
    size = Path(file).stat().st_size
    if as_json:
        output.result_json(
            {
                "bytes": str(size),
                "file": file,
                "given": {"start_ms": str(clip.given.start_ms), "end_ms": str(clip.given.end_ms)},
                "item": printable(name),
                "shown": str(clip.shown),
                "size": str(clip.item.size),
            }
        )
        return
    share = 100 * clip.shown / clip.item.size
    begins, ends = clip.given.start_ms / 1000, clip.given.end_ms / 1000
    output.result(
        say(
            en=f"{file}: {begins:.3f} s to {ends:.3f} s of {printable(name)}, {size:,} bytes; "
            f"{share:.1f} % of the original's bytes are in it",
            zh=f"{file}：{printable(name)} 的 {begins:.3f} 秒至 {ends:.3f} 秒，{size:,} 字节；"
            f"含原件 {share:.1f} % 的字节",
        )
    )
    output.note(
        say(
            en=f"next: tiezheng verify {file} --trust DIR",
            zh=f"下一步：tiezheng verify {file} --trust DIR",
        )
    )
