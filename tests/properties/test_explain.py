"""Whatever bytes come, `tiezheng inspect` explains or refuses them, and nothing in them acts."""

import gzip
import io
import json
import tempfile
from base64 import b64encode
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.main import main
from ledger.encoding import printable

OWN = Path(__file__).parents[1] / "vectors" / "own"
NAMES = (
    *("file", "tile/0/000.p/5", "tile/entries/x001/000.p/5", "tile/8/data/000", "tile/63/000"),
    *("tile/data/000", "a.salt", "bag-info.txt", "manifest-md5.txt", "packet.zip"),
)
HASH = b64encode(bytes(32)).decode()
NOTE = f"log.example\n5\n{HASH}\n\n— log.example {b64encode(bytes(68)).decode()}\n"


def _samples() -> list[bytes]:
    written = [path.read_bytes() for path in sorted(OWN.rglob("*")) if path.is_file()]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": {"buildDefinition": {"buildType": "t"}, "runDetails": {"builder": {}}},
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{"digest": {"sha256": "00"}}, 7],
    }
    payload = b64encode(json.dumps(statement).encode()).decode()
    envelope = {"payload": payload, "payloadType": "t", "signatures": [{"sig": "AA"}, 1]}
    made = [
        NOTE,
        NOTE.partition("\n\n")[2],
        f"old 1\n{HASH}\n\n{NOTE}",
        f"subtree 0 1\n{HASH}\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nextra AA==\nindex 1\n{HASH}\n\n{NOTE}",
        json.dumps(statement),
        json.dumps(envelope, indent=1),
        "7\na v1 h1:x\n\n",
    ]
    upload = b"\0\x01x" + bytes(15) + b"\x01" + bytes(2) + b"\0\x01e\0"
    small = [data for data in written if len(data) < 20_000]
    return [*small, *(text.encode() for text in made), gzip.compress(NOTE.encode()), upload]


SAMPLES = _samples()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good file with a part replaced, put in twice or cut off."""
    data = draw(st.sampled_from(SAMPLES))
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 40)))
    middle = draw(st.one_of(st.binary(max_size=8), st.just(data[start:end] * 2), st.just(b"")))
    return data[:start] + middle + data[draw(st.sampled_from([end, len(data)])) :]


contents = st.one_of(
    damaged(),
    st.binary(max_size=400),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=200).map(lambda data: b"\x30" + data),
)


def test_there_is_a_sample_of_every_family() -> None:
    assert len(SAMPLES) > 40


@settings(max_examples=200, deadline=None)
@given(data=contents, name=st.sampled_from(NAMES), more=st.sampled_from(["en", "zh", "json"]))
def test_whatever_bytes_come_it_explains_or_refuses_them(data: bytes, name: str, more: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        _check(path, more)


@settings(max_examples=60, deadline=None)
@given(
    files=st.dictionaries(
        st.sampled_from(["bag-info.txt", "manifest-sha256.txt", "fetch.txt", "data/a", "logs"]),
        st.one_of(st.binary(max_size=100), st.text(max_size=60).map(str.encode)),
    ),
    mark=st.one_of(st.just(b"BagIt-Version: 1.0\nTag-File-Character-Encoding: x\n"), st.binary()),
)
def test_whatever_stands_in_a_bag_it_explains_it(files: dict[str, bytes], mark: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in {**files, "bagit.txt": mark}.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        assert _check(Path(folder), "en") == 0


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(data=contents, name=st.sampled_from(NAMES), more=st.sampled_from(["en", "zh", "json"]))
@pytest.mark.timeout(600)
def test_whatever_bytes_come_at_length(data: bytes, name: str, more: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        _check(path, more)


def _check(path: Path, more: str) -> int:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["inspect", str(path), *(["--json"] if more == "json" else ["--lang", more])])
    assert code in (0, 1), err.getvalue()
    assert bool(out.getvalue()) == (code == 0)
    for line in (out.getvalue() + err.getvalue()).split("\n"):
        assert printable(line) == line
    return int(code)
