"""TOML as people write it, read strictly: closed keys, each in its form, faults with their place.

    found = read_toml(text)
    rows = [read_table(row, need={"id": line, "from": yuan}, may={"note": line}) for row in …]

A place is the path of keys; of tables that repeat it tells which, counted from 1: `clause[2].from`.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from ledger.encoding import clip, parse_day
from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.procedural import MAX_CONTENT

MAX_ROWS = 4096

Read = Callable[[Any], Any]


def read_toml(text: str) -> dict[str, Any]:
    if len(text) > MAX_CONTENT:
        raise Malformed(f"want at most {MAX_CONTENT} characters, got {len(text)}")
    try:
        text.encode()  # in a comment as well no lone surrogate: no file can hold one
        found = tomllib.loads(text)
    # ValueError: also of a number with thousands of digits. RecursionError: of nested lists.
    except (ValueError, RecursionError) as error:
        raise Malformed(f"want TOML: {error}") from None
    left: list[Any] = [found]
    while left:
        value = left.pop()
        # In hexadecimal there may be one so large that Python does not write it.
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise Malformed("want TOML: a number has 64 bits at most")
        left += value.values() if isinstance(value, dict) else value if type(value) is list else ()
    return found


def read_table(
    value: Any, need: Mapping[str, Read], may: Mapping[str, Read] | None = None
) -> dict[str, Any]:
    """Each key by its reader; what may be there and is not is not in the answer either."""
    forms = dict(need) | dict(may or {})
    if not isinstance(value, dict):
        raise Malformed(f"want a table, got {kind_of(value)}")
    if unknown := sorted(value.keys() - forms.keys()):
        raise Malformed(
            "no such key", path=clip(unknown[0]), hints=(f"there are {', '.join(sorted(forms))}",)
        )
    if missing := [key for key in need if key not in value]:
        raise Malformed("want this key", path=missing[0])
    return {key: read_at(key, forms[key], part) for key, part in value.items()}


def read_at(key: str, read: Read, value: Any) -> Any:
    try:
        return read(value)
    except Malformed as error:
        raise error.under(key) from None


def rows(read: Read, most: int = MAX_ROWS) -> Read:
    """A list of at least one, each by the same reader."""

    def read_rows(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not 0 < len(value) <= most:
            raise Malformed(f"want a list of 1 to {most}, got {kind_of(value)}")
        return tuple(read_at(f"[{n}]", read, part) for n, part in enumerate(value, start=1))

    return read_rows


def check_distinct(names: list[str], what: str) -> None:
    """That no two rows have one name; says where the second one stands."""
    for n, name in enumerate(names, start=1):
        if name in names[: n - 1]:
            raise Malformed(f"{name!r} stands twice", path=f"{what}[{n}].id")


def whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise Malformed(f"want a whole number from 0, got {kind_of(value)}")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"want true or false, got {kind_of(value)}")
    return value


def day(value: Any) -> date:
    """As TOML knows it, or as text."""
    return value if type(value) is date else parse_day(phrase.string(value, 10))


def one_of(*words: str) -> Read:
    def read_one(value: Any) -> str:
        if value not in words:
            raise Malformed(f"want one of {', '.join(words)}, got {clip(str(value))!r}")
        return str(value)

    return read_one


def yuan(value: Any) -> int:
    """An amount in yuan, a number or a text with at most two decimals; returns fen."""
    text = str(value) if type(value) is int else phrase.string(value, 16)
    if not re.fullmatch(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?", text, re.ASCII):
        raise Malformed(f"want an amount in yuan such as 500 or '500.50', got {clip(text)!r}")
    whole_, _, fen = text.partition(".")
    return int(whole_) * 100 + int(fen.ljust(2, "0") or 0)


def format_yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def kind_of(value: Any) -> str:
    """What came, for a message: short values as they stand."""
    match value:
        case dict():
            return "a table"
        case list():
            return f"a list of {len(value)}"
        case _:
            return repr(clip(str(value)))
