"""How the items of a ledger rest, as its settings say."""

import shutil
from pathlib import Path

import pytest

from api.services import open_services
from api.settings import Settings
from api.vault import open_vault
from ledger.errors import Malformed, Rejected, Unavailable
from storage.folder import DataFolder
from storage.wrap_file import make_wrap_file
from testkit.at_rest import contents_of
from testkit.server import CASE, Ledger, open_ledger
from testkit.softhsm import LABEL, MODULE, need_token

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
DATA = b"what a picture shows, and nobody may read on the disk"


def stored(ledger: Ledger, folder: str = "items") -> bytes:
    """All bytes of all objects and companions."""
    contents = contents_of(ledger.folder / folder)
    assert contents
    return b"".join(contents[path] for path in sorted(contents))


def packet(ledger: Ledger) -> bytes:
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
    assert answer.status_code == 200, answer.text
    return answer.content


def test_a_new_ledger_seals_its_items_and_gives_them_out_in_plain(ledger: Ledger) -> None:
    ledger.accept(ledger.evidence(DATA))
    assert DATA not in stored(ledger)
    assert DATA in packet(ledger)
    assert (ledger.folder / "format").read_text() == "2\n"


@pytest.mark.parametrize("empty", [False, True])
def test_a_sealed_ledger_without_its_key_is_not_opened(tmp_path: Path, empty: bool) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        if not empty:
            ledger.accept(ledger.evidence(DATA))
    (tmp_path / "ledger" / "keys" / "seal-1.key").unlink()
    with pytest.raises(Malformed, match="sealed, and no wrapping key is here"):
        open_services(tmp_path / "ledger", Settings())


def test_a_sealed_ledger_with_another_key_is_not_opened(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(DATA))
    make_wrap_file(tmp_path / "ledger" / "keys")
    with pytest.raises(Rejected, match="which is not here"):
        open_services(tmp_path / "ledger", Settings())


def test_a_newer_key_seals_what_comes_and_the_older_opens_what_was(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(DATA))
    keys = tmp_path / "ledger" / "keys"
    (keys / "seal-1.key").rename(keys / "seal-0.kept")
    make_wrap_file(keys)
    (keys / "seal-1.key").rename(keys / "seal-2.key")
    (keys / "seal-0.kept").rename(keys / "seal-1.key")
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"new " + DATA))
        content = packet(ledger)
    assert DATA in content and b"new " + DATA in content


# --- ledgers from before -----------------------------------------------------------------------


@pytest.fixture
def old(tmp_path: Path) -> DataFolder:
    shutil.copytree(GOLDEN / "ledger", tmp_path / "old")
    return DataFolder.open(tmp_path / "old")


def items(folder: DataFolder) -> dict[str, bytes]:
    vault = open_vault(folder, Settings())
    try:
        return {id_: b"".join(vault.items.stream(id_)) for id_ in vault.items.ids()}
    finally:
        vault.close()


def test_an_old_ledger_goes_on_in_plain(old: DataFolder) -> None:
    before = items(old)
    assert before and not old.is_sealed()
    vault = open_vault(old, Settings())
    writer = vault.items.begin(4)
    writer.write(b"item")
    object_id = writer.commit(bytes(32))
    vault.close()
    assert items(old) == before | {object_id: b"item"}
    assert (old.items / object_id[:2] / object_id).read_bytes() == b"item"
    assert old.format.read_text() == "1\n"


def test_an_old_ledger_that_is_given_a_key_seals_from_then_on(old: DataFolder) -> None:
    before = items(old)
    make_wrap_file(old.keys)
    vault = open_vault(old, Settings())
    assert old.format.read_text() == "2\n"
    writer = vault.items.begin(4)
    writer.write(b"item")
    object_id = writer.commit(bytes(32))
    vault.close()
    assert items(old) == before | {object_id: b"item"}
    assert b"item" not in (old.items / object_id[:2] / object_id).read_bytes()


# --- the second copy ---------------------------------------------------------------------------


def test_a_second_copy_is_kept_where_the_setting_says(tmp_path: Path) -> None:
    settings = {"second_store": f"directory:{tmp_path / 'second'}"}
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        ledger.accept(ledger.evidence(DATA))
        assert stored(ledger) == stored(ledger, "../second")
        shutil.rmtree(ledger.folder / "items")
        (ledger.folder / "items" / "incoming").mkdir(parents=True)
        assert DATA in packet(ledger)


def test_a_relative_path_begins_at_the_data_folder(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", second_store="directory:../beside") as ledger:
        ledger.upload(DATA)
    assert any((tmp_path / "beside").rglob("*.chunks"))


def test_a_second_copy_that_is_not_mounted_is_not_begun_anew(tmp_path: Path) -> None:
    settings = {"second_store": f"directory:{tmp_path / 'second'}"}
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        ledger.upload(DATA)
    (tmp_path / "second").rename(tmp_path / "elsewhere")
    (tmp_path / "second").mkdir()
    with pytest.raises(Unavailable, match="it is empty or not there"):
        open_services(tmp_path / "ledger", Settings(**settings))
    (tmp_path / "second").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "second")
    open_services(tmp_path / "ledger", Settings(**settings)).close()


@pytest.mark.parametrize("text", ["", "/mnt/second", "directory:", "tape:7"])
def test_a_store_is_named_by_its_kind(tmp_path: Path, text: str) -> None:
    with open_ledger(tmp_path / "ledger"):
        pass
    with pytest.raises(Malformed, match="second_store: want 'directory:PATH'"):
        open_services(tmp_path / "ledger", Settings(second_store=text))


@pytest.mark.parametrize("place", ["items", "second", ".", "../ledger/second", "../disk/second"])
def test_a_second_copy_in_the_ledgers_own_folder_is_none(tmp_path: Path, place: str) -> None:
    with open_ledger(tmp_path / "ledger"):
        pass
    # Items may lie on a disk of their own.
    (tmp_path / "ledger" / "items").rename(tmp_path / "disk")
    (tmp_path / "ledger" / "items").symlink_to(tmp_path / "disk")
    with pytest.raises(Malformed, match=r"lies in the ledger's own folder|is the first copy"):
        open_services(tmp_path / "ledger", Settings(second_store=f"directory:{place}"))


# --- a token -------------------------------------------------------------------------------------


def test_items_are_sealed_under_a_key_in_a_token(tmp_path: Path) -> None:
    token = need_token()
    settings = {
        "pkcs11_module": MODULE,
        "pkcs11_token": LABEL,
        "pkcs11_keys": "seal-1",
        "pkcs11_pin_file": token.pin_file,
    }
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        ledger.accept(ledger.evidence(DATA))
        assert b"pkcs11-seal-1" in stored(ledger) and DATA not in stored(ledger)
    with open_ledger(tmp_path / "ledger", **settings | {"pkcs11_keys": "seal-2, seal-1"}) as ledger:
        ledger.accept(ledger.evidence(b"new " + DATA))
        content = packet(ledger)
    assert DATA in content and b"new " + DATA in content
    # The file of the first day opens nothing of it.
    with pytest.raises(Rejected, match="'pkcs11-seal-1', which is not here"):
        open_services(tmp_path / "ledger", Settings())
    with pytest.raises(Rejected, match="'seal-3'"):
        open_services(tmp_path / "ledger", Settings(**settings | {"pkcs11_keys": "seal-3"}))


def test_the_settings_of_a_token_belong_together() -> None:
    with pytest.raises(ValueError, match="together"):
        Settings(pkcs11_token="tiezheng")
