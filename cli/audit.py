"""`tiezheng audit`: a whole public log recomputed, from a folder or from its address."""

from collections.abc import Callable
from contextlib import ExitStack

from cli import output
from cli.command import argument, json_option, trust_option
from cli.command import command as new_command
from cli.language import say
from cli.output import Exit
from cli.processes import spread
from cli.public_log import is_address, open_log, single_label
from cli.trust import open_trust
from cli.verdict import audit_text
from ledger.audit import Audit, audit_log
from ledger.errors import Unavailable
from ledger.evidence.trust import TrustedLog
from ledger.examine import PublicLog
from ledger.report import worst
from ledger.spread import Spread

LARGE = 100_000  # entries


@new_command(
    "audit",
    words={
        "en": "Recompute a whole public log.\n\n"
        "LOG is a copy of one log, a folder of copies named by their labels (2026,\n"
        "2027, …), or the same over HTTP. Of a folder, every log of your trust folder\n"
        "must be there. Each entry and tile is read, the root computed anew and held\n"
        "against the cosigned checkpoint; the first bad tile or entry is named.\n\n"
        "Exit code: 0 passed, 1 failed, 3 no quorum, 2 wrong usage, 4 not readable.",
        "zh": "重新计算整个公开日志。\n\n"
        "LOG 为一份日志的副本、按标签（2026、2027……）存放多份副本的文件夹，\n"
        "或其网址。若为文件夹，信任文件夹所列日志须齐备。逐一读取全部条目与瓦片，\n"
        "重新计算根哈希并与经联合签名的检查点比对；指出第一处不符的瓦片或条目。\n\n"
        "退出码：0 通过，1 不通过，3 未达法定人数，2 用法错误，4 无法读取。",
    },
    example="tiezheng audit copy-of-the-log/ --trust trust/\n"
    "tiezheng audit https://ledger.example/log --trust trust/",
)
@argument("where", metavar="LOG", words={"en": "the log", "zh": "日志"})
@trust_option()
@json_option()
def command(where: str, trust: str, as_json: bool) -> Exit:
    believed = open_trust(trust)
    log = open_log(where)
    audits: list[Audit] = []
    exits: list[Exit] = []
    for trusted in _chosen(where, believed.logs):
        try:
            audit = _audit(log, trusted, map if is_address(where) else spread)
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
    return output.worst(exits)


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
