"""Every reader of the table, under changed documents, old cases, and inputs made to be slow."""

import inspect
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from random import Random
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ledger
from fuzz.mutate import mutate
from fuzz.run import CASES
from fuzz.targets import BY_NAME, TARGETS, Target

EACH = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


# --- the table ---------------------------------------------------------------------------------


def public_readers() -> dict[str, Callable[..., object]]:
    """The parsers of `ledger`, by their names: whoever adds one adds it to the table."""
    found = {}
    for module in walk_packages(ledger.__path__, "ledger."):
        for name, value in _own(import_module(module.name)):
            if inspect.isclass(value):
                for method in vars(value):
                    if method.startswith("from_") and callable(getattr(value, method)):
                        found[f"{module.name}.{name}.{method}"] = getattr(value, method)
            elif inspect.isfunction(value) and (name.startswith("parse_") or "_from_" in name):
                found[f"{module.name}.{name}"] = value
    return found


def _own(module: Any) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
            yield name, value


def test_no_reader_of_the_core_is_missing_from_the_table() -> None:
    known = {_code(call) for target in TARGETS for call in target.calls}
    missing = [name for name, read in public_readers().items() if _code(read) not in known]
    assert missing == []


def test_the_readers_of_the_core_are_found() -> None:
    names = public_readers()
    assert {"ledger.encoding.parse_json", "ledger.tlog.note.SignedNote.from_bytes"} <= set(names)
    assert len(names) > 30


def test_no_name_stands_twice_in_the_table() -> None:
    assert len(BY_NAME) == len(TARGETS) + 1  # and the planted fault


@EACH
def test_a_target_calls_what_it_says(target: Target) -> None:
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        called.add(frame.f_code)

    seeds = target.seeds()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        for data in seeds:
            target.run(data)
    finally:
        sys.setprofile(before)
    assert [call for call in target.calls if _code(call) not in called] == []


def _code(call: Any) -> CodeType:
    code = getattr(call, "__func__", call).__code__
    assert isinstance(code, CodeType)
    return code


@EACH
def test_the_valid_documents_are_accepted(target: Target) -> None:
    assert [data for data in target.seeds() if not target.run(data)] == []


# --- inputs ------------------------------------------------------------------------------------


@st.composite
def near(draw: st.DrawFn, target: Target) -> bytes:
    seeds = target.seeds()
    data = draw(st.sampled_from(seeds))
    random = Random(draw(st.integers(0, 2**64)))
    for _ in range(draw(st.integers(1, 4))):
        data = mutate(data, random, seeds)
    return data


@EACH
def test_whatever_it_is_given_it_reads_or_refuses(target: Target) -> None:
    @settings(
        max_examples=target.examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(near(target) | st.binary(max_size=200))
    def holds(data: bytes) -> None:
        target.run(data)

    holds()


def cases() -> list[Any]:
    return [
        pytest.param(target, path, id=f"{target.name}-{path.stem}")
        for target in TARGETS
        for path in sorted((CASES / target.name).glob("*.bin"))
    ]


@pytest.mark.parametrize(("target", "path"), cases())
def test_what_broke_it_once_is_read_or_refused(target: Target, path: Any) -> None:
    target.run(path.read_bytes())


def test_every_case_belongs_to_a_target() -> None:
    assert {path.parent.name for path in CASES.glob("*/*")} <= set(BY_NAME)


# --- time --------------------------------------------------------------------------------------

LONG = 1 << 17
SECONDS = 10.0  # of this process, on a slow machine; what is quadratic takes a minute there

# What some algorithm is slow at: combining characters out of order, nesting, lines, digits,
# groups that a pattern may try in many ways.
RUNS = (
    *("\u0315\u0300".encode(), b"[", b'{"a":', b"a,", b"9", b"\n", b"a\n", b"\n\n", b"AAAA"),
    *(
        b" ",
        b"\t",
        b"\0",
        b"/",
        b"../",
        b"x001/",
        b"a",
        "〔".encode(),
        b"\x1e",
        b"a\x1fb\x1e",
        b"\xff",
    ),
)


def stretched(target: Target) -> Iterator[bytes]:
    """Each run somewhere in a valid document, and near its beginning."""
    random = Random(target.name)
    seeds = target.seeds()
    for run in RUNS:
        data = random.choice(seeds)
        for at in (random.randrange(len(data) + 1), min(len(data), random.randrange(8))):
            yield data[:at] + run * (LONG // len(run)) + data[at:]


@EACH
def test_a_long_run_of_anything_takes_no_long_time(target: Target) -> None:
    slow = []
    for data in stretched(target):
        started = time.process_time()
        target.run(data)
        if (took := time.process_time() - started) > SECONDS:
            slow.append((took, data[:60], len(data)))
    assert slow == []
