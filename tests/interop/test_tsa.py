"""The time stamp authority of the tests answers as openssl and other people's readers expect."""

import urllib.request
from pathlib import Path

from rfc3161_client import decode_timestamp_response

from testkit.tsa_process import Wrong, open_tsa, openssl

BODY = b"ledger.example/enforcement/2026\n8\nAAAA\n"


def _verified(folder: Path, answer: bytes, root: bytes, body: bytes) -> str:
    """What `openssl ts -verify` says, with the root alone."""
    for name, data in (("x.tsr", answer), ("x.body", body), ("x.pem", root)):
        (folder / name).write_bytes(data)
    done = openssl(folder, "ts", "-verify", "-in", "x.tsr", "-data", "x.body", "-CAfile", "x.pem")
    return done.stdout + done.stderr


def test_openssl_verifies_what_it_stamps_with_the_root_alone(tmp_path: Path) -> None:
    with open_tsa(tmp_path / "tsa", intermediate=True) as tsa:
        assert "Verification: OK" in _verified(tmp_path, tsa.stamp(BODY), tsa.root, BODY)


def test_its_answer_over_http_is_read_by_another_reader(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(BODY)
    openssl(tmp_path, "ts", "-query", "-data", "body", "-sha256", "-cert", "-out", "q.tsq")
    with open_tsa(tmp_path / "tsa", ec_key=True) as tsa:
        query = urllib.request.Request(
            tsa.url,
            (tmp_path / "q.tsq").read_bytes(),
            {"Content-Type": "application/timestamp-query"},
        )
        with urllib.request.urlopen(query) as answer:
            response = decode_timestamp_response(answer.read())
    assert response.tst_info.message_imprint.message
    assert tsa.asked == 1


def test_its_clock_can_be_a_day_off_and_its_signature_still_holds(tmp_path: Path) -> None:
    with open_tsa(tmp_path / "tsa") as tsa:
        honest = decode_timestamp_response(tsa.stamp(BODY)).tst_info.gen_time
        tsa.clock_s = 86_400
        answer = tsa.stamp(BODY)
        ahead = decode_timestamp_response(answer).tst_info.gen_time
        assert (ahead - honest).days == 1
        said = openssl(
            tsa.folder, "cms", "-verify", "-noverify", "-inform", "DER", "-in",
            _token(tsa.folder, answer), "-out", "info",
        )  # fmt: skip
    assert "successful" in said.stderr


def test_an_unsorted_set_of_certificates_is_unsorted(tmp_path: Path) -> None:
    with open_tsa(tmp_path / "tsa", intermediate=True, unsorted=True) as tsa:
        answer = tsa.stamp(BODY)
        try:
            decode_timestamp_response(answer)
        except ValueError as error:
            assert "InvalidSetOrdering" in str(error)
        else:
            raise AssertionError("it was read as strict DER")


def test_it_refuses_when_told_to(tmp_path: Path) -> None:
    with open_tsa(tmp_path / "tsa") as tsa:
        tsa.misbehave = Wrong.REFUSES
        assert decode_timestamp_response(tsa.stamp(BODY)).status == 2


def _token(folder: Path, answer: bytes) -> str:
    (folder / "answer").write_bytes(answer)
    openssl(folder, "ts", "-reply", "-in", "answer", "-token_out", "-out", "token")
    return "token"
