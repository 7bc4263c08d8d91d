"""A mirror over HTTP: from a server that plays tricks, and to readers who ask for anything."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.absences import MirroredLog
from api.clients.cosigner_http import HttpCosigner
from api.clients.log_http import HttpLog
from api.following import Follower
from api.mirror import Following, create_mirror_app, follow
from api.pace import Pace
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.absence import MAX_ASKED, Found, open_absence, tags_to_bytes
from ledger.suite import digest
from storage.public_copy import DirectoryLog
from storage.tag_index_sqlite import SqliteTagIndex
from testkit.growing_log import LOG, ORIGIN, GrowingLog, tags_of
from testkit.log_server import LogServer, Trick
from testkit.mirrors import MIRROR
from testkit.server import await_that, quiet

HEX = digest(ORIGIN.encode()).hex()
PREFIX = "/log/2026"


@pytest.fixture(autouse=True)
def no_journal() -> Iterator[None]:
    with quiet():
        yield


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    return GrowingLog(tmp_path / "log" / "2026")


@pytest.fixture
def server(log: GrowingLog) -> Iterator[LogServer]:
    with LogServer(log.folder.parent) as started:
        yield started


@pytest.fixture
def source(server: LogServer) -> Iterator[HttpLog]:
    with closing(HttpLog(server.url)) as source:
        yield source


@pytest.fixture
def mirrored(source: HttpLog, tmp_path: Path) -> Iterator[MirroredLog]:
    follower = Follower(LOG.verifier, source, tmp_path / "mirror" / "2026")
    index = SqliteTagIndex(tmp_path / "tags.sqlite")
    yield MirroredLog(follower, index, MIRROR)
    index.close()


def client(*logs: MirroredLog, per_s: int | None = None) -> TestClient:
    return TestClient(create_mirror_app(logs, per_s))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Of a mirror of 600 entries, for tests that change nothing."""
    root = tmp_path_factory.mktemp("reader")
    log = GrowingLog(root / "log" / "2026").grow(600)
    follower = Follower(LOG.verifier, DirectoryLog(log.folder), root / "mirror" / "2026")
    with quiet(), closing(SqliteTagIndex(root / "tags.sqlite")) as index:
        mirrored = MirroredLog(follower, index, MIRROR)
        follow(mirrored)
        yield client(mirrored)


@pytest.mark.parametrize("path", ["checkpoint", "tile/1/000.p/2", "tile/entries/001"])
@pytest.mark.parametrize("trick", Trick)
def test_a_server_that_plays_a_trick_is_refused_and_asked_again(
    log: GrowingLog,
    server: LogServer,
    source: HttpLog,
    mirrored: MirroredLog,
    monkeypatch: pytest.MonkeyPatch,
    trick: Trick,
    path: str,
) -> None:
    log.grow(600)
    server.trick = {f"{PREFIX}/{path}": trick}
    with monkeypatch.context() as impatient, pytest.raises(LedgerError):
        impatient.setattr(source, "_within_s", 0.5)
        follow(mirrored)
    assert mirrored.follower.kept.size == 0
    assert not any(asked.startswith("/elsewhere") for asked in server.asked)
    server.trick = {}
    follow(mirrored)
    assert mirrored.follower.kept == log.checkpoint


@pytest.mark.parametrize("trick", [Trick.DRIP_HEAD, Trick.DRIP])
def test_a_cosigner_that_drips_holds_a_log_up_for_a_while_only(
    server: LogServer, monkeypatch: pytest.MonkeyPatch, trick: Trick
) -> None:
    monkeypatch.setattr("api.clients.cosigner_http.WITHIN_S", 0.3)
    server.trick = {f"/log/{HEX}/checkpoint": trick}
    with pytest.raises(Unavailable, match="no answer from"):
        HttpCosigner(server.url).checkpoint(ORIGIN)


def test_it_serves_what_the_log_serves(log: GrowingLog, mirrored: MirroredLog) -> None:
    log.grow(600)
    follow(mirrored)
    http = client(mirrored)
    for path in (
        "checkpoint",
        "tile/0/000",
        "tile/0/002.p/88",
        "tile/entries/001",
        "tile/1/000.p/2",
    ):
        for prefix in (PREFIX, f"/{HEX}"):
            answer = http.get(f"{prefix}/{path}")
            assert answer.status_code == 200
            assert answer.content == (log.folder / path).read_bytes()
            assert http.head(f"{prefix}/{path}").headers["Content-Length"] == str(
                len(answer.content)
            )
    assert http.get(f"{PREFIX}/checkpoint").headers["Cache-Control"] == "public, max-age=1"
    assert "immutable" in http.get(f"{PREFIX}/tile/0/000").headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/log/2027/checkpoint",
        "/log/2026/tile/0/003",
        "/log/2026/tile/0/000.p/9",
        "/log/2026/tile/0/000.p/256",
        "/log/2026/../../tags.sqlite",
        "/log/2026/..%2f..%2ftags.sqlite",
        "/log/2026/.incoming/x",
        f"/{'0' * 64}/checkpoint",
        "/",
        "/lock",
    ],
)
def test_any_other_path_is_not_there(reader: TestClient, path: str) -> None:
    assert reader.get(path).status_code == 404


def test_the_ledger_asks_it_what_it_knows_as_it_asks_a_cosigner(
    log: GrowingLog, mirrored: MirroredLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.grow(5)
    follow(mirrored)
    asking = HttpCosigner("http://testserver")
    asking._client.close()
    monkeypatch.setattr(asking, "_client", client(mirrored))
    assert asking.checkpoint(ORIGIN) == log.note().to_bytes()


def test_tags_in_and_a_signed_statement_out(log: GrowingLog, mirrored: MirroredLog) -> None:
    log.grow(600)
    follow(mirrored)
    question = tags_to_bytes([tags_of(7)[0], tags_of(599)[0], bytes(16)])
    answer = client(mirrored).post(f"{PREFIX}/absence/599", content=question)
    assert answer.status_code == 200, answer.text
    absence, key = open_absence(answer.content, [MIRROR.verifier])
    assert key == MIRROR.verifier
    assert absence.found == (Found(7, tags_of(7)[0]),)
    assert absence.asked == digest(question)
    # The same question has the same answer, also when the log has grown.
    log.grow(500)
    follow(mirrored)
    again = client(mirrored).post(f"{PREFIX}/absence/599", content=question)
    assert again.content == answer.content


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/log/2026/absence/601", bytes(16), 503),
        ("/log/2026/absence/0", bytes(16), 400),
        ("/log/2026/absence/06", bytes(16), 400),
        ("/log/2026/absence/x", bytes(16), 400),
        ("/log/2027/absence/6", bytes(16), 404),
        ("/log/2026/absence/6", b"", 400),
        ("/log/2026/absence/6", bytes(17), 400),
        ("/log/2026/absence/6", bytes(32), 400),
        ("/log/2026/absence/6", "2026/case/苏城管罚〔2026〕417号".encode(), 400),
        ("/log/2026/absence/6", bytes(16 * MAX_ASKED + 1), 413),
    ],
)
def test_a_bad_question_is_refused(reader: TestClient, path: str, body: bytes, status: int) -> None:
    answer = reader.post(path, content=body)
    assert answer.status_code == status
    assert answer.text.endswith("\n")


def test_questions_take_no_more_memory_than_there_is(
    log: GrowingLog, mirrored: MirroredLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.mirror.ROOM", 100)
    log.grow(6)
    follow(mirrored)
    http = client(mirrored)
    many = tags_to_bytes([bytes([n]) * 16 for n in range(7)])
    assert http.post(f"{PREFIX}/absence/6", content=many).status_code == 503
    # What was refused is forgotten.
    for _ in range(3):
        assert http.post(f"{PREFIX}/absence/6", content=many[:96]).status_code == 200


def test_a_log_that_is_not_published_there_is_an_address_without_one(
    log: GrowingLog, mirrored: MirroredLog
) -> None:
    (log.folder / "checkpoint").unlink()
    with pytest.raises(Unavailable, match="no log 2026 is published there"):
        follow(mirrored)


def test_a_mirror_without_a_key_signs_nothing(log: GrowingLog, mirrored: MirroredLog) -> None:
    log.grow(6)
    follow(mirrored)
    mute = MirroredLog(mirrored.follower, mirrored.index)
    assert client(mute).post(f"{PREFIX}/absence/6", content=bytes(16)).status_code == 404


def test_only_questions_are_held_to_the_pace(
    log: GrowingLog, mirrored: MirroredLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.mirror.Pace", partial(Pace, now_s=lambda: 0.0))
    log.grow(6)
    follow(mirrored)
    http = client(mirrored, per_s=1)
    asked = [http.post(f"{PREFIX}/absence/6", content=bytes(16)).status_code for _ in range(4)]
    assert asked == [200, 200, 429, 429]
    assert {http.get(f"{PREFIX}/checkpoint").status_code for _ in range(9)} == {200}


def test_a_log_is_followed_as_it_grows_and_through_what_fails(
    log: GrowingLog, server: LogServer, mirrored: MirroredLog
) -> None:
    following = Following([mirrored], every_s=0.02)
    following.start()
    try:
        log.grow(300)
        await_that(lambda: mirrored.index.size == 300, "the first entries")
        server.trick = {f"{PREFIX}/checkpoint": Trick.ERROR}
        before = server.asked[f"{PREFIX}/checkpoint"]
        await_that(lambda: server.asked[f"{PREFIX}/checkpoint"] > before + 1, "two attempts")
        server.trick = {}
        log.grow(300)
        await_that(lambda: mirrored.index.size == 600, "the others")
    finally:
        following.stop()


def test_a_fork_ends_the_following_and_what_is_kept_is_served_on(
    log: GrowingLog, server: LogServer, mirrored: MirroredLog, tmp_path: Path
) -> None:
    log.grow(300)
    follow(mirrored)
    fork = GrowingLog(tmp_path / "fork" / "2026").grow(400, "other")
    server.folder = fork.folder.parent
    following = Following([mirrored], every_s=0.02)
    following.start()
    await_that(lambda: not following._threads[0].is_alive(), "the end of it")
    following.stop()
    assert client(mirrored).get(f"{PREFIX}/checkpoint").content == log.note().to_bytes()
