import json
import time
from typing import Any

import pytest

from api.clients.ledger import check_acceptance, check_receipt
from api.statements import MAX_BODY, MAX_LINES, ROOM
from ledger.encoding import format_base64
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.chunks import digest_item
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import MAX_ENVELOPE, Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Role, Statement
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_AGENCY,
    OTHER_STATION,
    STATION,
    STRANGER,
    Ledger,
    await_that,
    register,
)


def post(ledger: Ledger, body: bytes) -> Any:
    return ledger.http.post("/v1/statements", content=body)


def test_an_accepted_statement_stands_at_its_index_under_a_signed_checkpoint(
    ledger: Ledger,
) -> None:
    envelope = ledger.evidence(b"a picture")
    (row,) = ledger.accept(envelope)
    believed = check_acceptance(row, envelope, ledger.trust)
    assert (believed.log, believed.index) == ("2026", ledger.services.log.size - 1)
    assert believed.checkpoint.size == ledger.services.log.size
    assert ledger.services.store.row(believed.index).envelope == envelope


def test_many_statements_are_answered_in_their_order(ledger: Ledger) -> None:
    ledger.upload(b"one item")
    envelopes = [ledger.evidence(b"one item", upload=False) for _ in range(20)]
    rows = ledger.accept(*envelopes)
    indexes = [
        check_acceptance(*pair, ledger.trust).index for pair in zip(rows, envelopes, strict=True)
    ]
    assert indexes == sorted(indexes)
    assert len(set(indexes)) == 20


def test_each_statement_is_accepted_or_refused_on_its_own(ledger: Ledger) -> None:
    good, lacking = ledger.evidence(b"held"), ledger.evidence(b"not held", upload=False)
    forged = ledger.evidence(b"held", by=STRANGER, upload=False)
    answer = post(ledger, b"\n".join([b"{}", lacking, good, forged, b""]) + b"\n")
    assert answer.status_code == 200
    rows = answer.json()["results"]
    assert [row.get("code", "accepted") for row in rows] == [
        "malformed",
        "unknown",
        "accepted",
        "rejected",
        "malformed",
    ]


def test_the_same_statement_again_gets_the_same_answer(ledger: Ledger) -> None:
    envelope = ledger.evidence(b"x")
    (first,) = ledger.accept(envelope)
    size = ledger.services.log.size
    (again,) = ledger.accept(envelope)
    assert (first.pop("fresh"), again.pop("fresh")) == ("yes", "no")
    assert first == again
    assert ledger.services.log.size == size


def test_the_same_statement_twice_in_one_request_is_logged_once(ledger: Ledger) -> None:
    envelope = ledger.evidence(b"x")
    size = ledger.services.log.size
    first, again = ledger.accept(envelope, envelope)
    assert first["index"] == again["index"]
    assert ledger.services.log.size == size + 1


def test_other_contents_under_a_known_id_are_a_conflict_in_their_row(ledger: Ledger) -> None:
    envelope = ledger.evidence(b"x")
    (row,) = ledger.accept(envelope)
    other = ledger.evidence(b"x", upload=False, id=row["id"], note="another")
    good = ledger.evidence(b"x", upload=False)
    answer = post(ledger, other + b"\n" + good)
    assert answer.status_code == 200
    refused, accepted = answer.json()["results"]
    assert (refused["status"], refused["code"]) == (409, "conflict")
    assert "index" in accepted


def test_a_lone_refusal_gives_the_answer_its_status(shared: Ledger) -> None:
    answer = post(shared, b"{}")
    assert answer.status_code == 400
    assert answer.json()["results"][0]["code"] == "malformed"


def test_an_item_that_was_not_uploaded_is_named_with_what_to_do(shared: Ledger) -> None:
    answer = post(shared, shared.evidence(b"never sent", upload=False))
    (row,) = answer.json()["results"]
    assert (answer.status_code, row["code"]) == (404, "unknown")
    assert digest_item(b"never sent").sha256.hex() in row["detail"]
    assert row["hints"] == ["upload the item first, then send the statement again"]


def test_another_agencys_bytes_cannot_be_claimed_by_their_digest(ledger: Ledger) -> None:
    ledger.upload(b"theirs", by=OTHER_STATION)
    (row,) = ledger.file(ledger.evidence(b"theirs", upload=False))
    assert row["code"] == "unknown"


def test_a_key_speaks_for_its_own_agency_only(ledger: Ledger) -> None:
    (row,) = ledger.file(ledger.evidence(b"x", agency=OTHER_AGENCY))
    assert row["code"] == "rejected"


@pytest.mark.parametrize("body", [b"", b"\n" * (MAX_LINES + 1)])
def test_a_request_holds_one_to_many_lines(shared: Ledger, body: bytes) -> None:
    answer = post(shared, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_full_request_is_answered_line_by_line(shared: Ledger) -> None:
    assert len(post(shared, b"\n" * MAX_LINES).json()["results"]) == MAX_LINES


def test_a_line_longer_than_an_envelope_is_refused(shared: Ledger) -> None:
    answer = post(shared, b"x" * (MAX_ENVELOPE + 1))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_body_beyond_the_limit_is_cut_off(shared: Ledger, monkeypatch: Any) -> None:
    monkeypatch.setattr("api.statements.MAX_BODY", 1000)
    answer = shared.http.post("/v1/statements", content=iter([b"x" * 600, b"x" * 600]))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "alter",
    [
        lambda e: e + b"\r",
        lambda e: b"\xef\xbb\xbf" + e,
        lambda e: b" " + e,
        lambda e: e.replace(b'","payloadType"', b'" ,"payloadType"'),
        lambda e: e.decode().encode("utf-16"),
        lambda e: e[:-1],
        lambda e: e + e,
        lambda e: b"\0" + e,
    ],
    ids=["CRLF", "BOM", "space", "inner space", "UTF-16", "cut", "doubled", "NUL"],
)
def test_an_envelope_has_one_spelling(shared: Ledger, alter: Any) -> None:
    envelope = shared.evidence(b"spelled")
    answer = post(shared, alter(envelope))
    assert answer.status_code == 400
    assert {row["code"] for row in answer.json()["results"]} == {"malformed"}


@pytest.mark.parametrize(
    "name", ["现场照片.jpg", "é.jpg", "🎥.mp4", "a\nb", "\u202egpj.exe", "\x1b[2J"]
)
def test_any_file_name_is_logged_as_it_is(shared: Ledger, name: str) -> None:
    shared.accept(shared.evidence(b"named", name=name))


def test_while_the_clock_is_wrong_nothing_is_sequenced(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope = ledger.evidence(b"x")
    real = ledger.services.clock.now_ms
    monkeypatch.setattr(type(ledger.services.clock), "now_ms", lambda self: real() + 3_600_000)
    answer = post(ledger, envelope)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]
    assert ledger.http.get("/readyz").status_code == 503


def test_when_too_much_comes_at_once_the_server_says_so(
    shared: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ROOM.hold() as others:
        others.add(4 * MAX_BODY - 1)
        assert post(shared, b"{}").status_code == 503
    assert post(shared, b"{}").status_code == 400


def test_room_is_given_back_after_a_refusal() -> None:
    before = ROOM._left
    with pytest.raises(Unavailable), ROOM.hold() as held:
        held.add(5)
        held.add(before)
    assert ROOM._left == before


# --- receipts --------------------------------------------------------------------------------


def test_a_receipt_proves_the_entry_once_a_quorum_has_seen_it(ledger: Ledger) -> None:
    (row,) = ledger.accept(ledger.evidence(b"x"))
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/statements/{row['id']}/receipt").json()
    assert answer["witnessed"] == "yes"
    seen = check_receipt(answer, Entry.from_bytes(row["entry"].encode()), ledger.trust)
    assert seen is not None and abs(seen - time.time()) < 60


def test_before_the_quorum_a_receipt_says_not_yet(ledger: Ledger) -> None:
    ledger.await_quorum()
    for office in ledger.offices:
        office.away = True
    (row,) = ledger.accept(ledger.evidence(b"x"))
    path = f"/v1/statements/{row['id']}/receipt"
    await_that(lambda: ledger.http.get(path).status_code == 200, "the checkpoint alone")
    answer = ledger.http.get(path).json()
    assert answer["witnessed"] == "not yet"
    assert check_receipt(answer, Entry.from_bytes(row["entry"].encode()), ledger.trust) is None


def test_a_receipt_of_what_is_not_published_yet_has_to_wait(ledger: Ledger) -> None:
    ledger.await_quorum()
    ledger.services.publisher.stop()
    (row,) = ledger.accept(ledger.evidence(b"x"))
    answer = ledger.http.get(f"/v1/statements/{row['id']}/receipt")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]


def test_a_receipt_holds_nothing_that_is_confidential(ledger: Ledger) -> None:
    envelope = ledger.evidence(b"x")
    (row,) = ledger.accept(envelope)
    ledger.await_quorum()
    text = ledger.http.get(f"/v1/statements/{row['id']}/receipt").text
    assert set(json.loads(text)) == {"id", "log", "index", "entry", "proof", "witnessed"}
    assert row["salt"] not in text
    assert not any(place["signature"] in text for place in row["series"])


@pytest.mark.parametrize("id_", ["019ab0c4-0000-7000-8000-000000000000"])
def test_there_is_no_receipt_of_an_unknown_statement(shared: Ledger, id_: str) -> None:
    assert shared.http.get(f"/v1/statements/{id_}/receipt").status_code == 404


@pytest.mark.parametrize("id_", ["1", "019AB0C4-0000-7000-8000-000000000000", "%00", "x" * 300])
def test_an_id_has_one_form(shared: Ledger, id_: str) -> None:
    for path in (f"/v1/statements/{id_}/receipt", f"/v1/statements/{id_}"):
        assert shared.http.get(path, headers=shared.bearer()).status_code == 400


# --- what a filer believes -------------------------------------------------------------------


@pytest.fixture(scope="module")
def acceptance(shared: Ledger) -> tuple[dict[str, Any], bytes]:
    # Two series, so that they can be confused.
    envelope = shared.evidence(b"x", device="BWC-310", file="BWC_0088.MP4")
    (row,) = shared.accept(envelope)
    return row, envelope


def flip(text: str) -> str:
    """Another base64 of the same length."""
    return ("A" if text[0] != "A" else "B") + text[1:]


ALTERED: dict[str, Any] = {
    "another id": lambda a: a | {"id": "019ab0c4-0000-7000-8000-000000000000"},
    "another log": lambda a: a | {"log": "2027"},
    "an index beyond the checkpoint": lambda a: a | {"index": str(10**9)},
    "an index in another spelling": lambda a: a | {"index": "0" + a["index"]},
    "another salt": lambda a: a | {"salt": flip(a["salt"])},
    "a short salt": lambda a: a | {"salt": format_base64(b"x")},
    "another commitment": lambda a: a | {"entry": a["entry"].replace('ment":"', 'ment":"AAAA', 1)},
    "an entry in another spelling": lambda a: a | {"entry": a["entry"] + " "},
    "no series": lambda a: a | {"series": []},
    "one series less": lambda a: a | {"series": a["series"][:1]},
    "another number": lambda a: (
        a | {"series": [row | {"n": str(int(row["n"]) + 1)} for row in a["series"]]}
    ),
    "another series signature": lambda a: (
        a | {"series": [row | {"signature": flip(row["signature"])} for row in a["series"]]}
    ),
    "exchanged series signatures": lambda a: (
        a
        | {
            "series": [
                a["series"][0] | {"signature": a["series"][1]["signature"]},
                a["series"][1] | {"signature": a["series"][0]["signature"]},
            ]
        }
    ),
    "another root": lambda a: (
        a | {"checkpoint": a["checkpoint"].replace(a["checkpoint"].split("\n")[2], "A" * 43 + "=")}
    ),
    "a larger tree": lambda a: (
        a
        | {
            "checkpoint": a["checkpoint"].replace(
                f"\n{a['checkpoint'].split()[1]}\n", "\n9999\n", 1
            )
        }
    ),
    "an unsigned checkpoint": lambda a: a | {"checkpoint": a["checkpoint"].split("\n\n")[0]},
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED.keys())
def test_an_altered_acceptance_is_not_believed(
    shared: Ledger, acceptance: tuple[dict[str, Any], bytes], alter: Any
) -> None:
    answer, envelope = acceptance
    check_acceptance(answer, envelope, shared.trust)
    altered = alter(answer)
    assert altered != answer
    with pytest.raises(LedgerError):
        check_acceptance(altered, envelope, shared.trust)


@pytest.mark.parametrize("field", ["id", "log", "index", "entry", "salt", "series", "checkpoint"])
@pytest.mark.parametrize("value", [None, -7, "", [], {}, ["x"], "gone"])
def test_a_senseless_acceptance_is_refused(
    shared: Ledger, acceptance: tuple[dict[str, Any], bytes], field: str, value: Any
) -> None:
    answer, envelope = acceptance
    altered = {k: v for k, v in (answer | {field: value}).items() if v != "gone"}
    # What a command catches around it.
    with pytest.raises((LedgerError, KeyError, TypeError, ValueError)):
        check_acceptance(altered, envelope, shared.trust)


def test_an_acceptance_of_another_statement_is_not_believed(
    shared: Ledger, acceptance: tuple[dict[str, Any], bytes]
) -> None:
    with pytest.raises(LedgerError):
        check_acceptance(acceptance[0], shared.evidence(b"another"), shared.trust)


def test_a_receipt_for_another_entry_is_not_believed(ledger: Ledger) -> None:
    one, two = ledger.accept(ledger.evidence(b"1"), ledger.evidence(b"2"))
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/statements/{one['id']}/receipt").json()
    with pytest.raises(LedgerError):
        check_receipt(answer, Entry.from_bytes(two["entry"].encode()), ledger.trust)
    with pytest.raises(LedgerError):
        entry = Entry.from_bytes(one["entry"].encode())
        check_receipt(answer | {"index": two["index"]}, entry, ledger.trust)


def test_a_registration_counts_for_the_next_line(ledger: Ledger) -> None:
    subject = FileSubject("a.txt", digest_item(b"held"))
    ledger.upload(b"held")
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "id": "019ab0c4-0000-7000-8000-000000000001",
        "occurred": {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:05:00+08:00"},
    }
    payload = Statement(Kind.EVIDENCE, (subject,), predicate).to_bytes()
    envelope = seal(payload, [STRANGER]).to_bytes()
    rows = ledger.file(envelope, register(STRANGER, Role.STATION), envelope)
    assert [row.get("code", "accepted") for row in rows] == ["rejected", "accepted", "accepted"]


def test_only_a_registrar_registers(shared: Ledger) -> None:
    payload = Envelope.from_bytes(register(STRANGER, Role.STATION)).payload
    for signer in (STATION, HANDLER, STRANGER):
        (row,) = shared.file(seal(payload, [signer]).to_bytes())
        assert row["code"] == "rejected"


def test_what_no_registered_key_has_signed_never_waits_for_the_writer(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = seal(Envelope.from_bytes(ledger.evidence(b"x")).payload, [STRANGER]).to_bytes()

    def taken(envelopes: list[bytes]) -> Any:
        raise AssertionError("the writer was asked")

    monkeypatch.setattr(ledger.services.writer, "submit", taken)
    rows = post(ledger, b"\n".join([b"{}", strange, b"junk"])).json()["results"]
    assert [row["code"] for row in rows] == ["malformed", "rejected", "malformed"]


def test_a_statement_gets_its_answer_again_after_its_key_was_revoked(ledger: Ledger) -> None:
    envelope = ledger.evidence(b"a picture")
    (row,) = ledger.accept(envelope)
    ledger.accept(register(STATION, Role.STATION, revoked="lost"))
    (again,) = ledger.accept(envelope)
    assert again["index"] == row["index"]


def test_many_small_lines_are_not_read_where_everybody_waits(
    shared: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(*_: object) -> None:
        raise AssertionError("on the event loop")

    monkeypatch.setattr("api.statements._here", here)
    for lines in ([b"x"] * 2, [b"x"] * 4096, [b"x" * 8193]):
        assert post(shared, b"\n".join(lines)).status_code in (200, 400)


def test_what_is_in_doubt_goes_to_the_writer_only_behind_a_registration(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = seal(Envelope.from_bytes(ledger.evidence(b"x")).payload, [STRANGER]).to_bytes()
    submit, filed = ledger.services.writer.submit, []

    def count(filings: list[Any]) -> Any:
        filed.append(len(filings))
        return submit(filings)

    monkeypatch.setattr(ledger.services.writer, "submit", count)
    ledger.file(strange, ledger.evidence(b"y"), strange)
    ledger.file(strange, register(STRANGER, Role.STATION), strange)
    assert filed == [1, 2]
