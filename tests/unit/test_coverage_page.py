"""The page of coverage has every clause, stage, clock, register and norm, in both languages.

What there must be stands here, so that no row goes missing with whatever it was drawn from.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("coverage.md", "coverage.zh.md")
WANTED = {
    "clause": (
        *("一(一)", "一(二)", "一(三)", "一(四)", "二(一)", "二(二)", "二(三)", "三(一)", "三(二)"),
        *("三(三) 事前", "三(三) 事中", "三(三) 事后", "三(四)", "三(五)", "三(六)"),
        *("四(一)", "四(二)", "四(三)", "四(四)", "五(一)", "五(二)", "五(三)", "五(四)"),
        *("六(二)", "六(三)", "六(四)"),
    ),
    "stage": (
        *("启动", "调查取证", "审核", "决定", "送达", "执行", "事后"),
        *("录像代替笔录", "录音附文字"),
    ),
    "clock": (
        *("办案期限", "先行登记保存处理", "紧急强制措施补办", "查封扣押", "冻结"),
        "听证申请/通知",
        *("送达期限", "缴纳罚款", "撤回公开", "公示期限", "停止公示", "复议申请", "复议举证"),
        *("诉讼举证", "起诉期限", "处罚时效", "公证书", "年度统计", "案卷评查期限"),
        *("投诉受理/告知", "影响评估保存", "档案移交"),
    ),
    "register": (
        *("reg_agency", "reg_officer", "reg_auxiliary", "list_auxiliary_forbidden"),
        *("reg_service_contract", "list_powers", "list_delegated_powers", "rule_pack"),
        *("list_major_decisions", "reg_legal_reviewer", "list_benchmarks", "list_guidance"),
        *("list_lenient", "case_register", "report_annual", "case_review", "complaint"),
        *("inspection", "platform_js", "公证、区块链"),
    ),
    "norm": (*(f"R-{n:02}" for n in range(1, 16)), *(f"R-{n}" for n in range(31, 36)), "R-43"),
    "feature": ("7", "11", "17", "18", "19", "20", "22", "25"),
}
HEADS = dict(zip(WANTED, ("条款", "阶段", "期限", "登记", "规范", "功能"), strict=True))


def tables(name: str) -> dict[str, list[list[str]]]:
    """By the head of its first column, the cells of each row."""
    found: dict[str, list[list[str]]] = {}
    heads = WANTED if name == PAGES[0] else HEADS.values()
    rows: list[list[str]] = []
    for line in (ROOT / "docs" / name).read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] in heads:
            rows = found.setdefault(cells[0], [])
        elif line.startswith("|") and not line.startswith("|---"):
            rows.append(cells)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_every_row_that_there_must_be_is_there_once_and_in_its_place(name: str) -> None:
    heads = WANTED if name == PAGES[0] else HEADS.values()
    found = {head: tuple(row[0] for row in rows) for head, rows in tables(name).items()}
    assert found == dict(zip(heads, WANTED.values(), strict=True))


@pytest.mark.parametrize("name", PAGES)
def test_a_row_names_tests_that_exist_or_says_what_is_open(name: str) -> None:
    for rows in tables(name).values():
        for id_, does, shown, open_ in rows:
            assert does, id_
            assert shown or open_, id_
            for path in re.findall(r"`([^`]+)`", shown):
                assert (ROOT / path).is_file(), (id_, path)


def test_both_languages_name_the_same_tests_and_leave_the_same_open() -> None:
    ours, theirs = ([row for rows in tables(name).values() for row in rows] for name in PAGES)
    for one, other in zip(ours, theirs, strict=True):
        assert one[2] == other[2] and bool(one[3]) is bool(other[3]), one[0]
