import pytest

from ledger.errors import Malformed
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.envelope import Envelope
from ledger.evidence.series import check_tags
from ledger.evidence.statement import Statement
from ledger.sequencer import Batch, Pending, plan
from ledger.suite import digest
from ledger.tlog.merkle import Edge, leaf_hash, root_of
from testkit.keys import open_series
from testkit.world import START_MS, evidence

CASE = open_series("2026/case/苏城管罚〔2026〕417号")
LOG = open_series("2026/log")


def pending(number: int, *series: str) -> Pending:
    envelope = evidence(number)
    statement = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
    salt = digest(b"salt %d" % number)
    return Pending(statement, envelope, salt, tuple(map(open_series, series)), (f"item {number}",))


def planned(*waiting: Pending, edge: Edge | None = None, **options: int) -> Batch:
    last, now = options.get("last", 0), options.get("now", START_MS)
    counts = {CASE.name: options.get("count", 0)}
    return plan(edge or Edge(), last, waiting, counts, now)


def test_statements_of_a_series_are_numbered_on_from_what_it_has() -> None:
    batch = planned(pending(1, CASE.name), pending(2, LOG.name), pending(3, CASE.name), count=7)
    assert [row.places for row in batch.rows] == [
        ((CASE.name, 8),),
        ((LOG.name, 1),),
        ((CASE.name, 9),),
    ]
    assert {series.name: n for series, n in batch.series} == {CASE.name: 9, LOG.name: 1}


def test_an_entry_commits_to_its_envelope_and_carries_the_tags_of_its_places() -> None:
    batch = planned(pending(1, CASE.name, LOG.name), count=4)
    (row,) = batch.rows
    entry = Entry.from_bytes(row.entry)
    check_commitment(entry, row.salt, row.envelope)
    check_tags(entry, row.salt, [CASE.tag(5), LOG.tag(1)])


def test_rows_stand_behind_the_edge_and_extend_it() -> None:
    old = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")]
    batch = planned(pending(1, CASE.name), pending(2, CASE.name), edge=Edge().extend(old))
    assert [row.index for row in batch.rows] == [3, 4]
    new = [leaf_hash(row.entry) for row in batch.rows]
    assert batch.checkpoint("log.example/2026").root == root_of(old + new)


def test_time_is_in_whole_minutes() -> None:
    assert planned(pending(1, CASE.name), now=START_MS + 59_999).at_ms == START_MS


def test_time_never_decreases_whatever_the_clock_does() -> None:
    late = START_MS + 3_600_000
    batch = planned(pending(1, CASE.name), last=late)
    assert batch.at_ms == Entry.from_bytes(batch.rows[0].entry).at == late


def test_what_a_batch_claims_is_what_its_statements_speak_of() -> None:
    batch = planned(pending(1, CASE.name), pending(2, CASE.name))
    assert batch.claims == ("item 1", "item 2")


def test_nine_series_do_not_fit_an_entry() -> None:
    names = [f"2026/case/{n}" for n in range(9)]
    with pytest.raises(Malformed, match="at most 8 series"):
        planned(pending(1, *names))
