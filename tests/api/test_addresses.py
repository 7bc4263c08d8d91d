"""An address may hold a password: a proxy asks for one. No message repeats it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI, Response
from structlog.testing import capture_logs

from api.clients.address import UNREADABLE, without_password
from api.clients.cosigner_http import HttpCosigner
from api.clients.direct import DirectClient
from api.clients.http import fetch, new_client
from api.clients.ledger import LedgerClient
from api.clients.log_http import HttpLog
from api.clients.tsa_http import HttpAuthority
from api.clients.tus import TusClient
from api.settings import load
from cli.public_log import open_log
from ledger.errors import LedgerError, Malformed, Unavailable
from testkit.server import STATION, serving

SECRET = "hunter2"
FILE = Path(__file__)
CLOSE = {"Connection": "close"}  # or sockets stay open in clients that have no end

Ask = Callable[[str], object]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ledger.example/log/2026", "https://ledger.example/log/2026"),
        ("https://wang:hunter2@ledger.example:8443/log", "https://ledger.example:8443/log"),
        ("https://wang:hun@ter2@ledger.example", "https://ledger.example"),
        ("https://ledger.example/tsa?token=hunter2#hunter2", "https://ledger.example/tsa"),
        ("https://[::1]:8443/log", "https://[::1]:8443/log"),
        ("wang:hunter2@ledger.example/log", "ledger.example/log"),
        ("https://wang:hunter2#@ledger.example", UNREADABLE),
        ("https://wang:hunter2@[ledger", UNREADABLE),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, shown: str) -> None:
    assert without_password(address) == shown


def _ledger(ask: Callable[[LedgerClient], object]) -> Ask:
    def asked(url: str) -> None:
        with closing(LedgerClient(url, key=STATION)) as client:
            ask(client)

    return asked


def _get(limit: int) -> Ask:
    def asked(url: str) -> None:
        with new_client() as client:
            fetch(client, "GET", url, limit)

    return asked


ASKING: dict[str, Ask] = {
    "too much": _get(1),
    "acceptance": _ledger(lambda client: client.file([b"x"])),
    "checkpoint": _ledger(lambda client: client.checkpoint("2026")),
    "devices": _ledger(lambda client: client.devices("2026-11")),
    "receipt": _ledger(lambda client: client.receipt("x")),
    "upload": _ledger(lambda client: client.upload(FILE, 1, bytes(32), lambda count: None)),
    "tus": lambda url: TusClient(url, key=STATION, patience_s=0).create(1, bytes(32)),
    "direct": lambda url: DirectClient(url, key=STATION, patience_s=0).upload(
        FILE, 1, bytes(32), lambda count: None
    ),
    "log": lambda url: HttpLog(url).read("2026", "checkpoint"),
    "copy": lambda url: open_log(url).read("2026", "checkpoint"),
    "cosigner": lambda url: HttpCosigner(url).checkpoint("ledger.example/2026"),
    "authority": lambda url: HttpAuthority(url).stamp(b"body"),
    "revocations": lambda url: HttpAuthority("").revoked(url),
}


@pytest.fixture(scope="module", params=["nobody", "404", "500", "302", "garbage"])
def answering(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of one who answers everything so, or of nobody."""
    app, kind = FastAPI(), request.param
    status = int(kind) if kind.isdigit() else 200
    methods = ["GET", "POST"]
    app.api_route("/{path:path}", methods=methods)(lambda: Response(b'{"x":1}', status, CLOSE))
    with serving(app) as address:
        port = "1" if kind == "nobody" else address.rpartition(":")[2]
        yield f"http://wang:{SECRET}@127.0.0.1:{port}"


@pytest.mark.parametrize("asking", ASKING)
def test_no_refusal_of_a_client_repeats_a_password(answering: str, asking: str) -> None:
    try:
        with capture_logs() as lines:
            ASKING[asking](answering)
    except LedgerError as error:
        assert SECRET not in f"{error} {error.hints} {lines}"
    else:  # a few take these bytes as they are: nothing was said
        assert asking in ("checkpoint", "log", "copy", "cosigner", "authority", "revocations")


@pytest.mark.parametrize("address", ["http://wang:hunter2#@x", "ftp:hunter2@x", "wang:hunter2@x"])
def test_what_is_no_address_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(LedgerError) as caught:
        _get(1)(address)
    assert SECRET not in str(caught.value)


def test_a_name_that_no_host_can_have_is_no_answer() -> None:
    """Or one cosigner of a policy keeps a ledger from being restored."""
    for asked in (_get(1), lambda url: HttpCosigner(url).checkpoint("ledger.example/log/2026")):
        with pytest.raises(Unavailable, match=r"no answer from http://a\.\.b"):
            asked("http://a..b")


def test_a_setting_that_is_no_address_is_refused_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEZHENG_MIRRORS", "wang:hunter2@mirror.example")
    with pytest.raises(Malformed, match="want addresses") as caught:
        load(tmp_path)
    assert SECRET not in str(caught.value)
