"""What programs of other people said and wrote, replayed where there is no Go: SOURCES.md."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.cosigner import CosignerService, create_cosigner_app
from interop import second_reader
from interop.foreign import COURT, LITEWITNESS, NOTARY, TESSERA, size_of, tessera_policy
from ledger.audit import audit_log
from ledger.errors import Rejected
from ledger.evidence.trust import TrustedLog
from ledger.report import Outcome
from ledger.tlog.audit import read_log
from ledger.tlog.note import SignedNote, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.signing_key import SigningKey
from storage.public_copy import DirectoryLog
from testkit.server import OfficeState, quiet
from testkit.world import HandClock

RECORDED = Path(__file__).parents[1] / "vectors" / "recorded"


def _recorded(name: str) -> dict[str, Any]:
    return dict(json.loads((RECORDED / name).read_text(encoding="utf-8")))


def _our_cosigner(log: VerifierKey, signer: SigningKey, clock: HandClock) -> TestClient:
    service = CosignerService({log.name: log}, (signer,), OfficeState(), clock)
    return TestClient(create_cosigner_app(service))


def _cosigned_at(answer: str) -> int:
    (line,) = SignedNote.from_text(f"text\n\n{answer}").signatures
    return int.from_bytes(line.value[:8], "big")


# --- litewitness, asked by our log -----------------------------------------------------------


def _litewitness_policy(said: dict[str, Any]) -> Policy:
    return Policy.from_text(f"log {said['log']}\nwitness lite {said['witness']}\nquorum lite\n")


def test_our_log_accepts_what_litewitness_answered() -> None:
    said = _recorded("litewitness.json")
    policy = _litewitness_policy(said)
    times, sizes = [], []
    for exchange in said["grown"]:
        if exchange["status"] != 200:
            continue
        note = exchange["request"].partition("\n\n")[2] + exchange["answer"]
        cosigned = policy.open(SignedNote.from_text(note))
        assert cosigned.quorum_time == _cosigned_at(exchange["answer"])
        theirs = second_reader.read_policy(policy.to_text().encode())
        assert second_reader.open_checkpoint(note.encode(), theirs)[1] == cosigned.times
        times.append(cosigned.quorum_time)
        sizes.append(cosigned.checkpoint.size)
    assert times == sorted(times)
    assert sizes == sorted(sizes) and (sizes[0], sizes[-1]) == (2, 260)


def test_an_answer_for_another_tree_is_refused() -> None:
    said = _recorded("litewitness.json")
    first, *_, last = [e for e in said["grown"] if e["status"] == 200]
    note = last["request"].partition("\n\n")[2] + first["answer"]
    with pytest.raises(Rejected):
        _litewitness_policy(said).open(SignedNote.from_text(note))


def test_our_cosigner_answers_every_request_as_litewitness_did() -> None:
    said = _recorded("litewitness.json")
    http = _our_cosigner(VerifierKey.from_text(said["log"]), LITEWITNESS, clock := HandClock())
    seen = []
    with quiet():
        for exchange in said["grown"] + said["refused"]:
            if exchange["status"] == 200:
                clock.wall = 1000 * _cosigned_at(exchange["answer"])
            answer = http.post("/add-checkpoint", content=exchange["request"])
            assert answer.status_code == exchange["status"], exchange["request"]
            if answer.status_code in (200, 409):
                assert answer.text == exchange["answer"]
            if answer.status_code == 409:
                assert answer.headers["Content-Type"] == exchange["content_type"]
            seen.append(answer.status_code)
    assert set(seen) == {200, 400, 403, 404, 409, 422}


# --- cosignatures made in Go ----------------------------------------------------------------


def test_cosignatures_that_go_made_hold_for_both_readers() -> None:
    data = (RECORDED / "cosigned-in-go.note").read_bytes()
    text = (
        f"log {TESSERA.verifier.to_text()}\n"
        f"witness notary {NOTARY.verifier.to_text()}\nwitness court {COURT.verifier.to_text()}\n"
        "group both all notary court\nquorum both\n"
    )
    cosigned = Policy.from_text(text).open(SignedNote.from_bytes(data))
    assert cosigned.quorum_time is not None
    policy = second_reader.read_policy(text.encode())
    assert second_reader.open_checkpoint(data, policy)[1] == cosigned.times


# --- Tessera, and our cosigner ---------------------------------------------------------------


def test_our_cosigner_answers_tessera_as_it_was_recorded() -> None:
    said = _recorded("tessera.json")
    assert (said["log"], said["cosigner"]) == (
        TESSERA.verifier.to_text(),
        NOTARY.verifier.to_text(),
    )
    http = _our_cosigner(TESSERA.verifier, NOTARY, clock := HandClock())
    with quiet():
        for exchange in said["exchanges"]:
            if exchange["status"] == 200:
                clock.wall = 1000 * _cosigned_at(exchange["answer"])
            answer = http.post("/add-checkpoint", content=exchange["request"])
            assert (answer.status_code, answer.text) == (exchange["status"], exchange["answer"])
    statuses = [(size_of(e["request"]), e["status"]) for e in said["exchanges"]]
    # Tessera begins with the tree of nothing; 7 is the size of the fork.
    assert statuses == [(0, 200), (5, 200), (6, 200), (7, 409), (7, 422), (300, 200)]


def _trusted() -> TrustedLog:
    policy = f"log {TESSERA.verifier.to_text()}\n{tessera_policy('')}"
    return TrustedLog(TESSERA.name, "2026", Policy.from_text(policy), "")


def test_our_reader_reads_the_log_of_tessera() -> None:
    log, trusted = DirectoryLog(RECORDED / "tessera"), _trusted()
    note = SignedNote.from_bytes(log.read("2026", "checkpoint"))
    cosigned = trusted.policy.open(note)
    assert cosigned.checkpoint.size == 300 and cosigned.times.keys() == {"notary"}
    read = read_log(lambda path: log.read("2026", path), cosigned.checkpoint, tiles=True)
    found = [entry for _, bundle in read for entry in bundle]
    assert found == [b"entry %d" % n for n in range(300)]


def test_an_audit_says_that_the_tree_of_tessera_is_sound_and_its_entries_are_not_ours() -> None:
    audit = audit_log(DirectoryLog(RECORDED / "tessera"), _trusted())
    outcomes = {finding.step: finding.outcome for finding in audit.findings}
    assert (outcomes["checkpoint"], outcomes["tree"]) == (Outcome.PASSED, Outcome.PASSED)
    assert outcomes["entries"] is Outcome.FAILED


Edit = Callable[[bytearray], None]


def _flip(data: bytearray) -> None:
    data[len(data) // 2] ^= 1


def _shorten(data: bytearray) -> None:
    del data[-32:]


@pytest.mark.parametrize("edit", [_flip, _shorten])
@pytest.mark.parametrize(
    "path", ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"]
)
def test_both_readers_refuse_the_log_of_tessera_altered(
    tmp_path: Path, path: str, edit: Edit
) -> None:
    copy = shutil.copytree(RECORDED / "tessera", tmp_path / "log")
    data = bytearray((copy / path).read_bytes())
    edit(data)
    (copy / path).write_bytes(data)
    trusted = _trusted()
    (tmp_path / "policy").write_text(trusted.policy.to_text())
    outcomes = {f.step: f.outcome for f in audit_log(DirectoryLog(copy), trusted).findings}
    assert Outcome.FAILED in (outcomes["checkpoint"], outcomes.get("tree"))
    with pytest.raises((second_reader.Wrong, UnicodeDecodeError)):
        second_reader.main(["log", str(copy), str(tmp_path / "policy")])
