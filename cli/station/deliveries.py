"""`tiezheng station missing`: what the log shows that a device docked and nobody deposited."""

import re
from typing import Any

import click

from cli import output
from cli.files import read_secret
from cli.language import pick, say
from cli.remote import open_client
from cli.station.words import ABSENT, CAUSES, GAPS, size
from ledger.encoding import parse_decimal, printable

Row = dict[str, Any]


def show_missing(device: str, month: str, server: str, token_file: str, as_json: bool) -> int:
    if not re.fullmatch(r"[12]\d{3}-(0[1-9]|1[0-2])", month, re.ASCII):
        text = say(en="want a month such as 2026-11", zh="须为月份，如 2026-11")
        raise click.BadParameter(text, param_hint="'--month'")
    client = open_client(server, token=read_secret(token_file))
    names = [device] if device else client.devices(month)
    found = {name: client.delivery(month, name) for name in names}
    if as_json:
        output.result_json({"devices": found, "month": month})
    else:
        for name, missing in found.items():
            _show(name, missing)
    unexplained = any(
        missing["sessions"] or any(not row["cause"] for row in missing["undelivered"])
        for missing in found.values()
    )
    return output.Exit.FAILED if unexplained else output.Exit.DONE


def _show(device: str, missing: dict[str, list[Row]]) -> None:
    files, sessions = missing["undelivered"], missing["sessions"]
    if not files and not sessions:
        output.result(say(en=f"{device}: nothing is missing", zh=f"{device}：无缺失"))
        return
    for row in sessions:
        what = pick(ABSENT[row["what"]]) if row["what"] in ABSENT else printable(row["what"])
        session, since, note = row["session"] or row["index"], row["since"], row["note"]
        more = f" ({note})" if note else ""
        output.result(
            say(
                en=f"{device}: session {session}, since {since}: {what}{more}",
                zh=f"{device}：会话 {session}，自 {since}：{what}{more}",
            )
        )
    for row in files:
        path, bytes_, since = printable(row["path"]), size(parse_decimal(row["size"])), row["since"]
        output.result(
            say(
                en=f"{device}: {path} ({bytes_}) docked and not deposited since {since}, "
                f"entry {row['index']}: {_said(row)}",
                zh=f"{device}：{path}（{bytes_}）已归还未提交，自 {since}，"
                f"条目 {row['index']}：{_said(row)}",
            )
        )


def _said(row: Row) -> str:
    if not row["told"]:
        return say(en="nobody has said why", zh="无人说明")
    told = pick(GAPS[row["told"]]) if row["told"] in GAPS else printable(row["told"])
    if not row["cause"]:
        return say(en=f"{told}, not explained", zh=f"{told}，未说明原因")
    cause = pick(CAUSES[row["cause"]]) if row["cause"] in CAUSES else printable(row["cause"])
    return say(en=f"{told}, explained: {cause}", zh=f"{told}，已说明：{cause}")
