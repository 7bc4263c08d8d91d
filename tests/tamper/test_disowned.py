"""What a key signed between its theft and the day on which that was told.

Owner or thief may have signed it: it counts for nothing, fails nothing, and stays what was fixed
there. What the log already knew when it took the statement is the operator's fault, and fails.
"""

from collections.abc import Callable
from typing import Any

import pytest

from cli.first_page import NOTHING, first_page
from cli.notary.comparing import of_packet
from cli.verdict import verdict_text
from cli.wording import in_chinese
from ledger.encoding import format_base64
from ledger.evidence.envelope import Envelope
from ledger.packing import plan_packet
from ledger.report import Finding, Group, Item, Outcome, Report
from ledger.tlog.signing_key import SigningKey
from ledger.verdict.examination import Examination
from ledger.verify import examine_packet, verify_packet
from tamper.test_clips import case_with_original, clipped
from tamper.test_derived import derivation
from testkit.case import (
    CASE,
    DECIDED,
    HANDLER,
    LEDGER,
    ORIGIN,
    STATION,
    Built,
    Case,
    Draft,
    MemoryPacket,
    correction,
    decision,
    dsse_with,
    evidence,
    file_subject,
    make_case,
    registration,
    seal_bag,
)
from testkit.keys import key
from testkit.ledgers_word import read, state
from testkit.notarial import LI, PDF, WANG, issued, registrations, revoked
from testkit.world import World

PASSED, FAILED, UNDECIDED = Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED
TOLD = DECIDED + 86_400
BETWEEN = "2026-11-24T00:00:00+08:00"  # the items were seen before, the decision after
FUTURE = "2026-12-31T00:00:00+08:00"
LONG_AGO = "2020-01-01T00:00:00+08:00"
STOLEN = key("stolen.example")  # a station, whose key somebody else has


def theft(owner: SigningKey, role: str, since: str = BETWEEN, **more: str) -> Draft:
    """The last word about a key, a day after the decision."""
    told: dict[str, str] = {"revoked": "被盗", "compromised_since": since} | more
    draft = registration(50, owner, role, **{"draft": "theft", **told})
    draft.batch = 3
    return draft


def told(case: Case, owner: SigningKey, role: str, since: str = BETWEEN, **more: str) -> Case:
    case.batches.append(TOLD)
    case.add(theft(owner, role, since, **more))
    return case


def with_thief(made: Callable[[], Case] = make_case) -> Case:
    """A second station stands in the register before anything happened."""
    case = made()
    case.add(registration(40, STOLEN, "station"), after="opening")
    return case


def forge(case: Case, number: int = 41, **more: Any) -> Draft:
    """What the thief files, between decision and the telling."""
    name = more.pop("name", "forged")
    draft = evidence(name, number, {f"{name}.jpg": name.encode() * 20}, batch=2, **more)
    draft.signers = (STOLEN,)
    return case.add(draft)


def forged() -> Case:
    case = with_thief()
    forge(case)
    return told(case, STOLEN, "station")


def of(report: Report, step: str, outcome: Outcome | None = None) -> list[Finding]:
    return [f for f in report.findings if f.step == step and outcome in (None, f.outcome)]


def doubts(report: Report) -> set[tuple[str, str]]:
    return {(f.step, f.about) for f in report.findings if f.outcome is not PASSED}


def failures(report: Report) -> list[Finding]:
    return [f for f in report.findings if f.outcome is FAILED]


def item(report: Report, name: str) -> Item:
    return next(one for one in report.facts.items if one.name == name)


# --- what a thief files ------------------------------------------------------------------------


def test_a_thiefs_statement_is_undecided_and_the_rest_keeps_its_verdict() -> None:
    built = forged().build()
    report = built.verify(require=frozenset())
    place = built.place("forged").to_text()
    assert report.outcome is UNDECIDED
    assert not failures(report)
    honest = make_case().build().verify(require=frozenset())
    beside = {("signature", place), ("fence", place), ("particulars", place)}
    own = {(step, about) for step, about in doubts(report) if about == place}
    assert own <= beside
    assert ("signature", place) in own
    assert len(doubts(report) - own) == len(doubts(honest))
    assert report.groups[Group.COMPLETE] is honest.groups[Group.COMPLETE] is PASSED
    assert item(report, "photo.jpg").signed_by == item(honest, "photo.jpg").signed_by


def test_the_finding_names_entry_key_when_it_was_told_and_from_when() -> None:
    built = forged().build()
    (found,) = of(built.verify(require=frozenset()), "signature", UNDECIDED)
    assert found.about == built.place("forged").to_text()
    assert found.detail == (
        "counts for nothing: seen at 2026-11-30T11:00:01+08:00, signed by "
        f"{STOLEN.verifier.keyid}, of which entry {built.place('theft').to_text()}, seen at "
        "2026-12-01T11:00:01+08:00, says "
        f"that it was compromised since {BETWEEN}"
    )
    chinese = in_chinese(found.detail) or ""
    assert "不予计入" in chinese and "已被冒用" in chinese


def test_what_a_quorum_had_seen_before_the_theft_counts() -> None:
    built = told(make_case(), STATION, "station").build()
    assert built.verify().outcome is PASSED


def test_a_packet_that_leaves_the_thiefs_statement_out_passes_and_names_it() -> None:
    case = forged()
    case.draft("forged").shown = False
    built = case.build()
    report = built.verify(require=frozenset())
    assert report.outcome is PASSED
    place = built.place("forged").to_text()
    assert any(place in f.detail for f in of(report, "complete", UNDECIDED))


@pytest.mark.parametrize("more", [{}, {"compromised": "alone"}], ids=["revoked", "compromised"])
def test_what_was_taken_after_the_theft_was_told_fails(more: dict[str, str]) -> None:
    """The ledger had to refuse it: the operator is at fault, whatever is told again later."""
    case = with_thief()
    early = theft(STOLEN, "station")
    early.batch = 1
    if more:
        del early.predicate["revoked"]
    case.add(early, after="record")
    forge(case)
    again = registration(
        51, STOLEN, "station", draft="again", revoked="被盗", compromised_since=LONG_AGO
    )
    again.batch = 2
    case.add(again)
    built = case.build()
    report = built.verify(require=frozenset())
    assert report.outcome is FAILED
    assert {f.about for f in failures(report)} >= {built.place("forged").to_text()}


def test_a_signature_that_does_not_match_fails_whoevers_key_it_names() -> None:
    case = forged()
    draft = case.draft("forged")
    sound = Envelope.from_bytes(draft.to_envelope()).signatures[0]
    bad = bytes([sound.sig[0] ^ 1, *sound.sig[1:]])
    draft.envelope = dsse_with([(sound.keyid, bad)], draft.to_payload())
    report = case.build().verify(require=frozenset())
    assert any("does not match" in f.detail for f in failures(report))


def test_a_role_that_may_not_say_it_fails_whenever_the_theft_is_told() -> None:
    case = with_thief()
    act = decision("forged", 41)
    act.signers = (STOLEN,)
    case.add(act)
    report = told(case, STOLEN, "station").build().verify(require=frozenset())
    assert any("a station may not make" in f.detail for f in failures(report))


# --- what he writes fails nothing ----------------------------------------------------------------


@pytest.mark.parametrize("origin", [ORIGIN, "other.example/enforcement/2026"])
def test_another_history_that_a_thief_claims_to_have_seen_fails_nothing(origin: str) -> None:
    case = with_thief()
    after = {"origin": origin, "root": format_base64(b"x" * 32), "size": "4"}
    forge(case, after=after)
    built = told(case, STOLEN, "station").build()
    report = built.verify(require=frozenset())
    assert not failures(report)
    place = built.place("forged").to_text()
    said = [*of(report, "time", UNDECIDED), *of(report, "complete", UNDECIDED)]
    assert {f.about for f in said} == {place}
    honest = with_thief()
    forge(honest, after=after)
    assert failures(honest.build().verify(require=frozenset()))


def test_other_digests_of_somebody_elses_file_fail_nothing() -> None:
    case = with_thief()
    draft = forge(case)
    photo = case.draft("photo")
    (subject,) = draft.subject = [file_subject("photo.jpg", photo.items[0])]
    subject["digest"]["sm3"] = "ab" * 32
    draft.items = ()
    report = told(case, STOLEN, "station").build().verify(require=frozenset())
    assert not failures(report)
    assert not of(report, "item", UNDECIDED)
    draft.items, photo.shown = photo.items, False
    report = case.build().verify(require=frozenset())
    assert not failures(report)
    assert ["has other digests" in f.detail for f in of(report, "item", UNDECIDED)] == [True]


def test_what_he_derives_and_what_is_derived_of_his_is_undecided() -> None:
    case = with_thief()
    his = forge(case)
    made = derivation(his.items[0], b"a transcript\n")
    made.batch = 2
    case.add(made)
    theirs = derivation(case.draft("photo").items[0], b"another transcript\n")
    theirs.name, theirs.signers, theirs.batch = "his", (STOLEN,), 2
    theirs.predicate["id"] = theirs.predicate["id"][:-2] + "ff"
    case.add(theirs)
    built = told(case, STOLEN, "station").build()
    report = built.verify(require=frozenset())
    assert not failures(report)
    found = {f.about: f.detail for f in of(report, "derived", UNDECIDED)}
    assert found[built.place("his").to_text()] == "it counts for nothing, see its signatures"
    assert "original counts for nothing" in found[built.place(made.name).to_text()]


def test_a_correction_by_a_stolen_key_fills_nothing_in() -> None:
    def noted(case: Case) -> bool:
        photo = case.draft("photo")
        del photo.predicate["purpose"]
        case.drafts[-1 if case.drafts[-1].name == "correction" else -2] = correction(
            "correction", 14, photo
        )
        built = case.build()
        found = of(built.verify(require=frozenset()), "particulars")
        place = built.place("photo").to_text()
        return all("purpose" not in f.detail for f in found if f.about == place)

    assert noted(make_case())
    assert not noted(told(make_case(), HANDLER, "handler"))


def test_of_a_clip_whose_original_only_he_fixed_nothing_is_shown() -> None:
    built = clipped(told(case_with_original(), STATION, "station", LONG_AGO))
    report = built.verify(require=frozenset())
    assert not failures(report)
    assert "original counts for nothing" in of(report, "clip", UNDECIDED)[0].detail


def test_a_case_that_he_links_is_of_this_one_by_nothing_that_counts() -> None:
    case = with_thief()
    opened = decision("open", 35, act="provisional_opening", batch=1, stage="start")
    del opened.predicate["case"]
    case.add(opened, after="record")
    forge(case, provisional=opened.predicate["id"])
    honest = case.build()
    assert not of(honest.verify(require=frozenset()), "case", UNDECIDED)
    built = told(case, STOLEN, "station").build()
    report = built.verify(require=frozenset())
    assert not failures(report)
    assert {f.about for f in of(report, "case", UNDECIDED)} == {built.place("open").to_text()}


# --- notaries ------------------------------------------------------------------------------------


def certified(*more: Draft) -> Case:
    case = make_case()
    case.drafts[4:4] = registrations()
    for draft in more:
        case.add(draft)
    return case


def with_pdf(case: Case) -> Built:
    built = case.build()
    built.files["data/certificates/01.pdf"] = PDF
    return built


def a_day_later(*drafts: Draft) -> Case:
    """With a certificate, and of the day after it `drafts` and then the theft of Wang's key."""
    case = certified(issued())
    case.batches += [TOLD, TOLD + 86_400]
    for draft in (*drafts, theft(WANG, "notary", "2026-12-01T00:00:00+08:00")):
        draft.batch = 4 if draft.name == "theft" else 3
        case.add(draft)
    return case


def test_what_was_revoked_before_the_theft_stays_revoked() -> None:
    case = told(certified(issue := issued(), revoked(issue)), WANG, "notary", FUTURE)
    assert "was revoked" in failures(with_pdf(case).verify(require=frozenset()))[0].detail


def test_a_certificate_of_a_stolen_key_is_undecided() -> None:
    case = told(certified(issue := issued(), revoked(issue)), WANG, "notary")
    report = with_pdf(case).verify(require=frozenset())
    assert not failures(report)
    (found,) = of(report, "certificate", UNDECIDED)
    assert "issues it counts for nothing" in found.detail


def test_a_thief_who_issues_it_again_takes_no_certificates_place() -> None:
    again = issued(85)
    again.name = "again"
    report = with_pdf(a_day_later(again)).verify(require=frozenset())
    assert not failures(report)
    assert [f.outcome for f in of(report, "certificate")] == [PASSED]


def test_a_revocation_by_a_stolen_key_is_undecided_and_so_is_the_certificate() -> None:
    report = with_pdf(a_day_later(revoked(issued()))).verify(require=frozenset())
    assert not failures(report)
    (found,) = of(report, "certificate", UNDECIDED)
    assert "revoked by what counts for nothing" in found.detail
    (found,) = of(report, "revoked", UNDECIDED)
    assert "counts for nothing" in found.detail


def test_a_revocation_that_counts_is_found_behind_one_that_does_not() -> None:
    own = revoked(issued(), 82)
    own.name, own.signers = "own", (LI,)
    case = a_day_later(revoked(issued()), own)
    assert "was revoked" in failures(with_pdf(case).verify(require=frozenset()))[0].detail


def test_a_certificate_that_is_not_there_is_revoked_by_what_counts_alone() -> None:
    report = a_day_later(revoked(issued())).build().verify(require=frozenset())
    assert not [f for f in of(report, "certificate") if "was revoked" in f.detail]


def test_a_notary_compares_no_file_with_what_counts_for_nothing() -> None:
    built = forged().build()
    ex = Examination(MemoryPacket(built.sealed()), built.trust, built.log, lambda n: None)
    examine_packet(ex)
    logged, _ = of_packet(ex, built.trust.logs)
    assert {one.subject.name for one in logged} >= {"photo.jpg"}
    assert "forged.jpg" not in {one.subject.name for one in logged}


# --- nothing vanishes ----------------------------------------------------------------------------


def test_evidence_of_a_key_stolen_since_long_ago_stays_fixed_before_the_decision() -> None:
    """An agency calls its own key stolen, so that unwelcome evidence should go."""
    built = told(make_case(), STATION, "station", LONG_AGO).build()
    report = built.verify(require=frozenset())
    assert report.outcome is UNDECIDED
    assert not failures(report)
    places = {built.place(name).to_text() for name in ("video", "photo", "record")}
    assert {f.about for f in of(report, "signature", UNDECIDED)} == places
    fenced = [f for f in of(report, "fence", UNDECIDED) if f.about in places]
    assert {f.about for f in fenced} == places
    assert all(f.detail.startswith("before decision") for f in fenced)
    shown = item(report, "photo.jpg")
    assert shown.path and shown.fixed_by == "2026-11-23T15:00:01+08:00"
    assert shown.order == "before" and not shown.signed_by
    page = first_page(report)
    sentence = page.not_proved[0]["en"]
    assert "Counts for nothing: 3 statements" in sentence and LONG_AGO[:10] in sentence
    assert "fixed before the decision: 3" in sentence
    assert "COUNTS FOR NOTHING" in verdict_text(report, "packet.zip", frozenset())


def test_a_decision_disowned_by_its_agency_is_named_and_nothing_passes_for_its_want() -> None:
    """A decision of a later day would have all evidence fixed before it."""
    case = make_case()
    case.add(registration(42, STOLEN, "handler"), after="opening")
    again = decision("again", 43, occurred={"from": "2026-12-20T10:00:00+08:00",
                                            "to": "2026-12-20T10:00:00+08:00"})  # fmt: skip
    again.signers = (STOLEN,)
    case.add(again)
    built = told(case, HANDLER, "handler", LONG_AGO).build()
    report = built.verify(require=frozenset())
    place = built.place("decision").to_text()
    assert report.groups[Group.ORDER] is UNDECIDED
    (found,) = (f for f in of(report, "fence", UNDECIDED) if f.about == built.case.number)
    assert found.detail == f"decision {place} dated 2026-11-30 counts for nothing"
    assert [d["dated"] for d in report.facts.decisions] == ["2026-12-20"]
    page = first_page(report)
    assert place in page.not_proved[0]["en"]
    assert not any("Fixed before" in sentence["en"] for sentence in page.proved)


def test_where_no_decision_counts_what_was_fixed_before_it_is_still_told() -> None:
    built = told(make_case(), HANDLER, "handler", LONG_AGO).build()
    report = built.verify(require=frozenset())
    assert not failures(report)
    photo = built.place("photo").to_text()
    (found,) = (f for f in of(report, "fence") if f.about == photo)
    assert found.outcome is UNDECIDED
    assert found.detail.startswith("before decision") and "not both of them count" in found.detail


# --- the ledger's own word -----------------------------------------------------------------------


def with_ledgers_word(role: str = "ledger") -> Case:
    case = make_case()
    case.add(registration(4, LEDGER, role), after="agency")
    case.add(read(60))
    case.add(state(number=61))
    return case


def test_what_the_ledger_said_after_the_theft_of_its_key_lowers_nothing_and_is_told() -> None:
    sound = with_ledgers_word().build().verify()
    assert sound.outcome is PASSED
    assert not any("undecided" in row for row in (*sound.facts.custody, *sound.facts.state))
    built = told(with_ledgers_word(), LEDGER, "ledger").build()
    report = built.verify()
    assert report.outcome is PASSED
    rows = (*report.facts.custody, *report.facts.state)
    assert [row["undecided"] for row in rows] == ["yes", "yes"]
    told_of = [f for f in of(report, "signature") if f.detail.startswith("undecided, and nothing")]
    assert {f.about for f in told_of} == {
        built.place(name).to_text() for name in ("read 60", "state")
    }
    sentence = first_page(report).not_proved[0]
    assert "2 lines of the ledger's own" in sentence["en"]
    assert "账本自述 2 条" in sentence["zh"]
    text = verdict_text(report, "packet.zip", frozenset())
    assert text.count("undecided, since the ledger's key was compromised by then") == 2


def test_what_the_ledger_said_after_the_theft_was_told_fails() -> None:
    case = with_ledgers_word()
    early = theft(LEDGER, "ledger")
    early.batch = 2
    case.add(early, after="correction")
    assert case.build().verify().outcome is FAILED


def test_where_a_log_ended_is_undecided_if_who_says_it_was_stolen_by_then() -> None:
    """It holds its own cosigners' word: nothing fails, and nothing else is doubted."""
    world = World()
    world.file(world.evidence(1, b"photo"))
    world.step()
    world.begin_next()
    gone = theft(LEDGER, "ledger", LONG_AGO, person=LEDGER.name)
    world.file(gone.to_envelope())
    world.step()
    plan = plan_packet(world.log, CASE, 2026)
    files = {**plan.files, **{path: b"photo" for path in plan.items if "/items/" in path}}
    report = verify_packet(MemoryPacket(seal_bag(files)), world.trust)
    assert not failures(report)
    (found,) = (f for f in report.findings if f.step == "signature" and f.outcome is UNDECIDED)
    assert found.about.endswith("-0") and found.detail.startswith("counts for nothing")
    assert any("this log ended with" in f.detail for f in of(report, "checkpoint", PASSED))


# --- the first page ------------------------------------------------------------------------------


def test_the_first_page_answers_for_the_rest_and_says_which_count_for_nothing() -> None:
    built = forged().build()
    report = built.verify()
    page = first_page(report)
    sentence = page.not_proved[0]
    place = built.place("forged").to_text()
    assert page.outcome["en"] == "Verdict: UNDECIDED"
    assert "All else passed on integrity" in page.meaning["en"]
    assert f"Counts for nothing: 1 statement, {place}." in sentence["en"]
    assert STOLEN.verifier.keyid[:20] in sentence["en"] and "2026-11-24" in sentence["en"]
    assert f"不予计入：1 份陈述，条目 {place}。" in sentence["zh"]
    assert "5 files shown here" in page.proved[0]["en"]
    answers = [answer["en"] for _, answer in page.answers]
    assert not any("Cannot be said" in answer for answer in answers)


def test_a_doubt_about_the_rest_is_no_less_for_it() -> None:
    """Another key of the trust folder that is gone: nothing is proved of the rest either."""
    case = with_thief()
    forge(case)
    case.cosign = lambda size, at: []
    report = told(case, STOLEN, "station").build().verify(require=frozenset())
    page = first_page(report)
    assert page.proved == (NOTHING,)
    assert "All else" not in page.meaning["en"]
    assert "counts for nothing" in {f.detail.partition(":")[0] for f in of(report, "signature")}
