import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.signing_key import SigningKey
from testkit.keys import cosigner
from testkit.softhsm import COSIGNER, LABEL, MODULE, need_token
from testkit.ssh_agent import need_agent, ssh_agent
from testkit.terminal import Run

NAME = "station-07.suzhou.example"


def test_the_public_key_printed_is_that_of_the_file(run: Run, tmp_path: Path) -> None:
    ended = run("keygen", "--name", NAME, "-o", tmp_path / "key")
    key = SigningKey.from_text((tmp_path / "key").read_text().removesuffix("\n"))
    assert ended.code == 0
    assert VerifierKey.from_text(ended.out.removesuffix("\n")) == key.verifier


def test_the_file_is_its_owners_alone(run: Run, tmp_path: Path) -> None:
    run("keygen", "--name", NAME, "-o", tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_file_that_is_there_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("precious")
    ended = run("keygen", "--name", NAME, "-o", tmp_path / "key")
    assert ended.code == 1
    assert (tmp_path / "key").read_text() == "precious"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_secret_is_never_printed(run: Run, tmp_path: Path, lang: str) -> None:
    ended = run("keygen", "--name", NAME, "-o", tmp_path / "key", "--lang", lang)
    secret = (tmp_path / "key").read_text().split("+", 4)[-1].strip()
    assert secret not in ended.out + ended.err


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ("statement", Algorithm.ED25519),
        ("log", Algorithm.ED25519),
        ("cosigner", Algorithm.COSIGNATURE_ED25519),
        ("cosigner-mldsa", Algorithm.COSIGNATURE_MLDSA44),
        ("statement-sm2", Algorithm.SM2),
    ],
)
def test_each_kind_has_its_algorithm(
    run: Run, tmp_path: Path, kind: str, algorithm: Algorithm
) -> None:
    ended = run("keygen", "--name", NAME, "--kind", kind, "-o", tmp_path / "key", "--json")
    assert VerifierKey.from_text(json.loads(ended.out)["vkey"]).algorithm is algorithm


def test_two_keys_of_one_name_differ(run: Run, tmp_path: Path) -> None:
    keys = {run("keygen", "--name", NAME, "-o", tmp_path / f"{i}").out for i in range(2)}
    assert len(keys) == 2


def test_a_name_that_no_key_may_have_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    ended = run("keygen", "--name", "two words", "-o", tmp_path / "key")
    assert ended.code == 2
    assert not (tmp_path / "key").exists()


def test_a_folder_that_is_not_there_gives_code_4(run: Run, tmp_path: Path) -> None:
    assert run("keygen", "--name", NAME, "-o", tmp_path / "no/key").code == 4


# --- the public half of a key that is there ----------------------------------------------------


def test_the_public_key_of_a_file_is_shown_again(run: Run, tmp_path: Path) -> None:
    made = run("keygen", "--name", NAME, "--kind", "cosigner", "-o", tmp_path / "key")
    assert run("keygen", "--from", tmp_path / "key").out == made.out


def test_the_public_key_of_an_agents_key_is_shown(run: Run, monkeypatch: Any) -> None:
    need_agent()
    signer = cosigner("notary.example/w1")
    with ssh_agent(signer) as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", agent.address)
        (listed,) = agent.fingerprints()
        ended = run("keygen", "--from", f"ssh-agent:{signer.name}={listed}", "--json")
    assert json.loads(ended.out) == {
        "fingerprint": signer.verifier.fingerprint,
        "keyid": signer.verifier.keyid,
        "vkey": signer.verifier.to_text(),
    }


def test_the_public_key_of_a_tokens_key_is_shown(run: Run) -> None:
    pin = need_token().pin_file
    options = ["--token-module", MODULE, "--token-pin", pin]
    shown = {
        run("keygen", "--from", f"pkcs11:{name}={LABEL}/{COSIGNER}", *options).out
        for name in ("a.example", "a.example", "b.example")
    }
    keys = {VerifierKey.from_text(text.removesuffix("\n")) for text in shown}
    assert {key.name for key in keys} == {"a.example", "b.example"}
    assert {key.algorithm for key in keys} == {Algorithm.COSIGNATURE_ED25519}
    assert len({key.public for key in keys}) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--name", NAME],
        ["-o", "key"],
        ["--from", "key", "--name", NAME],
        ["--from", "key", "-o", "other"],
    ],
)
def test_making_a_key_and_showing_one_are_not_mixed(
    run: Run, tmp_path: Path, monkeypatch: Any, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("keygen", *words).code == 2
    assert list(tmp_path.iterdir()) == []
