"""Time-codes as they are typed: `BWC_0088.MP4@01:01-01:15=show_id`, or its SHA-256 for the file.

What is seen there may follow in words, as where a recording stands in for a written record:
`BWC_0088.MP4@01:01-01:15=hear_party:当事人称摊位已转让`.
"""

import re
from pathlib import Path

import click

from cli.language import say
from ledger.encoding import parse_hex
from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.procedural import Timecode

_CLOCK = r"(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d)(?:\.(\d{1,3}))?"
_FORM = re.compile(rf"(.+)@{_CLOCK}(?:-{_CLOCK})?=(.+)", re.ASCII | re.DOTALL)


def read_timecode(text: str) -> Timecode:
    match = _FORM.fullmatch(text)
    if match is None:
        raise _refused(
            text,
            say(
                en="want ITEM@MM:SS=WORD:NOTE, or no note",
                zh="须写作 文件@MM:SS=用词:说明，可无说明",
            ),
        )
    item, *clocks, shows = match.groups()
    word, *notes = re.split("[:：]", shows, maxsplit=1)
    start, end = clocks[:4], clocks[4:]
    until = None if end[1] is None else _ms(end)
    if until is not None and until < _ms(start):
        raise _refused(text, say(en="it ends before it begins", zh="结束早于开始"))
    try:
        note = phrase.line(notes[0].strip()) if notes else ""
        return Timecode(_digest(item), _ms(start), phrase.word(word), until, note)
    except Malformed as error:
        raise _refused(text, str(error)) from None


def _ms(clock: list[str | None]) -> int:
    hours, minutes, seconds, rest = clock
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int((rest or "").ljust(3, "0"))


def _digest(item: str) -> bytes:
    """A recording may be large: it is read once, and named by its digest from then on."""
    from api.clients.filing import read_source

    path = Path(item)
    if re.fullmatch("[0-9a-f]{64}", item, re.ASCII) and not path.exists():
        return parse_hex(item)
    return read_source(path, lambda count: None).subject.digest.sha256


def _refused(text: str, why: str) -> click.BadParameter:
    return click.BadParameter(f"{text!r}: {why}", param_hint="--timecode")
