from collections.abc import Iterable

import pytest

from ledger.errors import Rejected
from ledger.evidence.envelope import Envelope
from ledger.evidence.register import Register, Registration
from ledger.evidence.statement import Role, Statement
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.signing_key import SigningKey
from testkit.case import (
    HANDLER,
    LOG,
    REGISTRAR,
    STATION,
    THIEF,
    Draft,
    agency,
    decision,
    evidence,
    opening,
    registration,
    session,
)
from testkit.keys import key


def of(draft: Draft) -> tuple[Statement, Envelope]:
    envelope = Envelope.from_bytes(draft.to_envelope())
    return Statement.from_bytes(envelope.payload), envelope


def register(*drafts: Draft, others: Iterable[VerifierKey] = ()) -> Register:
    """The n-th draft stands at index n of the first log."""
    made = Register(REGISTRAR.verifier, others)
    for index, draft in enumerate(drafts):
        made.add((0, index), *of(draft))
    return made


def opened(
    made: Register, draft: Draft, position: tuple[int, int] = (0, 9), seen: int | None = 1000
) -> tuple[Registration, ...]:
    return made.open(position, *of(draft), seen)


STATIONS = registration(1, STATION, "station")
HANDLERS = registration(2, HANDLER, "handler")
PHOTO = evidence("photo", 3, {"photo.jpg": b"x"})


def signed(draft: Draft, *keys: SigningKey) -> Draft:
    draft.signers = keys
    return draft


def test_a_registered_key_counts() -> None:
    (signer,) = opened(register(STATIONS), PHOTO)
    assert (signer.person, signer.role, signer.position) == (STATION.name, Role.STATION, (0, 0))


@pytest.mark.parametrize("position", [(0, 0), (-1, 99)])
def test_a_key_counts_only_behind_its_registration(position: tuple[int, int]) -> None:
    with pytest.raises(Rejected, match="before this statement"):
        opened(register(STATIONS), PHOTO, position)


def test_a_key_counts_in_a_later_log() -> None:
    assert opened(register(STATIONS), PHOTO, (1, 0))


@pytest.mark.parametrize("signer", [REGISTRAR, HANDLER, THIEF])
def test_only_the_registrar_registers(signer: SigningKey) -> None:
    draft = signed(registration(1, STATION, "station"), signer)
    if signer is REGISTRAR:
        register(draft)
        return
    with pytest.raises(Rejected, match="want the registrar"):
        register(HANDLERS, draft)


def test_the_registrar_and_another_are_refused_together() -> None:
    with pytest.raises(Rejected, match="want the registrar"):
        register(signed(registration(1, STATION, "station"), REGISTRAR, HANDLER))


def test_only_register_statements_are_added() -> None:
    with pytest.raises(Rejected, match="want a register statement"):
        register(PHOTO)


def test_a_newer_key_of_a_name_replaces_the_older_from_there_on() -> None:
    new = key(STATION.name, "second")
    made = register(STATIONS, HANDLERS, registration(4, new, "station"))
    assert opened(made, PHOTO, (0, 2))
    with pytest.raises(Rejected, match="no key"):
        opened(made, PHOTO, (0, 3))
    assert opened(made, signed(evidence("e", 5, {"x": b"x"}), new), (0, 3))


def test_a_revocation_works_from_its_own_place() -> None:
    made = register(STATIONS, HANDLERS, registration(4, STATION, "station", revoked="挂失"))
    assert opened(made, PHOTO, (0, 2))
    with pytest.raises(Rejected, match="revoked"):
        opened(made, PHOTO, (0, 3))


@pytest.mark.parametrize(("seen", "stands"), [(999, True), (1000, False), (1001, False)])
@pytest.mark.parametrize("revoked", [True, False])
def test_a_compromise_reaches_back_to_its_time(seen: int, stands: bool, revoked: bool) -> None:
    more = {"revoked": "被盗"} if revoked else {}
    since = "1970-01-01T00:16:40Z"  # second 1000
    gone = registration(4, STATION, "station", compromised_since=since, **more)
    made = register(STATIONS, gone)
    if stands:
        assert opened(made, PHOTO, (0, 1), seen)
        return
    with pytest.raises(Rejected, match="compromised"):
        opened(made, PHOTO, (0, 1), seen)


@pytest.mark.parametrize("since", ["1970-01-01T00:00:00Z", "1970-01-01T00:16:40Z"])
def test_what_no_quorum_has_seen_falls_with_a_compromised_key(since: str) -> None:
    gone = registration(4, STATION, "station", revoked="被盗", compromised_since=since)
    with pytest.raises(Rejected, match="compromised"):
        opened(register(STATIONS, gone), PHOTO, (0, 1), None)


def test_a_compromise_of_the_second_key_leaves_the_first_alone() -> None:
    new = key(STATION.name, "second")
    gone = registration(5, new, "station", revoked="被盗", compromised_since="1970-01-01T00:00:00Z")
    made = register(STATIONS, registration(4, new, "station"), gone)
    assert opened(made, PHOTO, (0, 1), 1000)


def test_a_role_says_only_what_it_may() -> None:
    with pytest.raises(Rejected, match="a station may not"):
        opened(register(STATIONS), signed(decision("d", 4), STATION))


def test_a_station_tells_a_session_and_a_person_explains_its_gaps() -> None:
    made = register(STATIONS, HANDLERS)
    dock = session("s", 4, gaps=[])
    explanation = session("s", 5, gap="1", cause="battery", session=dock.predicate["id"])
    assert opened(made, dock) and opened(made, explanation)
    with pytest.raises(Rejected, match="a handler may not"):
        opened(made, signed(dock, HANDLER))
    with pytest.raises(Rejected, match="a station may not"):
        opened(made, signed(explanation, STATION))


def test_two_keys_of_one_person_are_one_signer() -> None:
    second = key("handler-12.second.example")
    made = register(HANDLERS, registration(4, second, "handler", person=HANDLER.name))
    with pytest.raises(Rejected, match="signed twice"):
        opened(made, signed(decision("d", 5), HANDLER, second))


def test_a_key_speaks_for_its_own_agency() -> None:
    with pytest.raises(Rejected, match="'agency-02'"):
        opened(register(registration(1, STATION, "station", agency="agency-02")), PHOTO)


@pytest.mark.parametrize(
    "again",
    [
        registration(4, STATION, "station", person="someone else"),
        registration(4, STATION, "handler"),
        registration(
            4, SigningKey("alias", STATION.algorithm, STATION.seed), "station", person=STATION.name
        ),
    ],
    ids=["person", "role", "name"],
)
def test_a_key_has_one_name_one_person_and_one_role(again: Draft) -> None:
    made = register(STATIONS)
    for refuse in (made.add, made.open):
        with pytest.raises(Rejected, match="another role"):
            refuse((0, 1), *of(again))


@pytest.mark.parametrize("owner", [LOG, REGISTRAR])
def test_a_key_of_the_log_or_the_registrar_signs_no_statements(owner: SigningKey) -> None:
    double = registration(1, SigningKey("double", owner.algorithm, owner.seed), "station")
    with pytest.raises(Rejected, match="key"):
        register(double, others=[LOG.verifier])


def test_openings_and_spellings_are_kept() -> None:
    other = agency(3, "锡〔{year}〕{number}号", of="agency-02")
    made = register(opening(), agency(2, "苏〔{year}〕{number}号"), other)
    assert [position for position, _ in made.openings] == [(0, 0)]
    assert made.case_numbers("agency-01") == ("苏〔{year}〕{number}号",)
    assert set(made.case_numbers()) == {"苏〔{year}〕{number}号", "锡〔{year}〕{number}号"}
    assert made.case_numbers("agency-03") == ()


# --- one person, two algorithms --------------------------------------------------------------

STATION_SM2 = key(f"{STATION.name}/sm2", algorithm=Algorithm.SM2)


def second(role: str = "station", **more: str) -> Draft:
    return registration(5, STATION_SM2, role, person=STATION.name, **more)


@pytest.mark.parametrize("keys", [(STATION, STATION_SM2), (STATION_SM2, STATION)])
def test_two_algorithms_of_one_person_are_one_person(keys: tuple[SigningKey, ...]) -> None:
    draft = signed(evidence("both", 6, {"x": b"x"}), *keys)
    (signer,) = opened(register(STATIONS, second()), draft)
    assert signer.keys == tuple(k.verifier for k in keys)


def test_two_keys_of_one_algorithm_are_one_person_twice() -> None:
    other = key(f"{STATION.name}/other")
    made = register(STATIONS, registration(7, other, "station", person=STATION.name))
    with pytest.raises(Rejected, match="has signed twice"):
        opened(made, signed(evidence("both", 6, {"x": b"x"}), STATION, other))


def test_two_algorithms_of_one_person_have_one_role() -> None:
    draft = signed(evidence("both", 6, {"x": b"x"}), STATION, STATION_SM2)
    with pytest.raises(Rejected, match="two roles or agencies"):
        opened(register(STATIONS, second("handler")), draft)
