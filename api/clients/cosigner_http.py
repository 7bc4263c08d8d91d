"""A cosigner over HTTP: c2sp.org/tlog-witness, from the log's side."""

from api.clients.address import without_password
from api.clients.http import fetch, new_client
from ledger.errors import Unavailable
from ledger.suite import digest
from ledger.tlog.note import MAX_NOTE

WITHIN_S = 10.0  # a log waits for its quorum, and has other cosigners to ask


class HttpCosigner:
    """`url` is the submission prefix of the policy's line; most monitor under it as well."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = new_client(WITHIN_S)

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        url = f"{self._url}/add-checkpoint"
        return fetch(self._client, "POST", url, MAX_NOTE, within_s=WITHIN_S, content=body)

    def checkpoint(self, origin: str) -> bytes:
        url = f"{self._url}/{digest(origin.encode()).hex()}/checkpoint"
        status, data = fetch(self._client, "GET", url, MAX_NOTE, within_s=WITHIN_S)
        if status != 200:
            raise Unavailable(f"{without_password(url)} answered {status}")
        return data
