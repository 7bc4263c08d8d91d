"""Packs as they were are read, and judge as they did: old cases need them."""

from pathlib import Path

import pytest

from cli.gap_wording import gap_sentence
from ledger.evidence.due import Calendar
from ledger.process.judging.gap import Gap
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.rules.rulepack import Record, RulePack
from testkit.proceeding import DAY, Proceeding, complete, registers_of

OLD = Path(__file__).parents[1] / "golden" / "packs" / "summary-before-facts.toml"
TEXT = OLD.read_text("utf-8")
PACK = RulePack.from_text(TEXT)
REGISTERS = registers_of(("summary", TEXT))
DECISION = "on_the_spot_decision"


def found(made: Proceeding) -> list[Gap]:
    return gaps(made.file(), REGISTERS, Calendar())


GOLDEN = {path.stem: path.read_text("utf-8") for path in sorted(OLD.parent.glob("*-2026.1.toml"))}
EARLIER = {
    (name, record.id): (text, record)
    for name, text in GOLDEN.items()
    for record in RulePack.from_text(text).records
}


@pytest.mark.parametrize(("text", "record"), EARLIER.values(), ids=map("-".join, EARLIER))
def test_a_case_that_was_complete_under_an_earlier_version_still_is(
    text: str, record: Record
) -> None:
    """And what it lacked it lacks, and nothing else."""
    pack = RulePack.from_text(text)
    assert pack.version == "2026.1"
    registers, made = registers_of((pack.pack, text)), complete(pack, record)
    assert gaps(made.file(), registers, Calendar()) == []
    lacking = made.without(record).file()
    (gap,) = gaps(lacking, registers, Calendar())
    assert (gap.rule, gap.version) == (record.id, "2026.1")
    # A clock that ran out long ago made nothing due that is not due by its conclusion.
    later = lacking.filed[-1].at_ms + 400 * DAY
    assert [(g.rule, g.due) for g in gaps(lacking, registers, Calendar(), later)] == [
        (record.id, gap.due)
    ]


def test_it_declares_nothing_and_its_complete_cases_are_complete() -> None:
    assert PACK.facts == ()
    for record in PACK.records:
        assert found(complete(PACK, record)) == [], record.id


@pytest.mark.parametrize(
    ("fact", "said", "told"),
    [
        ("collected", "是", ["unknown_value"]),
        ("collected", "perhaps", ["unknown_value"]),
        ("penalty_kind", "罚款", ["unknown_value"]),
        ("penalty_kind", "reprimand", []),  # a word, and no rule asks for it
        ("amount", "五百", ["at_most"]),
        ("amount", "100", []),
        ("reason", "是", []),
    ],
)
def test_what_is_said_is_judged_as_it_was(fact: str, said: str, told: list[str]) -> None:
    made = complete(PACK)
    made.step(DECISION).facts |= {"party_kind": "person", fact: said}
    assert [gap.what for gap in found(made) if gap.what not in ("missing", "facts")] == told


def test_its_gates_shut_as_they_did_and_the_sentence_says_what_it_can() -> None:
    made = complete(PACK)
    made.step(DECISION).facts["collected"] = "是"
    (gap,) = found(made)
    assert gap in refusals(*made.before("case_closing"), REGISTERS, Calendar())
    assert gap.facts == {"act": DECISION, "fact": "collected", "said": "是"}
    sentence = gap_sentence(gap.to_json())
    assert sentence["zh"] == "“collected”载明为“是”，应为规则包的规则所用的词。"
    assert (
        sentence["en"]
        == "It states collected: 是; wanted is a word that a rule of the pack looks for."
    )


def test_it_looks_at_acts_of_its_own_procedure_alone() -> None:
    made = complete(PACK)
    made.step(DECISION).facts["collected"] = "是"
    made.step(DECISION).procedure = "unheard_of"
    assert [gap.what for gap in found(made)] == []
