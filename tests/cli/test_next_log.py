"""`tiezheng next-log`, as an operator types it; without cosigners, as nobody is asked then."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.trust_directory import read_trust
from testkit.keys import cosigner
from testkit.server import quiet, series_keys
from testkit.terminal import Run

ORIGIN = "ledger.example/enforcement/2026"
NEXT = "ledger.example/enforcement/2027"


@pytest.fixture(autouse=True)
def own_journal() -> Iterator[None]:
    with quiet():
        yield


@pytest.fixture
def data(run: Run, tmp_path: Path) -> Path:
    assert run("keygen", "--name", "registrar.example", "-o", tmp_path / "registrar.key").code == 0
    with series_keys():
        made = run(
            *("init", tmp_path / "data", "--origin", ORIGIN, "--agency", "agency-01"),
            *("--registrar", tmp_path / "registrar.key"),
        )
    assert made.code == 0, made.err
    return tmp_path / "data"


def test_a_log_is_prepared_and_then_begun(run: Run, data: Path, tmp_path: Path) -> None:
    with series_keys():
        prepared = run("next-log", data, "--origin", NEXT)
        assert prepared.code == 0, prepared.err
        assert prepared.out.startswith(f"{NEXT}+") and "every cosigner" in prepared.err
        assert [log.label for log in read_trust(data / "trust").logs] == ["2026"]
        begun = run("next-log", data, "--registrar", tmp_path / "registrar.key")
        assert begun.code == 0, begun.err
        assert begun.out.startswith(f"{ORIGIN} is closed with 3 entries; {NEXT} is open")
        assert "back it up now" in begun.err
        again = run("next-log", data, "--registrar", tmp_path / "registrar.key", "--json")
    said = json.loads(again.out)
    assert said == {"closed": ORIGIN, "opened": NEXT, "size": "3"}
    trust = read_trust(data / "trust")
    assert [log.label for log in trust.logs] == ["2026", "2027"]
    assert trust.logs[1].policy.log.to_text() == prepared.out.strip()


def test_it_speaks_chinese(run: Run, data: Path, tmp_path: Path) -> None:
    with series_keys():
        assert "公钥" in run("next-log", data, "--origin", NEXT, "--lang", "zh").err
        begun = run("next-log", data, "--registrar", tmp_path / "registrar.key", "--lang", "zh")
    assert "已结束，共 3 个条目" in begun.out and "备份" in begun.err


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--origin", NEXT, "--registrar", "r.key"),
        ("--registrar", "r.key", "--quorum", "2"),
        ("--origin", NEXT, "--quorum", "2"),
    ],
)
def test_what_does_not_go_together_is_one_of_usage(
    run: Run, data: Path, args: tuple[str, ...]
) -> None:
    assert run("next-log", data, *args).code == 2


@pytest.mark.parametrize("origin", ["ledger.example/enforcement/2025", "other.example/2027"])
def test_a_name_that_does_not_follow_is_refused(run: Run, data: Path, origin: str) -> None:
    ended = run("next-log", data, "--origin", origin)
    assert ended.code != 0 and "a later year" in ended.err
    assert not (data / "next").exists()


def test_the_next_log_may_have_other_cosigners_and_another_quorum(run: Run, data: Path) -> None:
    offices = [cosigner(f"{name}.example/w1") for name in ("notary", "court", "archive")]
    given = [f"--cosigner={o.verifier.to_text()}@https://{o.name}" for o in offices]
    with series_keys():
        refused = run("next-log", data, "--origin", NEXT, *given, "--quorum", "1")
        assert refused.code == 1 and "two histories" in refused.err
        assert not (data / "next").exists()
        prepared = run("next-log", data, "--origin", NEXT, *given, "--quorum", "3", "--json")
    said = json.loads(prepared.out)
    policies = [log.policy for log in read_trust(Path(said["trust"])).logs]
    assert [policy.overlap for policy in policies] == [0, 3]
    assert policies[1].log.to_text() == said["key"]


def test_without_their_names_the_cosigners_stay(run: Run, data: Path) -> None:
    with series_keys():
        assert run("next-log", data, "--origin", NEXT).code == 0
    first, second = (log.policy for log in read_trust(data / "next" / "trust").logs)
    assert (second.witnesses, second.groups, second.quorum) == (
        first.witnesses,
        first.groups,
        first.quorum,
    )
