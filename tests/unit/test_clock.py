import time

from storage.clock import SystemClock, SystemEntropy


def test_the_wall_clock_is_that_of_the_system() -> None:
    before = time.time()
    now = SystemClock().now_ms() / 1000
    assert before - 1 <= now <= time.time() + 1


def test_the_steady_clock_counts_milliseconds_and_never_goes_back() -> None:
    clock = SystemClock()
    before = clock.steady_ms()
    time.sleep(0.02)
    assert 20 <= clock.steady_ms() - before < 5_000


def test_salts_are_32_fresh_bytes() -> None:
    salts = {SystemEntropy().salt() for _ in range(100)}
    assert len(salts) == 100
    assert {len(salt) for salt in salts} == {32}
