"""Completeness on the word of a mirror: what an operator, a stranger or a mirror may try."""

import random
from dataclasses import replace

import pytest

from cli.wording import in_chinese
from ledger.evidence.absence import Absence, Found
from ledger.evidence.entry import Entry
from ledger.evidence.packet import SeriesFile
from ledger.evidence.series import LOOKAHEAD
from ledger.report import Finding, Group, Outcome
from testkit.case import CASE, Built, make_case
from testkit.keys import open_series
from testkit.mirrors import MIRROR, OTHER_MIRROR, add_statements, look, trust_mirrors

NAME = f"2026/case/{CASE}"
AHEAD = 64


@pytest.fixture(autouse=True)
def short_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look 65,536 numbers ahead takes a fifth of a second a series: a slow test does."""
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", AHEAD)


def make() -> Built:
    return trust_mirrors(make_case().build(), MIRROR)


def complete(built: Built, *, log: bool = False) -> tuple[Outcome, list[Finding]]:
    report = built.verify(log=log, require=frozenset())
    findings = [f for f in report.findings if f.step == "complete"]
    for finding in findings:
        if finding.outcome is not Outcome.FAILED or "says" in finding.detail:
            assert in_chinese(finding.detail) is not None, finding.detail
    return report.groups[Group.COMPLETE], findings


@pytest.mark.parametrize("ahead", [AHEAD, pytest.param(LOOKAHEAD, marks=pytest.mark.slow)])
def test_statements_of_a_trusted_mirror_show_completeness_without_the_log(
    monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", ahead)
    outcome, (finding,) = complete(add_statements(make()))
    assert outcome is Outcome.PASSED
    assert finding.detail.startswith("on the word of mirror.archive.example, as of ")


def test_without_a_statement_it_stays_undecided() -> None:
    assert complete(make())[0] is Outcome.UNDECIDED


def test_one_series_without_a_statement_leaves_it_undecided() -> None:
    built = add_statements(make(), alter=lambda f, a: None if f.name == NAME else a)
    outcome, findings = complete(built)
    assert outcome is Outcome.UNDECIDED
    assert findings[0].detail.startswith("of 1 of ")


def test_a_mirror_that_is_not_trusted_is_not_counted_and_does_no_harm() -> None:
    stranger = add_statements(make(), OTHER_MIRROR)
    assert complete(stranger)[0] is Outcome.UNDECIDED
    assert complete(add_statements(stranger))[0] is Outcome.PASSED


def test_two_mirrors_may_share_the_series_between_them() -> None:
    built = trust_mirrors(make_case().build(), MIRROR, OTHER_MIRROR)
    add_statements(built, MIRROR, lambda f, a: a if f.name == NAME else None)
    add_statements(built, OTHER_MIRROR, lambda f, a: None if f.name == NAME else a)
    outcome, (finding,) = complete(built)
    assert outcome is Outcome.PASSED
    assert "mirror.archive.example, mirror.court.example" in finding.detail


def hidden() -> Built:
    """The operator logged four statements of the case and shows three, as if N were 3."""
    case = make_case()
    case.draft("correction").packed = False
    return trust_mirrors(case.build(), MIRROR)


def test_a_statement_that_is_left_out_is_found_by_the_mirror() -> None:
    outcome, findings = complete(add_statements(hidden()))
    assert outcome is Outcome.FAILED
    assert any("which is not shown" in f.detail and f.about == NAME for f in findings)


def test_a_question_that_leaves_a_number_out_answers_for_nothing() -> None:
    """The operator asks for every tag but that of the statement which he hides."""

    def ask_less(file: SeriesFile, absence: Absence) -> Absence:
        n = len(file.places) + 1
        tags = list(open_series(file.name).tags(1, n + AHEAD - 1))
        return look(entries, absence.checkpoint.origin, tags[: n - 1] + tags[n:])

    built = hidden()
    entries = [row.entry for row in built.rows]
    assert complete(add_statements(built, alter=ask_less))[0] is Outcome.UNDECIDED


def test_a_statement_about_an_older_tree_is_not_counted() -> None:
    built = make()
    older = [row.entry for row in built.rows][:-1]
    assert complete(add_statements(built, entries=older))[0] is Outcome.UNDECIDED


def test_a_mirror_that_holds_another_tree_of_that_size_is_a_failure() -> None:
    built = make()
    entries = [row.entry for row in built.rows]
    entries[-1] = replace(Entry.from_bytes(entries[-1]), commitment=bytes(32)).to_bytes()
    outcome, findings = complete(add_statements(built, entries=entries))
    assert outcome is Outcome.FAILED
    assert "two histories" in findings[0].detail


@pytest.mark.parametrize(
    "alter",
    [
        lambda a: replace(a, found=a.found[1:]),
        lambda a: replace(a, found=tuple(sorted((*a.found, Found(0, b"x" * 16))))),
        lambda a: replace(a, found=tuple(sorted((*a.found, Found(0, a.found[0].tag))))),
    ],
    ids=["one is missing", "one was not asked for", "one stands twice"],
)
def test_a_wrong_statement_fails_whoever_made_it(alter: object) -> None:
    built = add_statements(make(), alter=lambda f, a: alter(a) if f.name == NAME else a)  # type: ignore[operator]
    assert complete(built)[0] is Outcome.FAILED
    # With a copy of the log as well: then the log decides, and the mirror was wrong.
    assert complete(built, log=True)[0] is Outcome.FAILED


def test_a_mirror_that_contradicts_another_is_a_failure() -> None:
    built = trust_mirrors(make_case().build(), MIRROR, OTHER_MIRROR)
    add_statements(built)
    add_statements(built, OTHER_MIRROR, lambda f, a: replace(a, found=()) if a.found else a)
    assert complete(built)[0] is Outcome.FAILED


def test_a_checkpoint_without_a_quorum_is_not_complete_whatever_mirrors_say() -> None:
    case = make_case()
    case.cosign = lambda size, at: []
    assert complete(add_statements(trust_mirrors(case.build(), MIRROR)))[0] is Outcome.UNDECIDED


def test_bytes_that_are_no_statement_are_a_failure() -> None:
    built = add_statements(make())
    built.files["data/absence/01.dsse.json"] += b"\n"
    assert complete(built)[0] is Outcome.FAILED


def test_no_bit_of_a_statement_may_change_though_the_manifests_are_made_anew() -> None:
    built = add_statements(make())
    path = "data/absence/03.dsse.json"
    data = built.files[path]
    draw = random.Random(33)
    for _ in range(60):
        bit = draw.randrange(8 * len(data))
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        built.files[path] = bytes(flipped)
        assert complete(built)[0] is not Outcome.PASSED, bit


def test_the_key_with_which_a_mirror_cosigns_is_refused_in_the_trust_folder() -> None:
    built = make()
    built.trust_files["mirrors"] = f"{built.case.cosigners[0][1].verifier.to_text()}\n".encode()
    with pytest.raises(Exception, match=r"not a key for statements"):
        built.trust  # noqa: B018
