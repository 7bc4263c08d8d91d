"""One line of text says which store, and a file who we are there."""

from pathlib import Path

import pytest

from ledger.errors import Malformed, Rejected, Unavailable
from storage.objects_memory import MemoryObjectStore
from storage.objects_open import open_objects
from storage.objects_s3 import S3ObjectStore
from storage.s3 import Credentials
from testkit.buckets import make_bucket
from testkit.ceph import Shared

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph


def write_credentials(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "store.credentials"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_memory_is_opened(tmp_path: Path) -> None:
    assert isinstance(open_objects("memory:", None, tmp_path), MemoryObjectStore)


@pytest.mark.parametrize("prefix", ["", "/city-a", "/city/a_b.c-d"])
def test_a_bucket_is_opened_by_what_one_line_and_a_file_say(
    ceph: Shared, tmp_path: Path, prefix: str
) -> None:
    made = make_bucket(ceph)
    user = made.credentials
    write_credentials(tmp_path, f"{user.access_key}\n{user.secret_key}\n")
    text = f"s3:{made.endpoint}/{made.name}{prefix}"
    store = open_objects(text, Path("store.credentials"), tmp_path)
    assert isinstance(store, S3ObjectStore)
    writer = store.begin("0" * 32, 4)
    writer.write(b"item")
    ref = writer.commit(b"companion")
    names = {version.name for version in made.bucket().versions("")}
    below = f"{prefix[1:]}/" if prefix else ""
    assert names == {f"{below}{folder}/{'0' * 32}" for folder in ("objects", "companions")}
    assert b"".join(open_objects(text, tmp_path / "store.credentials", tmp_path).stream(ref))
    store.close()


@pytest.mark.parametrize(
    "text",
    [
        "", "memory", "memory:/x", "Memory:", "s3:", "s3://bucket", "s3:https://store.example",
        "s3:https://store.example/", "s3:https://store.example/evidence/",
        "s3:https://store.example:443/evidence", "s3:http://127.0.0.1:80/evidence",
        "s3:https://store.example:/evidence", "s3:https://store.example:08443/evidence",
        "s3:https://store.example:99999/evidence", "s3:https://STORE.example/evidence",
        "s3:https://user@store.example/evidence", "s3:https://a:b@store.example/evidence",
        "s3:https://store.example/Evidence", "s3:https://store.example/ev",
        "s3:https://store.example/evidence//a", "s3:https://store.example/evidence/../a",
        "s3:https://store.example/evidence/.a", "s3:https://store.example/evidence?x",
        "s3:https://store.example/evidence#x", "s3:https://store.example/evidence\n",
        "s3:https://store.example/evidence/" + "a" * 65, "s3:ftp://store.example/evidence",
        " s3:https://store.example/evidence", "file:/evidence",
    ],
)  # fmt: skip
def test_another_spelling_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Malformed):
        open_objects(text, None, tmp_path)


def test_a_bucket_without_credentials_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="credentials") as caught:
        open_objects("s3:https://store.example/evidence", None, tmp_path)
    assert "mode 600" in caught.value.hints[0]


def test_plain_http_to_another_machine_is_refused(tmp_path: Path) -> None:
    path = write_credentials(tmp_path, "access\nsecret\n")
    with pytest.raises(Rejected, match="want https"):
        open_objects("s3:http://192.0.2.1:7480/evidence", path, tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620])
def test_credentials_that_others_may_read_are_refused(tmp_path: Path, mode: int) -> None:
    path = write_credentials(tmp_path, "access\nsecret\n", mode)
    with pytest.raises(Rejected, match="its owner only") as caught:
        Credentials.read(path)
    assert caught.value.hints == (f"chmod 600 {path}",)


@pytest.mark.parametrize(
    "text",
    ["", "access", "access\nsecret", "access\nsecret\n\n", "\nsecret\n", "access\n\n",
     "acc ess\nsecret\n", "access\nsecret\r\n", "密\nsecret\n", "a\n" + "s" * 5000],
)  # fmt: skip
def test_credentials_have_two_lines_and_are_not_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(Malformed) as caught:
        Credentials.read(write_credentials(tmp_path, text))
    assert "secret\\n" not in str(caught.value)
    assert "access\\n" not in str(caught.value)


def test_credentials_that_are_not_there_are_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Credentials.read(tmp_path / "nothing")


def test_a_secret_is_in_no_repr(tmp_path: Path) -> None:
    user = Credentials.read(write_credentials(tmp_path, "access\nhidden/word\n"))
    assert user.secret_key == "hidden/word"
    assert "hidden" not in repr(user)
