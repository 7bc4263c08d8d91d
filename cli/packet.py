"""`tiezheng packet`: what a court receives."""

import time
from pathlib import Path

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_secret
from cli.language import say
from cli.remote import open_client, server_option, token_option
from ledger.evidence.case_number import parse_case


@new_command(
    "packet",
    words={
        "en": "Fetch the packet of a case: every statement, item and proof, in one zip.\n\n"
        "It waits until a quorum of cosigners has seen all of the case. That you\n"
        "fetched it is itself a statement in the log.\n\n"
        "With --absence a mirror is asked, by tags alone, whether the log holds more of\n"
        "each series; its signed answers go into the packet. A court that trusts this\n"
        "mirror can then check completeness offline. If one cannot be had, the packet\n"
        "is there all the same, without any.",
        "zh": "取回案件的证据包：全部陈述、证据原件和证明，合为一个 zip。\n\n"
        "须等法定人数的联合签名人看到全案内容。取回行为本身也会成为日志中的陈述。\n\n"
        "加 --absence 时，仅以标签询问镜像：日志中各序列有无更多内容；其签署的答复存入\n"
        "证据包。信任该镜像的法院即可离线核对完整性。若有一份未能取得，证据包照样写出，\n"
        "只是不含任何答复。",
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
@json_option()
def command(
    case: str,
    file: str,
    server: str,
    token_file: str,
    wait: int,
    absence: tuple[str, ...],
    as_json: bool,
) -> None:
    from api.clients.absences import add_statements
    from api.clients.ledger import NotYet

    number = parse_case(case)
    client = open_client(server, token=read_secret(token_file))
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
