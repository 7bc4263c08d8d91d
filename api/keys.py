"""Private keys of a data folder."""

from pathlib import Path

from ledger.encoding import parse_utf8
from ledger.errors import Malformed
from ledger.tlog.signing_key import SigningKey
from storage.regular import open_regular


def read_key(path: Path) -> SigningKey:
    """A private key file; the error names the file and never its contents."""
    try:
        with open(open_regular(path), "rb") as file:
            return SigningKey.from_text(parse_utf8(file.read()).strip())
    except OSError as error:
        raise Malformed(f"cannot read the key file: {error.strerror}", path=str(path)) from None
    except Malformed as error:
        raise error.under(str(path)) from None
