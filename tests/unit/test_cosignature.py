import pytest

from ledger.errors import Malformed, Rejected
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature, subtree_message
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import Algorithm, Signature, SignedNote
from ledger.tlog.signing_key import SigningKey, sign_checkpoint

AT = 1795430400
CHECKPOINT = Checkpoint("log.example/2026", 5, leaf_hash(b"root"))
COSIGNERS = [Algorithm.COSIGNATURE_ED25519, Algorithm.COSIGNATURE_MLDSA44]


def _key(algorithm: Algorithm, number: int = 7) -> SigningKey:
    return SigningKey("notary.example/w1", algorithm, bytes([number] * 32))


def _note(*lines: Signature) -> SignedNote:
    return SignedNote(CHECKPOINT.to_text(), lines)


@pytest.mark.parametrize("algorithm", COSIGNERS)
@pytest.mark.parametrize("at", [1, AT, 2**63 - 1])
def test_a_cosignature_says_when(algorithm: Algorithm, at: int) -> None:
    key = _key(algorithm)
    note = _note(sign_checkpoint(CHECKPOINT, key, at))
    assert check_cosignature(note, CHECKPOINT, key.verifier) == at


@pytest.mark.parametrize("algorithm", COSIGNERS)
def test_a_cosigner_who_did_not_sign_has_no_time(algorithm: Algorithm) -> None:
    note = _note(sign_checkpoint(CHECKPOINT, _key(algorithm), AT))
    assert check_cosignature(note, CHECKPOINT, _key(algorithm, 8).verifier) is None
    renamed = SigningKey("court.example", algorithm, bytes([7] * 32))
    assert check_cosignature(note, CHECKPOINT, renamed.verifier) is None


@pytest.mark.parametrize("at", [0, -1, 2**63])
def test_nobody_cosigns_outside_of_time(at: int) -> None:
    with pytest.raises(Malformed):
        sign_checkpoint(CHECKPOINT, _key(Algorithm.COSIGNATURE_ED25519), at)


@pytest.mark.parametrize("algorithm", COSIGNERS)
def test_a_cosignature_on_anything_else_is_rejected(algorithm: Algorithm) -> None:
    key = _key(algorithm)
    line = sign_checkpoint(CHECKPOINT, key, AT)
    other = Checkpoint(CHECKPOINT.origin, 6, CHECKPOINT.root)
    name, key_id, value = line.name, line.key_id, line.value
    later = (AT + 1).to_bytes(8, "big") + value[8:]
    zero, negative = bytes(8) + value[8:], b"\xff" * 8 + value[8:]
    for lines, checkpoint in [
        ((line,), other),
        ((line,), Checkpoint("other.example", 5, CHECKPOINT.root)),
        ((line,), Checkpoint(CHECKPOINT.origin, 5, leaf_hash(b"other"))),
        ((line, line), CHECKPOINT),
        *(
            ((Signature(name, key_id, bad),), CHECKPOINT)
            for bad in (
                later,
                zero,
                negative,
                value[:8],
                value[:7],
                b"x",
                value[:-1],
                value + b"\0",
            )
        ),
    ]:
        with pytest.raises(Rejected):
            check_cosignature(_note(*lines), checkpoint, key.verifier)


def test_time_zero_is_rejected_even_where_the_signature_is_good() -> None:
    key = _key(Algorithm.COSIGNATURE_MLDSA44)
    message = subtree_message(key.name, 0, CHECKPOINT.origin, 0, 5, CHECKPOINT.root)
    line = Signature(key.name, key.verifier.key_id, bytes(8) + key.sign(message))
    with pytest.raises(Rejected, match="has no time"):
        check_cosignature(_note(line), CHECKPOINT, key.verifier)


def test_a_log_key_is_no_cosigner() -> None:
    key = _key(Algorithm.ED25519)
    with pytest.raises(Rejected):
        sign_checkpoint(CHECKPOINT, key, AT)
    line = Signature(key.name, key.verifier.key_id, bytes(7) + b"\1" + bytes(64))
    with pytest.raises(Rejected, match="not a cosigner's key"):
        check_cosignature(_note(line), CHECKPOINT, key.verifier)


def test_a_subtree_away_from_the_start_has_no_time() -> None:
    subtree_message("a", 0, "b", 4, 5, bytes(32))
    with pytest.raises(Malformed):
        subtree_message("a", 1, "b", 4, 5, bytes(32))


@pytest.mark.parametrize(
    ("name", "origin"), [("", "b"), ("a", ""), ("a" * 256, "b"), ("a", "é" * 128)]
)
def test_names_in_a_subtree_message_have_1_to_255_bytes(name: str, origin: str) -> None:
    subtree_message("a" * 255, 0, "b" * 255, 0, 1, bytes(32))
    with pytest.raises(Malformed):
        subtree_message(name, 0, origin, 0, 1, bytes(32))
