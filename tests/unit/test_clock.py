import time

from hypothesis import settings

from storage.clock import SystemClock, SystemEntropy


def test_the_wall_clock_is_that_of_the_system() -> None:
    before = time.time()
    now = SystemClock().now_ms() / 1000
    assert before - 1 <= now <= time.time() + 1


def test_the_steady_clock_counts_milliseconds_and_never_goes_back() -> None:
    clock = SystemClock()
    began = time.monotonic()
    before = clock.steady_ms()
    time.sleep(0.02)
    passed = clock.steady_ms() - before
    assert 20 <= passed <= (time.monotonic() - began) * 1000 + 1


def test_salts_are_32_fresh_bytes() -> None:
    salts = {SystemEntropy().salt() for _ in range(100)}
    assert len(salts) == 100
    assert {len(salt) for salt in salts} == {32}


def test_no_example_of_a_property_is_held_to_a_clock() -> None:
    assert settings().deadline is None
