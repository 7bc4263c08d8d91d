import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from ledger import sm2, suite
from ledger.encoding import format_base64, parse_base64
from ledger.errors import Conflict, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.series import check_tags
from ledger.evidence.signing import seal
from ledger.filing import read_filing
from ledger.log import MAX_CLOCK_JUMP_MS, Accepted, Log, NoSeriesKey
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.consistency import check_consistency
from ledger.tlog.merkle import EMPTY_ROOT, leaf_hash, root_of
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey
from storage.memory import MemoryPublicStore
from testkit import case as kit
from testkit.audit import audit
from testkit.keys import key
from testkit.world import START_MS, World, evidence, grown, registers


def accepted(results: list[Accepted | LedgerError]) -> list[Accepted]:
    assert all(isinstance(r, Accepted) for r in results), results
    return [r for r in results if isinstance(r, Accepted)]


def refused(world: World, envelope: bytes) -> LedgerError:
    before = world.log.size
    (result,) = world.file(envelope)
    assert isinstance(result, LedgerError)
    assert world.log.size == before
    return result


def after(checkpoint: Checkpoint, **other: Any) -> dict[str, str]:
    root = other.get("root", checkpoint.root)
    size = other.get("size", checkpoint.size)
    return {"origin": checkpoint.origin, "root": format_base64(root), "size": str(size)}


def signed_by(key: SigningKey, envelope: bytes) -> bytes:
    return seal(Envelope.from_bytes(envelope).payload, [key]).to_bytes()


# --- the same statement again ------------------------------------------------------------------


def test_a_statement_sent_again_gets_the_same_answer() -> None:
    world = World()
    envelope = world.evidence(1)
    (first,) = accepted(world.file(envelope))
    world.file(world.evidence(2))
    (again,) = accepted(world.file(envelope))
    assert again.row == first.row and again.series == first.series
    assert first.fresh and not again.fresh


def test_an_answer_given_again_comes_with_a_checkpoint_that_holds_it() -> None:
    world = World()
    envelope = world.evidence(1)
    other = Log(world.keys(), world.store, world.public, world.clock, world.entropy)
    (first,) = accepted(world.file(envelope))
    # Asked through a Log whose own head is older.
    (again,) = accepted(other.accept([envelope]))
    assert Checkpoint.from_text(SignedNote.from_text(again.note).text).size > again.row.index
    assert again.row == first.row


def test_the_same_id_with_other_contents_is_a_conflict() -> None:
    world = World()
    world.file(world.evidence(1))
    assert isinstance(refused(world, evidence(1, note="other")), Conflict)


def test_a_statement_twice_in_a_batch_is_logged_once() -> None:
    world = World()
    one, two = world.evidence(1), world.evidence(2)
    results = accepted(world.file(one, two, one, one))
    assert [r.row.index for r in results] == [4, 5, 4, 4]
    assert [r.fresh for r in results] == [True, True, False, False]
    assert world.log.size == 6


def test_an_id_twice_in_a_batch_with_other_contents_is_a_conflict_for_the_second() -> None:
    world = World()
    first, second = world.file(world.evidence(1), evidence(1, note="other"))
    assert isinstance(first, Accepted) and isinstance(second, Conflict)


def test_a_refused_statement_leaves_its_id_free() -> None:
    world = World()
    unheld = evidence(1, b"never uploaded")
    first, second = world.file(unheld, world.evidence(1))
    assert isinstance(first, Unknown) and isinstance(second, Accepted)


def test_an_id_refused_over_and_over_is_taken_by_the_first_that_is_accepted() -> None:
    world = World()
    unheld = [evidence(1, b"never uploaded", note=str(n)) for n in range(3)]
    results = world.file(*unheld, world.evidence(1), evidence(1, note="other"), *unheld)
    kinds = [type(result) for result in results]
    assert kinds == [Unknown] * 3 + [Accepted, Conflict] + [Unknown] * 3


# --- read before their turn ----------------------------------------------------------------------


def test_a_filing_read_before_is_accepted_without_another_look_at_its_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    filing = world.log.open(world.evidence(1))
    looks: list[bytes] = []
    monkeypatch.setattr(suite, "ed25519_verify", lambda public, *_: looks.append(public))
    accepted(world.log.accept([filing]))
    assert kit.STATION.verifier.public not in looks


def test_a_key_revoked_between_reading_and_its_turn_is_refused() -> None:
    world = World()
    filing = world.log.open(world.evidence(1))
    world.file(kit.registration(50, kit.STATION, "station", revoked="lost").to_envelope())
    (late,) = world.log.accept([filing])
    assert isinstance(late, Rejected) and "revoked" in str(late)


def test_a_filing_in_doubt_is_good_once_its_key_is_registered() -> None:
    world = World()
    early = world.log.open(signed_by(kit.THIEF, world.evidence(1)))
    assert isinstance(early.doubt, Rejected) and not early.checked
    _, result = world.log.accept([kit.registration(50, kit.THIEF, "station").to_envelope(), early])
    assert isinstance(result, Accepted)


def test_a_signature_found_good_is_no_excuse_for_another() -> None:
    world = World()
    good = world.log.open(world.evidence(1))
    other = Envelope.from_bytes(signed_by(kit.THIEF, world.evidence(2)))
    claimed = (replace(other.signatures[0], keyid=kit.STATION.verifier.keyid),)
    forged = replace(other, signatures=claimed)
    filing = replace(read_filing(forged.to_bytes()), checked=good.checked)
    (result,) = world.log.accept([filing])
    assert isinstance(result, Rejected) and "does not match" in str(result)


SM2 = key(f"{kit.STATION.name}/sm2", algorithm=Algorithm.SM2)
HIS = {"person": kit.STATION.name}


def test_both_signatures_of_one_person_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.file(kit.registration(50, SM2, "station", **HIS).to_envelope())
    payload = Envelope.from_bytes(world.evidence(1)).payload
    filing = world.log.open(seal(payload, [kit.STATION, SM2]).to_bytes())
    assert {public for public, _ in filing.checked} == {
        kit.STATION.verifier.public,
        SM2.verifier.public,
    }
    monkeypatch.setattr(sm2, "_engine", sm2._NoEngine())
    accepted(world.log.accept([filing]))


def test_without_a_library_an_sm2_statement_waits_and_its_neighbours_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.file(kit.registration(50, SM2, "station", **HIS).to_envelope())
    envelope = signed_by(SM2, world.evidence(1))
    with monkeypatch.context() as without:
        without.setattr(sm2, "_engine", sm2._NoEngine())
        filings = [world.log.open(envelope), world.log.open(world.evidence(2))]
        late, neighbour = world.log.accept(filings)
    assert isinstance(late, Unavailable) and "SM2 cannot be computed" in str(late)
    assert isinstance(neighbour, Accepted)
    accepted(world.file(envelope))


def test_each_statement_of_a_batch_is_refused_on_its_own() -> None:
    world = World()
    results = world.file(world.evidence(1), b"{}", evidence(2, b"unheld"), world.evidence(3))
    assert [type(r) for r in results] == [Accepted, Malformed, Unknown, Accepted]
    assert [r.row.index for r in results if isinstance(r, Accepted)] == [4, 5]


# --- registers -----------------------------------------------------------------------------------


def test_the_opening_comes_first_and_once() -> None:
    world = World(opened=False)
    assert "opening must come first" in str(refused(world, registers()[1]))
    world.file(registers()[0])
    second = kit.opening()
    second.predicate["id"] = kit.uuid7(900)
    assert "open already" in str(refused(world, second.to_envelope()))


@pytest.mark.parametrize("field", ["log", "registrar"])
def test_an_opening_enrols_the_keys_of_this_ledger(field: str) -> None:
    world = World(opened=False)
    opening = kit.opening()
    opening.predicate[field] = kit.THIEF.verifier.to_text()
    if field == "registrar":
        opening.subject = [kit.text_subject("trust/registrar.vkey", kit.THIEF.verifier.to_text())]
    assert "enrols another" in str(refused(world, opening.to_envelope()))


def test_a_registration_holds_for_the_next_statement_of_its_batch() -> None:
    world = World(opened=False)
    results = accepted(world.file(*registers(), world.evidence(1)))
    assert [r.row.index for r in results] == [0, 1, 2, 3, 4]


def test_a_statement_before_its_registration_is_refused() -> None:
    world = World(opened=False)
    world.file(registers()[0])
    early, _ = world.file(world.evidence(1), registers()[1])
    assert "no key" in str(early)


def test_a_revocation_holds_for_the_next_statement_of_its_batch() -> None:
    world = World()
    gone = kit.registration(50, kit.STATION, "station", revoked="lost")
    _, late = world.file(gone.to_envelope(), world.evidence(1))
    assert "revoked" in str(late)


def test_only_the_registrar_registers() -> None:
    world = World()
    draft = kit.registration(50, kit.THIEF, "station")
    draft.signers = (kit.THIEF,)
    assert "want the registrar" in str(refused(world, draft.to_envelope()))


def test_a_role_says_only_what_it_may() -> None:
    world = World()
    draft = kit.decision("d", 60)
    draft.signers = (kit.STATION,)
    world.hold(draft.items[0])
    assert "a station may not" in str(refused(world, draft.to_envelope()))


def test_a_key_speaks_for_its_own_agency() -> None:
    world = World()
    assert "is of 'agency-01'" in str(refused(world, world.evidence(1, agency="agency-02")))


def test_a_case_number_is_spelled_as_its_agency_registered_it() -> None:
    world = World()
    assert "not spelled" in str(refused(world, world.evidence(1, case="苏城管罚字〔2026〕417号")))
    assert "not spelled" in str(refused(world, world.evidence(1, case="苏城管罚〔2026〕0417号")))


def test_an_item_that_is_not_held_is_refused_with_what_to_do() -> None:
    error = refused(World(), evidence(1, b"never uploaded"))
    assert isinstance(error, Unknown)
    assert error.hints == ("upload the item first, then send the statement again",)


def test_evidence_is_not_refused_for_what_the_law_misses() -> None:
    world = World()
    draft = kit.evidence("e", 70, {"a.jpg": b"photo"})
    world.hold(b"photo")
    for field in ("officers", "evidence_type", "stage"):
        del draft.predicate[field]
    accepted(world.file(draft.to_envelope()))


# --- what a signer has seen ------------------------------------------------------------------


def test_a_signer_who_has_seen_this_log_is_believed() -> None:
    world = grown(9)
    accepted(world.file(world.evidence(50, after=world.after())))


def test_a_signer_who_has_seen_more_than_there_is_is_told_of_a_rollback() -> None:
    world = grown(9)
    published = world.log.published()
    assert published is not None
    error = refused(world, world.evidence(50, after=after(published, size=10)))
    assert "rolled back" in error.hints[0]


def test_a_signer_who_has_seen_another_history_is_refused() -> None:
    world = grown(9)
    published = world.log.published()
    assert published is not None
    error = refused(world, world.evidence(50, after=after(published, root=EMPTY_ROOT)))
    assert "another history" in str(error)


def test_what_was_seen_of_another_log_is_not_judged() -> None:
    world = grown(9)
    seen = world.after() | {"origin": "elsewhere.example/2025", "size": "999"}
    accepted(world.file(world.evidence(50, after=seen)))


def test_evidence_is_taken_though_the_tiles_are_gone() -> None:
    world = grown(9)
    seen = world.after()
    world.file(world.evidence(51))
    world.step()
    world.public.files.clear()
    accepted(world.file(world.evidence(50, after=seen)))


def test_evidence_of_one_who_saw_a_size_is_taken_while_its_tile_is_being_completed() -> None:
    """Between the full tile and the new proofs the old partial tile is gone already."""
    world = grown(250)
    seen = world.after()
    world.reopen()
    world.log.materialise()
    world.file(*(world.evidence(1000 + n) for n in range(10)))
    # The second folder that is tidied away is that of the hashes.
    with world.crash_after("public.discard", 2):
        world.log.materialise()
    accepted(world.file(world.evidence(9000, after=seen)))
    wrong = {**seen, "root": after(Checkpoint("o", 1, EMPTY_ROOT))["root"]}
    assert "another history" in str(refused(world, world.evidence(9001, after=wrong)))


# --- clocks ------------------------------------------------------------------------------------


def test_a_clock_that_jumps_ahead_stops_sequencing_and_says_so() -> None:
    world = World()
    envelope = world.evidence(1)
    world.clock.jump(MAX_CLOCK_JUMP_MS + 1000)
    with pytest.raises(Unavailable, match="jumped 601 s ahead"):
        world.file(envelope)
    assert "jumped" in world.log.problem()
    world.hold(b"uploads go on")
    world.clock.jump(-MAX_CLOCK_JUMP_MS - 1000)
    accepted(world.file(envelope))
    assert world.log.problem() == ""


def test_a_clock_that_runs_is_no_jump() -> None:
    world = World()
    world.clock.advance(10 * MAX_CLOCK_JUMP_MS)
    accepted(world.file(world.evidence(1)))


def test_a_clock_that_goes_back_does_not_take_time_back() -> None:
    world = World()
    world.file(world.evidence(1))
    world.clock.jump(-3_600_000)
    (result,) = accepted(world.file(world.evidence(2)))
    assert Entry.from_bytes(result.row.entry).at == START_MS
    world.step()
    audit(world)


# --- two writers ---------------------------------------------------------------------------------


def test_of_two_logs_over_one_store_one_wins_and_the_other_recovers() -> None:
    world = World()
    first = world.log
    second = world.reopen()
    one, two = world.evidence(1), world.evidence(2)
    world.log = first
    world.file(one)
    world.log = second
    with pytest.raises(Unavailable, match="not stored"):
        world.file(two)
    (result,) = accepted(world.file(two))
    assert result.row.index == 5
    world.step()
    audit(world)


def test_the_loser_learns_what_the_winner_registered() -> None:
    world = World(opened=False)
    world.file(registers()[0])
    first, second = world.log, world.reopen()
    first.accept([registers()[1]])
    world.sent.add(registers()[1])
    with pytest.raises(Unavailable):
        world.file(registers()[2])
    assert second.register.find(kit.STATION.verifier.keyid, (0, 9)).role == "station"


def test_a_store_that_was_rolled_back_is_named_before_it_signs_a_second_history() -> None:
    world = World()
    yesterday = world.fork()
    world.file(world.evidence(1))
    world.step()
    world.store.target = yesterday.store.target
    with pytest.raises(Rejected, match="5 entries are published, and the store holds 4") as error:
        world.reopen()
    assert "rolled back" in error.value.hints[0]


def test_a_second_history_does_not_go_on_from_the_published_one() -> None:
    world = World()
    forked = world.fork()
    world.file(world.evidence(1))
    world.step()
    forked.file(forked.evidence(2), forked.evidence(3))
    forked.public.target = world.public.target
    with pytest.raises(Rejected, match="do not give the root"):
        forked.log.materialise()


def test_a_second_history_is_not_published_over_the_first() -> None:
    world = World()
    forked = world.fork()
    world.file(world.evidence(1))
    world.step()
    forked.file(forked.evidence(2), forked.evidence(3))
    head = forked.log.materialise()
    assert head is not None
    forked.public.target.files["checkpoint"] = world.public.get("checkpoint")
    with pytest.raises(Rejected, match="not those of the checkpoint of 5"):
        forked.log.publish(SignedNote.from_text(head.note))
    assert forked.public.get("checkpoint") == world.public.get("checkpoint")


def test_a_store_whose_edge_is_not_that_of_its_checkpoint_is_refused() -> None:
    world, other = World(), World()
    world.file(world.evidence(1))
    other.file(other.evidence(2))
    world.store.target._heads[0] = type(world.log.head)(
        other.log.head.edge, world.log.head.at_ms, world.log.head.note
    )
    with pytest.raises(Rejected, match="right edge"):
        world.reopen()


# --- series --------------------------------------------------------------------------------------


def test_a_year_without_a_series_key_is_unavailable_and_delays_nobody_else() -> None:
    world = World()
    world.reopen(years=["2026"])
    future = world.evidence(1, case="苏城管罚〔2027〕1号")
    first, second = world.file(future, world.evidence(2))
    assert isinstance(first, NoSeriesKey) and isinstance(second, Accepted)
    assert isinstance(first, Unavailable) and "2027" in str(first)
    assert world.log.problem() == ""


def test_a_series_counts_on_across_batches_and_restarts() -> None:
    world = World()
    numbers = []
    for n in range(6):
        (result, *_) = accepted(world.file(world.evidence(n)))
        (series, number), *_ = result.series
        numbers.append(number)
        entry = Entry.from_bytes(result.row.entry)
        check_tags(entry, result.row.salt, [s.tag(i) for s, i in result.series])
        if n % 2:
            world.reopen()
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert list(world.log.places(series.name)) == [4, 5, 6, 7, 8, 9]


# --- proofs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 5, 255, 256, 257, 300])
def test_receipts_verify_at_many_sizes(size: int) -> None:
    world = grown(size)
    note = world.public.get("checkpoint").decode()
    for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        receipt = Receipt.from_bytes(world.log.receipt(index, note).to_bytes())
        cosigned = receipt.open(leaf_hash(world.log.row(index).entry), world.policy)
        assert cosigned.quorum_time == START_MS // 1000


def test_a_submission_carries_the_log_s_own_line_alone() -> None:
    # litewitness reads 10 KiB and transparency-dev's witness 16: other offices'
    # ML-DSA-44 lines, 3.3 kB each, must not shut them out.
    world = grown(9)
    note = world.step(("notary", "court", "archive"))
    assert len(note.signatures) == 4
    request = world.log.submission(note, 5)
    assert request.note == SignedNote(note.text, note.signatures[:1])
    assert request.note.by(world.log_key.verifier) is not None


@pytest.mark.parametrize("old", [1, 4, 100, 255, 256, 300])
def test_a_submission_proves_that_the_new_tree_begins_with_the_old(old: int) -> None:
    world = grown(300)
    leaves = [leaf_hash(entry) for entry in world.store.entries(0, 300)]
    request = world.log.submission(SignedNote.from_text(world.log.head.note), old)
    checkpoint = Checkpoint.from_text(request.note.text)
    check_consistency(old, 300, root_of(leaves[:old]), checkpoint.root, request.proof)


def test_proofs_to_an_older_checkpoint_stay_possible_when_its_tiles_are_completed() -> None:
    world = grown(250)
    old = world.public.get("checkpoint").decode()
    world.file(*(world.evidence(1000 + n) for n in range(600)))
    world.step()
    world.reopen()
    world.log.materialise()
    receipt = world.log.receipt(249, old)
    receipt.open(leaf_hash(world.log.row(249).entry), world.policy)


def test_proofs_are_made_while_a_tile_is_being_completed() -> None:
    world = grown(250)
    note = world.public.get("checkpoint").decode()
    world.log.materialise()
    world.file(*(world.evidence(1000 + n) for n in range(10)))
    # The second folder that is tidied away is that of the hashes.
    with world.crash_after("public.discard", 2):
        world.log.materialise()
    # Its partial tile is gone, and the new ones are not announced yet.
    world.log.receipt(17, note).open(leaf_hash(world.log.row(17).entry), world.policy)
    world.log.submission(SignedNote.from_text(note), 100)


def test_before_the_tiles_are_written_a_proof_is_unavailable() -> None:
    world = World()
    with pytest.raises(Unavailable, match="not written yet"):
        world.log.receipt(0, world.log.head.note)


def test_an_entry_that_is_durable_and_not_published_is_said_to_be_so() -> None:
    world = grown(5)
    world.file(world.evidence(50))
    with pytest.raises(Unavailable, match="not yet published"):
        world.log.published_note(6)
    assert world.log.best_note(6) is None and world.log.first_note(6) is None


# --- publishing ----------------------------------------------------------------------------------


def test_the_public_checkpoint_never_goes_back() -> None:
    world = grown(5)
    old = world.public.get("checkpoint")
    world.file(world.evidence(50))
    world.step()
    new = world.public.get("checkpoint")
    world.log.publish(SignedNote.from_bytes(old))
    assert world.public.get("checkpoint") == new


def test_nothing_is_published_beyond_the_tiles() -> None:
    world = grown(5)
    world.file(world.evidence(50))
    with pytest.raises(Rejected, match="tiles are there for 5, not for 6"):
        world.log.publish(SignedNote.from_text(world.log.head.note))


def test_a_note_of_another_key_is_not_published() -> None:
    world = grown(5)
    thief = kit.sign_all(world.log.published(), kit.THIEF, [])
    with pytest.raises(Rejected, match="no signature"):
        world.log.publish(SignedNote.from_text(thief))


def test_all_public_files_come_back_byte_for_byte() -> None:
    world = grown(300)
    before = dict(world.public.files)
    world.public.files.clear()
    world.reopen()
    world.step()
    after = dict(world.public.files)
    assert open_checkpoint(
        SignedNote.from_bytes(after.pop("checkpoint")), world.log_key.verifier
    ) == open_checkpoint(SignedNote.from_bytes(before.pop("checkpoint")), world.log_key.verifier)
    assert after == before
    audit(world)


@pytest.mark.parametrize("path", ["tile/0/000.p/9", "tile/entries/000.p/9"])
def test_a_damaged_partial_tile_is_named_when_the_log_is_opened_again(path: str) -> None:
    world = grown(9)
    data = world.public.files[path]
    world.public.files[path] = bytes([data[0] ^ 1]) + data[1:]
    world.reopen()
    with pytest.raises(Rejected, match=path):
        world.log.materialise()


def test_a_damaged_full_tile_is_no_proof() -> None:
    world = grown(300)
    note = world.public.get("checkpoint").decode()
    data = world.public.files["tile/0/000"]
    world.public.files["tile/0/000"] = data[:32] + bytes(32) + data[64:]
    world.reopen()
    world.log.materialise()
    with pytest.raises(Rejected, match="another root"):
        world.log.receipt(0, note)


def test_what_is_published_is_proved_as_soon_as_the_log_is_open() -> None:
    world = grown(9)
    world.reopen()
    note = world.public.get("checkpoint").decode()
    receipt = world.log.receipt(3, note)
    assert receipt.open(leaf_hash(world.store.row(3).entry), world.policy).checkpoint.size == 9


def test_a_lost_tile_is_no_proof_until_it_is_written_anew() -> None:
    world = grown(9)
    note = world.public.get("checkpoint").decode()
    world.reopen()
    del world.public.files["tile/0/000.p/9"]
    with pytest.raises(Unavailable, match="tile is lost"):
        world.log.receipt(3, note)
    world.log.materialise()
    world.log.receipt(3, note)


def test_a_damaged_checkpoint_is_named_and_made_anew_once_removed() -> None:
    world = grown(9)
    world.public.files["checkpoint"] = b"damaged"
    world.reopen()
    world.log.materialise()
    with pytest.raises(Malformed):
        world.log.publish(SignedNote.from_text(world.log.head.note))
    del world.public.files["checkpoint"]
    world.step()
    audit(world)


def test_entries_that_are_not_those_of_the_checkpoint_are_named() -> None:
    world = grown(9)
    rows = world.store.target._rows
    rows[3] = type(rows[3])(**{n: getattr(rows[3], n) for n in rows[3].__slots__} | {"entry": b"x"})
    world.public.target = MemoryPublicStore()
    world.reopen()
    with pytest.raises(Rejected, match="do not give the root"):
        world.log.materialise()


def test_the_partial_tiles_of_a_full_tile_are_tidied_away() -> None:
    world = grown(5)
    for n in range(6):
        world.file(world.evidence(2000 + n))
        world.step()
    assert any(path.startswith("tile/0/000.p/") for path in world.public.files)
    world.file(*(world.evidence(3000 + n) for n in range(250)))
    world.step()
    assert not any(
        ".p/" in path and "/000.p/" in path and "tile/1" not in path for path in world.public.files
    )
    assert "tile/0/000" in world.public.files
    audit(world)


def test_tiles_of_a_published_size_are_there_until_a_newer_one_replaces_them() -> None:
    world = grown(5)
    world.file(world.evidence(50))
    world.log.materialise()
    assert {"tile/0/000.p/5", "tile/0/000.p/6"} <= set(world.public.files)


# --- cosigned checkpoints --------------------------------------------------------------------


def test_a_checkpoint_is_kept_once_it_has_its_quorum() -> None:
    world = World()
    head = world.log.materialise()
    note = world.cosign(SignedNote.from_text(head.note), "notary")
    assert not world.log.keep_cosigned(note, world.policy)
    assert world.log.best_note(1) is None
    assert world.log.keep_cosigned(world.cosign(note, "court"), world.policy)
    assert world.log.best_note(4) is not None


def test_a_late_third_signature_is_added_to_the_kept_checkpoint() -> None:
    world = World()
    note = world.step()
    assert world.log.keep_cosigned(world.cosign(note, "archive"), world.policy)
    kept = world.policy.open(SignedNote.from_text(world.log.best_note(4)))
    assert set(kept.times) == {"notary", "court", "archive"}


def test_a_checkpoint_cosigned_anew_keeps_its_earlier_times_and_signatures() -> None:
    """Else a restart after the decision would say that the evidence came after it."""
    world = World()
    world.log.keep_cosigned(world.cosign(world.step(), "archive"), world.policy)
    world.clock.advance(7 * 86_400_000)
    world.reopen()
    world.step(["court", "archive"])
    kept = world.policy.open(SignedNote.from_text(world.log.first_note(4)))
    assert kept.quorum_time == START_MS // 1000
    assert set(kept.times) == {"notary", "court", "archive"}


# --- two threads -----------------------------------------------------------------------------


def test_filing_and_publishing_go_on_in_two_threads() -> None:
    world = World()
    stop = threading.Event()
    failures: list[BaseException] = []

    def publish() -> None:
        try:
            while not stop.is_set() or world.log.materialised < world.log.size:
                world.step()
                seen = world.log.published()
                note = world.log.first_note(seen.size)
                world.log.receipt(seen.size // 2, note)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    for n in range(0, 600, 4):
        accepted(world.file(*(world.evidence(n + i) for i in range(4))))
        if n % 100 == 0 and world.log.published() is not None:
            accepted(world.file(world.evidence(5000 + n, after=world.after())))
        if n % 40 == 0:
            world.log.recover()
    stop.set()
    thread.join(60)
    assert not failures, failures
    world.step()
    audit(world)


def test_what_a_signer_saw_is_spelled_as_the_statement_has_it() -> None:
    world = grown(5)
    assert parse_base64(world.after()["root"]) == world.log.published().root


def test_a_partial_tile_that_is_lost_is_written_again() -> None:
    world = grown(260)
    world.public.target.files.pop("tile/1/000.p/1")
    for number in range(2):
        world.file(world.evidence(900 + number))
        with suppress(LedgerError):
            world.step()
    assert "tile/1/000.p/1" in world.public.target.files
    world.step()
    audit(world)
