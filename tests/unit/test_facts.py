"""Facts are declared in the pack: strictly read, and what is said is held against it."""

import pytest

from cli.gap_wording import gap_sentence
from ledger.errors import Malformed
from ledger.evidence.due import Calendar
from ledger.process.judging.gap import Gap
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.rules.condition import Says, all_says
from ledger.process.rules.fact_uses import uses_of
from ledger.process.rules.facts import FactKind, FactRule
from ledger.process.rules.rulepack import Check, Level, Record, RulePack
from testkit.proceeding import Step, complete, registers_of
from testkit.rulepacks import PACKS, SMALL

WEEKDAYS = Calendar()
ORDINARY = RulePack.from_text(PACKS["ordinary"])
DECISION = "penalty_decision"

FACTS = """
[[fact]]
id = "major"
name = "是否重大"
name_en = "whether it is major"
kind = "choice"
values = { yes = "是", no = "否" }
acts = ["filing"]

[[fact]]
id = "result"
name = "审核结论"
name_en = "result"
kind = "choice"
values = { pass = "通过", fail = "不通过" }
"""
DECLARED = SMALL + FACTS

LOOKED_AT = """
[[check]]
id = "more"
%s
name = "再查"
name_en = "More"
level = "serious"
class = "procedure"
source = "某法"
article = "8"
cure = "重新审核"
cure_en = "Review anew"
"""
RUN = """
[[clock]]
id = "more"
name = "期限"
name_en = "Time"
from = ["filing"]
until = ["small_decision"]
days = 5
source = "某法"
article = "9"
%s
"""


def test_a_fact_is_found_by_its_act_before_all_others() -> None:
    pack = RulePack.from_text(DECLARED + more("result", "text", 'acts = ["filing"]\n'))
    of_filing, of_review = pack.fact("result", "filing"), pack.fact("result", "review")
    assert of_filing is not None and of_filing.kind is FactKind.TEXT
    assert of_review is not None and of_review.name == "审核结论"
    assert pack.fact("major", "review") is None


NOT_READ = {
    "a fact of a record": ('facts = ["result"]', 'facts = ["result", "seal"]', "record[1].facts"),
    "what a time-code shows": (
        'facts = ["result"]',
        'facts = ["result"]\nshows = "x"',
        "record[1].shows",
    ),
    "a fact of a condition": ('fact = "major"', 'fact = "minor"', "record[1].when"),
    "of another act": (
        'acts = ["filing"]\n\n[[fact]]',
        'acts = ["review"]\n\n[[fact]]',
        "record[1].when",
    ),
    "a word of a condition": ('is = "yes" }', 'is = "是" }', "record[1].when"),
    "a word of a condition that is not": ('is = "yes" }', 'is_not = "Yes" }', "record[1].when"),
    "a word of a check": ('is = "pass"', 'is = "passed"', "check[1].is"),
    "a condition on a text": (
        'kind = "choice"\nvalues = { yes = "是", no = "否" }',
        'kind = "text"',
        "record[1].when",
    ),
    "a choice without words": ('values = { yes = "是", no = "否" }\n', "", "fact[1].values"),
    "words without a choice": (
        'kind = "choice"\nvalues = { yes',
        "values = { yes",
        "fact[1].values",
    ),
    "no words": ('{ yes = "是", no = "否" }', "{}", "fact[1].values"),
    "a word without a name": ('no = "否" }', 'no = "" }', "fact[1].values"),
    "a kind that is none": (
        'kind = "choice"\nvalues = { pass',
        'kind = "x"\nvalues = { pass',
        "fact[2].kind",
    ),
    "an act that is none": ('"]\n\n[[fact]]', '", "x"]\n\n[[fact]]', "fact[1]"),
    "twice of one act": (
        'acts = ["filing"]\n\n[[fact]]',
        'acts = ["filing"]\n\n[[fact]]\nid = "major"\nname = "x"\nname_en = "x"\n'
        'acts = ["review", "filing"]\n\n[[fact]]',
        "fact[2].id",
    ),
    "twice of all acts": (
        'id = "result"\nname = ',
        'id = "result"\nname = "x"\nname_en = "x"\n\n[[fact]]\nid = "result"\nname = ',
        "fact[3].id",
    ),
    "no English name": ('name_en = "result"\n', "", "fact[2].name_en"),
}


@pytest.mark.parametrize(("old", "new", "path"), NOT_READ.values(), ids=NOT_READ)
def test_what_no_fact_declares_is_refused_where_it_stands(old: str, new: str, path: str) -> None:
    RulePack.from_text(DECLARED)
    assert old in DECLARED
    with pytest.raises(Malformed) as caught:
        RulePack.from_text(DECLARED.replace(old, new))
    assert caught.value.path.startswith(path), str(caught.value)


def more(id_: str, kind: str, acts: str = "") -> str:
    words = 'values = { recording = "录音录像" }\n' if kind == "choice" else ""
    return f'\n[[fact]]\nid = "{id_}"\nname = "甲"\nname_en = "a"\nkind = "{kind}"\n{words}{acts}'


# What kinds of checks and clocks read: the rule, the fact, and the kind that it must have.
READ = {
    "at_most": (
        LOOKED_AT % 'check = "at_most"\nact = "review"\nfact = "sum"\nmost = 5',
        "sum",
        "amount",
    ),
    "no_more_than": (
        LOOKED_AT % 'check = "no_more_than"\nact = "review"\nfact = "sum"\nof = "review"\n'
        'of_fact = "sum"',
        "sum",
        "amount",
    ),
    "not_heavier": (
        LOOKED_AT % 'check = "not_heavier"\nact = "review"\nof = "small_decision"\nfact = "sum"\n'
        'after = ["filing"]',
        "sum",
        "amount",
    ),
    "timecoded": (LOOKED_AT % 'check = "timecoded"\nacts = ["review"]', "medium", "choice"),
    "from_fact": (RUN % 'from_fact = "ended"', "ended", "day"),
    "matched_by": (RUN % 'starts = "each"\nmatched_by = "number"', "number", "text"),
    "extended_by": (RUN % 'extended_by = "review"', "days", "number"),
    "amount_of": (RUN % 'amount_of = "review"\ndaily_percent = 3', "amount", "amount"),
}


@pytest.mark.parametrize(("rule", "fact", "kind"), READ.values(), ids=READ)
def test_what_a_rule_reads_is_declared_in_a_kind_that_it_can_read(
    rule: str, fact: str, kind: str
) -> None:
    text = DECLARED + rule + (more("new_facts", "text") if "not_heavier" in rule else "")
    RulePack.from_text(text + more(fact, kind))
    for wrong in sorted({"text", "amount", "day", "number"} - {kind}):
        with pytest.raises(Malformed, match=f'kind = "{kind}"'):
            RulePack.from_text(text + more(fact, wrong))
    with pytest.raises(Malformed, match=f"declares the fact '{fact}'"):
        RulePack.from_text(text)


def test_days_that_do_not_count_are_days() -> None:
    text = DECLARED + RUN % 'excluded = "review"' + more("from", "day")
    with pytest.raises(Malformed, match="declares the fact 'to'"):
        RulePack.from_text(text)
    RulePack.from_text(text + more("to", "day"))


def test_a_fact_that_no_rule_looks_at_may_be_declared() -> None:
    """A list of major decisions may look at it."""
    pack = RulePack.from_text(DECLARED + more("party", "text"))
    assert [fact.id for fact in pack.facts] == ["major", "result", "party"]


@pytest.mark.parametrize("name", PACKS)
def test_every_pack_that_is_shipped_declares_its_facts(name: str) -> None:
    assert RulePack.from_text(PACKS[name]).facts


def test_a_fact_of_an_act_is_the_same_in_every_pack() -> None:
    """Acts are common to all packs: what one of them takes no other may refuse."""
    found: dict[tuple[str, str], set[tuple[FactKind, tuple[str, ...]]]] = {}
    for text in PACKS.values():
        pack = RulePack.from_text(text)
        for fact in pack.facts:
            for act in fact.acts:
                found.setdefault((fact.id, act), set()).add((fact.kind, tuple(fact.values)))
    assert {key: kinds for key, kinds in found.items() if len(kinds) > 1} == {}


def test_what_clocks_read_after_a_decision_is_held_against_the_acts_when_they_are_filed() -> None:
    """The packs `after…` judge no case, they count: nobody would be told of a word of theirs."""
    read = {name: RulePack.from_text(text) for name, text in PACKS.items()}
    untold = []
    for after in (pack for pack in read.values() if pack.kind == "after"):
        for use in (use for clock in after.clocks for use in uses_of(clock)):
            for pack in (one for one in read.values() if one.kind == "penalty"):
                judging = [pack, *(read[name] for name in pack.together_with)]
                known = any(one.fact(use.fact, use.act) for one in judging)
                if pack.act(use.act) is not None and not known:
                    untold.append((pack.pack, use.act, use.fact))
    assert untold == []


TAKEN = [
    (
        FactKind.AMOUNT,
        ["0", "500", "500.5", "500.50"],
        ["五百", "50元", "1e3", "-5", "５", ""],
    ),
    (FactKind.DAY, ["2026-03-02"], ["2026-02-30", "2026年3月2日", "20260302", "2026-3-2", ""]),
    (FactKind.NUMBER, ["0", "30"], ["三十", "30日", "-3", "1.5", "３０", "", "9" * 13]),
    (FactKind.TEXT, ["是", ""], []),
    (FactKind.SHOWN, ["是", ""], []),
    (FactKind.CHOICE, ["yes"], ["是", "Yes", "yes ", "", "no"]),
]


@pytest.mark.parametrize(("kind", "taken", "refused"), TAKEN, ids=[str(row[0]) for row in TAKEN])
def test_each_kind_takes_what_it_says(kind: FactKind, taken: list[str], refused: list[str]) -> None:
    rule = FactRule("x", "某", "x", kind, {"yes": "是"} if kind is FactKind.CHOICE else {})
    assert [said for said in taken if not rule.takes(said)] == []
    assert [said for said in refused if rule.takes(said)] == []


SAID = {
    "choice": (
        {"social_impact": "是"},
        "“是否具有一定社会影响”载明为“是”，应为下列之一：yes（是）、no（否）。",
        "It states whether it has social impact: 是; wanted is one of yes, no.",
    ),
    "amount": (
        {"amount": "五百"},
        "“罚款数额”载明为“五百”，应为以元为单位的数额，如 500 或者 500.50。",
        "It states amount of the fine: 五百; wanted is an amount in yuan such as 500 or 500.50.",
    ),
    "day": (
        {"violation_ended": "去年三月"},
        "“违法行为终了之日”载明为“去年三月”，应为日期，如 2026-03-02。",
        "It states day on which the violation ended: 去年三月; wanted is a day such as 2026-03-02.",
    ),
}


@pytest.mark.parametrize(("facts", "chinese", "english"), SAID.values(), ids=SAID)
def test_what_is_not_of_its_kind_is_told_with_what_is_wanted_and_shuts_the_gate(
    facts: dict[str, str], chinese: str, english: str
) -> None:
    registers = registers_of(("ordinary", PACKS["ordinary"]))
    made = complete(ORDINARY)
    act = "case_filing" if "violation_ended" in facts else DECISION
    made.step(act).facts |= facts
    (gap,) = unknown(gaps(made.file(), registers, WEEKDAYS))
    assert gap.level is Level.ORDINARY
    assert gap_sentence(gap.to_json()) == {"zh": chinese, "en": english}
    assert unknown(refusals(*made.before("case_closing"), registers, WEEKDAYS)) == [gap]
    anew = Step(act, made.step(act).facts | dict.fromkeys(facts, "2026-03-02"))
    anew.facts |= {"social_impact": "no", "amount": "100"}
    anew.procedure, anew.officers = "ordinary", made.step(act).officers
    anew.at, anew.logged = made.steps[-2].at + 1000, made.steps[-2].logged + 1000
    made.steps.insert(len(made.steps) - 1, anew)
    assert unknown(refusals(*made.before("case_closing"), registers, WEEKDAYS)) == []


ASKED = [
    (pack, rule, said)
    for pack in map(RulePack.from_text, PACKS.values())
    for rule in (*pack.records, *pack.checks)
    for said in all_says(rule.when)
]


@pytest.mark.parametrize(
    ("pack", "rule", "said"),
    ASKED,
    ids=[f"{pack.pack}-{rule.id}-{said.fact}-{said.value}" for pack, rule, said in ASKED],
)
def test_no_rule_is_switched_off_by_the_chinese_for_its_word(
    pack: RulePack, rule: Record | Check, said: Says
) -> None:
    fact = pack.fact(said.fact, said.act)
    assert fact is not None
    made = complete(pack, rule)
    made.add(said.act).facts[said.fact] = fact.values[said.value]
    made.ordered()
    found = gaps(made.file(), registers_of((pack.pack, PACKS[pack.pack])), WEEKDAYS)
    told = [(gap.facts["act"], gap.facts["fact"]) for gap in unknown(found)]
    assert told == [(said.act, said.fact)]


def test_days_of_an_extension_are_a_number() -> None:
    (record,) = (record for record in ORDINARY.records if record.id == "extension_reason")
    made = complete(ORDINARY, record)
    made.step("extension").facts["days"] = "三十日"
    (gap,) = gaps(made.file(), registers_of(("ordinary", PACKS["ordinary"])), WEEKDAYS)
    assert gap_sentence(gap.to_json())["zh"] == "“延长的天数”载明为“三十日”，应为整数，如 30。"


def test_a_fact_is_held_against_every_pack_whose_rules_see_it() -> None:
    """Under another procedure's name a fine would not be one: 罚款 is no word of any rule."""
    registers = registers_of(*((name, PACKS[name]) for name in ("ordinary", "hearing")))
    made = complete(ORDINARY)
    made.step(DECISION).facts["penalty_kind"] = "罚款"
    made.step(DECISION).procedure = "hearing"
    (gap,) = unknown(gaps(made.file(), registers, WEEKDAYS))
    assert (gap.pack, gap.facts["fact"]) == ("ordinary", "penalty_kind")
    shut = refusals(*made.before(DECISION), registers, WEEKDAYS)
    assert gap in shut


def test_a_recording_that_stands_in_for_a_record_is_called_by_its_word() -> None:
    """Else no rule would ask for the time-codes of 录音录像."""
    made = complete(ORDINARY)
    made.step("inspection_record").facts["medium"] = "录音录像"
    found = gaps(made.file(), registers_of(("ordinary", PACKS["ordinary"])), WEEKDAYS)
    assert [(gap.what, gap.facts["fact"]) for gap in found] == [("unknown_value", "medium")]


@pytest.mark.parametrize("said", ["no", "否", " 否 "])
def test_who_writes_that_it_was_not_shown_has_not_shown_it(said: str) -> None:
    registers = registers_of(("ordinary", PACKS["ordinary"]))
    made = complete(ORDINARY)
    record = made.step("inspection_record")
    record.shows.discard("show_id")
    record.facts["show_id"] = "检查开始时出示"
    assert gaps(made.file(), registers, WEEKDAYS) == []
    record.facts["show_id"] = said
    (gap,) = gaps(made.file(), registers, WEEKDAYS)
    assert (gap.rule, gap.what) == ("show_id", "not_shown")
    assert gap_sentence(gap.to_json())["zh"] == (
        "没有时间段说明显示“出示执法证件”，文书中也未载明。"
    )


@pytest.mark.parametrize("said", ["no", "否", " 否 "])
def test_who_writes_that_it_was_not_signed_has_no_signature(said: str) -> None:
    registers = registers_of(("ordinary", PACKS["ordinary"]))
    made = complete(ORDINARY)
    made.step("inspection_record").facts["signed"] = said
    (gap,) = gaps(made.file(), registers, WEEKDAYS)
    assert (gap.rule, gap.what, gap.facts["missing"]) == ("investigation", "facts", "signed")
    made.step("inspection_record").facts["signed"] = "当事人拒绝签名"
    assert gaps(made.file(), registers, WEEKDAYS) == []


def test_a_fine_with_a_confiscation_is_asked_for_both() -> None:
    registers = registers_of(("ordinary", PACKS["ordinary"]))
    made = complete(ORDINARY)
    made.step(DECISION).facts["penalty_kind"] = "fine_and_confiscation"
    made.add("service_return").facts["method"] = "direct"
    made.add("case_closing")
    made.ordered()
    found = {gap.rule for gap in gaps(made.file(), registers, WEEKDAYS)}
    assert {"payment", "goods_handling"} <= found


def unknown(found: list[Gap]) -> list[Gap]:
    return [gap for gap in found if gap.what == "unknown_value"]
