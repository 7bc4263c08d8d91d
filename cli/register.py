"""`tiezheng register`: the registrar names a key, an agency, an entry or a list, in the log."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli.command import command as new_command
from cli.command import json_option, option
from cli.files import read_key
from cli.language import say
from cli.register_table import read_entries
from cli.registering import (
    PUBLISHED,
    REGISTERS,
    agency_option,
    entry,
    file_registration,
    file_registrations,
    keep_option,
    new_registration_id,
    published,
    registrar_option,
    show_entries,
    show_registered,
)
from cli.remote import server_option
from ledger.errors import LedgerError
from ledger.evidence.statement import Kind, Role, Statement, register_subject
from ledger.tlog.note import VerifierKey


def _wrapped(words: Sequence[str]) -> str:
    """On lines of their own, as a help page has room for them."""
    return "\n" + textwrap.fill(" ".join(words), 70)


@new_command(
    "register",
    words={
        "en": "Register a key, an agency, an entry in a register, or a published list.\n\n"
        "A key counts from where its registration stands in the log, never backwards.\n"
        "--revoked ends it there; with --compromised-since nothing that it signed and\n"
        "no quorum had seen by that time counts either. To rotate, register a new key\n"
        "under the old name. A key that was revoked or replaced does not come back.\n\n"
        "The roles log, cosigner, mirror and registrar tell what became of a key that\n"
        "verifiers have in their trust folder: it can only lower a verdict. --series\n"
        "with --revoked tells it of a year's series key.\n\n"
        "--officer and --entry say who or what is registered, with --fact and --from;\n"
        "--list publishes a file as it is. The rules look at the version that stood\n"
        "before an act in the log. So to withdraw one, register it again with --to,\n"
        "the last day on which it holds; what was said of earlier acts stays.",
        "zh": "登记密钥、机关、登记簿条目或者公布的清单。\n\n"
        "密钥自登记所在位置起有效，不溯及以前。--revoked 使其自此失效；另加\n"
        "--compromised-since，则该时间之前未经法定人数看到的签名也不算数。更换密钥：\n"
        "以原名称登记新密钥。已撤销或已被更换的密钥不得恢复。\n\n"
        "log、cosigner、mirror、registrar 角色用于说明核验者信任文件夹中某一密钥的\n"
        "变故，只会降低结论。--series 加 --revoked 用于说明某年度的序列密钥。\n\n"
        "--officer 和 --entry 登记人员或事项，须有 --fact 和 --from；--list 原样公布\n"
        "文件。规则只看日志中先于行为的版本。撤销即以 --to（最后有效日）再次登记；\n"
        "此前行为的结论不变。",
    },
    example="tiezheng register --registrar registrar.key --server https://ledger.example \\\n"
    "    --agency agency-01 --key 'station-07.example+5588a49d+Ae1J…' --role station\n"
    "tiezheng register --registrar registrar.key --server https://ledger.example \\\n"
    "    --agency agency-01 --name 苏州市城市管理局 --case-number '苏城管罚〔{year}〕{number}号'\n"
    "tiezheng register --registrar registrar.key --server https://ledger.example \\\n"
    "    --agency agency-01 --officer 320501-0417 --from 2026-01-01 --fact person=王某 \\\n"
    "    --fact established=yes --fact in_post=yes --fact certified=yes\n"
    "tiezheng register --registrar registrar.key --server https://ledger.example \\\n"
    "    --agency agency-01 --list benchmarks benchmarks.toml --subject benchmarks \\\n"
    "    --version 2026.1 --from 2026-01-01",
)
@registrar_option()
@server_option()
@agency_option()
@option("--key", metavar="VKEY", words={"en": "the public key to register", "zh": "要登记的公钥"})
@option(
    "--role",
    type=click.Choice([str(role) for role in Role]),
    words={"en": "what the key may do", "zh": "密钥的角色"},
)
@option(
    "--person",
    metavar="NAME",
    words={
        "en": "whose it is; by default the key's name",
        "zh": "密钥归属；缺省为密钥名称",
    },
)
@option("--revoked", metavar="REASON", words={"en": "why it ends here", "zh": "撤销原因"})
@option(
    "--compromised-since",
    metavar="TIME",
    words={
        "en": "since when it may have been misused, as 2026-11-23T14:00:00+08:00",
        "zh": "自何时起可能被冒用，如 2026-11-23T14:00:00+08:00",
    },
)
@option(
    "--series",
    metavar="YEAR=HEX",
    words={
        "en": "a year's series key by its fingerprint, which ended by --revoked",
        "zh": "某年度序列公钥的指纹，须同时给出 --revoked",
    },
)
@option("--name", metavar="NAME", words={"en": "the agency's full name", "zh": "机关全称"})
@option(
    "--case-number",
    "case_numbers",
    multiple=True,
    metavar="TEMPLATE",
    words={
        "en": "how its case numbers are spelled, with {year} and {number}",
        "zh": "案号格式，含 {year} 和 {number}",
    },
)
@option(
    "--officer",
    metavar="NO",
    words={"en": "an officer, by certificate number", "zh": "执法人员，以执法证号登记"},
)
@option(
    "--entry",
    nargs=2,
    metavar="REGISTER SUBJECT",
    words={
        "en": "an entry in a register:" + _wrapped(REGISTERS),
        "zh": "登记簿条目：" + _wrapped(REGISTERS),
    },
)
@option(
    "--fact",
    "facts",
    multiple=True,
    metavar="NAME=VALUE",
    words={"en": "what is registered of it", "zh": "登记的事实"},
)
@option(
    "--entries",
    nargs=2,
    metavar="REGISTER FILE",
    words={
        "en": "many entries, a line each of a CSV: subject, from, to, and a column a fact",
        "zh": "批量登记：CSV 每行一条，列为 subject、from、to 及各项事实",
    },
)
@option(
    "--list",
    "list_",
    nargs=2,
    metavar="KIND FILE",
    words={
        "en": "publish a list as the file says it:" + _wrapped(PUBLISHED),
        "zh": "公布清单，内容即该文件：" + _wrapped(PUBLISHED),
    },
)
@option(
    "--subject",
    metavar="NAME",
    words={"en": "the list's name, of which it is a version", "zh": "清单名称"},
)
@option("--version", metavar="TEXT", words={"en": "the list's version", "zh": "清单版本"})
@option(
    "--from",
    "start",
    metavar="DAY",
    words={"en": "the first day on which it holds, as 2026-01-01", "zh": "起始日，如 2026-01-01"},
)
@option(
    "--to",
    "until",
    metavar="DAY",
    words={"en": "the last day on which it holds", "zh": "最后有效日"},
)
@option(
    "--note",
    metavar="TEXT",
    words={"en": "why it is registered, or changed", "zh": "登记或变更的原因"},
)
@keep_option()
@json_option()
def command(
    registrar: str,
    server: str,
    keep: str | None,
    as_json: bool,
    **fields: Any,
) -> None:
    key = read_key(registrar)
    if entries := fields.pop("entries"):
        _check_alone(fields)
        statements = read_entries(entries[0], Path(entries[1]), fields["agency"], fields["note"])
        show_entries(file_registrations(statements, key, server, keep), as_json)
        return
    statement = _statement(new_registration_id(), dict(fields))
    show_registered(file_registration(statement, key, server, keep), as_json)


def _check_alone(fields: dict[str, Any]) -> None:
    """The file says it all."""
    if any(fields.get(name) for name in (*_WHAT, "facts", "start", "until", "subject", "version")):
        raise click.UsageError(
            say(
                en="want --entries alone: the file states subjects, days and facts",
                zh="--entries 须单独使用：对象、日期和事实均写在文件中",
            )
        )


_WHAT = ("key", "name", "series", "officer", "entry", "list_")


def _statement(id_: str, fields: dict[str, Any]) -> Statement:
    if [bool(fields.get(what)) for what in _WHAT].count(True) != 1:
        raise click.UsageError(
            say(
                en="want --key, --name, --series, --officer, --entry, --entries or --list",
                zh="请给出 --key、--name、--series、--officer、--entry、--entries、--list 之一",
            )
        )
    vkey, name, series = fields.get("key"), fields.get("name"), fields.get("series")
    predicate: dict[str, object] = {"id": id_, "agency": fields["agency"]}
    if fields.get("note"):
        predicate["note"] = fields["note"]
    if fields.get("officer"):
        predicate |= entry("officer", fields["officer"], fields["facts"], fields)
    elif fields.get("entry"):
        register, subject = fields["entry"]
        predicate |= entry(register, subject, fields["facts"], fields)
    elif fields.get("list_"):
        register, file = fields["list_"]
        predicate |= published(register, file, fields)
    elif vkey:
        if not fields.get("role"):
            raise click.UsageError(say(en="want --role with --key", zh="--key 须有 --role"))
        predicate |= {"key": vkey, "role": fields["role"], "person": fields.get("person") or ""}
        predicate["person"] = predicate["person"] or _name_of(str(vkey))
    elif series:
        if not fields.get("revoked"):
            raise click.UsageError(
                say(en="want --revoked with --series", zh="--series 须有 --revoked")
            )
        year, _, print_ = str(series).partition("=")
        predicate |= {"series": {year: print_}}
    if vkey or series:
        for option_ in ("revoked", "compromised_since"):
            if fields.get(option_):
                predicate[option_] = fields[option_]
    elif name:
        if not fields["case_numbers"]:
            raise click.UsageError(
                say(en="want --case-number with --name", zh="--name 须有 --case-number")
            )
        predicate |= {"name": name, "case_numbers": list(fields["case_numbers"])}
    try:
        return Statement(Kind.REGISTER, (register_subject(predicate),), predicate)
    except LedgerError as error:
        raise click.UsageError(str(error)) from None


def _name_of(vkey: str) -> str:
    try:
        return VerifierKey.from_text(vkey).name
    except LedgerError as error:
        raise click.BadParameter(str(error), param_hint="--key") from None
