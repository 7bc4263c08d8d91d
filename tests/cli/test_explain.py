"""Other people's files in words: built here by hand or by their tools, in no form of ours."""

import gzip
import json
import os
import shutil
import socket
import struct
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import bagit
import pytest

from cli.explain.words import KINDS, LABELS, WORDS
from ledger import suite
from ledger.evidence.session import FoundFile, Manifest
from ledger.evidence.signing import sign_party_receipt
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note
from testkit.terminal import Run

SEED = bytes(range(32))
LOG = SigningKey("log.example", Algorithm.ED25519, SEED)
COSIGNER = SigningKey("notary.example/w1", Algorithm.COSIGNATURE_ED25519, SEED)
LATTICE = SigningKey("court.example/w1", Algorithm.COSIGNATURE_MLDSA44, SEED)
CHECKPOINT = Checkpoint("log.example", 300, bytes(32))
AT = 1_795_430_400  # 2026-11-23 14:00 in China, less some hours


def told(run: Run, path: Path) -> dict[str, Any]:
    ended = run("inspect", path, "--json")
    assert ended.code == 0, ended.err
    value = json.loads(ended.out)
    assert value["verified"] == "nothing"
    return value


def explained(run: Run, tmp_path: Path, data: bytes, name: str = "file") -> dict[str, Any]:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return told(run, path)


def values(value: dict[str, Any], name: str) -> list[str]:
    """Of every field of that name, at any depth."""
    fields = value.get("fields", value.get("parts", []))
    own = [field["value"] for field in fields if field["name"] == name]
    return own + [found for field in fields for found in values(field, name)]


# --- sessions --------------------------------------------------------------------------------


def test_a_sessions_manifest_names_its_files(run: Run, tmp_path: Path) -> None:
    files = [FoundFile("DCIM/BWC_0088.MP4", 5_000_000, 7), FoundFile("a\x1b[2J", 1, 2)]
    manifest = Manifest.of("BWC-310", "A1", AT * 1000, files, 12)
    found = explained(run, tmp_path, manifest.to_bytes())
    assert found["kind"] == "session_manifest"
    assert values(found, "device") == ["BWC-310"]
    assert "DCIM/BWC_0088.MP4 5000000" in values(found, "named")


def test_a_partys_receipt_tells_its_time_and_number_and_nothing_else(
    run: Run, tmp_path: Path
) -> None:
    paper = sign_party_receipt(
        LOG, salt=b"s" * 16, session="01980000-0000-7000-8000-000000000001", span_s=(AT, AT + 60),
        manifest=bytes(32), case="苏城管罚〔2026〕417号", device="BWC-310", recordings=[bytes(32)],
    )  # fmt: skip
    found = explained(run, tmp_path, paper.to_text().encode() + b"\n")
    assert found["kind"] == "party_receipt"
    assert values(found, "recordings") == ["1"]
    assert "BWC" not in json.dumps(found, ensure_ascii=False)


# --- notes and keys --------------------------------------------------------------------------


def note(text: str, *lines: str) -> bytes:
    return (text + "\n" + "".join(lines)).encode()


def line(name: str, data: bytes) -> str:
    return f"— {name} {b64encode(data).decode()}\n"


def test_a_note_with_forty_signatures_shows_each_key_hash(run: Run, tmp_path: Path) -> None:
    lines = [line(f"key{i}.example", bytes([i]) * 68) for i in range(40)]
    found = explained(run, tmp_path, note("anything\n\nat all\n", *lines))
    assert found["kind"] == "note"
    assert values(found, "key_hash") == [f"{i:02x}" * 4 for i in range(40)]


def test_a_checkpoint_with_further_lines_shows_them(run: Run, tmp_path: Path) -> None:
    text = CHECKPOINT.to_text() + "timestamp 7\nother\n"
    found = explained(run, tmp_path, note(text, sign_note(text, LOG).to_text()))
    assert found["kind"] == "checkpoint"
    assert values(found, "extension") == ["timestamp 7", "other"]


def test_the_form_of_a_signature_tells_its_kind_and_time(run: Run, tmp_path: Path) -> None:
    text = CHECKPOINT.to_text()
    lines = [
        sign_note(text, LOG).to_text(),
        sign_checkpoint(CHECKPOINT, COSIGNER, AT).to_text(),
        sign_checkpoint(CHECKPOINT, LATTICE, AT).to_text(),
        line("ecdsa.example", bytes(4) + b"\x30\x45" + bytes(69)),
        line("ct.example", bytes(4) + struct.pack(">QBBH", AT * 1000, 4, 3, 70) + bytes(70)),
        line("odd.example", bytes(9)),
    ]
    found = explained(run, tmp_path, note(text, *lines))
    assert values(found, "likely_type") == ["01", "04", "06", "02", "05", "unknown"]
    assert values(found, "time") == ["2026-11-23T18:40:00+08:00"] * 3


def test_a_cosignature_of_time_zero_is_said_to_claim_no_time(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text(line("notary.example", bytes(76)))
    out = run("inspect", tmp_path / "lines").out
    assert "signature lines of cosigners, without the checkpoint" in out
    assert "time, as claimed: none: the cosigner claims no time" in out


def test_a_signature_line_that_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    found = explained(run, tmp_path, note("a\n", "— log.example [...]\n"))
    assert values(found, "unread") == ["signature"]
    assert values(found, "signature") == ["log.example"]


def test_windows_line_ends_are_pointed_out(run: Run, tmp_path: Path) -> None:
    data = note("a\n", sign_note("a\n", LOG).to_text()).replace(b"\n", b"\r\n")
    assert values(explained(run, tmp_path, data), "line_ends") == ["crlf"]


def vkey(kind: int, public: bytes, hashed: bytes) -> bytes:
    key_hash = suite.digest(hashed)[:4].hex()
    return f"name.example+{key_hash}+{b64encode(bytes([kind]) + public).decode()}\n".encode()


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (0xFA, "reserved for trials (fa)"),
        (0xFF, "a kind without a number, named in the key (ff)"),
        (0x42, "unassigned 42"),
        (0x03, "unassigned 03"),
    ],
)
def test_a_key_of_an_unknown_type_is_named_by_its_number(
    run: Run, tmp_path: Path, kind: int, shown: str
) -> None:
    (tmp_path / "key").write_bytes(vkey(kind, b"whatever", b""))
    assert f"kind of key: {shown}\n" in run("inspect", tmp_path / "key").out


def test_a_key_hash_that_is_not_that_of_the_key_is_pointed_out(run: Run, tmp_path: Path) -> None:
    real = LOG.verifier.key_id.hex()
    text = LOG.verifier.to_text().replace(real, "00000000")
    found = explained(run, tmp_path, text.encode())
    assert values(found, "key_hash") == ["00000000"]
    assert values(found, "key_hash_of_key") == [real]


def test_a_right_key_hash_is_not_remarked_on(run: Run, tmp_path: Path) -> None:
    found = explained(run, tmp_path, LATTICE.verifier.to_text().encode())
    assert values(found, "key_type") == ["06"]
    assert values(found, "key_hash_of_key") == []


@pytest.mark.parametrize("kind", [0x02, 0x05, 0xFF])
@pytest.mark.parametrize("more", [[], ["--lang", "zh"], ["--json"]])
def test_a_private_key_of_any_type_is_named_and_not_shown(
    run: Run, tmp_path: Path, kind: int, more: list[str]
) -> None:
    secret = b64encode(bytes([kind]) + SEED).decode()
    (tmp_path / "key").write_text(f"PRIVATE+KEY+name.example+0a0b0c0d+{secret}\n")
    ended = run("inspect", tmp_path / "key", *more)
    assert ended.code == 0
    assert "name.example" in ended.out
    assert secret[:8] not in ended.out + ended.err
    assert secret[8:] not in ended.out + ended.err


def test_the_private_key_of_something_else_is_named_and_not_shown(run: Run, tmp_path: Path) -> None:
    text = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"
    (tmp_path / "id").write_text(text)
    ended = run("inspect", tmp_path / "id")
    assert ended.out.startswith(f"{tmp_path / 'id'}: a PRIVATE key in PEM")
    assert "c2VjcmV0" not in ended.out


# --- logs ------------------------------------------------------------------------------------

HASH = b64encode(bytes(32)).decode()
SIGNED = note(CHECKPOINT.to_text(), sign_note(CHECKPOINT.to_text(), LOG).to_text()).decode()


def test_a_proof_shows_its_further_data_as_signed_by_nobody(run: Run, tmp_path: Path) -> None:
    extra = b64encode("附件".encode()).decode()
    text = f"c2sp.org/tlog-proof@v1\nextra {extra}\nindex 7\n{HASH}\n{HASH}\n\n{SIGNED}"
    found = explained(run, tmp_path, text.encode())
    assert (found["kind"], values(found, "extra"), values(found, "hashes")) == (
        "proof",
        ["附件"],
        ["2"],
    )
    assert "signed by nobody" in run("inspect", tmp_path / "file").out


def test_an_older_proof_without_its_first_line_is_known(run: Run, tmp_path: Path) -> None:
    found = explained(run, tmp_path, f"index 7\n{HASH}\n\n{SIGNED}".encode())
    assert (found["kind"], values(found, "header")) == ("proof", ["none"])


def test_a_request_to_a_cosigner_is_known(run: Run, tmp_path: Path) -> None:
    found = explained(run, tmp_path, f"old 256\n{HASH}\n\n{SIGNED}".encode())
    assert (found["kind"], values(found, "old_size")) == ("add_checkpoint", ["256"])
    assert values(found, "log") == ["log.example"]


def test_a_request_for_a_subtree_is_known(run: Run, tmp_path: Path) -> None:
    found = explained(run, tmp_path, f"subtree 8 13\n{HASH}\n{HASH}\n\n{SIGNED}".encode())
    assert (found["kind"], values(found, "subtree")) == ("sign_subtree", ["8 … 13"])
    assert values(found, "hashes") == ["1"]


def test_an_upload_to_a_mirror_is_known_by_fitting_to_the_last_byte(
    run: Run, tmp_path: Path
) -> None:
    entries = b"".join(struct.pack(">H", 5) + b"entry" for _ in range(200, 256))
    body = (
        struct.pack(">H", 11)
        + b"log.example"
        + struct.pack(">QQ", 200, 300)
        + struct.pack(">H", 2)
        + b"tt"
        + entries
        + b"\x01"
        + bytes(32)
    )
    for data in (body, gzip.compress(body)):
        found = explained(run, tmp_path, data)
        assert (found["kind"], values(found, "entries_here")) == ("add_entries", ["56"])
        assert values(found, "next_entry") == ["256"]
    (tmp_path / "longer").write_bytes(body + b"\0")
    assert run("inspect", tmp_path / "longer").code == 1


def test_a_policy_with_comments_behind_fields_and_without_a_log_is_explained(
    run: Run, tmp_path: Path
) -> None:
    key = COSIGNER.verifier.to_text()
    text = f"# ours\n\twitness  w1 {key} https://w.example/ #first\ngroup g any w1\nquorum g\n"
    found = explained(run, tmp_path, text.encode())
    assert values(found, "group") == ["g: 1 / 1 (w1)"]
    assert values(found, "url") == ["https://w.example/"]
    assert values(found, "not_ours")


def test_a_policy_with_a_private_key_does_not_show_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text(f"log {LOG.to_text()}\nquorum none\n")
    ended = run("inspect", tmp_path / "policy")
    assert ended.code == 1
    assert LOG.to_text().rpartition("+")[2] not in ended.out + ended.err


def test_a_tile_is_known_by_its_path_and_counted_by_its_size(run: Run, tmp_path: Path) -> None:
    found = explained(run, tmp_path, bytes(32) * 5 + b"..", "tile/2/x001/234.p/17")
    assert values(found, "level") == ["2"]
    assert values(found, "range") == ["315904 … 315920"]
    assert (values(found, "count"), values(found, "wanted")) == (["5"], ["17"])
    assert values(found, "left_over") == ["2"]


def test_a_tile_in_the_manner_of_sumdb_is_known(run: Run, tmp_path: Path) -> None:
    found = explained(run, tmp_path, bytes(8192), "tile/8/0/x001/234")
    assert (found["kind"], values(found, "width"), values(found, "wanted")) == (
        "tile",
        ["full"],
        [],
    )


def test_records_of_sumdb_are_listed(run: Run, tmp_path: Path) -> None:
    data = b"7\na v1 h1:x\na v1/go.mod h1:y\n\n8\nb v2 h1:z\n\n"
    found = explained(run, tmp_path, data, "tile/8/data/000.p/2")
    assert values(found, "record") == ["7: a v1 h1:x", "8: b v2 h1:z"]


def test_a_bundle_shows_the_leaf_hashes_of_its_ends(run: Run, tmp_path: Path) -> None:
    data = b"\0\x03one\0\0\0\x05three"
    found = explained(run, tmp_path, data, "tile/entries/000.p/3")
    assert values(found, "leaf_hash") == [leaf_hash(b"one").hex(), leaf_hash(b"three").hex()]
    assert values(found, "lengths") == ["0 … 5"]
    assert values(found, "entries_ours") == ["0"]


def test_entries_of_ours_in_a_bundle_are_explained(run: Run, worked: Path) -> None:
    found = told(run, worked / "public/2026/tile/entries/000.p/5")
    assert values(found, "entries_ours") == ["5"]
    assert values(found, "at")[0] == "2026-11-23T18:00:00+08:00"


def test_a_log_of_other_people_is_counted(run: Run, tmp_path: Path) -> None:
    explained(run, tmp_path, bytes(32), "log/tile/0/000.p/1")
    explained(run, tmp_path, b"\0\x01x", "log/tile/entries/000.p/1")
    (tmp_path / "log/checkpoint").write_text(SIGNED)
    found = told(run, tmp_path / "log")
    assert (values(found, "tiles"), values(found, "bundles")) == (["1"], ["1"])


def test_a_folder_of_logs_lists_them(run: Run, worked: Path) -> None:
    found = told(run, worked / "public")
    assert (found["kind"], values(found, "log")) == ("logs", ["2026"])


# --- envelopes and statements ----------------------------------------------------------------

SLSA = {
    "_type": "https://in-toto.io/Statement/v0.1",
    "predicateType": "https://slsa.dev/provenance/v0.2",
    "subject": [{"name": "a.tar.gz", "digest": {"sha256": "ab", "gitCommit": "cd"}}],
    "predicate": {"builder": {"id": "https://b.example"}, "x": None, "y": 1.5, "z": True},
}


def test_an_envelope_in_any_spelling_is_explained_with_its_statement(
    run: Run, tmp_path: Path
) -> None:
    payload = json.dumps(SLSA, indent=2).encode() + b"??>>"
    envelope = {
        "signatures": [{"sig": b64encode(b"1" * 70).decode()}, {"keyid": "k2", "sig": "_-8"}],
        "payloadType": "application/vnd.in-toto+json",
        "payload": urlsafe_b64encode(payload[:-4]).decode().rstrip("="),
    }
    found = explained(run, tmp_path, json.dumps(envelope, indent=4).encode())
    assert found["kind"] == "dsse"
    assert values(found, "signed_by") == ["none", "k2"]
    assert values(found, "about_what") == ["slsa_provenance"]
    assert values(found, "digest") == ["sha256 ab", "gitCommit cd"]
    assert values(found, "builder") == ["https://b.example"]


def test_an_envelope_of_anything_else_shows_what_it_holds(run: Run, tmp_path: Path) -> None:
    envelope = {"payload": "aGVsbG8=", "payloadType": "text/x", "signatures": []}
    found = explained(run, tmp_path, json.dumps(envelope).encode())
    assert (values(found, "text"), values(found, "signature_count")) == (["hello"], ["0"])


def test_a_file_of_attestations_is_explained_line_by_line(run: Run, tmp_path: Path) -> None:
    envelope = json.dumps({"payload": "aGVsbG8=", "payloadType": "t", "signatures": []})
    found = explained(run, tmp_path, f"{envelope}\n{envelope}\n".encode())
    assert (found["kind"], values(found, "count")) == ("dsse_lines", ["2"])


@pytest.mark.parametrize("version", ["v0.1", "v1"])
def test_a_bare_statement_of_other_people_is_explained(
    run: Run, tmp_path: Path, version: str
) -> None:
    value = {**SLSA, "_type": f"https://in-toto.io/Statement/{version}"}
    found = explained(run, tmp_path, json.dumps(value).encode())
    assert (found["kind"], values(found, "statement_type")) == ("in_toto", [version])


def test_a_statement_of_ours_in_another_spelling_says_why_it_is_not_ours(
    run: Run, worked: Path
) -> None:
    path = worked / "packet/data/statements/2026-3.dsse.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))
    found = told(run, path)
    assert found["kind"] == "dsse"
    assert "canonical JSON" in values(found, "not_ours")[0]


# --- bags ------------------------------------------------------------------------------------


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    folder = tmp_path / "bag"
    folder.mkdir()
    (folder / "a b%25.txt").write_text("hi")
    (folder / "图é.jpg").write_text("picture")
    bagit.make_bag(str(folder), {"Contact-Name": "Li\x1b[2J"}, checksums=["md5", "sha512"])
    return folder


def test_a_bag_of_other_people_is_counted_and_compared(run: Run, bag: Path) -> None:
    found = told(run, bag)
    assert found["kind"] == "bag"
    assert (values(found, "payload_files"), values(found, "payload_bytes")) == (["2"], ["9"])
    assert values(found, "oxum_same") == ["yes"]
    assert (values(found, "missing"), values(found, "unlisted")) == (["0"], ["0"])
    assert values(found, "algorithm") == ["md5", "sha512", "md5", "sha512"]
    assert values(found, "checksums") == ["not_computed"]


def test_what_is_missing_or_not_listed_in_a_bag_is_named(run: Run, bag: Path) -> None:
    (bag / "data/图é.jpg").unlink()
    (bag / "data/more").write_text("more")
    (bag / "data/link").symlink_to("/etc/passwd")
    (bag / "fetch.txt").write_text("https://x.example/far - data/far.bin\n")
    found = told(run, bag)
    assert values(found, "missing") == ["data/图é.jpg"]
    assert values(found, "unlisted") == ["data/more"]
    assert values(found, "no_file") == ["data/link"]
    assert values(found, "to_fetch") == ["data/far.bin"]
    assert values(found, "oxum_same") == ["no"]


@pytest.mark.parametrize("inside", ["bag", "."])
def test_a_bag_in_a_zip_is_explained_like_its_folder(
    run: Run, bag: Path, tmp_path: Path, inside: str
) -> None:
    root = bag.parent if inside == "bag" else bag
    shutil.make_archive(str(tmp_path / "z"), "zip", root, inside)
    of_zip, of_folder = told(run, tmp_path / "z.zip"), told(run, bag)
    assert of_zip["fields"] == of_folder["fields"]


def test_escapes_in_a_bag_do_not_reach_the_terminal(run: Run, bag: Path) -> None:
    for more in ([], ["--lang", "zh"], ["--json"]):
        assert "\x1b" not in run("inspect", bag, *more).out


def test_a_packet_with_a_file_that_has_no_place_says_why_it_is_none(run: Run, worked: Path) -> None:
    (worked / "packet/data/README").write_text("hello")
    found = told(run, worked / "packet")
    assert found["kind"] == "bag"
    assert values(found, "unlisted") == ["data/README"]
    assert "data/README" in values(found, "not_a_packet")[0]


@pytest.mark.parametrize("cut", [10, 200, 1000])
def test_a_damaged_zip_is_refused(run: Run, bag: Path, tmp_path: Path, cut: int) -> None:
    shutil.make_archive(str(tmp_path / "z"), "zip", bag)
    data = (tmp_path / "z.zip").read_bytes()
    (tmp_path / "z.zip").write_bytes(data[:-cut])
    ended = run("inspect", tmp_path / "z.zip")
    assert (ended.code, "zip" in ended.err) == (1, True)


def test_a_folder_that_cannot_be_read_is_not_passed_over(
    run: Run, bag: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refusing(path: Any = ".") -> Any:
        if str(path).endswith("data"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    ended = run("inspect", bag)
    assert (ended.code, "Permission denied" in ended.err) == (4, True)


def test_an_escaped_name_in_a_manifest_is_that_of_its_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/50%\nleft").touch()
    (tmp_path / "bagit.txt").write_text("BagIt-Version: 1.0\n")
    (tmp_path / "manifest-sha256.txt").write_text(f"{'0' * 64} *./data/50%25%0Aleft\nodd line\n")
    found = told(run, tmp_path)
    assert (values(found, "missing"), values(found, "unlisted")) == (["0"], ["0"])
    assert values(found, "unread_lines") == ["1"]


# --- nothing of these ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "like"),
    [
        (b"", "the file is empty"),
        (b"%PDF-1.7", "a PDF document"),
        (b'{"b":1,"a":2}', "JSON with the fields 'a, b'"),
        (b'{"b":', "JSON that is damaged or cut short"),
        (b"[" * 100_000, "JSON that is damaged or cut short"),
        (bytes(range(64)), "2 hashes, a tile perhaps"),
        ("你好".encode(), "plain text"),
        (b"\x00\x01\x02", "binary data of no known form"),
        (b"\x30\x82\x01\x00", "ASN.1 in DER"),
        (b"-----BEGIN CERTIFICATE-----\n", "an X.509 certificate"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_unknown_file_is_said_to_look_like_something(
    run: Run, tmp_path: Path, data: bytes, like: str, lang: str
) -> None:
    (tmp_path / "file").write_bytes(data)
    ended = run("inspect", tmp_path / "file", "--lang", lang)
    assert (ended.code, ended.out) == (1, "")
    if lang == "en":
        assert like in ended.err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("c2sp.org/tlog-proof@v1\nindex x\n\na\n", "it has no line 'index N'"),
        ("c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\na\n", "this line is no hash: 'AAAA'"),
        ('{"payload":"?","payloadType":"t"}', "its payload is not base64"),
        ('{"at":1,"commitment":"","tags":[],"v":1}', "want"),
    ],
)
def test_what_is_nearly_of_a_kind_says_which_and_why_not(
    run: Run, tmp_path: Path, text: str, why: str
) -> None:
    (tmp_path / "file").write_text(text)
    ended = run("inspect", tmp_path / "file")
    assert ended.code == 1
    assert "not a format that this program knows; nearest is " in ended.err
    assert why in ended.err


def test_a_folder_that_is_nothing_says_what_is_in_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a\x1bb").touch()
    ended = run("inspect", tmp_path)
    assert ended.code == 1
    assert "names in it: 1" in ended.err
    assert "\x1b" not in ended.err


def test_a_pipe_is_not_opened(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    assert run("inspect", tmp_path / "pipe").code == 4
    assert run("inspect", tmp_path / "link").code == 4


def test_a_socket_is_not_opened(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("s")
        assert run("inspect", "s").code == 4


def test_a_link_is_followed_and_one_to_nowhere_gives_code_4(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(LOG.verifier.to_text())
    (tmp_path / "link").symlink_to("key")
    (tmp_path / "nowhere").symlink_to("nothing")
    (tmp_path / "loop").symlink_to("loop")
    assert told(run, tmp_path / "link")["kind"] == "public_key"
    assert run("inspect", tmp_path / "nowhere").code == 4
    assert run("inspect", tmp_path / "loop").code == 4


def test_a_huge_file_is_read_no_further_than_the_bound(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.explain.MAX_SMALL_FILE", 1000)
    (tmp_path / "video").write_bytes(b"\0\0\0\x20ftypisom" + bytes(2000))
    ended = run("inspect", tmp_path / "video")
    assert ended.code == 1
    assert "an MP4 recording" in ended.err
    assert "more than 1000 bytes" in ended.err


def test_what_unpacks_beyond_the_bound_is_not_unpacked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.explain.MAX_SMALL_FILE", 1000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"a" * 100_000))
    ended = run("inspect", tmp_path / "bomb.gz")
    assert (ended.code, "packed with gzip" in ended.err) == (1, True)


# --- words -----------------------------------------------------------------------------------


def test_every_word_is_in_both_languages() -> None:
    words = [*LABELS.values(), *(w for table in WORDS.values() for w in table.values())]
    words += [w for kind in KINDS.values() for w in (kind.what, kind.not_shown)]
    assert all(w.keys() == {"en", "zh"} and all(w.values()) for w in words)
    assert WORDS.keys() <= LABELS.keys()
