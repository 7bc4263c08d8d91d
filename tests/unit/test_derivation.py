"""Declared spans: what they say, and what they leave no room for."""

import random
from typing import Any

import pytest

from cli.derive import differences
from ledger.errors import Malformed, Rejected
from ledger.evidence.derivation import Span, check_derived, spans_from_json, spans_to_json


def check(original: bytes, derived: bytes, spans: list[Span]) -> None:
    check_derived(
        lambda at, size: original[at : at + size],
        len(original),
        lambda at, size: derived[at : at + size],
        len(derived),
        spans,
    )


SERVED = "行政处罚决定书\n当事人王某某，住址平江路 1 号。\n罚款 500 元。\n" * 40
PUBLISHED = SERVED.replace("王某某", "某甲").replace("平江路 1 号", "")


def test_a_published_text_is_the_served_one_but_for_its_spans() -> None:
    spans = list(differences(SERVED, PUBLISHED))
    check(SERVED.encode(), PUBLISHED.encode(), spans)
    assert spans_from_json(spans_to_json(spans)) == tuple(spans)
    data = PUBLISHED.encode()
    rng = random.Random(5)
    for _ in range(300):
        changed = bytearray(data)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        with pytest.raises(Rejected):
            check(SERVED.encode(), bytes(changed), spans)
    for other in (data + b"x", data[:-1], data[1:], b"", b"x" + data):
        with pytest.raises(Rejected):
            check(SERVED.encode(), other, spans)


def test_any_two_texts_differ_by_spans_that_hold() -> None:
    rng = random.Random(6)
    for _ in range(200):
        before = "".join(rng.choices("天地人\nabé𠀀", k=rng.randrange(60)))
        after = "".join(c for c in before if rng.random() < 0.8)
        after = "".join(c + ("加" if rng.random() < 0.1 else "") for c in after)
        spans = list(differences(before, after))
        check(before.encode(), after.encode(), spans)
        if spans:
            assert spans_from_json(spans_to_json(spans)) == tuple(spans)


def test_blocks_longer_than_what_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.derivation.BLOCK", 7)
    check(b"a" * 100 + b"secret" + b"b" * 100, b"a" * 100 + b"b" * 100, [Span(100, 6)])
    with pytest.raises(Rejected, match="more was changed than declared"):
        check(b"a" * 100 + b"secret" + b"b" * 100, b"a" * 99 + b"c" + b"b" * 100, [Span(100, 6)])


def test_a_span_behind_the_end_or_with_other_words() -> None:
    with pytest.raises(Rejected, match="ends behind"):
        check(b"abc", b"ab", [Span(2, 2)])
    with pytest.raises(Rejected, match="stands something else"):
        check(b"abc", b"aXc", [Span(1, 1, "Y")])
    with pytest.raises(Rejected, match="bytes after the spans"):
        check(b"abc", b"acc", [Span(1, 1)])


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        None,
        [{"at": "0", "size": "0"}],
        [{"at": 0, "size": "1"}],
        [{"at": "0"}],
        [{"at": "0", "size": "1", "why": "x"}],
        [{"at": "0", "size": "1", "put": ""}],
        [{"at": "0", "size": "1", "put": "x" * 257}],
        [{"at": "0", "size": "1", "put": 1}],
        [{"at": "-1", "size": "1"}],
        [{"at": "01", "size": "1"}],
        [{"at": "5", "size": "2"}, {"at": "6", "size": "1"}],
        [{"at": "5", "size": "2"}, {"at": "7", "size": "1"}],
        [{"at": "5", "size": "2"}, {"at": "1", "size": "1"}],
        [{"at": "17592186044416", "size": "1"}],
        [{"at": str(2 * n), "size": "1"} for n in range(10_001)],
    ],
)
def test_spans_have_one_form(value: Any) -> None:
    with pytest.raises(Malformed):
        spans_from_json(value)
