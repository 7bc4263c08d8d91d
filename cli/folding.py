"""Lines of at most so many columns, where a Chinese character is as wide as two Latin ones."""

import re
import unicodedata
from collections.abc import Iterator

COLUMNS = 80
_NOT_AT_START = "，。；：、！？）》」』”’％%,.;:!?)"
_PIECE = re.compile(r"[!-~]+|\s+|.", re.DOTALL)  # a Latin word is kept together


def columns(text: str) -> int:
    return sum(_width(c) for c in text)


def clip_columns(text: str, limit: int) -> str:
    """The beginning, with an ellipsis if anything is missing."""
    if columns(text) <= limit:
        return text
    used = columns("…")
    for at, c in enumerate(text):
        used += _width(c)
        if used > limit:
            return text[:at] + "…"
    return text


def fold(text: str, first: str = "", then: str = "") -> Iterator[str]:
    """`first` begins the first line, `then` each other one."""
    line, empty = first, True
    for piece in _pieces(text):
        if empty and piece.isspace():
            continue
        if columns(line + piece) > COLUMNS and not empty:
            yield line.rstrip()
            line, empty = then, True
            if piece.isspace():
                continue
        line, empty = line + piece, False
    yield line.rstrip()


def _pieces(text: str) -> Iterator[str]:
    """What is not parted: words, and a character with the punctuation behind it."""
    held = ""
    for match in _PIECE.finditer(text):
        piece = match[0]
        if held and not (piece[0] in _NOT_AT_START and not held.isspace()):
            yield held
            held = ""
        held += piece
        # A word wider than any line is parted where it must be.
        while columns(held) > COLUMNS // 2:
            head = _head(held, COLUMNS // 2)
            yield head
            held = held[len(head) :]
    if held:
        yield held


def _head(text: str, limit: int) -> str:
    used = 0
    for at, c in enumerate(text):
        used += _width(c)
        if used > limit:
            return text[:at]
    return text


def _width(c: str) -> int:
    # Ambiguous ones, such as quotation marks, are wide in a Chinese font.
    if unicodedata.combining(c):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WFA" else 1
