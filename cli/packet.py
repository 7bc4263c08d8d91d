"""`tiezheng packet`: what a court receives."""

import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.calendar import read_calendar
from cli.carried import due_text
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_secret
from cli.language import pick, say
from cli.remote import open_client, server_option, token_option
from cli.saying import line_of
from cli.wording import PARTICULARS
from ledger.encoding import in_china, parse_day, printable
from ledger.errors import Malformed, Rejected
from ledger.evidence.case_number import parse_case
from ledger.evidence.due import Due, Procedure
from ledger.evidence.withheld import LEDGERS_OWN, Reason
from ledger.process.deadlines.calendar import check_years
from ledger.process.handover import APPROVAL, Handover, NotApproved, Unapproved
from ledger.process.particulars import Lack
from ledger.report import Bilingual

UNAPPROVED: dict[Unapproved, Bilingual] = {
    Unapproved.UNNAMED: {"en": "none was named with --approval", "zh": "未以 --approval 指明批准"},
    Unapproved.NOT_HERE: {
        "en": "the case has no such act of its own agency with that id",
        "zh": "该案中没有本案机关以该编号存入的批准",
    },
    Unapproved.PAPER: {"en": "it has no document", "zh": "该批准未附文件"},
    Unapproved.AUTHORITY: {
        "en": "it does not state its authority",
        "zh": "该批准未写明批准机关（authority）",
    },
    Unapproved.RECIPIENT: {
        "en": "it is not for this recipient",
        "zh": "该批准所载接收方（recipient）与此不同",
    },
    Unapproved.OVER: {
        "en": "its day until is over, or is no day",
        "zh": "该批准已过有效期（until），或者所写不是日期",
    },
}

if TYPE_CHECKING:
    from api.clients.ledger import LedgerClient

GIVEN = tuple(str(reason) for reason in Reason if reason not in LEDGERS_OWN)
MAX_WITHHELD = 256


@new_command(
    "packet",
    words={
        "en": "Fetch the packet of a case: every statement, item and proof, in one zip.\n\n"
        "It waits until a quorum of cosigners has seen all of the case. That you\n"
        "fetched it is itself a statement in the log.\n\n"
        "With --absence a mirror is asked, by tags alone, whether the log holds more of\n"
        "each series; its signed answers go into the packet. A court that trusts this\n"
        "mirror can then check completeness offline. If one cannot be had, the packet\n"
        "is there all the same, without any.\n\n"
        "Where it is not noted of an item how, when or by whom it was made, what it is\n"
        "to show, or its original carrier, nothing is fetched, and the items are listed:\n"
        "a court wants this. With --incomplete the packet is made as it is.\n\n"
        "--withhold WHAT=REASON leaves out a statement, by its place (2026-17) or id, or\n"
        "a file, by its SHA-256. Its entry stays, and the packet says what and why, as\n"
        "your word: completeness is undecided all the same, and no reason allows keeping\n"
        "anything from a court.\n\n"
        "--for and --received tell until when the evidence is due, and put it in. Without\n"
        "--holidays only weekends are off; FILE is TOML: off = [days], working = [days].\n\n"
        "--recipient and --purpose go into the log beside your name, as your word. For a\n"
        "judicial or enforcement body abroad (--foreign) an approval is wanted, an act\n"
        "foreign_handover_approval of the case (Data Security Law art. 36): --approval ID.",
        "zh": "取回案件的证据包：全部陈述、证据原件和证明，合为一个 zip。\n\n"
        "须等法定人数的联合签名人看到全案内容。取回行为本身也会成为日志中的陈述。\n\n"
        "加 --absence 时，仅以标签询问镜像：日志中各序列有无更多内容；其签署的答复存入\n"
        "证据包。信任该镜像的法院即可离线核对完整性。若有一份未能取得，证据包照样写出，\n"
        "只是不含任何答复。\n\n"
        "如有证据未注明制作方法、制作时间、制作人、证明对象或原始载体，则不取回，并逐件\n"
        "列出：法院要求注明。加 --incomplete 则照样取回。\n\n"
        "--withhold 对象=理由：不出示某一陈述（以位置如 2026-17 或编号指明）或某一文件\n"
        "（以 SHA-256 指明）。条目仍在，证据包写明何物、何故，均为您自述：完整性仍不能\n"
        "判定，任何理由都不构成对法院免除举证。\n\n"
        "--for 与 --received 算出举证期限并写入证据包。不加 --holidays 则只计周末；文件为\n"
        "TOML：off = [放假日]，working = [调休上班日]。\n\n"
        "--recipient 与 --purpose 连同您的姓名记入日志，为您自述。提供给外国司法或者执法\n"
        "机构的（--foreign），须有主管机关批准，即该案的行为 foreign_handover_approval\n"
        "（数据安全法第三十六条），以 --approval 编号指明。",
    },
    example="tiezheng packet '苏城管罚〔2026〕417号' -o packet.zip \\\n"
    "    --server https://ledger.example --token-file token \\\n"
    "    --absence https://mirror.archive.example",
)
@argument("case", metavar="CASE", words={"en": "the case number", "zh": "案号"})
@option(
    "-o",
    "--output",
    "file",
    required=True,
    metavar="FILE",
    words={"en": "where to write the packet", "zh": "证据包写入的文件"},
)
@server_option()
@token_option()
@option(
    "--wait",
    type=click.IntRange(0, 86400),
    default=60,
    metavar="SECONDS",
    words={
        "en": "for cosigners and mirrors; by default 60",
        "zh": "等候联合签名与镜像的秒数；缺省 60",
    },
)
@option(
    "--absence",
    multiple=True,
    metavar="URL",
    words={
        "en": "a mirror whose statements go into the packet; may be repeated",
        "zh": "镜像网址，其声明存入证据包；可写多次",
    },
)
@option(
    "--incomplete",
    is_flag=True,
    words={
        "en": "make it even where particulars lack",
        "zh": "即使注明事项不全，也制作证据包",
    },
)
@option(
    "--withhold",
    multiple=True,
    metavar="WHAT=REASON",
    words={
        "en": "leave out, and say so; may be repeated. Reasons: " + ", ".join(GIVEN),
        "zh": "不出示并写明；可写多次。理由：" + "、".join(GIVEN),
    },
)
@option(
    "--for",
    "procedure",
    type=click.Choice(["court", "review", "review-summary"]),
    words={
        "en": "where it is due: 15 days, 10 or 5 working days",
        "zh": "用于何种程序：15 日、10 或 5 个工作日",
    },
)
@option(
    "--received",
    metavar="DAY",
    words={
        "en": "when the copy of the complaint came, as 2026-11-20",
        "zh": "收到起诉状或申请书副本之日，如 2026-11-20",
    },
)
@option(
    "--holidays",
    metavar="FILE",
    words={"en": "days off and worked weekends", "zh": "放假日与调休上班日"},
)
@option(
    "--recipient",
    metavar="NAME",
    words={"en": "to whom it goes; stands in the log", "zh": "接收方；记入日志"},
)
@option(
    "--purpose",
    metavar="TEXT",
    words={"en": "and what for", "zh": "用途；记入日志"},
)
@option(
    "--foreign",
    is_flag=True,
    words={
        "en": "the recipient is a judicial or enforcement body abroad",
        "zh": "接收方为外国司法或者执法机构",
    },
)
@option(
    "--approval",
    metavar="ID",
    words={
        "en": "the act by which the competent authority approved",
        "zh": "主管机关批准：该行为的编号",
    },
)
@json_option()
def command(
    case: str,
    file: str,
    server: str,
    token_file: str,
    wait: int,
    absence: tuple[str, ...],
    incomplete: bool,
    withhold: tuple[str, ...],
    procedure: str | None,
    received: str | None,
    holidays: str | None,
    recipient: str | None,
    purpose: str | None,
    foreign: bool,
    approval: str | None,
    as_json: bool,
) -> None:
    from api.clients.absences import add_statements

    number = parse_case(case)
    asked, due = _withheld(withhold), _due(procedure, received, holidays)
    to = _handover(recipient, purpose, foreign, approval)
    client = open_client(server, token=read_secret(token_file))
    # Of what is withheld nothing is wanted, if it is named by its id.
    if not incomplete and (lacks := [x for x in client.lacking(number) if x.id not in asked]):
        raise _lacking(lacks)
    target = Path(file)
    ends = time.monotonic() + wait
    _receive(client, number, target, asked, due, to, ends)
    if absence:
        with output.progress(say(en="asking mirrors", zh="询问镜像"), 0) as advance:
            add_statements(target, absence, max(0.0, ends - time.monotonic()), advance)
    _tell(number, file, due, as_json)


def _receive(
    client: "LedgerClient",
    case: str,
    target: Path,
    asked: Mapping[str, Reason],
    due: Due | None,
    to: Handover | None,
    ends: float,
) -> None:
    """Waits for the cosigners until `ends`."""
    from api.clients.ledger import NotYet

    while True:
        try:
            with output.progress(say(en="receiving", zh="接收"), 0) as advance:
                client.packet(case, target, advance, withhold=asked, due=due, handover=to)
            return
        except NotApproved as error:
            raise _not_approved(error) from None
        except NotYet:
            if time.monotonic() >= ends:
                raise
            time.sleep(0.5)


def _tell(case: str, file: str, due: Due | None, as_json: bool) -> None:
    size = Path(file).stat().st_size
    if as_json:
        row: dict[str, Any] = {"bytes": str(size), "case": case, "file": file}
        if due is not None:
            row["due"] = due.to_json()
        output.result_json(row)
        return
    output.result(
        say(en=f"{file}: {size:,} bytes", zh=f"{file}：{size:,} 字节"),
    )
    if due is not None:
        output.result(due_text(due.to_json()))
        output.note(_left(due, in_china(time.time_ns() // 1_000_000).date()))
    output.note(
        say(
            en=f"next: tiezheng verify {file} --trust DIR",
            zh=f"下一步：tiezheng verify {file} --trust DIR",
        )
    )


def _withheld(rows: Sequence[str]) -> dict[str, Reason]:
    if len(rows) > MAX_WITHHELD:
        raise click.UsageError(
            say(
                en=f"want at most {MAX_WITHHELD} times --withhold, got {len(rows)}",
                zh=f"--withhold 至多 {MAX_WITHHELD} 次，现有 {len(rows)} 次",
            )
        )
    asked: dict[str, Reason] = {}
    for row in rows:
        name, _, reason = row.partition("=")
        if not name or reason not in GIVEN or name in asked:
            raise click.UsageError(
                say(
                    en=f"want each once as WHAT=REASON, the reason one of {', '.join(GIVEN)}, "
                    f"got {printable(row)!r}",
                    zh=f"须为“对象=理由”，各一次，理由为 {'、'.join(GIVEN)} 之一，"
                    f"现为 {printable(row)!r}",
                )
            )
        asked[name] = Reason(reason)
    return asked


def _due(procedure: str | None, received: str | None, holidays: str | None) -> Due | None:
    if procedure is None or received is None:
        if (procedure, received, holidays) != (None, None, None):
            raise click.UsageError(
                say(
                    en="want --for and --received together, and --holidays only with them",
                    zh="--for 与 --received 须同时给出，--holidays 须与其同用",
                )
            )
        return None
    calendar = None if holidays is None else read_calendar(holidays)
    due = Due.of(Procedure(procedure.replace("-", "_")), parse_day(received), calendar)
    if calendar is not None and holidays is not None:
        try:
            check_years(calendar, due.received, due.until)
        except Malformed as error:
            raise error.under(holidays) from None
    return due


def _handover(
    recipient: str | None, purpose: str | None, foreign: bool, approval: str | None
) -> Handover | None:
    if recipient is None:
        if purpose is not None or foreign or approval is not None:
            raise click.UsageError(
                say(
                    en="want --recipient with --purpose, --foreign and --approval",
                    zh="--purpose、--foreign、--approval 须与 --recipient 同用",
                )
            )
        return None
    if approval is not None and not foreign:
        raise click.UsageError(
            say(en="want --foreign with --approval", zh="--approval 须与 --foreign 同用")
        )
    given = {"recipient": line_of(recipient, "--recipient"), "approval": approval}
    if purpose is not None:
        given["purpose"] = line_of(purpose, "--purpose")
    row = {name: text for name, text in given.items() if text is not None}
    return Handover.from_json(row | ({"foreign": "yes"} if foreign else {}))


def _not_approved(error: NotApproved) -> NotApproved:
    """The ledger's refusal, in the reader's language."""
    file = (
        f"tiezheng case act --act {APPROVAL} --procedure after --stage enforce "
        "--fact recipient=… --fact authority=… --doc …"
    )
    how = say(
        en=f"the approval is filed as an act of the case: {file}",
        zh=f"批准作为该案的行为存入：{file}",
    )
    said = say(
        en="nothing was handed over: without the approval of the competent authority nothing "
        "goes to a judicial or enforcement body abroad (Data Security Law art. 36): ",
        zh="未予提供：非经主管机关批准，不得向外国司法或者执法机构提供（数据安全法第三十六条）：",
    )
    return NotApproved(error.why, said + pick(UNAPPROVED[error.why]), (how,))


def _left(due: Due, today: date) -> str:
    """As this machine's clock has it; nothing of it goes into the packet."""
    days = (due.until - today).days
    if today < due.received:
        return say(
            en=f"by this machine's clock {due.received} has not come yet: look at --received",
            zh=f"按本机时钟，{due.received} 尚未到来：请核对 --received",
        )
    if days < 0:
        return say(en=f"it was due {-days} days ago", zh=f"已逾期 {-days} 日")
    return say(en=f"{days} days are left after today", zh=f"今日之后还有 {days} 日")


def _lacking(lacks: Sequence[Lack]) -> Rejected:
    """An item a line: its statement, its name, what to fill in."""
    lines = [f"{lack.id}  {printable(lack.name)}: {_fields(lack)}" for lack in lacks]
    how = say(
        en="file what lacks as a correction: tiezheng correct ID --help; "
        "or take the packet as it is: --incomplete",
        zh="请以更正陈述补充：tiezheng correct ID --help；或照现状制作：--incomplete",
    )
    return Rejected(
        say(
            en=f"particulars lack of {len(lacks)} items of evidence",
            zh=f"{len(lacks)} 件证据的注明事项不全",
        ),
        hints=(*lines, how),
    )


def _fields(lack: Lack) -> str:
    return say(en=", ", zh="、").join(pick(PARTICULARS[field]) for field in lack.fields)
