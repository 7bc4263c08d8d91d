"""What belongs together is held together; nothing goes that something elsewhere still wants."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.expired import Filed, expired
from api.ids import new_id
from api.kin import Kin
from ledger.encoding import in_china
from ledger.evidence.chunks import digest_item
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Role, Statement, Subject, TextSubject
from ledger.process.keeping.holds import statement_target
from ledger.sequencer import Row
from ledger.suite import digest
from ledger.tlog.signing_key import SigningKey
from testkit.disposals import (
    LIST,
    OTHER,
    RECORDING,
    SECOND,
    act,
    close_case,
    disposal,
    disposed,
    file,
    hold,
    moment,
    object_of,
    opened,
    publish,
    refused,
    subject,
)
from testkit.gating import numbers
from testkit.keys import key
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_CASE,
    Ledger,
    open_ledger,
    register,
)

CLIP = b"what is said in the recording, in writing"
# Agencies that have registered no spelling of case numbers, and one number.
OWNER, HELPER = "agency-03", "agency-04"
SHARED = "昆城管罚〔2026〕1号"


def say(kind: Kind, subjects: list[Subject], by: SigningKey = HANDLER, **fields: Any) -> bytes:
    predicate = {
        "agency": AGENCY,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": moment(),
    } | fields
    return seal(Statement(kind, tuple(subjects), predicate).to_bytes(), [by]).to_bytes()


def transcript(ledger: Ledger, case: str = CASE) -> dict[str, Any]:
    ledger.upload(CLIP, by=HANDLER)
    fields = {"original": digest(RECORDING).hex(), "derived": "transcript", "tool": "x"}
    made = FileSubject("t.txt", digest_item(CLIP))
    (answer,) = ledger.accept(say(Kind.DERIVATION, [made], case=case, **fields))
    return answer


def correction(ledger: Ledger, about: dict[str, Any]) -> dict[str, Any]:
    fields = {"case": CASE, "changes": {"maker": "王某"}, "reason": "更正"}
    (answer,) = ledger.accept(say(Kind.CORRECTION, [subject(about)], **fields))
    return answer


def naming(ledger: Ledger, *about: dict[str, Any], case: str = OTHER_CASE) -> dict[str, Any]:
    """An act that names earlier statements as some of its documents."""
    said = Statement.from_bytes(Envelope.from_bytes(act(ledger, "decision", case=case)).payload)
    both = (*said.subjects, *map(subject, about))
    data = seal(Statement(Kind.ACT, both, said.predicate).to_bytes(), [HANDLER]).to_bytes()
    (answer,) = ledger.accept(data)
    return answer


# --- holds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["original", "statement", "transcript", "its case"])
def test_a_recording_and_what_was_made_from_it_are_held_together(tmp_path: Path, on: str) -> None:
    with opened(tmp_path / "ledger") as ledger:
        recording = file(ledger)
        made = transcript(ledger, OTHER_CASE if on == "its case" else CASE)
        close_case(ledger)
        ledger.accept(
            hold(
                {
                    "original": digest(RECORDING).hex(),
                    "statement": recording,
                    "transcript": digest(CLIP).hex(),
                    "its case": OTHER_CASE,
                }[on]
            )
        )
        assert "under a legal hold" in refused(ledger, disposal(recording))
        if on != "its case":
            assert "under a legal hold" in refused(ledger, disposal(made))
        both = {object_of(ledger, RECORDING), object_of(ledger, CLIP)}
        ledger.services.keeping.hold()
        assert ledger.services.vault.places.held_items() >= both


def test_what_corrects_a_held_recording_is_held_with_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        recording = file(ledger)
        corrects = correction(ledger, recording)
        close_case(ledger)
        ledger.accept(hold(recording))
        assert "under a legal hold" in refused(ledger, disposal(corrects))


def test_what_one_act_names_is_followed_once_however_many_of_it_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "ledger") as ledger:
        recordings = [file(ledger, b"recording %d" % n) for n in range(5)]
        naming(ledger, *recordings)
        for one in recordings:
            ledger.accept(hold(one))
        services, followed, beside = ledger.services, list[str](), Kin.beside
        services.catalog.catch_up(services.store)

        def counted(kin: Kin, statement: Statement) -> Iterator[int]:
            followed.append(statement.id)
            return beside(kin, statement)

        with services.keeping._holding_lock:
            monkeypatch.setattr(Kin, "beside", counted)
            services.keeping._holding.apply(services.log.holds)
        assert len(followed) == len(set(followed)) == 6
        assert services.vault.places.held_items() >= {
            object_of(ledger, b"recording %d" % n) for n in range(5)
        }


def test_an_act_that_names_many_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "ledger") as ledger:
        recordings = [file(ledger, b"recording %d" % n) for n in range(5)]
        named = naming(ledger, *recordings, case=CASE)
        services, read = ledger.services, list[int]()
        services.catalog.catch_up(services.store)
        first, row = services.store.row(int(named["index"])), services.store.row

        def counted(number: int) -> Row:
            if threading.current_thread() is threading.main_thread():
                read.append(number)
            return row(number)

        monkeypatch.setattr(services.store, "row", counted)
        said = first.said()
        assert said is not None
        kin = Kin(services.store, services.catalog)
        assert len(kin.of([said])) == 6
        assert len(read) == len(set(read)) == 6
        # And not at all where it goes with them.
        read.clear()
        on, own = statement_target(recordings[0]["id"]), {int(named["index"])}
        assert list(kin.speaking_of(on, own)) == [] == read


def test_a_hold_on_a_case_is_on_what_its_acts_name_in_others(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        recording = file(ledger)
        naming(ledger, recording)
        close_case(ledger)
        assert CASE in due(ledger)
        ledger.accept(hold(OTHER_CASE))
        assert "under a legal hold" in refused(ledger, disposal(recording))
        assert CASE not in due(ledger)


def test_a_hold_beside_the_server_on_a_provisional_case_is_on_all_of_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        (opening,) = ledger.accept(act(ledger, "provisional_opening", case=None, stage="start"))
        provisional: dict[str, Any] = {"case": None, "provisional": opening["id"]}
        (gone,) = ledger.accept(act(ledger, "site_inspection", **provisional))
        ledger.await_quorum()
        with ledger.services.keeping._holding_lock:
            assert ledger.services.keeping._holding.place(opening["id"], "法院", 1) == 2
            asked = disposal(gone, retention="recording", **provisional)
            assert "under a legal hold: 法院" in refused(ledger, asked)
        ledger.services.keeping.hold()
        (said,) = ledger.said("hold")
        assert said["reason"] == "法院"
        assert "under a legal hold: 法院" in refused(ledger, asked)


def due(ledger: Ledger) -> list[str]:
    """The cases of which `tiezheng dispose due` would draft a disposal."""
    s = ledger.services
    today = in_china(s.clock.now_ms()).date()
    found = expired(s.store, s.catalog, s.log.holds, s.first_year, today)
    return [one.case for one in found]


def test_one_person_with_two_keys_is_one_person(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer, twin = file(ledger), key("twin.example")
        ledger.accept(register(twin, Role.HANDLER, person=HANDLER.name))
        close_case(ledger)
        assert "has signed twice" in refused(ledger, disposal(answer, by=(HANDLER, twin)))


def test_the_end_of_one_proceeding_does_not_lift_what_another_has_placed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger)
        close_case(ledger)
        review, lawsuit = ledger.accept(hold(CASE), hold(CASE, by=SECOND, reason="行政诉讼"))
        (row,) = ledger.file(hold(CASE, what="lifted"))
        assert "2 holds are on" in row["detail"] and lawsuit["id"] in "".join(row["hints"])
        ledger.accept(hold(review, what="lifted"))
        assert "under a legal hold: 行政诉讼" in refused(ledger, disposal(answer))
        ledger.accept(hold(lawsuit, what="lifted"))
        ledger.accept(disposal(answer))


def test_a_hold_on_a_misspelled_case_is_refused_and_not_believed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        (row,) = ledger.file(hold(CASE.replace("〔", "[").replace("〕", "]")))
        assert row["code"] == "malformed" and "want a case number" in row["detail"]


# --- what is wanted elsewhere ------------------------------------------------------------------


def test_what_an_act_of_another_case_names_stays_as_long_as_that(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        recording = file(ledger)
        decision = naming(ledger, recording)
        close_case(ledger)
        why = refused(ledger, disposal(recording))
        assert f"is wanted by {decision['id']} of {OTHER_CASE}" in why
        ledger.accept(act(ledger, case=OTHER_CASE))
        ledger.await_quorum()
        ledger.accept(disposal(decision, case=OTHER_CASE))
        disposed(ledger)
        ledger.accept(disposal(recording))


def test_an_original_stays_while_another_case_has_what_was_made_from_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        recording, made = file(ledger), transcript(ledger, OTHER_CASE)
        close_case(ledger)
        assert f"is wanted by {made['id']} of {OTHER_CASE}" in refused(ledger, disposal(recording))
        # With the original in that case too it is not lost with this one.
        file(ledger, case=OTHER_CASE, upload=False)
        ledger.accept(disposal(recording))
        disposed(ledger)
        assert b"".join(ledger.services.items.stream(object_of(ledger, RECORDING))) == RECORDING


def test_no_statement_is_named_by_two_disposals(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger)
        close_case(ledger)
        first, second = ledger.file(disposal(answer), disposal(answer))
        assert "index" in first
        assert second["detail"] == f"statement {answer['id']} goes by the disposal {first['id']}"


def test_a_complaint_stays_while_anything_is_held_for_it(tmp_path: Path) -> None:
    """Without it nothing that comes later would be held, and nobody would know what for."""
    with opened(tmp_path / "ledger") as ledger:
        times = {"from": "2026-03-02T15:00:00+08:00", "to": "2026-03-02T15:10:00+08:00"}
        seen = file(ledger, case=OTHER_CASE, occurred=times)
        letter = TextSubject("complaint", digest(b"letter"))
        fields = {"case": CASE, "place": "观前街", "seen": times}
        (complaint,) = ledger.accept(say(Kind.COMPLAINT, [letter], **fields))
        close_case(ledger)
        assert "for which 1 statements are held" in refused(ledger, disposal(complaint))
        ledger.accept(hold(seen, what="lifted", complaint=complaint["id"]))
        ledger.accept(disposal(complaint))


def test_what_ties_a_case_to_what_it_grew_from_goes_with_the_last_of_that(tmp_path: Path) -> None:
    """Or the rest would be records of which no case was made, and under no hold of the case."""
    with opened(tmp_path / "ledger") as ledger:
        (opening,) = ledger.accept(act(ledger, "provisional_opening", case=None, stage="start"))
        before = act(ledger, "site_inspection", case=None, provisional=opening["id"])
        (record,) = ledger.accept(before)
        tie = file(ledger, OTHER, provisional=opening["id"])
        close_case(ledger)
        why = refused(ledger, disposal(tie))
        assert why == (
            f"what says that the case grew from {opening['id']} goes with the last of that"
        )
        ledger.accept(disposal(tie, record))
        disposed(ledger)


# --- when ----------------------------------------------------------------------------------


def test_what_was_filed_late_in_a_closed_case_is_not_destroyed_by_its_closing(
    tmp_path: Path,
) -> None:
    days = LIST.replace("days = 0", "days = 1")
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(register(SECOND, Role.HANDLER), publish(days))
        early, _ = file(ledger), close_case(ledger)
        three_days = 3 * 86_400_000
        late_ms = time.time_ns() // 1_000_000 + three_days
        (late,) = ledger.accept(ledger.evidence(OTHER, name="b.mp4"))
        ledger.await_quorum()
        disposing = ledger.services.disposing
        disposing._now_ms = lambda: late_ms
        number = int(late["index"])
        disposing._seen_ms = lambda row: late_ms if row.index >= number else 0
        assert "keeps this until" in refused(ledger, disposal(late))
        assert "keeps this until" in refused(ledger, disposal(early, late))
        ledger.accept(disposal(early))


def test_records_of_no_case_are_kept_while_more_of_them_come(tmp_path: Path) -> None:
    days = LIST.replace('of = "record"\ndays = 0', 'of = "record"\ndays = 1')
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(register(SECOND, Role.HANDLER), publish(days))
        (opening,) = ledger.accept(act(ledger, "provisional_opening", case=None, stage="start"))
        provisional: dict[str, Any] = {"case": None, "provisional": opening["id"]}
        inspections = [
            ledger.accept(act(ledger, "site_inspection", **provisional))[0] for _ in range(2)
        ]
        ledger.await_quorum()
        early, late = inspections
        later_ms = time.time_ns() // 1_000_000 + 3 * 86_400_000
        number = int(late["index"])
        disposing = ledger.services.disposing
        disposing._now_ms = lambda: later_ms
        disposing._seen_ms = lambda row: later_ms if row.index >= number else 0
        asked = disposal(early, retention="recording", **provisional)
        assert "keeps this until" in refused(ledger, asked)
        disposing._seen_ms = lambda _: 0
        ledger.accept(asked)


def test_a_closing_counts_from_when_a_quorum_saw_it_whatever_our_clock_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = LIST.replace("days = 0", "days = 30")
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(register(SECOND, Role.HANDLER), publish(days))
        answer, _ = file(ledger), close_case(ledger)
        # As an operator would have it who ran his clock a year behind; the cosigners' did not.
        year_ago_ms = time.time_ns() // 1_000_000 - 366 * 86_400_000
        monkeypatch.setattr(Filed, "at_ms", property(lambda _: year_ago_ms))
        assert "keeps this until" in refused(ledger, disposal(answer))


def shared_case(
    ledger: Ledger, agencies: tuple[str, str] = (OWNER, HELPER)
) -> dict[str, dict[str, Any]]:
    """A case of one agency, in which another has filed too."""
    keys = {agency: (key(f"h1.{agency}"), key(f"h2.{agency}")) for agency in agencies}
    answers = {}
    for agency, people in keys.items():
        ledger.accept(*(register(one, Role.HANDLER, agency) for one in people))
        ledger.accept(publish(agency=agency))
        fields = {"agency": agency, "case": SHARED, "by": people[0]}
        (answers[agency],) = ledger.accept(ledger.evidence(agency.encode(), **fields))
    return answers


def act_of(ledger: Ledger, agency: str, name: str, stage: str = "enforce") -> bytes:
    by = key(f"h1.{agency}")
    document = f"{agency} {name}".encode()
    ledger.upload(document, by=by)
    fields = {"agency": agency, "case": SHARED, "act": name, "stage": stage}
    return say(Kind.ACT, [FileSubject("d", digest_item(document))], by, **fields)


def of(agency: str, answer: dict[str, Any], **more: Any) -> bytes:
    people = key(f"h1.{agency}"), key(f"h2.{agency}")
    return disposal(answer, agency=agency, case=SHARED, by=people, **more)


def test_who_helped_in_a_case_does_not_close_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answers = shared_case(ledger)
        ledger.accept(act_of(ledger, HELPER, "case_closing"))
        ledger.await_quorum()
        assert "the case is open" in refused(ledger, of(HELPER, answers[HELPER]))
        (closing,) = ledger.accept(act_of(ledger, OWNER, "case_closing"))
        ledger.await_quorum()
        # Whose case it was may go first: with the last of it the case is closed for good.
        both = disposal(
            answers[OWNER],
            closing,
            agency=OWNER,
            case=SHARED,
            by=(key(f"h1.{OWNER}"), key(f"h2.{OWNER}")),
        )
        ledger.accept(both)
        disposed(ledger)
        ledger.await_quorum()
        ledger.accept(of(HELPER, answers[HELPER]))
        disposed(ledger, 2)


def test_who_merely_spoke_first_under_a_number_keeps_no_case_open(tmp_path: Path) -> None:
    """It is its owner's by the registered spelling, as it is for the gates and for packets."""
    with opened(tmp_path / "ledger") as ledger:
        answers = shared_case(ledger, (HELPER, OWNER))
        ledger.accept(numbers(OWNER, "昆城管罚〔{year}〕{number}号"))
        (closing,) = ledger.accept(act_of(ledger, OWNER, "case_closing"))
        ledger.await_quorum()
        services = ledger.services
        tomorrow = in_china(services.clock.now_ms() + 86_400_000).date()
        found = expired(
            services.store, services.catalog, services.log.holds, services.first_year, tomorrow
        )
        assert (SHARED, OWNER) in [(one.case, one.agency) for one in found]
        people = key(f"h1.{OWNER}"), key(f"h2.{OWNER}")
        ledger.accept(disposal(answers[OWNER], closing, agency=OWNER, case=SHARED, by=people))
        disposed(ledger)


def test_whoever_says_that_his_case_grew_from_anothers_is_told_nothing_of_its_disposals(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "ledger") as ledger:
        shared_case(ledger)
        (opening,) = ledger.accept(act(ledger, "provisional_opening", case=None, stage="start"))
        provisional: dict[str, Any] = {"case": None, "provisional": opening["id"]}
        (gone,) = ledger.accept(act(ledger, "site_inspection", **provisional))
        ledger.await_quorum()
        ledger.accept(disposal(gone, retention="recording", **provisional))
        disposed(ledger)
        for number, agency, by in (
            (SHARED, OWNER, key(f"h1.{OWNER}")),
            (CASE, AGENCY, HANDLER),
        ):
            fields = {"agency": agency, "by": by, "case": number, "provisional": opening["id"]}
            ledger.accept(ledger.evidence(agency.encode(), **fields))
        told = [ledger.services.casefiles.destroyed(number).total() for number in (SHARED, CASE)]
        assert told == [0, 1]


def test_a_hearing_that_another_agency_held_makes_the_class_longer(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answers = shared_case(ledger)
        ledger.accept(act_of(ledger, HELPER, "hearing", "review"))
        ledger.accept(act_of(ledger, OWNER, "case_closing"))
        ledger.await_quorum()
        assert "want the retention class 'years_10'" in refused(ledger, of(OWNER, answers[OWNER]))
