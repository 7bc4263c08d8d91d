"""`tiezheng rules`: shipped packs and a file of one's own; publishing against a real server."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from cli.rules.place import line_of
from cli.rules.shipped import shipped
from ledger.evidence.envelope import Envelope
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Statement
from ledger.process.registers.registry import Registry
from ledger.process.rules.rulepack import RulePack
from testkit.lists import BENCHMARKS, LISTS
from testkit.server import AGENCY, REGISTRAR, Ledger, open_ledger, serving
from testkit.terminal import Run

PACKS = shipped()


def test_every_shipped_pack_is_listed_with_its_digest(run: Run) -> None:
    listed = json.loads(run("rules", "list", "--json").out)["packs"]
    assert [pack["pack"] for pack in listed] == list(PACKS)
    lines = run("rules", "list", "--lang", "zh").out.splitlines()
    for line, pack in zip(lines, listed, strict=True):
        assert line.startswith(pack["pack"]) and pack["title"] in line


@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_page_names_every_rule_with_law_and_cure(name: str, language: str, run: Run) -> None:
    page = run("rules", "show", name, "--lang", language).out
    pack = RulePack.from_text(PACKS[name])
    for rule in (*pack.records, *pack.checks):
        assert f"[{rule.id}]" in page
        assert (rule.cure if language == "zh" else rule.cure_en) in page
    for clock in pack.clocks:
        assert f"[{clock.id}]" in page
    for fact in pack.facts:
        assert f"{fact.name if language == 'zh' else fact.name_en} [{fact.id}]" in page
    assert page.count("待核对" if language == "zh" else "to be checked") == sum(
        rule.memory for rule in (*pack.records, *pack.checks, *pack.clocks)
    )


def test_a_pack_is_checked_and_counted(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(PACKS["summary"])
    ended = run("rules", "check", file, "--json")
    assert ended.code == 0
    brief = json.loads(ended.out)
    assert brief["records"] == str(PACKS["summary"].count("[[record]]"))
    out = subprocess.run(["sha256sum", file], capture_output=True, check=True).stdout
    assert out.decode().split()[0] == brief["sha256"]


NO_IDENTIFIER = re.compile(r"：.*[a-z]+_[a-z]+")  # in a row of a rule


def test_a_page_calls_facts_words_and_shown_things_by_their_names(run: Run) -> None:
    page = run("rules", "show", "ordinary", "--lang", "zh").out
    assert "须载明：签名（拒签的注明）" in page
    assert "时间段标注：出示执法证件" in page
    assert "“实施查封、扣押”载明“是否情况紧急”为“是”" in page
    assert "“实施查封、扣押”未载明“是否情况紧急”为“是”" in page
    assert "载明为：行为 法制审核意见书，事实 法制审核结论，应为 通过" in page
    assert "种类：下列之一：yes（是）、no（否）" in page
    rules = page[page.index("应有记录") :]
    assert [line for line in rules.splitlines() if NO_IDENTIFIER.search(line)] == []
    assert "不超过：行为 当场行政处罚决定书，事实 罚款数额，元 200.00" in (
        run("rules", "show", "summary", "--lang", "zh").out
    )


def test_that_no_fact_is_declared_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "old.toml"
    old = Path(__file__).parents[1] / "golden" / "packs" / "summary-before-facts.toml"
    file.write_text(old.read_text())
    ended = run("rules", "check", file)
    assert ended.code == 0 and "declares no facts" in ended.err
    assert "declares no facts" not in run("rules", "check", "summary").err
    assert "须载明：" in run("rules", "show", file, "--lang", "zh").out


def broken(old: str, new: str) -> str:
    assert old in PACKS["summary"]
    return PACKS["summary"].replace(old, new, 1)


FAULTS = [
    ('version = "2026.2"', "", "version"),
    ('kind = "penalty"', 'kind = "penality"', "kind"),
    ('stage = "review"', 'stage = "revue"', "act[1].stage"),
    ("[[record]]", "[[records]]", "records"),
    ('level = "serious"', 'level = "grave"', "record[1].level"),
    ('level = "serious"', 'levle = "serious"', "record[1].levle"),
    ('source = "处罚法"', 'source = "刑法"', "source"),
    ('title = "', 'title = "\\u0000', "title"),
    ("[[source]]", "[[source]", "TOML"),
    ('fact = "collected", is = "yes"', 'fact = "colected", is = "yes"', "record[16].when: no [["),
    ('fact = "collected", is = "yes"', 'fact = "collected", is = "是"', "want one of yes, no of"),
]


@pytest.mark.parametrize(("old", "new", "where"), FAULTS)
def test_a_fault_is_told_with_its_line(
    old: str, new: str, where: str, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(broken(old, new))
    ended = run("rules", "check", file)
    assert (ended.code, ended.out) == (1, "")
    assert where in ended.err
    lines = file.read_text().splitlines()
    found = [n for n, line in enumerate(lines, start=1) if new and new in line]
    assert not new or f"{file}, line {found[0]}: " in ended.err or where == "TOML"


@pytest.mark.parametrize("text", LISTS)
def test_any_list_is_checked(text: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.toml"
    file.write_text(text)
    ended = run("rules", "check", file, "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["list"] in text
    file.write_text(text.replace("title", "titel"))
    ended = run("rules", "check", file)
    assert (ended.code, ended.out) == (1, "")
    assert "line 3: titel: no such key" in ended.err


@pytest.mark.parametrize("text", ["x = 1", 'list = "officer"', "list = 7", "pack = 1", ""])
def test_what_names_no_list_is_refused(text: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(text)
    assert run("rules", "check", tmp_path / "list.toml").code == 1


def test_the_line_of_a_path() -> None:
    text = 'pack = "x"\n\n[[act]]\nid = "a"\n\n[[act]]\n  id = "b"\nstage = "x"\n'
    assert line_of(text, "pack") == 1
    assert line_of(text, "act[1].id") == 4
    assert line_of(text, "act[2].id") == 7
    assert line_of(text, "act[2].stage[1].x") == 8
    assert line_of(text, "act[2].name") == 6
    assert line_of(text, "act[2]") == 6
    assert line_of(text, "act[3]") is None
    assert line_of(text, "id") is None


def test_what_is_no_pack_is_refused(run: Run, tmp_path: Path) -> None:
    assert run("rules", "show", "unheard_of").code == 1
    assert run("rules", "check", tmp_path / "none.toml").code == 4
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    assert run("rules", "check", tmp_path / "bytes.toml").code == 1


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("rules") / "ledger"
    with open_ledger(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        yield ledger, address


def publish(served: tuple[Ledger, str], run: Run, desk: Path, *more: str | Path) -> int:
    key = desk / "registrar.key"
    key.write_text(REGISTRAR.to_text() + "\n")
    usual = ("--registrar", key, "--server", served[1], "--agency", AGENCY)
    return run("rules", "publish", *more, *usual).code


def test_what_is_published_is_the_file_that_is_written(
    served: tuple[Ledger, str], run: Run, tmp_path: Path
) -> None:
    site = tmp_path / "site"  # which is made
    assert publish(served, run, tmp_path, "summary", "--from", "2027-01-01", "-o", site) == 0
    log = served[0].services.log
    registry = Registry()
    row = log.row(log.size - 1)
    registry.add(row.number, Statement.from_bytes(Envelope.from_bytes(row.envelope).payload))
    day = date(2027, 1, 1)
    found = registry.listed(Registered.RULE_PACK, "summary", AGENCY, log.size, day)
    assert found is not None and found.covers(day)
    written = site / f"summary-{found.version}.toml"
    assert written.read_bytes() == found.content.encode()
    check = ["sha256sum", "--check", f"{written.name}.sha256"]
    assert subprocess.run(check, cwd=site, capture_output=True, check=False).returncode == 0
    # Published anew, to end it, it is the same file.
    until = ("--from", "2027-01-01", "--to", "2028-01-01")
    assert publish(served, run, tmp_path, "summary", *until, "-o", site) == 0


def test_another_content_under_a_version_that_was_published_is_refused(
    served: tuple[Ledger, str], run: Run, tmp_path: Path
) -> None:
    site, log = tmp_path / "site", served[0].services.log
    assert publish(served, run, tmp_path, "summary", "--from", "2027-01-01", "-o", site) == 0
    (written,) = site.glob("summary-*.toml")
    changed, before, size = tmp_path / "changed.toml", written.read_bytes(), log.size
    changed.write_bytes(before + b"# softer\n")
    assert publish(served, run, tmp_path, changed, "--from", "2027-02-01", "-o", site) == 1
    assert (written.read_bytes(), log.size) == (before, size)


def test_a_list_that_states_its_version_is_published_under_its_kind(
    served: tuple[Ledger, str], run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "benchmarks.toml"
    file.write_text(BENCHMARKS)
    log = served[0].services.log
    size = log.size
    assert publish(served, run, tmp_path, file, "--from", "2027-01-01") == 2
    assert log.size == size
    file.write_text('version = "2026.7"' + BENCHMARKS)
    assert publish(served, run, tmp_path, file, "--from", "2027-01-01", "-o", tmp_path) == 0
    predicate = Statement.from_bytes(
        Envelope.from_bytes(log.row(log.size - 1).envelope).payload
    ).predicate
    named = [predicate[name] for name in ("register", "subject", "version")]
    assert named == ["benchmarks", "benchmarks", "2026.7"]
    assert (tmp_path / "benchmarks-2026.7.toml").read_text() == predicate["content"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--from", "2027-02-30"), 2),
        (("--from", "2027-01-01", "--to", "2026-01-01"), 2),
        (("--from", "2027-01-01", "-o", "/proc/none"), 4),
        ((), 2),
    ],
)
def test_bad_input_publishes_nothing(
    served: tuple[Ledger, str], run: Run, tmp_path: Path, more: tuple[str, ...], code: int
) -> None:
    size = served[0].services.log.size
    assert publish(served, run, tmp_path, "summary", *more) == code
    assert served[0].services.log.size == size


def test_a_broken_pack_is_not_published(
    served: tuple[Ledger, str], run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(broken('level = "serious"', 'level = "grave"'))
    size = served[0].services.log.size
    assert publish(served, run, tmp_path, file, "--from", "2027-01-01") == 1
    assert served[0].services.log.size == size
