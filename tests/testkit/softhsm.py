"""A token of SoftHSM with two keys, `seal-1` and `seal-2`: one for each process of the tests."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
LABEL, PIN = "tiezheng", "1234"
KEYS = """
import sys, pkcs11
token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])
A = pkcs11.Attribute
more = {A.EXTRACTABLE: False, A.SENSITIVE: True, A.ENCRYPT: True, A.DECRYPT: True}
with token.open(user_pin=sys.argv[3], rw=True) as session:
    for label in ("seal-1", "seal-2"):
        session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True, template=more)
"""


@dataclass(frozen=True, slots=True)
class Token:
    pin_file: Path


def need_token() -> Token:
    """Skips where there is none; else the library of this process finds the token."""
    pytest.importorskip("pkcs11")
    if not MODULE.exists() or shutil.which("softhsm2-util") is None:
        pytest.skip("needs SoftHSM 2")
    return _token()


# The library reads where its tokens lie once in a process.
@cache
def _token() -> Token:
    folder = Path(tempfile.mkdtemp(prefix="tiezheng-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    (folder / "pin").write_text(f"{PIN}\n")
    os.environ["SOFTHSM2_CONF"] = str(conf)
    made = ("softhsm2-util", "--init-token", "--free", "--label", LABEL)
    pins = ("--so-pin", "12345678", "--pin", PIN)
    subprocess.run([*made, *pins], check=True, capture_output=True)
    # In a process of its own: logging in is for a whole process.
    subprocess.run([sys.executable, "-c", KEYS, str(MODULE), LABEL, PIN], check=True)
    return Token(folder / "pin")
