"""A timestamp authority over HTTP, RFC 3161 section 3.4; and its issuer's revocation list."""

import httpx2
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from api.clients.address import without_password
from api.clients.http import fetch, new_client
from ledger.errors import Unavailable
from ledger.timestamp import MAX_TOKEN

WITHIN_S = 20.0
MAX_CRL = 4_194_304
HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
HASHES = {"sha256": HashAlgorithm.SHA256, "sha512": HashAlgorithm.SHA512}


class HttpAuthority:
    """Nothing that it answers has been checked. No redirect is followed, nothing is resent."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: httpx2.Client | None = None

    def stamp(self, body: bytes, hash_: str = "sha256") -> tuple[bytes, int]:
        """A response, and the nonce that it must bear; raises `Unavailable`."""
        request = (
            TimestampRequestBuilder()
            .data(body)
            .hash_algorithm(HASHES[hash_])
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        status, answer = fetch(
            self._http, "POST", self._url, MAX_TOKEN, within_s=WITHIN_S,
            content=request.as_bytes(), headers=HEADERS,
        )  # fmt: skip
        if status != 200:
            raise Unavailable(f"want 200 from {without_password(self._url)}, got {status}")
        return answer, int(request.nonce or 0)

    def revoked(self, url: str) -> bytes:
        """A list, DER, from the address that a certificate names; raises `Unavailable`."""
        if not url.startswith(("http://", "https://")):
            raise Unavailable(f"want an address over http, got {without_password(url)[:100]!r}")
        status, answer = fetch(self._http, "GET", url, MAX_CRL, within_s=WITHIN_S)
        if status != 200:
            raise Unavailable(f"want 200 from {without_password(url)[:100]!r}, got {status}")
        return answer

    @property
    def _http(self) -> httpx2.Client:
        if self._client is None:
            self._client = new_client(WITHIN_S)
        return self._client
