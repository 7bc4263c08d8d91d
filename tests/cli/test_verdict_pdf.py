"""The report as PDF/A: one page first, what it is of on every page, harmless, the same bytes."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli.first_page import first_page
from cli.language import choose, pick
from cli.notary.attached import open_pdf
from cli.typesetter import characters
from cli.verdict import detail_lines
from cli.verdict_pdf import pdf_writer
from ledger.report import Facts, Finding, Item, Outcome, Report, conclude
from ledger.verify import STEPS
from testkit.pdf import pages_of
from testkit.terminal import Run

pytest.importorskip("typst")

MAIN = "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))"
ROOT = Path(__file__).parents[2]
GROUP_OF = {step.name: step.group for step in STEPS}
AT = "2027-01-01T00:00:00+08:00"
MARKUP = '#panic("x") $ x^2 $ \\ #include "/etc/passwd" *b* _i_ `raw` ]) }; <label> @ref // --- "q"'
RARE = "𠮷\u202e\u200f\x1b[2J\n\u05d0\u0627\u0301\U0001f600\ufe0f\U0010fffd\u0b9a"
LONG = "x" * 3000 + "证" * 3000

SEEN = {
    "claimed": "",
    "cosigners": "court, notary",
    "origin": "ledger.example/2026",
    "overlap": "1",
    "policy": "ef" * 32,
    "quorum_time": "2026-11-23T18:50:01+08:00",
    "root": "AAAA",
    "size": "5",
}


def report_of(*findings: Finding, name: str = "01.mp4") -> Report:
    item = Item(name, name, "2026-1", "start", AT, AT, AT, AT, AT, "before", name)
    decision = {"dated": name, "documents": name, "place": name}
    checkpoints = ({**SEEN, "cosigners": name, "origin": name},)
    facts = Facts(name, "ab" * 32, "cd" * 32, checkpoints, (decision,), (item,), at=AT)
    return conclude(findings, GROUP_OF, frozenset(), facts)


def hostile(name: str) -> Report:
    return report_of(
        Finding("item", Outcome.FAILED, name, name),
        Finding("clip", Outcome.PASSED, name, f"3.0 % of {name}: 1 runs of its chunks."),
        Finding("complete", Outcome.UNDECIDED, name, f"{name} is not in the packet"),
        name=name,
    )


def set_pdf(report: Report, lang: str = "zh") -> bytes:
    choose([f"--lang={lang}"], {})
    return pdf_writer()(report, frozenset())


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def without_footers(pages: list[str]) -> str:
    return re.sub(
        "(引用编号：|Reference:)TZP1.*?(页，共[0-9]+页|page[0-9]+of[0-9])", "", "".join(pages)
    )


def write(run: Run, worked: Path, to: Path, *more: str | Path) -> bytes:
    where = ("--trust", worked / "trust", "--log", worked / "public", "--at", AT)
    ended = run("verify", worked / "packet", *where, "--pdf", to, *more)
    assert ended.code == 0, ended.err
    return to.read_bytes()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_one_page_first_then_the_articles_then_all_of_it(tmp_path: Path, lang: str) -> None:
    report = report_of(Finding("time", Outcome.UNDECIDED, "2026-1", "x"))
    first, second, *rest = pages_of(set_pdf(report, lang), tmp_path)
    page = first_page(report)
    for sentence in (page.outcome, page.meaning, *page.proved, *page.not_proved):
        assert squeezed(pick(sentence)) in first
    for pair in (*page.about, *page.answers):
        assert all(squeezed(pick(words)) in first for words in pair)
    assert second.startswith({"zh": "按条文对照", "en": "Byarticle"}[lang])
    told = without_footers(rest)
    assert told.startswith({"zh": "完整报告", "en": "Thewholereport"}[lang])
    assert told.endswith(squeezed("".join(detail_lines(report, "", frozenset()))))


def test_every_page_bears_what_it_is_of_and_its_number(
    run: Run, worked: Path, tmp_path: Path
) -> None:
    pdf = write(run, worked, tmp_path / "a.pdf", "--lang", "en")
    pages = pages_of(pdf, tmp_path)
    assert len(pages) >= 4
    reference = re.search(r"Reference(TZP1\.[A-Z0-9-]{30})", pages[0])
    hashes = re.search(r"Trustfolder([0-9a-f]{64})Policy([0-9a-f]{64})", pages[0])
    assert reference
    assert hashes
    bears = f"Reference:{reference[1]}Trustfolder:{hashes[1]}Policy:{hashes[2]}"
    for number, page in enumerate(pages, 1):
        assert page.endswith(f"{bears}page{number}of{len(pages)}")


def test_it_says_that_it_is_pdf_a_3b_and_bears_the_date_asked_about() -> None:
    metadata = open_pdf(set_pdf(report_of())).root["/Metadata"].data.decode()
    assert "<pdfaid:part>3</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    assert "<xmp:CreateDate>2026-12-31T16:00:00+00:00<" in metadata


def test_the_same_packet_gives_the_same_bytes_in_another_process_place_locale_and_zone(
    worked: Path, tmp_path: Path
) -> None:
    made = []
    for number, (locale, zone) in enumerate([("C", "UTC"), ("zh_CN.UTF-8", "Asia/Shanghai")]):
        place = tmp_path / f"place-{number}"
        place.mkdir()
        (place / "other-name").symlink_to(worked / "packet")
        environ = {**os.environ, "LC_ALL": locale, "TZ": zone, "PYTHONHASHSEED": str(number)}
        command = [sys.executable, "-c", MAIN, "verify", str(place / "other-name")]
        command += ["--trust", str(worked / "trust"), "--log", str(worked / "public")]
        command += ["--at", AT, "--lang", "zh", "--pdf", str(place / "a.pdf")]
        subprocess.run(
            command, cwd=place, env={**environ, "PYTHONPATH": str(ROOT)}, check=True,
            capture_output=True,
        )  # fmt: skip
        made.append((place / "a.pdf").read_bytes())
    assert made[0] == made[1]


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_markup_in_a_name_is_letters(tmp_path: Path, lang: str) -> None:
    pages = pages_of(set_pdf(hostile(MARKUP), lang), tmp_path)
    assert squeezed(MARKUP) in "".join(pages)


def test_what_the_font_lacks_stands_as_its_code_point_and_the_first_page_says_so(
    tmp_path: Path,
) -> None:
    first, *rest = pages_of(set_pdf(hostile(RARE)), tmp_path)
    text = first + "".join(rest)
    for code in ("20BB7", "05D0", "0627", "0301", "1F600", "FE0F", "10FFFD", "0B9A"):
        assert f"[U+{code}]" in text
    assert r"\u202e\u200f\x1b[2J\n" in text
    assert "本文件字体所缺的字符以其码位代替" in first
    assert "码位" not in "".join(pages_of(set_pdf(hostile("01.mp4")), tmp_path))


def test_a_huge_name_stays_on_the_paper_and_the_first_page_a_page(tmp_path: Path) -> None:
    _, second, *rest = pages_of(set_pdf(hostile(LONG)), tmp_path)
    assert second.startswith("按条文对照")
    assert LONG in without_footers(rest)


def test_whatever_our_font_has_is_set(tmp_path: Path) -> None:
    every = "".join(sorted(characters()))
    assert pages_of(set_pdf(report_of(Finding("item", Outcome.FAILED, "x", every))), tmp_path)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_our_own_words_need_no_code_points(lang: str) -> None:
    choose([f"--lang={lang}"], {})
    report = hostile("01.mp4")
    page = first_page(report)
    words = [*detail_lines(report, "", frozenset()), *map(pick, page.proved + page.not_proved)]
    assert not set("".join(words)) - characters()


def test_a_thousand_failures_are_all_told(tmp_path: Path) -> None:
    findings = [Finding("item", Outcome.FAILED, f"data/items/{n:04}.mp4", "x") for n in range(1000)]
    pages = pages_of(set_pdf(report_of(*findings)), tmp_path)
    assert "".join(pages).count("data/items/") >= 1000


# --- refusals --------------------------------------------------------------------------------


def test_without_the_extra_it_says_how_to_install_it_before_anything_is_read(
    run: Run, worked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    where = ("--trust", worked / "trust", "--lang", "en")
    ended = run("verify", worked / "packet", *where, "--pdf", tmp_path / "a.pdf")
    assert (ended.code, ended.out) == (4, "")
    assert "tiezheng[notary]" in ended.err
    assert not (tmp_path / "a.pdf").exists()


def test_it_never_takes_the_place_of_what_is_checked_or_of_the_html(
    run: Run, worked: Path, tmp_path: Path
) -> None:
    trust = ("--trust", worked / "trust")
    both = ("--html", tmp_path / "a")
    for file in (worked / "packet/bagit.txt", worked / "trust/a.pdf", tmp_path / "a"):
        before = file.read_bytes() if file.is_file() else b""
        ended = run("verify", worked / "packet", *trust, *both, "--pdf", file)
        assert (ended.code, ended.out) == (2, "")
        assert (file.read_bytes() if file.is_file() else b"") == before


def test_a_failed_packet_has_its_pdf_too(run: Run, worked: Path, tmp_path: Path) -> None:
    (worked / "packet/data/items/01.mp4").write_bytes(b"other")
    trust = ("--trust", worked / "trust", "--lang", "en")
    ended = run("verify", worked / "packet", *trust, "--pdf", tmp_path / "a.pdf")
    assert ended.code == 1
    assert pages_of((tmp_path / "a.pdf").read_bytes(), tmp_path)[0].startswith("Verdict:FAILED")


def test_a_report_that_names_no_policy_has_its_pdf_too(tmp_path: Path) -> None:
    report = report_of(Finding("container", Outcome.FAILED, "packet", "x"))
    bare = replace(report, facts=Facts(trust="cd" * 32, at=AT))
    assert "(couldnotberead)" in pages_of(set_pdf(bare, "en"), tmp_path)[0]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_report_that_no_machine_could_set_ends_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lang: str
) -> None:
    """Failures are never cut, and a packet may name 300,000 things that are not there."""
    monkeypatch.setattr("cli.verdict_pdf.MAX_LINES", 60)
    bad = [Finding("complete", Outcome.FAILED, f"2026-{n}", "x") for n in range(100)]
    report = report_of(*bad)
    more = len(detail_lines(report, "", frozenset())) - 60
    told = without_footers(pages_of(set_pdf(report, lang), tmp_path))
    end = f"另有{more}行，本文件不再列出" if lang == "zh" else f"and{more}linesmore,which"
    assert end in told
    assert "2026-99" not in told
    assert end not in without_footers(pages_of(set_pdf(report_of(), lang), tmp_path))
