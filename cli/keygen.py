"""`tiezheng keygen`: a private key in a file of its own, its public half on stdout."""

import os
import secrets
from pathlib import Path

import click

from cli import output
from cli.command import command as new_command
from cli.command import json_option, option
from cli.language import say
from ledger.errors import Conflict, Malformed
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey
from storage.durable import PRIVATE_FILE, open_new, refusals, sync_folder, write_all

KINDS = {
    "statement": Algorithm.ED25519,
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
        "a key of their own. A lost private key cannot be recovered.",
        "zh": "生成密钥。\n\n"
        "私钥写入 FILE，仅所有者可读，绝不覆盖已有文件。公钥显示在屏幕上，可以公开。\n\n"
        "一把密钥只担任一个角色：采集站的密钥只签该采集站的陈述，不作他用；\n"
        "日志、联合签名人、登记人、账本、人员、镜像各用各的密钥。\n"
        "私钥丢失后无法恢复。",
    },
    example="tiezheng keygen --name station-07.suzhou.example -o station-07.key",
)
@option(
    "--name",
    required=True,
    metavar="NAME",
    words={
        "en": "whose key it is, as a host name with or without a path",
        "zh": "密钥归属，写成主机名，可带路径",
    },
)
@option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="statement",
    words={
        "en": "what it will sign; by default statements",
        "zh": "用来签什么；缺省为签陈述（statement）",
    },
)
@option(
    "-o",
    "--output",
    "file",
    required=True,
    metavar="FILE",
    words={"en": "the file for the private key", "zh": "存放私钥的文件"},
)
@json_option()
def command(name: str, kind: str, file: str, as_json: bool) -> None:
    try:
        key = SigningKey(name, KINDS[kind], secrets.token_bytes(32))
    except Malformed as error:
        raise click.BadParameter(str(error), param_hint="--name") from None
    _write(Path(file), f"{key.to_text()}\n".encode())
    verifier = key.verifier
    if as_json:
        output.result_json(
            {
                "file": file,
                "fingerprint": verifier.fingerprint,
                "keyid": verifier.keyid,
                "vkey": verifier.to_text(),
            }
        )
        return
    output.result(verifier.to_text())
    output.note(
        say(
            en=f"the private key is in {file!r}; keep a copy where only you can reach it",
            zh=f"私钥在 {file!r}；请在只有您能接触的地方保存一份副本",
        )
    )


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
