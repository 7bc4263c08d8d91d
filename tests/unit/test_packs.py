"""The rule packs as the law has them, read with nothing but TOML: what one says, the others bear.

That each record of a pack can lack, be late and be mended, the checker's own tests show; here is
what no checker can know: that the packs name what the stages want, and where each rule comes from.
"""

import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.evidence.statement import Stage
from ledger.process.deadlines.calendar import parse_calendar

PROCESS = Path(__file__).parents[2] / "ledger" / "process"
PACKS = {
    path.stem: tomllib.loads(path.read_text("utf-8"))
    for path in sorted((PROCESS / "packs").glob("*.toml"))
}
PENALTIES = frozenset({"summary", "ordinary", "hearing"})


def acts_named(rule: dict[str, Any]) -> Iterator[str]:
    for key in ("acts", "before", "from", "until", "after", "opening"):
        yield from rule.get(key, [])
    yield from (rule[key] for key in ("act", "extended_by", "excluded") if key in rule)
    yield from conditions(rule.get("when", []))


def conditions(when: list[dict[str, Any]]) -> Iterator[str]:
    for condition in when:
        if "any" in condition:
            yield from conditions(condition["any"])
        elif "device" not in condition:
            yield condition.get("act") or condition["no_act"]


def rules(pack: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for table in ("record", "check", "clock"):
        yield from pack.get(table, [])


@pytest.mark.parametrize("name", PACKS)
def test_what_a_rule_names_is_there_and_is_named_once(name: str) -> None:
    pack = PACKS[name]
    acts = [act["id"] for act in pack["act"]]
    assert len(set(acts)) == len(acts)
    assert pack["pack"] == name
    for rule in (*rules(pack), *pack.get("gate", []), {"opening": pack["opening"]}):
        assert set(acts_named(rule)) <= set(acts), rule
    for table in ("record", "check", "clock", "source"):
        ids = [rule["id"] for rule in pack.get(table, [])]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", PACKS)
def test_each_rule_says_where_it_comes_from(name: str) -> None:
    pack = PACKS[name]
    sources = {source["id"] for source in pack["source"]}
    assert {rule["source"] for rule in rules(pack)} == sources
    assert all(rule["article"] for rule in rules(pack))


def test_an_act_is_called_the_same_and_stands_in_the_same_stage_in_every_pack() -> None:
    stages: dict[str, set[str]] = {}
    for pack in PACKS.values():
        for act in pack["act"]:
            stages.setdefault(act["id"], set()).add(act["stage"])
    assert {act: found for act, found in stages.items() if len(found) > 1} == {}
    assert {stage for found in stages.values() for stage in found} == set(map(str, Stage))


def test_an_act_is_done_by_the_same_crew_in_every_pack() -> None:
    """Else an auxiliary may do under one procedure what is reserved under another."""
    crews: dict[str, set[tuple[int, str]]] = {}
    for pack in PACKS.values():
        for act in pack["act"] if pack["kind"] != "after" else ():
            crew = act.get("officers", 0), act.get("verb", "")
            crews.setdefault(act["id"], set()).add(crew)
    # 许可法 47 says nothing of who tells an applicant of it.
    assert {act for act, found in crews.items() if len(found) > 1} == {"hearing_rights_notice"}


def test_an_act_that_is_reserved_wants_officers_and_a_penalty_two() -> None:
    for name, pack in PACKS.items():
        for act in pack["act"]:
            if "verb" in act:
                assert act.get("officers", 0) >= 1, (name, act["id"])
            if name in PENALTIES and act.get("verb") in {"investigate", "decide"}:
                assert act["officers"] == 2, (name, act["id"])


def test_sixty_records_and_more_in_five_procedures() -> None:
    assert len(PACKS) >= 5
    assert sum(len(pack.get("record", [])) for pack in PACKS.values()) >= 60


def test_what_was_never_read_is_said_to_be_from_memory() -> None:
    """Statutes were read word for word; of these only the title, or what others say of them."""
    unread = {"三项制度", "涉企检查意见", "市监听证办法", "公安视音频规定", "监督条例"}
    for pack in PACKS.values():
        for rule in rules(pack):
            if rule["source"] in unread:
                assert rule.get("memory") is True, rule["id"]


def test_the_ten_steps_of_a_coercive_measure_are_asked_for() -> None:
    """强制法 18: of the ten, the second is the crew's and the eighth that the record is signed."""
    pack = PACKS["coercion"]
    measure = next(act for act in pack["act"] if act["id"] == "coercive_measure")
    assert (measure["officers"], measure["verb"]) == (2, "coerce")
    records = {record["id"]: record for record in pack["record"]}
    steps = {record["article"] for record in records.values() if record["id"].startswith("step_")}
    for step in ("18(一)", "18(三)", "18(四)", "18(五)", "18(六)", "18(九)", "18(十)"):
        assert step in steps
    assert records["step_7_site_record"]["article"] == "18(七)(八)"
    assert "signed" in records["step_7_site_record"]["facts"]


@pytest.mark.parametrize("year", [2025, 2026])
def test_a_working_day_of_a_calendar_falls_on_a_weekend_and_no_day_is_both(year: int) -> None:
    text = (PROCESS / "calendars" / f"{year}.toml").read_text("utf-8")
    found = tomllib.loads(text)
    assert str(year) in found["source"]
    off, working = ({date.fromisoformat(day) for day in found[key]} for key in ("off", "working"))
    assert all(day.year == year for day in off | working)
    assert all(day.weekday() >= 5 for day in working)
    assert not off & working
    assert date(year, 10, 1) in off
    calendar = parse_calendar(text)
    assert (set(calendar.off), set(calendar.working)) == (off, working)


# By stage, what must be there in writing, and `*` what must be recorded, in whichever pack.
MATRIX = {
    "start": "clue case_filing recusal_check recusal_decision",
    "investigate": "investigation evidence_list sampling registration_approval "
    "registration_disposition coercion_approval coercion_list site_record extraction "
    "*investigation_recording *questioning_recording *sampling_recording "
    "*registration_recording *coercion_recording *inspection_recording",
    "review": "investigation_report legal_review hearing_notice hearing_minutes "
    "right_to_be_heard statement_heard collective_discussion *hearing_recording "
    "*statement_recording",
    "decide": "penalty_decision decision_benchmark head_signed no_penalty_decision "
    "case_dismissal case_referral *announcement_recording",
    "serve": "service_return electronic_consent *leaving_recording",
    "enforce": "payment demand_notice execution_decision_states goods_handling case_closing "
    "publication publication_withdrawal *execution_recording *destruction_recording",
}


@pytest.mark.parametrize("stage", MATRIX)
def test_what_a_stage_must_show_is_asked_for_by_some_pack(stage: str) -> None:
    records = {record["id"]: record for pack in PACKS.values() for record in pack.get("record", [])}
    for wanted in MATRIX[stage].split():
        record = records[wanted.removeprefix("*")]
        assert ("recording" in record) is wanted.startswith("*"), wanted


def test_what_binds_market_regulators_alone_stands_in_no_pack_of_everybody() -> None:
    """公示规定 and 投诉举报办法 but for complaints, and for a term that a publication states."""
    theirs = {"市场监督管理行政处罚信息公示规定", "市场监督管理投诉举报处理暂行办法"}
    found = {
        (name, rule["id"])
        for name, pack in PACKS.items()
        for rule in rules(pack)
        for source in pack["source"]
        if source["id"] == rule["source"] and source["name"] in theirs
    }
    shared = {"complaint_acceptance", "complaint_answer", "stop_publication"}
    assert {id_ for name, id_ in found if name != "after_market"} == shared | {
        "stop_publication_light"
    }
