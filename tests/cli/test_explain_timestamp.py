"""Time stamps in words: committed ones, ones that openssl makes now, and damaged ones."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ledger import asn1
from testkit.terminal import Run

# sha256 of "hello\n"
IMPRINT = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"


@pytest.fixture
def stamps(own_vectors: Path) -> Path:
    return own_vectors / "timestamps"


def told(run: Run, path: Path) -> dict[str, Any]:
    ended = run("inspect", path, "--json")
    assert ended.code == 0, ended.err
    value = json.loads(ended.out)
    return {"kind": value["kind"], **{f["name"]: f["value"] for f in value["fields"]}}


def written(tmp_path: Path, data: bytes) -> Path:
    (tmp_path / "file").write_bytes(data)
    return tmp_path / "file"


def test_a_request_shows_the_hash_that_is_to_be_stamped(run: Run, stamps: Path) -> None:
    found = told(run, stamps / "request.tsq")
    assert (found["kind"], found["imprint"]) == ("timestamp_request", IMPRINT)
    assert found["hash_algorithm"] == "2.16.840.1.101.3.4.2.1 SHA-256"
    assert found["cert_req"] == "yes"


def test_a_response_shows_both_clocks_and_the_authority(run: Run, stamps: Path) -> None:
    found = told(run, stamps / "response.tsr")
    assert (found["kind"], found["status"]) == ("timestamp_response", "0")
    assert (found["time"], found["time_utc"]) == (
        "2026-11-26T00:27:59+08:00",
        "2026-11-25T16:27:59Z",
    )
    assert (found["policy"], found["accuracy_seconds"]) == ("1.2.3.4.1", "1")
    assert (found["tsa"], found["certificate"]) == ("CN=Lab TSA, O=Lab", "O=Lab,CN=Lab TSA")
    assert found["nonce"] == told(run, stamps / "request.tsq")["nonce"]
    assert found["strict_reader"] == "yes"


def test_a_bare_token_says_the_same_as_its_response(run: Run, stamps: Path) -> None:
    token, response = told(run, stamps / "token.der"), told(run, stamps / "response.tsr")
    assert token.pop("kind") == "timestamp_token"
    assert response.pop("kind") == "timestamp_response"
    assert response.pop("status") == "0"
    assert token == response


@pytest.mark.parametrize("label", ["PKCS7", "CMS", "TIMESTAMP TOKEN"])
def test_a_token_in_pem_says_the_same(run: Run, stamps: Path, tmp_path: Path, label: str) -> None:
    body = base64.encodebytes((stamps / "token.der").read_bytes())
    pem = b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), body, label.encode())
    assert told(run, written(tmp_path, pem)) == told(run, stamps / "token.der")


def test_a_refusal_shows_why_and_that_there_is_no_time_stamp(run: Run, stamps: Path) -> None:
    found = told(run, stamps / "refused.tsr")
    assert (found["kind"], found["status"], found["failure"]) == ("timestamp_refusal", "2", "15")
    assert found["status_text"] == "Requested policy is not supported."
    out = run("inspect", stamps / "refused.tsr", "--lang", "zh").out
    assert "已拒绝：没有时间戳" in out
    assert "不支持所请求的策略" in out


def test_certificates_out_of_order_are_explained_and_said_to_be_refused_elsewhere(
    run: Run, stamps: Path
) -> None:
    found = told(run, stamps / "unsorted.tsr")
    assert (found["imprint"], found["certificates"]) == (IMPRINT, "2")
    assert found["strict_reader"] == "no"
    assert "InvalidSetOrdering" in found["strict_reason"]


def test_a_token_in_ber_is_explained_as_far_as_it_goes(
    run: Run, stamps: Path, tmp_path: Path
) -> None:
    oid, content = asn1.parts(asn1.parts((stamps / "token.der").read_bytes())[0].data)
    ber = b"\x30\x80" + asn1.whole(oid) + b"\xa0\x80" + bytes(content.data) + bytes(4)
    found = told(run, written(tmp_path, ber))
    assert (found["kind"], found["imprint"]) == ("timestamp_token", IMPRINT)
    assert found["unread_whole"]


def test_a_token_cut_anywhere_is_explained_or_refused(
    run: Run, stamps: Path, tmp_path: Path
) -> None:
    data = (stamps / "response.tsr").read_bytes()
    codes = set()
    for size in range(0, len(data), 7):
        ended = run("inspect", written(tmp_path, data[:size]), "--json")
        codes.add(int(ended.code))
        assert ended.code != 0 or "unread_whole" in ended.out
    assert codes == {0, 1}


def _info(at: bytes) -> bytes:
    """A TSTInfo of that time."""
    sequence, oid, octets = b"\x30", b"\x06", b"\x04"
    algorithm = asn1.wrap(sequence, asn1.wrap(oid, bytes.fromhex("608648016503040201")))
    imprint = asn1.wrap(sequence, algorithm + asn1.wrap(octets, bytes(32)))
    start = bytes.fromhex("020101") + asn1.wrap(oid, b"\x2a\x03")
    rest = imprint + bytes.fromhex("020105") + asn1.wrap(b"\x18", at)
    return asn1.wrap(sequence, start + rest)


@pytest.mark.parametrize(
    ("at", "name", "value"),
    [
        (b"20260102030405Z", "time_utc", "2026-01-02T03:04:05Z"),
        (b"20260102030405.25Z", "time_utc", "2026-01-02T03:04:05.250000Z"),
        # DER forbids the last zero; some authorities write it.
        (b"20260102030405.250Z", "time_utc", "2026-01-02T03:04:05.250000Z"),
        (b"99991231235959Z", "time_utc", "9999-12-31T23:59:59Z"),
        (b"20261302030405Z", "time_unread", "20261302030405Z"),
        (b"202601020304+0800", "time_unread", "202601020304+0800"),
    ],
)
def test_a_time_is_shown_in_utc_or_as_it_stands(
    run: Run, tmp_path: Path, at: bytes, name: str, value: str
) -> None:
    tst_info = bytes.fromhex("060b2a864886f70d0109100104")
    encapsulated = asn1.wrap(b"\x30", tst_info + asn1.wrap(b"\xa0", asn1.wrap(b"\x04", _info(at))))
    signed = asn1.wrap(b"\x30", bytes.fromhex("0201033100") + encapsulated + b"\x31\x00")
    kind = bytes.fromhex("06092a864886f70d010702")
    token = asn1.wrap(b"\x30", kind + asn1.wrap(b"\xa0", signed))
    found = told(run, written(tmp_path, token))
    assert (found["kind"], found[name]) == ("timestamp_token", value)


def test_what_openssl_makes_now_is_explained(run: Run, tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")

    def openssl(*args: str) -> None:
        subprocess.run(["openssl", *args], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "data").write_text("hello\n")
    (tmp_path / "serial").write_text("0123456789ABCDEF\n")
    (tmp_path / "ts.cnf").write_text(
        "[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_cert = tsa.pem\n"
        "signer_key = tsa.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n"
        "digests = sha256\naccuracy = secs:2, millisecs:500, microsecs:100\nordering = yes\n"
        "tsa_name = yes\ness_cert_id_alg = sha256\n"
    )
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", "tsa.key", "-out", "tsa.pem", "-subj", "/CN=时间戳 TSA/C=CN", "-utf8"),
        *("-addext", "extendedKeyUsage=critical,timeStamping"),
    )
    openssl("ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "q.tsq")
    openssl("ts", "-reply", "-config", "ts.cnf", "-queryfile", "q.tsq", "-out", "r.tsr")
    openssl("ts", "-query", "-data", "data", "-sha512", "-cert", "-out", "q2.tsq")
    openssl("ts", "-reply", "-config", "ts.cnf", "-queryfile", "q2.tsq", "-out", "no.tsr")
    found, refused = told(run, tmp_path / "r.tsr"), told(run, tmp_path / "no.tsr")
    assert (found["imprint"], found["serial_hex"]) == (IMPRINT, "123456789abcdf0")
    assert (found["accuracy_seconds"], found["ordering"]) == ("2.5001", "yes")
    assert found["tsa"] == "CN=时间戳 TSA, C=CN"
    assert found["strict_reader"] == "yes"
    assert (refused["kind"], refused["failure"]) == ("timestamp_refusal", "0")
