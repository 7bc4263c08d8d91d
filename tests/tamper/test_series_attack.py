"""The operator makes the series key himself: can he make one that signs a name twice?

`series-dishonest.json` holds primes found by trying some two hundred keys: with
n = 9pq every number that 9 divides has three 65537th roots, and 3 has none.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger import suite
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.series import ROOTS, SeriesKey, name_message, root_target
from testkit.keys import series_key, series_signer

E = 65537
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")

_DISHONEST = json.loads((Path(__file__).parent / "series-dishonest.json").read_bytes())


def primes(which: str) -> tuple[int, int]:
    p, q = (int(text, 16) for text in _DISHONEST[which])
    return p, q


def padded(name: str) -> int:
    """EMSA-PKCS1-v1_5 (RFC 8017, 9.2) of the series name, as a number."""
    tail = b"\x00" + DIGEST_INFO + suite.digest(name_message(name))
    return int.from_bytes(b"\x00\x01" + b"\xff" * (384 - 2 - len(tail)) + tail, "big")


def join(residues: Sequence[tuple[int, int]]) -> int:
    """The number with these remainders modulo these coprime numbers."""
    n = math.prod(m for _, m in residues)
    return sum(r * (n // m) * pow(n // m, -1, m) for r, m in residues) % n


def roots_of(value: int, p: int, q: int) -> list[int]:
    """All 65537th roots modulo 9pq."""
    known = [(pow(value, pow(E, -1, m - 1), m), m) for m in (p, q)]
    return [join([(nine, 9), *known]) for nine in range(9) if pow(nine, E, 9) == value % 9]


def name_divisible_by_nine() -> str:
    return next(
        name for i in range(1000) if padded(name := f"2026/case/苏城管罚〔2026〕{i + 1}号") % 9 == 0
    )


def test_an_honest_key_has_its_one_signature() -> None:
    name = "2026/case/苏城管罚〔2026〕417号"
    signature = series_signer().open(name).signature
    assert pow(int.from_bytes(signature, "big"), E, series_key().modulus) == padded(name)
    assert series_key().open(name, signature).signature == signature


def test_with_nine_p_q_one_name_has_three_signatures_and_all_are_refused() -> None:
    p, q = primes("nine_all_roots_units")
    n = 9 * p * q
    # This key was ground until all eight roots were units: `SeriesKey` takes it.
    roots = [roots_of(root_target(n, i), p, q) for i in range(ROOTS)]
    assert [len(found) for found in roots] == [1] * ROOTS
    series = SeriesKey(n, tuple(found[0] for found in roots))
    name = name_divisible_by_nine()
    signatures = roots_of(padded(name), p, q)
    assert len(set(signatures)) == 3
    for s in signatures:
        assert pow(s, E, n) == padded(name)
        encoded = s.to_bytes(384, "big")
        suite.series_verify(n, encoded, name_message(name))  # openssl says it is good
        with pytest.raises(Rejected, match="no unit"):
            series.open(name, encoded)


def test_on_units_such_a_key_signs_once() -> None:
    p, q = primes("nine_all_roots_units")
    names = [f"2026/case/苏城管罚〔2026〕{i + 1}号" for i in range(30)]
    counts = {len(roots_of(padded(name), p, q)) for name in names if padded(name) % 3}
    assert counts == {1}


def test_roots_that_are_no_units_are_refused_though_their_powers_are_right() -> None:
    p, q = primes("nine_some_root_no_unit")
    n = 9 * p * q
    found = [roots_of(root_target(n, i), p, q) for i in range(ROOTS)]
    assert {len(each) for each in found} == {1, 3}
    roots = tuple(each[-1] for each in found)
    assert all(pow(r, E, n) == root_target(n, i) for i, r in enumerate(roots))
    with pytest.raises(Rejected, match="no unit"):
        SeriesKey(n, roots)


def test_a_key_that_is_no_permutation_has_no_roots_to_show() -> None:
    p, q = primes("no_permutation")
    n = p * q
    assert n.bit_length() == suite.SERIES_BITS
    assert (p - 1) % E == 0
    # A number has a 65537th root modulo p only if this power of it is 1: one in 65537.
    assert not any(pow(root_target(n, i), (p - 1) // E, p) == 1 for i in range(ROOTS))
    with pytest.raises(Rejected, match="root 0 of the series key is wrong"):
        SeriesKey(n, tuple(range(2, 2 + ROOTS)))


@pytest.mark.parametrize("change", ["zero", "n", "plus n", "minus", "swapped", "seven", "nine"])
def test_roots_other_than_the_eight_are_refused(change: str) -> None:
    n, roots = series_key().modulus, list(series_key().roots)
    match change:
        case "zero":
            roots[0] = 0
        case "n":
            roots[0] = n
        case "plus n":
            roots[0] += n
        case "minus":
            roots[0] = n - roots[0]
        case "swapped":
            roots[0], roots[1] = roots[1], roots[0]
        case "seven":
            roots.pop()
        case "nine":
            roots.append(roots[0])
    with pytest.raises((Malformed, Rejected)):
        SeriesKey(n, tuple(roots))


@pytest.mark.parametrize("change", ["other", "plus n", "minus", "zero", "short", "long", "name"])
def test_signatures_other_than_the_one_are_refused(change: str) -> None:
    name = "2026/case/苏城管罚〔2026〕417号"
    key = series_key()
    s = int.from_bytes(series_signer().open(name).signature, "big")
    forged = {
        "other": series_signer().open(name + "补").signature,
        "plus n": ((s + key.modulus) % 2**3072).to_bytes(384, "big"),
        "minus": (key.modulus - s).to_bytes(384, "big"),
        "zero": bytes(384),
        "short": s.to_bytes(384, "big")[1:],
        "long": b"\x00" + s.to_bytes(384, "big"),
        "name": s.to_bytes(384, "big"),
    }[change]
    with pytest.raises(LedgerError):
        key.open(name + "x" if change == "name" else name, forged)


def test_a_signature_beyond_the_modulus_is_refused_if_there_is_room_for_one() -> None:
    """s + n has the same power; n is near 2^3072 for some keys only."""
    name = next(
        name
        for i in range(200)
        if int.from_bytes(series_signer().open(name := f"2026/case/{i}").signature, "big")
        + series_key().modulus
        < 2**3072
    )
    s = int.from_bytes(series_signer().open(name).signature, "big") + series_key().modulus
    assert pow(s, E, series_key().modulus) == padded(name)
    with pytest.raises(Rejected, match="no unit"):
        series_key().open(name, s.to_bytes(384, "big"))
