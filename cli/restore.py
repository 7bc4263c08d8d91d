"""`tiezheng restore`: a ledger from its backup, completed by what others have kept."""

from pathlib import Path

from api.restoring import Restored
from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_backup_key
from cli.language import say
from cli.output import Exit
from ledger.completion import format_ranges, ranges_of

SHOWN = 20  # lines of a list; --json has all of it


@new_command(
    "restore",
    words={
        "en": "Restore a ledger into DATA from the backup in TARGET.\n\n"
        "What came after the backup is put back at its old places: statements from the\n"
        "copies that stations keep, entries from a copy of the public log. A statement\n"
        "that nobody has any more is named as lost; its entry stays.\n"
        "The server then serves DATA, and sequences nothing until the cosigners have said\n"
        "that they know of no larger log.\n\n"
        "Exit code: 0 restored, 3 restored with entries missing, 1 refused.",
        "zh": "从 TARGET 中的备份恢复账本到 DATA。\n\n"
        "备份之后的内容按原位置补回：陈述取自各采集站保留的副本，条目取自公开日志的副本。\n"
        "已无人持有的陈述列为遗失，其条目保留。\n"
        "此后服务可提供读取，但在联合签名人确认没有更大的日志之前，不排序新内容。\n\n"
        "退出码：0 已恢复，3 已恢复但缺少条目，1 被拒绝。",
    },
    example="tiezheng restore /mnt/other-machine/ledger data --key backup.key \\\n"
    "    --copies from-the-stations/ --public https://mirror.example/log",
)
@argument("target", metavar="TARGET", words={"en": "the backup's folder", "zh": "备份文件夹"})
@argument(
    "data",
    metavar="DATA",
    words={
        "en": "a folder that is empty, not there, or holds only items/",
        "zh": "空的、尚不存在的或只含 items/ 的文件夹",
    },
)
@option(
    "--key",
    required=True,
    metavar="FILE",
    words={"en": "the backup key", "zh": "备份密钥文件"},
)
@option(
    "--copies",
    metavar="DIR",
    default=None,
    words={
        "en": "what stations have kept: a .json file for each statement",
        "zh": "采集站保留的副本：每份陈述一个 .json 文件",
    },
)
@option(
    "--public",
    metavar="LOG",
    default=None,
    words={
        "en": "a copy of the public log: a folder or an address",
        "zh": "公开日志副本：文件夹或网址",
    },
)
@json_option()
def command(
    target: str, data: str, key: str, copies: str | None, public: str | None, as_json: bool
) -> Exit:
    from api.asking_mirrors import open_cosigners
    from api.restoring import Sources, restore
    from cli.public_log import open_log
    from storage.backup_folder import BackupFolder

    secret = read_backup_key(key)
    sources = Sources(
        None if copies is None else Path(copies),
        None if public is None else open_log(public, present=False),
        open_cosigners,
    )
    files = BackupFolder(Path(target), secret).count()
    with output.progress(say(en="restoring", zh="恢复中"), 2 * files, least=3) as done:
        restored = restore(Path(target), Path(data), secret, sources, done)
    if as_json:
        output.result_json(restored.to_json())
    else:
        output.result(_text(restored))
    return Exit.UNDECIDED if restored.completion.missing else Exit.DONE


def _text(restored: Restored) -> str:
    from cli.details import in_chinese

    c = restored.completion
    lines = [
        say(
            en=f"{restored.log}: {c.edge.size} entries, {restored.size} of them from the backup",
            zh=f"{restored.log}：{c.edge.size} 个条目，其中 {restored.size} 个来自备份",
        )
    ]
    if c.rows:
        lines.append(
            say(
                en=f"from copies: {restored.copies} statements",
                zh=f"由副本补回：{restored.copies} 份陈述",
            )
        )
    if c.lost:
        where = format_ranges(ranges_of(c.lost))
        lines.append(
            say(
                en=f"lost: {len(c.lost)} statements, at {where}; their entries stay",
                zh=f"遗失：{len(c.lost)} 份陈述，位于 {where}；其条目保留",
            )
        )
    if c.missing:
        where = format_ranges(c.missing)
        lines.append(
            say(
                en=f"missing: entries {where} of {c.wanted} that the log has signed; "
                "the server will sequence nothing",
                zh=f"缺少：日志已签署 {c.wanted} 个条目，缺 {where}；服务不会排序新内容",
            )
        )
    lines += [
        say(en=f"not used: {name}: {why}", zh=f"未采用：{name}：{in_chinese(why)}")
        for name, why in restored.refused[:SHOWN]
    ]
    if restored.items_missing:
        lines.append(
            say(
                en=f"items whose bytes are not in items/: {len(restored.items_missing)}",
                zh=f"items/ 中缺少的证据原件：{len(restored.items_missing)} 个",
            )
        )
    if restored.items_unrecorded:
        lines.append(
            say(
                en=f"items that came after the backup: {len(restored.items_unrecorded)}; "
                "the server takes up those whose bytes are in items/",
                zh=f"备份之后的证据原件：{len(restored.items_unrecorded)} 个；"
                "字节在 items/ 中的，服务启动时会重新登记",
            )
        )
    return "\n".join(lines)
