"""`tiezheng complain`: a complaint is logged, and what it may be about is held at once."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.command import command as new_command
from cli.command import json_option, option
from cli.files import read_key
from cli.language import pick, say
from cli.remote import open_client, own_key_option, own_trust_option, server_option
from cli.saying import file_one, line_of, sealed, tell
from cli.trust import open_trust
from ledger.encoding import parse_time, printable
from ledger.errors import LedgerError, Malformed
from ledger.evidence.case_number import parse_case
from ledger.evidence.statement import Kind, Subject, TextSubject
from ledger.report import Bilingual
from ledger.suite import digest

DAY_MS = 86_400_000
LIKELY: dict[str, Bilingual] = {
    "device": {"en": "device", "zh": "设备"},
    "crew": {"en": "crew", "zh": "人员"},
    "place": {"en": "place", "zh": "地点"},
}


@new_command(
    "complain",
    words={
        "en": "Log a complaint, and hold what was recorded then.\n\n"
        "Every recording of your agency, of those below it and of the devices named that\n"
        "may be of that time is put under a legal hold before the ledger answers, also\n"
        "what would be destroyed tonight, and what comes later. Rather too many are held\n"
        "than one too few: tiezheng lift. Those that have the device, the crew or the\n"
        "place in common with it are listed, the likeliest first.",
        "zh": "登记投诉，并立即保全当时的全部录像。\n\n"
        "本机关、下级机关以及所列设备可能摄于该时段的录像，在账本答复之前即予保全，\n"
        "包括当晚到期应销毁的，以及此后才归入的。宁多勿漏；解除用 tiezheng lift。\n"
        "设备、人员或地点相符的逐条列出，最可能的在前。",
    },
    example="tiezheng complain --place 观前街 --from 2026-03-02T14:30:00+08:00 \\\n"
    "    --to 2026-03-02T15:30:00+08:00 --letter 来信.pdf --key handler-12.key \\\n"
    "    --server https://ledger.example --trust trust/",
)
@option("--place", required=True, metavar="TEXT", words={"en": "where it was", "zh": "事发地点"})
@option(
    "--from",
    "start",
    required=True,
    metavar="TIME",
    words={"en": "when it was, at the earliest", "zh": "事发时间（最早）"},
)
@option(
    "--to",
    "end",
    required=True,
    metavar="TIME",
    words={"en": "and at the latest", "zh": "事发时间（最晚）"},
)
@option(
    "--received",
    metavar="TIME",
    words={"en": "when it was received; else now", "zh": "收到时间；不写即为现在"},
)
@option("--letter", metavar="FILE", words={"en": "the letter", "zh": "投诉材料"})
@option("--text", metavar="TEXT", words={"en": "or what was said", "zh": "或口头投诉的内容"})
@option("--by", metavar="NAME", words={"en": "who complains", "zh": "投诉人"})
@option(
    "--device",
    "devices",
    multiple=True,
    metavar="NAME",
    words={"en": "a recorder that was seen; repeatable", "zh": "所见执法记录仪；可重复"},
)
@option(
    "--officer",
    "officers",
    multiple=True,
    metavar="NO",
    words={"en": "a certificate's number; repeatable", "zh": "执法证号；可重复"},
)
@option("--case", metavar="NO", words={"en": "the case number, if known", "zh": "案号（如已知）"})
@own_key_option()
@server_option()
@own_trust_option()
@json_option()
def command(
    place: str,
    start: str,
    end: str,
    received: str | None,
    letter: str | None,
    text: str | None,
    by: str | None,
    devices: tuple[str, ...],
    officers: tuple[str, ...],
    case: str | None,
    key_file: str,
    server: str,
    trust: str | None,
    as_json: bool,
) -> int:
    if (letter is None) == (text is None):
        raise click.UsageError(say(en="want --letter or --text", zh="须给出 --letter 或 --text"))
    key, trusted = read_key(key_file), open_trust(trust) if trust else None
    fields = _said(place, start, end, received, text) | _named(by, devices, officers, case)
    client = open_client(server, key=key)
    try:
        fields["agency"] = client.whoami()["agency"]
        subject: Subject
        if letter is None:
            subject = TextSubject("complaint", digest((text or "").encode()))
        else:
            from api.clients.filing import read_source

            source = read_source(Path(letter), lambda count: None)
            if not source.subject.digest.size:
                raise Malformed(f"want a letter, got an empty file {letter!r}")
            subject, sizes = source.subject, source.subject.digest
            client.upload(source.path, sizes.size, sizes.sha256, lambda count: None)
        answer = file_one(client, sealed(Kind.COMPLAINT, [subject], fields, key), trusted)
    except LedgerError as error:
        return output.refusal(error)
    _tell(answer, as_json)
    return output.Exit.DONE


def _said(
    place: str, start: str, end: str, received: str | None, text: str | None
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "place": line_of(place, "--place"),
        "seen": {"from": start, "to": end},
    }
    # A year mistyped would hold nothing, and seem to hold.
    if parse_time(start) > time.time_ns() // 1_000_000 + DAY_MS:
        raise click.BadParameter(
            say(en=f"want a time that has come, got {start}", zh=f"该时间尚未到来：{start}"),
            param_hint="--from",
        )
    if received is not None:
        fields["occurred"] = {"from": received, "to": received}
    if text is not None and not text.strip():
        raise click.BadParameter(
            say(en="want what was said, got nothing", zh="须写明投诉内容"), param_hint="--text"
        )
    return fields | ({} if text is None else {"note": text})


def _named(
    by: str | None, devices: tuple[str, ...], officers: tuple[str, ...], case: str | None
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if by is not None:
        fields["by"] = line_of(by, "--by")
    if devices:
        fields["devices"] = [line_of(one, "--device") for one in devices]
    if officers:
        fields["officers"] = [line_of(one, "--officer") for one in officers]
    if case is not None:
        fields["case"] = parse_case(case)
    return fields


def _tell(answer: dict[str, Any], as_json: bool) -> None:
    held = str(answer.get("held", "0"))
    likely = list(_likely(answer))
    if as_json:
        row = {field: answer[field] for field in ("id", "index", "log")}
        output.result_json(row | {"held": held, "likely": [id_ for id_, _ in likely]})
        return
    words = say(en=f"{held} statements are held", zh=f"已保全 {held} 份陈述")
    tell(answer, words, as_json=False)
    for id_, whats in likely:
        names = say(en=", ", zh="、").join(pick(LIKELY[what]) for what in whats)
        line = say(en=f"likely: the same {names}", zh=f"可能：{names}相符")
        output.result(f"  {printable(id_)}  {line}")
    if held == "0":
        output.note(
            say(
                en="nothing here is of that time: check date and time; what comes later is held",
                zh="没有摄于该时段的内容，请核对日期和时间；此后归入的仍会保全",
            )
        )


def _likely(answer: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Of the ledger's list, those that have in common what this version knows."""
    for row in answer.get("candidates") or []:
        match row:
            case {"id": str(id_), "likely": [*whats]}:
                if known := [what for what in LIKELY if what in whats]:
                    yield id_, known
