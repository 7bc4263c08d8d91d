"""The forms of text in statements: a line, a name, a text, a word. All raise `Malformed`."""

import re
import unicodedata
from typing import Any

from ledger.encoding import all_visible, clip
from ledger.errors import Malformed

MAX_LINE = 256
MAX_TEXT = 4096
MAX_NAMES = 16


def string(value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise Malformed(f"want text, got {type(value).__name__}")
    if len(value) > limit:
        raise Malformed(f"want at most {limit} characters, got {len(value)}")
    return value


def line(value: Any) -> str:
    """One line of text: non-empty, no control or invisible characters."""
    text_ = string(value, MAX_LINE)
    if not text_ or text_.strip() != text_ or not all_visible(text_):
        raise Malformed(f"want one line of text, got {clip(text_)!r}")
    return text_


def name(value: Any) -> str:
    """A line that becomes part of a series name: no slash, one normal form."""
    text_ = line(value)
    if "/" in text_ or unicodedata.normalize("NFC", text_) != text_ or len(text_) > 64:
        raise Malformed(f"want at most 64 characters in NFC without '/', got {clip(text_)!r}")
    return text_


def text(value: Any, limit: int = MAX_TEXT) -> str:
    text_ = string(value, limit)
    if any(unicodedata.category(c) == "Cc" and c != "\n" for c in text_):
        raise Malformed("want no control characters but line feeds")
    return text_


def word(value: Any) -> str:
    text_ = string(value, 64)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text_, re.ASCII):
        raise Malformed(f"want lower-case words joined by '_', got {clip(text_)!r}")
    return text_


def lines(value: Any) -> list[str]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_NAMES:
        raise Malformed(f"want a list of 1 to {MAX_NAMES} names")
    names = [line(part) for part in value]
    if len(set(names)) != len(names):
        raise Malformed("a name stands twice")
    return names
