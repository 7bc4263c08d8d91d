"""Rule packs that were read before: kept by their size, and their names of thousands."""

import pytest

from ledger.errors import Malformed
from ledger.process.rules import kept_packs
from ledger.process.rules.kept_packs import known_pack, named_in, read_pack
from ledger.process.rules.rulepack import RulePack
from testkit.gating import SMALL


def variant(n: int) -> str:
    return SMALL.replace('version = "2026.1"', f'version = "2026.{n}"')


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are read, from nothing kept."""
    found: list[str] = []
    read = RulePack.from_text

    def counting(text: str) -> RulePack:
        found.append(text)
        return read(text)

    monkeypatch.setattr(kept_packs, "_PACKS", kept_packs._Packs())
    monkeypatch.setattr(RulePack, "from_text", counting)
    named_in.cache_clear()
    return found


def test_a_pack_is_read_once_and_an_unreadable_one_too(reads: list[str]) -> None:
    assert known_pack(SMALL) is known_pack(SMALL) is read_pack(SMALL)
    assert known_pack("no pack") is known_pack("no pack") is None
    assert reads == [SMALL, "no pack"]
    with pytest.raises(Malformed):
        read_pack("no pack")


def test_of_too_much_text_the_packs_used_last_are_kept(
    reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_packs, "MAX_TEXT", 2 * len(variant(1)))
    for n in (1, 2, 1, 3, 1, 2):
        known_pack(variant(n))
    assert reads == [variant(n) for n in (1, 2, 3, 2)]


def test_one_that_is_larger_than_all_is_read_and_not_kept(
    reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_packs, "MAX_TEXT", 1)
    assert read_pack(SMALL).pack == read_pack(SMALL).pack == "small"
    assert len(reads) == 2


def test_names_are_asked_of_many_without_reading_them_again(
    reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_packs, "MAX_TEXT", 2 * len(variant(1)))
    for _ in range(2):
        for n in range(9):
            named = named_in(variant(n))
            assert named is not None and "legal_review" in named.acts - named.concluding
            assert {"penalty_decision", "service", "case_closing"} == named.concluding
    assert len(reads) == 9
    assert named_in("no pack") is None
