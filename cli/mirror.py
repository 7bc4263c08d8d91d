"""`tiezheng mirror`: every public byte of logs, verified as it arrives, kept and served."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import output
from cli.command import argument, listen_options, option
from cli.command import command as new_command
from cli.language import say
from cli.output import Exit
from cli.public_log import is_address, single_label
from cli.signers import open_signers, token_options
from cli.trust import open_trust
from ledger.errors import LedgerError
from ledger.evidence.membership import log_label
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.signing_key import Signer

if TYPE_CHECKING:
    from api.absences import MirroredLog

WITHIN_S = 120.0  # for one file of at most 17 MB
LARGE = 100_000  # entries
Watched = dict[VerifierKey, Policy | None]


@new_command(
    "mirror",
    words={
        "en": "Run a mirror: it keeps every public byte of a ledger's logs, and serves them.\n\n"
        "LOG-URL is where one log is published (…/log/2026), or all of them (…/log).\n"
        "A new checkpoint is taken only if the log signed it, with --trust only if a\n"
        "quorum of cosigners did too, and if it goes on from the one that is kept.\n"
        "Every bundle is held against it before it is written; tiles are made anew.\n"
        "DIR/public/<label> is then a whole copy, for tiezheng audit and verify --log.\n"
        "Two histories are proved by a file in DIR/fraud, and that log is left alone.\n\n"
        "With --key it also signs absence statements: where in a log certain tags of\n"
        "16 bytes occur, and that others do not. It is told no names. That key signs\n"
        "nothing else, and is not one with which you cosign. KEY is spelled as for\n"
        "tiezheng cosign; a key in a file is made with keygen --kind statement.",
        "zh": "运行镜像：保存账本各日志的全部公开字节，并对外提供。\n\n"
        "LOG-URL 为一份日志的公开网址（…/log/2026）或全部日志的网址（…/log）。\n"
        "新检查点须有日志签名，给出 --trust 时还须有法定人数的联合签名，并且须承接\n"
        "已保存的检查点，方予采纳。每一批条目均先核对、后写盘，瓦片一律重新计算。\n"
        "DIR/public/<标签> 即为完整副本，可供 tiezheng audit 与 verify --log 使用。\n"
        "若出现两份历史，证明存入 DIR/fraud，此后不再采纳该日志的内容。\n\n"
        "给出 --key 时还签署缺席声明：日志何处出现某些 16 字节的标签，其余则未出现。\n"
        "镜像不知道任何名称。该密钥不得另作他用，也不得是联合签名所用的密钥。KEY 的\n"
        "写法同 tiezheng cosign；存于文件的密钥用 keygen --kind statement 生成。",
    },
    example="tiezheng mirror https://ledger.suzhou.example/log --data /var/lib/mirror \\\n"
    "    --trust trust/ --key mirror.key --port 8602\n"
    "tiezheng mirror https://ledger.suzhou.example/log/2026 --data copy --once \\\n"
    "    --log ledger.suzhou.example/enforcement/2026+98952403+AYqI…",
)
@argument(
    "where",
    metavar="LOG-URL",
    words={"en": "where the logs are published", "zh": "日志的公开网址"},
)
@option(
    "--data",
    required=True,
    metavar="DIR",
    words={"en": "this mirror's own folder", "zh": "本镜像自己的文件夹"},
)
@option(
    "--log",
    "logs",
    multiple=True,
    metavar="VKEY",
    words={"en": "the key of a log to keep; once for each", "zh": "所存日志的公钥；每个写一次"},
)
@option(
    "--trust",
    metavar="DIR",
    words={
        "en": "instead of --log: a trust folder, for its logs and their quorums",
        "zh": "代替 --log：信任文件夹，取其中各日志及其法定人数",
    },
)
@option(
    "--key",
    metavar="KEY",
    words={
        "en": "the private key for absence statements; without one none are signed",
        "zh": "签署缺席声明的私钥；没有则不签署",
    },
)
@token_options()
@option(
    "--every",
    type=click.IntRange(1, 86_400),
    default=10,
    metavar="SECONDS",
    words={
        "en": "between two looks at a log; by default 10",
        "zh": "每隔多少秒查看一次日志；缺省 10",
    },
)
@option(
    "--fetches",
    type=click.IntRange(1, 64),
    default=4,
    metavar="N",
    words={"en": "files fetched at once; by default 4", "zh": "同时取多少个文件；缺省 4"},
)
@option(
    "--once",
    is_flag=True,
    words={
        "en": "end when everything there is now is kept; serve nothing",
        "zh": "取完现有全部内容即结束，不对外提供",
    },
)
@option(
    "--rate",
    type=click.IntRange(1, 100_000),
    default=5,
    metavar="N",
    words={
        "en": "questions about tags a second from one address; by default 5",
        "zh": "每个地址每秒可询问标签的次数；缺省 5",
    },
)
@listen_options(8602)
def command(
    where: str,
    data: str,
    logs: tuple[str, ...],
    trust: str | None,
    key: str | None,
    token_module: str | None,
    token_pin: str | None,
    every: int,
    fetches: int,
    once: bool,
    rate: int,
    host: str,
    port: int,
) -> Exit:
    from api import journal
    from api.mirror import Following, create_mirror_app
    from cli.server import serve
    from storage.durable import make_folder, sync_name
    from storage.folder_lock import FolderLock

    watched = _watched(where, logs, trust)
    folder = Path(data)
    with ExitStack() as opened:
        signers = [] if key is None else [key]
        token = token_module, token_pin
        signing = opened.enter_context(open_signers(signers, token, "--key", statements=True))
        make_folder(folder)
        sync_name(folder)
        opened.enter_context(FolderLock(folder / "lock"))
        signer = signing[0] if signing else None
        kept = opened.enter_context(_open(where, watched, folder, signer, fetches))
        if once:
            return output.worst([_once(log) for log in kept])
        journal.start("info")
        if signer is not None:
            output.note(signer.verifier.to_text())
        following = Following(kept, every)
        following.start()
        opened.callback(following.stop)
        serve(create_mirror_app(kept, rate), (host, port))
    return Exit.DONE


@contextmanager
def _open(
    where: str, watched: Watched, folder: Path, signer: Signer | None, fetches: int
) -> "Iterator[list[MirroredLog]]":
    from api.absences import MirroredLog
    from api.clients.log_http import HttpLog
    from api.following import Follower
    from storage.fraud_folder import FraudFolder
    from storage.tag_index_sqlite import SqliteTagIndex

    with ExitStack() as opened:
        source = opened.enter_context(closing(HttpLog(where, within_s=WITHIN_S)))
        frauds = FraudFolder(folder)
        kept = []
        for log, policy in watched.items():
            label = log_label(log.name)
            follower = Follower(
                log,
                source,
                folder / "public" / label,
                policy=policy,
                keep=frauds.keep,
                forked=frauds.has(log.name),
                fetches=fetches,
            )
            path = folder / "tags" / f"{label}.sqlite"
            index = opened.enter_context(closing(SqliteTagIndex(path)))
            kept.append(MirroredLog(follower, index, signer))
        yield kept


def _once(log: "MirroredLog") -> Exit:
    from api.mirror import follow

    with ExitStack() as stack:

        def on_start(total: int) -> Callable[[int], None]:
            label = say(en=f"log {log.follower.label}", zh=f"日志 {log.follower.label}")
            return stack.enter_context(output.progress(label, total, least=LARGE))

        try:
            follow(log, on_start)
        except LedgerError as error:
            return output.refusal(error)
    label, size = log.follower.label, log.follower.kept.size
    output.result(say(en=f"{label}: {size:,} entries kept", zh=f"{label}：已保存 {size:,} 个条目"))
    return Exit.DONE


def _watched(where: str, logs: tuple[str, ...], trust: str | None) -> Watched:
    if not is_address(where):
        raise click.BadParameter(
            say(en="want an address that begins with http", zh="地址须以 http 开头"),
            param_hint="LOG-URL",
        )
    if bool(logs) == (trust is not None):
        raise click.UsageError(
            say(en="want either --log or --trust", zh="须写 --log 或 --trust 之一")
        )
    found: Watched
    if trust is not None:
        found = {log.policy.log: log.policy for log in open_trust(trust).logs}
    else:
        found = {_key(text): None for text in logs}
    labels = [log_label(log.name) for log in found]
    if len(set(labels)) != len(labels):
        raise click.BadParameter(
            say(en="want one log of each label", zh="每个标签只能有一个日志"), param_hint="--log"
        )
    chosen = single_label(where, labels)
    return {log: policy for log, policy in found.items() if log_label(log.name) in chosen}


def _key(text: str) -> VerifierKey:
    try:
        key = VerifierKey.from_text(text)
        log_label(key.name)
        return key
    except LedgerError as error:
        raise click.BadParameter(str(error), param_hint="--log") from None
