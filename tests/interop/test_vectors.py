"""Other people's vectors, run through our readers.

Each test collects the names of the cases that disagree; where we differ on
purpose, the test says from what and why.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger import suite
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.consistency import (
    check_consistency,
    check_subtree_consistency,
    check_subtree_inclusion,
)
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.merkle import check_inclusion, leaf_hash, root_of
from ledger.tlog.note import Algorithm, SignedNote, VerifierKey, check_note
from ledger.tlog.policy import Policy
from ledger.tlog.proof import subtree_root
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey, sign_note
from ledger.tlog.tile import ENTRIES, WIDTH, Tile, bundles_of, tiles_of
from ledger.tlog.tiling import Tiling


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _refused(call: Callable[..., object], *arguments: object) -> bool:
    try:
        call(*arguments)
    except LedgerError:
        return True
    return False


# --- trees ---------------------------------------------------------------------------------


def test_the_classic_tree_has_its_hashes_at_every_size(vectors: Path) -> None:
    roots = _load(vectors / "merkle-roots/roots.json")
    leaves = [leaf_hash(bytes.fromhex(x)) for x in roots["leaf_inputs_hex"]]
    levels = [[bytes.fromhex(x) for x in level] for level in roots["node_hashes_hex_by_level"]]
    assert leaves == levels[0]
    assert len(roots["root_hash_hex_by_size"]) == 9
    for size, root in enumerate(roots["root_hash_hex_by_size"]):
        assert root_of(leaves[:size]).hex() == root
        assert subtree_root(0, size, lambda level, i: levels[level][i]).hex() == root


def _cases(folder: Path) -> Iterator[tuple[str, dict[str, Any], tuple[bytes, ...]]]:
    for path in sorted(folder.rglob("*.json")):
        case = _load(path)
        yield str(path.relative_to(folder)), case, tuple(map(b64decode, case["proof"] or ()))


def _inclusion(case: dict[str, Any], proof: tuple[bytes, ...]) -> None:
    leaf, root = b64decode(case["leafHash"] or ""), b64decode(case["root"] or "")
    check_inclusion(case["leafIdx"], case["treeSize"], leaf, proof, root)


def _consistency(case: dict[str, Any], proof: tuple[bytes, ...]) -> None:
    root1, root2 = b64decode(case["root1"] or ""), b64decode(case["root2"] or "")
    check_consistency(case["size1"], case["size2"], root1, root2, proof)


def _subtree_inclusion(case: dict[str, Any], proof: tuple[bytes, ...]) -> None:
    leaf, root = b64decode(case["leafHash"] or ""), b64decode(case["root"] or "")
    check_subtree_inclusion(case["leafIdx"], case["start"], case["end"], leaf, proof, root)


def _subtree_consistency(case: dict[str, Any], proof: tuple[bytes, ...]) -> None:
    root1, root2 = b64decode(case["root1"] or ""), b64decode(case["root2"] or "")
    check_subtree_consistency(case["start"], case["end"], case["size"], root1, root2, proof)


# They take "don't care 1" for a root where no hash is computed; for us a root has 32 bytes.
NO_HASH = [
    "additional/sizes-are-equal-one-and-proof-is-empty.json",
    "additional/subtree-is-empty-sizes-are-equal-one-subtree-root-valid-tree-root-random-proof-is-empty.json",
    "additional/subtree-is-empty-sizes-are-equal-zero-subtree-root-valid-tree-root-random-proof-is-empty.json",
]


@pytest.mark.parametrize(
    ("folder", "count", "check", "stricter"),
    [
        ("inclusion", 98, _inclusion, []),
        ("consistency", 98, _consistency, []),
        ("subtreeinclusion", 204, _subtree_inclusion, []),
        ("subtreeconsistency", 118, _subtree_consistency, NO_HASH),
    ],
)
def test_proofs_hold_or_fail_as_transparency_dev_says(
    vectors: Path, folder: str, count: int, check: Callable[..., None], stricter: list[str]
) -> None:
    cases = list(_cases(vectors / "merkle-proofs" / folder))
    assert len(cases) == count
    refused = {name for name, case, proof in cases if _refused(check, case, proof)}
    assert refused - set(stricter) == {name for name, case, _ in cases if case["wantErr"]}
    assert refused >= set(stricter)


# --- notes and keys ------------------------------------------------------------------------


def test_go_signs_the_same_note(vectors: Path) -> None:
    case = _load(vectors / "note/sumdb-note.json")
    signer = SigningKey.from_text(case["signers"][0]["skey"])
    assert signer.verifier.to_text() == case["signers"][0]["vkey"]
    assert sign_note(case["text"], signer).to_text() == case["sig_lines"]["PeterNeumann"]


def test_a_note_with_two_signatures_of_go_is_believed(vectors: Path) -> None:
    case = _load(vectors / "note/sumdb-note.json")
    note = SignedNote.from_text(case["text"] + "\n" + "".join(case["sig_lines"].values()))
    check_note(note, VerifierKey.from_text(case["signers"][0]["vkey"]))
    check_note(note, VerifierKey.from_text(case["other_vkeys"][0]))


def test_every_part_of_a_key_and_every_step_away_from_it_is_refused(vectors: Path) -> None:
    case = _load(vectors / "note/sumdb-note.json")
    vkey = case["signers"][0]["vkey"]
    size = len(vkey)
    bad = [vkey[i:j] for i in range(size) for j in range(i, size + 1) if j - i < size]
    bad += [vkey[:i] + chr(ord(vkey[i]) + 1) + vkey[i + 1 :] for i in range(size)]
    bad += case["bad_vkeys"]
    assert [text for text in bad if not _refused(VerifierKey.from_text, text)] == []


def test_the_notes_that_go_calls_malformed_are_malformed(vectors: Path) -> None:
    case = _load(vectors / "note/sumdb-note.json")
    peter = case["sig_lines"]["PeterNeumann"]
    wrong = []
    for malformed in case["malformed"]:
        template = malformed["note"].replace("\\n", "\n").replace("{text}", case["text"])
        template = template.replace("{peter without final newline}", peter[:-1])
        template = template.replace("{peter x 101}", peter * 101).replace("{peter}", peter)
        data = template.encode().replace(b"0x01 ", b"\x01").replace(b"0xff ", b"\xff")
        try:
            SignedNote.from_bytes(data)
        except Malformed:
            continue
        wrong.append(malformed["desc"])
    assert wrong == []
    assert len(case["malformed"]) == 8


def test_a_known_key_with_a_bad_signature_refuses_the_note(vectors: Path) -> None:
    case = _load(vectors / "note/sumdb-note.json")
    line = case["sig_lines"]["PeterNeumann"].encode()
    data = case["text"].encode() + b"\n" + line[:60] + b"ABCD" + line[60:]
    data += case["sig_lines"]["EnochRoot"].encode()
    with pytest.raises(Rejected):
        check_note(SignedNote.from_bytes(data), VerifierKey.from_text(case["signers"][0]["vkey"]))


def test_the_example_of_signed_note_is_believed(vectors: Path) -> None:
    case = _load(vectors / "note/c2sp-signed-note.json")
    check_note(SignedNote.from_text(case["note"]), VerifierKey.from_text(case["vkey"]))


def test_keys_of_our_types_are_read_and_others_refused_by_name(vectors: Path) -> None:
    keys = _load(vectors / "note/formats-keys.json")
    for kind in ("ed25519", "ed25519_cosignature", "mldsa44_cosignature"):
        for case in keys[kind]:
            key = VerifierKey.from_text(case["vkey"])
            assert key.to_text() == case["vkey"]
            assert key.algorithm is Algorithm(case["type"])
            if "skey" in case:
                assert SigningKey.from_text(case["skey"]).verifier == key
    # ECDSA (2) and the tree heads of RFC 6962 (5) are for logs of certificates.
    for case in keys["ecdsa_p256"] + keys["rfc6962"]:
        with pytest.raises(Malformed, match=f"no key type 0x0{case['type']} here"):
            VerifierKey.from_text(case["vkey"])


def test_a_key_id_that_is_not_the_key_s_is_refused_where_upstream_never_compares(
    vectors: Path,
) -> None:
    keys = _load(vectors / "note/formats-keys.json")
    for case in keys["mldsa44_cosignature_wrong_key_id"]:
        with pytest.raises(Malformed, match=case["right_key_id"]):
            VerifierKey.from_text(case["vkey"])
    for text in keys["bad_vkeys"]:
        with pytest.raises(Malformed):
            VerifierKey.from_text(text)


def test_notes_of_ecdsa_logs_are_read_but_nobody_here_can_believe_them(vectors: Path) -> None:
    for case in _load(vectors / "note/formats-keys.json")["ecdsa_notes"]:
        note = SignedNote.from_text(case["note"])
        assert note.to_text() == case["note"]
        assert Checkpoint.from_text(note.text).to_text() == note.text


def test_the_time_of_a_cosignature_follows_the_key_id(vectors: Path) -> None:
    case = _load(vectors / "note/formats-keys.json")["cosignature_timestamp"]
    note = SignedNote.from_text(f"text\n\n— remora {case['sig_base64']}\n")
    assert int.from_bytes(note.signatures[0].value[:8], "big") == case["unix"]


# --- checkpoints and cosignatures ----------------------------------------------------------


def test_tree_heads_of_the_go_checksum_database_are_refused_for_their_name(vectors: Path) -> None:
    # tlog-checkpoint asks for an origin without spaces that is the key's name; theirs is neither.
    case = _load(vectors / "checkpoint/sumdb-tree-note.json")
    with pytest.raises(Malformed, match="without spaces"):
        Checkpoint.from_text(case["good"])
    good = case["good"].replace(" ", "-")
    assert Checkpoint.from_text(good).root == leaf_hash(b"hello world")
    for text in case["bad"]:
        with pytest.raises(Malformed):
            Checkpoint.from_text(text.replace(" ", "-"))
    # Extension lines, which we refuse as no ML-DSA cosignature covers them.
    for more in case["good_with_trailing"]:
        with pytest.raises(Malformed, match="three lines"):
            Checkpoint.from_text(good + more)


@pytest.mark.parametrize("name", ["mirror", "witness", "witness2"])
def test_the_cosignatures_of_skylight_hold(vectors: Path, name: str) -> None:
    folder = vectors / "cosignature"
    note = SignedNote.from_bytes((folder / f"skylight-{name}.checkpoint").read_bytes())
    key = VerifierKey.from_text(_load(folder / f"skylight-{name}.v0.json")["verifier_keys"][0])
    checkpoint = Checkpoint.from_text(note.text)
    assert check_cosignature(note, checkpoint, key) == 0x69546780
    with pytest.raises(Rejected):
        other = Checkpoint(checkpoint.origin, checkpoint.size + 1, checkpoint.root)
        check_cosignature(note, other, key)


def test_the_example_of_tlog_cosignature_is_read(vectors: Path) -> None:
    data = (vectors / "cosignature/c2sp-example-parse-only.checkpoint").read_bytes()
    note = SignedNote.from_bytes(data)
    assert note.to_bytes() == data
    assert Checkpoint.from_text(note.text).size == 20852163
    assert [len(s.value) for s in note.signatures] == [64, 72]


# --- tiles ---------------------------------------------------------------------------------


def test_the_log_of_tessera_is_written_again_byte_for_byte(vectors: Path) -> None:
    folder = vectors / "tiles/tessera-posix-15"
    keys = _load(vectors / "tiles/tessera-posix-15.keys.json")
    log = SigningKey.from_text(keys["skey"])
    assert log.verifier.to_text() == keys["vkey"]
    tiling = Tiling()
    written: dict[str, bytes] = {}
    for size in range(16):
        if size:
            assert list(tiling.append([keys["leaves"][size - 1].encode()])) == []
        written |= {tile.to_path(): data for tile, data in tiling.partial()}
        text = Checkpoint(log.name, size, tiling.root()).to_text()
        note = SignedNote(text, (sign_note(text, log),))
        written[f"checkpoint.{size}"] = note.to_bytes()
        assert open_checkpoint(note, log.verifier).size == size
    written["checkpoint"] = written["checkpoint.15"]
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    # Tessera's own bookkeeping, no part of tlog-tiles.
    files = {name: p for name, p in files.items() if not name.startswith(".state/")}
    assert written.keys() == files.keys()
    assert [name for name, data in written.items() if files[name].read_bytes() != data] == []


def test_tiles_have_the_paths_of_tessera(vectors: Path) -> None:
    cases = _load(vectors / "tile-paths/tessera-tile-paths.json")
    for index, size, path in cases["entries_for_index"]:
        number = index // WIDTH
        assert Tile(ENTRIES, number, min(WIDTH, size - number * WIDTH)).to_path() == path
    for level, number, width, path in cases["tile_path"]:
        assert Tile(level, number, width or WIDTH).to_path() == path
    for level, rest, *tile in cases["parse_ok"]:
        tile[2] = tile[2] or WIDTH
        assert Tile.from_path(f"tile/{level}/{rest}") == Tile(*tile)
    paths = [f"tile/{level}/{rest}" for level, rest in cases["parse_bad"]]
    assert [path for path in paths if not _refused(Tile.from_path, path)] == []


def test_70000_entries_have_the_partial_widths_of_tlog_tiles(vectors: Path) -> None:
    cases = _load(vectors / "tile-paths/tessera-tile-paths.json")
    for level in range(3):
        tiles = [tile for tile in tiles_of(70_000) if tile.level == level]
        full = [tile for tile in tiles if tile.full]
        said = f"{len(full)} full + width {tiles[-1].width}".removeprefix("0 full + ")
        assert said == cases["partial_widths_of_size_70000"][f"level{level}"]
    assert [b.width for b in bundles_of(70_000)][-1] == 112


# --- policies ------------------------------------------------------------------------------

LOG = SigningKey("log.example", Algorithm.ED25519, bytes(range(32))).verifier


def _as_ours(policy: str) -> str:
    """With the one log line that ours have, and cosigners' keys of type 4.

    transparency-dev reads plain note keys (type 1) as cosigners'; the draft knows
    only cosignature keys there.
    """
    words = []
    for word in policy.split(" "):
        if word.count("+") >= 2:
            name, _, typed = word.split("+", 2)
            public = b64decode(typed)[1:]
            word = VerifierKey(name, Algorithm.COSIGNATURE_ED25519, public).to_text()
        words.append(word)
    return f"log {LOG.to_text()}\n" + " ".join(words)


def test_policies_are_read_as_the_draft_says_and_no_laxer(vectors: Path) -> None:
    cases = _load(vectors / "policy/formats-policies.json")
    assert len(cases) == 11
    answers: dict[str, str] = {}
    for case in cases:
        try:
            policy = Policy.from_text(_as_ours(case["policy"]))
        except Malformed as error:
            answers[case["desc"]] = str(error)
        else:
            assert [g.threshold for g in policy.groups] == [case["top_threshold"]]
            answers[case["desc"]] = "read"
    good = {case["desc"]: answers.pop(case["desc"]) for case in cases if not case["want_error"]}
    assert "read" not in answers.values()
    assert good.pop("tidy") == "read"
    # The draft knows whole-line comments only.
    assert "want log, witness, group or quorum" in good.pop("whitespace and comments")
    # w2 and w3 have one key; it would count twice.
    for desc in ("group numerical", "group all", "group any"):
        assert "stands here twice" in good.pop(desc)
    assert good == {}


def test_a_plain_note_key_is_no_cosigner_in_a_policy(vectors: Path) -> None:
    tidy = _load(vectors / "policy/formats-policies.json")[0]["policy"]
    with pytest.raises(Malformed, match="key type 0x01 has no place"):
        Policy.from_text(f"log {LOG.to_text()}\n{tidy}")


def test_policies_without_a_log_are_refused(vectors: Path) -> None:
    for case in _load(vectors / "policy/formats-policies.json"):
        with pytest.raises(Malformed):
            Policy.from_text(_as_ours(case["policy"]).split("\n", 1)[1])


# --- receipts ------------------------------------------------------------------------------


def test_receipts_are_framed_as_transparency_dev_frames_them(vectors: Path) -> None:
    cases = _load(vectors / "tlog-proof/formats-proof.json")
    for case in cases["marshal"]:
        extra = None if case["extra_b64"] is None else b64decode(case["extra_b64"])
        proof = tuple(map(b64decode, case["hashes_b64"]))
        receipt = Receipt(case["index"], proof, case["checkpoint"], extra)
        assert receipt.to_text() == case["want"]
        assert Receipt.from_text(case["want"]) == receipt
    bad = cases["must_fail"]
    assert [c["desc"] for c in bad if not _refused(Receipt.from_text, c["bytes"])] == []


def test_the_abbreviated_example_of_tlog_proof_is_refused(vectors: Path) -> None:
    # Its frame is whole; what is cut are the signature lines, read only when it is opened.
    data = (vectors / "tlog-proof/c2sp-example-shape-only.tlog-proof").read_bytes()
    receipt = Receipt.from_bytes(data)
    assert receipt.to_bytes() == data
    with pytest.raises(Malformed, match="want base64"):
        receipt.open(bytes(32), Policy(LOG, (), (), None))


# --- requests to cosigners: the part that needs no state -----------------------------------


def _request(body: str) -> tuple[int, tuple[bytes, ...], SignedNote]:
    head, _, note = body.partition("\n\n")
    old, *proof = head.split("\n")
    return int(old.removeprefix("old ")), tuple(map(b64decode, proof)), SignedNote.from_text(note)


def _opened(body: str, key: VerifierKey) -> Checkpoint:
    return open_checkpoint(_request(body)[2], key)


def test_what_litewitness_finds_wrong_in_a_request_is_wrong_here(vectors: Path) -> None:
    case = _load(vectors / "witness-http/litewitness-sigsum.json")
    key = VerifierKey.from_text(case["log_vkey"])
    roots: dict[int, bytes] = {}
    seen = []
    for exchange in case["exchanges"]:
        seen.append(exchange["status"])
        if exchange["status"] == 403:
            # One of the two ends in a base64 digit with loose bits, which is malformed here.
            assert _refused(_opened, exchange["request_body"], key)
            continue
        old, proof, note = _request(exchange["request_body"])
        checkpoint = open_checkpoint(note, key)
        if exchange["status"] == 409:
            continue  # a question of state only
        if exchange["status"] == 422:
            with pytest.raises(Rejected):
                check_consistency(old, checkpoint.size, roots[old], checkpoint.root, proof)
            continue
        if old:
            check_consistency(old, checkpoint.size, roots[old], checkpoint.root, proof)
        roots[checkpoint.size] = checkpoint.root
    assert seen == [200, 403, 403, 422, 422, 200, 409, 200, 409]


def test_the_go_checksum_database_signs_under_a_name_that_is_not_its_origin(vectors: Path) -> None:
    case = _load(vectors / "witness-http/litewitness-sumdb.json")
    _, _, note = _request(case["exchanges"][0]["request_body"])
    key = VerifierKey.from_text(case["log_vkey"])
    check_note(note, key)
    with pytest.raises(Malformed):
        open_checkpoint(note, key)


def test_the_example_request_of_tlog_witness_is_read(vectors: Path) -> None:
    path = vectors / "witness-http/c2sp-add-checkpoint-example-parse-only.txt"
    old, proof, note = _request(path.read_text(encoding="utf-8"))
    assert (old, len(proof), len(note.signatures)) == (20852014, 4, 2)
    assert Checkpoint.from_text(note.text).size == 20852163


def test_the_example_subtree_of_tlog_witness_does_not_verify(vectors: Path) -> None:
    case = _load(vectors / "witness-http/c2sp-sign-subtree-example-shape-only.json")
    subtree, root = b64decode(case["subtree_hash_b64"]), b64decode(case["root_b64"])
    proof = tuple(map(b64decode, case["proof_b64"]))
    with pytest.raises(Rejected):
        check_subtree_consistency(
            case["start"], case["end"], case["checkpoint_size"], subtree, root, proof
        )


# --- signatures ----------------------------------------------------------------------------


def test_ed25519_agrees_with_wycheproof(vectors: Path) -> None:
    wrong, count = [], 0
    for group in _load(vectors / "signatures/wycheproof-ed25519_test.json")["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            count += 1
            signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
            refused = _refused(suite.ed25519_verify, public, signature, message)
            if refused != (case["result"] == "invalid"):
                wrong.append(case["tcId"])
    assert (wrong, count) == ([], 151)


def test_mldsa_agrees_with_wycheproof_but_for_contexts(vectors: Path) -> None:
    wrong, count = [], 0
    for group in _load(vectors / "signatures/wycheproof-mldsa_44_verify_test.json")["testGroups"]:
        public = bytes.fromhex(group["publicKey"])
        for case in group["tests"]:
            count += 1
            signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
            refused = _refused(suite.mldsa_verify, public, signature, message)
            # C2SP signs with the empty context: a signature with another is none.
            if refused != (case["result"] == "invalid" or bool(case.get("ctx"))):
                wrong.append(case["tcId"])
    assert (wrong, count) == ([], 180)


def _accepts(case: dict[str, Any]) -> bool:
    key, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
    return not _refused(suite.ed25519_verify, key, signature, case["msg"].encode())


def _may_enrol(case: dict[str, Any]) -> bool:
    return not _refused(suite.ed25519_check_key, bytes.fromhex(case["key"]))


def test_the_odd_corners_of_ed25519_stay_where_they_are(vectors: Path) -> None:
    # There is no right answer. Two verifiers of one packet must not differ, so a
    # library that changes its answer is a change of ours.
    cases = _load(vectors / "signatures/cctv-ed25519vectors.json")
    accepted = [case for case in cases if _accepts(case)]
    assert (len(cases), len(accepted)) == (914, 208)


def test_no_key_of_low_order_can_be_enrolled(vectors: Path) -> None:
    cases = _load(vectors / "signatures/cctv-ed25519vectors.json")
    low = [case for case in cases if "low_order_A" in (case["flags"] or ())]
    assert len({case["key"] for case in low}) > 8
    assert [case["number"] for case in low if _may_enrol(case)] == []
    others = [case for case in cases if "low_order_A" not in (case["flags"] or ())]
    assert [case["number"] for case in others if not _may_enrol(case)] == []


def test_under_a_key_that_can_be_enrolled_no_signature_has_two_spellings(vectors: Path) -> None:
    cases = _load(vectors / "signatures/cctv-ed25519vectors.json")
    flags = {
        flag
        for case in cases
        if _may_enrol(case) and _accepts(case)
        for flag in case["flags"] or ()
    }
    assert "non_canonical_R" not in flags
    assert "non_canonical_A" not in flags
