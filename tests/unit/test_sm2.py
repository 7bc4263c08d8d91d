"""SM2 by the system's library: its standard's example, openssl both ways, and what is refused."""

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import sm2
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.signing_key import SigningKey
from storage.sm2_libcrypto import Libcrypto
from testkit.keys import key

# GB/T 32918.5, A.2: this key, this identifier, this message.
PRIVATE = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
PUBLIC = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
MESSAGE = b"message digest"
SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
R, S = SIGNATURE[:32], SIGNATURE[32:]
N = sm2.ORDER
GENERATOR = bytes.fromhex(
    "0432c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)


def test_the_example_of_the_standard_counts() -> None:
    assert sm2.public_of(PRIVATE) == PUBLIC
    sm2.verify(PUBLIC, SIGNATURE, MESSAGE)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_a_signature_counts_for_its_message_alone(message: bytes, other: bytes) -> None:
    signature = sm2.sign(PRIVATE, message)
    sm2.verify(PUBLIC, signature, message)
    if other != message:
        with pytest.raises(Rejected):
            sm2.verify(PUBLIC, signature, other)


@given(st.integers(0, 511))
def test_a_signature_with_one_other_bit_does_not_count(bit: int) -> None:
    changed = int.from_bytes(SIGNATURE) ^ 1 << bit
    with pytest.raises(Rejected):
        sm2.verify(PUBLIC, changed.to_bytes(64), MESSAGE)


def test_a_message_of_many_megabytes_counts_too() -> None:
    message = bytes(8 << 20)
    sm2.verify(PUBLIC, sm2.sign(PRIVATE, message), message)


def number(value: int) -> bytes:
    return value.to_bytes(32)


@pytest.mark.parametrize(
    "other",
    [
        R + number(N - int.from_bytes(S)),  # what passes for ECDSA
        S + R,
        bytes(32) + S,
        R + bytes(32),
        number(N) + S,
        R + number(N),
        R + number(N - int.from_bytes(R)),  # r + s = n
        b"\xff" * 64,
        SIGNATURE[:-1],
        SIGNATURE + b"\0",
        b"",
        bytes.fromhex("3046022100") + R + bytes.fromhex("022100") + S,  # DER
    ],
)
def test_no_other_spelling_and_no_sibling_of_a_signature_counts(other: bytes) -> None:
    with pytest.raises(Rejected):
        sm2.verify(PUBLIC, other, MESSAGE)


@pytest.mark.parametrize(
    "public",
    [
        b"",
        b"\0",
        bytes(65),
        b"\x02" + PUBLIC[1:33],
        b"\x06" + PUBLIC[1:],
        b"\x07" + PUBLIC[1:],
        PUBLIC[1:],
        PUBLIC + b"\0",
        GENERATOR,
    ],
)
def test_a_key_in_another_spelling_or_one_that_everybody_has_is_none(public: bytes) -> None:
    with pytest.raises(LedgerError):
        VerifierKey("n", Algorithm.SM2, public)


# sm2p256v1 of GB/T 32918.5, written anew: a slip in one of the two is seen here.
P = 2**256 - 2**224 - 2**96 + 2**64 - 1
ROOT_OF_B = pow(0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93, (P + 1) // 4, P)


@pytest.mark.parametrize(
    ("public", "why"),
    [
        (PUBLIC[:-1] + b"\x14", "no point"),
        (b"\x04" + PUBLIC[33:] + PUBLIC[1:33], "no point"),
        (b"\x04" + bytes(64), "no point"),
        (b"\x04" + b"\xff" * 64, "second spelling"),
        (b"\x04" + number(P) + number(ROOT_OF_B), "second spelling"),
    ],
)
def test_what_is_no_point_of_the_curve_is_no_key(public: bytes, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        VerifierKey("n", Algorithm.SM2, public)


def test_a_point_at_the_edge_is_a_key_and_so_is_its_opposite() -> None:
    for y in (ROOT_OF_B, P - ROOT_OF_B):
        VerifierKey("n", Algorithm.SM2, b"\x04" + number(0) + number(y))


@given(st.integers(1, N - 2).map(number))
def test_the_library_makes_points_of_the_curve(private: bytes) -> None:
    try:
        public = sm2.public_of(private)
    except Rejected:
        assert private == number(1)
        return
    opposite = public[:33] + number(P - int.from_bytes(public[33:]))
    sm2.check_key(opposite)
    for bit in range(0, 512, 37):
        changed = (int.from_bytes(public[1:]) ^ 1 << bit).to_bytes(64)
        with pytest.raises(Rejected):
            sm2.check_key(b"\x04" + changed)


@pytest.mark.parametrize("value", [0, N - 1, N, 2**256 - 1])
def test_a_private_key_out_of_range_is_none_and_is_not_told(value: int) -> None:
    with pytest.raises(Malformed) as caught:
        SigningKey("n", Algorithm.SM2, number(value))
    assert number(value).hex() not in str(caught.value)


def test_a_private_key_that_everybody_has_signs_nothing() -> None:
    with pytest.raises(Rejected, match="everyone knows"):
        _ = SigningKey("n", Algorithm.SM2, number(1)).verifier


def test_the_text_of_a_key_begins_with_a_name_of_our_own() -> None:
    signer = key("station.example", algorithm=Algorithm.SM2)
    text = signer.verifier.to_text()
    assert VerifierKey.from_text(text) == signer.verifier
    assert SigningKey.from_text(signer.to_text()) == signer
    with pytest.raises(Malformed, match="no key type 0xff"):
        VerifierKey.from_text("n+00000000+/w==")


# --- openssl, both ways ----------------------------------------------------------------------


def openssl(*args: object, expect: int = 0) -> bytes:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl here")
    ended = subprocess.run([program, *map(str, args)], capture_output=True, check=False)
    assert ended.returncode == expect, ended.stderr
    return ended.stdout


def pem(folder: Path) -> Path:
    der = bytes.fromhex("30310201010420") + PRIVATE + bytes.fromhex("a00a06082a811ccf5501822d")
    (folder / "key.der").write_bytes(der)
    openssl("pkey", "-inform", "DER", "-in", folder / "key.der", "-out", folder / "key.pem")
    return folder / "key.pem"


def signing(folder: Path, what: str, *more: object) -> list[object]:
    (folder / "message").write_bytes(MESSAGE)
    inputs = ["-rawin", "-digest", "sm3", "-in", folder / "message"]
    return ["pkeyutl", what, "-inkey", pem(folder), *inputs, *more]


def raw(der: bytes) -> bytes:
    """r ‖ s out of DER, read here by hand."""
    at, numbers = 2, []
    for _ in range(2):
        size = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + size]))
        at += 2 + size
    return b"".join(map(number, numbers))


def der(signature: bytes) -> bytes:
    rows = b"".join(
        b"\x02" + bytes([33]) + b"\0" + half if half[0] & 0x80 else b"\x02\x20" + half
        for half in (signature[:32], signature[32:])
    )
    return b"\x30" + bytes([len(rows)]) + rows


def test_openssl_signs_what_counts_here(tmp_path: Path) -> None:
    signed = openssl(*signing(tmp_path, "-sign", "-pkeyopt", "distid:1234567812345678"))
    sm2.verify(PUBLIC, raw(signed), MESSAGE)


@pytest.mark.parametrize("identifier", [("-pkeyopt", "distid:ALICE123@YAHOO.COM"), ()])
def test_under_another_identifier_or_none_openssl_signs_what_does_not(
    tmp_path: Path, identifier: tuple[str, ...]
) -> None:
    signed = openssl(*signing(tmp_path, "-sign", *identifier))
    with pytest.raises(Rejected):
        sm2.verify(PUBLIC, raw(signed), MESSAGE)


@pytest.mark.parametrize(("what", "code"), [(MESSAGE, 0), (b"another", 1)])
def test_openssl_verifies_what_is_signed_here(tmp_path: Path, what: bytes, code: int) -> None:
    signature = next(s for s in _signatures(what) if s[0] and s[32])
    (tmp_path / "signature").write_bytes(der(signature))
    more = ("-sigfile", tmp_path / "signature", "-pkeyopt", "distid:1234567812345678")
    openssl(*signing(tmp_path, "-verify", *more), expect=code)


def _signatures(message: bytes) -> Iterator[bytes]:
    """`der` here knows no numbers that begin with a zero byte."""
    while True:
        yield sm2.sign(PRIVATE, message)


# --- the library -----------------------------------------------------------------------------


def calls(engine: sm2.Engine) -> None:
    for call in (
        lambda: engine.verify(PUBLIC, SIGNATURE, MESSAGE),
        lambda: engine.sign(PRIVATE, MESSAGE),
        lambda: engine.public(PRIVATE),
    ):
        with pytest.raises(Unavailable, match="SM2 cannot be computed"):
            call()


def test_without_a_library_nothing_is_decided() -> None:
    calls(Libcrypto(("libnone.so.9",)))


def test_a_library_that_is_not_libcrypto_decides_nothing() -> None:
    calls(Libcrypto(("libc.so.6",)))


def test_a_program_that_brings_no_engine_decides_nothing() -> None:
    calls(sm2._NoEngine())


def test_on_another_system_nothing_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    calls(Libcrypto())


def test_a_library_in_the_current_folder_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctypes.CDLL("libcrypto.so.3")
    loaded = Path("/proc/self/maps").read_text(encoding="utf-8")
    whole = next(w for w in loaded.split() if w.endswith("/libcrypto.so.3"))
    copy = tmp_path / "libelsewhere.so.3"
    shutil.copy(whole, copy)
    monkeypatch.chdir(tmp_path)
    calls(Libcrypto((copy.name,)))
    assert Libcrypto((str(copy),)).verify(PUBLIC, SIGNATURE, MESSAGE)


def test_threads_do_not_disturb_each_other() -> None:
    engine = Libcrypto()  # not loaded yet: the first calls come at once

    def one(n: int) -> bool:
        message = bytes([n])
        return engine.verify(PUBLIC, engine.sign(PRIVATE, message), message)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(200)))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


@pytest.mark.slow
def test_ten_thousand_calls_keep_no_memory() -> None:
    engine = Libcrypto()
    off_curve = PUBLIC[:-1] + b"\x14"

    def some(rounds: int) -> None:
        for _ in range(rounds):
            signature = engine.sign(PRIVATE, MESSAGE)
            assert engine.verify(PUBLIC, signature, MESSAGE)
            assert not engine.verify(PUBLIC, signature, b"another")
            assert not engine.verify(off_curve, signature, MESSAGE)
            assert engine.public(PRIVATE) == PUBLIC

    some(200)
    before = resident()
    some(2_000)
    # The smallest thing to leave behind, a digest's context, was 500 KiB in so many rounds.
    assert resident() - before < 384 << 10
