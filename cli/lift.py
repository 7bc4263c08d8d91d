"""`tiezheng lift`: a person lifts a legal hold, and says why."""

import re

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.dispose.refused import refusal
from cli.files import read_key
from cli.language import say
from cli.remote import open_client, own_key_option, own_trust_option, server_option
from cli.saying import file_one, line_of, sealed, subject_of, tell
from cli.trust import open_trust
from ledger.encoding import parse_uuid7
from ledger.errors import LedgerError
from ledger.evidence.case_number import parse_case
from ledger.evidence.statement import Kind, Subject, TextSubject
from ledger.suite import digest

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@new_command(
    "lift",
    words={
        "en": "Lift a legal hold.\n\n"
        "The log says who lifted it and why. What another hold is on stays held; a hold\n"
        "that was placed for a complaint is lifted with --complaint alone. TARGET is as\n"
        "tiezheng hold DATA --list shows it. Where several holds are on it, one of them is\n"
        "lifted by its own id.",
        "zh": "解除保全。\n\n"
        "日志记明由何人、因何理由解除。另有保全的，仍予保全；因投诉而作的保全须写明\n"
        "--complaint 方可解除。TARGET 以 tiezheng hold DATA --list 所列为准。同一对象有多项\n"
        "保全的，以保全编号逐项解除。",
    },
    example="tiezheng lift '苏城管罚〔2026〕417号' --reason '复议已终结' \\\n"
    "    --key handler-12.key --server https://ledger.example --trust trust/",
)
@argument(
    "target",
    metavar="TARGET",
    words={
        "en": "a case number, the SHA-256 of an item, or the id of a statement or of a hold",
        "zh": "案号、原件的 SHA-256，或者陈述或保全的编号",
    },
)
@option("--reason", required=True, metavar="TEXT", words={"en": "why", "zh": "理由"})
@option(
    "--complaint",
    metavar="ID",
    words={"en": "the complaint that it was placed for", "zh": "据以保全的投诉（编号）"},
)
@own_key_option()
@server_option()
@own_trust_option()
@json_option()
def command(
    target: str,
    reason: str,
    complaint: str | None,
    key_file: str,
    server: str,
    trust: str | None,
    as_json: bool,
) -> int:
    key, trusted = read_key(key_file), open_trust(trust) if trust else None
    fields = {"hold": "lifted", "reason": line_of(reason, "--reason")}
    if complaint is not None:
        fields["complaint"] = parse_uuid7(complaint)
    id_ = target.removeprefix("statement/")
    client = open_client(server, key=key)
    try:
        subject: Subject
        if UUID.fullmatch(id_):
            subject = subject_of(client, parse_uuid7(id_), trusted)
        else:
            named = target if SHA256.fullmatch(target) else parse_case(target)
            subject = TextSubject(named, digest(named.encode()))
        fields["agency"] = client.whoami()["agency"]
        answer = file_one(client, sealed(Kind.HOLD, [subject], fields, key), trusted)
    except LedgerError as error:
        return refusal(error)
    tell(answer, say(en="lifted", zh="已解除"), as_json=as_json)
    return output.Exit.DONE
