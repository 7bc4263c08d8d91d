"""The paper that a party takes home: what it speaks of, and that it answers later."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.language import choose
from cli.station.paper import page, terminal
from cli.station.party import party_receipts
from ledger.errors import Rejected, Unknown
from ledger.evidence.party_receipt import MAX_RECORDINGS, PartyReceipt, answer
from ledger.evidence.session import Manifest
from ledger.suite import digest
from testkit.server import STATION
from testkit.station import Desk, shift, unique
from testkit.terminal import Ended, Run

CASE = "苏城管罚〔2026〕417号"
DEVICE = "BWC-310"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    choose([], {})
    yield
    choose([], {})


def docked(office: Desk, *names: str, case: str = CASE) -> dict[str, bytes]:
    """A shift with these recordings, read to its end; minutes lie between them."""
    root = office.card()
    office.check_out(root, case=case)
    office.engine.step()
    away = office.pull(root)
    office.engine.step()
    said = {}
    for name in names:
        office.rest(600)
        said[name] = unique(name)
        office.record(away, f"DCIM/{name}", said[name])
        office.record(away, f"DCIM/{name.replace('.MP4', '.GPS')}", unique("gps"))
    office.plug(away)
    office.settle()
    return said


def papers(
    office: Desk, case: str = "", begins_ms: int | None = None, ends_ms: int | None = None
) -> list[PartyReceipt]:
    return party_receipts(office.station, DEVICE, case, begins_ms, ends_ms)


def test_a_paper_finds_its_recordings_in_what_was_logged(office: Desk) -> None:
    docked(office, "BWC_0001.MP4", "BWC_0002.MP4")
    (paper,) = papers(office, CASE)
    paper.check_signature(STATION.verifier)
    found = answer(paper, office.logged())
    assert found.fits
    assert sorted(found.present) == ["BWC_0001.MP4", "BWC_0002.MP4"]
    assert found.missing == 0


def test_a_paper_names_the_session_and_the_manifest_that_were_logged(office: Desk) -> None:
    docked(office, "BWC_0001.MP4")
    (paper,) = papers(office)
    (dock,) = [row for row in office.station.store.statements() if row.kind == "dock"]
    assert (paper.session, paper.manifest) == (dock.id, digest(dock.manifest))
    listed = [file.path for file in Manifest.from_bytes(dock.manifest).files]
    assert "DCIM/BWC_0001.MP4" in listed


def test_without_a_line_there_is_a_paper_all_the_same(office: Desk) -> None:
    office.line.cut = True
    docked(office, "BWC_0001.MP4")
    (paper,) = papers(office)
    assert answer(paper, office.logged()).missing == 1
    office.line.cut = False
    office.settle()
    assert answer(paper, office.logged()).present == ("BWC_0001.MP4",)


def test_recordings_of_another_time_are_on_no_paper(office: Desk) -> None:
    docked(office, "BWC_0001.MP4", "BWC_0002.MP4", "BWC_0003.MP4")
    (whole,) = papers(office)
    middle_ms = (whole.begins_s + whole.ends_s) * 500
    (paper,) = papers(office, "", middle_ms - 60_000, middle_ms + 60_000)
    assert answer(paper, office.logged()).present == ("BWC_0002.MP4",)
    assert whole.begins_s < paper.begins_s <= paper.ends_s < whole.ends_s
    with pytest.raises(Unknown):
        papers(office, "", whole.ends_s * 1000 + 60_000, None)


def test_more_recordings_than_a_code_holds_are_on_several_papers(office: Desk) -> None:
    names = [f"BWC_{n:04}.MP4" for n in range(1, MAX_RECORDINGS + 3)]
    docked(office, *names)
    said = office.logged()
    made = papers(office)
    assert [len(paper.recordings) for paper in made] == [MAX_RECORDINGS, 2]
    assert sorted(name for paper in made for name in answer(paper, said).present) == names


def test_what_came_with_a_later_dock_has_a_paper_of_its_own(office: Desk) -> None:
    docked(office, "BWC_0001.MP4")
    office.record(office.card(), "DCIM/BWC_0002.MP4", unique("late"))
    office.settle()
    docks = [row.id for row in office.station.store.statements() if row.kind == "dock"]
    assert [paper.session for paper in papers(office)] == docks
    assert len(docks) == 2


def test_a_paper_under_another_case_would_fit_nothing_and_is_refused(office: Desk) -> None:
    docked(office, "BWC_0001.MP4")
    with pytest.raises(Rejected, match="not under"):
        papers(office, "苏城管罚〔2026〕1号")


def test_a_session_without_a_case_stands_under_its_provisional_one(office: Desk) -> None:
    docked(office, "BWC_0001.MP4", case="")
    (paper,) = papers(office)
    assert answer(paper, office.logged()).present == ("BWC_0001.MP4",)
    with pytest.raises(Rejected, match="not under"):
        papers(office, CASE)


def test_a_device_that_is_out_or_unknown_has_no_paper(office: Desk) -> None:
    with pytest.raises(Unknown, match="has been docked"):
        papers(office)
    shift(office)
    with pytest.raises(Unknown, match="has been docked"):
        papers(office)


# --- the page --------------------------------------------------------------------------------


def test_the_page_is_in_both_languages_and_names_no_party_case_or_device(office: Desk) -> None:
    said = docked(office, "BWC_0001.MP4")
    (paper,) = papers(office)
    text = page(paper, STATION.verifier.keyid)
    words = " ".join(ElementTree.fromstring(text).itertext())
    assert "当事人回执" in words and "Receipt for the party" in words
    assert STATION.verifier.keyid in words
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d – ", words)
    for secret in (CASE, "417", DEVICE, "BWC_0001", digest(said["BWC_0001.MP4"]).hex()):
        assert secret not in text


def test_the_code_on_the_terminal_has_a_row_for_each_two_of_its_modules(office: Desk) -> None:
    docked(office, "BWC_0001.MP4")
    (paper,) = papers(office)
    rows = terminal(paper).split("\n")
    assert set("".join(rows)) == set("█▀▄ ")
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == (len(rows[0]) + 1) // 2


# --- the command -----------------------------------------------------------------------------


def ask(run: Run, office: Desk, *more: str | Path) -> Ended:
    return run("station", "receipt", office.station.folder.root, DEVICE, *more)


def test_the_text_on_the_terminal_is_the_receipt(office: Desk, run: Run) -> None:
    docked(office, "BWC_0001.MP4")
    ended = ask(run, office, "--case", CASE)
    assert ended.code == 0, ended.err
    *_, text = ended.out.split()
    assert answer(PartyReceipt.from_text(text), office.logged()).present == ("BWC_0001.MP4",)
    assert "recordings: 1" in ended.out
    assert "录像数：1" in ask(run, office, "--lang", "zh").out


@pytest.mark.parametrize(
    ("name", "begins"), [("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.txt", b"TZ1.")]
)
def test_a_paper_is_written_in_each_form(office: Desk, run: Run, name: str, begins: bytes) -> None:
    docked(office, "BWC_0001.MP4")
    ended = ask(run, office, "-o", office.folder / name)
    assert ended.code == 0, ended.err
    assert (office.folder / name).read_bytes().startswith(begins)


def test_several_papers_are_numbered(office: Desk, run: Run) -> None:
    docked(office, *[f"BWC_{n:04}.MP4" for n in range(1, MAX_RECORDINGS + 2)])
    ended = ask(run, office, "-o", office.folder / "a.txt", "--json")
    rows = json.loads(ended.out)["receipts"]
    assert [Path(row["file"]).name for row in rows] == ["a-1.txt", "a-2.txt"]
    for row in rows:
        assert Path(row["file"]).read_text() == row["text"] + "\n"


def test_a_file_of_another_kind_is_refused_before_anything_is_signed(
    office: Desk, run: Run
) -> None:
    ended = ask(run, office, "-o", "paper.docx")
    assert ended.code == 1
    assert ".svg, .png, .txt" in ended.err
