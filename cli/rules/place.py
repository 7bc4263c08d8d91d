"""Where in a TOML file a fault stands, as a line: what a person who edits it looks for.

`record[3].level` is the line of `level` in the third `[[record]]`, or that of its head.
"""

import re

from ledger.errors import Malformed

_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def line_of(text: str, path: str) -> int | None:
    """The number of the line, from 1; None where the path leads nowhere in this text."""
    lines = text.split("\n")
    start, end = 0, len(lines)
    step, _, rest = path.partition(".")
    match = _STEP.match(step)
    if match is None:
        return None
    name, number = match[1], match[2]
    heads = _heads(lines, name)
    if not heads:
        return _key(lines, name, 0, _first_head(lines))
    if (which := int(number or 1)) > len(heads):
        return None
    start = heads[which - 1]
    end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith("[")), end)
    key = _STEP.match(rest)
    return (key and _key(lines, key[1], start, end)) or start + 1


def in_file(error: Malformed, text: str, name: str) -> Malformed:
    """The same refusal, which names the file first, then the line where there is one."""
    line = line_of(text, error.path) if error.path else None
    place = f"{name}, line {line}" if line is not None else name
    path = f"{place}: {error.path}" if error.path else place
    return Malformed(error.message, path=path, hints=error.hints)


def _heads(lines: list[str], name: str) -> list[int]:
    return [n for n, line in enumerate(lines) if re.match(rf"\[\[\s*{name}\s*\]\]", line)]


def _first_head(lines: list[str]) -> int:
    return next((n for n, line in enumerate(lines) if line.startswith("[")), len(lines))


def _key(lines: list[str], name: str, start: int, end: int) -> int | None:
    return next((n + 1 for n in range(start, end) if re.match(rf"\s*{name}\s*=", lines[n])), None)
