"""Torchwood's litewitness cosigns our log; our cosigner cosigns a log of Tessera. Live."""

import shutil
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from interop import second_reader
from interop.foreign import (
    FOUNDED,
    LITEWITNESS,
    NOTARY,
    TESSERA,
    await_cosigned,
    checkpoint_of,
    file_statements,
    found_ledger,
    litewitness,
    our_cosigner,
    ours,
    size_of,
    tessera_add,
    tessera_policy,
    tessera_tries,
)
from ledger.tlog.policy import Policy
from testkit.recorder import Recorder, recorder
from testkit.ssh_agent import need_agent, ssh_agent

pytestmark = pytest.mark.timeout(600)  # the first test of a Go program builds it

Go = Callable[[str], Path]


def test_litewitness_cosigns_our_log_while_it_grows_and_after_restarts(
    go: Go, tmp_path: Path
) -> None:
    need_agent()
    data, state = tmp_path / "data", tmp_path / "witness"
    with recorder() as between, ssh_agent(LITEWITNESS) as agent:
        policy = found_ledger(data, between.address)
        with litewitness(go, state, agent.address, policy.log) as between.target:
            with ours("server", data) as address:
                times = [await_cosigned(address, policy, FOUNDED).quorum_time]
                for size, count in ((3, 1), (5, 2), (12, 7)):
                    file_statements(address, count, first=size)
                    times.append(await_cosigned(address, policy, size).quorum_time)
            # It is asked at the start what it knows, perhaps before it knows anything.
            refused = [e for e in between.exchanges if e.status != 200]
            assert [(e.status, e.answer) for e in refused] in ([], [(409, "0\n")])
            started = len(between.exchanges)
            # After a restart our side knows no size, and asks from nothing.
            with ours("server", data) as address:
                file_statements(address, 2, first=20)
                times.append(await_cosigned(address, policy, 14).quorum_time)
            assert _first_conflict(between, after=started) == "12\n"
        restarted = len(between.exchanges)
        with litewitness(go, state, agent.address, policy.log) as between.target:
            with ours("server", data) as address:
                file_statements(address, 250, first=30)
                times.append(await_cosigned(address, policy, 264).quorum_time)
            assert _first_conflict(between, after=restarted) == "14\n"
            assert between.exchanges[-1].status == 200
            # It is no rubber stamp: the last tree again, with a hash that proves nothing.
            note = between.exchanges[-1].request.partition("\n\n")[2]
            request = f"old 264\n{b64encode(bytes(32)).decode()}\n\n{note}"
            assert between.pass_on("/add-checkpoint", request.encode()).status == 422
    assert None not in times and times == sorted(times)
    public = data / "public" / "2026"
    shown = second_reader.main(["log", str(public), str(data / "trust/policy/2026")])
    assert shown == f"{policy.log.name}: 264 entries, cosigned by lite"


def _first_conflict(between: Recorder, after: int) -> str:
    """The size in the first 409; our next request starts from it, and is taken."""
    at, conflict = next(
        (n, e) for n, e in enumerate(between.exchanges) if n >= after and e.status == 409
    )
    following = between.exchanges[at + 1]
    assert conflict.content_type == "text/x.tlog.size"
    assert following.request.startswith(f"old {conflict.answer}") and following.status == 200
    return conflict.answer


def test_tessera_takes_our_cosignatures_while_its_log_grows_and_after_restarts(
    go: Go, tmp_path: Path
) -> None:
    log, state = tmp_path / "log", tmp_path / "cosigner"
    entries = [b"entry %d" % n for n in range(300)]
    policy = Policy.from_text(f"log {TESSERA.verifier.to_text()}\n{tessera_policy('')}")
    seen = []
    with recorder() as between:
        # Tessera starts anew each time, and so does our cosigner at the third.
        for steps in ((1, 5), (6, 300)):
            with our_cosigner(state) as between.target:
                for size in steps:
                    done = seen[-1].checkpoint.size if seen else 0
                    tessera_add(
                        go,
                        log,
                        tessera_policy(between.address),
                        entries[done:size],
                        tmp_path / f"entries-{size}",
                    )
                    seen.append(checkpoint_of(log, policy))
                    assert seen[-1].checkpoint.size == size
                    assert seen[-1].times.keys() == {"notary"}
    assert {e.status for e in between.exchanges} <= {200, 409}
    # In order; one that took its time may have been asked again.
    signed = dict.fromkeys(size_of(e.request) for e in between.exchanges if e.status == 200)
    assert list(signed)[-4:] == [1, 5, 6, 300]
    file = tmp_path / "policy"
    file.write_text(policy.to_text())
    assert second_reader.main(["log", str(log), str(file)]).endswith("cosigned by notary")


def test_tessera_publishes_no_second_history_that_our_cosigner_refuses(
    go: Go, tmp_path: Path
) -> None:
    log, fork = tmp_path / "log", tmp_path / "fork"
    with recorder() as between, our_cosigner(tmp_path / "cosigner") as between.target:
        policy = tessera_policy(between.address)
        tessera_add(go, log, policy, [b"a", b"b"], tmp_path / "entries")
        shutil.copytree(log, fork)
        tessera_add(go, log, policy, [b"c"], tmp_path / "entries-of-the-log")

        def answers() -> list[int]:
            return [e.status for e in between.exchanges if size_of(e.request) == 4]

        def refused() -> bool:
            """Twice: between them it would have published what the first was about."""
            return answers().count(422) >= 2

        tessera_tries(go, fork, policy, [b"x", b"y"], tmp_path / "entries-of-fork", refused)
    assert 422 in answers() and 200 not in answers()
    assert [(d / "checkpoint").read_text().split("\n")[1] for d in (log, fork)] == ["3", "2"]


def test_the_keys_of_both_sides_are_written_alike() -> None:
    for signer in (LITEWITNESS, NOTARY, TESSERA):
        vkey = signer.verifier.to_text()
        key = second_reader.read_key(vkey)
        assert (key.name, key.public) == (signer.name, signer.verifier.public)
    assert sys.version_info >= (3, 11)
