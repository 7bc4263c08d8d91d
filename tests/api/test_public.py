import http.client
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.tile import entries_from_bytes
from testkit.server import FOUNDED, ORIGIN, Ledger, await_that, serving


@pytest.fixture(scope="module")
def public(shared: Ledger) -> Ledger:
    shared.await_quorum()
    return shared


def get(ledger: Ledger, path: str, method: str = "GET") -> Any:
    return ledger.http.request(method, path)


def test_the_checkpoint_is_that_of_the_log(public: Ledger) -> None:
    answer = get(public, "/log/2026/checkpoint")
    note = SignedNote.from_bytes(answer.content)
    checkpoint = open_checkpoint(note, public.trust.logs[0].policy.log)
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, FOUNDED)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=1"


@pytest.mark.parametrize("path", [f"tile/0/000.p/{FOUNDED}", f"tile/entries/000.p/{FOUNDED}"])
def test_tiles_are_bytes_that_never_change(public: Ledger, path: str) -> None:
    answer = get(public, f"/log/2026/{path}")
    assert answer.content == (public.folder / "public" / "2026" / path).read_bytes()
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "immutable" in answer.headers["Cache-Control"]


def test_the_opening_and_its_salt_give_the_commitment_of_entry_0(public: Ledger) -> None:
    parts = [get(public, f"/log/2026/opening.{ending}") for ending in ("salt", "dsse.json")]
    bundle = get(public, f"/log/2026/tile/entries/000.p/{FOUNDED}").content
    entry = Entry.from_bytes(entries_from_bytes(bundle, FOUNDED)[0])
    check_commitment(entry, parts[0].content, parts[1].content)
    opening = Statement.from_bytes(Envelope.from_bytes(parts[1].content).payload)
    assert opening.predicate["log"] == public.trust.logs[0].policy.log.to_text()
    for part in parts:
        assert "immutable" in part.headers["Cache-Control"]
    assert get(public, "/log/2027/opening.salt").status_code == 404


@pytest.mark.parametrize("path", ["checkpoint", "opening.salt", f"tile/0/000.p/{FOUNDED}"])
def test_head_says_what_get_would(public: Ledger, path: str) -> None:
    head, body = get(public, f"/log/2026/{path}", "HEAD"), get(public, f"/log/2026/{path}")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Length"] == str(len(body.content))


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/07",
        "tile/64/000",
        "tile/entries/x000/000",
        "tile/0/000.p",
        "tile/0/",
        "tile/",
        "tile/%2e%2e/checkpoint",
        "tile/..%2f..%2fkeys%2flog.key",
        "tile//etc/passwd",
        "tile/0//000",
        "tile/0/000%00",
        "tile/0/000%0a",
        "tile\\0\\000",
        "tile/0/%5c..%5c..",
        "tile/" + "0" * 5000,
        "tile/0/" + quote("٠٠٠"),
    ],
)
def test_what_is_no_tile_is_not_there(public: Ledger, path: str) -> None:
    answer = get(public, f"/log/2026/{path}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    ["/log/2026/tile/../checkpoint", "/log/2026/../2026/checkpoint", "//log/2026/tile/0/000"],
)
def test_dots_are_not_followed(public: Ledger, path: str) -> None:
    """Past a client that would tidy the path up."""
    with serving(public.http.app) as address:  # type: ignore[arg-type]
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        connection.putrequest("GET", path)
        connection.endheaders()
        assert connection.getresponse().status == 404
        connection.close()


@pytest.mark.parametrize("label", ["2025", "2026-2", "..", "%2e%2e", "x" * 5000, "2026%2f.."])
def test_another_log_is_not_here(public: Ledger, label: str) -> None:
    for path in ("checkpoint", "tile/0/000"):
        assert get(public, f"/log/{label}/{path}").status_code == 404


def test_a_partial_tile_goes_once_the_full_one_is_there(ledger: Ledger) -> None:
    ledger.await_quorum()
    ledger.upload(b"x")
    ledger.accept(*[ledger.evidence(b"x", upload=False) for _ in range(256 - FOUNDED)])
    ledger.await_quorum()
    assert get(ledger, "/log/2026/tile/0/000").status_code == 200
    await_that(
        lambda: get(ledger, f"/log/2026/tile/0/000.p/{FOUNDED}").status_code == 404, "its end"
    )


def test_the_process_says_that_it_is_up_and_ready(public: Ledger) -> None:
    assert get(public, "/healthz").json() == {"status": "up"}
    # And why not all is well, from the year after that of its log on.
    assert get(public, "/readyz").json()["status"] == "ready"


def test_the_metrics_name_sizes_and_nothing_else(public: Ledger) -> None:
    answer = get(public, "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    values = dict(line.split() for line in answer.text.splitlines() if not line.startswith("#"))
    assert values["tiezheng_log_size"] == f"{FOUNDED}.0"
    assert values["tiezheng_ready"] == "1.0"
    assert all(name.startswith("tiezheng_") for name in values)
