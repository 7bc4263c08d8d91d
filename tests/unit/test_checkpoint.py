import pytest

from ledger.errors import Malformed, Rejected
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import EMPTY_ROOT, leaf_hash
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.signing_key import SigningKey, sign_note

KEY = SigningKey("log.example/2026", Algorithm.ED25519, bytes(range(32)))
CHECKPOINT = Checkpoint("log.example/2026", 5, leaf_hash(b"root"))
TEXT = CHECKPOINT.to_text()
ORIGIN, SIZE, ROOT, _ = TEXT.split("\n")


def _signed(text: str) -> SignedNote:
    return SignedNote(text, (sign_note(text, KEY),))


def test_a_checkpoint_comes_back() -> None:
    assert Checkpoint.from_text(TEXT) == CHECKPOINT
    empty = Checkpoint("a", 0, EMPTY_ROOT)
    assert Checkpoint.from_text(empty.to_text()) == empty
    largest = Checkpoint("a", 2**63 - 1, EMPTY_ROOT)
    assert Checkpoint.from_text(largest.to_text()) == largest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n",
        TEXT[:-1],
        f"{TEXT}\n",
        f"{TEXT}extension\n",
        f"\n{SIZE}\n{ROOT}\n",
        f"a b\n{SIZE}\n{ROOT}\n",
        f"a+b\n{SIZE}\n{ROOT}\n",
        f"a\u2028b\n{SIZE}\n{ROOT}\n",
        f"{'x' * 256}\n{SIZE}\n{ROOT}\n",
        f"{ORIGIN}\n05\n{ROOT}\n",
        f"{ORIGIN}\n-5\n{ROOT}\n",
        f"{ORIGIN}\n+5\n{ROOT}\n",
        f"{ORIGIN}\n\n{ROOT}\n",
        f"{ORIGIN}\n٥\n{ROOT}\n",
        f"{ORIGIN}\n{2**63}\n{ROOT}\n",
        f"{ORIGIN}\n{SIZE}\n{ROOT[:-4]}\n",
        f"{ORIGIN}\n{SIZE}\n{ROOT}{ROOT}\n",
        f"{ORIGIN}\n{SIZE}\n\n",
        f"{ORIGIN}\n{SIZE}\n{ROOT} \n",
        TEXT.replace("\n", "\r\n"),
    ],
)
def test_any_other_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Checkpoint.from_text(text)


def test_an_empty_tree_with_another_root_is_not_believed() -> None:
    with pytest.raises(Rejected):
        Checkpoint.from_text(f"{ORIGIN}\n0\n{ROOT}\n")


def test_a_signed_checkpoint_opens() -> None:
    assert open_checkpoint(_signed(TEXT), KEY.verifier) == CHECKPOINT


def test_a_log_speaks_under_its_own_name_only() -> None:
    other = Checkpoint("log.example/2027", 5, CHECKPOINT.root)
    with pytest.raises(Rejected, match="want a checkpoint of"):
        open_checkpoint(_signed(other.to_text()), KEY.verifier)


def test_nothing_of_an_unsigned_note_is_read() -> None:
    note = SignedNote("no checkpoint\n", _signed(TEXT).signatures)
    with pytest.raises(Rejected, match="does not match"):
        open_checkpoint(note, KEY.verifier)


def test_a_signed_text_that_is_no_checkpoint_is_malformed() -> None:
    with pytest.raises(Malformed):
        open_checkpoint(_signed("no checkpoint\n"), KEY.verifier)
