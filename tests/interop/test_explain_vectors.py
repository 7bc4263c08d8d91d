"""Every vector of other people, good or bad, through `tiezheng inspect`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from ledger.encoding import printable

Told = Callable[[Path], tuple[int, dict[str, Any]]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Exit code and explanation; what a person would see must be fit for a terminal."""

    def told(path: Path) -> tuple[int, dict[str, Any]]:
        for lang in ("en", "zh"):
            main(["inspect", str(path), "--lang", lang])
            out = capsys.readouterr().out
            assert printable(out.replace("\n", "")) == out.replace("\n", "")
        code = main(["inspect", str(path), "--json"])
        out = capsys.readouterr().out
        return int(code), json.loads(out) if out else {}

    return told


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "file").write_text(text, encoding="utf-8")
    return tmp_path / "file"


def _find(value: dict[str, Any], name: str) -> list[str]:
    fields = value.get("fields", value.get("parts", []))
    return [f["value"] for f in fields if f["name"] == name] + [
        found for f in fields for found in _find(f, name)
    ]


def test_keys_of_every_type_are_explained(vectors: Path, tmp_path: Path, told: Told) -> None:
    keys = _load(vectors / "note/formats-keys.json")
    seen = set()
    for group in ("ed25519", "ecdsa_p256", "ed25519_cosignature", "rfc6962", "mldsa44_cosignature"):
        for key in keys[group]:
            code, found = told(_written(tmp_path, key["vkey"]))
            assert (code, found["kind"]) == (0, "public_key")
            assert _find(found, "key_type") == [f"{key['type']:02x}"]
            assert _find(found, "key_hash_of_key") == [], key["vkey"]
            seen.add(key["type"])
    assert seen == {1, 2, 4, 5, 6}


def test_the_key_whose_hash_is_wrong_is_pointed_out(
    vectors: Path, tmp_path: Path, told: Told
) -> None:
    (key,) = _load(vectors / "note/formats-keys.json")["mldsa44_cosignature_wrong_key_id"]
    _, found = told(_written(tmp_path, key["vkey"]))
    assert _find(found, "key_hash_of_key") == ["31236897"]


def test_private_keys_of_other_people_are_not_shown(
    vectors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for signer in _load(vectors / "note/sumdb-note.json")["signers"]:
        for more in ([], ["--lang", "zh"], ["--json"]):
            assert main(["inspect", str(_written(tmp_path, signer["skey"])), *more]) == 0
            captured = capsys.readouterr()
            assert signer["vkey"] in captured.out
            assert signer["skey"].rpartition("+")[2] not in captured.out + captured.err


def test_notes_and_checkpoints_are_explained(vectors: Path, tmp_path: Path, told: Told) -> None:
    sumdb = _load(vectors / "note/sumdb-note.json")
    note = sumdb["text"] + "\n" + "".join(sumdb["sig_lines"].values())
    _, found = told(_written(tmp_path, note if note.endswith("\n") else f"{note}\n"))
    assert (found["kind"], _find(found, "key_hash")) == ("note", ["c74f20a3", "af0cfe78"])
    _, found = told(_written(tmp_path, _load(vectors / "note/rfc6962-static-ct.json")["note"]))
    assert (found["kind"], _find(found, "likely_type")) == ("checkpoint", ["05"])
    tree = _load(vectors / "checkpoint/sumdb-tree-note.json")
    _, found = told(_written(tmp_path, tree["good"]))
    assert (found["kind"], _find(found, "size")) == ("checkpoint_text", ["123456789012"])
    for bad in tree["bad"]:
        assert told(_written(tmp_path, bad)) == (1, {})


def test_cosigned_checkpoints_show_when_each_cosigner_saw_them(vectors: Path, told: Told) -> None:
    expected = {
        "c2sp-example-parse-only": (["example.com/behind-the-sofa"], ["2023-03-20T20:25:47+08:00"]),
        "skylight-mirror": ([], ["2025-12-31T08:00:00+08:00"]),
        "skylight-witness": (["rome2026h1.example.org"], ["2025-12-31T08:00:00+08:00"] * 2),
        "skylight-witness2": ([], ["2025-12-31T08:00:00+08:00"]),
    }
    for name, (signed, times) in expected.items():
        code, found = told(vectors / f"cosignature/{name}.checkpoint")
        assert (code, found["kind"]) == (0, "checkpoint")
        assert (_find(found, "signed_by"), _find(found, "time")) == (signed, times)
        assert len(_find(found, "cosigned_by")) == 1


def test_every_policy_is_explained_also_those_that_nobody_accepts(
    vectors: Path, tmp_path: Path, told: Told
) -> None:
    for case in _load(vectors / "policy/formats-policies.json"):
        code, found = told(_written(tmp_path, case["policy"]))
        assert (code, found["kind"]) == (0, "policy"), case["desc"]
        assert _find(found, "not_ours"), case["desc"]  # none of them has a log line


def test_proofs_are_explained_and_broken_ones_are_not(
    vectors: Path, tmp_path: Path, told: Told
) -> None:
    proofs = _load(vectors / "tlog-proof/formats-proof.json")
    for case in proofs["marshal"]:
        code, found = told(_written(tmp_path, case["want"]))
        assert (code, found["kind"]) == (0, "proof")
        assert _find(found, "index") == [str(case["index"])]
        assert _find(found, "hashes") == [str(len(case["hashes_b64"]))]
    for case in proofs["must_fail"]:
        assert told(_written(tmp_path, case["bytes"])) == (1, {}), case["desc"]
    code, found = told(vectors / "tlog-proof/c2sp-example-shape-only.tlog-proof")
    assert (code, _find(found, "unread")) == (0, ["signature"] * 4)


def test_requests_to_witnesses_are_explained(vectors: Path, tmp_path: Path, told: Told) -> None:
    bodies = [
        exchange["request_body"]
        for name in ("sigsum", "sumdb")
        for exchange in _load(vectors / f"witness-http/litewitness-{name}.json")["exchanges"]
    ]
    bodies.append((vectors / "witness-http/c2sp-add-checkpoint-example-parse-only.txt").read_text())
    kinds = [told(_written(tmp_path, body))[1].get("kind") for body in bodies]
    assert len(kinds) > 5
    assert set(kinds) == {"add_checkpoint"}


def test_a_log_of_tessera_is_explained_file_by_file(vectors: Path, told: Told) -> None:
    root = vectors / "tiles/tessera-posix-15"
    code, found = told(root)
    assert (code, found["kind"], _find(found, "size")) == (0, "log", ["15"])
    leaves = []
    for width in range(1, 16):
        _, tile = told(root / f"tile/0/000.p/{width}")
        _, bundle = told(root / f"tile/entries/000.p/{width}")
        assert _find(tile, "count") == _find(bundle, "count") == [str(width)]
        assert _find(tile, "first_hash") == _find(bundle, "leaf_hash")[:1]
        assert _find(tile, "last_hash") == _find(bundle, "leaf_hash")[-1:]
        leaves += _find(tile, "last_hash")
    assert len(set(leaves)) == 15
    for size in range(1, 16):
        _, found = told(root / f"checkpoint.{size}")
        assert (found["kind"], _find(found, "size")) == ("checkpoint", [str(size)])


def test_every_time_stamp_is_explained_and_both_readers_agree(vectors: Path, told: Told) -> None:
    root = vectors / "timestamps/rfc3161-client"
    responses, requests = sorted(root.rglob("*.tsr")), sorted(root.rglob("*request.der"))
    assert (len(responses), len(requests)) == (10, 3)
    for path in responses:
        code, found = told(path)
        assert (code, found["kind"]) == (0, "timestamp_response"), path.name
        assert _find(found, "strict_reader") == ["yes"], path.name
        assert len(_find(found, "imprint")[0]) in (64, 96, 128)
    for path in requests:
        code, found = told(path)
        assert (code, found["kind"]) == (0, "timestamp_request"), path.name


def test_no_other_vector_upsets_it(vectors: Path, told: Told) -> None:
    paths = [p for p in vectors.rglob("*") if p.is_file() and "merkle-proofs" not in p.parts]
    assert len(paths) > 100
    for path in paths:
        assert told(path)[0] in (0, 1), path
