"""`tiezheng dispose sign` and `file`: two persons sign a draft, then it is logged."""

from collections.abc import Callable
from pathlib import Path

from cli import output
from cli.command import F, argument, json_option
from cli.command import command as new_command
from cli.dispose.refused import refusal
from cli.files import read_key
from cli.language import say
from cli.remote import open_client, own_key_option, own_trust_option, server_option
from cli.saying import file_one, tell
from cli.small_file import read_small
from cli.trust import open_trust
from ledger.encoding import printable
from ledger.errors import LedgerError, Rejected
from ledger.evidence.envelope import Envelope, Signature, pae
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.tlog.signing_key import SigningKey

SIGNED = ".dsse.json"


def _draft_argument(words_en: str, words_zh: str) -> Callable[[F], F]:
    return argument("draft", metavar="FILE", words={"en": words_en, "zh": words_zh})


@new_command(
    "sign",
    words={
        "en": "Sign the draft of a disposal.\n\n"
        "It says what would be destroyed. The signed draft lies beside it, as\n"
        f"FILE{SIGNED}; the second person signs that file, with a key of another person.",
        "zh": "在销毁草稿上签名。\n\n"
        "先显示将被销毁的内容。签名后的草稿写在旁边，名为 FILE" + SIGNED + "；第二人在该文件上\n"
        "签名，须用另一人的私钥。",
    },
    example="tiezheng dispose sign drafts/agency-01-0198.disposal.json --key handler-12.key",
)
@_draft_argument("the draft, or what the first person has signed", "草稿，或第一人签名后的文件")
@own_key_option()
@json_option()
def sign(draft: str, key_file: str, as_json: bool) -> int:
    from storage.durable import write_file

    try:
        envelope = _read(Path(draft))
        said = _disposal(envelope)
        signed = _signed(envelope, read_key(key_file))
        path = Path(draft if draft.endswith(SIGNED) else draft + SIGNED)
        write_file(path, signed.to_bytes())
    except LedgerError as error:
        return refusal(error)
    people = [one.keyid for one in signed.signatures]
    if as_json:
        output.result_json(
            {"case": said.case, "file": str(path), "signed": people, "statements": _ids(said)}
        )
        return output.Exit.DONE
    predicate = said.predicate
    output.result(f"{printable(said.case or '')}  {predicate['retention']}  {predicate['basis']}")
    for id_ in _ids(said):
        output.result(f"  {id_}")
    count = len(people)
    output.result(say(en=f"signed by {count} of 2: {path}", zh=f"已有 {count}/2 人签名：{path}"))
    return output.Exit.DONE


@new_command(
    "file",
    words={
        "en": "Log a disposal that two persons have signed.\n\n"
        "Once it is in the log, what it names is destroyed, and does not come back:\n"
        "statements with their salts, and items that nothing else speaks of. Their\n"
        "entries stay, and every proof goes on to verify.",
        "zh": "将二人已签名的销毁记录记入日志。\n\n"
        "一经入日志，所列内容即被销毁，不可恢复：陈述及其盐值，以及别无陈述提及的原件。\n"
        "相应条目仍在，全部证明仍可核验。",
    },
    example="tiezheng dispose file drafts/agency-01-0198.disposal.json.dsse.json \\\n"
    "    --server https://ledger.example --trust trust/",
)
@_draft_argument("the draft that two persons have signed", "二人已签名的草稿")
@server_option()
@own_trust_option()
@json_option()
def file(draft: str, server: str, trust: str | None, as_json: bool) -> int:
    try:
        envelope = _read(Path(draft))
        said = _disposal(envelope)
        client = open_client(server)
        answer = file_one(client, envelope.to_bytes(), open_trust(trust) if trust else None)
    except LedgerError as error:
        return refusal(error)
    count = str(len(said.subjects))
    words = say(en=f"{count} statements go", zh=f"{count} 份陈述即行销毁")
    tell(answer, words, as_json=as_json, statements=count)
    return output.Exit.DONE


def _read(path: Path) -> Envelope:
    """Of a draft that nobody has signed the payload alone is there."""
    data = read_small(path)
    if str(path).endswith(SIGNED):
        return Envelope.from_bytes(data)
    return Envelope(data, ())


def _disposal(envelope: Envelope) -> Statement:
    said = Statement.from_bytes(envelope.payload)
    if said.kind is not Kind.DISPOSAL:
        raise Rejected(f"want the draft of a disposal, got a statement of kind {said.kind}")
    return said


def _signed(envelope: Envelope, key: SigningKey) -> Envelope:
    if any(one.keyid == key.verifier.keyid for one in envelope.signatures):
        raise Rejected(
            f"{key.verifier.keyid} has signed it already",
            hints=("a second person signs it, with a key of his own",),
        )
    signature = Signature(key.verifier.keyid, key.sign(pae(envelope.payload)))
    return Envelope(envelope.payload, (*envelope.signatures, signature))


def _ids(said: Statement) -> list[str]:
    return [one.id for one in said.subjects if isinstance(one, StatementSubject)]
