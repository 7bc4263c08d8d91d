import pytest

from cli.reference import PacketReference, Reference
from ledger.errors import Malformed

DIGEST = "ff7bc4655fd29d85b74f1d5455c2026cf881bfd71565f11d8b0b81f7bd41ac0a"


def test_a_packet_reference_leaves_room_for_the_number_of_an_item_in_40_characters() -> None:
    assert len(PacketReference.of_digest(DIGEST).to_text()) == 35


def test_a_packet_reference_is_read_back() -> None:
    text = PacketReference.of_digest(DIGEST).to_text()
    assert PacketReference.from_text(text).start == bytes.fromhex(DIGEST)[:15]


def test_a_packet_is_no_certificate() -> None:
    text = PacketReference.of_digest(DIGEST).to_text()
    with pytest.raises(Malformed, match="TZC1"):
        Reference.from_text(text)
    with pytest.raises(Malformed, match="TZP1"):
        PacketReference.from_text(text.replace("TZP1", "TZC1"))


def test_a_slip_of_the_pen_is_noticed() -> None:
    text = PacketReference.of_digest(DIGEST).to_text()
    with pytest.raises(Malformed, match="mistyped"):
        PacketReference.from_text(text.replace("7554IZ", "7554ZI"))
