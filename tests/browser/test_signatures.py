"""Single signatures: the answers of the second verifier are those of the first."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import suite
from ledger.errors import Rejected
from testkit.keys import cosigner
from testkit.second_verifier import second_verifier

Given = tuple[bytes, bytes, bytes]  # key, signature, message

BOTH = pytest.mark.parametrize("kind", ["ed25519", "ed25519 without WebCrypto"])


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _good(check: Callable[[bytes, bytes, bytes], None], cases: list[Given]) -> list[bool]:
    answers = []
    for case in cases:
        try:
            check(*case)
        except Rejected:
            answers.append(False)
        else:
            answers.append(True)
    return answers


def _asked(kind: str, cases: list[Given]) -> list[bool]:
    spelled = [[base64.b64encode(part).decode() for part in case] for case in cases]
    answers: list[bool] = second_verifier().ask({"check": kind, "cases": spelled})["answers"]
    return answers


@BOTH
def test_ed25519_in_its_odd_corners(vectors: Path, kind: str) -> None:
    cases = [
        (bytes.fromhex(case["key"]), bytes.fromhex(case["sig"]), case["msg"].encode())
        for case in _load(vectors / "signatures/cctv-ed25519vectors.json")
    ]
    expected = _good(suite.ed25519_verify, cases)
    assert expected.count(True) == 208
    assert _asked(kind, cases) == expected


@BOTH
def test_ed25519_of_wycheproof(vectors: Path, kind: str) -> None:
    cases = [
        (bytes.fromhex(group["publicKey"]["pk"]), *(bytes.fromhex(c[k]) for k in ("sig", "msg")))
        for group in _load(vectors / "signatures/wycheproof-ed25519_test.json")["testGroups"]
        for c in group["tests"]
    ]
    assert _asked(kind, cases) == _good(suite.ed25519_verify, cases)


def test_mldsa_of_wycheproof(vectors: Path) -> None:
    cases = [
        (bytes.fromhex(group["publicKey"]), bytes.fromhex(c["sig"]), bytes.fromhex(c["msg"]))
        for group in _load(vectors / "signatures/wycheproof-mldsa_44_verify_test.json")[
            "testGroups"
        ]
        for c in group["tests"]
    ]
    assert _asked("mldsa44", cases) == _good(suite.mldsa_verify, cases)


@BOTH
def test_a_signature_and_the_same_with_any_byte_changed(kind: str) -> None:
    signer = cosigner("notary.example/w1")
    signature = signer.sign(b"hello")
    cases = [(signer.verifier.public, signature, b"hello")]
    cases += [
        (signer.verifier.public, signature[:i] + bytes([signature[i] ^ 1]) + signature[i + 1 :], m)
        for i in range(64)
        for m in (b"hello",)
    ]
    assert _asked(kind, cases) == [True] + [False] * 64
