"""`tiezheng keygen`: a private key in a file of its own, its public half on stdout."""

import os
import secrets
from pathlib import Path

import click

from cli import output
from cli.command import command as new_command
from cli.command import json_option, option
from cli.language import say
from cli.signers import open_signers, token_options
from ledger.errors import Conflict, Malformed
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.signing_key import SigningKey
from storage.durable import PRIVATE_FILE, open_new, refusals, sync_folder, write_all

KINDS = {
    "statement": Algorithm.ED25519,
    "statement-sm2": Algorithm.SM2,
    "log": Algorithm.ED25519,
    "cosigner": Algorithm.COSIGNATURE_ED25519,
    "cosigner-mldsa": Algorithm.COSIGNATURE_MLDSA44,
}


@new_command(
    "keygen",
    words={
        "en": "Make a key.\n\n"
        "The private key goes into FILE, which only its owner may read and which is\n"
        "never overwritten. The public key is printed: it may be shown to anyone.\n\n"
        "One key, one role: a station's key signs that station's statements and\n"
        "nothing else. Log, cosigner, registrar, ledger, person and mirror each have\n"
        "a key of their own. A lost private key cannot be recovered.\n\n"
        "With --from no key is made: the public half of a cosigner's key that is there\n"
        "is printed. KEY is spelled as for tiezheng cosign.",
        "zh": "生成密钥。\n\n"
        "私钥写入 FILE，仅所有者可读，绝不覆盖已有文件。公钥显示在屏幕上，可以公开。\n\n"
        "一把密钥只担任一个角色：采集站的密钥只签该采集站的陈述，不作他用；\n"
        "日志、联合签名人、登记人、账本、人员、镜像各用各的密钥。\n"
        "私钥丢失后无法恢复。\n\n"
        "用 --from 时不生成密钥，只显示已有联合签名密钥的公钥；KEY 的写法同\n"
        "tiezheng cosign。",
    },
    example="tiezheng keygen --name station-07.suzhou.example -o station-07.key",
)
@option(
    "--name",
    metavar="NAME",
    words={
        "en": "whose key it is, as a host name with or without a path",
        "zh": "密钥归属，写成主机名，可带路径",
    },
)
@option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default=None,
    words={
        "en": "what it will sign; by default statements",
        "zh": "用来签什么；缺省为签陈述（statement）",
    },
)
@option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    words={"en": "the file for the private key", "zh": "存放私钥的文件"},
)
@option(
    "--from",
    "source",
    metavar="KEY",
    words={
        "en": "show the public half of this cosigner's key, or with --kind statement",
        "zh": "显示此联合签名密钥的公钥；加 --kind statement 则为陈述密钥",
    },
)
@token_options()
@json_option()
def command(
    name: str | None,
    kind: str | None,
    file: str | None,
    source: str | None,
    token_module: str | None,
    token_pin: str | None,
    as_json: bool,
) -> None:
    if source is not None:
        if name is not None or file is not None:
            raise click.UsageError(
                say(
                    en="want either --from, or --name and -o",
                    zh="须写 --from，或 --name 与 -o，二者择一",
                )
            )
        token, statements = (token_module, token_pin), kind == "statement"
        with open_signers([source], token, "--from", statements=statements) as (signer,):
            _show(signer.verifier, {}, as_json)
        return
    if name is None or file is None:
        raise click.UsageError(
            say(en="want --name and -o, or --from", zh="须写 --name 与 -o，或写 --from")
        )
    _make(name, KINDS[kind or "statement"], file, as_json)


def _make(name: str, algorithm: Algorithm, file: str, as_json: bool) -> None:
    try:
        key = SigningKey(name, algorithm, secrets.token_bytes(32))
    except Malformed as error:
        raise click.BadParameter(str(error), param_hint="--name") from None
    _write(Path(file), f"{key.to_text()}\n".encode())
    _show(key.verifier, {"file": file}, as_json)
    output.note(
        say(
            en=f"the private key is in {file!r}; keep a copy where only you can reach it",
            zh=f"私钥在 {file!r}；请在只有您能接触的地方保存一份副本",
        )
    )


def _show(key: VerifierKey, more: dict[str, str], as_json: bool) -> None:
    text = key.to_text()
    if as_json:
        output.result_json(
            {"fingerprint": key.fingerprint, "keyid": key.keyid, "vkey": text, **more}
        )
    else:
        output.result(text)


def _write(path: Path, data: bytes) -> None:
    """Durable on return; a file that is there stays as it is."""
    with refusals(f"write {str(path)!r}"):
        try:
            with open_new(path, PRIVATE_FILE) as fd:
                write_all(fd, data)
                os.fsync(fd)
        except FileExistsError:
            raise Conflict(f"{str(path)!r} is there already and is not overwritten") from None
        sync_folder(path.parent)
