"""Rule packs are read strictly: what is not understood is refused, and where it stands is told."""

import pytest

from ledger.errors import Malformed
from ledger.evidence.statement import Stage
from ledger.process.rules.rulepack import Conclusion, Level, RulePack, Sickness
from testkit.rulepacks import PACKS, SMALL


def refusal(old: str, new: str) -> Malformed:
    assert SMALL.count(old) >= 1, old
    with pytest.raises(Malformed) as caught:
        RulePack.from_text(SMALL.replace(old, new))
    return caught.value


def test_a_pack_says_what_its_file_says() -> None:
    pack = RulePack.from_text(SMALL)
    record, check, clock = pack.records[0], pack.checks[0], pack.clocks[0]
    assert (record.level, record.sickness) == (Level.SERIOUS, Sickness.PROCEDURE)
    assert (record.acts, record.before, record.facts) == (
        ("review",),
        ("small_decision",),
        ("result",),
    )
    assert check.given == {"act": "review", "fact": "result", "is": "pass"}
    assert pack.counts_working_days(clock)
    assert pack.late_after_hours == 24
    assert pack.conclusion("small_decision") is Conclusion.DECIDE
    assert pack.conclusion("review") is None
    act = pack.act("review")
    assert act is not None
    assert (act.stage, act.officers, act.verb) == (Stage.REVIEW, 1, "review")


def test_what_no_file_can_hold_is_no_pack() -> None:
    with pytest.raises(Malformed, match="surrogates not allowed"):
        RulePack.from_text(f"# \udce8\n{SMALL}")


@pytest.mark.parametrize(
    ("days", "working"), [(1, True), (3, True), (4, False), (5, True), (6, False), (15, False)]
)
def test_the_statute_says_which_days_are_working_days(days: int, working: bool) -> None:
    pack = RulePack.from_text(SMALL.replace("days = 5\n", f"days = {days}\n"))
    assert pack.counts_working_days(pack.clocks[0]) is working


@pytest.mark.parametrize("name", PACKS)
def test_each_pack_that_is_shipped_is_read_and_bears_its_files_name(name: str) -> None:
    assert RulePack.from_text(PACKS[name]).pack == name


CHANGES = {
    "an unknown key": ('pack = "small"', 'pack = "small"\ncolour = "red"', "colour"),
    "an unknown key of a record": (
        'acts = ["review"]\n',
        'acts = ["review"]\ncolour = "red"\n',
        "record[1].colour",
    ),
    "an act that is none": ('acts = ["review"]', 'acts = ["revue"]', "record[1]"),
    "an act in a condition": ('{ act = "filing", fact', '{ act = "file", fact', "record[1]"),
    "an act in a check": (
        'check = "fact_is"\nact = "review"',
        'check = "fact_is"\nact = "revue"',
        "check[1]",
    ),
    "an act of a clock": ('from = ["filing"]', 'from = ["file"]', "clock[1]"),
    "an act of a gate": ('\nacts = ["small_decision"]', '\nacts = ["decision"]', "gate[1]"),
    "an opening that is none": ('opening = ["filing"]', 'opening = ["file"]', "opening"),
    "a source that is none": ('source = "某法"', 'source = "别法"', "record[1].source"),
    "no article": ('article = "7"\n', "", "record[1].article"),
    "no cure": ('cure = "补充审核"\n', "", "record[1].cure"),
    "a level that is none": ('level = "serious"', 'level = "grave"', "record[1].level"),
    "a class that is none": ('class = "procedure"', 'class = "other"', "record[1].class"),
    "a stage that is none": ('stage = "start"', 'stage = "begin"', "act[1].stage"),
    "a verb that is none": ('verb = "review"', 'verb = "look"', "act[2].verb"),
    "a kind of check that is none": ('check = "fact_is"', 'check = "fact_was"', "check[1]"),
    "a parameter too few": ('is = "pass"\n', "", "check[1].is"),
    "a parameter too many": ('is = "pass"\n', 'is = "pass"\nhours = 3\n', "check[1].hours"),
    "no time at all": ("days = 5\n", "", "clock[1]"),
    "two times": ("days = 5\n", "days = 5\nhours = 2\n", "clock[1]"),
    "a negative time": ("days = 5\n", "days = -5\n", "clock[1].days"),
    "working hours": ("days = 5\n", "hours = 5\nworking = true\n", "clock[1].working"),
    "each, and nothing to tell them apart": (
        "days = 5\n",
        'days = 5\nstarts = "each"\n',
        "clock[1].matched_by",
    ),
    "told apart, and not each": (
        "days = 5\n",
        'days = 5\nmatched_by = "number"\n',
        "clock[1].matched_by",
    ),
    "each, from a fact": (
        "days = 5\n",
        'days = 5\nstarts = "each"\nmatched_by = "number"\nfrom_fact = "day"\n',
        "clock[1].starts",
    ),
    "an end of all that is no end": (
        "days = 5\n",
        'days = 5\nstarts = "each"\nmatched_by = "number"\nends_all = ["review"]\n',
        "clock[1].ends_all",
    ),
    "an end of all, of one": (
        "days = 5\n",
        'days = 5\nends_all = ["small_decision"]\n',
        "clock[1].ends_all",
    ),
    "a record's clock that is none": (
        'facts = ["result"]\n',
        'facts = ["result"]\nclock = "time"\n',
        "record[1].clock",
    ),
    "a record's clock that something else ends": (
        'facts = ["result"]\n',
        'facts = ["result"]\nclock = "decision"\n',
        "record[1].clock",
    ),
    "a condition that is none": (
        '{ act = "filing", fact = "major", is = "yes" }',
        '{ fact = "major", is = "yes" }',
        "record[1].when[1]",
    ),
    "an act that answers and is none": (
        '{ act = "filing", fact = "major", is = "yes" }',
        '{ act = "filing", not_followed_by = "answer" }',
        "record[1]",
    ),
    "an answer to a fact": ('is = "yes" }', 'not_followed_by = "review" }', "record[1].when[1]"),
    "both is and is_not": ('is = "yes" }', 'is = "yes", is_not = "no" }', "record[1].when[1]"),
    "an act twice": ('id = "small_decision"', 'id = "review"', "act[3].id"),
    "not TOML": ('pack = "small"', "pack = small", ""),
    # A check passes over what an act does not state, so that some record must demand it.
    "a fact that no record demands": ('facts = ["result"]\n', "", "check[1].fact"),
}


def test_a_party_s_right_makes_no_record_of_the_agency_due() -> None:
    changed = SMALL.replace('level = "serious"', 'clock = "decision"\nlevel = "serious"', 1)
    changed = changed.replace('until = ["small_decision"]', 'until = ["review"]')
    assert RulePack.from_text(changed).records[0].clock == "decision"
    with pytest.raises(Malformed, match="is no duty"):
        RulePack.from_text(changed.replace("days = 5\n", 'days = 5\nmeaning = "right"\n'))


@pytest.mark.parametrize(("old", "new", "path"), CHANGES.values(), ids=CHANGES)
def test_what_is_not_understood_is_refused_where_it_stands(old: str, new: str, path: str) -> None:
    found = refusal(old, new)
    assert found.path.startswith(path), (found.path, str(found))
