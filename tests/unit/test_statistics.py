"""A year's numbers: counted from acts, counted again from the log, and what somebody left out."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger.counting import yearly_lines
from ledger.encoding import format_base64, format_json, parse_json
from ledger.errors import Malformed, Unavailable, Unknown
from ledger.evidence.entry import Entry, commit
from ledger.evidence.place import Place
from ledger.evidence.series import entry_tags
from ledger.evidence.statement import Statement
from ledger.evidence.trust import TrustedLog
from ledger.process.reports.statistics import Statistics, Tally, differences
from ledger.process.reports.yearly import Gone, Shown, Yearly
from ledger.recount import Recount, recount
from ledger.report import Outcome
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hashes
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.policy import Policy
from ledger.tlog.signing_key import SigningKey, sign_note
from ledger.tlog.tile import ENTRIES, Tile, entries_to_bytes
from testkit import procedural as made
from testkit.case import AGENCY, Draft, MemoryLog
from testkit.world import CachedSigner, World, registers

YEAR = "2026"
CASES = ["苏城管罚〔2026〕1号", "苏城管罚〔2026〕2号", "苏城管罚〔2026〕4号"]


def act(number: int, name: str, case: str, **more: object) -> Draft:
    return made.act(number, name, case=case, **more)


# 3 cases, 8 acts; case 2 is the one that somebody would rather not have.
ACTS = [
    act(100, "case_filing", CASES[0]),
    act(101, "penalty_decision", CASES[0], facts={"amount": "500", "penalty_kind": "fine"}),
    act(102, "case_filing", CASES[1]),
    act(103, "hearing", CASES[1], procedure="hearing"),
    act(104, "penalty_decision", CASES[1], facts={"amount": "1000.50", "penalty_kind": "fine"}),
    act(105, "case_filing", CASES[2]),
    act(106, "penalty_decision", CASES[2], facts={"amount": "五百", "penalty_kind": "警告"}),
    act(
        107,
        "case_closing",
        CASES[2],
        occurred={"from": "2025-12-31T23:00:00+08:00", "to": "2025-12-31T23:59:59+08:00"},
    ),
]
# By hand from the list above.
BY_HAND = {
    "acts": "8",
    "cases": "3",
    "elsewhen": "1",
    "numbering": [
        {
            "cases": "3",
            "form": "苏城管罚〔2026〕*号",
            "lacking": "1",
            "last": "4",
            "missing": ["3"],
        }
    ],
    "procedures": [
        {
            "acts": [
                {
                    "act": "hearing",
                    "acts": "1",
                    "amount": "0.00",
                    "cases": "1",
                    "kinds": {},
                    "unread": "0",
                }
            ],
            "cases": "1",
            "procedure": "hearing",
        },
        {
            "acts": [
                {
                    "act": "case_closing",
                    "acts": "1",
                    "amount": "0.00",
                    "cases": "1",
                    "kinds": {},
                    "unread": "0",
                },
                {
                    "act": "case_filing",
                    "acts": "3",
                    "amount": "0.00",
                    "cases": "3",
                    "kinds": {},
                    "unread": "0",
                },
                {
                    "act": "penalty_decision",
                    "acts": "3",
                    "amount": "1500.50",
                    "cases": "3",
                    "kinds": {"fine": "2", "other": "1"},
                    "unread": "1",
                },
            ],
            "cases": "3",
            "procedure": "ordinary",
        },
    ],
    "v": 1,
}


def filed(*acts: Draft, cosigned: bool = True) -> World:
    world = World()
    world.file(*registers())
    for draft in acts:
        for data in draft.items:
            world.hold(data)
        (accepted,) = world.file(draft.to_envelope())
        assert not isinstance(accepted, Exception), accepted
    if cosigned:
        world.step()
    return world


@pytest.fixture(autouse=True)
def short_lookahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


@pytest.fixture(scope="module")
def world() -> World:
    return filed(*ACTS)


@pytest.fixture(scope="module")
def lines(world: World) -> list[bytes]:
    return list(yearly_lines(world.log, YEAR, AGENCY))


def judged(world: World, lines: list[bytes]) -> Recount:
    return recount(lambda: lines, world.public_log(), world.trust)


def outcomes(found: Recount) -> dict[str, Outcome]:
    worst = {}
    for finding in found.findings:
        if worst.get(finding.step) is not Outcome.FAILED:
            worst[finding.step] = finding.outcome
    return worst


def test_numbers_are_those_counted_by_hand_and_from_the_log_they_are_the_same(
    world: World, lines: list[bytes]
) -> None:
    yearly = Yearly.from_bytes(lines[0])
    assert yearly.numbers.to_json() == BY_HAND
    assert len(lines) == 1 + len(ACTS)
    found = judged(world, lines)
    assert found.outcome is Outcome.PASSED, found.findings
    assert found.counted.to_json() == BY_HAND
    assert found.to_json()["differences"] == []


def test_a_case_that_is_left_out_with_honest_numbers_for_the_rest_is_missed(
    world: World, lines: list[bytes]
) -> None:
    kept = [line for n, line in enumerate(lines[1:]) if n not in (2, 3, 4)]
    told = with_numbers(lines[0], [a for n, a in enumerate(ACTS) if n not in (2, 3, 4)])
    found = judged(world, [told, *kept])
    assert outcomes(found)["act"] is Outcome.FAILED
    assert outcomes(found)["complete"] is Outcome.FAILED
    assert found.outcome is Outcome.FAILED


def test_acts_cut_off_at_the_end_are_found_in_the_log(world: World, lines: list[bytes]) -> None:
    told = with_numbers(lines[0], ACTS[:5])
    found = judged(world, [told, *lines[1:6]])
    assert outcomes(found)["act"] is Outcome.PASSED
    hidden = [f for f in found.findings if f.step == "complete"]
    assert [f.outcome for f in hidden] == [Outcome.FAILED] * 3
    assert "act 6 of the series stands in the log" in hidden[0].detail


def test_a_file_that_says_it_was_made_before_them_is_undecided_and_says_how_many(
    world: World, lines: list[bytes]
) -> None:
    first = parse_json(with_numbers(lines[0], ACTS[:5]), limit=1 << 20)
    cut = world.log.place_of(world.log.places("2026/acts/" + AGENCY)[5]).index
    earlier = format_json({**first, "sizes": {"2026": str(cut)}})
    found = judged(world, [earlier, *lines[1:6]])
    assert outcomes(found)["complete"] is Outcome.UNDECIDED
    assert found.outcome is Outcome.UNDECIDED
    assert any("3 acts were logged after" in f.detail for f in found.findings)


def test_a_number_that_was_changed_is_named(world: World, lines: list[bytes]) -> None:
    changed = lines[0].replace(b'"amount":"1500.50"', b'"amount":"1400.50"')
    assert changed != lines[0]
    found = judged(world, [changed, *lines[1:]])
    assert outcomes(found) == {
        "log": Outcome.PASSED,
        "complete": Outcome.PASSED,
        "act": Outcome.PASSED,
        "numbers": Outcome.FAILED,
    }
    assert found.to_json()["differences"] == [
        {
            "counted": "1500.50",
            "number": "ordinary.penalty_decision.amount",
            "told": "1400.50",
        }
    ]


def test_another_act_in_its_place_and_two_in_each_other_s_are_found(
    world: World, lines: list[bytes]
) -> None:
    swapped = [lines[0], lines[2], lines[1], *lines[3:]]
    assert outcomes(judged(world, swapped))["act"] is Outcome.FAILED
    shown = Shown.from_bytes(lines[2])
    forged = ACTS[0].to_envelope()
    found = judged(world, [*lines[:2], Shown(forged, shown.salt).to_bytes(), *lines[3:]])
    assert outcomes(found)["act"] is Outcome.FAILED


def test_any_changed_byte_of_an_act_fails_or_is_no_file(world: World, lines: list[bytes]) -> None:
    rolled = random.Random(7)
    for _ in range(60):
        n = rolled.randrange(1, len(lines))
        line = bytearray(lines[n])
        line[rolled.randrange(len(line))] ^= 1 << rolled.randrange(8)
        try:
            found = judged(world, [*lines[:n], bytes(line), *lines[n + 1 :]])
        except Malformed:
            continue
        assert found.outcome is Outcome.FAILED


def test_another_agency_s_signature_opens_nothing(world: World, lines: list[bytes]) -> None:
    first = parse_json(lines[0], limit=1 << 20)
    for change in (
        {"agency": "agency-02"},
        {"signature": format_base64(bytes(384))},
        {"signature": format_base64(b"\1" * 384)},
    ):
        found = judged(world, [format_json({**first, **change}), *lines[1:]])
        assert outcomes(found) == {"series": Outcome.FAILED}


def run_of(world: World, *entries: tuple[bytes, list[int]]) -> Recount:
    """The operator's own log, and the file of it: each act under numbers that he gave it.

    He has the key of every series: what he tags is held against the acts' own words.
    """
    run, salt = CachedSigner().open(f"{YEAR}/acts/{AGENCY}"), bytes(32)
    logged = [
        Entry(0, commit(salt, envelope), entry_tags(salt, [run.tag(n) for n in numbers])).to_bytes()
        for envelope, numbers in entries
    ]
    key = SigningKey("ledger.example/2026", Algorithm.ED25519, bytes(32))
    text = Checkpoint(key.name, len(logged), Edge().extend(leaf_hashes(logged)).root()).to_text()
    log = MemoryLog()
    log.files["2026", "checkpoint"] = SignedNote(text, (sign_note(text, key),)).to_bytes()
    log.files["2026", Tile(ENTRIES, 0, len(logged)).to_path()] = entries_to_bytes(logged)
    trusted = TrustedLog(key.name, YEAR, Policy(key.verifier, (), (), None), "")
    first = Yearly(AGENCY, YEAR, Statistics(), run.signature, {YEAR: len(logged)})
    shown = {n: Shown(envelope, salt).to_bytes() for envelope, numbers in entries for n in numbers}
    lines = [first.to_bytes(), *(line for _, line in sorted(shown.items()))]
    return recount(lambda: lines, log, replace(world.trust, logs=(trusted,)))


def test_another_agency_s_act_under_the_run_s_tag_is_not_counted(world: World) -> None:
    other = act(1, "case_filing", CASES[0], agency="agency-02").to_envelope()
    found = run_of(world, (other, [1]))
    (refused,) = [finding for finding in found.findings if finding.step == "act"]
    assert refused.outcome is Outcome.FAILED and "it is of" in refused.detail
    assert found.counted == Statistics()


def test_an_act_with_two_numbers_of_the_run_is_not_counted_twice(world: World) -> None:
    found = run_of(world, (ACTS[1].to_envelope(), [1, 2]))
    (refused,) = [finding for finding in found.findings if finding.step == "log"]
    assert refused.outcome is Outcome.FAILED
    assert "entry 0 has two numbers of the series, 1 and 2" in refused.detail


def test_an_act_that_is_logged_twice_is_counted_once(world: World) -> None:
    found = run_of(world, (ACTS[1].to_envelope(), [1]), (ACTS[1].to_envelope(), [2]))
    (refused,) = [finding for finding in found.findings if finding.step == "act"]
    assert (refused.outcome, refused.about) == (Outcome.FAILED, "2026-1")
    assert "the same act stands earlier" in refused.detail
    assert found.counted.acts == 1


def test_what_was_destroyed_is_said_and_counted_nowhere(world: World, lines: list[bytes]) -> None:
    gone = Shown(b"", b"", Gone.DESTROYED).to_bytes()
    told = with_numbers(lines[0], [a for n, a in enumerate(ACTS) if n != 3])
    found = judged(world, [told, *lines[1:4], gone, *lines[5:]])
    assert outcomes(found)["act"] is Outcome.UNDECIDED
    assert outcomes(found)["numbers"] is Outcome.PASSED
    assert found.outcome is Outcome.UNDECIDED


def test_a_copy_without_quorum_decides_nothing(lines: list[bytes]) -> None:
    alone = filed(*ACTS, cosigned=False)
    with pytest.raises(Unavailable, match="no quorum"):
        yearly_lines(alone.log, YEAR, AGENCY)


def test_an_agency_without_acts_has_no_file(world: World) -> None:
    with pytest.raises(Unknown, match="no act of 'agency-09'"):
        yearly_lines(world.log, YEAR, "agency-09")


def test_acts_after_the_file_was_made_are_not_held_against_it() -> None:
    world = filed(*ACTS[:5])
    early = list(yearly_lines(world.log, YEAR, AGENCY))
    assert judged(world, early).outcome is Outcome.PASSED
    for draft in ACTS[5:]:
        world.hold(draft.items[0])
        world.file(draft.to_envelope())
    world.step()
    found = judged(world, early)
    assert found.outcome is Outcome.UNDECIDED
    assert outcomes(found)["numbers"] is Outcome.PASSED


def with_numbers(first: bytes, acts: list[Draft]) -> bytes:
    """The first line as a liar would write it, with numbers that fit what he shows."""
    tally = Tally(int(YEAR))
    for draft in acts:
        tally.add(Statement.from_bytes(draft.to_payload()))
    line = parse_json(first, limit=1 << 20)
    return format_json({**line, "numbers": tally.numbers().to_json()})


# --- the forms ----------------------------------------------------------------------------------


def test_numbers_are_read_as_they_were_written() -> None:
    assert Statistics.from_json(BY_HAND).to_json() == BY_HAND
    assert Statistics.from_json(Statistics().to_json()) == Statistics()
    assert differences(Statistics.from_json(BY_HAND), Statistics.from_json(BY_HAND)) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda line: {**line, "acts": 8},
        lambda line: {**line, "acts": "08"},
        lambda line: {**line, "v": True},
        lambda line: {**line, "more": "1"},
        lambda line: {**line, "numbering": [{**line["numbering"][0], "lacking": "0"}]},
        lambda line: {**line, "procedures": line["procedures"][::-1]},
        lambda line: {**line, "procedures": [*line["procedures"], line["procedures"][0]]},
        lambda line: {**line, "procedures": [{**line["procedures"][0], "acts": []}]},
    ],
)
def test_numbers_of_another_form_are_refused(change: Callable[[dict[str, object]], object]) -> None:
    with pytest.raises(Malformed):
        Statistics.from_json(change(dict(BY_HAND)))


@pytest.mark.parametrize("data", [b"", b"{}", b'{"gone":"sold"}', b'{"envelope":"","salt":""}'])
def test_an_act_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        Shown.from_bytes(data)


def test_a_case_number_that_nobody_logged_is_told_however_large_the_last_one_is() -> None:
    tally = Tally(2026)
    for n, number in enumerate((2, 300, 999_999_999)):
        tally.add(Statement.from_bytes(act(n, "case_filing", f"甲〔2026〕{number}号").to_payload()))
    for n, case in enumerate(("甲〔2025〕7号", "第9〔2026〕号"), start=10):
        tally.add(Statement.from_bytes(act(n, "case_filing", case).to_payload()))
    numbers = tally.numbers()
    (row,) = numbers.numbering.values()
    assert (row.cases, row.last, row.lacking) == (3, 999_999_999, 999_999_996)
    assert row.missing == (1, *range(3, 258))
    assert Statistics.from_json(numbers.to_json()) == numbers


def test_zeros_before_a_number_hide_no_hole() -> None:
    numbers = told([act(n, "case_filing", f"甲〔2026〕{n:03}号") for n in (1, 2, 5, 10)])
    (row,) = numbers.numbering.values()
    assert (row.cases, row.last, row.missing) == (4, 10, (3, 4, 6, 7, 8, 9))


def unnumbered(number: int, slot: str) -> Draft:
    draft = made.act(number, "source", provisional=slot)
    return replace(draft, predicate={k: v for k, v in draft.predicate.items() if k != "case"})


def test_a_case_that_got_its_number_later_is_one_case() -> None:
    slot = "0198e7a0-0000-7000-8000-0000000000aa"
    early, late = (unnumbered(n, slot) for n in (1, 3))
    bound = act(2, "case_filing", CASES[0], provisional=slot)
    for acts in ([early, bound], [bound, late], [early, bound, late]):
        numbers = told(acts)
        assert (numbers.cases, numbers.cases_of) == (1, {"ordinary": 1})
    numbers = told([early, late])
    assert numbers.cases == 1


def test_only_acts_of_a_procedure_are_counted() -> None:
    with pytest.raises(Malformed, match="want an act of a procedure"):
        Tally(2026).add(Statement.from_bytes(made.complaint(9).to_payload()))


def test_an_act_of_a_packet_that_is_none_of_the_years_is_missed(
    world: World, lines: list[bytes]
) -> None:
    """Logged outside the series, it lacks in a file that is whole: the packet of its case tells."""
    log, trust = world.public_log(), world.trust
    counted = [Place(YEAR, len(registers()) + n) for n in range(len(ACTS))]
    found = recount(lambda: lines, log, trust, counted)
    assert found.outcome is Outcome.PASSED, found.findings
    hidden = Place(YEAR, 1)
    found = recount(lambda: lines, log, trust, [*counted, hidden])
    (finding,) = [f for f in found.findings if f.outcome is Outcome.FAILED]
    assert (finding.step, finding.about) == ("packet", "2026-1")
    later = Place(YEAR, 10_000)
    assert recount(lambda: lines, log, trust, [later]).outcome is Outcome.UNDECIDED


# --- a year that somebody would rather have nobody read ------------------------------------------


def told(acts: list[Draft]) -> Statistics:
    tally = Tally(int(YEAR))
    for draft in acts:
        tally.add(Statement.from_bytes(draft.to_payload()))
    return tally.numbers()


def read_again(numbers: Statistics) -> None:
    yearly = Yearly(AGENCY, YEAR, numbers, bytes(384), {YEAR: 9})
    assert Yearly.from_bytes(yearly.to_bytes()) == yearly


def test_amounts_that_are_each_read_are_read_together() -> None:
    facts = {"amount": "999999999999.99"}
    numbers = told([act(n, "a_decision", CASES[0], facts=facts) for n in range(3)])
    assert numbers.procedures["ordinary"]["a_decision"].fen == 3 * 99_999_999_999_999
    read_again(numbers)


def test_no_number_of_names_and_forms_makes_a_year_unreadable() -> None:
    read_again(told([act(n, f"a{n}", CASES[0]) for n in range(4100)]))
    read_again(told([act(n, "case_filing", f"苏{n}〔2026〕3号") for n in range(4100)]))
