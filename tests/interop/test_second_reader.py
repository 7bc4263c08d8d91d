"""`second_reader.py` and this project read the same texts, and must not differ about a byte."""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interop import second_reader as second
from ledger.errors import LedgerError
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import Algorithm
from ledger.tlog.policy import Policy
from ledger.tlog.proof import prove_consistency, prove_inclusion, subtree_root
from ledger.tlog.receipt import Receipt
from testkit.case import LOG
from testkit.keys import cosigner, key
from testkit.public_logs import LARGE, SIZES

SOURCE = Path(second.__file__)


def test_it_imports_nothing_of_ours() -> None:
    imported = set()
    for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module is not None
            imported.add(node.module.partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    assert not imported & {"importlib", "runpy", "subprocess"}


# --- trees -----------------------------------------------------------------------------------

LEAVES = [leaf_hash(b"%d" % n) for n in range(70)]


def _nodes(level: int, number: int) -> bytes:
    return second.Tree(LEAVES).root(number << level, (number + 1) << level)


def test_both_build_the_same_proofs() -> None:
    tree = second.Tree(LEAVES)
    for size in range(1, len(LEAVES) + 1):
        assert subtree_root(0, size, _nodes) == tree.root(0, size)
        for n in range(size):
            assert list(prove_inclusion(n, size, _nodes)) == tree.path(n, 0, size)
            assert list(prove_consistency(n + 1, size, _nodes)) == tree.consistency(n + 1, 0, size)


def _checkpoint(folder: Path) -> tuple[second.Checkpoint, dict[str, int]]:
    policy = second.read_policy((folder / "policy").read_bytes())
    return second.open_checkpoint((folder / "public" / "checkpoint").read_bytes(), policy)


def test_the_larger_log_is_the_smaller_one_grown(logs: Path) -> None:
    (old, _), (new, times) = (_checkpoint(logs / str(size)) for size in LARGE)
    entries = second.read_log(logs / str(LARGE[1]) / "public", new)
    proof = second.Tree(list(map(second.leaf, entries))).consistency(old.size, 0, new.size)
    second.check_consistency(old, new, proof)
    assert times.keys() == {"notary", "court"}
    for wrong in (proof[:-1], [*proof, proof[0]], [*reversed(proof)], []):
        with pytest.raises(second.Wrong):
            second.check_consistency(old, new, wrong)


# --- receipts --------------------------------------------------------------------------------


def _receipts(folder: Path) -> Iterator[tuple[bytes, bytes]]:
    for path in sorted((folder / "receipts").glob("*.tlog-proof")):
        yield path.read_bytes(), path.with_suffix(".entry").read_bytes()


@pytest.mark.parametrize("size", SIZES)
def test_it_opens_our_receipts(logs: Path, size: int) -> None:
    policy = second.read_policy((logs / str(size) / "policy").read_bytes())
    opened = [second.open_receipt(*pair, policy)[0] for pair in _receipts(logs / str(size))]
    assert len(opened) == len(set(opened)) >= min(size, 4)
    assert {0, size - 1} <= set(opened)


def test_it_opens_the_receipts_of_a_packet(own_vectors: Path) -> None:
    packet = own_vectors / "worked-packet"
    policy = second.read_policy((packet / "trust/policy/2026").read_bytes())
    for path in (packet / "packet/data/proofs").iterdir():
        name, _, size = path.stem.partition("@")
        entry = (packet / f"packet/data/entries/{name}.json").read_bytes()
        index, checkpoint = second.open_receipt(path.read_bytes(), entry, policy)
        assert (f"2026-{index}", str(checkpoint.size)) == (name, size)


def test_a_receipt_is_of_its_entry_alone(logs: Path) -> None:
    policy = second.read_policy((logs / "257/policy").read_bytes())
    (receipt, _), (_, other), *_ = _receipts(logs / "257")
    with pytest.raises(second.Wrong):
        second.open_receipt(receipt, other, policy)


def test_both_refuse_a_receipt_with_any_byte_changed(logs: Path) -> None:
    text = (logs / "257/policy").read_bytes()
    theirs, ours = second.read_policy(text), Policy.from_bytes(text)
    receipt, entry = next(_receipts(logs / "257"))
    assert _ours(receipt, entry, ours)
    for at in range(len(receipt)):
        altered = receipt[:at] + bytes([receipt[at] ^ 1]) + receipt[at + 1 :]
        assert not _ours(altered, entry, ours), at
        with pytest.raises((second.Wrong, UnicodeDecodeError)):
            second.open_receipt(altered, entry, theirs)


def _ours(receipt: bytes, entry: bytes, policy: Policy) -> bool:
    try:
        cosigned = Receipt.from_bytes(receipt).open(leaf_hash(entry), policy)
    except LedgerError:
        return False
    return cosigned.quorum_time is not None


# --- cosignatures and policies ---------------------------------------------------------------


@pytest.fixture(scope="module")
def example(own_vectors: Path) -> dict[str, Any]:
    return dict(json.loads((own_vectors / "worked-example.json").read_text(encoding="utf-8")))


def _example_policy(example: dict[str, Any]) -> bytes:
    keys = [example[who]["vkey"] for who in ("log", "witness_ed25519", "witness_mldsa44")]
    lines = "log {}\nwitness a {}\nwitness b {}\ngroup both all a b\nquorum both\n"
    return lines.format(*keys).encode()


def test_it_opens_an_mldsa_cosignature(example: dict[str, Any]) -> None:
    policy = second.read_policy(_example_policy(example))
    receipt = example["tlog_proof_index_2"].encode()
    entry = bytes.fromhex(example["leaves_hex"][2])
    assert second.open_receipt(receipt, entry, policy)[0] == 2
    _, times = second.open_checkpoint(example["signed_note"].encode(), policy)
    assert times == dict.fromkeys("ab", example["witness_mldsa44"]["timestamp"])


def test_it_refuses_an_mldsa_cosignature_with_a_byte_changed(example: dict[str, Any]) -> None:
    policy = second.read_policy(_example_policy(example))
    lines = example["signed_note"].split("\n")
    (at,) = [n for n, line in enumerate(lines) if len(line) > 1000]
    for place in (200, 1600, 3000):
        other = "B" if lines[at][place] == "A" else "A"
        line = lines[at][:place] + other + lines[at][place + 1 :]
        altered = "\n".join([*lines[:at], line, *lines[at + 1 :]])
        with pytest.raises(second.Wrong, match="does not verify"):
            second.open_checkpoint(altered.encode(), policy)


def test_a_cosignature_of_another_tree_is_refused(logs: Path) -> None:
    old, new = (
        (logs / str(size) / "public/checkpoint").read_text().splitlines(keepends=True)
        for size in LARGE
    )
    policy = second.read_policy((logs / str(LARGE[1]) / "policy").read_bytes())
    assert [line.split()[1] for line in old[4:]] == [line.split()[1] for line in new[4:]]
    with pytest.raises(second.Wrong, match="does not verify"):
        second.open_checkpoint("".join([*new[:-1], old[-1]]).encode(), policy)
    with pytest.raises(second.Wrong, match="no quorum"):
        second.open_checkpoint("".join(new[:-1]).encode(), policy)


A, B, C = (cosigner(f"{name}.example/w1").verifier.to_text() for name in "abc")
D = key("d.example/w1", algorithm=Algorithm.COSIGNATURE_MLDSA44).verifier.to_text()
HEAD = f"log {LOG.verifier.to_text()}\nwitness a {A}\nwitness b {B}\nwitness c {C}\nwitness d {D}\n"
GROUPS = [
    "quorum none",
    "quorum a",
    "group g any a b c\nquorum g",
    "group g all a b c\nquorum g",
    "group g 2 a b c d\nquorum g",
    "group g 2 a b\ngroup h any c d\ngroup top all g h\nquorum top",
    "group g 1 a b\ngroup top 2 g c d\nquorum top",
]
BAD = [
    "",
    "quorum e",
    "quorum a\nquorum a",
    "group g 0 a b\nquorum g",
    "group g 3 a b\nquorum g",
    "group g 02 a b\nquorum g",
    "group g 1 a a\nquorum g",
    "group g 1 a e\nquorum g",
    "group g 1 a\ngroup h 1 a b\nquorum h",
    "group none 1 a\nquorum none",
    "group a 1 b\nquorum a",
    f"witness e {A}\nquorum e",
    f"witness e {C[:-4]}AAA=\nquorum e",
    "quorum a b",
    "quorum a # why",
    "else\nquorum a",
]


@pytest.mark.parametrize("rest", GROUPS)
def test_both_find_the_same_quorums(rest: str) -> None:
    text = f"{HEAD}{rest}\n"
    ours, theirs = Policy.from_text(text), second.read_policy(text.encode())
    for chosen in range(16):
        times = {name: 1 for n, name in enumerate("abcd") if chosen >> n & 1}
        if theirs.quorum == "none":
            assert ours.quorum is None
        else:
            assert theirs.satisfied(theirs.quorum, times) == (ours.quorum_time(times) == 1)


@pytest.mark.parametrize("rest", BAD)
def test_both_refuse_the_same_policies(rest: str) -> None:
    text = f"{HEAD}{rest}\n"
    with pytest.raises(LedgerError):
        Policy.from_text(text)
    with pytest.raises(second.Wrong):
        second.read_policy(text.encode())


def test_its_first_lines_say_how_to_run_it(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = re.findall(r"second_reader\.py (\w+) (.*)", second.__doc__ or "")
    assert [words[0] for words in usage] == ["log", "receipt"]
    folder = logs / "257"
    said = second.main(["log", str(folder / "public"), str(folder / "policy")])
    assert said == f"{LOG.name}: 257 entries, cosigned by court, notary"
    files = (folder / "receipts/256.tlog-proof", folder / "receipts/256.entry", folder / "policy")
    assert second.main(["receipt", *map(str, files)]) == f"{LOG.name}: entry 256 of 257"
    with pytest.raises(second.Wrong, match="want: log"):
        second.main([])
