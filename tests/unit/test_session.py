"""What does not add up between check-out and dock, and what may be wiped."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.evidence.session import (
    CLOCK_MS,
    MAX_FILES,
    MAX_GAPS,
    SLACK,
    CheckOut,
    Counting,
    Dock,
    FoundFile,
    Gap,
    GapKind,
    Kept,
    Manifest,
    Proven,
    find_gaps,
    may_wipe,
)

DAY = 1_795_400_000_000
HOUR = 3_600_000
OUT = DAY + 8 * HOUR
DOCK = DAY + 17 * HOUR
COUNTING = Counting()


def video(number: int, at_ms: int = 0, size: int = 5_000_000, name: str = "BWC_") -> FoundFile:
    return FoundFile(
        f"DCIM/100MEDIA/{name}{number:04}.MP4", size, at_ms or OUT + 60_000 * (number % 500 + 1)
    )


def listed(*files: FoundFile, card: str = "A1", used: int | None = None) -> Manifest:
    return Manifest.of("BWC-310", card, DOCK, files, used)


def checked_out(*files: FoundFile, last: int | None = 87, **more: object) -> CheckOut:
    counters = {} if last is None else {"BWC_": last}
    return replace(
        CheckOut(manifest=listed(*files), at_ms=OUT, ahead_ms=0, counters=counters), **more
    )


def docked(*files: FoundFile, **more: object) -> Dock:
    return replace(Dock(manifest=listed(*files), at_ms=DOCK, ahead_ms=0), **more)


def gaps(dock: Dock, out: CheckOut | None) -> list[tuple[str, str]]:
    return [(str(gap.kind), gap.note) for gap in find_gaps(dock, out, COUNTING)]


# --- one thing that does not add up, one gap -------------------------------------------------


def test_what_adds_up_has_no_gap() -> None:
    assert gaps(docked(video(88), video(89), video(90)), checked_out()) == []
    assert gaps(docked(), checked_out()) == []
    assert gaps(docked(), checked_out(last=None)) == []


def test_a_device_that_nobody_checked_out_is_unpaired() -> None:
    assert gaps(docked(video(88)), None) == [("unpaired", "BWC-310")]


def test_a_deleted_file_is_a_number_that_was_skipped() -> None:
    assert gaps(docked(video(88), video(91)), checked_out()) == [
        ("counter_skipped", "BWC_ 0089-0090")
    ]


def test_the_first_file_of_a_session_cannot_be_deleted_unseen() -> None:
    assert gaps(docked(video(89)), checked_out()) == [("counter_skipped", "BWC_ 0088-0088")]


def test_renaming_the_others_does_not_hide_a_deleted_file() -> None:
    # 88, 89, 90 were recorded, 89 deleted, 90 renamed to 89: the time of 91 is not missed,
    # but the recorder goes on with 91, and the next session begins a number too late.
    first = (video(88), video(89))
    counters = COUNTING.advance({"BWC_": 87}, first)
    assert gaps(docked(video(91)), checked_out(last=counters["BWC_"])) == [
        ("counter_skipped", "BWC_ 0090-0090")
    ]


def test_a_formatted_card_has_a_counter_that_was_reset() -> None:
    assert gaps(docked(video(1), video(2)), checked_out()) == [
        ("counter_reset", "BWC_ 0087 -> 0001")
    ]


def test_after_a_reset_numbers_are_still_counted() -> None:
    found = gaps(docked(video(1), video(4)), checked_out(last=4_000))
    assert found == [
        ("counter_reset", "BWC_ 4000 -> 0001"),
        ("counter_skipped", "BWC_ 0002-0003"),
    ]


def test_after_the_highest_number_comes_one() -> None:
    files = [video(n, OUT + 1000 * i) for i, n in enumerate((9998, 9999, 1, 2), 1)]
    assert gaps(docked(*files), checked_out(last=9997)) == []
    assert gaps(docked(*files[:1], *files[2:]), checked_out(last=9997)) == [
        ("counter_skipped", "BWC_ 9999-9999")
    ]


@pytest.mark.parametrize("numbers", [(5, 6, 7), (9999, 1, 2), (1, 2), (9999,)])
def test_without_a_known_last_number_only_holes_between_count(numbers: tuple[int, ...]) -> None:
    files = [video(n, OUT + 1000 * i) for i, n in enumerate(numbers, 1)]
    assert gaps(docked(*files), checked_out(last=None)) == []


def test_a_changed_card_is_named() -> None:
    found = gaps(docked(manifest=listed(card="B2")), checked_out())
    assert found == [("card_changed", "A1 -> B2")]


def test_a_file_of_the_check_out_that_is_gone_is_named_unless_the_station_wiped_it() -> None:
    old = video(80, OUT - HOUR)
    assert gaps(docked(), checked_out(old)) == [("file_gone", old.path)]
    assert gaps(docked(wiped=frozenset({old})), checked_out(old)) == []


def test_a_file_of_the_check_out_that_changed_is_named() -> None:
    old = video(80, OUT - HOUR)
    now = replace(old, size=4, modified_ms=OUT + HOUR)
    assert ("file_changed", old.path) in gaps(docked(now), checked_out(old))


def test_what_the_recorders_own_journal_names_must_be_there_whole() -> None:
    journal = [("BWC_0088.MP4", 5_000_000), ("BWC_0089.MP4", 7)]
    assert gaps(docked(video(88), journal=journal), checked_out()) == [
        ("file_missing", "BWC_0089.MP4 7")
    ]
    assert gaps(docked(video(88, size=4), journal=journal[:1]), checked_out()) == [
        ("bytes_missing", "BWC_0088.MP4 4 < 5000000")
    ]


def test_a_card_fuller_than_its_files_holds_something_that_is_not_listed() -> None:
    out = checked_out(manifest=listed(used=1_000_000))
    hidden = 3 * SLACK
    full = listed(video(88), used=1_000_000 + 5_000_000 + hidden)
    assert gaps(docked(manifest=full), out) == [("bytes_missing", str(hidden))]
    fits = listed(video(88), used=1_000_000 + 5_000_000 + 100_000)
    assert gaps(docked(manifest=fits), out) == []


def test_what_was_recorded_before_the_check_out_is_named() -> None:
    old = video(88, OUT - HOUR)
    assert gaps(docked(old), checked_out()) == [("before_check_out", old.path)]


def test_a_slow_clock_is_corrected_before_anything_is_called_early() -> None:
    slow = -3 * HOUR
    file = video(88, OUT + HOUR + slow)
    assert gaps(docked(file, ahead_ms=slow), checked_out(ahead_ms=slow)) == [
        ("clock_offset", f"{slow} ms")
    ]


def test_a_time_in_the_future_shows_a_fast_clock_that_nobody_measured() -> None:
    file = video(88, DOCK + 3 * HOUR)
    assert gaps(docked(file, ahead_ms=None), checked_out(ahead_ms=None)) == [
        ("clock_offset", f"{3 * HOUR} ms")
    ]


def test_a_later_number_with_an_earlier_time_is_named() -> None:
    files = video(88, OUT + HOUR), video(89, OUT + HOUR - 10_000)
    assert gaps(docked(*files), checked_out()) == [("time_backwards", "BWC_ 88 -> 89")]


def test_a_station_clock_that_was_moved_back_is_named() -> None:
    assert gaps(docked(back_ms=5_000), checked_out()) == [("clock_back", "5000 ms")]


def test_a_card_of_nothing_but_gaps_has_a_bounded_list_that_says_so() -> None:
    files = [video(n, OUT - HOUR) for n in range(1, 2 * MAX_GAPS + 2)]
    found = find_gaps(docked(*files), checked_out(last=None), COUNTING)
    assert len(found) == MAX_GAPS
    assert found[-1] == Gap(GapKind.BEFORE_CHECK_OUT, f"{MAX_GAPS + 2} more")


# --- no false alarm --------------------------------------------------------------------------


def clean_sessions(seed: int, count: int) -> Iterator[tuple[Dock, CheckOut]]:
    """Days of one recorder: some empty, some wiped, some not, numbers that go round, side files."""
    dice = random.Random(seed)
    last = {"BWC_": dice.choice([0, 87, 9_990, 9_999]), "IMG_": dice.randrange(9_999)}
    kept: list[FoundFile] = []
    overhead, day = 200_000, DAY
    for _ in range(count):
        day += 24 * HOUR
        ahead = dice.choice([None, dice.randrange(-20_000, 20_000)])
        out_ms, dock_ms = day + 8 * HOUR, day + 17 * HOUR
        used = overhead + sum(file.size for file in kept)
        manifest = Manifest.of("BWC-310", "A1", out_ms, kept, used)
        counters = {prefix: n for prefix, n in last.items() if n}
        out = CheckOut(manifest=manifest, at_ms=out_ms, ahead_ms=ahead, counters=counters)
        new, clock = [], out_ms + 60_000 + (ahead or 0)
        for _ in range(dice.choice([0, 1, 3, 12])):
            prefix = dice.choice(["BWC_", "BWC_", "IMG_"])
            last[prefix] = last[prefix] % 9_999 + 1
            clock += dice.randrange(4_000, 900_000)
            stem = f"DCIM/1{dice.randrange(3)}0MEDIA/{prefix}{last[prefix]:04}"
            rounded = clock // 2_000 * 2_000
            new.append(FoundFile(f"{stem}.MP4", dice.randrange(1, 10**9), rounded))
            if dice.random() < 0.4:
                new.append(FoundFile(f"{stem}.GPS", dice.randrange(5_000), rounded + 2_000))
        if dice.random() < 0.3:
            new.append(FoundFile(f"LOG/{in_words(day)}.TXT", 900, clock))
        used = overhead + sum(file.size + 32_768 for file in [*kept, *new])
        found = Manifest.of("BWC-310", "A1", dock_ms, [*kept, *new], used)
        yield Dock(manifest=found, at_ms=max(dock_ms, clock + 60_000), ahead_ms=ahead), out
        kept = [] if dice.random() < 0.8 else [*kept, *new]


def in_words(day: int) -> str:
    return f"2026{day // (24 * HOUR) % 1_200:04}"


@pytest.mark.parametrize("seed", range(10))
def test_five_hundred_clean_sessions_give_no_false_alarm(seed: int) -> None:
    for dock, out in clean_sessions(seed, 50):
        assert find_gaps(dock, out, COUNTING) == ()


@pytest.mark.parametrize("seed", range(5))
def test_in_each_of_those_a_deleted_recording_would_have_been_named(seed: int) -> None:
    """But the last of a prefix, which only the next session or the recorder's journal shows."""
    tried = 0
    for dock, out in clean_sessions(seed, 50):
        old = set(out.manifest.files)
        by_prefix = COUNTING.by_prefix(file for file in dock.manifest.files if file not in old)
        for prefix, numbered in by_prefix.items():
            for number in numbered.order(out.counters.get(prefix))[:-1]:
                if prefix not in out.counters and number == numbered.order(None)[0]:
                    continue
                left = [f for f in dock.manifest.files if f not in numbered.files[number]]
                manifest = replace(dock.manifest, files=tuple(left))
                found = find_gaps(replace(dock, manifest=manifest), out, COUNTING)
                shown = f"{prefix} {number:04}-{number:04}"
                # The card is as full as it was: its clusters may not have been freed.
                assert [gap for gap in found if gap.kind is not GapKind.BYTES_MISSING] == [
                    Gap(GapKind.COUNTER_SKIPPED, shown)
                ]
                tried += 1
    assert tried > 50


# --- counting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BWC_0088.MP4", ("BWC_", 88, 9999)),
        ("DSCN0001.JPG", ("DSCN", 1, 9999)),
        ("20261125.TXT", None),
        ("20261125_093012.MP4", None),
        ("BWC_０088.MP4", None),
        ("readme", None),
        ("", None),
    ],
)
def test_numbers_by_the_usual_rule(name: str, expected: object) -> None:
    assert COUNTING.number(name) == expected


def test_a_make_with_its_own_rule_and_one_counter_for_all_prefixes() -> None:
    counting = Counting(["*_#####", "SOS#####"], shared=True)
    assert counting.number("20261125_00017.mp4") == ("", 17, 99_999)
    assert counting.number("SOS00018.mp4") == ("", 18, 99_999)


@pytest.mark.parametrize("template", ["", "BWC", "##_##", "**#", "#" * 10])
def test_a_rule_that_is_none_is_refused(template: str) -> None:
    with pytest.raises(Malformed):
        Counting([template])


# --- manifests -------------------------------------------------------------------------------

FILES = st.builds(
    FoundFile,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.one_of(st.just(b""), st.binary(min_size=1, max_size=40)),
)


@given(st.lists(FILES, unique_by=lambda f: f.raw or f.path.encode()), st.none() | st.integers(0, 9))
def test_a_manifest_is_read_back_as_it_was(files: list[FoundFile], used: int | None) -> None:
    manifest = Manifest.of("BWC-310", "A1", DOCK, files, used)
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":"1"', b'"v":"2"'),
        (b'"size":"5000000"', b'"size":"05"'),
        (b'"size":"5000000"', b'"size":"-5"'),
        (b'"card":"A1",', b""),
        (b'"card":"A1"', b'"card":"A1","x":"1"'),
        (b'"device":"BWC-310"', b'"device":""'),
        (b'"device":"BWC-310"', b'"device":"a\\nb"'),
        (b'"modified":', b'"mod":'),
        (b'"files":[', b'"files":[1,'),
    ],
)
def test_what_is_no_manifest_is_refused(old: bytes, new: bytes) -> None:
    data = listed(video(88)).to_bytes()
    assert old in data
    with pytest.raises(Malformed):
        Manifest.from_bytes(data.replace(old, new))


def test_files_twice_out_of_order_or_without_end_are_refused() -> None:
    with pytest.raises(Malformed):
        Manifest("BWC-310", "A1", DOCK, (video(89), video(88)))
    with pytest.raises(Malformed):
        Manifest.of("BWC-310", "A1", DOCK, [video(88), video(88)], None)
    with pytest.raises(Malformed):
        Manifest("BWC-310", "A1", DOCK, (video(88),) * (MAX_FILES + 1))


# --- wiping ----------------------------------------------------------------------------------

SAFE = Proven(
    listed=True,
    first_read=b"1" * 32,
    sent=True,
    receipt=True,
    cosignatures=1,
    read_back=b"1" * 32,
    stored=True,
    copy=True,
    session_logged=True,
)


def test_what_is_proven_may_be_wiped() -> None:
    assert may_wipe(SAFE) == ()


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"listed": False}, [Kept.NOT_LISTED]),
        ({"first_read": None}, [Kept.NOT_READ, Kept.READ_BACK_DIFFERS]),
        ({"sent": False}, [Kept.NOT_SENT]),
        ({"receipt": False}, [Kept.NO_RECEIPT]),
        ({"cosignatures": 0}, [Kept.NOT_COSIGNED]),
        ({"read_back": None}, [Kept.NOT_READ_BACK]),
        ({"read_back": b"2" * 32}, [Kept.READ_BACK_DIFFERS]),
        ({"stored": False}, [Kept.NOT_STORED]),
        ({"copy": False}, [Kept.NO_COPY]),
        ({"session_logged": False}, [Kept.SESSION_NOT_LOGGED]),
    ],
)
def test_each_thing_that_is_not_proven_keeps_the_file(
    change: dict[str, object], reasons: list[Kept]
) -> None:
    assert list(may_wipe(replace(SAFE, **change))) == reasons


def test_the_clock_bound_is_above_what_clean_clocks_do() -> None:
    assert CLOCK_MS > 20_000
