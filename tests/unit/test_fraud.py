"""A proof of fraud: what it takes, and that an honest log cannot be accused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed, Rejected
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.fraud import MAX_FRAUD, Fraud
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.note import SignedNote
from ledger.tlog.proof import Nodes, prove_consistency, prove_fraud, subtree_root
from ledger.tlog.signing_key import SigningKey, sign_note
from testkit.keys import key

LOG = key("ledger.example/enforcement/2026")
OTHER = key("other.example/enforcement/2026")


def leaves(size: int, forked_at: int | None = None) -> list[bytes]:
    """A log of that size; another one from entry `forked_at` on."""
    fork = size if forked_at is None else forked_at
    return [leaf_hash(b"%d" % n if n < fork else b"other %d" % n) for n in range(size)]


def nodes_of(hashes: Sequence[bytes]) -> Nodes:
    return lambda level, n: root_of(hashes[n << level : (n + 1) << level])


def signed(hashes: Sequence[bytes], log: SigningKey = LOG) -> SignedNote:
    text = Checkpoint(log.name, len(hashes), root_of(hashes)).to_text()
    return SignedNote(text, (sign_note(text, log),))


def proof_between(one: Sequence[bytes], other: Sequence[bytes]) -> Fraud | None:
    return prove_fraud(signed(one), signed(other), nodes_of(max(one, other, key=len)))


SIZES = st.integers(1, 70)


@given(SIZES, SIZES, st.data())
def test_every_fork_is_proved_and_read_back(one: int, other: int, data: st.DataObject) -> None:
    smaller = min(one, other)
    fork = data.draw(st.integers(0, smaller - 1))
    fraud = proof_between(leaves(one), leaves(other, fork))
    assert fraud is not None
    read = Fraud.from_bytes(fraud.to_bytes())
    assert read == fraud
    old, new = read.check(LOG.verifier)
    assert (old.size, new.size) == (smaller, max(one, other))


@given(SIZES, SIZES)
def test_of_one_history_there_is_no_proof(one: int, other: int) -> None:
    assert proof_between(leaves(one), leaves(other)) is None


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_an_honest_log_is_not_accused_by_a_made_up_root(
    one: int, more: int, data: st.DataObject
) -> None:
    """Whatever stands in the proof: the hashes of an honest log lead to no other old root."""
    hashes = leaves(one + more)
    nodes = nodes_of(hashes)
    proof = list(prove_consistency(one, len(hashes), nodes))
    root = data.draw(st.sampled_from([bytes(32), subtree_root(0, one, nodes), *proof]))
    if data.draw(st.booleans()):
        proof[data.draw(st.integers(0, len(proof) - 1))] = data.draw(
            st.binary(min_size=32, max_size=32)
        )
    fraud = Fraud(signed(hashes[:one]), signed(hashes), root, tuple(proof))
    with pytest.raises(Rejected):
        fraud.check(LOG.verifier)


def test_two_trees_of_one_size_need_no_hashes() -> None:
    fraud = proof_between(leaves(5), leaves(5, 4))
    assert fraud is not None and (fraud.root, fraud.proof) == (b"", ())
    fraud.check(LOG.verifier)


@pytest.mark.parametrize(
    ("fraud", "reason"),
    [
        (Fraud(signed(leaves(5)), signed(leaves(5))), "the same: one history"),
        (Fraud(signed(leaves(6)), signed(leaves(5))), "the smaller checkpoint first"),
        (Fraud(signed(leaves(5)), signed(leaves(5, 4)), bytes(32)), "nothing to prove"),
        (Fraud(signed(leaves(0)), signed(leaves(5)), bytes(32)), "no consistency from size 0"),
        (Fraud(signed(leaves(4)), signed(leaves(5, 4))), "want hashes of 32 bytes"),
    ],
)
def test_what_proves_nothing_is_refused(fraud: Fraud, reason: str) -> None:
    with pytest.raises((Rejected, Malformed), match=reason):
        fraud.check(LOG.verifier)


def test_both_signatures_are_the_logs() -> None:
    theirs = SignedNote(signed(leaves(5, 4)).text, (sign_note(signed(leaves(5, 4)).text, OTHER),))
    for fraud in (Fraud(signed(leaves(5)), theirs), Fraud(theirs, signed(leaves(5)))):
        with pytest.raises(Rejected, match="no signature by ledger"):
            fraud.check(LOG.verifier)


def test_two_logs_of_one_operator_are_not_one_log() -> None:
    fraud = Fraud(signed(leaves(5)), signed(leaves(5, 4), OTHER))
    with pytest.raises(Rejected):
        fraud.check(LOG.verifier)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("tiezheng fraud 1", "tiezheng fraud 2"),
        lambda text: text.replace("\n\n", "\n"),
        lambda text: text + "\n",
        lambda text: text.replace("\n\n", "\n\n\n\n", 1),
        lambda text: text[:-1],
        lambda text: text.replace("fraud 1\n", "fraud 1\n" + "A" * 44 + "\n"),
        lambda text: text.replace("fraud 1\n", "fraud 1\n" + 65 * f"{'A' * 43}=\n"),
        lambda text: text + "x" * MAX_FRAUD,
    ],
)
def test_a_file_in_another_form_is_refused(change: object) -> None:
    fraud = proof_between(leaves(5), leaves(5, 4))
    assert fraud is not None and callable(change)
    with pytest.raises(Malformed):
        Fraud.from_bytes(change(fraud.to_text()).encode())
