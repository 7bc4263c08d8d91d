import json
from pathlib import Path
from typing import Any

import pytest

from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.consistency import check_consistency
from ledger.tlog.cosignature import check_cosignature, subtree_message
from ledger.tlog.merkle import check_inclusion, leaf_hash, root_of
from ledger.tlog.note import Algorithm, SignedNote, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.proof import TileNodes, prove_consistency, prove_inclusion
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note
from ledger.tlog.tile import ENTRIES, Tile, entries_from_bytes, hashes_from_bytes
from ledger.tlog.tiling import Tiling


@pytest.fixture(scope="module")
def example(own_vectors: Path) -> dict[str, Any]:
    text = (own_vectors / "worked-example.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _key(name: str, algorithm: Algorithm, said: dict[str, Any]) -> SigningKey:
    return SigningKey(name, algorithm, bytes.fromhex(said["seed_hex"]))


def _log(example: dict[str, Any]) -> SigningKey:
    return _key(example["log"]["origin"], Algorithm.ED25519, example["log"])


def _cosigners(example: dict[str, Any]) -> tuple[SigningKey, SigningKey]:
    old, new = example["witness_ed25519"], example["witness_mldsa44"]
    return (
        _key(old["name"], Algorithm.COSIGNATURE_ED25519, old),
        _key(new["name"], Algorithm.COSIGNATURE_MLDSA44, new),
    )


def _leaves(example: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(leaf) for leaf in example["leaves_hex"]]


def _checkpoint(example: dict[str, Any]) -> Checkpoint:
    root = root_of(map(leaf_hash, _leaves(example)))
    return Checkpoint(example["log"]["origin"], 5, root)


def test_the_keys_follow_from_their_seeds(example: dict[str, Any]) -> None:
    log, (old, new) = _log(example), _cosigners(example)
    for key, said in (
        (log, example["log"]),
        (old, example["witness_ed25519"]),
        (new, example["witness_mldsa44"]),
    ):
        assert key.verifier.to_text() == said["vkey"]
        assert key.verifier.key_id.hex() == said["key_id_hex"]
        assert VerifierKey.from_text(said["vkey"]) == key.verifier
    assert log.verifier.public.hex() == example["log"]["public_hex"]
    assert old.verifier.public.hex() == example["witness_ed25519"]["public_hex"]
    assert digest(new.verifier.public).hex() == example["witness_mldsa44"]["public_sha256"]


def test_the_tree_follows_from_its_leaves(example: dict[str, Any]) -> None:
    assert [leaf_hash(x).hex() for x in _leaves(example)] == example["leaf_hashes_hex"]
    assert _checkpoint(example).root.hex() == example["root_hex"]
    assert _checkpoint(example).to_text() == example["checkpoint_body"]


def test_the_tile_and_the_bundle_follow_from_the_leaves(example: dict[str, Any]) -> None:
    tiling = Tiling()
    assert list(tiling.append(_leaves(example))) == []
    assert {tile.to_path(): data.hex() for tile, data in tiling.partial()} == {
        "tile/0/000.p/5": example["tile_0_000_p_5_hex"],
        "tile/entries/000.p/5": example["entry_bundle_hex"],
    }


def test_the_proofs_follow_from_the_tile(example: dict[str, Any]) -> None:
    nodes = TileNodes(5, lambda tile: bytes.fromhex(example["tile_0_000_p_5_hex"]))
    root = bytes.fromhex(example["root_hex"])
    leaves = [leaf_hash(x) for x in _leaves(example)]
    for index, said in example["inclusion"].items():
        proof = prove_inclusion(int(index), 5, nodes)
        assert [h.hex() for h in proof] == said
        check_inclusion(int(index), 5, leaves[int(index)], proof, root)
    for size, said in example["consistency_to_5"].items():
        proof = prove_consistency(int(size), 5, nodes)
        assert [h.hex() for h in proof] == said
        check_consistency(int(size), 5, root_of(leaves[: int(size)]), root, proof)


def test_the_note_is_written_again_but_for_the_hedged_line(example: dict[str, Any]) -> None:
    checkpoint, (old, new) = _checkpoint(example), _cosigners(example)
    at = example["witness_ed25519"]["timestamp"]
    note = SignedNote.from_text(example["signed_note"])
    assert note.to_text() == example["signed_note"]
    assert note.text == checkpoint.to_text()
    assert note.signatures[0] == sign_note(note.text, _log(example))
    assert note.signatures[1] == sign_checkpoint(checkpoint, old, at)
    hedged, again = note.signatures[2], sign_checkpoint(checkpoint, new, at)
    assert (hedged.name, hedged.key_id) == (again.name, again.key_id)
    assert len(hedged.value) == len(again.value)
    assert check_cosignature(note, checkpoint, new.verifier) == at
    assert check_cosignature(SignedNote(note.text, (again,)), checkpoint, new.verifier) == at


def test_the_signed_messages_are_those_written_down(example: dict[str, Any]) -> None:
    note = SignedNote.from_text(example["signed_note"])
    old, new = _cosigners(example)
    messages = [
        example["witness_ed25519"]["message_hex"],
        example["witness_mldsa44"]["message_hex"],
    ]
    for key, line, message in zip((old, new), note.signatures[1:], messages, strict=True):
        key.verifier.verify(bytes.fromhex(message), line.value[8:])
    checkpoint = _checkpoint(example)
    at = example["witness_mldsa44"]["timestamp"]
    assert (
        subtree_message(new.name, at, checkpoint.origin, 0, 5, checkpoint.root).hex() == messages[1]
    )


def test_the_message_of_a_later_subtree_is_that_written_down(example: dict[str, Any]) -> None:
    name, origin = example["witness_mldsa44"]["name"], example["log"]["origin"]
    message = subtree_message(name, 0, origin, 4, 5, leaf_hash(_leaves(example)[4]))
    assert message.hex() == example["subtree_message_4_5_hex"]


def test_the_receipt_opens(example: dict[str, Any]) -> None:
    old, new = (key.verifier.to_text() for key in _cosigners(example))
    log = _log(example).verifier.to_text()
    policy = Policy.from_text(
        f"log {log}\nwitness a {old}\nwitness b {new}\ngroup both all a b\nquorum both\n"
    )
    receipt = Receipt.from_text(example["tlog_proof_index_2"])
    assert receipt.to_text() == example["tlog_proof_index_2"]
    assert receipt.note == example["signed_note"]
    cosigned = receipt.open(leaf_hash(_leaves(example)[2]), policy)
    assert cosigned.quorum_time == example["witness_ed25519"]["timestamp"]


# --- the packet ----------------------------------------------------------------------------


def _policy(packet: Path) -> Policy:
    return Policy.from_bytes((packet / "trust/policy/2026").read_bytes())


def test_the_checkpoint_of_the_packet_opens_under_its_policy(own_vectors: Path) -> None:
    packet = own_vectors / "worked-packet"
    policy = _policy(packet)
    assert policy.to_text().encode() == (packet / "trust/policy/2026").read_bytes()
    assert policy.overlap == 1
    data = (packet / "packet/data/checkpoints/2026.note").read_bytes()
    note = SignedNote.from_bytes(data)
    assert note.to_bytes() == data
    cosigned = policy.open(note)
    assert cosigned.checkpoint.size == 5
    assert cosigned.quorum_time == max(cosigned.times.values())
    assert len(cosigned.times) == 2


def test_the_public_log_of_the_packet_gives_its_root(own_vectors: Path) -> None:
    packet = own_vectors / "worked-packet"
    public = packet / "public/2026"
    checkpoint = _policy(packet).open(SignedNote.from_bytes((public / "checkpoint").read_bytes()))
    tile, bundle = Tile(0, 0, 5), Tile(ENTRIES, 0, 5)
    hashes = hashes_from_bytes((public / tile.to_path()).read_bytes(), 5)
    entries = entries_from_bytes((public / bundle.to_path()).read_bytes(), 5)
    assert tuple(map(leaf_hash, entries)) == hashes
    assert root_of(hashes) == checkpoint.checkpoint.root
    folder = packet / "packet/data/entries"
    assert [(folder / f"2026-{i}.json").read_bytes() for i in range(5)] == list(entries)


def test_the_receipts_of_the_packet_open(own_vectors: Path) -> None:
    packet = own_vectors / "worked-packet"
    paths = sorted((packet / "packet/data/proofs").glob("*.tlog-proof"))
    assert len(paths) == 6
    for path in paths:
        receipt = Receipt.from_bytes(path.read_bytes())
        assert receipt.to_bytes() == path.read_bytes()
        name, _, size = path.stem.partition("@")
        entry = (packet / f"packet/data/entries/{name}.json").read_bytes()
        cosigned = receipt.open(leaf_hash(entry), _policy(packet))
        assert cosigned.checkpoint.size == int(size)
        assert cosigned.quorum_time is not None
