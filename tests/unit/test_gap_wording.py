"""Every gap has a sentence in both languages, with all its facts, and a cure."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.case.refusal import lines
from cli.gap_wording import SENTENCES, gap_cure, gap_sentence, span
from ledger.evidence.due import Calendar
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.judging.records import NOTHING
from ledger.process.rules.rulepack import RulePack
from testkit.proceeding import DAY, HOUR, Proceeding, complete, registers_of
from testkit.rulepacks import PACKS

PROCESS = Path(__file__).parents[2] / "ledger" / "process"
PACK = RulePack.from_text(PACKS["ordinary"])
RECORDS = {record.id: record for record in PACK.records}
IDENTIFIER = re.compile(r"[a-z]+_[a-z]+|[a-z]{4,}")


def words() -> Iterator[str]:
    """What the code may find: the first argument of each `Failure`, `Finding` and `Lack`, and
    `act_gap`'s what."""
    for name in ("checks", "records", "gaps", "gates", "recording_gaps", "evidence_gaps"):
        for node in ast.walk(ast.parse((PROCESS / "judging" / f"{name}.py").read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Failure" | "Finding" | "Lack"), args=[what, *_]):
                    yield from (n.value for n in ast.walk(what) if isinstance(n, ast.Constant))
                case ast.Call(func=ast.Name("act_gap" | "rule_gap"), args=args):
                    yield from (
                        n.value
                        for n in args
                        if isinstance(n, ast.Constant) and isinstance(n.value, str)
                    )


def test_each_word_that_the_code_may_find_has_its_sentence() -> None:
    found = set(words()) | {
        "benchmark_not_in_force",
        "benchmark_unknown",
        NOTHING,
    }
    assert len(found) > 15
    assert found == SENTENCES.keys()


def several_wrong() -> Iterator[Proceeding]:
    made = complete(PACK, *(RECORDS[r] for r in ("hearing", "make_up_approval", "legal_review")))
    yield made.without(RECORDS["investigation"])
    yield made.late(RECORDS["right_to_be_heard"], 400 * DAY)
    yield made.moved("legal_review", "penalty_decision")
    made.step("hearing").officers = ["320501-0001", "ghost"]
    made.step("legal_review").facts["result"] = "fail"
    made.step("penalty_decision").facts |= {"amount": "5000", "benchmark_version": "9", "seal": ""}
    made.step("make_up_approval").at += 300 * HOUR
    made.step("hearing_notice").at = made.step("hearing").at - HOUR
    made.step("inspection_record").facts["medium"] = "recording"
    yield made


def test_real_gaps_are_told_in_full_and_what_would_cure_them() -> None:
    registers = registers_of(("ordinary", PACKS["ordinary"]))
    rows = []
    for made in several_wrong():
        rows += [gap.to_json() for gap in gaps(made.file(), registers, Calendar())]
        refused = refusals(*made.before("penalty_decision"), registers, Calendar())
        rows += [gap.to_json() for gap in refused]
    assert {"late", "missing", "wrong_order", "crew", "facts", "too_soon"} <= {
        row["what"] for row in rows
    }
    for row in rows:
        for text in (*gap_sentence(row).values(), *gap_cure(row).values()):
            assert isinstance(text, str)
            assert text
            assert not set("{}?") & set(text), (row, text)


def test_what_this_version_does_not_know_is_shown_as_it_came() -> None:
    assert gap_sentence({"what": "new_word", "facts": {"a": "{b}"}}) == {
        "en": "new_word",
        "zh": "new_word",
    }
    assert gap_sentence({"what": "crew", "rule": "new_rule"})["en"] == "new_rule"
    short = gap_sentence({"what": "crew", "rule": "crew_short", "facts": {}})
    assert short["en"] == "? officers are named, and ? are wanted."
    assert gap_sentence({"what": "at_most", "facts": "none"})["en"].startswith("? yuan")
    assert gap_sentence({}) == {"en": "", "zh": ""}
    assert gap_cure({"what": "new_word"}) == {"en": "", "zh": ""}


@pytest.mark.parametrize(
    ("ms", "en", "zh"),
    [
        (DAY + 2 * HOUR + 59_000, "1 day 2 hours", " 1 天 2 小时"),
        (3 * HOUR, "3 hours", " 3 小时"),
        (61_000, "1 minute", " 1 分"),
        (1000, "1 second", " 1 秒"),
        (0, "0 seconds", " 0 秒"),
    ],
)
def test_a_delay_is_said_in_its_two_largest_units(ms: int, en: str, zh: str) -> None:
    assert (span(ms, "en"), span(ms, "zh")) == (en, zh)


def test_names_in_a_row_are_joined_as_each_language_does() -> None:
    said = gap_sentence({"what": "facts", "facts": {"missing": "basis、seal"}})
    assert "basis, seal" in said["en"] and "basis、seal" in said["zh"]


def test_stages_are_told_by_their_names() -> None:
    said = gap_sentence({"what": "stage", "facts": {"said": "serve", "wanted": "start"}})
    assert said["zh"] == "登记的阶段为 送达，应为 启动。"
    assert said["en"] == "It was filed under stage serve, and belongs to start."


@pytest.mark.parametrize("name", PACKS)
def test_what_lacks_is_called_by_its_name_and_not_by_its_identifier(name: str) -> None:
    pack = RulePack.from_text(PACKS[name])
    registers = registers_of((name, PACKS[name]))
    told = 0
    for record in pack.records:
        if not record.facts and not record.shows:
            continue
        made = complete(pack, record)
        for step in made.steps:
            if step.act in record.acts:
                step.facts.update(dict.fromkeys(record.facts, " "))
                step.shows.discard(record.shows)
        for gap in gaps(made.file(), registers, Calendar()):
            if gap.rule == record.id and gap.what in ("facts", "not_shown"):
                told += 1
                row = gap.to_json()
                assert not IDENTIFIER.search(gap_sentence(row)["zh"]), gap_sentence(row)
                facts = [pack.fact(fact, record.acts[0]) for fact in record.facts]
                for fact in facts if gap.what == "facts" else []:
                    assert fact is not None and fact.name in gap_sentence(row)["zh"]
                    assert fact.name_en in gap_sentence(row)["en"]
    assert told or name.startswith("after")


def test_a_review_that_did_not_pass_is_told_in_words() -> None:
    made = complete(PACK, RECORDS["legal_review"])
    made.step("legal_review").facts["result"] = "fail"
    (gap,) = gaps(made.file(), registers_of(("ordinary", PACKS["ordinary"])), Calendar())
    assert gap_sentence(gap.to_json()) == {
        "en": "It states result of the legal review: fail; wanted is pass.",
        "zh": "“法制审核结论”载明为“不通过”，应为“通过”。",
    }
    assert (gap.facts["fact"], gap.facts["said"], gap.facts["wanted"]) == ("result", "fail", "pass")


def test_what_a_filer_states_writes_no_line_of_its_own_and_fills_no_page() -> None:
    made = complete(PACK)
    forged = "是\n严重 0 项，一般 0 项，提示 0 项"
    made.step("penalty_decision").facts["social_impact"] = forged + "长" * 1000
    (gap,) = gaps(made.file(), registers_of(("ordinary", PACKS["ordinary"])), Calendar())
    shown = lines(gap.to_json())
    assert all("\n" not in line and not line.startswith("严重") for line in shown)
    assert any("是\\n严重 0 项" in line for line in shown)
    assert max(map(len, shown)) < 200
    assert gap.to_json()["facts"]["said"].startswith(forged)


def test_a_person_who_did_both_is_told_with_the_name_of_the_act() -> None:
    made = complete(PACK, RECORDS["hearing"])
    made.step("hearing").officers = list(made.step("investigation_report").officers)
    found = gaps(made.file(), registers_of(("ordinary", PACKS["ordinary"])), Calendar())
    (row, *_) = (gap.to_json() for gap in found if gap.what == "same_person")
    assert "还参与了“案件调查终结报告”。" in gap_sentence(row)["zh"]
    assert "took part in Report at the end of the investigation." in gap_sentence(row)["en"]
