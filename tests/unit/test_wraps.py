"""Keys that wrap keys: in files, and in a token of SoftHSM."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.sealed import check_wrap_id
from ledger.ports import KeyWrap
from storage.wrap_file import FileKeyWrap, make_wrap_file, read_wrap_files
from testkit.softhsm import LABEL, MODULE, need_token

ITEM, OTHER = bytes(16), bytes(15) + b"\1"
KEY = bytes(range(32))


@pytest.fixture(scope="module")
def token() -> Iterator[object]:
    found = need_token()
    from storage.wrap_pkcs11 import Pkcs11Token

    opened = Pkcs11Token(MODULE, LABEL, found.pin_file)
    yield opened
    opened.close()


@pytest.fixture(params=["file", "pkcs11"])
def wraps(request: pytest.FixtureRequest) -> tuple[KeyWrap, KeyWrap]:
    """Two keys of one kind."""
    if request.param == "file":
        return FileKeyWrap(KEY), FileKeyWrap(bytes(32))
    token = request.getfixturevalue("token")
    return token.key("seal-1"), token.key("seal-2")


def test_a_wrapped_key_is_unwrapped_by_its_own_key_for_its_own_item(
    wraps: tuple[KeyWrap, KeyWrap],
) -> None:
    one, other = wraps
    wrapped = one.wrap(KEY, ITEM)
    assert one.unwrap(wrapped, ITEM) == KEY
    for wrap, item in ((one, OTHER), (other, ITEM)):
        with pytest.raises(Rejected):
            wrap.unwrap(wrapped, item)


def test_every_altered_bit_of_a_wrapped_key_is_noticed(wraps: tuple[KeyWrap, KeyWrap]) -> None:
    one, _ = wraps
    wrapped = one.wrap(KEY, ITEM)
    for bit in range(8 * len(wrapped)):
        flipped = bytearray(wrapped)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Rejected):
            one.unwrap(bytes(flipped), ITEM)
    for cut in (0, 5, 12, 13, len(wrapped) - 1):
        with pytest.raises(Rejected):
            one.unwrap(wrapped[:cut], ITEM)


def test_no_wrapping_is_like_another_and_none_shows_the_key(
    wraps: tuple[KeyWrap, KeyWrap],
) -> None:
    one, _ = wraps
    made = {one.wrap(KEY, ITEM) for _ in range(50)}
    assert len({wrapped[:12] for wrapped in made}) == 50
    assert not any(KEY[:8] in wrapped for wrapped in made)


def test_ids_tell_keys_apart_and_nothing_else(wraps: tuple[KeyWrap, KeyWrap]) -> None:
    one, other = wraps
    assert one.id != other.id
    for wrap in wraps:
        check_wrap_id(wrap.id)
        assert KEY.hex()[:8] not in wrap.id


# --- files -------------------------------------------------------------------------------------


def test_the_first_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    make_wrap_file(tmp_path)
    file = tmp_path / "seal-1.key"
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_size) == (0o600, 32)
    assert [wrap.id for wrap in read_wrap_files(tmp_path)] == [FileKeyWrap(file.read_bytes()).id]


def test_the_newest_key_file_has_the_highest_number(tmp_path: Path) -> None:
    keys = {number: os.urandom(32) for number in (1, 2, 10)}
    for number, key in keys.items():
        (tmp_path / f"seal-{number}.key").write_bytes(key)
    for stranger in ("seal-01.key", "seal-0.key", "seal-x.key", "log.key", "seal-1.key~"):
        (tmp_path / stranger).write_bytes(b"no key")
    found = [wrap.id for wrap in read_wrap_files(tmp_path)]
    assert found == [FileKeyWrap(keys[number]).id for number in (10, 2, 1)]


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_damaged_key_file_is_named_and_not_shown(tmp_path: Path, size: int) -> None:
    (tmp_path / "seal-1.key").write_bytes(b"s" * size)
    with pytest.raises(Malformed, match=r"seal-1\.key: want 32 bytes of key") as refused:
        read_wrap_files(tmp_path)
    assert "ss" not in str(refused.value)


# --- a token -----------------------------------------------------------------------------------


def test_a_key_that_the_token_has_not_is_refused_by_name(token: object) -> None:
    with pytest.raises(Rejected, match="'seal-9'"):
        token.key("seal-9")  # type: ignore[attr-defined]
    with pytest.raises(Malformed):
        token.key("Seal 1")  # type: ignore[attr-defined]


def test_a_token_that_is_not_there_is_unavailable(token: object, tmp_path: Path) -> None:
    from storage.wrap_pkcs11 import Pkcs11Token

    (tmp_path / "pin").write_text("1234")
    with pytest.raises(Unavailable, match="'another'"):
        Pkcs11Token(MODULE, "another", tmp_path / "pin")
    with pytest.raises(Unavailable, match="cannot open the token"):
        Pkcs11Token(tmp_path / "no.so", "tiezheng", tmp_path / "pin")
    with pytest.raises(Malformed, match="PIN"):
        Pkcs11Token(MODULE, "tiezheng", tmp_path / "none")


def test_a_wrong_pin_is_refused_and_not_shown(token: object, tmp_path: Path) -> None:
    """In a process of its own, for here somebody is logged in already."""
    (tmp_path / "pin").write_text("98765432")
    script = (
        "import sys; from pathlib import Path; from storage.wrap_pkcs11 import Pkcs11Token\n"
        "try: Pkcs11Token(Path(sys.argv[1]), 'tiezheng', Path(sys.argv[2]))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(MODULE), str(tmp_path / "pin")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith("Unavailable cannot open the token 'tiezheng'")
    assert "98765432" not in said
