"""Ours and transparency-dev's cosignatures, each checked by the other."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from interop.foreign import COURT, NOTARY, TESSERA
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note

pytestmark = pytest.mark.timeout(600)  # the first test of a Go program builds it

CHECKPOINT = Checkpoint(TESSERA.name, 12, digest(b"a root"))
NOTE = SignedNote(CHECKPOINT.to_text(), (sign_note(CHECKPOINT.to_text(), TESSERA),))
AT = 1_795_430_400

Cosigcheck = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def cosigcheck(go: Callable[[str], Path]) -> Cosigcheck:
    def run(note: SignedNote, *options: str) -> subprocess.CompletedProcess[bytes]:
        command = [go("cosigcheck"), *options]
        return subprocess.run(command, input=note.to_bytes(), capture_output=True, check=False)

    return run


@pytest.mark.parametrize("signer", [NOTARY, COURT], ids=["ed25519", "ml-dsa-44"])
def test_go_believes_our_cosignatures_and_no_altered_ones(
    cosigcheck: Cosigcheck, signer: SigningKey
) -> None:
    line = sign_checkpoint(CHECKPOINT, signer, AT)
    signed = NOTE.with_signatures([line])
    vkey = signer.verifier.to_text()
    assert cosigcheck(signed, "-vkey", vkey).stdout == b"%d\n" % AT
    assert cosigcheck(NOTE, "-vkey", vkey).returncode == 1
    another = Checkpoint(CHECKPOINT.origin, 13, CHECKPOINT.root).to_text()
    assert cosigcheck(SignedNote(another, (line,)), "-vkey", vkey).returncode == 1


@pytest.mark.parametrize("signer", [NOTARY, COURT], ids=["ed25519", "ml-dsa-44"])
def test_we_believe_the_cosignatures_of_go(cosigcheck: Cosigcheck, signer: SigningKey) -> None:
    made = cosigcheck(NOTE, "-skey", signer.to_text())
    assert made.returncode == 0, made.stderr
    signed = SignedNote.from_bytes(NOTE.to_bytes() + made.stdout)
    at = check_cosignature(signed, CHECKPOINT, signer.verifier)
    assert at is not None and at > AT - 10**9
