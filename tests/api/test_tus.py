"""tus 1.0 request by request, over real connections; other people's clients: tests/interop."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from api.intake import FOR_A_LANE
from api.lane import Protocol
from api.signing import sign_request
from api.tus import MAX_METADATA, PAGE, parse_metadata
from api.wire import BoundedProtocol
from ledger.encoding import format_json
from ledger.errors import Full, Malformed, Unavailable
from ledger.evidence.chunks import CHUNK_SIZE, MAX_ITEM, digest_item
from ledger.evidence.sealed import STORED_BLOCK
from ledger.ports import ItemRecord
from ledger.suite import digest
from storage.memory import MemoryItemStore
from storage.staging_directory import IDLE_MS
from testkit.at_rest import contents_of
from testkit.server import (
    AGENCY,
    HANDLER,
    REGISTRAR,
    REVOKED,
    STATION,
    Ledger,
    await_that,
    open_ledger,
)
from testkit.tus import BYTES, SPEAKS, Tus, base64, connect, named, patch_head, tus_server
from testkit.vault import flip

LARGE = FOR_A_LANE + (1 << 20) + 17
FRAMEWORK = 128 << 10


@pytest.fixture
def tus(ledger: Ledger) -> Iterator[Tus]:
    with tus_server(ledger) as tus:
        yield tus


@pytest.fixture(params=["lane", "no lane"])
def either(ledger: Ledger, request: pytest.FixtureRequest) -> Iterator[Tus]:
    """With lanes and without: both keep the same promises."""
    with tus_server(ledger, Protocol if request.param == "lane" else BoundedProtocol) as tus:
        yield tus


@pytest.fixture(scope="module")
def spoken(shared: Ledger) -> Iterator[Tus]:
    """For what does not mind what else was sent."""
    with tus_server(shared) as tus:
        yield tus


def staged(ledger: Ledger) -> set[str]:
    return {path.name for path in (ledger.folder / "staging").iterdir()}


def sha1(data: bytes) -> str:
    return "sha1 " + base64(hashlib.sha1(data).digest())


def sha256(data: bytes) -> str:
    return "sha256 " + base64(digest(data))


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# --- what the protocol says, in its order ----------------------------------------------------


def test_options_tell_what_the_server_can_do(spoken: Tus) -> None:
    answer = spoken.ask("OPTIONS", "/v1/tus", headers={"Tus-Resumable": "0.1"})
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,checksum,expiration,termination"
    assert answer.headers["Tus-Max-Size"] == str(MAX_ITEM)
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_an_upload_goes_from_creation_to_a_statement(ledger: Ledger, tus: Tus) -> None:
    data = os.urandom(700_001)
    path = tus.open(data)
    assert tus.offset(path) == 0
    assert tus.item(path) == {"state": "receiving", "offset": "0"}
    answer = tus.patch(path, 0, data[:300_000])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "300000")
    assert tus.patch(path, 300_000, data[300_000:]).headers["Upload-Offset"] == "700001"
    expected = digest_item(data)
    assert tus.finished(path) == {
        "state": "recorded",
        "size": "700001",
        "sha256": expected.sha256.hex(),
        "tiezhengChunks256k": expected.chunks.hex(),
    }
    (row,) = ledger.accept(ledger.evidence(data, upload=False))
    assert row["fresh"] == "yes"
    (item,) = ledger.services.items.ids()
    assert b"".join(ledger.services.items.stream(item)) == data
    assert len(ledger.services.items.leaves(item)) == 96
    assert tus.offset(path) == len(data)


@pytest.mark.parametrize("version", [None, "", "0.2.2", "1.0", "1.0.1", "1.0.0,1.0.0", "２"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
def test_another_version_is_refused_and_nothing_done(
    spoken: Tus, method: str, version: str | None
) -> None:
    path = spoken.open(b"abc")
    headers = {b"content-type": BYTES.encode(), b"upload-offset": b"0", b"upload-length": b"3"}
    if version is not None:
        headers[b"tus-resumable"] = version.encode()
    where = "/v1/tus" if method == "POST" else path
    body = b"abc" if method == "PATCH" else b""
    answer = spoken.ask(method, where, headers=headers, content=body)
    assert answer.status_code == 412
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert spoken.offset(path) == 0


def test_every_answer_names_the_version(spoken: Tus) -> None:
    path = spoken.open(b"abc")
    answers = [
        spoken.create(3),
        spoken.create("x"),
        spoken.head(path),
        spoken.head("/v1/tus/" + "0" * 32),
        spoken.patch(path, 1, b"x"),
        spoken.patch(path, 0, b"x", sha1(b"y")),
        spoken.ask("PUT", path),
        spoken.delete(path),
    ]
    assert [answer.headers.get("Tus-Resumable") for answer in answers] == ["1.0.0"] * 8


@pytest.mark.parametrize(
    "media_type", ["", "application/octet-stream", "application/offset+octet-stream; x=y"]
)
def test_another_type_of_body_is_refused(spoken: Tus, media_type: str) -> None:
    path = spoken.open(b"abc")
    answer = spoken.patch(path, 0, b"abc", **{"Content-Type": media_type})
    assert code(answer) == (415, "media_type")
    assert spoken.offset(path) == 0


@pytest.mark.parametrize("offset", [0, 2, 4, 9, 2**62])
def test_another_offset_is_refused_and_nothing_changed(spoken: Tus, offset: int) -> None:
    path = spoken.open(b"abcdefghi")
    spoken.patch(path, 0, b"abc")
    assert code(spoken.patch(path, offset, b"x")) == (409, "offset")
    assert spoken.offset(path) == 3


@pytest.mark.parametrize(
    "number", ["", "-1", "+1", "00", "01", "1_0", "0x1", "1.0", "1,1", "٣", "1e1", "9" * 40]
)
def test_a_number_has_one_spelling(spoken: Tus, number: str) -> None:
    path = spoken.open(b"abc")
    raw = [(b"tus-resumable", b"1.0.0"), (b"content-type", BYTES.encode())]
    raw += [(b"upload-offset", number.encode())]
    assert spoken.ask("PATCH", path, headers=raw, content=b"x").status_code == 400
    if number.isascii():
        assert spoken.create(number).status_code in (400, 401)
    assert spoken.offset(path) == 0


def test_bytes_beyond_the_announced_length_are_refused(spoken: Tus) -> None:
    path = spoken.open(b"abc")
    assert code(spoken.patch(path, 0, b"abcd")) == (413, "too_large")
    assert spoken.offset(path) == 0


def test_an_empty_body_at_the_offset_changes_nothing(spoken: Tus) -> None:
    path = spoken.open(b"abc")
    answer = spoken.patch(path, 0, b"")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "0")
    assert code(spoken.patch(path, 0, b"", sha1(b"x"))) == (460, "checksum")


def test_a_body_without_length_is_refused(spoken: Tus) -> None:
    path = spoken.open(b"abc")
    headers = SPEAKS | {"Content-Type": BYTES, "Upload-Offset": "0"}
    answer = spoken.ask("PATCH", path, headers=headers, content=iter([b"abc"]))
    assert code(answer) == (411, "length")


def test_an_upload_that_nobody_opened_is_unknown(spoken: Tus) -> None:
    path = "/v1/tus/" + "0" * 32
    head = spoken.head(path)
    assert (head.status_code, "Upload-Offset" in head.headers) == (404, False)
    assert code(spoken.patch(path, 0, b"x")) == (404, "unknown")
    assert code(spoken.delete(path)) == (404, "unknown")
    assert code(spoken.ask("GET", f"{path}/item")) == (404, "unknown")
    assert spoken.head("/v1/tus/..%2f..%2fkeys").status_code == 404


def test_how_much_came_is_not_to_be_cached(spoken: Tus) -> None:
    metadata = named(filename="现场.mp4", filetype="video/mp4") + ",secret"
    answer = spoken.head(spoken.create(5, metadata).headers["Location"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Upload-Length"] == "5"
    assert answer.headers["Upload-Metadata"] == metadata
    assert "Upload-Metadata" not in spoken.head(spoken.create(5).headers["Location"]).headers


@pytest.mark.parametrize("actual", ["POST", "PUT", "GET"])
def test_the_method_may_stand_in_a_header(spoken: Tus, actual: str) -> None:
    path = spoken.open(b"abc")
    instead = {"X-HTTP-Method-Override": "PATCH", "Content-Type": BYTES, "Upload-Offset": "0"}
    answer = spoken.ask(actual, path, headers=SPEAKS | instead, content=b"abc")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "3")
    look = spoken.ask(actual, path, headers=SPEAKS | {"X-HTTP-Method-Override": "HEAD"})
    assert (look.status_code, look.headers["Upload-Offset"], look.content) == (200, "3", b"")
    end = spoken.ask(actual, path, headers=SPEAKS | {"X-HTTP-Method-Override": "DELETE"})
    assert end.status_code == 204
    assert spoken.head(path).status_code == 410


@pytest.mark.parametrize("method", ["TRACE", "patch", "PATCH,GET", "GET"])
def test_a_method_that_is_none_is_refused(spoken: Tus, method: str) -> None:
    headers = SPEAKS | {"X-HTTP-Method-Override": method}
    assert spoken.ask("PATCH", spoken.open(b"a"), headers=headers).status_code == 405


def test_elsewhere_the_header_means_nothing(spoken: Tus) -> None:
    answer = spoken.ask("GET", "/healthz", headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 200


# --- creation --------------------------------------------------------------------------------


def test_the_place_does_not_depend_on_what_the_client_calls_the_server(spoken: Tus) -> None:
    path = spoken.create(3).headers["Location"]
    assert path.startswith("/v1/tus/")
    assert len(path) == len("/v1/tus/") + 32


def test_an_upload_of_nothing_is_whole_at_once(ledger: Ledger, tus: Tus) -> None:
    path = tus.open(b"")
    assert tus.finished(path)["state"] == "recorded"
    ledger.accept(ledger.evidence(b"", upload=False))


def test_beyond_the_largest_size_nothing_is_opened(ledger: Ledger, tus: Tus) -> None:
    for size in (MAX_ITEM + 1, 2**63 - 1):
        assert code(tus.create(size)) == (413, "too_large")
    assert code(tus.create(2**63)) == (400, "malformed")
    assert not staged(ledger)


@pytest.mark.parametrize(
    "more",
    [
        {"Upload-Defer-Length": "1"},
        {"Upload-Concat": "partial"},
        {"Upload-Concat": "final;/v1/tus/a /v1/tus/b"},
    ],
)
def test_what_was_not_offered_is_refused(spoken: Tus, more: dict[str, str]) -> None:
    answer = spoken.ask("POST", "/v1/tus", headers=spoken.creation(3) | more)
    assert code(answer) == (400, "malformed")


def test_a_creation_with_bytes_is_refused(spoken: Tus) -> None:
    headers = spoken.creation(3) | {"Content-Type": BYTES}
    assert code(spoken.ask("POST", "/v1/tus", headers=headers, content=b"abc"))[0] == 400
    assert code(spoken.ask("POST", "/v1/tus", headers=headers, content=iter([b"a"])))[0] in (
        400,
        401,
    )


@pytest.mark.parametrize(
    "metadata",
    [
        ",",
        "a,,b",
        " YQ==",
        "a  YQ==",
        "a YQ==,a YQ==",
        "a YQ",
        "a YQ==\t",
        "a YR==",
        "a Y Q==",
        "é YQ==",
        "x" * 65,
        ",".join(f"k{n}" for n in range(33)),
        "a " + "A" * (MAX_METADATA + 2),
        named(sha256="00"),
        named(sha256=b"\xff" * 64),
        named(sha256="AA" * 32),
        named(sm3="maybe"),
    ],
)
def test_metadata_that_is_not_in_its_form_is_refused(metadata: str, spoken: Tus) -> None:
    if metadata.isascii() and metadata.strip() == metadata:  # else the client sends none of it
        assert code(spoken.create(3, metadata)) == (400, "malformed")
    if metadata.partition(" ")[0] not in ("sha256", "sm3"):
        with pytest.raises(Malformed):
            parse_metadata(metadata)


def test_metadata_in_its_form_is_read() -> None:
    assert parse_metadata("a YQ==,b,c ,d-_.!~ eA==") == {
        "a": b"a",
        "b": b"",
        "c": b"",
        "d-_.!~": b"x",
    }


def test_sm3_is_told_where_it_was_asked_for(tus: Tus) -> None:
    path = tus.create(1, named(sm3="yes")).headers["Location"]
    tus.patch(path, 0, b"x")
    assert tus.finished(path)["sm3"] == hashlib.new("sm3", b"x").hexdigest()


# --- who may ---------------------------------------------------------------------------------


@pytest.mark.parametrize("signer", [REGISTRAR, REVOKED])
def test_a_key_that_is_not_in_force_opens_nothing(spoken: Tus, signer: Any) -> None:
    assert code(spoken.create(3, by=signer)) == (401, "unsigned")


def test_what_is_announced_has_to_be_signed(spoken: Tus) -> None:
    signed = spoken.creation(3)
    longer = signed | {"Upload-Length": "4"}
    assert code(spoken.ask("POST", "/v1/tus", headers=longer)) == (401, "unsigned")
    named_too = spoken.creation(3) | {"Upload-Metadata": "a"}
    assert code(spoken.ask("POST", "/v1/tus", headers=named_too)) == (401, "unsigned")
    assert spoken.ask("POST", "/v1/tus", headers=signed).status_code == 201
    assert code(spoken.ask("POST", "/v1/tus", headers=signed)) == (401, "unsigned")


def test_a_handlers_token_opens_an_upload_for_its_agency(ledger: Ledger, tus: Tus) -> None:
    headers = SPEAKS | {"Upload-Length": "5"} | ledger.bearer("handler", agency=AGENCY)
    path = tus.ask("POST", "/v1/tus", headers=headers).headers["Location"]
    tus.patch(path, 0, b"token")
    assert tus.finished(path)["state"] == "recorded"
    ledger.accept(ledger.evidence(b"token", upload=False))


@pytest.mark.parametrize(
    ("role", "agency"), [("court", AGENCY), ("handler", ""), ("admin", AGENCY), ("notary", "")]
)
def test_another_token_opens_nothing(ledger: Ledger, tus: Tus, role: str, agency: str) -> None:
    headers = SPEAKS | {"Upload-Length": "5"} | ledger.bearer(role, agency=agency)
    assert code(tus.ask("POST", "/v1/tus", headers=headers)) == (403, "forbidden")


def test_a_token_that_is_none_opens_nothing(spoken: Tus) -> None:
    headers = spoken.creation(3) | {"Authorization": "Bearer tz_x"}
    assert code(spoken.ask("POST", "/v1/tus", headers=headers)) == (401, "unsigned")


# --- checksum --------------------------------------------------------------------------------


@pytest.mark.parametrize("checksum", [sha1, sha256])
def test_with_the_right_checksum_the_bytes_count(spoken: Tus, checksum: Any) -> None:
    path = spoken.open(b"abcdef")
    assert spoken.patch(path, 0, b"abc", checksum(b"abc")).status_code == 204
    assert spoken.patch(path, 3, b"def", checksum(b"def")).headers["Upload-Offset"] == "6"
    assert spoken.finished(path)["state"] == "recorded"


@pytest.mark.parametrize("size", [10, LARGE])
def test_with_a_wrong_checksum_no_byte_is_kept(ledger: Ledger, either: Tus, size: int) -> None:
    data = os.urandom(size)
    path = either.open(data)
    assert either.patch(path, 0, data[:3]).status_code == 204
    flipped = data[3:-1] + bytes([data[-1] ^ 1])
    assert code(either.patch(path, 3, flipped, sha256(data[3:]))) == (460, "checksum")
    assert either.offset(path) == 3
    staging = ledger.services.staging
    assert staging.read(staging.find(path[-32:]), 0, 3) == data[:3]
    assert (ledger.folder / "staging" / path[-32:] / "bytes").stat().st_size == 0
    assert either.patch(path, 3, data[3:], sha256(data[3:])).status_code == 204
    assert either.finished(path)["state"] == "recorded"


@pytest.mark.parametrize(
    "checksum",
    [
        "md5 AAAA",
        "SHA1 " + "A" * 27 + "=",
        "sha1",
        "sha1  AA==",
        "sha256 " + "A" * 27 + "=",
        "sha1 ?",
    ],
)
def test_a_checksum_of_another_kind_is_refused(spoken: Tus, checksum: str) -> None:
    path = spoken.open(b"abc")
    assert code(spoken.patch(path, 0, b"abc", checksum)) == (400, "malformed")
    assert spoken.offset(path) == 0


def test_a_line_that_breaks_leaves_nothing_of_a_body_with_checksum(
    ledger: Ledger, either: Tus
) -> None:
    data = os.urandom(LARGE)
    path = either.open(data)
    line = either.begin(path, 0, LARGE, data[:-1], f"Upload-Checksum: {sha256(data)}\r\n")
    bytes_ = ledger.folder / "staging" / path[-32:] / "bytes"
    await_that(lambda: bytes_.stat().st_size, "the first bytes")
    line.close()
    await_that(lambda: not bytes_.stat().st_size, "the end of what was begun")
    assert either.offset(path) == 0


# --- lines that break ------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "sent"), [(100, 1), (100, 99), (LARGE, 5), (LARGE, LARGE - 1)])
def test_a_line_that_breaks_keeps_what_came(either: Tus, size: int, sent: int) -> None:
    data = os.urandom(size)
    path = either.open(data)
    break_off(either, path, 0, data, sent)
    kept = either.offset(path)
    # Of a connection that is gone the framework gives away at most its last buffer.
    assert sent - FRAMEWORK <= kept <= sent
    assert either.patch(path, kept, data[kept:]).status_code == 204
    assert either.finished(path)["state"] == "recorded"


def break_off(tus: Tus, path: str, offset: int, data: bytes, sent: int) -> None:
    """A PATCH of all that is left, whose line breaks after `sent` bytes."""
    line = tus.begin(path, offset, len(data) - offset, data[offset : offset + sent])
    await_that(lambda: is_busy(tus, path), "the request")
    line.close()
    await_that(lambda: not is_busy(tus, path), "the end of what was begun")


def is_busy(tus: Tus, path: str) -> bool:
    return tus.patch(path, 2**40, b"").status_code == 423


def test_by_a_lane_a_line_that_breaks_keeps_every_byte(tus: Tus) -> None:
    data = os.urandom(LARGE)
    path = tus.open(data)
    break_off(tus, path, 0, data, 5_000_001)
    assert tus.offset(path) == 5_000_001


def test_a_slow_line_that_breaks_often_still_gets_on(either: Tus) -> None:
    data = os.urandom(LARGE)
    path = either.open(data)
    at = 0
    for step in (100_000, 1, 3_000_000, 4095):
        break_off(either, path, at, data, step)
        assert at <= either.offset(path) <= at + step
        at = either.offset(path)
    assert at >= 3_000_000 - FRAMEWORK
    either.patch(path, at, data[at:])
    assert either.finished(path)["state"] == "recorded"


def test_of_two_requests_at_once_one_wins_and_the_other_may_try_again(either: Tus) -> None:
    data = b"x" * 100
    path = either.open(data)
    first = either.begin(path, 0, 100, data[:50])
    await_that(lambda: is_busy(either, path), "the first")
    assert code(either.patch(path, 0, data)) == (423, "busy")
    first.sendall(data[50:])
    assert b" 204 " in first.recv(4096)
    first.close()
    assert either.finished(path)["state"] == "recorded"


@pytest.mark.parametrize("size", [100, LARGE])
def test_whoever_goes_on_takes_over_from_a_line_that_fell_silent(
    either: Tus, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("api.arrivals.STALLED_S", 3600.0)
    data = os.urandom(size)
    path = either.open(data)
    silent = either.begin(path, 0, size, data[:50])
    await_that(lambda: is_busy(either, path), "the first")
    monkeypatch.setattr("api.arrivals.STALLED_S", 0.2)
    await_that(lambda: either.offset(path) == 50, "the end of the first")
    assert either.patch(path, 50, data[50:]).status_code == 204
    silent.close()
    assert either.finished(path)["state"] == "recorded"


def test_who_stops_sending_is_not_waited_for_for_ever(
    either: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.bodies.IDLE_S", 0.1)
    path = either.open(b"x" * 100)
    line = either.begin(path, 0, 100, b"x" * 50)
    assert b" 503 " in line.recv(4096)
    line.close()
    await_that(lambda: either.offset(path) == 50, "what came")


def test_a_request_behind_a_large_body_is_not_taken_for_its_bytes(either: Tus) -> None:
    data = os.urandom(LARGE)
    path = either.open(data)
    with connect(either.address) as line:
        behind = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        line.sendall(patch_head(path, 0, LARGE) + data + behind)
        assert b" 204 " in line.recv(4096)
    assert either.finished(path)["state"] == "recorded"


# --- after the last byte ---------------------------------------------------------------------


def test_after_the_last_byte_nothing_is_taken_any_more(spoken: Tus) -> None:
    path = spoken.open(b"abc")
    spoken.patch(path, 0, b"abc")
    spoken.finished(path)
    assert code(spoken.patch(path, 0, b"abc")) == (409, "offset")
    assert code(spoken.patch(path, 3, b"d")) == (413, "too_large")
    assert spoken.patch(path, 3, b"").status_code == 204


def test_other_bytes_than_announced_are_said_and_stay_to_be_mended(
    ledger: Ledger, tus: Tus
) -> None:
    data = os.urandom(3 * CHUNK_SIZE + 5)
    broken = bytearray(data)
    broken[CHUNK_SIZE + 7] ^= 1
    path = tus.open(data)
    tus.patch(path, 0, bytes(broken))
    found = tus.finished(path)
    assert (found["state"], found["sha256"]) == ("mismatch", digest(bytes(broken)).hex())
    assert list(ledger.services.items.ids()) == []
    leaves = tus.ask("GET", f"{path}/chunks").content
    right = [digest(b"\0" + data[i : i + CHUNK_SIZE]) for i in range(0, len(data), CHUNK_SIZE)]
    damaged = [n for n in range(4) if leaves[32 * n : 32 * n + 32] != right[n]]
    assert damaged == [1]
    chunk = data[CHUNK_SIZE : 2 * CHUNK_SIZE]
    assert tus.ask("PUT", f"{path}/chunks/1", content=chunk).status_code == 204
    assert tus.finished(path)["state"] == "recorded"
    assert code(tus.ask("PUT", f"{path}/chunks/1", content=chunk)) == (409, "conflict")
    assert code(tus.ask("GET", f"{path}/chunks")) == (409, "conflict")


@pytest.mark.parametrize("became", ["recorded", "mismatch"])
def test_what_became_of_it_is_told_once_it_may_be_given_up(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch, became: str
) -> None:
    run, noted, go_on = type(ledger.services.arrivals)._run, threading.Event(), threading.Event()

    def lets_go_late(*passed: Any) -> None:
        run(*passed)
        noted.set()
        assert go_on.wait(60)

    monkeypatch.setattr(type(ledger.services.arrivals), "_run", lets_go_late)
    path = tus.open(b"abc")
    tus.patch(path, 0, b"abc" if became == "recorded" else b"abd")
    assert noted.wait(60)
    assert tus.item(path) == {"state": "working"}
    go_on.set()
    assert tus.finished(path)["state"] == became
    assert tus.delete(path).status_code == 204


def test_an_upload_may_be_given_up_at_the_moment_its_finish_is_over(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A future is done before those who wait for it are called."""
    over, go_on, tell = threading.Event(), threading.Event(), Future._invoke_callbacks  # type: ignore[attr-defined]

    def tells_late(self: Any) -> None:
        if threading.current_thread().name.startswith("finish"):
            over.set()
            assert go_on.wait(60)
        tell(self)

    monkeypatch.setattr(Future, "_invoke_callbacks", tells_late)
    path = tus.open(b"abc")
    tus.patch(path, 0, b"abc")
    try:
        assert over.wait(60)
        assert tus.delete(path).status_code == 204
    finally:
        go_on.set()


def test_what_rots_while_it_is_staged_is_found_though_no_digest_was_announced(
    ledger: Ledger, tus: Tus
) -> None:
    data = os.urandom(3 * CHUNK_SIZE + 5)
    path = tus.open(data, told=False)
    tus.patch(path, 0, data[:-1])
    flip(ledger.folder / "staging" / path[-32:] / "bytes", 8 * (STORED_BLOCK + 99))
    leaves = tus.ask("GET", f"{path}/chunks").content
    right = [digest(b"\0" + data[i : i + CHUNK_SIZE]) for i in range(0, len(data), CHUNK_SIZE)]
    assert leaves == right[0] + bytes(32) + right[2]
    tus.patch(path, len(data) - 1, data[-1:])
    found = tus.finished(path)
    assert (found["state"], found["size"]) == ("mismatch", str(CHUNK_SIZE))
    assert list(ledger.services.items.ids()) == []
    chunk = data[CHUNK_SIZE : 2 * CHUNK_SIZE]
    assert tus.ask("PUT", f"{path}/chunks/1", content=chunk).status_code == 204
    found = tus.finished(path)
    assert (found["state"], found["sha256"]) == ("recorded", digest(data).hex())


def test_nothing_lies_in_plain_below_the_data_folder(ledger: Ledger, tus: Tus) -> None:
    marker = b"the plate of the car is E-0417"
    data = bytearray(os.urandom(2 * CHUNK_SIZE + 90_000))
    for at in (0, CHUNK_SIZE - 8, 2 * CHUNK_SIZE + 7, len(data) - len(marker)):
        data[at : at + len(marker)] = marker
    path = tus.open(bytes(data))
    for start, end in ((0, 50_000), (50_000, len(data) - 9), (len(data) - 9, len(data))):
        tus.patch(path, start, bytes(data[start:end]))
        if end == len(data):
            assert tus.finished(path)["state"] == "recorded"
        contents = contents_of(ledger.folder)
        assert any("staging" in str(file) for file in contents)
        for file, found in contents.items():
            assert marker[:8] not in found and marker[-9:] not in found, file


def test_chunks_are_told_page_by_page_and_only_those_that_came(
    tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.tus.PAGE", 2)
    data = os.urandom(4 * CHUNK_SIZE)
    path = tus.open(data)
    tus.patch(path, 0, data[: 3 * CHUNK_SIZE + 1])
    leaves = [digest(b"\0" + data[i * CHUNK_SIZE :][:CHUNK_SIZE]) for i in range(3)]
    pages = [tus.ask("GET", f"{path}/chunks?first={n}").content for n in (0, 2, 3, 4, 99)]
    assert pages == [b"".join(leaves[:2]), leaves[2], b"", b"", b""]
    assert PAGE * CHUNK_SIZE == 64 << 20
    assert code(tus.ask("GET", f"{path}/chunks?first=-1")) == (400, "malformed")


def test_a_chunk_is_mended_only_where_it_came_and_whole(tus: Tus) -> None:
    data = os.urandom(2 * CHUNK_SIZE + 5)
    path = tus.open(data)
    tus.patch(path, 0, data[: CHUNK_SIZE + 3])

    def put(number: str, chunk: bytes, **headers: str) -> tuple[int, str]:
        answer = tus.ask("PUT", f"{path}/chunks/{number}", content=chunk, headers=headers)
        return (204, "") if answer.status_code == 204 else code(answer)

    whole = data[:CHUNK_SIZE]
    assert put("1", data[CHUNK_SIZE : 2 * CHUNK_SIZE]) == (422, "rejected")
    assert put("3", b"") == (422, "rejected")
    assert put("99999999", b"") == (422, "rejected")
    assert put("01", whole) == (400, "malformed")
    assert put("0", whole[:-1]) == (422, "rejected")
    assert put("0", whole + b"x") == (413, "too_large")
    assert put("0", whole, **{"Upload-Checksum": sha1(b"x")}) == (460, "checksum")
    assert put("0", whole, **{"Upload-Checksum": sha1(whole)}) == (204, "")
    assert tus.offset(path) == CHUNK_SIZE + 3


def test_while_the_whole_is_read_back_the_client_is_told_so(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    pieces = type(ledger.services.staging).pieces

    def slow(self: Any, upload: Any) -> Iterator[memoryview]:
        assert go_on.wait(60)
        yield from pieces(self, upload)

    monkeypatch.setattr(type(ledger.services.staging), "pieces", slow)
    path = tus.open(b"abc")
    assert tus.patch(path, 0, b"abc").status_code == 204
    assert tus.item(path) == {"state": "working"}
    assert tus.head(path).status_code == 200
    assert code(tus.ask("PUT", f"{path}/chunks/0", content=b"abc")) == (423, "busy")
    go_on.set()
    assert tus.finished(path)["state"] == "recorded"


def test_a_finish_that_had_no_room_is_told_and_tried_again(ledger: Ledger, tus: Tus) -> None:
    path = tus.open(b"x" * 100)
    items, ledger.services.items = ledger.services.items, MemoryItemStore(room=10)
    tus.patch(path, 0, b"x" * 100)
    answers: list[Any] = []

    def told() -> bool:
        answers.append(tus.ask("GET", f"{path}/item"))
        return bool(answers[-1].status_code == 507)

    await_that(told, "the refusal")
    ledger.services.items = items
    await_that(lambda: tus.item(path).get("state") == "recorded", "the second time")


def test_a_record_that_was_not_written_is_written_later_and_once(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, failures = type(ledger.services.store).add_item, [1]

    def fail_once(self: Any, item: ItemRecord) -> None:
        if failures:
            failures.pop()
            raise Full("no room for the database")
        add(self, item)

    monkeypatch.setattr(type(ledger.services.store), "add_item", fail_once)
    path = tus.open(b"x" * 100)
    tus.patch(path, 0, b"x" * 100)
    await_that(lambda: tus.item(path).get("state") == "recorded", "the record")
    assert len(list(ledger.services.items.ids())) == 1
    assert len(list(ledger.services.store.object_ids())) == 1


def test_what_the_item_store_has_is_mended_no_more(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be given to it a second time, and the first be nobody's."""

    def fail(self: Any, item: ItemRecord) -> None:
        raise Full("no room for the database")

    with monkeypatch.context() as full:
        full.setattr(type(ledger.services.store), "add_item", fail)
        path = tus.open(b"x" * 100)
        tus.patch(path, 0, b"x" * 100)
        found = ledger.services.staging.find(path.removeprefix("/v1/tus/"))
        arrivals = ledger.services.arrivals
        await_that(lambda: found.finish and not arrivals.finishing(found), "the refusal")
        answer = tus.ask("PUT", f"{path}/chunks/0", content=b"x" * 100)
        assert code(answer) == (409, "conflict")
    await_that(lambda: tus.item(path).get("state") == "recorded", "the record")
    assert len(list(ledger.services.items.ids())) == 1


def test_while_the_item_store_does_not_answer_all_else_does(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = min(32, (os.cpu_count() or 1) + 4) + 2  # more than asyncio has threads
    path, go_on = tus.open(b"abc"), threading.Event()

    def away(*_: object) -> None:
        go_on.wait(60)
        raise Unavailable("nobody answers")

    def announce(n: int) -> int:
        if n % 2:
            return tus.create(5).status_code
        body = format_json({"sha256": bytes(32).hex(), "size": str(n)})
        signed = sign_request(STATION, "POST", f"{tus.address}/v1/uploads", body, f"{n:032}")
        return tus.ask("POST", "/v1/uploads", headers=dict(signed), content=body).status_code

    monkeypatch.setattr("api.uploads.check_room", away)
    opening = ledger.services.intakes._openings._work_queue
    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(announce, n) for n in range(count)]
        try:
            await_that(lambda: opening.qsize() == count - 1, "all but the first waiting")
            assert tus.ask("GET", "/metrics", timeout=60).status_code == 200
            assert tus.patch(path, 0, b"ab").status_code == 204
        finally:
            go_on.set()
        assert {answer.result() for answer in waiting} == {503}


# --- the end of an upload --------------------------------------------------------------------


def test_an_upload_that_was_given_up_leaves_nothing(ledger: Ledger, tus: Tus) -> None:
    path = tus.open(b"abc")
    tus.patch(path, 0, b"ab")
    assert tus.delete(path).status_code == 204
    assert not staged(ledger)
    assert code(tus.patch(path, 2, b"c")) == (410, "gone")
    assert code(tus.delete(path)) == (410, "gone")


@pytest.mark.parametrize("size", [100, LARGE])
def test_an_upload_may_be_given_up_while_it_is_being_sent(
    ledger: Ledger, either: Tus, size: int
) -> None:
    data = os.urandom(size)
    path = either.open(data)
    line = either.begin(path, 0, size, data[:50])
    await_that(lambda: is_busy(either, path), "the first bytes")
    assert either.delete(path).status_code == 204
    assert line.recv(4096).startswith(b"HTTP/1.1 423 ")
    line.close()
    assert not staged(ledger)


def test_an_upload_may_be_given_up_while_it_is_read_back(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = type(ledger.services.staging).pieces
    reading = threading.Event()

    def slow(self: Any, upload: Any) -> Iterator[memoryview]:
        for piece in pieces(self, upload):
            for _ in range(10_000):
                reading.set()
                time.sleep(0.001)
                yield piece[:0]
            yield piece

    monkeypatch.setattr(type(ledger.services.staging), "pieces", slow)
    path = tus.open(b"abc")
    tus.patch(path, 0, b"abc")
    assert reading.wait(60)
    assert tus.delete(path).status_code == 204
    assert not staged(ledger)
    assert list(ledger.services.items.ids()) == []


def test_a_recorded_item_stays_when_its_upload_is_given_up(ledger: Ledger, tus: Tus) -> None:
    path = tus.open(b"abc")
    tus.patch(path, 0, b"abc")
    tus.finished(path)
    assert tus.delete(path).status_code == 204
    ledger.accept(ledger.evidence(b"abc", upload=False))


def test_an_upload_expires_a_day_after_its_last_byte(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = ledger.services.clock.now_ms()
    staging = ledger.services.staging
    path = tus.open(b"abc")
    opened = ledger.services.clock.now_ms()
    expires = parsedate_to_datetime(tus.head(path).headers["Upload-Expires"])
    assert now - 1000 <= expires.timestamp() * 1000 - IDLE_MS <= opened + 1000
    monkeypatch.setattr(staging, "_now_ms", lambda: now + IDLE_MS - 10_000)
    answer = tus.patch(path, 0, b"a")
    assert parsedate_to_datetime(answer.headers["Upload-Expires"]) > expires
    monkeypatch.setattr(staging, "_now_ms", lambda: now + IDLE_MS + 10_000)
    assert tus.head(path).status_code == 200
    monkeypatch.setattr(staging, "_now_ms", lambda: now + 2 * IDLE_MS)
    assert tus.head(path).status_code == 410
    assert code(tus.patch(path, 1, b"bc")) == (410, "gone")
    assert ledger.services.arrivals.remove_expired() == 1
    assert not staged(ledger)
    assert tus.head(path).status_code == 410


@pytest.mark.parametrize("taken_up", ["before it is listed", "after it is listed"])
@pytest.mark.parametrize("ended", [False, True], ids=["still sent", "sent"])
def test_an_upload_that_is_taken_up_at_its_last_moment_is_not_removed_under_its_sender(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch, taken_up: str, ended: bool
) -> None:
    staging, now = ledger.services.staging, ledger.services.clock.now_ms()
    path = tus.open(b"abc")
    expired, lines = type(staging).expired, []

    def at(now_ms: int) -> None:
        monkeypatch.setattr(staging, "_now_ms", lambda: now_ms)

    def take_up() -> None:
        at(now + IDLE_MS - 10_000)
        if ended:
            assert tus.patch(path, 0, b"a").status_code == 204
        else:
            lines.append(tus.begin(path, 0, 3, b"a"))
            await_that(lambda: is_busy(tus, path), "the sender")
        at(now + IDLE_MS + 10_000)

    def list_slowly(self: Any) -> Any:
        if taken_up == "before it is listed":
            take_up()
            return expired(self)
        found = expired(self)
        take_up()
        return found

    at(now + IDLE_MS + 10_000)
    monkeypatch.setattr(type(staging), "expired", list_slowly)
    assert ledger.services.arrivals.remove_expired() == 0
    for line in lines:
        line.sendall(b"bc")
        assert b" 204 " in line.recv(4096)
        line.close()
    if ended:
        assert tus.patch(path, 1, b"bc").status_code == 204
    assert tus.finished(path)["state"] == "recorded"


def test_one_that_cannot_be_removed_keeps_no_other(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = ledger.services.staging
    first, second = (tus.open(data).removeprefix("/v1/tus/") for data in (b"a", b"b"))
    remove = type(staging).remove

    def refuse_one(self: Any, upload: Any) -> None:
        if upload.id == first:
            raise Unavailable("the disk refuses")
        remove(self, upload)

    monkeypatch.setattr(type(staging), "remove", refuse_one)
    now = ledger.services.clock.now_ms()
    monkeypatch.setattr(staging, "_now_ms", lambda: now + 2 * IDLE_MS)
    ledger.services.arrivals.remove_expired()
    assert staged(ledger) == {first} != {second}


def test_a_byte_a_day_does_not_keep_an_upload_for_ever(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging, now = ledger.services.staging, ledger.services.clock.now_ms()
    path = tus.open(b"x" * 100)
    for day in range(14):
        at = now + day * (IDLE_MS - 1)
        monkeypatch.setattr(staging, "_now_ms", lambda at=at: at)
        assert tus.patch(path, day, b"x").status_code == 204
    at = now + 14 * IDLE_MS + 1000
    monkeypatch.setattr(staging, "_now_ms", lambda: at)
    assert tus.patch(path, 14, b"x").status_code == 410


# --- room ------------------------------------------------------------------------------------


def test_a_quota_is_shared_with_announced_uploads(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", quota=100) as ledger, tus_server(ledger) as tus:
        path = tus.open(b"a" * 60)
        assert code(tus.create(41)) == (429, "quota")
        body = b'{"sha256":"%s","size":"41"}' % (b"0" * 64)
        headers = ledger.signed("POST", "/v1/uploads", body)
        assert ledger.http.post("/v1/uploads", content=body, headers=headers).status_code == 429
        assert tus.create(100, by=HANDLER).status_code == 201
        tus.patch(path, 0, b"a" * 60)
        tus.finished(path)
        assert code(tus.create(41)) == (429, "quota")
        ledger.accept(ledger.evidence(b"a" * 60, upload=False))
        ledger.announce(b"b" * 60)
        assert code(tus.create(41)) == (429, "quota")
        assert tus.create(40).status_code == 201


def test_a_full_disk_is_said_before_the_first_byte(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.services.items = MemoryItemStore(room=100)
    assert code(tus.create(51)) == (507, "full")  # it will be there twice for a moment
    assert tus.create(20).status_code == 201
    assert code(tus.create(31)) == (507, "full")  # the first has not come yet
    assert code(tus.create(MAX_ITEM)) in ((507, "full"), (429, "quota"))
    assert len(staged(ledger)) == 1


def test_one_key_cannot_keep_all_others_out(
    ledger: Ledger, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.upload_table.MAX_OPEN_OF_KEY", 3)
    for _ in range(3):
        assert tus.create(1).status_code == 201
    assert code(tus.create(1)) == (429, "quota")
    assert tus.create(1, by=HANDLER).status_code == 201
    monkeypatch.setattr("api.upload_table.MAX_OPEN", 4)
    assert code(tus.create(1, by=HANDLER)) == (429, "quota")


def test_many_uploads_at_once(ledger: Ledger, tus: Tus) -> None:
    items = [os.urandom(100_000 + n) for n in range(64)]

    def send(data: bytes) -> str:
        path = tus.open(data)
        for at in range(0, len(data), 40_000):
            part = data[at : at + 40_000]
            assert tus.patch(path, at, part, sha256(part)).status_code == 204
        return path

    with ThreadPoolExecutor(64) as pool:
        paths = list(pool.map(send, items))
    for path in paths:
        assert tus.finished(path)["state"] == "recorded"
    assert len(list(ledger.services.items.ids())) == 64
