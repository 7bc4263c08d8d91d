import pytest

from ledger.encoding import format_base64
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash, node_hash
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.policy import Policy
from ledger.tlog.receipt import MAX_RECEIPT, Receipt
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note

LOG = SigningKey("log.example/2026", Algorithm.ED25519, bytes([1] * 32))
NOTARY = SigningKey("notary.example", Algorithm.COSIGNATURE_ED25519, bytes([2] * 32))
POLICY = Policy.from_text(
    f"log {LOG.verifier.to_text()}\nwitness notary {NOTARY.verifier.to_text()}\nquorum notary\n"
)
LEFT, RIGHT = leaf_hash(b"left"), leaf_hash(b"right")
CHECKPOINT = Checkpoint(LOG.name, 2, node_hash(LEFT, RIGHT))
NOTE = SignedNote(
    CHECKPOINT.to_text(),
    (sign_note(CHECKPOINT.to_text(), LOG), sign_checkpoint(CHECKPOINT, NOTARY, 100)),
)
RECEIPT = Receipt(1, (LEFT,), NOTE.to_text())
TEXT = RECEIPT.to_text()
H = format_base64(LEFT)


def test_a_receipt_comes_back() -> None:
    for extra in (None, b"", b"unauthenticated"):
        receipt = Receipt(1, (LEFT,), NOTE.to_text(), extra)
        assert Receipt.from_bytes(receipt.to_bytes()) == receipt
    assert TEXT.startswith(f"c2sp.org/tlog-proof@v1\nindex 1\n{H}\n\n{LOG.name}\n2\n")


def test_an_entry_is_proved_to_be_logged_and_cosigned() -> None:
    cosigned = Receipt.from_text(TEXT).open(RIGHT, POLICY)
    assert cosigned.checkpoint == CHECKPOINT
    assert cosigned.quorum_time == 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        TEXT.split("\n\n", 1)[0],
        TEXT.split("\n\n", 1)[0] + "\n\n",
        " " + TEXT,
        "\n" + TEXT,
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("\nindex 1", ""),
        TEXT.replace("index 1", "index 01"),
        TEXT.replace("index 1", "index -1"),
        TEXT.replace("index 1", "index  1"),
        TEXT.replace("index 1", "index 1 "),
        TEXT.replace("index 1", "index ١"),
        TEXT.replace("index 1", "index 1\nindex 1"),
        TEXT.replace("index 1", "extra AA\nindex 1"),
        TEXT.replace("index 1", "extra\nindex 1"),
        TEXT.replace("index 1", "extra AAAA\nextra AAAA\nindex 1"),
        TEXT.replace("index 1", "index 1\nextra AAAA"),
        TEXT.replace(H, H[:-4]),
        TEXT.replace(H, H + " "),
        TEXT.replace(H, "\n".join([H] * 64)),
        TEXT.replace("\n", "\r\n"),
    ],
)
def test_any_other_receipt_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        Receipt.from_text(text)


def test_a_receipt_is_bounded() -> None:
    with pytest.raises(Malformed, match="want a proof of at most"):
        Receipt.from_bytes(TEXT.encode() + b"x" * MAX_RECEIPT)
    with pytest.raises(Malformed):
        Receipt.from_bytes(b"\xff" + TEXT.encode())


@pytest.mark.parametrize(
    ("index", "proof", "leaf"),
    [
        (0, (LEFT,), RIGHT),
        (1, (LEFT,), LEFT),
        (1, (RIGHT,), RIGHT),
        (1, (), RIGHT),
        (1, (LEFT, LEFT), RIGHT),
        (2, (LEFT,), RIGHT),
        (1, (LEFT,), b""),
    ],
)
def test_a_receipt_proves_no_other_entry(index: int, proof: tuple[bytes, ...], leaf: bytes) -> None:
    with pytest.raises(LedgerError):
        Receipt(index, proof, NOTE.to_text()).open(leaf, POLICY)


def test_a_receipt_under_another_log_is_rejected() -> None:
    other = SigningKey(LOG.name, Algorithm.ED25519, bytes([9] * 32))
    note = SignedNote(NOTE.text, (sign_note(NOTE.text, other),))
    with pytest.raises(Rejected):
        Receipt(1, (LEFT,), note.to_text()).open(RIGHT, POLICY)


def test_a_receipt_whose_note_is_none_does_not_open() -> None:
    with pytest.raises(Malformed):
        Receipt(1, (LEFT,), "no note\n").open(RIGHT, POLICY)


def test_a_missing_quorum_is_left_to_the_caller() -> None:
    note = SignedNote(NOTE.text, NOTE.signatures[:1])
    assert Receipt(1, (LEFT,), note.to_text()).open(RIGHT, POLICY).quorum_time is None
