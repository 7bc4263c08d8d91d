import pytest

from ledger.errors import Malformed
from ledger.evidence.suites import Suites


@pytest.mark.parametrize(
    "text",
    [
        "require sha256 sm3\n",
        "distrust ed25519\n",
        "require sm3 sm2\ndistrust sha256 ed25519\n",
    ],
)
def test_it_comes_back_from_its_text(text: str) -> None:
    assert Suites.from_text(text).to_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "require\n",
        "require sm3",
        "require sm3\r\n",
        "require sm3 sha256\n",
        "require sm3 sm3\n",
        "require  sm3\n",
        "require SM3\n",
        "require md5\n",
        "believe sm3\n",
        "require sm3\nrequire sm2\n",
        "distrust sm3\nrequire sm2\n",
        "require sm3\ndistrust sm3\n",
        "distrust sha256 sm3\n",
        "distrust ed25519 sm2\n",
        "# nothing\n",
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Suites.from_text(text)


def test_without_a_file_nothing_is_asked_and_nothing_said() -> None:
    assert Suites().finding() == ""
