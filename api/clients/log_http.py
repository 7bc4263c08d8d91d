"""A public log over HTTP, for auditors and verifiers who have no copy of their own."""

from api.clients.address import without_password
from api.clients.http import TIMEOUT_S, fetch, new_client
from ledger.errors import Unavailable, Unknown
from ledger.tlog.tile import MAX_BUNDLE


class HttpLog:
    """`url` is a log's prefix, `…/log/2026`, or the folder of all logs, `…/log`."""

    def __init__(
        self, url: str, timeout_s: float = TIMEOUT_S, within_s: float | None = None
    ) -> None:
        """`within_s`: so long may a whole file take."""
        self._url = url.rstrip("/")
        self.where = without_password(url)  # as people may be told
        self._client = new_client(timeout_s)
        self._within_s = within_s

    def close(self) -> None:
        self._client.close()

    def read(self, label: str, path: str) -> bytes:
        prefix = self._url if self._url.endswith(f"/{label}") else f"{self._url}/{label}"
        url = f"{prefix}/{path}"
        status, data = fetch(self._client, "GET", url, MAX_BUNDLE, within_s=self._within_s)
        if status == 404:
            raise Unknown(f"{without_password(prefix)} has no {path}")
        if status != 200:
            raise Unavailable(f"{without_password(url)} answered {status}")
        return data
