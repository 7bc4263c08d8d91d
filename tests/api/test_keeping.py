"""What a statement claims is retained in every store, by nobody before and for nobody to lift."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from minio.commonconfig import COMPLIANCE
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.retention import Retention

from api.ids import new_id
from cli.main import main
from ledger.errors import Rejected, Unavailable, Unknown
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import OPENING, Kind, Statement, TextSubject
from ledger.ports import ItemRecord
from ledger.suite import digest
from ledger.tlog.signing_key import SigningKey
from storage.scrub import Pace, Scrub
from testkit.buckets import Made, make_bucket
from testkit.ceph import Shared
from testkit.sequence import OF_THE_FIRST, go_on, open_both, reopened
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_CASE,
    STATION,
    Ledger,
    await_that,
    open_ledger,
)

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph
DAY_MS = 86_400_000
DAYS = {"retain_days_recording": 2, "retain_days_case": 5}


def record(ledger: Ledger, data: bytes) -> ItemRecord:
    (found,) = (
        item
        for item in (*ledger.services.store.claimed(), *ledger.services.store.unclaimed(2**60))
        if item.digest.size == len(data)
    )
    return found


def until_days(ledger: Ledger, data: bytes) -> float:
    """As the places say it, from the arrival on; 0 for not retained."""
    item = record(ledger, data)
    place = ledger.services.vault.places.find(item.object_id)
    assert place is not None
    return max(0, place.until_ms - item.uploaded_ms) / DAY_MS


def lock(ledger: Ledger, data: bytes, root: str = "items") -> str:
    object_id = record(ledger, data).object_id
    path = ledger.folder / root / object_id[:2] / f"{object_id}.lock"
    return path.read_text() if path.exists() else ""


def kept(ledger: Ledger) -> None:
    size = ledger.services.log.number
    rule = ledger.services.keeping._rule
    await_that(lambda: ledger.services.vault.places.retained_to(rule) >= size, "the retention")


def altered(envelope: bytes, by: SigningKey = STATION, **fields: Any) -> bytes:
    """The same statement with other fields; None takes one away."""
    said = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
    predicate = {k: v for k, v in (dict(said.predicate) | fields).items() if v is not None}
    kind = Kind.ACT if "act" in predicate else Kind.EVIDENCE
    return seal(Statement(kind, said.subjects, predicate).to_bytes(), [by]).to_bytes()


def provisional(ledger: Ledger) -> str:
    opening = altered(
        ledger.evidence(b"the opening on paper"), HANDLER, act=OPENING, case=None, stage="start"
    )
    (answer,) = ledger.accept(opening)
    return str(answer["id"])


def test_a_claimed_item_is_retained_and_no_other(tmp_path: Path) -> None:
    settings = DAYS | {"second_store": "directory:../second"}
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        ledger.upload(b"unclaimed")
        ledger.accept(ledger.evidence(b"claimed"))
        kept(ledger)
        assert until_days(ledger, b"claimed") == 5
        assert until_days(ledger, b"unclaimed") == 0 and not lock(ledger, b"unclaimed")
        item = record(ledger, b"claimed")
        want = f"{item.uploaded_ms + 5 * DAY_MS} free\n"
        assert [lock(ledger, b"claimed", root) for root in ("items", "../second")] == [want] * 2
        with pytest.raises(Rejected, match="to be kept until"):
            ledger.services.items.delete(item.object_id)
        ledger.services.items.delete(record(ledger, b"unclaimed").object_id)


def test_by_default_nothing_is_retained(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"claimed"))
        ledger.services.keeping.retain()
        assert until_days(ledger, b"claimed") == 0


@pytest.mark.parametrize("logs", [1, 2])
def test_a_provisional_case_that_gets_its_number_is_retained_as_a_case(
    tmp_path: Path, logs: int
) -> None:
    with open_ledger(tmp_path / "ledger", **DAYS) as ledger:
        opening = provisional(ledger)
        ledger.accept(altered(ledger.evidence(b"first"), case=None, provisional=opening))
        kept(ledger)
        assert until_days(ledger, b"first") == 2
        ledger.await_quorum()
    if logs == 2:
        go_on(tmp_path / "ledger", ledger.offices)
    with reopened(tmp_path / "ledger", ledger.offices, **DAYS) as ledger:
        ledger.accept(ledger.evidence(b"numbered", case=CASE, provisional=opening))
        kept(ledger)
        assert (until_days(ledger, b"first"), until_days(ledger, b"numbered")) == (5, 5)


def test_what_was_claimed_before_the_days_were_set_is_retained_then(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"claimed"))
    for days, want in ((5, 5), (9, 9), (1, 9)):
        with open_ledger(tmp_path / "ledger", retain_days_case=days) as ledger:
            kept(ledger)
            assert until_days(ledger, b"claimed") == want


@pytest.mark.parametrize("stored", [False, True])
def test_a_store_that_fails_is_asked_again_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    with open_ledger(tmp_path / "ledger", **DAYS) as ledger:
        first = ledger.services.vault.items.copies["first"]
        retain = first.retain

        def fails(ref: str, until_ms: int) -> None:
            if stored:
                retain(ref, until_ms)
            raise Unavailable("the store is away")

        monkeypatch.setattr(first, "retain", fails)
        ledger.accept(ledger.evidence(b"claimed"))
        with pytest.raises(Unavailable):
            ledger.services.keeping.retain()
        rule = ledger.services.keeping._rule
        assert ledger.services.vault.places.retained_to(rule) < ledger.services.log.size
    with open_ledger(tmp_path / "ledger", **DAYS) as ledger:
        kept(ledger)
        assert lock(ledger, b"claimed")


def test_a_missing_copy_does_not_stop_the_others_and_is_retained_when_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = DAYS | {"second_store": "directory:../second"}
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        ledger.upload(b"claimed")
        object_id = record(ledger, b"claimed").object_id
        (ledger.folder / "items" / object_id[:2] / object_id).unlink()
        with pytest.raises(Unknown):
            ledger.services.items.retain(object_id, 2**41)
        assert lock(ledger, b"claimed", "../second") and not lock(ledger, b"claimed")
        (tmp_path / "second" / object_id[:2] / f"{object_id}.lock").unlink()
        clock = ledger.services.clock
        scrub = Scrub(
            ledger.services.vault.items,
            ledger.services.store.items_after,
            clock,
            Pace(10**12, clock, time.sleep),
            print,
        )
        scrub.run()
        # The one that was mended, and the one whose lock was taken away.
        assert [lock(ledger, b"claimed", r) for r in ("items", "../second")] == [
            f"{2**41} free\n"
        ] * 2


# --- in a bucket -------------------------------------------------------------------------------


@pytest.fixture
def made(ceph: Shared) -> Iterator[Made]:
    yield make_bucket(ceph)


def test_in_a_bucket_nobody_shortens_bypasses_or_deletes(tmp_path: Path, made: Made) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(f"{made.credentials.access_key}\n{made.credentials.secret_key}\n")
    credentials.chmod(0o600)
    settings: dict[str, Any] = DAYS | {
        "store": f"s3:{made.endpoint}/{made.name}",
        "store_credentials": credentials,
    }
    data = os.urandom(1000)
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        ledger.upload(b"unclaimed")
        ledger.accept(ledger.evidence(data))
        kept(ledger)
        item = record(ledger, data)
        place = ledger.services.vault.places.find(item.object_id)
        assert place is not None
        key, version = place.refs["first"].split("@")
        name = f"objects/{key}"
        mode, until_ms = made.bucket().retained(name, version) or ("", 0)
        assert mode == COMPLIANCE and 0 <= until_ms - item.uploaded_ms - 5 * DAY_MS <= 1000
        soon = Retention(COMPLIANCE, datetime.now(UTC) + timedelta(minutes=1))
        for attempt in (
            lambda: made.keeper.remove_object(made.name, name, version),
            lambda: made.keeper.set_object_retention(made.name, name, soon, version_id=version),
        ):
            with pytest.raises(S3Error) as caught:
                attempt()
            assert caught.value.code == "AccessDenied"
        bypassed = made.keeper.remove_objects(
            made.name, [DeleteObject(name, version)], bypass_governance_mode=True
        )
        assert [error.code for error in bypassed] == ["AccessDenied"]
        with pytest.raises(Rejected, match="retained until"):
            ledger.services.vault.items.copies["first"].delete(place.refs["first"])
        with pytest.raises(Rejected, match="to be kept until"):
            ledger.services.items.delete(item.object_id)
        assert b"".join(ledger.services.items.stream(item.object_id)) == data
        gone = record(ledger, b"unclaimed").object_id
        ledger.services.items.delete(gone)
        assert gone not in set(ledger.services.vault.items.held())


# --- legal holds -------------------------------------------------------------------------------


def hold(ledger: Ledger, *arguments: str) -> None:
    assert main(["hold", str(ledger.folder), *arguments]) == 0


def is_held(ledger: Ledger, data: bytes) -> bool:
    place = ledger.services.vault.places.find(record(ledger, data).object_id)
    assert place is not None
    return place.held


def said(ledger: Ledger) -> list[tuple[str, str]]:
    return [(one["hold"], one["reason"]) for one in ledger.said("hold")]


def lift(ledger: Ledger, target: str, reason: str) -> None:
    moment = {"from": "2026-11-26T12:00:00+08:00", "to": "2026-11-26T12:00:00+08:00"}
    predicate = {
        "agency": AGENCY,
        "hold": "lifted",
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": moment,
        "reason": reason,
    }
    subject = TextSubject(target, digest(target.encode()))
    payload = Statement(Kind.HOLD, (subject,), predicate).to_bytes()
    ledger.accept(seal(payload, [HANDLER]).to_bytes())


@pytest.mark.parametrize("logs", [1, 2])
def test_a_case_is_held_with_what_comes_later_until_it_is_lifted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], logs: int
) -> None:
    with (open_ledger, open_both)[logs - 1](tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"first"), ledger.evidence(b"another case", case=OTHER_CASE))
        hold(ledger, CASE, "--reason", "appeal")
        assert capsys.readouterr().out == f"{logs} items are held\n"
        assert logs == 1 or is_held(ledger, OF_THE_FIRST)
        assert (is_held(ledger, b"first"), is_held(ledger, b"another case")) == (True, False)
        assert lock(ledger, b"first") == "0 hold\n"
        with pytest.raises(Rejected, match="legal hold"):
            ledger.services.items.delete(record(ledger, b"first").object_id)
        hold(ledger, "--list", "--lang", "zh")
        assert capsys.readouterr().out == f"{CASE}  appeal（尚未记入日志）\n"
        ledger.accept(ledger.evidence(b"second one"))
        ledger.services.keeping.hold()
        assert is_held(ledger, b"second one")
        second = record(ledger, b"second one").digest.sha256.hex()
        hold(ledger, second, "--reason", "copied by the court")
        ledger.services.keeping.hold()
        lift(ledger, CASE, "settled")
        ledger.services.keeping.hold()
        assert (is_held(ledger, b"first"), is_held(ledger, b"second one")) == (False, True)
        assert lock(ledger, b"first") == "0 free\n"
        assert said(ledger) == [
            ("placed", "appeal"),
            ("placed", "copied by the court"),
            ("lifted", "settled"),
        ]
        capsys.readouterr()
        hold(ledger, "--list")
        assert capsys.readouterr().out.startswith(f"{second}  copied by the court  ")


def test_a_hold_from_before_the_closing_is_said_once_in_the_next_log(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"first"))
        ledger.await_quorum()
    hold(ledger, CASE, "--reason", "appeal")
    go_on(tmp_path / "ledger", ledger.offices)
    for later in (b"second one", b"the third one"):
        with reopened(tmp_path / "ledger", ledger.offices) as ledger:
            await_that(lambda: said(ledger), "the statement")
            ledger.accept(ledger.evidence(later))
            ledger.services.keeping.hold()
            assert is_held(ledger, b"first") and is_held(ledger, later)
            assert said(ledger) == [("placed", "appeal")]


def test_a_hold_that_was_said_before_a_crash_is_not_said_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        hold(ledger, CASE, "--reason", "appeal")

        def crash(*_: object) -> None:
            raise Unavailable("the disk is away")

        with monkeypatch.context() as patched:
            patched.setattr(ledger.services.vault.places, "file_hold", crash)
            with pytest.raises(Unavailable):
                ledger.services.keeping.hold()
        ledger.services.keeping.hold()
        assert said(ledger) == [("placed", "appeal")]


def test_unclaimed_bytes_under_a_hold_are_not_removed(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.upload(b"unclaimed")
        item = record(ledger, b"unclaimed")
        hold(ledger, item.digest.sha256.hex(), "--reason", "seized")
        ledger.services.clock.now_ms = lambda: time.time_ns() // 1_000_000 + 3 * DAY_MS  # type: ignore[method-assign]
        assert ledger.services.remove_unclaimed() == 0
        assert b"".join(ledger.services.items.stream(item.object_id)) == b"unclaimed"


@pytest.mark.parametrize(
    "arguments",
    [(), (CASE,), (CASE, "--list"), (CASE, "--reason", "two\nlines"), (CASE, "--reason", " ")],
)  # fmt: skip
def test_a_hold_wants_a_target_and_a_reason(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        assert main(["hold", str(ledger.folder), *arguments]) == 2


def test_a_hold_in_a_bucket_is_the_stores(
    tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(f"{made.credentials.access_key}\n{made.credentials.secret_key}\n")
    credentials.chmod(0o600)
    settings = {"store": f"s3:{made.endpoint}/{made.name}", "store_credentials": credentials}
    for name, value in settings.items():
        monkeypatch.setenv(f"TIEZHENG_{name.upper()}", str(value))
    with open_ledger(tmp_path / "ledger", **settings) as ledger:
        ledger.accept(ledger.evidence(b"first"))
        hold(ledger, CASE, "--reason", "appeal")
        place = ledger.services.vault.places.find(record(ledger, b"first").object_id)
        assert place is not None
        key, version = place.refs["first"].split("@")
        with pytest.raises(S3Error) as caught:
            made.keeper.remove_object(made.name, f"objects/{key}", version)
        assert caught.value.code == "AccessDenied"
        ledger.services.keeping.hold()
        lift(ledger, CASE, "settled")
        ledger.services.keeping.hold()
        assert not made.bucket().held(f"objects/{key}", version)
