"""Rotation, revocation and return of keys, as the register sees them."""

import pytest

from ledger.errors import Rejected
from ledger.evidence.statement import MAY_SAY, TRUSTED_ROLES, Role
from testkit.case import (
    ARCHIVE,
    HANDLER,
    LOG,
    NOTARY,
    REGISTRAR,
    STATION,
    Draft,
    evidence,
    registration,
)
from testkit.keys import cosigner, key
from unit.test_register import PHOTO, STATIONS, of, opened, register, signed

NEW = key(STATION.name, "second")
GONE = registration(4, STATION, "station", revoked="丢失")
STOLEN = registration(
    4, STATION, "station", revoked="被盗", compromised_since="1970-01-01T00:16:40Z"
)
MOVED = registration(5, NEW, "station")
AGAIN = registration(6, STATION, "station")
BY_NEW = signed(evidence("e", 7, {"x": b"x"}), NEW)


@pytest.mark.parametrize("how", [GONE, STOLEN])
def test_a_revoked_key_does_not_come_back(how: Draft) -> None:
    for drafts in ((STATIONS, how), (STATIONS, how, MOVED)):
        made = register(*drafts)
        for refuse in (made.add, made.open):
            with pytest.raises(Rejected, match="does not come back") as refused:
                refuse((0, 8), *of(AGAIN))
        assert "keygen" in refused.value.hints[0]


def test_a_replaced_key_does_not_come_back() -> None:
    with pytest.raises(Rejected, match="was replaced"):
        register(STATIONS, MOVED, AGAIN)


def test_a_key_may_be_restated_as_it_is() -> None:
    assert opened(register(STATIONS, AGAIN), PHOTO)


def test_a_revocation_may_be_restated() -> None:
    register(STATIONS, GONE, GONE)


@pytest.mark.parametrize("how", [GONE, STOLEN])
def test_withdrawing_a_replaced_key_leaves_the_new_one(how: Draft) -> None:
    made = register(STATIONS, MOVED, how)
    assert opened(made, BY_NEW)
    with pytest.raises(Rejected, match="no key"):
        opened(made, PHOTO)


def test_a_theft_noticed_after_the_rotation_still_reaches_back() -> None:
    made = register(STATIONS, MOVED, STOLEN)
    assert opened(made, PHOTO, (0, 1), 999)
    with pytest.raises(Rejected, match="compromised"):
        opened(made, PHOTO, (0, 1), 1000)


def test_a_new_key_follows_a_revoked_one() -> None:
    assert opened(register(STATIONS, GONE, MOVED), BY_NEW)


@pytest.mark.parametrize("role", sorted(TRUSTED_ROLES))
def test_the_register_makes_nobody_of_the_trust_folder_a_signer(role: Role) -> None:
    owner = ARCHIVE if role is Role.COSIGNER else STATION
    made = register(registration(1, owner, role), others=[ARCHIVE.verifier])
    assert [v.key for v in made.trusted] == [owner.verifier]
    assert all(role not in sayers for sayers in MAY_SAY.values())
    with pytest.raises(Rejected, match="no key"):
        opened(made, signed(evidence("e", 7, {"x": b"x"}), owner))


@pytest.mark.parametrize(
    ("owner", "role"),
    [(NOTARY, "station"), (NOTARY, "log"), (STATION, "cosigner"), (cosigner("x"), "registrar")],
)
def test_a_key_of_the_wrong_kind_gets_no_role(owner: object, role: str) -> None:
    with pytest.raises(Rejected, match="not a key for the role"):
        register(registration(1, owner, role))  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [1, -1])
def test_a_station_is_no_mirror(order: int) -> None:
    drafts = [STATIONS, registration(2, STATION, "mirror")][::order]
    with pytest.raises(Rejected, match="another role"):
        register(*drafts)


@pytest.mark.parametrize("owner", [LOG, REGISTRAR, HANDLER])
def test_a_trusted_key_does_not_come_back_either(owner: object) -> None:
    gone = registration(1, owner, "log", revoked="x")  # type: ignore[arg-type]
    with pytest.raises(Rejected, match="does not come back"):
        register(gone, registration(2, owner, "log"))  # type: ignore[arg-type]
