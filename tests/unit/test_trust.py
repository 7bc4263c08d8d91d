from pathlib import Path

import pytest

from ledger.errors import LedgerError, Malformed
from ledger.evidence.trust import Trust
from ledger.suite import digest
from ledger.tlog.signing_key import SigningKey
from testkit.case import COURT, LOG, NOTARY, REGISTRAR, THIEF, make_case
from testkit.keys import key

Files = dict[str, bytes]


@pytest.fixture
def files() -> Files:
    return make_case().trust_files()


def vkey(signer: SigningKey) -> bytes:
    return f"{signer.verifier.to_text()}\n".encode()


def test_a_folder_is_read_whole(files: Files) -> None:
    files["mirrors"] = vkey(THIEF)
    trust = Trust.from_files(files)
    assert [log.label for log in trust.logs] == ["2026"]
    assert trust.first_year == 2026
    assert trust.registrar == REGISTRAR.verifier
    assert trust.mirrors == (THIEF.verifier,)
    assert trust.log("2026") == trust.logs[0]
    assert trust.log("2027") is None
    assert trust.logs[0].policy_hash == digest(files["policy/2026"]).hex()
    assert LOG.verifier in trust.keys
    assert COURT.verifier in trust.keys


def test_the_hash_covers_names_and_bytes_of_all_files(files: Files) -> None:
    before = Trust.from_files(files).hash
    again = Trust.from_files(dict(reversed(files.items()))).hash
    files["policy/2026"] += b"\n"
    assert again == before
    assert Trust.from_files(files).hash != before


@pytest.mark.parametrize("path", ["logs", "policy/2026", "registrar.vkey", "series/2026.json"])
def test_a_missing_file_is_named(files: Files, path: str) -> None:
    del files[path]
    with pytest.raises(Malformed, match=path):
        Trust.from_files(files)


def test_without_mirrors_there_are_none(files: Files) -> None:
    del files["mirrors"]
    assert Trust.from_files(files).mirrors == ()


@pytest.mark.parametrize(
    "path",
    ["policy/2027", "policy", "series/2026.key", "README", "mirrors.txt", "series/2027.json"],
)
def test_a_file_with_no_place_is_named(files: Files, path: str) -> None:
    files[path] = b""
    with pytest.raises(Malformed, match=path):
        Trust.from_files(files)


@pytest.mark.parametrize("year", ["next", "", "20260", "2026-2", "２０２６", "0999"])
def test_a_series_key_is_that_of_a_year(files: Files, year: str) -> None:
    for ending in ("pem", "json"):
        files[f"series/{year}.{ending}"] = files[f"series/2026.{ending}"]
    with pytest.raises(Malformed, match="no such file"):
        Trust.from_files(files)


@pytest.mark.parametrize(
    "logs",
    [
        b"",
        b"\n",
        f"{LOG.name}\n{LOG.name}\n".encode(),
        b"ledger.example\n",
        b"other.example/2026\n",
        f"{LOG.name}\nother.example/2026\n".encode(),
        b"\xff\n",
    ],
    ids=["none", "empty line", "twice", "no year", "another", "one label twice", "not UTF-8"],
)
def test_the_list_of_logs_has_one_form(files: Files, logs: bytes) -> None:
    files["logs"] = logs
    with pytest.raises(Malformed):
        Trust.from_files(files)


def test_a_policy_of_another_log_is_refused(files: Files) -> None:
    other = key("ledger.example/other/2026")
    files["policy/2026"] = files["policy/2026"].replace(vkey(LOG), vkey(other))
    with pytest.raises(Malformed, match="policy/2026"):
        Trust.from_files(files)


def test_a_policy_out_of_form_is_named_with_its_line(files: Files) -> None:
    files["policy/2026"] += b"quorum q\n"
    with pytest.raises(Malformed, match=r"policy/2026\.line 7"):
        Trust.from_files(files)


@pytest.mark.parametrize("text", [b"", b"x\n", vkey(REGISTRAR) * 2, vkey(COURT)])
def test_a_registrar_has_one_ed25519_key(files: Files, text: bytes) -> None:
    files["registrar.vkey"] = text
    with pytest.raises(LedgerError):
        Trust.from_files(files)


def as_statement_key(signer: SigningKey) -> bytes:
    return vkey(key("x")).replace(
        vkey(key("x")), vkey(SigningKey("double.example", key("x").algorithm, signer.seed))
    )


@pytest.mark.parametrize("path", ["registrar.vkey", "mirrors"])
@pytest.mark.parametrize("owner", [LOG, NOTARY, REGISTRAR], ids=["log", "cosigner", "registrar"])
def test_one_key_has_one_role(files: Files, path: str, owner: SigningKey) -> None:
    if path == "registrar.vkey" and owner is REGISTRAR:
        files["mirrors"] = vkey(REGISTRAR)
    else:
        files[path] = as_statement_key(owner)
    with pytest.raises(Malformed, match="one key, one role"):
        Trust.from_files(files)


def test_a_mirror_signs_with_a_key_for_statements(files: Files) -> None:
    files["mirrors"] = vkey(key("m"))[:-3] + b"\n"
    with pytest.raises(LedgerError):
        Trust.from_files(files)


def test_a_series_key_without_its_roots_is_refused(files: Files) -> None:
    files["series/2027.pem"] = files["series/2026.pem"]
    with pytest.raises(Malformed, match=r"series/2027\.json"):
        Trust.from_files(files)


def test_the_worked_folder_has_the_hash_that_it_had(own_vectors: Path) -> None:
    folder = own_vectors / "worked-packet/trust"
    found = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    assert Trust.from_files(found).hash == (
        "303cba1aed5272bb62ec80ee25aad25fc78337578111d30bffa2362697507d60"
    )
