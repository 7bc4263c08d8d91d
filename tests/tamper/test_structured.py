"""Alterations that an operator would think of, each with manifests made anew.

He holds the log key, the series key and the store; the registrar, the cosigners and
the verifier's trust folder are not his.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger.encoding import format_base64, format_json
from ledger.evidence.packet import Index
from ledger.report import Group, Outcome, Report
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.receipt import Receipt
from ledger.verify import verify_packet
from testkit.case import (
    ARCHIVE,
    CASE,
    COURT,
    DECIDED,
    FILED,
    HANDLER,
    LOG,
    NOTARY,
    OPENED,
    REGISTRAR,
    STATION,
    STRICT,
    THIEF,
    Built,
    Case,
    Draft,
    MemoryPacket,
    agency,
    decision,
    dsse,
    evidence,
    file_subject,
    make_case,
    registration,
    seal_bag,
    seal_tags,
    seconds,
    sign_all,
    uuid7,
)
from testkit.keys import cosigner, key
from testkit.tampering import (
    CASE_SERIES,
    edit_json,
    leave_items_out,
    leave_out,
    path_of,
    refused,
    undecided,
)


def edit_series(built: Built, ending: str, change: Callable[[list[str]], None]) -> None:
    """The places of a series, with n set to their number."""

    def both(value: Any) -> None:
        change(value["entries"])
        value["n"] = len(value["entries"])

    edit_json(built, built.series_path(ending), both)


def test_the_untouched_packet_passes(good: Built) -> None:
    report = good.verify()
    assert report.outcome is Outcome.PASSED
    # The worked case leaves particulars out, which no other group knows of.
    others = [f for f in report.findings if f.step != "particulars"]
    assert {f.outcome for f in others} == {Outcome.PASSED}


# --- left out, moved, doubled ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["video", "photo"])
def test_leaving_a_middle_statement_out_shifts_every_later_number(good: Built, name: str) -> None:
    leave_out(good, name)
    refused(good.verify(), "series", "is not statement")


def test_leaving_the_last_statement_out_is_seen_in_the_log(good: Built) -> None:
    leave_out(good, "correction")
    refused(good.verify(), "complete", CASE_SERIES, "entry 8 is statement 5, which is not shown")


def test_without_the_log_leaving_the_last_out_is_never_called_complete(good: Built) -> None:
    leave_out(good, "correction")
    report = good.verify(log=False)
    undecided(report, "complete", "no copy of the public log")
    assert good.verify(log=False, require=frozenset()).outcome is Outcome.PASSED


def test_a_revocation_left_out_is_seen_in_the_log() -> None:
    case = make_case()
    case.add(registration(30, STATION, "station", revoked="挂失", draft="revocation"))
    built = case.build()
    leave_out(built, "revocation")
    refused(built.verify(), "complete", "register/key/station-07", "statement 2")


def test_a_statement_hidden_far_ahead_in_the_numbers_is_seen(full_lookahead: None) -> None:
    case = make_case()
    hidden = evidence("hidden", 31, {"x.txt": b"x"}, batch=2)
    hidden.numbers = {CASE_SERIES: 5 + 65_536}
    hidden.packed = False
    case.add(hidden)
    refused(case.build().verify(), "complete", "statement 65541, which is not shown")


def test_a_statement_withheld_leaves_completeness_undecided(good: Built) -> None:
    for kind in ("salt", "envelope"):
        del good.files[path_of(good, "photo", kind)]
    leave_items_out(good, good.row("photo").draft)
    undecided(good.verify(), "complete", "statement 2 of 5, entry 2026-5, is not shown")


def test_an_item_withheld_leaves_completeness_undecided(good: Built) -> None:
    leave_items_out(good, good.row("photo").draft)
    undecided(good.verify(), "complete", "photo.jpg is not in the packet")


def test_two_statements_swapped_are_not_in_their_places(good: Built) -> None:
    for kind in ("salt", "envelope"):
        a, b = path_of(good, "video", kind), path_of(good, "photo", kind)
        good.files[a], good.files[b] = good.files[b], good.files[a]
    refused(good.verify(), "commitment", "2026-4")


def test_two_entries_swapped_are_not_in_the_tree(good: Built) -> None:
    a, b = path_of(good, "video", "entry"), path_of(good, "photo", "entry")
    good.files[a], good.files[b] = good.files[b], good.files[a]
    refused(good.verify(), "inclusion", "2026-4", "another root")


def test_two_places_of_a_series_swapped(good: Built) -> None:
    edit_series(good, CASE, lambda rows: rows.insert(0, rows.pop(1)))
    refused(good.verify(), "series", "is not statement 1")


def test_a_series_that_runs_against_the_log() -> None:
    case = make_case()
    case.draft("video").numbers = {CASE_SERIES: 2}
    case.draft("photo").numbers = {CASE_SERIES: 1}
    case.draft("record").numbers = {CASE_SERIES: 3}
    refused(case.build().verify(), "series", "not in log order")


def test_one_number_given_twice_is_a_fork() -> None:
    case = make_case()
    fork = evidence("fork", 32, {"other.txt": b"other"}, batch=2)
    fork.numbers, fork.packed = {CASE_SERIES: 2}, False
    case.add(fork)
    refused(case.build().verify(), "complete", CASE_SERIES, "entry 9 repeats statement 2: a fork")


def test_a_series_file_twice(good: Built) -> None:
    good.files["data/series/77.json"] = good.files[good.series_path(CASE)]
    refused(good.verify(), "series", "stands here twice")


def test_n_other_than_the_number_of_places(good: Built) -> None:
    edit_json(good, good.series_path(CASE), lambda value: value.update(n=4))
    refused(good.verify(), "series", "want n places")


def test_a_place_in_a_log_that_nobody_trusts(good: Built) -> None:
    edit_series(good, CASE, lambda rows: rows.append("2031-7"))
    refused(good.verify(), "series", "no sound entry at 2031-7")


def test_a_series_under_another_name_has_another_signature(good: Built) -> None:
    edit_json(good, good.series_path(CASE), lambda v: v.update(name=f"{CASE_SERIES}补"))
    refused(good.verify(), "series", "does not match the name")


def test_a_series_of_another_year_has_no_key(good: Built) -> None:
    edit_json(good, good.series_path(CASE), lambda v: v.update(name=f"2031/case/{CASE}"))
    report = good.verify()
    assert report.outcome is Outcome.FAILED
    assert any("no series key of 2031" in f.detail for f in report.findings)


# --- what an entry is about --------------------------------------------------------------------


def test_a_statement_of_another_case_does_not_carry_this_cases_tags() -> None:
    case = make_case()
    other = evidence("other", 33, {"o.txt": b"o"}, case="苏城管罚〔2026〕418号")
    other.series = (CASE_SERIES,)
    case.add(other, after="record")
    refused(case.build().verify(), "series", "418")


def test_a_statement_of_another_case_shown_honestly_is_no_part_of_this_packet() -> None:
    case = make_case()
    other = evidence("other", 33, {"o.txt": b"o"}, case="苏城管罚〔2026〕418号")
    case.add(other, after="record")
    refused(case.build().verify(), "case", "2026-7", "not about the case")


def test_a_statement_logged_under_another_case_is_not_found_in_its_own() -> None:
    case = make_case()
    case.draft("photo").series = ("2026/case/苏城管罚〔2026〕418号",)
    refused(case.build().verify(), "series", "not listed")


def test_a_case_number_in_another_spelling() -> None:
    case = make_case()
    case.number = "苏城管罚〔2026〕0417号"
    for draft in case.drafts:
        if "case" in draft.predicate:
            draft.predicate["case"] = case.number
    refused(case.build().verify(), "case", "not spelled")


def test_a_case_number_spelled_as_another_agency_does() -> None:
    case = make_case()
    case.add(agency(34, "锡城管罚〔{year}〕{number}号", draft="other", of="agency-02"))
    case.number = "锡城管罚〔2026〕417号"
    for draft in case.drafts:
        if "case" in draft.predicate:
            draft.predicate["case"] = case.number
    case.drafts.insert(4, case.drafts.pop())
    refused(case.build().verify(), "case", "not spelled")


def lookalike_case(*registered: Draft) -> Case:
    """Filed under full-width digits: on paper the same case, in the log another series."""
    case = make_case()
    case.number = "苏城管罚〔2026〕4１７号"
    case.drafts = [d for d in case.drafts if d.name not in ("agency", "correction")]
    for draft in case.drafts:
        if "case" in draft.predicate:
            draft.predicate["case"] = case.number
    for draft in registered:
        case.add(draft, after=f"key:{HANDLER.name}")
    return case


def test_a_look_alike_of_a_case_number_does_not_pass_without_its_agencys_spelling() -> None:
    undecided(lookalike_case().build().verify(), "case", "may only look like another")


def test_another_agencys_spelling_does_not_cover_a_look_alike() -> None:
    other = agency(34, "锡城管罚〔{year}〕{number}号", of="agency-02")
    undecided(lookalike_case(other).build().verify(), "case", "may only look like another")


def test_an_opening_with_an_id_of_no_time_is_a_finding_and_no_crash() -> None:
    case = make_case()
    opened = decision("open", 35, act="provisional_opening", batch=1, stage="start")
    del opened.predicate["case"]
    opened.predicate["id"] = uuid7(35, at_ms=2**48 - 1)
    case.add(opened, after="photo")
    refused(case.build().verify(), "case", "no such time")


def test_a_packet_for_a_case_that_it_has_no_series_of(good: Built) -> None:
    edit_json(good, "data/packet.json", lambda v: v.update(case="苏城管罚〔2026〕418号"))
    refused(good.verify(), "case", "no series of this case")


def test_a_case_that_is_wholly_withheld_is_not_passed(good: Built) -> None:
    for name in ("video", "photo", "record", "decision", "correction"):
        for kind in ("salt", "envelope"):
            del good.files[path_of(good, name, kind)]
        leave_items_out(good, good.row(name).draft)
    undecided(good.verify(require=frozenset()), "case", "no statement of this case")


def provisional_case() -> Case:
    """Opened before it had a number; the photo was filed before, the video after."""
    case = make_case()
    opened = decision("open", 35, act="provisional_opening", batch=1, stage="start")
    del opened.predicate["case"]
    case.drafts.insert(4, opened)
    photo, video = case.draft("photo").predicate, case.draft("video").predicate
    del photo["case"]
    photo["provisional"] = video["provisional"] = opened.predicate["id"]
    case.drafts.insert(5, case.drafts.pop(case.drafts.index(case.draft("photo"))))
    case.drafts = [d for d in case.drafts if d.name != "correction"]
    return case


def test_a_case_that_grew_from_a_provisional_one_passes() -> None:
    report = provisional_case().build().verify()
    assert report.outcome is Outcome.PASSED, report.findings


def test_a_statement_of_a_provisional_case_that_nothing_ties_to_this_one() -> None:
    case = provisional_case()
    del case.draft("video").predicate["provisional"]
    refused(case.build().verify(), "case", "not about the case")


def test_the_tags_of_an_entry_are_all_accounted_for() -> None:
    case = make_case()
    case.draft("photo").series = (CASE_SERIES, "2026/custody/secret")
    refused(case.build().verify(), "series", "tags in the log are not those")


def test_another_salt_does_not_open_the_entry(good: Built) -> None:
    good.files[path_of(good, "photo", "salt")] = bytes(32)
    refused(good.verify(), "commitment", "do not give the commitment")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_salt_of_another_length_that_gives_the_commitment(size: int) -> None:
    """Bytes could move between salt and envelope: the concatenation would be the same."""
    built = make_case().build()
    whole = built.files[path_of(built, "photo", "salt")]
    whole += built.files[path_of(built, "photo", "envelope")]
    built.files[path_of(built, "photo", "salt")] = whole[:size]
    built.files[path_of(built, "photo", "envelope")] = whole[size:]
    refused(built.verify(), "commitment", "want a salt of 32 bytes")


def test_an_entry_about_which_nothing_is_said(good: Built) -> None:
    for kind in ("salt", "envelope"):
        del good.files[path_of(good, "key:station-07.example", kind)]
    del good.files[good.series_path("register/key/station-07.example")]
    refused(good.verify(), "series", "nothing here says what this entry is about")


def test_a_statement_without_its_salt(good: Built) -> None:
    del good.files[path_of(good, "photo", "salt")]
    refused(good.verify(), "commitment", "belong together")


def test_a_statement_without_an_entry(good: Built) -> None:
    del good.files[path_of(good, "photo", "entry")]
    refused(good.verify(), "commitment", "no entry here")


def test_an_item_that_no_statement_speaks_of(good: Built) -> None:
    good.files["data/items/90.txt"] = b"slipped in"
    edit_json(good, "data/packet.json", lambda v: v["items"].append("90.txt"))
    refused(good.verify(), "item", "no statement in this packet speaks of these bytes")


@pytest.mark.parametrize("part", ["sha256", "tiezhengChunks256k", "size"])
def test_every_digest_and_the_size_of_an_item_must_match(part: str) -> None:
    case = make_case()
    subject = case.draft("photo").subject[0]
    if part == "size":
        subject["annotations"]["size"] = "201"
    else:
        subject["digest"][part] = "00" * 32
    refused(case.build().verify(), "item")


def test_sm3_is_checked_where_a_statement_gives_it() -> None:
    case = make_case()
    case.draft("photo").subject[0]["digest"]["sm3"] = "00" * 32
    refused(case.build().verify(), "item", "want sm3")


def test_items_renamed_are_the_same_items(good: Built) -> None:
    a, b = "data/items/01.bin", "data/items/03.bin"
    good.files[a], good.files[b] = good.files[b], good.files[a]
    assert good.verify().outcome is Outcome.PASSED


# --- proofs and checkpoints --------------------------------------------------------------------


def test_a_proof_for_another_index(good: Built) -> None:
    path = path_of(good, "photo", "proof")
    receipt = Receipt.from_bytes(good.files[path])
    good.files[path] = Receipt(receipt.index + 1, receipt.proof, receipt.note).to_bytes()
    refused(good.verify(), "inclusion", "proof for index 6")


def test_the_proof_of_another_entry(good: Built) -> None:
    good.files[path_of(good, "photo", "proof")] = good.files[path_of(good, "video", "proof")]
    refused(good.verify(), "inclusion", "2026-5")


def test_a_proof_of_another_entry_with_the_index_changed(good: Built) -> None:
    other = Receipt.from_bytes(good.files[path_of(good, "video", "proof")])
    good.files[path_of(good, "photo", "proof")] = Receipt(5, other.proof, other.note).to_bytes()
    refused(good.verify(), "inclusion", "2026-5", "another root")


def test_a_proof_under_another_size(good: Built) -> None:
    data = good.files.pop("data/proofs/2026-5@7.tlog-proof")
    good.files["data/proofs/2026-5@8.tlog-proof"] = data
    refused(good.verify(), "inclusion", "proof to size 7")


def test_a_proof_with_an_extra_line(good: Built) -> None:
    path = path_of(good, "photo", "proof")
    receipt = Receipt.from_bytes(good.files[path])
    good.files[path] = Receipt(receipt.index, receipt.proof, receipt.note, b"hm").to_bytes()
    refused(good.verify(), "inclusion", "no extra line")


def test_an_entry_without_a_proof_to_the_packet_checkpoint(good: Built) -> None:
    del good.files[path_of(good, "photo", "proof")]
    refused(good.verify(), "inclusion", "no proof to the packet checkpoint")


def test_a_proof_without_an_entry(good: Built) -> None:
    data = good.files[path_of(good, "photo", "proof")]
    good.files["data/proofs/2026-77@9.tlog-proof"] = data
    refused(good.verify(), "inclusion", "no such entry")


def test_a_packet_checkpoint_older_than_a_proof(good: Built) -> None:
    old = Receipt.from_bytes(good.files["data/proofs/2026-5@7.tlog-proof"]).note
    good.files["data/checkpoints/2026.note"] = old.encode()
    refused(good.verify(), "inclusion", "beyond the packet checkpoint")


def other_history(built: Built, size: int, cosigners: list[Any]) -> str:
    checkpoint = Checkpoint(LOG.name, size, digest(b"another root"))
    return sign_all(checkpoint, LOG, cosigners)


def test_two_checkpoints_of_one_size_with_other_roots(good: Built) -> None:
    note = other_history(good, 9, [(NOTARY, DECIDED), (COURT, DECIDED)])
    good.files["data/checkpoints/2026.note"] = note.encode()
    refused(good.verify(), "inclusion", "two histories")


def test_two_older_checkpoints_of_one_size_with_other_roots() -> None:
    """Each leads to an entry: a second tree of size 7 in which the photo was another one."""
    built = make_case().build()
    twin = make_case()
    twin.draft("photo").predicate["purpose"] = "另一张照片"
    path = "data/proofs/2026-4@7.tlog-proof"
    built.files[path] = twin.build().files[path]
    refused(built.verify(), "inclusion", "size 7 differ")


def test_a_checkpoint_of_the_log_alone_is_undecided() -> None:
    case = make_case()
    case.cosign = lambda size, at: []
    undecided(case.build().verify(), "checkpoint", "no quorum: cosigned by nobody")


def test_a_checkpoint_below_its_quorum_is_undecided(good: Built) -> None:
    case = make_case()
    case.cosign = lambda size, at: [(NOTARY, at)]
    undecided(case.build().verify(), "checkpoint", "cosigned by notary")


def test_cosignatures_of_strangers_do_not_count() -> None:
    case = make_case()
    strangers = [cosigner("court.example/w1", "stranger"), cosigner("friend.example/w1")]
    case.cosign = lambda size, at: [(NOTARY, at), *((s, at) for s in strangers)]
    undecided(case.build().verify(), "checkpoint", "cosigned by notary")


def test_one_cosigner_twice_in_a_note_is_refused() -> None:
    case = make_case()
    case.cosign = lambda size, at: [(NOTARY, at), (NOTARY, at + 1)]
    refused(case.build().verify(), "checkpoint", "two signatures by notary.example/w1")


def test_a_cosignature_moved_from_another_tree(good: Built) -> None:
    old = SignedNote.from_text(
        Receipt.from_bytes(good.files["data/proofs/2026-5@7.tlog-proof"]).note
    )
    new = SignedNote.from_bytes(good.files["data/checkpoints/2026.note"])
    lines = (new.signatures[0], *old.signatures[1:])
    good.files["data/checkpoints/2026.note"] = SignedNote(new.text, lines).to_bytes()
    refused(good.verify(), "checkpoint", "does not match")


@pytest.mark.parametrize(
    "quorum",
    [
        "quorum none\n",
        "group q 1 notary court archive\nquorum q\n",
        "group a any notary court\nquorum a\n",
    ],
)
def test_under_a_policy_that_lets_two_histories_be_signed_nothing_passes(quorum: str) -> None:
    case = make_case()
    case.quorum = quorum
    report = case.build().verify()
    undecided(report, "checkpoint", "two histories")
    for group in (Group.INTEGRITY, Group.COMPLETE, Group.ORDER, Group.TIME):
        assert report.groups[group] is Outcome.UNDECIDED, group


def test_the_attackers_own_log_key_counts_nothing(good: Built) -> None:
    """A whole deployment of his own, consistent in itself, against the court's trust folder."""
    case = make_case()
    case.log = key(LOG.name, "attacker")
    case.draft("opening").predicate["log"] = case.log.verifier.to_text()
    report = case.build().verify(trust=good.trust)
    refused(report, "checkpoint", f"no signature by {LOG.verifier.keyid}")


def test_the_attackers_own_registrar_counts_nothing(good: Built) -> None:
    case = make_case()
    mine = key(REGISTRAR.name, "attacker")
    for draft in case.drafts:
        if draft.kind == "register":
            draft.signers = (mine,)
    built = case.build()
    refused(built.verify(trust=good.trust), "signature", "want the registrar")


def test_an_opening_that_enrols_other_keys() -> None:
    case = make_case()
    case.draft("opening").predicate["series"] = {"2026": "00" * 32}
    refused(case.build().verify(), "signature", "2026-0", "enrols other keys")


def test_a_trust_folder_with_a_later_log_leaves_the_earlier_undecided(good: Built) -> None:
    trust = dict(good.trust_files)
    later = key("ledger.example/enforcement/2027")
    trust["logs"] += f"{later.name}\n".encode()
    trust["policy/2027"] = trust["policy/2026"].replace(
        LOG.verifier.to_text().encode(), later.verifier.to_text().encode()
    )
    good.trust_files = trust
    report = good.verify()
    undecided(report, "checkpoint", "where this one ended is not shown")
    undecided(report, "complete", "2027", "which may hold more")


def test_a_checkpoint_of_a_log_that_nobody_trusts(good: Built) -> None:
    good.files["data/checkpoints/2031.note"] = good.files["data/checkpoints/2026.note"]
    edit_json(good, "data/packet.json", lambda v: v["checkpoints"].append("2031.note"))
    refused(good.verify(), "checkpoint", "no such log in your trust folder")


def test_a_packet_of_nothing_is_undecided() -> None:
    built = make_case().build()
    built.files = {"data/packet.json": built.files["data/packet.json"]}
    edit_json(built, "data/packet.json", lambda v: v.update(items=[], checkpoints=[]))
    undecided(built.verify(require=frozenset()), "checkpoint", "no checkpoint")


def test_a_checkpoint_alone_shows_no_case_complete(good: Built) -> None:
    good.files = {p: d for p, d in good.files.items() if p.startswith("data/checkpoints/")}
    good.files["data/packet.json"] = Index(CASE, ("2026.note",), ()).to_bytes()
    report = good.verify(require=frozenset())
    assert report.groups[Group.COMPLETE] is Outcome.UNDECIDED


def test_the_log_of_the_year_before_may_hold_the_first_statements_of_a_series(
    good: Built,
) -> None:
    """A case of the new year is filed from the old year's log on: there a first may hide."""
    case = make_case()
    case.log = key("ledger.example/enforcement/2027")
    case.number = "苏城管罚〔2027〕417号"
    case.drafts = [d for d in case.drafts if d.name not in ("opening", "correction")]
    for draft in case.drafts:
        if "case" in draft.predicate:
            draft.predicate["case"] = case.number
        if "device" in draft.predicate:
            del draft.predicate["device"], draft.predicate["file"]
    built = case.build()
    built.trust_files = good.trust_files | {
        "logs": good.trust_files["logs"] + built.trust_files["logs"],
        "policy/2027": built.trust_files["policy/2027"],
        "series/2027.json": good.trust_files["series/2026.json"],
        "series/2027.pem": good.trust_files["series/2026.pem"],
    }
    undecided(built.verify(), "complete", "2026", "which may hold more")


# --- who signed --------------------------------------------------------------------------------


def test_a_statement_signed_with_a_stolen_name() -> None:
    case = make_case()
    case.draft("photo").signers = (key(STATION.name, "thief"),)
    refused(case.build().verify(), "signature", "2026-5", "no key")


def test_a_statement_signed_by_another_key_under_the_right_id() -> None:
    case = make_case()
    draft = case.draft("photo")
    draft.envelope = dsse(draft.to_payload(), [(STATION.verifier.keyid, THIEF)])
    refused(case.build().verify(), "signature", "does not match")


def test_a_key_registered_after_the_statement() -> None:
    case = make_case()
    late = case.drafts.pop(1)
    late.batch = 2
    case.add(late)
    refused(case.build().verify(), "signature", "was registered before this statement")


def test_a_key_revoked_before_the_statement() -> None:
    case = make_case()
    gone = registration(30, STATION, "station", revoked="挂失", draft="revocation")
    case.add(gone, after="video")
    case.draft("revocation").batch = 1
    report = case.build().verify()
    refused(report, "signature", "2026-6", "revoked before")
    assert not any("2026-4" in f.about and f.outcome is Outcome.FAILED for f in report.findings)


def compromise(since: str) -> Case:
    case = make_case()
    gone = registration(
        30, STATION, "station", revoked="被盗", compromised_since=since, draft="revocation"
    )
    gone.batch = 2
    case.add(gone)
    return case


def test_a_key_compromised_before_the_quorum_saw_its_statement() -> None:
    report = compromise("2026-11-23T15:00:01+08:00").build().verify()
    undecided(report, "signature", "counts for nothing", "compromised since")


def test_a_statement_seen_before_its_key_was_compromised_stands() -> None:
    report = compromise("2026-11-23T15:00:02+08:00").build().verify()
    assert report.outcome is Outcome.PASSED, report.findings


def test_a_key_compromised_since_the_beginning_of_time() -> None:
    report = compromise("1970-01-01T00:00:00Z").build().verify()
    undecided(report, "signature", "counts for nothing")


def test_compromised_counts_even_where_nothing_says_revoked() -> None:
    case = compromise("2026-11-20T00:00:00+08:00")
    del case.draft("revocation").predicate["revoked"]
    undecided(case.build().verify(), "signature", "counts for nothing")


def test_a_key_of_the_wrong_role() -> None:
    case = make_case()
    case.draft("decision").signers = (STATION,)
    refused(case.build().verify(), "signature", "a station may not make a statement of kind act")


def test_a_key_of_another_agency() -> None:
    case = make_case()
    case.draft("key:station-07.example").predicate["agency"] = "agency-02"
    refused(case.build().verify(), "signature", "is of 'agency-02'")


def test_a_registrar_does_not_file_evidence() -> None:
    case = make_case()
    case.draft("photo").signers = (REGISTRAR,)
    refused(case.build().verify(), "signature", "no key")


def test_a_station_does_not_register() -> None:
    case = make_case()
    case.draft("agency").signers = (STATION,)
    refused(case.build().verify(), "signature", "want the registrar")


def test_one_person_with_two_keys_is_not_two_officers() -> None:
    case = make_case()
    second = key("handler-12.second.example")
    case.add(
        registration(36, second, "handler", person=HANDLER.name),
        after="key:handler-12.example",
    )
    case.draft("decision").signers = (HANDLER, second)
    refused(case.build().verify(), "signature", "has signed twice")


def test_one_key_twice_is_not_two_officers() -> None:
    case = make_case()
    case.draft("decision").signers = (HANDLER, HANDLER)
    refused(case.build().verify(), "signature", "has signed twice")


def test_two_officers_are_two() -> None:
    case = make_case()
    second = key("handler-13.example")
    case.add(registration(36, second, "handler"), after="key:handler-12.example")
    case.draft("decision").signers = (HANDLER, second)
    assert case.build().verify().outcome is Outcome.PASSED


def test_of_two_signatures_each_must_verify() -> None:
    case = make_case()
    second = key("handler-13.example")
    case.add(registration(36, second, "handler"), after="key:handler-12.example")
    draft = case.draft("decision")
    draft.envelope = dsse(
        draft.to_payload(), [(HANDLER.verifier.keyid, HANDLER), (second.verifier.keyid, THIEF)]
    )
    refused(case.build().verify(), "signature", "handler-13", "does not match")


def test_the_latest_registration_counts_and_no_older_one() -> None:
    case = make_case()
    new = key(STATION.name, "second")
    case.add(registration(36, new, "station", draft="renewed"), after="key:station-07.example")
    refused(case.build().verify(), "signature", "no key", STATION.verifier.keyid)


@pytest.mark.parametrize("whose", [LOG, REGISTRAR, NOTARY], ids=["log", "registrar", "cosigner"])
def test_a_key_with_another_role_cannot_be_registered(whose: Any) -> None:
    case = make_case()
    double = type(STATION)("double.example", STATION.algorithm, whose.seed)
    case.add(registration(36, double, "handler"), after="agency")
    refused(case.build().verify(), "signature", "double.example")


def test_a_revocation_withheld_is_not_overlooked() -> None:
    """Its entry stands in the series; without the statement nobody knows what it says."""
    case = make_case()
    gone = registration(30, STATION, "station", revoked="挂失", draft="revocation")
    gone.shown = False
    case.add(gone, after="key:handler-12.example")
    report = case.build().verify(require=frozenset())
    undecided(report, "series", "register/key/station-07.example", "withheld")


def test_two_statements_do_not_share_an_id() -> None:
    case = make_case()
    case.draft("record").predicate["id"] = case.draft("photo").predicate["id"]
    refused(case.build().verify(), "series", "2026-6", "id is that of 2026-5")


@pytest.mark.parametrize("more", [{"person": "someone else"}, {"role": "ledger"}])
def test_one_key_has_one_person_and_one_role(more: dict[str, str]) -> None:
    case = make_case()
    role = more.pop("role", "station")
    again = registration(36, STATION, role, draft="again", **more)
    case.add(again, after="agency")
    refused(case.build().verify(), "signature", "cannot have another role too")


def test_a_key_under_a_second_name_is_refused() -> None:
    case = make_case()
    alias = type(STATION)("alias.example", STATION.algorithm, STATION.seed)
    case.add(registration(36, alias, "station", person=STATION.name), after="agency")
    refused(case.build().verify(), "signature", "cannot have another role too")


# --- order -------------------------------------------------------------------------------------


def fenced(case: Case) -> tuple[Report, str]:
    """The report, and what it says of the photo."""
    built = case.build()
    report = built.verify()
    place = built.place("photo").to_text()
    return report, next(i.order for i in report.facts.items if i.place == place)


def test_evidence_in_the_batch_of_the_decision_is_not_shown_before_it() -> None:
    case = make_case()
    for draft in case.drafts[4:7]:
        draft.batch = 2
    report, order = fenced(case)
    undecided(report, "fence", "not_shown")
    assert order == "not_shown"


def test_evidence_after_the_decision_is_after_it() -> None:
    case = make_case()
    case.drafts.append(case.drafts.pop(5))
    case.drafts[-1].batch = 2
    case.drafts = [d for d in case.drafts if d.name != "correction"]
    report, order = fenced(case)
    undecided(report, "fence", "after decision")
    assert order == "after"


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-11-30T23:59:58+08:00", "before"),  # the second of two cosigners: 23:59:59
        ("2026-11-30T23:59:59+08:00", "not_shown"),  # the second: midnight
        ("2026-12-05T09:00:00+08:00", "not_shown"),
    ],
)
def test_the_quorum_must_come_by_the_end_of_the_day_on_the_decision(at: str, shown: str) -> None:
    """He decides, is sued, files, waits for the cosigners, and logs the decision last."""
    case = make_case()
    case.batches = [OPENED, seconds(at), seconds("2026-12-06T09:00:00+08:00")]
    report, order = fenced(case)
    assert order == shown
    assert report.outcome is (Outcome.PASSED if shown == "before" else Outcome.UNDECIDED)


def test_dating_the_metadata_back_does_not_help() -> None:
    case = make_case()
    case.batches = [OPENED, seconds("2026-12-05T09:00:00+08:00"), DECIDED + 7 * 86_400]
    early = {"from": "2026-11-01T00:00:00+08:00", "to": "2026-11-01T00:00:00+08:00"}
    case.draft("photo").predicate["occurred"] = early
    _, order = fenced(case)
    assert order == "not_shown"


def test_the_earliest_of_two_decisions_counts() -> None:
    case = make_case()
    early = decision("early", 37, batch=1)
    early.predicate["occurred"] = {
        "from": "2026-11-21T10:00:00+08:00",
        "to": "2026-11-21T10:00:00+08:00",
    }
    case.drafts.insert(4, early)
    report, order = fenced(case)
    undecided(report, "fence", "after decision 2026-4")
    assert order == "after"


def test_a_record_made_up_after_the_decision_does_not_hide_in_an_act() -> None:
    case = make_case()
    late = decision("late", 38, act="inspection_record", stage="investigate")
    late.predicate["occurred"] = {
        "from": "2026-11-23T10:00:00+08:00",
        "to": "2026-11-23T10:00:00+08:00",
    }
    case.add(late, after="decision")
    undecided(case.build().verify(), "fence", "2026-8", "after decision")


def test_a_record_made_up_after_the_decision_does_not_hide_in_a_second_one() -> None:
    case = make_case()
    case.batches.append(DECIDED + 30 * 86_400)
    case.add(decision("second", 50, act="supplementary_decision", batch=3))
    undecided(case.build().verify(), "fence", "2026-9", "after decision 2026-7")


def test_without_a_decision_there_is_no_order() -> None:
    case = make_case()
    case.draft("decision").predicate["act"] = "record_of_discussion"
    undecided(case.build().verify(), "fence", "no decision in the packet")


def test_an_older_proof_below_the_quorum_does_not_count() -> None:
    case = make_case()
    case.cosign = lambda size, at: (
        [(NOTARY, at)] if size == 7 else [(NOTARY, at), (COURT, at), (ARCHIVE, at)]
    )
    report, order = fenced(case)
    assert order == "not_shown"
    assert report.outcome is Outcome.UNDECIDED


# --- time --------------------------------------------------------------------------------------


def after(case: Case, size: int, root: bytes = bytes(32), origin: str = LOG.name) -> Built:
    case.draft("photo").predicate["after"] = {
        "origin": origin,
        "root": format_base64(root),
        "size": str(size),
    }
    return case.build()


def root_at(built: Built, size: int) -> bytes:
    path = next(p for p in built.files if p.endswith(f"@{size}.tlog-proof"))
    return Checkpoint.from_text(
        SignedNote.from_text(Receipt.from_bytes(built.files[path]).note).text
    ).root


def test_a_signer_who_had_checked_the_same_history(good: Built) -> None:
    assert after(make_case(), 4, root_at(good, 4)).verify().outcome is Outcome.PASSED


def test_a_statement_cannot_follow_a_tree_that_holds_it() -> None:
    refused(after(make_case(), 6).verify(), "time", "claims to follow a tree of 6 entries")


def test_a_signer_who_had_checked_another_history_is_seen_in_the_packet() -> None:
    report = after(make_case(), 4).verify(log=False)
    refused(report, "time", "2026-5", "another history of 4 entries")


def test_a_signer_who_had_checked_another_history_is_seen_in_the_log() -> None:
    refused(after(make_case(), 3).verify(), "complete", "2026-5", "another history: size 3")


def test_a_statement_made_for_another_deployment_is_refused() -> None:
    built = after(make_case(), 4, origin="rehearsal.example/enforcement/2026")
    refused(built.verify(), "time", "rehearsal.example")


def test_the_time_of_the_log_does_not_run_backwards() -> None:
    case = make_case()
    case.batches = [OPENED, FILED, DECIDED]
    entry = json.loads(case.build().row("photo").entry)
    entry["at"] -= 60_000
    case.draft("photo").entry = format_json(entry)
    report = case.build().verify()
    refused(report, "time", "2026-5", "backwards")
    refused(report, "complete", "entry 5: accepted at", "before the entry above it")


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_time_of_the_ledger_that_contradicts_the_quorum_is_found(hours: int) -> None:
    case = make_case()
    moved = 3_600_000 * hours
    for row in case.build().rows[4:]:
        entry = json.loads(row.entry)
        entry["at"] += moved
        case.draft(row.draft.name).entry = format_json(entry)
    report = case.build().verify(require=STRICT | {Group.TIME})
    undecided(report, "time", "2026-5", "late witnessed" if hours < 0 else "the quorum")


def test_a_cosigner_with_a_clock_in_milliseconds_breaks_nothing() -> None:
    case = make_case()
    case.cosign = lambda size, at: [(NOTARY, at), (COURT, at * 1000)]
    report = case.build().verify(require=frozenset())
    assert report.outcome is Outcome.PASSED
    json.dumps(report.to_json())


@pytest.mark.parametrize("day", ["1970-01-01T08:00:00+08:00", "9999-12-31T23:59:59+08:00"])
def test_a_decision_on_the_first_or_last_day_there_is(day: str) -> None:
    case = make_case()
    case.draft("decision").predicate["occurred"] = {"from": day, "to": day}
    report, order = fenced(case)
    assert order == ("before" if day[0] == "9" else "not_shown")
    json.dumps(report.to_json())


# --- spelling ----------------------------------------------------------------------------------


def respell(built: Built, path: str, change: Callable[[bytes], bytes]) -> None:
    before = built.files[path]
    built.files[path] = change(before)
    assert built.files[path] != before


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "a space": lambda data: data.replace(b":", b": ", 1),
    "a newline at the end": lambda data: data + b"\n",
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "a key twice": lambda data: b'{"v":1,' + data[1:] if b'"v":1' in data else b"{" + data[1:],
    "an unknown field": lambda data: b'{"0":1,' + data[1:],
    "not UTF-8": lambda data: data[:-1] + b"\xff",
    "nothing": lambda data: b"",
    "a list": lambda data: b"[]",
    "null": lambda data: b"null",
    "a long number": lambda data: b"9" * 5000,
    "deep": lambda data: b"[" * 100_000,
    "deep and closed": lambda data: b"[" * 20 + b"]" * 20,
    "an escape": lambda data: data.replace(b'{"', b'{"\\u0061', 1),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", ["entry", "envelope", "series", "packet.json"])
def test_json_has_one_spelling(good: Built, kind: str, spelling: str) -> None:
    paths = {"series": good.series_path(CASE), "packet.json": "data/packet.json"}
    path = paths.get(kind) or path_of(good, "photo", kind)
    if spelling == "a key twice" and b'"v":1' not in good.files[path]:
        field = good.files[path].index(b'":') + 2
        first = good.files[path][1:field]
        respell(good, path, lambda data: b"{" + first + b'"",' + data[1:])
    else:
        respell(good, path, SPELLINGS[spelling])
    assert good.verify().outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("unknown field", lambda p: p.update(remark="x")),
        ("float", lambda p: p.update(note=1.5)),
        ("null", lambda p: p.update(note=None)),
        ("boolean", lambda p: p.update(note=True)),
        ("huge integer", lambda p: p.update(note=2**60)),
        ("a list for a word", lambda p: p.update(stage=["decide"])),
        ("an object for a word", lambda p: p.update(evidence_type={"a": "b"})),
        ("an object for a name", lambda p: p.update(officers=[{"a": "b"}])),
        ("a list for a case", lambda p: p.update(case=["苏城管罚〔2026〕417号"])),
        ("no case", lambda p: p.pop("case")),
        ("no id", lambda p: p.pop("id")),
        ("device without file", lambda p: p.update(device="BWC-310")),
    ],
)
def test_a_statement_with_a_field_out_of_form_is_refused_and_named(
    name: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """Signed by the station and logged: only the verifier is left to refuse it."""
    case = make_case()
    draft = case.draft("photo")
    value = json.loads(draft.to_payload())
    change(value["predicate"])
    draft.payload = json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode()
    draft.series = (CASE_SERIES,)
    refused(case.build().verify(), "commitment", "2026-5")


def test_a_payload_in_another_spelling_is_refused() -> None:
    case = make_case()
    draft = case.draft("photo")
    draft.payload = draft.to_payload().replace(b":", b": ", 1)
    draft.series = (CASE_SERIES,)
    refused(case.build().verify(), "commitment", "canonical")


@pytest.mark.parametrize("kind", ["register", "status", "custody", "correction", "nonsense"])
def test_a_predicate_under_another_kind_is_refused(kind: str) -> None:
    case = make_case()
    draft = case.draft("photo")
    draft.payload = draft.to_payload().replace(b"tiezheng:evidence:", f"tiezheng:{kind}:".encode())
    draft.series = (CASE_SERIES,)
    refused(case.build().verify(), "commitment", "2026-5")


def test_a_statement_of_a_year_that_has_not_come_is_refused() -> None:
    case = make_case()
    draft = case.draft("photo")
    draft.predicate["case"] = "苏城管罚〔2999〕417号"
    draft.series = (CASE_SERIES,)
    refused(case.build().verify(), "series", "2999")


# --- names of items ----------------------------------------------------------------------------

HOSTILE = {
    "gbk": ("执法\ufffd录.mp4", {"nameBytes": base64.b64encode("执法记录".encode("gbk")).decode()}),
    "nfd": ("Cafe\u0301.jpg", {}),
    "bidi": ("photo\u202egpj.exe", {}),
    "long": ("长" * 85, {}),
    "device": ("CON.txt", {}),
    "path": ("../../etc/passwd", {}),
    "escape": ("\x1b[31mred\r\n.jpg", {}),
    "nul": ("a\x00b.jpg", {}),
    "html": ("<script>alert(1)</script>.html", {}),
}


@pytest.mark.parametrize("which", HOSTILE)
def test_a_hostile_name_is_harmless_in_report_and_paths(which: str) -> None:
    name, notes = HOSTILE[which]
    case = make_case()
    case.draft("photo").subject = [file_subject(name, b"a picture " * 20, **notes)]
    built = case.build()
    report = built.verify()
    assert report.outcome is Outcome.PASSED, report.findings
    text = json.dumps(report.to_json(), ensure_ascii=False)
    assert not any(c in text for c in "\u202e\x1b\x00\r\n")
    assert all(path.isascii() and ".." not in path for path in built.sealed())


# --- the bag -----------------------------------------------------------------------------------


def test_a_file_with_no_place_in_a_packet(good: Built) -> None:
    good.files["data/readme.html"] = b"<script>"
    refused(good.verify(), "container", "no such file in a packet")


@pytest.mark.parametrize(
    "path",
    [
        "fetch.txt",
        "manifest-sha512.txt",
        "manifest-md5.txt",
        "data/items/01.BIN",
        "data/items/../../x",
        "/etc/passwd",
        "data//items/01.bin",
        "data/items/1.bin",
        "data/items/01.bin.exe",
        "data/items/０1.bin",
        "data/entries/2026-01.json",
        "data/entries/2026-99999999999999999999.json",
        "data/entries/2026--1.json",
        "data/proofs/2026-1@0.tlog-proof",
        "data/proofs/2026-1@9223372036854775808.tlog-proof",
        "data/statements/2026-1.salt.json",
        "data/entries/2026-1.json\n",
    ],
)
def test_a_path_outside_the_layout(good: Built, path: str) -> None:
    files = {**good.sealed(), path: b"x"}
    report = verify_packet(MemoryPacket(files), good.trust, log=good.log)
    refused(report, "container", "packet")


@pytest.mark.parametrize("path", ["bagit.txt", "bag-info.txt", "manifest-sha256.txt"])
@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data + b"\n",
        lambda data: data[:-1],
        lambda data: b"",
    ],
    ids=["bom", "crlf", "line", "cut", "empty"],
)
def test_a_tag_file_has_one_spelling(
    good: Built, path: str, change: Callable[[bytes], bytes]
) -> None:
    files = good.sealed()
    files[path] = change(files[path])
    report = verify_packet(MemoryPacket(seal_tags(files)), good.trust, log=good.log)
    refused(report, "container", "manifest" if path.startswith("manifest") else path)


@pytest.mark.parametrize("path", ["data/items/01.bin", "data/series/01.json"])
def test_a_number_in_a_path_has_one_spelling(good: Built, path: str) -> None:
    other = path.replace("01", "001")
    files = {other if p == path else p: data for p, data in good.files.items()}
    if "items" in path:
        index = files["data/packet.json"]
        files["data/packet.json"] = index.replace(b'"01.bin"', b'"001.bin"', 1)
    report = verify_packet(MemoryPacket(seal_bag(files)), good.trust, log=good.log)
    refused(report, "container", "no such file in a packet")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.upper(),
        lambda text: text.replace("  data", " *data"),
        lambda text: "".join(sorted(text.splitlines(keepends=True), reverse=True)),
        lambda text: text + text.splitlines(keepends=True)[-1],
        lambda text: text.replace("data/items/01.bin", "./data/items/01.bin"),
        lambda text: text.replace("data/items/01.bin", "data/items/%30%31.bin"),
    ],
    ids=["case", "binary", "order", "twice", "dot", "percent"],
)
def test_a_manifest_has_one_spelling(good: Built, change: Callable[[str], str]) -> None:
    files = good.sealed()
    before = files["manifest-sha256.txt"]
    files["manifest-sha256.txt"] = change(before.decode()).encode()
    assert files["manifest-sha256.txt"] != before
    report = verify_packet(MemoryPacket(seal_tags(files)), good.trust, log=good.log)
    refused(report, "container", "manifest-sha256.txt")


def test_a_manifest_line_without_a_file(good: Built) -> None:
    files = good.sealed()
    del files["data/items/01.bin"]
    report = verify_packet(MemoryPacket(files), good.trust, log=good.log)
    refused(report, "container", "'data/items/01.bin' is in the manifest only")


def test_a_file_without_a_manifest_line(good: Built) -> None:
    files = {**good.sealed(), "data/items/90.bin": b"x"}
    report = verify_packet(MemoryPacket(files), good.trust, log=good.log)
    refused(report, "container", "'data/items/90.bin' is not in the manifest")


def test_a_count_with_a_leading_zero(good: Built) -> None:
    files = good.sealed()
    files["bag-info.txt"] = files["bag-info.txt"].replace(b"Oxum: ", b"Oxum: 0")
    report = verify_packet(MemoryPacket(seal_tags(files)), good.trust, log=good.log)
    refused(report, "container", "bag-info.txt")


def test_the_index_lists_what_is_there(good: Built) -> None:
    edit_json(good, "data/packet.json", lambda v: v["items"].pop())
    refused(good.verify(), "container", "other items")


def test_the_index_lists_the_checkpoints_that_are_there(good: Built) -> None:
    edit_json(good, "data/packet.json", lambda v: v["checkpoints"].append("2027.note"))
    refused(good.verify(), "container", "other checkpoints")


@pytest.mark.usefixtures("alone")
def test_a_file_too_large_to_be_read_whole_is_refused(
    good: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.verdict.examination.MAX_SMALL_FILE", 5000)
    refused(good.verify(), "container", "manifest-sha256.txt: want at most 5000 bytes")


def test_an_item_listed_twice(good: Built) -> None:
    edit_json(good, "data/packet.json", lambda v: v["items"].append(v["items"][0]))
    refused(good.verify(), "container", "other items")


# --- the copy of the log -----------------------------------------------------------------------


def test_a_copy_of_another_log_does_not_help() -> None:
    built = make_case().build()
    other = make_case()
    other.draft("record").predicate["note"] = "another"
    built.log = other.build().log
    refused(built.verify(), "complete", "another root")


def test_a_copy_with_an_entry_in_another_spelling_is_refused_and_named() -> None:
    case = make_case()
    spare = evidence("spare", 39, {"x.txt": b"x"}, batch=2)
    spare.entry, spare.packed = b'{"at":0}', False
    case.add(spare)
    refused(case.build().verify(), "complete", "entry 9")


def test_a_copy_that_is_cut_short_is_never_complete(good: Built) -> None:
    for path in [p for p in good.log.files if "entries" in p[1]]:
        good.log.files[path] = good.log.files[path][:-5]
    report = good.verify()
    assert report.groups[Group.COMPLETE] is Outcome.FAILED


def test_a_log_that_has_grown_since_serves_as_well() -> None:
    case = make_case()
    old = case.build()
    case.add(evidence("later", 40, {"x.txt": b"x"}, case="苏城管罚〔2026〕500号", batch=3))
    case.batches.append(DECIDED + 86_400)
    old.log = case.build().log
    assert old.verify().outcome is Outcome.PASSED
