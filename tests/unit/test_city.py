"""The fixture city: as large as it says, the same every time, made for the packs that there are."""

import tomllib
from datetime import date
from functools import cache
from pathlib import Path

from testkit.city import CASES, RECORDINGS, WORKING, City
from testkit.city_cases import SCRIPTS
from testkit.city_wrongs import WRONGS

PACKS = Path(__file__).parents[2] / "ledger" / "process" / "packs"


@cache
def pack(name: str) -> dict[str, list[dict[str, str]]]:
    return tomllib.loads((PACKS / f"{name}.toml").read_text("utf-8"))


def test_the_city_is_as_large_as_it_says() -> None:
    city = City.founded()
    assert (len(city.agencies), len(city.officers), len(city.auxiliaries)) == (3, 40, 12)
    assert (len(city.recorders), len(city.cases), len(city.recordings)) == (20, 200, RECORDINGS)
    assert len({recording.sha256 for recording in city.recordings}) == RECORDINGS
    assert len({(r.device, r.file) for r in city.recordings}) == RECORDINGS
    assert len({case.number for case in city.cases}) == sum(CASES.values()) == 200


def test_the_city_is_the_same_every_time() -> None:
    first, second = City.founded(7), City.founded(7)
    assert [case.steps for case in first.cases] == [case.steps for case in second.cases]
    assert [r.sha256 for r in first.recordings] == [r.sha256 for r in second.recordings]
    assert City.founded(8).recordings[0].sha256 != first.recordings[0].sha256


def test_what_happens_in_a_case_is_an_act_of_its_pack_in_its_stage() -> None:
    for name in SCRIPTS:
        if not (PACKS / f"{name}.toml").exists():
            continue
        for variant in range(30):
            for step in SCRIPTS[name](variant):
                stages = {act["id"]: act["stage"] for act in pack(step.procedure or name)["act"]}
                assert stages[step.act] == step.stage, (name, step.act)


def test_what_is_done_wrong_is_owed_by_a_rule_of_the_pack() -> None:
    for wrong in WRONGS:
        steps = SCRIPTS[wrong.procedure](wrong.variant)
        before = SCRIPTS[wrong.procedure](wrong.variant)
        wrong.done_to(steps)
        assert steps != before, wrong.name
        if not (PACKS / f"{wrong.procedure}.toml").exists():
            continue
        rules = [r for table in ("record", "check") for r in pack(wrong.procedure).get(table, [])]
        crew = {"crew_short", "auxiliaries_alone", "officer_unqualified"}
        assert {e.rule for e in wrong.expected} <= {rule["id"] for rule in rules} | crew


def test_the_city_counts_working_days_over_the_national_day() -> None:
    assert WORKING.after(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert WORKING.after(date(2026, 10, 9), 1) == date(2026, 10, 10)  # a Saturday that is worked
    assert WORKING.after(date(2026, 9, 18), 1) == date(2026, 9, 20)  # and a Sunday
    assert WORKING.after(date(2026, 2, 15), 0) == date(2026, 2, 24)
