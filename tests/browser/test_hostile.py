"""The page against who wants it to say something of another packet than the one that it judged."""

import shutil
from pathlib import Path

from testkit.chromium import Chromium


def give(chromium: Chromium, worked: Path) -> None:
    chromium.give("packet", worked / "packet")
    chromium.give("trust", worked / "trust")


# --- the verdict is about what is given -------------------------------------------------------

# Workers that say nothing by themselves: the test says what each has found, and when.
HELD_WORKERS = """
window.held = [];
window.Worker = class extends EventTarget {
  constructor() { super(); held.push(this); setTimeout(() => this.tell({ kind: "ready" })); }
  postMessage(task) { this.task = task; }
  tell(data) { if (!this.ended) this.dispatchEvent(new MessageEvent("message", { data })); }
  terminate() { this.ended = true; }
};
0
"""


def test_nothing_is_exchanged_while_it_is_judged(chromium: Chromium, worked: Path) -> None:
    other = Path(shutil.copytree(worked / "packet", worked / "other"))
    chromium.evaluate(HELD_WORKERS)
    give(chromium, worked)
    chromium.ask("click", at="#check")
    assert chromium.evaluate("document.getElementById('packet-folder').matches(':disabled')")
    for given in (other, other / "bagit.txt"):
        chromium.drop(given)
        chromium.ask("wait", **{"for": f"#trouble:has-text('{given.name}')"})
        assert chromium.text("#trouble").startswith("A check is running.")
    assert chromium.texts("#got-packet") == ["packet/ (34 files)"]
    assert chromium.evaluate("held.length") == 1
    chromium.ask("click", at="#stop")
    assert chromium.evaluate("held[0].ended")
    assert chromium.text("#trouble") == "Stopped. Nothing was judged."
    assert chromium.evaluate("document.activeElement.id") == "trouble"


def test_what_else_decides_takes_back_a_verdict_without_it(
    chromium: Chromium, worked: Path
) -> None:
    give(chromium, worked)
    assert chromium.check() == "✓ Verdict: PASSED"
    chromium.ask("click", at="#require-complete")
    assert not chromium.count("#outcome")
    assert chromium.evaluate("document.activeElement.id") == "require-complete"


def test_a_time_that_is_none_leaves_no_verdict_of_another_time(
    chromium: Chromium, worked: Path
) -> None:
    give(chromium, worked)
    chromium.check()
    chromium.ask("fill", at="#at", text="tomorrow")
    chromium.ask("click", at="#check")
    chromium.ask("wait", **{"for": "#trouble"})
    assert not chromium.count("#outcome")
