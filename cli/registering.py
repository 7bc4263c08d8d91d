"""Entries of registers and published lists, from what was typed: what `tiezheng register` signs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.language import say
from cli.small_file import read_small
from ledger.encoding import parse_utf8
from ledger.errors import Malformed
from ledger.evidence.procedural import LISTS, Registered
from ledger.process.lists import READERS

REGISTERS = [str(register) for register in Registered if register not in LISTS]
PUBLISHED = [str(register) for register in Registered if register in LISTS]

# The facts that rules look at; others may be there and are for people.
FACTS: Mapping[Registered, frozenset[str]] = {
    Registered.AGENCY: frozenset({"announced", "level", "name", "parent"}),
    Registered.OFFICER: frozenset({"certified", "established", "in_post", "person"}),
    Registered.AUXILIARY: frozenset({"person", "post"}),
    Registered.DEVICE: frozenset({"kind", "model"}),
    Registered.DELEGATION: frozenset({"decision", "from", "powers", "published", "to"}),
    Registered.LEGAL_REVIEWER: frozenset({"experienced", "officer", "qualified"}),
    Registered.COUNSEL: frozenset({"kind", "person"}),
    Registered.SERVICE_CONTRACT: frozenset({"provider", "scope", "until"}),
}


def entry(register: str, subject: str, facts: Sequence[str], fields: Mapping[str, Any]) -> Any:
    """The fields of an entry in a register."""
    if register not in REGISTERS:
        raise click.UsageError(
            say(
                en=f"no such register: {register!r}; there are {', '.join(REGISTERS)}",
                zh=f"没有此登记簿：{register!r}；可用：{'、'.join(REGISTERS)}",
            )
        )
    found: dict[str, str] = {}
    for fact in facts:
        name, mark, value = fact.partition("=")
        if not mark or name in found:
            raise click.UsageError(
                say(
                    en=f"want --fact NAME=VALUE, each name once, got {fact!r}",
                    zh=f"--fact 应为 NAME=VALUE，每个名称一次，收到 {fact!r}",
                )
            )
        found[name] = value
    if not found:
        raise click.UsageError(say(en="want at least one --fact", zh="请至少给出一项 --fact"))
    _remark(Registered(register), found)
    return {"register": register, "subject": subject, "facts": found, "in_force": _days(fields)}


def published(register: str, file: str, fields: Mapping[str, Any]) -> Any:
    """The fields of a list; its content is the file, byte for byte."""
    if register not in PUBLISHED:
        raise click.UsageError(
            say(
                en=f"no such list: {register!r}; there are {', '.join(PUBLISHED)}",
                zh=f"没有此清单：{register!r}；可用：{'、'.join(PUBLISHED)}",
            )
        )
    for name in ("subject", "version"):
        if not fields.get(name):
            raise click.UsageError(say(en=f"want --{name} with --list", zh=f"--list 须有 --{name}"))
    return {
        "content": read_list(Registered(register), Path(file)),
        "in_force": _days(fields),
        "register": register,
        "subject": fields["subject"],
        "version": fields["version"],
    }


def read_list(register: Registered, file: Path) -> str:
    """The file's text; raises `Malformed` if the rules could not read it later."""
    try:
        content = parse_utf8(read_small(file))
        if register in READERS:
            READERS[register](content)
        return content
    except Malformed as error:
        raise error.under(str(file)) from None


def _days(fields: Mapping[str, Any]) -> dict[str, str]:
    if not fields.get("start"):
        raise click.UsageError(
            say(en="want --from: since when it holds", zh="须有 --from：自何日起有效")
        )
    days = {"from": fields["start"], "to": fields.get("until")}
    return {name: day for name, day in days.items() if day}


def _remark(register: Registered, facts: Mapping[str, str]) -> None:
    known = FACTS[register]
    if odd := sorted(facts.keys() - known):
        output.note(
            say(
                en=f"no rule looks at {', '.join(odd)}; of {register} they know "
                + ", ".join(sorted(known)),
                zh=f"规则不使用 {'、'.join(odd)}；{register} 可用：{'、'.join(sorted(known))}",
            )
        )
