import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.chainpoint import ANCHOR, chainpoint, checkpoint_uri, steps_of
from cli.second_opinion import check_installed, check_path
from ledger.encoding import format_json
from ledger.errors import Rejected, Unavailable
from ledger.evidence.entry import Entry
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash, node_hash
from ledger.tlog.note import SignedNote
from ledger.tlog.receipt import Receipt
from testkit.chainpoint import evaluate

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "formats" / "chainpoint.md"
A, B, C = (leaf_hash(x) for x in (b"a", b"b", b"c"))
AB = node_hash(A, B)
ABC = Checkpoint("ledger.example/2026", 3, node_hash(AB, C))
URI = "https://ledger.example/log/2026/checkpoint"
PREFIX_AND_HASH = [{"l": "01"}, {"op": "sha-256"}]


def ops(index: int, leaf: bytes, proof: tuple[bytes, ...]) -> list[dict[str, object]]:
    document = chainpoint(leaf, steps_of(index, leaf, proof, ABC), ABC, URI)
    return list(document["branches"][0]["ops"])


def test_each_sibling_is_joined_on_its_side_and_prefixed_before_it_is_hashed() -> None:
    to_the_right = [{"r": B.hex()}, *PREFIX_AND_HASH, {"r": C.hex()}, *PREFIX_AND_HASH]
    assert ops(0, A, (B, C))[:-1] == to_the_right
    assert ops(1, B, (A, C))[:-1] == [{"l": A.hex()}, *to_the_right[1:]]
    assert ops(2, C, (AB,))[:-1] == [{"l": AB.hex()}, *PREFIX_AND_HASH]


def test_a_tree_of_one_has_no_operation_but_its_anchor() -> None:
    checkpoint = Checkpoint("ledger.example/2026", 1, A)
    (op,) = chainpoint(A, steps_of(0, A, (), checkpoint), checkpoint, URI)["branches"][0]["ops"]
    assert list(op) == ["anchors"]


def test_the_anchor_names_log_size_and_root_and_no_blockchain() -> None:
    assert ops(2, C, (AB,))[-1] == {
        "anchors": [
            {
                "type": "tiezheng-checkpoint",
                "anchor_id": f"ledger.example/2026 3 {ABC.root.hex()}",
                "uris": [URI],
            }
        ]
    }
    # All that Chainpoint's own schemas admit, from 0.0.2 to 2.1.1.
    assert ANCHOR not in {"cal", "tcal", "btc", "tbtc", "eth"}


def test_a_reader_that_joins_without_prefix_comes_to_another_root() -> None:
    """Version 2 knows `left` and `right` and nothing else; so it is not written."""
    document = chainpoint(C, steps_of(2, C, (AB,), ABC), ABC, URI)
    (branch,) = document["branches"]
    branch["ops"] = [op for op in branch["ops"] if op != {"l": "01"}]
    ((_, value),) = evaluate(document)
    assert value != ABC.root.hex()


@pytest.mark.parametrize(
    ("server", "uri"),
    [
        ("https://ledger.example", URI),
        ("https://ledger.example/", URI),
        ("https://ledger.example:8443/a/", "https://ledger.example:8443/a/log/2026/checkpoint"),
        ("https://clerk:secret@ledger.example", URI),
        ("https://ledger.example?token=secret#x", URI),
        ("http://[::1]:8417", "http://[::1]:8417/log/2026/checkpoint"),
    ],
)
def test_the_uri_is_where_the_checkpoint_is_and_holds_no_secret(server: str, uri: str) -> None:
    assert checkpoint_uri(server, "2026") == uri


def test_a_label_from_outside_stays_one_part_of_the_path() -> None:
    uri = checkpoint_uri("https://ledger.example", "../x y")
    assert uri == "https://ledger.example/log/..%2Fx%20y/checkpoint"


def test_the_proof_on_the_page_is_made_from_the_worked_packet(own_vectors: Path) -> None:
    block = re.search(
        r"<!-- chainpoint of (.+?) -->\n```json\n(.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL
    )
    assert block is not None
    data = own_vectors / "worked-packet" / "packet" / "data"
    receipt = Receipt.from_bytes((data / "proofs" / block[1]).read_bytes())
    entry = Entry.from_bytes((data / "entries" / f"2026-{receipt.index}.json").read_bytes())
    checkpoint = Checkpoint.from_text(SignedNote.from_text(receipt.note).text)
    leaf = entry.leaf_hash()
    steps = steps_of(receipt.index, leaf, receipt.proof, checkpoint)
    made = format_json(chainpoint(leaf, steps, checkpoint, URI))
    assert format_json(json.loads(block[2])) == made


# --- the second opinion ----------------------------------------------------------------------


def ended(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_one_warning_of_merkletools_is_silenced() -> None:
    bare = ended("import merkletools")
    assert (bare.returncode, "sha3 is not working!" in bare.stderr) == (1, True)
    wrapped = ended("from cli.second_opinion import check_installed; check_installed()")
    assert (wrapped.returncode, wrapped.stderr) == (0, "")


def test_other_warnings_of_merkletools_are_not(tmp_path: Path) -> None:
    (tmp_path / "merkletools.py").write_text("import warnings; warnings.warn('something else')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    done = ended(code + "from cli.second_opinion import check_installed; check_installed()")
    assert done.returncode == 1
    assert "something else" in done.stderr


def test_where_merkletools_is_missing_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "merkletools", None)
    with pytest.raises(Unavailable, match="is not installed") as refused:
        check_installed()
    assert "pip install --no-deps merkletools==1.0.3" in refused.value.hints[0]


def test_an_opinion_that_differs_is_a_refusal() -> None:
    check_path(A, (), A)
    with pytest.raises(Rejected, match="merkletools does not come to the root"):
        check_path(A, (), B)
