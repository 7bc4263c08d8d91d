"""What recordings cover, and which act is the best, as a simple and slow way finds them."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import format_time
from ledger.evidence.due import Calendar
from ledger.evidence.statement import Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.judging.judged import Judged, judged
from ledger.process.judging.records import Late, best, serious_crew
from ledger.process.rules.rulepack import RulePack
from ledger.process.spans import Spans
from testkit.proceeding import BEGINS, HOUR, complete, registers_of
from testkit.rulepacks import PACKS

TIMES = st.integers(0, 40)
SPANS = st.tuples(TIMES, TIMES).map(lambda pair: (min(pair), max(pair)))


def covered(given: list[tuple[int, int]], start: int, end: int) -> int | None:
    """A span at a time, in their order; None where none of them touches."""
    inside = sorted((max(a, start), min(b, end)) for a, b in given if a <= end and start <= b)
    if not inside:
        return None
    found, reached = 0, start
    for a, b in inside:
        found += max(0, b - max(a, reached))
        reached = max(reached, b)
    return found


@settings(max_examples=500)
@given(st.lists(SPANS, max_size=12), SPANS)
def test_spans_cover_what_they_cover_one_by_one(
    given: list[tuple[int, int]], asked: tuple[int, int]
) -> None:
    wanted = covered(given, *asked)
    spans = Spans(given)
    assert spans.touches(*asked) is (wanted is not None)
    assert spans.covered(*asked) == (wanted or 0)


PACK = RulePack.from_text(PACKS["ordinary"])
MADE = complete(PACK).file()
REGISTERS = registers_of(("ordinary", PACKS["ordinary"]))
(RECORD,) = MADE.acts("inspection_record")
ACTS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6)


def case_of(acts: list[tuple[bool, bool]]) -> tuple[Judged, list[Filed]]:
    """Of each act whether its crew is short, and whether it was logged late."""
    filed = []
    for n, (short, late) in enumerate(acts):
        more: dict[str, Any] = {"officers": ["320501-0001"]} if short else {}
        said = Statement(
            RECORD.statement.kind, RECORD.statement.subjects, {**RECORD.statement.predicate, **more}
        )
        at = RECORD.at_ms + (100 * HOUR if late else 0)
        filed.append(Filed(RECORD.number + 1 + n, said, at))
    file = CaseFile(MADE.case, MADE.agency, (MADE.filed[0], *filed))
    (case,) = judged(file, REGISTERS, Calendar())
    return case, filed


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_the_best_act_is_the_one_that_a_look_at_all_of_them_finds(
    acts: list[tuple[bool, bool]],
) -> None:
    case, filed = case_of(acts)
    late = Late(case)
    wanted = min(filed, key=lambda o: (bool(serious_crew(case, o)), late.is_late(o), o.number))
    assert best(case, filed) is wanted
    assert best(case, []) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["own", "other"])), max_size=10))
def test_acts_of_names_are_those_that_a_look_at_all_of_them_finds(
    acts: list[tuple[str, str]],
) -> None:
    filed = []
    for n, (name, agency) in enumerate(acts):
        who = MADE.agency if agency == "own" else "agency-99"
        predicate = {**RECORD.statement.predicate, "act": name, "agency": who}
        predicate["occurred"] = dict.fromkeys(("from", "to"), format_time(BEGINS))
        said = Statement(RECORD.statement.kind, RECORD.statement.subjects, predicate)
        filed.append(replace(RECORD, number=10 + n, statement=said))
    file = CaseFile(MADE.case, MADE.agency, tuple(filed))
    for names in ((), ("a",), ("b", "a"), ("a", "a", "c"), ("x",)):
        wanted = tuple(
            one
            for one in filed
            if one.statement.agency == MADE.agency and (not names or one.act in names)
        )
        assert file.acts(*names) == wanted
        assert file.first(*names) == next(iter(wanted), None)
        assert file.last(*names) == next(reversed(wanted), None)
        for upto in (9, 12, 99):
            assert file.acts_upto(upto, *names) == tuple(o for o in wanted if o.number <= upto)
