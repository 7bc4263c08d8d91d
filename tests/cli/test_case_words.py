"""How views call acts and kinds of penalties: as the pack of their own procedure does."""

from collections.abc import Iterator

import pytest

from cli.case.words import act_name, kind_name, shown
from cli.language import choose


@pytest.fixture(autouse=True)
def in_chinese() -> Iterator[None]:
    choose(["--lang", "zh"], {})
    yield
    choose(["--lang", "en"], {})


def test_an_act_is_called_as_its_own_procedure_calls_it() -> None:
    """Five packs have a service, and only one serves on the spot."""
    assert act_name("service_return", "summary") == "送达回证（当场交付签收）"
    assert act_name("service_return", "ordinary") == "送达回证"
    assert shown("decision", "case_referral", "ordinary") == "案件移送书及回执"


def test_where_no_procedure_is_told_it_is_called_as_in_any_case() -> None:
    assert shown("act", "service_return") == "送达回证"
    assert shown("act", "statement_and_defence") == "陈述、申辩笔录及复核意见"
    assert shown("act", "hearing_report", "mine") == act_name("hearing_report", "hearing")
    assert shown("act", "of_mine") == "of_mine"


def test_kinds_of_penalties_are_told_in_words() -> None:
    assert kind_name("fine", "penalty_decision", "ordinary") == "罚款"
    assert kind_name("fine", "on_the_spot_decision", "summary") == "罚款"
    assert kind_name("caning", "penalty_decision", "ordinary") == "caning"
    assert kind_name("fine", "penalty_decision", "mine") == "fine"


def test_what_an_entry_of_a_register_states_is_told_by_its_name() -> None:
    said = "certified=yes；in_post=是；kind=recorder；nobody=no；person=a=b"
    assert shown("facts", said) == "持证=yes；在岗=是；种类=recorder；nobody=no；姓名=a=b"
    choose(["--lang", "en"], {})
    assert shown("facts", said) == said
