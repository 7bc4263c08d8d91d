"""`tiezheng case`: acts filed over HTTP to a real server, and conclusions that are refused."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from cli.rules.shipped import shipped
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import Role
from ledger.process.judging.gated import Closed, Gated
from ledger.process.rules.rulepack import RulePack
from ledger.suite import digest
from testkit.case import uuid7
from testkit.gating import SMALL, Handlers, entry, numbers, published
from testkit.keys import key
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_AGENCY,
    STATION,
    Ledger,
    open_ledger,
    register,
    serving,
)
from testkit.terminal import Ended, Run

SESSION = uuid7(77)
OCCURRED = "2026-11-23T15:00:00+08:00"


class Desk:
    """A handler at his desk, with his key and a folder of documents."""

    def __init__(self, ledger: Ledger, address: str, folder: Path, run: Run) -> None:
        self.ledger, self.folder, self.run = ledger, folder, run
        key = folder / "handler.key"
        key.write_text(HANDLER.to_text() + "\n")
        self.server = ("--server", address)
        self.usual: tuple[str | Path, ...] = (
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
    assert "is case_filing (Case filing approval) meant?" in desk.act("case_fileing", "start").err
    said, _ = desk.ledger.said("act")
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


@pytest.mark.parametrize("colon", [":", "：", ": "])
def test_a_time_code_says_in_words_what_is_seen_there(desk: Desk, colon: str) -> None:
    """As where a recording stands in for a written record: without words it is none."""
    recording = desk.write("BWC_0088.MP4", "frames")
    code = f"{recording}@01:01=hear_party{colon}当事人称：已转让"
    ended = desk.act("site_record", "investigate", "--timecode", code)
    assert ended.code == 0, ended.err
    ((row,),) = [said["timecodes"] for said in desk.ledger.said("act")]
    assert (row["shows"], row["note"]) == ("hear_party", "当事人称：已转让")


def test_an_act_may_be_about_an_earlier_statement(desk: Desk) -> None:
    row = json.loads(desk.act("site_inspection", "investigate", "--json").out)["statements"][0]
    desk.ledger.await_quorum()
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
        # That no gate knows it is said: its proof of service is called service_return.
        assert ("'service' is no conclusion" in ended.err) == (act == "service")
    stages = [said["stage"] for said in desk.ledger.said("act")]
    assert stages == ["decide", "serve", "enforce"]


@pytest.mark.parametrize(
    ("command", "act"),
    [("close", "case_closed"), ("serve-document", "served"), ("decide", "hearing_minutes")],
)
def test_a_conclusion_that_no_gate_knows_is_refused_where_there_are_packs(
    desk: Desk, command: str, act: str
) -> None:
    desk.ledger.accept(published(shipped()["ordinary"], subject="ordinary"))
    ended = desk.case(command, "--act", act, "--doc", desk.write("a.pdf"), "--lang", "zh")
    assert ended.code == 1 and "规则包中没有此项结论" in ended.out, ended
    assert desk.ledger.said("act") == []
    # As an act it is logged: it concludes nothing.
    assert desk.act(act, "enforce").code == 0


def test_what_is_served_on_the_spot_needs_no_gate(desk: Desk) -> None:
    desk.ledger.accept(published(shipped()["summary"], subject="summary"))
    # The last of an option counts.
    served = desk.run(
        *("case", "serve-document", "--act", "service_return", "--doc", desk.write("a.pdf")),
        *(*desk.usual, "--procedure", "summary"),
    )
    assert served.code == 0, served.err


def test_the_acts_of_the_examples_are_those_of_the_packs() -> None:
    page = (Path(__file__).parents[2] / "docs/formats/cli.md").read_text()
    examples = re.findall(r"--act (\w+) --procedure (\w+)", page)
    assert len(examples) > 3
    for act, procedure in examples:
        assert act in {one.id for one in RulePack.from_text(shipped()[procedure]).acts}, act


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
    hint = "never refused" if lang == "en" else "提示：文书本身可作为证据提交"
    assert hint in ended.err and (lang == "en" or "never refused" not in ended.err), ended.err
    assert shut.ledger.services.log.size == before
    item = digest_item(document.read_bytes())
    assert shut.ledger.services.store.find_items([(item, AGENCY)]) == [None]


def test_deposited_as_an_act_it_is_refused_in_the_same_words(shut: Desk) -> None:
    """The older command files acts too."""
    key = ("--key", shut.folder / "handler.key", *shut.server, "--case", CASE, "--lang", "zh")
    ended = shut.run("deposit", shut.write("a.pdf"), "--act", "penalty_decision", *key)
    assert ended.code == 1 and "错误：未予登记：缺少须在先的记录（a.pdf" in ended.err, ended.err


@pytest.mark.parametrize("address", ["ledger.example", "http://", "", "http://苏"])
def test_an_address_that_is_none_is_no_fault_of_the_program(desk: Desk, address: str) -> None:
    desk.usual = (*desk.usual, "--server", address)
    ended = desk.case("decide", "--act", "x_decision", "--doc", desk.write("a.pdf"))
    assert ended.code == 1 and "want an address such as https://" in ended.err, ended.err


def test_a_refused_decision_as_json_names_the_rules(shut: Desk) -> None:
    ended = shut.case("decide", "--act", "x_decision", "--doc", shut.write("a"), "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["found"][0]["article"] == "58"
    assert json.loads(ended.err)["error"]["code"] == "gated"


@pytest.mark.parametrize(
    "args",
    [
        ("--timecode", "a.mp4"),
        ("--timecode", "ab" * 32 + "@01:00=show_id:"),
        ("--timecode", "ab" * 32 + "@01:00=show_id:" + "字" * 5000),
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


# --- how it stands -----------------------------------------------------------------------------


@pytest.fixture
def reader(desk: Desk) -> Desk:
    """With a pack in force, a review that did not pass, and a token."""
    Handlers(desk.ledger).publish()
    desk.ledger.accept(Handlers(desk.ledger).act("legal_review", facts={"result": "fail"}))
    (desk.folder / "token").write_text(desk.ledger.token("supervisor") + "\n")
    return desk


def ask(desk: Desk, what: str, *args: str, case: str = CASE) -> Ended:
    token = ("--token-file", desk.folder / "token")
    return desk.run("case", what, case, *desk.server, *token, *args)


def test_gaps_are_told_by_stage_with_article_and_cure(reader: Desk) -> None:
    ended = ask(reader, "gaps", "--lang", "zh")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0] == f"小程序  small 2026.1  SHA-256 {digest(SMALL.encode()).hex()}"
    at = lines.index("启动")
    assert lines[at + 1 : at + 4] == [
        "  严重  立案审批表：缺少",
        "    依据：处罚法 54",
        "    补正：补办立案手续",
    ]
    assert "审核" in lines and "法制审核通过" in ended.out
    assert lines[-1].startswith("严重 ")
    english = ask(reader, "gaps").out
    assert "Initiation\n  serious  Case filing approval: missing\n    by 处罚法 54" in english


def test_gaps_as_json_are_the_ledgers_answer(reader: Desk) -> None:
    answer = json.loads(ask(reader, "gaps", "--json").out)
    assert {row["rule"] for row in answer["gaps"]} >= {"filing", "review_passed"}


def test_clocks_are_told_most_urgent_first(reader: Desk) -> None:
    reader.ledger.accept(Handlers(reader.ledger).act("case_filing"))
    ended = ask(reader, "clocks")
    assert ended.code == 0, ended.err
    (line,) = [line for line in ended.out.splitlines() if "Time for the decision" in line]
    assert line.startswith("running  Time for the decision  until ")
    assert line.endswith("(weekends alone counted)  [中华人民共和国行政处罚法 60]")
    states = [line.split("  ")[0] for line in ended.out.splitlines()[1:]]
    assert states.index("running") < states.index("not started")


def test_a_case_that_no_pack_judges_is_not_called_whole(desk: Desk) -> None:
    (desk.folder / "token").write_text(desk.ledger.token("supervisor") + "\n")
    desk.ledger.accept(desk.ledger.evidence(b"x"))
    assert "no rule pack judges this case" in ask(desk, "gaps").err


@pytest.mark.parametrize("what", ["gaps", "clocks"])
def test_a_case_that_is_not_there_is_said_plainly(desk: Desk, what: str) -> None:
    (desk.folder / "token").write_text(desk.ledger.token("supervisor") + "\n")
    assert ask(desk, what).code == 1
    assert ask(desk, what, case="x").code == 1


# --- counted again, offline --------------------------------------------------------------------


def packet(desk: Desk) -> Path:
    desk.ledger.await_quorum()
    path = desk.folder / "packet.zip"
    token = ("--token-file", desk.folder / "token")
    fetched = desk.run("packet", CASE, "-o", path, *desk.server, *token, "--incomplete")
    assert fetched.code == 0, fetched.err
    return path


def offline(desk: Desk, path: Path) -> Ended:
    trust = desk.ledger.folder / "trust"
    return desk.run("case", "gaps", "--packet", path, "--trust", trust, "--json")


def test_the_packet_alone_gives_the_same_gaps(reader: Desk) -> None:
    told = json.loads(ask(reader, "gaps", "--json").out)
    counted = json.loads(offline(reader, packet(reader)).out)
    assert counted["packs"] and counted["gaps"]
    assert counted == {field: told[field] for field in ("case", "destroyed", "gaps", "packs")}


def test_days_off_that_were_registered_last_count_in_the_packet_too(reader: Desk) -> None:
    """Seven working days, but for one of them that is off."""
    desk = Handlers(reader.ledger)
    desk.publish(shipped()["hearing"], subject="hearing")
    for act, day in (("hearing_notice", "2026-11-09"), ("hearing", "2026-11-18")):
        moment = f"{day}T10:00:00+08:00"
        filed = desk.act(act, occurred={"from": moment, "to": moment}, procedure="hearing")
        reader.ledger.accept(filed)
    assert "hearing_notice_ahead" not in ask(reader, "gaps", "--json").out
    days = 'off = ["2026-11-13"]'
    reader.ledger.accept(published(days, register="holiday_calendar", subject="2026"))
    told = json.loads(ask(reader, "gaps", "--json").out)["gaps"]
    assert "hearing_notice_ahead" in [gap["rule"] for gap in told]
    assert json.loads(offline(reader, packet(reader)).out)["gaps"] == told


def test_a_hole_is_closed_at_the_desk_and_the_packet_shows_it_closed(reader: Desk) -> None:
    Handlers(reader.ledger).publish(shipped()["ordinary"], subject="ordinary")
    assert reader.act("case_filing", "start").code == 0
    for n, (begins, ends) in enumerate((("00", "03"), ("10", "30"))):
        span = {"from": f"2026-11-23T15:{begins}:00+08:00", "to": f"2026-11-23T15:{ends}:00+08:00"}
        said = {"device": "BWC-310", "file": f"{n}.MP4", "occurred": span, "session": SESSION}
        reader.ledger.accept(reader.ledger.evidence(f"film {n}".encode(), **said))
    before = ask(reader, "gaps").out
    assert "BWC-310 recorded nothing for 7 minutes" in before
    assert "2 recordings of BWC-310" in before and "recording_explanation" in before
    who = ("--fact", "reason=battery", "--fact", "device=BWC-310", "--officer", "320501-0417")
    until = ("--until", "2026-11-23T15:30:00+08:00")
    assert reader.act("recording_explanation", "investigate", *who, *until).code == 0
    assert "BWC-310" not in ask(reader, "gaps").out
    rules = [row["rule"] for row in json.loads(offline(reader, packet(reader)).out)["gaps"]]
    assert rules and not {"hole", "late_upload", "late_reason"} & set(rules)


def test_it_shows_a_decision_that_the_operator_let_pass(reader: Desk) -> None:
    """He runs the log, and can leave its gate out."""
    reader.ledger.services.log._gate = None
    reader.ledger.accept(Handlers(reader.ledger).act("case_filing"))
    assert reader.act("penalty_decision", "decide", "--procedure", "small").code == 0
    reader.ledger.accept(Handlers(reader.ledger).act("penalty_decision"))
    found = json.loads(offline(reader, packet(reader)).out)["gaps"]
    assert ("review_passed", "defect") in {(row["rule"], row["kind"]) for row in found}


def test_a_registered_officer_is_one_in_the_packet_too(reader: Desk) -> None:
    people = {"certified": "yes", "established": "yes", "in_post": "yes", "person": "王某"}
    reader.ledger.accept(entry("officer", "320501-0417", facts=people))
    named = Handlers(reader.ledger).act("case_filing", officers=["320501-0417"])
    reader.ledger.accept(named)
    path = packet(reader)
    verified = reader.run("verify", path, "--trust", reader.ledger.folder / "trust", "--json")
    assert "officer/320501-0417" in str(zip_names(path)), verified.out
    told = json.loads(ask(reader, "gaps", "--json").out)["gaps"]
    assert json.loads(offline(reader, path).out)["gaps"] == told


def test_whose_case_it_is_the_packet_shows_by_its_registered_spelling(reader: Desk) -> None:
    """Another agency spoke of it first, and its own then had the spelling registered."""
    ledger, case = reader.ledger, "园综执罚〔2026〕3号"
    desk, own = Handlers(ledger), key("handler-01.other.example")
    desk.publish(agency=OTHER_AGENCY)
    for agency, by in (("agency-03", key("handler-01.third.example")), (OTHER_AGENCY, own)):
        ledger.accept(register(by, Role.HANDLER, agency))
        ledger.accept(desk.act("case_filing", case=case, by=by, agency=agency))
    ledger.accept(numbers(OTHER_AGENCY, "园综执罚〔{year}〕{number}号"))
    ledger.await_quorum()
    path = reader.folder / "own.zip"
    token = ("--token-file", reader.folder / "token")
    fetched = reader.run("packet", case, "-o", path, *reader.server, *token, "--incomplete")
    assert fetched.code == 0, fetched.err
    counted = json.loads(offline(reader, path).out)
    assert [pack["pack"] for pack in counted["packs"]] == ["small"]


def zip_names(path: Path) -> list[str]:
    """The names of all series in a packet."""
    with ZipFile(path) as archive:
        series = [name for name in archive.namelist() if "/series/" in name]
        return [json.loads(archive.read(name))["name"] for name in series]


def test_of_a_packet_that_fails_nothing_is_counted(reader: Desk) -> None:
    path = packet(reader)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"penalty", b"pen4lty").replace(b"agency-01", b"agency-0l"))
    ended = offline(reader, path)
    assert ended.code != 0 and ended.out == ""


@pytest.mark.parametrize(
    "args", [(), (CASE,), ("--packet", "p"), (CASE, "--packet", "p", "--trust", "t")]
)
def test_gaps_want_a_ledger_or_a_packet(run: Run, args: tuple[str, ...]) -> None:
    ended = run("case", "gaps", *args)
    assert ended.code == 2 and "or --packet with --trust" in ended.err
