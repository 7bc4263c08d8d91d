"""Signed HTTP requests (RFC 9421), both sides, through `http-message-signatures`.

A request is signed by a registered key over method, authority, path and, where
there is a body, its Content-Digest; with a fresh nonce and a creation time. The
signature opens a door for this request only: evidence carries signatures of its own.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)

from ledger.encoding import clip
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.signing_key import SigningKey

TAG = "tiezheng"
WINDOW_S = 300  # how far the clocks of station and ledger may be apart
MAX_NONCES = 1_000_000
COVERED = ("@method", "@authority", "@path")
DIGEST = "content-digest"


@dataclass(slots=True)
class Message:
    """The parts of a request that the library reads and writes."""

    method: str
    url: str
    headers: MutableMapping[str, str]


def sign_request(
    key: SigningKey,
    method: str,
    url: str,
    body: bytes,
    nonce: str,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, str]:
    """The headers to add to the request, with those given, which are signed too."""
    if key.algorithm is Algorithm.SM2:
        raise Malformed(
            f"want an Ed25519 key for requests, got the SM2 key {key.verifier.keyid}",
            hints=("give the SM2 key beside an Ed25519 key of the same person",),
        )
    message = Message(method, url, dict(headers))
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Private(key))
    try:
        signer.sign(
            message,
            key_id=key.verifier.keyid,
            nonce=nonce,
            tag=TAG,
            label=TAG,
            covered_component_ids=_covered(body, headers),
            body=body or None,
        )
    except HTTPMessageSignaturesException:
        # Of what goes into it only the address comes from outside.
        raise Malformed(
            f"want an address such as https://ledger.example, got {clip(repr(url))}"
        ) from None
    return message.headers


class RequestVerifier:
    """Checks signed requests and remembers their nonces.

    Requests signed before this verifier was made are refused: their nonces may
    have been seen by an earlier process, which took its memory with it.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._since = now_ms() // 1000 - 1
        self._nonces: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def verify(
        self,
        message: Message,
        body: bytes,
        find: Callable[[str], VerifierKey],
        headers: Sequence[str] = (),
    ) -> str:
        """The keyid that signed; raises `Rejected`. `find` gives its key or raises.

        `headers` are those that have to be signed as well.
        """
        verifier = HTTPMessageVerifier(
            signature_algorithm=algorithms.ED25519, key_resolver=_Public(find)
        )
        verifier.max_clock_skew = timedelta(seconds=WINDOW_S)
        try:
            (result,) = verifier.verify(
                message,
                max_age=timedelta(seconds=WINDOW_S),
                expect_tag=TAG,
                require_components=_covered(body, headers),
                body=body or None,
            )
        except (HTTPMessageSignaturesException, ValueError) as error:
            # Which names are registered is nothing that a stranger may ask.
            raise Rejected(
                f"the request's signature fails: {clip(str(error), 200)}",
                hints=("is the key registered and not revoked, and is the clock right?",),
            ) from None
        parameters = result.parameters
        self._use(str(parameters["keyid"]), parameters.get("nonce"), int(parameters["created"]))
        return str(parameters["keyid"])

    def _use(self, keyid: str, nonce: object, created: int) -> None:
        if not isinstance(nonce, str) or not 16 <= len(nonce) <= 128:
            raise Rejected("the request's signature has no nonce of 16 to 128 characters")
        if created < self._since:
            raise Rejected("the request was signed before this server started: sign it again")
        now = self._now_ms() // 1000
        with self._lock:
            if len(self._nonces) >= MAX_NONCES:
                self._nonces = {k: t for k, t in self._nonces.items() if t > now - 2 * WINDOW_S}
            if (keyid, nonce) in self._nonces or len(self._nonces) >= MAX_NONCES:
                raise Rejected("the request was sent before: sign it again")
            self._nonces[keyid, nonce] = created


def _covered(body: bytes, headers: Iterable[str]) -> tuple[str, ...]:
    names = (*COVERED, DIGEST) if body else COVERED
    return (*names, *(name.lower() for name in headers))


class _Private(HTTPSignatureKeyResolver):
    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def resolve_private_key(self, key_id: str) -> Any:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._key.seed)


class _Public(HTTPSignatureKeyResolver):
    def __init__(self, find: Callable[[str], VerifierKey]) -> None:
        self._find = find

    def resolve_public_key(self, key_id: str) -> Any:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            return Ed25519PublicKey.from_public_bytes(self._find(key_id).public)
        except LedgerError:
            return None
