"""The city's papers: what is registered, and what each act of a case says of itself."""

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from ledger.encoding import format_time
from ledger.evidence.procedural import registered_text
from ledger.evidence.statement import Kind, Statement, TextSubject
from ledger.suite import digest
from testkit.city import WORKING, Case, City, at_ms
from testkit.city_cases import Step

PROCESS = Path(__file__).parents[2] / "ledger" / "process"
OPENING_DAY = date(2026, 1, 5)
IN_FORCE = {"from": "2026-01-01"}
BENCHMARKS = """list = "benchmarks"
title = "城市管理行政处罚裁量基准（演示）"

[[clause]]
id = "CG-14-1"
name = "擅自占用道路经营，面积不足一平方米"
from = 50
to = 200

[[clause]]
id = "CG-14-2"
name = "擅自占用道路经营，面积一平方米以上五平方米以下"
from = 200
to = 1000

[[clause]]
id = "CG-14-3"
name = "擅自占用道路经营，面积五平方米以上"
from = 1000
to = 5000
"""
RETENTION = """list = "retention"
version = "2026.1"
title = "保管期限表（演示：期限缩短，以便在一年之内到期）"
title_en = "Retention periods (of the play: short enough to end within its year)"
closing = ["case_closing"]

[[class]]
id = "short"
name = "短期"
name_en = "short"
of = "case"
months = 6

[[class]]
id = "long"
name = "定期30年"
name_en = "30 years"
of = "case"
years = 30
acts = ["hearing", "collective_discussion", "coercive_measure"]
"""


def registers(city: City, new_id: Callable[[], str]) -> Iterator[Statement]:
    """Agencies, people, devices and lists, in the order in which they are registered."""
    entry = partial(_registered, new_id)
    for agency in city.agencies:
        facts = {"announced": "2026-01-01", "level": agency.level, "name": agency.full_name}
        if agency.parent:
            facts["parent"] = agency.parent
        yield entry(agency.name, "agency", agency.name, facts=facts)
        officers = city.of(agency.name)
        qualified = {"officer": officers[-1], "qualified": "yes"}
        yield entry(agency.name, "legal_reviewer", officers[-1], facts=qualified)
    yes = {"certified": "yes", "established": "yes", "in_post": "yes"}
    for officer in city.officers:
        yield entry(
            officer.agency, "officer", officer.number, facts={"person": officer.name, **yes}
        )
    for agency in city.agencies:
        # Withdrawn before the first case: a new version with an end, the old one stays.
        yield entry(
            agency.name,
            "officer",
            city.of(agency.name)[-2],
            facts={"person": "证件收回", **yes},
            in_force={**IN_FORCE, "to": OPENING_DAY.isoformat()},
        )
    for person in city.auxiliaries:
        facts = {"person": person.name, "post": "协管"}
        yield entry(person.agency, "auxiliary", person.number, facts=facts)
    for recorder in city.recorders:
        facts = {"kind": "recorder", "model": "演示型"}
        yield entry(recorder.agency, "device", recorder.device, facts=facts)
    yield from _lists(city, entry)


def _lists(city: City, entry: Callable[..., Statement]) -> Iterator[Statement]:
    top = city.agencies[0].name
    for folder, register in (("packs", "rule_pack"), ("calendars", "holiday_calendar")):
        for file in sorted((PROCESS / folder).glob("*.toml")):
            if file.stem == "after_market":
                continue  # binds market regulators, and these are none
            content = file.read_text("utf-8")
            yield entry(top, register, file.stem, content=content, version="2026.1")
    yield entry(top, "benchmarks", "benchmarks", content=BENCHMARKS, version="2026.1")
    yield entry(top, "retention", "retention", content=RETENTION, version="2026.1")


def _registered(
    new_id: Callable[[], str], agency: str, register: str, subject: str, **more: Any
) -> Statement:
    predicate = {
        "agency": agency,
        "id": new_id(),
        "in_force": IN_FORCE,
        "register": register,
        "subject": subject,
    } | more
    text = registered_text(predicate)
    about = TextSubject(f"{register}/{subject}", digest(text.encode()))
    return Statement(Kind.REGISTER, (about,), predicate)


def act_of(city: City, case: Case, step: Step, id_: str) -> dict[str, Any]:
    """What the act says of itself: the predicate of its statement."""
    start = at_ms(WORKING.after(case.begins, step.day), step.hour, step.minutes)
    predicate: dict[str, Any] = {
        "act": step.act,
        "agency": case.agency,
        "case": case.number,
        "id": id_,
        "occurred": interval(start, start + 4 * 60_000),
        "procedure": step.procedure or case.procedure,
        "stage": step.stage,
    }
    match step.by:
        case "auxiliary":
            predicate["auxiliaries"] = [case.auxiliary]
        case "reviewer":
            predicate["officers"] = [city.of(case.agency)[-1]]
        case "withdrawn":
            predicate["officers"] = [case.officers[0], city.of(case.agency)[-2]]
        case "other":
            predicate["officers"] = list(case.officers[2 : 2 + step.crew])
        case _ if step.crew:
            predicate["officers"] = list(case.officers[: step.crew])
    if step.facts:
        predicate["facts"] = step.facts
    if step.shows and step.recorded:
        predicate["timecodes"] = [
            {"at_ms": str(15_000 * nth), "item": step.recorded[0], "shows": word}
            for nth, word in enumerate(step.shows, 1)
        ]
    return predicate


def interval(start_ms: int, end_ms: int) -> dict[str, str]:
    return {"from": format_time(start_ms), "to": format_time(end_ms)}
