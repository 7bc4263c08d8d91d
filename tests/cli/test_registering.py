"""`tiezheng register` of entries and lists, against a real server."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from ledger.evidence.envelope import Envelope
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Statement
from ledger.process.registers.registry import Registry
from ledger.suite import digest
from testkit.lists import BENCHMARKS
from testkit.server import AGENCY, REGISTRAR, Ledger, open_ledger, serving
from testkit.terminal import Ended, Run

MARCH = date(2026, 3, 15)


@dataclass
class Registrar:
    ledger: Ledger
    address: str
    desk: Path
    command: Run

    def __call__(self, *more: str | Path) -> Ended:
        file = self.desk / "registrar.key"
        file.write_text(REGISTRAR.to_text() + "\n")
        usual = ("--registrar", file, "--server", self.address, "--agency", AGENCY)
        return self.command("register", *usual, *more)

    def registry(self) -> Registry:
        made = Registry()
        log = self.ledger.services.log
        for number in range(log.size):
            row = log.row(number)
            made.add(number, Statement.from_bytes(Envelope.from_bytes(row.envelope).payload))
        return made

    @property
    def size(self) -> int:
        return self.ledger.services.log.size


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("registering") / "ledger"
    with open_ledger(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        yield ledger, address


@pytest.fixture
def register(served: tuple[Ledger, str], tmp_path: Path, run: Run) -> Registrar:
    return Registrar(*served, tmp_path, run)


QUALIFIED = ("--fact", "established=yes", "--fact", "in_post=yes", "--fact", "certified=yes")


def test_an_officer_is_registered_and_withdrawn(register: Registrar) -> None:
    who = ("--officer", "320501-0417", "--fact", "person=王某", *QUALIFIED, "--from", "2026-01-01")
    ended = register(*who)
    assert ended.code == 0, ended.err
    before = register.size
    assert register(*who, "--to", "2026-02-28", "--note", "证件收回").code == 0
    registry = register.registry()
    for number, valid in ((before, True), (register.size, False)):
        version = registry.at(Registered.OFFICER, "320501-0417", number, MARCH)
        assert version is not None
        assert (version.covers(MARCH), version.says("person")) == (valid, "王某")
        assert version.note == ("" if valid else "证件收回")


def test_an_entry_of_any_register(register: Registrar) -> None:
    ended = register(
        *("--entry", "delegation", "D-1", "--from", "2026-01-01"),
        *("--fact", "from=agency-01", "--fact", "to=agency-02", "--json"),
    )
    assert ended.code == 0, ended.err
    assert set(json.loads(ended.out)) == {"id", "index", "log"}
    found = register.registry().at(Registered.DELEGATION, "D-1", register.size, MARCH)
    assert found is not None and found.facts == {"from": "agency-01", "to": "agency-02"}


def test_a_list_is_published_byte_for_byte(register: Registrar) -> None:
    file = register.desk / "benchmarks.toml"
    file.write_text(BENCHMARKS)
    ended = register(
        *("--list", "benchmarks", file, "--subject", "benchmarks"),
        *("--version", "2026.1", "--from", "2026-01-01"),
    )
    assert ended.code == 0, ended.err
    found = register.registry().at(Registered.BENCHMARKS, "benchmarks", register.size, MARCH)
    assert found is not None and found.version == "2026.1"
    assert digest(found.content.encode()) == digest(file.read_bytes())


def test_a_list_that_the_rules_could_not_read_is_not_signed(register: Registrar) -> None:
    file = register.desk / "benchmarks.toml"
    file.write_text(BENCHMARKS.replace("to = 200", "to = 2.5"))
    size = register.size
    usual = ("--subject", "b", "--version", "1", "--from", "2026-01-01")
    ended = register("--list", "benchmarks", file, *usual)
    assert (ended.code, ended.out, register.size) == (1, "", size)
    assert "clause[1].to" in ended.err
    assert register("--list", "benchmarks", register.desk / "none.toml", *usual).code == 4


def test_a_fact_that_no_rule_looks_at_is_remarked_upon(register: Registrar) -> None:
    ended = register(
        *("--officer", "A-2", "--from", "2026-01-01", "--fact", "in-post=yes"), "--lang", "zh"
    )
    assert ended.code == 2
    ended = register("--officer", "A-2", "--from", "2026-01-01", "--fact", "inpost=yes")
    assert ended.code == 0
    assert "no rule looks at inpost" in ended.err


def test_a_word_that_is_not_yes_is_told_to_count_as_no(register: Registrar) -> None:
    usual = ("--officer", "A-3", "--from", "2026-01-01", "--fact", "in_post=yes", "--lang", "zh")
    ended = register(*usual, "--fact", "certified=是", "--fact", "person=是")
    assert ended.code == 0
    assert "certified=是 按“否”计" in ended.err
    assert "in_post" not in ended.err and "person" not in ended.err
    table = register.desk / "officers.csv"
    table.write_text("subject,from,certified\nA-4,2026-01-01,yes\nA-5,2026-01-01,有\n")
    assert "certified=有 按“否”计" in register("--entries", "officer", table, "--lang", "zh").err


def test_a_kind_of_device_that_no_rule_knows_is_told(register: Registrar) -> None:
    usual = ("--from", "2026-01-01", "--lang", "zh")
    ended = register("--entry", "device", "MON-7", *usual, "--fact", "kind=固定监控设备")
    assert ended.code == 0
    assert "不使用设备种类 固定监控设备；可用：fixed_monitor、recorder" in ended.err
    assert "种类" not in register("--entry", "device", "M", *usual, "--fact", "kind=recorder").err


START = ("--from", "2026-01-01")
FACT = ("--fact", "person=x")


@pytest.mark.parametrize(
    "bad",
    [
        (),
        ("--officer", "A-1", *FACT),
        ("--officer", "A-1", *START),
        ("--officer", "A-1", *START, "--fact", "person"),
        ("--officer", "A-1", *START, *FACT, *FACT),
        ("--officer", "A/1", *START, *FACT),
        ("--officer", "A-1", *FACT, "--from", "2026-02-30"),
        ("--officer", "A-1", *FACT, *START, "--to", "2025-12-31"),
        ("--officer", "A-1", *START, *FACT, "--entry", "officer", "A-1"),
        ("--entry", "benchmarks", "b", *START, *FACT),
        ("--list", "officer", "file", *START, "--subject", "b", "--version", "1"),
        ("--list", "benchmarks", "file", *START, "--subject", "b"),
        ("--list", "benchmarks", "file", *START, "--version", "1"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_input_registers_nothing(
    register: Registrar, bad: tuple[str, ...], language: str
) -> None:
    size = register.size
    ended = register(*bad, "--lang", language)
    assert (ended.code, ended.out, register.size) == (2, "", size), ended.err


def test_a_name_without_its_spelling_says_which_option_lacks(register: Registrar) -> None:
    assert "want --case-number with --name" in register("--name", "市城管局").err
    assert "--name 须有 --case-number" in register("--name", "市城管局", "--lang", "zh").err


STAFF = (
    "\ufeffsubject,from,to,person,established,in_post,certified\r\n"
    "B-1,2026-01-01,,王某,yes,yes,yes\r\n"
    "\r\n"
    'B-2,2026-01-01,2026-02-28,"李,某",yes,,yes\r\n'
)


def table(register: Registrar, text: str, *more: str) -> Ended:
    file = register.desk / "staff.csv"
    file.write_text(text, encoding="utf-8", newline="")
    return register("--entries", "officer", file, *more)


def test_a_table_registers_all_its_entries(register: Registrar) -> None:
    size = register.size
    ended = table(register, STAFF, "--keep", str(register.desk / "kept"), "--note", "年度登记")
    assert ended.code == 0, ended.err
    assert ended.out == f"2 entries registered at 2026-{size} to 2026-{size + 1}\n"
    assert len(list((register.desk / "kept").iterdir())) == 2
    registry = register.registry()
    one, two = (registry.at(Registered.OFFICER, n, register.size, MARCH) for n in ("B-1", "B-2"))
    assert one is not None and two is not None
    assert (one.says("person"), one.covers(MARCH)) == ("王某", True)
    assert (two.says("person"), two.covers(MARCH)) == ("李,某", False)
    assert "in_post" not in two.facts
    assert one.note == two.note == "年度登记"


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("B-2", "B/2", "line 4"),
        ("2026-02-28", "2025-02-28", "line 4"),
        ("2026-02-28", "2026-02-30", "line 4"),
        ("B-1,", "", "line 2"),
        ("B-1,", ",", "line 2"),
        ("subject", "Subject", "line 1"),
        ("person", "from", "line 1"),
        ('"李,某"', '"李,某', "line 4"),
        ("in_post", "In Post", "line 2"),
    ],
)
def test_a_table_with_a_fault_registers_nothing(
    register: Registrar, old: str, new: str, where: str
) -> None:
    size = register.size
    ended = table(register, STAFF.replace(old, new).replace("yes,,yes", "yes,no,yes"))
    assert (ended.code, ended.out, register.size) == (1, "", size)
    assert where in ended.err


def test_a_table_says_it_all(register: Registrar) -> None:
    size = register.size
    assert table(register, STAFF, "--from", "2026-01-01").code == 2
    assert table(register, STAFF, "--officer", "A-1").code == 2
    assert register("--entries", "benchmarks", register.desk / "staff.csv").code == 1
    assert table(register, STAFF.splitlines()[0]).code == 1
    assert register.size == size
