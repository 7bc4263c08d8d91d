"""Keys that follow from their names, and the one series key of the tests."""

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from ledger.evidence.series import Series, SeriesKey
from ledger.evidence.series_private import SeriesSigner
from ledger.suite import digest
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey

_FOLDER = Path(__file__).parent
SERIES_PEM = (_FOLDER / "series-2026.private.pem").read_bytes()  # a test key, public on purpose
SERIES_ROOTS = (_FOLDER / "series-2026.roots.json").read_bytes()


def key(name: str, seed: str = "", algorithm: Algorithm = Algorithm.ED25519) -> SigningKey:
    """The key of that name; another `seed` is another key under the same name."""
    return SigningKey(name, algorithm, digest(f"tiezheng test key {name} {seed}".encode()))


def cosigner(name: str, seed: str = "") -> SigningKey:
    return key(name, seed, Algorithm.COSIGNATURE_ED25519)


@cache
def series_signer() -> SeriesSigner:
    return SeriesSigner(SERIES_PEM)


@cache
def series_public_pem() -> bytes:
    private = serialization.load_pem_private_key(
        SERIES_PEM, None, unsafe_skip_rsa_key_validation=True
    )
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@cache
def series_key() -> SeriesKey:
    return SeriesKey.from_files(series_public_pem(), SERIES_ROOTS)


@cache
def open_series(name: str) -> Series:
    """Under the one test key, whatever the year: signing takes 7 ms, so each name once."""
    return series_signer().open(name)
