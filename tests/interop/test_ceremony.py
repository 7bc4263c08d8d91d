"""What `docs/ceremony.md` tells the people around the table to type, typed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.tlog.note import VerifierKey
from storage.trust_directory import read_trust
from testkit.certificate_pages import make_page
from testkit.pkcs12 import to_pkcs12
from testkit.server import free_port
from testkit.tsa_process import Tsa, open_tsa

DOCS = Path(__file__).parents[2] / "docs"
SERVICES = Path(__file__).parents[1] / "testkit" / "services.sh"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
T = "T=2026-11-23T14:00:00+08:00\n"
NOW = "sleep 2\nT=$(TZ=Asia/Shanghai date -Iseconds)\n"  # so long a quorum may take
PORTS = ("LEDGER", "NOTARY", "COURT", "ARCHIVE", "COURT2", "MIRROR")
ADDRESSES = {
    "https://ledger.example": "LEDGER",
    "https://notary.example/w1": "NOTARY",
    "https://court.example/w1": "COURT",
    "https://court.example/w2": "COURT2",
    "https://archive.example/w1": "ARCHIVE",
    "https://mirror.example": "MIRROR",
}
CASE = "苏城管罚〔2026〕417号"

# What is there on the day of a loss: a running ledger with a deposit, and the others' keys.
RUNNING = f"""
systemctl restart tiezheng-cosigner
systemctl start tiezheng-server
tiezheng keygen --name station-07.example -o station-07.key --json > station-07.json
tiezheng keygen --name mirror.example -o mirror.key --json > mirror.json
tiezheng keygen --name wang.notary.example -o wang.key --json > wang.json
tiezheng keygen --name li.notary.example -o li.key --json > li.json
vkey mirror.json > data/trust/mirrors
systemctl restart tiezheng-mirror
register() {{
    tiezheng register --server https://ledger.example --registrar stick-1/registrar.key \\
        --agency "$1" --key "$(vkey $2.json)" --role "$3"
}}
register agency-01 station-07 station
register notary-01 wang notary
register notary-01 li notary
tiezheng notary init office --agency notary-01 --office 公证处 --server https://ledger.example \\
    --trust data/trust --key wang.key --key li.key
echo "a picture" > photo.jpg
tiezheng deposit photo.jpg --case {CASE} --key station-07.key --server https://ledger.example \\
    --trust data/trust
tiezheng token data court --name clerk > token
"""
DEPOSIT = f"""
echo $1 > $1.jpg
tiezheng deposit $1.jpg --case {CASE} --key $2 --server https://ledger.example --trust data/trust
"""
# What a court sees then: the whole verdict, and how the command ended.
LOOK = f"""
tiezheng packet {CASE} --incomplete -o look.zip --server https://ledger.example --token-file token
(tiezheng verify look.zip --trust data/trust --json && echo passed || echo "ended $?") > NAME.look
"""


# After the block that holds the first: what is looked at, perhaps after a deposit by a key.
LOOKS = {
    'station-07-2.json)" station\n': ("station-lost", "station-07-2.key"),
    'station-07-3.json)" station\n': ("station-stolen", "station-07-3.key"),
    'ledger-2.json)"': ("ledger", ""),
    "--log-key-lost": ("log-lost", "station-07-3.key"),
    "tiezheng next-log data --registrar registrar.key\n": ("log-stolen", ""),
    "registrar --revoked": ("all", ""),
}


WITHDRAWN = [
    ("cosigner", "court.json"),
    ("log", "log-2.vkey"),
    ("log", "log-3.vkey"),
    ("registrar", "registrar.json"),
]


def blocks(page: str) -> list[str]:
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def test_both_languages_show_the_same_commands() -> None:
    assert blocks("ceremony.zh.md") == blocks("ceremony.md")


@pytest.fixture
def ports() -> dict[str, int]:
    found: set[int] = set()
    while len(found) < len(PORTS):
        found.add(free_port())
    return dict(zip(PORTS, found, strict=True))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """The folder of the page; what was started in it is ended by its process id."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "systemctl").symlink_to(SERVICES)
    (tmp_path / "here").mkdir()
    yield tmp_path / "here"
    for file in (tmp_path / "here").glob("*.pid"):
        with suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGTERM)


def seal_some(folder: Path, tsa: Tsa) -> None:
    """A certificate that the office sealed before its key was stolen, and its next key."""
    from cli.notary.sealing import open_pkcs12, seal
    from cli.notary.typesetting import typeset

    old, new = (tsa.issue("公证处", ec_key=True) for _ in range(2))
    draft = typeset(make_page(), {})
    signer = open_pkcs12(to_pkcs12(old, tsa, b"secret"), b"secret")
    lists = [tsa.crl(0), tsa.crl(1)]
    sealed = seal(draft, signer, tsa.url, [tsa.root], crls=lists)
    time.sleep(2)  # times in lists are of whole seconds
    tsa.revoke(old, datetime.now(UTC), listed=datetime.now(UTC))
    made = {
        "draft.pdf": draft,
        "sealed.pdf": sealed,
        "newest.crl": tsa.crl(1),
        "root.pem": tsa.root,
        "next.p12": to_pkcs12(new, tsa, b"secret"),
        "next.pass": b"secret",
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)


def script(tsa: Tsa, ports: dict[str, int]) -> str:
    """The page from its first line to its last, with looks in between."""
    written: list[str] = []
    for block in blocks("ceremony.md"):
        if block.startswith("cp stick-1/registrar.key"):
            written.append(RUNNING)
        if "--log-key-lost" in block:
            written.append("rm data/keys/log.key\n")
        written.append(block.replace(T, NOW))
        for mark, (name, who) in LOOKS.items():
            if mark in block:
                written += [DEPOSIT.replace("$1", name).replace("$2", who)] if who else []
                written.append(LOOK.replace("NAME", name))
    text = "".join(written)
    for address, name in ADDRESSES.items():
        text = text.replace(address, f"http://127.0.0.1:{ports[name]}")
    return text.replace("https://tsa.example", tsa.url)


@pytest.mark.slow  # RSA keys of two years and ninety commands: four minutes on a busy machine
@pytest.mark.timeout(600)
def test_the_ceremony_and_its_drills_go_as_the_page_says(
    place: Path, ports: dict[str, int]
) -> None:
    pytest.importorskip("typst")
    pytest.importorskip("pyhanko")
    tools = (place.parent / "bin", Path(sys.executable).parent)
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
    numbers = {f"PORT_{name}": str(port) for name, port in ports.items()}
    with open_tsa(place.parent / "tsa", intermediate=True) as tsa:
        seal_some(place, tsa)
        done = subprocess.run(
            ["bash", "-eu"],
            input=script(tsa, ports),
            cwd=place,
            env=os.environ | {"PATH": path, "PLACE": str(place), "LC_ALL": "C.UTF-8"} | numbers,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    check_founded(place, done.stdout)
    looks = {file.stem: file.read_text().split("\n") for file in place.glob("*.look")}
    assert looks.keys() == {name for name, _ in LOOKS.values()}
    assert {name: lines[1] for name, lines in looks.items()} == dict.fromkeys(looks, "passed")
    report = json.loads(looks["all"][0])
    assert len(report["items"]) == 4
    told = [finding["detail"] for finding in report["findings"]]
    for role, file in WITHDRAWN:
        keyid = VerifierKey.from_text(vkey_in(place / file)).keyid
        assert any(d.startswith(f"the {role} key {keyid} does not count since") for d in told), file
    for label, following in (("2026", "2026-2"), ("2026-2", "2026-3"), ("2026-3", "2026-4")):
        assert any(d.endswith(f"entries, as {following}-0 says") for d in told), label
    assert any(detail.startswith("the series key of 2026 ended (stolen)") for detail in told)
    assert "sealed, time-stamped and unaltered since" in done.stdout
    assert not (place / "registrar.key").exists()


def vkey_in(file: Path) -> str:
    text = file.read_text().strip()
    return str(json.loads(text)["vkey"]) if file.suffix == ".json" else text


def check_founded(place: Path, said: str) -> None:
    trust = read_trust(place / "data" / "trust")
    made = {file.stem: json.loads(file.read_text()) for file in place.glob("*.json")}
    assert trust.registrar.fingerprint == made["registrar"]["fingerprint"]
    cosigners = [{w.key.fingerprint for w in log.policy.witnesses} for log in trust.logs]
    first, *later = (
        {made[name]["fingerprint"] for name in ("notary", court, "archive")}
        for court in ("court", "court-2", "court-2", "court-2")
    )
    assert cosigners == [first, *later]
    keys = [vkey_in(place / f"{name}.vkey") for name in ("log", "log-2", "log-3", "log-4")]
    assert keys == [log.policy.log.to_text() for log in trust.logs]
    assert "registrar.vkey" in said and "policy/2026" in said
    left = {file.name for file in (place / "data" / "keys").iterdir()}
    assert "series-2026.private.pem" not in left and "series-2027.private.pem" in left
    assert (place / "stick-2" / "seal-1.key").stat().st_mode & 0o077 == 0
