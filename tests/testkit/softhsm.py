"""A token of SoftHSM, one for each process of the tests.

It has two keys that wrap, `seal-1` and `seal-2`, and two pairs that sign, of which the second
has another pair's public half; and `office-seal`, a pair of P-256.
"""

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
COSIGNER, ODD = "cosigner", "odd"
KEYS = """
import sys, pkcs11
from pkcs11.util.ec import encode_named_curve_parameters
token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])
A = pkcs11.Attribute
more = {A.EXTRACTABLE: False, A.SENSITIVE: True, A.ENCRYPT: True, A.DECRYPT: True}
with token.open(user_pin=sys.argv[3], rw=True) as session:
    for label in ("seal-1", "seal-2"):
        session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True, template=more)
    named = {A.EC_PARAMS: encode_named_curve_parameters("1.3.101.112")}
    curve = session.create_domain_parameters(pkcs11.KeyType.EC_EDWARDS, named, local=True)
    how = {"mechanism": pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, "store": True}
    for public, private in (("cosigner", "cosigner"), ("odd", "a"), ("b", "odd")):
        labels = {"public_template": {A.LABEL: public}, "private_template": {A.LABEL: private}}
        curve.generate_keypair(**how, **labels)
    named = {A.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    curve = session.create_domain_parameters(pkcs11.KeyType.EC, named, local=True)
    curve.generate_keypair(label="office-seal", store=True)
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
