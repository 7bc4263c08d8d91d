"""`tiezheng renew`: proofs renewed before what they rest on ends."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.language import say
from ledger.encoding import format_time
from ledger.errors import Malformed

if TYPE_CHECKING:
    from api.renewing import Renewed
    from api.services import Services


@new_command(
    "renew",
    words={
        "en": "Renew what the proofs of the ledger in DATA rest on, before it ends.\n\n"
        "All tokens of timestamp authorities are stamped again, by an authority that\n"
        "lasts longer. With --log a closed log is hashed again with SHA-512 as well: each\n"
        "entry, statement and item is read, and the log's proofs count from then on even\n"
        "if SHA-256 is broken later. Packets carry what they need of it.\n\n"
        "The server must be stopped. If it was interrupted, run it again.",
        "zh": "在 DATA 中账本的证明所依赖者失效之前予以续展。\n\n"
        "所有授时机构的时间戳由有效期更长的机构重新加盖。加 --log 时，已结束的日志\n"
        "另以 SHA-512 重新哈希：逐一读取条目、陈述与证据原件；日后即使 SHA-256 被攻破，\n"
        "该日志的证明仍自此时起有效。证据包自动附带所需部分。\n\n"
        "须先停止服务。若被中断，重新运行即可。",
    },
    example="tiezheng renew data --authority lab\ntiezheng renew data --authority lab --log 2026",
)
@argument(
    "data",
    metavar="DATA",
    words={"en": "the ledger's folder", "zh": "账本的文件夹"},
)
@option(
    "--authority",
    required=True,
    metavar="NAME",
    words={
        "en": "which of the setting 'authorities' is asked",
        "zh": "向设置 authorities 中的哪一个机构申请",
    },
)
@option(
    "--log",
    "label",
    default="",
    metavar="LABEL",
    words={
        "en": "a closed log to hash again, such as 2026",
        "zh": "要重新哈希的已结束日志，如 2026",
    },
)
@json_option()
def command(data: str, authority: str, label: str, as_json: bool) -> None:
    from api import journal
    from api.renewing import Renewing
    from api.services import asked_authorities, open_services
    from api.settings import load
    from storage.folder import DataFolder

    journal.start("error")
    DataFolder.open(Path(data))  # a folder that is none has no settings to complain about
    settings = load(Path(data))
    if authority not in settings.authorities:
        text = say(en="want one of the setting 'authorities'", zh="须为设置 authorities 之一")
        raise click.BadParameter(text, param_hint="--authority")
    services = open_services(Path(data), settings)
    try:
        known = {
            of.name: (of, client) for of, client in asked_authorities(services.folder, settings)
        }
        total = services.log.closed_size(_number(services, label)) if label else 0
        with output.progress(say(en="hashing again", zh="重新哈希"), total) as on_entries:
            renewing = Renewing(services, label, on_entries)
            others = renewing.finish_others()
            renewed = renewing.renew(*known[authority])
    finally:
        services.close()
    _tell(renewed, others, authority, as_json)


def _tell(renewed: "Renewed", others: list[str], authority: str, as_json: bool) -> None:
    if as_json:
        output.result_json(
            {
                "at": format_time(renewed.at_ms),
                "finished": others,
                "gone": str(renewed.gone),
                "id": renewed.id,
                "place": renewed.place,
                "rows": str(renewed.rows),
            }
        )
        return
    when = format_time(renewed.at_ms)
    output.result(
        say(
            en=f"{renewed.place}: {renewed.rows} rows renewed, stamped by {authority} at {when}",
            zh=f"{renewed.place}：已续展 {renewed.rows} 行，{authority} 于 {when} 加盖",
        )
    )
    if renewed.gone:
        output.note(
            say(
                en=f"{renewed.gone} files are not held any more: of them the old digest remains",
                zh=f"{renewed.gone} 个文件已不再持有，只留有原摘要",
            )
        )


def _number(services: "Services", label: str) -> int:
    derived = services.log.named(label)
    if derived.number == len(services.log.derived) - 1:
        raise Malformed(
            f"the log {label} is open: it is hashed again once the next one has begun",
            hints=("close it first: tiezheng next-log",),
        )
    return derived.number
