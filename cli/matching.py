"""Sentences by patterns: the English of an error, and how it is said in Chinese."""

import re
from collections.abc import Callable, Sequence

Words = str | Callable[[re.Match[str]], str]


def matched(table: Sequence[tuple[str, Words]], sentence: str) -> str | None:
    """By the first pattern that the whole sentence is."""
    for pattern, words in table:
        if match := re.fullmatch(pattern, sentence, re.DOTALL):
            return match.expand(words) if isinstance(words, str) else words(match)
    return None
