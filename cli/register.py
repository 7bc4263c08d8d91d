"""`tiezheng register`: the registrar names a key or an agency, in the log itself."""

import time

import click

from cli import output
from cli.command import command as new_command
from cli.command import json_option, option
from cli.files import read_key
from cli.keeping import after_filing, open_keep
from cli.language import say
from cli.remote import Answer, open_client, server_option
from ledger.errors import LedgerError
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Role, Statement, register_subject
from ledger.tlog.note import VerifierKey
from storage.durable import write_file


@new_command(
    "register",
    words={
        "en": "Register a key for a person or machine, or an agency with its case numbers.\n\n"
        "A key counts from where its registration stands in the log, never backwards.\n"
        "--revoked ends it there; with --compromised-since nothing that it signed and\n"
        "no quorum had seen by that time counts either. To rotate, register a new key\n"
        "under the old name. A key that was revoked or replaced does not come back.\n\n"
        "The roles log, cosigner, mirror and registrar tell what became of a key that\n"
        "verifiers have in their trust folder: it can only lower a verdict. --series\n"
        "with --revoked tells it of a year's series key.",
        "zh": "登记人员或设备的密钥，或者登记机关及其案号格式。\n\n"
        "密钥自登记所在位置起有效，不溯及以前。--revoked 使其自此失效；另加\n"
        "--compromised-since，则该时间之前未经法定人数看到的签名也不算数。更换密钥：\n"
        "以原名称登记新密钥。已撤销或已被更换的密钥不得恢复。\n\n"
        "log、cosigner、mirror、registrar 角色用于说明核验者信任文件夹中某一密钥的\n"
        "变故，只会降低结论。--series 加 --revoked 用于说明某年度的序列密钥。",
    },
    example="tiezheng register --registrar registrar.key --server https://ledger.example \\\n"
    "    --agency agency-01 --key 'station-07.example+5588a49d+Ae1J…' --role station\n"
    "tiezheng register --registrar registrar.key --server https://ledger.example \\\n"
    "    --agency agency-01 --name 苏州市城市管理局 --case-number '苏城管罚〔{year}〕{number}号'",
)
@option(
    "--registrar",
    required=True,
    metavar="FILE",
    words={"en": "the registrar's private key", "zh": "登记人的私钥文件"},
)
@server_option()
@option("--agency", required=True, metavar="ID", words={"en": "the agency's id", "zh": "机关标识"})
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
    "--keep",
    metavar="DIR",
    words={
        "en": "keep the statement with the ledger's answer here, for `tiezheng restore --copies`",
        "zh": "把陈述和账本的答复保存在此处，供 `tiezheng restore --copies` 使用",
    },
)
@json_option()
def command(
    registrar: str,
    server: str,
    keep: str | None,
    as_json: bool,
    **fields: str | tuple[str, ...],
) -> None:
    from api.clients.copies import format_copy
    from api.clients.ledger import refusal
    from api.ids import new_id

    key = read_key(registrar)
    statement = _statement(new_id(time.time_ns() // 1_000_000), dict(fields))
    envelope = seal(statement.to_bytes(), [key]).to_bytes()
    kept = open_keep(keep)
    (answer,) = open_client(server).file([envelope])
    if "status" in answer:
        raise refusal(answer)
    if kept is not None:
        with after_filing(f"{answer['log']}-{answer['index']}"):
            write_file(kept / f"{statement.id}.json", format_copy(envelope, answer))
    _show(answer, as_json)


def _statement(id_: str, fields: dict[str, str | tuple[str, ...]]) -> Statement:
    vkey, name, series = fields.get("key"), fields.get("name"), fields.get("series")
    if [bool(vkey), bool(name), bool(series)].count(True) != 1:
        raise click.UsageError(
            say(en="want --key, --name or --series", zh="请给出 --key、--name 或 --series 之一")
        )
    predicate: dict[str, object] = {"id": id_, "agency": fields["agency"]}
    if vkey:
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
    else:
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


def _show(answer: Answer, as_json: bool) -> None:
    if as_json:
        output.result_json({key: answer[key] for key in ("id", "index", "log")})
        return
    place = f"{answer['log']}-{answer['index']}"
    output.result(say(en=f"registered at {place}", zh=f"已登记于 {place}"))
