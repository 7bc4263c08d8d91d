"""Two logs, one after the other, on the command line: over the golden packet and its logs."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from ledger.tlog.receipt import Receipt
from storage.trust_written import write_trust
from testkit.sequence import go_on, reopened
from testkit.server import CASE, STATION, open_ledger, serving
from testkit.terminal import Run
from testkit.world import grown

GOLDEN = Path(__file__).parents[1] / "golden" / "sequence"
PACKET, TRUST, PUBLIC = GOLDEN / "packet.zip", GOLDEN / "trust", GOLDEN / "public"
ALL = "complete,order,time"


def test_a_packet_over_two_logs_passes_with_code_0(run: Run) -> None:
    ended = run("verify", PACKET, "--trust", TRUST, "--log", PUBLIC, "--require", ALL)
    assert (ended.code, ended.err) == (0, ""), ended.out
    for label, size in (("2026", 9), ("2027", 4)):
        assert f"Log: ledger.example/enforcement/{label}" in ended.out
        assert f"Checkpoint: {size} entries" in ended.out
    said = run("verify", PACKET, "--trust", TRUST, "--json")
    details = [finding["detail"] for finding in json.loads(said.out)["findings"]]
    assert "this log ended with 9 entries, as 2027-0 says" in details


def test_it_says_so_in_chinese(run: Run) -> None:
    ended = run("verify", PACKET, "--trust", TRUST, "--log", PUBLIC, "--lang", "zh")
    assert ended.code == 0 and "日志：ledger.example/enforcement/2027" in ended.out


@pytest.mark.parametrize("missing", ["2026", "2027"])
def test_without_a_copy_of_either_log_completeness_is_not_readable(
    run: Run, tmp_path: Path, missing: str
) -> None:
    shutil.copytree(PUBLIC, tmp_path / "public")
    shutil.rmtree(tmp_path / "public" / missing)
    ended = run("verify", PACKET, "--trust", TRUST, "--log", tmp_path / "public")
    assert ended.code == 4 and missing in ended.err


def test_an_audit_of_both_logs_says_where_the_first_ended(run: Run) -> None:
    ended = run("audit", PUBLIC, "--trust", TRUST, "--json")
    assert ended.code == 0, ended.err
    first, second = json.loads(ended.out)["logs"]
    assert [f["step"] for f in first["findings"]] == ["checkpoint", "tree", "entries", "end"]
    assert [f["step"] for f in second["findings"]] == ["checkpoint", "tree", "entries"]
    chinese = run("audit", PUBLIC, "--trust", TRUST, "--lang", "zh").out
    assert "本日志止于 9 个条目，见条目 2027-0" in chinese


def test_an_audit_of_one_of_them_asks_for_nothing_of_the_other(run: Run) -> None:
    for label in ("2026", "2027"):
        ended = run("audit", PUBLIC / label, "--trust", TRUST)
        assert ended.code == 0, ended.out


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two logs of three bundles each, as far as an audit minds, and a trust folder."""
    folder = tmp_path_factory.mktemp("large")
    world = grown(520)
    world.begin_next()
    world.file(*(world.evidence(number) for number in range(1000, 1520)))
    world.step()
    write_trust(folder / "trust", world.trust_files())
    for (label, path), data in world.public_log().files.items():
        target = folder / "public" / label / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


@pytest.mark.parametrize("bad", [(), ("2026",), ("2027",), ("2026", "2027")])
def test_an_audit_on_all_cores_names_the_bad_tile_of_either_log(
    run: Run, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: tuple[str, ...]
) -> None:
    monkeypatch.setattr("ledger.audit.SPAN", 1)
    monkeypatch.setattr("cli.processes.LEAST", 2)
    shutil.copytree(large / "public", tmp_path / "public")
    paths = {"2026": "tile/0/001", "2027": "tile/1/000.p/2"}
    for label in bad:
        path = tmp_path / "public" / label / paths[label]
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    asked = ("audit", tmp_path / "public", "--trust", large / "trust", "--json")
    ended = run(*asked)
    assert ended.code == (1 if bad else 0), ended
    for log in json.loads(ended.out)["logs"]:
        found = {each["step"]: each for each in log["findings"]}
        assert found["tree"]["outcome"] == ("failed" if log["label"] in bad else "passed")
        assert (paths[log["label"]] in found["tree"]["detail"]) is (log["label"] in bad)
        # Where the first ended, its checkpoint and the next log's first entry say.
        assert ("end" in found) is (log["label"] == "2026")
    with monkeypatch.context() as patch:
        patch.setattr("cli.audit.spread", map)
        assert run(*asked).out == ended.out


def earlier_note() -> bytes:
    """A smaller checkpoint of the first log, as a proof in the packet ends in it."""
    with zipfile.ZipFile(PACKET) as packet:
        name = next(n for n in packet.namelist() if "/proofs/2026-" in n and "@9." not in n)
        return Receipt.from_bytes(packet.read(name)).note.encode()


def test_a_closed_log_that_was_cut_short_fails_the_audit(run: Run, tmp_path: Path) -> None:
    """Its older checkpoint has a quorum of its own, and the next log says otherwise."""
    shutil.copytree(PUBLIC, tmp_path / "public")
    older = earlier_note()
    (tmp_path / "public" / "2026" / "checkpoint").write_bytes(older)
    ended = run("audit", tmp_path / "public", "--trust", TRUST)
    assert ended.code == 1
    assert "want the last checkpoint, of 9 entries, got" in ended.out


def test_an_opening_is_explained(run: Run) -> None:
    ended = run("inspect", PUBLIC / "2027" / "opening.dsse.json")
    assert ended.code == 0 and "the closing of an earlier log" in ended.out
    assert "ledger.example/enforcement/2026" in ended.out
    assert (
        "结束上一份日志"
        in run("inspect", PUBLIC / "2027" / "opening.dsse.json", "--lang", "zh").out
    )


# --- over a line -----------------------------------------------------------------------------


def test_deposit_receipt_and_packet_over_two_logs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.next_log.QUORUM_S", 60.0)
    data, key = tmp_path / "data", tmp_path / "station.key"
    key.write_text(STATION.to_text() + "\n")
    (tmp_path / "a.jpg").write_bytes(b"a picture")
    (tmp_path / "b.jpg").write_bytes(b"another")

    def deposit(name: str, address: str) -> str:
        ended = run(
            *("deposit", tmp_path / name, "--case", CASE, "--key", key),
            *("--server", address, "--trust", data / "trust", "--json"),
        )
        assert ended.code == 0, ended.err
        return str(json.loads(ended.out)["statements"][0]["id"])

    with open_ledger(data) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        ids = [deposit("a.jpg", address)]
        people = ledger.offices
        ledger.await_quorum()
    go_on(data, people)
    with reopened(data, people) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        ids.append(deposit("b.jpg", address))
        ledger.await_quorum()
        for id_, label in zip(ids, ("2026", "2027"), strict=True):
            ended = run("receipt", id_, "--server", address, "--trust", data / "trust", "--json")
            assert ended.code == 0, ended.err
            assert json.loads(ended.out)["place"].startswith(f"{label}-")
        token = tmp_path / "token"
        token.write_text(ledger.token() + "\n")
        packet = tmp_path / "packet.zip"
        usual = ("--server", address, "--token-file", token, "--incomplete")
        ended = run("packet", CASE, "-o", packet, *usual)
        assert ended.code == 0, ended.err
    ended = run("verify", packet, "--trust", data / "trust", "--log", data / "public")
    assert ended.code == 0, ended.out
    assert "completeness (nothing left out): passed" in ended.out
