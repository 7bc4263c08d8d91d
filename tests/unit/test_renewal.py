"""Chains of renewals: each link held when the next was made, or the year says where it broke."""

import dataclasses
import itertools
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import parse_time
from ledger.errors import Rejected
from ledger.evidence.packet import Place
from ledger.process.renewal import Chain, Renewal, Token
from ledger.report import Outcome
from ledger.verdict.renewed import Opened, renewal_findings


def at(year: int) -> int:
    return parse_time(f"{year}-06-01T00:00:00+08:00")


def token(name: str, year: int, ends: int, *, what: str = "") -> Token:
    return Token(name, at(year), {what or f"the authority of {name}": at(ends)}, name.encode())


FIRST = token("t2026", 2026, 2032)
R2031 = Renewal("r2031", token("t2031", 2031, 2037), frozenset({b"t2026"}))
R2036 = Renewal(
    "r2036", token("t2036", 2036, 2041), frozenset({b"t2031"}), places=frozenset({"2026-3"})
)
R2040 = Renewal("r2040", token("t2040", 2040, 2050), frozenset({b"t2036"}))
CHAIN = (R2031, R2036, R2040)
SHA256 = {"sha256": at(2038)}


def test_a_token_counts_by_itself_until_what_it_relies_on_ends() -> None:
    Chain((), at(2032) - 1).check_token(FIRST)
    with pytest.raises(Rejected, match="the authority of t2026 ended in 2032, and no renewal"):
        Chain((), at(2032)).check_token(FIRST)


def test_a_whole_chain_holds_fifteen_years_later_in_any_order() -> None:
    for chain in itertools.permutations(CHAIN):
        Chain(chain, at(2041)).check_token(FIRST)
        assert Chain(chain, at(2041)).held_at("2026-3", SHA256) == at(2036)
    with pytest.raises(Rejected, match="ended in 2050, and no renewal of t2040"):
        Chain(CHAIN, at(2050)).check_token(FIRST)


@pytest.mark.parametrize(("without", "year"), [(0, 2032), (1, 2037), (2, 2041)])
def test_one_renewal_left_out_is_named_by_the_year_that_wanted_it(without: int, year: int) -> None:
    chain = CHAIN[:without] + CHAIN[without + 1 :]
    with pytest.raises(Rejected, match=f"ended in {year}, and no renewal"):
        Chain(chain, at(2041)).check_token(FIRST)


@pytest.mark.parametrize(("without", "says"), [(1, "sha256 ended in 2038"), (2, "ended in 2041")])
def test_a_hash_that_ended_wants_the_log_hashed_again_before(without: int, says: str) -> None:
    chain = CHAIN[:without] + CHAIN[without + 1 :]
    with pytest.raises(Rejected, match=says):
        Chain(chain, at(2041)).held_at("2026-3", SHA256)
    with pytest.raises(Rejected, match="shows that 2027-3 was hashed again"):
        Chain(CHAIN, at(2041)).held_at("2027-3", SHA256)
    assert Chain(CHAIN, at(2037)).held_at("2027-3", SHA256) == at(2037)
    assert Chain((), at(2041)).held_at("2027-3", {}) == at(2041)


def test_a_renewal_made_too_late_or_before_what_it_covers_is_none() -> None:
    late = dataclasses.replace(R2031, token=token("t2031", 2032, 2060))
    with pytest.raises(Rejected, match="ended in 2032"):
        Chain((late,), at(2033)).check_token(FIRST)
    early = dataclasses.replace(R2031, token=token("t2031", 2025, 2060))
    with pytest.raises(Rejected, match="ended in 2032"):
        Chain((early,), at(2033)).check_token(FIRST)
    own = Renewal("own", FIRST, frozenset({FIRST.digest}))
    with pytest.raises(Rejected, match="ended in 2032"):
        Chain((own,), at(2033)).check_token(FIRST)
    rehashed_late = dataclasses.replace(R2036, token=token("t2038", 2038, 2060))
    with pytest.raises(Rejected, match="sha256 ended in 2038"):
        Chain((rehashed_late,), at(2041)).held_at("2026-3", SHA256)


def test_a_second_chain_holds_where_the_first_is_broken() -> None:
    other = Renewal("other", token("other", 2030, 2060), frozenset({b"t2026"}))
    Chain((R2031, other), at(2041)).check_token(FIRST)


@given(st.lists(st.tuples(st.integers(2020, 2060), st.integers(1, 15)), max_size=7), st.data())
def test_a_chain_holds_exactly_where_links_overlap(
    spans: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Every link covers every older token: then only the spans decide."""
    tokens = [
        token(f"t{i}", year, year + length) for i, (year, length) in enumerate([(2020, 5), *spans])
    ]
    renewals = [
        Renewal(t.name, t, frozenset(o.digest for o in tokens if o is not t)) for t in tokens[1:]
    ]
    when = data.draw(st.integers(2020, 2075))
    reach, grown = 2025, True
    while grown:
        ends = [y + n for y, n in spans if 2020 < y < reach]
        grown = max(ends, default=0) > reach
        reach = max([reach, *ends])
    holds = when < reach
    try:
        Chain(renewals, at(when)).check_token(tokens[0])
    except Rejected:
        assert not holds
    else:
        assert holds


def test_many_links_that_all_cover_all_are_looked_at_once_each() -> None:
    """A hostile packet: all chains are broken, and there are 2^200 of them."""
    year = parse_time("2030-01-01T00:00:00+08:00")
    tokens = [Token(f"t{i}", year + i, {"x": year + 1000}, b"%d" % i) for i in range(200)]
    everything = frozenset(t.digest for t in tokens)
    chain = Chain([Renewal(t.name, t, everything) for t in tokens], at(2041))
    with pytest.raises(Rejected, match="x ended in 2030"):
        chain.check_token(tokens[0])


def test_a_packet_that_shows_no_entry_is_undecided() -> None:
    trust = SimpleNamespace(logs=(), ends={})
    (found,) = renewal_findings(Opened(), (), (), trust, at(2041))  # type: ignore[arg-type]
    assert (found.outcome, found.detail) == (Outcome.UNDECIDED, "no entries were shown")
    (one,) = renewal_findings(Opened(), (), (Place("2026", 3),), trust, at(2041))  # type: ignore[arg-type]
    assert (one.outcome, one.detail) == (Outcome.PASSED, "1 entries")
