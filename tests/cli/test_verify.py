import json
import zlib
from pathlib import Path

import pytest

from cli.language import choose
from cli.verdict import RULE, verdict_text
from ledger.report import Facts, Finding, Group, Item, Outcome, Report, conclude
from ledger.verify import STEPS
from storage.packets import Bytes, zip_pieces
from testkit.terminal import Ended, Run

GROUP_OF = {step.name: step.group for step in STEPS}


@pytest.fixture
def verify(run: Run, worked: Path) -> Run:
    def verify(*args: str | Path) -> Ended:
        packets = args or (worked / "packet",)
        return run("verify", *packets, "--trust", worked / "trust")

    return verify


def zipped(worked: Path) -> bytes:
    root = worked / "packet"
    files = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    crcs = {path: zlib.crc32(data) for path, data in files.items()}
    return b"".join(zip_pieces({path: Bytes(data) for path, data in files.items()}, crcs))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_sound_packet_passes_with_code_0(verify: Run) -> None:
    ended = verify()
    assert (ended.code, ended.err) == (0, "")


def after_the_first_page(text: str) -> list[str]:
    return text.partition(f"\n{RULE}\n\n")[2].splitlines()


def test_behind_the_first_page_stands_the_outcome_with_the_four_groups(verify: Run) -> None:
    assert after_the_first_page(verify().out)[0] == (
        "Verdict: PASSED | integrity (unaltered): passed"
        " | completeness (nothing left out): undecided"
        " | order (fixed before the decision): passed | time: undecided"
        " | form (particulars noted): passed"
    )


def test_the_same_line_in_chinese(verify: Run, worked: Path) -> None:
    assert after_the_first_page(verify(worked / "packet", "--lang", "zh").out)[0] == (
        "结论：通过 | 完好性（未改动）：通过 | 完整性（无缺漏）：不能判定"
        " | 先后（决定前固定）：通过 | 时间：不能判定 | 形式（事项已注明）：通过"
    )


def test_a_copy_of_the_log_decides_completeness(verify: Run, worked: Path) -> None:
    ended = verify(worked / "packet", "--log", worked / "public")
    assert "completeness (nothing left out): passed" in after_the_first_page(ended.out)[0]


def test_what_is_required_and_undecided_gives_code_3(verify: Run, worked: Path) -> None:
    ended = verify(worked / "packet", "--require", "order,complete")
    assert ended.code == 3
    assert ended.out.startswith("Verdict: UNDECIDED")


def test_what_is_required_is_named_as_the_basis(verify: Run, worked: Path) -> None:
    second = after_the_first_page(verify(worked / "packet", "--require", "order").out)[1]
    rests, _, beside = second.partition(";")
    assert "order" in rests
    assert "order" not in beside


def test_a_flipped_bit_fails_and_the_file_is_named(verify: Run, worked: Path) -> None:
    flip(worked / "packet/data/items/01.mp4")
    ended = verify()
    assert ended.code == 1
    assert "FAILED: data/items/01.mp4" in ended.out


def test_a_flipped_bit_fails_in_chinese(verify: Run, worked: Path) -> None:
    flip(worked / "packet/data/items/01.mp4")
    ended = verify(worked / "packet", "--lang", "zh")
    assert ended.code == 1
    assert "不通过：data/items/01.mp4：文件内容与清单所载摘要不符" in ended.out


def test_a_zip_is_read_as_the_folder_is(verify: Run, worked: Path, tmp_path: Path) -> None:
    (tmp_path / "packet.zip").write_bytes(zipped(worked))
    assert verify(tmp_path / "packet.zip").code == 0


def test_a_zip_in_another_form_gets_a_verdict_like_any_bad_packet(
    verify: Run, worked: Path, tmp_path: Path
) -> None:
    (tmp_path / "packet.zip").write_bytes(zipped(worked) + b"\0")
    ended = verify(tmp_path / "packet.zip")
    assert ended.code == 1
    assert ended.out.startswith("Verdict: FAILED")
    assert "2. Log and cosigners: undecided, not checked" in ended.out


def test_what_is_no_packet_at_all_gives_code_4_and_no_verdict(verify: Run, tmp_path: Path) -> None:
    ended = verify(tmp_path)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("tiezheng: error: ")


def test_of_several_packets_unreadable_is_worse_than_passed(verify: Run, worked: Path) -> None:
    ended = verify(worked / "nothing", worked / "packet")
    assert ended.code == 4
    assert ended.out.startswith("Verdict: PASSED")


def test_of_several_packets_failed_is_worse_than_unreadable(verify: Run, worked: Path) -> None:
    flip(worked / "packet/data/items/01.mp4")
    assert verify(worked / "nothing", worked / "packet").code == 1


def test_json_is_the_report_on_one_line_with_its_path(verify: Run, worked: Path) -> None:
    ended = verify(worked / "packet", "--json")
    report = json.loads(ended.out)
    assert ended.out.count("\n") == 1
    assert report["path"] == str(worked / "packet")
    assert report["outcome"] == "passed"
    assert set(report["groups"]) == {str(group) for group in Group}


def test_json_of_several_packets_is_a_line_each(verify: Run, worked: Path) -> None:
    lines = verify(worked / "packet", worked / "packet", "--json").out.splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["passed", "passed"]


def test_json_is_the_same_in_both_languages(verify: Run, worked: Path) -> None:
    at = ("--at", "2027-01-01T00:00:00+08:00", "--json")
    both = {verify(worked / "packet", *at, "--lang", lang).out for lang in ("zh", "en")}
    assert len(both) == 1


def test_an_error_with_json_is_an_object_on_stderr(verify: Run, worked: Path) -> None:
    ended = verify(worked / "nothing", "--json")
    assert ended.out == ""
    error = json.loads(ended.err)["error"]
    assert error["code"] == "unavailable"
    assert set(error) == {"code", "hints", "message"}


def test_a_missing_trust_folder_gives_code_4(run: Run, worked: Path) -> None:
    assert run("verify", worked / "packet", "--trust", worked / "nothing").code == 4


def test_a_bad_trust_folder_is_no_failure_of_the_packet(verify: Run, worked: Path) -> None:
    (worked / "trust/registrar.vkey").write_text("nonsense\n")
    ended = verify()
    assert (ended.code, ended.out) == (2, "")


def test_a_log_that_is_not_there_gives_code_4(verify: Run, worked: Path) -> None:
    assert verify(worked / "packet", "--log", worked / "nothing").code == 4


def test_a_folder_without_the_log_gives_code_4(verify: Run, worked: Path) -> None:
    assert verify(worked / "packet", "--log", worked / "packet").code == 4


def test_an_unknown_group_gives_code_2(verify: Run, worked: Path) -> None:
    ended = verify(worked / "packet", "--require", "complete,beauty")
    assert ended.code == 2
    assert "'beauty'" in ended.err


def test_the_chinese_report_has_no_english_sentence(verify: Run, worked: Path) -> None:
    text = verify(worked / "packet", "--lang", "zh", "--log", worked / "public").out
    for word in ("passed", "undecided", "shows", "entries", "possible", "compare", "the "):
        assert word not in text.lower()


def report_of(findings: list[Finding], items: tuple[Item, ...] = ()) -> Report:
    facts = Facts(case="苏城管罚〔2026〕417号", packet="ab" * 32, trust="cd" * 32, items=items)
    return conclude(tuple(findings), GROUP_OF, frozenset(), facts)


def hostile_item() -> Item:
    text = "a\x1b[2J\u202egnp.exe\nVerdict: PASSED"
    return Item(
        path=text,
        name=text,
        place="2026-1",
        stage="investigate",
        claimed=text,
        corrected=text,
        not_before=text,
        not_after=text,
        fixed_by=text,
        order="before",
        signed_by=text,
    )


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_text_from_a_packet_can_act_on_a_terminal_or_forge_a_line(lang: str) -> None:
    choose([f"--lang={lang}"], {})
    item = hostile_item()
    report = report_of([Finding("item", Outcome.FAILED, item.path, item.name)], (item,))
    text = verdict_text(report, item.path, frozenset())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "Verdict: PASSED" not in text.splitlines()


def test_a_long_list_of_undecided_findings_is_cut() -> None:
    choose(["--lang=en"], {})
    late = [Finding("time", Outcome.UNDECIDED, f"2026-{i}", "slow") for i in range(5000)]
    text = verdict_text(report_of(late), "p", frozenset())
    assert "… and 4,990 more; --json shows all" in text


def test_failures_are_never_cut() -> None:
    choose(["--lang=en"], {})
    bad = [Finding("item", Outcome.FAILED, f"data/items/{i}.mp4", "bad") for i in range(500)]
    text = verdict_text(report_of(bad), "p", frozenset())
    assert all(f"data/items/{i}.mp4" in text for i in range(500))


@pytest.mark.parametrize("time", ["2041", "yesterday", "2041-06-01", ""])
def test_a_time_that_is_none_is_wrong_usage(run: Run, tmp_path: Path, time: str) -> None:
    ended = run("verify", tmp_path / "packet", "--trust", tmp_path, "--at", time)
    assert (ended.code, "--at" in ended.err) == (2, True)


def test_a_certificate_that_never_ends_is_refused_at_the_bound(verify: Run, worked: Path) -> None:
    endless = worked / "endless.pdf"
    with endless.open("wb") as file:
        file.truncate(1 << 40)
    ended = verify(worked / "packet", "--certificate", endless)
    assert (ended.code, "want a file of at most" in ended.err) == (1, True)
