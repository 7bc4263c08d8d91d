"""Other people's tus clients against our server: tuspy, and tus-js-client, by which Uppy sends."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from ledger.suite import digest
from storage.staging_directory import StagedWriter
from testkit.js import run_node
from testkit.line import bad_line
from testkit.server import AGENCY, Ledger, open_ledger
from testkit.tus import Tus, tus_server

SIZE = 3_000_017
WAYS: list[dict[str, Any]] = [{}, {"chunkSize": 700_000}, {"overridePatchMethod": True}]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger") as ledger:
        yield ledger


@pytest.fixture
def tus(ledger: Ledger) -> Iterator[Tus]:
    with tus_server(ledger) as tus:
        yield tus


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "现场.mp4"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture
def took(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes the server has taken, part by part.

    Of who comes again before it has noticed that his line broke it takes none, and he tries again.
    """
    sizes: list[int] = []
    write = StagedWriter.write

    def noted(self: StagedWriter, data: bytes | memoryview) -> None:
        sizes.append(len(memoryview(data)))
        write(self, data)

    monkeypatch.setattr(StagedWriter, "write", noted)
    return sizes


@contextmanager
def tuspy(ledger: Ledger, address: str, file: Path, **more: Any) -> Iterator[Any]:
    """An uploader of tuspy's, by a token. It opens files and leaves them open, so it gets one."""
    client = TusClient(f"{address}/v1/tus", headers=ledger.bearer("handler", agency=AGENCY))
    with file.open("rb") as stream:
        yield client.uploader(file_stream=stream, **more)


def came(ledger: Ledger, tus: Tus, url: str, file: Path) -> None:
    """The upload is recorded, with the file's bytes, and a statement may speak of them."""
    data = file.read_bytes()
    found = tus.finished(urlsplit(url).path)
    assert (found["state"], found["sha256"]) == ("recorded", digest(data).hex())
    ledger.accept(ledger.evidence(data, upload=False))


# --- tuspy -----------------------------------------------------------------------------------


def test_tuspy_sends_a_file_at_once(ledger: Ledger, tus: Tus, file: Path) -> None:
    with tuspy(ledger, tus.address, file) as uploader:
        uploader.upload()
    came(ledger, tus, uploader.url, file)


def test_tuspy_sends_a_file_in_pieces_with_checksums(ledger: Ledger, tus: Tus, file: Path) -> None:
    metadata = {"filename": file.name, "sha256": digest(file.read_bytes()).hex()}
    more = {"chunk_size": 700_000, "metadata": metadata, "upload_checksum": True}
    with tuspy(ledger, tus.address, file, **more) as uploader:
        uploader.upload()
    came(ledger, tus, uploader.url, file)


def test_tuspy_sends_nothing(ledger: Ledger, tus: Tus, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with tuspy(ledger, tus.address, empty) as uploader:
        uploader.upload()
    came(ledger, tus, uploader.url, empty)


def test_tuspy_goes_on_after_a_broken_line(
    ledger: Ledger, tus: Tus, file: Path, took: list[int]
) -> None:
    with (
        bad_line(tus.address, breaks=[10_000, 1_000_000, 10_000, 700_000]) as line,
        tuspy(ledger, line.address, file, retries=9, retry_delay=0.5) as uploader,
    ):
        uploader.upload()
        assert line.broken == 2
        assert SIZE <= sum(took) < SIZE + 500_000
    came(ledger, tus, uploader.url, file)


def test_tuspy_goes_on_by_a_later_run_that_knows_the_address(
    ledger: Ledger, tus: Tus, file: Path
) -> None:
    with tuspy(ledger, tus.address, file, chunk_size=500_000) as first:
        first.upload(1_000_000)
    assert tus.offset(urlsplit(first.url).path) == 1_000_000
    with tuspy(ledger, tus.address, file, url=first.url) as second:
        assert second.offset == 1_000_000
        second.upload()
    came(ledger, tus, second.url, file)


def test_tuspy_is_told_of_a_byte_that_the_line_changed(
    ledger: Ledger, tus: Tus, file: Path
) -> None:
    with (
        bad_line(tus.address, flips=[1_500_000]) as line,
        tuspy(ledger, line.address, file, chunk_size=1_000_000, upload_checksum=True) as uploader,
    ):
        with pytest.raises(TusUploadFailed) as failed:
            uploader.upload()
        assert failed.value.status_code == 460
        assert uploader.get_offset() == 1_000_000
        uploader.upload()
    came(ledger, tus, uploader.url, file)


def test_without_a_checksum_the_whole_shows_it(ledger: Ledger, tus: Tus, file: Path) -> None:
    metadata = {"sha256": digest(file.read_bytes()).hex()}
    with (
        bad_line(tus.address, flips=[1_500_000]) as line,
        tuspy(ledger, line.address, file, metadata=metadata) as uploader,
    ):
        uploader.upload()
    assert tus.finished(urlsplit(uploader.url).path)["state"] == "mismatch"


def test_tuspy_without_a_token_is_refused(tus: Tus, file: Path) -> None:
    with file.open("rb") as stream, pytest.raises(TusCommunicationError, match="status 401"):
        TusClient(f"{tus.address}/v1/tus").uploader(file_stream=stream).upload()


# --- tus-js-client ---------------------------------------------------------------------------


def send(ledger: Ledger, address: str, file: Path, **more: Any) -> list[str]:
    """The lines of tests/interop/js/send.cjs; the last is the upload's address."""
    told = {
        "endpoint": f"{address}/v1/tus",
        "file": str(file),
        "headers": ledger.bearer("handler", agency=AGENCY),
        **more,
    }
    return run_node("send.cjs", json.dumps(told)).split("\n")[:-1]


@pytest.mark.parametrize(
    "more", [{}, {"chunkSize": 700_000}, {"overridePatchMethod": True}], ids=str
)
def test_tus_js_client_sends_a_file(
    ledger: Ledger, tus: Tus, file: Path, more: dict[str, Any]
) -> None:
    metadata = {"filename": file.name, "sha256": digest(file.read_bytes()).hex(), "empty": ""}
    (url,) = send(ledger, tus.address, file, metadata=metadata, **more)
    came(ledger, tus, url, file)


def test_tus_js_client_goes_on_after_broken_lines(
    ledger: Ledger, tus: Tus, file: Path, took: list[int]
) -> None:
    with bad_line(tus.address, breaks=[10_000, 1_000_000, 10_000, 700_000]) as line:
        lines = send(ledger, line.address, file)
        assert line.broken >= 1
        assert SIZE <= sum(took) < SIZE + 500_000
    assert lines[0].startswith("again after")
    came(ledger, tus, lines[-1], file)


def test_tus_js_client_goes_on_from_an_address(ledger: Ledger, tus: Tus, file: Path) -> None:
    data = file.read_bytes()
    path = tus.open(data)
    tus.patch(path, 0, data[:2_000_000])
    (url,) = send(ledger, tus.address, file, uploadUrl=tus.address + path)
    assert urlsplit(url).path == path
    came(ledger, tus, url, file)


def test_tus_js_client_gives_up_an_upload(ledger: Ledger, tus: Tus, file: Path) -> None:
    lines = send(ledger, tus.address, file, terminate=True)
    assert len(lines) == 1
    assert os.listdir(ledger.folder / "staging") == []
