"""Every sentence of a finding has its Chinese."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.explain.words import KINDS, LABELS
from cli.language import choose
from cli.wording import detail_in, detail_words, in_chinese
from ledger.evidence.statement import FIELDS
from ledger.report import Outcome

ROOT = Path(__file__).parents[2]
SOURCES = [
    *(ROOT / "ledger" / name for name in ("audit.py", "verify.py")),
    *sorted((ROOT / "ledger/verdict").glob("*.py")),
]
SAMPLES = {
    "reason": "minor",
    "rest": "; of its other moments: a.mp4 (not in the packet), and 3 more",
    "again": "; it is not shown, and was made again from them: its digests are those fixed",
    "put": "and in 2 places is put in “某”",
    "fields": "method, maker",
    "found": "before",
    "order": "after",
    "others": "No other recording of that moment is stated in this packet",
    "parts": "; 2 clips here are of it, without 0:00:01.000 to 0:00:02.000, and 3 more",
    "lacking": "; its sound is left out",
    "what": "entries",
    "counts": "counts for nothing",
    "seen": "seen by no quorum",
    "seen_telling": "seen at 2026-11-26T08:00:00Z",
}


def sentences(tree: ast.Module) -> Iterator[ast.expr]:
    """What may become a finding's detail: the fourth argument, and where that comes from."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("Finding"), args=[_, _, _, detail]):
                yield detail
            case ast.Assign(targets=[ast.Name("detail" | "known")], value=value):
                yield value
            case ast.Call(func=ast.Attribute(attr="append"), args=[ast.Tuple([_, detail])]):
                yield detail
            case ast.FunctionDef(returns=ast.Name("str")):
                yield from (
                    n.value for n in ast.walk(node) if isinstance(n, ast.Return) and n.value
                )


def spelled(expression: ast.expr) -> Iterator[str]:
    match expression:
        case ast.Constant(str(text)) if text:
            yield text
        case ast.JoinedStr(parts):
            yield "".join(sample(part) for part in parts)
        case ast.IfExp(body=body, orelse=orelse):
            yield from spelled(body)
            yield from spelled(orelse)


def sample(part: ast.expr) -> str:
    match part:
        case ast.Constant(text):
            return str(text)
        case ast.FormattedValue(ast.Name(name)):
            return SAMPLES.get(name, "7")
        case _:
            return "7"


def all_sentences() -> list[str]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES]
    found = {text for tree in trees for part in sentences(tree) for text in spelled(part)}
    return sorted(found)


@pytest.mark.parametrize("detail", all_sentences())
def test_a_detail_has_its_chinese(detail: str) -> None:
    assert in_chinese(detail) is not None


def test_the_sources_do_hold_details() -> None:
    assert len(all_sentences()) > 30


def test_an_error_keeps_its_english_behind_a_chinese_sentence() -> None:
    choose(["--lang=zh"], {})
    text = detail_words("item", Outcome.FAILED, "want x, got y")
    assert text == "证据原件与固定的摘要不符（want x, got y）"


def test_an_escape_sequence_in_a_detail_does_not_reach_the_terminal() -> None:
    for lang in ("zh", "en"):
        choose([f"--lang={lang}"], {})
        text = detail_words("complete", Outcome.UNDECIDED, "a\x1b[2J\n\u202eb is not in the packet")
        assert not {"\x1b", "\n", "\u202e"} & set(text)


def test_every_field_of_a_statement_has_a_label() -> None:
    assert FIELDS.keys() <= LABELS.keys()


def test_every_kind_is_explained_in_both_languages() -> None:
    for what, not_proved, _ in KINDS.values():
        assert what.keys() == not_proved.keys() == {"en", "zh"}


def refusals() -> list[str]:
    """What the steps of a verdict refuse with, in words of their own."""
    found = set()
    for path in sorted((ROOT / "ledger/verdict").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Rejected"), args=[detail]):
                    found |= set(spelled(detail))
    return sorted(found - OTHERS)


# An entry's or an error's own words behind a place, and what only a renewal says.
OTHERS = {"entry 7: 7", "7: 7"}


@pytest.mark.parametrize("detail", refusals())
def test_a_refusal_of_a_step_has_its_chinese(detail: str) -> None:
    choose(["--lang=zh"], {})
    named = detail.replace("7 lists other", "data/packet.json lists other")
    assert named not in detail_words("item", Outcome.FAILED, named)


def test_a_detail_in_one_language_is_the_same_whichever_is_asked_for() -> None:
    late = "late witnessed: 7300 s after the ledger says it accepted it"
    both = []
    for lang in ("zh", "en"):
        choose([f"--lang={lang}"], {})
        both.append(detail_in("time", late))
    assert both[0] == both[1]
    assert "小时" in both[0]["zh"]
