"""`tiezheng cosign`: a cosigner, for a notary office, a court or an archive."""

from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import output
from cli.command import command as new_command
from cli.command import listen_options, option
from cli.language import say
from cli.signers import open_signers, token_options
from ledger.cosigner import check_memory
from ledger.errors import LedgerError, Unavailable, Unknown
from ledger.tlog.note import MAX_NOTE, SignedNote, VerifierKey

if TYPE_CHECKING:
    from storage.cosigner_copy import CosignerCopy

WITHIN_S = 10.0  # or a log's server could keep a cosigner from starting


@new_command(
    "cosign",
    words={
        "en": "Run a cosigner: it watches logs grow and signs that it saw them.\n\n"
        "It promises one thing: never to sign two histories of one log. What it signed\n"
        "last is kept in STATE, written before each signature leaves; a cosigner that\n"
        "loses it must not go on under the same key. Speaks c2sp.org/tlog-witness.\n\n"
        "A log that shows it two trees of one size is refused, and the proof of it kept\n"
        "as STATE/fraud/….txt, for tiezheng verify.\n\n"
        "KEY is a file, or an Ed25519 key that never comes here: in the ssh-agent at\n"
        "SSH_AUTH_SOCK, ssh-agent:NAME=SHA256:…, or in a token over PKCS #11,\n"
        "pkcs11:NAME=TOKEN/LABEL. NAME is the name under which it signs.",
        "zh": "运行联合签名节点：看着日志增长，并签名证明看到过。\n\n"
        "它只承诺一件事：绝不为同一日志的两种历史签名。最近签过的内容保存在 STATE，\n"
        "先落盘、后签出；一旦丢失，不得再用同一密钥。协议为 c2sp.org/tlog-witness。\n\n"
        "日志若出示两棵同样大小而不同的树，则予拒绝，证明存入 STATE/fraud/….txt，\n"
        "可用 tiezheng verify 核验。\n\n"
        "KEY 为文件，或私钥从不进入本程序的 Ed25519 密钥：由 SSH_AUTH_SOCK 所指\n"
        "ssh-agent 持有的写作 ssh-agent:NAME=SHA256:…；PKCS #11 令牌中的写作\n"
        "pkcs11:NAME=TOKEN/LABEL。NAME 为签名时所用的名称。",
    },
    example="tiezheng cosign --key notary.key --state /var/lib/cosigner --port 8601 \\\n"
    "    --log ledger.suzhou.example/enforcement/2026+98952403+AYqI… \\\n"
    "    --copy /mnt/other-disk/cosigned --watch https://ledger.suzhou.example/log/2026",
)
@option(
    "--key",
    "keys",
    required=True,
    multiple=True,
    metavar="KEY",
    words={
        "en": "a cosigner's private key; Ed25519 and ML-DSA-44 may stand side by side",
        "zh": "联合签名私钥；Ed25519 与 ML-DSA-44 可以并用",
    },
)
@token_options()
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
    "--copy",
    metavar="DIR",
    words={
        "en": "keep what was signed last as static files here too, best on another disk",
        "zh": "另将最近所签内容写成静态文件存于此处，最好在另一块磁盘上",
    },
)
@option(
    "--watch",
    "watch",
    multiple=True,
    metavar="URL",
    words={
        "en": "a log's public address: at the start, what it shows is held against STATE",
        "zh": "日志的公开网址：启动时与 STATE 核对",
    },
)
@option(
    "--rate",
    type=click.IntRange(1, 100_000),
    default=100,
    metavar="N",
    words={
        "en": "requests a second from one address; by default 100",
        "zh": "每个地址每秒的请求数；缺省 100",
    },
)
@listen_options(8601)
def command(
    keys: tuple[str, ...],
    token_module: str | None,
    token_pin: str | None,
    logs: tuple[str, ...],
    state: str,
    copy: str | None,
    watch: tuple[str, ...],
    rate: int,
    host: str,
    port: int,
) -> None:
    from api import journal
    from api.cosigner import CosignerService, create_cosigner_app
    from cli.server import serve
    from storage.clock import SystemClock
    from storage.cosigner_copy import CosignerCopy
    from storage.cosigner_sqlite import SqliteCosignerState
    from storage.durable import make_folder, sync_name
    from storage.folder_lock import FolderLock
    from storage.fraud_folder import FraudFolder

    watched = {key.name: key for key in (_log(text) for text in logs)}
    folder = Path(state)
    with ExitStack() as opened:
        signing = opened.enter_context(open_signers(keys, (token_module, token_pin), "--key"))
        make_folder(folder)
        sync_name(folder)
        journal.start("info")
        opened.enter_context(FolderLock(folder / "lock"))
        kept = opened.enter_context(closing(SqliteCosignerState(folder / "state.sqlite")))
        static = None if copy is None else CosignerCopy(Path(copy))
        own = [key.verifier for key in signing]
        for log in watched.values():
            last = kept.last(log.name)
            for note in _shown(log, watch, static):
                check_memory(note, log, own, None if last is None else last[0])
        for key in own:
            output.note(key.to_text())
        service = CosignerService(
            watched,
            signing,
            kept,
            SystemClock(),
            FraudFolder(folder).keep,
            (lambda note: None) if static is None else static.keep,
        )
        serve(create_cosigner_app(service, rate), (host, port))


def _shown(
    log: VerifierKey, addresses: Sequence[str], static: "CosignerCopy | None"
) -> list[SignedNote]:
    """What is shown elsewhere of what was cosigned. An address that does not answer is named."""
    from api.clients.address import without_password
    from api.clients.http import fetch, new_client

    notes = []
    for address in addresses:
        url = f"{address.rstrip('/')}/checkpoint"
        try:
            with new_client() as client:
                status, data = fetch(client, "GET", url, MAX_NOTE, within_s=WITHIN_S)
            if status != 200:
                raise Unavailable(f"{without_password(url)} answered {status}")
            notes.append(SignedNote.from_bytes(data))
        except LedgerError as error:
            output.note(
                say(
                    en=f"not held against this log: {error}",
                    zh=f"未能与该日志核对：{error}",
                )
            )
    if static is not None:
        with suppress(Unknown):
            notes.append(static.read(log.name))
    return notes


def _log(text: str) -> VerifierKey:
    try:
        return VerifierKey.from_text(text)
    except LedgerError as error:
        raise click.BadParameter(str(error), param_hint="--log") from None
