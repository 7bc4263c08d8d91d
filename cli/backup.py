"""`tiezheng backup`: what a ledger must not lose, sealed, into another place."""

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_backup_key
from cli.language import say
from ledger.backup import BackupKey
from ledger.errors import Conflict
from storage.folder import DataFolder

LARGE = 20_000  # entries and statements


@new_command(
    "backup",
    words={
        "en": "Back up the ledger in DATA into the folder TARGET, beside a running server.\n\n"
        "Each run adds one numbered file: what the log has gained since, and keys,\n"
        "settings and tokens whole. Each is sealed and names the one before. The bytes of\n"
        "items are not in it: copy DATA/items by other means, before this.\n"
        "Whoever has TARGET and the key has every private key of the ledger: keep the key\n"
        "elsewhere, and on paper too. Without it the backup is noise.",
        "zh": "将 DATA 中的账本备份到文件夹 TARGET；服务可照常运行。\n\n"
        "每次运行新增一个带编号的文件：日志的新增部分，以及完整的密钥、设置和令牌。\n"
        "每个文件均加密，并写明前一个文件的摘要。不含证据原件的字节：请先用其他\n"
        "方式复制 DATA/items。\n"
        "同时持有 TARGET 和密钥者即持有账本的全部私钥：密钥须另行保存，并留纸质副本。\n"
        "没有密钥，备份即为乱码。",
    },
    example="tiezheng backup --new-key backup.key\n"
    "tiezheng backup data /mnt/other-machine/ledger --key backup.key\n"
    "tiezheng backup --check /mnt/other-machine/ledger --key backup.key",
)
@argument(
    "data",
    metavar="DATA",
    required=False,
    words={"en": "the ledger's folder", "zh": "账本文件夹"},
)
@argument(
    "target",
    metavar="TARGET",
    required=False,
    words={
        "en": "an existing folder on another disk or machine",
        "zh": "已有的文件夹，位于另一磁盘或另一机器",
    },
)
@option(
    "--key",
    metavar="FILE",
    default=None,
    words={"en": "the backup key", "zh": "备份密钥文件"},
)
@option(
    "--new-key",
    metavar="FILE",
    default=None,
    words={"en": "make a backup key, and nothing else", "zh": "只生成备份密钥"},
)
@option(
    "--check",
    metavar="TARGET",
    default=None,
    words={
        "en": "read a whole backup again, and write nothing",
        "zh": "重新通读整个备份，不写入任何内容",
    },
)
@json_option()
def command(
    data: str | None,
    target: str | None,
    key: str | None,
    new_key: str | None,
    check: str | None,
    as_json: bool,
) -> None:
    if new_key is not None:
        _new_key(new_key, as_json)
    elif key is None:
        raise click.UsageError(
            say(
                en="want --key FILE, or --new-key FILE to make one",
                zh="须写 --key FILE，或用 --new-key FILE 生成",
            )
        )
    elif check is not None:
        _check(check, read_backup_key(key), as_json)
    elif data is None or target is None:
        raise click.UsageError(say(en="want DATA and TARGET", zh="须写 DATA 和 TARGET"))
    else:
        _backup(data, target, read_backup_key(key), as_json)


def _new_key(path: str, as_json: bool) -> None:
    from storage.durable import write_file

    if Path(path).exists():
        raise Conflict(f"{path!r} is there already")
    key = BackupKey(secrets.token_bytes(32))
    write_file(Path(path), f"{key.to_text()}\n".encode())
    if as_json:
        output.result_json({"file": path, "name": key.name})
        return
    output.result(key.name)
    output.note(
        say(
            en=f"the backup key is in {path!r}: keep it away from the ledger and from the backup",
            zh=f"备份密钥已写入 {path!r}：不要与账本或备份放在一起",
        )
    )


def _check(target: str, key: BackupKey, as_json: bool) -> None:
    from api.backups import check_backup
    from storage.backup_folder import BackupFolder

    files = BackupFolder(Path(target), key).count()
    with output.progress(say(en="checking", zh="核对中"), files, least=3) as done:
        checked = check_backup(Path(target), key, done)
    if as_json:
        output.result_json(
            {
                "bytes": str(checked.stored),
                "files": str(checked.files),
                "log": checked.log,
                "sha256": checked.digest.hex(),
                "size": str(checked.size),
            }
        )
        return
    output.result(
        say(
            en=f"{checked.log}: {checked.size} entries in {checked.files} files, all whole",
            zh=f"{checked.log}：{checked.files} 个文件，{checked.size} 个条目，全部完好",
        )
    )


def _backup(data: str, target: str, key: BackupKey, as_json: bool) -> None:
    from api.backups import make_backup
    from storage.trust_directory import read_trust

    folder = DataFolder.open(Path(data))
    origin = read_trust(folder.trust).logs[0].origin
    now_ms = time.time_ns() // 1_000_000
    with ExitStack() as stack:

        def on_start(total: int) -> Callable[[int], None]:
            label = say(en="backing up", zh="备份中")
            return stack.enter_context(output.progress(label, total, least=LARGE))

        made = make_backup(folder, origin, Path(target), key, now_ms, on_start)
    if as_json:
        output.result_json(
            {
                "bytes": str(made.stored),
                "number": str(made.number),
                "size": str(made.size),
                "start": str(made.start),
                "target": made.target,
            }
        )
        return
    output.result(
        say(
            en=f"file {made.number}: entries {made.start} to {made.size - 1}, {made.stored} bytes"
            if made.size > made.start
            else f"file {made.number}: no new entries, {made.stored} bytes",
            zh=f"第 {made.number} 个文件：条目 {made.start} 至 {made.size - 1}，{made.stored} 字节"
            if made.size > made.start
            else f"第 {made.number} 个文件：无新条目，{made.stored} 字节",
        )
    )
