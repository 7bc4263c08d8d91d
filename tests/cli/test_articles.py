"""Which article is answered here follows from the findings; nothing is more than they show."""

from pathlib import Path

import pytest

from cli.articles import (
    ARTICLES,
    STATUSES,
    STATUTES,
    Answered,
    Article,
    Status,
    article_lines,
    status,
)
from cli.folding import COLUMNS, columns
from cli.language import choose
from ledger.report import Facts, Finding, Outcome, Report, conclude
from ledger.verify import STEPS
from testkit.terminal import Run

GROUP_OF = {step.name: step.group for step in STEPS}
SOME = {"clip": "0 clips", "certificate": "0 certificates", "item": "2 items"}
LATER = "after decision 2026-3 dated 2026-11-24: by its own label it supports no decision"
REQUIRED = [
    ("online", ("16", "17(1)", "17(2)", "17(3)", "17(4)", "18")),
    ("signature", ("5(1)", "5(2)", "6(2)", "6(3)", "7", "8(1)", "8(2)", "8(3)", "8(4)")),
    ("administrative", ("12", "40", "57", "60", "63", "71")),
]


def report_with(**outcomes: tuple[Outcome, str]) -> Report:
    """Every step passed, but those named."""
    findings = []
    for step in STEPS:
        outcome, detail = outcomes.get(step.name, (Outcome.PASSED, SOME.get(step.name, "")))
        findings.append(Finding(step.name, outcome, "packet", detail))
    return conclude(tuple(findings), GROUP_OF, frozenset(), Facts())


def row(statute: str, article: str) -> Article:
    return next(a for a in ARTICLES if (a.statute, a.article) == (statute, article))


@pytest.mark.parametrize(("statute", "articles"), REQUIRED)
def test_every_article_that_was_asked_for_has_a_row(statute: str, articles: tuple[str]) -> None:
    assert {a.article for a in ARTICLES if a.statute == statute} == set(articles)


@pytest.mark.parametrize("article", ARTICLES)
def test_a_row_is_whole(article: Article) -> None:
    assert set(article.steps) <= GROUP_OF.keys()
    assert article.statute in STATUTES
    assert article.asks.keys() == {"en", "zh"}
    assert (article.answered is Answered.ATTACHMENT) == (article.attachments is not None)
    assert bool(article.steps) or article.answered is not Answered.HERE


HERE = [a for a in ARTICLES if a.answered is Answered.HERE]
BY_STEP = [(a, step) for a in HERE for step in a.steps]


@pytest.mark.parametrize(("article", "step"), BY_STEP)
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNDECIDED])
def test_a_step_that_did_not_pass_proves_no_article(
    article: Article, step: str, outcome: Outcome
) -> None:
    assert status(article, report_with(**{step: (outcome, "x")})) is Status.NOT_PROVED


@pytest.mark.parametrize("article", HERE)
def test_without_integrity_no_article_is_proved(article: Article) -> None:
    assert status(article, report_with(series=(Outcome.UNDECIDED, "x"))) is Status.NOT_PROVED


@pytest.mark.parametrize("article", [a for a in HERE if "certificate" not in a.steps])
def test_what_passed_proves_its_articles(article: Article) -> None:
    assert status(article, report_with()) is Status.PROVED


def test_no_certificate_is_no_notarised_evidence() -> None:
    notarised = row("administrative", "63")
    revoked = "certificate 7 was revoked, and is not presented"
    issued = "certificate 7 of office, issued by notary"
    assert status(notarised, report_with()) is Status.NOT_PROVED
    assert status(notarised, report_with(certificate=(Outcome.PASSED, revoked))) is (
        Status.NOT_PROVED
    )
    assert status(notarised, report_with(certificate=(Outcome.PASSED, issued))) is Status.PROVED


def test_a_clip_proves_its_part_and_no_file_proves_nothing() -> None:
    unaltered = row("online", "16")
    none = (Outcome.PASSED, "0 items")
    assert status(unaltered, report_with(item=none)) is Status.NOT_PROVED
    part = report_with(item=none, clip=(Outcome.PASSED, "3.0 % of a.mp4: 1 runs of its chunks."))
    assert status(unaltered, part) is Status.PART


def test_what_came_after_the_decision_is_not_before_it_by_its_own_label() -> None:
    collected = row("administrative", "60")
    assert status(collected, report_with(fence=(Outcome.PASSED, LATER))) is Status.NOT_PROVED


def test_an_attachment_and_the_truth_before_are_never_proved_here() -> None:
    assert status(row("online", "18"), report_with()) is Status.ATTACHMENT
    assert status(row("administrative", "57"), report_with()) is Status.NOT_PROVED


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_lines_fit_and_mark_what_is_from_memory(lang: str) -> None:
    choose([f"--lang={lang}"], {})
    lines = list(article_lines(report_with()))
    assert max(map(columns, lines)) <= COLUMNS
    marked = [line for line in lines if "17(1)*" in line or "第17条第（一）项*" in line]
    assert len(marked) == 1
    assert STATUSES.keys() == set(Status)


def test_they_are_printed_on_request(run: Run, worked: Path) -> None:
    plain = ("verify", worked / "packet", "--trust", worked / "trust", "--lang", "zh")
    assert "按条文对照" not in run(*plain).out
    text = run(*plain, "--articles").out
    assert "第16条 经技术核验一致，上链后未经篡改：在此证明（步骤 1、2" in text
