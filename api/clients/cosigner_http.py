"""A cosigner over HTTP: c2sp.org/tlog-witness, from the log's side."""

from api.clients.http import fetch, new_client
from ledger.tlog.note import MAX_NOTE

TIMEOUT_S = 10.0


class HttpCosigner:
    """`url` is the submission prefix of the policy's line."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/add-checkpoint"
        self._client = new_client(TIMEOUT_S)

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        return fetch(self._client, "POST", self._url, MAX_NOTE, content=body)
