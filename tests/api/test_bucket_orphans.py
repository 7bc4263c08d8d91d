"""What a crash leaves in a bucket, and what the next start makes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import Unavailable
from ledger.evidence.chunks import digest_item
from storage.items_vault import SealedWriter
from testkit.buckets import in_bucket, make_bucket
from testkit.ceph import Shared
from testkit.server import Ledger, await_that, open_ledger
from testkit.tus import tus_server

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph


@pytest.fixture(params=["alone", "and a folder"])
def settings(request: pytest.FixtureRequest, ceph: Shared, tmp_path: Path) -> dict[str, Any]:
    found = in_bucket(make_bucket(ceph), tmp_path)
    if request.param != "alone":
        found["second_store"] = f"directory:{tmp_path}/second"
        (tmp_path / "second").mkdir()
    return found


@contextmanager
def started(folder: Path, settings: dict[str, Any]) -> Iterator[Ledger]:
    with open_ledger(folder, **settings) as ledger:
        await_that(lambda: not ledger.services.orphans, "the start's work")
        yield ledger


def test_an_item_that_is_not_recorded_is_adopted(tmp_path: Path, settings: dict[str, Any]) -> None:
    """As where the database is too old, restored from a backup."""
    with started(tmp_path / "ledger", settings) as ledger:
        writer = ledger.services.items.begin(6)
        writer.write(b"orphan")
        kept = writer.commit(digest_item(b"orphan").chunks)
    with started(tmp_path / "ledger", settings) as ledger:
        assert list(ledger.services.store.object_ids()) == [kept]


def test_an_object_that_came_to_no_place_is_its_uploads(
    tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the store and `places.sqlite`."""
    data = b"staged"
    with started(tmp_path / "ledger", settings) as ledger:
        places = ledger.services.vault.items.places

        def fail(*arguments: object, **more: object) -> None:
            raise Unavailable("killed")

        with monkeypatch.context() as m, tus_server(ledger) as tus:
            m.setattr(places, "add", fail)
            m.setattr(SealedWriter, "abort", lambda self: None)
            path = tus.open(data)
            assert tus.patch(path, 0, data).status_code == 204
            await_that(lambda: ledger.services.arrivals._failed, "the crash")
    with started(tmp_path / "ledger", settings) as ledger, tus_server(ledger) as tus:

        def state() -> str:
            answer = tus.ask("GET", f"{path}/item")
            assert answer.status_code == 200, answer.text
            return str(answer.json()["state"])

        await_that(lambda: state() == "recorded", "the record")
        (kept,) = ledger.services.store.object_ids()
        assert b"".join(ledger.services.items.stream(kept)) == data
        assert list(ledger.services.vault.items.ids()) == [kept]
