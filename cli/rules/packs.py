"""The commands of `tiezheng rules`."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.command import F, argument, json_option, option
from cli.command import command as new_command
from cli.files import read_key
from cli.language import language, say
from cli.registering import (
    agency_option,
    file_registration,
    keep_option,
    new_registration_id,
    registrar_option,
    show_registered,
)
from cli.remote import server_option
from cli.rules.shipped import open_pack, open_published, shipped
from cli.rules.words import pack_page
from cli.small_file import read_small
from ledger.errors import Conflict, LedgerError
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Kind, Statement, register_subject
from ledger.process.contents import Published
from ledger.process.rules.rulepack import RulePack
from ledger.suite import digest
from storage.durable import PUBLIC_FOLDER, make_folder, write_file


@new_command(
    "list",
    words={
        "en": "List the rule packs that come with this program.",
        "zh": "列出本程序附带的规则包。",
    },
    example="tiezheng rules list",
)
@json_option()
def list_packs(as_json: bool) -> None:
    found = [(RulePack.from_text(text), sha256_of(text)) for text in shipped().values()]
    if as_json:
        output.result_json({"packs": [_brief(pack, sha256) for pack, sha256 in found]})
        return
    for pack, sha256 in found:
        title = pack.title_en if language() == "en" else pack.title
        output.result(f"{pack.pack:<12} {pack.version:<8} {sha256[:16]}…  {title}")


def _pack_argument() -> Callable[[F], F]:
    return argument(
        "pack",
        metavar="PACK",
        words={
            "en": "a shipped pack by its name, or a file that ends in .toml",
            "zh": "附带规则包的名称，或以 .toml 结尾的文件",
        },
    )


@new_command(
    "show",
    words={
        "en": "Print a rule pack as a page: what must be there, by which law, what cures it.",
        "zh": "将规则包打印成一页：应有哪些记录，依据何法，如何补正。",
    },
    example="tiezheng rules show ordinary --lang zh",
)
@_pack_argument()
def show(pack: str) -> None:
    found, text = open_pack(pack)
    output.result(pack_page(found, sha256_of(text)))


@new_command(
    "check",
    words={
        "en": "Check a rule pack or another list: that it can be read, or where a fault stands.\n\n"
        "The first fault is named, with its line. Lists are those that tiezheng\n"
        "register --list takes: benchmarks, powers, major decisions and others.",
        "zh": "检查规则包或其他清单能否读取，或者指出错误所在的行。\n\n"
        "逐次指出第一处错误。清单即 tiezheng register --list 所公布的各类清单：\n"
        "裁量基准、权力事项、重大决定目录等。",
    },
    example="tiezheng rules check ordinary-2026.2.toml",
)
@_pack_argument()
@json_option()
def check(pack: str, as_json: bool) -> None:
    found, text = open_published(pack)
    sha256 = sha256_of(text)
    if found.register is Registered.RULE_PACK:
        _show_checked(RulePack.from_text(text), sha256, as_json)
    elif as_json:
        output.result_json(
            {"list": str(found.register), "sha256": sha256, "version": found.version}
        )
    else:
        output.result(
            say(
                en=f"{found.register} {found.version}".rstrip() + " can be published",
                zh=f"{found.register} {found.version}".rstrip() + " 可以公布",
            )
        )
        output.result(f"SHA-256 {sha256}")


def _show_checked(pack: RulePack, sha256: str, as_json: bool) -> None:
    brief = _brief(pack, sha256)
    if as_json:
        output.result_json(brief)
        return
    counts = ", ".join(f"{brief[name]} {name}" for name in _COUNTED)
    output.result(
        say(
            en=f"{pack.pack} {pack.version} can be published: {counts}",
            zh=f"{pack.pack} {pack.version} 可以公布：行为 {brief['acts']}，事实 {brief['facts']}，"
            f"记录 {brief['records']}，审查项 {brief['checks']}，期限 {brief['clocks']}",
        )
    )
    output.result(f"SHA-256 {sha256}")
    if not pack.facts:
        output.note(
            say(
                en="it declares no facts: what acts state is looked at by no kind, and gaps call "
                "facts by their identifiers",
                zh="未声明事实：不核对行为载明内容的种类，缺项以代号称呼事实",
            )
        )


@new_command(
    "publish",
    words={
        "en": "Publish a rule pack in the log, and write the very file that was published.\n\n"
        "It judges the cases of the agency, and of agencies below it, that begin on or\n"
        "after --from. --to ends it: publish it again with its last day. With -o the\n"
        "file and its SHA-256 are written there, for the agency's own website.\n\n"
        "Another list is published so as well, if it states its own version; else by\n"
        "tiezheng register --list.",
        "zh": "在日志中公布规则包，并写出所公布的同一文件。\n\n"
        "规则包适用于该机关及其下级机关自 --from 起开始的案件。停用时以 --to（最后\n"
        "一日）再次公布。-o 写出该文件及其 SHA-256，供机关网站公布。\n\n"
        "其他清单写明 version 的，同样公布；未写明的，用 tiezheng register --list。",
    },
    example="tiezheng rules publish ordinary --registrar registrar.key \\\n"
    "    --server https://ledger.example --agency agency-01 --from 2027-01-01 -o site/",
)
@_pack_argument()
@registrar_option()
@server_option()
@agency_option()
@option(
    "--from",
    "start",
    required=True,
    metavar="DAY",
    words={"en": "the first day, as 2027-01-01", "zh": "起始日，如 2027-01-01"},
)
@option("--to", "until", metavar="DAY", words={"en": "the last day", "zh": "最后一日"})
@option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    words={"en": "write the published file here", "zh": "将所公布的文件写入此文件夹"},
)
@keep_option()
@json_option()
def publish(
    pack: str,
    registrar: str,
    server: str,
    agency: str,
    start: str,
    until: str | None,
    folder: str | None,
    keep: str | None,
    as_json: bool,
) -> None:
    found, text = open_published(pack)
    key = read_key(registrar)
    in_force = {"from": start} | ({"to": until} if until else {})
    statement = _published(found, text, agency, in_force)
    if folder is not None:
        # Before it is signed: what cannot be shown outside is not published.
        _write(Path(folder), found, text)
    show_registered(file_registration(statement, key, server, keep), as_json)


def sha256_of(text: str) -> str:
    return digest(text.encode()).hex()


def _published(
    published: Published, text: str, agency: str, in_force: Mapping[str, str]
) -> Statement:
    if not published.version:
        raise click.UsageError(
            say(
                en="the file states no version: publish it with tiezheng register --list",
                zh="该文件未写明 version：请用 tiezheng register --list 公布",
            )
        )
    predicate = {
        "agency": agency,
        "content": text,
        "id": new_registration_id(),
        "in_force": dict(in_force),
        "register": str(published.register),
        "subject": published.subject,
        "version": published.version,
    }
    try:
        return Statement(Kind.REGISTER, (register_subject(predicate),), predicate)
    except LedgerError as error:
        raise click.UsageError(str(error)) from None


def _write(folder: Path, published: Published, text: str) -> None:
    name = f"{published.subject}-{published.version}.toml".replace("/", "-")
    make_folder(folder, mode=PUBLIC_FOLDER)
    path = folder / name
    if os.path.lexists(path) and read_small(path) != text.encode():
        raise Conflict(
            f"{str(path)!r} is there with another content under the same version",
            hints=("state a version of its own in the file",),
        )
    write_file(path, text.encode())
    write_file(folder / f"{name}.sha256", f"{sha256_of(text)}  {name}\n".encode())


_COUNTED = ("acts", "facts", "records", "checks", "clocks", "gates")


def _brief(pack: RulePack, sha256: str) -> dict[str, Any]:
    counts = {name: str(len(getattr(pack, name))) for name in _COUNTED}
    named = {"kind": pack.kind, "pack": pack.pack, "title": pack.title, "version": pack.version}
    return counts | named | {"sha256": sha256}
