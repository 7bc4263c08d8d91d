"""Makes tests/vectors/recorded anew: what programs of other people said, and what they wrote.

    PYTHONPATH=tests .venv/bin/python -m interop.record

Needs Go and ssh-agent. The tests replay it everywhere.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.keys import read_key
from interop.foreign import (
    COURT,
    FOUNDED,
    LITEWITNESS,
    NOTARY,
    TESSERA,
    await_cosigned,
    file_statements,
    found_ledger,
    litewitness,
    our_cosigner,
    ours,
    tessera_add,
    tessera_policy,
    tessera_tries,
)
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey, sign_note
from storage.folder import DataFolder
from testkit.go import go_program
from testkit.keys import key
from testkit.recorder import Exchange, Recorder, recorder
from testkit.ssh_agent import ssh_agent

RECORDED = Path(__file__).parents[1] / "vectors" / "recorded"


def main() -> None:
    shutil.rmtree(RECORDED / "tessera", ignore_errors=True)
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        _save("litewitness.json", _of_litewitness(Path(scratch)))
        _save("tessera.json", _of_tessera(Path(scratch)))
        (RECORDED / "cosigned-in-go.note").write_bytes(_cosigned_in_go())
        for file in (Path(scratch) / "log").rglob("*"):
            name = file.relative_to(Path(scratch) / "log")
            # Tessera's own bookkeeping is no part of the public log.
            if file.is_file() and name.parts[0] != ".state":
                target = RECORDED / "tessera" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


def _save(name: str, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    (RECORDED / name).write_text(text + "\n", encoding="utf-8")


def _of_litewitness(scratch: Path) -> dict[str, Any]:
    """Our publisher's requests while the log grows and restarts; then some that are refused."""
    data, state = scratch / "data", scratch / "witness"
    with recorder() as between, ssh_agent(LITEWITNESS) as agent:
        policy = found_ledger(data, between.address)
        with litewitness(go_program, state, agent.address, policy.log) as between.target:
            with ours("server", data) as address:
                await_cosigned(address, policy, FOUNDED)
                for size, count in ((3, 1), (9, 6)):
                    file_statements(address, count, first=size)
                    await_cosigned(address, policy, size)
            with ours("server", data) as address:
                file_statements(address, 251, first=20)
                await_cosigned(address, policy, 260)
            grown = len(between.exchanges)
            signer = read_key(DataFolder.open(data).keys / "log.key")
            for request in _refused(between, signer):
                between.pass_on("/add-checkpoint", request.encode())
    return {
        "log": policy.log.to_text(),
        "witness": LITEWITNESS.verifier.to_text(),
        "grown": [e.to_json() for e in between.exchanges[:grown]],
        "refused": [e.to_json() for e in between.exchanges[grown:]],
    }


def _refused(between: Recorder, log: SigningKey) -> Iterator[str]:
    last: Exchange = between.exchanges[-1]
    head, _, note = last.request.partition("\n\n")
    proof = head.split("\n")[1:]
    text = SignedNote.from_text(note).text

    def signed(text: str, by: SigningKey) -> str:
        return SignedNote(text, (sign_note(text, by),)).to_text()

    other_root = text.split("\n")
    other_root[2] = b64encode(bytes(b64decode(other_root[2])[::-1])).decode()
    yield last.request  # again: it has moved on
    yield "\n".join(["old 260", *proof, "", note])  # a proof where none is due
    yield "\n".join(["old 260", "", signed("\n".join(other_root), log)])  # a second tree of 260
    yield "\n".join(["old 261", "", note])  # from beyond
    yield "\n".join(["old 260", "", signed(text, key(log.name, "another"))])  # not the log's key
    unknown = key("unknown.example/log/2026")
    yield "\n".join(["old 0", "", signed(text.replace(log.name, unknown.name), unknown)])
    yield "\n".join(["old 260", "no hash", "", note])
    yield "\n".join(["old x", "", note])


def _of_tessera(scratch: Path) -> dict[str, Any]:
    """A log that grows; and before its last step a copy of it that grows otherwise."""
    log, fork = scratch / "log", scratch / "fork"
    entries = [b"entry %d" % n for n in range(300)]
    with recorder() as between, our_cosigner(scratch / "cosigner") as between.target:
        policy = tessera_policy(between.address)
        tessera_add(go_program, log, policy, entries[:5], scratch / "entries-5")
        shutil.copytree(log, fork)
        tessera_add(go_program, log, policy, entries[5:6], scratch / "entries-6")
        other = [b"another", b"and one more"]

        def refused() -> bool:
            return any(e.status == 422 for e in between.exchanges)

        tessera_tries(go_program, fork, policy, other, scratch / "other", refused)
        tessera_add(go_program, log, policy, entries[6:], scratch / "entries-300")
    # The fork asks again and again until it is ended.
    asked = {e.request: e for e in between.exchanges}
    return {
        "log": TESSERA.verifier.to_text(),
        "cosigner": NOTARY.verifier.to_text(),
        "exchanges": [e.to_json() for e in asked.values()],
    }


def _cosigned_in_go() -> bytes:
    """A checkpoint of ours with an Ed25519 and an ML-DSA-44 line by transparency-dev's package."""
    text = Checkpoint(TESSERA.name, 5, digest(b"a root")).to_text()
    note = SignedNote(text, (sign_note(text, TESSERA),)).to_bytes()
    command = [go_program("cosigcheck"), "-skey"]
    lines = [
        subprocess.run(
            [*command, signer.to_text()], input=note, stdout=subprocess.PIPE, check=True
        ).stdout
        for signer in (NOTARY, COURT)
    ]
    return note + b"".join(lines)


if __name__ == "__main__":
    sys.exit(main())
