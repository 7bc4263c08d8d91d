"""Keys that stay where they are: in a real ssh-agent, and in a token of SoftHSM."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ledger.errors import Malformed, Rejected, Unavailable
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.signing_key import Signer, sign_checkpoint
from storage.signer_ssh_agent import (
    KEYS,
    MAX_ANSWER,
    SIGNATURE,
    SshAgentSigner,
    fingerprint_of,
    format_strings,
)
from testkit.keys import cosigner
from testkit.softhsm import COSIGNER, LABEL, MODULE, ODD, need_token
from testkit.ssh_agent import Agent, agent_folder, fingerprint, need_agent, ssh_agent

NOTARY, OTHER = cosigner("notary.example/w1"), cosigner("notary.example/w2")
KEY = format_strings(b"ssh-ed25519", NOTARY.verifier.public)
MESSAGE = b"cosignature/v1\ntime 1\n"


@pytest.fixture
def agent() -> Iterator[Agent]:
    need_agent()
    with ssh_agent(OTHER, NOTARY) as started:
        yield started


def of_agent(agent: Agent, timeout_s: float = 5.0) -> SshAgentSigner:
    return SshAgentSigner(NOTARY.name, fingerprint(NOTARY), agent.address, timeout_s)


@pytest.fixture(scope="module")
def token() -> Iterator[object]:
    found = need_token()
    from storage.wrap_pkcs11 import Pkcs11Token

    opened = Pkcs11Token(MODULE, LABEL, found.pin_file)
    yield opened
    opened.close()


@pytest.fixture(params=["ssh-agent", "pkcs11"])
def signer(request: pytest.FixtureRequest) -> Signer:
    if request.param == "ssh-agent":
        return of_agent(request.getfixturevalue("agent"))
    from storage.signer_pkcs11 import Pkcs11Signer

    return Pkcs11Signer("notary.example/w1", request.getfixturevalue("token"), COSIGNER)


def test_a_key_that_stays_elsewhere_cosigns_as_one_of_a_file(signer: Signer) -> None:
    checkpoint = Checkpoint("log.example/1", 5, bytes(range(32)))
    line = sign_checkpoint(checkpoint, signer, 1_795_430_400)
    note = SignedNote(checkpoint.to_text(), (line,))
    assert check_cosignature(note, checkpoint, signer.verifier) == 1_795_430_400
    assert (signer.name, signer.algorithm) == (NOTARY.name, Algorithm.COSIGNATURE_ED25519)


def test_many_threads_sign_with_it_at_once(signer: Signer) -> None:
    signed: dict[bytes, bytes] = {}

    def sign(message: bytes) -> None:
        signed[message] = signer.sign(message)

    threads = [threading.Thread(target=sign, args=[b"%d" % n]) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signed) == 24
    for message, signature in signed.items():
        signer.verifier.verify(message, signature)


# --- ssh-agent ---------------------------------------------------------------------------------


def test_the_agents_key_is_that_of_the_fingerprint(agent: Agent) -> None:
    assert set(agent.fingerprints()) == {fingerprint(NOTARY), fingerprint(OTHER)}
    assert of_agent(agent).verifier == NOTARY.verifier
    # Ed25519 is deterministic: it is the very signature that the key in a file makes.
    assert of_agent(agent).sign(MESSAGE) == NOTARY.sign(MESSAGE)


def test_a_key_that_is_removed_signs_no_more_until_it_is_added_again(agent: Agent) -> None:
    signer = of_agent(agent)
    agent.remove(NOTARY)
    with pytest.raises(Unavailable, match="did not sign: want message 14, got 5"):
        signer.sign(MESSAGE)
    with pytest.raises(Unavailable, match="got 1 other keys"):
        of_agent(agent)
    agent.add(NOTARY)
    assert signer.sign(MESSAGE) == NOTARY.sign(MESSAGE)


def test_a_locked_agent_signs_nothing_until_it_is_unlocked(agent: Agent) -> None:
    signer = of_agent(agent)
    agent.lock()
    with pytest.raises(Unavailable, match="want message 14, got 5"):
        signer.sign(MESSAGE)
    with pytest.raises(Unavailable, match="got 0 other keys"):
        of_agent(agent)
    agent.unlock()
    assert signer.sign(MESSAGE) == NOTARY.sign(MESSAGE)


def test_an_agent_may_end_and_another_take_its_place() -> None:
    need_agent()
    with agent_folder() as agent:
        with agent.running():
            agent.add(NOTARY)
            signer = of_agent(agent)
        with pytest.raises(Unavailable, match="cannot ask the ssh-agent"):
            signer.sign(MESSAGE)
        with agent.running():
            agent.add(NOTARY)
            assert signer.sign(MESSAGE) == NOTARY.sign(MESSAGE)


def test_a_key_of_another_kind_is_no_cosigners(agent: Agent) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    before = set(agent.fingerprints())
    agent.add_file(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    (added,) = set(agent.fingerprints()) - before
    with pytest.raises(Malformed, match="want an Ed25519 key"):
        SshAgentSigner(NOTARY.name, added, agent.address)


def framed(kind: int, contents: bytes) -> bytes:
    return format_strings(bytes([kind]) + contents)


LISTED = framed(KEYS, (1).to_bytes(4, "big") + format_strings(KEY, b"a comment"))


def signature_of(signature: bytes, kind: bytes = b"ssh-ed25519") -> bytes:
    return framed(SIGNATURE, format_strings(format_strings(kind, signature)))


@contextmanager
def lying(address: str, answers: list[bytes], pause_s: float = 0.0) -> Iterator[None]:
    """An agent of another kind: its answers, in turn, byte by byte if there is a pause."""

    def serve() -> None:
        for answer in answers:
            caller, _ = listener.accept()
            with caller:
                caller.recv(1 << 16)
                try:
                    for piece in [answer[n : n + 1] for n in range(len(answer))]:
                        caller.sendall(piece)
                        time.sleep(pause_s)
                except OSError:
                    pass  # it was not heard to its end

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()
    Path(address).unlink()


GOOD = NOTARY.sign(MESSAGE)
LIES = {
    "another key's signature": (signature_of(OTHER.sign(MESSAGE)), "does not match"),
    "a signature of something else": (signature_of(NOTARY.sign(b"x")), "does not match"),
    "an altered signature": (signature_of(GOOD[:-1] + bytes([GOOD[-1] ^ 1])), "does not match"),
    "another kind": (signature_of(GOOD, b"ssh-rsa"), "want 64 bytes of Ed25519"),
    "a short signature": (signature_of(GOOD[:63]), "want 64 bytes of Ed25519"),
    "more than a signature": (framed(SIGNATURE, format_strings(b"", b"x")), "no more"),
    "a string beyond the end": (framed(SIGNATURE, b"\xff\xff\xff\xff"), "ends within"),
    "a refusal": (framed(5, b""), "want message 14, got 5"),
    "an empty answer": (bytes(4), "want an answer"),
    "a huge answer": ((MAX_ANSWER + 1).to_bytes(4, "big"), "want an answer"),
    "no answer": (b"", "ended after 0 of 4 bytes"),
    "half an answer": (signature_of(GOOD)[:30], "ended after 26 of"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_an_agent_gives_instead_of_a_signature_goes_no_further(lie: str) -> None:
    answer, reason = LIES[lie]
    with agent_folder() as agent, lying(agent.address, [LISTED, answer, signature_of(GOOD)]):
        signer = of_agent(agent)
        with pytest.raises(Unavailable, match=reason):
            signer.sign(MESSAGE)
        assert signer.sign(MESSAGE) == GOOD


def test_an_agent_that_dawdles_is_not_waited_for() -> None:
    with agent_folder() as agent:
        with lying(agent.address, [LISTED]):
            signer = of_agent(agent, timeout_s=0.3)
        # Each byte comes in time, and all of them together do not.
        slow = lying(agent.address, [signature_of(GOOD)], pause_s=0.05)
        with slow, pytest.raises(Unavailable, match=r"did not answer within 0\.3 s"):
            signer.sign(MESSAGE)


@pytest.mark.parametrize(
    "answer",
    [
        framed(5, b""),
        framed(KEYS, b""),
        framed(KEYS, b"\xff\xff\xff\xff"),
        framed(KEYS, (1).to_bytes(4, "big") + format_strings(KEY)),
        framed(KEYS, (1).to_bytes(4, "big") + format_strings(KEY, b"", b"")),
    ],
)
def test_a_list_of_keys_that_is_none_is_unavailable(answer: bytes) -> None:
    with (
        agent_folder() as agent,
        lying(agent.address, [answer]),
        pytest.raises(Unavailable, match="did not list its keys"),
    ):
        of_agent(agent)


def test_a_fingerprint_is_that_of_openssh(agent: Agent) -> None:
    assert fingerprint_of(KEY) in agent.fingerprints()


# --- tokens ------------------------------------------------------------------------------------


def test_a_token_without_that_key_is_refused(token: object) -> None:
    from storage.signer_pkcs11 import Pkcs11Signer

    for label in ("none", "seal-1"):
        with pytest.raises(Rejected, match="want one Ed25519 key pair"):
            Pkcs11Signer("notary.example/w1", token, label)


def test_a_signature_of_a_token_that_does_not_match_goes_no_further(token: object) -> None:
    """Under one label, the public half of one pair and the private half of another."""
    from storage.signer_pkcs11 import Pkcs11Signer

    signer = Pkcs11Signer("notary.example/w1", token, ODD)
    with pytest.raises(Unavailable, match="does not match"):
        signer.sign(MESSAGE)


def test_while_a_call_into_a_token_does_not_come_back_others_are_refused(
    token: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or each request would hold a thread of the server, until it answers nobody."""
    from storage.signer_pkcs11 import Pkcs11Signer

    monkeypatch.setattr("storage.wrap_pkcs11.PATIENCE_S", 0.05)
    signer = Pkcs11Signer("notary.example/w1", token, COSIGNER)
    inside, let_go = threading.Event(), threading.Event()

    def hang() -> None:
        with token.refusals("hang"):
            inside.set()
            let_go.wait(60)

    hanging = threading.Thread(target=hang)
    hanging.start()
    assert inside.wait(60)
    try:
        with pytest.raises(Unavailable, match="still at the call before"):
            signer.sign(MESSAGE)
        token.close()  # nor does a server's end wait for it
    finally:
        let_go.set()
        hanging.join()
    signer.verifier.verify(MESSAGE, signer.sign(MESSAGE))


def test_a_token_that_was_closed_signs_nothing() -> None:
    import subprocess
    import sys

    found = need_token()
    # A process of its own: what ends the session here ends it for every test.
    code = (
        "import sys; from pathlib import Path; from ledger.errors import Unavailable\n"
        "from storage.wrap_pkcs11 import Pkcs11Token\n"
        "from storage.signer_pkcs11 import Pkcs11Signer\n"
        "token = Pkcs11Token(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))\n"
        "signer = Pkcs11Signer('notary.example', token, sys.argv[4])\n"
        "signer.verifier.verify(b'x', signer.sign(b'x')); token.close()\n"
        "try: signer.sign(b'x')\n"
        "except Unavailable as error: print(error)\n"
    )
    arguments = [sys.executable, "-c", code, str(MODULE), LABEL, str(found.pin_file), COSIGNER]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.stdout.startswith("cannot sign in the token"), done.stderr


@pytest.mark.parametrize("point", [b"", bytes(31), bytes(57), b"\x04\x1f" + bytes(32)])
def test_a_point_of_another_curve_is_no_key(point: bytes) -> None:
    from storage.signer_pkcs11 import parse_point

    with pytest.raises(Malformed, match="want an Ed25519 point"):
        parse_point(point)


@pytest.mark.parametrize("form", [bytes, lambda point: b"\x04\x20" + point])
def test_both_forms_of_a_point_are_read(form: Callable[[bytes], bytes]) -> None:
    from storage.signer_pkcs11 import parse_point

    assert parse_point(form(bytes(range(32)))) == bytes(range(32))
