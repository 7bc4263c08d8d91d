"""A cosigner's keys as the command line names them: in files, or where others keep them.

    notary.key                               a file, as keygen writes it
    ssh-agent:notary.example=SHA256:Ab1…     in the agent at SSH_AUTH_SOCK, by its fingerprint
    pkcs11:notary.example=office/cosigner    in a token: its label, and that of the key

What stands before "=" is the name under which the key signs: an agent and a token know none.
A file whose name begins with one of the two words is written ./ssh-agent:….
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import F, option, together
from cli.files import read_key
from cli.language import say
from ledger.errors import Malformed, Unavailable
from ledger.tlog.note import Algorithm, check_name
from ledger.tlog.signing_key import Signer

if TYPE_CHECKING:
    from storage.wrap_pkcs11 import Pkcs11Token

AGENT, TOKEN = "ssh-agent:", "pkcs11:"

_WANTED = {
    "statement": ("a key for statements", "陈述密钥"),
    "cosigner": ("a cosigner's key", "联合签名密钥"),
}

Token = tuple[str | None, str | None]  # --token-module, --token-pin


def token_options() -> Callable[[F], F]:
    return together(
        option(
            "--token-module",
            metavar="FILE",
            words={
                "en": "for pkcs11: the token's library, such as libsofthsm2.so",
                "zh": "用于 pkcs11：令牌的程序库，例如 libsofthsm2.so",
            },
        ),
        option(
            "--token-pin",
            metavar="FILE",
            words={
                "en": "for pkcs11: the file with the token's PIN",
                "zh": "用于 pkcs11：存放令牌 PIN 的文件",
            },
        ),
    )


@contextmanager
def open_signers(
    references: Sequence[str], token: Token, param_hint: str, *, statements: bool = False
) -> Iterator[tuple[Signer, ...]]:
    """Every one of them can cosign, or sign `statements`; a token is closed at the end."""
    algorithm = Algorithm.ED25519 if statements else Algorithm.COSIGNATURE_ED25519
    with ExitStack() as opened:
        tokens: dict[str, Pkcs11Token] = {}

        def token_of(label: str) -> "Pkcs11Token":
            # Once: a process that is logged in to a token cannot log in again.
            if label not in tokens:
                tokens[label] = opened.enter_context(closing(open_token(label, token)))
            return tokens[label]

        try:
            signers = tuple(_open(reference, token_of, algorithm) for reference in references)
        except Misspelt as error:
            raise click.BadParameter(str(error), param_hint=param_hint) from None
        if any((signer.algorithm is Algorithm.ED25519) != statements for signer in signers):
            kind = "statement" if statements else "cosigner"
            en, zh = _WANTED[kind]
            text = say(
                en=f"want {en}; make it with --kind {kind}", zh=f"须为{zh}；请用 --kind {kind} 生成"
            )
            raise click.BadParameter(text, param_hint=param_hint)
        yield signers


class Misspelt(Malformed):
    """What names a key, or where it is, is not as it has to be written."""


def _open(reference: str, token_of: "Callable[[str], Pkcs11Token]", algorithm: Algorithm) -> Signer:
    if reference.startswith(AGENT):
        from storage.signer_ssh_agent import SshAgentSigner

        name, fingerprint = _parts(reference, AGENT, "SHA256:…")
        address = os.environ.get("SSH_AUTH_SOCK")
        if not address:
            raise Unavailable("SSH_AUTH_SOCK names no ssh-agent", hints=("start one",))
        return SshAgentSigner(name, fingerprint, address, algorithm=algorithm)
    if reference.startswith(TOKEN):
        from storage.signer_pkcs11 import Pkcs11Signer

        name, where = _parts(reference, TOKEN, "TOKEN/KEY")
        label, key = token_labels(where)
        return Pkcs11Signer(name, token_of(label), key, algorithm)
    return read_key(reference)


def _parts(reference: str, kind: str, where: str) -> tuple[str, str]:
    name, _, rest = reference.removeprefix(kind).partition("=")
    if not rest:
        raise Misspelt(f"want {kind}NAME={where}, got {reference!r}")
    try:
        check_name(name)
    except Malformed as error:
        raise Misspelt(str(error)) from None
    return name, rest


def token_labels(where: str) -> tuple[str, str]:
    label, _, key = where.partition("/")
    if not (label and key):
        raise Misspelt(f"want the labels of token and key, as TOKEN/KEY, got {where!r}")
    return label, key


def open_token(label: str, token: Token) -> "Pkcs11Token":
    from storage.wrap_pkcs11 import Pkcs11Token

    module, pin = token
    if module is None or pin is None:
        raise Misspelt("want --token-module and --token-pin with a key of a token")
    return Pkcs11Token(Path(module), label, Path(pin))
