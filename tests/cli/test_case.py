"""`tiezheng case`: acts filed over HTTP to a real server, and conclusions that are refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.evidence.chunks import digest_item
from ledger.process.gated import Closed, Gated
from testkit.server import AGENCY, CASE, HANDLER, STATION, Ledger, open_ledger, serving
from testkit.terminal import Ended, Run

OCCURRED = "2026-11-23T15:00:00+08:00"


class Desk:
    """A handler at his desk, with his key and a folder of documents."""

    def __init__(self, ledger: Ledger, address: str, folder: Path, run: Run) -> None:
        self.ledger, self.folder, self.run = ledger, folder, run
        key = folder / "handler.key"
        key.write_text(HANDLER.to_text() + "\n")
        self.server = ("--server", address)
        self.usual = (
            *("--case", CASE, "--procedure", "ordinary", "--occurred", OCCURRED),
            *("--key", key, *self.server, "--trust", ledger.folder / "trust"),
        )

    def write(self, name: str, text: str = "") -> Path:
        path = self.folder / name
        path.write_text(text or f"{name}\n")
        return path

    def case(self, name: str, *args: str | Path) -> Ended:
        return self.run("case", name, *args, *self.usual)

    def act(self, name: str, stage: str, *args: str | Path) -> Ended:
        document = self.write(f"{name}.txt")
        return self.case("act", "--act", name, "--stage", stage, "--doc", document, *args)


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[Desk]:
    with (
        open_ledger(tmp_path / "ledger") as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
    ):
        yield Desk(ledger, address, tmp_path, run)


def test_an_act_is_logged_with_crew_facts_and_time_codes(desk: Desk) -> None:
    recording = desk.write("BWC_0088.MP4", "frames")
    ended = desk.act(
        *("site_inspection", "investigate"),
        *("--officer", "320501-0417", "--officer", "320501-0418", "--auxiliary", "F-07"),
        *("--fact", "reason=一=二", "--note", "备注"),
        *("--timecode", f"{recording}@01:01.5-01:15=show_id"),
        *("--until", "2026-11-23T15:20:00+08:00"),
    )
    assert ended.code == 0, ended.err
    (said,) = desk.ledger.said("act")
    del said["id"]
    said.pop("after", None)
    assert said == {
        "act": "site_inspection",
        "agency": AGENCY,
        "auxiliaries": ["F-07"],
        "case": CASE,
        "facts": {"reason": "一=二"},
        "note": "备注",
        "occurred": {"from": OCCURRED, "to": "2026-11-23T15:20:00+08:00"},
        "officers": ["320501-0417", "320501-0418"],
        "procedure": "ordinary",
        "stage": "investigate",
        "timecodes": [
            {
                "at_ms": "61500",
                "item": digest_item(b"frames").sha256.hex(),
                "shows": "show_id",
                "until_ms": "75000",
            }
        ],
    }


def test_an_act_may_be_about_an_earlier_statement(desk: Desk) -> None:
    row = json.loads(desk.act("site_inspection", "investigate", "--json").out)["statements"][0]
    ended = desk.case("act", "--act", "legal_review", "--stage", "review", "--about", row["id"])
    assert ended.code == 0, ended.err
    assert [said["act"] for said in desk.ledger.said("act")] == ["site_inspection", "legal_review"]


def test_a_conclusion_of_an_agency_without_packs_is_logged(desk: Desk) -> None:
    for name, act in (
        ("decide", "penalty_decision"),
        ("serve-document", "service"),
        ("close", "case_closing"),
    ):
        ended = desk.case(name, "--act", act, "--doc", desk.write(f"{act}.pdf"))
        assert ended.code == 0, ended.err
    stages = [said["stage"] for said in desk.ledger.said("act")]
    assert stages == ["decide", "serve", "enforce"]


@pytest.fixture
def shut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The gate of the ledger is shut, whatever it is asked."""
    found = {
        "rule": "review_passed",
        "name": "法制审核意见书",
        "name_en": "Legal review opinion",
        "level": "serious",
        "kind": "missing",
        "source": "处罚法",
        "article": "58",
        "cure": "补作法制审核",
        "cure_en": "Have it reviewed",
    }

    class Shut:
        def check(self, statement: object, below: int) -> None:
            raise Gated("shut", Closed.RECORDS, [found])

    monkeypatch.setattr(desk.ledger.services.log, "_gate", Shut())
    return desk


@pytest.mark.parametrize(
    ("lang", "lines"),
    [
        ("en", ["Legal review opinion: missing", "by 处罚法 58", "cure: Have it reviewed"]),
        ("zh", ["严重  法制审核意见书：缺少", "依据：处罚法 58", "补正：补作法制审核"]),
    ],
)
def test_a_refused_decision_is_a_page_and_its_document_stays_here(
    shut: Desk, lang: str, lines: list[str]
) -> None:
    before = shut.ledger.services.log.size
    document = shut.write("决定书.pdf")
    ended = shut.case("decide", "--act", "penalty_decision", "--doc", document, "--lang", lang)
    assert ended.code == 1
    for line in lines:
        assert line in ended.out
    assert shut.ledger.services.log.size == before
    digest = digest_item(document.read_bytes())
    assert shut.ledger.services.store.find_items([(digest, AGENCY)]) == [None]


def test_a_refused_decision_as_json_names_the_rules(shut: Desk) -> None:
    ended = shut.case("decide", "--act", "x_decision", "--doc", shut.write("a"), "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["found"][0]["article"] == "58"
    assert json.loads(ended.err)["error"]["code"] == "gated"


@pytest.mark.parametrize(
    "args",
    [
        ("--timecode", "a.mp4"),
        ("--timecode", "a.mp4@01:61=show_id"),
        ("--timecode", "ab" * 32 + "@01:00-00:59=show_id"),
        ("--timecode", "ab" * 32 + "@01:00=Show"),
        ("--fact", "reason"),
        ("--fact", "=x"),
        ("--fact", "a=1", "--fact", "a=2"),
        ("--about", "x", *["--about", "y"] * 8),
    ],
)
def test_what_is_typed_wrong_is_a_fault_of_usage(desk: Desk, args: tuple[str, ...]) -> None:
    ended = desk.act("site_inspection", "investigate", *args)
    assert ended.code == 2, ended.err
    assert desk.ledger.said("act") == []


@pytest.mark.parametrize(
    "args",
    [
        ("--occurred", "yesterday"),
        ("--until", "2026-11-23T14:59:59+08:00"),
        ("--fact", "Reason=x"),
        ("--officer", "a", "--officer", "a"),
        ("--about", "x"),
        ("--about", "019ab0c4-0000-7000-8000-000000000000"),
        ("--timecode", "nowhere.mp4@01:00=show_id"),
        ("--provisional", "x"),
    ],
)
def test_what_the_format_refuses_is_refused_before_anything_is_logged(
    desk: Desk, args: tuple[str, ...]
) -> None:
    act = ("case", "act", "--act", "a", "--stage", "start", "--doc", desk.write("a.txt"))
    ended = desk.run(*act, *desk.usual, *args)
    assert ended.code in (1, 4), ended.err
    assert "tiezheng: error: " in ended.err
    assert desk.ledger.said("act") == []


def test_an_act_needs_a_case_and_something_that_it_is_about(desk: Desk, run: Run) -> None:
    rest = ("--act", "a", "--stage", "start", "--procedure", "p", "--occurred", OCCURRED)
    keys = ("--key", desk.folder / "handler.key", *desk.server)
    assert (
        "want --case or --provisional"
        in run(*("case", "act", *rest, *keys, "--doc", desk.write("a"))).err
    )
    assert "want 1 to 8" in run("case", "act", *rest, *keys, "--case", CASE).err


def test_a_station_may_not_say_an_act(desk: Desk) -> None:
    (desk.folder / "handler.key").write_text(STATION.to_text() + "\n")
    ended = desk.act("site_inspection", "investigate")
    assert ended.code == 1 and "may not make a statement of kind act" in ended.err
