"""Entries of registers and published lists: from what was typed to their place in the log."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.command import F, option
from cli.devices import DEVICES
from cli.keeping import after_filing, open_keep
from cli.language import say
from cli.remote import Answer, open_client
from cli.small_file import read_small
from ledger.encoding import clip, parse_utf8
from ledger.errors import Malformed
from ledger.evidence.procedural import LISTS, Registered
from ledger.evidence.signing import seal
from ledger.evidence.statement import Statement
from ledger.process.contents import READERS
from ledger.tlog.signing_key import SigningKey
from storage.durable import write_file

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

# Facts of which rules ask whether they are so.
YES_OR_NO = frozenset({"certified", "established", "experienced", "in_post", "qualified"})


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
    remark(Registered(register), [found])
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


def remark(register: Registered, entries: Iterable[Mapping[str, str]]) -> None:
    """What is registered all the same, and does not do what it seems to; each told once."""
    for told in dict.fromkeys(one for facts in entries for one in _remarks(register, facts)):
        output.note(told)


def _remarks(register: Registered, facts: Mapping[str, str]) -> Iterator[str]:
    for fact in sorted(facts.keys() & YES_OR_NO):
        if facts[fact] not in ("yes", "no"):
            yield say(
                en=f"{fact}={clip(facts[fact])} counts as no: yes is yes, anything else is no",
                zh=f"{fact}={clip(facts[fact])} 按“否”计：只有 yes 才是“是”",
            )
    kind = facts.get("kind") if register is Registered.DEVICE else None
    if kind is not None and kind not in DEVICES:
        yield say(
            en=f"no shipped rule looks at devices of the kind {clip(kind)}; they know "
            + ", ".join(DEVICES),
            zh=f"附带的规则不使用设备种类 {clip(kind)}；可用：{'、'.join(DEVICES)}",
        )
    known = FACTS[register]
    if odd := sorted(facts.keys() - known):
        yield say(
            en=f"no rule looks at {', '.join(odd)}; of {register} they know "
            + ", ".join(sorted(known)),
            zh=f"规则不使用 {'、'.join(odd)}；{register} 可用：{'、'.join(sorted(known))}",
        )


def new_registration_id() -> str:
    from api.ids import new_id

    return new_id(time.time_ns() // 1_000_000)


def file_registration(
    statement: Statement, registrar: SigningKey, server: str, keep: str | None
) -> Answer:
    """The ledger's answer, that it is logged; raises its refusal."""
    (answer,) = file_registrations([statement], registrar, server, keep)
    return answer


def file_registrations(
    statements: Sequence[Statement], registrar: SigningKey, server: str, keep: str | None
) -> list[Answer]:
    """In one request; raises the first refusal, once all that was logged is kept."""
    from api.clients.copies import format_copy
    from api.clients.ledger import refusal

    envelopes = [seal(one.to_bytes(), [registrar]).to_bytes() for one in statements]
    kept = open_keep(keep)
    answers = open_client(server).file(envelopes)
    logged = [n for n, answer in enumerate(answers) if "status" not in answer]
    for n in logged if kept is not None else ():
        with after_filing(f"{answers[n]['log']}-{answers[n]['index']}"):
            assert kept is not None
            write_file(kept / f"{statements[n].id}.json", format_copy(envelopes[n], answers[n]))
    for answer in answers:
        if "status" in answer:
            if logged:
                output.note(
                    say(
                        en=f"{len(logged)} of {len(answers)} entries are registered",
                        zh=f"{len(answers)} 条中已登记 {len(logged)} 条",
                    )
                )
            raise refusal(answer)
    return answers


def show_registered(answer: Answer, as_json: bool) -> None:
    if as_json:
        output.result_json({key: answer[key] for key in ("id", "index", "log")})
        return
    place = f"{answer['log']}-{answer['index']}"
    output.result(say(en=f"registered at {place}", zh=f"已登记于 {place}"))


def show_entries(answers: Sequence[Answer], as_json: bool) -> None:
    if as_json:
        rows = [{key: answer[key] for key in ("id", "index", "log")} for answer in answers]
        output.result_json({"entries": rows})
        return
    first, last = (f"{one['log']}-{one['index']}" for one in (answers[0], answers[-1]))
    output.result(
        say(
            en=f"{len(answers)} entries registered at {first} to {last}",
            zh=f"已登记 {len(answers)} 条，位于 {first} 至 {last}",
        )
    )


def registrar_option() -> Callable[[F], F]:
    return option(
        "--registrar",
        required=True,
        metavar="FILE",
        words={"en": "the registrar's private key", "zh": "登记人的私钥文件"},
    )


def keep_option() -> Callable[[F], F]:
    return option(
        "--keep",
        metavar="DIR",
        words={
            "en": "keep the statement with the ledger's answer here, for "
            "`tiezheng restore --copies`",
            "zh": "把陈述和账本的答复保存在此处，供 `tiezheng restore --copies` 使用",
        },
    )


def agency_option() -> Callable[[F], F]:
    return option(
        "--agency", required=True, metavar="ID", words={"en": "the agency's id", "zh": "机关标识"}
    )
