"""The rule packs that come with the program, and files of one's own: packs and other lists."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TypeVar

from cli.rules.place import in_file
from cli.small_file import read_small
from ledger.encoding import parse_utf8
from ledger.errors import Malformed, Unknown
from ledger.process.contents import Published
from ledger.process.rules.rulepack import RulePack

Read = TypeVar("Read")

SUFFIX = ".toml"


def shipped() -> dict[str, str]:
    """Text by name, in the order of the names."""
    folder = resources.files("ledger.process") / "packs"
    files = (file for file in folder.iterdir() if file.name.endswith(SUFFIX))
    found = {file.name.removesuffix(SUFFIX): file.read_text(encoding="utf-8") for file in files}
    return dict(sorted(found.items()))


def read_source(name: str) -> tuple[str, str]:
    """The text of a shipped pack, or of a file; and what to call it."""
    packs = shipped()
    if name in packs:
        return packs[name], name
    if not name.endswith(SUFFIX):
        raise Unknown(
            f"no rule pack {name!r} is shipped",
            hints=(f"there are {', '.join(packs)}", f"a file's name ends in {SUFFIX}"),
        )
    try:
        return parse_utf8(read_small(Path(name))), name
    except Malformed as error:
        raise error.under(name) from None


def open_pack(name: str) -> tuple[RulePack, str]:
    """A shipped pack or one from a file, with its text; a fault is told with its line."""
    return _open(name, RulePack.from_text)


def open_published(name: str) -> tuple[Published, str]:
    """The same of any list that is published."""
    return _open(name, Published.from_text)


def _open(name: str, read: Callable[[str], Read]) -> tuple[Read, str]:
    text, called = read_source(name)
    try:
        return read(text), text
    except Malformed as error:
        raise in_file(error, text, called) from None
