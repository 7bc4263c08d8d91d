"""What notaries say: the forms, who must sign, and whose cases they name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.chunks import digest_item
from ledger.evidence.membership import series_names
from ledger.evidence.statement import MAX_SUBJECTS, Statement
from ledger.log import Accepted
from ledger.packing import plan_packet
from ledger.ports import ItemRecord
from testkit.case import (
    CASE,
    STATION,
    Draft,
    agency,
    evidence,
    key,
    registration,
    text_subject,
    uuid7,
)
from testkit.notarial import (
    LI,
    OFFICE,
    PDF,
    WANG,
    decided,
    issued,
    received,
    recorded,
    registrations,
    revoked,
    statement_subject,
)
from testkit.world import World

PHOTO = evidence("photo", 11, {"photo.jpg": b"a picture"})
ALL: dict[str, Callable[[], Draft]] = {
    "received": received,
    "decided": lambda: decided(decision="refused", ground="disputed"),
    "recorded": recorded,
    "issued": lambda: issued(about=[PHOTO]),
    "revoked": lambda: revoked(issued()),
}


def read(draft: Draft) -> Statement:
    return Statement.from_bytes(draft.to_payload())


@pytest.mark.parametrize("name", ALL)
def test_what_a_notary_says_is_written_back_byte_for_byte(name: str) -> None:
    data = ALL[name]().to_payload()
    assert Statement.from_bytes(data).to_bytes() == data


REQUIRED = {
    "received": ["applicant", "dispute", "interest", "purpose", "occurred"],
    "decided": ["application", "decision", "occurred", "ground"],
    "recorded": ["application", "record"],
    "issued": ["number", "occurred"],
    "revoked": ["issued", "revoked"],
}


@pytest.mark.parametrize(("name", "field"), [(n, f) for n, fs in REQUIRED.items() for f in fs])
def test_a_field_that_must_be_there_is_missed(name: str, field: str) -> None:
    draft = ALL[name]()
    del draft.predicate[field]
    with pytest.raises(Malformed, match="predicate"):
        read(draft)


BAD: list[tuple[str, str, Any]] = [
    ("received", "dispute", "maybe"),
    ("received", "ground", "disputed"),
    ("received", "stage", "decide"),
    ("decided", "ground", "busy"),
    ("decided", "decision", "accepted"),  # with a ground
    ("decided", "application", "1"),
    ("recorded", "record", "look"),
    ("issued", "number", "a\nb"),
    ("issued", "issued", uuid7(3)),
    ("revoked", "issued", uuid7(3)),  # not the statement of its subject
]


@pytest.mark.parametrize(("name", "field", "value"), BAD)
def test_a_field_out_of_form_is_refused(name: str, field: str, value: Any) -> None:
    draft = ALL[name]()
    draft.predicate[field] = value
    with pytest.raises(Malformed):
        read(draft)


def test_a_certificate_names_its_file_first_and_then_statements() -> None:
    draft = issued(about=[PHOTO])
    for subjects in (draft.subject[::-1], draft.subject[1:], [draft.subject[0]] * 2):
        with pytest.raises(Malformed):
            read(replace(draft, subject=subjects))
    with pytest.raises(Malformed):
        read(replace(received(), subject=[text_subject("record", "x")]))


def test_a_certificate_is_about_more_than_an_item_has_files() -> None:
    photos = [replace(PHOTO, predicate=PHOTO.predicate | {"id": uuid7(i)}) for i in range(500)]
    assert len(read(issued(about=photos)).subjects) == 501 > MAX_SUBJECTS
    with pytest.raises(Malformed, match="want 1 to 501"):
        read(
            issued(about=[*photos, replace(PHOTO, predicate=PHOTO.predicate | {"id": uuid7(501)})])
        )
    with pytest.raises(Malformed, match="want 1 to 9"):
        read(replace(PHOTO, subject=[statement_subject(photo) for photo in photos]))


def test_a_certificate_has_a_series_of_its_own_which_its_revocation_shares() -> None:
    own = f"2026/certificate/{uuid7(80)}"
    assert series_names(read(issued()), "2026", 2026) == (f"2026/case/{CASE}", own)
    assert series_names(read(revoked(issued())), "2027", 2026) == (f"2026/case/{CASE}", own)
    alone = issued()
    del alone.predicate["case"]
    assert series_names(read(alone), "2026", 2026) == (own,)
    with pytest.raises(Malformed, match="in a log of 2026"):
        series_names(read(issued(id=uuid7(1, 2_000_000_000_000))), "2026", 2026)


def test_an_application_belongs_to_its_case_or_else_to_the_office() -> None:
    assert series_names(read(received()), "2026", 2026) == (f"2026/case/{CASE}",)
    alone = received()
    del alone.predicate["case"]
    assert series_names(read(alone), "2026", 2026) == (f"2026/application/{OFFICE}",)


# --- in the ledger ---------------------------------------------------------------------------


def office(*more: Draft) -> World:
    world = World()
    for one in [*registrations(), *more]:
        (result,) = world.file(one.to_envelope())
        assert isinstance(result, Accepted), result
    found = digest_item(PDF)
    record = ItemRecord(
        object_id=found.sha256.hex()[:32],
        digest=found,
        keyid=WANG.verifier.keyid,
        agency=OFFICE,
        uploaded_ms=world.clock.now_ms(),
    )
    world.store.add_item(record)
    return world


def test_a_certificate_that_one_person_signed_is_refused() -> None:
    world = office()
    for signers in ((WANG,), (LI,)):
        (result,) = world.file(replace(issued(), signers=signers).to_envelope())
        assert isinstance(result, Rejected) and "want 2 persons" in str(result)
    (result,) = world.file(issued().to_envelope())
    assert isinstance(result, Accepted)


def test_one_person_with_two_keys_is_one_person() -> None:
    second = key("wang-2.notary.example")
    world = office(registration(65, second, "notary", agency=OFFICE, person=WANG.name))
    for draft in (issued(), recorded()):
        (result,) = world.file(replace(draft, signers=(WANG, second)).to_envelope())
        assert isinstance(result, Rejected) and "has signed twice" in str(result)


@pytest.mark.parametrize("record", ["comparison", "cleanliness", "spot_check"])
def test_only_on_site_records_want_two_persons(record: str) -> None:
    world = office()
    (result,) = world.file(replace(recorded(record=record), signers=(WANG,)).to_envelope())
    assert isinstance(result, Accepted)
    (result,) = world.file(replace(recorded(73), signers=(WANG,)).to_envelope())
    assert isinstance(result, Rejected)


def test_a_station_issues_no_certificate() -> None:
    world = office()
    draft = replace(issued(agency="agency-01"), signers=(STATION, WANG))
    (result,) = world.file(draft.to_envelope())
    assert isinstance(result, Rejected) and "may not make" in str(result)


def test_a_notary_names_the_case_of_an_agency_and_does_not_come_to_own_it() -> None:
    world = office(agency(66, "苏城管罚〔{year}〕{number}号", draft="templates"))
    results = world.file(received().to_envelope(), world.evidence(20, case=CASE))
    assert all(isinstance(result, Accepted) for result in results), results
    world.step()
    plan = plan_packet(world.log, CASE, 2026)
    assert any(path.startswith("data/items/") for path in plan.files) or plan.items


def test_no_office_revokes_what_another_issued() -> None:
    zhao = key("zhao.other.example")
    world = office(registration(67, zhao, "notary", agency="notary-02"))
    certificate = issued()
    (done,) = world.file(certificate.to_envelope())
    assert isinstance(done, Accepted)
    certificate.salt = done.row.salt
    theirs = replace(revoked(certificate, agency="notary-02"), signers=(zhao,))
    (result,) = world.file(theirs.to_envelope())
    assert isinstance(result, LedgerError) and "not of 'notary-02'" in str(result)
    (result,) = world.file(revoked(certificate).to_envelope())
    assert isinstance(result, Accepted)


def test_what_issued_nothing_is_not_revoked() -> None:
    world = office()
    (done,) = world.file(received(80).to_envelope())
    assert isinstance(done, Accepted)
    (result,) = world.file(revoked(received(80)).to_envelope())
    assert isinstance(result, Rejected) and "issued no certificate" in str(result)
