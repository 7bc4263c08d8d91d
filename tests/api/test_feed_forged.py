"""What an operator may sign of his own feed, and what a receiver sees of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.process.feeds.feed import (
    Told,
    check_follows,
    check_logged,
    digest_of,
    first_link,
    missing_in_runs,
)
from testkit.feed_pulled import complaint, deed, pull, signed
from testkit.server import AGENCY, CASE, OTHER_AGENCY, Ledger


def changed(one: Told, **fields: Any) -> Told:
    assert one.event is not None
    event = dict(one.event) | fields
    return replace(one, event=event, digest=digest_of(event))


def test_an_entry_that_comes_twice_under_two_numbers_is_seen(ledger: Ledger) -> None:
    ledger.accept(*(deed(ledger, n) for n in range(3)))
    first, whole = pull(ledger, 0, 2), pull(ledger)
    again = replace(first, after=first.last, before=first.chain, head=4)
    twice = signed(again, *whole.events[1:])
    with pytest.raises(Rejected, match="want entries behind 2026/"):
        check_follows(twice, first)
    check_follows(signed(again, whole.events[2]), first)


def test_a_page_of_an_earlier_log_does_not_come_later(ledger: Ledger) -> None:
    ledger.accept(*(deed(ledger, n) for n in range(2)))
    first, second = pull(ledger, 0, 1), pull(ledger, 1, 1)
    of_next = signed(first, changed(first.events[0], log="2026-10"), log="2026-10")
    behind = replace(second, before=of_next.chain)
    with pytest.raises(Rejected, match="want entries behind 2026-10/"):
        check_follows(signed(behind, second.events[0]), of_next)
    later = signed(behind, changed(second.events[0], log="2027"), log="2027")
    check_follows(later, of_next)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda one: changed(one, agency=OTHER_AGENCY), "is no run of the agency"),
        (lambda one: changed(one, at="2026-01-01T00:00:00Z"), "the entry is of"),
    ],
)
def test_what_the_entry_says_is_not_said_otherwise(
    ledger: Ledger, change: Callable[[Told], Told], why: str
) -> None:
    ledger.accept(deed(ledger, 0))
    page = pull(ledger)
    check_logged(page, ledger.trust)
    with pytest.raises(Rejected, match=why):
        check_logged(signed(page, change(page.events[0])), ledger.trust)


def test_a_complaint_that_is_left_out_lacks_in_the_run_of_its_agency(ledger: Ledger) -> None:
    ledger.accept(*(complaint() for _ in range(3)))
    page = pull(ledger)
    check_logged(page, ledger.trust)
    assert [one.run for one in page.events] == [(f"2026/complaint/{AGENCY}", n) for n in (1, 2, 3)]
    hidden = signed(page, page.events[0], page.events[2])
    check_logged(hidden, ledger.trust)
    assert missing_in_runs([hidden]) == {f"2026/complaint/{AGENCY}": (2,)}
    # Nor can another statement stand in its place: its entry bears another tag.
    lied = changed(page.events[2], run={"n": "2", "series": f"2026/complaint/{AGENCY}"})
    with pytest.raises(Rejected, match="is not number 2"):
        check_logged(signed(page, page.events[0], lied), ledger.trust)


def test_a_complaint_that_names_a_case_has_no_run(
    ledger: Ledger,
) -> None:
    """The limit that docs/formats/feed.md tells of."""
    ledger.accept(complaint(case=CASE))
    (told,) = pull(ledger).events
    assert told.run is None


def test_the_first_link_is_that_of_the_feed(ledger: Ledger) -> None:
    ledger.accept(deed(ledger, 0))
    page = pull(ledger)
    assert page.before == first_link(page.feed)
