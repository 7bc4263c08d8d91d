"""`tiezheng complain`: a complaint is logged, and what it may be about is held at once."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.command import command as new_command
from cli.command import json_option, option
from cli.files import read_key
from cli.language import say
from cli.remote import open_client, own_key_option, own_trust_option, server_option
from cli.saying import file_one, line_of, sealed, tell
from cli.trust import open_trust
from ledger.errors import LedgerError
from ledger.evidence.case_number import parse_case
from ledger.evidence.statement import Kind, Subject, TextSubject
from ledger.suite import digest


@new_command(
    "complain",
    words={
        "en": "Log a complaint, and hold what was recorded then.\n\n"
        "Every recording of your agency that may be of that time is put under a legal\n"
        "hold before the ledger answers, also what would be destroyed tonight, and what\n"
        "comes later. Rather too many are held than one too few: tiezheng lift.",
        "zh": "登记投诉，并立即保全当时的全部录像。\n\n"
        "本机关可能摄于该时段的录像，在账本答复之前即予保全，包括当晚到期应销毁的，\n"
        "以及此后才归入的。宁多勿漏；解除用 tiezheng lift。",
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
    case: str | None,
    key_file: str,
    server: str,
    trust: str | None,
    as_json: bool,
) -> int:
    if (letter is None) == (text is None):
        raise click.UsageError(say(en="want --letter or --text", zh="须给出 --letter 或 --text"))
    key, trusted = read_key(key_file), open_trust(trust) if trust else None
    fields: dict[str, Any] = {
        "place": line_of(place, "--place"),
        "seen": {"from": start, "to": end},
    }
    if received is not None:
        fields["occurred"] = {"from": received, "to": received}
    if by is not None:
        fields["by"] = line_of(by, "--by")
    if case is not None:
        fields["case"] = parse_case(case)
    if text is not None:
        fields["note"] = text
    client = open_client(server, key=key)
    try:
        fields["agency"] = client.whoami()["agency"]
        subject: Subject
        if letter is None:
            subject = TextSubject("complaint", digest((text or "").encode()))
        else:
            from api.clients.filing import read_source

            source = read_source(Path(letter), lambda count: None)
            subject, sizes = source.subject, source.subject.digest
            client.upload(source.path, sizes.size, sizes.sha256, lambda count: None)
        answer = file_one(client, sealed(Kind.COMPLAINT, [subject], fields, key), trusted)
    except LedgerError as error:
        return output.refusal(error)
    held = str(answer.get("held", "0"))
    words = say(en=f"{held} statements are held", zh=f"已保全 {held} 份陈述")
    tell(answer, words, as_json=as_json, held=held)
    return output.Exit.DONE
