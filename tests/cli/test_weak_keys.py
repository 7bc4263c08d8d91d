"""Keys that anyone could sign for, or that are none: refused at the five doors listed below."""

from base64 import b64decode, b64encode, encodebytes
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ledger.errors import LedgerError
from ledger.suite import digest
from ledger.tlog.note import Algorithm
from storage.trust_directory import read_trust
from testkit.case import make_case
from testkit.keys import key
from testkit.terminal import Run

STATEMENT, COSIGNER = Algorithm.ED25519, Algorithm.COSIGNATURE_ED25519
IDENTITY = bytes([1]) + bytes(31)
GENERATOR = bytes.fromhex(
    "0432c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)
OFF_CURVE = b"\x04" + bytes(64)
WEAK = {
    "low order": (STATEMENT, IDENTITY, "low order"),
    "low order, signed": (STATEMENT, bytes(31) + b"\x80", "low order"),
    "second spelling": (STATEMENT, b"\xf0" + b"\xff" * 30 + b"\x7f", "second spelling"),
    "short Ed25519": (STATEMENT, b"x" * 31, "want 32 bytes"),
    "a cosigner's of low order": (COSIGNER, IDENTITY, "low order"),
    "short ML-DSA-44": (Algorithm.COSIGNATURE_MLDSA44, b"x" * 1311, "want 1312 bytes"),
    "SM2 off the curve": (Algorithm.SM2, OFF_CURVE, "no point of the curve"),
    "SM2, x and y not below p": (Algorithm.SM2, b"\x04" + b"\xff" * 64, "second spelling"),
    "everybody's SM2": (Algorithm.SM2, GENERATOR, "everyone knows"),
    "short SM2": (Algorithm.SM2, GENERATOR[:-1], "want an SM2 key of 65 bytes"),
    "long ML-DSA-44": (Algorithm.COSIGNATURE_MLDSA44, b"x" * 1313, "want 1312 bytes"),
}


def spelled(algorithm: Algorithm, public: bytes) -> str:
    """As `VerifierKey.to_text` would, with the key id that belongs to it."""
    typed = algorithm.prefix + public
    key_id = digest(b"w.example\n" + typed)[:4].hex()
    return f"w.example+{key_id}+{b64encode(typed).decode()}"


Door = Callable[[Run, Path, str], str]


def _register(run: Run, folder: Path, vkey: str) -> str:
    file = folder / "registrar.key"
    file.write_text(key("registrar.example").to_text() + "\n")
    usual = ("--registrar", file, "--server", "http://127.0.0.1:9", "--agency", "agency-01")
    ended = run("register", *usual, "--key", vkey, "--role", "station")
    assert ended.code == 2
    return ended.err


def _init(run: Run, folder: Path, vkey: str) -> str:
    file = folder / "registrar.key"
    file.write_text(key("registrar.example").to_text() + "\n")
    usual = ("--origin", "ledger.example/enforcement/2026", "--agency", "agency-01")
    cosigner = ("--cosigner", f"{vkey}@https://w.example/w")
    ended = run("init", folder / "data", *usual, "--registrar", file, *cosigner)
    assert ended.code != 0 and not (folder / "data").exists()
    return ended.err


def _trust(name: str) -> Door:
    def door(run: Run, folder: Path, vkey: str) -> str:
        files = make_case().trust_files()
        if name.startswith("policy"):
            files[name] = b"log " + vkey.encode() + b"\nquorum none\n"
        else:
            files[name] = f"{vkey}\n".encode()
        for path, data in files.items():
            (folder / "trust" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "trust" / path).write_bytes(data)
        with pytest.raises(LedgerError) as refused:
            read_trust(folder / "trust")
        return str(refused.value)

    return door


DOORS: dict[str, Door] = {
    "register": _register,
    "init": _init,
    "trust registrar": _trust("registrar.vkey"),
    "trust mirrors": _trust("mirrors"),
    "trust policy": _trust("policy/2026"),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("weak", WEAK)
def test_a_weak_key_enters_by_no_door(run: Run, tmp_path: Path, door: str, weak: str) -> None:
    algorithm, public, why = WEAK[weak]
    said = DOORS[door](run, tmp_path, spelled(algorithm, public))
    assert why in said


def _pem(public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, spki)


def _off_p256() -> bytes:
    der = bytearray(b64decode(b"".join(_pem(P256).splitlines()[1:-1])))
    der[-1] ^= 1
    return b"-----BEGIN PUBLIC KEY-----\n" + encodebytes(der) + b"-----END PUBLIC KEY-----\n"


P256 = ec.derive_private_key(7, ec.SECP256R1()).public_key()
NO_SERIES_KEY = {
    "of 2048 bits": (_pem(rsa.RSAPublicNumbers(65537, 2**2047 + 1).public_key()), "3072 bits"),
    "of 4096 bits": (_pem(rsa.RSAPublicNumbers(65537, 2**4095 + 1).public_key()), "3072 bits"),
    "exponent 3": (_pem(rsa.RSAPublicNumbers(3, 2**3071 + 1).public_key()), "with e = 3"),
    "of P-256": (_pem(P256), "a key of another kind"),
    "off P-256": (_off_p256(), "want an RSA public key in PEM"),
}


@pytest.mark.parametrize("weak", NO_SERIES_KEY)
def test_a_trust_folder_takes_no_weak_series_key(
    run: Run, own_vectors: Path, tmp_path: Path, weak: str
) -> None:
    pem, why = NO_SERIES_KEY[weak]
    for path, data in make_case().trust_files().items():
        (tmp_path / "trust" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "trust" / path).write_bytes(data)
    packet = own_vectors / "worked-packet" / "packet"
    (tmp_path / "trust/series/2026.pem").write_bytes(pem)
    ended = run("verify", packet, "--trust", tmp_path / "trust")
    assert ended.code == 2 and why in ended.err
