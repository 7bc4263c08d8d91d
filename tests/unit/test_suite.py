import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from ledger import suite, suite_private
from ledger.errors import Malformed, Rejected

SEED = bytes(range(32))
PRIME = 2**255 - 19


def test_a_running_digest_is_the_digest() -> None:
    running = suite.new_digest()
    running.update(b"a")
    running.update(memoryview(b"bc"))
    assert running.digest() == suite.digest(b"abc") == hashlib.sha256(b"abc").digest()


def test_the_mac_is_that_of_rfc_4231() -> None:
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert suite.mac(b"Jefe", b"what do ya want for nothing?").hex() == expected


@pytest.mark.parametrize("size", [0, 1, 32, 63, 64, 65, 200])
def test_many_macs_are_those_that_one_by_one_are_made(size: int) -> None:
    key, messages = bytes(range(size)), [b"", b"a", bytes(100)]
    assert suite.macs(key, messages) == [suite.mac(key, message) for message in messages]


def test_the_mask_is_mgf1() -> None:
    blocks = [hashlib.sha256(b"seed" + bytes([0, 0, 0, i])).digest() for i in range(4)]
    assert suite.mask(b"seed", 100) == b"".join(blocks)[:100]
    assert suite.mask(b"seed", 0) == b""


@pytest.mark.parametrize("kind", ["ed25519", "mldsa"])
def test_a_signature_holds_for_its_key_and_message_only(kind: str) -> None:
    public, sign = (getattr(suite_private, f"{kind}_{name}") for name in ("public", "sign"))
    verify = getattr(suite, f"{kind}_verify")
    key, signature = public(SEED), sign(SEED, b"m")
    verify(key, signature, b"m")
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    for bad in (
        (public(bytes(32)), signature, b"m"),
        (key, signature, b"n"),
        (key, flipped, b"m"),
        (key, signature[:-1], b"m"),
        (key, signature + b"\0", b"m"),
        (key, b"", b"m"),
        (key[:-1], signature, b"m"),
        (b"", signature, b"m"),
    ):
        with pytest.raises(Rejected):
            verify(*bad)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_ed25519_key_has_32_bytes(length: int) -> None:
    with pytest.raises(Malformed):
        suite.ed25519_check_key(bytes(length))


@pytest.mark.parametrize("length", [0, 32, 1311, 1313])
def test_an_mldsa_key_has_1312_bytes(length: int) -> None:
    with pytest.raises(Malformed):
        suite.mldsa_check_key(bytes(length))


def _points_of_low_order() -> set[tuple[int, int]]:
    """Computed from the curve itself: -x² + y² = 1 + d·x²·y², points P with 8P = 0."""
    d = -121665 * pow(121666, -1, PRIME) % PRIME
    i = pow(2, (PRIME - 1) // 4, PRIME)

    def add(p: tuple[int, int], q: tuple[int, int]) -> tuple[int, int]:
        k = d * p[0] * q[0] * p[1] * q[1]
        x = (p[0] * q[1] + p[1] * q[0]) * pow(1 + k, -1, PRIME)
        y = (p[1] * q[1] + p[0] * q[0]) * pow(1 - k, -1, PRIME)
        return x % PRIME, y % PRIME

    def root(a: int) -> int | None:
        r = pow(a, (PRIME + 3) // 8, PRIME)
        for candidate in (r, r * i % PRIME):
            if candidate * candidate % PRIME == a:
                return candidate
        return None

    order = 2**252 + 27742317777372353535851937790883648493
    found: set[tuple[int, int]] = set()
    y = 2
    while len(found) < 8:
        # Any point times the prime order leaves its part of low order.
        y += 1
        x = root((y * y - 1) * pow(d * y * y + 1, -1, PRIME) % PRIME)
        if x is None:
            continue
        point, power, left = (0, 1), (x, y), order
        while left:
            if left & 1:
                point = add(point, power)
            power, left = add(power, power), left >> 1
        found.add(point)
    return found


def test_every_spelling_of_a_point_of_low_order_is_refused_as_a_key() -> None:
    points = _points_of_low_order()
    spellings = {
        (y + lift | sign << 255).to_bytes(32, "little")
        for _, y in points
        for lift in (0, PRIME)
        for sign in (0, 1)
        if y + lift < 2**255
    }
    assert len(spellings) == 14
    for spelling in spellings:
        with pytest.raises(Rejected):
            suite.ed25519_check_key(spelling)


def test_under_a_key_of_low_order_one_signature_holds_for_many_messages() -> None:
    """What the refusal is for: OpenSSL reads these keys and takes such signatures."""
    identity = (1).to_bytes(32, "little")
    signature = identity + bytes(32)  # R = 0·B and S = 0: nobody needed a private key
    for spelling in (identity, (PRIME + 1).to_bytes(32, "little")):
        for message in (b"pay nobody", b"pay everybody", b""):
            suite.ed25519_verify(spelling, signature, message)
        with pytest.raises(Rejected, match=r"low order|second spelling"):
            suite.ed25519_check_key(spelling)


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", range(19))
def test_an_ed25519_key_has_one_spelling(y: int, sign: int) -> None:
    with pytest.raises(Rejected):
        suite.ed25519_check_key((PRIME + y | sign << 255).to_bytes(32, "little"))


def test_the_largest_canonical_y_is_no_second_spelling() -> None:
    suite.ed25519_check_key((PRIME - 2).to_bytes(32, "little"))


# --- RSA of the series keys ----------------------------------------------------------------


@pytest.fixture(scope="module")
def series() -> rsa.RSAPrivateKey:
    return suite_private.series_generate()


def _pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_a_series_key_comes_back_from_its_pem(series: rsa.RSAPrivateKey) -> None:
    modulus = series.public_key().public_numbers().n
    assert suite.series_modulus(suite.series_public_pem(modulus)) == modulus
    assert (
        suite_private.series_private(suite_private.series_private_pem(series)).private_numbers().d
        > 0
    )


def test_a_series_signature_is_the_same_every_time_and_no_other_passes(
    series: rsa.RSAPrivateKey,
) -> None:
    modulus = series.public_key().public_numbers().n
    signature = suite_private.series_sign(series, b"name")
    assert suite_private.series_sign(series, b"name") == signature
    suite.series_verify(modulus, signature, b"name")
    number = int.from_bytes(signature, "big")
    others = [signature[:-1], b"\0" + signature, signature + b"\0", bytes(384), b""]
    others += [(modulus - number).to_bytes(384, "big"), (number ^ 1).to_bytes(384, "big")]
    if number + modulus < 2**3072:
        others.append((number + modulus).to_bytes(384, "big"))
    for other in others:
        with pytest.raises(Rejected):
            suite.series_verify(modulus, other, b"name")
    with pytest.raises(Rejected):
        suite.series_verify(modulus, signature, b"other")


@pytest.mark.parametrize("modulus", [0, 1, 15, 2**3071 + 2])
def test_nothing_verifies_under_a_number_that_is_no_modulus(modulus: int) -> None:
    with pytest.raises(Rejected):
        suite.series_verify(modulus, bytes(383) + b"\1", b"name")


def test_a_key_of_another_kind_or_size_is_no_series_key() -> None:
    seed = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    secret = seed.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for bad in (
        _pem(seed.public_key()),
        _pem(rsa.generate_private_key(65537, 2048).public_key()),
        b"",
    ):
        with pytest.raises(Malformed):
            suite.series_modulus(bad)
    for bad in (secret, b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(Malformed):
            suite_private.series_private(bad)


def test_a_series_key_has_one_spelling(series: rsa.RSAPrivateKey) -> None:
    pem = suite.series_public_pem(series.public_key().public_numbers().n)
    pkcs1 = series.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.PKCS1
    )
    for other in (pkcs1, pem + b"\n", b"note\n" + pem, pem.replace(b"\n", b"\r\n"), pem[:-1]):
        with pytest.raises(Malformed):
            suite.series_modulus(other)


def test_a_series_exponent_is_65537() -> None:
    with pytest.raises(Malformed, match="e = 3"):
        suite.series_modulus(_pem(rsa.RSAPublicNumbers(3, 2**3071 + 1).public_key()))
