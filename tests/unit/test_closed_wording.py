"""Each reason for which a conclusion is refused has its heading and hint in both languages."""

import pytest

from cli import output
from cli.closed_wording import HINTS_IN_CHINESE, WHY
from cli.language import speaking
from ledger.process.judging.gated import HINTS, Closed, Gated

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def as_text() -> None:
    """Whatever ran before in this process may have asked for JSON."""
    output.run([], lambda: None)


@pytest.mark.parametrize("reason", Closed)
def test_each_reason_has_a_heading_and_a_hint_of_its_own(reason: Closed, capsys: Capture) -> None:
    with speaking("zh"):
        output.refusal(Gated("told in English", reason))
    said = capsys.readouterr().err
    assert said == (
        f"tiezheng: 错误：{WHY[reason]['zh']}（told in English）\n"
        f"tiezheng: 提示：{HINTS_IN_CHINESE[HINTS[reason]]}\n"
    )
    with speaking("en"):
        output.refusal(Gated("told in English", reason))
    assert HINTS[reason] in capsys.readouterr().err


def test_no_two_reasons_are_told_alike() -> None:
    assert HINTS.keys() == WHY.keys() == set(Closed)
    assert len(set(HINTS.values())) == len(set(HINTS_IN_CHINESE.values())) == len(Closed)
    # Whatever shuts it: evidence is never refused.
    assert all("evidence, which is never refused" in hint for hint in HINTS.values())
    assert all("证据一律接收" in hint for hint in HINTS_IN_CHINESE.values())
