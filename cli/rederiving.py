"""Makes the file to play of a clip again, from its chunks alone, and compares."""

import tempfile
from pathlib import Path
from typing import IO

from cli.cutting import cut
from ledger.encoding import printable
from ledger.errors import Rejected, Unavailable
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.clip import Clip, run_size
from ledger.evidence.held import Held
from storage.refusals import refusals

BLOCK = 1 << 20


def rederive(clip: Clip, chunks: Held, played: Held) -> None:
    """`Rederive` of the verdict: `clip` is checked, but for what is played in which order."""
    with (
        refusals("make the clip again"),
        tempfile.NamedTemporaryFile() as original,
        tempfile.TemporaryFile() as made,
    ):
        _put_holes(clip, chunks, original)
        source = Path(original.name)
        found = cut(source, 0, clip.item.size, clip.asked, made, sound=not clip.silent)
        if found.tool != clip.tool:
            raise Unavailable(
                f"it was made with {printable(clip.tool)}, and here is {found.tool}",
                hints=("install that version, or play the chunks: see docs/formats/packet.md",),
            )
        if (found.given, found.whole_ms) != (clip.given, clip.whole_ms):
            raise Rejected("the original has other times than its maker says")
        made.seek(0)
        for at in range(0, played.size, BLOCK):
            there = played.read(at, BLOCK)
            if made.read(len(there)) != there:
                raise Rejected("made again, the file to play is another one")
        if made.read(1):
            raise Rejected("made again, the file to play is longer")


def _put_holes(clip: Clip, chunks: Held, file: IO[bytes]) -> None:
    """The original at its own offsets, with holes where nothing is shown."""
    file.truncate(clip.item.size)
    at = 0
    for run in clip.runs:
        file.seek(run[0] * CHUNK_SIZE)
        left = run_size(run, clip.item.size)
        while left and (piece := chunks.read(at, min(BLOCK, left))):
            file.write(piece)
            at, left = at + len(piece), left - len(piece)
    file.flush()
