import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger.errors import Malformed, Rejected
from ledger.evidence.envelope import Envelope, pae
from ledger.evidence.signing import seal
from ledger.tlog.note import VerifierKey
from testkit.case import COURT, HANDLER, STATION, THIEF, dsse, dsse_with

PAYLOAD = b'{"a":1}'
KEYS = {k.verifier.keyid: k.verifier for k in (STATION, HANDLER, THIEF, COURT)}


def find(keyid: str) -> VerifierKey:
    if keyid not in KEYS:
        raise Rejected(f"no key {keyid!r}")
    return KEYS[keyid]


def test_what_is_signed_is_dsses_own_encoding() -> None:
    assert pae(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"
    assert pae(b"") == b"DSSEv1 28 application/vnd.in-toto+json 0 "


def test_an_envelope_is_written_back_byte_for_byte() -> None:
    data = seal(PAYLOAD, [STATION, HANDLER]).to_bytes()
    assert Envelope.from_bytes(data).to_bytes() == data


def test_all_who_signed_are_given_in_order() -> None:
    envelope = seal(PAYLOAD, [HANDLER, STATION])
    assert envelope.open(find) == (HANDLER.verifier, STATION.verifier)


def test_a_signature_over_another_payload_is_refused() -> None:
    signed = seal(PAYLOAD, [STATION])
    with pytest.raises(Rejected, match="does not match"):
        Envelope(b'{"a":2}', signed.signatures).open(find)


def test_one_bad_signature_spoils_the_good_one() -> None:
    data = dsse(PAYLOAD, [(STATION.verifier.keyid, STATION), (HANDLER.verifier.keyid, THIEF)])
    with pytest.raises(Rejected, match="handler-12"):
        Envelope.from_bytes(data).open(find)


def test_one_key_twice_is_refused() -> None:
    with pytest.raises(Rejected, match="signed twice"):
        seal(PAYLOAD, [STATION, STATION]).open(find)


def test_one_key_under_two_ids_is_refused() -> None:
    data = dsse(PAYLOAD, [("a+00000000", STATION), ("b+00000000", STATION)])
    with pytest.raises(Rejected, match="signed twice"):
        Envelope.from_bytes(data).open(lambda keyid: STATION.verifier)


def test_a_cosigners_key_signs_no_statement() -> None:
    data = dsse(PAYLOAD, [(COURT.verifier.keyid, COURT)])
    with pytest.raises(Rejected, match="not a key for statements"):
        Envelope.from_bytes(data).open(find)


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(size: int) -> None:
    data = dsse_with([(STATION.verifier.keyid, bytes(size))], PAYLOAD)
    with pytest.raises(Rejected, match="does not match"):
        Envelope.from_bytes(data).open(find)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(payloadType="application/json"),
        lambda e: e.update(signatures=[]),
        lambda e: e.update(signatures=e["signatures"] * 17),
        lambda e: e.update(signatures={}),
        lambda e: e.update(signatures=["x"]),
        lambda e: e["signatures"][0].update(cert="x"),
        lambda e: e["signatures"][0].pop("keyid"),
        lambda e: e["signatures"][0].update(sig="AAB="),
        lambda e: e.update(payload="e30"),
        lambda e: e.update(payload=["e30="]),
        lambda e: e.update(extra="x"),
        lambda e: e.pop("payload"),
    ],
)
def test_an_envelope_of_another_form_is_refused(change: Callable[[Any], None]) -> None:
    value = json.loads(seal(PAYLOAD, [STATION]).to_bytes())
    change(value)
    with pytest.raises(Malformed):
        Envelope.from_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def test_a_signature_that_was_good_for_one_key_is_not_for_another() -> None:
    good = Envelope.from_bytes(dsse(PAYLOAD, [(STATION.verifier.keyid, STATION)]))
    sig = good.signatures[0].sig
    lent = Envelope.from_bytes(dsse_with([(HANDLER.verifier.keyid, sig)], PAYLOAD))
    with pytest.raises(Rejected, match="does not match"):
        lent.open(find, frozenset({(STATION.verifier.public, sig)}))
