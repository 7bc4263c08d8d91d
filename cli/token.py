"""`tiezheng token`: an access token for a person who may read what is confidential."""

import secrets
import time
from pathlib import Path

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.language import say
from ledger import suite
from ledger.encoding import format_time
from ledger.evidence.case_number import parse_case
from ledger.evidence.statement import TRUSTED_ROLES, Role
from storage.folder import DataFolder

DAY_MS = 86_400_000
MAX_NAME = 128


@new_command(
    "token",
    words={
        "en": "Make an access token, or end all tokens of a name with --end.\n\n"
        "The token is printed once and kept only as its SHA-256. Every read under it\n"
        "is a statement in the log. Without --case its bearer sees every case of the\n"
        "agency, without --agency every agency.",
        "zh": "发放访问令牌；加 --end 则撤销某人的全部令牌。\n\n"
        "令牌只显示一次，账本仅保存其 SHA-256。凭令牌的每次读取都会成为日志中的陈述。\n"
        "不加 --case 可看该机关所有案件，不加 --agency 可看所有机关。",
    },
    example="tiezheng token data court --name 'clerk Wang' --days 15 \\\n"
    "    --case '苏城管罚〔2026〕417号'",
)
@argument("data", metavar="DATA", words={"en": "the ledger's folder", "zh": "账本文件夹"})
@argument(
    "role",
    type=click.Choice(
        [str(r) for r in Role if r not in {Role.STATION, Role.LEDGER, *TRUSTED_ROLES}]
    ),
    metavar="ROLE",
    words={
        "en": "handler, notary, court, supervisor, auditor or admin",
        "zh": "handler、notary、court、supervisor、auditor 或 admin",
    },
)
@option("--name", required=True, metavar="NAME", words={"en": "whose it is", "zh": "持有人"})
@option("--agency", default="", metavar="ID", words={"en": "only this agency", "zh": "仅限该机关"})
@option(
    "--case",
    "cases",
    multiple=True,
    metavar="NO",
    words={"en": "only this case; once for each", "zh": "仅限该案；每个写一次"},
)
@option(
    "--days",
    type=click.IntRange(1, 366),
    default=15,
    metavar="N",
    words={"en": "how long it is good; by default 15", "zh": "有效天数；缺省 15"},
)
@option("--end", is_flag=True, words={"en": "end this name's tokens", "zh": "撤销该人的令牌"})
@json_option()
def command(
    data: str,
    role: str,
    name: str,
    agency: str,
    cases: tuple[str, ...],
    days: int,
    end: bool,
    as_json: bool,
) -> None:
    from storage.tokens_sqlite import SqliteTokens, Token

    # It will stand in custody statements, on one line.
    if not name.isprintable() or not 0 < len(name) <= MAX_NAME or name.strip() != name:
        message = say(
            en=f"want one line of 1 to {MAX_NAME} characters", zh=f"须为一行，1 至 {MAX_NAME} 字"
        )
        raise click.BadParameter(message, param_hint="--name")
    now = time.time_ns() // 1_000_000
    tokens = SqliteTokens(DataFolder.open(Path(data)).tokens_db)
    if end:
        ended = tokens.expire(name, now)
        tokens.close()
        if as_json:
            output.result_json({"ended": str(ended), "name": name})
        else:
            output.result(say(en=f"{ended} tokens of {name} ended", zh=f"已撤销 {ended} 个令牌"))
        return
    secret = "tz_" + secrets.token_urlsafe(32)
    ends = now + days * DAY_MS
    token = Token(
        name=name,
        role=role,
        agency=agency,
        cases=tuple(parse_case(case) for case in cases),
        created_ms=now,
        expires_ms=ends,
    )
    tokens.add_token(suite.digest(secret.encode()), token)
    tokens.close()
    if as_json:
        output.result_json({"ends": format_time(ends), "name": name, "role": role, "token": secret})
        return
    output.result(secret)
    output.note(say(en=f"good until {format_time(ends)}", zh=f"有效至 {format_time(ends)}"))
