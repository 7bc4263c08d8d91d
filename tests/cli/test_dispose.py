"""`tiezheng complain`, `lift` and `dispose`: by persons with their keys, against a real server."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.evidence.envelope import Envelope
from testkit.disposals import (
    PACK,
    RECORDING,
    SECOND,
    act,
    close_case,
    disposal,
    disposed,
    file,
    found,
    hold,
    needles,
    object_of,
    opened,
)
from testkit.gating import published
from testkit.server import CASE, HANDLER, OTHER_CASE, Ledger, serving
from testkit.terminal import Ended, Run

LAW = ("--basis", "机关档案管理规定 33", "--reason", "保管期限届满")
SEEN = ("--from", "2026-11-23T13:00:00+08:00", "--to", "2026-11-23T15:00:00+08:00")

FUTURE = ("--from", "2999-11-23T13:00:00+08:00", "--to", "2999-11-23T15:00:00+08:00")


@dataclass
class Office:
    ledger: Ledger
    folder: Path
    server: tuple[str, ...]
    run: Run

    def key(self, person: str) -> Path:
        return self.folder / f"{person}.key"

    def due(self, *args: str | Path) -> Ended:
        return self.run("dispose", "due", self.ledger.folder, *args)

    def sign(self, path: Path, person: str, *args: str) -> Ended:
        return self.run("dispose", "sign", path, "--key", self.key(person), *args)

    def complain(self, *args: str | Path) -> Ended:
        return self.run("complain", "--key", self.key("first"), *args, *self.server)

    def lift(self, *args: str) -> Ended:
        return self.run("lift", *args, "--key", self.key("first"), *self.server)


@pytest.fixture
def office(tmp_path: Path, run: Run) -> Iterator[Office]:
    with (
        opened(tmp_path / "ledger") as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
    ):
        trust = ("--trust", str(ledger.folder / "trust"))
        made = Office(ledger, tmp_path, ("--server", address, *trust), run)
        for person, key in (("first", HANDLER), ("second", SECOND)):
            made.key(person).write_text(key.to_text() + "\n")
        yield made


def drafts(office: Office) -> list[Path]:
    return sorted((office.folder / "drafts").glob("*.disposal.json"))


def test_two_persons_sign_a_draft_and_it_is_destroyed(office: Office) -> None:
    gone = file(office.ledger)
    file(office.ledger, b"of an open case", case=OTHER_CASE)
    close_case(office.ledger)
    wanted = needles(office.ledger, RECORDING, gone)
    listed = office.due("--lang", "en")
    assert listed.code == 0, listed.err
    assert listed.out.startswith(f"{CASE}  agency-01  soon  kept until ")
    assert listed.out.endswith("2 statements\n") and len(listed.out.splitlines()) == 1
    row = json.loads(office.due("--out", office.folder / "drafts", *LAW, "--json").out)["cases"][0]
    (draft,) = drafts(office)
    assert (row["drafts"], row["statements"]) == (draft.name, "2")
    first = office.sign(draft, "first", "--json")
    assert first.code == 0, first.err
    signed = Path(json.loads(first.out)["file"])
    again = office.sign(signed, "first")
    assert again.code == 1 and "has signed it already" in again.err
    alone = office.run("dispose", "file", signed, *office.server)
    assert alone.code == 1 and "want 2 persons" in alone.err
    assert office.sign(signed, "second").code == 0
    assert len(Envelope.from_bytes(signed.read_bytes()).signatures) == 2
    done = office.run("dispose", "file", signed, *office.server)
    assert done.code == 0, done.err
    disposed(office.ledger)
    # The drafts name what went, by its id and commitment, and hold none of it.
    assert found(office.folder, wanted) == []
    assert office.due().out == ""
    assert office.run("dispose", "file", signed, *office.server).code == 0  # the same answer
    receipt = office.run("receipt", gone["id"], *office.server)
    assert receipt.code in (0, 3) and "has destroyed the statement" in receipt.err


def test_what_is_held_is_not_due_and_a_signed_draft_is_refused(office: Office) -> None:
    file(office.ledger)
    close_case(office.ledger)
    office.due("--out", office.folder / "drafts", *LAW)
    (draft,) = drafts(office)
    office.sign(draft, "first")
    signed = draft.with_name(draft.name + ".dsse.json")
    office.sign(signed, "second")
    office.run("hold", office.ledger.folder, CASE, "--reason", "行政复议")
    assert office.due().out == ""
    refused = office.run("dispose", "file", signed, *office.server)
    assert refused.code == 1 and "under a legal hold: 行政复议" in refused.err
    chinese = office.run("dispose", "file", signed, *office.server, "--lang", "zh")
    assert "已被保全：行政复议" in chinese.err
    office.ledger.services.keeping.hold()
    lifted = office.lift(CASE, "--reason", "复议已终结")
    assert lifted.code == 0, lifted.err
    assert office.run("dispose", "file", signed, *office.server).code == 0
    disposed(office.ledger)


def test_a_complaint_with_its_letter_holds_and_is_lifted_by_its_number(office: Office) -> None:
    answer = file(office.ledger)
    letter = office.folder / "来信.txt"
    letter.write_text("投诉信\n")
    ended = office.complain(
        "--place", "观前街", *SEEN, "--letter", letter, "--by", "张某", "--case", CASE, "--json"
    )
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert said["held"] == "1"
    (logged,) = office.ledger.said("complaint")
    assert (logged["place"], logged["by"], logged["id"]) == ("观前街", "张某", said["id"])
    item = object_of(office.ledger, RECORDING)
    assert item in office.ledger.services.vault.places.held_items()
    listed = office.run("hold", office.ledger.folder, "--list").out
    (placed,) = office.ledger.said("hold")
    assert listed == f"statement/{answer['id']}  complaint {said['id']}  {placed['id']}\n"
    alone = office.lift(answer["id"], "--reason", "查实无关", "--lang", "zh")
    assert alone.code == 1 and "须写明该投诉或该保全的编号" in alone.err
    assert placed["id"] in alone.err
    office.ledger.services.keeping.hold()
    assert item in office.ledger.services.vault.places.held_items()
    assert office.lift(answer["id"], "--reason", "查实无关", "--complaint", said["id"]).code == 0
    office.ledger.services.keeping.hold()
    assert item not in office.ledger.services.vault.places.held_items()


def test_a_recording_whose_time_was_corrected_is_found_by_the_right_one(office: Office) -> None:
    wrong = {"from": "2026-03-01T10:00:00+08:00", "to": "2026-03-01T10:10:00+08:00"}
    answer = file(office.ledger, occurred=wrong)
    office.ledger.await_quorum()
    usual = ("--case", CASE, "--key", office.key("first"), "--reason", "时钟误差", *office.server)
    turned = office.run("correct", answer["id"], *usual, "--recorded", SEEN[3], SEEN[1])
    assert turned.code == 2 and office.ledger.said("correction") == []
    done = office.run("correct", answer["id"], *usual, "--recorded", SEEN[1], SEEN[3])
    assert done.code == 0, done.err
    said = office.complain("--place", "观前街", *SEEN, "--text", "x", "--json")
    assert json.loads(said.out)["held"] == "1"


def test_which_of_two_holds_is_lifted_is_asked_in_the_readers_language(office: Office) -> None:
    file(office.ledger)
    first, second = office.ledger.accept(hold(CASE), hold(CASE, by=SECOND, reason="行政诉讼"))
    refused = office.lift(CASE, "--reason", "复议已终结", "--lang", "zh")
    assert refused.code == 1 and f"{CASE} 有 2 项保全" in refused.err
    assert f"{second['id']}：行政诉讼" in refused.err
    office.ledger.await_quorum()
    assert office.lift(first["id"], "--reason", "复议已终结").code == 0
    assert [held.id for held in office.ledger.services.log.holds.all()] == [second["id"]]
    again = office.lift(first["id"], "--reason", "复议已终结", "--lang", "zh")
    assert again.code == 1 and f"{first['id']} 没有保全，无从解除" in again.err


def test_a_complaint_by_word_of_mouth(office: Office) -> None:
    ended = office.complain(
        "--place", "观前街", *SEEN, "--text", "执法人员态度粗暴", "--lang", "zh"
    )
    assert ended.code == 0 and "已保全 0 份陈述" in ended.out
    (logged,) = office.ledger.said("complaint")
    assert logged["note"] == "执法人员态度粗暴"
    assert "请核对日期和时间" in ended.err


def test_the_likely_recordings_are_told_first_and_all_are_held(office: Office) -> None:
    same = {"device": "BWC-7", "file": "1.MP4"}
    other = file(office.ledger, b"another crew's")
    placed = file(office.ledger, b"there", note="观前街 12 号")
    named = file(office.ledger, b"by that recorder", **same)
    asked = ("--place", "观前街", *SEEN, "--text", "x", "--device", "BWC-7", "--officer", "F-1")
    ended = office.complain(*asked, "--lang", "en")
    assert ended.code == 0, ended.err
    _, *likely = ended.out.splitlines()
    assert likely == [
        f"  {named['id']}  likely: the same device",
        f"  {placed['id']}  likely: the same place",
    ]
    (logged,) = office.ledger.said("complaint")
    assert (logged["devices"], logged["officers"]) == (["BWC-7"], ["F-1"])
    said = json.loads(office.complain(*asked, "--json").out)
    assert (said["held"], said["likely"]) == ("3", [named["id"], placed["id"]])
    assert other["id"] not in said["likely"]


@pytest.mark.parametrize(
    "args",
    [
        ("complain", "--place", "x", *SEEN),
        ("complain", "--place", "x", *SEEN, "--text", "x", "--letter", "x"),
        ("complain", "--place", "two\nlines", *SEEN, "--text", "x"),
        ("complain", "--place", "x", *SEEN, "--text", ""),
        ("complain", "--place", "x", *SEEN, "--text", " \n"),
        ("complain", "--place", "x", *FUTURE, "--text", "x"),
    ],
)
def test_a_complaint_wants_a_letter_or_a_text_and_a_time(
    office: Office, args: tuple[str, ...]
) -> None:
    assert office.run(*args, "--key", office.key("first"), *office.server).code == 2
    assert office.ledger.said("complaint") == []


def test_a_complaint_that_says_nothing_is_not_logged(office: Office) -> None:
    empty = office.folder / "empty.txt"
    empty.write_bytes(b"")
    ended = office.complain("--place", "x", *SEEN, "--letter", empty)
    assert ended.code != 0 and "got an empty file" in ended.err
    turned = ("--from", SEEN[3], "--to", SEEN[1])
    ended = office.complain("--place", "x", *turned, "--text", "x")
    assert ended.code != 0 and "want from before to" in ended.err
    assert office.ledger.said("complaint") == []


def test_a_draft_wants_its_law_and_its_reason(office: Office) -> None:
    assert office.due("--out", office.folder / "drafts").code == 2


def test_that_nothing_is_due_is_said(office: Office) -> None:
    ended = office.due()
    assert ended.code == 0 and not ended.out and "no closed case is over its time" in ended.err


def test_only_a_disposal_is_signed(office: Office) -> None:
    other = office.folder / "other.dsse.json"
    other.write_bytes(office.ledger.evidence(b"evidence"))
    ended = office.sign(other, "first")
    assert ended.code == 1 and "want the draft of a disposal" in ended.err


# --- told beside the gaps ----------------------------------------------------------------------


def gaps(office: Office, *args: str | Path) -> Ended:
    (office.folder / "token").write_text(office.ledger.token("supervisor") + "\n")
    token = ("--token-file", office.folder / "token")
    return office.run("case", "gaps", CASE, *office.server[:2], *token, *args)


@pytest.fixture
def judged(office: Office) -> Office:
    """A case under a rule pack, of which one act is destroyed that the pack wants."""
    office.ledger.accept(published(PACK, subject="ordinary"))
    (filing,) = office.ledger.accept(
        act(office.ledger, "case_filing", stage="start", procedure="ordinary")
    )
    closing = act(office.ledger, procedure="ordinary")
    office.ledger.accept(closing)
    office.ledger.await_quorum()
    before = json.loads(gaps(office, "--json").out)
    assert before["destroyed"] == []
    assert "missing" not in {row["kind"] for row in before["gaps"]}
    office.ledger.accept(disposal(filing))
    disposed(office.ledger)
    return office


def test_what_was_destroyed_is_told_beside_the_gaps_and_excuses_none(judged: Office) -> None:
    told = json.loads(gaps(judged, "--json").out)
    assert ("filing", "missing") in {(row["rule"], row["kind"]) for row in told["gaps"]}
    (row,) = told["destroyed"]
    (said,) = judged.ledger.said("disposal")
    assert (row["id"], row["statements"], row["retention"]) == (said["id"], "1", "soon")
    assert len(set(row["by"])) == 2
    english = gaps(judged, "--lang", "en").out
    assert f"Destroyed by the disposal {row['entry']}, logged {row['at']}, by " in english
    assert ": 1 of the statements of this case." in english
    assert " and ".join(row["by"]) in english and "that excuses no gap" in english
    assert english.index("1 serious") < english.index("Destroyed by the disposal")
    chinese = gaps(judged, "--lang", "zh").out
    assert f"本案 1 份陈述已由销毁记录 {row['entry']}" in chinese
    assert "缺项不因此免除" in chinese


def test_beside_the_clocks_too_which_one_of_them_may_have_met(judged: Office) -> None:
    gaps(judged)  # writes the token
    token = ("--token-file", judged.folder / "token")
    shown = judged.run("case", "clocks", CASE, *judged.server[:2], *token, "--lang", "en")
    assert shown.code == 0 and "Destroyed by the disposal" in shown.out
    assert "excuses no gap" not in shown.out


def test_a_packet_alone_tells_it_too(judged: Office) -> None:
    told = json.loads(gaps(judged, "--json").out)
    judged.ledger.await_quorum()
    path = judged.folder / "packet.zip"
    token = ("--token-file", judged.folder / "token")
    server = judged.server[:2]
    fetched = judged.run("packet", CASE, "-o", path, *server, *token, "--incomplete")
    assert fetched.code == 0, fetched.err
    trust = ("--trust", judged.ledger.folder / "trust")
    counted = judged.run("case", "gaps", "--packet", path, *trust, "--json")
    assert counted.code == 0, counted.err
    both = ("case", "destroyed", "gaps", "packs")
    assert json.loads(counted.out) == {field: told[field] for field in both}
    assert (
        "缺项不因此免除" in judged.run("case", "gaps", "--packet", path, *trust, "--lang", "zh").out
    )
