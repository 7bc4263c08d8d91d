"""`tiezheng packet`: what a court receives."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_secret
from cli.language import pick, say
from cli.remote import open_client, server_option, token_option
from cli.wording import PARTICULARS
from ledger.encoding import printable
from ledger.errors import Rejected
from ledger.evidence.case_number import parse_case
from ledger.process.particulars import Lack


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
        "a court wants this. With --incomplete the packet is made as it is.",
        "zh": "取回案件的证据包：全部陈述、证据原件和证明，合为一个 zip。\n\n"
        "须等法定人数的联合签名人看到全案内容。取回行为本身也会成为日志中的陈述。\n\n"
        "加 --absence 时，仅以标签询问镜像：日志中各序列有无更多内容；其签署的答复存入\n"
        "证据包。信任该镜像的法院即可离线核对完整性。若有一份未能取得，证据包照样写出，\n"
        "只是不含任何答复。\n\n"
        "如有证据未注明制作方法、制作时间、制作人、证明对象或原始载体，则不取回，并逐件\n"
        "列出：法院要求注明。加 --incomplete 则照样取回。",
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
@json_option()
def command(
    case: str,
    file: str,
    server: str,
    token_file: str,
    wait: int,
    absence: tuple[str, ...],
    incomplete: bool,
    as_json: bool,
) -> None:
    from api.clients.absences import add_statements
    from api.clients.ledger import NotYet

    number = parse_case(case)
    client = open_client(server, token=read_secret(token_file))
    if not incomplete and (lacks := client.lacking(number)):
        raise _lacking(lacks)
    target = Path(file)
    ends = time.monotonic() + wait
    while True:
        try:
            with output.progress(say(en="receiving", zh="接收"), 0) as advance:
                client.packet(number, target, advance)
            break
        except NotYet:
            if time.monotonic() >= ends:
                raise
            time.sleep(0.5)
    if absence:
        with output.progress(say(en="asking mirrors", zh="询问镜像"), 0) as advance:
            add_statements(target, absence, max(0.0, ends - time.monotonic()), advance)
    size = target.stat().st_size
    if as_json:
        output.result_json({"bytes": str(size), "case": number, "file": file})
        return
    output.result(
        say(en=f"{file}: {size:,} bytes", zh=f"{file}：{size:,} 字节"),
    )
    output.note(
        say(
            en=f"next: tiezheng verify {file} --trust DIR",
            zh=f"下一步：tiezheng verify {file} --trust DIR",
        )
    )


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
