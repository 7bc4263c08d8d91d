import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from api.cosigner import CosignerService, create_cosigner_app
from api.pace import Pace
from ledger import suite
from ledger.errors import Unavailable, Unknown
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature, subtree_message
from ledger.tlog.fraud import Fraud
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.note import Algorithm, Signature, SignedNote, VerifierKey
from ledger.tlog.proof import prove_consistency
from ledger.tlog.signing_key import Signer, SigningKey, sign_note
from ledger.tlog.submission import MAX_REQUEST, AddCheckpoint, SignSubtree
from storage.cosigner_copy import CosignerCopy
from storage.cosigner_sqlite import SqliteCosignerState
from testkit.keys import cosigner, key
from testkit.world import HandClock

LOG = key("ledger.example/enforcement/2026")
COURT = cosigner("court.example/w1")
LATTICE = key("court.example/w2", algorithm=Algorithm.COSIGNATURE_MLDSA44)

Start = Callable[..., TestClient]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    states: list[SqliteCosignerState] = []

    def begin(
        logs: dict[str, VerifierKey] | None = None,
        keys: tuple[Signer, ...] = (COURT, LATTICE),
        state: Any = None,
        keep: Callable[[Fraud], None] = lambda fraud: None,
        show: Callable[[SignedNote], None] = lambda note: None,
    ) -> TestClient:
        states.append(SqliteCosignerState(tmp_path / "state.sqlite"))
        service = CosignerService(
            logs or {LOG.name: LOG.verifier}, keys, state or states[-1], HandClock(), keep, show
        )
        return TestClient(create_cosigner_app(service))

    yield begin
    for state in states:
        state.close()


def leaves(size: int, branch: bytes = b"") -> list[bytes]:
    return [leaf_hash(b"%d" % n + branch) for n in range(size)]


def request(
    old: int, size: int, *, branch: bytes = b"", signer: SigningKey = LOG, origin: str = LOG.name
) -> bytes:
    hashes = leaves(size, branch)

    def node(level: int, number: int) -> bytes:
        return root_of(hashes[number << level : (number + 1) << level])

    text = Checkpoint(origin, size, root_of(hashes)).to_text()
    note = SignedNote(text, (sign_note(text, signer),))
    proof = prove_consistency(old, size, node) if old <= size else ()
    return AddCheckpoint(old, proof, note).to_bytes()


def post(client: TestClient, body: bytes) -> tuple[int, bytes]:
    answer = client.post("/add-checkpoint", content=body)
    return answer.status_code, answer.content


def test_a_good_request_gets_the_lines_of_every_key_and_nothing_else(start: Start) -> None:
    status, answer = post(start(), request(0, 5))
    assert status == 200 and answer.count(b"\n") == 2
    text = Checkpoint(LOG.name, 5, root_of(leaves(5))).to_text()
    note = SignedNote.from_bytes(text.encode() + b"\n" + answer)
    for each in (COURT, LATTICE):
        assert check_cosignature(note, Checkpoint.from_text(text), each.verifier)


def test_the_same_tree_again_is_signed_again(start: Start) -> None:
    client = start()
    assert post(client, request(0, 5))[0] == post(client, request(5, 5))[0] == 200


def test_a_stale_size_answers_with_the_true_one_in_the_protocol_s_type(start: Start) -> None:
    client = start()
    post(client, request(0, 5))
    answer = client.post("/add-checkpoint", content=request(0, 9))
    assert answer.status_code == 409 and answer.content == b"5\n"
    assert answer.headers["content-type"] == "text/x.tlog.size"


# Each request has the fault of its line and of every line below it, where that is possible:
# the answer is that of the first.
IN_ORDER = [
    ("unknown log", request(9, 3, signer=key("a/2026"), origin="a/2026"), 404),
    ("signed by nobody we know", request(9, 3, signer=key("a/2026")), 403),
    ("signed by another key of that name", request(9, 3, signer=key(LOG.name, "x")), 403),
    ("old beyond new", request(9, 3, branch=b"!"), 400),
    ("old is not the last", request(2, 3, branch=b"!"), 409),
    ("another tree of that size", request(5, 5, branch=b"!"), 422),
    ("another tree", request(5, 9, branch=b"!"), 422),
]


@pytest.mark.parametrize("fault, body, status", IN_ORDER, ids=[row[0] for row in IN_ORDER])
def test_refusals_come_in_the_order_of_the_protocol(
    start: Start, fault: str, body: bytes, status: int
) -> None:
    client = start()
    post(client, request(0, 5))
    assert post(client, body)[0] == status
    # A refusal changes nothing.
    assert post(client, request(5, 6))[0] == 200


@pytest.mark.parametrize("body", [b"", b"old 0\n\n", b"\xff", b"old 0\n\nx\n0\ny\n\n"])
def test_what_is_no_request_is_a_bad_one(start: Start, body: bytes) -> None:
    assert post(start(), body)[0] == 400


def test_a_body_that_is_too_long_is_not_read_to_its_end(start: Start) -> None:
    assert post(start(), b"x" * (MAX_REQUEST + 1))[0] == 413


def test_from_nothing_with_a_proof_is_not_provable(start: Start) -> None:
    body = request(0, 5).replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n")
    assert post(start(), body)[0] == 422


def test_a_state_that_cannot_be_stored_gives_no_signature(start: Start) -> None:
    class Failing:
        def last(self, origin: str) -> None:
            return None

        def swap(self, *arguments: object) -> None:
            raise Unavailable("the disk failed")

    status, answer = post(start(state=Failing()), request(0, 5))
    assert status == 503 and "\N{EM DASH}".encode() not in answer


class Away:
    """A key of another program's, which is not there just now."""

    name, algorithm, verifier = COURT.name, COURT.algorithm, COURT.verifier

    def __init__(self) -> None:
        self.away = True

    def sign(self, message: bytes) -> bytes:
        if self.away:
            raise Unavailable("the agent is locked")
        return COURT.sign(message)


def test_if_one_of_two_keys_does_not_sign_nothing_is_stored_and_no_line_leaves(
    start: Start,
) -> None:
    court = Away()
    client = start(keys=(LATTICE, court))
    status, answer = post(client, request(0, 5))
    assert status == 503 and "\N{EM DASH}".encode() not in answer
    path = f"/{suite.digest(LOG.name.encode()).hex()}/checkpoint"
    assert client.get(path).status_code == 404
    court.away = False
    # Nothing was promised to either history: whichever comes first is taken.
    assert post(client, request(0, 5, branch=b"!"))[0] == 200
    assert post(client, request(5, 5, branch=b"!"))[0] == 200


def test_a_split_view_becomes_a_proof_that_anyone_can_check(start: Start) -> None:
    kept: list[Fraud] = []
    client = start(keep=kept.append)
    post(client, request(0, 5))
    with capture_logs() as journal:
        assert post(client, request(5, 5, branch=b"!"))[0] == 422
    (fraud,) = kept
    fraud.check(LOG.verifier)
    # The first of the two is with this cosigner's word that it was shown.
    first = SignedNote.from_text(fraud.smaller.to_text())
    assert check_cosignature(first, Checkpoint.from_text(first.text), COURT.verifier)
    (line,) = [line for line in journal if line["event"] == "split_view"]
    assert Fraud.from_text(line["proof"]) == fraud


def test_a_proof_that_cannot_be_kept_is_in_the_journal(start: Start) -> None:
    def full(fraud: Fraud) -> None:
        raise Unavailable("no room")

    client = start(keep=full)
    post(client, request(0, 5))
    with capture_logs() as journal:
        # The answer is what it is: a log that starts must not take it for silence.
        assert post(client, request(5, 5, branch=b"!"))[0] == 422
    assert any(line["event"] == "split_view" for line in journal)


def test_anyone_may_read_what_was_cosigned_last(start: Start) -> None:
    client = start()
    path = f"/{suite.digest(LOG.name.encode()).hex()}/checkpoint"
    assert client.get(path).status_code == 404
    post(client, request(0, 5))
    post(client, request(5, 9))
    answer = client.get(path)
    note = SignedNote.from_bytes(answer.content)
    checkpoint = Checkpoint.from_text(note.text)
    assert checkpoint.size == 9 and note.by(LOG.verifier) is not None
    assert check_cosignature(note, checkpoint, COURT.verifier)
    assert client.get("/" + "0" * 64 + "/checkpoint").status_code == 404


def test_a_state_that_cannot_be_read_is_told_to_who_asks(start: Start) -> None:
    class Failing:
        def last(self, origin: str) -> None:
            raise Unavailable("cannot read the cosigner's state: the disk failed")

    path = f"/{suite.digest(LOG.name.encode()).hex()}/checkpoint"
    answer = start(state=Failing()).get(path)
    assert answer.status_code == 503
    assert answer.text == "cannot read the cosigner's state: the disk failed\n"


def test_a_restart_remembers(start: Start) -> None:
    post(start(), request(0, 5))
    assert post(start(), request(0, 5, branch=b"!")) == (409, b"5\n")


# --- other people's exchanges ------------------------------------------------------------------


def _exchanges(path: Path) -> tuple[dict[str, Any], dict[str, VerifierKey]]:
    found = json.loads(path.read_text(encoding="utf-8"))
    return found, {found["log_origin"]: VerifierKey.from_text(found["log_vkey"])}


def test_it_answers_a_sigsum_log_as_litewitness_does(start: Start, vectors: Path) -> None:
    """But for an unknown log: 403 there in 2025, 404 in tlog-witness 1.0.0 and here. And
    base64 in a second spelling is no note here (400), where there the signature fails (403)."""
    found, logs = _exchanges(vectors / "witness-http/litewitness-sigsum.json")
    client = start(logs, (cosigner("example.com/witness"),))
    odd = []
    for number, exchange in enumerate(found["exchanges"]):
        status, answer = post(client, exchange["request_body"].encode())
        wanted = exchange["status"]
        if any("unknown log" in text for _, text in exchange["asserts"]):
            wanted = 404
        if b"one base64 spelling" in answer:
            wanted = 400 if number == 1 else wanted
        if status != wanted:
            odd.append((number, exchange["status"], status, answer))
        for how, text in exchange["asserts"]:
            if exchange["status"] == 200 and how == "contains" and text.encode() not in answer:
                odd.append((number, how, text, answer))
            if how == "==" and answer.decode() != text:
                odd.append((number, how, text, answer))
    assert len(found["exchanges"]) > 8 and odd == []


def test_a_log_whose_origin_is_no_key_name_is_not_cosigned(start: Start, vectors: Path) -> None:
    """sum.golang.org signs `go.sum database tree`. Ours sign under their own name only, so
    that a key can never speak for two logs, and that is no name; litewitness answers 200."""
    found, logs = _exchanges(vectors / "witness-http/litewitness-sumdb.json")
    client = start(logs)
    (exchange,) = found["exchanges"]
    assert exchange["status"] == 200
    assert post(client, exchange["request_body"].encode())[0] == 400


def test_the_example_of_the_protocol_is_read(vectors: Path) -> None:
    text = (vectors / "witness-http/c2sp-add-checkpoint-example-parse-only.txt").read_bytes()
    request = AddCheckpoint.from_bytes(text)
    assert request.old_size == 20852014 and len(request.proof) == 4
    assert request.to_bytes() == text


def test_a_part_of_a_tree_is_signed_over_http(start: Start) -> None:
    client = start()
    post(client, request(0, 5))
    note = SignedNote.from_bytes(
        client.get(f"/{suite.digest(LOG.name.encode()).hex()}/checkpoint").content
    )
    hashes = leaves(5)
    root = root_of(hashes[:4])
    asked = SignSubtree(0, 4, root, (hashes[4],), note)
    answer = client.post("/sign-subtree", content=asked.to_bytes())
    assert answer.status_code == 200
    line = Signature.from_text(answer.text)
    assert (line.name, line.key_id) == (LATTICE.name, LATTICE.verifier.key_id)
    assert line.value[:8] == bytes(8)
    message = subtree_message(LATTICE.name, 0, LOG.name, 0, 4, root)
    LATTICE.verifier.verify(message, line.value[8:])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"start": 1, "end": 3}, 400),
        ({"end": 6}, 400),
        ({"subtree": bytes(32)}, 422),
        ({"proof": ()}, 422),
        ({"note": "the log's only"}, 403),
        ({"note": "another log's"}, 404),
    ],
)
def test_a_part_that_may_not_be_signed_has_its_status(
    start: Start, change: dict[str, Any], status: int
) -> None:
    client = start()
    post(client, request(0, 5))
    path = f"/{suite.digest(LOG.name.encode()).hex()}/checkpoint"
    note = SignedNote.from_bytes(client.get(path).content)
    notes = {
        "the log's only": SignedNote(note.text, note.signatures[:1]),
        "another log's": SignedNote(note.text.replace(LOG.name, "o.example/1"), note.signatures),
    }
    if "note" in change:
        change = {"note": notes[change["note"]]}
    hashes = leaves(5)
    asked = replace(SignSubtree(0, 4, root_of(hashes[:4]), (hashes[4],), note), **change)
    assert client.post("/sign-subtree", content=asked.to_bytes()).status_code == status


def test_a_cosigner_without_such_a_key_signs_no_parts(start: Start) -> None:
    client = start(keys=(COURT,))
    assert client.post("/sign-subtree", content=b"x").status_code == 404
    assert start().post("/sign-subtree", content=b"x").status_code == 400


def test_what_comes_too_fast_is_refused_and_taken_again_later() -> None:
    now = [0.0]
    app = FastAPI()

    @app.get("/")
    async def _() -> str:
        return "yes"

    client = TestClient(Pace(app, 3, lambda: now[0]))
    assert [client.get("/").status_code for _ in range(8)] == [200] * 6 + [429] * 2
    assert client.get("/").headers["retry-after"] == "1"
    now[0] += 1.0
    assert [client.get("/").status_code for _ in range(4)] == [200] * 3 + [429]


def test_one_address_does_not_take_anothers_share() -> None:
    app = Pace(FastAPI(), 1, lambda: 0.0)
    for address, expected in (("10.0.0.1", [404, 404, 429]), ("10.0.0.2", [404, 404, 429])):
        client = TestClient(app, client=(address, 1))
        assert [client.get("/").status_code for _ in range(3)] == expected


def test_who_has_a_whole_network_of_addresses_has_one_share() -> None:
    """Of IPv6 anyone is given 2^64 addresses."""
    app = Pace(FastAPI(), 1, lambda: 0.0)
    said = {}
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3", "2001:db8:0:1::1"):
        said[address] = TestClient(app, client=(address, 1)).get("/").status_code
    assert list(said.values()) == [404, 404, 429, 404]


def test_what_is_shown_is_what_was_cosigned_and_never_goes_back(
    start: Start, tmp_path: Path
) -> None:
    copy = CosignerCopy(tmp_path / "copy")
    client = start(show=copy.keep)
    with pytest.raises(Unknown):
        copy.read(LOG.name)
    for old, size in ((0, 5), (5, 9)):
        post(client, request(old, size))
        note = copy.read(LOG.name)
        assert Checkpoint.from_text(note.text).size == size
        path = f"/{suite.digest(LOG.name.encode()).hex()}/checkpoint"
        assert note.to_bytes() == client.get(path).content
        assert (tmp_path / "copy" / path[1:]).read_bytes() == note.to_bytes()
    newest = copy.read(LOG.name)
    late = SignedNote.from_bytes(AddCheckpoint.from_bytes(request(0, 5)).note.to_bytes())
    copy.keep(late)
    assert copy.read(LOG.name) == newest


def test_a_copy_that_cannot_be_written_holds_up_nothing(start: Start) -> None:
    def full(note: SignedNote) -> None:
        raise Unavailable("no room")

    client = start(show=full)
    with capture_logs() as journal:
        assert post(client, request(0, 5))[0] == 200
    assert [line["event"] for line in journal if line["log_level"] == "error"] == ["copy_failed"]
