"""A disposal in the log destroys what it names, and only that, and only where it may."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.clients.ledger import check_receipt
from api.ids import new_id
from ledger.errors import Unavailable
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.sealed import Companion
from ledger.evidence.signing import seal
from ledger.evidence.statement import (
    Kind,
    Role,
    Statement,
)
from ledger.suite import digest
from testkit.buckets import Made, make_bucket
from testkit.ceph import Shared
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
    found,
    hold,
    needles,
    object_of,
    opened,
    publish,
    refused,
)
from testkit.keys import key
from testkit.sequence import go_on, reopened
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_AGENCY,
    OTHER_CASE,
    STATION,
    Ledger,
    await_that,
    open_ledger,
    register,
)
from testkit.tus import tus_server

STRANGER = key("stranger.example")


@pytest.fixture
def made(ceph: Shared) -> Made:
    return make_bucket(ceph)


# --- destroying --------------------------------------------------------------------------------


def test_no_file_of_the_folder_holds_what_was_destroyed(tmp_path: Path) -> None:
    second = {"second_store": "directory:../second"}
    with opened(tmp_path / "ledger", **second) as ledger:
        gone, stays = file(ledger), file(ledger, OTHER, name="b.mp4")
        close_case(ledger)
        wanted = needles(ledger, RECORDING, gone)
        object_id = object_of(ledger, RECORDING)
        assert {needle for _, needle in found(tmp_path, wanted)} >= {wanted[2][:40], wanted[3][:40]}
        ledger.accept(disposal(gone))
        disposed(ledger)
        assert found(tmp_path, [*wanted, object_id.encode()]) == [
            ("ledger/ledger.sqlite", object_id.encode()[:40])
        ]  # only that it was destroyed
        row = ledger.services.store.find(stays["id"])
        assert row is not None and row.said() is not None
        held = ledger.services.items.stream(object_of(ledger, OTHER))
        assert b"".join(held) == OTHER
        assert found(tmp_path, [row.salt])
        (status,) = ledger.status("disposed")
        assert status["counts"] == {"items": "1", "statements": "1"}
    assert found(tmp_path, wanted) == []


def test_of_an_item_in_plain_no_byte_is_left(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        pass
    (tmp_path / "ledger" / "keys" / "seal-1.key").unlink()
    (tmp_path / "ledger" / "format").write_text("1\n")
    with open_ledger(tmp_path / "ledger") as ledger:
        gone = file(ledger)
        close_case(ledger)
        wanted = needles(ledger, RECORDING, gone)
        assert (f"items/{object_of(ledger, RECORDING)[:2]}/{object_of(ledger, RECORDING)}") in {
            name for name, _ in found(tmp_path / "ledger", wanted)
        }
        ledger.accept(disposal(gone))
        disposed(ledger)
        assert found(tmp_path, wanted) == []


def test_an_item_in_plain_that_its_store_keeps_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        pass
    (tmp_path / "ledger" / "keys" / "seal-1.key").unlink()
    (tmp_path / "ledger" / "format").write_text("1\n")
    with open_ledger(tmp_path / "ledger", retain_days_case=5) as ledger:
        answer = file(ledger)
        close_case(ledger)
        places, object_id = ledger.services.vault.places, object_of(ledger, RECORDING)
        await_that(lambda: places.find(object_id).until_ms, "the retention")  # type: ignore[union-attr]
        assert "is kept in plain" in refused(ledger, disposal(answer))


def test_of_an_upload_that_is_still_remembered_nothing_is_left(tmp_path: Path) -> None:
    """A staged one is, for a day, with the key that the item is sealed under."""
    with opened(tmp_path / "ledger") as ledger, tus_server(ledger) as tus:
        path = tus.open(RECORDING)
        assert tus.patch(path, 0, RECORDING).status_code == 204
        assert "sha256" in tus.finished(path)
        gone = file(ledger, upload=False)
        close_case(ledger)
        wanted = needles(ledger, RECORDING, gone)
        staged = {name for name, _ in found(tmp_path, wanted) if "/staging/" in name}
        assert any(name.endswith("/key") for name in staged), staged
        ledger.accept(disposal(gone))
        disposed(ledger)
        assert found(tmp_path, wanted) == []
        assert tus.head(path).status_code == 410


def test_in_a_bucket_that_keeps_the_object_its_key_is_gone(tmp_path: Path, made: Made) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(f"{made.credentials.access_key}\n{made.credentials.secret_key}\n")
    credentials.chmod(0o600)
    settings: dict[str, Any] = {
        "store": f"s3:{made.endpoint}/{made.name}",
        "store_credentials": credentials,
        "retain_days_case": 5,
    }
    with opened(tmp_path / "ledger", **settings) as ledger:
        gone = file(ledger)
        close_case(ledger)
        object_id = object_of(ledger, RECORDING)
        vault = ledger.services.vault
        await_that(lambda: vault.places.find(object_id).until_ms, "the retention")  # type: ignore[union-attr]
        wanted = needles(ledger, RECORDING, gone)
        wrapped = Companion.from_bytes(
            vault.items.copies["first"].companion(vault.places.find(object_id).refs["first"])  # type: ignore[union-attr]
        ).wrapped
        assert any(wrapped in data for data in everything(made, object_id))
        ledger.accept(hold(gone))  # of which the store is told, and which is lifted before it goes
        await_that(lambda: object_id in vault.places.held_items(), "the hold")
        ledger.accept(hold(gone, what="lifted"))
        ledger.accept(disposal(gone))
        disposed(ledger)
        assert found(tmp_path, wanted) == []
        left = everything(made, object_id)
        assert left and not any(wrapped in data for data in left)  # sealed, and nobody opens it


def everything(made: Made, object_id: str) -> list[bytes]:
    """All versions of all objects that an item has in a bucket."""
    bucket = made.bucket()
    return [
        bucket.read_all(version.name, version.version, 1 << 20)
        for prefix in (f"objects/{object_id}", f"companions/{object_id}")
        for version in bucket.versions(prefix)
        if not version.deletes
    ]


def test_an_item_of_which_another_statement_speaks_keeps_its_key(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        gone, stays = file(ledger), file(ledger, case=OTHER_CASE, upload=False)
        close_case(ledger)
        salt = ledger.services.store.find(gone["id"]).salt  # type: ignore[union-attr]
        ledger.accept(disposal(gone))
        disposed(ledger)
        assert found(tmp_path, [salt]) == []
        assert b"".join(ledger.services.items.stream(object_of(ledger, RECORDING))) == RECORDING
        # Once nothing speaks of it any more it goes too.
        ledger.accept(act(ledger, case=OTHER_CASE))
        ledger.await_quorum()
        ledger.accept(disposal(stays, case=OTHER_CASE))
        disposed(ledger, 2)
        assert ledger.services.store.items_with(digest(RECORDING)) == []


def test_the_entry_stays_and_its_proof_verifies(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        gone = file(ledger)
        close_case(ledger)
        (said,) = ledger.accept(disposal(gone))
        disposed(ledger)
        receipt = ledger.http.get(f"/v1/statements/{gone['id']}/receipt").json()
        assert (receipt["destroyed_by"], receipt["entry"]) == (said["id"], gone["entry"])
        check_receipt(receipt, Entry.from_bytes(gone["entry"].encode()), ledger.trust)
        answer = ledger.http.get(f"/v1/statements/{gone['id']}", headers=ledger.bearer())
        assert (answer.status_code, answer.json()["code"]) == (410, "destroyed")
        assert said["id"] in answer.json()["detail"]
        case = ledger.http.get(f"/v1/cases/{CASE}", headers=ledger.bearer()).json()
        (row,) = [one for one in case["statements"] if one["kind"] == "destroyed"]
        assert row["index"] == gone["index"] and row["id"] == gone["id"] and row["files"] == []


def test_who_files_it_again_is_told_that_it_was_destroyed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        envelope = ledger.evidence(RECORDING)
        (gone,) = ledger.accept(envelope)
        close_case(ledger)
        (said,) = ledger.accept(disposal(gone))
        disposed(ledger)
        ledger.upload(RECORDING)
        (row,) = ledger.file(envelope)
        assert (row["status"], row["code"]) == (410, "destroyed") and said["id"] in row["detail"]


def test_the_catalog_does_not_find_it_and_is_rebuilt_without(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        gone = file(ledger)
        close_case(ledger)
        services = ledger.services
        await_that(lambda: services.catalog.by_digest(digest(RECORDING).hex()), "the catalog")
        ledger.accept(disposal(gone))
        disposed(ledger)
        for _ in range(2):
            assert services.catalog.by_digest(digest(RECORDING).hex()) == []
            assert gone["id"] not in [row.id for row in services.catalog.case(CASE)]
            services.catalog.rebuild(services.store)


def test_in_the_next_log_statements_of_the_one_before_are_destroyed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        gone = file(ledger)
        wanted = needles(ledger, RECORDING, gone)
        close_case(ledger)
        ledger.await_quorum()
    go_on(tmp_path / "ledger", ledger.offices)
    with reopened(tmp_path / "ledger", ledger.offices) as ledger:
        file(ledger, OTHER)
        ledger.await_quorum()
        ledger.accept(disposal(gone))
        disposed(ledger)
        assert found(tmp_path, wanted) == []


# --- refused -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, dict[str, Any]]]:
    with opened(tmp_path_factory.mktemp("closed") / "ledger") as ledger:
        answer = file(ledger)
        ledger.accept(register(key("handler-14.example"), Role.HANDLER, OTHER_AGENCY))
        close_case(ledger)
        yield ledger, answer


def unchanged(ledger: Ledger, answer: dict[str, Any]) -> None:
    row = ledger.services.store.find(answer["id"])
    assert row is not None and row.said() is not None
    assert ledger.services.store.disposals_to_do() == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"by": (HANDLER,)}, "want 2 persons"),
        ({"by": (HANDLER, HANDLER)}, "twice"),
        ({"by": (HANDLER, STATION)}, "may not make"),
        ({"by": (HANDLER, key("handler-14.example"))}, "is of 'agency-02'"),
        ({"retention": "recording"}, "is for records of which no case was made"),
        ({"retention": "unheard_of"}, "no class 'unheard_of'"),
        ({"retention": "years_10"}, "keeps this until"),
        ({"case": OTHER_CASE}, "not of the case"),
        ({"agency": OTHER_AGENCY, "by": (key("handler-14.example"),) * 2}, ""),
    ],
)
def test_a_disposal_that_may_not_be_is_refused(
    closed: tuple[Ledger, dict[str, Any]], more: dict[str, Any], why: str
) -> None:
    ledger, answer = closed
    assert why in refused(ledger, disposal(answer, **more))
    unchanged(ledger, answer)


def test_what_is_not_in_the_log_or_has_another_commitment_is_refused(
    closed: tuple[Ledger, dict[str, Any]],
) -> None:
    ledger, answer = closed
    unknown = dict(answer) | {"id": new_id(1)}
    assert "is logged" in refused(ledger, disposal(unknown))
    another = file(ledger, OTHER, name="c.mp4")
    mixed = dict(answer) | {"entry": another["entry"]}
    assert "another commitment" in refused(ledger, disposal(mixed))
    unchanged(ledger, answer)


def test_registers_holds_and_disposals_are_never_destroyed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        gone = file(ledger)
        (held,) = ledger.accept(hold(OTHER_CASE, case=CASE))
        close_case(ledger)
        assert "of kind hold is never" in refused(ledger, disposal(held))
        (said,) = ledger.accept(disposal(gone))
        disposed(ledger)
        assert "of kind disposal is never" in refused(ledger, disposal(said))
        assert "destroyed already" in refused(ledger, disposal(gone))


def test_of_an_open_case_nothing_is_destroyed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger)
        ledger.await_quorum()
        assert "the case is open" in refused(ledger, disposal(answer))
        close_case(ledger)
        ledger.accept(act(ledger, "case_filing", stage="start"))
        assert "the case is open" in refused(ledger, disposal(answer))
        close_case(ledger)
        ledger.accept(disposal(answer))


def test_the_closing_goes_with_the_last_of_its_case(tmp_path: Path) -> None:
    """Without it what is left would be of an open case, and stay for good."""
    with opened(tmp_path / "ledger") as ledger:
        answer, closing = file(ledger), close_case(ledger)
        assert "goes with the last of it" in refused(ledger, disposal(closing))
        unchanged(ledger, closing)
        ledger.accept(disposal(answer))
        disposed(ledger)
        ledger.accept(disposal(closing))
        disposed(ledger, 2)


def test_the_years_register_tells_what_was_destroyed_from_what_was_lost(tmp_path: Path) -> None:
    """A case-file review lists what is there; what two persons had destroyed lacks in no list."""
    with opened(tmp_path / "ledger") as ledger:
        (closing,) = ledger.accept(act(ledger, procedure="ordinary"))
        ledger.await_quorum()
        year = ledger.services.log.row(int(closing["index"])).places[0][0][:4]
        path = f"/v1/agencies/{AGENCY}/cases?year={year}"
        headers = ledger.bearer("supervisor")
        answer = ledger.http.get(path, headers=headers).json()
        assert (answer["lost"], answer["destroyed"]) == ("0", "0")
        ledger.accept(disposal(closing))
        disposed(ledger)
        answer = ledger.http.get(path, headers=headers).json()
        assert answer["lost"] == answer["destroyed"] != "0"


def test_the_class_that_a_case_needs_is_the_longest_that_fits_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger)
        ledger.accept(act(ledger, "hearing", stage="review"))
        close_case(ledger)
        assert "want the retention class 'years_10'" in refused(ledger, disposal(answer))


def test_without_a_list_in_force_nothing_is_destroyed(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(register(SECOND, Role.HANDLER))
        answer = file(ledger)
        close_case(ledger)
        assert "no retention list" in refused(ledger, disposal(answer))
        ledger.accept(publish(start="2999-01-01"))
        assert "no retention list" in refused(ledger, disposal(answer))
        ledger.accept(publish())
        ledger.accept(disposal(answer))


def test_a_clock_that_runs_ahead_makes_nothing_old(tmp_path: Path) -> None:
    text = LIST.replace("days = 0", "days = 1")
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(register(SECOND, Role.HANDLER), publish(text))
        answer = file(ledger)
        close_case(ledger)
        wall, steady = ledger.services.clock.now_ms, ledger.services.clock.steady_ms
        ledger.services.clock.now_ms = lambda: wall() + 10**10  # type: ignore[method-assign]
        ledger.services.clock.steady_ms = lambda: steady() + 10**10  # type: ignore[method-assign]
        assert "keeps this until" in refused(ledger, disposal(answer))


def test_records_of_which_no_case_was_made_go_as_such(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        (opening,) = ledger.accept(act(ledger, "provisional_opening", case=None, stage="start"))
        provisional = {"case": None, "provisional": opening["id"]}
        envelope = ledger.evidence(RECORDING)
        said = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
        predicate = dict(said.predicate) | {"provisional": opening["id"]}
        del predicate["case"]
        data = seal(Statement(said.kind, said.subjects, predicate).to_bytes(), [STATION]).to_bytes()
        (gone,) = ledger.accept(data)
        ledger.await_quorum()
        assert "is for a case" in refused(ledger, disposal(gone, **provisional))
        ledger.accept(disposal(gone, retention="recording", **provisional))
        disposed(ledger)
        # With a number it is a case's, and its time is the case's.
        other = file(ledger, OTHER, provisional=opening["id"])
        assert f"the number {CASE}" in refused(
            ledger, disposal(other, retention="recording", **provisional)
        )


def test_what_another_agency_has_made_a_case_of_is_no_record_of_which_no_case_was_made(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "ledger") as ledger:
        ledger.accept(register(STRANGER, Role.HANDLER, OTHER_AGENCY))
        (opening,) = ledger.accept(act(ledger, "provisional_opening", case=None, stage="start"))
        data = act(ledger, "site_inspection", case=None, provisional=opening["id"])
        (gone,) = ledger.accept(data)
        envelope = ledger.evidence(b"filing", by=STRANGER, agency=OTHER_AGENCY, stage="start")
        said = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
        number = {"case": "昆城管罚〔2026〕1号", "provisional": opening["id"]}
        predicate = dict(said.predicate) | number | {"act": "case_filing"}
        filing = Statement(Kind.ACT, said.subjects, predicate).to_bytes()
        ledger.accept(seal(filing, [STRANGER]).to_bytes())
        ledger.await_quorum()
        asked = disposal(gone, case=None, provisional=opening["id"], retention="recording")
        assert f"went on as 昆城管罚〔2026〕1号, at {OTHER_AGENCY!r}" in refused(ledger, asked)


# --- holds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["statement", "case", "file"])
def test_a_hold_that_was_logged_first_wins(tmp_path: Path, target: str) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger)
        close_case(ledger)
        on = {"statement": answer, "case": CASE, "file": digest(RECORDING).hex()}[target]
        # In one request, so that nothing else can come between.
        rows = ledger.file(hold(on), disposal(answer))
        assert "index" in rows[0] and "under a legal hold: 行政复议" in rows[1]["detail"]
        unchanged(ledger, answer)
        await_that(
            lambda: ledger.services.vault.places.held_items() >= {object_of(ledger, RECORDING)},
            "the hold of the item",
        )
        # The ledger itself does not lift what a person has placed.
        ledger.accept(hold(on, what="lifted"))
        ledger.accept(disposal(answer))
        disposed(ledger)


def test_a_disposal_that_was_logged_first_wins(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger)
        close_case(ledger)
        wanted = needles(ledger, RECORDING, answer)
        rows = ledger.accept(disposal(answer), hold(answer), hold(CASE))
        assert len(rows) == 3
        disposed(ledger)
        assert found(tmp_path, wanted) == []


def test_a_hold_placed_beside_the_server_counts_before_the_log_says_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger)
        close_case(ledger)
        with ledger.services.keeping._holding_lock:
            ledger.services.vault.places.add_hold(CASE, "court", 1)
            assert "under a legal hold: court" in refused(ledger, disposal(answer))


def test_nobody_but_a_person_lifts_and_another_hold_stays(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger)
        close_case(ledger)
        complaint = new_id(1)
        ledger.accept(hold(answer), hold(answer, complaint=complaint))
        own = ledger.services.custody._key
        assert "want a person who lifts" in refused(ledger, hold(answer, what="lifted", by=own))
        ledger.accept(hold(answer, what="lifted"))
        assert "under a legal hold" in refused(ledger, disposal(answer))
        ledger.accept(hold(answer, what="lifted", complaint=complaint))
        ledger.accept(disposal(answer))


@pytest.mark.parametrize("target", ["statement", "case"])
def test_no_other_agency_lifts_a_hold(tmp_path: Path, target: str) -> None:
    with opened(tmp_path / "ledger") as ledger:
        ledger.accept(register(STRANGER, Role.HANDLER, OTHER_AGENCY))
        answer = file(ledger)
        close_case(ledger)
        on = answer if target == "statement" else CASE
        ledger.accept(hold(on))
        lift = hold(on, what="lifted", by=STRANGER, agency=OTHER_AGENCY)
        assert f"is of {AGENCY!r}, not of {OTHER_AGENCY!r}" in refused(ledger, lift)
        # Nor does it come between one of its own and the end of another's.
        ledger.accept(hold(on, by=STRANGER, agency=OTHER_AGENCY))
        ledger.accept(hold(on, what="lifted", by=STRANGER, agency=OTHER_AGENCY))
        assert "under a legal hold" in refused(ledger, disposal(answer))


def test_a_hold_on_what_a_case_grew_from_is_on_all_of_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        (opening,) = ledger.accept(act(ledger, "provisional_opening", case=None, stage="start"))
        ledger.accept(hold(opening["id"]))
        file(ledger, OTHER, provisional=opening["id"])
        answer = file(ledger)  # by its number alone
        close_case(ledger)
        assert "under a legal hold" in refused(ledger, disposal(answer))


# --- what fails on the way ---------------------------------------------------------------------


def test_while_a_copy_is_away_it_is_not_said_to_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = {"second_store": "directory:../second"}
    with opened(tmp_path / "ledger", **second) as ledger:
        answer = file(ledger)
        close_case(ledger)
        wanted = needles(ledger, RECORDING, answer)
        tried, files = threading.Event(), ledger.services.casefiles

        def away(*_: object) -> None:
            tried.set()
            raise Unavailable("the store is away")

        monkeypatch.setattr(ledger.services.vault.items.copies["second"], "put_companion", away)
        assert answer["id"] in [one.statement.id for one in files.of_case(CASE).filed]
        ledger.accept(disposal(answer))
        assert tried.wait(60)
        assert answer["id"] not in [one.statement.id for one in files.of_case(CASE).filed]
        assert ledger.services.store.disposals_to_do() and not ledger.status("disposed")
    with open_ledger(tmp_path / "ledger", **second) as ledger:
        disposed(ledger)
        assert found(tmp_path, wanted) == []
        assert len(ledger.status("disposed")) == 1
