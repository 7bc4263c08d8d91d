import json
from pathlib import Path

import pytest

from ledger import sm2, suite_private
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey, sign_note
from testkit.mirrors import MIRROR, look
from testkit.terminal import Run

FILES = {
    "packet": "packet",
    "packet/data/packet.json": "index",
    "packet/data/entries/2026-3.json": "entry",
    "packet/data/statements/2026-3.dsse.json": "envelope",
    "packet/data/statements/2026-0.dsse.json": "envelope",
    "packet/data/statements/2026-3.salt": "salt",
    "packet/data/proofs/2026-3@4.tlog-proof": "proof",
    "packet/data/series/01.json": "series",
    "packet/data/checkpoints/2026.note": "checkpoint",
    "packet/manifest-sha256.txt": "manifest",
    "packet/bag-info.txt": "bag_info",
    "packet/bagit.txt": "bagit",
    "trust": "trust",
    "trust/logs": "log_list",
    "trust/policy/2026": "policy",
    "trust/registrar.vkey": "public_key",
    "trust/series/2026.pem": "series_key",
    "trust/series/2026.json": "roots",
    "public/2026": "log",
    "public/2026/checkpoint": "checkpoint",
    "public/2026/tile/0/000.p/5": "tile",
    "public/2026/tile/entries/000.p/5": "bundle",
}
SEED = bytes(range(32))
KEY = SigningKey("station-07.example", Algorithm.ED25519, SEED)


@pytest.mark.parametrize(("path", "kind"), FILES.items())
def test_every_file_of_a_packet_and_around_it_is_known(
    run: Run, worked: Path, path: str, kind: str
) -> None:
    ended = run("inspect", worked / path, "--json")
    assert (ended.code, json.loads(ended.out)["kind"]) == (0, kind)


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize(
    ("lang", "said"), [("en", "Nothing here was verified."), ("zh", "以上内容均未经核验。")]
)
def test_every_explanation_says_that_nothing_was_verified(
    run: Run, worked: Path, path: str, lang: str, said: str
) -> None:
    ended = run("inspect", worked / path, "--lang", lang)
    assert ended.code == 0
    assert ended.out.splitlines()[-1] == said


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_a_mirror_says_is_told_in_words(run: Run, tmp_path: Path, lang: str) -> None:
    tags = [bytes([n]) * 16 for n in range(2)]
    entry = Entry(0, bytes(32), tuple(bytes([n]) * 16 for n in range(1, 9))).to_bytes()
    absence = look([entry], "ledger.example/enforcement/2026", tags)
    (tmp_path / "a.dsse.json").write_bytes(seal(absence.to_bytes(), [MIRROR]).to_bytes())
    told = json.loads(run("inspect", tmp_path / "a.dsse.json", "--json").out)
    assert told["kind"] == "absence"
    ended = run("inspect", tmp_path / "a.dsse.json", "--lang", lang)
    assert f"0 {tags[1].hex()}" in ended.out
    assert absence.asked.hex() in ended.out


def test_a_bare_statement_is_known(run: Run, worked: Path, tmp_path: Path) -> None:
    data = (worked / "packet/data/statements/2026-3.dsse.json").read_bytes()
    (tmp_path / "statement").write_bytes(Envelope.from_bytes(data).payload)
    assert json.loads(run("inspect", tmp_path / "statement", "--json").out)["kind"] == "statement"


def test_a_note_that_is_no_checkpoint_is_known(run: Run, tmp_path: Path) -> None:
    text = "hello\n"
    (tmp_path / "note").write_text(f"{text}\n{sign_note(text, KEY).to_text()}")
    assert json.loads(run("inspect", tmp_path / "note", "--json").out)["kind"] == "note"


@pytest.mark.parametrize("more", [[], ["--lang", "zh"], ["--json"]])
def test_a_private_key_is_named_and_never_shown(run: Run, tmp_path: Path, more: list[str]) -> None:
    (tmp_path / "key").write_text(KEY.to_text() + "\n")
    ended = run("inspect", tmp_path / "key", *more)
    secret = KEY.to_text().split("+", 4)[-1]
    assert ended.code == 0
    assert KEY.verifier.to_text() in ended.out
    assert secret not in ended.out + ended.err


def test_a_damaged_private_key_is_not_shown_either(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY.to_text()[:-6] + "AAAAA=\n")
    ended = run("inspect", tmp_path / "key")
    assert ended.code == 1
    assert KEY.to_text().split("+", 4)[-1][:12] not in ended.out + ended.err


def test_a_private_key_of_a_kind_that_is_not_ours_is_no_damaged_one(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("PRIVATE+KEY+x.example+00000000+/3NvbWVib2R5IGVsc2U=\n")
    ended = run("inspect", tmp_path / "key")
    assert ended.code == 0
    assert "x.example" in ended.out
    assert "/3NvbWVib2R5" not in ended.out + ended.err


def test_a_private_sm2_key_is_named_and_never_shown_without_a_library_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = SigningKey("station-07.example", Algorithm.SM2, SEED)
    (tmp_path / "key").write_text(signer.to_text() + "\n")
    secret = signer.to_text().split("+", 4)[-1]
    shown = run("inspect", tmp_path / "key")
    assert (shown.code, signer.verifier.to_text() in shown.out) == (0, True)
    monkeypatch.setattr(sm2, "_engine", None)  # so that what was there is put back
    monkeypatch.setattr("storage.sm2_libcrypto.LIBRARIES", ("libnone.so.9",))
    named = run("inspect", tmp_path / "key")
    assert (named.code, signer.name in named.out) == (0, True)
    assert secret not in shown.out + shown.err + named.out + named.err


def test_a_private_series_key_is_named_and_never_shown(run: Run, tmp_path: Path) -> None:
    pem = suite_private.series_private_pem(suite_private.series_generate())
    (tmp_path / "key.pem").write_bytes(pem)
    ended = run("inspect", tmp_path / "key.pem")
    assert ended.code == 0
    assert pem.splitlines()[5].decode() not in ended.out


def test_an_unknown_file_gives_code_1_and_its_first_bytes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"\x89PNG\r\n\x1a\n and a secret")
    ended = run("inspect", tmp_path / "photo")
    assert ended.code == 1
    assert "89 50 4e 47 0d 0a 1a 0a" in ended.err


def test_an_empty_file_gives_code_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert run("inspect", tmp_path / "empty").code == 1


def test_a_file_that_is_not_there_gives_code_4(run: Run, tmp_path: Path) -> None:
    assert run("inspect", tmp_path / "nothing").code == 4


def test_nearly_an_entry_says_what_is_wrong(run: Run, worked: Path) -> None:
    path = worked / "packet/data/entries/2026-3.json"
    path.write_bytes(path.read_bytes() + b"\n")
    ended = run("inspect", path)
    assert ended.code == 1
    assert "canonical JSON" in ended.err


def test_a_hostile_name_is_shown_escaped(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\u202eb"
    path.write_text(KEY.verifier.to_text())
    out = run("inspect", path).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[2J\\u202eb" in out
