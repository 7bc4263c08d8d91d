from pathlib import Path

import pytest

from api.settings import FILE, Settings, load
from ledger.errors import Malformed


def write(folder: Path, text: str | bytes) -> Path:
    data = text.encode() if isinstance(text, str) else text
    (folder / FILE).write_bytes(data)
    return folder


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()
    assert load(tmp_path).host == "127.0.0.1"


def test_the_file_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path, 'port = 9000\nquota = 5\nlog_level = "error"\n')
    settings = load(folder)
    assert (settings.port, settings.quota, settings.log_level) == (9000, 5, "error")


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEZHENG_PORT", "9001")
    assert load(write(tmp_path, "port = 9000\nquota = 5\n")).port == 9001
    assert load(tmp_path).quota == 5


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 9000\n", "'prot'"),
        ('port = "many"\n', "'port'"),
        ("port = 65536\n", "'port'"),
        ("quota = 0\n", "'quota'"),
        ('log_level = "loud"\n', "'log_level'"),
        ("[server]\nport = 1\n", "'server'"),
        ('tls_key = "k.pem"\n', "tls_certificate and tls_key together"),
        ('tls_certificate = "c.pem"\n', "tls_certificate and tls_key together"),
        ("port = \n", FILE),
        (b"\xff\xfe", FILE),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, text: str | bytes, named: str) -> None:
    with pytest.raises(Malformed) as refused:
        load(write(tmp_path, text))
    assert named in str(refused.value)


def test_a_bad_value_in_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEZHENG_QUOTA", "much")
    with pytest.raises(Malformed, match="quota"):
        load(tmp_path)


def test_a_misspelt_name_in_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEZHENG_QOUTA", "1")
    with pytest.raises(Malformed, match="TIEZHENG_QOUTA"):
        load(tmp_path)


def test_what_clients_and_tests_read_from_the_environment_is_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SERVER", "TOKEN_FILE", "CA_FILE", "DEBUG", "VECTORS"):
        monkeypatch.setenv(f"TIEZHENG_{name}", "x")
    load(tmp_path)
