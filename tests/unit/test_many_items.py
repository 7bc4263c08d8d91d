"""Work grows with a case, and not with its square: counted in calls, never in seconds."""

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from ledger.evidence.envelope import Envelope
from ledger.packing import plan_packet
from ledger.report import Outcome, Report
from ledger.verdict.clips import clips
from ledger.verdict.examination import Examination
from ledger.verdict.times import MAX_DECISIONS
from ledger.verify import verify_packet
from testkit import case as kit
from testkit.case import CASE, MemoryPacket, digest_item, evidence, make_case, seal_bag
from testkit.world import World

SIZES = (100, 200, 300)


def case_of(count: int) -> tuple[World, dict[bytes, bytes]]:
    """Items and, in the end, a decision; its quorums come every fifty statements."""
    world, bytes_of = World(), {}
    for n in range(count):
        data = b"item %d" % n
        bytes_of[digest_item(data).sha256] = data
        world.file(world.evidence(1000 + n, data))
        if n % 50 == 49:
            world.step()
    decision = kit.decision("决定", 999)
    world.clock.advance((kit.DECIDED - kit.FILED) * 1000)
    for data in decision.items:
        world.hold(data)
        bytes_of[digest_item(data).sha256] = data
    world.file(decision.to_envelope())
    world.step()
    return world, bytes_of


def calls(run: Callable[[], object]) -> int:
    """How many functions were entered, and how often generators went on."""
    count = 0

    def counted(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture(scope="module")
def cases() -> list[tuple[World, dict[bytes, bytes]]]:
    return [case_of(count) for count in SIZES]


def packed(world: World, bytes_of: dict[bytes, bytes]) -> dict[str, bytes]:
    plan = plan_packet(world.log, CASE, 2026)
    items = {path: bytes_of[wanted.digest.sha256] for path, wanted in plan.items.items()}
    return seal_bag({**plan.files, **items})


def judge(packet: MemoryPacket, world: World, reports: list[Report]) -> None:
    reports.append(verify_packet(packet, world.trust))


def check_linear(counts: list[int]) -> None:
    """Each hundred more costs what the hundred before did, with a tenth for deeper trees."""
    first, second = counts[1] - counts[0], counts[2] - counts[1]
    assert 0 < second <= 1.1 * first, counts


def test_packing_ten_times_the_items_is_ten_times_the_work(
    cases: list[tuple[World, dict[bytes, bytes]]],
) -> None:
    # The stores of the tests search lists: theirs is no work of the packer.
    check_linear([calls(partial(plan_packet, world.log, CASE, 2026)) for world, _ in cases])


def test_packing_reads_each_statement_once(
    cases: list[tuple[World, dict[bytes, bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = cases[0]
    read: list[bytes] = []
    real = Envelope.from_bytes
    monkeypatch.setattr(Envelope, "from_bytes", lambda data: read.append(data) or real(data))
    plan_packet(world.log, CASE, 2026)
    # For what it says, and for who has signed it.
    assert max(map(read.count, read)) <= 2


def test_judging_ten_times_the_items_is_ten_times_the_work(
    cases: list[tuple[World, dict[bytes, bytes]]],
) -> None:
    counts = []
    for world, bytes_of in cases:
        packet = MemoryPacket(packed(world, bytes_of))
        reports: list[Report] = []
        counts.append(calls(partial(judge, packet, world, reports)))
        assert reports[0].outcome is Outcome.PASSED
    check_linear(counts)


def test_the_originals_of_clips_are_gathered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gathered = []
    real = Examination.shown

    def shown(ex: Examination) -> Any:
        gathered.append(ex)
        return real(ex)

    monkeypatch.setattr(Examination, "shown", shown)
    for count in (1, 30):
        built = make_case().build()
        for n in range(1, count + 1):
            for ending in ("json", "chunks", "mp4"):
                built.files[f"data/clips/{n:02d}.{ending}"] = b"{}"
        ex = Examination(MemoryPacket(seal_bag(built.files)), built.trust, None, lambda n: None)
        ex.layout = ex.layout.of(ex.packet.sizes())
        gathered.clear()
        assert len(list(clips(ex))) == count
        assert len(gathered) == 1


def test_items_are_held_against_so_many_decisions_and_no_more() -> None:
    case = make_case()
    number = 700
    case.drafts.append(evidence("more", number, {"more.jpg": b"more"}))
    case.drafts += [kit.decision(f"decision {n}", number + 1 + n) for n in range(MAX_DECISIONS + 1)]
    report = case.build().verify()
    found = [f for f in report.findings if f.step == "fence"]
    (told,) = [f for f in found if "are held against" in f.detail]
    assert told.outcome is Outcome.UNDECIDED
    assert len([f for f in found if f.about == found[1].about]) <= MAX_DECISIONS
