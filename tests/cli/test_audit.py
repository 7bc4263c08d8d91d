import json
import shutil
from pathlib import Path

import pytest

from cli.processes import spread
from ledger.audit import audit_log
from ledger.errors import Unavailable, Unknown
from ledger.evidence.entry import Entry
from ledger.evidence.trust import TrustedLog
from ledger.report import Outcome
from ledger.spread import Spread
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.policy import Policy
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note
from ledger.tlog.tile import ENTRIES, Tile
from ledger.tlog.tiling import Tiling
from storage.public_copy import DirectoryLog
from testkit.terminal import Ended, Run

MINUTE = 60_000
LOG = SigningKey("log.example/2026", Algorithm.ED25519, bytes([1] * 32))
COSIGNER = SigningKey("c.example", Algorithm.COSIGNATURE_ED25519, bytes([2] * 32))


class Copy:
    """A copy of one small log in memory, honest about whatever entries it is given."""

    def __init__(self, entries: list[bytes], *, cosigned: bool = True) -> None:
        hashes = [leaf_hash(entry) for entry in entries]
        checkpoint = Checkpoint(LOG.name, len(entries), root_of(hashes))
        lines = [sign_note(checkpoint.to_text(), LOG)]
        lines += [sign_checkpoint(checkpoint, COSIGNER, 1_795_430_400)] if cosigned else []
        tiling = Tiling()
        tiles = [*tiling.append(entries), *tiling.partial()]
        self.files = {tile.to_path(): data for tile, data in tiles}
        self.files["checkpoint"] = SignedNote(checkpoint.to_text(), tuple(lines)).to_bytes()

    def read(self, label: str, path: str) -> bytes:
        if path not in self.files:
            raise Unknown(f"no {path}")
        return self.files[path]

    def write(self, folder: Path) -> DirectoryLog:
        """On disk, where other processes find it too."""
        for path, data in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return DirectoryLog(folder)


def entry(at: int) -> bytes:
    return Entry(at * MINUTE, bytes(32), tuple(bytes([i] * 16) for i in range(8))).to_bytes()


def trusted(quorum: str = "c") -> TrustedLog:
    text = (
        f"log {LOG.verifier.to_text()}\nwitness c {COSIGNER.verifier.to_text()}\nquorum {quorum}\n"
    )
    return TrustedLog(LOG.name, "2026", Policy.from_text(text), "")


def outcomes(copy: Copy, log: TrustedLog) -> list[tuple[str, Outcome]]:
    audit = audit_log(copy, log, on_start=lambda size: lambda n: None)
    return [(f.step, f.outcome) for f in audit.findings]


def test_a_sound_log_passes_every_step() -> None:
    steps = outcomes(Copy([entry(1), entry(1), entry(2)]), trusted())
    assert steps == [(s, Outcome.PASSED) for s in ("checkpoint", "tree", "entries")]


def test_an_entry_older_than_the_one_before_fails_and_is_named() -> None:
    copy = Copy([entry(2), entry(1), entry(0)])
    audit = audit_log(copy, trusted(), on_start=lambda size: lambda n: None)
    assert audit.outcome is Outcome.FAILED
    assert audit.findings[-1].about == "2026-1"


def test_a_leaf_that_is_no_entry_fails_and_is_named() -> None:
    copy = Copy([entry(1), b"anything"])
    audit = audit_log(copy, trusted(), on_start=lambda size: lambda n: None)
    assert (audit.findings[-1].outcome, audit.findings[-1].about) == (Outcome.FAILED, "2026-1")


@pytest.mark.parametrize(
    ("entries", "odd"),
    [
        ([entry(2)] * 512 + [entry(1)] * 200, 512),
        ([entry(2)] * 512 + [b"anything"] + [entry(1)] * 99, 512),
        ([entry(2)] * 512 + [entry(3), b"anything", entry(1)], 513),
        ([entry(2)] * 300 + [entry(1)] + [entry(3)] * 300, 300),
        ([entry(2)] * 256 + [b"anything"] * 300 + [entry(1)] * 256, 256),
    ],
)
@pytest.mark.parametrize("share", [map, spread])
def test_in_runs_the_first_odd_entry_is_named_as_in_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, entries: list[bytes], odd: int, share: Spread
) -> None:
    monkeypatch.setattr("ledger.audit.SPAN", 1)
    monkeypatch.setattr("cli.processes.LEAST", 2)
    audit = audit_log(Copy(entries).write(tmp_path), trusted(), spread=share)
    assert [f.about for f in audit.findings] == ["checkpoint", "2026", f"2026-{odd}"]
    assert audit.findings[1].outcome is Outcome.PASSED


@pytest.mark.parametrize("share", [map, spread])
def test_a_checkpoint_of_an_absurd_size_is_a_missing_file(tmp_path: Path, share: Spread) -> None:
    copy = Copy([entry(1)])
    checkpoint = Checkpoint(LOG.name, 2**62, bytes(32))
    lines = (sign_note(checkpoint.to_text(), LOG), sign_checkpoint(checkpoint, COSIGNER, 1))
    copy.files["checkpoint"] = SignedNote(checkpoint.to_text(), lines).to_bytes()
    audit = audit_log(copy.write(tmp_path), trusted(), spread=share)
    assert audit.findings[1].outcome is Outcome.FAILED
    assert "tile/entries/000" in audit.findings[1].detail


def test_what_fails_in_another_process_fails_here_with_all_that_it_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ledger.audit.SPAN", 1)
    monkeypatch.setattr("cli.processes.LEAST", 2)
    copy = Copy([entry(1)] * 700)
    path = Tile(ENTRIES, 1).to_path()
    copy.files[path] = copy.files[path][:-1]
    log = copy.write(tmp_path)
    audits = [audit_log(log, trusted(), spread=share) for share in (map, spread)]
    assert audits[0] == audits[1]
    assert path in audits[0].findings[1].detail


def test_without_a_quorum_the_log_is_undecided_and_still_recomputed() -> None:
    steps = outcomes(Copy([entry(1)], cosigned=False), trusted())
    assert steps[0] == ("checkpoint", Outcome.UNDECIDED)
    assert steps[1] == ("tree", Outcome.PASSED)


def test_a_policy_without_quorum_decides_nothing() -> None:
    assert outcomes(Copy([entry(1)]), trusted("none"))[0] == ("checkpoint", Outcome.UNDECIDED)


def test_a_missing_tile_fails() -> None:
    copy = Copy([entry(1)])
    del copy.files[Tile(0, 0, 1).to_path()]
    assert outcomes(copy, trusted())[1] == ("tree", Outcome.FAILED)


def test_a_copy_that_cannot_be_read_is_no_verdict() -> None:
    class Broken(Copy):
        def read(self, label: str, path: str) -> bytes:
            if path != "checkpoint":
                raise Unavailable("the network is down")
            return super().read(label, path)

    with pytest.raises(Unavailable):
        outcomes(Broken([entry(1)]), trusted())


def test_progress_counts_every_entry() -> None:
    seen: list[int] = []

    def on_start(size: int) -> object:
        seen.append(-size)
        return seen.append

    audit_log(Copy([entry(1), entry(1)]), trusted(), on_start=on_start)  # type: ignore[arg-type]
    assert seen == [-2, 2]


# --- the command -----------------------------------------------------------------------------


@pytest.fixture
def audit(run: Run, worked: Path) -> Run:
    def audit(where: Path, *args: str) -> Ended:
        return run("audit", where, "--trust", worked / "trust", *args)

    return audit


def test_the_command_passes_a_folder_of_logs(audit: Run, worked: Path) -> None:
    ended = audit(worked / "public")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Verdict: PASSED\n")


def test_the_command_takes_the_folder_of_one_log(audit: Run, worked: Path) -> None:
    assert audit(worked / "public/2026").code == 0


def test_the_command_speaks_chinese(audit: Run, worked: Path) -> None:
    text = audit(worked / "public", "--lang", "zh").out
    assert text.startswith("结论：通过\n")
    assert "passed" not in text


def test_a_flipped_bit_names_the_tile_and_gives_code_1(audit: Run, worked: Path) -> None:
    path = worked / "public/2026/tile/0/000.p/5"
    data = bytearray(path.read_bytes())
    data[70] ^= 1
    path.write_bytes(data)
    ended = audit(worked / "public")
    assert ended.code == 1
    assert "tile/0/000.p/5: entry 2 does not match" in ended.out


def test_a_folder_without_logs_gives_code_4(audit: Run, worked: Path) -> None:
    assert audit(worked / "packet").code == 4


def test_another_log_than_the_trusted_one_gives_code_4(audit: Run, worked: Path) -> None:
    shutil.copytree(worked / "public/2026", worked / "other")
    note = (worked / "other/checkpoint").read_text()
    (worked / "other/checkpoint").write_text(note.replace("/2026\n5", "/2031\n5", 1))
    assert audit(worked / "other").code == 4


def test_json_has_a_line_with_every_log(audit: Run, worked: Path) -> None:
    value = json.loads(audit(worked / "public", "--json").out)
    assert value["outcome"] == "passed"
    assert [log["size"] for log in value["logs"]] == ["5"]
