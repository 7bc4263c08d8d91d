"""A log is closed by the first entry of the next, and never grows again."""

import pytest

from ledger.errors import LedgerError, Rejected
from ledger.evidence.statement import Statement
from ledger.filing import read_filing
from ledger.log import Accepted
from ledger.tlog.note import SignedNote
from testkit import case as kit
from testkit.audit import audit
from testkit.world import World, grown


def two_logs(size: int = 6) -> World:
    world = grown(size)
    world.begin_next()
    return world


def refusal(result: Accepted | LedgerError) -> str:
    assert isinstance(result, Rejected), result
    return str(result)


def test_the_next_log_begins_with_its_renewal_and_its_opening() -> None:
    world = two_logs()
    rows = list(world.store.rows(7, 9))
    assert [(row.kind, row.position) for row in rows] == [("renewal", (1, 0)), ("register", (1, 1))]
    final = Statement.from_bytes(read_filing(rows[0].envelope).statement.to_bytes())
    (subject,) = final.subjects
    head = world.store.heads()[0]
    assert subject.name == kit.ORIGIN  # type: ignore[union-attr]
    assert (
        SignedNote.from_text(final.predicate["final"]).text == SignedNote.from_text(head.note).text
    )
    assert [place.to_text() for place in map(world.log.place, rows)] == ["2027-0", "2027-1"]
    audit(world)


def test_statements_go_on_in_the_next_log_and_so_do_their_series() -> None:
    world = two_logs()
    (accepted,) = world.file(world.evidence(77))
    assert isinstance(accepted, Accepted)
    assert accepted.row.position == (1, 2)
    (series, n), *_ = accepted.series
    assert (series.name, n) == (f"2026/case/{kit.CASE}", 3)
    assert list(world.log.places(series.name)) == [4, 5, 9]
    world.step()
    audit(world)


def test_a_statement_of_the_closed_log_gets_its_answer_again() -> None:
    world = grown(6)
    (before,) = world.file(world.evidence(1))
    assert isinstance(before, Accepted)
    world.begin_next()
    (again,) = world.file(world.evidence(1))
    assert isinstance(again, Accepted) and not again.fresh
    assert (again.row, again.series) == (before.row, before.series)
    # Under the checkpoint with which its log ended.
    assert again.note == world.store.heads()[0].note


def test_every_entry_of_both_logs_is_proved() -> None:
    world = two_logs(300)
    world.file(*(world.evidence(n) for n in range(400, 660)))
    world.step()
    world.reopen()
    world.log.materialise()
    policies = [world.closed[0].policy, world.policy]
    for number in (0, 5, 255, 256, 299, 300, 301, 302, 400, 560, 561, 562):
        row = world.log.row(number)
        log = world.log.of(row)
        for note in (log.first_note(row.index + 1), log.best_note(row.index + 1)):
            assert note is not None
            receipt = log.receipt(row.index, note)
            leaf = kit.leaf_hash(row.entry)
            assert receipt.open(leaf, policies[row.log]).quorum_time is not None


def test_keys_of_the_closed_log_count_in_the_next_and_revocations_too() -> None:
    world = two_logs()
    gone = kit.registration(870, kit.STATION, "station", revoked="lost").to_envelope()
    (revoked,) = world.file(gone)
    assert isinstance(revoked, Accepted)
    assert "revoked" in refusal(world.file(world.evidence(88))[0])
    world.reopen()
    assert "revoked" in refusal(world.file(world.evidence(88))[0])


def test_a_renewal_closes_nothing_but_the_log_before_where_it_ended() -> None:
    world = grown(6)
    renewal, opening = world.prepare_next()
    log = world.closed[0]
    shorter = kit.renewal(
        861,
        kit.sign_all(
            kit.Checkpoint(kit.ORIGIN, 3, bytes(32)), kit.LOG, [(kit.NOTARY, 9), (kit.COURT, 9)]
        ),
    ).to_envelope()
    for results in (world.file(shorter, opening), world.file(opening), world.file(renewal)):
        assert all(isinstance(result, Rejected) for result in results)
    assert [head.log for head in world.store.heads()] == [0]
    assert log.key is kit.LOG
    for result in world.file(renewal, opening):
        assert isinstance(result, Accepted)


def test_a_renewal_needs_the_quorum_of_the_log_it_closes() -> None:
    world = grown(6)
    renewal, opening = world.prepare_next()
    final = SignedNote.from_text(read_filing(renewal).statement.predicate["final"])
    alone = kit.renewal(861, SignedNote(final.text, final.signatures[:2]).to_text()).to_envelope()
    for refused in world.file(alone, opening):
        refusal(refused)
    assert len(world.store.heads()) == 1


@pytest.mark.parametrize("what", ["renewal", "opening"])
def test_a_log_is_opened_once(what: str) -> None:
    world = two_logs()
    row = world.store.row(7)
    again = (
        kit.renewal(862, read_filing(row.envelope).statement.predicate["final"])
        if what == "renewal"
        else kit.opening(world.log_key, 863)
    )
    refusal(world.file(again.to_envelope())[0])


def test_there_is_never_a_second_series_key_for_a_year() -> None:
    world = grown(6)
    renewal, _ = world.prepare_next()
    other = kit.opening(world.log_key, 864, ("2026", "2027"))
    other.predicate["series"]["2026"] = "00" * 32
    assert "second series key" in refusal(world.file(renewal, other.to_envelope())[1])
    assert len(world.store.heads()) == 1


def test_without_the_key_of_the_last_log_nothing_is_signed() -> None:
    world = two_logs()
    closed = world.closed
    world.closed, world.log_key = (), closed[0].key
    with pytest.raises(Rejected, match="holds 2 logs"):
        world.reopen()


def test_a_third_log_follows_the_second() -> None:
    world = two_logs()
    world.file(world.evidence(77))
    world.step()
    world.begin_next("2027-2", quorum=3)
    world.file(world.evidence(78))
    world.step(tuple(world.cosigners))
    audit(world)
    assert [head.log for head in world.store.heads()] == [0, 1, 2]
    assert world.log.position == (2, 3)


def test_the_public_files_of_a_closed_log_are_derived_again() -> None:
    world = two_logs(300)
    before = dict(world.closed[0].public.files)
    world.closed[0].public.files.clear()
    world.reopen()
    world.log.materialise()
    # Without the partial tiles of smaller checkpoints, which nobody needs.
    assert {"checkpoint", "opening.dsse.json"} <= world.closed[0].public.files.keys()
    assert world.closed[0].public.files.items() <= before.items()
    audit(world)


def test_what_a_signer_saw_of_a_closed_log_is_still_held_against_it() -> None:
    world = grown(6)
    after = world.after()
    world.begin_next()
    assert isinstance(world.file(world.evidence(90, after=after))[0], Accepted)
    beyond = after | {"size": "99"}
    assert "has checked a tree of 99" in refusal(world.file(world.evidence(91, after=beyond))[0])
    other = after | {"root": world.closed[0].key and "A" * 43 + "="}
    assert "another history" in refusal(world.file(world.evidence(92, after=other))[0])
