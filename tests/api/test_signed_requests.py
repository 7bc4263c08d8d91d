import base64
import http.client
import time
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.signing import MAX_NONCES, Message, RequestVerifier, sign_request
from ledger.encoding import format_json
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.statement import Role
from ledger.log import Accepted
from ledger.suite import digest
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.signing_key import SigningKey
from testkit.keys import cosigner, key
from testkit.server import (
    AGENCY,
    BASE,
    HANDLER,
    ORIGIN,
    REGISTRAR,
    REVOKED,
    STATION,
    STRANGER,
    Ledger,
    register,
    serving,
)

BODY = format_json({"sha256": "0" * 64, "size": "1"})
NONCE = "0123456789abcdef"


def post(ledger: Ledger, headers: dict[str, str], body: bytes = BODY) -> Any:
    return ledger.http.post("/v1/uploads", content=body, headers=headers)


def refused(ledger: Ledger, headers: dict[str, str], body: bytes = BODY) -> str:
    """The reason, which comes with 401 and nothing else."""
    answer = post(ledger, headers, body)
    assert (answer.status_code, answer.json()["code"]) == (401, "unsigned"), answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    return str(answer.json()["detail"])


def signed_at(seconds: float, signer: SigningKey = STATION) -> dict[str, str]:
    """Signed that many seconds from now."""
    import http_message_signatures.signatures as library

    class Moved(library.datetime.datetime):  # type: ignore[misc]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + library.datetime.timedelta(seconds=seconds)

    with patch.object(library.datetime, "datetime", Moved):
        return dict(sign_request(signer, "POST", BASE + "/v1/uploads", BODY, NONCE + str(seconds)))


def test_the_register_is_told_to_its_keys_holder(shared: Ledger) -> None:
    answer = shared.http.get("/v1/key", headers=shared.signed("GET", "/v1/key"))
    assert answer.json() == {
        "agency": AGENCY,
        "log": ORIGIN,
        "person": STATION.name,
        "role": "station",
    }


def test_an_unsigned_request_is_refused(shared: Ledger) -> None:
    assert "Signature" in refused(shared, {})


@pytest.mark.parametrize("signer", [STRANGER, REGISTRAR, REVOKED])
def test_a_key_that_is_not_registered_is_refused(shared: Ledger, signer: SigningKey) -> None:
    refused(shared, shared.signed("POST", "/v1/uploads", BODY, by=signer))


def test_another_key_under_a_registered_name_is_refused(shared: Ledger) -> None:
    impostor = key(STATION.name, "another seed")
    headers = shared.signed("POST", "/v1/uploads", BODY, by=impostor)
    refused(shared, headers)
    mine, his = STATION.verifier.keyid, impostor.verifier.keyid
    headers["Signature-Input"] = headers["Signature-Input"].replace(his, mine)
    refused(shared, headers)


def test_a_revoked_key_is_refused_from_its_revocation_on(ledger: Ledger) -> None:
    assert post(ledger, ledger.signed("POST", "/v1/uploads", BODY)).status_code == 201
    ledger.accept(register(STATION, Role.STATION, revoked="lost"))
    refused(ledger, ledger.signed("POST", "/v1/uploads", BODY))


def test_a_stranger_does_not_learn_who_is_registered(shared: Ledger) -> None:
    reasons = {
        refused(shared, shared.signed("POST", "/v1/uploads", BODY, by=signer))
        for signer in (STRANGER, REVOKED)
    }
    assert len(reasons) == 1


def test_a_key_in_a_role_that_does_not_upload_is_forbidden(ledger: Ledger) -> None:
    ledger.accept(register(STRANGER, Role.COURT))
    answer = post(ledger, ledger.signed("POST", "/v1/uploads", BODY, by=STRANGER))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_handler_may_upload(shared: Ledger) -> None:
    headers = shared.signed("POST", "/v1/uploads", BODY, by=HANDLER)
    assert post(shared, headers).status_code == 201


def test_a_request_is_good_once(shared: Ledger) -> None:
    headers = shared.signed("POST", "/v1/uploads", BODY)
    assert post(shared, headers).status_code == 201
    assert refused(shared, headers) == "the request was sent before: sign it again"


@pytest.mark.parametrize("seconds", [-660, -24 * 3600, 360, 24 * 3600])
def test_a_signature_of_another_time_is_refused(shared: Ledger, seconds: int) -> None:
    refused(shared, signed_at(seconds))


def test_a_station_whose_clock_is_a_little_ahead_is_let_in(shared: Ledger) -> None:
    assert post(shared, signed_at(200)).status_code == 201


def test_a_request_signed_before_the_server_started_is_refused(ledger: Ledger) -> None:
    assert "before this server started" in refused(ledger, signed_at(-30))


def test_an_altered_body_is_refused(shared: Ledger) -> None:
    headers = shared.signed("POST", "/v1/uploads", BODY)
    refused(shared, headers, BODY.replace(b'"1"', b'"2"'))


def test_a_body_that_the_signature_does_not_cover_is_refused(shared: Ledger) -> None:
    refused(shared, shared.signed("POST", "/v1/uploads", b""))


def test_a_body_without_its_digest_is_refused(shared: Ledger) -> None:
    headers = shared.signed("POST", "/v1/uploads", BODY)
    del headers["Content-Digest"]
    refused(shared, headers)


def test_a_signature_for_another_path_is_refused(shared: Ledger) -> None:
    refused(shared, shared.signed("POST", "/v1/upload", BODY))


def test_a_signature_for_another_method_is_refused(shared: Ledger) -> None:
    refused(shared, shared.signed("PUT", "/v1/uploads", BODY))


def test_a_signature_for_another_server_is_refused(shared: Ledger) -> None:
    url = "http://elsewhere.example/v1/uploads"
    refused(shared, dict(sign_request(STATION, "POST", url, BODY, NONCE)))


def test_two_signatures_are_one_too_many(shared: Ledger) -> None:
    headers = shared.signed("POST", "/v1/uploads", BODY)
    for name in ("Signature", "Signature-Input"):
        headers[name] += ", " + headers[name].replace("tiezheng=", "second=", 1)
    refused(shared, headers)


def test_a_nonce_is_not_too_short(shared: Ledger) -> None:
    headers = dict(sign_request(STATION, "POST", BASE + "/v1/uploads", BODY, "short"))
    assert "nonce" in refused(shared, headers)


def forge(inner: str) -> dict[str, str]:
    """A truly signed request whose parameters are these."""
    sha256 = base64.b64encode(digest(BODY)).decode()
    values = {
        "@method": "POST",
        "@authority": "testserver",
        "@path": "/v1/uploads",
        "content-digest": f"sha-256=:{sha256}:",
    }
    base = "\n".join(f'"{name}": {value}' for name, value in values.items())
    base += f'\n"@signature-params": {inner}'
    signature = base64.b64encode(STATION.sign(base.encode())).decode()
    return {
        "Content-Digest": f"sha-256=:{sha256}:",
        "Signature-Input": f"tiezheng={inner}",
        "Signature": f"tiezheng=:{signature}:",
    }


COVERED = '("@method" "@authority" "@path" "content-digest")'


def parameters(**more: str) -> str:
    usual = {
        "created": str(int(time.time())),
        "keyid": f'"{STATION.verifier.keyid}"',
        "alg": '"ed25519"',
        "nonce": f'"{NONCE}{time.monotonic_ns()}"',
        "tag": '"tiezheng"',
    } | more
    return COVERED + "".join(f";{name}={value}" for name, value in usual.items() if value)


def test_what_the_specification_says_is_accepted(shared: Ledger) -> None:
    assert post(shared, forge(parameters())).status_code == 201


@pytest.mark.parametrize(
    "more",
    [
        {"created": ""},
        {"created": "99999999999999"},
        {"created": "-99999999999999"},
        {"created": '"now"'},
        {"created": "1.5"},
        {"created": "?1"},
        {"keyid": ""},
        {"keyid": "1"},
        {"keyid": '""'},
        {"nonce": ""},
        {"nonce": "12345678901234567"},
        {"tag": ""},
        {"tag": '"another"'},
        {"alg": '"rsa-v1_5-sha256"'},
        {"expires": "1"},
        {"expires": '"x"'},
    ],
    ids=str,
)
def test_unusual_parameters_are_refused_in_order(shared: Ledger, more: dict[str, str]) -> None:
    refused(shared, forge(parameters(**more)))


@pytest.mark.parametrize(
    "covered",
    [
        "()",
        '("@method")',
        '("@method";x "@authority" "@path" "content-digest")',
        '("@query-param" "@method" "@authority" "@path" "content-digest")',
        '("@query-param";name=1 "@method" "@authority" "@path" "content-digest")',
        '("@status" "@method" "@authority" "@path" "content-digest")',
        '("@method" "@method" "@authority" "@path" "content-digest")',
        '("@method" "@authority" "@path" "content-digest";key=1)',
        '("@method" "@authority" "@path" "content-digest";bs;tr)',
        '(1 "@method" "@authority" "@path" "content-digest")',
        "1",
    ],
)
def test_unusual_covered_parts_are_refused_in_order(shared: Ledger, covered: str) -> None:
    refused(shared, forge(parameters().replace(COVERED, covered)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(["Signature", "Signature-Input", "Content-Digest"]),
    at=st.integers(0, 400),
    data=st.binary(max_size=6),
)
def test_damaged_headers_are_refused_and_break_nothing(name: str, at: int, data: bytes) -> None:
    headers = dict(sign_request(STATION, "POST", BASE + "/v1/uploads", BODY, NONCE))
    value = headers[name]
    damaged = value[: at % len(value)] + data.decode("latin-1") + value[at % len(value) + 1 :]
    if damaged == value:
        return
    headers[name] = damaged

    def find(keyid: str) -> VerifierKey:
        if keyid != STATION.verifier.keyid:
            raise Rejected("no such key")
        return STATION.verifier

    verifier = RequestVerifier(lambda: time.time_ns() // 1_000_000)
    message = Message("POST", BASE + "/v1/uploads", headers)
    try:
        keyid = verifier.verify(message, BODY, find)
    except LedgerError:
        return
    # Some damage changes nothing that is signed, such as space between members.
    assert keyid == STATION.verifier.keyid


def test_nonces_are_forgotten_once_their_time_is_over() -> None:
    now = [time.time_ns() // 1_000_000]
    verifier = RequestVerifier(lambda: now[0])
    verifier._nonces = {("key", str(n)): 0 for n in range(MAX_NONCES)}
    message = Message("GET", BASE, dict(sign_request(STATION, "GET", BASE, b"", NONCE)))
    verifier.verify(message, b"", lambda keyid: STATION.verifier)
    assert len(verifier._nonces) == 1


@pytest.mark.parametrize("host", ["a b", "[", "[::1", "x/y", "é", "a:b:c", "%", ""])
def test_a_strange_host_is_no_fault_of_the_server(shared: Ledger, host: str) -> None:
    with serving(shared.http.app) as address:  # type: ignore[arg-type]
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        connection.putrequest("GET", "/v1/key", skip_host=True)
        connection.putheader("Host", host.encode("latin-1"))
        for name, value in shared.signed("GET", "/v1/key").items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status in (400, 401)
        connection.close()


def test_a_cosigners_key_cannot_sign_a_request() -> None:
    """Another algorithm has another seed; whatever comes of it is no valid signature."""
    signer = cosigner("notary.example")
    verifier = RequestVerifier(lambda: time.time_ns() // 1_000_000)
    headers = dict(sign_request(signer, "GET", BASE, b"", NONCE))

    def none(keyid: str) -> VerifierKey:
        raise Rejected("not registered")

    with pytest.raises(Rejected):
        verifier.verify(Message("GET", BASE, headers), b"", none)


def test_a_registered_sm2_key_signs_no_requests(ledger: Ledger) -> None:
    signer = key("station-07.example-sm2", algorithm=Algorithm.SM2)
    with pytest.raises(Malformed, match="want an Ed25519 key for requests"):
        sign_request(signer, "POST", BASE + "/v1/uploads", BODY, NONCE)
    (result,) = ledger.services.log.accept([register(signer, Role.STATION)])
    assert isinstance(result, Accepted), result
    headers = dict(sign_request(STATION, "POST", BASE + "/v1/uploads", BODY, NONCE))
    keyid = STATION.verifier.keyid
    headers["Signature-Input"] = headers["Signature-Input"].replace(keyid, signer.verifier.keyid)
    refused(ledger, headers)
