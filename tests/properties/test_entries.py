"""Many entries at once are read as each one alone would be."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import MAX_TIME, format_base64, format_json
from ledger.errors import Malformed
from ledger.evidence.entry import MINUTE_MS, TAG_SIZE, TAGS, Entry, scan_entries

OFTEN = settings(max_examples=400, deadline=None, database=None)

TIMES = st.integers(0, MAX_TIME // MINUTE_MS).map(lambda minutes: minutes * MINUTE_MS)
MARKS = st.sets(st.binary(min_size=TAG_SIZE, max_size=TAG_SIZE), min_size=TAGS, max_size=TAGS)
ENTRIES = st.builds(
    lambda at, commitment, tags: Entry(at, commitment, tuple(sorted(tags))),
    TIMES,
    st.binary(min_size=32, max_size=32),
    MARKS,
)


@st.composite
def near_entries(draw: st.DrawFn) -> bytes:
    """An entry's bytes with a few of them changed, dropped or doubled, or its tags swapped."""
    data = bytearray(draw(ENTRIES).to_bytes())
    if draw(st.booleans()):
        a, b = draw(st.integers(0, 7)), draw(st.integers(0, 7))
        start = data.index(b"[") + 2
        x, y = start + 27 * a, start + 27 * b
        data[x : x + 24], data[y : y + 24] = data[y : y + 24], data[x : x + 24]
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        piece = draw(st.sampled_from([b"", b"0", b"1", b"A", b"=", b"\n", b" ", b"\xff", b'"']))
        data[at : at + draw(st.integers(0, 2))] = piece
    return bytes(data)


@given(ENTRIES)
@OFTEN
def test_an_entry_is_the_canonical_json_of_its_fields(entry: Entry) -> None:
    value = {
        "at": entry.at,
        "commitment": format_base64(entry.commitment),
        "tags": [format_base64(tag) for tag in entry.tags],
        "v": 1,
    }
    assert entry.to_bytes() == format_json(value)
    assert Entry.from_bytes(entry.to_bytes()) == entry


def alone(data: bytes) -> Entry | None:
    try:
        return Entry.from_bytes(data)
    except Malformed:
        return None


@given(near_entries())
@OFTEN
def test_one_is_accepted_exactly_if_it_is_an_entry(data: bytes) -> None:
    entry = alone(data)
    at, odd = scan_entries([data], 0)
    assert (odd is None) == (entry is not None)
    assert at == (0 if entry is None else entry.at)


@given(st.lists(ENTRIES, max_size=4), TIMES)
@OFTEN
def test_the_first_that_is_before_the_one_above_it_is_named(
    entries: list[Entry], after: int
) -> None:
    times = [after, *(entry.at for entry in entries)]
    back = next((i for i, (a, b) in enumerate(pairwise(times)) if b < a), None)
    at, odd = scan_entries([entry.to_bytes() for entry in entries], after)
    assert (None if odd is None else odd[0]) == back
    assert at == times[len(entries) if back is None else back]
