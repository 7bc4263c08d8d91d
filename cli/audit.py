"""`tiezheng audit`: a whole public log recomputed, from a folder or from its address."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from cli import output
from cli.command import argument, json_option, option, trust_option
from cli.command import command as new_command
from cli.language import say
from cli.output import Exit
from cli.processes import spread
from cli.public_log import is_address, open_log, single_label
from cli.trust import open_trust
from cli.verdict import audit_text
from ledger.audit import Audit, audit_log, compare_end, compare_seen
from ledger.encoding import clip
from ledger.errors import Conflict, LedgerError, Malformed, Unavailable
from ledger.evidence.trust import TrustedLog
from ledger.report import worst
from ledger.spread import Spread
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.fraud import Fraud
from ledger.tlog.note import SignedNote
from ledger.tlog.receipt import HEADER, MAX_RECEIPT, Receipt
from ledger.verdict.examination import PublicLog
from storage.durable import PUBLIC_FILE, write_file

LARGE = 100_000  # entries


@new_command(
    "audit",
    words={
        "en": "Recompute a whole public log.\n\n"
        "LOG is a copy of one log, a folder of copies named by their labels (2026,\n"
        "2027, …), or the same over HTTP. Of a folder, every log of your trust folder\n"
        "must be there. Each entry and tile is read, the root computed anew and held\n"
        "against the cosigned checkpoint; the first bad tile or entry is named.\n\n"
        "With --seen, also whether it is still the log that was shown to you before:\n"
        "two checkpoints that no one log can hold become one file, which proves it.\n\n"
        "Exit code: 0 passed, 1 failed, 3 no quorum, 2 wrong usage, 4 not readable.",
        "zh": "重新计算整个公开日志。\n\n"
        "LOG 为一份日志的副本、按标签（2026、2027……）存放多份副本的文件夹，\n"
        "或其网址。若为文件夹，信任文件夹所列日志须齐备。逐一读取全部条目与瓦片，\n"
        "重新计算根哈希并与经联合签名的检查点比对；指出第一处不符的瓦片或条目。\n\n"
        "加 --seen 时，另查是否仍为以前所见的那份日志：若两个检查点不能同属一份日志，\n"
        "则写成一个文件，即为证明。\n\n"
        "退出码：0 通过，1 不通过，3 未达法定人数，2 用法错误，4 无法读取。",
    },
    example="tiezheng audit copy-of-the-log/ --trust trust/\n"
    "tiezheng audit https://ledger.example/log --trust trust/\n"
    "tiezheng audit copy-of-the-log/ --trust trust/ --seen 2026-3.tlog-proof --fraud fraud.txt",
)
@argument("where", metavar="LOG", words={"en": "the log", "zh": "日志"})
@trust_option()
@option(
    "--seen",
    multiple=True,
    metavar="FILE",
    words={
        "en": "a checkpoint that you were shown, or a receipt; may be repeated",
        "zh": "以前所见的检查点，或以其结尾的回执；可写多次",
    },
)
@option(
    "--fraud",
    metavar="FILE",
    words={
        "en": "where to write the proof of two histories; it must not be there yet",
        "zh": "两份历史的证明写到何处；该文件不得已存在",
    },
)
@json_option()
def command(
    where: str, trust: str, seen: tuple[str, ...], fraud: str | None, as_json: bool
) -> Exit:
    believed = open_trust(trust)
    log = open_log(where)
    if fraud is not None and Path(fraud).exists():
        raise Conflict(f"{fraud!r} is there already and is not overwritten")
    chosen = _chosen(where, believed.logs)
    shown = {path: _read_seen(path, chosen) for path in seen}
    audits: list[Audit] = []
    exits: list[Exit] = []
    proofs: list[Fraud] = []
    for trusted in chosen:
        try:
            audit = _audit(log, trusted, map if is_address(where) else spread)
            if following := _following(trusted, chosen):
                end = compare_end(log, audit, following)
                audit = replace(audit, findings=(*audit.findings, end))
            for path, note in shown.items():
                if _origin(note) == trusted.origin:
                    finding, proof = compare_seen(log, trusted, note, path)
                    audit = replace(audit, findings=(*audit.findings, finding))
                    proofs += [] if proof is None else [proof]
        except Unavailable as error:
            exits.append(output.refusal(error))
            continue
        if not as_json:
            output.result(("\n" if audits else "") + audit_text(audit))
        audits.append(audit)
        exits.append(output.exit_of(audit.outcome))
    if as_json and audits:
        output.result_json(
            {
                "logs": [audit.to_json() for audit in audits],
                "outcome": worst(audit.outcome for audit in audits),
                "trust": believed.hash,
                "v": 1,
            }
        )
    if proofs:
        _keep(proofs[0], fraud)
    return output.worst(exits)


def _following(trusted: TrustedLog, chosen: list[TrustedLog]) -> TrustedLog | None:
    """The log after it, if that is looked at too."""
    later = chosen[chosen.index(trusted) + 1 :]
    return later[0] if later else None


def _keep(proof: Fraud, path: str | None) -> None:
    if path is None:
        output.note(
            say(
                en="run it again with --fraud FILE to have the proof of two histories as a file",
                zh="加 --fraud FILE 再运行一次，可将两份历史的证明写成文件",
            )
        )
        return
    write_file(Path(path), proof.to_bytes(), mode=PUBLIC_FILE)
    output.note(say(en=f"the proof is in {path}", zh=f"证明已写入 {path}"))


def _read_seen(path: str, chosen: list[TrustedLog]) -> SignedNote:
    """Raises `Malformed` if it holds no checkpoint, or one of a log that is not looked at."""
    if Path(path).exists() and not Path(path).is_file():
        raise Unavailable(f"{path!r} is no file")
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_RECEIPT + 1)
    except OSError as error:
        raise Unavailable(f"cannot read {path!r}: {error.strerror}") from None
    try:
        if data.startswith(HEADER.encode()):
            note = SignedNote.from_text(Receipt.from_bytes(data).note)
        else:
            note = SignedNote.from_bytes(data)
        _origin(note)
    except LedgerError as error:
        raise Malformed(f"want a checkpoint or a receipt: {error}", path=path) from None
    if _origin(note) not in [log.origin for log in chosen]:
        raise Malformed(
            f"a checkpoint of {clip(_origin(note))!r}, which is not looked at here", path=path
        )
    return note


def _origin(note: SignedNote) -> str:
    return Checkpoint.from_text(note.text).origin


def _chosen(where: str, logs: tuple[TrustedLog, ...]) -> list[TrustedLog]:
    labels = single_label(where, [log.label for log in logs])
    chosen = [log for log in logs if log.label in labels]
    if not chosen:
        raise Unavailable(f"{where!r} is a copy of {labels[0]!r}, which your trust folder has not")
    return chosen


def _audit(log: PublicLog, trusted: TrustedLog, share: Spread) -> Audit:
    with ExitStack() as stack:

        def on_start(size: int) -> Callable[[int], None]:
            label = say(en=f"log {trusted.label}", zh=f"日志 {trusted.label}")
            return stack.enter_context(output.progress(label, size, least=LARGE))

        return audit_log(log, trusted, on_start=on_start, spread=share)
