import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from api.cosigner import CosignerService
from ledger.cosigner import (
    BadProof,
    BadRequest,
    BadSignature,
    Forgotten,
    SplitView,
    StaleSize,
    check_memory,
    decide,
    decide_subtree,
    origin_of,
)
from ledger.errors import LedgerError, Malformed, Unavailable, Unknown
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.merkle import EMPTY_ROOT, root_of
from ledger.tlog.note import Algorithm, Signature, SignedNote
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note
from ledger.tlog.submission import AddCheckpoint, SignSubtree
from storage.cosigner_sqlite import SqliteCosignerState
from testkit.histories import BRANCH, LOG, TREE, Tree, check_one_history, conflicting
from testkit.keys import cosigner, key
from testkit.world import HandClock

LOGS = {LOG.name: LOG.verifier}
KEYS = (
    cosigner("court.example/w1"),
    key("court.example/w2", algorithm=Algorithm.COSIGNATURE_MLDSA44),
)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SqliteCosignerState]:
    state = SqliteCosignerState(tmp_path / "state.sqlite")
    yield state
    state.close()


def service(state: SqliteCosignerState, keys: tuple[SigningKey, ...] = KEYS) -> CosignerService:
    return CosignerService(LOGS, keys, state, HandClock())


# --- the decision --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 5, 32])
def test_whatever_size_comes_first_is_cosigned(size: int) -> None:
    assert decide(TREE.request(0, size), LOGS, None) == TREE.checkpoint(size)


@pytest.mark.parametrize("old, new", [(0, 0), (0, 7), (1, 2), (5, 5), (5, 6), (8, 32), (31, 40)])
def test_a_tree_that_begins_with_the_last_one_is_cosigned(old: int, new: int) -> None:
    assert decide(TREE.request(old, new), LOGS, TREE.checkpoint(old)) == TREE.checkpoint(new)


def test_an_unknown_log_is_not_cosigned() -> None:
    stranger = key("stranger.example/2026")
    note = TREE.note(5, stranger, stranger.name)
    with pytest.raises(Unknown):
        decide(AddCheckpoint(0, (), note), LOGS, None)


@pytest.mark.parametrize(
    "note",
    [
        TREE.note(5, key("stranger.example/2026")),
        TREE.note(5, key(LOG.name, "another seed")),
        SignedNote(TREE.note(6).text, TREE.note(5).signatures),
        SignedNote(
            TREE.note(5).text,
            (Signature(LOG.name, LOG.verifier.key_id, bytes(64)), *TREE.note(5).signatures),
        ),
    ],
    ids=["stranger", "other key of that name", "over another tree", "two lines of that key"],
)
def test_what_the_log_has_not_signed_is_not_cosigned(note: SignedNote) -> None:
    with pytest.raises(BadSignature):
        decide(AddCheckpoint(0, (), note), LOGS, None)


def test_an_old_size_beyond_the_new_one_is_a_bad_request_before_it_is_stale() -> None:
    request = AddCheckpoint(9, (), TREE.note(5))
    with pytest.raises(BadRequest):
        decide(request, LOGS, TREE.checkpoint(7))


@pytest.mark.parametrize("last, told", [(None, 0), (TREE.checkpoint(7), 7)])
def test_another_size_than_the_last_is_stale_and_the_true_one_is_told(
    last: Checkpoint | None, told: int
) -> None:
    with pytest.raises(StaleSize) as error:
        decide(TREE.request(3, 9), LOGS, last)
    assert error.value.size == told


def test_a_smaller_tree_is_never_cosigned() -> None:
    for old in range(5):
        with pytest.raises((StaleSize, BadRequest)):
            decide(TREE.request(old, 4), LOGS, TREE.checkpoint(7))


def test_from_nothing_there_is_nothing_to_prove() -> None:
    for last in (None, TREE.checkpoint(0)):
        with pytest.raises(BadProof):
            decide(AddCheckpoint(0, (EMPTY_ROOT,), TREE.note(5)), LOGS, last)


def test_a_tree_that_does_not_begin_with_the_last_one_is_not_cosigned() -> None:
    for proof in ((), TREE.request(5, 9).proof, BRANCH.request(5, 9).proof):
        with pytest.raises(BadProof):
            decide(AddCheckpoint(5, proof, BRANCH.note(9)), LOGS, TREE.checkpoint(5))


def test_two_trees_of_one_size_are_a_split_view() -> None:
    with pytest.raises(SplitView):
        decide(AddCheckpoint(5, (), BRANCH.note(5)), LOGS, TREE.checkpoint(5))


def test_the_same_tree_again_needs_an_empty_proof() -> None:
    with pytest.raises(BadProof):
        decide(AddCheckpoint(5, (EMPTY_ROOT,), TREE.note(5)), LOGS, TREE.checkpoint(5))


def test_a_wrong_root_of_nothing_is_a_proof_that_fails() -> None:
    text = Checkpoint(LOG.name, 0, bytes(32)).to_text()
    note = SignedNote(text, (sign_note(text, LOG),))
    with pytest.raises(BadProof):
        decide(AddCheckpoint(0, (), note), LOGS, None)


@pytest.mark.parametrize(
    "text", ["{o}\n", "{o}\n-1\nx\n", "{o}\n5\nAAAA\n", "{o}\n{c}\nextension\n"]
)
def test_a_signed_text_that_is_no_checkpoint_is_malformed(text: str) -> None:
    body = text.format(o=LOG.name, c="\n".join(TREE.note(5).text.split("\n")[1:3]))
    note = SignedNote(body, (sign_note(body, LOG),))
    with pytest.raises(Malformed):
        decide(AddCheckpoint(0, (), note), LOGS, None)


def test_a_request_is_read_back_as_it_was_written() -> None:
    request = TREE.request(13, 29)
    assert request.proof
    assert AddCheckpoint.from_bytes(request.to_bytes()) == request
    assert origin_of(request) == LOG.name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 1",
        b"old 1\n\n",
        b"old -1\n\n" + TREE.note(5).to_bytes(),
        b"old 01\n\n" + TREE.note(5).to_bytes(),
        b"new 1\n\n" + TREE.note(5).to_bytes(),
        b"old 1\nAAAA\n\n" + TREE.note(5).to_bytes(),
        b"old 1\n" + b"%s\n" % (b"A" * 43 + b"=") * 64 + b"\n" + TREE.note(5).to_bytes(),
        b"old 1\r\n\r\n" + TREE.note(5).to_bytes(),
        b"\xff" * 10,
    ],
    ids=range(10),
)
def test_a_request_in_another_form_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        AddCheckpoint.from_bytes(body)


# --- with its state --------------------------------------------------------------------------


def test_both_keys_sign_every_checkpoint(state: SqliteCosignerState) -> None:
    answer = service(state).add_checkpoint(TREE.request(0, 5).to_bytes())
    note = SignedNote.from_bytes(TREE.checkpoint(5).to_text().encode() + b"\n" + answer)
    for each in KEYS:
        assert check_cosignature(note, TREE.checkpoint(5), each.verifier) == 1_795_417_200


def test_what_was_cosigned_last_is_kept_with_the_signatures_of_both_sides(
    state: SqliteCosignerState,
) -> None:
    service(state).add_checkpoint(TREE.request(0, 5).to_bytes())
    service(state).add_checkpoint(TREE.request(5, 9).to_bytes())
    found = state.last(LOG.name)
    assert found is not None and found[0] == TREE.checkpoint(9)
    note = SignedNote.from_text(found[1])
    assert note.by(LOG.verifier) is not None
    assert all(check_cosignature(note, found[0], each.verifier) for each in KEYS)


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    first = SqliteCosignerState(tmp_path / "state.sqlite")
    service(first).add_checkpoint(TREE.request(0, 5).to_bytes())
    # Not closed: as if it had been killed.
    second = SqliteCosignerState(tmp_path / "state.sqlite")
    with pytest.raises(StaleSize):
        service(second).add_checkpoint(BRANCH.request(0, 5).to_bytes())
    with pytest.raises(SplitView):
        service(second).add_checkpoint(AddCheckpoint(5, (), BRANCH.note(5)).to_bytes())
    service(second).add_checkpoint(TREE.request(5, 6).to_bytes())
    first.close()
    second.close()


@pytest.mark.parametrize("stored", [False, True])
def test_no_signature_leaves_unless_the_state_is_stored(
    state: SqliteCosignerState, stored: bool
) -> None:
    class Failing:
        last = staticmethod(state.last)

        def swap(self, *arguments: object) -> None:
            if stored:
                state.swap(*arguments)  # type: ignore[arg-type]
            raise Unavailable("the disk failed")

    broken = CosignerService(LOGS, KEYS, Failing(), HandClock())
    with pytest.raises(Unavailable):
        broken.add_checkpoint(TREE.request(0, 5).to_bytes())
    # Whatever was stored: the log comes again and gets its signature, another tree does not.
    old = 5 if stored else 0
    service(state).add_checkpoint(TREE.request(old, 5).to_bytes())
    with pytest.raises(LedgerError):
        service(state).add_checkpoint(AddCheckpoint(5, (), BRANCH.note(5)).to_bytes())


def test_the_state_is_on_the_disk_when_the_answer_is_there(tmp_path: Path) -> None:
    state = SqliteCosignerState(tmp_path / "state.sqlite")
    service(state).add_checkpoint(TREE.request(0, 5).to_bytes())
    with sqlite3.connect(tmp_path / "state.sqlite") as reader:
        assert reader.execute("SELECT size FROM cosigned").fetchall() == [(5,)]
    reader.close()
    mode = state._db.execute("PRAGMA synchronous").fetchone()
    assert mode == (2,), "want FULL"
    state.close()


def test_a_swap_whose_old_state_has_passed_changes_nothing(state: SqliteCosignerState) -> None:
    state.swap(None, TREE.checkpoint(5), "note 5")
    for old in (None, TREE.checkpoint(4), BRANCH.checkpoint(5)):
        with pytest.raises(StaleSize) as error:
            state.swap(old, TREE.checkpoint(9), "note 9")
        assert error.value.size == 5
    assert state.last(LOG.name) == (TREE.checkpoint(5), "note 5")


def test_each_log_has_a_state_of_its_own(state: SqliteCosignerState) -> None:
    state.swap(None, TREE.checkpoint(5), "a")
    state.swap(None, TREE.checkpoint(7, "other.example/2026"), "b")
    assert state.last(LOG.name) == (TREE.checkpoint(5), "a")


@pytest.mark.parametrize("processes", [1, 2], ids=["one state", "two states over one file"])
def test_of_a_thousand_conflicting_requests_one_tree_of_a_size_is_signed(
    tmp_path: Path, processes: int
) -> None:
    """A history and its branch, sent for the same sizes at once: C4 of the threat model."""
    states = [SqliteCosignerState(tmp_path / "state.sqlite") for _ in range(processes)]
    services = [service(state, KEYS[:1]) for state in states]
    services[0].add_checkpoint(TREE.request(0, 2).to_bytes())
    requests = (conflicting() * 3)[:1000]
    signed: set[Checkpoint] = set()
    lock = threading.Lock()

    def send(number: int) -> None:
        body = requests[number]
        try:
            answer = services[number % processes].add_checkpoint(body)
        except (StaleSize, BadProof):
            return
        text = AddCheckpoint.from_bytes(body).note.text
        checkpoint = Checkpoint.from_text(text)
        note = SignedNote.from_bytes(text.encode() + b"\n" + answer)
        assert check_cosignature(note, checkpoint, KEYS[0].verifier)
        with lock:
            signed.add(checkpoint)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(send, range(len(requests))))
    check_one_history(signed)
    assert len(signed) > 3
    for state in states:
        state.close()


# --- parts of a tree -----------------------------------------------------------------------------

VERIFIERS = [k.verifier for k in KEYS]


def subtree_proof(start: int, end: int, hashes: list[bytes]) -> list[bytes]:
    """SP(start, end, D[n]) as draft-ietf-plants-merkle-tree-certs section 4 defines it."""

    def prove(start: int, end: int, hashes: list[bytes], known: bool) -> list[bytes]:
        n = len(hashes)
        if (start, end) == (0, n):
            return [] if known else [root_of(hashes)]
        k = 1 << (n - 1).bit_length() - 1
        if end <= k:
            return [*prove(start, end, hashes[:k], known), root_of(hashes[k:])]
        if k <= start:
            return [*prove(start - k, end - k, hashes[k:], known), root_of(hashes[:k])]
        return [*prove(0, end - k, hashes[k:], False), root_of(hashes[:k])]

    return [] if start == end else prove(start, end, hashes, True)


def cosigned(size: int, tree: Tree = TREE, signers: tuple[SigningKey, ...] = KEYS) -> SignedNote:
    lines = [sign_checkpoint(tree.checkpoint(size), signer, 1_795_430_400) for signer in signers]
    return tree.note(size).with_signatures(lines)


def subtree(start: int, end: int, size: int, note: SignedNote | None = None) -> SignSubtree:
    proof = subtree_proof(start, end, TREE.leaves[:size])
    root = root_of(TREE.leaves[start:end])
    return SignSubtree(start, end, root, tuple(proof), note or cosigned(size))


def valid_subtrees(size: int) -> Iterator[tuple[int, int]]:
    for start in range(size + 1):
        for end in range(start, size + 1):
            if start % (1 << max(end - start - 1, 0).bit_length()) == 0:
                yield start, end


@pytest.mark.parametrize("size", [1, 2, 7, 8, 21])
def test_every_part_of_a_tree_that_was_cosigned_may_be_signed(size: int) -> None:
    for start, end in valid_subtrees(size):
        request = SignSubtree.from_bytes(subtree(start, end, size).to_bytes())
        decide_subtree(request, LOGS, VERIFIERS)


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (subtree(3, 5, 21), BadRequest),
        (SignSubtree(5, 4, bytes(32), (), cosigned(21)), BadRequest),
        (SignSubtree(16, 24, bytes(32), (), cosigned(21)), BadRequest),
        (subtree(4, 8, 21, TREE.note(21)), BadSignature),
        (subtree(4, 8, 21, cosigned(21, signers=(cosigner("other.example"),))), BadSignature),
        (subtree(4, 8, 21, cosigned(21, BRANCH)), BadProof),
        (SignSubtree(4, 8, bytes(32), subtree(4, 8, 21).proof, cosigned(21)), BadProof),
        (SignSubtree(4, 8, subtree(4, 8, 21).subtree, (), cosigned(21)), BadProof),
        (replace(subtree(4, 8, 21), start=8, end=12), BadProof),
    ],
)
def test_a_part_that_may_not_be_signed_is_refused_as_the_protocol_says(
    request_: SignSubtree, refusal: type[LedgerError]
) -> None:
    with pytest.raises(refusal):
        decide_subtree(request_, LOGS, VERIFIERS)


def test_a_part_of_an_unknown_log_is_refused() -> None:
    with pytest.raises(Unknown):
        decide_subtree(subtree(4, 8, 21), {}, VERIFIERS)


def test_a_line_of_ours_that_does_not_hold_is_none() -> None:
    good = cosigned(21)
    bad = [Signature(s.name, s.key_id, s.value[:-1] + b"x") for s in good.signatures]
    with pytest.raises(BadSignature):
        decide_subtree(subtree(4, 8, 21, SignedNote(good.text, tuple(bad))), LOGS, VERIFIERS)


@pytest.mark.parametrize(
    "data",
    [b"", b"subtree 1\n", b"subtree 0 1\n\n", b"subtree 0 1 2\n", b"old 0\n\n", b"subtree -1 1\n"],
)
def test_what_is_no_request_for_a_part_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        SignSubtree.from_bytes(data + cosigned(21).to_bytes())


# --- what it may have forgotten ------------------------------------------------------------------


@pytest.mark.parametrize(
    "last", [None, TREE.checkpoint(0), TREE.checkpoint(4), BRANCH.checkpoint(5)]
)
@pytest.mark.parametrize("signer", KEYS)
def test_its_own_signature_over_more_than_it_remembers_stops_it(
    last: Checkpoint | None, signer: SigningKey
) -> None:
    with pytest.raises(Forgotten, match="cosigned a tree of 5 entries"):
        check_memory(cosigned(5, signers=(signer,)), LOG.verifier, VERIFIERS, last)


@pytest.mark.parametrize(
    "note",
    [
        TREE.note(5),
        cosigned(5, signers=(cosigner("other.example"),)),
        SignedNote(cosigned(5).text, cosigned(5).signatures[1:]),
        SignedNote(TREE.note(6).text, (*TREE.note(6).signatures, *cosigned(5).signatures[1:])),
    ],
    ids=["the log's only", "somebody else's", "not the log's", "of another tree"],
)
def test_what_it_did_not_sign_does_not_stop_it(note: SignedNote) -> None:
    check_memory(note, LOG.verifier, VERIFIERS, None)


@pytest.mark.parametrize("size", [5, 6, 40])
def test_what_it_remembers_does_not_stop_it(size: int) -> None:
    check_memory(cosigned(5), LOG.verifier, VERIFIERS, TREE.checkpoint(size))
