"""A cosigner's key in an ssh-agent: Ed25519 only, and the private key stays there.

Two questions of draft-miller-ssh-agent, over the socket that SSH_AUTH_SOCK names:

    11                          → 12 ‖ u32 count ‖ key and comment of each
    13 ‖ key ‖ data ‖ u32 flags → 14 ‖ signature

A message is u32 length ‖ u8 type ‖ contents, and each string in it u32 length ‖ bytes. To
whatever it will not do the agent answers 5: it is locked, or the key was removed.

Each question has a connection of its own, so that an agent may be started anew, and has
limits of time and bytes. A signature is verified before anyone is given it.
"""

import socket
import time

from ledger import suite
from ledger.encoding import clip, format_base64
from ledger.errors import Malformed, Unavailable
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.signing_key import check_signed

TIMEOUT_S = 5.0
MAX_ANSWER = 256 << 10  # bytes; OpenSSH's own limit

LIST, KEYS, SIGN, SIGNATURE = 11, 12, 13, 14
ED25519 = b"ssh-ed25519"


class SshAgentSigner:
    """Implements `ledger.tlog.signing_key.Signer`.

    Found by its fingerprint, as `ssh-add -l` shows it: a comment is whatever was written by
    whoever added a key.
    """

    def __init__(
        self,
        name: str,
        fingerprint: str,
        address: str,
        timeout_s: float = TIMEOUT_S,
        algorithm: Algorithm = Algorithm.COSIGNATURE_ED25519,
    ) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._key = self._find(fingerprint)
        public = self._key[-32:]
        if self._key != format_strings(ED25519, public):
            raise Malformed(f"want an Ed25519 key, got {clip(fingerprint)!r} of another kind")
        self.name = name
        self.algorithm = algorithm
        self.verifier = VerifierKey(name, self.algorithm, public)

    def sign(self, message: bytes) -> bytes:
        answer = self._ask(SIGN, format_strings(self._key, message) + bytes(4))
        try:
            signature = parse_signature(answer)
        except Malformed as error:
            raise Unavailable(
                f"the ssh-agent did not sign: {error}",
                hints=("5 says that it is locked, or that the key was removed: ssh-add -l",),
            ) from None
        check_signed(self.verifier, message, signature)
        return signature

    def _find(self, fingerprint: str) -> bytes:
        answer = self._ask(LIST)
        try:
            held = parse_keys(answer)
        except Malformed as error:
            raise Unavailable(f"the ssh-agent did not list its keys: {error}") from None
        for key in held:
            if fingerprint_of(key) == fingerprint:
                return key
        raise Unavailable(
            f"want {clip(fingerprint)!r} in the ssh-agent, got {len(held)} other keys",
            hints=("ssh-add -l shows what it holds; a locked one shows nothing",),
        )

    def _ask(self, kind: int, contents: bytes = b"") -> bytes:
        """The answer: its type and contents."""
        end = time.monotonic() + self._timeout_s
        try:
            with socket.socket(socket.AF_UNIX) as to_agent:
                to_agent.settimeout(self._timeout_s)
                to_agent.connect(self._address)
                to_agent.sendall(format_strings(bytes([kind]) + contents))
                length = int.from_bytes(_read(to_agent, 4, end), "big")
                if not 0 < length <= MAX_ANSWER:
                    raise Unavailable(f"want an answer of 1 to {MAX_ANSWER} bytes, got {length}")
                return _read(to_agent, length, end)
        except TimeoutError:
            why = f"it did not answer within {self._timeout_s:g} s"
        except OSError as error:
            why = error.strerror or str(error)
        raise Unavailable(f"cannot ask the ssh-agent at {self._address!r}: {why}")


def fingerprint_of(key: bytes) -> str:
    return "SHA256:" + format_base64(suite.digest(key)).rstrip("=")


def parse_keys(answer: bytes) -> tuple[bytes, ...]:
    """The public keys, without their comments."""
    _check_type(answer, KEYS)
    count = int.from_bytes(answer[1:5], "big")
    # A key and its comment take eight bytes at least: so no count costs more than it brings.
    if len(answer) < 5 or 8 * count > len(answer):
        raise Malformed(f"want {count} keys in an answer of their size, got {len(answer)} bytes")
    return parse_strings(answer[5:], 2 * count)[::2]


def parse_signature(answer: bytes) -> bytes:
    """The 64 bytes of Ed25519."""
    _check_type(answer, SIGNATURE)
    (whole,) = parse_strings(answer[1:], 1)
    kind, signature = parse_strings(whole, 2)
    if kind != ED25519 or len(signature) != 64:
        raise Malformed(f"want 64 bytes of Ed25519, got {len(signature)} of another kind")
    return signature


def parse_strings(data: bytes, count: int) -> tuple[bytes, ...]:
    """`count` strings, each after its length, and nothing behind them."""
    found = []
    at = 0
    for _ in range(count):
        begin = at + 4
        at = begin + int.from_bytes(data[at:begin], "big")
        if not begin <= at <= len(data):
            raise Malformed(f"want a string that ends within {len(data)} bytes, got {at}")
        found.append(data[begin:at])
    if at != len(data):
        raise Malformed(f"want {count} strings and no more, got {len(data) - at} bytes behind them")
    return tuple(found)


def format_strings(*strings: bytes) -> bytes:
    return b"".join(len(string).to_bytes(4, "big") + string for string in strings)


def _check_type(answer: bytes, kind: int) -> None:
    if answer[:1] != bytes([kind]):
        raise Malformed(f"want message {kind}, got {answer[0] if answer else 'nothing'}")


def _read(from_agent: socket.socket, length: int, end: float) -> bytes:
    """Exactly so many bytes, before `end`: a limit on each read alone would not end."""
    data = b""
    while len(data) < length:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        from_agent.settimeout(left)
        piece = from_agent.recv(length - len(data))
        if not piece:
            raise Unavailable(f"the ssh-agent ended after {len(data)} of {length} bytes")
        data += piece
    return data
