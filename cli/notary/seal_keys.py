"""The office's key for its seal, as the command line names it.

office.p12                  a PKCS #12 file, with --passphrase
pkcs11:office/seal          in a token: its label, and that of the key, with --certificate
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from cli.files import read_secret
from cli.notary.sealing import open_pkcs12, open_token_key
from cli.signers import TOKEN, Misspelt, Token, open_token, token_labels
from cli.small_file import read_small


@contextmanager
def open_seal_key(
    reference: str, passphrase: str | None, certificates: Sequence[str], token: Token
) -> Iterator[Any]:
    """The signer; a token is closed at the end. The first certificate is the key's own."""
    try:
        if not reference.startswith(TOKEN):
            if passphrase is None:
                raise Misspelt("want --passphrase with a PKCS #12 file")
            yield open_pkcs12(read_small(Path(reference)), read_secret(passphrase).encode())
            return
        if not certificates:
            raise Misspelt("want --certificate with a key of a token")
        label, key = token_labels(reference.removeprefix(TOKEN))
        own, *chain = (read_small(Path(one)) for one in certificates)
        with closing(open_token(label, token)) as opened:
            yield open_token_key(opened, key, own, chain)
    except Misspelt as error:
        raise click.BadParameter(str(error), param_hint="--seal-key") from None
