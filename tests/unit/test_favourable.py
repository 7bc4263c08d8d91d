"""What speaks for the party: who may say it, and where a packet and a report put it."""

from collections.abc import Iterator
from typing import Any

import pytest

from cli.language import choose
from cli.verdict import MAX_ITEMS, verdict_text
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.packing import plan_packet
from ledger.process.favourable import favourable
from ledger.report import Outcome
from testkit import case as kit
from testkit.case import CASE, Case, Draft, evidence, make_case
from testkit.world import World

PERMIT = "当事人当场出示设摊许可"


def said(*drafts: Draft) -> list[Statement]:
    return [Statement.from_bytes(Envelope.from_bytes(d.to_envelope()).payload) for d in drafts]


def photo(number: int = 1, **fields: Any) -> Draft:
    return evidence(f"photo {number}", number, {f"{number}.jpg": b"%d" % number}, **fields)


def corrected(about: Draft, text: str, number: int = 20, **fields: Any) -> Draft:
    draft = kit.correction(f"c{number}", number, about)
    draft.predicate |= fields | {"changes": {"favourable_to_party": text}}
    return draft


def marked(case: Case, name: str) -> Case:
    case.draft(name).predicate["favourable_to_party"] = PERMIT
    return case


def test_the_filer_says_it_or_a_correction_adds_it() -> None:
    first, second = photo(1, favourable_to_party=PERMIT), photo(2)
    found = favourable(said(first, second, corrected(second, "无违法所得")))
    assert found == {first.predicate["id"]: PERMIT, second.predicate["id"]: "无违法所得"}


def test_who_said_it_does_not_take_it_back() -> None:
    one = photo(favourable_to_party=PERMIT)
    assert favourable(said(one, corrected(one, " \n"))) == {one.predicate["id"]: PERMIT}


def test_another_agency_says_nothing_of_it() -> None:
    one = photo()
    assert favourable(said(one, corrected(one, PERMIT, agency="agency-02"))) == {}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    choose(["--lang", "en"], {})


def test_such_an_item_stands_first_in_the_report_and_is_marked() -> None:
    case = marked(make_case(), "record")
    case.draft("correction").subject = kit.correction("x", 99, case.draft("photo")).subject
    report = case.build().verify()
    assert report.outcome is Outcome.PASSED, report.findings
    assert [item.name for item in report.facts.items][:2] == ["笔录.txt", "BWC_0088.MP4"]
    assert report.to_json()["items"][0]["favourable"] == PERMIT  # type: ignore[index]
    assert {item.favourable for item in report.facts.items[1:]} == {""}
    for language, mark in (("en", "SPEAKS FOR THE PARTY: "), ("zh", "有利于当事人：")):
        choose(["--lang", language], {})
        text = verdict_text(report, "packet.zip", frozenset())
        assert text.count(mark + PERMIT) == 1
        assert text.index(mark) < text.index("BWC_0088.MP4", text.index("笔录.txt"))


def test_a_correction_counts_only_if_it_is_shown_who_made_it() -> None:
    case = make_case()
    draft = case.draft("correction")
    draft.predicate["changes"] = {"favourable_to_party": PERMIT}
    assert case.build().verify().facts.items[0].favourable == PERMIT
    draft.signers = (kit.THIEF,)
    assert not any(item.favourable for item in case.build().verify().facts.items)


def test_none_of_them_is_cut_from_the_list() -> None:
    case = make_case()
    for n in range(MAX_ITEMS + 2):
        case.add(photo(100 + n, favourable_to_party=PERMIT, batch=1), after="record")
    report = case.build().verify()
    choose(["--lang", "en"], {})
    text = verdict_text(report, "packet.zip", frozenset())
    assert text.count(f"SPEAKS FOR THE PARTY: {PERMIT}") == MAX_ITEMS + 2


def test_such_an_item_is_the_first_of_the_packet() -> None:
    world = World()
    world.file(world.evidence(1, b"moving"), world.evidence(2, b"still", favourable_to_party="x"))
    world.step()
    plan = plan_packet(world.log, CASE, 2026)
    assert [wanted.digest.sha256 for wanted in plan.items.values()] == [
        kit.digest_item(data).sha256 for data in (b"still", b"moving")
    ]
    assert next(iter(plan.items)).startswith("data/items/01.")
