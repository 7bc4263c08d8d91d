"""`tiezheng correct`: what an earlier statement left out, or should have said."""

import time
from collections.abc import Mapping
from typing import Any

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_key, read_sm2_key
from cli.filing_options import particulars_options, sm2_key_option
from cli.language import say
from cli.remote import (
    case_option,
    open_client,
    own_key_option,
    own_trust_option,
    server_option,
)
from cli.saying import file_one, subject_of
from cli.trust import open_trust
from ledger.encoding import parse_time, parse_uuid7
from ledger.evidence.case_number import parse_case
from ledger.evidence.trust import Trust


@new_command(
    "correct",
    words={
        "en": "File what a statement about evidence left out, or should have said.\n\n"
        "The earlier statement stays as it is; both are in the packet. A packet for a\n"
        "court wants noted of each item how and by whom it was made, what it is to show,\n"
        "and its original carrier. ID is the statement's, as tiezheng packet lists it.",
        "zh": "补充或更正证据陈述中未注明或应改的事项。\n\n"
        "原陈述保持不变，二者都在证据包内。法院要求注明每件证据的制作方法、制作人、\n"
        "证明对象和原始载体。ID 为陈述编号，由 tiezheng packet 列出。",
    },
    example="tiezheng correct 019ab0c4-0000-7000-8000-000000000000 \\\n"
    "    --case '苏城管罚〔2026〕417号' --purpose 证明现场检查经过 --reason 提交时未填 \\\n"
    "    --key handler-12.key --server https://ledger.example --trust trust/",
)
@argument("statement_id", metavar="ID", words={"en": "the statement's id", "zh": "陈述编号"})
@case_option()
@own_key_option()
@sm2_key_option()
@server_option()
@own_trust_option()
@option("--reason", required=True, metavar="TEXT", words={"en": "why", "zh": "更正理由"})
@particulars_options()
@option(
    "--recorded",
    nargs=2,
    metavar="TIME TIME",
    words={
        "en": "from when to when it was recorded; complaints of that time reach it then",
        "zh": "实际摄录的起止时间；此后按该时间的投诉亦予保全",
    },
)
@json_option()
def command(
    statement_id: str,
    case: str,
    key_file: str,
    sm2_file: str | None,
    server: str,
    trust: str | None,
    reason: str,
    recorded: tuple[str, str] | None,
    as_json: bool,
    **details: str | None,
) -> None:
    changes = {field: text for field, text in details.items() if text}
    if recorded:
        changes["occurred"] = _span(*recorded)
    if not changes:
        raise click.UsageError(
            say(
                en="want one of --maker, --method, --purpose, --carrier, --favourable, --recorded",
                zh="须给出 --maker、--method、--purpose、--carrier、--favourable、--recorded 之一",
            )
        )
    common = {"case": parse_case(case), "reason": reason}
    answer = _file(
        parse_uuid7(statement_id),
        changes,
        common,
        key_file,
        sm2_file,
        server,
        open_trust(trust) if trust else None,
    )
    row = {field: answer[field] for field in ("id", "index", "log")}
    if as_json:
        output.result_json(row)
        return
    output.result(f"{row['log']}-{row['index']}  {row['id']}  {', '.join(changes)}")


def _span(start: str, end: str) -> str:
    if parse_time(start) > parse_time(end):
        raise click.BadParameter(
            say(en=f"want from before to, got {start} {end}", zh="起始时间须早于截止时间"),
            param_hint="--recorded",
        )
    return f"{start}/{end}"


def _file(
    about: str,
    changes: dict[str, str],
    common: Mapping[str, Any],
    key_file: str,
    sm2_file: str | None,
    server: str,
    trust: Trust | None,
) -> dict[str, Any]:
    from api.clients import filing
    from api.ids import new_id

    key = read_key(key_file)
    beside = () if sm2_file is None else (read_sm2_key(sm2_file),)
    client = open_client(server, key=key)
    subject = subject_of(client, about, trust)
    fields = {**common, "agency": client.whoami()["agency"]}
    id_ = new_id(time.time_ns() // 1_000_000)
    envelope = filing.correction(subject, changes, fields, key, id_, beside)
    return file_one(client, envelope, trust)
