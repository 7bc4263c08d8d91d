"""`tiezheng cosign`: a cosigner, for a notary office, a court or an archive."""

from pathlib import Path

import click

from cli import output
from cli.command import command as new_command
from cli.command import option
from cli.files import read_key
from cli.language import say
from ledger.errors import LedgerError
from ledger.tlog.note import Algorithm, VerifierKey


@new_command(
    "cosign",
    words={
        "en": "Run a cosigner: it watches logs grow and signs that it saw them.\n\n"
        "It promises one thing: never to sign two histories of one log. What it signed\n"
        "last is kept in STATE, written before each signature leaves; a cosigner that\n"
        "loses it must not go on under the same key. Speaks c2sp.org/tlog-witness.\n\n"
        "A log that shows it two trees of one size is refused, and the proof of it kept\n"
        "as STATE/fraud/….txt, for tiezheng verify.",
        "zh": "运行联合签名节点：看着日志增长，并签名证明看到过。\n\n"
        "它只承诺一件事：绝不为同一日志的两种历史签名。最近签过的内容保存在 STATE，\n"
        "先落盘、后签出；一旦丢失，不得再用同一密钥。协议为 c2sp.org/tlog-witness。\n\n"
        "日志若出示两棵同样大小而不同的树，则予拒绝，证明存入 STATE/fraud/….txt，\n"
        "可用 tiezheng verify 核验。",
    },
    example="tiezheng cosign --key notary.key --state /var/lib/cosigner --port 8601 \\\n"
    "    --log ledger.suzhou.example/enforcement/2026+98952403+AYqI…",
)
@option(
    "--key",
    "keys",
    required=True,
    multiple=True,
    metavar="FILE",
    words={
        "en": "a cosigner's private key; Ed25519 and ML-DSA-44 may stand side by side",
        "zh": "联合签名私钥；Ed25519 与 ML-DSA-44 可以并用",
    },
)
@option(
    "--log",
    "logs",
    required=True,
    multiple=True,
    metavar="VKEY",
    words={"en": "the key of a log to watch; once for each", "zh": "所看日志的公钥；每个写一次"},
)
@option(
    "--state",
    required=True,
    metavar="DIR",
    words={"en": "this cosigner's own folder", "zh": "本节点自己的文件夹"},
)
@option(
    "--host",
    default="127.0.0.1",
    metavar="ADDRESS",
    words={"en": "where to listen; by default 127.0.0.1", "zh": "监听地址；缺省 127.0.0.1"},
)
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8601,
    metavar="N",
    words={"en": "by default 8601; 0 takes a free one", "zh": "缺省 8601；0 表示任取空闲端口"},
)
def command(keys: tuple[str, ...], logs: tuple[str, ...], state: str, host: str, port: int) -> None:
    from api import journal
    from api.cosigner import CosignerService, create_cosigner_app
    from cli.server import serve
    from storage.clock import SystemClock
    from storage.cosigner_sqlite import SqliteCosignerState
    from storage.durable import make_folder, sync_name
    from storage.folder_lock import FolderLock
    from storage.fraud_folder import FraudFolder

    signing = tuple(read_key(path) for path in keys)
    if any(key.algorithm is Algorithm.ED25519 for key in signing):
        hint = say(en="make it with --kind cosigner", zh="请用 --kind cosigner 生成")
        raise click.BadParameter(f"want a cosigner's key; {hint}", param_hint="--key")
    watched = {key.name: key for key in (_log(text) for text in logs)}
    folder = Path(state)
    make_folder(folder)
    sync_name(folder)
    journal.start("info")
    with FolderLock(folder / "lock"):
        kept = SqliteCosignerState(folder / "state.sqlite")
        for key in signing:
            output.note(key.verifier.to_text())
        serve(
            create_cosigner_app(
                CosignerService(watched, signing, kept, SystemClock(), FraudFolder(folder).keep)
            ),
            (host, port),
        )
        kept.close()


def _log(text: str) -> VerifierKey:
    try:
        return VerifierKey.from_text(text)
    except LedgerError as error:
        raise click.BadParameter(str(error), param_hint="--log") from None
