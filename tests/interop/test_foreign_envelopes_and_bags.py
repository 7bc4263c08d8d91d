"""The in-toto project's libraries open our envelopes; the Library of Congress's opens our bags."""

import json
import shutil
import subprocess
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import bagit
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementProto
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from testkit.once import once, session_folder
from testkit.server import CASE, open_ledger

Go = Callable[[str], Path]


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `packet.zip` as the server sends it, `packet` unzipped, and `trust`."""

    def make(folder: Path) -> None:
        folder.mkdir()
        with open_ledger(folder / "ledger") as ledger:
            for n in range(3):
                ledger.accept(ledger.evidence(b"picture %d" % n, name=f"现场照片{n}.jpg"))
            ledger.await_quorum()
            answer = ledger.http.get(f"/v1/cases/{quote(CASE)}/packet", headers=ledger.bearer())
            assert answer.status_code == 200, answer.text
        (folder / "packet.zip").write_bytes(answer.content)
        with zipfile.ZipFile(folder / "packet.zip") as packet:
            packet.extractall(folder)
        shutil.copytree(folder / "ledger" / "trust", folder / "trust")

    return once(session_folder(tmp_path_factory) / "fresh-packet", make)


@pytest.fixture(params=["fresh", "worked", "golden", "vectors"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a folder with `packet` and `trust`, to be altered at will."""
    own: Path = request.getfixturevalue("own_vectors")
    if request.param == "golden":
        golden = own.parents[1] / "golden" / "v1"
        with zipfile.ZipFile(golden / "packet.zip") as packet:
            packet.extractall(tmp_path)
        return Path(shutil.copytree(golden / "trust", tmp_path / "trust").parent)
    source = {
        "fresh": lambda: request.getfixturevalue("fresh"),
        "worked": lambda: own / "worked-packet",
        "vectors": lambda: request.getfixturevalue("vectors") / "own" / "worked-packet",
    }[request.param]()
    for name in ("packet", "trust"):
        shutil.copytree(source / name, tmp_path / name, copy_function=shutil.copyfile)
    return tmp_path


# --- envelopes -------------------------------------------------------------------------------


def _envelopes(case: Path) -> dict[str, dict[str, Any]]:
    files = sorted((case / "packet/data/statements").glob("*.dsse.json"))
    return {file.name: json.loads(file.read_bytes()) for file in files}


def _statement(envelope: Mapping[str, Any]) -> dict[str, Any]:
    return dict(json.loads(b64decode(envelope["payload"])))


def _vkeys(case: Path) -> Iterator[str]:
    """The registrar's key, and those that his statements name."""
    yield (case / "trust/registrar.vkey").read_text().strip()
    for envelope in _envelopes(case).values():
        vkey = _statement(envelope)["predicate"].get("key")
        if vkey is not None:
            yield vkey


def _keys(case: Path) -> dict[str, SSlibKey]:
    keys = {}
    for vkey in _vkeys(case):
        name, key_id, typed = vkey.split("+", 2)
        public = Ed25519PublicKey.from_public_bytes(b64decode(typed)[1:])
        keys[f"{name}+{key_id}"] = SSlibKey.from_crypto(public, f"{name}+{key_id}")
    return keys


def test_securesystemslib_verifies_every_envelope_of_a_packet(case: Path) -> None:
    keys = list(_keys(case).values())
    envelopes = _envelopes(case)
    assert len(envelopes) >= 5
    for name, data in envelopes.items():
        signers = [signature["keyid"] for signature in data["signatures"]]
        envelope = Envelope.from_dict(data)
        assert envelope.payload_type == "application/vnd.in-toto+json"
        assert list(envelope.verify(keys, len(signers))) == signers, name


def _flipped(text: str) -> str:
    data = bytearray(b64decode(text))
    data[len(data) // 2] ^= 1
    return b64encode(data).decode()


@pytest.mark.parametrize("field", ["payload", "sig", "keyid", "payloadType"])
def test_securesystemslib_refuses_an_altered_envelope(case: Path, field: str) -> None:
    keys = list(_keys(case).values())
    data = next(iter(_envelopes(case).values()))
    (signature,) = data["signatures"]
    match field:
        case "payload":
            data["payload"] = _flipped(data["payload"])
        case "sig":
            signature["sig"] = _flipped(signature["sig"])
        case "keyid":
            signature["keyid"] = next(k.keyid for k in keys if k.keyid != signature["keyid"])
        case _:
            data["payloadType"] = "application/json"
    with pytest.raises(VerificationError):
        Envelope.from_dict(data).verify(keys, 1)


def test_in_toto_reads_every_statement_of_a_packet(case: Path) -> None:
    for envelope in _envelopes(case).values():
        said = _statement(envelope)
        statement = Statement.copy_from_pb(json_format.ParseDict(said, StatementProto()))
        statement.validate()
        assert json_format.MessageToDict(statement.pb) == said


@pytest.mark.parametrize("missing", ["_type", "predicateType", "subject", "predicate"])
def test_in_toto_refuses_a_statement_without_a_part(case: Path, missing: str) -> None:
    said = _statement(next(iter(_envelopes(case).values())))
    del said[missing]
    statement = Statement.copy_from_pb(json_format.ParseDict(said, StatementProto()))
    with pytest.raises(ValueError):
        statement.validate()


@pytest.mark.timeout(600)  # the first test of a Go program builds it
def test_the_go_library_opens_every_envelope_and_no_altered_one(go: Go, case: Path) -> None:
    dssecheck = go("dssecheck")
    vkeys = {vkey.rpartition("+")[0]: vkey for vkey in _vkeys(case)}
    for name, envelope in _envelopes(case).items():
        file = case / "packet/data/statements" / name
        vkey = next(v for k, v in vkeys.items() if v.startswith(envelope["signatures"][0]["keyid"]))
        command = [dssecheck, "-vkey", vkey, file]
        opened = subprocess.run(command, capture_output=True, check=True)
        assert opened.stdout == b64decode(envelope["payload"])
    file.write_text(json.dumps(envelope | {"payload": _flipped(envelope["payload"])}))
    refused = subprocess.run(command, capture_output=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, b"")


# --- bags ------------------------------------------------------------------------------------


def test_bagit_validates_a_packet(case: Path) -> None:
    bag = bagit.Bag(str(case / "packet"))
    bag.validate(processes=1)
    assert bag.version_info == (1, 0) and bag.algorithms == ["sha256"]


def test_bagit_validates_the_zip_that_unzip_unpacks(fresh: Path, tmp_path: Path) -> None:
    if not shutil.which("unzip"):
        pytest.skip("needs unzip")
    command = ["unzip", "-q", fresh / "packet.zip", "-d", tmp_path]
    assert subprocess.run(command, check=False).returncode == 0
    bagit.Bag(str(tmp_path / "packet")).validate(processes=1)


@pytest.mark.parametrize(
    "path", ["data/packet.json", "data/items/01.*", "bag-info.txt", "manifest-sha256.txt"]
)
def test_bagit_refuses_a_packet_with_an_altered_byte(case: Path, path: str) -> None:
    (file,) = (case / "packet").glob(path)
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[-2] ^= 1
    file.write_bytes(data)
    with pytest.raises(bagit.BagError):
        bagit.Bag(str(case / "packet")).validate(processes=1)


def test_bagit_refuses_a_packet_with_a_file_too_many_or_too_few(case: Path) -> None:
    more = case / "packet/data/items/more.bin"
    more.write_bytes(b"")
    with pytest.raises(bagit.BagError):
        bagit.Bag(str(case / "packet")).validate(processes=1)
    more.unlink()
    next((case / "packet/data/proofs").iterdir()).unlink()
    with pytest.raises(bagit.BagError):
        bagit.Bag(str(case / "packet")).validate(processes=1)
